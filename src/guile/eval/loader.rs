//! Loading: from texts and forms to units for the machine, one at a time.
//!
//! A load is a stack of things to do. The machine asks it for the next unit
//! ([`Load::next`]), runs that, and asks again; so a module that a form needs
//! is loaded by the same run of the machine, continuations may cross top-level
//! forms, and nothing nests.

use crate::compile::emitter;
use crate::data::value;
use crate::eval::outline::{self, Outline, Role};
use crate::eval::unparse;
use crate::expand::Expander;
use crate::expand::definitions::Definition;
use crate::expand::imports::{
    autoload, check_re_exports, export_names, import_of, import_set, integer_of, option_keyword,
    replace_names,
};
use crate::expand::macros;
use crate::library::{ports, reading};
use crate::namespace::keywords::{Macro, Special};
use crate::namespace::modules::{self, Import, Module, Progress};
use crate::namespace::names::module_name;
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
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::rc::Rc;

thread_local! {
    static FORM: std::cell::Cell<Span> = const { std::cell::Cell::new(Span { source: 0, start: 0, end: 0 }) };
}

fn set_current_form(span: Span) {
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
        Task::Source {
            own,
            number: source::add(name, text.clone()),
            position: 0,
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
    },
    /// A form, in a given scope or in the current module.
    Form(Stx, Option<Scope>),
    /// The file of a module has been read to its end; go back to the second module.
    Loaded(Module, Module),
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
            form: Span::default(),
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

    /// The forms of TEXT, called NAME, in the current module.
    pub fn of_text(world: &World, name: &str, text: Rc<str>) -> Load {
        let mut load = Load::new(world);
        load.stack.push(Task::source(name, text, false));
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
        let unit = self.next(x)?;
        set_current_form(self.form);
        Ok(unit.map(|unit| {
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
                } => {
                    let mut reader = Reader::with(&text, number, said);
                    reader.skip_to(position);
                    match read_form(x, &mut reader, &text, own)? {
                        Ok(None) => {}
                        Ok(Some(form)) => {
                            self.form = form.span();
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
                            });
                            self.stack.push(Task::Form(form, None));
                        }
                        Err(error) => return Err(Trouble::Raise(read_error(&error))),
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
                Task::Loaded(module, previous) => {
                    module.progress.set(Progress::Ready);
                    *x.world.current.borrow_mut() = previous;
                    if module.file.borrow().is_none() {
                        x.world.forget(&module.name);
                        return Err(Trouble::Raise(no_module(&module.name)));
                    }
                    for external in module.exported_names() {
                        self.satisfy(x, &module, external)?;
                    }
                }
                Task::Restore(module) => *x.world.current.borrow_mut() = module,
            }
        }
    }

    /// Begin to load the module called NAME.
    fn begin_module(&mut self, world: &Rc<World>, name: &[Id]) -> Result<()> {
        let Some(file) = world.find_module(name) else {
            return Err(Trouble::Raise(no_module(name)));
        };
        world.forget(name);
        let module = world.module(name);
        module.progress.set(Progress::Loading(self.number));
        module.of_language.set(file.of_language);
        let previous = world.current.borrow().clone();
        let user = Module::new(vec![Id::named("guile-user")]);
        let _nothing_refers_to_it_yet = user.import(world.core_import(&user));
        *world.current.borrow_mut() = user;
        self.stack.push(Task::Loaded(module, previous));
        self.stack
            .push(Task::source(&file.name, file.text, file.own));
        Ok(())
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
                        share_invented(&module, definition.id, item);
                    }
                }
                self.push_forms(&items[1..], scope, given);
                Ok(())
            }
            Special::Define => {
                let Definition { id, value } = x.parse_define(form)?;
                share_invented(&module, id, form);
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
                self.emit(x, &Core::DefineGlobal(variable.clone(), Box::new(core)))?;
                for waiting in module.waiting_for(id) {
                    self.link(x, &waiting, &variable)?;
                }
                Ok(())
            }
            Special::DefineSyntax => {
                let (id, value) = x.parse_define_syntax(form)?;
                let keyword = x.macro_of(&value, scope)?;
                module.bind(id, Binding::Macro(keyword));
                Ok(())
            }
            Special::DefineSyntaxParameter => {
                let (id, value) = x.parse_define_syntax(form)?;
                let keyword = x.macro_of(&value, scope)?;
                module.bind(
                    id,
                    Binding::Macro(Rc::new(Macro::Parameter(keyword.into()))),
                );
                Ok(())
            }
            Special::DefineMacro => {
                let (id, keyword) = x.parse_define_macro(form, scope)?;
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
                self.emit(x, &core)
            }
            Special::UseModules => {
                let items = form.as_list().ok_or_else(|| bad("use-modules"))?;
                let imports = items[1..]
                    .iter()
                    .map(|spec| import_of(x, spec, scope))
                    .collect::<Result<Vec<_>>>()?;
                self.import(x, &module, imports)
            }
            Special::Import => {
                let items = form.as_list().ok_or_else(|| bad("import"))?;
                let imports = items[1..]
                    .iter()
                    .map(|set| import_set(x, set))
                    .collect::<Result<Vec<_>>>()?;
                self.import(x, &module, imports)
            }
            Special::Export | Special::ReExport | Special::Replace | Special::ExportSyntax => {
                let items = form.as_list().ok_or_else(|| bad("export"))?;
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
            Special::Library => self.library(x, form),
        }
    }

    /// Import into MODULE; what programs have referred to already gets its value.
    fn import(&mut self, x: &mut Expander, module: &Module, imports: Vec<Import>) -> Result<()> {
        for import in imports {
            for (placeholder, found) in module.import(import) {
                let value = Core::Global(found, no_span());
                self.emit(x, &Core::DefineGlobal(placeholder, Box::new(value)))?;
            }
        }
        Ok(())
    }

    /// Give those who wait for what MODULE exports as EXTERNAL its value.
    fn satisfy(&mut self, x: &mut Expander, module: &Module, external: Id) -> Result<()> {
        let Some(Binding::Global(variable)) = module.exported(external) else {
            return Ok(());
        };
        let internal = module.exports.borrow().get(&external).copied();
        for waiting in internal.map_or_else(Vec::new, |internal| module.waiting_for(internal)) {
            self.link(x, &waiting, &variable)?;
        }
        Ok(())
    }

    fn link(
        &mut self,
        x: &mut Expander,
        waiting: &modules::Waiting,
        variable: &Rc<Variable>,
    ) -> Result<()> {
        let placeholder = &waiting.placeholder;
        let still = matches!(
            waiting.module.lookup_own(waiting.name),
            Some(Binding::Global(own)) if Rc::ptr_eq(&own, placeholder)
        );
        if !still || Rc::ptr_eq(placeholder, variable) || placeholder.state.get() == State::Defined
        {
            return Ok(());
        }
        waiting.module.unbind(waiting.name);
        let value = Core::Global(variable.clone(), no_span());
        self.emit(x, &Core::DefineGlobal(placeholder.clone(), Box::new(value)))
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
        self.emit(x, &body)
    }

    fn define_module(&mut self, x: &mut Expander, form: &Stx, scope: &Scope) -> Result<()> {
        let bad = |part: Option<&Stx>| Trouble::syntax("define-module", "bad form", form, part);
        let items = form.as_list().ok_or_else(|| bad(None))?;
        let name = module_name(items.get(1).ok_or_else(|| bad(None))?)?;
        // Everything that can fail or needs loading comes before the module changes.
        let mut imports = Vec::new();
        let mut exports: Vec<Stx> = Vec::new();
        let mut replaced: Vec<Stx> = Vec::new();
        let mut of_others: Vec<Stx> = Vec::new();
        let mut pure = false;
        let mut duplicates = Vec::new();
        let mut version = Vec::new();
        let mut rest = items[2..].iter();
        while let Some(item) = rest.next() {
            let keyword = option_keyword(item).ok_or_else(|| bad(Some(item)))?;
            match keyword.as_str() {
                "pure" => pure = true,
                "no-backtrace" => {}
                "use-module" | "use-syntax" => {
                    let spec = rest.next().ok_or_else(|| bad(Some(item)))?;
                    imports.push(import_of(x, spec, scope)?);
                }
                "autoload" => {
                    let spec = rest.next().ok_or_else(|| bad(Some(item)))?;
                    let names = rest.next().ok_or_else(|| bad(Some(item)))?;
                    imports.push(autoload(x, spec, names)?);
                }
                "export"
                | "re-export"
                | "export-syntax"
                | "re-export-syntax"
                | "re-export-and-replace"
                | "replace"
                | "export-and-replace" => {
                    let names = rest
                        .next()
                        .and_then(Stx::as_list)
                        .ok_or_else(|| bad(Some(item)))?;
                    if keyword.contains("replace") {
                        replaced.extend(names.iter().cloned());
                    }
                    if keyword.starts_with("re-export") {
                        of_others.extend(names.iter().cloned());
                    }
                    exports.extend(names.iter().cloned());
                }
                "duplicates" => {
                    let policies = rest.next().and_then(Stx::as_list).unwrap_or_default();
                    duplicates = policies
                        .iter()
                        .filter_map(Stx::as_id)
                        .map(Id::base)
                        .collect();
                }
                "version" => {
                    let parts = rest.next().and_then(Stx::as_list).unwrap_or_default();
                    version = parts.iter().filter_map(integer_of).collect();
                }
                "filename" | "declarative?" | "declarative" => {
                    rest.next();
                }
                _ => return Err(bad(Some(item))),
            }
        }
        let module = x.world.module(&name);
        if module.file.borrow().is_none() {
            let place = form.span().place();
            *module.file.borrow_mut() = Some(place.map_or_else(String::new, |place| place.file));
            if !pure {
                let _nothing_refers_to_it_yet = module.import(x.world.core_import(&module));
            }
        }
        module.public.set(true);
        *module.version.borrow_mut() = version;
        *module.duplicates.borrow_mut() = duplicates;
        self.import(x, &module, imports)?;
        check_re_exports(&module, &of_others)?;
        export_names(&module, &exports, form)?;
        replace_names(&module, &replaced);
        *x.world.current.borrow_mut() = module;
        Ok(())
    }

    /// R6RS `library` and R7RS `define-library`.
    fn library(&mut self, x: &mut Expander, form: &Stx) -> Result<()> {
        let bad = |part: Option<&Stx>| Trouble::syntax("library", "bad form", form, part);
        let items = form.as_list().ok_or_else(|| bad(None))?;
        let name = module_name(items.get(1).ok_or_else(|| bad(None))?)?;
        let mut imports = Vec::new();
        let mut exports: Vec<Stx> = Vec::new();
        let mut body: Vec<Stx> = Vec::new();
        let mut queue: VecDeque<Stx> = items[2..].iter().cloned().collect();
        let r7rs = items[0]
            .as_id()
            .is_some_and(|id| &*id.name() == "define-library");
        while let Some(clause) = queue.pop_front() {
            let head = clause
                .as_list()
                .and_then(|parts| parts.first()?.as_id())
                .map(Id::name);
            let parts = clause.as_list().unwrap_or_default();
            match head.as_deref() {
                Some("export") => exports.extend(parts[1..].iter().cloned()),
                Some("import") => {
                    for set in &parts[1..] {
                        imports.push(import_set(x, set)?);
                    }
                }
                Some("begin") if r7rs => body.extend(parts[1..].iter().cloned()),
                Some("include" | "include-ci") if r7rs => body.extend(x.include(&clause)?),
                Some("include-library-declarations") if r7rs => {
                    for form in x.include(&clause)?.into_iter().rev() {
                        queue.push_front(form);
                    }
                }
                Some("cond-expand") if r7rs => {
                    for form in x.cond_expand(&clause)?.into_iter().rev() {
                        queue.push_front(form);
                    }
                }
                _ => body.push(clause.clone()),
            }
        }
        // The module whose file this is has been made already; any other is replaced.
        if x.world.module(&name).file.borrow().is_some() {
            x.world.forget(&name);
        }
        let module = x.world.module(&name);
        let place = form.span().place();
        *module.file.borrow_mut() = Some(place.map_or_else(String::new, |place| place.file));
        self.import(x, &module, imports)?;
        for spec in &exports {
            match spec.as_list() {
                // (rename internal external) in R7RS, (rename (internal external) …) in R6RS
                Some([_, internal, external])
                    if internal.as_id().is_some() && external.as_id().is_some() =>
                {
                    if let (Some(internal), Some(external)) = (internal.as_id(), external.as_id()) {
                        module.export(internal, external.base());
                    }
                }
                Some([_, pairs @ ..]) => {
                    for pair in pairs {
                        match pair.as_list() {
                            Some([internal, external]) => {
                                match (internal.as_id(), external.as_id()) {
                                    (Some(internal), Some(external)) => {
                                        module.export(internal, external.base());
                                    }
                                    _ => return Err(bad(Some(spec))),
                                }
                            }
                            _ => return Err(bad(Some(spec))),
                        }
                    }
                }
                _ => {
                    let id = spec.as_id().ok_or_else(|| bad(Some(spec)))?;
                    module.export(id, id.base());
                }
            }
        }
        let previous = x.world.current.borrow().clone();
        *x.world.current.borrow_mut() = module.clone();
        self.stack.push(Task::Restore(previous));
        module.announce(&Rc::new(body.iter().filter_map(defined_name).collect()));
        self.push_forms(&body, &Scope::of_module(&module), true);
        Ok(())
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
fn makes_procedure(value: &Stx) -> bool {
    let head = value.as_list().and_then(|items| items.first()?.as_id());
    head.is_some_and(|head| {
        matches!(
            &*head.name(),
            "lambda" | "lambda*" | "case-lambda" | "case-lambda*" | "λ"
        )
    })
}

/// A name that a macro invents at top level: definitions with the same text
/// are of one variable, as in Guile.
fn share_invented(module: &Module, id: Id, form: &Stx) {
    use std::hash::{DefaultHasher, Hash, Hasher};
    if !id.is_alias() {
        return;
    }
    let mut hasher = DefaultHasher::new();
    let datum = form.datum(&mut value::list_value);
    crate::library::written(&datum).hash(&mut hasher);
    let shared = Id::named(&format!("{}-{:x}", id.name(), hasher.finish()));
    let variable = module.variable(shared);
    if matches!(module.lookup_own(id), None | Some(Binding::Global(_))) {
        module.bind(id, Binding::Global(variable));
    }
}

/// A span for forms that programs made.
pub fn no_span() -> Span {
    Span::default()
}
