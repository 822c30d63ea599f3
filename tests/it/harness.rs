//! Harnesses as their authors meet them: docs/harness.md, and what goes wrong.

use crate::support::Sandbox;
use std::path::Path;

/// A program of a page of documentation.
struct Program {
    text: String,
    /// The words behind `fruix-scm`, where the page shows how it is run.
    command: Option<Vec<String>>,
    /// The lines that the page says it prints.
    printed: Vec<String>,
}

/// The Scheme programs of a page of documentation, in order.
fn programs(page: &str) -> Vec<Program> {
    const COMMAND: &str = "    $ fruix-scm ";
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(page);
    let text = std::fs::read_to_string(path).unwrap();
    text.split("```scheme\n")
        .skip(1)
        .map(|rest| {
            let (program, behind) = rest.split_once("```").unwrap();
            let mut shown = behind.lines().skip_while(|line| !line.starts_with(COMMAND));
            let command = shown.next().and_then(|line| line.strip_prefix(COMMAND));
            Program {
                text: program.to_owned(),
                command: command.map(|line| line.split(' ').map(str::to_owned).collect()),
                printed: shown
                    .map_while(|line| line.strip_prefix("    "))
                    .map(untimed)
                    .collect(),
            }
        })
        .filter(|program| program.text.contains("(harness \""))
        .collect()
}

/// Whether FOUND is LINE of the guide, where `…` stands for what is of one run.
fn is_line(found: &str, line: &str) -> bool {
    match line.split_once('…') {
        Some((before, after)) => found.starts_with(before) && found.ends_with(after),
        None => found == line,
    }
}

/// LINE without how long something took.
fn untimed(line: &str) -> String {
    match (line.rfind(" ("), line.find(" s)")) {
        (Some(from), Some(to)) if from < to && line[from + 2..to].parse::<f64>().is_ok() => {
            format!("{}{}", &line[..from], &line[to + 3..])
        }
        _ => line.to_owned(),
    }
}

#[test]
fn every_program_of_the_guide_passes_and_prints_what_the_guide_says() {
    let programs = programs("harness.md");
    assert!(programs.len() >= 9, "the guide lost its programs");
    let told = programs
        .iter()
        .filter(|program| !program.printed.is_empty());
    assert!(
        told.count() >= 6,
        "the guide says nothing of what is printed"
    );
    for Program {
        text,
        command,
        printed,
    } in programs
    {
        let sandbox = Sandbox::new();
        let command = command.unwrap_or_else(|| {
            let simulated = text.contains("(fruix machine)").then_some("--simulate");
            simulated
                .into_iter()
                .chain(["program.scm"])
                .map(str::to_owned)
                .collect()
        });
        let name = command.iter().find(|word| word.ends_with(".scm")).unwrap();
        sandbox.write(name, &text);
        let outcome = sandbox.run(&command.iter().map(String::as_str).collect::<Vec<_>>());
        // In this order, and nothing else where no machine is.
        let (verdict, told) = (&outcome.stdout, &outcome.stderr);
        let at = told.find("fruix-scm: ").unwrap_or(told.len());
        let all: Vec<String> = told[..at]
            .lines()
            .chain(verdict.lines())
            .chain(told[at..].lines())
            .map(untimed)
            .collect();
        let fails = printed.iter().any(|line| line.starts_with("FAIL "));
        let last = verdict.lines().last().unwrap_or_default();
        assert!(
            last.starts_with(if fails { "FAIL " } else { "PASS " }),
            "{text}\n{}",
            all.join("\n")
        );
        let mut lines = all.iter();
        for line in &printed {
            assert!(
                lines.any(|found| is_line(found, line)),
                "`{line}` is not where the guide has it\n{}",
                all.join("\n")
            );
        }
        assert_eq!(outcome.status, Some(i32::from(fails)));
    }
}

#[test]
fn a_check_that_does_not_hold_ends_the_harness_with_fail_and_status_1() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "sum.scm",
        r#"(use-modules (fruix harness))
(harness "sum"
  #:record (one two)
  (record! 'one 1)
  (step "count" (check-equal "two and two" (+ 2 2) 5))
  (record! 'two 2))"#,
    );
    let outcome = sandbox.run(&["sum.scm"]);
    assert_eq!(
        outcome.stdout,
        "one=1\nFAIL sum: two and two: expected 5, found 4\n"
    );
    let stderr = outcome.fails_with(1);
    assert!(stderr.contains("✗ count"), "{stderr}");
}

/// What a harness of these lines says on stderr, and its status.
fn told(lines: &str) -> (String, Option<i32>) {
    let sandbox = Sandbox::new();
    sandbox.write(
        "told.scm",
        &format!("(use-modules (fruix harness))\n{lines}"),
    );
    let outcome = sandbox.run(&["told.scm"]);
    (outcome.stderr, outcome.status)
}

#[test]
fn each_failure_shows_file_line_and_the_procedures_on_the_way() {
    // What fails, in line 4 of the file, and what is said of it.
    for (failing, message) in [
        ("(check \"small\" (< x 1))", "this does not hold: small"),
        (
            "(check-equal \"the sum\" (+ x 2) 5)",
            "the sum: expected 5, found 4",
        ),
        (
            "(claim (= (+ x 2) 5))",
            "(= (+ x 2) 5): expected 5, found 4",
        ),
        (
            "(claim \"an odd one\" (odd? x))",
            "this does not hold: an odd one; x is 2",
        ),
        (
            "(claim (and (odd? x) #t))",
            "this does not hold: (and (odd? x) #t)",
        ),
        (
            "(string-append \"a\" x)",
            "Wrong type (expecting string): 2",
        ),
        ("(nosuch x)", "Unbound variable: nosuch"),
        ("(fail \"it is no good\")", "it is no good"),
        (
            "(list (throw 'mine x))",
            "Throw to key `mine' with args `(2)'.",
        ),
    ] {
        let (stderr, _) = told(&format!(
            "(define (inner x)\n  (list 1)\n  {failing}\n  x)\n\
             (define (outer x)\n  (list (inner x)))\n\
             (harness \"told\" (step \"one\" (list 1)) (step \"two\" (outer 2)))"
        ));
        let last = stderr
            .lines()
            .skip_while(|line| !line.starts_with("fruix-scm: "))
            .collect::<Vec<_>>()
            .join("\n");
        assert!(
            last.starts_with("fruix-scm: told.scm:4:") && last.contains(message),
            "{failing}\n{stderr}"
        );
        assert!(last.contains(" in inner\n"), "{failing}\n{stderr}");
        assert!(
            last.contains("  told.scm:7:8 in outer"),
            "{failing}\n{stderr}"
        );
        // The failure is told once where it struck, once at its end.
        let count = stderr.matches(message).count();
        assert!(count <= 2, "{failing}: {count} times\n{stderr}");
    }
}

#[test]
fn what_fails_directly_in_a_step_is_shown_where_it_stands() {
    for text in [
        "(fail \"no\")",
        "(list 2) (fail \"no\") (list 3)",
        "(check \"no\" #f)",
        "(list 2) (check \"no\" #f) (list 3)",
        "(list 2) (claim \"no\" (= 1 2)) (list 3)",
        "(list 2) (list (car '())) (list 3)",
        "(error \"no\")",
        "(list 2) (error \"no\") (list 3)",
        "(throw 'mine \"no\")",
        "(list 2) (throw 'mine \"no\") (list 3)",
    ] {
        let (stderr, _) = told(&format!(
            "(harness \"told\"\n (step \"outer\"\n  (list 1)\n  (step \"one\"\n{text})))"
        ));
        assert!(
            stderr.contains("\nfruix-scm: told.scm:6:"),
            "{text}\n{stderr}"
        );
    }
}

#[test]
fn of_long_values_what_differs_is_shown() {
    for (claim, message) in [
        (
            "(equal? (iota 200) (append (iota 150) '(x) (iota 50)))",
            "they differ in element 150: expected x, found 150",
        ),
        (
            "(equal? (iota 200) (iota 199))",
            "element 199 is too many: expected 199 elements, found 199",
        ),
        (
            "(equal? (make-string 300 #\\a) (string-append (make-string 290 #\\a) \"b\"))",
            "they differ from character 292 on: expected …aaaaaaaaaaaaaaaaaaaaaaaab\", found …",
        ),
    ] {
        let (stderr, status) = told(&format!("(harness \"told\" (claim {claim}))"));
        assert_eq!(status, Some(1));
        assert!(stderr.contains(message), "{stderr}");
        assert!(
            stderr.lines().all(|line| line.len() < 500),
            "too long\n{stderr}"
        );
    }
}

#[test]
fn checks_are_collected_and_the_step_fails_behind_the_last_one() {
    let (stderr, status) = told(
        "(harness \"told\"\n  (step \"all\"\n    (collect-checks\n      (check \"one\" #f)\n\
               (check \"two\" #t)\n      (claim (= 1 2))))\n  (step \"after\" (list 1)))",
    );
    assert_eq!(status, Some(1));
    for line in [
        "✗ told.scm:5:6: this does not hold: one",
        "· two",
        "✗ told.scm:7:6: (= 1 2): expected 2, found 1",
        "✗ all",
        "2 checks do not hold: ",
    ] {
        assert!(stderr.contains(line), "{line} is not in\n{stderr}");
    }
    assert!(!stderr.contains("▸ after"), "{stderr}");
    // What is no check ends it at once.
    let (stderr, status) = told("(harness \"told\" (collect-checks (check \"one\" #f) (car 1)))");
    assert_eq!(status, Some(4), "{stderr}");
}

#[test]
fn a_step_is_skipped_tried_again_ended_or_known_to_fail() {
    let sandbox = Sandbox::new();
    let program = |known: &str| {
        format!(
            r#"(use-modules (fruix harness))
(define tries 0)
(harness "options"
  (step "skipped" #:skip "no disk is here" (fail "no"))
  (step "not skipped" #:skip #f (claim (= 1 1)))
  (step "flaky" #:attempts 3 #:pause 0.01
    (set! tries (+ tries 1))
    (claim (= tries 3)))
  (step "known" #:fails "issue 12" (claim (= 1 {known})))
  (step "quick" #:timeout 60 (claim (= 2 2))))"#
        )
    };
    sandbox.write("options.scm", &program("2"));
    let outcome = sandbox.run(&["options.scm"]);
    let stderr = outcome.stderr.clone();
    outcome.success();
    for line in [
        "· skipped: no disk is here",
        "once more in 0.01 s; attempts left: 1",
        "again: the attempt before it failed",
        "✓ flaky",
        "· fails, as is known (issue 12): ",
    ] {
        assert!(stderr.contains(line), "{line} is not in\n{stderr}");
    }
    assert_eq!(stderr.matches("✗ flaky").count(), 2, "{stderr}");
    sandbox.write("options.scm", &program("1"));
    let stderr = sandbox.run(&["options.scm"]).fails_with(1);
    assert!(stderr.contains("does not fail any more"), "{stderr}");
    sandbox.write(
        "options.scm",
        r#"(use-modules (fruix harness))
(harness "options" (at-end "tidy" (lambda () (display "tidied")))
  (step "slow" #:timeout 1 (usleep 60000000)))"#,
    );
    let began = std::time::Instant::now();
    let outcome = sandbox.run(&["options.scm"]);
    assert!(began.elapsed().as_secs() < 50, "the deadline did not come");
    assert!(outcome.stdout.contains("tidied"), "{}", outcome.stdout);
    let stderr = outcome.fails_with(3);
    assert!(
        stderr.contains("the step `slow' did not end within 1 s"),
        "{stderr}"
    );
    // A loop that asks nobody is ended too.
    sandbox.write(
        "options.scm",
        r#"(use-modules (fruix harness))
(harness "options"
  (step "busy" #:timeout 1 (let loop ((n 0)) (loop (+ n 1)))))"#,
    );
    let stderr = sandbox.run(&["options.scm"]).fails_with(3);
    assert!(stderr.contains("did not end within 1 s"), "{stderr}");
}

#[test]
fn a_clean_up_that_is_due_is_done_then_and_once() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "due.scm",
        r#"(use-modules (fruix harness))
(harness "due"
  (at-end "one" (lambda () (display "one\n")))
  (at-end "two" (lambda () (display "two\n")))
  (at-end "bad" (lambda () (car '())))
  (step "give one back" (end-now "one"))
  (display "on\n")
  (step "give bad back" (end-now "bad")))"#,
    );
    let outcome = sandbox.run(&["due.scm"]);
    assert!(
        outcome.stdout.starts_with("one\non\ntwo\nFAIL due: "),
        "{}",
        outcome.stdout
    );
    let stderr = outcome.fails_with(4);
    assert_eq!(stderr.matches("clean-up: one").count(), 1, "{stderr}");
}

#[test]
fn what_must_hold_meanwhile_ends_a_wait() {
    let (stderr, status) = told(
        "(use-modules (fruix wait))\n(define asked 0)\n\
         (harness \"told\"\n  (step \"wait\"\n    (wait-for (const #f) #:what \"a sign\" #:timeout 60\n\
               #:while (lambda () (set! asked (+ asked 1)) (< asked 3)))))",
    );
    assert_eq!(status, Some(1), "{stderr}");
    assert!(
        stderr.contains("what must hold while waiting for a sign does not"),
        "{stderr}"
    );
}

#[test]
fn a_harness_that_another_imports_is_not_run() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "first.scm",
        r#"(define-module (first) #:use-module (fruix harness) #:export (begin-well))
(define (begin-well) (step "begin" (claim (= 1 1))))
(harness "first" (begin-well))"#,
    );
    sandbox.write(
        "second.scm",
        r#"(use-modules (fruix harness) (first))
(harness "second" (begin-well) (step "go on" (claim (= 2 2))))"#,
    );
    let stdout = sandbox.run(&["first.scm"]).success();
    assert!(stdout.ends_with("PASS first\n"), "{stdout}");
    let stdout = sandbox.run(&["-L", ".", "second.scm"]).success();
    assert_eq!(stdout, "run_kind=none\nPASS second\n");
    let list = sandbox.run(&["-L", ".", "second.scm", "--list"]).success();
    assert!(list.starts_with("second\n  begin\n  go on\n"), "{list}");
}

#[test]
fn clean_ups_run_in_reverse_order_whatever_ended_the_harness() {
    for (ending, status) in [("#t", 0), ("(fail \"no\")", 1), ("(car 1)", 4)] {
        let sandbox = Sandbox::new();
        sandbox.write(
            "tidy.scm",
            &format!(
                r#"(use-modules (fruix harness))
(harness "tidy"
  (at-end "one" (lambda () (display "one\n")))
  (at-end "two" (lambda () (display "two\n")))
  {ending})"#
            ),
        );
        let outcome = sandbox.run(&["tidy.scm"]);
        assert_eq!(outcome.status, Some(status), "{}", outcome.stderr);
        assert!(
            outcome.stdout.starts_with("two\none\n"),
            "{}",
            outcome.stdout
        );
    }
}

#[test]
fn a_promised_key_that_is_never_recorded_fails_the_harness() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "lacks.scm",
        "(use-modules (fruix harness)) (harness \"lacks\" #:record (a b) (record! 'a 1))",
    );
    let outcome = sandbox.run(&["lacks.scm"]);
    assert!(
        outcome
            .stdout
            .ends_with("FAIL lacks: `lacks` ended without recording b\n"),
        "{}",
        outcome.stdout
    );
    outcome.fails_with(1);
}

#[test]
fn the_record_of_a_harness_that_passed_goes_to_metadata_out() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "sizes.scm",
        "(use-modules (fruix harness)) (harness \"sizes\" #:record (b a) (record! 'a \"x=y\") (record! 'b 2))",
    );
    let mut command = sandbox.command(&["sizes.scm"]);
    command.env("METADATA_OUT", "record");
    crate::support::finish(command).success();
    let record = std::fs::read_to_string(sandbox.work().join("record")).unwrap();
    let (own, provenance) = record.split_once("run_kind=none\n").unwrap();
    assert_eq!(own, "b=2\na=x=y\n");
    let keys: Vec<&str> = provenance
        .lines()
        .map(|line| line.split_once('=').unwrap().0)
        .collect();
    assert_eq!(
        keys,
        [
            "run_id",
            "host",
            "vm",
            "vdi",
            "image_sha256",
            "harness_sha256",
            "journal_sha256",
            "tool_version"
        ]
    );
}

#[test]
fn a_metadata_file_that_cannot_be_written_stops_the_harness_before_its_work() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "late.scm",
        "(use-modules (fruix harness)) (harness \"late\" (display \"working\"))",
    );
    let mut command = sandbox.command(&["late.scm"]);
    command.env("METADATA_OUT", "/nonexistent/record");
    let outcome = crate::support::finish(command);
    assert!(!outcome.stdout.contains("working"), "{}", outcome.stdout);
    let stderr = outcome.fails_with(3);
    assert!(stderr.contains("METADATA_OUT"), "{stderr}");
}

#[test]
fn a_run_is_kept_and_can_be_shown() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "kept.scm",
        "(use-modules (fruix harness)) (harness \"kept\" (step \"look\" (check \"it is so\" #t)))",
    );
    sandbox.run(&["kept.scm"]).success();
    let list = sandbox.run(&["runs", "list"]).success();
    assert!(list.contains("  pass  "), "{list}");
    let shown = sandbox.run(&["runs", "show"]).success();
    for line in [
        "began kept",
        "▸ look",
        "· it is so",
        "✓ look",
        "ended: pass",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn a_run_that_cannot_be_kept_passes_all_the_same() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "kept.scm",
        "(use-modules (fruix harness)) (harness \"kept\" (check \"it is so\" #t))",
    );
    let mut command = sandbox.command(&["kept.scm"]);
    command.env("XDG_STATE_HOME", "/dev/null/nowhere");
    let outcome = crate::support::finish(command);
    assert!(
        outcome.stderr.contains("this run is not kept"),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.success(), "run_kind=none\nPASS kept\n");
}
