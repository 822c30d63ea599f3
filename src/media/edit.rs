//! Raising builder versions in place, leaving every other byte alone.

use super::MediaError;
use super::versions::{ReadDefinitions, Version, find, read, status};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// A version that was raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    pub name: String,
    pub before: String,
    pub after: String,
}

/// Raise the versions called NAMES, or all when there are none, in the file at
/// PATH, each to the next value that is not TAKEN by its name: one that stands
/// for something already cannot stand for something else. Either all of them are
/// raised or the file is as it was.
pub fn bump(
    path: &Path,
    names: &[String],
    definitions: ReadDefinitions,
    taken: impl Fn(&str, &str) -> bool,
) -> Result<Vec<Raised>, MediaError> {
    let refuse = |name: &str, why: &str| MediaError::Version {
        path: path.to_owned(),
        name: name.to_owned(),
        why: why.to_owned(),
    };
    let versions = status(path, definitions)?;
    let wanted: Vec<&str> = if names.is_empty() {
        versions
            .iter()
            .map(|version| version.name.as_str())
            .collect()
    } else {
        names.iter().map(String::as_str).collect()
    };
    let mut chosen: Vec<&Version> = Vec::new();
    for name in wanted {
        let mut found = versions.iter().filter(|version| version.name == name);
        match (found.next(), found.next()) {
            (Some(version), None) if chosen.contains(&version) => {}
            (Some(version), None) => chosen.push(version),
            (None, _) => return Err(refuse(name, "the file does not define it")),
            (Some(_), Some(_)) => return Err(refuse(name, "the file defines it more than once")),
        }
    }
    chosen.sort_by_key(|version| version.span.start);
    let text = read(path)?;
    let mut changed = String::with_capacity(text.len() + chosen.len());
    let mut raised = Vec::new();
    let mut copied = 0;
    for version in chosen {
        let next = |value: &str| raise(value).map_err(|why| refuse(&version.name, &why));
        let mut after = next(&version.value)?;
        while taken(&version.name, &after) {
            after = next(&after)?;
        }
        changed.push_str(&text[copied..version.span.start]);
        changed.push_str(&after);
        copied = version.span.end;
        raised.push(Raised {
            name: version.name.clone(),
            before: version.value.clone(),
            after,
        });
    }
    changed.push_str(&text[copied..]);
    let reads_back = find(&changed, definitions).is_ok_and(|found| {
        raised.iter().all(|raised| {
            found
                .iter()
                .any(|version| version.name == raised.name && version.value == raised.after)
        })
    });
    if !reads_back {
        return Err(refuse(
            &raised[0].name,
            "the changed text would not read back",
        ));
    }
    replace(path, &changed)?;
    Ok(raised)
}

/// VALUE, as it stands in the text, raised by one; or why that cannot be done.
///
/// ```
/// use fruix_scm::media::raise;
/// assert_eq!(raise("9").unwrap(), "10");
/// assert_eq!(raise("\"1.9\"").unwrap(), "\"1.10\"");
/// assert_eq!(raise("\"phase20-09\"").unwrap(), "\"phase20-10\"");
/// assert!(raise("(+ 1 2)").is_err());
/// ```
pub fn raise(value: &str) -> Result<String, String> {
    if let Some(inside) = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        if inside.contains('\\') {
            return Err(format!("{value} has escapes in it"));
        }
        return Ok(format!("\"{}\"", raise_text(inside, value)?));
    }
    if let Some(symbol) = value.strip_prefix('\'') {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._+".contains(c);
        if !symbol.chars().all(plain) {
            return Err(format!("{value} is no plain symbol"));
        }
        return Ok(format!("'{}", raise_text(symbol, value)?));
    }
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(increment(value));
    }
    let decimal = value.split_once('.').filter(|(whole, part)| {
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits(whole) && digits(part)
    });
    if let Some((whole, part)) = decimal {
        let raised = increment(part);
        if raised.len() != part.len() {
            // 1.9 as a number is not followed by 1.10, which is 1.1.
            return Err(format!(
                "{value} is a number, and what follows it is not clear"
            ));
        }
        return Ok(format!("{whole}.{raised}"));
    }
    Err(format!("{value} is neither an integer nor a string"))
}

/// TEXT with the number at its end raised by one.
fn raise_text(text: &str, shown: &str) -> Result<String, String> {
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(format!("{shown} does not end in a number"));
    }
    let (front, number) = text.split_at(text.len() - digits);
    if is_date(text) {
        return Err(format!(
            "{shown} is a date, and what follows it is not clear"
        ));
    }
    Ok(format!("{front}{}", increment(number)))
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '.', '/']).collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let digits = parts
        .iter()
        .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        && (lengths == [4, 2, 2]
            || (lengths == [8] && (text.starts_with("19") || text.starts_with("20"))))
}

/// The decimal NUMBER, of any length, plus one; leading zeros keep the width.
fn increment(number: &str) -> String {
    let mut digits: Vec<u8> = number.bytes().collect();
    for digit in digits.iter_mut().rev() {
        if *digit == b'9' {
            *digit = b'0';
        } else {
            *digit += 1;
            return digits.into_iter().map(char::from).collect();
        }
    }
    format!("1{}", "0".repeat(number.len()))
}

/// Put TEXT in place of the file at PATH, with the mode and the owner it had. That
/// is one step, but where the file has further names or its owner cannot be kept:
/// then it is written where it stands. A link stays one.
pub fn replace(path: &Path, text: &str) -> Result<(), MediaError> {
    let fail = |error| MediaError::io("write", path, error);
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(fail(error)),
    };
    let before = fs::metadata(&real).ok();
    if before.as_ref().is_some_and(|before| before.nlink() > 1) {
        return overwrite(&real, text).map_err(fail);
    }
    let directory = match real.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    let ours = file.as_file().metadata().map_err(fail)?;
    let mode = match &before {
        Some(before) => {
            let owner = |metadata: &fs::Metadata| (metadata.uid(), metadata.gid());
            if owner(before) != owner(&ours)
                && std::os::unix::fs::fchown(file.as_file(), Some(before.uid()), Some(before.gid()))
                    .is_err()
            {
                return overwrite(&real, text).map_err(fail);
            }
            before.permissions()
        }
        None => fs::Permissions::from_mode(0o644),
    };
    file.as_file().set_permissions(mode).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(&real).map_err(|error| fail(error.error))?;
    Ok(())
}

fn overwrite(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::options().write(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_a_version_is_raised_or_refused() {
        for (before, after) in [
            ("9", Some("10")),
            ("007", Some("008")),
            ("99999999999999999999999", Some("100000000000000000000000")),
            ("\"9\"", Some("\"10\"")),
            ("\"v1.2.9\"", Some("\"v1.2.10\"")),
            ("\"fruix-image-3\"", Some("\"fruix-image-4\"")),
            ("'v7", Some("'v8")),
            ("1.5", Some("1.6")),
            ("1.9", None),
            ("\"7-beta\"", None),
            ("\"2026-04-05\"", None),
            ("\"20260405\"", None),
            ("\"2026-04-05-2\"", Some("\"2026-04-05-3\"")),
            ("\"a\\n1\"", None),
            ("\"\"", None),
            ("-1", None),
            ("#xA", None),
            ("'(1)", None),
            ("(+ 1 2)", None),
            ("other-version", None),
        ] {
            assert_eq!(raise(before).ok().as_deref(), after, "{before}");
        }
    }

    proptest! {
        #[test]
        fn an_integer_is_raised_by_one(number in 0_u64..u64::MAX) {
            prop_assert_eq!(raise(&number.to_string()).unwrap(), (u128::from(number) + 1).to_string());
        }

        #[test]
        fn only_the_value_changes(before in "[ a-z\\n]{0,20}", number in 0_u32..999, after in "[ a-z\\n]{0,20}") {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("media.scm");
            let text = |number: u32| format!("{before}(define x-builder-version \"{number}\"){after}");
            fs::write(&path, text(number)).unwrap();
            bump(&path, &[], super::super::primitives::definitions, |_, _| false).unwrap();
            prop_assert_eq!(fs::read_to_string(&path).unwrap(), text(number + 1));
        }
    }
}
