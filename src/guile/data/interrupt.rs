//! Whether the user wants the program to stop.
//!
//! Who listens to Ctrl-C counts outside of the language, and says here how to ask.

use crate::data::limits;
use std::sync::OnceLock;
use steel::SteelErr;
use steel::parser::span::Span;

static ASK: OnceLock<fn() -> bool> = OnceLock::new();

/// From now on ASK tells whether an interrupt waits to be dealt with, once for each.
pub fn ask_by(ask: fn() -> bool) {
    ASK.get_or_init(|| ask);
}

/// Whether an interrupt waits to be dealt with; who is told deals with it.
pub fn take_interrupt() -> bool {
    ASK.get().is_some_and(|ask| ask()) || limits::is_time_up()
}

/// Make, and drop, the error that the machine makes when it is interrupted.
pub fn make_error() {
    fn interrupted() -> Result<(), SteelErr> {
        let thread = std::thread::current().id();
        steel::stop!(Generic => format!("Thread: {thread:?} - Interrupted by user"); Span::default())
    }
    // Whoever asks for it wants to see it made.
    drop(std::hint::black_box(interrupted()));
}
