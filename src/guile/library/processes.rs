//! Processes, the environment, and time.
//!
//! Programs are started by the standard library, which computes everything
//! before it forks. Waiting for one watches for Ctrl-C.
//!
//! Source: GNU Guile reference manual, "Processes", "Runtime Environment", "Time".

use crate::data::args::{self, boolean, fixnum, integer, string, unspecified};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::Value;
use crate::data::{clock, errors, interrupt, pairs, strings as text, vectors};
use crate::library::ports;
use crate::natives;
use failure::Failure;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A pipe that children do not inherit.
pub fn pipe(procedure: &str) -> Result<(OwnedFd, OwnedFd), Raise> {
    let mut ends = [0; 2];
    // SAFETY: pipe writes two descriptors.
    if unsafe { libc::pipe(ends.as_mut_ptr()) } < 0 {
        return Err(errors::system(procedure, errors::last_code()));
    }
    for end in ends {
        // SAFETY: the descriptor was just made.
        unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: pipe gave both to us alone.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Wait for process PID: its status as `waitpid` reports it.
pub fn wait_for(
    procedure: &str,
    pid: libc::pid_t,
    options: i32,
) -> Result<(libc::pid_t, i32), Raise> {
    let mut pause = Duration::from_micros(100);
    let started = Instant::now();
    loop {
        let mut status = 0;
        // SAFETY: writes the status.
        let found = unsafe { libc::waitpid(pid, &raw mut status, options | libc::WNOHANG) };
        if found > 0 || found == 0 && options & libc::WNOHANG != 0 {
            return Ok((found, status));
        }
        if found < 0 {
            let code = errors::last_code();
            if code != libc::EINTR {
                return Err(errors::system(procedure, code));
            }
        }
        if interrupt::take_interrupt() {
            return Err(Failure::interrupted(&format!("waiting for process {pid}")).into());
        }
        std::thread::sleep(pause);
        if started.elapsed() > Duration::from_millis(5) {
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }
}

/// A command that runs with the current directory and environment, and Guile's standard descriptors.
fn command(procedure: &str, args: &[Value]) -> Result<Command, Raise> {
    let program = string(procedure, args, 1)?;
    let mut command = Command::new(program);
    for position in 2..=args.len() {
        command.arg(string(procedure, args, position)?);
    }
    Ok(command)
}

fn start_error(procedure: &str, error: &std::io::Error) -> Raise {
    errors::system(procedure, errors::code(error))
}

/// Run a command to its end. The child gets Ctrl-C from the terminal as well.
fn run(procedure: &str, mut command: Command) -> Outcome {
    ports::flush_all();
    match command.spawn() {
        Ok(child) => {
            let (_, status) = wait_for(procedure, child.id() as libc::pid_t, 0)?;
            Ok(Value::IntV(status as isize))
        }
        // Guile's child fails to exec and exits with 127.
        Err(_) => Ok(Value::IntV(127 << 8)),
    }
}

/// (system [command]) -> status
fn system(args: &[Value]) -> Outcome {
    if args.is_empty() {
        return Ok(boolean(true));
    }
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(string("system", args, 1)?);
    run("system", command)
}

/// (system* program argument …) -> status
fn system_star(args: &[Value]) -> Outcome {
    run("system*", command("system*", args)?)
}

/// (%open-process mode program argument …) -> (input-port output-port pid)
///
/// Input reads what the program writes, output is what it reads; #f for what MODE does not ask for.
fn open_process(args: &[Value]) -> Outcome {
    let mode = string("open-process", args, 1)?;
    let (reads, writes) = (
        mode.contains('r') || mode.contains('+'),
        mode.contains('w') || mode.contains('+'),
    );
    let mut command = command("open-process", &args[1..])?;
    ports::flush_all();
    let mut input = None;
    let mut output = None;
    if reads {
        let (read, write) = pipe("open-process")?;
        command.stdout(Stdio::from(write));
        input = Some(read);
    } else if let Some(fd) = current_descriptor(ports::Standard::Output) {
        command.stdout(Stdio::from(fd));
    }
    if writes {
        let (read, write) = pipe("open-process")?;
        command.stdin(Stdio::from(read));
        output = Some(write);
    } else if let Some(fd) = current_descriptor(ports::Standard::Input) {
        command.stdin(Stdio::from(fd));
    }
    if let Some(fd) = current_descriptor(ports::Standard::Error) {
        command.stderr(Stdio::from(fd));
    }
    let pid = match command.spawn() {
        Ok(child) => child.id() as libc::pid_t,
        Err(error) => {
            // Guile's child exits with 127 and says why on standard error.
            let program = string("open-process", args, 2)?;
            let message = format!(
                "In execvp of {program}: {}\n",
                errors::system_message(errors::code(&error))
            );
            let port = ports::current(ports::Standard::Error);
            ports::with(&port, |state| state.put("open-process", &message)).transpose()?;
            Command::new("/bin/sh")
                .args(["-c", "exit 127"])
                .spawn()
                .map_err(|error| start_error("open-process", &error))?
                .id() as libc::pid_t
        }
    };
    drop(command);
    let port = |fd: Option<OwnedFd>, mode: &str| match fd {
        Some(fd) => ports::pipe(fd, mode, pid),
        None => Value::BoolV(false),
    };
    Ok(pairs::list([
        port(input, "r"),
        port(output, "w"),
        Value::IntV(pid as isize),
    ]))
}

/// A copy of the descriptor behind a current port, when it has one.
fn current_descriptor(which: ports::Standard) -> Option<OwnedFd> {
    let port = ports::current(which);
    ports::with(&port, |state| {
        let fd = state.descriptor.as_ref()?.as_raw_fd();
        // SAFETY: duplicates an open descriptor.
        let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
        // SAFETY: fcntl gave the copy to us alone.
        (copy >= 0).then(|| unsafe { OwnedFd::from_raw_fd(copy) })
    })
    .flatten()
}

/// (%join-ports input output) -> one port for both
fn join_ports(args: &[Value]) -> Outcome {
    ports::join(&args[0], &args[1]).ok_or_else(|| errors::wrong_type("make-rw-port", 1, &args[0]))
}

/// (%port-child port) -> pid or #f
fn port_child(args: &[Value]) -> Outcome {
    Ok(ports::with(&args[0], |state| state.child)
        .flatten()
        .map_or(Value::BoolV(false), |pid| Value::IntV(pid as isize)))
}

/// (waitpid pid [options]) -> (pid . status)
fn waitpid(args: &[Value]) -> Outcome {
    let pid = fixnum(args, 1)?;
    let options = match args.get(1) {
        Some(_) => fixnum(args, 2)? as i32,
        None => 0,
    };
    let (pid, status) = wait_for("waitpid", pid as libc::pid_t, options)?;
    Ok(pairs::cons(
        Value::IntV(pid as isize),
        Value::IntV(status as isize),
    ))
}

fn exit_value(args: &[Value]) -> Outcome {
    let status = fixnum(args, 1)? as i32;
    Ok(if libc::WIFEXITED(status) {
        Value::IntV(libc::WEXITSTATUS(status) as isize)
    } else {
        boolean(false)
    })
}

fn term_signal(args: &[Value]) -> Outcome {
    let status = fixnum(args, 1)? as i32;
    Ok(if libc::WIFSIGNALED(status) {
        Value::IntV(libc::WTERMSIG(status) as isize)
    } else {
        boolean(false)
    })
}

fn stop_signal(args: &[Value]) -> Outcome {
    let status = fixnum(args, 1)? as i32;
    Ok(if libc::WIFSTOPPED(status) {
        Value::IntV(libc::WSTOPSIG(status) as isize)
    } else {
        boolean(false)
    })
}

macro_rules! identities {
    ($($function:ident $call:path;)*) => {
        $( fn $function(_: &[Value]) -> Outcome {
            // SAFETY: asks the system for a number and cannot fail.
            Ok(Value::IntV(unsafe { $call() } as isize))
        } )*
    };
}

identities! {
    getpid libc::getpid;
    getppid libc::getppid;
    getuid libc::getuid;
    geteuid libc::geteuid;
    getgid libc::getgid;
    getegid libc::getegid;
    getpgrp libc::getpgrp;
    setsid libc::setsid;
}

fn set_identity(procedure: &str, args: &[Value], set: impl Fn(u32) -> libc::c_int) -> Outcome {
    let id = args::size(procedure, args, 1)?;
    if set(id as u32) < 0 {
        return Err(errors::system(procedure, errors::last_code()));
    }
    Ok(unspecified())
}

fn setuid(args: &[Value]) -> Outcome {
    // SAFETY: changes the process's user, as the caller asks.
    set_identity("setuid", args, |id| unsafe { libc::setuid(id) })
}

fn setgid(args: &[Value]) -> Outcome {
    // SAFETY: changes the process's group, as the caller asks.
    set_identity("setgid", args, |id| unsafe { libc::setgid(id) })
}

/// (execlp program argument …): become another program.
fn execlp(args: &[Value]) -> Outcome {
    ports::flush_all();
    let program = string("execlp", args, 1)?;
    let mut command = Command::new(program);
    let given = &args[1..];
    if !given.is_empty() {
        command.arg0(string("execlp", given, 1)?);
        for position in 2..=given.len() {
            command.arg(string("execlp", given, position)?);
        }
    }
    Err(errors::system("execlp", errors::code(&command.exec())))
}

fn primitive_exit(args: &[Value]) -> Outcome {
    ports::flush_all();
    let code = match args.first() {
        None | Some(Value::BoolV(true)) => 0,
        Some(Value::BoolV(false)) => 1,
        Some(_) => fixnum(args, 1)? as i32,
    };
    std::process::exit(code)
}

fn exit_at_once(args: &[Value]) -> Outcome {
    let code = match args.first() {
        None | Some(Value::BoolV(true)) => 0,
        Some(Value::BoolV(false)) => 1,
        Some(_) => fixnum(args, 1)? as i32,
    };
    // SAFETY: ends the process at once, as the caller asks.
    unsafe { libc::_exit(code) }
}

// The environment. It is the C library's, so that started programs see it; the
// natives run on one thread, and nothing else in this process changes it.

fn getenv(args: &[Value]) -> Outcome {
    let Value::StringV(name) = &args[0] else {
        return Err(errors::not_a("getenv", "string", &args[0]));
    };
    Ok(
        std::env::var_os(text::of(name)).map_or(Value::BoolV(false), |value| {
            text::value(value.to_string_lossy())
        }),
    )
}

fn valid_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

fn setenv(args: &[Value]) -> Outcome {
    let name = string("setenv", args, 1)?;
    if !valid_name(name) {
        return Err(errors::system("setenv", libc::EINVAL));
    }
    match &args[1] {
        Value::BoolV(false) => {
            // SAFETY: see the note above.
            unsafe { std::env::remove_var(name) };
        }
        _ => {
            let value = string("setenv", args, 2)?;
            if value.contains('\0') {
                return Err(errors::system("setenv", libc::EINVAL));
            }
            // SAFETY: see the note above.
            unsafe { std::env::set_var(name, value) };
        }
    }
    Ok(unspecified())
}

fn unsetenv(args: &[Value]) -> Outcome {
    setenv(&[args[0].clone(), Value::BoolV(false)])
}

fn putenv(args: &[Value]) -> Outcome {
    match string("putenv", args, 1)?.split_once('=') {
        Some((name, value)) => setenv(&[text::value(name), text::value(value)]),
        None => unsetenv(args),
    }
}

fn environ(args: &[Value]) -> Outcome {
    if !args.is_empty() {
        let names: Vec<_> = std::env::vars_os().map(|(name, _)| name).collect();
        for name in names {
            // SAFETY: see the note above.
            unsafe { std::env::remove_var(name) };
        }
        for setting in args::strings("environ", args, 1)? {
            putenv(&[text::value(setting)])?;
        }
        return Ok(unspecified());
    }
    Ok(pairs::list(
        std::env::vars_os()
            .map(|(name, value)| {
                text::value(format!(
                    "{}={}",
                    name.to_string_lossy(),
                    value.to_string_lossy()
                ))
            })
            .collect::<Vec<_>>(),
    ))
}

// Time.

/// What WALL shows, in seconds since 1970 and the microseconds after these.
fn seconds_and_microseconds(wall: SystemTime) -> (isize, isize) {
    let parts = |time: Duration| (time.as_secs() as isize, time.subsec_micros() as isize);
    match wall.duration_since(UNIX_EPOCH) {
        Ok(after) => parts(after),
        // A clock that nobody has set may show any time.
        Err(before) => match parts(before.duration()) {
            (seconds, 0) => (-seconds, 0),
            (seconds, microseconds) => (-seconds - 1, 1_000_000 - microseconds),
        },
    }
}

fn current_time(_: &[Value]) -> Outcome {
    Ok(Value::IntV(seconds_and_microseconds(clock::wall()).0))
}

fn gettimeofday(_: &[Value]) -> Outcome {
    let (seconds, microseconds) = seconds_and_microseconds(clock::wall());
    Ok(pairs::cons(Value::IntV(seconds), Value::IntV(microseconds)))
}

/// Since the program began, or near enough.
fn elapsed() -> Duration {
    static STARTED: OnceLock<Duration> = OnceLock::new();
    let started = *STARTED.get_or_init(|| clock::passed().saturating_sub(AGE));
    clock::passed().saturating_sub(started)
}

/// How old a program is at least that can ask; it has been read and compiled.
const AGE: Duration = Duration::from_micros(1);

/// Nanoseconds, as `internal-time-units-per-second` says.
fn real_time(_: &[Value]) -> Outcome {
    Ok(integer(elapsed().as_nanos() as usize))
}

fn run_nanoseconds() -> usize {
    // SAFETY: `timespec` is plain data, and clock_gettime writes it.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as usize * 1_000_000_000 + time.tv_nsec as usize
}

fn run_time(_: &[Value]) -> Outcome {
    Ok(integer(run_nanoseconds()))
}

fn times(machine: &mut Machine, _: &[Value]) -> Outcome {
    let real = elapsed().as_nanos() as usize;
    Ok(machine.vector(vec![
        integer(real),
        integer(run_nanoseconds()),
        integer(0),
        integer(0),
        integer(0),
    ]))
}

/// A broken-down time as Guile's vector.
fn time_vector(machine: &mut Machine, time: &libc::tm) -> Value {
    let number = |number: libc::c_int| Value::IntV(number as isize);
    let zone = if time.tm_zone.is_null() {
        Value::BoolV(false)
    } else {
        // SAFETY: the C library's zone names are C strings that stay.
        text::value(unsafe { CStr::from_ptr(time.tm_zone) }.to_string_lossy())
    };
    machine.vector(vec![
        number(time.tm_sec),
        number(time.tm_min),
        number(time.tm_hour),
        number(time.tm_mday),
        number(time.tm_mon),
        number(time.tm_year),
        number(time.tm_wday),
        number(time.tm_yday),
        number(time.tm_isdst),
        Value::IntV(-(time.tm_gmtoff as isize)),
        zone,
    ])
}

/// Do BODY with time zone ZONE instead of the environment's.
fn in_zone<T>(zone: Option<&str>, body: impl FnOnce() -> T) -> T {
    unsafe extern "C" {
        fn tzset();
    }
    let Some(zone) = zone else {
        // SAFETY: reads the environment, which only natives change.
        unsafe { tzset() };
        return body();
    };
    let before = std::env::var_os("TZ");
    // SAFETY: only natives change the environment, on one thread.
    unsafe {
        std::env::set_var("TZ", zone);
        tzset();
    }
    let result = body();
    // SAFETY: as above.
    unsafe {
        match before {
            Some(before) => std::env::set_var("TZ", before),
            None => std::env::remove_var("TZ"),
        }
        tzset();
    }
    result
}

/// The time zone that optional argument POSITION names.
fn zone_argument<'a>(
    procedure: &str,
    args: &'a [Value],
    position: usize,
) -> Result<Option<&'a str>, Raise> {
    match args.get(position - 1) {
        None => Ok(None),
        Some(_) => string(procedure, args, position).map(Some),
    }
}

fn localtime(machine: &mut Machine, args: &[Value]) -> Outcome {
    let seconds = fixnum(args, 1)? as libc::time_t;
    let zone = zone_argument("localtime", args, 2)?;
    // SAFETY: `tm` is plain data, and localtime_r writes it.
    let mut time: libc::tm = unsafe { std::mem::zeroed() };
    Ok(in_zone(zone, || {
        // SAFETY: as above.
        unsafe { libc::localtime_r(&raw const seconds, &raw mut time) };
        time_vector(machine, &time)
    }))
}

fn gmtime(machine: &mut Machine, args: &[Value]) -> Outcome {
    let seconds = fixnum(args, 1)? as libc::time_t;
    // SAFETY: `tm` is plain data, and gmtime_r writes it.
    let mut time: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe { libc::gmtime_r(&raw const seconds, &raw mut time) };
    Ok(time_vector(machine, &time))
}

/// The broken-down time in vector argument POSITION.
fn time_argument(procedure: &str, args: &[Value], position: usize) -> Result<libc::tm, Raise> {
    let items = vectors::items(procedure, args, position)?;
    let number = |index: usize| match items.get(index) {
        Some(Value::IntV(number)) => Ok(*number as libc::c_int),
        _ => Err(errors::wrong_type(procedure, position, &args[position - 1])),
    };
    // SAFETY: `tm` is plain data for which all zeros is a value.
    let mut time: libc::tm = unsafe { std::mem::zeroed() };
    time.tm_sec = number(0)?;
    time.tm_min = number(1)?;
    time.tm_hour = number(2)?;
    time.tm_mday = number(3)?;
    time.tm_mon = number(4)?;
    time.tm_year = number(5)?;
    time.tm_wday = number(6)?;
    time.tm_yday = number(7)?;
    time.tm_isdst = number(8)?;
    if let Some(Value::IntV(offset)) = items.get(9) {
        time.tm_gmtoff = -(*offset as libc::c_long);
    }
    Ok(time)
}

/// (mktime time [zone]) -> (seconds . time)
fn mktime(machine: &mut Machine, args: &[Value]) -> Outcome {
    let mut time = time_argument("mktime", args, 1)?;
    let zone = zone_argument("mktime", args, 2)?;
    Ok(in_zone(zone, || {
        // SAFETY: reads and normalizes TIME.
        let seconds = unsafe { libc::mktime(&raw mut time) };
        pairs::cons(Value::IntV(seconds as isize), time_vector(machine, &time))
    }))
}

fn tzset(_: &[Value]) -> Outcome {
    in_zone(None, || ());
    Ok(unspecified())
}

/// (strftime format time) -> string
fn strftime(args: &[Value]) -> Outcome {
    let format = args::path("strftime", args, 1)?;
    let time = time_argument("strftime", args, 2)?;
    let zone = match vectors::items("strftime", args, 2)?.get(10) {
        Some(Value::StringV(zone)) => std::ffi::CString::new(text::of(zone)).ok(),
        _ => None,
    };
    let mut time = time;
    if let Some(zone) = &zone {
        time.tm_zone = zone.as_ptr().cast_mut().cast();
    }
    if format.as_bytes().is_empty() {
        return Ok(text::value(""));
    }
    let mut buffer = vec![0u8; 256];
    loop {
        // SAFETY: the buffer is as long as said, and format and time are whole.
        let length = unsafe {
            libc::strftime(
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                format.as_ptr(),
                &raw const time,
            )
        };
        if length > 0 || buffer.len() > 1 << 20 {
            return Ok(text::value(String::from_utf8_lossy(&buffer[..length])));
        }
        let larger = buffer.len() * 4;
        buffer.resize(larger, 0);
    }
}

mod ffi {
    use std::ffi::c_char;

    unsafe extern "C" {
        /// strptime(3): the first byte of INPUT that FORMAT does not read, or null.
        /// The libc crate declares it for some systems only; POSIX has it in all.
        pub fn strptime(
            input: *const c_char,
            format: *const c_char,
            time: *mut libc::tm,
        ) -> *mut c_char;
    }
}

/// (strptime format string) -> (time . count)
fn strptime(machine: &mut Machine, args: &[Value]) -> Outcome {
    let format = args::path("strptime", args, 1)?;
    let input = args::path("strptime", args, 2)?;
    // SAFETY: `tm` is plain data for which all zeros is a value.
    let mut time: libc::tm = unsafe { std::mem::zeroed() };
    time.tm_isdst = -1;
    // SAFETY: both are C strings, and strptime writes TIME.
    let end = unsafe { ffi::strptime(input.as_ptr(), format.as_ptr(), &raw mut time) };
    if end.is_null() {
        return Err(errors::system("strptime", libc::EINVAL));
    }
    // What has been read is no time of a zone, though some systems name one. The
    // field points to what is constant on Linux, and to what is not on FreeBSD.
    time.tm_zone = std::ptr::null_mut();
    let count = end as usize - input.as_ptr() as usize;
    Ok(pairs::cons(time_vector(machine, &time), integer(count)))
}

fn nproc(_: &[Value]) -> Outcome {
    Ok(integer(
        std::thread::available_parallelism().map_or(1, usize::from),
    ))
}

natives! {
    outside;
    /// (system [command]) -> run a command of the shell; its status, as of `waitpid`
    "system" (0, 1) => system,
    /// (system* program argument …) -> run a program; its status, as of `waitpid`
    "system*" (1, rest) => system_star,
    /// (%open-process mode program argument …) -> run a program with its output, input or both piped: two ports, or #f, and its number
    "%open-process" (2, rest) => open_process,
    /// (%port-child port) -> the number of the process behind a pipe, or #f
    "%port-child" (1) with inside => port_child,
    /// (%join-ports input output) -> a port that reads from the one and writes to the other
    "%join-ports" (2) with inside => join_ports,
    /// (waitpid pid [options]) -> wait until a child has ended; the pair of its number and status
    "waitpid" (1, 1) => waitpid,
    /// (status:exit-val status) -> what a process gave to `exit`, or #f
    "status:exit-val" (1) with inside => exit_value,
    /// (status:term-sig status) -> the signal that ended a process, or #f
    "status:term-sig" (1) with inside => term_signal,
    /// (status:stop-sig status) -> the signal that stopped a process, or #f
    "status:stop-sig" (1) with inside => stop_signal,
    /// (getpid) -> the number of this process
    "getpid" (0) => getpid,
    /// (getppid) -> the number of its parent
    "getppid" (0) => getppid,
    /// (getuid) -> the user who runs this process
    "getuid" (0) => getuid,
    /// (geteuid) -> the user whose rights it has
    "geteuid" (0) => geteuid,
    /// (getgid) -> the group that runs this process
    "getgid" (0) => getgid,
    /// (getegid) -> the group whose rights it has
    "getegid" (0) => getegid,
    /// (getpgrp) -> its process group
    "getpgrp" (0) => getpgrp,
    /// (setsid) -> begin a session; its number
    "setsid" (0) => setsid,
    /// (setuid user) -> become a user, by number
    "setuid" (1) => setuid,
    /// (setgid group) -> become one of a group, by number
    "setgid" (1) => setgid,
    /// (execlp program argument …) -> have a program, looked for in PATH, take the place of this one
    "execlp" (1, rest) => execlp,
    /// (execl program argument …) -> have a program take the place of this one
    "execl" (1, rest) => execlp,
    /// (primitive-exit [status]) -> end this process without unwinding
    "primitive-exit" (0, 1) with inside => primitive_exit,
    /// (primitive-_exit [status]) -> end this process at once, and leave what was not written
    "primitive-_exit" (0, 1) with inside => exit_at_once,
    /// (getenv name) -> what the environment says for NAME, or #f
    "getenv" (1) => getenv,
    /// (setenv name value) -> have the environment say VALUE for NAME, or nothing where VALUE is #f
    "setenv" (2) => setenv,
    /// (unsetenv name) -> take NAME out of the environment
    "unsetenv" (1) => unsetenv,
    /// (putenv setting) -> put NAME=VALUE into the environment, or take NAME out where nothing follows it
    "putenv" (1) => putenv,
    /// (environ [settings]) -> the environment as a list of NAME=VALUE; replace it by SETTINGS
    "environ" (0, 1) => environ,
    /// (current-time) -> seconds since 1970
    "current-time" (0) with anytime => current_time,
    /// (gettimeofday) -> the pair of seconds since 1970 and microseconds
    "gettimeofday" (0) with anytime => gettimeofday,
    /// (get-internal-real-time) -> how long this program has run, in units of which a second has `internal-time-units-per-second`
    "get-internal-real-time" (0) with anytime => real_time,
    /// (get-internal-run-time) -> how long it has kept a processor busy, in the same units
    "get-internal-run-time" (0) with anytime => run_time,
    /// (times) -> a vector of what clocks show: real time, the processor time of the program and the system, and of children
    "times" (0) with anytime_machine => times,
    /// (localtime time [zone]) -> the date of a time in seconds since 1970, as a vector, here or in ZONE
    "localtime" (1, 1) with machine => localtime,
    /// (gmtime time) -> the same in UTC
    "gmtime" (1) with inside_machine => gmtime,
    /// (mktime date [zone]) -> the pair of seconds since 1970 and DATE made regular
    "mktime" (1, 1) with machine => mktime,
    /// (tzset) -> look at the environment's TZ again
    "tzset" (0) => tzset,
    /// (strftime format date) -> the date as text, as FORMAT says
    "strftime" (2) with inside => strftime,
    /// (strptime format text) -> the pair of the date that TEXT says in FORMAT and how many characters it took
    "strptime" (2) with inside_machine => strptime,
    /// (total-processor-count) -> how many processors the machine has
    "total-processor-count" (0) => nproc,
    /// (current-processor-count) -> how many processors this process may use
    "current-processor-count" (0) => nproc,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_clock_shows_before_1970_is_counted_backwards() {
        for (after, shown) in [(1_500_000, (1, 500_000)), (0, (0, 0))] {
            let wall = UNIX_EPOCH + Duration::from_micros(after);
            assert_eq!(seconds_and_microseconds(wall), shown);
        }
        for (before, shown) in [
            (1, (-1, 999_999)),
            (1_000_000, (-1, 0)),
            (1_500_000, (-2, 500_000)),
        ] {
            let wall = UNIX_EPOCH - Duration::from_micros(before);
            assert_eq!(seconds_and_microseconds(wall), shown);
        }
    }
}
