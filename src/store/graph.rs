//! A store's items and what they refer to.
//!
//! An item lists what it refers to in `.references`. How that file is written
//! is not published, so every store path in it counts, whatever stands
//! around. An item without one refers to what its links lead to, relative ones
//! included; an item that is itself a link refers to where that leads. Links are
//! read as text and never followed: the store may lie below a directory that
//! stands for `/`, where they lead elsewhere than on this machine.

use super::StoreError;
use super::path::{STORE_DIRECTORY, StorePath};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fs;
use std::io;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use walkdir::WalkDir;

/// The store below a directory that stands for `/`. Items are known by their
/// base names, `<hash>-<name>`.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
    /// What each item refers to, when that was told and is not read.
    told: Option<BTreeMap<String, BTreeSet<String>>>,
    /// The items, once they have been listed.
    listed: OnceCell<Vec<String>>,
}

/// Items that refer to one, and those of which that cannot be told.
#[derive(Debug, Default)]
pub struct Referrers {
    pub items: Vec<String>,
    pub unread: Vec<(String, StoreError)>,
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
            listed: OnceCell::new(),
        }
    }

    /// The store that TEXT, from ORIGIN, tells of: a line with a store path is an
    /// item, and the indented lines after it hold what it refers to.
    pub fn told(text: &str, origin: &str) -> Store {
        let is_below = |line: &&str| line.starts_with([' ', '\t']);
        let items = text.lines().filter(|line| !is_below(line));
        let items: BTreeSet<&str> = items
            .filter_map(|line| Some(line.trim_end().rsplit_once("/frx/store/")?.1))
            .filter(|base| StorePath::from_base(base).is_ok())
            .collect();
        let known = Known(&items);
        let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut item = None;
        for line in text.lines() {
            let mut found = BTreeSet::new();
            let place = Path::new(line.trim());
            match place.starts_with(STORE_DIRECTORY) && line.contains("/./") {
                // Where a relative link of an item leads.
                true => known.collect(plain(place).as_os_str().as_bytes(), &mut found),
                false => known.collect(line.as_bytes(), &mut found),
            }
            if is_below(&line) {
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
            listed: OnceCell::new(),
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
        if let Some(listed) = self.listed.get() {
            return Ok(listed.clone());
        }
        let items = self.list()?;
        Ok(self.listed.get_or_init(|| items).clone())
    }

    fn list(&self) -> Result<Vec<String>, StoreError> {
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
        let base = base.to_ascii_lowercase();
        let mut found = self.items()?;
        found.retain(|item| item.starts_with(&base));
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(self.missing(text)),
            _ => Err(StoreError::Ambiguous {
                text: text.to_owned(),
                items: found,
            }),
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
        let items = self.items().unwrap_or_default();
        let items: BTreeSet<&str> = items.iter().map(String::as_str).collect();
        self.read_references_among(item, &place, &Known(&items))
    }

    fn read_references_among(
        &self,
        item: &str,
        place: &Path,
        known: &Known,
    ) -> Result<BTreeSet<String>, StoreError> {
        let fail = |path: &Path, error| StoreError::io("read", path, error);
        let mut found = BTreeSet::new();
        match fs::symlink_metadata(place) {
            Ok(metadata) if metadata.is_symlink() => {
                let target = fs::read_link(place).map_err(|error| fail(place, error))?;
                self.collect_target(place, &target, known, &mut found);
                return Ok(found);
            }
            Ok(_) => {}
            Err(error) if absent(&error) => return Err(self.missing(item)),
            Err(error) => return Err(fail(place, error)),
        }
        let listed = place.join(".references");
        // Only a file lists; a FIFO of that name would be waited for.
        if fs::symlink_metadata(&listed).is_ok_and(|metadata| metadata.is_file()) {
            let bytes = fs::read(&listed).map_err(|error| fail(&listed, error))?;
            known.collect(&bytes, &mut found);
            return Ok(found);
        }
        for entry in WalkDir::new(place) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(place).to_owned();
                StoreError::io("read", path, error.into())
            })?;
            if entry.path_is_symlink()
                && let Ok(target) = fs::read_link(entry.path())
            {
                self.collect_target(entry.path(), &target, known, &mut found);
            }
        }
        Ok(found)
    }

    /// Add the items in which the link at PLACE leads by TARGET.
    fn collect_target(
        &self,
        place: &Path,
        target: &Path,
        known: &Known,
        found: &mut BTreeSet<String>,
    ) {
        if target.is_absolute() {
            known.collect(plain(target).as_os_str().as_bytes(), found);
            return;
        }
        let whole = plain(&place.parent().unwrap_or(place).join(target));
        if let Ok(below) = whole.strip_prefix(plain(&self.directory)) {
            let named = Path::new(STORE_DIRECTORY).join(below);
            known.collect(named.as_os_str().as_bytes(), found);
        }
    }

    /// ITEM and everything it leads to, sorted. What is referred to but not in
    /// the store is part of it: a closure with a hole shows the hole.
    pub fn closure(&self, item: &str) -> Result<Vec<String>, StoreError> {
        Ok(self.reach(item)?.into_keys().collect())
    }

    /// Items that refer to ITEM directly, sorted.
    pub fn referrers(&self, item: &str) -> Result<Referrers, StoreError> {
        let mut referrers = Referrers::default();
        let items = self.items()?;
        let names: BTreeSet<&str> = items.iter().map(String::as_str).collect();
        let known = Known(&names);
        for other in &items {
            match self.references_among(other, &known) {
                Ok(references) if other != item && references.contains(item) => {
                    referrers.items.push(other.clone());
                }
                Ok(_) => {}
                Err(error) => referrers.unread.push((other.clone(), error)),
            }
        }
        Ok(referrers)
    }

    /// What each item refers to, without itself, or why that cannot be told.
    pub fn all_references(
        &self,
    ) -> Result<Vec<(String, Result<Vec<String>, StoreError>)>, StoreError> {
        let items = self.items()?;
        let names: BTreeSet<&str> = items.iter().map(String::as_str).collect();
        let known = Known(&names);
        let references = items.iter().map(|item| {
            let found = self.references_among(item, &known).map(|mut found| {
                found.remove(item);
                found.into_iter().collect()
            });
            (item.clone(), found)
        });
        Ok(references.collect())
    }

    /// Items that none of ROOTS leads to, sorted.
    ///
    /// An item that is reached and cannot be read is an error: nobody knows what it
    /// leads to.
    pub fn dead(&self, roots: &[String]) -> Result<Vec<String>, StoreError> {
        let items = self.items()?;
        let names: BTreeSet<&str> = items.iter().map(String::as_str).collect();
        let known = Known(&names);
        let mut live: HashSet<String> = HashSet::new();
        let mut pending: Vec<String> = Vec::new();
        for root in roots {
            let base = root
                .parse::<StorePath>()
                .map_or_else(|_| root.clone(), |path| path.base());
            if live.insert(base.clone()) {
                pending.push(base);
            }
        }
        while let Some(item) = pending.pop() {
            match self.references_among(&item, &known) {
                Ok(references) => {
                    for reference in references {
                        if !live.contains(&reference) {
                            live.insert(reference.clone());
                            pending.push(reference);
                        }
                    }
                }
                Err(StoreError::NoSuchItem { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(items
            .into_iter()
            .filter(|item| !live.contains(item))
            .collect())
    }

    /// What ITEM refers to among the items KNOWN, perhaps itself.
    fn references_among(&self, item: &str, known: &Known) -> Result<BTreeSet<String>, StoreError> {
        match &self.told {
            None => self.read_references_among(item, &self.place(item), known),
            Some(told) => told.get(item).cloned().ok_or_else(|| self.missing(item)),
        }
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
        let items = self.items().unwrap_or_default();
        let names: BTreeSet<&str> = items.iter().map(String::as_str).collect();
        let known = Known(&names);
        while let Some(here) = pending.pop_front() {
            let references = match self.references_among(&here, &known) {
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

/// PATH without `.` and `..`, as text: no link is followed.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// The items of a store, by which it is known where a path in a text ends.
struct Known<'a>(&'a BTreeSet<&'a str>);

impl<'a> Known<'a> {
    /// The base name of every item whose path is in BYTES.
    fn collect(&self, bytes: &[u8], found: &mut BTreeSet<String>) {
        let text = String::from_utf8_lossy(bytes);
        for (index, start) in text.match_indices("/frx/store/") {
            let rest = &text[index + start.len()..];
            if let Some(item) = self.beginning(rest) {
                found.insert(item.to_owned());
                continue;
            }
            // No item of the store: the name ends where names usually do, and a
            // full stop after it is the text's.
            let end = rest.find(|character: char| {
                !(character.is_ascii_alphanumeric() || "+-._?=".contains(character))
            });
            let base = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
            if StorePath::from_base(base).is_ok() {
                found.insert(base.to_owned());
            }
        }
    }

    /// The item whose name TEXT begins with, the longest if there are several.
    fn beginning(&self, text: &str) -> Option<&'a str> {
        // Items with the same hash are few: usually one, and its outputs.
        let digits = text.bytes().take_while(u8::is_ascii_hexdigit).count();
        let hash = text.get(..digits)?;
        self.0
            .range::<str, _>((Bound::Included(hash), Bound::Unbounded))
            .take_while(|item| item.starts_with(hash))
            .filter(|item| {
                text.strip_prefix(**item).is_some_and(|after| {
                    // A longer name of another item may begin like this one.
                    let next = after.chars().next();
                    next.is_none_or(|next| {
                        !(next.is_ascii_alphanumeric() || "+-_?=".contains(next))
                    })
                })
            })
            .max_by_key(|item| item.len())
            .copied()
    }
}
