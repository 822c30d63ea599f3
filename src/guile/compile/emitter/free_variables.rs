//! Which local variables a form refers to and does not bind.

use crate::tree_il::{Core, Lambda, Local};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Mark the locals of CORE that are used other than by being called.
pub(super) fn find_escapes(core: &Core) {
    match core {
        Core::Local(local) => local.escapes.set(true),
        Core::Call(operator, operands, _) => {
            if !matches!(**operator, Core::Local(_)) {
                find_escapes(operator);
            }
            operands.iter().for_each(find_escapes);
        }
        _ => each_part(core, &mut find_escapes),
    }
}

/// Call VISIT with the parts of CORE.
fn each_part(core: &Core, visit: &mut dyn FnMut(&Core)) {
    match core {
        Core::Constant(_)
        | Core::Unspecified
        | Core::Local(_)
        | Core::Global(..)
        | Core::Machine(_)
        | Core::Deferred(_) => {}
        Core::Settle(deferred, _) => visit(&deferred.lambda.body),
        Core::SetLocal(_, value) | Core::SetGlobal(_, value, _) | Core::DefineGlobal(_, value) => {
            visit(value)
        }
        Core::If(test, consequent, alternative) => {
            visit(test);
            visit(consequent);
            visit(alternative);
        }
        Core::Lambda(lambda) => visit(&lambda.body),
        Core::Call(operator, operands, _) => {
            visit(operator);
            operands.iter().for_each(visit);
        }
        Core::Let(bindings, body) | Core::Letrec(bindings, body) => {
            bindings.iter().for_each(|(_, value)| visit(value));
            visit(body);
        }
        Core::Seq(forms) => forms.iter().for_each(visit),
    }
}

/// Whether BODY refers to LOCAL.
pub(super) fn is_mentioned(local: &Local, body: &Core) -> bool {
    let mut free = BTreeMap::new();
    free_locals(body, &mut free);
    free.contains_key(&local.number)
}

/// The locals that CORE refers to and does not bind. Every local has a number
/// of its own, so what is bound inside can be taken away afterwards.
pub(super) fn free_locals(core: &Core, free: &mut BTreeMap<u32, Rc<Local>>) {
    match core {
        Core::Local(local) => add_free(local, free),
        Core::SetLocal(local, value) => {
            add_free(local, free);
            free_locals(value, free);
        }
        Core::Lambda(lambda) => free_of_lambda(lambda, free),
        Core::Let(bindings, body) | Core::Letrec(bindings, body) => {
            let mut inside = BTreeMap::new();
            for (_, value) in bindings {
                free_locals(value, &mut inside);
            }
            free_locals(body, &mut inside);
            for (local, _) in bindings {
                inside.remove(&local.number);
            }
            free.extend(inside);
        }
        _ => each_part(core, &mut |part| free_locals(part, free)),
    }
}

pub(super) fn free_of_lambda(lambda: &Lambda, free: &mut BTreeMap<u32, Rc<Local>>) {
    let mut inside = BTreeMap::new();
    free_locals(&lambda.body, &mut inside);
    for parameter in lambda.parameters.iter().chain(&lambda.rest) {
        inside.remove(&parameter.number);
    }
    free.extend(inside);
}

/// A reference to LOCAL; to a lifted procedure, to what it has to be given.
fn add_free(local: &Rc<Local>, free: &mut BTreeMap<u32, Rc<Local>>) {
    match &*local.lifted.borrow() {
        Some(lifted) => free.extend(
            lifted
                .captured
                .iter()
                .map(|captured| (captured.number, captured.clone())),
        ),
        None => {
            free.insert(local.number, local.clone());
        }
    }
}
