//! What the procedures of `scheme/guile/boot` that go along several lists take their steps
//! with.

use super::append;
use super::membership::drained;
use crate::data::args::{self, boolean, fixnum};
use crate::data::native::Outcome;
use crate::data::pairs::{self, Tail, is_pair, items};
use crate::data::value::Value;
use crate::natives;

fn last_n_flat(args: &[Value]) -> Outcome {
    let lists = args::list("concatenate", args, 1)?;
    append(&lists)
}

fn proper_tail_kind(args: &[Value]) -> Outcome {
    Ok(Value::IntV(match drained(&args[0]) {
        Tail::Nil => 0,
        Tail::Improper(_) => 1,
        Tail::Circle => 2,
    }))
}

fn transpose(args: &[Value]) -> Outcome {
    let lists = args::list("%transpose", args, 1)?;
    let mut rows: Vec<_> = lists.iter().map(items).collect();
    let mut columns = Vec::new();
    loop {
        let column: Option<Vec<Value>> = rows.iter_mut().map(|row| row.next().cloned()).collect();
        match column {
            Some(column) if !column.is_empty() => columns.push(pairs::list(column)),
            _ => return Ok(pairs::list(columns)),
        }
    }
}

/// The lists in list argument 1, one step at a time.
fn rows(args: &[Value]) -> impl Iterator<Item = &Value> {
    items(&args[0])
}

fn all_pairs(args: &[Value]) -> Outcome {
    Ok(boolean(rows(args).all(is_pair)))
}

fn row(args: &[Value]) -> Outcome {
    let items: Vec<Value> = rows(args)
        .filter_map(pairs::car)
        .chain(args.get(1))
        .cloned()
        .collect();
    Ok(Value::ListV(items.into()))
}

fn cdrs(args: &[Value]) -> Outcome {
    let cdrs: Vec<Value> = rows(args).filter_map(pairs::cdr).collect();
    Ok(pairs::list(cdrs))
}

fn list_part(args: &[Value]) -> Outcome {
    let count = fixnum(args, 2)?.max(0) as usize;
    Ok(pairs::list(
        items(&args[0]).take(count).cloned().collect::<Vec<_>>(),
    ))
}

fn rest_to_list(args: &[Value]) -> Outcome {
    Ok(pairs::from_machine(args[0].clone()))
}

natives! {
    /// (%rest->list list) -> LIST as pairs, when it is the machine's own list of rest arguments
    "%rest->list" (1) => rest_to_list,
    /// (%concatenate list) -> a new list of the elements of the lists in LIST
    "%concatenate" (1) => last_n_flat,
    /// (%list-kind x) -> 0 proper list, 1 dotted or no list, 2 circular
    "%list-kind" (1) => proper_tail_kind,
    /// (%transpose lists) -> list of the lists of first, second, … elements, as long as the shortest
    "%transpose" (1) => transpose,
    /// (%all-pairs? lists) -> whether none of LISTS is at its end
    "%all-pairs?" (1) => all_pairs,
    /// (%row lists [last]) -> the first of each of LISTS, and LAST, for the machine's apply
    "%row" (1, 1) => row,
    /// (%cdrs lists) -> what follows the first of each
    "%cdrs" (1) => cdrs,
    /// (%list-part list count) -> at most COUNT first elements
    "%list-part" (2) => list_part,
}
