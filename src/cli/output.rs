//! What verbs answer, on stdout.
//!
//! A reader that has seen enough, such as `head`, is no error: the rest goes
//! nowhere. A disk that is full is one.

use crate::failure::{Failure, Key};
use std::fmt::Display;
use std::io::{self, Write};

/// Print TEXT as a line.
pub fn print_line(text: impl Display) -> Result<(), Failure> {
    written(writeln!(io::stdout().lock(), "{text}"))
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
