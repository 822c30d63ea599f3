//! Machines as harness authors meet them: what stays over a reboot, the way back, several
//! at once, and what is to be seen of one whose harness has failed.

use crate::support::{Outcome, Sandbox, settings_text};
use fruix_scm::sim::{Simulation, SimulationOptions};
use std::path::{Path, PathBuf};

/// A harness called NAME that does BODY.
fn harness(name: &str, body: &str) -> String {
    format!(
        "(use-modules (fruix guest) (fruix harness) (fruix job) (fruix machine) (fruix settings)
              (fruix simulation) (fruix ssh) (fruix xapi))
(harness \"{name}\"
{body})\n"
    )
}

/// Do BODY in a simulation of its own.
fn simulated(sandbox: &Sandbox, body: &str) -> Outcome {
    sandbox.write("machine.scm", &harness("machine", body));
    sandbox.run(&["--simulate", "machine.scm"])
}

/// The folder of the one run that was made in SANDBOX.
fn folder(sandbox: &Sandbox) -> PathBuf {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(sandbox.state().join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders.remove(0)
}

fn is_png(file: &Path) -> bool {
    std::fs::read(file).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG\r\n") && bytes.len() > 500)
}

#[test]
fn what_is_on_the_disk_is_there_after_each_kind_of_reboot_and_nothing_else_is() {
    let sandbox = Sandbox::new();
    simulated(
        &sandbox,
        r#"  (let ((guest (boot-approved-machine)))
    (define (there? file) (guest-exists? (machine-guest) file))
    (job-start guest "endless" '("sleep" "4711"))
    (guest-run guest (sh "echo stays > /var/db/stays; echo goes > /tmp/goes; rm /etc/motd.gone;
                          mkdir -p /var/run/d; ln -s / /var/run/d/root; ln -s /etc /tmp/etc
                          chmod 0 /var/db/stays; exit 0"))
    (for-each
     (lambda (how)
       (let* ((before (ssh-boot (machine-guest)))
              (guest (if (eq? how 'start)
                         (begin (machine-stop!) (machine-start!) (machine-connect!))
                         (machine-reboot! (machine) #:how how))))
         (check "it is the machine's guest" (eq? guest (machine-guest)))
         (check "it has another boot" (not (ssh-same-boot? before (ssh-boot guest))))
         (check "what was written stays" (there? "/var/db/stays"))
         (check-equal "and its mode"
                      (guest-output guest (sh "ls -l /var/db/stays | cut -c 1-10"))
                      "----------")
         (check-equal "and can be read"
                      (guest-output guest '("cat" "/var/db/stays")) "stays")
         (check "what lay in memory is gone" (not (there? "/tmp/goes")))
         (check "so are links there" (not (there? "/tmp/etc")))
         (check "and what rc clears" (not (there? "/var/run/d")))
         (check "but for what it has written itself" (there? "/var/run/dmesg.boot"))
         (check "the system is there" (there? "/etc/rc.conf"))
         (check "no process goes on"
                (not (guest-passes? guest (sh "ps ax -o args= | grep -q '[s]leep 4711'"))))
         (check-equal "the job was lost with the boot"
                      (map (lambda (job) (assq-ref job 'state)) (job-list guest))
                      '(rebooted))
         (guest-run guest '("touch" "/tmp/goes"))))
     '(clean hard guest start)))"#,
    )
    .success();
}

#[test]
fn a_machine_goes_back_to_its_snapshot_and_a_fresh_image_takes_nothing_over() {
    let sandbox = Sandbox::new();
    let stdout = simulated(
        &sandbox,
        r#"  #:record (disk left)
  (let* ((guest (boot-approved-machine))
         (session (machine-session guest))
         (disk (machine-vdi)))
    (guest-run guest (sh "echo one > /root/state; mkdir -p /root/d; ln /root/state /root/d/same"))
    (let ((snapshot (machine-snapshot guest "before the change")))
      (guest-run guest (sh "echo two > /root/state; touch /root/later; rm -r /root/d"))
      (let ((guest (machine-revert! guest snapshot)))
        (check-equal "the state is that of the snapshot"
                     (guest-output guest '("cat" "/root/state" "/root/d/same")) "one\none")
        (check "what came later is gone" (not (guest-exists? guest "/root/later")))
        (guest-run guest '("touch" "/root/once-more")))
      (let ((guest (machine-revert! (machine) snapshot)))
        (check "a snapshot serves again" (not (guest-exists? guest "/root/once-more")))))
    ;; The disk is the one that is approved, it is marked as nobody's, and still ours.
    (check "the disk is the same" (string=? disk (machine-vdi)))
    (check "it is approved" (member (xapi-call session "VDI.get_uuid" disk)
                                    (setting 'approved/vdis)))
    (check-equal "no leftover is the disk"
                 (map (lambda (it) (assq-ref it 'name)) (xapi-leftovers session))
                 '("before the change"))
    (xapi-lock-confirm session)
    (let ((copy (begin (machine-stop! #f #:hard? #t)
                       (xapi-vdi-clone session disk))))
      (xapi-vdi-import session disk (setting 'image))
      (machine-start!)
      (let ((guest (machine-connect!)))
        (check "an image is a fresh system" (not (guest-exists? guest "/root/state"))))
      (machine-stop! #f #:hard? #t)
      (xapi-vdi-copy-into session copy #f #f disk)
      (machine-start!)
      (check "a clone has taken all along"
             (guest-exists? (machine-connect!) "/root/state"))
      (xapi-vdi-destroy session copy))
    (record! 'disk (xapi-call session "VDI.get_uuid" disk))
    (record! 'left (length (xapi-leftovers session))))"#,
    )
    .success();
    assert!(stdout.contains("left=1\n"), "{stdout}");
}

#[test]
fn going_back_and_rebooting_are_not_done_twice_in_a_run_that_is_gone_on_with() {
    let sandbox = Sandbox::new();
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    sandbox.write("fruix-scm.scm", &settings_text(&simulation));
    sandbox.write(
        "twice.scm",
        &harness(
            "twice",
            r#"  (let* ((guest (boot-approved-machine))
         (snapshot (machine-snapshot guest "start")))
    (step "change" #:proof (guest-exists? (machine-guest) "/root/a")
      (guest-run (machine-guest) '("touch" "/root/a")))
    (machine-revert! guest snapshot)
    (step "write" (guest-run (machine-guest) '("touch" "/root/b")) #t)
    (machine-reboot!)
    (step "look" (check "the second file is there" (guest-exists? (machine-guest) "/root/b"))
      (check "the first is not" (not (guest-exists? (machine-guest) "/root/a"))))
    (unless (file-exists? "go-on") (fail "not yet")))"#,
        ),
    );
    let outcome = sandbox.run(&["--keep", "twice.scm"]);
    outcome.fails_with(1);
    sandbox.write("go-on", "");
    let reboots = simulation.host().calls("VM.clean_reboot");
    let copies = simulation.host().calls("VDI.copy");
    assert_eq!((reboots, copies), (1, 1));
    let outcome = sandbox.run(&["runs", "resume"]);
    let stderr = outcome.stderr.clone();
    assert!(outcome.success().ends_with("PASS twice\n"), "{stderr}");
    // The change is done again, as its proof does not hold; nothing else is.
    assert_eq!(simulation.host().calls("VM.clean_reboot"), 1, "{stderr}");
    assert_eq!(simulation.host().calls("VDI.copy"), 1, "{stderr}");
    let vm = &simulation.settings().vm;
    assert_eq!(simulation.host().field("VM", vm, "power_state"), "Halted");
}

#[test]
fn two_machines_are_locked_together_work_together_and_are_tidied_together() {
    let sandbox = Sandbox::new();
    let audit = sandbox.temporary().join("audit");
    let simulation = Simulation::start(SimulationOptions {
        audit: Some(audit.clone()),
        ..SimulationOptions::default()
    })
    .unwrap();
    let client = simulation.host().handle().add_machine("client").unwrap();
    let first = simulation.settings();
    let settings = settings_text(&simulation)
        .replace(
            &format!("(vms {:?})", first.vm),
            &format!("(vms {:?} {:?})", first.vm, client.vm),
        )
        .replace(
            &format!("(vdis {:?})", first.vdi),
            &format!("(vdis {:?} {:?})", first.vdi, client.vdi),
        );
    let machines = format!(
        "(machines (router (vm . {:?}) (vdi . {:?}))
                   (client (vm . {:?}) (vdi . {:?}) (guest (port . {}))))",
        first.vm, first.vdi, client.vm, client.vdi, client.guest_port
    );
    let end = settings.rfind(')').unwrap();
    let settings = format!("{}{machines})", &settings[..end]);
    sandbox.write("fruix-scm.scm", &settings);
    sandbox.write(
        "two.scm",
        &harness(
            "two",
            r#"  (let* ((guests (boot-machines "router" "client"))
         (router (car guests))
         (client (cadr guests))
         (session (machine-session "router")))
    (check "they share a session" (eq? session (machine-session client)))
    (check "they are two" (not (string=? (machine-vm router) (machine-vm "client"))))
    (for-each
     (lambda (name)
       (for-each (lambda (class reference)
                   (check "locked for this run"
                          (string=? (run-identifier)
                                    (assq-ref (xapi-lock-seen session class reference) 'run))))
                 '("VM" "VDI")
                 (list (machine-vm name) (machine-vdi name))))
     '("router" "client"))
    (guest-write-file router "/root/from" "router")
    (guest-fetch router "/root/from" "from")
    (guest-send client "from" "/root/from")
    (check-equal "it has come over" (guest-output client '("cat" "/root/from")) "router")
    (let ((client (machine-reboot! client)))
      (check "one reboots" (guest-exists? client "/root/from"))
      (check "the other does not notice" (ssh-alive? (machine-guest "router")))
      (check "names lead to guests" (eq? client (machine-guest "client")))))"#,
        ),
    );
    sandbox.run(&["two.scm"]).success();
    for vm in [&first.vm, &client.vm] {
        assert_eq!(simulation.host().field("VM", vm, "power_state"), "Halted");
    }
    assert_eq!(simulation.host().count("session"), 0);
    // Nobody has changed anything before both were locked, in the order of their UUIDs.
    let changes = std::fs::read_to_string(&audit).unwrap();
    let starts: Vec<usize> = changes
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("import_raw_vdi") || line.contains("VM.start"))
        .map(|(at, _)| at)
        .collect();
    assert!(!starts.is_empty(), "{changes}");
    let locks = changes
        .lines()
        .take(starts[0])
        .filter(|line| line.contains("fruix-scm:lock:"))
        .count();
    assert!(locks >= 4, "{changes}");
    let other = sandbox.run(&[
        "-c",
        "(use-modules (fruix harness) (fruix machine)) \
        (harness \"x\" (boot-machine \"nobody\"))",
    ]);
    let stderr = other.fails_with(3);
    assert!(
        stderr.contains("no machine `nobody` in the settings; they name client, router"),
        "{stderr}"
    );
}

#[test]
fn in_a_simulation_each_name_is_a_machine_of_its_own() {
    let sandbox = Sandbox::new();
    simulated(
        &sandbox,
        r#"  (let* ((approved (boot-approved-machine))
         (other (boot-machine "other")))
    (guest-run approved '("touch" "/root/mine"))
    (check "disks are two" (not (guest-exists? other "/root/mine")))
    (check-equal "their names" (map machine-name (list approved other)) '(#f "other"))
    (check "both are in the settings"
           (member (setting 'machines/other/vm) (setting 'approved/vms))))"#,
    )
    .success();
}

#[test]
fn a_harness_that_fails_leaves_screen_and_console_of_its_machines() {
    let sandbox = Sandbox::new();
    let stderr = simulated(
        &sandbox,
        r#"  (let ((guest (boot-approved-machine)) (other (boot-machine "other")))
    (fail "no"))"#,
    )
    .fails_with(1);
    let folder = folder(&sandbox);
    for name in ["screen.png", "screen-other.png"] {
        assert!(is_png(&folder.join(name)), "{name}\n{stderr}");
    }
    for name in ["console.log", "console-other.log"] {
        let console = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(console.contains("booting from its first disk"), "{console}");
    }
    let said = format!(
        "the screen of the machine: {}",
        folder.join("screen.png").display()
    );
    assert!(stderr.contains(&said), "{stderr}");
    assert!(stderr.contains("the console of the machine: "), "{stderr}");
}

#[test]
fn a_machine_that_never_answered_shows_its_screen_and_one_that_passed_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("boot.scm", &harness("boot", "(boot-approved-machine)"));
    let stderr = sandbox
        .run(&[
            "--simulate",
            "--mishap",
            "guest-hangs",
            "--set",
            "boot-timeout-seconds=2",
            "boot.scm",
        ])
        .fails_with(3);
    assert!(is_png(&folder(&sandbox).join("screen.png")), "{stderr}");
    assert!(!folder(&sandbox).join("console.log").exists());

    let sandbox = Sandbox::new();
    simulated(
        &sandbox,
        r#"  (boot-approved-machine)
  (check-equal "a picture that was asked for" (machine-screenshot #f #:file "own.png") "own.png")
  (machine-console (machine) #:file "own.log")"#,
    )
    .success();
    assert!(is_png(&sandbox.work().join("own.png")));
    assert!(sandbox.work().join("own.log").exists());
    assert!(!folder(&sandbox).join("screen.png").exists());
}

#[test]
fn what_keeps_a_picture_from_being_taken_neither_hides_the_failure_nor_holds_it_up() {
    let sandbox = Sandbox::new();
    let began = std::time::Instant::now();
    let outcome = simulated(
        &sandbox,
        r#"  (boot-approved-machine)
  (simulation-mishap! "slow=VM.get_consoles:60000")
  (guest-try (machine-guest) (sh "rm -f /root/.ssh/authorized_keys"))
  (fail "the reason")"#,
    );
    assert!(
        outcome.stdout.ends_with("FAIL machine: the reason\n"),
        "{}",
        outcome.stdout
    );
    let stderr = outcome.fails_with(1);
    assert!(
        stderr.contains("the screen of the machine cannot be kept: "),
        "{stderr}"
    );
    assert!(began.elapsed().as_secs() < 30, "{stderr}");
}
