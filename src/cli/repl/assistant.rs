//! What rustyline asks while a line is edited: is it whole, what could follow,
//! which colours, which hint.

use super::commands::{COMMANDS, Command};
use super::evaluator::Evaluator;
use super::pieces::is_whole;
use super::tokens::{self, Kind, Place};
use crate::embedded;
use crate::guile::value::{Value, strings, symbol_value};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter, HistoryHinter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Cmd, ConditionalEventHandler, Context, Event, EventContext, Helper, RepeatCount};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use walkdir::WalkDir;

pub struct Assistant<'a> {
    interpreter: Rc<RefCell<dyn Evaluator + 'a>>,
    /// Commands beside the ones of every prompt.
    commands: &'static [Command],
    load_path: Vec<PathBuf>,
    /// Every module's name that is known, as words; found when first asked for.
    modules: RefCell<Option<BTreeSet<Vec<String>>>>,
    /// Keys of what was shown last.
    keys: Vec<String>,
    colours: bool,
    /// Whether hints can be told from what was typed.
    hints: bool,
    keys_pressed: LastKey,
}

/// When a key was pressed last.
#[derive(Clone)]
pub struct LastKey(Arc<Mutex<Instant>>);

/// Keys that follow each other as fast as this come from no hand: they are pasted, or were
/// typed ahead.
const FASTER_THAN_A_HAND: Duration = Duration::from_millis(2);

impl LastKey {
    fn is_now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn was_a_moment_ago(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed() < FASTER_THAN_A_HAND
    }
}

impl<'a> Assistant<'a> {
    pub fn new(
        interpreter: Rc<RefCell<dyn Evaluator + 'a>>,
        commands: &'static [Command],
        load_path: Vec<PathBuf>,
        colours: bool,
        hints: bool,
    ) -> Assistant<'a> {
        Assistant {
            interpreter,
            commands,
            load_path,
            modules: RefCell::new(None),
            keys: Vec::new(),
            colours,
            hints,
            keys_pressed: LastKey(Arc::new(Mutex::new(Instant::now()))),
        }
    }

    /// What Enter does while this helps.
    pub fn indent(&self) -> Indent {
        Indent(self.keys_pressed.clone())
    }

    /// Complete KEYS from now on.
    pub fn learn(&mut self, keys: &[String]) {
        if !keys.is_empty() {
            self.keys = keys.to_vec();
        }
    }

    /// What PROCEDURE of MODULE returns, a list of strings; none when it fails.
    fn asked(&self, module: &[&str], procedure: &str, arguments: Vec<Value>) -> Vec<String> {
        let mut interpreter = self.interpreter.borrow_mut();
        interpreter
            .call(module, procedure, arguments)
            .ok()
            .and_then(|value| strings(procedure, &[value], 1).ok())
            .unwrap_or_default()
    }

    /// How the procedure NAME is called, as it was written.
    fn formals(&self, name: &str) -> Option<String> {
        self.asked(
            &["fruix", "prompt", "names"],
            "prompt-formals",
            vec![symbol_value(name)],
        )
        .pop()
    }

    /// The items of the store that is asked.
    fn items(&self) -> Vec<String> {
        self.asked(&["fruix", "prompt"], "prompt-items", Vec::new())
    }

    fn next_words(&self, before: &[&str]) -> Vec<String> {
        let mut modules = self.modules.borrow_mut();
        let modules = modules.get_or_insert_with(|| self.find_modules());
        let next = modules.iter().filter_map(|name| {
            let (start, rest) = name.split_at_checked(before.len())?;
            (start == before).then(|| rest.first().cloned()).flatten()
        });
        next.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The modules in the binary, and those in files of the load path.
    fn find_modules(&self) -> BTreeSet<Vec<String>> {
        let words = |path: &str| -> Option<Vec<String>> {
            let path = path.strip_suffix(".scm")?;
            Some(path.split('/').map(str::to_owned).collect())
        };
        let language = guile::modules().iter().map(|(path, _)| *path);
        let ours = embedded::SCHEME.iter().map(|(path, _)| *path);
        let embedded = language.chain(ours).filter_map(|path| {
            let path = path.strip_prefix("guile/").unwrap_or(path);
            (!path.starts_with("boot/")).then(|| words(path)).flatten()
        });
        let mut modules: BTreeSet<Vec<String>> = embedded.collect();
        for directory in &self.load_path {
            // A load path that is a whole home must not stop the prompt.
            let files = WalkDir::new(directory)
                .max_depth(6)
                .into_iter()
                .take(20_000);
            modules.extend(
                files.flatten().filter_map(|entry| {
                    words(entry.path().strip_prefix(directory).ok()?.to_str()?)
                }),
            );
        }
        modules
    }

    fn keywords(&self, procedure: Option<&str>) -> Vec<String> {
        match procedure.and_then(|name| self.formals(name)) {
            Some(formals) => {
                let behind = formals.split_once("#:key").map_or("", |(_, behind)| behind);
                parameters(behind)
                    .into_iter()
                    .map(|name| format!("#:{name}"))
                    .collect()
            }
            None => [
                "#:use-module",
                "#:export",
                "#:select",
                "#:prefix",
                "#:root",
                "#:store",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    fn words(&self, place: &Place<'_>) -> Vec<String> {
        let starting = |words: Vec<String>, start: &str| {
            words
                .into_iter()
                .filter(|word| word.starts_with(start))
                .collect()
        };
        match place {
            Place::Command(start) => {
                let commands = self.commands.iter().chain(COMMANDS);
                let names = commands.flat_map(|command| command.names);
                starting(names.map(|name| (*name).to_owned()).collect(), start)
            }
            Place::Argument("store", start) => {
                let files = FilenameCompleter::new().complete_path(start, start.len());
                files.map_or_else(
                    |_| Vec::new(),
                    |(at, found)| {
                        found
                            .into_iter()
                            .map(|pair| format!("{}{}", &start[..at], pair.replacement))
                            .collect()
                    },
                )
            }
            Place::Argument("describe" | "d" | "apropos" | "a", start) => {
                self.interpreter.borrow().completions(start)
            }
            Place::Argument(_, start) => starting(self.items(), start),
            Place::Module(before, start) => starting(self.next_words(before), start),
            Place::Keyword(procedure, start) => starting(self.keywords(*procedure), start),
            Place::Key(start) => {
                let keys: Vec<String> = starting(self.keys.clone(), start);
                if keys.is_empty() {
                    self.interpreter.borrow().completions(start)
                } else {
                    keys
                }
            }
            Place::String(start) => starting(self.items(), start),
            Place::Name(start) => self.interpreter.borrow().completions(start),
        }
    }
}

/// The names in TEXT, which is a list of parameters with or without defaults.
fn parameters(text: &str) -> Vec<&str> {
    let tokens = tokens::tokens(text);
    let mut depth = 0;
    let mut names = Vec::new();
    let mut first = false;
    for token in &tokens {
        match token.kind {
            Kind::Open => {
                depth += 1;
                first = depth == 1;
            }
            Kind::Close => depth -= 1,
            Kind::Symbol if depth == 0 || (depth == 1 && first) => {
                names.push(token.text(text));
                first = false;
            }
            Kind::Symbol | Kind::Number | Kind::String | Kind::Constant => first = false,
            Kind::Keyword => break,
            _ => {}
        }
    }
    names
}

impl Helper for Assistant<'_> {}

/// What Enter does at the end of a form that is not whole: the next line begins
/// where it belongs. What is pasted has an indentation of its own.
pub struct Indent(LastKey);

impl ConditionalEventHandler for Indent {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        let text = context.line();
        if context.pos() < text.len() || self.0.was_a_moment_ago() || is_whole(text) {
            return None;
        }
        let columns = tokens::indentation(text)?;
        Some(Cmd::Insert(1, format!("\n{}", " ".repeat(columns))))
    }
}

impl Validator for Assistant<'_> {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        if is_whole(context.input()) {
            Ok(ValidationResult::Valid(None))
        } else {
            Ok(ValidationResult::Incomplete)
        }
    }
}

impl Completer for Assistant<'_> {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, place) = tokens::place(&line[..position]);
        let words = self.words(&place);
        // What is in a string is a file's name, unless it began like an item's.
        if words.is_empty() && matches!(place, Place::String(_)) {
            return FilenameCompleter::new().complete_path(line, position);
        }
        let candidates = words.into_iter().map(|name| Pair {
            display: name.clone(),
            replacement: name,
        });
        Ok((start, candidates.collect()))
    }
}

/// Ghost text behind the cursor.
pub enum Ghost {
    /// The rest of a line from history, which can be taken.
    Line(String),
    /// How the procedure is called; only to be read.
    Formals(String),
}

impl Hint for Ghost {
    fn display(&self) -> &str {
        match self {
            Ghost::Line(text) | Ghost::Formals(text) => text,
        }
    }

    fn completion(&self) -> Option<&str> {
        match self {
            Ghost::Line(text) => Some(text),
            Ghost::Formals(_) => None,
        }
    }
}

impl Hinter for Assistant<'_> {
    type Hint = Ghost;

    fn hint(&self, line: &str, position: usize, context: &Context<'_>) -> Option<Ghost> {
        let hint = self.ghost(line, position, context);
        // This is asked after each key.
        self.keys_pressed.is_now();
        hint
    }
}

impl Assistant<'_> {
    fn ghost(&self, line: &str, position: usize, context: &Context<'_>) -> Option<Ghost> {
        if !self.hints || position < line.len() {
            return None;
        }
        if let Some(line) = HistoryHinter::new().hint(line, position, context) {
            return Some(Ghost::Line(line));
        }
        // Behind the name of a procedure and a space: what it takes.
        let text = line.strip_suffix(' ')?;
        let all = tokens::tokens(text);
        let seen: Vec<_> = all
            .iter()
            .filter(|token| token.kind != Kind::Space)
            .collect();
        let name = tokens::head(text, &seen)?;
        text.ends_with(name)
            .then(|| self.formals(name))
            .flatten()
            .map(|formals| Ghost::Formals(format!("  ; {formals}")))
    }
}

/// Names that are shown as part of the language.
const FORMS: &[&str] = &[
    "and",
    "begin",
    "call-with-values",
    "case",
    "case-lambda",
    "catch",
    "cond",
    "define",
    "define*",
    "define-module",
    "define-record-type",
    "define-syntax",
    "define-syntax-rule",
    "delay",
    "do",
    "else",
    "guard",
    "if",
    "lambda",
    "lambda*",
    "let",
    "let*",
    "let-values",
    "let*-values",
    "letrec",
    "letrec*",
    "match",
    "match-lambda",
    "or",
    "parameterize",
    "quasiquote",
    "quote",
    "set!",
    "syntax-case",
    "syntax-rules",
    "throw",
    "unless",
    "use-modules",
    "when",
    "check",
    "step",
    "harness",
];

impl Highlighter for Assistant<'_> {
    fn highlight<'l>(&self, line: &'l str, position: usize) -> Cow<'l, str> {
        if !self.colours {
            return Cow::Borrowed(line);
        }
        let all = tokens::tokens(line);
        let partner = tokens::partner(line, &all, position);
        let mut shown = String::with_capacity(line.len() * 2);
        for token in &all {
            let text = token.text(line);
            let colour = match token.kind {
                Kind::Comment => "2",
                Kind::String => "32",
                Kind::Keyword => "36",
                Kind::Number | Kind::Constant => "35",
                Kind::Symbol if FORMS.contains(&text) => "1",
                Kind::Open | Kind::Close => match partner {
                    Some((at, None)) if at == token.start => "31",
                    Some((at, Some(other))) if [at, other].contains(&token.start) => "1;34",
                    _ => "",
                },
                _ => "",
            };
            if colour.is_empty() {
                shown.push_str(text);
            } else {
                shown.push_str(&format!("\x1b[{colour}m{text}\x1b[0m"));
            }
        }
        Cow::Owned(shown)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.colours {
            Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
        } else {
            Cow::Borrowed(hint)
        }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.colours
    }
}
