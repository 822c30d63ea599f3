//! What is in a tree: types, modes, links, sizes, digests.
//!
//! Links are never followed. A file with several names is hashed once.

use super::file::{CHUNK, sha256_of_reader};
use super::{DigestError, Manifest, Sha256};
use rustix::fs::{Mode, OFlags};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use walkdir::WalkDir;

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
    /// Something else, by mtree's name of its type: `char`, `block`, `fifo`, `socket`.
    Special(&'static str),
}

/// Everything in a tree, the top first, then by path.
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
        let found = walk(top)?;
        let mut files: Vec<&Path> = Vec::new();
        let mut index_of: HashMap<(u64, u64), usize> = HashMap::new();
        let mut names: BTreeMap<usize, Vec<PathBuf>> = BTreeMap::new();
        for (path, metadata) in found.iter().filter(|(_, metadata)| metadata.is_file()) {
            let index = *index_of
                .entry((metadata.dev(), metadata.ino()))
                .or_insert_with(|| {
                    files.push(path);
                    files.len() - 1
                });
            if metadata.nlink() > 1 {
                names.entry(index).or_default().push(relative(top, path));
            }
        }
        let digests = hash_all(&files)?;
        let mut entries = Vec::with_capacity(found.len());
        for (path, metadata) in &found {
            let kind = if metadata.is_file() {
                let (sha256, size) = digests[index_of[&(metadata.dev(), metadata.ino())]];
                Kind::File { size, sha256 }
            } else {
                kind_of(path, metadata)?
            };
            entries.push(Entry {
                path: relative(top, path),
                mode: metadata.mode() & 0o7777,
                kind,
            });
        }
        Ok(Tree {
            entries,
            hard_links: names
                .into_values()
                .filter(|names| names.len() > 1)
                .collect(),
        })
    }

    /// The tree's manifest, whose text stands for the tree.
    pub fn manifest(&self) -> Manifest {
        Manifest::of(self)
    }

    /// The digest of the tree: that of its manifest's text.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.manifest().to_string().as_bytes())
    }
}

/// What the file or tree at TOP weighs.
pub fn size(top: &Path) -> Result<Size, DigestError> {
    let mut total = Size::default();
    let mut seen = HashSet::new();
    for (_, metadata) in walk(top)? {
        let several_names = !metadata.is_dir() && metadata.nlink() > 1;
        if several_names && !seen.insert((metadata.dev(), metadata.ino())) {
            continue;
        }
        // POSIX leaves the unit to the system; all that we run on use 512.
        total.allocated_bytes += metadata.blocks() * 512;
        if metadata.is_file() {
            total.bytes += metadata.len();
            total.files += 1;
        }
    }
    Ok(total)
}

fn relative(top: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(top).unwrap_or(path).to_owned()
}

fn walk(top: &Path) -> Result<Vec<(PathBuf, Metadata)>, DigestError> {
    // A tree may be named by a link, as /run/current-system is; one inside is data.
    let top_metadata = fs::metadata(top).map_err(|error| DigestError::io("read", top, error))?;
    if !top_metadata.is_dir() {
        return Ok(vec![(top.to_owned(), top_metadata)]);
    }
    let mut found = Vec::new();
    for entry in WalkDir::new(top)
        .follow_root_links(true)
        .sort_by_file_name()
    {
        let failed = |error: walkdir::Error| {
            let path = error.path().unwrap_or(top).to_owned();
            DigestError::io("read", path, error.into())
        };
        let entry = entry.map_err(failed)?;
        let metadata = if entry.depth() == 0 {
            top_metadata.clone()
        } else {
            entry.metadata().map_err(failed)?
        };
        found.push((entry.into_path(), metadata));
    }
    Ok(found)
}

fn kind_of(path: &Path, metadata: &Metadata) -> Result<Kind, DigestError> {
    let kind = metadata.file_type();
    Ok(if kind.is_dir() {
        Kind::Directory
    } else if kind.is_symlink() {
        Kind::Link {
            target: fs::read_link(path).map_err(|error| DigestError::io("read", path, error))?,
        }
    } else if kind.is_char_device() {
        Kind::Special("char")
    } else if kind.is_block_device() {
        Kind::Special("block")
    } else if kind.is_fifo() {
        Kind::Special("fifo")
    } else {
        Kind::Special("socket")
    })
}

/// The digest and size of each of FILES, in their order.
fn hash_all(files: &[&Path]) -> Result<Vec<(Sha256, u64)>, DigestError> {
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(files.len().div_ceil(16))
        .max(1);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let results: Mutex<Vec<Option<(Sha256, u64)>>> = Mutex::new(vec![None; files.len()]);
    let work = || -> Result<(), DigestError> {
        let mut buffer = vec![0; CHUNK];
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = files.get(index) else { break };
            let hashed = open(path).and_then(|file| sha256_of_reader(file, path, &mut buffer));
            if hashed.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            results
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)[index] = Some(hashed?);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let theirs = others.into_iter().map(|other| {
            other
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        std::iter::once(mine)
            .chain(theirs)
            .collect::<Result<(), _>>()
    })?;
    let results = results
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(results
        .into_iter()
        .map(|result| result.expect("without an error the workers have taken every index"))
        .collect())
}

/// Open a file that was one when the tree was walked. Should a pipe have taken
/// its place, opening must not wait for a writer.
fn open(path: &Path) -> Result<File, DigestError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
        .map(File::from)
        .map_err(|error| DigestError::io("read", path, error.into()))
}
