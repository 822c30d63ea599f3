//! Where the guest of a VM is: every source that may know is asked, side by
//! side, and says what it has seen.
//!
//! * a given address;
//! * the guest's agent, by way of `VM_guest_metrics`;
//! * the guest itself, which writes `vm-data/fruix/address` to xenstore: its
//!   address and, behind it, the nonce that [`super::vm::start`] has put beside
//!   it for this boot, because old data comes back at every start;
//! * leases of a DHCP server, and this machine's table of neighbours, by the
//!   MACs of the VM's interfaces.
//!
//! Link-local addresses and those from before the start do not count. Whether
//! the guest really is there, only its SSH key proves; that is asked elsewhere.
//!
//! Source: XenAPI reference, classes `VM`, `VIF` and `VM_guest_metrics`.

use super::error::XapiError;
use super::rpc::is_null;
use super::session::Session;
use super::{neighbours, vm};
use crate::clock::{self, Moment};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long one call waits for an event; leases and neighbours raise none.
const EVENT: Duration = Duration::from_secs(1);

/// Where in xenstore the host puts the nonce and the guest its address.
pub const NONCE: &str = "vm-data/fruix/nonce";
pub const ADDRESS: &str = "vm-data/fruix/address";

/// Where to look besides the host itself.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// An address that somebody vouches for.
    pub given: Option<IpAddr>,
    /// Files of DHCP servers, as dnsmasq and ISC's dhcpd write them.
    pub lease_files: Vec<PathBuf>,
}

/// What one source says.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// `given`, `agent`, `xenstore`, `leases` or `neighbours`.
    pub source: &'static str,
    /// The address, or what there is instead of one.
    pub outcome: Result<IpAddr, String>,
}

/// What all sources say at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sightings {
    pub all: Vec<Sighting>,
    /// Why waiting longer is of no use, when it is not.
    pub over: Option<String>,
    /// The objects whose changes are news, as `event.from` names them.
    news: Vec<String>,
}

impl Sightings {
    /// The first address that is the guest's as far as anybody can tell without
    /// asking the guest. A neighbour may be long gone, so it does not count.
    fn first(&self) -> Option<IpAddr> {
        self.all
            .iter()
            .filter(|sighting| sighting.source != "neighbours")
            .find_map(|sighting| sighting.outcome.as_ref().ok().copied())
    }

    /// What every source has seen, in a sentence each.
    pub fn describe(&self) -> String {
        let said: Vec<String> = self
            .all
            .iter()
            .map(|sighting| match &sighting.outcome {
                Ok(address) => format!("{}: {address}", sighting.source),
                Err(text) => format!("{}: {text}", sighting.source),
            })
            .collect();
        said.join("; ")
    }
}

/// Wait for at most LIMIT until some source knows the address of VM's guest.
/// The VM must keep running.
pub async fn wait(
    session: &Session,
    vm: &str,
    sources: &Sources,
    limit: Duration,
) -> Result<IpAddr, XapiError> {
    let start = Moment::now();
    let tried = format!(
        "learn the address of VM `{}`",
        session.uuid("VM", vm).await?
    );
    let mut token = String::new();
    let mut news = Vec::new();
    loop {
        let sightings = look(session, vm, sources).await?;
        if let Some(address) = sightings.first() {
            return Ok(address);
        }
        if let Some(state) = sightings.over {
            return Err(XapiError::WrongState { tried, state });
        }
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            let last = sightings.describe();
            return Err(XapiError::Timeout { tried, limit, last });
        }
        if news != sightings.news {
            // Other objects are of interest now; begin anew with all of them.
            news = sightings.news;
            token.clear();
        }
        await_news(session, &news, &mut token, left.min(EVENT)).await?;
    }
}

/// Wait until the objects in NEWS have changed, or PATIENCE is over. An empty
/// token only asks where now is.
async fn await_news(
    session: &Session,
    news: &[String],
    token: &mut String,
    patience: Duration,
) -> Result<(), XapiError> {
    let batch = session
        .call_within(
            "event.from",
            vec![json!(news), json!(token), json!(patience.as_secs_f64())],
            patience + Duration::from_secs(30),
        )
        .await?;
    if let Some(next) = batch["token"].as_str() {
        next.clone_into(token);
    }
    Ok(())
}

/// Ask every source now.
pub async fn look(session: &Session, vm: &str, sources: &Sources) -> Result<Sightings, XapiError> {
    let mut sightings = Sightings {
        news: vec![format!("vm/{vm}")],
        ..Sightings::default()
    };
    let record = vm::record(session, "VM", vm).await?;
    let power = record["power_state"].as_str().unwrap_or_default();
    // A VM that is being started is called halted until it has been.
    let settled = record["current_operations"]
        .as_object()
        .is_none_or(|running| running.is_empty());
    if power == "Halted" && settled {
        sightings.over = Some("the VM is halted".to_owned());
    }
    let mut say = |source, outcome| sightings.all.push(Sighting { source, outcome });
    if let Some(address) = sources.given {
        say("given", Ok(address));
    }
    if power != "Running" {
        say("agent", Err(format!("the VM is {}", power.to_lowercase())));
        return Ok(sightings);
    }
    let metrics = record["guest_metrics"].as_str().unwrap_or_default();
    say("agent", agent(session, &record, metrics).await?);
    say("xenstore", xenstore(&record["xenstore_data"]));
    let macs = macs(session, &record).await?;
    if !sources.lease_files.is_empty() {
        say("leases", neighbours::leased(&sources.lease_files, &macs));
    }
    say("neighbours", neighbours::seen(&macs).await);
    if !is_null(metrics) {
        sightings.news.push(format!("vm_guest_metrics/{metrics}"));
    }
    Ok(sightings)
}

/// The MACs of the interfaces of the VM with RECORD.
async fn macs(session: &Session, record: &Value) -> Result<Vec<String>, XapiError> {
    let mut macs = Vec::new();
    for vif in record["VIFs"].as_array().into_iter().flatten() {
        let mac = session
            .call_within("VIF.get_MAC", vec![vif.clone()], session.patience())
            .await?;
        macs.extend(mac.as_str().map(str::to_lowercase));
    }
    Ok(macs)
}

/// What the guest's agent reports to the host.
async fn agent(
    session: &Session,
    record: &Value,
    metrics: &str,
) -> Result<Result<IpAddr, String>, XapiError> {
    if is_null(metrics) {
        return Ok(Err(
            "the VM is running, its guest has reported nothing yet".to_owned()
        ));
    }
    let started = match record["metrics"].as_str() {
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
    match vm::record(session, "VM_guest_metrics", metrics).await {
        Ok(guest) => Ok(reported(&guest, started.as_str().unwrap_or_default())),
        // A reboot has just replaced it.
        Err(error) if error.code() == Some("HANDLE_INVALID") => {
            Ok(Err("the guest is rebooting".to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// The address in a record of guest metrics, or why there is none to use.
fn reported(guest: &Value, started: &str) -> Result<IpAddr, String> {
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
    let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    usable(&texts)
}

/// What the guest has written to xenstore, with the nonce of this boot.
fn xenstore(data: &Value) -> Result<IpAddr, String> {
    let Some(said) = data[ADDRESS].as_str() else {
        return Err(format!("the guest has not written `{ADDRESS}`"));
    };
    let mut words = said.split_whitespace();
    let (address, nonce) = (words.next().unwrap_or_default(), words.next());
    if nonce.is_none() || nonce != data[NONCE].as_str() {
        return Err(format!(
            "an address of another boot ({address}), which does not count"
        ));
    }
    usable(&[address])
}

/// The first of TEXTS that is an address which leads to the guest from elsewhere.
pub(super) fn usable(texts: &[&str]) -> Result<IpAddr, String> {
    texts
        .iter()
        .filter_map(|text| text.parse::<IpAddr>().ok())
        .find(leads_somewhere)
        .ok_or_else(|| format!("only addresses that lead nowhere: {}", texts.join(", ")))
}

fn leads_somewhere(address: &IpAddr) -> bool {
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

/// Which of ADDRESSES take a connection at PORT within LIMIT; all are asked side
/// by side. One that does not may still be reached in a roundabout way.
pub async fn answering(addresses: &[IpAddr], port: u16, limit: Duration) -> Vec<bool> {
    let asked = addresses.iter().map(|address| async move {
        let connected = clock::limit(limit, TcpStream::connect((*address, port))).await;
        matches!(connected, Ok(Ok(_)))
    });
    join_all(asked).await
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
        assert_eq!(reported(&guest, started), Ok("10.0.0.2".parse().unwrap()));
    }

    #[test]
    fn link_local_and_stale_addresses_are_refused_by_name() {
        let started = "20260101T12:00:00Z";
        let local = metrics(json!({"0/ip": "169.254.7.7"}), started);
        assert!(
            reported(&local, started)
                .unwrap_err()
                .contains("169.254.7.7")
        );
        let stale = metrics(json!({"0/ip": "10.0.0.2"}), "20251231T12:00:00Z");
        assert!(
            reported(&stale, started)
                .unwrap_err()
                .contains("before the VM was started")
        );
        assert!(reported(&metrics(json!({}), started), started).is_err());
    }

    #[test]
    fn what_a_guest_wrote_at_another_boot_does_not_count() {
        let data = |said: &str| json!({NONCE: "now", ADDRESS: said});
        assert_eq!(
            xenstore(&data("10.0.0.2 now")),
            Ok("10.0.0.2".parse().unwrap())
        );
        for said in ["10.0.0.2 before", "10.0.0.2", "169.254.1.1 now", "x now"] {
            assert!(xenstore(&data(said)).is_err(), "{said}");
        }
        assert!(xenstore(&json!({})).is_err());
        assert!(xenstore(&json!({ADDRESS: "10.0.0.2"})).is_err());
    }
}
