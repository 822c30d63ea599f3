//! Strings changed in place, and replaced in part.
//!
//! Source: GNU Guile reference manual, "String Modification"; SRFI 13.

use super::{bounds, object, part};
use crate::data::args::{boolean, character, range, size, unspecified};
use crate::data::native::Outcome;
use crate::data::strings::value;
use crate::data::value::Value;
use crate::data::{errors, strings as text};
use crate::natives;
use std::rc::Rc;

fn set(args: &[Value]) -> Outcome {
    let string = object("string-set!", args, 1)?;
    let index = size("string-set!", args, 2)?;
    let character = character("string-set!", args, 3)?;
    let length = text::length(string) as isize;
    if length == 0 {
        return Err(errors::empty_has_no(&args[1]));
    }
    text::check_mutable(&args[0])?;
    if text::set_character(string, index, character) {
        Ok(unspecified())
    } else {
        Err(errors::not_between(0, length - 1, &args[1]))
    }
}

fn fill(args: &[Value]) -> Outcome {
    let string = object("string-fill!", args, 1)?;
    let fill = character("string-fill!", args, 2)?;
    let range = bounds("string-fill!", args, 1, 3)?;
    text::check_mutable(&args[0])?;
    let whole: String = text::of(string)
        .chars()
        .enumerate()
        .map(|(index, c)| if range.contains(&index) { fill } else { c })
        .collect();
    text::change(string, |text| *text = whole);
    Ok(unspecified())
}

/// Put NEW into STRING from character AT on.
fn overwrite(string: &Rc<String>, at: usize, new: &str) {
    let length = text::length(string);
    let end = at + new.chars().count();
    let whole = format!(
        "{}{new}{}",
        text::part(string, 0..at),
        text::part(string, end..length)
    );
    text::change(string, |text| *text = whole);
}

/// (string-copy! target at source [start end])
fn copy_to(args: &[Value]) -> Outcome {
    let target = object("string-copy!", args, 1)?;
    text::check_mutable(&args[0])?;
    let at = size("string-copy!", args, 2)?;
    object("string-copy!", args, 3)?;
    let new = part("string-copy!", args, 3, 4)?.to_owned();
    let length = text::length(target);
    if at + new.chars().count() > length {
        return Err(errors::not_between(0, length as isize, &args[1]));
    }
    overwrite(target, at, &new);
    Ok(unspecified())
}

/// (substring-move! source start end target at)
fn move_part(args: &[Value]) -> Outcome {
    let new = part("substring-move!", &args[..3], 1, 2)?.to_owned();
    let target = object("substring-move!", args, 4)?;
    let at = size("substring-move!", args, 5)?;
    let length = text::length(target);
    if at + new.chars().count() > length {
        return Err(errors::not_between(0, length as isize, &args[4]));
    }
    overwrite(target, at, &new);
    Ok(unspecified())
}

/// (substring-fill! string start end character)
fn fill_part(args: &[Value]) -> Outcome {
    fill(&[
        args[0].clone(),
        args[3].clone(),
        args[1].clone(),
        args[2].clone(),
    ])
}

/// (string-replace a b [start1 end1 start2 end2])
fn replace(args: &[Value]) -> Outcome {
    let a = object("string-replace", args, 1)?;
    let b = object("string-replace", args, 2)?;
    let length = text::length(a);
    let range_a = range("string-replace", &args[..args.len().min(4)], 3, length)?;
    let range_b = range("string-replace", args, 5, text::length(b))?;
    Ok(value(format!(
        "{}{}{}",
        text::part(a, 0..range_a.start),
        text::part(b, range_b),
        text::part(a, range_a.end..length)
    )))
}

fn is_read_only(args: &[Value]) -> Outcome {
    object("%read-only-string?", args, 1).map(|string| boolean(!text::is_mutable(string)))
}

natives! {
    /// (string-set! string index character) -> make CHARACTER the one at INDEX
    "string-set!" (3) => set,
    /// (string-fill! string character [start [end]]) -> make every character from START up to END CHARACTER
    "string-fill!" (2, 2) => fill,
    /// (substring-fill! string start end character) -> the same
    "substring-fill!" (4) => fill_part,
    /// (string-copy! target at source [start [end]]) -> copy characters of SOURCE to TARGET, from AT on
    "string-copy!" (3, 2) => copy_to,
    /// (substring-move! source start end target at) -> the same
    "substring-move!" (5) => move_part,
    /// (string-replace a b [a-start [a-end [b-start [b-end]]]]) -> a new string: A with its part replaced by that of B
    "string-replace" (2, 4) => replace,
    /// (%read-only-string? string) -> whether STRING may not be changed
    "%read-only-string?" (1) => is_read_only,
}
