//! What time it is for a program, and sleeping.
//!
//! By itself this is the machine's time. Who embeds the language may have a clock of
//! his own, such as that of a simulated world, and says here how to read it.
//!
//! Left out: time limits of select(2) and alarms, which are the kernel's.

use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant, SystemTime};

/// A clock, as its three uses.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// How much time has passed since some moment, always the same.
    pub passed: fn() -> Duration,
    /// What the calendar shows.
    pub wall: fn() -> SystemTime,
    /// Block this thread until END has passed, or for the second duration of the
    /// machine's time, whichever comes first.
    pub pause: fn(Duration, Duration),
}

static CLOCK: OnceLock<Clock> = OnceLock::new();

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// This machine's.
const MACHINE: Clock = Clock {
    passed: || BEGAN.elapsed(),
    wall: SystemTime::now,
    pause: |end, slice| std::thread::sleep(end.saturating_sub(BEGAN.elapsed()).min(slice)),
};

/// From now on programs go by CLOCK.
pub fn go_by(clock: Clock) {
    CLOCK.get_or_init(|| clock);
}

fn clock() -> &'static Clock {
    CLOCK.get().unwrap_or(&MACHINE)
}

/// How much time has passed since some moment, always the same.
pub fn passed() -> Duration {
    (clock().passed)()
}

/// What the calendar shows.
pub fn wall() -> SystemTime {
    (clock().wall)()
}

/// Block this thread until so much time as END has passed, or for SLICE of the
/// machine's time: the caller then looks whether he has a reason to end his sleep.
pub fn pause(end: Duration, slice: Duration) {
    (clock().pause)(end, slice);
}
