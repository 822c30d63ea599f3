//! The user's private key, from a file.
//!
//! The file is looked at before anything is sent: a public key given by
//! mistake is told so by name, and a file that others may read is refused, as
//! ssh(1) refuses it.

use super::error::SshError;
use crate::secrets;
use russh::keys::{HashAlg, PrivateKey, PublicKey};
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a file of a private key holds.
#[derive(Debug)]
pub enum Loaded {
    Plain(Box<PrivateKey>),
    Encrypted(Encrypted),
}

/// A key that a passphrase unlocks.
pub struct Encrypted {
    pub(super) text: String,
    /// Its public half, which OpenSSH's format leaves open.
    pub public: Option<PublicKey>,
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Encrypted")
    }
}

impl Encrypted {
    /// The key, when PASSPHRASE is the right one.
    pub fn unlocked(&self, passphrase: &str) -> Option<PrivateKey> {
        russh::keys::decode_secret_key(&self.text, Some(passphrase)).ok()
    }
}

/// The error that nobody can be asked for the passphrase of the key at PATH.
pub fn locked(path: &Path) -> SshError {
    SshError::PrivateKey {
        path: path.to_owned(),
        problem: "the key is encrypted, and there is nobody to ask for its passphrase".to_owned(),
        hint: Some(format!(
            "let an agent hold it: ssh-add {}",
            super::quote(&path.to_string_lossy())
        )),
    }
}

/// The error that no passphrase for the key at PATH was right.
pub fn not_unlocked(path: &Path) -> SshError {
    SshError::PrivateKey {
        path: path.to_owned(),
        problem: "the passphrase does not unlock it".to_owned(),
        hint: None,
    }
}

/// The private key in the file at PATH: OpenSSH's format, PEM or PKCS#8;
/// ed25519, ECDSA or RSA.
pub fn load(path: &Path) -> Result<Loaded, SshError> {
    let problem = |problem: String, hint: Option<String>| SshError::PrivateKey {
        path: path.to_owned(),
        problem,
        hint,
    };
    let metadata = fs::metadata(path).map_err(|error| problem(reason(&error), None))?;
    let bytes = fs::read(path).map_err(|error| problem(reason(&error), None))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| problem("the file does not hold a key in text form".to_owned(), None))?;
    if let Some(kind) = public_key_kind(&text) {
        return Err(problem(
            format!("the file holds a public key ({kind})"),
            Some(private_half(path)),
        ));
    }
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    let mode = metadata.mode() & 0o7777;
    if ours && mode & 0o077 != 0 {
        return Err(problem(
            format!("permissions {mode:04o} are too open: others may read it"),
            Some(format!(
                "chmod 600 {}",
                super::quote(&path.to_string_lossy())
            )),
        ));
    }
    secrets::keep("private key", &text);
    match russh::keys::decode_secret_key(&text, None) {
        Ok(key) => Ok(Loaded::Plain(Box::new(key))),
        Err(_) if is_encrypted(&text) => Ok(Loaded::Encrypted(Encrypted {
            public: PrivateKey::from_openssh(&text)
                .ok()
                .map(|key| key.public_key().clone()),
            text,
        })),
        Err(error) => Err(problem(
            format!("the file does not hold a private key: {error}"),
            None,
        )),
    }
}

/// The public key that the file at PATH holds, where it holds one.
pub fn public(path: &Path) -> Option<PublicKey> {
    let text = fs::read_to_string(path).ok()?;
    public_key_kind(&text)?;
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))?;
    PublicKey::from_openssh(line).ok()
}

/// Whether the key in TEXT has a passphrase: OpenSSH's format, PKCS#8 or PEM.
fn is_encrypted(text: &str) -> bool {
    PrivateKey::from_openssh(text).is_ok_and(|key| key.is_encrypted())
        || text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.contains("Proc-Type: 4,ENCRYPTED")
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// The kind of the public key that TEXT holds, if it does.
fn public_key_kind(text: &str) -> Option<&str> {
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))?;
    if line.starts_with("---- BEGIN SSH2 PUBLIC KEY") || line.starts_with("-----BEGIN PUBLIC KEY") {
        return Some("in PEM form");
    }
    let kind = line.split_whitespace().next()?;
    ["ssh-", "ecdsa-sha2-", "sk-"]
        .iter()
        .any(|prefix| kind.starts_with(prefix))
        .then_some(kind)
}

/// What to say to somebody who named the public half at PATH.
fn private_half(path: &Path) -> String {
    let private = path.with_extension("");
    if path.extension().is_some_and(|extension| extension == "pub") && private.exists() {
        format!("name the private key instead: `{}`", private.display())
    } else {
        "name the file of the private key; its public half usually ends in `.pub`".to_owned()
    }
}

/// The fingerprint by which people know the key: `SHA256:…`.
pub fn fingerprint(key: &russh::keys::PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use russh::keys::{Algorithm, ssh_key::LineEnding};
    use std::os::unix::fs::PermissionsExt;

    fn key() -> PrivateKey {
        PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap()
    }

    fn written(directory: &Path, name: &str, mode: u32, text: &str) -> std::path::PathBuf {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_public_key_given_for_a_private_one_is_told_so_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let key = key();
        let private = key.to_openssh(LineEnding::LF).unwrap();
        let public = key.public_key().to_openssh().unwrap();
        written(directory.path(), "id", 0o600, &private);
        let path = written(directory.path(), "id.pub", 0o644, &public);
        let failure = Failure::from(load(&path).unwrap_err());
        assert!(
            failure
                .message()
                .ends_with("id.pub`: the file holds a public key (ssh-ed25519)"),
            "{failure}"
        );
        assert!(
            failure
                .hint_text()
                .unwrap()
                .starts_with("name the private key instead")
        );
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_command_that_helps() {
        let directory = tempfile::tempdir().unwrap();
        let private = key().to_openssh(LineEnding::LF).unwrap();
        let path = written(directory.path(), "id", 0o644, &private);
        let failure = Failure::from(load(&path).unwrap_err());
        assert!(failure.message().contains("permissions 0644 are too open"));
        assert!(failure.hint_text().unwrap().starts_with("chmod 600 "));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        load(&path).unwrap();
    }

    #[test]
    fn an_encrypted_key_opens_with_its_passphrase_and_tells_its_public_half() {
        let directory = tempfile::tempdir().unwrap();
        let key = key();
        let locked = key
            .encrypt(&mut russh::keys::key::safe_rng(), "open sesame")
            .unwrap()
            .to_openssh(LineEnding::LF)
            .unwrap();
        let path = written(directory.path(), "id", 0o600, &locked);
        let Loaded::Encrypted(encrypted) = load(&path).unwrap() else {
            panic!("not seen to be encrypted");
        };
        assert_eq!(
            encrypted.public.as_ref().map(|public| public.key_data()),
            Some(key.public_key().key_data())
        );
        assert!(encrypted.unlocked("wrong").is_none());
        let opened = encrypted.unlocked("open sesame").unwrap();
        assert_eq!(opened.public_key().key_data(), key.public_key().key_data());
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = written(directory.path(), "id", 0o600, "nothing of the kind\n");
        let message = Failure::from(load(&path).unwrap_err()).to_string();
        assert!(message.contains("does not hold a private key"), "{message}");
        let message = Failure::from(load(&directory.path().join("none")).unwrap_err()).to_string();
        assert!(message.ends_with("none`: no such file"), "{message}");
    }
}
