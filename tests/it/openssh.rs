//! The SSH client against OpenSSH's own server on loopback.

use crate::support::installed;
use fruix_scm::failure::{Failure, Key};
use fruix_scm::runtime;
use fruix_scm::ssh::{Connection, Destination, Ending, Login, Question, Request, SshError, Trust};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An sshd of our own, run by and for whoever runs the tests.
struct Sshd {
    directory: tempfile::TempDir,
    child: Child,
    port: u16,
    user: String,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn output_of(command: &mut Command) -> String {
    let output = command.stderr(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn generate(path: &Path, kind: &str) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", "test", "-t", kind, "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success());
}

impl Sshd {
    /// Start one, or say why the test is skipped.
    fn start(test: &str) -> Option<Sshd> {
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
             AuthorizedKeysFile {}\nHostKey {}\nHostKey {}\nHostKey {}\n",
            path("authorized_keys").display(),
            path("host_ed25519").display(),
            path("host_rsa").display(),
            path("host_ecdsa").display(),
        );
        fs::write(path("config"), config).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let child = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(path("config"))
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

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn connect(&self, user_key: &str, host_key: &str) -> Result<Connection, Failure> {
        let login = Login {
            destination: Destination {
                address: "127.0.0.1".to_owned(),
                port: self.port,
                user: self.user.clone(),
            },
            private_key: self.path(&format!("user_{user_key}")),
            trust: Trust::Pinned(
                fs::read_to_string(self.path(&format!("host_{host_key}.pub"))).unwrap(),
            ),
        };
        wait(Connection::open(&login, Duration::from_secs(10)))
    }
}

fn wait<T>(future: impl Future<Output = Result<T, SshError>>) -> Result<T, Failure> {
    runtime::wait("testing against sshd", Duration::from_secs(60), future)
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
