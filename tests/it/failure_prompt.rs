//! The prompt that opens where a step has failed, as somebody at a terminal meets it.

use crate::support::{Sandbox, finish, installed};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What stands before the cursor.
const PROMPT: &str = "scheme@(guile-user) [failed]> ";

/// A harness whose inner step goes well when it is tried for the third time.
const THIRD_TIME: &str = r#"(use-modules (fruix harness))
(define tries 0)
(harness "tries"
  #:record (tries)
  (at-end "say so" (lambda () (display "cleaned\n")))
  (step "outer"
    (record! 'tries
             (step "inner"
               (set! tries (+ tries 1))
               (check "third time lucky" (= tries 3))
               tries))
    (step "behind it" (display "went on\n"))))"#;

/// A program at a terminal of its own, and what it has shown there so far.
struct Terminal {
    child: Child,
    keys: File,
    shown: Arc<Mutex<String>>,
    /// How much of that has been looked at.
    seen: usize,
    began: Instant,
}

impl Terminal {
    /// The binary with ARGUMENTS in SANDBOX, all its streams at a terminal, prepared by
    /// PREPARE.
    fn open(sandbox: &Sandbox, arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Terminal {
        let (mut ours, mut theirs) = (0, 0);
        // SAFETY: both descriptors are written to, and nothing else is asked for.
        let opened = unsafe {
            libc::openpty(
                &mut ours,
                &mut theirs,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        };
        assert_eq!(opened, 0, "there are terminals");
        // SAFETY: nobody else owns what was just opened.
        let (ours, theirs) = unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
        let mut command = sandbox.command(arguments);
        command
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(theirs.try_clone().unwrap())
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs);
        prepare(&mut command);
        // SAFETY: both calls may be made between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        drop(command);
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut screen, written) = (ours.try_clone().unwrap(), shown.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal that nobody has open any more is an error.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).replace('\r', "");
                written.lock().unwrap().push_str(&text);
            }
        });
        Terminal {
            child,
            keys: ours,
            shown,
            seen: 0,
            began: Instant::now(),
        }
    }

    /// Wait until TEXT is shown, behind what was looked at before; gives what came until
    /// then.
    fn shows(&mut self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let shown = self.shown.lock().unwrap().clone();
            let new = &shown[self.seen..];
            if let Some(at) = new.find(text) {
                let before = new[..at].to_owned();
                self.seen += at + text.len();
                return before;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "`{text}` did not appear in\n{shown}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Enter LINE at the prompt, which has to come first.
    fn enters(&mut self, line: &str) {
        self.shows(PROMPT);
        self.types(&format!("{line}\r"));
        // Rustyline may show the prompt again with each key, until it lets go of the
        // terminal.
        self.shows("\u{1b}[?2004l");
    }

    /// Wait for the end; gives the status and everything that was shown.
    fn ends(mut self) -> (Option<i32>, String) {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.began.elapsed() > Duration::from_secs(120) {
                let _ = self.child.kill();
                panic!("it goes on: {}", self.shown.lock().unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        // What was written last may be on its way.
        std::thread::sleep(Duration::from_millis(100));
        let shown = self.shown.lock().unwrap().clone();
        (status.code(), shown)
    }
}

fn third_time(arguments: &[&str]) -> (Sandbox, Terminal) {
    let sandbox = Sandbox::new();
    sandbox.write("tries.scm", THIRD_TIME);
    let arguments: Vec<&str> = arguments.iter().copied().chain(["tries.scm"]).collect();
    let terminal = Terminal::open(&sandbox, &arguments, |_| {});
    (sandbox, terminal)
}

fn verdict(sandbox: &Sandbox) -> String {
    let list = sandbox.run(&["runs", "list", "--json"]).success();
    let runs: serde_json::Value = serde_json::from_str(&list).unwrap();
    runs[0]["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn a_step_is_done_again_where_it_failed_and_the_run_may_pass() {
    let (sandbox, mut terminal) = third_time(&[]);
    terminal.shows("The step `outer / inner` has failed. Nothing has been cleaned up yet.");
    terminal.enters("(list 'tries tries)");
    terminal.shows("$1 = (tries 1)");
    terminal.enters(",retry");
    terminal.shows("again: tried again by hand");
    terminal.shows("has failed");
    terminal.enters(",retry");
    let (status, shown) = terminal.ends();
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("tries=3\n"), "{shown}");
    assert!(shown.ends_with("PASS tries\n"), "{shown}");
    assert_eq!(shown.matches("cleaned\n").count(), 1, "{shown}");
    let told = sandbox.run(&["runs", "show"]).success();
    assert_eq!(told.matches("(again: tried again by hand)").count(), 2);
    assert_eq!(verdict(&sandbox), "pass");
    let why = sandbox.run(&["runs", "why", "inner"]).success();
    assert!(why.contains("done again: tried again by hand"), "{why}");
}

#[test]
fn a_run_in_which_a_step_was_left_out_never_passes_and_everything_names_it() {
    let (sandbox, mut terminal) = third_time(&[]);
    terminal.enters(",skip (* 6 7)");
    let (status, shown) = terminal.ends();
    assert_eq!(status, Some(5), "{shown}");
    for text in [
        "went on\n",
        "tries=42\n",
        "passed_over=outer / inner\n",
        "verdict=partial\nPARTIAL tries: passed over by hand: outer / inner\n",
    ] {
        assert!(shown.contains(text), "`{text}` is not in\n{shown}");
    }
    assert!(!shown.contains("PASS"), "{shown}");
    assert_eq!(verdict(&sandbox), "partial");
    let told = sandbox.run(&["runs", "show"]).success();
    assert!(
        told.contains("! outer / inner was passed over by hand: it was left out, with 42"),
        "{told}"
    );
    assert!(
        told.contains("ended: partial: passed over by hand: outer / inner"),
        "{told}"
    );
    let list = sandbox.run(&["runs", "list"]).success();
    assert!(list.contains("partial"), "{list}");
    assert!(list.trim_end().ends_with("  outer / inner"), "{list}");
    let json = sandbox.run(&["runs", "list", "--json"]).success();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["passed_over"][0], "outer / inner");
}

#[test]
fn what_was_left_out_is_done_when_the_run_is_gone_on_with_and_so_is_what_follows() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "helped.scm",
        r#"(use-modules (fruix harness))
(harness "helped"
  #:record (value)
  (step "before" (display "before\n"))
  (step "outer"
    (record! 'value
             (step "inner"
               (check "there is help" (file-exists? "help"))
               'real)))
  (step "behind it" (display "behind it\n")))"#,
    );
    let mut terminal = Terminal::open(&sandbox, &["helped.scm"], |_| {});
    terminal.enters(",skip 'made-up");
    let (status, shown) = terminal.ends();
    assert_eq!(status, Some(5), "{shown}");
    assert!(shown.contains("value=made-up\n"), "{shown}");
    sandbox.write("help", "");
    let stdout = sandbox.run(&["runs", "resume"]).success();
    assert_eq!(
        stdout,
        "behind it\nvalue=real\nrun_kind=none\nPASS helped\n"
    );
    assert_eq!(verdict(&sandbox), "pass");
    let why = sandbox.run(&["runs", "why"]).success();
    assert!(
        why.contains("outer: done again: in it a failure was passed over by hand"),
        "{why}"
    );
}

#[test]
fn going_on_failing_is_as_without_a_prompt_whichever_way_it_is_said() {
    for keys in [",continue\r", "\u{4}", "(exit 9)\r"] {
        let (sandbox, mut terminal) = third_time(&[]);
        terminal.shows(PROMPT);
        terminal.types(keys);
        let (status, shown) = terminal.ends();
        assert_eq!(status, Some(1), "{shown}");
        // The steps around it fail too, and nobody is asked about that.
        assert!(shown.contains("✗ outer ("), "{shown}");
        assert_eq!(shown.matches("Nothing has been cleaned up").count(), 1);
        assert!(
            shown.contains("FAIL tries: this does not hold: third time lucky"),
            "{shown}"
        );
        // Where it failed is known as ever.
        assert!(shown.contains("fruix-scm: tries.scm:"), "{shown}");
        assert_eq!(verdict(&sandbox), "fail");
    }
}

#[test]
fn errors_and_interrupts_there_do_not_end_the_run() {
    let (_sandbox, mut terminal) = third_time(&[]);
    terminal.enters("(car 1)");
    terminal.shows("In procedure car: Wrong type");
    terminal.shows("scheme@(guile-user) [1]> ");
    terminal.types("\u{4}");
    // A step that somebody tries there is not asked about.
    terminal.enters("(step \"by hand\" (vector-ref (vector) 0))");
    terminal.shows("✗ by hand");
    terminal.shows("scheme@(guile-user) [1]> ");
    terminal.types(",q\r");
    terminal.shows(PROMPT);
    terminal.types("half of a line\u{3}");
    terminal.enters("(begin (display \"begun\") (force-output) (let loop () (loop)))");
    terminal.shows("begun");
    terminal.types("\u{3}");
    terminal.shows("interrupted");
    terminal.shows("scheme@(guile-user) [1]> ");
    terminal.types("\u{4}");
    terminal.enters(",nosuch");
    terminal.shows("Unknown meta command");
    terminal.enters("(set! tries 2)");
    terminal.enters(",retry");
    let (status, shown) = terminal.ends();
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.ends_with("PASS tries\n"), "{shown}");
}

#[test]
fn the_failure_is_told_again_with_its_place_and_without_a_guest_there_is_no_shell() {
    let (_sandbox, mut terminal) = third_time(&[]);
    terminal.enters(",why");
    let told = terminal.shows("key check-failed");
    assert!(told.contains("step outer / inner\n"), "{told}");
    assert!(told.contains("at tries.scm:8:13\n"), "{told}");
    assert!(
        told.contains("this does not hold: third time lucky\n"),
        "{told}"
    );
    terminal.enters(",log");
    terminal.shows("No job of this step has printed anything.");
    terminal.enters(",shell");
    terminal.shows("No guest is connected.");
    terminal.enters(",help");
    terminal.shows(",retry ");
    terminal.enters(",continue");
    assert_eq!(terminal.ends().0, Some(1));
}

#[test]
fn nobody_is_waited_for_for_ever() {
    for terminal in ["xterm", "dumb"] {
        let sandbox = Sandbox::new();
        sandbox.write("tries.scm", THIRD_TIME);
        let mut terminal = Terminal::open(
            &sandbox,
            &["--set", "prompt-seconds=2", "tries.scm"],
            |command| {
                command.env("TERM", terminal);
            },
        );
        terminal.shows("It fails by itself after 2 s without a key.");
        terminal.shows(PROMPT);
        // Each key starts the clock again.
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(800));
            terminal.types(" ");
        }
        let (status, shown) = terminal.ends();
        assert_eq!(status, Some(1), "{shown}");
        assert!(shown.contains("Nobody is here: the run fails."), "{shown}");
        assert!(shown.contains("cleaned\n"), "{shown}");
    }
}

#[test]
fn nobody_is_asked_in_ci_without_a_terminal_or_where_the_setting_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write("tries.scm", THIRD_TIME);
    let asked = |arguments: &[&str], prepare: &dyn Fn(&mut Command)| {
        let (status, shown) =
            Terminal::open(&sandbox, arguments, |command| prepare(command)).ends();
        assert_eq!(status, Some(1), "{shown}");
        assert!(shown.contains("cleaned\n"), "{shown}");
        shown.contains("Nothing has been cleaned up")
    };
    let in_ci = |command: &mut Command| {
        command.env("CI", "1");
    };
    assert!(!asked(&["tries.scm"], &in_ci));
    assert!(!asked(&["--set", "prompt=off", "tries.scm"], &|_| {}));
    assert!(!asked(&["tries.scm"], &|command| {
        command.stdin(Stdio::null());
    }));
    assert!(!asked(&["--simulate", "tries.scm"], &|command| {
        command.env("FRUIX_PROMPT", "off");
    }));
    let outcome = finish(sandbox.command(&["tries.scm"]));
    assert!(!outcome.stderr.contains("Nothing has been cleaned up"));
    assert_eq!(outcome.status, Some(1));
}

#[test]
fn what_is_said_there_is_not_in_the_record() {
    let sandbox = Sandbox::new();
    sandbox.write("tries.scm", THIRD_TIME);
    let record = sandbox.work().join("record");
    let mut terminal = Terminal::open(&sandbox, &["tries.scm"], |command| {
        command.stdout(File::create(&record).unwrap());
    });
    terminal.enters("(begin (display \"here\") (newline) 'value)");
    terminal.shows("$1 = value");
    terminal.enters(",skip");
    assert_eq!(terminal.ends().0, Some(5));
    let record = std::fs::read_to_string(record).unwrap();
    assert_eq!(
        record,
        "went on\ncleaned\ntries=#<unspecified>\npassed_over=outer / inner\n\
         run_kind=none\nverdict=partial\nPARTIAL tries: passed over by hand: outer / inner\n"
    );
}

#[test]
fn a_wish_that_the_process_ends_is_heard_there() {
    for terminal in ["xterm", "dumb"] {
        let sandbox = Sandbox::new();
        sandbox.write("tries.scm", THIRD_TIME);
        let mut terminal = Terminal::open(&sandbox, &["tries.scm"], |command| {
            command.env("TERM", terminal);
        });
        terminal.shows(PROMPT);
        let pid = i32::try_from(terminal.child.id()).unwrap();
        // SAFETY: the child is ours and lives.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let (status, shown) = terminal.ends();
        assert_eq!(status, Some(1), "{shown}");
        assert!(shown.contains("cleaned\n"), "{shown}");
    }
}

#[test]
fn a_failure_outside_of_steps_is_asked_about_and_cannot_be_left_out() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "bare.scm",
        "(use-modules (fruix harness)) (harness \"bare\" (check \"it is so\" #f))",
    );
    let mut terminal = Terminal::open(&sandbox, &["bare.scm"], |_| {});
    terminal.shows("The harness has failed, outside of any step.");
    terminal.enters(",retry");
    terminal.shows("No step has failed");
    terminal.enters(",skip");
    terminal.shows("No step has failed");
    terminal.enters(",continue");
    let (status, shown) = terminal.ends();
    assert_eq!(status, Some(1), "{shown}");
    assert!(shown.contains("FAIL bare: this does not hold: it is so"));
}

/// A harness in a guest whose job goes well when somebody has helped it.
const WITH_A_GUEST: &str = r#"(use-modules (fruix guest) (fruix harness) (fruix job)
                (fruix machine) (fruix ssh))
(harness "with a guest"
  (let ((machine (boot-approved-machine)))
    (step "build"
      (guest-run-job machine "make"
                     (sh "echo one; echo two; test -e /var/tmp/helped")))))"#;

#[test]
fn guest_session_journal_log_and_a_shell_are_at_hand_and_the_machine_stays_ours() {
    if installed("ssh").is_none() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("guest.scm", WITH_A_GUEST);
    let arguments = ["--simulate", "--set", "lock-seconds=3", "guest.scm"];
    let mut terminal = Terminal::open(&sandbox, &arguments, |_| {});
    terminal.shows("The step `build` has failed.");
    terminal.enters("(guest-output guest '(\"uname\"))");
    terminal.shows("$1 = \"FreeBSD\"");
    terminal.enters("session");
    terminal.shows("$2 = #<xapi-session>");
    terminal.enters("(file-exists? journal)");
    terminal.shows("$3 = #t");
    terminal.enters(",log");
    let log = terminal.shows("all of it: ");
    assert!(log.contains("==> build: job make\none\ntwo\n"), "{log}");
    // Three leases long; the lock is renewed beside the prompt.
    std::thread::sleep(Duration::from_secs(9));
    terminal.enters(",shell");
    // The simulated guest has shells, and no terminals for them.
    terminal.shows("PTY allocation request failed");
    terminal.types("touch /var/tmp/helped; echo $((6 * 7)); exit\r");
    terminal.shows("42\n");
    terminal.enters(",retry");
    let (status, shown) = terminal.ends();
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("clean-up: shut the VM down"), "{shown}");
    assert!(shown.ends_with("PASS with a guest\n"), "{shown}");
    let known_hosts = sandbox.run(&["runs", "list", "--json"]).success();
    let runs: serde_json::Value = serde_json::from_str(&known_hosts).unwrap();
    let folder = Path::new(runs[0]["folder"].as_str().unwrap());
    assert!(folder.join("known_hosts").is_file());
    let id = runs[0]["id"].as_str().unwrap();
    let log = sandbox.run(&["runs", "log", id, "build"]).success();
    assert_eq!(
        log,
        "==> build: job make\none\ntwo\n==> build: job make\none\ntwo\n"
    );
}

#[test]
fn a_replay_stands_before_the_step_that_was_asked_for_with_what_came_before_at_hand() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "it.scm",
        r#"(use-modules (fruix harness))
(define found #f)
(harness "it"
  (step "look" (set! found (getenv "FOUND")))
  (step "go on" (getenv "MORE")))
"#,
    );
    let mut command = sandbox.command(&["--record", "it.rec", "it.scm"]);
    command.env("FOUND", "what was there");
    let _ = finish(command).success();
    let arguments = ["replay", "it.rec", "--until", "go on"];
    let mut terminal = Terminal::open(&sandbox, &arguments, |_| {});
    terminal.shows("The replay stands before the step `go on`, at it.scm:5:2");
    terminal.shows("[replay]> ");
    terminal.types("found\r");
    terminal.shows("$1 = \"what was there\"");
    terminal.types("(getenv \"MORE\")\r");
    terminal.shows("nothing is asked of the world at the prompt of a replay");
    terminal.shows("[1]> ");
    terminal.types(",q\r");
    terminal.shows("[replay]> ");
    terminal.types(",continue\r");
    let (status, shown) = terminal.ends();
    assert_eq!(status, Some(0), "{shown}");
    assert!(!shown.contains("PASS"), "{shown}");
}
