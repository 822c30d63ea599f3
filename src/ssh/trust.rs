//! Which host key a server must show.
//!
//! There is no mode that accepts any key, and none that learns one: the key of
//! a guest we made is known from its image, and of others from a file that
//! somebody has compared.
//!
//! Source: RFC 4251 section 4.1; sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".

use super::config::matches_any;
use super::connection::Destination;
use super::error::SshError;
use super::key::fingerprint;
use ring::hmac;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};
use std::path::{Path, PathBuf};

/// Where the expected host key is written down.
#[derive(Clone, Debug, PartialEq)]
pub enum Trust {
    /// A public key line, as in `/etc/ssh/ssh_host_ed25519_key.pub`.
    Pinned(String),
    /// A file as ssh(1) keeps it.
    KnownHosts(PathBuf),
}

/// The keys that a server may show; any one of them will do.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    keys: Vec<PublicKey>,
    /// Keys that will not do, whatever else says so.
    revoked: Vec<PublicKey>,
}

impl Trust {
    /// The keys that the server at DESTINATION may show.
    pub fn expected(&self, destination: &Destination) -> Result<Expected, SshError> {
        match self {
            Trust::Pinned(line) => Ok(Expected {
                keys: vec![pinned(line)?],
                revoked: Vec::new(),
            }),
            Trust::KnownHosts(path) => known(path, destination),
        }
    }
}

fn pinned(line: &str) -> Result<PublicKey, SshError> {
    let unusable = |problem: String| SshError::ExpectedHostKey {
        problem,
        hint: "a host key is one line, such as the guest's /etc/ssh/ssh_host_ed25519_key.pub: \
               `ssh-ed25519 AAAA…`"
            .to_owned(),
    };
    let line = line.trim();
    if line.starts_with("SHA256:") || line.starts_with("MD5:") {
        return Err(unusable(
            "the expected host key is a fingerprint, not the key".to_owned(),
        ));
    }
    if line.starts_with("-----BEGIN") {
        // Not shown, not even in part: it may be a private key.
        return Err(unusable(
            "the expected host key is not a public key line".to_owned(),
        ));
    }
    PublicKey::from_openssh(line).map_err(|error| {
        unusable(format!(
            "the expected host key is not a public key line: {error}"
        ))
    })
}

fn known(path: &Path, destination: &Destination) -> Result<Expected, SshError> {
    let unusable = |problem: String| SshError::ExpectedHostKey {
        problem: format!(
            "cannot use known hosts file `{}`: {problem}",
            path.display()
        ),
        hint: "ssh-keyscan shows a server's keys; compare the fingerprint before adding one"
            .to_owned(),
    };
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let name = match destination.port {
        22 => destination.address.clone(),
        port => format!("[{}]:{port}", destination.address),
    };
    let mut expected = Expected::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.first().is_none_or(|word| word.starts_with('#')) {
            continue;
        }
        // As ssh(1) does, pass over what is of a kind that we do not know.
        let Ok(entry) = words.join(" ").parse::<Entry>() else {
            continue;
        };
        if !names(entry.host_patterns(), &name) {
            continue;
        }
        match entry.marker() {
            None => expected.keys.push(entry.public_key().clone()),
            Some(Marker::Revoked) => expected.revoked.push(entry.public_key().clone()),
            // We ask servers for no certificates.
            Some(Marker::CertAuthority) => {}
        }
    }
    let revoked = expected.revoked.clone();
    let is_revoked = |key: &PublicKey| {
        revoked
            .iter()
            .any(|other| other.key_data() == key.key_data())
    };
    expected.keys.retain(|key| !is_revoked(key));
    Ok(expected)
}

/// Whether PATTERNS of a line are for the host called NAME.
fn names(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::Patterns(patterns) => matches_any(patterns, name),
        HostPatterns::HashedName { salt, hash } => {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, name.as_bytes(), hash).is_ok()
        }
    }
}

impl Expected {
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.keys
            .iter()
            .any(|expected| expected.key_data() == key.key_data())
    }

    pub fn fingerprints(&self) -> Vec<String> {
        self.keys.iter().map(fingerprint).collect()
    }

    /// Every algorithm for host keys, those of the expected keys first: a
    /// server with several keys then shows the one we can compare.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let rsa = |hash| Algorithm::Rsa { hash: Some(hash) };
        let ecdsa = |curve| Algorithm::Ecdsa { curve };
        let mut algorithms = vec![
            Algorithm::Ed25519,
            ecdsa(EcdsaCurve::NistP256),
            ecdsa(EcdsaCurve::NistP384),
            ecdsa(EcdsaCurve::NistP521),
            rsa(HashAlg::Sha512),
            rsa(HashAlg::Sha256),
        ];
        algorithms.sort_by_key(|algorithm| {
            !self.keys.iter().any(|key| {
                let kind = key.algorithm();
                kind == *algorithm || (kind.is_rsa() && algorithm.clone().is_rsa())
            })
        });
        algorithms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ guest";

    fn destination() -> Destination {
        Destination {
            address: "192.0.2.7".to_owned(),
            port: 2222,
            user: "root".to_owned(),
        }
    }

    #[test]
    fn a_pinned_line_is_the_only_key_that_will_do() {
        let expected = Trust::Pinned(LINE.to_owned())
            .expected(&destination())
            .unwrap();
        assert!(expected.contains(&PublicKey::from_openssh(LINE).unwrap()));
        assert_eq!(expected.fingerprints().len(), 1);
        assert!(expected.fingerprints()[0].starts_with("SHA256:"));
    }

    #[test]
    fn a_fingerprint_in_place_of_the_key_is_told_apart() {
        let error = Trust::Pinned("SHA256:abc".to_owned())
            .expected(&destination())
            .unwrap_err();
        let failure = Failure::from(error);
        assert!(failure.message().contains("is a fingerprint, not the key"));
        assert!(failure.hint_text().unwrap().contains("ssh-ed25519"));
    }

    #[test]
    fn a_known_hosts_file_is_asked_for_this_host_and_port() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        let (kind, rest) = LINE.split_once(' ').unwrap();
        std::fs::write(
            &path,
            format!("# ours\n[192.0.2.7]:2222 {kind} {rest}\n192.0.2.7 {kind} {rest}\n"),
        )
        .unwrap();
        let count = |port| {
            let destination = Destination {
                port,
                ..destination()
            };
            Trust::KnownHosts(path.clone())
                .expected(&destination)
                .unwrap()
                .keys
                .len()
        };
        assert_eq!((count(2222), count(22), count(23)), (1, 1, 0));
        let missing = Trust::KnownHosts(directory.path().join("none"));
        assert!(missing.expected(&destination()).is_err());
    }

    #[test]
    fn hashed_names_patterns_and_revoked_keys_count_as_for_ssh() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        // What `ssh-keygen -H` made of `192.0.2.7` and of `[192.0.2.7]:2222`.
        let key = LINE.strip_suffix(" guest").unwrap();
        let salt = "c2FsdHNhbHRzYWx0c2FsdHNhbA==";
        let hashed = |name: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"saltsaltsaltsaltsal");
            let entry = HostPatterns::HashedName {
                salt: b"saltsaltsaltsaltsal".to_vec(),
                hash: hmac::sign(&key, name.as_bytes())
                    .as_ref()
                    .try_into()
                    .unwrap(),
            };
            let text = entry.to_string();
            assert!(text.starts_with(&format!("|1|{salt}|")), "{text}");
            text
        };
        let known = |text: String, port| {
            std::fs::write(&path, text).unwrap();
            let destination = Destination {
                port,
                ..destination()
            };
            let trust = Trust::KnownHosts(path.clone());
            trust.expected(&destination).unwrap().keys.len()
        };
        let line = format!("{} {key}\n", hashed("[192.0.2.7]:2222"));
        assert_eq!((known(line.clone(), 2222), known(line, 22)), (1, 0));
        assert_eq!(known(format!("{}\t{key}\n", hashed("192.0.2.7")), 22), 1);
        assert_eq!(known(format!("192.0.*,!192.0.3.* {key}\n"), 22), 1);
        assert_eq!(known(format!("*,!192.0.2.* {key}\n"), 22), 0);
        let revoked = format!("192.0.2.7 {key}\n@revoked * {key}\n");
        assert_eq!(known(revoked, 22), 0);
        assert_eq!(known(format!("@cert-authority * {key}\n"), 22), 0);
        assert_eq!(known("192.0.2.7 ssh-unknown AAAA\n".to_owned(), 22), 0);
    }

    #[test]
    fn the_expected_kind_of_key_is_asked_for_first() {
        let trust = Trust::Pinned(LINE.to_owned());
        let expected = trust.expected(&destination()).unwrap();
        assert_eq!(expected.algorithms()[0], Algorithm::Ed25519);
        assert_eq!(expected.algorithms().len(), 6);
    }
}
