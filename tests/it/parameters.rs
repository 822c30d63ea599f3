//! The parameters and options of a harness: where values come from, of which types they
//! are, and what is refused or answered before anything is touched.

use crate::support::{Outcome, Sandbox, finish, settings_text};
use fruix_scm::sim::{Simulation, SimulationOptions};
use std::net::TcpListener;

/// A harness with a parameter of each kind, which prints their values.
const HARNESS: &str = r#"(use-modules (fruix harness))
(define-parameter jobs "How many at once." #:type count #:default 2 #:unit "jobs")
(define-parameter offset #:type integer #:default 0)
(define-parameter ratio #:type number #:default 1/2)
(define-parameter name "What it is called." #:default (string-append "a" "b"))
(define-parameter deep #:type boolean #:default #f)
(define-parameter how #:type (one-of "fast" "slow") #:default "fast")
(define-parameter tags #:type (list-of string) #:default '())
(define-parameter key #:type file #:default "/none")
(harness "values"
  "The values are what was given."
  (step "write" (write (list jobs offset ratio name deep how tags)) (newline)))
"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("values.scm", HARNESS);
    sandbox
}

fn run(sandbox: &Sandbox, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let mut command = sandbox.command(arguments);
    command.envs(variables.iter().copied());
    finish(command)
}

fn first_line(outcome: Outcome) -> String {
    outcome.success().lines().next().unwrap().to_owned()
}

#[test]
fn settings_then_environment_then_option_and_the_later_one_counts_also_when_simulated() {
    let sandbox = sandbox();
    let values = |arguments: &[&str], variables: &[(&str, &str)]| {
        let live = first_line(run(&sandbox, arguments, variables));
        let simulated = [&["--simulate"], arguments].concat();
        assert_eq!(first_line(run(&sandbox, &simulated, variables)), live);
        live
    };
    let file = ["values.scm"];
    let variable = [("FRUIX_JOBS", "5")];
    assert_eq!(values(&file, &[]), r#"(2 0 1/2 "ab" #f "fast" ())"#);
    sandbox.write(
        "fruix-scm.scm",
        r#"((parameters (jobs . 3) (deep . #t) (tags "x" "y")))"#,
    );
    assert_eq!(values(&file, &[]), r#"(3 0 1/2 "ab" #t "fast" ("x" "y"))"#);
    assert_eq!(
        values(&file, &variable),
        r#"(5 0 1/2 "ab" #t "fast" ("x" "y"))"#
    );
    let options = [
        "values.scm",
        "--jobs=7",
        "--offset",
        "-4",
        "--no-deep",
        "--how=slow",
        "--tags=p,q r",
        "--name",
        "--odd",
        "word",
        "--",
        "--jobs=9",
    ];
    assert_eq!(
        values(&options, &variable),
        r#"(7 -4 1/2 "--odd" #f "slow" ("p" "q" "r"))"#
    );
}

#[test]
fn a_setting_that_a_harness_has_always_read_is_its_parameter_by_the_same_name() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "jobs.scm",
        "(use-modules (fruix harness))
         (define-parameter build-jobs #:type count #:default 2)
         (harness \"jobs\" (step \"write\" (write build-jobs) (newline)))",
    );
    let jobs = |arguments: &[&str], variables: &[(&str, &str)]| {
        first_line(run(&sandbox, arguments, variables))
    };
    sandbox.write("fruix-scm.scm", "((build-jobs . 3))");
    assert_eq!(jobs(&["jobs.scm"], &[]), "3");
    assert_eq!(jobs(&["jobs.scm"], &[("FRUIX_BUILD_JOBS", "4")]), "4");
    let set = ["--set", "build-jobs=5", "jobs.scm"];
    assert_eq!(jobs(&set, &[("FRUIX_BUILD_JOBS", "4")]), "5");
    let both = ["--set", "build-jobs=5", "jobs.scm", "--build-jobs=6"];
    assert_eq!(jobs(&both, &[]), "6");
}

#[test]
fn who_asks_for_a_setting_of_that_name_gets_the_parameter() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "boot.scm",
        "(use-modules (fruix harness) (fruix settings))
         (define-parameter boot-timeout-seconds #:type count #:default 7)
         (harness \"boot\"
           (step \"write\" (write (setting-or 'boot-timeout-seconds 300)) (newline)))",
    );
    let seconds = |arguments: &[&str]| first_line(run(&sandbox, arguments, &[]));
    assert_eq!(seconds(&["boot.scm"]), "7");
    assert_eq!(seconds(&["boot.scm", "--boot-timeout-seconds=9"]), "9");
    let simulated = ["--simulate", "boot.scm", "--boot-timeout-seconds=9"];
    assert_eq!(seconds(&simulated), "9");
}

#[test]
fn a_default_may_be_computed_from_another_parameter_or_be_none() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "below.scm",
        "(use-modules (fruix harness))
         (define-parameter root #:default \"/var\")
         (define-parameter objects #:default (string-append root \"/obj\"))
         (define-parameter secret-name #:default (car (list (make-name))))
         (define (make-name) \"x\")
         (define-parameter label #:default #f)
         (harness \"below\" (step \"write\" (write (list objects label)) (newline)))",
    );
    // What stands behind is not there yet, so that this fails when it is run.
    sandbox.run(&["below.scm"]).fails_with(4);
    let plan = sandbox
        .run(&["below.scm", "--plan", "--root=/tmp"])
        .success();
    for line in [
        "objects=/tmp/obj  (default)",
        "secret-name=(car (list (make-name)))  (default, computed when it is run)",
        "label=none  (default)",
    ] {
        assert!(plan.contains(line), "{line} is not in\n{plan}");
    }
    let given = sandbox.run(&["below.scm", "--root=/tmp", "--secret-name=y"]);
    assert_eq!(first_line(given), r#"("/tmp/obj" #f)"#);
}

#[test]
fn a_file_is_relative_to_what_names_it() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "file.scm",
        "(use-modules (fruix harness))
         (define-parameter key #:type file)
         (harness \"file\" (step \"write\" (write key) (newline)))",
    );
    sandbox.write("far/away.scm", "((parameters (key . \"id\")))");
    let work = sandbox.work();
    let key = |arguments: &[&str]| first_line(run(&sandbox, arguments, &[]));
    assert_eq!(
        key(&["--config", "far/away.scm", "file.scm"]),
        format!("{:?}", work.join("far/id"))
    );
    assert_eq!(
        key(&["file.scm", "--key=id"]),
        format!("{:?}", work.join("id"))
    );
}

#[test]
fn a_value_of_the_wrong_type_is_told_with_name_value_type_and_origin() {
    let sandbox = sandbox();
    let told = |arguments: &[&str], variables: &[(&str, &str)], words: &[&str]| {
        let outcome = run(&sandbox, arguments, variables);
        assert!(!outcome.stdout.contains("(2"), "{}", outcome.stdout);
        let stderr = outcome.fails_with(2);
        for word in words {
            assert!(stderr.contains(word), "{word} is not in\n{stderr}");
        }
        assert!(!sandbox.state().join("runs").exists(), "a run was begun");
    };
    let file = ["values.scm"];
    for (variable, value, wanted) in [
        ("FRUIX_JOBS", "0", "a whole number above zero (jobs)"),
        ("FRUIX_JOBS", "many", "a whole number above zero (jobs)"),
        ("FRUIX_OFFSET", "1.5", "a whole number"),
        ("FRUIX_RATIO", "half", "a number"),
        ("FRUIX_DEEP", "perhaps", "yes or no"),
        ("FRUIX_HOW", "slowly", "one of \"fast\", \"slow\""),
    ] {
        let origin = format!("from ${variable}");
        let name = variable.trim_start_matches("FRUIX_").to_lowercase();
        told(
            &file,
            &[(variable, value)],
            &[
                &format!("parameter `{name}`"),
                &format!("`{value}`"),
                wanted,
                &origin,
            ],
        );
    }
    told(
        &["values.scm", "--jobs=x"],
        &[],
        &["parameter `jobs`", "`x`", "from --jobs"],
    );
    // A better one that counts later does not hide it.
    sandbox.write("fruix-scm.scm", "((parameters (jobs . \"3\")))");
    told(
        &["values.scm", "--jobs=4"],
        &[],
        &["parameter `jobs`", "\"3\"", "fruix-scm.scm"],
    );
}

#[test]
fn a_parameter_without_a_default_must_be_given() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "given.scm",
        "(use-modules (fruix harness))
         (define-parameter target #:unit \"a target of make\")
         (harness \"given\" (step \"write\" (write target) (newline)))",
    );
    assert_eq!(
        first_line(run(&sandbox, &["given.scm", "--target=all"], &[])),
        "\"all\""
    );
    let stderr = sandbox.run(&["given.scm"]).fails_with(2);
    for word in ["`target`", "--target=STRING", "$FRUIX_TARGET", "parameters"] {
        assert!(stderr.contains(word), "{word} is not in\n{stderr}");
    }
}

#[test]
fn a_parameter_cannot_take_the_name_of_an_option_or_have_an_unknown_type() {
    for (form, word) in [
        ("(define-parameter simulate #:default \"x\")", "simulate"),
        ("(define-parameter plan #:default \"x\")", "plan"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(
            "bad.scm",
            &format!("(use-modules (fruix harness)) {form} (harness \"bad\" (step \"s\" 1))"),
        );
        let stderr = sandbox.run(&["bad.scm"]).fails_with(2);
        assert!(stderr.contains(word), "{stderr}");
    }
    for form in [
        "(define-parameter p #:type colour)",
        "(define-parameter p #:colour 1)",
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(
            "bad.scm",
            &format!("(use-modules (fruix harness)) {form} (harness \"bad\" (step \"s\" 1))"),
        );
        let stderr = sandbox.run(&["bad.scm"]).fails_with(4);
        assert!(stderr.contains("of a parameter"), "{stderr}");
    }
}

#[test]
fn an_unknown_option_ends_a_harness_with_the_nearest_before_settings_are_read() {
    let sandbox = sandbox();
    // Whoever reads these settings ends with status 3.
    sandbox.write("fruix-scm.scm", "((hots . \"x\")");
    sandbox.write(
        "early.scm",
        r#"(use-modules (fruix harness) (fruix settings))
(define jobs (setting-or 'build-jobs 2))
(display "at work")
(harness "early" (step "s" jobs))"#,
    );
    for (file, argument, nearest) in [
        ("values.scm", "--job=3", "`--jobs`"),
        ("values.scm", "--plna", "`--plan`"),
        ("values.scm", "--onyl=x", "`--only`"),
        (
            "values.scm",
            "--simulate",
            "`fruix-scm --simulate values.scm`",
        ),
        (
            "values.scm",
            "--simualte",
            "`fruix-scm --simulate values.scm`",
        ),
        (
            "values.scm",
            "--keep=on-failure",
            "`fruix-scm --keep=on-failure values.scm`",
        ),
        ("values.scm", "-L", "`fruix-scm -L values.scm`"),
        ("values.scm", "--gibberish", "--jobs --offset"),
        ("values.scm", "-j8", "--jobs --offset"),
        (
            "early.scm",
            "--simualte",
            "`fruix-scm --simulate early.scm`",
        ),
        ("early.scm", "--jobs=3", "--help --list --plan"),
        ("phase20.scm", "--build-job=3", "`--build-jobs`"),
        ("boot.scm", "--simulate", "`fruix-scm --simulate boot.scm`"),
    ] {
        let outcome = sandbox.run(&[file, argument]);
        assert_eq!(outcome.stdout, "", "{file} {argument}");
        let stderr = outcome.fails_with(2);
        assert!(stderr.contains(nearest), "{file} {argument}\n{stderr}");
        assert!(stderr.contains(argument), "{file} {argument}\n{stderr}");
    }
    let outcome = sandbox.run(&["values.scm", "--config", "x.scm"]);
    assert!(
        outcome
            .fails_with(2)
            .contains("`fruix-scm --config x.scm values.scm`")
    );
    let outcome = sandbox.run(&["values.scm", "--jobs"]);
    assert!(outcome.fails_with(2).contains("takes a value"));
}

#[test]
fn parameters_of_imported_modules_and_loaded_files_are_options_too() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "lib/my/phase.scm",
        "(define-module (my phase)
           #:use-module (fruix harness)
           #:export (prepare depth))
         (define-parameter depth #:type count #:default 1)
         (define (prepare)
           (step \"dig\" (write depth) (newline)))",
    );
    sandbox.write(
        "more.scm",
        "(define-parameter width #:type count #:default 1)",
    );
    sandbox.write(
        "main.scm",
        "(use-modules (fruix harness) (my phase))
         (load \"more.scm\")
         (harness \"main\" (prepare))",
    );
    let main = |arguments: &[&str]| {
        let arguments = [&["-L", "lib", "main.scm"], arguments].concat();
        sandbox.run(&arguments)
    };
    assert_eq!(first_line(main(&["--depth=4", "--width=2"])), "4");
    assert!(main(&["--dept=4"]).fails_with(2).contains("`--depth`"));
    let help = main(&["--help"]).success();
    assert!(help.contains("--depth=COUNT") && help.contains("--width=COUNT"));
    assert_eq!(main(&["--list"]).success(), "main\n  dig\n");
}

#[test]
fn a_harness_that_a_macro_makes_is_refused_when_it_begins() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "made.scm",
        "(use-modules (fruix harness))
         (define-syntax proof (syntax-rules () ((_ name body ...) (harness name body ...))))
         (define-parameter depth #:type count #:default 1)
         (proof \"made\" (step \"dig\" depth))",
    );
    sandbox.run(&["made.scm", "--depth=2"]).success();
    for (option, word) in [
        ("--simulate", "fruix-scm --simulate made.scm"),
        ("--dept=2", "`--depth`"),
        ("--list", "does not show the harness `made`"),
    ] {
        let stderr = sandbox.run(&["made.scm", option]).fails_with(2);
        assert!(stderr.contains(word), "{option}\n{stderr}");
    }
    assert_eq!(
        sandbox.run(&["runs", "list"]).success().lines().count(),
        1,
        "a refused run was begun"
    );
}

#[test]
fn a_program_that_is_no_harness_has_its_arguments_to_itself() {
    let sandbox = Sandbox::new();
    let text = ";; It imports the words of a harness, and is none.
(use-modules (fruix harness) (fruix machine))
(define (walk harness step) (list harness step))
(write (cdr (command-line)))
(newline)\n";
    sandbox.write("plain.scm", text);
    let arguments = ["--simulate", "--help", "-x", "--plan", "--", "--list"];
    let written = r#"("--simulate" "--help" "-x" "--plan" "--" "--list")"#;
    let bare = [&["plain.scm"], &arguments[..]].concat();
    assert_eq!(first_line(sandbox.run(&bare)), written);
    let script = [&["-s", "plain.scm"], &arguments[..]].concat();
    assert_eq!(first_line(sandbox.run(&script)), written);
    let path = sandbox.write(
        "script",
        &format!("#!{} \\\n-s\n!#\n{text}", env!("CARGO_BIN_EXE_fruix-scm")),
    );
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = std::process::Command::new(&path)
        .args(arguments)
        .env("HOME", sandbox.work())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim_end(),
        written,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn help_tells_what_the_harness_is_and_each_value_with_its_origin() {
    let sandbox = sandbox();
    sandbox.write(
        "fruix-scm.scm",
        "((parameters (name . \"file\") (offset . \"x\")))",
    );
    let outcome = run(
        &sandbox,
        &["values.scm", "--help", "--how=slow"],
        &[("FRUIX_JOBS", "5")],
    );
    let help = outcome.success();
    for line in [
        "values",
        "The values are what was given.",
        "--jobs=COUNT",
        "How many at once.",
        "a whole number above zero, jobs; default 2",
        "now 5 ($FRUIX_JOBS)",
        "a string; default ab",
        "now file (",
        "now slow (--how)",
        "now 1/2 (default)",
        "parameter `offset`: it is \"x\"",
        "--deep",
    ] {
        assert!(help.contains(line), "{line} is not in\n{help}");
    }
    for option in [
        "--help",
        "--list",
        "--plan",
        "--from=STEP",
        "--only=STEP",
        "--of=RUN",
    ] {
        assert!(help.contains(option), "{option} is not in\n{help}");
    }
    assert!(!sandbox.state().exists(), "help has made something");
}

#[test]
fn a_list_has_the_steps_in_order_and_says_what_it_does_not_know() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "steps.scm",
        r#"(use-modules (fruix harness) (ice-9 match))
(define root "/var")
(define* (make target #:optional (more '()))
  (step (string-append "make " target)
    #:proof #t
    (inner)))
(define (inner) (step "inside" 1))
(harness "steps"
  (step "first" 1)
  (make "world")
  (make "kernel" '("x"))
  (for-each (lambda (name) (step (string-append "see " name) 1)) '("a" "b"))
  (for-each (lambda (name) (step name 1)) (list (getpid)))
  (when (getenv "MORE") (step "perhaps" 1))
  (let ((where (string-append root "/x")))
    (step (format #f "look at ~a" where) 1)))
"#,
    );
    let outcome = sandbox.run(&["steps.scm", "--list"]);
    assert!(
        outcome.stderr.contains("none was run"),
        "{}",
        outcome.stderr
    );
    assert_eq!(
        outcome.success(),
        "steps
  first
  make world
    inside
  make kernel
    inside
  see a
  see b
  name  (as often as its loop turns)
  perhaps  (if its condition holds)
  look at /var/x
"
    );
    assert!(!sandbox.state().exists(), "the list has made something");
}

#[test]
fn phase20_lists_its_steps_as_the_report_has_them() {
    let list = Sandbox::new().run(&["phase20.scm", "--list"]).success();
    let mut lines = list.lines().map(str::trim);
    for step in [
        "log in to the host",
        "lock the machine for this run",
        "start the VM",
        "the development profile is beside that of the system",
        "the guest can recover the declared materialized FreeBSD source store from system metadata",
        "make buildworld",
        "make buildkernel",
        "make installworld",
        "make distribution",
        "make installkernel",
        "the staged outputs contain the expected artifact shapes",
        "slice headers and bootloader",
    ] {
        assert!(lines.any(|line| line == step), "{step} is not in\n{list}");
    }
}

#[test]
fn a_plan_touches_nothing() {
    let sandbox = Sandbox::new();
    let simulation = Simulation::start(SimulationOptions {
        audit: Some(sandbox.temporary().join("audit")),
        ..SimulationOptions::default()
    })
    .unwrap();
    sandbox.write("fruix-scm.scm", &settings_text(&simulation));
    let record = sandbox.write("record", "of yesterday\n");
    for file in ["phase20.scm", "boot.scm"] {
        for option in ["--plan", "--list", "--help"] {
            let mut command = sandbox.command(&[file, option]);
            command.env("METADATA_OUT", "record");
            let text = finish(command).success();
            if option == "--plan" {
                let vm = format!("vm={}", simulation.settings().vm);
                for line in [
                    "run_kind=live",
                    &vm,
                    "boot-timeout-seconds=20  (",
                    "METADATA_OUT=record",
                    "start the VM",
                ] {
                    assert!(text.contains(line), "{line} is not in\n{text}");
                }
            }
        }
    }
    let login = "session.login_with_password";
    assert_eq!(simulation.host().calls(login), 0);
    let audit = std::fs::read_to_string(sandbox.temporary().join("audit")).unwrap();
    assert_eq!(audit, "");
    assert_eq!(std::fs::read_to_string(record).unwrap(), "of yesterday\n");
    assert!(!sandbox.state().exists(), "a folder was made");

    // Not even a connection is made.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let host = format!("host=https://{}", listener.local_addr().unwrap());
    let arguments = ["--set", &host, "phase20.scm", "--plan"];
    let text = sandbox.run(&arguments).success();
    assert!(text.contains(&host), "{text}");
    assert!(listener.accept().is_err(), "somebody has asked the host");

    // Nor is a simulated world made for it.
    let text = sandbox
        .run(&["--simulate", "phase20.scm", "--plan"])
        .success();
    assert!(text.contains("run_kind=simulated"), "{text}");
    assert!(!text.contains("host="), "{text}");
    assert!(!sandbox.state().exists(), "a folder was made");
}

#[test]
fn a_plan_with_a_wrong_value_is_refused_as_the_run_would_be() {
    let sandbox = sandbox();
    let stderr = sandbox
        .run(&["values.scm", "--plan", "--jobs=x"])
        .fails_with(2);
    assert!(stderr.contains("parameter `jobs`"), "{stderr}");
}

/// A harness that fails until there is a file `go`, and says what it does.
const UNTIL: &str = r#"(use-modules (fruix harness))
(define-parameter jobs #:type count #:default 2)
(define-parameter patience #:type count #:default 9 #:evidence? #f)
(harness "until"
  #:record (jobs)
  (step "work" (display "worked\n") jobs)
  (step "wait" (check "it may go on" (file-exists? "go")))
  (record! 'jobs jobs)
  (format #t "patience=~a\n" patience))
"#;

#[test]
fn a_run_that_is_gone_on_with_has_the_parameters_that_it_began_with() {
    // Told by: what is said behind `resume`, the variables then, the output.
    let again = "done again: the parameter `jobs` has another value";
    for (flags, variables, jobs, why) in [
        (&[] as &[&str], &[] as &[(&str, &str)], "jobs=5", "kept: "),
        (&[], &[("FRUIX_JOBS", "5")], "jobs=5", "kept: "),
        (&["--pinned"], &[("FRUIX_JOBS", "6")], "jobs=5", "kept: "),
        (&["--with-current"], &[("FRUIX_JOBS", "6")], "jobs=6", again),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("until.scm", UNTIL);
        run(&sandbox, &["until.scm"], &[("FRUIX_JOBS", "5")]).fails_with(1);
        sandbox.write("go", "");
        if !variables.is_empty() && variables[0].1 == "6" {
            let stderr = run(&sandbox, &["runs", "resume"], variables).fails_with(2);
            for word in [
                "parameter `jobs`",
                "`5`",
                "`6`",
                "$FRUIX_JOBS",
                "--pinned",
                "--with-current",
            ] {
                assert!(stderr.contains(word), "{word} is not in\n{stderr}");
            }
        }
        let arguments = [&["runs", "resume"], flags].concat();
        let stdout = run(&sandbox, &arguments, variables).success();
        assert!(stdout.contains(jobs), "{flags:?}\n{stdout}");
        let told = sandbox.run(&["runs", "why", "work"]).success();
        assert!(told.contains(why), "{flags:?}\n{told}");
        let shown = sandbox.run(&["runs", "show"]).success();
        assert!(
            shown.contains("parameter jobs = 5 ($FRUIX_JOBS)"),
            "{shown}"
        );
    }
}

#[test]
fn a_parameter_that_nothing_depends_on_may_change_while_a_run_goes_on() {
    let sandbox = Sandbox::new();
    sandbox.write("until.scm", UNTIL);
    sandbox.run(&["until.scm"]).fails_with(1);
    sandbox.write("go", "");
    sandbox.write("fruix-scm.scm", "((parameters (patience . 99)))");
    let stdout = sandbox.run(&["runs", "resume"]).success();
    assert!(stdout.contains("patience=99"), "{stdout}");
    assert!(!stdout.contains("worked"), "{stdout}");
}
