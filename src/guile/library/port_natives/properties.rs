//! What a port tells of itself: name, place, mode, encoding, buffering, descriptor.
//!
//! Source: GNU Guile reference manual, "Ports", "Encoding" and "Buffering".

use super::state;
use crate::data::args::{self, boolean, fixnum, integer, string, unspecified};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::roots::Root;
use crate::data::value::{Value, string_value, symbol_value};
use crate::data::{errors, numbers, pairs, records, strings as text};
use crate::library::encodings;
use crate::library::ports::{self, Buffering, Encoding, Kind, State};
use crate::natives;
use std::os::fd::AsRawFd;

/// (%port-properties port) and (%port-properties port alist)
fn properties(args: &[Value]) -> Outcome {
    state("port-properties", args, |state| {
        if let Some(properties) = args.get(1) {
            state.properties = Some(Root::of(properties));
        }
        Ok(state
            .properties
            .as_ref()
            .map_or_else(pairs::nil, |properties| properties.value().clone()))
    })
}

fn filename(args: &[Value]) -> Outcome {
    state("port-filename", args, |state| {
        Ok(state
            .name
            .as_ref()
            .map_or(Value::BoolV(false), string_value))
    })
}

/// The names under which Guile makes the classes of a port type.
fn kind(args: &[Value]) -> Outcome {
    state("%port-kind", args, |state| {
        let name = match state.kind {
            Kind::File => "file",
            Kind::String => "string",
            Kind::Void => "void",
            Kind::Soft => "soft",
            Kind::BytesInput => "r6rs-bytevector-input-port",
            Kind::BytesOutput => "r6rs-bytevector-output-port",
            Kind::Custom => match (&state.input, &state.output) {
                (Some(_), Some(_)) => "r6rs-custom-binary-input/output-port",
                (None, Some(_)) => "r6rs-custom-binary-output-port",
                _ => "r6rs-custom-binary-input-port",
            },
        };
        Ok(symbol_value(name))
    })
}

fn set_filename(args: &[Value]) -> Outcome {
    state("set-port-filename!", args, |state| {
        state.name = match &args[1] {
            Value::StringV(name) => Some(text::of(name).to_owned()),
            _ => None,
        };
        Ok(unspecified())
    })
}

fn port_line(args: &[Value]) -> Outcome {
    state("port-line", args, |state| Ok(Value::IntV(state.line)))
}

fn port_column(args: &[Value]) -> Outcome {
    state("port-column", args, |state| Ok(integer(state.column)))
}

fn set_line(args: &[Value]) -> Outcome {
    let line = fixnum(args, 2)?;
    state("set-port-line!", args, |state| {
        state.line = line;
        Ok(unspecified())
    })
}

fn set_column(args: &[Value]) -> Outcome {
    let column = args::size("set-port-column!", args, 2)?;
    state("set-port-column!", args, |state| {
        state.column = column;
        Ok(unspecified())
    })
}

fn port_mode(args: &[Value]) -> Outcome {
    state("port-mode", args, |state| {
        Ok(text::value(state.mode.clone()))
    })
}

pub(super) fn set_encoding(state: &mut State, name: &str) -> Result<(), Raise> {
    state.encoding =
        encodings::named(name).ok_or_else(|| encodings::unknown("set-port-encoding!", name))?;
    state.encoding_name = Some(name.to_uppercase());
    state.may_have_mark();
    Ok(())
}

fn encoding(args: &[Value]) -> Outcome {
    state("port-encoding", args, |state| {
        Ok(text::value(state.encoding_name.clone().unwrap_or_else(
            || {
                match state.encoding {
                    Encoding::Utf8 => "UTF-8",
                    Encoding::Latin1 => "ISO-8859-1",
                    Encoding::Other(name) => name,
                }
                .to_owned()
            },
        )))
    })
}

fn set_port_encoding(args: &[Value]) -> Outcome {
    let name = string("set-port-encoding!", args, 2)?.to_owned();
    state("set-port-encoding!", args, |state| {
        set_encoding(state, &name)?;
        Ok(unspecified())
    })
}

fn strategy(args: &[Value]) -> Outcome {
    Ok(match ports::get(&args[0]) {
        Some(state) => symbol_value(state.borrow().strategy),
        None => symbol_value("substitute"),
    })
}

fn set_strategy(args: &[Value]) -> Outcome {
    let name = args::symbol("set-port-conversion-strategy!", args, 2)?;
    if let Some(port) = ports::get(&args[0]) {
        port.borrow_mut().strategy = ports::strategy_named(name);
    } else if let (Value::BoolV(false), Some(fluid)) =
        (&args[0], ports::default_fluid(ports::Default::Strategy))
    {
        let _a_fluid_has_one_field = records::replace_field(&fluid, 0, args[1].clone());
    }
    Ok(unspecified())
}

fn setvbuf(args: &[Value]) -> Outcome {
    let buffering = match &args[1] {
        Value::SymbolV(name) => match name.as_str() {
            "none" => Buffering::None,
            "line" => Buffering::Line,
            "block" => Buffering::Block,
            _ => return Err(errors::value_out_of_range("setvbuf", &args[1])),
        },
        other => return Err(errors::wrong_type("setvbuf", 2, other)),
    };
    let block_bytes = match args.get(2) {
        Some(_) => Some(args::size("setvbuf", args, 3)?.min(ports::CHUNK)),
        None => None,
    };
    state("setvbuf", args, |state| {
        if state.closed {
            return Err(errors::wrong_type("setvbuf", 1, &args[0]));
        }
        state.flush("setvbuf")?;
        state.buffering = buffering;
        state.block_bytes = block_bytes.unwrap_or(ports::CHUNK);
        Ok(unspecified())
    })
}

fn fileno(args: &[Value]) -> Outcome {
    state("fileno", args, |state| match &state.descriptor {
        Some(descriptor) => Ok(Value::IntV(descriptor.as_raw_fd() as isize)),
        None => Err(errors::wrong_type("fileno", 1, &args[0])),
    })
}

/// A number that is told is somebody else's to use, too, from now on.
fn told_fileno(args: &[Value]) -> Outcome {
    let number = fileno(args)?;
    state("port->fdes", args, |state| {
        if let Some(descriptor) = &mut state.descriptor {
            descriptor.revealed += 1;
        }
        Ok(number)
    })
}

fn revealed(args: &[Value]) -> Outcome {
    state("port-revealed", args, |state| {
        let count = state.descriptor.as_ref().map_or(0, |told| told.revealed);
        Ok(Value::IntV(count))
    })
}

fn set_revealed(args: &[Value]) -> Outcome {
    let count = fixnum(args, 2)?;
    state("set-port-revealed!", args, |state| {
        if let Some(descriptor) = &mut state.descriptor {
            descriptor.revealed = count;
        }
        Ok(unspecified())
    })
}

fn is_terminal(args: &[Value]) -> Outcome {
    Ok(boolean(
        ports::with(&args[0], |state| {
            state.descriptor.as_ref().is_some_and(|descriptor| {
                // SAFETY: asks about a descriptor that is ours.
                unsafe { libc::isatty(descriptor.as_raw_fd()) == 1 }
            })
        })
        .unwrap_or(false),
    ))
}

/// (seek port offset whence)
pub fn seek(machine: &mut Machine, args: &[Value]) -> Outcome {
    let offset = fixnum(args, 2)?;
    let whence = fixnum(args, 3)?;
    if let Value::IntV(fd) = args[0] {
        // SAFETY: moves in a descriptor, which the caller names by number.
        let position = unsafe {
            libc::lseek(
                fd as libc::c_int,
                offset as libc::off_t,
                whence as libc::c_int,
            )
        };
        return match position {
            position if position >= 0 => Ok(Value::IntV(position as isize)),
            _ => Err(errors::system("seek", errors::last_code())),
        };
    }
    let port =
        ports::get(&args[0]).ok_or_else(|| errors::expecting("seek", 1, "port", &args[0]))?;
    let program = port.borrow().program.clone();
    if let Some(program) = program {
        let Some(seek) = &program.seek else {
            return Err(errors::misc(
                "seek",
                "port is not seekable",
                vec![args[0].clone()],
            ));
        };
        ports::flush_to_program(machine)?;
        let unread = port.borrow().available() as isize;
        let moves = !(offset == 0 && whence == 1);
        let offset = if moves && whence == 1 {
            offset - unread
        } else {
            offset
        };
        let position = machine.call(
            seek.value().clone(),
            vec![Value::IntV(offset), Value::IntV(whence)],
        )?;
        if moves {
            let mut state = port.borrow_mut();
            state.forget_unread();
            state.has_moved_to(match position {
                Value::IntV(position) => position.max(0) as usize,
                _ => usize::MAX,
            });
            return Ok(position);
        }
        return numbers::subtract(&position, &Value::IntV(unread));
    }
    let mut state = port.borrow_mut();
    state.flush("seek")?;
    let unread = state.available();
    if let Some(descriptor) = &state.descriptor {
        let fd = descriptor.as_raw_fd();
        let asks = offset == 0 && whence == 1;
        let distance = if whence == 1 && !asks {
            offset - unread as isize
        } else {
            offset
        };
        // SAFETY: moves in a descriptor that is ours.
        let position = unsafe { libc::lseek(fd, distance as libc::off_t, whence as libc::c_int) };
        if position < 0 {
            return Err(errors::system("seek", errors::last_code()));
        }
        if asks {
            return Ok(Value::IntV(position as isize - unread as isize));
        }
        state.forget_unread();
        state.has_moved_to(position as usize);
        return Ok(Value::IntV(position as isize));
    }
    let state = &mut *state;
    let (current, length) = match (&state.input, &state.output) {
        (Some(input), _) => (input.position, input.bytes.len()),
        (None, Some(output)) => (output.at.unwrap_or(output.bytes.len()), output.bytes.len()),
        (None, None) => (0, 0),
    };
    let base = match whence {
        0 => 0,
        1 => current as isize,
        _ => length as isize,
    };
    let position = usize::try_from(base + offset)
        .ok()
        .filter(|position| *position <= length)
        .ok_or_else(|| errors::out_of_range("seek", 2, &args[1]))?;
    match (&mut state.input, &mut state.output) {
        (Some(input), _) => {
            input.position = position;
            input.valid = 0;
        }
        (None, Some(output)) => output.at = (position < length).then_some(position),
        (None, None) => {}
    }
    if !(offset == 0 && whence == 1) {
        state.has_moved_to(position);
    }
    Ok(integer(position))
}

fn ftell(machine: &mut Machine, args: &[Value]) -> Outcome {
    seek(machine, &[args[0].clone(), Value::IntV(0), Value::IntV(1)])
}

natives! {
    /// (port-filename port) -> the name of its file, or #f
    "port-filename" (1) => filename,
    /// (%port-kind port) -> what Guile calls the type of PORT, a symbol
    "%port-kind" (1) => kind,
    /// (set-port-filename! port name) -> say that its file is called NAME
    "set-port-filename!" (2) => set_filename,
    /// (port-line port) -> how many lines were read from it
    "port-line" (1) => port_line,
    /// (port-column port) -> how many characters of the line were read from it
    "port-column" (1) => port_column,
    /// (set-port-line! port line) -> count on from LINE
    "set-port-line!" (2) => set_line,
    /// (set-port-column! port column) -> count on from COLUMN
    "set-port-column!" (2) => set_column,
    /// (port-mode port) -> what it was opened for, such as "r" or "w"
    "port-mode" (1) => port_mode,
    /// (port-encoding port) -> the name of its encoding, or #f for bytes
    "port-encoding" (1) => encoding,
    /// (set-port-encoding! port name) -> have it read and write in another encoding
    "set-port-encoding!" (2) => set_port_encoding,
    /// (port-conversion-strategy port) -> what is done with a character that its encoding has not: `error`, `substitute` or `escape`
    "port-conversion-strategy" (1) => strategy,
    /// (set-port-conversion-strategy! port strategy) -> say what is done with such a character
    "set-port-conversion-strategy!" (2) => set_strategy,
    /// (setvbuf port mode [size]) -> have writing put off as MODE says: `none`, `line` or `block`, of SIZE bytes
    "setvbuf" (2, 1) with ports => setvbuf,
    /// (fileno port) -> its descriptor
    "fileno" (1) with outside => fileno,
    /// (port->fdes port) -> its descriptor, which is then not closed when the port is forgotten
    "port->fdes" (1) with outside => told_fileno,
    /// (port-revealed port) -> to how many its descriptor was told
    "port-revealed" (1) with outside => revealed,
    /// (set-port-revealed! port count) -> say to how many it was
    "set-port-revealed!" (2) => set_revealed,
    /// (isatty? port) -> whether it is a terminal
    "isatty?" (1) with outside => is_terminal,
    /// (seek port offset whence) -> move to OFFSET from SEEK_SET, SEEK_CUR or SEEK_END; the place from the beginning
    "seek" (3) with machine => seek,
    /// (ftell port) -> the place from the beginning, in bytes
    "ftell" (1) with machine => ftell,
    /// (%port-properties port [alist]) -> the association list noted with PORT
    "%port-properties" (1, 1) => properties,
}
