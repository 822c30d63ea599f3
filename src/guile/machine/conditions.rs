//! Exceptions on their way: from a native or from Scheme, through Steel's
//! unwinding, to the handler that wants them or out of the program.
//!
//! Steel's error has room for a message only. So the object that was raised
//! waits here, rooted, while Steel unwinds with a ticket for it.
//!
//! Every exception that `throw` makes is one kind of object, a throw: a key
//! and the list of its arguments. `raise` may raise any object at all.

use crate::data::identity::is_eq;
use crate::data::native::{Raise, Raised, Target, innermost};
use crate::data::roots::Root;
use crate::data::value::{Value, list_value, pair_value, string_value, symbol_value};
use crate::data::{builtins, limits, memory, records};
use crate::machine::steel_errors::{is_interruption, translated};
use crate::machine::{control, extents, procedures};
use crate::namespace::registry;
use failure::{Detail, Failure};
use std::cell::{Cell, RefCell};
use steel::SteelErr;
use steel::gc::ShareableMut;
use steel::parser::span::Span;
use steel::rerrs::ErrorKind;
use steel::rvals::as_underlying_type;

/// What `catch` is told as the key of an object that no `throw` has made.
pub const PLAIN_KEY: &str = "%exception";

/// The beginning of the message of a Steel error that carries a ticket.
const TICKET: &str = "raised object ";

/// Where the machine was.
#[derive(Clone, Default)]
pub struct Trace {
    /// Steel's spans of the frames that were active, outermost first.
    pub spans: Vec<Span>,
    /// The native that raised, called by the innermost of them.
    pub native: Option<&'static str>,
    /// The one by which the program raised instead, such as `throw`: where it was
    /// called is known, unless the machine has lost the whole procedure.
    pub raiser: Option<&'static str>,
}

/// An object that has been raised and where.
pub struct Raising {
    object: Root,
    pub trace: Trace,
    pub target: Target,
}

impl Raising {
    pub fn object(&self) -> Value {
        self.object.value().clone()
    }
}

thread_local! {
    static WAITING: RefCell<Vec<(u64, Raising)>> = const { RefCell::new(Vec::new()) };
    static TICKETS: Cell<u64> = const { Cell::new(0) };
    /// The exception caught last, so that passing it on keeps its trace.
    static LAST: RefCell<Option<(Root, Trace, Target)>> = const { RefCell::new(None) };
    /// Where the program was when it began to raise what has not unwound yet. By the
    /// time it does, calls in tail position have taken the place of their callers.
    static HERE: RefCell<Option<Trace>> = const { RefCell::new(None) };
    /// What that was before each of the runs nested in natives.
    static OUTSIDE: RefCell<Vec<Option<Trace>>> = const { RefCell::new(Vec::new()) };
    static RAISER: RefCell<Option<(Value, Root)>> = const { RefCell::new(None) };
}

/// A run nested in a native begins. What it raises and catches is not what is being
/// raised outside of it.
pub fn begin_nested_run() {
    let here = HERE.with(RefCell::take);
    OUTSIDE.with(|outside| outside.borrow_mut().push(here));
}

/// The innermost nested run ends.
pub fn end_nested_run() {
    let here = OUTSIDE.with(|outside| outside.borrow_mut().pop()).flatten();
    if here.is_some() {
        HERE.with(|slot| *slot.borrow_mut() = here);
    }
}

/// From now on natives raise by calling PROCEDURE with the object, through Steel's APPLY.
pub fn set_raiser(apply: impl FnOnce() -> Value, procedure: &Value) {
    // Every `catch` asks for this.
    let known = RAISER.with(|raiser| {
        raiser.borrow().as_ref().is_some_and(
            |(_, known)| matches!((known.value(), procedure), (Value::Closure(a), Value::Closure(b)) if std::ptr::eq(a.as_ptr(), b.as_ptr())),
        )
    });
    if known {
        return;
    }
    RAISER.with(|raiser| *raiser.borrow_mut() = Some((apply(), Root::of(procedure))));
}

/// Raise what the native called NAME gave back as its error.
pub fn raise(raise: Raise, name: &'static str, spans: &dyn Fn() -> Vec<Span>) -> Raised {
    // Nothing that is raised beyond a limit is caught within it.
    let raise = match (&raise, limits::passed()) {
        (Raise::Machine(_) | Raise::Unwind(_) | Raise::UnwindTo(..), _) | (_, None) => raise,
        (_, Some(target)) => Raise::UnwindTo(passed_limit(), target),
    };
    // A native that has stopped where memory ran out may not know why.
    let raise = match (&raise, memory::is_exhausted()) {
        (Raise::Throw { .. }, true) => memory::check().err().unwrap_or(raise),
        _ => raise,
    };
    let by_program = matches!(raise, Raise::Program(_));
    let trace = |native: Option<&'static str>| Trace {
        spans: spans(),
        native,
        raiser: by_program.then_some(name),
    };
    let native = (!by_program).then_some(name);
    let raiser = || {
        RAISER.with(|raiser| {
            raiser
                .borrow()
                .as_ref()
                .map(|(apply, procedure)| (apply.clone(), procedure.value().clone()))
        })
    };
    let object = match raise {
        Raise::Machine(error) => {
            return match (control::take_escape(), raiser()) {
                (Some(escape), Some((apply, _))) => Raised::Call {
                    apply,
                    arguments: [escape, Value::ListV(Vec::new().into())],
                },
                _ => Raised::Unwind(error),
            };
        }
        Raise::Unwind(object) => {
            let (trace, target) =
                what_is_known(&object).unwrap_or_else(|| (trace(None), Target::Nobody));
            return Raised::Unwind(unwind_with(object, trace, target));
        }
        Raise::UnwindTo(object, target) => {
            let here = HERE.with(RefCell::take);
            let trace = what_is_known(&object)
                .map(|(trace, _)| trace)
                .or(here)
                .unwrap_or_else(|| trace(None));
            return Raised::Unwind(unwind_with(object, trace, target));
        }
        Raise::Call(procedure, arguments) => {
            return Raised::Call {
                apply: builtins::steel_primitive("apply"),
                arguments: [procedure, Value::ListV(arguments.into())],
            };
        }
        Raise::End(failure) => {
            let object = failure_object(&failure);
            return Raised::Unwind(unwind_with(object, trace(native), Target::Nobody));
        }
        Raise::Here(value) => {
            HERE.with(|here| *here.borrow_mut() = Some(trace(None)));
            return Raised::Nothing(value);
        }
        Raise::Object(object) | Raise::Program(object) => object,
        Raise::Throw { key, args } => throw_object(symbol_value(&key), list_value(args)),
        Raise::Failure(failure) => failure_object(&failure),
        Raise::WrongCount(name) => {
            let native = registry::native_called(name).unwrap_or_else(|| symbol_value(name));
            return self::raise(procedures::wrong_count(native), name, spans);
        }
        Raise::Refill => failure_object(&Failure::internal(
            "a native that does not wait for the program read from a port of the program",
        )),
    };
    // Where memory ran out while that was made, it is thrown all the same.
    if memory::is_exhausted() {
        memory::go_on();
    }
    let target = match extents::way_out(&object) {
        Some(target) => target,
        None => match raiser() {
            Some((apply, procedure)) => {
                HERE.with(|here| *here.borrow_mut() = Some(trace(native)));
                return Raised::Call {
                    apply,
                    arguments: [procedure, Value::ListV(vec![object].into())],
                };
            }
            // Handlers come with a raiser, so there are leaving thunks only.
            None => Target::Nobody,
        },
    };
    let trace = what_is_known(&object)
        .map(|(trace, _)| trace)
        .unwrap_or_else(|| trace(native));
    Raised::Unwind(unwind_with(object, trace, target))
}

/// The Steel error for RAISE where no handler can be asked first, as for the errors
/// that the machine finds itself.
pub fn found_by_the_machine(raise: Raise) -> SteelErr {
    let object = match raise {
        Raise::Throw { key, args } => throw_object(symbol_value(&key), list_value(args)),
        Raise::Object(object) | Raise::Program(object) => object,
        Raise::Failure(failure) => failure_object(&failure),
        Raise::Machine(error) => return error,
        _ => failure_object(&Failure::internal(
            "a raise that the machine cannot find itself",
        )),
    };
    unwind_with(object, Trace::default(), Target::Machine)
}

/// The exception caught last, and whether the handlers had seen it where it was raised.
pub fn last() -> Option<(Value, bool)> {
    LAST.with(|last| {
        let last = last.borrow();
        let (object, _, target) = last.as_ref()?;
        Some((object.value().clone(), *target != Target::Machine))
    })
}

/// Where OBJECT was raised and how far it unwinds, when it is what was caught last.
fn what_is_known(object: &Value) -> Option<(Trace, Target)> {
    LAST.with(|last| {
        let last = last.borrow();
        let (known, trace, target) = last.as_ref()?;
        let same = match (known.value(), object) {
            (Value::CustomStruct(_), Value::CustomStruct(_)) => {
                records::same(known.value(), object)
            }
            (Value::CustomStruct(_), _) | (_, Value::CustomStruct(_)) => false,
            (known, object) => is_eq(known, object),
        };
        same.then(|| (trace.clone(), *target))
    })
}

/// The Steel error that unwinds with OBJECT.
fn unwind_with(object: Value, trace: Trace, target: Target) -> SteelErr {
    let ticket = TICKETS.with(|tickets| {
        tickets.set(tickets.get() + 1);
        tickets.get()
    });
    let raising = Raising {
        object: Root::of(&object),
        trace,
        target,
    };
    WAITING.with(|waiting| waiting.borrow_mut().push((ticket, raising)));
    SteelErr::new(ErrorKind::Generic, format!("{TICKET}{ticket}"))
}

/// The object that ERROR unwinds with: the raised one, or an error of Steel's
/// own translated to what Guile throws.
pub fn caught(error: &SteelErr) -> Raising {
    let raising = find(error);
    HERE.with(RefCell::take);
    LAST.with(|last| {
        *last.borrow_mut() = Some((
            raising.object.clone(),
            raising.trace.clone(),
            raising.target,
        ));
    });
    raising
}

fn find(error: &SteelErr) -> Raising {
    let text = error.to_string();
    let message = text
        .split_once(": ")
        .and_then(|(_, rest)| rest.split_once(": "))
        .map_or(text.as_str(), |(_, message)| message);
    if let Some(raising) = message
        .strip_prefix(TICKET)
        .and_then(|ticket| ticket.parse::<u64>().ok())
        .and_then(take)
    {
        return raising;
    }
    if error.kind() == ErrorKind::Generic
        && is_interruption(message)
        && let Some(target) = limits::passed()
    {
        return Raising {
            object: Root::of(&passed_limit()),
            trace: Trace::default(),
            target,
        };
    }
    let mut spans: Vec<Span> = error
        .stack_trace()
        .iter()
        .flat_map(|trace| innermost(trace.trace()).iter())
        .filter_map(|frame| *frame.span())
        .collect();
    if let Some(span) = error.span() {
        spans.push(span);
    }
    Raising {
        object: Root::of(&translated(error.kind(), message)),
        trace: Trace {
            spans,
            ..Trace::default()
        },
        target: Target::Machine,
    }
}

/// The Steel error in VALUE, which is what a handler of the machine is given.
pub fn error_of(value: &Value) -> Option<SteelErr> {
    let Value::Custom(custom) = value else {
        return None;
    };
    let custom = custom.read();
    as_underlying_type::<SteelErr>(custom.as_ref()).cloned()
}

/// Take the object that waits under TICKET; those that were raised later and
/// never fetched belong to errors that something dropped.
fn take(ticket: u64) -> Option<Raising> {
    WAITING.with(|waiting| {
        let mut waiting = waiting.borrow_mut();
        let index = waiting.iter().rposition(|(number, _)| *number == ticket)?;
        waiting.truncate(index + 1);
        waiting.pop().map(|(_, raising)| raising)
    })
}

/// What unwinds where a limit is passed. Only the frame that set the limit sees it.
fn passed_limit() -> Value {
    throw_object(symbol_value("limit-exceeded"), list_value(Vec::new()))
}

/// Key and arguments of OBJECT as `catch` gives them to its handler.
pub fn key_and_arguments(object: &Value) -> (Value, Value) {
    records::thrown(object)
        .unwrap_or_else(|| (symbol_value(PLAIN_KEY), list_value(vec![object.clone()])))
}

/// The exception object that `(throw KEY ARGUMENTS …)` raises.
pub fn throw_object(key: Value, arguments: Value) -> Value {
    records::throw_object(key, arguments)
}

/// `(throw KEY PROCEDURE "~A" (MESSAGE) DETAILS)`, the Scheme form of FAILURE.
fn failure_object(failure: &Failure) -> Value {
    let mut details: Vec<Value> = failure
        .details()
        .iter()
        .map(|(name, detail)| pair_value(symbol_value(name), detail_value(detail)))
        .collect();
    if let Some(hint) = failure.hint_text() {
        details.push(pair_value(symbol_value("hint"), string_value(hint)));
    }
    throw_object(
        symbol_value(failure.key().as_str()),
        list_value(vec![
            Value::BoolV(false),
            string_value("~A"),
            list_value(vec![string_value(failure.message())]),
            list_value(details),
        ]),
    )
}

fn detail_value(detail: &Detail) -> Value {
    match detail {
        Detail::Text(text) => string_value(text.as_str()),
        Detail::Integer(number) => Value::IntV(*number as isize),
        Detail::List(items) => list_value(items.iter().map(detail_value).collect()),
    }
}
