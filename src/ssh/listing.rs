//! The jobs that a guest has, running or ended, as one look finds them.

use super::connection::Connection;
use super::error::SshError;
use super::job::{is_clock, question, same_boot};
use super::run::{Ending, last_line};
use super::text::visible;
use std::time::Duration;

/// `$1` is the folder that jobs are in. Prints the guest's boot and time, and for
/// each job a line of what its files say, and one of what it printed last. Only
/// names are listed that a job of ours can have.
const LIST: &str = r#"printf '%s %s\n' "$(boot)" "$(date +%s)"
cd "$1" 2> /dev/null || exit 0
# One whose start was cut off may have files with nothing in them.
word() { said=$(cat "./$job/$1" 2> /dev/null); echo "${said:--}"; }
for job in *; do
    case $job in *[!A-Za-z0-9._-]*) continue ;; esac
    test -e "./$job/script" || continue
    status=$(word status)
    alive=no
    pid=$(word pid)
    if leads "$pid" || { ! there "$pid" && test -n "$(members "$pid")"; }; then alive=yes; fi
    printf '%s ' "$job" "$status" $alive "$(word boot)" "$(word began)" "$(word ended)"
    # One whose start was cut off has no log yet.
    printf '%s\n' $( { wc -c < "./$job/log"; } 2> /dev/null || echo 0)
    printf '|%s\n' "$(tail -c 2000 "./$job/log" 2> /dev/null | tr -d '\000' | tail -n 1)"
done
exit 0
"#;

/// How a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    /// It has ended with this status.
    Finished(u32),
    /// Its processes are gone and left no status.
    Gone,
    /// The guest has booted since it was started.
    Rebooted,
}

/// One job, as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub name: String,
    pub state: State,
    /// When it began by the guest's clock, in seconds since 1970.
    pub began: Option<u64>,
    /// How long it took, or has been running; unknown of one that was not let end.
    pub elapsed: Option<Duration>,
    /// The size of its log in bytes.
    pub log_size: u64,
    /// What it printed last, as it may be shown.
    pub last: String,
}

impl Connection {
    /// The jobs below DIRECTORY of the guest, by name.
    pub async fn list_jobs(&self, directory: &str) -> Result<Vec<Listed>, SshError> {
        let answer = self.one(question("listing", LIST, &[directory])).await?;
        let text = String::from_utf8_lossy(&answer.stdout);
        if answer.ending == Ending::Exited(0)
            && let Some(jobs) = parsed(&text)
        {
            return Ok(jobs);
        }
        Err(SshError::Channel {
            destination: self.destination().clone(),
            what: format!("a list of the jobs in `{directory}`"),
            reason: last_line(&answer.stderr)
                .unwrap_or_else(|| format!("it answered `{}`", visible(&text))),
        })
    }
}

/// What LIST has printed.
fn parsed(text: &str) -> Option<Vec<Listed>> {
    let mut lines = text.lines();
    let (boot, now) = lines.next()?.split_once(' ')?;
    let now: u64 = now.parse().ok()?;
    let mut jobs = Vec::new();
    while let Some(line) = lines.next() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, status, alive, its_boot, began, ended, size] = fields[..] else {
            return None;
        };
        let state = match status.parse() {
            Ok(status) => State::Finished(status),
            // A clock that was set is no reboot while a process of it lives.
            Err(_) if alive == "yes" && (same_boot(its_boot, boot) || is_clock(boot)) => {
                State::Running
            }
            Err(_) if !same_boot(its_boot, boot) => State::Rebooted,
            Err(_) => State::Gone,
        };
        let began = began.parse::<u64>().ok();
        let until = match state {
            State::Running => Some(now),
            _ => ended.parse().ok(),
        };
        jobs.push(Listed {
            name: name.to_owned(),
            state,
            began,
            elapsed: began
                .zip(until)
                .map(|(began, until)| Duration::from_secs(until.saturating_sub(began))),
            log_size: size.parse().unwrap_or(0),
            last: visible(lines.next()?.strip_prefix('|')?),
        });
    }
    Some(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_files_of_a_job_say_is_told_apart() {
        let text = "1764496000 1764500000\n\
            a - yes 1764496003 1764499000 - 12\n|cc -c a.c\n\
            b 2 no 1764496000 1764498000 1764498061 99\n|\x1b[2J*** Error code 2\n\
            c - no 1764496000 1764498000 - 0\n|\n\
            d - no 1764000000 1764000100 - 7\n|half\n";
        let jobs = parsed(text).unwrap();
        let found: Vec<_> = jobs
            .iter()
            .map(|job| {
                (
                    job.name.as_str(),
                    job.state,
                    job.elapsed.map(|time| time.as_secs()),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("a", State::Running, Some(1000)),
                ("b", State::Finished(2), Some(61)),
                ("c", State::Gone, None),
                ("d", State::Rebooted, None),
            ]
        );
        assert!(!jobs[1].last.contains('\x1b'), "{:?}", jobs[1].last);
        assert_eq!(parsed("1764496000 1764500000\n"), Some(Vec::new()));
        assert_eq!(parsed("sh: not found\n"), None);
        assert_eq!(parsed("1 2\na - yes\n"), None);
    }
}
