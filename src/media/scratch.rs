//! A temporary place in which a module's own procedure makes a rootfs from a
//! reference closure, so that its layout can be looked at.
//!
//! The reference is always the same closure, that of the fixtures: then a
//! layout changes only when the module does.

use super::MediaError;
use crate::embedded;
use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A directory that is removed when the value is dropped.
#[derive(Debug)]
pub struct Scratch(RefCell<Option<tempfile::TempDir>>);

impl Scratch {
    /// A fresh directory with the reference closure in it.
    pub fn new() -> Result<Self, MediaError> {
        let fail = |path: &Path, error| MediaError::io("unpack the fixtures in", path, error);
        let directory = tempfile::Builder::new()
            .prefix("fruix-scm-layout-")
            .tempdir()
            .map_err(|error| fail(&std::env::temp_dir(), error))?;
        tar::Archive::new(embedded::FIXTURES)
            .unpack(directory.path())
            .map_err(|error| fail(directory.path(), error))?;
        Ok(Scratch(RefCell::new(Some(directory))))
    }

    /// Where the reference closure is.
    pub fn closure(&self) -> Result<PathBuf, MediaError> {
        let root = self.path()?.join("root");
        let link = root.join("run/current-system");
        let closure = fs::read_link(&link).map_err(|error| MediaError::io("read", &link, error))?;
        Ok(root.join(closure.strip_prefix("/").unwrap_or(&closure)))
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
