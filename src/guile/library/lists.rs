//! Pairs, lists and association lists: what needs no procedure argument.
//!
//! Source: GNU Guile reference manual, "Pairs" and "Lists"; SRFI 1.

use crate::data::args::{self, boolean, fixnum, integer, size, size_of_new, unspecified};
use crate::data::identity::is_eq;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::pairs::{self, Tail, cons, is_nil, is_pair, items, nil};
use crate::data::value::Value;
use crate::data::{errors, memory, numbers};
use crate::library::equality::{self, is_equal, is_eqv};
use crate::natives;
use std::cell::Cell;

type Same = fn(&Value, &Value) -> bool;

fn cons_native(args: &[Value]) -> Outcome {
    Ok(pairs::cons_copy(&args[0], args[1].clone()))
}

fn cons_star(args: &[Value]) -> Outcome {
    let (last, front) = args.split_last().expect("one argument is required");
    Ok(pairs::list_with_tail(front.iter().cloned(), last.clone()))
}

fn list_native(args: &[Value]) -> Outcome {
    Ok(pairs::list(args.iter().cloned()))
}

fn make_list(args: &[Value]) -> Outcome {
    let count = size_of_new("make-list", args, 1, pairs::SIZE_BYTES)?;
    let fill = args.get(1).cloned().unwrap_or_else(nil);
    Ok((0..count).fold(nil(), |tail, _| pairs::cons_copy(&fill, tail)))
}

fn pair_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(is_pair(&args[0])))
}

fn null_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(is_nil(&args[0])))
}

fn list_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(pairs::length(&args[0]).is_some()))
}

fn not_pair(args: &[Value]) -> Outcome {
    Ok(boolean(!is_pair(&args[0])))
}

/// Follow PATH ("ad" for `cadr`, applied from its end) into VALUE.
fn follow(procedure: &str, path: &str, value: &Value) -> Outcome {
    let mut here = value.clone();
    for step in path.bytes().rev() {
        let next = if step == b'a' {
            pairs::car(&here).cloned()
        } else {
            pairs::cdr(&here)
        };
        here = next.ok_or_else(|| {
            if path.len() == 1 {
                errors::first_expecting(procedure, "pair", &here)
            } else {
                errors::not_a(procedure, "pair", &here)
            }
        })?;
    }
    Ok(here)
}

macro_rules! accessors {
    ($($function:ident $name:literal $path:literal),* $(,)?) => {
        $( fn $function(args: &[Value]) -> Outcome { follow($name, $path, &args[0]) } )*
    };
}

accessors! {
    car "car" "a", cdr "cdr" "d",
    caar "caar" "aa", cadr "cadr" "ad", cdar "cdar" "da", cddr "cddr" "dd",
    caaar "caaar" "aaa", caadr "caadr" "aad", cadar "cadar" "ada", caddr "caddr" "add",
    cdaar "cdaar" "daa", cdadr "cdadr" "dad", cddar "cddar" "dda", cdddr "cdddr" "ddd",
    caaaar "caaaar" "aaaa", caaadr "caaadr" "aaad", caadar "caadar" "aada", caaddr "caaddr" "aadd",
    cadaar "cadaar" "adaa", cadadr "cadadr" "adad", caddar "caddar" "adda", cadddr "cadddr" "addd",
    cdaaar "cdaaar" "daaa", cdaadr "cdaadr" "daad", cdadar "cdadar" "dada", cdaddr "cdaddr" "dadd",
    cddaar "cddaar" "ddaa", cddadr "cddadr" "ddad", cdddar "cdddar" "ddda", cddddr "cddddr" "dddd",
}

const IMMUTABLE: &str = "rest arguments are the machine's own list; copy it with list-copy first";

fn set_car(args: &[Value]) -> Outcome {
    change(args, "set-car!", pairs::set_car)
}

fn set_cdr(args: &[Value]) -> Outcome {
    change(args, "set-cdr!", pairs::set_cdr)
}

fn change(args: &[Value], procedure: &str, set: fn(&Value, Value) -> bool) -> Outcome {
    if set(&args[0], args[1].clone()) {
        Ok(unspecified())
    } else if is_pair(&args[0]) {
        Err(errors::unsupported(procedure, IMMUTABLE, &args[0]))
    } else {
        Err(errors::expecting(procedure, 1, "mutable pair", &args[0]))
    }
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
fn holds(machine: &mut Machine, procedure: &Value, a: &Value, b: &Value) -> Result<bool, Raise> {
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

/// Take out of the list the pairs for which UNWANTED holds (only the first one
/// when ONCE), changing the pairs around them.
fn remove_in_place(list: &Value, once: bool, unwanted: impl Fn(&Value) -> bool) -> Value {
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

fn acons(args: &[Value]) -> Outcome {
    Ok(cons(
        cons(args[0].clone(), args[1].clone()),
        args[2].clone(),
    ))
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

fn last_n_flat(args: &[Value]) -> Outcome {
    let lists = args::list("concatenate", args, 1)?;
    append(&lists)
}

fn list_index_equal(args: &[Value]) -> Outcome {
    Ok(items(&args[1])
        .position(|item| is_equal(&args[0], item))
        .map_or(Value::BoolV(false), integer))
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
    /// (cons a b) -> pair
    "cons" (2) => cons_native,
    /// (cons* a … tail) -> the arguments consed onto the last one
    "cons*" (1, rest) => cons_star,
    /// (list a …) -> list
    "list" (0, rest) => list_native,
    /// (make-list count [fill]) -> list of COUNT elements
    "make-list" (1, 1) => make_list,
    /// (%rest->list list) -> LIST as pairs, when it is the machine's own list of rest arguments
    "%rest->list" (1) => rest_to_list,
    /// (pair? x) -> boolean
    "pair?" (1) => pair_predicate,
    /// (null? x) -> boolean
    "null?" (1) => null_predicate,
    /// (list? x) -> whether X is a proper list
    "list?" (1) => list_predicate,
    /// (not-pair? x) -> boolean
    "not-pair?" (1) => not_pair,
    "car" (1) => car, "cdr" (1) => cdr,
    "caar" (1) => caar, "cadr" (1) => cadr, "cdar" (1) => cdar, "cddr" (1) => cddr,
    "caaar" (1) => caaar, "caadr" (1) => caadr, "cadar" (1) => cadar, "caddr" (1) => caddr,
    "cdaar" (1) => cdaar, "cdadr" (1) => cdadr, "cddar" (1) => cddar, "cdddr" (1) => cdddr,
    "caaaar" (1) => caaaar, "caaadr" (1) => caaadr, "caadar" (1) => caadar, "caaddr" (1) => caaddr,
    "cadaar" (1) => cadaar, "cadadr" (1) => cadadr, "caddar" (1) => caddar, "cadddr" (1) => cadddr,
    "cdaaar" (1) => cdaaar, "cdaadr" (1) => cdaadr, "cdadar" (1) => cdadar, "cdaddr" (1) => cdaddr,
    "cddaar" (1) => cddaar, "cddadr" (1) => cddadr, "cdddar" (1) => cdddar, "cddddr" (1) => cddddr,
    /// (set-car! pair value): the car of PAIR becomes VALUE
    "set-car!" (2) => set_car,
    /// (set-cdr! pair value): the cdr of PAIR becomes VALUE
    "set-cdr!" (2) => set_cdr,
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
    "append-reverse" (2) => append_reverse,
    "append-reverse!" (2) => append_reverse,
    "list-tail" (2) => list_tail,
    "list-cdr-ref" (2) => list_tail,
    "list-head" (2) => list_head,
    "take" (2) => take,
    "take!" (2) => take,
    "drop" (2) => drop,
    "take-right" (2) => take_right,
    "drop-right" (2) => drop_right,
    "drop-right!" (2) => drop_right,
    "list-ref" (2) => list_ref,
    "list-set!" (3) => list_set,
    "list-cdr-set!" (3) => list_cdr_set,
    "last-pair" (1) => last_pair,
    "last" (1) => last,
    "list-copy" (1) => list_copy,
    /// (iota count [start [step]]) -> list of numbers
    "iota" (1, 2) => iota,
    "memq" (2) => memq, "memv" (2) => memv, "member" (2, 1) with machine => member,
    "assq" (2) => assq, "assv" (2) => assv, "assoc" (2, 1) with machine => assoc,
    "assq-ref" (2) => assq_ref, "assv-ref" (2) => assv_ref, "assoc-ref" (2) => assoc_ref,
    "sloppy-assq" (2) => sloppy_assq, "sloppy-assv" (2) => sloppy_assv, "sloppy-assoc" (2) => sloppy_assoc,
    "assq-set!" (3) => assq_set, "assv-set!" (3) => assv_set, "assoc-set!" (3) => assoc_set,
    "assq-remove!" (2) => assq_remove, "assv-remove!" (2) => assv_remove, "assoc-remove!" (2) => assoc_remove,
    "acons" (3) => acons,
    "alist-copy" (1) => alist_copy,
    "delq" (2) => delq, "delv" (2) => delv, "delete" (2, 1) with machine => delete,
    "delq!" (2) => delq_in_place, "delv!" (2) => delv_in_place, "delete!" (2, 1) with machine => delete_in_place,
    "delq1!" (2) => delq1_in_place, "delv1!" (2) => delv1_in_place, "delete1!" (2) => delete1_in_place,
    "%delete-duplicates" (1) => delete_duplicates,
    "%concatenate" (1) => last_n_flat,
    "%list-index-equal" (2) => list_index_equal,
    "second" (1) => second, "third" (1) => third, "fourth" (1) => fourth, "fifth" (1) => fifth,
    "sixth" (1) => sixth, "seventh" (1) => seventh, "eighth" (1) => eighth, "ninth" (1) => ninth,
    "tenth" (1) => tenth,
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
