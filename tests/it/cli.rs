//! The command line as a shell sees it: what goes to stdout, and the exit status.

use crate::support::{Sandbox, finish};

#[test]
fn an_expression_is_evaluated_and_prints_only_what_it_displays() {
    let outcome = Sandbox::new().run(&["-c", "(display (+ 1 2))"]);
    assert_eq!(outcome.stderr, "");
    assert_eq!(outcome.success(), "3");
}

#[test]
fn an_empty_home_is_left_as_it_was() {
    let sandbox = Sandbox::new();
    sandbox.run(&["-c", "0"]).success();
    let home = sandbox.work().parent().unwrap().join("home");
    assert_eq!(std::fs::read_dir(home).unwrap().count(), 0);
}

#[test]
fn the_status_of_exit_is_the_status_of_the_process() {
    for (program, status) in [
        ("(exit)", 0),
        ("(exit 7)", 7),
        ("(exit #t)", 0),
        ("(exit #f)", 1),
        ("(quit 3)", 3),
    ] {
        let outcome = Sandbox::new().run(&["-c", program]);
        assert_eq!(
            outcome.status,
            Some(status),
            "{program}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_script_sees_its_arguments_and_a_hash_bang_line_is_a_comment() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "hello.scm",
        "#!/usr/bin/env -S fruix-scm -e main -s\n!#\n(define (main args) (write args))\n",
    );
    let stdout = sandbox
        .run(&["-e", "main", "-s", "hello.scm", "one", "--two"])
        .success();
    assert_eq!(stdout, r#"("hello.scm" "one" "--two")"#);
}

#[test]
fn what_is_applied_to_the_command_line_is_an_expression_or_a_name_of_a_module() {
    let sandbox = Sandbox::new();
    sandbox.write("empty.scm", "");
    sandbox.write(
        "a/b.scm",
        "(define-module (a b) #:export (main go))
         (define (main args) (write (cons 'main args)))
         (define (go args) (write (cons 'go args)))",
    );
    for (entry, expected) in [
        ("(lambda (args) (write (cdr args)))", r#"("one")"#),
        ("(@ (a b) go)", r#"(go "empty.scm" "one")"#),
        ("(a b)", r#"(main "empty.scm" "one")"#),
        ("(a b) go", r#"(go "empty.scm" "one")"#),
    ] {
        let stdout = sandbox
            .run(&["-L", ".", "-e", entry, "-s", "empty.scm", "one"])
            .success();
        assert_eq!(stdout, expected, "{entry}");
    }
}

#[test]
fn programs_see_what_guile_lets_them_see() {
    let sandbox = Sandbox::new();
    let ask = "(write (map module-name (module-uses (current-module))))
               (write (map (lambda (name) (and (module-variable (current-module) name) #t))
                           '(compile fold string-match match current-output-port)))";
    let expected = "((guile) (system base compile))(#t #f #f #f #t)";
    sandbox.write("ask.scm", ask);
    for arguments in [
        vec!["ask.scm"],
        vec!["-s", "ask.scm"],
        vec!["-c", ask],
        vec!["-l", "ask.scm", "-c", "1"],
    ] {
        assert_eq!(sandbox.run(&arguments).success(), expected, "{arguments:?}");
    }
}

#[test]
fn modules_may_be_in_files_with_other_extensions() {
    let sandbox = Sandbox::new();
    sandbox.write("a/b.sk", "(define-module (a b)) (define-public c 'found)");
    let program = "(use-modules (a b)) (write (cons c %load-extensions))";
    let stdout = sandbox
        .run(&["-x", ".sk", "-x", ".sl", "-L", ".", "-c", program])
        .success();
    assert_eq!(stdout, r#"(found ".sk" ".sl" ".scm" "")"#);
    let stdout = sandbox
        .run(&["--r7rs", "-c", "(write (list '|a| %load-extensions))"])
        .success();
    assert_eq!(stdout, r#"(a (".guile.sld" ".sld" ".scm" ""))"#);
}

#[test]
fn a_program_that_sends_itself_a_terminate_dies_of_it_unless_it_handles_that() {
    let sandbox = Sandbox::new();
    let send = "(kill (getpid) SIGTERM) (sleep 10)";
    assert_eq!(sandbox.run(&["-c", send]).status, None);
    let handled = "(sigaction SIGTERM (lambda (signal) (write signal)))
                   (kill (getpid) SIGTERM)";
    assert_eq!(sandbox.run(&["-c", handled]).success(), "15");
}

#[test]
fn a_script_may_keep_its_options_in_its_second_line() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "meta.scm",
        "#!/usr/local/bin/fruix-scm \\\n-e main -s\n!#\n(define (main args) (write args))\n",
    );
    // The system passes the one argument of the first line, then the script.
    let stdout = sandbox.run(&["\\", "meta.scm", "one", "--two"]).success();
    assert_eq!(stdout, r#"("meta.scm" "one" "--two")"#);

    sandbox.write("bad.scm", "#!/usr/local/bin/fruix-scm \\\n-e\tmain\n!#\n");
    let outcome = sandbox.run(&["\\", "bad.scm"]);
    assert_eq!(outcome.status, Some(2));
    assert!(outcome.stderr.contains("a tab"), "{}", outcome.stderr);
}

#[test]
fn ds_says_where_among_the_loaded_files_the_program_runs() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "program"] {
        sandbox.write(&format!("{name}.scm"), &format!("(display {name:?})"));
    }
    let order = |arguments: &[&str]| sandbox.run(arguments).success();
    assert_eq!(
        order(&["-l", "a.scm", "-l", "b.scm", "-s", "program.scm"]),
        "abprogram"
    );
    assert_eq!(
        order(&["-l", "a.scm", "-ds", "-l", "b.scm", "-s", "program.scm"]),
        "aprogramb"
    );
}

#[test]
fn srfis_can_be_imported_by_number() {
    let stdout = Sandbox::new()
        .run(&[
            "--use-srfi=1,26",
            "-c",
            "(write (map (cut + 1 <>) (iota 3)))",
        ])
        .success();
    assert_eq!(stdout, "(1 2 3)");
}

#[test]
fn files_are_loaded_first_and_directories_are_searched_for_modules() {
    let sandbox = Sandbox::new();
    sandbox.write("first.scm", "(define greeting \"hi\")");
    sandbox.write(
        "lib/my/words.scm",
        "(define-module (my words) #:export (shout)) (define (shout s) (string-append s \"!\"))",
    );
    let stdout = sandbox
        .run(&[
            "-L",
            "lib",
            "-l",
            "first.scm",
            "-c",
            "(use-modules (my words)) (display (shout greeting))",
        ])
        .success();
    assert_eq!(stdout, "hi!");
}

#[test]
fn guiles_load_path_comes_after_our_own() {
    let sandbox = Sandbox::new();
    for (directory, word) in [("ours", "ours"), ("guiles", "guile's")] {
        sandbox.write(
            &format!("{directory}/my/word.scm"),
            &format!("(define-module (my word) #:export (word)) (define word {word:?})"),
        );
    }
    let run = |ours: bool| {
        let mut command = sandbox.command(&["-c", "(use-modules (my word)) (display word)"]);
        command.env("GUILE_LOAD_PATH", "guiles:...");
        if ours {
            command.env("FRUIX_SCM_LOAD_PATH", "ours");
        }
        finish(command).success()
    };
    assert_eq!(run(true), "ours");
    assert_eq!(run(false), "guile's");
}

#[test]
fn an_error_in_a_script_shows_its_place_and_ends_with_status_4() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "broken.scm",
        "(define (half x)\n  (/ x (car x)))\n(display \"before\\n\")\n(half 12)\n",
    );
    let outcome = sandbox.run(&["broken.scm"]);
    assert_eq!(outcome.stdout, "before\n");
    let stderr = outcome.fails_with(4);
    assert!(stderr.contains("broken.scm:2:"), "{stderr}");
    assert!(stderr.contains("(/ x (car x))"), "{stderr}");
}

#[test]
fn a_misspelt_name_gets_a_hint() {
    let stderr = Sandbox::new()
        .run(&["-c", "(string-apend \"a\" \"b\")"])
        .fails_with(4);
    assert!(stderr.contains("string-apend"), "{stderr}");
    assert!(stderr.contains("string-append"), "{stderr}");
}

#[test]
fn a_module_that_does_not_exist_is_named_with_where_it_was_looked_for() {
    let stderr = Sandbox::new()
        .run(&["-c", "(use-modules (no such module))"])
        .fails_with(4);
    assert!(stderr.contains("(no such module)"), "{stderr}");
    assert!(stderr.contains("no/such/module.scm"), "{stderr}");
}

#[test]
fn a_script_that_is_nowhere_is_wrong_usage() {
    let stderr = Sandbox::new().run(&["nowhere.scm"]).fails_with(2);
    assert!(stderr.contains("nowhere.scm"), "{stderr}");
    assert!(stderr.contains("phase20.scm"), "{stderr}");
}

#[test]
fn an_unknown_option_is_wrong_usage() {
    Sandbox::new().run(&["--simulat", "x.scm"]).fails_with(2);
}

#[test]
fn help_and_version_are_answers_on_stdout() {
    let sandbox = Sandbox::new();
    assert!(sandbox.run(&["--help"]).success().contains("--simulate"));
    assert!(sandbox.run(&["-v"]).success().starts_with("fruix-scm "));
}

#[test]
fn settings_are_shown_with_where_they_came_from() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "fruix-scm.scm",
        "((host . \"https://xcp\") (build-jobs . 4))",
    );
    let mut command = sandbox.command(&["--set", "vm=abc", "--show-settings"]);
    command.env("FRUIX_BUILD_JOBS", "8");
    let stdout = finish(command).success();
    for line in [
        "host=https://xcp  (",
        "build-jobs=8  ($FRUIX_BUILD_JOBS)",
        "vm=abc  (--set)",
    ] {
        assert!(stdout.contains(line), "{line} is not in\n{stdout}");
    }
}

#[test]
fn doctor_names_everything_that_a_live_run_lacks_and_exits_3() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run(&["doctor"]);
    for name in ["LACKS host", "LACKS approved/vms", "LACKS image"] {
        assert!(outcome.stdout.contains(name), "{}", outcome.stdout);
    }
    outcome.fails_with(3);
}

#[test]
fn malformed_settings_are_named_with_their_file_and_exit_3() {
    let sandbox = Sandbox::new();
    sandbox.write("fruix-scm.scm", "((host . ");
    let stderr = sandbox.run(&["phase20.scm"]).fails_with(3);
    assert!(stderr.contains("fruix-scm.scm"), "{stderr}");
}

#[test]
fn a_closed_stdout_is_no_panic() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["-c", "(let loop () (display \"x\\n\") (loop))"]);
    let output = with_closed_stdout(&mut command);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// What COMMAND says whose stdout nobody reads.
fn with_closed_stdout(command: &mut std::process::Command) -> std::process::Output {
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.wait_with_output().unwrap()
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error_and_a_full_disk_is() {
    let sandbox = Sandbox::new();
    let tree = sandbox.work().join("tree");
    std::fs::create_dir(&tree).unwrap();
    for number in 0..3000 {
        std::fs::write(tree.join(format!("{number}")), "").unwrap();
    }
    for arguments in [&["hash", "--manifest", "tree"][..], &["--show-settings"]] {
        let output = with_closed_stdout(&mut sandbox.command(arguments));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), &*said),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
    let Ok(full) = std::fs::File::create("/dev/full") else {
        return;
    };
    let output = sandbox
        .command(&["hash", "tree"])
        .stdout(full)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("cannot write to stdout: No space left"),
        "{said}"
    );
}

#[test]
fn a_process_that_may_open_nothing_says_so_and_does_not_panic() {
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 4; exec \"$0\" -c '(display 1)'"])
        .arg(env!("CARGO_BIN_EXE_fruix-scm"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(
        stderr.starts_with("fruix-scm: cannot begin: ") && stderr.contains("\nhint: `ulimit -a`"),
        "{stderr}"
    );
}
