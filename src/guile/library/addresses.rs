//! Addresses of the network, as text and as numbers.
//!
//! Sockets are in `boot/sockets.scm`.
//!
//! Source: GNU Guile reference manual, "Network Address Conversion".

use crate::data::args::{self, string};
use crate::data::native::{Outcome, Raise};
use crate::data::value::{Value, string_value};
use crate::data::{errors, numbers, pairs, strings as text};
use crate::natives;
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether argument 1 is the family of long addresses; of others there is only one.
fn is_long(procedure: &str, args: &[Value]) -> Result<bool, Raise> {
    match args::fixnum(args, 1)? as libc::c_int {
        libc::AF_INET => Ok(false),
        libc::AF_INET6 => Ok(true),
        _ => Err(errors::out_of_range(procedure, 1, &args[0])),
    }
}

fn from_text(args: &[Value]) -> Outcome {
    const NAME: &str = "inet-pton";
    let long = is_long(NAME, args)?;
    let written = string(NAME, args, 2)?;
    let number = match long {
        true => written.parse::<Ipv6Addr>().ok().map(u128::from),
        false => written
            .parse::<Ipv4Addr>()
            .ok()
            .map(|address| u128::from(u32::from(address))),
    };
    match number {
        Some(number) => Ok(numbers::integer_value(BigInt::from(number))),
        None => Err(errors::misc(NAME, "Bad address", Vec::new())),
    }
}

fn to_text(args: &[Value]) -> Outcome {
    let long = is_long("inet-ntop", args)?;
    let refused = || {
        Raise::throw(
            "out-of-range",
            vec![
                Value::BoolV(false),
                string_value("Value out of range: ~S"),
                pairs::list([args[1].clone()]),
                pairs::list([args[1].clone()]),
            ],
        )
    };
    let number = match &args[1] {
        Value::IntV(number) => u128::try_from(*number).map_err(|_| refused())?,
        Value::BigNum(number) => number.to_u128().ok_or_else(refused)?,
        other => return Err(errors::expected("exact integer", other)),
    };
    Ok(text::value(match long {
        true => shown(number),
        // Only the lowest bits count, as in Guile.
        false => Ipv4Addr::from(number as u32).to_string(),
    }))
}

/// A long address; one of zeros and a short address ends like the short one.
fn shown(number: u128) -> String {
    match u32::try_from(number) {
        Ok(short) if short > 0xffff => format!("::{}", Ipv4Addr::from(short)),
        _ => Ipv6Addr::from(number).to_string(),
    }
}

natives! {
    /// (inet-pton family text) -> the number of the address that TEXT is in FAMILY
    "inet-pton" (2) => from_text,
    /// (inet-ntop family number) -> the address of FAMILY with NUMBER, as text
    "inet-ntop" (2) => to_text,
}
