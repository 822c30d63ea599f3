//! Going through what was taken down of a module's file.
//!
//! A form is believed when the modules and files that it builds on are what they were.
//! When they are not, the text is expanded from there on, or, where nothing has been done
//! yet but to say what the module imports, from its beginning, and taken down anew.

use super::recording::share;
use super::{Load, Task, role, units};
use crate::eval::outline::{Outline, Role};
use crate::expand::Expander;
use crate::kept;
use crate::kept::forms::{Event, Head, Row};
use crate::kept::reader::sound;
use crate::kept::shelf;
use crate::namespace::keywords::Macro;
use crate::namespace::modules::{Digest, Module, Name};
use crate::namespace::registry::ModuleFile;
use crate::namespace::scope::{Binding, Scope};
use crate::read::reader::Options;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::source;
use crate::syntax::span::Span;
use crate::tree_il::{Core, State, Variable};
use std::cell::Cell;
use std::rc::Rc;

/// A file that is gone through.
pub(super) struct Replay {
    row: Row,
    key: Digest,
    name: Name,
    text: Rc<str>,
    number: u32,
    own: bool,
    outline: Rc<Outline>,
    /// The form that is next, which has to be looked at.
    head: Option<Head>,
    /// An event that is next.
    event: Option<Event>,
    /// The form whose events are next, and where its text begins, blanks included.
    form: Span,
    start: usize,
    /// Something has been done but to say what the module is.
    acted: bool,
    /// What the module will be known by.
    digest: Rc<Cell<Option<Digest>>>,
}

/// Whether what a form builds on is as it was.
enum Ground {
    Firm,
    /// This module has to be loaded first.
    Needs(Name),
    Other,
}

impl Replay {
    pub(super) fn of(
        row: Row,
        key: Digest,
        name: &[Id],
        file: &ModuleFile,
        digest: Rc<Cell<Option<Digest>>>,
    ) -> Replay {
        let number = source::add(&file.name, file.text.clone());
        row.kept.is_source(&file.name, number);
        Replay {
            row,
            key,
            name: name.to_vec(),
            number,
            own: file.own,
            outline: Rc::new(Outline::of(&file.text)),
            text: file.text.clone(),
            head: None,
            event: None,
            form: Span::default(),
            start: 0,
            acted: false,
            digest,
        }
    }

    /// Whether neither a form nor an event has been begun.
    fn is_between(&self) -> bool {
        self.head.is_none() && self.event.is_none()
    }

    /// Take the next event or else the next form; whether there is one.
    fn go_on(&mut self) -> bool {
        self.event = sound(self.row.next_event());
        if self.event.is_none() {
            self.head = sound(self.row.next_form());
        }
        !self.is_between()
    }

    /// The form of HEAD is believed.
    fn enter(&mut self, x: &Expander, head: &Head) {
        self.form = head.span;
        self.start = head.start;
        self.announce(x);
        sound(self.row.refer(head));
    }

    fn ground(&self, x: &Expander, head: &Head) -> Ground {
        for (name, digest) in &head.builds_on {
            let Some(module) = x.world.existing(name) else {
                return match x.world.can_load(name) {
                    true => Ground::Needs(name.clone()),
                    false => Ground::Other,
                };
            };
            if module.digest.get() != Some(*digest) {
                return Ground::Other;
            }
        }
        for (file, from, digest) in &head.includes {
            match x.world.included_text(file, from.as_deref()) {
                Ok(text) if shelf::digest([text.as_bytes()]) == *digest => {
                    let number = source::add(file, text.into());
                    self.row.kept.is_source(file, number);
                }
                _ => return Ground::Other,
            }
        }
        Ground::Firm
    }

    /// What a place in the text announces of later definitions.
    fn announce(&self, x: &Expander) {
        let module = x.world.current.borrow().clone();
        let scope = Scope::of_module(&module);
        // A file of ours is compiled as it stands.
        let mut role = |word| match self.own {
            true => Role::Unknown,
            false => role(&scope, word),
        };
        module.announce(&self.outline.at(self.start, &mut role));
    }
}

impl Load {
    /// Go on with REPLAY until something has to run.
    pub(super) fn replay(&mut self, x: &mut Expander, mut replay: Box<Replay>) -> Result<()> {
        let mut together: Vec<(Id, Core)> = Vec::new();
        let done = loop {
            if replay.is_between() && !replay.go_on() {
                break true;
            }
            if let Some(head) = replay.head.take() {
                let ground = replay.ground(x, &head);
                if matches!(ground, Ground::Firm) {
                    // They are taken from what is imported before anything defines them.
                    let borrowed = sound(replay.row.borrowed(&head));
                    if !borrowed.is_empty() && !together.is_empty() {
                        replay.head = Some(head);
                        break false;
                    }
                    replay.enter(x, &head);
                    self.begin(replay.form);
                    if borrowed.is_empty() {
                        continue;
                    }
                    self.stack.push(Task::Kept(replay));
                    return self.borrow(x, borrowed);
                }
                if !together.is_empty() {
                    replay.head = Some(head);
                    break false;
                }
                let Ground::Needs(name) = ground else {
                    return self.fall_back(x, &replay, head.start);
                };
                replay.head = Some(head);
                return self.load_before(x, replay, &name);
            }
            let Some(event) = replay.event.take() else {
                continue;
            };
            let module = x.world.current.borrow().clone();
            let waits = match &event {
                Event::DefineLater(id, ..) => together.iter().any(|(other, _)| other == id),
                Event::Run(_) | Event::Define(..) | Event::Special(..) => !together.is_empty(),
                _ => false,
            };
            if waits {
                replay.event = Some(event);
                break false;
            }
            replay.acted |= !matches!(event, Event::Special(..));
            match event {
                Event::Syntax(id, keyword) => module.bind(id, Binding::Macro(keyword)),
                Event::SyntaxParameter(id, keyword) => {
                    let parameter = Macro::Parameter(keyword.into());
                    module.bind(id, Binding::Macro(Rc::new(parameter)));
                }
                Event::SameSyntax(id, of, name) => {
                    let of = x.world.module(&of);
                    if let Some(binding) = of.lookup(name) {
                        module.bind(id, binding);
                    }
                }
                Event::Share(id, shared) => share(&module, id, shared),
                Event::DefineLater(id, span, text, later) => {
                    let variable = defined(&module, id, span, text);
                    let deferred = later.defining(&variable);
                    let value = Core::Deferred(Rc::new(deferred));
                    together.push((id, Core::DefineGlobal(variable, Box::new(value))));
                }
                Event::Define(id, span, text, value) => {
                    let variable = defined(&module, id, span, text);
                    self.stack.push(Task::Kept(replay));
                    let core = Core::DefineGlobal(variable, Box::new(value));
                    return self.define_all(x, vec![(id, core)]);
                }
                Event::Run(core) => {
                    self.stack.push(Task::Kept(replay));
                    return self.emit(x, &core);
                }
                Event::Special(special, form) => {
                    x.next_form();
                    let scope = Scope::of_module(&module);
                    match self.special(x, special, &form, &scope, false) {
                        Err(Trouble::NeedModule(name)) => {
                            replay.event = Some(Event::Special(special, form));
                            return self.load_before(x, replay, &name);
                        }
                        other => other?,
                    }
                    replay.announce(x);
                    if !self.ready.is_empty() {
                        self.stack.push(Task::Kept(replay));
                        return Ok(());
                    }
                }
            }
        };
        if !done {
            self.stack.push(Task::Kept(replay));
        }
        self.define_all(x, together)
    }

    /// Give variables the values of imports; some do not count as defined by that.
    fn borrow(
        &mut self,
        x: &mut Expander,
        borrowed: Vec<(Rc<Variable>, Rc<Variable>, bool)>,
    ) -> Result<()> {
        for (variable, found, defined) in borrowed {
            let value = Core::Global(found, Span::default());
            let core = Core::DefineGlobal(variable, Box::new(value));
            for mut unit in units(x, &core)? {
                if !defined {
                    unit.defines.clear();
                }
                self.ready.push_back(unit);
            }
        }
        Ok(())
    }

    /// Load the module called NAME, and go on with REPLAY then.
    fn load_before(&mut self, x: &Expander, replay: Box<Replay>, name: &[Id]) -> Result<()> {
        self.stack.push(Task::Kept(replay));
        let world = x.world.clone();
        self.begin_module(&world, name)
    }

    /// DEFINITIONS, in one unit.
    fn define_all(&mut self, x: &mut Expander, definitions: Vec<(Id, Core)>) -> Result<()> {
        let module = x.world.current.borrow().clone();
        let variables: Vec<(Id, Rc<Variable>)> = definitions
            .iter()
            .filter_map(|(id, core)| match core {
                Core::DefineGlobal(variable, _) => Some((*id, variable.clone())),
                _ => None,
            })
            .collect();
        if variables.is_empty() {
            return Ok(());
        }
        let cores = definitions.into_iter().map(|(_, core)| core).collect();
        self.emit(x, &Core::seq(cores))?;
        for (id, variable) in variables {
            for waiting in module.waiting_for(id) {
                self.link(x, &waiting, &variable)?;
            }
        }
        Ok(())
    }

    /// The form at START of what REPLAY goes through is not what was taken down.
    fn fall_back(&mut self, x: &Expander, replay: &Replay, start: usize) -> Result<()> {
        if let Some(shelf) = kept::shelf() {
            shelf.forget(&replay.key);
        }
        if !replay.acted
            && let Some(Task::Loaded(_, previous, _, form)) =
                self.stack.pop_if(|task| matches!(task, Task::Loaded(..)))
        {
            *x.world.current.borrow_mut() = previous;
            self.form = form;
            let world = x.world.clone();
            return self.begin_module(&world, &replay.name);
        }
        replay.digest.set(None);
        self.stack.push(Task::Source {
            text: replay.text.clone(),
            number: replay.number,
            position: start,
            outline: replay.outline.clone(),
            said: Options::default(),
            own: replay.own,
            recorder: None,
        });
        Ok(())
    }
}

/// The variable that the form at SPAN defines as ID in MODULE, of which TEXT tells.
fn defined(module: &Module, id: Id, span: Span, text: Option<String>) -> Rc<Variable> {
    let variable = module.variable(id);
    if variable.state.get() == State::Defined {
        variable.assigned.set(true);
    }
    variable.defined_at.set(Some(span));
    *variable.documentation.borrow_mut() = text;
    variable
}
