//! Exponential, logarithm, trigonometric and hyperbolic functions.
//!
//! Source: GNU Guile reference manual, "Scientific Functions"; R7RS, section 6.2.

use super::Number::{Big, Complex, Fix, Ratio, Real};
use super::complexes::{
    c_acos, c_acosh, c_asin, c_asinh, c_atan, c_atanh, c_cos, c_cosh, c_div, c_sin, c_sinh,
    complex_exp, complex_log,
};
use super::rationals::ratio_to_f64;
use super::{Number, complex_value, want, want_real};
use crate::data::errors;
use crate::data::native::Outcome;
use crate::data::value::Value;
use crate::natives;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive};

fn exp(args: &[Value]) -> Outcome {
    Ok(match want("exp", 1, &args[0])? {
        Complex(re, im) => {
            let (re, im) = complex_exp((re, im));
            complex_value(re, im)
        }
        number => Value::NumV(number.float().unwrap_or(f64::INFINITY).exp()),
    })
}

/// The natural logarithm of the size of NUMBER, which may be too large or too
/// small for a float.
fn log_of_size(number: &Number) -> f64 {
    fn of_integer(number: &BigInt) -> f64 {
        // A float holds what has so many bits; of others, the first ones count.
        let shift = match number.bits() {
            bits if bits < 1022 => 0,
            bits => bits - 106,
        };
        let top = (number.abs() >> shift).to_f64().unwrap_or(f64::NAN);
        top.ln() + shift as f64 * std::f64::consts::LN_2
    }
    match number {
        Big(number) => of_integer(number),
        Ratio(ratio) => {
            let (numerator, denominator) = (ratio.numer().abs(), ratio.denom());
            if numerator.bits().abs_diff(denominator.bits()) > 1 {
                of_integer(&numerator) - of_integer(denominator)
            } else {
                // Near one, how far it is from one says more.
                let away = BigRational::new(&numerator - denominator, denominator.clone());
                ratio_to_f64(&away).ln_1p()
            }
        }
        other => other.float().unwrap_or(f64::NAN).abs().ln(),
    }
}

/// Whether the logarithm of NUMBER is complex.
fn is_below_zero(number: &Number) -> bool {
    match number {
        Real(number) => number.is_sign_negative() && !number.is_nan(),
        other => other.is_negative(),
    }
}

fn log(args: &[Value]) -> Outcome {
    let number = want("log", 1, &args[0])?;
    if number.is_exact() && number.is_zero() {
        return Err(errors::overflow("log"));
    }
    Ok(match &number {
        Complex(..) => {
            let (re, im) = complex_log(number.complex());
            complex_value(re, im)
        }
        other if is_below_zero(other) => complex_value(log_of_size(other), std::f64::consts::PI),
        other => Value::NumV(log_of_size(other)),
    })
}

fn log10(args: &[Value]) -> Outcome {
    let number = want("log10", 1, &args[0])?;
    if number.is_exact() && number.is_zero() {
        return Err(errors::overflow("log10"));
    }
    let log10_e = std::f64::consts::LOG10_E;
    Ok(match &number {
        Complex(..) => {
            let (re, im) = complex_log(number.complex());
            complex_value(re * log10_e, im * log10_e)
        }
        other => {
            let size = match other {
                Fix(_) | Real(_) => other.float().unwrap_or(f64::NAN).abs().log10(),
                _ => log_of_size(other) * log10_e,
            };
            match is_below_zero(other) {
                true => complex_value(size, std::f64::consts::PI * log10_e),
                false => Value::NumV(size),
            }
        }
    })
}

macro_rules! elementary {
    ($($function:ident $name:literal $zero:expr, $real:expr, $complex:expr;)*) => {
        $( fn $function(args: &[Value]) -> Outcome {
            let number = want($name, 1, &args[0])?;
            // An exact argument with an exact result stays exact.
            if let (Fix(0), Some(result)) = (&number, $zero) {
                return Ok(Value::IntV(result));
            }
            let complex: fn((f64, f64)) -> (f64, f64) = $complex;
            let real: fn(f64) -> Option<f64> = $real;
            if let Some(x) = number.float()
                && let Some(result) = real(x)
            {
                return Ok(Value::NumV(result));
            }
            let (re, im) = complex(number.complex());
            Ok(complex_value(re, im))
        } )*
    };
}

elementary! {
    sin "sin" Some(0), |x| Some(x.sin()), c_sin;
    cos "cos" Some(1), |x| Some(x.cos()), c_cos;
    tan "tan" Some(0), |x| Some(x.tan()), |z| c_div(c_sin(z), c_cos(z));
    sinh "sinh" Some(0), |x| Some(x.sinh()), c_sinh;
    cosh "cosh" Some(1), |x| Some(x.cosh()), c_cosh;
    tanh "tanh" Some(0), |x| Some(x.tanh()), |z| c_div(c_sinh(z), c_cosh(z));
    asin "asin" Some(0), |x| (x.abs() <= 1.0).then(|| x.asin()), c_asin;
    acos_inexact "acos" None::<isize>, |x| (x.abs() <= 1.0).then(|| x.acos()), c_acos;
    atan_one "atan" Some(0), |x| Some(x.atan()), c_atan;
    asinh "asinh" Some(0), |x| Some(x.asinh()), c_asinh;
    acosh_inexact "acosh" None::<isize>, |x| (x >= 1.0).then(|| x.acosh()), c_acosh;
    atanh "atanh" Some(0), |x| (x.abs() <= 1.0).then(|| x.atanh()), c_atanh;
}

fn acos(args: &[Value]) -> Outcome {
    match args[0] {
        Value::IntV(1) => Ok(Value::IntV(0)),
        _ => acos_inexact(args),
    }
}

fn acosh(args: &[Value]) -> Outcome {
    match args[0] {
        Value::IntV(1) => Ok(Value::IntV(0)),
        _ => acosh_inexact(args),
    }
}

fn atan(args: &[Value]) -> Outcome {
    let [y, x] = args else {
        return atan_one(args);
    };
    let (y, x) = (want_real("atan", 1, y)?, want_real("atan", 2, x)?);
    Ok(Value::NumV(
        y.float()
            .unwrap_or(f64::NAN)
            .atan2(x.float().unwrap_or(f64::NAN)),
    ))
}

natives! {
    /// (exp z) -> e to the power of Z
    "exp" (1) => exp,
    /// (log z) -> the natural logarithm
    "log" (1) => log,
    /// (log10 z) -> the logarithm to base 10
    "log10" (1) => log10,
    /// (sin z) -> the sine of Z
    "sin" (1) => sin,
    /// (cos z) -> the cosine of Z
    "cos" (1) => cos,
    /// (tan z) -> the tangent of Z
    "tan" (1) => tan,
    /// (sinh z) -> the hyperbolic sine of Z
    "sinh" (1) => sinh,
    /// (cosh z) -> the hyperbolic cosine of Z
    "cosh" (1) => cosh,
    /// (tanh z) -> the hyperbolic tangent of Z
    "tanh" (1) => tanh,
    /// (asin z) -> the inverse sine of Z
    "asin" (1) => asin,
    /// (acos z) -> the inverse cosine of Z
    "acos" (1) => acos,
    /// (atan y [x]) -> the inverse tangent of Y, or of Y / X in the right quadrant
    "atan" (1, 1) => atan,
    /// (asinh z) -> the inverse hyperbolic sine of Z
    "asinh" (1) => asinh,
    /// (acosh z) -> the inverse hyperbolic cosine of Z
    "acosh" (1) => acosh,
    /// (atanh z) -> the inverse hyperbolic tangent of Z
    "atanh" (1) => atanh,
}
