//! Files of ssh_config(5), read for one host.
//!
//! A file is gone through as ssh(1) does, line by line, because what a line says
//! may depend on those before it: the first value of a keyword counts, `Match`
//! asks for what has been found so far, or for what a command answers. `Match
//! final` and `CanonicalizeHostname` have all files read once more.
//!
//! Source: OpenSSH's readconf.c and ssh.c.

use super::expand::Tokens;
use super::words::{fits, fits_host, fits_list, keyword, next, split};
use super::{HostConfig, Wanted, visible};
use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// More files that include each other are a circle, as ssh(1) has it.
const MOST_INCLUDES: usize = 16;
/// As many names of keys and of certificates as ssh(1) takes.
const MOST_FILES: usize = 100;
/// How long a command of `Match exec` may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is wrong, where.
pub type Trouble = (PathBuf, String);

/// Keywords that are not followed here and would change where one goes, as whom,
/// with which key, or whom one trusts.
const MATTERS: [&str; 8] = [
    "bindinterface",
    "canonicalizepermittedcnames",
    "knownhostscommand",
    "pkcs11provider",
    "proxyusefdpass",
    "securitykeyprovider",
    "verifyhostkeydns",
    "hostbasedauthentication",
];

/// What is found, and for whom.
pub struct Evaluation<'a> {
    wanted: &'a Wanted,
    local_user: &'a str,
    home: &'a Path,
    /// The name that `Host` is asked for: as given, and in the end what it became.
    host: Vec<u8>,
    found: HostConfig,
    is_final: bool,
    wants_final: bool,
}

/// A file that is being gone through.
struct Reading<'a> {
    path: &'a Path,
    /// Whether this is the user's own, or another that it includes.
    of_user: bool,
    /// Whether the block that includes it is for another host.
    never: bool,
    depth: usize,
}

impl<'a> Evaluation<'a> {
    /// What FILES, the user's first, say for WANTED.
    pub fn of(
        wanted: &'a Wanted,
        local_user: &'a str,
        home: &'a Path,
        files: &[(PathBuf, bool)],
    ) -> Result<HostConfig, Trouble> {
        let mut evaluation = Evaluation {
            wanted,
            local_user,
            home,
            host: wanted.host.clone().into_bytes(),
            found: HostConfig {
                user: wanted.user.clone(),
                port: wanted.port,
                ..HostConfig::default()
            },
            is_final: false,
            wants_final: false,
        };
        evaluation.read(files)?;
        let mut name = match &evaluation.found.host_name {
            Some(name) => evaluation.host_name(name, files)?,
            None => wanted.host.clone(),
        };
        name = evaluation.canonical(name.to_lowercase(), files)?;
        evaluation.found.host_name = Some(name.clone());
        if evaluation.wants_final
            || evaluation
                .found
                .canonicalize
                .is_some_and(|how| how != Canonicalize::No)
        {
            evaluation.host = name.clone().into_bytes();
            evaluation.is_final = true;
            evaluation.read(files)?;
            evaluation.found.host_name = Some(name);
        }
        Ok(evaluation.found)
    }

    fn host_name(&self, text: &str, files: &[(PathBuf, bool)]) -> Result<String, Trouble> {
        let tokens = Tokens {
            host: self.wanted.host.clone(),
            ..Tokens::default()
        };
        let name = tokens.host_name(text.as_bytes()).map_err(|problem| {
            let path = files.first().map(|(path, _)| path.clone());
            (
                path.unwrap_or_default(),
                format!("HostName `{}`: {problem}", visible(text)),
            )
        })?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    /// NAME as an address is usually written, or with the domain in which it is
    /// found, where that is asked for.
    fn canonical(&self, name: String, files: &[(PathBuf, bool)]) -> Result<String, Trouble> {
        if let Some(address) = address(&name) {
            return Ok(address.to_string());
        }
        let how = self.found.canonicalize.unwrap_or(Canonicalize::No);
        let direct = self.found.proxy_command.as_deref().is_none_or(is_none)
            && self.found.proxy_jump.as_deref().is_none_or(is_none);
        if how == Canonicalize::No || (!direct && how != Canonicalize::Always) || name.is_empty() {
            return Ok(name);
        }
        let found = |name: &str| {
            (name, 22)
                .to_socket_addrs()
                .is_ok_and(|mut found| found.next().is_some())
        };
        let missing = || match self.found.canonicalize_fallback {
            Some(false) => Err((
                files
                    .first()
                    .map(|(path, _)| path.clone())
                    .unwrap_or_default(),
                format!("`{name}` has no address in any of CanonicalDomains"),
            )),
            _ => Ok(name.clone()),
        };
        if let Some(whole) = name.strip_suffix('.') {
            return match found(&name) {
                true => Ok(whole.to_owned()),
                false => missing(),
            };
        }
        let dots = name.bytes().filter(|byte| *byte == b'.').count();
        if dots > self.found.canonicalize_max_dots.unwrap_or(1) {
            return Ok(name);
        }
        for domain in self.found.canonical_domains.iter().flatten() {
            if is_none(domain) {
                break;
            }
            let longer = format!("{name}.{domain}");
            if found(&format!("{longer}.")) {
                return Ok(longer.to_lowercase());
            }
        }
        missing()
    }

    fn read(&mut self, files: &[(PathBuf, bool)]) -> Result<(), Trouble> {
        for (path, of_user) in files {
            let reading = Reading {
                path,
                of_user: *of_user,
                never: false,
                depth: 0,
            };
            let mut active = true;
            // Whoever names a file wants it as it is; those of the usual names
            // must be nobody else's.
            let usual = *path == self.home.join(".ssh/config");
            self.read_file(&reading, &mut active, usual)?;
        }
        Ok(())
    }

    fn read_file(
        &mut self,
        reading: &Reading<'_>,
        active: &mut bool,
        checked: bool,
    ) -> Result<(), Trouble> {
        let path = reading.path;
        let trouble = |problem: String| (path.to_owned(), problem);
        if reading.depth > MOST_INCLUDES {
            return Err(trouble("Include goes round in a circle".to_owned()));
        }
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::IsADirectory
                ) =>
            {
                return Ok(());
            }
            Err(error) => return Err(trouble(error.to_string())),
        };
        if checked && let Ok(metadata) = std::fs::metadata(path) {
            let ours = [0, rustix::process::getuid().as_raw()].contains(&metadata.uid());
            if !ours || metadata.mode() & 0o022 != 0 {
                return Err(trouble(
                    "others may write it, and so ssh would not read it".to_owned(),
                ));
            }
        }
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            self.read_line(reading, line, active)
                .map_err(|problem| match problem {
                    Problem::Here(problem) => trouble(format!("line {}: {problem}", index + 1)),
                    Problem::Elsewhere(trouble) => trouble,
                })?;
        }
        Ok(())
    }

    fn read_line(
        &mut self,
        reading: &Reading<'_>,
        line: &[u8],
        active: &mut bool,
    ) -> Result<(), Problem> {
        let end = line
            .iter()
            .rposition(|byte| !b" \t\r\n\x0c".contains(byte))
            .map_or(0, |at| at + 1);
        let line = &line[..end];
        let line = match line.iter().position(|byte| !b" \t\r".contains(byte)) {
            Some(start) => &line[start..],
            None => return Ok(()),
        };
        if line[0] == b'#' {
            return Ok(());
        }
        let (word, rest) = keyword(line).ok_or("a quotation is not closed")?;
        let name = String::from_utf8_lossy(&word).to_ascii_lowercase();
        if rest.is_empty() {
            return Err(format!("`{}` without a value", visible(&name)).into());
        }
        match name.as_str() {
            "host" => {
                *active = self.host_matches(reading, &arguments(rest)?)?;
                return Ok(());
            }
            "match" => {
                let holds = self.matches(rest, reading, line)?;
                *active = holds && !reading.never;
                return Ok(());
            }
            "include" => return self.include(reading, &arguments(rest)?, *active),
            _ => {}
        }
        if !*active {
            if self.found.unsure.is_some() && is_followed(&name) {
                // Only where such a block would say something is there something to say.
                let line = self.found.unsure.take();
                self.found.passed_over.extend(line);
            }
            return Ok(());
        }
        self.take(&name, rest)
    }

    fn host_matches(&self, reading: &Reading<'_>, patterns: &[Vec<u8>]) -> Result<bool, Problem> {
        if patterns.is_empty() {
            return Err("`host` without a pattern".into());
        }
        let mut matched = false;
        for pattern in patterns {
            if pattern.is_empty() {
                return Err("`host` with an empty pattern".into());
            }
            if reading.never {
                return Ok(false);
            }
            match pattern.strip_prefix(b"!") {
                Some(pattern) if fits(pattern, &self.host) => return Ok(false),
                Some(_) => {}
                None => matched |= fits(pattern, &self.host),
            }
        }
        Ok(matched)
    }

    /// Whether what `Match` asks in TEXT holds.
    fn matches(
        &mut self,
        text: &[u8],
        reading: &Reading<'_>,
        line: &[u8],
    ) -> Result<bool, Problem> {
        self.found.unsure = None;
        let mut rest = text;
        let (mut holds, mut asked) = (true, 0);
        loop {
            let word = next(&mut rest).ok_or("a quotation is not closed")?;
            if word.is_empty() || word.starts_with(b"#") {
                break;
            }
            let (negated, name) = match word.strip_prefix(b"!") {
                Some(name) => (true, name),
                None => (false, &word[..]),
            };
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if name == "all" {
                let more = next(&mut rest).ok_or("a quotation is not closed")?;
                if asked > 1 || !(more.is_empty() || more.starts_with(b"#")) {
                    return Err("`all` cannot stand beside what else `Match` asks".into());
                }
                return Ok(holds && !negated);
            }
            asked += 1;
            if name == "final" || name == "canonical" {
                self.wants_final |= name == "final";
                holds &= self.is_final != negated;
                continue;
            }
            let argument = next(&mut rest).ok_or("a quotation is not closed")?;
            if argument.is_empty() || argument.starts_with(b"#") {
                return Err(format!("`Match {}` without a value", visible(&name)).into());
            }
            let found = match name.as_str() {
                "host" => fits_host(&argument, self.name_so_far().as_bytes()),
                "originalhost" => fits_host(&argument, self.wanted.host.as_bytes()),
                "user" => fits_list(&argument, self.user_so_far().as_bytes()),
                "localuser" => fits_list(&argument, self.local_user.as_bytes()),
                "tagged" => fits_list(
                    &argument,
                    self.found.tag.as_deref().unwrap_or_default().as_bytes(),
                ),
                // Only where all before it holds is the command run, as with ssh.
                "exec" if !holds || reading.never => continue,
                "exec" => self.command_succeeds(&argument)?,
                // What newer ones ask, and we cannot answer.
                "localnetwork" | "command" | "version" | "sessiontype" => {
                    if holds {
                        self.found.unsure = Some(String::from_utf8_lossy(line).into_owned());
                    }
                    return Ok(false);
                }
                _ => return Err(format!("`Match` cannot ask for `{}`", visible(&name)).into()),
            };
            holds &= found != negated;
        }
        match asked {
            0 => Err("`Match` asks for nothing".into()),
            _ => Ok(holds),
        }
    }

    fn name_so_far(&self) -> String {
        match &self.found.host_name {
            Some(name) if self.is_final => name.clone(),
            Some(name) => self.host_name(name, &[]).unwrap_or_else(|_| name.clone()),
            None => String::from_utf8_lossy(&self.host).into_owned(),
        }
    }

    fn user_so_far(&self) -> &str {
        self.found.user.as_deref().unwrap_or(super::USER)
    }

    fn command_succeeds(&self, text: &[u8]) -> Result<bool, Problem> {
        let host = self.name_so_far();
        let tokens = Tokens {
            key_alias: self
                .found
                .host_key_alias
                .clone()
                .unwrap_or_else(|| self.wanted.host.clone()),
            host,
            original: self.wanted.host.clone(),
            port: self.found.port.unwrap_or(22),
            user: self.user_so_far().to_owned(),
            jump: self.found.proxy_jump.clone().unwrap_or_default(),
            local_user: self.local_user.to_owned(),
            home: self.home.to_owned(),
            variables: Vec::new(),
        };
        let command = tokens.match_command(text)?;
        let failed =
            |error: io::Error| Problem::from(format!("`Match exec` cannot run /bin/sh: {error}"));
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(OsStr::from_bytes(&command))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                return Ok(status.success());
            }
            if began.elapsed() > PATIENCE || crate::runtime::take_interrupt() {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!(
                    "the command of `Match exec` has not ended within {} s",
                    began.elapsed().as_secs()
                )
                .into());
            }
            crate::clock::machine::pause(Duration::from_millis(2));
        }
    }

    fn include(
        &mut self,
        reading: &Reading<'_>,
        names: &[Vec<u8>],
        active: bool,
    ) -> Result<(), Problem> {
        for name in names {
            if name.is_empty() {
                return Err("`include` with an empty name".into());
            }
            let tokens = Tokens {
                home: self.home.to_owned(),
                ..Tokens::default()
            };
            let path = if name.starts_with(b"~") {
                if !reading.of_user {
                    return Err("`include` of the system's file begins with `~`".into());
                }
                match tokens.with_home(name) {
                    Ok(path) => path,
                    // As where nothing fits.
                    Err(_) => continue,
                }
            } else if name.starts_with(b"/") {
                name.clone()
            } else {
                let directory = match reading.of_user {
                    true => self.home.join(".ssh"),
                    false => PathBuf::from("/etc/ssh"),
                };
                [directory.as_os_str().as_bytes(), b"/", name].concat()
            };
            let pattern = String::from_utf8_lossy(&path).into_owned();
            let options = glob::MatchOptions {
                case_sensitive: true,
                require_literal_separator: true,
                require_literal_leading_dot: true,
            };
            let Ok(paths) = glob::glob_with(&pattern, options) else {
                continue;
            };
            let mut paths: Vec<PathBuf> = paths.filter_map(Result::ok).collect();
            paths.sort();
            for path in paths {
                let included = Reading {
                    path: &path,
                    of_user: reading.of_user,
                    never: reading.never || !active,
                    depth: reading.depth + 1,
                };
                let mut state = active;
                self.read_file(&included, &mut state, true)
                    .map_err(Problem::Elsewhere)?;
            }
        }
        Ok(())
    }

    /// Take the value of keyword NAME, in TEXT, unless there is one.
    fn take(&mut self, name: &str, text: &[u8]) -> Result<(), Problem> {
        let found = &mut self.found;
        let raw = || {
            let start = text.iter().position(|byte| !b" \t\r\n=".contains(byte));
            String::from_utf8_lossy(&text[start.unwrap_or(text.len())..]).into_owned()
        };
        match name {
            "proxycommand" => {
                arguments(text)?;
                if found.proxy_jump.as_deref().is_none_or(is_none) {
                    found.proxy_command.get_or_insert_with(raw);
                }
                return Ok(());
            }
            "proxyjump" => {
                arguments(text)?;
                let raw = raw();
                let value = raw.split('#').next().unwrap_or_default();
                let value = value
                    .split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                if !is_none(&value) {
                    for host in value.split(',') {
                        super::jump_host(host).ok_or_else(|| {
                            format!("`{}` is no host to jump through", visible(host))
                        })?;
                    }
                }
                if found.proxy_command.is_none() {
                    found.proxy_jump.get_or_insert(value);
                }
                return Ok(());
            }
            _ => {}
        }
        if !is_followed(name) {
            if MATTERS.contains(&name) {
                // What is set to nothing or to no changes nothing.
                let value = raw();
                if !["none", "no", "internal"].contains(&value.to_ascii_lowercase().as_str()) {
                    found.not_followed.push((name.to_owned(), value));
                }
            } else if !is_only_for_terminals(name) {
                found.ignored.push((name.to_owned(), raw()));
            }
            return Ok(());
        }
        let words = arguments(text)?;
        let lists = [
            "userknownhostsfile",
            "globalknownhostsfile",
            "canonicaldomains",
        ];
        if lists.contains(&name) {
            if words.iter().any(Vec::is_empty) || words.is_empty() {
                return Err(format!("`{name}` with an empty value").into());
            }
            let texts: Vec<String> = words
                .iter()
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            if texts.len() > 1 && texts.iter().any(|word| is_none(word)) {
                return Err(format!("`{name}`: `none` must stand alone").into());
            }
            let place = match name {
                "userknownhostsfile" => &mut found.user_known_hosts,
                "globalknownhostsfile" => &mut found.global_known_hosts,
                _ => &mut found.canonical_domains,
            };
            place.get_or_insert(texts);
            return Ok(());
        }
        let [word] = &words[..] else {
            return Err(format!("`{name}` wants one value").into());
        };
        if word.is_empty() {
            return Err(format!("`{name}` with an empty value").into());
        }
        let value = String::from_utf8_lossy(word).into_owned();
        let add = |list: &mut Vec<String>| {
            if list.contains(&value) {
                return Ok(());
            }
            if list.len() == MOST_FILES {
                return Err(Problem::from(format!(
                    "`{name}` more than {MOST_FILES} times"
                )));
            }
            list.push(value.clone());
            Ok(())
        };
        match name {
            "hostname" => {
                found.host_name.get_or_insert(value);
            }
            "user" => {
                found.user.get_or_insert(value);
            }
            "port" => {
                let port = port(&value).ok_or("Port is not a number below 65536")?;
                found.port.get_or_insert(port);
            }
            "identityfile" => add(&mut found.identity_files)?,
            "certificatefile" => add(&mut found.certificate_files)?,
            "identitiesonly" => set(&mut found.identities_only, yes_or_no(name, &value)?),
            "identityagent" => {
                found.identity_agent.get_or_insert(value);
            }
            "hostkeyalias" => {
                found.host_key_alias.get_or_insert(value.to_lowercase());
            }
            "revokedhostkeys" => {
                found.revoked_host_keys.get_or_insert(value);
            }
            "addressfamily" => {
                let family = match value.to_ascii_lowercase().as_str() {
                    "any" => AddressFamily::Any,
                    "inet" => AddressFamily::Inet,
                    "inet6" => AddressFamily::Inet6,
                    _ => return Err(format!("`{name}` is not any, inet or inet6").into()),
                };
                found.address_family.get_or_insert(family);
            }
            "bindaddress" => {
                found.bind_address.get_or_insert(value);
            }
            "canonicalizehostname" => {
                let how = match value.to_ascii_lowercase().as_str() {
                    "always" => Canonicalize::Always,
                    other => match yes_or_no(name, other)? {
                        true => Canonicalize::Yes,
                        false => Canonicalize::No,
                    },
                };
                found.canonicalize.get_or_insert(how);
            }
            "canonicalizemaxdots" => {
                let dots = value
                    .parse()
                    .map_err(|_| format!("`{name}` is not a number"))?;
                found.canonicalize_max_dots.get_or_insert(dots);
            }
            "canonicalizefallbacklocal" => {
                set(&mut found.canonicalize_fallback, yes_or_no(name, &value)?)
            }
            "tag" => {
                found.tag.get_or_insert(value);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Which addresses of a name are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum AddressFamily {
    #[default]
    Any,
    Inet,
    Inet6,
}

/// Whether a name gets a domain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Canonicalize {
    No,
    Yes,
    /// Also where a proxy leads there.
    Always,
}

/// What is wrong in a line, or in a file that it includes.
enum Problem {
    Here(String),
    Elsewhere(Trouble),
}

impl From<String> for Problem {
    fn from(problem: String) -> Self {
        Problem::Here(problem)
    }
}

impl From<&str> for Problem {
    fn from(problem: &str) -> Self {
        Problem::Here(problem.to_owned())
    }
}

fn arguments(text: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    split(text).ok_or_else(|| "a quotation is not closed".into())
}

fn set<T>(place: &mut Option<T>, value: T) {
    place.get_or_insert(value);
}

/// Whether TEXT stands for nothing.
pub fn is_none(text: &str) -> bool {
    text.eq_ignore_ascii_case("none")
}

fn yes_or_no(name: &str, value: &str) -> Result<bool, Problem> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(format!("`{name}` is neither yes nor no").into()),
    }
}

/// Whether keyword NAME is one that is followed here.
fn is_followed(name: &str) -> bool {
    matches!(
        name,
        "hostname"
            | "user"
            | "port"
            | "identityfile"
            | "certificatefile"
            | "identitiesonly"
            | "identityagent"
            | "hostkeyalias"
            | "userknownhostsfile"
            | "globalknownhostsfile"
            | "revokedhostkeys"
            | "addressfamily"
            | "bindaddress"
            | "proxyjump"
            | "proxycommand"
            | "canonicalizehostname"
            | "canonicaldomains"
            | "canonicalizemaxdots"
            | "canonicalizefallbacklocal"
            | "tag"
    )
}

/// Whether keyword NAME is about what does not happen here: terminals, forwarding,
/// one connection for several processes, or what to say.
fn is_only_for_terminals(name: &str) -> bool {
    [
        "control",
        "escape",
        "forward",
        "localforward",
        "remoteforward",
        "dynamicforward",
        "request",
        "loglevel",
        "logverbose",
        "visual",
        "permitlocal",
        "localcommand",
        "remotecommand",
        "sendenv",
        "setenv",
        "stdinnull",
        "xauth",
        "exitonforward",
        "clearall",
        "gateway",
        "ignoreunknown",
        "numberofpassword",
        "batchmode",
        "syslog",
        "obscure",
        "fork",
        "session",
        "enableescape",
        "hashknownhosts",
        "updatehostkeys",
        "addkeystoagent",
        "streamlocal",
        "tunnel",
        "usekeychain",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

/// The port that TEXT names, by number or by the name of a service.
pub fn port(text: &str) -> Option<u16> {
    if let Ok(port) = text.trim_start().trim_start_matches('+').parse::<u16>() {
        return (port != 0).then_some(port);
    }
    let services = std::fs::read_to_string("/etc/services").ok()?;
    services.lines().find_map(|line| {
        let line = line.split('#').next()?;
        let mut words = line.split_whitespace();
        let (name, port) = (words.next()?, words.next()?);
        let port = port.strip_suffix("/tcp")?;
        (name == text || words.any(|alias| alias == text)).then(|| port.parse().ok())?
    })
}

/// The address that NAME is, in any way that inet_aton(3) and inet_pton(3) read.
fn address(name: &str) -> Option<IpAddr> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Some(address);
    }
    let parts: Vec<u32> = name
        .split('.')
        .map(|part| {
            let digits = part.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if part.is_empty() || !digits {
                return None;
            }
            if let Some(hex) = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
                u32::from_str_radix(hex, 16).ok()
            } else if part.len() > 1 && part.starts_with('0') {
                u32::from_str_radix(part, 8).ok()
            } else {
                part.parse().ok()
            }
        })
        .collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let room = 32 - 8 * first.len() as u32;
    if room < 32 && *last >= 1 << room {
        return None;
    }
    let high = first.iter().fold(0u32, |sum, part| sum << 8 | part);
    let high = if room == 32 { 0 } else { high << room };
    Some(IpAddr::from((high | last).to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_usual() {
        for (text, expected) in [
            ("127.1", Some("127.0.0.1")),
            ("0x7f.1", Some("127.0.0.1")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("::0001", Some("::1")),
            ("2130706433", Some("127.0.0.1")),
            ("010.1.2.3", Some("8.1.2.3")),
            ("guest", None),
            ("1.2.3.4.5", None),
            ("10.256.1.1", None),
            ("1.2.3.", None),
        ] {
            assert_eq!(
                address(text).map(|it| it.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn ports_are_numbers_or_services() {
        assert_eq!(
            (port("22"), port("+22"), port("0"), port("70000")),
            (Some(22), Some(22), None, None)
        );
        assert_eq!(port("no-such-service"), None);
    }
}
