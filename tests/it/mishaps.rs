//! Whatever goes wrong on the host: the life of a machine of our own, from a disk
//! to its end, comes to the right end in time, and nothing of it is left.

use fruix_scm::failure::{Failure, Key};
use fruix_scm::runtime;
use fruix_scm::sim::mishap::{self, Mishap};
use fruix_scm::sim::{Simulation, SimulationOptions, SimulationSettings};
use fruix_scm::xapi::address::{self, Sources};
use fruix_scm::xapi::lease::{self, Lease};
use fruix_scm::xapi::lock;
use fruix_scm::xapi::transfer::{self, Format};
use fruix_scm::xapi::vm::{self, Shutdown};
use fruix_scm::xapi::{Approved, Login, Secret, Session, XapiError, verify};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How it ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Well,
    /// Well, or with the loss of a call that may not be sent twice.
    WellOrLost,
    /// With this error of the host.
    Code(&'static str),
    /// With this key, and these words in the message.
    Key(Key, &'static str),
    /// The same, and nobody can tidy up on a host like that.
    Gone(Key, &'static str),
}

/// What goes wrong, and how the life of a machine ends then.
const CASES: &[(&str, End)] = &[
    ("refuse-login", End::Code("SESSION_AUTHENTICATION_FAILED")),
    (
        "wrong-certificate",
        End::Key(Key::Trust, "not the pinned one"),
    ),
    (
        "no-address",
        End::Key(Key::Timeout, "has reported no address"),
    ),
    (
        "guest-hangs",
        End::Key(Key::Timeout, "reported nothing yet"),
    ),
    ("no-ssh", End::Well),
    ("link-local-first", End::Well),
    ("stale-address", End::Well),
    ("no-agent", End::Well),
    ("guest-reboots", End::Well),
    // Concerns the approved disk; its own test is in xapi.rs.
    ("small-vdi", End::Well),
    ("sr-full", End::Code("SR_FULL")),
    ("import-fails", End::Code("VDI_IO_ERROR")),
    (
        "import-stalls=5000",
        End::Key(Key::Timeout, "could not import"),
    ),
    ("import-cut=5000", End::Code("VDI_IO_ERROR")),
    ("import-fills-up=5000", End::Code("SR_BACKEND_FAILURE_44")),
    (
        "tasks-vanish",
        End::Key(Key::Xapi, "has forgotten the task"),
    ),
    ("duplicate-member", End::Well),
    ("no-json-rpc", End::Well),
    ("redirect", End::Well),
    (
        "redirect-to-stranger",
        End::Key(Key::Trust, "not the pinned one"),
    ),
    ("session-expires=5", End::Well),
    ("session-expires=30", End::Well),
    (
        "certificate-changes=12",
        End::Gone(Key::Trust, "not the pinned one"),
    ),
    (
        "fail=VM.start:NO_HOSTS_AVAILABLE",
        End::Code("NO_HOSTS_AVAILABLE"),
    ),
    (
        "cut=VDI.create@1",
        End::Key(Key::Connection, "without an answer"),
    ),
    ("cut=VM.get_record@2", End::Well),
    // It is there all the same, and found by its marks.
    (
        "mute=VDI.create@1",
        End::Key(Key::Connection, "without an answer"),
    ),
    ("mute=VM.get_record@2", End::Well),
    ("idempotent-map", End::Well),
    (
        "slow=VDI.create:4000",
        End::Key(Key::Timeout, "has not answered"),
    ),
    ("toolstack-restarts=0.3", End::WellOrLost),
    ("host-dies=0.3", End::Gone(Key::Connection, "cannot")),
    ("member=127.0.0.9", End::Key(Key::Connection, "127.0.0.9")),
];

/// No end may be further away than this, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn login(settings: &SimulationSettings) -> Login {
    Login {
        host: settings.host.clone(),
        user: settings.user.clone(),
        password: Secret::from_file(&settings.password_file).expect("the password file is there"),
        certificates: vec![settings.certificate_sha256.clone()],
        approved: Approved::default(),
        patience: Duration::from_secs(3),
        lock_lease: lock::LEASE,
        lease: Lease::new("test", "mishap", Duration::from_secs(3600)),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A machine of our own: made, booted from an imported disk with SIZE bytes of data,
/// found, shut down.
async fn life(
    session: &Session,
    settings: &SimulationSettings,
    size: usize,
) -> Result<(), XapiError> {
    let limit = Duration::from_secs(20);
    session.call("host.get_all_records", vec![]).await?;
    let sr = vm::find(session, "SR", &settings.sr).await?;
    let record = json!({
        "name_label": "mishap", "SR": sr, "virtual_size": size + (2 << 20), "type": "user",
        "sharable": false, "read_only": false, "other_config": {},
    });
    let vdi = session.call("VDI.create", vec![record]).await?;
    let image = settings.image.with_file_name("mishap.img");
    std::fs::write(&image, vec![7; size]).expect("the directory can be written");
    transfer::import(session, text(&vdi), &image, Format::Automatic).await?;
    verify::verify(session, text(&vdi), &image).await?;
    let templates = session
        .call("VM.get_by_name_label", vec![json!("Other install media")])
        .await?;
    let machine = session
        .call("VM.clone", vec![templates[0].clone(), json!("mishap")])
        .await?;
    session.call("VM.provision", vec![machine.clone()]).await?;
    let vbd = json!({
        "VM": machine, "VDI": vdi, "userdevice": "0", "bootable": true, "mode": "RW",
        "type": "Disk", "empty": false, "other_config": {},
        "qos_algorithm_type": "", "qos_algorithm_params": {},
    });
    session.call("VBD.create", vec![vbd]).await?;
    vm::start(session, text(&machine), limit).await?;
    let patience = Duration::from_secs(2);
    address::wait(session, text(&machine), &Sources::default(), patience).await?;
    vm::shut_down(session, text(&machine), Shutdown::Hard, limit).await
}

async fn in_session(settings: &SimulationSettings, size: usize) -> Result<(), XapiError> {
    let session = Session::log_in(login(settings)).await?;
    let outcome = life(&session, settings, size).await;
    let _ = session.log_out().await;
    outcome
}

/// What `runs gc --host` does, in a session of its own.
async fn tidy(settings: &SimulationSettings) -> Result<(), XapiError> {
    let session = Session::log_in(login(settings)).await?;
    let mut outcome = Ok(());
    for leftover in lease::leftovers(&session).await? {
        outcome = outcome.and(lease::remove(&session, &leftover).await);
    }
    session.log_out().await?;
    outcome
}

fn run<T>(future: impl Future<Output = Result<T, XapiError>>) -> Result<T, Failure> {
    runtime::wait("testing", DEADLINE, future)
}

fn end_of(spec: &str, end: End) -> Result<(), String> {
    let mut mishaps = vec![spec.parse().map_err(|error| format!("{error}"))?];
    if spec != "guest-hangs" {
        // A guest that boots in no time; what is told of its address stays.
        mishaps.push(Mishap::NoSsh);
    }
    if spec.starts_with("toolstack-restarts") || spec.starts_with("host-dies") {
        // So that it happens before the end.
        mishaps.push(Mishap::Slow {
            method: "VM.get_by_name_label".to_owned(),
            milliseconds: 800,
        });
    }
    let simulation = Simulation::start(SimulationOptions {
        mishaps,
        ..SimulationOptions::default()
    })
    .map_err(|failure| failure.to_string())?;
    let host = simulation.host();
    let settings = simulation.settings();
    let before = (host.count("VM"), host.count("VDI"));
    let began = Instant::now();
    // What the sockets swallow is on its way, and may take ten times as long.
    let size = if spec.starts_with("import-stalls") {
        32 << 20
    } else {
        3 << 20
    };
    let outcome = run(in_session(settings, size));
    if began.elapsed() > DEADLINE {
        return Err(format!("it took {:?}", began.elapsed()));
    }
    match (end, &outcome) {
        (End::Well | End::WellOrLost, Ok(())) => {}
        (End::WellOrLost, Err(failure)) if failure.key() == Key::Connection => {}
        (End::Code(code), Err(failure)) if failure.message().contains(code) => {}
        (End::Key(key, words) | End::Gone(key, words), Err(failure))
            if failure.key() == key && failure.message().contains(words) => {}
        _ => return Err(format!("expected {end:?}, got {outcome:?}")),
    }
    if matches!(end, End::Gone(..)) {
        return Ok(());
    }
    if host.count("session") > 0 || host.count("task") > 0 {
        return Err(format!(
            "{} sessions and {} tasks are left",
            host.count("session"),
            host.count("task")
        ));
    }
    // Nobody who cannot log in can have left anything.
    if host.count("VM") > before.0 || host.count("VDI") > before.1 {
        run(tidy(settings)).map_err(|failure| failure.to_string())?;
    }
    let after = (host.count("VM"), host.count("VDI"));
    if after != before || host.count("session") > 0 || host.count("task") > 0 {
        return Err(format!("VMs and VDIs: {before:?} before, {after:?} after"));
    }
    Ok(())
}

#[test]
fn whatever_goes_wrong_comes_to_its_right_end_and_leaves_nothing() {
    for name in mishap::names() {
        let covered = |(spec, _): &(&str, End)| spec.split('=').next() == Some(name);
        assert!(CASES.iter().any(covered), "`{name}` has no case");
    }
    let cases = Mutex::new(CASES.iter());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        // Most of the time is waited.
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let next = cases.lock().unwrap().next();
                    let Some((spec, end)) = next else { return };
                    if let Err(trouble) = end_of(spec, *end) {
                        failed.lock().unwrap().push(format!("{spec}: {trouble}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
