//! What a closure holds, as far as a rootfs is concerned.
//!
//! The closure may lie below a directory that stands for `/`: its links are
//! absolute and are followed there, never on the running machine.

use super::RootfsError;
use super::plan::is_copied;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

const STORE: &[u8] = b"/frx/store/";

/// How many links are followed one after another, as systems do.
const LINKS: usize = 40;

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
    /// Files below `etc`, relative to it, and where those can be read that are copied.
    pub etc: Vec<(PathBuf, Option<PathBuf>)>,
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
        let (root, name) = Closure::place(path)?;
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
        let directory = |part: &str| resolve(&root, &name.join(part));
        let etc = directory("etc");
        let mut etc_files = Vec::new();
        for file in files_below(&etc)? {
            let source = is_copied(&file).then(|| {
                let place = etc.strip_prefix(&root).unwrap_or(&etc).join(&file);
                resolve(&root, &place)
            });
            etc_files.push((file, source));
        }
        Ok(Closure {
            has_development_profile: fs::symlink_metadata(here.join("development-profile")).is_ok(),
            boot: names(&directory("boot"))?,
            etc: etc_files,
            local: files_below(&directory("usr/local"))?,
            path: here,
            name,
        })
    }

    /// Where the closure at PATH is: the directory that stands for `/`, empty when
    /// that is the machine's own, and what the system itself calls the closure.
    /// PATH may be a link to it, such as `ROOT/run/current-system`.
    pub fn place(path: &Path) -> Result<(PathBuf, PathBuf), RootfsError> {
        locate(path).map_err(|error| RootfsError::NotAClosure {
            path: path.to_owned(),
            why: error.to_string(),
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
    let mut place: PathBuf = std::path::absolute(path)?.components().collect();
    // Not by its store name: perhaps by a link such as /run/current-system, whose
    // target is meant below the directory that stands for `/` where the link is.
    for _ in 0..LINKS {
        if let Some(found) = split(&place) {
            return Ok(found);
        }
        let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else {
            break;
        };
        let parent = fs::canonicalize(parent)?;
        let Ok(target) = fs::read_link(parent.join(name)) else {
            break;
        };
        if target.is_relative() {
            place = parent.join(target).components().collect();
            continue;
        }
        let below = |root: &Path| match root.parent() {
            Some(_) => within(root, &target),
            None => target.clone(),
        };
        place = parent
            .ancestors()
            .map(below)
            .find(|place| fs::symlink_metadata(place).is_ok())
            .unwrap_or_else(|| target.clone());
    }
    let real = fs::canonicalize(&place)?;
    Ok(split(&real).unwrap_or((PathBuf::new(), real)))
}

/// The absolute PATH taken to start at ROOT.
fn within(root: &Path, path: &Path) -> PathBuf {
    let mut place = root.as_os_str().to_owned();
    place.push(path.as_os_str());
    PathBuf::from(place)
}

/// Where the absolute PATH leads when ROOT stands for `/`; a path that leads
/// nowhere, or round in a circle, is returned as far as it could be followed.
fn resolve(root: &Path, path: &Path) -> PathBuf {
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
        if links > LINKS {
            return place;
        }
        reached.pop();
        if target.is_absolute() {
            reached = PathBuf::from("/");
        }
        for part in parts(&target).into_iter().rev() {
            pending.push_front(part);
        }
    }
    within(root, &reached)
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

/// The names in DIRECTORY, sorted by their bytes; none when there is no such
/// directory, as Guile's `scandir` has it.
fn names(directory: &Path) -> Result<Vec<OsString>, RootfsError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if no_directory(&error) => return Ok(Vec::new()),
        Err(error) => return Err(RootfsError::io("read", directory, error)),
    };
    let mut names = entries
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| RootfsError::io("read", directory, error))?;
    names.sort();
    Ok(names)
}

fn no_directory(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) || Errno::from_io_error(error) == Some(Errno::LOOP)
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
        let lead = |path: &str| resolve(root.path(), Path::new(path));
        assert_eq!(lead("/up/passwd"), root.path().join("etc/passwd"));
        assert_eq!(lead("/absolute/x"), root.path().join("there/x"));
    }

    #[test]
    fn a_circle_of_links_is_no_directory() {
        let root = tempfile::tempdir().unwrap();
        symlink("/b", root.path().join("a")).unwrap();
        symlink("/a", root.path().join("b")).unwrap();
        let circle = resolve(root.path(), Path::new("/a"));
        assert_eq!(names(&circle).unwrap(), Vec::<OsString>::new());
    }

    #[test]
    fn a_link_to_the_closure_is_followed_below_the_root_that_it_is_in() {
        let top = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(top.path()).unwrap();
        let name = "/frx/store/0000000000000000000000000000000000000000-fruix-system-x";
        fs::create_dir_all(within(&root, Path::new(name))).unwrap();
        fs::create_dir(root.join("run")).unwrap();
        symlink(name, root.join("run/current-system")).unwrap();
        symlink("/run/current-system", root.join("run/again")).unwrap();
        symlink("current-system", root.join("run/near")).unwrap();
        for link in ["current-system", "again", "near"] {
            let (found, closure) = locate(&root.join("run").join(link)).unwrap();
            assert_eq!((found, closure), (root.clone(), name.into()), "{link}");
        }
    }
}
