//! The commands that look into an error.

use super::super::session::{After, Session, say};
use crate::cli::trouble;
use crate::guile::interpreter::Frame;
use crate::visible::escape;

fn no_error() {
    say("Nothing to debug.\n");
}

/// The frames of the innermost error, and which one is chosen.
fn frames<'a>(session: &'a Session<'_>) -> Option<(&'a [Frame], usize)> {
    let level = session.levels.last()?;
    Some((&level.error.backtrace, level.frame))
}

/// How many frames TEXT asks for: a number, which is negative for the outermost ones.
/// What else Guile takes, `#:full? #t' and the like, changes nothing.
fn count(text: &str) -> Option<isize> {
    text.split_whitespace().next()?.parse().ok()
}

pub fn backtrace(session: &mut Session<'_>, text: &str) -> After {
    let Some((frames, chosen)) = frames(session) else {
        no_error();
        return After::GoOn;
    };
    let wanted = match count(text) {
        Some(count) if count >= 0 => 0..frames.len().min(count.unsigned_abs()),
        Some(count) => frames.len().saturating_sub(count.unsigned_abs())..frames.len(),
        None => 0..frames.len(),
    };
    let mut text = String::new();
    for (number, frame) in frames.iter().enumerate().rev() {
        if !wanted.contains(&number) {
            continue;
        }
        let mark = if number == chosen { '*' } else { ' ' };
        text.push_str(&format!("{mark}{number:3}  {}", trouble::frame_line(frame)));
        if let Some(source) = &frame.location.source {
            text.push_str(&format!("  {}", escape(source.trim())));
        }
        text.push('\n');
    }
    if frames.is_empty() {
        text.push_str("It is not known where the error struck.\n");
    }
    say(&text);
    After::GoOn
}

/// Move from the chosen frame as STEP says, and show the one that is reached.
pub fn go(session: &mut Session<'_>, text: &str, step: fn(usize, usize) -> usize) -> After {
    let count = text.parse().unwrap_or(1);
    if let Some(level) = session.levels.last_mut() {
        let last = level.error.backtrace.len().saturating_sub(1);
        level.frame = step(level.frame, count).min(last);
    }
    frame(session, "")
}

pub fn frame(session: &mut Session<'_>, text: &str) -> After {
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

pub fn locals(session: &mut Session<'_>, _: &str) -> After {
    if session.levels.is_empty() {
        no_error();
        return After::GoOn;
    }
    // Steel keeps the stack to itself: places can be asked for, values cannot.
    say(
        "The local variables of this frame are not known: the machine does not tell them.\n\
         `,trace FORM' shows what procedures are called with.\n",
    );
    After::GoOn
}

pub fn error_message(session: &mut Session<'_>, _: &str) -> After {
    match session.levels.last() {
        Some(level) => trouble::show_in_brief(&level.error),
        None => no_error(),
    }
    After::GoOn
}
