//! Every command, group by group.

use super::super::geiser;
use super::super::pieces::{self, Piece};
use super::super::session::{After, Session, say};
use super::{Command, Group, PROMPT, Run, debugging, help};
use crate::guile::value::{Value, string_value};
use std::path::Path;
use std::time::Instant;

/// What is asked of calls while a form is evaluated.
const CALLS: &[&str] = &["fruix", "prompt", "calls"];

/// What is asked of modules and names.
const NAMES: &[&str] = &["fruix", "prompt", "names"];

const SYSTEM: &[&str] = &["fruix", "prompt", "system"];

pub const COMMANDS: &[Command] = &[
    Command {
        names: &["help", "h"],
        group: Group::Help,
        usage: "[all | GROUP | [-c] COMMAND]",
        does: "the commands, or what one of them does",
        run: Run::Session(help::help),
    },
    Command {
        names: &["show"],
        group: Group::Help,
        usage: "[TOPIC]",
        does: "what this program is: version, copying or warranty",
        run: Run::Scheme(SYSTEM, "prompt-show"),
    },
    Command {
        names: &["apropos", "a"],
        group: Group::Help,
        usage: "TEXT",
        does: "the names that contain TEXT",
        run: Run::Scheme(NAMES, "prompt-apropos"),
    },
    Command {
        names: &["describe", "d"],
        group: Group::Help,
        usage: "NAME | MODULE",
        does: "how NAME is called, where it is from, its documentation; what MODULE exports",
        run: Run::Session(describe),
    },
    Command {
        names: &["module", "m"],
        group: Group::Module,
        usage: "[MODULE]",
        does: "the current module, or go to another one",
        run: Run::Session(module),
    },
    Command {
        names: &["import", "use"],
        group: Group::Module,
        usage: "[MODULE…]",
        does: "import modules, or list those that are imported",
        run: Run::Session(|session, text| match text {
            "" => session.command(NAMES, "prompt-imports", Vec::new()),
            modules => session.perform(&format!("(use-modules {modules})")),
        }),
    },
    Command {
        names: &["load", "l"],
        group: Group::Module,
        usage: "FILE",
        does: "load FILE",
        run: Run::Session(|session, text| {
            let file = text.trim_matches('"');
            let result = session.interpreter().load_file(Path::new(file));
            session.show_unless_unread(result.map(|()| Vec::new()))
        }),
    },
    Command {
        names: &["reload", "re"],
        group: Group::Module,
        usage: "[MODULE]",
        does: "read a module's file again",
        run: Run::Session(|session, text| {
            let module = match text {
                "" => "(module-name (current-module))".to_owned(),
                module => format!("'{module}"),
            };
            session.perform(&format!(
                "(begin (reload-module (resolve-module {module})) (if #f #f))"
            ))
        }),
    },
    Command {
        names: &["binding", "b"],
        group: Group::Module,
        usage: "",
        does: "what the current module defines",
        run: Run::Session(|session, _| {
            let width = Value::IntV(session.width() as isize);
            session.command(NAMES, "prompt-bindings", vec![width])
        }),
    },
    Command {
        names: &["in"],
        group: Group::Module,
        usage: "MODULE FORM",
        does: "evaluate FORM in MODULE",
        run: Run::Session(evaluate_in),
    },
    Command {
        names: &["expand", "exp"],
        group: Group::Language,
        usage: "FORM",
        does: "FORM without macros",
        run: Run::Session(expand),
    },
    Command {
        names: &["time", "t"],
        group: Group::Profile,
        usage: "FORM",
        does: "evaluate FORM and say how long it took",
        run: Run::Session(time),
    },
    Command {
        names: &["profile", "pr"],
        group: Group::Profile,
        usage: "FORM",
        does: "evaluate FORM and say which of your procedures took how long",
        run: Run::Session(|session, text| {
            session.command(CALLS, "profile-calls", Vec::new());
            let after = session.evaluate(text);
            session.command(CALLS, "forget-calls", Vec::new());
            session.command(CALLS, "print-profile", Vec::new());
            after
        }),
    },
    Command {
        names: &["trace", "tr"],
        group: Group::Profile,
        usage: "FORM",
        does: "evaluate FORM and show the calls of your procedures",
        run: Run::Session(|session, text| {
            session.command(CALLS, "trace-calls", Vec::new());
            let after = session.evaluate(text);
            session.command(CALLS, "forget-calls", Vec::new());
            after
        }),
    },
    Command {
        names: &["backtrace", "bt"],
        group: Group::Debug,
        usage: "[COUNT]",
        does: "where the error struck, the innermost frame last; only COUNT, from the outermost \
               when it is negative",
        run: Run::Session(debugging::backtrace),
    },
    Command {
        names: &["up"],
        group: Group::Debug,
        usage: "[COUNT]",
        does: "go to a frame further out",
        run: Run::Session(|session, text| {
            debugging::go(session, text, |frame, count| frame.saturating_add(count))
        }),
    },
    Command {
        names: &["down"],
        group: Group::Debug,
        usage: "[COUNT]",
        does: "go to a frame further in",
        run: Run::Session(|session, text| {
            debugging::go(session, text, |frame, count| frame.saturating_sub(count))
        }),
    },
    Command {
        names: &["frame", "fr"],
        group: Group::Debug,
        usage: "[NUMBER]",
        does: "show a frame, or go to it",
        run: Run::Session(debugging::frame),
    },
    Command {
        names: &["locals"],
        group: Group::Debug,
        usage: "",
        does: "the local variables of a frame",
        run: Run::Session(debugging::locals),
    },
    Command {
        names: &["error-message", "error"],
        group: Group::Debug,
        usage: "",
        does: "the error again",
        run: Run::Session(debugging::error_message),
    },
    Command {
        names: &["inspect", "i"],
        group: Group::Inspect,
        usage: "FORM",
        does: "evaluate FORM and look into its value, part by part",
        run: Run::Session(|session, text| session.inspect(text)),
    },
    Command {
        names: &["pretty-print", "pp"],
        group: Group::Inspect,
        usage: "FORM",
        does: "evaluate FORM and print all of it, over several lines",
        run: Run::Session(|session, text| session.pretty_print(text)),
    },
    Command {
        names: &["more"],
        group: Group::Inspect,
        usage: "",
        does: "more of a long result",
        run: Run::Session(|session, _| {
            session.show_more();
            After::GoOn
        }),
    },
    Command {
        names: &["gc"],
        group: Group::System,
        usage: "",
        does: "nothing: memory is given back without being asked for",
        run: Run::Scheme(SYSTEM, "prompt-gc"),
    },
    Command {
        names: &["statistics", "stat"],
        group: Group::System,
        usage: "",
        does: "the time and memory that the process has taken",
        run: Run::Scheme(SYSTEM, "prompt-statistics"),
    },
    Command {
        names: &["option", "o"],
        group: Group::System,
        usage: "[NAME] [VALUE]",
        does: "the options of this prompt, one of them, or set it",
        run: Run::Session(|session, text| session.option(text)),
    },
    Command {
        names: &["quit", "q", "continue", "cont"],
        group: Group::System,
        usage: "",
        does: "leave a level of errors, or the prompt",
        run: Run::Session(|session, _| match session.leave_level() {
            true => After::GoOn,
            false => After::Leave(0),
        }),
    },
    Command {
        names: &["store"],
        group: Group::Store,
        usage: "[DIR | guest]",
        does: "which system is asked; ask another one",
        run: Run::Scheme(PROMPT, "prompt-store"),
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
    editor(
        &["geiser-eval", "geiser"],
        "MODULE FORM ARGUMENTS",
        "evaluate for Geiser, which reads the answer",
        |session, text| geiser::answer(session, "evaluate-request", text),
    ),
    editor(
        &["geiser-load-file"],
        "FILE",
        "load for Geiser",
        |session, text| geiser::answer(session, "load-request", text),
    ),
    editor(&["geiser-no-values"], "", "nothing, for Geiser", |_, _| {
        After::GoOn
    }),
    editor(
        &["geiser-newline"],
        "",
        "an empty line, for Geiser",
        |_, _| {
            say("\n");
            After::GoOn
        },
    ),
];

/// A word of a store; the command's first name is the word.
const fn word(names: &'static [&'static str], usage: &'static str, does: &'static str) -> Command {
    Command {
        names,
        group: Group::Store,
        usage,
        does,
        run: Run::Word,
    }
}

const fn editor(
    names: &'static [&'static str],
    usage: &'static str,
    does: &'static str,
    run: fn(&mut Session<'_>, &str) -> After,
) -> Command {
    Command {
        names,
        group: Group::Editor,
        usage,
        does,
        run: Run::Session(run),
    }
}

fn module(session: &mut Session<'_>, name: &str) -> After {
    if name.is_empty() {
        let name = session.interpreter().current_module_name();
        say(&format!("{name}\n"));
        return After::GoOn;
    }
    session.perform(&format!(
        "(begin (set-current-module (resolve-module '{name})) (if #f #f))"
    ))
}

/// Evaluate what follows the module's name at the beginning of TEXT.
fn evaluate_in(session: &mut Session<'_>, text: &str) -> After {
    let Some(Piece::Form(name)) = pieces::next(text, 0) else {
        say("Which module? `,in (ice-9 match) FORM'.\n");
        return After::GoOn;
    };
    let before = session.interpreter().current_module_name();
    module(session, &text[name.clone()]);
    let after = session.evaluate(text[name.end..].trim_start());
    module(session, &before);
    after
}

fn describe(session: &mut Session<'_>, name: &str) -> After {
    let documentation = session.interpreter().documentation(name);
    let documentation = documentation.map_or(Value::BoolV(false), string_value);
    let width = Value::IntV(session.width() as isize);
    let arguments = vec![string_value(name), documentation, width];
    session.command(NAMES, "prompt-describe", arguments)
}

fn time(session: &mut Session<'_>, text: &str) -> After {
    let busy = |session: &mut Session<'_>| {
        let time = session
            .interpreter()
            .call(&["guile"], "get-internal-run-time", Vec::new());
        match time {
            Ok(Value::IntV(time)) => time as f64 / 1e9,
            _ => 0.0,
        }
    };
    let (began, busy_before) = (Instant::now(), busy(session));
    let after = session.evaluate(text);
    let (real, run) = (began.elapsed().as_secs_f64(), busy(session) - busy_before);
    say(&format!(";; {real:.6}s real time, {run:.6}s run time.\n"));
    after
}

fn expand(session: &mut Session<'_>, text: &str) -> After {
    let expanded = session.interpreter().expanded(text);
    match expanded {
        Ok(forms) => {
            for form in forms {
                let width = Value::IntV(session.width() as isize);
                session.command(PROMPT, "pretty-text", vec![string_value(form), width]);
            }
            After::GoOn
        }
        Err(stop) => session.show(Err(stop)),
    }
}
