//! The simulated host, seen by what operators use: Ansible's modules and Debian's
//! fencing agent, with the host's certificate checked.

use crate::support::skipped;
use fruix_scm::sim::{Simulation, SimulationOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

const ANSIBLE: &str = "9.13.0";

/// The part of the wheel that is needed: the modules, without the other collections.
const UNPACK: &str = "
import glob, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + '/ansible-*.whl')[0])
wanted = 'ansible_collections/community/general/'
wheel.extractall(sys.argv[1], [it for it in wheel.namelist() if it.startswith(wanted)])
";

/// Where Ansible is, installed once; `Err` says why not.
fn ansible() -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ansible-{ANSIBLE}"));
    if place.join("ansible_collections").exists() {
        return Ok(place);
    }
    let fresh = place.with_extension(std::process::id().to_string());
    let python = |arguments: &[&str]| {
        let output = Command::new("python3")
            .args(arguments)
            .output()
            .map_err(|error| format!("python3 cannot be run: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let target = fresh.to_str().ok_or("the target folder is not UTF-8")?;
    python(&[
        "-m",
        "pip",
        "install",
        "--quiet",
        "--target",
        target,
        "ansible-core==2.16.14",
        "XenAPI==26.21.1",
    ])?;
    let wheel = format!("ansible=={ANSIBLE}");
    python(&[
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "-d",
        target,
        &wheel,
    ])?;
    python(&["-c", UNPACK, target])?;
    let _ = std::fs::rename(&fresh, &place);
    Ok(place)
}

#[test]
fn ansibles_modules_make_a_machine_change_it_and_remove_it() {
    let place = match ansible() {
        Ok(place) => place,
        Err(reason) => return skipped(&format!("Ansible cannot be installed: {reason}")),
    };
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let settings = simulation.settings();
    let home = tempfile::tempdir().unwrap();
    let output = Command::new("python3")
        .arg(place.join("bin/ansible-playbook"))
        .args(["-i", "localhost,", "-c", "local", "-e"])
        .arg("ansible_python_interpreter=python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/xenserver.yml"))
        .env("PYTHONPATH", &place)
        .env("ANSIBLE_COLLECTIONS_PATH", &place)
        .env("ANSIBLE_LOCALHOST_WARNING", "no")
        .env("ANSIBLE_LOCAL_TEMP", home.path())
        .env("HOME", home.path())
        .env("LC_ALL", "C.UTF-8")
        .env("SSL_CERT_FILE", &settings.certificate_file)
        .env("XAPI_URL", &settings.host)
        .env("XAPI_PASSWORD_FILE", &settings.password_file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("failed=0"),
        "{text}"
    );
    assert_eq!(simulation.host().count("session"), 0, "{text}");
}

#[test]
fn debians_fencing_agent_switches_a_machine() {
    let agent = Path::new("/usr/sbin/fence_xenapi");
    if !agent.exists() {
        return skipped("fence_xenapi is not installed");
    }
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let settings = simulation.settings();
    let password = std::fs::read_to_string(&settings.password_file).unwrap();
    let fence = |action: &str| {
        let output = Command::new(agent)
            .args(["--session-url", &settings.host, "--username", "root"])
            .args(["--password", password.trim()])
            .args(["--plug", "fruix", "--action", action])
            .env("SSL_CERT_FILE", &settings.certificate_file)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let power = || simulation.host().field("VM", &settings.vm, "power_state");
    let (status, text) = fence("list");
    assert!(status == Some(0) && text.contains(&settings.vm), "{text}");
    assert_eq!(fence("status").0, Some(2));
    let (status, text) = fence("on");
    assert_eq!((status, power().as_str()), (Some(0), "Running"), "{text}");
    assert_eq!(fence("status").0, Some(0));
    let (status, text) = fence("reboot");
    assert_eq!((status, power().as_str()), (Some(0), "Running"), "{text}");
    let (status, text) = fence("off");
    assert_eq!((status, power().as_str()), (Some(0), "Halted"), "{text}");
}
