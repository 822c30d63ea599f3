//! The command line: Guile's own options, processed as Guile does, then verbs.
//!
//! Guile stops looking at options where the program begins: after `-s FILE`,
//! `-c EXPR`, a bare FILE, or `--`; whatever follows belongs to the program.
//! So the line is cut there first, and clap reads what comes before the cut.
//! Guile's options of one hyphen and two letters (`-ds`) are told apart there too.
//!
//! Source: the Guile manual, "Command-line Options".

use clap::{Arg, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;

/// Run Guile harnesses against an XCP-ng host and a FreeBSD guest.
///
/// FILE is looked for as a path, then among the built-in harnesses by name;
/// ARG… are the program's own. Without FILE there is a prompt.
#[derive(Clone, Debug, Default, Parser)]
#[command(
    name = "fruix-scm",
    version,
    disable_version_flag = true,
    override_usage = "fruix-scm [OPTIONS] [FILE [ARG…]]\n       fruix-scm [OPTIONS] -c EXPR [ARG…]\n       fruix-scm VERB …"
)]
pub struct CommandLine {
    #[command(flatten)]
    pub program: Program,
    #[command(flatten)]
    pub world: World,
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// The run that the program goes on with; `runs resume` says so.
    #[arg(skip)]
    pub resume: Option<crate::run::Resume>,
}

/// What Guile's own options say.
#[derive(Args, Clone, Debug, Default)]
pub struct Program {
    /// Load the Scheme program FILE, and no further options; last before FILE's own arguments
    #[arg(short = 's', value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Evaluate EXPR, and no further options
    #[arg(short = 'c', value_name = "EXPR", allow_hyphen_values = true)]
    pub expression: Option<String>,
    /// Afterwards apply FUNCTION, an expression, to the command line; `(MODULE …)` means its `main`
    #[arg(short = 'e', value_name = "FUNCTION")]
    pub entry: Option<String>,
    /// Load FILE first
    #[arg(short = 'l', value_name = "FILE")]
    pub load: Vec<PathBuf>,
    /// Look for modules in DIR first
    #[arg(short = 'L', value_name = "DIR")]
    pub load_path: Vec<PathBuf>,
    /// Let the program have SIZE bytes of memory, such as 512M or 8G; a quarter of the machine's, at most 4G, unless given
    #[arg(long, value_name = "SIZE", value_parser = memory_size, global = true)]
    pub memory_limit: Option<usize>,
    /// Keep nothing of what modules expand to, and use nothing that is kept below $XDG_CACHE_HOME/fruix-scm
    #[arg(long, global = true)]
    pub no_cache: bool,
    /// Look for files with the extension EXT too
    #[arg(short = 'x', value_name = "EXT")]
    pub extensions: Vec<String>,
    /// Read as R6RS says
    #[arg(long)]
    pub r6rs: bool,
    /// Read as R7RS says
    #[arg(long)]
    pub r7rs: bool,
    /// Do not load the user's init file at the prompt
    #[arg(short = 'q')]
    pub no_init_file: bool,
    /// Serve the prompt on the UNIX socket PATH instead of the terminal
    #[arg(long, value_name = "PATH", require_equals = true, num_args = 0..=1, default_missing_value = "")]
    pub listen: Option<PathBuf>,
    /// Print the version
    #[arg(short = 'v', long = "version", action = clap::ArgAction::Version)]
    version: Option<bool>,
    /// Accepted, as Guile does; there is nothing to compile ahead
    #[arg(long, hide = true)]
    no_auto_compile: bool,
    /// Accepted, as Guile does
    #[arg(long, hide = true)]
    auto_compile: bool,
    /// Accepted, as Guile does
    #[arg(long, hide = true)]
    fresh_auto_compile: bool,
    /// Accepted, as Guile does; there are no compiled files
    #[arg(short = 'C', value_name = "DIR", hide = true)]
    compiled_path: Vec<PathBuf>,
    /// Import the SRFIs with these numbers, such as `1,26`, first
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub use_srfi: Vec<u16>,
    /// The only language is Scheme
    #[arg(long, value_name = "NAME", value_parser = ["scheme"], hide = true)]
    language: Option<String>,
    /// Accepted, as Guile does
    #[arg(long, hide = true)]
    debug: bool,
    /// Accepted, as Guile does
    #[arg(long, hide = true)]
    no_debug: bool,
    /// The program itself and its arguments; filled by the cut, not by clap.
    #[arg(skip)]
    pub arguments: Vec<String>,
    /// How many of the `-l` files come before the program, which `-ds` moves
    /// among them; all of them without it.
    #[arg(skip)]
    pub loads_before: Option<usize>,
    /// Whether `--` asked for a prompt with arguments.
    #[arg(skip)]
    pub interactive: bool,
}

/// The world that the program acts on.
#[derive(Args, Clone, Debug, Default)]
pub struct World {
    /// Run against a simulated host and guest on this machine
    #[arg(long, global = true)]
    pub simulate: bool,
    /// Make trouble in the simulation, as docs/operating.md lists it; @FILE takes one SPEC a line
    #[arg(long, value_name = "SPEC", requires = "simulate")]
    pub mishap: Vec<String>,
    /// Read settings from FILE too
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Set one setting
    #[arg(long = "set", value_name = "NAME=VALUE", global = true)]
    pub settings: Vec<String>,
    /// Take the machine from the run that has it, after asking; from run RUN-ID without asking
    #[arg(long, value_name = "RUN-ID", require_equals = true, num_args = 0..=1, default_missing_value = "")]
    pub take_over: Option<String>,
    /// Record all that comes from outside in FILE, for `replay`; secrets are left out
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Keep texts of more than 256 KiB, which a recording has with their ends only, in DIR
    #[arg(long, value_name = "DIR", requires = "record")]
    pub record_streams: Option<PathBuf>,
    /// Print each setting with where it came from
    #[arg(long)]
    pub show_settings: bool,
    #[command(flatten)]
    pub conduct: Conduct,
}

/// How a run is shown, and what becomes of its machine.
#[derive(Args, Clone, Debug, Default)]
pub struct Conduct {
    /// Show so much of what jobs print; `stages` unless given, with a bar on a terminal and a heartbeat a minute elsewhere
    #[arg(long, value_name = "WHAT")]
    pub live: Option<super::live::Live>,
    /// Keep the machine when the run ends, under a lease; `on-failure`: unless it passed
    #[arg(long, value_name = "WHEN", require_equals = true, num_args = 0..=1, default_missing_value = "always", value_parser = ["always", "on-failure"])]
    pub keep: Option<String>,
    /// Tidy the machine away when the run ends, whatever that loses
    #[arg(long, conflicts_with = "keep")]
    pub tidy: bool,
    #[command(flatten)]
    pub reports: super::runs::reports::Files,
}

impl Conduct {
    /// What is said here, and what OTHER says of the rest.
    pub fn or(self, other: &Conduct) -> Conduct {
        let silent = self.keep.is_none() && !self.tidy;
        Conduct {
            live: self.live.or(other.live),
            keep: match silent {
                true => other.keep.clone(),
                false => self.keep,
            },
            tidy: self.tidy || (silent && other.tidy),
            reports: self.reports.or(&other.reports),
        }
    }
}

/// Each verb is a thin face of Scheme procedures.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Open a prompt
    Repl,
    /// Serve a simulated XCP-ng host until interrupted
    Simulate(super::simulate::Arguments),
    /// Plan, make or verify the root file system of a closure
    #[command(subcommand)]
    Rootfs(super::rootfs::Arguments),
    /// Print the SHA-256 of files and trees, or check recorded ones
    Hash(super::hash::Arguments),
    /// Print what a closure's store layout says, or what a store answers
    ///
    /// An ITEM is a store path, HASH-NAME, the first digits of a hash, a name
    /// that one item has, a file that leads to an item, the number of a
    /// generation, `current` (which is meant when none is given) or `rollback`.
    Store(super::store::Arguments),
    /// Show, raise or check the builder versions of a media.scm
    #[command(subcommand)]
    Builder(super::builder::Arguments),
    /// List the runs that were kept, show one, or remove what they left
    #[command(subcommand)]
    Runs(super::runs::Arguments),
    Bisect(super::bisect::Arguments),
    /// List, follow or end the jobs of a guest
    Jobs(super::jobs::Arguments),
    /// Print what a build's log says, most of all why the build stopped
    Log(super::log::Arguments),
    /// Run a program again as it was recorded, without network or machine
    ///
    /// It is the program that was recorded, or HARNESS, and `--record FILE` has made the
    /// recording. All that the program asks of the world is answered from there, no wait
    /// takes time, and nothing is written. Where it asks for something else, it ends, and
    /// what the recording has next is told. The exit status is that of the program, or 6
    /// when it has left the recording.
    Replay(super::replay::Arguments),
    /// Serve an editor on stdin and stdout, by the Language Server Protocol
    Lsp(super::lsp::Arguments),
    /// Write a first harness, which passes in simulation, to NAME.scm
    New(super::new::Arguments),
    /// Run tests in SRFI-64 and count what passes
    ///
    /// Failures are told on stderr, with FILE:LINE:COLUMN, what was expected and what was
    /// there; counts on stdout. The exit status is 0 when all has passed, 1 when a test has
    /// failed, 4 when a file could not be run to its end.
    Test(super::test::Arguments),
    /// Say what a live run would use, what it lacks, and what the host has; changes nothing
    ///
    /// With --simulate: whether a simulated run can be, and the same of its host.
    Doctor {
        /// Print JSON instead
        #[arg(long, conflicts_with = "trust")]
        json: bool,
        /// Show the certificate of HOST, an URL, and write it to the settings on consent
        #[arg(long, value_name = "HOST")]
        trust: Option<String>,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell that reads it
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in troff
    Man,
    /// Print the documentation of a Scheme name, or of a module
    Doc {
        /// A name, such as `claim`, or a module, such as `(fruix guest)`
        name: String,
    },
}

fn memory_size(text: &str) -> Result<usize, String> {
    crate::guile::memory::parse_size(text)
        .ok_or_else(|| "not a size; write bytes, or a number with K, M, G or T".to_owned())
}

/// Cut ARGUMENTS, the command line without the program's own name, where the
/// Scheme program's begin, and read what comes before.
pub fn parse(arguments: Vec<OsString>) -> Result<CommandLine, clap::Error> {
    let Parts {
        ours,
        loads_before,
        cut,
    } = split(arguments);
    // Nothing of ours says nothing. Setting up the parser would cost each
    // plain script more than reading it does.
    let mut line = if ours.is_empty() {
        CommandLine::default()
    } else {
        let name = OsString::from("fruix-scm");
        let matches = description().try_get_matches_from(std::iter::once(name).chain(ours))?;
        CommandLine::from_arg_matches(&matches)?
    };
    line.program.loads_before = loads_before;
    match cut {
        Cut::Nowhere => {}
        Cut::File(file, arguments) => {
            line.program.script = Some(file);
            line.program.arguments = arguments;
        }
        Cut::Expression(expression, arguments) => {
            line.program.expression = Some(expression);
            line.program.arguments = arguments;
        }
        Cut::Prompt(arguments) => {
            line.program.interactive = true;
            line.program.arguments = arguments;
        }
    }
    Ok(line)
}

/// The options of a program's world, by clap's names: each verb takes them, and the help
/// of those shows them to which they mean something.
const OF_THE_WORLD: [&str; 5] = ["memory_limit", "no_cache", "simulate", "config", "settings"];

/// Those of them that only a program that is run feels.
const OF_PROGRAMS: [&str; 2] = ["memory_limit", "no_cache"];

/// The verbs to which an option of a program's world means nothing, as a path, and which.
const MEANS_NOTHING: &[(&[&str], &[&str])] = &[
    (&["simulate"], &OF_THE_WORLD),
    (&["rootfs"], &OF_THE_WORLD),
    (&["hash"], &OF_THE_WORLD),
    (&["log"], &OF_THE_WORLD),
    (&["new"], &OF_THE_WORLD),
    (&["doc"], &OF_THE_WORLD),
    (&["completions"], &OF_THE_WORLD),
    (&["man"], &OF_THE_WORLD),
    (&["runs", "list"], &OF_THE_WORLD),
    (&["runs", "show"], &OF_THE_WORLD),
    (&["runs", "why"], &OF_THE_WORLD),
    (&["runs", "log"], &OF_THE_WORLD),
    (&["runs", "verify"], &OF_THE_WORLD),
    (&["runs", "report"], &OF_THE_WORLD),
    (&["runs", "diff"], &OF_THE_WORLD),
    (&["runs", "trends"], &OF_THE_WORLD),
    (&["runs", "attest"], &OF_THE_WORLD),
    (&["runs", "investigate"], &OF_THE_WORLD),
    (&["lsp"], &OF_THE_WORLD),
    (&["replay"], &["simulate", "config", "settings"]),
    (&["runs", "gc"], &OF_PROGRAMS),
    (&["jobs"], &OF_PROGRAMS),
    (&["doctor"], &OF_PROGRAMS),
    (&["store"], &OF_PROGRAMS),
    (&["builder"], &OF_PROGRAMS),
];

/// The command line as clap knows it.
pub fn description() -> Command {
    let command = CommandLine::command();
    let options: Vec<Arg> = command
        .get_arguments()
        .filter(|arg| OF_THE_WORLD.contains(&arg.get_id().as_str()))
        .cloned()
        .collect();
    MEANS_NOTHING
        .iter()
        .fold(command, |command, (path, names)| {
            let hidden: Vec<Arg> = options
                .iter()
                .filter(|arg| names.contains(&arg.get_id().as_str()))
                .map(|arg| arg.clone().hide(true))
                .collect();
            within(command, path, hidden)
        })
}

/// COMMAND, in which the verb at PATH has its own OPTIONS of these names.
fn within(command: Command, path: &[&str], options: Vec<Arg>) -> Command {
    match path.split_first() {
        None => command.args(options),
        Some((verb, rest)) => command.mut_subcommand(verb, |verb| within(verb, rest, options)),
    }
}

/// A command line in its parts.
struct Parts {
    /// What clap is to read.
    ours: Vec<OsString>,
    /// How many `-l` stand before Guile's `-ds`, which says where among them
    /// the program of `-s` is run.
    loads_before: Option<usize>,
    cut: Cut,
}

/// Where the Scheme program's own part of the line begins.
#[derive(Debug, PartialEq)]
enum Cut {
    /// Nowhere: a verb, or options only.
    Nowhere,
    /// At a bare FILE, or behind `-s FILE`.
    File(PathBuf, Vec<String>),
    /// Behind `-c EXPR`.
    Expression(String, Vec<String>),
    /// Behind `--`.
    Prompt(Vec<String>),
}

fn split(arguments: Vec<OsString>) -> Parts {
    let mut ours = Vec::new();
    let (mut loads, mut loads_before) = (0, None);
    let mut valued = None;
    let mut rest = arguments.into_iter();
    let texts = |rest: std::vec::IntoIter<OsString>| -> Vec<String> {
        rest.map(|text| text.to_string_lossy().into_owned())
            .collect()
    };
    let cut = loop {
        let Some(argument) = rest.next() else {
            break Cut::Nowhere;
        };
        let text = argument.to_string_lossy().into_owned();
        match text.as_str() {
            "--" => break Cut::Prompt(texts(rest)),
            "-s" | "-c" => match rest.next() {
                Some(file) if text == "-s" => break Cut::File(file.into(), texts(rest)),
                Some(expression) => {
                    let expression = expression.to_string_lossy().into_owned();
                    break Cut::Expression(expression, texts(rest));
                }
                // clap says what is missing.
                None => ours.push(argument),
            },
            "-ds" if loads_before.is_none() => loads_before = Some(loads),
            bare if bare == "-" || !bare.starts_with('-') => {
                if Verb::has_subcommand(bare) || bare == "help" {
                    ours.push(argument);
                    ours.extend(rest);
                    break Cut::Nowhere;
                }
                break Cut::File(argument.into(), texts(rest));
            }
            option => {
                loads += usize::from(option == "-l");
                let valued = valued.get_or_insert_with(options_with_values);
                let takes_value = valued.contains(option);
                ours.push(argument);
                if takes_value {
                    ours.extend(rest.next());
                }
            }
        }
    };
    Parts {
        ours,
        loads_before,
        cut,
    }
}

/// The options whose values are the words behind them, as they are written.
fn options_with_values() -> HashSet<String> {
    let command = CommandLine::command();
    let valued = command
        .get_arguments()
        .filter(|known| known.get_action().takes_values() && !known.is_require_equals_set());
    valued
        .flat_map(|known| {
            let short = known.get_short().map(|short| format!("-{short}"));
            let long = known.get_long().map(|long| format!("--{long}"));
            short.into_iter().chain(long)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> CommandLine {
        parse(text.split_whitespace().map(OsString::from).collect()).unwrap()
    }

    #[test]
    fn options_behind_the_script_belong_to_the_script() {
        let line = line("--simulate -L lib phase20.scm --config x -v");
        assert!(line.world.simulate);
        assert_eq!(line.program.load_path, [PathBuf::from("lib")]);
        assert_eq!(line.program.script, Some(PathBuf::from("phase20.scm")));
        assert_eq!(line.program.arguments, ["--config", "x", "-v"]);
        assert_eq!(line.world.config, None);
    }

    #[test]
    fn an_expression_may_begin_with_a_hyphen_and_ends_our_options() {
        let line = line("-c -1 --simulate");
        assert_eq!(line.program.expression.as_deref(), Some("-1"));
        assert_eq!(line.program.arguments, ["--simulate"]);
        assert!(!line.world.simulate);
    }

    #[test]
    fn a_verb_takes_the_whole_line() {
        let line = line("--config x runs list");
        assert!(matches!(line.verb, Some(Verb::Runs(_))), "{line:?}");
        assert_eq!(line.world.config, Some(PathBuf::from("x")));
    }

    #[test]
    fn two_hyphens_open_a_prompt_with_arguments() {
        let line = line("-q -- a b");
        assert!(line.program.interactive && line.program.no_init_file);
        assert_eq!(line.program.arguments, ["a", "b"]);
    }

    #[test]
    fn a_line_without_options_of_ours_means_what_clap_would_read() {
        let read = CommandLine::try_parse_from(["fruix-scm"]).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", line("")));
    }

    #[test]
    fn an_option_that_lacks_its_value_is_said_to() {
        for option in ["-s", "-c", "-e", "--config"] {
            let error = parse(vec![OsString::from(option)]).unwrap_err();
            assert!(error.to_string().contains("a value is required"), "{error}");
        }
    }

    #[test]
    fn the_place_of_ds_is_counted_in_files_to_load() {
        let line = line("-l one -L dir -ds -l two -s script -ds");
        assert_eq!(line.program.loads_before, Some(1));
        assert_eq!(line.program.load.len(), 2);
        assert_eq!(line.program.arguments, ["-ds"]);
    }

    #[test]
    fn the_description_for_clap_is_sound() {
        description().debug_assert();
    }

    #[test]
    fn a_verbs_help_shows_the_options_of_a_world_that_mean_something_to_it() {
        for (words, shown, hidden) in [
            ("repl", &["--simulate", "--memory-limit"][..], &[][..]),
            ("hash", &["--check"], &["--simulate", "--config", "--set"]),
            ("runs resume", &["--config"], &[]),
            ("runs list", &["--json"], &["--config", "--simulate"]),
            ("doctor", &["--simulate", "--set"], &["--memory-limit"]),
        ] {
            let mut command = description();
            command.build();
            let verb = words.split(' ').fold(&mut command, |command, word| {
                command.find_subcommand_mut(word).expect("a verb")
            });
            let help = verb.render_long_help().to_string();
            for option in shown {
                assert!(help.contains(option), "{words}: {option} in {help}");
            }
            for option in hidden {
                assert!(!help.contains(option), "{words}: {option} in {help}");
            }
        }
    }

    #[test]
    fn an_option_that_a_verbs_help_leaves_out_is_taken_all_the_same() {
        let line = line("hash --config x file");
        assert_eq!(line.world.config, Some(PathBuf::from("x")));
    }

    #[test]
    fn what_is_said_of_a_machine_nearer_counts_whole() {
        let said = |keep: &str, tidy| Conduct {
            reports: Default::default(),
            live: None,
            keep: (!keep.is_empty()).then(|| keep.to_owned()),
            tidy,
        };
        let both = |near: Conduct, far: Conduct| {
            let conduct = near.or(&far);
            (conduct.keep.unwrap_or_default(), conduct.tidy)
        };
        let nothing = || said("", false);
        assert_eq!(both(nothing(), said("always", false)).0, "always");
        assert_eq!(
            both(said("", true), said("always", false)),
            (String::new(), true)
        );
        assert_eq!(
            both(said("on-failure", false), said("", true)),
            ("on-failure".to_owned(), false)
        );
    }
}
