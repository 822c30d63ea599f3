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
        // Guile's own key for a shift that is too far.
        ("(ash 1 1000000000000)", "numerical-overflow"),
    ] {
        let caught = format!(
            "(use-modules (rnrs bytevectors)) (display (catch #t (lambda () {program}) (lambda (key . rest) key)))"
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
