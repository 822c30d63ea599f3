//! Which elements a list has: found by likeness, taken out, left once.
//!
//! Source: GNU Guile reference manual, "List Searching"; SRFI 1.

use crate::data::args::{self, boolean, integer};
use crate::data::errors;
use crate::data::identity::is_eq;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::pairs::{self, Tail, is_nil, is_pair, items, nil};
use crate::data::value::Value;
use crate::library::equality::{self, is_equal, is_eqv};
use crate::natives;

pub(super) type Same = fn(&Value, &Value) -> bool;

fn member_with(procedure: &str, args: &[Value], same: Same) -> Outcome {
    let mut here = &args[1];
    let mut steps = 0usize;
    while let Value::Pair(pair) = here {
        if same(&args[0], pair.car_ref()) {
            return Ok(here.clone());
        }
        here = pair.cdr_ref();
        steps += 1;
        if steps == 1 << 20 && matches!(drained(&args[1]), Tail::Circle) {
            return Err(errors::expecting(procedure, 2, "list", &args[1]));
        }
    }
    // Only the machine's own lists go on here.
    let mut here = here.clone();
    while let Some(item) = pairs::car(&here) {
        if same(&args[0], item) {
            return Ok(here);
        }
        here = pairs::cdr(&here).expect("what has a car has a cdr");
    }
    if is_nil(&here) {
        Ok(boolean(false))
    } else {
        Err(errors::expecting(procedure, 2, "list", &args[1]))
    }
}

/// How LIST ends.
pub fn drained(list: &Value) -> Tail<'_> {
    let mut elements = items(list);
    elements.by_ref().for_each(|_| {});
    elements.tail()
}

fn memq(args: &[Value]) -> Outcome {
    member_with("memq", args, is_eq)
}

fn memv(args: &[Value]) -> Outcome {
    member_with("memv", args, is_eqv)
}

/// Whether PROCEDURE, called with A and B, gives a true value.
pub(super) fn holds(
    machine: &mut Machine,
    procedure: &Value,
    a: &Value,
    b: &Value,
) -> Result<bool, Raise> {
    let answer = machine.call(procedure.clone(), vec![a.clone(), b.clone()])?;
    Ok(!matches!(answer, Value::BoolV(false)))
}

fn member(machine: &mut Machine, args: &[Value]) -> Outcome {
    let Some(same) = args::given_truth(args, 3) else {
        return member_with("member", args, is_equal);
    };
    let mut here = args[1].clone();
    while let Some(item) = pairs::car(&here).cloned() {
        if holds(machine, same, &args[0], &item)? {
            return Ok(here);
        }
        here = pairs::cdr(&here).expect("what has a car has a cdr");
    }
    Ok(boolean(false))
}

/// Take out of the list the pairs for which UNWANTED holds (only the first one
/// when ONCE), changing the pairs around them.
pub(super) fn remove_in_place(
    list: &Value,
    once: bool,
    unwanted: impl Fn(&Value) -> bool,
) -> Value {
    let mut head = list.clone();
    let mut before: Option<Value> = None;
    let mut here = list.clone();
    while is_pair(&here) {
        let next = pairs::cdr(&here).expect("a pair has a cdr");
        if pairs::car(&here).is_some_and(&unwanted) {
            match &before {
                None => head = next.clone(),
                Some(before) => {
                    if !pairs::set_cdr(before, next.clone()) {
                        return remove_copying(list, once, unwanted);
                    }
                }
            }
            if once {
                break;
            }
        } else {
            before = Some(here);
        }
        here = next;
    }
    head
}

fn remove_copying(list: &Value, once: bool, unwanted: impl Fn(&Value) -> bool) -> Value {
    let mut removed = false;
    let kept = items(list).filter(|item| {
        let goes = !(once && removed) && unwanted(item);
        removed |= goes;
        !goes
    });
    pairs::list_in_order(kept, nil())
}

fn delete_with(procedure: &str, args: &[Value], once: bool, same: Same) -> Outcome {
    if pairs::length(&args[1]).is_none() {
        return Err(errors::expecting(procedure, 2, "list", &args[1]));
    }
    Ok(remove_copying(&args[1], once, |item| same(&args[0], item)))
}

fn delq(args: &[Value]) -> Outcome {
    delete_with("delq", args, false, is_eq)
}

fn delv(args: &[Value]) -> Outcome {
    delete_with("delv", args, false, is_eqv)
}

fn delete(machine: &mut Machine, args: &[Value]) -> Outcome {
    let Some(same) = args::given_truth(args, 3) else {
        return delete_with("delete", args, false, is_equal);
    };
    let mut kept = Vec::new();
    for item in args::list("delete", args, 2)? {
        if !holds(machine, same, &args[0], &item)? {
            kept.push(item);
        }
    }
    Ok(pairs::list(kept))
}

fn delq_in_place(args: &[Value]) -> Outcome {
    Ok(remove_in_place(&args[1], false, |item| {
        is_eq(&args[0], item)
    }))
}

fn delv_in_place(args: &[Value]) -> Outcome {
    Ok(remove_in_place(&args[1], false, |item| {
        is_eqv(&args[0], item)
    }))
}

fn delq1_in_place(args: &[Value]) -> Outcome {
    Ok(remove_in_place(&args[1], true, |item| {
        is_eq(&args[0], item)
    }))
}

fn delv1_in_place(args: &[Value]) -> Outcome {
    Ok(remove_in_place(&args[1], true, |item| {
        is_eqv(&args[0], item)
    }))
}

fn delete1_in_place(args: &[Value]) -> Outcome {
    Ok(remove_in_place(&args[1], true, |item| {
        is_equal(&args[0], item)
    }))
}

fn delete_duplicates(args: &[Value]) -> Outcome {
    let list = args::list("delete-duplicates", args, 1)?;
    let mut kept: Vec<Value> = Vec::new();
    // Equal values have equal hashes, so only those of one hash are compared.
    let mut by_hash: std::collections::HashMap<u64, Vec<usize>> = std::collections::HashMap::new();
    for item in list {
        let seen = by_hash.entry(equality::hash_equal(&item)).or_default();
        if !seen.iter().any(|index| is_equal(&kept[*index], &item)) {
            seen.push(kept.len());
            kept.push(item);
        }
    }
    Ok(pairs::list(kept))
}

fn list_index_equal(args: &[Value]) -> Outcome {
    Ok(items(&args[1])
        .position(|item| is_equal(&args[0], item))
        .map_or(Value::BoolV(false), integer))
}

natives! {
    /// (memq object list) -> the rest of LIST from the first element that is `eq?` on, or #f
    "memq" (2) => memq,
    /// (memv object list) -> the rest of LIST from the first element that is `eqv?` on, or #f
    "memv" (2) => memv,
    /// (member object list [same?]) -> the rest of LIST from the first element that is `equal?` on, or as SAME? tells, or #f
    "member" (2, 1) with machine => member,
    /// (delq object list) -> a new list without the elements that are `eq?`
    "delq" (2) => delq,
    /// (delv object list) -> a new list without the elements that are `eqv?`
    "delv" (2) => delv,
    /// (delete object list [same?]) -> a new list without the elements that are `equal?`, or as SAME? tells
    "delete" (2, 1) with machine => delete,
    /// (delq! object list) -> LIST without the elements that are `eq?`; its pairs are changed
    "delq!" (2) => delq_in_place,
    /// (delv! object list) -> LIST without the elements that are `eqv?`; its pairs are changed
    "delv!" (2) => delv_in_place,
    /// (delq1! object list) -> LIST without the first element that is `eq?`; its pairs are changed
    "delq1!" (2) => delq1_in_place,
    /// (delv1! object list) -> LIST without the first element that is `eqv?`; its pairs are changed
    "delv1!" (2) => delv1_in_place,
    /// (delete1! object list) -> LIST without the first element that is `equal?`; its pairs are changed
    "delete1!" (2) => delete1_in_place,
    /// (%delete-duplicates list) -> the elements without those that are `equal?` to one before
    "%delete-duplicates" (1) => delete_duplicates,
    /// (%list-index-equal object list) -> the index of the first element that is `equal?`, or #f
    "%list-index-equal" (2) => list_index_equal,
}
