//! Characters: predicates, case, order, and their written names.
//!
//! Source: GNU Guile reference manual, "Characters".

use crate::data::args::{boolean, character, unspecified};
use crate::data::errors;
use crate::data::native::Outcome;
use crate::data::value::{Value, symbol_value};
use crate::natives;
use icu_properties::CodePointMapData;
use icu_properties::props::{
    CanonicalCombiningClass, GeneralCategory, GeneralCategoryGroup, NamedEnumeratedProperty,
};
use std::ops::RangeInclusive;

/// The names that `write` uses.
const NAMES: [(u32, &str); 34] = [
    (0, "nul"),
    (1, "soh"),
    (2, "stx"),
    (3, "etx"),
    (4, "eot"),
    (5, "enq"),
    (6, "ack"),
    (7, "alarm"),
    (8, "backspace"),
    (9, "tab"),
    (10, "newline"),
    (11, "vtab"),
    (12, "page"),
    (13, "return"),
    (14, "so"),
    (15, "si"),
    (16, "dle"),
    (17, "dc1"),
    (18, "dc2"),
    (19, "dc3"),
    (20, "dc4"),
    (21, "nak"),
    (22, "syn"),
    (23, "etb"),
    (24, "can"),
    (25, "em"),
    (26, "sub"),
    (27, "esc"),
    (28, "fs"),
    (29, "gs"),
    (30, "rs"),
    (31, "us"),
    (32, "space"),
    (127, "delete"),
];

/// CHARACTER as `write` prints it.
pub fn written(character: char) -> String {
    let code = character as u32;
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == code) {
        return format!("#\\{name}");
    }
    if is_graphic(character) {
        // A combining mark would merge with the backslash.
        if is_combining(character) {
            return format!("#\\\u{25cc}{character}");
        }
        return format!("#\\{character}");
    }
    format!("#\\{code:o}")
}

/// The general category that Unicode gives CHARACTER.
fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

fn is_in(character: char, group: GeneralCategoryGroup) -> bool {
    group.contains(category(character))
}

/// Whether CHARACTER leaves a mark on paper.
pub fn is_graphic(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_graphic();
    }
    is_in(
        character,
        GeneralCategoryGroup::Letter
            .union(GeneralCategoryGroup::Mark)
            .union(GeneralCategoryGroup::Number)
            .union(GeneralCategoryGroup::Punctuation)
            .union(GeneralCategoryGroup::Symbol),
    )
}

/// Whether CHARACTER is a letter.
pub fn is_letter(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphabetic();
    }
    is_in(character, GeneralCategoryGroup::Letter)
}

/// Whether CHARACTER is a decimal digit of some script.
pub fn is_digit(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_digit();
    }
    category(character) == GeneralCategory::DecimalNumber
}

/// Whether CHARACTER is space between others; unlike Unicode, Guile counts the
/// next line (U+0085) as a control character only.
pub fn is_whitespace(character: char) -> bool {
    character.is_whitespace() && character != '\u{85}'
}

/// Whether Unicode has given CHARACTER a meaning.
pub fn is_designated(character: char) -> bool {
    category(character) != GeneralCategory::Unassigned
}

/// Guile goes by the names of characters here: a letter is lower case when it
/// is called a small letter or has an upper-case one. These are the letters of
/// Unicode's category for which that says something else, and the others.
const LOWER_CASE_BY_CATEGORY_ONLY: &[RangeInclusive<u32>] = &[
    0x1aa..=0x1aa,
    0x1be..=0x1be,
    0x262..=0x262,
    0x274..=0x274,
    0x276..=0x276,
    0x281..=0x281,
    0x28f..=0x28f,
    0x295..=0x299,
    0x29b..=0x29c,
    0x29f..=0x29f,
    0x2a1..=0x2a2,
    0x2ac..=0x2ad,
    0x3fc..=0x3fc,
    0x1d00..=0x1d01,
    0x1d03..=0x1d07,
    0x1d0a..=0x1d10,
    0x1d15..=0x1d15,
    0x1d18..=0x1d1c,
    0x1d20..=0x1d2b,
    0x1d7b..=0x1d7b,
    0x1d7e..=0x1d7e,
    0x210a..=0x2d2d,
    0xa730..=0xa731,
    0xa776..=0xa776,
    0xa7af..=0xa7af,
    0xa7fa..=0xa7fa,
    0xab46..=0xab46,
    0xab65..=0xab65,
    0x1d41a..=0x1d7cb,
    0x1df02..=0x1df02,
    0x1df04..=0x1df04,
    0x1df0e..=0x1df10,
];
const LOWER_CASE_BY_NAME_ONLY: &[RangeInclusive<u32>] = &[
    0x345..=0x345,
    0x363..=0x36f,
    0x1930..=0x1938,
    0x1abf..=0x1ac0,
    0x1acc..=0x1ace,
    0x1d62..=0x1d6a,
    0x1dca..=0x1dca,
    0x1dd3..=0x1dda,
    0x1ddc..=0x1ddd,
    0x1de0..=0x1de0,
    0x1de3..=0x1df4,
    0xa7f9..=0xa7f9,
    0x1f1a5..=0x1f1a5,
    0x1f521..=0x1f521,
    0xe0061..=0xe007a,
];
/// The same for capital letters.
const UPPER_CASE_BY_CATEGORY_ONLY: &[RangeInclusive<u32>] =
    &[0x3d2..=0x3d4, 0x2102..=0x2cf2, 0x1d400..=0x1d7ca];
const UPPER_CASE_BY_NAME_ONLY: &[RangeInclusive<u32>] = &[
    0x1d7b..=0x1d7b,
    0x1d7e..=0x1d7e,
    0x1f88..=0x1f8f,
    0x1f98..=0x1f9f,
    0x1fa8..=0x1faf,
    0x1fbc..=0x1fbc,
    0x1fcc..=0x1fcc,
    0x1ffc..=0x1ffc,
    0x1f110..=0x1f12c,
    0x1f130..=0x1f149,
    0x1f150..=0x1f169,
    0x1f170..=0x1f18a,
    0x1f520..=0x1f520,
    0xe0041..=0xe005a,
];

fn is_cased(
    character: char,
    wanted: GeneralCategory,
    less: &[RangeInclusive<u32>],
    more: &[RangeInclusive<u32>],
) -> bool {
    let code = character as u32;
    let listed = |ranges: &[RangeInclusive<u32>]| ranges.iter().any(|range| range.contains(&code));
    category(character) == wanted && !listed(less) || listed(more)
}

/// Whether CHARACTER is a lower-case letter.
pub fn is_lower_case(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_lowercase();
    }
    is_cased(
        character,
        GeneralCategory::LowercaseLetter,
        LOWER_CASE_BY_CATEGORY_ONLY,
        LOWER_CASE_BY_NAME_ONLY,
    )
}

/// Whether CHARACTER is an upper-case letter.
pub fn is_upper_case(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_uppercase();
    }
    is_cased(
        character,
        GeneralCategory::UppercaseLetter,
        UPPER_CASE_BY_CATEGORY_ONLY,
        UPPER_CASE_BY_NAME_ONLY,
    )
}

/// Whether CHARACTER goes on top of the one before.
fn is_combining(character: char) -> bool {
    CodePointMapData::<CanonicalCombiningClass>::new().get(character)
        != CanonicalCombiningClass::NotReordered
}

/// One upper-case character for CHARACTER, when there is one.
pub fn upcase(character: char) -> char {
    // These have one, though in text they become two letters.
    let simple = match character as u32 {
        code @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => code + 8,
        code @ (0x1fb3 | 0x1fc3 | 0x1ff3) => code + 9,
        code => code,
    };
    if simple != character as u32 {
        return char::from_u32(simple).unwrap_or(character);
    }
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => character,
    }
}

/// One lower-case character for CHARACTER, when there is one.
pub fn downcase(character: char) -> char {
    if character == '\u{130}' {
        return 'i';
    }
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(lower), None) => lower,
        _ => character,
    }
}

/// CHARACTER without its case.
pub fn fold(character: char) -> char {
    downcase(upcase(character))
}

/// Whether CHARACTER is a punctuation mark.
pub fn is_punctuation(character: char) -> bool {
    is_in(character, GeneralCategoryGroup::Punctuation)
}

/// Whether CHARACTER is a symbol.
pub fn is_symbol(character: char) -> bool {
    is_in(character, GeneralCategoryGroup::Symbol)
}

/// Whether CHARACTER is title-case: neither upper nor lower, but a letter pair.
pub fn is_title(character: char) -> bool {
    category(character) == GeneralCategory::TitlecaseLetter
}

/// The character that CHARACTER is at the beginning of a word.
pub fn titlecase(character: char) -> char {
    match character as u32 {
        // Pairs of letters in one have a form with the first alone in upper case.
        code @ 0x1c4..=0x1cc => char::from_u32(0x1c5 + (code - 0x1c4) / 3 * 3).unwrap_or(character),
        0x1f1..=0x1f3 => '\u{1f2}',
        // Georgian has capitals for titles in capitals alone.
        0x10d0..=0x10ff => character,
        _ => upcase(character),
    }
}

fn char_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(matches!(args[0], Value::CharV(_))))
}

macro_rules! tests {
    ($($function:ident $name:literal $test:expr;)*) => {
        $( fn $function(args: &[Value]) -> Outcome {
            let test: fn(char) -> bool = $test;
            character($name, args, 1).map(|character| boolean(test(character)))
        } )*
    };
}

tests! {
    alphabetic "char-alphabetic?" is_letter;
    numeric "char-numeric?" is_digit;
    whitespace "char-whitespace?" is_whitespace;
    upper_case "char-upper-case?" is_upper_case;
    lower_case "char-lower-case?" is_lower_case;
    is_both "char-is-both?" |c| is_upper_case(c) || is_lower_case(c);
    title_case "char-title-case?" is_title;
}

fn to_integer(args: &[Value]) -> Outcome {
    character("char->integer", args, 1).map(|character| Value::IntV(character as isize))
}

fn from_integer(args: &[Value]) -> Outcome {
    match &args[0] {
        Value::IntV(code) => u32::try_from(*code)
            .ok()
            .and_then(char::from_u32)
            .map(Value::CharV)
            .ok_or_else(|| errors::value_out_of_range("integer->char", &args[0])),
        other => Err(errors::wrong_type("integer->char", 1, other)),
    }
}

macro_rules! mappings {
    ($($function:ident $name:literal $map:expr;)*) => {
        $( fn $function(args: &[Value]) -> Outcome {
            let map: fn(char) -> char = $map;
            character($name, args, 1).map(|character| Value::CharV(map(character)))
        } )*
    };
}

mappings! {
    upcase_native "char-upcase" upcase;
    downcase_native "char-downcase" downcase;
    titlecase_native "char-titlecase" titlecase;
    foldcase "char-foldcase" fold;
}

fn in_order(
    procedure: &str,
    args: &[Value],
    key: fn(char) -> char,
    holds: fn(char, char) -> bool,
) -> Outcome {
    let characters = (1..=args.len())
        .map(|position| character(procedure, args, position).map(key))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(boolean(
        characters.windows(2).all(|pair| holds(pair[0], pair[1])),
    ))
}

macro_rules! orders {
    ($($function:ident $name:literal $key:expr, $holds:expr;)*) => {
        $( fn $function(args: &[Value]) -> Outcome {
            in_order($name, args, $key, $holds)
        } )*
    };
}

orders! {
    same "char=?" |c| c, |a, b| a == b;
    less "char<?" |c| c, |a, b| a < b;
    greater "char>?" |c| c, |a, b| a > b;
    at_most "char<=?" |c| c, |a, b| a <= b;
    at_least "char>=?" |c| c, |a, b| a >= b;
    same_ci "char-ci=?" fold, |a, b| a == b;
    less_ci "char-ci<?" fold, |a, b| a < b;
    greater_ci "char-ci>?" fold, |a, b| a > b;
    at_most_ci "char-ci<=?" fold, |a, b| a <= b;
    at_least_ci "char-ci>=?" fold, |a, b| a >= b;
}

fn digit_value(args: &[Value]) -> Outcome {
    let c = character("digit-value", args, 1)?;
    Ok(c.to_digit(10)
        .map_or(Value::BoolV(false), |digit| Value::IntV(digit as isize)))
}

fn general_category(args: &[Value]) -> Outcome {
    let c = character("char-general-category", args, 1)?;
    Ok(symbol_value(category(c).short_name()))
}

fn void(_: &[Value]) -> Outcome {
    Ok(unspecified())
}

natives! {
    /// (char? object) -> whether it is a character
    "char?" (1) => char_predicate,
    /// (char-alphabetic? character) -> whether it is a letter
    "char-alphabetic?" (1) => alphabetic,
    /// (char-numeric? character) -> whether it is a digit
    "char-numeric?" (1) => numeric,
    /// (char-whitespace? character) -> whether it is blank
    "char-whitespace?" (1) => whitespace,
    /// (char-upper-case? character) -> whether it is an upper-case letter
    "char-upper-case?" (1) => upper_case,
    /// (char-lower-case? character) -> whether it is a lower-case letter
    "char-lower-case?" (1) => lower_case,
    /// (char-is-both? character) -> whether it is an upper- or lower-case letter
    "char-is-both?" (1) => is_both,
    /// (char-title-case? character) -> whether it is a title-case letter
    "char-title-case?" (1) => title_case,
    /// (char->integer character) -> its code point
    "char->integer" (1) => to_integer,
    /// (integer->char number) -> the character with this code point
    "integer->char" (1) => from_integer,
    /// (char-upcase character) -> its upper case
    "char-upcase" (1) => upcase_native,
    /// (char-downcase character) -> its lower case
    "char-downcase" (1) => downcase_native,
    /// (char-titlecase character) -> its title case
    "char-titlecase" (1) => titlecase_native,
    /// (char-foldcase character) -> what stands for it where case does not count
    "char-foldcase" (1) => foldcase,
    /// (char=? character …) -> whether all are the same
    "char=?" (0, rest) => same,
    /// (char<? character …) -> whether each code point is below the next
    "char<?" (0, rest) => less,
    /// (char>? character …) -> whether each code point is above the next
    "char>?" (0, rest) => greater,
    /// (char<=? character …) -> whether no code point is above the next
    "char<=?" (0, rest) => at_most,
    /// (char>=? character …) -> whether no code point is below the next
    "char>=?" (0, rest) => at_least,
    /// (char-ci=? character …) -> whether all are the same but for case
    "char-ci=?" (0, rest) => same_ci,
    /// (char-ci<? character …) -> the same as `char<?` where case does not count
    "char-ci<?" (0, rest) => less_ci,
    /// (char-ci>? character …) -> the same as `char>?` where case does not count
    "char-ci>?" (0, rest) => greater_ci,
    /// (char-ci<=? character …) -> the same as `char<=?` where case does not count
    "char-ci<=?" (0, rest) => at_most_ci,
    /// (char-ci>=? character …) -> the same as `char>=?` where case does not count
    "char-ci>=?" (0, rest) => at_least_ci,
    /// (%digit-value character) -> the digit that it is, or #f
    "%digit-value" (1) => digit_value,
    /// (char-general-category character) -> Unicode's category as a symbol, such as `Lu`
    "char-general-category" (1) => general_category,
    /// (%void object …) -> the value that says nothing
    "%void" (0, rest) => void,
}
