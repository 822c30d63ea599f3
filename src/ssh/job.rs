//! Long work in the guest that does not depend on the connection.
//!
//! A job is a directory in the guest: its `script`, its `log`, the `pid` that
//! leads its session, the `boot` it belongs to, and at the end its `status`.
//! It is started by FreeBSD's daemon(8), or setsid(1) elsewhere, and goes on
//! whether or not anybody looks. Looking reads the log from an exact byte, so
//! whoever comes back, from this process or from another one days later, goes
//! on where he stopped. A connection that is lost meanwhile is made again.
//!
//! Source: daemon(8), sysctl(8) `kern.boot_id` and `kern.boottime`, proc(5), ps(1).

use super::build_log::{Cause, Outcome, Reader};
use super::connection::{Connection, Outage, passing};
use super::error::SshError;
use super::following::Progress;
use super::line::{Marked, line};
use super::run::{Ending, Output, last_line};
use super::shell::Question;
use super::text::{quote_all, visible};
use crate::clock::{self, Moment};
use crate::progress::{self, Event};
use russh::ChannelMsg;
use std::path::PathBuf;
use std::time::Duration;

/// How much of a log one look takes; more than this comes over a channel of its
/// own.
const PIECE: u64 = 64 << 10;
/// A disk with less than this left is full.
const FULL: u64 = 1 << 20;
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(60);
/// How often to look while nothing new comes: twice a second, and at work that has
/// been silent for long every hundredth of that time, but every ten seconds at least.
const SLOWER: Duration = Duration::from_millis(500);
const SLOWEST: Duration = Duration::from_secs(10);
const FASTEST: Duration = Duration::from_millis(50);

/// `memory` prints the kernel's last word on a process that it ended for want of
/// memory.
const MEMORY: &str = r#"memory() {
    dmesg 2> /dev/null | tail -n 300 |
        grep -E 'was killed: |[Oo]ut of memory: ' | tail -n 1
}
"#;

/// `boot` prints what tells one boot of a machine from another: a number that the
/// kernel drew, or else the clock at which it booted.
const BOOT: &str = r#"boot() {
    if test -r /proc/sys/kernel/random/boot_id; then
        printf '%s:%s\n' "$(cat /proc/sys/kernel/random/boot_id)" \
            "$(sed 's/.*) //' /proc/1/stat | cut -d ' ' -f 20)"
    elif id=$(sysctl -n kern.boot_id 2> /dev/null) && test -n "$id"; then
        printf 'id:%s\n' "$id"
    else
        sysctl -n kern.boottime | sed -e 's/,.*//' -e 's/[^0-9]//g'
    fi
}
"#;

/// `members SESSION` prints the processes of a session that are not dead yet;
/// `there` tells whether process `$1` is, which one that nobody has waited for is
/// not, and `leads` whether it is the one that leads a job of ours.
const SESSION: &str = r#"members() {
    if test -r /proc/self/stat; then
        cat /proc/[0-9]*/stat 2> /dev/null |
            sed -n 's/^\([0-9]*\) (.*) \([A-Z]\) [0-9]* [0-9]* \([0-9]*\) .*/\1 \2 \3/p'
    else
        ps -ax -o pid= -o stat= -o sid=
    fi | awk -v session="$1" '$2 !~ /^Z/ && $3 == session { print $1 }'
}
there() {
    kill -0 "$1" 2> /dev/null || return 1
    case $(ps -o stat= -p "$1" 2> /dev/null) in Z*) return 1 ;; esac
}
leads() {
    kill -0 "$1" 2> /dev/null || return 1
    command=$(ps -ww -o stat= -o args= -p "$1" 2> /dev/null) || return 0
    case $command in
    Z*) return 1 ;;
    *' ./run '*) return 0 ;;
    '') return 0 ;;
    *) return 1 ;;
    esac
}
"#;

/// `$1` is the directory, `$2` the script, `$3` a number of ours. Said twice, which
/// over a lost connection it may be, it starts one job: the number is written when all
/// else is, and of two launches the first to claim the job does it. What lies in `room`
/// makes way for the status when the disk has filled.
const START: &str = r#"umask 077
parent=$(dirname "$1")
mkdir -p "$parent" || exit 1
case $parent in
*/fruix-jobs*) test -O "$parent" || { echo "$parent belongs to another user" >&2; exit 1; } ;;
esac
mkdir -p "$1" && cd "$1" || exit 1
if test "$(cat number 2> /dev/null)" != "$3"; then
if test -e number; then echo "a job is there already" >&2; exit 17; fi
full() {
    cd / && rm -rf "$1"
    echo "the job's files cannot be written" >&2
    exit 1
}
cat > run <<'END' || full "$1"
cd "$1" || exit 1
mkdir claimed 2> /dev/null || exit 0
umask 022
echo $$ > pid.part && mv pid.part pid
/bin/sh ./script >> log 2>&1 < /dev/null
status=$?
rm -f room
date +%s > ended
echo $status > status.part && mv status.part status
END
memory > memory
printf '%s\n' "$2" > script && boot > boot &&
    date +%s > began && : > log && head -c 65536 /dev/urandom > room &&
    printf '%s\n' "$3" > number.part && mv number.part number || full "$1"
fi
if test ! -e pid; then
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

/// `$1` is the directory, `$2` the offset in the log, `$3` the most bytes that
/// are printed here, `$4` whether to look at processor time. The status is looked
/// at before the log: when it is there, the log is complete. A job is alive while
/// any process of its session is.
const LOOK_AT: &str = r#"now=$(boot)
if ! cd "$1" 2> /dev/null || ! test -e script; then
    echo "- no 0 $now - 0 -"
    exit 3
fi
status=-
test -e status && status=$(cat status)
alive=no
if test "$status" = - && pid=$(cat pid 2> /dev/null); then
    if leads "$pid"; then alive=yes
    elif ! there "$pid" && test -n "$(members "$pid")"; then alive=yes; fi
fi
size=$(($(wc -c < log)))
used=-
if test "$4" = yes && test -r /proc/self/stat; then
    used=$(cat /proc/[0-9]*/stat 2> /dev/null | sed 's/^.*) //' |
        awk -v session="$pid" '$4 == session { n++; t += $12 + $13 } END { print n + 0 ":" t + 0 }')
elif test "$4" = yes; then
    used=$(ps -ax -o sid= -o pid= -o time= | sed -n "s/^ *$pid  *//p" | cksum | tr ' ' .)
fi
age=$(($(date +%s) - $(cat began 2> /dev/null || date +%s)))
echo "$status $alive $size $now $used $age $(cat number)"
if test "$size" -gt "$2" && test $((size - $2)) -le "$3"; then
    tail -c +$(($2 + 1)) log | head -c $((size - $2))
fi
exit 0
"#;

/// Ends every process of the session of the job in `$1`, and says when some are
/// left. A number that another process has by now is left alone.
const END: &str = r#"cd "$1" 2> /dev/null || exit 0
pid=$(cat pid 2> /dev/null) || exit 0
if there "$pid"; then
    leads "$pid" || exit 0
elif test "$(boot)" != "$(cat boot)" && test -z "$(members "$pid")"; then
    exit 0
fi
signal=TERM
tries=0
while left=$(members "$pid"); test -n "$left"; do
    tries=$((tries + 1))
    if test $tries -eq 1 || test $signal = KILL; then kill -$signal $left 2> /dev/null; fi
    if test $tries -eq 40; then signal=KILL; fi
    if test $tries -gt 140; then
        echo "processes of it are left: $(echo $left)" >&2
        exit 1
    fi
    sleep 0.05
done
exit 0
"#;

/// Prints bytes `$2` to `$3` of the log in `$1`, counted from zero: dd(1), which
/// moves large blocks, seeks for those that follow it.
const STREAM: &str = r#"exec < "$1/log" 2> /dev/null || exit 1
dd bs=1 skip="$2" count=0
blocks=$((($3 - $2) / 131072)) rest=$((($3 - $2) % 131072))
test $blocks -eq 0 || dd bs=131072 count=$blocks
test $rest -eq 0 || head -c $rest
"#;

/// Prints how many KiB are free where the job in `$1` is, and what the kernel
/// has said about memory since the job began.
const REASONS: &str = r#"df -Pk "$1" | awk 'END { print $4 }'
now=$(memory)
test "$now" = "$(cat "$1/memory" 2> /dev/null)" || printf '%s\n' "$now"
"#;

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
    /// Keep the whole log in this archive, and go on where it ends.
    pub keep: Option<PathBuf>,
    /// How the same work went before, and where to write how it goes now.
    pub history: Option<PathBuf>,
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
    /// It failed, with a status if it left one, and the kernel has ended a
    /// process for want of memory meanwhile.
    Memory(Option<u32>),
    /// It failed, with a status if it left one, and the disk that it is on is
    /// full.
    Full(Option<u32>),
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
    /// What the kernel says of a process that it ended for want of memory.
    pub memory: Option<String>,
    /// How many bytes are free where a job that failed is.
    pub free: Option<u64>,
    /// How many compiler warnings were read.
    pub warnings: u64,
    /// Why it failed, as its log tells it.
    pub cause: Option<Cause>,
}

/// One look at a job.
struct Look {
    there: bool,
    status: Option<u32>,
    alive: bool,
    boot: String,
    used: String,
    /// How long ago it was started.
    age: Duration,
    /// How long its log is.
    size: u64,
    /// What tells it from another job that had its name.
    number: String,
    bytes: Vec<u8>,
}

/// A question about the job in the first of ARGUMENTS, in words of DOING.
pub(super) fn question(doing: &str, script: &str, arguments: &[&str]) -> Question {
    let directory = arguments.first().copied().unwrap_or_default();
    let arguments = quote_all(["set", "--"].iter().chain(arguments));
    Question::Named {
        what: format!("{doing} the job in `{}`", visible(directory)),
        script: format!("{arguments}\n{BOOT}{SESSION}{MEMORY}{script}"),
    }
}

impl Connection {
    /// What tells the guest's boot from others: see [`same_boot`].
    pub async fn boot(&self) -> Result<String, SshError> {
        let what = "ask the guest for its boot";
        let question = Question::Named {
            what: what.to_owned(),
            script: format!("{BOOT}boot"),
        };
        let answer = self.one(question).await?;
        let boot = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        if answer.ending == Ending::Exited(0) && !boot.is_empty() {
            return Ok(boot);
        }
        Err(SshError::Channel {
            destination: self.destination().clone(),
            what: what.to_owned(),
            reason: last_line(&answer.stderr).unwrap_or_else(|| "it said nothing".to_owned()),
        })
    }

    /// Start SCRIPT, a text for `/bin/sh`, as a job in DIRECTORY of the guest.
    /// Answers the guest's boot, by which a later one is told.
    pub async fn start_job(&self, directory: &str, script: &str) -> Result<String, SshError> {
        let number = uuid::Uuid::new_v4().simple().to_string();
        let start = question("starting", START, &[directory, script, &number]);
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
        let answer = self.one(question("ending", END, &[directory])).await?;
        if answer.ending == Ending::Exited(0) {
            return Ok(());
        }
        Err(SshError::Channel {
            destination: self.destination().clone(),
            what: format!("the end of the job in `{}`", visible(directory)),
            reason: last_line(&answer.stderr).unwrap_or_else(|| "it said nothing".to_owned()),
        })
    }

    /// One question, which whoever asks puts again himself.
    async fn ask_once(&self, question: Question) -> Result<Output, SshError> {
        let mut answers = self.ask(std::slice::from_ref(&question), LOOK).await?;
        Ok(answers.remove(0))
    }

    pub(super) async fn one(&self, question: Question) -> Result<Output, SshError> {
        // Every question about a job may be put twice.
        let mut answers = self
            .ask_again(std::slice::from_ref(&question), LOOK)
            .await?;
        Ok(answers.remove(0))
    }

    /// Look at the job in DIRECTORY and at its log from byte OFFSET on, of which
    /// MOST bytes are taken along.
    async fn look(
        &self,
        directory: &str,
        offset: u64,
        most: u64,
        processor: bool,
    ) -> Result<Look, SshError> {
        let (from, most) = (offset.to_string(), most.to_string());
        let processor = if processor { "yes" } else { "no" };
        let arguments = [directory, &from, &most, processor];
        let answer = self
            .ask_once(question("looking at", LOOK_AT, &arguments))
            .await?;
        let mut bytes = answer.stdout;
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(bytes.len());
        let rest = bytes.split_off((end + 1).min(bytes.len()));
        let line = String::from_utf8_lossy(&bytes).into_owned();
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [status, alive, size, boot, used, age, number] = fields[..] else {
            return Err(SshError::Channel {
                destination: self.destination().clone(),
                what: format!("a look at the job in `{directory}`"),
                reason: last_line(&answer.stderr)
                    .unwrap_or_else(|| format!("it answered `{}`", visible(&line))),
            });
        };
        Ok(Look {
            there: answer.ending == Ending::Exited(0),
            status: status.parse().ok(),
            alive: alive == "yes",
            boot: boot.to_owned(),
            used: used.to_owned(),
            age: Duration::from_secs(age.parse().unwrap_or(0)),
            size: size.parse().unwrap_or(0),
            number: number.to_owned(),
            bytes: rest,
        })
    }

    /// Follow a job to its end, over lost connections.
    pub async fn follow_job(&self, mut follow: Follow) -> Result<Followed, SshError> {
        let start = Moment::now();
        // Which job it is decides where its log goes.
        let mut begun: Option<Progress> = None;
        let mut quiet = Quiet::new();
        let mut heard = start;
        let mut pause = FASTEST;
        let mut outage = Outage::within(self, follow.outage);
        let mut told = false;
        let mut absent = 0;
        let end = loop {
            let stalls = follow
                .stall
                .is_some_and(|stall| quiet.since.elapsed() * 2 > stall);
            let (from, most) = match &begun {
                Some(progress) => (progress.offset, PIECE),
                None => (0, 0),
            };
            let look = self.look(&follow.directory, from, most, stalls).await;
            let look = match look {
                Ok(look) => look,
                Err(error) => {
                    if matches!(error, SshError::Deadline { .. }) {
                        // It may be the network that is silent.
                        self.cut();
                    }
                    let error = match error {
                        SshError::Deadline { what, .. } => self.lost(&what),
                        other => other,
                    };
                    if passing(&error) && !std::mem::replace(&mut told, true) {
                        progress::tell(Event::Note {
                            text: format!("{error}; the job goes on, connecting again"),
                        });
                    }
                    outage.wait(error, false).await?;
                    continue;
                }
            };
            outage.over();
            told = false;
            let boot = follow.boot.get_or_insert_with(|| look.boot.clone());
            // A clock that was set is no reboot: a process of ours counts for more.
            let lives = look.alive && is_clock(&look.boot);
            if !same_boot(boot, &look.boot) && !lives && look.status.is_none() {
                break End::Rebooted;
            }
            if !look.there {
                break End::Vanished;
            }
            let progress = match &mut begun {
                Some(progress) => progress,
                none => {
                    let mut progress = Progress::begin(&mut follow, &look.number)?;
                    progress.aged(look.age);
                    *none = Some(progress);
                    continue;
                }
            };
            let before = progress.offset;
            if look.bytes.is_empty() && look.size > progress.offset {
                let streamed = self
                    .stream_log(&follow.directory, (progress.offset, look.size), |bytes| {
                        progress.take(bytes)
                    })
                    .await;
                match streamed {
                    // The next look sees that it is lost.
                    Err(error) if !passing(&error) => return Err(error),
                    _ => {}
                }
            } else {
                progress.take(&look.bytes)?;
            }
            if progress.offset > before {
                quiet = Quiet::new();
                heard = Moment::now();
                pause = FASTEST;
                absent = 0;
                if start.elapsed() < follow.limit {
                    continue;
                }
            } else if let Some(status) = look.status
                && look.size <= progress.offset
            {
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
            clock::sleep(pause.min(follow.limit.saturating_sub(start.elapsed()))).await;
            let silent = heard.elapsed() / 100;
            pause = (pause * 2).min(silent.clamp(SLOWER, SLOWEST));
        };
        let failed = match end {
            End::Finished(status) => (status != 0).then_some(Some(status)),
            End::Gone => Some(None),
            _ => None,
        };
        let (free, memory) = match failed {
            Some(_) => self.reasons(&follow.directory).await,
            None => (None, None),
        };
        let end = match failed {
            Some(status) if memory.is_some() => End::Memory(status),
            Some(status) if free.is_some_and(|free| free < FULL) => End::Full(status),
            _ => end,
        };
        let Some(mut progress) = begun else {
            return Ok(Followed {
                end,
                offset: follow.offset,
                tail: Vec::new(),
                memory,
                free,
                warnings: 0,
                cause: None,
            });
        };
        progress.end(end == End::Finished(0));
        let cause = match failed {
            None => None,
            Some(_) if progress.read_it_all() => progress.cause(),
            Some(_) => self.cause_of(&follow.directory, progress.offset).await?,
        };
        Ok(Followed {
            end,
            offset: progress.offset,
            warnings: progress.warnings(),
            tail: std::mem::take(&mut progress.tail),
            memory,
            free,
            cause,
        })
    }

    /// Why the job in DIRECTORY failed, by all of its log up to byte END: whoever
    /// followed it began behind the first line.
    async fn cause_of(&self, directory: &str, end: u64) -> Result<Option<Cause>, SshError> {
        let mut reader = Reader::new();
        let mut line = Vec::new();
        let streamed = self
            .stream_log(directory, (0, end), |bytes| {
                for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                    line.extend_from_slice(piece);
                    if let Some(whole) = line.strip_suffix(b"\n") {
                        reader.take(whole);
                        line.clear();
                    }
                }
                Ok(())
            })
            .await;
        match streamed {
            Err(error) if !passing(&error) => return Err(error),
            _ => {}
        }
        reader.torn(&line);
        match reader.outcome() {
            Outcome::Failed(cause) => Ok(Some(cause)),
            Outcome::Passed | Outcome::CutOff => Ok(None),
        }
    }

    /// Give the bytes of the log from the first to the last of RANGE to TAKE: they
    /// are too many for an answer.
    async fn stream_log(
        &self,
        directory: &str,
        range: (u64, u64),
        mut take: impl FnMut(&[u8]) -> Result<(), SshError>,
    ) -> Result<(), SshError> {
        let what = format!("the log of the job in `{directory}`");
        let (mut input, mut remote) = self.remote(&what).await?;
        let (from, to) = (range.0.to_string(), range.1.to_string());
        let set = quote_all(["set", "--", directory, &from, &to]);
        let mark = uuid::Uuid::new_v4().simple().to_string();
        let line = line(&format!("{set}\n{STREAM}"), &mark);
        remote
            .output()
            .exec(false, line.text)
            .await
            .map_err(|_| self.lost(&what))?;
        let mut marked = Marked::new(&mark);
        loop {
            match clock::limit(LOOK, input.wait()).await {
                Ok(Some(ChannelMsg::Data { data })) => {
                    let bytes = marked.take(&data);
                    if !bytes.is_empty() {
                        take(&bytes)?;
                    }
                }
                Ok(Some(ChannelMsg::Close)) => {
                    remote.ended = true;
                    return Ok(());
                }
                Ok(Some(_)) => {}
                Ok(None) => return Err(self.lost(&what)),
                Err(_) => {
                    self.cut();
                    return Err(self.lost(&what));
                }
            }
        }
    }

    /// How much room is left at DIRECTORY in bytes, and what the kernel has said
    /// about memory since the job there began.
    async fn reasons(&self, directory: &str) -> (Option<u64>, Option<String>) {
        let Ok(answer) = self
            .one(question("asking about", REASONS, &[directory]))
            .await
        else {
            return (None, None);
        };
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        let (free, memory) = text.split_once('\n').unwrap_or((&text, ""));
        let free = free.trim().parse::<u64>().ok();
        (
            free.map(|kibibytes| kibibytes << 10),
            last_line(memory.as_bytes()),
        )
    }
}

/// Whether BOOT is only the time of a clock.
pub(super) fn is_clock(boot: &str) -> bool {
    boot.parse::<i64>().is_ok()
}

/// Where the kernel draws no number its boot is told by the clock, which may be set
/// meanwhile.
pub fn same_boot(one: &str, other: &str) -> bool {
    match (one.parse::<i64>(), other.parse::<i64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() <= 10,
        _ => one == other,
    }
}

/// How long nothing has happened.
struct Quiet {
    since: Moment,
    used: Option<String>,
}

impl Quiet {
    fn new() -> Self {
        Quiet {
            since: Moment::now(),
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
