//! Complex numbers: their parts, and the functions of analysis on pairs of floats.
//!
//! Source: GNU Guile reference manual, "Complex Number Operations"; R7RS, section 6.2.

use super::Number::{Complex, Real};
use super::arithmetic::absolute;
use super::{complex_value, polar, want, want_real};
use crate::data::native::Outcome;
use crate::data::value::Value;
use crate::natives;

fn magnitude(args: &[Value]) -> Outcome {
    match want("magnitude", 1, &args[0])? {
        Complex(re, im) => Ok(Value::NumV(re.hypot(im))),
        _ => absolute("magnitude", &args[0]),
    }
}

fn angle(args: &[Value]) -> Outcome {
    Ok(match want("angle", 1, &args[0])? {
        Complex(re, im) => Value::NumV(im.atan2(re)),
        Real(number) => Value::NumV(0f64.atan2(number)),
        number if number.is_negative() => Value::NumV(std::f64::consts::PI),
        _ => Value::NumV(0.0),
    })
}

fn real_part(args: &[Value]) -> Outcome {
    Ok(match want("real-part", 1, &args[0])? {
        Complex(re, _) => Value::NumV(re),
        _ => args[0].clone(),
    })
}

fn imag_part(args: &[Value]) -> Outcome {
    Ok(match want("imag-part", 1, &args[0])? {
        Complex(_, im) => Value::NumV(im),
        _ => Value::IntV(0),
    })
}

fn make_rectangular(args: &[Value]) -> Outcome {
    let re = want_real("make-rectangular", 1, &args[0])?;
    let im = want_real("make-rectangular", 2, &args[1])?;
    if im.is_exact() && im.is_zero() {
        return Ok(args[0].clone());
    }
    Ok(complex_value(
        re.float().unwrap_or(f64::NAN),
        im.float().unwrap_or(f64::NAN),
    ))
}

fn make_polar(args: &[Value]) -> Outcome {
    let magnitude = want_real("make-polar", 1, &args[0])?;
    let angle = want_real("make-polar", 2, &args[1])?;
    if angle.is_exact() && angle.is_zero() || magnitude.is_exact() && magnitude.is_zero() {
        return Ok(args[0].clone());
    }
    let (magnitude, angle) = (
        magnitude.float().unwrap_or(f64::NAN),
        angle.float().unwrap_or(f64::NAN),
    );
    let (re, im) = polar(magnitude, angle);
    Ok(complex_value(re, im))
}

pub(super) fn complex_log((re, im): (f64, f64)) -> (f64, f64) {
    (re.hypot(im).ln(), im.atan2(re))
}

pub(super) fn complex_exp((re, im): (f64, f64)) -> (f64, f64) {
    (re.exp() * im.cos(), re.exp() * im.sin())
}

pub(super) fn complex_sqrt((re, im): (f64, f64)) -> (f64, f64) {
    let size = re.hypot(im);
    let root = ((size + re) / 2.0).max(0.0).sqrt();
    let imaginary = ((size - re) / 2.0).max(0.0).sqrt();
    (root, if im < 0.0 { -imaginary } else { imaginary })
}

pub(super) type C = (f64, f64);

pub(super) fn c_mul(a: C, b: C) -> C {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

fn c_add(a: C, b: C) -> C {
    (a.0 + b.0, a.1 + b.1)
}

fn c_sub(a: C, b: C) -> C {
    (a.0 - b.0, a.1 - b.1)
}

/// A / B by Smith's method, which does not overflow where the quotient does not.
pub(super) fn c_div(a: C, b: C) -> C {
    if b.0.abs() <= b.1.abs() {
        let ratio = b.0 / b.1;
        let norm = b.1 * (1.0 + ratio * ratio);
        ((a.0 * ratio + a.1) / norm, (a.1 * ratio - a.0) / norm)
    } else {
        let ratio = b.1 / b.0;
        let norm = b.0 * (1.0 + ratio * ratio);
        ((a.0 + a.1 * ratio) / norm, (a.1 - a.0 * ratio) / norm)
    }
}

const I: C = (0.0, 1.0);

pub(super) fn c_sin(z: C) -> C {
    (z.0.sin() * z.1.cosh(), z.0.cos() * z.1.sinh())
}

pub(super) fn c_cos(z: C) -> C {
    (z.0.cos() * z.1.cosh(), -(z.0.sin() * z.1.sinh()))
}

pub(super) fn c_sinh(z: C) -> C {
    (z.0.sinh() * z.1.cos(), z.0.cosh() * z.1.sin())
}

pub(super) fn c_cosh(z: C) -> C {
    (z.0.cosh() * z.1.cos(), z.0.sinh() * z.1.sin())
}

pub(super) fn c_asin(z: C) -> C {
    // -i log(iz + sqrt(1 - z^2))
    let root = complex_sqrt(c_sub((1.0, 0.0), c_mul(z, z)));
    let (re, im) = complex_log(c_add(c_mul(I, z), root));
    (im, -re)
}

pub(super) fn c_acos(z: C) -> C {
    c_sub((std::f64::consts::FRAC_PI_2, 0.0), c_asin(z))
}

pub(super) fn c_atan(z: C) -> C {
    let (re, im) = c_mul(
        (0.0, 0.5),
        c_sub(
            complex_log(c_sub((1.0, 0.0), c_mul(I, z))),
            complex_log(c_add((1.0, 0.0), c_mul(I, z))),
        ),
    );
    (re, im)
}

pub(super) fn c_asinh(z: C) -> C {
    complex_log(c_add(z, complex_sqrt(c_add(c_mul(z, z), (1.0, 0.0)))))
}

pub(super) fn c_acosh(z: C) -> C {
    complex_log(c_add(
        z,
        c_mul(
            complex_sqrt(c_add(z, (1.0, 0.0))),
            complex_sqrt(c_sub(z, (1.0, 0.0))),
        ),
    ))
}

pub(super) fn c_atanh(z: C) -> C {
    c_mul(
        (0.5, 0.0),
        c_sub(
            complex_log(c_add((1.0, 0.0), z)),
            complex_log(c_sub((1.0, 0.0), z)),
        ),
    )
}

natives! {
    /// (magnitude number) -> the distance from zero
    "magnitude" (1) => magnitude,
    /// (angle number) -> the angle from the positive reals, in radians
    "angle" (1) => angle,
    /// (real-part number) -> the real part
    "real-part" (1) => real_part,
    /// (imag-part number) -> the imaginary part
    "imag-part" (1) => imag_part,
    /// (make-rectangular real imaginary) -> the complex number of these parts
    "make-rectangular" (2) => make_rectangular,
    /// (make-polar magnitude angle) -> the complex number at ANGLE radians
    "make-polar" (2) => make_polar,
}
