//! Integer division with every way of rounding, and what is rounded by it.
//!
//! Source: GNU Guile reference manual, "Integer Operations"; R7RS, section 6.2.

use super::Number::{Big, Fix, Ratio, Real};
use super::{integer_value, ratio_value, want_integer, want_real};
use crate::data::native::{Outcome, Raise};
use crate::data::value::Value;
use crate::data::{errors, records};
use crate::natives;
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use std::cmp::Ordering;

/// The ways of rounding a quotient.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Rounding {
    Truncate,
    Floor,
    Ceiling,
    Round,
    Euclidean,
    Centered,
}

/// Quotient and remainder of two big integers.
pub(super) fn divide_integers(a: &BigInt, b: &BigInt, rounding: Rounding) -> (BigInt, BigInt) {
    let (mut quotient, mut remainder) = a.div_rem(b);
    let mut step = |up: bool| {
        if up {
            quotient += 1;
            remainder -= b;
        } else {
            quotient -= 1;
            remainder += b;
        }
    };
    let signs_differ = a.is_negative() != b.is_negative();
    let inexact = !(a % b).is_zero();
    match rounding {
        Rounding::Truncate => {}
        Rounding::Floor => {
            if inexact && signs_differ {
                step(false);
            }
        }
        Rounding::Ceiling => {
            if inexact && !signs_differ {
                step(true);
            }
        }
        Rounding::Euclidean => {
            if inexact && a.is_negative() {
                step(b.is_negative());
            }
        }
        Rounding::Round => {
            let double: BigInt = (a % b).abs() * 2;
            let half = double.cmp(&b.abs());
            let odd = (a / b).is_odd();
            if half == Ordering::Greater || half == Ordering::Equal && odd {
                step(!signs_differ);
            }
        }
        Rounding::Centered => {
            // -|b/2| <= r < |b/2|
            let r: BigInt = a % b;
            let double: BigInt = &r * 2;
            let size = b.abs();
            if double >= size {
                step(!b.is_negative());
            } else if double < -size {
                step(b.is_negative());
            }
        }
    }
    (quotient, remainder)
}

fn divide_reals(a: f64, b: f64, rounding: Rounding) -> (f64, f64) {
    let exact = a / b;
    let quotient = match rounding {
        Rounding::Truncate => exact.trunc(),
        Rounding::Floor => exact.floor(),
        Rounding::Ceiling => exact.ceil(),
        Rounding::Round => exact.round_ties_even(),
        Rounding::Euclidean => {
            if b > 0.0 {
                exact.floor()
            } else {
                exact.ceil()
            }
        }
        Rounding::Centered => {
            if b > 0.0 {
                (exact + 0.5).floor()
            } else {
                (exact - 0.5).ceil()
            }
        }
    };
    (quotient, a - b * quotient)
}

fn division(
    procedure: &str,
    args: &[Value],
    rounding: Rounding,
    integers_only: bool,
) -> Result<(Value, Value), Raise> {
    if let (Value::IntV(a), Value::IntV(b)) = (&args[0], &args[1])
        && *b != 0
        && *b != -1
    {
        let (q, r) = (a / b, a % b);
        match rounding {
            Rounding::Truncate => return Ok((Value::IntV(q), Value::IntV(r))),
            Rounding::Floor => {
                let down = r != 0 && (r < 0) != (*b < 0);
                return Ok((
                    Value::IntV(q - down as isize),
                    Value::IntV(if down { r + b } else { r }),
                ));
            }
            _ => {}
        }
    }
    let want = if integers_only {
        want_integer
    } else {
        want_real
    };
    let (a, b) = (want(procedure, 1, &args[0])?, want(procedure, 2, &args[1])?);
    if b.is_zero() {
        return Err(errors::overflow(match procedure {
            "quotient" => "truncate-quotient",
            "remainder" => "truncate-remainder",
            "modulo" => "floor-remainder",
            other => other,
        }));
    }
    if let (Fix(_) | Big(_), Fix(_) | Big(_)) = (&a, &b)
        && let (Some(a), Some(b)) = (a.big(), b.big())
    {
        let (quotient, remainder) = divide_integers(&a, &b, rounding);
        return Ok((integer_value(quotient), integer_value(remainder)));
    }
    if a.is_exact()
        && b.is_exact()
        && let (Some(a), Some(b)) = (a.ratio(), b.ratio())
    {
        let common = a.denom() * b.denom();
        let (quotient, remainder) =
            divide_integers(&(a.numer() * b.denom()), &(b.numer() * a.denom()), rounding);
        return Ok((
            integer_value(quotient),
            ratio_value(BigRational::new(remainder, common)),
        ));
    }
    let (quotient, remainder) = divide_reals(
        a.float().unwrap_or(f64::NAN),
        b.float().unwrap_or(f64::NAN),
        rounding,
    );
    Ok((Value::NumV(quotient), Value::NumV(remainder)))
}

macro_rules! divisions {
    ($($name:literal $function:ident $error:literal $rounding:ident $integers:literal $part:tt;)*) => {
        $( fn $function(args: &[Value]) -> Outcome {
            let both = division($error, args, Rounding::$rounding, $integers)?;
            Ok(divisions!(@ $part both))
        } )*
    };
    (@ quotient $both:ident) => { $both.0 };
    (@ remainder $both:ident) => { $both.1 };
    (@ both $both:ident) => { records::values(vec![$both.0, $both.1]) };
}

divisions! {
    "quotient" quotient "quotient" Truncate true quotient;
    "remainder" remainder "remainder" Truncate true remainder;
    "modulo" modulo "modulo" Floor true remainder;
    "floor/" floor_both "floor/" Floor false both;
    "floor-quotient" floor_quotient "floor-quotient" Floor false quotient;
    "floor-remainder" floor_remainder "floor-remainder" Floor false remainder;
    "truncate/" truncate_both "truncate/" Truncate false both;
    "truncate-quotient" truncate_quotient "truncate-quotient" Truncate false quotient;
    "truncate-remainder" truncate_remainder "truncate-remainder" Truncate false remainder;
    "ceiling/" ceiling_both "ceiling/" Ceiling false both;
    "ceiling-quotient" ceiling_quotient "ceiling-quotient" Ceiling false quotient;
    "ceiling-remainder" ceiling_remainder "ceiling-remainder" Ceiling false remainder;
    "round/" round_both "round/" Round false both;
    "round-quotient" round_quotient "round-quotient" Round false quotient;
    "round-remainder" round_remainder "round-remainder" Round false remainder;
    "euclidean/" euclidean_both "euclidean/" Euclidean false both;
    "euclidean-quotient" euclidean_quotient "euclidean-quotient" Euclidean false quotient;
    "euclidean-remainder" euclidean_remainder "euclidean-remainder" Euclidean false remainder;
    "centered/" centered_both "centered/" Centered false both;
    "centered-quotient" centered_quotient "centered-quotient" Centered false quotient;
    "centered-remainder" centered_remainder "centered-remainder" Centered false remainder;
}

fn fold_integers(
    procedure: &str,
    args: &[Value],
    start: isize,
    combine: fn(&BigInt, &BigInt) -> BigInt,
) -> Outcome {
    let mut result = BigInt::from(start);
    let mut inexact = false;
    for (index, item) in args.iter().enumerate() {
        let number = want_integer(procedure, index + 1, item)?;
        inexact |= !number.is_exact();
        result = combine(&result, &number.big().unwrap_or_default());
    }
    if inexact {
        return Ok(Value::NumV(result.to_f64().unwrap_or(f64::INFINITY)));
    }
    Ok(integer_value(result))
}

fn gcd(args: &[Value]) -> Outcome {
    fold_integers("gcd", args, 0, |a, b| a.gcd(b))
}

fn lcm(args: &[Value]) -> Outcome {
    fold_integers("lcm", args, 1, |a, b| {
        if a.is_zero() || b.is_zero() {
            BigInt::zero()
        } else {
            a.lcm(b)
        }
    })
}

fn rounded(procedure: &str, args: &[Value], real: fn(f64) -> f64, rounding: Rounding) -> Outcome {
    Ok(match want_real(procedure, 1, &args[0])? {
        Real(number) => Value::NumV(real(number)),
        Ratio(number) => integer_value(divide_integers(number.numer(), number.denom(), rounding).0),
        _ => args[0].clone(),
    })
}

fn floor(args: &[Value]) -> Outcome {
    rounded("floor", args, f64::floor, Rounding::Floor)
}

fn ceiling(args: &[Value]) -> Outcome {
    rounded("ceiling", args, f64::ceil, Rounding::Ceiling)
}

fn truncate(args: &[Value]) -> Outcome {
    rounded("truncate", args, f64::trunc, Rounding::Truncate)
}

/// NUMBER rounded to even. As in Guile what lies just below zero becomes zero
/// without a sign.
fn round_to_even(number: f64) -> f64 {
    let rounded = number.round_ties_even();
    if rounded == 0.0 && number != 0.0 {
        0.0
    } else {
        rounded
    }
}

fn round(args: &[Value]) -> Outcome {
    rounded("round", args, round_to_even, Rounding::Round)
}

natives! {
    /// (quotient n d) -> N / D, truncated
    "quotient" (2) => quotient,
    /// (remainder n d) -> what truncated division leaves, with the sign of N
    "remainder" (2) => remainder,
    /// (modulo n d) -> what floored division leaves, with the sign of D
    "modulo" (2) => modulo,
    /// (floor/ n d) -> two values: N / D, floored, and the remainder
    "floor/" (2) with several => floor_both,
    /// (floor-quotient n d) -> N / D, floored
    "floor-quotient" (2) => floor_quotient,
    /// (floor-remainder n d) -> what is left when N / D is floored
    "floor-remainder" (2) => floor_remainder,
    /// (truncate/ n d) -> two values: N / D, truncated, and the remainder
    "truncate/" (2) with several => truncate_both,
    /// (truncate-quotient n d) -> N / D, truncated
    "truncate-quotient" (2) => truncate_quotient,
    /// (truncate-remainder n d) -> what is left when N / D is truncated
    "truncate-remainder" (2) => truncate_remainder,
    /// (ceiling/ n d) -> two values: N / D, rounded up, and the remainder
    "ceiling/" (2) with several => ceiling_both,
    /// (ceiling-quotient n d) -> N / D, rounded up
    "ceiling-quotient" (2) => ceiling_quotient,
    /// (ceiling-remainder n d) -> what is left when N / D is rounded up
    "ceiling-remainder" (2) => ceiling_remainder,
    /// (round/ n d) -> two values: N / D, rounded to the nearest, even integer, and the remainder
    "round/" (2) with several => round_both,
    /// (round-quotient n d) -> N / D, rounded to the nearest, even integer
    "round-quotient" (2) => round_quotient,
    /// (round-remainder n d) -> what is left when N / D is rounded to the nearest, even integer
    "round-remainder" (2) => round_remainder,
    /// (euclidean/ n d) -> two values: N / D, rounded so that the remainder is not negative, and the remainder
    "euclidean/" (2) with several => euclidean_both,
    /// (euclidean-quotient n d) -> N / D, rounded so that the remainder is not negative
    "euclidean-quotient" (2) => euclidean_quotient,
    /// (euclidean-remainder n d) -> what is left when N / D is rounded so that the remainder is not negative
    "euclidean-remainder" (2) => euclidean_remainder,
    /// (centered/ n d) -> two values: N / D, rounded so that the remainder is nearest to zero, and the remainder
    "centered/" (2) with several => centered_both,
    /// (centered-quotient n d) -> N / D, rounded so that the remainder is nearest to zero
    "centered-quotient" (2) => centered_quotient,
    /// (centered-remainder n d) -> what is left when N / D is rounded so that the remainder is nearest to zero
    "centered-remainder" (2) => centered_remainder,
    /// (gcd n …) -> the greatest common divisor
    "gcd" (0, rest) => gcd,
    /// (lcm n …) -> the least common multiple
    "lcm" (0, rest) => lcm,
    /// (floor real) -> the largest integer that is not above it
    "floor" (1) => floor,
    /// (ceiling real) -> the smallest integer that is not below it
    "ceiling" (1) => ceiling,
    /// (truncate real) -> the integer nearest to it towards zero
    "truncate" (1) => truncate,
    /// (round real) -> the nearest integer, the even one of two
    "round" (1) => round,
}
