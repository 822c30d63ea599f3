//! The module `(fruix native prompt)`: a program in its middle asks for the prompt.

use super::super::settings::Environment;
use super::evaluator::Within;
use super::failure::{About, Decision};
use super::streams::Streams;
use super::{Furnishing, Prompt};
use crate::failure::{Failure, Key};
use crate::guile::natives::Raise;
use crate::guile::natives::{Machine, Outcome};
use crate::guile::value::{
    Value, list_value, optional_string, seconds, string, strings, symbol_value,
};
use crate::natives;
use crate::progress::{Event, tell};
use crate::run::recording::replayer::Replayer;
use crate::runtime;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

thread_local! {
    static STOP: RefCell<Option<Stop>> = const { RefCell::new(None) };
    static FURNISHING: RefCell<Option<Furnishing>> = const { RefCell::new(None) };
}

/// Prompts that programs of this thread ask for are in ENVIRONMENT, and complete modules
/// of LOAD_PATH.
pub fn install(environment: &Environment, load_path: Vec<PathBuf>) {
    let furnishing = Furnishing {
        environment: environment.clone(),
        load_path,
    };
    FURNISHING.with(|slot| *slot.borrow_mut() = Some(furnishing));
}

natives! {
    /// (%prompt-at-failure step account folder login seconds evaluate apply) -> list
    ///
    /// Talk with whoever sits at the terminal about the failure of STEP, a list of
    /// names, which ACCOUNT tells in full. FOLDER is the run's, a string or #f, LOGIN
    /// a list of strings, the command that logs in to the guest. EVALUATE takes a
    /// text, APPLY a module, a name and a list; both answer as
    /// src/cli/repl/evaluator.rs says. What was decided: `(retry)`, `(skip VALUE …)`,
    /// `(continue)`, or `(late)` after SECONDS without a key.
    "%prompt-at-failure" (7) with outside_machine => at_failure,
    /// (%replay-stops-before? path place) -> boolean
    ///
    /// Whether a replay is to stop before the step at PATH, a list of names, which is about
    /// to begin. Its text stands at PLACE, a string or #f.
    "%replay-stops-before?" (2) => stops_before,
    /// (%prompt-in-replay step account evaluate apply)
    ///
    /// Let whoever sits at the terminal look around before STEP of a replay, and then end
    /// the program; the arguments are as of %prompt-at-failure.
    "%prompt-in-replay" (4) with machine => in_replay,
}

/// What answers in a replay, and where that stops.
struct Stop {
    step: Option<String>,
    replayer: Rc<Replayer>,
}

/// From now on REPLAYER answers, and stops before STEP.
pub fn stop_at(step: Option<String>, replayer: Rc<Replayer>) {
    STOP.with(|slot| *slot.borrow_mut() = Some(Stop { step, replayer }));
}

fn stops_before(args: &[Value]) -> Outcome {
    const NAME: &str = "%replay-stops-before?";
    let path = strings(NAME, args, 1)?;
    let place = optional_string(NAME, args, 2)?;
    let stops = STOP.with(|slot| {
        let slot = slot.borrow();
        let Some(stop) = slot.as_ref() else {
            return false;
        };
        stop.replayer.step_comes(&path, place);
        let is_meant = |step: &String| path.last() == Some(step) || path.join(" / ") == *step;
        !stop.replayer.is_at_prompt() && stop.step.as_ref().is_some_and(is_meant)
    });
    Ok(Value::BoolV(stops))
}

fn in_replay(machine: &mut Machine, args: &[Value]) -> Outcome {
    const NAME: &str = "%prompt-in-replay";
    let step = strings(NAME, args, 1)?;
    let told = format!("stopped before step `{}`", step.join(" / "));
    let about = About {
        step,
        account: string(NAME, args, 2)?,
        folder: None,
        login: Vec::new(),
        where_it_is: "replay",
        decision: None,
    };
    STOP.with(|slot| {
        if let Some(stop) = slot.borrow().as_ref() {
            stop.replayer.stop_at_prompt();
        }
    });
    tell(Event::Note { text: told.clone() });
    let (evaluate, apply) = (args[2].clone(), args[3].clone());
    talk(machine, evaluate, apply, |prompt| prompt.look_around(about))?;
    Err(Raise::End(Failure::new(Key::Replay, told)))
}

/// Talk at a prompt in the middle of the program, by TALK; `None` without a terminal that
/// serves.
fn talk<T>(
    machine: &mut Machine,
    evaluate: Value,
    apply: Value,
    talk: impl FnOnce(Prompt) -> T,
) -> Result<Option<T>, Raise> {
    let furnishing = FURNISHING
        .with(|slot| slot.borrow().clone())
        .unwrap_or_default();
    let within = Rc::new(RefCell::new(Within::new(machine, evaluate, apply)));
    let said = {
        // The terminal is that of stderr.
        let _led = Streams::lead(&[1], 2);
        let prompt = Prompt::new(within.clone(), &furnishing, super::failure::COMMANDS);
        prompt.ok().map(talk)
    };
    // What somebody has pressed here is over; a wish that the process ends stays.
    runtime::clear_interrupt();
    let way_out = within.borrow_mut().take_way_out();
    match way_out {
        Some(raise) => Err(raise),
        None => Ok(said),
    }
}

fn at_failure(machine: &mut Machine, args: &[Value]) -> Outcome {
    const NAME: &str = "%prompt-at-failure";
    let about = About {
        step: strings(NAME, args, 1)?,
        account: string(NAME, args, 2)?,
        folder: optional_string(NAME, args, 3)?.map(PathBuf::from),
        login: strings(NAME, args, 4)?,
        where_it_is: "failed",
        decision: None,
    };
    let limit = seconds(NAME, args, 5)?;
    let (evaluate, apply) = (args[5].clone(), args[6].clone());
    let decision = talk(machine, evaluate, apply, |prompt| {
        prompt.talk_about(about, limit)
    })?;
    // Without a terminal that serves it is as without one.
    let decision = decision.unwrap_or(Decision::Continue);
    let mut answer = vec![symbol_value(match &decision {
        Decision::Retry => "retry",
        Decision::Skip(_) => "skip",
        Decision::Continue => "continue",
        Decision::Late => "late",
    })];
    if let Decision::Skip(values) = decision {
        answer.extend(values);
    }
    Ok(list_value(answer))
}
