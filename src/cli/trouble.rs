//! Shows errors: what was tried, on what, what happened, and what to do.

use crate::failure::{Failure, Key};
use crate::guile::interpreter::{Frame, Location, Stop, Uncaught};
use crate::visible::escape;
use std::error::Error;
use std::io::Write;

/// Print what ended the process on stderr, and give its exit status: that of the
/// failure at its root, or 70 when nobody has named what went wrong.
pub fn show_error(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Failure>() {
        Some(failure) => {
            show_failure(failure);
            failure.key().exit_status()
        }
        None => {
            let failure = Failure::internal(format!("{error:#}"));
            show_failure(&failure);
            failure.key().exit_status()
        }
    }
}

/// Print FAILURE on stderr, with its causes and its hint.
fn show_failure(failure: &Failure) {
    let mut text = format!("fruix-scm: {}\n", escape(failure.message()));
    let mut cause = failure.source();
    let mut said = failure.message().to_owned();
    while let Some(error) = cause {
        let message = error.to_string();
        // Many libraries repeat their cause's text in their own.
        if !said.contains(&message) {
            text.push_str(&format!("cause: {}\n", escape(&message)));
            said.push_str(&message);
        }
        cause = error.source();
    }
    if let Some(hint) = failure.hint_text() {
        text.push_str(&format!("hint: {}\n", escape(hint)));
    }
    print(&text);
}

/// Print the lines of TEXT, what is odd but ends nothing, on stderr: at most MOST
/// of them.
pub fn warn(text: &str, most: usize) {
    let mut shown: String = text
        .lines()
        .take(most)
        .map(|line| format!("{}\n", escape(line)))
        .collect();
    let more = text.lines().count().saturating_sub(most);
    if more > 0 {
        shown.push_str(&format!("… and {more} more\n"));
    }
    print(&shown);
}

/// Print what STOP says, if anything, and give the exit status it asks for.
pub fn show_stop(stop: &Stop) -> u8 {
    match stop {
        Stop::Quit(status) => *status,
        Stop::Uncaught(uncaught) => {
            show_uncaught(uncaught);
            uncaught.exit_status()
        }
    }
}

/// The same for a verb, whose user has written no Scheme: a failure of the world is
/// shown without the place in ours where it struck.
pub fn show_stop_of_verb(stop: &Stop) -> u8 {
    match stop {
        Stop::Uncaught(uncaught) if Key::from_name(&uncaught.key).is_some() => {
            let mut text = format!("fruix-scm: {}\n", escape_lines(&uncaught.message));
            text.push_str(&hint(uncaught));
            print(&text);
            uncaught.exit_status()
        }
        other => show_stop(other),
    }
}

/// Print an exception that nothing caught: message, place, source line,
/// backtrace and hint. A failure of the world has its story in its message, so where
/// in the script it struck is left to one line, and the procedures on the way, if any.
pub fn show_uncaught(uncaught: &Uncaught) {
    let mut text = headline(uncaught);
    let is_of_the_world = Key::from_name(&uncaught.key).is_some();
    if !is_of_the_world && let Some(location) = &uncaught.location {
        text.push_str(&excerpt(location));
    }
    let has_a_way = uncaught
        .backtrace
        .iter()
        .any(|frame| frame.procedure.is_some());
    if has_a_way || !(is_of_the_world || uncaught.backtrace.is_empty()) {
        text.push_str("backtrace, innermost first:\n");
        for frame in &uncaught.backtrace {
            text.push_str(&format!("  {}\n", frame_line(frame)));
        }
    }
    text.push_str(&hint(uncaught));
    print(&text);
}

/// Print UNCAUGHT at a prompt, where the backtrace can be asked for.
pub fn show_in_brief(uncaught: &Uncaught) {
    let mut text = headline(uncaught);
    text.push_str(&hint(uncaught));
    print(&text);
}

fn hint(uncaught: &Uncaught) -> String {
    match &uncaught.hint {
        Some(hint) => format!("hint: {}\n", escape(hint)),
        None => String::new(),
    }
}

fn headline(uncaught: &Uncaught) -> String {
    let mut text = match &uncaught.location {
        Some(location) => format!("fruix-scm: {}: ", place(location)),
        None => "fruix-scm: ".to_owned(),
    };
    text.push_str(&escape_lines(&uncaught.message));
    text.push('\n');
    text
}

/// FRAME in one line: where it was, and in which procedure.
pub fn frame_line(frame: &Frame) -> String {
    match &frame.procedure {
        Some(name) => format!("{} in {}", place(&frame.location), escape(name)),
        None => place(&frame.location),
    }
}

/// LOCATION as Guile writes it, `FILE:LINE:COLUMN`.
pub fn place(location: &Location) -> String {
    escape(&format!(
        "{}:{}:{}",
        location.file, location.line, location.column
    ))
}

/// The line at LOCATION with a mark below its column, when it is at hand.
pub fn excerpt(location: &Location) -> String {
    let Some(line) = &location.source else {
        return String::new();
    };
    let before: String = line
        .chars()
        .take(location.column as usize)
        .map(|letter| if letter == '\t' { '\t' } else { ' ' })
        .collect();
    format!(
        "{:>6} | {}\n       | {before}^\n",
        location.line,
        escape(line)
    )
}

/// As `escape`, but a message of ours may have lines.
fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

fn print(text: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
