//! What a bisection has found out so far, so that it is gone on with after whatever has
//! ended it: a file of JSON Lines in a folder of its own, the plan first.
//!
//! A line that was cut short is passed over, and what it said is found out once more. The
//! folder is named after the plan, so that the same command finds it again, and is held
//! while a process works on it.

use super::rule::{Answer, Rule, Verdict};
use crate::failure::{Failure, Key};
use crate::private;
use crate::run::{folder, sha256};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The name of the notes in the folder of their bisection.
const NAME: &str = "notes.jsonl";

/// How many bisections are remembered.
const MOST: usize = 20;

/// What a bisection is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The work tree of the repository.
    pub repository: PathBuf,
    /// Commits, by their full digests.
    pub good: String,
    pub bad: String,
    /// What makes an image, for a shell.
    pub image: String,
    /// The options and the file that run the harness, and what is behind that.
    pub options: Vec<String>,
    pub harness: Vec<String>,
    pub arguments: Vec<String>,
    /// What the harness was when the bisection began.
    pub harness_sha256: String,
    /// Where it was begun.
    pub directory: PathBuf,
    pub rule: Rule,
    /// Whether the good one and the bad one are taken for what they are said to be.
    pub trust_ends: bool,
}

/// Something that was found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Note {
    /// The harness was run.
    Ran {
        revision: String,
        answer: Answer,
        status: i32,
        run: Option<String>,
    },
    Decided {
        revision: String,
        verdict: Verdict,
        why: String,
    },
}

/// The notes of a bisection that this process works on.
pub struct Notes {
    pub folder: PathBuf,
    file: File,
    notes: Vec<Note>,
    _held: File,
}

impl Notes {
    /// Those about PLAN below DIRECTORY; new ones where there are none.
    pub fn of(directory: &Path, plan: &Plan) -> Result<Notes, Failure> {
        let text = serde_json::to_string(plan).map_err(Failure::internal)?;
        let folder = directory.join(&sha256(text.as_bytes())[..12]);
        let open = || -> io::Result<(File, String)> {
            private::create_directory(&folder)?;
            let file = private::options()
                .read(true)
                .append(true)
                .create(true)
                .open(folder.join(NAME))?;
            let known = fs::read(folder.join(NAME))?;
            Ok((file, String::from_utf8_lossy(&known).into_owned()))
        };
        let (file, known) = open().map_err(|error| cannot("keep notes in", &folder, error))?;
        let held = folder::hold(&folder)?.ok_or_else(|| {
            Failure::new(
                Key::Usage,
                format!(
                    "a process works on this bisection already, in `{}`",
                    folder.display()
                ),
            )
        })?;
        let mut notes = Notes {
            notes: known
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect(),
            folder,
            file,
            _held: held,
        };
        if plan_in(&known).as_ref() != Some(plan) {
            notes.write(&text)?;
        } else if !known.ends_with('\n') {
            notes.write("")?;
        }
        Ok(notes)
    }

    /// Forget what was found out about PLAN.
    pub fn begin_anew(&mut self, plan: &Plan) -> Result<(), Failure> {
        let text = serde_json::to_string(plan).map_err(Failure::internal)?;
        self.notes.clear();
        self.file
            .set_len(0)
            .map_err(|error| cannot("empty the notes in", &self.folder, error))?;
        self.write(&text)
    }

    /// Keep NOTE.
    pub fn keep(&mut self, note: Note) -> Result<(), Failure> {
        let text = serde_json::to_string(&note).map_err(Failure::internal)?;
        self.write(&text)?;
        self.notes.push(note);
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.file
            .write_all(format!("{text}\n").as_bytes())
            .and_then(|()| self.file.sync_data())
            .map_err(|error| cannot("keep notes in", &self.folder, error))
    }

    /// What the harness has said of REVISION so far.
    pub fn answers(&self, revision: &str) -> Vec<Answer> {
        let of_it = self.notes.iter().filter_map(|note| match note {
            Note::Ran {
                revision: of,
                answer,
                ..
            } if of == revision => Some(*answer),
            _ => None,
        });
        of_it.collect()
    }

    /// The runs of REVISION.
    pub fn runs(&self, revision: &str) -> Vec<&str> {
        let of_it = self.notes.iter().filter_map(|note| match note {
            Note::Ran {
                revision: of, run, ..
            } if of == revision => run.as_deref(),
            _ => None,
        });
        of_it.collect()
    }

    /// What was decided, in the order of time: revision, verdict, and why.
    pub fn decided(&self) -> impl Iterator<Item = (&str, Verdict, &str)> {
        self.notes.iter().filter_map(|note| match note {
            Note::Decided {
                revision,
                verdict,
                why,
            } => Some((revision.as_str(), *verdict, why.as_str())),
            Note::Ran { .. } => None,
        })
    }

    /// What REVISION was found to be.
    pub fn verdict(&self, revision: &str) -> Option<Verdict> {
        let mut decided = self.decided();
        decided
            .find(|(of, _, _)| *of == revision)
            .map(|(_, verdict, _)| verdict)
    }
}

/// The plan that the notes KNOWN are about.
fn plan_in(known: &str) -> Option<Plan> {
    let mut plans = known.lines().map(serde_json::from_str);
    plans.find_map(Result::ok)
}

/// The bisections below DIRECTORY on which no process works, the oldest first, and what
/// each is about. They are held as long as what this returns is there.
pub fn at_rest(directory: &Path) -> Vec<(PathBuf, Plan, File)> {
    let mut folders: Vec<PathBuf> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort_by_key(|folder| {
        let notes = fs::metadata(folder.join(NAME));
        notes.and_then(|notes| notes.modified()).ok()
    });
    let of_a_plan = folders.into_iter().filter_map(|folder| {
        let known = fs::read(folder.join(NAME)).ok()?;
        let plan = plan_in(&String::from_utf8_lossy(&known))?;
        let held = folder::hold(&folder).ok()??;
        Some((folder, plan, held))
    });
    of_a_plan.collect()
}

/// Forget the oldest bisections below DIRECTORY, until not too many are left.
pub fn prune(directory: &Path) {
    let known = at_rest(directory);
    let excess = known.len().saturating_sub(MOST);
    for (folder, _, _held) in known.into_iter().take(excess) {
        // What cannot be removed is there the next time.
        let _ = fs::remove_dir_all(folder);
    }
}

fn cannot(verb: &str, folder: &Path, error: io::Error) -> Failure {
    Failure::new(
        Key::Settings,
        format!("cannot {verb} `{}`: {error}", folder.display()),
    )
    .hint("set XDG_STATE_HOME to a directory that may be written")
    .cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            repository: "/r".into(),
            good: "a".into(),
            bad: "b".into(),
            image: "make".into(),
            options: vec![],
            harness: vec!["-s".into(), "x.scm".into()],
            arguments: vec![],
            harness_sha256: String::new(),
            directory: "/".into(),
            rule: Rule {
                passes: 1,
                failures: 1,
                retries: 2,
                not_ready_is_bad: false,
            },
            trust_ends: false,
        }
    }

    fn decided(revision: &str) -> Note {
        Note::Decided {
            revision: revision.into(),
            verdict: Verdict::Bad,
            why: "it failed".into(),
        }
    }

    #[test]
    fn a_note_that_was_cut_short_is_lost_alone() {
        let place = tempfile::tempdir().unwrap();
        let mut notes = Notes::of(place.path(), &plan()).unwrap();
        notes.keep(decided("one")).unwrap();
        notes.keep(decided("two")).unwrap();
        let file = notes.folder.join(NAME);
        drop(notes);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, &text[..text.len() - 5]).unwrap();
        let mut notes = Notes::of(place.path(), &plan()).unwrap();
        assert_eq!(notes.verdict("one"), Some(Verdict::Bad));
        assert_eq!(notes.verdict("two"), None);
        notes.keep(decided("three")).unwrap();
        drop(notes);
        let notes = Notes::of(place.path(), &plan()).unwrap();
        assert_eq!(notes.verdict("three"), Some(Verdict::Bad));
        assert_eq!(at_rest(place.path()).len(), 0);
        drop(notes);
        assert_eq!(at_rest(place.path())[0].1, plan());
    }

    #[test]
    fn one_process_works_on_a_bisection_and_others_have_their_own() {
        let place = tempfile::tempdir().unwrap();
        let _notes = Notes::of(place.path(), &plan()).unwrap();
        let refused = Notes::of(place.path(), &plan()).err().unwrap();
        assert!(refused.message().contains("works on this bisection"));
        let mut other = plan();
        other.good = "c".into();
        assert!(Notes::of(place.path(), &other).is_ok());
    }
}
