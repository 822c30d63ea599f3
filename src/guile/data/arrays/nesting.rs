//! Arrays from and to lists of lists, and their text.
//!
//! Source: GNU Guile reference manual, "Array Syntax".

use super::making::{set_steps, wanted_kind};
use super::{Dimension, Kind, View, view, want_at};
use crate::data::args::integer;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::Value;
use crate::data::{errors, memory, pairs};
use crate::natives;

/// A piece of what an array prints as.
pub enum Piece {
    Text(String),
    Element(Value),
}

/// What an array that is not simply its elements prints as; uniform vectors and bitvectors too.
pub fn pieces(value: &Value) -> Option<Vec<Piece>> {
    let view = view(value)?;
    let mut pieces = Vec::new();
    pieces.push(Piece::Text(view.prefix()));
    let mut place = 0;
    print_level(&view, 0, &mut place, &mut pieces);
    Some(pieces)
}

fn print_level(view: &View, level: usize, next: &mut usize, pieces: &mut Vec<Piece>) {
    let Some(dimension) = view.dimensions.get(level) else {
        let element = Piece::Element(view.nth(*next));
        *next += 1;
        if level == 0 {
            pieces.push(Piece::Text("(".to_owned()));
            pieces.push(element);
            pieces.push(Piece::Text(")".to_owned()));
        } else {
            pieces.push(element);
        }
        return;
    };
    pieces.push(Piece::Text("(".to_owned()));
    for index in 0..dimension.length {
        if index > 0 {
            pieces.push(Piece::Text(" ".to_owned()));
        }
        print_level(view, level + 1, next, pieces);
    }
    pieces.push(Piece::Text(")".to_owned()));
}

/// The array that LIST, nested as deeply as the dimensions say, holds.
fn from_lists(
    vector: &mut dyn FnMut(Vec<Value>) -> Value,
    kind: Kind,
    mut dimensions: Vec<Dimension>,
    list: &Value,
) -> Outcome {
    set_steps(&mut dimensions)?;
    let mut elements = Vec::new();
    gather(&dimensions, 0, list, &mut elements)?;
    let root = kind.filled(vector, elements.len(), None)?;
    let view = View {
        root,
        base: 0,
        dimensions,
    };
    let flat = View {
        root: view.root.clone(),
        base: 0,
        dimensions: vec![Dimension {
            low: 0,
            length: elements.len(),
            step: 1,
        }],
    };
    for (place, element) in elements.iter().enumerate() {
        flat.put(place as isize, element)?;
    }
    Ok(view.into_value())
}

fn gather(
    dimensions: &[Dimension],
    level: usize,
    list: &Value,
    elements: &mut Vec<Value>,
) -> Result<(), Raise> {
    let Some(dimension) = dimensions.get(level) else {
        elements.push(list.clone());
        return Ok(());
    };
    let items = pairs::to_vec(list).ok_or_else(|| errors::wrong_type("length", 1, list))?;
    let wrong = |few: &str| {
        errors::misc_without_procedure(
            &format!("too {few} elements for array dimension ~a, need ~a"),
            vec![integer(level), integer(dimension.length)],
        )
    };
    if items.len() < dimension.length {
        return Err(wrong("few"));
    }
    if items.len() > dimension.length {
        return Err(wrong("many"));
    }
    for item in &items {
        gather(dimensions, level + 1, item, elements)?;
    }
    Ok(())
}

/// The lengths of LIST, of its first element, and so on for every dimension whose length is not known.
fn measure(lows: &[(isize, Option<usize>)], list: &Value) -> Result<Vec<Dimension>, Raise> {
    let mut dimensions = Vec::with_capacity(lows.len());
    let mut level = list.clone();
    let mut known = true;
    for (low, length) in lows {
        let length = match length {
            Some(length) => *length,
            None if known => {
                pairs::length(&level).ok_or_else(|| errors::wrong_type("length", 1, &level))?
            }
            None => 0,
        };
        dimensions.push(Dimension {
            low: *low,
            length,
            step: 1,
        });
        match pairs::car(&level).cloned() {
            Some(first) => level = first,
            None => known = false,
        }
    }
    Ok(dimensions)
}

/// (list->typed-array type shape list)
fn from_typed_list(machine: &mut Machine, args: &[Value]) -> Outcome {
    let kind = wanted_kind(&args[0])?;
    let lows = match &args[1] {
        Value::IntV(rank) if *rank >= 0 => {
            memory::claim(*rank as usize, size_of::<(isize, Option<usize>)>())?;
            vec![(0, None); *rank as usize]
        }
        shape => pairs::to_vec(shape)
            .and_then(|items| {
                items
                    .iter()
                    .map(|item| match item {
                        Value::IntV(low) => Some((*low, None)),
                        other => match pairs::to_vec(other)?.as_slice() {
                            [Value::IntV(low), Value::IntV(high)] => {
                                Some((*low, usize::try_from(high - low + 1).ok()))
                            }
                            _ => None,
                        },
                    })
                    .collect::<Option<Vec<_>>>()
            })
            .ok_or_else(|| errors::wrong_type("list->typed-array", 2, shape))?,
    };
    let dimensions = measure(&lows, &args[2])?;
    from_lists(
        &mut |items| machine.vector(items),
        kind,
        dimensions,
        &args[2],
    )
}

fn from_list(machine: &mut Machine, args: &[Value]) -> Outcome {
    from_typed_list(
        machine,
        &[Value::BoolV(true), args[0].clone(), args[1].clone()],
    )
}

fn to_list(args: &[Value]) -> Outcome {
    let view = want_at("array->list", args, 1)?;
    let mut next = 0;
    Ok(listed(&view, 0, &mut next))
}

fn listed(view: &View, level: usize, next: &mut usize) -> Value {
    match view.dimensions.get(level) {
        None => {
            *next += 1;
            view.nth(*next - 1)
        }
        Some(dimension) => {
            let items: Vec<Value> = (0..dimension.length)
                .map(|_| listed(view, level + 1, next))
                .collect();
            pairs::list(items)
        }
    }
}

/// The array that `#PREFIX(…)` writes, whose elements are LIST; nothing when the prefix is wrong.
pub fn written(
    vector: &mut dyn FnMut(Vec<Value>) -> Value,
    prefix: &str,
    list: &Value,
) -> Option<Value> {
    let digits = prefix.len()
        - prefix
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .len();
    let rank: usize = if digits == 0 {
        1
    } else {
        prefix[..digits].parse().ok().filter(|rank| *rank < 32)?
    };
    let rest = &prefix[digits..];
    let end = rest.find(['@', ':']).unwrap_or(rest.len());
    let kind = Kind::of_tag(&rest[..end])?;
    let mut bounds: Vec<(isize, Option<usize>)> = Vec::new();
    let mut rest = &rest[end..];
    while !rest.is_empty() {
        let end = rest[1..].find(['@', ':']).map_or(rest.len(), |at| at + 1);
        let number = &rest[1..end];
        if let Some(low) = rest.strip_prefix('@').map(|_| number) {
            bounds.push((low.parse().ok()?, None));
        } else {
            let length = number.parse().ok()?;
            match bounds.last_mut() {
                Some((_, unknown @ None)) if rest_follows(prefix, rest) => *unknown = Some(length),
                _ => bounds.push((0, Some(length))),
            }
        }
        rest = &rest[end..];
    }
    if bounds.is_empty() {
        bounds = vec![(0, None); rank];
    }
    if bounds.len() != rank {
        return None;
    }
    if rank == 0 {
        let element = pairs::car(list)?.clone();
        return from_lists(vector, kind, Vec::new(), &element).ok();
    }
    let dimensions = measure(&bounds, list).ok()?;
    from_lists(vector, kind, dimensions, list).ok()
}

/// Whether the length at REST follows a lower bound in PREFIX, as in `@1:2`.
fn rest_follows(prefix: &str, rest: &str) -> bool {
    let before = &prefix[..prefix.len() - rest.len()];
    before
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == '-')
        .ends_with('@')
}

natives! {
    /// (list->typed-array type shape list) -> the array of TYPE with the elements of nested LISTs; SHAPE is how many dimensions, or a list of lowest indices
    "list->typed-array" (3) with machine => from_typed_list,
    /// (array->list array) -> nested lists of its elements
    "array->list" (1) => to_list,
    /// (list->array shape list) -> the array with the elements of nested LISTs; SHAPE is how many dimensions, or a list of lowest indices
    "list->array" (2) with machine => from_list,
}
