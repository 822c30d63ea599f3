//! The clock that everybody reads: what time it is, how long to sleep, when to give up.
//!
//! It goes as this machine's clock does, unless somebody holds its [`Hand`]: a
//! simulated world does, and sets it ahead when nobody in that world has anything
//! to do but to wait. Whoever reads it cannot tell, and has no reason to ask.
//!
//! There are two ways to wait. A *sleep* ([`sleep`], [`sleep_until`], [`pause`])
//! waits for nothing but the time, and the clock may be set ahead to its end. A
//! *limit* ([`limit`], [`limit_at`]) guards work on real input and output: the clock is
//! never set ahead to it nor past it, so that it comes when so much time has really
//! been spent, and what was asleep until later does not come before it.
//!
//! Beside both, [`machine`] waits by this machine's clock alone, unseen by this one:
//! what paces a look at something here, within a limit, and what watches over a
//! connection for as long as there is one.
//!
//! What is shown of long work is taken by a [`Stopwatch`].
//!
//! Left out: file times, which are the machine's own.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Add;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::time_provider::TimeProvider;

/// A point in time on this clock; only the time between two of them means anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// The clock's first one.
    pub const FIRST: Moment = Moment(Duration::ZERO);

    /// The present one.
    pub fn now() -> Moment {
        state().now()
    }

    /// How long ago this was; zero when it is still to come.
    pub fn elapsed(self) -> Duration {
        Moment::now().since(self)
    }

    /// How long after EARLIER this is; zero when it is before.
    pub fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment, DURATION before; the clock's first one when there is none.
    pub fn before(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_sub(duration))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(duration))
    }
}

/// What the calendar shows, for what is compared with the times of hosts and guests.
pub fn wall() -> SystemTime {
    let machine = SystemTime::now();
    let state = state();
    let (ours, real) = (state.now().0, state.began.elapsed());
    match ours.checked_sub(real) {
        Some(ahead) => machine.checked_add(ahead),
        None => machine.checked_sub(real.saturating_sub(ours)),
    }
    .unwrap_or(machine)
}

/// The same in whole seconds since 1970.
pub fn seconds_since_1970() -> u64 {
    since_1970(wall()).as_secs()
}

/// How long after the beginning of 1970 WALL is; nothing where it is before, as a clock is
/// that nobody has set.
fn since_1970(wall: SystemTime) -> Duration {
    wall.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The time for TLS, whose own provider panics where it is before 1970. Sessions that are
/// taken up again are dated by it; no certificate is judged by it, since hosts are pinned.
#[derive(Debug)]
pub struct TlsTime;

impl TimeProvider for TlsTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(since_1970(wall())))
    }
}

/// Sleep for DURATION.
pub async fn sleep(duration: Duration) {
    sleep_until(Moment::now() + duration).await;
}

/// Sleep until MOMENT.
pub async fn sleep_until(moment: Moment) {
    let _kept = keep(moment, Wait::Sleep);
    reach(moment).await;
}

/// A limit has passed, and what it was set to was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed;

/// What WORK gives, or [`Passed`] after DURATION.
pub fn limit<F: Future>(
    duration: Duration,
    work: F,
) -> impl Future<Output = Result<F::Output, Passed>> {
    guarded(Moment::now() + duration, Wait::Limit, work)
}

/// What WORK gives, or [`Passed`] at MOMENT.
pub fn limit_at<F: Future>(
    moment: Moment,
    work: F,
) -> impl Future<Output = Result<F::Output, Passed>> {
    guarded(moment, Wait::Limit, work)
}

/// What WORK gives, or [`Passed`] after DURATION. WORK has sleeps and limits of its
/// own, and this is for when they fail.
pub fn backstop<F: Future>(
    duration: Duration,
    work: F,
) -> impl Future<Output = Result<F::Output, Passed>> {
    guarded(Moment::now() + duration, Wait::Backstop, work)
}

fn guarded<F: Future>(
    moment: Moment,
    wait: Wait,
    work: F,
) -> impl Future<Output = Result<F::Output, Passed>> {
    // Work holds work that has limits too: what lies in a box is not made larger, and
    // does not fill the stack, by what is put around it.
    let mut work = Box::pin(work);
    async move {
        let _kept = keep(moment, wait);
        tokio::select! {
            biased;
            outcome = work.as_mut() => Ok(outcome),
            () = reach(moment) => Err(Passed),
        }
    }
}

/// Block this thread until MOMENT, or until SLICE of this machine's time has passed:
/// the caller then looks whether it has a reason to end its sleep.
pub fn pause(moment: Moment, slice: Duration) {
    let _rest = rest();
    let _kept = keep(moment, Wait::Sleep);
    let state = state();
    if let Some(left) = state.left(moment) {
        // Woken early, for whatever reason, is as good as woken by the slice.
        drop(LEAPT.wait_timeout(state, left.min(slice)));
    }
}

/// Waits that the clock neither leaps over nor stops at.
pub mod machine {
    use std::time::Duration;

    /// Let DURATION of this machine's time pass.
    pub async fn sleep(duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// The same, blocking this thread.
    pub fn pause(duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// Completes when the clock shows MOMENT, by itself or because it was set ahead.
async fn reach(moment: Moment) {
    let mut leaps = LEAPS.subscribe();
    loop {
        leaps.borrow_and_update();
        let Some(left) = state().left(moment) else {
            return;
        };
        tokio::select! {
            biased;
            _ = leaps.changed() => {}
            () = tokio::time::sleep(left) => {}
        }
    }
}

/// Measures how long something took, its own work included: what was really spent
/// on it, and what the clock was set ahead meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    began: Instant,
    ahead: Duration,
}

impl Stopwatch {
    /// One that starts now.
    pub fn start() -> Stopwatch {
        Stopwatch {
            began: Instant::now(),
            ahead: state().ahead,
        }
    }

    /// How long it took in the world whose clock this is.
    pub fn elapsed(&self) -> Duration {
        self.real() + state().ahead.saturating_sub(self.ahead)
    }

    /// How long whoever sat before this machine has waited.
    pub fn real(&self) -> Duration {
        self.began.elapsed()
    }
}

/// Says, for as long as it lives, that a program does nothing until something comes.
#[derive(Debug)]
pub struct Rest(());

/// The program of the calling thread rests from now on.
pub fn rest() -> Rest {
    state().resting += 1;
    Rest(())
}

impl Drop for Rest {
    fn drop(&mut self) {
        let mut state = state();
        state.resting = state.resting.saturating_sub(1);
    }
}

/// Why somebody waits for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Sleep,
    Limit,
    Backstop,
}

struct State {
    began: Instant,
    /// What the clock showed when it was set the last time, and when that was.
    set: Duration,
    since: Instant,
    /// For how long it then stands still.
    grace: Duration,
    /// How far it was set ahead in all.
    ahead: Duration,
    waits: BTreeMap<(Moment, u64), Wait>,
    next: u64,
    resting: usize,
    held: bool,
}

impl State {
    fn now(&self) -> Moment {
        Moment(self.set + self.since.elapsed().saturating_sub(self.grace))
    }

    /// How much of this machine's time passes until MOMENT comes by itself; `None`
    /// when it has come.
    fn left(&self, moment: Moment) -> Option<Duration> {
        if moment <= self.now() {
            return None;
        }
        let whole = moment.0.saturating_sub(self.set) + self.grace;
        Some(whole.saturating_sub(self.since.elapsed()))
    }

    /// Let the clock show SHOWN from now on.
    fn set(&mut self, shown: Moment, grace: Duration) {
        let now = self.now();
        self.ahead += shown.since(now);
        self.set = shown.max(now).0;
        self.since = Instant::now();
        self.grace = grace;
    }
}

static STATE: LazyLock<Mutex<State>> = LazyLock::new(|| {
    let now = Instant::now();
    Mutex::new(State {
        began: now,
        set: Duration::ZERO,
        since: now,
        grace: Duration::ZERO,
        ahead: Duration::ZERO,
        waits: BTreeMap::new(),
        next: 0,
        resting: 0,
        held: false,
    })
});

/// Counts how often the clock was set ahead, for those who wait in a future.
static LEAPS: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// The same for those who block a thread.
static LEAPT: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Somebody waits for a moment for as long as this lives.
#[derive(Debug)]
struct Kept((Moment, u64));

fn keep(moment: Moment, wait: Wait) -> Kept {
    let mut state = state();
    let key = (moment, state.next);
    state.next += 1;
    state.waits.insert(key, wait);
    Kept(key)
}

impl Drop for Kept {
    fn drop(&mut self) {
        state().waits.remove(&self.0);
    }
}

/// What sets the clock ahead. There is one at most.
#[derive(Debug)]
pub struct Hand(());

impl Hand {
    /// Take it; `None` when somebody else holds it. From now on the clock stands
    /// still for GRACE after each time it was set, so that what a world does in so
    /// short a time takes none there, however busy this machine is.
    pub fn take(grace: Duration) -> Option<Hand> {
        let mut state = state();
        if std::mem::replace(&mut state.held, true) {
            return None;
        }
        let now = state.now();
        state.set(now, grace);
        Some(Hand(()))
    }

    /// Whether a program rests and somebody sleeps.
    pub fn is_wanted(&self) -> bool {
        let state = state();
        state.resting > 0 && state.waits.values().any(|wait| *wait == Wait::Sleep)
    }

    /// Whether real input or output is waited for.
    pub fn is_guarded(&self) -> bool {
        state().waits.values().any(|wait| *wait == Wait::Limit)
    }

    /// The moment to which the clock may be set when nobody has anything to do: the
    /// end of the first sleep, unless a limit comes before it. `None` also while no
    /// program rests.
    pub fn next(&self) -> Option<Moment> {
        let state = state();
        let ((moment, _), wait) = state.waits.first_key_value()?;
        // What is due already is on its way.
        let free = state.resting > 0 && *wait == Wait::Sleep && *moment > state.now();
        free.then_some(*moment)
    }

    /// The end of the first sleep that ends after now and not after MOMENT.
    pub fn next_until(&self, moment: Moment) -> Option<Moment> {
        let state = state();
        let now = state.now();
        let mut sleeps = state.waits.iter().filter(|(_, wait)| **wait == Wait::Sleep);
        let ((next, _), _) = sleeps.find(|((end, _), _)| *end > now)?;
        (*next <= moment).then_some(*next)
    }

    /// Set the clock ahead to MOMENT. TELL is called with how far it then is ahead of
    /// this machine's, in seconds that may be negative, before anybody wakes.
    pub fn leap(&self, moment: Moment, tell: impl FnOnce(f64)) {
        let mut state = state();
        let grace = state.grace;
        state.set(moment, grace);
        tell(state.now().0.as_secs_f64() - state.began.elapsed().as_secs_f64());
        drop(state);
        LEAPS.send_modify(|count| *count += 1);
        LEAPT.notify_all();
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        let mut state = state();
        let now = state.now();
        state.set(now, Duration::ZERO);
        state.held = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_shows_tls_the_beginning_of_1970() {
        let before = UNIX_EPOCH - Duration::from_millis(1);
        assert_eq!(since_1970(before), Duration::ZERO);
        let after = UNIX_EPOCH + Duration::from_secs(5);
        assert_eq!(since_1970(after), Duration::from_secs(5));
    }
}
