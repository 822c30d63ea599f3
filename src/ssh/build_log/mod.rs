//! Reading the log of a build: where it is, and why it stopped.
//!
//! When a parallel make fails, every branch and every level above adds its own
//! lines: "Error code", "stopped in", "another branch". The first is the cause
//! and all others are fallout, so only the first is looked for, together with
//! what its target had printed. A log is read as it comes, in memory that does
//! not grow with it: of each of a few targets the lines that may turn out to be
//! the cause, and the last ones ([`target`]). [`line`] tells what one line says, and
//! [`weight`] how much of it says why a command failed.
//!
//! Source: FreeBSD's Makefile.inc1 (the banners), bmake's job.c and compat.c (the
//! verdicts), GNU make's manual, "Errors in Recipes".

mod cause;
mod line;
mod plain;
mod target;
mod weight;

pub use cause::{Cause, How, Outcome};
pub use line::stage;
use line::{Said, Verdict};
use std::collections::HashMap;
use target::{SUSPECTS, Target, cut};
use weight::{Weight, is_warning, speaks_of_warning};

/// Of so many targets the lines are kept at once; those that have been quiet for
/// longest give way.
const TARGETS: usize = 96;
/// Output that stands under another target's header is this near.
const NEAR: u64 = 200;
/// What make adds to its verdict comes within so many lines.
const ADDED: u64 = 60;
/// Where a log ends without a verdict, an error this near to its end is one.
const LAST: u64 = 10;

/// Reads a log line by line.
#[derive(Clone, Debug)]
pub struct Reader {
    lines: u64,
    warnings: u64,
    targets: Vec<Target>,
    by_name: HashMap<String, usize>,
    current: usize,
    /// The one whose lines stand before the last header.
    before: usize,
    found: Option<Found>,
    stage: Option<String>,
    /// What stands just before, as far as it matters.
    context: Context,
    /// The line before belongs to an error of lld.
    linking: bool,
    /// What makefiles have just said, and to the make of which level.
    makefile: Vec<(u32, String)>,
    /// `-de` names the target before the verdict.
    failed_target: Option<String>,
    /// ninja's first target that failed.
    ninja: Option<(String, Option<u32>)>,
    /// What has begun and not ended: parts of FreeBSD's build, directories.
    begun: Vec<String>,
    /// Whether the last line had no end.
    torn: bool,
}

/// The cause so far.
#[derive(Clone, Debug)]
struct Found {
    cause: Cause,
    weight: Weight,
    /// It only tells that another branch has failed, whose lines have not come.
    fallout: bool,
    /// It is a make whose status its parent still has to tell.
    awaits: bool,
    /// The level of the make that has told of it, where it says so.
    level: Option<u32>,
    /// Make goes on with other targets, whose failures are other failures.
    continuing: bool,
    /// The target whose lines these are.
    target: usize,
    /// Whether another target's header came behind it.
    headed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Context {
    Other,
    /// A make has just ended, or is just ending.
    Ending,
    OtherBranch,
}

/// What was chosen as a cause's text.
struct Chosen {
    target: usize,
    weight: Weight,
    text: String,
}

impl Default for Reader {
    fn default() -> Self {
        Reader::new()
    }
}

impl Reader {
    pub fn new() -> Reader {
        Reader {
            lines: 0,
            warnings: 0,
            // What no header claims belongs to a target without a name.
            targets: vec![Target::default()],
            by_name: HashMap::new(),
            current: 0,
            before: 0,
            found: None,
            stage: None,
            context: Context::Other,
            linking: false,
            makefile: Vec::new(),
            failed_target: None,
            ninja: None,
            begun: Vec::new(),
            torn: false,
        }
    }

    /// Take LINE, without its newline, which comes next in the log.
    pub fn take(&mut self, line: &[u8]) {
        let text = match std::str::from_utf8(line) {
            Ok(text) => std::borrow::Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(line),
        };
        if is_plain(&text) {
            return self.take_plain(&text, true);
        }
        self.lines += 1;
        self.warnings += u64::from(is_warning(&text));
        let text = plain::without_escapes(&text);
        let text = text.trim_end_matches('\r');
        if memchr::memchr(b'\r', text.as_bytes()).is_some() {
            // What a terminal would write over.
            for piece in text.split('\r').filter(|piece| !piece.trim().is_empty()) {
                self.take_text(piece);
            }
        } else {
            self.take_text(text);
        }
    }

    /// Take LINES, all with their newlines, which come next in the log.
    pub fn take_lines(&mut self, lines: &[u8]) {
        // Asked of all at once, because most logs have none of what is asked for.
        let text = std::str::from_utf8(lines)
            .ok()
            .filter(|text| is_plain(text));
        let warned = text.is_some_and(speaks_of_warning);
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', lines) {
            match text {
                Some(text) => self.take_plain(&text[from..end], warned),
                None => self.take(&lines[from..end]),
            }
            from = end + 1;
        }
    }

    /// Take LINE, which [`is_plain`]; where it is not WARNED it is no warning.
    fn take_plain(&mut self, line: &str, warned: bool) {
        self.lines += 1;
        self.warnings += u64::from(warned && is_warning(line));
        self.take_text(line);
    }

    /// The log ends with PIECE of a line, or in the middle of something.
    pub fn torn(&mut self, piece: &[u8]) {
        if !piece.is_empty() {
            self.take(piece);
        }
        self.torn = true;
    }

    /// How many lines so far are warnings of a compiler, a linker or a make.
    pub fn warnings(&self) -> u64 {
        self.warnings
    }

    /// The stage that the build is in.
    pub fn stage(&self) -> Option<&str> {
        self.stage.as_deref()
    }

    /// The cause that the lines so far tell, once make has given its verdict.
    pub fn cause(&self) -> Option<&Cause> {
        self.found.as_ref().map(|found| &found.cause)
    }

    /// What the log says, if all of it has come.
    pub fn outcome(&self) -> Outcome {
        if let Some(found) = &self.found {
            return Outcome::Failed(found.cause.clone());
        }
        if let Some(cause) = self.unspoken() {
            return Outcome::Failed(cause);
        }
        match self.torn || !self.begun.is_empty() {
            true => Outcome::CutOff,
            false => Outcome::Passed,
        }
    }

    /// The cause where nobody gives a verdict: a makefile's last word, or an error
    /// near the end.
    fn unspoken(&self) -> Option<Cause> {
        let (target, text) = match self.makefile_error() {
            Some(text) => (self.current, text),
            None => {
                let recent = |target: &(usize, &Target)| {
                    let suspect = target.1.suspects.back();
                    suspect.is_some_and(|suspect| {
                        suspect.weight >= Weight::Error && suspect.at + LAST > self.lines
                    })
                };
                let (target, _) = self.targets.iter().enumerate().find(recent)?;
                let chosen = self.targets[target].best(None)?;
                (target, chosen.1)
            }
        };
        Some(self.cause_of(target, None, How::Unsaid, text, None))
    }

    fn take_text(&mut self, line: &str) {
        let line = plain::without_time(line);
        let said = line::read(line, self.linking);
        self.linking = match said {
            Said::Other(Weight::Error) => line.contains(": error: ") || line.starts_with("ld: "),
            Said::Other(Weight::Nothing) => self.linking && line.starts_with(">>>"),
            _ => false,
        };
        match said {
            Said::Other(Weight::Nothing) => {
                if !line.trim().is_empty() {
                    self.keep(line, Weight::Nothing);
                }
                return self.continue_suspect(line);
            }
            Said::Other(weight) => self.keep(line, weight),
            Said::Command | Said::Step => {
                self.end_ninja_output(said);
                self.targets[self.current].command += 1;
                self.keep(line, Weight::Words);
            }
            Said::Header(target) => return self.go_to(target),
            Said::Section => return self.begin_section(line),
            Said::FailedTarget(target) => {
                self.failed_target = Some(target.to_owned());
                return;
            }
            Said::Entering(level) => {
                self.begun.push(format!("directory {level}"));
                return;
            }
            Said::Leaving(level) => {
                self.end_part(&format!("directory {level}"));
                return;
            }
            Said::MetaFile(file) => return self.add_meta_file(file),
            Said::Makefile { level } => {
                if self.makefile.len() == SUSPECTS {
                    self.makefile.pop();
                }
                self.keep(line, Weight::Tool);
                self.makefile.push((level, cut(line.trim()).to_owned()));
                self.context = Context::Other;
                return;
            }
            Said::Fatal { level } => {
                let text = self
                    .makefile_error()
                    .unwrap_or_else(|| line.trim().to_owned());
                return self.refuse(Some(level), text, line);
            }
            Said::Refused { level } => {
                let cycle =
                    !line.contains("*** ") && line.ends_with("not remade because of errors.");
                if cycle && self.found.as_ref().is_some_and(|found| !found.fallout) {
                    return;
                }
                let text = match cycle {
                    true => self.choose(None).map(|chosen| chosen.text),
                    false => None,
                };
                return self.refuse(level, text.unwrap_or_else(|| once(line)), line);
            }
            Said::Stopped { level, directory } => return self.stop(level, directory, line),
            Said::OtherBranch => {
                self.keep(line, Weight::Nothing);
                self.context = Context::OtherBranch;
                return;
            }
            Said::NinjaFailed { target, status } => {
                self.go_to(&format!("ninja {target}"));
                self.ninja
                    .get_or_insert_with(|| (target.to_owned(), status));
                return;
            }
            Said::NinjaStopped => return self.end_ninja(line),
            Said::Verdict(verdict) => return self.judge(&verdict, line),
        }
        // A line that begins with a tab says where a makefile's last word came from.
        if !line.starts_with('\t') {
            self.makefile.clear();
        }
        self.context = Context::Other;
    }

    /// Keep LINE as one of the current target's.
    fn keep(&mut self, line: &str, weight: Weight) {
        let at = self.lines;
        let target = &mut self.targets[self.current];
        target.last = at;
        target.keep(line);
        if weight >= Weight::Place && !target.goes_on(line) {
            target.suspect(line, weight, at);
        } else {
            self.continue_suspect(line);
        }
    }

    /// `CMake Error at …:` says what is wrong in the next line.
    fn continue_suspect(&mut self, line: &str) {
        let target = &mut self.targets[self.current];
        if !target.continues || line.trim().is_empty() {
            return;
        }
        target.continues = false;
        if let Some(suspect) = target.suspects.back_mut() {
            suspect.text = cut(&format!("{} {}", suspect.text, line.trim())).to_owned();
        }
    }

    /// What comes now, TARGET prints.
    fn go_to(&mut self, target: &str) {
        let target = cut(target);
        if let Some(found) = &mut self.found {
            found.headed = true;
        }
        self.before = self.current;
        if let Some(index) = self.by_name.get(target) {
            self.current = *index;
            self.targets[*index].last = self.lines;
            return;
        }
        let index = if self.targets.len() < TARGETS {
            self.targets.push(Target::default());
            self.targets.len() - 1
        } else {
            self.quietest()
        };
        let place = &mut self.targets[index];
        self.by_name.remove(&place.name);
        place.name.clear();
        place.name.push_str(target);
        place.suspects.clear();
        place.tail.clear();
        place.forgiven.clear();
        place.continues = false;
        place.last = self.lines;
        self.by_name.insert(target.to_owned(), index);
        self.current = index;
    }

    /// The named target that has been quiet for longest; one that has printed no
    /// error, where there is one.
    fn quietest(&self) -> usize {
        let kept = self.found.as_ref().map(|found| found.target);
        let named = self.targets.iter().enumerate().skip(1);
        named
            .filter(|(index, _)| Some(*index) != kept)
            .min_by_key(|(_, target)| (!target.suspects.is_empty(), target.last))
            .map_or(1, |(index, _)| index)
    }

    fn begin_section(&mut self, line: &str) {
        if let Some((number, name)) = stage(line) {
            let name = cut(name);
            self.stage = Some(match number {
                Some(number) => format!("{number} {name}"),
                None => name.to_owned(),
            });
            if let Some((part, _)) = name.split_once(" started") {
                self.begun.push(part.to_owned());
            } else if let Some((part, _)) = name.split_once(" completed") {
                self.end_part(part);
            }
            if !self.makefile.is_empty() {
                self.makefile.clear();
            }
        }
        // ports(7) says why a port is not built in such a line.
        let reason = line.contains(": ");
        let target = &mut self.targets[self.current];
        target.last = self.lines;
        // One that tells of a failure begins nothing.
        if !weight::is_failure(line) {
            target.command += 1;
            target.suspects.clear();
            target.tail.clear();
            target.forgiven.clear();
        }
        if reason {
            target.keep(line);
        }
    }

    fn end_part(&mut self, part: &str) {
        if let Some(at) = self.begun.iter().rposition(|begun| begun == part) {
            self.begun.remove(at);
        }
    }

    /// The last word of makefiles, where it may have been an error: of several the
    /// first that make itself has said, or else the last, which ended it.
    fn makefile_error(&self) -> Option<String> {
        const OF_MAKE: [&str; 14] = [
            "Malformed conditional",
            "Need an operator",
            "Missing dependency operator",
            "Missing ",
            "Could not find ",
            "Cannot open ",
            "Invalid ",
            "Unknown ",
            "Unassociated shell command",
            "Unclosed ",
            "-less ",
            "Bad ",
            "Undefined ",
            "nterminated ",
        ];
        let first = self
            .makefile
            .iter()
            .find(|(_, text)| OF_MAKE.iter().any(|words| text.contains(words)));
        first.or(self.makefile.last()).map(|(_, text)| text.clone())
    }

    /// A make at LEVEL ends; make(1) says so after every failure.
    fn stop(&mut self, level: u32, directory: &str, line: &str) {
        let lines = self.lines;
        let directory = directory.to_owned();
        if let Some(found) = self.found.as_mut().filter(|found| !found.fallout) {
            let near = found.cause.line + 4 >= lines;
            if found.cause.directory.is_none() && near {
                found.cause.directory = Some(directory);
            }
        } else if self.found.is_none() || self.context != Context::OtherBranch {
            // Nobody has said why, or only that another branch failed.
            let fallout = self.context == Context::OtherBranch
                || (self.found.is_some() && self.context == Context::Ending);
            if !(fallout && self.found.is_some()) {
                let text = match self.makefile_error() {
                    Some(text) => Some(text),
                    None if fallout => None,
                    None => self.choose(None).map(|chosen| chosen.text),
                };
                let text = text.unwrap_or_else(|| match fallout {
                    true => "A failure has been detected in another branch of the parallel make"
                        .to_owned(),
                    false => line.trim().to_owned(),
                });
                self.refuse(Some(level), text, line);
                if let Some(found) = &mut self.found {
                    found.fallout = fallout;
                    found.cause.directory = Some(directory);
                }
            }
        }
        self.makefile.clear();
        self.context = Context::Ending;
    }

    /// A make, at LEVEL, does not go on, which TEXT explains.
    fn refuse(&mut self, level: Option<u32>, text: String, line: &str) {
        if self.found.as_ref().is_none_or(|found| found.fallout) {
            let target = self.current;
            let cause = self.cause_of(target, None, How::Unsaid, text, Some(line));
            self.found = Some(Found {
                cause,
                weight: Weight::Crash,
                fallout: false,
                awaits: true,
                level,
                continuing: false,
                target,
                headed: false,
            });
        }
        self.makefile.clear();
        self.context = Context::Ending;
    }

    /// A make has said how a command ended.
    fn judge(&mut self, verdict: &Verdict<'_>, line: &str) {
        let named = self.failed_target.take();
        let target = verdict.target.map(str::to_owned).or(named);
        if verdict.ignored {
            return self.forgive(verdict, target.as_deref());
        }
        let how = match verdict.how {
            line::How::Status(status) => How::Status(status),
            line::How::Signal(signal) => How::Signal(signal),
        };
        let makefile = self.makefile_error();
        let ladder = self
            .found
            .as_ref()
            .is_some_and(|found| self.is_above(found, verdict));
        if let Some(found) = self.found.as_mut() {
            if ladder && found.awaits {
                // Its parent says how the make that refused has ended.
                found.cause.how = how;
                found.cause.target = target.or(found.cause.target.take());
                found.awaits = false;
                self.context = Context::Ending;
                return;
            }
            if ladder || !found.fallout {
                self.context = Context::Ending;
                return;
            }
        }
        let fallout = self.context == Context::OtherBranch;
        // GNU make says no headers, so what comes before is all there is.
        let of = target.as_deref().filter(|_| verdict.level.is_none());
        let chosen = match makefile {
            Some(text) => Some(Chosen {
                target: self.current,
                weight: Weight::Crash,
                text,
            }),
            None => self.choose(of.or(target.as_deref())),
        };
        let chosen = chosen.unwrap_or_else(|| Chosen {
            target: self.current,
            weight: Weight::Nothing,
            text: line.trim().to_owned(),
        });
        let mut cause = self.cause_of(chosen.target, target, how, chosen.text, Some(line));
        if fallout {
            cause.summary =
                "A failure has been detected in another branch of the parallel make".to_owned();
        }
        self.found = Some(Found {
            cause,
            weight: chosen.weight,
            fallout,
            awaits: false,
            level: verdict.level,
            continuing: verdict.continuing,
            target: chosen.target,
            headed: false,
        });
        self.makefile.clear();
        self.context = Context::Ending;
    }

    /// Whether VERDICT is of a command that FOUND has made fail: of a make above.
    fn is_above(&self, found: &Found, verdict: &Verdict<'_>) -> bool {
        match (verdict.level, verdict.target) {
            (Some(level), _) => found.level.map_or(found.awaits, |below| below > level),
            // Without -j nothing else runs, but bmake may say it late.
            (None, None) => !found.continuing,
            (None, Some(_)) => self.context != Context::Other,
        }
    }

    /// A failure that make does not mind: what its target has printed is no cause,
    /// and neither is what a make that it ran has said.
    fn forgive(&mut self, verdict: &Verdict<'_>, target: Option<&str>) {
        let index = target
            .filter(|_| verdict.level.is_none())
            .and_then(|target| self.by_name.get(target))
            .copied()
            .unwrap_or(self.current);
        let forgiven = self.found.as_ref().is_some_and(|found| {
            if verdict.level.is_none() && verdict.target.is_some() {
                // Another target of the same make has its header before it.
                let own = found.target == index && found.awaits;
                let above = !found.headed && found.cause.target.as_deref() != target;
                own || (above && self.is_above(found, verdict))
            } else {
                self.is_above(found, verdict)
            }
        });
        if forgiven {
            self.found = None;
        }
        // Under the header of an outer make it may stand, too.
        for index in [index, self.current] {
            let place = &mut self.targets[index];
            place.suspects.clear();
            if !place.tail.is_empty() {
                place.forgiven = std::mem::take(&mut place.tail);
            }
            place.command += 1;
        }
        self.makefile.clear();
        self.context = Context::Other;
    }

    /// What META_MODE adds to a verdict: the output of a silent command.
    fn add_meta_file(&mut self, file: &str) {
        let lines = self.lines;
        if let Some(found) = &mut self.found
            && found.weight <= Weight::Tool
            && found.cause.line + ADDED >= lines
        {
            found.weight = Weight::Crash;
            found.cause.summary = format!("its command and output are in {}", cut(file));
        }
    }

    /// A next step ends what a failed target of ninja has printed.
    fn end_ninja_output(&mut self, said: Said<'_>) {
        if said == Said::Step && self.targets[self.current].name.starts_with("ninja ") {
            self.current = 0;
        }
    }

    fn end_ninja(&mut self, line: &str) {
        let failed = self.ninja.take();
        if self.found.as_ref().is_none_or(|found| found.fallout) {
            let name = failed.as_ref().map(|(target, _)| format!("ninja {target}"));
            let index = name.and_then(|name| self.by_name.get(&name).copied());
            let target = index.unwrap_or(self.current);
            // Without its output, what was said last says nothing.
            let best = self.targets[target]
                .best(failed.as_ref().map(|(target, _)| target.as_str()))
                .filter(|(weight, _)| *weight > Weight::Words || index.is_some());
            let text = best.map_or_else(|| line.trim().to_owned(), |(_, text)| text);
            let how = failed
                .as_ref()
                .and_then(|(_, status)| *status)
                .map_or(How::Unsaid, How::Status);
            let awaits = how == How::Unsaid;
            let cause = self.cause_of(
                target,
                failed.map(|(target, _)| target),
                how,
                text,
                Some(line),
            );
            self.found = Some(Found {
                cause,
                weight: Weight::Crash,
                fallout: false,
                awaits,
                level: None,
                continuing: false,
                target,
                headed: false,
            });
        }
        self.current = 0;
        self.context = Context::Ending;
    }

    /// What says most of why TARGET failed: of its own lines, or of those that
    /// stand under another's header, which make prints late.
    fn choose(&self, target: Option<&str>) -> Option<Chosen> {
        let index = target
            .and_then(|target| self.by_name.get(target))
            .copied()
            .unwrap_or(self.current);
        let chosen = |index: usize| {
            let (weight, text) = self.targets[index].best(target)?;
            Some(Chosen {
                target: index,
                weight,
                text,
            })
        };
        let own = chosen(index);
        if own.as_ref().is_some_and(|own| own.weight > Weight::Driver) {
            return own;
        }
        // Of makes within makes the outer says whose output comes: what stands under its
        // header belongs to the target of the inner that was at work there.
        if index != self.current
            && let Some(here) = chosen(self.current).filter(|here| here.weight > Weight::Driver)
        {
            return Some(here);
        }
        let other = self
            .targets
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .filter_map(|(other, target)| {
                let at = target.suspects.back()?.at;
                (at + NEAR > self.lines).then_some((at, other))
            })
            .max()
            .and_then(|(_, other)| chosen(other));
        // What has printed nothing under its header may have done so right before it.
        let before = || {
            let silent = own.is_none() && index == self.current && index != self.before;
            silent
                .then(|| chosen(self.before))?
                .filter(|before| before.weight >= Weight::Failure)
        };
        other.or_else(before).or(own)
    }

    fn cause_of(
        &self,
        target: usize,
        name: Option<String>,
        how: How,
        summary: String,
        verdict: Option<&str>,
    ) -> Cause {
        let mut lines: Vec<String> = self.targets[target].tail.iter().cloned().collect();
        if let Some(verdict) = verdict {
            lines.push(cut(verdict).to_owned());
        }
        if !lines.iter().any(|line| line.contains(&summary)) {
            lines.insert(0, summary.clone());
        }
        Cause {
            target: name,
            how,
            directory: None,
            summary,
            lines,
            stage: self.stage.clone(),
            line: self.lines,
        }
    }
}

/// Whether TEXT has nothing of what a terminal obeys, as most has not.
fn is_plain(text: &str) -> bool {
    memchr::memchr3(0x1b, 0x08, b'\r', text.as_bytes()).is_none()
}

/// LINE of a make that may have said its name twice.
fn once(line: &str) -> String {
    let line = line.trim();
    if let Some((name, rest)) = line.split_once(": ")
        && rest.starts_with(&line[..name.len() + 2])
    {
        return cut(rest).to_owned();
    }
    cut(line).to_owned()
}

/// The first cause of failure in LOG, if there is one.
pub fn cause(log: &str) -> Option<Cause> {
    match outcome(log.as_bytes()) {
        Outcome::Failed(cause) => Some(cause),
        Outcome::Passed | Outcome::CutOff => None,
    }
}

/// What LOG, all of it, says of the build.
pub fn outcome(log: &[u8]) -> Outcome {
    let mut reader = Reader::new();
    let whole = memchr::memrchr(b'\n', log).map_or(0, |at| at + 1);
    reader.take_lines(&log[..whole]);
    if whole < log.len() {
        reader.torn(&log[whole..]);
    }
    reader.outcome()
}

#[cfg(test)]
mod tests;
