//! `eq?`, `eqv?`, `equal?` and the hashes that go with them.
//!
//! All three are ours: Steel compares symbols, records and numbers otherwise.

use crate::data::bytevectors::{self, Bytevector};
use crate::data::identity::{self, is_eq};
use crate::data::native::Outcome;
use crate::data::value::Value;
use crate::data::{
    args, arrays, bitvectors, char_sets, errors, numbers, pairs, records, strings as text,
};
use crate::syntax::object::unwrap;
use crate::syntax::stx::{Form, Stx};
use num_traits::ToPrimitive;
use std::collections::HashSet;
use std::hash::Hasher;
use std::rc::Rc;
use steel::gc::Gc;

/// Whether A and B are the same object or the same number.
#[inline]
pub fn is_eqv(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::BigNum(a), Value::BigNum(b)) => a == b,
        (Value::Rational(a), Value::Rational(b)) => a == b,
        (Value::BigRational(a), Value::BigRational(b)) => a == b,
        (Value::NumV(a), Value::NumV(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
        (Value::Complex(_), Value::Complex(_)) => numbers::complex_parts(a)
            .zip(numbers::complex_parts(b))
            .is_some_and(|(a, b)| is_eqv(&a.0, &b.0) && is_eqv(&a.1, &b.1)),
        // Continuations have no identity that could be asked for.
        (Value::ContinuationFunction(a), Value::ContinuationFunction(b)) => {
            Value::ContinuationFunction(a.clone()) == Value::ContinuationFunction(b.clone())
        }
        _ => is_eq(a, b),
    }
}

/// Whether A and B have the same shape and contents. Iterative: data may be
/// nested as deeply as memory allows.
pub fn is_equal(a: &Value, b: &Value) -> bool {
    if let Some(answer) = shallow_equal(a, b) {
        return answer;
    }
    let mut pending: Vec<(Value, Value)> = vec![(a.clone(), b.clone())];
    let mut rounds = Rounds::default();
    while let Some((mut a, mut b)) = pending.pop() {
        loop {
            if let Some(answer) = shallow_equal(&a, &b) {
                if answer {
                    break;
                }
                return false;
            }
            if rounds.have_begun_anew(&a, &b) {
                break;
            }
            if let (Some(car_a), Some(car_b)) = (pairs::car(&a), pairs::car(&b)) {
                match shallow_equal(car_a, car_b) {
                    Some(true) => {}
                    Some(false) => return false,
                    None => pending.push((car_a.clone(), car_b.clone())),
                }
                let rest = (pairs::cdr(&a), pairs::cdr(&b));
                let (Some(rest_a), Some(rest_b)) = rest else {
                    return false;
                };
                (a, b) = (rest_a, rest_b);
                continue;
            }
            let (Value::MutableVector(left), Value::MutableVector(right)) = (&a, &b) else {
                let parts =
                    records::fields_of_one_type(&a, &b).or_else(|| arrays::same_shape(&a, &b));
                let Some(parts) = parts else {
                    return false;
                };
                pending.extend(parts.into_iter().rev());
                break;
            };
            let (left, right) = (left.get(), right.get());
            if left.len() != right.len() {
                return false;
            }
            pending.extend(left.into_iter().zip(right).rev());
            break;
        }
    }
    true
}

/// What has been compared, so that circles are not gone round for ever.
#[derive(Default)]
struct Rounds {
    count: usize,
    met: HashSet<(u64, u64)>,
}

impl Rounds {
    /// Data that are no circles are rarely larger.
    const LARGE: usize = 1 << 16;
    /// One of so many is remembered: a circle comes back to it, too.
    const REMEMBERED: usize = 16;

    /// Whether A and B, which have parts, have been compared, or are being.
    #[inline]
    fn have_begun_anew(&mut self, a: &Value, b: &Value) -> bool {
        self.count += 1;
        if self.count < Self::LARGE {
            return false;
        }
        let pair = (address(a), address(b));
        if self.met.contains(&pair) {
            return true;
        }
        if self.count.is_multiple_of(Self::REMEMBERED) {
            self.met.insert(pair);
        }
        false
    }
}

/// The answer when it can be given without looking into pairs and vectors.
#[inline]
fn shallow_equal(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::StringV(a), Value::StringV(b)) => Some(text::of(a) == text::of(b)),
        (Value::Pair(a), Value::Pair(b)) => Gc::ptr_eq(a, b).then_some(true),
        (Value::ListV(a), Value::ListV(b)) => {
            if a.is_empty() || b.is_empty() {
                Some(a.is_empty() && b.is_empty())
            } else {
                None
            }
        }
        (Value::Pair(_), Value::ListV(l)) | (Value::ListV(l), Value::Pair(_)) => {
            if l.is_empty() {
                Some(false)
            } else {
                None
            }
        }
        (Value::MutableVector(a), Value::MutableVector(b)) => {
            if a.as_ptr_usize() == b.as_ptr_usize() {
                Some(true)
            } else {
                // Hash tables and records begin with a mark that is compared like any element.
                None
            }
        }
        (Value::Custom(x), Value::Custom(y)) if !Gc::ptr_eq(x, y) => Some(
            bytevectors::same(a, b)
                .or_else(|| bitvectors::same(a, b))
                .or_else(|| same_syntax(a, b).then_some(true))
                .unwrap_or_else(|| char_sets::both(a, b).is_some_and(|(a, b)| a == b)),
        ),
        (Value::CustomStruct(_), _) | (_, Value::CustomStruct(_)) if !is_eq(a, b) => {
            let has_parts = records::fields_of_one_type(a, b).is_some()
                || arrays::is_layered(a)
                || arrays::is_layered(b);
            (!has_parts).then_some(false)
        }
        _ => Some(is_eqv(a, b)),
    }
}

/// A hasher of one multiplication a word. Both halves of the product are kept: its
/// low bits alone know nothing of the word's high ones, so that a table of texts with
/// one beginning would keep them all in one place.
#[derive(Clone, Copy, Default)]
pub struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.write_u64(u64::from_le_bytes(
                chunk.try_into().expect("chunks_exact gives 8 bytes"),
            ));
        }
        let mut last = [0u8; 8];
        let rest = chunks.remainder();
        last[..rest.len()].copy_from_slice(rest);
        self.write_u64(u64::from_le_bytes(last) ^ ((bytes.len() as u64) << 56));
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        let mixed = u128::from(self.0.rotate_left(5) ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (mixed as u64) ^ ((mixed >> 64) as u64);
    }
}

fn mix(kind: u64, word: u64) -> u64 {
    let mut mixer = Mixer(kind);
    mixer.write_u64(word);
    mixer.finish()
}

fn address(value: &Value) -> u64 {
    (match value {
        Value::SymbolV(text) | Value::StringV(text) => Rc::as_ptr(text) as usize,
        Value::Pair(pair) => pair.as_ptr() as usize,
        Value::ListV(list) => {
            let (elements, index) = list.identity_tuple();
            if list.is_empty() {
                0
            } else {
                elements.wrapping_add(index)
            }
        }
        Value::MutableVector(vector) => vector.as_ptr_usize(),
        Value::HeapAllocated(cell) => cell.as_ptr_usize(),
        Value::Custom(object) => object.as_ptr() as *const u8 as usize,
        Value::Closure(closure) => identity::address_of_procedure(closure.as_ptr() as usize),
        Value::CustomStruct(object) => object.as_ptr() as usize,
        Value::BoxedFunction(function) => function.as_ptr() as usize,
        Value::BigNum(number) => number.as_ptr() as usize,
        Value::BigRational(number) => number.as_ptr() as usize,
        Value::FuncV(function) => *function as *const () as usize,
        Value::BuiltIn(function) => *function as *const () as usize,
        _ => 7,
    }) as u64
}

/// A hash that agrees with `eq?`.
#[inline]
pub fn hash_eq(value: &Value) -> u64 {
    match value {
        // Numbers that follow each other are looked for one after the other, so eight
        // of them share a place: what a table keeps there fits a line of the cache.
        Value::IntV(number) => (mix(1, *number as u64 >> 3) << 3) | (*number as u64 & 7),
        Value::CharV(character) => mix(2, *character as u64),
        Value::BoolV(truth) => mix(3, *truth as u64),
        Value::NumV(number) => mix(4, number.to_bits()),
        other => mix(5, address(other)),
    }
}

/// A hash that agrees with `eqv?`.
#[inline]
pub fn hash_eqv(value: &Value) -> u64 {
    match value {
        Value::BigNum(number) => mix(
            6,
            number
                .iter_u64_digits()
                .fold(0, |sum, digit| sum.wrapping_mul(31).wrapping_add(digit)),
        ),
        Value::Rational(_) | Value::BigRational(_) | Value::Complex(_) => {
            mix(7, numbers::to_f64(value).unwrap_or(0.0).to_bits())
        }
        Value::NumV(number) if number.is_nan() => mix(4, 0),
        Value::ContinuationFunction(_) => 8,
        other => hash_eq(other),
    }
}

/// A hash that agrees with `equal?`. Looks at a bounded part of large data.
pub fn hash_equal(value: &Value) -> u64 {
    let mut budget = 64;
    hash_within(value, &mut budget)
}

/// A hash of TEXT that agrees with `string=?`.
pub fn hash_text(text: &str) -> u64 {
    let mut mixer = Mixer(9);
    mixer.write(text.as_bytes());
    mixer.finish()
}

fn hash_within(value: &Value, budget: &mut usize) -> u64 {
    if *budget == 0 {
        return 10;
    }
    *budget -= 1;
    match value {
        Value::StringV(string) => hash_text(text::of(string)),
        Value::Pair(_) | Value::ListV(_) => {
            let mut mixer = Mixer(11);
            for item in pairs::items(value).take(16) {
                mixer.write_u64(hash_within(item, budget));
            }
            mixer.finish()
        }
        Value::MutableVector(vector) => vector.borrow(|items| {
            let mut mixer = Mixer(12);
            for item in items.iter().take(16) {
                mixer.write_u64(hash_within(item, budget));
            }
            mixer.finish()
        }),
        Value::CustomStruct(_) => match records::fields_of_one_type(value, value) {
            Some(fields) => {
                let mut mixer = Mixer(15);
                for (field, _) in fields.iter().take(16) {
                    mixer.write_u64(hash_within(field, budget));
                }
                mixer.finish()
            }
            None => match arrays::is_layered(value) {
                true => 16,
                false => hash_eq(value),
            },
        },
        Value::Custom(_) => Bytevector::with(value, |bytes| {
            let mut mixer = Mixer(13);
            mixer.write(bytes);
            mixer.finish()
        })
        .unwrap_or_else(|| {
            if char_sets::is_char_set(value) || bitvectors::is_bitvector(value) {
                14
            } else {
                hash_eq(value)
            }
        }),
        other => hash_eqv(other),
    }
}

fn all(args: &[Value], same: fn(&Value, &Value) -> bool) -> Outcome {
    Ok(Value::BoolV(
        args.windows(2).all(|pair| same(&pair[0], &pair[1])),
    ))
}

fn eq(args: &[Value]) -> Outcome {
    all(args, is_eq)
}

fn eqv(args: &[Value]) -> Outcome {
    all(args, is_eqv)
}

fn equal(args: &[Value]) -> Outcome {
    all(args, is_equal)
}

fn hash_with(args: &[Value], procedure: &str, hash: fn(&Value) -> u64) -> Outcome {
    let limit = match args.get(1) {
        Some(_) => args::size(procedure, args, 2)?,
        None => (isize::MAX as usize) >> 2,
    };
    if limit == 0 {
        return Err(errors::out_of_range(procedure, 2, &args[1]));
    }
    Ok(Value::IntV(
        (hash(&args[0]) % limit as u64).to_isize().unwrap_or(0),
    ))
}

fn hash(args: &[Value]) -> Outcome {
    hash_with(args, "hash", hash_equal)
}

fn hashq(args: &[Value]) -> Outcome {
    hash_with(args, "hashq", hash_eq)
}

fn hashv(args: &[Value]) -> Outcome {
    hash_with(args, "hashv", hash_eqv)
}

fn object_address(args: &[Value]) -> Outcome {
    Ok(Value::IntV(address(&args[0]) as isize))
}

/// (%only-here? object references): whether nobody but the caller refers to OBJECT.
fn only_here(args: &[Value]) -> Outcome {
    let expected = args::size("%only-here?", args, 2)? + 1;
    Ok(Value::BoolV(match &args[0] {
        Value::Pair(pair) => Gc::strong_count(pair) <= expected,
        Value::StringV(string) => Rc::strong_count(string) <= expected,
        Value::Custom(object) => Gc::strong_count(object) <= expected,
        Value::CustomStruct(object) => Gc::strong_count(object) <= expected,
        Value::Closure(closure) => Gc::strong_count(closure) <= expected,
        _ => false,
    }))
}

fn not(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(matches!(args[0], Value::BoolV(false))))
}

crate::natives! {
    /// (object-address object) -> integer that no other object has now
    "object-address" (1) => object_address,
    /// (%only-here? object references) -> whether there are no more references than these
    "%only-here?" (2) => only_here,
    /// (eq? a b …) -> boolean
    ///
    /// (not x) -> whether X is #f
    "not" (1) => not,
    /// Whether the arguments are one object.
    "eq?" (0, 2, rest) => eq,
    /// (eqv? a b …) -> boolean
    ///
    /// Whether the arguments are one object, or the same number.
    "eqv?" (0, 2, rest) => eqv,
    /// (equal? a b …) -> boolean
    ///
    /// Whether the arguments have the same shape and contents.
    "equal?" (0, 2, rest) => equal,
    /// (hash key size) -> integer below SIZE
    ///
    /// A hash of KEY that agrees with `equal?`.
    "hash" (1, 1) => hash,
    /// (hashq key size) -> integer below SIZE
    ///
    /// A hash of KEY that agrees with `eq?`.
    "hashq" (1, 1) => hashq,
    /// (hashv key size) -> integer below SIZE
    ///
    /// A hash of KEY that agrees with `eqv?`.
    "hashv" (1, 1) => hashv,
}

/// Whether two pieces of syntax are the same names and data.
fn same_syntax(a: &Value, b: &Value) -> bool {
    fn same_stx(a: &Stx, b: &Stx) -> bool {
        match (a.form(), b.form()) {
            (Form::Id(a), Form::Id(b)) => a == b,
            (Form::Atom(a), Form::Atom(b)) => same_atom(a, b),
            (Form::List(a, a_tail), Form::List(b, b_tail)) => {
                let tails = match (a_tail, b_tail) {
                    (Some(a), Some(b)) => same_stx(a, b),
                    (None, None) => true,
                    _ => false,
                };
                tails && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_stx(a, b))
            }
            (Form::Vector(a), Form::Vector(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_stx(a, b))
            }
            _ => false,
        }
    }
    matches!((unwrap(a), unwrap(b)), (Some(a), Some(b)) if same_stx(&a, &b))
}

/// `equal?` for data that stand for themselves.
pub fn same_atom(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::NumV(a), Value::NumV(b)) => a == b,
        (Value::IntV(a), Value::IntV(b)) => a == b,
        (Value::IntV(_), Value::NumV(_)) | (Value::NumV(_), Value::IntV(_)) => false,
        _ => a == b,
    }
}
