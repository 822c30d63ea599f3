//! The module `(fruix native prompt)`: a program in its middle asks for the prompt.

use super::super::settings::Environment;
use super::evaluator::Within;
use super::failure::{About, Decision};
use super::streams::Streams;
use super::{Furnishing, Prompt};
use crate::guile::natives::{Machine, Outcome};
use crate::guile::value::{
    Value, list_value, optional_string, seconds, string, strings, symbol_value,
};
use crate::natives;
use crate::runtime;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

thread_local! {
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
    "%prompt-at-failure" (7) with machine => at_failure,
}

fn at_failure(machine: &mut Machine, args: &[Value]) -> Outcome {
    const NAME: &str = "%prompt-at-failure";
    let about = About {
        step: strings(NAME, args, 1)?,
        account: string(NAME, args, 2)?,
        folder: optional_string(NAME, args, 3)?.map(PathBuf::from),
        login: strings(NAME, args, 4)?,
        decision: None,
    };
    let limit = seconds(NAME, args, 5)?;
    let furnishing = FURNISHING
        .with(|slot| slot.borrow().clone())
        .unwrap_or_default();
    let within = Rc::new(RefCell::new(Within::new(
        machine,
        args[5].clone(),
        args[6].clone(),
    )));
    let decision = {
        // The terminal is that of stderr.
        let _led = Streams::lead(&[1], 2);
        match Prompt::new(within.clone(), &furnishing, super::failure::COMMANDS) {
            Ok(prompt) => prompt.talk_about(about, limit),
            // Without a terminal that serves, as without one.
            Err(_) => Decision::Continue,
        }
    };
    // What somebody has pressed here is over; a wish that the process ends stays.
    runtime::clear_interrupt();
    if let Some(raise) = within.borrow_mut().take_way_out() {
        return Err(raise);
    }
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
