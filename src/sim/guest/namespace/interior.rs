//! Process 1 of the guest: it makes the mounts, locks them, and then only waits, answers
//! at the port of sshd, and passes on what init(8) of FreeBSD takes by signal: SIGINT to
//! reboot, SIGUSR1 and SIGUSR2 to power off.
//!
//! The mounts are made in a first user namespace, and locked by a second one in it:
//! a mount that a less privileged namespace has inherited can neither be unmounted
//! nor be made writable there, and the process and network namespaces, which the
//! first one owns, cannot be configured from the second.
//!
//! Only system calls on memory that exists already: see [`super::linux`].
//!
//! Source: mount_namespaces(7), "Restrictions on mount namespaces"; init(8) of FreeBSD.

use super::Mounts;
use super::confine;
use super::linux::{Step, close_from};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use std::ffi::{CStr, CString};
use std::io;
use std::ops::Range;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What process 1 is called.
pub const NAME: &CStr = c"init";

/// Everything process 1 needs, computed before it exists.
pub struct Plan {
    uid_map: Vec<u8>,
    gid_map: Vec<u8>,
    root: CString,
    proc: CString,
    read_only: Vec<(CString, CString)>,
    devices: Vec<(CString, CString)>,
    hostname: Vec<u8>,
    command_line: Option<Range<usize>>,
}

impl Plan {
    pub fn new(root: &Path, mounts: &Mounts, hostname: &str) -> io::Result<Plan> {
        let text = |path: &Path| {
            CString::new(path.as_os_str().as_bytes())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
        };
        let pairs = |pairs: &[(PathBuf, PathBuf)]| {
            pairs
                .iter()
                .map(|(source, target)| Ok((text(source)?, text(target)?)))
                .collect::<io::Result<Vec<_>>>()
        };
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        Ok(Plan {
            // The one user there is without privilege: whoever runs us is root
            // in the guest. For real root the same, so that both see one guest.
            uid_map: format!("0 {uid} 1\n").into_bytes(),
            gid_map: format!("0 {gid} 1\n").into_bytes(),
            root: text(root)?,
            proc: text(&root.join("proc"))?,
            read_only: pairs(&mounts.read_only)?,
            devices: pairs(&mounts.devices)?,
            hostname: hostname.as_bytes().to_vec(),
            command_line: confine::command_line(),
        })
    }
}

/// Process 1 of the guest. It says on REPORT when the namespaces are made, waits on
/// LIFELINE until they are open elsewhere, says that it is hidden, and ends when
/// LIFELINE closes.
pub fn init(plan: &Plan, lifeline: RawFd, report: RawFd) -> ! {
    let (step, errno, listener) = match set_up(plan) {
        Ok(listener) => (Step::Ready, 0, listener),
        Err((step, error)) => (step, error.raw_os_error(), -1),
    };
    let mut answer = [0; 5];
    answer[0] = step as u8;
    answer[1..].copy_from_slice(&errno.to_ne_bytes());
    // SAFETY: plain system calls on local memory; nobody else is in this process,
    // so nobody uses its arguments.
    unsafe {
        libc::write(report, answer.as_ptr().cast(), answer.len());
        if step != Step::Ready || !await_byte(lifeline) {
            libc::_exit(1);
        }
        // Nobody of the guest exists before this is done.
        confine::hide();
        if let Some(range) = &plan.command_line {
            confine::forget(range);
        }
        libc::prctl(libc::PR_SET_NAME, NAME.as_ptr(), 0, 0, 0);
        libc::setsid();
        // Orphans of the guest end without anybody waiting for them.
        let mut ignore: libc::sigaction = std::mem::zeroed();
        ignore.sa_sigaction = libc::SIG_IGN;
        libc::sigaction(libc::SIGCHLD, &ignore, std::ptr::null_mut());
        libc::write(report, answer.as_ptr().cast(), answer.len());
        // They are blocked, as all are, so that they wait until they are read.
        let mut wanted: libc::sigset_t = std::mem::zeroed();
        for signal in [libc::SIGINT, libc::SIGUSR1, libc::SIGUSR2] {
            libc::sigaddset(&mut wanted, signal);
        }
        let signals = libc::signalfd(-1, &wanted, libc::SFD_CLOEXEC);
        // Whatever this program had open is none of the guest's business; the
        // lifeline's other end among it would keep us alive for ever.
        libc::dup2(lifeline, 0);
        libc::dup2(listener, 1);
        libc::dup2(report, 2);
        libc::dup2(signals, 3);
        close_from(4);
        answer_until_end();
        libc::_exit(0);
    }
}

/// What is written to the report when the guest wants to end.
pub const REBOOT: u8 = b'r';
pub const POWER_OFF: u8 = b'o';

/// Take connections at descriptor 1 and let them go, and report at 2 what the signals at
/// 3 say, until the lifeline, 0, closes.
unsafe fn answer_until_end() {
    let entry = |fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    let mut waiting = [entry(0), entry(1), entry(3)];
    // SAFETY: plain system calls on local memory.
    unsafe {
        while waiting[0].revents == 0 {
            if libc::poll(waiting.as_mut_ptr(), 3, -1) < 0 {
                if *libc::__errno_location() != libc::EINTR {
                    return;
                }
                waiting[0].revents = 0;
            } else if waiting[2].revents != 0 {
                let mut signal: libc::signalfd_siginfo = std::mem::zeroed();
                let size = size_of::<libc::signalfd_siginfo>();
                if libc::read(3, (&raw mut signal).cast(), size) != size as isize {
                    waiting[2].fd = -1;
                    continue;
                }
                let word = match signal.ssi_signo as libc::c_int {
                    libc::SIGINT => REBOOT,
                    _ => POWER_OFF,
                };
                libc::write(2, (&raw const word).cast(), 1);
            } else if waiting[1].revents != 0 {
                let connection = libc::accept(1, std::ptr::null_mut(), std::ptr::null_mut());
                if connection < 0 {
                    // It would be said again and again.
                    waiting[1].fd = -1;
                } else {
                    libc::close(connection);
                }
            }
        }
    }
}

/// Wait for a byte; whether one has come, and not the end.
unsafe fn await_byte(descriptor: RawFd) -> bool {
    let mut byte = 0u8;
    // SAFETY: plain system calls on local memory.
    unsafe {
        loop {
            let count = libc::read(descriptor, (&raw mut byte).cast(), 1);
            if count >= 0 {
                return count == 1;
            }
            if *libc::__errno_location() != libc::EINTR {
                return false;
            }
        }
    }
}

type SetUp = Result<RawFd, (Step, rustix::io::Errno)>;

fn set_up(plan: &Plan) -> SetUp {
    let at = |step| move |error| (step, error);
    // This machine's own, which stays writable where the guest's is not.
    let proc = rustix::fs::open(
        c"/proc",
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(at(Step::MapIds))?;
    map_ids(&proc, &plan.uid_map, &plan.gid_map).map_err(at(Step::MapIds))?;
    rustix::mount::mount_change(
        c"/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(at(Step::Private))?;
    let root = plan.root.as_c_str();
    rustix::mount::mount_bind_recursive(root, root).map_err(at(Step::BindRoot))?;
    set_attributes(root, NOSUID | NODEV).map_err(at(Step::BindRoot))?;
    for (source, target) in &plan.read_only {
        rustix::mount::mount_bind_recursive(source.as_c_str(), target.as_c_str())
            .map_err(at(Step::BindHost))?;
        set_attributes(target, RDONLY | NOSUID | NODEV).map_err(at(Step::ReadOnly))?;
    }
    for (source, target) in &plan.devices {
        rustix::mount::mount_bind(source.as_c_str(), target.as_c_str())
            .map_err(at(Step::Device))?;
        set_attributes(target, RDONLY | NOSUID | NOEXEC).map_err(at(Step::Device))?;
    }
    // Read-only: to real root the kernel's settings below /proc/sys would
    // otherwise be writable. A container that hides parts of its own /proc may
    // not mount another; the guest then has none, and few programs mind.
    let _ = rustix::mount::mount(
        c"proc",
        plan.proc.as_c_str(),
        c"proc",
        MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
        None,
    );
    let _ = rustix::system::sethostname(&plan.hostname);
    let listener = listen().map_err(at(Step::Network))?;

    let pivot = at(Step::Pivot);
    rustix::process::chdir(root).map_err(pivot)?;
    match rustix::process::pivot_root(c".", c".") {
        Ok(()) => rustix::mount::unmount(c".", UnmountFlags::DETACH).map_err(at(Step::Pivot))?,
        // The first root of a machine that runs from memory cannot be pivoted
        // away; it can be covered.
        Err(rustix::io::Errno::INVAL) => {
            rustix::mount::mount_move(c".", c"/").map_err(at(Step::Pivot))?;
            rustix::process::chroot(c".").map_err(at(Step::Pivot))?;
        }
        Err(error) => return Err((Step::Pivot, error)),
    }
    rustix::process::chdir(c"/").map_err(at(Step::Pivot))?;
    lock(&proc).map_err(at(Step::Lock))?;
    Ok(listener)
}

/// Become root of the new user namespace of this process.
fn map_ids(proc: &OwnedFd, uid_map: &[u8], gid_map: &[u8]) -> rustix::io::Result<()> {
    // A process without privilege must give up setgroups before it maps groups.
    let _ = write_file(proc, c"self/setgroups", b"deny");
    write_file(proc, c"self/uid_map", uid_map)?;
    write_file(proc, c"self/gid_map", gid_map)
}

/// Go into a user namespace and a mount namespace that inherit everything and may
/// change nothing of it.
fn lock(proc: &OwnedFd) -> rustix::io::Result<()> {
    // SAFETY: a plain system call; this process has no other threads.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) } != 0 {
        return Err(last_error());
    }
    map_ids(proc, b"0 0 1\n", b"0 0 1\n")?;
    // Nobody makes another user namespace in here. Where the machine's settings
    // cannot be written, each process's own filter is what is left.
    let _ = write_file(proc, c"sys/user/max_user_namespaces", b"0");
    Ok(())
}

fn write_file(directory: &OwnedFd, path: &CStr, contents: &[u8]) -> rustix::io::Result<()> {
    let file = rustix::fs::openat(
        directory,
        path,
        OFlags::WRONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    rustix::io::write(&file, contents).map(|_| ())
}

/// The guest's own network is its loopback. A program in it that tries the port of
/// its sshd finds one: the listener, of which the caller takes the connections.
fn listen() -> rustix::io::Result<RawFd> {
    // SAFETY: plain system calls; the structures are local memory.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return Err(last_error());
        }
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
            *to = *from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_port = SSH.to_be();
        let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        if libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request) == 0
            && libc::bind(socket, (&raw const address).cast(), length) == 0
            && libc::listen(socket, 16) == 0
        {
            return Ok(socket);
        }
        let error = last_error();
        libc::close(socket);
        Err(error)
    }
}

/// Where a guest's sshd listens; the simulated one's is outside, in this program.
const SSH: u16 = 22;

/// Why the last call of the C library's failed. Where it has not said, no panic: there is
/// nobody to catch it.
fn last_error() -> rustix::io::Errno {
    // SAFETY: the calling thread's own errno.
    match unsafe { *libc::__errno_location() } {
        number @ 1..4096 => rustix::io::Errno::from_raw_os_error(number),
        _ => rustix::io::Errno::IO,
    }
}

const RDONLY: u64 = 1;
const NOSUID: u64 = 2;
const NODEV: u64 = 4;
const NOEXEC: u64 = 8;

/// Give the mounts at and below TARGET the attributes SET.
fn set_attributes(target: &CStr, set: u64) -> rustix::io::Result<()> {
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    let attributes = Attributes {
        set,
        clear: 0,
        propagation: 0,
        user_namespace: 0,
    };
    // Unlike a remount this reaches the mounts below, and keeps the flags that
    // a user namespace may not change.
    // SAFETY: the structure is the kernel's `struct mount_attr`, version 0.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(last_error())
    }
}
