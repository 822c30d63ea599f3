//! `eq?`: which values are one object.
//!
//! A procedure that is compiled when it is first called has two objects of the machine:
//! the one that stood for it until then, which programs may hold, and its own.

use crate::data::tables::HashMap;
use crate::data::value::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use steel::gc::Gc;

thread_local! {
    /// Procedures by their addresses, with the address of what stood for each.
    static STOOD_FOR: RefCell<HashMap<usize, usize>> = RefCell::default();
    static ANY: Cell<bool> = const { Cell::new(false) };
}

/// PROCEDURE is the same object to programs as STAND_IN, which stood for it. Whoever says
/// so keeps both alive.
pub fn unite(procedure: &Value, stand_in: &Value) {
    if let (Value::Closure(procedure), Value::Closure(stand_in)) = (procedure, stand_in) {
        STOOD_FOR.with(|table| {
            let mut table = table.borrow_mut();
            table.insert(procedure.as_ptr() as usize, stand_in.as_ptr() as usize);
        });
        ANY.set(true);
    }
}

/// The address by which programs know the procedure at ADDRESS.
pub fn address_of_procedure(address: usize) -> usize {
    match ANY.get() {
        false => address,
        true => STOOD_FOR.with(|table| table.borrow().get(&address).copied().unwrap_or(address)),
    }
}

/// Whether A and B are the same object.
#[inline]
pub fn is_eq(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::SymbolV(a), Value::SymbolV(b)) | (Value::StringV(a), Value::StringV(b)) => {
            Rc::ptr_eq(a, b)
        }
        (Value::IntV(a), Value::IntV(b)) => a == b,
        (Value::BoolV(a), Value::BoolV(b)) => a == b,
        (Value::CharV(a), Value::CharV(b)) => a == b,
        (Value::Void, Value::Void) => true,
        (Value::Pair(a), Value::Pair(b)) => Gc::ptr_eq(a, b),
        (Value::ListV(a), Value::ListV(b)) => {
            a.is_empty() && b.is_empty() || a.identity_tuple() == b.identity_tuple()
        }
        (Value::MutableVector(a), Value::MutableVector(b)) => a.as_ptr_usize() == b.as_ptr_usize(),
        (Value::HeapAllocated(a), Value::HeapAllocated(b)) => a.as_ptr_usize() == b.as_ptr_usize(),
        (Value::Custom(a), Value::Custom(b)) => Gc::ptr_eq(a, b),
        (Value::Closure(a), Value::Closure(b)) => {
            Gc::ptr_eq(a, b)
                || ANY.get()
                    && address_of_procedure(a.as_ptr() as usize)
                        == address_of_procedure(b.as_ptr() as usize)
        }
        (Value::CustomStruct(a), Value::CustomStruct(b)) => Gc::ptr_eq(a, b),
        (Value::BoxedFunction(a), Value::BoxedFunction(b)) => Gc::ptr_eq(a, b),
        (Value::Boxed(a), Value::Boxed(b)) => Gc::ptr_eq(a, b),
        (Value::BigNum(a), Value::BigNum(b)) => Gc::ptr_eq(a, b),
        (Value::BigRational(a), Value::BigRational(b)) => Gc::ptr_eq(a, b),
        (Value::NumV(a), Value::NumV(b)) => a.to_bits() == b.to_bits(),
        (Value::FuncV(a), Value::FuncV(b)) => std::ptr::fn_addr_eq(*a, *b),
        (Value::MutFunc(a), Value::MutFunc(b)) => std::ptr::fn_addr_eq(*a, *b),
        (Value::BuiltIn(a), Value::BuiltIn(b)) => std::ptr::eq(*a as *const (), *b as *const ()),
        _ => false,
    }
}
