//! What Scheme does with ports.
//!
//! Here is which ports there are; the files beside this one make them, read, write
//! and ask them.
//!
//! Source: GNU Guile reference manual, "Input and Output"; R6RS libraries, section 8.

mod binary;
mod making;
mod properties;
mod text_input;
mod text_output;

use crate::data::args::boolean;
use crate::data::native::Native;
use crate::data::native::{Outcome, Raise};
use crate::data::value::{Value, eof_object};
use crate::data::{errors, identity, pairs, strings as text};
use crate::library::ports::{self, Standard, State};
use crate::natives;
pub use properties::seek;
use text_input::line;
pub use text_output::deliver;

fn or_eof<T>(found: Option<T>, value: impl FnOnce(T) -> Value) -> Outcome {
    Ok(found.map_or_else(eof_object, value))
}

/// Whether VALUE is what reading gives at the end.
pub fn is_eof(value: &Value) -> bool {
    identity::is_eq(value, &eof_object())
}

/// Make PORT the current one; the one before.
pub fn set_current_port(which: Standard, port: &Value) -> Outcome {
    if ports::get(port).is_none() {
        return Err(errors::wrong_type("set-current-port", 1, port));
    }
    Ok(ports::set_current(which, port.clone()))
}

/// The port whose procedure PROCEDURE is: `current-output-port` and its kin are parameters.
pub fn standard_port(procedure: &Value) -> Option<Standard> {
    thread_local! {
        static KNOWN: Vec<(Value, Standard)> = NATIVES
            .iter()
            .filter_map(|native| {
                let which = match native.name {
                    "current-input-port" => Standard::Input,
                    "current-output-port" => Standard::Output,
                    "current-error-port" | "current-warning-port" => Standard::Error,
                    _ => return None,
                };
                Some(((native.value)(), which))
            })
            .collect();
    }
    if !matches!(procedure, Value::BuiltIn(_)) {
        return None;
    }
    KNOWN.with(|known| {
        known
            .iter()
            .find(|(native, _)| identity::is_eq(native, procedure))
            .map(|(_, which)| *which)
    })
}

fn current(args: &[Value], which: Standard) -> Outcome {
    match args.first() {
        Some(port) => set_current_port(which, port),
        None => Ok(ports::current(which)),
    }
}

fn current_input(args: &[Value]) -> Outcome {
    current(args, Standard::Input)
}

fn current_output(args: &[Value]) -> Outcome {
    current(args, Standard::Output)
}

fn current_error(args: &[Value]) -> Outcome {
    current(args, Standard::Error)
}

fn set_current(args: &[Value], which: Standard, procedure: &str) -> Outcome {
    if ports::get(&args[0]).is_none() {
        return Err(errors::wrong_type(procedure, 1, &args[0]));
    }
    Ok(ports::set_current(which, args[0].clone()))
}

fn set_current_input(args: &[Value]) -> Outcome {
    set_current(args, Standard::Input, "set-current-input-port")
}

fn set_current_output(args: &[Value]) -> Outcome {
    set_current(args, Standard::Output, "set-current-output-port")
}

fn set_current_error(args: &[Value]) -> Outcome {
    set_current(args, Standard::Error, "set-current-error-port")
}

fn test(args: &[Value], holds: fn(&State) -> bool) -> Outcome {
    Ok(boolean(
        ports::with(&args[0], |state| holds(state)).unwrap_or(false),
    ))
}

fn port_predicate(args: &[Value]) -> Outcome {
    test(args, |_| true)
}

fn input_predicate(args: &[Value]) -> Outcome {
    test(args, |state| state.input.is_some())
}

fn output_predicate(args: &[Value]) -> Outcome {
    test(args, |state| state.output.is_some())
}

fn file_predicate(args: &[Value]) -> Outcome {
    test(args, |state| state.descriptor.is_some())
}

fn state<T>(
    procedure: &str,
    args: &[Value],
    body: impl FnOnce(&mut State) -> Result<T, Raise>,
) -> Result<T, Raise> {
    match ports::get(&args[0]) {
        Some(state) => body(&mut state.borrow_mut()),
        None => Err(errors::expecting(procedure, 1, "port", &args[0])),
    }
}

fn closed_predicate(args: &[Value]) -> Outcome {
    state("port-closed?", args, |state| Ok(boolean(state.closed)))
}

fn eof_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(is_eof(&args[0])))
}

fn the_eof_object(_: &[Value]) -> Outcome {
    Ok(eof_object())
}

/// (%read-line [port])
fn line_and_end(args: &[Value]) -> Outcome {
    let port = ports::input_port("%read-line", args, 1)?;
    let (line, delimited) = line(&mut port.borrow_mut(), b'\n', "%read-line")?;
    let end = match delimited {
        true => Value::CharV('\n'),
        false => eof_object(),
    };
    let found = delimited || !line.is_empty();
    Ok(pairs::cons(
        or_eof(found.then_some(line), text::value)?,
        end,
    ))
}

/// (%default-strategy-in fluid)
fn default_strategy(args: &[Value]) -> Outcome {
    ports::set_default(ports::Default::Strategy, &args[0]);
    Ok(args[0].clone())
}

/// (%default-encoding-in fluid)
fn default_encoding(args: &[Value]) -> Outcome {
    ports::set_default(ports::Default::Encoding, &args[0]);
    Ok(args[0].clone())
}

natives! {
    /// (current-input-port [port]) -> the port that is read unless another is given
    "current-input-port" (0, 1) => current_input,
    /// (current-output-port [port]) -> the port that is written unless another is given
    "current-output-port" (0, 1) => current_output,
    /// (current-error-port [port]) -> the port for messages
    "current-error-port" (0, 1) => current_error,
    /// (current-warning-port [port]) -> the port for warnings
    "current-warning-port" (0, 1) => current_error,
    /// (set-current-input-port port) -> make it the current one; the one before
    "set-current-input-port" (1) => set_current_input,
    /// (set-current-output-port port) -> make it the current one; the one before
    "set-current-output-port" (1) => set_current_output,
    /// (set-current-error-port port) -> make it the current one; the one before
    "set-current-error-port" (1) => set_current_error,
    /// (set-current-warning-port port) -> make it the current one; the one before
    "set-current-warning-port" (1) => set_current_error,
    /// (port? object) -> whether it is a port
    "port?" (1) => port_predicate,
    /// (input-port? object) -> whether it is a port that reads
    "input-port?" (1) => input_predicate,
    /// (output-port? object) -> whether it is a port that writes
    "output-port?" (1) => output_predicate,
    /// (file-port? object) -> whether it is a port of a file or descriptor
    "file-port?" (1) => file_predicate,
    /// (port-closed? port) -> whether it was closed
    "port-closed?" (1) => closed_predicate,
    /// (eof-object? object) -> whether it is what reading gives at the end
    "eof-object?" (1) => eof_predicate,
    /// (%eof-object) -> what reading gives at the end
    "%eof-object" (0) => the_eof_object,
    /// (%default-strategy-in fluid) -> FLUID, which holds the conversion strategy of new ports
    "%default-strategy-in" (1) => default_strategy,
    /// (%default-encoding-in fluid) -> FLUID, which holds the encoding of new ports of files
    "%default-encoding-in" (1) => default_encoding,
    /// (%read-line [port]) -> the pair of the next line and what ended it, the newline or the end-of-file object
    "%read-line" (0, 1) with ports => line_and_end,
}

/// Its natives, list by list.
pub fn natives() -> Vec<&'static [Native]> {
    vec![
        NATIVES,
        making::NATIVES,
        text_input::NATIVES,
        binary::NATIVES,
        text_output::NATIVES,
        properties::NATIVES,
    ]
}
