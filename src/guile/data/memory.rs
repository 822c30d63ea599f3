//! How much memory a program may have, and what happens when it wants more.
//!
//! The allocator counts what the machine's thread holds. Beyond the limit it
//! interrupts the machine, which then throws `out-of-memory` as Guile does; a
//! native that is about to make something large asks first, with [`claim`].
//! At twice the limit an allocation fails and ends the process, so that one
//! program never takes its machine down.
//!
//! The frames of the machine's calls are a block of their own, which doubles when it
//! is full. Steel ends a recursion at ten million of them and loses count on the way,
//! so the machine is interrupted before, when the block is about to have room for as many.
//! That block is never refused: the machine looks whether it is interrupted only when it
//! has it, and gives it back when the recursion has been left.
//!
//! The machine stays interrupted until it is told to go on, and would be interrupted again
//! before it has done anything about it. Nothing of the program's is sure to be let go of
//! in between, since continuations may hold all of its frames; but Steel makes an error of
//! the interruption, and the blocks that it takes for that are known ([`Meter::error`]).
//!
//! Other threads (input, output, the simulated host) are not counted.
//!
//! Source: `std::alloc::GlobalAlloc`; GNU Guile reference manual, "Memory
//! exhaustion".

use crate::data::interrupt;
use crate::data::native::Raise;
use crate::data::value::{Value, string_value};
use libmimalloc_sys::{mi_malloc, mi_zalloc};
use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The option and the environment variable that set the limit, for hints.
pub const HOW_TO_RAISE: &str =
    "raise the limit with --memory-limit or FRUIX_SCM_MEMORY_LIMIT, such as 8G";

/// A program that holds more than this is served faster from huge pages. One that
/// holds less would wait for them to be cleared, which at the start takes longer
/// than everything else.
const SMALL: isize = 16 << 20;

/// Zero until [`set_limit`] has been called.
static LIMIT: AtomicUsize = AtomicUsize::new(0);

/// What a program may have when nobody says otherwise: a quarter of the
/// machine's memory, at most 4 GiB. Twice that, and the stack that it takes to
/// let go of a list of that size, still fit.
fn default_limit() -> usize {
    // SAFETY: sysconf only reads its argument.
    let (pages, page) = unsafe {
        (
            libc::sysconf(libc::_SC_PHYS_PAGES),
            libc::sysconf(libc::_SC_PAGESIZE),
        )
    };
    let physical = usize::try_from(pages)
        .unwrap_or(0)
        .saturating_mul(usize::try_from(page).unwrap_or(0));
    let physical = rlimit_bytes().map_or(physical, |bytes| physical.min(bytes));
    (physical / 4).clamp(128 << 20, 4 << 30)
}

/// How much address space the system lets the process have, where it says so.
fn rlimit_bytes() -> Option<usize> {
    let mut limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: getrlimit writes the limit that it is given.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) } == 0;
    (known && limit.rlim_cur != libc::RLIM_INFINITY)
        .then(|| usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX))
}

/// What every program has: the interpreter takes some of it before the program begins.
const LEAST: usize = 32 << 20;

/// Let programs have BYTES from now on.
pub fn set_limit(bytes: usize) {
    LIMIT.store(bytes.max(LEAST), Ordering::Relaxed);
}

/// How many bytes a program may have.
pub fn limit() -> usize {
    match LIMIT.load(Ordering::Relaxed) {
        0 => {
            set_limit(default_limit());
            LIMIT.load(Ordering::Relaxed)
        }
        bytes => bytes,
    }
}

/// The limit that TEXT names: bytes, or with K, M, G or T for powers of 1024.
pub fn parse_size(text: &str) -> Option<usize> {
    let text = text.trim();
    let (digits, shift) = match text.char_indices().last()? {
        (end, 'k' | 'K') => (&text[..end], 10),
        (end, 'm' | 'M') => (&text[..end], 20),
        (end, 'g' | 'G') => (&text[..end], 30),
        (end, 't' | 'T') => (&text[..end], 40),
        _ => (text, 0),
    };
    let number: usize = digits.parse().ok()?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
}

/// What this thread holds. Nothing in here needs to be dropped, so it can be
/// used whenever memory is asked for, also while the thread begins and ends.
struct Meter {
    used: Cell<isize>,
    /// Beyond this there is something to do: ask for huge pages, or raise the alarm. Below
    /// everything where blocks are [looked at](Meter::taken).
    ceiling: Cell<isize>,
    /// Beyond this the alarm is raised.
    limit: Cell<isize>,
    /// Beyond this there is no memory.
    end: Cell<isize>,
    exhausted: Cell<Option<Exhausted>>,
    /// The sizes of the blocks that were taken last, while they are looked at.
    taken: Cell<[isize; 3]>,
    /// The same of the error that Steel makes of an interruption.
    error: Cell<[isize; 3]>,
    /// How many blocks were taken since that was made, until somebody has been told.
    since_error: Cell<Option<usize>>,
    /// How many bytes the frames of calls may take.
    frames: Cell<usize>,
    /// How many they have taken, where those are many.
    in_frames: Cell<isize>,
    /// What the ceiling is while no block is looked at and nothing counts them.
    resting: Cell<isize>,
    /// Whether every block that is taken is looked at.
    is_looking: Cell<bool>,
    /// All that has been taken while something counted it.
    allocated: Cell<usize>,
    /// Beyond this of it the alarm is raised.
    budget: Cell<Option<usize>>,
    alarm: Cell<Option<&'static dyn Fn()>>,
    calm: Cell<Option<&'static dyn Fn()>>,
}

impl Meter {
    /// From now on BYTES may be taken before there is something to do; blocks are looked
    /// at no more.
    fn set_ceiling(&self, bytes: isize) {
        self.resting.set(bytes);
        self.look(false);
    }

    /// Look at every block that is taken from now on, or at none. Where they are looked at,
    /// or something counts them, all are beyond the ceiling.
    fn look(&self, at_all: bool) {
        self.is_looking.set(at_all);
        let all = at_all || self.budget.get().is_some();
        self.ceiling
            .set(if all { isize::MIN } else { self.resting.get() });
    }
}

/// All that this thread has taken while something counted it, in bytes.
pub fn allocated() -> usize {
    METER.with(|meter| meter.allocated.get())
}

/// Raise the alarm when more than BUDGET has been taken; none is set, and nothing is
/// counted, where that is `None`.
pub fn set_budget(budget: Option<usize>) {
    METER.with(|meter| {
        meter.budget.set(budget);
        meter.look(meter.is_looking.get());
    });
}

/// A limit is passed, and what was interrupted is left for it, whatever the alarm was raised
/// for. It is raised again when as much has been taken as handlers may need.
pub fn forget_budget() {
    METER.with(|meter| {
        if meter.exhausted.take().is_some() {
            settle();
        }
        if let Some(budget) = meter.budget.get() {
            meter.budget.set(Some(
                budget.max(meter.allocated.get().saturating_add(GRACE)),
            ));
        }
    });
}

/// What it takes to unwind.
const GRACE: usize = 1 << 20;

/// Of what there was no more when the machine was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    Memory,
    Frames,
    /// What a limit of allocation allows.
    Budget,
}

/// With room for so many frames Steel would end a recursion itself.
const FRAMES: usize = 10_000_000;

/// What one takes: two halves of a word, two pointers and the pointer to a slice. Steel
/// does not name the type to others; a recursion without end in
/// `tests/it/guile_limits.rs` tells when it has changed.
const FRAME_BYTES: usize = 40;

/// No program may ask for fewer: blocks of that size are seldom.
const FEWEST_FRAMES: usize = 10_000;

/// Let COUNT calls be under way at once from now on, as exactly as the block that holds them
/// grows; returns how many it were until now.
pub fn limit_frames(count: usize) -> usize {
    let bytes = count.clamp(FEWEST_FRAMES, FRAMES) * FRAME_BYTES;
    METER.with(|meter| meter.frames.replace(bytes)) / FRAME_BYTES
}

thread_local! {
    static METER: Meter = const {
        Meter {
            used: Cell::new(0),
            ceiling: Cell::new(SMALL),
            resting: Cell::new(SMALL),
            is_looking: Cell::new(false),
            allocated: Cell::new(0),
            budget: Cell::new(None),
            limit: Cell::new(isize::MAX),
            end: Cell::new(isize::MAX),
            exhausted: Cell::new(None),
            taken: Cell::new([0; 3]),
            error: Cell::new([0; 3]),
            since_error: Cell::new(None),
            frames: Cell::new(FRAMES * FRAME_BYTES),
            in_frames: Cell::new(0),
            alarm: Cell::new(None),
            calm: Cell::new(None),
        }
    };
}

/// Whoever handles the error takes fewer blocks than this before he asks what it was.
const BLOCKS_UNTIL_TOLD: usize = 1000;

fn ceiling() -> isize {
    isize::try_from(limit()).unwrap_or(isize::MAX)
}

/// From now on hold this thread to the limit; ALARM interrupts its machine,
/// and must not allocate; CALM lets it go on.
pub fn watch(alarm: impl Fn() + 'static, calm: impl Fn() + 'static) {
    // They live as long as the thread may allocate, which is longer than any owner.
    let alarm: &'static dyn Fn() = Box::leak(Box::new(alarm));
    let calm: &'static dyn Fn() = Box::leak(Box::new(calm));
    METER.with(|meter| {
        meter.alarm.set(Some(alarm));
        meter.calm.set(Some(calm));
        meter.exhausted.set(None);
        meter.look(true);
        interrupt::make_error();
        meter.error.set(meter.taken.get());
        meter.limit.set(ceiling());
        meter.set_ceiling(meter.resting.get().min(ceiling()));
        meter.end.set(ceiling().saturating_mul(2));
    });
}

/// Whether the machine was interrupted because there is no more of something. Handlers
/// are about to run, and get a little more to work with.
pub fn was_exhausted() -> Option<Exhausted> {
    settle();
    METER.with(|meter| meter.exhausted.take())
}

/// The program goes on with what it holds now, and a little more where that is much. Where
/// it comes near the end, its handlers are interrupted, too, and it ends with the exception.
fn settle() {
    METER.with(|meter| {
        let limit = ceiling();
        let margin = (limit / 16).max(1 << 20);
        let wanted = meter.used.get().saturating_add(margin);
        let most = (limit - limit / 4).saturating_add(limit);
        let most = most.saturating_add(meter.in_frames.get());
        meter.set_ceiling(limit.max(wanted.min(most)));
        meter.since_error.set(None);
    });
}

/// The machine has given back the block of the frames that it had too many of.
pub fn frames_are_gone() {
    METER.with(|meter| meter.in_frames.set(0));
    settle();
}

/// Whether the machine is interrupted, so that what is being made will not be wanted.
#[inline]
pub fn is_exhausted() -> bool {
    METER.with(|meter| meter.exhausted.get().is_some())
}

/// Raises when memory has run out: for what makes many things one by one.
#[inline]
pub fn check() -> Result<(), Raise> {
    if is_exhausted() {
        Err(exhausted())
    } else {
        Ok(())
    }
}

/// Something is raised in the place of the machine, which then need not do it: whoever
/// handles that gets a little more to work with.
#[cold]
pub fn go_on() {
    if was_exhausted().is_some()
        && let Some(calm) = METER.with(|meter| meter.calm.get())
    {
        calm();
    }
}

/// Say that BYTES will be needed at once; raises when there are not as many.
pub fn claim(count: usize, size_bytes: usize) -> Result<(), Raise> {
    let fits = METER.with(|meter| {
        isize::try_from(count.saturating_mul(size_bytes)).is_ok_and(|bytes| {
            meter
                .used
                .get()
                .checked_add(bytes)
                .is_some_and(|sum| sum <= ceiling())
        })
    });
    if fits { Ok(()) } else { Err(exhausted()) }
}

/// What Guile throws when memory has run out.
#[cold]
pub fn exhausted() -> Raise {
    go_on();
    Raise::throw(EXHAUSTED, exhausted_arguments())
}

/// The key of what Guile throws then, and its arguments.
pub const EXHAUSTED: &str = "out-of-memory";

pub fn exhausted_arguments() -> Vec<Value> {
    let no = Value::BoolV(false);
    vec![no.clone(), string_value("Out of memory"), no.clone(), no]
}

/// The size of a huge page.
const HUGE: usize = 2 << 20;

/// What the machine takes at once when it is made, most of it for its boxes and
/// vectors to come.
const MACHINE: usize = 3 * HUGE;

/// The range of addresses that the allocator reserves and fills upwards.
const RESERVED: usize = 1 << 30;

/// Have the memory that is taken next, for the machine, come in three huge pages
/// instead of a thousand small ones: that is a seventh of the start-up.
pub fn expect_the_machine() {
    // Larger than any gap, so it lies where the memory goes on.
    ask_for_huge_pages(256 << 10, MACHINE);
}

/// Ask for huge pages for BYTES from where the allocator puts a block of SIZE;
/// the system ignores what of the range is not ours.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(size: usize, bytes: usize) {
    // SAFETY: the block is given back unused. The advice changes nothing that a
    // program can see, wherever it is taken.
    unsafe {
        let block = mi_malloc(size);
        let begin = (block as usize).next_multiple_of(HUGE);
        libmimalloc_sys::mi_free(block);
        libc::madvise(begin as *mut libc::c_void, bytes, libc::MADV_HUGEPAGE);
    }
}

/// FreeBSD makes huge pages of small ones by itself.
#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_: usize, _: usize) {}

/// The allocator of the process.
struct Metered;

#[global_allocator]
static ALLOCATOR: Metered = Metered;

impl Metered {
    #[inline(always)]
    fn take(bytes: isize) -> bool {
        METER.with(|meter| {
            let used = meter.used.get().wrapping_add(bytes);
            meter.used.set(used);
            used <= meter.ceiling.get() || Self::beyond(meter, used, bytes)
        })
    }

    #[inline(always)]
    fn give(bytes: isize) {
        METER.with(|meter| meter.used.set(meter.used.get().wrapping_sub(bytes)));
    }

    /// Blocks of up to a word's alignment come aligned anyway, and asking for it
    /// takes mimalloc's slow path and a larger block.
    ///
    /// # Safety
    ///
    /// TAKE is one of mimalloc's own functions.
    #[inline(always)]
    unsafe fn plain(
        layout: Layout,
        take: unsafe extern "C" fn(usize) -> *mut std::ffi::c_void,
    ) -> Option<*mut u8> {
        (layout.align() <= size_of::<usize>()).then(|| unsafe { take(layout.size()) }.cast())
    }

    #[cold]
    fn beyond(meter: &Meter, used: isize, bytes: isize) -> bool {
        // What grows smaller is always welcome.
        if bytes <= 0 {
            return true;
        }
        if meter.budget.get().is_some() {
            if !Self::is_in_budget(meter, bytes) {
                Self::raise_alarm(meter, Exhausted::Budget);
            }
            if !meter.is_looking.get() && used <= meter.resting.get() {
                return true;
            }
        }
        let limit = meter.limit.get();
        if meter.is_looking.get() {
            Self::look(meter, bytes);
        } else if meter.resting.get() < limit {
            meter.set_ceiling(limit);
            ask_for_huge_pages(size_of::<usize>(), RESERVED);
            if used <= limit {
                return true;
            }
        }
        if used > meter.end.get().saturating_add(meter.in_frames.get()) {
            Self::give(bytes);
            return false;
        }
        if !meter.is_looking.get() {
            Self::raise_alarm(meter, Exhausted::Memory);
        }
        true
    }

    /// Count BYTES more where something counts them; whether that is as many as it may be.
    fn is_in_budget(meter: &Meter, bytes: isize) -> bool {
        let Some(budget) = meter.budget.get() else {
            return true;
        };
        let allocated = meter.allocated.get().saturating_add(bytes.unsigned_abs());
        meter.allocated.set(allocated);
        allocated <= budget
    }

    #[cold]
    fn raise_alarm(meter: &Meter, exhausted: Exhausted) {
        if let Some(alarm) = meter.alarm.get()
            && meter.exhausted.get().is_none()
        {
            meter.exhausted.set(Some(exhausted));
            // Nothing catches what a budget raises, so the machine need not go on before
            // that has arrived.
            if exhausted != Exhausted::Budget {
                meter.look(true);
            }
            alarm();
        }
    }

    /// Let the machine go on once it has made an error of the alarm. Where it only seemed
    /// so, the alarm is raised again.
    #[cold]
    fn look(meter: &Meter, bytes: isize) {
        let [_, first, second] = meter.taken.get();
        meter.taken.set([first, second, bytes]);
        if meter.exhausted.get().is_none() {
            return;
        }
        match meter.since_error.get() {
            None if meter.taken.get() == meter.error.get() => {
                meter.since_error.set(Some(0));
                if let Some(calm) = meter.calm.get() {
                    calm();
                }
            }
            Some(BLOCKS_UNTIL_TOLD) => {
                meter.since_error.set(None);
                if let Some(alarm) = meter.alarm.get() {
                    alarm();
                }
            }
            Some(count) => meter.since_error.set(Some(count + 1)),
            None => {}
        }
    }

    /// Whether a block with LAYOUT that is to have SIZE holds the frames of many calls.
    /// Hardly anything else of that size doubles in such steps.
    #[inline(always)]
    fn is_of_frames(layout: Layout, size: usize) -> bool {
        (FEWEST_FRAMES * FRAME_BYTES..=2 * FRAMES * FRAME_BYTES).contains(&size)
            && size == layout.size() * 2
            && layout.align() == align_of::<usize>()
            && size.is_multiple_of(FRAME_BYTES)
    }

    /// Count BYTES more for the frames, which are to take SIZE.
    #[cold]
    fn take_for_frames(size: usize, bytes: isize) {
        METER.with(|meter| {
            let used = meter.used.get().wrapping_add(bytes);
            meter.used.set(used);
            meter.in_frames.set(size as isize);
            if !Self::is_in_budget(meter, bytes) {
                Self::raise_alarm(meter, Exhausted::Budget);
            } else if size >= meter.frames.get() {
                Self::raise_alarm(meter, Exhausted::Frames);
            } else if used > meter.resting.get().max(meter.limit.get()) {
                Self::raise_alarm(meter, Exhausted::Memory);
            }
        });
    }
}

// SAFETY: every call goes to mimalloc; what is counted beside it neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for Metered {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::take(layout.size() as isize) {
            unsafe { Self::plain(layout, mi_malloc).unwrap_or_else(|| MiMalloc.alloc(layout)) }
        } else {
            std::ptr::null_mut()
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Self::take(layout.size() as isize) {
            unsafe {
                Self::plain(layout, mi_zalloc).unwrap_or_else(|| MiMalloc.alloc_zeroed(layout))
            }
        } else {
            std::ptr::null_mut()
        }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::give(layout.size() as isize);
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let more = size as isize - layout.size() as isize;
        if Self::is_of_frames(layout, size) {
            Self::take_for_frames(size, more);
        } else if !Self::take(more) {
            return std::ptr::null_mut();
        }
        unsafe { MiMalloc.realloc(pointer, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_with_or_without_a_letter() {
        assert_eq!(parse_size("4096"), Some(4096));
        assert_eq!(parse_size("2k"), Some(2048));
        assert_eq!(parse_size("3G"), Some(3 << 30));
        for nonsense in ["", "G", "-1", "0", "1.5G", "12q", "99999999999T"] {
            assert_eq!(parse_size(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn what_a_thread_holds_is_counted() {
        let used = || METER.with(|meter| meter.used.get());
        let before = used();
        let bytes = vec![0u8; 1 << 20];
        assert!(used() >= before + (1 << 20));
        drop(bytes);
        assert!(used() < before + (1 << 20));
    }
}
