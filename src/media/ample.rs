//! A closure that has a file of every name that a module's text mentions.
//!
//! A module may treat a name in `etc` unlike its neighbours, by a list of its own,
//! and a closure without a file of that name does not show it. So one reference
//! closure gets files of all names that the text has as strings; what is treated
//! as a name is that nobody mentions says nothing, and is left out of the layout.

use super::MediaError;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};

/// The directories of a closure whose contents a rootfs shows.
const SHOWN: [&str; 3] = ["boot", "etc", "usr/local"];

/// A name that no module mentions, and a directory with one.
const STRANGER: &str = "fruix-scm-stranger";
const STRANGERS: &str = "fruix-scm-strangers.d/fruix-scm-stranger";
const STRANGERS_DIRECTORY: &str = "fruix-scm-strangers.d";

/// Those of WORDS, strings of a module's text, that could name files of a closure.
pub fn names(words: &[String]) -> BTreeSet<String> {
    let shape = |word: &&str| {
        !word.is_empty()
            && word.len() < 100
            && word.chars().any(|c| c.is_ascii_alphanumeric())
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
            && Path::new(word)
                .components()
                .all(|part| matches!(part, Component::Normal(_)))
    };
    words
        .iter()
        .map(|word| word.trim_matches('/'))
        .flat_map(|word| {
            let below = SHOWN
                .iter()
                .filter_map(|directory| word.strip_prefix(directory)?.strip_prefix('/'));
            std::iter::once(word).chain(below)
        })
        .filter(shape)
        .map(str::to_owned)
        .collect()
}

/// Give the closure at PATH a file of each of NAMES in every directory that a
/// rootfs shows, where nothing is in the way.
pub fn furnish(path: &Path, names: &BTreeSet<String>) -> Result<(), MediaError> {
    for directory in SHOWN {
        let strangers = [STRANGER, STRANGERS];
        for name in strangers
            .into_iter()
            .chain(names.iter().map(String::as_str))
        {
            let place = path.join(directory).join(name);
            let Some(parent) = place.parent() else {
                continue;
            };
            // A directory of that name, or a file where a directory would have to
            // be, is as good: the name is there.
            if fs::symlink_metadata(&place).is_ok() || fs::create_dir_all(parent).is_err() {
                continue;
            }
            fs::write(&place, format!("{directory}/{name}\n"))
                .map_err(|error| MediaError::io("write", place, error))?;
        }
    }
    Ok(())
}

/// LINES of a layout without those that a name gets because it is a name: NAMES
/// are the names that the closure was furnished with.
pub fn peculiar(lines: &BTreeSet<String>, names: &BTreeSet<String>) -> BTreeSet<String> {
    let mut expected: BTreeSet<String> = BTreeSet::new();
    for line in lines {
        if line.contains(STRANGERS_DIRECTORY) {
            expected.insert(line.clone());
            for name in names.iter().filter(|name| name.contains('/')) {
                if line.contains(STRANGERS) {
                    expected.insert(line.replace(STRANGERS, name));
                } else {
                    let ends = name.match_indices('/').map(|(end, _)| end);
                    expected
                        .extend(ends.map(|end| line.replace(STRANGERS_DIRECTORY, &name[..end])));
                }
            }
        } else if line.contains(STRANGER) {
            expected.insert(line.clone());
            expected.extend(names.iter().map(|name| line.replace(STRANGER, name)));
        }
    }
    lines.difference(&expected).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_treated_like_a_stranger_is_left_out() {
        let words = [
            "services",
            "ssh/sshd_config",
            "/etc/motd",
            "no name",
            "..",
            "~a",
        ]
        .map(str::to_owned);
        let names = names(&words);
        let shown: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(shown, ["etc/motd", "motd", "services", "ssh/sshd_config"]);
        let lines: BTreeSet<String> = [
            "./activate type=link",
            "./etc/fruix-scm-stranger type=link link=/c/etc/fruix-scm-stranger",
            "./etc/fruix-scm-strangers.d type=dir mode=0755",
            "./etc/fruix-scm-strangers.d/fruix-scm-stranger type=link",
            "./etc/motd type=link link=/c/etc/motd",
            "./etc/services type=file mode=0644",
            "./etc/ssh type=dir mode=0755",
            "./etc/ssh/sshd_config type=link",
        ]
        .map(str::to_owned)
        .into();
        let left: Vec<String> = peculiar(&lines, &names).into_iter().collect();
        assert_eq!(
            left,
            ["./activate type=link", "./etc/services type=file mode=0644"]
        );
    }
}
