//! What a process of the guest gives up before it runs a program.
//!
//! The mounts are locked by a namespace of their own (see [`super::interior`]); what
//! is given up here closes the ways by which a program could make itself another
//! world with other mounts, or reach what no namespace divides: capabilities, new
//! namespaces, keyrings, kernel modules, address families other than the network's
//! and local ones.
//!
//! Source: capabilities(7), seccomp(2), keyrings(7), address_families(7).

use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

/// What root of a guest may do to the guest's own files and processes.
const CAPABILITIES: [u32; 8] = [
    0,  // CAP_CHOWN
    1,  // CAP_DAC_OVERRIDE
    3,  // CAP_FOWNER
    4,  // CAP_FSETID
    5,  // CAP_KILL
    6,  // CAP_SETGID
    7,  // CAP_SETUID
    18, // CAP_SYS_CHROOT
];

/// The kernel knows fewer capabilities than this.
const EVERY_CAPABILITY: Range<u32> = 0..64;

/// Families of addresses that the guest's own network namespace, or its root
/// directory, divides from this machine's.
const FAMILIES: [libc::c_int; 4] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// Flags of `clone` and `unshare` that make a namespace.
const NAMESPACES: u64 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWCGROUP) as u64
    // CLONE_NEWTIME
    | 0x80;

/// System calls that have no business in a guest. Most need a capability that the
/// guest lacks anyway; keyrings, and the namespaces of somebody who may make them,
/// do not.
const REFUSED: [libc::c_long; 43] = [
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_syslog,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    libc::SYS_fanotify_init,
    libc::SYS_pidfd_getfd,
];

/// Computed once for a guest; applied in each of its processes.
#[derive(Debug)]
pub struct Confinement {
    /// Answers EPERM.
    refusals: BpfProgram,
    /// Answers ENOSYS, so that a C library falls back to `clone`, whose flags a
    /// filter can see.
    absences: BpfProgram,
}

/// The number of the system call NUMBER in every table of this processor: x86-64
/// kernels may have a second one for x32.
fn numbers(number: libc::c_long) -> impl Iterator<Item = i64> {
    const X32: i64 = 0x4000_0000;
    let second = cfg!(target_arch = "x86_64").then_some(number | X32);
    std::iter::once(number).chain(second)
}

impl Confinement {
    pub fn new() -> io::Result<Confinement> {
        let invalid = |error: seccompiler::BackendError| {
            io::Error::new(io::ErrorKind::Unsupported, error.to_string())
        };
        let condition = |argument, operator, value| {
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
                .map_err(invalid)
        };
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED
            .into_iter()
            .flat_map(numbers)
            .map(|number| (number, Vec::new()))
            .collect();
        for call in [libc::SYS_clone, libc::SYS_unshare] {
            let mut any = Vec::new();
            for bit in (0..32)
                .map(|bit| 1u64 << bit)
                .filter(|bit| NAMESPACES & bit != 0)
                // In `clone` this bit is part of the signal.
                .filter(|bit| call == libc::SYS_unshare || *bit > 0xff)
            {
                let set = condition(0, SeccompCmpOp::MaskedEq(bit), bit)?;
                any.push(SeccompRule::new(vec![set]).map_err(invalid)?);
            }
            for number in numbers(call) {
                rules.insert(number, any.clone());
            }
        }
        let mut other_family = Vec::new();
        for family in FAMILIES {
            other_family.push(condition(0, SeccompCmpOp::Ne, family as u64)?);
        }
        let other_family = SeccompRule::new(other_family).map_err(invalid)?;
        for number in [libc::SYS_socket, libc::SYS_socketpair]
            .into_iter()
            .flat_map(numbers)
        {
            rules.insert(number, vec![other_family.clone()]);
        }
        let program = |rules, errno: Errno| {
            SeccompFilter::new(
                rules,
                SeccompAction::Allow,
                SeccompAction::Errno(errno.raw_os_error() as u32),
                std::env::consts::ARCH.try_into().map_err(invalid)?,
            )
            .and_then(BpfProgram::try_from)
            .map_err(invalid)
        };
        let absent = numbers(libc::SYS_clone3)
            .map(|number| (number, Vec::new()))
            .collect();
        Ok(Confinement {
            refusals: program(rules, Errno::PERM)?,
            absences: program(absent, Errno::NOSYS)?,
        })
    }

    /// Give it all up. The calling process has just joined the guest and is about
    /// to run a program. Makes only system calls.
    pub fn apply(&self) -> io::Result<()> {
        close_descriptors_on_exec();
        keep_capabilities()?;
        for program in [&self.absences, &self.refusals] {
            seccompiler::apply_filter(program).map_err(|_| io::Error::last_os_error())?;
        }
        Ok(())
    }
}

/// What whoever started this program had open is none of the guest's business.
fn close_descriptors_on_exec() {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: plain system calls.
    unsafe {
        let closed = libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            CLOSE_RANGE_CLOEXEC,
        );
        if closed != 0 {
            for descriptor in 3..65536 {
                libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
}

fn keep_capabilities() -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        process: libc::c_int,
    }
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Set {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let kept = CAPABILITIES.iter().fold(0u32, |set, bit| set | 1 << bit);
    let header = Header {
        version: VERSION_3,
        process: 0,
    };
    let sets = [
        Set {
            effective: kept,
            permitted: kept,
            inheritable: 0,
        },
        Set::default(),
    ];
    // SAFETY: plain system calls; the structures are the kernel's.
    unsafe {
        for capability in EVERY_CAPABILITY {
            if CAPABILITIES.contains(&capability) {
                continue;
            }
            let dropped = libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
            // Beyond the last one that the kernel knows.
            if dropped != 0 && *libc::__errno_location() != libc::EINVAL {
                return Err(io::Error::last_os_error());
            }
        }
        if libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// From now on nobody in the guest may look into this process, which has the memory
/// of the program that forked it, until it runs another.
pub fn hide() {
    // SAFETY: a plain system call.
    unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
}

/// Where the kernel finds the arguments and the environment of this program, which
/// it shows to everybody.
pub fn command_line() -> Option<Range<usize>> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name, which may hold anything, the third field is next.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<usize>().ok();
    let (start, end) = (field(48)?, field(51)?);
    (start > 0 && start < end).then_some(start..end)
}

/// Overwrite RANGE, which [`command_line`] has found in the program that this
/// process was forked from.
///
/// # Safety
/// Nothing in this process may use its arguments or its first environment any more.
pub unsafe fn forget(range: &Range<usize>) {
    // SAFETY: the range is memory of this process, and nobody's as the caller says.
    unsafe {
        libc::memset(range.start as *mut libc::c_void, 0, range.len());
    }
}
