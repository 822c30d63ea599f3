//! What a simulation leaves behind on this machine: nothing, or nothing for long.

use crate::support::Sandbox;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A simulation whose guest is up and computes, and what it says.
fn simulation(sandbox: &Sandbox) -> (Child, impl BufRead) {
    let mut child = sandbox
        .command(&[
            "--simulate",
            "-c",
            "(use-modules (fruix harness) (fruix machine) (fruix guest) (fruix ssh)) \
             (harness \"long\" (let ((guest (boot-approved-machine))) \
             (display \"up\\n\") (force-output) \
             (guest-run guest (sh \"while :; do :; done\"))))",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    while !line.ends_with("up\n") {
        let read = said.read_line(&mut line).unwrap();
        assert!(read > 0, "it ended: {line}");
    }
    (child, said)
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
}

/// The numbers of processes that have their root or a mount below DIRECTORY.
fn processes_of(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let mounts = fs::read_to_string(process.path().join("mountinfo")).unwrap_or_default();
        let root = fs::read_link(process.path().join("root")).unwrap_or_default();
        // A mount is told by its place in its file system, which may be mounted below /.
        let parts: Vec<_> = directory.components().rev().take(2).collect();
        let place: PathBuf = parts.into_iter().rev().collect();
        if mounts.contains(place.to_str().unwrap()) || root.starts_with(directory) {
            found.push(process.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_killed_simulation_leaves_is_swept_by_the_next_and_by_gc() {
    let sandbox = Sandbox::new();
    let temporary = sandbox.temporary();
    let (mut killed, _) = simulation(&sandbox);
    assert!(!processes_of(&temporary).is_empty());
    killed.kill().unwrap();
    killed.wait().unwrap();
    eventually("processes or mounts are left", || {
        processes_of(&temporary).is_empty()
    });
    let left = entries(&temporary);
    assert_eq!(left.len(), 1, "{left:?}");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&left[0]), 0o700);
    assert_eq!(mode(&left[0].join("fruix.img")), 0o600);

    // One that lives is not disturbed by what comes after it.
    let (mut living, _) = simulation(&sandbox);
    let now = entries(&temporary);
    assert_eq!(now.len(), 1, "{now:?}");
    assert_ne!(now, left);
    assert_eq!(sandbox.run(&["runs", "gc"]).success(), "removed=0\n");
    assert_eq!(entries(&temporary), now);
    living.kill().unwrap();
    living.wait().unwrap();
    assert_eq!(sandbox.run(&["runs", "gc"]).success(), "removed=1\n");
    assert!(entries(&temporary).is_empty());
}

#[test]
fn no_signal_that_can_be_handled_leaves_anything() {
    let names = [
        ("HUP", libc::SIGHUP),
        ("INT", libc::SIGINT),
        ("TERM", libc::SIGTERM),
        ("QUIT", libc::SIGQUIT),
        ("USR1", libc::SIGUSR1),
        ("USR2", libc::SIGUSR2),
        ("ALRM", libc::SIGALRM),
        ("XCPU", libc::SIGXCPU),
    ];
    let sandbox = Sandbox::new();
    for (name, signal) in names {
        let (mut child, _said) = simulation(&sandbox);
        // SAFETY: a plain system call; the child has not been waited for.
        unsafe { libc::kill(child.id() as libc::pid_t, signal) };
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{name}: {:?}", status.signal());
        let temporary = sandbox.temporary();
        eventually(name, || processes_of(&temporary).is_empty());
        assert!(entries(&temporary).is_empty(), "{name}");
    }
}

#[test]
fn a_place_for_temporary_files_that_is_none_is_said_to_be_that() {
    let sandbox = Sandbox::new();
    let hint = |temporary: &Path| {
        let mut command = sandbox.command(&["--simulate", "phase20.scm"]);
        command.env("TMPDIR", temporary);
        crate::support::finish(command).fails_with(3)
    };
    let absent = hint(&sandbox.work().join("nowhere"));
    assert!(
        absent.contains("set TMPDIR to a directory that exists"),
        "{absent}"
    );
    assert!(!absent.contains("sysctl"), "{absent}");
    let file = sandbox.write("file", "");
    let none = hint(&file);
    assert!(
        none.contains("set TMPDIR to a directory that exists"),
        "{none}"
    );
}

#[test]
fn a_limit_of_open_files_is_said_to_be_that() {
    let sandbox = Sandbox::new();
    let command = sandbox.command(&["--simulate", "phase20.scm"]);
    let program = command.get_program().to_owned();
    for limit in [12, 16, 20, 24, 32] {
        let mut shell = std::process::Command::new("sh");
        shell
            .args([
                "-c",
                &format!("ulimit -n {limit}; exec \"$0\" --simulate phase20.scm"),
            ])
            .arg(&program)
            .env_clear()
            .env("HOME", sandbox.work())
            .env("TMPDIR", sandbox.temporary())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let outcome = crate::support::finish(shell);
        assert!(
            !outcome.stderr.contains("sysctl"),
            "{limit}: {}",
            outcome.stderr
        );
    }
}
