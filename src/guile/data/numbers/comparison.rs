//! The order of numbers, and predicates: exactly, also where floats meet exact numbers.
//!
//! Source: GNU Guile reference manual, "Comparison Predicates"; R7RS, section 6.2.

use super::Number::{Big, Complex, Fix, Real};
use super::{Number, is_number, number, to_f64, want, want_integer, want_real};
use crate::data::args::boolean;
use crate::data::native::{Outcome, Raise};
use crate::data::value::Value;
use crate::natives;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::Signed;
use std::cmp::Ordering;

fn order(a: &Number, b: &Number) -> Option<Ordering> {
    match (a, b) {
        (Fix(a), Fix(b)) => Some(a.cmp(b)),
        (Real(a), Real(b)) => a.partial_cmp(b),
        (Real(a), other) => order_real(*a, other),
        (other, Real(b)) => order_real(*b, other).map(Ordering::reverse),
        _ => match (a, b) {
            (Fix(_) | Big(_), Fix(_) | Big(_)) => Some(a.big()?.cmp(&b.big()?)),
            _ => Some(a.ratio()?.cmp(&b.ratio()?)),
        },
    }
}

/// Compare a float with an exact number, exactly.
fn order_real(real: f64, exact: &Number) -> Option<Ordering> {
    if real.is_nan() {
        return None;
    }
    if real.is_infinite() {
        return Some(if real > 0.0 {
            Ordering::Greater
        } else {
            Ordering::Less
        });
    }
    if let Fix(number) = exact
        && number.unsigned_abs() < 1 << 53
    {
        return real.partial_cmp(&(*number as f64));
    }
    Some(BigRational::from_float(real)?.cmp(&exact.ratio()?))
}

/// How A stands to B, as `<` and `>` see it.
pub fn compare(procedure: &str, a: &Value, b: &Value) -> Result<Option<Ordering>, Raise> {
    match (a, b) {
        (Value::IntV(a), Value::IntV(b)) => Ok(Some(a.cmp(b))),
        (Value::NumV(a), Value::NumV(b)) => Ok(a.partial_cmp(b)),
        _ => Ok(order(
            &want_real(procedure, 1, a)?,
            &want_real(procedure, 2, b)?,
        )),
    }
}

/// Whether A = B.
pub fn equal(a: &Value, b: &Value) -> Outcome {
    if let (Value::IntV(a), Value::IntV(b)) = (a, b) {
        return Ok(boolean(a == b));
    }
    // Guile counts the one that is no number as the first, whichever it is.
    let (left, right) = (want("=", 1, a)?, want("=", 1, b)?);
    Ok(boolean(match (&left, &right) {
        (Complex(re, im), other) | (other, Complex(re, im)) => match other {
            Complex(x, y) => re == x && im == y,
            other => *im == 0.0 && order(&Real(*re), other) == Some(Ordering::Equal),
        },
        _ => order(&left, &right) == Some(Ordering::Equal),
    }))
}

fn chain(procedure: &str, args: &[Value], holds: fn(Option<Ordering>) -> bool) -> Outcome {
    if let [only] = args {
        want_real(procedure, 1, only)?;
    }
    let mut all = true;
    for pair in args.windows(2) {
        all &= holds(compare(procedure, &pair[0], &pair[1])?);
        if !all {
            break;
        }
    }
    Ok(boolean(all))
}

fn equals(args: &[Value]) -> Outcome {
    if let [only] = args {
        want("=", 1, only)?;
    }
    for pair in args.windows(2) {
        if let Value::BoolV(false) = equal(&pair[0], &pair[1])? {
            return Ok(boolean(false));
        }
    }
    Ok(boolean(true))
}

fn less(args: &[Value]) -> Outcome {
    chain("<", args, |order| order == Some(Ordering::Less))
}

fn greater(args: &[Value]) -> Outcome {
    chain(">", args, |order| order == Some(Ordering::Greater))
}

fn at_most(args: &[Value]) -> Outcome {
    chain("<=", args, |order| {
        matches!(order, Some(Ordering::Less | Ordering::Equal))
    })
}

fn at_least(args: &[Value]) -> Outcome {
    chain(">=", args, |order| {
        matches!(order, Some(Ordering::Greater | Ordering::Equal))
    })
}

fn extreme(procedure: &str, args: &[Value], wanted: Ordering) -> Outcome {
    let mut best = Value::from(want_real(procedure, 1, &args[0])?);
    let mut inexact = matches!(best, Value::NumV(_));
    for (index, item) in args.iter().enumerate().skip(1) {
        let number = want_real(procedure, index + 1, item)?;
        inexact |= !number.is_exact();
        let order = compare(procedure, item, &best)?;
        // Of two zeros, the positive one is the larger.
        let zero = |sign: bool| match wanted {
            Ordering::Greater => !sign,
            _ => sign,
        };
        let replaces = match item {
            Value::NumV(x) if x.is_nan() => true,
            Value::NumV(x) if *x == 0.0 => {
                zero(x.is_sign_negative()) && order == Some(Ordering::Equal)
            }
            Value::IntV(0) => zero(false) && order == Some(Ordering::Equal),
            _ => false,
        };
        if replaces || order == Some(wanted) {
            best = item.clone();
        }
    }
    if inexact {
        return Ok(Value::NumV(to_f64(&best).unwrap_or(f64::NAN)));
    }
    Ok(best)
}

fn max(args: &[Value]) -> Outcome {
    extreme("max", args, Ordering::Greater)
}

fn min(args: &[Value]) -> Outcome {
    extreme("min", args, Ordering::Less)
}

fn number_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(is_number(&args[0])))
}

fn real_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(
        is_number(&args[0]) && !matches!(args[0], Value::Complex(_)),
    ))
}

fn rational_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(match &args[0] {
        Value::NumV(number) => number.is_finite(),
        Value::Complex(_) => false,
        other => is_number(other),
    }))
}

fn integer_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(
        number(&args[0]).is_some_and(|number| number.is_integer()),
    ))
}

fn exact_integer_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(matches!(
        args[0],
        Value::IntV(_) | Value::BigNum(_)
    )))
}

fn exact_predicate(args: &[Value]) -> Outcome {
    want("exact?", 1, &args[0]).map(|number| boolean(number.is_exact()))
}

fn inexact_predicate(args: &[Value]) -> Outcome {
    want("inexact?", 1, &args[0]).map(|number| boolean(!number.is_exact()))
}

fn nan_predicate(args: &[Value]) -> Outcome {
    let number = want_real("nan?", 1, &args[0])?;
    Ok(boolean(matches!(number, Real(number) if number.is_nan())))
}

fn inf_predicate(args: &[Value]) -> Outcome {
    let number = want_real("inf?", 1, &args[0])?;
    Ok(boolean(
        matches!(number, Real(number) if number.is_infinite()),
    ))
}

fn finite_predicate(args: &[Value]) -> Outcome {
    let number = want_real("finite?", 1, &args[0])?;
    Ok(boolean(
        !matches!(number, Real(number) if !number.is_finite()),
    ))
}

fn zero_predicate(args: &[Value]) -> Outcome {
    want("zero?", 1, &args[0]).map(|number| boolean(number.is_zero()))
}

fn positive_predicate(args: &[Value]) -> Outcome {
    let number = want_real("positive?", 1, &args[0])?;
    Ok(boolean(match number {
        Real(number) => number > 0.0,
        other => !other.is_negative() && !other.is_zero(),
    }))
}

fn negative_predicate(args: &[Value]) -> Outcome {
    want_real("negative?", 1, &args[0]).map(|number| boolean(number.is_negative()))
}

fn is_odd(procedure: &str, value: &Value) -> Result<bool, Raise> {
    match value {
        Value::IntV(number) => Ok(number & 1 == 1),
        other => Ok(want_integer(procedure, 1, other)?
            .big()
            .unwrap_or_default()
            .is_odd()),
    }
}

fn odd_predicate(args: &[Value]) -> Outcome {
    is_odd("odd?", &args[0]).map(boolean)
}

fn even_predicate(args: &[Value]) -> Outcome {
    is_odd("even?", &args[0]).map(|odd| boolean(!odd))
}

fn integer_to_char_check(args: &[Value]) -> Outcome {
    // Exact nonnegative integers that `exact-nonnegative-integer?` accepts.
    Ok(boolean(match &args[0] {
        Value::IntV(number) => *number >= 0,
        Value::BigNum(number) => !number.is_negative(),
        _ => false,
    }))
}

natives! {
    /// (= number …) -> whether all are equal
    "=" (0, rest) => equals,
    /// (< number …) -> whether each is less than the next
    "<" (0, rest) => less,
    /// (> number …) -> whether each is greater than the next
    ">" (0, rest) => greater,
    /// (<= number …) -> whether none is greater than the next
    "<=" (0, rest) => at_most,
    /// (>= number …) -> whether none is less than the next
    ">=" (0, rest) => at_least,
    /// (max number number …) -> the largest
    "max" (1, rest) => max,
    /// (min number number …) -> the smallest
    "min" (1, rest) => min,
    /// (number? object) -> whether it is a number
    "number?" (1) => number_predicate,
    /// (complex? object) -> whether it is a number
    "complex?" (1) => number_predicate,
    /// (real? object) -> whether it is a real number
    "real?" (1) => real_predicate,
    /// (rational? object) -> whether it is a finite real number
    "rational?" (1) => rational_predicate,
    /// (integer? object) -> whether it is an integer, exact or not
    "integer?" (1) => integer_predicate,
    /// (exact-integer? object) -> whether it is an exact integer
    "exact-integer?" (1) => exact_integer_predicate,
    /// (exact? number) -> whether it is exact
    "exact?" (1) => exact_predicate,
    /// (inexact? number) -> whether it is a float
    "inexact?" (1) => inexact_predicate,
    /// (nan? real) -> whether it is not a number
    "nan?" (1) => nan_predicate,
    /// (inf? real) -> whether it is infinite
    "inf?" (1) => inf_predicate,
    /// (finite? real) -> whether it is neither infinite nor not a number
    "finite?" (1) => finite_predicate,
    /// (zero? number) -> whether it is zero
    "zero?" (1) => zero_predicate,
    /// (positive? real) -> whether it is above zero
    "positive?" (1) => positive_predicate,
    /// (negative? real) -> whether it is below zero
    "negative?" (1) => negative_predicate,
    /// (odd? n) -> whether it is odd
    "odd?" (1) => odd_predicate,
    /// (even? n) -> whether it is even
    "even?" (1) => even_predicate,
    /// (%exact-nonnegative-integer? object) -> whether it is one
    "%exact-nonnegative-integer?" (1) => integer_to_char_check,
}
