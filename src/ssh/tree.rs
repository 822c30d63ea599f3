//! Whole trees between here and the guest, verified on both sides.
//!
//! Directories, files and links of both kinds go, with their modes and times;
//! owners do not. Small files share one session, many at a time; a
//! large one goes as [`super::transfer`] moves it. Files that are there already,
//! by SHA-256, are not moved again, so a transfer that was cut goes on where it
//! stopped. Links are made last, and names are looked at first: a guest cannot
//! have anything written outside the directory that was named.

use super::connection::{Connection, Outage};
use super::error::SshError;
use super::sftp::Sftp;
use super::transfer::{DIGEST, hash_of, local_trouble};
use crate::progress::{self, Event};
use futures_util::StreamExt;
use futures_util::stream;
use russh_sftp::protocol::{FileAttributes, OpenFlags};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Files up to this size are held in memory whole.
const SMALL: u64 = 1 << 20;
/// So many small files are on their way at once.
const AT_ONCE: usize = 16;
/// How many bytes of names one question holds: less than every system's limit.
const NAMES: usize = 64 << 10;
/// More than this no tree has that is worth moving file by file.
const MOST_ENTRIES: usize = 1_000_000;
const LONGEST_PATH: usize = 4096;

/// What has been moved.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moved {
    pub files: u64,
    pub bytes: u64,
    /// Files that were there already.
    pub kept: u64,
}

/// One thing in a tree.
#[derive(Clone, Debug, PartialEq)]
enum Entry {
    Directory {
        mode: u32,
        time: u64,
    },
    File {
        mode: u32,
        size: u64,
        time: u64,
    },
    Link {
        target: String,
    },
    /// Another name of the file at a path that comes before.
    Name {
        of: String,
    },
}

/// A tree by paths relative to its root, parents first.
type Listing = BTreeMap<String, Entry>;

impl Connection {
    /// Make the directory REMOTE of the guest hold what LOCAL holds.
    pub async fn send_tree(&self, local: &Path, remote: &str) -> Result<Moved, SshError> {
        let listing = listing_here(local)?;
        let mut outage = Outage::new(self);
        loop {
            match self.send_tree_once(local, remote, &listing).await {
                Ok(moved) => return Ok(moved),
                Err(error) => outage.wait(error, false).await?,
            }
        }
    }

    async fn send_tree_once(
        &self,
        local: &Path,
        remote: &str,
        listing: &Listing,
    ) -> Result<Moved, SshError> {
        let there = |path: &str| joined(remote, path);
        let directories = listing.iter().filter_map(|(path, entry)| match entry {
            Entry::Directory { .. } => Some(there(path)),
            _ => None,
        });
        self.in_batches("mkdir -p \"$@\"", directories.collect())
            .await?;
        let sftp = self.sftp().await?;
        let files = files_of(listing);
        let bar = Bar::new(format!("send `{}`", local.display()), &files);
        let sizes: Vec<Result<Option<FileAttributes>, SshError>> = stream::iter(&files)
            .map(|(path, _, _)| {
                let path = there(path);
                let sftp = &sftp;
                async move { sftp.lstat(&path).await }
            })
            .buffered(4 * AT_ONCE)
            .collect()
            .await;
        let mut same_size = Vec::new();
        for ((path, _, size), found) in files.iter().zip(sizes) {
            let Some(found) = found? else { continue };
            if found.is_dir() {
                return Err(sftp.refused(&there(path), "it is a directory".to_owned()));
            }
            if found.is_regular() && found.len() == *size {
                same_size.push(path.clone());
            }
        }
        let digests = self.digests_in_guest(remote, &same_size).await?;
        let mut there_already = BTreeMap::new();
        for (path, digest) in same_size.into_iter().zip(digests) {
            if hashed_here(&local.join(&path)).await? == digest {
                there_already.insert(path, ());
            }
        }
        let mut moved = Moved::default();
        let mut small = Vec::new();
        for (path, mode, size) in &files {
            if there_already.contains_key(path) {
                moved.kept += 1;
                bar.add(*size);
                continue;
            }
            moved.files += 1;
            moved.bytes += size;
            if *size > SMALL {
                self.send(&local.join(path), &there(path)).await?;
                bar.add(*size);
            } else {
                small.push((path, *mode));
            }
        }
        let sent: Vec<Result<String, SshError>> = stream::iter(&small)
            .map(|(path, mode)| {
                let (from, to) = (local.join(path), there(path));
                let (sftp, bar) = (&sftp, &bar);
                async move {
                    let bytes = fs::read(&from).map_err(local_trouble(&from))?;
                    let digest = digest_of(&bytes);
                    let size = bytes.len() as u64;
                    put(sftp, &to, bytes, *mode).await?;
                    bar.add(size);
                    Ok(digest)
                }
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let expected = sent.into_iter().collect::<Result<Vec<_>, _>>()?;
        let paths: Vec<String> = small.iter().map(|(path, _)| (*path).clone()).collect();
        let found = self.digests_in_guest(remote, &paths).await?;
        for ((path, expected), found) in paths.iter().zip(&expected).zip(&found) {
            if expected != found {
                return Err(self.differs(&there(path), expected, found));
            }
        }
        let links = listing.iter().filter_map(|(path, entry)| match entry {
            Entry::Link { target } => Some([target.clone(), there(path)]),
            _ => None,
        });
        let names = listing.iter().filter_map(|(path, entry)| match entry {
            Entry::Name { of } => Some([there(of), there(path)]),
            _ => None,
        });
        self.in_batches(
            "while test $# -gt 1; do ln -f -- \"$1\" \"$2\" || exit 1; shift 2; done",
            names.flatten().collect(),
        )
        .await?;
        self.in_batches(
            "while test $# -gt 1; do rm -f -- \"$2\" && ln -s -- \"$1\" \"$2\" || exit 1; shift 2; done",
            links.flatten().collect(),
        )
        .await?;
        // What is in a directory changes its time, so those that are deepest go first.
        let attributes = listing
            .iter()
            .rev()
            .filter_map(|(path, entry)| match entry {
                Entry::Directory { mode, time } | Entry::File { mode, time, .. } => {
                    Some((there(path), *mode, *time))
                }
                _ => None,
            });
        let set: Vec<Result<(), SshError>> = stream::iter(attributes)
            .map(|(path, mode, time)| {
                let sftp = &sftp;
                async move { sftp.set_mode_and_time(&path, mode, time).await }
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        set.into_iter().collect::<Result<Vec<()>, _>>()?;
        bar.end();
        Ok(moved)
    }

    /// Make the directory LOCAL hold what REMOTE of the guest holds.
    pub async fn fetch_tree(&self, remote: &str, local: &Path) -> Result<Moved, SshError> {
        let mut outage = Outage::new(self);
        loop {
            match self.fetch_tree_once(remote, local).await {
                Ok(moved) => return Ok(moved),
                Err(error) => outage.wait(error, false).await?,
            }
        }
    }

    async fn fetch_tree_once(&self, remote: &str, local: &Path) -> Result<Moved, SshError> {
        let sftp = self.sftp().await?;
        let mut listing = listing_there(&sftp, remote).await?;
        for (path, of) in self.names_there(remote).await? {
            if matches!(listing.get(&of), Some(Entry::File { .. }))
                && let Some(entry @ Entry::File { .. }) = listing.get_mut(&path)
            {
                *entry = Entry::Name { of };
            }
        }
        let files = files_of(&listing);
        let bar = Bar::new(format!("fetch `{remote}`"), &files);
        for (path, entry) in &listing {
            if let Entry::Directory { .. } = entry {
                let path = local.join(path);
                make_directory(&path).map_err(local_trouble(&path))?;
            }
        }
        let paths: Vec<String> = files.iter().map(|(path, _, _)| path.clone()).collect();
        let digests = self.digests_in_guest(remote, &paths).await?;
        let mut moved = Moved::default();
        let mut small = Vec::new();
        for ((path, mode, size), digest) in files.iter().zip(&digests) {
            let here = local.join(path);
            let same_size = fs::symlink_metadata(&here)
                .is_ok_and(|found| found.is_file() && found.len() == *size);
            if same_size && hashed_here(&here).await? == *digest {
                moved.kept += 1;
                bar.add(*size);
                continue;
            }
            moved.files += 1;
            moved.bytes += size;
            if *size > SMALL {
                let found = self.fetch(&joined(remote, path), &here).await?;
                if found != *digest {
                    return Err(self.differs(&joined(remote, path), digest, &found));
                }
                bar.add(*size);
            } else {
                small.push((path, *mode, *size, digest));
            }
        }
        let fetched: Vec<Result<(), SshError>> = stream::iter(&small)
            .map(|(path, mode, size, digest)| {
                let (from, to) = (joined(remote, path), local.join(path));
                let (sftp, bar) = (&sftp, &bar);
                async move {
                    let bytes = get(sftp, &from, *size).await?;
                    let found = digest_of(&bytes);
                    if found != **digest {
                        return Err(self.differs(&from, digest, &found));
                    }
                    write_file(&to, &bytes, *mode).map_err(local_trouble(&to))?;
                    bar.add(*size);
                    Ok(())
                }
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        fetched.into_iter().collect::<Result<Vec<()>, _>>()?;
        for (path, entry) in &listing {
            if let Entry::Link { target } = entry {
                let path = local.join(path);
                make_link(target, &path).map_err(local_trouble(&path))?;
            }
        }
        for (path, entry) in &listing {
            if let Entry::Name { of } = entry {
                let path = local.join(path);
                make_name(&local.join(of), &path).map_err(local_trouble(&path))?;
            }
        }
        for (path, entry) in listing.iter().rev() {
            if let Entry::Directory { mode, time } | Entry::File { mode, time, .. } = entry {
                let path = local.join(path);
                set_mode_and_time(&path, *mode, *time).map_err(local_trouble(&path))?;
            }
        }
        bar.end();
        Ok(moved)
    }

    /// The files below ROOT of the guest that have another name there, each with the
    /// first of its names.
    async fn names_there(&self, root: &str) -> Result<Vec<(String, String)>, SshError> {
        let said = self
            .script(
                "cd \"$1\" && find . -type f -links +1 -exec sh -c '\
                 for file; do printf \"%s %s\\\\0\" \"$(ls -id \"$file\" | sed \"s/^ *//;s/ .*//;q\")\" \"$file\"; done' sh {} +",
                &[root],
            )
            .await?;
        let mut names: Vec<(&str, &str)> = said
            .split('\0')
            .filter_map(|entry| entry.split_once(' '))
            .filter_map(|(number, path)| Some((number, path.strip_prefix("./")?)))
            .collect();
        names.sort_by_key(|(_, path)| *path);
        let mut first: BTreeMap<&str, &str> = BTreeMap::new();
        let mut others = Vec::new();
        for (number, path) in names {
            match first.get(number) {
                Some(of) => others.push((path.to_owned(), (*of).to_owned())),
                None => {
                    first.insert(number, path);
                }
            }
        }
        Ok(others)
    }

    /// The SHA-256 of the files called PATHS below ROOT of the guest.
    async fn digests_in_guest(
        &self,
        root: &str,
        paths: &[String],
    ) -> Result<Vec<String>, SshError> {
        // A name with a newline in it would make two lines of one.
        let (odd, plain): (Vec<&String>, Vec<&String>) =
            paths.iter().partition(|path| path.contains('\n'));
        let mut found = BTreeMap::new();
        for (script, paths) in [
            (format!("{DIGEST}digest \"$@\""), plain),
            (
                format!("{DIGEST}for file; do digest < \"$file\" || exit 1; done"),
                odd,
            ),
        ] {
            for batch in batches(paths.iter().map(|path| joined(root, path)).collect()) {
                let names: Vec<&str> = batch.iter().map(String::as_str).collect();
                let said = self.script(&script, &names).await?;
                let digests: Vec<&str> = said
                    .lines()
                    .map(|line| line.strip_prefix('\\').unwrap_or(line))
                    .filter_map(|line| line.get(..64))
                    .collect();
                if digests.len() != batch.len() {
                    return Err(SshError::RemoteFile {
                        destination: self.destination().clone(),
                        path: root.to_owned(),
                        reason: format!(
                            "asked for {} digests, the guest gave {}",
                            batch.len(),
                            digests.len()
                        ),
                    });
                }
                for (path, digest) in batch.into_iter().zip(digests) {
                    found.insert(path, digest.to_owned());
                }
            }
        }
        Ok(paths
            .iter()
            .map(|path| found.remove(&joined(root, path)).unwrap_or_default())
            .collect())
    }

    /// Let the guest's shell read SCRIPT with ARGUMENTS, as many at a time as it
    /// takes.
    async fn in_batches(&self, script: &str, arguments: Vec<String>) -> Result<(), SshError> {
        for batch in batches(arguments) {
            let names: Vec<&str> = batch.iter().map(String::as_str).collect();
            self.script(script, &names).await?;
        }
        Ok(())
    }
}

/// ARGUMENTS in pieces that fit into a command line, an even number in each.
fn batches(arguments: Vec<String>) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut length = 0;
    for argument in arguments {
        length += argument.len() + 1;
        match batches.last_mut() {
            Some(batch) if length < NAMES || batch.len() % 2 == 1 => batch.push(argument),
            _ => {
                length = argument.len() + 1;
                batches.push(vec![argument]);
            }
        }
    }
    batches
}

fn joined(root: &str, path: &str) -> String {
    if path.is_empty() {
        root.to_owned()
    } else {
        format!("{}/{path}", root.trim_end_matches('/'))
    }
}

fn files_of(listing: &Listing) -> Vec<(String, u32, u64)> {
    listing
        .iter()
        .filter_map(|(path, entry)| match entry {
            Entry::File { mode, size, .. } => Some((path.clone(), *mode, *size)),
            _ => None,
        })
        .collect()
}

/// What is in the directory ROOT of this machine.
fn listing_here(root: &Path) -> Result<Listing, SshError> {
    let mut listing = Listing::new();
    let mut first: BTreeMap<(u64, u64), String> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_owned();
            local_trouble(&path)(error.into())
        })?;
        let path = entry.path();
        let odd = |reason: &str| local_trouble(path)(io::Error::other(reason));
        let metadata = entry
            .metadata()
            .map_err(|error| local_trouble(path)(error.into()))?;
        let mode = metadata.mode() & 0o7777;
        let time = u64::try_from(metadata.mtime()).unwrap_or(0);
        let kind = metadata.file_type();
        let text = |path: &Path| {
            path.to_str()
                .map(str::to_owned)
                .ok_or_else(|| odd("a name is not UTF-8"))
        };
        let name = text(path.strip_prefix(root).unwrap_or(path))?;
        let entry = if kind.is_dir() {
            Entry::Directory { mode, time }
        } else if kind.is_file() {
            let number = (metadata.dev(), metadata.ino());
            match first.get(&number).filter(|_| metadata.nlink() > 1) {
                Some(of) => Entry::Name { of: of.clone() },
                None => {
                    first.insert(number, name.clone());
                    Entry::File {
                        mode,
                        size: metadata.len(),
                        time,
                    }
                }
            }
        } else if kind.is_symlink() {
            let target = fs::read_link(path).map_err(local_trouble(path))?;
            Entry::Link {
                target: text(&target)?,
            }
        } else {
            return Err(odd("neither a file, a directory nor a link"));
        };
        if name.is_empty() && !matches!(entry, Entry::Directory { .. }) {
            return Err(odd("not a directory"));
        }
        listing.insert(name, entry);
    }
    Ok(listing)
}

/// What is in the directory ROOT of the guest, whose names are not trusted.
async fn listing_there(sftp: &Sftp<'_>, root: &str) -> Result<Listing, SshError> {
    let mode_of =
        |found: &FileAttributes, otherwise: u32| found.permissions.unwrap_or(otherwise) & 0o7777;
    let time_of = |found: &FileAttributes| u64::from(found.mtime.unwrap_or(0));
    let Some(found) = sftp.stat(root).await? else {
        return Err(sftp.refused(root, "No such file or directory".to_owned()));
    };
    if !found.is_dir() {
        return Err(sftp.refused(root, "not a directory".to_owned()));
    }
    let mut listing = Listing::new();
    let mode = mode_of(&found, 0o755);
    let time = time_of(&found);
    listing.insert(String::new(), Entry::Directory { mode, time });
    let mut pending = vec![String::new()];
    while let Some(directory) = pending.pop() {
        for (name, found) in sftp.list(&joined(root, &directory)).await? {
            let path = if directory.is_empty() {
                name.clone()
            } else {
                format!("{directory}/{name}")
            };
            let there = joined(root, &path);
            if name.is_empty()
                || name == "."
                || name == ".."
                || name.contains(['/', '\0', '\u{fffd}'])
            {
                return Err(sftp.refused(&there, "a name that no file here can have".to_owned()));
            }
            if listing.len() >= MOST_ENTRIES || there.len() > LONGEST_PATH {
                return Err(sftp.refused(root, "the tree has no end".to_owned()));
            }
            let entry = if found.is_symlink() {
                Entry::Link {
                    target: sftp.read_link(&there).await?,
                }
            } else if found.is_dir() {
                pending.push(path.clone());
                Entry::Directory {
                    mode: mode_of(&found, 0o755),
                    time: time_of(&found),
                }
            } else if found.is_regular() {
                Entry::File {
                    mode: mode_of(&found, 0o644),
                    size: found.len(),
                    time: time_of(&found),
                }
            } else {
                return Err(
                    sftp.refused(&there, "neither a file, a directory nor a link".to_owned())
                );
            };
            listing.insert(path, entry);
        }
    }
    Ok(listing)
}

async fn put(sftp: &Sftp<'_>, path: &str, bytes: Vec<u8>, mode: u32) -> Result<(), SshError> {
    let opened = sftp
        .open(
            path,
            OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE,
        )
        .await?;
    let size = sftp.write_size as usize;
    let pieces: Vec<(u64, Vec<u8>)> = bytes
        .chunks(size)
        .enumerate()
        .map(|(index, piece)| ((index * size) as u64, piece.to_vec()))
        .collect();
    let mut pieces = pieces.into_iter();
    sftp.write(&opened, || std::future::ready(pieces.next()), |_| {})
        .await?;
    sftp.set(&opened, None, Some(mode)).await?;
    sftp.close(&opened).await
}

async fn get(sftp: &Sftp<'_>, path: &str, size: u64) -> Result<Vec<u8>, SshError> {
    let opened = sftp.open(path, OpenFlags::READ).await?;
    let mut bytes = Vec::with_capacity(size as usize);
    sftp.read(&opened, 0, size, |piece| {
        bytes.extend(piece);
        std::future::ready(true)
    })
    .await?;
    sftp.close(&opened).await?;
    Ok(bytes)
}

/// Make a directory at PATH unless there is one; a link to one will not do.
fn make_directory(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            // What is to come needs room to be made in.
            let mode = found.permissions().mode() | 0o700;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        }
        Ok(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
        Err(_) => fs::create_dir_all(path),
    }
}

/// Give the file at OF the name PATH as well.
fn make_name(of: &Path, path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::Error::from(io::ErrorKind::AlreadyExists)),
        Ok(_) => fs::remove_file(path)?,
        Err(_) => {}
    }
    fs::hard_link(of, path)
}

/// Give what is at PATH a mode, and the time of its last change in seconds since 1970.
fn set_mode_and_time(path: &Path, mode: u32, time: u64) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};
    let time = Timespec {
        tv_sec: time as _,
        tv_nsec: 0,
    };
    let none = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
    };
    let times = Timestamps {
        last_access: none,
        last_modification: time,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn make_link(target: &str, path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::Error::from(io::ErrorKind::AlreadyExists)),
        Ok(_) => fs::remove_file(path)?,
        Err(_) => {}
    }
    symlink(target, path)
}

/// Write BYTES to the file PATH, and through no link.
fn write_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut part: PathBuf = path.to_owned();
    part.as_mut_os_string().push(".part");
    let mut file: File = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&part)?;
    file.write_all(bytes)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    drop(file);
    fs::rename(&part, path)
}

fn digest_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

async fn hashed_here(path: &Path) -> Result<String, SshError> {
    let owned = path.to_owned();
    tokio::task::spawn_blocking(move || hash_of(&owned))
        .await
        .unwrap_or_else(|error| Err(error.into()))
        .map_err(local_trouble(path))
}

/// Tells how far a tree has come.
struct Bar {
    what: String,
    done: AtomicU64,
    total: u64,
}

impl Bar {
    fn new(what: String, files: &[(String, u32, u64)]) -> Bar {
        Bar {
            what,
            done: AtomicU64::new(0),
            total: files.iter().map(|(_, _, size)| size).sum(),
        }
    }

    fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        // Only `end` says that it has ended.
        self.tell(done.min(self.total.saturating_sub(1)));
    }

    fn end(&self) {
        self.tell(self.total);
    }

    fn tell(&self, done: u64) {
        progress::tell(Event::Transfer {
            what: self.what.clone(),
            done,
            total: Some(self.total),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_short_enough_and_keep_pairs_together() {
        let arguments: Vec<String> = (0..5000).map(|number| format!("{number:040}")).collect();
        let batches = batches(arguments.clone());
        assert!(batches.len() > 2);
        for batch in &batches[..batches.len() - 1] {
            assert_eq!(batch.len() % 2, 0);
            assert!(batch.iter().map(String::len).sum::<usize>() <= NAMES + 100);
        }
        assert_eq!(batches.concat(), arguments);
    }
}
