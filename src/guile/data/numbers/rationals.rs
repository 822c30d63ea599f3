//! Exact against inexact: the conversions, fractions and their parts.
//!
//! Source: GNU Guile reference manual, "Exact and Inexact Numbers"; R7RS, section 6.2.

use super::Number::{Complex, Real};
use super::division::{Rounding, divide_integers};
use super::{Number, integer_value, ratio_value, want, want_real};
use crate::data::errors;
use crate::data::native::Outcome;
use crate::data::value::Value;
use crate::natives;
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// The float nearest to NUMBER, correctly rounded.
pub(super) fn ratio_to_f64(number: &BigRational) -> f64 {
    let (numerator, denominator) = (number.numer().abs(), number.denom());
    if let (Some(n), Some(d)) = (numerator.to_u64(), denominator.to_u64())
        && n < 1 << 53
        && d < 1 << 53
    {
        let quotient = n as f64 / d as f64;
        return if number.is_negative() {
            -quotient
        } else {
            quotient
        };
    }
    // Scale so that the integer quotient has about 66 bits, keep a sticky bit, and
    // round once, to the bits that a float of that size has.
    let shift = 66 - (numerator.bits() as i64 - denominator.bits() as i64);
    let (quotient, rest) = if shift >= 0 {
        (numerator << shift as u64).div_rem(denominator)
    } else {
        numerator.div_rem(&(denominator << (-shift) as u64))
    };
    let sticky = if rest.is_zero() {
        quotient
    } else {
        quotient | BigInt::one()
    };
    let surplus = (sticky.bits() as i64 - 53).max(shift - 1074).max(0);
    let divisor = BigInt::one() << surplus as u64;
    let (mantissa, _) = divide_integers(&sticky, &divisor, Rounding::Round);
    let scaled = scale(mantissa.to_f64().unwrap_or(f64::INFINITY), surplus - shift);
    if number.is_negative() {
        -scaled
    } else {
        scaled
    }
}

/// NUMBER times two to the power of EXPONENT.
pub(super) fn scale(mut number: f64, mut exponent: i64) -> f64 {
    while exponent > 1000 {
        number *= 2f64.powi(1000);
        exponent -= 1000;
    }
    while exponent < -1000 {
        number *= 2f64.powi(-1000);
        exponent += 1000;
    }
    number * 2f64.powi(exponent as i32)
}

/// NUMBER without inexactness.
fn exact_value(procedure: &str, value: &Value) -> Outcome {
    match want(procedure, 1, value)? {
        Real(number) => {
            if number.fract() == 0.0 && number.abs() < 9e15 {
                return Ok(Value::IntV(number as isize));
            }
            BigRational::from_float(number)
                .map(ratio_value)
                .ok_or_else(|| errors::out_of_range(procedure, 1, value))
        }
        Complex(re, 0.0) => exact_value(procedure, &Value::NumV(re)),
        Complex(..) => Err(errors::wrong_type(procedure, 1, value)),
        _ => Ok(value.clone()),
    }
}

fn inexact_to_exact(args: &[Value]) -> Outcome {
    exact_value("inexact->exact", &args[0])
}

fn exact_to_inexact(args: &[Value]) -> Outcome {
    match want("exact->inexact", 1, &args[0])? {
        Complex(..) => Ok(args[0].clone()),
        number => Ok(Value::NumV(number.float().unwrap_or(f64::INFINITY))),
    }
}

fn numerator(args: &[Value]) -> Outcome {
    fraction("numerator", &args[0], |ratio| ratio.numer().clone())
}

fn denominator(args: &[Value]) -> Outcome {
    fraction("denominator", &args[0], |ratio| ratio.denom().clone())
}

fn fraction(procedure: &str, value: &Value, part: fn(&BigRational) -> BigInt) -> Outcome {
    let number = want_real(procedure, 1, value)?;
    match number {
        Real(number) if number.is_infinite() || number == 0.0 => {
            return Ok(match procedure {
                "numerator" => value.clone(),
                _ => Value::NumV(1.0),
            });
        }
        _ => {}
    }
    let ratio = number
        .ratio()
        .ok_or_else(|| errors::out_of_range("inexact->exact", 1, value))?;
    let part = part(&ratio);
    Ok(if number.is_exact() {
        integer_value(part)
    } else {
        Value::NumV(part.to_f64().unwrap_or(f64::INFINITY))
    })
}

fn rationalize(args: &[Value]) -> Outcome {
    let x = want_real("rationalize", 1, &args[0])?;
    let tolerance = want_real("rationalize", 2, &args[1])?;
    let exact = x.is_exact() && tolerance.is_exact();
    let infinite = |number: &Number| matches!(number, Real(number) if number.is_infinite());
    let (x, tolerance) = match (x.ratio(), tolerance.ratio()) {
        (Some(x), Some(tolerance)) => (x, tolerance),
        (Some(_), None) if infinite(&tolerance) => return Ok(Value::NumV(0.0)),
        (None, Some(_)) if infinite(&x) => return Ok(args[0].clone()),
        _ => return Ok(Value::NumV(f64::NAN)),
    };
    let tolerance = tolerance.abs();
    let simplest = simplest_between(&(&x - &tolerance), &(&x + &tolerance));
    Ok(if exact {
        ratio_value(simplest)
    } else {
        Value::NumV(ratio_to_f64(&simplest))
    })
}

/// The rational of smallest denominator from LOW to HIGH.
fn simplest_between(low: &BigRational, high: &BigRational) -> BigRational {
    if low.is_negative() && !high.is_negative() || low.is_zero() {
        return BigRational::zero();
    }
    if high.is_negative() {
        return -simplest_between(&-high, &-low);
    }
    // Continued fractions: take whole parts until they differ.
    let mut wholes = Vec::new();
    let (mut low, mut high) = (low.clone(), high.clone());
    let last = loop {
        let floor = low.floor();
        if floor == low {
            break floor;
        }
        if floor < high.floor() {
            break floor + BigRational::one();
        }
        wholes.push(floor.clone());
        (low, high) = ((high - &floor).recip(), (low - &floor).recip());
    };
    wholes
        .into_iter()
        .rev()
        .fold(last, |rest, whole| whole + rest.recip())
}

natives! {
    /// (inexact->exact number) -> the exact number equal to it
    "inexact->exact" (1) => inexact_to_exact,
    /// (exact->inexact number) -> the nearest float
    "exact->inexact" (1) => exact_to_inexact,
    /// (numerator rational) -> its numerator in lowest terms
    "numerator" (1) => numerator,
    /// (denominator rational) -> its denominator in lowest terms
    "denominator" (1) => denominator,
    /// (rationalize x y) -> the simplest rational that is at most Y away from X
    "rationalize" (2) => rationalize,
}
