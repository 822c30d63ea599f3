//! Parts of strings: cut out, trimmed, padded, split, and put together again.
//!
//! Source: GNU Guile reference manual, "String Selection"; SRFI 13.

use super::searching::indexed;
use super::{Chooser, chooser_or_space, object, part};
use crate::data::args::{self, character, size, size_of_new, string};
use crate::data::characters;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::strings::value;
use crate::data::value::Value;
use crate::data::{errors, memory, pairs, strings as text};
use crate::natives;

fn substring(args: &[Value]) -> Outcome {
    part("substring", args, 1, 2).map(value)
}

fn read_only_substring(args: &[Value]) -> Outcome {
    part("substring/read-only", args, 1, 2).map(text::constant)
}

fn string_copy(args: &[Value]) -> Outcome {
    part("string-copy", args, 1, 2).map(value)
}

fn append(args: &[Value]) -> Outcome {
    let mut size = 0;
    for item in args {
        match item {
            Value::StringV(string) => size += string.len(),
            other => return Err(errors::not_a("string-append", "string", other)),
        }
    }
    memory::claim(size, 1)?;
    let mut result = String::with_capacity(size);
    for item in args {
        if let Value::StringV(string) = item {
            result.push_str(text::of(string));
        }
    }
    Ok(value(result))
}

fn concatenate(args: &[Value]) -> Outcome {
    append(&args::list("string-concatenate", args, 1)?)
}

fn concatenate_reverse(args: &[Value]) -> Outcome {
    let mut strings = args::list("string-concatenate-reverse", args, 1)?;
    strings.reverse();
    if args.len() > 1 {
        strings.push(value(
            part("string-concatenate-reverse", args, 2, 4)
                .map(str::to_owned)
                .or_else(|_| {
                    let string = object("string-concatenate-reverse", args, 2)?;
                    let end = size("string-concatenate-reverse", args, 3)?;
                    Ok::<String, Raise>(
                        text::part(string, 0..end.min(text::length(string))).to_owned(),
                    )
                })?,
        ));
        if let Some(Value::IntV(end)) = args.get(2) {
            let string = object("string-concatenate-reverse", args, 2)?;
            let end = (*end).max(0) as usize;
            *strings.last_mut().expect("it was pushed above") =
                value(text::part(string, 0..end.min(text::length(string))));
        }
    }
    append(&strings)
}

fn join(args: &[Value]) -> Outcome {
    let strings = args::strings("string-append", args, 1)?;
    let separator = match args.get(1) {
        Some(_) => string("string-join", args, 2)?,
        None => " ",
    };
    let grammar = match args.get(2) {
        Some(_) => args::symbol("string-join", args, 3)?,
        None => "infix",
    };
    let texts: usize = strings.iter().map(String::len).sum();
    memory::claim(texts + (strings.len() + 1) * separator.len(), 1)?;
    Ok(value(match grammar {
        "infix" | "strict-infix" => {
            if grammar == "strict-infix" && strings.is_empty() {
                return Err(errors::misc(
                    "string-join",
                    "strict-infix grammar requires non-empty list",
                    Vec::new(),
                ));
            }
            strings.join(separator)
        }
        "suffix" => strings
            .iter()
            .flat_map(|part| [part.as_str(), separator])
            .collect(),
        "prefix" => strings
            .iter()
            .flat_map(|part| [separator, part.as_str()])
            .collect(),
        _ => return Err(errors::value_out_of_range("string-join", &args[2])),
    }))
}

fn split(machine: &mut Machine, args: &[Value]) -> Outcome {
    let text = string("string-split", args, 1)?;
    let chooser = Chooser::new("string-split", 2, &args[1])?;
    if let Chooser::Character(separator) = chooser {
        return Ok(pairs::list(
            text.split(separator).map(value).collect::<Vec<_>>(),
        ));
    }
    let text = text.to_owned();
    let mut parts = vec![String::new()];
    for character in text.chars() {
        if chooser.chooses(machine, character)? {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    Ok(pairs::list(parts.into_iter().map(value)))
}

fn trim_with(
    machine: &mut Machine,
    procedure: &str,
    args: &[Value],
    left: bool,
    right: bool,
) -> Outcome {
    let chooser = chooser_or_space(procedure, args, 2)?;
    let characters: Vec<char> = part(procedure, args, 1, 3)?.chars().collect();
    let (mut start, mut end) = (0, characters.len());
    while left && start < end && chooser.chooses(machine, characters[start])? {
        start += 1;
    }
    while right && start < end && chooser.chooses(machine, characters[end - 1])? {
        end -= 1;
    }
    Ok(value(characters[start..end].iter().collect::<String>()))
}

fn trim(machine: &mut Machine, args: &[Value]) -> Outcome {
    trim_with(machine, "string-trim", args, true, false)
}

fn trim_right(machine: &mut Machine, args: &[Value]) -> Outcome {
    trim_with(machine, "string-trim-right", args, false, true)
}

fn trim_both(machine: &mut Machine, args: &[Value]) -> Outcome {
    trim_with(machine, "string-trim-both", args, true, true)
}

fn pad_with(procedure: &str, args: &[Value], right: bool) -> Outcome {
    object(procedure, args, 1)?;
    let width = size_of_new(procedure, args, 2, 8)?;
    let fill = match args.get(2) {
        Some(_) => character(procedure, args, 3)?,
        None => ' ',
    };
    let characters: Vec<char> = part(procedure, args, 1, 4)?.chars().collect();
    let length = characters.len();
    let padding = std::iter::repeat_n(fill, width.saturating_sub(length));
    Ok(value(if right {
        characters
            .iter()
            .copied()
            .take(width)
            .chain(padding)
            .collect::<String>()
    } else {
        let kept = characters[length.saturating_sub(width)..].iter().copied();
        padding.chain(kept).collect()
    }))
}

fn pad(args: &[Value]) -> Outcome {
    pad_with("string-pad", args, false)
}

fn pad_right(args: &[Value]) -> Outcome {
    pad_with("string-pad-right", args, true)
}

fn piece(
    procedure: &str,
    args: &[Value],
    range: fn(usize, usize) -> std::ops::Range<usize>,
) -> Outcome {
    let string = object(procedure, args, 1)?;
    let count = size(procedure, args, 2)?;
    let length = text::length(string);
    if count > length {
        return Err(errors::not_between(0, length as isize, &args[1]));
    }
    Ok(value(text::part(string, range(length, count))))
}

fn take(args: &[Value]) -> Outcome {
    piece("string-take", args, |_, count| 0..count)
}

fn drop(args: &[Value]) -> Outcome {
    piece("string-drop", args, |length, count| count..length)
}

fn take_right(args: &[Value]) -> Outcome {
    piece("string-take-right", args, |length, count| {
        length - count..length
    })
}

fn drop_right(args: &[Value]) -> Outcome {
    piece("string-drop-right", args, |length, count| 0..length - count)
}

fn keep(machine: &mut Machine, procedure: &str, args: &[Value], wanted: bool) -> Outcome {
    // Guile takes string and chooser in either order.
    let (string_at, chooser_at) = if matches!(args[0], Value::StringV(_)) {
        (0, 1)
    } else {
        (1, 0)
    };
    let chooser = Chooser::new(procedure, chooser_at + 1, &args[chooser_at])?;
    let mut ordered = args.to_vec();
    ordered[0] = args[string_at].clone();
    ordered[1] = args[chooser_at].clone();
    let mut kept = String::new();
    for (_, character) in indexed(procedure, &ordered)? {
        if chooser.chooses(machine, character)? == wanted {
            kept.push(character);
        }
    }
    Ok(value(kept))
}

fn filter(machine: &mut Machine, args: &[Value]) -> Outcome {
    keep(machine, "string-filter", args, true)
}

fn delete(machine: &mut Machine, args: &[Value]) -> Outcome {
    keep(machine, "string-delete", args, false)
}

fn tokenize(machine: &mut Machine, args: &[Value]) -> Outcome {
    let chooser = match args.get(1) {
        Some(value) => Chooser::new("string-tokenize", 2, value)?,
        None => Chooser::Known(characters::is_graphic),
    };
    let default = args.len() < 2;
    let mut tokens: Vec<String> = Vec::new();
    let mut inside = false;
    for (_, character) in indexed("string-tokenize", args)? {
        let chosen = chooser.chooses(machine, character)? && !(default && character == ' ');
        if chosen {
            if !inside {
                tokens.push(String::new());
            }
            if let Some(token) = tokens.last_mut() {
                token.push(character);
            }
        }
        inside = chosen;
    }
    Ok(pairs::list(tokens.into_iter().map(value)))
}

/// (xsubstring string from [to [start end]])
fn extended_substring(args: &[Value]) -> Outcome {
    object("xsubstring", args, 1)?;
    let characters: Vec<char> = part("xsubstring", args, 1, 4)?.chars().collect();
    let from = args::fixnum(args, 2)?;
    let to = match args.get(2) {
        Some(_) => args::fixnum(args, 3)?,
        None => from + characters.len() as isize,
    };
    if characters.is_empty() && from != to {
        return Err(errors::misc(
            "xsubstring",
            "start and end indices must not be equal",
            Vec::new(),
        ));
    }
    memory::claim(usize::try_from(to.saturating_sub(from)).unwrap_or(0), 4)?;
    Ok(value(
        (from..to)
            .map(|index| characters[index.rem_euclid(characters.len() as isize) as usize])
            .collect::<String>(),
    ))
}

natives! {
    /// (substring string start [end]) -> the characters from START up to END as a string
    "substring" (2, 1) => substring,
    /// (substring/copy string start [end]) -> the same
    "substring/copy" (2, 1) => substring,
    /// (substring/read-only string start [end]) -> the same, as a string that cannot be changed
    "substring/read-only" (2, 1) => read_only_substring,
    /// (string-copy string [start [end]]) -> a new string of the characters from START up to END
    "string-copy" (1, 2) => string_copy,
    /// (string-append string …) -> a new string of all their characters
    "string-append" (0, rest) => append,
    /// (string-append/shared string …) -> the same
    "string-append/shared" (0, rest) => append,
    /// (string-concatenate list) -> a new string of the characters of those in LIST
    "string-concatenate" (1) => concatenate,
    /// (string-concatenate/shared list) -> the same
    "string-concatenate/shared" (1) => concatenate,
    /// (string-concatenate-reverse list [last [end]]) -> the same, those in LIST from the last to the first, and then LAST up to END
    "string-concatenate-reverse" (1, 2) => concatenate_reverse,
    /// (string-join strings [separator [grammar]]) -> string
    "string-join" (1, 2) => join,
    /// (string-split string chooser) -> list of strings
    "string-split" (2) with machine => split,
    /// (string-trim string [what [start [end]]]) -> without the blanks, or what WHAT says, at its beginning
    "string-trim" (1, 3) with machine => trim,
    /// (string-trim-right string [what [start [end]]]) -> without the blanks, or what WHAT says, at its end
    "string-trim-right" (1, 3) with machine => trim_right,
    /// (string-trim-both string [what [start [end]]]) -> without the blanks, or what WHAT says, at both ends
    "string-trim-both" (1, 3) with machine => trim_both,
    /// (string-pad string length [character [start [end]]]) -> a string of LENGTH that ends with it: filled, or cut, at the beginning
    "string-pad" (2, 3) => pad,
    /// (string-pad-right string length [character [start [end]]]) -> a string of LENGTH that begins with it: filled, or cut, at the end
    "string-pad-right" (2, 3) => pad_right,
    /// (string-take string count) -> the first COUNT characters
    "string-take" (2) => take,
    /// (string-drop string count) -> all but the first COUNT characters
    "string-drop" (2) => drop,
    /// (string-take-right string count) -> the last COUNT characters
    "string-take-right" (2) => take_right,
    /// (string-drop-right string count) -> all but the last COUNT characters
    "string-drop-right" (2) => drop_right,
    /// (string-filter what string [start [end]]) -> the characters that WHAT, a character, set or predicate, chooses
    "string-filter" (2, 2) with machine => filter,
    /// (string-delete what string [start [end]]) -> the characters that WHAT does not choose
    "string-delete" (2, 2) with machine => delete,
    /// (string-tokenize string [set [start [end]]]) -> the list of its longest parts of characters in SET, of all that are seen unless given
    "string-tokenize" (1, 3) with machine => tokenize,
    /// (xsubstring string from [to [start [end]]]) -> characters FROM up to TO of STRING repeated without end to both sides
    "xsubstring" (2, 3) => extended_substring,
}
