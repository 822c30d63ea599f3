//! Whether this program and every process of its guests have nothing to do.
//!
//! A thread is idle when the kernel has put it to sleep and nothing is going to wake
//! it but another thread, or the world's clock. Two looks at all of them, between
//! which none has run, prove that at the moment between they all slept at once.
//!
//! A process that sleeps for a time that the world's clock does not know, such as in
//! poll(2) with a time-out, is not idle: time has to pass for it as it does.
//!
//! Source: proc(5), the kernel's Documentation/filesystems/proc.rst.

use std::collections::{HashMap, HashSet};

/// What has been learned of the machine's processes.
#[derive(Debug)]
pub struct Watch {
    own: u32,
    /// By number and inode, since numbers are used again: whether a process is of our
    /// family.
    known: HashMap<(u32, u64), bool>,
    /// What the threads of this program are called, and what it forks for a guest.
    names: HashSet<String>,
}

#[cfg(not(target_os = "linux"))]
impl Watch {
    /// Elsewhere idleness cannot be seen.
    pub fn new() -> Option<Watch> {
        None
    }

    pub fn all_idle(&mut self, _: bool) -> bool {
        let _ = (self.own, &self.known, &self.names);
        false
    }

    pub fn settles(&self) -> bool {
        false
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::super::sleepers;
    use super::Watch;
    use crate::sim::guest::namespace::PROCESS_1;
    use std::collections::{HashMap, HashSet};
    use std::fs;
    use std::io;
    use std::os::unix::fs::DirEntryExt;
    use std::time::Duration;

    /// Between two looks.
    const APART: Duration = Duration::from_micros(100);

    /// A thread that sleeps.
    #[derive(Debug, PartialEq)]
    struct Asleep {
        process: u32,
        thread: u32,
        name: String,
        /// How often it has run.
        runs: u64,
    }

    impl Watch {
        /// `None` when this machine does not tell what is needed.
        pub fn new() -> Option<Watch> {
            let own = std::process::id();
            fs::read_to_string("/proc/self/syscall").ok()?;
            let status = fs::read_to_string("/proc/thread-self/status").ok()?;
            switches(&status)?;
            Some(Watch {
                own,
                known: HashMap::new(),
                names: HashSet::from([PROCESS_1.to_string_lossy().into_owned()]),
            })
        }

        /// Whether nobody has anything to do. The calling thread does not count.
        /// AGAIN says that it was so a moment ago.
        pub fn all_idle(&mut self, again: bool) -> bool {
            // Most of the time this program itself is busy, and nobody else has to
            // be asked.
            let mut before = Vec::new();
            if !self.look_at_own(&mut before) || !self.look_at_family(&mut before) {
                return false;
            }
            if !before.iter().all(|thread| self.is_off(thread)) {
                return false;
            }
            if !again {
                std::thread::sleep(APART);
            }
            let mut after = Vec::with_capacity(before.len());
            self.look_at_own(&mut after) && self.look_at_family(&mut after) && before == after
        }

        /// Whether the guest had left something over that is now being put away.
        pub fn settles(&self) -> bool {
            sleepers::withdraw_interrupted()
        }

        fn look_at_own(&mut self, asleep: &mut Vec<Asleep>) -> bool {
            // SAFETY: a plain system call.
            let mine = unsafe { libc::gettid() } as u32;
            let all = look(self.own, Some(mine), asleep);
            for thread in asleep {
                if !self.names.contains(&thread.name) {
                    self.names.insert(thread.name.clone());
                }
            }
            all
        }

        /// Look at the processes that descend from this one.
        fn look_at_family(&mut self, asleep: &mut Vec<Asleep>) -> bool {
            let Ok(entries) = fs::read_dir("/proc") else {
                return false;
            };
            let mut seen = HashMap::with_capacity(self.known.len() + 8);
            let mut parents: HashMap<u32, u32> = HashMap::new();
            let mut unknown = Vec::new();
            for entry in entries.flatten() {
                let name = entry.file_name();
                let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                    continue;
                };
                let key = (pid, entry.ino());
                match self.known.get(&key) {
                    Some(ours) => {
                        seen.insert(key, *ours);
                    }
                    None => {
                        if let Some(parent) = parent(pid) {
                            parents.insert(pid, parent);
                            unknown.push(key);
                        }
                    }
                }
            }
            let family: Vec<u32> = seen
                .iter()
                .filter_map(|((pid, _), ours)| ours.then_some(*pid))
                .collect();
            for key in unknown {
                let ours = self.descends(key.0, &parents, &family);
                seen.insert(key, ours);
            }
            self.known = seen;
            let mut family: Vec<u32> = self
                .known
                .iter()
                .filter_map(|((pid, _), ours)| (*ours && *pid != self.own).then_some(*pid))
                .collect();
            family.sort_unstable();
            sleepers::withdraw_alarms_but(&family);
            family.into_iter().all(|pid| look(pid, None, asleep))
        }

        fn descends(&self, pid: u32, parents: &HashMap<u32, u32>, family: &[u32]) -> bool {
            let mut at = pid;
            // Nobody has so many forebears; a process that ended meanwhile ends it.
            for _ in 0..1000 {
                if at == self.own || family.contains(&at) {
                    return true;
                }
                match parents.get(&at) {
                    Some(parent) => at = *parent,
                    None => return false,
                }
            }
            false
        }

        /// Whether THREAD is off its processor, and waits for nothing that comes by
        /// itself.
        fn is_off(&self, thread: &Asleep) -> bool {
            let (pid, tid) = (thread.process, thread.thread);
            let text = match fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")) {
                Ok(text) => text,
                // What was forked for a guest and runs no program of its own has shut
                // itself off, under a name of ours; it waits for others alone.
                Err(error) => {
                    return error.kind() == io::ErrorKind::PermissionDenied
                        && self.names.contains(&thread.name);
                }
            };
            let mut words = text.split_whitespace();
            let Some(call) = words.next().and_then(|word| word.parse::<i64>().ok()) else {
                // It is `running`.
                return false;
            };
            // This program's own waits are its clock's; -1 is no system call.
            if pid == self.own || call < 0 || sleepers::holds(tid) {
                return true;
            }
            let arguments: Vec<u64> = words
                .filter_map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok())
                .collect();
            !has_time_out(call, &arguments)
        }
    }

    /// Look at the threads of process PID but EXCEPT. False when one may be running.
    fn look(pid: u32, except: Option<u32>, asleep: &mut Vec<Asleep>) -> bool {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else {
            // It is gone, which is something that happens.
            return false;
        };
        for entry in entries {
            let Some(tid) = entry
                .ok()
                .and_then(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            else {
                return false;
            };
            if Some(tid) == except {
                continue;
            }
            let Ok(status) = fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")) else {
                return false;
            };
            match field(&status, "State:").and_then(|state| state.chars().next()) {
                Some('S' | 'I' | 'T') => {}
                // One that nobody has waited for yet, and that never runs again.
                Some('Z') => continue,
                _ => return false,
            }
            match switches(&status) {
                Some(runs) => asleep.push(Asleep {
                    process: pid,
                    thread: tid,
                    name: field(&status, "Name:").unwrap_or_default().to_owned(),
                    runs,
                }),
                None => return false,
            }
        }
        true
    }

    fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        Some(line[name.len()..].trim())
    }

    /// How often the thread with this STATUS has left its processor.
    fn switches(status: &str) -> Option<u64> {
        let of = |name| field(status, name)?.parse::<u64>().ok();
        Some(of("voluntary_ctxt_switches:")? + of("nonvoluntary_ctxt_switches:")?)
    }

    fn parent(pid: u32) -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold anything, a bracket included.
        let rest = stat.rsplit_once(')')?.1;
        rest.split_whitespace().nth(1)?.parse().ok()
    }

    /// Whether the system call CALL with ARGUMENTS ends by itself after a time.
    fn has_time_out(call: i64, arguments: &[u64]) -> bool {
        let at = |index: usize| arguments.get(index).copied().unwrap_or(0);
        let points = |index: usize| at(index) != 0;
        let counts = |index: usize| at(index) as i32 >= 0;
        match call {
            libc::SYS_nanosleep | libc::SYS_clock_nanosleep | libc::SYS_restart_syscall => true,
            libc::SYS_ppoll | libc::SYS_rt_sigtimedwait => points(2),
            libc::SYS_pselect6
            | libc::SYS_mq_timedsend
            | libc::SYS_mq_timedreceive
            | libc::SYS_recvmmsg
            | libc::SYS_io_getevents => points(4),
            libc::SYS_epoll_pwait => counts(3),
            libc::SYS_epoll_pwait2 | libc::SYS_semtimedop | libc::SYS_futex_waitv => points(3),
            // Of the others the fourth argument is a number, and they do not wait.
            libc::SYS_futex => points(3) && matches!(at(1) & 0x7f, 0 | 6 | 9 | 11 | 13),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_poll => counts(2),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_select => points(4),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_epoll_wait => counts(3),
            _ => false,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::process::{Child, Command, Stdio};

        struct Ended(Child);

        impl Drop for Ended {
            fn drop(&mut self) {
                let _ = self.0.kill();
                let _ = self.0.wait();
            }
        }

        fn child(program: &str, arguments: &[&str]) -> Ended {
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::piped());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            Ended(command.spawn().unwrap())
        }

        /// Whether every thread of CHILD is at last off and waits for no time.
        fn comes_to_rest(child: &Ended) -> bool {
            let watch = Watch::new().unwrap();
            let pid = child.0.id();
            (0..100).any(|_| {
                std::thread::sleep(Duration::from_millis(5));
                let mut threads = Vec::new();
                look(pid, None, &mut threads)
                    && !threads.is_empty()
                    && threads.iter().all(|thread| watch.is_off(thread))
            })
        }

        #[test]
        fn who_reads_or_waits_for_a_child_is_idle() {
            assert!(comes_to_rest(&child("cat", &[])));
            assert!(comes_to_rest(&child("sh", &["-c", "cat; true"])));
        }

        #[test]
        fn who_computes_or_sleeps_by_the_kernels_clock_is_not() {
            assert!(!comes_to_rest(&child("sh", &["-c", "while :; do :; done"])));
            assert!(!comes_to_rest(&child("sleep", &["100"])));
        }

        #[test]
        fn a_time_out_is_told_from_none() {
            let none = u64::from(-1i32 as u32);
            assert!(!has_time_out(libc::SYS_epoll_pwait, &[3, 1, 8, none, 0, 0]));
            assert!(has_time_out(libc::SYS_epoll_pwait, &[3, 1, 8, 100, 0, 0]));
            assert!(!has_time_out(libc::SYS_futex, &[1, 0x80, 0, 0, 0, 0]));
            assert!(has_time_out(libc::SYS_futex, &[1, 0x189, 0, 1, 0, 0]));
            assert!(!has_time_out(libc::SYS_rt_sigtimedwait, &[1, 0, 0, 8]));
        }
    }
}
