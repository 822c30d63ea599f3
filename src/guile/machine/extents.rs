//! Dynamic extents: what `dynamic-wind`, `catch` and the setting of handlers have
//! put in force, innermost first.
//!
//! They are one list, so that leaving and entering them again keeps their order.
//! Each entry is a fresh pair, by which it is known:
//!
//! * `(accepted . before)`, a mark of `catch`: the exception unwinds to the frame
//!   that put it there when ACCEPTED is its key, `#t`, or a predicate that holds
//!   of it. BEFORE is the throw handler to call before that, or `#f`.
//! * `(#f . handler)`: a procedure, called where the exception is raised with what
//!   is outside of it in force; or a throw handler, the pair of a procedure and
//!   whether it is running, called with all in force but itself.
//! * `((before . after) . #f)`, of `dynamic-wind`.
//! * `(((fluid . value) …) . #t)`, of `with-fluids`: what the fluids hold on the other
//!   side. Entering and leaving exchange the values, which takes no code of the program's.
//! * `(#\| . #f)`, a barrier that continuations do not cross.
//! * `(() . extents)`, while a handler runs: handlers are looked for in EXTENTS.
//!
//! The list stands in a cell of the machine, where its collector sees it.

use crate::data::identity::is_eq;
use crate::data::native::{Outcome, Raise, Target};
use crate::data::pairs;
use crate::data::value::Value;
use crate::machine::{conditions, control, vm};
use std::cell::{Cell, RefCell};
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

crate::natives! {
    /// (%extents) -> those in force, innermost first
    "%extents" (0) => extents,
    /// (%set-extents! extents) -> nothing
    "%set-extents!" (1) => set_extents,
    /// (%push-extent first rest) -> the new innermost entry, a pair of both
    "%push-extent" (2) => push_extent,
    /// (%pop-extent) -> nothing
    "%pop-extent" (0) => pop_extent,
    /// (%push-fluids fluids values) -> nothing; FLUIDS hold VALUES from now on
    "%push-fluids" (2) => push_fluids,
    /// (%pop-fluids) -> nothing; those of the innermost extent hold what they held before
    "%pop-fluids" (0) => pop_fluids,
    /// (%enter-fluids entry) -> whether ENTRY is of fluids; then they hold its values
    "%enter-fluids" (1) => enter_fluids,
    /// (%fluid-outside fluid depth) -> what FLUID held before the innermost DEPTH extents
    /// that have it
    "%fluid-outside" (2) => fluid_outside,
    /// (%leave-extent sentinel) -> disarms it, and the innermost extent is left
    "%leave-extent" (1) => leave_extent,
    /// (%extents-at entry) -> those in force from ENTRY outwards
    "%extents-at" (1) => extents_at,
    /// (%next-after extents) -> leaves what is in force inside of EXTENTS as far as the next
    /// dynamic-wind, whose leaving thunk is given; all of it and #f where there is none
    "%next-after" (1) => next_after,
    /// (%common-extents extents) -> what EXTENTS and those in force have in common
    "%common-extents" (1) => common_extents,
    /// (%barrier-between? extents) -> whether one stands between EXTENTS and those in force
    "%barrier-between?" (1) => is_barrier_between,
    /// (%extents-from extents copy stop outer) -> what stands in COPY, which ends in OUTER,
    /// where EXTENTS, which ended in STOP, stood in what was copied
    "%extents-from" (4) => extents_from,
    /// (%next-handler extents object) -> EXTENTS from the first handler or mark that OBJECT
    /// may concern
    "%next-handler" (2) => next_handler,
    /// (%unwind-to object extents) -> unwinds the machine to the frame of the mark that is
    /// the first of EXTENTS, or out of all frames
    "%unwind-to" (2) => unwind_to,
    /// (%arrived trouble mark for-throw?) -> what to give the handler in a list of the
    /// machine's when the exception was raised for MARK, #f when the machine itself made
    /// it; any other goes on unwinding
    "%arrived" (3) => arrived,
    /// (%sentinel [raiser]) -> something that notices when the machine unwinds past it;
    /// from now on natives raise by calling RAISER
    "%sentinel" (0, 1) => sentinel,
    /// (%disarm sentinel) -> nothing has been unwound
    "%disarm" (1) => disarm,
}

thread_local! {
    static IN_FORCE: RefCell<Value> = const { RefCell::new(Value::Void) };
    static RESUME: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

/// The machine's cell for the extents in force.
pub fn set_cell(cell: Value) {
    IN_FORCE.with(|slot| *slot.borrow_mut() = cell);
}

fn in_force() -> Value {
    IN_FORCE.with(|slot| match &*slot.borrow() {
        Value::HeapAllocated(cell) => cell.get(),
        _ => pairs::nil(),
    })
}

fn put_in_force(extents: Value) {
    IN_FORCE.with(|slot| {
        if let Value::HeapAllocated(cell) = &*slot.borrow() {
            cell.set_and_return(extents);
        }
    });
}

/// Whether the program is in some extent.
pub fn any() -> bool {
    pairs::is_pair(&in_force())
}

/// RESUME lets an interrupted machine go on.
pub fn set_resume(resume: impl Fn() + 'static) {
    RESUME.with(|slot| *slot.borrow_mut() = Some(Box::new(resume)));
}

/// Whether an extent is entered or left.
#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}

/// What an entry is.
enum Kind {
    Wind,
    Fluids,
    Barrier,
    Mask,
    /// A mark that accepts one key, or anything; and whether it has a throw handler.
    Mark {
        key: Option<Value>,
        plain: bool,
    },
    /// What Scheme must judge: a mark with a predicate, or a handler.
    Other,
}

fn kind(entry: &Value) -> Kind {
    let Value::Pair(entry) = entry else {
        return Kind::Other;
    };
    let plain = || matches!(entry.cdr_ref(), Value::BoolV(false));
    match entry.car_ref() {
        Value::Pair(_) if plain() => Kind::Wind,
        Value::Pair(_) => Kind::Fluids,
        first if pairs::is_nil(first) => Kind::Mask,
        Value::CharV(_) => Kind::Barrier,
        Value::BoolV(true) => Kind::Mark {
            key: None,
            plain: plain(),
        },
        key @ Value::SymbolV(_) => Kind::Mark {
            key: Some(key.clone()),
            plain: plain(),
        },
        _ => Kind::Other,
    }
}

/// Whether a mark for KEY, or for any key, accepts OBJECT; its key stands in THROWN
/// once it has been asked for.
fn accepts(key: Option<&Value>, object: &Value, thrown: &mut Option<Value>) -> bool {
    key.is_none_or(|key| {
        let thrown = thrown.get_or_insert_with(|| conditions::key_and_arguments(object).0);
        is_eq(key, thrown)
    })
}

/// Where the machine shall unwind to with OBJECT, when that takes no code of the
/// program's: no handler, leaving thunk or predicate comes before it.
pub fn way_out(object: &Value) -> Option<Target> {
    let mut thrown = None;
    let mut fluids = Vec::new();
    let mut here = in_force();
    loop {
        let Value::Pair(pair) = &here else {
            return Some(Target::Nobody);
        };
        match kind(pair.car_ref()) {
            Kind::Mark { key, plain } => {
                if accepts(key.as_ref(), object, &mut thrown) {
                    let target = plain.then(|| Target::of(pair.car_ref()))?;
                    fluids.iter().for_each(|entry| exchange(entry, Way::Out));
                    put_in_force(here);
                    return Some(target);
                }
            }
            Kind::Fluids => fluids.push(pair.car_ref().clone()),
            Kind::Wind | Kind::Barrier | Kind::Mask | Kind::Other => return None,
        }
        let outer = pair.cdr_ref().clone();
        here = outer;
    }
}

fn extents(_: &[Value]) -> Outcome {
    Ok(in_force())
}

fn set_extents(args: &[Value]) -> Outcome {
    put_in_force(args[0].clone());
    Ok(Value::Void)
}

fn push_extent(args: &[Value]) -> Outcome {
    let entry = pairs::cons(args[0].clone(), args[1].clone());
    put_in_force(pairs::cons(entry.clone(), in_force()));
    Ok(entry)
}

fn pop_extent(_: &[Value]) -> Outcome {
    if let Some(outer) = pairs::cdr(&in_force()) {
        put_in_force(outer);
    }
    Ok(Value::Void)
}

/// The fluids of ENTRY hold its values, and it what they held: one after the other
/// where it is entered, the other way round where it is left, since one fluid may be
/// there twice.
fn exchange(entry: &Value, way: Way) {
    let Value::Pair(entry) = entry else {
        return;
    };
    let mut bindings: Vec<&Value> = pairs::items(entry.car_ref()).collect();
    if let Way::Out = way {
        bindings.reverse();
    }
    for binding in bindings {
        if let Value::Pair(pair) = binding {
            let outside = control::exchange_fluid(pair.car_ref(), pair.cdr_ref());
            // What it held once, it can hold again.
            if let Ok(outside) = outside {
                let _bindings_are_pairs = pairs::set_cdr(binding, outside);
            }
        }
    }
}

fn push_fluids(args: &[Value]) -> Outcome {
    let mut bindings: Vec<Value> = Vec::new();
    for (fluid, value) in pairs::items(&args[0]).zip(pairs::items(&args[1])) {
        match control::exchange_fluid(fluid, value) {
            Ok(outside) => bindings.push(pairs::cons(fluid.clone(), outside)),
            Err(raise) => {
                exchange(
                    &pairs::cons(pairs::list(bindings), Value::BoolV(true)),
                    Way::Out,
                );
                return Err(raise);
            }
        }
    }
    let entry = pairs::cons(pairs::list(bindings), Value::BoolV(true));
    put_in_force(pairs::cons(entry, in_force()));
    Ok(Value::Void)
}

fn pop_fluids(_: &[Value]) -> Outcome {
    if let Value::Pair(pair) = &in_force() {
        exchange(pair.car_ref(), Way::Out);
        put_in_force(pair.cdr_ref().clone());
    }
    Ok(Value::Void)
}

fn enter_fluids(args: &[Value]) -> Outcome {
    let is_fluids = matches!(kind(&args[0]), Kind::Fluids);
    if is_fluids {
        exchange(&args[0], Way::In);
    }
    Ok(Value::BoolV(is_fluids))
}

fn fluid_outside(args: &[Value]) -> Outcome {
    let Value::IntV(mut depth) = args[1] else {
        return Ok(Value::Void);
    };
    let extents = in_force();
    let mut outermost = None;
    for entry in pairs::items(&extents) {
        let Kind::Fluids = kind(entry) else {
            continue;
        };
        let bindings = pairs::car(entry).expect("an entry is a pair");
        let held = pairs::items(bindings)
            .find(|binding| pairs::car(binding).is_some_and(|fluid| is_eq(fluid, &args[0])));
        if let Some(held) = held.and_then(pairs::cdr) {
            depth -= 1;
            outermost = Some(held);
            if depth == 0 {
                break;
            }
        }
    }
    match outermost {
        Some(held) => Ok(held),
        None => control::fluid_value(&args[..1]),
    }
}

fn leave_extent(args: &[Value]) -> Outcome {
    disarm(args)?;
    pop_extent(&[])
}

/// Whether the two are the same entry.
fn is_same(a: &Value, b: &Value) -> bool {
    Target::of(a) == Target::of(b)
}

/// Those in force from ENTRY outwards; none where it is not in force.
fn from_entry(entry: &Value) -> Value {
    let mut here = in_force();
    while let Value::Pair(pair) = &here
        && !is_same(pair.car_ref(), entry)
    {
        let outer = pair.cdr_ref().clone();
        here = outer;
    }
    here
}

fn extents_at(args: &[Value]) -> Outcome {
    Ok(from_entry(&args[0]))
}

fn next_after(args: &[Value]) -> Outcome {
    let mut here = in_force();
    while let Value::Pair(pair) = &here
        && !is_same(&here, &args[0])
    {
        let entry = pair.car_ref();
        let after = match kind(entry) {
            Kind::Wind => pairs::car(entry).and_then(pairs::cdr),
            Kind::Fluids => {
                exchange(entry, Way::Out);
                None
            }
            _ => None,
        };
        let outer = pair.cdr_ref().clone();
        here = outer;
        if let Some(after) = after {
            put_in_force(here);
            return Ok(after);
        }
    }
    put_in_force(here);
    Ok(Value::BoolV(false))
}

/// How many pairs lead from EXTENTS to STOP, or to the end.
fn distance(extents: &Value, stop: &Value) -> usize {
    let mut here = extents;
    let mut count = 0;
    while let Value::Pair(pair) = here
        && !is_same(here, stop)
    {
        here = pair.cdr_ref();
        count += 1;
    }
    count
}

fn tail(extents: &Value, count: usize) -> Value {
    pairs::tail(extents, count).unwrap_or_else(|_| pairs::nil())
}

fn common_extents(args: &[Value]) -> Outcome {
    let (mut a, mut b) = (in_force(), args[0].clone());
    if is_same(&a, &b) {
        return Ok(a);
    }
    let end = pairs::nil();
    let (length_a, length_b) = (distance(&a, &end), distance(&b, &end));
    a = tail(&a, length_a.saturating_sub(length_b));
    b = tail(&b, length_b.saturating_sub(length_a));
    while let (Value::Pair(left), Value::Pair(right)) = (&a, &b)
        && !is_same(&a, &b)
    {
        let outer = (left.cdr_ref().clone(), right.cdr_ref().clone());
        (a, b) = outer;
    }
    Ok(a)
}

fn is_barrier_between(args: &[Value]) -> Outcome {
    let common = common_extents(args)?;
    let has_barrier = |extents: &Value| {
        pairs::items(extents)
            .take(distance(extents, &common))
            .any(|entry| matches!(kind(entry), Kind::Barrier))
    };
    Ok(Value::BoolV(
        has_barrier(&in_force()) || has_barrier(&args[0]),
    ))
}

fn extents_from(args: &[Value]) -> Outcome {
    let [extents, copy, stop, outer] = args else {
        return Ok(Value::Void);
    };
    let inside = distance(extents, stop);
    let all = distance(copy, outer);
    Ok(tail(copy, all.saturating_sub(inside)))
}

fn next_handler(args: &[Value]) -> Outcome {
    let mut here = args[0].clone();
    let mut thrown = None;
    while let Value::Pair(pair) = &here {
        let next = match kind(pair.car_ref()) {
            Kind::Wind | Kind::Fluids | Kind::Barrier => pair.cdr_ref().clone(),
            Kind::Mask => pairs::cdr(pair.car_ref()).unwrap_or_else(pairs::nil),
            Kind::Mark { key, .. } if !accepts(key.as_ref(), &args[1], &mut thrown) => {
                pair.cdr_ref().clone()
            }
            Kind::Mark { .. } | Kind::Other => break,
        };
        here = next;
    }
    Ok(here)
}

fn unwind_to(args: &[Value]) -> Outcome {
    let target = match pairs::car(&args[1]) {
        Some(mark) => {
            put_in_force(args[1].clone());
            Target::of(mark)
        }
        None => Target::Nobody,
    };
    Err(Raise::UnwindTo(args[0].clone(), target))
}

fn arrived(args: &[Value]) -> Outcome {
    let (object, target) = match conditions::error_of(&args[0]) {
        Some(error) => {
            let raising = conditions::caught(&error);
            (raising.object(), raising.target)
        }
        None => (args[0].clone(), Target::Machine),
    };
    if target == Target::Machine {
        return Ok(Value::BoolV(false));
    }
    if target != Target::of(&args[1]) {
        return Err(Raise::Unwind(object));
    }
    pop_extent(&[])?;
    Ok(if matches!(args[2], Value::BoolV(false)) {
        Value::ListV(vec![object].into())
    } else {
        control::arguments_of(&object)
    })
}

/// The machine stays interrupted until it is resumed, and would stop again in
/// the first instruction of a handler. A sentinel lives on the machine's stack
/// below the thunk of a `catch`; unwinding drops it before the handler starts.
struct Sentinel {
    armed: Cell<bool>,
}

impl Custom for Sentinel {}

impl Drop for Sentinel {
    fn drop(&mut self) {
        if self.armed.get() {
            let _ = RESUME.try_with(|resume| {
                if let Ok(resume) = resume.try_borrow()
                    && let Some(resume) = &*resume
                {
                    resume();
                }
            });
        }
    }
}

fn sentinel(args: &[Value]) -> Outcome {
    if let Some(raiser) = args.first() {
        vm::set_raiser(raiser);
    }
    Ok(Sentinel {
        armed: Cell::new(true),
    }
    .into_steelval()
    .expect("a custom value is always a value"))
}

fn disarm(args: &[Value]) -> Outcome {
    if let Value::Custom(custom) = &args[0]
        && let Some(sentinel) = as_underlying_type::<Sentinel>(custom.read().as_ref())
    {
        sentinel.armed.set(false);
    }
    Ok(Value::Void)
}
