//! Ctrl-C, and the other polite requests to end.
//!
//! The first one interrupts the program, whose clean-up then runs; the second
//! ends the process at once.

use crate::failure::{Failure, Key};
use crate::guile::interpreter::{Interpreter, Interrupter};
use crate::runtime;
use anyhow::Context;
use std::sync::{Mutex, OnceLock};
use tokio::signal::unix::{SignalKind, signal};

static INTERRUPTER: Mutex<Option<Interrupter>> = Mutex::new(None);
static PATIENCE: Mutex<Patience> = Mutex::new(Patience::OneMore);

/// What a second Ctrl-C does.
#[derive(Clone, Copy, PartialEq)]
enum Patience {
    /// A program is running: the next signal interrupts it, one more ends the process.
    OneMore,
    /// The program has been interrupted already.
    Spent,
}

/// Let signals interrupt INTERPRETER from now on.
pub fn watch(interpreter: &Interpreter) -> Result<(), Failure> {
    *lock(&INTERRUPTER) = Some(interpreter.interrupter());
    listen()
}

/// Turn the signals of this process into interrupts from now on.
pub fn listen() -> Result<(), Failure> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    STARTED
        .get_or_init(|| start().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| Failure::new(Key::System, format!("cannot listen for signals: {error}")))
}

/// The prompt reads its next form: a signal before this one is forgotten.
pub fn forget() {
    *lock(&PATIENCE) = Patience::OneMore;
    runtime::clear_interrupt();
}

fn start() -> anyhow::Result<()> {
    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        let mut signals = runtime::enter(|| signal(kind))
            .with_context(|| format!("signal {}", kind.as_raw_value()))?;
        runtime::spawn(async move {
            while signals.recv().await.is_some() {
                arrived();
            }
        });
    }
    Ok(())
}

fn arrived() {
    let before = std::mem::replace(&mut *lock(&PATIENCE), Patience::Spent);
    if before == Patience::Spent {
        eprintln!(
            "fruix-scm: interrupted again, leaving at once; what was being cleaned up may remain"
        );
        std::process::exit(130);
    }
    runtime::interrupt();
    if let Some(interrupter) = lock(&INTERRUPTER).as_ref() {
        interrupter.interrupt();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
