//! `doctor`: what a run would use and find, said before anything is touched.

use crate::support::{Sandbox, settings_text};
use fruix_scm::sim::mishap::Mishap;
use fruix_scm::sim::{Simulation, SimulationOptions};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The line of TEXT that begins with BEGINNING.
fn line<'a>(text: &'a str, beginning: &str) -> &'a str {
    text.lines()
        .find(|line| line.starts_with(beginning))
        .unwrap_or_else(|| panic!("no line begins with `{beginning}` in\n{text}"))
}

#[test]
fn on_a_new_machine_each_lack_says_what_it_matters_for_and_what_may_be_absent() {
    let outcome = Sandbox::new().run(&["doctor"]);
    let text = outcome.stdout.clone();
    for (beginning, meaning) in [
        ("LACKS host: ", "the XCP-ng host, as https://"),
        ("LACKS host: ", "FRUIX_HOST"),
        ("LACKS vdi: ", "that VM's disk"),
        ("-     guest/address: ", "looked for through the host"),
        ("-     build-jobs: ", "without it: 8"),
        ("-     host: ", "not looked at"),
        ("ok    simulation: ", "--simulate"),
    ] {
        let line = line(&text, beginning);
        assert!(line.contains(meaning), "{meaning} is not in\n{line}");
    }
    for text in text.lines().filter(|line| !line.starts_with("ok ")) {
        let (_, said) = text.split_once(": ").expect(text);
        assert!(said.len() > 10, "says nothing: {text}");
    }
    let stderr = outcome.fails_with(3);
    assert!(stderr.contains("11 things are missing"), "{stderr}");
}

#[test]
fn what_a_run_would_find_at_the_host_is_seen_and_nothing_is_changed() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("fruix-scm.scm", &settings_text(&simulation));
    let objects = |class| simulation.host().count(class);
    let before = ["VM", "VDI", "VBD", "task", "session"].map(objects);
    let text = sandbox.run(&["doctor"]).success();
    for (beginning, end) in [
        ("ok    host: `https://127.0.0.1:", " ms"),
        ("ok    certificate: ", "the pinned one"),
        ("ok    login: as `root`", "`"),
        ("ok    VM: `", "`, halted"),
        ("ok    VDI: `", "a run overwrites it"),
        ("ok    image: ", "which fits the VDI"),
    ] {
        let line = line(&text, beginning);
        assert!(line.ends_with(end), "{line}");
    }
    assert_eq!(["VM", "VDI", "VBD", "task", "session"].map(objects), before);

    let json = sandbox.run(&["doctor", "--json"]).success();
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let login = found
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["subject"] == "login");
    assert_eq!(login.unwrap()["verdict"], "ok");
    assert_eq!(found[0]["subject"], "host");
    assert_eq!(found[0]["value"], simulation.settings().host);
    assert!(
        found[0]["source"]
            .as_str()
            .unwrap()
            .ends_with("fruix-scm.scm")
    );

    // The disk is kept, and a fresh one needs room.
    let kept = sandbox
        .run(&["--set", "disk-change=replace", "doctor"])
        .success();
    assert!(line(&kept, "ok    VDI: ").ends_with("; is kept"), "{kept}");
    assert!(
        line(&kept, "ok    storage repository: ").contains(" free; "),
        "{kept}"
    );
}

#[test]
fn what_is_wrong_is_found_where_it_is_and_what_lies_behind_is_not_looked_at() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("fruix-scm.scm", &settings_text(&simulation));
    sandbox.write("large", &"x".repeat(1000));
    let file = std::fs::File::options()
        .write(true)
        .open(sandbox.work().join("large"))
        .unwrap();
    file.set_len(1 << 40).unwrap();
    sandbox.write("public", "ssh-ed25519 AAAA\n");
    let other = "8f3b0c4e-0000-4000-8000-000000000000";
    let (vm, vdi) = (format!("vm={other}"), format!("vdi={other}"));
    let pin = format!("certificate-sha256={}", ["AB"; 32].join(":"));
    for (setting, beginning, word, behind) in [
        (
            "host=https://127.0.0.1:1",
            "BAD   host: ",
            "refused",
            "certificate: ",
        ),
        (&pin, "BAD   certificate: ", "AB:AB", "login: "),
        ("password-file=public", "BAD   login: ", "", "VM: "),
        (&vm, "BAD   VM: ", "not among approved/vms", ""),
        (&vdi, "BAD   VDI: ", "not among approved/vdis", "image: "),
        ("image=large", "BAD   image: ", "does not fit the VDI", ""),
        ("image=nowhere", "BAD   image=", "No such file", ""),
        (
            "guest/private-key=public",
            "BAD   guest/private-key=",
            "key",
            "",
        ),
        (
            "guest/host-key=SHA256:abc",
            "BAD   guest/host-key=",
            "fingerprint",
            "",
        ),
        (
            "guest/lease-files=nowhere",
            "BAD   guest/lease-files=",
            "nowhere",
            "",
        ),
    ] {
        let outcome = sandbox.run(&["--set", setting, "doctor"]);
        let found = line(&outcome.stdout, beginning);
        assert!(found.contains(word), "{setting}: {found}");
        if !behind.is_empty() {
            let looked = format!("ok    {behind}");
            assert!(!outcome.stdout.contains(&looked), "{}", outcome.stdout);
        }
        let stderr = outcome.fails_with(3);
        assert!(stderr.contains("a live run is not ready"), "{stderr}");
    }
    assert_eq!(simulation.host().count("session"), 0);
}

#[test]
fn what_the_files_of_ssh_say_of_the_guest_and_is_left_out_is_listed() {
    let sandbox = Sandbox::new();
    let folder = sandbox.work().join("../home/.ssh");
    fs::create_dir_all(&folder).unwrap();
    let doctor = |config: &str, settings: &[&str]| {
        fs::write(folder.join("config"), config).unwrap();
        let mut arguments = vec!["doctor"];
        for setting in settings {
            arguments.splice(0..0, ["--set", setting]);
        }
        sandbox.run(&arguments).stdout
    };
    let config = "Host vm\n Ciphers aes128-ctr\n ForwardAgent yes\n PKCS11Provider /x.so\n\
                  Match localnetwork 10.0.0.0/8\n Port 9\n\
                  Host other\n Compression yes\n";
    let said = doctor(config, &["guest/address=vm"]);
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.contains(" ssh_config: "))
        .collect();
    for words in [
        "what follows `Match localnetwork 10.0.0.0/8` is passed over",
        "`pkcs11provider /x.so` for `vm` is not followed, though",
        "`ciphers aes128-ctr` for `vm` is not followed",
    ] {
        assert!(lines.iter().any(|line| line.contains(words)), "{said}");
    }
    // What concerns terminals, or other hosts, is no matter of ours.
    for word in ["forwardagent", "compression"] {
        assert!(!said.contains(word), "{said}");
    }
    let said = doctor(config, &["guest/address=vm2"]);
    assert!(!said.contains("pkcs11provider"), "{said}");
    let said = doctor("Host vm\n Port x\n", &["guest/address=vm"]);
    line(&said, "BAD   ssh_config: ");
    line(&doctor(config, &[]), "-     ssh_config: not looked at");
}

#[test]
fn a_host_that_never_answers_is_not_waited_for() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("host=https://{}", listener.local_addr().unwrap());
    let began = Instant::now();
    let outcome = Sandbox::new().run(&["--set", &host, "doctor"]);
    assert!(began.elapsed() < Duration::from_secs(60), "it has waited");
    line(&outcome.stdout, "BAD   host: ");
    outcome.fails_with(3);
}

#[test]
fn with_simulate_the_simulated_host_is_looked_at() {
    let text = Sandbox::new().run(&["doctor", "--simulate"]).success();
    line(&text, "ok    simulation: ");
    assert!(
        line(&text, "ok    host=").ends_with("(--simulate)"),
        "{text}"
    );
    line(&text, "ok    image: ");
    assert!(!text.contains("LACKS"), "{text}");
    for (mishap, beginning) in [
        ("wrong-certificate", "BAD   certificate: "),
        ("refuse-login", "BAD   login: "),
        ("small-vdi", "BAD   image: "),
    ] {
        mishap.parse::<Mishap>().unwrap();
        let sandbox = Sandbox::new();
        let outcome = sandbox.run(&["--simulate", "--mishap", mishap, "doctor"]);
        line(&outcome.stdout, beginning);
        let stderr = outcome.fails_with(3);
        assert!(stderr.contains("a simulated run is not ready"), "{stderr}");
    }
}

#[test]
fn a_machine_that_another_run_has_is_said_to_be_his_until_he_gives_it_back() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("fruix-scm.scm", &settings_text(&simulation));
    sandbox.write(
        "holder.scm",
        r#"(use-modules (fruix settings) (fruix xapi) (ice-9 rdelim))
(define session
  (xapi-login #:host (setting 'host) #:user (setting 'user)
              #:password-file (setting 'password-file)
              #:certificate-sha256 (setting 'certificate-sha256)
              #:approved-vms (setting 'approved/vms)
              #:approved-vdis (setting 'approved/vdis)
              #:owner "somebody" #:run "run-7"))
(xapi-lock session
           #:vms (list (xapi-vm-find session (setting 'vm)))
           #:vdis (list (xapi-vdi-find session (setting 'vdi))))
(display "locked\n")
(force-output)
(read-line)
(xapi-logout session)
"#,
    );
    let mut holder = sandbox
        .command(&["holder.scm"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(holder.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert_eq!(said, "locked\n");
    let outcome = sandbox.run(&["doctor"]);
    for object in ["VM", "VDI"] {
        let found = line(&outcome.stdout, &format!("BAD   lock of the {object}: "));
        for word in ["run `run-7` of somebody", " until 20", "--take-over"] {
            assert!(found.contains(word), "{word} is not in\n{found}");
        }
    }
    outcome.fails_with(3);
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    let text = sandbox.run(&["doctor"]).success();
    line(&text, "ok    lock of the VM: nobody has it");
    line(&text, "ok    lock of the VDI: nobody has it");
}

#[test]
fn the_place_where_modules_are_kept_is_told_with_its_size_and_is_never_trouble() {
    let sandbox = Sandbox::new();
    let cache = sandbox.temporary().join("cache");
    let doctor = |arguments: &[&str]| {
        let mut command = sandbox.command(&[arguments, &["doctor"]].concat());
        command.env("XDG_CACHE_HOME", &cache);
        let outcome = crate::support::finish(command);
        let text = outcome.stdout.clone();
        let stderr = outcome.fails_with(3);
        assert!(stderr.contains("11 things are missing"), "{stderr}");
        text
    };
    let place = cache.join("fruix-scm/modules");
    let before = doctor(&[]);
    let before = line(&before, "ok    cache: ");
    assert!(before.ends_with("which has nothing yet"), "{before}");
    assert!(before.contains(place.to_str().unwrap()), "{before}");
    assert!(!cache.exists());
    let mut command = sandbox.command(&["-c", "(use-modules (ice-9 match))"]);
    command.env("XDG_CACHE_HOME", &cache);
    let _ = crate::support::finish(command).success();
    let modules = fs::read_dir(&place).unwrap().count();
    assert!(modules > 0);
    let text = doctor(&[]);
    let kept = line(&text, "ok    cache: ");
    assert!(kept.contains(&format!(": {modules} modules, ")), "{kept}");
    assert!(kept.ends_with(" MiB of at most 256.0 MiB"), "{kept}");
    let text = doctor(&["--no-cache"]);
    assert!(line(&text, "-     cache: ").contains("is not kept"));
    // A file in its place: root may write anywhere else.
    fs::remove_dir_all(&cache).unwrap();
    fs::write(&cache, "").unwrap();
    let text = doctor(&[]);
    let unkept = line(&text, "-     cache: ");
    assert!(unkept.contains("cannot be kept"), "{unkept}");
    assert!(unkept.contains("Not a directory"), "{unkept}");
}
