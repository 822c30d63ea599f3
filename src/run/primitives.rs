//! The module `(fruix native run)`: a run as the harness library drives it.
//!
//! A thread has one run at a time, since a harness reads top to bottom.

use super::journal::{self, Parameter, StepKind};
use super::selection::{How, Selection};
use super::verdict::Verdict;
use super::{Begun, Context, FailedCheck, Machine, Outcome as Ending, Run, folder, sha256};
use crate::failure::{Failure, Key};
use crate::guile::natives::{Outcome, Raise};
use crate::guile::source;
use crate::guile::value::{
    self, Value, list_value, optional_string, pair_value, string, string_value, strings,
    symbol_value,
};
use crate::natives;
use crate::progress::{Event, tell};
use crate::runtime::{self, Deadline};
use crate::secrets;
use crate::visible::{escape, without_user};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
    static CONTEXT: RefCell<Context> = RefCell::new(Context::default());
    static DEADLINES: RefCell<Vec<Deadline>> = const { RefCell::new(Vec::new()) };
    /// How many runs this process has begun or passed by.
    static ORDINAL: Cell<u64> = const { Cell::new(0) };
    /// How many texts of the language the run has looked at for modules.
    static SOURCES: Cell<usize> = const { Cell::new(0) };
}

/// From now on runs of this thread are as CONTEXT says.
pub fn install(context: Context) {
    CONTEXT.with(|slot| *slot.borrow_mut() = context);
}

/// The names of the steps that go on, the outermost first.
pub fn current_step() -> Vec<String> {
    // Whoever asks may be a step that is just being begun.
    RUN.with(|slot| {
        let slot = slot.try_borrow().ok();
        let run = slot.as_ref().and_then(|slot| slot.as_ref());
        run.map(Run::current_step).unwrap_or_default()
    })
}

/// Change what is known of the runs of this thread.
pub fn update(change: impl FnOnce(&mut Context)) {
    CONTEXT.with(|slot| change(&mut slot.borrow_mut()));
}

natives! {
    /// (%run-begin name keys metadata-file) -> the run's identifier, or #f
    ///
    /// Begin a run of the harness NAME that promises the record keys KEYS, a
    /// list of strings, or go on with the one that this process was asked to
    /// resume; #f when that harness had passed already in the program that is
    /// resumed, or a part of another one is to be done. METADATA-FILE is a string or #f. Throw 'usage-error when a run is
    /// going on, 'settings-error when the metadata file could not be written. A
    /// journal that cannot be kept is told and left out.
    "%run-begin" (3) with account => begin,
    /// (%run-resumed?) -> boolean
    ///
    /// Whether another process has worked on this run before.
    "%run-resumed?" (0) with anytime => is_resumed,
    /// (%run-is-running?) -> boolean
    "%run-is-running?" (0) => is_running,
    /// (%run-at-prompt?) -> boolean
    ///
    /// Whether no harness is running and the program is a prompt, where somebody does
    /// by hand what a harness does.
    "%run-at-prompt?" (0) => is_at_prompt,
    /// (%run-attended?) -> boolean
    ///
    /// Whether somebody sits there whom a failure may ask.
    "%run-attended?" (0) with anytime => is_attended,
    /// (%run-world) -> string
    ///
    /// Where the machines are that runs of this process ask for: `live` or `simulated`.
    "%run-world" (0) with anytime => world,
    /// (%run-step-comes name kind text inputs) -> `do`, `prove`, `attach` or a pair
    ///
    /// The step NAME comes up. KIND is `result`, `effect` or `resource`, TEXT the
    /// digest of its text, INPUTS a string or #f. `do` when it has begun, a pair
    /// `(kept . VALUES)` when its values are in the journal, as a string or #f;
    /// otherwise the caller asks the world and then says %run-step-begins! or
    /// %run-step-kept!; with `only-prove`, %run-step-refused! or that. `enough` when
    /// nothing more of the harness is to be done. Throw 'usage-error when the step is
    /// to be passed over and cannot be had.
    "%run-step-comes" (4) => step_comes,
    /// (%run-step-begins! kind text inputs why)
    ///
    /// The step that came up begins; WHY, a string or #f, says why again.
    "%run-step-begins!" (4) => step_begins,
    /// (%run-step-kept! why values)
    ///
    /// VALUES, a string or #f, is what its proof gave.
    "%run-step-kept!" (2) => step_kept,
    /// (%run-step-refused! why)
    ///
    /// The step that came up cannot be passed over because of WHY, a string: throw
    /// 'usage-error.
    "%run-step-refused!" (1) => step_refused,
    /// (%run-enough?) -> boolean
    ///
    /// Whether nothing more of the harness is to be done.
    "%run-enough?" (0) => is_enough,
    /// (%run-parameter! name value origin evidence?)
    ///
    /// The program has the parameter NAME with VALUE, as `write` prints it, from
    /// ORIGIN; what steps give depends on it when EVIDENCE?.
    "%run-parameter!" (4) => parameter,
    /// (%run-parameter-before name) -> (choice value . origin) or #f
    ///
    /// VALUE is what the parameter NAME has had in the run that is about to be gone on
    /// with, as `write` prints it, and ORIGIN where it came from; CHOICE is whether that
    /// is meant: `pinned`, `current`, or `open` when nobody has said so.
    "%run-parameter-before" (1) with outside => parameter_before,
    /// (%run-select! how step around harnesses folder)
    ///
    /// The next run does STEP and what follows it when HOW is "from", STEP alone when it
    /// is "only", and takes the rest from the run in FOLDER. AROUND is a list of the names
    /// of the steps that STEP is in, HARNESSES one of the harnesses of the program, as far
    /// as that is known.
    "%run-select!" (5) with outside => select,
    /// (%run-unique) -> string
    ///
    /// Letters and digits that nothing else has.
    "%run-unique" (0) with outside => unique,
    /// (%run-step-nonce) -> string
    ///
    /// What the running step may leave in the world to be found by again; empty
    /// outside of a step.
    "%run-step-nonce" (0) with outside => step_nonce,
    /// (%run-step-run) -> string
    ///
    /// The identifier of the run that has done the step that came up, which is another
    /// one where steps are taken from that; empty outside of a run.
    "%run-step-run" (0) with outside => step_run,
    /// (%run-taken-from) -> string or #f
    ///
    /// The identifier of the run that steps are taken from.
    "%run-taken-from" (0) with anytime => taken_from,
    /// (%run-step-passed! values identity)
    ///
    /// VALUES and IDENTITY are strings, as `write` prints, or #f.
    "%run-step-passed!" (2) => step_passed,
    /// (%run-step-failed! key message)
    "%run-step-failed!" (2) => step_failed,
    /// (%run-step-again! kind text inputs why)
    ///
    /// The step that has failed last begins again where it was, because of WHY.
    "%run-step-again!" (4) => step_again,
    /// (%run-step-path) -> list of strings
    ///
    /// The names of the steps that go on, the outermost first.
    "%run-step-path" (0) => step_path,
    /// (%run-passed-over! path how)
    ///
    /// Somebody lets the run go on although the step at PATH, a list of strings,
    /// has failed.
    "%run-passed-over!" (2) => passed_over,
    /// (%run-steps-passed-over) -> list of strings
    ///
    /// The steps that were passed over by hand, each as `OUTER / INNER`.
    "%run-steps-passed-over" (0) => steps_passed_over,
    /// (%run-text-digest datum-text) -> string
    ///
    /// The SHA-256 of a string, in hexadecimal digits.
    "%run-text-digest" (1) => text_digest,
    /// (%run-check-passed! what value)
    ///
    /// VALUE, a string or #f, is what was expected and found, where that is short.
    "%run-check-passed!" (2) => check_passed,
    /// (%run-check-failed! what place message expected actual)
    ///
    /// The check WHAT, which is written at PLACE, does not hold, as MESSAGE says; PLACE,
    /// EXPECTED and ACTUAL are strings or #f.
    "%run-check-failed!" (5) => check_failed,
    /// (%run-skipped! why)
    ///
    /// The step that goes on is left out.
    "%run-skipped!" (1) => skipped,
    /// (%run-failed-as-known! why message)
    ///
    /// The step that goes on fails, as MESSAGE says, which it is known to because of WHY.
    "%run-failed-as-known!" (2) => failed_as_known,
    /// (%run-promised! what)
    "%run-promised!" (1) => promised,
    /// (%run-cleaned-up! what trouble)
    ///
    /// TROUBLE is a string or #f.
    "%run-cleaned-up!" (2) => cleaned_up,
    /// (%run-left-out! what why)
    ///
    /// The clean-up WHAT is not done.
    "%run-left-out!" (2) => left_out,
    /// (%run-job-began! name how log)
    ///
    /// LOG is the file that keeps what the job prints, a string or #f.
    "%run-job-began!" (3) => job_began,
    /// (%run-job-ended! name how)
    "%run-job-ended!" (2) => job_ended,
    /// (%run-jobs) -> list of strings
    ///
    /// The jobs of this run that have not been seen to end.
    "%run-jobs" (0) => jobs,
    /// (%run-machine! host name vm vdi)
    ///
    /// The run has asked for the machine VM, a UUID, called NAME, on HOST.
    "%run-machine!" (4) => machine,
    /// (%run-image! file sha256)
    "%run-image!" (2) => image,
    /// (%run-record! key value)
    ///
    /// Both are strings. Throw 'usage-error when KEY was not promised.
    "%run-record!" (2) => record,
    /// (%run-record) -> association list of strings, in the promised order
    "%run-record" (0) => record_entries,
    /// (%run-directory) -> string or #f
    ///
    /// The folder of the run, or #f without one.
    "%run-directory" (0) with anytime => run_directory,
    /// (%run-keeping passed? keep-worth-seconds) -> (keep? why open?)
    ///
    /// Whether the machine of a run that has PASSED? is to be kept, and whether
    /// somebody may be asked.
    "%run-keeping" (2) with account => keeping,
    /// (%run-machine-kept! kept? why until login)
    ///
    /// UNTIL is in seconds since 1970 or #f, LOGIN a command line or #f.
    "%run-machine-kept!" (4) => machine_kept,
    /// (%run-kind) -> string
    ///
    /// Of which kind the run's machine is: `live`, `simulated`, `local` or `none`.
    "%run-kind" (0) => kind,
    /// (%run-finish! key message) -> (verdict . message)
    ///
    /// End the run, passed when KEY is #f, and return its verdict, a string, with what
    /// there is to say of it, a string or #f. Throw 'check-failed when a run that
    /// passed lacks a promised key.
    "%run-finish!" (2) => finish,
    /// (%run-ended!) -> unspecified
    ///
    /// Nothing more is said of the run.
    "%run-ended!" (0) => ended,
    /// (%run-elapsed) -> real
    ///
    /// How many seconds this process has worked on the run.
    "%run-elapsed" (0) with anytime => elapsed,
    /// (%run-clean-up-begins!)
    ///
    /// From here to %run-clean-up-ends! waiting is possible although the user
    /// interrupted, and a first interrupt waits.
    "%run-clean-up-begins!" (0) => clean_up_begins,
    /// (%run-clean-up-ends!)
    "%run-clean-up-ends!" (0) => clean_up_ends,
    /// (%run-deadline! seconds)
    ///
    /// What goes on is interrupted when so much time has passed, unless
    /// %run-deadline-over! is called before. Deadlines nest.
    "%run-deadline!" (1) with outside => deadline,
    /// (%run-deadline-over!) -> boolean
    ///
    /// The innermost deadline is not wanted any more; whether it had come.
    "%run-deadline-over!" (0) with outside => deadline_over,
    /// (%run-ask question seconds) -> string or #f
    ///
    /// What somebody at the terminal answers within SECONDS, without the end of
    /// the line; #f when nobody does.
    "%run-ask" (2) with outside => ask,
    /// (%run-note! text)
    ///
    /// Tell TEXT, a string, to whoever watches the run.
    "%run-note!" (1) => note,
    /// (%run-visible text) -> string
    ///
    /// TEXT, which may be from outside, on one line and without anything that a
    /// terminal would obey.
    "%run-visible" (1) => visible,
    /// (%failure-key? name) -> boolean
    ///
    /// Whether NAME, a string, is a key whose messages say everything by
    /// themselves: what was tried, on what, and what happened.
    "%failure-key?" (1) => failure_key,
}

fn with_run<T>(body: impl FnOnce(&mut Run) -> Result<T, Failure>) -> Result<T, Raise> {
    RUN.with(|slot| match slot.borrow_mut().as_mut() {
        Some(run) => Ok(body(run)?),
        None => Err(Failure::new(Key::Usage, "no harness is running")
            .hint("wrap the steps in (harness NAME …), as docs/harness.md shows")
            .into()),
    })
}

/// As `with_run`, for what has a meaning without a run: nothing.
fn told(body: impl FnOnce(&mut Run)) -> Outcome {
    RUN.with(|slot| {
        if let Some(run) = slot.borrow_mut().as_mut() {
            body(run);
        }
    });
    Ok(Value::Void)
}

fn begin(args: &[Value]) -> Outcome {
    let name = string("%run-begin", args, 1)?;
    let keys = strings("%run-begin", args, 2)?;
    let mut metadata_file = optional_string("%run-begin", args, 3)?;
    if RUN.with(|slot| slot.borrow().is_some()) {
        return Err(Failure::new(
            Key::Usage,
            format!("cannot begin `{name}`: another harness is running"),
        )
        .into());
    }
    let ordinal = ORDINAL.with(|ordinal| ordinal.replace(ordinal.get() + 1));
    let mut context = CONTEXT.with(|slot| slot.borrow().clone());
    context.program.ordinal = ordinal;
    if context.replayed {
        // What was recorded names a file of that machine.
        metadata_file = None;
    }
    if let Some(resume) = context.resume.take() {
        let before = journal::read(&resume.folder)?;
        let resumed = before.program().map_or(0, |program| program.ordinal);
        metadata_file = metadata_file.or(context.program.metadata_file.clone());
        if ordinal == resumed {
            context.resume = Some(resume);
        } else if let Some(passed) = passed_before(&context, ordinal) {
            tell(Event::Note {
                text: format!("harness `{name}` has passed in run `{passed}`"),
            });
            return Ok(Value::BoolV(false));
        }
    }
    if let Some(selection) = &context.selection
        && let Some(harness) = selection.is_of_another(&name)
    {
        tell(Event::Note {
            text: format!("harness `{name}` is passed by: the part is one of `{harness}`"),
        });
        return Ok(Value::BoolV(false));
    }
    let mut run = Run::begin(
        &name,
        keys,
        &context,
        metadata_file.as_deref().map(Path::new),
    )?;
    // Each run has copies of its own.
    SOURCES.with(|count| count.set(0));
    note_modules(&mut run);
    let id = string_value(run.id());
    RUN.with(|slot| *slot.borrow_mut() = Some(run));
    Ok(id)
}

/// The run of the same process that was the one with ORDINAL, if it has passed.
fn passed_before(context: &Context, ordinal: u64) -> Option<String> {
    let directory = context.directory.as_deref()?;
    folder::list(directory)
        .ok()?
        .into_iter()
        .map(|folder| folder::summary(&folder))
        .find(|summary| {
            summary.verdict == Verdict::Pass
                && summary.reading.program().is_some_and(|program| {
                    program.process == context.program.process && program.ordinal == ordinal
                })
        })
        .map(|summary| summary.id)
}

/// Let RUN keep copies of the modules that were loaded from files since the last
/// time.
fn note_modules(run: &mut Run) {
    let new = SOURCES.with(|count| {
        let new = source::after(count.get());
        count.set(count.get() + new.len());
        new
    });
    for source in new {
        if let Some(relative) = run.module_name(Path::new(&source.name)) {
            run.module(&relative, &source.name, source.text.as_bytes());
        }
    }
}

fn is_resumed(_: &[Value]) -> Outcome {
    let resumed = RUN.with(|slot| slot.borrow().as_ref().is_some_and(Run::is_resumed));
    Ok(Value::BoolV(resumed))
}

fn is_running(_: &[Value]) -> Outcome {
    Ok(Value::BoolV(RUN.with(|slot| slot.borrow().is_some())))
}

fn world(_: &[Value]) -> Outcome {
    Ok(string_value(world_name()))
}

fn world_name() -> &'static str {
    if CONTEXT.with(|context| context.borrow().simulated) {
        "simulated"
    } else {
        "live"
    }
}

fn is_at_prompt(_: &[Value]) -> Outcome {
    let is_running = RUN.with(|slot| slot.borrow().is_some());
    let is_prompt = CONTEXT.with(|context| context.borrow().program.file.is_empty());
    Ok(Value::BoolV(!is_running && is_prompt))
}

fn is_attended(_: &[Value]) -> Outcome {
    Ok(Value::BoolV(
        CONTEXT.with(|context| context.borrow().attended),
    ))
}

fn step_kind(procedure: &str, args: &[Value], position: usize) -> Result<StepKind, Raise> {
    let name = string(procedure, args, position)?;
    StepKind::from_name(&name)
        .ok_or_else(|| Failure::internal(format!("a step cannot be a `{name}`")).into())
}

fn step_comes(args: &[Value]) -> Outcome {
    const NAME: &str = "%run-step-comes";
    let name = string(NAME, args, 1)?;
    let kind = step_kind(NAME, args, 2)?;
    let text = string(NAME, args, 3)?;
    let inputs = optional_string(NAME, args, 4)?;
    let begun = with_run(|run| {
        // What was loaded since the last step came up is part of the run.
        note_modules(run);
        run.step_comes(&name, kind, &text, inputs.as_deref())
    })?;
    Ok(match begun {
        Begun::Do => symbol_value("do"),
        Begun::Prove => symbol_value("prove"),
        Begun::OnlyProve => symbol_value("only-prove"),
        Begun::Enough => symbol_value("enough"),
        Begun::Attach => symbol_value("attach"),
        Begun::Kept(values) => pair_value(symbol_value("kept"), text_or_false(values)),
    })
}

fn text_or_false(text: Option<String>) -> Value {
    text.map_or(Value::BoolV(false), string_value)
}

fn step_begins(args: &[Value]) -> Outcome {
    const NAME: &str = "%run-step-begins!";
    let kind = step_kind(NAME, args, 1)?;
    let text = string(NAME, args, 2)?;
    let inputs = optional_string(NAME, args, 3)?;
    let why = optional_string(NAME, args, 4)?;
    told(|run| run.step_begins(kind, &text, inputs.as_deref(), why))
}

fn step_kept(args: &[Value]) -> Outcome {
    let why = string("%run-step-kept!", args, 1)?;
    let values = optional_string("%run-step-kept!", args, 2)?;
    told(|run| run.step_proven(&why, values))
}

fn step_refused(args: &[Value]) -> Outcome {
    let why = string("%run-step-refused!", args, 1)?;
    with_run(|run| run.step_refused(&why))?;
    Ok(Value::Void)
}

fn is_enough(_: &[Value]) -> Outcome {
    let enough = RUN.with(|slot| slot.borrow().as_ref().is_some_and(Run::is_enough));
    Ok(Value::BoolV(enough))
}

fn parameter(args: &[Value]) -> Outcome {
    const NAME: &str = "%run-parameter!";
    let parameter = Parameter {
        name: string(NAME, args, 1)?,
        // Told alike each time, so that it is known whether it has changed.
        value: secrets::hide(&string(NAME, args, 2)?).into_owned(),
        origin: string(NAME, args, 3)?,
        evidence: truth(args.get(3)),
    };
    update(|context| {
        context
            .parameters
            .retain(|known| known.name != parameter.name);
        context.parameters.push(parameter.clone());
    });
    // A module may be loaded while a run goes on.
    told(|run| run.parameter(parameter))
}

fn parameter_before(args: &[Value]) -> Outcome {
    let name = string("%run-parameter-before", args, 1)?;
    let before = CONTEXT.with(|context| {
        let context = context.borrow();
        let resume = context.resume.as_ref()?;
        let mut known = resume.parameters.iter();
        // One that was secret is not kept, and has to be given again.
        let before =
            known.find(|known| known.name == name && !known.value.contains(secrets::MARK))?;
        let choice = match (resume.decided, resume.current) {
            (false, _) => "open",
            (true, true) => "current",
            (true, false) => "pinned",
        };
        Some(pair_value(
            symbol_value(choice),
            pair_value(
                string_value(before.value.clone()),
                string_value(before.origin.clone()),
            ),
        ))
    });
    Ok(before.unwrap_or(Value::BoolV(false)))
}

fn select(args: &[Value]) -> Outcome {
    const NAME: &str = "%run-select!";
    let how = string(NAME, args, 1)?;
    let how = How::from_name(&how)
        .ok_or_else(|| Failure::internal(format!("a run cannot be selected `{how}`")))?;
    let (step, of) = (string(NAME, args, 2)?, string(NAME, args, 5)?);
    let around = strings(NAME, args, 3)?;
    let harnesses = strings(NAME, args, 4)?;
    update(|context| {
        context.selection = Some(Selection {
            how,
            step,
            around,
            harnesses,
            of: of.into(),
        });
    });
    Ok(Value::Void)
}

fn unique(_: &[Value]) -> Outcome {
    Ok(string_value(uuid::Uuid::new_v4().simple().to_string()))
}

fn step_nonce(_: &[Value]) -> Outcome {
    let nonce = RUN.with(|slot| {
        let slot = slot.borrow();
        slot.as_ref()
            .map_or(String::new(), |run| run.step_nonce().to_owned())
    });
    Ok(string_value(nonce))
}

fn step_run(_: &[Value]) -> Outcome {
    let id = RUN.with(|slot| {
        let slot = slot.borrow();
        slot.as_ref()
            .map_or(String::new(), |run| run.step_run().to_owned())
    });
    Ok(string_value(id))
}

fn taken_from(_: &[Value]) -> Outcome {
    let of = RUN.with(|slot| {
        let slot = slot.borrow();
        slot.as_ref()
            .and_then(|run| run.taken_from().map(str::to_owned))
    });
    Ok(text_or_false(of))
}

fn step_passed(args: &[Value]) -> Outcome {
    let values = optional_string("%run-step-passed!", args, 1)?;
    let identity = optional_string("%run-step-passed!", args, 2)?;
    with_run(|run| run.step_passed(values, identity))?;
    Ok(Value::Void)
}

fn step_failed(args: &[Value]) -> Outcome {
    let key = string("%run-step-failed!", args, 1)?;
    let message = string("%run-step-failed!", args, 2)?;
    with_run(|run| run.step_failed(&key, &message))?;
    Ok(Value::Void)
}

fn step_again(args: &[Value]) -> Outcome {
    const NAME: &str = "%run-step-again!";
    let kind = step_kind(NAME, args, 1)?;
    let text = string(NAME, args, 2)?;
    let inputs = optional_string(NAME, args, 3)?;
    let why = string(NAME, args, 4)?;
    with_run(|run| run.step_again(kind, &text, inputs.as_deref(), why))?;
    Ok(Value::Void)
}

fn step_path(_: &[Value]) -> Outcome {
    let path = RUN.with(|slot| {
        let slot = slot.borrow();
        slot.as_ref().map(Run::current_step).unwrap_or_default()
    });
    Ok(list_value(path.into_iter().map(string_value).collect()))
}

fn passed_over(args: &[Value]) -> Outcome {
    let path = strings("%run-passed-over!", args, 1)?;
    let how = string("%run-passed-over!", args, 2)?;
    told(|run| run.passed_over(path, &how))
}

fn steps_passed_over(_: &[Value]) -> Outcome {
    let steps = with_run(|run| Ok(run.steps_passed_over().to_vec()))?;
    Ok(list_value(steps.into_iter().map(string_value).collect()))
}

fn text_digest(args: &[Value]) -> Outcome {
    let text = string("%run-text-digest", args, 1)?;
    Ok(string_value(sha256(text.as_bytes())))
}

fn check_passed(args: &[Value]) -> Outcome {
    let what = string("%run-check-passed!", args, 1)?;
    if matches!(is_at_prompt(&[])?, Value::BoolV(true)) {
        tell(Event::CheckPassed { what });
        return Ok(Value::Void);
    }
    let value = optional_string("%run-check-passed!", args, 2)?;
    with_run(|run| {
        run.check_passed(&what, value);
        Ok(())
    })?;
    Ok(Value::Void)
}

fn check_failed(args: &[Value]) -> Outcome {
    const NAME: &str = "%run-check-failed!";
    let check = FailedCheck {
        what: string(NAME, args, 1)?,
        place: optional_string(NAME, args, 2)?,
        message: string(NAME, args, 3)?,
        expected: optional_string(NAME, args, 4)?,
        actual: optional_string(NAME, args, 5)?,
    };
    told(|run| run.check_failed(check))
}

fn skipped(args: &[Value]) -> Outcome {
    let why = string("%run-skipped!", args, 1)?;
    tell(Event::CheckPassed {
        what: format!("skipped: {why}"),
    });
    told(|run| run.skipped(&why))
}

fn failed_as_known(args: &[Value]) -> Outcome {
    let why = string("%run-failed-as-known!", args, 1)?;
    let message = string("%run-failed-as-known!", args, 2)?;
    tell(Event::CheckPassed {
        what: format!("fails, as is known ({why}): {message}"),
    });
    told(|run| run.failed_as_known(&why, &message))
}

fn promised(args: &[Value]) -> Outcome {
    let what = string("%run-promised!", args, 1)?;
    told(|run| run.promised(&what))
}

fn cleaned_up(args: &[Value]) -> Outcome {
    let what = string("%run-cleaned-up!", args, 1)?;
    let trouble = optional_string("%run-cleaned-up!", args, 2)?;
    told(|run| run.cleaned_up(&what, trouble.as_deref()))
}

fn left_out(args: &[Value]) -> Outcome {
    let what = string("%run-left-out!", args, 1)?;
    let why = string("%run-left-out!", args, 2)?;
    told(|run| run.left_out(&what, &why))
}

fn job_began(args: &[Value]) -> Outcome {
    let name = string("%run-job-began!", args, 1)?;
    let how = string("%run-job-began!", args, 2)?;
    let log = optional_string("%run-job-began!", args, 3)?;
    told(|run| run.job_began(&name, &how, log.as_deref()))
}

fn job_ended(args: &[Value]) -> Outcome {
    let name = string("%run-job-ended!", args, 1)?;
    let how = string("%run-job-ended!", args, 2)?;
    told(|run| run.job_ended(&name, &how))
}

fn jobs(_: &[Value]) -> Outcome {
    let jobs = with_run(|run| Ok(run.jobs().to_vec()))?;
    Ok(list_value(jobs.into_iter().map(string_value).collect()))
}

fn machine(args: &[Value]) -> Outcome {
    const NAME: &str = "%run-machine!";
    let machine = Machine {
        kind: world_name().to_owned(),
        host: without_user(&string(NAME, args, 1)?),
        name: string(NAME, args, 2)?,
        vm: string(NAME, args, 3)?,
        vdi: string(NAME, args, 4)?,
    };
    if RUN.with(|slot| slot.borrow().is_none()) {
        // Somebody does it by hand, and is told where all the same.
        tell(Event::Note {
            text: machine.to_string(),
        });
    }
    told(|run| run.asked_for(machine))
}

fn image(args: &[Value]) -> Outcome {
    let file = string("%run-image!", args, 1)?;
    let sha256 = string("%run-image!", args, 2)?;
    told(|run| run.boots_from(&file, &sha256))
}

fn run_directory(_: &[Value]) -> Outcome {
    let folder = with_run(|run| Ok(run.folder().map(Path::to_owned)))?;
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

fn truth(value: Option<&Value>) -> bool {
    !matches!(value, Some(Value::BoolV(false)) | None)
}

fn seconds(value: Option<&Value>) -> Option<u64> {
    match value {
        Some(Value::IntV(seconds)) => u64::try_from(*seconds).ok(),
        _ => None,
    }
}

fn keeping(args: &[Value]) -> Outcome {
    let passed = truth(args.first());
    let worth = Duration::from_secs(seconds(args.get(1)).unwrap_or(0));
    let choice = with_run(|run| Ok(run.choose_keeping(passed, worth)))?;
    Ok(list_value(vec![
        Value::BoolV(choice.keep),
        string_value(choice.why),
        Value::BoolV(choice.open),
    ]))
}

fn machine_kept(args: &[Value]) -> Outcome {
    let kept = truth(args.first());
    let why = string("%run-machine-kept!", args, 2)?;
    let until = seconds(args.get(2));
    let login = optional_string("%run-machine-kept!", args, 4)?;
    told(|run| run.machine_kept(kept, &why, until, login))
}

fn kind(_: &[Value]) -> Outcome {
    with_run(|run| Ok(string_value(run.kind())))
}

fn finish(args: &[Value]) -> Outcome {
    let outcome = match optional_string("%run-finish!", args, 1)? {
        None => Ending::Passed,
        Some(key) => Ending::Failed {
            key,
            message: string("%run-finish!", args, 2)?,
        },
    };
    let (verdict, message) = with_run(|run| run.finish(&outcome))?;
    Ok(pair_value(
        string_value(verdict.as_str()),
        text_or_false(message),
    ))
}

fn ended(_: &[Value]) -> Outcome {
    RUN.with(|slot| *slot.borrow_mut() = None);
    Ok(Value::Void)
}

fn elapsed(_: &[Value]) -> Outcome {
    let elapsed = with_run(|run| Ok(run.elapsed()))?;
    Ok(Value::NumV(elapsed.as_secs_f64()))
}

fn clean_up_begins(_: &[Value]) -> Outcome {
    runtime::begin_clean_up();
    Ok(Value::Void)
}

fn clean_up_ends(_: &[Value]) -> Outcome {
    runtime::end_clean_up();
    Ok(Value::Void)
}

fn deadline(args: &[Value]) -> Outcome {
    let limit = value::seconds("%run-deadline!", args, 1)?;
    DEADLINES.with(|open| open.borrow_mut().push(Deadline::after(limit)));
    Ok(Value::Void)
}

fn deadline_over(_: &[Value]) -> Outcome {
    let innermost = DEADLINES.with(|open| open.borrow_mut().pop());
    Ok(Value::BoolV(innermost.is_some_and(Deadline::end)))
}

fn ask(args: &[Value]) -> Outcome {
    let question = string("%run-ask", args, 1)?;
    let limit = Duration::from_secs(seconds(args.get(1)).unwrap_or(0));
    Ok(text_or_false(crate::progress::ask_line(&question, limit)))
}

fn note(args: &[Value]) -> Outcome {
    tell(Event::Note {
        text: string("%run-note!", args, 1)?,
    });
    Ok(Value::Void)
}

fn visible(args: &[Value]) -> Outcome {
    let text = string("%run-visible", args, 1)?;
    Ok(string_value(escape(&text.replace(['\n', '\r'], " "))))
}

fn failure_key(args: &[Value]) -> Outcome {
    let name = string("%failure-key?", args, 1)?;
    Ok(Value::BoolV(Key::from_name(&name).is_some()))
}
