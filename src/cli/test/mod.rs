//! `test FILE…`: programs in SRFI-64, each in a process of its own.
//!
//! What a file does to its process reaches no other file, and one that ends it is told
//! like any other trouble. `(fruix testing)` runs the file there and writes down each
//! result, which [`results`] reads.

mod results;

use super::arguments::CommandLine;
use super::output::{print_line, print_text};
use super::{signals, trouble};
use crate::clock;
use crate::failure::{Failure, Key};
use crate::report::model::{Case, Counts, Outcome, Suite, Trouble};
use crate::report::{junit, tap};
use crate::runtime;
use crate::temporary::{Folder, Purpose};
use crate::visible::escape;
use clap::Args;
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// Run tests.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Programs in SRFI-64; each is run in a process of its own, in this directory
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Print the results as TAP; what the files print goes to stderr
    #[arg(long)]
    tap: bool,
    /// Write the results to FILE as JUnit's XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// What a file's process is told to do with its arguments.
const PROGRAM: &str = "(apply (@ (fruix testing) test-file) (cdr (command-line)))";

/// A file may take as long as it likes; Ctrl-C ends it.
const FOREVER: Duration = Duration::from_secs(3600 * 24 * 365);

/// How long a file's process has to end after an interrupt.
const PARTING: Duration = Duration::from_secs(30);

/// Run the files of ARGUMENTS; gives 0 when all has passed, 1 when a test has failed, 4
/// when a file could not be run to its end.
pub fn run(arguments: &Arguments, line: &CommandLine) -> Result<u8, Failure> {
    for file in &arguments.files {
        std::fs::File::open(file).map_err(|error| {
            Failure::new(
                Key::Usage,
                format!("cannot read `{}`: {error}", file.display()),
            )
        })?;
    }
    signals::listen_to_all()?;
    let suites = arguments
        .files
        .iter()
        .map(|file| suite(file, arguments, line))
        .collect::<Result<Vec<Suite>, Failure>>()?;
    if let Some(file) = &arguments.junit {
        std::fs::write(file, junit::text(&suites)).map_err(|error| {
            Failure::new(
                Key::System,
                format!("cannot write `{}`: {error}", file.display()),
            )
        })?;
    }
    match arguments.tap {
        true => print_text(&tap::text(&suites))?,
        false => print_counts(&suites)?,
    }
    let counts = Counts::of(&suites);
    Ok(match (counts.errors, counts.failures) {
        (0, 0) => 0,
        (0, _) => 1,
        _ => 4,
    })
}

fn print_counts(suites: &[Suite]) -> Result<(), Failure> {
    let counts = Counts::of(suites);
    let passed = counts.cases - counts.failures - counts.errors - counts.skipped;
    for (name, count) in [
        ("files", suites.len()),
        ("passed", passed),
        ("failed", counts.failures),
        ("errors", counts.errors),
        ("skipped", counts.skipped),
    ] {
        print_line(format_args!("{name}={count}"))?;
    }
    Ok(())
}

/// Run FILE, and tell what became of it.
fn suite(file: &Path, arguments: &Arguments, line: &CommandLine) -> Result<Suite, Failure> {
    let system = |what: &str, error: std::io::Error| {
        Failure::new(Key::System, format!("cannot {what}: {error}"))
    };
    let folder = Folder::make(Purpose::Tests)
        .map_err(|error| system("make a folder for the results", error))?;
    let results = folder.path().join("results");
    let (began, started) = (clock::wall(), Instant::now());
    let status = status_of(file, &results, arguments, line)?;
    let seconds = started.elapsed().as_secs_f64();
    let text = match std::fs::read_to_string(&results) {
        Ok(text) => text,
        // It ended before it made its first.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(system("read the results", error)),
    };
    let mut cases = results::cases(&text)?;
    cases.extend(end_of(&cases, status));
    let suite = Suite {
        name: file.display().to_string(),
        began: began
            .duration_since(UNIX_EPOCH)
            .ok()
            .map(|since| since.as_secs()),
        seconds: Some(seconds),
        properties: Vec::new(),
        cases,
    };
    tell(&suite);
    Ok(suite)
}

/// Run FILE in a process of its own that writes its results to RESULTS.
fn status_of(
    file: &Path,
    results: &Path,
    arguments: &Arguments,
    line: &CommandLine,
) -> Result<ExitStatus, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(
            Key::System,
            format!("cannot run `{}`: {error}", file.display()),
        )
    };
    let program = std::env::current_exe().map_err(cannot)?;
    let mut command = tokio::process::Command::new(program);
    command
        .args(options(line))
        .args(["-c", PROGRAM])
        .arg(file)
        .arg(results)
        .stdin(Stdio::null());
    if arguments.tap {
        let stderr = std::io::stderr().as_fd().try_clone_to_owned();
        command.stdout(stderr.map_err(cannot)?);
    }
    let mut child = runtime::enter(|| command.spawn()).map_err(cannot)?;
    let what = format!("running `{}`", file.display());
    let ended = runtime::wait(&what, FOREVER, async { child.wait().await.map_err(cannot) });
    if ended.is_err() {
        // It was interrupted as well, and may have something to tidy.
        runtime::wait_to_clean_up(&what, PARTING, async { child.wait().await.map_err(cannot) })?;
    }
    ended
}

/// The options of LINE that say in which world and with which modules a program runs.
fn options(line: &CommandLine) -> Vec<OsString> {
    let (program, world) = (&line.program, &line.world);
    let mut options: Vec<OsString> = Vec::new();
    let mut add = |name: &str, value: OsString| options.extend([OsString::from(name), value]);
    for directory in &program.load_path {
        add("-L", directory.into());
    }
    for file in &program.load {
        add("-l", file.into());
    }
    for extension in &program.extensions {
        add("-x", extension.into());
    }
    if let Some(bytes) = program.memory_limit {
        add("--memory-limit", bytes.to_string().into());
    }
    if let Some(file) = &world.config {
        add("--config", file.into());
    }
    for setting in &world.settings {
        add("--set", setting.into());
    }
    for mishap in &world.mishap {
        add("--mishap", mishap.into());
    }
    if world.simulate {
        options.push("--simulate".into());
    }
    options
}

/// What the STATUS of a file's process has to say that none of its CASES says.
fn end_of(cases: &[Case], status: ExitStatus) -> Option<Case> {
    let has_failed = cases
        .iter()
        .any(|case| matches!(case.outcome, Outcome::Failed(_)));
    let trouble = |message: String| Trouble {
        kind: "status".to_owned(),
        message,
        ..Trouble::default()
    };
    let outcome = match status.code() {
        Some(0) => return None,
        Some(1) if has_failed => return None,
        Some(1) => Outcome::Failed(trouble("the file ended with status 1".to_owned())),
        Some(code) => Outcome::Error(trouble(format!("the file ended with status {code}"))),
        None => Outcome::Error(trouble(format!("the file was ended: {status}"))),
    };
    Some(Case {
        group: String::new(),
        name: "the file runs to its end".to_owned(),
        place: None,
        seconds: None,
        outcome,
    })
}

/// Say on stderr what is wrong in SUITE, and how it went.
fn tell(suite: &Suite) {
    let mut text = String::new();
    for case in &suite.cases {
        let (Outcome::Failed(trouble) | Outcome::Error(trouble)) = &case.outcome else {
            continue;
        };
        let title = match case.group.as_str() {
            "" => case.name.clone(),
            group => format!("{group}: {}", case.name),
        };
        text.push_str(&format!("✗ {}\n", escape(&title)));
        text.push_str(&format!("  {}\n", escape(&trouble.message)));
        for (what, value) in [("expected", &trouble.expected), ("actual", &trouble.actual)] {
            if let Some(value) = value {
                text.push_str(&format!("  {what:8}  {}\n", escape(value)));
            }
        }
    }
    let counts = Counts::of(std::slice::from_ref(suite));
    let mark = match counts.failures + counts.errors {
        0 => '✓',
        _ => '✗',
    };
    text.push_str(&format!(
        "{mark} {}: {} ({:.1} s)\n",
        escape(&suite.name),
        in_words(counts),
        suite.seconds.unwrap_or_default()
    ));
    trouble::warn(&text, usize::MAX);
}

fn in_words(counts: Counts) -> String {
    let passed = counts.cases - counts.failures - counts.errors - counts.skipped;
    let words: Vec<String> = [
        (passed, "passed"),
        (counts.failures, "failed"),
        (counts.errors, "not run to the end"),
        (counts.skipped, "skipped or known to fail"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    match words.is_empty() {
        true => "no tests".to_owned(),
        false => words.join(", "),
    }
}
