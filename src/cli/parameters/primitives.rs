//! The module `(fruix native program)`: the program that runs, as the command line
//! has it, for harnesses.

use super::{Given, Program, Raw, nearest, own_options};
use crate::cli::interpreter::runs_directory;
use crate::cli::runs;
use crate::cli::settings::{Settings, resolve, variable_name};
use crate::embedded;
use crate::guile::natives::Outcome;
use crate::guile::value::{
    Value, alist_value, list_value, pair_value, string, string_value, strings, symbol_value,
};
use crate::natives;
use crate::run::folder;
use crate::run::steps::History;
use crate::run::verdict::Verdict;
use crate::secrets;
use lexpr::Value as Datum;
use std::cell::RefCell;
use std::path::Path;

thread_local! {
    static PROGRAM: RefCell<Program> = RefCell::new(Program::default());
}

/// From now on PROGRAM is the one that runs on this thread.
pub fn install(program: Program) {
    PROGRAM.with(|slot| *slot.borrow_mut() = program);
}

/// Whether the program may be a harness, and has arguments that look like options.
pub fn has_options_of_a_harness() -> bool {
    with(|program| {
        // Reading a program costs more than looking for a word.
        let named = |text: &String| text.contains("harness");
        program.has_options() && program.text.as_ref().is_some_and(named)
    })
}

natives! {
    /// (%program-file) -> string or #f
    ///
    /// The program as the command line names it; #f at a prompt.
    "%program-file" (0) => file,
    /// (%program-source) -> string or #f
    ///
    /// The name that the text of the program has, as `syntax-source` gives it.
    "%program-source" (0) => name_of_text,
    /// (%program-texts) -> association list of strings
    ///
    /// The files of the program, the last one of which is the program itself, and
    /// what is in them; empty when that cannot be read twice.
    "%program-texts" (0) => texts,
    /// (%program-arguments) -> list of strings
    ///
    /// What follows the program; empty at a prompt.
    "%program-arguments" (0) => arguments,
    /// (%program-simulated?) -> boolean
    "%program-simulated?" (0) with outside => is_simulated,
    /// (%carried-text path) -> string or #f
    ///
    /// The text of the Scheme file PATH, such as "fruix/wait.scm", in the binary.
    "%carried-text" (1) => carried_text,
    /// (%options-of-fruix-scm) -> association list from strings to booleans
    ///
    /// The options that stand before FILE, such as "--simulate", and whether the next
    /// argument is the value of each.
    "%options-of-fruix-scm" (0) => options,
    /// (%nearest-word word known) -> string or #f
    ///
    /// The one of KNOWN, a list of strings, that WORD was meant to be.
    "%nearest-word" (2) => nearest_word,
    /// (%parameter-variable name) -> string
    ///
    /// The variable that sets the parameter NAME.
    "%parameter-variable" (1) => variable,
    /// (%parameter-sources name) -> list of (origin base kind . value)
    ///
    /// What settings files, environment and `--set` give the parameter NAME, the
    /// one that counts last. KIND is `text` or `datum`, BASE the directory of
    /// relative names. Throw 'settings-error when a settings file cannot be read.
    "%parameter-sources" (1) with outside => sources,
    /// (%setting-follows! name text origin)
    ///
    /// The program has the parameter NAME with the value TEXT from ORIGIN. So has whoever
    /// asks for a setting of that name, if there is one.
    "%setting-follows!" (3) with outside => setting_follows,
    /// (%resolve-file name base) -> string
    ///
    /// The file NAME relative to the directory BASE; `~/` is the home.
    "%resolve-file" (2) with outside => resolve_file,
    /// (%machine-of-settings) -> association list from symbols to strings
    ///
    /// What the settings say of the machine that a run would have. Throw
    /// 'settings-error when they cannot be read.
    "%machine-of-settings" (0) with outside => machine,
    /// (%metadata-file) -> string or #f
    ///
    /// Where the record of a run would go.
    "%metadata-file" (0) with outside => metadata_file,
    /// (%run-called id) -> association list from symbols to values
    ///
    /// Of the run whose identifier is or begins with ID: `id`, `folder`, `harness`,
    /// `verdict`, and `steps`, a list of lists of strings. Throw 'usage-error when
    /// there is none, or several.
    "%run-called" (1) with outside => run_called,
    /// (%newest-run harness) -> string or #f
    ///
    /// The identifier of the newest run of HARNESS that is kept, was whole, and is over.
    "%newest-run" (1) with outside => newest_run,
}

fn with<T>(look: impl FnOnce(&Program) -> T) -> T {
    PROGRAM.with(|slot| look(&slot.borrow()))
}

fn text_or_false(text: Option<String>) -> Value {
    text.map_or(Value::BoolV(false), string_value)
}

fn texts_value(texts: Vec<String>) -> Value {
    list_value(texts.into_iter().map(string_value).collect())
}

fn file(_: &[Value]) -> Outcome {
    Ok(text_or_false(with(|program| program.file.clone())))
}

fn name_of_text(_: &[Value]) -> Outcome {
    Ok(text_or_false(with(|program| program.source.clone())))
}

fn texts(_: &[Value]) -> Outcome {
    with(|program| {
        let Some((file, text)) = program.file.clone().zip(program.text.clone()) else {
            return Ok(list_value(Vec::new()));
        };
        let entry = |file: String, text: String| pair_value(string_value(file), string_value(text));
        let mut texts: Vec<Value> = program
            .loads
            .iter()
            .filter_map(|path| {
                let text = std::fs::read_to_string(path).ok()?;
                Some(entry(path.to_string_lossy().into_owned(), text))
            })
            .collect();
        texts.push(entry(file, text));
        Ok(list_value(texts))
    })
}

fn arguments(_: &[Value]) -> Outcome {
    Ok(texts_value(with(|program| program.arguments.clone())))
}

fn is_simulated(_: &[Value]) -> Outcome {
    Ok(Value::BoolV(with(|program| program.simulated)))
}

fn carried_text(args: &[Value]) -> Outcome {
    let path = string("%carried-text", args, 1)?;
    let checkout = with(|program| {
        program
            .environment
            .get("FRUIX_SCM_SCHEME")
            .map(str::to_owned)
    });
    Ok(text_or_false(match checkout {
        Some(directory) => std::fs::read_to_string(Path::new(&directory).join(path)).ok(),
        None => embedded::scheme(&path).map(str::to_owned),
    }))
}

fn options(_: &[Value]) -> Outcome {
    let options = own_options()
        .into_iter()
        .map(|(option, valued)| pair_value(string_value(option), Value::BoolV(valued)));
    Ok(list_value(options.collect()))
}

fn nearest_word(args: &[Value]) -> Outcome {
    let word = string("%nearest-word", args, 1)?;
    let known = strings("%nearest-word", args, 2)?;
    Ok(text_or_false(nearest(&word, &known).cloned()))
}

fn variable(args: &[Value]) -> Outcome {
    let name = string("%parameter-variable", args, 1)?;
    Ok(string_value(variable_name(&name)))
}

fn sources(args: &[Value]) -> Outcome {
    let name = string("%parameter-sources", args, 1)?;
    let given = with(|program| program.given(&name))?;
    if secrets::is_name_of_one(&name) {
        for given in &given {
            match &given.value {
                Raw::Text(text) => secrets::keep("parameter", text),
                Raw::Datum(datum) => secrets::keep("parameter", datum.as_str().unwrap_or_default()),
            }
        }
    }
    Ok(list_value(given.into_iter().map(source).collect()))
}

fn source(given: Given) -> Value {
    let (kind, value) = match &given.value {
        Raw::Text(text) => ("text", string_value(text.clone())),
        Raw::Datum(datum) => ("datum", datum_value(datum)),
    };
    let base = given.base.to_string_lossy().into_owned();
    pair_value(
        string_value(given.origin),
        pair_value(string_value(base), pair_value(symbol_value(kind), value)),
    )
}

/// DATUM, of a settings file, as Scheme has it.
fn datum_value(datum: &Datum) -> Value {
    match datum {
        Datum::Nil | Datum::Null => list_value(Vec::new()),
        Datum::Bool(truth) => Value::BoolV(*truth),
        Datum::Char(letter) => Value::CharV(*letter),
        Datum::String(text) => string_value(text.to_string()),
        Datum::Symbol(name) => symbol_value(name),
        Datum::Number(_) => match (datum.as_i64(), datum.as_f64()) {
            (Some(number), _) => isize::try_from(number).map_or(Value::Void, Value::IntV),
            (None, Some(number)) => Value::NumV(number),
            (None, None) => symbol_value(&datum.to_string()),
        },
        Datum::Cons(cell) => {
            let (items, tail) = cell.to_ref_vec();
            items
                .into_iter()
                .rev()
                .fold(datum_value(tail), |tail, item| {
                    pair_value(datum_value(item), tail)
                })
        }
        other => symbol_value(&other.to_string()),
    }
}

fn setting_follows(args: &[Value]) -> Outcome {
    const NAME: &str = "%setting-follows!";
    let name = string(NAME, args, 1)?;
    let (text, origin) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let environment = with(|program| program.environment.clone());
    crate::cli::primitives::update(|settings| {
        settings.follow_parameter(&environment, &name, &text, &origin);
    });
    Ok(Value::Void)
}

fn resolve_file(args: &[Value]) -> Outcome {
    let name = string("%resolve-file", args, 1)?;
    let base = string("%resolve-file", args, 2)?;
    let path = with(|program| resolve(&name, &program.environment, Path::new(&base)));
    Ok(string_value(path))
}

fn machine(_: &[Value]) -> Outcome {
    let settings = with(|program| {
        Settings::read(
            &program.environment,
            program.config.as_deref(),
            &program.options,
        )
    })?;
    let entries = ["host", "vm", "vdi", "image"]
        .into_iter()
        .filter_map(|name| {
            let (setting, _) = settings.get(name)?;
            Some((name, string_value(setting.to_string())))
        });
    Ok(alist_value(entries.collect()))
}

fn metadata_file(_: &[Value]) -> Outcome {
    Ok(text_or_false(with(|program| {
        program.environment.get("METADATA_OUT").map(str::to_owned)
    })))
}

fn run_called(args: &[Value]) -> Outcome {
    let id = string("%run-called", args, 1)?;
    let folder = with(|program| runs::find(Some(&id), &program.environment))?;
    let summary = folder::summary(&folder);
    let history = History::of(summary.reading.entries());
    let steps = history.paths().cloned().map(texts_value).collect();
    Ok(alist_value(vec![
        ("id", string_value(summary.id)),
        (
            "folder",
            string_value(folder.to_string_lossy().into_owned()),
        ),
        ("harness", string_value(summary.harness)),
        ("verdict", string_value(summary.verdict.as_str())),
        ("steps", list_value(steps)),
    ]))
}

fn newest_run(args: &[Value]) -> Outcome {
    let harness = string("%newest-run", args, 1)?;
    let directory = with(|program| runs_directory(&program.environment));
    let newest = directory
        .map(|directory| folder::list(&directory))
        .transpose()?
        .unwrap_or_default()
        .into_iter()
        .rev()
        .map(|folder| folder::summary(&folder))
        .find(|summary| {
            summary.harness == harness
                && !matches!(
                    summary.verdict,
                    Verdict::Partial | Verdict::Running | Verdict::Damaged
                )
        })
        .map(|summary| summary.id);
    Ok(text_or_false(newest))
}
