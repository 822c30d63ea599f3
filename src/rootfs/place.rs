//! Directories of a rootfs, reached name by name without following links.
//!
//! A rootfs may be written by others, and a link in it must not lead a
//! population out of it. So every directory is opened from the one above it
//! with `O_NOFOLLOW`, and all work happens relative to open directories.

use super::RootfsError;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// What is at a place in a rootfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Directory { mode: u32, keep: Keep },
    Link { target: PathBuf },
    File { mode: u32, keep: Keep },
    Other,
}

/// Who keeps a file or directory, and what keeps others from changing it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keep {
    /// Numbers of user and group.
    pub owner: (u32, u32),
    /// Flags that hinder changes, by FreeBSD's names, such as `schg`.
    pub flags: Vec<&'static str>,
}

impl Found {
    /// As it stands in a message.
    pub(super) fn describe(&self) -> String {
        match self {
            Found::Nothing => "nothing".to_owned(),
            Found::Directory { .. } => "a directory".to_owned(),
            Found::Link { target } => format!("a link to `{}`", target.display()),
            Found::File { .. } => "a regular file".to_owned(),
            Found::Other => "something that is neither directory, link nor file".to_owned(),
        }
    }
}

/// The directories between a rootfs and the one last visited, kept open.
pub(super) struct Places {
    rootfs: PathBuf,
    top: OwnedFd,
    open: Vec<(OsString, OwnedFd)>,
}

impl Places {
    /// Start at the directory ROOTFS, which may be reached over links.
    pub(super) fn below(rootfs: &Path) -> Result<Self, RootfsError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = rustix::fs::openat(CWD, rootfs, flags, Mode::empty())
            .map_err(|error| RootfsError::io("open", rootfs, error))?;
        Ok(Places {
            rootfs: rootfs.to_owned(),
            top,
            open: Vec::new(),
        })
    }

    /// Where PATH is, for messages.
    pub(super) fn shown(&self, path: &Path) -> PathBuf {
        self.rootfs.join(path)
    }

    /// The open directory at PATH, or `None` when there is none.
    pub(super) fn directory(&mut self, path: &Path) -> Result<Option<BorrowedFd<'_>>, RootfsError> {
        let mut depth = 0;
        for name in path.iter() {
            if self.open.get(depth).is_some_and(|(open, _)| open == name) {
                depth += 1;
                continue;
            }
            self.open.truncate(depth);
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(self.here(), name, flags, Mode::empty()) {
                Ok(fd) => self.open.push((name.to_owned(), fd)),
                Err(Errno::NOENT) => return Ok(None),
                // Linux says ELOOP or ENOTDIR of a link, FreeBSD EMLINK or ENOTDIR.
                Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK) => {
                    let reached: PathBuf = path.iter().take(depth + 1).collect();
                    let found = look(self.here(), name)
                        .map_err(|error| RootfsError::io("read", self.shown(&reached), error))?;
                    return Err(RootfsError::Occupied {
                        path: self.shown(&reached),
                        wanted: "a directory".to_owned(),
                        found: found.describe(),
                        replaceable: false,
                    });
                }
                Err(error) => {
                    let reached: PathBuf = path.iter().take(depth + 1).collect();
                    return Err(RootfsError::io("open", self.shown(&reached), error));
                }
            }
            depth += 1;
        }
        self.open.truncate(depth);
        Ok(Some(self.here()))
    }

    /// What is at PATH; a missing directory on the way is nothing.
    pub(super) fn look(&mut self, path: &Path) -> Result<Found, RootfsError> {
        let shown = self.shown(path);
        let (parent, name) = split(path);
        match self.directory(parent)? {
            None => Ok(Found::Nothing),
            Some(directory) => {
                look(directory, name).map_err(|error| RootfsError::io("read", shown, error))
            }
        }
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.open
            .last()
            .map_or(self.top.as_fd(), |(_, fd)| fd.as_fd())
    }
}

/// The directory and the last name of PATH, which is made of names.
pub(super) fn split(path: &Path) -> (&Path, &OsStr) {
    let parent = path.parent().unwrap_or(Path::new(""));
    (parent, path.file_name().unwrap_or_default())
}

fn look(directory: BorrowedFd<'_>, name: &OsStr) -> Result<Found, Errno> {
    let status = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => status,
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    // The width of st_mode differs between systems.
    #[allow(clippy::useless_conversion)]
    let mode = u32::from(status.st_mode) & 0o7777;
    let keep = || Keep {
        owner: (status.st_uid, status.st_gid),
        flags: flags(directory, name, &status),
    };
    Ok(match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => Found::Directory { mode, keep: keep() },
        FileType::RegularFile => Found::File { mode, keep: keep() },
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(directory, name, Vec::new())?;
            Found::Link {
                target: OsString::from_vec(target.into_bytes()).into(),
            }
        }
        _ => Found::Other,
    })
}

/// The flags of a file or directory that hinder changes.
#[cfg(any(target_os = "freebsd", target_os = "macos"))]
fn flags(
    _directory: BorrowedFd<'_>,
    _name: &OsStr,
    status: &rustix::fs::Stat,
) -> Vec<&'static str> {
    // sys/stat.h; the numbers are part of the file systems' formats.
    const HINDERING: [(u32, &str); 6] = [
        (0x0002_0000, "schg"),
        (0x0004_0000, "sappnd"),
        (0x0010_0000, "sunlnk"),
        (0x0000_0002, "uchg"),
        (0x0000_0004, "uappnd"),
        (0x0000_0010, "uunlnk"),
    ];
    let set = HINDERING
        .iter()
        .filter(|(bit, _)| status.st_flags & bit != 0);
    set.map(|(_, name)| *name).collect()
}

/// The same where they are attributes of some file systems, and few.
#[cfg(target_os = "linux")]
fn flags(directory: BorrowedFd<'_>, name: &OsStr, _status: &rustix::fs::Stat) -> Vec<&'static str> {
    use rustix::fs::IFlags;
    let open = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(directory, name, open, Mode::empty()) else {
        return Vec::new();
    };
    let set = rustix::fs::ioctl_getflags(&file).unwrap_or(IFlags::empty());
    [(IFlags::IMMUTABLE, "schg"), (IFlags::APPEND, "sappnd")]
        .into_iter()
        .filter(|(flag, _)| set.contains(*flag))
        .map(|(_, name)| name)
        .collect()
}
