//! What is in a tree: types, modes, links, sizes, digests.
//!
//! Links are never followed. A file with several names is hashed once.

use super::walk::{self, Hashing, Seen};
use super::{DigestError, Manifest, Sha256, manifest};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

/// One thing in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the top of the tree, which itself is the empty path.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Directory,
    File {
        size: u64,
        sha256: Sha256,
    },
    Link {
        target: PathBuf,
    },
    /// Something else, by mtree's name of its type: `char`, `block`, `fifo`, `socket`;
    /// with the major and minor number of a device.
    Special(&'static str, Option<(u32, u32)>),
}

/// Everything in a tree, in the order of its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    pub entries: Vec<Entry>,
    /// Names of one and the same file, for each that has several here.
    pub hard_links: Vec<Vec<PathBuf>>,
}

/// What a file or tree weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The bytes in its files, a file with several names counted once.
    pub bytes: u64,
    /// What the file system has set aside for it, directories included, as `du` counts.
    pub allocated_bytes: u64,
    pub files: u64,
}

impl Tree {
    /// Read and hash everything below TOP.
    pub fn read(top: &Path) -> Result<Tree, DigestError> {
        let mut trees = Tree::read_all(&[top]);
        trees.pop().expect("one tree was asked for")
    }

    /// Read and hash everything below each of TOPS, all files of all of them in
    /// parallel. A tree that cannot be read does not hinder the others.
    pub fn read_all(tops: &[&Path]) -> Vec<Result<Tree, DigestError>> {
        let found = walk::explore(tops, Hashing::All).into_iter();
        found.map(|seen| Ok(Tree::of(seen?))).collect()
    }

    fn of(seen: Vec<Seen>) -> Tree {
        let mut names: BTreeMap<(u64, u64), Vec<PathBuf>> = BTreeMap::new();
        for seen in &seen {
            if let (Some(identity), Kind::File { .. }) = (seen.identity, &seen.entry.kind) {
                let path = seen.entry.path.clone();
                names.entry(identity).or_default().push(path);
            }
        }
        let mut hard_links: Vec<Vec<PathBuf>> = names
            .into_values()
            .filter(|names| names.len() > 1)
            .collect();
        hard_links.iter_mut().for_each(|names| names.sort());
        hard_links.sort();
        let mut entries: Vec<Entry> = seen.into_iter().map(|seen| seen.entry).collect();
        entries.sort_by_cached_key(|entry| manifest::place(&entry.path));
        Tree {
            entries,
            hard_links,
        }
    }

    /// The tree's manifest, whose text stands for the tree.
    pub fn manifest(&self) -> Manifest {
        Manifest::of(self)
    }

    /// The text of the tree's manifest.
    pub fn text(&self) -> String {
        manifest::text(&self.entries)
    }

    /// The digest of the tree: that of its manifest's text.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.text().as_bytes())
    }
}

/// What the file or tree at TOP weighs.
pub fn size(top: &Path) -> Result<Size, DigestError> {
    let mut total = Size::default();
    let mut known = HashSet::new();
    let mut found = walk::explore(&[top], Hashing::None);
    for seen in found.pop().expect("one tree was asked for")? {
        if seen
            .identity
            .is_some_and(|identity| !known.insert(identity))
        {
            continue;
        }
        total.allocated_bytes += seen.allocated_bytes;
        total.bytes += seen.bytes;
        total.files += u64::from(matches!(seen.entry.kind, Kind::File { .. }));
    }
    Ok(total)
}
