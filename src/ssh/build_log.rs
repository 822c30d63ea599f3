//! Reading the log of a FreeBSD build: where it is, and why it stopped.
//!
//! When a parallel make fails, every branch and every level above adds its own
//! lines: "Error code", "stopped in", "another branch". The first is the cause
//! and all others are fallout, so only the first is looked for, together with
//! what its target had printed.
//!
//! Source: FreeBSD's Makefile.inc1 (the banners) and bmake's job.c (the errors).

/// Why a build stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The target that failed, where make names it.
    pub target: Option<String>,
    pub how: How,
    /// The directory in which make stopped first, where it says so.
    pub directory: Option<String>,
    /// The line that says most.
    pub summary: String,
    /// What the target printed, at most the last few lines.
    pub lines: Vec<String>,
}

impl Cause {
    /// The cause in a line: what was said last says little of what a signal ended.
    pub fn told(&self) -> String {
        let How::Signal(signal) = self.how else {
            return self.summary.clone();
        };
        let target = self.target.as_deref().unwrap_or("a target");
        let reason = self.how.reason().map(|reason| format!(", {reason}"));
        format!(
            "`{target}` was ended by signal {signal}{}; last: {}",
            reason.unwrap_or_default(),
            self.summary
        )
    }
}

/// How a target failed.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    Status(u32),
    Signal(u32),
    /// A makefile refused to go on.
    Refused,
}

impl How {
    /// The likely reason, where how it failed says one.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            How::Signal(9) => Some("killed, as the kernel does for want of memory"),
            How::Signal(6 | 11) => Some("it crashed"),
            _ => None,
        }
    }
}

/// How many lines of a failed target are kept.
const KEPT: usize = 20;

/// The first cause of failure in LOG, if there is one.
pub fn cause(log: &str) -> Option<Cause> {
    let lines: Vec<&str> = log.lines().collect();
    let (index, target, how) = lines
        .iter()
        .enumerate()
        .find_map(|(index, line)| failure(line).map(|(target, how)| (index, target, how)))?;
    let lines_before = before(&lines[..index], target.as_deref(), &how);
    let summary = match how {
        How::Refused => lines[index].trim().to_owned(),
        _ => summary(&lines_before)
            .unwrap_or(lines[index])
            .trim()
            .to_owned(),
    };
    let directory = lines[index..]
        .iter()
        .take(4)
        .find_map(|line| stopped_in(line));
    let mut kept: Vec<String> = lines_before.iter().map(|line| (*line).to_owned()).collect();
    kept.push(lines[index].to_owned());
    Some(Cause {
        target,
        how,
        directory,
        summary,
        lines: kept,
    })
}

/// What a line says about a failed target: bmake's `*** [TARGET] Error code N`
/// and `Signal N`, GNU make's `make: *** [FILE:LINE: TARGET] Error N`, and the
/// refusals of makefiles.
fn failure(line: &str) -> Option<(Option<String>, How)> {
    if let Some(at) = line.find("*** [") {
        let (named, rest) = line[at + 5..].split_once(']')?;
        // GNU make says where the rule is before it says which.
        let target = named.rsplit(": ").next().unwrap_or(named).to_owned();
        let rest = rest.trim();
        let number = |text: &str| text.split_whitespace().next()?.parse().ok();
        if let Some(code) = rest
            .strip_prefix("Error code ")
            .or_else(|| rest.strip_prefix("Error "))
        {
            return Some((Some(target), How::Status(number(code)?)));
        }
        if let Some(signal) = rest.strip_prefix("Signal ") {
            return Some((Some(target), How::Signal(number(signal)?)));
        }
        if rest.starts_with("Killed") {
            return Some((Some(target), How::Signal(9)));
        }
        return None;
    }
    // Without -j the target is not named.
    if let Some(rest) = line.strip_prefix("*** ") {
        let number = |what: &str| rest.strip_prefix(what)?.trim().parse().ok();
        let how = number("Error code ")
            .map(How::Status)
            .or_else(|| number("Signal ").map(How::Signal));
        if let Some(how) = how {
            return Some((None, how));
        }
    }
    let refused = line.starts_with("ERROR: ")
        || (line.contains(".error ") && line.starts_with("make"))
        || (line.contains("*** ") && line.ends_with(".  Stop."))
        || (line.starts_with("make: \"") && line.contains("\" line "))
        || (line.starts_with("bmake: \"") && line.contains("\" line "));
    refused.then_some((None, How::Refused))
}

/// Of LINES, those that the failed target printed. With -j bmake groups them
/// under `--- TARGET ---`.
fn before<'a>(lines: &[&'a str], target: Option<&str>, how: &How) -> Vec<&'a str> {
    if *how == How::Refused {
        return Vec::new();
    }
    let header = target.map(|target| format!("--- {target} ---"));
    let mut own: Vec<&str> = Vec::new();
    let grouped = header
        .as_ref()
        .is_some_and(|header| lines.iter().any(|line| line.trim_end() == header));
    if grouped {
        let mut inside = false;
        for line in lines {
            if line.starts_with("--- ") && line.trim_end().ends_with(" ---") {
                inside = Some(line.trim_end()) == header.as_deref();
            } else if inside {
                own.push(line);
            }
        }
    } else {
        own.extend(
            lines
                .iter()
                .rev()
                .take_while(|line| !line.starts_with("===>") && !line.starts_with(">>>"))
                .collect::<Vec<_>>()
                .into_iter()
                .rev(),
        );
    }
    let extra = own.len().saturating_sub(KEPT);
    own.drain(..extra);
    own
}

/// The line of LINES that says most about a failure: the first that calls
/// itself an error, or else the last.
fn summary<'a>(lines: &[&'a str]) -> Option<&'a str> {
    const MARKS: [&str; 6] = [
        "error:",
        "ERROR:",
        "fatal:",
        "Required ",
        "No space left on device",
        "can only be set in environment",
    ];
    lines
        .iter()
        .find(|line| MARKS.iter().any(|mark| line.contains(mark)))
        .or_else(|| lines.iter().rev().find(|line| !line.trim().is_empty()))
        .copied()
}

/// The directory of `make[4]: stopped in DIR` or `stopped making "X" in DIR`.
fn stopped_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(": stopped ")?;
    let (_, directory) = rest.rsplit_once("in ")?;
    Some(directory.trim().to_owned())
}

/// The stage that LINE announces: `>>> stage 4.2: building libraries` is
/// ("4.2", "building libraries"); other banners have no number.
pub fn stage(line: &str) -> Option<(Option<&str>, &str)> {
    let text = line.strip_prefix(">>> ")?.trim_end();
    match text
        .strip_prefix("stage ")
        .and_then(|rest| rest.split_once(": "))
    {
        Some((number, name)) => Some((Some(number), name)),
        None if text.chars().all(|character| character == '-') => None,
        None => Some((None, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(log: &str) -> (Option<String>, How, Option<String>, String) {
        let cause = cause(log).expect("a cause");
        (cause.target, cause.how, cause.directory, cause.summary)
    }

    #[test]
    fn the_first_failure_is_the_cause_and_the_ladder_behind_it_is_not() {
        let log = "\
--- unwind-dw2.o ---
cc -O2 -c unwind-dw2.c -o unwind-dw2.o
--- all_subdir_lib/libz ---
cc -O2 -c inflate.c -o inflate.o
--- unwind-dw2.o ---
unwind-dw2.c:41:10: fatal error: 'tconfig.h' file not found
1 error generated.
*** [unwind-dw2.o] Error code 1

make[4]: stopped in /frx/store/x/tree/lib/libgcc_eh
--- all_subdir_lib/libz ---
        A failure has been detected in another branch of the parallel make
make[4]: stopped in /frx/store/x/tree/lib/libz
*** [_libraries] Error code 2
make[1]: stopped making \"buildworld\" in /frx/store/x/tree
*** [buildworld] Error code 2
";
        assert_eq!(
            said(log),
            (
                Some("unwind-dw2.o".into()),
                How::Status(1),
                Some("/frx/store/x/tree/lib/libgcc_eh".into()),
                "unwind-dw2.c:41:10: fatal error: 'tconfig.h' file not found".into()
            )
        );
        assert!(
            !cause(log)
                .unwrap()
                .lines
                .iter()
                .any(|line| line.contains("inflate"))
        );
    }

    #[test]
    fn every_spelling_of_a_failure_is_understood() {
        let cases = [
            (
                "ld: error: bc_help.pieo: Invalid record\n*** [bc] Error code 1\nmake: stopped making \"all\" in /usr/src/usr.bin/bc\n",
                (
                    Some("bc"),
                    How::Status(1),
                    Some("/usr/src/usr.bin/bc"),
                    "ld: error: bc_help.pieo: Invalid record",
                ),
            ),
            (
                "cc: running\n*** [clang.full] Signal 9\n\nmake[3]: stopped in /usr/src/usr.bin/clang\n",
                (
                    Some("clang.full"),
                    How::Signal(9),
                    Some("/usr/src/usr.bin/clang"),
                    "cc: running",
                ),
            ),
            (
                "cat: nope: No such file or directory\nmake: *** [Makefile:12: kernel] Error 1\n",
                (
                    Some("kernel"),
                    How::Status(1),
                    None,
                    "cat: nope: No such file or directory",
                ),
            ),
            (
                "ERROR: Required ntpd user is missing, see /usr/src/UPDATING.\n*** [installcheck_UGID] Error code 1\n",
                (
                    None,
                    How::Refused,
                    None,
                    "ERROR: Required ntpd user is missing, see /usr/src/UPDATING.",
                ),
            ),
            (
                "Makefile:3: *** MAKEOBJDIRPREFIX can only be set in environment.  Stop.\n",
                (
                    None,
                    How::Refused,
                    None,
                    "Makefile:3: *** MAKEOBJDIRPREFIX can only be set in environment.  Stop.",
                ),
            ),
        ];
        for (log, (target, how, directory, summary)) in cases {
            assert_eq!(
                said(log),
                (
                    target.map(str::to_owned),
                    how,
                    directory.map(str::to_owned),
                    summary.to_owned()
                ),
                "{log}"
            );
        }
    }

    #[test]
    fn a_log_without_failure_has_no_cause() {
        assert_eq!(
            cause(">>> World build completed on Mon\n*** not one\n"),
            None
        );
        assert_eq!(cause(""), None);
    }

    #[test]
    fn stages_are_told_with_their_numbers() {
        assert_eq!(
            stage(">>> stage 4.2: building libraries"),
            Some((Some("4.2"), "building libraries"))
        );
        assert_eq!(
            stage(">>> World build completed on Mon Nov 23 07:00:00 UTC 2026"),
            Some((
                None,
                "World build completed on Mon Nov 23 07:00:00 UTC 2026"
            ))
        );
        assert_eq!(stage(">>> --------------"), None);
        assert_eq!(stage("===> lib/libc"), None);
    }
}
