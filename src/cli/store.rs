//! `store LAYOUT` and `store WORD …`: what a store and its systems say.
//!
//! The words themselves are Scheme's, `(fruix store words)`; the prompt has the
//! same ones.

use super::arguments::CommandLine;
use super::interpreter::{self, World};
use super::output::print_line;
use super::settings::Environment;
use super::trouble;
use crate::failure::Failure;
use crate::guile::interpreter::{Interpreter, Stop};
use crate::guile::value::{Value, list_value, string_value, symbol_value};
use crate::visible::escape;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// What is asked, and of which store.
#[derive(Args, Clone, Debug)]
#[command(subcommand_negates_reqs = true, subcommand_value_name = "WORD")]
pub struct Arguments {
    /// A store-layout.scm, the metadata folder it is in, or a closure
    #[arg(required = true)]
    layout: Option<PathBuf>,
    /// Print JSON instead
    #[arg(long, global = true)]
    json: bool,
    /// The directory that stands for `/`
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Ask the guest of the settings, over SSH
    #[arg(long, global = true, conflicts_with = "root")]
    guest: bool,
    #[command(subcommand)]
    word: Option<Word>,
}

/// What a store can be asked.
#[derive(Clone, Debug, Subcommand)]
pub enum Word {
    /// All items
    Items,
    /// The parts of a store path
    Path { path: String },
    /// What ITEM refers to
    Refs(Item),
    /// What refers to ITEM
    Referrers(Item),
    /// ITEM and everything it leads to
    Closure(Item),
    /// The bytes of everything that ITEM leads to, the heaviest first
    Du(Item),
    /// A shortest chain of references from ITEM to OTHER
    WhyDepends { item: String, other: String },
    /// What goes, comes and changes between two closures
    Diff {
        /// The closure before; the current one when only one is given
        #[arg(value_name = "BEFORE")]
        one: String,
        #[arg(value_name = "AFTER")]
        other: Option<String>,
    },
    /// Which source a closure declares, and where it is
    Source(Item),
    /// The generations that a system keeps
    Generations,
    /// What keeps items alive
    Roots,
    /// Items that no root leads to
    Dead,
    /// Results of native builds
    Builds,
    /// The digest of every item, for `verify`
    Record,
    /// Check items against recorded digests, and that what they refer to is there
    Verify {
        /// What `store record` printed
        recorded: Option<String>,
    },
}

/// An item that may be left out.
#[derive(Args, Clone, Debug)]
pub struct Item {
    item: Option<String>,
}

impl Word {
    /// The word as Scheme knows it, and what follows it.
    fn spelt(&self) -> (&'static str, Vec<String>) {
        let optional = |item: &Item| item.item.iter().cloned().collect();
        match self {
            Word::Items => ("items", Vec::new()),
            Word::Path { path } => ("path", vec![path.clone()]),
            Word::Refs(item) => ("refs", optional(item)),
            Word::Referrers(item) => ("referrers", optional(item)),
            Word::Closure(item) => ("closure", optional(item)),
            Word::Du(item) => ("du", optional(item)),
            Word::WhyDepends { item, other } => ("why-depends", vec![item.clone(), other.clone()]),
            Word::Diff { one, other } => {
                let arguments = std::iter::once(one).chain(other).cloned();
                ("diff", arguments.collect())
            }
            Word::Source(item) => ("source", optional(item)),
            Word::Generations => ("generations", Vec::new()),
            Word::Roots => ("roots", Vec::new()),
            Word::Dead => ("dead", Vec::new()),
            Word::Builds => ("builds", Vec::new()),
            Word::Record => ("record", Vec::new()),
            Word::Verify { recorded } => ("verify", recorded.iter().cloned().collect()),
        }
    }
}

/// Do what ARGUMENTS say; an item that is not as recorded is a check that failed.
pub fn run(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    let mut interpreter = interpreter::make(line, environment, vec!["fruix-scm".to_owned()])?;
    let world = World::prepare(line, environment)?;
    let answered = match &arguments.word {
        Some(word) => ask(word, arguments, &mut interpreter),
        None => layout(arguments, &mut interpreter),
    };
    let status = match answered {
        Ok((text, status)) => {
            for line in text.lines() {
                print_line(escape(line))?;
            }
            status
        }
        Err(stop) => trouble::show_stop_of_verb(&stop),
    };
    drop(interpreter);
    world.end();
    Ok(status)
}

/// How many of the things that were not understood are told.
const TOLD: usize = 20;

/// What the layout says, as text, and the status. What could not be understood
/// goes to stderr.
fn layout(arguments: &Arguments, interpreter: &mut Interpreter) -> Result<(String, u8), Stop> {
    let module = &["fruix", "store"];
    let file = arguments.layout.clone().unwrap_or_default();
    let mut asked = vec![string_value(file.to_string_lossy())];
    if let Some(root) = &arguments.root {
        asked.push(symbol_value("#:root"));
        asked.push(string_value(root.to_string_lossy()));
    }
    let layout = interpreter.call(module, "load-store-layout", asked)?;
    let troubles = interpreter.call(module, "store-layout->warnings", vec![layout.clone()])?;
    trouble::warn(&joined(interpreter, troubles)?, TOLD);
    let text = if arguments.json {
        let text = interpreter.call(module, "store-layout->json", vec![layout])?;
        interpreter.displayed(&text)
    } else {
        let lines = interpreter.call(module, "store-layout->lines", vec![layout])?;
        joined(interpreter, lines)?
    };
    Ok((text, 0))
}

/// What the store answers to WORD, as text, and the status.
fn ask(
    word: &Word,
    arguments: &Arguments,
    interpreter: &mut Interpreter,
) -> Result<(String, u8), Stop> {
    let system = if arguments.guest {
        let connect = "connect-to-guest-of-settings";
        let guest = interpreter.call(&["fruix", "guest", "settings"], connect, Vec::new())?;
        interpreter.call(&["fruix", "store", "guest"], "guest-system", vec![guest])?
    } else {
        let root = arguments.root.as_deref().unwrap_or(Path::new("/"));
        let root = string_value(root.to_string_lossy());
        interpreter.call(&["fruix", "store", "system"], "local-system", vec![root])?
    };
    let (name, texts) = word.spelt();
    let texts = list_value(texts.into_iter().map(string_value).collect());
    let module = &["fruix", "store", "words"];
    let answer = interpreter.call(
        module,
        "store-answer",
        vec![system, symbol_value(name), texts],
    )?;
    let failed = interpreter.call(module, "answer-failed?", vec![answer.clone()])?;
    let text = if arguments.json {
        let text = interpreter.call(module, "answer->json", vec![answer])?;
        interpreter.displayed(&text)
    } else {
        let lines = interpreter.call(module, "answer->lines", vec![answer])?;
        joined(interpreter, lines)?
    };
    Ok((text, u8::from(matches!(failed, Value::BoolV(true)))))
}

fn joined(interpreter: &mut Interpreter, lines: Value) -> Result<String, Stop> {
    let arguments = vec![lines, string_value("\n")];
    let text = interpreter.call(&["guile"], "string-join", arguments)?;
    Ok(interpreter.displayed(&text))
}
