//! Programs of the guest that sleep or set an alarm do so by the world's clock.
//!
//! A filter in each of the guest's processes hands these system calls to this
//! program: `nanosleep` and `clock_nanosleep` end when the world's clock says so;
//! `alarm`, `setitimer` and `timer_settime` are carried out by the kernel, and where the
//! world's clock was set ahead meanwhile, the signal comes from here before the
//! kernel's. Where no filter can be set the guest sleeps in real time, which
//! [`super::idleness`] sees.
//!
//! Left out: poll(2) and its like, which wait for more than the time, and the clocks
//! that a program reads without a system call.
//!
//! Source: seccomp_unotify(2), vdso(7), timer_settime(2).

use crate::clock::{self, Moment};
use crate::runtime;
use libc::{sock_filter, timespec};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::{Pid, PidfdFlags, Signal};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::mem::{offset_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::AbortHandle;

/// What is handed over.
const CALLS: &[libc::c_long] = &[
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_setitimer,
    libc::SYS_timer_settime,
    libc::SYS_timer_delete,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_alarm,
];

/// This processor's system calls, as the kernel names their table; others, such as
/// those of 32-bit programs, are left alone.
const ARCHITECTURE: u32 = if cfg!(target_arch = "x86_64") {
    0xc000_003e
} else if cfg!(target_arch = "aarch64") {
    0xc000_00b7
} else {
    0
};

/// Makes the processes of one guest sleep by the world's clock.
#[derive(Debug)]
pub struct Trap {
    filter: Vec<sock_filter>,
    /// Where a process leaves what its calls are read from.
    sender: UnixStream,
}

impl Trap {
    /// One for a new guest.
    pub fn make() -> io::Result<Trap> {
        let (sender, receiver) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        runtime::spawn(async move {
            // Registering with the event queue needs the runtime around it.
            if let Ok(receiver) = tokio::net::UnixStream::from_std(receiver) {
                while let Ok(listener) = received(&receiver).await {
                    runtime::spawn(serve(listener));
                }
            }
        });
        Ok(Trap {
            filter: filter(),
            sender,
        })
    }

    /// Let the calling process, which is about to run a program of the guest, sleep
    /// by the world's clock from now on. Makes only system calls.
    pub fn install(&self) -> io::Result<()> {
        let program = libc::sock_fprog {
            len: self.filter.len() as libc::c_ushort,
            filter: self.filter.as_ptr().cast_mut(),
        };
        // SAFETY: plain system calls; the program is a live slice of that length.
        let listener = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
                &raw const program,
            )
        };
        if listener < 0 {
            // An old kernel, or a container whose own filter has the one listener
            // that there may be.
            return Ok(());
        }
        send(self.sender.as_raw_fd(), listener as RawFd)
    }
}

/// Hand DESCRIPTOR over through SOCKET, and close it. Makes only system calls.
fn send(socket: RawFd, descriptor: RawFd) -> io::Result<()> {
    const SIZE: u32 = size_of::<RawFd>() as u32;
    #[repr(align(8))]
    struct Room([u8; 64]);
    let mut room = Room([0; 64]);
    let mut byte = 0u8;
    let mut bytes = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    // SAFETY: the message and its header lie in ROOM, which is large enough for one
    // descriptor and aligned.
    let sent = unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut bytes;
        message.msg_iovlen = 1;
        message.msg_control = room.0.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(SIZE) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(SIZE) as _;
        libc::CMSG_DATA(header)
            .cast::<RawFd>()
            .write_unaligned(descriptor);
        let sent = libc::sendmsg(socket, &raw const message, libc::MSG_NOSIGNAL);
        libc::close(descriptor);
        sent
    };
    if sent == 1 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

async fn received(receiver: &tokio::net::UnixStream) -> io::Result<OwnedFd> {
    receiver
        .async_io(Interest::READABLE, || {
            let mut byte = [0u8];
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            rustix::net::recvmsg(
                receiver.as_fd(),
                &mut [io::IoSliceMut::new(&mut byte)],
                &mut control,
                RecvFlags::CMSG_CLOEXEC,
            )?;
            control
                .drain()
                .find_map(|message| match message {
                    RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
                    _ => None,
                })
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        })
        .await
}

/// Asks for the calls of [`CALLS`] and lets everything else pass.
fn filter() -> Vec<sock_filter> {
    let load = |offset: usize| {
        let code = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
        // SAFETY: makes a value.
        unsafe { libc::BPF_STMT(code as u16, offset as u32) }
    };
    let unless_equal = |value: u32, skip: usize| {
        let code = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        // SAFETY: as above.
        unsafe { libc::BPF_JUMP(code as u16, value, 0, skip as u8) }
    };
    let answer = |action: libc::c_uint| {
        // SAFETY: as above.
        unsafe { libc::BPF_STMT((libc::BPF_RET | libc::BPF_K) as u16, action) }
    };
    let mut program = vec![
        load(offset_of!(libc::seccomp_data, arch)),
        unless_equal(ARCHITECTURE, 1 + 2 * CALLS.len()),
        load(offset_of!(libc::seccomp_data, nr)),
    ];
    for call in CALLS {
        program.push(unless_equal(*call as u32, 1));
        program.push(answer(libc::SECCOMP_RET_USER_NOTIF));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

/// A thread of the guest whose sleep is in our hands.
#[derive(Debug)]
struct Held {
    call: u64,
    listener: Arc<AsyncFd<OwnedFd>>,
    sleep: AbortHandle,
}

static HELD: Mutex<Option<HashMap<u32, Held>>> = Mutex::new(None);

/// What sets off an alarm: the process, and the number of a timer of its own.
type Alarm = (u32, Option<u64>);

static ALARMS: Mutex<Option<HashMap<Alarm, AbortHandle>>> = Mutex::new(None);

fn lock<T: Default>(mutex: &Mutex<Option<T>>, act: impl FnOnce(&mut T)) {
    let mut guard: MutexGuard<Option<T>> = mutex.lock().unwrap_or_else(PoisonError::into_inner);
    act(guard.get_or_insert_default());
}

/// Whether the sleep of thread TID is in our hands.
pub fn holds(tid: u32) -> bool {
    let mut found = false;
    lock(&HELD, |held| found = held.contains_key(&tid));
    found
}

/// Give up the sleeps that their threads have given up; whether there were any.
pub fn withdraw_interrupted() -> bool {
    let mut any = false;
    lock(&HELD, |held| {
        held.retain(|_, held| {
            let there = is_there(&held.listener, held.call);
            if !there {
                held.sleep.abort();
                any = true;
            }
            there
        });
    });
    any
}

/// Give up the alarms of processes that are not among FAMILY any more.
pub fn withdraw_alarms_but(family: &[u32]) {
    lock(&ALARMS, |alarms| {
        alarms.retain(|(pid, _), alarm| {
            let there = family.contains(pid);
            if !there {
                alarm.abort();
            }
            there
        });
    });
}

/// Answer what LISTENER reports until nobody is left who could call.
async fn serve(listener: OwnedFd) {
    // SAFETY: the descriptor is owned, and stays what it is until it is dropped.
    let registered = unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE) };
    let Ok(listener) = registered else {
        return;
    };
    let listener = Arc::new(listener);
    loop {
        let Ok(mut ready) = listener.readable().await else {
            return;
        };
        loop {
            let mut poll = libc::pollfd {
                fd: listener.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: one live structure.
            unsafe { libc::poll(&raw mut poll, 1, 0) };
            if poll.revents & libc::POLLIN != 0 {
                take(&listener);
            } else if poll.revents & libc::POLLHUP != 0 {
                return;
            } else {
                break;
            }
        }
        ready.clear_ready();
    }
}

fn take(listener: &Arc<AsyncFd<OwnedFd>>) {
    // SAFETY: plain data, which the kernel wants to be zero and then fills.
    let call = unsafe {
        let mut call: libc::seccomp_notif = zeroed();
        let request = libc::SECCOMP_IOCTL_NOTIF_RECV;
        if libc::ioctl(listener.as_raw_fd(), request, &raw mut call) != 0 {
            // It has been interrupted meanwhile.
            return;
        }
        call
    };
    let number = libc::c_long::from(call.data.nr);
    if number == libc::SYS_nanosleep || number == libc::SYS_clock_nanosleep {
        match duration(&call) {
            // What we have read is the caller's only if it is there still.
            Some(duration) if is_there(listener, call.id) => hold(listener, &call, duration),
            _ => answer(listener, call.id, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE),
        }
    } else {
        set_alarm(&call);
        answer(listener, call.id, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE);
    }
}

fn is_there(listener: &AsyncFd<OwnedFd>, call: u64) -> bool {
    let request = libc::SECCOMP_IOCTL_NOTIF_ID_VALID;
    // SAFETY: the kernel reads the number.
    unsafe { libc::ioctl(listener.as_raw_fd(), request, &raw const call) == 0 }
}

fn answer(listener: &AsyncFd<OwnedFd>, call: u64, flags: libc::c_ulong) {
    let answer = libc::seccomp_notif_resp {
        id: call,
        val: 0,
        error: 0,
        flags: flags as u32,
    };
    let request = libc::SECCOMP_IOCTL_NOTIF_SEND;
    // SAFETY: the kernel reads the structure. One who is gone needs no answer.
    unsafe { libc::ioctl(listener.as_raw_fd(), request, &raw const answer) };
}

/// COUNT bytes at ADDRESS of the thread TID.
fn memory<const COUNT: usize>(tid: u32, address: u64) -> Option<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    let memory = File::open(format!("/proc/{tid}/mem")).ok()?;
    memory.read_exact_at(&mut bytes, address).ok()?;
    Some(bytes)
}

/// Two numbers of the machine's word.
fn pair(bytes: &[u8]) -> Option<(i64, i64)> {
    let number = |bytes: &[u8]| Some(i64::from_ne_bytes(bytes.get(..8)?.try_into().ok()?));
    Some((number(bytes)?, number(bytes.get(8..)?)?))
}

/// SECONDS and a part of one, of which there are UNITS; `None` when that is no time.
fn time((seconds, part): (i64, i64), units: i64) -> Option<Duration> {
    if seconds < 0 || !(0..units).contains(&part) {
        return None;
    }
    let nanoseconds = u32::try_from(part * (1_000_000_000 / units)).ok()?;
    Some(Duration::new(seconds as u64, nanoseconds))
}

/// How long CALL wants to sleep; `None` when the kernel is to see to it.
fn duration(call: &libc::seccomp_notif) -> Option<Duration> {
    let arguments = &call.data.args;
    if libc::c_long::from(call.data.nr) == libc::SYS_nanosleep {
        return time(pair(&memory::<16>(call.pid, arguments[0])?)?, 1_000_000_000);
    }
    let clock = arguments[0] as libc::clockid_t;
    let clocks = [
        libc::CLOCK_REALTIME,
        libc::CLOCK_MONOTONIC,
        libc::CLOCK_BOOTTIME,
    ];
    if !clocks.contains(&clock) {
        return None;
    }
    let wanted = time(pair(&memory::<16>(call.pid, arguments[2])?)?, 1_000_000_000)?;
    if arguments[1] as i32 & libc::TIMER_ABSTIME == 0 {
        return Some(wanted);
    }
    // SAFETY: plain data, which clock_gettime writes.
    let now = unsafe {
        let mut now: timespec = zeroed();
        libc::clock_gettime(clock, &raw mut now);
        now
    };
    Some(wanted.saturating_sub(time((now.tv_sec, now.tv_nsec), 1_000_000_000)?))
}

/// Let the thread that made CALL sleep for DURATION.
fn hold(listener: &Arc<AsyncFd<OwnedFd>>, call: &libc::seccomp_notif, duration: Duration) {
    let (tid, id, end) = (call.pid, call.id, Moment::now() + duration);
    let to_answer = listener.clone();
    lock(&HELD, |held| {
        let sleep = runtime::spawn(async move {
            clock::sleep_until(end).await;
            lock(&HELD, |held| {
                if held.get(&tid).is_some_and(|held| held.call == id) {
                    held.remove(&tid);
                }
            });
            answer(&to_answer, id, 0);
        });
        let new = Held {
            call: id,
            listener: listener.clone(),
            sleep: sleep.abort_handle(),
        };
        if let Some(before) = held.insert(tid, new) {
            before.sleep.abort();
        }
    });
}

/// Set or give up the alarm that CALL is about.
fn set_alarm(call: &libc::seccomp_notif) -> Option<()> {
    let arguments = &call.data.args;
    let status = std::fs::read_to_string(format!("/proc/{}/status", call.pid)).ok()?;
    let line = status.lines().find(|line| line.starts_with("Tgid:"))?;
    let pid: u32 = line["Tgid:".len()..].trim().parse().ok()?;
    let number = libc::c_long::from(call.data.nr);
    // The first expiry comes behind the interval of later ones.
    let (alarm, after) = if number == libc::SYS_timer_delete {
        ((pid, Some(arguments[0])), Duration::ZERO)
    } else if number == libc::SYS_timer_settime {
        let value = pair(&memory::<32>(call.pid, arguments[2])?[16..])?;
        if arguments[1] as i32 & libc::TIMER_ABSTIME != 0 {
            return None;
        }
        ((pid, Some(arguments[0])), time(value, 1_000_000_000)?)
    } else if number == libc::SYS_setitimer {
        if arguments[0] as i32 != libc::ITIMER_REAL {
            return None;
        }
        let value = match arguments[1] {
            0 => (0, 0),
            address => pair(&memory::<32>(call.pid, address)?[16..])?,
        };
        ((pid, None), time(value, 1_000_000)?)
    } else {
        (
            (pid, None),
            Duration::from_secs(u64::from(arguments[0] as u32)),
        )
    };
    lock(&ALARMS, |alarms| {
        if let Some(before) = alarms.remove(&alarm) {
            before.abort();
        }
        if !after.is_zero()
            && let Some(ring) = bell(alarm)
        {
            let (set, end) = (Instant::now(), Moment::now() + after);
            let task = runtime::spawn(async move {
                clock::sleep_until(end).await;
                // Otherwise the kernel has done it.
                if set.elapsed() < after {
                    ring();
                }
            });
            alarms.insert(alarm, task.abort_handle());
        }
    });
    Some(())
}

/// What lets ALARM go off.
fn bell((pid, timer): Alarm) -> Option<impl FnOnce() + Send> {
    let process = Pid::from_raw(pid.try_into().ok()?)?;
    let process = rustix::process::pidfd_open(process, PidfdFlags::empty()).ok()?;
    let signal = match timer {
        None => Signal::ALARM,
        Some(timer) => {
            let timers = std::fs::read_to_string(format!("/proc/{pid}/timers")).ok()?;
            signal_of(&timers, timer)?
        }
    };
    Some(move || {
        let _ = rustix::process::pidfd_send_signal(process, signal);
    })
}

/// The signal that timer NUMBER sends to its process, by the TIMERS that proc(5) lists.
fn signal_of(timers: &str, number: u64) -> Option<Signal> {
    let mut lines = timers.lines();
    let wanted = format!("ID: {number}");
    lines.find(|line| line.trim() == wanted)?;
    let signal = lines.next()?.strip_prefix("signal: ")?;
    let how = lines.next()?.strip_prefix("notify: ")?;
    if !how.starts_with("signal/pid") {
        return None;
    }
    let signal: i32 = signal.split('/').next()?.parse().ok()?;
    Signal::from_named_raw(signal)
}
