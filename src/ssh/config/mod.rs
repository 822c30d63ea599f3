//! The user's files of ssh_config(5), and what they say of how to reach a host.
//!
//! They are read as ssh(1) reads them ([`file`], [`words`], [`expand`]): the first
//! value counts, except for `IdentityFile` and `CertificateFile`, of which all do.
//! What they say of other things than where one goes, as whom, with which key and
//! whom one trusts is passed over. Nothing in them makes a server trusted that
//! shows no expected key: `StrictHostKeyChecking no` and a `UserKnownHostsFile` of
//! `/dev/null` do not.
//!
//! Source: ssh_config(5).

mod expand;
mod file;
mod words;

pub use file::AddressFamily;
pub(super) use words::{fits, fits_host};

use super::connection::Destination;
use super::error::SshError;
use super::identity::Identity;
use super::link::{Login, Proxy};
use super::text::visible;
use super::trust::{KnownHosts, Trust};
use crate::progress::{self, Event};
use expand::Tokens;
use file::{Canonicalize, Evaluation, is_none};
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// What the files say about one host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostConfig {
    /// The name or address to go to, once all is known.
    pub host_name: Option<String>,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub identity_files: Vec<String>,
    pub certificate_files: Vec<String>,
    /// Whether keys of an agent that no file names are left alone.
    pub identities_only: Option<bool>,
    pub identity_agent: Option<String>,
    /// Hosts to go through, as they are named: the first of them first.
    pub proxy_jump: Option<String>,
    pub proxy_command: Option<String>,
    pub host_key_alias: Option<String>,
    pub user_known_hosts: Option<Vec<String>>,
    pub global_known_hosts: Option<Vec<String>>,
    pub revoked_host_keys: Option<String>,
    pub address_family: Option<AddressFamily>,
    pub bind_address: Option<String>,
    /// Keywords that are not followed, though they change where one gets.
    pub not_followed: Vec<(String, String)>,
    /// Other keywords that are not followed.
    pub ignored: Vec<(String, String)>,
    /// Lines with `Match` that only ssh could judge, and say something.
    pub passed_over: Vec<String>,
    canonicalize: Option<Canonicalize>,
    canonical_domains: Option<Vec<String>>,
    canonicalize_max_dots: Option<usize>,
    canonicalize_fallback: Option<bool>,
    tag: Option<String>,
    unsure: Option<String>,
}

/// Where the files are that say how to reach a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Files {
    #[default]
    None,
    /// The user's own, `~/.ssh/config`, and the system's.
    Usual,
    /// This one alone.
    One(PathBuf),
}

/// Where somebody wants to go. What is not said here is looked up.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub host: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub private_key: Option<PathBuf>,
    /// The server's public key line.
    pub host_key: Option<String>,
    pub known_hosts: Option<PathBuf>,
    /// The socket of an agent.
    pub agent: Option<PathBuf>,
    pub config: Files,
    /// The home of whoever runs this; where it is not known, the one that the
    /// system knows.
    pub home: Option<PathBuf>,
    /// The variables of the environment, for `${NAME}`.
    pub variables: Vec<(OsString, OsString)>,
}

/// Guests are worked in as root; ssh(1) would take this machine's user.
const USER: &str = "root";
/// More jumps than this are a circle.
const MOST_JUMPS: usize = 8;
/// Where hosts are known to everybody.
const GLOBAL_KNOWN_HOSTS: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];
const SYSTEM_CONFIG: &str = "/etc/ssh/ssh_config";

impl Wanted {
    /// How to log in there, after what the files say.
    pub fn login(&self) -> Result<Login, SshError> {
        self.login_through(MOST_JUMPS)
    }

    /// What the files say of the host.
    pub fn looked_up(&self) -> Result<HostConfig, SshError> {
        let (local_user, home) = self.us();
        let files: Vec<(PathBuf, bool)> = match &self.config {
            Files::None => Vec::new(),
            Files::One(path) => vec![(path.clone(), true)],
            Files::Usual => vec![
                (home.join(".ssh/config"), true),
                (PathBuf::from(SYSTEM_CONFIG), false),
            ],
        };
        Evaluation::of(self, &local_user, &home, &files)
            .map_err(|(path, problem)| SshError::Config { path, problem })
    }

    /// Who we are, and where our files are.
    fn us(&self) -> (String, PathBuf) {
        let (name, home) = expand::us();
        (name, self.home.clone().unwrap_or(home))
    }

    fn login_through(&self, jumps_left: usize) -> Result<Login, SshError> {
        self.login_by(|found, tokens, destination| {
            self.proxy(found, tokens, destination, jumps_left)
        })
    }

    /// How to log in there by the way that PROXY gives.
    fn login_by(
        &self,
        proxy: impl FnOnce(&HostConfig, &Tokens, &Destination) -> Result<Option<Proxy>, SshError>,
    ) -> Result<Login, SshError> {
        let found = self.looked_up()?;
        self.tell(&found);
        let trouble = |problem: String| SshError::Config {
            path: self.config_path(),
            problem,
        };
        let (local_user, home) = self.us();
        let destination = Destination {
            address: found.host_name.clone().unwrap_or_else(|| self.host.clone()),
            port: found.port.unwrap_or(22),
            user: found.user.clone().unwrap_or_else(|| USER.to_owned()),
        };
        let tokens = Tokens {
            host: destination.address.clone(),
            original: self.host.clone(),
            port: destination.port,
            user: destination.user.clone(),
            key_alias: found
                .host_key_alias
                .clone()
                .unwrap_or_else(|| self.host.clone()),
            jump: found.proxy_jump.clone().unwrap_or_default(),
            local_user,
            home: home.clone(),
            variables: self.variables.clone(),
        };
        let identity = self.identity(&found, &tokens).map_err(trouble)?;
        let trust = self.trust(&found, &tokens).map_err(trouble)?;
        let proxy = proxy(&found, &tokens, &destination)?;
        Ok(Login {
            destination,
            identity,
            trust,
            proxy,
            address_family: found.address_family.unwrap_or_default(),
            bind_address: found.bind_address,
        })
    }

    fn identity(&self, found: &HostConfig, tokens: &Tokens) -> Result<Identity, String> {
        let agent = match &found.identity_agent {
            Some(text) => tokens
                .agent(text.as_bytes(), self.agent.as_deref())
                .map_err(|problem| format!("IdentityAgent `{}`: {problem}", visible(text)))?,
            None => self.agent.clone(),
        };
        if let Some(path) = &self.private_key {
            // Whoever names a key means that one.
            return Ok(Identity {
                agent,
                ..Identity::file(path.clone())
            });
        }
        let mut troubles = Vec::new();
        let mut expanded = |names: &[String], what: &str| {
            let mut paths = Vec::new();
            for name in names.iter().filter(|name| !is_none(name)) {
                match tokens.file(name.as_bytes()) {
                    Ok(path) => paths.push(path),
                    // One that cannot be used among several is no end.
                    Err(problem) => troubles.push(format!("{what} `{}`: {problem}", visible(name))),
                }
            }
            paths
        };
        let files = expanded(&found.identity_files, "IdentityFile");
        let certificates = expanded(&found.certificate_files, "CertificateFile");
        Ok(Identity {
            defaults: found.identity_files.is_empty().then(|| tokens.home.clone()),
            files,
            certificates,
            agent,
            others: !found.identities_only.unwrap_or(false),
            explicit: false,
            troubles,
        })
    }

    fn trust(&self, found: &HostConfig, tokens: &Tokens) -> Result<Trust, String> {
        if let Some(line) = &self.host_key {
            return Ok(Trust::Pinned(line.clone()));
        }
        let revoked =
            match found
                .revoked_host_keys
                .as_deref()
                .filter(|name| !is_none(name))
            {
                Some(name) => Some(tokens.file(name.as_bytes()).map_err(|problem| {
                    format!("RevokedHostKeys `{}`: {problem}", visible(name))
                })?),
                None => None,
            };
        let mut files = Vec::new();
        if let Some(path) = &self.known_hosts {
            files.push((path.clone(), true));
        } else {
            match &found.user_known_hosts {
                Some(names) => {
                    for name in names.iter().filter(|name| !is_none(name)) {
                        let path = tokens.file(name.as_bytes()).map_err(|problem| {
                            format!("UserKnownHostsFile `{}`: {problem}", visible(name))
                        })?;
                        files.push((path, false));
                    }
                }
                None => files.extend(
                    ["known_hosts", "known_hosts2"]
                        .map(|name| (tokens.home.join(".ssh").join(name), false)),
                ),
            }
            match &found.global_known_hosts {
                Some(names) => {
                    files.extend(
                        names
                            .iter()
                            .filter(|name| !is_none(name))
                            .map(|name| (PathBuf::from(name), false)),
                    );
                }
                None => files.extend(GLOBAL_KNOWN_HOSTS.map(|name| (PathBuf::from(name), false))),
            }
        }
        Ok(Trust::KnownHosts(KnownHosts {
            files,
            alias: found.host_key_alias.clone(),
            revoked,
        }))
    }

    /// The way there, where it is not a connection of our own.
    fn proxy(
        &self,
        found: &HostConfig,
        tokens: &Tokens,
        destination: &Destination,
        jumps_left: usize,
    ) -> Result<Option<Proxy>, SshError> {
        let trouble = |problem: String| SshError::Config {
            path: self.config_path(),
            problem,
        };
        if let Some(command) = found
            .proxy_command
            .as_deref()
            .filter(|command| !is_none(command))
        {
            let command = tokens
                .proxy_command(command.as_bytes())
                .map_err(|problem| trouble(format!("ProxyCommand: {problem}")))?;
            return Ok(Some(Proxy::Command(command)));
        }
        let Some(hosts) = found.proxy_jump.as_deref().filter(|hosts| !is_none(hosts)) else {
            return Ok(None);
        };
        if jumps_left == 0 {
            return Err(trouble(format!(
                "ProxyJump of `{}` goes round in a circle",
                visible(&self.host)
            )));
        }
        let hosts: Vec<Wanted> = hosts
            .split(',')
            .map(|host| {
                self.jump(host).ok_or_else(|| {
                    trouble(format!("`{}` is no host to jump through", visible(host)))
                })
            })
            .collect::<Result<_, _>>()?;
        // Those that are named before another lead to it, whatever it says itself.
        let mut way: Option<Box<Login>> = None;
        for wanted in hosts {
            if wanted.host == destination.address
                && wanted.port.unwrap_or(22) == destination.port
                && wanted
                    .user
                    .as_ref()
                    .is_none_or(|user| *user == destination.user)
            {
                return Err(trouble(format!(
                    "ProxyJump of `{}` goes round in a circle",
                    visible(&self.host)
                )));
            }
            let login = match way.take() {
                // Its own proxy does not count.
                Some(before) => wanted.login_by(|_, _, _| Ok(Some(Proxy::Jump(before))))?,
                None => wanted.login_through(jumps_left - 1)?,
            };
            way = Some(Box::new(login));
        }
        Ok(way.map(Proxy::Jump))
    }

    /// `[USER@]HOST[:PORT]` as somewhere to go. Its key is a known one.
    fn jump(&self, text: &str) -> Option<Wanted> {
        let (user, host, port) = jump_host(text)?;
        Some(Wanted {
            host,
            port,
            user,
            private_key: None,
            host_key: None,
            ..self.clone()
        })
    }

    fn config_path(&self) -> PathBuf {
        match &self.config {
            Files::One(path) => path.clone(),
            _ => self.us().1.join(".ssh/config"),
        }
    }

    /// Tell, once, what in the files is not followed though it matters.
    fn tell(&self, found: &HostConfig) {
        let path = self.config_path();
        for line in &found.passed_over {
            once(format!(
                "what follows `{}` in `{}` is passed over: only ssh knows whether it holds",
                visible(line),
                path.display()
            ));
        }
        for (keyword, value) in &found.not_followed {
            once(format!(
                "`{} {}` for `{}` is not followed here; `fruix-scm doctor` lists such lines",
                visible(keyword),
                visible(value),
                visible(&self.host)
            ));
        }
    }
}

/// Tell TEXT, unless it has been told.
fn once(text: String) {
    static TOLD: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.get_or_insert_default().insert(text.clone()) {
        progress::tell(Event::Note { text });
    }
}

/// The user, host and port of `[USER@]HOST[:PORT]` or `ssh://…`.
fn jump_host(text: &str) -> Option<(Option<String>, String, Option<u16>)> {
    let place = text.trim();
    let place = match place.strip_prefix("ssh://") {
        Some(rest) => rest.strip_suffix('/').unwrap_or(rest),
        None => place,
    };
    let (user, place) = match place.rsplit_once('@') {
        Some(("", _)) => return None,
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, place),
    };
    let (host, port) = match place
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':')?)),
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    if host.is_empty() {
        return None;
    }
    let port = match port {
        None | Some("") => None,
        Some(port) => Some(file::port(port)?),
    };
    Some((user, host.to_owned(), port))
}

#[cfg(test)]
mod tests;
