//! Taking down what the files of modules expand to, for the next process.

use super::replaying::Replay;
use super::{Load, Task};
use crate::data::value;
use crate::expand::Expander;
use crate::kept;
use crate::kept::forms::Row;
use crate::kept::reader::Kept;
use crate::kept::recorder::Recorder;
use crate::namespace::keywords::Macro;
use crate::namespace::modules::{self, Digest, Module};
use crate::namespace::registry::{ModuleFile, World};
use crate::namespace::scope::{Binding, Scope};
use crate::read::reader;
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::Stx;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What takes a file down, until that has been read to its end.
pub(super) type Recording = Rc<RefCell<Option<Recorder>>>;

/// What a module is made of.
pub(super) enum Origins {
    /// Nobody asks.
    Unknown,
    /// Of its text, which is taken down.
    Text(Recording),
    /// Of what was taken down of its text.
    Kept(Rc<Cell<Option<Digest>>>),
}

impl Origins {
    /// The file has been read to its end: keep what was taken down; the digest
    /// of it and of what it builds on.
    pub(super) fn finish(self) -> Option<Digest> {
        match self {
            Origins::Unknown => None,
            Origins::Kept(digest) => digest.get(),
            Origins::Text(recording) => {
                let recorder = recording.borrow_mut().take()?;
                let key = recorder.key;
                let (content, digest) = recorder.finish();
                if let Some(content) = content {
                    kept::put(&key, &content);
                }
                digest
            }
        }
    }
}

/// The form at POSITION of what RECORDING takes down is next; USUAL says that it is read
/// as any text is.
pub(super) fn begin_form(recording: &Option<Recording>, position: usize, usual: bool) {
    let Some(recording) = recording else {
        return;
    };
    if let Some(recorder) = &mut *recording.borrow_mut() {
        recorder.begin_form(position);
        if !usual {
            recorder.refuse();
        }
    }
}

/// The form that is next is at SPAN.
pub(super) fn form_is_at(recording: &Option<Recording>, span: Span) {
    if let Some(recording) = recording
        && let Some(recorder) = &mut *recording.borrow_mut()
    {
        recorder.form_is_at(span);
    }
}

/// The module and the name there of KEYWORD, which VALUE names in SCOPE.
pub(super) fn named_macro(value: &Stx, scope: &Scope, keyword: &Rc<Macro>) -> Option<(Module, Id)> {
    let id = value.as_id()?;
    match scope.lookup(id)? {
        Binding::Macro(found) if Rc::ptr_eq(&found, keyword) => Some(scope.home(id)),
        _ => None,
    }
}

impl Load {
    /// What loads the module called NAME, which FILE defines.
    pub(super) fn task_for(
        &self,
        world: &Rc<World>,
        name: &[Id],
        file: &ModuleFile,
    ) -> (Origins, Task) {
        let of_text = || Task::source(&file.name, file.text.clone(), file.own);
        // What is shown does not run, and what a program has told the reader may mean
        // something else in the next process.
        let usual = self.shown.is_none() && (file.own || !reader::meets_extension(&file.text));
        let shelf = kept::shelf().filter(|_| usual);
        let Some(shelf) = shelf else {
            return (Origins::Unknown, of_text());
        };
        let key = shelf.key(&file.name, &modules::written(name), &file.text);
        let row = shelf
            .take(&key)
            .and_then(|bytes| Row::of(Kept::read(bytes).ok()?).ok());
        match row {
            Some(row) => {
                let digest = Rc::new(Cell::new(Some(row.digest)));
                let replay = Replay::of(row, key, name, file, digest.clone());
                (Origins::Kept(digest), Task::Kept(Box::new(replay)))
            }
            None => {
                let recording = Rc::new(RefCell::new(Some(Recorder::new(world, key))));
                let mut task = of_text();
                if let Task::Source { recorder, .. } = &mut task {
                    *recorder = Some(recording.clone());
                }
                (Origins::Text(recording), task)
            }
        }
    }

    /// Let what takes down the file whose form this is, at home in SCOPE, do so.
    pub(super) fn take_down(&self, x: &Expander, scope: &Scope, what: impl FnOnce(&mut Recorder)) {
        let recording = self.stack.iter().rev().find_map(|task| match task {
            Task::Source { recorder, .. } => Some(recorder.clone()),
            Task::Kept(_) | Task::Loaded(..) => Some(None),
            Task::Form(..) | Task::Restore(_) => None,
        });
        let Some(Some(recording)) = recording else {
            return;
        };
        if let Some(recorder) = &mut *recording.borrow_mut() {
            match scope.module().same(&x.world.current.borrow()) {
                true => what(recorder),
                false => recorder.refuse(),
            }
        }
    }

    /// A name that a macro invents at top level: definitions with the same text
    /// are of one variable, as in Guile.
    pub(super) fn share_invented(&self, x: &Expander, scope: &Scope, id: Id, form: &Stx) {
        use std::hash::{DefaultHasher, Hash, Hasher};
        if !id.is_alias() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        let datum = form.datum(&mut value::list_value);
        crate::library::written(&datum).hash(&mut hasher);
        let shared = Id::named(&format!("{}-{:x}", id.name(), hasher.finish()));
        share(&scope.module(), id, shared);
        self.take_down(x, scope, |recorder| recorder.share(id, shared));
    }
}

/// ID, which a macro has invented, is SHARED in MODULE.
pub(super) fn share(module: &Module, id: Id, shared: Id) {
    let variable = module.variable(shared);
    if matches!(module.lookup_own(id), None | Some(Binding::Global(_))) {
        module.bind(id, Binding::Global(variable));
    }
}
