//! The XAPI client against the simulated host.

use crate::support::hold_no_secret;
use fruix_scm::failure::{Detail, Failure, Key};
use fruix_scm::runtime;
use fruix_scm::sim::mishap::Mishap;
use fruix_scm::sim::{SECRET_MARK, Simulation, SimulationOptions, SimulationSettings};
use fruix_scm::xapi::address::{self, Sources};
use fruix_scm::xapi::lease::{self, Lease};
use fruix_scm::xapi::lock;
use fruix_scm::xapi::transfer::Format;
use fruix_scm::xapi::vm::{self, Shutdown};
use fruix_scm::xapi::{
    Approved, CALL, Login, Secret, Session, XapiError, console, replace, task, transfer, verify,
};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// The CD in the library of the simulated host is a VDI as well.
const CD: usize = 1;

/// A simulation with MISHAPS, such as `sr-full`.
fn simulation(mishaps: &[&str]) -> Simulation {
    let mishaps: Vec<Mishap> = mishaps
        .iter()
        .map(|text| text.parse().expect("the mishap exists"))
        .collect();
    Simulation::start(SimulationOptions {
        mishaps,
        ..SimulationOptions::default()
    })
    .expect("a simulation starts")
}

fn login(settings: &SimulationSettings) -> Login {
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
        lock_lease: lock::LEASE,
        lease: Lease::new("test", "run-1", Duration::from_secs(3600)),
    }
}

/// What a future of this domain comes to, as Scheme would see it.
fn run<T>(future: impl Future<Output = Result<T, XapiError>>) -> Result<T, Failure> {
    runtime::wait("testing", Duration::from_secs(60), future)
}

/// Do ACT in a session on SIMULATION, and check that the host is left tidy.
fn in_session<T>(
    simulation: &Simulation,
    act: impl AsyncFnOnce(&Session) -> Result<T, XapiError>,
) -> Result<T, Failure> {
    let outcome = run(async {
        let session = Session::log_in(login(simulation.settings())).await?;
        let outcome = act(&session).await;
        session.log_out().await?;
        outcome
    });
    assert_eq!(simulation.host().count("session"), 0, "a session is left");
    assert_eq!(simulation.host().count("task"), 0, "a task is left");
    outcome
}

/// The address that the host alone knows.
async fn wait_for_address(
    session: &Session,
    vm: &str,
    limit: Duration,
) -> Result<IpAddr, XapiError> {
    address::wait(session, vm, &Sources::default(), limit).await
}

/// An image of SIZE bytes that says where each of its sectors belongs.
fn image(directory: &Path, size: u64) -> std::path::PathBuf {
    let path = directory.join("test.img");
    let bytes: Vec<u8> = (0..size).map(|at| (at / 512 % 251) as u8).collect();
    std::fs::write(&path, bytes).expect("the simulation's directory can be written");
    path
}

fn detail<'a>(failure: &'a Failure, name: &str) -> &'a Detail {
    let found = failure.details().iter().find(|(known, _)| known == name);
    &found.expect("the failure has the detail").1
}

#[test]
fn an_imported_image_is_booted_and_its_address_learned() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let address = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        let imported = transfer::import(session, &vdi, &settings.image, Format::Automatic).await?;
        assert_eq!(imported.sent_bytes, imported.image_bytes);
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        let address = wait_for_address(session, &vm, Duration::from_secs(20)).await?;
        vm::shut_down(session, &vm, Shutdown::Clean, Duration::from_secs(20)).await?;
        assert_eq!(vm::power_state(session, &vm).await?, "Halted");
        Ok(address)
    });
    assert_eq!(address.expect("all goes well").to_string(), "127.0.0.1");
}

#[test]
fn an_imported_image_is_on_the_disk_byte_for_byte_and_reads_back_the_same() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let path = image(simulation.directory(), 3_000_320);
    let read = in_session(&simulation, async |session| {
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &path, Format::Automatic).await?;
        assert_eq!(verify::verify(session, &vdi, &path).await?, 3_000_320);
        let mut read = Vec::new();
        verify::export_raw(session, &vdi, |piece| read.extend_from_slice(piece)).await?;
        Ok(read)
    })
    .expect("all goes well");
    let expected = std::fs::read(&path).unwrap();
    assert!(
        read[..expected.len()] == expected[..],
        "what was read back differs"
    );
    assert!(
        std::fs::read(simulation.host().disk(&settings.vdi)).unwrap() == read,
        "the disk differs"
    );
}

/// An image of SIZE bytes with data here and there, and a VDI it fits on that
/// SESSION has just created.
async fn sparse_image_and_fresh_vdi(
    session: &Session,
    simulation: &Simulation,
    size: u64,
) -> Result<(std::path::PathBuf, String), XapiError> {
    use std::os::unix::fs::FileExt;
    let path = simulation.directory().join("sparse.img");
    let file = std::fs::File::create(&path).expect("the directory can be written");
    file.set_len(size).expect("a sparse file can be made");
    for offset in [0, 4096 * 3 + 17, 9 << 20, size - 5] {
        file.write_all_at(b"fruix", offset).expect("there is room");
    }
    let sr = vm::find(session, "SR", &simulation.settings().sr).await?;
    let record = json!({
        "name_label": "fresh", "SR": sr, "virtual_size": size, "type": "user",
        "sharable": false, "read_only": false, "other_config": {},
    });
    let vdi = session.call("VDI.create", vec![record]).await?;
    Ok((path, vdi.as_str().unwrap_or_default().to_owned()))
}

#[test]
fn a_fresh_vdi_gets_the_data_of_a_sparse_image_and_little_else() {
    let simulation = simulation(&[]);
    let size: u64 = (32 << 20) + 512;
    for (format, taken, most) in [
        (Format::Automatic, Format::Chunked, 20 << 10),
        (Format::Vhd, Format::Vhd, 9 << 20),
        (Format::Raw, Format::Raw, size),
    ] {
        in_session(&simulation, async |session| {
            let (path, vdi) = sparse_image_and_fresh_vdi(session, &simulation, size).await?;
            let imported = transfer::import(session, &vdi, &path, format).await?;
            assert_eq!(imported.format, taken);
            assert!(imported.sent_bytes <= most, "{imported:?}");
            assert_eq!(verify::verify(session, &vdi, &path).await?, size);
            session.call("VDI.destroy", vec![json!(vdi)]).await
        })
        .expect("all goes well");
    }
}

#[test]
fn data_in_whole_blocks_travels_as_vhd_with_next_to_nothing_beside_it() {
    use std::os::unix::fs::FileExt;
    let simulation = simulation(&[]);
    in_session(&simulation, async |session| {
        let (path, vdi) = sparse_image_and_fresh_vdi(session, &simulation, 64 << 20).await?;
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(&[7; 12 << 20], 6 << 20).unwrap();
        let imported = transfer::import(session, &vdi, &path, Format::Automatic).await?;
        assert_eq!(imported.format, Format::Vhd);
        let data: u64 = 12 << 20;
        assert!(imported.sent_bytes <= data + data / 100, "{imported:?}");
        verify::verify(session, &vdi, &path).await?;
        session.call("VDI.destroy", vec![json!(vdi)]).await
    })
    .expect("all goes well");
}

#[test]
fn a_vdi_that_may_hold_old_data_gets_every_byte() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let size: u64 = 32 << 20;
    in_session(&simulation, async |session| {
        let (path, fresh) = sparse_image_and_fresh_vdi(session, &simulation, size).await?;
        let old = vm::find(session, "VDI", &settings.vdi).await?;
        let refused = transfer::import(session, &old, &path, Format::Vhd)
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("may hold old data"),
            "{refused}"
        );
        let imported = transfer::import(session, &old, &path, Format::Automatic).await?;
        assert_eq!((imported.format, imported.sent_bytes), (Format::Raw, size));
        // Once written, a VDI is not fresh any more.
        transfer::import(session, &fresh, &path, Format::Vhd).await?;
        let again = transfer::import(session, &fresh, &path, Format::Automatic).await?;
        assert_eq!(again.format, Format::Raw);
        session.call("VDI.destroy", vec![json!(fresh)]).await
    })
    .expect("all goes well");
}

#[test]
fn a_refused_login_names_host_and_user_and_never_the_password() {
    let simulation = simulation(&["refuse-login"]);
    let settings = simulation.settings();
    let password = std::fs::read_to_string(&settings.password_file).unwrap();
    let failure = run(Session::log_in(login(settings))).unwrap_err();
    assert_eq!(failure.key(), Key::Xapi);
    assert_eq!(
        failure.message(),
        format!(
            "cannot log in to `{}` as `root`: host answered SESSION_AUTHENTICATION_FAILED \
             (user: root, message: Authentication failure): user or password is wrong",
            settings.host
        )
    );
    assert!(failure.hint_text().unwrap().contains("password-file"));
    assert!(!format!("{failure:?}").contains(password.trim()));
    assert!(!format!("{:?}", login(settings)).contains(password.trim()));
}

#[test]
fn a_certificate_that_is_not_pinned_is_refused_with_both_fingerprints() {
    let simulation = simulation(&["wrong-certificate"]);
    let settings = simulation.settings();
    let failure = run(Session::log_in(login(settings))).unwrap_err();
    assert_eq!(failure.key(), Key::Trust);
    let Detail::Text(seen) = detail(&failure, "seen") else {
        panic!("the fingerprint is a text");
    };
    assert_ne!(*seen, settings.certificate_sha256);
    for fingerprint in [seen, &settings.certificate_sha256] {
        assert!(failure.message().contains(fingerprint.as_str()));
    }
    assert_eq!(simulation.host().calls("session.login_with_password"), 0);
}

#[test]
fn without_a_pinned_certificate_nothing_is_trusted() {
    let simulation = simulation(&[]);
    let mut login = login(simulation.settings());
    login.certificates.clear();
    assert_eq!(run(Session::log_in(login)).unwrap_err().key(), Key::Trust);
}

#[test]
fn a_host_that_is_not_there_is_a_connection_error() {
    let simulation = simulation(&[]);
    let mut login = login(simulation.settings());
    drop(simulation);
    login.host = login.host.replace("127.0.0.1", "127.0.0.2");
    let failure = run(Session::log_in(login)).unwrap_err();
    assert_eq!(failure.key(), Key::Connection);
    assert!(failure.message().contains("refused"), "{failure}");
}

#[test]
fn an_unapproved_vm_or_vdi_is_never_written() {
    let simulation = simulation(&[]);
    let mut login = login(simulation.settings());
    login.approved.vms = vec!["11111111-2222-3333-4444-555555555555".to_owned()];
    login.approved.vdis = Vec::new();
    let settings = simulation.settings().clone();
    let (start, import, reboot) = run(async {
        let session = Session::log_in(login).await?;
        let vm = vm::find(&session, "VM", &settings.vm).await?;
        let vdi = vm::find(&session, "VDI", &settings.vdi).await?;
        let host = session.call("host.get_all", vec![]).await?;
        let start = vm::start(&session, &vm, Duration::from_secs(5)).await;
        let import = transfer::import(&session, &vdi, &settings.image, Format::Automatic).await;
        let reboot = session.call("host.reboot", vec![host[0].clone()]).await;
        session.log_out().await?;
        Ok((start, import, reboot))
    })
    .expect("the session itself works");
    let failure = Failure::from(start.unwrap_err());
    assert_eq!(failure.key(), Key::Settings);
    assert_eq!(
        failure.message(),
        format!(
            "refused to call `Async.VM.start`: it would change VM `{}`, which the settings do \
             not approve; approved VMs: 11111111-2222-3333-4444-555555555555",
            settings.vm
        )
    );
    let failure = Failure::from(import.unwrap_err());
    assert!(failure.message().contains(&settings.vdi), "{failure}");
    assert!(
        failure.message().ends_with("approved VDIs: none"),
        "{failure}"
    );
    assert_eq!(Failure::from(reboot.unwrap_err()).key(), Key::Settings);
    for method in ["VM.start", "task.create", "host.reboot"] {
        assert_eq!(simulation.host().calls(method), 0, "{method} was sent");
    }
}

#[test]
fn what_we_have_created_ourselves_may_be_changed_and_removed_in_a_later_session_too() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let vdi = in_session(&simulation, async |session| {
        let sr = vm::find(session, "SR", &settings.sr).await?;
        let record = json!({
            "name_label": "ours", "SR": sr, "virtual_size": 4 << 20, "type": "user",
            "sharable": false, "read_only": false, "other_config": {},
        });
        session.call("VDI.create", vec![record]).await
    })
    .expect("a VDI is created");
    in_session(&simulation, async |session| {
        session.call("VDI.destroy", vec![vdi.clone()]).await
    })
    .expect("it carries our mark");
    assert_eq!(simulation.host().count("VDI"), 1 + CD);
}

#[test]
fn an_image_larger_than_its_vdi_is_refused_with_both_sizes_before_anything_is_sent() {
    let simulation = simulation(&["small-vdi"]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &settings.image, Format::Automatic).await
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Settings);
    let image_bytes = std::fs::metadata(&settings.image).unwrap().len() as i64;
    assert_eq!(
        *detail(&failure, "image-bytes"),
        Detail::Integer(image_bytes)
    );
    let Detail::Integer(vdi_bytes) = detail(&failure, "vdi-bytes") else {
        panic!("a size is an integer");
    };
    assert!(*vdi_bytes < image_bytes);
    assert_eq!(simulation.host().calls("task.create"), 0);
}

#[test]
fn an_import_whose_task_fails_after_the_200_has_failed() {
    let simulation = simulation(&["import-fails"]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &settings.image, Format::Automatic).await
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Xapi);
    assert_eq!(*detail(&failure, "code"), Detail::from("VDI_IO_ERROR"));
    assert_eq!(
        failure.message(),
        format!(
            "cannot import `{}` into VDI `{}`: host answered VDI_IO_ERROR (reason: Device I/O \
             errors): reading or writing the disk failed",
            settings.image.display(),
            settings.vdi
        )
    );
}

#[test]
fn a_full_storage_repository_is_reported_with_its_code_and_what_to_do() {
    let simulation = simulation(&["sr-full"]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let sr = vm::find(session, "SR", &settings.sr).await?;
        let record = json!({
            "name_label": "x", "SR": sr, "virtual_size": 4 << 20, "type": "user",
            "sharable": false, "read_only": false, "other_config": {},
        });
        session.call("VDI.create", vec![record]).await
    })
    .unwrap_err();
    assert_eq!(*detail(&failure, "code"), Detail::from("SR_FULL"));
    assert!(failure.message().contains("4194304"), "{failure}");
    assert!(failure.hint_text().unwrap().contains("free space"));
    let failure = in_session(&simulation, async |session| {
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &settings.image, Format::Automatic).await
    })
    .unwrap_err();
    assert_eq!(
        *detail(&failure, "code"),
        Detail::from("SR_BACKEND_FAILURE_44")
    );
}

#[test]
fn a_guest_that_reports_no_address_is_given_up_at_the_deadline() {
    let simulation = simulation(&["no-address"]);
    let settings = simulation.settings().clone();
    let start = Instant::now();
    let failure = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &settings.image, Format::Automatic).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        wait_for_address(session, &vm, Duration::from_secs(3)).await
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Timeout);
    let expected = format!(
        "could not learn the address of VM `{}` within 3 s; last: agent: the guest's agent has \
         reported no address; xenstore: the guest has not written `vm-data/fruix/address`; \
         neighbours: no neighbour with MAC ",
        settings.vm
    );
    assert!(failure.message().starts_with(&expected), "{failure}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_disk_without_a_system_never_reports_anything() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        wait_for_address(session, &vm, Duration::from_secs(1)).await
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Timeout);
    assert!(
        failure.message().contains("reported nothing yet"),
        "{failure}"
    );
    assert_ne!(
        simulation.host().console(&settings.vm),
        Vec::<String>::new()
    );
}

#[test]
fn a_link_local_address_is_not_taken_for_the_guests() {
    let simulation = simulation(&["link-local-first", "no-ssh"]);
    let settings = simulation.settings().clone();
    let address = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        wait_for_address(session, &vm, Duration::from_secs(20)).await
    });
    assert_eq!(address.unwrap().to_string(), "127.0.0.1");
}

#[test]
fn a_vm_that_runs_already_is_refused_with_the_states_in_question() {
    let simulation = simulation(&["no-ssh"]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await
    })
    .unwrap_err();
    assert_eq!(
        *detail(&failure, "code"),
        Detail::from("VM_BAD_POWER_STATE")
    );
    let Detail::List(parameters) = detail(&failure, "parameters") else {
        panic!("parameters are a list");
    };
    assert_eq!(
        parameters[1..],
        [Detail::from("halted"), Detail::from("running")]
    );
}

#[test]
fn a_guest_that_does_not_answer_a_shutdown_request_can_be_shut_down_hard() {
    let simulation = simulation(&["no-ssh"]);
    let settings = simulation.settings().clone();
    let clean = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        let clean = vm::shut_down(session, &vm, Shutdown::Clean, Duration::from_secs(20)).await;
        vm::shut_down(session, &vm, Shutdown::Hard, Duration::from_secs(20)).await?;
        Ok(clean)
    })
    .expect("the hard shutdown works");
    assert_eq!(
        clean.unwrap_err().code(),
        Some("VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT")
    );
    assert_eq!(
        simulation.host().field("VM", &settings.vm, "power_state"),
        "Halted"
    );
}

#[test]
fn a_deadline_cancels_the_task_and_leaves_nothing() {
    let simulation = simulation(&["no-ssh"]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        vm::shut_down(session, &vm, Shutdown::Clean, Duration::from_millis(300)).await
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Timeout);
    assert!(failure.message().contains("task pending"), "{failure}");
}

#[test]
fn a_session_that_the_host_has_forgotten_is_renewed_once() {
    let simulation = simulation(&["session-expires=1"]);
    let vms = in_session(&simulation, async |session| {
        session.call("VM.get_all", vec![]).await
    });
    assert!(vms.unwrap().is_array());
    assert_eq!(simulation.host().calls("session.login_with_password"), 2);
}

#[test]
fn a_session_that_stays_invalid_is_an_error_without_its_reference() {
    let simulation = simulation(&["fail=VM.get_all:SESSION_INVALID:OpaqueRef-secret"]);
    let failure = run(async {
        let session = Session::log_in(login(simulation.settings())).await?;
        session.call("VM.get_all", vec![]).await
    })
    .unwrap_err();
    assert_eq!(
        failure.message(),
        "cannot call `VM.get_all`: host answered SESSION_INVALID: the host has ended the session"
    );
    assert!(!format!("{failure:?}").contains("secret"));
}

#[test]
fn any_method_can_be_called_by_name_and_its_error_names_it() {
    let simulation = simulation(&[]);
    let (brand, failure) = in_session(&simulation, async |session| {
        let hosts = session.call("host.get_all_records", vec![]).await?;
        let brand = hosts
            .as_object()
            .and_then(|hosts| hosts.values().next())
            .map(|host| host["software_version"]["product_brand"].clone());
        let failure = session
            .call("VM.get_record", vec![json!("OpaqueRef:nobody")])
            .await
            .unwrap_err();
        Ok((brand, failure))
    })
    .unwrap();
    assert_eq!(brand, Some(Value::from("XCP-ng")));
    assert_eq!(
        failure.to_string(),
        "cannot call `VM.get_record`: host answered HANDLE_INVALID (class: VM, handle: \
         OpaqueRef:nobody): the object does not exist, or no longer"
    );
}

#[test]
fn an_unknown_uuid_is_named() {
    let simulation = simulation(&[]);
    let failure = in_session(&simulation, async |session| {
        vm::find(session, "VM", "0f1f").await
    })
    .unwrap_err();
    assert_eq!(
        failure.message(),
        "cannot find VM `0f1f`: host answered UUID_INVALID (type: VM, uuid: 0f1f): no \
         object has this UUID"
    );
}

#[test]
fn what_a_crash_leaves_is_found_by_its_mark_and_removed_and_nothing_else_is() {
    let simulation = simulation(&[]);
    let before = (
        simulation.host().count("VM"),
        simulation.host().count("VDI"),
    );
    // A run that ends without tidying up.
    let vm_uuid = in_session(&simulation, async |session| {
        let sr = vm::find(session, "SR", &simulation.settings().sr).await?;
        let templates = session
            .call("VM.get_by_name_label", vec![json!("Other install media")])
            .await?;
        let vm = session
            .call("VM.clone", vec![templates[0].clone(), json!("left")])
            .await?;
        session.call("VM.provision", vec![vm.clone()]).await?;
        let record = json!({
            "name_label": "left", "SR": sr, "virtual_size": 4 << 20, "type": "user",
            "sharable": false, "read_only": false, "other_config": {"mine": "kept"},
        });
        let vdi = session.call("VDI.create", vec![record]).await?;
        let vbd = json!({
            "VM": vm, "VDI": vdi, "userdevice": "0", "bootable": true, "mode": "RW",
            "type": "Disk", "empty": false, "other_config": {},
            "qos_algorithm_type": "", "qos_algorithm_params": {},
        });
        session.call("VBD.create", vec![vbd]).await?;
        let vm = vm.as_str().unwrap_or_default();
        vm::start(session, vm, Duration::from_secs(20)).await?;
        session.uuid("VM", vm).await
    })
    .expect("all goes well");
    in_session(&simulation, async |session| {
        let left = lease::leftovers(session).await?;
        let seen: Vec<(&str, &str, &str, bool)> = left
            .iter()
            .map(|it| (it.class, it.name.as_str(), it.run.as_str(), it.expired))
            .collect();
        assert_eq!(
            seen,
            [
                ("VM", "left", "run-1", false),
                ("VDI", "left", "run-1", false)
            ]
        );
        assert_eq!(left[0].uuid, vm_uuid);
        lease::remove(session, &left[0]).await?;
        // It went with its VM, so there is nothing to do.
        lease::remove(session, &left[1]).await
    })
    .expect("all goes well");
    let after = (
        simulation.host().count("VM"),
        simulation.host().count("VDI"),
    );
    assert_eq!(after, before);
}

#[test]
fn a_copy_that_a_crash_has_left_unmarked_is_found_all_the_same() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let before = (
        simulation.host().count("VM"),
        simulation.host().count("VDI"),
    );
    // Of the crash is left what the host goes on with by itself.
    run(async {
        let session = Session::log_in(login(&settings)).await?;
        let vm = vm::find(&session, "VM", &settings.vm).await?;
        let vdi = vm::find(&session, "VDI", &settings.vdi).await?;
        for (method, params) in [
            ("Async.VM.clone", vec![json!(vm), json!("lost")]),
            ("Async.VDI.clone", vec![json!(vdi)]),
        ] {
            session.call(method, params).await?;
        }
        std::mem::forget(session);
        Ok(())
    })
    .expect("both are begun");
    while simulation.host().count("VDI") < before.1 + 2 {
        std::thread::sleep(Duration::from_millis(20));
    }
    run(async {
        let session = Session::log_in(login(&settings)).await?;
        let mut found = lease::leftovers(&session).await?;
        found.sort_by_key(|leftover| leftover.class);
        let seen: Vec<_> = found.iter().map(|it| (it.class, it.run.as_str())).collect();
        // The disk of the VM goes with it.
        assert_eq!(seen, [("VDI", "run-1"), ("VM", "run-1")]);
        // VMs first, as they are listed.
        for leftover in lease::leftovers(&session).await? {
            lease::remove(&session, &leftover).await?;
        }
        assert_eq!(lease::leftovers(&session).await?, []);
        session.log_out().await
    })
    .expect("they are found and removed");
    assert_eq!(
        (
            simulation.host().count("VM"),
            simulation.host().count("VDI")
        ),
        before
    );
    // Of a VM's copy nobody needs the task, and the host forgets it in an hour.
    assert_eq!(simulation.host().count("task"), 1);
}

#[test]
fn an_image_that_is_on_the_host_already_is_found_by_its_digest() {
    let simulation = simulation(&[]);
    in_session(&simulation, async |session| {
        let sr = vm::find(session, "SR", &simulation.settings().sr).await?;
        assert_eq!(lease::golden(session, &sr, "abc").await?, None);
        let (path, vdi) = sparse_image_and_fresh_vdi(session, &simulation, 16 << 20).await?;
        transfer::import(session, &vdi, &path, Format::Automatic).await?;
        lease::make_golden(session, &vdi, "abc").await?;
        assert_eq!(lease::golden(session, &sr, "abc").await?, Some(vdi.clone()));
        assert_eq!(lease::golden(session, &sr, "abd").await?, None);
        session.call("VDI.destroy", vec![json!(vdi)]).await
    })
    .expect("all goes well");
}

#[test]
fn a_mark_that_a_revert_copies_onto_the_approved_machine_means_nothing() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        let limit = Duration::from_secs(20);
        let params = vec![json!(vm), json!("before")];
        let snapshot = task::run(session, "VM.snapshot", params, limit, "snapshot").await?;
        task::run(session, "VM.revert", vec![snapshot], limit, "revert").await?;
        let left = lease::leftovers(session).await?;
        // The snapshot and its disk; not the VM's own new disk.
        assert_eq!(
            left.iter().map(|it| it.class).collect::<Vec<_>>(),
            ["VM", "VDI"]
        );
        for leftover in &left {
            lease::remove(session, leftover).await?;
        }
        let record = vm::record(session, "VM", &vm).await?;
        let disk = session
            .call("VBD.get_VDI", vec![record["VBDs"][0].clone()])
            .await?;
        let disk = disk.as_str().unwrap_or_default();
        // The new disk may be changed as the approved one might.
        transfer::import(session, disk, &settings.image, Format::Automatic).await
    })
    .expect("the VM still has its disk");
    assert_eq!(simulation.host().count("VDI"), 1 + CD);
}

/// Log in to SIMULATION with PATIENCE and do ACT; nothing may be left.
fn in_impatient_session<T>(
    simulation: &Simulation,
    patience: Duration,
    act: impl AsyncFnOnce(&Session) -> Result<T, XapiError>,
) -> Result<T, Failure> {
    let outcome = run(async {
        let session = Session::log_in(Login {
            patience,
            ..login(simulation.settings())
        })
        .await?;
        let outcome = act(&session).await;
        session.log_out().await?;
        outcome
    });
    assert_eq!(simulation.host().count("session"), 0, "a session is left");
    assert_eq!(simulation.host().count("task"), 0, "a task is left");
    outcome
}

#[test]
fn a_host_that_answers_too_late_is_given_up_at_the_deadline() {
    let simulation = simulation(&["slow=VM.get_all:10000"]);
    let start = Instant::now();
    let failure = in_impatient_session(&simulation, Duration::from_secs(1), async |session| {
        session.call("VM.get_all", vec![]).await
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Timeout);
    assert_eq!(
        failure.message(),
        "could not call `VM.get_all` within 1 s; last: the host has not answered"
    );
    assert!(start.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_call_that_only_reads_is_repeated_when_its_connection_is_lost() {
    let simulation = simulation(&["cut=VM.get_all@1", "cut=VM.get_all@2"]);
    let vms = in_session(&simulation, async |session| {
        session.call("VM.get_all", vec![]).await
    });
    assert!(vms.unwrap().is_array());
    assert_eq!(simulation.host().calls("VM.get_all"), 1);
}

#[test]
fn a_call_that_changes_something_is_never_sent_twice() {
    let simulation = simulation(&["cut=VDI.create@1"]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let sr = vm::find(session, "SR", &settings.sr).await?;
        let record = json!({
            "name_label": "x", "SR": sr, "virtual_size": 4 << 20, "type": "user",
            "sharable": false, "read_only": false, "other_config": {},
        });
        session.call("VDI.create", vec![record]).await
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Connection);
    assert!(failure.message().contains("without an answer"), "{failure}");
    assert_eq!(simulation.host().count("VDI"), 1 + CD, "it was repeated");
}

#[test]
fn a_vanished_task_means_that_the_outcome_is_unknown() {
    let simulation = simulation(&["tasks-vanish", "no-ssh"]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await
    })
    .unwrap_err();
    assert_eq!(
        failure.message(),
        format!(
            "cannot tell whether it worked to start VM `{}`: the host has forgotten the task",
            settings.vm
        )
    );
}

#[test]
fn an_import_that_stands_still_is_given_up_with_how_far_it_came() {
    let simulation = simulation(&["import-stalls=1000000"]);
    let settings = simulation.settings().clone();
    let failure = in_impatient_session(&simulation, Duration::from_secs(2), async |session| {
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &settings.image, Format::Raw).await
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Timeout);
    assert!(failure.message().contains("bytes and no more"), "{failure}");
}

#[test]
fn an_import_whose_connection_is_cut_asks_the_task_why() {
    let simulation = simulation(&["import-cut=5000000"]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &settings.image, Format::Raw).await
    })
    .unwrap_err();
    assert_eq!(*detail(&failure, "code"), Detail::from("VDI_IO_ERROR"));
}

#[test]
fn a_member_that_a_host_sends_twice_is_no_trouble() {
    let simulation = simulation(&["duplicate-member"]);
    let hosts = in_session(&simulation, async |session| {
        session.call("host.get_all_records", vec![]).await
    });
    let hosts = hosts.unwrap();
    let host = hosts.as_object().unwrap().values().next().unwrap().clone();
    assert_eq!(host["license_params"]["restrict_vtpm"], "false");
}

#[test]
fn an_address_from_before_the_start_does_not_count() {
    let simulation = simulation(&["stale-address", "no-ssh"]);
    let settings = simulation.settings().clone();
    let address = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        wait_for_address(session, &vm, Duration::from_secs(20)).await
    });
    assert_eq!(address.unwrap().to_string(), "127.0.0.1");
}

#[test]
fn a_vm_that_halts_while_its_address_is_awaited_ends_the_waiting() {
    let simulation = simulation(&["guest-hangs"]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        let halt = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            vm::shut_down(session, &vm, Shutdown::Hard, Duration::from_secs(20)).await
        };
        let (address, halted) = tokio::join!(
            wait_for_address(session, &vm, Duration::from_secs(30)),
            halt
        );
        halted?;
        address
    })
    .unwrap_err();
    assert!(failure.message().ends_with("the VM is halted"), "{failure}");
}

#[test]
fn two_clients_that_start_one_vm_at_once_are_kept_apart() {
    let simulation = simulation(&["no-ssh"]);
    let settings = simulation.settings().clone();
    let (one, other) = in_session(&simulation, async |session| {
        let second = Session::log_in(login(&settings)).await?;
        let vm = vm::find(session, "VM", &settings.vm).await?;
        let limit = Duration::from_secs(20);
        let both = tokio::join!(
            vm::start(session, &vm, limit),
            vm::start(&second, &vm, limit)
        );
        second.log_out().await?;
        Ok(both)
    })
    .unwrap();
    let failed: Vec<XapiError> = [one, other].into_iter().filter_map(Result::err).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].code(), Some("VM_BAD_POWER_STATE"));
}

// Only Linux answers on every address of 127.0.0.0/8 without being told to.
#[cfg(target_os = "linux")]
#[test]
fn a_member_of_a_pool_leads_to_its_master_when_the_masters_certificate_is_pinned_too() {
    let member = simulation(&["fail=session.login_with_password:HOST_IS_SLAVE:127.0.0.8"]);
    let port = member
        .settings()
        .host
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let master = Simulation::start(SimulationOptions {
        listen: std::net::SocketAddr::from(([127, 0, 0, 8], port)),
        ..SimulationOptions::default()
    })
    .expect("the port is free on another address");
    let password = Secret::from_file(&master.settings().password_file).unwrap();
    let both = |pins: Vec<String>| Login {
        certificates: pins,
        password: password.clone(),
        ..login(member.settings())
    };
    let member_pin = member.settings().certificate_sha256.clone();
    let master_pin = master.settings().certificate_sha256.clone();
    run(async {
        let session = Session::log_in(both(vec![member_pin.clone(), master_pin])).await?;
        assert!(session.endpoint().url().contains("127.0.0.8"));
        session.log_out().await
    })
    .expect("both are known");
    let failure = run(Session::log_in(both(vec![member_pin.clone()]))).unwrap_err();
    assert_eq!(failure.key(), Key::Trust);
    assert!(failure.message().contains("127.0.0.8"), "{failure}");
    // A member that knows its master's certificate vouches for it.
    member.host().add_mishap(
        format!("member=127.0.0.8/{}", master.settings().certificate_sha256)
            .parse()
            .unwrap(),
    );
    run(async {
        let session = Session::log_in(both(vec![member_pin])).await?;
        assert!(session.endpoint().url().contains("127.0.0.8"));
        session.log_out().await
    })
    .expect("the member has told which certificate the master shows");
}

#[test]
fn the_member_of_the_simulated_pool_sends_everybody_to_its_master_and_vouches_for_it() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let (address, pin) = in_session(&simulation, async |session| {
        let hosts = session.call("host.get_all_records", vec![]).await?;
        let (member, record) = hosts
            .as_object()
            .unwrap()
            .iter()
            .find(|(_, record)| record["name_label"] == "xcp-ng-simulated-2")
            .expect("there is a member");
        let certificates = session.call("Certificate.get_all_records", vec![]).await?;
        let certificate = certificates
            .as_object()
            .unwrap()
            .values()
            .find(|it| it["host"] == member.as_str())
            .expect("the member has a certificate");
        Ok((
            record["address"].clone(),
            certificate["fingerprint"].clone(),
        ))
    })
    .unwrap();
    let port = settings.host.rsplit(':').next().unwrap();
    let at_member = Login {
        host: format!("https://{}:{port}", address.as_str().unwrap()),
        certificates: vec![pin.as_str().unwrap().to_owned()],
        ..login(&settings)
    };
    let url = run(async {
        let session = Session::log_in(at_member).await?;
        let url = session.endpoint().url();
        session.log_out().await?;
        Ok(url)
    });
    assert_eq!(url.unwrap(), settings.host);
}

#[test]
fn what_a_host_refuses_for_a_moment_is_asked_again() {
    for mishap in [
        "fail=session.login_with_password@1:HOST_STILL_BOOTING",
        "fail=VM.start@1:VDI_IN_USE:OpaqueRef\\:x:attach",
        "fail=VM.start@1:OTHER_OPERATION_IN_PROGRESS:VM:r:snapshot:t",
        "fail=VM.start@1:SR_BACKEND_FAILURE_46::not available:",
        "fail=task.create@1:TOO_MANY_PENDING_TASKS",
        "fail=VDI.destroy@1:VDI_IN_USE:OpaqueRef\\:x:destroy",
    ] {
        let simulation = simulation(&[mishap]);
        let settings = simulation.settings().clone();
        in_session(&simulation, async |session| {
            let vm = vm::find(session, "VM", &settings.vm).await?;
            let sr = vm::find(session, "SR", &settings.sr).await?;
            let task = task::create(session, "a task").await?;
            task::abandon(session, &task).await;
            let record = json!({
                "name_label": "ours", "SR": sr, "virtual_size": 4 << 20, "type": "user",
                "sharable": false, "read_only": false, "other_config": {},
            });
            let vdi = session.call("VDI.create", vec![record]).await?;
            session.call("VDI.destroy", vec![vdi]).await?;
            vm::start(session, &vm, Duration::from_secs(20)).await?;
            vm::shut_down(session, &vm, Shutdown::Hard, Duration::from_secs(20)).await
        })
        .unwrap_or_else(|failure| panic!("{mishap}: {failure}"));
    }
    // What may not be repeated is refused at once, and by name.
    let simulation =
        self::simulation(&["fail=VM.start:HOST_NOT_ENOUGH_FREE_MEMORY:4294967296:1073741824"]);
    let settings = simulation.settings().clone();
    let start = Instant::now();
    let failure = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await
    })
    .unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(
        failure
            .message()
            .contains("(needed: 4294967296, available: 1073741824)"),
        "{failure}"
    );
    assert_eq!(simulation.host().calls("VM.start"), 1);
    // One that stays says how often it was tried.
    let simulation = self::simulation(&["fail=VM.start:VDI_IN_USE"]);
    let settings = simulation.settings().clone();
    let failure = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(2)).await
    })
    .unwrap_err();
    assert!(
        failure.message().contains(", which was tried "),
        "{failure}"
    );
}

/// A settings file for what is on SIMULATION, as a maintainer would write it.
fn settings_file(simulation: &Simulation) -> std::path::PathBuf {
    let settings = simulation.settings();
    let path = simulation.directory().join("settings.scm");
    let text = format!(
        "((host . {:?}) (user . {:?}) (password-file . {:?}) (certificate-sha256 . {:?})
          (approved (vms {:?}) (vdis {:?})) (vm . {:?}) (vdi . {:?}) (image . {:?}))",
        settings.host,
        settings.user,
        settings.password_file,
        settings.certificate_sha256,
        settings.vm,
        settings.vdi,
        settings.vm,
        settings.vdi,
        settings.image,
    );
    std::fs::write(&path, text).expect("the directory can be written");
    path
}

/// Log in as the settings say.
const LOG_IN: &str = r#"
    (use-modules (fruix xapi) (fruix settings))
    (define session
      (xapi-login #:host (setting 'host)
                  #:user (setting 'user)
                  #:password-file (setting 'password-file)
                  #:certificate-sha256 (setting 'certificate-sha256)
                  #:approved-vms (setting 'approved/vms)
                  #:approved-vdis (setting 'approved/vdis)))
    (define vm (xapi-vm-find session (setting 'vm)))
    (define vdi (xapi-vdi-find session (setting 'vdi)))
"#;

/// The binary, about to run PROGRAM with what is on SIMULATION in its settings.
fn program(simulation: &Simulation, program: &str) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fruix-scm"));
    command
        .arg("--config")
        .arg(settings_file(simulation))
        .arg("-c")
        .arg(format!("(begin {LOG_IN} {program})"))
        .env("XDG_CONFIG_HOME", simulation.directory())
        .env("XDG_STATE_HOME", simulation.directory());
    command
}

#[test]
fn a_program_in_scheme_sees_records_errors_and_refusals_as_data() {
    let simulation = simulation(&["no-ssh"]);
    let output = program(
        &simulation,
        r#"
        (define (caught thunk)
          (catch #t thunk (lambda (key . arguments) (cons key arguments))))
        (write (xapi-ref (xapi-vm-record session vm) 'power_state))
        (newline)
        (xapi-vm-start session vm)
        (write (xapi-vm-address session vm #:timeout-seconds 20))
        (newline)
        (let ((error (caught (lambda () (xapi-vm-start session vm)))))
          (write (list (car error) (xapi-error-code (cdr error))
                       (cdr (xapi-error-parameters (cdr error))))))
        (newline)
        (let ((error (caught (lambda () (xapi-call session "host.reboot" "h")))))
          (write (car error)))
        (newline)
        (write (xapi-ref (xapi-call session "VM.get_record" vm) 'HVM_boot_params "firmware"))
        (newline)
        (xapi-vm-shutdown session vm #:hard? #t)
        (write (xapi-vm-power-state session vm))
        "#,
    )
    .output()
    .expect("the binary runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "\"Halted\"\n\"127.0.0.1\"\n(xapi-error \"VM_BAD_POWER_STATE\" (\"halted\" \"running\"))\n\
         settings-error\n\"uefi\"\n\"Halted\"",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        simulation.host().count("session"),
        0,
        "nobody has logged out"
    );
}

#[test]
fn an_interrupt_while_waiting_ends_with_130_and_leaves_no_session_and_no_task() {
    use std::io::Read;
    let simulation = simulation(&["no-address", "no-ssh"]);
    let mut child = program(
        &simulation,
        r#"
        (xapi-vm-start session vm)
        (display "waiting\n")
        (force-output)
        (xapi-vm-address session vm #:timeout-seconds 60)
        "#,
    )
    .stdout(std::process::Stdio::piped())
    .stderr(std::process::Stdio::piped())
    .spawn()
    .expect("the binary runs");
    let mut stdout = child.stdout.take().expect("it is piped");
    let mut said = [0; 8];
    if stdout.read_exact(&mut said).is_ok() {
        std::thread::sleep(Duration::from_millis(300));
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT)
            .expect("the program is running");
    }
    let output = child.wait_with_output().expect("the program ends");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{errors}");
    assert!(errors.contains("interrupted"), "{errors}");
    hold_no_secret("an interrupted program", &errors);
    assert_eq!(simulation.host().count("session"), 0, "a session is left");
    assert_eq!(simulation.host().count("task"), 0, "a task is left");
}

#[test]
fn the_binary_exits_with_3_when_the_host_or_the_settings_say_no() {
    for (mishap, expected) in [
        ("refuse-login", "SESSION_AUTHENTICATION_FAILED"),
        ("wrong-certificate", "is not the pinned one"),
        ("small-vdi", "nothing was sent"),
        ("import-fails", "VDI_IO_ERROR"),
        ("sr-full", "SR_BACKEND_FAILURE_44"),
    ] {
        let simulation = simulation(&[mishap]);
        let password = std::fs::read_to_string(&simulation.settings().password_file).unwrap();
        let output = program(
            &simulation,
            "(xapi-vdi-import session vdi (setting 'image))",
        )
        .output()
        .expect("the binary runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{mishap}: {errors}");
        assert!(errors.contains(expected), "{mishap}: {errors}");
        assert!(!errors.contains("OpaqueRef"), "{mishap}: {errors}");
        assert!(
            password.starts_with(SECRET_MARK),
            "a search would not find it"
        );
        hold_no_secret(mishap, &errors);
        hold_no_secret(mishap, &String::from_utf8_lossy(&output.stdout));
        assert_eq!(simulation.host().count("session"), 0, "{mishap}");
        assert_eq!(simulation.host().count("task"), 0, "{mishap}");
    }
}

#[test]
fn a_host_without_json_rpc_is_spoken_to_in_xml_rpc() {
    let simulation = simulation(&["no-json-rpc"]);
    let settings = simulation.settings().clone();
    let address = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &settings.image, Format::Automatic).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        let address = wait_for_address(session, &vm, Duration::from_secs(20)).await?;
        vm::shut_down(session, &vm, Shutdown::Clean, Duration::from_secs(20)).await?;
        let refused = vm::find(session, "VM", "nobody").await.unwrap_err();
        assert_eq!(refused.code(), Some("UUID_INVALID"));
        Ok(address)
    });
    assert_eq!(address.expect("all goes well").to_string(), "127.0.0.1");
}

#[test]
fn a_login_that_is_cut_off_is_not_repeated_in_another_dialect() {
    let simulation = simulation(&["cut=session.login_with_password"]);
    let failure = run(Session::log_in(login(simulation.settings()))).unwrap_err();
    assert_eq!(failure.key(), Key::Connection);
}

#[test]
fn an_import_follows_the_host_to_another_one_that_the_pool_vouches_for() {
    let simulation = simulation(&["redirect"]);
    let settings = simulation.settings().clone();
    in_session(&simulation, async |session| {
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &settings.image, Format::Automatic).await?;
        verify::verify(session, &vdi, &settings.image).await
    })
    .expect("its certificate is in the pool's list");
    assert_eq!(simulation.host().calls("Certificate.get_all_records"), 1);
}

#[test]
fn an_import_is_not_sent_to_a_host_that_nobody_vouches_for() {
    let simulation = simulation(&["redirect-to-stranger"]);
    let settings = simulation.settings().clone();
    let before = std::fs::read(simulation.host().disk(&settings.vdi)).unwrap();
    let failure = in_session(&simulation, async |session| {
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &settings.image, Format::Automatic).await
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Trust);
    assert!(std::fs::read(simulation.host().disk(&settings.vdi)).unwrap() == before);
}

#[test]
fn a_disk_that_fills_up_in_the_middle_says_so() {
    for format in [Format::Raw, Format::Vhd, Format::Chunked] {
        let simulation = simulation(&["import-fills-up=10000"]);
        let failure = in_session(&simulation, async |session| {
            let (path, vdi) = sparse_image_and_fresh_vdi(session, &simulation, 16 << 20).await?;
            let outcome = transfer::import(session, &vdi, &path, format).await;
            session.call("VDI.destroy", vec![json!(vdi)]).await?;
            outcome
        })
        .unwrap_err();
        assert_eq!(
            *detail(&failure, "code"),
            Detail::from("SR_BACKEND_FAILURE_44"),
            "{format:?}"
        );
        assert_eq!(simulation.host().count("VDI"), 1 + CD);
    }
}

#[test]
fn a_certificate_that_changes_in_the_middle_stops_the_work_with_both_shown() {
    let simulation = simulation(&["certificate-changes=2"]);
    let settings = simulation.settings().clone();
    let failure = run(async {
        let session = Session::log_in(login(&settings)).await?;
        let vdi = vm::find(&session, "VDI", &settings.vdi).await?;
        let outcome = transfer::import(&session, &vdi, &settings.image, Format::Automatic).await;
        // Nobody can log out of a host that is not trusted any more.
        assert!(session.log_out().await.is_err());
        outcome
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Trust);
    assert!(failure.message().contains(&settings.certificate_sha256));
}

#[test]
fn a_toolstack_that_restarts_under_an_import_is_survived_by_the_session() {
    let simulation = simulation(&["import-stalls=1000000", "toolstack-restarts=0.7"]);
    let settings = simulation.settings().clone();
    let (import, vms) = in_session(&simulation, async |session| {
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        let import = transfer::import(session, &vdi, &settings.image, Format::Raw).await;
        Ok((import, session.call("VM.get_all", vec![]).await?))
    })
    .expect("the session is still there");
    let failure = Failure::from(import.unwrap_err());
    assert_eq!(failure.key(), Key::Connection, "{failure}");
    assert!(vms.is_array());
}

#[test]
fn a_host_that_dies_is_given_up_at_the_deadline() {
    let simulation = simulation(&["guest-hangs", "host-dies=0.7"]);
    let settings = simulation.settings().clone();
    let start = Instant::now();
    let failure = run(async {
        let session = Session::log_in(Login {
            patience: Duration::from_secs(2),
            ..login(&settings)
        })
        .await?;
        let vm = vm::find(&session, "VM", &settings.vm).await?;
        vm::start(&session, &vm, Duration::from_secs(20)).await?;
        let outcome = wait_for_address(&session, &vm, Duration::from_secs(30)).await;
        let _ = session.log_out().await;
        outcome
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Connection, "{failure}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_guest_that_reboots_is_found_again() {
    let simulation = simulation(&["guest-reboots", "no-ssh"]);
    let settings = simulation.settings().clone();
    in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, Duration::from_secs(20)).await?;
        let first = wait_for_address(session, &vm, Duration::from_secs(20)).await?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while vm::record(session, "VM", &vm).await?["domid"] == json!(1) {
            assert!(Instant::now() < deadline, "it has not rebooted");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let second = wait_for_address(session, &vm, Duration::from_secs(20)).await?;
        assert_eq!(first, second);
        vm::shut_down(session, &vm, Shutdown::Hard, Duration::from_secs(20)).await
    })
    .expect("all goes well");
}

#[test]
fn a_guest_without_an_agent_is_found_by_what_it_writes_to_xenstore_or_by_its_lease() {
    let simulation = simulation(&["no-agent", "no-ssh"]);
    let settings = simulation.settings().clone();
    let limit = Duration::from_secs(20);
    in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        vm::start(session, &vm, limit).await?;
        let address = wait_for_address(session, &vm, limit).await?;
        assert_eq!(address.to_string(), "127.0.0.1");
        let sources = Sources {
            given: "192.0.2.1".parse().ok(),
            lease_files: vec![settings.lease_file.clone()],
        };
        let seen = address::look(session, &vm, &sources).await?;
        let by = |source: &str| {
            let found = seen.all.iter().find(|sighting| sighting.source == source);
            found.expect("it was asked").outcome.clone()
        };
        assert_eq!(by("given"), Ok("192.0.2.1".parse().unwrap()));
        assert!(by("agent").unwrap_err().contains("no address"));
        assert_eq!(by("xenstore"), Ok(address));
        assert_eq!(by("leases"), Ok(address));
        assert!(by("neighbours").unwrap_err().contains("no neighbour"));
        // A start that nobody has given a nonce shows the old address, which does not count.
        vm::shut_down(session, &vm, Shutdown::Hard, limit).await?;
        let data = vm::record(session, "VM", &vm).await?["xenstore_data"].clone();
        assert!(data[address::ADDRESS].is_string());
        session
            .call(
                "VM.remove_from_xenstore_data",
                vec![json!(vm), json!(address::NONCE)],
            )
            .await?;
        let params = vec![json!(vm), json!(true), json!(false)];
        session.call("VM.start", params).await?;
        session.call("VM.unpause", vec![json!(vm)]).await?;
        let seen = address::look(session, &vm, &Sources::default()).await?;
        assert!(
            seen.describe().contains("of another boot"),
            "{}",
            seen.describe()
        );
        Ok(())
    })
    .expect("all goes well");
}

#[test]
fn what_differs_from_the_image_is_found_in_blocks_that_came_and_in_those_that_did_not() {
    use std::os::unix::fs::FileExt;
    let simulation = simulation(&[]);
    let size: u64 = (32 << 20) + 512;
    in_session(&simulation, async |session| {
        let (path, vdi) = sparse_image_and_fresh_vdi(session, &simulation, size).await?;
        transfer::import(session, &vdi, &path, Format::Automatic).await?;
        let uuid = session.uuid("VDI", &vdi).await?;
        let disk = std::fs::File::options()
            .write(true)
            .open(simulation.host().disk(&uuid))
            .unwrap();
        let image = std::fs::File::options().write(true).open(&path).unwrap();
        // A byte in a block with data, one in a block without, and one that only the image has.
        for (file, at) in [(&disk, 5000), (&disk, 20 << 20), (&image, 14 << 20)] {
            assert_eq!(verify::verify(session, &vdi, &path).await?, size);
            file.write_all_at(b"!", at).unwrap();
            let error = verify::verify(session, &vdi, &path).await.unwrap_err();
            let expected = format!("differs from the image at byte {at}");
            assert!(error.to_string().contains(&expected), "{error}");
            file.write_all_at(&[0], at).unwrap();
        }
        session.call("VDI.destroy", vec![json!(vdi)]).await
    })
    .expect("all goes well");
}

#[test]
fn a_disk_is_replaced_by_a_fresh_one_and_put_back() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let disks =
        || std::fs::read(simulation.host().disk(&settings.vdi)).expect("the old disk is there");
    let before = disks();
    let limit = Duration::from_secs(20);
    in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        let old = vm::find(session, "VDI", &settings.vdi).await?;
        let image = &settings.image;
        let first = replace::replace(session, &vm, &old, image, Format::Automatic).await?;
        assert_ne!(first.vdi, old);
        // Once more: the second takes the place of the first, which goes.
        let second = replace::replace(session, &vm, &old, image, Format::Automatic).await?;
        assert_eq!(simulation.host().count("VDI"), 2 + CD);
        assert_eq!(simulation.host().count("VBD"), 1);
        vm::start(session, &vm, limit).await?;
        wait_for_address(session, &vm, limit).await?;
        let refused = replace::restore(session, &vm, &old).await.unwrap_err();
        assert!(
            refused.to_string().contains("only a halted one"),
            "{refused}"
        );
        vm::shut_down(session, &vm, Shutdown::Hard, limit).await?;
        let fresh = vm::record(session, "VDI", &second.vdi).await?;
        assert!(
            fresh["name_label"]
                .as_str()
                .unwrap_or_default()
                .ends_with("(fruix-scm)")
        );
        assert!(replace::restore(session, &vm, &old).await?);
        assert!(!replace::restore(session, &vm, &old).await?);
        // A crash leaves one; what finds it puts the old disk back.
        replace::replace(session, &vm, &old, image, Format::Automatic).await?;
        for leftover in lease::leftovers(session).await? {
            lease::remove(session, &leftover).await?;
        }
        let vbd = vm::record(session, "VM", &vm).await?["VBDs"][0].clone();
        let vbd = vm::record(session, "VBD", vbd.as_str().unwrap_or_default()).await?;
        assert_eq!(vbd["VDI"], json!(old));
        assert_eq!(
            (vbd["userdevice"].clone(), vbd["bootable"].clone()),
            (json!("0"), json!(true))
        );
        Ok(())
    })
    .expect("all goes well");
    assert_eq!(simulation.host().count("VDI"), 1 + CD);
    assert!(disks() == before, "the old disk was written to");
}

#[test]
fn a_replacement_that_fails_leaves_the_machine_as_it_was() {
    for (mishap, code) in [
        ("import-fails", "VDI_IO_ERROR"),
        (
            "fail=VBD.create@1:DEVICE_ALREADY_EXISTS:0",
            "DEVICE_ALREADY_EXISTS",
        ),
        ("sr-full", "SR_FULL"),
    ] {
        let simulation = simulation(&[mishap]);
        let settings = simulation.settings().clone();
        let failure = in_session(&simulation, async |session| {
            let vm = vm::find(session, "VM", &settings.vm).await?;
            let old = vm::find(session, "VDI", &settings.vdi).await?;
            let image = &settings.image;
            let outcome = replace::replace(session, &vm, &old, image, Format::Automatic).await;
            let vbd = vm::record(session, "VM", &vm).await?["VBDs"][0].clone();
            let vbd = vm::record(session, "VBD", vbd.as_str().unwrap_or_default()).await?;
            assert_eq!(vbd["VDI"], json!(old), "{mishap}");
            outcome
        })
        .unwrap_err();
        assert_eq!(*detail(&failure, "code"), Detail::from(code));
        assert_eq!(simulation.host().count("VDI"), 1 + CD, "{mishap}");
    }
}

/// Width, height and SHA-256 of the pixels of the PNG at PATH, as Python finds them.
fn png(path: &Path) -> (u16, u16, String) {
    let output = std::process::Command::new("python3")
        .arg("tests/sim/read_png.py")
        .arg(path)
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("it prints numbers");
    let [width, height, digest] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("it prints three things, not {text}");
    };
    let number = |text: &str| text.parse().expect("it is a number");
    (number(width), number(height), digest.to_owned())
}

#[test]
fn the_screen_of_a_vm_is_seen_and_what_is_written_is_a_png_of_it() {
    let simulation = simulation(&[]);
    let settings = simulation.settings().clone();
    let limit = Duration::from_secs(20);
    let (empty, booted) = in_session(&simulation, async |session| {
        let vm = vm::find(session, "VM", &settings.vm).await?;
        let refused = console::picture(session, &vm).await.unwrap_err();
        assert!(
            refused.to_string().contains("it has no screen"),
            "{refused}"
        );
        // A machine with nothing on its disk says so, and one that boots says more.
        vm::start(session, &vm, limit).await?;
        while simulation.host().console(&settings.vm).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let empty = console::picture(session, &vm).await?;
        vm::shut_down(session, &vm, Shutdown::Hard, limit).await?;
        let vdi = vm::find(session, "VDI", &settings.vdi).await?;
        transfer::import(session, &vdi, &settings.image, Format::Automatic).await?;
        vm::start(session, &vm, limit).await?;
        wait_for_address(session, &vm, limit).await?;
        let booted = console::picture(session, &vm).await?;
        Ok((empty, booted))
    })
    .expect("all goes well");
    assert_eq!((empty.width, empty.height), (640, 400));
    let lit = |picture: &console::Picture| {
        let pixels = picture.pixels.chunks(3);
        pixels.filter(|pixel| pixel[0] == 170).count()
    };
    assert!(lit(&empty) > 0, "nothing is on the screen");
    assert_ne!(empty, booted, "the screen is the same whatever happens");
    let directory = simulation.directory();
    let ours = directory.join("ours.png");
    std::fs::write(&ours, booted.png().expect("it can be written")).unwrap();
    let pixels = directory.join("pixels");
    std::fs::write(&pixels, &booted.pixels).unwrap();
    let digest = fruix_scm::digest::sha256_of_file(&pixels).unwrap();
    assert_eq!(png(&ours), (640, 400, digest.to_string()));
    // The same machine, seen from a program.
    let output = program(
        &simulation,
        &format!(
            "(xapi-vm-screenshot session vm {:?})",
            directory.join("scheme.png")
        ),
    )
    .output()
    .expect("the binary runs");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(png(&directory.join("scheme.png")), png(&ours));
}

/// What VALUE is made of, without what it says.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => {
            let mut shapes: Vec<Value> = items.iter().map(shape).collect();
            shapes.dedup();
            shapes.into()
        }
        Value::String(_) => "string".into(),
        Value::Number(number) if number.is_f64() => "float".into(),
        Value::Number(_) => "integer".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Null => Value::Null,
    }
}

#[test]
fn records_and_fields_are_of_the_same_types_in_both_dialects() {
    const CLASSES: [&str; 12] = [
        "pool",
        "host",
        "host_metrics",
        "host_cpu",
        "SR",
        "VDI",
        "VBD",
        "VIF",
        "VM",
        "VM_metrics",
        "network",
        "PIF",
    ];
    let seen = |mishaps: &[&str]| {
        let simulation = simulation(mishaps);
        let settings = simulation.settings().clone();
        in_session(&simulation, async |session| {
            let vm = vm::find(session, "VM", &settings.vm).await?;
            let mut shapes = Vec::new();
            for class in CLASSES {
                let records = session
                    .call(&format!("{class}.get_all_records"), vec![])
                    .await?;
                let mut all: Vec<Value> =
                    records.as_object().unwrap().values().map(shape).collect();
                // References are random, and so is the order that follows from them.
                all.sort_by_key(ToString::to_string);
                shapes.push(Value::Array(all));
            }
            for method in [
                "VM.get_memory_static_max",
                "VM.get_VCPUs_max",
                "VM.get_uuid",
            ] {
                shapes.push(shape(&session.call(method, vec![json!(vm)]).await?));
            }
            let events = session
                .call(
                    "event.from",
                    vec![json!(["vdi", "pool"]), json!(""), json!(1.0)],
                )
                .await?;
            let mut all: Vec<Value> = events["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(shape)
                .collect();
            all.sort_by_key(ToString::to_string);
            shapes.push(all.into());
            Ok(shapes)
        })
        .expect("reading is free")
    };
    let (json, xml) = (seen(&[]), seen(&["no-json-rpc"]));
    assert!(
        json.iter().any(|it| it == "integer"),
        "nothing is an integer"
    );
    for (json, xml) in json.iter().zip(&xml) {
        assert_eq!(json, xml);
    }
}
