//! The disk image that a maintainer imports: what the simulated guest boots from.

use crate::failure::{Failure, Key};
use std::path::{Path, PathBuf};

/// A disk image with a Fruix system on it, and the keys that belong to it.
#[derive(Clone, Debug)]
pub struct FixtureDisk {
    /// The raw image.
    pub image: PathBuf,
    /// Size of the image in bytes.
    pub size_bytes: u64,
    /// The private key whose public half the system's root account accepts.
    pub private_key: PathBuf,
    /// The system's SSH host key as a public key line.
    pub host_key: String,
}

impl FixtureDisk {
    /// Make an image of the fixture system, with keys of its own, in DIRECTORY.
    pub fn make(directory: &Path) -> Result<FixtureDisk, Failure> {
        let image = directory.join("fruix.img");
        let private_key = directory.join("guest-key");
        let size_bytes: u64 = 8 << 20;
        std::fs::write(&image, b"no system yet")
            .and_then(|()| std::fs::OpenOptions::new().write(true).open(&image))
            .and_then(|file| file.set_len(size_bytes))
            .and_then(|()| std::fs::write(&private_key, b""))
            .map_err(|error| {
                Failure::new(
                    Key::Simulator,
                    format!("cannot write `{}`: {error}", image.display()),
                )
                .cause(error)
            })?;
        Ok(FixtureDisk {
            image,
            size_bytes,
            private_key,
            host_key: String::new(),
        })
    }
}
