//! Programs that never end, want more memory than there is, or are no programs
//! at all: they end in an error that says so, never in a panic or an abort.

use crate::support::{Outcome, Sandbox, finish, wait};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Run PROGRAM with 128 MiB of memory.
fn run_small(program: &str) -> Outcome {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["-c", program]);
    command.env("FRUIX_SCM_MEMORY_LIMIT", "128M");
    finish(command)
}

#[test]
fn whatever_grows_without_end_runs_out_of_memory() {
    for program in [
        "(let loop ((list '())) (loop (cons 1 list)))",
        "(let loop ((list (list 1))) (loop (append list list)))",
        "(let loop ((string \"a\")) (loop (string-append string string)))",
        "(let loop ((held (vector 1))) (loop (vector held (make-vector 1000 held))))",
        "(define table (make-hash-table))
         (let loop ((i 0)) (hash-set! table i (make-string 100 #\\a)) (loop (+ i 1)))",
        "(call-with-output-string (lambda (port) (let loop () (display \"aaaaaaaaaa\" port) (loop))))",
        "(define (f n) (+ 1 (f n))) (f 1)",
        "(let loop ((k #f)) (loop (lambda () k)))",
    ] {
        let trouble = run_small(program).fails_with(4);
        assert!(trouble.contains("Out of memory"), "{program}: {trouble}");
        assert!(trouble.contains("--memory-limit"), "{program}: {trouble}");
    }
}

/// What is caught is whole, and nothing of having run out stays behind.
#[test]
fn memory_that_has_run_out_may_run_out_again() {
    let told = run_small(
        "(define (caught thunk) (catch #t thunk (lambda args (write args) (newline))))
         (define table (make-hash-table))
         (caught (lambda () (let loop ((i 0)) (hash-set! table i (make-string 100 #\\a)) (loop (+ i 1)))))
         (set! table #f)
         (caught (lambda () (let loop ((list '())) (loop (cons 1 list)))))
         (caught (lambda () (let loop ((held (vector 1))) (loop (vector held (make-vector 1000 held))))))
         (write (string->list \"abc\"))",
    )
    .success();
    let thrown = "(out-of-memory #f \"Out of memory\" #f #f)\n";
    assert_eq!(told, format!("{}(#\\a #\\b #\\c)", thrown.repeat(3)));
}

#[test]
fn what_would_be_too_large_is_refused_before_it_is_made() {
    for (program, key) in [
        ("(make-vector 1000000000000 0)", "out-of-memory"),
        ("(make-string 1000000000000 #\\a)", "out-of-memory"),
        ("(make-list 1000000000000 0)", "out-of-memory"),
        ("(make-bytevector 1000000000000 0)", "out-of-memory"),
        ("(iota 1000000000000)", "out-of-memory"),
        ("(string-pad \"a\" 1000000000000)", "out-of-memory"),
        ("(expt 7 (expt 7 77))", "out-of-memory"),
        ("(make-bitvector (expt 2 62) #f)", "out-of-memory"),
        ("(bit-extract -1 0 (expt 2 62))", "out-of-memory"),
        ("(list->array 2147483647 1)", "out-of-memory"),
        ("(make-array 0 100000 100000)", "out-of-memory"),
        ("(make-typed-array 'f64 0 100000 1000000)", "out-of-memory"),
        ("(make-u64vector 4611686018427387904)", "out-of-memory"),
        ("(make-s16vector 4611686018427387904)", "out-of-memory"),
        ("(make-hash-table 1000000000000)", "out-of-memory"),
        (
            "(uint-list->bytevector '(1 2) (endianness little) 4611686018427387904)",
            "out-of-memory",
        ),
        (
            "(string-join (make-list 100000 (make-string 100000 #\\a)))",
            "out-of-memory",
        ),
        ("(xsubstring \"abc\" 0 1000000000000)", "out-of-memory"),
        (
            "(apply append (make-list 100000 (iota 10000)))",
            "out-of-memory",
        ),
        (
            "(string->list (make-string 20000000 #\\a))",
            "out-of-memory",
        ),
        (
            "(call-with-input-file \"/dev/zero\" read-line)",
            "out-of-memory",
        ),
        (
            "(call-with-input-file \"/dev/zero\" get-string-all)",
            "out-of-memory",
        ),
        ("(load \"/dev/zero\")", "system-error"),
        (
            "(eval '(letrec-syntax ((b (syntax-rules () ((_ x ...) (b x ... x ...))))) (b a b)) (current-module))",
            "out-of-memory",
        ),
        // Guile's own key for a shift that is too far.
        ("(ash 1 1000000000000)", "numerical-overflow"),
    ] {
        let caught = format!(
            "(use-modules (rnrs bytevectors) (srfi srfi-4) (ice-9 rdelim) (ice-9 textual-ports))
             (display (catch #t (lambda () {program}) (lambda (key . rest) key)))"
        );
        assert_eq!(run_small(&caught).success(), key, "{program}");
    }
}

#[test]
fn a_program_goes_on_after_it_has_run_out_of_memory() {
    let program = "
        (define (fill) (let loop ((list '())) (loop (cons 1 list))))
        (define (attempt) (catch 'out-of-memory fill (lambda (key . rest) key)))
        (display (list (attempt) (attempt) (apply + (iota 1000))))";
    assert_eq!(
        run_small(program).success(),
        "(out-of-memory out-of-memory 499500)"
    );
}

#[test]
fn a_program_goes_on_after_a_recursion_without_end() {
    let program = "
        (use-modules (ice-9 exceptions))
        (define (deeper n) (+ 1 (deeper n)))
        (define (attempt) (catch #t (lambda () (deeper 1)) (lambda (key . rest) key)))
        (define (attempts) (list (attempt) (attempt) (attempt)))
        (display (attempts))
        (display (with-exception-handler (lambda (e) 'handled) (lambda () (deeper 1)) #:unwind? #t))
        (display (guard (e (#t (exception-kind e))) (deeper 1)))
        (display \" end\")";
    let outcome = Sandbox::new().run(&["--memory-limit", "4G", "-c", program]);
    assert_eq!(
        outcome.success(),
        "(stack-overflow stack-overflow stack-overflow)handledstack-overflow end"
    );
}

/// Run SCRIPT by a shell in a sandbox, with the binary as its `$1`.
/// A continuation that is held has all frames of its own, of the `catch` too, and whoever
/// looks for what was let go of while the machine unwound would look in vain.
#[test]
fn a_recursion_without_end_is_caught_where_a_continuation_has_been_taken() {
    let program = "
        (define held #f)
        (define (deeper n) (+ 1 (deeper n)))
        (define (key-of thunk) (catch #t thunk (lambda (key . _) key)))
        (define (taken) (call/cc (lambda (k) (set! held k) 1)))
        (define (run)
          (let* ((times 0)
                 (first (key-of (lambda () (taken) (deeper 1))))
                 (second (key-of (lambda () (+ 1 (key-of (lambda () (taken) (deeper 1)))))))
                 (third (key-of (lambda () (call/cc (lambda (k) (set! held k) (deeper 1)))))))
            (set! times (+ times 1))
            (display (list first second third))
            (if (< times 3) (held times))
            (display \" end\")))
        (run)";
    for (limit, key) in [("4G", "stack-overflow"), ("256M", "out-of-memory")] {
        let outcome = Sandbox::new().run(&["--memory-limit", limit, "-c", program]);
        let lists: Vec<String> = [key, "1", "2"]
            .iter()
            .map(|third| format!("({key} wrong-type-arg {third})"))
            .collect();
        assert_eq!(outcome.success(), format!("{} end", lists.concat()));
    }
}

/// Two and more, with less memory than the frames of one would take in the end.
#[test]
fn recursions_without_end_follow_each_other_in_little_memory() {
    let program = "
        (use-modules (ice-9 exceptions))
        (define (deeper n) (+ 1 (deeper n)))
        (define (key-of thunk) (catch #t thunk (lambda (key . _) key)))
        (define (below n thunk) (if (= n 0) (key-of thunk) (let ((key (below (- n 1) thunk))) key)))
        (display (list (key-of (lambda () (deeper 1)))
                       (key-of (lambda () (deeper 1)))
                       (guard (e (#t (exception-kind e))) (deeper 1))
                       (with-exception-handler (lambda (e) (exception-kind e))
                         (lambda () (deeper 1)) #:unwind? #t)
                       (below 50000 (lambda () (deeper 1)))
                       (below 50000 (lambda () (deeper 1)))))";
    for limit in ["64M", "256M", "700M"] {
        let told = Sandbox::new()
            .run(&["--memory-limit", limit, "-c", program])
            .success();
        let keys: Vec<&str> = told.trim_matches(['(', ')']).split(' ').collect();
        assert_eq!(keys.len(), 6, "{limit}: {told}");
        for key in keys {
            assert!(
                ["stack-overflow", "out-of-memory"].contains(&key),
                "{limit}: {told}"
            );
        }
    }
}

/// Whoever goes on filling what he keeps, whatever is thrown, ends with the exception.
#[test]
fn a_program_that_never_minds_that_memory_has_run_out_ends_with_the_error() {
    let trouble = run_small(
        "(define kept '())
         (define (fill) (set! kept (cons 1 kept)) (fill))
         (let loop () (catch #t fill (lambda _ #f)) (loop))",
    )
    .fails_with(4);
    assert!(trouble.contains("Out of memory"), "{trouble}");
}

fn shell(script: &str) -> Outcome {
    let sandbox = Sandbox::new();
    let binary = sandbox.command::<&str>(&[]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, "sh"]).arg(binary.get_program());
    for (name, value) in binary.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(sandbox.work());
    finish(command)
}

#[test]
fn a_program_runs_where_the_working_directory_has_been_removed() {
    let outcome = shell(
        r#"mkdir gone; cd gone; rmdir ../gone; exec "$1" -c '
           (define-syntax-rule (twice x) (begin x x))
           (twice (display (eval (quote (+ 1 2)) (current-module))))
           (display (catch #t getcwd (lambda (key . rest) key)))
           (display (catch #t (lambda () (open-input-file "x")) (lambda (key . rest) key)))'"#,
    );
    assert_eq!(outcome.success(), "33system-errorsystem-error");
}

#[test]
fn a_program_runs_with_little_address_space_and_memory() {
    for before in [
        "ulimit -v 1000000",
        "ulimit -v 600000",
        "export FRUIX_SCM_MEMORY_LIMIT=1",
        "export FRUIX_SCM_MEMORY_LIMIT=64M; ulimit -v 800000",
    ] {
        let outcome = shell(&format!(
            r#"{before}; exec "$1" -c '(display (apply + (iota 1000)))'"#
        ));
        assert_eq!(outcome.success(), "499500", "{before}");
    }
}

#[test]
fn an_open_that_waits_for_a_fifo_ends_at_the_first_interrupt() {
    for program in ["(open-input-file \"fifo\")", "(open-output-file \"fifo\")"] {
        let sandbox = Sandbox::new();
        let made = std::process::Command::new("mkfifo")
            .arg(sandbox.work().join("fifo"))
            .status();
        assert!(made.unwrap().success());
        let mut command = sandbox.command(&["-c", program]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let child = command.spawn().unwrap();
        // Whenever it comes, one is enough.
        std::thread::sleep(Duration::from_secs(3));
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        wait(child, began).fails_with(130);
    }
}

#[test]
fn a_limit_that_is_no_size_is_wrong_usage() {
    let sandbox = Sandbox::new();
    let trouble = sandbox.run(&["--memory-limit", "much", "-c", "0"]);
    assert!(trouble.fails_with(2).contains("not a size"));
    let mut command = sandbox.command(&["-c", "0"]);
    command.env("FRUIX_SCM_MEMORY_LIMIT", "much");
    assert!(
        finish(command)
            .fails_with(2)
            .contains("FRUIX_SCM_MEMORY_LIMIT")
    );
}

#[test]
fn data_as_deep_as_memory_allows_is_read_compared_printed_and_let_go() {
    let program = "
        (define (deep n) (let loop ((i 0) (data '())) (if (= i n) data (loop (+ i 1) (list data)))))
        (let ((one (deep 1000000)) (other (deep 1000000)))
          (display (equal? one other))
          (newline)
          (display (string-length (object->string one)))
          (newline))
        (define shallow (deep 10000))
        (display (equal? shallow (call-with-input-string (object->string shallow) read)))";
    assert_eq!(
        Sandbox::new().run(&["-c", program]).success(),
        "#t\n2000002\n#t"
    );
}

#[test]
fn labels_of_vectors_that_hold_themselves_are_read() {
    // Guile's reader takes the label in such a vector for an array.
    let program = r##"
        (define x (call-with-input-string "#0=(#0# . #1=#(#1# #0#))" read))
        (display (list (eq? x (car x)) (eq? (cdr x) (vector-ref (cdr x) 0))
                       (eq? x (vector-ref (cdr x) 1))))"##;
    assert_eq!(Sandbox::new().run(&["-c", program]).success(), "(#t #t #t)");
}

#[test]
fn circular_data_are_compared_turned_into_syntax_and_evaluated() {
    let program = "
        (define (ring) (let ((v (vector 1 2 3))) (vector-set! v 1 v) v))
        (define (circle) (let ((p (list 1 2))) (set-cdr! (cdr p) p) p))
        (define (key thunk) (catch #t thunk (lambda (key . rest) key)))
        (display (list (equal? (ring) (ring)) (equal? (circle) (circle))
                       (vector? (syntax->datum (datum->syntax #f (ring))))
                       (key (lambda () (eval (circle) (current-module))))))";
    assert_eq!(
        Sandbox::new().run(&["-c", program]).success(),
        "(#t #t #t syntax-error)"
    );
}

#[test]
fn circular_data_in_syntax_and_in_errors_of_syntax_are_shown() {
    let program = "
        (define (circle) (let ((p (list 1 2))) (set-cdr! (cdr p) p) p))
        (define (key thunk) (catch #t thunk (lambda (key . rest) key)))
        (define (shown thunk)
          (catch #t thunk
            (lambda (key . rest)
              (> (string-length
                  (call-with-output-string
                   (lambda (port) (print-exception port #f key rest))))
                 10))))
        (write (list (datum->syntax #f (circle)) (datum->syntax #f '(1 (x \"y\")))
                     (key (lambda () (car (datum->syntax #f (circle)))))
                     (key (lambda () (car (datum->syntax #f 'x))))
                     (shown (lambda () (syntax-violation (list 1) (circle) (circle) (circle))))))";
    assert_eq!(
        Sandbox::new().run(&["-c", program]).success(),
        "(#<syntax (1 2 1 2 . #-1#)> #<syntax (1 (x \"y\"))> \
         wrong-type-arg wrong-type-arg #t)"
    );
}

#[test]
fn a_list_of_ten_million_is_let_go() {
    let program = "(define list (make-list 10000000 1)) (set! list #f) (display 'gone)";
    assert_eq!(Sandbox::new().run(&["-c", program]).success(), "gone");
}

/// How a process that is not ours to choose may end: with any status, but not
/// by a signal, with a panic, or only when it is killed.
fn ends_well(program: &[u8]) -> Result<(), TestCaseError> {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.work().join("program.scm"), program).unwrap();
    let mut command = sandbox.command(&["program.scm"]);
    command
        .env("FRUIX_SCM_MEMORY_LIMIT", "128M")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let began = Instant::now();
    let child = command.spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    let (ended, watch) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        // What is still running then has to listen to Ctrl-C.
        if watch.recv_timeout(Duration::from_secs(10)).is_err() {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
    });
    let outcome = wait(child, began);
    let _ = ended.send(());
    watchdog.join().unwrap();
    let text = String::from_utf8_lossy(program);
    prop_assert!(
        outcome.status.is_some(),
        "ended by a signal: {text}\n{}",
        outcome.stderr
    );
    for word in ["panicked", "internal error"] {
        prop_assert!(!outcome.stderr.contains(word), "{text}\n{}", outcome.stderr);
    }
    Ok(())
}

/// Words that programs are made of; nothing among them touches files or processes.
const WORDS: &[&str] = &[
    "define",
    "lambda",
    "let",
    "let*",
    "letrec",
    "if",
    "cond",
    "case",
    "set!",
    "begin",
    "quote",
    "quasiquote",
    "unquote",
    "unquote-splicing",
    "define-syntax",
    "syntax-rules",
    "syntax-case",
    "let-syntax",
    "with-syntax",
    "syntax",
    "...",
    "_",
    "define-record-type",
    "define*",
    "lambda*",
    "case-lambda",
    "match",
    "let-values",
    "call-with-values",
    "values",
    "receive",
    "parameterize",
    "call/cc",
    "dynamic-wind",
    "catch",
    "throw",
    "raise",
    "guard",
    "with-exception-handler",
    "error",
    "delay",
    "force",
    "do",
    "named-lambda",
    "and",
    "or",
    "when",
    "unless",
    "else",
    "=>",
    "define-module",
    "use-modules",
    "eval",
    "current-module",
    "module-ref",
    "apply",
    "map",
    "for-each",
    "car",
    "cdr",
    "cons",
    "list",
    "append",
    "reverse",
    "vector",
    "vector-ref",
    "make-vector",
    "string-append",
    "string-ref",
    "string->symbol",
    "symbol->string",
    "substring",
    "hash-ref",
    "hash-set!",
    "make-hash-table",
    "sort",
    "format",
    "display",
    "write",
    "read",
    "call-with-input-string",
    "call-with-output-string",
    "number->string",
    "string->number",
    "+",
    "-",
    "*",
    "/",
    "<",
    "=",
    "quotient",
    "expt",
    "exact->inexact",
    "sqrt",
    "eq?",
    "equal?",
    "length",
    "list-tail",
    "string-index",
    "assoc",
    "fold",
    "reduce",
    "iota",
    "make-parameter",
    "call-with-prompt",
    "abort-to-prompt",
    "datum->syntax",
    "generate-temporaries",
    "x",
    "y",
    "z",
    "f",
    "g",
    "k",
    "#t",
    "#f",
    "'()",
    "0",
    "1",
    "-1",
    "2.5",
    "1/3",
    "1e400",
    "99999999999999999999",
    "\"text\"",
    "#\\a",
    "#:key",
    "#:optional",
    "#:rest",
    ".",
    "#(1 2)",
    "#vu8(1 2)",
    "`",
    ",",
    ",@",
    "'",
    "#'",
    "#`",
    "#,",
    "#;",
    "#|",
    "|#",
    "#!eof",
    "#nil",
    "[",
    "]",
];

fn form() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(WORDS).prop_map(str::to_owned);
    word.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            4 => proptest::collection::vec(inner.clone(), 0..6)
                .prop_map(|items| format!("({})", items.join(" "))),
            1 => proptest::collection::vec(inner, 0..4)
                .prop_map(|items| format!("#({})", items.join(" "))),
        ]
    })
}

/// Programs of the conformance suite that touch nothing outside of themselves.
fn tame_programs() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guile");
    let mut programs: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.ends_with(".scm")
                && ["expander-", "procedures-", "reader-", "data-", "errors-"]
                    .iter()
                    .any(|family| name.starts_with(family))
        })
        .collect();
    programs.sort();
    programs
        .into_iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .filter(|text| {
            [
                "file", "system", "kill", "fork", "open", "dir", "pipe", "link", "sleep",
            ]
            .iter()
            .all(|word| !text.contains(word))
        })
        .collect()
}

/// Cut TEXT into brackets, strings and words.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut start = 0;
    for (position, character) in text.char_indices() {
        if "()[] \n'`,\"".contains(character) {
            if start < position {
                tokens.push(&text[start..position]);
            }
            tokens.push(&text[position..position + character.len_utf8()]);
            start = position + character.len_utf8();
        }
    }
    tokens.push(&text[start..]);
    tokens
}

fn mutated() -> impl Strategy<Value = String> {
    let change = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..4usize,
    );
    (
        proptest::sample::select(tame_programs()),
        proptest::collection::vec(change, 1..5),
    )
        .prop_map(|(program, changes)| {
            let mut tokens: Vec<String> = tokens(&program).into_iter().map(str::to_owned).collect();
            for (here, there, kind) in changes {
                let (here, there) = (here.index(tokens.len()), there.index(tokens.len()));
                match kind {
                    0 if tokens.len() > 1 => drop(tokens.remove(here)),
                    1 => tokens.swap(here, there),
                    2 => tokens.insert(here, tokens[there].clone()),
                    _ => tokens[here] = WORDS[there % WORDS.len()].to_owned(),
                }
            }
            tokens.concat()
        })
}

/// The same programs every time, unless PROPTEST_RNG_SEED names others: what
/// the gate says depends on the commit alone.
fn repeatable() -> ProptestConfig {
    let given = ProptestConfig::default();
    ProptestConfig {
        cases: 40,
        max_shrink_iters: 60,
        failure_persistence: None,
        rng_seed: match given.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            seed => seed,
        },
        ..given
    }
}

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn bytes_that_are_no_program_end_in_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        ends_well(&bytes)?;
    }

    #[test]
    fn brackets_and_quotes_at_random_end_in_an_error(text in r#"[()\[\]'`,@#;|"\\ abx0-9.:!{}+\n-]{0,120}"#) {
        ends_well(text.as_bytes())?;
    }

    #[test]
    fn forms_made_at_random_end_in_a_value_or_an_error(forms in proptest::collection::vec(form(), 1..6)) {
        ends_well(forms.join("\n").as_bytes())?;
    }

    #[test]
    fn programs_changed_at_random_end_in_a_value_or_an_error(program in mutated()) {
        ends_well(program.as_bytes())?;
    }
}
