//! The simulated host against what xapi does, as its sources say.

use fruix_scm::runtime;
use fruix_scm::sim::{Simulation, SimulationOptions, SimulationSettings};
use fruix_scm::xapi::lease::Lease;
use fruix_scm::xapi::vm::{self, Shutdown};
use fruix_scm::xapi::{Approved, CALL, Login, Secret, Session, XapiError};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Do ACT on the approved VM of a fresh simulation.
fn on_a_host(act: impl AsyncFnOnce(&Session, &str, &SimulationSettings) -> Result<(), XapiError>) {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let settings = simulation.settings().clone();
    let login = Login {
        host: settings.host.clone(),
        user: settings.user.clone(),
        password: Secret::from_file(&settings.password_file).unwrap(),
        certificates: vec![settings.certificate_sha256.clone()],
        approved: Approved {
            vms: settings.approved_vms.clone(),
            vdis: settings.approved_vdis.clone(),
        },
        patience: CALL,
        lease: Lease::new("test", "run", Duration::from_secs(3600)),
        lock_lease: fruix_scm::xapi::lock::LEASE,
    };
    runtime::wait("testing", Duration::from_secs(60), async {
        let session = Session::log_in(login).await?;
        let machine = vm::find(&session, "VM", &settings.vm).await?;
        act(&session, &machine, &settings).await?;
        session.log_out().await
    })
    .unwrap();
}

/// The code with which a call is refused.
async fn refusal(session: &Session, method: &str, params: Vec<Value>) -> String {
    match session.call(method, params).await {
        Ok(result) => format!("{method} answered {result}"),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

async fn disk(session: &Session, settings: &SimulationSettings) -> Result<Value, XapiError> {
    let sr = vm::find(session, "SR", &settings.sr).await?;
    let record = json!({
        "name_label": "more", "SR": sr, "virtual_size": "4194304", "type": "user",
        "sharable": false, "read_only": false, "other_config": {},
    });
    session.call("VDI.create", vec![record]).await
}

async fn attach(session: &Session, vm: &str, vdi: &Value) -> Result<Value, XapiError> {
    let record = json!({
        "VM": vm, "VDI": vdi, "userdevice": "autodetect", "bootable": false, "mode": "RW",
        "type": "Disk", "empty": false, "other_config": {}, "qos_algorithm_type": "",
        "qos_algorithm_params": {},
    });
    session.call("VBD.create", vec![record]).await
}

#[test]
fn a_revert_restores_fields_keeps_macs_and_leaves_later_disks_alone() {
    on_a_host(async |session, machine, settings| {
        let vif = vm::record(session, "VM", machine).await?["VIFs"][0].clone();
        let mac = session.call("VIF.get_MAC", vec![vif]).await?;
        let name = session
            .call("VM.get_name_label", vec![json!(machine)])
            .await?;
        let snapshot = session
            .call("VM.snapshot", vec![json!(machine), json!("before")])
            .await?;
        for (method, value) in [
            ("VM.set_name_label", json!("renamed")),
            ("VM.set_VCPUs_max", json!("8")),
        ] {
            session.call(method, vec![json!(machine), value]).await?;
        }
        let later = disk(session, settings).await?;
        attach(session, machine, &later).await?;
        session.call("VM.revert", vec![snapshot.clone()]).await?;
        let record = vm::record(session, "VM", machine).await?;
        assert_eq!(record["name_label"], name);
        assert_eq!(record["VCPUs_max"], json!(2));
        assert_eq!(record["parent"], snapshot);
        let vif = record["VIFs"][0].clone();
        assert_eq!(session.call("VIF.get_MAC", vec![vif]).await?, mac);
        // Not attached any more, and there.
        assert_eq!(session.call("VDI.get_VBDs", vec![later]).await?, json!([]));
        assert_eq!(record["VBDs"].as_array().unwrap().len(), 1);
        Ok(())
    });
}

#[test]
fn a_machine_that_runs_is_no_template() {
    on_a_host(async |session, machine, _| {
        vm::start(session, machine, Duration::from_secs(20)).await?;
        let to_template = vec![json!(machine), json!(true)];
        assert_eq!(
            refusal(session, "VM.set_is_a_template", to_template.clone()).await,
            "VM_BAD_POWER_STATE"
        );
        vm::shut_down(session, machine, Shutdown::Hard, Duration::from_secs(20)).await?;
        session.call("VM.set_is_a_template", to_template).await?;
        let start = vec![json!(machine), json!(false), json!(false)];
        assert_eq!(refusal(session, "VM.start", start).await, "VM_IS_TEMPLATE");
        Ok(())
    });
}

#[test]
fn an_injected_event_is_a_barrier() {
    on_a_host(async |session, machine, _| {
        let token = session
            .call("event.inject", vec![json!("VM"), json!(machine)])
            .await?;
        let start = Instant::now();
        let batch = session
            .call("event.from", vec![json!(["VM"]), token.clone(), json!(5.0)])
            .await?;
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(batch["events"][0]["ref"], json!(machine));
        assert!(batch["token"].as_str() > token.as_str(), "{batch} {token}");
        assert_eq!(
            refusal(
                session,
                "event.inject",
                vec![json!("VM"), json!("OpaqueRef:no")]
            )
            .await,
            "HANDLE_INVALID"
        );
        Ok(())
    });
}

#[test]
fn memory_hosts_and_storage_are_resources() {
    on_a_host(async |session, machine, settings| {
        let host = vm::record(
            session,
            "pool",
            &vm::find(session, "pool", &settings.pool).await?,
        )
        .await?["master"]
            .clone();
        let hosts = session.call("host.get_all", vec![]).await?;
        let other = hosts
            .as_array()
            .unwrap()
            .iter()
            .find(|it| **it != host)
            .unwrap()
            .clone();
        let start_on =
            |host: &Value| vec![json!(machine), host.clone(), json!(false), json!(false)];
        // Its disk is on the master's own storage.
        assert_eq!(
            refusal(session, "VM.start_on", start_on(&other)).await,
            "VM_REQUIRES_SR"
        );
        let possible = session
            .call("VM.get_possible_hosts", vec![json!(machine)])
            .await?;
        assert_eq!(possible, json!([host]));
        let free = session
            .call("host.compute_free_memory", vec![host.clone()])
            .await?;
        let gib100 = (100i64 << 30).to_string();
        let limits = |size: &str| vec![json!(machine), json!(size)];
        session.call("VM.set_memory", limits(&gib100)).await?;
        let start = vec![json!(machine), json!(false), json!(false)];
        assert_eq!(
            refusal(session, "VM.start", start.clone()).await,
            "HOST_NOT_ENOUGH_FREE_MEMORY"
        );
        let gib2 = (2i64 << 30).to_string();
        session.call("VM.set_memory", limits(&gib2)).await?;
        session.call("VM.start", start).await?;
        let left = session.call("host.compute_free_memory", vec![host]).await?;
        let number = |value: &Value| value.as_i64().unwrap();
        assert!(number(&left) <= number(&free) - (2 << 30), "{free} {left}");
        vm::shut_down(session, machine, Shutdown::Hard, Duration::from_secs(20)).await
    });
}

#[test]
fn devices_are_attached_once_and_only_when_the_guest_can() {
    on_a_host(async |session, machine, settings| {
        let more = disk(session, settings).await?;
        let vbd = attach(session, machine, &more).await?;
        session
            .call("VBD.set_mode", vec![vbd.clone(), json!("RO")])
            .await?;
        vm::start(session, machine, Duration::from_secs(20)).await?;
        let vif = vm::record(session, "VM", machine).await?["VIFs"][0].clone();
        // The disk is empty, so no system has said that it has drivers.
        assert_eq!(
            refusal(session, "VIF.plug", vec![vif.clone()]).await,
            "DEVICE_ALREADY_ATTACHED"
        );
        assert_eq!(
            refusal(session, "VIF.unplug", vec![vif.clone()]).await,
            "VM_MISSING_PV_DRIVERS"
        );
        assert_eq!(
            refusal(session, "VIF.destroy", vec![vif]).await,
            "OPERATION_NOT_ALLOWED"
        );
        assert_eq!(
            refusal(session, "VBD.set_mode", vec![vbd.clone(), json!("RO")]).await,
            "VM_BAD_POWER_STATE"
        );
        let record = vm::record(session, "VBD", vbd.as_str().unwrap()).await?;
        assert_eq!(record["device"], "xvdb");
        let allowed = vm::record(session, "VM", machine).await?["allowed_operations"].clone();
        let allows = |name: &str| allowed.as_array().unwrap().contains(&json!(name));
        assert!(allows("hard_shutdown") && !allows("start") && !allows("clean_shutdown"));
        assert_eq!(
            refusal(session, "VDI.destroy", vec![more.clone()]).await,
            "VDI_IN_USE"
        );
        let allowed = session
            .call("VDI.get_allowed_operations", vec![more])
            .await?;
        assert!(!allowed.as_array().unwrap().contains(&json!("destroy")));
        vm::shut_down(session, machine, Shutdown::Hard, Duration::from_secs(20)).await
    });
}

#[test]
fn values_and_references_are_checked() {
    on_a_host(async |session, machine, _| {
        for (method, value) in [
            ("VM.set_actions_after_crash", "bogus"),
            ("VM.set_domain_type", "hvmm"),
        ] {
            let params = vec![json!(machine), json!(value)];
            assert_eq!(
                refusal(session, method, params).await,
                "INTERNAL_ERROR",
                "{method}"
            );
        }
        let dangling = vec![json!(machine), json!("OpaqueRef:nobody")];
        assert_eq!(
            refusal(session, "VM.set_affinity", dangling).await,
            "HANDLE_INVALID"
        );
        let copy = vec![json!(machine), json!("cp"), json!("OpaqueRef:nobody")];
        assert_eq!(refusal(session, "VM.copy", copy).await, "HANDLE_INVALID");
        let range = vec![json!(machine), json!("4294967296"), json!("1073741824")];
        assert_eq!(
            refusal(session, "VM.set_memory_dynamic_range", range).await,
            "MEMORY_CONSTRAINT_VIOLATION"
        );
        let clone = session
            .call("VM.clone", vec![json!(machine), json!("copy")])
            .await?;
        let seed = async |vm: &Value| {
            let config = session
                .call("VM.get_other_config", vec![vm.clone()])
                .await?;
            Ok::<_, XapiError>(config["mac_seed"].clone())
        };
        let (one, other) = (seed(&json!(machine)).await?, seed(&clone).await?);
        assert!(one.is_string() && other.is_string() && one != other);
        Ok(())
    });
}

#[test]
fn a_machine_is_suspended_resumed_and_checkpointed() {
    on_a_host(async |session, machine, settings| {
        let state = async |expected: &str| {
            assert_eq!(vm::power_state(session, machine).await?, expected);
            Ok::<_, XapiError>(())
        };
        vm::start(session, machine, Duration::from_secs(20)).await?;
        session.call("VM.suspend", vec![json!(machine)]).await?;
        state("Suspended").await?;
        let start = vec![json!(machine), json!(false), json!(false)];
        assert_eq!(
            refusal(session, "VM.start", start.clone()).await,
            "VM_BAD_POWER_STATE"
        );
        session.call("VM.resume", start.clone()).await?;
        state("Running").await?;
        let checkpoint = session
            .call("VM.checkpoint", vec![json!(machine), json!("in between")])
            .await?;
        vm::shut_down(session, machine, Shutdown::Hard, Duration::from_secs(20)).await?;
        session.call("VM.revert", vec![checkpoint]).await?;
        state("Suspended").await?;
        vm::shut_down(session, machine, Shutdown::Hard, Duration::from_secs(20)).await?;
        state("Halted").await?;
        // What no host has is told from what the simulation lacks.
        let _ = settings;
        assert_eq!(
            refusal(session, "VM.send_sysrq", vec![json!(machine), json!("h")]).await,
            "NOT_SIMULATED"
        );
        let where_ = session
            .call(
                "VM.get_all_records_where",
                vec![json!("field \"name_label\" = \"fruix\"")],
            )
            .await?;
        assert_eq!(where_.as_object().unwrap().len(), 1);
        Ok(())
    });
}
