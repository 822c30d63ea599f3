//! Natives for record types and records.

use crate::data::native::{Machine, Outcome, Raise};
use crate::data::records::{self, type_field};
use crate::data::roots::Root;
use crate::data::value::{self, Value, list_value, string_value, symbol_value};
use crate::data::{errors, pairs};
use crate::namespace::registry;
use std::cell::RefCell;

crate::natives! {
    /// (%make-record-type name fields mutable [printer [parent]]) -> a record type
    "%make-record-type" (3, 1, rest) with machine => make_record_type,
    /// (%record type value ...) -> a record
    "%record" (1, rest) with machine => record,
    /// (%record-is-a? object type) -> whether OBJECT is a record of TYPE
    "%record-is-a?" (2) => record_is_a,
    /// (record? object) -> whether OBJECT is a record
    "record?" (1) => is_record,
    /// (%access record data) -> the field that DATA is for
    "%access" (2) => access,
    /// (%modify record data value) -> value
    "%modify" (3) => modify,
    /// (%move-and-modify record data value) -> value; RECORD has its fields in a vector from now on
    "%move-and-modify" (3) with machine => move_and_modify,
    /// (%access-data type index name) -> what an accessor knows
    "%access-data" (3) => access_data,
    /// (%accessor-index accessor) -> index of the field that ACCESSOR gets
    "%accessor-index" (1) => accessor_index,
    /// (%accessed-field procedure) -> (field . type) that an accessor or modifier is for, their names, or #f
    "%accessed-field" (1) => accessed_field,
    /// (%record-with record index value) -> a copy of RECORD with one field changed
    "%record-with" (3) with machine => record_with,
    /// (%record-field record index) -> field, unchecked
    "%record-field" (2) => record_field,
    /// (%set-record-field! record index value) -> nothing
    "%set-record-field!" (3) => set_record_field,
    /// (record-type-descriptor record) -> its type
    "record-type-descriptor" (1) => record_type_descriptor,
    /// (record-type? object) -> whether OBJECT is a record type
    "record-type?" (1) => is_record_type,
    /// (record-type-name type) -> its name
    "record-type-name" (1) => record_type_name,
    /// (record-type-fields type) -> names of the fields
    "record-type-fields" (1) => record_type_fields,
    /// (%record-type-mutable type) -> which fields can be changed
    "%record-type-mutable" (1) => record_type_mutable,
    /// (record-type-parent type) -> the type it extends, or #f
    "record-type-parent" (1) => record_type_parent,
    /// (set-record-type-printer! type procedure) -> nothing
    "set-record-type-printer!" (2) => set_printer,
    /// (%record-type-printer type) -> the procedure that prints records of TYPE, or #f
    "%record-type-printer" (1) => printer,
    /// (%record-type-properties type) -> alist
    "%record-type-properties" (1) => properties,
    /// (%set-record-type-properties! type alist) -> nothing
    "%set-record-type-properties!" (2) => set_properties,
}

thread_local! {
    static ACCESS: RefCell<Option<Root>> = const { RefCell::new(None) };
}

fn access_type() -> Value {
    ACCESS.with(|access| {
        access
            .borrow_mut()
            .get_or_insert_with(|| {
                let fields = ["type", "index", "name"];
                Root::of(&records::make_type(
                    symbol_value("access"),
                    fields.iter().map(|field| symbol_value(field)).collect(),
                    vec![Value::BoolV(false); 3],
                    Value::BoolV(false),
                    Value::BoolV(false),
                    Value::BoolV(false),
                ))
            })
            .value()
            .clone()
    })
}

fn checked_type(procedure: &str, args: &[Value], position: usize) -> Result<Value, Raise> {
    let value = &args[position - 1];
    if records::is_type(value) {
        Ok(value.clone())
    } else {
        Err(value::wrong_type(procedure, position, value))
    }
}

fn make_record_type(machine: &mut Machine, args: &[Value]) -> Outcome {
    let mut names = pairs::to_vec(&args[1]).unwrap_or_default();
    let mut mutable = pairs::to_vec(&args[2]).unwrap_or_default();
    let printer = args.get(3).cloned().unwrap_or(Value::BoolV(false));
    let printer = machine.vector(vec![printer]);
    let parent = args.get(4).cloned().unwrap_or(Value::BoolV(false));
    if records::is_type(&parent) {
        let inherited = field_list(&parent, type_field::FIELDS);
        names.splice(0..0, inherited);
        let inherited = field_list(&parent, type_field::MUTABLE);
        mutable.splice(0..0, inherited);
    }
    let properties = machine.vector(vec![pairs::nil()]);
    Ok(records::make_type(
        args[0].clone(),
        names,
        mutable,
        printer,
        parent,
        properties,
    ))
}

fn field_list(record: &Value, index: usize) -> Vec<Value> {
    records::field(record, index)
        .and_then(|list| pairs::to_vec(&list))
        .unwrap_or_default()
}

fn record(machine: &mut Machine, args: &[Value]) -> Outcome {
    let kind = checked_type("%record", args, 1)?;
    build(machine, &kind, &args[1..])
}

fn build(machine: &mut Machine, kind: &Value, values: &[Value]) -> Outcome {
    let mutable = records::field(kind, type_field::MUTABLE).unwrap_or_else(pairs::nil);
    let mut changeable = false;
    let mut count = 0;
    for flag in pairs::items(&mutable) {
        changeable |= matches!(flag, Value::BoolV(true));
        count += 1;
    }
    if count < values.len() {
        return Err(Raise::throw(
            "wrong-number-of-args",
            vec![
                Value::BoolV(false),
                string_value("Wrong number of arguments to ~A"),
                list_value(vec![
                    records::field(kind, type_field::NAME).unwrap_or(Value::Void),
                ]),
                Value::BoolV(false),
            ],
        ));
    }
    Ok(if changeable {
        records::make_changeable(kind.clone(), machine.vector(values.to_vec()))
    } else {
        records::make(kind.clone(), values.to_vec())
    })
}

fn record_is_a(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(records::is_a(&args[0], &args[1])))
}

fn is_record(args: &[Value]) -> Outcome {
    // Hash tables and arrays are structs too, whose first field is no type.
    let kind = records::type_of(&args[0]);
    Ok(Value::BoolV(kind.is_some_and(|kind| {
        matches!(kind, Value::SymbolV(_)) || records::is_type(&kind)
    })))
}

/// Type, index and name in what an accessor knows.
fn parts(data: &Value) -> Option<(Value, usize, Value)> {
    let kind = records::field(data, 0)?;
    let Some(Value::IntV(index)) = records::field(data, 1) else {
        return None;
    };
    Some((kind, usize::try_from(index).ok()?, records::field(data, 2)?))
}

/// What Guile raises for VALUE, which is no record of type KIND, in an accessor called NAME;
/// a string is the name of what has made the accessor.
fn not_a_record(kind: &Value, name: &Value, value: &Value) -> Raise {
    if matches!(name, Value::StringV(_)) {
        let wanted = records::field(kind, type_field::NAME).unwrap_or(Value::Void);
        return Raise::throw(
            "wrong-type-arg",
            vec![
                name.clone(),
                string_value("Wrong type argument (want `~S'): ~S"),
                list_value(vec![wanted, value.clone()]),
                Value::BoolV(false),
            ],
        );
    }
    if records::type_of(value).is_none() {
        return errors::first_expecting("struct-vtable", "struct", value);
    }
    Raise::throw(
        "wrong-type-arg",
        vec![
            name.clone(),
            string_value("Wrong type argument: ~S"),
            list_value(vec![value.clone()]),
            list_value(vec![value.clone()]),
        ],
    )
}

fn access(args: &[Value]) -> Outcome {
    if let Some((kind, index, name)) = parts(&args[1]) {
        if records::is_a(&args[0], &kind) {
            return Ok(records::field(&args[0], index).unwrap_or(Value::Void));
        }
        return Err(not_a_record(&kind, &name, &args[0]));
    }
    Err(value::wrong_type("record-accessor", 2, &args[1]))
}

fn modify(args: &[Value]) -> Outcome {
    if let Some((kind, index, name)) = parts(&args[1]) {
        if !records::is_a(&args[0], &kind) {
            return Err(not_a_record(&kind, &name, &args[0]));
        }
        if records::replace_field(&args[0], index, args[2].clone()) {
            return Ok(args[2].clone());
        }
        // Its type has no modifier, but a program has made one.
        if let Some(native) = registry::native_called("%move-and-modify") {
            return Err(Raise::Call(native, args.to_vec()));
        }
    }
    Err(value::wrong_type("record-modifier", 2, &args[1]))
}

fn move_and_modify(machine: &mut Machine, args: &[Value]) -> Outcome {
    if let Some(fields) = records::kept_fields(&args[0]) {
        records::move_fields(&args[0], &machine.vector(fields));
        return modify(args);
    }
    Err(value::wrong_type("record-modifier", 1, &args[0]))
}

fn access_data(args: &[Value]) -> Outcome {
    Ok(records::make(access_type(), args.to_vec()))
}

/// Type, index and name in what PROCEDURE knows, when it reads or changes a field.
fn accessed(procedure: &Value) -> Option<(Value, usize, Value)> {
    let Value::Closure(closure) = procedure else {
        return None;
    };
    let kind = access_type();
    closure
        .captures()
        .iter()
        .find(|captured| {
            records::type_of(captured).is_some_and(|found| records::same(&found, &kind))
        })
        .and_then(parts)
}

fn accessor_index(args: &[Value]) -> Outcome {
    match accessed(&args[0]) {
        Some((_, index, _)) => Ok(Value::IntV(index as isize)),
        None => Err(value::wrong_type("set-fields", 1, &args[0])),
    }
}

fn accessed_field(args: &[Value]) -> Outcome {
    let Some((kind, index, _)) = accessed(&args[0]) else {
        return Ok(Value::BoolV(false));
    };
    let name = records::field(&kind, type_field::NAME).unwrap_or(Value::Void);
    let fields = field_list(&kind, type_field::FIELDS);
    let field = fields.into_iter().nth(index).unwrap_or(Value::Void);
    Ok(pairs::cons(field, name))
}

fn record_with(machine: &mut Machine, args: &[Value]) -> Outcome {
    let Some(kind) = records::type_of(&args[0]) else {
        return Err(value::wrong_type("set-field", 1, &args[0]));
    };
    let count = field_list(&kind, type_field::FIELDS).len();
    let position = match &args[1] {
        Value::IntV(number) => usize::try_from(*number).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let values: Vec<Value> = (0..count)
        .map(|index| {
            if index == position {
                args[2].clone()
            } else {
                records::field(&args[0], index).unwrap_or(Value::Void)
            }
        })
        .collect();
    build(machine, &kind, &values)
}

fn index_of(args: &[Value]) -> usize {
    match &args[1] {
        Value::IntV(number) => usize::try_from(*number).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

fn record_field(args: &[Value]) -> Outcome {
    records::field(&args[0], index_of(args))
        .ok_or_else(|| value::wrong_type("struct-ref", 1, &args[0]))
}

fn set_record_field(args: &[Value]) -> Outcome {
    if records::set_field(&args[0], index_of(args), args[2].clone()) {
        Ok(Value::Void)
    } else {
        Err(value::wrong_type("struct-set!", 1, &args[0]))
    }
}

fn record_type_descriptor(args: &[Value]) -> Outcome {
    records::type_of(&args[0])
        .filter(records::is_type)
        .ok_or_else(|| value::wrong_type("record-type-descriptor", 1, &args[0]))
}

fn is_record_type(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(records::is_type(&args[0])))
}

fn type_part(procedure: &str, args: &[Value], index: usize) -> Outcome {
    let kind = checked_type(procedure, args, 1)?;
    Ok(records::field(&kind, index).unwrap_or(Value::BoolV(false)))
}

fn place_in_type(procedure: &str, args: &[Value], index: usize) -> Outcome {
    let kind = checked_type(procedure, args, 1)?;
    Ok(records::type_place(&kind, index).unwrap_or(Value::BoolV(false)))
}

fn record_type_name(args: &[Value]) -> Outcome {
    type_part("record-type-name", args, type_field::NAME)
}

fn record_type_fields(args: &[Value]) -> Outcome {
    type_part("record-type-fields", args, type_field::FIELDS)
}

fn record_type_mutable(args: &[Value]) -> Outcome {
    type_part("record-type-fields", args, type_field::MUTABLE)
}

fn record_type_parent(args: &[Value]) -> Outcome {
    type_part("record-type-parent", args, type_field::PARENT)
}

fn set_printer(args: &[Value]) -> Outcome {
    let kind = checked_type("set-record-type-printer!", args, 1)?;
    records::set_type_place(&kind, type_field::PRINTER, args[1].clone());
    Ok(Value::Void)
}

fn printer(args: &[Value]) -> Outcome {
    place_in_type("record-type-printer", args, type_field::PRINTER)
}

fn properties(args: &[Value]) -> Outcome {
    place_in_type("record-type-properties", args, type_field::PROPERTIES)
}

fn set_properties(args: &[Value]) -> Outcome {
    let kind = checked_type("record-type-properties", args, 1)?;
    records::set_type_place(&kind, type_field::PROPERTIES, args[1].clone());
    Ok(Value::Void)
}
