//! Sums, differences, products and quotients of numbers of every kind.
//!
//! Source: GNU Guile reference manual, "Arithmetic Functions"; R7RS, section 6.2.

use super::Number::{Complex, Fix, Ratio, Real};
use super::complexes::c_div;
use super::{Parts, complex_value, integer_value, ratio_value, real_over_complex, want, want_real};
use crate::data::errors;
use crate::data::native::Outcome;
use crate::data::value::Value;
use crate::natives;
use num_bigint::BigInt;
use num_rational::BigRational;

fn combine(
    procedure: &str,
    a: &Value,
    b: &Value,
    big: fn(BigInt, BigInt) -> BigInt,
    ratio: fn(BigRational, BigRational) -> BigRational,
    real: fn(f64, f64) -> f64,
    complex: fn(Parts, Parts) -> (f64, f64),
) -> Outcome {
    let left = want(procedure, 1, a)?;
    let right = want(procedure, 2, b)?;
    Ok(match (&left, &right) {
        (Complex(..), _) | (_, Complex(..)) => {
            let (re, im) = complex(left.parts(), right.parts());
            complex_value(re, im)
        }
        (Real(_), _) | (_, Real(_)) => Value::NumV(real(
            left.float().unwrap_or(f64::NAN),
            right.float().unwrap_or(f64::NAN),
        )),
        (Ratio(_), _) | (_, Ratio(_)) => match (left.ratio(), right.ratio()) {
            (Some(left), Some(right)) => ratio_value(ratio(left, right)),
            _ => return Err(errors::wrong_type(procedure, 1, a)),
        },
        _ => match (left.big(), right.big()) {
            (Some(left), Some(right)) => integer_value(big(left, right)),
            _ => return Err(errors::wrong_type(procedure, 1, a)),
        },
    })
}

/// A + B.
#[inline]
pub fn add(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::IntV(x), Value::IntV(y)) => {
            if let Some(sum) = x.checked_add(*y) {
                return Ok(Value::IntV(sum));
            }
        }
        (Value::NumV(x), Value::NumV(y)) => return Ok(Value::NumV(x + y)),
        _ => {}
    }
    combine(
        "+",
        a,
        b,
        |a, b| a + b,
        |a, b| a + b,
        |a, b| a + b,
        |a, b| {
            let im = match (a.1, b.1) {
                (Some(x), Some(y)) => x + y,
                (x, y) => x.or(y).unwrap_or(0.0),
            };
            (a.0 + b.0, im)
        },
    )
}

/// A - B.
#[inline]
pub fn subtract(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::IntV(x), Value::IntV(y)) => {
            if let Some(difference) = x.checked_sub(*y) {
                return Ok(Value::IntV(difference));
            }
        }
        (Value::NumV(x), Value::NumV(y)) => return Ok(Value::NumV(x - y)),
        _ => {}
    }
    combine(
        "-",
        a,
        b,
        |a, b| a - b,
        |a, b| a - b,
        |a, b| a - b,
        |a, b| {
            let im = match (a.1, b.1) {
                (Some(x), Some(y)) => x - y,
                (x, y) => x.or(y.map(|y| -y)).unwrap_or(0.0),
            };
            (a.0 - b.0, im)
        },
    )
}

/// A * B.
#[inline]
pub fn multiply(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::IntV(x), Value::IntV(y)) => {
            if let Some(product) = x.checked_mul(*y) {
                return Ok(Value::IntV(product));
            }
        }
        (Value::NumV(x), Value::NumV(y)) => return Ok(Value::NumV(x * y)),
        _ => {}
    }
    combine(
        "*",
        a,
        b,
        |a, b| a * b,
        |a, b| a * b,
        |a, b| a * b,
        |a, b| match (a, b) {
            ((a, Some(x)), (b, Some(y))) => (a * b - x * y, a * y + x * b),
            ((a, Some(x)), (b, None)) | ((b, None), (a, Some(x))) => (a * b, x * b),
            ((a, None), (b, None)) => (a * b, 0.0),
        },
    )
}

/// A / B.
pub fn divide(a: &Value, b: &Value) -> Outcome {
    let left = want("/", 1, a)?;
    let right = want("/", 2, b)?;
    if right.is_exact() && right.is_zero() {
        return Err(errors::overflow("divide"));
    }
    if left.is_exact() && right.is_exact() {
        if let (Fix(x), Fix(y)) = (&left, &right)
            && x.checked_rem(*y) == Some(0)
        {
            return Ok(Value::IntV(x / y));
        }
        if let (Some(x), Some(y)) = (left.ratio(), right.ratio()) {
            return Ok(ratio_value(x / y));
        }
    }
    if let (Some(x), Some(y)) = (left.float(), right.float()) {
        return Ok(Value::NumV(x / y));
    }
    if let Some(divisor) = right.float() {
        let (re, im) = left.complex();
        return Ok(complex_value(re / divisor, im / divisor));
    }
    let (re, im) = match left.float() {
        Some(dividend) => real_over_complex(dividend, right.complex()),
        None => c_div(left.complex(), right.complex()),
    };
    Ok(complex_value(re, im))
}

fn sum(args: &[Value]) -> Outcome {
    match args {
        [] => Ok(Value::IntV(0)),
        [a] => want("+", 1, a).map(Value::from),
        [a, b] => add(a, b),
        [first, rest @ ..] => rest
            .iter()
            .try_fold(first.clone(), |sum, item| add(&sum, item)),
    }
}

fn difference(args: &[Value]) -> Outcome {
    match args {
        [a] => match want("-", 1, a)? {
            Real(number) => Ok(Value::NumV(-number)),
            Complex(re, im) => Ok(complex_value(-re, -im)),
            _ => subtract(&Value::IntV(0), a),
        },
        [a, b] => subtract(a, b),
        [first, rest @ ..] => rest.iter().try_fold(first.clone(), |difference, item| {
            subtract(&difference, item)
        }),
        [] => unreachable!("one argument is required"),
    }
}

fn product(args: &[Value]) -> Outcome {
    match args {
        [] => Ok(Value::IntV(1)),
        [a] => want("*", 1, a).map(Value::from),
        [a, b] => multiply(a, b),
        [first, rest @ ..] => rest
            .iter()
            .try_fold(first.clone(), |product, item| multiply(&product, item)),
    }
}

fn quotient_of_all(args: &[Value]) -> Outcome {
    match args {
        [a] => divide(&Value::IntV(1), a),
        [a, b] => divide(a, b),
        [first, rest @ ..] => rest
            .iter()
            .try_fold(first.clone(), |quotient, item| divide(&quotient, item)),
        [] => unreachable!("one argument is required"),
    }
}

fn one_plus(args: &[Value]) -> Outcome {
    add(&args[0], &Value::IntV(1))
}

fn one_minus(args: &[Value]) -> Outcome {
    subtract(&args[0], &Value::IntV(1))
}

fn abs(args: &[Value]) -> Outcome {
    absolute("abs", &args[0])
}

pub(super) fn absolute(procedure: &str, value: &Value) -> Outcome {
    Ok(match want_real(procedure, 1, value)? {
        Real(number) => Value::NumV(number.abs()),
        number if number.is_negative() => return subtract(&Value::IntV(0), value),
        _ => value.clone(),
    })
}

natives! {
    /// (+ number …) -> number
    "+" (0, rest) => sum,
    /// (- number number …) -> number
    "-" (1, rest) => difference,
    /// (* number …) -> number
    "*" (0, rest) => product,
    /// (/ number number …) -> number
    "/" (1, rest) => quotient_of_all,
    /// (1+ number) -> NUMBER + 1
    "1+" (1) => one_plus,
    /// (1- number) -> NUMBER - 1
    "1-" (1) => one_minus,
    /// (-1+ number) -> NUMBER - 1
    "-1+" (1) => one_minus,
    /// (abs real) -> the number without its sign
    "abs" (1) => abs,
}
