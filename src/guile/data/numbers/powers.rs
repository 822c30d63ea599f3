//! Powers and roots, exact where they can be.
//!
//! Source: GNU Guile reference manual, "Scientific Functions"; R7RS, section 6.2.

use super::Number::{Big, Complex, Fix, Ratio, Real};
use super::arithmetic::{divide, subtract};
use super::complexes::{c_mul, complex_exp, complex_log, complex_sqrt};
use super::rationals::{ratio_to_f64, scale};
use super::{
    complex_value, integer_value, number, ratio_value, to_f64, want, want_exact_integer,
    want_integer,
};
use crate::data::args::size;
use crate::data::native::Outcome;
use crate::data::value::Value;
use crate::data::{errors, memory, records};
use crate::natives;
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

fn sqrt(args: &[Value]) -> Outcome {
    let number = want("sqrt", 1, &args[0])?;
    if number.is_exact()
        && !number.is_negative()
        && let Some(ratio) = number.ratio()
    {
        let (numerator, denominator) = (ratio.numer().sqrt(), ratio.denom().sqrt());
        if &(&numerator * &numerator) == ratio.numer()
            && &(&denominator * &denominator) == ratio.denom()
        {
            return Ok(ratio_value(BigRational::new_raw(numerator, denominator)));
        }
    }
    Ok(match &number {
        Complex(re, im) => {
            let (re, im) = complex_sqrt((*re, *im));
            complex_value(re, im)
        }
        other if other.is_negative() => {
            let positive = subtract(&Value::IntV(0), &args[0])?;
            let root = to_f64(&sqrt(&[positive])?).unwrap_or(f64::NAN);
            complex_value(0.0, root)
        }
        other => {
            let float = other.float().unwrap_or(f64::INFINITY);
            if !float.is_normal()
                && !matches!(other, Real(_))
                && let Some(ratio) = other.ratio()
            {
                // Scale by an even power of two into what a float can hold.
                let power = (ratio.numer().bits() as i64 - ratio.denom().bits() as i64) / 2;
                let scale_by = BigInt::one() << (2 * power.unsigned_abs());
                let scaled = match power < 0 {
                    true => ratio * scale_by,
                    false => ratio / scale_by,
                };
                return Ok(Value::NumV(scale(ratio_to_f64(&scaled).sqrt(), power)));
            }
            Value::NumV(float.sqrt())
        }
    })
}

fn exact_integer_sqrt(args: &[Value]) -> Outcome {
    let number = match number(&args[0]) {
        Some(number @ (Fix(_) | Big(_))) if !number.is_negative() => {
            number.big().unwrap_or_default()
        }
        _ => {
            return Err(errors::expecting(
                "exact-integer-sqrt",
                1,
                "exact non-negative integer",
                &args[0],
            ));
        }
    };
    let root = number.sqrt();
    let rest = number - &root * &root;
    Ok(records::values(vec![
        integer_value(root),
        integer_value(rest),
    ]))
}

/// BASE to the power of an exact integer.
fn power(base: &Value, exponent: &BigInt) -> Outcome {
    let base_number = want("expt", 1, base)?;
    if exponent.is_zero() {
        return Ok(Value::IntV(1));
    }
    if exponent.is_negative() {
        if base_number.is_zero() {
            return Ok(Value::NumV(f64::NAN));
        }
        if let Real(number) = base_number {
            return Ok(Value::NumV(float_power(number.recip(), &-exponent)));
        }
        return divide(&Value::IntV(1), &power(base, &-exponent)?);
    }
    match &base_number {
        Fix(0) | Fix(1) => return Ok(base.clone()),
        Fix(-1) => return Ok(Value::IntV(if exponent.is_odd() { -1 } else { 1 })),
        Real(number) => return Ok(Value::NumV(float_power(*number, exponent))),
        _ => {}
    }
    let Some(exponent) = exponent.to_u32() else {
        return Err(memory::exhausted());
    };
    Ok(match base_number {
        Complex(..) => {
            let mut result = (1.0, 0.0);
            let mut square = base_number.complex();
            let mut rest = exponent;
            while rest > 0 {
                if rest & 1 == 1 {
                    result = c_mul(result, square);
                }
                square = c_mul(square, square);
                rest >>= 1;
            }
            complex_value(result.0, result.1)
        }
        Ratio(ratio) => ratio_value(BigRational::new_raw(
            Pow::pow(ratio.numer(), exponent),
            Pow::pow(ratio.denom(), exponent),
        )),
        other => {
            let base = other.big().unwrap_or_default();
            // Beyond this a result would not fit the memory of a usual machine.
            if base.bits().saturating_mul(u64::from(exponent)) > 1 << 34 {
                return Err(memory::exhausted());
            }
            integer_value(Pow::pow(base, exponent))
        }
    })
}

/// NUMBER to the power of EXPONENT, which is positive, multiplied in Guile's
/// order so that the last digit is Guile's too.
fn float_power(number: f64, exponent: &BigInt) -> f64 {
    let (mut result, mut square) = (1.0, number);
    for bit in 0..exponent.bits() {
        if exponent.bit(bit) {
            result *= square;
        }
        square *= square;
    }
    result
}

fn expt(args: &[Value]) -> Outcome {
    let base = want("expt", 1, &args[0])?;
    let exponent = want("expt", 2, &args[1])?;
    match &exponent {
        Fix(_) | Big(_) => return power(&args[0], &exponent.big().unwrap_or_default()),
        Real(x) if *x == 0.0 => return Ok(Value::NumV(1.0)),
        Real(x) if exponent.is_integer() && x.abs() < 1e15 && !base.is_exact() => {
            return power(&args[0], &exponent.big().unwrap_or_default());
        }
        _ => {}
    }
    if base.is_exact() && base.is_zero() && exponent.is_negative() {
        return Ok(Value::NumV(f64::NAN));
    }
    if let (Some(b), Some(e)) = (base.float(), exponent.float())
        && (b >= 0.0 || exponent.is_integer())
    {
        return Ok(Value::NumV(b.powf(e)));
    }
    if base.is_exact() && base.is_zero() {
        return Err(errors::overflow("log"));
    }
    let (re, im) = complex_exp(c_mul(complex_log(base.complex()), exponent.complex()));
    Ok(complex_value(re, im))
}

fn integer_expt(args: &[Value]) -> Outcome {
    let exponent = want_integer("integer-expt", 2, &args[1])?;
    power(&args[0], &exponent.big().unwrap_or_default())
}

fn modulo_expt(args: &[Value]) -> Outcome {
    let base = want_exact_integer("modulo-expt", 1, &args[0])?;
    let exponent = want_exact_integer("modulo-expt", 2, &args[1])?;
    let modulus = want_exact_integer("modulo-expt", 3, &args[2])?;
    if modulus.is_zero() {
        return Err(errors::overflow("modulo-expt"));
    }
    if exponent.is_negative() {
        let base = base
            .modinv(&modulus)
            .ok_or_else(|| errors::overflow("modulo-expt"))?;
        return Ok(integer_value(base.modpow(&-exponent, &modulus)));
    }
    Ok(integer_value(base.modpow(&exponent, &modulus)))
}

fn nth_root(args: &[Value]) -> Outcome {
    let number = want_exact_integer("%integer-root", 1, &args[0])?;
    let degree = size("%integer-root", args, 2)?;
    Ok(integer_value(number.nth_root(degree as u32)))
}

natives! {
    /// (sqrt z) -> the principal square root, exact where there is one
    "sqrt" (1) => sqrt,
    /// (exact-integer-sqrt n) -> two values: the root and what remains
    "exact-integer-sqrt" (1) with several => exact_integer_sqrt,
    /// (%integer-root n degree) -> the largest integer whose power is not above N
    "%integer-root" (2) => nth_root,
    /// (expt z1 z2) -> Z1 to the power of Z2
    "expt" (2) => expt,
    /// (integer-expt z n) -> Z to the power of an integer
    "integer-expt" (2) => integer_expt,
    /// (modulo-expt n k m) -> N to the power of K, modulo M
    "modulo-expt" (3) => modulo_expt,
}
