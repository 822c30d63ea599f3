//! The options of a prompt, under Guile's names.
//!
//! Source: the Guile manual, "System Commands".

use crate::visible::escape;

/// What becomes of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// It opens a level, in which it can be looked into.
    #[default]
    Debug,
    /// It is told with its backtrace.
    Backtrace,
    /// It is told.
    Report,
    /// Nothing.
    Pass,
}

impl OnError {
    const ALL: [OnError; 4] = [
        OnError::Debug,
        OnError::Backtrace,
        OnError::Report,
        OnError::Pass,
    ];

    fn name(self) -> &'static str {
        match self {
            OnError::Debug => "debug",
            OnError::Backtrace => "backtrace",
            OnError::Report => "report",
            OnError::Pass => "pass",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What stands before the cursor, instead of the module's name.
    pub prompt: Option<String>,
    /// Whether results are numbered and kept.
    pub value_history: bool,
    pub on_error: OnError,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            prompt: None,
            value_history: true,
            on_error: OnError::default(),
        }
    }
}

const NAMES: [&str; 3] = ["prompt", "value-history", "on-error"];

impl Options {
    /// What TEXT, `[NAME] [VALUE]`, is answered; a value is set.
    pub fn answer(&mut self, text: &str) -> String {
        let (name, value) = text
            .split_once(char::is_whitespace)
            .map_or((text, None), |(name, value)| (name, Some(value.trim())));
        if name.is_empty() {
            let lines = NAMES.map(|name| format!("  {name:22}{}\n", self.written(name)));
            return lines.concat();
        }
        if !NAMES.contains(&name) {
            return format!(
                "Unknown option: {}; there are {}.\n",
                escape(name),
                NAMES.join(", ")
            );
        }
        match value {
            None => format!("{}\n", self.written(name)),
            Some(value) => match self.set(name, value.trim_start_matches('\'')) {
                true => String::new(),
                false => format!("Not a value of {name}: {}\n", escape(value)),
            },
        }
    }

    fn written(&self, name: &str) -> String {
        match (name, &self.prompt) {
            ("prompt", Some(prompt)) => format!("\"{}\"", escape(prompt)),
            ("prompt", None) => "#f".to_owned(),
            ("on-error", _) => self.on_error.name().to_owned(),
            _ => if self.value_history { "#t" } else { "#f" }.to_owned(),
        }
    }

    /// Set option NAME to what VALUE says; whether that is a value of it.
    fn set(&mut self, name: &str, value: &str) -> bool {
        let quoted = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        match (name, value, quoted) {
            ("prompt", "#f", _) => self.prompt = None,
            ("prompt", _, Some(prompt)) => self.prompt = Some(prompt.to_owned()),
            ("value-history", "#t", _) => self.value_history = true,
            ("value-history", "#f", _) => self.value_history = false,
            ("on-error", _, _) => {
                let known = OnError::ALL.into_iter().find(|known| known.name() == value);
                self.on_error = match known {
                    Some(known) => known,
                    None => return false,
                };
            }
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_shown_and_set_and_what_is_none_is_said_to_be_none() {
        let mut options = Options::default();
        assert_eq!(
            options.answer(""),
            "  prompt                #f\n  value-history         #t\n  on-error              debug\n"
        );
        for (text, answer) in [
            ("value-history", "#t\n"),
            ("value-history #f", ""),
            ("value-history", "#f\n"),
            ("value-history 3", "Not a value of value-history: 3\n"),
            ("on-error 'report", ""),
            ("on-error", "report\n"),
            ("on-error loudly", "Not a value of on-error: loudly\n"),
            ("prompt \"? \"", ""),
            ("prompt", "\"? \"\n"),
            ("prompt #f", ""),
            (
                "nosuch",
                "Unknown option: nosuch; there are prompt, value-history, on-error.\n",
            ),
        ] {
            assert_eq!(options.answer(text), answer, "{text}");
        }
        assert_eq!((options.prompt, options.on_error), (None, OnError::Report));
    }
}
