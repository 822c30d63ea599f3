//! What verbs answer, on stdout.
//!
//! A reader that has seen enough, such as `head`, is no error: the rest goes
//! nowhere. A disk that is full is one.

use crate::failure::{Failure, Key};
use crate::visible::escape;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Print TEXT as a line.
pub fn print_line(text: impl Display) -> Result<(), Failure> {
    written(writeln!(io::stdout().lock(), "{text}"))
}

/// Print a line of BYTES, which may hold a file's name: as they are for another
/// program, escaped on a terminal.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        return print_line(escape(&String::from_utf8_lossy(bytes)));
    }
    let mut line = bytes.to_vec();
    line.push(b'\n');
    written(io::stdout().lock().write_all(&line))
}

/// Print TEXT, which has its ends of lines.
pub fn print_text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush()),
    )
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Key::System,
            format!("cannot write to stdout: {error}"),
        )),
        _ => Ok(()),
    }
}
