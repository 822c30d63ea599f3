//! What Geiser, Emacs's mode for Scheme, is answered.
//!
//! Its requests are commands of the prompt; `(geiser evaluation)` does what they say, and
//! each answer is one list on one line. An error is told in the answer, with its place, and
//! opens no level: Geiser shows it in a window of its own, where places can be followed.

use super::super::trouble;
use super::session::{After, Session, say};
use crate::guile::interpreter::{self, Stop, Uncaught};
use crate::guile::value::string_value;
use crate::visible::escape;

const MODULE: &[&str] = &["geiser", "evaluation"];

/// Answer the request TEXT as PROCEDURE of `(geiser evaluation)` does.
pub fn answer(session: &mut Session<'_>, procedure: &str, text: &str) -> After {
    let answered = session
        .interpreter()
        .call(MODULE, procedure, vec![string_value(text)]);
    match answered {
        Ok(answer) => say(&format!("{}\n", interpreter::displayed(&answer))),
        Err(Stop::Quit(status)) => return After::Leave(status),
        Err(Stop::Uncaught(uncaught)) => {
            let output = session
                .interpreter()
                .call(MODULE, "request-output", Vec::new());
            let output =
                output.map_or_else(|_| String::new(), |text| interpreter::displayed(&text));
            say(&format!(
                "((error (key . {})) (output . {}))\n",
                quoted_symbol(&uncaught.key),
                quoted(&format!("{output}{}", account(&uncaught)))
            ));
        }
    }
    After::GoOn
}

/// UNCAUGHT in lines, each place in the form that Geiser makes a link of.
fn account(uncaught: &Uncaught) -> String {
    let mut lines: Vec<String> = Vec::new();
    if let Some(location) = &uncaught.location {
        lines.push(format!("{}:", trouble::place(location)));
    }
    lines.extend(uncaught.message.lines().map(escape));
    if let Some(hint) = &uncaught.hint {
        lines.push(format!("hint: {}", escape(hint)));
    }
    if uncaught
        .backtrace
        .iter()
        .any(|frame| frame.procedure.is_some())
    {
        lines.push("backtrace, innermost first:".to_owned());
        lines.extend(uncaught.backtrace.iter().map(trouble::frame_line));
    }
    lines.join("\n")
}

/// TEXT as a string that Emacs reads.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The symbol NAME as Emacs reads it, whatever it is made of.
fn quoted_symbol(name: &str) -> String {
    match name
        .chars()
        .all(|letter| letter.is_alphanumeric() || "-_!?%&*+/<=>~^:".contains(letter))
    {
        true => name.to_owned(),
        false => "misc-error".to_owned(),
    }
}
