//! Characters: predicates, case, order, and their written names.
//!
//! Source: GNU Guile reference manual, "Characters".

use super::args::{boolean, character, unspecified};
use super::errors;
use crate::guile::natives::Outcome;
use crate::guile::value::{Value, symbol_value};
use crate::natives;

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

/// Whether CHARACTER leaves a mark on paper.
pub fn is_graphic(character: char) -> bool {
    !character.is_control()
        && !matches!(character as u32,
            0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x180e | 0x200b..=0x200f
            | 0x2028..=0x202e | 0x2060..=0x206f | 0xe000..=0xf8ff | 0xfeff | 0xfff0..=0xfffb
            | 0xe0000..=0x10ffff)
        && character as u32 & 0xfffe != 0xfffe
        && (character == ' ' || !character.is_whitespace())
}

fn is_combining(character: char) -> bool {
    matches!(character as u32,
        0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff
        | 0x20d0..=0x20ff | 0xfe20..=0xfe2f)
}

/// One upper-case character for CHARACTER, when there is one.
pub fn upcase(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => character,
    }
}

/// One lower-case character for CHARACTER, when there is one.
pub fn downcase(character: char) -> char {
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

/// Whether CHARACTER is a punctuation mark (Unicode's P categories, as far as they are common).
pub fn is_punctuation(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_punctuation() && !is_symbol(character);
    }
    matches!(character as u32,
        0xa1 | 0xa7 | 0xab | 0xb6 | 0xb7 | 0xbb | 0xbf | 0x37e | 0x387
        | 0x2010..=0x2027 | 0x2030..=0x2043 | 0x2045..=0x2051 | 0x2053..=0x205e
        | 0x3001..=0x3003 | 0x3008..=0x3011 | 0x3014..=0x301f)
}

/// Whether CHARACTER is a symbol (Unicode's S categories, as far as they are common).
pub fn is_symbol(character: char) -> bool {
    matches!(
        character,
        '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~'
    ) || matches!(character as u32,
            0xa2..=0xa6 | 0xa8 | 0xa9 | 0xac | 0xae..=0xb1 | 0xb4 | 0xb8 | 0xd7 | 0xf7
            | 0x2c2..=0x2c5 | 0x2044 | 0x2052 | 0x20a0..=0x20bf | 0x2100..=0x214f
            | 0x2190..=0x23ff | 0x2500..=0x27bf | 0x2900..=0x2bff)
        && !character.is_alphanumeric()
}

/// Whether CHARACTER is title-case: neither upper nor lower, but a letter pair.
pub fn is_title(character: char) -> bool {
    matches!(character as u32, 0x1c5 | 0x1c8 | 0x1cb | 0x1f2 | 0x1f88..=0x1f8f | 0x1f98..=0x1f9f | 0x1fa8..=0x1faf | 0x1fbc | 0x1fcc | 0x1ffc)
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
    alphabetic "char-alphabetic?" char::is_alphabetic;
    numeric "char-numeric?" |c| c.is_numeric() && !c.is_alphabetic() && (c.is_ascii_digit() || !c.is_ascii());
    whitespace "char-whitespace?" char::is_whitespace;
    upper_case "char-upper-case?" char::is_uppercase;
    lower_case "char-lower-case?" char::is_lowercase;
    is_both "char-is-both?" |c| c.is_uppercase() || c.is_lowercase();
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
    titlecase "char-titlecase" upcase;
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
    Ok(symbol_value(category(c)))
}

/// The Unicode category of CHARACTER, as near as the standard library knows it.
fn category(c: char) -> &'static str {
    match c {
        '_' | '\u{203f}' | '\u{2040}' => "Pc",
        '-' | '\u{2010}'..='\u{2015}' => "Pd",
        '(' | '[' | '{' => "Ps",
        ')' | ']' | '}' => "Pe",
        '\u{ab}' | '\u{2018}' | '\u{201c}' => "Pi",
        '\u{bb}' | '\u{2019}' | '\u{201d}' => "Pf",
        '+' | '<' | '=' | '>' | '|' | '~' | '\u{ac}' | '\u{b1}' | '\u{d7}' | '\u{f7}' => "Sm",
        '$' | '\u{a2}'..='\u{a5}' | '\u{20a0}'..='\u{20bf}' => "Sc",
        '^' | '`' | '\u{a8}' | '\u{af}' | '\u{b4}' | '\u{b8}' => "Sk",
        '\u{2028}' => "Zl",
        '\u{2029}' => "Zp",
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}' => "Cf",
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => "Co",
        c if c.is_control() => "Cc",
        c if is_title(c) => "Lt",
        c if c.is_uppercase() && c.is_alphabetic() && !c.is_numeric() => "Lu",
        c if c.is_lowercase() && c.is_alphabetic() && !c.is_numeric() => "Ll",
        c if is_combining(c) => "Mn",
        c if c.is_ascii_digit() => "Nd",
        c if c.is_alphabetic() && c.is_numeric() => "Nl",
        c if c.is_numeric()
            && matches!(c as u32, 0xb2 | 0xb3 | 0xb9 | 0xbc..=0xbe | 0x2070..=0x2089 | 0x2150..=0x215f | 0x2460..=0x249b) =>
        {
            "No"
        }
        c if c.is_numeric() => "Nd",
        c if c.is_alphabetic() => "Lo",
        c if c.is_whitespace() => "Zs",
        c if is_symbol(c) => "So",
        c if is_punctuation(c) => "Po",
        _ => "Cn",
    }
}

fn void(_: &[Value]) -> Outcome {
    Ok(unspecified())
}

natives! {
    "char?" (1) => char_predicate,
    "char-alphabetic?" (1) => alphabetic, "char-numeric?" (1) => numeric,
    "char-whitespace?" (1) => whitespace, "char-upper-case?" (1) => upper_case,
    "char-lower-case?" (1) => lower_case, "char-is-both?" (1) => is_both,
    "char-title-case?" (1) => title_case,
    "char->integer" (1) => to_integer, "integer->char" (1) => from_integer,
    "char-upcase" (1) => upcase_native, "char-downcase" (1) => downcase_native,
    "char-titlecase" (1) => titlecase, "char-foldcase" (1) => foldcase,
    "char=?" (0, rest) => same, "char<?" (0, rest) => less, "char>?" (0, rest) => greater,
    "char<=?" (0, rest) => at_most, "char>=?" (0, rest) => at_least,
    "char-ci=?" (0, rest) => same_ci, "char-ci<?" (0, rest) => less_ci,
    "char-ci>?" (0, rest) => greater_ci, "char-ci<=?" (0, rest) => at_most_ci,
    "char-ci>=?" (0, rest) => at_least_ci,
    "%digit-value" (1) => digit_value,
    "char-general-category" (1) => general_category,
    "%void" (0, rest) => void,
}
