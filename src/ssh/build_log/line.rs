//! What one line of a build's log says, without those around it.
//!
//! Makes say what they do in a few forms, which differ between bmake of several
//! years, FreeBSD's own make before it, GNU make and ninja. Everything else is
//! what commands print; of that only the weight is told: how much it says of why
//! a command failed.
//!
//! Source: bmake's job.c, compat.c, parse.c and main.c; GNU make's job.c,
//! output.c and po/; ninja's status printer; lld's Symbols.cpp (`>>>`).

use super::weight::{Weight, is_failure, weight};
use memchr::memmem;

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Said<'a> {
    /// What follows, TARGET has printed: bmake's `--- TARGET ---`.
    Header(&'a str),
    /// A command has failed, or is said to have.
    Verdict(Verdict<'a>),
    /// With `-de`, before the verdict: the target.
    FailedTarget(&'a str),
    /// A make does not know how to go on, or has not gone on; its level, where it
    /// says so.
    Refused {
        level: Option<u32>,
    },
    /// A makefile says something to the make at LEVEL; only what comes next tells
    /// whether that was an error.
    Makefile {
        level: u32,
    },
    /// The make at LEVEL ends for what makefiles have said.
    Fatal {
        level: u32,
    },
    /// The make at LEVEL ends, in DIRECTORY.
    Stopped {
        level: u32,
        directory: &'a str,
    },
    /// This make ends because another one has failed.
    OtherBranch,
    /// Where a make in META_MODE has put what the failed command printed.
    MetaFile(&'a str),
    /// A part of the build, a directory or a stage, begins.
    Section,
    /// ninja: TARGET has failed, with STATUS where it is told; its output follows.
    NinjaFailed {
        target: &'a str,
        status: Option<u32>,
    },
    NinjaStopped,
    /// ninja, or another that counts its steps, begins the next.
    Step,
    /// GNU make at LEVEL begins in a directory, or ends there.
    Entering(u32),
    Leaving(u32),
    /// The echo of a command.
    Command,
    /// Anything else.
    Other(Weight),
}

/// What a make says of a command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict<'a> {
    pub target: Option<&'a str>,
    pub how: How,
    /// Make goes on as if nothing had happened.
    pub ignored: bool,
    /// Make goes on with what does not need the target, for `-k`.
    pub continuing: bool,
    /// GNU make's lines begin with its level.
    pub level: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum How {
    Status(u32),
    Signal(u32),
}

/// What LINE says. LINKING: the line before belongs to an error of lld, which
/// begins the lines that follow with `>>> `, as FreeBSD does its banners.
pub(super) fn read(line: &str, linking: bool) -> Said<'_> {
    let trimmed = line.trim_end();
    let Some(first) = trimmed.bytes().next() else {
        return Said::Other(Weight::Nothing);
    };
    let special = match first {
        b'*' => after_stars(trimmed),
        b'-' => header(trimmed).map(Said::Header),
        b'>' if trimmed.starts_with(">>>") => Some(match stage(trimmed) {
            Some(_) if !linking || is_known_banner(trimmed) => Said::Section,
            _ => Said::Other(Weight::Nothing),
        }),
        b'=' if trimmed.starts_with("===>") || trimmed.starts_with("====>") => Some(Said::Section),
        b'.' => trimmed
            .strip_prefix(".ERROR_META_FILE='")
            .and_then(|rest| rest.strip_suffix('\''))
            .filter(|file| !file.is_empty())
            .map(Said::MetaFile),
        b'[' if is_step(trimmed) => Some(Said::Step),
        b'A' if trimmed.starts_with("A failure has been detected in another branch") => {
            Some(Said::OtherBranch)
        }
        b'F' => {
            ninja_failed(trimmed).or_else(|| fatal(trimmed).then_some(Said::Fatal { level: 0 }))
        }
        b'n' => ninja(trimmed),
        b'"' => old_makefile(trimmed),
        b'S' => trimmed
            .strip_prefix("Stop in ")
            .map(|directory| Said::Stopped {
                level: 0,
                directory: directory.trim_end_matches('.'),
            }),
        b'`' if trimmed.ends_with("' not remade because of errors.") => {
            Some(Said::Refused { level: None })
        }
        _ => None,
    };
    if let Some(said) = special {
        return said;
    }
    if let Some((level, rest)) = make_says(trimmed) {
        return of_make(level, rest);
    }
    if trimmed.ends_with("Stop.") && gnu_place(trimmed) {
        return Said::Refused { level: None };
    }
    if is_command(trimmed) {
        return Said::Command;
    }
    Said::Other(weight(trimmed))
}

/// `*** [TARGET] Error code N`, `*** Error code N`, `*** Failed target:  TARGET`.
fn after_stars(line: &str) -> Option<Said<'_>> {
    let rest = line.strip_prefix("*** ")?;
    if let Some(target) = rest.strip_prefix("Failed target:") {
        return Some(Said::FailedTarget(target.trim()));
    }
    if rest.starts_with("Failed command:") {
        return Some(Said::Other(Weight::Nothing));
    }
    let (target, rest) = match rest.strip_prefix('[') {
        Some(rest) => {
            // A target may hold brackets itself.
            let end = ["] Error code ", "] Signal "]
                .iter()
                .filter_map(|form| rest.rfind(form))
                .max()?;
            (Some(&rest[..end]), &rest[end + 2..])
        }
        None => (None, rest),
    };
    let (rest, ignored) = match rest.strip_suffix(" (ignored)") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (rest, continuing) = match rest.strip_suffix(" (continuing)") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let how = if let Some(code) = rest.strip_prefix("Error code ") {
        How::Status(code.trim().parse().ok()?)
    } else {
        How::Signal(rest.strip_prefix("Signal ")?.trim().parse().ok()?)
    };
    Some(Said::Verdict(Verdict {
        target,
        how,
        ignored,
        continuing,
        level: None,
    }))
}

/// The target of `--- TARGET ---`, behind which a make whose `.MAKE.JOB.PREFIX`
/// is set has its own number: `---[123] TARGET ---`.
fn header(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("---")?.strip_suffix(" ---")?;
    let rest = match rest.strip_prefix('[') {
        Some(numbered) => numbered.split_once(']')?.1,
        None => rest,
    };
    let target = rest.strip_prefix(' ')?;
    (!target.is_empty() && !target.contains(' ')).then_some(target)
}

/// Whose line this is: the level of a make, and what it says.
fn make_says(line: &str) -> Option<(u32, &str)> {
    let end = memchr::memchr(b':', line.as_bytes())?;
    let name = &line[..end];
    if !name.ends_with(['e', ']']) {
        return None;
    }
    let rest = line[end + 1..].strip_prefix(' ')?;
    let (name, level) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((name, level)) => (name, level.parse().ok()?),
        None => (name, 0),
    };
    let name = name.rsplit('/').next()?;
    if !["make", "bmake", "gmake", "pmake", "fmake", "gnumake"].contains(&name) {
        return None;
    }
    // A make with several jobs says its name twice.
    let again = line[..end + 2].len();
    let rest = rest.strip_prefix(&line[..again]).unwrap_or(rest);
    Some((level, rest))
}

fn of_make(level: u32, rest: &str) -> Said<'_> {
    if let Some(said) = gnu_verdict(level, rest) {
        return said;
    }
    if let Some(stars) = rest.strip_prefix("*** ") {
        let harmless = ["Waiting for unfinished", "Deleting ", "[", "Archive member"]
            .iter()
            .any(|start| stars.starts_with(start));
        return match harmless {
            true => Said::Other(Weight::Nothing),
            false => Said::Refused { level: Some(level) },
        };
    }
    if let Some(directory) = stopped_in(rest) {
        return Said::Stopped { level, directory };
    }
    if fatal(rest) {
        return Said::Fatal { level };
    }
    let lower = rest.as_bytes()[..rest.len().min(1)].to_ascii_lowercase();
    if lower == b"d" && rest[1..].starts_with("on't know how to make ") {
        return Said::Refused { level: Some(level) };
    }
    if rest.starts_with("Target '") && rest.ends_with("' not remade because of errors.") {
        return Said::Refused { level: Some(level) };
    }
    if rest.starts_with("Entering directory ") {
        return Said::Entering(level);
    }
    if rest.starts_with("Leaving directory ") {
        return Said::Leaving(level);
    }
    if let Some(text) = makefile_text(rest) {
        return match text.starts_with("warning: ") {
            true => Said::Other(Weight::Nothing),
            false => Said::Makefile { level },
        };
    }
    let idle = rest.starts_with("Nothing to be done")
        || rest.ends_with("is up to date.")
        || rest.starts_with("warning: ");
    Said::Other(match idle {
        true => Weight::Nothing,
        false if is_failure(rest) => Weight::Failure,
        false => Weight::Tool,
    })
}

/// `*** [FILE:LINE: TARGET] Error N`, or a signal in words; `[TARGET] Error N
/// (ignored)`.
fn gnu_verdict(level: u32, rest: &str) -> Option<Said<'_>> {
    let (rest, failed) = match rest.strip_prefix("*** [") {
        Some(rest) => (rest, true),
        None => (rest.strip_prefix('[')?, false),
    };
    let (rest, ignored) = match rest.strip_suffix(" (ignored)") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    if failed == ignored {
        return None;
    }
    // A target may hold brackets itself.
    let end = rest.rfind("] ")?;
    let how = gnu_how(&rest[end + 2..])?;
    let named = &rest[..end];
    Some(Said::Verdict(Verdict {
        target: Some(behind_place(named)),
        how,
        ignored,
        continuing: false,
        level: Some(level),
    }))
}

fn gnu_how(text: &str) -> Option<How> {
    if let Some(code) = text.strip_prefix("Error ") {
        return Some(How::Status(code.trim().parse().ok()?));
    }
    signal_in_words(text).map(How::Signal)
}

/// The number of a signal by what strsignal(3) calls it, on FreeBSD or on Linux;
/// where one text has two numbers, on FreeBSD.
pub(super) fn signal_in_words(text: &str) -> Option<u32> {
    let text = text.strip_suffix(" (core dumped)").unwrap_or(text);
    Some(match text {
        "Hangup" => 1,
        "Interrupt" => 2,
        "Quit" => 3,
        "Illegal instruction" => 4,
        "Trace/BPT trap" | "Trace/breakpoint trap" => 5,
        "Abort trap" | "Aborted" => 6,
        "EMT trap" => 7,
        "Floating point exception" => 8,
        "Killed" => 9,
        "Bus error" => 10,
        "Segmentation fault" => 11,
        "Bad system call" => 12,
        "Broken pipe" => 13,
        "Alarm clock" => 14,
        "Terminated" => 15,
        "Cputime limit exceeded" | "CPU time limit exceeded" => 24,
        "Filesize limit exceeded" | "File size limit exceeded" => 25,
        "User defined signal 1" => 30,
        "User defined signal 2" => 31,
        other => {
            return other
                .strip_prefix("Unknown signal")?
                .trim_start_matches([':', ' '])
                .parse()
                .ok();
        }
    })
}

/// What comes behind `FILE:LINE: ` in NAMED, or all of it.
fn behind_place(named: &str) -> &str {
    let mut from = 0;
    while let Some(at) = named[from..].find(": ") {
        let before = &named[..from + at];
        let line = before.rsplit(':').next().unwrap_or(before);
        if before.ends_with('>')
            || (!line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return &named[from + at + 2..];
        }
        from += at + 2;
    }
    named
}

/// Whether LINE is `FILE:LINE: *** TEXT.  Stop.`
fn gnu_place(line: &str) -> bool {
    line.split_once(": *** ")
        .and_then(|(place, _)| place.rsplit_once(':'))
        .is_some_and(|(_, line)| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit()))
}

/// TEXT of `"FILE" line N: TEXT` and, newer, `FILE:N: TEXT`.
fn makefile_text(rest: &str) -> Option<&str> {
    let after = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\" line ")?.1,
        None => {
            let place = rest.split_once(": ")?.0;
            rest.get(place.rfind(':')? + 1..)?
        }
    };
    let (number, text) = after.split_once(": ")?;
    number.parse::<u32>().ok().map(|_| text)
}

/// FreeBSD's make before bmake: `"FILE", line N: TEXT`.
fn old_makefile(line: &str) -> Option<Said<'_>> {
    let (_, after) = line[1..].split_once("\", line ")?;
    let (number, text) = after.split_once(": ")?;
    number.parse::<u32>().ok()?;
    let warning = text.to_ascii_lowercase().starts_with("warning: ");
    Some(match warning {
        true => Said::Other(Weight::Nothing),
        false => Said::Makefile { level: 0 },
    })
}

fn fatal(text: &str) -> bool {
    text.len() < 80
        && text
            .to_ascii_lowercase()
            .starts_with("fatal errors encountered -- cannot continue")
}

/// The directory of `stopped in DIR` or `stopped making "X" in DIR`.
fn stopped_in(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix("stopped ")?;
    let directory = match rest.strip_prefix("in ") {
        Some(directory) => directory,
        None => rest.rsplit_once(" in ")?.1,
    };
    Some(directory.trim())
}

/// `FAILED: TARGET` or, newer, `FAILED: [code=N] TARGET`.
fn ninja_failed(line: &str) -> Option<Said<'_>> {
    let rest = line.strip_prefix("FAILED: ")?.trim();
    let (status, target) = match rest.strip_prefix("[code=") {
        Some(rest) => {
            let (code, target) = rest.split_once("] ")?;
            (code.parse().ok(), target)
        }
        None => (None, rest),
    };
    Some(Said::NinjaFailed { target, status })
}

fn ninja(line: &str) -> Option<Said<'_>> {
    let rest = line.strip_prefix("ninja: ")?;
    if rest.starts_with("build stopped: ") {
        return Some(Said::NinjaStopped);
    }
    if rest.starts_with("error: ") || rest.starts_with("fatal: ") {
        return Some(Said::Refused { level: None });
    }
    Some(Said::Other(Weight::Nothing))
}

/// Whether LINE counts a step: `[12/345] `, `[ 42%] `.
fn is_step(line: &str) -> bool {
    let Some((count, _)) = line[1..].split_once(']') else {
        return false;
    };
    let count = count.trim();
    if let Some(percent) = count.strip_suffix('%') {
        return !percent.is_empty() && percent.bytes().all(|byte| byte.is_ascii_digit());
    }
    count.split_once('/').is_some_and(|(done, all)| {
        [done, all]
            .iter()
            .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// The stage that LINE announces: `>>> stage 4.2: building libraries` is
/// ("4.2", "building libraries"); other banners have no number.
pub fn stage(line: &str) -> Option<(Option<&str>, &str)> {
    let text = line.strip_prefix(">>> ")?.trim_end();
    if let Some((number, name)) = text
        .strip_prefix("stage ")
        .and_then(|rest| rest.split_once(": "))
        .filter(|(number, _)| {
            number
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
        })
    {
        return Some((Some(number), name));
    }
    // What lld says of symbols begins with a small letter or with blanks.
    text.starts_with(|letter: char| letter.is_ascii_uppercase())
        .then_some((None, text))
}

/// Whether LINE is a banner even where lld's lines are expected.
fn is_known_banner(line: &str) -> bool {
    stage(line).is_some_and(|(number, text)| {
        number.is_some()
            || [
                "World build",
                "World built",
                "Kernel build",
                "Kernel(s)",
                "Install check",
                "Installing ",
                "Making hierarchy",
                "Making distribution",
                "Deleting stale",
                "Rebuilding the",
            ]
            .iter()
            .any(|start| text.starts_with(start))
    })
}

/// Whether LINE looks like the echo of a command that builds something.
fn is_command(line: &str) -> bool {
    const PROGRAMS: [&str; 36] = [
        "cc", "c++", "clang", "clang++", "gcc", "g++", "cpp", "ld", "ar", "ranlib", "install",
        "cp", "mv", "ln", "rm", "sh", "awk", "sed", "cd", "echo", "env", "make", "bmake", "gmake",
        "mkdir", "touch", "objcopy", "strip", "nm", "yacc", "lex", "flex", "python3", "perl",
        "ninja", "false",
    ];
    let end = memchr::memchr(b' ', line.as_bytes()).unwrap_or(line.len());
    let word = &line[..end];
    if word.ends_with(':') || word == "Building" {
        return word == "Building";
    }
    let name = memchr::memrchr(b'/', word.as_bytes()).map_or(word, |at| &word[at + 1..]);
    PROGRAMS.contains(&name)
        || (word.bytes().all(|byte| byte.is_ascii_graphic())
            && [" -c ", " -o "]
                .iter()
                .any(|option| memmem::find(&line.as_bytes()[end..], option.as_bytes()).is_some()))
}
