//! The shipped harness, from the command line: what a newcomer does first, and
//! every way in which it can end other than well.

use crate::support::{Outcome, Sandbox, hold_no_secret, installed, settings_text};
use fruix_scm::sim::disk::FixtureDisk;
use fruix_scm::sim::mishap::Mishap;
use fruix_scm::sim::{Simulation, SimulationOptions};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

const NAME: &str = "phase20-host-initiated-native-build-xcpng";

/// The record's keys, as Fruix's own harness has them.
const KEYS: &[&str] = &[
    "build_jobs",
    "source_store",
    "source_root",
    "build_root",
    "world_stage",
    "kernel_stage",
    "headers_stage",
    "bootloader_stage",
    "build_root_size",
    "world_stage_size",
    "kernel_stage_size",
    "headers_stage_size",
    "bootloader_stage_size",
    "sha_kernel",
    "sha_loader",
    "sha_param",
    "host_initiated_native_build",
];

/// What Fruix's report of phase 20.2 lists as verified, in its order.
const VERIFIED: &[&str] = &[
    "the guest still boots and passes the Phase 20.1 development-environment checks first",
    "development-enabled systems expose canonical native-build compatibility links",
    "the guest can recover the declared materialized FreeBSD source store from system metadata",
    "real FreeBSD buildworld succeeds inside the booted Fruix guest",
    "real FreeBSD buildkernel succeeds inside the booted Fruix guest",
    "staged installworld, distribution, and installkernel also succeed inside the guest",
    "the staged outputs contain the expected artifact shapes",
];

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).unwrap().next().is_none()
}

fn digests(stdout: &str) -> Vec<&str> {
    stdout
        .lines()
        .filter(|line| line.starts_with("sha_"))
        .collect()
}

#[test]
fn the_record_has_its_keys_in_order_and_the_last_line_is_pass() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["--simulate", "phase20.scm"]);
    command.env("METADATA_OUT", "record");
    let outcome = crate::support::finish(command);
    let stderr = outcome.stderr.clone();
    let stdout = outcome.success();
    let (record, verdict) = stdout.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(verdict, format!("PASS {NAME}"));
    // A run that is not live says so, before anybody reads PASS.
    let (record, kind) = record.rsplit_once('\n').unwrap();
    assert_eq!(kind, "run_kind=simulated");
    let keys: Vec<&str> = record
        .lines()
        .map(|line| line.split_once('=').unwrap().0)
        .collect();
    assert_eq!(keys, KEYS);
    let written = std::fs::read_to_string(sandbox.work().join("record")).unwrap();
    let (written, provenance) = written.split_once("run_kind=simulated\n").unwrap();
    assert_eq!(written.trim_end(), record);
    for key in ["vm=", "image_sha256=", "journal_sha256="] {
        assert!(provenance.contains(key), "{key} is not in\n{provenance}");
    }
    let value = |key: &str| {
        let line = record.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.strip_prefix('=')).unwrap()
    };
    // As in the report: the number of jobs, the places, sizes as `du -sh` has them.
    let root = "/var/tmp/fruix-phase20-native-build";
    assert_eq!(value("build_jobs"), "8");
    assert_eq!(value("build_root"), root);
    for (key, name) in [
        ("world_stage", "stage-world"),
        ("kernel_stage", "stage-kernel"),
        ("headers_stage", "artifact-headers"),
        ("bootloader_stage", "artifact-bootloader"),
    ] {
        assert_eq!(value(key), format!("{root}/{name}"));
        let size = value(&format!("{key}_size"));
        let (number, unit) = size.split_at(size.len() - 1);
        assert!(
            number.parse::<f64>().is_ok() && "KMG".contains(unit),
            "{size}"
        );
    }
    assert_eq!(value("host_initiated_native_build"), "ok");
    let steps: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("▸ "))
        .collect();
    assert_eq!(steps, VERIFIED);
    for digest in digests(record) {
        let hexadecimal = digest.split_once('=').unwrap().1;
        assert_eq!(hexadecimal.len(), 64, "{digest}");
    }
    for step in [
        "make buildworld",
        "make buildkernel",
        "make installworld",
        "make distribution",
        "make installkernel",
    ] {
        assert!(stderr.contains(&format!("✓ {step}")), "{step}\n{stderr}");
    }
    // The output of make is shown as it comes, not kept for the end.
    assert!(stderr.contains(">>> stage"), "{stderr}");
    assert!(is_empty(&sandbox.temporary()), "the simulation left files");
}

#[test]
fn two_builds_have_the_same_digests() {
    let run = || Sandbox::new().run(&["--simulate", "phase20.scm"]).success();
    let (one, two) = (run(), run());
    assert_eq!(digests(&one).len(), 3);
    assert_eq!(digests(&one), digests(&two));
}

#[test]
fn an_unprivileged_user_can_run_it() {
    if !rustix::process::geteuid().is_root() {
        // Then every other test of this file has shown it.
        return;
    }
    if installed("setpriv").is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    open_to_all(directory.path());
    let binary = directory.path().join("fruix-scm");
    std::fs::copy(env!("CARGO_BIN_EXE_fruix-scm"), &binary).unwrap();
    let nobody = "65534";
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", nobody, "--regid", nobody, "--clear-groups", "--"])
        .arg(&binary)
        .args(["--simulate", "phase20.scm"])
        .env_clear()
        .env("HOME", directory.path())
        .env("TMPDIR", directory.path())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(directory.path())
        .stdin(Stdio::null());
    let stdout = crate::support::finish(command).success();
    assert!(stdout.ends_with(&format!("PASS {NAME}\n")), "{stdout}");
}

fn open_to_all(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o777)).unwrap();
}

/// A host that another process serves, and the settings for it in a sandbox.
struct Site {
    simulation: Simulation,
    sandbox: Sandbox,
}

impl Site {
    fn with(mishaps: &[Mishap]) -> Site {
        let simulation = Simulation::start(SimulationOptions {
            mishaps: mishaps.to_vec(),
            ..SimulationOptions::default()
        })
        .unwrap();
        let sandbox = Sandbox::new();
        sandbox.write("fruix-scm.scm", &settings_text(&simulation));
        Site {
            simulation,
            sandbox,
        }
    }

    fn password(&self) -> String {
        let text = std::fs::read_to_string(&self.simulation.settings().password_file).unwrap();
        text.lines().next().unwrap().to_owned()
    }

    /// Run phase20.scm with `--set` for each of SETTINGS.
    fn run(&self, settings: &[&str]) -> Outcome {
        let mut arguments: Vec<&str> = Vec::new();
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        arguments.push("phase20.scm");
        self.sandbox.run(&arguments)
    }

    /// Insist that OUTCOME failed with STATUS and a FAIL line, that it told no
    /// secret, and that the host was left tidy; gives stderr.
    fn failed(&self, outcome: Outcome, status: i32) -> String {
        self.keeps_its_secrets(&outcome);
        assert!(
            outcome
                .stdout
                .lines()
                .any(|line| line.starts_with(&format!("FAIL {NAME}: "))),
            "no FAIL line\n{}\n{}",
            outcome.stdout,
            outcome.stderr
        );
        let stderr = outcome.fails_with(status);
        self.is_tidy();
        stderr
    }

    fn keeps_its_secrets(&self, outcome: &Outcome) {
        let key = std::fs::read_to_string(&self.simulation.settings().guest_private_key).unwrap();
        let key_line = key.lines().nth(1).unwrap();
        let mut texts = vec![outcome.stdout.clone(), outcome.stderr.clone()];
        let runs = self
            .sandbox
            .work()
            .parent()
            .unwrap()
            .join("home/.local/state/fruix-scm/runs");
        if runs.exists() {
            for entry in walkdir::WalkDir::new(runs) {
                let path = entry.unwrap().into_path();
                if path.extension().is_some_and(|extension| extension == "gz") {
                    let log = fruix_scm::ssh::archive::read(&path, 0, u64::MAX).unwrap();
                    texts.push(String::from_utf8_lossy(&log).into_owned());
                } else if path.is_file() {
                    let bytes = std::fs::read(path).unwrap();
                    texts.push(String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
        for text in texts {
            assert!(
                !text.contains(&self.password()),
                "the password is in\n{text}"
            );
            assert!(!text.contains(key_line), "the private key is in\n{text}");
            assert!(!text.contains("OpaqueRef:"), "a reference is in\n{text}");
        }
    }

    /// No session, no task and no running VM is left on the host.
    fn is_tidy(&self) {
        let host = self.simulation.host();
        let vm = &self.simulation.settings().vm;
        assert_eq!(host.count("session"), 0, "a session is left");
        assert_eq!(host.count("task"), 0, "a task is left");
        assert_eq!(host.field("VM", vm, "power_state"), "Halted");
    }
}

#[test]
fn without_settings_it_says_what_is_missing_and_exits_3() {
    let outcome = Sandbox::new().run(&["phase20.scm"]);
    assert!(
        outcome.stdout.starts_with(&format!("FAIL {NAME}: ")),
        "{}",
        outcome.stdout
    );
    let stderr = outcome.fails_with(3);
    for word in ["`host`", "FRUIX_HOST", "--simulate"] {
        assert!(stderr.contains(word), "{word} is not in\n{stderr}");
    }
}

#[test]
fn an_option_of_ours_behind_the_harness_starts_no_live_run() {
    let site = Site::with(&[]);
    for option in ["--simulate", "--simualte"] {
        let outcome = site.sandbox.run(&["phase20.scm", option]);
        let stderr = outcome.fails_with(2);
        assert!(
            stderr.contains("`fruix-scm --simulate phase20.scm`"),
            "{stderr}"
        );
    }
    assert_eq!(
        site.simulation.host().calls("session.login_with_password"),
        0
    );
}

#[test]
fn a_host_of_its_own_process_is_as_good_and_is_left_tidy() {
    let site = Site::with(&[]);
    let outcome = site.run(&[]);
    site.keeps_its_secrets(&outcome);
    let stdout = outcome.success();
    assert!(stdout.ends_with(&format!("PASS {NAME}\n")), "{stdout}");
    site.is_tidy();
}

#[test]
fn a_vm_that_is_not_approved_is_not_touched() {
    let site = Site::with(&[]);
    let outcome = site.run(&["approved/vms=00000000-0000-0000-0000-000000000000"]);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.contains("approved"), "{stderr}");
    assert!(stderr.contains(&site.simulation.settings().vm), "{stderr}");
}

#[test]
fn a_vdi_that_is_not_approved_is_not_written() {
    let site = Site::with(&[]);
    let outcome = site.run(&["approved/vdis=00000000-0000-0000-0000-000000000000"]);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.contains(&site.simulation.settings().vdi), "{stderr}");
}

#[test]
fn a_wrong_certificate_stops_with_both_fingerprints() {
    let site = Site::with(&[]);
    let wrong = ["AB"; 32].join(":");
    let outcome = site.run(&[&format!("certificate-sha256={wrong}")]);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.contains(&wrong), "{stderr}");
    assert!(
        stderr.contains(&site.simulation.settings().certificate_sha256),
        "{stderr}"
    );
}

#[test]
fn a_refused_login_names_user_and_host_and_never_the_password() {
    let site = Site::with(&[Mishap::RefuseLogin]);
    let outcome = site.run(&[]);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.contains("SESSION_AUTHENTICATION_FAILED"), "{stderr}");
}

#[test]
fn a_host_that_is_not_there_is_named() {
    let site = Site::with(&[]);
    let outcome = site.run(&["host=https://127.0.0.1:1"]);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.contains("127.0.0.1:1"), "{stderr}");
}

#[test]
fn a_guest_whose_address_is_never_learnt_ends_in_a_timeout() {
    let site = Site::with(&[Mishap::NoAddress]);
    let outcome = site.run(&["boot-timeout-seconds=3"]);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.contains("address"), "{stderr}");
}

#[test]
fn a_guest_that_never_answers_is_told_with_what_was_last_seen() {
    let site = Site::with(&[Mishap::NoSsh]);
    let outcome = site.run(&["boot-timeout-seconds=3"]);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.contains("refused"), "{stderr}");
}

#[test]
fn a_public_key_given_as_the_private_one_is_named_before_anything_is_done() {
    let site = Site::with(&[]);
    let public = site
        .sandbox
        .write("id.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me\n");
    let outcome = site.run(&[&format!("guest/private-key={}", public.display())]);
    assert!(!outcome.stderr.contains("log in"), "{}", outcome.stderr);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.contains("public key"), "{stderr}");
}

#[test]
fn another_host_key_in_the_guest_stops_with_both_fingerprints() {
    let site = Site::with(&[]);
    let other = Simulation::start(SimulationOptions::default()).unwrap();
    let outcome = site.run(&[&format!(
        "guest/host-key={}",
        other.settings().guest_host_key
    )]);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.matches("SHA256:").count() >= 2, "{stderr}");
}

#[test]
fn a_disk_that_is_too_small_is_noticed_before_anything_is_sent() {
    let site = Site::with(&[Mishap::SmallVdi]);
    let outcome = site.run(&[]);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.contains("bytes"), "{stderr}");
}

#[test]
fn an_import_whose_task_fails_after_the_200_is_a_failure() {
    let site = Site::with(&[Mishap::ImportFails]);
    let outcome = site.run(&[]);
    let stderr = site.failed(outcome, 3);
    assert!(stderr.contains("VDI_IO_ERROR"), "{stderr}");
}

/// A system that CHANGE has spoilt, put on the approved disk of a good host.
fn spoilt(change: impl FnOnce(&Path, &Path) -> std::io::Result<()>) -> String {
    let site = Site::with(&[]);
    let directory = tempfile::tempdir().unwrap();
    let disk = FixtureDisk::changed(directory.path(), |root| {
        let closure = std::fs::read_link(root.join("run/current-system"))?;
        change(root, &root.join(closure.strip_prefix("/").unwrap()))
    })
    .unwrap();
    let outcome = site.run(&[
        &format!("image={}", disk.image.display()),
        &format!("guest/private-key={}", disk.private_key.display()),
        &format!("guest/host-key={}", disk.host_key),
    ]);
    site.failed(outcome, 1)
}

/// The one file or link below STORE, the guest's store, whose path ends in NAME.
fn in_store(root: &Path, name: &str) -> std::path::PathBuf {
    walkdir::WalkDir::new(root.join("frx/store"))
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .find(|path| path.to_string_lossy().ends_with(name))
        .unwrap_or_else(|| panic!("{name} is not in the fixtures' store"))
}

fn append(file: &Path, text: &str) -> std::io::Result<()> {
    let before = std::fs::read_to_string(file)?;
    std::fs::write(file, before + text)
}

#[test]
fn a_missing_store_layout_is_named() {
    let stderr =
        spoilt(|_, closure| std::fs::remove_file(closure.join("metadata/store-layout.scm")));
    assert!(stderr.contains("store-layout.scm"), "{stderr}");
    assert!(stderr.contains("No such file"), "{stderr}");
}

#[test]
fn a_malformed_store_layout_is_named() {
    for text in ["", "((host-base-stores . (", "42", "\"a string\""] {
        let stderr =
            spoilt(|_, closure| std::fs::write(closure.join("metadata/store-layout.scm"), text));
        assert!(stderr.contains("store-layout.scm"), "{text:?}: {stderr}");
    }
}

#[test]
fn a_system_without_development_profile_is_not_the_one_of_phase_20_1() {
    let stderr = spoilt(|_, closure| std::fs::remove_file(closure.join("development-profile")));
    assert!(stderr.contains("development profile"), "{stderr}");
}

#[test]
fn a_compatibility_link_to_elsewhere_is_shown_with_both_targets() {
    let stderr = spoilt(|root, _| {
        std::fs::remove_file(root.join("usr/include"))?;
        std::os::unix::fs::symlink("/elsewhere", root.join("usr/include"))
    });
    assert!(stderr.contains("\"/elsewhere\""), "{stderr}");
    assert!(
        stderr.contains("\"/run/current-system/development-profile/usr/include\""),
        "{stderr}"
    );
}

#[test]
fn a_make_that_fails_is_named_with_its_step_and_its_last_words() {
    let stderr = spoilt(|root, _| {
        append(
            &in_store(root, "-freebsd-source-default/tree/Makefile"),
            "\nbuildkernel: broken\nbroken:\n\t@echo the disk is on fire >&2; false\n",
        )
    });
    assert!(stderr.contains("✗ make buildkernel"), "{stderr}");
    assert!(stderr.contains("the disk is on fire"), "{stderr}");
    assert!(stderr.contains("status 2"), "{stderr}");
}

#[test]
fn a_missing_artifact_is_named() {
    let stderr = spoilt(|root, _| {
        append(
            &in_store(root, "-freebsd-source-default/tree/Makefile"),
            "\ndistribution: lose\nlose:\n\trm ${DESTDIR}/boot/lua/loader.lua\n",
        )
    });
    assert!(stderr.contains("boot/lua/loader.lua"), "{stderr}");
}

#[test]
fn a_byte_flipped_on_the_disk_keeps_the_guest_from_booting() {
    let site = Site::with(&[]);
    let image = site.sandbox.work().join("flipped.img");
    let mut bytes = std::fs::read(&site.simulation.settings().image).unwrap();
    // A byte of the kernel, wherever the image keeps it.
    let place = bytes
        .windows(14)
        .position(|window| window == b"fruix-validation".get(..14).unwrap())
        .unwrap();
    bytes[place] ^= 1;
    std::fs::write(&image, bytes).unwrap();
    let outcome = site.run(&[
        &format!("image={}", image.display()),
        "boot-timeout-seconds=3",
    ]);
    site.failed(outcome, 3);
    let console = site
        .simulation
        .host()
        .console(&site.simulation.settings().vm);
    assert!(
        console.iter().any(|line| line.contains("damaged")),
        "{console:?}"
    );
}

/// What must be running, as stderr shows it, when Ctrl-C is pressed.
const MOMENTS: &[&str] = &[
    "▸ log in to the host",
    "▸ import the image, and read it back",
    "▸ start the VM",
    "▸ find the guest and connect to it",
    "buildworld|",
    "installworld|",
    "▸ the staged outputs",
];

#[test]
fn ctrl_c_at_any_step_ends_with_130_and_leaves_the_host_tidy() {
    for moment in MOMENTS {
        let site = Site::with(&[]);
        let mut child = site
            .sandbox
            .command(&["--tidy", "phase20.scm"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        while !seen.lines().last().unwrap_or("").contains(moment) {
            let before = seen.len();
            stderr.read_line(&mut seen).unwrap();
            assert!(seen.len() > before, "{moment} never came\n{seen}");
        }
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let rest = std::thread::spawn(move || {
            let mut rest = String::new();
            stderr.read_to_string(&mut rest).map(|_| rest)
        });
        child.stderr = None;
        let mut outcome = {
            let stdout = child.stdout.take().unwrap();
            let out = std::thread::spawn(move || {
                let mut text = String::new();
                BufReader::new(stdout)
                    .read_to_string(&mut text)
                    .map(|_| text)
            });
            let status = child.wait().unwrap();
            Outcome {
                status: status.code(),
                stdout: out.join().unwrap().unwrap(),
                stderr: seen,
            }
        };
        outcome.stderr.push_str(&rest.join().unwrap().unwrap());
        hold_no_secret(moment, &outcome.stdout);
        hold_no_secret(moment, &outcome.stderr);
        let stderr = site.failed(outcome, 130);
        assert!(stderr.contains("interrupted"), "{moment}\n{stderr}");
    }
}
