//! `read`: the next datum of a port.
//!
//! A file is read whole, so that its text is looked at once. From a terminal
//! or a pipe no more is taken than the datum needs.

use super::eof_object;
use super::ports::{self, Encoding, State};
use super::text;
use crate::guile::natives::{Machine, Outcome, Raise};
use crate::guile::pairs;
use crate::guile::reader::{ReadError, Reader, ValueBuilder};
use crate::guile::value::Value;
use crate::natives;
use std::os::fd::AsRawFd;

/// Whether reading the whole of the port cannot block.
fn is_regular(state: &State) -> bool {
    let Some(descriptor) = &state.descriptor else {
        return true;
    };
    // SAFETY: `stat` is plain data, and fstat writes it.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let known = unsafe { libc::fstat(descriptor.as_raw_fd(), &raw mut stat) } == 0;
    known && stat.st_mode & libc::S_IFMT == libc::S_IFREG
}

/// The unread bytes as text; what is not UTF-8 ends it.
fn unread_text(state: &mut State) -> &str {
    let Some(input) = &mut state.input else {
        return "";
    };
    let checked = input.valid.max(input.position);
    if checked < input.bytes.len() {
        let good = match std::str::from_utf8(&input.bytes[checked..]) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        input.valid = checked + good;
    }
    // SAFETY: the bytes from `position` to `valid` have been checked above or before;
    // whoever changes them sets `valid` back, and `position` is between characters.
    unsafe {
        std::str::from_utf8_unchecked(&input.bytes[input.position..input.valid.max(input.position)])
    }
}

fn read_error(state: &State, error: &ReadError, text: &str) -> Raise {
    let at = (error.span.start as usize).min(text.len());
    let before = &text.as_bytes()[..at];
    let lines = before.iter().filter(|byte| **byte == b'\n').count();
    let column = match before.iter().rposition(|byte| *byte == b'\n') {
        Some(newline) => at - newline - 1,
        None => state.column + at,
    };
    Raise::throw(
        "read-error",
        vec![
            text::value("read"),
            text::value(format!(
                "{}:{}:{}: {}",
                state.name.as_deref().unwrap_or("#<unknown port>"),
                state.line + lines + 1,
                column + 1,
                error.message
            )),
            pairs::nil(),
            Value::BoolV(false),
        ],
    )
}

/// One datum from the text that is there: the datum, how much text it took, and whether more could change it.
fn parse(machine: &mut Machine, text: &str) -> Result<(Option<Value>, usize), ReadError> {
    // Vectors made on the way are held by Rust alone until the datum is whole.
    let mut roots = Vec::new();
    let mut vector = |items: Vec<Value>| {
        let vector = machine.vector(items);
        roots.push(vector.as_rooted());
        vector
    };
    let mut reader = Reader::new(text, 0);
    let datum = reader.read(&mut ValueBuilder {
        vector: &mut vector,
    })?;
    Ok((datum, reader.position()))
}

fn read(machine: &mut Machine, args: &[Value]) -> Outcome {
    let port = ports::input_port("read", args, 1)?;
    let mut state = port.borrow_mut();
    let mut whole = is_regular(&state);
    if whole {
        while state.refill("read")? {}
    }
    loop {
        if state.encoding == Encoding::Latin1 && !state.unread().is_ascii() {
            let text = state.decode(state.unread());
            return match parse(machine, &text) {
                Ok((datum, consumed)) => {
                    state.consume(text[..consumed].chars().count());
                    Ok(datum.unwrap_or_else(eof_object))
                }
                Err(error) => Err(read_error(&state, &error, &text)),
            };
        }
        let text = unread_text(&mut state);
        let length = text.len();
        match parse(machine, text) {
            Ok((Some(datum), consumed)) if whole || consumed < length || text.ends_with(')') => {
                state.consume(consumed);
                return Ok(datum);
            }
            Ok((None, consumed)) if whole => {
                state.consume(consumed);
                return Ok(eof_object());
            }
            Err(error) if whole || !error.incomplete => {
                let text = text.to_owned();
                let raise = read_error(&state, &error, &text);
                let consumed = (error.span.end as usize)
                    .clamp(1, text.len().max(1))
                    .min(text.len());
                state.consume(consumed);
                return Err(raise);
            }
            _ => whole = !state.refill("read")?,
        }
    }
}

natives! {
    /// (read [port]) -> the next datum, or the end-of-file object
    "read" (0, 1) with machine => read,
}
