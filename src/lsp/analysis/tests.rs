//! Texts, and what is said about them. The library is a small one of the tests' own.

use super::*;
use crate::lsp::module::Module;

struct Small;

const GUILE: &str = "+ - * = car cdr cons list display apply call-with-values values vector \
     define define* define-values define-syntax define-syntax-rule define-record-type lambda \
     lambda* let let* letrec if cond case when do quote quasiquote set! begin else while \
     let-syntax syntax-rules syntax-case syntax @ @@ case-lambda parameterize and or map eval \
     current-module load use-modules define-module export";

fn names(text: &str) -> Rc<HashSet<Rc<str>>> {
    Rc::new(text.split_whitespace().map(Rc::from).collect())
}

impl Library for Small {
    fn exports(&self, module: &[String]) -> Option<Rc<HashSet<Rc<str>>>> {
        match written(module).as_str() {
            "(guile)" => Some(names(GUILE)),
            "(srfi srfi-1)" => Some(names("fold first")),
            "(ice-9 match)" => Some(names("match match-lambda match-let")),
            "(more)" => Some(names(
                "unknown-form define-thing with-rules receive and-let* cut guard",
            )),
            _ => None,
        }
    }

    fn is_there(&self, module: &[String]) -> bool {
        self.exports(module).is_some()
    }

    fn given(&self, _: bool) -> Rc<HashSet<Rc<str>>> {
        names(GUILE)
    }

    fn nature(&self, _: &[String], name: &str) -> Nature {
        let takes = |required, most| Nature::Procedure(Arity { required, most });
        match name {
            "car" | "cdr" | "first" => takes(1, Some(1)),
            "cons" => takes(2, Some(2)),
            "fold" => takes(3, None),
            "display" => takes(1, Some(2)),
            "unknown-form" | "define-thing" => Nature::Macro {
                carried: true,
                rules: false,
            },
            "with-rules" => Nature::Macro {
                carried: true,
                rules: true,
            },
            name if usual(name).is_some() => Nature::Macro {
                carried: true,
                rules: false,
            },
            _ => takes(0, None),
        }
    }

    fn exporters(&self, name: &str) -> Vec<Name> {
        let fold = vec!["srfi".to_owned(), "srfi-1".to_owned()];
        (name == "fold").then_some(fold).into_iter().collect()
    }
}

/// What is said about TEXT: what stands there, and the code.
fn said(text: &str) -> Vec<String> {
    let found = analyse(&Module::of(text), &Small).findings;
    found
        .iter()
        .map(|finding| format!("{} {}", finding.kind.code(), &text[finding.place.clone()]))
        .collect()
}

fn right(text: &str) {
    assert_eq!(said(text), Vec::<String>::new(), "{text}");
}

fn misses(text: &str, names: &[&str]) {
    let expected: Vec<String> = names
        .iter()
        .map(|name| format!("unbound-variable {name}"))
        .collect();
    assert_eq!(said(text), expected, "{text}");
}

#[test]
fn a_name_that_nothing_binds_is_missed() {
    misses("(display x)", &["x"]);
    // What is called may be a macro, whose import was forgotten.
    misses("(define (f a) (g a b))", &["g"]);
    misses("(let ((a a)) a)", &["a"]);
    misses("(let* ((a 1) (b a)) (list a b c))", &["c"]);
    misses("(define-module (m)) (fold cons '() '())", &["fold"]);
    misses("`(a ,b ,@c ,(d `(e ,f ,,g)))", &["b", "c", "d"]);
    misses("(do ((i 0 (+ i j))) ((= i 1) k) l)", &["j", "k", "l"]);
    misses(
        "(use-modules (ice-9 match)) (match '(1) ((a b) (list a b c)) (_ d))",
        &["c", "d"],
    );
    misses(
        "(use-modules ((srfi srfi-1) #:prefix s:)) (s:fold cons s:first first)",
        &["first"],
    );
    misses("(define* (f #:optional (a b) #:key (c a)) c)", &["b"]);
    misses("(case x ((y) => z) (else w))", &["x", "z", "w"]);
}

#[test]
fn what_a_form_binds_is_seen_where_the_form_says() {
    right("(define (f) (define (g) (h)) (define (h) (g)) (g)) (f)");
    right("(define ((f a) b) (list a b))");
    right("(letrec ((a (lambda () (b))) (b (lambda () (a)))) a)");
    right("(let loop ((i 0)) (loop (+ i 1)))");
    right("(define-values (a . b) (values 1 2)) (list a b)");
    right("(define-record-type <r> (make a) r? (a r-a set!)) (list make r? r-a <r>)");
    right("(while #t (break) (continue))");
    right(
        "(use-modules (ice-9 match)) (match '(1) (((? car x) ... . (= cdr y)) (list x y)) (#(a 'b `(c ,d)) (list a d)))",
    );
    right("(use-modules (ice-9 match)) (match 1 ((or a ($ list b)) (=> next) (next a b)))");
    right(
        "(use-modules (more)) (receive (a . b) (values 1 2) (list a b)) (and-let* ((c 1) ((car c)) (d c)) d)",
    );
    right("(use-modules (more)) (guard (e ((car e) => cdr) (else e)) (cut car <>))");
    right("(define later (lambda () (after))) (define (after) 1)");
}

#[test]
fn calls_are_counted_where_it_is_known_what_is_called() {
    assert_eq!(said("(car)"), ["arity-mismatch (car)"]);
    assert_eq!(
        said("(define* (f a #:optional b) a)(f 1 2)(f 1 2 3)(f)"),
        ["arity-mismatch (f 1 2 3)", "arity-mismatch (f)"]
    );
    assert_eq!(
        said("(let () (define (f) 1) (f 2))"),
        ["arity-mismatch (f 2)"]
    );
    assert_eq!(
        said("(define f (lambda (a) a)) (f)"),
        ["arity-mismatch (f)"]
    );
    right("(define (f a) a) (set! f list) (f)");
    right("(define (f a) a) (define (f) 1) (f)");
    right("(define f (case-lambda ((a) a) ((a b) b))) (f 1 2)");
    right("(define (car) 1) (car)");
    right("(let ((car list)) (car))");
    right("(define* (f #:key a #:rest r) a) (f #:a 1 2 3)");
}

#[test]
fn what_stands_in_an_unknown_macro_is_not_judged() {
    right("(use-modules (more)) (unknown-form (x (car)) y)");
    right("(define-syntax m (syntax-rules () ((_ a) a))) (m (undefined))");
    right("(define-syntax-rule (def name) (define name 1)) (def x) (display x)");
    right("(use-modules (more)) (define-thing a) (make-a a-b)");
    right("(define (f) (define-syntax m (syntax-rules () ((_ a) a))) (m (x)))");
    misses("(use-modules (more)) (with-rules a b) (list a b c)", &["c"]);
    misses(
        "(define-syntax-rule (def name) (define name 1)) (def x) (display y)",
        &["y"],
    );
}

#[test]
fn nothing_is_missed_where_names_may_come_from_elsewhere() {
    assert_eq!(
        said("(use-modules (no such)) (f x)"),
        ["unknown-module (no such)"]
    );
    right("(load \"other.scm\") (f x)");
    right("(eval '(define x 1) (current-module)) (display x)");
    right("((host . \"a\") (port . 1))");
    right("((@@ (no such) definer) a) (display b)");
    assert_eq!(
        said("(use-modules ((srfi srfi-1) #:select (fold second))) (second)"),
        ["not-exported second"]
    );
}

#[test]
fn a_text_that_cannot_be_read_is_judged_no_further() {
    let found = said("(define (f) 1)\n(define (g)\n  (x)\n\n(define (h) (f 1 2))\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("syntax (define (g)"), "{found:?}");
    assert_eq!(found[1], "arity-mismatch (f 1 2)");
}

#[test]
fn words_are_followed_to_what_they_mean() {
    let text = "(define (f a) (let ((a (car a))) (f a)))";
    let found = analyse(&Module::of(text), &Small);
    let at = |offset: usize| {
        let word = found
            .occurrences
            .iter()
            .find(|word| word.place.start == offset)
            .unwrap();
        match &word.meaning {
            Meaning::Local(number) => format!("local {}", found.locals[*number].place.start),
            Meaning::Own => "own".to_owned(),
            Meaning::Imported(_, name) => format!("imported {name}"),
        }
    };
    assert_eq!(at(1), "imported define");
    assert_eq!(at(9), "own");
    assert_eq!(at(text.find("(car a)").unwrap() + 5), "local 11");
    assert_eq!(at(text.rfind("(f a)").unwrap() + 3), "local 21");
}
