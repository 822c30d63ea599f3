//! What natives of the library take: arguments by position, counted from 1.

use crate::data::native::Raise;
use crate::data::value::Value;
use crate::data::{errors, memory, pairs, strings as text, symbols};

/// `#t` or `#f`.
pub fn boolean(truth: bool) -> Value {
    Value::BoolV(truth)
}

/// A fixnum, or a big integer when it must be.
pub fn integer(number: usize) -> Value {
    Value::IntV(number as isize)
}

/// What expressions evaluated for their effect give.
pub fn unspecified() -> Value {
    Value::Void
}

/// Argument POSITION when it was given and is true.
pub fn given_truth(args: &[Value], position: usize) -> Option<&Value> {
    args.get(position - 1)
        .filter(|value| !matches!(value, Value::BoolV(false)))
}

/// Argument POSITION as a string.
#[inline]
pub fn string<'a>(procedure: &str, args: &'a [Value], position: usize) -> Result<&'a str, Raise> {
    match &args[position - 1] {
        Value::StringV(string) => Ok(text::of(string)),
        other => Err(errors::expecting(procedure, position, "string", other)),
    }
}

/// Argument POSITION as a symbol's name.
pub fn symbol<'a>(procedure: &str, args: &'a [Value], position: usize) -> Result<&'a str, Raise> {
    match &args[position - 1] {
        Value::SymbolV(text) if symbols::keyword_name(text).is_none() => Ok(symbols::name_of(text)),
        other => Err(errors::expecting(procedure, position, "symbol", other)),
    }
}

/// Argument POSITION as a character.
#[inline]
pub fn character(procedure: &str, args: &[Value], position: usize) -> Result<char, Raise> {
    match &args[position - 1] {
        Value::CharV(character) => Ok(*character),
        other => Err(errors::expecting(procedure, position, "character", other)),
    }
}

/// Argument POSITION as an exact integer that fits a machine word.
#[inline]
pub fn fixnum(args: &[Value], position: usize) -> Result<isize, Raise> {
    match &args[position - 1] {
        Value::IntV(number) => Ok(*number),
        other => Err(errors::expected("exact integer", other)),
    }
}

/// Argument POSITION as a size or index: an exact integer of zero or more.
#[inline]
pub fn size(procedure: &str, args: &[Value], position: usize) -> Result<usize, Raise> {
    match &args[position - 1] {
        Value::IntV(number) if *number >= 0 => Ok(*number as usize),
        Value::IntV(_) => Err(errors::out_of_range(
            procedure,
            position,
            &args[position - 1],
        )),
        other => Err(errors::expected("exact integer", other)),
    }
}

/// Argument POSITION, a size of something made of parts of SIZE-BYTES each;
/// raises `out-of-memory` when it does not fit.
pub fn size_of_new(
    procedure: &str,
    args: &[Value],
    position: usize,
    size_bytes: usize,
) -> Result<usize, Raise> {
    let count = size(procedure, args, position)?;
    memory::claim(count, size_bytes)?;
    Ok(count)
}

/// Arguments POSITION and POSITION + 1 as start and end of a part of something
/// LENGTH long; both may be absent.
pub fn range(
    procedure: &str,
    args: &[Value],
    position: usize,
    length: usize,
) -> Result<std::ops::Range<usize>, Raise> {
    let bound = |position: usize, low: usize, default: usize| -> Result<usize, Raise> {
        match args.get(position - 1) {
            None => Ok(default),
            Some(Value::IntV(number)) if *number >= low as isize && *number <= length as isize => {
                Ok(*number as usize)
            }
            Some(value @ Value::IntV(_)) => {
                Err(errors::not_between(low as isize, length as isize, value))
            }
            Some(value) => Err(errors::wrong_type(procedure, position, value)),
        }
    };
    let start = bound(position, 0, 0)?;
    let end = bound(position + 1, start, length)?;
    Ok(start..end)
}

/// Argument POSITION as the elements of a proper list.
pub fn list(procedure: &str, args: &[Value], position: usize) -> Result<Vec<Value>, Raise> {
    pairs::to_vec(&args[position - 1])
        .ok_or_else(|| errors::wrong_type(procedure, position, &args[position - 1]))
}

/// Argument POSITION as a list of strings.
pub fn strings(procedure: &str, args: &[Value], position: usize) -> Result<Vec<String>, Raise> {
    list(procedure, args, position)?
        .iter()
        .map(|item| match item {
            Value::StringV(string) => memory::check().map(|()| text::of(string).to_owned()),
            other => Err(errors::not_a(procedure, "string", other)),
        })
        .collect()
}

/// Argument POSITION as a path or other string handed to the operating system.
pub fn path(procedure: &str, args: &[Value], position: usize) -> Result<std::ffi::CString, Raise> {
    let name = string(procedure, args, position)?;
    std::ffi::CString::new(name).map_err(|_| {
        errors::misc(
            procedure,
            "string contains #\\nul character: ~S",
            vec![args[position - 1].clone()],
        )
    })
}

/// PROCEDURE was called with a number of arguments that it cannot take.
pub fn wrong_count(procedure: &str) -> Raise {
    Raise::throw(
        "wrong-number-of-args",
        vec![
            Value::BoolV(false),
            text::value("Wrong number of arguments to ~A"),
            pairs::list([text::value(procedure)]),
            Value::BoolV(false),
        ],
    )
}
