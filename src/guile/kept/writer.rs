//! Syntax, scopes, macros and core forms as bytes.
//!
//! What may be referred to more than once, or is read only when it is needed, is an
//! object: it has bytes of its own and goes by its number. What means something in this
//! process alone, such as a value that a program has put into a form, is refused.

use super::bytes::{put_number, put_text};
use super::tags;
use crate::data::strings;
use crate::data::value::Value;
use crate::expand::syntax_primitives::{self, Pattern, Template};
use crate::library::written;
use crate::namespace::keywords::{Ellipsis, Macro, PatternContext, Rules, Transformer};
use crate::namespace::modules::{Module, Name};
use crate::namespace::registry::World;
use crate::namespace::scope::{Binding, Frame, Scope};
use crate::syntax::identifier::Id;
use crate::syntax::source;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Lambda, Local, Origin, Variable};
use std::collections::HashMap;
use std::rc::Rc;

/// What cannot be told to another process.
#[derive(Debug)]
pub struct Refused;

pub type Result<T> = std::result::Result<T, Refused>;

/// What is written, and what has been written already.
pub struct Writer {
    world: Rc<World>,
    pub objects: Vec<Vec<u8>>,
    texts: HashMap<String, usize>,
    ids: HashMap<Id, usize>,
    modules: HashMap<usize, (usize, Module)>,
    scopes: HashMap<usize, (usize, Scope)>,
    macros: HashMap<*const Macro, (usize, Rc<Macro>)>,
    variables: HashMap<*const Variable, (usize, Rc<Variable>)>,
    /// The variables in order.
    pub known: Vec<usize>,
    locals: HashMap<u32, usize>,
    sources: HashMap<u32, usize>,
    templates: HashMap<usize, usize>,
    patterns: HashMap<usize, usize>,
    /// Modules met for the first time, until somebody asks.
    pub met: Vec<Module>,
    /// Variables that are set, until somebody asks.
    pub assigned: Vec<usize>,
}

impl Writer {
    pub fn new(world: Rc<World>) -> Writer {
        Writer {
            world,
            objects: Vec::new(),
            texts: HashMap::new(),
            ids: HashMap::new(),
            modules: HashMap::new(),
            scopes: HashMap::new(),
            macros: HashMap::new(),
            variables: HashMap::new(),
            known: Vec::new(),
            locals: HashMap::new(),
            sources: HashMap::new(),
            templates: HashMap::new(),
            patterns: HashMap::new(),
            met: Vec::new(),
            assigned: Vec::new(),
        }
    }

    fn reserve(&mut self) -> usize {
        self.objects.push(Vec::new());
        self.objects.len() - 1
    }

    fn object(&mut self, bytes: Vec<u8>) -> usize {
        self.objects.push(bytes);
        self.objects.len() - 1
    }

    pub fn text(&mut self, text: &str) -> usize {
        if let Some(number) = self.texts.get(text) {
            return *number;
        }
        let number = self.object(text.as_bytes().to_vec());
        self.texts.insert(text.to_owned(), number);
        number
    }

    pub fn id(&mut self, id: Id) -> Result<usize> {
        if let Some(number) = self.ids.get(&id) {
            return Ok(*number);
        }
        let mut bytes = Vec::new();
        match id.alias() {
            None => {
                let text = self.text(&id.name());
                bytes.push(tags::NAME);
                put_number(&mut bytes, text as u64);
            }
            Some(alias) => {
                let inner = self.id(alias.inner)?;
                let scope = self.scope(&alias.scope())?;
                bytes.push(tags::ALIAS);
                for number in [inner, alias.expansion as usize, scope] {
                    put_number(&mut bytes, number as u64);
                }
            }
        }
        let number = self.object(bytes);
        self.ids.insert(id, number);
        Ok(number)
    }

    pub fn module(&mut self, module: &Module) -> Result<usize> {
        if let Some((number, _)) = self.modules.get(&module.address()) {
            return Ok(*number);
        }
        let mut bytes = Vec::new();
        if module.same(&self.world.core) {
            bytes.push(tags::LANGUAGE);
        } else {
            let named = self.world.modules.borrow().get(&module.name).cloned();
            if !named.is_some_and(|named| named.same(module)) {
                return Err(Refused);
            }
            bytes.push(tags::MODULE);
            self.words(&module.name, &mut bytes);
            self.met.push(module.clone());
        }
        let number = self.object(bytes);
        self.modules
            .insert(module.address(), (number, module.clone()));
        Ok(number)
    }

    fn words(&mut self, name: &Name, bytes: &mut Vec<u8>) {
        put_number(bytes, name.len() as u64);
        for word in name {
            put_number(bytes, self.text(&word.name()) as u64);
        }
    }

    fn scope(&mut self, scope: &Scope) -> Result<usize> {
        if let Some((number, _)) = self.scopes.get(&scope.address()) {
            return Ok(*number);
        }
        let number = self.reserve();
        self.scopes.insert(scope.address(), (number, scope.clone()));
        let mut bytes = Vec::new();
        match scope.frame_of() {
            Frame::Module(module) => {
                let module = self.module(module)?;
                bytes.push(tags::OF_MODULE);
                put_number(&mut bytes, module as u64);
            }
            Frame::Local {
                bindings,
                parent,
                procedure,
            } => {
                let parent = self.scope(parent)?;
                bytes.push(tags::OF_FRAME);
                put_number(&mut bytes, parent as u64);
                bytes.push(u8::from(*procedure));
                let bindings = bindings.borrow().clone();
                put_number(&mut bytes, bindings.len() as u64);
                for (id, binding) in bindings {
                    put_number(&mut bytes, self.id(id)? as u64);
                    self.binding(&binding, &mut bytes)?;
                }
            }
        }
        self.objects[number] = bytes;
        Ok(number)
    }

    fn binding(&mut self, binding: &Binding, bytes: &mut Vec<u8>) -> Result<()> {
        match binding {
            Binding::Local(local) => {
                bytes.push(tags::LOCAL);
                put_number(bytes, self.local(local)? as u64);
            }
            Binding::Pattern(pattern) if pattern.outside.is_none() => {
                bytes.push(tags::PATTERN);
                put_number(bytes, self.local(&pattern.local)? as u64);
                put_number(bytes, pattern.depth as u64);
            }
            Binding::Macro(keyword) => {
                bytes.push(tags::MACRO);
                put_number(bytes, self.keyword(keyword)? as u64);
            }
            Binding::Ellipsis(id) => {
                bytes.push(tags::ELLIPSIS);
                put_number(bytes, self.id(*id)? as u64);
            }
            _ => return Err(Refused),
        }
        Ok(())
    }

    fn local(&mut self, local: &Local) -> Result<usize> {
        if let Some(number) = self.locals.get(&local.number) {
            return Ok(*number);
        }
        let mut bytes = Vec::new();
        put_number(&mut bytes, self.id(local.name)? as u64);
        bytes.push(u8::from(local.assigned.get()));
        bytes.push(u8::from(local.holds_several.get()));
        let number = self.object(bytes);
        self.locals.insert(local.number, number);
        Ok(number)
    }

    pub fn variable(&mut self, variable: &Rc<Variable>) -> Result<usize> {
        if let Some((number, _)) = self.variables.get(&Rc::as_ptr(variable)) {
            return Ok(*number);
        }
        let is = |found: Option<Binding>| matches!(found, Some(Binding::Global(found)) if Rc::ptr_eq(&found, variable));
        let mut bytes = Vec::new();
        let of_language = !matches!(variable.origin, Origin::Program)
            && is(self.world.core.lookup_own(variable.name));
        if of_language {
            bytes.push(tags::LANGUAGE);
            put_number(&mut bytes, self.text(&variable.name.name()) as u64);
        } else {
            let home = variable.home.get().ok_or(Refused)?;
            let module = self.world.modules.borrow().get(&home.module[..]).cloned();
            let module = module.ok_or(Refused)?;
            if !is(module.lookup_own(home.key)) {
                return Err(Refused);
            }
            bytes.push(tags::MODULE);
            put_number(&mut bytes, self.module(&module)? as u64);
            put_number(&mut bytes, self.id(home.key)? as u64);
        }
        let number = self.object(bytes);
        self.variables
            .insert(Rc::as_ptr(variable), (number, variable.clone()));
        self.known.push(number);
        Ok(number)
    }

    pub fn span(&mut self, span: Span, bytes: &mut Vec<u8>) {
        if span == Span::default() {
            return bytes.push(0);
        }
        let known = self.sources.get(&span.source).copied();
        let source = known.unwrap_or_else(|| {
            let name =
                source::get(span.source).map_or_else(String::new, |source| source.name.clone());
            let number = self.text(&name);
            self.sources.insert(span.source, number);
            number
        });
        put_number(bytes, source as u64 + 1);
        put_number(bytes, u64::from(span.start));
        put_number(bytes, u64::from(span.end.saturating_sub(span.start)));
    }

    pub fn stx(&mut self, stx: &Stx, bytes: &mut Vec<u8>) -> Result<()> {
        let tag = match stx.form() {
            Form::Id(_) => tags::STX_ID,
            Form::Atom(_) => tags::STX_ATOM,
            Form::List(_, None) => tags::STX_LIST,
            Form::List(_, Some(_)) => tags::STX_IMPROPER,
            Form::Vector(_) => tags::STX_VECTOR,
            Form::Opaque(_) => tags::STX_OPAQUE,
        };
        bytes.push(tag);
        self.span(stx.span(), bytes);
        match stx.form() {
            Form::Id(id) => put_number(bytes, self.id(*id)? as u64),
            Form::Atom(value) => atom(value, bytes)?,
            Form::List(items, tail) => {
                self.all(items, bytes)?;
                if let Some(tail) = tail {
                    self.stx(tail, bytes)?;
                }
            }
            Form::Vector(items) => self.all(items, bytes)?,
            Form::Opaque(value) => atom(value.value(), bytes)?,
        }
        Ok(())
    }

    fn all(&mut self, items: &[Stx], bytes: &mut Vec<u8>) -> Result<()> {
        put_number(bytes, items.len() as u64);
        items.iter().try_for_each(|item| self.stx(item, bytes))
    }

    fn ids(&mut self, ids: &[Id], bytes: &mut Vec<u8>) -> Result<()> {
        put_number(bytes, ids.len() as u64);
        for id in ids {
            put_number(bytes, self.id(*id)? as u64);
        }
        Ok(())
    }

    fn context(&mut self, context: &PatternContext, bytes: &mut Vec<u8>) -> Result<()> {
        self.ids(&context.literals, bytes)?;
        match &context.ellipsis {
            Ellipsis::Usual => bytes.push(tags::USUAL),
            Ellipsis::None => bytes.push(tags::NONE),
            Ellipsis::Custom(id) => {
                bytes.push(tags::CUSTOM);
                put_number(bytes, self.id(*id)? as u64);
            }
        }
        put_number(bytes, self.scope(&context.scope)? as u64);
        Ok(())
    }

    fn rules(&mut self, rules: &Rules, bytes: &mut Vec<u8>) -> Result<()> {
        self.context(&rules.context, bytes)?;
        bytes.push(u8::from(rules.whole));
        put_number(bytes, rules.clauses.len() as u64);
        for (pattern, template) in &rules.clauses {
            self.stx(pattern, bytes)?;
            self.stx(template, bytes)?;
        }
        Ok(())
    }

    /// The object that KEYWORD is.
    pub fn keyword(&mut self, keyword: &Rc<Macro>) -> Result<usize> {
        if let Some((number, _)) = self.macros.get(&Rc::as_ptr(keyword)) {
            return Ok(*number);
        }
        let number = self.reserve();
        self.macros
            .insert(Rc::as_ptr(keyword), (number, keyword.clone()));
        let mut bytes = Vec::new();
        match &**keyword {
            Macro::Rules(rules) => {
                bytes.push(tags::RULES);
                self.rules(rules, &mut bytes)?;
            }
            Macro::Procedure {
                transformer,
                variable,
            } => {
                bytes.push(tags::PROCEDURE);
                bytes.push(u8::from(*variable));
                self.transformer(transformer, &mut bytes)?;
            }
            Macro::Unhygienic { transformer } => {
                bytes.push(tags::UNHYGIENIC);
                self.transformer(transformer, &mut bytes)?;
            }
            Macro::Identifier {
                reference,
                assignment,
            } => {
                bytes.push(tags::IDENTIFIER);
                self.rules(reference, &mut bytes)?;
                bytes.push(u8::from(assignment.is_some()));
                if let Some(assignment) = assignment {
                    self.rules(assignment, &mut bytes)?;
                }
            }
            Macro::Parameter(meaning) => {
                bytes.push(tags::PARAMETER);
                let meaning = meaning.borrow().clone();
                put_number(&mut bytes, self.keyword(&meaning)? as u64);
            }
            // Another file's, whose identity only a name could tell.
            Macro::Native(_) | Macro::Kept(_) => return Err(Refused),
        }
        self.objects[number] = bytes;
        Ok(number)
    }

    fn transformer(&mut self, transformer: &Transformer, bytes: &mut Vec<u8>) -> Result<()> {
        let core = transformer.core.as_ref().ok_or(Refused)?;
        self.core(core, bytes)
    }

    fn template(&mut self, number: usize) -> Result<usize> {
        if let Some(known) = self.templates.get(&number) {
            return Ok(*known);
        }
        let template = syntax_primitives::template(number).ok_or(Refused)?;
        let Template {
            template,
            context,
            variables,
        } = &*template;
        let mut bytes = Vec::new();
        self.stx(template, &mut bytes)?;
        self.context(context, &mut bytes)?;
        put_number(&mut bytes, variables.len() as u64);
        for (id, depth) in variables {
            put_number(&mut bytes, self.id(*id)? as u64);
            put_number(&mut bytes, *depth as u64);
        }
        let object = self.object(bytes);
        self.templates.insert(number, object);
        Ok(object)
    }

    fn pattern(&mut self, number: usize) -> Result<usize> {
        if let Some(known) = self.patterns.get(&number) {
            return Ok(*known);
        }
        let pattern = syntax_primitives::pattern(number).ok_or(Refused)?;
        let Pattern {
            pattern,
            context,
            variables,
        } = &*pattern;
        let mut bytes = Vec::new();
        self.stx(pattern, &mut bytes)?;
        self.context(context, &mut bytes)?;
        self.ids(variables, &mut bytes)?;
        let object = self.object(bytes);
        self.patterns.insert(number, object);
        Ok(object)
    }

    pub fn core(&mut self, core: &Core, bytes: &mut Vec<u8>) -> Result<()> {
        match core {
            Core::Constant(stx) => {
                bytes.push(tags::CONSTANT);
                self.stx(stx, bytes)?;
            }
            Core::Unspecified => bytes.push(tags::UNSPECIFIED),
            Core::Local(local) => {
                bytes.push(tags::LOCAL_REFERENCE);
                put_number(bytes, self.local(local)? as u64);
            }
            Core::Global(variable, span) => {
                bytes.push(tags::GLOBAL);
                put_number(bytes, self.variable(variable)? as u64);
                self.span(*span, bytes);
            }
            Core::SetLocal(local, value) => {
                bytes.push(tags::SET_LOCAL);
                put_number(bytes, self.local(local)? as u64);
                self.core(value, bytes)?;
            }
            Core::SetGlobal(variable, value, span) => {
                bytes.push(tags::SET_GLOBAL);
                let number = self.variable(variable)?;
                self.assigned.push(number);
                put_number(bytes, number as u64);
                self.span(*span, bytes);
                self.core(value, bytes)?;
            }
            Core::DefineGlobal(variable, value) => {
                bytes.push(tags::DEFINE_GLOBAL);
                put_number(bytes, self.variable(variable)? as u64);
                self.core(value, bytes)?;
            }
            Core::If(test, consequent, alternative) => {
                bytes.push(tags::IF);
                self.core(test, bytes)?;
                self.core(consequent, bytes)?;
                self.core(alternative, bytes)?;
            }
            Core::Lambda(lambda) => {
                bytes.push(tags::LAMBDA);
                self.lambda(lambda, bytes)?;
            }
            Core::Call(operator, operands, span) => {
                bytes.push(tags::CALL);
                self.span(*span, bytes);
                self.core(operator, bytes)?;
                put_number(bytes, operands.len() as u64);
                for (position, operand) in operands.iter().enumerate() {
                    self.operand(operator, position, operand, bytes)?;
                }
            }
            Core::Let(bindings, body) => {
                bytes.push(tags::LET);
                self.bindings(bindings, body, bytes)?;
            }
            Core::Letrec(bindings, body) => {
                bytes.push(tags::LETREC);
                self.bindings(bindings, body, bytes)?;
            }
            Core::Seq(forms) => {
                bytes.push(tags::SEQUENCE);
                put_number(bytes, forms.len() as u64);
                forms.iter().try_for_each(|form| self.core(form, bytes))?;
            }
            Core::Machine(name) => {
                let index = tags::MACHINE_NAMES.iter().position(|known| known == name);
                bytes.push(tags::MACHINE);
                bytes.push(index.ok_or(Refused)? as u8);
            }
            Core::Deferred(_) | Core::Settle(..) => return Err(Refused),
        }
        Ok(())
    }

    /// OPERAND, at POSITION among those of OPERATOR: some numbers stand for what this
    /// process has in its tables.
    fn operand(
        &mut self,
        operator: &Core,
        position: usize,
        operand: &Core,
        bytes: &mut Vec<u8>,
    ) -> Result<()> {
        let native = match operator {
            Core::Global(variable, _) => match variable.origin {
                Origin::Native(native) => native.name,
                _ => "",
            },
            _ => "",
        };
        let number = match operand {
            Core::Constant(stx) => match stx.form() {
                Form::Atom(Value::IntV(number)) => usize::try_from(*number).ok(),
                _ => None,
            },
            _ => None,
        };
        match (native, position, number) {
            ("%syntax-template", 0, Some(number)) => {
                bytes.push(tags::TEMPLATE_NUMBER);
                put_number(bytes, self.template(number)? as u64);
            }
            ("%syntax-match", 1, Some(number)) => {
                bytes.push(tags::PATTERN_NUMBER);
                put_number(bytes, self.pattern(number)? as u64);
            }
            ("%environment-scope", _, _) => return Err(Refused),
            _ => self.core(operand, bytes)?,
        }
        Ok(())
    }

    fn bindings(
        &mut self,
        bindings: &[(Rc<Local>, Core)],
        body: &Core,
        bytes: &mut Vec<u8>,
    ) -> Result<()> {
        put_number(bytes, bindings.len() as u64);
        for (local, value) in bindings {
            put_number(bytes, self.local(local)? as u64);
            self.core(value, bytes)?;
        }
        self.core(body, bytes)
    }

    pub fn lambda(&mut self, lambda: &Lambda, bytes: &mut Vec<u8>) -> Result<()> {
        self.span(lambda.span, bytes);
        put_number(bytes, lambda.parameters.len() as u64);
        for parameter in &lambda.parameters {
            put_number(bytes, self.local(parameter)? as u64);
        }
        bytes.push(u8::from(lambda.rest.is_some()));
        if let Some(rest) = &lambda.rest {
            put_number(bytes, self.local(rest)? as u64);
        }
        let name = *lambda.name.borrow();
        bytes.push(u8::from(name.is_some()));
        if let Some(name) = name {
            put_number(bytes, self.id(name)? as u64);
        }
        let signature = lambda.signature.borrow();
        bytes.push(u8::from(signature.is_some()));
        if let Some(signature) = &*signature {
            put_text(bytes, &signature.formals);
            put_number(bytes, signature.required as u64);
            put_number(bytes, signature.optional as u64);
            bytes.push(u8::from(signature.rest));
            bytes.push(u8::from(signature.bounded));
        }
        put_documentation(lambda.documentation.borrow().as_deref(), bytes);
        self.core(&lambda.body, bytes)
    }
}

/// TEXT, if there is one.
pub fn put_documentation(text: Option<&str>, bytes: &mut Vec<u8>) {
    bytes.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put_text(bytes, text);
    }
}

fn atom(value: &Value, bytes: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::IntV(number) => {
            bytes.push(tags::INTEGER);
            bytes.extend_from_slice(&(*number as i64).to_le_bytes());
        }
        Value::NumV(number) => {
            bytes.push(tags::FLOAT);
            bytes.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        Value::BoolV(truth) => bytes.push(if *truth { tags::TRUE } else { tags::FALSE }),
        Value::Void => bytes.push(tags::VOID),
        Value::CharV(c) => {
            bytes.push(tags::CHARACTER);
            put_number(bytes, u64::from(u32::from(*c)));
        }
        Value::StringV(text) => {
            bytes.push(match strings::is_mutable(text) {
                true => tags::MUTABLE_STRING,
                false => tags::STRING,
            });
            put_text(bytes, text);
        }
        Value::SymbolV(name) => {
            bytes.push(tags::KEYWORD);
            put_text(bytes, name);
        }
        other => {
            let text = written(other);
            let again = super::reader::atom_of(&text).ok_or(Refused)?;
            if written(&again) != text {
                return Err(Refused);
            }
            bytes.push(tags::WRITTEN);
            put_text(bytes, &text);
        }
    }
    Ok(())
}
