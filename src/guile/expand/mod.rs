//! The expander: from syntax to core forms.
//!
//! Every keyword is a binding: a program may shadow `if`, import it under
//! another name and export it again. Hygiene comes from aliases (see
//! `syntax`): a name that a macro brings in is looked up where the macro was
//! defined, unless something binds that very alias.

pub mod bodies;
pub mod definitions;
pub mod environment;
pub mod forms;
pub mod imports;
pub mod lambda_star;
pub mod macros;
pub mod matching;
pub mod patterns;
pub mod quasi;
pub mod record_forms;
pub mod syntax_case;
pub mod syntax_primitives;

use crate::compile::emitter::Unit;
use crate::data::native::{Machine, Raise};
use crate::data::value::{Value, list_value, string_value};
use crate::data::{interrupt, memory};
use crate::namespace::keywords::Special;
use crate::namespace::modules::Module;
use crate::namespace::names;
use crate::namespace::registry::World;
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Local, Origin, State, Variable};
use std::rc::Rc;

/// How often macros may rewrite within one top-level form.
const EXPANSION_LIMIT: u32 = 1_000_000;

/// The error for an auxiliary WORD such as `else` where an expression is wanted.
fn misplaced(word: &str, stx: &Stx) -> Trouble {
    match word {
        "unquote" | "unquote-splicing" => Trouble::syntax(
            word,
            "expression not valid outside of quasiquote",
            stx,
            None,
        ),
        "syntax-rules" | "identifier-syntax" => Trouble::no_match("#f", stx),
        _ => {
            let message = format!("bad use of '{word}' syntactic keyword");
            Trouble::syntax(word, &message, stx, Some(stx))
        }
    }
}

/// What Guile throws when two imports have one name and the policy is to check.
fn conflict(module: &Module, name: Id, first: &Module, second: &Module) -> Raise {
    let words = |name: &[Id]| list_value(name.iter().map(|word| word.symbol()).collect());
    Raise::throw(
        "misc-error",
        vec![
            Value::BoolV(false),
            string_value("~A: `~A' imported from both ~A and ~A"),
            list_value(vec![
                words(&module.name),
                name.symbol(),
                words(&first.name),
                words(&second.name),
            ]),
            Value::BoolV(false),
        ],
    )
}

/// Makes units for the machine; the loader, which knows how, stands on a higher floor.
pub type Compile = fn(&mut Expander, &Core) -> Result<Vec<Unit>>;

/// Expands forms for one module system, with the machine at hand for macros.
pub struct Expander<'m, 'a> {
    pub machine: &'m mut Machine<'a>,
    pub world: Rc<World>,
    /// Makes units for the machine of a core form, which a macro needs now.
    compile: Compile,
    expansions: u32,
    /// Where `match` takes its values from, by the local that holds each.
    places: std::collections::HashMap<u32, matching::Place>,
}

impl<'m, 'a> Expander<'m, 'a> {
    pub fn new(machine: &'m mut Machine<'a>, world: Rc<World>, compile: Compile) -> Self {
        Expander {
            machine,
            world,
            compile,
            expansions: 0,
            places: std::collections::HashMap::new(),
        }
    }

    /// Start counting expansions anew: another top-level form begins.
    pub fn next_form(&mut self) {
        self.expansions = 0;
        self.places.clear();
    }

    fn count_expansion(&mut self, stx: &Stx) -> Result<()> {
        self.expansions += 1;
        memory::check().map_err(Trouble::Raise)?;
        if self.expansions > EXPANSION_LIMIT {
            return Err(Trouble::syntax(
                "macro",
                "expansion does not come to an end",
                stx,
                None,
            ));
        }
        if self.expansions.is_multiple_of(1024) && interrupt::take_interrupt() {
            return Err(Trouble::Raise(Raise::Failure(
                failure::Failure::interrupted("expanding a macro"),
            )));
        }
        Ok(())
    }

    /// The identifier for module `(guile)`'s NAME, whatever a program makes of that name.
    pub fn core_id(&self, name: &str) -> Id {
        Id::named(name).introduced(0, &self.world.core_scope)
    }

    pub fn core_stx(&self, name: &str, span: Span) -> Stx {
        Stx::id(self.core_id(name), span)
    }

    /// The variable NAME of module `(guile)`.
    pub fn core_variable(&self, name: &str) -> Rc<Variable> {
        self.world.core.variable(Id::named(name))
    }

    /// A call of module `(guile)`'s NAME.
    pub fn core_call(&self, name: &str, operands: Vec<Core>, span: Span) -> Core {
        Core::call(Core::Global(self.core_variable(name), span), operands, span)
    }

    /// What the head of STX means, when it has one.
    pub fn head(&self, stx: &Stx, scope: &Scope) -> Option<Binding> {
        match stx.form() {
            Form::List(items, _) => self.operator(items.first()?, scope),
            Form::Id(id) => match scope.lookup(*id) {
                Some(Binding::Macro(keyword)) => Some(Binding::Macro(keyword)),
                _ => None,
            },
            _ => None,
        }
    }

    /// What OPERATOR, the first part of a form, is bound to: a name, or syntax
    /// named as `(@ MODULE NAME)`.
    fn operator(&self, operator: &Stx, scope: &Scope) -> Option<Binding> {
        match operator.form() {
            Form::Id(id) => scope.lookup(*id),
            Form::List(items, None) => {
                let [at, module, name] = &items[..] else {
                    return None;
                };
                let at = at.as_id()?;
                if !matches!(scope.lookup(at), Some(Binding::Expression(_))) {
                    return None;
                }
                let name = name.as_id()?.base();
                let module = || names::module_name(module).ok();
                let binding = match &*at.name() {
                    "@" => {
                        let module = self.world.loaded(&module()?)?;
                        self.world.uses(&module);
                        module.exported(name)?
                    }
                    "@@" => {
                        let module = self.world.existing(&module()?)?;
                        self.world.uses(&module);
                        module.lookup(name)?
                    }
                    _ => return None,
                };
                match binding {
                    Binding::Macro(_) | Binding::Expression(_) | Binding::Special(_) => {
                        Some(binding)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether STX is the word NAME of module `(guile)`, such as `else`.
    pub fn is_word(&self, stx: &Stx, scope: &Scope, name: &str) -> bool {
        let Some(id) = stx.as_id() else {
            return false;
        };
        match scope.lookup(id) {
            Some(Binding::Auxiliary(word)) => word == name,
            Some(Binding::Macro(_) | Binding::Local(_) | Binding::Pattern(_)) => false,
            _ => &*id.name() == name,
        }
    }

    /// Whether ID means something in SCOPE by now.
    pub fn is_bound(&self, id: Id, scope: &Scope) -> bool {
        match scope.lookup(id) {
            None => false,
            Some(Binding::Global(variable)) => variable.state.get() != State::Fresh,
            Some(_) => true,
        }
    }

    /// Expand STX, an expression in SCOPE.
    pub fn expand(&mut self, stx: &Stx, scope: &Scope) -> Result<Core> {
        let mut current = stx.clone();
        loop {
            let stx = &current;
            match stx.form() {
                Form::Atom(_) | Form::Opaque(_) | Form::Vector(_) => {
                    return Ok(Core::Constant(stx.clone()));
                }
                Form::Id(id) => match scope.lookup(*id) {
                    Some(Binding::Macro(keyword)) => {
                        current = self.expand_once(&keyword, stx, scope)?;
                        continue;
                    }
                    binding => return self.reference(*id, binding, stx, scope),
                },
                Form::List(items, tail) => {
                    if items.is_empty() {
                        return Err(Trouble::syntax("#f", "unexpected syntax", stx, None));
                    }
                    let binding = self.operator(&items[0], scope);
                    match binding {
                        Some(Binding::Macro(keyword)) => {
                            current = self.expand_once(&keyword, stx, scope)?;
                            continue;
                        }
                        Some(Binding::Expression(form)) => return self.core_form(form, stx, scope),
                        Some(Binding::Special(special)) => {
                            return self.special_expression(special, stx, scope);
                        }
                        _ => {}
                    }
                    if tail.is_some() {
                        return Err(Trouble::no_match("#f", stx));
                    }
                    if let Some(Binding::Auxiliary(word)) = &binding {
                        return Err(misplaced(word, stx));
                    }
                    let operator = match &items[0].as_id() {
                        Some(id) => self.reference(*id, binding, &items[0], scope)?,
                        None => self.expand(&items[0], scope)?,
                    };
                    let operands = self.expand_all(&items[1..], scope)?;
                    return Ok(match items[0].as_id() {
                        Some(id) if is_unheard_of(&operator, id, scope) => {
                            let first = Local::new(id);
                            let call = Core::call(Core::Local(first.clone()), operands, stx.span());
                            Core::Let(vec![(first, operator)], Box::new(call))
                        }
                        _ => Core::call(operator, operands, stx.span()),
                    });
                }
            }
        }
    }

    pub fn expand_all(&mut self, forms: &[Stx], scope: &Scope) -> Result<Vec<Core>> {
        forms.iter().map(|form| self.expand(form, scope)).collect()
    }

    /// The variable that ID refers to.
    fn reference(
        &mut self,
        id: Id,
        binding: Option<Binding>,
        stx: &Stx,
        scope: &Scope,
    ) -> Result<Core> {
        match binding {
            Some(Binding::Local(local)) => Ok(Core::Local(local)),
            Some(Binding::Global(variable)) => {
                let (module, name) = scope.home(id);
                match module.conflict(name) {
                    None => Ok(Core::Global(variable, stx.span())),
                    Some((first, second)) => {
                        Err(Trouble::Raise(conflict(&module, name, &first, &second)))
                    }
                }
            }
            None => {
                let (module, name) = scope.home(id);
                if let Some(wanted) = self.world.autoload_for(&module, name) {
                    return Err(Trouble::NeedModule(wanted));
                }
                Ok(Core::Global(module.placeholder(name), stx.span()))
            }
            Some(Binding::Pattern(_)) => Err(Trouble::syntax(
                "#f",
                "reference to pattern variable outside syntax form",
                stx,
                None,
            )),
            Some(Binding::Auxiliary(word)) => Err(misplaced(word, stx)),
            Some(Binding::Special(Special::Set)) => {
                Err(Trouble::syntax("set!", "bad set!", stx, None))
            }
            Some(Binding::Special(_)) => Err(Trouble::syntax("#f", "unexpected syntax", stx, None)),
            Some(_) => {
                let name = id.name();
                Err(match &*name {
                    "quote" => Trouble::syntax("quote", "bad syntax", stx, None),
                    "let" | "letrec" | "letrec*" | "lambda" => {
                        Trouble::syntax(&name, &format!("bad {name}"), stx, None)
                    }
                    _ => Trouble::no_match("#f", stx),
                })
            }
        }
    }

    /// A special form where an expression is wanted.
    fn special_expression(&mut self, special: Special, stx: &Stx, scope: &Scope) -> Result<Core> {
        let items = stx
            .as_list()
            .ok_or_else(|| Trouble::syntax("#f", "unexpected syntax", stx, None))?;
        match special {
            Special::Begin => {
                if items.len() == 1 {
                    return Err(Trouble::syntax("begin", "empty body", stx, None));
                }
                Ok(Core::seq(self.expand_all(&items[1..], scope)?))
            }
            Special::Set => self.set(stx, scope),
            Special::LetSyntax
            | Special::SyntaxParameterize
            | Special::EvalWhen
            | Special::Include
            | Special::CondExpand => {
                let inner = scope.inner();
                self.body(std::slice::from_ref(stx), &inner, stx)
            }
            Special::UseModules
            | Special::Import
            | Special::Export
            | Special::ReExport
            | Special::ExportSyntax
            | Special::Replace
            | Special::DefineModule
            | Special::Library => {
                // Guile does these when the form is compiled; here it has to be the
                // program's own level, so hand the form to `eval` at run time.
                let quoted = Stx::list(
                    vec![self.core_stx("quote", stx.span()), stx.clone()],
                    stx.span(),
                );
                let call = Stx::list(
                    vec![
                        self.core_stx("eval", stx.span()),
                        quoted,
                        Stx::list(
                            vec![self.core_stx("current-module", stx.span())],
                            stx.span(),
                        ),
                    ],
                    stx.span(),
                );
                self.expand(&call, scope)
            }
            _ => Err(Trouble::syntax(
                "#f",
                "definition in expression context, where definitions are not allowed,",
                stx,
                None,
            )),
        }
    }

    fn set(&mut self, stx: &Stx, scope: &Scope) -> Result<Core> {
        let bad = || Trouble::syntax("set!", "bad set!", stx, None);
        let Some([_, target, value]) = stx.as_list() else {
            return Err(bad());
        };
        let Some(id) = target.as_id() else {
            // `(set! (getter argument …) value)` calls the getter's setter.
            let Some(parts) = target.as_list().filter(|parts| !parts.is_empty()) else {
                return Err(bad());
            };
            if let Some(variable) = forms::module_variable(self, target, scope)? {
                variable.assigned.set(true);
                let value = self.expand_named(value, scope, variable.name)?;
                return Ok(Core::SetGlobal(variable, Box::new(value), stx.span()));
            }
            let getter = self.expand(&parts[0], scope)?;
            let setter = self.core_call("setter", vec![getter], stx.span());
            let mut operands = self.expand_all(&parts[1..], scope)?;
            operands.push(self.expand(value, scope)?);
            return Ok(Core::call(setter, operands, stx.span()));
        };
        match scope.lookup(id) {
            Some(Binding::Local(local)) => {
                local.assigned.set(true);
                let value = self.expand_named(value, scope, local.name)?;
                Ok(Core::SetLocal(local, Box::new(value)))
            }
            Some(Binding::Macro(keyword)) => {
                if !keyword.wants_assignments() {
                    return Err(bad());
                }
                let expanded = self.expand_once(&keyword, stx, scope)?;
                self.expand(&expanded, scope)
            }
            Some(Binding::Global(variable)) => {
                variable.assigned.set(true);
                let value = Box::new(self.expand_named(value, scope, variable.name)?);
                let told = self.told_of(&variable, stx.span());
                let set = Core::SetGlobal(variable, value, stx.span());
                Ok(match told {
                    Some(told) => Core::seq(vec![set, told]),
                    None => set,
                })
            }
            None => {
                let (module, name) = scope.home(id);
                let variable = module.variable(name);
                variable.assigned.set(true);
                let value = self.expand_named(value, scope, variable.name)?;
                Ok(Core::SetGlobal(variable, Box::new(value), stx.span()))
            }
            Some(_) => Err(bad()),
        }
    }

    /// Where modules are looked for is known outside of the machine too: a call
    /// that tells what VARIABLE, which has been set, holds now.
    fn told_of(&self, variable: &Rc<Variable>, span: Span) -> Option<Core> {
        if !matches!(variable.origin, Origin::Boot(_)) {
            return None;
        }
        let teller = match &*variable.name.name() {
            "%load-path" => "%set-load-path!",
            "%load-extensions" => "%set-load-extensions!",
            _ => return None,
        };
        let value = Core::Global(variable.clone(), span);
        Some(self.core_call(teller, vec![value], span))
    }

    /// A fresh local variable called like ID, bound in SCOPE.
    pub fn bind_local(&mut self, id: Id, scope: &Scope) -> Rc<Local> {
        let local = Local::new(id);
        scope.bind(id, Binding::Local(local.clone()));
        local
    }
}

/// Whether OPERATOR, which ID stands for in SCOPE, is a variable that nothing known defines.
/// Guile looks it up before it evaluates the operands, so it is what an error is about
/// then: a macro that was not imported, and not the names that it would have bound.
fn is_unheard_of(operator: &Core, id: Id, scope: &Scope) -> bool {
    let Core::Global(variable, _) = operator else {
        return false;
    };
    let unknown = matches!(variable.origin, Origin::Program)
        && variable.state.get() != State::Defined
        && variable.defined_at.get().is_none();
    unknown && {
        let (module, name) = scope.home(id);
        !module.announces(name)
    }
}
