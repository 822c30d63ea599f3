//! Characters and lines read.
//!
//! Source: GNU Guile reference manual, "Textual I/O".

use super::or_eof;
use crate::data::args::{self, boolean, character, string, unspecified};
use crate::data::native::{Outcome, Raise};
use crate::data::value::{Value, eof_object};
use crate::data::{errors, pairs, strings as text};
use crate::library::ports::{self, Encoding, State};
use crate::natives;
use std::os::fd::AsRawFd;

fn read_char(args: &[Value]) -> Outcome {
    let port = ports::input_port("read-char", args, 1)?;
    let next = port.borrow_mut().read_char("read-char")?;
    or_eof(next, Value::CharV)
}

fn peek_char(args: &[Value]) -> Outcome {
    let port = ports::input_port("peek-char", args, 1)?;
    let next = port.borrow_mut().peek("peek-char")?;
    or_eof(next, |(character, _)| Value::CharV(character))
}

fn unread_char(args: &[Value]) -> Outcome {
    let character = character("unread-char", args, 1)?;
    let port = ports::input_port("unread-char", args, 2)?;
    port.borrow_mut()
        .push_back(character.encode_utf8(&mut [0; 4]));
    Ok(unspecified())
}

fn unread_string(args: &[Value]) -> Outcome {
    let text = string("unread-string", args, 1)?;
    let port = ports::input_port("unread-string", args, 2)?;
    port.borrow_mut().push_back(text);
    Ok(unspecified())
}

pub(super) fn char_ready(args: &[Value]) -> Outcome {
    let port = ports::input_port("char-ready?", args, 1)?;
    let state = port.borrow();
    if state.available() > 0 {
        return Ok(boolean(true));
    }
    let Some(descriptor) = &state.descriptor else {
        return Ok(boolean(true));
    };
    let mut request = libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one descriptor, one request.
    Ok(boolean(unsafe { libc::poll(&raw mut request, 1, 0) } > 0))
}

/// Read up to DELIMITER: what came before it, and whether it was there.
pub(super) fn line(
    state: &mut State,
    delimiter: u8,
    procedure: &str,
) -> Result<(String, bool), Raise> {
    if matches!(state.encoding, Encoding::Other(_)) || state.refuses_bytes() {
        let mut line = String::new();
        while let Some(character) = state.read_char(procedure)? {
            if character == char::from(delimiter) {
                return Ok((line, true));
            }
            line.push(character);
        }
        return Ok((line, false));
    }
    state.pass_mark(procedure)?;
    let mut searched = 0;
    loop {
        let unread = state.unread();
        if let Some(at) = unread[searched..]
            .iter()
            .position(|byte| *byte == delimiter)
        {
            let line = unread[..searched + at].to_vec();
            state.consume(line.len() + 1);
            return Ok((state.decode(&line), true));
        }
        searched = unread.len();
        if !state.refill(procedure)? {
            let line = state.unread().to_vec();
            state.consume(line.len());
            return Ok((state.decode(&line), false));
        }
    }
}

/// (read-line [port [handle-delim]])
fn read_line(args: &[Value]) -> Outcome {
    let port = ports::input_port("read-line", args, 1)?;
    let mut state = port.borrow_mut();
    let handling = match args.get(1) {
        Some(_) => args::symbol("read-line", args, 2)?,
        None => "trim",
    };
    let (line, delimited) = line(&mut state, b'\n', "read-line")?;
    let found = delimited || !line.is_empty();
    match handling {
        "trim" => or_eof(found.then_some(line), text::value),
        "concat" => or_eof(found.then_some(line), |line| {
            text::value(if delimited { format!("{line}\n") } else { line })
        }),
        "peek" => {
            if delimited {
                state.push_back("\n");
            }
            or_eof(found.then_some(line), text::value)
        }
        "split" => {
            let delimiter = if delimited {
                Value::CharV('\n')
            } else {
                eof_object()
            };
            let line = if found {
                text::value(line)
            } else {
                eof_object()
            };
            Ok(pairs::cons(line, delimiter))
        }
        _ => Err(errors::misc(
            "read-line",
            "unexpected handle-delim value: ~S",
            vec![args[1].clone()],
        )),
    }
}

/// (%read-delimited delimiters port): text before a delimiter and the delimiter, or the eof object for it.
fn read_delimited(args: &[Value]) -> Outcome {
    let delimiters: Vec<char> = string("read-delimited", args, 1)?.chars().collect();
    let port = ports::input_port("read-delimited", args, 2)?;
    let mut state = port.borrow_mut();
    let mut text = String::new();
    loop {
        match state.peek("read-delimited")? {
            None => return Ok(pairs::cons(text::value(text), eof_object())),
            Some((character, width)) => {
                state.consume(width);
                if delimiters.contains(&character) {
                    return Ok(pairs::cons(text::value(text), Value::CharV(character)));
                }
                text.push(character);
            }
        }
    }
}

fn read_characters(state: &mut State, count: usize, procedure: &str) -> Result<String, Raise> {
    let mut text = String::new();
    for _ in 0..count {
        match state.read_char(procedure)? {
            Some(character) => text.push(character),
            None => break,
        }
    }
    Ok(text)
}

/// (get-string-n port count)
fn get_string_n(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-string-n", args, 1)?;
    let count = args::size("get-string-n", args, 2)?;
    let text = read_characters(&mut port.borrow_mut(), count, "get-string-n")?;
    or_eof(
        (count == 0 || !text.is_empty()).then_some(text),
        text::value,
    )
}

fn get_string_all(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-string-all", args, 1)?;
    let text = port.borrow_mut().read_text("get-string-all")?;
    Ok(text::value(text))
}

/// (read-string [port [limit]]) of (ice-9 rdelim), and (read-string count [port]) of R7RS.
fn read_string(args: &[Value]) -> Outcome {
    if let Some(Value::IntV(count)) = args.first() {
        let port = ports::input_port("read-string", args, 2)?;
        let text = read_characters(
            &mut port.borrow_mut(),
            (*count).max(0) as usize,
            "read-string",
        )?;
        return or_eof(
            (*count == 0 || !text.is_empty()).then_some(text),
            text::value,
        );
    }
    let port = ports::input_port("read-string", args, 1)?;
    let mut state = port.borrow_mut();
    match args.get(1) {
        Some(Value::IntV(limit)) => {
            let text = read_characters(&mut state, (*limit).max(0) as usize, "read-string")?;
            Ok(text::value(text))
        }
        _ => {
            let text = state.read_text("read-string")?;
            Ok(text::value(text))
        }
    }
}

fn drain_input(args: &[Value]) -> Outcome {
    let port = ports::input_port("drain-input", args, 1)?;
    let mut state = port.borrow_mut();
    let bytes = state.drain();
    Ok(text::value(state.decode(&bytes)))
}

natives! {
    /// (read-char [port]) -> the next character, or the end-of-file object
    "read-char" (0, 1) with ports => read_char,
    /// (peek-char [port]) -> the same, and leave it to be read
    "peek-char" (0, 1) with ports => peek_char,
    /// (unread-char character [port]) -> have it read next
    "unread-char" (1, 1) => unread_char,
    /// (unread-string string [port]) -> have its characters read next
    "unread-string" (1, 1) => unread_string,
    /// (char-ready? [port]) -> whether a character can be read without waiting
    "char-ready?" (0, 1) with ports => char_ready,
    /// (read-line [port [handle-delim]]) -> the next line, or the end-of-file object
    ///
    /// HANDLE-DELIM says what becomes of the newline: trim, concat, peek or split.
    "read-line" (0, 2) with ports => read_line,
    /// (%next-line [port [handling]]) -> the same as `read-line`
    "%next-line" (0, 2) with ports => read_line,
    /// (%read-delimited delimiters [port]) -> the pair of the text up to one of DELIMITERS, and that one
    "%read-delimited" (1, 1) with ports => read_delimited,
    /// (%read-string [port [limit]]) -> what is left as a string, of at most LIMIT characters
    "%read-string" (0, 2) with ports => read_string,
    /// (%get-string-n port count) -> up to COUNT characters, or the end-of-file object
    "%get-string-n" (2) with ports => get_string_n,
    /// (%get-string-all port) -> what is left as a string, or the end-of-file object
    "%get-string-all" (1) with ports => get_string_all,
    /// (drain-input port) -> what has arrived and was not read, as a string
    "drain-input" (1) with ports => drain_input,
}
