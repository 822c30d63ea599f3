//! One run a machine: locks against the simulated host.

use crate::support::{Sandbox, finish, wait};
use fruix_scm::failure::{Failure, Key};
use fruix_scm::runtime;
use fruix_scm::sim::mishap::Mishap;
use fruix_scm::sim::{Simulation, SimulationOptions, SimulationSettings};
use fruix_scm::xapi::lease::Lease;
use fruix_scm::xapi::transfer::{self, Format};
use fruix_scm::xapi::vm::{self, Shutdown};
use fruix_scm::xapi::{Approved, CALL, Login, Secret, Session, XapiError, lock, task};
use serde_json::json;
use std::time::{Duration, Instant};

fn simulation(mishaps: &[&str]) -> Simulation {
    Simulation::start(SimulationOptions {
        mishaps: mishaps
            .iter()
            .map(|text| text.parse().expect("the mishap exists"))
            .collect(),
        ..SimulationOptions::default()
    })
    .expect("a simulation starts")
}

/// A login for RUN that locks for SECONDS at a time.
fn login(settings: &SimulationSettings, run: &str, seconds: u64) -> Login {
    Login {
        host: settings.host.clone(),
        user: settings.user.clone(),
        password: Secret::from_file(&settings.password_file).expect("the password file is there"),
        certificates: vec![settings.certificate_sha256.clone()],
        approved: Approved {
            vms: settings.approved_vms.clone(),
            vdis: settings.approved_vdis.clone(),
        },
        patience: CALL,
        lease: Lease::new("ann", run, Duration::from_secs(3600)),
        lock_lease: Duration::from_secs(seconds),
    }
}

fn run<T>(future: impl Future<Output = Result<T, XapiError>>) -> Result<T, Failure> {
    runtime::wait("testing", Duration::from_secs(60), future)
}

/// A settings file for SIMULATION in SANDBOX, with more ENTRIES.
fn settle(sandbox: &Sandbox, settings: &SimulationSettings, entries: &str) {
    sandbox.write(
        "fruix-scm.scm",
        &format!(
            "((host . {:?}) (user . {:?}) (password-file . {:?}) (certificate-sha256 {:?})
              (approved (vms {:?}) (vdis {:?})) (vm . {:?}) (vdi . {:?}) (image . {:?})
              (guest (user . {:?}) (port . {}) (private-key . {:?}) (host-key . {:?}))
              {entries})",
            settings.host,
            settings.user,
            settings.password_file,
            settings.certificate_sha256,
            settings.vm,
            settings.vdi,
            settings.vm,
            settings.vdi,
            settings.image,
            settings.guest_user,
            settings.guest_port,
            settings.guest_private_key,
            settings.guest_host_key,
        ),
    );
}

/// A program that locks the machine, says so, and then does BODY with `session`
/// and `vm`.
fn holding(body: &str) -> String {
    format!(
        "(use-modules (fruix harness) (fruix machine) (fruix settings) (fruix xapi))
         (harness \"holder\"
           (let* ((session (log-in-to-host))
                  (vm (xapi-vm-find session (setting 'vm))))
             (xapi-lock session #:vms (list vm)
                        #:vdis (list (xapi-vdi-find session (setting 'vdi))))
             (display \"held\\n\")
             (force-output)
             {body}))"
    )
}

/// Wait until somebody holds the lock of the VM of SIMULATION.
fn await_holder(simulation: &Simulation) -> lock::Seen {
    let settings = simulation.settings();
    let began = Instant::now();
    loop {
        let seen = run(async {
            let session = Session::log_in(login(settings, "looker", 60)).await?;
            let vm = vm::find(&session, "VM", &settings.vm).await?;
            let seen = lock::look(&session, "VM", &vm).await?;
            session.log_out().await?;
            Ok(seen)
        });
        if let Some(seen) = seen.expect("one can look").filter(|seen| seen.is_held) {
            return seen;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "nobody holds it");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_second_process_is_refused_with_status_3_and_the_first_passes() {
    let simulation = simulation(&[]);
    let sandbox = Sandbox::new();
    settle(&sandbox, simulation.settings(), "");
    sandbox.write(
        "first.scm",
        &holding("(sleep 4) (xapi-vm-start session vm)"),
    );
    sandbox.write(
        "second.scm",
        "(use-modules (fruix harness) (fruix machine))
         (harness \"second\" (boot-approved-machine))",
    );
    let mut first = sandbox.command(&["first.scm"]);
    let first = std::thread::spawn(move || {
        first.env("LOGNAME", "ann");
        finish(first)
    });
    let seen = await_holder(&simulation);
    let second = sandbox.run(&["second.scm"]);
    let why = second.fails_with(3);
    let holder = &seen.epoch.claim.holder;
    assert_eq!(holder.owner, "ann");
    for text in [
        format!(
            "is in use by run `{}` of `ann` on `{}` since",
            holder.run, holder.client
        ),
        "its lock ends at".to_owned(),
        format!("--take-over={}", holder.run),
    ] {
        assert!(why.contains(&text), "{text}\n{why}");
    }
    assert_eq!(
        first.join().unwrap().success(),
        "held\nrun_kind=none\nPASS holder\n"
    );
    assert_eq!(simulation.host().calls("VM.hard_shutdown"), 0);
    // What is given back is free at once.
    sandbox.write("third.scm", &holding("#t"));
    sandbox.run(&["third.scm"]).success();
    assert_eq!(simulation.host().count("session"), 0);
}

#[test]
fn the_machine_of_a_dead_process_is_free_after_its_lease_and_not_before() {
    let simulation = simulation(&[]);
    let sandbox = Sandbox::new();
    settle(&sandbox, simulation.settings(), "(lock-seconds . 4)");
    sandbox.write("first.scm", &holding("(sleep 100)"));
    sandbox.write("second.scm", &holding("#t"));
    let mut first = sandbox
        .command(&["first.scm"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    await_holder(&simulation);
    // Longer than a lease: it is renewed beside the sleep.
    std::thread::sleep(Duration::from_secs(6));
    first.kill().unwrap();
    first.wait().unwrap();
    let died = Instant::now();
    sandbox.run(&["second.scm"]).fails_with(3);
    while sandbox.run(&["second.scm"]).status != Some(0) {
        assert!(died.elapsed() < Duration::from_secs(20), "it never is free");
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(
        died.elapsed() > Duration::from_secs(2),
        "{:?}",
        died.elapsed()
    );
}

#[test]
fn a_run_that_has_lost_its_machine_ends_with_status_3_and_changes_nothing_more() {
    let simulation = simulation(&[]);
    let sandbox = Sandbox::new();
    settle(&sandbox, simulation.settings(), "(lock-seconds . 6)");
    sandbox.write(
        "first.scm",
        &holding(
            "(xapi-vm-start session vm)
             (at-end \"shut the VM down\"
                     (lambda () (xapi-vm-shutdown session vm #:hard? #t)))
             (display \"running\\n\")
             (force-output)
             (let wait ()
               (usleep 100000)
               (xapi-call session \"VM.set_name_description\" vm \"first\")
               (wait))",
        ),
    );
    sandbox.write(
        "second.scm",
        "(use-modules (fruix harness) (fruix machine))
         (harness \"second\" (boot-approved-machine))",
    );
    let command = sandbox.command(&["first.scm"]);
    let first = std::thread::spawn(move || finish(command));
    let began = Instant::now();
    while simulation.host().calls("VM.set_name_description") == 0 {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it does not come so far"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let seen = await_holder(&simulation);
    let asked = sandbox.run(&["--take-over", "second.scm"]).fails_with(2);
    assert!(
        asked.contains("--take-over asks first, and there is no terminal"),
        "{asked}"
    );
    let other = sandbox
        .run(&["--take-over=nobody", "second.scm"])
        .fails_with(3);
    assert!(other.contains("is in use by run"), "{other}");
    let named = format!("--take-over={}", seen.epoch.claim.holder.run);
    let second = sandbox.run(&[&named, "second.scm"]).success();
    assert!(second.ends_with("PASS second\n"), "{second}");
    let first = first.join().unwrap();
    let why = first.fails_with(3);
    assert!(why.contains("this run has lost V"), "{why}");
    assert!(
        why.contains("clean-up `shut the VM down` failed: this run has lost"),
        "{why}"
    );
    // The second has shut down what ran from before, and its own in the end.
    assert_eq!(simulation.host().calls("VM.hard_shutdown"), 2);
    assert_eq!(simulation.host().count("session"), 0);
}

#[test]
fn a_process_that_was_stopped_for_three_leases_changes_nothing_when_it_goes_on() {
    let simulation = simulation(&[]);
    let sandbox = Sandbox::new();
    settle(&sandbox, simulation.settings(), "(lock-seconds . 3)");
    let busy = |name: &str, count: u32| {
        holding(&format!(
            "(let loop ((left {count}))
               (unless (zero? left)
                 (usleep 10000)
                 (xapi-call session \"VM.set_name_description\" vm \"{name}\")
                 (loop (- left 1))))"
        ))
    };
    sandbox.write("first.scm", &busy("first", 100_000));
    sandbox.write("second.scm", &busy("second", 5));
    let first = sandbox
        .command(&["first.scm"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let description = || {
        let vm = &simulation.settings().vm;
        simulation.host().field("VM", vm, "name_description")
    };
    while description() != "first" {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it does not come so far"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&first);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    std::thread::sleep(Duration::from_secs(9));
    sandbox.run(&["second.scm"]).success();
    assert_eq!(description(), "second");
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    let outcome = wait(first, Instant::now());
    let why = outcome.fails_with(3);
    // Of the VM it learns that, of the disk at first only that its time is over.
    let reasons = ["this run has lost", "could not be renewed in time"];
    assert!(reasons.iter().any(|reason| why.contains(reason)), "{why}");
    assert_eq!(description(), "second");
}

#[test]
fn an_interrupt_while_a_machine_is_taken_over_leaves_no_claim() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let sandbox = Sandbox::new();
    settle(&sandbox, &settings, "");
    sandbox.write("first.scm", &holding("(sleep 15)"));
    let command = sandbox.command(&["first.scm"]);
    let first = std::thread::spawn(move || finish(command));
    let seen = await_holder(&simulation);
    run(async {
        let session = Session::log_in(login(&settings, "run-2", 300)).await?;
        let vm = vm::find(&session, "VM", &settings.vm).await?;
        let theirs = Some(seen.epoch.claim.holder.run.as_str());
        let looking = Session::log_in(login(&settings, "run-2", 300)).await?;
        // What the first has begun is waited for; the interrupt comes meanwhile, as soon
        // as there is a claim.
        let objects = [("VM", vm.as_str())];
        {
            let taking = lock::take(&session, &objects, theirs);
            let claimed = async {
                loop {
                    let seen = lock::look(&looking, "VM", &vm).await?;
                    if seen.is_some_and(|seen| seen.epoch.claim.holder.run == "run-2") {
                        // Whoever claims has to have seen that, too.
                        tokio::time::sleep(Duration::from_millis(500)).await;
                        return Ok::<_, XapiError>(());
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::select! {
                taken = taking => panic!("it was not waited for: {taken:?}"),
                claimed = claimed => claimed?,
            }
        }
        looking.log_out().await?;
        session.log_out().await
    })
    .unwrap();
    run(refusal(&simulation, "run-3")).expect("it is free");
    // The first has lost it all the same, and says so at its end or never asks.
    let _ = first.join().unwrap();
}

#[test]
fn an_interrupt_at_any_moment_of_a_claim_leaves_the_machine_free() {
    let simulation = simulation(&[
        "slow=VM.add_to_other_config:60",
        "slow=VDI.add_to_other_config:60",
    ]);
    let settings = simulation.settings().clone();
    for moment in 0..24 {
        run(async {
            let session = Session::log_in(login(&settings, "run-1", 300)).await?;
            let vm = vm::find(&session, "VM", &settings.vm).await?;
            // Each time a little later: before the claim is sent, while its answer is on
            // its way, and behind it.
            let objects = [("VM", vm.as_str())];
            let taking = lock::take(&session, &objects, None);
            let _ = tokio::time::timeout(Duration::from_millis(4 * moment), taking).await;
            session.log_out().await
        })
        .unwrap();
        run(refusal(&simulation, "run-2")).expect("it is free");
    }
}

/// Do ACT in a session for RUN.
fn in_session<T>(
    simulation: &Simulation,
    run_id: &str,
    act: impl AsyncFnOnce(&Session) -> Result<T, XapiError>,
) -> Result<T, Failure> {
    run(async {
        let session = Session::log_in(login(simulation.settings(), run_id, 30)).await?;
        let outcome = act(&session).await;
        session.log_out().await?;
        outcome
    })
}

/// The lock keys of the VM in SIMULATION.
async fn keys(session: &Session, vm: &str) -> Result<Vec<String>, XapiError> {
    let config = session.call("VM.get_other_config", vec![json!(vm)]).await?;
    Ok(config
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.clone())
        .filter(|key| key.starts_with("fruix-scm:lock") || key.starts_with("fruix-scm:free"))
        .collect())
}

/// What ANOTHER run would be told about the machine.
async fn refusal(simulation: &Simulation, run_id: &str) -> Result<(), XapiError> {
    // Sessions of one process share their locks, so the other is told by its own look.
    let session = Session::log_in(login(simulation.settings(), run_id, 30)).await?;
    let vm = vm::find(&session, "VM", &simulation.settings().vm).await?;
    let seen = lock::look(&session, "VM", &vm).await?;
    session.log_out().await?;
    match seen.filter(|seen| seen.is_held) {
        None => Ok(()),
        Some(seen) => Err(XapiError::InUse {
            what: "VM".to_owned(),
            epoch: Box::new(seen.epoch),
        }),
    }
}

#[test]
fn whichever_way_a_change_is_asked_for_what_is_approved_is_locked_first() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    in_session(&simulation, "run-1", async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        session.call("VM.get_record", vec![json!(vm)]).await?;
        assert!(
            keys(session, &vm).await?.is_empty(),
            "reading locks nothing"
        );
        session
            .call("VM.set_name_description", vec![json!(vm), json!("mine")])
            .await?;
        assert_eq!(keys(session, &vm).await?, ["fruix-scm:lock:1"]);
        assert!(refusal(&simulation, "run-2").await.is_err());
        Ok(())
    })
    .unwrap();
    in_session(&simulation, "run-2", async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        assert!(refusal(&simulation, "run-3").await.is_ok());
        vm::start(session, &vm, CALL).await?;
        assert_eq!(keys(session, &vm).await?, ["fruix-scm:lock:2"]);
        vm::shut_down(session, &vm, Shutdown::Hard, CALL).await
    })
    .unwrap();
}

#[test]
fn a_clone_and_a_snapshot_of_a_locked_machine_are_not_locked_and_a_revert_leaves_it_so() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    in_session(&simulation, "run-1", async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        let copy = task::run(
            session,
            "VM.clone",
            vec![json!(vm), json!("copy")],
            CALL,
            "clone",
        );
        let copy = copy.await?;
        // Taken now; the snapshot has the claim in its copy of the map.
        lock::take(session, &[("VM", vm.as_str())], None).await?;
        let snapshot = task::run(
            session,
            "VM.snapshot",
            vec![json!(vm), json!("then")],
            CALL,
            "snapshot",
        );
        let snapshot = snapshot.await?;
        let snapshot = snapshot.as_str().unwrap_or_default();
        for reference in [copy.as_str().unwrap_or_default(), snapshot] {
            assert!(lock::look(session, "VM", reference).await?.is_none());
        }
        for round in 0..3 {
            task::run(session, "VM.revert", vec![json!(snapshot)], CALL, "revert").await?;
            let seen = lock::look(session, "VM", &vm).await?.expect("it is locked");
            assert!(seen.is_held && seen.epoch.number > round + 1, "{seen:?}");
            let record = session.call("VM.get_record", vec![json!(vm)]).await?;
            assert_eq!(record["tags"], json!([]), "the shadow goes with the revert");
            session
                .call("VM.set_name_description", vec![json!(vm), json!("mine")])
                .await?;
        }
        session.call("VM.destroy", vec![json!(snapshot)]).await?;
        session.call("VM.destroy", vec![copy]).await.map(|_| ())
    })
    .unwrap();
    run(refusal(&simulation, "run-2")).expect("it is free");
}

#[test]
fn an_answer_that_gets_lost_leaves_neither_two_holders_nor_none() {
    // The first addition of a claim is carried out and not answered; the host may be
    // set to take the same addition twice.
    for mishaps in [
        &["idempotent-map"][..],
        &["mute=VM.add_to_other_config@1"],
        &["cut=VM.add_to_other_config@1"],
    ] {
        let simulation = simulation(mishaps);
        let settings = simulation.settings().clone();
        let taken = in_session(&simulation, "run-1", async |session| {
            let vm = vm::find(session, "VM", &settings.vm).await?;
            lock::take(session, &[("VM", vm.as_str())], None).await?;
            assert!(refusal(&simulation, "run-2").await.is_err());
            assert_eq!(keys(session, &vm).await?.len(), 1);
            Ok(())
        });
        taken.unwrap();
        run(refusal(&simulation, "run-2")).expect("it is free");
    }
}

#[test]
fn a_disk_that_two_settings_name_is_locked_on_the_disk() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let sandbox = Sandbox::new();
    settle(&sandbox, &settings, "");
    let other_vm = run(async {
        let session = Session::log_in(login(&settings, "maker", 30)).await?;
        let vm = vm::find(&session, "VM", &settings.vm).await?;
        let copy = task::run(
            &session,
            "VM.clone",
            vec![json!(vm), json!("b")],
            CALL,
            "clone",
        );
        let copy = copy.await?;
        let uuid = session
            .uuid("VM", copy.as_str().unwrap_or_default())
            .await?;
        session.log_out().await?;
        Ok(uuid)
    })
    .unwrap();
    sandbox.write("first.scm", &holding("(sleep 3)"));
    sandbox.write("second.scm", &holding("#t"));
    let command = sandbox.command(&["first.scm"]);
    let first = std::thread::spawn(move || finish(command));
    await_holder(&simulation);
    let outcome = sandbox.run(&[
        "--set",
        &format!("vm={other_vm}"),
        "--set",
        &format!("approved/vms={other_vm}"),
        "second.scm",
    ]);
    let why = outcome.fails_with(3);
    assert!(
        why.contains(&format!("VDI `{}` is in use", settings.vdi)),
        "{why}"
    );
    first.join().unwrap().success();
    let locked = run(async {
        let session = Session::log_in(login(&settings, "looker", 30)).await?;
        let locks = lock::look_everywhere(&session).await?;
        session.log_out().await?;
        Ok(locks)
    });
    assert!(
        locked.unwrap().is_empty(),
        "what was taken before the refusal is given back"
    );
}

#[test]
fn a_transfer_is_cut_when_the_lock_is_lost() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let image = simulation.directory().join("large.img");
    std::fs::File::create(&image)
        .and_then(|file| file.set_len(64 << 20))
        .expect("there is room");
    let outcome = run(async {
        let session = Session::log_in(login(&settings, "run-1", 3)).await?;
        let sr = vm::find(&session, "SR", &settings.sr).await?;
        let record = json!({
            "name_label": "large", "SR": sr, "virtual_size": 64 << 20, "type": "user",
            "sharable": false, "read_only": false, "other_config": {},
        });
        let vdi = session.call("VDI.create", vec![record]).await?;
        let vm = vm::find(&session, "VM", &settings.vm).await?;
        lock::take(&session, &[("VM", vm.as_str())], None).await?;
        simulation
            .host()
            .add_mishap(Mishap::ImportStalls { bytes: 1 << 20 });
        // Somebody else lays a claim over ours, by hand, as a run that takes over does.
        let claim = json!({
            "object": settings.vm, "nonce": "other", "owner": "bob", "run": "run-2",
            "client": "elsewhere", "pid": 1, "since": 1, "until": 4_000_000_000_u64, "lease": 300,
        });
        let thief = Session::log_in(login(&settings, "run-1", 3)).await?;
        thief
            .call(
                "VM.add_to_other_config",
                vec![
                    json!(vm),
                    json!("fruix-scm:lock:99"),
                    json!(claim.to_string()),
                ],
            )
            .await?;
        let began = Instant::now();
        let vdi = vdi.as_str().unwrap_or_default().to_owned();
        let outcome = transfer::import(&session, &vdi, &image, Format::Raw).await;
        let waited = began.elapsed();
        thief.log_out().await?;
        session.log_out().await?;
        Ok((outcome, waited))
    });
    let (outcome, waited) = outcome.unwrap();
    let error = outcome.expect_err("the transfer is cut");
    assert!(matches!(error, XapiError::Lost { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("run `run-2` of `bob` on `elsewhere`"),
        "{error}"
    );
    assert!(waited < Duration::from_secs(10), "{waited:?}");
}

#[test]
fn what_is_kept_is_told_why_and_taken_up_by_the_same_run_only() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let keep = async |seconds: u64| {
        let session = Session::log_in(login(&settings, "run-1", 30)).await?;
        let vm = vm::find(&session, "VM", &settings.vm).await?;
        lock::take(&session, &[("VM", vm.as_str())], None).await?;
        let until = lock::keep(&session, Duration::from_secs(seconds), "a job goes on").await?;
        session.log_out().await?;
        Ok(until)
    };
    let until = run(keep(1000)).unwrap();
    let error = run(refusal(&simulation, "run-2")).unwrap_err();
    assert_eq!(error.key(), Key::MachineInUse);
    assert!(
        error.message().contains("is kept until"),
        "{}",
        error.message()
    );
    assert!(
        error.message().ends_with(": a job goes on"),
        "{}",
        error.message()
    );
    let take = async |run_id: &str| {
        let session = Session::log_in(login(&settings, run_id, 30)).await?;
        let vm = vm::find(&session, "VM", &settings.vm).await?;
        let outcome = lock::take(&session, &[("VM", vm.as_str())], None).await;
        let seen = lock::look(&session, "VM", &vm).await?;
        session.log_out().await?;
        outcome.map(|()| seen)
    };
    let refused = run(take("run-2")).unwrap_err();
    assert_eq!(refused.key(), Key::MachineInUse);
    let taken_up = run(take("run-1")).unwrap().expect("it is locked");
    assert!(taken_up.epoch.kept.is_none() && taken_up.epoch.until < until);
    run(take("run-2")).unwrap();
    // `runs gc --host` lists what is kept, and frees it for its owner.
    run(keep(1000)).unwrap();
    let sandbox = Sandbox::new();
    settle(&sandbox, &settings, "");
    let gc = |arguments: &[&str], owner: &str| {
        let mut command = sandbox.command(arguments);
        command.env("LOGNAME", owner);
        let answer = sandbox.write("answer", "yes\n");
        command.stdin(std::fs::File::open(answer).unwrap());
        finish(command).success()
    };
    let listed = gc(&["runs", "gc", "--host"], "ann");
    assert!(listed.contains("lock-kept  VM"), "{listed}");
    assert!(listed.contains("why=a job goes on"), "{listed}");
    gc(&["runs", "gc", "--host", "--all"], "bob");
    assert!(
        run(refusal(&simulation, "run-2")).is_err(),
        "bob has not kept it"
    );
    gc(&["runs", "gc", "--host", "--all"], "ann");
    run(refusal(&simulation, "run-2")).expect("it is free");
    // One that has ended is freed too, which changes nothing but the list.
    run(keep(1)).unwrap();
    std::thread::sleep(Duration::from_millis(2200));
    let listed = gc(&["runs", "gc", "--host"], "bob");
    assert!(listed.contains("lock-ended  VM"), "{listed}");
    assert!(!gc(&["runs", "gc", "--host"], "bob").contains("lock-"));
}

#[test]
fn a_host_drops_a_request_whose_end_comes_too_late() {
    let simulation = Simulation::start(SimulationOptions {
        head_patience: Duration::from_millis(700),
        ..SimulationOptions::default()
    })
    .expect("a simulation starts");
    let settings = simulation.settings().clone();
    let outcome = in_session(&simulation, "run-1", async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        lock::take(session, &[("VM", vm.as_str())], None).await?;
        let change = async |text: &str| {
            session
                .call("VM.set_name_description", vec![json!(vm), json!(text)])
                .await
        };
        change("before").await?;
        // What asks for the lock takes longer than the host waits, each time.
        simulation.host().add_mishap(Mishap::Slow {
            method: "VM.get_record".to_owned(),
            milliseconds: 1000,
        });
        change("after").await
    });
    assert_eq!(outcome.map(|_| ()).unwrap_err().key(), Key::Timeout);
    assert_eq!(
        simulation
            .host()
            .field("VM", &settings.vm, "name_description"),
        "before"
    );
}

/// Take the lock of the VM of SIMULATION from RUN, whatever that is doing.
fn take_from(simulation: &Simulation, run_id: &str) {
    let settings = simulation.settings().clone();
    run(async {
        let thief = Session::log_in(login(&settings, "thief", 60)).await?;
        let vm = vm::find(&thief, "VM", &settings.vm).await?;
        lock::take(&thief, &[("VM", vm.as_str())], Some(run_id)).await?;
        // It stays the thief's when the session ends.
        lock::keep(&thief, Duration::from_secs(600), "taken").await?;
        thief.log_out().await?;
        Ok(())
    })
    .expect("it is taken");
}

#[test]
fn a_run_that_has_lost_its_machine_ends_with_status_3_and_touches_nothing_more() {
    // In the middle of a check that fails, of one that holds, and of a wait in the guest.
    for body in [
        "(check \"it is so\" #f)",
        "(check \"it is so\" #t)",
        "(guest-run guest '(\"false\"))",
    ] {
        let simulation = simulation(&[]);
        let sandbox = Sandbox::new();
        settle(&sandbox, simulation.settings(), "(lock-seconds . 6)");
        sandbox.write(
            "loser.scm",
            &format!(
                "(use-modules (fruix guest) (fruix harness) (fruix machine))
                 (harness \"loser\"
                   (let ((guest (boot-approved-machine)))
                     (at-end \"write in the guest\"
                             (lambda () (guest-run guest '(\"touch\" \"/var/tmp/late\"))))
                     (at-end \"local\" (lambda () (display \"local\\n\")))
                     (step \"wait\"
                       (display \"booted\\n\")
                       (force-output)
                       (let loop ()
                         (unless (file-exists? \"taken\") (usleep 50000) (loop)))
                       {body})))"
            ),
        );
        let began = Instant::now();
        let mut child = sandbox
            .command(&["--tidy", "loser.scm"])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = child.stdout.take().expect("it has an output");
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(out));
        assert_eq!(
            lines.next().expect("it boots").expect("it is text"),
            "booted"
        );
        let holder = await_holder(&simulation);
        take_from(&simulation, &holder.epoch.claim.holder.run);
        let changes = simulation
            .host()
            .field("VM", &simulation.settings().vm, "power_state");
        sandbox.write("taken", "");
        let out: Vec<String> = lines.map(|line| line.expect("it is text")).collect();
        child.stdout = None;
        let mut err = String::new();
        let mut stderr = child.stderr.take().expect("it has errors");
        std::io::Read::read_to_string(&mut stderr, &mut err).expect("they are text");
        let status = child.wait().expect("it ends");
        assert!(began.elapsed() < Duration::from_secs(100));
        assert_eq!(status.code(), Some(3), "{out:?}\n{err}");
        let fail = out.last().expect("there is a verdict");
        assert!(
            fail.starts_with("FAIL loser: this run has lost VM"),
            "{out:?}"
        );
        assert!(fail.contains("run `thief`"), "{fail}");
        assert!(out.contains(&"local".to_owned()), "{out:?}");
        assert!(
            err.contains("clean-up `shut the VM down` is left out: the machine is another run's"),
            "{err}"
        );
        assert!(
            err.contains("clean-up `write in the guest` failed"),
            "{err}"
        );
        assert_eq!(changes, "Running");
        let state = simulation
            .host()
            .field("VM", &simulation.settings().vm, "power_state");
        assert_eq!(state, "Running", "it was left alone");
        let list = sandbox.run(&["runs", "list"]).success();
        assert!(list.contains("  not-ready  "), "{list}");
    }
}
