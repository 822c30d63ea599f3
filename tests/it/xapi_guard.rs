//! Nobody's machine or disk is touched that was not approved: every message of the
//! datamodel is tried at somebody else's, and so are the ways round.

use fruix_scm::failure::{Failure, Key};
use fruix_scm::runtime;
use fruix_scm::sim::{Simulation, SimulationOptions, SimulationSettings};
use fruix_scm::xapi::lease::{self, Lease};
use fruix_scm::xapi::messages::{self, Effect};
use fruix_scm::xapi::vm::{self, Shutdown};
use fruix_scm::xapi::{Approved, CALL, Login, Secret, Session, XapiError};
use serde_json::{Value, json};
use std::time::Duration;

fn login(settings: &SimulationSettings, owner: &str, run: &str) -> Login {
    Login {
        host: settings.host.clone(),
        user: settings.user.clone(),
        password: Secret::from_file(&settings.password_file).unwrap(),
        certificates: vec![settings.certificate_sha256.clone()],
        approved: Approved {
            vms: settings.approved_vms.clone(),
            vdis: settings.approved_vdis.clone(),
        },
        patience: CALL,
        lease: Lease::new(owner, run, Duration::from_secs(3600)),
        lock_lease: fruix_scm::xapi::lock::LEASE,
    }
}

fn run<T>(future: impl Future<Output = Result<T, XapiError>>) -> T {
    runtime::wait("testing", Duration::from_secs(120), future).unwrap()
}

async fn disk(session: &Session, settings: &SimulationSettings) -> Result<String, XapiError> {
    let sr = vm::find(session, "SR", &settings.sr).await?;
    let record = json!({
        "name_label": "somebody's", "SR": sr, "virtual_size": "4194304", "type": "user",
        "sharable": false, "read_only": false, "other_config": {},
    });
    let vdi = session.call("VDI.create", vec![record]).await?;
    Ok(vdi.as_str().unwrap().to_owned())
}

fn vbd(vm: &str, vdi: &str, mode: &str) -> Value {
    json!({
        "VM": vm, "VDI": vdi, "userdevice": "autodetect", "bootable": false, "mode": mode,
        "type": "Disk", "empty": false, "other_config": {}, "qos_algorithm_type": "",
        "qos_algorithm_params": {},
    })
}

fn is_refused(outcome: &Result<Value, XapiError>) -> bool {
    matches!(outcome, Err(XapiError::NotApproved { .. }))
}

#[test]
fn no_message_of_the_datamodel_reaches_what_is_not_approved() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let settings = simulation.settings().clone();
    run(async {
        // Somebody else's: a disk, and a machine with a device of each kind.
        let bob = Session::log_in(login(&settings, "bob", "bobs-run")).await?;
        let victim_vdi = disk(&bob, &settings).await?;
        let template = bob
            .call("VM.get_by_name_label", vec![json!("Other install media")])
            .await?;
        let victim_vm = bob
            .call("VM.clone", vec![template[0].clone(), json!("bob's")])
            .await?;
        let victim_vm = victim_vm.as_str().unwrap().to_owned();
        bob.call("VM.provision", vec![json!(victim_vm)]).await?;
        let victim_vbd = bob
            .call("VBD.create", vec![vbd(&victim_vm, &victim_vdi, "RW")])
            .await?;
        let host = vm::find(&bob, "pool", &settings.pool).await?;
        let before = |class: &str| simulation.host().count(class);
        let counts = ["VM", "VDI", "VBD", "VIF", "SR", "host", "network"].map(before);

        let alice = Session::log_in(login(&settings, "alice", "alices-run")).await?;
        let mut tried = 0;
        for (class, name) in messages::all() {
            let effects = messages::effects(class, name).unwrap();
            if effects == [Effect::Reads] {
                continue;
            }
            let method = format!("{class}.{name}");
            let at = |number: usize, value: &str| {
                let mut params = vec![json!(victim_vm); number + 1];
                params[number] = json!(value);
                params
            };
            let params = match effects[effects.len() - 1] {
                Effect::Vm(at_) | Effect::Disks(at_) | Effect::RevertedVm(at_) => {
                    at(at_, &victim_vm)
                }
                // A copy of another owner's machine is none of ours either.
                Effect::CopiedVm(at_) => at(at_, &victim_vm),
                Effect::Vdi(at_) | Effect::IntoVdi(at_) | Effect::RevertedVdi(at_) => {
                    at(at_, &victim_vdi)
                }
                Effect::CopiedVdi(at_) => at(at_, &victim_vdi),
                Effect::Device("VBD", at_) => at(at_, victim_vbd.as_str().unwrap()),
                Effect::Device(..) => continue,
                Effect::OpenedVbd(at_) | Effect::InsertedVbd(at_) => {
                    at(at_, victim_vbd.as_str().unwrap())
                }
                Effect::AttachedVbd => vec![vbd(&victim_vm, &victim_vdi, "RW")],
                Effect::MemberVm => vec![json!({"VM": victim_vm})],
                Effect::NewVm => vec![json!({"suspend_VDI": victim_vdi, "other_config": {}})],
                Effect::Devices(_) => vec![json!(victim_vm), json!("pci"), json!("0/0000:00:1f.2")],
                Effect::Task(_) => vec![json!("OpaqueRef:of-somebody")],
                Effect::Refused => vec![json!(host.clone()); 4],
                Effect::Marks => continue,
                Effect::Reads => unreachable!("left out above"),
            };
            for method in [method.clone(), format!("Async.{method}")] {
                let sent = simulation.host().calls(&method);
                let outcome = alice.call(&method, params.clone()).await;
                assert!(is_refused(&outcome), "{method}: {outcome:?}");
                assert_eq!(simulation.host().calls(&method), sent, "{method} was sent");
            }
            tried += 1;
        }
        assert!(tried > 700, "{tried}");
        let after = ["VM", "VDI", "VBD", "VIF", "SR", "host", "network"].map(before);
        assert_eq!(counts, after);
        for method in [
            "VM.strat",
            "VM.get_nonsense",
            "diagnostics.gc_stats",
            "vm.start",
        ] {
            let outcome = alice.call(method, vec![json!(victim_vm)]).await;
            assert!(
                matches!(outcome, Err(XapiError::UnknownMessage { .. })),
                "{method}: {outcome:?}"
            );
        }
        bob.log_out().await?;
        alice.log_out().await
    });
}

#[test]
fn a_disk_that_is_attached_to_be_read_stays_so() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let settings = simulation.settings().clone();
    run(async {
        let bob = Session::log_in(login(&settings, "bob", "bobs-run")).await?;
        let victim = disk(&bob, &settings).await?;
        let alice = Session::log_in(login(&settings, "alice", "alices-run")).await?;
        let machine = vm::find(&alice, "VM", &settings.vm).await?;
        for mode in ["RW", "rw", "ro ", ""] {
            let outcome = alice
                .call("VBD.create", vec![vbd(&machine, &victim, mode)])
                .await;
            assert!(is_refused(&outcome), "{mode}: {outcome:?}");
        }
        let read = alice
            .call("VBD.create", vec![vbd(&machine, &victim, "RO")])
            .await?;
        for mode in ["RW", "rw", " RO"] {
            let outcome = alice
                .call("VBD.set_mode", vec![read.clone(), json!(mode)])
                .await;
            assert!(is_refused(&outcome), "{mode}: {outcome:?}");
        }
        alice
            .call("VBD.set_mode", vec![read.clone(), json!("RO")])
            .await?;
        // Nor does the machine's suspend image become it.
        let outcome = alice
            .call("VM.set_suspend_VDI", vec![json!(machine), json!(victim)])
            .await;
        assert!(is_refused(&outcome), "{outcome:?}");
        // Going back to a snapshot would replace it.
        let snapshot = alice
            .call("VM.snapshot", vec![json!(machine), json!("before")])
            .await?;
        let outcome = alice.call("VM.revert", vec![snapshot]).await;
        assert!(is_refused(&outcome), "{outcome:?}");
        alice.call("VBD.destroy", vec![read]).await?;
        bob.call("VDI.destroy", vec![json!(victim)]).await?;
        bob.log_out().await?;
        alice.log_out().await
    });
}

#[test]
fn what_another_run_of_the_same_owner_has_made_is_not_ours_until_its_time_is_over() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let settings = simulation.settings().clone();
    run(async {
        let first = Session::log_in(login(&settings, "alice", "first")).await?;
        let kept = disk(&first, &settings).await?;
        let second = Session::log_in(login(&settings, "alice", "second")).await?;
        let rename = vec![json!(kept), json!("mine")];
        let outcome = second.call("VDI.set_name_label", rename.clone()).await;
        assert!(is_refused(&outcome), "{outcome:?}");
        let Err(error) = outcome else { unreachable!() };
        let failure = Failure::from(error);
        assert_eq!(failure.key(), Key::Settings);
        assert!(
            failure.message().contains("run `first` of `alice`"),
            "{failure}"
        );
        // Copying it is no harm.
        let copy = second.call("VDI.clone", vec![json!(kept)]).await?;
        second.call("VDI.destroy", vec![copy]).await?;
        // The same run, in a later session.
        let later = Session::log_in(login(&settings, "alice", "first")).await?;
        later.call("VDI.set_name_label", rename.clone()).await?;
        // Its time is over.
        for (method, params) in [
            (
                "VDI.remove_from_other_config",
                vec![json!(kept), json!("fruix-scm:expires")],
            ),
            (
                "VDI.add_to_other_config",
                vec![json!(kept), json!("fruix-scm:expires"), json!("1")],
            ),
        ] {
            first.call(method, params).await?;
        }
        second.call("VDI.set_name_label", rename.clone()).await?;
        let bob = Session::log_in(login(&settings, "bob", "third")).await?;
        let outcome = bob.call("VDI.set_name_label", rename).await;
        assert!(is_refused(&outcome), "{outcome:?}");
        for session in [first, second, later, bob] {
            session.log_out().await?;
        }
        Ok(())
    });
}

#[test]
fn what_another_owner_has_left_is_removed_only_when_its_time_is_over() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let settings = simulation.settings().clone();
    run(async {
        let bob = Session::log_in(login(&settings, "bob", "bobs-run")).await?;
        let kept = disk(&bob, &settings).await?;
        let alice = Session::log_in(login(&settings, "alice", "alices-run")).await?;
        let found = lease::leftovers(&alice).await?;
        assert_eq!(found.len(), 1);
        let outcome = lease::remove_own(&alice, &found[0]).await;
        assert!(
            matches!(outcome, Err(XapiError::NotApproved { .. })),
            "{outcome:?}"
        );
        let mine = lease::leftovers(&bob).await?;
        lease::remove_own(&bob, &mine[0]).await?;
        assert!(vm::record(&alice, "VDI", &kept).await.is_err());
        bob.log_out().await?;
        alice.log_out().await
    });
}

#[test]
fn a_machine_that_is_being_started_is_not_believed_to_be_halted() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let settings = simulation.settings().clone();
    for round in 0..4 {
        run(async {
            let session = Session::log_in(login(&settings, "alice", "run")).await?;
            let other = Session::log_in(login(&settings, "alice", "run")).await?;
            let machine = vm::find(&session, "VM", &settings.vm).await?;
            // Whether the task is our own or not.
            let starter = if round % 2 == 0 { &session } else { &other };
            let params = vec![json!(machine), json!(false), json!(false)];
            starter.call("Async.VM.start", params).await?;
            vm::shut_down(&session, &machine, Shutdown::Hard, Duration::from_secs(20)).await?;
            for _ in 0..5 {
                let record = vm::record(&session, "VM", &machine).await?;
                assert_eq!(record["power_state"], "Halted");
                assert_eq!(record["current_operations"], json!({}));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            session.log_out().await?;
            other.log_out().await
        });
    }
}
