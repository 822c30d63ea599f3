//! An end to the waiting for a key.
//!
//! Rustyline waits in a read(2) that nothing but a key or a signal ends. So a thread
//! looks at the clock, and sends the reading one the signal that rustyline takes for a
//! Ctrl-C; while it reads, that is rustyline's own and reaches nobody else.

use super::super::signals;
use rustyline::{Cmd, ConditionalEventHandler, Event, EventContext, RepeatCount};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often the clock is looked at.
const BEAT: Duration = Duration::from_millis(100);

/// How many beats a reader has to notice that it was told.
const BEATS_TO_NOTICE: u32 = 10;

struct State {
    /// When a key was pressed last, or reading began.
    last: Instant,
    reading: bool,
    is_over: bool,
    is_late: bool,
}

/// A clock that starts again with each key.
#[derive(Clone)]
pub struct Deadline(Arc<Mutex<State>>);

impl Deadline {
    /// Let reading on this thread end LIMIT after the last key, or when the process is
    /// asked to end.
    pub fn of(limit: Duration) -> Deadline {
        let deadline = Deadline(Arc::new(Mutex::new(State {
            last: Instant::now(),
            reading: false,
            is_over: false,
            is_late: false,
        })));
        let watched = deadline.clone();
        // SAFETY: asking which thread this is touches no memory.
        let reader = unsafe { libc::pthread_self() } as usize;
        thread::spawn(move || watched.watch(reader, limit));
        deadline
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, reader: usize, limit: Duration) {
        let mut beats = 0;
        loop {
            thread::sleep(BEAT);
            let mut state = self.state();
            if state.is_over {
                return;
            }
            if !state.reading || (state.last.elapsed() < limit && !signals::is_asked_to_end()) {
                beats = 0;
                continue;
            }
            state.is_late = true;
            if beats % BEATS_TO_NOTICE == 0 {
                // SAFETY: the reader outlives this, since it says that it is over first.
                unsafe { libc::pthread_kill(reader as libc::pthread_t, libc::SIGINT) };
            }
            beats += 1;
        }
    }

    /// Read by READ, which begins now.
    pub fn while_reading<T>(&self, read: impl FnOnce() -> T) -> T {
        {
            let mut state = self.state();
            (state.last, state.reading) = (Instant::now(), true);
        }
        let outcome = read();
        self.state().reading = false;
        outcome
    }

    /// Whether the waiting was ended.
    pub fn is_late(&self) -> bool {
        self.state().is_late
    }
}

/// The end of the talk: nobody reads any more.
pub struct Over(pub Deadline);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.state().is_over = true;
    }
}

impl ConditionalEventHandler for Deadline {
    /// A key starts the clock again, and does what it does.
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext) -> Option<Cmd> {
        self.state().last = Instant::now();
        None
    }
}
