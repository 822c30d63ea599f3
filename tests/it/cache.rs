//! What modules expand to is kept for the next start: that it changes nothing but the
//! time, whatever happens to what is kept.

use crate::support::{Outcome, Sandbox, finish, mode};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program, its modules and their expected output: whatever a module can say that its
/// importers see.
const PROGRAM: &str = r#"
(use-modules (tree shapes) (tree words) (srfi srfi-1) (srfi srfi-9) (ice-9 match)
             ((tree shapes) #:prefix s:))
(define-shape circle (radius 2))
(write (circle-radius circle)) (newline)
(write (swap-to-list 1 2)) (newline)
(write (map area-of (list 1 2 3))) (newline)
(write (procedure-documentation area-of)) (newline)
(write (procedure-name area-of)) (newline)
(write (procedure-minimum-arity spread)) (newline)
(write (list (spread 1) (spread 1 2) (spread 1 2 #:more 3))) (newline)
(write (eq? area-of s:area-of)) (newline)
(let ((before (hash-ref held 'area)))
  (write (list (eq? before area-of) (equal? before area-of) (memq area-of (list before))
               (before 3) (eq? before area-of)))
  (newline))
(write area-of) (newline)
(write (while-counting 3)) (newline)
(write (list counted (bump!) counted (bump!))) (newline)
(write (match (make-pair 1 2) (($ <twain> a b) (list a b)))) (newline)
(write (twain? (make-pair 1 2))) (newline)
(write (list (quoted) (eq? (quoted) (quoted)))) (newline)
(write (list number-of-words first-word)) (newline)
(write (catch #t (lambda () (area-of 1 2)) (lambda (key . rest) key))) (newline)
(write (catch #t (lambda () (fails 'x)) (lambda (key . rest) (list key (car rest))))) (newline)
(write (module-name (current-module))) (newline)
(write (map (lambda (name) (module-defined? (resolve-interface '(tree shapes)) name))
            '(area-of swap! hidden))) (newline)
(write ((@@ (tree shapes) hidden) 5)) (newline)
(write (doubled (+ 1 1))) (newline)
(write (with-it 4 (list it it))) (newline)
(write (let loop ((n 1000) (sum 0)) (if (= n 0) sum (loop (- n 1) (+ sum (area-of 1)))))) (newline)
(write literals) (newline)
(fails 'uncaught)
"#;

const SHAPES: &str = r#"
(define-module (tree shapes)
  #:use-module (srfi srfi-9)
  #:use-module (tree macros)
  #:export (area-of spread fails define-shape swap-to-list held while-counting counted
            bump! make-pair twain? <twain> quoted literals doubled)
  #:re-export (swap!)
  #:re-export (with-it it))
(define-record-type <twain> (make-pair left right) twain? (left twain-left) (right twain-right))
(define (area-of x)
  "Return the area of X."
  (* (side x) x))
(define held (make-hash-table))
(hash-set! held 'area area-of)
(define* (spread a #:optional (b 'none) #:key (more '()))
  "Spread." (list a b more))
(define (fails x)
  (let ((y (list x)))
    (+ 1 (vector-ref y 0))))
(define-syntax define-shape
  (lambda (form)
    (syntax-case form ()
      ((_ name (field value))
       (with-syntax ((getter (datum->syntax #'name
                               (symbol-append (syntax->datum #'name) '-
                                              (syntax->datum #'field)))))
         #'(begin
             (define name (list (cons 'field value)))
             (define (getter shape) (cdr (assq 'field shape)))))))))
(define-syntax-rule (swap-to-list a b)
  (let ((x a) (y b)) (swap! x y) (list x y)))
(define (while-counting n)
  (let ((tmp 0)) (while (> n 0) (set! tmp (+ tmp n)) (set! n (- n 1))) tmp))
(define counted 0)
(define (bump!) (set! counted (+ counted 1)) counted)
(define (quoted) '(a "b" #(1 2) #\c 1/2 1.5 #:key 12345678901234567890))
(define (side x) x)
(define (hidden x) (list 'hidden (side x)))
(define-macro (doubled form) `(list ,form ,form))
(define literals (list 1.0e100 -0.0 #\x0 "λ\n" 'sym '#{a b}# #vu8(1 2) #t '() 3+4i))
"#;

const MACROS: &str = r#"
(define-module (tree macros) #:export (swap! with-it it))
(eval-when (expand load eval)
  (define (helper x) x))
(define-syntax swap!
  (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp)))))
(define-syntax-parameter it (lambda (form) (syntax-violation 'it "outside" form)))
(define-syntax with-it
  (lambda (form)
    (syntax-case form ()
      ((_ value body)
       (begin
         (display "expanding\n" (current-error-port))
         #'(let ((held value)) (syntax-parameterize ((it (identifier-syntax held))) body)))))))
"#;

const WORDS: &str = r#"
(define-module (tree words) #:use-module (tree generate) #:export (number-of-words first-word))
(include "words.inc")
(define number-of-words (length words))
(define first-word (generated (car words)))
"#;

const GENERATE: &str = r#"
(define-module (tree generate) #:export (generated))
(define-syntax generated
  (lambda (form)
    (syntax-case form ()
      ((_ x) (begin (display "generating\n" (current-error-port)) #'(list 'one x))))))
"#;

/// A place with the program and its modules.
fn place() -> Sandbox {
    let place = Sandbox::new();
    place.write("program.scm", PROGRAM);
    place.write("tree/shapes.scm", SHAPES);
    place.write("tree/macros.scm", MACROS);
    place.write("tree/words.scm", WORDS);
    place.write("tree/generate.scm", GENERATE);
    place.write("tree/words.inc", "(define words '(alpha beta))\n");
    place
}

const ARGUMENTS: [&str; 3] = ["-L", ".", "program.scm"];

fn folder(place: &Sandbox) -> PathBuf {
    place.work().join("../home/.cache/fruix-scm/modules")
}

fn files(place: &Sandbox) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder(place))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

/// What a run says besides what its macros say while they are expanded.
fn said(outcome: &Outcome) -> (Option<i32>, String, String) {
    let stderr: String = outcome
        .stderr
        .split_inclusive('\n')
        .filter(|line| !["expanding\n", "generating\n"].contains(line))
        .collect();
    (outcome.status, outcome.stdout.clone(), stderr)
}

fn uncached(place: &Sandbox) -> (Option<i32>, String, String) {
    let outcome = place.run(&[&["--no-cache"][..], &ARGUMENTS].concat());
    assert!(outcome.stderr.contains("generating"), "{outcome:?}");
    said(&outcome)
}

#[test]
fn a_second_start_says_what_the_first_did() {
    let place = place();
    let expected = uncached(&place);
    assert!(expected.1.contains("#vu8(1 2) #t ()"), "{expected:?}");
    assert!(expected.2.contains("tree/shapes.scm:"), "{expected:?}");
    assert!(files(&place).is_empty());
    let first = place.run(&ARGUMENTS);
    assert_eq!(said(&first), expected);
    assert!(first.stderr.contains("generating"));
    assert!(files(&place).len() >= 4, "{:?}", files(&place));
    for _ in 0..2 {
        let again = place.run(&ARGUMENTS);
        assert_eq!(said(&again), expected);
        assert!(
            !again.stderr.contains("generating"),
            "it was expanded again"
        );
    }
}

#[test]
fn what_is_kept_is_for_its_user_alone() {
    let place = place();
    let _uncaught_error = place.run(&ARGUMENTS).status;
    assert_eq!(mode(&folder(&place)), 0o700);
    for file in files(&place) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn what_is_not_wanted_is_not_kept() {
    let place = place();
    uncached(&place);
    let mut command = place.command(&ARGUMENTS);
    command.env("FRUIX_SCM_NO_CACHE", "yes");
    assert!(finish(command).stderr.contains("generating"));
    assert!(files(&place).is_empty());
}

#[test]
fn a_macro_that_has_changed_is_expanded_anew_wherever_it_is_used() {
    let place = place();
    let _uncaught_error = place.run(&ARGUMENTS).status;
    // What imports it is the same text as before, and what imports that.
    place.write("tree/generate.scm", &GENERATE.replace("'one", "'two"));
    let changed = place.run(&ARGUMENTS);
    assert!(changed.stdout.contains("(2 (two alpha))"), "{changed:?}");
    assert_eq!(said(&changed), uncached(&place));
    let again = place.run(&ARGUMENTS);
    assert_eq!(said(&again), said(&changed));
    assert!(!again.stderr.contains("generating"), "it was not kept anew");
    place.write("tree/words.inc", "(define words '(gamma beta alpha))\n");
    let included = place.run(&ARGUMENTS);
    assert!(included.stdout.contains("(3 (two gamma))"), "{included:?}");
    assert_eq!(said(&included), uncached(&place));
}

#[test]
fn a_module_found_elsewhere_is_another() {
    let place = place();
    let _uncaught_error = place.run(&ARGUMENTS).status;
    place.write(
        "other/tree/generate.scm",
        &GENERATE.replace("'one", "'other"),
    );
    let outcome = place.run(&[&["-L", "other"][..], &ARGUMENTS].concat());
    assert!(outcome.stdout.contains("(2 (other alpha))"), "{outcome:?}");
    let back = place.run(&ARGUMENTS);
    assert!(back.stdout.contains("(2 (one alpha))"), "{back:?}");
}

#[test]
fn a_macro_that_a_program_redefines_in_a_module_is_not_taken_for_the_file_s() {
    let place = place();
    place.write(
        "before.scm",
        "(define-module (before))\n(use-modules (tree generate))\n\
         (eval '(define-syntax generated (syntax-rules () ((_ x) (list 'evil x))))\n\
               (resolve-module '(tree generate)))\n",
    );
    let arguments = ["-L", ".", "-l", "before.scm", "program.scm"];
    let outcome = place.run(&arguments);
    assert!(outcome.stdout.contains("(2 (evil alpha))"), "{outcome:?}");
    let plain = place.run(&ARGUMENTS);
    assert!(plain.stdout.contains("(2 (one alpha))"), "{plain:?}");
    let again = place.run(&arguments);
    assert!(again.stdout.contains("(2 (evil alpha))"), "{again:?}");
}

#[test]
fn what_is_torn_or_altered_is_not_believed() {
    let place = place();
    let expected = uncached(&place);
    let damages: [(&str, fn(Vec<u8>) -> Vec<u8>); 4] = [
        ("cut in half", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("empty", |_| Vec::new()),
        ("one bit turned", |mut bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        }),
        ("followed by more", |mut bytes| {
            bytes.push(0);
            bytes
        }),
    ];
    for (damage, change) in damages {
        let _uncaught_error = place.run(&ARGUMENTS).status;
        for file in files(&place) {
            let bytes = fs::read(&file).unwrap();
            fs::write(&file, change(bytes)).unwrap();
        }
        let outcome = place.run(&ARGUMENTS);
        assert_eq!(said(&outcome), expected, "{damage}");
        assert!(outcome.stderr.contains("generating"), "{damage}");
        let healed = place.run(&ARGUMENTS);
        assert_eq!(said(&healed), expected, "{damage}");
        assert!(!healed.stderr.contains("generating"), "{damage}");
    }
    // Under another's name it is whole, and somebody else's.
    let all = files(&place);
    let first = fs::read(&all[0]).unwrap();
    for file in &all {
        fs::write(file, &first).unwrap();
    }
    assert_eq!(said(&place.run(&ARGUMENTS)), expected);
}

#[test]
fn ten_starts_at_once_all_say_the_same() {
    let place = place();
    let expected = uncached(&place);
    for _ in 0..2 {
        let children: Vec<_> = (0..10)
            .map(|_| {
                let mut command = place.command(&ARGUMENTS);
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            let outcome = Outcome {
                status: output.status.code(),
                stdout: String::from_utf8(output.stdout).unwrap(),
                stderr: String::from_utf8(output.stderr).unwrap(),
            };
            assert_eq!(said(&outcome), expected);
        }
    }
    let unfinished = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().starts_with('.');
    assert!(!files(&place).iter().any(unfinished), "{:?}", files(&place));
}

/// COMMAND in a shell that has prepared by doing FIRST.
fn after(first: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{first}; exec \"$@\""), "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap())
        .env_clear()
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::null());
    shell
}

#[test]
fn where_nothing_can_be_written_nothing_is_said_of_it() {
    let place = place();
    let expected = uncached(&place);
    // No file may become longer than nothing, as on a disk that is full.
    let full = after("trap '' XFSZ; ulimit -f 0", &place.command(&ARGUMENTS));
    assert_eq!(said(&finish(full)), expected);
    assert!(files(&place).is_empty(), "{:?}", files(&place));
    // What should be a folder is a file, and cannot become one.
    let mut command = place.command(&ARGUMENTS);
    command.env("XDG_CACHE_HOME", place.write("a-file", ""));
    assert_eq!(said(&finish(command)), expected);
    // Nothing may be made there, whoever asks.
    if Path::new("/proc/self").exists() {
        let mut command = place.command(&ARGUMENTS);
        command.env("XDG_CACHE_HOME", "/proc/self/fruix");
        assert_eq!(said(&finish(command)), expected);
    }
    let mut command = place.command(&ARGUMENTS);
    command.env_remove("HOME");
    assert_eq!(said(&finish(command)), expected);
}

#[test]
fn what_cannot_be_replaced_is_not_believed_for_that() {
    let place = place();
    let _uncaught_error = place.run(&ARGUMENTS).status;
    place.write("tree/generate.scm", &GENERATE.replace("'one", "'two"));
    let full = after("trap '' XFSZ; ulimit -f 0", &place.command(&ARGUMENTS));
    let outcome = finish(full);
    assert!(outcome.stdout.contains("(2 (two alpha))"), "{outcome:?}");
}
