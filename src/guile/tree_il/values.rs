//! Which calls give several values.
//!
//! Several values are one object of ours on their way to `call-with-values`. Guile
//! keeps the first of them where one is wanted, such as an argument or a variable.
//! To look at every argument would cost every call; so the calls that can give
//! several are found in the text: `values` itself, the procedures of the library
//! that do, and procedures of the program that end in such a call.

use crate::tree_il::{Core, Lambda, Origin, Variable};

/// The procedures of the library that give several values.
const LIBRARY: &[&str] = &[
    "break",
    "break!",
    "car+cdr",
    "ceiling/",
    "centered/",
    "char-set-diff+intersection",
    "char-set-diff+intersection!",
    "div-and-mod",
    "div0-and-mod0",
    "euclidean/",
    "exact-integer-sqrt",
    "floor/",
    "partition",
    "partition!",
    "round/",
    "span",
    "span!",
    "split-at",
    "split-at!",
    "truncate/",
    "unzip2",
    "unzip3",
    "unzip4",
    "unzip5",
];

/// Those that give what a procedure gives which they are given.
const PASSING: [&str; 16] = [
    "%guard",
    "%parameterize",
    "call-with-current-continuation",
    "call-with-escape-continuation",
    "call-with-prompt",
    "call-with-values",
    "call/cc",
    "call/ec",
    "catch",
    "dynamic-wind",
    "with-continuation-barrier",
    "with-dynamic-state",
    "with-exception-handler",
    "with-fluid*",
    "with-fluids*",
    "with-throw-handler",
];

/// Whether the value of CORE may be several.
pub fn gives_several(core: &Core) -> bool {
    match core {
        Core::Call(operator, operands, _) => match &**operator {
            Core::Global(variable, _) => global_gives_several(variable, operands),
            Core::Local(local) => local.gives_several.get(),
            Core::Lambda(lambda) => procedure_gives_several(lambda),
            _ => false,
        },
        Core::If(_, consequent, alternative) => {
            gives_several(consequent) || gives_several(alternative)
        }
        Core::Let(_, body) | Core::Letrec(_, body) => gives_several(body),
        Core::Seq(forms) => forms.last().is_some_and(gives_several),
        _ => false,
    }
}

/// Whether a call of LAMBDA may give several values.
pub fn procedure_gives_several(lambda: &Lambda) -> bool {
    gives_several(&lambda.body)
}

/// Whether some call of VARIABLE may give several values.
pub fn may_give_several(variable: &Variable) -> bool {
    if matches!(variable.origin, Origin::Program | Origin::Machine) {
        return variable.gives_several.get();
    }
    let name = variable.name.name();
    matches!(&*name, "values" | "apply" | "eval")
        || PASSING.contains(&&*name)
        || LIBRARY.binary_search(&&*name).is_ok()
}

fn global_gives_several(variable: &Variable, operands: &[Core]) -> bool {
    if matches!(variable.origin, Origin::Program | Origin::Machine) {
        return variable.gives_several.get();
    }
    match &*variable.name.name() {
        "values" => operands.len() != 1,
        "apply" => operands.first().is_some_and(calls_give_several),
        "eval" => true,
        // What its clauses give is what is called after unwinding.
        "%guard" => {
            operands.iter().any(calls_give_several)
                || matches!(operands.last(), Some(Core::Lambda(clauses)) if gives_thunk_of_several(&clauses.body))
        }
        name if PASSING.contains(&name) => operands.iter().any(calls_give_several),
        name => LIBRARY.binary_search(&name).is_ok(),
    }
}

/// Whether a call of what CORE gives may give several values.
fn calls_give_several(core: &Core) -> bool {
    match core {
        Core::Lambda(lambda) => procedure_gives_several(lambda),
        Core::Global(variable, _) => may_give_several(variable),
        Core::Local(local) => local.gives_several.get(),
        _ => false,
    }
}

/// Whether CORE ends in a procedure without arguments that may give several values.
fn gives_thunk_of_several(core: &Core) -> bool {
    match core {
        Core::Lambda(lambda) => lambda.parameters.is_empty() && procedure_gives_several(lambda),
        Core::If(_, consequent, alternative) => {
            gives_thunk_of_several(consequent) || gives_thunk_of_several(alternative)
        }
        Core::Let(_, body) | Core::Letrec(_, body) => gives_thunk_of_several(body),
        Core::Seq(forms) => forms.last().is_some_and(gives_thunk_of_several),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted() {
        assert!(LIBRARY.is_sorted());
    }
}
