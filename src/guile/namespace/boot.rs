//! `scheme/guile/boot`: the part of module `(guile)` that is written in Scheme.
//!
//! A definition is read and compiled when a program first refers to its name.
//! Where each begins is known beforehand: the build writes it down.

use crate::carried;
use crate::data::native::Raise;
use crate::namespace::boot_index;
use crate::read::builder::SyntaxBuilder;
use crate::read::errors::read_error;
use crate::read::reader::Reader;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::source;
use crate::syntax::stx::Stx;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The texts and where their definitions begin; a definition's number is its
/// place in the order of names.
pub struct Boot {
    /// The texts of a checkout, as (path, text); those of the binary otherwise.
    own: Option<Vec<(String, String)>>,
    definitions: Cow<'static, [Definition]>,
}

/// One definition.
#[derive(Clone)]
pub struct Definition {
    pub name: Cow<'static, str>,
    /// Which text it is in.
    pub file: u32,
    /// Where in that text it begins, in bytes.
    pub start: u32,
    /// Whether it defines a macro.
    pub keyword: bool,
}

/// What the build has found in the texts that the binary carries, sorted by name.
static CARRIED: &[Definition] = include!(concat!(env!("OUT_DIR"), "/boot.rs"));

impl Boot {
    /// The definitions of the binary, or those of a checkout's `scheme/`.
    pub fn new(scheme_directory: Option<&Path>) -> Boot {
        let Some(directory) = scheme_directory else {
            return Boot {
                own: None,
                definitions: Cow::Borrowed(CARRIED),
            };
        };
        let mut paths: Vec<PathBuf> = std::fs::read_dir(directory.join("guile/boot"))
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        paths.sort();
        let own: Vec<(String, String)> = paths
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "scm"))
            .filter_map(|path| {
                let text = std::fs::read_to_string(&path).ok()?;
                Some((path.display().to_string(), text))
            })
            .collect();
        let mut definitions: Vec<Definition> = (0_u32..)
            .zip(&own)
            .flat_map(|(file, (_, text))| {
                boot_index::definitions(text).map(move |found| Definition {
                    name: Cow::Owned(found.name.to_owned()),
                    file,
                    start: found.start as u32,
                    keyword: found.keyword,
                })
            })
            .collect();
        definitions.sort_by(|a, b| a.name.cmp(&b.name));
        Boot {
            own: Some(own),
            definitions: definitions.into(),
        }
    }

    /// The names that are defined, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions
            .iter()
            .map(|definition| definition.name.as_ref())
    }

    /// The number of the definition of NAME, and whether it is a macro's.
    pub fn find(&self, name: &str) -> Option<(usize, bool)> {
        let number = self
            .definitions
            .binary_search_by(|definition| definition.name.as_ref().cmp(name))
            .ok()?;
        Some((number, self.definitions[number].keyword))
    }

    fn text(&self, file: u32) -> (&str, &str) {
        match &self.own {
            Some(texts) => {
                let (path, text) = &texts[file as usize];
                (path, text)
            }
            None => carried::SCHEME[file as usize],
        }
    }

    /// The number and the text of the source NAME, whose text is TEXT.
    fn source(name: &str, text: &str) -> (u32, Rc<str>) {
        thread_local! {
            static SOURCES: RefCell<HashMap<String, (u32, Rc<str>)>> = RefCell::default();
        }
        SOURCES.with(|sources| {
            sources
                .borrow_mut()
                .entry(name.to_owned())
                .or_insert_with(|| {
                    let text: Rc<str> = text.into();
                    (source::add(name, text.clone()), text)
                })
                .clone()
        })
    }

    /// The number of the source called NAME, when it is one of these texts.
    pub fn source_called(&self, name: &str) -> Option<u32> {
        let text = match &self.own {
            Some(texts) => &texts.iter().find(|(path, _)| path == name)?.1,
            None => carried::scheme(name)?,
        };
        Some(Boot::source(name, text).0)
    }

    /// The form of definition NUMBER.
    pub fn form(&self, number: usize) -> Result<Stx> {
        let definition = &self.definitions[number];
        let (name, text) = self.text(definition.file);
        let (source, text) = Boot::source(name, text);
        let mut reader = Reader::at(&text, source, definition.start as usize);
        match reader.read(&mut SyntaxBuilder::default()) {
            Ok(Some(form)) => Ok(form),
            Ok(None) => Err(Trouble::Raise(Raise::Failure(failure::Failure::internal(
                format!("{name} ends in a definition"),
            )))),
            Err(error) => Err(Trouble::Raise(read_error(&error))),
        }
    }

    /// The documentation string of definition NUMBER.
    pub fn documentation(&self, number: usize) -> Option<String> {
        self.form(number).ok()?.as_list()?.get(2)?.as_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_checkout_defines_is_what_the_binary_carries() {
        let scheme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scheme");
        let checkout = Boot::new(Some(&scheme));
        let carried = Boot::new(None);
        assert!(carried.names().eq(checkout.names()));
        let (number, keyword) = carried.find("false-if-exception").expect("it is in boot");
        assert!(keyword);
        assert_eq!(checkout.find("false-if-exception"), Some((number, true)));
        assert!(carried.form(number).is_ok() && checkout.form(number).is_ok());
    }

    #[test]
    fn no_name_is_defined_twice() {
        let boot = Boot::new(None);
        let names: Vec<&str> = boot.names().collect();
        let twice: Vec<&str> = names
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
            .collect();
        assert!(twice.is_empty(), "defined twice in boot: {twice:?}");
    }
}
