//! `fruix-scm test`, and what others read of its reports: Perl's prove and PyPI's
//! junitparser.

use crate::support::{Sandbox, installed, python_packages};
use std::process::Command;

const PASSES: &str = r#"(use-modules (srfi srfi-64))
(test-begin "passes" 2)
(test-equal "sum" 3 (+ 1 2))
(test-skip "later")
(test-assert "later" #f)
(test-end "passes")
"#;

const FAILS: &str = r#"(use-modules (srfi srfi-64))
(display "printed\n")
(test-begin "fails" 5)
(test-group "inner"
  (test-equal "sum" 4
    (+ 1 2)))
(test-assert "raises" (car '()))
(test-expect-fail "known")
(test-assert "known" #f)
(test-expect-fail "not any more")
(test-assert "not any more" #t)
(test-end "fails")
"#;

const BREAKS: &str = "(use-modules (srfi srfi-64))
(test-begin \"breaks\")
(test-assert \"first\" #t)
(car 1)
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, text) in [
        ("passes.scm", PASSES),
        ("fails.scm", FAILS),
        ("breaks.scm", BREAKS),
        ("silent.scm", "(exit 1)\n"),
        ("plain.scm", "(display \"no tests\\n\")\n"),
        (
            "open.scm",
            "(use-modules (srfi srfi-64))\n(test-begin \"open\")\n(test-assert #t)\n",
        ),
        (
            "exits.scm",
            "(use-modules (srfi srfi-64))\n(test-begin \"exits\")\n(test-assert #t)\n\
             (let ((runner (test-runner-current)))\n  (test-end)\n  \
             (exit (= 1 (test-runner-pass-count runner))))\n",
        ),
    ] {
        sandbox.write(name, text);
    }
    sandbox
}

#[test]
fn files_are_counted_and_the_status_says_what_became_of_them() {
    let sandbox = sandbox();
    for (files, status, counts) in [
        (&["passes.scm"][..], 0, [1, 1, 0, 0, 1]),
        (&["plain.scm", "exits.scm"], 0, [2, 1, 0, 0, 0]),
        (&["fails.scm", "passes.scm"], 1, [2, 1, 4, 0, 2]),
        (&["silent.scm"], 1, [1, 0, 1, 0, 0]),
        (&["open.scm"], 1, [1, 1, 1, 0, 0]),
        (&["breaks.scm", "passes.scm"], 4, [2, 2, 0, 1, 1]),
    ] {
        let outcome = sandbox.run(&[&["test"], files].concat());
        assert_eq!(
            outcome.status,
            Some(status),
            "{files:?}\n{}",
            outcome.stderr
        );
        let [files_, passed, failed, errors, skipped] = counts;
        let expected = format!(
            "files={files_}\npassed={passed}\nfailed={failed}\nerrors={errors}\nskipped={skipped}\n"
        );
        assert!(
            outcome.stdout.ends_with(&expected),
            "{files:?}\n{}",
            outcome.stdout
        );
    }
    sandbox.run(&["test"]).fails_with(2);
    sandbox.run(&["test", "nosuch.scm"]).fails_with(2);
}

#[test]
fn a_failure_is_told_with_its_place_and_with_what_was_expected_and_what_was_there() {
    let sandbox = sandbox();
    let stderr = sandbox.run(&["test", "fails.scm", "breaks.scm"]).stderr;
    for told in [
        "✗ fails / inner: sum\n  fails.scm:5:2: the test fails\n  expected  4\n  actual    3\n",
        "✗ fails: raises\n  fails.scm:7:0: the test fails\n  expected  a true value\n  \
         actual    an error: In procedure car: Wrong type argument",
        "✗ fails: not any more\n  fails.scm:11:0: the test passes, and is expected to fail\n",
        "✗ fails: the number of tests\n  the test fails\n  expected  5\n  actual    4\n",
        "✗ fails.scm: 4 failed, 1 skipped or known to fail",
        "breaks.scm:4:0: In procedure car",
        "✗ the file runs to its end\n  the file ended with status 4\n",
    ] {
        assert!(stderr.contains(told), "{told}\nis not in\n{stderr}");
    }
}

#[test]
fn options_of_the_world_and_of_modules_reach_the_files() {
    let sandbox = sandbox();
    sandbox.write(
        "lib/mine.scm",
        "(define-module (mine) #:export (two))\n(define two 2)\n",
    );
    sandbox.write(
        "uses.scm",
        "(use-modules (mine) (fruix settings) (srfi srfi-64))\n(test-begin \"uses\")\n\
         (test-equal 2 two)\n(test-equal \"validation\" (setting 'vm))\n\
         (test-equal '(\"uses.scm\") (command-line))\n(test-end)\n",
    );
    let stdout = sandbox
        .run(&["-L", "lib", "--set", "vm=validation", "test", "uses.scm"])
        .success();
    assert!(stdout.contains("passed=3\n"), "{stdout}");
}

#[test]
fn perls_prove_reads_the_tap() {
    let Some(prove) = installed("prove") else {
        return;
    };
    let sandbox = sandbox();
    for (file, passes) in [("passes.scm", true), ("fails.scm", false)] {
        let outcome = sandbox.run(&["test", "--tap", file]);
        // What the file prints is no part of it.
        assert!(
            outcome.stdout.starts_with("TAP version 14\n"),
            "{}",
            outcome.stdout
        );
        // Perl's of today knows versions to 13, which has all that is used here.
        let older = outcome
            .stdout
            .replacen("TAP version 14", "TAP version 13", 1);
        let tap = sandbox.write("results.tap", &older);
        let output = Command::new(&prove)
            .args(["--exec", "cat"])
            .arg(&tap)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.success(), passes, "{said}");
        if !passes {
            assert!(said.contains("Failed 4/5 subtests"), "{said}");
        }
    }
}

const READ: &str = "
import sys
from junitparser import JUnitXml
for suite in JUnitXml.fromfile(sys.argv[1]):
    print(suite.name, suite.tests, suite.failures, suite.errors, suite.skipped)
    for case in suite:
        kinds = [type(result).__name__ for result in case.result]
        print(' ', case.classname, '|', case.name, '|', *kinds)
";

#[test]
fn junitparser_reads_the_xml() {
    let Some(place) = python_packages(&["junitparser==5.0.3"]) else {
        return;
    };
    let sandbox = sandbox();
    let outcome = sandbox.run(&[
        "test",
        "--junit",
        "results.xml",
        "passes.scm",
        "fails.scm",
        "breaks.scm",
    ]);
    assert_eq!(outcome.status, Some(4), "{}", outcome.stderr);
    let output = Command::new("python3")
        .args(["-c", READ])
        .arg(sandbox.work().join("results.xml"))
        .env("PYTHONPATH", place)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for line in [
        "passes.scm 2 0 0 1\n",
        "  passes | sum |\n",
        "  passes | later | Skipped\n",
        "fails.scm 5 4 0 1\n",
        "  fails / inner | sum | Failure\n",
        "  fails | known | Skipped\n",
        "breaks.scm 2 0 1 0\n",
        "  breaks.scm | the file runs to its end | Error\n",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
}
