//! Arrays: a way of counting over the elements of a vector, string, bitvector
//! or uniform vector.
//!
//! An array is a struct of two fields, like a hash table: how to count, which
//! is ours and holds no Scheme values, and what holds the elements. What holds
//! elements is itself an array of one dimension. An array that counts over all
//! of its elements in order from 0 is not made; its elements stand for it.
//!
//! Source: GNU Guile reference manual, "Arrays"; errors read off Guile 3.0.8.

mod elements;
mod making;
mod nesting;
mod sharing;

use crate::data::args::integer;
use crate::data::bytevectors::{self, Bytevector};
use crate::data::native::Native;
use crate::data::native::{Outcome, Raise};
use crate::data::uniform::{self, Element};
use crate::data::value::{Value, symbol_value};
use crate::data::{bitvectors, errors, memory, records, strings as text, vectors};
pub use nesting::{Piece, pieces, written};
use std::fmt::Write;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

/// One dimension: the indices it has, and how far apart they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension {
    pub low: isize,
    pub length: usize,
    step: isize,
}

impl Dimension {
    fn high(self) -> isize {
        self.low + self.length as isize - 1
    }

    fn contains(self, index: isize) -> bool {
        index >= self.low && index <= self.high()
    }
}

struct Layout {
    base: isize,
    dimensions: Vec<Dimension>,
}

impl Custom for Layout {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok("array".to_owned()))
    }
}

/// What elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Any,
    Character,
    Bit,
    Uniform(Element),
}

impl Kind {
    fn is_like(self, other: Kind) -> bool {
        match (self, other) {
            (Kind::Uniform(a), Kind::Uniform(b)) => a.is_like(b),
            (a, b) => a == b,
        }
    }

    fn named(value: &Value) -> Option<Kind> {
        match value {
            Value::BoolV(true) => Some(Kind::Any),
            Value::SymbolV(name) => Kind::of_tag(name.as_str()),
            _ => None,
        }
    }

    fn of_tag(tag: &str) -> Option<Kind> {
        match tag {
            "" => Some(Kind::Any),
            "a" => Some(Kind::Character),
            "b" => Some(Kind::Bit),
            name => Element::named(name).map(Kind::Uniform),
        }
    }

    fn tag(self) -> &'static str {
        match self {
            Kind::Any => "",
            Kind::Character => "a",
            Kind::Bit => "b",
            Kind::Uniform(element) => element.name(),
        }
    }

    fn value(self) -> Value {
        match self {
            Kind::Any => Value::BoolV(true),
            other => symbol_value(other.tag()),
        }
    }

    /// COUNT elements, each FILL or whatever is usual.
    fn filled(
        self,
        vector: &mut dyn FnMut(Vec<Value>) -> Value,
        count: usize,
        fill: Option<&Value>,
    ) -> Outcome {
        let fill = fill.filter(|fill| !matches!(fill, Value::Void));
        match self {
            Kind::Any if memory::claim(count, size_of::<Value>()).is_err() => {
                Err(memory::exhausted())
            }
            Kind::Any => Ok(vector(vec![fill.cloned().unwrap_or(Value::Void); count])),
            Kind::Character => {
                let character = match fill {
                    None => ' ',
                    Some(Value::CharV(character)) => *character,
                    Some(other) => {
                        return Err(errors::expecting("make-string", 2, "character", other));
                    }
                };
                Ok(text::value(
                    std::iter::repeat_n(character, count).collect::<String>(),
                ))
            }
            Kind::Bit => Ok(bitvectors::value(vec![
                fill.is_some_and(|fill| !matches!(
                    fill,
                    Value::BoolV(false)
                ));
                count
            ])),
            Kind::Uniform(element) => {
                uniform::filled(element, count, fill.unwrap_or(&Value::IntV(0)))
            }
        }
    }
}

/// What holds elements, when VALUE does: their kind and number.
fn holder(value: &Value) -> Option<(Kind, usize)> {
    match value {
        Value::MutableVector(_) => vectors::with(value, |items| (Kind::Any, items.len())),
        Value::StringV(string) => Some((Kind::Character, text::length(string))),
        Value::Custom(_) => match bytevectors::element(value) {
            Some(element) => uniform::length(value).map(|count| (Kind::Uniform(element), count)),
            None => bitvectors::with(value, |bits| (Kind::Bit, bits.len())),
        },
        _ => None,
    }
}

/// An array, taken apart.
#[derive(Clone)]
pub struct View {
    pub root: Value,
    base: isize,
    pub dimensions: Vec<Dimension>,
}

/// VALUE as an array.
pub fn view(value: &Value) -> Option<View> {
    match value {
        Value::CustomStruct(fields) => {
            let Some(Value::Custom(layout)) = fields.get_index(0) else {
                return None;
            };
            let layout = layout.read();
            let layout = as_underlying_type::<Layout>(layout.as_ref())?;
            Some(View {
                root: fields.get_index(1)?.clone(),
                base: layout.base,
                dimensions: layout.dimensions.clone(),
            })
        }
        other => holder(other).map(|(_, length)| View {
            root: other.clone(),
            base: 0,
            dimensions: vec![Dimension {
                low: 0,
                length,
                step: 1,
            }],
        }),
    }
}

/// Whether VALUE is an array that is not simply what holds its elements.
pub fn is_layered(value: &Value) -> bool {
    matches!(value, Value::CustomStruct(_)) && view(value).is_some()
}

/// The elements of VALUE, an array of one dimension that is no vector, and of any values.
pub fn of_one_dimension(value: &Value) -> Option<Vec<Value>> {
    let view = view(value).filter(|_| is_layered(value))?;
    let counts = view.dimensions.len() == 1 && view.kind() == Kind::Any;
    counts.then(|| (0..view.count()).map(|number| view.nth(number)).collect())
}

impl View {
    pub fn kind(&self) -> Kind {
        holder(&self.root).map_or(Kind::Any, |(kind, _)| kind)
    }

    /// How many elements there are.
    pub fn count(&self) -> usize {
        self.dimensions
            .iter()
            .map(|dimension| dimension.length)
            .product()
    }

    /// Where element NUMBER, in the order of the last index first, lies.
    fn place(&self, number: usize) -> isize {
        let mut rest = number;
        let mut place = self.base;
        for dimension in self.dimensions.iter().rev() {
            place += (rest % dimension.length) as isize * dimension.step;
            rest /= dimension.length;
        }
        place
    }

    fn get(&self, place: isize) -> Value {
        let place = place as usize;
        match &self.root {
            Value::MutableVector(_) => {
                vectors::with(&self.root, |items| items.get(place).cloned()).flatten()
            }
            Value::StringV(string) => text::character(string, place).map(Value::CharV),
            root => uniform::element_at(root, place).or_else(|| {
                bitvectors::with(root, |bits| bits.get(place).copied())
                    .flatten()
                    .map(Value::BoolV)
            }),
        }
        .unwrap_or(Value::Void)
    }

    fn put(&self, place: isize, value: &Value) -> Result<(), Raise> {
        let place = place as usize;
        match (&self.root, self.kind()) {
            (Value::StringV(string), _) => {
                let Value::CharV(character) = value else {
                    return Err(errors::expecting("string-set!", 3, "character", value));
                };
                text::check_mutable(&self.root)?;
                text::set_character(string, place, *character);
            }
            (root, Kind::Uniform(element)) => {
                let word = element
                    .put(value)
                    .map_err(|refusal| element.refuse(refusal, value))?;
                let width = element.width();
                Bytevector::change(root, |bytes| {
                    if let Some(slot) = bytes.get_mut(place * width..(place + 1) * width) {
                        slot.copy_from_slice(&word[..width]);
                    }
                });
            }
            (root, Kind::Bit) => {
                bitvectors::change(root, |bits| {
                    if let Some(bit) = bits.get_mut(place) {
                        *bit = !matches!(value, Value::BoolV(false));
                    }
                });
            }
            (root, _) => {
                vectors::change(root, |items| {
                    if let Some(slot) = items.get_mut(place) {
                        *slot = value.clone();
                    }
                });
            }
        }
        Ok(())
    }

    /// Element NUMBER in the order of the last index first.
    pub fn nth(&self, number: usize) -> Value {
        self.get(self.place(number))
    }

    /// Put VALUE in the place of element NUMBER in the order of the last index first.
    pub fn set_nth(&self, number: usize, value: &Value) -> Result<(), Raise> {
        self.put(self.place(number), value)
    }

    /// Whether the elements are those of the root, all and in order.
    fn is_whole(&self) -> bool {
        let [dimension] = self.dimensions.as_slice() else {
            return false;
        };
        let whole = holder(&self.root).is_some_and(|(_, length)| length == dimension.length);
        dimension.low == 0 && dimension.step == 1 && self.base == 0 && whole
    }

    fn into_value(self) -> Value {
        if self.is_whole() {
            self.root
        } else {
            self.into_array()
        }
    }

    fn into_array(self) -> Value {
        let layout = Layout {
            base: self.base,
            dimensions: self.dimensions,
        }
        .into_steelval()
        .expect("a custom value is always a value");
        records::make(layout, vec![self.root])
    }

    /// The place of the element that INDICES say, which must be as many as there are dimensions.
    fn place_of(&self, indices: &[Value]) -> Result<isize, Raise> {
        let mut place = self.base;
        for (dimension, index) in self.dimensions.iter().zip(indices) {
            let at = index_within(*dimension, index)?;
            place += (at - dimension.low) * dimension.step;
        }
        Ok(place)
    }

    /// `#2u8@1` and the like.
    fn prefix(&self) -> String {
        let mut prefix = format!("#{}{}", self.dimensions.len(), self.kind().tag());
        let lows = self.dimensions.iter().any(|dimension| dimension.low != 0);
        let mut empty = false;
        let mut lengths = false;
        for dimension in &self.dimensions {
            if dimension.length == 0 {
                empty = true;
            } else if empty {
                lengths = true;
            }
        }
        for dimension in &self.dimensions {
            if lows {
                let _always_succeeds = write!(prefix, "@{}", dimension.low);
            }
            if lengths {
                let _always_succeeds = write!(prefix, ":{}", dimension.length);
            }
        }
        prefix
    }
}

/// Elements of A and B to be compared, when the two are arrays of one shape; nothing when they cannot be equal.
pub fn same_shape(a: &Value, b: &Value) -> Option<Vec<(Value, Value)>> {
    let (a, b) = (view(a)?, view(b)?);
    let alike = a.dimensions.len() == b.dimensions.len()
        && a.dimensions
            .iter()
            .zip(&b.dimensions)
            .all(|(a, b)| a.low == b.low && a.length == b.length)
        && a.kind().is_like(b.kind());
    alike.then(|| {
        (0..a.count())
            .map(|number| (a.nth(number), b.nth(number)))
            .collect()
    })
}

fn wrong_count(expected: usize) -> Raise {
    errors::misc_without_procedure(
        "wrong number of indices, expecting ~A",
        vec![integer(expected)],
    )
}

fn index_within(dimension: Dimension, index: &Value) -> Result<isize, Raise> {
    match index {
        Value::IntV(at) if dimension.contains(*at) => Ok(*at),
        Value::IntV(_) => Err(errors::not_from_to(dimension.low, dimension.high(), index)),
        other => Err(errors::expected("exact integer", other)),
    }
}

fn want(value: &Value) -> Result<View, Raise> {
    view(value).ok_or_else(|| errors::expected("array", value))
}

fn want_at(procedure: &str, args: &[Value], position: usize) -> Result<View, Raise> {
    view(&args[position - 1])
        .ok_or_else(|| errors::expecting(procedure, position, "array", &args[position - 1]))
}

/// Its natives, list by list.
pub fn natives() -> Vec<&'static [Native]> {
    vec![
        making::NATIVES,
        elements::NATIVES,
        sharing::NATIVES,
        nesting::NATIVES,
    ]
}
