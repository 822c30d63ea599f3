//! The numeric tower: fixnums, big integers, exact rationals, floats and inexact complexes.
//!
//! Here is what a number is and how it comes out of its value; each file beside this
//! one holds a chapter of what can be done with it.
//!
//! Source: GNU Guile reference manual, "Numerical data types"; R7RS, section 6.2.

mod arithmetic;
mod bits;
mod comparison;
mod complexes;
mod division;
mod elementary;
mod notation;
mod powers;
mod rationals;

use crate::data::errors;
use crate::data::native::{Native, Raise};
use crate::data::value::Value;
use Number::{Big, Complex, Fix, Ratio, Real};
pub use arithmetic::{add, divide, multiply, subtract};
pub use comparison::{compare, equal};
use complexes::C;
pub use notation::{float_text, text};
use num_bigint::BigInt;
use num_rational::{BigRational, Rational32};
use num_traits::{FromPrimitive, Signed, ToPrimitive};
use rationals::ratio_to_f64;
use steel::gc::Gc;
use steel::rvals::SteelComplex;

/// A number taken out of its value.
#[derive(Clone, Debug)]
pub enum Number {
    Fix(isize),
    Big(BigInt),
    Ratio(BigRational),
    Real(f64),
    Complex(f64, f64),
}

/// The number that VALUE is.
pub fn number(value: &Value) -> Option<Number> {
    Some(match value {
        Value::IntV(number) => Fix(*number),
        Value::NumV(number) => Real(*number),
        Value::BigNum(number) => Big(number.unwrap()),
        Value::Rational(number) => Ratio(BigRational::new_raw(
            BigInt::from(*number.numer()),
            BigInt::from(*number.denom()),
        )),
        Value::BigRational(number) => Ratio(number.unwrap()),
        Value::Complex(number) => Complex(
            to_f64(&number.re).unwrap_or(0.0),
            to_f64(&number.im).unwrap_or(0.0),
        ),
        _ => return None,
    })
}

/// Whether VALUE is a number.
pub fn is_number(value: &Value) -> bool {
    matches!(
        value,
        Value::IntV(_)
            | Value::NumV(_)
            | Value::BigNum(_)
            | Value::Rational(_)
            | Value::BigRational(_)
            | Value::Complex(_)
    )
}

/// Whether VALUE is an integer, exact or not.
pub fn is_integer(value: &Value) -> bool {
    number(value).is_some_and(|number| number.is_integer())
}

/// An exact integer as a value.
pub fn integer_value(number: BigInt) -> Value {
    match number.to_isize() {
        Some(small) => Value::IntV(small),
        None => Value::BigNum(Gc::new(number)),
    }
}

/// An exact rational as a value.
pub fn ratio_value(number: BigRational) -> Value {
    if number.is_integer() {
        return integer_value(number.to_integer());
    }
    match (number.numer().to_i32(), number.denom().to_i32()) {
        (Some(numerator), Some(denominator)) => {
            Value::Rational(Rational32::new_raw(numerator, denominator))
        }
        _ => Value::BigRational(Gc::new(number)),
    }
}

/// A complex number, also when its imaginary part is zero.
pub fn complex_value(re: f64, im: f64) -> Value {
    Value::Complex(Gc::new(SteelComplex::new(Value::NumV(re), Value::NumV(im))))
}

impl From<Number> for Value {
    fn from(number: Number) -> Value {
        match number {
            Fix(number) => Value::IntV(number),
            Big(number) => integer_value(number),
            Ratio(number) => ratio_value(number),
            Real(number) => Value::NumV(number),
            Complex(re, im) => complex_value(re, im),
        }
    }
}

/// Real and imaginary part of a complex number.
pub fn complex_parts(value: &Value) -> Option<(Value, Value)> {
    match value {
        Value::Complex(number) => Some((number.re.clone(), number.im.clone())),
        _ => None,
    }
}

/// VALUE as a float.
pub fn to_f64(value: &Value) -> Option<f64> {
    match value {
        Value::IntV(number) => Some(*number as f64),
        Value::NumV(number) => Some(*number),
        other => number(other).and_then(|number| number.float()),
    }
}

impl Number {
    pub fn float(&self) -> Option<f64> {
        match self {
            Fix(number) => Some(*number as f64),
            Big(number) => number.to_f64(),
            Ratio(number) => Some(ratio_to_f64(number)),
            Real(number) => Some(*number),
            Complex(..) => None,
        }
    }

    fn parts(&self) -> Parts {
        match self {
            Complex(re, im) => (*re, Some(*im)),
            other => (other.float().unwrap_or(f64::NAN), None),
        }
    }

    fn complex(&self) -> (f64, f64) {
        match self {
            Complex(re, im) => (*re, *im),
            other => (other.float().unwrap_or(f64::NAN), 0.0),
        }
    }

    fn big(&self) -> Option<BigInt> {
        match self {
            Fix(number) => Some(BigInt::from(*number)),
            Big(number) => Some(number.clone()),
            Ratio(number) if number.is_integer() => Some(number.to_integer()),
            Real(number) if number.is_finite() && number.fract() == 0.0 => {
                BigInt::from_f64(*number)
            }
            _ => None,
        }
    }

    fn ratio(&self) -> Option<BigRational> {
        match self {
            Ratio(number) => Some(number.clone()),
            Fix(number) => Some(BigRational::from_integer(BigInt::from(*number))),
            Big(number) => Some(BigRational::from_integer(number.clone())),
            Real(number) => BigRational::from_float(*number),
            Complex(..) => None,
        }
    }

    fn is_exact(&self) -> bool {
        matches!(self, Fix(_) | Big(_) | Ratio(_))
    }

    fn is_integer(&self) -> bool {
        match self {
            Fix(_) | Big(_) => true,
            Ratio(_) | Complex(..) => false,
            Real(number) => number.is_finite() && number.fract() == 0.0,
        }
    }

    fn is_zero(&self) -> bool {
        match self {
            Fix(number) => *number == 0,
            Real(number) => *number == 0.0,
            Complex(re, im) => *re == 0.0 && *im == 0.0,
            _ => false,
        }
    }

    fn is_negative(&self) -> bool {
        match self {
            Fix(number) => *number < 0,
            Big(number) => number.is_negative(),
            Ratio(number) => number.is_negative(),
            Real(number) => *number < 0.0,
            Complex(..) => false,
        }
    }
}

fn want(procedure: &str, position: usize, value: &Value) -> Result<Number, Raise> {
    number(value).ok_or_else(|| errors::wrong_type(procedure, position, value))
}

fn want_real(procedure: &str, position: usize, value: &Value) -> Result<Number, Raise> {
    match number(value) {
        None | Some(Complex(..)) => Err(errors::wrong_type(procedure, position, value)),
        Some(number) => Ok(number),
    }
}

fn want_integer(procedure: &str, position: usize, value: &Value) -> Result<Number, Raise> {
    let number = want(procedure, position, value)?;
    if number.is_integer() {
        Ok(number)
    } else {
        Err(errors::wrong_type(procedure, position, value))
    }
}

fn want_exact_integer(procedure: &str, position: usize, value: &Value) -> Result<BigInt, Raise> {
    match number(value) {
        Some(Fix(number)) => Ok(BigInt::from(number)),
        Some(Big(number)) => Ok(number),
        _ => Err(errors::wrong_type(procedure, position, value)),
    }
}

/// The real part, and the imaginary one where there is any: a number without one is not
/// the number with a zero there, which has a sign and makes no number of an infinity.
type Parts = (f64, Option<f64>);

/// The parts of what is MAGNITUDE away from zero, at ANGLE radians; zero is at no angle.
pub fn polar(magnitude: f64, angle: f64) -> (f64, f64) {
    let (sine, cosine) = angle.sin_cos();
    if magnitude == 0.0 && cosine.is_nan() {
        return (0.0, 0.0);
    }
    (magnitude * cosine, magnitude * sine)
}

/// The same for an A without an imaginary part.
fn real_over_complex(a: f64, b: C) -> C {
    if b.0.abs() <= b.1.abs() {
        let ratio = b.0 / b.1;
        let norm = b.1 * (1.0 + ratio * ratio);
        (a * ratio / norm, -a / norm)
    } else {
        let ratio = b.1 / b.0;
        let norm = b.0 * (1.0 + ratio * ratio);
        (a / norm, -a * ratio / norm)
    }
}

/// Its natives, list by list.
pub fn natives() -> Vec<&'static [Native]> {
    vec![
        arithmetic::NATIVES,
        comparison::NATIVES,
        division::NATIVES,
        rationals::NATIVES,
        complexes::NATIVES,
        elementary::NATIVES,
        powers::NATIVES,
        bits::NATIVES,
        notation::NATIVES,
    ]
}
