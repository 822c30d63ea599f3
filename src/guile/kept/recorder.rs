//! Takes down what a module's file expands to while it is loaded.
//!
//! The file is a row of forms, each with what has to be as it was for its expansion to
//! be true, and with the events that it makes. What cannot be told to another process
//! ends the taking down, and the file is expanded each time.

use super::bytes::{put_number, put_text};
use super::shelf::digest;
use super::tags;
use super::writer::{Refused, Writer, put_documentation};
use crate::namespace::keywords::{Macro, Special};
use crate::namespace::modules::{self, Digest, Module, Progress};
use crate::namespace::registry::World;
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::Stx;
use crate::tree_il::values::defines_several;
use crate::tree_il::{Core, State, Variable};
use std::rc::Rc;

/// Forms that are kept as they are: they say which module is current, and what it
/// imports and exports.
pub const KEPT_AS_THEY_ARE: [Special; 7] = [
    Special::DefineModule,
    Special::UseModules,
    Special::Import,
    Special::Export,
    Special::ReExport,
    Special::Replace,
    Special::ExportSyntax,
];

/// What is taken down of one file.
pub struct Recorder {
    pub key: Digest,
    world: Rc<World>,
    /// Gone once something has been refused.
    writer: Option<Writer>,
    forms: Vec<u8>,
    count: u64,
    form: Option<FormSoFar>,
    /// The modules that it builds on, in the order in which they were met.
    builds_on: Vec<(Module, Digest)>,
    /// How many of them the forms so far ask for.
    checked: usize,
    /// Some of them are not what their files say.
    unknown: bool,
    includes: Vec<Digest>,
}

/// The form that is being expanded.
#[derive(Default)]
struct FormSoFar {
    start: usize,
    span: Span,
    events: Vec<u8>,
    count: u64,
    includes: Vec<(String, Option<String>, Digest)>,
    /// How many variables had been met before.
    variables: usize,
}

impl Recorder {
    /// One for the file known by KEY.
    pub fn new(world: &Rc<World>, key: Digest) -> Recorder {
        // What others have named is not this file's.
        drop((world.used.take(), world.included.take()));
        Recorder {
            key,
            world: world.clone(),
            writer: Some(Writer::new(world.clone())),
            forms: Vec::new(),
            count: 0,
            form: None,
            builds_on: Vec::new(),
            checked: 0,
            unknown: false,
            includes: Vec::new(),
        }
    }

    /// The form at START is next.
    pub fn begin_form(&mut self, start: usize) {
        self.end_form();
        self.note_imports();
        let variables = self.writer.as_ref().map_or(0, |writer| writer.known.len());
        self.form = Some(FormSoFar {
            start,
            variables,
            ..FormSoFar::default()
        });
    }

    /// The form is at SPAN.
    pub fn form_is_at(&mut self, span: Span) {
        if let Some(form) = &mut self.form {
            form.span = span;
        }
    }

    /// What the current module imports is built on.
    fn note_imports(&mut self) {
        let current = self.world.current.borrow().clone();
        let imports: Vec<Module> = current
            .imports
            .borrow()
            .iter()
            .filter(|import| !import.autoload)
            .map(|import| import.module.behind().clone())
            .collect();
        for module in imports {
            self.build_on(&module);
        }
    }

    fn build_on(&mut self, module: &Module) {
        let own = self.world.current.borrow().clone();
        if module.is_core()
            || module.same(&own)
            || self.builds_on.iter().any(|(known, _)| known.same(module))
        {
            return;
        }
        match module.digest.get() {
            Some(digest) => self.builds_on.push((module.clone(), digest)),
            None => {
                self.unknown = true;
                self.refuse();
            }
        }
    }

    fn end_form(&mut self) {
        for module in self.world.used.take() {
            self.build_on(&module);
        }
        for (file, from, text) in self.world.included.take() {
            self.include(&file, from.as_deref(), &text);
        }
        let Some(form) = self.form.take() else {
            return;
        };
        // What has been referred to before its definition and is given an import's value.
        let own = self.world.current.borrow().name.clone();
        let mut pairs = Vec::new();
        for (variable, found) in modules::take_noted(&own) {
            let Some(writer) = &mut self.writer else {
                break;
            };
            match (writer.variable(&variable), writer.variable(&found)) {
                (Ok(number), Ok(found)) => {
                    // What a transformer has asked for is there and not yet defined.
                    let defined = variable.state.get() == State::Defined;
                    pairs.extend([number, found, usize::from(defined)]);
                }
                _ => self.refuse(),
            }
        }
        let met = match &mut self.writer {
            Some(writer) => std::mem::take(&mut writer.met),
            None => Vec::new(),
        };
        for module in met {
            // The module itself is not done yet.
            if module.progress.get() == Progress::Ready {
                self.build_on(&module);
            } else if !module.same(&self.world.current.borrow()) {
                self.unknown = true;
                self.refuse();
            }
        }
        for (_, _, digest) in &form.includes {
            self.includes.push(*digest);
        }
        let checks = self.builds_on[self.checked..].to_vec();
        self.checked = self.builds_on.len();
        let Some(writer) = &mut self.writer else {
            return;
        };
        let bytes = &mut self.forms;
        put_number(bytes, form.start as u64);
        writer.span(form.span, bytes);
        let mut numbers = Vec::new();
        for (module, digest) in &checks {
            match writer.module(module) {
                Ok(number) => numbers.push((number, *digest)),
                Err(Refused) => {
                    self.writer = None;
                    return;
                }
            }
        }
        writer.met.clear();
        put_number(bytes, numbers.len() as u64);
        for (number, digest) in numbers {
            put_number(bytes, number as u64);
            bytes.extend_from_slice(&digest);
        }
        put_number(bytes, form.includes.len() as u64);
        for (file, from, digest) in &form.includes {
            put_text(bytes, file);
            put_documentation(from.as_deref(), bytes);
            bytes.extend_from_slice(digest);
        }
        let new = writer.known[form.variables..].to_vec();
        put_number(bytes, new.len() as u64);
        for variable in new {
            put_number(bytes, variable as u64);
        }
        put_number(bytes, pairs.len() as u64);
        for number in pairs {
            put_number(bytes, number as u64);
        }
        let assigned = std::mem::take(&mut writer.assigned);
        put_number(bytes, assigned.len() as u64);
        for variable in assigned {
            put_number(bytes, variable as u64);
        }
        put_number(bytes, form.count);
        bytes.extend_from_slice(&form.events);
        self.count += 1;
    }

    /// Take nothing more down.
    pub fn refuse(&mut self) {
        self.writer = None;
        self.forms = Vec::new();
    }

    /// An event, which WRITE writes.
    fn event(&mut self, write: impl FnOnce(&mut Writer, &mut Vec<u8>) -> Result<(), Refused>) {
        let (Some(writer), Some(form)) = (&mut self.writer, &mut self.form) else {
            return;
        };
        form.count += 1;
        if write(writer, &mut form.events).is_err() {
            self.refuse();
        }
    }

    /// FORM says what the current module is, imports or exports.
    pub fn special(&mut self, special: Special, stx: &Stx) {
        // What comes after it in the same form may build on what it imports.
        let first = self.form.as_ref().is_some_and(|form| form.count == 0);
        self.event(|writer, bytes| {
            let kind = KEPT_AS_THEY_ARE.iter().position(|known| *known == special);
            bytes.push(tags::SPECIAL);
            bytes.push(kind.filter(|_| first).ok_or(Refused)? as u8);
            writer.stx(stx, bytes)
        });
    }

    /// CORE is run.
    pub fn run(&mut self, core: &Core) {
        self.event(|writer, bytes| {
            bytes.push(tags::RUN);
            writer.core(core, bytes)
        });
    }

    /// The form at SPAN defines VARIABLE, known as ID, as VALUE.
    pub fn define(&mut self, id: Id, span: Span, variable: &Rc<Variable>, value: &Core) {
        self.event(|writer, bytes| {
            let later = matches!(value, Core::Lambda(_));
            bytes.push(match later {
                true => tags::DEFINE_LATER,
                false => tags::DEFINE,
            });
            put_number(bytes, writer.id(id)? as u64);
            writer.span(span, bytes);
            put_documentation(variable.documentation.borrow().as_deref(), bytes);
            let Core::Lambda(lambda) = value else {
                return writer.core(value, bytes);
            };
            put_number(bytes, lambda.parameters.len() as u64);
            bytes.push(u8::from(lambda.rest.is_some()));
            let takes = lambda.takes();
            put_number(bytes, takes.least as u64);
            put_number(bytes, takes.most.map_or(0, |most| most as u64 + 1));
            bytes.push(u8::from(!defines_several(variable, lambda)));
            let mut body = Vec::new();
            writer.lambda(lambda, &mut body)?;
            put_number(bytes, body.len() as u64);
            bytes.extend_from_slice(&body);
            Ok(())
        });
    }

    /// ID means KEYWORD from now on, or, where PARAMETER says so, a syntax parameter.
    pub fn syntax(&mut self, id: Id, keyword: &Rc<Macro>, parameter: bool) {
        self.event(|writer, bytes| {
            bytes.push(match parameter {
                true => tags::SYNTAX_PARAMETER,
                false => tags::SYNTAX,
            });
            put_number(bytes, writer.id(id)? as u64);
            put_number(bytes, writer.keyword(keyword)? as u64);
            Ok(())
        });
    }

    /// ID means what NAME means in MODULE.
    pub fn same_syntax(&mut self, id: Id, module: &Module, name: Id) {
        self.event(|writer, bytes| {
            bytes.push(tags::SAME_SYNTAX);
            put_number(bytes, writer.id(id)? as u64);
            put_number(bytes, writer.module(module)? as u64);
            put_number(bytes, writer.id(name)? as u64);
            Ok(())
        });
    }

    /// ID, which a macro has invented, is SHARED.
    pub fn share(&mut self, id: Id, shared: Id) {
        self.event(|writer, bytes| {
            bytes.push(tags::SHARE);
            put_number(bytes, writer.id(id)? as u64);
            put_number(bytes, writer.id(shared)? as u64);
            Ok(())
        });
    }

    /// TEXT was found for FILE, which a form of the file FROM includes.
    fn include(&mut self, file: &str, from: Option<&str>, text: &str) {
        if let Some(form) = &mut self.form {
            let digest = digest([text.as_bytes()]);
            form.includes
                .push((file.to_owned(), from.map(str::to_owned), digest));
        }
    }

    /// The file has been read to its end: what was taken down of it, and the digest of it
    /// and what it builds on.
    pub fn finish(mut self) -> (Option<Vec<u8>>, Option<Digest>) {
        self.end_form();
        self.note_imports();
        if self.unknown {
            return (None, None);
        }
        let own = digest(
            std::iter::once(&self.key)
                .chain(self.builds_on.iter().map(|(_, digest)| digest))
                .chain(&self.includes)
                .map(|digest| &digest[..]),
        );
        let content = self.writer.map(|writer| {
            let mut content = Vec::new();
            put_number(&mut content, writer.objects.len() as u64);
            for object in &writer.objects {
                put_number(&mut content, object.len() as u64);
            }
            for object in &writer.objects {
                content.extend_from_slice(object);
            }
            content.extend_from_slice(&own);
            put_number(&mut content, self.count);
            content.extend_from_slice(&self.forms);
            content
        });
        (content, Some(own))
    }
}
