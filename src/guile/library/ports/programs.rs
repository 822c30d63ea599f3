//! Ports with procedures of the program behind them, and the closing of any port.
//!
//! Source: GNU Guile reference manual, "Custom Ports"; "Soft Ports".

use super::{BYTES_ENCODING, CHUNK, Encoding, Input, Kind, Output, Program, State, value};
use crate::data::bytevectors::{self, Bytevector};
use crate::data::native::{Machine, Raise};
use crate::data::roots::Root;
use crate::data::value::Value;
use std::cell::{Cell, RefCell};
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;

thread_local! {
    /// The port that a native reads, when the program is behind it.
    pub(super) static READ: RefCell<Option<Rc<RefCell<State>>>> = const { RefCell::new(None) };
    /// The ports of the program that something was written to.
    pub(super) static WRITTEN: RefCell<Vec<Rc<RefCell<State>>>> = const { RefCell::new(Vec::new()) };
    pub(super) static WANTS_FLUSH: Cell<bool> = const { Cell::new(false) };
}

/// Ask the program for what the port that is being read has next.
pub fn refill_from_program(machine: &mut Machine) -> Result<(), Raise> {
    let Some(port) = READ.with(|port| port.borrow_mut().take()) else {
        return Ok(());
    };
    let Some(program) = port.borrow().program.clone() else {
        return Ok(());
    };
    let Some(read) = &program.read else {
        return Ok(());
    };
    let wanted = Value::IntV(port.borrow().wanted as isize);
    let bytes = machine.call(read.value().clone(), vec![wanted])?;
    let bytes = Bytevector::with(&bytes, <[u8]>::to_vec).unwrap_or_default();
    let mut state = port.borrow_mut();
    state.program_ended = bytes.is_empty();
    if let Some(input) = &mut state.input {
        if input.position > CHUNK {
            input.bytes.drain(..input.position);
            input.position = 0;
            input.valid = 0;
        }
        input.bytes.extend(bytes);
    }
    Ok(())
}

/// Whether a port of the program has something that should leave it.
#[inline]
pub fn wants_flush() -> bool {
    WANTS_FLUSH.with(Cell::get)
}

/// Hand what was written to ports of the program to its procedures.
pub fn flush_to_program(machine: &mut Machine) -> Result<(), Raise> {
    WANTS_FLUSH.with(|wants| wants.set(false));
    let ports = WRITTEN.with(|ports| std::mem::take(&mut *ports.borrow_mut()));
    for port in ports {
        hand_over(machine, &port)?;
    }
    Ok(())
}

fn hand_over(machine: &mut Machine, port: &Rc<RefCell<State>>) -> Result<(), Raise> {
    let (bytes, program) = {
        let mut state = port.borrow_mut();
        let bytes = state
            .output
            .as_mut()
            .map(|output| std::mem::take(&mut output.bytes));
        (bytes.unwrap_or_default(), state.program.clone())
    };
    match program.as_ref().and_then(|program| program.write.as_ref()) {
        Some(write) if !bytes.is_empty() => {
            machine.call(write.value().clone(), vec![bytevectors::value(bytes)])?;
        }
        _ => {}
    }
    Ok(())
}

thread_local! {
    static CLOSING: RefCell<Option<Root>> = const { RefCell::new(None) };
}

/// From now on PROCEDURE is called with each descriptor that a program closes, before it is.
pub fn listen_for_closing(procedure: &Value) {
    CLOSING.with(|closing| *closing.borrow_mut() = Some(Root::of(procedure)));
}

/// The program closes FD; who listens for that hears of it.
pub fn tell_of_closing(machine: &mut Machine, fd: RawFd) -> Result<(), Raise> {
    let procedure = CLOSING.with(|closing| closing.borrow().clone());
    match procedure {
        Some(procedure) => machine
            .call(procedure.value().clone(), vec![Value::IntV(fd as isize)])
            .map(drop),
        None => Ok(()),
    }
}

/// Close a port; what the program is behind hears of it.
pub fn close(machine: &mut Machine, port: &Rc<RefCell<State>>) -> Result<bool, Raise> {
    let program = port.borrow().program.clone();
    let Some(program) = program else {
        let (fd, closed) = {
            let mut port = port.borrow_mut();
            let fd = port.descriptor.as_ref().map(AsRawFd::as_raw_fd);
            (fd, port.close_but_descriptor())
        };
        // Who hears of it finds the port closed and its descriptor open.
        let heard = match (fd, &closed) {
            (Some(fd), Ok(true)) => tell_of_closing(machine, fd),
            _ => Ok(()),
        };
        port.borrow_mut().close_descriptor();
        return heard.and(closed);
    };
    if port.borrow().closed {
        return Ok(false);
    }
    hand_over(machine, port)?;
    port.borrow_mut().closed = true;
    if let Some(close) = &program.close {
        machine.call(close.value().clone(), Vec::new())?;
    }
    Ok(true)
}

/// A port of KIND that PROGRAM is behind.
pub fn of_program(kind: Kind, program: Program, name: &str) -> Value {
    let mut state = State::new();
    state.kind = kind;
    if kind == Kind::Custom {
        state.encoding = Encoding::Latin1;
        state.encoding_name = Some(BYTES_ENCODING.to_owned());
    }
    state.name = Some(name.to_owned());
    if program.read.is_some() {
        state.mode.push('r');
        state.input = Some(Input::default());
    }
    if program.write.is_some() {
        state.mode.push('w');
        state.output = Some(Output::default());
    }
    state.program = Some(Rc::new(program));
    value(state)
}
