//! A hermetic place to run the binary in, and the words tests share.

use fruix_scm::sim::{SECRET_MARK, Simulation};
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A directory of its own with a home of its own; nothing of the machine's
/// settings reaches the binary that runs in it.
pub struct Sandbox {
    directory: tempfile::TempDir,
}

/// What a command did.
#[must_use = "look at the status: call .success() or .fails_with(status)"]
#[derive(Debug)]
pub struct Outcome {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        let directory = tempfile::tempdir().unwrap();
        for name in ["home", "work", "tmp"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        Sandbox { directory }
    }

    /// The directory in which the binary runs.
    pub fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// Where the binary keeps what this user has done.
    pub fn state(&self) -> PathBuf {
        self.directory.path().join("home/.local/state/fruix-scm")
    }

    /// The directory that the binary takes for temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.directory.path().join("tmp")
    }

    /// Write TEXT to the file NAME in the working directory.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The binary with ARGUMENTS, ready to be given more of the world.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let home = self.directory.path().join("home");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fruix-scm"));
        command
            .args(arguments)
            .current_dir(self.work())
            .env_clear()
            .env("HOME", &home)
            .env("TMPDIR", self.temporary())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    /// Run the binary with ARGUMENTS to its end, for at most two minutes.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Outcome {
        finish(self.command(arguments))
    }
}

/// What a prompt in SANDBOX makes of LINES, which come through a pipe.
pub fn talk(sandbox: &Sandbox, lines: &str) -> Outcome {
    talk_with(sandbox, &[], lines)
}

/// The same, of a prompt that was started with ARGUMENTS.
pub fn talk_with(sandbox: &Sandbox, arguments: &[&str], lines: &str) -> Outcome {
    let began = Instant::now();
    let mut child = sandbox
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    wait(child, began)
}

/// Run COMMAND to its end, for at most two minutes.
pub fn finish(mut command: Command) -> Outcome {
    let began = Instant::now();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait(child, began)
}

/// Collect what CHILD says until its end, for at most two minutes since BEGAN.
pub fn wait(mut child: std::process::Child, began: Instant) -> Outcome {
    use std::io::Read;
    let mut stdout = child.stdout.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let out = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).map(|_| bytes)
    });
    let err = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stderr.read_to_end(&mut bytes).map(|_| bytes)
    });
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the command was still running after two minutes");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let outcome = Outcome {
        status: status.code(),
        stdout: text(out.join().unwrap().unwrap()),
        stderr: text(err.join().unwrap().unwrap()),
    };
    hold_no_secret("stdout", &outcome.stdout);
    hold_no_secret("stderr", &outcome.stderr);
    outcome
}

/// Insist that TEXT, which comes from WHERE, holds no password or session of a
/// simulated host and no private key.
pub fn hold_no_secret(place: &str, text: &str) {
    for secret in [SECRET_MARK, "PRIVATE KEY-----"] {
        assert!(!text.contains(secret), "a secret in {place}:\n{text}");
    }
}

impl Drop for Sandbox {
    /// Whatever the binary has written of its own account, such as journals and
    /// records, holds no secret either.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for name in ["home", "work"] {
            let files = walkdir::WalkDir::new(self.directory.path().join(name));
            for entry in files.into_iter().filter_map(Result::ok) {
                if !entry.file_type().is_file() {
                    continue;
                }
                let bytes = written(entry.path()).unwrap_or_default();
                let found = bytes
                    .windows(SECRET_MARK.len())
                    .any(|window| window == SECRET_MARK.as_bytes());
                assert!(!found, "a secret in `{}`", entry.path().display());
            }
        }
    }
}

/// What has been written to the file at PATH: an image may be nearly all hole, and
/// longer than memory.
fn written(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Ok(begin) = rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(at)) {
        at = rustix::fs::seek(&file, rustix::fs::SeekFrom::Hole(begin))?;
        file.seek(SeekFrom::Start(begin))?;
        (&file).take(at - begin).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

impl Outcome {
    /// Insist on exit status 0; gives stdout.
    pub fn success(self) -> String {
        assert_eq!(self.status, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Insist on exit status STATUS and on the absence of a panic; gives stderr.
    pub fn fails_with(self, status: i32) -> String {
        assert_eq!(
            self.status,
            Some(status),
            "{}\n{}",
            self.stdout,
            self.stderr
        );
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        let is_verdict = |line: &str| line.starts_with("FAIL ");
        if matches!(status, 1 | 4) && self.stdout.lines().any(is_verdict) {
            assert!(self.shows_where(), "nothing says where\n{}", self.stderr);
        }
        self.stderr
    }

    /// Whether the failure of a harness is shown with file, line and column.
    fn shows_where(&self) -> bool {
        self.stderr.lines().any(|line| {
            line.strip_prefix("fruix-scm: ")
                .is_some_and(begins_with_a_place)
        })
    }
}

/// Whether TEXT begins with `FILE.scm:LINE:COLUMN`.
fn begins_with_a_place(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((_, rest)) = text.split_once(".scm:") else {
        return false;
    };
    let mut parts = rest.split([':', ' ']);
    parts.next().is_some_and(number) && parts.next().is_some_and(number)
}

/// The program NAME on this machine's PATH. Where it is missing the caller's
/// test is skipped, aloud; in CI, which installs it, that is an error.
pub fn installed(name: &str) -> Option<PathBuf> {
    let mut path: Vec<PathBuf> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    // sshd is not on an ordinary user's path.
    path.extend(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = path
        .iter()
        .map(|directory| directory.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        skipped(&format!("{name} is not installed"));
    }
    found
}

/// Where PACKAGES of PyPI are, installed once; `None` when they cannot be.
pub fn python_packages(packages: &[&str]) -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(packages.join("+"));
    if place.exists() {
        return Some(place);
    }
    let fresh = place.with_extension(std::process::id().to_string());
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--target"])
        .arg(&fresh)
        .args(packages)
        .output();
    match output {
        Ok(output) if output.status.success() => {
            let _ = std::fs::rename(&fresh, &place);
            Some(place)
        }
        Ok(output) => {
            skipped(&String::from_utf8_lossy(&output.stderr));
            None
        }
        Err(error) => {
            skipped(&format!("python3 cannot be run: {error}"));
            None
        }
    }
}

/// Say that a test is skipped because of WHY, on a line of its own.
pub fn skipped(why: &str) {
    assert!(
        std::env::var_os("FRUIX_SCM_TESTS_MUST_NOT_SKIP").is_none(),
        "skipped where nothing may skip: {why}"
    );
    eprintln!("skipped: {why}");
}

/// Who may do what with the file or folder at PATH, as chmod(1) takes it.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The settings file of somebody who approves what SIMULATION has.
pub fn settings_text(simulation: &Simulation) -> String {
    let settings = simulation.settings();
    format!(
        r#"((host . {:?}) (user . {:?}) (password-file . {:?})
 (certificate-sha256 . {:?})
 (approved (vms {:?}) (vdis {:?}))
 (vm . {:?}) (vdi . {:?}) (image . {:?})
 (guest (user . {:?}) (port . {}) (private-key . {:?}) (host-key . {:?}))
 (boot-timeout-seconds . 20))
"#,
        settings.host,
        settings.user,
        settings.password_file,
        settings.certificate_sha256,
        settings.approved_vms[0],
        settings.approved_vdis[0],
        settings.vm,
        settings.vdi,
        settings.image,
        settings.guest_user,
        settings.guest_port,
        settings.guest_private_key,
        settings.guest_host_key,
    )
}

/// The folder `fixtures/` of this checkout.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}
