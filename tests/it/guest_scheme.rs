//! (fruix ssh), (fruix guest), (fruix wait), (fruix job) and (fruix preflight),
//! as a harness author uses them, against the simulated guest.

use crate::small_system::SmallSystem;
use crate::support::{Sandbox, finish, wait};
use fruix_scm::sim::disk::FixtureDisk;
use fruix_scm::sim::{Simulation, SimulationOptions, SimulationSettings};
use fruix_scm::ssh::archive;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The binary in SANDBOX, with what a script needs to reach SYSTEM's guest.
fn command(sandbox: &Sandbox, system: &SmallSystem, arguments: &[&str]) -> Command {
    let mut command = sandbox.command(arguments);

    command
        .env(
            "FRUIX_SCM_TEST_PORT",
            system.port.address().port().to_string(),
        )
        .env("FRUIX_SCM_TEST_PRIVATE_KEY", &system.disk.private_key)
        .env("FRUIX_SCM_TEST_HOST_KEY", &system.disk.host_key);
    command
}

const CONNECT: &str = r#"
(use-modules (fruix ssh) (fruix job) (fruix guest))
(define guest
  (ssh-connect #:address "127.0.0.1"
               #:port (string->number (getenv "FRUIX_SCM_TEST_PORT"))
               #:private-key (getenv "FRUIX_SCM_TEST_PRIVATE_KEY")
               #:host-key (getenv "FRUIX_SCM_TEST_HOST_KEY")))
"#;

/// Whether the interpreter has MODULE yet.
fn lacks(sandbox: &Sandbox, module: &str) -> bool {
    let lacking = sandbox
        .run(&["-c", &format!("(use-modules {module})")])
        .status
        != Some(0);
    if lacking {
        eprintln!("skipped: the interpreter has no {module}");
    }
    lacking
}

#[test]
fn the_words_of_harness_authors_do_what_they_say() {
    let system = SmallSystem::of_the_fixtures();
    let _guest = system.boot().unwrap();
    let sandbox = Sandbox::new();
    if lacks(&sandbox, "(srfi srfi-64)") || lacks(&sandbox, "(ice-9 format)") {
        return;
    }
    let test = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scheme/fruix/guest-test.scm");
    finish(command(&sandbox, &system, &[test.to_str().unwrap()])).success();
}

#[test]
fn a_job_outlives_a_killed_process_and_the_next_one_goes_on_at_the_byte() {
    let system = SmallSystem::of_the_fixtures();
    let _guest = system.boot().unwrap();
    let sandbox = Sandbox::new();
    if lacks(&sandbox, "(srfi srfi-64)") || lacks(&sandbox, "(ice-9 format)") {
        return;
    }
    let copy = sandbox.work().join("copy");
    let follow = format!("#:live \"job\" #:copy {:?}", copy.to_str().unwrap());
    let first = sandbox.write(
        "first.scm",
        &format!(
            "{CONNECT}(job-follow (job-start guest \"long\" (sh \"i=0; while test $i -lt 300; do \
             i=$((i+1)); echo line $i; sleep 0.01; done\")) {follow})"
        ),
    );
    let mut child = command(&sandbox, &system, &[first.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while fs::metadata(&copy).map_or(0, |copy| copy.len()) < 100 {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing came");
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = fs::metadata(&copy).unwrap().len();

    let second = sandbox.write(
        "second.scm",
        &format!(
            "{CONNECT}(let ((result (job-follow (job-attach guest \"long\") #:from {kept} {follow})))\
             (write (list (job-result-end result) (job-result-status result)))\
             (newline)\
             (display (guest-file-ref guest \"/var/tmp/fruix-jobs/long/log\")))"
        ),
    );
    let said = finish(command(&sandbox, &system, &[second.to_str().unwrap()])).success();
    let (result, log) = said.split_once('\n').unwrap();
    assert_eq!(result, "(finished 0)");
    assert!(log.ends_with("line 300\n") && kept < log.len() as u64);
    assert_eq!(fs::read_to_string(copy).unwrap(), log);
}

#[test]
fn an_interrupt_ends_the_command_in_the_guest_and_this_process_with_130() {
    let system = SmallSystem::of_the_fixtures();
    let guest = system.boot().unwrap();
    let sandbox = Sandbox::new();
    if lacks(&sandbox, "(srfi srfi-64)") || lacks(&sandbox, "(ice-9 format)") {
        return;
    }
    let script = sandbox.write(
        "long.scm",
        &format!(
            "{CONNECT}(call-with-ssh guest (lambda (guest) (guest-run guest '(\"sleep\" \"77\"))))"
        ),
    );
    let began = Instant::now();
    let child = command(&sandbox, &system, &[script.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !running("sleep\0", "77") {
        assert!(began.elapsed() < Duration::from_secs(30), "it never ran");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let message = wait(child, began).fails_with(130);
    assert!(message.contains("interrupted"), "{message}");
    let ended = Instant::now();
    while running("sleep\0", "77") {
        assert!(ended.elapsed() < Duration::from_secs(5), "still running");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(guest);
}

#[test]
fn an_interrupt_of_a_wait_says_what_was_waited_for() {
    let program = "(use-modules (fruix wait))
                   (wait-for (lambda () (display \"up\\n\") (force-output) #f)
                             #:what \"the moon\" #:timeout 1000 #:interval 1000)";
    let sandbox = Sandbox::new();
    let mut child = sandbox
        .command(&["-c", program])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut up = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let message = wait(child, Instant::now()).fails_with(130);
    assert!(
        message.contains("interrupted: waiting for the moon"),
        "{message}"
    );
}

#[test]
fn after_an_interrupt_a_program_still_tidies_up_in_the_guest() {
    let system = SmallSystem::of_the_fixtures();
    let guest = system.boot().unwrap();
    let sandbox = Sandbox::new();
    // Nobody closes the connection.
    let script = sandbox.write(
        "tidy.scm",
        &format!(
            "{CONNECT}(dynamic-wind (lambda () #t) (lambda () \
             (catch #t (lambda () (guest-run guest '(\"sleep\" \"76\"))) \
             (lambda (key . rest) (guest-write-file guest \"/tmp/caught\" \"\") (display key)))) \
             (lambda () (guest-write-file guest \"/tmp/after\" \"\") \
             (display (list (guest-file? guest \"/tmp/caught\") (guest-file? guest \"/tmp/after\")))))"
        ),
    );
    let began = Instant::now();
    let child = command(&sandbox, &system, &[script.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !running("sleep\0", "76") {
        assert!(began.elapsed() < Duration::from_secs(30), "it never ran");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let said = wait(child, began).success();
    assert_eq!(said, "interrupted(#t #t)");
    assert!(!running("sleep\0", "76"), "it stays in the guest");
    drop(guest);
}

#[test]
fn a_command_that_misses_its_deadline_does_not_outlive_the_process() {
    let system = SmallSystem::of_the_fixtures();
    let guest = system.boot().unwrap();
    let sandbox = Sandbox::new();
    let script = sandbox.write(
        "late.scm",
        &format!("{CONNECT}(guest-run guest '(\"sleep\" \"75\") #:timeout 2)"),
    );
    let message = finish(command(&sandbox, &system, &[script.to_str().unwrap()])).fails_with(3);
    assert!(message.contains("did not end"), "{message}");
    assert!(!running("sleep\0", "75"), "it stays in the guest");
    drop(guest);
}

/// Passes connections on to a port, until it cuts them all.
struct Proxy {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    /// How many connections there have been.
    made: Arc<AtomicUsize>,
}

impl Proxy {
    fn to(target: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let list = open.clone();
        let made = Arc::new(AtomicUsize::new(0));
        let count = made.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else {
                    continue;
                };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                count.fetch_add(1, Ordering::SeqCst);
                list.lock().unwrap().extend([near, far]);
            }
        });
        Proxy { port, open, made }
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A file of settings for the host and guest of SETTINGS, the guest at PORT.
fn settings_file(sandbox: &Sandbox, settings: &SimulationSettings, port: u16) -> PathBuf {
    let texts = |texts: &[String]| format!("{texts:?}").replace(['[', ']', ','], " ");
    sandbox.write(
        "settings.scm",
        &format!(
            "((host . {:?}) (user . {:?}) (password-file . {:?}) (certificate-sha256 . {:?})\n\
             (approved (vms {}) (vdis {})) (vm . {:?}) (vdi . {:?}) (image . {:?})\n\
             (guest (user . {:?}) (port . {}) (private-key . {:?}) (host-key . {:?})))\n",
            settings.host,
            settings.user,
            settings.password_file,
            settings.certificate_sha256,
            texts(&settings.approved_vms),
            texts(&settings.approved_vdis),
            settings.vm,
            settings.vdi,
            settings.image,
            settings.guest_user,
            port,
            settings.guest_private_key,
            settings.guest_host_key,
        ),
    )
}

#[test]
fn phase20_killed_in_mid_build_leaves_a_log_that_the_next_process_has_to_the_byte() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let settings = simulation.settings();
    let sandbox = Sandbox::new();
    let config = settings_file(&sandbox, settings, settings.guest_port);
    // A build that waits in its middle until it is told to go on.
    let directory = tempfile::tempdir().unwrap();
    let disk = FixtureDisk::changed(directory.path(), |root| {
        let store = root.join("frx/store").read_dir()?.flatten();
        let source = store
            .map(|item| item.path())
            .find(|item| item.to_string_lossy().ends_with("-freebsd-source-default"));
        let makefile = source.expect("a source store").join("tree/Makefile");
        let rules = fs::read_to_string(&makefile)?;
        let wait = "buildworld: middle\nmiddle:\n\t@echo in the middle; \
                    until test -e /var/tmp/go-on; do sleep 0.02; done\n";
        fs::write(makefile, format!("{rules}\n{wait}"))
    })
    .unwrap();
    let config = config.to_str().unwrap();
    let mut command = sandbox.command(&["--live=all", "--config", config]);
    for setting in [
        format!("image={}", disk.image.display()),
        format!("guest/private-key={}", disk.private_key.display()),
        format!("guest/host-key={}", disk.host_key),
    ] {
        command.args(["--set", &setting]);
    }
    let mut child = command
        .arg("phase20.scm")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines();
    let built = said
        .map_while(Result::ok)
        .any(|line| line.ends_with("in the middle"));
    assert!(built, "no build began");
    child.kill().unwrap();
    child.wait().unwrap();

    let (kept, copy) = (sandbox.work().join("kept.gz"), sandbox.work().join("copy"));
    let next = sandbox.write(
        "next.scm",
        &format!(
            "(use-modules (fruix ssh) (fruix job) (fruix guest))\n\
             (define guest (ssh-connect #:address \"127.0.0.1\" #:port {} #:user {:?} \
             #:private-key {:?} #:host-key {:?}))\n\
             (define directory \"/var/tmp/fruix-jobs/buildworld/\")\n\
             (display (guest-exists? guest (string-append directory \"status\")))\n\
             (guest-write-file guest \"/var/tmp/go-on\" \"\")\n\
             (let ((result (job-follow (job-attach guest \"buildworld\") #:keep {:?} #:copy {:?})))\n\
             (write (list (job-result-end result) (job-result-status result))))\n\
             (newline)\n\
             (display (guest-file-ref guest (string-append directory \"log\")))",
            settings.guest_port,
            settings.guest_user,
            disk.private_key,
            disk.host_key,
            kept,
            copy,
        ),
    );
    let said = sandbox.run(&[next.to_str().unwrap()]).success();
    let (result, log) = said.split_once('\n').unwrap();
    assert_eq!(result, "#f(finished 0)", "it was not killed in mid-build");
    assert!(log.contains(">>> World build completed"), "{log}");
    assert_eq!(fs::read_to_string(copy).unwrap(), log);
    assert_eq!(archive::read(&kept, 0, u64::MAX).unwrap(), log.as_bytes());
}

#[test]
fn phase20_survives_a_cut_connection_in_each_of_its_make_steps() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let settings = simulation.settings();
    let proxy = Proxy::to(settings.guest_port);
    let sandbox = Sandbox::new();
    let config = settings_file(&sandbox, settings, proxy.port);
    let mut child = sandbox
        .command(&["--config", config.to_str().unwrap(), "phase20.scm"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut cut = Vec::new();
    let mut shown = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        shown += &format!("{line}\n");
        // The first line of a step's output says that its job runs.
        if let Some((step, _)) = line.split_once('|')
            && !cut.contains(&step.to_owned())
        {
            proxy.cut();
            cut.push(step.to_owned());
        }
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success()
            && said.ends_with("PASS phase20-host-initiated-native-build-xcpng\n"),
        "{shown}\n{said}"
    );
    assert_eq!(cut.len(), 5, "{cut:?}");
    let made = proxy.made.load(Ordering::SeqCst);
    assert!(made > 5, "only {made} connections were made");
}

/// Whether a process of this machine has PROGRAM and ARGUMENT on its command line.
fn running(program: &str, argument: &str) -> bool {
    let line = format!("{program}{argument}\0");
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok())
        .any(|found| found == line.as_bytes())
}
