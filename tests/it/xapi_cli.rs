//! The verbs that concern the host: trusting its certificate, and removing what
//! runs have left on it.

use crate::support::{Outcome, Sandbox, wait};
use fruix_scm::sim::{Simulation, SimulationOptions};
use std::io::Write;
use std::process::Stdio;
use std::time::Instant;

/// The CD in the library of the simulated host is a VDI as well.
const CD: usize = 1;

/// Run the binary in SANDBOX with ARGUMENTS and ANSWER on its standard input.
fn answering(sandbox: &Sandbox, answer: &str, arguments: &[&str]) -> Outcome {
    let began = Instant::now();
    let mut child = sandbox
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that does not ask has ended before it could read.
    let _ = child.stdin.take().unwrap().write_all(answer.as_bytes());
    wait(child, began)
}

fn simulation() -> Simulation {
    Simulation::start(SimulationOptions::default()).expect("a simulation starts")
}

#[test]
fn a_certificate_is_written_to_the_settings_on_consent_and_on_nothing_else() {
    let simulation = simulation();
    let (host, fingerprint) = (
        simulation.settings().host.as_str(),
        simulation.settings().certificate_sha256.as_str(),
    );
    let sandbox = Sandbox::new();
    let old = "AA:".repeat(31) + "AA";
    let text =
        format!("; mine\n((certificate-sha256 . \"{old}\") ; the old one\n (user . \"root\"))\n");
    let file = sandbox.write("fruix-scm.scm", &text);
    let read = || std::fs::read_to_string(&file).unwrap();
    for answer in ["no\n", "", "certainly\n"] {
        let outcome = answering(&sandbox, answer, &["doctor", "--trust", host]);
        assert!(outcome.stdout.contains(fingerprint), "{}", outcome.stdout);
        assert!(outcome.stdout.contains(&old), "{}", outcome.stdout);
        outcome.fails_with(3);
        assert_eq!(read(), text);
    }
    let outcome = answering(&sandbox, "yes\n", &["doctor", "--trust", host]).success();
    assert!(outcome.contains("known=no"), "{outcome}");
    assert_eq!(read(), text.replace(&old, fingerprint));
    let outcome = answering(&sandbox, "", &["doctor", "--trust", host]).success();
    assert!(outcome.contains("known=yes"), "{outcome}");
    assert_eq!(simulation.host().count("session"), 0);
    // Where there is no file yet, one is made that names the host too.
    let elsewhere = Sandbox::new();
    answering(&elsewhere, "yes\n", &["doctor", "--trust", host]).success();
    let made = std::fs::read_to_string(elsewhere.work().join("fruix-scm.scm")).unwrap();
    assert_eq!(
        made,
        format!("((host . \"{host}\")\n (certificate-sha256 . \"{fingerprint}\"))\n")
    );
}

#[test]
fn what_runs_have_left_goes_after_asking_and_nothing_else_does() {
    let simulation = simulation();
    let settings = simulation.settings();
    let sandbox = Sandbox::new();
    sandbox.write(
        "fruix-scm.scm",
        &format!(
            "((host . {:?}) (user . {:?}) (password-file . {:?}) (certificate-sha256 {:?})
              (approved (vms {:?}) (vdis {:?})))",
            settings.host,
            settings.user,
            settings.password_file,
            settings.certificate_sha256,
            settings.vm,
            settings.vdi
        ),
    );
    let nothing = answering(&sandbox, "yes\n", &["runs", "gc", "--host"]).success();
    assert_eq!(nothing, "removed=0\n");
    sandbox
        .run(&[
            "-c",
            r#"(begin
                 (use-modules (fruix xapi) (fruix settings) (srfi srfi-1))
                 (define (leave lease-seconds . names)
                   (let* ((session (xapi-login #:host (setting 'host)
                                               #:user (setting 'user)
                                               #:password-file (setting 'password-file)
                                               #:certificate-sha256 (setting 'certificate-sha256)
                                               #:owner "somebody" #:run "run-7"
                                               #:lease-seconds lease-seconds))
                          (sr (xapi-pool-default-sr session (car (car (xapi-pools session))))))
                     (for-each (lambda (name)
                                 (xapi-vdi-create session #:sr sr #:name name #:size-bytes 1))
                               names)
                     (xapi-logout session)))
                 (leave 0 "left")
                 (leave 3600 "in use"))"#,
        ])
        .success();
    assert_eq!(simulation.host().count("VDI"), 3 + CD);
    // A lease of no time is over in the next second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let refused = answering(&sandbox, "no\n", &["runs", "gc", "--host"]).success();
    assert!(
        refused.contains("  left  owner=somebody  run=run-7  expired=yes"),
        "{refused}"
    );
    assert!(refused.contains("kept  VDI"), "{refused}");
    assert!(refused.ends_with("removed=0\n"), "{refused}");
    assert_eq!(simulation.host().count("VDI"), 3 + CD);
    let removed = answering(&sandbox, "yes\n", &["runs", "gc", "--host"]).success();
    assert!(removed.ends_with("removed=1\n"), "{removed}");
    assert_eq!(simulation.host().count("VDI"), 2 + CD);
    let removed = answering(&sandbox, "yes\n", &["runs", "gc", "--host", "--all"]).success();
    assert!(removed.ends_with("removed=1\n"), "{removed}");
    assert_eq!(simulation.host().count("VDI"), 1 + CD);
    assert_eq!(simulation.host().count("session"), 0);
    assert_eq!(simulation.host().count("task"), 0);
    assert!(
        !simulation
            .host()
            .field("VDI", &settings.vdi, "name_label")
            .is_empty()
    );
}

#[test]
fn a_script_makes_trouble_in_the_simulation_when_it_wants_to() {
    let sandbox = Sandbox::new();
    let program = r#"(begin
        (use-modules (fruix machine) (fruix harness) (fruix simulation) (fruix xapi))
        (harness "trouble"
          (let ((session (log-in-to-host)))
            (xapi-call session "VM.get_all")
            (simulation-mishap! "fail=VM.get_all:HOST_OFFLINE")
            (catch 'xapi-error
              (lambda () (xapi-call session "VM.get_all"))
              (lambda (key . arguments)
                (write (xapi-error-code arguments))
                (newline))))))"#;
    let said = sandbox.run(&["--simulate", "-c", program]).success();
    assert_eq!(said, "\"HOST_OFFLINE\"\nrun_kind=none\nPASS trouble\n");
    let wrong = "(begin (use-modules (fruix simulation)) (simulation-mishap! \"nonsense\"))";
    let trouble = sandbox.run(&["--simulate", "-c", wrong]).fails_with(2);
    assert!(
        trouble.contains("no mishap is called `nonsense`"),
        "{trouble}"
    );
    let trouble = sandbox
        .run(&["-c", &wrong.replace("nonsense", "sr-full")])
        .fails_with(3);
    assert!(trouble.contains("there is no simulated host"), "{trouble}");
    // Files hold a list of them.
    let list = sandbox.write("bad-day", "# a bad day\nrefuse-login\n");
    let trouble = sandbox
        .run(&[
            "--simulate",
            "--mishap",
            &format!("@{}", list.display()),
            "phase20.scm",
        ])
        .fails_with(3);
    assert!(
        trouble.contains("SESSION_AUTHENTICATION_FAILED"),
        "{trouble}"
    );
}
