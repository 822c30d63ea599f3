//! The prompt's commands: lines that begin with a comma.
//!
//! Names and abbreviations are Guile's where Guile has the command. Those that
//! look at data are Scheme's, `(fruix prompt)`; here are the ones that change
//! the session, and the table from which help is made.
//!
//! Source: the Guile manual, "REPL Commands".

use super::super::trouble;
use super::failure;
use super::session::{After, Session, say};
use crate::guile::interpreter::{Frame, Interpreter};
use crate::guile::value::{Value, string_value};
use crate::visible::escape;
use std::path::Path;
use std::time::Instant;

/// A command: its names, the longest first, what may follow, and what it does.
pub struct Command {
    pub names: &'static [&'static str],
    pub usage: &'static str,
    pub does: &'static str,
    pub run: Run,
}

pub enum Run {
    Session(fn(&mut Session<'_>, &str) -> After),
    /// A procedure of (fruix prompt), which is given the rest of the line.
    Scheme(&'static str),
    /// A word of (fruix store words): the command's first name.
    Word,
}

pub const COMMANDS: &[Command] = &[
    Command {
        names: &["help", "h"],
        usage: "[COMMAND]",
        does: "this list, or what one command does",
        run: Run::Session(help),
    },
    Command {
        names: &["quit", "q", "continue", "cont"],
        usage: "",
        does: "leave a level of errors, or the prompt",
        run: Run::Session(|session, _| {
            if session.leave_level() {
                After::GoOn
            } else {
                After::Leave(0)
            }
        }),
    },
    Command {
        names: &["more"],
        usage: "",
        does: "more of a long result",
        run: Run::Session(|session, _| {
            session.show_more();
            After::GoOn
        }),
    },
    Command {
        names: &["describe", "d"],
        usage: "NAME",
        does: "how NAME is called, where it is from, its documentation",
        run: Run::Session(describe),
    },
    Command {
        names: &["apropos", "a"],
        usage: "TEXT",
        does: "the names that contain TEXT",
        run: Run::Scheme("prompt-apropos"),
    },
    Command {
        names: &["module", "m"],
        usage: "[MODULE]",
        does: "the current module, or go to another one",
        run: Run::Session(module),
    },
    Command {
        names: &["import", "use"],
        usage: "MODULE…",
        does: "import modules",
        run: Run::Session(|session, text| session.evaluate(&format!("(use-modules {text})"))),
    },
    Command {
        names: &["load", "l"],
        usage: "FILE",
        does: "load FILE",
        run: Run::Session(|session, text| {
            let file = text.trim_matches('"');
            let result = session.interpreter().load_file(Path::new(file));
            session.show(result.map(|()| Vec::new()))
        }),
    },
    Command {
        names: &["reload", "re"],
        usage: "[MODULE]",
        does: "read a module's file again",
        run: Run::Session(|session, text| {
            let module = if text.is_empty() {
                "(module-name (current-module))".to_owned()
            } else {
                format!("'{text}")
            };
            session.evaluate(&format!("(reload-module (resolve-module {module}))"))
        }),
    },
    Command {
        names: &["expand", "exp"],
        usage: "FORM",
        does: "FORM without macros",
        run: Run::Session(expand),
    },
    Command {
        names: &["time", "t"],
        usage: "FORM",
        does: "evaluate FORM and say how long it took",
        run: Run::Session(|session, text| {
            let began = Instant::now();
            let after = session.evaluate(text);
            say(&format!(
                ";; {:.6}s real time\n",
                began.elapsed().as_secs_f64()
            ));
            after
        }),
    },
    Command {
        names: &["pretty-print", "pp"],
        usage: "FORM",
        does: "evaluate FORM and print all of it, over several lines",
        run: Run::Session(|session, text| session.pretty_print(text)),
    },
    Command {
        names: &["backtrace", "bt"],
        usage: "",
        does: "where the error struck, the innermost frame last",
        run: Run::Session(backtrace),
    },
    Command {
        names: &["up"],
        usage: "[COUNT]",
        does: "go to a frame further out",
        run: Run::Session(|session, text| {
            go(session, text, |frame, count| frame.saturating_add(count))
        }),
    },
    Command {
        names: &["down"],
        usage: "[COUNT]",
        does: "go to a frame further in",
        run: Run::Session(|session, text| {
            go(session, text, |frame, count| frame.saturating_sub(count))
        }),
    },
    Command {
        names: &["frame", "fr"],
        usage: "[NUMBER]",
        does: "show a frame, or go to it",
        run: Run::Session(frame),
    },
    Command {
        names: &["locals"],
        usage: "",
        does: "the local variables of a frame",
        run: Run::Session(locals),
    },
    Command {
        names: &["error-message", "error"],
        usage: "",
        does: "the error again",
        run: Run::Session(|session, _| {
            match session.levels.last() {
                Some(level) => trouble::show_in_brief(&level.error),
                None => no_error(),
            }
            After::GoOn
        }),
    },
    Command {
        names: &["store"],
        usage: "[DIR | guest]",
        does: "which system is asked; ask another one",
        run: Run::Scheme("prompt-store"),
    },
    word(&["refs"], "[ITEM]", "what ITEM refers to"),
    word(&["referrers"], "ITEM", "what refers to ITEM"),
    word(
        &["closure"],
        "[ITEM]",
        "ITEM and everything that it leads to",
    ),
    word(&["du"], "[ITEM]", "what ITEM and all it leads to weigh"),
    word(
        &["why-depends", "why"],
        "ITEM OTHER",
        "how ITEM comes to need OTHER",
    ),
    word(
        &["diff"],
        "[BEFORE] AFTER",
        "what changes between two closures",
    ),
    word(&["source"], "[CLOSURE]", "which source a closure declares"),
    word(&["items"], "", "everything in the store"),
    word(&["generations"], "", "the generations that are kept"),
    word(&["roots"], "", "what keeps items alive"),
    word(&["dead"], "", "items that nothing keeps alive"),
    word(&["builds"], "", "results of native builds"),
    word(
        &["verify"],
        "[FILE]",
        "check items against what `store record` printed",
    ),
    Command {
        names: &["geiser-eval", "geiser"],
        usage: "MODULE FORM ()",
        does: "evaluate for Geiser, which reads the answer",
        run: Run::Scheme("geiser-eval"),
    },
    Command {
        names: &["geiser-load-file"],
        usage: "FILE",
        does: "load for Geiser",
        run: Run::Scheme("geiser-load-file"),
    },
    Command {
        names: &["geiser-no-values"],
        usage: "",
        does: "nothing, for Geiser",
        run: Run::Session(|_, _| After::GoOn),
    },
    Command {
        names: &["geiser-newline"],
        usage: "",
        does: "an empty line, for Geiser",
        run: Run::Session(|_, _| {
            say("\n");
            After::GoOn
        }),
    },
];

/// A word of a store; the command's first name is the word.
const fn word(names: &'static [&'static str], usage: &'static str, does: &'static str) -> Command {
    Command {
        names,
        usage,
        does,
        run: Run::Word,
    }
}

/// The commands that SESSION has; the first of a name counts.
fn of(session: &Session<'_>) -> impl Iterator<Item = &'static Command> + use<> {
    let about = match &session.about {
        Some(_) => failure::COMMANDS,
        None => &[],
    };
    about.iter().chain(COMMANDS)
}

/// Whether TEXT, a form or a command, can be done, or more must be typed.
pub fn is_whole(text: &str) -> bool {
    match text.trim_start().strip_prefix(',') {
        Some(command) => is_complete(command),
        None => Interpreter::is_complete(text),
    }
}

/// Whether TEXT, a command without its comma, needs no further line: its forms
/// are whole.
fn is_complete(text: &str) -> bool {
    // An apostrophe in a name is no quote that waits for its datum.
    !text.contains(['(', '"', '[']) || Interpreter::is_complete(text)
}

/// The command at the beginning of TEXT, and what follows on further lines.
fn split(text: &str) -> (&str, &str) {
    let ends = text.match_indices('\n').map(|(index, _)| index);
    match ends.into_iter().find(|end| is_complete(&text[..*end])) {
        Some(end) => (text[..end].trim_end(), text[end..].trim()),
        None => (text, ""),
    }
}

/// Do what TEXT, which began with a comma, says. What follows a command on
/// further lines is evaluated.
pub fn run(session: &mut Session<'_>, text: &str) -> After {
    let (command, rest) = split(text);
    let (name, argument) = command
        .split_once(char::is_whitespace)
        .map_or((command, ""), |(name, rest)| (name, rest.trim()));
    let Some(known) = of(session).find(|known| known.names.contains(&name)) else {
        say(&format!(
            "Unknown meta command: {}; `,help' lists them.\n",
            escape(name)
        ));
        return After::GoOn;
    };
    let after = match known.run {
        Run::Session(run) => run(session, argument),
        Run::Scheme(procedure) => session.command(procedure, vec![string_value(argument)]),
        Run::Word => {
            let width = Value::IntV(session.width() as isize);
            let arguments = vec![string_value(known.names[0]), string_value(argument), width];
            session.command("prompt-word", arguments)
        }
    };
    match after {
        After::GoOn if !rest.is_empty() => session.answer(rest),
        after => after,
    }
}

fn help(session: &mut Session<'_>, name: &str) -> After {
    let name = name.trim_start_matches(',');
    let mut text = String::new();
    for command in of(session) {
        if !name.is_empty() && !command.names.contains(&name) {
            continue;
        }
        if name.is_empty() && command.names[0].starts_with("geiser") {
            continue;
        }
        let mut call = format!(",{}", command.names[0]);
        let short = command.names.get(1).filter(|short| {
            // Another command may have that name here.
            of(session)
                .find(|known| known.names.contains(short))
                .is_some_and(|known| std::ptr::eq(known, command))
        });
        if let Some(short) = short {
            call.push_str(&format!(" (,{short})"));
        }
        if !command.usage.is_empty() {
            call.push_str(&format!(" {}", command.usage));
        }
        text.push_str(&format!("{call:32} {}\n", command.does));
    }
    if text.is_empty() {
        text = format!("There is no command `,{}'.\n", escape(name));
    }
    if name.is_empty() {
        text.push_str("Anything else is Scheme");
        text.push_str(match session.about {
            None => "; (use-modules (fruix store)) has been done.\n",
            Some(_) => ", evaluated in the run.\n",
        });
    }
    say(&text);
    After::GoOn
}

fn describe(session: &mut Session<'_>, name: &str) -> After {
    let documentation = session.interpreter().documentation(name);
    let documentation = documentation.map_or(Value::BoolV(false), string_value);
    session.command("prompt-describe", vec![string_value(name), documentation])
}

fn module(session: &mut Session<'_>, name: &str) -> After {
    if name.is_empty() {
        let name = session.interpreter().current_module_name();
        say(&format!("{name}\n"));
        return After::GoOn;
    }
    session.evaluate(&format!(
        "(begin (set-current-module (resolve-module '{name})) (if #f #f))"
    ))
}

fn expand(session: &mut Session<'_>, text: &str) -> After {
    let expanded = session.interpreter().expanded(text);
    match expanded {
        Ok(forms) => {
            for form in forms {
                let width = Value::IntV(session.width() as isize);
                session.command("pretty-text", vec![string_value(form), width]);
            }
            After::GoOn
        }
        Err(stop) => session.show(Err(stop)),
    }
}

fn no_error() {
    say("Nothing to debug.\n");
}

/// The frames of the innermost error, and which one is chosen.
fn frames<'a>(session: &'a Session<'_>) -> Option<(&'a [Frame], usize)> {
    let level = session.levels.last()?;
    Some((&level.error.backtrace, level.frame))
}

fn backtrace(session: &mut Session<'_>, _: &str) -> After {
    let Some((frames, chosen)) = frames(session) else {
        no_error();
        return After::GoOn;
    };
    let mut text = String::new();
    for (number, frame) in frames.iter().enumerate().rev() {
        let mark = if number == chosen { '*' } else { ' ' };
        text.push_str(&format!("{mark}{number:3}  {}", trouble::frame_line(frame)));
        if let Some(source) = &frame.location.source {
            text.push_str(&format!("  {}", escape(source.trim())));
        }
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("It is not known where the error struck.\n");
    }
    say(&text);
    After::GoOn
}

/// Move from the chosen frame as STEP says, and show the one that is reached.
fn go(session: &mut Session<'_>, text: &str, step: fn(usize, usize) -> usize) -> After {
    let count = text.parse().unwrap_or(1);
    if let Some(level) = session.levels.last_mut() {
        let last = level.error.backtrace.len().saturating_sub(1);
        level.frame = step(level.frame, count).min(last);
    }
    frame(session, "")
}

fn frame(session: &mut Session<'_>, text: &str) -> After {
    if let (Ok(number), Some(level)) = (text.parse::<usize>(), session.levels.last_mut()) {
        let last = level.error.backtrace.len().saturating_sub(1);
        level.frame = number.min(last);
    }
    match frames(session) {
        None => no_error(),
        Some((frames, chosen)) => match frames.get(chosen) {
            None => say("It is not known where the error struck.\n"),
            Some(frame) => say(&format!(
                "{chosen:3}  {}\n{}",
                trouble::frame_line(frame),
                trouble::excerpt(&frame.location)
            )),
        },
    }
    After::GoOn
}

fn locals(session: &mut Session<'_>, _: &str) -> After {
    if session.levels.is_empty() {
        no_error();
        return After::GoOn;
    }
    say("The local variables of this frame are not known.\n");
    After::GoOn
}
