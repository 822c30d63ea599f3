//! Which calls the machine has instructions for, and which procedures of
//! `scheme/guile/boot` have a shorter way.

use crate::namespace::registry;
use crate::syntax::identifier::Id;
use crate::tree_il::{Core, Origin, Variable};
use std::rc::Rc;

/// Guile's comparisons: what each is when the left operand is less than the right one,
/// and when the right one is less. The machine's `<` tells, and is false for what is no
/// number; its others print that, which never ends where it is circular.
const COMPARISONS: [(&str, [bool; 2]); 5] = [
    ("=", [false, false]),
    ("<", [true, false]),
    (">", [false, true]),
    ("<=", [true, false]),
    (">=", [false, true]),
];

/// Guile's names of what the machine has an instruction for that prints an operand
/// which is no number, each with the procedure that does the same and raises.
pub(super) const CHECKED: [(&str, &str); 2] = [("+", "n.%sum"), ("-", "n.%difference")];

/// Natives that give a number or raise.
pub(super) const NUMERIC: [&str; 6] = ["+", "-", "*", "quotient", "remainder", "modulo"];

/// What of `scheme/guile/boot` raises. A call of it is noted before it is made:
/// most are in tail position, where the machine forgets the caller.
const RAISING: &str = "raise-exception";

/// Whether a native is called, and not by an instruction of the machine.
pub(super) fn is_native_call(operator: &Core, operands: usize) -> bool {
    matches!(
        operator,
        Core::Global(variable, _)
            if matches!(variable.origin, Origin::Native(_))
                && instruction(variable, operands).is_none()
    )
}

/// Whether OPERATOR is a procedure that does not take COUNT arguments. The machine would
/// not tell which one it is, and miscompiles the call when it puts the procedure's body
/// in its place.
pub(super) fn is_misfit(operator: &Core, count: usize) -> bool {
    match operator {
        Core::Local(local) if !local.assigned.get() => {
            let takes = local.takes.borrow();
            takes.as_ref().is_some_and(|(takes, _)| !takes.fits(count))
        }
        Core::Global(variable, _) => variable.takes.get().is_some_and(|takes| !takes.fits(count)),
        _ => false,
    }
}

pub(super) fn raises(variable: &Variable) -> bool {
    matches!(variable.origin, Origin::Boot(_)) && &*variable.name.name() == RAISING
}

/// Calls that the machine has instructions for: Guile's name, arguments, the
/// machine's name. Its `*` is not among them: it panics when a small fraction
/// meets a large one, as in `(* 1/3 (/ (expt 10 30) 7))`.
const INSTRUCTIONS: &[(&str, usize, &str)] = &[
    ("+", 2, "#%prim.+"),
    ("-", 2, "#%prim.-"),
    ("=", 2, "#%prim.="),
    ("<", 2, "#%prim.<"),
    (">", 2, "#%prim.>"),
    ("<=", 2, "#%prim.<="),
    (">=", 2, "#%prim.>="),
    ("car", 1, "#%prim.car"),
    ("cdr", 1, "#%prim.cdr"),
    ("not", 1, "#%prim.not"),
    ("null?", 1, "#%prim.null?"),
];

/// Procedures of `scheme/guile/boot` that take more or fewer arguments, each with the
/// number of operands that is usual and the procedure which does the same for those:
/// looking how many there are takes longer than putting a handler in force.
const USUALLY: [(&str, usize, &str); 3] = [
    ("apply", 2, "%apply"),
    ("catch", 3, "%catch"),
    ("with-exception-handler", 2, "%with-procedure-handler"),
];

/// What to call instead of VARIABLE with COUNT operands.
pub(super) fn usual(variable: &Variable, count: usize) -> Option<Rc<Variable>> {
    if !matches!(variable.origin, Origin::Boot(_)) || variable.assigned.get() {
        return None;
    }
    let name = variable.name.name();
    let (_, _, same) = USUALLY
        .iter()
        .find(|(known, operands, _)| **known == *name && *operands == count)?;
    Some(registry::world().core.variable(Id::named(same)))
}

/// What a comparison by VARIABLE is where either operand is less, when it is one of Guile's.
pub(super) fn comparison(variable: &Variable) -> Option<[bool; 2]> {
    instruction(variable, 2)?;
    let name = variable.name.name();
    COMPARISONS
        .iter()
        .find(|(guile, _)| **guile == *name)
        .map(|(_, less)| *less)
}

/// Whether what VARIABLE holds may be no procedure.
pub(super) fn is_unknown(variable: &Variable) -> bool {
    matches!(variable.origin, Origin::Program)
        && (variable.takes.get().is_none() || variable.assigned.get())
}

/// The machine's instruction for a call of VARIABLE with COUNT arguments.
pub(super) fn instruction(variable: &Variable, count: usize) -> Option<&'static str> {
    if matches!(variable.origin, Origin::Program | Origin::Boot(_)) || variable.assigned.get() {
        return None;
    }
    let name = variable.name.name();
    INSTRUCTIONS
        .iter()
        .find(|(guile, arity, _)| **guile == *name && *arity == count)
        .map(|(_, _, machine)| *machine)
}
