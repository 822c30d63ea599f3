//! Secrets that this process knows, and text without them.
//!
//! Whoever meets a secret (a password, a private key, the reference of a session) says so
//! with [`keep`]. What is written down for others passes through [`hide`] first, which
//! puts a placeholder in the place of each, `[secret: password 1]`, also where it is
//! spelled in one of the usual ways: in hexadecimal digits, base 64, or as URLs, XML and
//! JSON have it. Private keys, passwords in URLs and credentials of HTTP are known by their
//! form, whoever's they are.
//!
//! A secret of fewer than six bytes is hidden where it is the whole text: inside of others
//! it is found everywhere. One of fewer than four is none.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem::{self, Finder};
use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What every placeholder begins with, and ends with.
pub const MARK: &str = "[secret: ";
pub const END: &str = "]";

/// Fewer bytes are no secret.
const SHORTEST: usize = 4;
/// Fewer bytes are hidden where they are the whole text.
const SEARCHED: usize = 6;
/// A line of a secret that has so many bytes is hidden by itself.
const LINE: usize = 16;

/// A spelling of a secret.
struct Spelling {
    finder: Finder<'static>,
    placeholder: String,
}

#[derive(Default)]
struct Known {
    spellings: Vec<Spelling>,
    /// Secrets, and their placeholders, in the order in which they came.
    whole: Vec<(Vec<u8>, String)>,
}

static KNOWN: Mutex<Known> = Mutex::new(Known {
    spellings: Vec::new(),
    whole: Vec::new(),
});

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on SECRET is hidden. KIND, such as "password", says what it is.
pub fn keep(kind: &str, secret: &str) {
    let secret = secret.trim();
    if secret.len() < SHORTEST {
        return;
    }
    let mut known = known();
    if known.whole.iter().any(|(it, _)| it == secret.as_bytes()) {
        return;
    }
    let number = 1 + known
        .whole
        .iter()
        .filter(|(_, placeholder)| placeholder.starts_with(&format!("{MARK}{kind} ")))
        .count();
    let placeholder = format!("{MARK}{kind} {number}{END}");
    known
        .whole
        .push((secret.as_bytes().to_vec(), placeholder.clone()));
    if secret.len() < SEARCHED {
        return;
    }
    let mut spelled = spellings(secret);
    let lines = secret.lines().map(str::trim);
    spelled.extend(
        lines
            .filter(|line| line.len() >= LINE && line.len() < secret.len())
            .filter(|line| !line.starts_with("-----"))
            .map(str::to_owned),
    );
    // What holds another spelling is looked for before that.
    spelled.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    spelled.dedup();
    known
        .spellings
        .extend(spelled.iter().map(|spelling| Spelling {
            finder: Finder::new(spelling.as_bytes()).into_owned(),
            placeholder: placeholder.clone(),
        }));
}

/// How many secrets are known.
pub fn count() -> usize {
    known().whole.len()
}

/// SECRET in the ways in which it may be spelled.
fn spellings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut spelled = vec![secret.to_owned()];
    let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    spelled.push(hexadecimal.to_uppercase());
    spelled.push(hexadecimal);
    // What stands before it decides which bits of it share a letter with that.
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend(bytes);
        let whole = padded.len() / 3 * 3;
        let skipped = [0, 2, 3][before];
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&padded[..whole]);
            spelled.push(encoded.get(skipped..).unwrap_or_default().to_owned());
        }
    }
    spelled.push(escaped(secret, |letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' => None,
        other => {
            let mut bytes = [0; 4];
            let bytes = other.encode_utf8(&mut bytes).bytes();
            Some(bytes.map(|byte| format!("%{byte:02X}")).collect())
        }
    }));
    spelled.push(escaped(secret, |letter| {
        let entity = match letter {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&apos;",
            _ => return None,
        };
        Some(entity.to_owned())
    }));
    // As JSON has it, and Scheme's `write`.
    spelled.push(escaped(secret, |letter| match letter {
        '"' => Some("\\\"".to_owned()),
        '\\' => Some("\\\\".to_owned()),
        '\n' => Some("\\n".to_owned()),
        '\r' => Some("\\r".to_owned()),
        '\t' => Some("\\t".to_owned()),
        _ => None,
    }));
    spelled.retain(|spelling| spelling.len() >= SEARCHED);
    spelled
}

fn escaped(text: &str, spell: impl Fn(char) -> Option<String>) -> String {
    text.chars()
        .map(|letter| spell(letter).unwrap_or_else(|| letter.to_string()))
        .collect()
}

/// TEXT without secrets.
pub fn hide(text: &str) -> Cow<'_, str> {
    match hide_bytes(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        // What was put in is ASCII, and what was taken out was text.
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// BYTES without secrets.
pub fn hide_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut hidden = Cow::Borrowed(bytes);
    for find in [private_key, password_in_url, credentials] {
        hide_all(&mut hidden, find);
    }
    let known = known();
    if let Some((_, placeholder)) = known.whole.iter().find(|(it, _)| it == hidden.trim_ascii()) {
        return Cow::Owned(placeholder.clone().into_bytes());
    }
    for spelling in &known.spellings {
        hide_all(&mut hidden, |rest| {
            let start = spelling.finder.find(rest)?;
            let end = start + spelling.finder.needle().len();
            Some((start, end, spelling.placeholder.clone()))
        });
    }
    hidden
}

/// Hides what is secret in lines that come one by one, of which a private key is several.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    is_in_key: bool,
}

impl Lines {
    /// LINE, the one that comes next, without secrets.
    pub fn hide(&mut self, line: &str) -> String {
        const END_OF_KEY: &str = "PRIVATE KEY-----";
        let has_end = line.contains(END_OF_KEY);
        if self.is_in_key {
            self.is_in_key = !has_end;
            return format!("{MARK}private key{END}");
        }
        self.is_in_key = has_end && line.contains("-----BEGIN ") && !line.contains("-----END ");
        hide(line).into_owned()
    }
}

/// Put a placeholder in the place of whatever FIND finds, which is told from where on to
/// look and answers with beginning, end and placeholder.
fn hide_all(bytes: &mut Cow<'_, [u8]>, find: impl Fn(&[u8]) -> Option<(usize, usize, String)>) {
    let mut from = 0;
    while let Some((start, end, placeholder)) = bytes.get(from..).and_then(&find) {
        let place = from + start..from + end;
        from += start + placeholder.len();
        bytes.to_mut().splice(place, placeholder.into_bytes());
    }
}

/// A private key in PEM, as far as it goes.
fn private_key(bytes: &[u8]) -> Option<(usize, usize, String)> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const KEY: &[u8] = b"PRIVATE KEY";
    const LONGEST_NAME: usize = 24;
    let start = memmem::find_iter(bytes, BEGIN).find(|start| {
        let name = &bytes[start + BEGIN.len()..];
        memmem::find(&name[..name.len().min(LONGEST_NAME + KEY.len())], KEY).is_some()
    })?;
    let end = memmem::find(&bytes[start..], b"-----END ").map_or(bytes.len(), |end| {
        let last = start + end + b"-----END ".len();
        memmem::find(&bytes[last..], b"-----").map_or(bytes.len(), |end| last + end + 5)
    });
    Some((start, end, format!("{MARK}private key{END}")))
}

/// The password in `scheme://user:password@host`.
fn password_in_url(bytes: &[u8]) -> Option<(usize, usize, String)> {
    memmem::find_iter(bytes, b"://").find_map(|scheme| {
        let start = scheme + 3;
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/\"'<>`()".contains(byte);
        let length = bytes[start..].iter().position(ends);
        let authority = &bytes[start..length.map_or(bytes.len(), |length| start + length)];
        let at = memchr::memrchr(b'@', authority)?;
        let colon = memchr::memchr(b':', &authority[..at])?;
        let password = &authority[colon + 1..at];
        let is_one = !password.is_empty() && !password.starts_with(MARK.trim_end().as_bytes());
        is_one.then(|| {
            let placeholder = format!("{MARK}password{END}").replace(' ', "-");
            (start + colon + 1, start + at, placeholder)
        })
    })
}

/// What follows `Authorization:` in a line.
fn credentials(bytes: &[u8]) -> Option<(usize, usize, String)> {
    const NAME: &[u8] = b"uthorization: ";
    memmem::find_iter(bytes, NAME).find_map(|name| {
        let start = name + NAME.len();
        let ends = |byte: &u8| b"\r\n\"'".contains(byte);
        let length = bytes[start..].iter().position(ends);
        let end = length.map_or(bytes.len(), |length| start + length);
        let is_one = end > start && !bytes[start..].starts_with(MARK.as_bytes());
        is_one.then(|| (start, end, format!("{MARK}credentials{END}")))
    })
}

/// Whether a value called NAME is a secret by its name: `FRUIX_TOKEN`, `api-key`.
pub fn is_name_of_one(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "credential",
        "api_key",
        "apikey",
        "private_key",
        "access_key",
    ]
    .iter()
    .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_however_it_is_spelled() {
        keep("password", "kn\"ow&n-s3cret");
        for spelled in [
            "kn\"ow&n-s3cret",
            "kn\\\"ow&n-s3cret",
            "kn&quot;ow&amp;n-s3cret",
            "kn%22ow%26n-s3cret",
            "6b6e226f77266e2d733363726574",
        ] {
            let text = format!("before {spelled} after {spelled}");
            let hidden = hide(&text);
            assert!(!hidden.contains("s3cret"), "{hidden}");
            assert!(!hidden.contains("733363726574"), "{hidden}");
            assert!(hidden.starts_with("before [secret: password "), "{hidden}");
            assert!(hidden.contains("] after [secret: "), "{hidden}");
        }
        for before in ["", "a", "ab"] {
            let text = STANDARD_NO_PAD.encode(format!("{before}kn\"ow&n-s3cret and more"));
            let hidden = hide(&text).into_owned();
            assert!(hidden.contains(MARK), "{hidden}");
        }
    }

    #[test]
    fn private_keys_and_credentials_are_known_by_their_form() {
        let key =
            "x -----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY----- y";
        assert_eq!(hide(key), "x [secret: private key] y");
        assert_eq!(
            hide("-----BEGIN RSA PRIVATE KEY-----\nhalf of it"),
            "[secret: private key]"
        );
        let public = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        assert_eq!(hide(public), public);
        assert_eq!(
            hide("https://root:tiger@host/ and ssh://user@host"),
            "https://root:[secret:-password]@host/ and ssh://user@host"
        );
        assert_eq!(
            hide("Authorization: Basic cm9vdA==\r\nHost: x"),
            "Authorization: [secret: credentials]\r\nHost: x"
        );
    }

    #[test]
    fn a_key_that_comes_line_by_line_is_hidden_to_its_end() {
        let text =
            "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----\nb";
        let mut lines = Lines::default();
        let hidden: Vec<String> = text.lines().map(|line| lines.hide(line)).collect();
        let key = "[secret: private key]";
        assert_eq!(hidden, ["a", key, key, key, key, "b"]);
    }

    #[test]
    fn the_lines_of_a_key_are_hidden_by_themselves() {
        keep(
            "private key",
            "-----BEGIN X-----\nQUJDREVGR0hJSktMTU5PUFFS\n-----END X-----",
        );
        assert_eq!(
            hide("job| QUJDREVGR0hJSktMTU5PUFFS"),
            "job| [secret: private key 1]"
        );
    }

    #[test]
    fn a_short_secret_is_hidden_where_it_is_all() {
        keep("password", "root1");
        assert!(hide("root1").starts_with(MARK));
        assert_eq!(hide("root1 and more"), "root1 and more");
        keep("password", "no");
        assert_eq!(hide("no"), "no");
    }
}
