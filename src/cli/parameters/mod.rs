//! What a harness asks of the command line: its arguments, what settings files,
//! variables and `--set` say of its parameters, and its text.
//!
//! Here is what was given and where; which parameters there are, of which types,
//! and what is refused belongs to the harness (`scheme/fruix/parameters.scm` and
//! `scheme/fruix/harness/`). Nothing is read before it is asked for: an argument
//! that is refused is refused before settings are looked at. In a simulated run the
//! same files count, although what they say of hosts does not.

pub mod primitives;

use super::arguments::CommandLine;
use super::settings::{self, Environment, PARAMETERS, Settings, distance, variable_name};
use crate::failure::Failure;
use clap::CommandFactory;
use lexpr::Value as Datum;
use std::path::{Path, PathBuf};

/// The program that runs, as the command line names it.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// FILE as it was written, `-c` for an expression; none at a prompt.
    pub file: Option<String>,
    /// The name that its text has in messages.
    pub source: Option<String>,
    pub text: Option<String>,
    /// The files of `-l`.
    pub loads: Vec<PathBuf>,
    /// What follows FILE.
    pub arguments: Vec<String>,
    /// The values of `--set`.
    pub options: Vec<String>,
    pub config: Option<PathBuf>,
    pub simulated: bool,
    pub environment: Environment,
}

/// A value that somebody has given a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Where it comes from, as it is shown.
    pub origin: String,
    /// The directory that names of files are relative to.
    pub base: PathBuf,
    pub value: Raw,
}

/// A value of which nobody knows the type yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// Of a variable or an option.
    Text(String),
    /// Of a settings file.
    Datum(Datum),
}

impl Program {
    /// What LINE and ENVIRONMENT say of the program FILE with TEXT.
    pub fn of(
        line: &CommandLine,
        environment: &Environment,
        file: Option<String>,
        text: Option<String>,
    ) -> Program {
        Program {
            arguments: match &file {
                Some(_) => line.program.arguments.clone(),
                // Those of a prompt are no harness's.
                None => Vec::new(),
            },
            file,
            source: None,
            text,
            loads: line.program.load.clone(),
            options: line.world.settings.clone(),
            config: line.world.config.clone(),
            simulated: line.world.simulate,
            environment: environment.clone(),
        }
    }

    /// Whether an argument looks like an option, so that somebody has to know
    /// whether it is one of a harness.
    pub fn has_options(&self) -> bool {
        self.arguments
            .iter()
            .take_while(|argument| *argument != "--")
            .any(|argument| argument.len() > 1 && argument.starts_with('-'))
    }

    /// What settings files, environment and `--set` give the parameter NAME, the one
    /// that counts last.
    pub fn given(&self, name: &str) -> Result<Vec<Given>, Failure> {
        let shared = Settings::names().any(|(known, _)| known == name);
        let mut given = Vec::new();
        for (path, must_exist) in settings::files(&self.environment, self.config.as_deref()) {
            let Some(datum) = settings::read_file(&path, must_exist)? else {
                continue;
            };
            let base = path.parent().unwrap_or(Path::new("."));
            given.extend(
                of_file(&datum, name, shared)
                    .into_iter()
                    .map(|value| Given {
                        origin: path.display().to_string(),
                        base: base.to_owned(),
                        value: Raw::Datum(value.clone()),
                    }),
            );
        }
        let text = |origin: String, text: &str| Given {
            origin,
            base: self.environment.directory.clone(),
            value: Raw::Text(text.to_owned()),
        };
        let variable = variable_name(name);
        if let Some(value) = self.environment.get(&variable) {
            given.push(text(format!("${variable}"), value));
        }
        for option in self.options.iter().filter(|_| shared) {
            if let Some((_, value)) = option.split_once('=').filter(|(set, _)| *set == name) {
                given.push(text("--set".to_owned(), value));
            }
        }
        Ok(given)
    }
}

/// The values that the settings DATUM has for the parameter NAME: at its top, when it
/// is SHARED with a setting, then among `parameters`.
fn of_file<'a>(datum: &'a Datum, name: &str, shared: bool) -> Vec<&'a Datum> {
    let entry = |datum: &'a Datum, name: &str| {
        datum
            .list_iter()?
            .filter_map(Datum::as_pair)
            .find(|(key, _)| key.as_symbol() == Some(name))
            .map(|(_, value)| value)
    };
    let among = entry(datum, PARAMETERS).and_then(|parameters| entry(parameters, name));
    shared
        .then(|| entry(datum, name))
        .flatten()
        .into_iter()
        .chain(among)
        .collect()
}

/// The options of fruix-scm, which stand before FILE, as they are written, and whether
/// the next argument is the value of each.
pub fn own_options() -> Vec<(String, bool)> {
    CommandLine::command()
        .get_arguments()
        .flat_map(|known| {
            let valued = known.get_action().takes_values() && !known.is_require_equals_set();
            let short = known.get_short().map(|short| format!("-{short}"));
            let long = known.get_long().map(|long| format!("--{long}"));
            long.into_iter()
                .chain(short)
                .map(move |option| (option, valued))
        })
        .collect()
}

/// The one of KNOWN that WORD was meant to be, as far as one is near.
pub fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a String> {
    // Short words are near to many.
    let most = word
        .trim_start_matches('-')
        .chars()
        .count()
        .div_ceil(3)
        .min(3);
    known
        .iter()
        .filter(|known| known.len() > 2)
        .map(|known| (distance(word, known), known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_near_to_what_it_was_meant_to_be_and_to_nothing_else() {
        let known: Vec<String> = own_options()
            .into_iter()
            .map(|(option, _)| option)
            .collect();
        let option = |word: &str| nearest(word, &known).map(String::as_str);
        for (word, meant) in [
            ("--simualte", Some("--simulate")),
            ("--simulat", Some("--simulate")),
            ("--kep", Some("--keep")),
            ("--volume", None),
            ("--account", None),
            ("-j8", None),
        ] {
            assert_eq!(option(word), meant, "{word}");
        }
    }

    #[test]
    fn a_parameter_is_found_at_the_top_of_the_settings_and_among_the_parameters() {
        let datum = lexpr::from_str(
            "((host . \"x\") (tags . 1) (build-jobs . 2) (parameters (build-jobs . 4) (tags \"a\" \"b\")))",
        )
        .unwrap();
        let texts = |name: &str| -> Vec<String> {
            of_file(&datum, name, name == "build-jobs")
                .into_iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(texts("build-jobs"), ["2", "4"]);
        assert_eq!(texts("tags"), ["(\"a\" \"b\")"]);
        assert!(texts("no").is_empty());
    }
}
