//! Pairs: made, told from other things, taken apart and changed.
//!
//! Source: GNU Guile reference manual, "Pairs".

use crate::data::args::{boolean, unspecified};
use crate::data::errors;
use crate::data::native::Outcome;
use crate::data::pairs::{self, cons, is_nil, is_pair};
use crate::data::value::Value;
use crate::natives;

fn cons_native(args: &[Value]) -> Outcome {
    Ok(pairs::cons_copy(&args[0], args[1].clone()))
}

fn cons_star(args: &[Value]) -> Outcome {
    let (last, front) = args.split_last().expect("one argument is required");
    Ok(pairs::list_with_tail(front.iter().cloned(), last.clone()))
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

pub(super) const IMMUTABLE: &str =
    "rest arguments are the machine's own list; copy it with list-copy first";

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

fn acons(args: &[Value]) -> Outcome {
    Ok(cons(
        cons(args[0].clone(), args[1].clone()),
        args[2].clone(),
    ))
}

natives! {
    /// (cons a b) -> pair
    "cons" (2) => cons_native,
    /// (cons* a … tail) -> the arguments consed onto the last one
    "cons*" (1, rest) => cons_star,
    /// (pair? x) -> boolean
    "pair?" (1) => pair_predicate,
    /// (null? x) -> boolean
    "null?" (1) => null_predicate,
    /// (list? x) -> whether X is a proper list
    "list?" (1) => list_predicate,
    /// (not-pair? x) -> boolean
    "not-pair?" (1) => not_pair,
    /// (car pair) -> its first part
    "car" (1) => car,
    /// (cdr pair) -> its second part; the rest of a list
    "cdr" (1) => cdr,
    /// (caar x) -> the same as `(car (car x))`
    "caar" (1) => caar,
    /// (cadr x) -> the same as `(car (cdr x))`
    "cadr" (1) => cadr,
    /// (cdar x) -> the same as `(cdr (car x))`
    "cdar" (1) => cdar,
    /// (cddr x) -> the same as `(cdr (cdr x))`
    "cddr" (1) => cddr,
    /// (caaar x) -> the same as `(car (car (car x)))`
    "caaar" (1) => caaar,
    /// (caadr x) -> the same as `(car (car (cdr x)))`
    "caadr" (1) => caadr,
    /// (cadar x) -> the same as `(car (cdr (car x)))`
    "cadar" (1) => cadar,
    /// (caddr x) -> the same as `(car (cdr (cdr x)))`
    "caddr" (1) => caddr,
    /// (cdaar x) -> the same as `(cdr (car (car x)))`
    "cdaar" (1) => cdaar,
    /// (cdadr x) -> the same as `(cdr (car (cdr x)))`
    "cdadr" (1) => cdadr,
    /// (cddar x) -> the same as `(cdr (cdr (car x)))`
    "cddar" (1) => cddar,
    /// (cdddr x) -> the same as `(cdr (cdr (cdr x)))`
    "cdddr" (1) => cdddr,
    /// (caaaar x) -> the same as `(car (car (car (car x))))`
    "caaaar" (1) => caaaar,
    /// (caaadr x) -> the same as `(car (car (car (cdr x))))`
    "caaadr" (1) => caaadr,
    /// (caadar x) -> the same as `(car (car (cdr (car x))))`
    "caadar" (1) => caadar,
    /// (caaddr x) -> the same as `(car (car (cdr (cdr x))))`
    "caaddr" (1) => caaddr,
    /// (cadaar x) -> the same as `(car (cdr (car (car x))))`
    "cadaar" (1) => cadaar,
    /// (cadadr x) -> the same as `(car (cdr (car (cdr x))))`
    "cadadr" (1) => cadadr,
    /// (caddar x) -> the same as `(car (cdr (cdr (car x))))`
    "caddar" (1) => caddar,
    /// (cadddr x) -> the same as `(car (cdr (cdr (cdr x))))`
    "cadddr" (1) => cadddr,
    /// (cdaaar x) -> the same as `(cdr (car (car (car x))))`
    "cdaaar" (1) => cdaaar,
    /// (cdaadr x) -> the same as `(cdr (car (car (cdr x))))`
    "cdaadr" (1) => cdaadr,
    /// (cdadar x) -> the same as `(cdr (car (cdr (car x))))`
    "cdadar" (1) => cdadar,
    /// (cdaddr x) -> the same as `(cdr (car (cdr (cdr x))))`
    "cdaddr" (1) => cdaddr,
    /// (cddaar x) -> the same as `(cdr (cdr (car (car x))))`
    "cddaar" (1) => cddaar,
    /// (cddadr x) -> the same as `(cdr (cdr (car (cdr x))))`
    "cddadr" (1) => cddadr,
    /// (cdddar x) -> the same as `(cdr (cdr (cdr (car x))))`
    "cdddar" (1) => cdddar,
    /// (cddddr x) -> the same as `(cdr (cdr (cdr (cdr x))))`
    "cddddr" (1) => cddddr,
    /// (set-car! pair value): the car of PAIR becomes VALUE
    "set-car!" (2) => set_car,
    /// (set-cdr! pair value): the cdr of PAIR becomes VALUE
    "set-cdr!" (2) => set_cdr,
    /// (acons key value alist) -> ALIST with the pair of KEY and VALUE at its front
    "acons" (3) => acons,
}
