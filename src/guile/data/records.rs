//! Records: Steel structs whose first field is the record's type.
//!
//! A field that the program may change holds a cell, so records stay visible
//! to the collector. The type of a record is a record itself, of a type that
//! only this module makes.

use crate::data::roots::Root;
use crate::data::tables::HashMap;
use crate::data::value::{Value, list_value};
use crate::data::{builtins, symbols};
use std::cell::RefCell;
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
    /// A list that says of each field how it is kept: `#t` in a cell; `#f` as it is, for
    /// ever; or the symbol `stored`, as it is unless a program asks for a modifier.
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
    }
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

/// A record of type KIND with FIELDS; those the program may change must be cells.
pub fn make(kind: Value, fields: Vec<Value>) -> Value {
    let mut all = Vec::with_capacity(fields.len() + 1);
    all.push(kind);
    all.extend(fields);
    with_kinds(|kinds| instantiate(&mut kinds.constructors, all))
}

/// A record type; PRINTER and PROPERTIES are vectors of one, in which they can be changed.
///
/// They are no cells, as a record's fields are, because Steel panics when it shows a value
/// by way of which it comes to one cell twice, and all records of a type lead to these.
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

/// Field INDEX of a record as it is stored: a cell when it can be changed.
pub fn stored(value: &Value, index: usize) -> Option<Value> {
    match value {
        Value::CustomStruct(record) => record.get_index(index + 1).cloned(),
        _ => None,
    }
}

/// Field INDEX of a record.
pub fn field(value: &Value, index: usize) -> Option<Value> {
    match stored(value, index) {
        Some(Value::HeapAllocated(cell)) => Some(cell.get()),
        other => other,
    }
}

/// Change field INDEX; false when it cannot be changed.
pub fn set_field(value: &Value, index: usize, new: Value) -> bool {
    match stored(value, index) {
        Some(Value::HeapAllocated(cell)) => {
            cell.set_and_return(new);
            true
        }
        _ => false,
    }
}

/// Change field INDEX, which is no cell: its type has no modifier of it, but a program has
/// made one.
pub fn replace_field(value: &Value, index: usize, new: Value) -> bool {
    let Value::CustomStruct(record) = value else {
        return false;
    };
    let Some(slot) = record.get_index(index + 1) else {
        return false;
    };
    let address = std::ptr::from_ref(slot).expose_provenance();
    // SAFETY: the slot stands in memory that Steel allocated for this record, which VALUE
    // keeps; records belong to one thread, and no reference into them is alive here or while
    // the machine runs a program.
    let old = unsafe { std::ptr::with_exposed_provenance_mut::<Value>(address).replace(new) };
    drop(old);
    true
}

/// What is in the place INDEX of the record type KIND: its printer or its properties.
pub fn type_place(kind: &Value, index: usize) -> Option<Value> {
    match stored(kind, index)? {
        Value::MutableVector(place) => place.borrow(|items| items.first().cloned()),
        _ => None,
    }
}

/// Put NEW into the place INDEX of the record type KIND, which a type of a program's has.
pub fn set_type_place(kind: &Value, index: usize, new: Value) {
    if let Some(Value::MutableVector(place)) = stored(kind, index) {
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
    let kind = with_kinds(|kinds| kinds.values_type.value().clone());
    make(kind, items)
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
