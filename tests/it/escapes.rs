//! The simulated guest is a boundary: what `tests/guest/escapes.py` tries in it fails,
//! attempt by attempt, as root and as an ordinary user.

#![cfg(target_os = "linux")]

use crate::support;
use fruix_scm::failure::Failure;
use fruix_scm::sim::guest::namespace::{Mounts, Namespace};
use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

const ESCAPES: &str = include_str!("../guest/escapes.py");

/// A root with this machine's programs, and what the guest has of the rest.
fn root(directory: &Path) -> (std::path::PathBuf, Mounts) {
    let root = directory.join("root");
    let outer = directory.join("outer");
    fs::create_dir_all(outer.join("below")).unwrap();
    fs::write(outer.join("file"), "").unwrap();
    fs::write(outer.join("own"), "").unwrap();
    for name in ["proc", "tmp", "dev", "outer", "usr", "sys"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let mut mounts = Mounts::default();
    mounts.read_only.push(("/usr".into(), root.join("usr")));
    mounts.read_only.push((outer.clone(), root.join("outer")));
    for name in ["bin", "lib", "lib64"] {
        let here = Path::new("/").join(name);
        if here.is_symlink() {
            symlink(fs::read_link(here).unwrap(), root.join(name)).unwrap();
        } else if here.is_dir() {
            fs::create_dir(root.join(name)).unwrap();
            mounts.read_only.push((here, root.join(name)));
        }
    }
    for (name, source) in [
        ("null", "/dev/null".into()),
        ("urandom", "/dev/urandom".into()),
        ("own", outer.join("own")),
    ] {
        fs::write(root.join("dev").join(name), "").unwrap();
        mounts.devices.push((source, root.join("dev").join(name)));
    }
    (root, mounts)
}

#[test]
fn no_attempt_to_leave_the_guest_succeeds() {
    if !Path::new("/usr/bin/python3").exists() {
        return support::skipped("python3 is not installed as /usr/bin/python3");
    }
    let directory = tempfile::tempdir().unwrap();
    let (root, mounts) = root(directory.path());
    fs::write(root.join("tmp/escapes.py"), ESCAPES).unwrap();
    let secret = directory.path().join("secret");
    fs::write(&secret, "secret").unwrap();

    // What the attempts look for.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let name = format!("fruix-scm-escapes-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _abstract = UnixListener::bind_addr(&address).unwrap();
    let marker = format!(
        "{:032x}",
        u128::from(std::process::id()) << 64 | 0x1234_5678
    );
    let backwards: String = marker.chars().rev().collect();
    let segment = Segment::new();
    let open = fs::File::open(&secret).unwrap();
    // SAFETY: a plain system call on a descriptor of our own.
    unsafe { libc::fcntl(open.as_raw_fd(), libc::F_SETFD, 0) };

    let namespace = Namespace::start(&root, &mounts, "escapes").unwrap();
    let text = fruix_scm::runtime::wait("the attempts", Duration::from_secs(120), async {
        let attempts = namespace
            .command(OsStr::new("/usr/bin/python3"), c"/tmp")
            .arg("-I")
            .arg("/tmp/escapes.py")
            .args([
                &port.to_string(),
                &name,
                &std::process::id().to_string(),
                secret.to_str().unwrap(),
                &segment.key.to_string(),
                &backwards,
            ])
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Processes that join while the attempts look into memory.
        let joining = async {
            loop {
                let _ = namespace
                    .command(OsStr::new("/usr/bin/true"), c"/")
                    .stdin(Stdio::null())
                    .status()
                    .await;
            }
        };
        tokio::select! {
            output = attempts.wait_with_output() => {
                let output = output.unwrap();
                Ok::<_, Failure>(
                    String::from_utf8_lossy(&output.stdout).into_owned()
                        + &String::from_utf8_lossy(&output.stderr),
                )
            }
            () = joining => unreachable!("nothing ends this"),
        }
    })
    .unwrap();
    // The memory that was looked for is in use until here.
    assert_eq!(marker.len(), 32);
    drop((listener, open));

    let escaped: Vec<&str> = text
        .lines()
        .filter(|it| it.starts_with("escaped"))
        .collect();
    assert!(escaped.is_empty(), "{escaped:#?}\n{text}");
    let held = text.lines().filter(|it| it.starts_with("held")).count();
    assert!(
        held > 100 && text.ends_with(&format!("attempts={held}\n")),
        "{text}"
    );
    // Nothing was left where the guest may not write.
    let outer = fs::read_dir(directory.path().join("outer")).unwrap();
    assert_eq!(outer.count(), 3);
    let mode = |name: &str| {
        let file = directory.path().join("outer").join(name);
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("own"), mode("file")), (0o644, 0o644));
}

/// A segment of System V's shared memory, removed at the end.
struct Segment {
    key: libc::key_t,
    id: libc::c_int,
}

impl Segment {
    fn new() -> Segment {
        let key = 0x4652_0000 | (std::process::id() as libc::key_t & 0xffff);
        // SAFETY: plain system calls.
        let id = unsafe { libc::shmget(key, 4096, libc::IPC_CREAT | 0o666) };
        assert!(id >= 0, "{}", std::io::Error::last_os_error());
        Segment { key, id }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the segment is ours.
        unsafe {
            libc::shmctl(self.id, libc::IPC_RMID, std::ptr::null_mut());
        }
    }
}

#[test]
fn what_listens_in_the_guest_is_reached_there_and_nowhere_else() {
    if !Path::new("/usr/bin/python3").exists() {
        return support::skipped("python3 is not installed as /usr/bin/python3");
    }
    const SERVER: &str = "
import socket
s = socket.create_server(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
c.sendall(b'inside')
c.close()
";
    let directory = tempfile::tempdir().unwrap();
    let (root, mounts) = root(directory.path());
    let namespace = Namespace::start(&root, &mounts, "network").unwrap();
    let said = fruix_scm::runtime::wait("a server", Duration::from_secs(30), async {
        use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
        let mut server = namespace
            .command(OsStr::new("/usr/bin/python3"), c"/")
            .args(["-I", "-c", SERVER])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let port: u16 = lines.next_line().await.unwrap().unwrap().parse().unwrap();
        let loopback = "127.0.0.1".parse().unwrap();
        assert!(
            tokio::net::TcpStream::connect((loopback, port))
                .await
                .is_err()
        );
        let stream = namespace.connect(loopback, port).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut stream = tokio::net::TcpStream::from_std(stream).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        server.wait().await.unwrap();
        assert!(namespace.connect(loopback, port).is_err());
        Ok::<_, Failure>(said)
    });
    assert_eq!(said.unwrap(), "inside");
}
