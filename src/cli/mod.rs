//! Assembles everything: arguments, settings, the interpreter, the prompt, verbs.
//!
//! Only this folder and `main.rs` print, read the environment or choose an
//! exit status. [`arguments`] reads the command line (a script's second line
//! first, by [`meta_switch`]), [`settings`] the settings; [`program`] runs a Scheme program, [`repl`] is the prompt, and
//! every other verb is one small file. [`parameters`] is what a harness asks of the command line. [`screen`] shows progress, and [`live`] says
//! how much of a guest's output; [`trouble`] shows errors, [`signals`] turns Ctrl-C
//! into an interrupt.

pub mod arguments;
mod bisect;
mod builder;
mod child;
mod doc;
mod doctor;
mod gc;
mod hash;
pub mod interpreter;
mod jobs;
pub mod live;
mod log;
mod lsp;
mod meta_switch;
mod new;
mod output;
mod packaging;
pub mod parameters;
pub mod primitives;
mod program;
mod recording;
mod repl;
mod replay;
mod resume;
mod rootfs;
mod runs;
mod runs_context;
pub mod screen;
mod secret;
pub mod settings;
mod signals;
mod simulate;
mod store;
mod test;
mod trouble;
mod trust;

use crate::failure::{Failure, Key};
use crate::guile::memory;
use crate::guile::vm::on_large_stack_beside;
use arguments::{CommandLine, Verb};
use settings::Environment;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// How long ending commands in a guest may hold up the end of the process.
const PARTING: std::time::Duration = std::time::Duration::from_secs(2);

/// Everything the process does, from its arguments to its exit status.
pub fn main() -> ExitCode {
    // SAFETY: this is the first thing that the process does.
    unsafe { crate::guile::vm::keep_steel_out_of_the_home() };
    packaging::answer_shell();
    let arguments = match meta_switch::expand(std::env::args_os().skip(1).collect()) {
        Ok(arguments) => arguments,
        Err(failure) => return ExitCode::from(trouble::show_error(&failure.into())),
    };
    let line = match arguments::parse(arguments) {
        Ok(line) => line,
        Err(error) => {
            // Help and version are answers, not errors; clap knows which.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let environment = Environment::of_process();
    if let Err(failure) = limit_memory(&line, &environment) {
        return ExitCode::from(trouble::show_error(&failure.into()));
    }
    let colours_wanted =
        environment.get("NO_COLOR").is_none() && environment.get("TERM") != Some("dumb");
    let live = match &line.verb {
        Some(Verb::Jobs(arguments)) => arguments.live().or(line.world.conduct.live),
        _ => line.world.conduct.live,
    };
    let screen = screen::Screen::new(colours_wanted, live);
    crate::progress::watch(std::sync::Arc::new(screen));
    // Steel's compiler recurses over the program and its values, so the
    // interpreter lives on a stack that deep data cannot exhaust. This thread has
    // nothing to do meanwhile but what every program needs a little later.
    let runs_a_program = matches!(line.verb, None | Some(Verb::Repl));
    let meanwhile = || {
        if runs_a_program {
            // What went wrong is remembered, and told to whoever asks next.
            let _ = signals::listen();
        }
    };
    let work = move || {
        let work = AssertUnwindSafe(|| dispatch(line, &environment));
        let status = match catch_unwind(work) {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => trouble::show_error(&error),
            // What unwound has left sessions and simulated hosts behind it tidy.
            Err(_) => trouble::show_error(&panicked().into()),
        };
        leave(status)
    };
    on_large_stack_beside(work, meanwhile)
}

/// End the process: from here, because nobody waits for this thread in a copy
/// that the program made of the process, and at once, because taking the
/// machine's tables and the allocator's pages apart first would cost every
/// program a tenth of its start-up.
fn leave(status: u8) -> ! {
    use std::io::Write;
    if !crate::ssh::is_settled() {
        // Commands that were given up in a guest are being ended there.
        let _ = crate::runtime::wait_to_clean_up("ending commands in the guest", PARTING, async {
            crate::ssh::settle(PARTING).await;
            Ok::<_, Failure>(())
        });
    }
    let _ = std::io::stdout().flush();
    // SAFETY: nothing is left to be done by a handler at exit: we have none.
    unsafe { libc::_exit(status.into()) }
}

/// A panic is a bug of ours, or of the machine's; where it was stands above.
fn panicked() -> Failure {
    Failure::internal("the work ended where the message above says")
}

/// Hold programs to `--memory-limit`, or else to `FRUIX_SCM_MEMORY_LIMIT`.
fn limit_memory(line: &CommandLine, environment: &Environment) -> Result<(), Failure> {
    const VARIABLE: &str = "FRUIX_SCM_MEMORY_LIMIT";
    let from_environment = environment.get(VARIABLE).map(|text| {
        memory::parse_size(text).ok_or_else(|| {
            Failure::new(
                Key::Usage,
                format!("cannot use {VARIABLE}: `{text}` is not a size"),
            )
            .hint("write bytes, or a number with K, M, G or T, such as 8G")
        })
    });
    if let Some(bytes) = line.program.memory_limit {
        memory::set_limit(bytes);
    } else if let Some(bytes) = from_environment.transpose()? {
        memory::set_limit(bytes);
    }
    Ok(())
}

fn dispatch(line: CommandLine, environment: &Environment) -> anyhow::Result<u8> {
    if line.world.show_settings {
        return Ok(doctor::show_settings(&line, environment)?);
    }
    if line.verb.is_some() {
        recording::refuse_without_program(&line)?;
    }
    Ok(match &line.verb {
        None => program::run(&line, environment)?,
        Some(Verb::Repl) => repl::run(&line, environment)?,
        Some(Verb::Simulate(arguments)) => simulate::run(arguments)?,
        Some(Verb::Hash(arguments)) => hash::run(arguments)?,
        Some(Verb::Rootfs(arguments)) => rootfs::run(arguments)?,
        Some(Verb::Builder(arguments)) => builder::run(arguments, &line, environment)?,
        Some(Verb::Store(arguments)) => store::run(arguments, &line, environment)?,
        Some(Verb::Runs(arguments)) => runs::run(arguments, &line, environment)?,
        Some(Verb::Bisect(arguments)) => bisect::run(arguments, &line, environment)?,
        Some(Verb::Jobs(arguments)) => jobs::run(arguments, &line, environment)?,
        Some(Verb::Log(arguments)) => log::run(arguments)?,
        Some(Verb::Replay(arguments)) => replay::run(arguments, &line, environment)?,
        Some(Verb::Lsp(arguments)) => lsp::run(arguments, &line, environment)?,
        Some(Verb::New(arguments)) => {
            new::run(arguments)?;
            0
        }
        Some(Verb::Test(arguments)) => test::run(arguments, &line)?,
        Some(Verb::Completions { shell }) => packaging::completions(*shell)?,
        Some(Verb::Man) => packaging::manual_page()?,
        Some(Verb::Doctor {
            trust: Some(host), ..
        }) => trust::run(host, &line, environment)?,
        Some(Verb::Doctor { trust: None, json }) => doctor::run(*json, &line, environment)?,
        Some(Verb::Doc { name }) => doc::documentation(name, &line, environment)?,
    })
}
