//! How much a line that a command has printed says of why it failed.
//!
//! A line is weighed by its form: what calls itself an error, names a place, or is
//! said under a program's name. What only looks like one of these, because the words
//! are in a command, a string or another's text, is not.

use super::line::signal_in_words;
use memchr::memmem;
use std::sync::LazyLock;

/// How much a line says of why a command failed, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Decoration, warnings, and what every failure looks like.
    Nothing,
    Words,
    /// What a program says under its name.
    Tool,
    /// What a program says of another that it has run.
    Driver,
    /// What a program says under its name when it fails.
    Failure,
    /// What is said of a line of a file.
    Place,
    /// What calls itself an error.
    Error,
    /// What a program says when it dies; errors behind it follow from it.
    Crash,
}

/// How much LINE, which a command has printed, says of why it failed.
pub(super) fn weight(line: &str) -> Weight {
    let line = line.trim_end();
    if memmem::find(line.as_bytes(), b": ").is_none() && !line.ends_with(':') {
        return bare_weight(line);
    }
    if is_decoration(line) {
        return Weight::Nothing;
    }
    match severity(line) {
        Some(Severity::Mild) => return Weight::Nothing,
        Some(Severity::Dead) => return Weight::Crash,
        Some(Severity::Error) => {
            // CTF that is missing is no error, whatever its tool calls it.
            if ["ERROR: ctfconvert: ", "ERROR: ctfmerge: "]
                .iter()
                .any(|start| line.starts_with(start))
            {
                return Weight::Tool;
            }
            return if is_of_another(line) {
                Weight::Driver
            } else {
                Weight::Error
            };
        }
        None => {}
    }
    if is_of_another(line) {
        return Weight::Driver;
    }
    if is_of_linker(line) {
        return Weight::Error;
    }
    if line.contains("undefined reference to ") || line.contains("multiple definition of ") {
        return Weight::Error;
    }
    if names_exception(line) {
        return Weight::Error;
    }
    if let Some(weight) = perl_weight(line) {
        return weight;
    }
    let word = line.split(' ').next().unwrap_or(line);
    if has_place(word) && word.ends_with(':') && word.len() < line.len() {
        // gcc sets apart so whence an error comes: `a.h:3:1:   required from here`.
        return match line[word.len()..].starts_with("  ") {
            true => Weight::Nothing,
            false => Weight::Place,
        };
    }
    if !word.ends_with(':') {
        let fails = line.contains("ailed: ") || (is_failure(line) && line.starts_with("===>"));
        return match fails {
            true => Weight::Failure,
            false => Weight::Words,
        };
    }
    if is_failure(line) {
        Weight::Failure
    } else {
        Weight::Tool
    }
}

/// The weight of a line in which nothing is said of something.
fn bare_weight(line: &str) -> Weight {
    if line.starts_with("Required ") && line.contains(" not found") {
        return Weight::Error;
    }
    if signal_in_words(line).is_some() {
        return Weight::Failure;
    }
    if let Some(weight) = perl_weight(line) {
        return weight;
    }
    // As the ports' makefiles say it.
    if line.starts_with("=> ") && is_failure(line) {
        return Weight::Failure;
    }
    match is_decoration(line) {
        true => Weight::Nothing,
        false => Weight::Words,
    }
}

/// Whether LINE is one that every failure has, or that only shows the source.
fn is_decoration(line: &str) -> bool {
    if line.starts_with(' ') {
        let shown = line.trim_start();
        let after = shown.trim_start_matches(|letter: char| letter.is_ascii_digit());
        if after.trim_start().starts_with('|') || shown.bytes().all(|byte| b"^~ ".contains(&byte)) {
            return true;
        }
        if shown.starts_with("from ") && shown.ends_with([',', ':']) {
            return true;
        }
    }
    if line.starts_with(|letter: char| letter.is_ascii_digit()) {
        let words = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
        if [
            " error",
            " errors",
            " error generated.",
            " errors generated.",
            " warning generated.",
            " warnings generated.",
        ]
        .contains(&words)
            || (words.starts_with(" warning") && words.ends_with(" generated."))
        {
            return true;
        }
    }
    line == "Stop."
        || line == "compilation terminated."
        || line.starts_with("In file included from ")
        // A program's last words, behind what it had to say.
        || ["exiting now", "previous errors", "previous errors."]
            .iter()
            .any(|end| line.ends_with(end))
        || line.starts_with("PLEASE submit a bug report")
        // The words with which the ports' makefiles end a failed build.
        || line.starts_with("Try to set MAKE_JOBS_UNSAFE=yes and rebuild")
        || line == "the maintainer."
        || line.starts_with("A failure has been detected in another branch")
}

enum Severity {
    /// A warning, or what explains something else.
    Mild,
    Error,
    Dead,
}

/// What LINE calls itself, as a diagnostic does: `PLACE: error: `, `error: `. The
/// first such word counts: what comes behind it is its text.
fn severity(line: &str) -> Option<Severity> {
    let bytes = line.as_bytes();
    if line.starts_with("Assertion failed: ")
        || (line.contains(": Assertion `") && line.ends_with("' failed."))
        || line.starts_with("UNREACHABLE executed at ")
        || line.starts_with("LLVM ERROR: ")
    {
        return Some(Severity::Dead);
    }
    if line.starts_with("error[E") || line.starts_with("CMake Error ") {
        return Some(Severity::Error);
    }
    let mut from = 0;
    while let Some(at) = memchr::memchr(b':', &bytes[from..]) {
        let end = from + at;
        from = end + 1;
        // A severity is followed by its text, or by the end of the line.
        if bytes.get(from).is_some_and(|next| *next != b' ') {
            continue;
        }
        let before = &line[..end];
        let start = before
            .rfind([':', '[', '(', '"', '\'', '`', '*'])
            .map_or(0, |at| at + 1);
        let words = before[start..].trim_start();
        let kind = match words {
            "warning" | "Warning" | "WARNING" | "note" | "Note" | "remark" | "info" | "INFO" => {
                Severity::Mild
            }
            "error" | "Error" | "ERROR" | "fatal error" | "fatal" | "Fatal" | "FATAL"
            | "Fatal error" | "Syntax error" | "syntax error" => Severity::Error,
            "internal compiler error" => Severity::Dead,
            _ => continue,
        };
        // An option or a string of a command may hold the same words.
        let place = before[..start].trim_end_matches([' ', '*']);
        let is_place = place.is_empty()
            || (place.ends_with(':')
                && (!place.contains(' ')
                    || place
                        .split(' ')
                        .next()
                        .is_some_and(|word| word.ends_with([':', ',']))
                    || has_place(place)));
        if !is_place {
            continue;
        }
        let rest = &line[from..];
        if matches!(kind, Severity::Error)
            && (rest.contains("unable to execute command: Killed")
                || rest.contains("Killed signal terminated program"))
        {
            return Some(Severity::Dead);
        }
        return Some(kind);
    }
    None
}

/// Whether PLACE names a line: `a.c:12:`, `a.c:12:3:`, `a.c(12):`.
fn has_place(place: &str) -> bool {
    let Some(place) = place.strip_suffix(':') else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((_, number)) = place
        .strip_suffix(')')
        .and_then(|place| place.rsplit_once('('))
    {
        return number.split(',').all(digits);
    }
    let mut parts = place.rsplit(':');
    let last = parts.next().is_some_and(digits);
    // `12:30:` is a time of day.
    last && parts.next().is_some_and(|before| {
        !before.is_empty() && (!digits(before) || parts.next().is_some_and(|file| !digits(file)))
    })
}

/// Whether LINE tells of the failure of another program, which has told more.
fn is_of_another(line: &str) -> bool {
    [
        "linker command failed",
        "frontend command failed",
        "assembler command failed",
        "command failed with exit",
        "command failed due to signal",
        ": ld returned ",
        "being treated as errors",
        "could not compile ",
        "aborting due to ",
        "build stopped",
        "too many errors",
        "failed with exit code",
        "failed with exit status",
        "exited with status",
        "returned exit status",
        "returned non-zero exit status",
    ]
    .iter()
    .any(|words| line.contains(words))
}

/// Whether LINE is a word of a linker's that is neither a warning nor a place.
fn is_of_linker(line: &str) -> bool {
    let Some((name, rest)) = line.split_once(": ") else {
        return false;
    };
    if name.contains(' ') {
        return false;
    }
    let name = name.rsplit('/').next().unwrap_or(name);
    matches!(
        name,
        "ld" | "ld.lld" | "ld.bfd" | "ld.gold" | "gold" | "lld"
    ) && !rest.contains(": in function ")
        && !rest.contains("warning: ")
}

/// How much LINE says where perl has said it, with its place at the end: `TEXT at FILE
/// line N.`, or `…, <HANDLE> line N.`
fn perl_weight(line: &str) -> Option<Weight> {
    let (said, number) = line.strip_suffix('.')?.rsplit_once(" line ")?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let said = match said.strip_suffix('>').and_then(|it| it.rsplit_once(", <")) {
        Some((said, _)) => {
            said.rsplit_once(" line ")
                .filter(|(_, number)| digits(number))?
                .0
        }
        None => said,
    };
    let (text, file) = said.rsplit_once(" at ")?;
    if !digits(number) || file.is_empty() || file.contains(' ') {
        return None;
    }
    let follows = text.ends_with("compilation aborted") || text == "Compilation failed in require";
    Some(match follows {
        true => Weight::Driver,
        false => Weight::Failure,
    })
}

/// Whether LINE is the last of a Python traceback: `NameError: …`.
fn names_exception(line: &str) -> bool {
    let Some((name, _)) = line.split_once(':') else {
        return false;
    };
    ["Error", "Exception"]
        .iter()
        .any(|end| name.ends_with(end) && name.len() > end.len())
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_')
}

/// Whether LINE holds words with which programs say that they cannot do something.
pub(super) fn is_failure(line: &str) -> bool {
    const WORDS: [&str; 32] = [
        "No such file",
        "not found",
        "ermission denied",
        "not permitted",
        "No space left",
        "annot ",
        "an't ",
        "ould not",
        "nable to",
        "ailed",
        "nvalid",
        "llegal",
        "nknown",
        "nrecognized",
        "ndefined",
        "missing",
        "yntax error",
        "Read-only file system",
        "busy",
        "refused",
        "timed out",
        "nexpected",
        "Bad ",
        "bad ",
        "not allowed",
        "does not exist",
        "Out of memory",
        "memory exhausted",
        "usage: ",
        "mismatch",
        "iving up",
        "rror",
    ];
    WORDS.iter().any(|words| line.contains(words))
        // As test suites write it, which have expected failures, too.
        || line
            .split([' ', ':'])
            .any(|word| ["FAIL", "FAILED"].contains(&word))
}

static WARNING: LazyLock<memmem::Finder> = LazyLock::new(|| memmem::Finder::new("warning: "));

/// Whether TEXT, of one line or of many, has the word that every warning has.
pub(super) fn speaks_of_warning(text: &str) -> bool {
    WARNING.find(text.as_bytes()).is_some()
}

/// Whether LINE is a warning of a compiler, a linker or a make.
pub(super) fn is_warning(line: &str) -> bool {
    let Some(at) = WARNING.find(line.as_bytes()) else {
        return false;
    };
    // An error whose text speaks of a warning is none.
    !["error: ", "Error: "]
        .iter()
        .any(|mark| line[..at].contains(mark))
}
