//! Signatures of files by SSH keys, as `ssh-keygen -Y sign` makes them and
//! `ssh-keygen -Y verify` takes them.
//!
//! A signature names what it was made for, its namespace, and counts for nothing else.
//!
//! Source: OpenSSH's PROTOCOL.sshsig.

use super::error::SshError;
use super::identity::{self, Held, Identity};
use super::key::fingerprint;
use crate::clock;
use russh::keys::ssh_key::{self, Algorithm, LineEnding, SshSig};
use russh::keys::{HashAlg, PublicKey};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// How long an agent may take: a key on a card waits for a finger.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whose signature it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer(PublicKey);

impl Signer {
    /// The key in the file at PATH, which holds a public one.
    pub fn read(path: &Path) -> Option<Signer> {
        super::key::public(path).map(Signer)
    }

    /// Whether OTHER is the same key, whatever its comment is.
    pub fn is(&self, other: &Signer) -> bool {
        self.0.key_data() == other.0.key_data()
    }
}

impl fmt::Display for Signer {
    /// Its fingerprint, `SHA256:…`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&fingerprint(&self.0))
    }
}

/// The signature of MESSAGE for NAMESPACE by the first key of IDENTITY, in PEM, and whose
/// it is. An agent that holds the key is asked to sign.
pub async fn sign(
    identity: &Identity,
    namespace: &str,
    message: &[u8],
) -> Result<(String, Signer), SshError> {
    let (candidates, _) = identity.candidates().await?;
    let candidate = candidates.into_iter().next().ok_or(SshError::NoKey {
        troubles: Vec::new(),
    })?;
    let unusable = |error: ssh_key::Error| SshError::PrivateKey {
        path: identity.files.first().cloned().unwrap_or_default(),
        problem: error.to_string(),
        hint: None,
    };
    let silent = |reason: String| SshError::Agent { reason };
    let public = candidate.public().clone();
    let signature = match &candidate.key {
        Held::Ours(key) => key
            .sign(namespace, HashAlg::Sha512, message)
            .map_err(unusable)?,
        Held::Agents(key, socket) => {
            let data =
                SshSig::signed_data(namespace, HashAlg::Sha512, message).map_err(unusable)?;
            // RSA's older signatures, with SHA-1, are none here.
            let hash = matches!(key.algorithm(), Algorithm::Rsa { .. }).then_some(HashAlg::Sha512);
            let asking = async {
                let mut agent = identity::connect(socket).await?;
                agent.sign_request_signature(key, hash, &data).await
            };
            let signature = clock::limit(PATIENCE, asking)
                .await
                .map_err(|_| silent("it did not answer in time".to_owned()))?
                .map_err(|error| silent(error.to_string()))?;
            SshSig::new(
                key.key_data().clone(),
                namespace,
                HashAlg::Sha512,
                signature,
            )
            .map_err(unusable)?
        }
    };
    let pem = signature.to_pem(LineEnding::LF).map_err(unusable)?;
    Ok((pem, Signer(public)))
}

/// Whose signature of MESSAGE for NAMESPACE the text PEM is; the error says why it is
/// none.
pub fn verify(pem: &[u8], namespace: &str, message: &[u8]) -> Result<Signer, String> {
    let signature =
        SshSig::from_pem(pem).map_err(|error| format!("it is no signature: {error}"))?;
    if signature.namespace() != namespace {
        return Err(format!(
            "it was made for `{}`, and not for `{namespace}`",
            signature.namespace()
        ));
    }
    let key = PublicKey::from(signature.public_key().clone());
    key.verify(namespace, message, &signature)
        .map_err(|_| "it is not of this text".to_owned())?;
    Ok(Signer(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime;
    use russh::keys::PrivateKey;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_signature_counts_for_its_text_its_namespace_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        for algorithm in [
            russh::keys::Algorithm::Ed25519,
            russh::keys::Algorithm::Ecdsa {
                curve: russh::keys::EcdsaCurve::NistP256,
            },
        ] {
            let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), algorithm).unwrap();
            let path = directory.path().join("id");
            std::fs::write(&path, key.to_openssh(LineEnding::LF).unwrap()).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            let identity = Identity::file(&path);
            let (pem, signer) = runtime::wait("signing", Duration::from_secs(10), async move {
                sign(&identity, "one", b"text").await
            })
            .unwrap();
            assert!(signer.is(&verify(pem.as_bytes(), "one", b"text").unwrap()));
            let why = |namespace, text: &[u8]| verify(pem.as_bytes(), namespace, text).unwrap_err();
            assert_eq!(why("one", b"other"), "it is not of this text");
            assert!(why("two", b"text").contains("made for `one`"));
            assert!(verify(b"nothing", "one", b"text").is_err());
        }
    }
}
