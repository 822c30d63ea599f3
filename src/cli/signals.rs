//! Ctrl-C, and the other polite requests to end.
//!
//! The first one interrupts the program, whose clean-up then runs; the second
//! ends the process at once. After a terminate or a hangup nobody may be there
//! to send a second one: a program that goes on all the same is ended. Several of those
//! at once are one.

use crate::failure::{Failure, Key};
use crate::guile::interpreter::Interpreter;
use crate::runtime;
use anyhow::Context;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

static PATIENCE: Mutex<Patience> = Mutex::new(Patience::OneMore);
/// Ends a program that a terminate or a hangup has not ended.
static DEADLINE: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);

/// How long a program may go on after a terminate or a hangup.
const RESPITE: Duration = Duration::from_secs(30);

/// When a terminate or a hangup has come first.
static ASKED: Mutex<Option<Instant>> = Mutex::new(None);

/// Within this time they are one request: a shell and the kernel both tell of a hangup,
/// and each thread of a parent of its end.
const AT_ONCE: Duration = Duration::from_secs(1);

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
    let interrupter = interpreter.interrupter();
    let other = interrupter.clone();
    runtime::interrupts_reach(runtime::Program {
        interrupt: Arc::new(move || interrupter.interrupt()),
        resume: Arc::new(move || other.resume()),
    });
    listen()
}

/// Turn the signals of this process into interrupts from now on.
pub fn listen() -> Result<(), Failure> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    runtime::begin()?;
    STARTED
        .get_or_init(|| start().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| Failure::new(Key::System, format!("cannot listen for signals: {error}")))
}

/// Whether somebody has asked the process to end, by a terminate or a hangup.
pub fn is_asked_to_end() -> bool {
    lock(&DEADLINE).is_some()
}

/// The prompt reads its next form: a signal before this one is forgotten.
pub fn forget() {
    *lock(&PATIENCE) = Patience::OneMore;
    *lock(&ASKED) = None;
    if let Some(deadline) = lock(&DEADLINE).take() {
        deadline.abort();
    }
    runtime::clear_interrupt();
}

/// Turn also those signals into interrupts that otherwise end a process on the spot:
/// there is something now that has to be removed.
pub fn listen_to_all() -> Result<(), Failure> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    listen()?;
    STARTED
        .get_or_init(|| turn(&fatal()).map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| Failure::new(Key::System, format!("cannot listen for signals: {error}")))
}

/// The signals that end a process that has made no provision for them and that
/// nobody sends because of a fault in it.
fn fatal() -> Vec<SignalKind> {
    let numbers = [
        libc::SIGALRM,
        libc::SIGPROF,
        libc::SIGQUIT,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGVTALRM,
        libc::SIGXCPU,
    ];
    #[cfg(target_os = "linux")]
    let of_this_system = [libc::SIGPOLL, libc::SIGPWR, libc::SIGSTKFLT];
    #[cfg(not(target_os = "linux"))]
    let of_this_system = [];
    numbers
        .into_iter()
        .chain(of_this_system)
        .map(SignalKind::from_raw)
        .collect()
}

fn start() -> anyhow::Result<()> {
    turn(&[
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ])
}

fn turn(kinds: &[SignalKind]) -> anyhow::Result<()> {
    for kind in kinds.iter().copied() {
        let mut signals = runtime::enter(|| signal(kind))
            .with_context(|| format!("signal {}", kind.as_raw_value()))?;
        runtime::spawn(async move {
            while signals.recv().await.is_some() {
                arrived(kind);
            }
        });
    }
    Ok(())
}

fn arrived(kind: SignalKind) {
    if kind != SignalKind::interrupt() {
        let mut asked = lock(&ASKED);
        if asked.is_some_and(|asked| asked.elapsed() < AT_ONCE) {
            return;
        }
        *asked = Some(Instant::now());
    }
    let before = std::mem::replace(&mut *lock(&PATIENCE), Patience::Spent);
    if before == Patience::Spent {
        leave("interrupted again");
    }
    if kind != SignalKind::interrupt() {
        *lock(&DEADLINE) = Some(runtime::spawn(async {
            respite_is_over(RESPITE).await;
            leave("asked to end, and the program goes on");
        }));
    }
    runtime::interrupt();
}

/// Completes after RESPITE, and not while something is being cleaned up: that
/// has deadlines of its own.
async fn respite_is_over(respite: Duration) {
    tokio::time::sleep(respite).await;
    while runtime::is_cleaning_up() {
        tokio::time::sleep(respite / 30).await;
    }
}

fn leave(why: &str) -> ! {
    eprintln!("fruix-scm: {why}, leaving at once; what was being cleaned up may remain");
    std::process::exit(130)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_program_is_not_ended_in_the_middle_of_its_cleaning_up() {
        let (ended, end) = channel();
        runtime::wait_to_clean_up("tidying up", Duration::from_secs(60), async {
            runtime::spawn(async move {
                respite_is_over(Duration::from_millis(30)).await;
                let _ = ended.send(());
            });
            tokio::time::sleep(Duration::from_millis(90)).await;
            assert!(end.try_recv().is_err(), "the end came too early");
            Ok::<_, Failure>(())
        })
        .unwrap();
        end.recv_timeout(Duration::from_secs(60)).unwrap();
    }
}
