//! What stands in a value of ssh_config(5) for something else: `%h`, `${NAME}`, `~`.
//!
//! Source: ssh_config(5), "TOKENS" and "ENVIRONMENT VARIABLES".

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What tokens stand for.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// `%h`: the name that `HostName` has led to.
    pub host: String,
    /// `%n`: the name as it was given.
    pub original: String,
    /// `%p`
    pub port: u16,
    /// `%r`: who logs in there.
    pub user: String,
    /// `%k`: the name of the host key.
    pub key_alias: String,
    /// `%j`: what `ProxyJump` says.
    pub jump: String,
    /// `%u`: who we are here.
    pub local_user: String,
    /// `%d`
    pub home: PathBuf,
    /// Variables of the environment.
    pub variables: Vec<(OsString, OsString)>,
}

/// What would be more than a word to a shell.
const SHELL_CHARACTERS: &[u8] = b"'`\"$\\;&<>|(){}*?[]~#!";

/// Whether TEXT, which comes from outside, may stand in a command.
fn is_plain(text: &str) -> bool {
    !text.starts_with('-')
        && !text
            .bytes()
            .any(|byte| byte <= b' ' || byte == 0x7f || SHELL_CHARACTERS.contains(&byte))
}

impl Tokens {
    fn value(&self, token: u8) -> Option<Vec<u8>> {
        let name = || rustix::system::uname().nodename().to_bytes().to_vec();
        Some(match token {
            b'%' => b"%".to_vec(),
            b'h' => self.host.clone().into_bytes(),
            b'n' => self.original.clone().into_bytes(),
            b'p' => self.port.to_string().into_bytes(),
            b'r' => self.user.clone().into_bytes(),
            b'k' => self.key_alias.clone().into_bytes(),
            b'j' => self.jump.clone().into_bytes(),
            b'u' => self.local_user.clone().into_bytes(),
            b'd' => self.home.as_os_str().as_bytes().to_vec(),
            b'i' => rustix::process::getuid().as_raw().to_string().into_bytes(),
            b'l' => name(),
            b'L' => name()
                .split(|byte| *byte == b'.')
                .next()
                .unwrap_or_default()
                .to_vec(),
            b'C' => {
                let text = [
                    &name()[..],
                    self.host.as_bytes(),
                    self.port.to_string().as_bytes(),
                    self.user.as_bytes(),
                    self.jump.as_bytes(),
                ]
                .concat();
                let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, &text);
                digest
                    .as_ref()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>()
                    .into_bytes()
            }
            _ => return None,
        })
    }

    /// TEXT with the tokens in ALLOWED replaced, and `${NAME}` with VARIABLES.
    fn replaced(&self, text: &[u8], allowed: &[u8], variables: bool) -> Result<Vec<u8>, String> {
        let mut out = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if variables && rest.starts_with(b"${") {
                let end = rest
                    .iter()
                    .position(|byte| *byte == b'}')
                    .ok_or("`${` without `}`")?;
                let name = OsStr::from_bytes(&rest[2..end]);
                let value = self.variable(name).ok_or_else(|| {
                    format!("the variable `{}` is not set", name.to_string_lossy())
                })?;
                out.extend_from_slice(value.as_bytes());
                at += end + 1;
            } else if rest[0] == b'%' {
                let token = *rest.get(1).ok_or("it ends in `%`")?;
                let value = Some(token).filter(|token| allowed.contains(token));
                let value = value
                    .and_then(|token| self.value(token))
                    .ok_or_else(|| format!("`%{}` means nothing here", token.escape_ascii()))?;
                out.extend_from_slice(&value);
                at += 2;
            } else {
                out.push(rest[0]);
                at += 1;
            }
        }
        Ok(out)
    }

    fn variable(&self, name: &OsStr) -> Option<&OsStr> {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_os_str())
    }

    /// TEXT, the name of a file, with everything replaced.
    pub fn file(&self, text: &[u8]) -> Result<PathBuf, String> {
        let text = self.with_home(text)?;
        let text = self.replaced(&text, b"%CdhijkLlnpru", true)?;
        Ok(PathBuf::from(OsString::from_vec(text)))
    }

    /// TEXT with the home of a user where it begins with `~`.
    pub fn with_home(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        let Some(rest) = text.strip_prefix(b"~") else {
            return Ok(text.to_vec());
        };
        let end = rest
            .iter()
            .position(|byte| *byte == b'/')
            .unwrap_or(rest.len());
        let home = match &rest[..end] {
            b"" => self.home.clone(),
            user => home_of(user)
                .ok_or_else(|| format!("there is no user `{}`", String::from_utf8_lossy(user)))?,
        };
        Ok([home.as_os_str().as_bytes(), &rest[end..]].concat())
    }

    /// TEXT, what `HostName` says, with the tokens that it may have.
    pub fn host_name(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        self.replaced(text, b"%h", false)
    }

    /// TEXT, a command of `ProxyCommand`; no token may say anything to a shell.
    pub fn proxy_command(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        self.command(text, b"%hnpr")
    }

    /// TEXT, a command of `Match exec`.
    pub fn match_command(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        self.command(text, b"%CdhijkLlnpru")
    }

    fn command(&self, text: &[u8], allowed: &[u8]) -> Result<Vec<u8>, String> {
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
            let token = rest.get(at + 1).copied().unwrap_or(b' ');
            if token != b'%'
                && allowed.contains(&token)
                && let Some(value) = self.value(token)
            {
                let value = String::from_utf8_lossy(&value).into_owned();
                if !value.is_empty() && !is_plain(&value) {
                    return Err(format!(
                        "`%{}` stands for `{}`, which says something to a shell",
                        token as char,
                        super::visible(&value)
                    ));
                }
            }
            rest = rest.get(at + 2..).unwrap_or(&[]);
        }
        self.replaced(text, allowed, false)
    }

    /// The socket of the agent that TEXT, what `IdentityAgent` says, names; `None`
    /// for none. OURS is the one that the environment names.
    pub fn agent(&self, text: &[u8], ours: Option<&Path>) -> Result<Option<PathBuf>, String> {
        if text.eq_ignore_ascii_case(b"none") {
            return Ok(None);
        }
        if text == b"SSH_AUTH_SOCK" {
            return Ok(ours.map(Path::to_owned));
        }
        if let Some(name) = text.strip_prefix(b"$")
            && !name.starts_with(b"{")
        {
            return Ok(self.variable(OsStr::from_bytes(name)).map(PathBuf::from));
        }
        self.file(text).map(Some)
    }
}

/// Who runs this process, and where he is at home.
pub fn us() -> (String, PathBuf) {
    // SAFETY: the entry is read before anything else asks for one: this is the
    // only thread that asks, as the interpreter's, which calls us, does.
    let entry = unsafe { libc::getpwuid(rustix::process::getuid().as_raw()).as_ref() };
    let Some(entry) = entry else {
        return (
            rustix::process::getuid().as_raw().to_string(),
            PathBuf::from("/"),
        );
    };
    // SAFETY: both point to strings that end, in the entry that was found.
    let (name, home) = unsafe { (CStr::from_ptr(entry.pw_name), CStr::from_ptr(entry.pw_dir)) };
    (
        name.to_string_lossy().into_owned(),
        PathBuf::from(OsStr::from_bytes(home.to_bytes())),
    )
}

fn home_of(user: &[u8]) -> Option<PathBuf> {
    let user = CString::new(user).ok()?;
    // SAFETY: as in `us`.
    let home = unsafe {
        let entry = libc::getpwnam(user.as_ptr()).as_ref()?;
        CStr::from_ptr(entry.pw_dir)
    };
    Some(PathBuf::from(OsStr::from_bytes(home.to_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens {
            host: "h.example".to_owned(),
            original: "h".to_owned(),
            port: 2222,
            user: "vm".to_owned(),
            home: PathBuf::from("/home/me"),
            variables: vec![("KEYS".into(), "/keys".into())],
            ..Tokens::default()
        }
    }

    #[test]
    fn tokens_variables_and_homes_are_replaced() {
        let file = |text: &str| tokens().file(text.as_bytes());
        for (text, expected) in [
            ("~/.ssh/%h_%r_%n_%p", "/home/me/.ssh/h.example_vm_h_2222"),
            ("${KEYS}/k%%", "/keys/k%"),
            ("%d/k", "/home/me/k"),
            ("~root/k", "/root/k"),
            ("plain", "plain"),
        ] {
            assert_eq!(file(text).unwrap(), Path::new(expected), "{text}");
        }
        assert!(file("${NONE}/k").unwrap_err().contains("NONE"));
        assert!(file("~no-such-user/k").is_err());
        assert!(file("k%").is_err());
        assert!(tokens().host_name(b"%n").is_err());
    }

    #[test]
    fn nothing_that_a_shell_reads_gets_into_a_command() {
        let mut tokens = tokens();
        let said = tokens.proxy_command(b"nc %h %p # %%").unwrap();
        assert_eq!(said, b"nc h.example 2222 # %");
        for host in [
            "a;b",
            "$(x)",
            "-oProxyCommand=x",
            "a b",
            "a\nb",
            "a`b`",
            "a'b",
        ] {
            tokens.host = host.to_owned();
            assert!(tokens.proxy_command(b"nc %h %p").is_err(), "{host}");
            // What is not asked for does no harm.
            assert!(tokens.proxy_command(b"nc gate").is_ok(), "{host}");
        }
    }
}
