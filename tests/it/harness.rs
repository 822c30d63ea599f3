//! Harnesses as their authors meet them: docs/harness.md, and what goes wrong.

use crate::support::Sandbox;
use std::path::Path;

/// The Scheme programs of a page of documentation, in order.
fn programs(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(page);
    let text = std::fs::read_to_string(path).unwrap();
    text.split("```scheme\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .filter(|program| program.contains("(harness \""))
        .collect()
}

#[test]
fn every_program_of_the_guide_passes() {
    let programs = programs("harness.md");
    assert!(programs.len() >= 3, "the guide lost its programs");
    for program in programs {
        let sandbox = Sandbox::new();
        sandbox.write("program.scm", &program);
        let needs_a_guest = program.contains("(fruix machine)");
        let arguments: &[&str] = if needs_a_guest {
            &["--simulate", "program.scm"]
        } else {
            &["program.scm"]
        };
        let stdout = sandbox.run(arguments).success();
        assert!(
            stdout.lines().last().unwrap().starts_with("PASS "),
            "{program}\n{stdout}"
        );
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
