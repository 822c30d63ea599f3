//! Who we are: the keys that a server is offered.
//!
//! A key comes from a file or from an agent, with a certificate where there is
//! one. An encrypted file whose key an agent holds is never decrypted here;
//! otherwise whoever sits at the terminal is asked for its passphrase, once. Of
//! several files one that cannot be used is no end. Keys are made ready when a
//! connection is opened, so that making it again asks nobody anything.
//!
//! Source: ssh(1); draft-miller-ssh-agent; OpenSSH's sshconnect2.c
//! (`pubkey_prepare`).

use super::error::SshError;
use super::key::{self, Loaded};
use crate::clock;
use crate::progress;
use crate::secrets;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Certificate, PrivateKey, PublicKey};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UnixStream;

/// Where keys may be.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Files of private keys, or of the public halves of keys that an agent holds.
    pub files: Vec<PathBuf>,
    /// Files of certificates for any of them.
    pub certificates: Vec<PathBuf>,
    /// The socket of an agent.
    pub agent: Option<PathBuf>,
    /// Where no file is named: the home whose usual keys are tried.
    pub defaults: Option<PathBuf>,
    /// Whether keys of the agent are offered that no file names.
    pub others: bool,
    /// Whether the files are the ones that are meant: one that cannot be used ends
    /// it then.
    pub explicit: bool,
    /// Why files that were named are not among them.
    pub troubles: Vec<String>,
}

/// A key that is ready to be offered.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub key: Held,
    /// What vouches for it.
    pub certificate: Option<Box<Certificate>>,
}

/// A key, or whoever holds it.
#[derive(Clone, Debug)]
pub(super) enum Held {
    Ours(Arc<PrivateKey>),
    /// One that the agent at the socket holds.
    Agents(Box<PublicKey>, PathBuf),
}

/// The names of keys in `~/.ssh` that ssh(1) tries, the kinds that we know.
const USUAL: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];
/// How long an agent may take to say what it holds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often somebody may mistype a passphrase.
const TRIES: usize = 3;

impl Candidate {
    fn plain(key: Held) -> Candidate {
        Candidate {
            key,
            certificate: None,
        }
    }

    pub fn public(&self) -> &PublicKey {
        match &self.key {
            Held::Ours(key) => key.public_key(),
            Held::Agents(key, _) => key,
        }
    }

    /// Whether this offers what OTHER offers.
    fn is(&self, other: &Candidate) -> bool {
        self.public().key_data() == other.public().key_data()
            && self.certificate.is_some() == other.certificate.is_some()
    }
}

/// What the agent holds.
#[derive(Default)]
struct Agent {
    socket: PathBuf,
    keys: Vec<PublicKey>,
    certificates: Vec<Certificate>,
}

impl Agent {
    fn holds(&self, key: &PublicKey) -> Option<Held> {
        let found = self
            .keys
            .iter()
            .find(|held| held.key_data() == key.key_data())?;
        Some(Held::Agents(Box::new(found.clone()), self.socket.clone()))
    }
}

impl Identity {
    /// The one file at PATH.
    pub fn file(path: impl Into<PathBuf>) -> Identity {
        Identity {
            files: vec![path.into()],
            explicit: true,
            ..Identity::default()
        }
    }

    /// The keys, in the order in which they are to be offered, and why others that
    /// were named are not among them.
    pub(super) async fn candidates(&self) -> Result<(Vec<Candidate>, Vec<String>), SshError> {
        let agent = match &self.agent {
            Some(socket) => held(socket).await,
            None => Agent::default(),
        };
        let mut files = self.files.clone();
        let mut is_default = false;
        if files.is_empty()
            && let Some(home) = &self.defaults
        {
            is_default = true;
            files.extend(
                USUAL
                    .iter()
                    .map(|name| home.join(".ssh").join(name))
                    .filter(|path| path.exists()),
            );
        }
        let mut troubles = self.troubles.clone();
        let (mut of_agent, mut of_files) = (Vec::new(), Vec::new());
        for path in &files {
            match candidate(path, &agent).await {
                Ok(found) => {
                    let certificate = certificate_beside(path, &found);
                    for found in with_certificates(found, certificate, &self.certificates) {
                        match found.key {
                            Held::Agents(..) => of_agent.push(found),
                            Held::Ours(_) => of_files.push(found),
                        }
                    }
                }
                Err(error) if self.explicit => return Err(error),
                Err(error) => troubles.push(error.to_string()),
            }
        }
        // As ssh does: what the agent holds and a file names, what it holds besides,
        // and what only a file has.
        let mut candidates = of_agent;
        if self.others || is_default {
            for certificate in &agent.certificates {
                let key = PublicKey::from(certificate.public_key().clone());
                candidates.push(Candidate {
                    key: Held::Agents(Box::new(key), agent.socket.clone()),
                    certificate: Some(Box::new(certificate.clone())),
                });
            }
            for key in &agent.keys {
                let held = Held::Agents(Box::new(key.clone()), agent.socket.clone());
                candidates.extend(with_certificates(held.into(), None, &self.certificates));
            }
        }
        candidates.extend(of_files);
        // One that the agent holds need not be offered twice.
        let mut offered: Vec<Candidate> = Vec::new();
        for candidate in candidates {
            if !offered.iter().any(|other| other.is(&candidate)) {
                offered.push(candidate);
            }
        }
        if offered.is_empty() {
            return Err(SshError::NoKey { troubles });
        }
        Ok((offered, troubles))
    }

    /// Do nothing when the files hold keys that can be used, as far as can be
    /// said without asking anybody.
    pub async fn check(&self) -> Result<(), SshError> {
        for path in &self.files {
            if let Loaded::Encrypted(_) = key::load(path)?
                && self.agent.is_none()
                && !progress::can_ask()
            {
                return Err(key::locked(path));
            }
        }
        Ok(())
    }
}

impl From<Held> for Candidate {
    fn from(key: Held) -> Candidate {
        Candidate::plain(key)
    }
}

/// CANDIDATE with each certificate that is for its key, first those, and then
/// without any.
fn with_certificates(
    candidate: Candidate,
    beside: Option<Certificate>,
    files: &[PathBuf],
) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = files
        .iter()
        .filter_map(|path| Certificate::read_file(path).ok())
        .chain(beside)
        .filter(|certificate| certificate.public_key() == candidate.public().key_data())
        .map(|certificate| Candidate {
            key: candidate.key.clone(),
            certificate: Some(Box::new(certificate)),
        })
        .collect();
    found.push(candidate);
    found
}

/// The certificate in `KEY-cert.pub` beside the key at PATH.
fn certificate_beside(path: &Path, candidate: &Candidate) -> Option<Certificate> {
    let mut name = path.with_extension("").into_os_string();
    if path.extension().is_none_or(|extension| extension != "pub") {
        name = path.as_os_str().to_owned();
    }
    name.push("-cert.pub");
    let certificate = Certificate::read_file(Path::new(&name)).ok()?;
    (certificate.public_key() == candidate.public().key_data()).then_some(certificate)
}

/// Keys that somebody has unlocked, by the text of their files: nobody is asked
/// twice in one process.
fn unlocked() -> MutexGuard<'static, Vec<(String, Arc<PrivateKey>)>> {
    static UNLOCKED: Mutex<Vec<(String, Arc<PrivateKey>)>> = Mutex::new(Vec::new());
    UNLOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn candidate(path: &Path, agent: &Agent) -> Result<Candidate, SshError> {
    // The public half stands for a key that the agent holds: on a card, or one that
    // never was in a file.
    let public = key::public(path);
    if let Some(held) = public.as_ref().and_then(|public| agent.holds(public)) {
        return Ok(held.into());
    }
    let encrypted = match key::load(path)? {
        Loaded::Plain(key) => {
            return Ok(Held::Ours(Arc::from(key)).into());
        }
        Loaded::Encrypted(encrypted) => encrypted,
    };
    if let Some(held) = encrypted
        .public
        .as_ref()
        .and_then(|public| agent.holds(public))
    {
        return Ok(held.into());
    }
    if let Some(key) = unlocked().iter().find(|(text, _)| *text == encrypted.text) {
        return Ok(Held::Ours(key.1.clone()).into());
    }
    for _ in 0..TRIES {
        let prompt = format!("passphrase of `{}`: ", path.display());
        // Whoever types takes his time; nothing else should wait for him.
        let asked = tokio::task::spawn_blocking(move || progress::ask_secret(&prompt));
        let Some(passphrase) = asked.await.unwrap_or(None) else {
            return Err(key::locked(path));
        };
        secrets::keep("passphrase", &passphrase);
        if let Some(key) = encrypted.unlocked(&passphrase) {
            let key = Arc::new(key);
            unlocked().push((encrypted.text, key.clone()));
            return Ok(Held::Ours(key).into());
        }
    }
    Err(key::not_unlocked(path))
}

/// What the agent at SOCKET holds; nothing when it does not answer: it is then as
/// if there were no agent.
async fn held(socket: &Path) -> Agent {
    let asking = async {
        let mut agent = connect(socket).await.ok()?;
        agent.request_identities().await.ok()
    };
    let mut found = Agent {
        socket: socket.to_owned(),
        ..Agent::default()
    };
    if let Ok(Some(identities)) = clock::limit(PATIENCE, asking).await {
        for identity in identities {
            match identity {
                AgentIdentity::PublicKey { key, .. } => found.keys.push(key),
                AgentIdentity::Certificate { certificate, .. } => {
                    found.certificates.push(certificate)
                }
            }
        }
    }
    found
}

pub(super) async fn connect(socket: &Path) -> Result<AgentClient<UnixStream>, russh::keys::Error> {
    AgentClient::connect_uds(socket).await
}
