//! What has been written is made again, each object when it is first needed.

use super::bytes::{Damaged, Input, Result};
use super::tags;
use crate::data::roots::Root;
use crate::data::value::{Value, string_value};
use crate::data::{strings, symbols};
use crate::expand::syntax_primitives;
use crate::namespace::keywords::{Ellipsis, LazyCore, Macro, PatternContext, Rules, Transformer};
use crate::namespace::modules::{Module, Name};
use crate::namespace::registry;
use crate::namespace::scope::{Binding, PatternVariable, Scope};
use crate::read::builder::SyntaxBuilder;
use crate::read::reader::Reader;
use crate::syntax::identifier::{Id, fresh_expansion};
use crate::syntax::source;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Lambda, Local, Signature, State, Variable};
use std::cell::{LazyCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// What a module's file expands to, as bytes.
pub struct Kept {
    pub bytes: Vec<u8>,
    /// Where each object begins.
    objects: Vec<u32>,
    /// Where the forms begin, after the digest of it all and their count.
    pub forms: usize,
    made: RefCell<Made>,
}

/// The objects that have been needed.
#[derive(Default)]
struct Made {
    ids: HashMap<usize, Id>,
    modules: HashMap<usize, Module>,
    scopes: HashMap<usize, Scope>,
    macros: HashMap<usize, Rc<Macro>>,
    variables: HashMap<usize, Rc<Variable>>,
    locals: HashMap<usize, Rc<Local>>,
    sources: HashMap<usize, u32>,
    /// The texts of this file, by name.
    texts: HashMap<String, u32>,
    /// Expansions in the other process, and here.
    expansions: HashMap<u32, u32>,
}

impl Kept {
    /// What is in BYTES.
    pub fn read(bytes: Vec<u8>) -> Result<Rc<Kept>> {
        let mut input = Input::at(&bytes, 0);
        let count = input.index()?;
        let lengths = (0..count)
            .map(|_| input.index())
            .collect::<Result<Vec<_>>>()?;
        let mut position = input.position;
        let mut objects = Vec::with_capacity(count);
        for length in lengths {
            objects.push(u32::try_from(position).map_err(|_| Damaged)?);
            position = position.checked_add(length).ok_or(Damaged)?;
        }
        Ok(Rc::new(Kept {
            bytes,
            objects,
            forms: position,
            made: RefCell::default(),
        }))
    }

    /// The spans that are of the text called NAME are of the one with NUMBER.
    pub fn is_source(&self, name: &str, number: u32) {
        let mut made = self.made.borrow_mut();
        made.texts.insert(name.to_owned(), number);
    }

    pub fn at(&self, position: usize) -> Input<'_> {
        Input::at(&self.bytes, position)
    }

    fn object(&self, number: usize) -> Result<Input<'_>> {
        let position = *self.objects.get(number).ok_or(Damaged)?;
        Ok(self.at(position as usize))
    }

    pub fn text(&self, number: usize) -> Result<&str> {
        let begin = *self.objects.get(number).ok_or(Damaged)? as usize;
        let end = self
            .objects
            .get(number + 1)
            .map_or(self.forms, |next| *next as usize);
        let bytes = self.bytes.get(begin..end).ok_or(Damaged)?;
        std::str::from_utf8(bytes).map_err(|_| Damaged)
    }

    pub fn id(self: &Rc<Kept>, number: usize) -> Result<Id> {
        if let Some(id) = self.made.borrow().ids.get(&number) {
            return Ok(*id);
        }
        let mut input = self.object(number)?;
        let id = match input.byte()? {
            tags::NAME => Id::named(self.text(input.index()?)?),
            tags::ALIAS => {
                let inner = self.id(input.index()?)?;
                let expansion = self.expansion(input.offset()?);
                let scope = self.scope(input.index()?)?;
                inner.introduced(expansion, &scope)
            }
            _ => return Err(Damaged),
        };
        self.made.borrow_mut().ids.insert(number, id);
        Ok(id)
    }

    /// The expansion here for one there; those without number are everybody's.
    fn expansion(&self, there: u32) -> u32 {
        match there {
            0 => 0,
            there => *self
                .made
                .borrow_mut()
                .expansions
                .entry(there)
                .or_insert_with(fresh_expansion),
        }
    }

    /// The name of the module that object NUMBER is.
    pub fn module_name(&self, number: usize) -> Result<Name> {
        let mut input = self.object(number)?;
        match input.byte()? {
            tags::MODULE => self.words(&mut input),
            _ => Err(Damaged),
        }
    }

    fn words(&self, input: &mut Input) -> Result<Name> {
        let count = input.index()?;
        (0..count)
            .map(|_| Ok(Id::named(self.text(input.index()?)?)))
            .collect()
    }

    fn module(&self, number: usize) -> Result<Module> {
        if let Some(module) = self.made.borrow().modules.get(&number) {
            return Ok(module.clone());
        }
        let world = registry::world();
        let mut input = self.object(number)?;
        let module = match input.byte()? {
            tags::LANGUAGE => world.core.clone(),
            tags::MODULE => {
                let name = self.words(&mut input)?;
                world.module(&name)
            }
            _ => return Err(Damaged),
        };
        self.made
            .borrow_mut()
            .modules
            .insert(number, module.clone());
        Ok(module)
    }

    fn scope(self: &Rc<Kept>, number: usize) -> Result<Scope> {
        if let Some(scope) = self.made.borrow().scopes.get(&number) {
            return Ok(scope.clone());
        }
        let mut input = self.object(number)?;
        let know = |scope: &Scope| {
            self.made.borrow_mut().scopes.insert(number, scope.clone());
        };
        match input.byte()? {
            tags::OF_MODULE => {
                let module = self.module(input.index()?)?;
                let world = registry::world();
                let scope = match module.same(&world.core) {
                    true => world.core_scope.clone(),
                    false => Scope::of_module(&module),
                };
                know(&scope);
                Ok(scope)
            }
            tags::OF_FRAME => {
                let parent = self.scope(input.index()?)?;
                let scope = match input.flag()? {
                    true => parent.inside_procedure(),
                    false => parent.inner(),
                };
                // What is bound in it may stand in it.
                know(&scope);
                for _ in 0..input.index()? {
                    let id = self.id(input.index()?)?;
                    let binding = self.binding(&mut input)?;
                    scope.bind(id, binding);
                }
                Ok(scope)
            }
            _ => Err(Damaged),
        }
    }

    fn binding(self: &Rc<Kept>, input: &mut Input) -> Result<Binding> {
        Ok(match input.byte()? {
            tags::LOCAL => Binding::Local(self.local(input.index()?)?),
            tags::PATTERN => Binding::Pattern(Rc::new(PatternVariable {
                local: self.local(input.index()?)?,
                depth: input.index()?,
                outside: None,
            })),
            tags::MACRO => Binding::Macro(self.keyword(input.index()?)?),
            tags::ELLIPSIS => Binding::Ellipsis(self.id(input.index()?)?),
            _ => return Err(Damaged),
        })
    }

    fn local(self: &Rc<Kept>, number: usize) -> Result<Rc<Local>> {
        if let Some(local) = self.made.borrow().locals.get(&number) {
            return Ok(local.clone());
        }
        let mut input = self.object(number)?;
        let name = self.id(input.index()?)?;
        let local = Local::known(name, input.flag()?, input.flag()?);
        self.made.borrow_mut().locals.insert(number, local.clone());
        Ok(local)
    }

    /// The variable that object NUMBER is. One that nothing has defined may have become
    /// an import's meanwhile.
    pub fn variable(self: &Rc<Kept>, number: usize) -> Result<Rc<Variable>> {
        let known = self.made.borrow().variables.get(&number).cloned();
        if let Some(variable) = &known
            && variable.state.get() != State::Fresh
        {
            return Ok(variable.clone());
        }
        let mut input = self.object(number)?;
        let variable = match input.byte()? {
            tags::LANGUAGE => {
                let name = Id::named(self.text(input.index()?)?);
                registry::world().core.variable(name)
            }
            tags::MODULE => {
                let module = self.module(input.index()?)?;
                let key = self.id(input.index()?)?;
                let found = match (module.lookup_own(key), known) {
                    (Some(own), _) => Some(own),
                    // An import has taken its place.
                    (None, Some(_)) => module.lookup(key),
                    (None, None) => None,
                };
                match found {
                    Some(Binding::Global(variable)) => variable,
                    _ => module.placeholder(key),
                }
            }
            _ => return Err(Damaged),
        };
        self.made
            .borrow_mut()
            .variables
            .insert(number, variable.clone());
        Ok(variable)
    }

    pub fn span(&self, input: &mut Input) -> Result<Span> {
        let number = input.index()?;
        let Some(number) = number.checked_sub(1) else {
            return Ok(Span::default());
        };
        let (start, length) = (input.offset()?, input.offset()?);
        let known = self.made.borrow().sources.get(&number).copied();
        let source = match known {
            Some(source) => source,
            None => {
                let name = self.text(number)?;
                let own = self.made.borrow().texts.get(name).copied();
                let source = own
                    .or_else(|| source::called(name))
                    .or_else(|| registry::world().boot.source_called(name))
                    .unwrap_or(u32::MAX);
                self.made.borrow_mut().sources.insert(number, source);
                source
            }
        };
        Ok(match source {
            u32::MAX => Span::default(),
            source => Span {
                source,
                start,
                end: start.saturating_add(length),
            },
        })
    }

    pub fn stx(self: &Rc<Kept>, input: &mut Input) -> Result<Stx> {
        let tag = input.byte()?;
        let span = self.span(input)?;
        let form = match tag {
            tags::STX_ID => Form::Id(self.id(input.index()?)?),
            tags::STX_ATOM => Form::Atom(atom(input)?),
            tags::STX_LIST => Form::List(self.all(input)?, None),
            tags::STX_IMPROPER => {
                let items = self.all(input)?;
                Form::List(items, Some(self.stx(input)?))
            }
            tags::STX_VECTOR => Form::Vector(self.all(input)?),
            tags::STX_OPAQUE => Form::Opaque(Root::of(&atom(input)?)),
            _ => return Err(Damaged),
        };
        Ok(Stx::new(form, span))
    }

    fn all(self: &Rc<Kept>, input: &mut Input) -> Result<Vec<Stx>> {
        let count = input.index()?;
        (0..count).map(|_| self.stx(input)).collect()
    }

    fn ids(self: &Rc<Kept>, input: &mut Input) -> Result<Vec<Id>> {
        let count = input.index()?;
        (0..count).map(|_| self.id(input.index()?)).collect()
    }

    fn context(self: &Rc<Kept>, input: &mut Input) -> Result<PatternContext> {
        Ok(PatternContext {
            literals: self.ids(input)?,
            ellipsis: match input.byte()? {
                tags::USUAL => Ellipsis::Usual,
                tags::NONE => Ellipsis::None,
                tags::CUSTOM => Ellipsis::Custom(self.id(input.index()?)?),
                _ => return Err(Damaged),
            },
            scope: self.scope(input.index()?)?,
        })
    }

    fn rules(self: &Rc<Kept>, input: &mut Input) -> Result<Rc<Rules>> {
        let context = self.context(input)?;
        let whole = input.flag()?;
        let count = input.index()?;
        let clauses = (0..count)
            .map(|_| Ok((self.stx(input)?, self.stx(input)?)))
            .collect::<Result<_>>()?;
        Ok(Rc::new(Rules {
            context,
            clauses,
            whole,
        }))
    }

    /// The macro that object NUMBER is, read when it is used.
    pub fn keyword(self: &Rc<Kept>, number: usize) -> Result<Rc<Macro>> {
        if let Some(keyword) = self.made.borrow().macros.get(&number) {
            return Ok(keyword.clone());
        }
        let mut input = self.object(number)?;
        let keyword = match input.byte()? {
            tags::PARAMETER => Rc::new(Macro::Parameter(self.keyword(input.index()?)?.into())),
            _ => {
                let kept = self.clone();
                let read = move || sound(kept.read_keyword(number));
                Rc::new(Macro::Kept(LazyCell::new(Box::new(read))))
            }
        };
        self.made
            .borrow_mut()
            .macros
            .insert(number, keyword.clone());
        Ok(keyword)
    }

    fn read_keyword(self: &Rc<Kept>, number: usize) -> Result<Rc<Macro>> {
        let mut input = self.object(number)?;
        Ok(Rc::new(match input.byte()? {
            tags::RULES => Macro::Rules(self.rules(&mut input)?),
            tags::PROCEDURE => Macro::Procedure {
                variable: input.flag()?,
                transformer: self.transformer(input.position),
            },
            tags::UNHYGIENIC => Macro::Unhygienic {
                transformer: self.transformer(input.position),
            },
            tags::IDENTIFIER => Macro::Identifier {
                reference: self.rules(&mut input)?,
                assignment: match input.flag()? {
                    true => Some(self.rules(&mut input)?),
                    false => None,
                },
            },
            _ => return Err(Damaged),
        }))
    }

    fn transformer(self: &Rc<Kept>, position: usize) -> Transformer {
        let kept = self.clone();
        let read = move || Rc::new(sound(kept.core(&mut kept.at(position))));
        Transformer::to_be_made(LazyCore::new(Box::new(read)))
    }

    fn template(self: &Rc<Kept>, number: usize) -> Result<usize> {
        let mut input = self.object(number)?;
        let template = self.stx(&mut input)?;
        let context = self.context(&mut input)?;
        let count = input.index()?;
        let variables = (0..count)
            .map(|_| Ok((self.id(input.index()?)?, input.index()?)))
            .collect::<Result<_>>()?;
        Ok(syntax_primitives::add_template(
            template, context, variables,
        ))
    }

    fn pattern(self: &Rc<Kept>, number: usize) -> Result<usize> {
        let mut input = self.object(number)?;
        let pattern = self.stx(&mut input)?;
        let context = self.context(&mut input)?;
        let variables = self.ids(&mut input)?;
        Ok(syntax_primitives::add_pattern(pattern, context, variables))
    }

    pub fn core(self: &Rc<Kept>, input: &mut Input) -> Result<Core> {
        Ok(match input.byte()? {
            tags::CONSTANT => Core::Constant(self.stx(input)?),
            tags::UNSPECIFIED => Core::Unspecified,
            tags::LOCAL_REFERENCE => Core::Local(self.local(input.index()?)?),
            tags::GLOBAL => Core::Global(self.variable(input.index()?)?, self.span(input)?),
            tags::SET_LOCAL => {
                let local = self.local(input.index()?)?;
                Core::SetLocal(local, self.boxed(input)?)
            }
            tags::SET_GLOBAL => {
                let variable = self.variable(input.index()?)?;
                let span = self.span(input)?;
                Core::SetGlobal(variable, self.boxed(input)?, span)
            }
            tags::DEFINE_GLOBAL => {
                let variable = self.variable(input.index()?)?;
                Core::DefineGlobal(variable, self.boxed(input)?)
            }
            tags::IF => Core::If(self.boxed(input)?, self.boxed(input)?, self.boxed(input)?),
            tags::LAMBDA => Core::Lambda(Rc::new(self.lambda(input)?)),
            tags::CALL => {
                let span = self.span(input)?;
                let operator = self.boxed(input)?;
                Core::Call(operator, self.cores(input)?, span)
            }
            tags::LET => {
                let (bindings, body) = self.bindings(input)?;
                Core::Let(bindings, body)
            }
            tags::LETREC => {
                let (bindings, body) = self.bindings(input)?;
                Core::Letrec(bindings, body)
            }
            tags::SEQUENCE => Core::Seq(self.cores(input)?),
            tags::MACHINE => {
                let name = tags::MACHINE_NAMES.get(usize::from(input.byte()?));
                Core::Machine(name.ok_or(Damaged)?)
            }
            tags::TEMPLATE_NUMBER => Core::integer(self.template(input.index()?)?, Span::default()),
            tags::PATTERN_NUMBER => Core::integer(self.pattern(input.index()?)?, Span::default()),
            _ => return Err(Damaged),
        })
    }

    fn boxed(self: &Rc<Kept>, input: &mut Input) -> Result<Box<Core>> {
        Ok(Box::new(self.core(input)?))
    }

    fn cores(self: &Rc<Kept>, input: &mut Input) -> Result<Vec<Core>> {
        let count = input.index()?;
        (0..count).map(|_| self.core(input)).collect()
    }

    #[allow(
        clippy::type_complexity,
        reason = "the bindings and the body of a form"
    )]
    fn bindings(self: &Rc<Kept>, input: &mut Input) -> Result<(Vec<(Rc<Local>, Core)>, Box<Core>)> {
        let count = input.index()?;
        let bindings = (0..count)
            .map(|_| Ok((self.local(input.index()?)?, self.core(input)?)))
            .collect::<Result<_>>()?;
        Ok((bindings, self.boxed(input)?))
    }

    pub fn lambda(self: &Rc<Kept>, input: &mut Input) -> Result<Lambda> {
        let span = self.span(input)?;
        let count = input.index()?;
        let parameters = (0..count)
            .map(|_| self.local(input.index()?))
            .collect::<Result<_>>()?;
        let rest = match input.flag()? {
            true => Some(self.local(input.index()?)?),
            false => None,
        };
        let name = match input.flag()? {
            true => Some(self.id(input.index()?)?),
            false => None,
        };
        let signature = match input.flag()? {
            true => Some(Signature {
                formals: input.text()?.to_owned(),
                required: input.index()?,
                optional: input.index()?,
                rest: input.flag()?,
                bounded: input.flag()?,
            }),
            false => None,
        };
        let documentation = documentation(input)?;
        Ok(Lambda {
            parameters,
            rest,
            name: name.into(),
            signature: signature.into(),
            documentation: documentation.into(),
            span,
            body: self.core(input)?,
        })
    }
}

/// What `put_documentation` has put.
pub fn documentation(input: &mut Input) -> Result<Option<String>> {
    Ok(match input.flag()? {
        true => Some(input.text()?.to_owned()),
        false => None,
    })
}

/// What has been read: the file's digest says that it is what this build has written.
pub fn sound<T>(read: Result<T>) -> T {
    read.unwrap_or_else(|Damaged| panic!("what this build has written is not what it reads"))
}

fn atom(input: &mut Input) -> Result<Value> {
    Ok(match input.byte()? {
        tags::INTEGER => Value::IntV(i64::from_le_bytes(input.array()?) as isize),
        tags::FLOAT => Value::NumV(f64::from_bits(u64::from_le_bytes(input.array()?))),
        tags::TRUE => Value::BoolV(true),
        tags::FALSE => Value::BoolV(false),
        tags::VOID => Value::Void,
        tags::CHARACTER => Value::CharV(char::from_u32(input.offset()?).ok_or(Damaged)?),
        tags::STRING => strings::constant(input.text()?),
        tags::MUTABLE_STRING => string_value(input.text()?),
        tags::KEYWORD => symbols::intern(input.text()?),
        tags::WRITTEN => atom_of(input.text()?).ok_or(Damaged)?,
        _ => return Err(Damaged),
    })
}

/// The atom that TEXT writes.
pub fn atom_of(text: &str) -> Option<Value> {
    let form = Reader::new(text, 0)
        .read(&mut SyntaxBuilder::default())
        .ok()??;
    match form.form() {
        Form::Atom(value) => Some(value.clone()),
        _ => None,
    }
}
