//! Character sets: SRFI 14.
//!
//! A set is a sorted list of ranges of code points; the standard ones are a
//! test until somebody asks for their members.
//!
//! Source: SRFI 14; GNU Guile reference manual, "Character Sets".

use crate::data::args::{self, boolean, integer};
use crate::data::native::{Outcome, Raise};
use crate::data::value::Value;
use crate::data::{characters, errors, pairs, strings};
use crate::natives;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

type Ranges = Vec<(u32, u32)>;

enum Members {
    Ranges(Ranges),
    Test(fn(char) -> bool, OnceCell<Ranges>),
}

/// A set of characters; immutable, so copies share.
#[derive(Clone)]
pub struct CharSet(Rc<Members>);

/// A set as the program holds it; the procedures with `!` put another into it.
struct Holder(RefCell<CharSet>);

impl Custom for Holder {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok("#<charset>".to_owned()))
    }
}

impl PartialEq for CharSet {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || self.ranges() == other.ranges()
    }
}

const LAST: u32 = 0x10ffff;

impl CharSet {
    fn of_ranges(ranges: Ranges) -> CharSet {
        CharSet(Rc::new(Members::Ranges(ranges)))
    }

    fn of_test(test: fn(char) -> bool) -> CharSet {
        CharSet(Rc::new(Members::Test(test, OnceCell::new())))
    }

    /// The set of CHARACTERS.
    pub fn of(characters: impl IntoIterator<Item = char>) -> CharSet {
        let mut codes: Vec<u32> = characters.into_iter().map(|c| c as u32).collect();
        codes.sort_unstable();
        codes.dedup();
        let mut ranges: Ranges = Vec::new();
        for code in codes {
            match ranges.last_mut() {
                Some((_, end)) if *end + 1 == code => *end = code,
                _ => ranges.push((code, code)),
            }
        }
        CharSet::of_ranges(ranges)
    }

    /// Whether CHARACTER is in the set.
    pub fn contains(&self, character: char) -> bool {
        match &*self.0 {
            Members::Test(test, _) => test(character),
            Members::Ranges(ranges) => {
                let code = character as u32;
                let index = ranges.partition_point(|(_, end)| *end < code);
                ranges.get(index).is_some_and(|(start, _)| *start <= code)
            }
        }
    }

    fn ranges(&self) -> &Ranges {
        match &*self.0 {
            Members::Ranges(ranges) => ranges,
            Members::Test(test, ranges) => ranges.get_or_init(|| {
                let mut found: Ranges = Vec::new();
                for character in ('\0'..=char::MAX).filter(|c| test(*c)) {
                    let code = character as u32;
                    match found.last_mut() {
                        Some((_, end)) if *end + 1 == code => *end = code,
                        _ => found.push((code, code)),
                    }
                }
                found
            }),
        }
    }

    fn characters(&self) -> impl Iterator<Item = char> + '_ {
        self.ranges()
            .iter()
            .flat_map(|(start, end)| (*start..=*end).filter_map(char::from_u32))
    }

    fn complement(&self) -> CharSet {
        let mut ranges = Ranges::new();
        let mut next = 0;
        for (start, end) in self.ranges() {
            if *start > next {
                ranges.push((next, start - 1));
            }
            next = end + 1;
        }
        if next <= LAST {
            ranges.push((next, LAST));
        }
        CharSet::of_ranges(ranges).intersection(&CharSet::all())
    }

    /// Every character; surrogates are none.
    fn all() -> CharSet {
        CharSet::of_ranges(vec![(0, 0xd7ff), (0xe000, LAST)])
    }

    fn union(&self, other: &CharSet) -> CharSet {
        let mut all: Ranges = self
            .ranges()
            .iter()
            .chain(other.ranges())
            .copied()
            .collect();
        all.sort_unstable();
        let mut merged: Ranges = Vec::new();
        for (start, end) in all {
            match merged.last_mut() {
                Some((_, last)) if start <= last.saturating_add(1) => *last = end.max(*last),
                _ => merged.push((start, end)),
            }
        }
        CharSet::of_ranges(merged)
    }

    fn intersection(&self, other: &CharSet) -> CharSet {
        let (left, right) = (self.ranges(), other.ranges());
        let (mut i, mut j) = (0, 0);
        let mut both = Ranges::new();
        while i < left.len() && j < right.len() {
            let (start, end) = (left[i].0.max(right[j].0), left[i].1.min(right[j].1));
            if start <= end {
                both.push((start, end));
            }
            if left[i].1 < right[j].1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        CharSet::of_ranges(both)
    }

    fn value(self) -> Value {
        Holder(RefCell::new(self))
            .into_steelval()
            .expect("a custom value is always a value")
    }
}

/// Let the set that VALUE is hold what SET does.
fn change(value: &Value, set: CharSet) -> Value {
    if let Value::Custom(custom) = value
        && let Some(holder) = as_underlying_type::<Holder>(custom.read().as_ref())
    {
        *holder.0.borrow_mut() = set;
    }
    value.clone()
}

/// Do what COMBINE does to the first set.
fn in_place(args: &[Value], combine: fn(&[Value]) -> Outcome) -> Outcome {
    let made = combine(args)?;
    Ok(match (args.first(), get(&made)) {
        (Some(first), Some(set)) => change(first, set),
        _ => made,
    })
}

/// Do what COMBINE does to the set at POSITION, the base.
fn base_in_place(args: &[Value], position: usize, combine: fn(&[Value]) -> Outcome) -> Outcome {
    let base = &args[position - 1];
    if !is_char_set(base) {
        return Err(errors::wrong_type("char-set-adjoin!", position, base));
    }
    let made = combine(args)?;
    Ok(get(&made).map_or(made, |set| change(base, set)))
}

fn adjoin_in_place(args: &[Value]) -> Outcome {
    in_place(args, adjoin)
}
fn delete_in_place(args: &[Value]) -> Outcome {
    in_place(args, delete)
}
fn list_into_char_set(args: &[Value]) -> Outcome {
    base_in_place(args, 2, list_to_char_set)
}
fn string_into_char_set(args: &[Value]) -> Outcome {
    base_in_place(args, 2, string_to_char_set)
}
fn range_into_char_set(args: &[Value]) -> Outcome {
    base_in_place(args, 4, range_to_char_set)
}
fn copy(args: &[Value]) -> Outcome {
    Ok(want("char-set-copy", args, 1)?.value())
}

/// The set that VALUE is.
pub fn get(value: &Value) -> Option<CharSet> {
    match value {
        Value::Custom(custom) => as_underlying_type::<Holder>(custom.read().as_ref())
            .map(|holder| holder.0.borrow().clone()),
        _ => None,
    }
}

/// Whether VALUE is a character set.
pub fn is_char_set(value: &Value) -> bool {
    get(value).is_some()
}

/// Both sets, when both values are sets.
pub fn both(a: &Value, b: &Value) -> Option<(CharSet, CharSet)> {
    get(a).zip(get(b))
}

fn want(procedure: &str, args: &[Value], position: usize) -> Result<CharSet, Raise> {
    get(&args[position - 1])
        .ok_or_else(|| errors::expecting(procedure, position, "charset", &args[position - 1]))
}

/// The standard set called NAME (without `char-set:`).
pub fn standard(name: &str) -> Option<CharSet> {
    let test: fn(char) -> bool = match name {
        "lower-case" => characters::is_lower_case,
        "upper-case" => characters::is_upper_case,
        "title-case" => characters::is_title,
        "letter" => characters::is_letter,
        "digit" => characters::is_digit,
        "letter+digit" => |c| characters::is_letter(c) || characters::is_digit(c),
        "graphic" => characters::is_graphic,
        "printing" => |c| characters::is_whitespace(c) || characters::is_graphic(c),
        "whitespace" => characters::is_whitespace,
        "iso-control" => |c| c.is_control(),
        "punctuation" => characters::is_punctuation,
        "symbol" => characters::is_symbol,
        "hex-digit" => |c| c.is_ascii_hexdigit(),
        "blank" => |c| {
            c == ' '
                || c == '\t'
                || !c.is_ascii() && c.is_whitespace() && !matches!(c as u32, 0x85 | 0x2028 | 0x2029)
        },
        "ascii" => |c| c.is_ascii(),
        "empty" => |_| false,
        "full" => |_| true,
        "designated" => characters::is_designated,
        _ => return None,
    };
    Some(CharSet::of_test(test))
}

fn standard_native(args: &[Value]) -> Outcome {
    thread_local! {
        static KNOWN: std::cell::RefCell<std::collections::HashMap<String, Value>> = Default::default();
    }
    let name = args::symbol("%char-set", args, 1)?;
    KNOWN.with(|known| {
        if let Some(set) = known.borrow().get(name) {
            return Ok(set.clone());
        }
        let set = standard(name)
            .ok_or_else(|| errors::value_out_of_range("%char-set", &args[0]))?
            .value();
        known.borrow_mut().insert(name.to_owned(), set.clone());
        Ok(set)
    })
}

fn predicate(args: &[Value]) -> Outcome {
    Ok(boolean(is_char_set(&args[0])))
}

fn characters_of(procedure: &str, value: &Value) -> Result<CharSet, Raise> {
    match value {
        Value::CharV(character) => Ok(CharSet::of([*character])),
        Value::StringV(string) => Ok(CharSet::of(strings::of(string).chars())),
        other => get(other).ok_or_else(|| errors::wrong_type(procedure, 1, other)),
    }
}

fn char_set(args: &[Value]) -> Outcome {
    let mut characters = Vec::new();
    for position in 1..=args.len() {
        characters.push(args::character("char-set", args, position)?);
    }
    Ok(CharSet::of(characters).value())
}

fn with_base(args: &[Value], position: usize, set: CharSet) -> Outcome {
    Ok(match args.get(position - 1) {
        Some(base) => set.union(&characters_of("char-set", base)?),
        None => set,
    }
    .value())
}

fn list_to_char_set(args: &[Value]) -> Outcome {
    let items = args::list("list->char-set", args, 1)?;
    let mut characters = Vec::new();
    for position in 1..=items.len() {
        characters.push(args::character("list->char-set", &items, position)?);
    }
    with_base(args, 2, CharSet::of(characters))
}

fn string_to_char_set(args: &[Value]) -> Outcome {
    let text = args::string("string->char-set", args, 1)?;
    with_base(args, 2, CharSet::of(text.chars()))
}

fn range_to_char_set(args: &[Value]) -> Outcome {
    let start = args::size("ucs-range->char-set", args, 1)? as u32;
    let end = args::size("ucs-range->char-set", args, 2)? as u32;
    let set = if start < end {
        CharSet::of_ranges(vec![(start, end.min(LAST + 1) - 1)]).intersection(&CharSet::all())
    } else {
        CharSet::of_ranges(Vec::new())
    };
    with_base(args, 4, set)
}

fn to_char_set(args: &[Value]) -> Outcome {
    Ok(characters_of("->char-set", &args[0])?.value())
}

fn contains(args: &[Value]) -> Outcome {
    let set = want("char-set-contains?", args, 1)?;
    Ok(boolean(set.contains(args::character(
        "char-set-contains?",
        args,
        2,
    )?)))
}

fn size(args: &[Value]) -> Outcome {
    Ok(integer(
        want("char-set-size", args, 1)?.characters().count(),
    ))
}

fn to_list(args: &[Value]) -> Outcome {
    let set = want("char-set->list", args, 1)?;
    Ok(pairs::list(
        set.characters().map(Value::CharV).collect::<Vec<_>>(),
    ))
}

fn to_string(args: &[Value]) -> Outcome {
    let set = want("char-set->string", args, 1)?;
    Ok(strings::value(set.characters().collect::<String>()))
}

fn adjoin(args: &[Value]) -> Outcome {
    let set = want("char-set-adjoin", args, 1)?;
    let mut added = Vec::new();
    for position in 2..=args.len() {
        added.push(args::character("char-set-adjoin", args, position)?);
    }
    Ok(set.union(&CharSet::of(added)).value())
}

fn delete(args: &[Value]) -> Outcome {
    let set = want("char-set-delete", args, 1)?;
    let mut removed = Vec::new();
    for position in 2..=args.len() {
        removed.push(args::character("char-set-delete", args, position)?);
    }
    Ok(set.intersection(&CharSet::of(removed).complement()).value())
}

fn complement(args: &[Value]) -> Outcome {
    Ok(want("char-set-complement", args, 1)?.complement().value())
}

fn fold_sets(
    procedure: &str,
    args: &[Value],
    start: CharSet,
    combine: fn(&CharSet, &CharSet) -> CharSet,
) -> Outcome {
    let mut result = start;
    for position in 1..=args.len() {
        result = combine(&result, &want(procedure, args, position)?);
    }
    Ok(result.value())
}

fn union(args: &[Value]) -> Outcome {
    fold_sets("char-set-union", args, CharSet::of([]), CharSet::union)
}

fn intersection(args: &[Value]) -> Outcome {
    fold_sets(
        "char-set-intersection",
        args,
        CharSet::of([]).complement(),
        CharSet::intersection,
    )
}

fn difference(args: &[Value]) -> Outcome {
    let mut result = want("char-set-difference", args, 1)?;
    for position in 2..=args.len() {
        result = result.intersection(&want("char-set-difference", args, position)?.complement());
    }
    Ok(result.value())
}

fn xor(args: &[Value]) -> Outcome {
    fold_sets("char-set-xor", args, CharSet::of([]), |a, b| {
        a.union(b).intersection(&a.intersection(b).complement())
    })
}

fn equal(args: &[Value]) -> Outcome {
    let mut sets = Vec::new();
    for position in 1..=args.len() {
        sets.push(want("char-set=", args, position)?);
    }
    Ok(boolean(sets.windows(2).all(|pair| pair[0] == pair[1])))
}

fn subset(args: &[Value]) -> Outcome {
    let mut sets = Vec::new();
    for position in 1..=args.len() {
        sets.push(want("char-set<=", args, position)?);
    }
    Ok(boolean(
        sets.windows(2)
            .all(|pair| pair[0].intersection(&pair[1]) == pair[0]),
    ))
}

fn hash(args: &[Value]) -> Outcome {
    let set = want("char-set-hash", args, 1)?;
    let sum = set.ranges().iter().fold(7u32, |sum, (start, end)| {
        sum.wrapping_mul(31)
            .wrapping_add(*start)
            .wrapping_mul(31)
            .wrapping_add(*end)
    });
    Ok(integer(match args.get(1) {
        None => sum as usize,
        Some(_) => match args::size("char-set-hash", args, 2)? {
            0 => sum as usize,
            bound => sum as usize % bound,
        },
    }))
}

natives! {
    /// (%char-set name) -> the standard set `char-set:NAME`
    "%char-set" (1) => standard_native,
    /// (char-set? object) -> whether it is a set of characters
    "char-set?" (1) => predicate,
    /// (char-set character …) -> the set of these characters
    "char-set" (0, rest) => char_set,
    /// (list->char-set list [base]) -> the set of the characters in LIST and those of BASE
    "list->char-set" (1, 1) => list_to_char_set,
    /// (list->char-set! list base) -> BASE with the characters in LIST
    "list->char-set!" (2) => list_into_char_set,
    /// (string->char-set string [base]) -> the set of the characters in STRING and those of BASE
    "string->char-set" (1, 1) => string_to_char_set,
    /// (string->char-set! string base) -> BASE with the characters in STRING
    "string->char-set!" (2) => string_into_char_set,
    /// (ucs-range->char-set lower upper [error? [base]]) -> the set of the characters with a code from LOWER up to UPPER, and those of BASE
    "ucs-range->char-set" (2, 2) => range_to_char_set,
    /// (ucs-range->char-set! lower upper error? base) -> BASE with the characters with a code from LOWER up to UPPER
    "ucs-range->char-set!" (4) => range_into_char_set,
    /// (char-set-copy set) -> a new set of the same characters
    "char-set-copy" (1) => copy,
    /// (->char-set object) -> the set that OBJECT stands for: of one character, of a string's, or itself
    "->char-set" (1) => to_char_set,
    /// (char-set-contains? set character) -> whether CHARACTER is in it
    "char-set-contains?" (2) => contains,
    /// (char-set-size set) -> how many characters it has
    "char-set-size" (1) => size,
    /// (char-set->list set) -> its characters as a list
    "char-set->list" (1) => to_list,
    /// (char-set->string set) -> its characters as a string
    "char-set->string" (1) => to_string,
    /// (char-set-adjoin set character …) -> the set with these characters besides
    "char-set-adjoin" (1, rest) => adjoin,
    /// (char-set-adjoin! set character …) -> the same; SET may be changed
    "char-set-adjoin!" (1, rest) => adjoin_in_place,
    /// (char-set-delete set character …) -> the set without these characters
    "char-set-delete" (1, rest) => delete,
    /// (char-set-delete! set character …) -> the same; SET may be changed
    "char-set-delete!" (1, rest) => delete_in_place,
    /// (char-set-complement set) -> the set of the characters that it has not
    "char-set-complement" (1) => complement,
    /// (char-set-complement! set) -> the same; SET may be changed
    "char-set-complement!" (1) => complement,
    /// (char-set-union set …) -> the set of the characters that any has
    "char-set-union" (0, rest) => union,
    /// (char-set-union! set set …) -> the same; the first may be changed
    "char-set-union!" (1, rest) => union,
    /// (char-set-intersection set …) -> the set of the characters that all have
    "char-set-intersection" (0, rest) => intersection,
    /// (char-set-intersection! set set …) -> the same; the first may be changed
    "char-set-intersection!" (1, rest) => intersection,
    /// (char-set-difference set set …) -> the set of the characters that only the first has
    "char-set-difference" (1, rest) => difference,
    /// (char-set-difference! set set …) -> the same; the first may be changed
    "char-set-difference!" (1, rest) => difference,
    /// (char-set-xor set …) -> the set of the characters that an odd number of them have
    "char-set-xor" (0, rest) => xor,
    /// (char-set-xor! set set …) -> the same; the first may be changed
    "char-set-xor!" (1, rest) => xor,
    /// (char-set= set …) -> whether all have the same characters
    "char-set=" (0, rest) => equal,
    /// (char-set<= set …) -> whether each is part of the next
    "char-set<=" (0, rest) => subset,
    /// (char-set-hash set [bound]) -> a number below BOUND, the same for equal sets
    "char-set-hash" (1, 1) => hash,
}
