//! `(the-environment)`: a scope and the procedures that reach its variables.

use crate::expand::Expander;
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::Result;
use crate::syntax::identifier::Id;
use crate::syntax::stx::Stx;
use crate::tree_il::{Core, Local};
use std::cell::RefCell;

thread_local! {
    static SCOPES: RefCell<Vec<Scope>> = RefCell::default();
}

/// `(the-environment)`
pub fn the_environment(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let span = stx.span();
    let number = SCOPES.with(|scopes| {
        let mut scopes = scopes.borrow_mut();
        scopes.push(scope.clone());
        scopes.len() - 1
    });
    let mut accessors = Vec::new();
    for (_, binding) in scope.visible() {
        let pair = match binding {
            Binding::Local(local) => {
                local.assigned.set(true);
                let given = Local::new(Id::named("value"));
                let set = Core::SetLocal(local.clone(), Box::new(Core::Local(given.clone())));
                vec![
                    Core::lambda(Vec::new(), None, Core::Local(local), span),
                    Core::lambda(vec![given], None, set, span),
                ]
            }
            Binding::Pattern(pattern) => {
                let value = pattern.value();
                vec![Core::lambda(Vec::new(), None, value, span)]
            }
            _ => continue,
        };
        accessors.push(x.core_call("list", pair, span));
    }
    let accessors = x.core_call("list", accessors, span);
    let number = Core::integer(number, span);
    let held = x.core_call("%environment-scope", vec![number], span);
    Ok(x.core_call("%make-environment", vec![held, accessors], span))
}

/// The scope that `the-environment` has seen under NUMBER.
pub fn seen(number: usize) -> Option<Scope> {
    SCOPES.with(|scopes| scopes.borrow().get(number).cloned())
}
