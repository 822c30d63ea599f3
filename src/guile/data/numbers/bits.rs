//! Integers as rows of bits, two's complement and without an end.
//!
//! Source: GNU Guile reference manual, "Bitwise Operations"; R7RS, section 6.2.

use super::division::{Rounding, divide_integers};
use super::{integer_value, want_exact_integer};
use crate::data::args::{boolean, size};
use crate::data::native::Outcome;
use crate::data::value::Value;
use crate::data::{errors, memory};
use crate::natives;
use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

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

natives! {
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
}
