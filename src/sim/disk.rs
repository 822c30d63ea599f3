//! The disk image that a maintainer imports: what the simulated guest boots from.
//!
//! [`format`] is how a system lies on the disk; this file makes the one system
//! there is, from the fixtures that the binary carries, with an SSH host key of
//! its own and one key that root accepts.

mod format;

pub use format::{Disk, DiskError, EFI_LABEL, ROOT_LABEL, open, write};

use crate::embedded;
use crate::failure::{Failure, Key};
use crate::rootfs;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};
use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Room for the fixture system several times over; sparse, so it costs nothing.
const SIZE_BYTES: u64 = 64 << 20;

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
        FixtureDisk::changed(directory, |_| Ok(()))
    }

    /// Make an image of the fixture system as CHANGE, which gets the directory
    /// that stands for its `/`, leaves it: a system that is not as it should be.
    pub fn changed(
        directory: &Path,
        change: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<FixtureDisk, Failure> {
        let work = tempfile::Builder::new()
            .prefix("image-")
            .tempdir_in(directory)
            .map_err(|error| cannot("make files in", directory, error))?;
        let root = work.path().join("rootfs");
        let closure = unpack_fixtures(work.path(), &root)?;
        let closure = rootfs::Closure::read(&closure)?;
        let plan = rootfs::plan(&closure, rootfs::Development::AsTheClosure)?;
        rootfs::populate(&plan, &root, rootfs::Occupied::Refuse)?;
        change(&root).map_err(|error| cannot("change the system in", &root, error))?;
        let disk = FixtureDisk::of_rootfs(&root, directory)?;
        let _ = fs::remove_dir_all(work.path());
        Ok(disk)
    }

    /// Make an image of the system in ROOTFS in DIRECTORY, adding keys to ROOTFS.
    pub fn of_rootfs(rootfs: &Path, directory: &Path) -> Result<FixtureDisk, Failure> {
        let (private_key, host_key) = add_keys(rootfs, directory)
            .map_err(|error| cannot("write SSH keys below", directory, error))?;
        let image = directory.join("fruix.img");
        let loader = super::guest::resolve(rootfs, Path::new("/boot/loader.efi"))
            .and_then(|path| fs::read(path).ok())
            .unwrap_or_default();
        format::write(&image, SIZE_BYTES, rootfs, &loader)?;
        Ok(FixtureDisk {
            image,
            size_bytes: SIZE_BYTES,
            private_key,
            host_key,
        })
    }
}

fn cannot(what: &str, path: &Path, error: io::Error) -> Failure {
    Failure::new(
        Key::Simulator,
        format!("cannot {what} `{}`: {error}", path.display()),
    )
    .cause(error)
}

/// Unpack the fixtures below WORK, move their root to ROOTFS, and answer where
/// the closure lies that their `/run/current-system` names.
fn unpack_fixtures(work: &Path, rootfs: &Path) -> Result<PathBuf, Failure> {
    let fixtures = work.join("fixtures");
    let mut archive = tar::Archive::new(embedded::FIXTURES);
    archive.set_preserve_permissions(true);
    archive
        .unpack(&fixtures)
        .and_then(|()| fs::rename(fixtures.join("root"), rootfs))
        .and_then(|()| {
            for directory in ["var", "tmp", "root", "etc"] {
                fs::create_dir_all(rootfs.join(directory))?;
            }
            fs::set_permissions(rootfs.join("tmp"), fs::Permissions::from_mode(0o1777))?;
            let closure = fs::read_link(rootfs.join("run/current-system"))?;
            Ok(rootfs.join(closure.strip_prefix("/").unwrap_or(&closure)))
        })
        .map_err(|error| cannot("lay out the fixtures in", work, error))
}

/// Put a host key and an authorized key into ROOTFS; answer where the private
/// half of the latter is, and the public half of the former.
fn add_keys(rootfs: &Path, directory: &Path) -> io::Result<(PathBuf, String)> {
    let user = new_key("fruix-scm-simulation")?;
    let host = new_key("")?;
    let public = |key: &PrivateKey| key.public_key().to_openssh().map_err(io::Error::other);
    let private = |key: &PrivateKey| key.to_openssh(LineEnding::LF).map_err(io::Error::other);

    let ssh = rootfs.join("etc/ssh");
    fs::create_dir_all(&ssh)?;
    write_file(&ssh.join("ssh_host_ed25519_key"), 0o600, &private(&host)?)?;
    let host_line = public(&host)?;
    write_file(
        &ssh.join("ssh_host_ed25519_key.pub"),
        0o644,
        &format!("{host_line}\n"),
    )?;
    let home = rootfs.join("root/.ssh");
    fs::create_dir_all(&home)?;
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700))?;
    write_file(
        &home.join("authorized_keys"),
        0o600,
        &format!("{}\n", public(&user)?),
    )?;
    let private_key = directory.join("guest-key");
    write_file(&private_key, 0o600, &private(&user)?)?;
    Ok((private_key, host_line))
}

fn new_key(comment: &str) -> io::Result<PrivateKey> {
    let mut key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
        .map_err(io::Error::other)?;
    key.set_comment(comment);
    Ok(key)
}

fn write_file(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    use std::io::Write;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?
        .write_all(text.as_bytes())
}
