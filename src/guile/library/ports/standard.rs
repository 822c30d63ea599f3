//! The current ports, and the ports that arguments are.

use super::programs::{READ, WRITTEN};
use super::{Buffering, CURRENT, State, descriptor_state, get, value};
use crate::data::errors;
use crate::data::native::Raise;
use crate::data::value::Value;
use crate::library::outside;
use std::cell::RefCell;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::rc::Rc;

/// The standard ports.
#[derive(Clone, Copy)]
pub enum Standard {
    Input,
    Output,
    Error,
}

/// The current input, output or error port.
pub fn current(which: Standard) -> Value {
    CURRENT.with(|current| {
        current.borrow_mut()[which as usize]
            .get_or_insert_with(|| standard(which))
            .clone()
    })
}

/// Make PORT the current one; the one before.
pub fn set_current(which: Standard, port: Value) -> Value {
    let before = current(which);
    CURRENT.with(|current| current.borrow_mut()[which as usize] = Some(port));
    before
}

fn standard(which: Standard) -> Value {
    let fd = which as RawFd;
    // SAFETY: descriptors 0 to 2 are the process's own for its whole life. The
    // port gets a handle that is never dropped by itself (see below), so
    // they stay open for everybody else.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut state = descriptor_state(owned, if fd == 0 { "r" } else { "w" }, None);
    state.name =
        Some(["standard input", "standard output", "standard error"][fd as usize].to_owned());
    // SAFETY: asks about a descriptor number.
    let terminal = unsafe { libc::isatty(fd) } == 1;
    state.buffering = match which {
        Standard::Error => Buffering::None,
        _ if terminal => Buffering::Line,
        _ => Buffering::Block,
    };
    state.number = outside::STANDARD_INPUT + which as u64;
    if let (Standard::Input, Some(content)) = (which, outside::port_content(state.number)) {
        state.has_read_all(content);
    }
    let port = value(state);
    // One clone that lives as long as the process keeps the descriptor open.
    std::mem::forget(get(&port));
    port
}

/// The port that argument POSITION is, open and for reading.
pub fn input_port(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<Rc<RefCell<State>>, Raise> {
    let default;
    let port = match args.get(position - 1) {
        Some(port) => port,
        None => {
            default = current(Standard::Input);
            &default
        }
    };
    match get(port) {
        Some(state) if state.borrow().input.is_some() && !state.borrow().closed => {
            if state.borrow().program.is_some() {
                let mut here = state.borrow_mut();
                let position = here.input.as_ref().map_or(0, |input| input.position);
                here.mark = (position, here.line, here.column);
                READ.with(|read| *read.borrow_mut() = Some(state.clone()));
            }
            Ok(state)
        }
        _ => Err(errors::expecting(
            procedure,
            position,
            "open input port",
            port,
        )),
    }
}

/// The port that argument POSITION is, open and for writing.
pub fn output_port(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<Rc<RefCell<State>>, Raise> {
    let default;
    let port = match args.get(position - 1) {
        Some(Value::BoolV(true)) | None => {
            default = current(Standard::Output);
            &default
        }
        Some(port) => port,
    };
    match get(port) {
        Some(state) if state.borrow().output.is_some() && !state.borrow().closed => {
            if state.borrow().program.is_some() {
                WRITTEN.with(|written| {
                    let mut written = written.borrow_mut();
                    if !written.iter().any(|port| Rc::ptr_eq(port, &state)) {
                        written.push(state.clone());
                    }
                });
            }
            Ok(state)
        }
        _ => Err(errors::wrong_type(procedure, position, port)),
    }
}
