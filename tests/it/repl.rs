//! The prompt, fed through a pipe as a program would and as a person would type.

use crate::support::{Sandbox, fixtures, mode, talk, talk_with};

#[test]
fn results_are_numbered_and_can_be_used_by_number() {
    let stdout = talk(&Sandbox::new(), "(+ 1 2)\n(* $1 10)\n").success();
    assert!(stdout.contains("$1 = 3"), "{stdout}");
    assert!(stdout.contains("$2 = 30"), "{stdout}");
}

#[test]
fn a_prompt_sees_what_guiles_does_and_the_store() {
    let outcome = talk(
        &Sandbox::new(),
        "(map module-name (module-uses (current-module)))\n\
         (regexp-match? (string-match \"a\" \"ba\"))\n\
         (with-mutex (make-mutex) 'locked)\n\
         (filter-map car '((1)))\n",
    );
    assert!(
        outcome.stderr.contains("add (use-modules (srfi srfi-1))"),
        "{}",
        outcome.stderr
    );
    let stdout = outcome.success();
    let stdout = stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "((guile) (system base compile) (ice-9 session) (ice-9 threads) (ice-9 regex)",
        "$2 = #t",
        "$3 = locked",
    ] {
        assert!(stdout.contains(expected), "{expected} in {stdout}");
    }
}

#[test]
fn a_form_may_take_several_lines() {
    let stdout = talk(
        &Sandbox::new(),
        "(define (twice x)\n  (* 2\n     x))\n(twice 21)\n",
    )
    .success();
    assert!(stdout.contains("$1 = 42"), "{stdout}");
}

#[test]
fn an_error_leaves_the_prompt_alive() {
    let outcome = talk(&Sandbox::new(), "(car 1)\n(undefined-name)\n)\n(+ 20 22)\n");
    assert!(
        outcome.stderr.contains("undefined-name"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.success().contains("= 42"));
}

#[test]
fn a_store_layout_answers_questions_without_an_import() {
    let layout = std::fs::read_dir(fixtures().join("root/frx/store"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.to_string_lossy()
                .ends_with("-fruix-system-fruix-validation")
        })
        .unwrap()
        .join("metadata/store-layout.scm");
    let stdout = talk(
        &Sandbox::new(),
        &format!(
            "(define layout (load-store-layout {layout:?}))\n(source-store layout)\n(length (host-base-stores layout))\n"
        ),
    )
    .success();
    assert!(stdout.contains("-freebsd-source-default\""), "{stdout}");
}

#[test]
fn quitting_gives_the_status_that_was_asked_for() {
    let outcome = talk(&Sandbox::new(), "(exit 5)\n");
    assert_eq!(outcome.status, Some(5));
    talk(&Sandbox::new(), ",q\n(exit 5)\n").success();
}

#[test]
fn history_is_kept_but_not_lines_that_begin_with_a_space() {
    let sandbox = Sandbox::new();
    talk(&sandbox, "(+ 1 2)\n (string-append \"secret\")\n").success();
    let history = sandbox.state().join("prompt-history");
    let text = std::fs::read_to_string(&history).unwrap();
    assert!(text.contains("(+ 1 2)"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(mode(&sandbox.state()), 0o700);
    assert_eq!(mode(&history), 0o600);
}

#[test]
fn the_history_of_an_earlier_version_is_taken_over() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.state()).unwrap();
    std::fs::write(sandbox.state().join("history"), "#V2\n(from before)\n").unwrap();
    talk(&sandbox, "(+ 1 2)\n").success();
    let text = std::fs::read_to_string(sandbox.state().join("prompt-history")).unwrap();
    assert!(text.contains("(from before)"), "{text}");
    assert!(text.contains("(+ 1 2)"), "{text}");
    assert!(!sandbox.state().join("history").exists());
    assert_eq!(mode(&sandbox.state()), 0o700);
}

#[test]
fn a_result_too_long_for_a_line_is_laid_out_over_several() {
    let stdout = talk(
        &Sandbox::new(),
        "(map (lambda (n) (cons n (make-string 30 #\\x))) '(1 2 3 4))\n",
    )
    .success();
    let lines: Vec<&str> = stdout.lines().filter(|line| line.contains("xxx")).collect();
    assert_eq!(lines.len(), 4, "{stdout}");
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{stdout}"
    );
}

#[test]
fn a_store_layout_is_shown_by_its_own_printer() {
    let layout = fixtures().join("root/run/current-system");
    let closure = std::fs::read_link(layout).unwrap();
    let here = fixtures()
        .join("root")
        .join(closure.strip_prefix("/").unwrap());
    let stdout = talk(&Sandbox::new(), &format!("(load-store-layout {here:?})\n")).success();
    assert!(stdout.contains("$1 = #<store-layout "), "{stdout}");
    assert!(stdout.contains("store items>"), "{stdout}");
}

#[test]
fn the_approved_machine_boots_at_a_prompt_too_outside_of_a_harness() {
    let sandbox = Sandbox::new();
    let text = "(use-modules (fruix guest) (fruix harness) (fruix job) (fruix machine) (fruix settings) (fruix xapi))
(define guest (boot-approved-machine))
(guest-output guest '(\"uname\"))
(job-result-passed? (guest-run-job guest \"make\" '(\"true\")))
(define session (log-in-to-host))
(xapi-vm-power-state session (xapi-vm-find session (setting 'vm)))
(assq-ref (xapi-lock-seen session \"VM\" (xapi-vm-find session (setting 'vm))) 'held)
(step \"by hand\" (check \"it is so\" #t) 42)
";
    let outcome = talk_with(&sandbox, &["--simulate"], text);
    for told in [
        "simulated: host https://",
        "▸ import the image, and read it back",
        "outside of a harness this is left to you: shut the VM down",
    ] {
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    }
    assert!(
        !outcome.stderr.contains("Entering a new prompt"),
        "{}",
        outcome.stderr
    );
    let stdout = outcome.success();
    for told in ["= \"FreeBSD\"", "= #t", "= \"Running\"", "= 42"] {
        assert!(stdout.contains(told), "{told} is not in {stdout}");
    }
}

#[test]
fn each_form_of_a_line_is_done_and_shown_before_the_next_is_looked_at() {
    let outcome = talk(
        &Sandbox::new(),
        "1 2 (begin (display \"three:\") 3)\n'x ,pp '(a b)\n,pp '(c)\n",
    );
    assert_eq!(outcome.stderr, "");
    assert_eq!(
        outcome.success(),
        "$1 = 1\n$2 = 2\nthree:$3 = 3\n$4 = x\n(a b)\n(c)\n"
    );
}

#[test]
fn what_cannot_be_read_takes_nothing_from_what_stands_before_it_and_opens_no_level() {
    let outcome = talk(&Sandbox::new(), "(define a 40) (+ a 2) ) 7\n,bt\n(list a\n");
    let (stdout, stderr) = (&outcome.stdout, &outcome.stderr);
    assert_eq!(stdout, "$1 = 42\nNothing to debug.\n");
    assert_eq!(stderr, "fruix-scm: prompt:1:24: unexpected \")\"\n");
}

#[test]
fn an_error_is_where_the_user_has_written_it() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("wrong.scm", "(define (wrong x)\n  (car x))\n");
    for (lines, told) in [
        ("1 2 (car 'a)\n", "fruix-scm: prompt:1:4: In procedure car"),
        (
            "(use-modules (nosuch))\n",
            "fruix-scm: prompt:1:0: no code for module (nosuch)",
        ),
        (",use (nosuch)\n", "fruix-scm: no code for module (nosuch)"),
        ("(let ((x)) x)\n", "fruix-scm: prompt:1:"),
        (
            &format!(",load {}\n(wrong 1)\n", file.display()),
            "wrong.scm:2:2: In procedure car",
        ),
    ] {
        let outcome = talk(&sandbox, lines);
        assert!(outcome.stderr.contains(told), "{lines}{}", outcome.stderr);
        for ours in ["guile/", "fruix/"] {
            assert!(!outcome.stderr.contains(ours), "{lines}{}", outcome.stderr);
        }
    }
}

#[test]
fn programs_add_commands_of_their_own() {
    let stdout = talk(
        &Sandbox::new(),
        "(use-modules (system repl command))\n\
         (define-meta-command ((greet greeting) repl #:optional (who 'you))\n  \
           \"greet [WHO]\" (format #t \"hello ~a~%\" who))\n\
         ,greet world\n,greet\n,gret\n",
    )
    .success();
    assert_eq!(
        stdout,
        "hello world\nhello you\nUnknown meta command: gret; `,help' lists them.\n"
    );
}
