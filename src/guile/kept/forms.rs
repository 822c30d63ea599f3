//! The forms of a file that has been taken down, one after the other.

use super::bytes::{Damaged, Result};
use super::reader::{Kept, documentation, sound};
use super::recorder::KEPT_AS_THEY_ARE;
use super::tags;
use crate::namespace::keywords::{Macro, Special};
use crate::namespace::modules::{Digest, Name};
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::Stx;
use crate::tree_il::{Core, Deferred, Lambda, Takes, Variable};
use std::cell::LazyCell;
use std::rc::Rc;

/// What has to be so for a form to mean what was taken down.
pub struct Head {
    /// Where its text begins, blanks before it included, and where it is.
    pub start: usize,
    pub span: Span,
    /// Modules that have to be there, each with its digest.
    pub builds_on: Vec<(Name, Digest)>,
    /// Files it includes, the file that each is looked for from, and digests of their texts.
    pub includes: Vec<(String, Option<String>, Digest)>,
    /// The variables it is the first to refer to, and those it sets.
    variables: Vec<usize>,
    /// Variables, each followed by the import whose value it is given until it is defined,
    /// and whether it counts as defined by that.
    borrowed: Vec<usize>,
    assigned: Vec<usize>,
}

/// What a form does.
pub enum Event {
    /// A form that says what the current module is, imports or exports.
    Special(Special, Stx),
    Run(Core),
    Define(Id, Span, Option<String>, Core),
    /// A procedure is defined, which is read when it is first called.
    DefineLater(Id, Span, Option<String>, Later),
    Syntax(Id, Rc<Macro>),
    SyntaxParameter(Id, Rc<Macro>),
    /// The first means what the second means in the module.
    SameSyntax(Id, Name, Id),
    Share(Id, Id),
}

/// A procedure that is read when it is first called.
pub struct Later {
    kept: Rc<Kept>,
    position: usize,
    parameters: usize,
    rest: bool,
    takes: Takes,
    gives_one: bool,
}

impl Later {
    /// The procedure, of which VARIABLE is defined as.
    pub fn defining(self, variable: &Rc<Variable>) -> Deferred {
        let Later { kept, position, .. } = self;
        let read = move || -> Rc<Lambda> { Rc::new(sound(kept.lambda(&mut kept.at(position)))) };
        Deferred {
            variable: variable.clone(),
            parameters: self.parameters,
            rest: self.rest,
            takes: self.takes,
            gives_one: self.gives_one,
            lambda: LazyCell::new(Box::new(read)),
        }
    }
}

/// How far a file has been gone through.
pub struct Row {
    pub kept: Rc<Kept>,
    /// The digest of the file and of what it builds on.
    pub digest: Digest,
    position: usize,
    forms: u64,
    events: u64,
}

impl Row {
    /// The forms of KEPT.
    pub fn of(kept: Rc<Kept>) -> Result<Row> {
        let mut input = kept.at(kept.forms);
        let digest = input.array()?;
        let forms = input.number()?;
        let position = input.position;
        Ok(Row {
            digest,
            position,
            forms,
            events: 0,
            kept,
        })
    }

    /// The next form, when the events of the last have all been taken.
    pub fn next_form(&mut self) -> Result<Option<Head>> {
        if self.forms == 0 {
            return Ok(None);
        }
        self.forms -= 1;
        let mut input = self.kept.at(self.position);
        let start = input.index()?;
        let span = self.kept.span(&mut input)?;
        let builds_on = (0..input.index()?)
            .map(|_| Ok((self.kept.module_name(input.index()?)?, input.array()?)))
            .collect::<Result<_>>()?;
        let includes = (0..input.index()?)
            .map(|_| {
                let file = input.text()?.to_owned();
                Ok((file, documentation(&mut input)?, input.array()?))
            })
            .collect::<Result<_>>()?;
        let variables = (0..input.index()?)
            .map(|_| input.index())
            .collect::<Result<_>>()?;
        let borrowed = (0..input.index()?)
            .map(|_| input.index())
            .collect::<Result<_>>()?;
        let assigned = (0..input.index()?)
            .map(|_| input.index())
            .collect::<Result<_>>()?;
        self.events = input.number()?;
        self.position = input.position;
        Ok(Some(Head {
            start,
            span,
            builds_on,
            includes,
            variables,
            borrowed,
            assigned,
        }))
    }

    /// The variables that are given the value of an import before the form of HEAD, each
    /// with that and whether it counts as defined then.
    pub fn borrowed(&self, head: &Head) -> Result<Vec<(Rc<Variable>, Rc<Variable>, bool)>> {
        head.borrowed
            .chunks_exact(3)
            .map(|entry| {
                let variable = self.kept.variable(entry[0])?;
                Ok((variable, self.kept.variable(entry[1])?, entry[2] != 0))
            })
            .collect()
    }

    /// See to it that the modules know the variables to which the form of HEAD refers, as
    /// they do when it is expanded.
    pub fn refer(&self, head: &Head) -> Result<()> {
        for number in &head.variables {
            self.kept.variable(*number)?;
        }
        for number in &head.assigned {
            self.kept.variable(*number)?.assigned.set(true);
        }
        Ok(())
    }

    /// The next event of the form.
    pub fn next_event(&mut self) -> Result<Option<Event>> {
        if self.events == 0 {
            return Ok(None);
        }
        self.events -= 1;
        let kept = &self.kept;
        let mut input = kept.at(self.position);
        let tag = input.byte()?;
        let event = match tag {
            tags::SPECIAL => {
                let special = KEPT_AS_THEY_ARE.get(usize::from(input.byte()?));
                Event::Special(*special.ok_or(Damaged)?, kept.stx(&mut input)?)
            }
            tags::RUN => Event::Run(kept.core(&mut input)?),
            tags::DEFINE | tags::DEFINE_LATER => {
                let id = kept.id(input.index()?)?;
                let span = kept.span(&mut input)?;
                let text = documentation(&mut input)?;
                if tag == tags::DEFINE {
                    Event::Define(id, span, text, kept.core(&mut input)?)
                } else {
                    let (parameters, rest) = (input.index()?, input.flag()?);
                    let (least, most) = (input.index()?, input.index()?);
                    let gives_one = input.flag()?;
                    let length = input.index()?;
                    let position = input.position;
                    input.slice(length)?;
                    let later = Later {
                        kept: kept.clone(),
                        position,
                        parameters,
                        rest,
                        takes: Takes {
                            least,
                            most: most.checked_sub(1),
                        },
                        gives_one,
                    };
                    Event::DefineLater(id, span, text, later)
                }
            }
            tags::SYNTAX => {
                let id = kept.id(input.index()?)?;
                Event::Syntax(id, kept.keyword(input.index()?)?)
            }
            tags::SYNTAX_PARAMETER => {
                let id = kept.id(input.index()?)?;
                Event::SyntaxParameter(id, kept.keyword(input.index()?)?)
            }
            tags::SAME_SYNTAX => {
                let id = kept.id(input.index()?)?;
                let module = kept.module_name(input.index()?)?;
                Event::SameSyntax(id, module, kept.id(input.index()?)?)
            }
            tags::SHARE => {
                let id = kept.id(input.index()?)?;
                Event::Share(id, kept.id(input.index()?)?)
            }
            _ => return Err(Damaged),
        };
        self.position = input.position;
        Ok(Some(event))
    }
}
