//! ssh_config(5) and known_hosts as OpenSSH reads them: `ssh -G` and real logins.

use crate::openssh::{Sshd, generate, output_of, wait};
use crate::support::installed;
use fruix_scm::ssh::{Connection, Destination, Files, Identity, KnownHosts, Login, Trust, Wanted};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Fields in which we must agree, whatever the file.
const FIELDS: [&str; 9] = [
    "hostname",
    "port",
    "user",
    "identityfile",
    "proxyjump",
    "proxycommand",
    "hostkeyalias",
    "userknownhostsfile",
    "certificatefile",
];

/// What ssh makes of the file at PATH for HOST; `None` where it refuses.
fn theirs(path: &Path, host: &str, user: Option<&str>) -> Option<BTreeMap<String, String>> {
    let mut command = Command::new("ssh");
    command.arg("-G").arg("-F").arg(path);
    if let Some(user) = user {
        command.args(["-l", user]);
    }
    let output = command.arg(host).output().unwrap();
    output.status.success().then(|| {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            if FIELDS.contains(&name) {
                found
                    .entry(name.to_owned())
                    .or_default()
                    .push(value.to_owned());
            }
        }
        // What nobody has set.
        if found["identityfile"]
            .iter()
            .any(|file| file == "~/.ssh/id_xmss")
        {
            found.remove("identityfile");
        }
        if found["userknownhostsfile"][0].ends_with("/.ssh/known_hosts2") {
            found.remove("userknownhostsfile");
        }
        found
            .into_iter()
            .map(|(name, values)| (name, values.join("\n")))
            .collect()
    })
}

/// The same of ours.
fn ours(
    path: &Path,
    host: &str,
    user: Option<&str>,
    us: &str,
) -> Result<BTreeMap<String, String>, String> {
    let found = Wanted {
        host: host.to_owned(),
        user: user.map(str::to_owned),
        config: Files::One(path.to_owned()),
        ..Wanted::default()
    }
    .looked_up()
    .map_err(|error| error.to_string())?;
    let mut said = BTreeMap::new();
    let mut tell = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            said.insert(name.to_owned(), value);
        }
    };
    let unless_none =
        |value: Option<String>| value.filter(|value| !value.eq_ignore_ascii_case("none"));
    tell("hostname", found.host_name);
    tell("port", Some(found.port.unwrap_or(22).to_string()));
    // Where nobody says as whom, ssh goes as who we are here, and we as root.
    tell("user", found.user.or(Some(us.to_owned())));
    tell("identityfile", Some(found.identity_files.join("\n")));
    tell("certificatefile", Some(found.certificate_files.join("\n")));
    tell(
        "proxyjump",
        unless_none(found.proxy_jump).map(|jump| written(&jump)),
    );
    tell("proxycommand", unless_none(found.proxy_command));
    tell("hostkeyalias", found.host_key_alias);
    tell(
        "userknownhostsfile",
        found.user_known_hosts.map(|files| at_home(&files)),
    );
    Ok(said)
}

/// FILES with our home in place of `~`, as ssh writes these and no others.
fn at_home(files: &[String]) -> String {
    let home = output_of(Command::new("sh").args(["-c", "eval echo ~$(id -un)"]));
    let files: Vec<String> = files
        .iter()
        .map(|file| match file.strip_prefix("~/") {
            Some(rest) => format!("{home}/{rest}"),
            None => file.clone(),
        })
        .collect();
    files.join(" ")
}

/// JUMP as ssh writes it.
fn written(jump: &str) -> String {
    let last = jump.rsplit(',').next().unwrap();
    let before = &jump[..jump.len() - last.len()];
    let last = last
        .strip_prefix("ssh://")
        .unwrap_or(last)
        .trim_end_matches('/');
    let (user, place) = match last.rsplit_once('@') {
        Some((user, place)) => (format!("{user}@"), place),
        None => (String::new(), last),
    };
    let (host, port) = match place
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, rest)) => (host, rest),
        None => match place.split_once(':') {
            Some((host, _)) => (host, &place[host.len()..]),
            None => (place, ""),
        },
    };
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    format!("{before}{user}{host}{port}")
}

/// Files from public reports and from what ssh_config(5) says, each with the host that
/// is asked for, and the user where one is given. `@` stands for the folder.
const CASES: &[(&str, &str, Option<&str>)] = &[
    (
        "Host a\n HostName 10.0.0.1\n Port 2201\nHost *\n HostName 10.0.0.9\n Port 9\n",
        "a",
        None,
    ),
    ("Host *.lab !gw.lab\n User vm\n Port 2\n", "gw.lab", None),
    ("Host *.lab !gw.lab\n User vm\n Port 2\n", "x.lab", None),
    ("Host !gw\n Port 2\n", "x", None),
    ("Host Build\n Port 77\n", "build", None),
    ("Host build\n Port 77\n", "Build", None),
    ("Host a\n HostName Build.LAB\n", "a", None),
    ("Host a,b\n Port 77\n", "a", None),
    ("Host=a\nPort=77\n\tUser\t=\tvm\n", "a", None),
    ("Host a\n IdentityFile ~/\"my keys\"/k\n", "a", None),
    ("Host a\n IdentityFile '~/my keys/k'\n", "a", None),
    ("Host a\n IdentityFile ~/my\\ keys/k\n", "a", None),
    ("Host a # the box\n Port 77 # odd\n", "a", None),
    ("Host a\n User x#y\n", "a", None),
    ("Host *.z\n HostName %h.example.org\n", "q.z", None),
    ("Host a\n HostName x%%y\n", "a", None),
    (
        "Host a\n HostName b.example.org\nMatch host b.example.org\n Port 4\n",
        "a",
        None,
    ),
    (
        "Match host b.example.org\n Port 4\nHost a\n HostName b.example.org\n",
        "a",
        None,
    ),
    ("Match originalhost a\n Port 5\n", "a", None),
    ("Host a\n User vm\nMatch user vm\n Port 6\n", "a", None),
    ("Match user vm\n Port 6\n", "a", Some("vm")),
    ("Match !host b\n Port 6\n", "a", None),
    ("Match host a !user vm\n Port 6\n", "a", Some("vm")),
    ("Match all\n Port 6\n", "a", None),
    ("Match host b,a\n Port 6\n", "a", None),
    ("Match host *,!a\n Port 6\n", "a", None),
    ("Match host \"a\"\n Port 6\n", "a", None),
    ("Match host=a\n Port 6\n", "a", None),
    ("Match exec true\n Port 6\n", "a", None),
    (
        "Match exec false\n Port 6\nMatch !exec \"exit 3\"\n User x\n",
        "a",
        None,
    ),
    ("Match host a exec \"test -n %h\"\n Port 6\n", "a", None),
    (
        "Match exec \"test %n = a -a %p = 22\"\n Port 6\n",
        "a",
        None,
    ),
    (
        "Match host b exec \"touch @/touched\"\n Port 6\n",
        "a",
        None,
    ),
    ("Match final\n Port 6\n", "a", None),
    (
        "Host a\n HostName b\nMatch final host b\n Port 6\n",
        "a",
        None,
    ),
    (
        "Host a\n HostName B\nMatch final\n User f\nHost b\n Port 4\n",
        "a",
        None,
    ),
    ("Host a\nHostName B\nHost b\nPort 4\n", "a", None),
    (
        "CanonicalizeHostname yes\nHost a\nHostName B\nHost b\nPort 4\n",
        "a",
        None,
    ),
    (
        "CanonicalizeHostname yes\nMatch canonical\n Port 6\n",
        "127.0.0.1",
        None,
    ),
    ("Match localuser nobody-here\n Port 6\n", "a", None),
    ("Match !localuser nobody-here\n Port 6\n", "a", None),
    ("Match host a all\n Port 6\n", "a", None),
    ("Match !all\n Port 6\n", "a", None),
    ("Match host a # c\nPort 3\n", "a", None),
    ("Match host \"a b\"\nPort 3\n", "a", None),
    ("Match Host A\nPort 3\n", "a", None),
    ("Match originalhost A\nPort 3\n", "A", None),
    ("Include @/one\n", "a", None),
    ("Include @/conf.d/*.conf\n", "a", None),
    ("Include @/conf.d/[12].conf\n", "a", None),
    ("Include @/conf.d/?.conf @/none\n Port 9\n", "a", None),
    ("Host a\n Include @/bare\nHost b\n Port 2\n", "a", None),
    ("Host b\n Include @/one\n", "a", None),
    ("Host a\n Include @/two\n User vm\n", "a", None),
    ("Include @/none\nHost a\n Port 3\n", "a", None),
    ("Include @/conf.d\nHost a\n Port 3\n", "a", None),
    ("Include \"@/a b\"\n", "a", None),
    ("Include ~no-such-user-here/x\nPort 3\n", "a", None),
    (
        "Host a\n HostName h.example\n User vm\n IdentityFile ~/.ssh/%h_%r_%n_%p\n",
        "a",
        None,
    ),
    ("IdentityFile ~/.ssh/k_%u_%i\n", "a", None),
    ("IdentityFile %d/.ssh/k\n", "a", None),
    ("IdentityFile ${HOME}/.ssh/k\n", "a", None),
    ("IdentityFile ~root/.ssh/k\n", "a", None),
    ("IdentityFile keys/k\n", "a", None),
    (
        "IdentityFile ~/.ssh/k1\nHost a\n IdentityFile ~/.ssh/k2\n",
        "a",
        None,
    ),
    (
        "IdentityFile ~/.ssh/k1\nIdentityFile ~/.ssh/k1\n",
        "a",
        None,
    ),
    ("IdentityFile none\n", "a", None),
    (
        "Host a\n IdentityFile none\nHost *\n IdentityFile ~/.ssh/k\n",
        "a",
        None,
    ),
    ("IdentityFile \"a\\\"b\"\n", "a", None),
    ("IdentityFile \"a\\\\b\\c\"\n", "a", None),
    (
        "CertificateFile x\nCertificateFile x\nCertificateFile y\n",
        "a",
        None,
    ),
    (
        "Host a\n ProxyJump gw\nHost gw\n HostName 10.1.1.1\n User jo\n Port 2022\n",
        "a",
        None,
    ),
    ("Host a\n ProxyJump u1@g1:22,g2:2022\n", "a", None),
    (
        "Host a\n ProxyJump none\nHost *\n ProxyJump gw\n",
        "a",
        None,
    ),
    ("Host a\n ProxyJump gw-%h\n", "a", None),
    ("Host a\n ProxyJump jo@[fd00::1]:2022\n", "a", None),
    ("Host a\n ProxyJump ssh://jo@gw:2022\n", "a", None),
    ("Host a\n ProxyJump ssh://jo@gw:2022/\n", "a", None),
    ("ProxyJump x # hello\n", "a", None),
    ("ProxyJump \"x\"\n", "a", None),
    ("ProxyJump = x\n", "a", None),
    ("ProxyJump a@b@c\n", "a", None),
    ("Host a\n ProxyCommand ssh -W %h:%p gw\n", "a", None),
    (
        "Host a\n ProxyCommand nc -X 5 %h %p\nHost *\n ProxyJump gw\n",
        "a",
        None,
    ),
    (
        "Host a\n ProxyCommand none\nHost *\n ProxyJump gw\n",
        "a",
        None,
    ),
    ("ProxyJump x\nProxyCommand y\n", "a", None),
    ("ProxyJump none\nProxyCommand x\n", "a", None),
    ("ProxyCommand = x \"y z\" # not a comment\n", "a", None),
    ("Port ssh\n", "a", None),
    ("Port +22\n", "a", None),
    ("Port \"2222\"\n", "a", None),
    ("Host a\r\n Port 77\r\n HostName h\r\n", "a", None),
    ("Host a\n Port 77", "a", None),
    ("Host\ta\tb\n\tPort\t77\n", "b", None),
    ("Host node?\n Port 7\n", "node12", None),
    ("Host a\n User jo@corp\n", "a", None),
    ("User \"a b\"\n", "a", None),
    ("User %u\n", "a", None),
    (
        "Host a\n HostName 10.0.0.1\n HostKeyAlias VM-a\n",
        "a",
        None,
    ),
    (
        "Host a\n UserKnownHostsFile ~/.ssh/kh_lab /dev/null\n",
        "a",
        None,
    ),
    ("UserKnownHostsFile none\n", "a", None),
    ("Host a b \"c d\" *.x\n Port 9\n", "q.x", None),
    ("Host = a\n Port 9\n", "a", None),
    ("hOsT a\nPORT 4\n", "a", None),
    ("\"Port\" 4\n", "a", None),
    ("Port\t=\t4\n", "a", None),
    ("Port 3\x0c\n", "a", None),
    ("IgnoreUnknown X*\nXyz 1\nPort 3\n", "a", None),
    ("Host !b *\nPort 3\n", "a", None),
    ("Host * !a\nPort 3\n", "a", None),
    ("# x\n   # y\n\t\nPort 3\n", "a", None),
    ("Host 127.1\nPort 3\n", "127.1", None),
    ("HostName ::0001\n", "a", None),
    ("HostName 0x7f.1\n", "a", None),
    ("# M\u{fc}ller\nHost a\n Port 77\n", "a", None),
];

/// Makes files out of the same words, other ones every time.
struct Words(u64);

impl Words {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % below
    }

    fn of(&mut self, words: &[&str]) -> String {
        words[self.next(words.len())].to_owned()
    }

    fn config(&mut self) -> String {
        const HOSTS: [&str; 12] = [
            "a", "b", "*", "a.lab", "*.lab", "!a", "!*.lab", "?", "b?", "A", "10.0.0.*", "gw",
        ];
        let mut text = String::new();
        for _ in 0..1 + self.next(6) {
            match self.next(6) {
                0..=2 => {
                    let patterns: Vec<String> =
                        (0..1 + self.next(3)).map(|_| self.of(&HOSTS)).collect();
                    text += &format!("Host {}\n", patterns.join(" "));
                }
                3 => {
                    let mut line = "Match".to_owned();
                    for _ in 0..1 + self.next(2) {
                        let negated = self.of(&["", "", "!"]);
                        let ask = self.of(&["host", "originalhost", "user"]);
                        let value = self.of(&["a", "b,a", "*,!a", "*.lab", "vm", "root", "*"]);
                        line += &format!(" {negated}{ask} {value}");
                    }
                    text += &format!("{line}{}\n", self.of(&["", " final", " all"]));
                }
                4 => {
                    text += &format!(
                        "Include @/{}\n",
                        self.of(&["one", "two", "bare", "none", "conf.d/*"])
                    )
                }
                _ => {}
            }
            for _ in 0..self.next(4) {
                let blank = self.of(&[" ", "\t", " = ", "="]);
                text += &match self.next(9) {
                    0 => format!(
                        " HostName{blank}{}\n",
                        self.of(&["b", "%h.lab", "10.0.0.5", "B.Lab"])
                    ),
                    1 => format!(" Port{blank}{}\n", self.of(&["2", "22", "2222", "\"77\""])),
                    2 => format!(" User{blank}{}\n", self.of(&["vm", "root", "\"a b\""])),
                    3 => format!(
                        " IdentityFile{blank}{}\n",
                        self.of(&["k1", "~/k2", "'k 3'", "none", "k\\ 4"])
                    ),
                    4 => format!(
                        " ProxyJump{blank}{}\n",
                        self.of(&["gw", "none", "u@g:3", "x,y"])
                    ),
                    5 => format!(
                        " ProxyCommand{blank}{}\n",
                        self.of(&["nc %h %p", "none", "ssh -W %h:%p gw"])
                    ),
                    6 => format!(" HostKeyAlias{blank}{}\n", self.of(&["vm", "VM"])),
                    7 => format!(
                        " UserKnownHostsFile{blank}{}\n",
                        self.of(&["x", "x y", "none"])
                    ),
                    _ => format!(" CertificateFile{blank}{}\n", self.of(&["c1", "~/c2"])),
                };
            }
        }
        text
    }
}

#[test]
fn a_few_hundred_files_say_to_us_what_they_say_to_ssh() {
    if installed("ssh").is_none() {
        return;
    }
    let us = output_of(Command::new("id").arg("-un"));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("conf.d")).unwrap();
    for (name, text) in [
        ("one", "Host a\n Port 31\nHost *\n User one\n"),
        ("two", "Host b\n Port 31\n"),
        ("bare", "Port 31\n"),
        ("a b", "Host a\n Port 32\n"),
        ("conf.d/1.conf", "Host a\n Port 31\n"),
        ("conf.d/2.conf", "Host a\n Port 32\n User two\n"),
        ("conf.d/.hidden.conf", "Port 99\n"),
    ] {
        fs::write(at(name), text).unwrap();
    }
    let mut words = Words(20261130);
    let generated: Vec<(String, String)> = (0..300)
        .map(|_| {
            (
                words.config(),
                words.of(&["a", "b", "a.lab", "A", "10.0.0.7", "gw"]),
            )
        })
        .collect();
    let cases = CASES
        .iter()
        .map(|(text, host, user)| ((*text).to_owned(), (*host).to_owned(), *user))
        .chain(generated.into_iter().map(|(text, host)| (text, host, None)));
    let (mut agreed, mut refused, mut wrong) = (0, 0, String::new());
    for (text, host, user) in cases {
        let text = text.replace('@', folder.path().to_str().unwrap());
        // A user's `@` is one.
        let text = text
            .replace(&format!("jo{}", folder.path().display()), "jo@")
            .replace(&format!("u1{}", folder.path().display()), "u1@")
            .replace(&format!("u{}", folder.path().display()), "u@")
            .replace(&format!("a{0}b{0}c", folder.path().display()), "a@b@c");
        let bytes: Vec<u8> = match text.contains('\u{fc}') {
            true => text.chars().map(|letter| letter as u8).collect(),
            false => text.clone().into_bytes(),
        };
        let path = at("config");
        fs::write(&path, bytes).unwrap();
        let (theirs, ours) = (theirs(&path, &host, user), ours(&path, &host, user, &us));
        match (theirs, ours) {
            (Some(theirs), Ok(ours)) if theirs == ours => agreed += 1,
            // ssh refuses what could not be meant, and so may we; see docs/operating.md.
            (None, _) => refused += 1,
            (theirs, ours) => {
                wrong += &format!("{text}for {host}:\n ssh  {theirs:?}\n ours {ours:?}\n")
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(agreed > 300, "{agreed} agree, {refused} are refused by ssh");
    assert!(
        !at("touched").exists(),
        "a command ran whose block cannot hold"
    );
}

/// Shapes of a file of known hosts: `P` is the host with its port, `H` the host alone,
/// `K` the server's key, `R` its other key, `O` another's.
const SHAPES: &[&str] = &[
    "P K\n",
    "H K\n",
    "[127.0.0.*]:PORT K\n",
    "* K\n",
    "*,!127.0.0.1 K\n",
    "*,!P K\n",
    "@revoked * K\n",
    "P K\n@revoked * K\n",
    "@cert-authority * K\n",
    "# x\n   P K\n",
    "P\tK\tsome comment here\n",
    "# M\u{fc}ller\nP K\n",
    "P K\r\n",
    "garbage\nP K\n",
    "P 2048 65537 12345\nP K\n",
    "P ssh-ed25519 AAAA!!\nP K\n",
    "P O\nP K\n",
    "P R\n",
    "foo,P,bar K\n",
    "foo, P K\n",
    "P K",
    "",
    "P K # x\n",
    "[127.0.0.?]:PORT K\n",
    "P K \"a b\n",
    "P K\0\n",
    "P K\n@revoked * R\n",
    "@REVOKED * K\nP K\n",
    "@foo * K\nP K\n",
    "H R\nP K\n",
    "H K\nP O\n",
    "HASHED P K\n",
    "HASHED H K\n",
    "@revoked H K\n",
    "H O\n",
    "P O\n",
    "!P,* K\n",
    "127.0.0.1:PORT K\n",
    "[127.0.0.1] K\n",
    "H R\n",
    "P R\n",
    "H R\nH K\n@revoked H K\n",
    "P R\nP K\n@revoked P K\n",
    "P R\n@revoked P K\n",
    "P K\n@revoked P R\n",
    "H R\nP O\n",
];

#[test]
fn shapes_of_known_hosts_let_us_in_where_they_let_ssh_in() {
    let Some(sshd) = Sshd::start("ssh_config::known_hosts") else {
        return;
    };
    generate(&sshd.path("another"), "ed25519");
    let key = |name: &str| {
        let text = fs::read_to_string(sshd.path(name)).unwrap();
        text.split_whitespace()
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let (ours, rsa, other) = (
        key("host_ed25519.pub"),
        key("host_rsa.pub"),
        key("another.pub"),
    );
    let mut wrong = String::new();
    for shape in SHAPES {
        let hashed = shape.contains("HASHED ");
        let mut text = String::new();
        for letter in shape
            .replace("HASHED ", "")
            .replace("PORT", &sshd.port.to_string())
            .chars()
        {
            text += &match letter {
                'P' => format!("[127.0.0.1]:{}", sshd.port),
                'H' => "127.0.0.1".to_owned(),
                'K' if !shape.contains("REVOKED") || !text.ends_with("REVO") => ours.clone(),
                'R' if !text.ends_with('@') => rsa.clone(),
                'O' if !text.ends_with("@REV") => other.clone(),
                other => other.to_string(),
            };
        }
        let path = sshd.path("known");
        let bytes: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
        fs::write(&path, bytes).unwrap();
        if hashed {
            output_of(
                Command::new("ssh-keygen")
                    .args(["-q", "-H", "-f"])
                    .arg(&path),
            );
        }
        let theirs = Command::new("ssh")
            .args([
                "-F",
                "/dev/null",
                "-o",
                "BatchMode=yes",
                "-o",
                "StrictHostKeyChecking=yes",
            ])
            .args(["-o", "GlobalKnownHostsFile=/dev/null", "-o"])
            .arg(format!("UserKnownHostsFile={}", path.display()))
            .arg("-i")
            .arg(sshd.path("user_ed25519"))
            .args([
                "-p",
                &sshd.port.to_string(),
                &format!("{}@127.0.0.1", sshd.user),
                "true",
            ])
            .output()
            .unwrap()
            .status
            .success();
        let login = Login::direct(
            Destination {
                address: "127.0.0.1".to_owned(),
                port: sshd.port,
                user: sshd.user.clone(),
            },
            Identity::file(sshd.path("user_ed25519")),
            Trust::KnownHosts(KnownHosts::file(&path)),
        );
        let ours = wait(Connection::open(&login, Duration::from_secs(20)));
        if ours.is_ok() != theirs {
            let ours = ours.map(|_| "in").map_err(|failure| failure.to_string());
            wrong += &format!("{shape:?}: ssh {theirs}, ours {ours:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn certificates_of_hosts_and_users_open_as_for_ssh() {
    let name = "ssh_config::certificates";
    let line = "ssh-keygen -q -N '' -t ed25519 -f ca && \
                ssh-keygen -q -s ca -I host -h -n vm.lab,127.0.0.1 host_ed25519.pub && \
                ssh-keygen -q -N '' -t ed25519 -f user_certified && \
                ssh-keygen -q -s ca -I user -n \"$(id -un)\" user_certified.pub && \
                printf 'HostCertificate %s\\nTrustedUserCAKeys %s\\n' \"$PWD/host_ed25519-cert.pub\" \"$PWD/ca.pub\" >> config && \
                exec \"$@\"";
    let Some(sshd) = Sshd::start_with(name, line) else {
        return;
    };
    let authority = fs::read_to_string(sshd.path("ca.pub")).unwrap();
    let known = sshd.path("known");
    let open = |pattern: &str, key: &str| {
        fs::write(&known, format!("@cert-authority {pattern} {authority}")).unwrap();
        let login = Wanted {
            private_key: Some(sshd.path(key)),
            known_hosts: Some(known.clone()),
            ..sshd.wanted()
        }
        .login()
        .unwrap();
        wait(Connection::open(&login, Duration::from_secs(20)))
    };
    // The key is nowhere in authorized_keys: only its certificate opens.
    open("*", "user_certified").unwrap();
    open("[127.0.0.1]:*", "user_ed25519").unwrap();
    let failure = open("other.example", "user_ed25519").unwrap_err();
    assert!(failure.message().contains("is not known"), "{failure}");
    // A certificate for another host will not do.
    let alias = sshd.path("ssh_config");
    fs::write(
        &alias,
        format!(
            "HostKeyAlias another\nUserKnownHostsFile {}\n",
            known.display()
        ),
    )
    .unwrap();
    fs::write(&known, format!("@cert-authority * {authority}")).unwrap();
    let login = Wanted {
        config: Files::One(alias),
        known_hosts: None,
        ..sshd.wanted()
    }
    .login()
    .unwrap();
    let failure = wait(Connection::open(&login, Duration::from_secs(20))).unwrap_err();
    assert!(
        failure.message().contains("it is for vm.lab, 127.0.0.1"),
        "{failure}"
    );
}

#[test]
fn a_command_leads_to_a_guest_and_what_leads_nowhere_is_said() {
    let Some(sshd) = Sshd::start("ssh_config::a_command_leads") else {
        return;
    };
    if installed("python3").is_none() {
        return;
    }
    let relay = sshd.path("relay.py");
    fs::write(
        &relay,
        "import os, select, socket, sys\n\
         s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n\
         while True:\n\
         \x20   for f in select.select([0, s], [], [])[0]:\n\
         \x20       data = os.read(0, 65536) if f == 0 else s.recv(65536)\n\
         \x20       if not data: sys.exit()\n\
         \x20       s.sendall(data) if f == 0 else os.write(1, data)\n",
    )
    .unwrap();
    let config = sshd.path("ssh_config");
    let open = |text: String| {
        fs::write(&config, text).unwrap();
        let login = Wanted {
            host: "guest".to_owned(),
            port: None,
            config: Files::One(config.clone()),
            private_key: None,
            ..sshd.wanted()
        }
        .login()
        .unwrap();
        wait(Connection::open(&login, Duration::from_secs(5)))
    };
    let known = format!(
        "HostName 127.0.0.1\nPort {}\nIdentityFile {}\nIdentityFile ~/no-such-key\nIdentityFile ${{NO_SUCH}}/k\n",
        sshd.port,
        sshd.path("user_ed25519").display()
    );
    let connection = open(format!(
        "{known}ProxyCommand python3 {} %h %p\n",
        relay.display()
    ))
    .unwrap();
    let output = wait(connection.run(&fruix_scm::ssh::Request {
        command: "echo there".to_owned(),
        ..Default::default()
    }))
    .unwrap();
    assert_eq!(output.stdout, b"there\n");
    let failure = open(format!("{known}ProxyCommand exit 1\n")).unwrap_err();
    assert!(failure.message().contains("did not answer"), "{failure}");
}

#[test]
fn an_agent_with_many_keys_is_gone_through() {
    let Some(sshd) = Sshd::start("ssh_config::an_agent_with_many_keys") else {
        return;
    };
    let agent = crate::openssh::Agent::start(sshd.directory.path());
    for index in 0..9 {
        let key = sshd.path(&format!("key{index}"));
        generate(&key, "ed25519");
        agent.add(&key);
    }
    agent.add(&sshd.path("user_ed25519"));
    let wanted = Wanted {
        private_key: None,
        agent: Some(agent.1.clone()),
        home: Some(sshd.path("home")),
        ..sshd.wanted()
    };
    wait(Connection::open(
        &wanted.login().unwrap(),
        Duration::from_secs(20),
    ))
    .unwrap();
    // With its public half in the file the agent's key is the only one that is offered.
    let config = sshd.path("ssh_config");
    let public = sshd.path("user_ed25519.pub");
    fs::write(
        &config,
        format!("IdentitiesOnly yes\nIdentityFile {}\n", public.display()),
    )
    .unwrap();
    let wanted = Wanted {
        config: Files::One(config),
        ..wanted
    };
    wait(Connection::open(
        &wanted.login().unwrap(),
        Duration::from_secs(20),
    ))
    .unwrap();
}
