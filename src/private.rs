//! Folders and files for this user alone, such as the state that is kept.
//!
//! Logs and records of a run say more than everybody on a machine need know, and
//! what a program creates is open to all who may look, unless it asks for less.
//!
//! Source: XDG Base Directory Specification; umask(2).

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Make the folder at PATH, and those above it that are missing, for this user
/// alone (0700). What is there already stays as it is.
pub fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Take everybody else's access to the folder at PATH away, which an earlier
/// version has left open. One that is another's stays as it is.
pub fn close_directory(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        closed => closed,
    }
}

/// How a file is opened that, where it is made, is for this user alone (0600).
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_for_its_user_alone_and_what_was_open_is_closed() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        create_directory(&folder).unwrap();
        create_directory(&folder).unwrap();
        let file = folder.join("file");
        options().create(true).open(&file).unwrap();
        assert_eq!(
            [mode(&place.path().join("a")), mode(&folder), mode(&file)],
            [0o700, 0o700, 0o600]
        );
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        close_directory(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }
}
