//! What a host refuses for a moment only, and for how long it is asked again.
//!
//! Only what may be repeated is: a call that the host has refused before it did
//! anything. Which calls those are depends on the refusal. A toolstack that is
//! starting, or has too much to do, has looked at nothing. An object that another
//! operation holds was not touched; a disk that is let go of a moment after its
//! transfer has ended (xen-api issue 4339) keeps a machine from starting, and nothing
//! of the start is left.
//!
//! Each retry is told to whoever watches, and a refusal that stays says how often and
//! how long it was tried.

use super::error::XapiError;
use crate::clock::{self, Moment};
use crate::progress::{Event, tell};
use std::time::Duration;

/// A toolstack needs a minute or two after its host has booted.
const STARTING: Duration = Duration::from_secs(120);

/// Other people's operations end, and disks are let go of.
const HELD: Duration = Duration::from_secs(20);

/// The first pause between two attempts; each is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// How long METHOD, `Async.` or not, is tried again when it is refused with CODE;
/// `None` when that would be of no use or not be safe.
fn window(method: &str, code: &str) -> Option<Duration> {
    let method = method.strip_prefix("Async.").unwrap_or(method);
    let uses_disks = matches!(
        method,
        "VM.start"
            | "VM.start_on"
            | "VM.resume"
            | "VM.resume_on"
            | "VM.clone"
            | "VM.copy"
            | "VM.snapshot"
            | "VM.revert"
            | "VBD.plug"
            | "VDI.destroy"
            | "VDI.resize"
            | "VDI.clone"
            | "VDI.copy"
            | "VDI.snapshot"
    );
    match code {
        "HOST_STILL_BOOTING" => Some(STARTING),
        "TOO_MANY_PENDING_TASKS" | "TOO_BUSY" => Some(STARTING),
        "OTHER_OPERATION_IN_PROGRESS" => Some(HELD),
        "VDI_IN_USE"
        | "VDI_NOT_AVAILABLE"
        | "SR_VDI_LOCKING_FAILED"
        | "SR_BACKEND_FAILURE_24"
        | "SR_BACKEND_FAILURE_46"
            if uses_disks =>
        {
            Some(HELD)
        }
        _ => None,
    }
}

/// The attempts at one call.
pub struct Attempts<'a> {
    method: &'a str,
    start: Moment,
    /// Nothing is tried after this.
    limit: Duration,
    made: u32,
    pause: Duration,
}

impl Attempts<'_> {
    /// Attempts at METHOD, for at most LIMIT.
    pub fn new(method: &str, limit: Duration) -> Attempts<'_> {
        Attempts {
            method,
            start: Moment::now(),
            limit,
            made: 0,
            pause: FIRST,
        }
    }

    /// What is left of the limit.
    pub fn left(&self) -> Duration {
        self.limit.saturating_sub(self.start.elapsed())
    }

    /// Wait until it is worth trying again after the refusal ERROR; `Err` when it is
    /// not, with what is to be said in the end.
    pub async fn again(&mut self, error: XapiError) -> Result<(), XapiError> {
        self.made += 1;
        let code = error.code().unwrap_or_default();
        let Some(window) = window(self.method, code) else {
            return Err(error);
        };
        let window = window.min(self.limit);
        let elapsed = self.start.elapsed();
        if elapsed + self.pause > window {
            return Err(error.after(self.made, elapsed));
        }
        if self.made == 1 {
            tell(Event::Note {
                text: format!(
                    "`{}`: host answered {code}; trying again for up to {} s",
                    self.method,
                    window.as_secs()
                ),
            });
        }
        clock::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_repeated_is() {
        for (method, code, expected) in [
            ("session.login_with_password", "HOST_STILL_BOOTING", true),
            ("Async.VM.start", "VDI_IN_USE", true),
            ("VM.start", "OTHER_OPERATION_IN_PROGRESS", true),
            ("VDI.destroy", "SR_BACKEND_FAILURE_46", true),
            ("VM.start", "VM_BAD_POWER_STATE", false),
            ("VM.start", "SR_BACKEND_FAILURE_44", false),
            ("VM.migrate_send", "VDI_IN_USE", false),
            ("VM.start", "INTERNAL_ERROR", false),
        ] {
            assert_eq!(window(method, code).is_some(), expected, "{method} {code}");
        }
    }
}
