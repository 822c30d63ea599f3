//! Asks whoever sits at the terminal: for a secret, which is not shown, or a line.
//!
//! The terminal is `/dev/tty`, whatever stdin and stderr are, as for ssh(1).

use crate::runtime;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Longer than any passphrase; a paste of a whole file is none.
const LONGEST: usize = 1024;

/// Whether there is a terminal to ask at.
pub fn can_ask() -> bool {
    terminal().is_some()
}

fn terminal() -> Option<File> {
    File::options().read(true).write(true).open("/dev/tty").ok()
}

/// Shows typing again, whichever way asking ends.
struct Unseen<'a>(&'a File, Termios);

impl Drop for Unseen<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.0, OptionalActions::Flush, &self.1);
        let _ = writeln!(self.0);
    }
}

/// Show PROMPT and read a line; `None` when nobody types one, or the user
/// interrupts.
pub fn ask(prompt: &str) -> Option<String> {
    let terminal = terminal()?;
    let before = tcgetattr(&terminal).ok()?;
    let mut unseen = before.clone();
    unseen.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Flush, &unseen).ok()?;
    let guard = Unseen(&terminal, before);
    let mut shown = &terminal;
    write!(shown, "{}", crate::visible::escape(prompt)).ok()?;
    line(guard.0, None)
}

/// Show PROMPT and read a line that is seen; `None` when nobody types one within
/// LIMIT, or the user interrupts.
pub fn ask_line(prompt: &str, limit: Duration) -> Option<String> {
    let terminal = terminal()?;
    let mut shown = &terminal;
    write!(shown, "{} ", crate::visible::escape(prompt)).ok()?;
    let answer = line(&terminal, Some(Instant::now() + limit));
    if answer.is_none() {
        let _ = writeln!(shown);
    }
    answer
}

fn line(mut terminal: &File, end: Option<Instant>) -> Option<String> {
    let mut line = Vec::new();
    let moment = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    while !runtime::take_interrupt()
        && line.len() < LONGEST
        && end.is_none_or(|end| Instant::now() < end)
    {
        let mut waiting = [PollFd::new(terminal, PollFlags::IN)];
        if matches!(poll(&mut waiting, Some(&moment)), Ok(0) | Err(_)) {
            continue;
        }
        let mut byte = [0];
        if terminal.read(&mut byte).ok()? == 0 {
            return None;
        }
        if byte == *b"\n" {
            return String::from_utf8(line).ok();
        }
        line.extend(byte);
    }
    None
}
