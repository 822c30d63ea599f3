//! Lexical environments as values: `the-environment`, `local-eval`, and what
//! transformers may ask about the place where they are used.
//!
//! An environment is a scope together with two procedures for each variable
//! in it, one that gets and one that sets. What is evaluated there later sees
//! each variable as a keyword that calls these.

use crate::data::native::{self, Machine, Outcome};
use crate::data::pairs;
use crate::data::roots::Root;
use crate::data::value::{self, Value, handle_value, list_value, symbol_value};
use crate::eval::loader::{self, Load};
use crate::eval::module_values::{self, transformer};
use crate::expand::{environment, syntax_primitives};
use crate::namespace::keywords::{Ellipsis, Macro, PatternContext, Rules};
use crate::namespace::modules;
use crate::namespace::registry::world;
use crate::namespace::scope::{Binding, PatternVariable, Scope};
use crate::syntax::identifier::Id;
use crate::syntax::object;
use crate::syntax::span::Span;
use crate::syntax::stx::{self, Stx};
use std::cell::RefCell;
use std::rc::Rc;

crate::natives! {
    /// (%environment-scope number) -> the scope that the-environment has seen
    "%environment-scope" (1) => environment_scope,
    /// (%load-of-local form scope accessors) -> load
    "%load-of-local" (3) => load_of_local,
    /// (%scope-module scope) -> the module in which SCOPE stands
    "%scope-module" (1) => scope_module,
    /// (%syntax-local-binding identifier resolve?) -> pair of kind and value
    "%syntax-local-binding" (2) with machine => syntax_local_binding,
    /// (syntax-locally-bound-identifiers identifier) -> identifiers bound around it
    "syntax-locally-bound-identifiers" (1) => locally_bound,
    /// (syntax-module syntax) -> name of the module in which SYNTAX stands
    "syntax-module" (1) => syntax_module,
}

fn environment_scope(args: &[Value]) -> Outcome {
    let scope = match &args[0] {
        Value::IntV(number) => usize::try_from(*number).ok().and_then(environment::seen),
        _ => None,
    };
    scope
        .map(|scope| handle_value("scope", scope))
        .ok_or_else(|| value::wrong_type("the-environment", 1, &args[0]))
}

/// A keyword that stands for the variable reached through GET and SET.
fn accessor(get: &Value, set: &Value) -> Binding {
    let call = |procedure: &Value, mut operands: Vec<Stx>| {
        operands.insert(
            0,
            Stx::new(stx::Form::Opaque(Root::of(procedure)), Span::default()),
        );
        Stx::list(operands, Span::default())
    };
    let name = |name: &str| Stx::id(Id::named(name), Span::default());
    let rules = |pattern: Stx, template: Stx| {
        Rc::new(Rules {
            context: PatternContext {
                literals: Vec::new(),
                ellipsis: Ellipsis::None,
                scope: world().core_scope.clone(),
            },
            clauses: vec![(pattern, template)],
            whole: true,
        })
    };
    let assignment = Stx::list(vec![name("_"), name("_"), name("value")], Span::default());
    Binding::Macro(Rc::new(Macro::Identifier {
        reference: rules(name("_"), call(get, Vec::new())),
        assignment: Some(rules(assignment, call(set, vec![name("value")]))),
    }))
}

fn load_of_local(args: &[Value]) -> Outcome {
    let scope = value::handle::<Scope>("local-eval", args, 2)?;
    let inner = scope.inner();
    let reached = scope
        .visible()
        .into_iter()
        .filter(|(_, binding)| matches!(binding, Binding::Local(_) | Binding::Pattern(_)));
    for ((id, binding), access) in reached.zip(pairs::items(&args[2])) {
        let procedures = pairs::to_vec(access).unwrap_or_default();
        match (binding, &procedures[..]) {
            (Binding::Pattern(pattern), [get, ..]) => inner.bind(
                id,
                Binding::Pattern(Rc::new(PatternVariable {
                    local: pattern.local.clone(),
                    depth: pattern.depth,
                    outside: Some(Root::of(get)),
                })),
            ),
            (_, [get, set]) => inner.bind(id, accessor(get, set)),
            _ => {}
        }
    }
    let form = Stx::from_value(&args[0], loader::no_span(), &|id| id);
    let load = Load::of_form_in(&world(), form, inner);
    Ok(handle_value("load", RefCell::new(load)))
}

fn scope_module(args: &[Value]) -> Outcome {
    let scope = value::handle::<Scope>("local-eval", args, 1)?;
    Ok(module_values::value_of(&scope.module()))
}

fn identifier(procedure: &str, args: &[Value]) -> std::result::Result<Id, native::Raise> {
    object::unwrap(&args[0])
        .and_then(|stx| stx.as_id())
        .ok_or_else(|| value::wrong_type(procedure, 1, &args[0]))
}

fn module_words(module: &modules::Module) -> Value {
    list_value(module.name.iter().map(|word| word.symbol()).collect())
}

fn syntax_local_binding(machine: &mut Machine, args: &[Value]) -> Outcome {
    let id = identifier("syntax-local-binding", args)?;
    let (_, scope) = syntax_primitives::current_expansion();
    let no = || Value::BoolV(false);
    let global = || {
        let (module, name) = scope.home(id);
        (
            "global",
            value::pair_value(name.symbol(), module_words(&module)),
        )
    };
    let (kind, found) = match scope.lookup(id) {
        Some(Binding::Local(local)) => ("lexical", Value::IntV(local.number as isize)),
        Some(Binding::Pattern(_)) => ("pattern-variable", no()),
        Some(Binding::Ellipsis(id)) => ("ellipsis", object::wrap(&Stx::id(id, Span::default()))),
        Some(Binding::Macro(keyword)) => match (&*keyword, value::truth(args, 2)) {
            (Macro::Parameter(_), false) => ("syntax-parameter", no()),
            _ => ("macro", transformer(machine, &keyword)?),
        },
        Some(Binding::Global(_)) | None => global(),
        Some(Binding::Expression(_) | Binding::Special(_) | Binding::Auxiliary(_)) => {
            ("macro", no())
        }
    };
    Ok(value::pair_value(symbol_value(kind), found))
}

fn locally_bound(args: &[Value]) -> Outcome {
    identifier("syntax-locally-bound-identifiers", args)?;
    let (_, scope) = syntax_primitives::current_expansion();
    Ok(list_value(
        scope
            .visible()
            .into_iter()
            .map(|(id, _)| object::wrap(&Stx::id(id, Span::default())))
            .collect(),
    ))
}

fn syntax_module(args: &[Value]) -> Outcome {
    let scope = object::unwrap(&args[0])
        .and_then(|stx| stx.as_id())
        .and_then(Id::alias)
        .map_or_else(
            || syntax_primitives::current_expansion().1,
            |alias| alias.scope(),
        );
    Ok(module_words(&scope.module()))
}
