//! Geiser, Emacs's mode for Scheme, at work with the prompt: `tests/editors/geiser.el` uses
//! it as its commands do, in an Emacs without windows.
//!
//! Debian's Geiser is tried, and the one whose directories `FRUIX_SCM_TEST_GEISER` names,
//! as a list like PATH.

use crate::support::{Sandbox, finish, installed, skipped};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The module that Geiser is used in.
const TRIED: &str = r#"(define-module (tried)
  #:export (twice thrice offered wrong))

(define (twice x)
  "Return X two times."
  (* 2 x))

(define (thrice x)
  (* 3 x))

(define* (offered what #:optional (place 'here) #:key (price 3))
  (list what place price))

(define (wrong x)
  (let ((y (car x)))
    (list y)))
"#;

/// Where Debian puts what Emacs loads.
const ELPA: &str = "/usr/share/emacs/site-lisp/elpa";

/// The load path of each Geiser on this machine.
fn geisers() -> Vec<Vec<PathBuf>> {
    let of_debian = std::fs::read_dir(ELPA).into_iter().flatten().flatten();
    let mut found: Vec<Vec<PathBuf>> = of_debian
        .map(|entry| entry.path())
        .filter(|path| path.join("geiser-guile.el").is_file())
        .map(|path| vec![path])
        .collect();
    if let Some(path) = std::env::var_os("FRUIX_SCM_TEST_GEISER") {
        found.push(std::env::split_paths(&path).collect());
    }
    if found.is_empty() {
        skipped("Geiser is not installed");
    }
    found
}

/// What each step of the driver has brought, with the Geiser in LOAD_PATH; over SOCKET, or
/// else with a program that Geiser starts.
fn steps(
    emacs: &Path,
    load_path: &[PathBuf],
    sandbox: &Sandbox,
    socket: Option<&Path>,
) -> HashMap<String, String> {
    let file = sandbox.write("tried.scm", TRIED);
    let mut command = Command::new(emacs);
    command.args(["-Q", "--batch"]);
    for directory in load_path {
        command.arg("-L").arg(directory);
    }
    command
        .arg("-l")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/editors/geiser.el"))
        .current_dir(sandbox.work())
        .env("HOME", sandbox.work())
        .env("TMPDIR", sandbox.temporary())
        .env("LC_ALL", "C.UTF-8")
        .env("GEISER_TEST_BINARY", env!("CARGO_BIN_EXE_fruix-scm"))
        .env("GEISER_TEST_FILE", file)
        .stdin(Stdio::null());
    match socket {
        Some(socket) => command.env("GEISER_TEST_SOCKET", socket),
        None => command.env_remove("GEISER_TEST_SOCKET"),
    };
    let text = finish(command).success();
    let steps = text.lines().filter_map(|line| line.split_once(": "));
    steps
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Insist that STEPS are as they should be; what each value must hold.
fn hold(steps: &HashMap<String, String>, expected: &[(&str, &[&str])]) {
    for (name, parts) in expected {
        let value = steps.get(*name).map_or("(nothing)", String::as_str);
        for part in *parts {
            assert!(value.contains(part), "{name}: `{part}` is not in `{value}`");
        }
    }
}

/// What everything brings that is asked, however Geiser is connected.
const ANSWERS: &[(&str, &[&str])] = &[
    ("connected", &["t"]),
    ("prompt after connecting", &["scheme@(guile-user)> "]),
    ("load file", &["42"]),
    ("evaluate", &["42"]),
    ("evaluate a definition", &["15"]),
    ("evaluate the last expression", &["done"]),
    ("completions", &["(string-pad string-pad-right)"]),
    ("completions of the module", &["(twice)"]),
    ("completions of modules", &["((ice-9 regex))"]),
    ("autodoc", &["((tried):twice x)"]),
    (
        "autodoc of keywords",
        &["((tried):offered what (place) #:price)"],
    ),
    (
        "documentation",
        &["A procedure in module (tried).", "Return X two times."],
    ),
    ("documentation of a module", &["Procedures:", "(thrice x)"]),
    ("location", &["tried.scm:4"]),
    ("location of a module", &["tried.scm"]),
    ("expansion", &["(if #f (if #f #f) 1)"]),
    (
        "error",
        &[
            "((key . wrong-type-arg)) | before",
            "tried.scm:15:11:",
            "In procedure car: Wrong type argument",
            "in wrong",
        ],
    ),
    (
        "error of a name",
        &["((key . unbound-variable)) | Unbound variable: no-such-name"],
    ),
    ("evaluate after an error", &["16"]),
    ("prompt after errors", &["scheme@(guile-user)> "]),
    ("entered", &["t"]),
];

#[test]
fn geiser_starts_the_program_and_does_all_that_it_does_with_guile() {
    let Some(emacs) = installed("emacs") else {
        return;
    };
    for load_path in geisers() {
        let steps = steps(&emacs, &load_path, &Sandbox::new(), None);
        hold(&steps, ANSWERS);
        hold(
            &steps,
            &[
                ("interrupt", &["t"]),
                ("evaluate after an interrupt", &["6"]),
            ],
        );
    }
}

#[test]
fn geiser_connects_to_a_prompt_on_a_socket() {
    let Some(emacs) = installed("emacs") else {
        return;
    };
    for load_path in geisers() {
        let sandbox = Sandbox::new();
        let socket = sandbox.work().join("repl.socket");
        let mut server = sandbox
            .command(&[format!("--listen={}", socket.display())])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while !socket.exists() && began.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let steps = steps(&emacs, &load_path, &sandbox, Some(&socket));
        let _ = server.kill();
        let _ = server.wait();
        hold(&steps, ANSWERS);
    }
}
