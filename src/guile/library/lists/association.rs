//! Association lists: the entry of a key, sought, set and taken out.
//!
//! Source: GNU Guile reference manual, "Association Lists".

use super::membership::{Same, holds, remove_in_place};
use crate::data::args::{self, boolean};
use crate::data::errors;
use crate::data::identity::is_eq;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::pairs::{self, Tail, cons, items};
use crate::data::value::Value;
use crate::library::equality::{is_equal, is_eqv};
use crate::natives;

/// The entry of ALIST for KEY; every element must be a pair.
fn entry(
    procedure: &str,
    key: &Value,
    alist: &Value,
    position: usize,
    same: Same,
) -> Result<Option<Value>, Raise> {
    let mut elements = items(alist);
    for entry in elements.by_ref() {
        match pairs::car(entry) {
            Some(found) if same(key, found) => return Ok(Some(entry.clone())),
            Some(_) => {}
            None => {
                return Err(errors::expecting(
                    procedure,
                    position,
                    "association list",
                    alist,
                ));
            }
        }
    }
    match elements.tail() {
        Tail::Nil => Ok(None),
        _ => Err(errors::expecting(
            procedure,
            position,
            "association list",
            alist,
        )),
    }
}

fn assoc_with(procedure: &str, args: &[Value], same: Same) -> Outcome {
    Ok(entry(procedure, &args[0], &args[1], 2, same)?.unwrap_or(Value::BoolV(false)))
}

fn assq(args: &[Value]) -> Outcome {
    assoc_with("assq", args, is_eq)
}

fn assv(args: &[Value]) -> Outcome {
    assoc_with("assv", args, is_eqv)
}

fn assoc(machine: &mut Machine, args: &[Value]) -> Outcome {
    let Some(same) = args::given_truth(args, 3) else {
        return assoc_with("assoc", args, is_equal);
    };
    for entry in args::list("assoc", args, 2)? {
        let key = pairs::car(&entry)
            .cloned()
            .ok_or_else(|| errors::expecting("assoc", 2, "association list", &args[1]))?;
        if holds(machine, same, &args[0], &key)? {
            return Ok(entry);
        }
    }
    Ok(boolean(false))
}

/// `assq-ref` and its kin pass over elements that are not pairs.
fn reference_with(args: &[Value], same: Same) -> Outcome {
    for entry in items(&args[0]) {
        if pairs::car(entry).is_some_and(|key| same(&args[1], key)) {
            return Ok(pairs::cdr(entry).expect("what has a car has a cdr"));
        }
    }
    Ok(Value::BoolV(false))
}

fn assq_ref(args: &[Value]) -> Outcome {
    reference_with(args, is_eq)
}

fn assv_ref(args: &[Value]) -> Outcome {
    reference_with(args, is_eqv)
}

fn assoc_ref(args: &[Value]) -> Outcome {
    reference_with(args, is_equal)
}

fn sloppy_with(args: &[Value], same: Same) -> Outcome {
    Ok(items(&args[1])
        .find(|entry| pairs::car(entry).is_some_and(|key| same(&args[0], key)))
        .cloned()
        .unwrap_or(Value::BoolV(false)))
}

fn sloppy_assq(args: &[Value]) -> Outcome {
    sloppy_with(args, is_eq)
}

fn sloppy_assv(args: &[Value]) -> Outcome {
    sloppy_with(args, is_eqv)
}

fn sloppy_assoc(args: &[Value]) -> Outcome {
    sloppy_with(args, is_equal)
}

fn alist_set_with(args: &[Value], same: Same) -> Outcome {
    for entry in items(&args[0]) {
        if pairs::car(entry).is_some_and(|key| same(&args[1], key))
            && pairs::set_cdr(entry, args[2].clone())
        {
            return Ok(args[0].clone());
        }
    }
    Ok(cons(
        cons(args[1].clone(), args[2].clone()),
        args[0].clone(),
    ))
}

fn assq_set(args: &[Value]) -> Outcome {
    alist_set_with(args, is_eq)
}

fn assv_set(args: &[Value]) -> Outcome {
    alist_set_with(args, is_eqv)
}

fn assoc_set(args: &[Value]) -> Outcome {
    alist_set_with(args, is_equal)
}

fn alist_remove_with(args: &[Value], same: Same) -> Outcome {
    Ok(remove_in_place(&args[0], true, |entry| {
        pairs::car(entry).is_some_and(|key| same(&args[1], key))
    }))
}

fn assq_remove(args: &[Value]) -> Outcome {
    alist_remove_with(args, is_eq)
}

fn assv_remove(args: &[Value]) -> Outcome {
    alist_remove_with(args, is_eqv)
}

fn assoc_remove(args: &[Value]) -> Outcome {
    alist_remove_with(args, is_equal)
}

fn alist_copy(args: &[Value]) -> Outcome {
    let copy = args::list("alist-copy", args, 1)?.into_iter().map(|entry| {
        match (pairs::car(&entry), pairs::cdr(&entry)) {
            (Some(key), Some(value)) => cons(key.clone(), value),
            _ => entry.clone(),
        }
    });
    Ok(pairs::list(copy.collect::<Vec<_>>()))
}

natives! {
    /// (assq key alist) -> the first pair whose car is `eq?` to KEY, or #f
    "assq" (2) => assq,
    /// (assv key alist) -> the first pair whose car is `eqv?` to KEY, or #f
    "assv" (2) => assv,
    /// (assoc key alist [same?]) -> the first pair whose car is `equal?` to KEY, or as SAME? tells, or #f
    "assoc" (2, 1) with machine => assoc,
    /// (assq-ref alist key) -> the cdr of the first pair whose car is `eq?` to KEY, or #f
    "assq-ref" (2) => assq_ref,
    /// (assv-ref alist key) -> the cdr of the first pair whose car is `eqv?` to KEY, or #f
    "assv-ref" (2) => assv_ref,
    /// (assoc-ref alist key) -> the cdr of the first pair whose car is `equal?` to KEY, or #f
    "assoc-ref" (2) => assoc_ref,
    /// (sloppy-assq key alist) -> the same as `assq`; what is no pair in ALIST is passed over
    "sloppy-assq" (2) => sloppy_assq,
    /// (sloppy-assv key alist) -> the same as `assv`; what is no pair in ALIST is passed over
    "sloppy-assv" (2) => sloppy_assv,
    /// (sloppy-assoc key alist) -> the same as `assoc`; what is no pair in ALIST is passed over
    "sloppy-assoc" (2) => sloppy_assoc,
    /// (assq-set! alist key value) -> ALIST with VALUE for the key that is `eq?`, put at its front where there is none
    "assq-set!" (3) => assq_set,
    /// (assv-set! alist key value) -> ALIST with VALUE for the key that is `eqv?`, put at its front where there is none
    "assv-set!" (3) => assv_set,
    /// (assoc-set! alist key value) -> ALIST with VALUE for the key that is `equal?`, put at its front where there is none
    "assoc-set!" (3) => assoc_set,
    /// (assq-remove! alist key) -> ALIST without the first entry whose key is `eq?`
    "assq-remove!" (2) => assq_remove,
    /// (assv-remove! alist key) -> ALIST without the first entry whose key is `eqv?`
    "assv-remove!" (2) => assv_remove,
    /// (assoc-remove! alist key) -> ALIST without the first entry whose key is `equal?`
    "assoc-remove!" (2) => assoc_remove,
    /// (alist-copy alist) -> a new list of new pairs with the same keys and values
    "alist-copy" (1) => alist_copy,
}
