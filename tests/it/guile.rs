//! The language: what programs mean, where errors are, and how runs end.
//!
//! Expressions are evaluated by the interpreter and, where it is installed, by
//! real Guile; both must print the same.

use fruix_scm::guile::interpreter::{Interpreter, Options, Stop, Uncaught};
use fruix_scm::guile::vm;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Run BODY with a fresh interpreter.
fn with_interpreter<T: Send>(body: impl FnOnce(&mut Interpreter) -> T + Send) -> T {
    vm::on_large_stack(|| {
        let mut interpreter = Interpreter::new(Options::default()).expect("the interpreter starts");
        body(&mut interpreter)
    })
}

/// What `write` prints for the value of TEXT.
fn value_of(text: &str) -> String {
    with_interpreter(|interpreter| match interpreter.eval_text("test", text) {
        Ok(values) => values
            .iter()
            .map(|value| interpreter.written(value))
            .collect::<Vec<_>>()
            .join(" "),
        Err(Stop::Quit(status)) => format!("quit {status}"),
        Err(Stop::Uncaught(error)) => format!("{}: {}", error.key, error.message),
    })
}

/// The error that TEXT ends with.
fn error_of(text: &str) -> Uncaught {
    with_interpreter(
        |interpreter| match interpreter.eval_text("test.scm", text) {
            Err(Stop::Uncaught(error)) => *error,
            Err(Stop::Quit(status)) => panic!("quit with {status}"),
            Ok(_) => panic!("no error"),
        },
    )
}

fn guile() -> Option<&'static Path> {
    let path = Path::new("/usr/bin/guile");
    path.exists().then_some(path)
}

/// Each of EXPRESSIONS must print the same here and in Guile, after FORMS.
fn same_as_guile(forms: &str, expressions: &[&str]) {
    let Some(guile) = guile() else {
        println!("skipped: real Guile is not installed");
        return;
    };
    let mut program = String::from(forms);
    for expression in expressions {
        program.push_str(&format!(
            "\n(write (catch #t (lambda () {expression}) (lambda (key . rest) (list 'error key))))\n(newline)"
        ));
    }
    let file = tempfile::NamedTempFile::with_suffix(".scm").expect("a temporary file");
    std::fs::write(file.path(), &program).expect("a temporary file is writable");
    let theirs = Command::new(guile)
        .arg("--no-auto-compile")
        .arg(file.path())
        .output()
        .expect("Guile runs");
    let ours = Command::new(env!("CARGO_BIN_EXE_fruix-scm"))
        .arg(file.path())
        .output()
        .expect("fruix-scm runs");
    let lines = |output: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(output)
            .lines()
            .map(str::to_owned)
            .collect()
    };
    let (theirs, ours) = (lines(&theirs.stdout), (lines(&ours.stdout), ours));
    for (index, expression) in expressions.iter().enumerate() {
        assert_eq!(
            ours.0.get(index),
            theirs.get(index),
            "{expression}\n{}",
            String::from_utf8_lossy(&ours.1.stderr)
        );
    }
}

#[test]
fn binding_forms_mean_what_they_mean_in_guile() {
    same_as_guile(
        "(use-modules (srfi srfi-11) (ice-9 receive))",
        &[
            "(let* ((x 1) (y (+ x 1))) (define z (+ y 1)) (list x y z))",
            "(letrec ((even? (lambda (n) (if (= n 0) #t (odd? (- n 1))))) (odd? (lambda (n) (if (= n 0) #f (even? (- n 1)))))) (even? 101))",
            "(let loop ((i 0) (acc '())) (if (= i 5) (reverse acc) (loop (+ i 1) (cons i acc))))",
            "(do ((i 0 (+ i 1)) (acc '() (cons i acc))) ((= i 3) acc))",
            "(let-values (((a b) (values 1 2)) ((c . d) (values 3 4 5))) (list a b c d))",
            "(let*-values (((a) (values 1)) ((b) (values (+ a 1)))) (list a b))",
            "(receive (a . rest) (values 1 2 3) (list a rest))",
            "(let () (define-values (a b . c) (values 1 2 3 4)) (list a b c))",
            "((lambda (a #!optional . b) (list a b)) 1)",
            "(let ((x 1)) (set! x (+ x 1)) (let ((f (lambda () (set! x (* x 10)) x))) (list (f) (f) x)))",
            "(define-values () (values))",
            "(call-with-values (lambda () (values 1 2 3)) list)",
            "(let ((f #f)) (let ((g (lambda () (f)))) (set! f (lambda () 'late)) (g)))",
        ],
    );
}

#[test]
fn optional_and_keyword_arguments_follow_guile() {
    same_as_guile(
        "(define* (f a #:optional (b 2) (c (+ a b)) #:key (d 4) (e (* d 2)) #:rest r) (list a b c d e r))
         (define* (g #:key a b #:allow-other-keys) (list a b))
         (define h (case-lambda ((a) (list 1 a)) ((a b) (list 2 a b)) ((a . rest) (list 'n a rest))))
         (define k (case-lambda* ((a #:optional b) (list 'opt a b)) ((a b c #:key d) (list 'key a b c d))))",
        &[
            "(f 1)",
            "(f 1 5)",
            "(f 1 5 6 #:d 7)",
            "(f 1 #:e 3)",
            "(f)",
            "(g #:b 2 #:z 1)",
            "(list (h 1) (h 1 2) (h 1 2 3))",
            "(h)",
            "(list (k 1) (k 1 2) (k 1 2 3 #:d 4))",
            "((lambda* (a #:key b) (list a b)) 1 #:c 2)",
            "((lambda* (a #:key (b 5 #:bee)) (list a b)) 1 #:bee 2)",
        ],
    );
}

#[test]
fn macros_are_hygienic_as_in_guile() {
    same_as_guile(
        "(define-syntax my-or (syntax-rules () ((_) #f) ((_ e) e) ((_ e r ...) (let ((t e)) (if t t (my-or r ...))))))
         (define-syntax swap! (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp)))))
         (define-syntax be-begin (syntax-rules () ((_ name) (define-syntax name (syntax-rules () ((_ e (... ...)) (begin e (... ...))))))))
         (be-begin my-begin)
         (define-syntax my-let* (syntax-rules () ((_ () b ...) (let () b ...)) ((_ ((n v) r ...) b ...) (let ((n v)) (my-let* (r ...) b ...)))))
         (define-syntax counter (syntax-rules () ((_ name) (begin (define hidden 0) (define (name) (set! hidden (+ hidden 1)) hidden)))))
         (counter one) (counter two)
         (define-syntax ten (identifier-syntax 10))
         (define-syntax aif (lambda (x) (syntax-case x () ((k c a b) (with-syntax ((it (datum->syntax #'k 'it))) #'(let ((it c)) (if it a b)))))))
         (define-syntax my-case (syntax-rules (else) ((_ (else e)) e) ((_ (c e) r ...) (if c e (my-case r ...)))))",
        &[
            "(let ((t 5)) (my-or #f t))",
            "(let ((if list)) (my-or #f 2))",
            "(let ((tmp 1) (other 2)) (swap! tmp other) (list tmp other))",
            "(my-begin 1 2 3)",
            "(my-let* ((a 1) (b (+ a 1))) (list a b))",
            "(list (one) (one))",
            "(+ ten 1)",
            "(aif (assq 'a '((a . 1))) (cdr it) 'none)",
            "(my-case (#f 1) (else 2))",
            "(let-syntax ((foo (syntax-rules () ((_ (a b ...) ...) '((b ... a) ...))))) (foo (1 2 3) (4)))",
            "(letrec-syntax ((e? (syntax-rules () ((_) #t) ((_ x . r) (o? . r)))) (o? (syntax-rules () ((_) #f) ((_ x . r) (e? . r))))) (e? 1 2))",
            "(let-syntax ((m (syntax-rules ::: () ((_ a :::) '(... a :::))))) (m 1 2))",
            "(let-syntax ((m (syntax-rules () ((_ a ... b c) '(c b a ...))))) (m 1 2 3 4))",
            "(let-syntax ((m (syntax-rules () ((_ #(a b ...)) '(a (b ...)))))) (m #(1 2 3)))",
            "(let ((x 'outer)) (let-syntax ((m (syntax-rules () ((_) x)))) (let ((x 'inner)) (m))))",
        ],
    );
}

#[test]
fn match_takes_data_apart_as_in_guile() {
    same_as_guile(
        "(use-modules (ice-9 match) (srfi srfi-9)) (define-record-type <point> (make-point x y) point? (x point-x) (y point-y))",
        &[
            "(match '(1 2 3) ((a b c) (list c b a)))",
            "(match '(1 (2 3) 4 5) ((a (b ...) . r) (list a b r)))",
            "(match '((a . 1) (b . 2)) (((k . v) ...) (list k v)))",
            "(match '(1 2 3 4 5) ((a ... y z) (list a y z)))",
            "(match 5 ((? string? s) 'str) ((and n (? number?)) (list 'num n)))",
            "(match '(sub 5 2) (('add a b) (+ a b)) (`(sub ,a ,b) (- a b)))",
            "(match #(1 2 3) (#(a b ...) (list a b)))",
            "(match (make-point 1 2) (($ <point> x y) (list x y)))",
            "(match 'y ((or 'x 'y) 'xy) (_ 'other))",
            "(match '(1 2) ((a b) (=> next) (if (= a 1) (next) 'no)) (_ 'second))",
            "(match '(1 1) ((a a) 'same) (_ 'different))",
            "(match '(1 2) ((a a) 'same) (_ 'different))",
            "(match 4 ((= (lambda (n) (* n n)) 16) 'square))",
            "(match '(a b) ((not (? pair?)) 'atom) (_ 'pair))",
            "(match '() (() 'empty))",
            "(match 1 (2 3))",
            "((match-lambda ((a b) (+ a b))) '(1 2))",
            "(match-let (((a b) '(1 2)) ((c) '(3))) (list a b c))",
            "(match-let* (((a b) '(1 2)) (c (+ a b))) c)",
            "(match '((1 2) (3 4)) (((a b) ...) (list a b)))",
            "(match '(x (y z)) ((or (a (b c)) (a b c)) (list a b c)))",
        ],
    );
}

#[test]
fn exceptions_are_one_system_as_in_guile() {
    same_as_guile(
        "(use-modules (ice-9 exceptions) (srfi srfi-34))",
        &[
            "(catch 'foo (lambda () (throw 'foo 1 2)) list)",
            "(catch #t (lambda () (catch 'a (lambda () (throw 'b 1)) list)) list)",
            "(catch #t (lambda () (vector-ref (vector 1) 5)) (lambda (key . rest) key))",
            "(catch #t (lambda () (car 5)) list)",
            "(catch #t (lambda () (+ 1 'a)) list)",
            "(catch #t (lambda () (nowhere-defined)) list)",
            "(catch #t (lambda () (error \"bad\" 1 'b \"c\")) list)",
            "(catch #t (lambda () (5 5)) list)",
            "(guard (e ((symbol? e) (list 'sym e)) ((string? e) 'str)) (raise 'boom))",
            "(guard (e ((string? e) 'str)) (guard (e2 ((number? e2) 'num)) (raise \"s\")))",
            "(guard (e (#t (list 'reraised e))) (guard (e2 ((number? e2) 'num)) (raise 'other)))",
            "(with-exception-handler (lambda (e) 10) (lambda () (+ 1 (raise-continuable 'c))))",
            "(with-exception-handler (lambda (e) (list 'handled e)) (lambda () (raise 'x)) #:unwind? #t)",
            "(call/cc (lambda (k) (with-exception-handler (lambda (e) (k (list 'escaped e))) (lambda () (raise 'x)))))",
            "(catch 'k (lambda () (with-throw-handler 'k (lambda () (throw 'k 1)) (lambda args 'ignored))) (lambda args (list 'outer args)))",
            "(catch 'k (lambda () (dynamic-wind (lambda () #f) (lambda () (throw 'k)) (lambda () #f))) (lambda args 'left))",
            "(let ((trail '())) (catch #t (lambda () (dynamic-wind (lambda () (set! trail (cons 'in trail))) (lambda () (car '())) (lambda () (set! trail (cons 'out trail))))) (lambda args #f)) trail)",
            "(false-if-exception (car 5))",
            "(guard (e (#t (exception-message e))) (error \"the message\" 1))",
        ],
    );
}

#[test]
fn continuations_reenter_and_prompts_compose() {
    same_as_guile(
        "(define k #f) (define n 0)",
        &[
            "(let ((r '())) (dynamic-wind (lambda () (set! r (cons 'in r))) (lambda () (call/cc (lambda (c) (set! k c)))) (lambda () (set! r (cons 'out r)))) (set! n (+ n 1)) (if (< n 3) (k #f)) (reverse r))",
            "(call-with-prompt 'p (lambda () (+ 1 (abort-to-prompt 'p 10))) (lambda (k v) (list v (k 1) (k 2))))",
            "(call-with-prompt 'p (lambda () 5) (lambda (k) 6))",
            "(let ((tag (make-prompt-tag))) (call-with-prompt tag (lambda () (call-with-prompt 'inner (lambda () (abort-to-prompt tag 1)) (lambda (k v) 'wrong))) (lambda (k v) (list 'right v))))",
            "(let loop ((i 0)) (if (< i 1000) (begin (call/cc (lambda (k) (k i))) (loop (+ i 1))) i))",
            "(let ((p (delay (begin (set! n (+ n 100)) n)))) (list (force p) (force p)))",
            "(let ((f (make-parameter 1 (lambda (x) (* x 2))))) (list (f) (parameterize ((f 5)) (f)) (f)))",
        ],
    );
}

#[test]
fn a_continuation_of_one_form_can_be_called_in_a_later_one() {
    assert_eq!(
        value_of(
            "(define k #f) (define log '())
             (set! log (cons (call/cc (lambda (c) (set! k c) 0)) log))
             (if (< (length log) 4) (k (length log)))
             log"
        ),
        "(3 2 1 0)"
    );
}

#[test]
fn modules_select_rename_hide_and_prefix() {
    assert_eq!(
        value_of(
            "(define-module (one) #:export (a b (c . d))) (define a 1) (define b 2) (define c 3)
             (define-module (two) #:use-module ((one) #:select (a (b . bee)) #:prefix one:))
             (list one:a one:bee (@ (one) d) (@@ (one) c))"
        ),
        "(1 2 3 3)"
    );
    assert_eq!(
        value_of(
            "(define-module (one) #:export (a b)) (define a 1) (define b 2)
             (define-module (two) #:use-module ((one) #:hide (b)))
             (catch 'unbound-variable (lambda () b) (lambda (key . rest) (list a key)))"
        ),
        "(1 unbound-variable)"
    );
}

#[test]
fn a_macro_of_one_module_means_its_own_names_in_another() {
    assert_eq!(
        value_of(
            "(define-module (one) #:export (twice))
             (define (helper x) (* x 2))
             (define-syntax-rule (twice e) (helper e))
             (define-module (two) #:use-module (one))
             (define (helper x) 'wrong)
             (twice 21)"
        ),
        "42"
    );
}

#[test]
fn libraries_of_r6rs_and_r7rs_are_modules() {
    assert_eq!(
        value_of(
            "(library (a b (1)) (export f (rename (g gee))) (import (guile)) (define (f) 1) (define (g) 2))
             (define-library (c) (export h) (import (guile) (prefix (a b) x:)) (begin (define (h) (list (x:f) (x:gee)))))
             (import (only (c) h)) (h)"
        ),
        "(1 2)"
    );
}

#[test]
fn an_error_knows_file_line_column_and_what_led_there() {
    let error = error_of(
        "(define (inner x)\n  (+ 1 (car x)))\n(define (outer y)\n  (list (inner y)))\n(list (outer 5))\n",
    );
    assert_eq!(error.key, "wrong-type-arg");
    let place = error.location.expect("the error has a place");
    assert_eq!(
        (place.file.as_str(), place.line, place.column),
        ("test.scm", 2, 7)
    );
    assert_eq!(place.source.as_deref(), Some("  (+ 1 (car x)))"));
    let frames: Vec<_> = error
        .backtrace
        .iter()
        .map(|frame| {
            let place = &frame.location;
            (place.line, place.column, frame.procedure.as_deref())
        })
        .collect();
    assert_eq!(
        frames,
        [(2, 7, Some("inner")), (4, 8, Some("outer")), (5, 6, None)]
    );
}

#[test]
fn a_backtrace_tells_where_each_procedure_was_and_leaves_out_the_library() {
    let error = error_of(concat!(
        "(define (leaf x) (vector-ref x 7))\n",
        "(define* (twice #:key it)\n",
        "  (list (leaf it)\n",
        "        (leaf it)))\n",
        "(define (each items)\n",
        "  (cons 1 (map (lambda (item) (list (twice #:it item))) items)))\n",
        "(define (again n)\n",
        "  (if (= n 0) (list (each (list (vector)))) (cons n (again (- n 1)))))\n",
        "(list (again 3))\n",
    ));
    let frames: Vec<_> = error
        .backtrace
        .iter()
        .map(|frame| (frame.location.line, frame.procedure.as_deref()))
        .collect();
    // The machine has forgotten `twice`, which called `leaf` in tail position, and
    // of `each` it does not say enough.
    assert_eq!(
        frames,
        [
            (1, Some("leaf")),
            (7, Some("again")),
            (8, Some("again")),
            (9, None)
        ]
    );
}

#[test]
fn the_place_of_an_error_is_exact_in_tail_position_too() {
    for (program, place) in [
        ("(define (f v)\n  (vector-ref v 7))\n(f (vector))", (2, 2)),
        (
            "(define (f v)\n  (list 1 (vector-ref v 7)))\n(f (vector))",
            (2, 10),
        ),
        (
            "(define (f v)\n  (if v\n      (error \"no\" v)))\n(list (f 1))",
            (3, 6),
        ),
        (
            "(define (f v)\n  (for-each (lambda (x)\n    (throw 'no x))\n v))\n(f '(1))",
            (3, 4),
        ),
        (
            "(define (f v) (if v\n  (string-append \"\" v) 1))\n(f 'a)",
            (2, 2),
        ),
    ] {
        let found = error_of(program).location.expect("the error has a place");
        assert_eq!((found.line, found.column), place, "{program}");
    }
}

#[test]
fn a_module_that_is_missing_is_told_where_it_is_asked_for() {
    let sandbox = crate::support::Sandbox::new();
    sandbox.write("fine.scm", "(define-module (fine))\n(define y 1)\n");
    sandbox.write("none.scm", "(define x 1)\n");
    sandbox.write(
        "asks.scm",
        ";; first\n(define-module (asks)\n  #:use-module (fine)\n  #:use-module (nowhere))\n",
    );
    for (program, place) in [
        ("(use-modules (fine)\n  (nowhere))", "p.scm:1:0"),
        (
            "(use-modules (fine))\n(use-modules (fine) (none))",
            "p.scm:2:0",
        ),
        ("(use-modules (fine)\n  (asks))", "./asks.scm:2:0"),
        ("(define z 1)\n(begin (use-modules (nowhere)))", "p.scm:2:0"),
        (
            "\n(define (f) (use-modules (fine) (nowhere)))\n(f)",
            "p.scm:3:0",
        ),
        (
            "\n(use-modules (fine))\n(resolve-interface '(nowhere))",
            "p.scm:3:0",
        ),
        (
            "(use-modules (fine)\n  ((fine) #:select (absent)))",
            "p.scm:1:0",
        ),
    ] {
        sandbox.write("p.scm", program);
        let told = sandbox.run(&["-L", ".", "p.scm"]).fails_with(4);
        assert!(
            told.starts_with(&format!("fruix-scm: {place}: ")),
            "{program}\n{told}"
        );
    }
}

#[test]
fn an_unbound_variable_comes_with_the_name_that_was_meant() {
    let error = error_of("(define (string-colour x) x)\n(string-color 1)");
    assert_eq!(error.message, "Unbound variable: string-color");
    assert_eq!(error.hint.as_deref(), Some("did you mean `string-colour`?"));
}

#[test]
fn only_keys_of_guile_and_of_our_domains_are_reported_as_a_message() {
    for (thrown, message) in [
        (
            "'misc-error 'sub \"no ~S\" '(x) #f",
            "In procedure sub: no x",
        ),
        ("'check-failed #f \"~A\" '(\"it broke\") '()", "it broke"),
        (
            "'own 'sub \"no ~S\" '(x) #f",
            "Throw to key `own' with args `(sub \"no ~S\" (x) #f)'.",
        ),
        (
            "'own 1 \"two\" 'three",
            "Throw to key `own' with args `(1 \"two\" three)'.",
        ),
    ] {
        assert_eq!(error_of(&format!("(throw {thrown})")).message, message);
    }
}

#[test]
fn a_syntax_error_points_at_the_form() {
    let error = error_of("(define x 1)\n(list (if))\n");
    assert_eq!(error.key, "syntax-error");
    let place = error.location.expect("a syntax error has a place");
    assert_eq!((place.line, place.column), (2, 6));
}

#[test]
fn an_interrupted_program_runs_its_handlers_and_its_clean_up() {
    let (value, seconds) = with_interpreter(|interpreter| {
        let interrupter = interpreter.interrupter();
        let started = std::time::Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                interrupter.interrupt();
            });
            let values = interpreter
                .eval_text(
                    "test",
                    "(define trail '())
                     (catch 'interrupted
                       (lambda ()
                         (dynamic-wind
                           (lambda () #f)
                           (lambda () (let loop ((i 0)) (loop (+ i 1))))
                           (lambda () (set! trail (cons 'cleaned trail)))))
                       (lambda (key . rest) (set! trail (cons key trail))))
                     trail",
                )
                .expect("the interrupt is caught");
            (interpreter.written(&values[0]), started.elapsed())
        })
    });
    assert_eq!(value, "(interrupted cleaned)");
    assert!(seconds < Duration::from_secs(10), "{seconds:?}");
}

#[test]
fn an_uncaught_interrupt_ends_the_run_and_the_next_one_starts_afresh() {
    with_interpreter(|interpreter| {
        let interrupter = interpreter.interrupter();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(200));
                interrupter.interrupt();
            });
            match interpreter.eval_text("test", "(let loop () (loop))") {
                Err(Stop::Uncaught(error)) => {
                    assert_eq!(error.key, "interrupted");
                    assert_eq!(error.exit_status(), 130);
                }
                other => panic!("not interrupted: {other:?}"),
            }
        });
        let values = interpreter
            .eval_text("test", "(+ 1 2)")
            .expect("it goes on");
        assert_eq!(interpreter.written(&values[0]), "3");
    });
}

#[test]
fn endless_recursion_is_an_error_that_can_be_caught() {
    assert_eq!(
        value_of(
            "(define (f n) (+ 1 (f n))) (catch #t (lambda () (f 1)) (lambda (key . rest) key))"
        ),
        "stack-overflow"
    );
}

#[test]
fn deep_recursion_that_ends_is_no_error() {
    assert_eq!(
        value_of("(define (f n) (if (= n 0) 0 (+ 1 (f (- n 1))))) (f 300000)"),
        "300000"
    );
}

#[test]
fn exit_ends_a_run_with_its_status() {
    assert_eq!(value_of("(exit 3)"), "quit 3");
    assert_eq!(value_of("(exit #f)"), "quit 1");
    assert_eq!(value_of("(exit #t)"), "quit 0");
    assert_eq!(value_of("(exit)"), "quit 0");
}

#[test]
fn what_no_handler_accepts_passes_all_of_them() {
    for (form, key) in [
        ("(error \"boom\")", "misc-error"),
        ("(throw 'another 1)", "another"),
        ("(raise-exception 5)", "%exception"),
        ("(vector-ref (vector) 1)", "out-of-range"),
        ("(car 5)", "wrong-type-arg"),
        (
            "(dynamic-wind (const 1) (lambda () (throw 'another)) (const 2))",
            "another",
        ),
        (
            "(with-exception-handler (const 1) (lambda () (throw 'another)) #:unwind? #t #:unwind-for-type 'mine)",
            "another",
        ),
    ] {
        for around in [
            "(catch 'mine (lambda () FORM) (const 'swallowed))",
            "(catch 'mine (lambda () (catch 'yours (lambda () FORM) (const 1))) (const 'swallowed))",
            "(call-with-prompt 'tag (lambda () (catch 'mine (lambda () FORM) (const 1))) list)",
        ] {
            let program = around.replace("FORM", form);
            let ended = value_of(&program);
            assert!(ended.starts_with(&format!("{key}: ")), "{program}: {ended}");
        }
    }
    assert_eq!(
        value_of("(catch 'mine (lambda () (exit 3)) (const 'swallowed))"),
        "quit 3"
    );
}

#[test]
fn the_prompt_can_ask_for_completions_and_wholeness() {
    with_interpreter(|interpreter| {
        interpreter
            .eval_text("prompt", "(define my-own-name 1)")
            .expect("a definition works");
        assert_eq!(interpreter.completions("my-own"), ["my-own-name"]);
        assert!(
            interpreter
                .completions("call-with-c")
                .contains(&"call-with-current-continuation".to_owned())
        );
        assert_eq!(interpreter.current_module_name(), "(guile-user)");
    });
    assert!(Interpreter::is_complete("(list 1 2) \"a)\""));
    assert!(!Interpreter::is_complete("(list \"a)\""));
    assert!(!Interpreter::is_complete("#| comment"));
    assert!(Interpreter::is_complete("#\\( "));
}

#[test]
fn procedural_macros_run_in_the_program_that_uses_them() {
    assert_eq!(
        value_of(
            "(define-syntax reversed
               (lambda (stx)
                 (syntax-case stx ()
                   ((_ form ...)
                    (let loop ((forms #'(form ...)) (result '()))
                      (if (null? forms)
                          #`(list #,@result)
                          (loop (cdr forms) (cons (car forms) result))))))))
             (reversed 1 2 3)"
        ),
        "(3 2 1)"
    );
    assert_eq!(
        value_of(
            "(define-macro (my-unless c . body) `(if ,c #f (begin ,@body))) (my-unless #f 1 2)"
        ),
        "2"
    );
}

#[test]
fn text_nested_beyond_all_measure_is_refused_and_not_a_crash() {
    let deep = "(".repeat(200_000);
    let error = error_of(&deep);
    assert_eq!(error.key, "read-error");
    let error = error_of(&format!("{}1{}", "(car ".repeat(3_000), ")".repeat(3_000)));
    assert_eq!(error.key, "wrong-type-arg");
}
