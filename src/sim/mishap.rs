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
            .try_for_each(|(name, _)| write!(formatter, " {name}"))
    }
}

impl std::error::Error for UnknownMishap {}

impl FromStr for Mishap {
    type Err = UnknownMishap;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, mishap)| mishap.clone())
            .ok_or_else(|| UnknownMishap {
                text: text.to_owned(),
            })
    }
}
