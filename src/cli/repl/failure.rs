//! The prompt at a failure: in the middle of a run, where a step has failed, before
//! anything of it is cleaned up.
//!
//! It is the prompt as ever, with a few commands more, one of which ends it with a
//! decision. Whoever says nothing for long enough has decided to fail, as without a
//! terminal. What is said here goes to the terminal of stderr: stdout is the record's.

use super::super::runs::log as logs;
use super::commands::{Command, Group, Run};
use super::session::{After, Session, say};
use crate::guile::value::Value;
use crate::run::folder;
use crate::run::journal::StepPath;
use crate::run::logs::of_run;
use crate::visible::escape;
use std::path::PathBuf;

/// How many lines of a log are shown.
const LINES: usize = 40;

/// What has failed, and what is at hand.
pub struct About {
    /// The step, from the outside in; nothing when it was outside of all steps.
    pub step: StepPath,
    /// The failure, told in full.
    pub account: String,
    /// The folder of the run.
    pub folder: Option<PathBuf>,
    /// A command that logs in to the guest; nothing without a guest.
    pub login: Vec<String>,
    /// What the prompt says of that: `failed`, or `replay`.
    pub where_it_is: &'static str,
    /// What has been decided.
    pub decision: Option<Decision>,
}

/// How a run goes on after a failure.
pub enum Decision {
    /// The step is done again.
    Retry,
    /// It goes on without the step, whose values these are.
    Skip(Vec<Value>),
    /// It fails.
    Continue,
    /// It fails, because nobody was there.
    Late,
}

/// What stands above the first prompt.
pub fn greeting(about: &About, seconds: u64) -> String {
    let what = match &about.step[..] {
        [] => "The harness has failed, outside of any step.".to_owned(),
        step => format!("The step `{}` has failed.", step.join(" / ")),
    };
    let choices = match &about.step[..] {
        [] => "`,continue' to fail",
        _ => {
            "`,retry' to do the step again, `,skip [VALUE]' to go on without it, `,continue' to \
             fail"
        }
    };
    let minutes = match seconds {
        seconds if seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} s"),
    };
    format!(
        "{} Nothing has been cleaned up yet.\nType {choices};\n`,why', `,log' and `,shell' to \
         look.  It fails by itself after {minutes} without a key.\n",
        escape(&what)
    )
}

/// What stands above the first prompt of a replay that has stopped before a step.
pub fn greeting_before(about: &About) -> String {
    format!(
        "The replay stands before the step `{}`, {}.\nNothing is asked of the world here; \
         `,continue' ends it.\n",
        escape(&about.step.join(" / ")),
        escape(&about.account)
    )
}

pub const COMMANDS: &[Command] = &[
    Command {
        names: &["retry"],
        group: Group::Run,
        usage: "",
        does: "do the step again",
        run: Run::Session(|session, _| {
            if is_outside(session) {
                say("No step has failed that could be done again.\n");
                return After::GoOn;
            }
            decide(session, Decision::Retry)
        }),
    },
    Command {
        names: &["skip"],
        group: Group::Run,
        usage: "[VALUE]",
        does: "go on without the step, or as if it had given VALUE; the run passes no more",
        run: Run::Session(skip),
    },
    Command {
        names: &["continue", "cont"],
        group: Group::Run,
        usage: "",
        does: "go on failing, as without this prompt",
        run: Run::Session(|session, _| decide(session, Decision::Continue)),
    },
    Command {
        names: &["why"],
        group: Group::Run,
        usage: "",
        does: "the failure again, in full",
        run: Run::Session(|session, _| {
            if let Some(about) = &session.about {
                let lines: Vec<String> = about.account.lines().map(escape).collect();
                say(&format!("{}\n", lines.join("\n")));
            }
            After::GoOn
        }),
    },
    Command {
        names: &["log"],
        group: Group::Run,
        usage: "[LINES]",
        does: "the end of what the step's job has printed",
        run: Run::Session(log),
    },
    Command {
        names: &["shell", "sh"],
        group: Group::Run,
        usage: "",
        does: "a shell in the guest, by ssh",
        run: Run::Session(shell),
    },
];

fn is_outside(session: &Session<'_>) -> bool {
    session
        .about
        .as_ref()
        .is_some_and(|about| about.step.is_empty())
}

fn decide(session: &mut Session<'_>, decision: Decision) -> After {
    if let Some(about) = &mut session.about {
        about.decision = Some(decision);
    }
    After::Leave(0)
}

fn skip(session: &mut Session<'_>, text: &str) -> After {
    if is_outside(session) {
        say("No step has failed that could be left out.\n");
        return After::GoOn;
    }
    if text.is_empty() {
        return decide(session, Decision::Skip(Vec::new()));
    }
    let values = session.interpreter().eval_text(text);
    match values {
        Ok(values) => decide(session, Decision::Skip(values)),
        failed => session.show(failed),
    }
}

fn log(session: &mut Session<'_>, text: &str) -> After {
    let count = text.parse().unwrap_or(LINES);
    let Some(about) = &session.about else {
        return After::GoOn;
    };
    let Some(folder) = &about.folder else {
        say("This run is not kept, and neither are its logs.\n");
        return After::GoOn;
    };
    let all = of_run(folder, &folder::summary(folder).reading);
    // The step's own and those of steps in it; outside of steps, any.
    let Some(log) = all
        .iter()
        .rev()
        .find(|log| log.step.starts_with(&about.step))
    else {
        say("No job of this step has printed anything.\n");
        return After::GoOn;
    };
    match logs::tail(log, count) {
        Ok(lines) => {
            let mut text = format!("==> {}\n", escape(&logs::title(log)));
            for line in lines {
                text.push_str(&escape(&line));
                text.push('\n');
            }
            text.push_str(&format!(
                "all of it: {}\n",
                escape(&log.file.to_string_lossy())
            ));
            say(&text);
        }
        Err(failure) => say(&format!("{}\n", escape(failure.message()))),
    }
    After::GoOn
}

fn shell(session: &mut Session<'_>, _: &str) -> After {
    let Some((program, arguments)) = session
        .about
        .as_ref()
        .and_then(|about| about.login.split_first())
    else {
        say("No guest is connected.\n");
        return After::GoOn;
    };
    // The terminal is the program's until it ends.
    match std::process::Command::new(program).args(arguments).status() {
        Ok(status) => match status.code() {
            Some(0) => {}
            Some(status) => say(&format!("`{program}' ended with status {status}.\n")),
            None => say(&format!("`{program}' was ended.\n")),
        },
        Err(error) => say(&format!("`{program}' does not run: {error}\n")),
    }
    After::GoOn
}
