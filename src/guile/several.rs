//! Which calls give several values.
//!
//! Several values are one object of ours on their way to `call-with-values`. Guile
//! keeps the first of them where one is wanted, such as an argument or a variable.
//! To look at every argument would cost every call; so the calls that can give
//! several are found in the text: `values` itself, the procedures of the library
//! that do, and procedures of the program that end in such a call.

use super::core::{Core, Lambda, Origin, Variable};

/// The procedures of the library that give several values.
const LIBRARY: &[&str] = &[
    "break",
    "break!",
    "car+cdr",
    "ceiling/",
    "centered/",
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
const PASSING: [&str; 10] = [
    "%guard",
    "call-with-current-continuation",
    "call-with-escape-continuation",
    "call-with-values",
    "call/cc",
    "call/ec",
    "catch",
    "dynamic-wind",
    "with-exception-handler",
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
    matches!(&*name, "values" | "apply")
        || PASSING.contains(&&*name)
        || LIBRARY.binary_search(&&*name).is_ok()
}

fn global_gives_several(variable: &Variable, operands: &[Core]) -> bool {
    if matches!(variable.origin, Origin::Program | Origin::Machine) {
        return variable.gives_several.get();
    }
    match &*variable.name.name() {
        "values" => operands.len() != 1,
        "apply" => matches!(
            operands.first(),
            Some(Core::Global(applied, _)) if !applied.name.is_alias()
                && &*applied.name.name() == "values"
        ),
        name if PASSING.contains(&name) => operands.iter().any(
            |operand| matches!(operand, Core::Lambda(lambda) if procedure_gives_several(lambda)),
        ),
        name => LIBRARY.binary_search(&name).is_ok(),
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
