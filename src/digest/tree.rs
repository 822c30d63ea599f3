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
        let mut trees = Tree::read_all(&[top]);
        trees.pop().expect("one tree was asked for")
    }

    /// Read and hash everything below each of TOPS, all files of all of them in
    /// parallel. A tree that cannot be read does not hinder the others.
    pub fn read_all(tops: &[&Path]) -> Vec<Result<Tree, DigestError>> {
        let found: Vec<_> = tops.iter().map(|top| Found::below(top)).collect();
        let mut files = Vec::new();
        for (tree, found) in found.iter().enumerate() {
            let paths = found.iter().flat_map(|found| found.files.iter());
            files.extend(paths.map(|index| (tree, index)));
        }
        let wanted: Vec<Wanted<'_>> = files
            .into_iter()
            .filter_map(|(tree, index)| {
                let path = &found[tree].as_ref().ok()?.entries[*index].0;
                Some(Wanted { tree, path })
            })
            .collect();
        let mut digests = hash_all(&wanted, tops.len());
        found
            .into_iter()
            .zip(tops)
            .enumerate()
            .map(|(tree, (found, top))| found?.hashed(top, digests.remove(&tree)))
            .collect()
    }

    /// The tree's manifest, whose text stands for the tree.
    pub fn manifest(&self) -> Manifest {
        Manifest::of(self)
    }

    /// The digest of the tree: that of its manifest's text.
    pub fn sha256(&self) -> Sha256 {
        self.manifest().sha256()
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

/// What was seen below a top, before anything is hashed.
struct Found {
    entries: Vec<(PathBuf, Metadata)>,
    /// Indices of what must be hashed: files, each once however many names it has.
    files: Vec<usize>,
    /// For each entry that is a file, which of `files` it is.
    file_of: HashMap<usize, usize>,
}

impl Found {
    fn below(top: &Path) -> Result<Found, DigestError> {
        let entries = walk(top)?;
        let mut files = Vec::new();
        let mut file_of = HashMap::new();
        let mut known: HashMap<(u64, u64), usize> = HashMap::new();
        for (index, (_, metadata)) in entries.iter().enumerate() {
            if !metadata.is_file() {
                continue;
            }
            let file = *known
                .entry((metadata.dev(), metadata.ino()))
                .or_insert_with(|| {
                    files.push(index);
                    files.len() - 1
                });
            file_of.insert(index, file);
        }
        Ok(Found {
            entries,
            files,
            file_of,
        })
    }

    /// The tree at TOP, now that DIGESTS of its files are there, in the order of `files`.
    fn hashed(self, top: &Path, digests: Option<Hashed>) -> Result<Tree, DigestError> {
        let digests = digests.unwrap_or(Ok(Vec::new()))?;
        let mut names: BTreeMap<usize, Vec<PathBuf>> = BTreeMap::new();
        let mut entries = Vec::with_capacity(self.entries.len());
        for (index, (path, metadata)) in self.entries.iter().enumerate() {
            let kind = match self.file_of.get(&index) {
                Some(file) => {
                    if metadata.nlink() > 1 {
                        names.entry(*file).or_default().push(relative(top, path));
                    }
                    let (sha256, size) = digests[*file];
                    Kind::File { size, sha256 }
                }
                None => kind_of(path, metadata)?,
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
}

/// Digest and size of every file of one tree, or why one has none.
type Hashed = Result<Vec<(Sha256, u64)>, DigestError>;

/// A file to be hashed, and which tree wants it.
struct Wanted<'a> {
    tree: usize,
    path: &'a Path,
}

/// The digests of FILES by tree, each tree's in the order of FILES. After an
/// error the rest of that tree is left out; after an interrupt, everything.
fn hash_all(files: &[Wanted<'_>], trees: usize) -> HashMap<usize, Hashed> {
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(files.len().div_ceil(16))
        .max(1);
    let next = AtomicUsize::new(0);
    let given_up: Vec<AtomicBool> = (0..trees).map(|_| AtomicBool::new(false)).collect();
    let work = || {
        let mut buffer = vec![0; CHUNK];
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(Wanted { tree, path }) = files.get(index) else {
                return done;
            };
            if given_up[*tree].load(Ordering::Relaxed) {
                continue;
            }
            let hashed = open(path).and_then(|file| sha256_of_reader(file, path, &mut buffer));
            if hashed.is_err() {
                given_up[*tree].store(true, Ordering::Relaxed);
            }
            done.push((index, hashed));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            let theirs = other.join();
            done.extend(theirs.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    let mut hashed: HashMap<usize, Hashed> = HashMap::new();
    for (index, digest) in done {
        let so_far = hashed
            .entry(files[index].tree)
            .or_insert_with(|| Ok(Vec::new()));
        match (so_far, digest) {
            (Ok(digests), Ok(digest)) => digests.push(digest),
            (so_far @ Ok(_), Err(error)) => *so_far = Err(error),
            (Err(_), _) => {}
        }
    }
    hashed
}

/// Open a file that was one when the tree was walked. Should a pipe have taken
/// its place, opening must not wait for a writer.
fn open(path: &Path) -> Result<File, DigestError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
        .map(File::from)
        .map_err(|error| DigestError::io("read", path, error.into()))
}
