//! Steel's own procedures.

use crate::data::value::Value;
use steel::steel_vm::builtin::BuiltInModule;
use steel::steel_vm::primitives;

/// Hands one of Steel's modules, which are the thread's own, to its body.
type Visit = fn(&mut dyn FnMut(&BuiltInModule));

/// The modules of Steel's that we take procedures from. All of them would cost
/// a tenth of the start-up.
pub const MODULES: [Visit; 9] = [
    |body| primitives::NUMBER_MODULE.with(body),
    |body| primitives::LIST_MODULE.with(body),
    |body| primitives::ORD_MODULE.with(body),
    |body| primitives::TRANSDUCER_MODULE.with(body),
    |body| primitives::META_MODULE.with(body),
    |body| primitives::IDENTITY_MODULE.with(body),
    |body| primitives::EQUALITY_MODULE.with(body),
    |body| primitives::VECTOR_MODULE.with(body),
    |body| primitives::CONSTANTS_MODULE.with(body),
];

/// Steel's own procedure called NAME.
pub fn steel_primitive(name: &str) -> Value {
    let mut found = None;
    for visit in MODULES {
        visit(&mut |module| found = found.take().or_else(|| module.try_get_ref(name)));
        if let Some(value) = found {
            return value;
        }
    }
    panic!("Steel has no procedure called {name}")
}
