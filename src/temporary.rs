//! Temporary folders that do not outlive the process that made them.
//!
//! A folder goes when its value is dropped. A process that is killed drops nothing,
//! so each living folder holds a lock, which the kernel lets go whatever becomes of the
//! process; [`sweep`] removes folders whose lock nobody holds. It touches only what has
//! exactly the form that is made here: our name, a real directory of this user's
//! alone, directly in the temporary directory, with a lock file that says what it is.
//!
//! Source: flock(2).

use crate::progress::{self, Event};
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What every folder's name begins with.
const PREFIX: &str = "fruix-scm-";
/// How many letters of chance its name ends with.
const RANDOM: usize = 12;
/// The name of the lock file, and its first line.
const LOCK: &str = ".lock";
const FIRST_LINE: &str = "This folder goes with the fruix-scm that holds this lock.\n";

/// What a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Disks, keys and guests of a simulation.
    Simulation,
    /// To see whether this machine can simulate a guest.
    Trial,
    /// A rootfs whose layout is looked at.
    Layout,
    /// Results of tests on their way from one process to another.
    Tests,
}

impl Purpose {
    const ALL: [Purpose; 4] = [
        Purpose::Simulation,
        Purpose::Trial,
        Purpose::Layout,
        Purpose::Tests,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Purpose::Simulation => "simulation",
            Purpose::Trial => "trial",
            Purpose::Layout => "layout",
            Purpose::Tests => "tests",
        }
    }
}

/// A folder that only this user may enter, removed when this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: OwnedFd,
}

impl Folder {
    /// Make one in the directory for temporary files.
    pub fn make(purpose: Purpose) -> io::Result<Folder> {
        Folder::make_in(&std::env::temp_dir(), purpose)
    }

    fn make_in(directory: &Path, purpose: Purpose) -> io::Result<Folder> {
        // A sweeper that finds the lock before we hold it takes the folder away.
        for _ in 0..10 {
            let chance = uuid::Uuid::new_v4().simple().to_string();
            let name = format!("{PREFIX}{}-{}", purpose.as_str(), &chance[..RANDOM]);
            let path = directory.join(name);
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            match lock(&path) {
                Ok(Some(lock)) => return Ok(Folder { path, _lock: lock }),
                Ok(None) => {}
                Err(error) => {
                    let _ = remove(&path);
                    return Err(error);
                }
            }
        }
        Err(io::Error::other("somebody removes what is made there"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Remove it now.
    pub fn close(self) -> io::Result<()> {
        remove(&self.path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nobody is there to be told; what cannot be removed now, a later sweep does.
        let _ = remove(&self.path);
    }
}

/// Make the lock file of the new folder PATH and hold its lock; `None` when a sweeper
/// was faster.
fn lock(path: &Path) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = match rustix::fs::open(path.join(LOCK), flags, Mode::RUSR | Mode::WUSR) {
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        file => file?,
    };
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(None);
    }
    let mut file = File::from(file);
    file.write_all(format!("{FIRST_LINE}process {}\n", std::process::id()).as_bytes())?;
    let still_there = file.metadata()?.nlink() > 0;
    Ok(still_there.then(|| file.into()))
}

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    /// What was removed.
    pub removed: Vec<PathBuf>,
    /// What could not be, and why.
    pub left: Vec<(PathBuf, io::Error)>,
}

impl Swept {
    /// Tell whoever watches what was done, if anything was.
    pub fn tell(&self) {
        let note = |text| progress::tell(Event::Note { text });
        if let [first, more @ ..] = self.removed.as_slice() {
            let others = match more.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            note(format!(
                "removed `{}`{others}, left by a fruix-scm that was killed",
                first.display()
            ));
        }
        for (path, error) in &self.left {
            note(format!("cannot remove `{}`: {error}", path.display()));
        }
    }
}

/// Remove the folders in the directory for temporary files that processes which are
/// gone have left there.
pub fn sweep() -> Swept {
    sweep_in(&std::env::temp_dir())
}

fn sweep_in(directory: &Path) -> Swept {
    let mut swept = Swept::default();
    let Ok(entries) = fs::read_dir(directory) else {
        return swept;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(is_our_name) {
            continue;
        }
        let path = entry.path();
        match sweep_one(directory, &path) {
            Ok(true) => swept.removed.push(path),
            Ok(false) => {}
            Err(error) => swept.left.push((path, error)),
        }
    }
    swept.removed.sort();
    swept
}

fn is_our_name(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    Purpose::ALL.into_iter().any(|purpose| {
        rest.strip_prefix(purpose.as_str())
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|chance| {
                chance.len() == RANDOM && chance.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
    })
}

/// Remove the folder PATH of DIRECTORY if nobody lives in it; whether that was so.
fn sweep_one(directory: &Path, path: &Path) -> io::Result<bool> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    // A link, a file, somebody else's: not ours.
    let Ok(folder) = rustix::fs::open(path, flags, Mode::empty()) else {
        return Ok(false);
    };
    let folder = File::from(folder);
    let metadata = folder.metadata()?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw()
        && metadata.mode() & 0o077 == 0
        && metadata.dev() == fs::metadata(directory)?.dev();
    if !ours {
        return Ok(false);
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match rustix::fs::openat(folder.as_fd(), LOCK, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => {
            // Killed before it had a lock, or about to make one.
            let age = SystemTime::now().duration_since(metadata.modified()?);
            let old = age.is_ok_and(|age| age > Duration::from_secs(60));
            return Ok(old && fs::remove_dir(path).is_ok());
        }
        Err(_) => return Ok(false),
    };
    let about = file.metadata()?;
    let mut first = vec![0; FIRST_LINE.len()];
    let ours = about.is_file()
        && about.uid() == metadata.uid()
        && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        && (&file).read_exact(&mut first).is_ok()
        && first == FIRST_LINE.as_bytes();
    if !ours {
        return Ok(false);
    }
    remove(path)?;
    Ok(true)
}

/// Remove the folder PATH with all that is in it, its lock file last, so that a
/// removal that is interrupted can be gone on with.
fn remove(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    match fs::remove_file(path.join(LOCK)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::remove_dir(path)
}

/// Remove the tree at ROOT, directories without write permission included.
pub fn remove_tree(root: &Path) -> io::Result<()> {
    if let Ok(()) = fs::remove_dir_all(root) {
        return Ok(());
    }
    for entry in walkdir::WalkDir::new(root) {
        let Ok(entry) = entry else { continue };
        if entry.file_type().is_dir() {
            let _ = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o700));
        }
    }
    match fs::remove_dir_all(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A folder whose maker was killed.
    fn left_in(directory: &Path) -> PathBuf {
        let folder = Folder::make_in(directory, Purpose::Simulation).unwrap();
        let path = folder.path().to_owned();
        let left = directory.join("aside");
        fs::rename(&path, &left).unwrap();
        drop(folder);
        fs::rename(&left, &path).unwrap();
        path
    }

    #[test]
    fn what_nobody_lives_in_is_swept_and_what_somebody_does_stays() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let living = Folder::make_in(directory, Purpose::Simulation).unwrap();
        let left = left_in(directory);
        fs::create_dir_all(left.join("guest/store")).unwrap();
        fs::write(left.join("guest/store/file"), "").unwrap();
        fs::set_permissions(left.join("guest/store"), fs::Permissions::from_mode(0o555)).unwrap();
        let swept = sweep_in(directory);
        assert_eq!(swept.removed, [left.as_path()]);
        assert!(swept.left.is_empty(), "{swept:?}");
        assert!(!left.exists());
        assert!(living.path().join(LOCK).exists());
        let path = living.path().to_owned();
        living.close().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn only_what_was_made_here_is_swept() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join(LOCK), FIRST_LINE).unwrap();
        fs::write(outside.path().join("precious"), "").unwrap();
        let ours = left_in(directory);
        let named = |name: &str| directory.join(name);
        let moved = |name: &str| {
            let path = left_in(directory);
            fs::rename(path, named(name)).unwrap();
        };
        // Another name, or not quite ours.
        moved("fruix-scm-simulation-abcdef");
        moved("fruix-scm-simulation-0123456789.1");
        moved("fruix-scm-anything-0123456789ab");
        // A link to what looks like ours; links within are removed, not followed.
        symlink(outside.path(), named("fruix-scm-simulation-0123456789aa")).unwrap();
        symlink(outside.path(), named("fruix-scm-simulation-0123456789bb")).unwrap();
        symlink(outside.path(), ours.join("link")).unwrap();
        // Others may write there, so others may have made it.
        moved("fruix-scm-simulation-0123456789cc");
        let shared = fs::Permissions::from_mode(0o770);
        fs::set_permissions(named("fruix-scm-simulation-0123456789cc"), shared).unwrap();
        // Its lock is a link, or says something else, or is not there.
        for name in ["aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc"] {
            let path = named(&format!("fruix-scm-layout-{name}"));
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            fs::write(path.join("precious"), "").unwrap();
        }
        let lock = named("fruix-scm-layout-bbbbbbbbbbbb").join(LOCK);
        symlink(outside.path().join(LOCK), lock).unwrap();
        fs::write(named("fruix-scm-layout-cccccccccccc").join(LOCK), "mine\n").unwrap();

        let before = fs::read_dir(directory).unwrap().count();
        let swept = sweep_in(directory);
        assert_eq!(swept.removed, [ours.as_path()]);
        assert!(swept.left.is_empty(), "{swept:?}");
        assert_eq!(fs::read_dir(directory).unwrap().count(), before - 1);
        assert!(outside.path().join("precious").exists());
    }

    #[test]
    fn a_folder_and_its_lock_are_this_users_alone() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::make_in(directory.path(), Purpose::Trial).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(mode(&folder.path().join(LOCK)), 0o600);
    }
}
