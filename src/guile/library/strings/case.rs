//! Strings in other shapes: case, turned round, Unicode's normal forms.
//!
//! Source: GNU Guile reference manual, "Alphabetic Case Mapping"; R7RS, section 6.7.

use super::{bounds, object};
use crate::data::args::string;
use crate::data::characters::{self, downcase, fold, upcase};
use crate::data::native::Outcome;
use crate::data::strings as text;
use crate::data::strings::value;
use crate::data::value::Value;
use crate::natives;
use unicode_normalization::UnicodeNormalization;

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

pub(super) fn to_fold(text: &str) -> String {
    text.chars().map(fold).collect()
}

/// TEXT with the first letter of every word in upper case, the others in lower case.
pub fn to_title(text: &str) -> String {
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

natives! {
    /// (string-upcase string [start [end]]) -> a new string in upper case
    "string-upcase" (1, 2) => upcase_native,
    /// (string-upcase! string [start [end]]) -> put it into upper case
    "string-upcase!" (1, 2) => upcase_in_place,
    /// (string-downcase string [start [end]]) -> a new string in lower case
    "string-downcase" (1, 2) => downcase_native,
    /// (string-downcase! string [start [end]]) -> put it into lower case
    "string-downcase!" (1, 2) => downcase_in_place,
    /// (%string-upcase-whole string) -> upper case, where a letter may become several
    "%string-upcase-whole" (1, 2) => upcase_whole,
    /// (%string-downcase-whole string) -> lower case, where a letter may become several
    "%string-downcase-whole" (1, 2) => downcase_whole,
    /// (%string-foldcase-whole string) -> without case, where a letter may become several
    "%string-foldcase-whole" (1, 2) => foldcase_whole,
    /// (string-capitalize string [start [end]]) -> a new string with each word capitalized
    "string-capitalize" (1, 2) => titlecase,
    /// (string-capitalize! string [start [end]]) -> capitalize each word
    "string-capitalize!" (1, 2) => titlecase_in_place,
    /// (string-titlecase string [start [end]]) -> a new string with each word in title case
    "string-titlecase" (1, 2) => titlecase,
    /// (string-titlecase! string [start [end]]) -> put each word into title case
    "string-titlecase!" (1, 2) => titlecase_in_place,
    /// (%string-foldcase string [start [end]]) -> what stands for it where case does not count
    "%string-foldcase" (1, 2) => foldcase,
    /// (%string-foldcase! string [start [end]]) -> put that in its place
    "%string-foldcase!" (1, 2) => foldcase_in_place,
    /// (string-reverse string [start [end]]) -> a new string with the characters turned round
    "string-reverse" (1, 2) => reverse,
    /// (string-reverse! string [start [end]]) -> turn the characters round
    "string-reverse!" (1, 2) => reverse_in_place,
    /// (string-normalize-nfc string) -> Unicode's normal form C
    "string-normalize-nfc" (1) => normalize_nfc,
    /// (string-normalize-nfkc string) -> Unicode's normal form KC
    "string-normalize-nfkc" (1) => normalize_nfkc,
    /// (string-normalize-nfd string) -> Unicode's normal form D
    "string-normalize-nfd" (1) => normalize_nfd,
    /// (string-normalize-nfkd string) -> Unicode's normal form KD
    "string-normalize-nfkd" (1) => normalize_nfkd,
}
