//! What a person sees while things happen: steps, checks, transfers, guest output.
//!
//! Everything goes to stderr, so that stdout stays a record another program
//! can read. On a terminal there are colours and a bar; elsewhere plain lines.
//! Text from outside is escaped here too ([`crate::visible`]), whoever tells it.

use super::live::{Live, Output, Showing};
use super::secret;
use crate::progress::{Event, Outlook, Watcher};
use crate::visible::escape;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Shows events on stderr.
pub struct Screen {
    colours: bool,
    terminal: bool,
    stderr_is_a_terminal: bool,
    state: Mutex<State>,
}

struct State {
    depth: usize,
    bars: HashMap<String, ProgressBar>,
    /// Long work, by its source.
    works: HashMap<String, ProgressBar>,
    /// What is shown of the lines that work prints.
    output: Output,
    /// When a transfer was last mentioned, where there is no bar, and how far it was.
    mentioned: HashMap<String, (Instant, u64)>,
}

impl Screen {
    /// A screen for this process's stderr. COLOURS may be refused by the
    /// caller, who knows `NO_COLOR` and `TERM`, and who knows what is to be shown
    /// LIVE of a guest's output.
    pub fn new(colours_wanted: bool, live: Option<Live>) -> Self {
        let terminal = std::io::stderr().is_terminal() && colours_wanted;
        Screen {
            colours: terminal,
            terminal,
            stderr_is_a_terminal: std::io::stderr().is_terminal(),
            state: Mutex::new(State {
                depth: 0,
                bars: HashMap::new(),
                works: HashMap::new(),
                output: Output::new(live, terminal),
                mentioned: HashMap::new(),
            }),
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Show a line of SOURCE.
    fn line(&self, state: &State, source: &str, text: &str) {
        let text = format!(
            "{} {}",
            self.paint("2", &format!("{}|", escape(source))),
            escape(text)
        );
        say(state, &text);
    }

    fn transfer(&self, state: &mut State, what: &str, done: u64, total: Option<u64>) {
        let finished = total == Some(done);
        if self.terminal {
            let bar = state.bars.entry(what.to_owned()).or_insert_with(|| {
                let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
                bar.set_style(
                    ProgressStyle::with_template(
                        "    {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
                    )
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
                );
                bar.set_message(escape(what));
                bar
            });
            bar.set_position(done);
            if finished {
                bar.finish_and_clear();
                state.bars.remove(what);
            }
        } else {
            let due = match state.mentioned.get(what) {
                None => true,
                // The end may be told twice.
                Some((_, before)) if *before == done => false,
                Some((at, _)) => finished || at.elapsed() >= Duration::from_secs(5),
            };
            if !due {
                return;
            }
            state
                .mentioned
                .insert(what.to_owned(), (Instant::now(), done));
            let total = total.map_or(String::new(), |total| format!(" of {}", HumanBytes(total)));
            say(
                state,
                &format!("{}: {}{total}", escape(what), HumanBytes(done)),
            );
        }
    }
}

impl Watcher for Screen {
    fn see(&self, event: &Event) {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match event {
            Event::StepStarted { name } => {
                let text = format!("{} {}", self.paint("1;34", "▸"), escape(name));
                say(&state, &text);
                state.output.step();
                state.depth += 1;
            }
            Event::StepPassed { name, elapsed } => {
                state.output.step();
                state.depth = state.depth.saturating_sub(1);
                let text = format!(
                    "{} {} ({})",
                    self.paint("1;32", "✓"),
                    escape(name),
                    seconds(*elapsed)
                );
                say(&state, &text);
            }
            Event::StepFailed {
                name,
                elapsed,
                message,
            } => {
                state.depth = state.depth.saturating_sub(1);
                let text = format!(
                    "{} {} ({}): {}",
                    self.paint("1;31", "✗"),
                    escape(name),
                    seconds(*elapsed),
                    escape(message)
                );
                say(&state, &text);
            }
            Event::StepKept { name, why } => {
                let text = format!(
                    "{} {} {}",
                    self.paint("1;32", "="),
                    escape(name),
                    self.paint("2", &format!("(kept: {})", escape(why)))
                );
                say(&state, &text);
            }
            Event::CheckPassed { what } => {
                let text = format!("{} {}", self.paint("32", "·"), escape(what));
                say(&state, &text);
            }
            Event::Transfer { what, done, total } => {
                self.transfer(&mut state, what, *done, *total);
            }
            Event::Work {
                source, elapsed, ..
            } => {
                let beats = state.output.beats(source, *elapsed);
                if state.output.has_bars() {
                    work(&mut state, event);
                } else if beats {
                    say(&state, &work_text(event, usize::MAX));
                }
            }
            Event::WorkEnded { source } => {
                state.output.ended(source);
                if let Some(bar) = state.works.remove(source) {
                    bar.finish_and_clear();
                }
            }
            Event::WorkFailed { source, last, logs } => {
                if !state.output.has_shown_all_of(source) {
                    for text in last {
                        self.line(&state, source, text);
                    }
                }
                for log in logs {
                    say(
                        &state,
                        &format!("the log of {}: {}", escape(source), escape(log)),
                    );
                }
            }
            Event::Line { source, text } => match state.output.line(source, text, Instant::now()) {
                Showing::Shown => self.line(&state, source, text),
                Showing::FirstHidden => {
                    let text = "(more lines are left out; --live=all shows each)";
                    self.line(&state, source, text);
                }
                Showing::Hidden => {}
            },
            Event::Note { text } => say(&state, &escape(text)),
        }
    }

    fn can_ask(&self) -> bool {
        secret::can_ask()
    }

    fn ask_secret(&self, prompt: &str) -> Option<String> {
        secret::ask(prompt)
    }

    fn ask_line(&self, prompt: &str, limit: Duration) -> Option<String> {
        // Who sees no stderr does not see the question either.
        self.stderr_is_a_terminal
            .then(|| secret::ask_line(prompt, limit))
            .flatten()
    }
}

/// Print TEXT above whatever bars there are.
fn say(state: &State, text: &str) {
    let line = format!("{}{text}", "  ".repeat(state.depth));
    if let Some(bar) = state.bars.values().chain(state.works.values()).next() {
        bar.suspend(|| write_line(&line));
    } else {
        write_line(&line);
    }
}

/// Show how far work is: a bar where its length is known, its stage, its pace,
/// the time left, and the line that it printed last.
fn work(state: &mut State, event: &Event) {
    const KNOWN: &str = "    {bar:20} {prefix}\n    {wide_msg}";
    const UNKNOWN: &str = "    {spinner} {prefix}\n    {wide_msg}";
    let Event::Work {
        source,
        outlook,
        last,
        ..
    } = event
    else {
        return;
    };
    let done = match outlook {
        Outlook::Unknown => None,
        Outlook::Left { done, .. } => Some(*done),
        Outlook::Past { .. } => Some(1.0),
    };
    let bar = state.works.entry(source.clone()).or_insert_with(|| {
        let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr());
        let template = if done.is_some() { KNOWN } else { UNKNOWN };
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar
    });
    bar.set_position((done.unwrap_or(0.0) * 1000.0) as u64);
    // What stands before it in the templates.
    let margin = if done.is_some() { 25 } else { 6 };
    bar.set_prefix(work_text(event, width().saturating_sub(margin)));
    bar.set_message(escape(last));
}

/// How many columns the terminal has.
fn width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stderr())
        .map_or(0, |size| usize::from(size.ws_col))
        .max(40)
}

/// What EVENT says about the work, on a line of WIDTH columns: what does not fit
/// is cut from the stage, whose dates say nothing to who is watching.
fn work_text(event: &Event, width: usize) -> String {
    let Event::Work {
        source,
        stage,
        lines,
        warnings,
        elapsed,
        outlook,
        ..
    } = event
    else {
        return String::new();
    };
    let mut rest = format!(" · {lines} line{}", if *lines == 1 { "" } else { "s" });
    match lines.checked_div(elapsed.as_secs()) {
        None | Some(0) => {}
        Some(pace) => rest += &format!(", {pace} a second"),
    }
    match warnings {
        0 => {}
        1 => rest += " · 1 warning",
        more => rest += &format!(" · {more} warnings"),
    }
    rest += &format!(" · {}", seconds(*elapsed));
    match outlook {
        Outlook::Unknown => {}
        Outlook::Left { left, .. } => rest += &format!(", about {} left", seconds(*left)),
        Outlook::Past { before } => {
            rest += &format!(", past the end of the last run, of {}", seconds(*before));
        }
    }
    let mut text = escape(source);
    if let Some(stage) = stage {
        let stage = stage.split(" on ").next().unwrap_or(stage);
        let taken = text.chars().count() + rest.chars().count();
        text += &cut(
            &format!(" · {}", escape(stage)),
            width.saturating_sub(taken),
        );
    }
    cut(&(text + &rest), width)
}

/// The beginning of TEXT, at most ROOM letters of it.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(room.saturating_sub(1)).collect();
    if room > 0 {
        short.push('…');
    }
    short
}

fn write_line(line: &str) {
    // A closed stderr is no reason to end a run.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// ELAPSED for people.
pub fn seconds(elapsed: Duration) -> String {
    let all = elapsed.as_secs();
    if all < 60 {
        format!("{:.1} s", elapsed.as_secs_f64())
    } else if all < 3600 {
        format!("{} min {} s", all / 60, all % 60)
    } else {
        format!("{} h {} min", all / 3600, all / 60 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_work_is_fits_on_a_line_that_no_guest_commands() {
        let event = Event::Work {
            source: "buildworld".to_owned(),
            stage: Some("4.2 building \x1b[2Jlibraries on Mon Nov 23".to_owned()),
            lines: 1200,
            warnings: 3,
            elapsed: Duration::from_secs(60),
            outlook: Outlook::Left {
                done: 0.5,
                left: Duration::from_secs(3700),
            },
            last: String::new(),
        };
        assert_eq!(
            work_text(&event, 120),
            "buildworld · 4.2 building \\x1b[2Jlibraries · 1200 lines, 20 a second · \
             3 warnings · 1 min 0 s, about 1 h 1 min left"
        );
        assert_eq!(
            work_text(&event, 90),
            "buildworld · 4.2… · 1200 lines, 20 a second · 3 warnings · 1 min 0 s, \
             about 1 h 1 min left"
        );
        assert_eq!(work_text(&event, 40).chars().count(), 40);
    }

    #[test]
    fn work_that_is_past_the_end_of_the_last_run_says_so() {
        let event = Event::Work {
            source: "parts".to_owned(),
            stage: None,
            lines: 1,
            warnings: 0,
            elapsed: Duration::from_secs(90),
            outlook: Outlook::Past {
                before: Duration::from_secs(63),
            },
            last: String::new(),
        };
        assert_eq!(
            work_text(&event, 120),
            "parts · 1 line · 1 min 30 s, past the end of the last run, of 1 min 3 s"
        );
    }
}
