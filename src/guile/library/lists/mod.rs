//! Pairs, lists and association lists: what needs no procedure argument.
//!
//! Here are the lists that are rows of elements: made, measured, joined, reversed,
//! cut and indexed.
//!
//! Source: GNU Guile reference manual, "Pairs" and "Lists"; SRFI 1.

mod association;
mod cells;
mod membership;
mod rows;

use crate::data::args::{self, boolean, integer, size, size_of_new};
use crate::data::native::Native;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::pairs::{self, Tail, is_nil, is_pair, items, nil};
use crate::data::value::Value;
use crate::data::{errors, memory, numbers};
use crate::library::equality::is_equal;
use crate::natives;
use cells::IMMUTABLE;
pub use membership::drained;
use membership::{holds, remove_in_place};
use std::cell::Cell;

fn list_native(args: &[Value]) -> Outcome {
    Ok(pairs::list(args.iter().cloned()))
}

fn make_list(args: &[Value]) -> Outcome {
    let count = size_of_new("make-list", args, 1, pairs::SIZE_BYTES)?;
    let fill = args.get(1).cloned().unwrap_or_else(nil);
    Ok((0..count).fold(nil(), |tail, _| pairs::cons_copy(&fill, tail)))
}

fn length(args: &[Value]) -> Outcome {
    pairs::length(&args[0])
        .map(integer)
        .ok_or_else(|| errors::wrong_type("length", 1, &args[0]))
}

fn length_plus(args: &[Value]) -> Outcome {
    let mut elements = items(&args[0]);
    let count = elements.by_ref().count();
    match elements.tail() {
        Tail::Circle => Ok(boolean(false)),
        Tail::Nil => Ok(integer(count)),
        Tail::Improper(_) => Err(errors::expecting(
            "length+",
            1,
            "proper or circular list",
            &args[0],
        )),
    }
}

fn append(args: &[Value]) -> Outcome {
    let Some((last, front)) = args.split_last() else {
        return Ok(nil());
    };
    let mut result = last.clone();
    for (position, list) in front.iter().enumerate().rev() {
        let mut elements = items(list);
        result = pairs::list_in_order(elements.by_ref(), result);
        match elements.tail() {
            Tail::Nil => {}
            Tail::Circle => return Err(errors::wrong_type("append", position + 1, list)),
            Tail::Improper(tail) => {
                return Err(errors::expecting(
                    "append",
                    position + 1,
                    "empty list",
                    tail,
                ));
            }
        }
    }
    Ok(result)
}

/// Link the lists of ARGS into one, changing their last pairs.
fn append_in_place(args: &[Value]) -> Outcome {
    let mut result: Option<Value> = None;
    let mut last: Option<Value> = None;
    for (index, list) in args.iter().enumerate() {
        if is_nil(list) {
            continue;
        }
        if let Some(last) = &last
            && !pairs::set_cdr(last, list.clone())
        {
            return append(args);
        }
        result.get_or_insert_with(|| list.clone());
        // The last argument may be anything.
        if index + 1 < args.len() {
            let mut elements = items(list);
            while elements.next().is_some() {}
            match elements.tail() {
                Tail::Nil => {}
                Tail::Circle => return Err(circular("last-pair", list)),
                _ => return Err(errors::wrong_type("append!", index + 1, list)),
            }
            last = last_pair_of("append!", list)?.or(last);
        }
    }
    Ok(result.unwrap_or_else(nil))
}

fn reverse_onto(procedure: &str, list: &Value, tail: Value) -> Outcome {
    let mut elements = items(list);
    let result = elements
        .by_ref()
        .fold(tail, |tail, item| pairs::cons_copy(item, tail));
    match elements.tail() {
        Tail::Nil => Ok(result),
        Tail::Circle => Err(circular(procedure, list)),
        Tail::Improper(_) => Err(errors::wrong_type(procedure, 1, list)),
    }
}

fn reverse(args: &[Value]) -> Outcome {
    reverse_onto("reverse", &args[0], nil())
}

fn reverse_in_place(args: &[Value]) -> Outcome {
    if pairs::length(&args[0]).is_none() {
        return Err(errors::wrong_type("reverse!", 1, &args[0]));
    }
    let mut result = args.get(1).cloned().unwrap_or_else(nil);
    let mut here = args[0].clone();
    while let Some(next) = pairs::cdr(&here) {
        if !pairs::set_cdr(&here, result.clone()) {
            return reverse_onto("reverse!", &here, result);
        }
        result = here;
        here = next;
    }
    Ok(result)
}

fn append_reverse(args: &[Value]) -> Outcome {
    reverse_onto("append-reverse", &args[0], args[1].clone())
}

/// What is left of LIST after COUNT pairs.
fn tail_of(procedure: &str, list: &Value, count: usize) -> Outcome {
    pairs::tail(list, count).map_err(|end| errors::expecting(procedure, 1, "pair", &end))
}

fn list_tail(args: &[Value]) -> Outcome {
    tail_of("list-tail", &args[0], size("list-tail", args, 2)?)
}

fn drop(args: &[Value]) -> Outcome {
    tail_of("drop", &args[0], size("drop", args, 2)?)
}

/// The first COUNT elements of LIST.
fn head_of(procedure: &str, list: &Value, count: usize) -> Result<Vec<Value>, Raise> {
    let mut elements = items(list);
    let head: Vec<Value> = elements.by_ref().take(count).cloned().collect();
    if head.len() == count {
        return Ok(head);
    }
    // A circle ends the iterator early; then the elements are taken one by one.
    let mut head = Vec::new();
    let mut here = list.clone();
    for _ in 0..count {
        let item =
            pairs::car(&here).ok_or_else(|| errors::expecting(procedure, 1, "pair", &here))?;
        head.push(item.clone());
        here = pairs::cdr(&here).expect("what has a car has a cdr");
    }
    Ok(head)
}

/// The first COUNT elements of LIST as a list.
fn copy_of_head(procedure: &str, list: &Value, count: usize) -> Outcome {
    let mut taken = 0;
    let elements = items(list).take(count).inspect(|_| taken += 1);
    let copy = pairs::list_in_order(elements, nil());
    if taken == count {
        Ok(copy)
    } else {
        head_of(procedure, list, count).map(pairs::list)
    }
}

fn list_head(args: &[Value]) -> Outcome {
    copy_of_head("list-head", &args[0], size("list-head", args, 2)?)
}

fn take(args: &[Value]) -> Outcome {
    copy_of_head("take", &args[0], size("take", args, 2)?)
}

/// How many pairs LIST has; a dotted tail does not count.
fn pair_count(procedure: &str, list: &Value) -> Result<usize, Raise> {
    let mut elements = items(list);
    let count = elements.by_ref().count();
    match elements.tail() {
        Tail::Circle => Err(errors::wrong_type(procedure, 1, list)),
        _ => Ok(count),
    }
}

fn take_right(args: &[Value]) -> Outcome {
    let count = size("take-right", args, 2)?;
    let length = pair_count("take-right", &args[0])?;
    if count > length {
        return Err(errors::expecting("take-right", 1, "pair", &nil()));
    }
    tail_of("take-right", &args[0], length - count)
}

fn drop_right(args: &[Value]) -> Outcome {
    let count = size("drop-right", args, 2)?;
    let length = pair_count("drop-right", &args[0])?;
    if count > length {
        return Err(errors::expecting("drop-right", 1, "pair", &nil()));
    }
    copy_of_head("drop-right", &args[0], length - count)
}

fn list_ref(args: &[Value]) -> Outcome {
    let index = size("list-ref", args, 2)?;
    let here = pairs::tail(&args[0], index).map_err(|_| missing("list-ref", args))?;
    pairs::car(&here)
        .cloned()
        .ok_or_else(|| missing("list-ref", args))
}

fn missing(procedure: &str, args: &[Value]) -> Raise {
    if is_pair(&args[0]) || is_nil(&args[0]) {
        errors::out_of_range(procedure, 2, &args[1])
    } else {
        errors::wrong_type(procedure, 1, &args[0])
    }
}

fn list_set(args: &[Value]) -> Outcome {
    put(args, "list-set!", pairs::set_car)
}

fn list_cdr_set(args: &[Value]) -> Outcome {
    put(args, "list-cdr-set!", pairs::set_cdr)
}

fn put(args: &[Value], procedure: &str, set: fn(&Value, Value) -> bool) -> Outcome {
    let index = size(procedure, args, 2)?;
    let here = pairs::tail(&args[0], index).map_err(|_| missing(procedure, args))?;
    if !is_pair(&here) {
        return Err(missing(procedure, args));
    }
    if set(&here, args[2].clone()) {
        Ok(args[2].clone())
    } else {
        Err(errors::unsupported(procedure, IMMUTABLE, &args[0]))
    }
}

/// LIST, the first argument of PROCEDURE, has no end.
fn circular(procedure: &str, list: &Value) -> Raise {
    errors::misc(
        procedure,
        "Circular structure in position ~A: ~S",
        vec![Value::IntV(1), list.clone()],
    )
}

fn last_pair_of(procedure: &str, list: &Value) -> Result<Option<Value>, Raise> {
    if !is_pair(list) {
        return Ok(None);
    }
    if matches!(drained(list), Tail::Circle) {
        return Err(circular(procedure, list));
    }
    let mut here = list;
    while let Value::Pair(pair) = here
        && matches!(pair.cdr_ref(), Value::Pair(_))
    {
        here = pair.cdr_ref();
    }
    // Only the machine's own lists go on here.
    let mut here = here.clone();
    loop {
        match pairs::cdr(&here) {
            Some(next) if is_pair(&next) => here = next,
            _ => return Ok(Some(here)),
        }
    }
}

fn last_pair(args: &[Value]) -> Outcome {
    Ok(last_pair_of("last-pair", &args[0])?.unwrap_or_else(|| args[0].clone()))
}

fn last(args: &[Value]) -> Outcome {
    last_pair_of("last", &args[0])?
        .and_then(|pair| pairs::car(&pair).cloned())
        .ok_or_else(|| errors::expecting("last", 1, "pair", &args[0]))
}

fn list_copy(args: &[Value]) -> Outcome {
    let mut elements = items(&args[0]);
    let copy = pairs::list_in_order(elements.by_ref(), nil());
    Ok(match elements.tail() {
        // Rare enough to begin again.
        Tail::Improper(tail) => pairs::list_in_order(items(&args[0]), tail.clone()),
        // Its copy would be as long as there is memory.
        Tail::Circle => return Err(memory::exhausted()),
        Tail::Nil => copy,
    })
}

fn iota(args: &[Value]) -> Outcome {
    // A float counts as well, and makes the numbers inexact.
    let inexact = matches!(args[0], Value::NumV(count) if count.fract() == 0.0 && count >= 0.0);
    let count = match args[0] {
        Value::NumV(count) if inexact => {
            size_of_new("iota", &[Value::IntV(count as isize)], 1, pairs::SIZE_BYTES)?
        }
        _ => size_of_new("iota", args, 1, pairs::SIZE_BYTES)?,
    };
    let zero = if inexact {
        Value::NumV(0.0)
    } else {
        Value::IntV(0)
    };
    let start = args.get(1).cloned().unwrap_or(zero);
    let step = args.get(2).cloned().unwrap_or(Value::IntV(1));
    if let (Value::IntV(start), Value::IntV(step)) = (&start, &step)
        && let Some(last) = step.checked_mul(count as isize)
        && start.checked_add(last).is_some()
    {
        let numbers = (0..count as isize).map(|index| Value::IntV(start + index * step));
        return Ok(pairs::list(numbers));
    }
    let mut numbers = Vec::with_capacity(count);
    for index in 0..count {
        let offset = numbers::multiply(&integer(index), &step)?;
        numbers.push(numbers::add(&start, &offset)?);
    }
    Ok(pairs::list(numbers))
}

fn delete_in_place(machine: &mut Machine, args: &[Value]) -> Outcome {
    let Some(same) = args::given_truth(args, 3) else {
        return Ok(remove_in_place(&args[1], false, |item| {
            is_equal(&args[0], item)
        }));
    };
    let mut unwanted = Vec::new();
    for item in args::list("delete!", args, 2)? {
        unwanted.push(holds(machine, same, &args[0], &item)?);
    }
    let next = Cell::new(0);
    Ok(remove_in_place(&args[1], false, |_| {
        unwanted.get(next.replace(next.get() + 1)) == Some(&true)
    }))
}

fn nth(args: &[Value], procedure: &'static str, index: usize) -> Outcome {
    items(&args[0])
        .nth(index)
        .cloned()
        .ok_or_else(|| errors::expecting(procedure, 1, "pair", &args[0]))
}

fn second(args: &[Value]) -> Outcome {
    nth(args, "second", 1)
}

fn third(args: &[Value]) -> Outcome {
    nth(args, "third", 2)
}

fn fourth(args: &[Value]) -> Outcome {
    nth(args, "fourth", 3)
}

fn fifth(args: &[Value]) -> Outcome {
    nth(args, "fifth", 4)
}

fn sixth(args: &[Value]) -> Outcome {
    nth(args, "sixth", 5)
}

fn seventh(args: &[Value]) -> Outcome {
    nth(args, "seventh", 6)
}

fn eighth(args: &[Value]) -> Outcome {
    nth(args, "eighth", 7)
}

fn ninth(args: &[Value]) -> Outcome {
    nth(args, "ninth", 8)
}

fn tenth(args: &[Value]) -> Outcome {
    nth(args, "tenth", 9)
}

natives! {
    /// (delete! object list [same?]) -> LIST without the elements that are `equal?`; its pairs may be changed
    "delete!" (2, 1) with machine => delete_in_place,
    /// (list a …) -> list
    "list" (0, rest) => list_native,
    /// (make-list count [fill]) -> list of COUNT elements
    "make-list" (1, 1) => make_list,
    /// (length list) -> integer
    "length" (1) => length,
    /// (length+ list) -> integer, or #f when LIST is circular
    "length+" (1) => length_plus,
    /// (append list … tail) -> list
    "append" (0, rest) => append,
    /// (append! list … tail) -> list, made of the pairs of the arguments
    "append!" (0, rest) => append_in_place,
    /// (reverse list) -> list
    "reverse" (1) => reverse,
    /// (reverse! list [tail]) -> list, made of the pairs of LIST
    "reverse!" (1, 1) => reverse_in_place,
    /// (append-reverse list tail) -> the elements of LIST from the last to the first, and then TAIL
    "append-reverse" (2) => append_reverse,
    /// (append-reverse! list tail) -> the same
    "append-reverse!" (2) => append_reverse,
    /// (list-tail list count) -> what is left after COUNT pairs
    "list-tail" (2) => list_tail,
    /// (list-cdr-ref list count) -> the same
    "list-cdr-ref" (2) => list_tail,
    /// (list-head list count) -> a new list of the first COUNT elements
    "list-head" (2) => list_head,
    /// (take list count) -> a new list of the first COUNT elements
    "take" (2) => take,
    /// (take! list count) -> the same
    "take!" (2) => take,
    /// (drop list count) -> what is left after COUNT pairs
    "drop" (2) => drop,
    /// (take-right list count) -> the last COUNT pairs
    "take-right" (2) => take_right,
    /// (drop-right list count) -> a new list of all but the last COUNT elements
    "drop-right" (2) => drop_right,
    /// (drop-right! list count) -> the same
    "drop-right!" (2) => drop_right,
    /// (list-ref list index) -> the element at INDEX, counted from 0
    "list-ref" (2) => list_ref,
    /// (list-set! list index value) -> VALUE, which the element at INDEX is from now on
    "list-set!" (3) => list_set,
    /// (list-cdr-set! list index value) -> VALUE, which follows the pair at INDEX from now on
    "list-cdr-set!" (3) => list_cdr_set,
    /// (last-pair list) -> its last pair, or the empty list
    "last-pair" (1) => last_pair,
    /// (last list) -> its last element
    "last" (1) => last,
    /// (list-copy list) -> a new list of the same elements
    "list-copy" (1) => list_copy,
    /// (iota count [start [step]]) -> list of numbers
    "iota" (1, 2) => iota,
    /// (second list) -> its second element
    "second" (1) => second,
    /// (third list) -> its third element
    "third" (1) => third,
    /// (fourth list) -> its fourth element
    "fourth" (1) => fourth,
    /// (fifth list) -> its fifth element
    "fifth" (1) => fifth,
    /// (sixth list) -> its sixth element
    "sixth" (1) => sixth,
    /// (seventh list) -> its seventh element
    "seventh" (1) => seventh,
    /// (eighth list) -> its eighth element
    "eighth" (1) => eighth,
    /// (ninth list) -> its ninth element
    "ninth" (1) => ninth,
    /// (tenth list) -> its tenth element
    "tenth" (1) => tenth,
}

/// Its natives, list by list.
pub fn natives() -> Vec<&'static [Native]> {
    vec![
        NATIVES,
        cells::NATIVES,
        membership::NATIVES,
        association::NATIVES,
        rows::NATIVES,
    ]
}
