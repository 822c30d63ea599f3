//! Other processes that a verb lets work for it: fruix-scm itself, and a user's command.
//!
//! A child has a process group of its own, so that Ctrl-C at a terminal reaches this
//! process alone, which passes it on and waits until the child has tidied up. When this
//! process is killed the child is asked to end, so that its run is interrupted, and does
//! not go on unseen. It reads nothing: nobody is asked anything.
//!
//! Source: setpgid(2); prctl(2), `PR_SET_PDEATHSIG`; procctl(2), `PROC_PDEATHSIG_CTL`.

use super::signals;
use crate::failure::{Failure, Key};
use crate::runtime;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// The variable that tells fruix-scm what it is run for by another one.
pub const PURPOSE: &str = "FRUIX_SCM_MADE_FOR";

/// How often a child is looked at.
const PACE: Duration = Duration::from_millis(20);
/// How long a child may take: it has deadlines of its own.
const LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long a child may take to tidy up after an interrupt.
const RESPITE: Duration = Duration::from_secs(600);

/// How a child has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exited(u8),
    /// By a signal of this number.
    Killed(i32),
}

impl End {
    fn of(status: ExitStatus) -> End {
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        match (code, status.signal()) {
            (Some(code), _) => End::Exited(code),
            (None, signal) => End::Killed(signal.unwrap_or_default()),
        }
    }

    /// The status as a shell tells it.
    pub fn status(self) -> i32 {
        match self {
            End::Exited(status) => i32::from(status),
            End::Killed(signal) => 128 + signal,
        }
    }
}

/// fruix-scm with WORDS, for PURPOSE. It does not write the record that this one may have
/// been asked for, and what it prints is progress.
pub fn fruix_scm(words: &[OsString], purpose: &str) -> Result<Command, Failure> {
    let failed = |error: io::Error| {
        Failure::new(Key::System, format!("cannot run fruix-scm again: {error}")).cause(error)
    };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map_err(failed)?;
    let mut command = Command::new(program().map_err(failed)?);
    command
        .args(words)
        .env_remove("METADATA_OUT")
        .env(PURPOSE, purpose)
        .stdout(Stdio::from(stderr));
    Ok(command)
}

/// WORDS behind the program's name, as one would write them to a shell.
pub fn shown(words: &[OsString]) -> String {
    let mut text = "fruix-scm".to_owned();
    for word in words {
        let word = word.to_string_lossy();
        let is_plain = |letter: char| letter.is_alphanumeric() || "-_./=:,+@%".contains(letter);
        text.push(' ');
        match !word.is_empty() && word.chars().all(is_plain) {
            true => text.push_str(&word),
            false => text.push_str(&format!("'{}'", word.replace('\'', "'\\''"))),
        }
    }
    text
}

/// The program that runs, also where another has its name now.
fn program() -> io::Result<PathBuf> {
    match cfg!(target_os = "linux") {
        true => Ok(PathBuf::from("/proc/self/exe")),
        false => std::env::current_exe(),
    }
}

/// Run COMMAND to its end; WHAT completes "cannot run …" and "interrupted: …". Where the
/// user interrupts, so is COMMAND, and its end is waited for.
pub fn run(what: &str, mut command: Command) -> Result<End, Failure> {
    signals::listen()?;
    command.stdin(Stdio::null()).process_group(0);
    let parent = std::process::id();
    // SAFETY: what is called between fork and exec is async-signal-safe: system calls.
    unsafe { command.pre_exec(move || end_with(parent)) };
    let mut child = command.spawn().map_err(|error| {
        Failure::new(Key::System, format!("cannot run {what}: {error}")).cause(error)
    })?;
    let ended = runtime::wait(what, LIMIT, ends(&mut child));
    match ended {
        Ok(status) => Ok(End::of(status)),
        Err(failure) => {
            pass_on(&child, libc::SIGINT);
            let _ = runtime::wait_to_clean_up(what, RESPITE, ends(&mut child));
            Err(failure)
        }
    }
}

async fn ends(child: &mut Child) -> Result<ExitStatus, Failure> {
    loop {
        let looked = child
            .try_wait()
            .map_err(|error| Failure::new(Key::System, "cannot wait for a process").cause(error))?;
        if let Some(status) = looked {
            return Ok(status);
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Send SIGNAL to CHILD and to what it has started.
fn pass_on(child: &Child, signal: i32) {
    let Ok(group) = libc::pid_t::try_from(child.id()) else {
        return;
    };
    // SAFETY: a plain system call; the child, which leads the group, was not waited for.
    unsafe { libc::kill(-group, signal) };
}

/// This process, a child of PARENT, is asked to end when that is gone.
#[cfg(target_os = "linux")]
fn end_with(parent: u32) -> io::Result<()> {
    // SAFETY: plain system calls.
    unsafe {
        if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) != 0 {
            return Err(io::Error::last_os_error());
        }
        is_still_there(parent)
    }
}

/// This process, a child of PARENT, is asked to end when that is gone.
#[cfg(target_os = "freebsd")]
fn end_with(parent: u32) -> io::Result<()> {
    let mut signal: libc::c_int = libc::SIGTERM;
    // SAFETY: plain system calls; the kernel reads an `int`.
    unsafe {
        let of = (&raw mut signal).cast();
        if libc::procctl(libc::P_PID, 0, libc::PROC_PDEATHSIG_CTL, of) != 0 {
            return Err(io::Error::last_os_error());
        }
        is_still_there(parent)
    }
}

/// Elsewhere nothing is known of the parent's end.
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
fn end_with(parent: u32) -> io::Result<()> {
    // SAFETY: a plain system call.
    unsafe { is_still_there(parent) }
}

/// Fail when PARENT has ended before it was asked to be told of.
unsafe fn is_still_there(parent: u32) -> io::Result<()> {
    // SAFETY: a plain system call that cannot fail.
    match u32::try_from(unsafe { libc::getppid() }) {
        Ok(now) if now == parent => Ok(()),
        _ => Err(io::Error::from_raw_os_error(libc::ESRCH)),
    }
}

/// Wait until DONE says so, as what another process does is waited for; WHAT completes
/// "interrupted: …".
pub fn until(what: &str, done: impl Fn() -> bool) -> Result<(), Failure> {
    signals::listen()?;
    runtime::wait(what, LIMIT, async {
        while !done() {
            tokio::time::sleep(PACE * 10).await;
        }
        Ok::<(), Failure>(())
    })
}
