//! Numbers as text: the fewest digits that read back as the same number, in any radix.
//!
//! Source: GNU Guile reference manual, "Converting Numbers To and From Strings"; R7RS, section 6.2.

use super::Number::{Big, Complex, Fix, Ratio, Real};
use super::number;
use crate::data::args;
use crate::data::native::{Outcome, Raise};
use crate::data::value::Value;
use crate::data::{errors, number_syntax, strings};
use crate::natives;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::ToPrimitive;

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

natives! {
    /// (number->string number [radix]) -> string
    "number->string" (1, 1) => number_to_string,
    /// (string->number string [radix]) -> number or #f
    "string->number" (1, 1) => string_to_number,
}
