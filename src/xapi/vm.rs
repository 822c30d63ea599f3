//! The life of a VM: find it, start it, learn its address, shut it down.
//!
//! Power is changed by asynchronous tasks: xapi retries an operation that
//! another one blocks inside the call, for up to two hours, and only a task
//! can be cancelled. `allowed_operations` is advice and not asked.
//!
//! Source: XenAPI reference, classes `VM` and `VM_guest_metrics`.

use super::error::XapiError;
use super::rpc::is_null;
use super::session::Session;
use super::task;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long one call waits for an event while an address is awaited.
const EVENT: Duration = Duration::from_secs(5);

/// The reference of the object of CLASS (`VM`, `VDI`, …) with this UUID.
pub async fn find(session: &Session, class: &str, uuid: &str) -> Result<String, XapiError> {
    let found = session
        .call_within(
            &format!("{class}.get_by_uuid"),
            vec![json!(uuid)],
            session.patience(),
        )
        .await
        .map_err(|error| error.while_trying(&format!("find {class} `{uuid}`")))?;
    Ok(found.as_str().unwrap_or_default().to_owned())
}

/// The record of an object: every field by its name.
pub async fn record(session: &Session, class: &str, reference: &str) -> Result<Value, XapiError> {
    session
        .call_within(
            &format!("{class}.get_record"),
            vec![json!(reference)],
            session.patience(),
        )
        .await
}

/// `Halted`, `Paused`, `Running` or `Suspended`, or what a newer host calls it.
pub async fn power_state(session: &Session, vm: &str) -> Result<String, XapiError> {
    let state = session
        .call_within("VM.get_power_state", vec![json!(vm)], session.patience())
        .await?;
    Ok(state.as_str().unwrap_or_default().to_owned())
}

/// How a VM is named in messages.
async fn described(session: &Session, vm: &str) -> Result<String, XapiError> {
    Ok(format!("VM `{}`", session.uuid("VM", vm).await?))
}

/// Start VM and wait until the host has done so; the guest has only begun to boot.
pub async fn start(session: &Session, vm: &str, limit: Duration) -> Result<(), XapiError> {
    let tried = format!("start {}", described(session, vm).await?);
    let params = vec![json!(vm), json!(false), json!(false)];
    task::run(session, "VM.start", params, limit, &tried).await?;
    Ok(())
}

/// How to end a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Ask the guest, which must answer.
    Clean,
    /// Take its power away.
    Hard,
}

/// Shut VM down and wait until it is halted. A halted VM is left alone.
pub async fn shut_down(
    session: &Session,
    vm: &str,
    how: Shutdown,
    limit: Duration,
) -> Result<(), XapiError> {
    let tried = format!("shut down {}", described(session, vm).await?);
    if power_state(session, vm).await? == "Halted" {
        return Ok(());
    }
    let method = match how {
        Shutdown::Clean => "VM.clean_shutdown",
        Shutdown::Hard => "VM.hard_shutdown",
    };
    let outcome = task::run(session, method, vec![json!(vm)], limit, &tried).await;
    match outcome {
        // It was faster than we were.
        Err(error) if error.code() == Some("VM_BAD_POWER_STATE") => {
            if power_state(session, vm).await? == "Halted" {
                Ok(())
            } else {
                Err(error)
            }
        }
        outcome => outcome.map(|_| ()),
    }
}

/// Wait for at most LIMIT until the host knows the address of VM's guest.
///
/// The address is the one that the guest's agent reports; link-local ones, and
/// reports from before the VM was started, do not count. The VM must keep running.
pub async fn wait_for_address(
    session: &Session,
    vm: &str,
    limit: Duration,
) -> Result<IpAddr, XapiError> {
    let start = Instant::now();
    let tried = format!("learn the address of {}", described(session, vm).await?);
    let mut token = String::new();
    let mut metrics = String::new();
    loop {
        let sight = sight(session, vm).await?;
        match sight.outcome {
            Ok(address) => return Ok(address),
            Err(last) if sight.over => {
                return Err(XapiError::WrongState { tried, state: last });
            }
            Err(last) => {
                let left = limit.saturating_sub(start.elapsed());
                if left.is_zero() {
                    return Err(XapiError::Timeout { tried, limit, last });
                }
                if metrics != sight.metrics {
                    // Another object is of interest now; begin anew with both.
                    metrics = sight.metrics;
                    token.clear();
                }
                let mut classes = vec![json!(format!("vm/{vm}"))];
                if !metrics.is_empty() {
                    classes.push(json!(format!("vm_guest_metrics/{metrics}")));
                }
                await_news(session, classes, &mut token, left.min(EVENT)).await?;
            }
        }
    }
}

/// Wait until the objects named by CLASSES have changed, or PATIENCE is over.
/// An empty token only asks where now is.
async fn await_news(
    session: &Session,
    classes: Vec<Value>,
    token: &mut String,
    patience: Duration,
) -> Result<(), XapiError> {
    let batch = session
        .call_within(
            "event.from",
            vec![
                Value::Array(classes),
                json!(token),
                json!(patience.as_secs_f64()),
            ],
            patience + Duration::from_secs(30),
        )
        .await?;
    if let Some(next) = batch["token"].as_str() {
        next.clone_into(token);
    }
    Ok(())
}

/// What the host knows about a guest's address now.
struct Sight {
    /// The address, or what there is instead of one.
    outcome: Result<IpAddr, String>,
    /// Whether waiting longer is of no use.
    over: bool,
    /// The reference of the guest's metrics, empty when there are none.
    metrics: String,
}

async fn sight(session: &Session, vm: &str) -> Result<Sight, XapiError> {
    let vm_record = record(session, "VM", vm).await?;
    let power = vm_record["power_state"].as_str().unwrap_or_default();
    let without = |last: String, over: bool, metrics: &str| Sight {
        outcome: Err(last),
        over,
        metrics: metrics.to_owned(),
    };
    if power != "Running" {
        let last = format!("the VM is {}", power.to_lowercase());
        return Ok(without(last, power == "Halted", ""));
    }
    let metrics = vm_record["guest_metrics"].as_str().unwrap_or_default();
    if is_null(metrics) {
        return Ok(without(
            "the VM is running, its guest has reported nothing yet".to_owned(),
            false,
            "",
        ));
    }
    let started = match vm_record["metrics"].as_str() {
        Some(reference) if !is_null(reference) => {
            session
                .call_within(
                    "VM_metrics.get_start_time",
                    vec![json!(reference)],
                    session.patience(),
                )
                .await?
        }
        _ => Value::Null,
    };
    let guest = match record(session, "VM_guest_metrics", metrics).await {
        Ok(guest) => guest,
        // A reboot has just replaced it.
        Err(error) if error.code() == Some("HANDLE_INVALID") => {
            return Ok(without("the guest is rebooting".to_owned(), false, ""));
        }
        Err(error) => return Err(error),
    };
    Ok(Sight {
        outcome: address_of(&guest, started.as_str().unwrap_or_default()),
        over: false,
        metrics: metrics.to_owned(),
    })
}

/// The address in a record of guest metrics, or why there is none to use.
fn address_of(guest: &Value, started: &str) -> Result<IpAddr, String> {
    let mut found: Vec<(String, String)> = guest["networks"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    if found.is_empty() {
        return Err("the guest's agent has reported no address".to_owned());
    }
    let updated = guest["last_updated"].as_str().unwrap_or_default();
    if is_before(updated, started) {
        return Err(format!(
            "an address from before the VM was started ({}), which does not count",
            found[0].1
        ));
    }
    // The first interface first, and IPv4 before IPv6: `0/ip` < `0/ipv4/0` < `0/ipv6/0`.
    found.sort();
    let usable = found
        .iter()
        .filter_map(|(_, text)| text.parse::<IpAddr>().ok())
        .find(is_usable);
    usable.ok_or_else(|| {
        let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        format!("only addresses that lead nowhere: {}", texts.join(", "))
    })
}

/// Whether an address leads to the guest from elsewhere.
fn is_usable(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_link_local() && !address.is_unspecified(),
        IpAddr::V6(address) => !address.is_unicast_link_local() && !address.is_unspecified(),
    }
}

/// Whether the date ONE is earlier than OTHER; not, when either is unknown.
fn is_before(one: &str, other: &str) -> bool {
    // Digits alone order all of XAPI's forms of a date that name a year first.
    let digits =
        |text: &str| -> String { text.chars().filter(char::is_ascii_digit).take(14).collect() };
    let (one, other) = (digits(one), digits(other));
    one.len() == 14 && other.len() == 14 && !one.starts_with("1970") && one < other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(networks: Value, updated: &str) -> Value {
        json!({"networks": networks, "last_updated": updated})
    }

    #[test]
    fn the_first_usable_address_is_taken() {
        let started = "20260101T12:00:00Z";
        let guest = metrics(
            json!({"1/ip": "10.0.0.2", "0/ipv6/0": "fe80::1", "0/ip": "169.254.7.7"}),
            "2026-01-01T12:00:05Z",
        );
        assert_eq!(address_of(&guest, started), Ok("10.0.0.2".parse().unwrap()));
    }

    #[test]
    fn link_local_and_stale_addresses_are_refused_by_name() {
        let started = "20260101T12:00:00Z";
        let local = metrics(json!({"0/ip": "169.254.7.7"}), started);
        assert!(
            address_of(&local, started)
                .unwrap_err()
                .contains("169.254.7.7")
        );
        let stale = metrics(json!({"0/ip": "10.0.0.2"}), "20251231T12:00:00Z");
        assert!(
            address_of(&stale, started)
                .unwrap_err()
                .contains("before the VM was started")
        );
        assert!(address_of(&metrics(json!({}), started), started).is_err());
    }
}
