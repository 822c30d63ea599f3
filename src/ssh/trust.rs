//! Which host key a server must show.
//!
//! There is no mode that accepts any key, and none that learns one: the key of
//! a guest we made is known from its image, and of others from a file that
//! somebody has compared. Such files are read as ssh(1) reads them: patterns,
//! hashed names, `@revoked` keys, authorities whose certificates will do, and a
//! name without a port where nothing is known of the port.
//!
//! Source: RFC 4251 section 4.1; sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT";
//! OpenSSH's sshconnect.c (`check_host_key`) and PROTOCOL.certkeys.

use super::config::{fits, fits_host};
use super::connection::Destination;
use super::error::SshError;
use super::key::fingerprint;
use ring::hmac;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, Certificate, EcdsaCurve, HashAlg, PublicKey};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the expected host key is written down.
#[derive(Clone, Debug, PartialEq)]
pub enum Trust {
    /// A public key line, as in `/etc/ssh/ssh_host_ed25519_key.pub`.
    Pinned(String),
    /// Files as ssh(1) keeps them.
    KnownHosts(KnownHosts),
}

/// Files of known hosts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownHosts {
    /// Each with whether it must be there.
    pub files: Vec<(PathBuf, bool)>,
    /// The name to look for in place of the address and port.
    pub alias: Option<String>,
    /// A file of keys that will not do.
    pub revoked: Option<PathBuf>,
}

impl KnownHosts {
    /// The one file at PATH.
    pub fn file(path: impl Into<PathBuf>) -> KnownHosts {
        KnownHosts {
            files: vec![(path.into(), true)],
            ..KnownHosts::default()
        }
    }
}

/// The keys that a server may show; any one of them will do.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    keys: Vec<PublicKey>,
    /// Authorities whose certificates for this host will do.
    authorities: Vec<PublicKey>,
    /// Keys that will not do, whatever else says so.
    revoked: Vec<PublicKey>,
    /// The name that a certificate must be for.
    name: String,
    /// The kinds of key that are asked for first. ssh(1) takes them from what is
    /// known of host and port together, and not from what is known of the host alone.
    first: Vec<Algorithm>,
}

impl Trust {
    /// The keys that the server at DESTINATION may show.
    pub fn expected(&self, destination: &Destination) -> Result<Expected, SshError> {
        match self {
            Trust::Pinned(line) => {
                let key = pinned(line)?;
                Ok(Expected {
                    first: vec![key.algorithm()],
                    keys: vec![key],
                    ..Expected::default()
                })
            }
            Trust::KnownHosts(known_hosts) => known_hosts.expected(destination),
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

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Key,
    Authority,
    Revoked,
}

impl KnownHosts {
    fn expected(&self, destination: &Destination) -> Result<Expected, SshError> {
        let unusable = |path: &Path, problem: String| SshError::ExpectedHostKey {
            problem: format!(
                "cannot use known hosts file `{}`: {problem}",
                path.display()
            ),
            hint: "ssh-keyscan shows a server's keys; compare the fingerprint before adding one"
                .to_owned(),
        };
        let mut texts = Vec::new();
        for (path, needed) in &self.files {
            match std::fs::read(path) {
                // A byte that is no text is in a comment, or in a name that is not ours.
                Ok(bytes) => texts.push(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !needed => {}
                Err(error) => return Err(unusable(path, error.to_string())),
            }
        }
        let plain = destination.address.to_lowercase();
        let (name, fallback) = match (&self.alias, destination.port) {
            (Some(alias), _) => (alias.to_lowercase(), None),
            (None, 22) => (plain.clone(), None),
            (None, port) => (format!("[{plain}]:{port}"), Some(plain.clone())),
        };
        let mut expected = Expected {
            name: self.alias.clone().unwrap_or(plain).to_lowercase(),
            ..Expected::default()
        };
        for text in &texts {
            expected.add(text, &name);
        }
        expected.first = expected
            .keys
            .iter()
            .filter(|key| !is_among(&expected.revoked, key))
            .map(PublicKey::algorithm)
            .collect();
        // Where nothing is known of the port, what is known of the host counts.
        if let Some(name) = fallback.filter(|_| expected.keys.is_empty()) {
            for text in &texts {
                expected.add(text, &name);
            }
        }
        if let Some(path) = &self.revoked {
            // ssh refuses every host where it cannot read this.
            let bytes = std::fs::read(path).map_err(|error| unusable(path, error.to_string()))?;
            if bytes.starts_with(b"SSHKRL\n\0") {
                return Err(unusable(
                    path,
                    "key revocation lists in binary form are not read here".to_owned(),
                ));
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            expected.revoked.extend(
                text.lines()
                    .filter_map(|line| PublicKey::from_openssh(line.trim()).ok()),
            );
        }
        let revoked = std::mem::take(&mut expected.revoked);
        expected.keys.retain(|key| !is_among(&revoked, key));
        expected.authorities.retain(|key| !is_among(&revoked, key));
        expected.revoked = revoked;
        Ok(expected)
    }
}

fn is_among(keys: &[PublicKey], key: &PublicKey) -> bool {
    keys.iter().any(|other| other.key_data() == key.key_data())
}

/// Whether PATTERNS of a line are for the host called NAME.
fn names(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::Patterns(patterns) => {
            fits_host(patterns.join(",").as_bytes(), name.as_bytes())
        }
        HostPatterns::HashedName { salt, hash } => {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, name.as_bytes(), hash).is_ok()
        }
    }
}

impl Expected {
    /// Add what TEXT, a file of known hosts, says of the host called NAME.
    fn add(&mut self, text: &str, name: &str) {
        for line in text.lines() {
            // A line ends where a string of C does.
            let line = line.split('\0').next().unwrap_or_default();
            let words: Vec<&str> = line
                .split([' ', '\t', '\r'])
                .filter(|word| !word.is_empty())
                .collect();
            if words.first().is_none_or(|word| word.starts_with('#')) {
                continue;
            }
            // What comes behind the key is a comment, whatever is in it.
            let fields = 3 + usize::from(words[0].starts_with('@'));
            let line = words[..words.len().min(fields)].join(" ");
            // As ssh(1) does, pass over what is of a kind that we do not know.
            let Ok(entry) = line.parse::<Entry>() else {
                continue;
            };
            if !names(entry.host_patterns(), name) {
                continue;
            }
            let role = match entry.marker() {
                None => Role::Key,
                Some(Marker::Revoked) => Role::Revoked,
                Some(Marker::CertAuthority) => Role::Authority,
            };
            let place = match role {
                Role::Key => &mut self.keys,
                Role::Authority => &mut self.authorities,
                Role::Revoked => &mut self.revoked,
            };
            place.push(entry.public_key().clone());
        }
    }

    pub fn contains(&self, key: &PublicKey) -> bool {
        is_among(&self.keys, key)
    }

    /// Whether CERTIFICATE, which a server shows, will do; or why it will not.
    pub fn vouched(&self, certificate: &Certificate) -> Result<(), String> {
        let signer = PublicKey::from(certificate.signature_key().clone());
        let key = PublicKey::from(certificate.public_key().clone());
        if is_among(&self.revoked, &key) || is_among(&self.revoked, &signer) {
            return Err("its key or its authority is revoked".to_owned());
        }
        if !is_among(&self.authorities, &signer) {
            return Err(format!(
                "its authority {} is not known",
                fingerprint(&signer)
            ));
        }
        if certificate.cert_type() != CertType::Host {
            return Err("it is not for a host".to_owned());
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs());
        let authority = signer.fingerprint(HashAlg::Sha256);
        certificate
            .validate_at(now, [&authority])
            .map_err(|_| "it is not valid now, or its signature is wrong".to_owned())?;
        if !certificate.critical_options().is_empty() {
            return Err("it has conditions that are not known here".to_owned());
        }
        let principals = certificate.valid_principals();
        let named = principals
            .iter()
            .any(|principal| fits(principal.to_lowercase().as_bytes(), self.name.as_bytes()));
        match principals.is_empty() || named {
            true => Ok(()),
            false => Err(format!("it is for {}", principals.join(", "))),
        }
    }

    pub fn fingerprints(&self) -> Vec<String> {
        self.keys.iter().map(fingerprint).collect()
    }

    /// Every algorithm for host keys whose certificates will do; none, where no
    /// authority is known.
    pub fn certificate_algorithms(&self) -> Vec<Algorithm> {
        match self.authorities.is_empty() {
            true => Vec::new(),
            false => self.algorithms(),
        }
    }

    /// Every algorithm for host keys, those that are asked for first before the
    /// others: a server with several keys then shows the one we can compare.
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
        let is_rsa = |kind: &Algorithm| matches!(kind, Algorithm::Rsa { .. });
        algorithms.sort_by_key(|algorithm| {
            !self
                .first
                .iter()
                .any(|kind| kind == algorithm || (is_rsa(kind) && is_rsa(algorithm)))
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
            Trust::KnownHosts(KnownHosts::file(path.clone()))
                .expected(&destination)
                .unwrap()
                .keys
                .len()
        };
        // Of a port that nothing is known of, what is known of the host counts.
        assert_eq!((count(2222), count(22), count(23)), (1, 1, 1));
        let missing = Trust::KnownHosts(KnownHosts::file(directory.path().join("none")));
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
            let trust = Trust::KnownHosts(KnownHosts::file(path.clone()));
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
