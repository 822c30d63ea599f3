//! The module `(fruix native run)`: a run as the harness library drives it.
//!
//! A thread has one run at a time, since a harness reads top to bottom.

use super::{Run, Verdict};
use crate::failure::{Failure, Key};
use crate::guile::natives::{Outcome, Raise};
use crate::guile::value::{
    Value, list_value, optional_string, pair_value, string, string_value, strings, symbol_value,
};
use crate::natives;
use crate::progress::{Event, tell};
use crate::runtime;
use std::cell::RefCell;
use std::path::PathBuf;

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
    static DIRECTORY: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Keep the journals of this thread's runs below DIRECTORY, or in memory only.
pub fn keep_journals_below(directory: Option<PathBuf>) {
    DIRECTORY.with(|slot| *slot.borrow_mut() = directory);
}

natives! {
    /// (%run-begin name keys metadata-file) -> the run's identifier, a string
    ///
    /// Begin a run of the harness NAME that promises the record keys KEYS, a
    /// list of strings. METADATA-FILE is a string or #f. Throw 'usage-error
    /// when a run is going on, 'settings-error when the metadata file could
    /// not be written. A journal that cannot be kept is told and left out.
    "%run-begin" (3) => begin,
    /// (%run-step-began! name)
    "%run-step-began!" (1) => step_began,
    /// (%run-step-ended! message)
    ///
    /// MESSAGE is #f for a step that ended well.
    "%run-step-ended!" (1) => step_ended,
    /// (%run-check-passed! what)
    "%run-check-passed!" (1) => check_passed,
    /// (%run-record! key value)
    ///
    /// Both are strings. Throw 'usage-error when KEY was not promised.
    "%run-record!" (2) => record,
    /// (%run-record) -> association list of strings, in the promised order
    "%run-record" (0) => record_entries,
    /// (%run-directory) -> string or #f
    ///
    /// The folder that holds the run's journal, or #f without one.
    "%run-directory" (0) => run_directory,
    /// (%run-finish! message)
    ///
    /// End the run, passed when MESSAGE is #f. Throw 'check-failed when a run
    /// that passed lacks a promised key.
    "%run-finish!" (1) => finish,
    /// (%run-clean-up-begins!)
    ///
    /// From here on waiting is possible again although the user interrupted.
    "%run-clean-up-begins!" (0) => clean_up_begins,
    /// (%run-note! text)
    ///
    /// Tell TEXT, a string, to whoever watches the run.
    "%run-note!" (1) => note,
    /// (%visible-text text) -> string
    ///
    /// TEXT, a string, in one line: what could command a terminal, end a line or
    /// reorder what is read is spelled out.
    "%visible-text" (1) => visible_text,
    /// (%failure-key? name) -> boolean
    ///
    /// Whether NAME, a string, is a key whose messages say everything by
    /// themselves: what was tried, on what, and what happened.
    "%failure-key?" (1) => failure_key,
}

fn visible_text(args: &[Value]) -> Outcome {
    let text = string("%visible-text", args, 1)?;
    Ok(string_value(crate::visible::escape(&text)))
}

fn with_run<T>(body: impl FnOnce(&mut Run) -> Result<T, Failure>) -> Result<T, Raise> {
    RUN.with(|slot| match slot.borrow_mut().as_mut() {
        Some(run) => Ok(body(run)?),
        None => Err(Failure::new(Key::Usage, "no harness is running")
            .hint("wrap the steps in (harness NAME …), as docs/harness.md shows")
            .into()),
    })
}

fn begin(args: &[Value]) -> Outcome {
    let name = string("%run-begin", args, 1)?;
    let keys = strings("%run-begin", args, 2)?;
    let metadata_file = optional_string("%run-begin", args, 3)?.map(PathBuf::from);
    RUN.with(|slot| {
        let mut slot = slot.borrow_mut();
        if slot.is_some() {
            return Err(Failure::new(
                Key::Usage,
                format!("cannot begin `{name}`: another harness is running"),
            )
            .into());
        }
        let directory = DIRECTORY.with(|directory| directory.borrow().clone());
        let run = Run::begin(&name, keys, directory.as_deref(), metadata_file)?;
        let id = string_value(run.id());
        *slot = Some(run);
        Ok(id)
    })
}

fn step_began(args: &[Value]) -> Outcome {
    let name = string("%run-step-began!", args, 1)?;
    with_run(|run| {
        run.step_began(&name);
        Ok(())
    })?;
    Ok(Value::Void)
}

fn step_ended(args: &[Value]) -> Outcome {
    let message = optional_string("%run-step-ended!", args, 1)?;
    with_run(|run| run.step_ended(message.as_deref()))?;
    Ok(Value::Void)
}

fn check_passed(args: &[Value]) -> Outcome {
    let what = string("%run-check-passed!", args, 1)?;
    with_run(|run| {
        run.check_passed(&what);
        Ok(())
    })?;
    Ok(Value::Void)
}

fn run_directory(_: &[Value]) -> Outcome {
    let id = with_run(|run| Ok(run.id().to_owned()))?;
    let folder = DIRECTORY
        .with(|directory| directory.borrow().clone())
        .map(|directory| directory.join(id))
        .filter(|folder| folder.is_dir());
    Ok(folder.map_or(Value::BoolV(false), |folder| {
        string_value(folder.to_string_lossy().into_owned())
    }))
}

fn record(args: &[Value]) -> Outcome {
    let key = string("%run-record!", args, 1)?;
    let value = string("%run-record!", args, 2)?;
    with_run(|run| run.record(&key, &value))?;
    Ok(Value::Void)
}

fn record_entries(_: &[Value]) -> Outcome {
    let entries = with_run(|run| Ok(run.record_entries()))?;
    Ok(list_value(
        entries
            .into_iter()
            .map(|(key, value)| pair_value(symbol_value(&key), string_value(value)))
            .collect(),
    ))
}

fn finish(args: &[Value]) -> Outcome {
    let verdict = match optional_string("%run-finish!", args, 1)? {
        None => Verdict::Passed,
        Some(message) => Verdict::Failed(message),
    };
    with_run(|run| run.finish(&verdict))?;
    RUN.with(|slot| *slot.borrow_mut() = None);
    Ok(Value::Void)
}

fn clean_up_begins(_: &[Value]) -> Outcome {
    runtime::clear_interrupt();
    Ok(Value::Void)
}

fn note(args: &[Value]) -> Outcome {
    tell(Event::Note {
        text: string("%run-note!", args, 1)?,
    });
    Ok(Value::Void)
}

fn failure_key(args: &[Value]) -> Outcome {
    let name = string("%failure-key?", args, 1)?;
    Ok(Value::BoolV(Key::from_name(&name).is_some()))
}
