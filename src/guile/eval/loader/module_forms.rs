//! Top-level forms that make modules, and modules that other forms need.
//!
//! Source: GNU Guile reference manual, "Creating Guile Modules"; R6RS, section 7; R7RS, section 5.6.

use super::{Load, Task, defined_name, no_span};
use crate::expand::Expander;
use crate::expand::imports::{
    autoload, check_re_exports, export_names, import_of, import_set, integer_of, option_keyword,
    replace_names,
};
use crate::namespace::keywords::Special;
use crate::namespace::modules::{self, Import, Module, Progress};
use crate::namespace::names::module_name;
use crate::namespace::registry::World;
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::{Result, Trouble, no_module};
use crate::syntax::identifier::Id;
use crate::syntax::stx::Stx;
use crate::tree_il::{Core, State, Variable};
use std::collections::VecDeque;
use std::rc::Rc;

impl Load {
    /// Begin to load the module called NAME.
    pub(super) fn begin_module(&mut self, world: &Rc<World>, name: &[Id]) -> Result<()> {
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
        let (origins, task) = self.task_for(world, name, &file);
        self.stack
            .push(Task::Loaded(module, previous, origins, self.form));
        self.stack.push(task);
        Ok(())
    }

    /// Import into MODULE; what programs have referred to already gets its value.
    pub(super) fn import(
        &mut self,
        x: &mut Expander,
        module: &Module,
        imports: Vec<Import>,
    ) -> Result<()> {
        for import in imports {
            for (placeholder, found) in module.import(import) {
                let value = Core::Global(found, no_span());
                self.emit(x, &Core::DefineGlobal(placeholder, Box::new(value)))?;
            }
        }
        Ok(())
    }

    /// Give those who wait for what MODULE exports as EXTERNAL its value.
    pub(super) fn satisfy(
        &mut self,
        x: &mut Expander,
        module: &Module,
        external: Id,
    ) -> Result<()> {
        let Some(Binding::Global(variable)) = module.exported(external) else {
            return Ok(());
        };
        let internal = module.exports.borrow().get(&external).copied();
        for waiting in internal.map_or_else(Vec::new, |internal| module.waiting_for(internal)) {
            self.link(x, &waiting, &variable)?;
        }
        Ok(())
    }

    pub(super) fn link(
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

    pub(super) fn define_module(
        &mut self,
        x: &mut Expander,
        form: &Stx,
        scope: &Scope,
    ) -> Result<()> {
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
        self.take_down(x, scope, |recorder| {
            recorder.special(Special::DefineModule, form);
        });
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
    pub(super) fn library(&mut self, x: &mut Expander, form: &Stx) -> Result<()> {
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
