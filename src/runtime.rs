//! Owns tokio: the only place that blocks, and the place where Ctrl-C arrives.
//!
//! Domains are written as `async` functions with their own deadlines and their
//! own account of what was last seen; a primitive hands such a future to
//! [`wait`] or [`wait_alone`], which end it when the user interrupts. Clean-up
//! that must happen all the same goes through [`wait_to_clean_up`], which has a
//! deadline but does not listen to Ctrl-C.
//!
//! Source: tokio's documentation, `tokio::runtime`.

use crate::clock;
use crate::failure::{Failure, Key};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, Runtime, RuntimeFlavor};
use tokio::sync::Notify;

/// For how long [`eagerly`] looks: no more than a processor can spare for each call.
const MOMENT: Duration = Duration::from_micros(100);

/// How often the user has interrupted since somebody was told of it.
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

/// How many futures of [`wait_to_clean_up`] are on their way, and clean-ups
/// between [`begin_clean_up`] and [`end_clean_up`].
static CLEANING_UP: AtomicU32 = AtomicU32::new(0);

/// What else an interrupt has to reach, and whether it waits.
static DELIVERY: Mutex<Delivery> = Mutex::new(Delivery {
    program: None,
    is_held_back: false,
    has_waited: false,
});

/// How an interrupt reaches a program that does not wait in here.
#[derive(Clone)]
pub struct Program {
    /// Make the program stop where it is.
    pub interrupt: Arc<dyn Fn() + Send + Sync>,
    /// Let it go on although it was told to stop.
    pub resume: Arc<dyn Fn() + Send + Sync>,
}

struct Delivery {
    program: Option<Program>,
    /// Between [`begin_clean_up`] and [`end_clean_up`].
    is_held_back: bool,
    has_waited: bool,
}

fn delivery() -> MutexGuard<'static, Delivery> {
    DELIVERY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn notify() -> &'static Notify {
    static NOTIFY: OnceLock<Notify> = OnceLock::new();
    NOTIFY.get_or_init(Notify::new)
}

/// What the operating system gave, or why it gave nothing.
type Given = Result<Runtime, String>;

fn given(
    slot: &'static OnceLock<Given>,
    build: fn() -> std::io::Result<Runtime>,
) -> &'static Given {
    slot.get_or_init(|| build().map_err(|error| error.to_string()))
}

fn used(given: &'static Given) -> Result<&'static Runtime, Failure> {
    given.as_ref().map_err(|error| {
        let what =
            format!("cannot begin: the operating system gives no thread or event queue: {error}");
        Failure::new(Key::System, what).hint(
            "`ulimit -a` tells what a process may have; open files and processes are needed here",
        )
    })
}

fn shared() -> &'static Given {
    static RUNTIME: OnceLock<Given> = OnceLock::new();
    given(&RUNTIME, || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("fruix-io")
            .enable_all()
            .build()
    })
}

/// The runtime that has no threads of its own.
fn alone() -> &'static Given {
    static ALONE: OnceLock<Given> = OnceLock::new();
    given(&ALONE, || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    })
}

/// Take from the operating system what every wait needs: what there is not enough of is
/// told here, and not in the middle of something.
pub fn begin() -> Result<(), Failure> {
    used(shared())?;
    used(alone())?;
    Ok(())
}

fn runtime() -> &'static Runtime {
    used(shared()).expect("the process has begun")
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
    let _rest = clock::rest();
    used(shared())?.block_on(unless_interrupted(what, limit, future))
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
    let _rest = clock::rest();
    used(alone())?.block_on(unless_interrupted(what, limit, future))
}

/// How long what cannot be left half done may take to its end after an interrupt.
const GRACE: Duration = Duration::from_secs(2);

/// The same, where FUTURE makes something that UNDO takes away again: after an interrupt
/// it may be there already although its answer is still on the way.
pub fn wait_alone_or_undo<T, E, U>(
    what: &str,
    limit: Duration,
    future: impl Future<Output = Result<T, E>>,
    undo: impl FnOnce(T) -> U,
) -> Result<T, Failure>
where
    Failure: From<E>,
    U: Future,
{
    let _rest = clock::rest();
    used(alone())?.block_on(async {
        let mut future = pin!(future);
        let outcome = unless_interrupted(what, limit, future.as_mut()).await;
        if let Err(failure) = &outcome
            && failure.key() == Key::Interrupted
            && let Ok(Ok(made)) = clock::limit(GRACE, future).await
        {
            let _ = clock::limit(GRACE, undo(made)).await;
        }
        outcome
    })
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
        result = clock::backstop(limit, future) => match result {
            Ok(result) => result.map_err(Failure::from),
            Err(clock::Passed) => Err(gave_up(what, limit)),
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
    let rest = clock::rest();
    let outcome = used(shared()).map(|runtime| runtime.block_on(clock::backstop(limit, future)));
    drop(rest);
    CLEANING_UP.fetch_sub(1, Ordering::SeqCst);
    match outcome? {
        Ok(result) => result.map_err(Failure::from),
        Err(clock::Passed) => Err(gave_up(what, limit)),
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

/// Let interrupts reach PROGRAM too.
pub fn interrupts_reach(program: Program) {
    delivery().program = Some(program);
}

/// Record that the user pressed Ctrl-C, and wake or stop what goes on; answers how
/// often that has happened. During a clean-up it waits for the end of that.
pub fn interrupt() -> u32 {
    // Both ways in which an interrupt arrives are one event: who has seen it in one
    // of them, and lets the program go on, must not meet it again in the other.
    let mut delivery = delivery();
    if delivery.is_held_back {
        delivery.has_waited = true;
        return 1;
    }
    let count = INTERRUPTS.fetch_add(1, Ordering::SeqCst) + 1;
    notify().notify_waiters();
    if let Some(program) = &delivery.program {
        (program.interrupt)();
    }
    count
}

/// Whether an interrupt waits to be dealt with; who is told deals with it, since an
/// interrupt arrives once.
pub fn take_interrupt() -> bool {
    if INTERRUPTS.load(Ordering::SeqCst) == 0 {
        return false;
    }
    let mut delivery = delivery();
    let is_there = INTERRUPTS.load(Ordering::SeqCst) > 0;
    if is_there {
        forget(&mut delivery);
    }
    is_there
}

/// Forget interrupts: the prompt does this before it reads the next form.
pub fn clear_interrupt() {
    forget(&mut delivery());
}

fn forget(delivery: &mut Delivery) {
    INTERRUPTS.store(0, Ordering::SeqCst);
    if let Some(program) = &delivery.program {
        (program.resume)();
    }
}

/// The program cleans up, whatever ended it: interrupts before this one are
/// forgotten, and those that come wait for [`end_clean_up`].
pub fn begin_clean_up() {
    let mut delivery = delivery();
    forget(&mut delivery);
    if !std::mem::replace(&mut delivery.is_held_back, true) {
        CLEANING_UP.fetch_add(1, Ordering::SeqCst);
    }
}

/// The clean-up is over; an interrupt that has waited is told.
pub fn end_clean_up() {
    let has_waited = {
        let mut delivery = delivery();
        if std::mem::replace(&mut delivery.is_held_back, false) {
            CLEANING_UP.fetch_sub(1, Ordering::SeqCst);
        }
        std::mem::take(&mut delivery.has_waited)
    };
    if has_waited {
        interrupt();
    }
}

/// An interrupt that comes by itself, unless it is ended before.
pub struct Deadline {
    sleeper: tokio::task::JoinHandle<()>,
    has_passed: Arc<AtomicBool>,
}

impl Deadline {
    /// One that comes when LIMIT has passed.
    pub fn after(limit: Duration) -> Deadline {
        let has_passed = Arc::new(AtomicBool::new(false));
        let passes = Arc::clone(&has_passed);
        let sleeper = spawn(async move {
            clock::sleep(limit).await;
            passes.store(true, Ordering::SeqCst);
            interrupt();
        });
        Deadline {
            sleeper,
            has_passed,
        }
    }

    /// It is not wanted any more; whether it has come.
    pub fn end(self) -> bool {
        self.sleeper.abort();
        self.has_passed.load(Ordering::SeqCst)
    }
}

/// Block until the user interrupts.
pub fn wait_for_interrupt() {
    runtime().block_on(interrupted());
}

/// Completes when the user interrupts; that is then dealt with.
pub async fn interrupted() {
    loop {
        let notified = notify().notified();
        if take_interrupt() {
            return;
        }
        notified.await;
    }
}
