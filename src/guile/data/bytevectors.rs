//! Bytevectors: R6RS's, and Guile's uniform vectors of bytes.
//!
//! Source: R6RS libraries, section 2; GNU Guile reference manual, "Bytevectors".

use crate::data::args::{self, boolean, integer, range, size, size_of_new, unspecified};
use crate::data::native::{Outcome, Raise};
use crate::data::uniform::Element;
use crate::data::value::{self, Value};
use crate::data::{errors, memory, numbers, pairs, strings};
use crate::natives;
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type, as_underlying_type_mut};

/// Bytes that Scheme can change, and what they are as a uniform vector.
pub struct Bytevector {
    bytes: Vec<u8>,
    element: Element,
}

impl Custom for Bytevector {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok("#<bytevector>".to_owned()))
    }
}

/// A fresh bytevector.
pub fn value(bytes: Vec<u8>) -> Value {
    uniform(bytes, Element::Vu8)
}

/// A fresh uniform vector whose elements lie in BYTES.
pub fn uniform(bytes: Vec<u8>, element: Element) -> Value {
    Bytevector { bytes, element }
        .into_steelval()
        .expect("a custom value is always a value")
}

/// What the elements of VALUE are, when it is a bytevector.
/// Whether A and B, both bytevectors, hold equal elements of one type.
pub fn same(a: &Value, b: &Value) -> Option<bool> {
    let bytes = Bytevector::with_two(a, b, |a, b| a == b)?;
    Some(bytes && element(a)?.is_like(element(b)?))
}

pub fn element(value: &Value) -> Option<Element> {
    let Value::Custom(custom) = value else {
        return None;
    };
    as_underlying_type::<Bytevector>(custom.read().as_ref()).map(|bytes| bytes.element)
}

impl Bytevector {
    /// Look at the bytes of VALUE, when it is a bytevector.
    #[inline]
    pub fn with<T>(value: &Value, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let Value::Custom(custom) = value else {
            return None;
        };
        let custom = custom.read();
        as_underlying_type::<Bytevector>(custom.as_ref()).map(|bytes| look(&bytes.bytes))
    }

    /// Look at the bytes of two bytevectors.
    pub fn with_two<T>(a: &Value, b: &Value, look: impl FnOnce(&[u8], &[u8]) -> T) -> Option<T> {
        Bytevector::with(a, |a| Bytevector::with(b, |b| look(a, b))).flatten()
    }

    /// Change the bytes of VALUE, when it is a bytevector.
    #[inline]
    pub fn change<T>(value: &Value, change: impl FnOnce(&mut Vec<u8>) -> T) -> Option<T> {
        let Value::Custom(custom) = value else {
            return None;
        };
        let mut custom = custom.write();
        as_underlying_type_mut::<Bytevector>(custom.as_mut()).map(|bytes| change(&mut bytes.bytes))
    }
}

/// The bytes of argument POSITION, copied.
pub fn bytes(procedure: &str, args: &[Value], position: usize) -> Result<Vec<u8>, Raise> {
    Bytevector::with(&args[position - 1], <[u8]>::to_vec)
        .ok_or_else(|| errors::expecting(procedure, position, "bytevector", &args[position - 1]))
}

fn length_of(procedure: &str, args: &[Value], position: usize) -> Result<usize, Raise> {
    Bytevector::with(&args[position - 1], <[u8]>::len)
        .ok_or_else(|| errors::expecting(procedure, position, "bytevector", &args[position - 1]))
}

fn byte(procedure: &str, value: &Value) -> Result<u8, Raise> {
    match value {
        Value::IntV(number) if (-128..=255).contains(number) => Ok(*number as u8),
        Value::IntV(_) => Err(errors::value_out_of_range(procedure, value)),
        other => Err(errors::wrong_type(procedure, 1, other)),
    }
}

fn predicate(args: &[Value]) -> Outcome {
    Ok(boolean(Bytevector::with(&args[0], |_| ()).is_some()))
}

fn make(args: &[Value]) -> Outcome {
    let count = size_of_new("make-bytevector", args, 1, 1)?;
    let fill = match args.get(1) {
        Some(fill) => byte("make-bytevector", fill)?,
        None => 0,
    };
    Ok(value(vec![fill; count]))
}

fn of_bytes(args: &[Value]) -> Outcome {
    let bytes: Result<Vec<u8>, Raise> = args.iter().map(|item| byte("bytevector", item)).collect();
    Ok(value(bytes?))
}

fn length(args: &[Value]) -> Outcome {
    length_of("bytevector-length", args, 1).map(integer)
}

fn equal(args: &[Value]) -> Outcome {
    let (a, b) = (
        bytes("bytevector=?", args, 1)?,
        bytes("bytevector=?", args, 2)?,
    );
    Ok(boolean(a == b))
}

fn fill(args: &[Value]) -> Outcome {
    let length = length_of("bytevector-fill!", args, 1)?;
    let fill = byte("bytevector-fill!", &args[1])?;
    let range = range("bytevector-fill!", args, 3, length)?;
    Bytevector::change(&args[0], |bytes| bytes[range].fill(fill));
    Ok(unspecified())
}

fn copy(args: &[Value]) -> Outcome {
    let bytes = bytes("bytevector-copy", args, 1)?;
    let range = range("bytevector-copy", args, 2, bytes.len())?;
    Ok(value(bytes[range].to_vec()))
}

/// R6RS: source, start, target, start, count.
fn copy_to(args: &[Value]) -> Outcome {
    let source = bytes("bytevector-copy!", args, 1)?;
    let start = size("bytevector-copy!", args, 2)?;
    let target = length_of("bytevector-copy!", args, 3)?;
    let at = size("bytevector-copy!", args, 4)?;
    let count = size("bytevector-copy!", args, 5)?;
    if start + count > source.len() {
        return Err(errors::value_out_of_range("bytevector-copy!", &args[1]));
    }
    if at + count > target {
        return Err(errors::value_out_of_range("bytevector-copy!", &args[3]));
    }
    Bytevector::change(&args[2], |bytes| {
        bytes[at..at + count].copy_from_slice(&source[start..start + count]);
    });
    Ok(unspecified())
}

/// R7RS: target, at, source, start, end.
fn copy_to_r7rs(args: &[Value]) -> Outcome {
    let target = length_of("bytevector-copy!", args, 1)?;
    let at = size("bytevector-copy!", args, 2)?;
    let source = bytes("bytevector-copy!", args, 3)?;
    let range = range("bytevector-copy!", args, 4, source.len())?;
    if at + range.len() > target {
        return Err(errors::value_out_of_range("bytevector-copy!", &args[1]));
    }
    Bytevector::change(&args[0], |bytes| {
        bytes[at..at + range.len()].copy_from_slice(&source[range]);
    });
    Ok(unspecified())
}

fn append(args: &[Value]) -> Outcome {
    let mut all = Vec::new();
    for position in 1..=args.len() {
        all.extend(bytes("bytevector-append", args, position)?);
    }
    Ok(value(all))
}

fn concatenate(args: &[Value]) -> Outcome {
    append(&args::list("bytevector-concatenate", args, 1)?)
}

/// The COUNT bytes at the index that argument 2 is.
fn part(procedure: &str, args: &[Value], count: usize) -> Result<[u8; 8], Raise> {
    let index = match &args[1] {
        Value::IntV(index) if *index >= 0 => *index as usize,
        Value::IntV(_) => return Err(errors::value_out_of_range(procedure, &args[1])),
        other => return Err(errors::wrong_type(procedure, 2, other)),
    };
    Bytevector::with(&args[0], |bytes| {
        let part = bytes.get(index..index.checked_add(count)?)?;
        let mut word = [0; 8];
        word[..count].copy_from_slice(part);
        Some(word)
    })
    .ok_or_else(|| errors::expecting(procedure, 1, "bytevector", &args[0]))?
    .ok_or_else(|| errors::value_out_of_range(procedure, &args[1]))
}

fn put_part(procedure: &str, args: &[Value], part: &[u8]) -> Outcome {
    let index = match &args[1] {
        Value::IntV(index) if *index >= 0 => *index as usize,
        Value::IntV(_) => return Err(errors::value_out_of_range(procedure, &args[1])),
        other => return Err(errors::wrong_type(procedure, 2, other)),
    };
    Bytevector::change(&args[0], |bytes| {
        let target = bytes.get_mut(index..index.checked_add(part.len())?)?;
        target.copy_from_slice(part);
        Some(())
    })
    .ok_or_else(|| errors::expecting(procedure, 1, "bytevector", &args[0]))?
    .ok_or_else(|| errors::value_out_of_range(procedure, &args[1]))?;
    Ok(unspecified())
}

fn is_big(procedure: &str, value: Option<&Value>) -> Result<bool, Raise> {
    match value {
        None => Ok(cfg!(target_endian = "big")),
        Some(Value::SymbolV(name)) if name.as_str() == "big" => Ok(true),
        Some(Value::SymbolV(name)) if name.as_str() == "little" => Ok(false),
        Some(other) => Err(errors::wrong_type(procedure, 3, other)),
    }
}

/// Turn the first COUNT bytes into little-endian order.
fn ordered(mut word: [u8; 8], count: usize, big: bool) -> [u8; 8] {
    if big {
        word[..count].reverse();
    }
    word
}

fn read_unsigned(word: [u8; 8]) -> Value {
    numbers::integer_value(BigInt::from(u64::from_le_bytes(word)))
}

fn read_signed(word: [u8; 8], count: usize) -> Value {
    let shift = 64 - 8 * count;
    Value::IntV(((u64::from_le_bytes(word) << shift) as i64 >> shift) as isize)
}

fn exact(procedure: &str, value: &Value) -> Result<BigInt, Raise> {
    match numbers::number(value) {
        Some(numbers::Number::Fix(number)) => Ok(BigInt::from(number)),
        Some(numbers::Number::Big(number)) => Ok(number),
        _ => Err(errors::wrong_type(procedure, 3, value)),
    }
}

fn word_of(procedure: &str, value: &Value, count: usize, signed: bool) -> Result<[u8; 8], Raise> {
    let number = exact(procedure, value)?;
    let bits = 8 * count as u32;
    let (low, high) = if signed {
        (
            -(BigInt::from(1) << (bits - 1)),
            (BigInt::from(1) << (bits - 1)) - 1,
        )
    } else {
        (BigInt::from(0), (BigInt::from(1) << bits) - 1)
    };
    if number < low || number > high {
        return Err(errors::value_out_of_range(procedure, value));
    }
    let word = if signed {
        number.to_i64().unwrap_or(0) as u64
    } else {
        number.to_u64().unwrap_or(0)
    };
    Ok(word.to_le_bytes())
}

macro_rules! words {
    ($($get:ident $get_native:ident $set:ident $set_native:ident $name:literal $set_name:literal $native_name:literal $native_set_name:literal $count:literal $signed:literal;)*) => {
        $(
            fn $get(args: &[Value]) -> Outcome {
                let word = ordered(part($name, args, $count)?, $count, is_big($name, args.get(2))?);
                Ok(if $signed { read_signed(word, $count) } else { read_unsigned(word) })
            }
            fn $get_native(args: &[Value]) -> Outcome {
                let word = ordered(part($native_name, args, $count)?, $count, is_big($native_name, None)?);
                Ok(if $signed { read_signed(word, $count) } else { read_unsigned(word) })
            }
            fn $set(args: &[Value]) -> Outcome {
                let word = ordered(word_of($set_name, &args[2], $count, $signed)?, $count, is_big($set_name, args.get(3))?);
                put_part($set_name, args, &word[..$count])
            }
            fn $set_native(args: &[Value]) -> Outcome {
                let word = ordered(word_of($native_set_name, &args[2], $count, $signed)?, $count, is_big($native_set_name, None)?);
                put_part($native_set_name, args, &word[..$count])
            }
        )*
    };
}

words! {
    u8_ref u8_native_ref u8_set u8_native_set "bytevector-u8-ref" "bytevector-u8-set!" "bytevector-u8-ref" "bytevector-u8-set!" 1 false;
    s8_ref s8_native_ref s8_set s8_native_set "bytevector-s8-ref" "bytevector-s8-set!" "bytevector-s8-ref" "bytevector-s8-set!" 1 true;
    u16_ref u16_native_ref u16_set u16_native_set "bytevector-u16-ref" "bytevector-u16-set!" "bytevector-u16-native-ref" "bytevector-u16-native-set!" 2 false;
    s16_ref s16_native_ref s16_set s16_native_set "bytevector-s16-ref" "bytevector-s16-set!" "bytevector-s16-native-ref" "bytevector-s16-native-set!" 2 true;
    u32_ref u32_native_ref u32_set u32_native_set "bytevector-u32-ref" "bytevector-u32-set!" "bytevector-u32-native-ref" "bytevector-u32-native-set!" 4 false;
    s32_ref s32_native_ref s32_set s32_native_set "bytevector-s32-ref" "bytevector-s32-set!" "bytevector-s32-native-ref" "bytevector-s32-native-set!" 4 true;
    u64_ref u64_native_ref u64_set u64_native_set "bytevector-u64-ref" "bytevector-u64-set!" "bytevector-u64-native-ref" "bytevector-u64-native-set!" 8 false;
    s64_ref s64_native_ref s64_set s64_native_set "bytevector-s64-ref" "bytevector-s64-set!" "bytevector-s64-native-ref" "bytevector-s64-native-set!" 8 true;
}

fn single_ref(args: &[Value]) -> Outcome {
    let name = "bytevector-ieee-single-ref";
    let word = ordered(part(name, args, 4)?, 4, is_big(name, args.get(2))?);
    Ok(Value::NumV(f64::from(f32::from_bits(
        u64::from_le_bytes(word) as u32,
    ))))
}

fn double_ref(args: &[Value]) -> Outcome {
    let name = "bytevector-ieee-double-ref";
    let word = ordered(part(name, args, 8)?, 8, is_big(name, args.get(2))?);
    Ok(Value::NumV(f64::from_bits(u64::from_le_bytes(word))))
}

fn real(procedure: &str, value: &Value) -> Result<f64, Raise> {
    numbers::to_f64(value).ok_or_else(|| errors::wrong_type(procedure, 3, value))
}

fn single_set(args: &[Value]) -> Outcome {
    let name = "bytevector-ieee-single-set!";
    let bits = u64::from((real(name, &args[2])? as f32).to_bits());
    let word = ordered(bits.to_le_bytes(), 4, is_big(name, args.get(3))?);
    put_part(name, args, &word[..4])
}

fn double_set(args: &[Value]) -> Outcome {
    let name = "bytevector-ieee-double-set!";
    let word = ordered(
        real(name, &args[2])?.to_bits().to_le_bytes(),
        8,
        is_big(name, args.get(3))?,
    );
    put_part(name, args, &word)
}

/// bytevector, index, endianness, size.
fn wide_bytes(procedure: &str, args: &[Value]) -> Result<Vec<u8>, Raise> {
    let index = size(procedure, args, 2)?;
    let count = size(procedure, args, 4)?;
    let big = is_big(procedure, Some(&args[2]))?;
    let all = bytes(procedure, args, 1)?;
    let mut part = all
        .get(index..index + count)
        .ok_or_else(|| errors::value_out_of_range(procedure, &args[1]))?
        .to_vec();
    if big {
        part.reverse();
    }
    Ok(part)
}

fn uint_ref(args: &[Value]) -> Outcome {
    let bytes = wide_bytes("bytevector-uint-ref", args)?;
    Ok(numbers::integer_value(BigInt::from_bytes_le(
        num_bigint::Sign::Plus,
        &bytes,
    )))
}

fn sint_ref(args: &[Value]) -> Outcome {
    let bytes = wide_bytes("bytevector-sint-ref", args)?;
    Ok(numbers::integer_value(BigInt::from_signed_bytes_le(&bytes)))
}

/// bytevector, index, number, endianness, size.
fn wide_set(procedure: &str, signed: bool, args: &[Value]) -> Outcome {
    let number = exact(procedure, &args[2])?;
    let big = is_big(procedure, Some(&args[3]))?;
    let count = size(procedure, args, 5)?;
    let modulus = BigInt::from(1) << (8 * count);
    let (least, above) = match signed {
        true => (-(modulus.clone() >> 1_u32), modulus.clone() >> 1_u32),
        false => (BigInt::from(0), modulus.clone()),
    };
    if number < least || number >= above {
        return Err(errors::value_out_of_range(procedure, &args[2]));
    }
    let positive = if number < BigInt::from(0) {
        number + &modulus
    } else {
        number
    };
    let (_, mut bytes) = positive.to_bytes_le();
    bytes.resize(count, 0);
    if big {
        bytes.reverse();
    }
    put_part(procedure, args, &bytes)
}

fn uint_set(args: &[Value]) -> Outcome {
    wide_set("bytevector-uint-set!", false, args)
}

fn sint_set(args: &[Value]) -> Outcome {
    wide_set("bytevector-sint-set!", true, args)
}

fn to_list(args: &[Value]) -> Outcome {
    let bytes = bytes("bytevector->u8-list", args, 1)?;
    Ok(pairs::list(
        bytes.into_iter().map(|byte| Value::IntV(isize::from(byte))),
    ))
}

fn of_list(args: &[Value]) -> Outcome {
    let items = args::list("u8-list->bytevector", args, 1)?;
    of_bytes(&items)
}

/// bytevector, endianness, size → list of integers.
fn to_integers(name: &str, args: &[Value], read: fn(&[Value]) -> Outcome) -> Outcome {
    let length = length_of(name, args, 1)?;
    let count = size(name, args, 3)?;
    if count == 0 {
        return Err(errors::out_of_range(name, 3, &args[2]));
    }
    if length % count != 0 {
        return Err(Raise::throw(
            "wrong-type-arg",
            vec![
                value::string_value(name),
                value::string_value("Wrong type (expecting ~A): ~S"),
                pairs::list([
                    value::string_value(
                        "an exact positive integer that divides the bytevector length",
                    ),
                    args[2].clone(),
                ]),
                pairs::list([args[2].clone()]),
            ],
        ));
    }
    let mut items = Vec::new();
    for index in (0..length / count).map(|index| index * count) {
        items.push(read(&[
            args[0].clone(),
            integer(index),
            args[1].clone(),
            args[2].clone(),
        ])?);
    }
    Ok(pairs::list(items))
}

fn to_uint_list(args: &[Value]) -> Outcome {
    to_integers("bytevector->uint-list", args, uint_ref)
}

fn to_sint_list(args: &[Value]) -> Outcome {
    to_integers("bytevector->sint-list", args, sint_ref)
}

/// list, endianness, size → bytevector.
fn of_integers(name: &str, args: &[Value], put: fn(&[Value]) -> Outcome) -> Outcome {
    let items = args::list(name, args, 1)?;
    let count = size(name, args, 3)?;
    memory::claim(items.len(), count)?;
    let result = value(vec![0; count * items.len()]);
    for (index, item) in items.into_iter().enumerate() {
        put(&[
            result.clone(),
            integer(index * count),
            item.clone(),
            args[1].clone(),
            args[2].clone(),
        ])
        .map_err(|_| errors::value_out_of_range(name, &item))?;
    }
    Ok(result)
}

fn of_uint_list(args: &[Value]) -> Outcome {
    of_integers("uint-list->bytevector", args, uint_set)
}

fn of_sint_list(args: &[Value]) -> Outcome {
    of_integers("sint-list->bytevector", args, sint_set)
}

fn string_to_utf8(args: &[Value]) -> Outcome {
    let Value::StringV(string) = &args[0] else {
        return Err(errors::expecting("string->utf8", 1, "string", &args[0]));
    };
    let range = range("string->utf8", args, 2, strings::length(string))?;
    Ok(value(strings::part(string, range).as_bytes().to_vec()))
}

fn utf8_to_string(args: &[Value]) -> Outcome {
    let bytes = bytes("utf8->string", args, 1)?;
    let range = range("utf8->string", args, 2, bytes.len())?;
    match String::from_utf8(bytes[range].to_vec()) {
        Ok(text) => Ok(strings::value(text)),
        Err(_) => Err(Raise::throw(
            "decoding-error",
            vec![
                strings::value("scm_from_utf8_stringn"),
                strings::value("input locale conversion error"),
                Value::IntV(84),
                args[0].clone(),
            ],
        )),
    }
}

fn string_to_wide(args: &[Value], width: usize) -> Outcome {
    let text = args::string("string->utf16", args, 1)?;
    let big = match args.get(1) {
        Some(_) => is_big("string->utf16", args.get(1))?,
        None => true,
    };
    let mut bytes = Vec::new();
    if width == 2 {
        for unit in text.encode_utf16() {
            bytes.extend(if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            });
        }
    } else {
        for character in text.chars() {
            let code = character as u32;
            bytes.extend(if big {
                code.to_be_bytes()
            } else {
                code.to_le_bytes()
            });
        }
    }
    Ok(value(bytes))
}

fn string_to_utf16(args: &[Value]) -> Outcome {
    string_to_wide(args, 2)
}

fn string_to_utf32(args: &[Value]) -> Outcome {
    string_to_wide(args, 4)
}

fn wide_to_string(args: &[Value], width: usize) -> Outcome {
    let bytes = bytes("utf16->string", args, 1)?;
    let big = match args.get(1) {
        Some(_) => is_big("utf16->string", args.get(1))?,
        None => true,
    };
    let text = if width == 2 {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|pair| {
                let pair = [pair[0], pair[1]];
                if big {
                    u16::from_be_bytes(pair)
                } else {
                    u16::from_le_bytes(pair)
                }
            })
            .collect();
        String::from_utf16_lossy(&units)
    } else {
        bytes
            .chunks_exact(4)
            .map(|word| {
                let word = [word[0], word[1], word[2], word[3]];
                let code = if big {
                    u32::from_be_bytes(word)
                } else {
                    u32::from_le_bytes(word)
                };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            })
            .collect()
    };
    Ok(strings::value(text))
}

fn utf16_to_string(args: &[Value]) -> Outcome {
    wide_to_string(args, 2)
}

fn utf32_to_string(args: &[Value]) -> Outcome {
    wide_to_string(args, 4)
}

fn native_endianness(_: &[Value]) -> Outcome {
    Ok(value::symbol_value(if cfg!(target_endian = "big") {
        "big"
    } else {
        "little"
    }))
}

natives! {
    /// (bytevector? object) -> whether it is a bytevector
    "bytevector?" (1) => predicate,
    /// (make-bytevector length [byte]) -> a new bytevector, full of BYTE
    "make-bytevector" (1, 1) => make,
    /// (bytevector byte …) -> a new bytevector of these bytes
    "bytevector" (0, rest) => of_bytes,
    /// (bytevector-length bytes) -> how many bytes it has
    "bytevector-length" (1) => length,
    /// (bytevector=? a b) -> whether they have the same bytes
    "bytevector=?" (2) => equal,
    /// (bytevector-fill! bytes byte [start [end]]) -> make BYTE every byte from START up to END
    "bytevector-fill!" (2, 2) => fill,
    /// (bytevector-copy bytes [start [end]]) -> a new bytevector of those from START up to END
    "bytevector-copy" (1, 2) => copy,
    /// (bytevector-copy! source source-start target target-start count) -> copy COUNT bytes to TARGET
    "bytevector-copy!" (5) => copy_to,
    /// (%bytevector-copy! target at source [start [end]]): R7RS's order of arguments
    "%bytevector-copy!" (3, 2) => copy_to_r7rs,
    /// (bytevector-append bytes …) -> a new bytevector of all their bytes, one after the other
    "bytevector-append" (0, rest) => append,
    /// (bytevector-concatenate list) -> a new bytevector of the bytes of those in LIST
    "bytevector-concatenate" (1) => concatenate,
    /// (bytevector-u8-ref bytes index) -> the unsigned byte at INDEX
    "bytevector-u8-ref" (2) => u8_native_ref,
    /// (bytevector-u8-set! bytes index value) -> set the unsigned byte at INDEX
    "bytevector-u8-set!" (3) => u8_native_set,
    /// (bytevector-s8-ref bytes index) -> the signed byte at INDEX
    "bytevector-s8-ref" (2) => s8_native_ref,
    /// (bytevector-s8-set! bytes index value) -> set the signed byte at INDEX
    "bytevector-s8-set!" (3) => s8_native_set,
    /// (%bytevector-u8-ref bytes index endianness) -> the byte at INDEX, whatever the order
    "%bytevector-u8-ref" (3) => u8_ref,
    /// (%bytevector-u8-set! bytes index value endianness) -> set the byte at INDEX, whatever the order
    "%bytevector-u8-set!" (4) => u8_set,
    /// (%bytevector-s8-ref bytes index endianness) -> the signed byte at INDEX, whatever the order
    "%bytevector-s8-ref" (3) => s8_ref,
    /// (%bytevector-s8-set! bytes index value endianness) -> set the signed byte at INDEX, whatever the order
    "%bytevector-s8-set!" (4) => s8_set,
    /// (bytevector-u16-ref bytes index endianness) -> the unsigned integer of 16 bits at INDEX, in bytes
    "bytevector-u16-ref" (3) => u16_ref,
    /// (bytevector-u16-set! bytes index value endianness) -> set the unsigned integer of 16 bits at INDEX, in bytes
    "bytevector-u16-set!" (4) => u16_set,
    /// (bytevector-s16-ref bytes index endianness) -> the signed integer of 16 bits at INDEX, in bytes
    "bytevector-s16-ref" (3) => s16_ref,
    /// (bytevector-s16-set! bytes index value endianness) -> set the signed integer of 16 bits at INDEX, in bytes
    "bytevector-s16-set!" (4) => s16_set,
    /// (bytevector-u32-ref bytes index endianness) -> the unsigned integer of 32 bits at INDEX, in bytes
    "bytevector-u32-ref" (3) => u32_ref,
    /// (bytevector-u32-set! bytes index value endianness) -> set the unsigned integer of 32 bits at INDEX, in bytes
    "bytevector-u32-set!" (4) => u32_set,
    /// (bytevector-s32-ref bytes index endianness) -> the signed integer of 32 bits at INDEX, in bytes
    "bytevector-s32-ref" (3) => s32_ref,
    /// (bytevector-s32-set! bytes index value endianness) -> set the signed integer of 32 bits at INDEX, in bytes
    "bytevector-s32-set!" (4) => s32_set,
    /// (bytevector-u64-ref bytes index endianness) -> the unsigned integer of 64 bits at INDEX, in bytes
    "bytevector-u64-ref" (3) => u64_ref,
    /// (bytevector-u64-set! bytes index value endianness) -> set the unsigned integer of 64 bits at INDEX, in bytes
    "bytevector-u64-set!" (4) => u64_set,
    /// (bytevector-s64-ref bytes index endianness) -> the signed integer of 64 bits at INDEX, in bytes
    "bytevector-s64-ref" (3) => s64_ref,
    /// (bytevector-s64-set! bytes index value endianness) -> set the signed integer of 64 bits at INDEX, in bytes
    "bytevector-s64-set!" (4) => s64_set,
    /// (bytevector-u16-native-ref bytes index) -> the unsigned integer of 16 bits at INDEX, in this machine's order
    "bytevector-u16-native-ref" (2) => u16_native_ref,
    /// (bytevector-u16-native-set! bytes index value) -> set the unsigned integer of 16 bits at INDEX, in this machine's order
    "bytevector-u16-native-set!" (3) => u16_native_set,
    /// (bytevector-s16-native-ref bytes index) -> the signed integer of 16 bits at INDEX, in this machine's order
    "bytevector-s16-native-ref" (2) => s16_native_ref,
    /// (bytevector-s16-native-set! bytes index value) -> set the signed integer of 16 bits at INDEX, in this machine's order
    "bytevector-s16-native-set!" (3) => s16_native_set,
    /// (bytevector-u32-native-ref bytes index) -> the unsigned integer of 32 bits at INDEX, in this machine's order
    "bytevector-u32-native-ref" (2) => u32_native_ref,
    /// (bytevector-u32-native-set! bytes index value) -> set the unsigned integer of 32 bits at INDEX, in this machine's order
    "bytevector-u32-native-set!" (3) => u32_native_set,
    /// (bytevector-s32-native-ref bytes index) -> the signed integer of 32 bits at INDEX, in this machine's order
    "bytevector-s32-native-ref" (2) => s32_native_ref,
    /// (bytevector-s32-native-set! bytes index value) -> set the signed integer of 32 bits at INDEX, in this machine's order
    "bytevector-s32-native-set!" (3) => s32_native_set,
    /// (bytevector-u64-native-ref bytes index) -> the unsigned integer of 64 bits at INDEX, in this machine's order
    "bytevector-u64-native-ref" (2) => u64_native_ref,
    /// (bytevector-u64-native-set! bytes index value) -> set the unsigned integer of 64 bits at INDEX, in this machine's order
    "bytevector-u64-native-set!" (3) => u64_native_set,
    /// (bytevector-s64-native-ref bytes index) -> the signed integer of 64 bits at INDEX, in this machine's order
    "bytevector-s64-native-ref" (2) => s64_native_ref,
    /// (bytevector-s64-native-set! bytes index value) -> set the signed integer of 64 bits at INDEX, in this machine's order
    "bytevector-s64-native-set!" (3) => s64_native_set,
    /// (bytevector-ieee-single-ref bytes index endianness) -> the float of 32 bits at INDEX, in bytes
    "bytevector-ieee-single-ref" (3) => single_ref,
    /// (bytevector-ieee-single-set! bytes index value endianness) -> set the float of 32 bits at INDEX, in bytes
    "bytevector-ieee-single-set!" (4) => single_set,
    /// (bytevector-ieee-double-ref bytes index endianness) -> the float of 64 bits at INDEX, in bytes
    "bytevector-ieee-double-ref" (3) => double_ref,
    /// (bytevector-ieee-double-set! bytes index value endianness) -> set the float of 64 bits at INDEX, in bytes
    "bytevector-ieee-double-set!" (4) => double_set,
    /// (bytevector-ieee-single-native-ref bytes index) -> the float of 32 bits at INDEX, in this machine's order
    "bytevector-ieee-single-native-ref" (2) => single_ref,
    /// (bytevector-ieee-single-native-set! bytes index value) -> set the float of 32 bits at INDEX, in this machine's order
    "bytevector-ieee-single-native-set!" (3) => single_set,
    /// (bytevector-ieee-double-native-ref bytes index) -> the float of 64 bits at INDEX, in this machine's order
    "bytevector-ieee-double-native-ref" (2) => double_ref,
    /// (bytevector-ieee-double-native-set! bytes index value) -> set the float of 64 bits at INDEX, in this machine's order
    "bytevector-ieee-double-native-set!" (3) => double_set,
    /// (bytevector-uint-ref bytes index endianness size) -> the unsigned integer of SIZE bytes at INDEX
    "bytevector-uint-ref" (4) => uint_ref,
    /// (bytevector-sint-ref bytes index endianness size) -> the signed integer of SIZE bytes at INDEX
    "bytevector-sint-ref" (4) => sint_ref,
    /// (bytevector-uint-set! bytes index value endianness size) -> set the unsigned integer of SIZE bytes at INDEX
    "bytevector-uint-set!" (5) => uint_set,
    /// (bytevector-sint-set! bytes index value endianness size) -> set the signed integer of SIZE bytes at INDEX
    "bytevector-sint-set!" (5) => sint_set,
    /// (bytevector->u8-list bytes) -> the bytes as a list of integers
    "bytevector->u8-list" (1) => to_list,
    /// (u8-list->bytevector list) -> a new bytevector of the integers in LIST
    "u8-list->bytevector" (1) => of_list,
    /// (bytevector->uint-list bytes endianness size) -> the unsigned integers of SIZE bytes that it holds
    "bytevector->uint-list" (3) => to_uint_list,
    /// (bytevector->sint-list bytes endianness size) -> the signed integers of SIZE bytes that it holds
    "bytevector->sint-list" (3) => to_sint_list,
    /// (uint-list->bytevector list endianness size) -> a new bytevector of unsigned integers of SIZE bytes
    "uint-list->bytevector" (3) => of_uint_list,
    /// (sint-list->bytevector list endianness size) -> a new bytevector of signed integers of SIZE bytes
    "sint-list->bytevector" (3) => of_sint_list,
    /// (string->utf8 string [start [end]]) -> the UTF-8 of STRING as a bytevector
    "string->utf8" (1, 2) => string_to_utf8,
    /// (utf8->string bytes [start [end]]) -> the string whose UTF-8 it is
    "utf8->string" (1, 2) => utf8_to_string,
    /// (string->utf16 string [endianness]) -> the UTF-16 of STRING as a bytevector, big endian unless said
    "string->utf16" (1, 1) => string_to_utf16,
    /// (string->utf32 string [endianness]) -> the UTF-32 of STRING as a bytevector, big endian unless said
    "string->utf32" (1, 1) => string_to_utf32,
    /// (utf16->string bytes [endianness [mandatory?]]) -> the string whose UTF-16 it is
    "utf16->string" (1, 2) => utf16_to_string,
    /// (utf32->string bytes [endianness [mandatory?]]) -> the string whose UTF-32 it is
    "utf32->string" (1, 2) => utf32_to_string,
    /// (native-endianness) -> the order of this machine's bytes, `little` or `big`
    "native-endianness" (0) => native_endianness,
}
