//! A text as a module: what it is called, imports, exports and defines.
//!
//! Only what is written as a definition is one. What else stands at the top level may be
//! the use of a macro that defines something; [`Use`] keeps these for who knows what the
//! word means.

use super::formals::{Arity, Formals};
use super::forms::{self, Form};
use super::imports::{self, Import};
use super::library::Name;
use crate::guile::tree::{Shape, Tree, Trouble, trees_from};
use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

/// What a text says.
#[derive(Debug, Default)]
pub struct Module {
    /// The module's name, and where it stands; nothing in a program.
    pub name: Option<(Name, Range<usize>)>,
    /// Nothing is seen but what is imported.
    pub pure: bool,
    /// There is more than one module in the text, or it is no program at all.
    pub is_other: bool,
    pub imports: Vec<Import>,
    pub exports: Vec<Export>,
    /// The definitions at the top level, in the order of the text.
    pub definitions: Vec<Definition>,
    /// What else stands at the top level.
    pub uses: Vec<Use>,
    /// Their first words.
    pub words: HashSet<Rc<str>>,
    /// Names that may be defined besides.
    pub maybe: HashSet<Rc<str>>,
    /// Names that are assigned to somewhere.
    pub assigned: HashSet<Rc<str>>,
    /// Names may be defined that are not written as such.
    pub open: bool,
    /// The files that it includes, as they are written.
    pub includes: Vec<String>,
    /// Names may be exported that are not written as such.
    pub exports_more: bool,
    /// The text's data.
    pub trees: Vec<Tree>,
    /// Why it cannot be read to its end.
    pub trouble: Option<Trouble>,
    /// Where the last clause of `define-module` or of `use-modules` that imports ends.
    pub last_import: Option<LastImport>,
}

/// Where another import may be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastImport {
    /// Behind a clause of `define-module` that begins in this column.
    Clause { end: usize, start: usize },
    /// Behind a module of `use-modules`.
    Module { end: usize, start: usize },
}

/// A name that others see.
#[derive(Clone, Debug)]
pub struct Export {
    pub internal: Rc<str>,
    pub external: Rc<str>,
    pub place: Range<usize>,
    /// It comes from an import.
    pub again: bool,
}

/// What a definition makes of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A procedure, and how many arguments it takes where the text tells.
    Procedure(Option<Arity>),
    Macro {
        /// By `syntax-rules`: its uses define no names that they are not given.
        rules: bool,
    },
    Record,
    Parameter,
    Variable,
}

impl Kind {
    /// The word for it, as `fruix-scm doc` has it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Procedure(_) => "procedure",
            Kind::Macro { .. } => "macro",
            Kind::Record => "record type",
            Kind::Parameter => "parameter",
            Kind::Variable => "variable",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Definition {
    pub name: Rc<str>,
    /// Where the name stands.
    pub place: Range<usize>,
    /// Where the form stands that defines it.
    pub form: Range<usize>,
    pub kind: Kind,
    /// How it is written when it is used.
    pub call: String,
    pub documentation: Option<Rc<str>>,
}

/// A form at the top level that may define names.
#[derive(Clone, Debug)]
pub struct Use {
    pub word: Rc<str>,
    pub form: Tree,
}

impl Module {
    /// What TEXT says of itself.
    pub fn of(text: &str) -> Module {
        let (trees, trouble) = read(text);
        let mut module = Module {
            trouble,
            ..Module::default()
        };
        module.is_other = is_data(&trees);
        let mut reader = Reading { text, module };
        for tree in &trees {
            reader.see(tree, false);
            reader.notice(tree, false);
        }
        reader.module.includes = reader.module.uses.iter().flat_map(included).collect();
        reader.module.trees = trees;
        reader.module
    }

    /// What others may want to know of the module, without its trees: a workspace has many.
    pub fn in_short(mut self) -> Module {
        self.trees = Vec::new();
        self.uses = Vec::new();
        self
    }

    pub fn definition(&self, name: &str) -> Option<&Definition> {
        self.definitions
            .iter()
            .find(|definition| &*definition.name == name)
    }

    /// What the module exports as NAME, where that is defined in it.
    pub fn exported(&self, name: &str) -> Option<&Definition> {
        let export = self
            .exports
            .iter()
            .find(|export| &*export.external == name)?;
        self.definition(&export.internal)
    }
}

/// The files that USED includes.
fn included(used: &Use) -> Vec<String> {
    if !forms::includes(&used.word) {
        return Vec::new();
    }
    let names = used.form.as_list().unwrap_or_default().iter().skip(1);
    names
        .filter_map(|name| name.as_text().map(str::to_owned))
        .collect()
}

/// The data of TEXT, and what the first trouble with it is. Where a datum cannot be read,
/// reading goes on at the next bracket that opens at a left margin.
fn read(text: &str) -> (Vec<Tree>, Option<Trouble>) {
    let (mut trees, first) = trees_from(text, 0);
    let mut trouble = first.clone();
    while let Some(start) = trouble.map(|trouble| trouble.start) {
        let Some(next) = text[start..].find("\n(") else {
            break;
        };
        let (more, next) = trees_from(text, start + next + 1);
        trees.extend(more);
        trouble = next;
    }
    (trees, first)
}

/// Whether TREES are no program: a settings file or the like, a list of lists.
fn is_data(trees: &[Tree]) -> bool {
    trees.iter().any(|tree| match tree.as_pairs() {
        Some((_, Some(_))) => true,
        Some(([first, ..], None)) => first
            .as_pairs()
            .is_some_and(|(items, tail)| tail.is_some() || items.is_empty()),
        _ => false,
    })
}

struct Reading<'t> {
    text: &'t str,
    module: Module,
}

impl Reading<'_> {
    /// Take in TREE, a form at the top level; which is only done under some condition where
    /// it is PERHAPS.
    fn see(&mut self, tree: &Tree, perhaps: bool) {
        let Some(items) = tree.as_list() else { return };
        let Some(word) = tree.head().cloned() else {
            // ((@@ (MODULE) macro) …) may define anything.
            let reaches = items.first().and_then(Tree::head);
            self.module.open |= reaches.is_some_and(|word| matches!(&**word, "@" | "@@"));
            return;
        };
        if perhaps {
            deep_definitions(tree, &mut self.module.maybe);
        }
        match &*word {
            "define-module" => self.define_module(items),
            "define-library" | "library" => self.library(items),
            "use-modules" | "use-syntax" | "import" => {}
            "export"
            | "export-syntax"
            | "re-export"
            | "re-export-syntax"
            | "export!"
            | "re-export-and-replace!" => {
                self.export(&items[1..], word.starts_with("re-"));
            }
            "begin" => items[1..].iter().for_each(|form| self.see(form, perhaps)),
            "eval-when" => items
                .iter()
                .skip(2)
                .for_each(|form| self.see(form, perhaps)),
            "cond-expand" => {
                for clause in items[1..].iter().filter_map(Tree::as_list) {
                    clause.iter().skip(1).for_each(|form| self.see(form, true));
                }
            }
            _ => {
                let before = self.module.definitions.len();
                definitions(tree, self.text, &mut self.module.definitions);
                let made = self.module.definitions.len() > before;
                if word.ends_with("-public") {
                    let names: Vec<Export> = self.module.definitions[before..]
                        .iter()
                        .map(|made| Export {
                            internal: made.name.clone(),
                            external: made.name.clone(),
                            place: made.place.clone(),
                            again: false,
                        })
                        .collect();
                    self.module.exports.extend(names);
                }
                if forms::holds_definitions(&word) {
                    deep_definitions(tree, &mut self.module.maybe);
                }
                if !made {
                    self.module.words.insert(word.clone());
                    self.module.uses.push(Use {
                        word,
                        form: tree.clone(),
                    });
                }
            }
        }
    }

    fn define_module(&mut self, items: &[Tree]) {
        let Some(name) = items.get(1) else { return };
        self.called(name);
        let mut rest = items[2..].iter();
        while let Some(option) = rest.next() {
            let Some(keyword) = option
                .as_keyword()
                .or(option.as_symbol().map(|word| word.trim_start_matches(':')))
            else {
                continue;
            };
            match keyword {
                "pure" => self.module.pure = true,
                "no-backtrace" => {}
                "use-module" | "use-syntax" => {
                    let Some(value) = rest.next() else { return };
                    self.import(imports::of_guile(value, self.text));
                    self.module.last_import = Some(LastImport::Clause {
                        end: value.end(),
                        start: option.start(),
                    });
                }
                "autoload" => {
                    let (Some(module), Some(names)) = (rest.next(), rest.next()) else {
                        return;
                    };
                    let import = imports::of_autoload(module, names, self.text);
                    self.import(import);
                    self.module.last_import = Some(LastImport::Clause {
                        end: names.end(),
                        start: option.start(),
                    });
                }
                word => {
                    let Some(value) = rest.next() else { return };
                    match word {
                        "export" | "export-syntax" | "replace" | "replace-syntax" => {
                            self.export(value.as_list().unwrap_or_default(), false);
                        }
                        "re-export" | "re-export-syntax" | "re-export-and-replace" => {
                            self.export(value.as_list().unwrap_or_default(), true);
                        }
                        _ => {}
                    }
                }
            }
        }
        if self.module.last_import.is_none() {
            self.module.last_import = Some(LastImport::Clause {
                end: name.end(),
                start: items[0].start() + 1,
            });
        }
    }

    fn called(&mut self, name: &Tree) {
        if self.module.name.is_some() {
            self.module.is_other = true;
        }
        if let Some(words) = imports::module_name(name, self.text) {
            self.module.name = Some((words, name.start()..name.end()));
        }
    }

    /// A library of R6RS or R7RS.
    fn library(&mut self, items: &[Tree]) {
        let Some(name) = items.get(1) else { return };
        self.called(name);
        self.module.pure = true;
        for form in &items[2..] {
            self.see(form, false);
        }
    }

    fn import(&mut self, import: Option<Import>) {
        match import {
            Some(import) => self.module.imports.push(import),
            None => self.module.open = true,
        }
    }

    fn export(&mut self, names: &[Tree], again: bool) {
        for name in names {
            let entry = |internal: &Tree, external: &Tree| {
                Some(Export {
                    internal: internal.as_symbol()?.clone(),
                    external: external.as_symbol()?.clone(),
                    place: internal.start()..internal.end(),
                    again,
                })
            };
            let found = match name.shape() {
                Shape::List(items, tail) => match (&items[..], tail) {
                    ([internal], Some(external)) => entry(internal, external),
                    // (rename (internal external) …) of R6RS, (rename internal external) of R7RS
                    ([rename, pairs @ ..], None)
                        if rename.as_symbol().is_some_and(|word| &**word == "rename") =>
                    {
                        if let [internal, external] = pairs
                            && internal.as_symbol().is_some()
                        {
                            entry(internal, external)
                        } else {
                            for pair in pairs.iter().filter_map(Tree::as_list) {
                                if let [internal, external] = pair {
                                    self.module.exports.extend(entry(internal, external));
                                }
                            }
                            continue;
                        }
                    }
                    _ => None,
                },
                _ => entry(name, name),
            };
            self.module.exports.extend(found);
        }
    }

    /// Take notice of what counts wherever in TREE it stands; within DATA nothing is
    /// imported.
    fn notice(&mut self, tree: &Tree, data: bool) {
        match tree.shape() {
            Shape::Symbol(word) => {
                if forms::reaches_into_modules(word) {
                    self.module.open = true;
                }
                if matches!(
                    &**word,
                    "module-export!"
                        | "module-re-export!"
                        | "module-public-interface"
                        | "set-module-public-interface!"
                ) {
                    self.module.exports_more = true;
                }
            }
            Shape::List(items, tail) => {
                let mut data = data;
                if let Some(word) = tree.head() {
                    data |= matches!(
                        &**word,
                        "quote" | "quasiquote" | "gexp" | "syntax" | "quasisyntax"
                    ) || forms::usual(word) == Some(Form::DefineKeyword);
                    self.notice_form(word, tree, items, data);
                }
                items
                    .iter()
                    .chain(tail)
                    .for_each(|item| self.notice(item, data));
            }
            Shape::Vector(items) => items.iter().for_each(|item| self.notice(item, data)),
            _ => {}
        }
    }

    fn notice_form(&mut self, word: &str, tree: &Tree, items: &[Tree], data: bool) {
        match word {
            "use-modules" | "import" if data => {}
            "use-modules" => {
                for module in &items[1..] {
                    self.import(imports::of_guile(module, self.text));
                }
                if let Some(last) = items.last().filter(|_| items.len() > 1)
                    && !matches!(self.module.last_import, Some(LastImport::Clause { .. }))
                {
                    self.module.last_import = Some(LastImport::Module {
                        end: last.end(),
                        start: items[1].start(),
                    });
                }
            }
            "import" => {
                for set in &items[1..] {
                    self.import(imports::of_report(set, self.text));
                }
            }
            "set!" => {
                if let Some(name) = items.get(1).and_then(Tree::as_symbol) {
                    self.module.assigned.insert(name.clone());
                }
            }
            "quote" | "quasiquote" => deep_definitions(tree, &mut self.module.maybe),
            // What a macro's uses export or import is not looked into.
            word if forms::usual(word) == Some(Form::DefineKeyword) => {
                let exporting = ["export", "define-public", "define*-public"];
                self.module.exports_more |= mentions(tree, &exporting);
                self.module.open |= mentions(tree, &["use-modules"]);
            }
            _ => {}
        }
    }
}

fn mentions(tree: &Tree, words: &[&str]) -> bool {
    match tree.shape() {
        Shape::Symbol(word) => words.contains(&&**word),
        Shape::List(items, tail) => items.iter().chain(tail).any(|item| mentions(item, words)),
        _ => false,
    }
}

/// Put the names into FOUND that forms in TREE define, however deep they stand.
fn deep_definitions(tree: &Tree, found: &mut HashSet<Rc<str>>) {
    let Some((items, _)) = tree.as_pairs() else {
        return;
    };
    if tree.head().is_some_and(|word| word.starts_with("define")) {
        let mut name = items.get(1);
        while let Some(inner) = name.and_then(Tree::as_pairs) {
            name = inner.0.first();
        }
        found.extend(name.and_then(Tree::as_symbol).cloned());
    }
    for item in items {
        deep_definitions(item, found);
    }
}

/// All symbols in TREE.
pub fn symbols_in(tree: &Tree, found: &mut HashSet<Rc<str>>) {
    match tree.shape() {
        Shape::Symbol(word) => {
            found.insert(word.clone());
        }
        Shape::List(items, tail) => {
            items
                .iter()
                .chain(tail)
                .for_each(|item| symbols_in(item, found));
        }
        Shape::Vector(items) => items.iter().for_each(|item| symbols_in(item, found)),
        _ => {}
    }
}

/// Put what FORM defines, by what its first word usually means, into FOUND. TEXT is what it
/// stands in.
pub fn definitions(form: &Tree, text: &str, found: &mut Vec<Definition>) {
    let (Some(items), Some(word)) = (form.as_list(), form.head()) else {
        return;
    };
    let whole = form.start()..form.end();
    let make = |name: &Tree, kind: Kind, call: String, documentation: Option<&str>| {
        Some(Definition {
            name: name.as_symbol()?.clone(),
            place: name.start()..name.end(),
            form: whole.clone(),
            kind,
            call,
            documentation: documentation.map(Rc::from),
        })
    };
    match forms::usual(word) {
        Some(Form::Define) => found.extend(
            definition(items, text)
                .and_then(|made| make(made.name, made.kind, made.call, made.documentation)),
        ),
        Some(Form::DefineValues) => {
            let formals = items.get(1).and_then(Formals::of);
            for parameter in formals.into_iter().flat_map(|formals| formals.parameters) {
                let call = parameter.text().to_string();
                found.extend(make(&parameter.name, Kind::Variable, call, None));
            }
        }
        Some(Form::DefineKeyword) => {
            let Some(target) = items.get(1) else { return };
            let (name, call) = match target.as_pairs() {
                Some((parts, _)) => (parts.first(), slice(text, target).to_owned()),
                None => (Some(target), format!("({} …)", slice(text, target))),
            };
            let transformer = items.get(2);
            let rules = &**word == "define-syntax-rule"
                || transformer
                    .and_then(Tree::head)
                    .is_some_and(|head| matches!(&**head, "syntax-rules" | "identifier-syntax"));
            let documentation = match transformer {
                Some(text) if &**word == "define-syntax-rule" => {
                    text.as_text().filter(|_| items.len() > 3)
                }
                Some(transformer) => transformer
                    .as_list()
                    .and_then(|parts| parts.get(2))
                    .and_then(Tree::as_text),
                None => None,
            };
            found.extend(
                name.and_then(|name| make(name, Kind::Macro { rules }, call, documentation)),
            );
        }
        Some(Form::DefineRecord) => record_definitions(items, text, &mut |name, kind, call| {
            found.extend(make(name, kind, call, None));
        }),
        Some(Form::DefineParameter) => {
            let documentation = items.iter().skip(2).find_map(Tree::as_text);
            found.extend(items.get(1).and_then(|name| {
                make(
                    name,
                    Kind::Parameter,
                    slice(text, name).to_owned(),
                    documentation,
                )
            }));
        }
        _ => {}
    }
}

fn slice<'t>(text: &'t str, tree: &Tree) -> &'t str {
    text.get(tree.start()..tree.end()).unwrap_or_default()
}

/// What a form of `define`'s kind makes.
pub struct Made<'t> {
    pub name: &'t Tree,
    pub kind: Kind,
    pub call: String,
    pub documentation: Option<&'t str>,
}

/// What the form with these ITEMS, of `define`'s kind, makes.
pub fn definition<'t>(items: &'t [Tree], text: &str) -> Option<Made<'t>> {
    let target = items.get(1)?;
    if target.as_symbol().is_some() {
        let value = items.get(2);
        let (kind, formals, body) =
            match (value.and_then(Tree::head), value.and_then(Tree::as_list)) {
                (Some(head), Some(parts)) => match forms::usual(head) {
                    Some(Form::Lambda) => (
                        Kind::Procedure(
                            parts
                                .get(1)
                                .and_then(Formals::of)
                                .map(|formals| formals.arity),
                        ),
                        parts.get(1),
                        parts.get(2..),
                    ),
                    Some(Form::CaseLambda) => (Kind::Procedure(None), None, parts.get(1..)),
                    _ => (Kind::Variable, None, None),
                },
                _ => (Kind::Variable, None, None),
            };
        let name = slice(text, target);
        let call = match (kind, formals) {
            (Kind::Procedure(_), Some(formals)) => match slice(text, formals).strip_prefix('(') {
                Some(")") => format!("({name})"),
                Some(rest) => format!("({name} {}", rest.trim_start()),
                None => format!("({name} . {})", slice(text, formals)),
            },
            (Kind::Procedure(_), None) => format!("({name} …)"),
            _ => name.to_owned(),
        };
        return Some(Made {
            name: target,
            kind,
            call,
            documentation: body.and_then(docstring),
        });
    }
    // (define ((f a) b) …): f takes a.
    let mut target = target;
    loop {
        let (parts, tail) = target.as_pairs()?;
        let (name, parameters) = parts.split_first()?;
        if name.as_symbol().is_some() {
            return Some(Made {
                name,
                kind: Kind::Procedure(
                    Formals::of_parts(parameters, tail).map(|formals| formals.arity),
                ),
                call: slice(text, target)
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" "),
                documentation: items.get(2..).and_then(docstring),
            });
        }
        target = name;
    }
}

/// The string that BODY begins with, where it is not all of it.
fn docstring(body: &[Tree]) -> Option<&str> {
    body.first()
        .and_then(Tree::as_text)
        .filter(|_| body.len() > 1)
}

/// What the record type with these ITEMS has, of SRFI 9's kind.
fn record_definitions(items: &[Tree], text: &str, make: &mut dyn FnMut(&Tree, Kind, String)) {
    let [_, record, constructor, predicate, fields @ ..] = items else {
        return;
    };
    // That of R6RS says in clauses what it makes.
    let clause = |tree: &Tree| {
        tree.head().is_some_and(|head| {
            matches!(
                &**head,
                "fields"
                    | "parent"
                    | "protocol"
                    | "sealed"
                    | "opaque"
                    | "nongenerative"
                    | "parent-rtd"
            )
        })
    };
    if clause(constructor) || clause(predicate) {
        return;
    }
    let exactly = |count: usize| {
        Kind::Procedure(Some(Arity {
            required: count,
            most: Some(count),
        }))
    };
    let record = record.as_list().and_then(<[Tree]>::first).unwrap_or(record);
    let object = slice(text, record).trim_matches(['<', '>']);
    make(record, Kind::Record, slice(text, record).to_owned());
    match constructor.as_list() {
        Some(parts) => {
            if let Some((name, fields)) = parts.split_first() {
                make(
                    name,
                    exactly(fields.len()),
                    slice(text, constructor).to_owned(),
                );
            }
        }
        None => make(
            constructor,
            Kind::Procedure(None),
            format!("({} …)", slice(text, constructor)),
        ),
    }
    make(
        predicate,
        exactly(1),
        format!("({} object)", slice(text, predicate)),
    );
    for field in fields.iter().filter_map(Tree::as_list) {
        if let Some(accessor) = field.get(1) {
            make(
                accessor,
                exactly(1),
                format!("({} {object})", slice(text, accessor)),
            );
        }
        if let Some(modifier) = field.get(2) {
            make(
                modifier,
                exactly(2),
                format!("({} {object} value)", slice(text, modifier)),
            );
        }
    }
}
