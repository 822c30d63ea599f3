//! Arrays that count over the elements of others.
//!
//! Source: GNU Guile reference manual, "Shared Arrays".

use super::making::dimensions;
use super::{Dimension, Kind, View, holder, want_at, wrong_count};
use crate::data::args::{self, boolean};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::Value;
use crate::data::{errors, pairs, records};
use crate::natives;

fn root(args: &[Value]) -> Outcome {
    Ok(want_at("shared-array-root", args, 1)?.root)
}

fn offset(args: &[Value]) -> Outcome {
    Ok(Value::IntV(want_at("shared-array-offset", args, 1)?.base))
}

fn increments(args: &[Value]) -> Outcome {
    let view = want_at("shared-array-increments", args, 1)?;
    Ok(pairs::list(
        view.dimensions
            .iter()
            .map(|dimension| Value::IntV(dimension.step)),
    ))
}

/// (make-shared-array array mapper bound …)
fn share(machine: &mut Machine, args: &[Value]) -> Outcome {
    const NAME: &str = "make-shared-array";
    let old = want_at(NAME, args, 1)?;
    let mut dimensions = dimensions(&args[2..])?;
    let out_of_range = || errors::misc(NAME, "mapping out of range", Vec::new());
    let mut map = |indices: &[isize]| -> Result<isize, Raise> {
        let arguments = indices.iter().map(|index| Value::IntV(*index)).collect();
        let mapped = machine.call(args[1].clone(), arguments)?;
        let mapped = match pairs::to_vec(&mapped) {
            Some(mapped) => mapped,
            None => records::values_list(&mapped),
        };
        if mapped.len() != old.dimensions.len() {
            return Err(wrong_count(old.dimensions.len()));
        }
        let mut place = old.base;
        for (dimension, index) in old.dimensions.iter().zip(&mapped) {
            match index {
                Value::IntV(at) if dimension.contains(*at) => {
                    place += (at - dimension.low) * dimension.step;
                }
                Value::IntV(_) => {
                    return Err(errors::not_between(dimension.low, dimension.high(), index));
                }
                other => return Err(errors::expected("exact integer", other)),
            }
        }
        Ok(place)
    };
    let mut lows: Vec<isize> = dimensions.iter().map(|dimension| dimension.low).collect();
    if dimensions.iter().any(|dimension| dimension.length == 0) {
        let view = View {
            root: old.root.clone(),
            base: old.base,
            dimensions,
        };
        return Ok(view.into_array());
    }
    let base = map(&lows)?;
    let mut reach = (base, base);
    for at in 0..dimensions.len() {
        let dimension = dimensions[at];
        let mut step = 1;
        if dimension.length > 1 {
            lows[at] += 1;
            step = map(&lows)? - base;
            lows[at] -= 1;
        }
        dimensions[at].step = step;
        let span = step * (dimension.length as isize - 1);
        if span < 0 {
            reach.0 += span;
        } else {
            reach.1 += span;
        }
    }
    // The places that the old array itself reaches.
    let mut allowed = (old.base, old.base);
    for dimension in &old.dimensions {
        let span = dimension.step * (dimension.length as isize - 1);
        if span < 0 {
            allowed.0 += span;
        } else {
            allowed.1 += span;
        }
    }
    if reach.0 < allowed.0 || reach.1 > allowed.1 {
        return Err(out_of_range());
    }
    Ok(View {
        root: old.root.clone(),
        base,
        dimensions,
    }
    .into_value())
}

/// (transpose-array array dimension …)
fn transpose(args: &[Value]) -> Outcome {
    const NAME: &str = "transpose-array";
    let old = want_at(NAME, args, 1)?;
    if args.len() - 1 != old.dimensions.len() {
        return Err(args::wrong_count(NAME));
    }
    let mut places = Vec::new();
    for place in &args[1..] {
        match place {
            Value::IntV(place) if *place >= 0 && (*place as usize) < old.dimensions.len() => {
                places.push(*place as usize);
            }
            Value::IntV(_) => {
                return Err(errors::not_between(0, old.dimensions.len() as isize, place));
            }
            other => return Err(errors::expected("exact integer", other)),
        }
    }
    let rank = places.iter().max().map_or(0, |highest| highest + 1);
    let mut base = old.base;
    let mut dimensions: Vec<Option<Dimension>> = vec![None; rank];
    for (dimension, place) in old.dimensions.iter().zip(&places) {
        dimensions[*place] = Some(match dimensions[*place] {
            None => *dimension,
            // A diagonal: the indices that both have, stepping along both.
            Some(other) => {
                let low = dimension.low.max(other.low);
                let high = dimension.high().min(other.high());
                base += (low - dimension.low) * dimension.step + (low - other.low) * other.step;
                Dimension {
                    low,
                    length: usize::try_from(high - low + 1).unwrap_or(0),
                    step: dimension.step + other.step,
                }
            }
        });
    }
    let dimensions: Option<Vec<Dimension>> = dimensions.into_iter().collect();
    let Some(dimensions) = dimensions else {
        return Err(errors::misc(NAME, "bad argument list", Vec::new()));
    };
    let view = View {
        root: old.root,
        base,
        dimensions,
    };
    Ok(if view.dimensions.len() == 1 {
        view.into_value()
    } else {
        view.into_array()
    })
}

/// (array-contents array [strict?])
fn contents(args: &[Value]) -> Outcome {
    let view = want_at("array-contents", args, 1)?;
    if view.is_whole() {
        return Ok(view.root);
    }
    let strict = args
        .get(1)
        .is_some_and(|strict| !matches!(strict, Value::BoolV(false)));
    let step = match view.dimensions.last() {
        Some(last) => last.step,
        None => 1,
    };
    let mut expected = step;
    for dimension in view.dimensions.iter().rev() {
        if dimension.length > 1 && dimension.step != expected && dimension.length != 0 {
            return Ok(boolean(false));
        }
        expected *= dimension.length as isize;
    }
    if strict && step != 1 {
        return Ok(boolean(false));
    }
    if strict
        && let (Some((Kind::Bit, length)), count) = (holder(&view.root), view.count())
        && (view.base % 32 != 0
            || count != length && !(view.base as usize + count).is_multiple_of(32))
    {
        return Ok(boolean(false));
    }
    Ok(View {
        base: view.base,
        dimensions: vec![Dimension {
            low: 0,
            length: view.count(),
            step,
        }],
        root: view.root,
    }
    .into_value())
}

natives! {
    /// (shared-array-root array) -> what holds the elements
    "shared-array-root" (1) => root,
    /// (shared-array-offset array) -> where in the root the first element is
    "shared-array-offset" (1) => offset,
    /// (shared-array-increments array) -> for each dimension how far apart in the root its elements are
    "shared-array-increments" (1) => increments,
    /// (make-shared-array array map bound …) -> an array of these bounds whose indices MAP turns into the list of those of ARRAY
    "make-shared-array" (2, rest) with machine => share,
    /// (transpose-array array dimension …) -> an array that shares the elements; each dimension of ARRAY becomes the one whose number is given
    "transpose-array" (1, rest) => transpose,
    /// (array-contents array [strict]) -> the elements as an array of one dimension that shares them, or #f where they do not lie one after the other
    "array-contents" (1, 1) => contents,
}
