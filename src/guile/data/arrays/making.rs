//! Arrays made, and asked for their kind, rank and bounds.
//!
//! Source: GNU Guile reference manual, "Array Procedures".

use super::{Dimension, Kind, View, view, want, want_at};
use crate::data::args::{self, boolean, integer};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::Value;
use crate::data::{errors, pairs};
use crate::natives;

fn bad_dimension() -> Raise {
    errors::misc_without_procedure("Bad scm_array dimension", Vec::new())
}

/// What BOUNDS, lengths or lists of two indices, say.
pub(super) fn dimensions(bounds: &[Value]) -> Result<Vec<Dimension>, Raise> {
    let mut dimensions = Vec::with_capacity(bounds.len());
    for bound in bounds {
        let (low, length) = match bound {
            Value::IntV(length) if *length >= 0 => (0, *length),
            Value::Pair(_) => match pairs::to_vec(bound).as_deref() {
                Some([Value::IntV(low), Value::IntV(high)]) if *high >= *low - 1 => {
                    (*low, high - low + 1)
                }
                _ => return Err(bad_dimension()),
            },
            _ => return Err(bad_dimension()),
        };
        dimensions.push(Dimension {
            low,
            length: length as usize,
            step: 1,
        });
    }
    set_steps(&mut dimensions)?;
    Ok(dimensions)
}

/// Let the last index count fastest.
pub(super) fn set_steps(dimensions: &mut [Dimension]) -> Result<(), Raise> {
    let mut step: isize = 1;
    for dimension in dimensions.iter_mut().rev() {
        dimension.step = step;
        step = isize::try_from(dimension.length)
            .ok()
            .and_then(|length| step.checked_mul(length))
            .filter(|step| *step < 1 << 40)
            .ok_or_else(bad_dimension)?;
    }
    Ok(())
}

fn make_filled(machine: &mut Machine, kind: Kind, fill: &Value, bounds: &[Value]) -> Outcome {
    let dimensions = dimensions(bounds)?;
    let count = dimensions
        .iter()
        .map(|dimension| dimension.length)
        .product();
    let root = kind.filled(&mut |items| machine.vector(items), count, Some(fill))?;
    Ok(View {
        root,
        base: 0,
        dimensions,
    }
    .into_value())
}

fn make(machine: &mut Machine, args: &[Value]) -> Outcome {
    make_filled(machine, Kind::Any, &args[0], &args[1..])
}

pub(super) fn wanted_kind(value: &Value) -> Result<Kind, Raise> {
    Kind::named(value)
        .ok_or_else(|| errors::expecting("make-generalized-vector", 1, "array type", value))
}

fn make_typed(machine: &mut Machine, args: &[Value]) -> Outcome {
    let kind = wanted_kind(&args[0])?;
    make_filled(machine, kind, &args[1], &args[2..])
}

fn predicate(args: &[Value]) -> Outcome {
    Ok(boolean(view(&args[0]).is_some()))
}

fn typed_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(view(&args[0]).is_some_and(|view| {
        Kind::named(&args[1]) == Some(view.kind())
    })))
}

fn rank(args: &[Value]) -> Outcome {
    Ok(integer(want_at("array-rank", args, 1)?.dimensions.len()))
}

fn array_type(args: &[Value]) -> Outcome {
    Ok(want_at("array-type", args, 1)?.kind().value())
}

fn length(args: &[Value]) -> Outcome {
    match want_at("array-length", args, 1)?.dimensions.first() {
        Some(dimension) => Ok(integer(dimension.length)),
        None => Err(errors::expected("array of nonzero rank", &args[0])),
    }
}

fn shape(args: &[Value]) -> Outcome {
    let view = want_at("array-shape", args, 1)?;
    Ok(pairs::list(view.dimensions.iter().map(|dimension| {
        pairs::list([Value::IntV(dimension.low), Value::IntV(dimension.high())])
    })))
}

fn array_dimensions(args: &[Value]) -> Outcome {
    let view = want_at("array-dimensions", args, 1)?;
    Ok(pairs::list(view.dimensions.iter().map(|dimension| {
        if dimension.low == 0 {
            integer(dimension.length)
        } else {
            pairs::list([Value::IntV(dimension.low), Value::IntV(dimension.high())])
        }
    })))
}

fn in_bounds(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    if view.dimensions.len() != args.len() - 1 {
        return Err(args::wrong_count("array-in-bounds?"));
    }
    for (dimension, index) in view.dimensions.iter().zip(&args[1..]) {
        match index {
            Value::IntV(at) if dimension.contains(*at) => {}
            Value::IntV(_) => return Ok(boolean(false)),
            other => return Err(errors::expected("exact integer", other)),
        }
    }
    Ok(boolean(true))
}

natives! {
    /// (make-array fill bound …) -> a new array full of FILL; a bound is a length or a list of the lowest and highest index
    "make-array" (1, rest) with machine => make,
    /// (make-typed-array type fill bound …) -> a new array of uniform elements of TYPE, such as f64
    "make-typed-array" (2, rest) with machine => make_typed,
    /// (array? object [type]) -> whether it is an array, of TYPE where one is given
    "array?" (1, 1) => predicate,
    /// (typed-array? object type) -> whether it is an array of TYPE
    "typed-array?" (2) => typed_predicate,
    /// (array-rank object) -> how many dimensions it has, 0 for what is no array
    "array-rank" (1) => rank,
    /// (array-type array) -> the type of its elements, a symbol, or #t for any
    "array-type" (1) => array_type,
    /// (array-length array) -> how many indices the first dimension has
    "array-length" (1) => length,
    /// (array-shape array) -> for each dimension the list of its lowest and highest index
    "array-shape" (1) => shape,
    /// (array-dimensions array) -> for each dimension its length, or the list of its bounds where it does not begin at 0
    "array-dimensions" (1) => array_dimensions,
    /// (array-in-bounds? array index …) -> whether there is an element at these indices
    "array-in-bounds?" (1, rest) => in_bounds,
}
