//! The phases that ship: each passes in simulation, also when something goes wrong that
//! a run survives; and what a harness author writes first.

use crate::support::{Sandbox, hold_no_secret};

/// What ships, with the name of its harness.
const PHASES: &[(&str, &str)] = &[
    ("boot.scm", "boot"),
    ("phase20-1.scm", "phase20-1-development-environment-xcpng"),
    ("phase20.scm", "phase20-host-initiated-native-build-xcpng"),
    ("phase20-3.scm", "phase20-3-self-hosted-native-build-xcpng"),
];

/// What a run gets over.
const SURVIVED: &[&str] = &["stale-address", "guest-reboots", "no-agent", "no-json-rpc"];

fn passes(file: &str, name: &str, mishap: Option<&str>) -> String {
    let sandbox = Sandbox::new();
    let mut words = vec!["--simulate".to_owned()];
    words.extend(mishap.map(|spec| format!("--mishap={spec}")));
    words.push(file.to_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = sandbox.run(&words);
    hold_no_secret(file, &outcome.stdout);
    hold_no_secret(file, &outcome.stderr);
    let stdout = outcome.success();
    assert!(
        stdout.ends_with(&format!("run_kind=simulated\nPASS {name}\n")),
        "{file} {mishap:?}\n{stdout}"
    );
    stdout
}

#[test]
fn every_phase_passes_in_simulation() {
    for (file, name) in PHASES {
        passes(file, name, None);
    }
}

#[test]
fn every_phase_passes_when_something_goes_wrong_that_can_be_got_over() {
    for (index, mishap) in SURVIVED.iter().enumerate() {
        let (file, name) = PHASES[index % PHASES.len()];
        passes(file, name, Some(mishap));
    }
}

#[test]
fn the_guest_builds_the_same_by_itself_as_when_it_is_driven() {
    let digests = |file: &str, name: &str| -> Vec<String> {
        passes(file, name, None)
            .lines()
            .filter(|line| line.starts_with("sha_"))
            .map(str::to_owned)
            .collect()
    };
    let (file, name) = PHASES[2];
    let driven = digests(file, name);
    assert_eq!(driven.len(), 3);
    let (file, name) = PHASES[3];
    assert_eq!(driven, digests(file, name));
}

#[test]
fn a_guest_without_the_helper_or_with_one_that_fails_is_told() {
    let helper = |words: &str| {
        let sandbox = Sandbox::new();
        let outcome = sandbox.run(&["--simulate", "phase20-3.scm", &format!("--helper={words}")]);
        outcome.fails_with(1)
    };
    let told = helper("/usr/local/bin/nosuch");
    assert!(
        told.contains("✗ the system has a helper for native builds"),
        "{told}"
    );
    let told = helper("/bin/sh,-c,false");
    assert!(
        told.contains("✗ the guest builds FreeBSD's base by itself"),
        "{told}"
    );
    // What passes without having built anything has not built anything.
    let told = helper("/bin/sh,-c,true");
    assert!(told.contains("the build has left a result"), "{told}");
}

#[test]
fn a_first_harness_is_written_once_and_passes() {
    let sandbox = Sandbox::new();
    let said = sandbox.run(&["new", "my-first.scm"]).success();
    assert_eq!(
        said,
        "my-first.scm\ntry it: fruix-scm --simulate my-first.scm\n"
    );
    let stdout = sandbox.run(&["--simulate", "my-first.scm"]).success();
    assert!(stdout.ends_with("PASS my-first\n"), "{stdout}");
    let plan = sandbox.run(&["my-first.scm", "--list"]).success();
    assert!(plan.contains("the system says what it is"), "{plan}");
    sandbox.write("taken.scm", "mine");
    let told = sandbox.run(&["new", "taken"]).fails_with(2);
    assert!(told.contains("cannot write `taken.scm`"), "{told}");
    assert_eq!(
        std::fs::read_to_string(sandbox.work().join("taken.scm")).unwrap(),
        "mine"
    );
    for name in ["", "../up", "a/b", "-x", "a b", ".hidden"] {
        let outcome = sandbox.run(&["new", "--", name]);
        assert_eq!(outcome.status, Some(2), "{name}: {}", outcome.stderr);
    }
}
