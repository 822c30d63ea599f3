//! Reports: what was found out, as text for others.
//!
//! [`model`] is what [`junit`] and [`tap`] are made of, whoever has found it out. Of a run,
//! [`evidence`] is what its journal tells, in order, [`cases`] that as a model, and
//! [`comparison`] two of them beside one another, and [`blame`] what four of them say
//! about whose fault a failure is; [`html`] is a page for people, [`jsonl`]
//! and [`data`] are for programs, and [`attestation`] is what is signed.
//!
//! Everything here is a function from data to text: nothing is read, written or
//! asked. Text from outside is spelled out where it would command a terminal or a
//! browser, end a line, or reorder what is read.

pub mod attestation;
pub mod blame;
pub mod cases;
pub mod comparison;
pub mod data;
pub mod evidence;
pub mod html;
pub mod jsonl;
pub mod junit;
pub mod model;
pub mod tap;

use crate::visible::escape;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// SECONDS since 1970 as RFC 3339 has it, in UTC.
pub fn moment(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0))
        .map_or_else(
            || seconds.to_string(),
            |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        )
}

/// BYTES in base 64.
fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// TEXT with the lines that it has, and each of them fit to be shown.
fn shown_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(escape).collect();
    lines.join("\n")
}
