//! Runs in part: what `--from` and `--only` do, what they take from another run, and
//! that such a run never passes.

use crate::support::{Outcome, Sandbox, finish, settings_text};
use fruix_scm::sim::{Simulation, SimulationOptions};

/// A harness of results, an effect and a resource; each says when it is done.
const HARNESS: &str = r#"(use-modules (fruix harness))
(define-parameter jobs #:type count #:default 2)
(define-parameter patience #:type count #:default 9 #:evidence? #f)
(define (did what) (format #t "did ~a\n" what))
(harness "parts"
  #:record (jobs answer tail)
  (record! 'jobs jobs)
  (let ((answer (step "ask" (did "ask") (record! 'answer 42) 42)))
    (step "connect" #:attach #f (did "connect"))
    (step "make" #:proof (file-exists? "made")
      (did "make")
      (call-with-output-file "made" (lambda (port) (display answer port))))
    (step "outer"
      (step "one" (did "one") 1)
      (step "two" (did "two") 2))
    (step "tail" (did "tail") (record! 'tail answer))))
"#;

struct Site {
    sandbox: Sandbox,
    run: String,
}

/// The identifier of the newest run in SANDBOX whose verdict is VERDICT, or any.
fn listed(sandbox: &Sandbox, verdict: &str) -> String {
    let list = sandbox.run(&["runs", "list", "--json"]).success();
    let runs: serde_json::Value = serde_json::from_str(&list).unwrap();
    let run = runs
        .as_array()
        .unwrap()
        .iter()
        .find(|run| verdict.is_empty() || run["verdict"] == verdict)
        .unwrap_or_else(|| panic!("no run is {verdict} in\n{list}"));
    run["id"].as_str().unwrap().to_owned()
}

impl Site {
    /// A place in which the harness has passed once.
    fn new() -> Site {
        let sandbox = Sandbox::new();
        sandbox.write("parts.scm", HARNESS);
        sandbox.run(&["parts.scm"]).success();
        let run = listed(&sandbox, "");
        Site { sandbox, run }
    }

    fn run(&self, options: &[&str]) -> Outcome {
        let of = format!("--of={}", self.run);
        let mut command = self
            .sandbox
            .command(&[&["parts.scm", &of], options].concat());
        command.env("METADATA_OUT", "record");
        finish(command)
    }

    /// The identifier of a run in part that is listed.
    fn part(&self) -> String {
        listed(&self.sandbox, "partial")
    }

    /// Insist that a run with OPTIONS is partial; gives what was done and the output.
    fn partial(&self, options: &[&str]) -> (Vec<String>, String) {
        let outcome = self.run(options);
        let stdout = outcome.stdout.clone();
        outcome.fails_with(5);
        assert!(!stdout.contains("PASS"), "{stdout}");
        let last = stdout.lines().last().unwrap();
        assert!(last.starts_with("PARTIAL parts: "), "{stdout}");
        assert!(last.contains(&self.run), "{stdout}");
        assert!(stdout.contains("\nverdict=partial\n"), "{stdout}");
        self.part();
        let did = stdout
            .lines()
            .filter_map(|line| line.strip_prefix("did "))
            .map(str::to_owned)
            .collect();
        (did, stdout)
    }
}

#[test]
fn from_a_step_on_all_is_done_and_the_rest_is_taken() {
    let site = Site::new();
    let (did, stdout) = site.partial(&["--from=outer"]);
    assert_eq!(did, ["connect", "one", "two", "tail"]);
    assert!(stdout.starts_with("did connect"), "{stdout}");
    assert!(stdout.contains("jobs=2\nanswer=42\ntail=42\n"), "{stdout}");
    let (did, _) = site.partial(&["--from", "two"]);
    assert_eq!(did, ["connect", "two", "tail"]);
    let (did, _) = site.partial(&["--from=ask"]);
    assert_eq!(did, ["ask", "connect", "make", "one", "two", "tail"]);
}

#[test]
fn only_a_step_is_done_and_the_run_ends_behind_it() {
    let site = Site::new();
    let (did, stdout) = site.partial(&["--only=make"]);
    assert_eq!(did, ["connect", "make"]);
    assert!(!stdout.contains("tail="), "{stdout}");
    let (did, _) = site.partial(&["--only=outer / one"]);
    assert_eq!(did, ["connect", "one"]);
}

#[test]
fn the_record_of_a_part_names_it() {
    let site = Site::new();
    site.partial(&["--only=outer"]);
    let record = std::fs::read_to_string(site.sandbox.work().join("record")).unwrap();
    assert!(
        record.starts_with("jobs=2\nanswer=42\nverdict=partial\n"),
        "{record}"
    );
    assert!(
        record.contains(&format!(
            "partial=only step `outer`; what comes before is taken from run `{}`\n",
            site.run
        )),
        "{record}"
    );
    let shown = site.sandbox.run(&["runs", "show", &site.part()]).success();
    for line in [
        "partial: only step `outer`",
        "= ask (kept: taken from run",
        "ended: partial",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn what_cannot_be_taken_is_refused_and_not_done() {
    // What is changed before, the options, words of the message.
    let changes: &[(fn(&Sandbox), &[&str], &[&str])] = &[
        (
            |sandbox| std::fs::remove_file(sandbox.work().join("made")).unwrap(),
            &["--only=tail"],
            &["step `make`", "its proof does not hold"],
        ),
        (
            |sandbox| {
                let text = HARNESS.replace("(did \"ask\")", "(did \"asked\")");
                sandbox.write("parts.scm", &text);
            },
            &["--only=tail"],
            &["step `ask`", "its text has changed"],
        ),
        (
            |sandbox| {
                let text = HARNESS.replace("(step \"tail\"", "(step \"new\" 1) (step \"tail\"");
                sandbox.write("parts.scm", &text);
            },
            &["--only=tail"],
            &["step `new`", "it has not done it"],
        ),
        (
            |_| {},
            &["--only=tail", "--jobs=3"],
            &["`jobs` was 2, and is 3 now, from --jobs"],
        ),
        (
            |_| {},
            &["--only=tial"],
            &["none that is called so", "`tail`"],
        ),
        (
            |_| {},
            &["--only=tail", "--from=ask"],
            &["do not go together"],
        ),
        (|_| {}, &[], &["--from=STEP"]),
        (
            |sandbox| {
                sandbox.write(
                    "parts.scm",
                    &HARNESS.replace("harness \"parts\"", "harness \"other\""),
                );
            },
            &["--only=tail"],
            &["it is of the harness `parts`, and this is `other`"],
        ),
    ];
    for (change, options, words) in changes {
        let site = Site::new();
        change(&site.sandbox);
        let outcome = site.run(options);
        for done in ["did tail", "did make", "did ask", "PASS"] {
            assert!(
                !outcome.stdout.contains(done),
                "{options:?}: {}",
                outcome.stdout
            );
        }
        let stderr = outcome.fails_with(2);
        for word in *words {
            assert!(stderr.contains(word), "{word} is not in\n{stderr}");
        }
    }
}

#[test]
fn without_a_run_to_take_from_it_is_refused_with_the_newest_one() {
    let site = Site::new();
    for option in ["--only=tail", "--from=tail"] {
        let outcome = site.sandbox.run(&["parts.scm", option]);
        assert_eq!(outcome.stdout, "");
        let stderr = outcome.fails_with(2);
        assert!(stderr.contains(&format!("--of={}", site.run)), "{stderr}");
    }
    let outcome = site
        .sandbox
        .run(&["parts.scm", "--only=tail", "--of=19700101"]);
    assert!(outcome.fails_with(2).contains("there is no run `19700101`"));
    // The beginning of an identifier is enough.
    let outcome = site
        .sandbox
        .run(&["parts.scm", "--only=tail", "--of", &site.run[..17]]);
    outcome.fails_with(5);
}

#[test]
fn a_deadline_may_be_another_one_than_in_the_run_that_is_taken_from() {
    let site = Site::new();
    site.partial(&["--only=tail", "--patience=99"]);
}

#[test]
fn a_simulated_run_is_not_taken_from_in_a_live_one() {
    let sandbox = Sandbox::new();
    sandbox.write("parts.scm", HARNESS);
    sandbox.run(&["--simulate", "parts.scm"]).success();
    let of = format!("--of={}", listed(&sandbox, ""));
    let stderr = sandbox
        .run(&["parts.scm", "--only=tail", &of])
        .fails_with(2);
    assert!(
        stderr.contains("it was simulated, and this run is live"),
        "{stderr}"
    );
    let outcome = sandbox.run(&["--simulate", "parts.scm", "--only=tail", &of]);
    outcome.fails_with(5);
}

#[test]
fn a_step_that_the_other_run_never_came_to_can_be_done() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "parts.scm",
        &HARNESS.replace("(did \"one\")", "(fail \"no\")"),
    );
    sandbox.run(&["parts.scm"]).fails_with(1);
    sandbox.write("parts.scm", HARNESS);
    let run = listed(&sandbox, "");
    let site = Site { sandbox, run };
    // What is around it is known from the text.
    let outcome = site.run(&["--only=two"]);
    assert!(!outcome.stdout.contains("did one"), "{}", outcome.stdout);
    assert!(outcome.fails_with(2).contains("step `outer / one`"));
    let (did, _) = site.partial(&["--only=one"]);
    assert_eq!(did, ["connect", "one"]);
    let (did, _) = site.partial(&["--from=one"]);
    assert_eq!(did, ["connect", "one", "two", "tail"]);
}

#[test]
fn of_several_harnesses_the_part_is_one_of_that_which_the_other_run_is_of() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "both.scm",
        r#"(use-modules (fruix harness))
(harness "one" (step "a" (display "did one a\n") 1))
(harness "two" (step "a" (display "did two a\n") 1) (step "b" (display "did two b\n") 2))"#,
    );
    sandbox.run(&["both.scm"]).success();
    let list = sandbox.run(&["runs", "list"]).success();
    let run = list.split_whitespace().find(|word| word.contains("-two-"));
    let run = run.unwrap();
    let outcome = sandbox.run(&["both.scm", "--only=b", "--of", run]);
    assert!(
        outcome.stdout.starts_with("did two b\n"),
        "{}",
        outcome.stdout
    );
    outcome.fails_with(5);
    let plan = sandbox
        .run(&["both.scm", "--only=b", "--of", run, "--plan"])
        .success();
    assert!(plan.starts_with("two\n"), "{plan}");
}

#[test]
fn a_part_of_phase20_is_done_on_the_machine_that_was_kept() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("fruix-scm.scm", &settings_text(&simulation));
    sandbox.run(&["--keep", "phase20.scm"]).success();
    let run = listed(&sandbox, "");
    let outcome = sandbox.run(&[
        &format!("--take-over={run}"),
        "phase20.scm",
        "--from=the staged outputs contain the expected artifact shapes",
        &format!("--of={run}"),
    ]);
    let stdout = outcome.stdout.clone();
    let stderr = outcome.fails_with(5);
    for line in [
        "= import the image, and read it back (kept: its proof holds)",
        "= make installkernel (kept: its proof holds)",
        "= preflight: look for what would fail late (kept: taken from run",
        "▸ the staged outputs contain the expected artifact shapes",
        "✓ slice headers and bootloader",
    ] {
        assert!(stderr.contains(line), "{line} is not in\n{stderr}");
    }
    assert!(!stderr.contains("▸ make"), "{stderr}");
    let last = stdout.lines().last().unwrap();
    assert!(last.starts_with("PARTIAL phase20-"), "{stdout}");
    assert!(
        stdout.contains("\nhost_initiated_native_build=ok\n"),
        "{stdout}"
    );
}

#[test]
fn a_part_that_fails_has_failed() {
    let site = Site::new();
    let text = HARNESS.replace("(did \"tail\")", "(check \"so\" #f)");
    site.sandbox.write("parts.scm", &text);
    let outcome = site.run(&["--only=tail"]);
    assert!(
        outcome.stdout.contains("FAIL parts: "),
        "{}",
        outcome.stdout
    );
    outcome.fails_with(1);
    assert!(!site.sandbox.work().join("record").exists());
}

#[test]
fn a_run_in_part_is_not_gone_on_with() {
    let site = Site::new();
    site.partial(&["--only=tail"]);
    let resume = ["runs", "resume", &site.part()];
    let stderr = site.sandbox.run(&resume).fails_with(2);
    assert!(stderr.contains("a run in part"), "{stderr}");
    // Nor is it what is meant without an identifier.
    let stderr = site.sandbox.run(&["runs", "resume"]).fails_with(2);
    assert!(stderr.contains("none in"), "{stderr}");
}

#[test]
fn a_plan_of_a_part_says_what_becomes_of_each_step_and_makes_nothing() {
    let site = Site::new();
    let plan = site.run(&["--only=outer", "--plan"]).success();
    for line in [
        "  verdict=partial  (",
        "  ask  (taken from the run)",
        "  connect  (attached to, or made again)",
        "  make  (its proof is asked)",
        "  outer  (done)",
        "    one  (done)",
        "  tail  (not done)",
    ] {
        assert!(plan.contains(line), "{line} is not in\n{plan}");
    }
    let list = site.sandbox.run(&["runs", "list"]).success();
    assert_eq!(list.lines().count(), 1, "{list}");
}
