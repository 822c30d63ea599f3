//! What a uniform vector holds: how an element lies in its bytes.
//!
//! A uniform vector is a bytevector that knows its elements, as in Guile; the
//! procedures of SRFI 4 are closures over the natives here.
//!
//! Source: GNU Guile reference manual, "SRFI-4"; SRFI 4.

use crate::data::args::{self, boolean, integer, size, unspecified};
use crate::data::bytevectors::{self, Bytevector};
use crate::data::native::{Outcome, Raise};
use crate::data::numbers::{self, Number};
use crate::data::value::{Value, symbol_value};
use crate::data::{errors, memory, pairs};
use crate::natives;
use num_bigint::BigInt;
use num_traits::ToPrimitive;

/// The type of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    Vu8,
    U8,
    S8,
    U16,
    S16,
    U32,
    S32,
    U64,
    S64,
    F32,
    F64,
    C32,
    C64,
}

const NAMES: &[(&str, Element)] = &[
    ("vu8", Element::Vu8),
    ("u8", Element::U8),
    ("s8", Element::S8),
    ("u16", Element::U16),
    ("s16", Element::S16),
    ("u32", Element::U32),
    ("s32", Element::S32),
    ("u64", Element::U64),
    ("s64", Element::S64),
    ("f32", Element::F32),
    ("f64", Element::F64),
    ("c32", Element::C32),
    ("c64", Element::C64),
];

/// Why a value cannot be an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Type,
    Range,
}

impl Element {
    /// Whether bytes mean the same of either type: `vu8` is another name for `u8`.
    pub fn is_like(self, other: Element) -> bool {
        let is_byte = |element| matches!(element, Element::Vu8 | Element::U8);
        self == other || is_byte(self) && is_byte(other)
    }

    pub fn named(name: &str) -> Option<Element> {
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, element)| *element)
    }

    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, element)| *element == self)
            .map_or("vu8", |(name, _)| name)
    }

    /// How many bytes an element takes.
    pub fn width(self) -> usize {
        match self {
            Element::Vu8 | Element::U8 | Element::S8 => 1,
            Element::U16 | Element::S16 => 2,
            Element::U32 | Element::S32 | Element::F32 => 4,
            Element::U64 | Element::S64 | Element::F64 | Element::C32 => 8,
            Element::C64 => 16,
        }
    }

    /// The procedure that Guile names when an element is refused.
    fn setter(self) -> &'static str {
        match self {
            Element::Vu8 | Element::U8 => "bytevector-u8-set!",
            Element::S8 => "bytevector-s8-set!",
            Element::U16 => "bytevector-u16-native-set!",
            Element::S16 => "bytevector-s16-native-set!",
            Element::U32 => "bytevector-u32-native-set!",
            Element::S32 => "bytevector-s32-native-set!",
            Element::U64 => "bytevector-u64-native-set!",
            Element::S64 => "bytevector-s64-native-set!",
            Element::F32 => "bytevector-ieee-single-native-set!",
            Element::F64 => "bytevector-ieee-double-native-set!",
            Element::C32 => "c32vector-set!",
            Element::C64 => "c64vector-set!",
        }
    }

    /// The element that lies in BYTES, of which there are `width`.
    pub fn get(self, bytes: &[u8]) -> Value {
        let mut word = [0; 8];
        let first = bytes.len().min(8);
        word[..first].copy_from_slice(&bytes[..first]);
        let unsigned = u64::from_ne_bytes(if cfg!(target_endian = "little") {
            word
        } else {
            let mut swapped = [0; 8];
            swapped[8 - first..].copy_from_slice(&bytes[..first]);
            swapped
        });
        let single = |part: &[u8]| {
            f64::from(f32::from_ne_bytes(
                part.try_into().expect("a single takes four bytes"),
            ))
        };
        let double =
            |part: &[u8]| f64::from_ne_bytes(part.try_into().expect("a double takes eight bytes"));
        match self {
            Element::Vu8 | Element::U8 | Element::U16 | Element::U32 => {
                Value::IntV(unsigned as isize)
            }
            Element::S8 => Value::IntV(unsigned as i8 as isize),
            Element::S16 => Value::IntV(unsigned as i16 as isize),
            Element::S32 => Value::IntV(unsigned as i32 as isize),
            Element::S64 => Value::IntV(unsigned as i64 as isize),
            Element::U64 => numbers::integer_value(BigInt::from(unsigned)),
            Element::F32 => Value::NumV(single(bytes)),
            Element::F64 => Value::NumV(double(bytes)),
            Element::C32 => numbers::complex_value(single(&bytes[..4]), single(&bytes[4..])),
            Element::C64 => numbers::complex_value(double(&bytes[..8]), double(&bytes[8..])),
        }
    }

    /// The bytes of VALUE as an element; as many of them as `width` says.
    pub fn put(self, value: &Value) -> Result<[u8; 16], Refusal> {
        let mut bytes = [0; 16];
        match self {
            Element::F32 => {
                let number = numbers::to_f64(value).ok_or(Refusal::Type)?;
                bytes[..4].copy_from_slice(&(number as f32).to_ne_bytes());
            }
            Element::F64 => {
                let number = numbers::to_f64(value).ok_or(Refusal::Type)?;
                bytes[..8].copy_from_slice(&number.to_ne_bytes());
            }
            Element::C32 | Element::C64 => {
                let (re, im) = match numbers::number(value) {
                    Some(Number::Complex(re, im)) => (re, im),
                    Some(number) => (number.float().ok_or(Refusal::Type)?, 0.0),
                    None => return Err(Refusal::Type),
                };
                if self == Element::C32 {
                    bytes[..4].copy_from_slice(&(re as f32).to_ne_bytes());
                    bytes[4..8].copy_from_slice(&(im as f32).to_ne_bytes());
                } else {
                    bytes[..8].copy_from_slice(&re.to_ne_bytes());
                    bytes[8..].copy_from_slice(&im.to_ne_bytes());
                }
            }
            _ => {
                let number = match numbers::number(value) {
                    Some(Number::Fix(number)) => number as i128,
                    Some(Number::Big(number)) => number.to_i128().ok_or(Refusal::Range)?,
                    _ => return Err(Refusal::Type),
                };
                let bits = 8 * self.width() as u32;
                let signed = matches!(
                    self,
                    Element::S8 | Element::S16 | Element::S32 | Element::S64
                );
                let (low, high) = if signed {
                    (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)
                } else {
                    (0, (1i128 << bits) - 1)
                };
                if !(low..=high).contains(&number) {
                    return Err(Refusal::Range);
                }
                match self.width() {
                    1 => bytes[0] = number as u8,
                    2 => bytes[..2].copy_from_slice(&(number as u16).to_ne_bytes()),
                    4 => bytes[..4].copy_from_slice(&(number as u32).to_ne_bytes()),
                    _ => bytes[..8].copy_from_slice(&(number as u64).to_ne_bytes()),
                }
            }
        }
        Ok(bytes)
    }

    /// The error for VALUE, which cannot be an element of an array.
    pub fn refuse(self, refusal: Refusal, value: &Value) -> Raise {
        match refusal {
            Refusal::Type => errors::wrong_type(self.setter(), 3, value),
            Refusal::Range => errors::value_out_of_range(self.setter(), value),
        }
    }
}

/// COUNT elements, each FILL.
pub fn filled(element: Element, count: usize, fill: &Value) -> Result<Value, Raise> {
    let word = element
        .put(fill)
        .map_err(|refusal| element.refuse(refusal, fill))?;
    memory::claim(count, element.width())?;
    Ok(bytevectors::uniform(
        word[..element.width()].repeat(count),
        element,
    ))
}

/// How many elements VALUE has, when it is a bytevector.
pub fn length(value: &Value) -> Option<usize> {
    let width = bytevectors::element(value)?.width();
    Bytevector::with(value, |bytes| bytes.len() / width)
}

/// Element INDEX of VALUE, a bytevector.
pub fn element_at(value: &Value, index: usize) -> Option<Value> {
    let element = bytevectors::element(value)?;
    Bytevector::with(value, |bytes| {
        let width = element.width();
        bytes
            .get(index * width..(index + 1) * width)
            .map(|bytes| element.get(bytes))
    })?
}

/// The elements of VALUE, a bytevector.
pub fn elements(value: &Value) -> Vec<Value> {
    let Some(element) = bytevectors::element(value) else {
        return Vec::new();
    };
    Bytevector::with(value, |bytes| {
        bytes
            .chunks_exact(element.width())
            .map(|bytes| element.get(bytes))
            .collect()
    })
    .unwrap_or_default()
}

fn kind(procedure: &str, args: &[Value], position: usize) -> Result<Element, Raise> {
    args::symbol(procedure, args, position).and_then(|name| {
        Element::named(name)
            .ok_or_else(|| errors::expecting(procedure, position, "element type", &args[0]))
    })
}

/// Argument 1 as a bytevector that an accessor called PROCEDURE reads as KIND.
fn vector_length(procedure: &str, vector: &Value, element: Element) -> Result<usize, Raise> {
    Bytevector::with(vector, |bytes| bytes.len() / element.width())
        .ok_or_else(|| errors::first_expecting(procedure, "bytevector", vector))
}

fn is_kind(args: &[Value]) -> Outcome {
    let wanted = kind("%uniform?", args, 1)?;
    Ok(boolean(bytevectors::element(&args[1]) == Some(wanted)))
}

fn make(args: &[Value]) -> Outcome {
    let element = kind("%make-uniform", args, 1)?;
    let count = match &args[1] {
        Value::IntV(count) if *count >= 0 => *count as usize,
        other => return Err(errors::wrong_type("make-bytevector", 1, other)),
    };
    filled(element, count, args.get(2).unwrap_or(&Value::IntV(0)))
}

fn of_list(args: &[Value]) -> Outcome {
    let element = kind("%list->uniform", args, 1)?;
    let items = pairs::to_vec(&args[1]).ok_or_else(|| errors::wrong_type("length", 1, &args[1]))?;
    let mut bytes = Vec::with_capacity(items.len() * element.width());
    for item in &items {
        let word = element.put(item).map_err(|_| refused(element, item))?;
        bytes.extend_from_slice(&word[..element.width()]);
    }
    Ok(bytevectors::uniform(bytes, element))
}

/// What Guile's machine says when an instruction refuses VALUE.
fn refused(element: Element, value: &Value) -> Raise {
    match element {
        Element::F32 | Element::F64 => errors::expected("real number", value),
        Element::C32 | Element::C64 => errors::expected("complex number", value),
        _ => errors::element_out_of_range(element.setter(), value),
    }
}

fn length_of(args: &[Value]) -> Outcome {
    let element = kind("%uniform-length", args, 1)?;
    vector_length("bv-length", &args[1], element).map(integer)
}

fn index(procedure: &str, args: &[Value], length: usize) -> Result<usize, Raise> {
    match &args[2] {
        Value::IntV(index) if *index >= 0 && (*index as usize) < length => Ok(*index as usize),
        Value::IntV(_) => Err(errors::index_out_of_range(procedure, &args[2])),
        other => Err(errors::wrong_type(procedure, 2, other)),
    }
}

fn reference(args: &[Value]) -> Outcome {
    let element = kind("%uniform-ref", args, 1)?;
    let procedure = element.setter().replace("-set!", "-ref");
    let length = vector_length(&procedure, &args[1], element)?;
    let index = index(&procedure, args, length)?;
    let width = element.width();
    Ok(Bytevector::with(&args[1], |bytes| {
        element.get(&bytes[index * width..][..width])
    })
    .expect("its length was asked for"))
}

fn set(args: &[Value]) -> Outcome {
    let element = kind("%uniform-set!", args, 1)?;
    let procedure = element.setter();
    let length = vector_length(procedure, &args[1], element)?;
    let index = index(procedure, args, length)?;
    let word = element
        .put(&args[3])
        .map_err(|_| refused(element, &args[3]))?;
    let width = element.width();
    Bytevector::change(&args[1], |bytes| {
        bytes[index * width..][..width].copy_from_slice(&word[..width]);
    });
    Ok(unspecified())
}

fn to_list(args: &[Value]) -> Outcome {
    let element = kind("%uniform->list", args, 1)?;
    let length = vector_length("bv-length", &args[1], element)?;
    let range = args::range("uniform->list", args, 3, length)?;
    Ok(pairs::list(
        Bytevector::with(&args[1], |bytes| {
            bytes
                .chunks_exact(element.width())
                .skip(range.start)
                .take(range.len())
                .map(|bytes| element.get(bytes))
                .collect::<Vec<_>>()
        })
        .unwrap_or_default(),
    ))
}

fn element_type(args: &[Value]) -> Outcome {
    Ok(match bytevectors::element(&args[0]) {
        Some(element) => symbol_value(element.name()),
        None => boolean(false),
    })
}

fn element_size(args: &[Value]) -> Outcome {
    match bytevectors::element(&args[0]) {
        Some(element) => Ok(integer(element.width())),
        None => Err(errors::expecting(
            "uniform-vector-element-size",
            1,
            "uniform vector",
            &args[0],
        )),
    }
}

/// (%uniform-copy vector start end): a part, with the same elements.
fn copy(args: &[Value]) -> Outcome {
    let element = bytevectors::element(&args[0])
        .ok_or_else(|| errors::expecting("uniform-copy", 1, "uniform vector", &args[0]))?;
    let start = size("uniform-copy", args, 2)?;
    let end = size("uniform-copy", args, 3)?;
    let width = element.width();
    let bytes = Bytevector::with(&args[0], |bytes| {
        bytes.get(start * width..end * width).map(<[u8]>::to_vec)
    })
    .flatten()
    .ok_or_else(|| errors::out_of_range("uniform-copy", 2, &args[1]))?;
    Ok(bytevectors::uniform(bytes, element))
}

natives! {
    /// (%uniform? kind object) -> whether OBJECT is a uniform vector of KIND
    "%uniform?" (2) => is_kind,
    /// (%make-uniform kind length [fill]) -> a uniform vector
    "%make-uniform" (2, 1) => make,
    /// (%list->uniform kind list) -> a uniform vector
    "%list->uniform" (2) => of_list,
    /// (%uniform-length kind vector) -> how many elements of KIND
    "%uniform-length" (2) => length_of,
    /// (%uniform-ref kind vector index) -> an element
    "%uniform-ref" (3) => reference,
    /// (%uniform-set! kind vector index value) -> nothing
    "%uniform-set!" (4) => set,
    /// (%uniform->list kind vector [start [end]]) -> list of elements
    "%uniform->list" (2, 2) => to_list,
    /// (%uniform-type object) -> a symbol such as `f64`, or #f
    "%uniform-type" (1) => element_type,
    /// (%uniform-width vector) -> bytes an element takes
    "%uniform-width" (1) => element_size,
    /// (%uniform-copy vector start end) -> a part of it
    "%uniform-copy" (3) => copy,
}
