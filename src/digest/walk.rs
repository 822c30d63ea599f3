//! Going through trees with every processor: what is there, and the digest of
//! each file.
//!
//! A piece of work is a directory, or a part of a large one. Whoever takes a
//! directory looks at what is in it, hashes its files relative to the open
//! directory, and leaves the directories below as further pieces. Links are
//! never followed, and a file with several names is hashed once. What the
//! directory calls a file is opened before it is looked at: finding a name twice
//! would take a third of the time that a small file takes.

use super::algorithm::{Algorithm, Hasher};
use super::file::{CHUNK, sha256_of_reader};
use super::tree::{Entry, Kind};
use super::{DigestError, Sha256};
use crate::runtime;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Names of one directory that are looked at in one go.
const PART: usize = 256;

/// Bytes of a path beyond which a directory is opened from the one above it, which
/// then stays open as long as it waits. Systems take 1,024 bytes, or 4,096.
const LONG: usize = libc::PATH_MAX as usize - 128;

/// What is known of one thing in a tree.
pub(super) struct Seen {
    pub entry: Entry,
    pub bytes: u64,
    pub allocated_bytes: u64,
    /// Device and number, for what has several names.
    pub identity: Option<(u64, u64)>,
    pub facts: Facts,
    /// What [`Hashing::These`] asked for, or why it could not be had.
    pub digests: Result<Vec<(Algorithm, String)>, DigestError>,
}

/// What a file system says of a thing besides its type, mode and size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub inode: u64,
    pub links: u64,
    pub user: u32,
    pub group: u32,
    /// Of anything: a directory has a size, too.
    pub size: u64,
    /// Seconds since 1970 and nanoseconds.
    pub modified: (i64, i64),
    /// File flags, as chflags(2) sets them.
    #[cfg(any(target_os = "freebsd", target_os = "macos"))]
    pub flags: u32,
}

/// Which files are hashed.
#[derive(Clone, Copy)]
pub(super) enum Hashing<'a> {
    /// None: zeros stand in place of digests.
    None,
    /// All, with SHA-256.
    All,
    /// Those of the first tree that are named here, each with these algorithms.
    These(&'a HashMap<PathBuf, Vec<Algorithm>>),
}

/// Everything below each of TOPS, in no order, with digests as HASHING says.
pub(super) fn explore(tops: &[&Path], hashing: Hashing) -> Vec<Result<Vec<Seen>, DigestError>> {
    let hash = matches!(hashing, Hashing::All);
    let explorer = Explorer {
        hashing,
        tops,
        hash,
        queue: Mutex::new(Queue::default()),
        changed: Condvar::new(),
        given_up: tops.iter().map(|_| AtomicBool::new(false)).collect(),
        several_names: Mutex::default(),
    };
    let mut found: Vec<Result<Vec<Seen>, DigestError>> =
        tops.iter().map(|_| Ok(Vec::new())).collect();
    for (tree, top) in tops.iter().enumerate() {
        match explorer.begin(tree, top) {
            Ok(seen) => found[tree] = Ok(vec![seen]),
            Err(error) => found[tree] = Err(error),
        }
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers)
            .map(|_| scope.spawn(|| explorer.work()))
            .collect();
        let mine = explorer.work();
        let theirs = others.into_iter().map(|other| {
            other
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        for (tree, part) in std::iter::once(mine).chain(theirs).flatten() {
            match (&mut found[tree], part) {
                (Ok(all), Ok(mut part)) => all.append(&mut part),
                (so_far @ Ok(_), Err(error)) => *so_far = Err(error),
                (Err(_), _) => {}
            }
        }
    });
    if hash {
        explorer.complete(&mut found);
    }
    found
}

/// What a worker brings back: entries of a tree, or why they are not all there.
type Part = (usize, Result<Vec<Seen>, DigestError>);

struct Explorer<'a> {
    tops: &'a [&'a Path],
    hashing: Hashing<'a>,
    /// Whether all files are hashed.
    hash: bool,
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Trees in which something could not be read.
    given_up: Vec<AtomicBool>,
    /// The digest of each file that has several names, as soon as it is known.
    several_names: Mutex<HashMap<(u64, u64), Option<Sha256>>>,
}

#[derive(Default)]
struct Queue {
    /// The last is taken first, so that few directories wait.
    pieces: Vec<Piece>,
    /// How many workers are at one, and may leave more.
    busy: usize,
}

enum Piece {
    Directory {
        tree: usize,
        path: PathBuf,
        /// The directory it is in, where its whole path is too long to be opened.
        above: Option<Arc<OwnedFd>>,
    },
    Names {
        tree: usize,
        path: PathBuf,
        directory: Arc<OwnedFd>,
        names: Vec<(OsString, FileType)>,
    },
}

impl Explorer<'_> {
    /// Look at the top of a tree, which may be named by a link, as
    /// /run/current-system is.
    fn begin(&self, tree: usize, top: &Path) -> Result<Seen, DigestError> {
        let fail = |error: rustix::io::Errno| DigestError::io("read", top, error.into());
        let status = rustix::fs::stat(top).map_err(fail)?;
        let kind = match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory => {
                self.leave(vec![Piece::Directory {
                    tree,
                    path: PathBuf::new(),
                    above: None,
                }]);
                Kind::Directory
            }
            FileType::RegularFile => {
                let file = File::open(top).map_err(|error| DigestError::io("read", top, error))?;
                self.file(file, || top.to_owned(), &status, &mut vec![0; CHUNK])?
            }
            other => special(other, &status),
        };
        Ok(seen(PathBuf::new(), &status, kind))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, mut pieces: Vec<Piece>) {
        if pieces.is_empty() {
            return;
        }
        self.queue().pieces.append(&mut pieces);
        self.changed.notify_all();
    }

    /// Take pieces until there are none and nobody can leave more.
    fn work(&self) -> Vec<Part> {
        let mut buffer = vec![0; CHUNK];
        let mut parts = Vec::new();
        let mut queue = self.queue();
        loop {
            let Some(piece) = queue.pieces.pop() else {
                if queue.busy == 0 {
                    self.changed.notify_all();
                    return parts;
                }
                queue = self
                    .changed
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            queue.busy += 1;
            drop(queue);
            let tree = match &piece {
                Piece::Directory { tree, .. } | Piece::Names { tree, .. } => *tree,
            };
            if !self.given_up[tree].load(Ordering::Relaxed) {
                let part = self.piece(piece, &mut buffer);
                if part.is_err() {
                    self.given_up[tree].store(true, Ordering::Relaxed);
                }
                parts.push((tree, part));
            }
            queue = self.queue();
            queue.busy -= 1;
        }
    }

    fn piece(&self, piece: Piece, buffer: &mut [u8]) -> Result<Vec<Seen>, DigestError> {
        let (tree, path, directory, names) = match piece {
            Piece::Names {
                tree,
                path,
                directory,
                names,
            } => (tree, path, directory, names),
            Piece::Directory { tree, path, above } => {
                let place = self.place(tree, &path);
                let fail = |error: rustix::io::Errno| DigestError::io("read", &place, error.into());
                let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                if !path.as_os_str().is_empty() {
                    flags |= OFlags::NOFOLLOW;
                }
                let directory = match (&above, path.file_name()) {
                    (Some(above), Some(name)) => {
                        rustix::fs::openat(above, name, flags, Mode::empty())
                    }
                    _ => rustix::fs::open(&place, flags, Mode::empty()),
                }
                .map_err(fail)?;
                let mut names = Vec::new();
                for entry in Dir::read_from(&directory).map_err(fail)? {
                    let entry = entry.map_err(fail)?;
                    let name = entry.file_name().to_bytes();
                    if name != b"." && name != b".." {
                        names.push((OsString::from_vec(name.to_owned()), entry.file_type()));
                    }
                }
                names.sort_unstable_by(|one, other| one.0.cmp(&other.0));
                let directory = Arc::new(directory);
                let rest = names.split_off(names.len().min(PART));
                let parts = rest.chunks(PART).map(|names| Piece::Names {
                    tree,
                    path: path.clone(),
                    directory: directory.clone(),
                    names: names.to_vec(),
                });
                self.leave(parts.collect());
                (tree, path, directory, names)
            }
        };
        if runtime::take_interrupt() {
            let path = self.place(tree, &path);
            return Err(DigestError::Interrupted { path });
        }
        let mut all = Vec::with_capacity(names.len());
        let mut below = Vec::new();
        for (name, listed) in names {
            let path = path.join(&name);
            let fail = |error: rustix::io::Errno| {
                DigestError::io("read", self.place(tree, &path), error.into())
            };
            let place = || self.place(tree, &path);
            if self.hash
                && listed == FileType::RegularFile
                && let Some((status, kind)) = self.regular(&directory, &name, buffer, place)?
            {
                all.push(seen(path, &status, kind));
                continue;
            }
            let status =
                rustix::fs::statat(&*directory, &*name, AtFlags::SYMLINK_NOFOLLOW).map_err(fail)?;
            let kind = match FileType::from_raw_mode(status.st_mode) {
                FileType::Directory => {
                    let length = self.place(tree, &path).as_os_str().len();
                    below.push(Piece::Directory {
                        tree,
                        path: path.clone(),
                        above: (length > LONG).then(|| directory.clone()),
                    });
                    Kind::Directory
                }
                FileType::RegularFile if !self.hash => {
                    let mut seen = seen(path, &status, unread(&status));
                    if let Hashing::These(wanted) = self.hashing
                        && tree == 0
                        && let Some(algorithms) = wanted.get(&seen.entry.path)
                    {
                        let place = || self.place(tree, &seen.entry.path);
                        seen.digests = these(&directory, &name, algorithms, buffer, place);
                    }
                    all.push(seen);
                    continue;
                }
                FileType::RegularFile => {
                    match self.regular(&directory, &name, buffer, place)? {
                        Some((status, kind)) => {
                            all.push(seen(path, &status, kind));
                            continue;
                        }
                        // Somebody puts one thing after another there.
                        None => return Err(fail(rustix::io::Errno::AGAIN)),
                    }
                }
                FileType::Symlink => {
                    let target =
                        rustix::fs::readlinkat(&*directory, &*name, Vec::new()).map_err(fail)?;
                    Kind::Link {
                        target: OsStr::from_bytes(target.to_bytes()).into(),
                    }
                }
                other => special(other, &status),
            };
            all.push(seen(path, &status, kind));
        }
        self.leave(below);
        Ok(all)
    }

    fn place(&self, tree: usize, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() {
            self.tops[tree].to_owned()
        } else {
            self.tops[tree].join(path)
        }
    }

    /// The file NAME of the open DIRECTORY; `None` when it is no file. Should a
    /// pipe have taken its place, opening does not wait for a writer.
    fn regular(
        &self,
        directory: &OwnedFd,
        name: &OsStr,
        buffer: &mut [u8],
        place: impl Fn() -> PathBuf,
    ) -> Result<Option<(Stat, Kind)>, DigestError> {
        use rustix::io::Errno;
        let fail = |error: Errno| DigestError::io("read", place(), error.into());
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
            Ok(file) => file,
            // What systems say of a link that is not to be followed.
            Err(Errno::LOOP | Errno::MLINK) => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        let status = rustix::fs::fstat(&file).map_err(fail)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        if let Some(identity) = identity(&status) {
            let mut known = self.lock_names();
            if known.contains_key(&identity) {
                // Another name has been hashed, or is just being hashed.
                return Ok(Some((status, unread(&status))));
            }
            known.insert(identity, None);
        }
        let kind = self.file(File::from(file), &place, &status, buffer)?;
        if let (Some(identity), Kind::File { sha256, .. }) = (identity(&status), &kind) {
            self.lock_names().insert(identity, Some(*sha256));
        }
        Ok(Some((status, kind)))
    }

    fn file(
        &self,
        mut file: File,
        place: impl Fn() -> PathBuf,
        status: &Stat,
        buffer: &mut [u8],
    ) -> Result<Kind, DigestError> {
        if !self.hash {
            return Ok(unread(status));
        }
        let size = size_of(status);
        // One read is enough for a small file; asking for its end would cost
        // as much again.
        let first = match file.read(buffer) {
            Ok(first) if first < buffer.len() && first as u64 == size => {
                let sha256 = Sha256::of(&buffer[..first]);
                return Ok(Kind::File { size, sha256 });
            }
            Ok(first) => buffer[..first].to_vec(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Vec::new(),
            Err(error) => return Err(DigestError::io("read", place(), error)),
        };
        let (sha256, size) = sha256_of_reader(first.as_slice().chain(file), &place(), buffer)?;
        Ok(Kind::File { size, sha256 })
    }

    fn lock_names(&self) -> MutexGuard<'_, HashMap<(u64, u64), Option<Sha256>>> {
        self.several_names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Give every name of a file the digest that one of them got.
    fn complete(&self, found: &mut [Result<Vec<Seen>, DigestError>]) {
        let known = self.lock_names();
        for seen in found.iter_mut().flatten().flatten() {
            if let (Some(identity), Kind::File { sha256, .. }) =
                (seen.identity, &mut seen.entry.kind)
                && let Some(Some(digest)) = known.get(&identity)
            {
                *sha256 = *digest;
            }
        }
    }
}

fn seen(path: PathBuf, status: &Stat, kind: Kind) -> Seen {
    // The width of st_mode differs between systems.
    #[allow(clippy::useless_conversion)]
    let mode = u32::from(status.st_mode) & 0o7777;
    Seen {
        bytes: match kind {
            Kind::File { size, .. } => size,
            _ => 0,
        },
        // POSIX leaves the unit to the system; all that we run on use 512.
        allocated_bytes: u64::try_from(status.st_blocks).unwrap_or(0) * 512,
        identity: identity(status).filter(|_| !matches!(kind, Kind::Directory)),
        entry: Entry { path, mode, kind },
        facts: facts(status),
        digests: Ok(Vec::new()),
    }
}

// The widths of these fields differ between systems.
#[allow(clippy::unnecessary_cast)]
fn facts(status: &Stat) -> Facts {
    Facts {
        inode: status.st_ino as u64,
        links: status.st_nlink as u64,
        user: status.st_uid,
        group: status.st_gid,
        size: size_of(status),
        modified: (status.st_mtime as i64, status.st_mtime_nsec as i64),
        #[cfg(any(target_os = "freebsd", target_os = "macos"))]
        flags: status.st_flags as u32,
    }
}

/// The digests of the file NAME of the open DIRECTORY with each of ALGORITHMS.
fn these(
    directory: &OwnedFd,
    name: &OsStr,
    algorithms: &[Algorithm],
    buffer: &mut [u8],
    place: impl Fn() -> PathBuf,
) -> Result<Vec<(Algorithm, String)>, DigestError> {
    let fail = |error: io::Error| DigestError::io("read", place(), error);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = rustix::fs::openat(directory, name, flags, Mode::empty())
        .map(File::from)
        .map_err(|error| fail(error.into()))?;
    let mut hashers: Vec<Hasher> = algorithms.iter().map(|one| Hasher::new(*one)).collect();
    loop {
        if runtime::take_interrupt() {
            return Err(DigestError::Interrupted { path: place() });
        }
        match file.read(buffer) {
            Ok(0) => break,
            Ok(read) => {
                for hasher in &mut hashers {
                    hasher.update(&buffer[..read]);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(fail(error)),
        }
    }
    let digests = hashers.into_iter().map(Hasher::finish);
    Ok(algorithms.iter().copied().zip(digests).collect())
}

/// A file whose digest is not wanted, or not yet known.
fn unread(status: &Stat) -> Kind {
    Kind::File {
        size: size_of(status),
        sha256: Sha256([0; 32]),
    }
}

fn size_of(status: &Stat) -> u64 {
    u64::try_from(status.st_size).unwrap_or(0)
}

/// What tells that two names are of one file; files with one name need it not.
fn identity(status: &Stat) -> Option<(u64, u64)> {
    // Numbers of devices are signed on some systems; only equality counts.
    #[allow(clippy::unnecessary_cast)]
    (status.st_nlink > 1).then_some((status.st_dev as u64, status.st_ino as u64))
}

/// What is neither directory, file nor link, by mtree's name of it.
fn special(kind: FileType, status: &Stat) -> Kind {
    // The width of a device's number differs between systems.
    #[allow(clippy::useless_conversion)]
    let device = || {
        let number = status.st_rdev;
        Some((rustix::fs::major(number), rustix::fs::minor(number)))
    };
    match kind {
        FileType::CharacterDevice => Kind::Special("char", device()),
        FileType::BlockDevice => Kind::Special("block", device()),
        FileType::Fifo => Kind::Special("fifo", None),
        _ => Kind::Special("socket", None),
    }
}
