//! `builder status|bump|check|record FILE`: the builder versions of a `media.scm`.

use super::arguments::CommandLine;
use super::interpreter;
use super::output::print_line;
use super::screen::escape;
use super::settings::Environment;
use super::trouble;
use crate::failure::{Failure, Key};
use crate::guile::interpreter::Stop;
use crate::guile::value::{string_value, strings};
use crate::media::{self, Check, Version};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

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
    },
    /// Tell which versions must rise, and because of which entries
    Check(Module),
    /// Record the layout that the versions stand for, as bump does
    Record(Module),
}

/// Which module is meant.
#[derive(Args, Clone, Debug)]
pub struct Module {
    /// Fruix's modules/fruix/system/freebsd/media.scm
    file: PathBuf,
}

/// Do what ARGUMENTS say; a version that must rise is a check that failed.
pub fn run(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    match arguments {
        Arguments::Status(Module { file }) => {
            for version in media::status(file)? {
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
        } => {
            // The layout comes first: a module that does not load is not raised.
            let layout = if *no_record {
                None
            } else {
                match layout(file, line, environment)? {
                    Ok(layout) => Some(layout),
                    Err(stop) => return Ok(trouble::show_stop_of_verb(&stop)),
                }
            };
            let names: Vec<String> = names.iter().map(|name| full_name(name)).collect();
            let raised = media::bump(file, &names)?;
            for raised in &raised {
                let shown = format!("{}: {} -> {}", raised.name, raised.before, raised.after);
                print_line(escape(&shown))?;
            }
            if let Some(layout) = layout {
                let versions: Vec<Version> = media::status(file)?
                    .into_iter()
                    .filter(|version| raised.iter().any(|raised| raised.name == version.name))
                    .collect();
                media::record(&versions, &layout, &media::record_file(file))?;
            }
            Ok(0)
        }
        Arguments::Check(Module { file }) => match layout(file, line, environment)? {
            Ok(layout) => check(file, &layout),
            Err(stop) => Ok(trouble::show_stop_of_verb(&stop)),
        },
        Arguments::Record(Module { file }) => match layout(file, line, environment)? {
            Ok(layout) => record(file, &layout),
            Err(stop) => Ok(trouble::show_stop_of_verb(&stop)),
        },
    }
}

/// The name of the constant that NAME, perhaps without its end, means.
fn full_name(name: &str) -> String {
    if name.ends_with("-builder-version") {
        name.to_owned()
    } else {
        format!("{name}-builder-version")
    }
}

/// The visible layout as FILE's own procedure makes it.
fn layout(
    file: &Path,
    line: &CommandLine,
    environment: &Environment,
) -> Result<Result<Vec<String>, Stop>, Failure> {
    let mut interpreter = interpreter::make(line, environment, vec!["fruix-scm".to_owned()])?;
    let name = string_value(file.to_string_lossy());
    Ok(
        match interpreter.call(&["fruix", "media"], "media-layout", vec![name]) {
            Ok(layout) => Ok(strings("media-layout", &[layout], 1)
                .map_err(|_| Failure::internal("media-layout returned no list of strings"))?),
            Err(stop) => Err(stop),
        },
    )
}

fn check(file: &Path, layout: &[String]) -> Result<u8, Failure> {
    let mut stale = 0;
    for (version, check) in media::check(&media::status(file)?, layout, &media::record_file(file))?
    {
        let said = match &check {
            Check::Current => "current".to_owned(),
            Check::Unrecorded => "no layout is recorded; `builder record` does it".to_owned(),
            Check::Raised { from } => {
                format!("raised from {from} since the layout changed; `builder record` ends this")
            }
            Check::Stale(_) => "must rise: the layout has changed".to_owned(),
        };
        let shown = format!("{}={}  {said}", version.name, version.value);
        print_line(escape(&shown))?;
        if let Check::Stale(reasons) = check {
            stale += 1;
            let added = reasons.added.iter().map(|line| format!("  + {line}"));
            let removed = reasons.removed.iter().map(|line| format!("  - {line}"));
            for line in added.chain(removed) {
                print_line(escape(&line))?;
            }
        }
    }
    Ok(u8::from(stale > 0))
}

fn record(file: &Path, layout: &[String]) -> Result<u8, Failure> {
    let (versions, record) = (media::status(file)?, media::record_file(file));
    let stale: Vec<String> = media::check(&versions, layout, &record)?
        .into_iter()
        .filter(|(_, check)| matches!(check, Check::Stale(_)))
        .map(|(version, _)| version.name)
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
    media::record(&versions, layout, &record)?;
    print_line(format_args!(
        "recorded={}",
        escape(&record.display().to_string())
    ))?;
    Ok(0)
}
