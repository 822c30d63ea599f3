//! More of POSIX as Guile gives it: processes that copy themselves, groups and
//! limits, terminals, and waiting for several descriptors.
//!
//! Source: GNU Guile reference manual, "POSIX"; the errors' shapes were read off Guile 3.0.8.

use crate::data::args::{self, boolean, fixnum, integer, unspecified};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::Value;
use crate::data::{errors, interrupt, numbers, pairs, records, strings as text, vectors};
use crate::library::files::descriptor_argument;
use crate::library::{outside, ports};
use crate::natives;
use std::ffi::CStr;
use std::os::fd::{FromRawFd, OwnedFd};

fn fork(_: &[Value]) -> Outcome {
    ports::flush_all();
    // SAFETY: the child goes on with this thread alone. What the program does
    // in it is the machine's work, which shares no lock with other threads.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(errors::system("primitive-fork", errors::last_code())),
        child => {
            if child == 0 {
                outside::forget_in_copy();
            }
            Ok(Value::IntV(child as isize))
        }
    }
}

/// RESULT of a system call of PROCEDURE.
fn answered(procedure: &str, result: libc::c_int) -> Outcome {
    if result < 0 {
        Err(errors::system(procedure, errors::last_code()))
    } else {
        Ok(Value::IntV(result as isize))
    }
}

fn done(procedure: &str, result: libc::c_int) -> Outcome {
    answered(procedure, result).map(|_| unspecified())
}

fn number(procedure: &str, args: &[Value], position: usize) -> Result<libc::c_int, Raise> {
    libc::c_int::try_from(fixnum(args, position)?)
        .map_err(|_| errors::out_of_range(procedure, position, &args[position - 1]))
}

fn getsid(args: &[Value]) -> Outcome {
    let process = number("getsid", args, 1)?;
    // SAFETY: takes and gives numbers.
    answered("getsid", unsafe { libc::getsid(process) })
}

fn setpgid(args: &[Value]) -> Outcome {
    let (process, group) = (number("setpgid", args, 1)?, number("setpgid", args, 2)?);
    // SAFETY: takes and gives numbers.
    done("setpgid", unsafe { libc::setpgid(process, group) })
}

fn terminal(procedure: &str, args: &[Value]) -> Result<libc::c_int, Raise> {
    descriptor_argument(args).ok_or_else(|| errors::wrong_type(procedure, 1, &args[0]))
}

fn tcgetpgrp(args: &[Value]) -> Outcome {
    let fd = terminal("tcgetpgrp", args)?;
    // SAFETY: takes and gives numbers.
    answered("tcgetpgrp", unsafe { libc::tcgetpgrp(fd) })
}

fn tcsetpgrp(args: &[Value]) -> Outcome {
    let fd = terminal("tcsetpgrp", args)?;
    let group = number("tcsetpgrp", args, 2)?;
    // SAFETY: takes and gives numbers.
    done("tcsetpgrp", unsafe { libc::tcsetpgrp(fd, group) })
}

fn ttyname(args: &[Value]) -> Outcome {
    let fd = terminal("ttyname", args)?;
    let mut name = [0 as libc::c_char; 1024];
    // SAFETY: the buffer is as long as is said.
    let code = unsafe { libc::ttyname_r(fd, name.as_mut_ptr(), name.len()) };
    if code != 0 {
        return Err(errors::system("ttyname", code));
    }
    // SAFETY: ttyname_r ended the name with a zero.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    Ok(text::value(name.to_string_lossy()))
}

fn ctermid(_: &[Value]) -> Outcome {
    Ok(text::value("/dev/tty"))
}

fn getgroups(machine: &mut Machine, _: &[Value]) -> Outcome {
    // SAFETY: asks for the number only.
    let count = unsafe { libc::getgroups(0, std::ptr::null_mut()) };
    let mut groups: Vec<libc::gid_t> = vec![0; usize::try_from(count).unwrap_or(0)];
    // SAFETY: the buffer has room for COUNT groups.
    let count = unsafe { libc::getgroups(count, groups.as_mut_ptr()) };
    if count < 0 {
        return Err(errors::system("getgroups", errors::last_code()));
    }
    groups.truncate(count as usize);
    Ok(machine.vector(
        groups
            .into_iter()
            .map(|group| Value::IntV(group as isize))
            .collect(),
    ))
}

fn nice(args: &[Value]) -> Outcome {
    let step = number("nice", args, 1)?;
    // SAFETY: takes and gives numbers; -1 may be an answer, so the error is asked for.
    let failed = unsafe {
        set_error(0);
        libc::nice(step) == -1 && errors::last_code() != 0
    };
    if failed {
        return Err(errors::system("nice", errors::last_code()));
    }
    Ok(unspecified())
}

fn set_error(code: libc::c_int) {
    #[cfg(target_os = "linux")]
    // SAFETY: the C library gives this thread's own error number.
    unsafe {
        *libc::__errno_location() = code;
    }
    #[cfg(not(target_os = "linux"))]
    // SAFETY: as above.
    unsafe {
        *libc::__error() = code;
    }
}

fn getpriority(args: &[Value]) -> Outcome {
    let (which, who) = (
        number("getpriority", args, 1)?,
        number("getpriority", args, 2)?,
    );
    set_error(0);
    // SAFETY: takes and gives numbers; -1 may be an answer.
    let priority = unsafe { libc::getpriority(which as _, who as _) };
    if priority == -1 && errors::last_code() != 0 {
        return Err(errors::system("getpriority", errors::last_code()));
    }
    Ok(Value::IntV(priority as isize))
}

fn setpriority(args: &[Value]) -> Outcome {
    let (which, who) = (
        number("setpriority", args, 1)?,
        number("setpriority", args, 2)?,
    );
    let priority = number("setpriority", args, 3)?;
    // SAFETY: takes and gives numbers.
    done("setpriority", unsafe {
        libc::setpriority(which as _, who as _, priority)
    })
}

fn seteuid(args: &[Value]) -> Outcome {
    let user = args::size("seteuid", args, 1)?;
    // SAFETY: takes and gives numbers.
    done("seteuid", unsafe { libc::seteuid(user as libc::uid_t) })
}

fn setegid(args: &[Value]) -> Outcome {
    let group = args::size("setegid", args, 1)?;
    // SAFETY: takes and gives numbers.
    done("setegid", unsafe { libc::setegid(group as libc::gid_t) })
}

/// The descriptors of a list or vector, beside the ports or numbers they were given as.
fn watched(procedure: &str, args: &[Value], position: usize) -> Result<Vec<(Value, i32)>, Raise> {
    let value = &args[position - 1];
    let items = vectors::with(value, <[Value]>::to_vec)
        .or_else(|| pairs::to_vec(value))
        .ok_or_else(|| errors::wrong_type(procedure, position, value))?;
    items
        .into_iter()
        .map(|item| {
            descriptor_argument(std::slice::from_ref(&item))
                .map(|fd| (item.clone(), fd))
                .ok_or_else(|| errors::wrong_type(procedure, position, &item))
        })
        .collect()
}

/// (select reads writes excepts [seconds [microseconds]])
fn select(machine: &mut Machine, args: &[Value]) -> Outcome {
    const NAME: &str = "select";
    let wait = match args.get(3) {
        None | Some(Value::BoolV(false)) => None,
        Some(seconds) => {
            let seconds = numbers::to_f64(seconds)
                .filter(|seconds| *seconds >= 0.0)
                .ok_or_else(|| errors::wrong_type(NAME, 4, seconds))?;
            let more = match args.get(4) {
                None => 0.0,
                Some(_) => args::size(NAME, args, 5)? as f64 / 1e6,
            };
            Some(std::time::Duration::from_secs_f64(
                (seconds + more).min(1e9),
            ))
        }
    };
    let events = [libc::POLLIN, libc::POLLOUT, libc::POLLPRI];
    let mut sets = Vec::new();
    for (index, event) in events.iter().enumerate() {
        for (value, fd) in watched(NAME, args, index + 1)? {
            // What is in a port's buffer can be read at once.
            let buffered = *event == libc::POLLIN
                && ports::with(&value, |state| state.available() > 0).unwrap_or(false);
            sets.push((index, value, fd, *event, buffered));
        }
    }
    let any_buffered = sets.iter().any(|(.., buffered)| *buffered);
    let deadline = wait.map(|wait| std::time::Instant::now() + wait);
    let mut requests: Vec<libc::pollfd> = sets
        .iter()
        .map(|(_, _, fd, event, _)| libc::pollfd {
            fd: *fd,
            events: *event,
            revents: 0,
        })
        .collect();
    loop {
        let slice = match deadline {
            _ if any_buffered => 0,
            None => 100,
            Some(deadline) => deadline
                .saturating_duration_since(std::time::Instant::now())
                .as_millis()
                .min(100) as libc::c_int,
        };
        // SAFETY: the requests are a live slice of that length.
        let ready =
            unsafe { libc::poll(requests.as_mut_ptr(), requests.len() as libc::nfds_t, slice) };
        if ready < 0 && errors::last_code() != libc::EINTR {
            return Err(errors::system(NAME, errors::last_code()));
        }
        let over = deadline.is_some_and(|deadline| std::time::Instant::now() >= deadline);
        if ready > 0 || any_buffered || over {
            break;
        }
        if interrupt::take_interrupt() {
            return Err(failure::Failure::interrupted("select").into());
        }
    }
    let mut results: [Vec<Value>; 3] = Default::default();
    for ((index, value, _, _, buffered), request) in sets.into_iter().zip(&requests) {
        if buffered || request.revents != 0 {
            results[index].push(value);
        }
    }
    let results: Vec<Value> = results
        .into_iter()
        .enumerate()
        .map(|(index, ready)| match args[index] {
            Value::MutableVector(_) => machine.vector(ready),
            _ => pairs::list(ready),
        })
        .collect();
    Ok(pairs::list(results))
}

/// (%duplicate descriptor): a new descriptor for the same file.
fn duplicate(args: &[Value]) -> Outcome {
    let fd = terminal("dup->fdes", args)?;
    ports::with(&args[0], |state| state.flush("dup->fdes")).transpose()?;
    // SAFETY: takes and gives descriptors.
    answered("dup->fdes", unsafe { libc::dup(fd) })
}

/// (%duplicate-to descriptor number): NUMBER becomes a descriptor for the same file.
fn duplicate_to(args: &[Value]) -> Outcome {
    let fd = terminal("dup->fdes", args)?;
    let new = number("dup->fdes", args, 2)?;
    ports::with(&args[0], |state| state.flush("dup->fdes")).transpose()?;
    // SAFETY: takes and gives descriptors.
    answered("dup->fdes", unsafe { libc::dup2(fd, new) })
}

/// (move->fdes port descriptor) -> port
fn move_to(args: &[Value]) -> Outcome {
    let fd = terminal("move->fdes", args)?;
    let new = number("move->fdes", args, 2)?;
    if fd != new {
        ports::with(&args[0], |state| state.flush("move->fdes")).transpose()?;
        // SAFETY: takes and gives descriptors.
        answered("move->fdes", unsafe { libc::dup2(fd, new) })?;
        // SAFETY: NEW was made just now and belongs to the port alone.
        let owned = unsafe { OwnedFd::from_raw_fd(new) };
        ports::with(&args[0], |state| state.descriptor = Some(owned.into()));
    }
    Ok(args[0].clone())
}

fn open_ports(_: &[Value]) -> Outcome {
    Ok(pairs::list(ports::all_open()))
}

fn close_descriptor(machine: &mut Machine, args: &[Value]) -> Outcome {
    let fd = number("close-fdes", args, 1)?;
    ports::tell_of_closing(machine, fd)?;
    // SAFETY: closing a descriptor by number is what the caller asks for.
    done("close-fdes", unsafe { libc::close(fd) })
}

fn getrlimit(args: &[Value]) -> Outcome {
    let which = resource(&args[0])?;
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: writes the structure it is given.
    if unsafe { libc::getrlimit(which as _, &raw mut limit) } < 0 {
        return Err(errors::system("getrlimit", errors::last_code()));
    }
    let shown = |bound: libc::rlim_t| {
        if bound == libc::RLIM_INFINITY {
            Value::BoolV(false)
        } else {
            integer(bound as usize)
        }
    };
    Ok(records::values(vec![
        shown(limit.rlim_cur),
        shown(limit.rlim_max),
    ]))
}

/// (setrlimit resource soft hard), where #f stands for no limit
fn setrlimit(args: &[Value]) -> Outcome {
    let which = resource(&args[0])?;
    let bound = |position: usize| match &args[position - 1] {
        Value::BoolV(false) => Ok(libc::RLIM_INFINITY),
        _ => args::size("setrlimit", args, position).map(|bound| bound as libc::rlim_t),
    };
    let limit = libc::rlimit {
        rlim_cur: bound(2)?,
        rlim_max: bound(3)?,
    };
    // SAFETY: reads the structure it is given.
    done("setrlimit", unsafe {
        libc::setrlimit(which as _, &raw const limit)
    })
}

fn resource(value: &Value) -> Result<libc::c_int, Raise> {
    let Value::SymbolV(name) = value else {
        return Err(errors::wrong_type("getrlimit", 1, value));
    };
    Ok(match name.as_str() {
        "as" => libc::RLIMIT_AS,
        "core" => libc::RLIMIT_CORE,
        "cpu" => libc::RLIMIT_CPU,
        "data" => libc::RLIMIT_DATA,
        "fsize" => libc::RLIMIT_FSIZE,
        "memlock" => libc::RLIMIT_MEMLOCK,
        "nofile" => libc::RLIMIT_NOFILE,
        "nproc" => libc::RLIMIT_NPROC,
        "rss" => libc::RLIMIT_RSS,
        "stack" => libc::RLIMIT_STACK,
        _ => {
            return Err(errors::misc(
                "getrlimit",
                "invalid rlimit resource ~S",
                vec![value.clone()],
            ));
        }
    } as libc::c_int)
}

/// Whether the C library has a locale of the name in argument 1.
fn locale_known(args: &[Value]) -> Outcome {
    let name = args::path("setlocale", args, 1)?;
    // SAFETY: NAME is a C string, and there is no locale to start from.
    let locale = unsafe { libc::newlocale(libc::LC_ALL_MASK, name.as_ptr(), std::ptr::null_mut()) };
    if locale.is_null() {
        return Ok(boolean(false));
    }
    // SAFETY: it was just made, and nobody uses it.
    unsafe { libc::freelocale(locale) };
    Ok(boolean(true))
}

natives! {
    outside;
    /// (%locale-known? name) -> whether there is such a locale
    "%locale-known?" (1) => locale_known,
    /// (primitive-fork) -> make a copy of this process; 0 in the copy, its number in the other
    "primitive-fork" (0) => fork,
    /// (getsid pid) -> the session of a process
    "getsid" (1) => getsid,
    /// (setpgid pid group) -> put a process into a process group
    "setpgid" (2) => setpgid,
    /// (tcgetpgrp port) -> the process group in front at this terminal
    "tcgetpgrp" (1) => tcgetpgrp,
    /// (tcsetpgrp port group) -> put a process group in front at this terminal
    "tcsetpgrp" (2) => tcsetpgrp,
    /// (ttyname port) -> the name of its terminal
    "ttyname" (1) => ttyname,
    /// (ctermid) -> the name of this process's terminal
    "ctermid" (0) => ctermid,
    /// (getgroups) -> a vector of the groups of this process
    "getgroups" (0) with machine => getgroups,
    /// (nice step) -> let others go before this process, by STEP
    "nice" (1) => nice,
    /// (getpriority which who) -> the scheduling priority; WHICH is PRIO_PROCESS, PRIO_PGRP or PRIO_USER
    "getpriority" (2) => getpriority,
    /// (setpriority which who priority) -> set it
    "setpriority" (3) => setpriority,
    /// (seteuid user) -> take the rights of a user, by number
    "seteuid" (1) => seteuid,
    /// (setegid group) -> take the rights of a group, by number
    "setegid" (1) => setegid,
    /// (select reads writes excepts [seconds [microseconds]]) -> wait until ports or descriptors are ready; the list of those that are, in the shape of what was given
    "select" (3, 2) with machine => select,
    /// (getrlimit resource) -> two values: the limit in force and the highest that may be set, #f for none
    "getrlimit" (1) with several => getrlimit,
    /// (setrlimit resource soft hard) -> set both
    "setrlimit" (3) => setrlimit,
    /// (close-fdes descriptor) -> close it
    "close-fdes" (1) with machine => close_descriptor,
    /// (move->fdes port descriptor) -> PORT, which stands for DESCRIPTOR now
    "move->fdes" (2) => move_to,
    /// (%open-ports) -> the open ports that stand for descriptors
    "%open-ports" (0) => open_ports,
    /// (%duplicate descriptor) -> a new descriptor for the same file
    "%duplicate" (1) => duplicate,
    /// (%duplicate-to descriptor number) -> NUMBER, now a descriptor for the same file
    "%duplicate-to" (2) => duplicate_to,
}
