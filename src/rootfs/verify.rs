//! Comparing a rootfs with a plan.
//!
//! Only what the plan names is looked at: a running system holds much more.

use super::place::{Found, Keep, Places};
use super::populate::{same_contents, same_target};
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

/// Who must own the files and directories of a rootfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// User and group 0, as a system wants them that boots from it.
    Root,
    /// Whoever: the tool that makes the image gives them their owners.
    Any,
}

/// How the directory ROOTFS differs from PLAN, in the plan's order.
pub fn verify(plan: &Plan, rootfs: &Path, owners: Owners) -> Result<Vec<Difference>, RootfsError> {
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
            (What::Directory { mode }, Found::Directory { mode: at, keep }) => {
                kept(*mode, *at, keep, owners)
            }
            (What::Link { target }, Found::Link { target: at }) => {
                (!same_target(target, at)).then(|| {
                    let shown = |target: &Path| format!("a link to `{}`", target.display());
                    (shown(target), shown(at))
                })
            }
            (What::File { source, mode }, Found::File { mode: at, keep }) => {
                match kept(*mode, *at, keep, owners) {
                    None if !same_contents(&mut places, entry, source)? => Some((
                        format!("the contents of `{}`", source.display()),
                        "other contents".to_owned(),
                    )),
                    difference => difference,
                }
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

/// What of mode, owner and flags is not as it must be.
fn kept(wanted: u32, mode: u32, keep: &Keep, owners: Owners) -> Option<(String, String)> {
    if wanted != mode {
        return Some((format!("mode {wanted:o}"), format!("mode {mode:o}")));
    }
    let (user, group) = keep.owner;
    if owners == Owners::Root && keep.owner != (0, 0) {
        return Some(("owner 0:0".to_owned(), format!("owner {user}:{group}")));
    }
    (!keep.flags.is_empty()).then(|| {
        (
            "no flags".to_owned(),
            format!("flags {}", keep.flags.join(",")),
        )
    })
}
