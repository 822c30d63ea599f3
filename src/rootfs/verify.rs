//! Comparing a rootfs with a plan.
//!
//! Only what the plan names is looked at: a running system holds much more.

use super::place::{Found, Places};
use super::populate::same_contents;
use super::{Plan, RootfsError, Rule, What};
use std::fmt;
use std::path::{Path, PathBuf};

/// One entry that is not as planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Relative to the rootfs.
    pub path: PathBuf,
    pub rule: Rule,
    pub wanted: String,
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "/{}: wanted {}, found {} ({}: {})",
            self.path.display(),
            self.wanted,
            self.found,
            self.rule.name(),
            self.rule.reason()
        )
    }
}

/// How the directory ROOTFS differs from PLAN, in the plan's order.
pub fn verify(plan: &Plan, rootfs: &Path) -> Result<Vec<Difference>, RootfsError> {
    let mut places = Places::below(rootfs)?;
    let mut differences = Vec::new();
    for entry in &plan.entries {
        let found = match places.look(&entry.path) {
            Ok(found) => found,
            // A parent that is no directory has been reported as an entry of its own.
            Err(RootfsError::Occupied { .. }) => continue,
            Err(error) => return Err(error),
        };
        let difference = match (&entry.what, &found) {
            (What::Directory { mode }, Found::Directory { mode: at }) => {
                (mode != at).then(|| (format!("mode {mode:o}"), format!("mode {at:o}")))
            }
            (What::Link { target }, Found::Link { target: at }) => (target != at).then(|| {
                let shown = |target: &Path| format!("a link to `{}`", target.display());
                (shown(target), shown(at))
            }),
            (What::File { mode, .. }, Found::File { mode: at, .. }) if mode != at => {
                Some((format!("mode {mode:o}"), format!("mode {at:o}")))
            }
            (What::File { source, .. }, Found::File { .. }) => {
                (!same_contents(&mut places, entry, source)?).then(|| {
                    (
                        format!("the contents of `{}`", source.display()),
                        "other contents".to_owned(),
                    )
                })
            }
            (what, found) => {
                let wanted = match what {
                    What::Directory { .. } => "a directory".to_owned(),
                    What::Link { target } => format!("a link to `{}`", target.display()),
                    What::File { .. } => "a regular file".to_owned(),
                };
                Some((wanted, found.describe()))
            }
        };
        if let Some((wanted, found)) = difference {
            differences.push(Difference {
                path: entry.path.clone(),
                rule: entry.rule,
                wanted,
                found,
            });
        }
    }
    Ok(differences)
}
