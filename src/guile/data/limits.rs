//! Limits that a part of a program runs under: of time, and of what it allocates.
//!
//! Where one is passed, the machine is interrupted and unwinds to the frame that set the
//! limit, past every handler: what runs under a limit cannot catch that. What it had
//! under way is lost, so a limit is no alarm. Time is the machine's own, also where a
//! program goes by a simulated clock: a loop without end passes no other.
//!
//! Allocation is all that has been taken since the limit was set, given back or not.
//! Left out: what the machine takes for its boxes and vectors from room that it has.
//!
//! Source: GNU Guile reference manual, "Sandboxed Evaluation".

use crate::data::memory;
use crate::data::native::Target;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a machine that was told may take until it is told once more: something that
/// ran in between may have let it go on.
const GRACE: Duration = Duration::from_secs(2);

/// Interrupts the machine of this thread, and lets it go on.
#[derive(Clone)]
pub struct Controls {
    pub interrupt: Arc<dyn Fn() + Send + Sync>,
    pub resume: Arc<dyn Fn() + Send + Sync>,
}

/// What is not to be passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    Time(Duration),
    /// In bytes.
    Allocation(usize),
}

/// A thread that waits until time is up.
struct Watch {
    is_up: AtomicBool,
    is_over: Mutex<bool>,
    changed: Condvar,
}

enum Kind {
    Time(Arc<Watch>),
    /// Passed when the meter of allocation stands beyond this.
    Allocation(usize),
}

struct Limit {
    target: Target,
    kind: Kind,
}

impl Limit {
    fn is_passed(&self) -> bool {
        match &self.kind {
            Kind::Time(watch) => watch.is_up.load(Ordering::SeqCst),
            Kind::Allocation(end) => memory::allocated() > *end,
        }
    }
}

thread_local! {
    static CONTROLS: RefCell<Option<Controls>> = const { RefCell::new(None) };
    /// The limits in force, outermost first.
    static LIMITS: RefCell<Vec<Limit>> = const { RefCell::new(Vec::new()) };
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// From now on CONTROLS are those of this thread's machine.
pub fn control_by(controls: Controls) {
    CONTROLS.with(|slot| *slot.borrow_mut() = Some(controls));
}

/// Set a limit of AMOUNT, from now on; where it is passed the machine unwinds to TARGET.
/// By that it is known. The error is the system's refusal of a thread.
pub fn begin(amount: Amount, target: Target) -> std::io::Result<()> {
    let kind = match amount {
        Amount::Time(time) => Kind::Time(watch(time)?),
        Amount::Allocation(bytes) => Kind::Allocation(memory::allocated().saturating_add(bytes)),
    };
    LIMITS.with(|limits| limits.borrow_mut().push(Limit { target, kind }));
    settled();
    Ok(())
}

fn watch(time: Duration) -> std::io::Result<Arc<Watch>> {
    let watch = Arc::new(Watch {
        is_up: AtomicBool::new(false),
        is_over: Mutex::new(false),
        changed: Condvar::new(),
    });
    let watched = watch.clone();
    let controls = CONTROLS.with(|slot| slot.borrow().clone());
    std::thread::Builder::new()
        .name("limit".to_owned())
        .spawn(move || {
            let mut time = time;
            let mut is_over = watched
                .is_over
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            loop {
                let waited;
                (is_over, waited) = watched
                    .changed
                    .wait_timeout_while(is_over, time, |is_over| !*is_over)
                    .unwrap_or_else(PoisonError::into_inner);
                if !waited.timed_out() {
                    return;
                }
                watched.is_up.store(true, Ordering::SeqCst);
                // Held by the lock: nobody is interrupted by a limit that has ended.
                if let Some(controls) = &controls {
                    (controls.interrupt)();
                }
                time = GRACE;
            }
        })?;
    Ok(watch)
}

/// End the limit with TARGET; whether it was in force and passed. No machine is interrupted
/// for it any more.
pub fn end(target: Target) -> bool {
    let ended = LIMITS.with(|limits| {
        let mut limits = limits.borrow_mut();
        let index = limits.iter().rposition(|limit| limit.target == target)?;
        Some(limits.remove(index))
    });
    let Some(ended) = ended else {
        return false;
    };
    if let Kind::Time(watch) = &ended.kind {
        *watch.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        watch.changed.notify_one();
    }
    let is_passed = ended.is_passed();
    settled();
    if is_passed {
        memory::forget_budget();
        if let Some(controls) = CONTROLS.with(|slot| slot.borrow().clone()) {
            (controls.resume)();
        }
    }
    is_passed
}

/// Let the allocator know what the nearest limit of allocation is.
fn settled() {
    LIMITS.with(|limits| {
        let limits = limits.borrow();
        COUNT.with(|count| count.set(limits.len()));
        memory::set_budget(
            limits
                .iter()
                .filter_map(|limit| match limit.kind {
                    Kind::Allocation(end) => Some(end),
                    Kind::Time(_) => None,
                })
                .min(),
        );
    });
}

/// Where the machine shall unwind to because a limit is passed, the outermost of them;
/// who asks sends it there.
pub fn passed() -> Option<Target> {
    if COUNT.with(Cell::get) == 0 {
        return None;
    }
    LIMITS.with(|limits| {
        let limits = limits.borrow();
        let target = limits.iter().find(|limit| limit.is_passed())?.target;
        memory::forget_budget();
        Some(target)
    })
}

/// Whether time is up for something that waits.
pub fn is_time_up() -> bool {
    COUNT.with(Cell::get) > 0
        && LIMITS.with(|limits| {
            limits
                .borrow()
                .iter()
                .any(|limit| matches!(limit.kind, Kind::Time(_)) && limit.is_passed())
        })
}
