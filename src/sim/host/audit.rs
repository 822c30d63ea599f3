//! The audit log: each change that the host carries out, when it begins and when it
//! has ended, with the session that asked for it.
//!
//! One JSON object a line: `at`, microseconds since the host was started; `id`, the
//! same for the beginning and the end of one change; `phase`, `begin` or `end`;
//! `call`; `session`, a digest, since the reference is a secret; `arguments`, those
//! that are texts; and at the end `code`, empty when it went well. A transfer is the
//! call `import_raw_vdi`, from when the disk is attached until it is not.
//!
//! Source: xapi's `rbac_audit.ml`, which keeps such a log on a real host.

use super::value::Val;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

#[derive(Debug)]
pub struct Audit {
    file: Option<Mutex<File>>,
    start: Instant,
    next: AtomicU64,
}

/// A change that has begun.
#[must_use = "what has begun has an end"]
pub struct Change {
    id: u64,
    call: String,
    session: String,
}

impl Audit {
    /// A log in the file at PATH, or none.
    pub fn open(path: Option<&Path>) -> io::Result<Audit> {
        Ok(Audit {
            file: path.map(File::create).transpose()?.map(Mutex::new),
            start: Instant::now(),
            next: AtomicU64::new(0),
        })
    }

    /// CALL begins for SESSION with ARGUMENTS.
    pub fn begin(&self, call: &str, session: &str, arguments: &[Val]) -> Option<Change> {
        let is_reading = |name: &str| name.starts_with("get_") || name.starts_with("assert_");
        let of_interest = match call.split_once('.') {
            Some((class, name)) => {
                ["VM", "VDI", "VBD", "VIF", "SR"].contains(&class) && !is_reading(name)
            }
            None => true,
        };
        if self.file.is_none() || !of_interest {
            return None;
        }
        let digest = Sha256::digest(session.as_bytes());
        let change = Change {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            call: call.to_owned(),
            session: digest[..8].iter().map(|it| format!("{it:02x}")).collect(),
        };
        let arguments: Vec<&str> = arguments.iter().map(Val::as_text).collect();
        self.write(&change, "begin", json!(arguments), "");
        Some(change)
    }

    /// CHANGE has ended, with the error CODE unless that is empty.
    pub fn end(&self, change: Option<Change>, code: &str) {
        if let Some(change) = change {
            self.write(&change, "end", json!([]), code);
        }
    }

    fn write(&self, change: &Change, phase: &str, arguments: serde_json::Value, code: &str) {
        let Some(file) = &self.file else { return };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let line = json!({
            "at": self.start.elapsed().as_micros() as u64,
            "id": change.id,
            "phase": phase,
            "call": change.call,
            "session": change.session,
            "arguments": arguments,
            "code": code,
        });
        // Whoever reads the log finds the end of it missing.
        let _ = writeln!(file, "{line}");
    }
}
