//! The user's `~/.ssh/config`, as far as it says how to reach a host.
//!
//! `Host`, `Match`, `Include`, `HostName`, `User`, `Port`, `IdentityFile` and
//! `ProxyJump` are read as ssh(1) reads them: the first value counts, except for
//! `IdentityFile`, of which all do. Everything else is passed over,
//! `StrictHostKeyChecking` included. So are blocks that `Match` something that
//! only ssh(1) could know, such as what a command says; where such a block says
//! how to reach a host, that is told.
//!
//! Source: ssh_config(5).

use super::connection::{Destination, Login};
use super::error::SshError;
use super::identity::Identity;
use super::text::visible;
use super::trust::Trust;
use crate::progress::{self, Event};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file of ssh_config(5), taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config(Vec<Line>);

#[derive(Clone, Debug, PartialEq)]
enum Line {
    /// What follows is for hosts that match these patterns.
    Host(Vec<String>),
    /// What follows is for where all of this holds; and something else too, where
    /// the line is kept as it stands.
    Match(Vec<Criterion>, Option<String>),
    /// Files to read here, as they are named.
    Include(Vec<String>),
    /// Those files.
    Included(Vec<Config>),
    /// A keyword in small letters, and its value.
    Option(String, String),
}

/// One thing that `Match` asks.
#[derive(Clone, Debug, PartialEq)]
struct Criterion {
    subject: Subject,
    negated: bool,
    patterns: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Subject {
    All,
    /// The name that `HostName` has led to so far.
    Host,
    /// The name as it was given.
    OriginalHost,
    /// Who logs in there.
    User,
}

/// What a file says about one host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostConfig {
    pub host_name: Option<String>,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub identity_files: Vec<String>,
    /// Hosts to go through, the first of them first.
    pub proxy_jump: Vec<String>,
    /// Lines with `Match` that are not understood, but might say something.
    pub passed_over: Vec<String>,
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
    /// The file of ssh_config(5) to look into.
    pub config: Option<PathBuf>,
    pub home: Option<PathBuf>,
}

/// Guests are worked in as root; ssh(1) would take this machine's user.
const USER: &str = "root";
/// More jumps than this are a circle.
const MOST_JUMPS: usize = 8;
/// More files that include each other are a circle, as ssh(1) has it.
const MOST_INCLUDES: usize = 16;

impl Wanted {
    /// How to log in there, after what the user's files say.
    pub fn login(&self) -> Result<Login, SshError> {
        let config = match &self.config {
            Some(path) => Config::read(path, self.home.as_deref())?,
            None => Config::default(),
        };
        self.login_with(&config, MOST_JUMPS)
    }

    fn login_with(&self, config: &Config, jumps_left: usize) -> Result<Login, SshError> {
        let found = config.of(&self.host, self.user.as_deref());
        for line in &found.passed_over {
            progress::tell(Event::Note {
                text: format!(
                    "what follows `{}` in `{}` is passed over: only ssh knows whether it holds",
                    visible(line),
                    self.config.as_deref().unwrap_or(Path::new("")).display()
                ),
            });
        }
        let address = match &found.host_name {
            Some(name) => name.replace("%h", &self.host),
            None => self.host.clone(),
        };
        let destination = Destination {
            address,
            port: self.port.or(found.port).unwrap_or(22),
            user: self
                .user
                .clone()
                .or(found.user)
                .unwrap_or_else(|| USER.to_owned()),
        };
        let files = match &self.private_key {
            Some(path) => vec![path.clone()],
            None => found
                .identity_files
                .iter()
                .map(|name| self.expanded(name))
                .collect(),
        };
        let trust = match (&self.host_key, &self.known_hosts, &self.home) {
            (Some(line), _, _) => Trust::Pinned(line.clone()),
            (None, Some(path), _) => Trust::KnownHosts(path.clone()),
            (None, None, Some(home)) => Trust::KnownHosts(home.join(".ssh/known_hosts")),
            (None, None, None) => {
                return Err(SshError::ExpectedHostKey {
                    problem: format!("no host key of `{}` is known", self.host),
                    hint: "pass #:host-key or #:known-hosts".to_owned(),
                });
            }
        };
        let mut jump = None;
        if let Some((last, before)) = found.proxy_jump.split_last() {
            if jumps_left == 0 {
                return Err(SshError::Config {
                    path: self.config.clone().unwrap_or_default(),
                    problem: format!("ProxyJump of `{}` goes round in a circle", self.host),
                });
            }
            let mut through = self.jump(last)?.login_with(config, jumps_left - 1)?;
            // Those that are named before it lead to it.
            if !before.is_empty() {
                let mut way: Option<Box<Login>> = None;
                for name in before {
                    let mut login = self.jump(name)?.login_with(config, jumps_left - 1)?;
                    if way.is_some() {
                        login.jump = way;
                    }
                    way = Some(Box::new(login));
                }
                through.jump = way;
            }
            jump = Some(Box::new(through));
        }
        Ok(Login {
            destination,
            identity: Identity {
                defaults: files.is_empty().then(|| self.home.clone()).flatten(),
                files,
                agent: self.agent.clone(),
            },
            trust,
            jump,
        })
    }

    /// `[USER@]HOST[:PORT]` as somewhere to go. Its key is in `known_hosts`.
    fn jump(&self, text: &str) -> Result<Wanted, SshError> {
        let text = text.strip_prefix("ssh://").unwrap_or(text);
        let (user, place) = match text.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, text),
        };
        let (host, port) = match place
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => match place.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (place, None),
            },
        };
        let port = match port.map(str::parse) {
            None => None,
            Some(Ok(port)) => Some(port),
            Some(Err(_)) => {
                return Err(SshError::Config {
                    path: self.config.clone().unwrap_or_default(),
                    problem: format!("`{text}` is no host to jump through"),
                });
            }
        };
        Ok(Wanted {
            host: host.to_owned(),
            port,
            user,
            private_key: None,
            host_key: None,
            ..self.clone()
        })
    }

    /// NAME of a file with `~` and `%d` in it.
    fn expanded(&self, name: &str) -> PathBuf {
        let Some(home) = &self.home else {
            return PathBuf::from(name);
        };
        below_home(name, home)
            .unwrap_or_else(|| PathBuf::from(name.replace("%d", &home.to_string_lossy())))
    }
}

fn below_home(name: &str, home: &Path) -> Option<PathBuf> {
    name.strip_prefix("~/").map(|rest| home.join(rest))
}

impl Config {
    /// The file at PATH and those that it includes, of the user whose HOME it
    /// is; nothing when there is none.
    pub fn read(path: &Path, home: Option<&Path>) -> Result<Config, SshError> {
        Config::read_at(path, home, MOST_INCLUDES)
    }

    fn read_at(path: &Path, home: Option<&Path>, depth: usize) -> Result<Config, SshError> {
        let trouble = |problem: String| SshError::Config {
            path: path.to_owned(),
            problem,
        };
        let mut config = match fs::read_to_string(path) {
            Ok(text) => Config::parse(&text).map_err(trouble)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Config::default(),
            Err(error) => return Err(trouble(error.to_string())),
        };
        for line in &mut config.0 {
            let Line::Include(names) = line else { continue };
            if depth == 0 {
                return Err(trouble("Include goes round in a circle".to_owned()));
            }
            let mut included = Vec::new();
            for name in names.iter() {
                for path in included_files(name, path, home) {
                    included.push(Config::read_at(&path, home, depth - 1)?);
                }
            }
            *line = Line::Included(included);
        }
        Ok(config)
    }

    pub fn parse(text: &str) -> Result<Config, String> {
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let at = |problem: &str| format!("line {}: {problem}", index + 1);
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let end = line
                .find(|letter: char| letter.is_whitespace() || letter == '=')
                .unwrap_or(line.len());
            let (keyword, value) = line.split_at(end);
            let value = value.trim_start();
            let value = value.strip_prefix('=').unwrap_or(value);
            let words = words(value).ok_or_else(|| at("a quotation is not closed"))?;
            let keyword = keyword.to_ascii_lowercase();
            match (keyword.as_str(), &words[..]) {
                ("host", []) => return Err(at("Host without a pattern")),
                ("host", _) => lines.push(Line::Host(words)),
                ("match", []) => return Err(at("Match without a criterion")),
                ("match", words) => {
                    let (criteria, whole) = criteria(words);
                    lines.push(Line::Match(criteria, (!whole).then(|| line.to_owned())));
                }
                ("include", []) => return Err(at("Include without a file")),
                ("include", _) => lines.push(Line::Include(words)),
                ("port", [port]) if port.parse::<u16>().is_err() => {
                    return Err(at("Port is not a number below 65536"));
                }
                ("hostname" | "user" | "port" | "identityfile" | "proxyjump", [value]) => {
                    lines.push(Line::Option(keyword, value.clone()));
                }
                ("hostname" | "user" | "port" | "identityfile" | "proxyjump", _) => {
                    return Err(at(&format!("`{keyword}` wants one value")));
                }
                _ => {}
            }
        }
        Ok(Config(lines))
    }

    /// What is said about HOST, a name as the user writes it, for USER where one
    /// was given.
    pub fn of(&self, host: &str, user: Option<&str>) -> HostConfig {
        let mut asked = Asked {
            host,
            user,
            found: HostConfig::default(),
            jump: None,
        };
        asked.go_through(self);
        let Asked {
            mut found, jump, ..
        } = asked;
        found.proxy_jump = match jump.as_deref() {
            None | Some("none") => Vec::new(),
            Some(hosts) => hosts
                .split(',')
                .map(|host| host.trim().to_owned())
                .collect(),
        };
        found
    }
}

/// What is asked of a file, and found so far.
struct Asked<'a> {
    host: &'a str,
    user: Option<&'a str>,
    found: HostConfig,
    jump: Option<String>,
}

impl Asked<'_> {
    fn go_through(&mut self, config: &Config) {
        let mut applies = true;
        // The line that decides when it is one that we cannot understand.
        let mut unknown: Option<&String> = None;
        for line in &config.0 {
            match line {
                Line::Host(patterns) => {
                    (applies, unknown) = (matches_any(patterns, self.host), None);
                }
                Line::Match(criteria, more) => {
                    let holds = criteria.iter().all(|criterion| self.holds(criterion));
                    applies = holds && more.is_none();
                    unknown = more.as_ref().filter(|_| holds);
                }
                Line::Included(configs) if applies => {
                    for config in configs {
                        self.go_through(config);
                    }
                }
                Line::Option(keyword, value) if applies => self.take(keyword, value),
                Line::Option(..) | Line::Included(_) | Line::Include(_) => {
                    self.found.passed_over.extend(unknown.take().cloned());
                }
            }
        }
    }

    fn holds(&self, criterion: &Criterion) -> bool {
        let name = match criterion.subject {
            Subject::All => return !criterion.negated,
            Subject::OriginalHost => self.host.to_owned(),
            Subject::Host => match &self.found.host_name {
                Some(name) => name.replace("%h", self.host),
                None => self.host.to_owned(),
            },
            Subject::User => {
                let known = self.user.or(self.found.user.as_deref());
                known.unwrap_or(USER).to_owned()
            }
        };
        matches_any(&criterion.patterns, &name) != criterion.negated
    }

    fn take(&mut self, keyword: &str, value: &str) {
        let found = &mut self.found;
        let first = |place: &mut Option<String>| {
            place.get_or_insert_with(|| value.to_owned());
        };
        match keyword {
            "hostname" => first(&mut found.host_name),
            "user" => first(&mut found.user),
            "port" => found.port = found.port.or_else(|| value.parse().ok()),
            "proxyjump" => first(&mut self.jump),
            _ if value != "none" => found.identity_files.push(value.to_owned()),
            _ => {}
        }
    }
}

/// What WORDS behind `Match` ask, and whether that is all of it: what only
/// ssh(1) could know ends it.
fn criteria(words: &[String]) -> (Vec<Criterion>, bool) {
    let mut rest = words.iter();
    let mut criteria = Vec::new();
    while let Some(word) = rest.next() {
        let (negated, name) = match word.strip_prefix('!') {
            Some(name) => (true, name),
            None => (false, word.as_str()),
        };
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let subject = match name.to_ascii_lowercase().as_str() {
            "all" => Subject::All,
            "host" => Subject::Host,
            "originalhost" => Subject::OriginalHost,
            "user" => Subject::User,
            _ => return (criteria, false),
        };
        let value = match (subject, value) {
            (Subject::All, _) => String::new(),
            (_, Some(value)) => value,
            (_, None) => match rest.next() {
                Some(value) => value.clone(),
                None => return (criteria, false),
            },
        };
        criteria.push(Criterion {
            subject,
            negated,
            patterns: value.split(',').map(str::to_owned).collect(),
        });
    }
    (criteria, true)
}

/// The files that NAME, included by the file at PATH, stands for, sorted.
fn included_files(name: &str, path: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    // Where a user's own file is, and those that it includes.
    let directory = match home {
        Some(home) => home.join(".ssh"),
        None => path.parent().unwrap_or(Path::new("")).to_owned(),
    };
    let wanted = home
        .and_then(|home| below_home(name, home))
        .unwrap_or_else(|| directory.join(name));
    let mut found = vec![PathBuf::new()];
    for part in wanted.components() {
        let part = part.as_os_str();
        let pattern = part.to_string_lossy();
        if !pattern.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let mut next: Vec<PathBuf> = found
            .iter()
            .filter_map(|directory| fs::read_dir(directory).ok())
            .flatten()
            .flatten()
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                (pattern.starts_with('.') || !name.starts_with('.')) && fits(&pattern, &name)
            })
            .map(|entry| entry.path())
            .collect();
        next.sort();
        found = next;
    }
    found
}

/// The words of a line, with double quotes around those that hold spaces;
/// `None` when a quotation has no end.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Some(words)
}

/// Whether one of PATTERNS matches NAME and none that begins with `!` does.
pub(super) fn matches_any(patterns: &[impl AsRef<str>], name: &str) -> bool {
    let mut matched = false;
    for pattern in patterns {
        match pattern.as_ref().strip_prefix('!') {
            Some(pattern) if matches(pattern, name) => return false,
            Some(_) => {}
            None => matched |= matches(pattern.as_ref(), name),
        }
    }
    matched
}

/// Whether PATTERN matches NAME; letter case makes no difference in names of
/// hosts.
fn matches(pattern: &str, name: &str) -> bool {
    fits(&pattern.to_ascii_lowercase(), &name.to_ascii_lowercase())
}

/// Whether PATTERN, in which `*` stands for any text and `?` for any letter,
/// is like NAME.
fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // Where to go on when what follows the last star does not match.
    let (mut at, mut star, mut index) = (0, None, 0);
    while at < name.len() {
        match pattern.get(index) {
            Some('*') => {
                star = Some((index, at));
                index += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[at] => {
                index += 1;
                at += 1;
            }
            _ => match star {
                Some((place, from)) => {
                    star = Some((place, from + 1));
                    index = place + 1;
                    at = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[index..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# before any Host: for all
User everybody
Host guest builder-?
    HostName = %h.example.org
    Port 2222
    IdentityFile ~/.ssh/first
    IdentityFile \"~/.ssh/with space\"
    ProxyJump admin@gate:2200,inner
Match originalhost guest exec \"anything\"
    Port 9
Host * !gate
    User nobody
    Port 23
    IdentityFile ~/.ssh/last
    StrictHostKeyChecking no
";

    #[test]
    fn the_first_value_counts_and_every_identity_does() {
        let config = Config::parse(TEXT).unwrap();
        let guest = config.of("guest", None);
        assert_eq!(guest.host_name.as_deref(), Some("%h.example.org"));
        assert_eq!(
            (guest.user.as_deref(), guest.port),
            (Some("everybody"), Some(2222))
        );
        assert_eq!(
            guest.identity_files,
            ["~/.ssh/first", "~/.ssh/with space", "~/.ssh/last"]
        );
        assert_eq!(guest.proxy_jump, ["admin@gate:2200", "inner"]);
        // Only a command would tell whether its port counts, and only here.
        assert_eq!(
            guest.passed_over,
            ["Match originalhost guest exec \"anything\""]
        );
        let builder = config.of("builder-1", None);
        assert!(builder.passed_over.is_empty());
        assert_eq!(builder.proxy_jump, guest.proxy_jump);
        assert_eq!(config.of("builder-12", None).port, Some(23));
        assert_eq!(config.of("gate", None).port, None);
    }

    #[test]
    fn match_asks_for_host_and_user_and_may_be_negated() {
        let config = Config::parse(
            "Host short\nHostName long.example.org\n\
             Match host *.example.org !originalhost other user=root,me\nPort 1\n\
             Match originalhost long.*\nPort 2\n\
             Match all\nPort 3\nMatch exec x\nMatch all\nUser last\n",
        )
        .unwrap();
        let port = |host, user| config.of(host, user).port;
        assert_eq!(port("short", None), Some(1));
        assert_eq!(port("short", Some("me")), Some(1));
        assert_eq!(port("short", Some("you")), Some(3));
        assert_eq!(port("long.example.org", Some("you")), Some(2));
        let short = config.of("short", None);
        assert_eq!(short.user.as_deref(), Some("last"));
        // A block that says nothing of interest is nothing to tell.
        assert!(short.passed_over.is_empty());
    }

    #[test]
    fn included_files_count_where_they_are_included() {
        let home = tempfile::tempdir().unwrap();
        let ssh = home.path().join(".ssh");
        fs::create_dir_all(ssh.join("config.d")).unwrap();
        let write = |name: &str, text: &str| fs::write(ssh.join(name), text).unwrap();
        write(
            "config",
            "Include config.d/*.conf none-there\nHost guest\n Include ~/.ssh/for-guest\n \
             User behind\n",
        );
        write("config.d/b.conf", "Port 2\n");
        write("config.d/a.conf", "Host guest\nPort 1\n");
        write("config.d/.hidden.conf", "Port 9\n");
        write(
            "for-guest",
            "Host nobody\nUser no\nMatch all\nHostName there\n",
        );
        let read = || Config::read(&ssh.join("config"), Some(home.path()));
        let config = read().unwrap();
        let guest = config.of("guest", None);
        assert_eq!(guest.port, Some(1));
        assert_eq!(guest.host_name.as_deref(), Some("there"));
        assert_eq!(guest.user.as_deref(), Some("behind"));
        let other = config.of("other", None);
        assert_eq!((other.port, other.host_name), (Some(2), None));

        write("for-guest", "Port many\n");
        let message = read().unwrap_err().to_string();
        assert!(
            message.contains("for-guest") && message.contains("line 1"),
            "{message}"
        );
        write("for-guest", "Include config\n");
        let message = read().unwrap_err().to_string();
        assert!(message.contains("circle"), "{message}");
    }

    #[test]
    fn a_login_follows_the_file_and_what_is_said_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        fs::write(&path, TEXT).unwrap();
        let wanted = Wanted {
            host: "guest".to_owned(),
            user: Some("root".to_owned()),
            config: Some(path.clone()),
            home: Some(PathBuf::from("/home/me")),
            ..Wanted::default()
        };
        let login = wanted.login().unwrap();
        assert_eq!(login.destination.address, "guest.example.org");
        assert_eq!(
            (login.destination.port, &*login.destination.user),
            (2222, "root")
        );
        assert_eq!(login.identity.files[0], Path::new("/home/me/.ssh/first"));
        assert_eq!(
            login.trust,
            Trust::KnownHosts(PathBuf::from("/home/me/.ssh/known_hosts"))
        );
        // Through `gate` to `inner`, and from there to the guest.
        let inner = login.jump.unwrap();
        assert_eq!(inner.destination.address, "inner");
        let gate = inner.jump.unwrap();
        assert_eq!(
            (&*gate.destination.address, gate.destination.port),
            ("gate", 2200)
        );
        assert_eq!(gate.destination.user, "admin");
        assert!(gate.jump.is_none());

        fs::write(&path, "Host *\nProxyJump other\n").unwrap();
        let circle = wanted.login().unwrap_err().to_string();
        assert!(circle.contains("circle"), "{circle}");
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        for (text, problem) in [
            ("Port many\n", "line 1: Port is not a number below 65536"),
            ("\nHost\n", "line 2: Host without a pattern"),
            ("Match\n", "line 1: Match without a criterion"),
            ("User \"me\n", "line 1: a quotation is not closed"),
            ("User a b\n", "line 1: `user` wants one value"),
        ] {
            assert_eq!(Config::parse(text), Err(problem.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn stars_and_question_marks_match_as_in_file_names() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("10.0.*.?", "10.0.3.7", true),
            ("10.0.*.?", "10.0.3.77", false),
            ("*a*b", "xaxb", true),
            ("*a*b", "xbxa", false),
            ("GUEST", "guest", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
