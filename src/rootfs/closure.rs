//! What a closure holds, as far as a rootfs is concerned.
//!
//! The closure may lie below a directory that stands for `/`: its links are
//! absolute and are followed there, never on the running machine.

use super::RootfsError;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

const STORE: &[u8] = b"/frx/store/";

/// Whether the rootfs gets the links for headers and make files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Development {
    /// When the closure has a development profile.
    AsTheClosure,
    /// Always; a closure without a development profile is refused.
    Required,
}

/// What a rootfs is planned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// Where it can be read now.
    pub path: PathBuf,
    /// What the system itself will call it: `/frx/store/…`.
    pub name: PathBuf,
    pub has_development_profile: bool,
    /// Names in `boot`, sorted.
    pub boot: Vec<OsString>,
    /// Files below `etc`, as (path relative to it, where it can be read).
    pub etc: Vec<(PathBuf, PathBuf)>,
    /// Files below `usr/local`, relative to it.
    pub local: Vec<PathBuf>,
}

impl Closure {
    /// Read the closure at PATH.
    pub fn read(path: &Path) -> Result<Closure, RootfsError> {
        let not_a_closure = |why: &str| RootfsError::NotAClosure {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        let (root, name) = locate(path).map_err(|error| not_a_closure(&error.to_string()))?;
        let here = within(&root, &name);
        match fs::symlink_metadata(&here) {
            Err(error) => return Err(not_a_closure(&error.to_string())),
            Ok(metadata) if !metadata.is_dir() => return Err(not_a_closure("not a directory")),
            Ok(_) => {}
        }
        // Without these two nothing that is linked below would lead anywhere.
        for part in ["profile", "activate"] {
            if fs::symlink_metadata(here.join(part)).is_err() {
                return Err(not_a_closure(&format!("it has no `{part}`")));
            }
        }
        let etc = resolve(&root, &name.join("etc"))?;
        let mut etc_files = Vec::new();
        for file in files_below(&etc)? {
            let place = etc.strip_prefix(&root).unwrap_or(&etc).join(&file);
            etc_files.push((file, resolve(&root, &place)?));
        }
        Ok(Closure {
            has_development_profile: fs::symlink_metadata(here.join("development-profile")).is_ok(),
            boot: names(&resolve(&root, &name.join("boot"))?)?,
            etc: etc_files,
            local: files_below(&resolve(&root, &name.join("usr/local"))?)?,
            path: here,
            name,
        })
    }
}

/// The directory that stands for `/` and the name of the closure at PATH below it.
fn locate(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let split = |path: &Path| {
        let bytes = path.as_os_str().as_bytes();
        let at = bytes.windows(STORE.len()).position(|part| part == STORE)?;
        let text = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_owned()));
        Some((text(&bytes[..at]), text(&bytes[at..])))
    };
    let absolute: PathBuf = std::path::absolute(path)?.components().collect();
    if let Some(found) = split(&absolute) {
        return Ok(found);
    }
    // Not by its store name: perhaps by a link such as /run/current-system.
    let real = fs::canonicalize(&absolute)?;
    Ok(split(&real).unwrap_or((PathBuf::new(), real)))
}

/// The absolute PATH taken to start at ROOT.
fn within(root: &Path, path: &Path) -> PathBuf {
    let mut place = root.as_os_str().to_owned();
    place.push(path.as_os_str());
    PathBuf::from(place)
}

/// Where the absolute PATH leads when ROOT stands for `/`; a path that leads
/// nowhere is returned as far as it could be followed.
fn resolve(root: &Path, path: &Path) -> Result<PathBuf, RootfsError> {
    let mut pending: VecDeque<OsString> = parts(path);
    let mut reached = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = pending.pop_front() {
        if part == ".." {
            reached.pop();
            continue;
        }
        reached.push(&part);
        let place = within(root, &reached);
        let Ok(target) = fs::read_link(&place) else {
            continue;
        };
        links += 1;
        if links > 40 {
            return Err(RootfsError::io(
                "follow",
                place,
                io::Error::other("too many levels of links"),
            ));
        }
        reached.pop();
        if target.is_absolute() {
            reached = PathBuf::from("/");
        }
        for part in parts(&target).into_iter().rev() {
            pending.push_front(part);
        }
    }
    Ok(within(root, &reached))
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(part) => Some(part.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            _ => None,
        })
        .collect()
}

/// The names in DIRECTORY, sorted by their bytes; none when there is no such directory.
fn names(directory: &Path) -> Result<Vec<OsString>, RootfsError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RootfsError::io("read", directory, error)),
    };
    let mut names = entries
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| RootfsError::io("read", directory, error))?;
    names.sort();
    Ok(names)
}

/// Everything below DIRECTORY that is not a directory, relative to it, each
/// directory's names in order.
fn files_below(directory: &Path) -> Result<Vec<PathBuf>, RootfsError> {
    let mut files = Vec::new();
    // Directories still to be read, the next one last: recursion would let a
    // deep tree decide how much stack is used.
    let mut pending: Vec<PathBuf> = vec![PathBuf::new()];
    while let Some(path) = pending.pop() {
        let place = directory.join(&path);
        let is_directory = path.as_os_str().is_empty()
            || fs::symlink_metadata(&place)
                .map_err(|error| RootfsError::io("read", &place, error))?
                .is_dir();
        if is_directory {
            pending.extend(names(&place)?.into_iter().rev().map(|name| path.join(name)));
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_out_of_the_directory_that_stands_for_the_root_stays_inside() {
        let root = tempfile::tempdir().unwrap();
        symlink("../../../../etc", root.path().join("up")).unwrap();
        symlink("/there", root.path().join("absolute")).unwrap();
        fs::create_dir(root.path().join("there")).unwrap();
        let lead = |path: &str| resolve(root.path(), Path::new(path)).unwrap();
        assert_eq!(lead("/up/passwd"), root.path().join("etc/passwd"));
        assert_eq!(lead("/absolute/x"), root.path().join("there/x"));
    }

    #[test]
    fn a_circle_of_links_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        symlink("/b", root.path().join("a")).unwrap();
        symlink("/a", root.path().join("b")).unwrap();
        let error = resolve(root.path(), Path::new("/a")).unwrap_err();
        assert!(error.to_string().contains("too many levels"), "{error}");
    }
}
