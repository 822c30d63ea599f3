//! A temporary place in which a module's own procedure makes a rootfs from
//! reference closures, so that its layouts can be looked at.
//!
//! The references are always the same, those of the fixtures: a development
//! system, a lean one, and one with files of every name that the module mentions.
//! So a layout changes only when the module does.

use super::{MediaError, ample};
use crate::embedded;
use crate::temporary::{Folder, Purpose};
use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The item with files of every name that a module mentions.
pub const AMPLE: &str = "0000000000000000000000000000000000000000-fruix-system-ample";

/// A directory that is removed when the value is dropped.
#[derive(Debug)]
pub struct Scratch(RefCell<Option<Folder>>);

impl Scratch {
    /// A fresh directory with the reference closure in it.
    pub fn new() -> Result<Self, MediaError> {
        let fail = |path: &Path, error| MediaError::io("unpack the fixtures in", path, error);
        let directory =
            Folder::make(Purpose::Layout).map_err(|error| fail(&std::env::temp_dir(), error))?;
        tar::Archive::new(embedded::FIXTURES)
            .unpack(directory.path())
            .map_err(|error| fail(directory.path(), error))?;
        Ok(Scratch(RefCell::new(Some(directory))))
    }

    /// Where the reference closures are; the module's text has the strings WORDS.
    pub fn closures(&self, words: &[String]) -> Result<Vec<PathBuf>, MediaError> {
        let store = self.root()?.join("frx/store");
        let fail = |error| MediaError::io("read", &store, error);
        let mut closures = Vec::new();
        for entry in fs::read_dir(&store).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if path.to_string_lossy().contains("-fruix-system-") {
                closures.push(path);
            }
        }
        closures.sort();
        let developing = closures
            .iter()
            .find(|path| fs::symlink_metadata(path.join("development-profile")).is_ok());
        if let Some(model) = developing {
            let path = store.join(AMPLE);
            copy(model, &path)?;
            ample::furnish(&path, &ample::names(words))?;
            closures.push(path);
        }
        Ok(closures)
    }

    /// The directory that stands for `/`.
    pub fn root(&self) -> Result<PathBuf, MediaError> {
        Ok(self.path()?.join("root"))
    }

    /// Where a rootfs may be made.
    pub fn rootfs(&self) -> Result<PathBuf, MediaError> {
        Ok(self.path()?.join("rootfs"))
    }

    /// Remove the directory now.
    pub fn discard(&self) -> Result<(), MediaError> {
        match self.0.take() {
            None => Ok(()),
            Some(directory) => {
                let path = directory.path().to_owned();
                directory
                    .close()
                    .map_err(|error| MediaError::io("remove", path, error))
            }
        }
    }

    fn path(&self) -> Result<PathBuf, MediaError> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "it was discarded");
        let directory = self.0.borrow();
        let directory = directory
            .as_ref()
            .ok_or_else(|| MediaError::io("use", "the temporary directory", gone()))?;
        Ok(directory.path().to_owned())
    }
}

/// Make TO hold what the directory FROM holds.
fn copy(from: &Path, to: &Path) -> Result<(), MediaError> {
    for entry in WalkDir::new(from) {
        let entry = entry.map_err(|error| MediaError::io("read", from, error.into()))?;
        let place = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        let made = if entry.file_type().is_dir() {
            fs::create_dir_all(&place)
        } else if entry.path_is_symlink() {
            fs::read_link(entry.path())
                .and_then(|target| std::os::unix::fs::symlink(target, &place))
        } else {
            fs::copy(entry.path(), &place).map(|_| ())
        };
        made.map_err(|error| MediaError::io("make", place, error))?;
    }
    Ok(())
}
