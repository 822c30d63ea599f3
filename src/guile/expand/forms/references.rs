//! Forms that name a variable of a module: `@`, `@@`, and what modules are made with.
//!
//! Source: GNU Guile reference manual, "Using Guile Modules".

use super::is_core_form;
use crate::expand::Expander;
use crate::namespace::names;
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::{Result, Trouble};
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::Core;
use std::rc::Rc;

pub(super) fn at(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    module_reference(x, stx, scope, false)
}

pub(super) fn at_private(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    module_reference(x, stx, scope, true)
}

/// The variable that `(@ MODULE NAME)` or `(@@ MODULE NAME)` names, when TARGET is that.
pub fn module_variable(
    x: &mut Expander,
    target: &Stx,
    scope: &Scope,
) -> Result<Option<Rc<crate::tree_il::Variable>>> {
    let head = target
        .as_list()
        .and_then(|parts| parts.first()?.as_id())
        .and_then(|id| scope.lookup(id));
    let named = |binding: &Binding| is_core_form(binding, "@") || is_core_form(binding, "@@");
    if !head.as_ref().is_some_and(named) {
        return Ok(None);
    }
    Ok(match x.expand(target, scope)? {
        Core::Global(variable, _) => Some(variable),
        _ => None,
    })
}

/// `(@@ @@ MODULE EXPRESSION)`: EXPRESSION, in which what nothing binds around it means
/// what MODULE makes of it.
fn expression_of_module(x: &mut Expander, stx: &Stx, scope: &Scope) -> Option<Result<Core>> {
    let [at, again, name, expression] = stx.as_list()? else {
        return None;
    };
    if at.as_id()?.name() != again.as_id()?.name() {
        return None;
    }
    let mut expand = || {
        let name = names::module_name(name)?;
        let module = x.world.existing(&name).ok_or(Trouble::NeedModule(name))?;
        x.world.uses(&module);
        let inside = Scope::of_module(&module).inner();
        for (id, binding) in scope.visible() {
            inside.bind(id, binding);
        }
        x.expand(expression, &inside)
    };
    Some(expand())
}

fn module_reference(x: &mut Expander, stx: &Stx, scope: &Scope, private: bool) -> Result<Core> {
    if private && let Some(result) = expression_of_module(x, stx, scope) {
        return result;
    }
    let Some([_, name, variable]) = stx.as_list() else {
        return Err(Trouble::no_match("@", stx));
    };
    let name = names::module_name(name)?;
    let id = variable
        .as_id()
        .ok_or_else(|| Trouble::no_match("@", stx))?
        .base();
    let known = match private {
        true => x.world.existing(&name),
        false => x.world.loaded(&name),
    };
    let module = known.ok_or(Trouble::NeedModule(name))?;
    x.world.uses(&module);
    let binding = if private {
        module.lookup(id)
    } else {
        module.exported(id)
    };
    match binding {
        None if private => Ok(Core::Global(module.variable(id), stx.span())),
        // Unbound when used, as in Guile.
        None => {
            let name = Core::Constant(Stx::id(id, stx.span()));
            Ok(x.core_call("%no-export", vec![name], stx.span()))
        }
        binding => x.reference(id, binding, stx, scope),
    }
}

/// The machine's variable that a form holds as a value.
fn held_variable(stx: &Stx) -> Result<Rc<crate::tree_il::Variable>> {
    use crate::namespace::variables::{VariableValue, variable_of};
    let held = stx.as_list().and_then(|items| items.get(1));
    if let Some(Form::Opaque(value)) = held.map(Stx::form)
        && let Some(variable) = variable_of(value.value())
        && let VariableValue::Global(variable) = &*variable
    {
        return Ok(variable.clone());
    }
    Err(Trouble::no_match("%the-variable", stx))
}

/// `(%the-variable VARIABLE)`: its value
pub(super) fn the_variable(_: &mut Expander, stx: &Stx, _: &Scope) -> Result<Core> {
    Ok(Core::Global(held_variable(stx)?, stx.span()))
}

/// `(%define-variable VARIABLE VALUE)`
pub(super) fn define_variable(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let variable = held_variable(stx)?;
    variable.assigned.set(true);
    let value = stx
        .as_list()
        .and_then(|items| items.get(2))
        .ok_or_else(|| Trouble::no_match("%define-variable", stx))?;
    let value = x.expand(value, scope)?;
    Ok(Core::DefineGlobal(variable, Box::new(value)))
}
