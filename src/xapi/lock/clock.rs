//! The clock for leases: it goes on while this machine sleeps, and never slower than
//! the one that everybody reads.
//!
//! Linux's monotonic clock stands still meanwhile and its boot-time clock does not;
//! other systems differ. So time passes here as fast as the faster of that clock
//! and the wall clock says: one that jumps ahead ends a lease early, which is safe.
//!
//! Source: clock_gettime(2) of Linux and FreeBSD.

use crate::clock;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What the clocks showed last, and how much time has passed by then.
struct Reading {
    steady: Duration,
    wall: SystemTime,
    passed: Duration,
}

/// How much time has passed since some moment in the past.
pub fn now() -> Duration {
    static LAST: Mutex<Option<Reading>> = Mutex::new(None);
    let (steady, wall) = (steady(), clock::wall());
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let passed = last.as_ref().map_or(Duration::ZERO, |last| {
        let by_wall = wall.duration_since(last.wall).unwrap_or_default();
        last.passed + steady.saturating_sub(last.steady).max(by_wall)
    });
    *last = Some(Reading {
        steady,
        wall,
        passed,
    });
    passed
}

fn steady() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}

/// Wait for TIME, or a little longer.
pub async fn sleep(time: Duration) {
    clock::sleep(time).await;
}
