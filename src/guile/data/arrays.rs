//! Arrays: a way of counting over the elements of a vector, string, bitvector
//! or uniform vector.
//!
//! An array is a struct of two fields, like a hash table: how to count, which
//! is ours and holds no Scheme values, and what holds the elements. What holds
//! elements is itself an array of one dimension. An array that counts over all
//! of its elements in order from 0 is not made; its elements stand for it.
//!
//! Source: GNU Guile reference manual, "Arrays"; errors read off Guile 3.0.8.

use crate::data::args::{self, boolean, integer, unspecified};
use crate::data::bytevectors::{self, Bytevector};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::uniform::{self, Element};
use crate::data::value::{Value, symbol_value};
use crate::data::{bitvectors, errors, memory, pairs, records, strings as text, vectors};
use crate::natives;
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

/// A piece of what an array prints as.
pub enum Piece {
    Text(String),
    Element(Value),
}

/// What an array that is not simply its elements prints as; uniform vectors and bitvectors too.
pub fn pieces(value: &Value) -> Option<Vec<Piece>> {
    let view = view(value)?;
    let mut pieces = Vec::new();
    pieces.push(Piece::Text(view.prefix()));
    let mut place = 0;
    print_level(&view, 0, &mut place, &mut pieces);
    Some(pieces)
}

fn print_level(view: &View, level: usize, next: &mut usize, pieces: &mut Vec<Piece>) {
    let Some(dimension) = view.dimensions.get(level) else {
        let element = Piece::Element(view.nth(*next));
        *next += 1;
        if level == 0 {
            pieces.push(Piece::Text("(".to_owned()));
            pieces.push(element);
            pieces.push(Piece::Text(")".to_owned()));
        } else {
            pieces.push(element);
        }
        return;
    };
    pieces.push(Piece::Text("(".to_owned()));
    for index in 0..dimension.length {
        if index > 0 {
            pieces.push(Piece::Text(" ".to_owned()));
        }
        print_level(view, level + 1, next, pieces);
    }
    pieces.push(Piece::Text(")".to_owned()));
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

fn bad_dimension() -> Raise {
    errors::misc_without_procedure("Bad scm_array dimension", Vec::new())
}

/// What BOUNDS, lengths or lists of two indices, say.
fn dimensions(bounds: &[Value]) -> Result<Vec<Dimension>, Raise> {
    let mut dimensions = Vec::with_capacity(bounds.len());
    for bound in bounds {
        let (low, length) = match bound {
            Value::IntV(length) if *length >= 0 => (0, *length),
            Value::Pair(_) => match pairs::to_vec(bound).as_deref() {
                Some([Value::IntV(low), Value::IntV(high)]) if *high >= *low - 1 => {
                    (*low, high - low + 1)
                }
                _ => return Err(bad_dimension()),
            },
            _ => return Err(bad_dimension()),
        };
        dimensions.push(Dimension {
            low,
            length: length as usize,
            step: 1,
        });
    }
    set_steps(&mut dimensions)?;
    Ok(dimensions)
}

/// Let the last index count fastest.
fn set_steps(dimensions: &mut [Dimension]) -> Result<(), Raise> {
    let mut step: isize = 1;
    for dimension in dimensions.iter_mut().rev() {
        dimension.step = step;
        step = isize::try_from(dimension.length)
            .ok()
            .and_then(|length| step.checked_mul(length))
            .filter(|step| *step < 1 << 40)
            .ok_or_else(bad_dimension)?;
    }
    Ok(())
}

fn make_filled(machine: &mut Machine, kind: Kind, fill: &Value, bounds: &[Value]) -> Outcome {
    let dimensions = dimensions(bounds)?;
    let count = dimensions
        .iter()
        .map(|dimension| dimension.length)
        .product();
    let root = kind.filled(&mut |items| machine.vector(items), count, Some(fill))?;
    Ok(View {
        root,
        base: 0,
        dimensions,
    }
    .into_value())
}

fn make(machine: &mut Machine, args: &[Value]) -> Outcome {
    make_filled(machine, Kind::Any, &args[0], &args[1..])
}

fn wanted_kind(value: &Value) -> Result<Kind, Raise> {
    Kind::named(value)
        .ok_or_else(|| errors::expecting("make-generalized-vector", 1, "array type", value))
}

fn make_typed(machine: &mut Machine, args: &[Value]) -> Outcome {
    let kind = wanted_kind(&args[0])?;
    make_filled(machine, kind, &args[1], &args[2..])
}

fn predicate(args: &[Value]) -> Outcome {
    Ok(boolean(view(&args[0]).is_some()))
}

fn typed_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(view(&args[0]).is_some_and(|view| {
        Kind::named(&args[1]) == Some(view.kind())
    })))
}

fn rank(args: &[Value]) -> Outcome {
    Ok(integer(want_at("array-rank", args, 1)?.dimensions.len()))
}

fn array_type(args: &[Value]) -> Outcome {
    Ok(want_at("array-type", args, 1)?.kind().value())
}

fn length(args: &[Value]) -> Outcome {
    match want_at("array-length", args, 1)?.dimensions.first() {
        Some(dimension) => Ok(integer(dimension.length)),
        None => Err(errors::expected("array of nonzero rank", &args[0])),
    }
}

fn shape(args: &[Value]) -> Outcome {
    let view = want_at("array-shape", args, 1)?;
    Ok(pairs::list(view.dimensions.iter().map(|dimension| {
        pairs::list([Value::IntV(dimension.low), Value::IntV(dimension.high())])
    })))
}

fn array_dimensions(args: &[Value]) -> Outcome {
    let view = want_at("array-dimensions", args, 1)?;
    Ok(pairs::list(view.dimensions.iter().map(|dimension| {
        if dimension.low == 0 {
            integer(dimension.length)
        } else {
            pairs::list([Value::IntV(dimension.low), Value::IntV(dimension.high())])
        }
    })))
}

fn in_bounds(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    if view.dimensions.len() != args.len() - 1 {
        return Err(args::wrong_count("array-in-bounds?"));
    }
    for (dimension, index) in view.dimensions.iter().zip(&args[1..]) {
        match index {
            Value::IntV(at) if dimension.contains(*at) => {}
            Value::IntV(_) => return Ok(boolean(false)),
            other => return Err(errors::expected("exact integer", other)),
        }
    }
    Ok(boolean(true))
}

fn reference(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    if view.dimensions.len() != args.len() - 1 {
        return Err(wrong_count(view.dimensions.len()));
    }
    let place = view.place_of(&args[1..])?;
    Ok(view.get(place))
}

/// (array-set! array value index …)
fn set(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    if view.dimensions.len() != args.len() - 2 {
        return Err(wrong_count(view.dimensions.len()));
    }
    let place = view.place_of(&args[2..])?;
    view.put(place, &args[1])?;
    Ok(unspecified())
}

/// The part of an array that the first indices choose.
fn slice(view: &View, indices: &[Value]) -> Result<View, Raise> {
    if indices.len() > view.dimensions.len() {
        return Err(wrong_count(view.dimensions.len()));
    }
    Ok(View {
        root: view.root.clone(),
        base: view.place_of(indices)?,
        dimensions: view.dimensions[indices.len()..].to_vec(),
    })
}

fn array_slice(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    if args.len() == 1 {
        return Ok(args[0].clone());
    }
    Ok(slice(&view, &args[1..])?.into_value())
}

fn cell_reference(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    let part = slice(&view, &args[1..])?;
    Ok(if part.dimensions.is_empty() {
        part.get(part.base)
    } else if args.len() == 1 {
        args[0].clone()
    } else {
        part.into_value()
    })
}

/// (array-cell-set! array value index …)
fn cell_set(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    let part = slice(&view, &args[2..])?;
    if part.dimensions.is_empty() {
        part.put(part.base, &args[1])?;
    } else {
        copy_elements("array-cell-set!", &args[1], &part)?;
    }
    Ok(args[0].clone())
}

fn mismatch(procedure: &str, array: &Value) -> Raise {
    errors::misc(procedure, "array shape mismatch: ~S", vec![array.clone()])
}

/// The part of SOURCE that has the indices of SHAPE; nothing when some are missing.
fn cut(source: &View, shape: &[Dimension]) -> Option<View> {
    if source.dimensions.len() != shape.len() {
        return None;
    }
    let mut cut = source.clone();
    for (dimension, wanted) in cut.dimensions.iter_mut().zip(shape) {
        if wanted.length > 0
            && !(dimension.contains(wanted.low) && dimension.contains(wanted.high()))
        {
            return None;
        }
        cut.base += (wanted.low - dimension.low) * dimension.step;
        dimension.low = wanted.low;
        dimension.length = wanted.length;
    }
    Some(cut)
}

fn copy_elements(procedure: &str, source: &Value, target: &View) -> Result<(), Raise> {
    let from = want(source)?;
    // Guile goes over what the source has, which the target must have too.
    let target = cut(target, &from.dimensions).ok_or_else(|| mismatch(procedure, source))?;
    let values: Vec<Value> = (0..from.count()).map(|number| from.nth(number)).collect();
    for (number, value) in values.iter().enumerate() {
        target.set_nth(number, value)?;
    }
    Ok(())
}

/// (array-copy! source target)
fn copy(args: &[Value]) -> Outcome {
    let target = want(&args[1])?;
    copy_elements("array-copy!", &args[0], &target)?;
    Ok(unspecified())
}

fn fill(args: &[Value]) -> Outcome {
    let view = want_at("array-fill!", args, 1)?;
    for number in 0..view.count() {
        view.set_nth(number, &args[1])?;
    }
    Ok(unspecified())
}

/// (%array-cut procedure shape array): ARRAY with the indices of SHAPE.
fn array_cut(args: &[Value]) -> Outcome {
    let procedure = args::string("%array-cut", args, 1)?;
    let shape = want(&args[1])?;
    let view = want(&args[2])?;
    cut(&view, &shape.dimensions)
        .map(View::into_array)
        .ok_or_else(|| mismatch(procedure, &args[1]))
}

fn count(args: &[Value]) -> Outcome {
    Ok(integer(want(&args[0])?.count()))
}

fn number(args: &[Value], view: &View) -> Result<usize, Raise> {
    let number = args::size("array-ref", args, 2)?;
    if number < view.count() {
        Ok(number)
    } else {
        Err(errors::out_of_range("array-ref", 2, &args[1]))
    }
}

fn nth(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    let number = number(args, &view)?;
    Ok(view.nth(number))
}

fn set_nth(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    let number = number(args, &view)?;
    view.set_nth(number, &args[2])?;
    Ok(unspecified())
}

/// (%array-indices array number): the indices of element NUMBER.
fn indices(args: &[Value]) -> Outcome {
    let view = want(&args[0])?;
    let mut rest = number(args, &view)?;
    let mut indices = Vec::with_capacity(view.dimensions.len());
    for dimension in view.dimensions.iter().rev() {
        indices.push(Value::IntV(
            dimension.low + (rest % dimension.length) as isize,
        ));
        rest /= dimension.length;
    }
    indices.reverse();
    Ok(pairs::list(indices))
}

fn root(args: &[Value]) -> Outcome {
    Ok(want_at("shared-array-root", args, 1)?.root)
}

fn offset(args: &[Value]) -> Outcome {
    Ok(Value::IntV(want_at("shared-array-offset", args, 1)?.base))
}

fn increments(args: &[Value]) -> Outcome {
    let view = want_at("shared-array-increments", args, 1)?;
    Ok(pairs::list(
        view.dimensions
            .iter()
            .map(|dimension| Value::IntV(dimension.step)),
    ))
}

/// (make-shared-array array mapper bound …)
fn share(machine: &mut Machine, args: &[Value]) -> Outcome {
    const NAME: &str = "make-shared-array";
    let old = want_at(NAME, args, 1)?;
    let mut dimensions = dimensions(&args[2..])?;
    let out_of_range = || errors::misc(NAME, "mapping out of range", Vec::new());
    let mut map = |indices: &[isize]| -> Result<isize, Raise> {
        let arguments = indices.iter().map(|index| Value::IntV(*index)).collect();
        let mapped = machine.call(args[1].clone(), arguments)?;
        let mapped = match pairs::to_vec(&mapped) {
            Some(mapped) => mapped,
            None => records::values_list(&mapped),
        };
        if mapped.len() != old.dimensions.len() {
            return Err(wrong_count(old.dimensions.len()));
        }
        let mut place = old.base;
        for (dimension, index) in old.dimensions.iter().zip(&mapped) {
            match index {
                Value::IntV(at) if dimension.contains(*at) => {
                    place += (at - dimension.low) * dimension.step;
                }
                Value::IntV(_) => {
                    return Err(errors::not_between(dimension.low, dimension.high(), index));
                }
                other => return Err(errors::expected("exact integer", other)),
            }
        }
        Ok(place)
    };
    let mut lows: Vec<isize> = dimensions.iter().map(|dimension| dimension.low).collect();
    if dimensions.iter().any(|dimension| dimension.length == 0) {
        let view = View {
            root: old.root.clone(),
            base: old.base,
            dimensions,
        };
        return Ok(view.into_array());
    }
    let base = map(&lows)?;
    let mut reach = (base, base);
    for at in 0..dimensions.len() {
        let dimension = dimensions[at];
        let mut step = 1;
        if dimension.length > 1 {
            lows[at] += 1;
            step = map(&lows)? - base;
            lows[at] -= 1;
        }
        dimensions[at].step = step;
        let span = step * (dimension.length as isize - 1);
        if span < 0 {
            reach.0 += span;
        } else {
            reach.1 += span;
        }
    }
    // The places that the old array itself reaches.
    let mut allowed = (old.base, old.base);
    for dimension in &old.dimensions {
        let span = dimension.step * (dimension.length as isize - 1);
        if span < 0 {
            allowed.0 += span;
        } else {
            allowed.1 += span;
        }
    }
    if reach.0 < allowed.0 || reach.1 > allowed.1 {
        return Err(out_of_range());
    }
    Ok(View {
        root: old.root.clone(),
        base,
        dimensions,
    }
    .into_value())
}

/// (transpose-array array dimension …)
fn transpose(args: &[Value]) -> Outcome {
    const NAME: &str = "transpose-array";
    let old = want_at(NAME, args, 1)?;
    if args.len() - 1 != old.dimensions.len() {
        return Err(args::wrong_count(NAME));
    }
    let mut places = Vec::new();
    for place in &args[1..] {
        match place {
            Value::IntV(place) if *place >= 0 && (*place as usize) < old.dimensions.len() => {
                places.push(*place as usize);
            }
            Value::IntV(_) => {
                return Err(errors::not_between(0, old.dimensions.len() as isize, place));
            }
            other => return Err(errors::expected("exact integer", other)),
        }
    }
    let rank = places.iter().max().map_or(0, |highest| highest + 1);
    let mut base = old.base;
    let mut dimensions: Vec<Option<Dimension>> = vec![None; rank];
    for (dimension, place) in old.dimensions.iter().zip(&places) {
        dimensions[*place] = Some(match dimensions[*place] {
            None => *dimension,
            // A diagonal: the indices that both have, stepping along both.
            Some(other) => {
                let low = dimension.low.max(other.low);
                let high = dimension.high().min(other.high());
                base += (low - dimension.low) * dimension.step + (low - other.low) * other.step;
                Dimension {
                    low,
                    length: usize::try_from(high - low + 1).unwrap_or(0),
                    step: dimension.step + other.step,
                }
            }
        });
    }
    let dimensions: Option<Vec<Dimension>> = dimensions.into_iter().collect();
    let Some(dimensions) = dimensions else {
        return Err(errors::misc(NAME, "bad argument list", Vec::new()));
    };
    let view = View {
        root: old.root,
        base,
        dimensions,
    };
    Ok(if view.dimensions.len() == 1 {
        view.into_value()
    } else {
        view.into_array()
    })
}

/// (array-contents array [strict?])
fn contents(args: &[Value]) -> Outcome {
    let view = want_at("array-contents", args, 1)?;
    if view.is_whole() {
        return Ok(view.root);
    }
    let strict = args
        .get(1)
        .is_some_and(|strict| !matches!(strict, Value::BoolV(false)));
    let step = match view.dimensions.last() {
        Some(last) => last.step,
        None => 1,
    };
    let mut expected = step;
    for dimension in view.dimensions.iter().rev() {
        if dimension.length > 1 && dimension.step != expected && dimension.length != 0 {
            return Ok(boolean(false));
        }
        expected *= dimension.length as isize;
    }
    if strict && step != 1 {
        return Ok(boolean(false));
    }
    if strict
        && let (Some((Kind::Bit, length)), count) = (holder(&view.root), view.count())
        && (view.base % 32 != 0
            || count != length && !(view.base as usize + count).is_multiple_of(32))
    {
        return Ok(boolean(false));
    }
    Ok(View {
        base: view.base,
        dimensions: vec![Dimension {
            low: 0,
            length: view.count(),
            step,
        }],
        root: view.root,
    }
    .into_value())
}

/// The array that LIST, nested as deeply as the dimensions say, holds.
fn from_lists(
    vector: &mut dyn FnMut(Vec<Value>) -> Value,
    kind: Kind,
    mut dimensions: Vec<Dimension>,
    list: &Value,
) -> Outcome {
    set_steps(&mut dimensions)?;
    let mut elements = Vec::new();
    gather(&dimensions, 0, list, &mut elements)?;
    let root = kind.filled(vector, elements.len(), None)?;
    let view = View {
        root,
        base: 0,
        dimensions,
    };
    let flat = View {
        root: view.root.clone(),
        base: 0,
        dimensions: vec![Dimension {
            low: 0,
            length: elements.len(),
            step: 1,
        }],
    };
    for (place, element) in elements.iter().enumerate() {
        flat.put(place as isize, element)?;
    }
    Ok(view.into_value())
}

fn gather(
    dimensions: &[Dimension],
    level: usize,
    list: &Value,
    elements: &mut Vec<Value>,
) -> Result<(), Raise> {
    let Some(dimension) = dimensions.get(level) else {
        elements.push(list.clone());
        return Ok(());
    };
    let items = pairs::to_vec(list).ok_or_else(|| errors::wrong_type("length", 1, list))?;
    let wrong = |few: &str| {
        errors::misc_without_procedure(
            &format!("too {few} elements for array dimension ~a, need ~a"),
            vec![integer(level), integer(dimension.length)],
        )
    };
    if items.len() < dimension.length {
        return Err(wrong("few"));
    }
    if items.len() > dimension.length {
        return Err(wrong("many"));
    }
    for item in &items {
        gather(dimensions, level + 1, item, elements)?;
    }
    Ok(())
}

/// The lengths of LIST, of its first element, and so on for every dimension whose length is not known.
fn measure(lows: &[(isize, Option<usize>)], list: &Value) -> Result<Vec<Dimension>, Raise> {
    let mut dimensions = Vec::with_capacity(lows.len());
    let mut level = list.clone();
    let mut known = true;
    for (low, length) in lows {
        let length = match length {
            Some(length) => *length,
            None if known => {
                pairs::length(&level).ok_or_else(|| errors::wrong_type("length", 1, &level))?
            }
            None => 0,
        };
        dimensions.push(Dimension {
            low: *low,
            length,
            step: 1,
        });
        match pairs::car(&level).cloned() {
            Some(first) => level = first,
            None => known = false,
        }
    }
    Ok(dimensions)
}

/// (list->typed-array type shape list)
fn from_typed_list(machine: &mut Machine, args: &[Value]) -> Outcome {
    let kind = wanted_kind(&args[0])?;
    let lows = match &args[1] {
        Value::IntV(rank) if *rank >= 0 => {
            memory::claim(*rank as usize, size_of::<(isize, Option<usize>)>())?;
            vec![(0, None); *rank as usize]
        }
        shape => pairs::to_vec(shape)
            .and_then(|items| {
                items
                    .iter()
                    .map(|item| match item {
                        Value::IntV(low) => Some((*low, None)),
                        other => match pairs::to_vec(other)?.as_slice() {
                            [Value::IntV(low), Value::IntV(high)] => {
                                Some((*low, usize::try_from(high - low + 1).ok()))
                            }
                            _ => None,
                        },
                    })
                    .collect::<Option<Vec<_>>>()
            })
            .ok_or_else(|| errors::wrong_type("list->typed-array", 2, shape))?,
    };
    let dimensions = measure(&lows, &args[2])?;
    from_lists(
        &mut |items| machine.vector(items),
        kind,
        dimensions,
        &args[2],
    )
}

fn from_list(machine: &mut Machine, args: &[Value]) -> Outcome {
    from_typed_list(
        machine,
        &[Value::BoolV(true), args[0].clone(), args[1].clone()],
    )
}

fn to_list(args: &[Value]) -> Outcome {
    let view = want_at("array->list", args, 1)?;
    let mut next = 0;
    Ok(listed(&view, 0, &mut next))
}

fn listed(view: &View, level: usize, next: &mut usize) -> Value {
    match view.dimensions.get(level) {
        None => {
            *next += 1;
            view.nth(*next - 1)
        }
        Some(dimension) => {
            let items: Vec<Value> = (0..dimension.length)
                .map(|_| listed(view, level + 1, next))
                .collect();
            pairs::list(items)
        }
    }
}

/// The array that `#PREFIX(…)` writes, whose elements are LIST; nothing when the prefix is wrong.
pub fn written(
    vector: &mut dyn FnMut(Vec<Value>) -> Value,
    prefix: &str,
    list: &Value,
) -> Option<Value> {
    let digits = prefix.len()
        - prefix
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .len();
    let rank: usize = if digits == 0 {
        1
    } else {
        prefix[..digits].parse().ok().filter(|rank| *rank < 32)?
    };
    let rest = &prefix[digits..];
    let end = rest.find(['@', ':']).unwrap_or(rest.len());
    let kind = Kind::of_tag(&rest[..end])?;
    let mut bounds: Vec<(isize, Option<usize>)> = Vec::new();
    let mut rest = &rest[end..];
    while !rest.is_empty() {
        let end = rest[1..].find(['@', ':']).map_or(rest.len(), |at| at + 1);
        let number = &rest[1..end];
        if let Some(low) = rest.strip_prefix('@').map(|_| number) {
            bounds.push((low.parse().ok()?, None));
        } else {
            let length = number.parse().ok()?;
            match bounds.last_mut() {
                Some((_, unknown @ None)) if rest_follows(prefix, rest) => *unknown = Some(length),
                _ => bounds.push((0, Some(length))),
            }
        }
        rest = &rest[end..];
    }
    if bounds.is_empty() {
        bounds = vec![(0, None); rank];
    }
    if bounds.len() != rank {
        return None;
    }
    if rank == 0 {
        let element = pairs::car(list)?.clone();
        return from_lists(vector, kind, Vec::new(), &element).ok();
    }
    let dimensions = measure(&bounds, list).ok()?;
    from_lists(vector, kind, dimensions, list).ok()
}

/// Whether the length at REST follows a lower bound in PREFIX, as in `@1:2`.
fn rest_follows(prefix: &str, rest: &str) -> bool {
    let before = &prefix[..prefix.len() - rest.len()];
    before
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == '-')
        .ends_with('@')
}

natives! {
    "make-array" (1, rest) with machine => make, "make-typed-array" (2, rest) with machine => make_typed,
    "array?" (1, 1) => predicate, "typed-array?" (2) => typed_predicate, "array-rank" (1) => rank,
    "array-type" (1) => array_type, "array-length" (1) => length, "array-shape" (1) => shape,
    "array-dimensions" (1) => array_dimensions, "array-in-bounds?" (1, rest) => in_bounds,
    "array-ref" (1, rest) => reference, "array-set!" (2, rest) => set, "array-slice" (1, rest) => array_slice,
    "array-cell-ref" (1, rest) => cell_reference, "array-cell-set!" (2, rest) => cell_set,
    "array-copy!" (2) => copy, "array-copy-in-order!" (2) => copy, "array-fill!" (2) => fill,
    "shared-array-root" (1) => root, "shared-array-offset" (1) => offset, "shared-array-increments" (1) => increments,
    "make-shared-array" (2, rest) with machine => share, "transpose-array" (1, rest) => transpose,
    "array-contents" (1, 1) => contents, "list->array" (2) with machine => from_list,
    "list->typed-array" (3) with machine => from_typed_list, "array->list" (1) => to_list,
    /// (%array-cut procedure shape array) -> the part of ARRAY that has the indices of SHAPE
    "%array-cut" (3) => array_cut,
    /// (%array-count array) -> how many elements there are
    "%array-count" (1) => count,
    /// (%array-nth array number) -> an element, in the order of the last index first
    "%array-nth" (2) => nth,
    /// (%array-set-nth! array number value) -> nothing
    "%array-set-nth!" (3) => set_nth,
    /// (%array-indices array number) -> list of the indices of an element
    "%array-indices" (2) => indices,
}
