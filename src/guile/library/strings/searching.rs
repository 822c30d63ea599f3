//! Where in a string characters and other strings are.
//!
//! Source: GNU Guile reference manual, "String Searching"; SRFI 13.

use super::comparison::two_parts;
use super::{Chooser, bounds, part};
use crate::data::args::{boolean, integer};
use crate::data::characters::fold;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::Value;
use crate::natives;

/// The characters of part of string 1 with their indices.
pub(super) fn indexed(procedure: &str, args: &[Value]) -> Result<Vec<(usize, char)>, Raise> {
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

natives! {
    /// (string-index string what [start [end]]) -> the index of the first character that WHAT, a character, set or predicate, chooses, or #f
    "string-index" (2, 2) with machine => index,
    /// (string-index-right string what [start [end]]) -> the index of the last such character, or #f
    "string-index-right" (2, 2) with machine => index_right,
    /// (string-rindex string what [start [end]]) -> the same
    "string-rindex" (2, 2) with machine => index_right,
    /// (string-skip string what [start [end]]) -> the index of the first character that WHAT does not choose, or #f
    "string-skip" (2, 2) with machine => skip,
    /// (string-skip-right string what [start [end]]) -> the index of the last character that WHAT does not choose, or #f
    "string-skip-right" (2, 2) with machine => skip_right,
    /// (string-count string what [start [end]]) -> how many characters WHAT chooses
    "string-count" (2, 2) with machine => count,
    /// (string-contains a b [a-start [a-end [b-start [b-end]]]]) -> the index at which B is first found in A, or #f
    "string-contains" (2, 4) => contains,
    /// (string-contains-ci a b [a-start [a-end [b-start [b-end]]]]) -> the same where case does not count
    "string-contains-ci" (2, 4) => contains_ci,
    /// (string-any what string [start [end]]) -> whether WHAT chooses any character; what a predicate gave
    "string-any" (2, 2) with machine => any,
    /// (string-every what string [start [end]]) -> whether WHAT chooses all characters; what a predicate gave last
    "string-every" (2, 2) with machine => every,
    /// (string-any-c-code what string [start [end]]) -> the same as `string-any`
    "string-any-c-code" (2, 2) with machine => any,
    /// (string-every-c-code what string [start [end]]) -> the same as `string-every`
    "string-every-c-code" (2, 2) with machine => every,
}
