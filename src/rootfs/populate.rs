//! Making what a plan says.
//!
//! First everything is looked at: when anything is in the way, nothing is
//! made. Then entry by entry, each in one step that either happened or did
//! not, so a population that was killed is completed by running it again. A
//! file that is being written has a name of its own until it is whole.

use super::place::{Found, Places, split};
use super::{Entry, Plan, RootfsError, What};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// What happens when something else is where a link or file belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupied {
    /// Refuse, and make nothing.
    Refuse,
    /// Give up what is there; a directory is never given up.
    Replace,
}

/// What a population did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Population {
    pub made: usize,
    /// Entries that were right already.
    pub kept: usize,
    pub replaced: usize,
}

enum Action {
    Make,
    Keep,
    Replace,
}

/// Make what PLAN says in the directory ROOTFS, which is made when missing.
///
/// What is there and right stays untouched. No link in ROOTFS is followed.
pub fn populate(plan: &Plan, rootfs: &Path, occupied: Occupied) -> Result<Population, RootfsError> {
    make_top(rootfs)?;
    let mut places = Places::below(rootfs)?;
    let mut actions = Vec::with_capacity(plan.entries.len());
    for entry in &plan.entries {
        actions.push(decide(&mut places, entry, occupied)?);
    }
    let mut population = Population::default();
    for (entry, action) in plan.entries.iter().zip(actions) {
        match action {
            Action::Keep => {
                discard_part(&mut places, entry)?;
                population.kept += 1;
            }
            Action::Make => {
                make(&mut places, entry, false)?;
                population.made += 1;
            }
            Action::Replace => {
                make(&mut places, entry, true)?;
                population.replaced += 1;
            }
        }
    }
    Ok(population)
}

fn make_top(rootfs: &Path) -> Result<(), RootfsError> {
    if rootfs.is_dir() {
        return Ok(());
    }
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(rootfs)
        .and_then(|()| fs::set_permissions(rootfs, fs::Permissions::from_mode(0o755)));
    made.map_err(|error| RootfsError::io("make", rootfs, error))
}

fn decide(places: &mut Places, entry: &Entry, occupied: Occupied) -> Result<Action, RootfsError> {
    if let What::File { source, .. } = &entry.what {
        // Before anything is made: what is no file cannot be copied.
        open_source(source)?;
    }
    let found = places.look(&entry.path)?;
    let (right, wanted) = match (&entry.what, &found) {
        (_, Found::Nothing) => return Ok(Action::Make),
        (What::Directory { .. }, found) => {
            // The mode of a directory that was there is its owner's business.
            let right = matches!(found, Found::Directory { .. });
            (right, "a directory".to_owned())
        }
        (What::Link { target }, found) => {
            let right = matches!(found, Found::Link { target: at } if same_target(at, target));
            (right, format!("a link to `{}`", target.display()))
        }
        (What::File { source, mode }, found) => {
            let right = matches!(found, Found::File { mode: at, keep }
                if at == mode && (keep.owner == (0, 0) || !is_root()))
                && same_contents(places, entry, source)?;
            (right, format!("a copy of `{}`", source.display()))
        }
    };
    if right {
        return Ok(Action::Keep);
    }
    let replaceable =
        !matches!(entry.what, What::Directory { .. }) && !matches!(found, Found::Directory { .. });
    if occupied == Occupied::Replace && replaceable {
        return Ok(Action::Replace);
    }
    let found = match (&entry.what, &found) {
        (What::File { .. }, Found::File { .. }) => {
            "a file with other contents, another mode or another owner".to_owned()
        }
        _ => found.describe(),
    };
    Err(RootfsError::Occupied {
        path: places.shown(&entry.path),
        wanted,
        found,
        replaceable,
    })
}

/// Whether two links lead to the same text: `a` and `a/` are not the same, since a
/// slash at the end wants a directory.
pub(super) fn same_target(one: &Path, other: &Path) -> bool {
    one.as_os_str() == other.as_os_str()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Open the regular file SOURCE; what is none, such as a FIFO without a writer, is
/// not waited for.
fn open_source(source: &Path) -> Result<File, RootfsError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(source, flags, Mode::empty())
        .map_err(|error| RootfsError::io("open", source, error))?;
    let file = File::from(file);
    let metadata = file
        .metadata()
        .map_err(|error| RootfsError::io("read", source, error))?;
    match metadata.is_file() {
        true => Ok(file),
        false => Err(RootfsError::io(
            "copy",
            source,
            io::Error::other("it is no regular file"),
        )),
    }
}

/// Whether the regular file at ENTRY has the bytes of SOURCE.
pub(super) fn same_contents(
    places: &mut Places,
    entry: &Entry,
    source: &Path,
) -> Result<bool, RootfsError> {
    let shown = places.shown(&entry.path);
    let (parent, name) = split(&entry.path);
    let Some(directory) = places.directory(parent)? else {
        return Ok(false);
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let there = rustix::fs::openat(directory, name, flags, Mode::empty())
        .map_err(|error| RootfsError::io("open", &shown, error))?;
    let wanted = open_source(source)?;
    equal(File::from(there), wanted).map_err(|error| RootfsError::io("read", shown, error))
}

fn equal(mut one: File, mut other: File) -> io::Result<bool> {
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = ([0; 16384], [0; 16384]);
    loop {
        let count = one.read(&mut left)?;
        if count == 0 {
            return Ok(other.read(&mut right)? == 0);
        }
        match other.read_exact(&mut right[..count]) {
            Ok(()) if left[..count] == right[..count] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

fn make(places: &mut Places, entry: &Entry, replace: bool) -> Result<(), RootfsError> {
    let shown = places.shown(&entry.path);
    let (parent, name) = split(&entry.path);
    // The plan makes every directory before what is in it.
    let Some(directory) = places.directory(parent)? else {
        return Err(RootfsError::io("make", shown, Errno::NOENT));
    };
    let done = match &entry.what {
        What::Directory { mode } => make_directory(directory, name, *mode),
        What::Link { target } if replace => put_in_place(directory, name, |part| {
            rustix::fs::symlinkat(target, directory, part)
        }),
        What::Link { target } => rustix::fs::symlinkat(target, directory, name),
        What::File { source, mode } => {
            let mut contents = open_source(source)?;
            return copy(directory, name, &mut contents, *mode, replace)
                .map_err(|error| RootfsError::io("make", shown, error));
        }
    };
    done.map_err(|error| RootfsError::io("make", shown, error))
}

fn make_directory(directory: BorrowedFd<'_>, name: &OsStr, mode: u32) -> Result<(), Errno> {
    rustix::fs::mkdirat(directory, name, Mode::RWXU)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    rustix::fs::fchmod(&made, mode_bits(mode))
}

/// A number that the umask cannot change, as the system writes modes.
fn mode_bits(mode: u32) -> Mode {
    Mode::from_bits_truncate(mode as rustix::fs::RawMode)
}

/// The longest name that file systems take.
const NAME_BYTES: usize = 255;

/// The name of an entry while it is not whole. It is always the same, so that
/// the next population finds what a killed one left.
fn part_name(name: &OsStr) -> OsString {
    let mut part = OsString::from(".fruix-scm.part.");
    if part.len() + name.len() <= NAME_BYTES {
        part.push(name);
        return part;
    }
    for byte in Sha256::digest(name.as_bytes()) {
        part.push(format!("{byte:02x}"));
    }
    part
}

fn discard(directory: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error),
    }
}

fn discard_part(places: &mut Places, entry: &Entry) -> Result<(), RootfsError> {
    if !matches!(entry.what, What::File { .. }) {
        return Ok(());
    }
    let shown = places.shown(&entry.path);
    let (parent, name) = split(&entry.path);
    match places.directory(parent)? {
        None => Ok(()),
        Some(directory) => discard(directory, &part_name(name))
            .map_err(|error| RootfsError::io("clean up beside", shown, error)),
    }
}

/// Let MAKE make an entry under its part name, then put it over NAME.
fn put_in_place(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    make: impl FnOnce(&OsStr) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let part = part_name(name);
    discard(directory, &part)?;
    make(&part)?;
    rustix::fs::renameat(directory, &part, directory, name)
}

fn copy(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    contents: &mut File,
    mode: u32,
    replace: bool,
) -> io::Result<()> {
    let part = part_name(name);
    discard(directory, &part)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd: OwnedFd = rustix::fs::openat(directory, &part, flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(fd);
    io::copy(contents, &mut file)?;
    if is_root() {
        // BSD gives a new file the group of its directory.
        rustix::fs::fchown(
            &file,
            Some(rustix::fs::Uid::ROOT),
            Some(rustix::fs::Gid::ROOT),
        )?;
    }
    rustix::fs::fchmod(&file, mode_bits(mode))?;
    if replace {
        rustix::fs::renameat(directory, &part, directory, name)?;
    } else {
        // Unlike a rename, a link never takes the place of something that
        // appeared meanwhile.
        rustix::fs::linkat(directory, &part, directory, name, AtFlags::empty())?;
        discard(directory, &part)?;
    }
    Ok(())
}
