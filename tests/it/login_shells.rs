//! Login shells that are not /bin/sh's kind, and those that print when they start.
//!
//! The users are made by CI: `fruix-csh`, `fruix-tcsh` and `fruix-fish`, each with
//! that shell. Only root's sshd lets other users in.

use crate::openssh::{Sshd, wait};
use crate::support::{Sandbox, skipped};
use fruix_scm::ssh::job::{End, Follow};
use fruix_scm::ssh::{Connection, Destination, Ending, Identity, Login, Request, Trust};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The users whose shells are tried, with their homes; none where nobody made them.
fn users() -> Vec<(String, PathBuf)> {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found: Vec<(String, PathBuf)> = passwd
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let known = ["fruix-csh", "fruix-tcsh", "fruix-fish"].contains(fields.first()?);
            known.then(|| (fields[0].to_owned(), PathBuf::from(fields[5])))
        })
        .collect();
    if found.len() < 3 || !is_root {
        skipped("there are no users with csh, tcsh and fish, or this is not root");
        return Vec::new();
    }
    found
}

fn connect(sshd: &Sshd, user: &str) -> Connection {
    let login = Login::direct(
        Destination {
            address: "127.0.0.1".to_owned(),
            port: sshd.port,
            user: user.to_owned(),
        },
        Identity::file(sshd.path("user_ed25519")),
        Trust::Pinned(fs::read_to_string(sshd.path("host_ed25519.pub")).unwrap()),
    );
    wait(Connection::open(&login, Duration::from_secs(20))).unwrap()
}

fn run(connection: &Connection, command: &str) -> (Ending, String, String) {
    let output = wait(connection.run(&Request {
        command: command.to_owned(),
        ..Request::default()
    }))
    .unwrap();
    (
        output.ending,
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn scripts_files_and_jobs_are_the_same_whatever_the_login_shell() {
    let users = users();
    // The server's program for files is started by the login shell, too.
    let external = "sed -i 's,internal-sftp,/usr/lib/openssh/sftp-server,' config && exec \"$@\"";
    let name = "login_shells::scripts_files_and_jobs";
    let Some(sshd) = (!users.is_empty())
        .then(|| Sshd::start_with(name, external))
        .flatten()
    else {
        return;
    };
    for (user, home) in users {
        // A start-up file that prints, as some do.
        let rc = match user.as_str() {
            "fruix-fish" => home.join(".config/fish/config.fish"),
            _ => home.join(".cshrc"),
        };
        fs::create_dir_all(rc.parent().unwrap()).unwrap();
        fs::write(&rc, "echo hello from the start-up file\n").unwrap();
        let connection = connect(&sshd, &user);
        let script = "set -e\ncd /etc\ntest -f passwd\necho \"a!b\" '!!' \"it's\" 'x\\y'\nfalse\necho unreachable";
        assert_eq!(
            run(&connection, script),
            (
                Ending::Exited(1),
                "a!b !! it's x\\y\n".to_owned(),
                String::new()
            ),
            "{user}"
        );
        let long = format!("# {}\necho done; exit 3", "x".repeat(400_000));
        assert_eq!(
            run(&connection, &long),
            (Ending::Exited(3), "done\n".to_owned(), String::new()),
            "{user}"
        );

        let (here, back) = (sshd.path("here"), sshd.path("back"));
        fs::write(&here, "a file\n".repeat(1000)).unwrap();
        let there = format!("/tmp/{user}-file");
        let sent = wait(connection.send(&here, &there)).unwrap();
        assert_eq!(
            wait(connection.fetch(&there, &back)).unwrap(),
            sent,
            "{user}"
        );

        // A log that is too long for one answer.
        let directory = format!("/tmp/{user}-job");
        let _ = fs::remove_dir_all(&directory);
        let boot = wait(connection.start_job(
            &directory,
            "umask; head -c 300000 /dev/zero | tr '\\0' x; echo; exit 4",
        ))
        .unwrap();
        let copy = sshd.path(&format!("{user}-copy"));
        let followed = wait(connection.follow_job(Follow {
            copy: Some(copy.clone()),
            ..crate::ssh::following(&directory, Some(boot))
        }))
        .unwrap();
        assert_eq!(followed.end, End::Finished(4), "{user}");
        let log = fs::read_to_string(copy).unwrap();
        assert!(
            log.starts_with("0022\n") || log.starts_with("022\n"),
            "{user}: {}",
            &log[..20]
        );
        assert_eq!(
            log.trim_end().len(),
            300_000 + log.find('\n').unwrap() + 1,
            "{user}"
        );
        let (_, out, _) = run(&connection, "ls -ld /var/tmp/fruix-jobs; id -un");
        assert!(out.ends_with(&format!("{user}\n")), "{out}");
        fs::remove_file(rc).unwrap();
    }
    drop(Sandbox::new());
}

#[test]
fn a_server_that_runs_something_else_says_what() {
    let name = "login_shells::a_server_that_runs_something_else";
    let line = "echo 'ForceCommand echo no entry; exit 1' >> config && exec \"$@\"";
    let Some(sshd) = Sshd::start_with(name, line) else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let question = fruix_scm::ssh::Question::Script("true".to_owned());
    let failure = wait(connection.ask(&[question], Duration::from_secs(10))).unwrap_err();
    assert!(
        failure.message().contains("it said `no entry` instead"),
        "{failure}"
    );
    let file = sshd.path("config").to_str().unwrap().to_owned();
    for failure in [
        wait(connection.fetch(&file, &sshd.path("copy"))).unwrap_err(),
        wait(connection.send(&sshd.path("config"), &format!("{file}.2"))).unwrap_err(),
    ] {
        let message = failure.message();
        assert!(message.contains("it said `no entry` instead"), "{message}");
    }
}

#[test]
fn where_one_session_is_not_enough_that_is_said_without_our_scripts() {
    let name = "login_shells::where_one_session_is_not_enough";
    let line = "echo 'MaxSessions 1' >> config && exec \"$@\"";
    let Some(sshd) = Sshd::start_with(name, line) else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let file = sshd.path("config").to_str().unwrap().to_owned();
    let failure = wait(connection.fetch(&file, &sshd.path("copy"))).unwrap_err();
    let expected = format!(
        "127.0.0.1 port {} does not run the digest of `{file}`: it opens no more sessions on one \
         connection: see MaxSessions in its sshd_config(5)",
        sshd.port
    );
    assert_eq!(failure.message(), expected);
}

#[test]
fn one_session_at_a_time_is_enough_for_jobs_and_commands() {
    let name = "login_shells::one_session_at_a_time";
    let line = "echo 'MaxSessions 1' >> config && exec \"$@\"";
    let Some(sshd) = Sshd::start_with(name, line) else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let question = || fruix_scm::ssh::Question::Script("echo asked".to_owned());
    for _ in 0..2 {
        let answers = wait(connection.ask(&[question()], Duration::from_secs(10))).unwrap();
        assert_eq!(answers[0].stdout, b"asked\n");
        assert_eq!(run(&connection, "echo ran").1, "ran\n");
    }
}
