//! Mishaps by chance: kinds and moments drawn from a seed, so that a bad day can be
//! had again.
//!
//! Moments are counted in calls wherever a mishap can be, and in seconds where it
//! cannot. The same seed draws the same mishaps.

use super::mishap::Mishap;
use fastrand::Rng;
use std::time::Duration;

/// How many mishaps there are when nobody says how many: on average.
const RATE: f64 = 1.0;

/// The most that are drawn.
const MOST: usize = 20;

/// Refusals of calls that a run makes: method, code and parameters.
const REFUSALS: [(&str, &str, &[&str]); 16] = [
    ("session.login_with_password", "HOST_STILL_BOOTING", &[]),
    (
        "session.login_with_password",
        "INTERNAL_ERROR",
        &["Failure(\"simulated\")"],
    ),
    ("VM.start", "VDI_IN_USE", &["OpaqueRef:simulated", "attach"]),
    (
        "VM.start",
        "SR_BACKEND_FAILURE_46",
        &["", "The VDI is not available", ""],
    ),
    (
        "VM.start",
        "OTHER_OPERATION_IN_PROGRESS",
        &[
            "VM",
            "OpaqueRef:simulated",
            "snapshot",
            "OpaqueRef:simulated",
        ],
    ),
    (
        "VM.start",
        "HOST_NOT_ENOUGH_FREE_MEMORY",
        &["4294967296", "1073741824"],
    ),
    ("VM.start", "NO_HOSTS_AVAILABLE", &[]),
    (
        "VM.start",
        "INTERNAL_ERROR",
        &["xenopsd internal error: Device_not_connected"],
    ),
    (
        "VM.hard_shutdown",
        "INTERNAL_ERROR",
        &["xenopsd internal error: timeout"],
    ),
    (
        "VM.hard_shutdown",
        "OTHER_OPERATION_IN_PROGRESS",
        &[
            "VM",
            "OpaqueRef:simulated",
            "snapshot",
            "OpaqueRef:simulated",
        ],
    ),
    (
        "VM.get_record",
        "INTERNAL_ERROR",
        &["Db_exn.DBCache_NotFound"],
    ),
    (
        "VDI.get_record",
        "HANDLE_INVALID",
        &["VDI", "OpaqueRef:simulated"],
    ),
    ("task.create", "TOO_MANY_PENDING_TASKS", &[]),
    (
        "task.get_record",
        "INTERNAL_ERROR",
        &["Failure(\"simulated\")"],
    ),
    ("event.from", "INTERNAL_ERROR", &["Failure(\"simulated\")"]),
    (
        "VM.start",
        "BOOTLOADER_FAILED",
        &["OpaqueRef:simulated", "no kernel: \u{1b}[2J"],
    ),
];

/// Methods whose connections are cut, or whose answers come late.
const METHODS: [&str; 12] = [
    "session.login_with_password",
    "session.logout",
    "VM.get_by_uuid",
    "VM.get_record",
    "VM.get_power_state",
    "VDI.get_record",
    "VBD.get_record",
    "task.create",
    "task.get_record",
    "task.destroy",
    "event.from",
    "Async.VM.start",
];

/// The mishaps that ARGUMENT, `SEED[,RATE]`, draws; RATE is how many there are on
/// average. `None` when the argument makes no sense.
pub fn drawn(argument: &str) -> Option<Vec<Mishap>> {
    let (seed, rate) = match argument.split_once(',') {
        Some((seed, rate)) => (seed, rate.parse().ok()?),
        None => (argument, RATE),
    };
    if !(0.0..=MOST as f64).contains(&rate) {
        return None;
    }
    let mut chance = Rng::with_seed(seed.parse().ok()?);
    // As many as come before the next one would be late (Poisson).
    let mut count = 0;
    let limit = (-rate).exp();
    let mut product = chance.f64();
    while product > limit && count < MOST {
        count += 1;
        product *= chance.f64();
    }
    Some((0..count).map(|_| one(&mut chance)).collect())
}

fn one(chance: &mut Rng) -> Mishap {
    let call = chance.u64(1..8);
    let bytes = chance.u64(0..8 << 20);
    match chance.u32(0..100) {
        0..35 => {
            let (method, code, params) = REFUSALS[chance.usize(..REFUSALS.len())];
            Mishap::CallFails {
                method: method.to_owned(),
                call: Some(call.min(3)),
                code: code.to_owned(),
                params: params.iter().map(|param| (*param).to_owned()).collect(),
            }
        }
        35..38 => Mishap::Mute {
            method: METHODS[chance.usize(..METHODS.len())].to_owned(),
            call: Some(call),
        },
        38..50 => Mishap::Cut {
            method: METHODS[chance.usize(..METHODS.len())].to_owned(),
            call: Some(call),
        },
        50..60 => Mishap::Slow {
            method: METHODS[chance.usize(..METHODS.len())].to_owned(),
            milliseconds: chance.u64(10..400),
        },
        60..65 => Mishap::SessionExpires {
            call: chance.u64(1..60),
        },
        65..70 => Mishap::ImportCut { bytes },
        70..73 => Mishap::ImportFillsUp { bytes },
        73..76 => Mishap::CertificateChanges {
            call: chance.u64(1..60),
        },
        76..82 => Mishap::ToolstackRestarts {
            after: Duration::from_millis(chance.u64(100..4000)),
        },
        82..84 => Mishap::HostDies {
            after: Duration::from_millis(chance.u64(100..4000)),
        },
        84 => Mishap::ImportStalls { bytes },
        85..87 => Mishap::TasksVanish,
        87 => Mishap::NoJsonRpc,
        88 => Mishap::DuplicateMember,
        89 => Mishap::NoAgent,
        90 => Mishap::GuestReboots,
        91 => Mishap::StaleAddress,
        92 => Mishap::LinkLocalFirst,
        93 => Mishap::NoAddress,
        94 => Mishap::GuestHangs,
        95 => Mishap::NoSsh,
        96 => Mishap::SrFull,
        97 => Mishap::SmallVdi,
        98 => Mishap::Redirect,
        _ => Mishap::ImportFails,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_again_and_about_as_many_as_the_rate_says() {
        let mut total = 0;
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..2000 {
            let one = drawn(&format!("{seed},2.5")).unwrap();
            assert_eq!(drawn(&format!("{seed},2.5")), Some(one.clone()));
            total += one.len();
            for mishap in one {
                // What is printed can be written again.
                let text = mishap.to_string();
                assert_eq!(text.parse(), Ok(mishap), "{text}");
                kinds.insert(text.split('=').next().unwrap_or_default().to_owned());
            }
        }
        assert!((4500..5500).contains(&total), "{total}");
        assert!(kinds.len() >= 20, "{kinds:?}");
        for nonsense in ["", "x", "1,-1", "1,x", "1,1000"] {
            assert_eq!(drawn(nonsense), None, "{nonsense}");
        }
    }
}
