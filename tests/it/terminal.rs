//! The prompt under a terminal emulator, and on a socket, as people and editors
//! meet it.

use crate::support::{Sandbox, fixtures, installed};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A terminal of 80 columns and 24 rows in which the prompt runs.
pub struct Terminal {
    tmux: PathBuf,
    socket: PathBuf,
    sandbox: Sandbox,
}

impl Terminal {
    /// The prompt in a fresh terminal, with ENVIRONMENT as `NAME=VALUE`; `None`
    /// where there is no terminal emulator.
    pub fn open(environment: &str) -> Option<Terminal> {
        let tmux = installed("tmux")?;
        let sandbox = Sandbox::new();
        let terminal = Terminal {
            tmux,
            socket: sandbox.temporary().join("tmux"),
            sandbox,
        };
        let home = terminal.sandbox.work();
        terminal.tmux(&[
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            &format!(
                "cd {:?} && exec env HOME={home:?} XDG_STATE_HOME={home:?} {environment} {:?}",
                fixtures().parent().unwrap(),
                env!("CARGO_BIN_EXE_fruix-scm")
            ),
        ]);
        terminal.shows("scheme@(guile-user)>");
        Some(terminal)
    }

    pub fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.tmux)
            .arg("-S")
            .arg(&self.socket)
            .args(["-f", "/dev/null"])
            .args(arguments)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn types(&self, keys: &str) {
        self.tmux(&["send-keys", "-l", "--", keys]);
    }

    pub fn presses(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    pub fn enters(&self, line: &str) {
        self.types(line);
        self.presses("Enter");
    }

    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Paste TEXT as a terminal does that has no brackets around it.
    pub fn pastes(&self, text: &str) {
        let file = self.sandbox.write("pasted", text);
        self.tmux(&["load-buffer", file.to_str().unwrap()]);
        self.tmux(&["paste-buffer"]);
    }

    /// Wait until TEXT is on the screen behind LINE, which was entered.
    pub fn shows_behind(&self, line: &str, text: &str) {
        let began = Instant::now();
        loop {
            let screen = self.screen();
            // A long answer moves what was entered off the screen.
            let behind = screen
                .split_once(line)
                .map_or(&*screen, |(_, behind)| behind);
            if behind.contains(text) && screen.trim_end().ends_with('>') {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "`{text}` did not appear behind `{line}`; the screen shows\n{screen}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Wait until TEXT is on the screen.
    pub fn shows(&self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "`{text}` did not appear; the screen shows\n{screen}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Without a server there is nothing to end.
        let _ = Command::new(&self.tmux)
            .arg("-S")
            .arg(&self.socket)
            .arg("kill-server")
            .output();
    }
}

#[test]
fn names_commands_modules_keywords_keys_files_and_items_are_completed() {
    let Some(terminal) = Terminal::open("TERM=xterm") else {
        return;
    };
    let completes = |begun: &str, whole: &str| {
        terminal.types(begun);
        terminal.presses("Tab");
        terminal.shows(whole);
        terminal.presses("C-u");
    };
    completes("(store-layout-tr", "(store-layout-troubles");
    completes(",expa", ",expand");
    completes("(use-modules (fruix sto", "(use-modules (fruix stor");
    completes("(use-modules (fruix roo", "(use-modules (fruix rootfs");
    completes(
        "(load-store-layout \"x\" #:r",
        "(load-store-layout \"x\" #:root",
    );
    completes("(open-input-file \"fixtures/READ", "\"fixtures/README.md");
    terminal.enters(",store fixtures/root");
    terminal.shows("items=12");
    completes(
        ",refs fruix-system-fruix-va",
        ",refs fruix-system-fruix-validation",
    );
    terminal.enters("'((host-name . 1) (profile . 2))");
    terminal.shows("$1 = ");
    completes("(assq 'hos", "(assq 'host-name");
}

#[test]
fn a_form_is_typed_over_several_lines_and_hints_tell_what_a_procedure_takes() {
    let Some(terminal) = Terminal::open("TERM=xterm") else {
        return;
    };
    terminal.types("(list 1");
    // Keys that follow each other faster than a hand's are a paste's.
    terminal.shows("(list 1");
    std::thread::sleep(Duration::from_millis(50));
    terminal.presses("Enter");
    terminal.enters("2)");
    // Indented as Scheme is.
    terminal.shows("(list 1\n      2)\n");
    terminal.shows("$1 = (1 2)");
    terminal.types("(load-store-layout ");
    terminal.shows("; (file #:key root)");
    terminal.presses("C-u");
    terminal.types("(list");
    // Ghost text: what was entered before.
    terminal.shows("(list 1");
}

#[test]
fn long_results_are_cut_and_more_of_them_can_be_seen() {
    let Some(terminal) = Terminal::open("TERM=xterm") else {
        return;
    };
    terminal.enters("(iota 1000000)");
    let screen = terminal.shows("(type `,more' to see more)");
    assert!(
        screen.contains("scheme@(guile-user)> (iota 1000000)"),
        "{screen}"
    );
    terminal.presses("C-l");
    terminal.enters("(map (lambda (n) (make-string 70 #\\x)) (iota 60))");
    terminal.shows("$2 = ");
    terminal.shows("(type `,more' to see more)\nscheme@(guile-user)>");
    terminal.enters(",more");
    terminal.shows("20 more lines");
    terminal.enters(",more");
    terminal.shows("xxx\")");
}

#[test]
fn ctrl_c_ends_the_running_form_and_ctrl_d_leaves_level_by_level() {
    let Some(terminal) = Terminal::open("TERM=xterm") else {
        return;
    };
    terminal
        .enters("(begin (display \"sta\") (display \"rted\") (force-output) (let loop () (loop)))");
    terminal.shows("started");
    terminal.presses("C-c");
    terminal.shows("scheme@(guile-user) [1]>");
    terminal.presses("C-d");
    terminal.shows("[1]>\nscheme@(guile-user)>");
    terminal.enters("(+ 40 2)");
    terminal.shows("$1 = 42");
    let screen = terminal.screen();
    assert!(screen.contains("scheme@(guile-user)> (+ 40 2)"), "{screen}");
}

#[test]
fn colours_are_for_terminals_that_have_them_and_people_who_want_them() {
    for (environment, coloured) in [
        ("TERM=xterm", true),
        ("TERM=xterm NO_COLOR=1", false),
        ("TERM=dumb", false),
    ] {
        let Some(terminal) = Terminal::open(environment) else {
            return;
        };
        terminal.types("(string-length \"text\"");
        terminal.shows("\"text\"");
        let screen = terminal.tmux(&["capture-pane", "-p", "-e"]);
        assert_eq!(
            screen.contains("\u{1b}[32m"),
            coloured,
            "{environment}: {screen:?}"
        );
        terminal.presses("C-c");
    }
}

#[test]
fn what_a_value_holds_cannot_command_the_terminal() {
    let Some(terminal) = Terminal::open("TERM=xterm") else {
        return;
    };
    terminal.enters("(string->symbol \"a\\x1b[2Jb\\x07\")");
    let screen = terminal.shows("$1 = ");
    assert!(
        screen.contains("scheme@(guile-user)> (string->symbol"),
        "{screen}"
    );
}

/// The prompt on a socket.
struct Server {
    child: Child,
    socket: PathBuf,
    _sandbox: Sandbox,
}

impl Server {
    fn start() -> Server {
        let sandbox = Sandbox::new();
        let socket = sandbox.work().join("repl.socket");
        let mut command = sandbox.command(&[format!("--listen={}", socket.display())]);
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while !socket.exists() {
            assert!(began.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(10));
        }
        Server {
            child,
            socket,
            _sandbox: sandbox,
        }
    }

    fn connect(&self) -> Talk {
        // The socket has its name a moment before it can be connected to.
        let began = Instant::now();
        let stream = loop {
            match UnixStream::connect(&self.socket) {
                Ok(stream) => break stream,
                Err(error) => assert!(began.elapsed() < Duration::from_secs(30), "{error}"),
            }
        };
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let mut talk = Talk { stream };
        talk.until_prompt();
        talk
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Talk {
    stream: UnixStream,
}

impl Talk {
    /// What is said until the next prompt, without it.
    fn until_prompt(&mut self) -> String {
        let mut heard = Vec::new();
        let mut byte = [0];
        loop {
            if self.stream.read(&mut byte).unwrap() == 0 {
                return String::from_utf8(heard).unwrap();
            }
            heard.push(byte[0]);
            let text = String::from_utf8_lossy(&heard);
            let line = text.rsplit('\n').next().unwrap_or_default();
            if line.starts_with("scheme@(") && line.ends_with("> ") {
                let end = text.len() - line.len();
                return text[..end].to_owned();
            }
        }
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.stream, "{line}").unwrap();
        self.until_prompt()
    }
}

#[test]
fn an_editor_talks_to_the_prompt_over_a_socket_of_the_users_own() {
    let server = Server::start();
    let mode = std::fs::metadata(&server.socket)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    let mut talk = server.connect();
    assert_eq!(talk.ask("(+ 1 2)"), "$1 = 3\n");
    assert_eq!(talk.ask("(begin (display \"hello\") (newline))"), "hello\n");
    let error = talk.ask("(car 1)");
    assert!(error.contains("Wrong type argument"), "{error}");
    assert!(error.contains("Entering a new prompt"), "{error}");
    talk.ask(",q");
    // What Geiser asks when it starts, and then for every key.
    assert_eq!(talk.ask(",use (geiser emacs)"), "");
    assert_eq!(talk.ask("'done"), "$2 = done\n");
    assert_eq!(
        talk.ask(",geiser-eval (guile-user) (begin (display \"x\") (* 6\n 7)) ()"),
        "((result \"42\") (output . \"x\"))\n"
    );
    let error = talk.ask(",geiser-eval #f (car 1) ()");
    assert!(
        error.starts_with("((error (key . wrong-type-arg)) (output . "),
        "{error}"
    );
    assert_eq!(
        talk.ask(",geiser-eval (guile-user) ge:completions (\"store-layout-tr\") ()"),
        "((result \"(\\\"store-layout-troubles\\\")\") (output . \"\"))\n"
    );
    let autodoc = talk.ask("(ge:autodoc '(load-store-layout))");
    assert!(autodoc.contains("(\"required\" file)"), "{autodoc}");
    assert!(autodoc.contains("(\"key\" #:root)"), "{autodoc}");
    // Definitions outlive a connection, as they do in Guile.
    talk.ask("(define kept 7)");
    drop(talk);
    assert_eq!(server.connect().ask("kept"), "$1 = 7\n");
}

#[test]
fn a_port_for_everyone_is_refused() {
    let message = Sandbox::new().run(&["--listen=37146"]).fails_with(2);
    assert!(
        message.contains("let everyone on this machine in"),
        "{message}"
    );
    assert!(message.contains("hint: "), "{message}");
}
