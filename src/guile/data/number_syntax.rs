//! Numbers as Guile writes them.

use crate::data::numbers;
use crate::data::value::Value;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Num, ToPrimitive, Zero};
use steel::rvals::IntoSteelVal;

/// The number that TEXT writes in RADIX, or nothing when it is not a number.
pub fn parse_number(text: &str, radix: u32) -> Option<Value> {
    let mut rest = text;
    let (mut exactness, mut named_radix) = (None, None);
    while let Some(after) = rest.strip_prefix('#') {
        let mark = after.chars().next()?;
        let before = match mark.to_ascii_lowercase() {
            'x' => named_radix.replace(16),
            'b' => named_radix.replace(2),
            'o' => named_radix.replace(8),
            'd' => named_radix.replace(10),
            mark @ ('e' | 'i') => exactness.replace(mark).map(u32::from),
            _ => return None,
        };
        if before.is_some() {
            return None;
        }
        rest = &after[1..];
    }
    let radix = named_radix.unwrap_or(radix);
    // The common case: a small decimal integer.
    if radix == 10
        && exactness.is_none()
        && rest.len() <= 18
        && let Ok(number) = rest.strip_prefix('+').unwrap_or(rest).parse::<i64>()
        && !rest.starts_with("+-")
        && !rest.starts_with("++")
    {
        return Some(Value::IntV(number as isize));
    }
    let number = real(rest, radix, exactness).or_else(|| complex(rest, radix, exactness))?;
    Some(number.into_value())
}

/// The exponent in decimal TEXT, where it is larger or smaller than Guile reads.
pub fn exponent_out_of_range(text: &str) -> Option<isize> {
    let mut text = text;
    while let Some(after) = text.strip_prefix('#') {
        text = after.strip_prefix(['e', 'i', 'd', 'E', 'I', 'D'])?;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let rest = unsigned.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '#');
    if rest.len() == unsigned.len() {
        return None;
    }
    let exponent = rest.strip_prefix(EXPONENT_MARKS)?;
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let exponent = sign * digits[..end].parse::<isize>().ok()?;
    let most = f64::MAX_10_EXP as isize;
    let least = -(most + f64::DIGITS as isize + 1);
    (!(least..=most).contains(&exponent)).then_some(exponent)
}

const EXPONENT_MARKS: [char; 10] = ['e', 'E', 's', 'S', 'f', 'F', 'd', 'D', 'l', 'L'];

#[derive(Clone)]
enum Number {
    Exact(BigRational),
    Inexact(f64),
    Complex(Box<Number>, Box<Number>),
}

impl Number {
    fn into_value(self) -> Value {
        let value = match self {
            Number::Inexact(number) => return Value::NumV(number),
            Number::Exact(number) if number.is_integer() => {
                let integer = number.to_integer();
                match integer.to_isize() {
                    Some(small) => return Value::IntV(small),
                    None => integer.into_steelval(),
                }
            }
            Number::Exact(number) => match (number.numer().to_i32(), number.denom().to_i32()) {
                (Some(numerator), Some(denominator)) => {
                    num_rational::Rational32::new(numerator, denominator).into_steelval()
                }
                _ => number.into_steelval(),
            },
            Number::Complex(real, imaginary) => {
                return numbers::complex_value(real.inexact(), imaginary.inexact());
            }
        };
        value.expect("every number is a value")
    }

    fn inexact(&self) -> f64 {
        match self {
            Number::Exact(number) => number.to_f64().unwrap_or(f64::NAN),
            Number::Inexact(number) => *number,
            Number::Complex(real, _) => real.inexact(),
        }
    }
}

fn real(text: &str, radix: u32, exactness: Option<char>) -> Option<Number> {
    let is = |word: &str| text.len() == word.len() && text.eq_ignore_ascii_case(word);
    let number = match text.as_bytes().first()? {
        b'+' if is("+inf.0") => Number::Inexact(f64::INFINITY),
        b'-' if is("-inf.0") => Number::Inexact(f64::NEG_INFINITY),
        b'+' | b'-' if is("+nan.0") || is("-nan.0") => Number::Inexact(f64::NAN),
        _ => {
            let (sign, digits) = match text.as_bytes().first()? {
                b'+' => (false, &text[1..]),
                b'-' => (true, &text[1..]),
                _ => (false, text),
            };
            let number = unsigned(digits, radix, exactness)?;
            match number {
                Number::Exact(number) if sign => Number::Exact(-number),
                Number::Inexact(number) if sign => Number::Inexact(-number),
                number => number,
            }
        }
    };
    Some(match (exactness, number) {
        (Some('i'), Number::Exact(number)) if number.is_zero() && text.starts_with('-') => {
            Number::Inexact(-0.0)
        }
        (Some('i'), number) => Number::Inexact(number.inexact()),
        (Some('e'), Number::Inexact(number)) => Number::Exact(BigRational::from_float(number)?),
        (_, number) => number,
    })
}

fn unsigned(digits: &str, radix: u32, exactness: Option<char>) -> Option<Number> {
    if let Some((numerator, denominator)) = digits.split_once('/') {
        let vague = digits.contains('#');
        let numerator = integer_or_vague(numerator, radix)?;
        let denominator = integer_or_vague(denominator, radix)?;
        if denominator.is_zero() {
            return None;
        }
        let number = Number::Exact(BigRational::new(numerator, denominator));
        return Some(match vague && exactness != Some('e') {
            true => Number::Inexact(number.inexact()),
            false => number,
        });
    }
    if let Some(number) = integer(digits, radix) {
        return Some(Number::Exact(BigRational::from_integer(number)));
    }
    if radix == 10 {
        return decimal(digits, exactness);
    }
    None
}

/// An integer whose last digits may be `#`, which stand for zeros.
fn integer_or_vague(digits: &str, radix: u32) -> Option<BigInt> {
    let known = digits.trim_end_matches('#');
    if known.is_empty() {
        return None;
    }
    integer(
        &format!("{known}{}", "0".repeat(digits.len() - known.len())),
        radix,
    )
}

fn integer(digits: &str, radix: u32) -> Option<BigInt> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    if let Ok(small) = i64::from_str_radix(digits, radix) {
        return Some(BigInt::from(small));
    }
    BigInt::from_str_radix(digits, radix).ok()
}

fn decimal(digits: &str, exactness: Option<char>) -> Option<Number> {
    let (mantissa, exponent) = match digits.find(EXPONENT_MARKS) {
        Some(index) => (&digits[..index], Some(&digits[index + 1..])),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'#')
    };
    // `#` stands for digits that are not known, after which none is.
    let vague = |part: &str| part.contains('#');
    let ends_vaguely = |part: &str| !vague(part.trim_end_matches('#'));
    if whole.is_empty() && fraction.is_empty()
        || !all_digits(whole)
        || !all_digits(fraction)
        || whole.starts_with('#')
        || !ends_vaguely(whole)
        || !ends_vaguely(fraction)
        || vague(whole) && fraction.bytes().any(|digit| digit != b'#')
        || whole.is_empty() && fraction.starts_with('#')
    {
        return None;
    }
    let exponent = match exponent {
        None => 0,
        Some(text) => {
            let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
            if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            text.strip_prefix('+').unwrap_or(text).parse::<i32>().ok()?
        }
    };
    let whole = whole.replace('#', "0");
    let fraction = fraction.replace('#', "0");
    if exactness == Some('e') {
        if exponent.abs() > 10_000 {
            return None;
        }
        let digits = integer(&format!("0{whole}{fraction}"), 10)?;
        let scale = exponent - fraction.len() as i32;
        let power = BigInt::from(10).pow(scale.unsigned_abs());
        return Some(Number::Exact(if scale < 0 {
            BigRational::new(digits, power)
        } else {
            BigRational::from_integer(digits * power)
        }));
    }
    format!("{whole}.{fraction}0e{exponent}")
        .parse()
        .ok()
        .map(Number::Inexact)
}

/// `A+Bi`, `+i`, `A@B`.
fn complex(text: &str, radix: u32, exactness: Option<char>) -> Option<Number> {
    if let Some((magnitude, angle)) = text.split_once('@') {
        let (magnitude, angle) = (
            real(magnitude, radix, exactness)?,
            real(angle, radix, exactness)?,
        );
        let exact_zero =
            |number: &Number| matches!(number, Number::Exact(number) if number.is_zero());
        if exact_zero(&magnitude) || exact_zero(&angle) {
            return Some(magnitude);
        }
        let (re, im) = numbers::polar(magnitude.inexact(), angle.inexact());
        return Some(Number::Complex(
            Box::new(Number::Inexact(re)),
            Box::new(Number::Inexact(im)),
        ));
    }
    let body = text.strip_suffix('i')?;
    // The imaginary part begins at the last sign that is not an exponent's.
    let bytes = body.as_bytes();
    let split = (0..bytes.len()).rev().find(|&index| {
        matches!(bytes[index], b'+' | b'-')
            && !(radix == 10
                && index > 0
                && matches!(bytes[index - 1], b'e' | b'E')
                && index > 1
                && (bytes[index - 2].is_ascii_digit() || bytes[index - 2] == b'.'))
    })?;
    let imaginary = match &body[split..] {
        "+" => Number::Exact(BigRational::from_integer(1.into())),
        "-" => Number::Exact(BigRational::from_integer((-1).into())),
        part => real(part, radix, exactness)?,
    };
    let real_part = if split == 0 {
        Number::Exact(BigRational::zero())
    } else {
        real(&body[..split], radix, exactness)?
    };
    if let Number::Exact(number) = &imaginary
        && number.is_zero()
    {
        return Some(real_part);
    }
    // Guile's complex numbers are inexact in both parts.
    Some(Number::Complex(
        Box::new(Number::Inexact(real_part.inexact())),
        Box::new(Number::Inexact(imaginary.inexact())),
    ))
}
