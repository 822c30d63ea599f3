//! Who we are: the keys that a server is offered.
//!
//! A key comes from a file or from an agent. An encrypted file whose key an
//! agent holds is never decrypted here; otherwise whoever sits at the terminal
//! is asked for its passphrase, once. Keys are made ready when a connection is
//! opened, so that making it again asks nobody anything.
//!
//! Source: ssh(1); draft-miller-ssh-agent.

use super::error::SshError;
use super::key::{self, Loaded};
use crate::clock;
use russh::keys::agent::client::AgentClient;
use russh::keys::{PrivateKey, PublicKey};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UnixStream;

/// Where keys may be.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Files of private keys.
    pub files: Vec<PathBuf>,
    /// The socket of an agent.
    pub agent: Option<PathBuf>,
    /// Where FILES is empty: the home whose usual keys are tried.
    pub defaults: Option<PathBuf>,
}

/// A key that is ready to be offered.
#[derive(Clone, Debug)]
pub(super) enum Candidate {
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
    pub fn public(&self) -> &PublicKey {
        match self {
            Candidate::Ours(key) => key.public_key(),
            Candidate::Agents(key, _) => key,
        }
    }
}

impl Identity {
    /// The one file at PATH.
    pub fn file(path: impl Into<PathBuf>) -> Identity {
        Identity {
            files: vec![path.into()],
            ..Identity::default()
        }
    }

    /// The keys, in the order in which they are to be offered.
    pub(super) async fn candidates(&self) -> Result<Vec<Candidate>, SshError> {
        let held = match &self.agent {
            Some(socket) => held(socket).await,
            None => Vec::new(),
        };
        let agents = |key: &PublicKey| {
            let key = held.iter().find(|held| held.key_data() == key.key_data())?;
            let socket = self.agent.clone()?;
            Some(Candidate::Agents(Box::new(key.clone()), socket))
        };
        let mut candidates = Vec::new();
        for path in &self.files {
            candidates.push(candidate(path, &agents).await?);
        }
        if self.files.is_empty() {
            candidates.extend(held.iter().filter_map(agents));
            if let Some(home) = &self.defaults {
                for name in USUAL {
                    let path = home.join(".ssh").join(name);
                    if path.exists() {
                        candidates.push(candidate(&path, &agents).await?);
                    }
                }
            }
        }
        // One that the agent holds need not be offered twice.
        let mut offered: Vec<Candidate> = Vec::new();
        for candidate in candidates {
            let key = candidate.public().key_data();
            if !offered.iter().any(|other| other.public().key_data() == key) {
                offered.push(candidate);
            }
        }
        if offered.is_empty() {
            return Err(SshError::NoKey);
        }
        Ok(offered)
    }

    /// Do nothing when the files hold keys that can be used, as far as can be
    /// said without asking anybody.
    pub async fn check(&self) -> Result<(), SshError> {
        for path in &self.files {
            if let Loaded::Encrypted(_) = key::load(path)?
                && self.agent.is_none()
                && !crate::progress::can_ask()
            {
                return Err(key::locked(path));
            }
        }
        Ok(())
    }
}

/// Keys that somebody has unlocked, by the text of their files: nobody is asked
/// twice in one process.
fn unlocked() -> MutexGuard<'static, Vec<(String, Arc<PrivateKey>)>> {
    static UNLOCKED: Mutex<Vec<(String, Arc<PrivateKey>)>> = Mutex::new(Vec::new());
    UNLOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn candidate(
    path: &Path,
    agents: &impl Fn(&PublicKey) -> Option<Candidate>,
) -> Result<Candidate, SshError> {
    let encrypted = match key::load(path)? {
        Loaded::Plain(key) => return Ok(Candidate::Ours(Arc::from(key))),
        Loaded::Encrypted(encrypted) => encrypted,
    };
    if let Some(candidate) = encrypted.public.as_ref().and_then(agents) {
        return Ok(candidate);
    }
    if let Some(key) = unlocked().iter().find(|(text, _)| *text == encrypted.text) {
        return Ok(Candidate::Ours(key.1.clone()));
    }
    for _ in 0..TRIES {
        let prompt = format!("passphrase of `{}`: ", path.display());
        // Whoever types takes his time; nothing else should wait for him.
        let asked = tokio::task::spawn_blocking(move || crate::progress::ask_secret(&prompt));
        let Some(passphrase) = asked.await.unwrap_or(None) else {
            return Err(key::locked(path));
        };
        if let Some(key) = encrypted.unlocked(&passphrase) {
            let key = Arc::new(key);
            unlocked().push((encrypted.text, key.clone()));
            return Ok(Candidate::Ours(key));
        }
    }
    Err(key::not_unlocked(path))
}

/// The keys that the agent at SOCKET holds; none when it does not answer: it is
/// then as if there were no agent.
async fn held(socket: &Path) -> Vec<PublicKey> {
    let asking = async {
        let mut agent = connect(socket).await.ok()?;
        agent.request_identities().await.ok()
    };
    match clock::limit(PATIENCE, asking).await {
        Ok(Some(identities)) => identities
            .iter()
            .map(|identity| identity.public_key().into_owned())
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) async fn connect(socket: &Path) -> Result<AgentClient<UnixStream>, russh::keys::Error> {
    AgentClient::connect_uds(socket).await
}
