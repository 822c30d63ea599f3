//! `eq?`: which values are one object.

use crate::data::value::Value;
use std::rc::Rc;
use steel::gc::Gc;

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
        (Value::Closure(a), Value::Closure(b)) => Gc::ptr_eq(a, b),
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
