//! The simulated host, seen by clients that are not ours.

use crate::support::skipped;
use fruix_scm::sim::{Simulation, SimulationOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn simulation() -> Simulation {
    Simulation::start(SimulationOptions::default()).expect("a simulation starts")
}

/// Where the official Python client is, installed once; `Err` says why not.
fn python_client() -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-xenapi-26.21.1");
    if place.join("XenAPI").exists() {
        return Ok(place);
    }
    let fresh = place.with_extension(std::process::id().to_string());
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
        .arg(&fresh)
        .arg("XenAPI==26.21.1")
        .output()
        .map_err(|error| format!("python3 cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    // Another run of the tests may have been faster; either result is the same.
    let _ = std::fs::rename(&fresh, &place);
    Ok(place)
}

/// Where Xen Orchestra's client is, installed once; `Err` says why not.
fn node_client() -> Result<PathBuf, String> {
    static CLIENT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    CLIENT.get_or_init(install_node_client).clone()
}

fn install_node_client() -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node-xen-api-4.7.6");
    let entry = place.join("node_modules/xen-api/index.mjs");
    if entry.exists() {
        return Ok(entry);
    }
    let fresh = place.with_extension(std::process::id().to_string());
    std::fs::create_dir_all(&fresh).map_err(|error| error.to_string())?;
    let output = Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
        .arg(&fresh)
        .arg("xen-api@4.7.6")
        .output()
        .map_err(|error| format!("npm cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    if std::fs::rename(&fresh, &place).is_err() {
        // Another run of the tests was faster; its result is the same.
        let _ = std::fs::remove_dir_all(&fresh);
    }
    Ok(entry)
}

/// Run Xen Orchestra's client through a scenario over TRANSPORT.
fn xen_orchestra_scenario(transport: &str) {
    let client = match node_client() {
        Ok(client) => client,
        Err(reason) => {
            skipped(&format!(
                "the Node client xen-api cannot be installed: {reason}"
            ));
            return;
        }
    };
    let simulation = simulation();
    let settings = simulation.settings();
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sim/xen_api_scenario.mjs"))
        .arg(client)
        .arg(transport)
        .args([&settings.host, &settings.user])
        .arg(&settings.password_file)
        .args([&settings.vm, &settings.sr, &settings.network])
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            skipped(&format!("node cannot be run: {error}"));
            return;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.ends_with("done\n"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn xen_orchestras_client_runs_a_whole_scenario_over_json_rpc() {
    xen_orchestra_scenario("json-rpc");
}

#[test]
fn xen_orchestras_client_runs_a_whole_scenario_over_xml_rpc() {
    xen_orchestra_scenario("xml-rpc");
}

#[test]
fn the_official_python_client_runs_a_whole_scenario() {
    let client = match python_client() {
        Ok(client) => client,
        Err(reason) => {
            skipped(&format!(
                "the Python client XenAPI cannot be installed: {reason}"
            ));
            return;
        }
    };
    let simulation = simulation();
    let settings = simulation.settings();
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sim/xenapi_scenario.py"))
        .args([&settings.host, &settings.user])
        .arg(&settings.password_file)
        .args([&settings.vm, &settings.sr, &settings.network])
        .env("PYTHONPATH", client)
        .output()
        .expect("python3 was there a moment ago");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.ends_with("done\n"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        simulation.host().count("session"),
        0,
        "sessions left behind"
    );
    assert_eq!(simulation.host().count("task"), 1, "the export's own task");
}
