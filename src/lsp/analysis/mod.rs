//! A walk over a text: what each word means, and what is wrong.
//!
//! Scopes are opened as the forms of the language open them. Where a macro stands that
//! nobody here knows, its operands are left unjudged: words that have a meaning there are
//! kept as occurrences, and nothing is said against the others.

mod bodies;
mod forms;
mod patterns;
#[cfg(test)]
mod tests;

use super::formals::Arity;
use super::forms::{Form, carried, usual};
use super::library::{Library, Name, Nature, written};
use super::module::{Definition, Kind, Module, Use, symbols_in};
use crate::guile::tree::{Shape, Tree};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

/// What a walk has found.
#[derive(Debug, Default)]
pub struct Analysis {
    pub findings: Vec<Finding>,
    /// Every word that has a meaning, in the order of the text.
    pub occurrences: Vec<Occurrence>,
    /// What is bound within forms.
    pub locals: Vec<Local>,
}

/// Something that is wrong in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub place: Range<usize>,
    pub kind: FindingKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// The text cannot be read on.
    Unreadable(String),
    /// Nothing is called this; these modules export something that is.
    Unbound(Rc<str>, Vec<Name>),
    /// A procedure is called with so many arguments.
    WrongArity {
        name: Rc<str>,
        takes: Arity,
        given: usize,
    },
    /// The module is not known, so nothing that it may export is judged.
    UnknownModule(Name),
    /// The module exports nothing of that name.
    NotExported(Rc<str>, Name),
}

impl FindingKind {
    /// What is wrong, for people.
    pub fn message(&self) -> String {
        match self {
            FindingKind::Unreadable(message) => message.clone(),
            FindingKind::Unbound(name, modules) => match &modules[..] {
                [] => format!("`{name}` is not bound"),
                [first, rest @ ..] => {
                    let more = match rest.len() {
                        0 => String::new(),
                        count => format!(" and {count} more"),
                    };
                    format!("`{name}` is not bound; {}{more} exports it", written(first))
                }
            },
            FindingKind::WrongArity { name, takes, given } => {
                let wanted = match takes.most {
                    Some(most) if most == takes.required => most.to_string(),
                    Some(most) => format!("{} to {most}", takes.required),
                    None => format!("at least {}", takes.required),
                };
                let noun = match wanted.as_str() {
                    "1" | "at least 1" => "argument",
                    _ => "arguments",
                };
                format!("`{name}` takes {wanted} {noun}, and is given {given}")
            }
            FindingKind::UnknownModule(name) => format!(
                "{} is not known here; what it may export is not judged",
                written(name)
            ),
            FindingKind::NotExported(name, module) => {
                format!("{} does not export `{name}`", written(module))
            }
        }
    }

    /// A word for the kind, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            FindingKind::Unreadable(_) => "syntax",
            FindingKind::Unbound(..) => "unbound-variable",
            FindingKind::WrongArity { .. } => "arity-mismatch",
            FindingKind::UnknownModule(_) => "unknown-module",
            FindingKind::NotExported(..) => "not-exported",
        }
    }

    /// Whether it is only worth knowing, and nothing that is wrong.
    pub fn is_hint(&self) -> bool {
        matches!(self, FindingKind::UnknownModule(_))
    }
}

/// A word of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub place: Range<usize>,
    pub name: Rc<str>,
    pub meaning: Meaning,
}

/// What a word means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The local with this number.
    Local(usize),
    /// A definition at the top level of the text.
    Own,
    /// What this module exports by this name; the empty name is what every program sees.
    Imported(Rc<Name>, Rc<str>),
}

/// Something that is bound within a form.
#[derive(Clone, Debug)]
pub struct Local {
    pub name: Rc<str>,
    pub place: Range<usize>,
    /// Where it is seen.
    pub scope: Range<usize>,
    kind: LocalKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LocalKind {
    Variable,
    Procedure(Arity),
    Macro,
}

/// What a word means to the walk.
enum Sense {
    Known(Meaning),
    /// It may mean something that cannot be seen here.
    Loose,
    Unbound,
}

/// What stands at the head of a form.
enum Head {
    Form(Form),
    /// A procedure, or what may hold one.
    Value(Option<Arity>),
    /// Nobody knows what it does with its operands.
    Unknown {
        /// It defines none but the names that it is given.
        rules: bool,
    },
}

#[derive(Default)]
struct Scope {
    names: HashMap<Rc<str>, usize>,
    /// Names that may be bound here.
    maybe: HashSet<Rc<str>>,
    /// Any name may be bound here.
    open: bool,
    end: usize,
}

struct Walk<'a> {
    module: &'a Module,
    library: &'a dyn Library,
    /// What imports give, by the names that are seen: the module and its own name.
    imported: HashMap<Rc<str>, Vec<(Rc<Name>, Rc<str>)>>,
    given: Rc<HashSet<Rc<str>>>,
    own: HashMap<Rc<str>, &'a Definition>,
    /// Names that are defined more than once.
    again: HashSet<Rc<str>>,
    maybe: HashSet<Rc<str>>,
    /// Any name may be bound.
    open: bool,
    scopes: Vec<Scope>,
    found: Analysis,
}

/// What MODULE says, where LIBRARY knows the modules that it imports.
pub fn analyse(module: &Module, library: &dyn Library) -> Analysis {
    let mut walk = Walk::new(module, library);
    if let Some(trouble) = &module.trouble {
        walk.found.findings.push(Finding {
            place: trouble.start..trouble.end,
            kind: FindingKind::Unreadable(trouble.message.clone()),
        });
        // What has not been read may define and import whatever is missed.
        walk.open = true;
    }
    if module.is_other {
        return walk.found;
    }
    walk.imports();
    walk.uses();
    walk.exports();
    for definition in &module.definitions {
        walk.found.occurrences.push(Occurrence {
            place: definition.place.clone(),
            name: definition.name.clone(),
            meaning: Meaning::Own,
        });
    }
    for tree in &module.trees {
        walk.top(tree);
    }
    let mut found = walk.found;
    found
        .occurrences
        .sort_by_key(|word| (word.place.start, word.place.end));
    found.occurrences.dedup();
    found
}

impl<'a> Walk<'a> {
    fn new(module: &'a Module, library: &'a dyn Library) -> Walk<'a> {
        let mut own: HashMap<Rc<str>, &Definition> = HashMap::new();
        let mut again = HashSet::new();
        for definition in &module.definitions {
            if own.insert(definition.name.clone(), definition).is_some() {
                again.insert(definition.name.clone());
            }
        }
        Walk {
            module,
            library,
            imported: HashMap::new(),
            given: match module.pure {
                true => Rc::default(),
                false => library.given(module.name.is_none()),
            },
            own,
            again,
            maybe: module.maybe.clone(),
            open: module.open,
            scopes: Vec::new(),
            found: Analysis::default(),
        }
    }

    /// Learn what the imports give.
    fn imports(&mut self) {
        for import in &self.module.imports {
            let own = self.module.name.as_ref().map(|(name, _)| name);
            let Some(exports) = self
                .library
                .exports(&import.module)
                .filter(|_| import.is_known())
            else {
                self.open = true;
                if !self.library.is_there(&import.module) && own != Some(&import.module) {
                    self.found.findings.push(Finding {
                        place: import.place.clone(),
                        kind: FindingKind::UnknownModule(import.module.clone()),
                    });
                }
                continue;
            };
            let module = Rc::new(import.module.clone());
            for name in exports.iter() {
                if let Some(seen) = import.seen_as(name) {
                    let known = self.imported.entry(seen).or_default();
                    known.push((module.clone(), name.clone()));
                }
            }
            for asked in import.asked_for() {
                if exports.contains(&asked.from) {
                    self.found.occurrences.push(Occurrence {
                        place: asked.place.clone(),
                        name: asked.from.clone(),
                        meaning: Meaning::Imported(module.clone(), asked.from.clone()),
                    });
                } else {
                    // It is said here, and not at each use.
                    self.maybe.insert(asked.to.clone());
                    self.found.findings.push(Finding {
                        place: asked.place.clone(),
                        kind: FindingKind::NotExported(asked.from.clone(), import.module.clone()),
                    });
                }
            }
        }
    }

    /// Learn what the forms at the top level may define that are no definitions.
    fn uses(&mut self) {
        for used in &self.module.uses {
            match self.head(&used.word) {
                Head::Form(Form::Composing) => self.open = true,
                Head::Form(Form::Opaque | Form::LetSyntax) => {
                    self.may_define(used);
                }
                Head::Form(_) | Head::Value(_) => {}
                Head::Unknown { rules } => {
                    self.may_define(used);
                    self.open |= !rules;
                }
            }
        }
        // What is written as a definition is one, whatever else is given the name.
        for definition in &self.module.definitions {
            self.maybe.remove(&definition.name);
        }
    }

    /// Any name that USED is given may be defined by it.
    fn may_define(&mut self, used: &Use) {
        for operand in used.form.as_list().unwrap_or_default().iter().skip(1) {
            symbols_in(operand, &mut self.maybe);
        }
    }

    fn exports(&mut self) {
        for export in &self.module.exports {
            if let Sense::Known(meaning) = self.sense(&export.internal) {
                self.found.occurrences.push(Occurrence {
                    place: export.place.clone(),
                    name: export.internal.clone(),
                    meaning,
                });
            }
        }
    }

    /// What NAME means here.
    fn sense(&self, name: &Rc<str>) -> Sense {
        for scope in self.scopes.iter().rev() {
            if let Some(local) = scope.names.get(name) {
                return Sense::Known(Meaning::Local(*local));
            }
            if scope.open || scope.maybe.contains(name) {
                return Sense::Loose;
            }
        }
        if self.own.contains_key(name) {
            return Sense::Known(Meaning::Own);
        }
        if self.maybe.contains(name) {
            return Sense::Loose;
        }
        if let Some(known) = self.imported.get(name) {
            let (module, original) = known.last().expect("there is one where there is a name");
            return Sense::Known(Meaning::Imported(module.clone(), original.clone()));
        }
        if self.given.contains(name) {
            return Sense::Known(Meaning::Imported(Rc::default(), name.clone()));
        }
        match self.open {
            true => Sense::Loose,
            false => Sense::Unbound,
        }
    }

    /// What NAME does at the head of a form.
    fn head(&self, name: &Rc<str>) -> Head {
        match self.sense(name) {
            Sense::Known(Meaning::Local(number)) => match self.found.locals[number].kind {
                LocalKind::Variable => Head::Value(None),
                LocalKind::Procedure(arity) => {
                    Head::Value(Some(arity).filter(|_| !self.module.assigned.contains(name)))
                }
                LocalKind::Macro => Head::Unknown { rules: false },
            },
            Sense::Known(Meaning::Own) => {
                let settled = !self.again.contains(name) && !self.module.assigned.contains(name);
                match self.own[name].kind {
                    Kind::Procedure(arity) => Head::Value(arity.filter(|_| settled)),
                    Kind::Macro { rules } => Head::Unknown { rules },
                    Kind::Variable | Kind::Parameter | Kind::Record => Head::Value(None),
                }
            }
            Sense::Known(Meaning::Imported(module, original)) => {
                self.head_from(&module, &original, name)
            }
            Sense::Loose => Head::Unknown { rules: false },
            // It is said to be unbound; what is usually called so tells how to go on.
            Sense::Unbound => match usual(name) {
                Some(form) => Head::Form(form),
                None => Head::Unknown { rules: true },
            },
        }
    }

    /// What the export ORIGINAL of MODULE does, which is seen as NAME.
    fn head_from(&self, module: &Rc<Name>, original: &Rc<str>, name: &Rc<str>) -> Head {
        let several = self.imported.get(name).is_some_and(|known| {
            known
                .iter()
                .any(|(other, _)| !Rc::ptr_eq(other, module) && other != module)
        });
        match self.library.nature(module, original) {
            Nature::Procedure(arity) => Head::Value(Some(arity).filter(|_| !several)),
            Nature::Variable => Head::Value(None),
            Nature::Macro {
                carried: true,
                rules,
            } => match carried(module, original) {
                Some(form) => Head::Form(form),
                None => Head::Unknown { rules },
            },
            Nature::Macro {
                carried: false,
                rules,
            } => Head::Unknown { rules },
            Nature::Unknown => Head::Unknown { rules: false },
        }
    }

    /// Note that TREE, a symbol, is used as an expression.
    fn reference(&mut self, tree: &Tree, name: &Rc<str>) {
        match self.sense(name) {
            Sense::Known(meaning) => self.occurs(tree, name, meaning),
            Sense::Loose => {}
            Sense::Unbound => {
                let place = tree.start()..tree.end();
                let offers = self.library.exporters(name);
                self.found.findings.push(Finding {
                    place,
                    kind: FindingKind::Unbound(name.clone(), offers),
                });
            }
        }
    }

    fn occurs(&mut self, tree: &Tree, name: &Rc<str>, meaning: Meaning) {
        self.found.occurrences.push(Occurrence {
            place: tree.start()..tree.end(),
            name: name.clone(),
            meaning,
        });
    }

    /// Look at TREE, a form at the top level.
    fn top(&mut self, tree: &Tree) {
        match (tree.head().map(|word| &**word), tree.as_list()) {
            (Some("define-module"), _) => {}
            (Some(word @ ("define-library" | "library")), Some(items)) => {
                for form in items.iter().skip(2) {
                    self.of_library(form, word == "define-library");
                }
            }
            (Some("cond-expand"), _) => self.unjudged(tree),
            _ => self.expression(tree),
        }
    }

    /// Look at TREE, which stands in a library; only DECLARED ones begin with words that need
    /// no import.
    fn of_library(&mut self, tree: &Tree, declared: bool) {
        match (tree.head().map(|word| &**word), tree.as_list()) {
            (Some("export" | "import"), _) => {}
            (Some("begin"), Some(items)) if declared => {
                items.iter().skip(1).for_each(|form| self.top(form));
            }
            _ if declared => self.unjudged(tree),
            _ => self.top(tree),
        }
    }

    /// Look at TREE, an expression or a definition.
    fn expression(&mut self, tree: &Tree) {
        match tree.shape() {
            Shape::Symbol(name) => self.reference(tree, name),
            Shape::List(items, None) => match items.split_first() {
                None => {}
                Some((first, operands)) => match first.as_symbol() {
                    Some(name) => self.form(tree, first, name, operands),
                    None => self.application(first, operands),
                },
            },
            Shape::List(_, Some(_)) => self.unjudged(tree),
            _ => {}
        }
    }

    /// Look at a call of what FIRST gives, which is no word, with OPERANDS.
    fn application(&mut self, first: &Tree, operands: &[Tree]) {
        self.expression(first);
        // ((@@ (MODULE) name) …) may be the use of a macro.
        match first
            .head()
            .is_some_and(|word| matches!(&**word, "@" | "@@"))
        {
            true => operands.iter().for_each(|operand| self.unjudged(operand)),
            false => operands.iter().for_each(|operand| self.expression(operand)),
        }
    }

    /// Look at TREE, a list whose first word is NAME.
    fn form(&mut self, tree: &Tree, first: &Tree, name: &Rc<str>, operands: &[Tree]) {
        self.reference(first, name);
        match self.head(name) {
            Head::Form(form) => {
                let before = (self.found.findings.len(), self.scopes.len());
                if self.known_form(form, tree, operands).is_none() {
                    // It is not written as it usually is.
                    self.found.findings.truncate(before.0);
                    self.scopes.truncate(before.1);
                    operands.iter().for_each(|operand| self.unjudged(operand));
                }
            }
            Head::Value(arity) => {
                if let Some(takes) = arity.filter(|arity| !arity.takes(operands.len())) {
                    self.found.findings.push(Finding {
                        place: tree.start()..tree.end(),
                        kind: FindingKind::WrongArity {
                            name: name.clone(),
                            takes,
                            given: operands.len(),
                        },
                    });
                }
                operands.iter().for_each(|operand| self.expression(operand));
            }
            Head::Unknown { .. } => operands.iter().for_each(|operand| self.unjudged(operand)),
        }
    }

    /// Note which words in TREE have a meaning, and say nothing of the others.
    fn unjudged(&mut self, tree: &Tree) {
        match tree.shape() {
            Shape::Symbol(name) => {
                if let Sense::Known(meaning) = self.sense(name) {
                    self.occurs(tree, name, meaning);
                }
            }
            Shape::List(items, tail) => {
                items
                    .iter()
                    .chain(tail)
                    .for_each(|item| self.unjudged(item));
            }
            Shape::Vector(items) => items.iter().for_each(|item| self.unjudged(item)),
            _ => {}
        }
    }

    /// Open a scope up to byte END.
    fn open(&mut self, end: usize) {
        self.scopes.push(Scope {
            end,
            ..Scope::default()
        });
    }

    fn close(&mut self) {
        self.scopes.pop();
    }

    /// Bind TREE, a symbol, in the innermost scope.
    fn bind(&mut self, tree: &Tree, kind: LocalKind) -> Option<()> {
        let name = tree.as_symbol()?;
        let number = self.found.locals.len();
        let scope = self.scopes.last_mut()?;
        if let Some(known) = scope.names.get(name) {
            // A pattern may have a name twice.
            let known = *known;
            self.occurs(tree, name, Meaning::Local(known));
            return Some(());
        }
        scope.names.insert(name.clone(), number);
        let end = scope.end;
        self.found.locals.push(Local {
            name: name.clone(),
            place: tree.start()..tree.end(),
            scope: tree.start()..end,
            kind,
        });
        self.occurs(tree, name, Meaning::Local(number));
        Some(())
    }
}
