//! A store's items and what they refer to.
//!
//! An item lists what it refers to in `.references`. How that file is written
//! is not published, so every store path in it counts, whatever stands
//! around. An item without one refers to what its links lead to.

use super::StoreError;
use super::path::{STORE_DIRECTORY, StorePath};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use walkdir::WalkDir;

/// The store below a directory that stands for `/`. Items are known by their
/// base names, `<hash>-<name>`.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
    /// What each item refers to, when that was told and is not read.
    told: Option<BTreeMap<String, BTreeSet<String>>>,
}

/// How one closure differs from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// Items of the same name and another hash, as (before, after).
    pub changed: Vec<(String, String)>,
}

impl Store {
    /// The store of the system whose `/` is ROOT.
    pub fn below(root: &Path) -> Store {
        let mut directory = root.as_os_str().to_owned();
        if root == Path::new("/") {
            directory.clear();
        }
        directory.push(STORE_DIRECTORY);
        Store {
            directory: directory.into(),
            told: None,
        }
    }

    /// The store that TEXT, from ORIGIN, tells of: a line with a store path is an
    /// item, and the indented lines after it hold what it refers to.
    pub fn told(text: &str, origin: &str) -> Store {
        let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut item = None;
        for line in text.lines() {
            let mut found = BTreeSet::new();
            collect(line.as_bytes(), &mut found);
            if line.starts_with([' ', '\t']) {
                if let Some(references) = item.as_ref().and_then(|item| told.get_mut(item)) {
                    references.extend(found);
                }
            } else {
                item = found.pop_first();
                if let Some(item) = &item {
                    told.entry(item.clone()).or_default();
                }
            }
        }
        Store {
            directory: origin.into(),
            told: Some(told),
        }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where ITEM can be read now.
    pub fn place(&self, item: &str) -> PathBuf {
        self.directory.join(item)
    }

    /// The items, sorted; what has no name of an item is none.
    pub fn items(&self) -> Result<Vec<String>, StoreError> {
        if let Some(told) = &self.told {
            return Ok(told.keys().cloned().collect());
        }
        let fail = |error: io::Error| StoreError::io("read", &self.directory, error);
        let mut items = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name();
            if let Some(name) = name.to_str()
                && StorePath::from_base(name).is_ok()
            {
                items.push(name.to_owned());
            }
        }
        items.sort();
        Ok(items)
    }

    /// The item that TEXT names: a store path, a base name, or an
    /// unambiguous beginning of one's hash.
    pub fn find(&self, text: &str) -> Result<String, StoreError> {
        // The store may lie below a directory that stands for `/`.
        let start = text.find("/frx/store/").unwrap_or(0);
        let base = match StorePath::from_str(&text[start..]) {
            Ok(path) => path.base(),
            Err(_) => text.to_owned(),
        };
        if StorePath::from_base(&base).is_ok() && self.has(&base) {
            return Ok(base);
        }
        let digits =
            |text: &str| text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !digits(&base) {
            return Err(self.missing(text));
        }
        let mut found = self
            .items()?
            .into_iter()
            .filter(|item| item.starts_with(&base));
        match (found.next(), found.next()) {
            (Some(item), None) => Ok(item),
            _ => Err(self.missing(text)),
        }
    }

    fn has(&self, item: &str) -> bool {
        match &self.told {
            Some(told) => told.contains_key(item),
            None => fs::symlink_metadata(self.place(item)).is_ok(),
        }
    }

    /// What ITEM refers to, sorted, without itself.
    pub fn references(&self, item: &str) -> Result<Vec<String>, StoreError> {
        let mut found = match &self.told {
            None => self.read_references(item)?,
            Some(told) => told.get(item).cloned().ok_or_else(|| self.missing(item))?,
        };
        found.remove(item);
        Ok(found.into_iter().collect())
    }

    fn missing(&self, item: &str) -> StoreError {
        StoreError::NoSuchItem {
            item: item.to_owned(),
            store: self.directory.clone(),
        }
    }

    fn read_references(&self, item: &str) -> Result<BTreeSet<String>, StoreError> {
        let place = self.place(item);
        let listed = place.join(".references");
        let mut found = BTreeSet::new();
        match fs::read(&listed) {
            Ok(bytes) => collect(&bytes, &mut found),
            Err(error) if absent(&error) => {
                if fs::symlink_metadata(&place).is_err() {
                    return Err(self.missing(item));
                }
                for entry in WalkDir::new(&place) {
                    let entry = entry.map_err(|error| {
                        let path = error.path().unwrap_or(&place).to_owned();
                        StoreError::io("read", path, error.into())
                    })?;
                    if entry.path_is_symlink()
                        && let Ok(target) = fs::read_link(entry.path())
                    {
                        collect(target.as_os_str().as_bytes(), &mut found);
                    }
                }
            }
            Err(error) => return Err(StoreError::io("read", listed, error)),
        }
        Ok(found)
    }

    /// ITEM and everything it leads to, sorted. What is referred to but not in
    /// the store is part of it: a closure with a hole shows the hole.
    pub fn closure(&self, item: &str) -> Result<Vec<String>, StoreError> {
        Ok(self.reach(item)?.into_keys().collect())
    }

    /// Items that refer to ITEM directly, sorted.
    pub fn referrers(&self, item: &str) -> Result<Vec<String>, StoreError> {
        let mut referrers = Vec::new();
        for other in self.items()? {
            if self
                .references(&other)?
                .iter()
                .any(|reference| reference == item)
            {
                referrers.push(other);
            }
        }
        Ok(referrers)
    }

    /// A shortest chain of references from ITEM to OTHER, both included.
    pub fn why(&self, item: &str, other: &str) -> Result<Option<Vec<String>>, StoreError> {
        let came_from = self.reach(item)?;
        if !came_from.contains_key(other) {
            return Ok(None);
        }
        let mut chain = vec![other.to_owned()];
        let mut here = other;
        while let Some(Some(before)) = came_from.get(here) {
            chain.push(before.clone());
            here = before;
        }
        chain.reverse();
        Ok(Some(chain))
    }

    /// How the closure of AFTER differs from that of BEFORE.
    pub fn changes(&self, before: &str, after: &str) -> Result<Changes, StoreError> {
        let before: BTreeSet<String> = self.closure(before)?.into_iter().collect();
        let after: BTreeSet<String> = self.closure(after)?.into_iter().collect();
        let package = |item: &str| {
            StorePath::from_base(item)
                .map_or_else(|_| item.to_owned(), |path| path.package().to_owned())
        };
        let mut gone: BTreeMap<String, VecDeque<String>> = BTreeMap::new();
        for item in before.difference(&after) {
            gone.entry(package(item))
                .or_default()
                .push_back(item.clone());
        }
        let mut changes = Changes::default();
        for item in after.difference(&before) {
            match gone.get_mut(&package(item)).and_then(VecDeque::pop_front) {
                Some(old) => changes.changed.push((old, item.clone())),
                None => changes.added.push(item.clone()),
            }
        }
        changes.removed = gone.into_values().flatten().collect();
        changes.removed.sort();
        Ok(changes)
    }

    /// Everything reached from ITEM, with the item through which it was first reached.
    fn reach(&self, item: &str) -> Result<BTreeMap<String, Option<String>>, StoreError> {
        let mut came_from: HashMap<String, Option<String>> =
            HashMap::from([(item.to_owned(), None)]);
        let mut pending = VecDeque::from([item.to_owned()]);
        while let Some(here) = pending.pop_front() {
            let references = match self.references(&here) {
                Ok(references) => references,
                Err(StoreError::NoSuchItem { .. }) if here != item => continue,
                Err(error) => return Err(error),
            };
            for reference in references {
                if !came_from.contains_key(&reference) {
                    came_from.insert(reference.clone(), Some(here.clone()));
                    pending.push_back(reference);
                }
            }
        }
        Ok(came_from.into_iter().collect())
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The base name of every item whose path is in BYTES.
fn collect(bytes: &[u8], found: &mut BTreeSet<String>) {
    let text = String::from_utf8_lossy(bytes);
    for (index, start) in text.match_indices("/frx/store/") {
        let rest = &text[index + start.len()..];
        let end = rest.find(|character: char| {
            !(character.is_ascii_alphanumeric() || "+-._?=".contains(character))
        });
        let base = &rest[..end.unwrap_or(rest.len())];
        if StorePath::from_base(base).is_ok() {
            found.insert(base.to_owned());
        }
    }
}
