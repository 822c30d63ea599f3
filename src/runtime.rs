//! Owns tokio: the only place that blocks, and the place where Ctrl-C arrives.
//!
//! Domains are written as `async` functions with their own deadlines and their
//! own account of what was last seen; a primitive hands such a future to
//! [`wait`] or [`wait_alone`], which end it when the user interrupts. Clean-up
//! that must happen all the same goes through [`wait_to_clean_up`], which has a
//! deadline but does not listen to Ctrl-C.
//!
//! Source: tokio's documentation, `tokio::runtime`.

use crate::failure::{Failure, Key};
use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, Runtime, RuntimeFlavor};
use tokio::sync::Notify;

/// For how long [`eagerly`] looks: no more than a processor can spare for each call.
const MOMENT: Duration = Duration::from_micros(100);

/// How often the user has interrupted since the last [`clear_interrupt`].
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

/// How many futures of [`wait_to_clean_up`] are on their way.
static CLEANING_UP: AtomicU32 = AtomicU32::new(0);

fn notify() -> &'static Notify {
    static NOTIFY: OnceLock<Notify> = OnceLock::new();
    NOTIFY.get_or_init(Notify::new)
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("fruix-io")
            .enable_all()
            .build()
            .expect("the operating system gives a new process a thread and an event queue")
    })
}

/// The runtime that has no threads of its own.
fn alone() -> &'static Runtime {
    static ALONE: OnceLock<Runtime> = OnceLock::new();
    ALONE.get_or_init(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the operating system gives a new process an event queue")
    })
}

/// Run FUTURE to its end, for at most LIMIT, or until the user interrupts.
///
/// WHAT completes the sentence "interrupted: …" and "gave up …", so it names
/// the operation and its object: ``importing `disk.img` into VDI 0f1f…``.
/// LIMIT is the backstop; the future's own deadlines, which know what was last
/// seen, come first.
pub fn wait<T, E>(
    what: &str,
    limit: Duration,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure>
where
    Failure: From<E>,
{
    runtime().block_on(unless_interrupted(what, limit, future))
}

/// The same, where nothing that FUTURE begins is to go on after its end, such as
/// a call and its answer. This thread then looks at its sockets itself, and no
/// other has to wake it: a call takes half the time. A socket that is opened here
/// makes progress here alone.
pub fn wait_alone<T, E>(
    what: &str,
    limit: Duration,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure>
where
    Failure: From<E>,
{
    alone().block_on(unless_interrupted(what, limit, future))
}

/// Whether what runs now runs in [`wait_alone`].
pub fn is_alone() -> bool {
    Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::CurrentThread)
}

/// Run FUTURE, which waits for something that may come at once, and look for that
/// again and again for a moment before this thread goes to sleep: going to sleep
/// and being woken takes longer than a host nearby needs for its answer.
pub async fn eagerly<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let end = Instant::now() + MOMENT;
    loop {
        if let Poll::Ready(outcome) = futures_util::poll!(future.as_mut()) {
            return outcome;
        }
        if Instant::now() >= end {
            return future.await;
        }
        tokio::task::yield_now().await;
    }
}

async fn unless_interrupted<T, E>(
    what: &str,
    limit: Duration,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure>
where
    Failure: From<E>,
{
    tokio::select! {
        biased;
        () = interrupted() => {
            // Told once: whoever catches it may still use the guest and the host to
            // tidy. Another one ends the process.
            clear_interrupt();
            Err(Failure::interrupted(what))
        }
        result = tokio::time::timeout(limit, future) => match result {
            Ok(result) => result.map_err(Failure::from),
            Err(_) => Err(gave_up(what, limit)),
        },
    }
}

/// Run FUTURE to its end, for at most LIMIT, whatever the user presses.
pub fn wait_to_clean_up<T, E>(
    what: &str,
    limit: Duration,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure>
where
    Failure: From<E>,
{
    CLEANING_UP.fetch_add(1, Ordering::SeqCst);
    let outcome = runtime().block_on(async { tokio::time::timeout(limit, future).await });
    CLEANING_UP.fetch_sub(1, Ordering::SeqCst);
    match outcome {
        Ok(result) => result.map_err(Failure::from),
        Err(_) => Err(gave_up(what, limit)),
    }
}

/// Whether a future of [`wait_to_clean_up`] is on its way.
pub fn is_cleaning_up() -> bool {
    CLEANING_UP.load(Ordering::SeqCst) > 0
}

fn gave_up(what: &str, limit: Duration) -> Failure {
    Failure::new(
        Key::Timeout,
        format!("gave up {what} after {} s", limit.as_secs()),
    )
}

/// Let FUTURE run beside everything else; servers of the simulator live here.
pub fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    runtime().spawn(future)
}

/// Call BODY where tokio's constructors find the runtime that they need.
pub fn enter<T>(body: impl FnOnce() -> T) -> T {
    let _guard = runtime().enter();
    body()
}

/// Record that the user pressed Ctrl-C; answers how often that has happened.
pub fn interrupt() -> u32 {
    let count = INTERRUPTS.fetch_add(1, Ordering::SeqCst) + 1;
    notify().notify_waiters();
    count
}

/// Whether an interrupt waits to be dealt with.
pub fn is_interrupted() -> bool {
    INTERRUPTS.load(Ordering::SeqCst) > 0
}

/// Forget interrupts: the prompt does this before it reads the next form.
pub fn clear_interrupt() {
    INTERRUPTS.store(0, Ordering::SeqCst);
}

/// Block until the user interrupts.
pub fn wait_for_interrupt() {
    runtime().block_on(interrupted());
}

/// Completes when the user interrupts.
pub async fn interrupted() {
    loop {
        let notified = notify().notified();
        if is_interrupted() {
            return;
        }
        notified.await;
    }
}
