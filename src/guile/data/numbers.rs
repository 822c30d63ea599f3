//! The numeric tower: fixnums, big integers, exact rationals, floats and inexact complexes.
//!
//! Source: GNU Guile reference manual, "Numerical data types"; R7RS, section 6.2.

use crate::data::args::{self, boolean, size};
use crate::data::native::{Outcome, Raise};
use crate::data::value::Value;
use crate::data::{errors, memory, number_syntax, records, strings};
use crate::natives;
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::{BigRational, Rational32};
use num_traits::{FromPrimitive, One, Pow, Signed, ToPrimitive, Zero};
use std::cmp::Ordering;
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

use Number::{Big, Complex, Fix, Ratio, Real};

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

/// The float nearest to NUMBER, correctly rounded.
fn ratio_to_f64(number: &BigRational) -> f64 {
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
fn scale(mut number: f64, mut exponent: i64) -> f64 {
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

fn one_plus(args: &[Value]) -> Outcome {
    add(&args[0], &Value::IntV(1))
}
fn one_minus(args: &[Value]) -> Outcome {
    subtract(&args[0], &Value::IntV(1))
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

/// The ways of rounding a quotient.
#[derive(Clone, Copy, PartialEq)]
enum Rounding {
    Truncate,
    Floor,
    Ceiling,
    Round,
    Euclidean,
    Centered,
}

/// Quotient and remainder of two big integers.
fn divide_integers(a: &BigInt, b: &BigInt, rounding: Rounding) -> (BigInt, BigInt) {
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

fn abs(args: &[Value]) -> Outcome {
    absolute("abs", &args[0])
}

fn absolute(procedure: &str, value: &Value) -> Outcome {
    Ok(match want_real(procedure, 1, value)? {
        Real(number) => Value::NumV(number.abs()),
        number if number.is_negative() => return subtract(&Value::IntV(0), value),
        _ => value.clone(),
    })
}

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

/// The parts of what is MAGNITUDE away from zero, at ANGLE radians; zero is at no angle.
pub fn polar(magnitude: f64, angle: f64) -> (f64, f64) {
    let (sine, cosine) = angle.sin_cos();
    if magnitude == 0.0 && cosine.is_nan() {
        return (0.0, 0.0);
    }
    (magnitude * cosine, magnitude * sine)
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

// Elementary functions.

fn complex_log((re, im): (f64, f64)) -> (f64, f64) {
    (re.hypot(im).ln(), im.atan2(re))
}

fn complex_exp((re, im): (f64, f64)) -> (f64, f64) {
    (re.exp() * im.cos(), re.exp() * im.sin())
}

fn complex_sqrt((re, im): (f64, f64)) -> (f64, f64) {
    let size = re.hypot(im);
    let root = ((size + re) / 2.0).max(0.0).sqrt();
    let imaginary = ((size - re) / 2.0).max(0.0).sqrt();
    (root, if im < 0.0 { -imaginary } else { imaginary })
}

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

type C = (f64, f64);

fn c_mul(a: C, b: C) -> C {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}
fn c_add(a: C, b: C) -> C {
    (a.0 + b.0, a.1 + b.1)
}
fn c_sub(a: C, b: C) -> C {
    (a.0 - b.0, a.1 - b.1)
}
/// A / B by Smith's method, which does not overflow where the quotient does not.
fn c_div(a: C, b: C) -> C {
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
const I: C = (0.0, 1.0);

fn c_sin(z: C) -> C {
    (z.0.sin() * z.1.cosh(), z.0.cos() * z.1.sinh())
}
fn c_cos(z: C) -> C {
    (z.0.cos() * z.1.cosh(), -(z.0.sin() * z.1.sinh()))
}
fn c_sinh(z: C) -> C {
    (z.0.sinh() * z.1.cos(), z.0.cosh() * z.1.sin())
}
fn c_cosh(z: C) -> C {
    (z.0.cosh() * z.1.cos(), z.0.sinh() * z.1.sin())
}
fn c_asin(z: C) -> C {
    // -i log(iz + sqrt(1 - z^2))
    let root = complex_sqrt(c_sub((1.0, 0.0), c_mul(z, z)));
    let (re, im) = complex_log(c_add(c_mul(I, z), root));
    (im, -re)
}
fn c_acos(z: C) -> C {
    c_sub((std::f64::consts::FRAC_PI_2, 0.0), c_asin(z))
}
fn c_atan(z: C) -> C {
    let (re, im) = c_mul(
        (0.0, 0.5),
        c_sub(
            complex_log(c_sub((1.0, 0.0), c_mul(I, z))),
            complex_log(c_add((1.0, 0.0), c_mul(I, z))),
        ),
    );
    (re, im)
}
fn c_asinh(z: C) -> C {
    complex_log(c_add(z, complex_sqrt(c_add(c_mul(z, z), (1.0, 0.0)))))
}
fn c_acosh(z: C) -> C {
    complex_log(c_add(
        z,
        c_mul(
            complex_sqrt(c_add(z, (1.0, 0.0))),
            complex_sqrt(c_sub(z, (1.0, 0.0))),
        ),
    ))
}
fn c_atanh(z: C) -> C {
    c_mul(
        (0.5, 0.0),
        c_sub(
            complex_log(c_add((1.0, 0.0), z)),
            complex_log(c_sub((1.0, 0.0), z)),
        ),
    )
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

// Bits.

fn ash(args: &[Value]) -> Outcome {
    shift("ash", args, |number, count| number >> count)
}

fn round_ash(args: &[Value]) -> Outcome {
    shift("round-ash", args, |number, count| {
        let divisor = BigInt::one() << count;
        divide_integers(&number, &divisor, Rounding::Round).0
    })
}

fn shift(procedure: &str, args: &[Value], right: fn(BigInt, u64) -> BigInt) -> Outcome {
    if let (Value::IntV(number), Value::IntV(count)) = (&args[0], &args[1])
        && *count >= 0
        && *count < 62
        && number.unsigned_abs() < (1usize << (62 - count))
    {
        return Ok(Value::IntV(number << count));
    }
    let number = want_exact_integer(procedure, 1, &args[0])?;
    let count = match &args[1] {
        Value::IntV(count) => *count,
        Value::BigNum(count) if count.is_negative() => isize::MIN,
        Value::BigNum(_) => isize::MAX,
        other => return Err(errors::wrong_type(procedure, 2, other)),
    };
    if number.is_zero() {
        return Ok(Value::IntV(0));
    }
    if count >= 0 {
        if count > 1 << 34 {
            return Err(errors::overflow(procedure));
        }
        Ok(integer_value(number << count as u64))
    } else {
        let count = count.unsigned_abs() as u64;
        if count > number.bits() + 1 {
            let floor = if number.is_negative() && procedure == "ash" {
                -1
            } else {
                0
            };
            return Ok(Value::IntV(floor));
        }
        Ok(integer_value(right(number, count)))
    }
}

fn bitwise(
    procedure: &str,
    args: &[Value],
    start: isize,
    fix: fn(isize, isize) -> isize,
    big: fn(BigInt, BigInt) -> BigInt,
) -> Outcome {
    let mut result = Value::IntV(start);
    for (index, item) in args.iter().enumerate() {
        result = match (&result, item) {
            (Value::IntV(a), Value::IntV(b)) => Value::IntV(fix(*a, *b)),
            _ => integer_value(big(
                want_exact_integer(procedure, 1, &result)?,
                want_exact_integer(procedure, index + 1, item)?,
            )),
        };
    }
    Ok(result)
}

fn logand(args: &[Value]) -> Outcome {
    bitwise("logand", args, -1, |a, b| a & b, |a, b| a & b)
}
fn logior(args: &[Value]) -> Outcome {
    bitwise("logior", args, 0, |a, b| a | b, |a, b| a | b)
}
fn logxor(args: &[Value]) -> Outcome {
    bitwise("logxor", args, 0, |a, b| a ^ b, |a, b| a ^ b)
}

fn lognot(args: &[Value]) -> Outcome {
    match &args[0] {
        Value::IntV(number) => Ok(Value::IntV(!number)),
        other => Ok(integer_value(!want_exact_integer("lognot", 1, other)?)),
    }
}

fn logtest(args: &[Value]) -> Outcome {
    let both =
        want_exact_integer("logtest", 1, &args[0])? & want_exact_integer("logtest", 2, &args[1])?;
    Ok(boolean(!both.is_zero()))
}

fn logbit(args: &[Value]) -> Outcome {
    let index = size("logbit?", args, 1)?;
    let number = want_exact_integer("logbit?", 2, &args[1])?;
    let bit = if index as u64 > number.bits() {
        number.is_negative()
    } else {
        ((number >> index) & BigInt::one()).is_one()
    };
    Ok(boolean(bit))
}

fn count_ones(number: &BigInt) -> u64 {
    let positive = if number.is_negative() {
        !number.clone()
    } else {
        number.clone()
    };
    positive
        .iter_u64_digits()
        .map(|digit| u64::from(digit.count_ones()))
        .sum()
}

fn logcount(args: &[Value]) -> Outcome {
    Ok(Value::IntV(
        count_ones(&want_exact_integer("logcount", 1, &args[0])?) as isize,
    ))
}

fn integer_length(args: &[Value]) -> Outcome {
    let number = want_exact_integer("integer-length", 1, &args[0])?;
    let positive = if number.is_negative() {
        !number
    } else {
        number
    };
    Ok(Value::IntV(positive.bits() as isize))
}

fn bit_extract(args: &[Value]) -> Outcome {
    let number = want_exact_integer("bit-extract", 1, &args[0])?;
    let (start, end) = (size("bit-extract", args, 2)?, size("bit-extract", args, 3)?);
    if end < start {
        return Err(errors::out_of_range("bit-extract", 3, &args[2]));
    }
    // No more bits can be set than the number has, unless it goes on with ones.
    let kept = match number.is_negative() {
        true => end - start,
        false => (end - start).min(number.bits() as usize),
    };
    memory::claim(kept / 8, 1)?;
    let mask = (BigInt::one() << kept) - 1;
    Ok(integer_value((number >> start) & mask))
}

// Text.

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A float as Guile prints it: the fewest digits that read back as the same number.
pub fn float_text(number: f64) -> String {
    float_text_radix(number, 10)
}

/// The same in RADIX, which the exponent is written in as well.
fn float_text_radix(number: f64, radix: u32) -> String {
    if number.is_nan() {
        return "+nan.0".to_owned();
    }
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if number.is_infinite() {
        return if number > 0.0 { "+inf.0" } else { "-inf.0" }.to_owned();
    }
    if number == 0.0 {
        return format!("{sign}0.0");
    }
    let (digits, exponent) = match radix {
        10 => decimal_digits(number.abs()),
        _ => shortest_digits(number.abs(), radix),
    };
    let zeros = exponent - digits.len() as i32 + 1;
    if exponent >= 0 && (exponent < 7 || zeros <= 3) && exponent <= 20 {
        if zeros >= 0 {
            format!("{sign}{digits}{}.0", "0".repeat(zeros as usize))
        } else {
            let (whole, rest) = digits.split_at(exponent as usize + 1);
            format!("{sign}{whole}.{rest}")
        }
    } else if (-3..0).contains(&exponent) {
        format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize))
    } else {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        let exponent = BigInt::from(exponent).to_str_radix(radix);
        format!("{sign}{first}.{rest}e{exponent}")
    }
}

/// The fewest decimal digits that read back as NUMBER, positive and finite, and
/// the exponent of the first.
fn decimal_digits(number: f64) -> (String, i32) {
    let mut scientific = format!("{number:e}");
    // Only here lies a number half-way between two texts that both are short
    // enough; Guile's choice is the even one.
    if (2f64.powi(50)..2f64.powi(51)).contains(&number) && number.fract() == 0.25 {
        scientific = format!("{number:.16e}");
    }
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("the format {:e} always has an exponent");
    (
        mantissa.chars().filter(|c| *c != '.').collect(),
        exponent.parse().expect("an exponent is a number"),
    )
}

/// The same in any RADIX.
///
/// Source: Burger and Dybvig, "Printing Floating-Point Numbers Quickly and
/// Accurately" (1996), the free-format algorithm.
fn shortest_digits(number: f64, radix: u32) -> (String, i32) {
    const HIDDEN_BIT: u64 = 1 << 52;
    let bits = number.to_bits();
    let (fraction, biased) = (bits & (HIDDEN_BIT - 1), (bits >> 52) as i32);
    let (mantissa, power) = match biased {
        0 => (fraction, -1074),
        _ => (fraction | HIDDEN_BIT, biased - 1075),
    };
    // NUMBER is rest / scale; half the way to its neighbours is above / scale
    // and below / scale, and a power of two has its lower one nearer.
    let uneven = u32::from(fraction == 0 && biased > 1);
    let shift = |value: u64, by: i32| BigInt::from(value) << by.max(0);
    let mut rest = shift(mantissa, power) << (1 + uneven);
    let mut scale = shift(1, -power) << (1 + uneven);
    let mut above = shift(1, power) << uneven;
    let mut below = shift(1, power);
    // The ends of the interval read back as NUMBER when its last bit is even.
    let inclusive = mantissa % 2 == 0;
    let reaches = |sum: &BigInt, scale: &BigInt| sum > scale || (inclusive && sum == scale);
    let mut exponent = -1;
    while reaches(&(&rest + &above), &scale) {
        scale *= radix;
        exponent += 1;
    }
    while !reaches(&((&rest + &above) * radix), &scale) {
        rest *= radix;
        above *= radix;
        below *= radix;
        exponent -= 1;
    }
    let mut digits = String::new();
    loop {
        rest *= radix;
        above *= radix;
        below *= radix;
        let (digit, remainder) = rest.div_rem(&scale);
        rest = remainder;
        let low = rest < below || (inclusive && rest == below);
        let high = reaches(&(&rest + &above), &scale);
        let mut digit = digit.to_usize().expect("a digit is below the radix");
        if low && high {
            digit += usize::from(&rest * 2 >= scale);
        } else if high {
            digit += 1;
        }
        digits.push(DIGITS[digit] as char);
        if low || high {
            return (digits, exponent);
        }
    }
}

/// VALUE as `number->string` writes it, or `None` when it is no number.
pub fn text(value: &Value, radix: u32) -> Option<String> {
    Some(match number(value)? {
        Fix(number) if radix == 10 => number.to_string(),
        Fix(number) => BigInt::from(number).to_str_radix(radix),
        Big(number) => number.to_str_radix(radix),
        Ratio(number) => format!(
            "{}/{}",
            number.numer().to_str_radix(radix),
            number.denom().to_str_radix(radix)
        ),
        Real(number) => float_text_radix(number, radix),
        Complex(re, im) => {
            let imaginary = float_text_radix(im, radix);
            let sign = if imaginary.starts_with(['+', '-']) {
                ""
            } else {
                "+"
            };
            format!("{}{sign}{imaginary}i", float_text_radix(re, radix))
        }
    })
}

fn radix_argument(args: &[Value], position: usize) -> Result<u32, Raise> {
    match args.get(position - 1) {
        None => Ok(10),
        Some(Value::IntV(radix)) if (2..=36).contains(radix) => Ok(*radix as u32),
        Some(value @ (Value::IntV(_) | Value::BigNum(_))) => Err(errors::not_between(2, 36, value)),
        Some(value) => Err(errors::expected("exact integer", value)),
    }
}

fn number_to_string(args: &[Value]) -> Outcome {
    let radix = radix_argument(args, 2)?;
    text(&args[0], radix)
        .map(strings::value)
        .ok_or_else(|| errors::wrong_type("number->string", 1, &args[0]))
}

fn string_to_number(args: &[Value]) -> Outcome {
    let radix = radix_argument(args, 2)?;
    let text = args::string("string->number", args, 1)?;
    if radix == 10
        && let Some(exponent) = number_syntax::exponent_out_of_range(text)
    {
        return Err(errors::value_out_of_range(
            "string->number",
            &Value::IntV(exponent),
        ));
    }
    Ok(number_syntax::parse_number(text, radix).unwrap_or(Value::BoolV(false)))
}

fn integer_to_char_check(args: &[Value]) -> Outcome {
    // Exact nonnegative integers that `exact-nonnegative-integer?` accepts.
    Ok(boolean(match &args[0] {
        Value::IntV(number) => *number >= 0,
        Value::BigNum(number) => !number.is_negative(),
        _ => false,
    }))
}

fn nth_root(args: &[Value]) -> Outcome {
    let number = want_exact_integer("%integer-root", 1, &args[0])?;
    let degree = size("%integer-root", args, 2)?;
    Ok(integer_value(number.nth_root(degree as u32)))
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
    /// (1+ number) -> NUMBER + 1
    "1+" (1) => one_plus,
    /// (1- number) -> NUMBER - 1
    "1-" (1) => one_minus,
    /// (-1+ number) -> NUMBER - 1
    "-1+" (1) => one_minus,
    /// (max number number …) -> the largest
    "max" (1, rest) => max,
    /// (min number number …) -> the smallest
    "min" (1, rest) => min,
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
    /// (abs real) -> the number without its sign
    "abs" (1) => abs,
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
    /// (floor real) -> the largest integer that is not above it
    "floor" (1) => floor,
    /// (ceiling real) -> the smallest integer that is not below it
    "ceiling" (1) => ceiling,
    /// (truncate real) -> the integer nearest to it towards zero
    "truncate" (1) => truncate,
    /// (round real) -> the nearest integer, the even one of two
    "round" (1) => round,
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
    /// (exp z) -> e to the power of Z
    "exp" (1) => exp,
    /// (log z) -> the natural logarithm
    "log" (1) => log,
    /// (log10 z) -> the logarithm to base 10
    "log10" (1) => log10,
    /// (sqrt z) -> the principal square root, exact where there is one
    "sqrt" (1) => sqrt,
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
    /// (ash n count) -> N shifted left by COUNT bits, floored where COUNT is negative
    "ash" (2) => ash,
    /// (round-ash n count) -> N shifted left by COUNT bits, rounded where COUNT is negative
    "round-ash" (2) => round_ash,
    /// (logand n …) -> the bits that all have
    "logand" (0, rest) => logand,
    /// (logior n …) -> the bits that any has
    "logior" (0, rest) => logior,
    /// (logxor n …) -> the bits that an odd number of them have
    "logxor" (0, rest) => logxor,
    /// (lognot n) -> the bits that N has not
    "lognot" (1) => lognot,
    /// (logtest j k) -> whether they have a bit in common
    "logtest" (2) => logtest,
    /// (logbit? index n) -> whether bit INDEX of N is set
    "logbit?" (2) => logbit,
    /// (logcount n) -> how many bits are set, or clear where N is negative
    "logcount" (1) => logcount,
    /// (integer-length n) -> how many bits N takes
    "integer-length" (1) => integer_length,
    /// (bit-extract n start end) -> the bits of N from START up to END
    "bit-extract" (3) => bit_extract,
    /// (number->string number [radix]) -> string
    "number->string" (1, 1) => number_to_string,
    /// (string->number string [radix]) -> number or #f
    "string->number" (1, 1) => string_to_number,
}
