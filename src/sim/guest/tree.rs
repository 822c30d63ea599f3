//! Copies of a guest's root file system, for copies of its disk.
//!
//! The guest may be running, and swap what is copied for something else at any moment:
//! nothing is opened by a path, and no link is followed. What comes out is what a disk
//! holds whose machine lost its power: each file as it was when its turn came, and not
//! all of them as they were at one moment.
//!
//! Source: openat(2), "Rationale for openat()".

use super::system::PROVIDED;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How deep directories may lie in each other: as many are open at once.
const DEEPEST: usize = 200;

/// Copy the root file system at FROM to TO, which is not there, without what each boot
/// provides.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir(to)?;
    let from = rustix::fs::open(from, DIRECTORY, Mode::empty())?;
    let target = rustix::fs::open(to, DIRECTORY, Mode::empty())?;
    let mut copying = Copying {
        target: target.as_fd().try_clone_to_owned()?,
        links: HashMap::new(),
    };
    copying.directory(from.as_fd(), target.as_fd(), Path::new(""))?;
    finish(&rustix::fs::fstat(&from)?, target.as_fd())
}

struct Copying {
    /// The top of the copy.
    target: OwnedFd,
    /// Where in the copy a file lies that has several names, by device and number.
    links: HashMap<(u64, u64), PathBuf>,
}

impl Copying {
    /// Copy what is in FROM to TO, both of which are at PATH.
    fn directory(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        path: &Path,
    ) -> io::Result<()> {
        if path.components().count() > DEEPEST {
            return Err(io::Error::other(format!(
                "`{}` lies too deep",
                path.display()
            )));
        }
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(from)? {
            let name = entry?.file_name().to_owned();
            let is_provided = path.as_os_str().is_empty()
                && PROVIDED.iter().any(|it| it.as_bytes() == name.to_bytes());
            if name.as_c_str() != c"." && name.as_c_str() != c".." && !is_provided {
                names.push(name);
            }
        }
        for name in names {
            use std::os::unix::ffi::OsStrExt;
            let below = path.join(std::ffi::OsStr::from_bytes(name.to_bytes()));
            match self.entry(from, to, &name, &below) {
                // It was removed meanwhile, or has become something else.
                Err(error)
                    if [Errno::NOENT, Errno::LOOP, Errno::NOTDIR, Errno::NXIO]
                        .iter()
                        .any(|it| error.raw_os_error() == Some(it.raw_os_error())) => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &CStr,
        path: &Path,
    ) -> io::Result<()> {
        let found = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(found.st_mode as _);
        match kind {
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(from, name, Vec::new())?;
                rustix::fs::symlinkat(target, to, name)?;
            }
            FileType::Directory => {
                let source = open(from, name, DIRECTORY)?;
                rustix::fs::mkdirat(to, name, Mode::RWXU)?;
                let target = rustix::fs::openat(to, name, DIRECTORY, Mode::empty())?;
                self.directory(source.as_fd(), target.as_fd(), path)?;
                finish(&found, target.as_fd())?;
            }
            FileType::RegularFile => self.file(from, to, name, path)?,
            FileType::Fifo | FileType::Socket => {
                let mode = Mode::from_raw_mode(found.st_mode as _);
                rustix::fs::mknodat(to, name, kind, mode, 0)?;
            }
            // A guest cannot make any.
            _ => {}
        }
        Ok(())
    }

    fn file(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &CStr,
        path: &Path,
    ) -> io::Result<()> {
        const READ: OFlags = OFlags::RDONLY
            .union(OFlags::NOFOLLOW)
            .union(OFlags::NONBLOCK)
            .union(OFlags::CLOEXEC);
        const WRITE: OFlags = OFlags::WRONLY
            .union(OFlags::CREATE)
            .union(OFlags::EXCL)
            .union(OFlags::CLOEXEC);
        let source = open(from, name, READ)?;
        let found = rustix::fs::fstat(&source)?;
        if FileType::from_raw_mode(found.st_mode as _) != FileType::RegularFile {
            return Ok(());
        }
        let identity = (found.st_dev as u64, found.st_ino as u64);
        if found.st_nlink > 1
            && let Some(first) = self.links.get(&identity)
        {
            rustix::fs::linkat(&self.target, first, to, name, AtFlags::empty())?;
            return Ok(());
        }
        let target = rustix::fs::openat(to, name, WRITE, Mode::RUSR | Mode::WUSR)?;
        let (source, target) = (File::from(source), File::from(target));
        copy_data(&source, &target)?;
        finish(&found, target.as_fd())?;
        if found.st_nlink > 1 {
            self.links.insert(identity, path.to_owned());
        }
        Ok(())
    }
}

/// Open NAME in FROM, where its owner in the guest may have closed it to everybody:
/// nothing stops root there.
fn open(from: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> io::Result<OwnedFd> {
    match rustix::fs::openat(from, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {}
        outcome => return Ok(outcome?),
    }
    let path_only = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = rustix::fs::openat(from, name, path_only, Mode::empty())?;
    let before = Mode::from_raw_mode(rustix::fs::fstat(&held)?.st_mode as _);
    // The one way to what is held open by name only, and to nothing else.
    let place = format!("/proc/self/fd/{}", held.as_raw_fd());
    rustix::fs::chmod(&place, before | Mode::RUSR | Mode::XUSR)?;
    let opened = rustix::fs::openat(from, name, flags, Mode::empty());
    rustix::fs::chmod(&place, before)?;
    Ok(opened?)
}

/// Copy the bytes of SOURCE to TARGET, which is empty, and leave out holes.
pub fn copy_data(mut source: &File, mut target: &File) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let length = source.metadata()?.len();
    let mut offset = 0;
    while offset < length {
        offset = match rustix::fs::seek(source, rustix::fs::SeekFrom::Data(offset)) {
            Ok(data) => data,
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(source, rustix::fs::SeekFrom::Hole(offset))?;
        source.seek(SeekFrom::Start(offset))?;
        target.seek(SeekFrom::Start(offset))?;
        io::copy(&mut source.take(end - offset), &mut target)?;
        offset = end;
    }
    if target.metadata()?.len() < length {
        target.set_len(length)?;
    }
    Ok(())
}

/// Give TO the mode and the times of FOUND.
fn finish(found: &Stat, to: BorrowedFd<'_>) -> io::Result<()> {
    rustix::fs::fchmod(to, Mode::from_raw_mode(found.st_mode as _))?;
    // The types of these fields are each system's own.
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: found.st_atime as _,
            tv_nsec: found.st_atime_nsec as _,
        },
        last_modification: Timespec {
            tv_sec: found.st_mtime as _,
            tv_nsec: found.st_mtime_nsec as _,
        },
    };
    Ok(rustix::fs::futimens(to, &times)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};

    #[test]
    fn a_copy_has_what_the_disk_holds_and_not_what_each_boot_provides() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        for directory in ["dev", "host/programs", "var/db", "usr/dev"] {
            fs::create_dir_all(from.join(directory)).unwrap();
        }
        fs::write(from.join("dev/null"), "").unwrap();
        fs::write(from.join("usr/dev/kept"), "kept").unwrap();
        fs::write(from.join("var/db/one"), "one").unwrap();
        fs::hard_link(from.join("var/db/one"), from.join("var/db/two")).unwrap();
        let sparse = File::create(from.join("var/sparse")).unwrap();
        sparse.write_all_at(b"end", 1 << 30).unwrap();
        sparse.set_len(1 << 31).unwrap();
        symlink("/etc/passwd", from.join("link")).unwrap();
        for (name, mode) in [("closed", 0o000), ("var/db", 0o555), ("var", 0o1777)] {
            if name == "closed" {
                fs::create_dir(from.join(name)).unwrap();
                fs::write(from.join("closed/file"), "inside").unwrap();
                fs::set_permissions(from.join("closed/file"), fs::Permissions::from_mode(0o000))
                    .unwrap();
            }
            fs::set_permissions(from.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        copy(&from, &to).unwrap();
        assert!(!to.join("dev").exists() && !to.join("host").exists());
        assert_eq!(fs::read_to_string(to.join("usr/dev/kept")).unwrap(), "kept");
        let inode = |name: &str| fs::metadata(to.join(name)).unwrap().ino();
        assert_eq!(inode("var/db/one"), inode("var/db/two"));
        let sparse = fs::metadata(to.join("var/sparse")).unwrap();
        assert_eq!(sparse.len(), 1 << 31);
        assert!(sparse.blocks() * 512 < 1 << 20);
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("/etc/passwd")
        );
        for (name, mode) in [("closed", 0o000), ("var/db", 0o555), ("var", 0o1777)] {
            for root in [&from, &to] {
                let found = fs::metadata(root.join(name)).unwrap();
                assert_eq!(found.permissions().mode() & 0o7777, mode, "{name}");
            }
        }
        let time = |root: &Path| fs::metadata(root.join("var/db")).unwrap().mtime_nsec();
        assert_eq!(time(&from), time(&to));
        for root in [&from, &to] {
            fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
        }
    }
}
