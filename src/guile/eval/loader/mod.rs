//! Loading: from texts and forms to units for the machine, one at a time.
//!
//! A load is a stack of things to do. The machine asks it for the next unit
//! ([`Load::next`]), runs that, and asks again; so a module that a form needs
//! is loaded by the same run of the machine, continuations may cross top-level
//! forms, and nothing nests.

mod boot_units;
mod module_forms;
mod recording;
mod replaying;

use crate::compile::emitter;
use crate::eval::outline::{self, Outline, Role};
use crate::eval::unparse;
use crate::expand::Expander;
use crate::expand::definitions::Definition;
use crate::expand::imports::{
    check_re_exports, export_names, import_of, import_set, replace_names,
};
use crate::expand::macros;
use crate::kept::recorder::Recorder;
use crate::library::{ports, reading};
use crate::namespace::keywords::{Macro, Special};
use crate::namespace::modules::{Module, Progress};
use crate::namespace::registry::{self, World};
use crate::namespace::scope::{Binding, Scope};
use crate::read::builder::SyntaxBuilder;
use crate::read::errors::read_error;
use crate::read::reader::{self, Options, ReadError, Reader};
use crate::syntax::error::{Result, Trouble, no_module};
use crate::syntax::identifier::Id;
use crate::syntax::source;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Local, Origin, State, Variable};
use boot_units::makes_procedure;
pub use boot_units::units;
use recording::{Origins, Recording};
use replaying::Replay;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

thread_local! {
    static FORM: std::cell::Cell<Span> = const { std::cell::Cell::new(Span { source: 0, start: 0, end: 0 }) };
}

/// Let SPAN be the top-level form that errors from now on come from; the default one when
/// nobody has written it.
pub fn set_current_form(span: Span) {
    FORM.with(|form| form.set(span));
}

/// The top-level form that the machine was given last.
pub fn current_form() -> Span {
    FORM.with(std::cell::Cell::get)
}

pub struct Load {
    number: u64,
    stack: Vec<Task>,
    ready: VecDeque<emitter::Unit>,
    /// What the unit that the machine has now will have defined.
    pending: Vec<Rc<Variable>>,
    /// The units so far, for continuations that lead back into them.
    done: Vec<String>,
    /// The form that the machine is working on.
    form: Span,
    /// Where core forms are written down instead of being run.
    shown: Option<Rc<RefCell<Vec<String>>>>,
}

impl Task {
    /// Read TEXT, called NAME, from its beginning; OWN says that it is a file of `scheme/`.
    fn source(name: &str, text: Rc<str>, own: bool) -> Task {
        Task::source_from(name, text, 0, own)
    }

    /// Read TEXT, called NAME, from byte POSITION on.
    fn source_from(name: &str, text: Rc<str>, position: usize, own: bool) -> Task {
        Task::Source {
            own,
            recorder: None,
            number: source::add(name, text.clone()),
            position,
            said: Options::default(),
            outline: Rc::new(Outline::of(&text)),
            text,
        }
    }
}

enum Task {
    /// Read on in a text.
    Source {
        text: Rc<str>,
        number: u32,
        position: usize,
        outline: Rc<Outline>,
        /// What directives have said so far.
        said: Options,
        /// It means the same whatever programs have told the reader.
        own: bool,
        /// What takes down what it expands to.
        recorder: Option<Recording>,
    },
    /// Go on with what a text expands to.
    Kept(Box<Replay>),
    /// A form, in a given scope or in the current module.
    Form(Stx, Option<Scope>),
    /// The file of a module has been read to its end; go back to the second module,
    /// and to the form that asked for the first.
    Loaded(Module, Module, Origins, Span),
    /// Make this module current.
    Restore(Module),
}

impl Drop for Load {
    fn drop(&mut self) {
        registry::end_load(self.number);
    }
}

impl Load {
    /// Whether there is more of it to run.
    pub fn goes_on(&self) -> bool {
        !self.stack.is_empty() || !self.ready.is_empty()
    }

    fn new(world: &World) -> Load {
        let number = world.begin_load();
        Load {
            number,
            stack: Vec::new(),
            ready: VecDeque::new(),
            pending: Vec::new(),
            done: Vec::new(),
            // What this load is for, until it reads a form of its own.
            form: current_form(),
            shown: None,
        }
    }

    /// The forms of TEXT, called NAME, which are not run but written to SHOWN as
    /// what they expand to.
    pub fn showing(
        world: &World,
        name: &str,
        text: Rc<str>,
        shown: Rc<RefCell<Vec<String>>>,
    ) -> Load {
        let mut load = Load::of_text(world, name, text);
        load.shown = Some(shown);
        load
    }

    /// FORM, in the current module, which is not run but written down as what it expands to.
    pub fn showing_form(world: &World, form: Stx) -> Load {
        let mut load = Load::of_form(world, form, None);
        load.shown = Some(Rc::default());
        load
    }

    /// What has been written down so far.
    pub fn shown(&self) -> Vec<String> {
        let shown = self.shown.as_ref().map(|shown| shown.borrow().clone());
        shown.unwrap_or_default()
    }

    /// The form at SPAN is what is worked on now.
    fn begin(&mut self, span: Span) {
        self.form = span;
        set_current_form(span);
    }

    /// The forms of TEXT, called NAME, in the current module.
    pub fn of_text(world: &World, name: &str, text: Rc<str>) -> Load {
        Load::of_part(world, name, text, 0)
    }

    /// The forms of TEXT, called NAME, from byte POSITION on, in the current module.
    pub fn of_part(world: &World, name: &str, text: Rc<str>, position: usize) -> Load {
        let mut load = Load::new(world);
        load.stack
            .push(Task::source_from(name, text, position, false));
        load
    }

    /// One form, in MODULE or in whatever module is current.
    pub fn of_form(world: &World, form: Stx, module: Option<&Module>) -> Load {
        let mut load = Load::new(world);
        load.stack
            .push(Task::Form(form, module.map(Scope::of_module)));
        load
    }

    /// One form, in SCOPE.
    pub fn of_form_in(world: &World, form: Stx, scope: Scope) -> Load {
        let mut load = Load::new(world);
        load.stack.push(Task::Form(form, Some(scope)));
        load
    }

    /// The module called NAME, when it is not loaded yet.
    pub fn of_module(world: &Rc<World>, name: &[Id]) -> Result<Load> {
        let mut load = Load::new(world);
        if world.loaded(name).is_none() {
            load.begin_module(world, name)?;
        }
        Ok(load)
    }

    /// The unit after the first COUNT, or nothing when all is done. The machine
    /// counts, so that a continuation of an earlier form goes on with the forms
    /// after that one, as it does in a compiled program.
    pub fn unit(&mut self, count: usize, x: &mut Expander) -> Result<Option<String>> {
        if let Some(text) = self.done.get(count) {
            return Ok(Some(text.clone()));
        }
        let unit = self.next(x);
        // What fails before it gets to the machine stands in a form, too.
        set_current_form(self.form);
        Ok(unit?.map(|unit| {
            self.done.push(unit.again());
            unit.text
        }))
    }

    /// The next unit to run, or nothing when all is done.
    fn next(&mut self, x: &mut Expander) -> Result<Option<emitter::Unit>> {
        for variable in self.pending.drain(..) {
            variable.state.set(State::Defined);
        }
        loop {
            if let Some(unit) = self.ready.pop_front() {
                self.pending = unit.defines.clone();
                return Ok(Some(unit));
            }
            let Some(task) = self.stack.pop() else {
                return Ok(None);
            };
            match task {
                Task::Source {
                    text,
                    number,
                    position,
                    outline,
                    said,
                    own,
                    recorder,
                } => {
                    let mut reader = Reader::with(&text, number, said);
                    reader.skip_to(position);
                    recording::begin_form(&recorder, position, said.is_usual());
                    match read_form(x, &mut reader, &text, own)? {
                        Ok(None) => {}
                        Ok(Some(form)) => {
                            self.begin(form.span());
                            recording::form_is_at(&recorder, self.form);
                            let module = x.world.current.borrow().clone();
                            let scope = Scope::of_module(&module);
                            // A file of ours is compiled as it stands.
                            let mut role = |word| match own {
                                true => Role::Unknown,
                                false => role(&scope, word),
                            };
                            module.announce(&outline.at(position, &mut role));
                            let (position, said) = (reader.position(), reader.said);
                            self.stack.push(Task::Source {
                                text,
                                number,
                                position,
                                outline,
                                said,
                                own,
                                recorder,
                            });
                            self.stack.push(Task::Form(form, None));
                        }
                        Err(error) => {
                            self.form = Span::default();
                            return Err(Trouble::Raise(read_error(&error)));
                        }
                    }
                }
                Task::Form(form, given) => {
                    let scope = given
                        .clone()
                        .unwrap_or_else(|| Scope::of_module(&x.world.current.borrow()));
                    match self.top_level(x, &form, &scope, given.is_some()) {
                        Err(Trouble::NeedModule(name)) => {
                            self.stack.push(Task::Form(form, given));
                            let world = x.world.clone();
                            self.begin_module(&world, &name)?;
                        }
                        other => other?,
                    }
                }
                Task::Kept(replay) => self.replay(x, replay)?,
                Task::Loaded(module, previous, origins, form) => {
                    let digest = origins.finish();
                    self.form = form;
                    module.progress.set(Progress::Ready);
                    module.no_more_to_announce();
                    *x.world.current.borrow_mut() = previous;
                    if module.file.borrow().is_none() {
                        x.world.forget(&module.name);
                        return Err(Trouble::Raise(no_module(&module.name)));
                    }
                    for external in module.exported_names() {
                        self.satisfy(x, &module, external)?;
                    }
                    module.digest.set(digest);
                }
                Task::Restore(module) => *x.world.current.borrow_mut() = module,
            }
        }
    }

    fn push_forms(&mut self, forms: &[Stx], scope: &Scope, given: bool) {
        for form in forms.iter().rev() {
            self.stack
                .push(Task::Form(form.clone(), given.then(|| scope.clone())));
        }
    }

    /// One top-level form.
    fn top_level(
        &mut self,
        x: &mut Expander,
        form: &Stx,
        scope: &Scope,
        given: bool,
    ) -> Result<()> {
        x.next_form();
        match x.head(form, scope) {
            Some(Binding::Macro(keyword)) => {
                let expanded = x.expand_once(&keyword, form, scope)?;
                self.push_forms(&[expanded], scope, given);
                Ok(())
            }
            Some(Binding::Special(special)) => self.special(x, special, form, scope, given),
            _ => {
                let core = x.expand(form, scope)?;
                self.take_down(x, scope, |recorder| recorder.run(&core));
                self.emit(x, &core)
            }
        }
    }

    fn special(
        &mut self,
        x: &mut Expander,
        special: Special,
        form: &Stx,
        scope: &Scope,
        given: bool,
    ) -> Result<()> {
        let module = scope.module();
        let bad = |who: &str| Trouble::syntax(who, "bad form", form, None);
        match special {
            Special::Begin => {
                let items = form.as_list().ok_or_else(|| bad("begin"))?;
                // What a macro invents is known to all forms that it makes.
                for item in &items[1..] {
                    if let Some(Binding::Special(Special::Define)) = x.head(item, scope)
                        && let Ok(definition) = x.parse_define(item)
                    {
                        self.share_invented(x, scope, definition.id, item);
                    }
                }
                self.push_forms(&items[1..], scope, given);
                Ok(())
            }
            Special::Define => {
                let Definition { id, value } = x.parse_define(form)?;
                self.share_invented(x, scope, id, form);
                // What the name meant before is seen by the new value, unless
                // that is a procedure, which runs later.
                let imported = matches!(scope.lookup(id), Some(Binding::Global(_)))
                    && module.lookup_own(id).is_none()
                    && !makes_procedure(&value);
                let early = match imported {
                    true => Some(x.expand_named(&value, scope, id)?),
                    false => None,
                };
                let variable = module.variable(id);
                if variable.state.get() == State::Defined {
                    variable.assigned.set(true);
                }
                variable.defined_at.set(Some(form.span()));
                let core = match early {
                    Some(core) => core,
                    None => x.expand_named(&value, scope, id)?,
                };
                *variable.documentation.borrow_mut() = match &core {
                    Core::Lambda(lambda) => lambda.documentation.borrow().clone(),
                    _ => None,
                };
                module.altered();
                self.take_down(x, scope, |recorder| {
                    recorder.define(id, form.span(), &variable, &core);
                });
                self.emit(x, &Core::DefineGlobal(variable.clone(), Box::new(core)))?;
                for waiting in module.waiting_for(id) {
                    self.link(x, &waiting, &variable)?;
                }
                Ok(())
            }
            Special::DefineSyntax => {
                let (id, value) = x.parse_define_syntax(form)?;
                let keyword = x.macro_of(&value, scope)?;
                self.take_down(x, scope, |recorder| {
                    match recording::named_macro(&value, scope, &keyword) {
                        Some((module, name)) => recorder.same_syntax(id, &module, name),
                        None => recorder.syntax(id, &keyword, false),
                    }
                });
                module.bind(id, Binding::Macro(keyword));
                Ok(())
            }
            Special::DefineSyntaxParameter => {
                let (id, value) = x.parse_define_syntax(form)?;
                let keyword = x.macro_of(&value, scope)?;
                self.take_down(x, scope, |recorder| recorder.syntax(id, &keyword, true));
                module.bind(
                    id,
                    Binding::Macro(Rc::new(Macro::Parameter(keyword.into()))),
                );
                Ok(())
            }
            Special::DefineMacro => {
                let (id, keyword) = x.parse_define_macro(form, scope)?;
                self.take_down(x, scope, |recorder| recorder.syntax(id, &keyword, false));
                module.bind(id, Binding::Macro(keyword));
                Ok(())
            }
            Special::DefineValues => self.define_values(x, form, scope),
            Special::EvalWhen => {
                let forms = x.eval_when(form)?;
                self.push_forms(&forms, scope, given);
                Ok(())
            }
            Special::Include => {
                let forms = x.include(form)?;
                self.push_forms(&forms, scope, given);
                Ok(())
            }
            Special::CondExpand => {
                let forms = x.cond_expand(form)?;
                self.push_forms(&forms, scope, given);
                Ok(())
            }
            Special::LetSyntax => {
                let (forms, inner) = x.let_syntax(form, scope)?;
                self.push_forms(&forms, &inner, true);
                Ok(())
            }
            Special::SyntaxParameterize | Special::Set => {
                let core = x.expand(form, scope)?;
                self.take_down(x, scope, |recorder| recorder.run(&core));
                self.emit(x, &core)
            }
            Special::UseModules => {
                let items = form.as_list().ok_or_else(|| bad("use-modules"))?;
                let imports = items[1..]
                    .iter()
                    .map(|spec| import_of(x, spec, scope))
                    .collect::<Result<Vec<_>>>()?;
                self.take_down(x, scope, |recorder| recorder.special(special, form));
                self.import(x, &module, imports)
            }
            Special::Import => {
                let items = form.as_list().ok_or_else(|| bad("import"))?;
                let imports = items[1..]
                    .iter()
                    .map(|set| import_set(x, set))
                    .collect::<Result<Vec<_>>>()?;
                self.take_down(x, scope, |recorder| recorder.special(special, form));
                self.import(x, &module, imports)
            }
            Special::Export | Special::ReExport | Special::Replace | Special::ExportSyntax => {
                let items = form.as_list().ok_or_else(|| bad("export"))?;
                self.take_down(x, scope, |recorder| recorder.special(special, form));
                if special == Special::ReExport {
                    check_re_exports(&module, &items[1..])?;
                }
                export_names(&module, &items[1..], form)?;
                if special == Special::Replace {
                    replace_names(&module, &items[1..]);
                }
                Ok(())
            }
            Special::DefineModule => self.define_module(x, form, scope),
            Special::Library => {
                self.take_down(x, scope, Recorder::refuse);
                self.library(x, form)
            }
        }
    }

    /// Emit CORE and, before it, whatever of module `(guile)` it is the first to use.
    fn emit(&mut self, x: &mut Expander, core: &Core) -> Result<()> {
        if let Some(shown) = &self.shown {
            shown.borrow_mut().push(unparse::text(core));
            return Ok(());
        }
        self.ready.extend(units(x, core)?);
        Ok(())
    }

    fn define_values(&mut self, x: &mut Expander, form: &Stx, scope: &Scope) -> Result<()> {
        let (ids, rest, value) = x.parse_define_values(form)?;
        let module = scope.module();
        let value = x.expand(&value, scope)?;
        let all = Local::of_values();
        let locals: Vec<_> = ids.iter().map(|id| Local::new(*id)).collect();
        let rest_local = rest.map(Local::new);
        let mut bindings = vec![(all.clone(), value)];
        x.values_bindings(
            &all,
            locals.clone(),
            rest_local.clone(),
            form.span(),
            &mut bindings,
        );
        let definitions = ids
            .iter()
            .copied()
            .zip(locals)
            .chain(rest.into_iter().zip(rest_local))
            .map(|(id, local)| {
                Core::DefineGlobal(module.variable(id), Box::new(Core::Local(local)))
            })
            .collect();
        let body = bindings
            .into_iter()
            .rev()
            .fold(Core::seq(definitions), |body, binding| {
                Core::Let(vec![binding], Box::new(body))
            });
        module.altered();
        self.take_down(x, scope, |recorder| recorder.run(&body));
        self.emit(x, &body)
    }
}

/// What a top-level form that begins with WORD does with definitions in SCOPE.
fn role(scope: &Scope, word: Id) -> Role {
    match scope.lookup(word) {
        None => Role::Unknown,
        Some(Binding::Global(variable))
            if variable.state.get() == State::Fresh
                && matches!(variable.origin, Origin::Program) =>
        {
            Role::Unknown
        }
        Some(Binding::Special(_)) => Role::Holds,
        Some(Binding::Macro(keyword)) => match macros::may_define(&keyword) {
            true => Role::Defines,
            false => Role::Holds,
        },
        Some(_) => Role::Expression,
    }
}

/// The name that FORM defines, as far as its own words tell.
fn defined_name(form: &Stx) -> Option<Id> {
    let [head, target, ..] = form.as_list()? else {
        return None;
    };
    if !outline::DEFINING.contains(&&*head.as_id()?.name()) {
        return None;
    }
    let mut target = target.clone();
    loop {
        let first = match target.form() {
            Form::Id(id) => return Some(*id),
            Form::List(parts, _) => parts.first()?.clone(),
            _ => return None,
        };
        target = first;
    }
}

/// The next form; what stands after `#` may mean what the program has said, unless
/// the text is our OWN.
fn read_form(
    x: &mut Expander,
    reader: &mut Reader,
    text: &str,
    own: bool,
) -> Result<std::result::Result<Option<Stx>, ReadError>> {
    if own || !reader::any_extended() {
        return Ok(reader.read(&mut SyntaxBuilder::default()));
    }
    let mut raised = None;
    let mut extension = |c: char, position: usize, span: Span| {
        let port = ports::string_input(&text[position..]);
        let value = match reading::call_extension(x.machine, c, &port)? {
            Ok(value) => value,
            Err(raise) => {
                raised = Some(raise);
                return Some(Err(ReadError {
                    message: String::new(),
                    arguments: Vec::new(),
                    span,
                    incomplete: false,
                }));
            }
        };
        let left = ports::with(&port, |state| state.unread().len()).unwrap_or(0);
        let stx = Stx::from_value(&value, span, &|id| id);
        Some(Ok((stx, text.len() - left)))
    };
    let form = reader.read(&mut SyntaxBuilder {
        extension: Some(&mut extension),
    });
    match raised {
        Some(raise) => Err(Trouble::Raise(raise)),
        None => Ok(form),
    }
}

/// A span for forms that programs made.
pub fn no_span() -> Span {
    Span::default()
}
