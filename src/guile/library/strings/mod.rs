//! Strings: R7RS's, and SRFI 13 as module `(guile)` has it.
//!
//! Where SRFI 13 takes a character, a set or a predicate, so do these; a
//! predicate that is a closure is called through the machine.
//!
//! Source: GNU Guile reference manual, "Strings"; SRFI 13.

mod case;
mod changes;
mod comparison;
mod pieces;
mod searching;

use crate::data::args::{self, boolean, character, integer, range, size_of_new, string};
use crate::data::char_sets::{self, CharSet};
use crate::data::characters;
use crate::data::native::Native;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::strings::value;
use crate::data::value::Value;
use crate::data::{errors, identity, pairs, strings as text};
use crate::natives;
pub use case::to_title;
use std::rc::Rc;

/// Argument POSITION as the string itself, not only its text.
fn object<'a>(
    procedure: &str,
    args: &'a [Value],
    position: usize,
) -> Result<&'a Rc<String>, Raise> {
    match &args[position - 1] {
        Value::StringV(string) => Ok(string),
        other => Err(errors::expecting(procedure, position, "string", other)),
    }
}

/// The part of string argument POSITION that the two arguments from BOUNDS on delimit.
fn part<'a>(
    procedure: &str,
    args: &'a [Value],
    position: usize,
    bounds: usize,
) -> Result<&'a str, Raise> {
    let string = object(procedure, args, position)?;
    if args.len() < bounds {
        return Ok(text::of(string));
    }
    let range = range(procedure, args, bounds, text::length(string))?;
    Ok(text::part(string, range))
}

/// Start and end that the two arguments from BOUNDS on say.
fn bounds(
    procedure: &str,
    args: &[Value],
    position: usize,
    bounds: usize,
) -> Result<std::ops::Range<usize>, Raise> {
    range(
        procedure,
        args,
        bounds,
        text::length(object(procedure, args, position)?),
    )
}

/// What SRFI 13 takes to choose characters.
enum Chooser {
    Character(char),
    Set(CharSet),
    Known(fn(char) -> bool),
    Procedure(Value),
}

impl Chooser {
    fn new(procedure: &str, position: usize, value: &Value) -> Result<Chooser, Raise> {
        match value {
            Value::CharV(character) => Ok(Chooser::Character(*character)),
            Value::Closure(_)
            | Value::BoxedFunction(_)
            | Value::FuncV(_)
            | Value::MutFunc(_)
            | Value::ContinuationFunction(_)
            | Value::CustomStruct(_) => Ok(Chooser::Procedure(value.clone())),
            Value::BuiltIn(_) => Ok(known_predicate(value)
                .map_or_else(|| Chooser::Procedure(value.clone()), Chooser::Known)),
            other => char_sets::get(other)
                .map(Chooser::Set)
                .ok_or_else(|| errors::wrong_type(procedure, position, other)),
        }
    }

    fn chooses(&self, machine: &mut Machine, character: char) -> Result<bool, Raise> {
        Ok(match self {
            Chooser::Character(wanted) => *wanted == character,
            Chooser::Set(set) => set.contains(character),
            Chooser::Known(test) => test(character),
            Chooser::Procedure(procedure) => !matches!(
                machine.call(procedure.clone(), vec![Value::CharV(character)])?,
                Value::BoolV(false)
            ),
        })
    }
}

/// The Rust test behind a native predicate of characters, so that it need not be called through the machine.
fn known_predicate(value: &Value) -> Option<fn(char) -> bool> {
    thread_local! {
        static KNOWN: Vec<(Value, fn(char) -> bool)> = {
            let tests: [(&str, fn(char) -> bool); 5] = [
                ("char-alphabetic?", char::is_alphabetic),
                ("char-numeric?", |c| c.is_numeric() && !c.is_alphabetic()),
                ("char-whitespace?", char::is_whitespace),
                ("char-upper-case?", char::is_uppercase),
                ("char-lower-case?", char::is_lowercase),
            ];
            characters::NATIVES
                .iter()
                .filter_map(|native| {
                    let (_, test) = tests.iter().find(|(name, _)| *name == native.name)?;
                    Some(((native.value)(), *test))
                })
                .collect()
        };
    }
    KNOWN.with(|known| {
        known
            .iter()
            .find(|(native, _)| identity::is_eq(native, value))
            .map(|(_, test)| *test)
    })
}

/// The choice that optional argument POSITION is; white space when it is absent.
fn chooser_or_space(procedure: &str, args: &[Value], position: usize) -> Result<Chooser, Raise> {
    match args.get(position - 1) {
        Some(value) => Chooser::new(procedure, position, value),
        None => Ok(Chooser::Known(char::is_whitespace)),
    }
}

fn string_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(matches!(args[0], Value::StringV(_))))
}

fn length(args: &[Value]) -> Outcome {
    match &args[0] {
        Value::StringV(string) => Ok(integer(text::length(string))),
        other => Err(errors::first_expecting("string-length", "string", other)),
    }
}

fn reference(args: &[Value]) -> Outcome {
    let string = object("string-ref", args, 1)?;
    let index = match &args[1] {
        Value::IntV(index) => *index,
        other => return Err(errors::wrong_type("string-ref", 2, other)),
    };
    usize::try_from(index)
        .ok()
        .and_then(|index| text::character(string, index))
        .map(Value::CharV)
        .ok_or_else(|| {
            let length = text::length(string) as isize;
            if length == 0 {
                errors::empty_has_no(&args[1])
            } else {
                errors::not_between(0, length - 1, &args[1])
            }
        })
}

fn make(args: &[Value]) -> Outcome {
    let count = size_of_new("make-string", args, 1, 4)?;
    let fill = match args.get(1) {
        Some(_) => character("make-string", args, 2)?,
        None => ' ',
    };
    Ok(value(std::iter::repeat_n(fill, count).collect::<String>()))
}

fn of_characters(args: &[Value]) -> Outcome {
    let mut result = String::with_capacity(args.len());
    for item in args {
        match item {
            Value::CharV(character) => result.push(*character),
            other => return Err(errors::not_a("string", "character", other)),
        }
    }
    Ok(value(result))
}

/// The whole is the string itself; a part is a copy here.
fn shared_substring(args: &[Value]) -> Outcome {
    let shared = part("substring/shared", args, 1, 2)?;
    match &args[0] {
        Value::StringV(string) if string.len() == shared.len() => Ok(args[0].clone()),
        _ => Ok(value(shared)),
    }
}

fn null(args: &[Value]) -> Outcome {
    string("string-null?", args, 1).map(|text| boolean(text.is_empty()))
}

fn from_list(args: &[Value]) -> Outcome {
    let mut result = String::new();
    let mut elements = pairs::items(&args[0]);
    for item in elements.by_ref() {
        match item {
            Value::CharV(character) => result.push(*character),
            other => return Err(errors::not_a("string", "character", other)),
        }
    }
    match elements.tail() {
        pairs::Tail::Nil => Ok(value(result)),
        _ => Err(errors::wrong_type("list->string", 1, &args[0])),
    }
}

fn from_reversed_list(args: &[Value]) -> Outcome {
    let mut items = args::list("reverse-list->string", args, 1)?;
    items.reverse();
    of_characters(&items)
}

fn to_list(args: &[Value]) -> Outcome {
    let text = part("string->list", args, 1, 2)?;
    Ok(pairs::list(text.chars().map(Value::CharV)))
}

fn utf8_length(args: &[Value]) -> Outcome {
    string("string-utf8-length", args, 1).map(|text| integer(text.len()))
}

natives! {
    /// (make-string length [character]) -> a new string, full of CHARACTER
    "make-string" (1, 1) => make,
    /// (string character …) -> a new string of these characters
    "string" (0, rest) => of_characters,
    /// (string? object) -> whether it is a string
    "string?" (1) => string_predicate,
    /// (string-length string) -> how many characters it has
    "string-length" (1) => length,
    /// (string-ref string index) -> the character at INDEX, counted from 0
    "string-ref" (2) => reference,
    /// (string-null? string) -> whether it has no characters
    "string-null?" (1) => null,
    /// (list->string list) -> a new string of the characters in LIST
    "list->string" (1) => from_list,
    /// (reverse-list->string list) -> the same, the last first
    "reverse-list->string" (1) => from_reversed_list,
    /// (%string->list string [start [end]]) -> the same
    "%string->list" (1, 2) => to_list,
    /// (string->list string [start [end]]) -> its characters from START up to END as a list
    "string->list" (1, 2) => to_list,
    /// (string-utf8-length string) -> how many bytes its UTF-8 has
    "string-utf8-length" (1) => utf8_length,
    /// (substring/shared string start [end]) -> the characters from START up to END; the whole is the string itself
    "substring/shared" (2, 1) => shared_substring,
}

/// Its natives, list by list.
pub fn natives() -> Vec<&'static [Native]> {
    vec![
        NATIVES,
        comparison::NATIVES,
        searching::NATIVES,
        pieces::NATIVES,
        case::NATIVES,
        changes::NATIVES,
    ]
}
