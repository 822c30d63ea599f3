//! Units for core forms, with those of `scheme/guile/boot` that they need before them.

use super::no_span;
use crate::compile::emitter;
use crate::expand::Expander;
use crate::expand::definitions::Definition;
use crate::namespace::modules;
use crate::namespace::scope::Binding;
use crate::syntax::error::Result;
use crate::syntax::stx::Stx;
use crate::tree_il::{Core, Origin, Variable};
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

/// The units for CORE, those of `scheme/guile/boot` that it needs first.
pub fn units(x: &mut Expander, core: &Core) -> Result<Vec<emitter::Unit>> {
    let mut units = Vec::new();
    for (variable, found) in modules::take_borrowed() {
        let value = Core::Global(found, no_span());
        append_units(
            x,
            &Core::DefineGlobal(variable, Box::new(value)),
            &mut units,
        )?;
    }
    append_units(x, core, &mut units)?;
    Ok(units)
}

fn append_units(x: &mut Expander, core: &Core, units: &mut Vec<emitter::Unit>) -> Result<()> {
    let mut wanted = Vec::new();
    let unit = emitter::unit(core, &mut wanted, false);
    if !wanted.is_empty() {
        let mut declarations = String::new();
        let mut compiled = BTreeMap::new();
        for variable in wanted {
            boot_definition(x, &variable, &mut declarations, &mut compiled)?;
        }
        let mut definitions = in_order(compiled);
        for unit in definitions.iter().chain(std::iter::once(&unit)) {
            declarations.push_str(&unit.prologue);
        }
        units.push(emitter::Unit {
            prologue: String::new(),
            boot: Vec::new(),
            once: 0..declarations.len(),
            text: declarations,
            defines: Vec::new(),
        });
        units.append(&mut definitions);
    }
    units.push(unit);
    Ok(())
}

/// A definition of `scheme/guile/boot` that has to run.
struct BootDefinition {
    unit: emitter::Unit,
    is_procedure: bool,
}

/// Procedures come first, because making one needs nothing; values come after
/// them, each after the values it needs, directly or through procedures.
fn in_order(mut compiled: BTreeMap<usize, BootDefinition>) -> Vec<emitter::Unit> {
    fn visit(
        number: usize,
        compiled: &BTreeMap<usize, BootDefinition>,
        seen: &mut HashSet<usize>,
        order: &mut Vec<usize>,
    ) {
        let Some(definition) = compiled.get(&number) else {
            return;
        };
        if !seen.insert(number) {
            return;
        }
        for other in &definition.unit.boot {
            visit(*other, compiled, seen, order);
        }
        order.push(number);
    }
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    for number in compiled.keys() {
        visit(*number, &compiled, &mut seen, &mut order);
    }
    let (mut procedures, values): (Vec<usize>, Vec<usize>) = order
        .into_iter()
        .partition(|number| compiled[number].is_procedure);
    procedures.extend(values);
    procedures
        .into_iter()
        .filter_map(|number| compiled.remove(&number))
        .map(|definition| definition.unit)
        .collect()
}

fn boot_definition(
    x: &mut Expander,
    variable: &Rc<Variable>,
    declarations: &mut String,
    compiled: &mut BTreeMap<usize, BootDefinition>,
) -> Result<()> {
    let Origin::Boot(number) = variable.origin else {
        return Ok(());
    };
    declarations.push_str(&emitter::declaration(variable));
    let scope = x.world.core_scope.clone();
    let mut form = x.world.boot.form(number)?;
    while let Some(Binding::Macro(keyword)) = x.head(&form, &scope) {
        form = x.expand_once(&keyword, &form, &scope)?;
    }
    let Definition { id, value } = x.parse_define(&form)?;
    let core = x.expand_named(&value, &scope, id)?;
    let is_procedure = matches!(core, Core::Lambda(_));
    let core = Core::DefineGlobal(variable.clone(), Box::new(core));
    let mut wanted = Vec::new();
    let unit = emitter::unit(&core, &mut wanted, true);
    for other in wanted {
        boot_definition(x, &other, declarations, compiled)?;
    }
    compiled.insert(number, BootDefinition { unit, is_procedure });
    Ok(())
}

/// Whether VALUE is written as a procedure.
pub(super) fn makes_procedure(value: &Stx) -> bool {
    let head = value.as_list().and_then(|items| items.first()?.as_id());
    head.is_some_and(|head| {
        matches!(
            &*head.name(),
            "lambda" | "lambda*" | "case-lambda" | "case-lambda*" | "λ"
        )
    })
}
