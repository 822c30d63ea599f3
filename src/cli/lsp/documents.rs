//! The texts: those that the editor has open, and the files of the workspace.
//!
//! What the editor has counts, whatever the disk says. A module is looked for on the load
//! path and in the folders of the workspace, then among the carried ones, and at last among
//! all files of the workspace whose path ends as the module is called.

use super::knowledge::Knowledge;
use crate::lsp::analysis::{Analysis, Meaning, analyse};
use crate::lsp::library::{Library, Name, Nature};
use crate::lsp::module::{Definition, Kind, Module};
use crate::lsp::text::Text;
use lsp_types::Uri;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;
use std::time::SystemTime;
use walkdir::WalkDir;

/// How many files of a workspace are looked at.
const FILES: usize = 20_000;

/// Among how many entries of folders they are looked for.
const ENTRIES: usize = 100_000;

/// How many bytes a file may have to be looked at.
const LARGEST: u64 = 16 << 20;

/// How many modules may stand between a name and where it is defined.
const HOPS: usize = 8;

/// From so many folders above a file it may be included.
const LEVELS: usize = 3;

/// A text that the editor has open.
pub struct Document {
    pub uri: Uri,
    pub path: Option<PathBuf>,
    pub text: Text,
    pub version: i32,
    analysis: RefCell<Option<(Rc<Module>, Rc<Analysis>)>>,
}

#[derive(Default)]
pub struct Documents {
    open: HashMap<String, Document>,
    /// Folders in which modules are looked for by their names.
    load_path: Vec<PathBuf>,
    /// Folders of the workspace.
    roots: Vec<PathBuf>,
    /// The Scheme files of the workspace; found when first asked for.
    files: RefCell<Option<Rc<Vec<PathBuf>>>>,
    /// What files say, as far as they were read.
    modules: RefCell<HashMap<PathBuf, (Stamp, Rc<Module>)>>,
    /// What the files right in a folder include, of folders that were asked for.
    included: RefCell<HashMap<PathBuf, Rc<HashSet<PathBuf>>>>,
    /// How many of the files were read so that they can be searched.
    indexed: Cell<usize>,
}

type Stamp = (Option<SystemTime>, u64);

impl Documents {
    pub fn new(load_path: Vec<PathBuf>) -> Documents {
        Documents {
            load_path,
            ..Documents::default()
        }
    }

    pub fn add_root(&mut self, root: PathBuf) {
        if !self.roots.contains(&root) {
            self.roots.push(root);
        }
        self.changed();
    }

    /// Files may have come or gone.
    pub fn changed(&mut self) {
        self.files.replace(None);
        self.included.replace(HashMap::new());
        self.indexed.set(0);
        self.forget_analyses();
    }

    /// What one text exports may change what others mean.
    fn forget_analyses(&self) {
        for document in self.open.values() {
            document.analysis.replace(None);
        }
    }

    pub fn open(&mut self, uri: Uri, text: String, version: i32) {
        let document = Document {
            path: path_of(&uri),
            text: Text::new(text),
            version,
            analysis: RefCell::default(),
            uri: uri.clone(),
        };
        self.open.insert(uri.as_str().to_owned(), document);
        self.forget_analyses();
    }

    /// Let CHANGE have the text of the document at URI, which has this VERSION then.
    pub fn change(&mut self, uri: &Uri, version: i32, change: impl FnOnce(&mut Text)) {
        if let Some(document) = self.open.get_mut(uri.as_str()) {
            change(&mut document.text);
            document.version = version;
            self.forget_analyses();
        }
    }

    pub fn close(&mut self, uri: &Uri) {
        self.open.remove(uri.as_str());
        self.forget_analyses();
    }

    pub fn get(&self, uri: &Uri) -> Option<&Document> {
        self.open.get(uri.as_str())
    }

    pub fn all_open(&self) -> impl Iterator<Item = &Document> {
        self.open.values()
    }

    fn open_at(&self, path: &Path) -> Option<&Document> {
        let at = |document: &&Document| document.path.as_deref() == Some(path);
        self.open.values().find(at)
    }

    /// The text of the file at PATH, as the editor has it or as the disk does.
    pub fn text(&self, path: &Path) -> Option<Text> {
        match self.open_at(path) {
            Some(document) => Some(document.text.clone()),
            None => read(path).map(Text::new),
        }
    }

    /// What the file at PATH says.
    pub fn module(&self, path: &Path) -> Option<Rc<Module>> {
        if let Some(document) = self.open_at(path) {
            return Some(match &*document.analysis.borrow() {
                Some((module, _)) => module.clone(),
                None => Rc::new(Module::of(document.text.as_str())),
            });
        }
        let metadata = std::fs::metadata(path).ok()?;
        let stamp = (metadata.modified().ok(), metadata.len());
        if let Some((known, module)) = self.modules.borrow().get(path)
            && *known == stamp
        {
            return Some(module.clone());
        }
        let module = Rc::new(Module::of(&read(path)?).in_short());
        let known = (stamp, module.clone());
        self.modules.borrow_mut().insert(path.to_owned(), known);
        Some(module)
    }

    /// Whether another file includes the one at PATH, which then is a part of that one's
    /// module and says neither its name nor what it imports.
    pub fn is_part(&self, path: &Path) -> bool {
        let folders = path.ancestors().skip(1).take(LEVELS);
        folders
            .map(|folder| self.included_from(folder))
            .any(|files| files.contains(path))
    }

    fn included_from(&self, folder: &Path) -> Rc<HashSet<PathBuf>> {
        if let Some(known) = self.included.borrow().get(folder) {
            return known.clone();
        }
        let mut found = HashSet::new();
        // A relative name's last ancestor is empty.
        let place = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let file = folder.join(&name);
            if !is_scheme(Path::new(&name)) || !file.is_file() {
                continue;
            }
            let module = self.module(&file);
            for name in module.iter().flat_map(|module| &module.includes) {
                found.insert(folder.join(name));
                let folders = self.load_path.iter().chain(&self.roots);
                found.extend(folders.map(|folder| folder.join(name)));
            }
        }
        let found = Rc::new(found);
        let mut included = self.included.borrow_mut();
        included.insert(folder.to_owned(), found.clone());
        found
    }

    /// The Scheme files of the workspace.
    pub fn files(&self) -> Rc<Vec<PathBuf>> {
        let mut files = self.files.borrow_mut();
        let found = files.get_or_insert_with(|| {
            let wanted = |entry: &walkdir::DirEntry| {
                let name = entry.file_name().as_bytes();
                entry.depth() == 0
                    || !(entry.file_type().is_dir()
                        && (name.starts_with(b".") || name == b"target" || name == b"node_modules"))
            };
            let entries = self.roots.iter().flat_map(|root| {
                let walk = WalkDir::new(root).sort_by_file_name().into_iter();
                walk.filter_entry(wanted).flatten().take(ENTRIES)
            });
            let scheme =
                entries.filter(|entry| entry.file_type().is_file() && is_scheme(entry.path()));
            Rc::new(
                scheme
                    .map(walkdir::DirEntry::into_path)
                    .take(FILES)
                    .collect(),
            )
        });
        found.clone()
    }

    /// The file of MODULE below a folder that is searched for modules.
    fn direct_file(&self, module: &[String]) -> Option<PathBuf> {
        let path = relative(module)?;
        let folders = self.load_path.iter().chain(&self.roots);
        folders
            .map(|folder| folder.join(&path))
            .find(|path| path.is_file())
    }

    /// The file of the workspace that says it is MODULE.
    pub fn file_of(&self, module: &[String]) -> Option<PathBuf> {
        self.direct_file(module).or_else(|| {
            let path = relative(module)?;
            let files = self.files();
            let named = |file: &&PathBuf| {
                file.ends_with(&path)
                    && self.module(file).is_some_and(|found| {
                        found.name.as_ref().is_some_and(|(name, _)| name == module)
                    })
            };
            files.iter().find(named).cloned()
        })
    }

    /// Read one more file of the workspace, so that it can be searched; whether there are
    /// more.
    pub fn index_one(&self) -> bool {
        let files = self.files();
        let Some(file) = files.get(self.indexed.get()) else {
            return false;
        };
        let _read = self.module(file);
        self.indexed.set(self.indexed.get() + 1);
        true
    }

    /// The modules of the workspace that export NAME, as far as they were read.
    fn exporters(&self, name: &str) -> Vec<Name> {
        let modules = self.modules.borrow();
        let exporting = modules.values().filter_map(|(_, module)| {
            let (own, _) = module.name.as_ref()?;
            let exports = module
                .exports
                .iter()
                .any(|export| &*export.external == name);
            exports.then(|| own.clone())
        });
        let mut names: Vec<Name> = exporting.collect();
        names.sort();
        names.dedup();
        names
    }
}

fn is_scheme(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ext| ext == "scm" || ext == "sls" || ext == "sld")
}

fn read(path: &Path) -> Option<String> {
    let small = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= LARGEST);
    let bytes = small.then(|| std::fs::read(path).ok()).flatten()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The path that MODULE has below a folder; nothing where a word of it would lead elsewhere.
fn relative(module: &[String]) -> Option<PathBuf> {
    let plain =
        |word: &String| !word.is_empty() && word != ".." && word != "." && !word.contains('/');
    module
        .iter()
        .all(plain)
        .then(|| PathBuf::from(format!("{}.scm", module.join("/"))))
}

/// The texts together with what is known of modules.
pub struct Analyst {
    knowledge: Knowledge,
    pub documents: Documents,
}

/// Where something is defined.
pub struct Origin {
    pub path: PathBuf,
    pub definition: Definition,
}

impl Analyst {
    pub fn new(knowledge: Knowledge, documents: Documents) -> Analyst {
        Analyst {
            knowledge,
            documents,
        }
    }

    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// What TEXT says, which is that of the file at PATH, and what is wrong with it.
    pub fn analyse(&self, text: &str, path: Option<&Path>) -> (Rc<Module>, Rc<Analysis>) {
        let mut module = Module::of(text);
        if module.name.is_none() && path.is_some_and(|path| self.documents.is_part(path)) {
            module.open = true;
        }
        let module = Rc::new(module);
        let analysis = analyse(&module, &self.view(path));
        (module, Rc::new(analysis))
    }

    /// The same of a text that is open.
    pub fn of_document(&self, document: &Document) -> (Rc<Module>, Rc<Analysis>) {
        if let Some(known) = &*document.analysis.borrow() {
            return known.clone();
        }
        let made = self.analyse(document.text.as_str(), document.path.as_deref());
        document.analysis.replace(Some(made.clone()));
        made
    }

    /// What the text at PATH sees.
    pub fn view(&self, path: Option<&Path>) -> View<'_> {
        View {
            analyst: self,
            of_language: path.is_some_and(is_of_language),
        }
    }

    /// Whether the module is looked for in the workspace before the carried ones are.
    fn shadows(&self, module: &[String]) -> Option<PathBuf> {
        self.documents
            .direct_file(module)
            .filter(|path| !is_of_language(path))
    }

    /// What the text of MODULE says, where that is not a carried one.
    fn text_module(&self, module: &[String]) -> Option<Rc<Module>> {
        if let Some(path) = self.shadows(module) {
            return self.documents.module(&path);
        }
        if self.knowledge.carries(module) {
            return None;
        }
        self.documents.module(&self.documents.file_of(module)?)
    }

    /// Where what MODULE exports as NAME is defined in the workspace.
    pub fn origin(&self, module: &[String], name: &str) -> Option<Origin> {
        let (mut module, mut name) = (module.to_vec(), Rc::<str>::from(name));
        for _ in 0..HOPS {
            let path = self.documents.file_of(&module)?;
            let text = self.documents.module(&path)?;
            if let Some(definition) = text.exported(&name) {
                let definition = definition.clone();
                return Some(Origin { path, definition });
            }
            (module, name) = self.exported_again(&text, &name)?;
        }
        None
    }

    /// From where MODULE has what it exports as NAME.
    fn exported_again(&self, module: &Module, name: &str) -> Option<(Name, Rc<str>)> {
        let export = module
            .exports
            .iter()
            .find(|export| &*export.external == name)?;
        let view = self.view(None);
        module.imports.iter().rev().find_map(|import| {
            let exports = view.exports(&import.module)?;
            let original = exports
                .iter()
                .find(|name| import.seen_as(name).as_ref() == Some(&export.internal))?;
            Some((import.module.clone(), original.clone()))
        })
    }

    /// The nature of what MODULE exports as NAME.
    fn nature(&self, module: &[String], name: &str, hops: usize) -> Nature {
        let Some(text) = self.text_module(module) else {
            return match self.knowledge.carries(module) {
                true => self.knowledge.nature(module, name),
                false => Nature::Unknown,
            };
        };
        match text.exported(name) {
            Some(definition) => {
                let same = |other: &&Definition| other.name == definition.name;
                let settled = text.definitions.iter().filter(same).count() == 1
                    && !text.assigned.contains(&definition.name);
                match definition.kind {
                    Kind::Procedure(Some(arity)) if settled => Nature::Procedure(arity),
                    Kind::Macro { rules } => Nature::Macro {
                        carried: false,
                        rules,
                    },
                    _ => Nature::Variable,
                }
            }
            None if hops > 0 => match self.exported_again(&text, name) {
                Some((module, name)) => self.nature(&module, &name, hops - 1),
                None => Nature::Unknown,
            },
            None => Nature::Unknown,
        }
    }
}

/// What the analysis of one text may know.
pub struct View<'a> {
    analyst: &'a Analyst,
    /// It is a text of the language itself.
    of_language: bool,
}

impl Library for View<'_> {
    fn exports(&self, module: &[String]) -> Option<Rc<HashSet<Rc<str>>>> {
        let Some(text) = self.analyst.text_module(module) else {
            return self.analyst.knowledge.exports(module);
        };
        let more = |word: &str| word.contains("public") || word.contains("export");
        let all = text.trouble.is_none()
            && text.name.is_some()
            && !text.is_other
            && !text.exports_more
            && !text.words.iter().any(|word| more(word));
        all.then(|| {
            Rc::new(
                text.exports
                    .iter()
                    .map(|export| export.external.clone())
                    .collect(),
            )
        })
    }

    fn is_there(&self, module: &[String]) -> bool {
        self.analyst.knowledge.carries(module) || self.analyst.documents.file_of(module).is_some()
    }

    fn given(&self, program: bool) -> Rc<HashSet<Rc<str>>> {
        let knowledge = &self.analyst.knowledge;
        match (self.of_language, program) {
            (true, _) => knowledge.of_language(),
            (false, true) => knowledge.of_programs(),
            (false, false) => knowledge.exports(&["guile".to_owned()]).unwrap_or_default(),
        }
    }

    fn nature(&self, module: &[String], name: &str) -> Nature {
        if module.is_empty() && self.of_language {
            return self.analyst.knowledge.nature(&["guile".to_owned()], name);
        }
        if module.is_empty() {
            return self.analyst.knowledge.nature(module, name);
        }
        self.analyst.nature(module, name, HOPS)
    }

    fn exporters(&self, name: &str) -> Vec<Name> {
        let mut modules = self.analyst.knowledge.exporters(name);
        modules.retain(|module| self.analyst.shadows(module).is_none());
        let mut own = self.analyst.documents.exporters(name);
        own.retain(|module| !modules.contains(module) && !self.analyst.knowledge.carries(module));
        own.extend(modules);
        own
    }
}

/// Whether the file at PATH is one of those that the language is made of.
fn is_of_language(path: &Path) -> bool {
    let parts: Vec<&OsStr> = path.iter().collect();
    let Some(at) = parts
        .windows(2)
        .position(|pair| pair[0] == "scheme" && pair[1] == "guile")
    else {
        return false;
    };
    let relative: PathBuf = parts[at + 1..].iter().collect();
    let Some(relative) = relative.to_str() else {
        return false;
    };
    let files = crate::guile::modules();
    files
        .binary_search_by(|(name, _)| (*name).cmp(relative))
        .is_ok()
}

/// The path that URI names, if it names a file; its bytes need not be UTF-8.
pub fn path_of(uri: &Uri) -> Option<PathBuf> {
    let is_file = uri.scheme()?.as_str().eq_ignore_ascii_case("file");
    let bytes = uri.path().as_estr().decode().into_bytes().into_owned();
    (is_file && bytes.starts_with(b"/")).then(|| PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

/// The URI of the file at PATH.
pub fn uri_of(path: &Path) -> Option<Uri> {
    let mut uri = String::from("file://");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(*byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    Uri::from_str(&uri).ok()
}

/// Whether two occurrences mean the same thing, each in the module that is named beside it.
pub fn is_same(one: (&Meaning, Option<&Name>), name: &str, target: (&Name, &str)) -> bool {
    let (module, wanted) = target;
    match one {
        (Meaning::Own, Some(own)) => own == module && name == wanted,
        (Meaning::Imported(from, original), _) => **from == *module && &**original == wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_uris_name_each_other() {
        for bytes in [
            &b"/a/b.scm"[..],
            b"/a b/\xff\xc3\xa9#?.scm",
            "/λ/%41".as_bytes(),
        ] {
            let path = PathBuf::from(OsStr::from_bytes(bytes));
            assert_eq!(path_of(&uri_of(&path).unwrap()), Some(path));
        }
        for uri in ["untitled:one", "file://%zz", "file:///a%4"] {
            assert_eq!(Uri::from_str(uri).ok().and_then(|uri| path_of(&uri)), None);
        }
        let uri = Uri::from_str("file://localhost/a%20b").unwrap();
        assert_eq!(path_of(&uri), Some(PathBuf::from("/a b")));
    }

    #[test]
    fn no_module_is_looked_for_outside_of_the_folders() {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            relative(&words(&["a", "b"])),
            Some(PathBuf::from("a/b.scm"))
        );
        assert_eq!(relative(&words(&["..", "b"])), None);
        assert_eq!(relative(&words(&["/etc/passwd"])), None);
    }
}
