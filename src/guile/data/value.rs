//! Scheme values as primitives see them, and the conversions at the boundary.
//!
//! A primitive converts its arguments with the functions of this module, calls
//! one function of its domain and converts the result back. Nothing here
//! decides anything.

use crate::data::native::Raise;
use crate::data::{pairs, strings, symbols};
use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, as_underlying_type};

/// A Scheme value.
pub use steel::SteelVal as Value;

/// The error Guile gives when argument POSITION of PROCEDURE has the wrong type.
pub fn wrong_type(procedure: &str, position: usize, value: &Value) -> Raise {
    Raise::throw(
        "wrong-type-arg",
        vec![
            symbol_value(procedure),
            string_value("Wrong type argument in position ~A: ~S"),
            list_value(vec![Value::IntV(position as isize), value.clone()]),
            list_value(vec![value.clone()]),
        ],
    )
}

/// Argument POSITION (counted from 1) of PROCEDURE as a string.
pub fn string(procedure: &str, args: &[Value], position: usize) -> Result<String, Raise> {
    match &args[position - 1] {
        Value::StringV(text) => Ok(text.to_string()),
        other => Err(wrong_type(procedure, position, other)),
    }
}

/// Argument POSITION as a string, or `None` when it is `#f` or absent.
pub fn optional_string(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<Option<String>, Raise> {
    match args.get(position - 1) {
        None | Some(Value::BoolV(false)) => Ok(None),
        Some(_) => string(procedure, args, position).map(Some),
    }
}

/// Argument POSITION as an integer that fits 64 bits.
pub fn integer(procedure: &str, args: &[Value], position: usize) -> Result<i64, Raise> {
    match &args[position - 1] {
        Value::IntV(number) => Ok(*number as i64),
        other => Err(wrong_type(procedure, position, other)),
    }
}

/// Argument POSITION as a number of seconds, whole or not.
pub fn seconds(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<std::time::Duration, Raise> {
    let number = match &args[position - 1] {
        Value::IntV(number) => *number as f64,
        Value::NumV(number) => *number,
        other => return Err(wrong_type(procedure, position, other)),
    };
    std::time::Duration::try_from_secs_f64(number)
        .map_err(|_| wrong_type(procedure, position, &args[position - 1]))
}

/// Whether argument POSITION is true, as Scheme sees it; an absent one is not.
pub fn truth(args: &[Value], position: usize) -> bool {
    !matches!(args.get(position - 1), None | Some(Value::BoolV(false)))
}

/// Argument POSITION as a list of values.
pub fn list(procedure: &str, args: &[Value], position: usize) -> Result<Vec<Value>, Raise> {
    pairs::to_vec(&args[position - 1])
        .ok_or_else(|| wrong_type(procedure, position, &args[position - 1]))
}

/// Argument POSITION as a list of strings.
pub fn strings(procedure: &str, args: &[Value], position: usize) -> Result<Vec<String>, Raise> {
    list(procedure, args, position)?
        .into_iter()
        .map(|item| match item {
            Value::StringV(text) => Ok(text.to_string()),
            _ => Err(wrong_type(procedure, position, &args[position - 1])),
        })
        .collect()
}

/// A Scheme string.
pub fn string_value(text: impl Into<String>) -> Value {
    strings::value(text)
}

/// The symbol called NAME; `eq?` to every other symbol of that name.
pub fn symbol_value(name: &str) -> Value {
    symbols::intern(name)
}

/// A proper list.
pub fn list_value(items: Vec<Value>) -> Value {
    pairs::list(items)
}

/// A pair whose cdr need not be a list.
pub fn pair_value(car: Value, cdr: Value) -> Value {
    pairs::cons(car, cdr)
}

/// An association list with symbols for keys.
pub fn alist_value(entries: Vec<(&str, Value)>) -> Value {
    list_value(
        entries
            .into_iter()
            .map(|(name, value)| pair_value(symbol_value(name), value))
            .collect(),
    )
}

/// Something of a domain's own that Scheme holds but cannot look into: a
/// session, a connection, a running job. It must not contain Scheme values:
/// the collector does not look inside.
#[derive(Clone)]
pub struct Handle {
    kind: &'static str,
    inner: Rc<dyn Any>,
    /// By which somebody tells it who sees it outside; zero before.
    number: Rc<Cell<u64>>,
}

impl Custom for Handle {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok(format!("#<{}>", self.kind)))
    }
}

/// Handles of the language's own, which hold nothing but memory.
const LANGUAGE_HANDLES: &[&str] = &["eof", "load", "module"];

thread_local! {
    static DOMAIN_HANDLES: Cell<bool> = const { Cell::new(false) };
}

/// Whether a domain has made a handle on this thread, whose end may mean
/// something: a session logged out, a file removed.
pub fn domain_handles_were_made() -> bool {
    DOMAIN_HANDLES.with(Cell::get)
}

/// INNER as a Scheme value that prints as `#<KIND>`.
pub fn handle_value<T: 'static>(kind: &'static str, inner: T) -> Value {
    if !LANGUAGE_HANDLES.contains(&kind) {
        DOMAIN_HANDLES.with(|made| made.set(true));
    }
    let number = Rc::default();
    handle_as_value(Handle {
        kind,
        inner: Rc::new(inner),
        number,
    })
}

fn handle_as_value(handle: Handle) -> Value {
    use steel::rvals::IntoSteelVal;
    handle
        .into_steelval()
        .expect("a custom value is always a value")
}

/// A handle with nothing behind it, which stands for one of KIND that was known by NUMBER.
pub fn numbered_handle(kind: &'static str, number: u64) -> Value {
    handle_as_value(Handle {
        kind,
        inner: Rc::new(()),
        number: Rc::new(Cell::new(number)),
    })
}

/// The kind of the handle that VALUE is, and the number by which it is known, which is
/// NEXT's when it has none yet.
pub fn handle_identity(value: &Value, next: impl FnOnce() -> u64) -> Option<(&'static str, u64)> {
    let Value::Custom(custom) = value else {
        return None;
    };
    let custom = custom.read();
    let handle = as_underlying_type::<Handle>(custom.as_ref())?;
    if handle.number.get() == 0 && !LANGUAGE_HANDLES.contains(&handle.kind) {
        handle.number.set(next());
    }
    Some((handle.kind, handle.number.get()))
}

/// Argument POSITION as the handle of type T that [`handle_value`] made.
pub fn handle<T: 'static>(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<Rc<T>, Raise> {
    let value = &args[position - 1];
    if let Value::Custom(custom) = value
        && let Some(handle) = as_underlying_type::<Handle>(custom.read().as_ref())
        && let Ok(inner) = handle.inner.clone().downcast::<T>()
    {
        return Ok(inner);
    }
    Err(wrong_type(procedure, position, value))
}

/// What reading returns at the end of a port.
pub fn eof_object() -> Value {
    thread_local! {
        static EOF: Value = handle_value("eof", ());
    }
    EOF.with(Value::clone)
}
