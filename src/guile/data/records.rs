//! Records: Steel structs whose first field is the record's type.
//!
//! What a program may change stands where the collector makes marks: a record that has
//! such a field is its type and one vector with all fields. The fields of another follow
//! its type, and after them comes a vector that is empty. A program that makes itself a
//! modifier of a type without any has the fields move into a vector of their own, the last
//! of the record, and [`moved`] stands in each of their places.
//!
//! So a vector is the last of every record, and it is there for Steel, which prints what
//! `car` refuses, and looks for circles from the last field to the first, but only once it
//! has seen something that can be changed. No record holds a cell, because Steel panics
//! when it comes to one twice.
//!
//! The type of a record is a record itself, of a type that only this module makes.

use crate::data::roots::Root;
use crate::data::tables::HashMap;
use crate::data::value::{Value, list_value};
use crate::data::{builtins, pairs, symbols, vectors};
use std::cell::RefCell;
use steel::SteelErr;
use steel::parser::interner::InternedString;
use steel::rvals::SteelString;

/// What Steel calls the struct; its name tells our records from its own structs.
const STRUCT_NAME: &str = "guile-record";

/// Fields of a record type, counted after the type slot.
pub mod type_field {
    /// A symbol.
    pub const NAME: usize = 0;
    /// A list of symbols.
    pub const FIELDS: usize = 1;
    /// A list that says of each field how it is kept: `#t` where it can be changed; `#f` as
    /// it is, for ever; or the symbol `stored`, as it is unless a program asks for a modifier.
    pub const MUTABLE: usize = 2;
    /// A place with the printer, or `#f`.
    pub const PRINTER: usize = 3;
    /// The parent type, or `#f`.
    pub const PARENT: usize = 4;
    /// A place with an association list of whatever else is known of the type.
    pub const PROPERTIES: usize = 5;
    pub const COUNT: usize = 6;
}

struct Kinds {
    constructors: HashMap<usize, Value>,
    name: InternedString,
    /// The type of record types.
    type_type: Value,
    throw_type: Root,
    values_type: Root,
    /// The empty vector that ends a record; nothing until there is a machine.
    end: Value,
}

thread_local! {
    static KINDS: RefCell<Option<Kinds>> = const { RefCell::new(None) };
}

fn with_kinds<T>(body: impl FnOnce(&mut Kinds) -> T) -> T {
    KINDS.with(|kinds| {
        let mut kinds = kinds.borrow_mut();
        body(kinds.get_or_insert_with(make_kinds))
    })
}

fn make_kinds() -> Kinds {
    let type_type = symbols::intern("record-type");
    let mut constructors = HashMap::default();
    let mut basic = |name: &str, fields: &[&str]| {
        let no = Value::BoolV(false);
        let record = instantiate(
            &mut constructors,
            vec![
                type_type.clone(),
                symbols::intern(name),
                list_value(fields.iter().map(|field| symbols::intern(field)).collect()),
                list_value(fields.iter().map(|_| no.clone()).collect()),
                no.clone(),
                no.clone(),
                no,
                Value::Void,
            ],
        );
        Root::of(&record)
    };
    let throw_type = basic("throw", &["key", "arguments"]);
    let values_type = basic("values", &[]);
    Kinds {
        constructors,
        name: InternedString::from(STRUCT_NAME),
        type_type,
        throw_type,
        values_type,
        end: Value::Void,
    }
}

/// END, an empty vector that the machine keeps, ends the records made from now on.
pub fn end_with(end: Value) {
    with_kinds(|kinds| kinds.end = end);
}

/// Make a struct with FIELDS, the type first.
fn instantiate(constructors: &mut HashMap<usize, Value>, fields: Vec<Value>) -> Value {
    let constructor = constructors.entry(fields.len()).or_insert_with(|| {
        let kind = builtins::steel_primitive("make-struct-type");
        let Value::FuncV(make) = kind else {
            unreachable!("Steel's make-struct-type is a plain function")
        };
        let name = Value::SymbolV(SteelString::from(STRUCT_NAME));
        match make(&[name, Value::IntV(fields.len() as isize)]) {
            Ok(Value::ListV(parts)) => parts.get(1).cloned().expect("type, constructor, …"),
            other => unreachable!("make-struct-type gave {other:?}"),
        }
    });
    match constructor {
        Value::BoxedFunction(constructor) => (constructor.function)(&fields)
            .expect("the constructor was made for this number of fields"),
        other => unreachable!("a struct's constructor is {other:?}"),
    }
}

/// A record of type KIND with FIELDS, none of which the program may change.
pub fn make(kind: Value, fields: Vec<Value>) -> Value {
    with_kinds(|kinds| {
        let mut all = Vec::with_capacity(fields.len() + 2);
        all.push(kind);
        all.extend(fields);
        all.push(kinds.end.clone());
        instantiate(&mut kinds.constructors, all)
    })
}

/// A record of type KIND whose fields are those of the vector FIELDS.
pub fn make_changeable(kind: Value, fields: Value) -> Value {
    with_kinds(|kinds| instantiate(&mut kinds.constructors, vec![kind, fields]))
}

/// A record type; PRINTER and PROPERTIES are vectors of one, in which they can be changed.
pub fn make_type(
    name: Value,
    fields: Vec<Value>,
    mutable: Vec<Value>,
    printer: Value,
    parent: Value,
    properties: Value,
) -> Value {
    let kind = with_kinds(|kinds| kinds.type_type.clone());
    make(
        kind,
        vec![
            name,
            list_value(fields),
            list_value(mutable),
            printer,
            parent,
            properties,
        ],
    )
}

/// The type of VALUE when it is a record (a record type's is the symbol `record-type`).
pub fn type_of(value: &Value) -> Option<Value> {
    let Value::CustomStruct(record) = value else {
        return None;
    };
    let ours = with_kinds(|kinds| kinds.name);
    (record.name() == ours)
        .then(|| record.get_index(0).cloned())
        .flatten()
}

pub fn is_type(value: &Value) -> bool {
    matches!(type_of(value), Some(Value::SymbolV(_)))
}

/// What stands at INDEX in the struct VALUE, its type at 0.
#[inline]
fn at(value: &Value, index: usize) -> Option<&Value> {
    match value {
        Value::CustomStruct(record) => record.get_index(index),
        _ => None,
    }
}

/// The vector of RECORD's fields, when they all stand in one.
#[inline]
fn changeable(record: &Value) -> Option<&Value> {
    match (at(record, 1), at(record, 2)) {
        (Some(fields @ Value::MutableVector(_)), None) => Some(fields),
        _ => None,
    }
}

/// Where field INDEX of RECORD stands outside of a vector.
#[inline]
fn place(record: &Value, index: usize) -> Option<&Value> {
    // What follows the last field is no field.
    at(record, index + 2)?;
    at(record, index + 1)
}

/// What RECORD ends in.
fn end(record: &Value) -> Option<&Value> {
    (1..).map_while(|index| at(record, index)).last()
}

/// Stands for a field that has moved to the vector at the record's end. No program can
/// get hold of it.
fn moved(_: &[Value]) -> Result<Value, SteelErr> {
    Ok(Value::SymbolV(SteelString::from("moved")))
}

fn is_moved(value: &Value) -> bool {
    matches!(value, Value::FuncV(function) if *function as usize == moved as *const () as usize)
}

/// Field INDEX of a record.
#[inline]
pub fn field(value: &Value, index: usize) -> Option<Value> {
    let from = |fields: &Value| vectors::with(fields, |fields| fields.get(index).cloned());
    if let Some(fields) = changeable(value) {
        return from(fields)?;
    }
    match place(value, index)? {
        kept if is_moved(kept) => from(end(value)?)?,
        kept => Some(kept.clone()),
    }
}

/// Change field INDEX, when it is one of those that the record's type says can be changed.
pub fn set_field(value: &Value, index: usize, new: Value) -> bool {
    let can_be_changed = || {
        let flags = field(&type_of(value)?, type_field::MUTABLE)?;
        let flag = pairs::items(&flags).nth(index)?;
        matches!(flag, Value::BoolV(true)).then_some(())
    };
    can_be_changed().is_some() && replace_field(value, index, new)
}

/// Change field INDEX, whatever the record's type says; false when it stands in no vector.
#[inline]
pub fn replace_field(value: &Value, index: usize, new: Value) -> bool {
    let fields = changeable(value).or_else(|| {
        place(value, index)
            .filter(|kept| is_moved(kept))
            .and(end(value))
    });
    let replaced = fields.and_then(|fields| {
        vectors::change(fields, |fields| {
            fields.get_mut(index).map(|field| *field = new)
        })
    });
    replaced.flatten().is_some()
}

/// The fields of a record that stand in no vector.
pub fn kept_fields(record: &Value) -> Option<Vec<Value>> {
    if place(record, 0).is_none_or(is_moved) {
        return None;
    }
    let fields = (0..).map_while(|index| place(record, index));
    Some(fields.cloned().collect())
}

/// Let the vector FIELDS be where the fields of RECORD stand, which stood in none.
pub fn move_fields(record: &Value, fields: &Value) {
    let count = (1..).map_while(|index| at(record, index)).count();
    for index in 1..=count {
        let new = if index == count {
            fields.clone()
        } else {
            Value::FuncV(moved)
        };
        let Some(place) = at(record, index) else {
            return;
        };
        let address = std::ptr::from_ref(place).expose_provenance();
        // SAFETY: the place stands in memory that Steel allocated for this record, which
        // RECORD keeps; records belong to one thread, and no reference into them is alive
        // here or while the machine runs a program.
        let old = unsafe { std::ptr::with_exposed_provenance_mut::<Value>(address).replace(new) };
        drop(old);
    }
}

/// What is in the place INDEX of the record type KIND: its printer or its properties.
pub fn type_place(kind: &Value, index: usize) -> Option<Value> {
    vectors::with(&field(kind, index)?, |items| items.first().cloned())?
}

/// Put NEW into the place INDEX of the record type KIND, which a type of a program's has.
pub fn set_type_place(kind: &Value, index: usize, new: Value) {
    if let Some(Value::MutableVector(place)) = field(kind, index) {
        place.set_and_return(vec![new]);
    }
}

/// The fields of A beside those of B, when both are records of one type.
pub fn fields_of_one_type(a: &Value, b: &Value) -> Option<Vec<(Value, Value)>> {
    let (kind, other) = (type_of(a)?, type_of(b)?);
    if !is_type(&kind) || !same(&kind, &other) {
        return None;
    }
    let mut fields = Vec::new();
    while let (Some(left), Some(right)) = (field(a, fields.len()), field(b, fields.len())) {
        fields.push((left, right));
    }
    Some(fields)
}

/// Whether the two are the same record.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::CustomStruct(a), Value::CustomStruct(b)) => {
            std::ptr::eq(&raw const **a, &raw const **b)
        }
        _ => false,
    }
}

/// Whether VALUE is a record of type KIND or of a type derived from it.
pub fn is_a(value: &Value, kind: &Value) -> bool {
    let mut actual = type_of(value);
    while let Some(found) = actual {
        if same(&found, kind) {
            return true;
        }
        actual = is_type(&found)
            .then(|| field(&found, type_field::PARENT))
            .flatten();
    }
    false
}

/// The exception object that `(throw KEY ARGUMENTS …)` raises.
pub fn throw_object(key: Value, arguments: Value) -> Value {
    let kind = with_kinds(|kinds| kinds.throw_type.value().clone());
    make(kind, vec![key, arguments])
}

/// Key and arguments of an exception that `throw` made.
pub fn thrown(value: &Value) -> Option<(Value, Value)> {
    let kind = with_kinds(|kinds| kinds.throw_type.value().clone());
    match type_of(value) {
        Some(found) if same(&found, &kind) => Some((field(value, 0)?, field(value, 1)?)),
        _ => None,
    }
}

/// Several values as one; one value is itself.
pub fn values(mut items: Vec<Value>) -> Value {
    if items.len() == 1 {
        return items.remove(0);
    }
    with_kinds(|kinds| {
        let mut all = Vec::with_capacity(items.len() + 1);
        all.push(kinds.values_type.value().clone());
        all.extend(items);
        instantiate(&mut kinds.constructors, all)
    })
}

/// The values that VALUE stands for.
pub fn values_list(value: &Value) -> Vec<Value> {
    match several(value) {
        Some(values) => values.cloned().collect(),
        None => vec![value.clone()],
    }
}

/// The values when VALUE stands for none or several.
pub fn several(value: &Value) -> Option<impl Iterator<Item = &Value>> {
    let Value::CustomStruct(record) = value else {
        return None;
    };
    let kind = record.get_index(0)?;
    with_kinds(|kinds| same(kind, kinds.values_type.value()))
        .then(|| (1..).map_while(|index| record.get_index(index)))
}
