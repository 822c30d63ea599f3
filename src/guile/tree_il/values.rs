//! Which calls give several values.
//!
//! Several values are one object of ours on their way to `call-with-values`. Guile
//! keeps the first of them where one is wanted, such as an argument or a variable.
//! So where one is wanted, a call of anything that is not known to give one is
//! looked at when it has returned. What is known: primitives say of themselves when
//! they give several, and a procedure gives one when all that its body can end in
//! does.

use crate::tree_il::{Core, Lambda, Origin, Variable};

/// Whether the value of CORE may be several; of the variables of programs, those
/// that are PENDING may hold anything yet.
pub fn gives_several(core: &Core, pending: &dyn Fn(&Variable) -> bool) -> bool {
    ends_in_several(core, false, &|variable| {
        variable.gives_one.get() && !pending(variable)
    })
}

/// Whether a call of LAMBDA may give several values. It may end in a call of what
/// the program defines otherwise later.
pub fn procedure_gives_several(lambda: &Lambda) -> bool {
    ends_in_several(&lambda.body, true, &|_| false)
}

/// The same of LAMBDA, which VARIABLE is defined as: it may end in a call of itself.
pub fn defines_several(variable: &Variable, lambda: &Lambda) -> bool {
    ends_in_several(&lambda.body, true, &|other| std::ptr::eq(variable, other))
}

/// Whether the value of CORE may be several, where TRUSTED says which variables of
/// programs are procedures that give one. A variable that holds all values of an
/// expression counts where the value is PASSED on; elsewhere it is asked for as it is.
fn ends_in_several(core: &Core, passed: bool, trusted: &dyn Fn(&Variable) -> bool) -> bool {
    match core {
        Core::Call(operator, _, _) => match &**operator {
            Core::Global(variable, _) => !global_gives_one(variable, trusted),
            Core::Local(local) => !local.gives_one.get(),
            Core::Lambda(lambda) => ends_in_several(&lambda.body, passed, trusted),
            _ => true,
        },
        Core::If(_, consequent, alternative) => {
            ends_in_several(consequent, passed, trusted)
                || ends_in_several(alternative, passed, trusted)
        }
        Core::Let(bindings, body) | Core::Letrec(bindings, body) => {
            for (local, value) in bindings {
                if is_all(value) {
                    local.holds_several.set(true);
                }
            }
            ends_in_several(body, passed, trusted)
        }
        Core::Seq(forms) => forms
            .last()
            .is_some_and(|last| ends_in_several(last, passed, trusted)),
        Core::Local(local) => passed && local.holds_several.get(),
        _ => false,
    }
}

/// Whether CORE is `(%all EXPRESSION)`.
fn is_all(core: &Core) -> bool {
    match core {
        Core::Let(bindings, body) => {
            matches!(&**body, Core::Local(local) if local.holds_several.get())
                && matches!(&bindings[..], [(only, _)] if only.holds_several.get())
        }
        _ => false,
    }
}

fn global_gives_one(variable: &Variable, trusted: &dyn Fn(&Variable) -> bool) -> bool {
    match variable.origin {
        Origin::Program => trusted(variable),
        Origin::Native(native) => !native.gives_several && !variable.assigned.get(),
        Origin::Boot(_) => variable.gives_one.get() && !variable.assigned.get(),
        Origin::Machine => variable.gives_one.get(),
    }
}
