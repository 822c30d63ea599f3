//! Long work in the guest that does not depend on the connection.
//!
//! A job is a directory in the guest: its `script`, its `log`, the `pid` that
//! leads its session, the `boot` it belongs to, and at the end its `status`.
//! It is started by FreeBSD's daemon(8), or setsid(1) elsewhere, and goes on
//! whether or not anybody looks. Looking reads the log from an exact byte, so
//! whoever comes back, from this process or from another one days later, goes
//! on where he stopped. A connection that is lost meanwhile is made again.
//!
//! Source: daemon(8), sysctl(8) `kern.boottime`, proc(5).

use super::connection::Connection;
use super::error::SshError;
use super::run::{Ending, Output, last_line};
use super::shell::Question;
use super::text::quote_all;
use crate::progress::{self, Event};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// How much of a log one look takes.
const PIECE: usize = 4 << 20;
/// How much of a log's end is kept to be shown when the job has failed.
const TAIL: usize = 64 << 10;
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(60);
/// How often to look while nothing new comes.
const SLOWEST: Duration = Duration::from_millis(500);
const FASTEST: Duration = Duration::from_millis(50);

/// Prints what tells one boot of a machine from another.
const BOOT: &str = r#"boot() {
    if test -r /proc/sys/kernel/random/boot_id; then
        printf '%s:%s\n' "$(cat /proc/sys/kernel/random/boot_id)" \
            "$(sed 's/.*) //' /proc/1/stat | cut -d ' ' -f 20)"
    else
        sysctl -n kern.boottime | sed -e 's/,.*//' -e 's/[^0-9]//g'
    fi
}
"#;

/// `$1` is the directory, `$2` the script, `$3` a number of ours. Said twice,
/// which over a lost connection it may be, it starts one job.
const START: &str = r#"umask 077
mkdir -p "$1" && cd "$1" || exit 1
if test "$(cat number 2> /dev/null)" != "$3"; then
if test -e number; then echo "a job is there already" >&2; exit 17; fi
printf '%s\n' "$3" > number
printf '%s\n' "$2" > script
boot > boot
: > log
cat > run <<'END'
cd "$1" || exit 1
echo $$ > pid.part && mv pid.part pid
/bin/sh ./script >> log 2>&1 < /dev/null
echo $? > status.part && mv status.part status
END
if test "$(uname -s)" = FreeBSD && command -v daemon > /dev/null 2>&1; then
    daemon -f /bin/sh ./run "$1" || exit 1
elif command -v setsid > /dev/null 2>&1; then
    setsid /bin/sh ./run "$1" > /dev/null 2>&1 < /dev/null &
else
    nohup /bin/sh ./run "$1" > /dev/null 2>&1 < /dev/null &
fi
fi
tries=0
until test -e pid; do
    tries=$((tries + 1))
    if test $tries -gt 100; then echo "the job did not start" >&2; exit 1; fi
    sleep 0.05
done
cat boot
"#;

/// `$1` is the directory, `$2` the offset in the log, `$3` the most bytes, `$4`
/// whether to look at processor time. The status is looked at before the log:
/// when it is there, the log is complete.
const LOOK_AT: &str = r#"now=$(boot)
if ! cd "$1" 2> /dev/null || ! test -e script; then
    echo "- no 0 $now -"
    exit 3
fi
status=-
test -e status && status=$(cat status)
alive=no
pid=$(cat pid 2> /dev/null) && kill -0 "$pid" 2> /dev/null && alive=yes
size=$(($(wc -c < log)))
used=-
if test "$4" = yes && test -r /proc/self/stat; then
    used=$(cat /proc/[0-9]*/stat 2> /dev/null | sed 's/^.*) //' |
        awk -v session="$pid" '$4 == session { n++; t += $12 + $13 } END { print n + 0 ":" t + 0 }')
elif test "$4" = yes; then
    used=$(ps -ax -o sid= -o pid= -o time= | sed -n "s/^ *$pid  *//p" | cksum | tr ' ' .)
fi
echo "$status $alive $size $now $used"
if test "$size" -gt "$2"; then
    tail -c +$(($2 + 1)) log | head -c "$3"
fi
exit 0
"#;

/// Ends the session of the job in `$1`, if it runs in this boot.
const END: &str = r#"cd "$1" || exit 1
test -e status && exit 0
test "$(boot)" = "$(cat boot)" || exit 0
pid=$(cat pid) || exit 1
kill -TERM "-$pid" 2> /dev/null
tries=0
while kill -0 "$pid" 2> /dev/null; do
    tries=$((tries + 1))
    if test $tries -gt 40; then kill -KILL "-$pid"; exit 0; fi
    sleep 0.05
done
exit 0
"#;

/// The kernel's word on memory, where it has one.
const MEMORY: &str = "dmesg 2> /dev/null | tail -n 200 | \
                      grep -E 'was killed: |Out of memory: ' | tail -n 1";

/// What following a job is to be like.
#[derive(Debug)]
pub struct Follow {
    /// The directory of the job in the guest.
    pub directory: String,
    /// What `start_job` returned; `None` when another process started it.
    pub boot: Option<String>,
    /// The first byte of the log that is wanted.
    pub offset: u64,
    /// Show new lines as those of this source.
    pub live: Option<String>,
    /// Append new bytes of the log to this file.
    pub copy: Option<PathBuf>,
    /// Give up when the job has neither printed nor used the processor for so long.
    pub stall: Option<Duration>,
    /// Give up after this long.
    pub limit: Duration,
    /// Give up when the guest has not answered for so long.
    pub outage: Duration,
}

/// Why following ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Finished(u32),
    /// Its processes are gone and left no status.
    Gone,
    /// The guest has booted since.
    Rebooted,
    /// There is no such job.
    Vanished,
    /// It does nothing; it is still there.
    Stalled(Duration),
    /// It has not ended in time; it is still there.
    Late,
}

/// What is known when following has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    pub end: End,
    /// Where to go on in the log.
    pub offset: u64,
    /// The end of the log.
    pub tail: Vec<u8>,
    /// The kernel says that it ended a process for want of memory.
    pub memory: Option<String>,
}

/// One look at a job.
struct Look {
    there: bool,
    status: Option<u32>,
    alive: bool,
    boot: String,
    used: String,
    bytes: Vec<u8>,
}

fn question(script: &str, arguments: &[&str]) -> Question {
    let arguments = quote_all(["set", "--"].iter().chain(arguments));
    Question::Script(format!("{arguments}\n{BOOT}{script}"))
}

impl Connection {
    /// Start SCRIPT, a text for `/bin/sh`, as a job in DIRECTORY of the guest.
    /// Answers the guest's boot, by which a later one is told.
    pub async fn start_job(&self, directory: &str, script: &str) -> Result<String, SshError> {
        let number = uuid::Uuid::new_v4().simple().to_string();
        let start = question(START, &[directory, script, &number]);
        let answer = self.one(start).await?;
        if answer.ending == Ending::Exited(0) {
            return Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned());
        }
        Err(SshError::Channel {
            destination: self.destination().clone(),
            what: format!("a job in `{directory}`"),
            reason: last_line(&answer.stderr).unwrap_or_else(|| "it said nothing".to_owned()),
        })
    }

    /// End the job in DIRECTORY.
    pub async fn end_job(&self, directory: &str) -> Result<(), SshError> {
        self.one(question(END, &[directory])).await.map(drop)
    }

    async fn one(&self, question: Question) -> Result<Output, SshError> {
        // Every question about a job may be put twice.
        let mut answers = self
            .ask_again(std::slice::from_ref(&question), LOOK)
            .await?;
        Ok(answers.remove(0))
    }

    async fn look(&self, directory: &str, offset: u64, processor: bool) -> Result<Look, SshError> {
        let (from, most) = (offset.to_string(), PIECE.to_string());
        let processor = if processor { "yes" } else { "no" };
        let arguments = [directory, &from, &most, processor];
        let answer = self.one(question(LOOK_AT, &arguments)).await?;
        let mut bytes = answer.stdout;
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(bytes.len());
        let rest = bytes.split_off((end + 1).min(bytes.len()));
        let line = String::from_utf8_lossy(&bytes).into_owned();
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [status, alive, _, boot, used] = fields[..] else {
            return Err(SshError::Channel {
                destination: self.destination().clone(),
                what: format!("a look at the job in `{directory}`"),
                reason: last_line(&answer.stderr)
                    .unwrap_or_else(|| format!("it answered `{}`", super::text::visible(&line))),
            });
        };
        Ok(Look {
            there: answer.ending == Ending::Exited(0),
            status: status.parse().ok(),
            alive: alive == "yes",
            boot: boot.to_owned(),
            used: used.to_owned(),
            bytes: rest,
        })
    }

    /// Follow a job to its end, over lost connections.
    pub async fn follow_job(&self, mut follow: Follow) -> Result<Followed, SshError> {
        let start = Instant::now();
        let copy = match &follow.copy {
            None => None,
            Some(path) => Some(
                File::options()
                    .create(true)
                    .append(true)
                    .open(path)
                    .map_err(|error| SshError::Local {
                        path: path.clone(),
                        error,
                    })?,
            ),
        };
        let mut progress = Progress::new(follow.offset, follow.live.take(), copy);
        let mut quiet = Quiet::new();
        let mut pause = FASTEST;
        let mut out_since: Option<Instant> = None;
        let mut absent = 0;
        let end = loop {
            let stalls = follow
                .stall
                .is_some_and(|stall| quiet.since.elapsed() * 2 > stall);
            let look = match self.look(&follow.directory, progress.offset, stalls).await {
                Ok(look) => look,
                Err(error) if passing(&error) => {
                    let since = *out_since.get_or_insert_with(Instant::now);
                    let left = follow.outage.saturating_sub(since.elapsed());
                    if left.is_zero() {
                        return Err(error);
                    }
                    progress::tell(Event::Note {
                        text: format!("{error}; the job goes on, connecting again"),
                    });
                    self.renew(left).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            out_since = None;
            let boot = follow.boot.get_or_insert_with(|| look.boot.clone());
            if !same_boot(boot, &look.boot) {
                break End::Rebooted;
            }
            if !look.there {
                break End::Vanished;
            }
            if !look.bytes.is_empty() {
                progress
                    .take(&look.bytes)
                    .map_err(|error| SshError::Local {
                        path: follow.copy.clone().unwrap_or_default(),
                        error,
                    })?;
                quiet = Quiet::new();
                pause = FASTEST;
                absent = 0;
                if start.elapsed() < follow.limit {
                    continue;
                }
            } else if let Some(status) = look.status {
                break End::Finished(status);
            }
            if !look.alive && look.status.is_none() {
                // Its status may have come between two of our looks.
                absent += 1;
                if absent > 2 {
                    break End::Gone;
                }
            }
            if let Some(stall) = follow.stall
                && stalls
                && quiet.lasts(&look.used, stall)
            {
                break End::Stalled(stall);
            }
            if start.elapsed() >= follow.limit {
                break End::Late;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(SLOWEST);
        };
        progress.end();
        let memory = match end {
            End::Gone | End::Finished(137) => self.memory().await,
            End::Finished(status) if status != 0 => self.memory().await,
            _ => None,
        };
        Ok(Followed {
            end,
            offset: progress.offset,
            tail: progress.tail,
            memory,
        })
    }

    /// What the kernel says about processes that it ended for want of memory.
    async fn memory(&self) -> Option<String> {
        let answer = self.one(Question::Script(MEMORY.to_owned())).await.ok()?;
        last_line(&answer.stdout)
    }
}

/// Whether waiting and connecting again may mend ERROR.
fn passing(error: &SshError) -> bool {
    matches!(
        error,
        SshError::Lost { .. } | SshError::NoAnswer { .. } | SshError::Deadline { .. }
    )
}

/// FreeBSD tells its boot by the clock, which may be set meanwhile.
fn same_boot(one: &str, other: &str) -> bool {
    match (one.parse::<i64>(), other.parse::<i64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() <= 10,
        _ => one == other,
    }
}

/// How long nothing has happened.
struct Quiet {
    since: Instant,
    used: Option<String>,
}

impl Quiet {
    fn new() -> Self {
        Quiet {
            since: Instant::now(),
            used: None,
        }
    }

    /// Whether neither output nor, by USED, processor time has come for STALL.
    fn lasts(&mut self, used: &str, stall: Duration) -> bool {
        match &self.used {
            Some(before) if before == used => self.since.elapsed() >= stall,
            Some(_) => {
                *self = Quiet::new();
                self.used = Some(used.to_owned());
                false
            }
            None => {
                self.used = Some(used.to_owned());
                false
            }
        }
    }
}

/// What has been read of a log.
struct Progress {
    offset: u64,
    live: Option<String>,
    copy: Option<File>,
    /// A line that has not ended yet.
    line: Vec<u8>,
    tail: Vec<u8>,
}

impl Progress {
    fn new(offset: u64, live: Option<String>, copy: Option<File>) -> Self {
        Progress {
            offset,
            live,
            copy,
            line: Vec::new(),
            tail: Vec::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if let Some(copy) = &mut self.copy {
            copy.write_all(bytes)?;
        }
        self.offset += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        if self.live.is_some() {
            for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                self.line.extend_from_slice(piece);
                if piece.ends_with(b"\n") || self.line.len() > TAIL {
                    self.show();
                }
            }
        }
        Ok(())
    }

    fn show(&mut self) {
        if let Some(source) = &self.live {
            let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
            progress::tell(Event::Line {
                source: source.clone(),
                text: String::from_utf8_lossy(line).into_owned(),
            });
        }
        self.line.clear();
    }

    fn end(&mut self) {
        if !self.line.is_empty() {
            self.show();
        }
        let extra = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..extra);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_no_reboot() {
        assert!(same_boot("1760000000", "1760000004"));
        assert!(!same_boot("1760000000", "1760000100"));
        assert!(same_boot("b1:7", "b1:7"));
        assert!(!same_boot("b1:7", "b1:8"));
    }

    #[test]
    fn processor_time_that_grows_is_no_stall() {
        let mut quiet = Quiet::new();
        assert!(!quiet.lasts("a", Duration::ZERO));
        assert!(quiet.lasts("a", Duration::ZERO));
        assert!(!quiet.lasts("b", Duration::ZERO));
        assert!(!quiet.lasts("b", Duration::from_secs(60)));
    }
}
