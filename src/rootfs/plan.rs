//! The layout of a rootfs as data.
//!
//! [`plan`] is a pure function of what the closure holds. Entries come in the
//! order in which they are made; a directory comes before what is in it.

use super::{Closure, Development, RootfsError};
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// Directories of the profile that appear in the rootfs under the same name.
const PROFILE: &[&str] = &[
    "bin",
    "sbin",
    "lib",
    "libexec",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/libexec",
    "usr/share/locale",
    "usr/share/misc",
];

/// The files of `/etc` that are copied, and their modes.
const ACCOUNTS: &[(&str, u32)] = &[
    ("group", 0o644),
    ("login.conf", 0o644),
    ("master.passwd", 0o600),
    ("passwd", 0o644),
];

const DIRECTORY_MODE: u32 = 0o755;

/// Whether FILE of `/etc` is copied.
pub(super) fn is_copied(file: &Path) -> bool {
    copied_mode(file).is_some()
}

fn copied_mode(file: &Path) -> Option<u32> {
    let known = ACCOUNTS.iter().find(|(name, _)| file == Path::new(name));
    known.map(|(_, mode)| *mode)
}

/// Why an entry is in a rootfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    CurrentSystem,
    Development,
    Activation,
    Profile,
    Boot,
    Etc,
    Account,
    Local,
    Parent,
}

impl Rule {
    /// The rule's name, as `plan` prints it and scripts see it.
    pub fn name(self) -> &'static str {
        match self {
            Rule::CurrentSystem => "current-system",
            Rule::Development => "development",
            Rule::Activation => "activate",
            Rule::Profile => "profile",
            Rule::Boot => "boot",
            Rule::Etc => "etc",
            Rule::Account => "account",
            Rule::Local => "local",
            Rule::Parent => "parent",
        }
    }

    /// What the rule says, for people.
    pub fn reason(self) -> &'static str {
        match self {
            Rule::CurrentSystem => "names the active closure; all other links lead through it",
            Rule::Development => "a development system shows its headers and make files",
            Rule::Activation => "what finishes booting",
            Rule::Profile => "the programs and libraries of the profile",
            Rule::Boot => "where the firmware and the loader look",
            Rule::Etc => "a generated file of /etc",
            Rule::Account => "copied, because pwd_mkdb and cap_mkdb write databases beside it",
            Rule::Local => "a generated file of /usr/local",
            Rule::Parent => "holds the entries below it",
        }
    }
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Directory {
        mode: u32,
    },
    Link {
        target: PathBuf,
    },
    /// A regular file with the contents that SOURCE has when the plan is carried out.
    File {
        source: PathBuf,
        mode: u32,
    },
}

/// One thing in a rootfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the rootfs; made of names only.
    pub path: PathBuf,
    pub what: What,
    pub rule: Rule,
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.what {
            What::Directory { mode } => write!(formatter, "directory /{path} mode {mode:o}")?,
            What::Link { target } => write!(formatter, "link /{path} -> {}", target.display())?,
            What::File { source, mode } => {
                write!(
                    formatter,
                    "file /{path} mode {mode:o} from {}",
                    source.display()
                )?;
            }
        }
        write!(formatter, " ({})", self.rule.name())
    }
}

/// Everything a rootfs is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What the system will call its closure.
    pub closure: PathBuf,
    pub entries: Vec<Entry>,
}

/// What the rootfs of CLOSURE is made of.
pub fn plan(closure: &Closure, development: Development) -> Result<Plan, RootfsError> {
    if development == Development::Required && !closure.has_development_profile {
        return Err(RootfsError::NoDevelopmentProfile {
            closure: closure.path.clone(),
        });
    }
    let mut draft = Draft::default();
    draft.link(Rule::CurrentSystem, "run/current-system", &closure.name);
    if closure.has_development_profile {
        for (path, part) in [
            ("run/current-development", "development-profile"),
            ("usr/include", "development-profile/usr/include"),
            ("usr/share/mk", "development-profile/usr/share/mk"),
        ] {
            draft.link(Rule::Development, path, current_system(part));
        }
    }
    draft.link(Rule::Activation, "activate", current_system("activate"));
    for directory in PROFILE {
        let target = current_system(Path::new("profile").join(directory));
        draft.link(Rule::Profile, directory, target);
    }
    for name in &closure.boot {
        let path = Path::new("boot").join(name);
        draft.link(Rule::Boot, &path, current_system(&path));
    }
    for (file, source) in &closure.etc {
        let path = Path::new("etc").join(file);
        match (copied_mode(file), source) {
            (Some(mode), Some(source)) => {
                let source = source.clone();
                draft.add(Rule::Account, &path, What::File { source, mode });
            }
            _ => draft.link(Rule::Etc, &path, current_system(&path)),
        }
    }
    for file in &closure.local {
        let path = Path::new("usr/local").join(file);
        draft.link(Rule::Local, &path, current_system(&path));
    }
    Ok(Plan {
        closure: closure.name.clone(),
        entries: draft.entries,
    })
}

fn current_system(path: impl AsRef<Path>) -> PathBuf {
    Path::new("/run/current-system").join(path)
}

#[derive(Default)]
struct Draft {
    entries: Vec<Entry>,
    directories: HashSet<PathBuf>,
}

impl Draft {
    fn link(&mut self, rule: Rule, path: impl AsRef<Path>, target: impl Into<PathBuf>) {
        let target = target.into();
        self.add(rule, path.as_ref(), What::Link { target });
    }

    fn add(&mut self, rule: Rule, path: &Path, what: What) {
        self.parents(path);
        self.entries.push(Entry {
            path: path.to_owned(),
            what,
            rule,
        });
    }

    fn parents(&mut self, path: &Path) {
        let mut missing: Vec<&Path> = path
            .ancestors()
            .skip(1)
            .take_while(|parent| {
                !parent.as_os_str().is_empty() && !self.directories.contains(*parent)
            })
            .collect();
        while let Some(parent) = missing.pop() {
            self.directories.insert(parent.to_owned());
            self.entries.push(Entry {
                path: parent.to_owned(),
                what: What::Directory {
                    mode: DIRECTORY_MODE,
                },
                rule: Rule::Parent,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closure() -> Closure {
        Closure {
            path: "/x/frx/store/c".into(),
            name: "/frx/store/c".into(),
            has_development_profile: true,
            boot: vec!["kernel".into()],
            etc: vec![
                ("master.passwd".into(), Some("/x/m".into())),
                ("rc.conf".into(), None),
                ("ssh/sshd_config".into(), None),
            ],
            local: vec!["etc/rc.d/fruix-shepherd".into()],
        }
    }

    fn shown(closure: &Closure) -> Vec<String> {
        let plan = plan(closure, Development::AsTheClosure).unwrap();
        plan.entries.iter().map(Entry::to_string).collect()
    }

    #[test]
    fn account_files_are_copied_and_their_neighbours_linked() {
        let shown = shown(&closure());
        for line in [
            "file /etc/master.passwd mode 600 from /x/m (account)",
            "link /etc/rc.conf -> /run/current-system/etc/rc.conf (etc)",
            "directory /etc/ssh mode 755 (parent)",
            "link /etc/ssh/sshd_config -> /run/current-system/etc/ssh/sshd_config (etc)",
            "link /run/current-system -> /frx/store/c (current-system)",
            "link /usr/local/etc/rc.d/fruix-shepherd -> \
             /run/current-system/usr/local/etc/rc.d/fruix-shepherd (local)",
        ] {
            assert!(
                shown.iter().any(|shown| shown == line),
                "{line} not in {shown:#?}"
            );
        }
    }

    #[test]
    fn a_lean_system_has_no_development_links() {
        let mut lean = closure();
        lean.has_development_profile = false;
        assert!(
            shown(&closure())
                .iter()
                .any(|line| line.contains("usr/include"))
        );
        assert!(!shown(&lean).iter().any(|line| line.contains("development")));
        let error = plan(&lean, Development::Required).unwrap_err();
        assert!(
            error.to_string().contains("no development-profile"),
            "{error}"
        );
    }

    #[test]
    fn every_directory_comes_once_and_before_what_is_in_it() {
        let plan = plan(&closure(), Development::AsTheClosure).unwrap();
        let mut made = HashSet::from([PathBuf::new()]);
        for entry in &plan.entries {
            assert!(made.contains(entry.path.parent().unwrap()), "{entry}");
            assert!(made.insert(entry.path.clone()), "{entry} comes twice");
        }
    }
}
