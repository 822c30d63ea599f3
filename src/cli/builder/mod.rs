//! `builder status|bump|check|record FILE`: the builder versions of a `media.scm`.

mod git;
mod unfinished;

use super::arguments::CommandLine;
use super::interpreter::{self, World};
use super::output::print_line;
use super::settings::Environment;
use super::trouble;
use crate::failure::{Failure, Key};
use crate::guile::interpreter::{Interpreter, Stop};
use crate::guile::value::{Value, list_value, string_value, symbol_value};
use crate::media::primitives::{definitions, survey};
use crate::media::{self, Check, Checked, Record, Survey, Version};
use crate::visible::escape;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use unfinished::Unfinished;

/// Show, raise or check the builder versions of a media.scm.
#[derive(Clone, Debug, Subcommand)]
pub enum Arguments {
    /// Print each builder version with where it stands
    Status(Module),
    /// Raise builder versions by one and record the layout they stand for
    Bump {
        #[command(flatten)]
        module: Module,
        /// Versions to raise, such as `image` or `installer-iso`; all without one
        names: Vec<String>,
        /// Do not load FILE to record the layout
        #[arg(long)]
        no_record: bool,
        #[command(flatten)]
        references: References,
    },
    /// Tell which versions must rise, and because of which entries
    Check {
        #[command(flatten)]
        module: Module,
        /// Check what git would commit now, as a hook wants it
        #[arg(long)]
        staged: bool,
        #[command(flatten)]
        references: References,
    },
    /// Record the layout that the versions stand for, as bump does
    Record {
        #[command(flatten)]
        module: Module,
        #[command(flatten)]
        references: References,
    },
}

/// Which module is meant.
#[derive(Args, Clone, Debug)]
pub struct Module {
    /// Fruix's modules/fruix/system/freebsd/media.scm
    file: PathBuf,
}

/// What layouts are made from, besides the closures that come with the program.
#[derive(Args, Clone, Debug, Default)]
pub struct References {
    /// Make a layout from this closure as well
    #[arg(long = "closure", value_name = "CLOSURE")]
    closures: Vec<PathBuf>,
    /// Make a layout from the closure that the guest of the settings runs as well
    #[arg(long)]
    guest: bool,
}

/// Do what ARGUMENTS say; a version that must rise is a check that failed.
pub fn run(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    let world = Surveyor { line, environment };
    match arguments {
        Arguments::Status(Module { file }) => {
            for version in media::status(file, definitions)? {
                let Version {
                    name,
                    value,
                    line,
                    column,
                    ..
                } = version;
                let shown = format!("{name}={value}  {}:{line}:{column}", file.display());
                print_line(escape(&shown))?;
            }
            Ok(0)
        }
        Arguments::Bump {
            module: Module { file },
            names,
            no_record,
            references,
        } => {
            let references = (!no_record).then_some(references);
            bump(file, names, references, &world)
        }
        Arguments::Check {
            module: Module { file },
            staged: true,
            references,
        } => {
            let staged = git::Staged::of(file)?;
            let history = staged.history().clone();
            check(staged.file(), history, Some(file), references, &world)
        }
        Arguments::Check {
            module: Module { file },
            staged: false,
            references,
        } => check(file, git::history(file)?, None, references, &world),
        Arguments::Record {
            module: Module { file },
            references,
        } => record(file, references, &world),
    }
}

/// Finds out what a module makes, which takes an interpreter and may take a guest.
struct Surveyor<'a> {
    line: &'a CommandLine,
    environment: &'a Environment,
}

/// No answer: an error that has been told, and the status that it asks for.
struct Told(u8);

impl Surveyor<'_> {
    /// What FILE makes from the closures that come with the program and REFERENCES.
    fn survey(
        &self,
        file: &Path,
        references: &References,
    ) -> Result<Result<Survey, Told>, Failure> {
        let arguments = vec!["fruix-scm".to_owned()];
        let mut interpreter = interpreter::make(self.line, self.environment, arguments)?;
        let world = references
            .guest
            .then(|| World::prepare(self.line, self.environment))
            .transpose()?;
        let found = ask(&mut interpreter, file, references);
        drop(interpreter);
        if let Some(world) = world {
            world.end();
        }
        self.told(file, found)
    }

    /// The same, or nothing where FILE does not load.
    fn try_survey(&self, file: &Path, references: &References) -> Result<Option<Survey>, Failure> {
        let arguments = vec!["fruix-scm".to_owned()];
        let mut interpreter = interpreter::make(self.line, self.environment, arguments)?;
        let references = References {
            guest: false,
            ..references.clone()
        };
        let found = ask(&mut interpreter, file, &references);
        Ok(found.ok().and_then(|value| survey(&value).ok()))
    }

    fn told(
        &self,
        file: &Path,
        found: Result<Value, Stop>,
    ) -> Result<Result<Survey, Told>, Failure> {
        match found {
            Ok(value) => Ok(Ok(survey(&value).map_err(|_| {
                Failure::internal("media-survey returned something else than a survey")
            })?)),
            // A module that ends the program has not been checked.
            Err(Stop::Quit(_)) => Err(Failure::new(
                Key::Media,
                format!(
                    "cannot tell the layout of `{}`: the program was ended by what was loaded",
                    file.display()
                ),
            )
            .hint("take the call of `exit` out")),
            Err(stop) => Ok(Err(Told(trouble::show_stop_of_verb(&stop)))),
        }
    }
}

fn ask(interpreter: &mut Interpreter, file: &Path, references: &References) -> Result<Value, Stop> {
    let _unfinished = Unfinished::begin();
    let name = |path: &Path| string_value(path.to_string_lossy());
    let closures: Vec<Value> = references.closures.iter().map(|path| name(path)).collect();
    let closures = list_value(closures);
    if references.guest {
        return interpreter.call(
            &["fruix", "media", "guest"],
            "media-survey-with-guest",
            vec![name(file), closures],
        );
    }
    interpreter.call(
        &["fruix", "media"],
        "media-survey",
        vec![name(file), symbol_value("#:closures"), closures],
    )
}

/// The name of the constant that NAME, perhaps without its end, means.
fn full_name(name: &str) -> String {
    if name.ends_with("-builder-version") {
        name.to_owned()
    } else {
        format!("{name}-builder-version")
    }
}

/// Raise versions of FILE; without REFERENCES nothing is loaded or recorded.
fn bump(
    file: &Path,
    names: &[String],
    references: Option<&References>,
    surveyor: &Surveyor,
) -> Result<u8, Failure> {
    let names: Vec<String> = names.iter().map(|name| full_name(name)).collect();
    let record = media::record_file(file);
    let mut known = Record::read(&record)?;
    known.learn(git::history(file)?.record);
    let before = media::read(file)?;
    if let Some(references) = references
        && let Err(Told(status)) = surveyor.survey(file, references)?
    {
        // A module that does not load is not raised.
        return Ok(status);
    }
    let raised = media::bump(file, &names, definitions, |name, value| {
        known.knows(name, value.trim_start_matches('\''))
    })?;
    if let Some(references) = references {
        // The layout may tell the version, so it is looked at again; a module
        // that sets another value is not raised.
        let done = surveyor.survey(file, references).and_then(|found| {
            let Ok(survey) = found else { return Ok(found) };
            for raised in &raised {
                has_risen(file, raised, &survey)?;
            }
            media::note(&survey, &record, |name| {
                raised.iter().any(|raised| raised.name == name)
            })?;
            Ok(Ok(survey))
        });
        match done {
            Ok(Ok(_)) => {}
            Ok(Err(Told(status))) => {
                media::replace(file, &before)?;
                return Ok(status);
            }
            Err(failure) => {
                media::replace(file, &before)?;
                return Err(failure);
            }
        }
    }
    for raised in &raised {
        let shown = format!("{}: {} -> {}", raised.name, raised.before, raised.after);
        print_line(escape(&shown))?;
    }
    Ok(0)
}

/// Refuse when what was RAISED in the text of FILE has another value in SURVEY.
fn has_risen(file: &Path, raised: &media::Raised, survey: &Survey) -> Result<(), Failure> {
    let wanted = raised.after.trim_start_matches('\'');
    let found = survey
        .versions
        .iter()
        .find(|(name, _)| *name == raised.name)
        .map(|(_, value)| value.as_str());
    if found == Some(wanted) {
        return Ok(());
    }
    Err(Failure::new(
        Key::Media,
        format!(
            "cannot raise `{}` in `{}` to {wanted}: when it is loaded, it {}",
            raised.name,
            file.display(),
            found.map_or("is not defined".to_owned(), |found| format!("is {found}"))
        ),
    )
    .hint("something in the module sets it later; raise that by hand"))
}

/// Say how the versions of FILE stand. When it stands for what git would commit of
/// the module ORIGIN, what is not recorded there will not be remembered.
fn check(
    file: &Path,
    mut history: media::History,
    origin: Option<&Path>,
    references: &References,
    surveyor: &Surveyor,
) -> Result<u8, Failure> {
    let survey = match surveyor.survey(file, references)? {
        Ok(survey) => survey,
        Err(Told(status)) => return Ok(status),
    };
    let record = media::record_file(file);
    let mut checked = media::check(&survey, &record, &history)?;
    let committed: Vec<(String, String)> = checked
        .iter()
        .filter(|checked| matches!(checked.check, Check::Committed))
        .map(|checked| (checked.name.clone(), checked.value.clone()))
        .collect();
    if !committed.is_empty() {
        learn_from_commits(
            origin.unwrap_or(file),
            &committed,
            &mut history,
            references,
            surveyor,
        )?;
        checked = media::check(&survey, &record, &history)?;
    }
    if origin.is_none() {
        // What is known now is what later checks need to know.
        media::note(&survey, &record, |name| {
            checked.iter().any(|checked| {
                checked.name == name
                    && matches!(checked.check, Check::Raised { .. } | Check::Current)
            })
        })?;
    }
    let mut wrong = 0;
    for checked in &checked {
        wrong += u8::from(tell(checked, origin)?);
    }
    Ok(u8::from(wrong > 0))
}

/// Add to HISTORY what VERSIONS, (name, value), stood for in the commits of FILE
/// that had them and recorded nothing.
fn learn_from_commits(
    file: &Path,
    versions: &[(String, String)],
    history: &mut media::History,
    references: &References,
    surveyor: &Surveyor,
) -> Result<(), Failure> {
    let Some(repository) = git::Repository::of(file)? else {
        return Ok(());
    };
    for (_directory, file) in repository.earlier(versions)? {
        // From a module that does not load no medium was made.
        let Some(survey) = surveyor.try_survey(&file, references)? else {
            continue;
        };
        for version in versions
            .iter()
            .filter(|version| survey.versions.contains(version))
        {
            for layout in &survey.layouts {
                history.record.note(&version.0, &version.1, layout);
            }
        }
    }
    Ok(())
}

/// Print how a version stands, and whether that is wrong.
fn tell(checked: &Checked, origin: Option<&Path>) -> Result<bool, Failure> {
    let Checked { name, value, check } = checked;
    let (said, wrong) = match (check, origin) {
        (Check::Raised { from }, Some(origin)) => (
            format!(
                "raised from {from}, and its layout is not staged: `builder check {}`, \
                 then `git add {}`",
                origin.display(),
                media::record_file(origin).display()
            ),
            true,
        ),
        (check, _) => said(check),
    };
    print_line(escape(&format!("{name}={value}  {said}")))?;
    if let Check::Stale(reasons) = check {
        let added = reasons.added.iter().map(|line| format!("  + {line}"));
        let removed = reasons.removed.iter().map(|line| format!("  - {line}"));
        for line in added.chain(removed) {
            print_line(escape(&line))?;
        }
    }
    Ok(wrong)
}

/// How a version stands, in words, and whether that is wrong.
fn said(check: &Check) -> (String, bool) {
    match check {
        Check::Current => ("current".to_owned(), false),
        Check::Raised { from } => (
            format!("raised from {from}; its layout is recorded now"),
            false,
        ),
        Check::Committed => (
            "cannot be checked: it was committed, and no layout is recorded of it; \
             `builder record` records it"
                .to_owned(),
            true,
        ),
        Check::Unknown { why } => (
            format!("cannot be checked: {why}; `builder record` records it"),
            true,
        ),
        Check::Gone => (
            "is recorded, and the module does not define it".to_owned(),
            true,
        ),
        Check::Stale(stale) if stale.closure.is_empty() => {
            (format!("must rise: {}", stale.why), true)
        }
        Check::Stale(stale) => (
            format!("must rise: {} (with {})", stale.why, stale.closure),
            true,
        ),
    }
}

fn record(file: &Path, references: &References, surveyor: &Surveyor) -> Result<u8, Failure> {
    let survey = match surveyor.survey(file, references)? {
        Ok(survey) => survey,
        Err(Told(status)) => return Ok(status),
    };
    let record = media::record_file(file);
    let stale: Vec<String> = media::check(&survey, &record, &git::history(file)?)?
        .into_iter()
        .filter(|checked| matches!(checked.check, Check::Stale(_)))
        .map(|checked| checked.name)
        .collect();
    if !stale.is_empty() {
        return Err(Failure::new(
            Key::Media,
            format!(
                "cannot record the layout of `{}`: {} must rise first",
                file.display(),
                stale.join(", ")
            ),
        )
        .hint("raise them with `builder bump`, which records the layout too"));
    }
    media::record(&survey, &record)?;
    print_line(format_args!(
        "recorded={}",
        escape(&record.display().to_string())
    ))?;
    Ok(0)
}
