//! What can be made to go wrong on the simulated host.

use std::fmt;
use std::str::FromStr;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Mishap {
    /// The password is never right.
    RefuseLogin,
    /// The settings pin another certificate than the host shows.
    WrongCertificate,
    /// The guest comes up but the host never learns its address.
    NoAddress,
    /// The host publishes an address, but nothing answers there.
    NoSsh,
    /// The first address is link-local, and the right one comes later.
    LinkLocalFirst,
    /// The approved VDI is smaller than the image.
    SmallVdi,
    /// The storage repository has no space left.
    SrFull,
    /// The task of an import fails after the host has answered 200.
    ImportFails,
    /// The host forgets the session that makes the CALL-th call of all.
    SessionExpires { call: u64 },
    /// A call of METHOD, the one counted CALL or every one, fails with CODE.
    CallFails {
        method: String,
        call: Option<u64>,
        code: String,
        params: Vec<String>,
    },
}

const NAMES: [(&str, Mishap); 8] = [
    ("refuse-login", Mishap::RefuseLogin),
    ("wrong-certificate", Mishap::WrongCertificate),
    ("no-address", Mishap::NoAddress),
    ("no-ssh", Mishap::NoSsh),
    ("link-local-first", Mishap::LinkLocalFirst),
    ("small-vdi", Mishap::SmallVdi),
    ("sr-full", Mishap::SrFull),
    ("import-fails", Mishap::ImportFails),
];

/// A mishap whose text makes no sense.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownMishap {
    text: String,
}

impl fmt::Display for UnknownMishap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no mishap is called `{}`; there are:", self.text)?;
        NAMES
            .iter()
            .try_for_each(|(name, _)| write!(formatter, " {name}"))?;
        formatter.write_str(" session-expires=K fail=METHOD[@K]:CODE[:PARAMETER]…")
    }
}

impl std::error::Error for UnknownMishap {}

impl FromStr for Mishap {
    type Err = UnknownMishap;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = NAMES.iter().find(|(name, _)| *name == text);
        known
            .map(|(_, mishap)| mishap.clone())
            .or_else(|| session_expires(text))
            .or_else(|| call_fails(text))
            .ok_or_else(|| UnknownMishap {
                text: text.to_owned(),
            })
    }
}

/// `session-expires=5`
fn session_expires(text: &str) -> Option<Mishap> {
    let call = text.strip_prefix("session-expires=")?.parse().ok()?;
    Some(Mishap::SessionExpires { call })
}

/// `fail=VM.start@2:HOST_OFFLINE:OpaqueRef:…`
fn call_fails(text: &str) -> Option<Mishap> {
    let (call, error) = text.strip_prefix("fail=")?.split_once(':')?;
    let (method, call) = match call.split_once('@') {
        Some((method, count)) => (method, Some(count.parse().ok()?)),
        None => (call, None),
    };
    let mut parts = error.split(':').map(str::to_owned);
    Some(Mishap::CallFails {
        method: method.to_owned(),
        call,
        code: parts.next().filter(|code| !code.is_empty())?,
        params: parts.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_call_is_written_with_method_count_code_and_parameters() {
        assert_eq!(
            "fail=VM.start@2:VM_REQUIRES_SR:a:b".parse(),
            Ok(Mishap::CallFails {
                method: "VM.start".to_owned(),
                call: Some(2),
                code: "VM_REQUIRES_SR".to_owned(),
                params: vec!["a".to_owned(), "b".to_owned()],
            })
        );
        assert_eq!("sr-full".parse(), Ok(Mishap::SrFull));
        assert!(
            "sr-ful"
                .parse::<Mishap>()
                .unwrap_err()
                .to_string()
                .contains("sr-full")
        );
    }
}
