//! Why a build stopped, as its log tells it.

use serde::{Deserialize, Serialize};

/// Why a build stopped.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Cause {
    /// The target that failed, where make names it.
    pub target: Option<String>,
    pub how: How,
    /// The directory in which make stopped first, where it says so.
    pub directory: Option<String>,
    /// The line that says most.
    pub summary: String,
    /// What the target printed, at most the last few lines.
    pub lines: Vec<String>,
    /// The stage that the build was in.
    pub stage: Option<String>,
    /// The number of the line in the log that tells of the failure, from one.
    pub line: u64,
}

impl Cause {
    /// The cause in a line: what was said last says little of what a signal ended.
    pub fn told(&self) -> String {
        let reason = self.reason();
        let How::Signal(signal) = self.how else {
            return match reason {
                Some(reason) => format!("{} ({reason})", self.summary),
                None => self.summary.clone(),
            };
        };
        let target = self.target.as_deref().unwrap_or("a target");
        let reason = reason.map(|reason| format!(", {reason}"));
        format!(
            "`{target}` was ended by signal {signal}{}; last: {}",
            reason.unwrap_or_default(),
            self.summary
        )
    }

    /// The likely reason, where how it failed says one.
    pub fn reason(&self) -> Option<&'static str> {
        const MEMORY: &str = "killed, as the kernel does for want of memory";
        // A shell gives 128 and the signal for a command that a signal has ended.
        let signal = match self.how {
            How::Signal(signal) => Some(signal),
            How::Status(status) => status.checked_sub(128),
            How::Unsaid => None,
        };
        let killed = [
            "unable to execute command: Killed",
            "Killed signal terminated program",
            "out of memory",
            "Cannot allocate memory",
            "virtual memory exhausted",
            "std::bad_alloc",
        ];
        match signal {
            Some(9) => Some(MEMORY),
            Some(4..=8 | 10..=12) => Some("it crashed"),
            _ => killed
                .iter()
                .any(|words| self.summary.contains(words))
                .then_some(MEMORY),
        }
    }
}

/// How a target failed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    Status(u32),
    Signal(u32),
    /// The log does not say, as where make itself refuses to go on.
    Unsaid,
}

/// What a whole log says of the build.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It names no failure.
    Passed,
    Failed(Cause),
    /// It names no failure, and has no end.
    CutOff,
}
