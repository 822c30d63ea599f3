//! Who has which MAC: the leases of a DHCP server, and the table in which this
//! machine keeps its neighbours.
//!
//! Source: dnsmasq(8), dhcpd.leases(5), proc_net(5), arp(8).

use super::address::usable;
use crate::clock;
use std::net::IpAddr;
use std::path::PathBuf;

/// The address for which one of MACS has a lease in one of FILES, or what is
/// there instead.
pub fn leased(files: &[PathBuf], macs: &[String]) -> Result<IpAddr, String> {
    let mut seen = Vec::new();
    for file in files {
        match std::fs::read_to_string(file) {
            Ok(text) => seen.extend(leases(&text, now())),
            Err(error) => return Err(format!("cannot read `{}`: {error}", file.display())),
        }
    }
    address_of(&seen, macs, "lease")
}

/// The address of a neighbour of this machine that has one of MACS.
pub async fn seen(macs: &[String]) -> Result<IpAddr, String> {
    address_of(&table().await?, macs, "neighbour")
}

/// A MAC, in lower case, and the address that it has.
type Entry = (String, String);

fn address_of(entries: &[Entry], macs: &[String], what: &str) -> Result<IpAddr, String> {
    // The latest entry is the last one.
    let texts: Vec<&str> = entries
        .iter()
        .rev()
        .filter(|(mac, _)| macs.contains(mac))
        .map(|(_, address)| address.as_str())
        .collect();
    if texts.is_empty() {
        return Err(format!("no {what} with MAC {}", macs.join(" or ")));
    }
    usable(&texts)
}

fn now() -> u64 {
    clock::seconds_since_1970()
}

/// The leases in TEXT that hold at NOW, seconds since 1970.
fn leases(text: &str, now: u64) -> Vec<Entry> {
    if text.contains("hardware ethernet") {
        return blocks(text);
    }
    // dnsmasq: EXPIRY MAC ADDRESS NAME IDENTITY; expiry 0 is never.
    text.lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [expiry, mac, address, ..] = words[..] else {
                return None;
            };
            let expiry: u64 = expiry.parse().ok()?;
            (expiry == 0 || expiry > now).then(|| (mac.to_lowercase(), address.to_owned()))
        })
        .collect()
}

/// The active leases of `lease ADDRESS { … }`, as ISC's dhcpd writes them. The
/// file grows at its end, so a later block overrides an earlier one.
fn blocks(text: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    for block in text.split("\nlease ").skip_while(|it| !it.contains('{')) {
        let block = block.strip_prefix("lease ").unwrap_or(block);
        let Some((address, body)) = block.split_once('{') else {
            continue;
        };
        let value = |name: &str| {
            body.split(';')
                .find_map(|statement| statement.trim().strip_prefix(name))
                .map(str::trim)
        };
        let address = address.trim().to_owned();
        found.retain(|(_, known)| *known != address);
        if let Some(mac) = value("hardware ethernet")
            && value("binding state").is_none_or(|state| state == "active")
        {
            found.push((mac.to_lowercase(), address));
        }
    }
    found
}

#[cfg(target_os = "linux")]
async fn table() -> Result<Vec<Entry>, String> {
    let path = "/proc/net/arp";
    tokio::fs::read_to_string(path)
        .await
        .map(|text| kernel_table(&text))
        .map_err(|error| format!("cannot read `{path}`: {error}"))
}

#[cfg(not(target_os = "linux"))]
async fn table() -> Result<Vec<Entry>, String> {
    let output = tokio::process::Command::new("arp")
        .arg("-an")
        .output()
        .await
        .map_err(|error| format!("cannot run `arp -an`: {error}"))?;
    Ok(arp_table(&String::from_utf8_lossy(&output.stdout)))
}

/// Linux: address, type, flags, MAC, mask, device; flags 0 is no answer yet.
#[cfg(any(target_os = "linux", test))]
fn kernel_table(text: &str) -> Vec<Entry> {
    text.lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [address, _, flags, mac, ..] if flags.starts_with("0x") && flags != "0x0" => {
                    Some((mac.to_lowercase(), address.to_owned()))
                }
                _ => None,
            }
        })
        .collect()
}

/// FreeBSD: `? (10.0.0.5) at 02:00:00:00:00:01 on em0 expires in …`.
#[cfg(any(not(target_os = "linux"), test))]
fn arp_table(text: &str) -> Vec<Entry> {
    text.lines()
        .filter_map(|line| {
            let (address, rest) = line.split_once('(')?.1.split_once(')')?;
            let mac = rest.trim().strip_prefix("at ")?.split(' ').next()?;
            mac.contains(':')
                .then(|| (mac.to_lowercase(), address.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(mac: &str, address: &str) -> Entry {
        (mac.to_owned(), address.to_owned())
    }

    #[test]
    fn leases_are_read_as_dnsmasq_writes_them_without_those_that_are_over() {
        let text = "2000 02:AA:00:00:00:01 10.0.0.5 fruix 01:02\n\
                    900 02:aa:00:00:00:02 10.0.0.6 * *\n\
                    0 02:aa:00:00:00:03 10.0.0.7 * *\nduid 00:01\n";
        assert_eq!(
            leases(text, 1000),
            [
                entry("02:aa:00:00:00:01", "10.0.0.5"),
                entry("02:aa:00:00:00:03", "10.0.0.7")
            ]
        );
    }

    #[test]
    fn leases_are_read_as_dhcpd_writes_them_the_last_word_on_an_address_counts() {
        let text = "# a comment\nlease 10.0.0.5 {\n  starts 3 2026/01/01 00:00:00;\n  \
                    binding state active;\n  hardware ethernet 02:AA:00:00:00:01;\n}\n\
                    lease 10.0.0.6 {\n  binding state active;\n  hardware ethernet 02:aa:00:00:00:02;\n}\n\
                    lease 10.0.0.6 {\n  binding state free;\n  hardware ethernet 02:aa:00:00:00:02;\n}\n";
        assert_eq!(leases(text, 0), [entry("02:aa:00:00:00:01", "10.0.0.5")]);
    }

    #[test]
    fn both_kinds_of_tables_of_neighbours_are_read() {
        let linux = "IP address       HW type     Flags       HW address            Mask     Device\n\
                     10.0.0.5         0x1         0x2         02:aa:00:00:00:01     *        eth0\n\
                     10.0.0.6         0x1         0x0         00:00:00:00:00:00     *        eth0\n";
        let freebsd = "? (10.0.0.5) at 02:aa:00:00:00:01 on em0 expires in 1142 seconds [ethernet]\n\
                       ? (10.0.0.6) at (incomplete) on em0 expired [ethernet]\n";
        let expected = [entry("02:aa:00:00:00:01", "10.0.0.5")];
        assert_eq!(kernel_table(linux), expected);
        assert_eq!(arp_table(freebsd), expected);
    }

    #[test]
    fn a_mac_that_nobody_has_is_named() {
        let macs = ["02:aa:00:00:00:09".to_owned()];
        assert_eq!(
            address_of(&[entry("02:aa:00:00:00:01", "10.0.0.5")], &macs, "lease"),
            Err("no lease with MAC 02:aa:00:00:00:09".to_owned())
        );
    }
}
