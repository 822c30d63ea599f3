//! What the modules that the binary carries export.
//!
//! Which modules have a name is read from their texts; what a name is, and how many
//! arguments a procedure takes, is asked of the module itself, in an interpreter that has
//! no load path and so never loads a program's module.

use crate::cli::arguments::CommandLine;
use crate::cli::interpreter;
use crate::cli::settings::Environment;
use crate::embedded;
use crate::failure::Failure;
use crate::guile::interpreter::Interpreter;
use crate::guile::value::{Value, list_value, string_value, strings};
use crate::lsp::formals::Arity;
use crate::lsp::library::{Name, Nature};
use crate::lsp::module::{Kind, Module};
use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

const EDITOR: [&str; 2] = ["fruix", "editor"];

type Names = Rc<HashSet<Rc<str>>>;

/// What there is to say about a name.
#[derive(Clone, Debug)]
pub struct Said {
    /// How it is written.
    pub call: String,
    pub kind: String,
    pub text: String,
}

pub struct Knowledge {
    interpreter: RefCell<Interpreter>,
    exports: RefCell<HashMap<Name, Option<Names>>>,
    natures: RefCell<HashMap<(Name, Rc<str>), Nature>>,
    texts: OnceCell<Texts>,
    program: OnceCell<Names>,
    language: OnceCell<Names>,
}

/// What the texts of the carried modules tell.
struct Texts {
    /// Which modules export a name.
    exporters: HashMap<Rc<str>, Vec<Name>>,
    /// Procedures whose arities the texts of `(guile)` do not tell as one.
    clauses_of_guile: HashSet<Rc<str>>,
    /// The same of the texts of other modules.
    clauses: HashSet<Rc<str>>,
}

impl Knowledge {
    pub fn new(line: &CommandLine, environment: &Environment) -> Result<Knowledge, Failure> {
        // Programs' modules are read, so none of them is to be found.
        let mut line = line.clone();
        line.program.load_path.clear();
        let environment = environment.without(&["FRUIX_SCM_LOAD_PATH", "GUILE_LOAD_PATH"]);
        let interpreter = interpreter::make(&line, &environment, vec!["fruix-scm".to_owned()])?;
        Ok(Knowledge {
            interpreter: RefCell::new(interpreter),
            exports: RefCell::default(),
            natures: RefCell::default(),
            texts: OnceCell::new(),
            program: OnceCell::new(),
            language: OnceCell::new(),
        })
    }

    /// What PROCEDURE of (fruix editor) says of MODULE and what MORE names: nothing where it
    /// says #f, or fails.
    fn ask(&self, procedure: &str, module: &[String], more: Option<&str>) -> Option<Vec<String>> {
        let words = module.iter().map(|word| string_value(word.clone()));
        let mut arguments = vec![list_value(words.collect())];
        arguments.extend(more.map(string_value));
        let answer = self
            .interpreter
            .borrow_mut()
            .call(&EDITOR, procedure, arguments);
        match answer {
            Ok(Value::BoolV(false)) | Err(_) => None,
            Ok(value) => strings(procedure, &[value], 1).ok(),
        }
    }

    /// Whether the binary carries MODULE.
    pub fn carries(&self, module: &[String]) -> bool {
        carried_text(module).is_some()
            || matches!(module, [first, second, _] if first == "fruix" && second == "native")
            || matches!(module, [first, ..] if first == "guile" || first == "guile-user")
    }

    pub fn exports(&self, module: &[String]) -> Option<Names> {
        if let Some(known) = self.exports.borrow().get(module) {
            return known.clone();
        }
        let names = self
            .carries(module)
            .then(|| self.ask("editor-exports", module, None))
            .flatten()
            .map(|names| {
                Rc::new(
                    names
                        .into_iter()
                        .map(Rc::from)
                        .collect::<HashSet<Rc<str>>>(),
                )
            });
        self.exports
            .borrow_mut()
            .insert(module.to_vec(), names.clone());
        names
    }

    /// The names that a program sees which imports nothing.
    pub fn of_programs(&self) -> Names {
        let names = self.program.get_or_init(|| {
            let interpreter = self.interpreter.borrow();
            let names = ["", "%"]
                .into_iter()
                .flat_map(|start| interpreter.completions(start));
            Rc::new(names.map(Rc::from).collect())
        });
        names.clone()
    }

    /// The names that the language's own modules see.
    pub fn of_language(&self) -> Names {
        let names = self.language.get_or_init(|| {
            let names = self.interpreter.borrow().language_names();
            Rc::new(names.into_iter().map(Rc::from).collect())
        });
        names.clone()
    }

    pub fn nature(&self, module: &[String], name: &str) -> Nature {
        let key = (module.to_vec(), Rc::from(name));
        if let Some(known) = self.natures.borrow().get(&key) {
            return known.clone();
        }
        let said = self
            .ask("editor-nature", module, Some(name))
            .unwrap_or_default();
        let words: Vec<&str> = said.iter().map(String::as_str).collect();
        let nature = match words[..] {
            ["procedure", required, most] => match required.parse() {
                Ok(required) if !self.texts().has_clauses(module, name) => {
                    Nature::Procedure(Arity {
                        required,
                        most: most.parse().ok(),
                    })
                }
                _ => Nature::Variable,
            },
            // Those that put names together are called so.
            ["macro"] => Nature::Macro {
                carried: true,
                rules: !name.starts_with("def"),
            },
            ["variable"] => Nature::Variable,
            _ => Nature::Unknown,
        };
        self.natures.borrow_mut().insert(key, nature.clone());
        nature
    }

    /// The carried modules that export NAME, the most usual first.
    pub fn exporters(&self, name: &str) -> Vec<Name> {
        self.texts()
            .exporters
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    /// Every name that a carried module exports, with the modules.
    pub fn all_exports(&self) -> &HashMap<Rc<str>, Vec<Name>> {
        &self.texts().exporters
    }

    pub fn documentation(&self, module: &[String], name: &str) -> Option<Said> {
        let said = self.ask("editor-documentation", module, Some(name))?;
        let [call, kind, text] = <[String; 3]>::try_from(said).ok()?;
        Some(Said { call, kind, text })
    }

    fn texts(&self) -> &Texts {
        self.texts.get_or_init(Texts::read)
    }
}

impl Texts {
    fn read() -> Texts {
        let mut exporters: HashMap<Rc<str>, Vec<Name>> = HashMap::new();
        let (mut clauses_of_guile, mut clauses) = (HashSet::new(), HashSet::new());
        for (path, text) in carried_files() {
            let module = Module::of(text);
            let clauses = match path.starts_with("guile/boot/") {
                true => &mut clauses_of_guile,
                false => &mut clauses,
            };
            for definition in &module.definitions {
                if definition.kind == Kind::Procedure(None) {
                    clauses.insert(definition.name.clone());
                }
            }
            // Macros that define several make what they like of the names.
            for used in module
                .uses
                .iter()
                .filter(|used| used.word.starts_with("def"))
            {
                for operand in used.form.as_list().unwrap_or_default().iter().skip(1) {
                    clauses.extend(operand.as_symbol().or_else(|| operand.head()).cloned());
                }
            }
            let Some((name, _)) = &module.name else {
                continue;
            };
            if path.starts_with("harness/") {
                continue;
            }
            for export in &module.exports {
                let known = exporters.entry(export.external.clone()).or_default();
                if !known.contains(name) {
                    known.push(name.clone());
                }
            }
        }
        for modules in exporters.values_mut() {
            modules.sort_by_key(|module| (rank(module), module.len(), module.clone()));
        }
        Texts {
            exporters,
            clauses_of_guile,
            clauses,
        }
    }

    /// Whether the procedure that MODULE exports as NAME may take other numbers of arguments
    /// than it says: only the first of several clauses does.
    fn has_clauses(&self, module: &[String], name: &str) -> bool {
        match module.first().is_none_or(|first| first == "guile") {
            true => self.clauses_of_guile.contains(name),
            false => self.clauses.contains(name),
        }
    }
}

/// How usual it is to import MODULE; the least is the most.
fn rank(module: &[String]) -> usize {
    const USUAL: [&str; 8] = [
        "fruix", "ice-9", "srfi", "web", "sxml", "oop", "system", "scheme",
    ];
    let first = module.first().map_or("", String::as_str);
    USUAL
        .iter()
        .position(|usual| *usual == first)
        .unwrap_or(USUAL.len())
}

fn carried_files() -> impl Iterator<Item = (&'static str, &'static str)> {
    let language = crate::guile::modules().iter();
    language
        .chain(embedded::SCHEME)
        .map(|(path, text)| (*path, *text))
}

/// The text of MODULE, where the binary carries it.
pub fn carried_text(module: &[String]) -> Option<&'static str> {
    let path = format!("{}.scm", module.join("/"));
    embedded::scheme(&path).or_else(|| {
        let path = format!("guile/{path}");
        let files = crate::guile::modules();
        let index = files
            .binary_search_by(|(name, _)| (*name).cmp(&path))
            .ok()?;
        Some(files[index].1)
    })
}

/// The names of all carried modules.
pub fn carried_modules() -> impl Iterator<Item = Name> {
    carried_files().filter_map(|(path, _)| {
        let path = path.strip_suffix(".scm")?;
        let path = path.strip_prefix("guile/").unwrap_or(path);
        (!path.starts_with("boot/") && !path.starts_with("harness/"))
            .then(|| path.split('/').map(str::to_owned).collect())
    })
}
