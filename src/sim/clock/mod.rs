//! The clock of a simulated world, which does not wait where nobody does anything.
//!
//! While this lives, the program's [`clock`](crate::clock) is the world's: the
//! harness's waits, the host's delays and leases, the mishaps that come at a moment
//! and the sleeping of the guest's programs all read it. A thread of its own looks
//! whether client, host and guest are all idle ([`idleness`]); then it sets the clock
//! ahead to the end of whoever's sleep ends first, and looks again when that has had
//! its effects. One thing happens after the other, in the order of their times.
//!
//! What the world does in less than [`GRACE`] between two leaps takes no time on its
//! clock, so that a run sees the same times on a machine that is busy with other
//! things; what takes longer is counted, so that a deadline also meets a guest that
//! computes for ever.
//!
//! A world that is served to other processes keeps to real time, as they do, but for
//! what it is told to leap ([`ServedClock`]).

mod idleness;
#[cfg(target_os = "linux")]
pub mod sleepers;

use crate::clock::{Hand, Moment};
use idleness::Watch;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How much of this machine's time the world may use between two leaps without its
/// clock showing it.
const GRACE: Duration = Duration::from_secs(1);

/// How long nobody may have done anything while real input or output is awaited: what
/// is sent reaches its receiver a moment later when this machine is busy.
const STILL: Duration = Duration::from_millis(20);

/// How often to look while somebody is busy, and while nobody sleeps.
const BUSY: Duration = Duration::from_micros(300);
const BUSY_FOR_LONG: Duration = Duration::from_millis(5);
const UNWANTED: Duration = Duration::from_millis(2);

/// The thread that sets the clock ahead; it ends when this is dropped.
#[derive(Debug)]
pub struct WorldClock {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl WorldClock {
    /// Let the clock of this process be the world's from now on. Where idleness
    /// cannot be seen, or a world has the clock already, it keeps to real time.
    pub fn start() -> io::Result<WorldClock> {
        let over = Arc::new(AtomicBool::new(false));
        let thread = match (Watch::new(), Hand::take(GRACE)) {
            (Some(watch), Some(hand)) => {
                let over = over.clone();
                let body = move || advance(&hand, watch, &over);
                let builder = std::thread::Builder::new().name("fruix-clock".to_owned());
                Some(builder.spawn(body)?)
            }
            _ => None,
        };
        Ok(WorldClock { over, thread })
    }
}

impl Drop for WorldClock {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn advance(hand: &Hand, mut watch: Watch, over: &AtomicBool) {
    let mut busy_since = Instant::now();
    let mut still_since: Option<Instant> = None;
    while !over.load(Ordering::SeqCst) {
        if !hand.is_wanted() {
            still_since = None;
            busy_since = Instant::now();
            std::thread::park_timeout(UNWANTED);
            continue;
        }
        let began = Instant::now();
        if !watch.all_idle(still_since.is_some()) {
            still_since = None;
            let long = busy_since.elapsed() > 20 * BUSY_FOR_LONG;
            std::thread::park_timeout(if long { BUSY_FOR_LONG } else { BUSY });
            continue;
        }
        let since = *still_since.get_or_insert(began);
        if hand.is_guarded() && since.elapsed() < STILL {
            std::thread::park_timeout(STILL / 8);
            continue;
        }
        still_since = None;
        busy_since = Instant::now();
        if watch.settles() {
            continue;
        }
        match hand.next() {
            Some(moment) => hand.leap(moment, tell_dials),
            // A limit comes first, and at its own pace.
            None => std::thread::park_timeout(BUSY_FOR_LONG),
        }
    }
}

/// The clock of a world that is served to others: it goes as this machine's does, and
/// is set ahead when somebody says so.
#[derive(Debug)]
pub struct ServedClock {
    hand: Hand,
    watch: Option<Watch>,
}

impl ServedClock {
    /// Let the clock of this process be such a world's; `None` when another has it.
    pub fn start() -> Option<ServedClock> {
        Some(ServedClock {
            hand: Hand::take(Duration::ZERO)?,
            watch: Watch::new(),
        })
    }

    /// Set the clock ahead by DURATION. What comes due on the way happens in the order
    /// of its times, as far as this machine is not busy for long.
    pub fn advance(&mut self, duration: Duration) {
        let end = Moment::now() + duration;
        while let Some(moment) = self.hand.next_until(end) {
            self.hand.leap(moment, tell_dials);
            self.settle();
        }
        self.hand.leap(end, tell_dials);
        self.settle();
    }

    /// Wait until host and guest have done what was due, but not for long: a program
    /// may compute for ever.
    fn settle(&mut self) {
        const LONGEST: Duration = Duration::from_millis(200);
        let began = Instant::now();
        while began.elapsed() < LONGEST {
            if let Some(watch) = &mut self.watch
                && watch.all_idle(false)
                && !watch.settles()
            {
                return;
            }
            std::thread::sleep(BUSY);
        }
    }
}

/// A file that says how far the world's clock is ahead of this machine's, in seconds:
/// what a guest's `date` goes by.
#[derive(Debug)]
pub struct Dial(File);

static DIALS: Mutex<Vec<Weak<Dial>>> = Mutex::new(Vec::new());
static SHOWN: Mutex<f64> = Mutex::new(0.0);

impl Dial {
    /// Make the file PATH. It is kept up to date as long as the dial lives.
    pub fn make(path: &Path) -> io::Result<Arc<Dial>> {
        let dial = Arc::new(Dial(File::create(path)?));
        let shown = lock(&SHOWN);
        dial.show(*shown)?;
        let mut dials = lock(&DIALS);
        dials.retain(|dial| dial.strong_count() > 0);
        dials.push(Arc::downgrade(&dial));
        Ok(dial)
    }

    fn show(&self, seconds: f64) -> io::Result<()> {
        // Always as long, so that nobody reads half of one and half of another.
        self.0
            .write_all_at(format!("{seconds:+020.6}\n").as_bytes(), 0)
    }
}

fn tell_dials(seconds: f64) {
    let mut shown = lock(&SHOWN);
    *shown = seconds;
    for dial in lock(&DIALS).iter().filter_map(Weak::upgrade) {
        // A guest whose disk is full has an old time.
        let _ = dial.show(seconds);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
