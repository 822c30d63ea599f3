//! Bitvectors.
//!
//! Source: GNU Guile reference manual, "Bit Vectors".

use crate::data::args::{boolean, integer, unspecified};
use crate::data::native::{Outcome, Raise};
use crate::data::value::Value;
use crate::data::{errors, memory, pairs, uniform};
use crate::natives;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type, as_underlying_type_mut};

struct Bitvector(Vec<bool>);

impl Custom for Bitvector {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        let bits: String = self
            .0
            .iter()
            .map(|bit| if *bit { '1' } else { '0' })
            .collect();
        Some(Ok(format!("#*{bits}")))
    }
}

/// A fresh bitvector.
pub fn value(bits: Vec<bool>) -> Value {
    Bitvector(bits)
        .into_steelval()
        .expect("a custom value is always a value")
}

/// Look at the bits of VALUE, when it is a bitvector.
pub fn with<T>(value: &Value, look: impl FnOnce(&[bool]) -> T) -> Option<T> {
    let Value::Custom(custom) = value else {
        return None;
    };
    let custom = custom.read();
    as_underlying_type::<Bitvector>(custom.as_ref()).map(|bits| look(&bits.0))
}

/// Change the bits of VALUE, when it is a bitvector.
pub fn change<T>(value: &Value, change: impl FnOnce(&mut [bool]) -> T) -> Option<T> {
    let Value::Custom(custom) = value else {
        return None;
    };
    let mut custom = custom.write();
    as_underlying_type_mut::<Bitvector>(custom.as_mut()).map(|bits| change(&mut bits.0))
}

pub fn is_bitvector(value: &Value) -> bool {
    with(value, |_| ()).is_some()
}

fn truth(value: &Value) -> bool {
    !matches!(value, Value::BoolV(false))
}

fn bits(procedure: &str, args: &[Value], position: usize) -> Result<Vec<bool>, Raise> {
    with(&args[position - 1], <[bool]>::to_vec)
        .ok_or_else(|| errors::expecting(procedure, position, "bitvector", &args[position - 1]))
}

fn length(procedure: &str, args: &[Value], position: usize) -> Result<usize, Raise> {
    with(&args[position - 1], <[bool]>::len)
        .ok_or_else(|| errors::expecting(procedure, position, "bitvector", &args[position - 1]))
}

/// The index that argument 2 is.
fn index(procedure: &str, args: &[Value]) -> Result<usize, Raise> {
    let length = length(procedure, args, 1)?;
    match &args[1] {
        Value::IntV(index) if *index >= 0 && (*index as usize) < length => Ok(*index as usize),
        Value::IntV(_) => Err(errors::out_of_range(procedure, 2, &args[1])),
        other => Err(errors::expected("exact integer", other)),
    }
}

fn predicate(args: &[Value]) -> Outcome {
    Ok(boolean(is_bitvector(&args[0])))
}

fn make(args: &[Value]) -> Outcome {
    match &args[0] {
        Value::IntV(count) if *count >= 0 => {
            memory::claim(*count as usize, 1)?;
            Ok(value(vec![args.get(1).is_some_and(truth); *count as usize]))
        }
        Value::IntV(_) => Err(errors::out_of_range("make-bitvector", 1, &args[0])),
        other => Err(errors::expected("exact integer", other)),
    }
}

fn bitvector(args: &[Value]) -> Outcome {
    Ok(value(args.iter().map(truth).collect()))
}

fn bitvector_length(args: &[Value]) -> Outcome {
    length("bitvector-length", args, 1).map(integer)
}

fn is_set(args: &[Value]) -> Outcome {
    let index = index("bitvector-bit-set?", args)?;
    Ok(boolean(with(&args[0], |bits| bits[index]).unwrap_or(false)))
}

fn is_clear(args: &[Value]) -> Outcome {
    let index = index("bitvector-bit-clear?", args)?;
    Ok(boolean(
        with(&args[0], |bits| !bits[index]).unwrap_or(false),
    ))
}

fn put(procedure: &str, args: &[Value], bit: bool) -> Outcome {
    let index = index(procedure, args)?;
    change(&args[0], |bits| bits[index] = bit);
    Ok(unspecified())
}

fn set(args: &[Value]) -> Outcome {
    put("bitvector-set!", args, truth(&args[2]))
}

fn set_bit(args: &[Value]) -> Outcome {
    put("bitvector-set-bit!", args, true)
}

fn clear_bit(args: &[Value]) -> Outcome {
    put("bitvector-clear-bit!", args, false)
}

fn fill(args: &[Value]) -> Outcome {
    length("bitvector-fill!", args, 1)?;
    let bit = truth(&args[1]);
    change(&args[0], |bits| bits.fill(bit));
    Ok(unspecified())
}

fn set_all(args: &[Value]) -> Outcome {
    length("bitvector-set-all-bits!", args, 1)?;
    change(&args[0], |bits| bits.fill(true));
    Ok(unspecified())
}

fn clear_all(args: &[Value]) -> Outcome {
    length("bitvector-clear-all-bits!", args, 1)?;
    change(&args[0], |bits| bits.fill(false));
    Ok(unspecified())
}

fn flip_all(args: &[Value]) -> Outcome {
    length("bitvector-flip-all-bits!", args, 1)?;
    change(&args[0], |bits| {
        bits.iter_mut().for_each(|bit| *bit = !*bit)
    });
    Ok(unspecified())
}

fn from_list(args: &[Value]) -> Outcome {
    let items = pairs::to_vec(&args[0]).ok_or_else(|| errors::wrong_type("length", 1, &args[0]))?;
    Ok(value(items.iter().map(truth).collect()))
}

fn to_list(args: &[Value]) -> Outcome {
    let bits = bits("bitvector->list", args, 1)?;
    Ok(pairs::list(bits.into_iter().map(Value::BoolV)))
}

fn copy(args: &[Value]) -> Outcome {
    let bits = bits("bitvector-copy", args, 1)?;
    let bound = |position: usize, low: usize, default: usize| match args.get(position - 1) {
        None => Ok(default),
        Some(Value::IntV(at)) if *at >= low as isize && *at as usize <= bits.len() => {
            Ok(*at as usize)
        }
        Some(other @ Value::IntV(_)) => {
            Err(errors::out_of_range("bitvector-copy", position, other))
        }
        Some(other) => Err(errors::expected("exact integer", other)),
    };
    let start = bound(2, 0, 0)?;
    let end = bound(3, start, bits.len())?;
    Ok(value(bits[start..end].to_vec()))
}

fn count(args: &[Value]) -> Outcome {
    let bits = bits("bitvector-count", args, 1)?;
    Ok(integer(bits.iter().filter(|bit| **bit).count()))
}

/// (bit-count bit bitvector)
fn count_of(args: &[Value]) -> Outcome {
    let wanted = truth(&args[0]);
    let bits = bits("bit-count", args, 2)?;
    Ok(integer(bits.iter().filter(|bit| **bit == wanted).count()))
}

fn find(bits: &[bool], wanted: bool, start: &Value) -> Outcome {
    let start = match start {
        Value::IntV(at) if *at >= 0 && *at as usize <= bits.len() => *at as usize,
        Value::IntV(_) => return Err(errors::not_between(0, bits.len() as isize, start)),
        other => return Err(errors::expected("exact integer", other)),
    };
    Ok(bits[start..]
        .iter()
        .position(|bit| *bit == wanted)
        .map_or(boolean(false), |at| integer(start + at)))
}

fn position(args: &[Value]) -> Outcome {
    let bits = bits("bitvector-position", args, 1)?;
    find(
        &bits,
        truth(&args[1]),
        args.get(2).unwrap_or(&Value::IntV(0)),
    )
}

/// (bit-position bit bitvector start)
fn position_of(args: &[Value]) -> Outcome {
    let bits = bits("bit-position", args, 2)?;
    find(&bits, truth(&args[0]), &args[2])
}

/// The places that argument POSITION, a bitvector or a u32vector, selects among LENGTH.
fn selected(
    procedure: &str,
    args: &[Value],
    position: usize,
    length: usize,
) -> Result<Vec<usize>, Raise> {
    let selection = &args[position - 1];
    if let Some(chosen) = with(selection, |bits| {
        (bits.len() <= length).then(|| {
            bits.iter()
                .enumerate()
                .filter(|(_, bit)| **bit)
                .map(|(at, _)| at)
                .collect()
        })
    }) {
        return chosen.ok_or_else(|| {
            errors::misc_without_procedure(
                "selection bitvector longer than target bitvector",
                Vec::new(),
            )
        });
    }
    let Some(count) = uniform::length(selection) else {
        return Err(errors::expecting(
            procedure,
            position,
            "bitvector",
            selection,
        ));
    };
    (0..count)
        .map(|at| match uniform::element_at(selection, at) {
            Some(Value::IntV(at)) if at >= 0 && (at as usize) < length => Ok(at as usize),
            other => Err(errors::not_between(
                0,
                length as isize,
                &other.unwrap_or(Value::IntV(0)),
            )),
        })
        .collect()
}

fn change_selected(procedure: &str, args: &[Value], bit: bool) -> Outcome {
    let length = length(procedure, args, 1)?;
    let places = selected(procedure, args, 2, length)?;
    change(&args[0], |bits| {
        places.iter().for_each(|at| bits[*at] = bit)
    });
    Ok(unspecified())
}

fn set_bits(args: &[Value]) -> Outcome {
    change_selected("bitvector-set-bits!", args, true)
}

fn clear_bits(args: &[Value]) -> Outcome {
    change_selected("bitvector-clear-bits!", args, false)
}

/// (bit-set*! bitvector selection bit)
fn set_selected(args: &[Value]) -> Outcome {
    change_selected("bit-set*!", args, truth(&args[2]))
}

fn count_selected(procedure: &str, args: &[Value], wanted: bool) -> Outcome {
    let bits = bits(procedure, args, 1)?;
    let places = selected(procedure, args, 2, bits.len())?;
    Ok(integer(
        places.iter().filter(|at| bits[**at] == wanted).count(),
    ))
}

fn count_bits(args: &[Value]) -> Outcome {
    count_selected("bitvector-count-bits", args, true)
}

/// (bit-count* bitvector selection bit)
fn count_selected_of(args: &[Value]) -> Outcome {
    count_selected("bit-count*", args, truth(&args[2]))
}

/// The bits that TEXT, what follows `#*`, writes.
pub fn parse(text: &str) -> Option<Vec<bool>> {
    text.bytes()
        .map(|bit| match bit {
            b'0' => Some(false),
            b'1' => Some(true),
            _ => None,
        })
        .collect()
}

/// Two bitvectors compared, when both are.
pub fn same(a: &Value, b: &Value) -> Option<bool> {
    with(a, |a| with(b, |b| a == b)).flatten()
}

natives! {
    /// (bitvector? object) -> whether it is a bitvector
    "bitvector?" (1) => predicate,
    /// (make-bitvector length [fill]) -> a new bitvector; its bits are off unless FILL is true
    "make-bitvector" (1, 1) => make,
    /// (bitvector bit …) -> a new bitvector of these bits
    "bitvector" (0, rest) => bitvector,
    /// (bitvector-length bits) -> how many bits it has
    "bitvector-length" (1) => bitvector_length,
    /// (bitvector-ref bits index) -> the bit at INDEX, a boolean
    "bitvector-ref" (2) => is_set,
    /// (bitvector-set! bits index bit) -> set the bit at INDEX
    "bitvector-set!" (3) => set,
    /// (bitvector-bit-set? bits index) -> whether the bit is on
    "bitvector-bit-set?" (2) => is_set,
    /// (bitvector-bit-clear? bits index) -> whether the bit is off
    "bitvector-bit-clear?" (2) => is_clear,
    /// (bitvector-set-bit! bits index) -> turn the bit on
    "bitvector-set-bit!" (2) => set_bit,
    /// (bitvector-clear-bit! bits index) -> turn the bit off
    "bitvector-clear-bit!" (2) => clear_bit,
    /// (bitvector-fill! bits bit) -> make every bit BIT
    "bitvector-fill!" (2) => fill,
    /// (bitvector-set-all-bits! bits) -> turn every bit on
    "bitvector-set-all-bits!" (1) => set_all,
    /// (bitvector-clear-all-bits! bits) -> turn every bit off
    "bitvector-clear-all-bits!" (1) => clear_all,
    /// (bitvector-flip-all-bits! bits) -> turn the bits that are on off, and the others on
    "bitvector-flip-all-bits!" (1) => flip_all,
    /// (bit-invert! bits) -> the same by its old name
    "bit-invert!" (1) => flip_all,
    /// (list->bitvector list) -> a new bitvector of the booleans in LIST
    "list->bitvector" (1) => from_list,
    /// (bitvector->list bits) -> the bits as a list of booleans
    "bitvector->list" (1) => to_list,
    /// (bitvector-copy bits [start [end]]) -> a new bitvector of those from START up to END
    "bitvector-copy" (1, 2) => copy,
    /// (bitvector-count bits) -> how many bits are on
    "bitvector-count" (1) => count,
    /// (bit-count bit bits) -> how many bits are BIT
    "bit-count" (2) => count_of,
    /// (bitvector-position bits bit [start]) -> the index of the first BIT from START on, or #f
    "bitvector-position" (2, 1) => position,
    /// (bit-position bit bits start) -> the same by its old name
    "bit-position" (3) => position_of,
    /// (bitvector-set-bits! bits selection) -> turn on the bits that are on in SELECTION
    "bitvector-set-bits!" (2) => set_bits,
    /// (bitvector-clear-bits! bits selection) -> turn off the bits that are on in SELECTION
    "bitvector-clear-bits!" (2) => clear_bits,
    /// (bit-set*! bits selection bit) -> set to BIT those that SELECTION, a bitvector or a vector of indices, selects
    "bit-set*!" (3) => set_selected,
    /// (bitvector-count-bits bits selection) -> how many bits are on in both
    "bitvector-count-bits" (2) => count_bits,
    /// (bit-count* bits selection bit) -> how many of those that SELECTION selects are BIT
    "bit-count*" (3) => count_selected_of,
}
