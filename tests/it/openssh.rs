//! The SSH client against OpenSSH's own server on loopback.

use crate::support::{Sandbox, installed};
use fruix_scm::failure::{Failure, Key};
use fruix_scm::runtime;
use fruix_scm::ssh::archive;
use fruix_scm::ssh::job::{End, Follow, Followed};
use fruix_scm::ssh::{
    Connection, Destination, Ending, Files, Identity, Login, Question, Request, SshError, Trust,
    Wanted,
};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An sshd of our own, run by and for whoever runs the tests.
pub(crate) struct Sshd {
    pub(crate) directory: tempfile::TempDir,
    child: Child,
    pub(crate) port: u16,
    pub(crate) user: String,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn output_of(command: &mut Command) -> String {
    let output = command.stderr(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub(crate) fn generate(path: &Path, kind: &str) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", "test", "-t", kind, "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success());
}

impl Sshd {
    /// Start one, or say why the test is skipped.
    pub(crate) fn start(test: &str) -> Option<Sshd> {
        Sshd::start_with(test, "exec \"$@\"")
    }

    /// Start one through a line of shell, whose `$@` starts it, in its directory.
    pub(crate) fn start_with(test: &str, line: &str) -> Option<Sshd> {
        let Some(sshd) = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"]
            .iter()
            .find(|path| Path::new(path).exists())
        else {
            eprintln!("skipped: {test}: there is no sshd on this machine");
            return None;
        };
        installed("ssh-keygen")?;
        // Root's sshd wants this empty directory, which its service makes.
        let _ = fs::create_dir("/run/sshd");
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let mut authorized = String::new();
        for kind in ["ed25519", "rsa", "ecdsa"] {
            generate(&path(&format!("host_{kind}")), kind);
            generate(&path(&format!("user_{kind}")), kind);
            authorized += &fs::read_to_string(path(&format!("user_{kind}.pub"))).unwrap();
        }
        fs::write(path("authorized_keys"), authorized).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nPidFile none\nStrictModes no\nUsePAM no\n\
             Subsystem sftp internal-sftp\n\
             AuthorizedKeysFile {}\nHostKey {}\nHostKey {}\nHostKey {}\n",
            path("authorized_keys").display(),
            path("host_ed25519").display(),
            path("host_rsa").display(),
            path("host_ecdsa").display(),
        );
        fs::write(path("config"), config).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let child = Command::new("sh")
            .args(["-c", line, "sh", sshd, "-D", "-e", "-f"])
            .arg(path("config"))
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Sshd {
            user: output_of(Command::new("id").arg("-un")),
            directory,
            child,
            port,
        };
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if server.child.try_wait().unwrap().is_some() || start.elapsed().as_secs() > 10 {
                let log = fs::read_to_string(server.path("log")).unwrap_or_default();
                eprintln!("skipped: {test}: sshd does not start: {}", log.trim());
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A `known_hosts` with this server in it, whose names are hashed.
    fn known_hosts(&self) -> PathBuf {
        let path = self.path("known_hosts");
        let key = fs::read_to_string(self.path("host_ed25519.pub")).unwrap();
        fs::write(&path, format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
        output_of(
            Command::new("ssh-keygen")
                .args(["-q", "-H", "-f"])
                .arg(&path),
        );
        assert!(fs::read_to_string(&path).unwrap().starts_with("|1|"));
        path
    }

    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            host: "127.0.0.1".to_owned(),
            port: Some(self.port),
            user: Some(self.user.clone()),
            private_key: Some(self.path("user_ed25519")),
            known_hosts: Some(self.known_hosts()),
            ..Wanted::default()
        }
    }

    pub(crate) fn connect(&self, user_key: &str, host_key: &str) -> Result<Connection, Failure> {
        let login = Login::direct(
            Destination {
                address: "127.0.0.1".to_owned(),
                port: self.port,
                user: self.user.clone(),
            },
            Identity::file(self.path(&format!("user_{user_key}"))),
            Trust::Pinned(fs::read_to_string(self.path(&format!("host_{host_key}.pub"))).unwrap()),
        );
        wait(Connection::open(&login, Duration::from_secs(10)))
    }
}

pub(crate) fn wait<T>(future: impl Future<Output = Result<T, SshError>>) -> Result<T, Failure> {
    wait_for(60, future)
}

pub(crate) fn wait_for<T>(
    seconds: u64,
    future: impl Future<Output = Result<T, SshError>>,
) -> Result<T, Failure> {
    runtime::wait("testing against sshd", Duration::from_secs(seconds), future)
}

fn request(command: &str) -> Request {
    Request {
        command: command.to_owned(),
        ..Request::default()
    }
}

#[test]
fn every_kind_of_user_key_and_host_key_is_accepted_by_openssh() {
    let Some(sshd) = Sshd::start("every_kind_of_user_key_and_host_key_is_accepted_by_openssh")
    else {
        return;
    };
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let connection = sshd
            .connect(kind, kind)
            .unwrap_or_else(|failure| panic!("{kind}: {failure}"));
        let output = wait(connection.run(&request("echo out; echo err >&2; exit 5"))).unwrap();
        assert_eq!(output.ending, Ending::Exited(5));
        assert_eq!(
            (&*output.stdout, &*output.stderr),
            (&b"out\n"[..], &b"err\n"[..])
        );
    }
}

#[test]
fn openssh_with_another_host_key_is_not_trusted() {
    let Some(sshd) = Sshd::start("openssh_with_another_host_key_is_not_trusted") else {
        return;
    };
    generate(&sshd.path("host_other"), "ed25519");
    let failure = sshd.connect("ed25519", "other").unwrap_err();
    assert_eq!(failure.key(), Key::Trust);
    let fingerprint = |name: &str| {
        let text = output_of(Command::new("ssh-keygen").arg("-lf").arg(sshd.path(name)));
        text.split(' ').nth(1).unwrap().to_owned()
    };
    for name in ["host_other.pub", "host_ed25519.pub"] {
        assert!(
            failure.message().contains(&fingerprint(name)),
            "{name} is not named in: {failure}"
        );
    }
}

#[test]
fn questions_signals_and_large_output_are_the_same_with_openssh() {
    let Some(sshd) = Sshd::start("questions_signals_and_large_output_are_the_same_with_openssh")
    else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let answers = wait(connection.ask(
        &[
            Question::Words(vec!["printf".into(), "a\\0b".into()]),
            Question::Script("exit 4".into()),
            Question::Words(vec!["env".into()]),
        ],
        Duration::from_secs(20),
    ))
    .unwrap();
    assert_eq!(answers[0].stdout, b"a\0b");
    assert_eq!(answers[1].ending, Ending::Exited(4));
    let environment = String::from_utf8_lossy(&answers[2].stdout).into_owned();
    assert!(
        !environment.contains("SSH_CONNECTION") && environment.contains("LC_ALL=C"),
        "{environment}"
    );
    let output = wait(connection.run(&request("kill -TERM $$"))).unwrap();
    assert_eq!(output.ending, Ending::Signaled("TERM".into()));
    let output = wait(connection.run(&request("head -c 30000000 /dev/zero"))).unwrap();
    assert_eq!(output.stdout.len(), 30_000_000);
    let open = wait(connection.reaches("127.0.0.1", sshd.port)).unwrap();
    assert!(open);
}

#[test]
fn a_command_past_its_deadline_is_ended_by_openssh() {
    let Some(sshd) = Sshd::start("a_command_past_its_deadline_is_ended_by_openssh") else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let marker = sshd.path("pid");
    let failure = wait(connection.run(&Request {
        command: format!("echo $$ > {}; exec sleep 67", marker.display()),
        // Long enough for a busy machine to have started the command.
        limit: Some(Duration::from_secs(3)),
        ..Request::default()
    }))
    .unwrap_err();
    assert_eq!(failure.key(), Key::Timeout);
    let pid = fs::read_to_string(marker).unwrap();
    let start = Instant::now();
    while Command::new("kill")
        .args(["-0", pid.trim()])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
    {
        assert!(start.elapsed() < Duration::from_secs(5), "still running");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn open(wanted: &Wanted) -> Result<Connection, Failure> {
    let login = wanted.login()?;
    wait(Connection::open(&login, Duration::from_secs(10)))
}

/// An agent of our own with the keys that it is given.
pub(crate) struct Agent(Child, pub(crate) PathBuf);

impl Agent {
    pub(crate) fn start(directory: &Path) -> Agent {
        let socket = directory.join("agent");
        let child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !socket.exists() {
            assert!(start.elapsed() < Duration::from_secs(10), "no agent");
            std::thread::sleep(Duration::from_millis(10));
        }
        Agent(child, socket)
    }

    pub(crate) fn add(&self, key: &Path) {
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", &self.1)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(added.success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn encrypt(key: &Path) {
    output_of(
        Command::new("ssh-keygen")
            .args(["-q", "-p", "-P", "", "-N", "open sesame", "-f"])
            .arg(key),
    );
}

#[test]
fn an_agent_lends_its_keys_of_every_kind_and_unlocks_encrypted_files() {
    let Some(sshd) = Sshd::start("an_agent_lends_its_keys") else {
        return;
    };
    let agent = Agent::start(sshd.directory.path());
    let empty = open(&Wanted {
        private_key: None,
        agent: Some(agent.1.clone()),
        ..sshd.wanted()
    });
    let failure = empty.unwrap_err();
    assert_eq!(failure.key(), Key::Settings);
    assert!(failure.message().contains("no private key"), "{failure}");
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let key = sshd.path(&format!("user_{kind}"));
        agent.add(&key);
        encrypt(&key);
        let wanted = Wanted {
            private_key: Some(key.clone()),
            agent: Some(agent.1.clone()),
            ..sshd.wanted()
        };
        let connection = open(&wanted).unwrap_or_else(|failure| panic!("{kind}: {failure}"));
        assert!(connection.sends_at_once());
        let any = Wanted {
            private_key: None,
            ..wanted.clone()
        };
        open(&any).unwrap();
        let alone = Wanted {
            agent: None,
            ..wanted
        };
        let failure = open(&alone).unwrap_err();
        assert_eq!(failure.key(), Key::Settings);
        assert!(failure.message().contains("encrypted"), "{failure}");
        assert!(failure.hint_text().unwrap().contains("ssh-add"));
    }
}

#[test]
fn a_passphrase_is_asked_for_at_the_terminal_and_shown_nowhere() {
    let Some(sshd) = Sshd::start("a_passphrase_is_asked_for") else {
        return;
    };
    if installed("script").is_none() {
        return;
    }
    encrypt(&sshd.path("user_ed25519"));
    let sandbox = Sandbox::new();
    let program = sandbox.write(
        "ask.scm",
        &format!(
            "(use-modules (fruix ssh) (fruix guest))\n(define guest (ssh-connect #:address \"127.0.0.1\" \
             #:port {} #:user {:?} #:private-key {:?} #:known-hosts {:?} #:agent #f))\n\
             (display (guest-output guest '(\"echo\" \"we\" \"are in\")))\n",
            sshd.port,
            sshd.user,
            sshd.path("user_ed25519"),
            sshd.known_hosts()
        ),
    );
    let line = format!("{} {}", env!("CARGO_BIN_EXE_fruix-scm"), program.display());
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("HOME", sandbox.work())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut typed, mut shown) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = String::new();
    for words in ["a wrong one\n", "open sesame\n"] {
        let before = seen.len();
        while !seen[before..].contains("`: ") {
            let mut byte = [0];
            assert_eq!(shown.read(&mut byte).unwrap(), 1, "{seen}");
            seen.push(byte[0] as char);
        }
        typed.write_all(words.as_bytes()).unwrap();
    }
    shown.read_to_string(&mut seen).unwrap();
    assert!(child.wait().unwrap().success(), "{seen}");
    assert!(seen.contains("we are in"), "{seen}");
    assert!(
        !seen.contains("sesame") && !seen.contains("wrong one"),
        "{seen}"
    );
}

#[test]
fn the_users_own_files_lead_through_a_jump_to_a_host_by_its_short_name() {
    let Some(sshd) = Sshd::start("the_users_own_files_lead_through_a_jump") else {
        return;
    };
    let known_hosts = sshd.known_hosts();
    let config = sshd.path("ssh_config");
    fs::write(
        &config,
        format!(
            "Host guest gate\n  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {}\n\
             Host guest\n  ProxyJump gate\n",
            sshd.port,
            sshd.user,
            sshd.path("user_ed25519").display()
        ),
    )
    .unwrap();
    let connection = open(&Wanted {
        host: "guest".to_owned(),
        known_hosts: Some(known_hosts.clone()),
        config: Files::One(config.clone()),
        ..Wanted::default()
    })
    .unwrap();
    let output = wait(connection.run(&request("echo $SSH_CLIENT"))).unwrap();
    assert_eq!(output.ending, Ending::Exited(0));
    assert!(connection.sends_at_once());
    // What is lost on the way is made again, the whole way.
    connection.cut();
    let start = Instant::now();
    while connection.is_alive() {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "not seen to be cut"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = wait(connection.run(&request("echo again"))).unwrap();
    assert_eq!(output.stdout, b"again\n");
    // A gate whose key has changed ends it with both fingerprints.
    generate(&sshd.path("other"), "ed25519");
    let changed = fs::read_to_string(sshd.path("other.pub")).unwrap();
    fs::write(&known_hosts, format!("[127.0.0.1]:{} {changed}", sshd.port)).unwrap();
    let failure = open(&Wanted {
        host: "guest".to_owned(),
        known_hosts: Some(known_hosts),
        config: Files::One(config),
        ..Wanted::default()
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Trust);
    assert_eq!(failure.message().matches("SHA256:").count(), 2, "{failure}");
}

#[test]
fn a_tree_goes_there_and_back_and_only_what_differs_goes_again() {
    let Some(sshd) = Sshd::start("a_tree_goes_there_and_back") else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let (here, there, back) = (sshd.path("here"), sshd.path("there"), sshd.path("back"));
    fs::create_dir_all(here.join("deep/er/empty")).unwrap();
    fs::write(here.join("deep/it's a \"file\""), "with spaces\n").unwrap();
    fs::write(here.join("deep/line\nbreak"), "").unwrap();
    fs::write(here.join("deep/er/program"), "#!/bin/sh\n").unwrap();
    fs::write(here.join("large"), vec![7; 3_000_000]).unwrap();
    fs::write(here.join("-option"), "x").unwrap();
    for index in 0..200 {
        fs::write(here.join(format!("deep/{index}")), format!("{index}")).unwrap();
    }
    std::os::unix::fs::symlink("er/program", here.join("deep/link")).unwrap();
    std::os::unix::fs::symlink("/nowhere", here.join("dangling")).unwrap();
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    mode(&here.join("deep/er/program"), 0o751).unwrap();
    mode(&here.join("deep/er/empty"), 0o500).unwrap();
    mode(&here.join("deep/9"), 0o4755).unwrap();
    fs::hard_link(here.join("deep/er/program"), here.join("another name")).unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for path in ["deep/er/program", "large", "deep/er"] {
        fs::File::open(here.join(path))
            .unwrap()
            .set_modified(old)
            .unwrap();
    }

    let remote = there.to_str().unwrap();
    let sent = wait(connection.send_tree(&here, remote)).unwrap();
    assert_eq!((sent.files, sent.kept), (205, 0));
    let fetched = wait(connection.fetch_tree(remote, &back)).unwrap();
    assert_eq!((fetched.files, fetched.bytes), (205, sent.bytes));
    let listing = |root: &Path| {
        let script = "cd \"$1\" && find . | sort | while read -r f; do stat -c '%N %a %F %h' \"$f\"; test -L \"$f\" || stat -c %Y \"$f\"; done; \
                      find . -type f -exec sha256sum {} + | sort";
        output_of(Command::new("sh").args(["-c", script, "sh"]).arg(root))
    };
    assert_eq!(listing(&here), listing(&there));
    assert_eq!(listing(&here), listing(&back));

    fs::write(there.join("deep/7"), "8").unwrap();
    fs::remove_file(there.join("large")).unwrap();
    let again = wait(connection.send_tree(&here, remote)).unwrap();
    assert_eq!((again.files, again.kept), (2, 203));
    assert_eq!(listing(&here), listing(&there));
    // A link where a directory should be is not written through.
    fs::remove_dir_all(back.join("deep")).unwrap();
    let elsewhere = sshd.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, back.join("deep")).unwrap();
    let failure = wait(connection.fetch_tree(remote, &back)).unwrap_err();
    assert!(failure.message().contains("back/deep"), "{failure}");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn a_sparse_file_stays_sparse_and_a_cut_one_goes_on() {
    use std::os::unix::fs::{FileExt, MetadataExt};
    let Some(sshd) = Sshd::start("a_sparse_file_stays_sparse") else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let (here, there, back) = (sshd.path("here"), sshd.path("there"), sshd.path("back"));
    let file = fs::File::create(&here).unwrap();
    file.set_len(80 << 20).unwrap();
    file.write_all_at(&[1; 100_000], 30 << 20).unwrap();
    file.write_all_at(b"near the end", (60 << 20) + 5).unwrap();
    let remote = there.to_str().unwrap();
    let sent = wait(connection.send(&here, remote)).unwrap();
    let fetched = wait(connection.fetch(remote, &back)).unwrap();
    assert_eq!(sent, fetched);
    let expected = output_of(Command::new("sha256sum").arg(&here));
    assert_eq!(expected.split(' ').next(), Some(&*sent));
    for copy in [&there, &back] {
        let found = fs::metadata(copy).unwrap();
        assert_eq!(found.len(), 80 << 20);
        assert!(found.blocks() * 512 < 2 << 20, "{} blocks", found.blocks());
    }
    // What another process left behind is taken up; what is wrong in it is found.
    let bytes: Vec<u8> = (0..9_000_000u32)
        .map(|number| (number >> 7) as u8)
        .collect();
    fs::write(&here, &bytes).unwrap();
    for start in [bytes[..5_000_000].to_vec(), vec![9; 5_000_000]] {
        fs::write(sshd.path("there.part"), &start).unwrap();
        fs::write(sshd.path("back.part"), &start).unwrap();
        wait(connection.send(&here, remote)).unwrap();
        wait(connection.fetch(remote, &back)).unwrap();
        assert!(fs::read(&there).unwrap() == bytes && fs::read(&back).unwrap() == bytes);
    }
    let failure = wait(connection.send(&here, "/no/such/directory/file")).unwrap_err();
    assert!(failure.message().ends_with(": No such file"), "{failure}");
    // What a kernel makes up when it is read has no size.
    if let Ok(version) = fs::read("/proc/version") {
        wait(connection.fetch("/proc/version", &back)).unwrap();
        assert_eq!(fs::read(&back).unwrap(), version);
    }
}

#[test]
fn a_directory_where_a_file_should_go_is_named() {
    let Some(sshd) = Sshd::start("a_directory_where_a_file_should_go") else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let (here, there) = (sshd.path("here"), sshd.path("there"));
    fs::create_dir(&here).unwrap();
    fs::write(here.join("file"), "x").unwrap();
    fs::create_dir_all(there.join("file")).unwrap();
    let remote = there.to_str().unwrap();
    let failures = [
        wait(connection.send_tree(&here, remote)).unwrap_err(),
        wait(connection.send(&here.join("file"), &format!("{remote}/file"))).unwrap_err(),
    ];
    for failure in failures {
        let message = failure.message();
        assert!(message.contains("/there/file`"), "{message}");
        assert!(message.ends_with(": it is a directory"), "{message}");
    }
}

fn following(directory: &Path) -> Follow {
    crate::ssh::following(&directory.display().to_string(), None)
}

/// Start SCRIPT as a job in DIRECTORY and follow it to its end.
fn followed(connection: &Connection, directory: &Path, script: &str) -> Followed {
    let boot = wait(connection.start_job(directory.to_str().unwrap(), script)).unwrap();
    let mut follow = following(directory);
    follow.boot = Some(boot);
    wait(connection.follow_job(follow)).unwrap()
}

#[test]
fn every_end_of_a_job_has_its_name_with_openssh_too() {
    let Some(sshd) = Sshd::start("every_end_of_a_job_has_its_name") else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let finished = followed(&connection, &sshd.path("finished"), "echo out; exit 7");
    assert_eq!(
        (finished.end, &*finished.tail),
        (End::Finished(7), &b"out\n"[..])
    );
    let killed = followed(
        &connection,
        &sshd.path("killed"),
        "kill -9 $PPID; kill -9 $$",
    );
    assert_eq!(killed.end, End::Gone);

    let (stalled, script) = (sshd.path("stalled"), "echo begun; sleep 79");
    let boot = wait(connection.start_job(stalled.to_str().unwrap(), script)).unwrap();
    let mut follow = following(&stalled);
    follow.stall = Some(Duration::from_millis(1200));
    let end = wait(connection.follow_job(follow)).unwrap().end;
    assert_eq!(end, End::Stalled(Duration::from_millis(1200)));
    // The guest of another boot is told by its clock; here by a made-up number.
    let mut other = following(&stalled);
    other.boot = Some(format!("0{boot}0"));
    assert_eq!(
        wait(connection.follow_job(other)).unwrap().end,
        End::Rebooted
    );
    wait(connection.end_job(stalled.to_str().unwrap())).unwrap();
    fs::remove_dir_all(&stalled).unwrap();
    let end = wait(connection.follow_job(following(&stalled)))
        .unwrap()
        .end;
    assert_eq!(end, End::Vanished);
}

#[test]
fn a_job_on_a_full_disk_is_named_with_openssh_too() {
    let small = "mkdir small && exec unshare -m sh -c \
                 'mount -t tmpfs -o size=2m none small && exec \"$@\"' sh \"$@\"";
    let Some(sshd) = Sshd::start_with("a_job_on_a_full_disk", small) else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let followed = followed(
        &connection,
        &sshd.path("small/job"),
        "cat /dev/zero > ../big",
    );
    assert_eq!(followed.end, End::Full(Some(1)), "{followed:?}");
    let log = String::from_utf8_lossy(&followed.tail).into_owned();
    assert!(log.contains("No space left") || log.is_empty(), "{log}");
    // A copy that does not fit says so, and takes no room.
    let clear = "rm small/big && mkdir small/copy";
    let here = format!("cd '{}' && ", sshd.directory.path().display());
    wait(connection.run(&request(&(here.clone() + clear)))).unwrap();
    fs::write(sshd.path("large"), vec![7; 4 << 20]).unwrap();
    let there = sshd.path("small/copy/large");
    let failure = wait(connection.send(&sshd.path("large"), there.to_str().unwrap())).unwrap_err();
    assert!(
        failure.message().contains("no space left on device"),
        "{failure}"
    );
    let left = wait(connection.run(&request(&(here + "ls -A small/copy")))).unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

#[test]
fn a_log_is_the_same_after_twenty_drops_and_in_the_archive_of_killed_processes() {
    let Some(sshd) = Sshd::start("a_log_is_the_same_after_twenty_drops") else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let (job, enough) = (sshd.path("job"), sshd.path("enough"));
    let script = format!(
        "echo '>>> stage 1.1: first'; i=0; until test -e {0}; do i=$((i+1)); echo line $i; \
         head -c 3000 /dev/urandom; sleep 0.01; done; echo; echo last",
        enough.display()
    );
    let boot = wait(connection.start_job(job.to_str().unwrap(), &script)).unwrap();
    let copy = sshd.path("copy");
    let mut follow = following(&job);
    follow.copy = Some(copy.clone());
    follow.boot = Some(boot);

    // Two processes keep the log as well, one after the other; the first is killed.
    let sandbox = Sandbox::new();
    let kept = sshd.path("kept.gz");
    let program = sandbox.write(
        "keep.scm",
        &format!(
            "(use-modules (fruix ssh) (fruix native ssh))\n\
             (define guest (ssh-connect #:address \"127.0.0.1\" #:port {} #:user {:?} \
             #:private-key {:?} #:known-hosts {:?} #:agent #f))\n\
             (write (assq-ref (%ssh-job-follow guest {:?} #f 0 #f #f #f 60 10 {:?} #f) 'end))\n",
            sshd.port,
            sshd.user,
            sshd.path("user_ed25519"),
            sshd.known_hosts(),
            job,
            kept,
        ),
    );
    let keep = || {
        let mut command = sandbox.command(&[program.to_str().unwrap()]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut first = keep();
    let (followed, last) = std::thread::scope(|scope| {
        let cutter = scope.spawn(|| {
            let mut cuts = 0;
            while cuts < 20 {
                std::thread::sleep(Duration::from_millis(30));
                if connection.is_alive() {
                    connection.cut();
                    cuts += 1;
                }
            }
            let start = Instant::now();
            while fs::metadata(&kept).map_or(0, |kept| kept.len()) < 20_000 {
                assert!(start.elapsed() < Duration::from_secs(30), "nothing kept");
                std::thread::sleep(Duration::from_millis(10));
            }
            first.kill().unwrap();
            first.wait().unwrap();
            let second = keep();
            fs::write(&enough, "").unwrap();
            crate::support::wait(second, Instant::now())
        });
        let followed = wait(connection.follow_job(follow)).unwrap();
        (followed, cutter.join().unwrap())
    });
    assert_eq!(followed.end, End::Finished(0));
    assert_eq!(last.success(), "finished");
    let log = fs::read(job.join("log")).unwrap();
    assert!(log.ends_with(b"\nlast\n"));
    assert!(fs::read(copy).unwrap() == log, "the copy differs");
    assert!(
        archive::read(&kept, 0, u64::MAX).unwrap() == log,
        "the archive differs"
    );
    assert_eq!(
        archive::members(&kept).unwrap()[0].stage,
        "stage 1.1: first"
    );
}

#[test]
fn a_file_takes_the_place_of_another_whether_or_not_the_server_has_a_word_for_it() {
    let name = "openssh::a_file_takes_the_place_of_another";
    for line in [
        "exec \"$@\"",
        "sed -i 's/internal-sftp/internal-sftp -P posix-rename/' config && exec \"$@\"",
    ] {
        let Some(server) = Sshd::start_with(name, line) else {
            return;
        };
        let connection = server.connect("ed25519", "ed25519").unwrap();
        let (here, there) = (server.path("here"), server.path("there"));
        fs::write(&here, "new").unwrap();
        fs::set_permissions(&here, fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(&there, "old and longer").unwrap();
        wait(connection.send(&here, there.to_str().unwrap())).unwrap();
        assert_eq!(fs::read_to_string(&there).unwrap(), "new");
        assert_eq!(
            fs::metadata(&there).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(!server.path("there.part").exists());

        fs::create_dir(server.path("directory")).unwrap();
        let directory = server.path("directory");
        let failure = wait(connection.send(&here, directory.to_str().unwrap())).unwrap_err();
        assert!(failure.message().contains("it is a directory"), "{failure}");
        assert!(!server.path("directory.part").exists());
    }
}
