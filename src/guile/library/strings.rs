//! Strings: R7RS's, and SRFI 13 as module `(guile)` has it.
//!
//! Where SRFI 13 takes a character, a set or a predicate, so do these; a
//! predicate that is a closure is called through the machine.
//!
//! Source: GNU Guile reference manual, "Strings"; SRFI 13.

use crate::data::args::{
    self, boolean, character, integer, range, size, size_of_new, string, unspecified,
};
use crate::data::char_sets::{self, CharSet};
use crate::data::characters::{self, downcase, fold, upcase};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::strings::value;
use crate::data::value::Value;
use crate::data::{errors, identity, memory, pairs, strings as text};
use crate::library::equality::hash_text;
use crate::natives;
use std::cmp::Ordering;
use std::rc::Rc;
use unicode_normalization::UnicodeNormalization;

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

fn substring(args: &[Value]) -> Outcome {
    part("substring", args, 1, 2).map(value)
}

/// The whole is the string itself; a part is a copy here.
fn shared_substring(args: &[Value]) -> Outcome {
    let shared = part("substring/shared", args, 1, 2)?;
    match &args[0] {
        Value::StringV(string) if string.len() == shared.len() => Ok(args[0].clone()),
        _ => Ok(value(shared)),
    }
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

// Comparison.

fn compare_folded(a: &str, b: &str) -> Ordering {
    a.chars().map(fold).cmp(b.chars().map(fold))
}

/// `string=?` and its kin, for any number of strings.
fn ordered(
    procedure: &str,
    args: &[Value],
    compare: fn(&str, &str) -> Ordering,
    holds: fn(Ordering) -> bool,
) -> Outcome {
    for position in 1..=args.len() {
        string(procedure, args, position)?;
    }
    for position in 1..args.len() {
        let (a, b) = (
            string(procedure, args, position)?,
            string(procedure, args, position + 1)?,
        );
        if !holds(compare(a, b)) {
            return Ok(boolean(false));
        }
    }
    Ok(boolean(true))
}

/// SRFI 13's comparisons of parts of two strings: whether they stand so to each other.
fn ordered_parts(
    procedure: &str,
    args: &[Value],
    folded: bool,
    holds: fn(Ordering) -> bool,
) -> Outcome {
    let (a, b) = two_parts(procedure, args)?;
    let order = if folded {
        compare_folded(&a, &b)
    } else {
        a.cmp(&b)
    };
    Ok(boolean(holds(order)))
}

/// Strings 1 and 2, cut by the optional arguments start1 end1 start2 end2.
fn two_parts(procedure: &str, args: &[Value]) -> Result<(String, String), Raise> {
    let first = object(procedure, args, 1)?;
    let second = object(procedure, args, 2)?;
    let first_range = range(
        procedure,
        &args[..args.len().min(4)],
        3,
        text::length(first),
    )?;
    let second_range = range(procedure, args, 5, text::length(second))?;
    Ok((
        text::part(first, first_range).to_owned(),
        text::part(second, second_range).to_owned(),
    ))
}

fn common_prefix(a: &str, b: &str, folded: bool) -> usize {
    a.chars()
        .zip(b.chars())
        .take_while(|(a, b)| if folded { fold(*a) == fold(*b) } else { a == b })
        .count()
}

fn common_suffix(a: &str, b: &str, folded: bool) -> usize {
    a.chars()
        .rev()
        .zip(b.chars().rev())
        .take_while(|(a, b)| if folded { fold(*a) == fold(*b) } else { a == b })
        .count()
}

macro_rules! comparisons {
    ($($plain:ident $plain_name:literal $folded:ident $folded_name:literal $part:ident $part_name:literal $part_folded:ident $part_folded_name:literal $holds:expr;)*) => {
        $(
            fn $plain(args: &[Value]) -> Outcome {
                ordered($plain_name, args, |a, b| a.cmp(b), $holds)
            }
            fn $folded(args: &[Value]) -> Outcome {
                ordered($folded_name, args, compare_folded, $holds)
            }
            fn $part(args: &[Value]) -> Outcome {
                ordered_parts($part_name, args, false, $holds)
            }
            fn $part_folded(args: &[Value]) -> Outcome {
                ordered_parts($part_folded_name, args, true, $holds)
            }
        )*
    };
}

comparisons! {
    is_same "string=" is_same_ci "string-ci=" part_same "string=" part_same_ci "string-ci=" |order| order == Ordering::Equal;
    is_less "string<" is_less_ci "string-ci<" part_less "string<" part_less_ci "string-ci<" |order| order == Ordering::Less;
    is_greater "string>" is_greater_ci "string-ci>" part_greater "string>" part_greater_ci "string-ci>" |order| order == Ordering::Greater;
    is_at_most "string<=" is_at_most_ci "string-ci<=" part_at_most "string<=" part_at_most_ci "string-ci<=" |order| order != Ordering::Greater;
    is_at_least "string>=" is_at_least_ci "string-ci>=" part_at_least "string>=" part_at_least_ci "string-ci>=" |order| order != Ordering::Less;
    is_different "string<>?" is_different_ci "string-ci<>?" part_different "string<>" part_different_ci "string-ci<>" |order| order != Ordering::Equal;
}

macro_rules! affixes {
    ($($function:ident $name:literal $common:ident $folded:literal $whole:literal;)*) => {
        $( fn $function(args: &[Value]) -> Outcome {
            let (a, b) = two_parts($name, args)?;
            let common = $common(&a, &b, $folded);
            Ok(if $whole { boolean(common == a.chars().count()) } else { integer(common) })
        } )*
    };
}

affixes! {
    prefix_length "string-prefix-length" common_prefix false false;
    suffix_length "string-suffix-length" common_suffix false false;
    prefix_length_ci "string-prefix-length-ci" common_prefix true false;
    suffix_length_ci "string-suffix-length-ci" common_suffix true false;
    slow_prefix "string-prefix?" common_prefix false true;
    slow_suffix "string-suffix?" common_suffix false true;
    prefix_ci "string-prefix-ci?" common_prefix true true;
    suffix_ci "string-suffix-ci?" common_suffix true true;
}

fn prefix(args: &[Value]) -> Outcome {
    if args.len() > 2 {
        return slow_prefix(args);
    }
    Ok(boolean(
        string("string-prefix?", args, 2)?.starts_with(string("string-prefix?", args, 1)?),
    ))
}

fn suffix(args: &[Value]) -> Outcome {
    if args.len() > 2 {
        return slow_suffix(args);
    }
    Ok(boolean(
        string("string-suffix?", args, 2)?.ends_with(string("string-suffix?", args, 1)?),
    ))
}

// Searching.

/// The characters of part of string 1 with their indices.
fn indexed(procedure: &str, args: &[Value]) -> Result<Vec<(usize, char)>, Raise> {
    let start = bounds(procedure, args, 1, 3)?.start;
    let text = part(procedure, args, 1, 3)?;
    Ok(text
        .chars()
        .enumerate()
        .map(|(index, c)| (start + index, c))
        .collect())
}

fn search(
    machine: &mut Machine,
    procedure: &str,
    args: &[Value],
    from_right: bool,
    wanted: bool,
) -> Outcome {
    let chooser = Chooser::new(procedure, 2, &args[1])?;
    if let (Chooser::Character(character), true, false) = (&chooser, wanted, from_right) {
        let start = bounds(procedure, args, 1, 3)?.start;
        let text = part(procedure, args, 1, 3)?;
        return Ok(text.find(*character).map_or(Value::BoolV(false), |byte| {
            integer(start + text[..byte].chars().count())
        }));
    }
    let characters = indexed(procedure, args)?;
    let mut test = |(index, character): &(usize, char)| -> Result<Option<Value>, Raise> {
        Ok((chooser.chooses(machine, *character)? == wanted).then(|| integer(*index)))
    };
    if from_right {
        for item in characters.iter().rev() {
            if let Some(found) = test(item)? {
                return Ok(found);
            }
        }
    } else {
        for item in &characters {
            if let Some(found) = test(item)? {
                return Ok(found);
            }
        }
    }
    Ok(boolean(false))
}

fn index(machine: &mut Machine, args: &[Value]) -> Outcome {
    search(machine, "string-index", args, false, true)
}
fn index_right(machine: &mut Machine, args: &[Value]) -> Outcome {
    search(machine, "string-index-right", args, true, true)
}
fn skip(machine: &mut Machine, args: &[Value]) -> Outcome {
    search(machine, "string-skip", args, false, false)
}
fn skip_right(machine: &mut Machine, args: &[Value]) -> Outcome {
    search(machine, "string-skip-right", args, true, false)
}

fn count(machine: &mut Machine, args: &[Value]) -> Outcome {
    let chooser = Chooser::new("string-count", 2, &args[1])?;
    let mut count = 0;
    for (_, character) in indexed("string-count", args)? {
        count += usize::from(chooser.chooses(machine, character)?);
    }
    Ok(integer(count))
}

fn contains(args: &[Value]) -> Outcome {
    let (a, b) = two_parts("string-contains", args)?;
    let start = match args.get(2) {
        Some(Value::IntV(start)) => *start as usize,
        _ => 0,
    };
    Ok(a.find(&b).map_or(Value::BoolV(false), |byte| {
        integer(start + a[..byte].chars().count())
    }))
}

fn contains_ci(args: &[Value]) -> Outcome {
    let (a, b) = two_parts("string-contains-ci", args)?;
    let start = match args.get(2) {
        Some(Value::IntV(start)) => *start as usize,
        _ => 0,
    };
    let (a, b): (String, String) = (a.chars().map(fold).collect(), b.chars().map(fold).collect());
    Ok(a.find(&b).map_or(Value::BoolV(false), |byte| {
        integer(start + a[..byte].chars().count())
    }))
}

/// Whether any or every character of a string is chosen. A procedure's own value is given back.
fn quantify(machine: &mut Machine, procedure: &str, args: &[Value], every: bool) -> Outcome {
    let chooser = Chooser::new(procedure, 1, &args[0])?;
    let swapped: Vec<Value> = [args[1].clone(), args[0].clone()]
        .into_iter()
        .chain(args[2..].iter().cloned())
        .collect();
    let mut last = boolean(every);
    for (_, character) in indexed(procedure, &swapped)? {
        last = match &chooser {
            Chooser::Procedure(predicate) => {
                machine.call(predicate.clone(), vec![Value::CharV(character)])?
            }
            other => boolean(other.chooses(machine, character)?),
        };
        if matches!(last, Value::BoolV(false)) == every {
            return Ok(last);
        }
    }
    Ok(last)
}

fn any(machine: &mut Machine, args: &[Value]) -> Outcome {
    quantify(machine, "string-any", args, false)
}

fn every(machine: &mut Machine, args: &[Value]) -> Outcome {
    quantify(machine, "string-every", args, true)
}

// Trimming, padding, taking.

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

// Case and order.

/// STRING with the part that the arguments from 2 on delimit replaced by what CHANGE makes of it.
fn transformed(procedure: &str, args: &[Value], change: fn(&str) -> String) -> Outcome {
    let string = object(procedure, args, 1)?;
    let range = bounds(procedure, args, 1, 2)?;
    let length = text::length(string);
    Ok(value(format!(
        "{}{}{}",
        text::part(string, 0..range.start),
        change(text::part(string, range.clone())),
        text::part(string, range.end..length)
    )))
}

/// The same in place.
fn transform(procedure: &str, args: &[Value], change: fn(&str) -> String) -> Outcome {
    let string = object(procedure, args, 1)?;
    text::check_mutable(&args[0])?;
    let range = bounds(procedure, args, 1, 2)?;
    let length = text::length(string);
    let whole = format!(
        "{}{}{}",
        text::part(string, 0..range.start),
        change(text::part(string, range.clone())),
        text::part(string, range.end..length)
    );
    text::change(string, |text| *text = whole);
    Ok(args[0].clone())
}

fn to_upper(text: &str) -> String {
    text.chars().map(upcase).collect()
}
fn to_lower(text: &str) -> String {
    text.chars().map(downcase).collect()
}
// R7RS maps whole strings, so that a letter may become several.
fn upcase_whole(args: &[Value]) -> Outcome {
    transformed("string-upcase", args, str::to_uppercase)
}
fn downcase_whole(args: &[Value]) -> Outcome {
    transformed("string-downcase", args, str::to_lowercase)
}
fn foldcase_whole(args: &[Value]) -> Outcome {
    transformed("string-foldcase", args, |text| {
        text.to_uppercase()
            .chars()
            .flat_map(char::to_lowercase)
            .collect()
    })
}
fn to_fold(text: &str) -> String {
    text.chars().map(fold).collect()
}
/// TEXT with the first letter of every word in upper case, the others in lower case.
pub(super) fn to_title(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .map(|c| {
            let letter = characters::is_letter(c);
            let result = if letter && !inside {
                characters::titlecase(c)
            } else {
                downcase(c)
            };
            inside = letter;
            result
        })
        .collect()
}
fn to_reverse(text: &str) -> String {
    text.chars().rev().collect()
}

macro_rules! transformations {
    ($($function:ident $in_place:ident $name:literal $change:ident;)*) => {
        $(
            fn $function(args: &[Value]) -> Outcome { transformed($name, args, $change) }
            fn $in_place(args: &[Value]) -> Outcome { transform($name, args, $change) }
        )*
    };
}

transformations! {
    upcase_native upcase_in_place "string-upcase" to_upper;
    downcase_native downcase_in_place "string-downcase" to_lower;
    titlecase titlecase_in_place "string-titlecase" to_title;
    foldcase foldcase_in_place "string-foldcase" to_fold;
    reverse_part reverse_in_place "string-reverse" to_reverse;
}

fn reverse(args: &[Value]) -> Outcome {
    if args.len() == 1 {
        return reverse_part(args);
    }
    let copy = value(string("string-reverse", args, 1)?);
    let mut copied = args.to_vec();
    copied[0] = copy;
    reverse_in_place(&copied)
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

fn hash(args: &[Value]) -> Outcome {
    let hash = hash_text(string("string-hash", args, 1)?);
    hash_within("string-hash", args, hash)
}

fn hash_ci(args: &[Value]) -> Outcome {
    let hash = hash_text(&to_fold(string("string-hash-ci", args, 1)?));
    hash_within("string-hash-ci", args, hash)
}

fn hash_within(procedure: &str, args: &[Value], hash: u64) -> Outcome {
    let limit = match args.get(1) {
        Some(Value::IntV(0)) | None => 1 << 61,
        Some(_) => size(procedure, args, 2)? as u64,
    };
    Ok(integer((hash % limit) as usize))
}

fn utf8_length(args: &[Value]) -> Outcome {
    string("string-utf8-length", args, 1).map(|text| integer(text.len()))
}

fn normalize_nfc(args: &[Value]) -> Outcome {
    string("string-normalize-nfc", args, 1).map(|text| value(text.nfc().collect::<String>()))
}

fn normalize_nfkc(args: &[Value]) -> Outcome {
    string("string-normalize-nfkc", args, 1).map(|text| value(text.nfkc().collect::<String>()))
}

fn normalize_nfd(args: &[Value]) -> Outcome {
    string("string-normalize-nfd", args, 1).map(|text| value(text.nfd().collect::<String>()))
}

fn normalize_nfkd(args: &[Value]) -> Outcome {
    string("string-normalize-nfkd", args, 1).map(|text| value(text.nfkd().collect::<String>()))
}

fn same_object(args: &[Value]) -> Outcome {
    Ok(args[0].clone())
}

fn is_read_only(args: &[Value]) -> Outcome {
    object("%read-only-string?", args, 1).map(|string| boolean(!text::is_mutable(string)))
}

natives! {
    "string?" (1) => string_predicate, "string-length" (1) => length, "string-ref" (2) => reference,
    "string-set!" (3) => set, "make-string" (1, 1) => make, "string" (0, rest) => of_characters,
    "substring" (2, 1) => substring, "substring/shared" (2, 1) => shared_substring,
    "substring/copy" (2, 1) => substring, "substring/read-only" (2, 1) => read_only_substring,
    "string-copy" (1, 2) => string_copy,
    "string-append" (0, rest) => append, "string-append/shared" (0, rest) => append,
    "string-concatenate" (1) => concatenate, "string-concatenate/shared" (1) => concatenate,
    "string-concatenate-reverse" (1, 2) => concatenate_reverse,
    "string-null?" (1) => null, "list->string" (1) => from_list, "reverse-list->string" (1) => from_reversed_list,
    "%string->list" (1, 2) => to_list, "string->list" (1, 2) => to_list,
    /// (string-join strings [separator [grammar]]) -> string
    "string-join" (1, 2) => join,
    /// (string-split string chooser) -> list of strings
    "string-split" (2) with machine => split,
    "string=?" (0, rest) => is_same, "string<?" (0, rest) => is_less, "string>?" (0, rest) => is_greater,
    "string<=?" (0, rest) => is_at_most, "string>=?" (0, rest) => is_at_least, "%string<>?" (0, rest) => is_different,
    "string-ci=?" (0, rest) => is_same_ci, "string-ci<?" (0, rest) => is_less_ci, "string-ci>?" (0, rest) => is_greater_ci,
    "string-ci<=?" (0, rest) => is_at_most_ci, "string-ci>=?" (0, rest) => is_at_least_ci, "%string-ci<>?" (0, rest) => is_different_ci,
    "string=" (2, 4) => part_same, "string<" (2, 4) => part_less, "string>" (2, 4) => part_greater,
    "string<=" (2, 4) => part_at_most, "string>=" (2, 4) => part_at_least, "string<>" (2, 4) => part_different,
    "string-ci=" (2, 4) => part_same_ci, "string-ci<" (2, 4) => part_less_ci, "string-ci>" (2, 4) => part_greater_ci,
    "string-ci<=" (2, 4) => part_at_most_ci, "string-ci>=" (2, 4) => part_at_least_ci, "string-ci<>" (2, 4) => part_different_ci,
    "string-prefix?" (2, 4) => prefix, "string-suffix?" (2, 4) => suffix,
    "string-prefix-ci?" (2, 4) => prefix_ci, "string-suffix-ci?" (2, 4) => suffix_ci,
    "string-prefix-length" (2, 4) => prefix_length, "string-suffix-length" (2, 4) => suffix_length,
    "string-prefix-length-ci" (2, 4) => prefix_length_ci, "string-suffix-length-ci" (2, 4) => suffix_length_ci,
    "string-index" (2, 2) with machine => index, "string-index-right" (2, 2) with machine => index_right,
    "string-rindex" (2, 2) with machine => index_right,
    "string-skip" (2, 2) with machine => skip, "string-skip-right" (2, 2) with machine => skip_right,
    "string-count" (2, 2) with machine => count,
    "string-contains" (2, 4) => contains, "string-contains-ci" (2, 4) => contains_ci,
    "string-any" (2, 2) with machine => any, "string-every" (2, 2) with machine => every,
    "string-any-c-code" (2, 2) with machine => any, "string-every-c-code" (2, 2) with machine => every,
    "string-trim" (1, 3) with machine => trim, "string-trim-right" (1, 3) with machine => trim_right,
    "string-trim-both" (1, 3) with machine => trim_both,
    "string-pad" (2, 3) => pad, "string-pad-right" (2, 3) => pad_right,
    "string-take" (2) => take, "string-drop" (2) => drop,
    "string-take-right" (2) => take_right, "string-drop-right" (2) => drop_right,
    "string-upcase" (1, 2) => upcase_native, "string-upcase!" (1, 2) => upcase_in_place,
    "string-downcase" (1, 2) => downcase_native, "string-downcase!" (1, 2) => downcase_in_place,
    /// (%string-upcase-whole string) -> upper case, where a letter may become several
    "%string-upcase-whole" (1, 2) => upcase_whole,
    /// (%string-downcase-whole string) -> lower case, where a letter may become several
    "%string-downcase-whole" (1, 2) => downcase_whole,
    /// (%string-foldcase-whole string) -> without case, where a letter may become several
    "%string-foldcase-whole" (1, 2) => foldcase_whole,
    "string-capitalize" (1, 2) => titlecase, "string-capitalize!" (1, 2) => titlecase_in_place,
    "string-titlecase" (1, 2) => titlecase, "string-titlecase!" (1, 2) => titlecase_in_place,
    "%string-foldcase" (1, 2) => foldcase, "%string-foldcase!" (1, 2) => foldcase_in_place,
    "string-reverse" (1, 2) => reverse, "string-reverse!" (1, 2) => reverse_in_place,
    "string-fill!" (2, 2) => fill, "substring-fill!" (4) => fill_part,
    "string-copy!" (3, 2) => copy_to, "substring-move!" (5) => move_part,
    "string-replace" (2, 4) => replace,
    "string-filter" (2, 2) with machine => filter, "string-delete" (2, 2) with machine => delete,
    "string-tokenize" (1, 3) with machine => tokenize,
    "xsubstring" (2, 3) => extended_substring,
    "string-hash" (1, 3) => hash, "string-hash-ci" (1, 3) => hash_ci,
    "string-utf8-length" (1) => utf8_length,
    "string-normalize-nfc" (1) => normalize_nfc, "string-normalize-nfkc" (1) => normalize_nfkc,
    "string-normalize-nfd" (1) => normalize_nfd, "string-normalize-nfkd" (1) => normalize_nfkd,
    "%identity" (1) => same_object,
    /// (%read-only-string? string) -> whether STRING may not be changed
    "%read-only-string?" (1) => is_read_only,
}
