//! The order of strings, their likeness, what they begin and end with, their hashes.
//!
//! Source: GNU Guile reference manual, "String Comparison"; SRFI 13.

use super::case::to_fold;
use super::object;
use crate::data::args::{boolean, integer, range, size, string};
use crate::data::characters::fold;
use crate::data::native::{Outcome, Raise};
use crate::data::strings as text;
use crate::data::value::Value;
use crate::library::equality::hash_text;
use crate::natives;
use std::cmp::Ordering;

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
pub(super) fn two_parts(procedure: &str, args: &[Value]) -> Result<(String, String), Raise> {
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

fn same_object(args: &[Value]) -> Outcome {
    Ok(args[0].clone())
}

natives! {
    /// (string=? string …) -> whether all have the same characters
    "string=?" (0, rest) => is_same,
    /// (string<? string …) -> whether each comes before the next, by code points
    "string<?" (0, rest) => is_less,
    /// (string>? string …) -> whether each comes after the next
    "string>?" (0, rest) => is_greater,
    /// (string<=? string …) -> whether none comes after the next
    "string<=?" (0, rest) => is_at_most,
    /// (string>=? string …) -> whether none comes before the next
    "string>=?" (0, rest) => is_at_least,
    /// (%string<>? string …) -> whether each differs from the next
    "%string<>?" (0, rest) => is_different,
    /// (string-ci=? string …) -> whether all have the same characters but for case
    "string-ci=?" (0, rest) => is_same_ci,
    /// (string-ci<? string …) -> the same as `string<?` where case does not count
    "string-ci<?" (0, rest) => is_less_ci,
    /// (string-ci>? string …) -> the same as `string>?` where case does not count
    "string-ci>?" (0, rest) => is_greater_ci,
    /// (string-ci<=? string …) -> the same as `string<=?` where case does not count
    "string-ci<=?" (0, rest) => is_at_most_ci,
    /// (string-ci>=? string …) -> the same as `string>=?` where case does not count
    "string-ci>=?" (0, rest) => is_at_least_ci,
    /// (%string-ci<>? string …) -> whether each differs from the next by more than case
    "%string-ci<>?" (0, rest) => is_different_ci,
    /// (string= a b [a-start [a-end [b-start [b-end]]]]) -> whether the parts are the same
    "string=" (2, 4) => part_same,
    /// (string< a b [a-start [a-end [b-start [b-end]]]]) -> whether that of A comes before
    "string<" (2, 4) => part_less,
    /// (string> a b [a-start [a-end [b-start [b-end]]]]) -> whether that of A comes after
    "string>" (2, 4) => part_greater,
    /// (string<= a b [a-start [a-end [b-start [b-end]]]]) -> whether that of A does not come after
    "string<=" (2, 4) => part_at_most,
    /// (string>= a b [a-start [a-end [b-start [b-end]]]]) -> whether that of A does not come before
    "string>=" (2, 4) => part_at_least,
    /// (string<> a b [a-start [a-end [b-start [b-end]]]]) -> whether the parts differ
    "string<>" (2, 4) => part_different,
    /// (string-ci= a b [a-start [a-end [b-start [b-end]]]]) -> the same as `string=` where case does not count
    "string-ci=" (2, 4) => part_same_ci,
    /// (string-ci< a b [a-start [a-end [b-start [b-end]]]]) -> the same as `string<` where case does not count
    "string-ci<" (2, 4) => part_less_ci,
    /// (string-ci> a b [a-start [a-end [b-start [b-end]]]]) -> the same as `string>` where case does not count
    "string-ci>" (2, 4) => part_greater_ci,
    /// (string-ci<= a b [a-start [a-end [b-start [b-end]]]]) -> the same as `string<=` where case does not count
    "string-ci<=" (2, 4) => part_at_most_ci,
    /// (string-ci>= a b [a-start [a-end [b-start [b-end]]]]) -> the same as `string>=` where case does not count
    "string-ci>=" (2, 4) => part_at_least_ci,
    /// (string-ci<> a b [a-start [a-end [b-start [b-end]]]]) -> the same as `string<>` where case does not count
    "string-ci<>" (2, 4) => part_different_ci,
    /// (string-prefix? a b [a-start [a-end [b-start [b-end]]]]) -> whether B begins with A
    "string-prefix?" (2, 4) => prefix,
    /// (string-suffix? a b [a-start [a-end [b-start [b-end]]]]) -> whether B ends with A
    "string-suffix?" (2, 4) => suffix,
    /// (string-prefix-ci? a b [a-start [a-end [b-start [b-end]]]]) -> whether B begins with A but for case
    "string-prefix-ci?" (2, 4) => prefix_ci,
    /// (string-suffix-ci? a b [a-start [a-end [b-start [b-end]]]]) -> whether B ends with A but for case
    "string-suffix-ci?" (2, 4) => suffix_ci,
    /// (string-prefix-length a b [a-start [a-end [b-start [b-end]]]]) -> how many characters both begin with
    "string-prefix-length" (2, 4) => prefix_length,
    /// (string-suffix-length a b [a-start [a-end [b-start [b-end]]]]) -> how many characters both end with
    "string-suffix-length" (2, 4) => suffix_length,
    /// (string-prefix-length-ci a b [a-start [a-end [b-start [b-end]]]]) -> how many characters both begin with, but for case
    "string-prefix-length-ci" (2, 4) => prefix_length_ci,
    /// (string-suffix-length-ci a b [a-start [a-end [b-start [b-end]]]]) -> how many characters both end with, but for case
    "string-suffix-length-ci" (2, 4) => suffix_length_ci,
    /// (string-hash string [bound [start [end]]]) -> a number below BOUND, the same for equal strings
    "string-hash" (1, 3) => hash,
    /// (string-hash-ci string [bound [start [end]]]) -> the same where case does not count
    "string-hash-ci" (1, 3) => hash_ci,
    /// (%identity object) -> OBJECT
    "%identity" (1) => same_object,
}
