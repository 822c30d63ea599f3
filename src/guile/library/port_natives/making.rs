//! Ports made and closed.
//!
//! Source: GNU Guile reference manual, "Port Types"; R6RS libraries, section 8.

use super::properties::set_encoding;
use super::state;
use crate::data::args::{self, boolean, fixnum, string, unspecified};
use crate::data::bytevectors;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::roots::Root;
use crate::data::value::{Value, string_value};
use crate::data::{errors, pairs, strings as text};
use crate::library::ports::{self, Encoding, Kind, Program, State};
use crate::library::{encodings, opening, processes};
use crate::natives;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

fn open_input_string(args: &[Value]) -> Outcome {
    string("open-input-string", args, 1).map(ports::string_input)
}

fn open_output_string(_: &[Value]) -> Outcome {
    Ok(ports::string_output())
}

fn get_output_string(args: &[Value]) -> Outcome {
    match ports::get(&args[0]) {
        Some(state) if state.borrow().output.is_some() && !state.borrow().closed => {
            let written = ports::decoded(&args[0]).unwrap_or_else(|| Ok(String::new()));
            Ok(text::value(written?))
        }
        Some(state) if state.borrow().closed => Err(errors::expecting(
            "get-output-string",
            1,
            "open output string port",
            &args[0],
        )),
        _ => Err(errors::wrong_type("get-output-string", 1, &args[0])),
    }
}

fn open_input_bytes(args: &[Value]) -> Outcome {
    bytevectors::bytes("open-bytevector-input-port", args, 1).map(ports::bytes_input)
}

fn output_bytes(args: &[Value]) -> Outcome {
    state("get-output-bytevector", args, |state| {
        Ok(bytevectors::value(
            state
                .output
                .as_ref()
                .map(|output| output.bytes.clone())
                .unwrap_or_default(),
        ))
    })
}

fn take_output_bytes(args: &[Value]) -> Outcome {
    state("get-output-bytevector", args, |state| {
        Ok(bytevectors::value(
            state
                .output
                .as_mut()
                .map(|output| std::mem::take(&mut output.bytes))
                .unwrap_or_default(),
        ))
    })
}

fn open_output_bytes(_: &[Value]) -> Outcome {
    Ok(ports::bytes_output())
}

fn void_port(args: &[Value]) -> Outcome {
    string("%make-void-port", args, 1).map(ports::void)
}

/// Open the file at argument 1 in MODE.
fn open(procedure: &str, args: &[Value], mode: &str) -> Outcome {
    let path = args::path(procedure, args, 1)?;
    let name = string(procedure, args, 1)?;
    let flags = match (mode.chars().next(), mode.contains('+')) {
        (Some('r'), false) => libc::O_RDONLY,
        (Some('r'), true) => libc::O_RDWR,
        (Some('w'), plus) => {
            (if plus { libc::O_RDWR } else { libc::O_WRONLY }) | libc::O_CREAT | libc::O_TRUNC
        }
        (Some('a'), plus) => {
            (if plus { libc::O_RDWR } else { libc::O_WRONLY }) | libc::O_CREAT | libc::O_APPEND
        }
        _ => return Err(errors::value_out_of_range(procedure, &string_value(mode))),
    };
    let descriptor = opening::open(procedure, path, flags | libc::O_CLOEXEC, 0o666)?
        .map_err(|code| errors::system_about("open-file", code, name))?;
    let port = ports::descriptor(descriptor, mode, Some(name.to_owned()));
    match ports::default_now(ports::Default::Encoding).filter(|_| !mode.contains('b')) {
        Some(Value::StringV(name)) => {
            ports::with(&port, |state| set_encoding(state, text::of(&name))).transpose()?;
        }
        Some(Value::BoolV(false)) => {
            ports::with(&port, |state| state.encoding = Encoding::Latin1);
        }
        _ => {}
    }
    let mut guess = false;
    let mut keywords = args.iter().skip(1).peekable();
    while let Some(keyword) = keywords.next() {
        let refused = |message: &str| {
            Err(Raise::throw(
                "keyword-argument-error",
                vec![
                    text::value(procedure),
                    text::value(message),
                    pairs::nil(),
                    pairs::list([keyword.clone()]),
                ],
            ))
        };
        let word = match keyword {
            Value::SymbolV(word) if word.as_str().starts_with("#:") => Some(word),
            _ => None,
        };
        if keywords.peek().is_none() {
            return refused("Keyword argument has no value");
        }
        let Some(keyword) = word else {
            return refused("Invalid keyword");
        };
        {
            match keyword.as_str() {
                "#:encoding" => {
                    if let Some(Value::StringV(encoding)) = keywords.next() {
                        ports::with(&port, |state| set_encoding(state, text::of(encoding)))
                            .transpose()?;
                    }
                }
                "#:guess-encoding" => {
                    guess = !matches!(keywords.next(), Some(Value::BoolV(false)) | None);
                }
                "#:binary" => {
                    if !matches!(keywords.next(), Some(Value::BoolV(false)) | None) {
                        ports::with(&port, |state| {
                            state.encoding = Encoding::Latin1;
                            state.encoding_name = None;
                        });
                    }
                }
                _ => return refused("Unrecognized keyword"),
            }
        }
    }
    if guess {
        ports::with(&port, guess_encoding).transpose()?;
    }
    Ok(port)
}

/// Let a mark or a comment at the beginning say what the encoding is.
fn guess_encoding(state: &mut State) -> Result<(), Raise> {
    state.fill(encodings::COMMENTED + encodings::LONGEST_NAME, "open-file")?;
    if state.unread().starts_with(encodings::UTF8_MARK) {
        set_encoding(state, "UTF-8")?;
        return state.pass_mark("open-file");
    }
    match encodings::named_in_comment(state.unread()) {
        Some(name) => set_encoding(state, &name),
        None => Ok(()),
    }
}

fn open_file(args: &[Value]) -> Outcome {
    let mode = string("open-file", args, 2)?.to_owned();
    let mut rest = vec![args[0].clone()];
    rest.extend(args.iter().skip(2).cloned());
    open("open-file", &rest, &mode)
}

fn open_input_file(args: &[Value]) -> Outcome {
    open("open-input-file", args, "r")
}

fn open_output_file(args: &[Value]) -> Outcome {
    open("open-output-file", args, "w")
}

fn close(machine: &mut Machine, args: &[Value]) -> Outcome {
    match ports::get(&args[0]) {
        Some(port) => ports::close(machine, &port).map(boolean),
        None => Err(errors::expecting("close-port", 1, "port", &args[0])),
    }
}

fn listen_for_closing(args: &[Value]) -> Outcome {
    ports::listen_for_closing(&args[0]);
    Ok(unspecified())
}

fn close_either(machine: &mut Machine, args: &[Value]) -> Outcome {
    if let Value::IntV(fd) = args[0] {
        ports::tell_of_closing(machine, fd as RawFd)?;
        // SAFETY: closing a descriptor by number is what the caller asks for.
        return Ok(boolean(unsafe { libc::close(fd as libc::c_int) } == 0));
    }
    close(machine, args)
}

fn soft_port(args: &[Value]) -> Outcome {
    of_program(Kind::Soft, args)
}

fn custom_port(args: &[Value]) -> Outcome {
    of_program(Kind::Custom, args)
}

fn of_program(kind: Kind, args: &[Value]) -> Outcome {
    let procedure = |index: usize| {
        (!matches!(args[index], Value::BoolV(false))).then(|| Root::of(&args[index]))
    };
    Ok(ports::of_program(
        kind,
        Program {
            read: procedure(1),
            write: procedure(2),
            seek: procedure(3),
            close: procedure(4),
        },
        string("make-custom-port", args, 1)?,
    ))
}

/// (open-fdes->port fd mode): `fdopen`.
fn fdopen(args: &[Value]) -> Outcome {
    let fd = fixnum(args, 1)?;
    let mode = string("fdopen", args, 2)?;
    // SAFETY: asks for the flags of a descriptor.
    if unsafe { libc::fcntl(fd as libc::c_int, libc::F_GETFD) } < 0 {
        return Err(errors::system("fdopen", errors::last_code()));
    }
    // SAFETY: the caller hands the descriptor over.
    let descriptor = unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) };
    Ok(ports::descriptor(descriptor, mode, None))
}

fn pipe(_: &[Value]) -> Outcome {
    let (read, write) = processes::pipe("pipe")?;
    Ok(pairs::cons(
        ports::descriptor(read, "r", None),
        ports::descriptor(write, "w", None),
    ))
}

natives! {
    /// (open-input-string string) -> a port that reads STRING
    "open-input-string" (1) => open_input_string,
    /// (open-output-string) -> a port that keeps what is written to it
    "open-output-string" (0) => open_output_string,
    /// (get-output-string port) -> what was written to such a port
    "get-output-string" (1) => get_output_string,
    /// (%open-input-bytevector bytes option …) -> a port that reads BYTES
    "%open-input-bytevector" (1, rest) => open_input_bytes,
    /// (%open-output-bytevector) -> a port that keeps the bytes that are written to it
    "%open-output-bytevector" (0) => open_output_bytes,
    /// (%output-bytevector port) -> the bytes that were written to a port of `open-output-string`
    "%output-bytevector" (1) => output_bytes,
    /// (%take-output-bytevector port) -> the same; the port begins anew
    "%take-output-bytevector" (1) => take_output_bytes,
    /// (%make-void-port mode) -> a port that reads nothing and drops what is written
    "%make-void-port" (1) => void_port,
    /// (open-file name mode [#:encoding e] …) -> port
    "open-file" (2, rest) with outside => open_file,
    /// (open-input-file name keyword …) -> a port that reads the file; #:binary, #:encoding and #:guess-encoding say how
    "open-input-file" (1, rest) with outside => open_input_file,
    /// (open-output-file name keyword …) -> a port that writes the file, made empty; #:binary and #:encoding say how
    "open-output-file" (1, rest) with outside => open_output_file,
    /// (close-port port) -> close it; whether it was open
    "close-port" (1) with machine => close,
    /// (close-input-port port) -> the same
    "close-input-port" (1) with machine => close,
    /// (close-output-port port) -> the same
    "close-output-port" (1) with machine => close,
    /// (close object) -> close a port or a descriptor
    "close" (1) with machine => close_either,
    /// (%listen-for-closing! procedure): calls PROCEDURE with each descriptor that the program
    /// closes from now on, before it is closed
    "%listen-for-closing!" (1) => listen_for_closing,
    /// (%make-soft-port name read write seek close) -> a port for text that procedures are behind
    "%make-soft-port" (5) => soft_port,
    /// (%make-custom-port name read write seek close) -> a port for bytes that procedures are behind
    "%make-custom-port" (5) => custom_port,
    /// (fdopen descriptor mode) -> a port for a descriptor, with MODE as of `open-file`
    "fdopen" (2) with outside => fdopen,
    /// (%pipe) -> the pair of a port that reads and one that writes what it reads
    "%pipe" (0) with outside => pipe,
}
