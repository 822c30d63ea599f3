//! The SSH client, against the simulated guest and against OpenSSH's server.

use crate::small_system::SmallSystem;
use fruix_scm::failure::{Failure, Key};
use fruix_scm::runtime;
use fruix_scm::sim::guest::Guest;
use fruix_scm::ssh::job::{End, Follow};
use fruix_scm::ssh::{
    Connection, Destination, Ending, Identity, KnownHosts, Login, Output, Question, Request,
    SshError, Trust,
};
use std::time::{Duration, Instant};

/// A guest that is up, and a connection to it.
struct Fixture {
    connection: Connection,
    _guest: Guest,
    system: SmallSystem,
}

impl Fixture {
    fn new() -> Self {
        Fixture::of(SmallSystem::new())
    }

    fn of(system: SmallSystem) -> Self {
        let guest = system.boot().unwrap();
        let connection = connect(&system, |_| {}).unwrap();
        Fixture {
            connection,
            _guest: guest,
            system,
        }
    }

    fn run(&self, command: &str) -> Output {
        self.request(Request {
            command: command.to_owned(),
            ..Request::default()
        })
        .unwrap()
    }

    fn request(&self, request: Request) -> Result<Output, Failure> {
        wait(self.connection.run(&request))
    }

    fn ask(&self, questions: &[Question]) -> Result<Vec<Output>, Failure> {
        wait(self.connection.ask(questions, Duration::from_secs(20)))
    }
}

fn wait<T>(future: impl Future<Output = Result<T, SshError>>) -> Result<T, Failure> {
    runtime::wait("testing ssh", Duration::from_secs(60), future)
}

fn connect(system: &SmallSystem, change: impl FnOnce(&mut Login)) -> Result<Connection, Failure> {
    connect_within(system, Duration::from_secs(10), change)
}

fn connect_within(
    system: &SmallSystem,
    limit: Duration,
    change: impl FnOnce(&mut Login),
) -> Result<Connection, Failure> {
    let mut login = Login::direct(
        Destination {
            address: "127.0.0.1".to_owned(),
            port: system.port.address().port(),
            user: "root".to_owned(),
        },
        Identity::file(system.disk.private_key.clone()),
        Trust::Pinned(system.disk.host_key.clone()),
    );
    change(&mut login);
    wait(Connection::open(&login, limit))
}

fn words(words: &[&str]) -> Question {
    Question::Words(words.iter().map(|word| (*word).to_owned()).collect())
}

fn script(text: &str) -> Question {
    Question::Script(text.to_owned())
}

fn exited(status: u32, stdout: &[u8], stderr: &[u8]) -> Output {
    Output {
        ending: Ending::Exited(status),
        stdout: stdout.to_vec(),
        stderr: stderr.to_vec(),
    }
}

#[test]
fn status_output_and_errors_of_a_command_come_back_apart() {
    let guest = Fixture::new();
    assert_eq!(
        guest.run("echo out; echo err >&2; exit 3"),
        exited(3, b"out\n", b"err\n")
    );
    assert_eq!(
        guest.run("kill -KILL $$").ending,
        Ending::Signaled("KILL".to_owned())
    );
    assert_eq!(guest.run("no-such-program").ending, Ending::Exited(127));
}

#[test]
fn input_reaches_a_command_as_it_was_and_ends() {
    let guest = Fixture::new();
    let input: Vec<u8> = (0..200_000u32).map(|number| (number % 251) as u8).collect();
    let output = guest
        .request(Request {
            command: "cat".to_owned(),
            input: input.clone(),
            ..Request::default()
        })
        .unwrap();
    assert_eq!(output, exited(0, &input, b""));
    // A command that does not read all of it is not held up by the rest.
    let output = guest
        .request(Request {
            command: "head -c 3".to_owned(),
            input: input.repeat(20),
            ..Request::default()
        })
        .unwrap();
    assert_eq!(output, exited(0, &input[..3], b""));
}

#[test]
fn the_environment_of_a_command_is_what_sshd_gives() {
    let guest = Fixture::new();
    let output = guest.run("env");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split('=').next())
        .filter(|name| !["PWD", "OLDPWD", "_", "SHLVL"].contains(name))
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "HOME",
            "LOGNAME",
            "PATH",
            "SHELL",
            "SSH_CLIENT",
            "SSH_CONNECTION",
            "USER"
        ]
    );
}

#[test]
fn a_command_that_misses_its_deadline_is_ended_in_the_guest_too() {
    let guest = Fixture::new();
    let failure = guest
        .request(Request {
            command: "echo begun; sleep 61".to_owned(),
            limit: Some(Duration::from_millis(300)),
            ..Request::default()
        })
        .unwrap_err();
    assert_eq!(failure.key(), Key::Timeout);
    assert_eq!(
        failure.message(),
        format!(
            "`echo begun; sleep 61` did not end on 127.0.0.1 port {} within 0.3 s; last: begun",
            guest.system.port.address().port()
        )
    );
    let start = Instant::now();
    loop {
        let processes = guest.run("ps ax -o args");
        if !String::from_utf8_lossy(&processes.stdout).contains("sleep 61") {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "still running");
    }
}

#[test]
fn questions_are_answered_in_order_with_status_and_streams_apart() {
    let guest = Fixture::new();
    let answers = guest
        .ask(&[
            words(&["printf", "%s", "no newline"]),
            words(&["test", "-e", "/no/such/file"]),
            words(&["cat", "/no such file"]),
            script("echo one; echo two >&2; exit 7"),
            script("if then"),
            script("printf 'a\\0b\\377\\n\\n'"),
            words(&["exit", "9"]),
            words(&["if"]),
            words(&["pwd"]),
        ])
        .unwrap();
    assert_eq!(answers[0], exited(0, b"no newline", b""));
    assert_eq!(answers[1], exited(1, b"", b""));
    assert_eq!(answers[2].ending, Ending::Exited(1));
    assert!(answers[2].stderr.starts_with(b"cat: "));
    assert_eq!(answers[3], exited(7, b"one\n", b"two\n"));
    assert_eq!(answers[4].ending, Ending::Exited(2));
    assert!(!answers[4].stderr.is_empty());
    assert_eq!(answers[5], exited(0, b"a\0b\xff\n\n", b""));
    assert_eq!(answers[6], exited(9, b"", b""));
    assert_eq!(answers[7].ending, Ending::Exited(127));
    assert_eq!(answers[8], exited(0, b"/root\n", b""));
}

#[test]
fn what_an_earlier_question_left_behind_prints_is_nobodys_answer() {
    let guest = Fixture::new();
    let left = "(until test -e /tmp/go; do sleep 0.05; done; echo late; echo late >&2; : > /tmp/gone) & echo now";
    assert_eq!(
        guest.ask(&[script(left)]).unwrap(),
        [exited(0, b"now\n", b"")]
    );
    let printed = guest.run(": > /tmp/go; until test -e /tmp/gone; do sleep 0.05; done");
    assert_eq!(printed.ending, Ending::Exited(0));
    assert_eq!(
        guest
            .ask(&[words(&["echo", "mine"]), words(&["true"])])
            .unwrap(),
        [exited(0, b"mine\n", b""), exited(0, b"", b"")]
    );
}

#[test]
fn an_answer_may_be_large_and_hold_any_bytes() {
    let guest = Fixture::new();
    let answers = guest
        .ask(&[
            script("head -c 3000000 /dev/urandom > /tmp/noise; sha256sum < /tmp/noise"),
            words(&["cat", "/tmp/noise"]),
            words(&["true"]),
        ])
        .unwrap();
    use sha2::Digest;
    let digest = sha2::Sha256::digest(&answers[1].stdout);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(answers[0].stdout.starts_with(hex.as_bytes()));
    assert_eq!(answers[2], exited(0, b"", b""));
}

#[test]
fn a_shell_that_misses_its_deadline_is_replaced() {
    let guest = Fixture::new();
    let failure = wait(
        guest
            .connection
            .ask(&[script("sleep 60")], Duration::from_millis(200)),
    )
    .unwrap_err();
    assert_eq!(failure.key(), Key::Timeout);
    assert_eq!(
        guest.ask(&[words(&["echo", "again"])]).unwrap(),
        [exited(0, b"again\n", b"")]
    );
    // One that is killed under a question says so, and is replaced as well.
    let failure = guest
        .ask(&[script("kill -9 $PPID; kill -9 $$; sleep 5")])
        .unwrap_err();
    assert_eq!(failure.key(), Key::Connection, "{failure}");
    assert_eq!(
        guest.ask(&[words(&["echo", "again"])]).unwrap(),
        [exited(0, b"again\n", b"")]
    );
}

#[test]
fn small_packets_are_sent_at_once() {
    let guest = Fixture::new();
    assert!(guest.connection.sends_at_once());
}

#[test]
fn another_host_key_stops_with_both_fingerprints() {
    let system = SmallSystem::new();
    let _guest = system.boot().unwrap();
    let other = SmallSystem::new();
    let failure = connect(&system, |login| {
        login.trust = Trust::Pinned(other.disk.host_key.clone());
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Trust);
    let text = failure.message();
    assert!(
        text.contains("is not the expected one: expected SHA256:")
            && text.contains("the server has SHA256:"),
        "{text}"
    );
}

#[test]
fn a_host_that_is_in_no_known_hosts_file_stops_with_its_fingerprint() {
    let system = SmallSystem::new();
    let _guest = system.boot().unwrap();
    let path = system.directory.path().join("known_hosts");
    std::fs::write(&path, "").unwrap();
    let failure = connect(&system, |login| {
        login.trust = Trust::KnownHosts(KnownHosts::file(path.clone()));
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Trust);
    assert!(
        failure
            .message()
            .contains("is not known: the server has SHA256:")
    );
    // Once somebody has compared it, it will do.
    let line = format!(
        "[127.0.0.1]:{} {}\n",
        system.port.address().port(),
        system.disk.host_key
    );
    std::fs::write(&path, line).unwrap();
    connect(&system, |login| {
        login.trust = Trust::KnownHosts(KnownHosts::file(path))
    })
    .unwrap();
}

#[test]
fn another_key_or_user_is_refused_by_name() {
    let system = SmallSystem::new();
    let _guest = system.boot().unwrap();
    let other = SmallSystem::new();
    let failure = connect(&system, |login| {
        login.identity = Identity::file(other.disk.private_key.clone());
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Ssh);
    assert!(
        failure
            .message()
            .contains("refused the login of `root` with key SHA256:")
            && failure.message().ends_with("it would accept: publickey"),
        "{failure}"
    );
    let failure = connect(&system, |login| {
        login.destination.user = "nobody".to_owned()
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Ssh);
}

#[test]
fn a_guest_that_is_not_up_is_waited_for_until_the_deadline() {
    let system = SmallSystem::new();
    let start = Instant::now();
    let failure = connect_within(&system, Duration::from_millis(700), |_| {}).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(600));
    assert_eq!(failure.key(), Key::Timeout);
    assert_eq!(
        failure.message(),
        format!(
            "guest did not answer on 127.0.0.1 port {} within 0.7 s; last: connection refused",
            system.port.address().port()
        )
    );
    let booting = std::thread::scope(|scope| {
        let late = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(400));
            system.boot().unwrap()
        });
        connect(&system, |_| {}).unwrap();
        late.join().unwrap()
    });
    drop(booting);
}

#[test]
fn a_guest_that_goes_away_is_a_lost_connection_and_not_a_status() {
    let system = SmallSystem::new();
    let guest = system.boot().unwrap();
    let connection = connect(&system, |_| {}).unwrap();
    let ender = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        drop(guest);
    });
    let failure = wait(connection.run(&Request {
        command: "sleep 30".to_owned(),
        ..Request::default()
    }))
    .unwrap_err();
    assert_eq!(failure.key(), Key::Connection, "{failure}");
    ender.join().unwrap();
}

#[test]
fn the_fixtures_build_their_base_over_ssh() {
    let guest = Fixture::of(SmallSystem::of_the_fixtures());
    let source = "/frx/store/5193aa63a947a11ba05ef7a200fa056e7ef39c5a-freebsd-source-default/tree";
    let clean = "env -i HOME=/root PATH=/sbin:/bin:/usr/sbin:/usr/bin LC_ALL=C TZ=UTC \
                 MAKEOBJDIRPREFIX=/var/tmp/build/obj SRCCONF=/dev/null __MAKE_CONF=/dev/null \
                 SRC_ENV_CONF=/dev/null";
    let steps = [
        ("buildworld", ""),
        ("buildkernel", ""),
        (
            "installworld",
            "DB_FROM_SRC=yes DESTDIR=/var/tmp/build/world",
        ),
        (
            "distribution",
            "DB_FROM_SRC=yes DESTDIR=/var/tmp/build/world",
        ),
        (
            "installkernel",
            "DB_FROM_SRC=yes DESTDIR=/var/tmp/build/kernel",
        ),
    ];
    for (target, variables) in steps {
        let output = guest.run(&format!(
            "mkdir -p /var/tmp/build/obj /var/tmp/build/world /var/tmp/build/kernel && \
             {clean} make -C {source} -j2 KERNCONF=GENERIC {variables} {target}"
        ));
        assert_eq!(
            output.ending,
            Ending::Exited(0),
            "{target}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let kernel = guest.run("test -s /var/tmp/build/kernel/boot/kernel/kernel");
    assert_eq!(kernel.ending, Ending::Exited(0));
}

#[test]
fn a_port_is_tried_from_the_guest() {
    let guest = Fixture::new();
    // The guest's own sshd, and what listens on this machine and not in the guest.
    let here = guest.system.port.address().port();
    let reaches = |port| wait(guest.connection.reaches("127.0.0.1", port)).unwrap();
    assert_eq!(
        (reaches(22), reaches(22), reaches(here)),
        (true, true, false)
    );
}

#[test]
fn the_root_of_a_guest_is_its_own() {
    let guest = Fixture::of(SmallSystem::of_the_fixtures());
    let canary = guest.system.directory.path().join("canary");
    std::fs::write(&canary, "of this machine").unwrap();
    let passwd = std::fs::read("/etc/passwd").ok();
    let at = canary.to_str().unwrap();
    let passes = |text: String| guest.run(&text).ending == Ending::Exited(0);
    assert!(
        !passes(format!("test -e {at}")),
        "a file of this machine is seen"
    );
    for (path, expected) in [
        (
            "/usr/include",
            "/run/current-system/development-profile/usr/include",
        ),
        (
            "/run/current-development",
            "/run/current-system/development-profile",
        ),
    ] {
        let target = guest.run(&format!("readlink {path}"));
        assert_eq!(String::from_utf8_lossy(&target.stdout).trim(), expected);
    }
    let stores = guest.run("ls /frx/store");
    let stores = String::from_utf8_lossy(&stores.stdout).into_owned();
    assert!(
        stores.lines().count() > 3 && stores.contains("-freebsd-source-default"),
        "{stores}"
    );
    // What belongs to this machine can be read and not be written.
    for path in [
        "/host/usr/x",
        "/host/usr/bin/x",
        "/host/programs/../usr/lib/x",
    ] {
        assert!(!passes(format!(": > {path}")), "{path} was written");
        assert!(!std::path::Path::new(&path.replace("/host", "")).exists());
    }
    assert!(!passes(
        "echo 1 > /proc/sys/vm/overcommit_memory".to_owned()
    ));
    // What is the guest's own can be written, and stays in the guest.
    assert!(passes(
        "echo x >> /etc/passwd && echo x > /tmp/x && rm -rf /home".to_owned()
    ));
    assert_eq!(std::fs::read("/etc/passwd").ok(), passwd);
    // It sees its own processes alone, and can end no others.
    let processes = guest.run("ps ax -o pid=");
    let count = String::from_utf8_lossy(&processes.stdout).lines().count();
    assert!((1..10).contains(&count), "{processes:?}");
    guest.run("kill -9 -1");
    assert!(passes("true".to_owned()), "the guest is still up");
}

#[test]
fn nothing_of_a_guest_but_its_disk_is_left_when_it_is_dropped() {
    let system = SmallSystem::new();
    let guest = system.boot().unwrap();
    let connection = connect(&system, |_| {}).unwrap();
    let mark = format!("71.{}", std::process::id());
    let output = wait(connection.run(&Request {
        command: format!(
            "setsid sleep {mark} > /dev/null 2>&1 < /dev/null & mkdir -p /tmp/a/b; chmod 555 /tmp/a"
        ),
        ..Request::default()
    }))
    .unwrap();
    assert_eq!(output.ending, Ending::Exited(0));
    let running = || {
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
            .any(|line| String::from_utf8_lossy(&line).contains(&mark))
    };
    let start = Instant::now();
    while !running() {
        assert!(start.elapsed() < Duration::from_secs(5), "it never ran");
    }
    drop(guest);
    assert!(!running(), "a process is left");
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let root = system.root();
    assert!(!mounts.contains(root.to_str().unwrap()), "a mount is left");
    assert!(
        !connection.is_alive() || {
            std::thread::sleep(Duration::from_millis(500));
            !connection.is_alive()
        }
    );
}

#[test]
fn output_is_shown_line_by_line_while_a_command_runs() {
    use fruix_scm::progress::{self, Event, Watcher};
    use std::sync::{Arc, Mutex};
    struct Lines(Mutex<Vec<(String, Instant)>>);
    impl Watcher for Lines {
        fn see(&self, event: &Event) {
            if let Event::Line { source, text } = event
                && source == "live test"
            {
                self.0.lock().unwrap().push((text.clone(), Instant::now()));
            }
        }
    }
    let guest = Fixture::new();
    let lines = Arc::new(Lines(Mutex::default()));
    progress::watch(lines.clone());
    let output = guest
        .request(Request {
            command: "echo one; sleep 0.5; echo two >&2; printf three".to_owned(),
            live: Some("live test".to_owned()),
            ..Request::default()
        })
        .unwrap();
    assert_eq!(output, exited(0, b"one\nthree", b"two\n"));
    let seen = lines.0.lock().unwrap();
    let texts: Vec<&str> = seen.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(
        seen[1].1 - seen[0].1 > Duration::from_millis(300),
        "not live"
    );
}

pub fn following(directory: &str, boot: Option<String>) -> Follow {
    Follow {
        directory: directory.to_owned(),
        boot,
        offset: 0,
        live: None,
        copy: None,
        keep: None,
        history: None,
        stall: None,
        limit: Duration::from_secs(40),
        outage: Duration::from_secs(10),
    }
}

#[test]
fn a_job_is_followed_to_its_end_over_twenty_lost_connections() {
    let guest = Fixture::of(SmallSystem::of_the_fixtures());
    let directory = "/var/tmp/jobs/count";
    // It ends when it has been cut off often enough.
    let script = "i=0; until test -e /tmp/enough; do i=$((i+1)); echo line $i; \
                  sleep 0.01; done; echo last; printf end; exit 3";
    let boot = wait(guest.connection.start_job(directory, script)).unwrap();
    let copy = guest.system.directory.path().join("copy");
    let mut follow = following(directory, Some(boot));
    follow.copy = Some(copy.clone());
    let done = std::sync::atomic::AtomicBool::new(false);
    let (followed, cuts) = std::thread::scope(|scope| {
        let cutter = scope.spawn(|| {
            let mut cuts = 0;
            while cuts < 20 && !done.load(std::sync::atomic::Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(30));
                if guest.connection.is_alive() {
                    guest.connection.cut();
                    cuts += 1;
                }
            }
            let other = connect(&guest.system, |_| {}).unwrap();
            wait(other.run(&Request {
                command: ": > /tmp/enough".to_owned(),
                ..Request::default()
            }))
            .unwrap();
            cuts
        });
        let followed = wait(guest.connection.follow_job(follow)).unwrap();
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        (followed, cutter.join().unwrap())
    });
    assert_eq!(cuts, 20, "the job was over before");
    assert_eq!(followed.end, End::Finished(3));
    let log = guest
        .ask(&[words(&["cat", "/var/tmp/jobs/count/log"])])
        .unwrap();
    assert!(log[0].stdout.ends_with(b"\nlast\nend"));
    assert_eq!(std::fs::read(copy).unwrap(), log[0].stdout);
    assert_eq!(followed.offset, log[0].stdout.len() as u64);
    // Whoever comes later goes on at the byte he names.
    let mut later = following(directory, None);
    later.offset = followed.offset - 3;
    let again = wait(guest.connection.follow_job(later)).unwrap();
    assert_eq!((again.end, &*again.tail), (End::Finished(3), &b"end"[..]));
}

#[test]
fn the_end_of_a_job_is_told_apart() {
    let guest = Fixture::of(SmallSystem::of_the_fixtures());
    let start = |name: &str, script: &str| {
        let directory = format!("/var/tmp/jobs/{name}");
        let boot = wait(guest.connection.start_job(&directory, script)).unwrap();
        following(&directory, Some(boot))
    };
    let follow = |follow: Follow| wait(guest.connection.follow_job(follow)).unwrap().end;

    let killed = start("killed", "kill -9 $PPID; kill -9 $$");
    assert_eq!(follow(killed), End::Gone);

    let mut stalled = start("stalled", "echo begun; sleep 73");
    stalled.stall = Some(Duration::from_millis(1200));
    assert_eq!(follow(stalled), End::Stalled(Duration::from_millis(1200)));

    let mut busy = start("busy", "while :; do :; done");
    busy.stall = Some(Duration::from_millis(2500));
    busy.limit = Duration::from_millis(6000);
    assert_eq!(follow(busy), End::Late);
    for name in ["stalled", "busy"] {
        let directory = format!("/var/tmp/jobs/{name}");
        wait(guest.connection.end_job(&directory)).unwrap();
        assert_ne!(follow(following(&directory, None)), End::Late);
    }

    let vanished = start("vanished", "sleep 1");
    guest.run("rm -rf /var/tmp/jobs/vanished");
    assert_eq!(follow(vanished), End::Vanished);

    let twice = wait(guest.connection.start_job("/var/tmp/jobs/busy", "true")).unwrap_err();
    assert!(
        twice.message().ends_with("a job is there already"),
        "{twice}"
    );
}

#[test]
fn a_job_that_fails_on_a_full_disk_or_for_want_of_memory_says_so() {
    let guest = Fixture::of(SmallSystem::of_the_fixtures());
    let run = |name: &str, script: &str| {
        let directory = format!("/var/tmp/jobs/{name}");
        let boot = wait(guest.connection.start_job(&directory, script)).unwrap();
        wait(
            guest
                .connection
                .follow_job(following(&directory, Some(boot))),
        )
        .unwrap()
    };
    let said = "pid 812 (c++), jid 0, uid 0, was killed: failed to reclaim memory";
    let program = "mkdir -p /usr/local/sbin && printf '#!/bin/sh\\ncat /tmp/said\\n' > \
                   /usr/local/sbin/dmesg && chmod 755 /usr/local/sbin/dmesg && \
                   PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin command -v dmesg";
    if guest.run(program).stdout == b"/usr/local/sbin/dmesg\n" {
        guest.run(&format!("echo '{said}' > /tmp/said"));
        // An old word of the kernel's is no news.
        assert_eq!(run("old", "exit 2").end, End::Finished(2));
        let script = format!("echo '{}' >> /tmp/said; exit 2", said.replace("812", "813"));
        let followed = run("memory", &script);
        assert_eq!(followed.end, End::Memory(Some(2)));
        assert_eq!(followed.memory, Some(said.replace("812", "813")));
    } else {
        eprintln!("skipped: the guest has a dmesg of its own");
    }
    let mounted = guest.run(
        "mkdir -p /var/tmp/jobs && /host/usr/bin/mount -t tmpfs -o size=2m none /var/tmp/jobs",
    );
    if mounted.ending != Ending::Exited(0) {
        eprintln!("skipped: the guest cannot mount a small disk: {mounted:?}");
        return;
    }
    assert_eq!(run("fails", "exit 2").end, End::Finished(2));
    let followed = run("full", "cat /dev/zero > ../big");
    assert_eq!(followed.end, End::Full(Some(1)), "{followed:?}");
    assert!(followed.free.unwrap() < 1 << 20);
    let failure = wait(
        guest
            .connection
            .send(&guest.system.disk.image, "/var/tmp/jobs/image"),
    )
    .unwrap_err();
    assert!(
        failure.message().contains("no space left on device"),
        "{failure}"
    );
}

#[test]
fn a_guest_that_rebooted_under_a_job_is_noticed() {
    let mut guest = Fixture::of(SmallSystem::of_the_fixtures());
    let boot = wait(guest.connection.start_job("/var/tmp/job", "sleep 74")).unwrap();
    drop(guest._guest);
    guest._guest = guest.system.boot().unwrap();
    let followed = wait(
        guest
            .connection
            .follow_job(following("/var/tmp/job", Some(boot))),
    )
    .unwrap();
    assert_eq!(followed.end, End::Rebooted);
}

#[test]
fn files_go_both_ways_over_cut_connections_and_are_the_same() {
    let guest = Fixture::of(SmallSystem::of_the_fixtures());
    let file = |name: &str| guest.system.directory.path().join(name);
    let bytes: Vec<u8> = (0..20_000_000u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    std::fs::write(file("here"), &bytes).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..6 {
                std::thread::sleep(Duration::from_millis(60));
                if done.load(std::sync::atomic::Ordering::SeqCst) {
                    break;
                }
                guest.connection.cut();
            }
        });
        let sent = wait(guest.connection.send(&file("here"), "/var/tmp/there's")).unwrap();
        let fetched = wait(guest.connection.fetch("/var/tmp/there's", &file("back"))).unwrap();
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(sent, fetched);
    });
    assert!(std::fs::read(file("back")).unwrap() == bytes);
    assert!(!file("back.part").exists());
    let failure = wait(guest.connection.fetch("/no/such/file", &file("none"))).unwrap_err();
    assert_eq!(failure.key(), Key::Ssh);
    assert!(!file("none").exists());
}
