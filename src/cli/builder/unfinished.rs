//! What is said when a module ends the process before there is an answer.
//!
//! `primitive-exit` ends a program at once, with a status of the module's choice.
//! Status 0 would then stand for a check that has not been made.

use std::io::Write as _;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static UNFINISHED: AtomicBool = AtomicBool::new(false);

/// The status of an error in a script.
const STATUS: libc::c_int = 4;

/// As long as it lives, the end of the process is an error.
pub struct Unfinished;

impl Unfinished {
    pub fn begin() -> Unfinished {
        static REGISTERED: Once = Once::new();
        // SAFETY: the function is there as long as the process is.
        REGISTERED.call_once(|| unsafe {
            libc::atexit(at_exit);
        });
        UNFINISHED.store(true, Ordering::SeqCst);
        Unfinished
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.store(false, Ordering::SeqCst);
    }
}

extern "C" fn at_exit() {
    if UNFINISHED.load(Ordering::SeqCst) {
        let told = "fruix-scm: media.scm, or what it loads, ended the program before its layout \
                    was known\nhint: take the call of `primitive-exit` out\n";
        // Where this cannot be said, the status still is.
        let _ = std::io::stderr().write_all(told.as_bytes());
        // SAFETY: ends the process at once, in place of the status it would have had.
        unsafe { libc::_exit(STATUS) }
    }
}
