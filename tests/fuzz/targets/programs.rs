//! Any bytes as a program: reader, expander, emitter and machine give a value
//! or an error, and a program that goes on ends when it is interrupted.
//!
//! Programs run in this process, with this process's rights: fuzz in a
//! container or as a user who owns nothing.
#![no_main]

use fruix_scm::guile::interpreter::{Interpreter, Options};
use fruix_scm::guile::{memory, vm};
use libfuzzer_sys::fuzz_target;
use std::sync::mpsc;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    memory::set_limit(256 << 20);
    vm::on_large_stack(|| {
        let mut interpreter =
            Interpreter::new(Options::default()).expect("an interpreter can be made");
        let interrupter = interpreter.interrupter();
        let (ended, watch) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while watch.recv_timeout(Duration::from_secs(2)).is_err_and(|error| {
                    error == mpsc::RecvTimeoutError::Timeout
                }) {
                    interrupter.interrupt();
                }
            });
            let _ = interpreter.load_text("fuzz", text);
            drop(ended);
        });
    });
});
