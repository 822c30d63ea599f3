//! Signals that the program handles, and the timers that send them.
//!
//! A signal is noted when it comes and handled at the next native that waits
//! or sends one: the machine cannot be stopped in the middle of a computation
//! and go on. What Ctrl-C and the polite requests to end do by themselves is
//! the command line's; a program that handles them replaces that.
//!
//! Source: sigaction(2), setitimer(2); GNU Guile reference manual, "Signals".

use crate::data::args::{self, fixnum, unspecified};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::roots::Root;
use crate::data::value::{Value, pair_value};
use crate::data::{clock, errors, interrupt, numbers, pairs};
use crate::library::ports;
use crate::natives;
use failure::Failure;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One bit for each signal that has come and is to be handled.
static PENDING: AtomicU64 = AtomicU64::new(0);

/// What the program has asked for.
struct Wish {
    /// A procedure, or the number of a disposition.
    action: Root,
    flags: isize,
}

thread_local! {
    static WISHES: RefCell<HashMap<i32, Wish>> = RefCell::default();
    /// What was in force before the program asked for the first time.
    static BEFORE: RefCell<HashMap<i32, libc::sigaction>> = RefCell::default();
}

extern "C" fn note(signal: libc::c_int) {
    PENDING.fetch_or(1 << signal, Ordering::SeqCst);
}

/// The highest number that fits the set of pending signals.
const HIGHEST: isize = 63;

fn signal_argument(procedure: &str, args: &[Value], position: usize) -> Result<i32, Raise> {
    let signal = fixnum(args, position)?;
    if (1..=HIGHEST).contains(&signal) {
        Ok(signal as i32)
    } else {
        Err(errors::system(procedure, libc::EINVAL))
    }
}

fn install(signal: i32, action: &libc::sigaction) -> Result<(), Raise> {
    // SAFETY: an all-zero sigaction is a value that sigaction(2) may overwrite,
    // and both point to memory of this frame.
    let (status, old) = unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(signal, action, &mut old), old)
    };
    if status < 0 {
        return Err(errors::system("sigaction", errors::last_code()));
    }
    BEFORE.with(|before| {
        before.borrow_mut().entry(signal).or_insert(old);
    });
    Ok(())
}

fn disposition(handler: libc::sighandler_t, flags: isize) -> libc::sigaction {
    // SAFETY: an all-zero sigaction has an empty mask and no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags as libc::c_int;
    action
}

/// What the command line does about SIGNAL by itself, in place of the default.
fn is_polite_request(signal: i32) -> bool {
    matches!(signal, libc::SIGINT | libc::SIGTERM | libc::SIGHUP)
}

fn restore(signal: i32) -> Result<(), Raise> {
    let before = BEFORE.with(|before| before.borrow().get(&signal).copied());
    match before {
        Some(before) => install(signal, &before),
        None => Ok(()),
    }
}

/// (sigaction signal [handler [flags]])
fn sigaction(args: &[Value]) -> Outcome {
    let signal = signal_argument("sigaction", args, 1)?;
    let old = WISHES.with(|wishes| {
        wishes.borrow().get(&signal).map_or_else(
            || pair_value(Value::IntV(0), Value::IntV(0)),
            |wish| pair_value(wish.action.value().clone(), Value::IntV(wish.flags)),
        )
    });
    let Some(handler) = args.get(1) else {
        return Ok(old);
    };
    let flags = match args.get(2) {
        Some(_) => fixnum(args, 3)?,
        None => 0,
    };
    let wish = |action: &Value| {
        WISHES.with(|wishes| {
            let action = Root::of(action);
            wishes.borrow_mut().insert(signal, Wish { action, flags });
        });
    };
    match handler {
        Value::IntV(0) => {
            if is_polite_request(signal) {
                restore(signal)?;
            } else {
                install(signal, &disposition(libc::SIG_DFL, flags))?;
            }
            wish(handler);
        }
        Value::IntV(1) => {
            install(signal, &disposition(libc::SIG_IGN, flags))?;
            wish(handler);
        }
        Value::BoolV(false) => {
            restore(signal)?;
            WISHES.with(|wishes| wishes.borrow_mut().remove(&signal));
        }
        Value::IntV(_) | Value::BigNum(_) => {
            return Err(errors::out_of_range("sigaction", 2, handler));
        }
        handler if handler.is_function() => {
            install(
                signal,
                &disposition(note as *const () as libc::sighandler_t, flags),
            )?;
            wish(handler);
        }
        other => return Err(errors::wrong_type("sigaction", 2, other)),
    }
    Ok(old)
}

/// Call the handlers of the signals that have come.
fn handle_pending(machine: &mut Machine) -> Result<bool, Raise> {
    let mut handled = false;
    loop {
        let pending = PENDING.load(Ordering::SeqCst);
        if pending == 0 {
            return Ok(handled);
        }
        let signal = pending.trailing_zeros() as i32;
        PENDING.fetch_and(!(1 << signal), Ordering::SeqCst);
        let handler = WISHES.with(|wishes| {
            wishes
                .borrow()
                .get(&signal)
                .map(|wish| wish.action.value().clone())
        });
        if let Some(handler) = handler.filter(Value::is_function) {
            machine.call(handler, vec![Value::IntV(signal as isize)])?;
            handled = true;
        }
    }
}

fn has_handler(signal: i32) -> bool {
    WISHES.with(|wishes| {
        wishes
            .borrow()
            .get(&signal)
            .is_some_and(|wish| wish.action.value().is_function())
    })
}

/// Give SIGNAL back its own way of ending the process, which the program asks
/// for, unless that handles or ignores it: nobody has to be waited for then.
fn die_by(signal: i32) {
    let wished = WISHES.with(|wishes| match wishes.borrow().get(&signal) {
        Some(wish) => !matches!(wish.action.value(), Value::IntV(0)),
        None => false,
    });
    if !wished {
        ports::flush_all();
        // SAFETY: the action has an empty mask and calls nothing.
        unsafe { libc::sigaction(signal, &disposition(libc::SIG_DFL, 0), std::ptr::null_mut()) };
    }
}

/// (kill pid signal)
fn kill(machine: &mut Machine, args: &[Value]) -> Outcome {
    let (pid, signal) = (fixnum(args, 1)?, fixnum(args, 2)?);
    let own = pid == std::process::id() as isize;
    if own && [libc::SIGTERM, libc::SIGHUP].contains(&(signal as i32)) {
        die_by(signal as i32);
    }
    // SAFETY: sends a signal.
    if unsafe { libc::kill(pid as libc::pid_t, signal as libc::c_int) } < 0 {
        return Err(errors::system("kill", errors::last_code()));
    }
    // Another thread may be the one that is told.
    let to_itself = pid == std::process::id() as isize || pid == 0;
    let awaited = (1..=HIGHEST).contains(&signal) && has_handler(signal as i32);
    if to_itself && awaited {
        let end = Instant::now() + Duration::from_millis(100);
        while PENDING.load(Ordering::SeqCst) & (1 << signal) == 0 && Instant::now() < end {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    handle_pending(machine)?;
    Ok(unspecified())
}

/// How often a program that sleeps looks whether a signal has come.
const SLICE: Duration = Duration::from_millis(10);

/// Wait until DURATION has passed or a signal has been handled; what is left of it.
fn wait(
    machine: &mut Machine,
    procedure: &str,
    duration: Option<Duration>,
) -> Result<Duration, Raise> {
    ports::flush_all();
    let end = clock::passed().saturating_add(duration.unwrap_or(Duration::MAX));
    loop {
        let rest = end.saturating_sub(clock::passed());
        if handle_pending(machine)? || rest.is_zero() {
            return Ok(rest);
        }
        if interrupt::take_interrupt() {
            return Err(Failure::interrupted(procedure).into());
        }
        match duration {
            Some(_) => clock::pause(end, SLICE),
            None => std::thread::sleep(SLICE),
        }
    }
}

/// (sleep seconds) -> seconds that are left
fn sleep(machine: &mut Machine, args: &[Value]) -> Outcome {
    let seconds = numbers::to_f64(&args[0])
        .filter(|seconds| *seconds >= 0.0 && *seconds < 1e12)
        .ok_or_else(|| errors::wrong_type("sleep", 1, &args[0]))?;
    let left = wait(machine, "sleep", Some(Duration::from_secs_f64(seconds)))?;
    Ok(Value::IntV(left.as_secs_f64().round() as isize))
}

/// (usleep microseconds) -> microseconds that are left
fn usleep(machine: &mut Machine, args: &[Value]) -> Outcome {
    let microseconds = args::size("usleep", args, 1)?;
    let duration = Duration::from_micros(microseconds as u64);
    let left = wait(machine, "usleep", Some(duration))?;
    Ok(Value::IntV(left.as_micros() as isize))
}

/// (%pause): wait for a signal
fn pause(machine: &mut Machine, _: &[Value]) -> Outcome {
    wait(machine, "pause", None)?;
    Ok(unspecified())
}

fn alarm(args: &[Value]) -> Outcome {
    let seconds = args::size("alarm", args, 1)?;
    // SAFETY: sets a timer of this process.
    Ok(Value::IntV(
        unsafe { libc::alarm(seconds as libc::c_uint) } as isize
    ))
}

fn timer_value(timer: &libc::itimerval) -> Value {
    let pair = |time: &libc::timeval| {
        pair_value(
            Value::IntV(time.tv_sec as isize),
            Value::IntV(time.tv_usec as isize),
        )
    };
    pairs::list([pair(&timer.it_interval), pair(&timer.it_value)])
}

/// (setitimer which interval-seconds interval-microseconds seconds microseconds)
fn set_timer(args: &[Value]) -> Outcome {
    let number = |position| fixnum(args, position);
    let time = |seconds: isize, microseconds: isize| libc::timeval {
        tv_sec: (seconds + microseconds / 1_000_000) as libc::time_t,
        tv_usec: (microseconds % 1_000_000) as libc::suseconds_t,
    };
    let which = number(1)?;
    let new = libc::itimerval {
        it_interval: time(number(2)?, number(3)?),
        it_value: time(number(4)?, number(5)?),
    };
    // SAFETY: an all-zero itimerval may be overwritten; both are of this frame.
    let (status, old) = unsafe {
        let mut old: libc::itimerval = std::mem::zeroed();
        (setitimer(which as libc::c_int, &new, &mut old), old)
    };
    if status < 0 {
        return Err(errors::system("setitimer", errors::last_code()));
    }
    Ok(timer_value(&old))
}

/// (getitimer which)
fn timer(args: &[Value]) -> Outcome {
    let which = fixnum(args, 1)?;
    // SAFETY: an all-zero itimerval may be overwritten; it is of this frame.
    let (status, now) = unsafe {
        let mut now: libc::itimerval = std::mem::zeroed();
        (getitimer(which as libc::c_int, &mut now), now)
    };
    if status < 0 {
        return Err(errors::system("getitimer", errors::last_code()));
    }
    Ok(timer_value(&now))
}

unsafe extern "C" {
    // The crate libc has these for some systems only; POSIX has them for all.
    fn setitimer(
        which: libc::c_int,
        new: *const libc::itimerval,
        old: *mut libc::itimerval,
    ) -> libc::c_int;
    fn getitimer(which: libc::c_int, now: *mut libc::itimerval) -> libc::c_int;
}

natives! {
    outside;
    /// (sigaction signal [handler [flags]]) -> pair of the handler and the flags before
    "sigaction" (1, 2) with inside => sigaction,
    /// (kill pid signal): send SIGNAL to the process PID
    "kill" (2) with machine => kill,
    /// (%sleep seconds) -> seconds that are left when a signal has been handled
    "%sleep" (1) with machine => sleep,
    /// (%usleep microseconds) -> microseconds that are left when a signal has been handled
    "%usleep" (1) with machine => usleep,
    /// (%pause): wait until a signal has been handled
    "%pause" (0) with machine => pause,
    /// (alarm seconds) -> seconds that were left; SIGALRM comes after SECONDS
    "alarm" (1) => alarm,
    /// (setitimer which interval-seconds interval-microseconds seconds microseconds) -> what it was
    "setitimer" (5) => set_timer,
    /// (getitimer which) -> interval and time left, pairs of seconds and microseconds
    "getitimer" (1) => timer,
}
