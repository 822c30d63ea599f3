//! `doctor --trust HOST`: shows the certificate of a host, and writes its
//! fingerprint to the settings when the user says yes.
//!
//! The settings file is the user's own text, with his comments in it, so only
//! the one entry is touched.

use super::arguments::CommandLine;
use super::output::print_line;
use super::settings::{Environment, Setting, Settings};
use crate::failure::{Failure, Key};
use crate::runtime;
use crate::xapi;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a host may take to show its certificate.
const PATIENCE: Duration = Duration::from_secs(30);

/// Show the fingerprint at HOST and record it on consent.
pub fn run(host: &str, line: &CommandLine, environment: &Environment) -> Result<u8, Failure> {
    let settings = Settings::read(
        environment,
        line.world.config.as_deref(),
        &line.world.settings,
    )?;
    let seen = runtime::wait(
        &format!("asking `{host}` for its certificate"),
        PATIENCE,
        xapi::shown_certificate(host),
    )?;
    let known: Vec<String> = match settings.get("certificate-sha256") {
        Some((Setting::Text(one), _)) => vec![one.clone()],
        Some((Setting::Texts(several), _)) => several.clone(),
        _ => Vec::new(),
    };
    print_line(format_args!("host={host}"))?;
    print_line(format_args!("certificate-sha256={seen}"))?;
    if known.iter().any(|pin| is_same(pin, &seen)) {
        print_line("known=yes")?;
        return Ok(0);
    }
    print_line("known=no")?;
    for pin in &known {
        print_line(format_args!("settings={pin}"))?;
    }
    let file = settings_file(line, environment);
    eprintln!(
        "Compare it with what this prints on the host itself:\n    \
         openssl x509 -noout -fingerprint -sha256 -in /etc/xensource/xapi-ssl.pem"
    );
    if !consent(&format!(
        "Are they the same, and is it to be written to `{}`?",
        file.display()
    )) {
        return Err(Failure::new(
            Key::Trust,
            "the certificate is not trusted; nothing was written",
        )
        .detail("seen", seen));
    }
    record(&file, host, &seen, settings.get("host").is_some())?;
    print_line(format_args!("written={}", file.display()))?;
    Ok(0)
}

/// Whether two fingerprints are the same, however they are written.
pub fn is_same(one: &str, other: &str) -> bool {
    let digits = |text: &str| -> String {
        let text = text.rsplit('=').next().unwrap_or(text);
        text.chars()
            .filter(char::is_ascii_hexdigit)
            .collect::<String>()
            .to_ascii_lowercase()
    };
    digits(one) == digits(other)
}

/// Where `--config` says, or the file of this directory.
fn settings_file(line: &CommandLine, environment: &Environment) -> PathBuf {
    let name = line.world.config.as_deref();
    environment
        .directory
        .join(name.unwrap_or(Path::new("fruix-scm.scm")))
}

/// Ask QUESTION; only `yes` is consent, and no answer is none.
pub fn consent(question: &str) -> bool {
    eprint!("{question} [yes/no] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if !std::io::stdin().is_terminal() {
        eprintln!();
    }
    read.is_ok() && matches!(answer.trim(), "yes" | "y")
}

fn record(file: &Path, host: &str, seen: &str, has_host: bool) -> Result<(), Failure> {
    let cannot = |what: String| {
        Failure::new(
            Key::Settings,
            format!("cannot write settings `{}`: {what}", file.display()),
        )
        .hint(format!("write (certificate-sha256 . \"{seen}\") yourself"))
    };
    let before = match std::fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(cannot(error.to_string())),
    };
    let after = match &before {
        None if has_host => format!("((certificate-sha256 . \"{seen}\"))\n"),
        None => format!("((host . \"{host}\")\n (certificate-sha256 . \"{seen}\"))\n"),
        Some(text) => {
            changed(text, seen).ok_or_else(|| cannot("it is not an association list".to_owned()))?
        }
    };
    // Written beside it and moved, so that no half of a file is ever there.
    let place = file.parent().unwrap_or(Path::new("."));
    let mut fresh =
        tempfile::NamedTempFile::new_in(place).map_err(|error| cannot(error.to_string()))?;
    fresh
        .write_all(after.as_bytes())
        .map_err(|error| cannot(error.to_string()))?;
    if let Ok(metadata) = std::fs::metadata(file) {
        let _ = fresh.as_file().set_permissions(metadata.permissions());
    }
    fresh
        .persist(file)
        .map_err(|error| cannot(error.to_string()))?;
    Ok(())
}

/// TEXT, the settings, with SEEN for the certificate: in the place of the entry
/// that is there, or as the first of all.
fn changed(text: &str, seen: &str) -> Option<String> {
    let entry = format!("(certificate-sha256 . \"{seen}\")");
    let places = entries(text)?;
    let old = places.iter().find(|range| {
        text[(*range).clone()][1..]
            .trim_start()
            .starts_with("certificate-sha256")
    });
    Some(match old {
        Some(range) => format!("{}{entry}{}", &text[..range.start], &text[range.end..]),
        None => {
            let first = places.first().map_or_else(
                || text.find('(').map(|at| at + 1),
                |range| Some(range.start),
            )?;
            format!("{}{entry}\n {}", &text[..first], &text[first..])
        }
    })
}

/// Where the entries of the list in TEXT stand; comments and strings are passed
/// over. `None` when it is no list.
fn entries(text: &str) -> Option<Vec<std::ops::Range<usize>>> {
    let mut found = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            ';' => {
                characters.find(|(_, it)| *it == '\n');
            }
            '"' => loop {
                match characters.next()?.1 {
                    '\\' => {
                        characters.next();
                    }
                    '"' => break,
                    _ => {}
                }
            },
            '(' => {
                depth += 1;
                if depth == 2 {
                    start = at;
                }
            }
            ')' => {
                if depth == 2 {
                    found.push(start..at + 1);
                }
                depth -= 1;
                if depth == 0 {
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_entry_changes_and_comments_stay() {
        let text = "; mine ((\n((host . \"h\") ; a \"host\n (certificate-sha256 . \"AA\") ; old\n \
                    (approved (vms \"(\")))\n";
        let expected = text.replace("\"AA\"", "\"BB\"");
        assert_eq!(changed(text, "BB"), Some(expected));
        assert_eq!(
            changed("((host . \"h\"))", "BB").as_deref(),
            Some("((certificate-sha256 . \"BB\")\n (host . \"h\"))")
        );
        assert_eq!(
            changed("()", "BB").as_deref(),
            Some("((certificate-sha256 . \"BB\")\n )")
        );
        assert_eq!(changed("; nothing", "BB"), None);
    }

    #[test]
    fn fingerprints_are_the_same_however_they_are_written() {
        assert!(is_same("sha256 Fingerprint=AB:CD", "abcd"));
        assert!(!is_same("AB:CD", "ABCE"));
    }
}
