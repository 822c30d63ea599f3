//! `bisect`: since which revision of a checkout a harness fails.
//!
//! [`git`] chooses the revisions and checks them out, each in a work tree of its own; the
//! user's command makes an image of each, and fruix-scm runs the harness on that. When one
//! is sure of a revision is [`rule`]'s, what is known so far [`notes`]': a bisection that
//! was interrupted or killed is begun anew from its notes, and tries nothing twice.

mod git;
mod notes;
mod rule;

use super::arguments::CommandLine;
use super::child;
use super::output::{print_line, print_text};
use super::packaging::programs;
use super::settings::Environment;
use super::{program, runs, runs_context};
use crate::failure::{Failure, Key};
use crate::progress::{Event, tell};
use crate::report::data;
use crate::run::folder;
use crate::visible::escape;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use git::{Next, Repository};
use notes::{Note, Notes, Plan};
use rule::{Answer, Rule, Verdict};
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that tells the command which revision is to be made an image of.
const REVISION: &str = "FRUIX_SCM_REVISION";

/// How a work tree of a revision, and one without files, are called in the folder.
const TREE: &str = "tree-";
const GRAPH: &str = "graph-";

/// How much of what a command has printed is looked at for its last lines.
const LAST_BYTES: u64 = 16 << 10;
/// How many of those lines are shown when it fails.
const LAST_LINES: usize = 10;

/// Find the first revision of a checkout on which a harness fails
///
/// COMMAND is run by sh in a fresh work tree of each revision that git bisect chooses,
/// with $FRUIX_SCM_REVISION, and prints the path of an image as its last line; the harness
/// is then run with the setting `image`. COMMAND's status 0 means that there is an image,
/// 125 that the revision is to be left out, 1 to 127 that it is bad; others end the
/// bisection. The same command goes on with a bisection that was interrupted or killed.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// A revision on which the harness passes
    #[arg(long, value_name = "REVISION", required_unless_present = "resume")]
    good: Option<String>,
    /// A later revision on which it fails
    #[arg(long, value_name = "REVISION", required_unless_present = "resume")]
    bad: Option<String>,
    /// What makes an image of a revision and prints its path
    #[arg(long, value_name = "COMMAND", required_unless_present = "resume")]
    image: Option<String>,
    /// The checkout, instead of the one around the current directory
    #[arg(long = "in", value_name = "DIR")]
    directory: Option<PathBuf>,
    /// A revision is good when the harness has passed so often on it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..1000))]
    repeat: u32,
    /// A revision is bad when the harness has failed so often on it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..1000))]
    failures: u32,
    /// Try so often once more where the world was not ready, before that counts
    #[arg(long, value_name = "N", default_value_t = 2)]
    retries: u32,
    /// What a revision is on which the world is never ready, such as one that does not boot
    #[arg(long, value_name = "HOW", default_value = "skip", value_parser = ["skip", "bad"])]
    not_ready: String,
    /// Believe that the good one is good and the bad one bad, instead of trying them first
    #[arg(long)]
    trust_ends: bool,
    /// Go on with the bisection that was begun last and has not ended
    #[arg(long, conflicts_with_all = ["good", "bad", "image", "directory", "program"])]
    resume: bool,
    /// Try all again, also what an earlier bisection by the same command has tried
    #[arg(long, conflicts_with = "resume")]
    fresh: bool,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    /// The harness, and what is behind it on its command line
    #[arg(
        value_name = "HARNESS",
        required_unless_present = "resume",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        add = ArgValueCompleter::new(programs)
    )]
    program: Vec<OsString>,
}

/// Do what ARGUMENTS say, with the world of LINE.
pub fn run(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    let directory = directory(environment).ok_or_else(runs::no_place)?;
    sweep(environment);
    let plan = match arguments.resume {
        true => unfinished(&directory)?,
        false => plan(arguments, line, environment)?,
    };
    let mut notes = Notes::of(&directory, &plan)?;
    if arguments.fresh {
        notes.begin_anew(&plan)?;
        let _ = fs::remove_file(notes.folder.join(ENDED));
    }
    notes::prune(&directory);
    let mut bisection = Bisection {
        repository: Repository::at(&plan.repository),
        plan,
        notes,
    };
    let ended = bisection.go();
    bisection.tidy();
    let ended = ended.map_err(|failure| match failure.key() {
        Key::Interrupted => {
            failure.hint("the same command, or `fruix-scm bisect --resume`, goes on where it was")
        }
        _ => failure,
    })?;
    bisection.forget_logs(&ended);
    let told = bisection.told(&ended, environment)?;
    match arguments.json {
        true => print_text(&data::text(&told))?,
        false => print(&told)?,
    }
    Ok(match ended {
        Next::First(_) => 0,
        _ => Key::Partial.exit_status(),
    })
}

/// Where bisections are remembered.
fn directory(environment: &Environment) -> Option<PathBuf> {
    environment
        .base_directory("XDG_STATE_HOME", ".local/state")
        .map(|base| base.join("fruix-scm/bisections"))
}

/// Remove the work trees of bisections on which nobody works, since their processes were
/// killed; gives where they were.
pub fn sweep(environment: &Environment) -> Vec<PathBuf> {
    let known = directory(environment).map(|directory| notes::at_rest(&directory));
    let left = known.into_iter().flatten();
    left.flat_map(|(folder, plan, _held)| tidy(&Repository::at(&plan.repository), &folder))
        .collect()
}

/// The plan of the bisection below DIRECTORY that was begun last and has not ended.
fn unfinished(directory: &Path) -> Result<Plan, Failure> {
    let mut known = notes::at_rest(directory).into_iter().rev();
    let found = known.find(|(folder, _, _)| !folder.join(ENDED).exists());
    found.map(|(_, plan, _)| plan).ok_or_else(|| {
        Failure::new(
            Key::Usage,
            format!(
                "cannot go on with a bisection: none in `{}` is unfinished",
                directory.display()
            ),
        )
    })
}

/// The file that says that a bisection has ended.
const ENDED: &str = "ended";

/// What ARGUMENTS ask for.
fn plan(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<Plan, Failure> {
    let said = |argument: &Option<String>| argument.clone().unwrap_or_default();
    let around = arguments.directory.as_deref().unwrap_or(Path::new("."));
    let repository = Repository::of(&environment.directory.join(around))?;
    let mut words = arguments.program.iter();
    let harness = words.next().map(PathBuf::from).unwrap_or_default();
    let (file, harness_sha256) = program::named(&harness)?;
    let mut options = runs_context::options(&line.world, environment);
    if let Some(bytes) = line.program.memory_limit {
        options.extend(["--memory-limit".to_owned(), bytes.to_string()]);
    }
    if line.program.no_cache {
        options.push("--no-cache".to_owned());
    }
    if !line.world.simulate {
        // The next run needs the machine.
        options.push("--tidy".to_owned());
    }
    let load_path = line.program.load_path.iter();
    let load_path = load_path.map(|path| environment.directory.join(path));
    let mut harness: Vec<String> = load_path
        .flat_map(|path| ["-L".to_owned(), path.to_string_lossy().into_owned()])
        .collect();
    harness.extend(["-s".to_owned(), file]);
    Ok(Plan {
        good: repository.commit(&said(&arguments.good))?,
        bad: repository.commit(&said(&arguments.bad))?,
        repository: repository.top().to_owned(),
        image: said(&arguments.image),
        options,
        harness,
        arguments: words
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        harness_sha256,
        directory: environment.directory.clone(),
        rule: Rule {
            passes: arguments.repeat,
            failures: arguments.failures,
            retries: arguments.retries,
            not_ready_is_bad: arguments.not_ready == "bad",
        },
        trust_ends: arguments.trust_ends,
    })
}

/// A bisection that goes on.
struct Bisection {
    repository: Repository,
    plan: Plan,
    notes: Notes,
}

/// What a command has made of a revision.
enum Made {
    /// An image, in this file.
    Image(PathBuf),
    /// Nothing, and that says it all: the verdict, and why.
    Nothing(Verdict, String),
}

impl Bisection {
    /// Try revisions until one knows the first bad one, or that nobody can.
    fn go(&mut self) -> Result<Next, Failure> {
        self.check_harness()?;
        let number = self.free_number();
        let graph = self.notes.folder.join(format!("{GRAPH}{number}"));
        let tree = self.notes.folder.join(format!("{TREE}{number}"));
        let (good, bad) = (self.plan.good.clone(), self.plan.bad.clone());
        let mut graph = self.repository.begin(&graph, &good, &bad)?;
        if !self.plan.trust_ends {
            self.check_end(&tree, &good, Verdict::Good)?;
            self.check_end(&tree, &bad, Verdict::Bad)?;
        }
        let known: Vec<(String, Verdict)> = self
            .notes
            .decided()
            .filter(|(revision, _, _)| *revision != good && *revision != bad)
            .map(|(revision, verdict, _)| (revision.to_owned(), verdict))
            .collect();
        for (revision, verdict) in known {
            graph.mark(&revision, verdict.as_str())?;
        }
        loop {
            match graph.next()? {
                Next::Try(revision, left) => {
                    let verdict = self.decide(&tree, &revision, &left)?;
                    graph.mark(&revision, verdict.as_str())?;
                }
                ended => {
                    let file = self.notes.folder.join(ENDED);
                    fs::write(&file, "").map_err(|error| cannot("write", &file, error))?;
                    return Ok(ended);
                }
            }
        }
    }

    /// A number that no work tree has: what a killed process has left running must not
    /// write into one of this.
    fn free_number(&self) -> u64 {
        let file = self.notes.folder.join("starts");
        let starts = fs::read_to_string(&file).ok();
        let number = starts
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
            + 1;
        // Without it the number is that of a process that has ended.
        let _ = fs::write(&file, format!("{number}\n"));
        number
    }

    /// Refuse a harness that is not the one that the bisection began with.
    fn check_harness(&self) -> Result<(), Failure> {
        let file = self.plan.harness.last().map(PathBuf::from);
        let (name, sha256) = program::named(&file.unwrap_or_default())?;
        match sha256 == self.plan.harness_sha256 {
            true => Ok(()),
            false => Err(Failure::new(
                Key::Usage,
                format!("`{name}` has changed since the bisection began"),
            )
            .hint("begin anew: with the whole command instead of `--resume`")),
        }
    }

    /// REVISION, which is said to be EXPECTED, has to be.
    fn check_end(&mut self, tree: &Path, revision: &str, expected: Verdict) -> Result<(), Failure> {
        let left = format!("said to be {}", expected.as_str());
        let verdict = self.decide(tree, revision, &left)?;
        if verdict == expected {
            return Ok(());
        }
        let decided = self.notes.decided().find(|(of, _, _)| *of == revision);
        let why = decided.map_or("", |(_, _, why)| why).to_owned();
        let what = match verdict {
            Verdict::Skip => "cannot be told",
            verdict => verdict.as_str(),
        };
        let failure = Failure::new(
            Key::Check,
            format!(
                "cannot bisect: revision {} is said to be {} and is {what}: {why}",
                short(revision),
                expected.as_str()
            ),
        )
        .hint("name another one, or say `--trust-ends` to leave both untried");
        // Of what was told of an end a next time is to know nothing: it may be mended.
        self.tidy();
        let _ = fs::remove_dir_all(&self.notes.folder);
        Err(failure)
    }

    /// Find out what REVISION is, in a work tree at TREE; LEFT is how many others may be
    /// the first bad one.
    fn decide(&mut self, tree: &Path, revision: &str, left: &str) -> Result<Verdict, Failure> {
        if let Some(verdict) = self.notes.verdict(revision) {
            return Ok(verdict);
        }
        let subject = self.repository.told(revision)?.subject;
        note(format!("revision {}: {subject} ({left})", short(revision)));
        self.repository.check_out(tree, revision)?;
        let found = self.found(tree, revision);
        let removed = self.repository.remove(tree);
        let (verdict, why) = found?;
        removed?;
        note(format!(
            "revision {}: {}: {why}",
            short(revision),
            verdict.as_str()
        ));
        self.notes.keep(Note::Decided {
            revision: revision.to_owned(),
            verdict,
            why,
        })?;
        Ok(verdict)
    }

    /// What REVISION is, which is checked out at TREE, and why.
    fn found(&mut self, tree: &Path, revision: &str) -> Result<(Verdict, String), Failure> {
        if let Some(decided) = self.plan.rule.decide(&self.notes.answers(revision)) {
            return Ok(decided);
        }
        let image = match self.make(tree, revision)? {
            Made::Image(image) => image,
            Made::Nothing(verdict, why) => return Ok((verdict, why)),
        };
        loop {
            let (answer, status, run) = self.try_once(&image, revision)?;
            self.notes.keep(Note::Ran {
                revision: revision.to_owned(),
                answer,
                status,
                run,
            })?;
            if let Some(decided) = self.plan.rule.decide(&self.notes.answers(revision)) {
                return Ok(decided);
            }
        }
    }

    /// Have the command make an image of REVISION, which is checked out at TREE.
    fn make(&self, tree: &Path, revision: &str) -> Result<Made, Failure> {
        let log = self.log(revision);
        let answer = self.notes.folder.join("answer");
        let open = |file: &Path| File::create(file).map_err(|error| cannot("write", file, error));
        note(format!(
            "making an image; what is printed: `{}`",
            log.display()
        ));
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(&self.plan.image)
            .current_dir(tree)
            .env(REVISION, revision)
            .stdout(open(&answer)?)
            .stderr(open(&log)?);
        for name in git::VARIABLES {
            command.env_remove(name);
        }
        let end = child::run("the command that makes an image", command)?;
        let Some(verdict) = rule::of_command(end) else {
            self.show_last(&log);
            return Err(Failure::new(
                Key::System,
                format!(
                    "the command that makes an image of revision {} ended with status {}, which \
                     ends the bisection",
                    short(revision),
                    end.status()
                ),
            )
            .hint("the same command goes on where it was"));
        };
        if let Some(verdict) = verdict {
            self.show_last(&log);
            let why = format!(
                "the command that makes an image ended with status {}",
                end.status()
            );
            return Ok(Made::Nothing(verdict, why));
        }
        let said = last_lines(&answer).pop().unwrap_or_default();
        let image = tree.join(OsStr::from_bytes(&said));
        if said.is_empty() || !image.is_file() {
            return Err(Failure::new(
                Key::Usage,
                format!(
                    "the command that makes an image of revision {} printed `{}` as its last \
                     line, which is no file",
                    short(revision),
                    String::from_utf8_lossy(&said)
                ),
            )
            .hint("it has to print the path of the image, and anything else to stderr"));
        }
        Ok(Made::Image(image))
    }

    /// Run the harness on IMAGE, of REVISION, once: what it said, its status, and the run.
    fn try_once(
        &self,
        image: &Path,
        revision: &str,
    ) -> Result<(Answer, i32, Option<String>), Failure> {
        let events = self.notes.folder.join("events.jsonl");
        let _ = fs::remove_file(&events);
        let mut setting = OsString::from("image=");
        setting.push(image);
        let mut words = to_words(&self.plan.options);
        words.extend(["--set".into(), setting, "--events".into(), (&events).into()]);
        words.extend(to_words(&self.plan.harness));
        words.extend(to_words(&self.plan.arguments));
        let purpose = format!("bisecting: revision {revision}");
        let mut command = child::fruix_scm(&words, &purpose)?;
        command.current_dir(&self.plan.directory);
        let end = child::run("the harness", command)?;
        let run = run_in(&events);
        let _ = fs::remove_file(&events);
        match Answer::of(end) {
            Some(answer) => Ok((answer, end.status(), run)),
            None if end.status() == 130 => Err(Failure::interrupted("bisecting")),
            None => Err(Failure::new(
                Key::Usage,
                format!(
                    "the harness ended with status {} on revision {}, which ends the bisection",
                    end.status(),
                    short(revision)
                ),
            )
            .hint("the same command goes on where it was")),
        }
    }

    /// Where it is kept what the command has printed for REVISION.
    fn log(&self, revision: &str) -> PathBuf {
        self.notes.folder.join(format!("{revision}.log"))
    }

    fn show_last(&self, log: &Path) {
        for line in last_lines(log) {
            note(format!("  {}", String::from_utf8_lossy(&line)));
        }
    }

    /// Remove the work trees, whatever has happened.
    fn tidy(&self) {
        tidy(&self.repository, &self.notes.folder);
    }

    /// Remove what the command has printed, but for the revision that has ENDED it all.
    fn forget_logs(&self, ended: &Next) {
        for (revision, _, _) in self.notes.decided() {
            if !matches!(ended, Next::First(first) if first == revision) {
                let _ = fs::remove_file(self.log(revision));
            }
        }
        for name in ["answer", "starts"] {
            let _ = fs::remove_file(self.notes.folder.join(name));
        }
    }

    /// What was found out, as data.
    fn told(&self, ended: &Next, environment: &Environment) -> Result<Value, Failure> {
        let mut tried = Vec::new();
        for (revision, verdict, why) in self.notes.decided() {
            tried.push(json!({
                "revision": revision,
                "verdict": verdict.as_str(),
                "why": why,
                "subject": self.repository.told(revision)?.subject,
                "runs": self.notes.runs(revision),
            }));
        }
        let mut told = json!({
            "repository": self.plan.repository.to_string_lossy(),
            "good": self.plan.good,
            "bad": self.plan.bad,
            "tried": tried,
        });
        let first = match ended {
            Next::First(first) => first,
            Next::OneOf(possible) => {
                told["first_bad_among"] = json!(possible);
                return Ok(told);
            }
            Next::Try(..) => return Ok(told),
        };
        let commit = self.repository.told(first)?;
        told["first_bad"] = json!(first);
        told["subject"] = json!(commit.subject);
        told["author"] = json!(commit.author);
        told["date"] = json!(commit.date);
        // The one that failed last says most.
        if let Some(run) = self.notes.runs(first).last() {
            told["run"] = json!(run);
            if let Ok(folder) = runs::find(Some(run), environment) {
                let summary = folder::summary(&folder);
                told["failing_step"] = json!(summary.failed.last());
                told["message"] = json!(summary.message);
            }
        }
        let log = self.log(first);
        if log.exists() {
            told["command_log"] = json!(log.to_string_lossy());
        }
        Ok(told)
    }
}

/// Remove the work trees in FOLDER, of a bisection in REPOSITORY; gives those that were
/// there and are gone.
fn tidy(repository: &Repository, folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let trees = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(TREE) || name.starts_with(GRAPH)
    };
    let removed = trees
        .filter(is_ours)
        .filter(|tree| match repository.remove(tree) {
            Ok(()) => true,
            Err(failure) => {
                note(failure.message().to_owned());
                false
            }
        });
    removed.collect()
}

/// Print TOLD, a line for each value.
fn print(told: &Value) -> Result<(), Failure> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str);
            names.collect::<Vec<_>>().join(" / ")
        }
        other => other.to_string(),
    };
    for (name, value) in told.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("tried", Value::Array(tried)) => {
                for it in tried {
                    print_line(escape(&format!(
                        "tried={} {} ({}) {}",
                        text(&it["revision"]),
                        text(&it["verdict"]),
                        text(&it["why"]),
                        text(&it["subject"])
                    )))?;
                }
            }
            ("first_bad_among", Value::Array(possible)) => {
                for it in possible {
                    print_line(escape(&format!("{name}={}", text(it))))?;
                }
            }
            (_, Value::Null) => {}
            _ => print_line(escape(&format!("{name}={}", text(value))))?,
        }
    }
    Ok(())
}

/// The run that EVENTS, which a process has written about its runs, begin with.
fn run_in(events: &Path) -> Option<String> {
    let mut line = String::new();
    BufReader::new(File::open(events).ok()?)
        .read_line(&mut line)
        .ok()?;
    let event: Value = serde_json::from_str(&line).ok()?;
    event.get("run")?.as_str().map(str::to_owned)
}

/// The last lines of FILE that say something.
fn last_lines(file: &Path) -> Vec<Vec<u8>> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(file)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end);
    let lines: Vec<Vec<u8>> = lines
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].to_vec()
}

fn to_words(texts: &[String]) -> Vec<OsString> {
    texts.iter().map(OsString::from).collect()
}

/// So much of REVISION as people read.
fn short(revision: &str) -> &str {
    revision.get(..12).unwrap_or(revision)
}

fn note(text: String) {
    tell(Event::Note { text });
}

fn cannot(verb: &str, file: &Path, error: std::io::Error) -> Failure {
    Failure::new(
        Key::System,
        format!("cannot {verb} `{}`: {error}", file.display()),
    )
    .cause(error)
}
