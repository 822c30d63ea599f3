//! What is going on, told to whoever watches.
//!
//! Domains and runs tell; only `cli` prints. Without a watcher, as in most
//! tests, nothing is shown. Text from outside (a guest's output, a host's
//! names) is passed on as it came: the watcher escapes it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::{Duration, Instant};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A step of a harness has begun.
    StepStarted { name: String },
    /// A step has ended well.
    StepPassed { name: String, elapsed: Duration },
    /// A step has ended with an error.
    StepFailed {
        name: String,
        elapsed: Duration,
        message: String,
    },
    /// A step that an earlier process of the run has done is not done again.
    StepKept { name: String, why: String },
    /// A check holds; one that does not ends its step.
    CheckPassed { what: String },
    /// Bytes have moved; WHAT names the transfer, such as ``import `disk.img` ``.
    /// The same WHAT with DONE equal to TOTAL ends it.
    Transfer {
        what: String,
        done: u64,
        total: Option<u64>,
    },
    /// A line that a program in a guest printed, without its newline.
    Line { source: String, text: String },
    /// How far long work in a guest is; its lines come as well.
    Work {
        source: String,
        stage: Option<String>,
        lines: u64,
        warnings: u64,
        elapsed: Duration,
        outlook: Outlook,
        last: String,
    },
    /// The work of SOURCE has ended, or is no longer watched.
    WorkEnded { source: String },
    /// The work of SOURCE has failed: what it printed last, and where its whole
    /// output is, each a place in words.
    WorkFailed {
        source: String,
        last: Vec<String>,
        logs: Vec<String>,
    },
    /// Something a person may want to know.
    Note { text: String },
}

/// What earlier work of the same kind says about work that goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outlook {
    /// There was none.
    Unknown,
    /// The share of it that is done, and the time that is left.
    Left { done: f64, left: Duration },
    /// The earlier work had ended here, after BEFORE.
    Past { before: Duration },
}

/// Somebody who wants to know.
pub trait Watcher: Send + Sync {
    /// Called on whichever thread the event happens; must not block for long.
    fn see(&self, event: &Event);

    /// Whether somebody is there who could answer a question.
    fn can_ask(&self) -> bool {
        false
    }

    /// Show PROMPT and return what somebody types unseen; `None` when nobody
    /// does.
    fn ask_secret(&self, prompt: &str) -> Option<String> {
        let _ = prompt;
        None
    }

    /// Show PROMPT and return the line that somebody types within LIMIT; `None`
    /// when nobody does.
    fn ask_line(&self, prompt: &str, limit: Duration) -> Option<String> {
        let _ = (prompt, limit);
        None
    }
}

fn watcher() -> &'static RwLock<Option<Arc<dyn Watcher>>> {
    static WATCHER: OnceLock<RwLock<Option<Arc<dyn Watcher>>>> = OnceLock::new();
    WATCHER.get_or_init(|| RwLock::new(None))
}

/// Let WATCHER see every event from now on, in place of the one before.
pub fn watch(new: Arc<dyn Watcher>) {
    *watcher()
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(new);
}

fn current() -> Option<Arc<dyn Watcher>> {
    watcher()
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone()
}

/// How long telling has taken, in nanoseconds.
static SPENT: AtomicU64 = AtomicU64::new(0);

/// Tell the watcher, if there is one, of EVENT.
pub fn tell(event: Event) {
    if let Some(current) = current() {
        let began = Instant::now();
        current.see(&event);
        let spent = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        SPENT.fetch_add(spent, Ordering::Relaxed);
    }
}

/// How long telling of events has taken in this process.
pub fn spent() -> Duration {
    Duration::from_nanos(SPENT.load(Ordering::Relaxed))
}

/// Ask the watcher for a line within LIMIT.
pub fn ask_line(prompt: &str, limit: Duration) -> Option<String> {
    current()?.ask_line(prompt, limit)
}

/// Whether the watcher could answer a question.
pub fn can_ask() -> bool {
    current().is_some_and(|current| current.can_ask())
}

/// Ask the watcher for a secret, such as a passphrase.
pub fn ask_secret(prompt: &str) -> Option<String> {
    current()?.ask_secret(prompt)
}
