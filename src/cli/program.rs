//! Runs a Scheme program: a file, a built-in harness, or an expression.
//!
//! Source: the Guile manual, "Command-line Options", for what comes before what.

use super::arguments::{CommandLine, Program};
use super::interpreter::{self, World, status_of};
use super::recording::{self, Recording};
use super::runs::reports::Reports;
use super::settings::Environment;
use super::{parameters, repl, runs_context, trouble};
use crate::embedded;
use crate::failure::{Failure, Key};
use crate::guile::interpreter::{Interpreter, Stop};
use crate::guile::outside;
use crate::guile::reader::Reader;
use crate::guile::value::Value;
use crate::guile::{Stx, SyntaxBuilder};
use crate::run::sha256;
use std::path::{Path, PathBuf};

/// Do what LINE says, in Guile's order: load path, `-l` files, the program,
/// then the `-e` function.
pub fn run(line: &CommandLine, environment: &Environment) -> Result<u8, Failure> {
    let program = &line.program;
    if program.script.is_none() && program.expression.is_none() {
        line.world.conduct.reports.refuse_without_program()?;
        recording::refuse_without_program(line)?;
        return repl::run(line, environment);
    }
    // A script that cannot be found should not cost the start of a simulation.
    let script = program.script.as_deref().map(find).transpose()?;
    let recording = Recording::begin(line, environment, script.as_ref())?;
    let status = run_in_world(line, environment, script)?;
    if let Some(recording) = recording {
        recording.end(status);
    }
    Ok(status)
}

fn run_in_world(
    line: &CommandLine,
    environment: &Environment,
    script: Option<Script>,
) -> Result<u8, Failure> {
    let mut interpreter = made(line, environment, script.as_ref())?;
    if let Some(status) = answered(&mut interpreter) {
        interpreter.finish();
        return Ok(status);
    }
    let reports = Reports::begin(&line.world.conduct.reports, environment)?;
    let world = World::prepare(line, environment)?;
    let status = status_of(execute(line, script, &mut interpreter));
    // The interpreter holds sessions and connections; they end before the host.
    interpreter.finish();
    world.end();
    Ok(match reports {
        Some(reports) => reports.end(status),
        None => status,
    })
}

/// Do what LINE says with the program SCRIPT where no world is; PREPARE is called before
/// anything of the program is run.
pub fn run_without_world(
    line: &CommandLine,
    environment: &Environment,
    script: Option<Script>,
    prepare: impl FnOnce(),
) -> Result<u8, Failure> {
    let mut interpreter = made(line, environment, script.as_ref())?;
    prepare();
    let status = match answered(&mut interpreter) {
        Some(status) => status,
        None => status_of(execute(line, script, &mut interpreter)),
    };
    interpreter.finish();
    Ok(status)
}

/// An interpreter for SCRIPT, which runs and harnesses know of.
fn made(
    line: &CommandLine,
    environment: &Environment,
    script: Option<&Script>,
) -> Result<Interpreter, Failure> {
    let program = &line.program;
    let mut arguments = vec![match (&program.script, &program.expression) {
        (Some(file), _) => file.to_string_lossy().into_owned(),
        _ => "fruix-scm".to_owned(),
    }];
    arguments.extend(program.arguments.iter().cloned());
    let interpreter = interpreter::make(line, environment, arguments)?;
    tell_of_program(line, environment, script);
    Ok(interpreter)
}

/// Let runs and harnesses know which program they are of.
fn tell_of_program(line: &CommandLine, environment: &Environment, script: Option<&Script>) {
    let program = &line.program;
    let written = program
        .script
        .as_ref()
        .map(|file| file.to_string_lossy().into_owned());
    let (name, built_in, text) = match (script, &program.expression) {
        (Some(Script::File(path)), _) if *path == Path::new(STANDARD_INPUT) => {
            // It is read once only.
            let program = parameters::Program::of(line, environment, written, None);
            parameters::primitives::install(program);
            return;
        }
        (Some(Script::File(path)), _) => {
            // What cannot be read is told when it is loaded; a pipe is read once only.
            let text = Some(path)
                .filter(|path| outside::has_program(path))
                .and_then(|path| text_of(path).ok())
                .unwrap_or_default();
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            (path.to_string_lossy().into_owned(), false, text)
        }
        (Some(Script::BuiltIn(name, text)), _) => (name.clone(), true, text.as_bytes().to_owned()),
        (None, Some(expression)) => ("-c".to_owned(), false, expression.clone().into_bytes()),
        (None, None) => return,
    };
    crate::run::primitives::update(|context| {
        runs_context::of_program(context, &name, built_in, &text);
    });
    let source = match script {
        Some(Script::File(path)) => path.to_string_lossy().into_owned(),
        _ => name.clone(),
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let program = parameters::Program::of(line, environment, written.or(Some(name)), Some(text));
    parameters::primitives::install(parameters::Program {
        source: Some(source),
        ..program
    });
}

/// The status with which the process ends already, when the options of a harness ask
/// for no run, or are refused: before settings are read, a world is made, or anything of
/// the program is run. Programs that are no harness keep their arguments to themselves.
fn answered(interpreter: &mut Interpreter) -> Option<u8> {
    if !parameters::primitives::has_options_of_a_harness() {
        return None;
    }
    let module = ["fruix", "harness", "options"];
    match interpreter.call(&module, "consider-program", Vec::new()) {
        Ok(Value::BoolV(false)) => Some(0),
        Ok(_) => None,
        Err(stop) => Some(trouble::show_stop_of_verb(&stop)),
    }
}

/// The text of the program at PATH.
fn text_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let text = outside::program(path, || {
        let bytes = std::fs::read(path)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    text.map(String::into_bytes)
}

fn execute(
    line: &CommandLine,
    script: Option<Script>,
    interpreter: &mut Interpreter,
) -> Result<(), Stop> {
    let program = &line.program;
    prepare(program, interpreter)?;
    let before = program.loads_before.unwrap_or(program.load.len());
    let (before, behind) = program.load.split_at(before.min(program.load.len()));
    for file in before {
        interpreter.load_file(file)?;
    }
    if let Some(expression) = &program.expression {
        interpreter.eval_text("-c", expression)?;
    }
    match script {
        Some(Script::File(path)) => interpreter.load_file(&path)?,
        Some(Script::BuiltIn(name, text)) => interpreter.load_text(&name, text)?,
        None => {}
    }
    for file in behind {
        interpreter.load_file(file)?;
    }
    if let Some(entry) = &program.entry {
        interpreter.eval_text("-e", &application(entry))?;
    }
    Ok(())
}

/// Do what the options say that come before everything else.
pub fn prepare(program: &Program, interpreter: &mut Interpreter) -> Result<(), Stop> {
    if program.r6rs {
        interpreter.eval_text("--r6rs", "(install-r6rs!)")?;
    }
    if program.r7rs {
        interpreter.eval_text("--r7rs", "(install-r7rs!)")?;
    }
    for extension in program.extensions.iter().rev() {
        let text = format!("(set! %load-extensions (cons {extension:?} %load-extensions))");
        interpreter.eval_text("-x", &text)?;
    }
    for number in &program.use_srfi {
        interpreter.eval_text("--use-srfi", &format!("(use-modules (srfi srfi-{number}))"))?;
    }
    Ok(())
}

/// `-e FUNCTION` as an expression: a module, whose `main` is meant, a module and a
/// name, or else an expression for the procedure.
fn application(entry: &str) -> String {
    let is_module = |datum: &Stx| {
        let mut words = datum.as_list().unwrap_or_default().iter().map(Stx::as_id);
        words.len() > 0
            && words.all(|word| word.is_some())
            && !matches!(datum.as_list(), Some([head, ..]) if is_reference(head))
    };
    match &data(entry)[..] {
        [module] if is_module(module) => format!("((@ {entry} main) (command-line))"),
        [_, _] => format!("((@ {entry}) (command-line))"),
        _ => format!("({entry} (command-line))"),
    }
}

/// Whether HEAD is the `@` or `@@` of a reference into a module.
fn is_reference(head: &Stx) -> bool {
    head.as_id()
        .is_some_and(|id| matches!(&*id.name(), "@" | "@@"))
}

/// The data in TEXT; none when it cannot be read, which its evaluation will report.
fn data(text: &str) -> Vec<Stx> {
    let mut reader = Reader::new(text, 0);
    let mut data = Vec::new();
    loop {
        match reader.read(&mut SyntaxBuilder::default()) {
            Ok(Some(datum)) => data.push(datum),
            Ok(None) => return data,
            Err(_) => return Vec::new(),
        }
    }
}

/// What `-` means as a file.
const STANDARD_INPUT: &str = "/dev/stdin";

/// The harness called FILE, as another process finds it, and the SHA-256 of its text.
pub fn named(file: &Path) -> Result<(String, String), Failure> {
    match find(file)? {
        Script::BuiltIn(name, text) => {
            let name = name.rsplit('/').next().unwrap_or_default().to_owned();
            Ok((name, sha256(text.as_bytes())))
        }
        Script::File(path) => {
            let refused = |why: String| {
                Failure::new(
                    Key::Usage,
                    format!("cannot run `{}` more than once: {why}", path.display()),
                )
            };
            if !path.is_file() {
                return Err(refused("it is no file".to_owned()));
            }
            let text = std::fs::read(&path).map_err(|error| refused(error.to_string()))?;
            let path = std::path::absolute(&path).unwrap_or(path);
            Ok((path.to_string_lossy().into_owned(), sha256(&text)))
        }
    }
}

/// A program that was found.
#[derive(Clone, Debug)]
pub enum Script {
    /// In a file.
    File(PathBuf),
    /// Carried, by its name and its text.
    BuiltIn(String, &'static str),
}

/// The program called FILE: a path, or else the name of a built-in harness.
pub fn find(file: &Path) -> Result<Script, Failure> {
    if file == Path::new("-") {
        return Ok(Script::File(PathBuf::from(STANDARD_INPUT)));
    }
    if file.exists() {
        return Ok(Script::File(file.to_owned()));
    }
    let name = file.to_string_lossy();
    let built_in = format!("harness/{}.scm", name.strip_suffix(".scm").unwrap_or(&name));
    if let Some(text) = embedded::scheme(&built_in) {
        return Ok(Script::BuiltIn(format!("scheme/{built_in}"), text));
    }
    let harnesses: Vec<&str> = embedded::SCHEME
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("harness/"))
        .collect();
    Err(Failure::new(
        Key::Usage,
        format!("cannot run `{name}`: there is no such file, and no built-in harness of that name"),
    )
    .detail("file", name.as_ref())
    .hint(format!("built-in harnesses: {}", harnesses.join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_an_expression_or_a_module_with_main_or_another_name() {
        assert_eq!(application("main"), "(main (command-line))");
        assert_eq!(application("(@ (a b) go)"), "((@ (a b) go) (command-line))");
        assert_eq!(application("(a b)"), "((@ (a b) main) (command-line))");
        assert_eq!(application("(a b) go"), "((@ (a b) go) (command-line))");
        assert_eq!(
            application("(lambda (x) 1)"),
            "((lambda (x) 1) (command-line))"
        );
    }

    #[test]
    fn a_script_that_is_nowhere_is_wrong_usage_and_lists_the_harnesses() {
        let failure = find(Path::new("nowhere.scm")).err().unwrap();
        assert_eq!(failure.key().exit_status(), 2);
        assert!(failure.hint_text().unwrap().contains("phase20.scm"));
    }
}
