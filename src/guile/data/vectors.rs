//! Vectors: Steel's mutable ones.
//!
//! Source: GNU Guile reference manual, "Vectors"; R7RS, section 6.8.

use crate::data::args::{self, boolean, integer, range, size, size_of_new, unspecified};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::Value;
use crate::data::{arrays, errors, pairs};
use crate::natives;

/// Look at the elements of VALUE, when it is a vector.
#[inline]
pub fn with<T>(value: &Value, look: impl FnOnce(&[Value]) -> T) -> Option<T> {
    match value {
        Value::MutableVector(items) => Some(items.borrow(|items| look(items))),
        _ => None,
    }
}

/// Change the elements of VALUE, when it is a vector.
#[inline]
pub fn change<T>(value: &Value, change: impl FnOnce(&mut Vec<Value>) -> T) -> Option<T> {
    match value {
        Value::MutableVector(cell) => {
            let mut items = cell.set_and_return(Vec::new());
            let result = change(&mut items);
            cell.set_and_return(items);
            Some(result)
        }
        _ => None,
    }
}

/// The elements of argument POSITION.
pub fn items(procedure: &str, args: &[Value], position: usize) -> Result<Vec<Value>, Raise> {
    with(&args[position - 1], <[Value]>::to_vec)
        .ok_or_else(|| not_a_vector(procedure, args, position))
}

fn not_a_vector(procedure: &str, args: &[Value], position: usize) -> Raise {
    errors::expecting(procedure, position, "vector", &args[position - 1])
}

fn predicate(args: &[Value]) -> Outcome {
    Ok(boolean(matches!(args[0], Value::MutableVector(_))))
}

fn make(machine: &mut Machine, args: &[Value]) -> Outcome {
    let count = size_of_new("make-vector", args, 1, size_of::<Value>())?;
    let fill = args.get(1).cloned().unwrap_or(Value::Void);
    Ok(machine.vector(vec![fill; count]))
}

fn vector(machine: &mut Machine, args: &[Value]) -> Outcome {
    Ok(machine.vector(args.to_vec()))
}

fn from_list(machine: &mut Machine, args: &[Value]) -> Outcome {
    let items = pairs::to_vec(&args[0]).ok_or_else(|| errors::wrong_type("vector", 1, &args[0]))?;
    Ok(machine.vector(items))
}

fn to_list(args: &[Value]) -> Outcome {
    // An array of one dimension counts as a vector here.
    let items = match arrays::of_one_dimension(&args[0]) {
        Some(items) => items,
        None => items("vector->list", args, 1)?,
    };
    let range = range("vector->list", args, 2, items.len())?;
    Ok(pairs::list(items[range].iter().cloned()))
}

fn length(args: &[Value]) -> Outcome {
    with(&args[0], <[Value]>::len)
        .map(integer)
        .ok_or_else(|| errors::first_expecting("vector-length", "vector", &args[0]))
}

fn index_of(procedure: &str, args: &[Value]) -> Result<usize, Raise> {
    match &args[1] {
        Value::IntV(index) => {
            usize::try_from(*index).map_err(|_| errors::index_out_of_range(procedure, &args[1]))
        }
        other => Err(errors::instruction_expecting(
            procedure,
            2,
            "small integer",
            other,
        )),
    }
}

fn reference(args: &[Value]) -> Outcome {
    let index = index_of("vector-ref", args)?;
    with(&args[0], |items| items.get(index).cloned())
        .ok_or_else(|| errors::first_expecting("vector-ref", "vector", &args[0]))?
        .ok_or_else(|| errors::index_out_of_range("vector-ref", &args[1]))
}

fn set(args: &[Value]) -> Outcome {
    let index = index_of("vector-set!", args)?;
    let replaced = change(&args[0], |items| match items.get_mut(index) {
        Some(slot) => {
            *slot = args[2].clone();
            true
        }
        None => false,
    })
    .ok_or_else(|| errors::first_expecting("vector-set!", "vector", &args[0]))?;
    if replaced {
        Ok(unspecified())
    } else {
        Err(errors::index_out_of_range("vector-set!", &args[1]))
    }
}

fn fill(args: &[Value]) -> Outcome {
    let length =
        with(&args[0], <[Value]>::len).ok_or_else(|| not_a_vector("vector-fill!", args, 1))?;
    let range = range("vector-fill!", args, 3, length)?;
    change(&args[0], |items| items[range].fill(args[1].clone()));
    Ok(unspecified())
}

fn copy(machine: &mut Machine, args: &[Value]) -> Outcome {
    let items = items("vector-copy", args, 1)?;
    let range = range("vector-copy", args, 2, items.len())?;
    Ok(machine.vector(items[range].to_vec()))
}

/// (vector-copy! target at source [start [end]])
fn copy_to(args: &[Value]) -> Outcome {
    let length =
        with(&args[0], <[Value]>::len).ok_or_else(|| not_a_vector("vector-copy!", args, 1))?;
    let at = size("vector-copy!", args, 2)?;
    let source = items("vector-copy!", args, 3)?;
    let range = range("vector-copy!", args, 4, source.len())?;
    if at + range.len() > length {
        return Err(errors::out_of_range("vector-copy!", 2, &args[1]));
    }
    change(&args[0], |items| {
        items[at..at + range.len()].clone_from_slice(&source[range]);
    });
    Ok(unspecified())
}

/// (vector-move-left! source start end target at), an element at a time: where both parts are
/// of one vector, what has been moved may be moved again.
fn move_part(name: &str, args: &[Value], backwards: bool) -> Outcome {
    let source = with(&args[0], <[Value]>::len).ok_or_else(|| not_a_vector(name, args, 1))?;
    let range = range(name, args, 2, source)?;
    let length = with(&args[3], <[Value]>::len).ok_or_else(|| not_a_vector(name, args, 4))?;
    let at = size(name, args, 5)?;
    if at + range.len() > length {
        return Err(errors::out_of_range(name, 5, &args[4]));
    }
    let count = range.len();
    for step in 0..count {
        let index = if backwards { count - 1 - step } else { step };
        let item = with(&args[0], |items| items[range.start + index].clone());
        if let Some(item) = item {
            change(&args[3], |items| items[at + index] = item);
        }
    }
    Ok(unspecified())
}

fn move_left(args: &[Value]) -> Outcome {
    move_part("vector-move-left!", args, false)
}

fn move_right(args: &[Value]) -> Outcome {
    move_part("vector-move-right!", args, true)
}

fn append(machine: &mut Machine, args: &[Value]) -> Outcome {
    let mut all = Vec::new();
    for position in 1..=args.len() {
        all.extend(items("vector-append", args, position)?);
    }
    Ok(machine.vector(all))
}

fn concatenate(machine: &mut Machine, args: &[Value]) -> Outcome {
    let vectors = args::list("vector-concatenate", args, 1)?;
    append(machine, &vectors)
}

fn reverse_in_place(args: &[Value]) -> Outcome {
    let length =
        with(&args[0], <[Value]>::len).ok_or_else(|| not_a_vector("vector-reverse!", args, 1))?;
    let range = range("vector-reverse!", args, 2, length)?;
    change(&args[0], |items| items[range].reverse());
    Ok(unspecified())
}

fn swap(args: &[Value]) -> Outcome {
    let (i, j) = (
        size("vector-swap!", args, 2)?,
        size("vector-swap!", args, 3)?,
    );
    let length =
        with(&args[0], <[Value]>::len).ok_or_else(|| not_a_vector("vector-swap!", args, 1))?;
    for (position, index) in [(2, i), (3, j)] {
        if index >= length {
            return Err(errors::out_of_range(
                "vector-swap!",
                position,
                &args[position - 1],
            ));
        }
    }
    change(&args[0], |items| items.swap(i, j));
    Ok(unspecified())
}

fn reversed_list(args: &[Value]) -> Outcome {
    let items = items("reverse-vector->list", args, 1)?;
    let range = range("reverse-vector->list", args, 2, items.len())?;
    Ok(pairs::list(items[range].iter().rev().cloned()))
}

fn grow(machine: &mut Machine, args: &[Value]) -> Outcome {
    let mut items = items("vector-grow", args, 1)?;
    let length = size_of_new("vector-grow", args, 2, size_of::<Value>())?;
    items.resize(length.max(items.len()), Value::Void);
    Ok(machine.vector(items))
}

natives! {
    /// (vector? object) -> whether it is a vector
    "vector?" (1) => predicate,
    /// (make-vector length [fill]) -> a new vector, full of FILL
    "make-vector" (1, 1) with machine => make,
    /// (vector object …) -> a new vector of these
    "vector" (0, rest) with machine => vector,
    /// (list->vector list) -> a new vector of the elements of LIST
    "list->vector" (1) with machine => from_list,
    /// (vector->list vector [start [end]]) -> its elements from START up to END as a list
    "vector->list" (1, 2) => to_list,
    /// (vector-length vector) -> how many elements it has
    "vector-length" (1) => length,
    /// (vector-ref vector index) -> the element at INDEX, counted from 0
    "vector-ref" (2) => reference,
    /// (vector-set! vector index value) -> make VALUE the element at INDEX
    "vector-set!" (3) => set,
    /// (vector-fill! vector value [start [end]]) -> make VALUE every element from START up to END
    "vector-fill!" (2, 2) => fill,
    /// (vector-copy vector [start [end]]) -> a new vector of the elements from START up to END
    "vector-copy" (1, 2) with machine => copy,
    /// (vector-copy! target at source [start [end]]) -> copy elements of SOURCE to TARGET, from AT on
    "vector-copy!" (3, 2) => copy_to,
    /// (vector-move-left! source start end target at) -> copy elements to TARGET from AT on, the first one first
    "vector-move-left!" (5) => move_left,
    /// (vector-move-right! source start end target at) -> copy elements to TARGET from AT on, the last one first
    "vector-move-right!" (5) => move_right,
    /// (vector-append vector …) -> a new vector of all their elements
    "vector-append" (0, rest) with machine => append,
    /// (vector-concatenate list) -> a new vector of the elements of those in LIST
    "vector-concatenate" (1) with machine => concatenate,
    /// (%vector-reverse! vector [start [end]]) -> turn the elements from START up to END round
    "%vector-reverse!" (1, 2) => reverse_in_place,
    /// (%vector-swap! vector i j) -> exchange two elements
    "%vector-swap!" (3) => swap,
    /// (%reverse-vector->list vector [start [end]]) -> the elements from START up to END as a list, the last first
    "%reverse-vector->list" (1, 2) => reversed_list,
    /// (vector-grow vector length) -> a new vector of LENGTH that begins with the same elements
    "vector-grow" (2) with machine => grow,
}
