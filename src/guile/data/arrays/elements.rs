//! The elements of arrays: one, a row of them, or all, read, set and copied.
//!
//! Source: GNU Guile reference manual, "Array Procedures" and "Arrays as arrays of arrays".

use super::{Dimension, View, want, want_at, wrong_count};
use crate::data::args::{self, integer, unspecified};
use crate::data::native::{Outcome, Raise};
use crate::data::value::Value;
use crate::data::{errors, pairs};
use crate::natives;

fn reference(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    if view.dimensions.len() != args.len() - 1 {
        return Err(wrong_count(view.dimensions.len()));
    }
    let place = view.place_of(&args[1..])?;
    Ok(view.get(place))
}

/// (array-set! array value index …)
fn set(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    if view.dimensions.len() != args.len() - 2 {
        return Err(wrong_count(view.dimensions.len()));
    }
    let place = view.place_of(&args[2..])?;
    view.put(place, &args[1])?;
    Ok(unspecified())
}

/// The part of an array that the first indices choose.
fn slice(view: &View, indices: &[Value]) -> Result<View, Raise> {
    if indices.len() > view.dimensions.len() {
        return Err(wrong_count(view.dimensions.len()));
    }
    Ok(View {
        root: view.root.clone(),
        base: view.place_of(indices)?,
        dimensions: view.dimensions[indices.len()..].to_vec(),
    })
}

fn array_slice(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    if args.len() == 1 {
        return Ok(args[0].clone());
    }
    Ok(slice(&view, &args[1..])?.into_value())
}

fn cell_reference(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    let part = slice(&view, &args[1..])?;
    Ok(if part.dimensions.is_empty() {
        part.get(part.base)
    } else if args.len() == 1 {
        args[0].clone()
    } else {
        part.into_value()
    })
}

/// (array-cell-set! array value index …)
fn cell_set(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    let part = slice(&view, &args[2..])?;
    if part.dimensions.is_empty() {
        part.put(part.base, &args[1])?;
    } else {
        copy_elements("array-cell-set!", &args[1], &part)?;
    }
    Ok(args[0].clone())
}

fn mismatch(procedure: &str, array: &Value) -> Raise {
    errors::misc(procedure, "array shape mismatch: ~S", vec![array.clone()])
}

/// The part of SOURCE that has the indices of SHAPE; nothing when some are missing.
fn cut(source: &View, shape: &[Dimension]) -> Option<View> {
    if source.dimensions.len() != shape.len() {
        return None;
    }
    let mut cut = source.clone();
    for (dimension, wanted) in cut.dimensions.iter_mut().zip(shape) {
        if wanted.length > 0
            && !(dimension.contains(wanted.low) && dimension.contains(wanted.high()))
        {
            return None;
        }
        cut.base += (wanted.low - dimension.low) * dimension.step;
        dimension.low = wanted.low;
        dimension.length = wanted.length;
    }
    Some(cut)
}

fn copy_elements(procedure: &str, source: &Value, target: &View) -> Result<(), Raise> {
    let from = want(source)?;
    // Guile goes over what the source has, which the target must have too.
    let target = cut(target, &from.dimensions).ok_or_else(|| mismatch(procedure, source))?;
    let values: Vec<Value> = (0..from.count()).map(|number| from.nth(number)).collect();
    for (number, value) in values.iter().enumerate() {
        target.set_nth(number, value)?;
    }
    Ok(())
}

/// (array-copy! source target)
fn copy(args: &[Value]) -> Outcome {
    let target = want(&args[1])?;
    copy_elements("array-copy!", &args[0], &target)?;
    Ok(unspecified())
}

fn fill(args: &[Value]) -> Outcome {
    let view = want_at("array-fill!", args, 1)?;
    for number in 0..view.count() {
        view.set_nth(number, &args[1])?;
    }
    Ok(unspecified())
}

/// (%array-cut procedure shape array): ARRAY with the indices of SHAPE.
fn array_cut(args: &[Value]) -> Outcome {
    let procedure = args::string("%array-cut", args, 1)?;
    let shape = want(&args[1])?;
    let view = want(&args[2])?;
    cut(&view, &shape.dimensions)
        .map(View::into_array)
        .ok_or_else(|| mismatch(procedure, &args[1]))
}

fn count(args: &[Value]) -> Outcome {
    Ok(integer(want(&args[0])?.count()))
}

fn number(args: &[Value], view: &View) -> Result<usize, Raise> {
    let number = args::size("array-ref", args, 2)?;
    if number < view.count() {
        Ok(number)
    } else {
        Err(errors::out_of_range("array-ref", 2, &args[1]))
    }
}

fn nth(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    let number = number(args, &view)?;
    Ok(view.nth(number))
}

fn set_nth(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    let number = number(args, &view)?;
    view.set_nth(number, &args[2])?;
    Ok(unspecified())
}

/// (%array-indices array number): the indices of element NUMBER.
fn indices(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    let mut rest = number(args, &view)?;
    let mut indices = Vec::with_capacity(view.dimensions.len());
    for dimension in view.dimensions.iter().rev() {
        indices.push(Value::IntV(
            dimension.low + (rest % dimension.length) as isize,
        ));
        rest /= dimension.length;
    }
    indices.reverse();
    Ok(pairs::list(indices))
}

natives! {
    /// (array-ref array index …) -> the element at these indices
    "array-ref" (1, rest) => reference,
    /// (array-set! array value index …) -> make VALUE the element at these indices
    "array-set!" (2, rest) => set,
    /// (array-slice array index …) -> the array that the first indices leave, which shares its elements with ARRAY
    "array-slice" (1, rest) => array_slice,
    /// (array-cell-ref array index …) -> the element at these indices, or the slice that is left where they are fewer than the dimensions
    "array-cell-ref" (1, rest) => cell_reference,
    /// (array-cell-set! array value index …) -> ARRAY, with VALUE as the element or, copied, as the slice at these indices
    "array-cell-set!" (2, rest) => cell_set,
    /// (array-copy! source target) -> copy the elements of SOURCE to TARGET, which has at least its bounds
    "array-copy!" (2) => copy,
    /// (array-copy-in-order! source target) -> the same, in the order of the indices
    "array-copy-in-order!" (2) => copy,
    /// (array-fill! array value) -> make VALUE every element
    "array-fill!" (2) => fill,
    /// (%array-cut procedure shape array) -> the part of ARRAY that has the indices of SHAPE
    "%array-cut" (3) => array_cut,
    /// (%array-count array) -> how many elements there are
    "%array-count" (1) => count,
    /// (%array-nth array number) -> an element, in the order of the last index first
    "%array-nth" (2) => nth,
    /// (%array-set-nth! array number value) -> nothing
    "%array-set-nth!" (3) => set_nth,
    /// (%array-indices array number) -> list of the indices of an element
    "%array-indices" (2) => indices,
}
