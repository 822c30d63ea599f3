//! Exceptions on their way: from a native or from Scheme, through Steel's
//! unwinding, to the handler that wants them or out of the program.
//!
//! Steel's error has room for a message only. So the object that was raised
//! waits here, rooted, while Steel unwinds with a ticket for it.
//!
//! Every exception that `throw` makes is one kind of object, a throw: a key
//! and the list of its arguments. `raise` may raise any object at all.

use super::extents;
use super::memory;
use super::natives::Raise;
use super::records;
use super::roots::Root;
use super::value::{Value, list_value, pair_value, string_value, symbol_value};
use crate::failure::{Detail, Failure};
use std::cell::{Cell, RefCell};
use steel::SteelErr;
use steel::gc::ShareableMut;
use steel::parser::span::Span;
use steel::rerrs::ErrorKind;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

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
}

/// The frames that a trace is made of: of a million, nobody reads more than these.
pub fn innermost<T>(frames: &[T]) -> &[T] {
    const KEPT: usize = 100;
    &frames[frames.len().saturating_sub(KEPT)..]
}

/// An object that has been raised and where.
pub struct Raising {
    object: Root,
    pub trace: Trace,
    pub target: Target,
}

/// How far an exception unwinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the nearest frame that asks: the machine found the error itself, and no
    /// handler has seen it.
    Machine,
    /// To the frame of the entry of `extents` at that address.
    Mark(usize),
    /// Out of all frames.
    Nobody,
}

impl Target {
    /// The frame that put ENTRY in force.
    pub fn of(entry: &Value) -> Target {
        match entry {
            Value::Pair(pair) => Target::Mark(pair.as_ptr().addr()),
            _ => Target::Nobody,
        }
    }
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
    static RAISER: RefCell<Option<(Value, Root)>> = const { RefCell::new(None) };
}

/// How a native raises.
pub enum Raised {
    /// By unwinding: nothing in Scheme wants to see it before.
    Unwind(SteelErr),
    /// By calling Scheme's raising procedure in the native's place.
    Call { apply: Value, arguments: [Value; 2] },
    /// Not at all: the native gives this value.
    Nothing(Value),
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
    let trace = |native| Trace {
        spans: spans(),
        native,
    };
    let mut native = Some(name);
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
            return match (super::control::take_escape(), raiser()) {
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
                apply: super::vm::steel_primitive("apply"),
                arguments: [procedure, Value::ListV(arguments.into())],
            };
        }
        Raise::Here(value) => {
            HERE.with(|here| *here.borrow_mut() = Some(trace(None)));
            return Raised::Nothing(value);
        }
        Raise::Object(object) => object,
        Raise::Program(object) => {
            native = None;
            object
        }
        Raise::Throw { key, args } => throw_object(symbol_value(&key), list_value(args)),
        Raise::Failure(failure) => failure_object(&failure),
        Raise::Refill => failure_object(&Failure::internal(
            "a native that does not wait for the program read from a port of the program",
        )),
    };
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
            (known, object) => known == object,
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
            native: None,
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

/// What Guile throws where Steel reports KIND and MESSAGE.
fn translated(kind: ErrorKind, message: &str) -> Value {
    let no = Value::BoolV(false);
    let throw =
        |key: &str, arguments: Vec<Value>| throw_object(symbol_value(key), list_value(arguments));
    if message.contains("Interrupted by user") {
        if memory::was_exhausted() {
            return throw(memory::EXHAUSTED, memory::exhausted_arguments());
        }
        crate::runtime::interrupt_was_met();
        return throw(
            "interrupted",
            vec![
                no,
                string_value("~A"),
                list_value(vec![string_value("interrupted")]),
                list_value(Vec::new()),
            ],
        );
    }
    if message.contains("stack overflow") {
        return throw(
            "stack-overflow",
            vec![no.clone(), string_value("Stack overflow"), no.clone(), no],
        );
    }
    if let Some(name) = unbound_name(message) {
        return throw(
            "unbound-variable",
            vec![
                no.clone(),
                string_value("Unbound variable: ~S"),
                list_value(vec![symbol_value(name)]),
                no,
            ],
        );
    }
    let procedure = message
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_end_matches(':');
    let procedure = match procedure {
        "lte" => "<=",
        procedure => procedure,
    };
    if let Some((_, found)) = message
        .split_once("not a procedure or function type not supported: ")
        .or_else(|| message.split_once("application not a procedure: "))
        .or_else(|| message.split_once("not supported: "))
        .or_else(|| message.split_once("apply expects a function, found: "))
        .or_else(|| message.split_once("apply expected a function, found: "))
    {
        return throw(
            "wrong-type-arg",
            vec![
                no,
                string_value("Wrong type to apply: ~S"),
                list_value(vec![printed(found)]),
                list_value(vec![printed(found)]),
            ],
        );
    }
    let lowered = message.to_lowercase();
    if lowered.contains("divide by zero") || lowered.contains("division by zero") {
        return throw(
            "numerical-overflow",
            vec![
                symbol_value(procedure),
                string_value("Numerical overflow"),
                no.clone(),
                no,
            ],
        );
    }
    if lowered.contains("out of bounds") || lowered.contains("index") && lowered.contains("bound") {
        return throw(
            "out-of-range",
            vec![
                string_value(procedure),
                string_value("Value out of range: ~A"),
                list_value(vec![string_value(message)]),
                list_value(Vec::new()),
            ],
        );
    }
    // Steel has its own words for the one list that has neither.
    if message.contains("empty list")
        && let Some(procedure @ ("car" | "cdr")) = message.get(..3)
    {
        return throw(
            "wrong-type-arg",
            vec![
                string_value(procedure),
                string_value("Wrong type argument in position 1 (expecting pair): ~S"),
                list_value(vec![super::pairs::nil()]),
                list_value(vec![super::pairs::nil()]),
            ],
        );
    }
    match kind {
        ErrorKind::ArityMismatch => throw(
            "wrong-number-of-args",
            vec![
                no.clone(),
                string_value("Wrong number of arguments to ~A"),
                list_value(vec![shown(SOME_PROCEDURE)]),
                no,
            ],
        ),
        ErrorKind::TypeMismatch | ErrorKind::ConversionError => {
            let found = message
                .rsplit_once("found: ")
                .or_else(|| message.rsplit_once("Found: "))
                .or_else(|| message.rsplit_once("got: "))
                .map_or(message, |(_, found)| found);
            let (position, found) = culprit(found.trim_end_matches(['`', '.']));
            // Guile counts whatever is no number as the first of `=`.
            let position = if procedure == "=" { 1 } else { position };
            if matches!(procedure, "car" | "cdr") {
                return throw(
                    "wrong-type-arg",
                    vec![
                        string_value(procedure),
                        string_value("Wrong type argument in position 1 (expecting pair): ~S"),
                        list_value(vec![found.clone()]),
                        list_value(vec![found]),
                    ],
                );
            }
            throw(
                "wrong-type-arg",
                vec![
                    string_value(procedure),
                    string_value("Wrong type argument in position ~A: ~S"),
                    list_value(vec![Value::IntV(position), found.clone()]),
                    list_value(vec![found]),
                ],
            )
        }
        _ => throw(
            "misc-error",
            vec![
                no.clone(),
                string_value("~A"),
                list_value(vec![string_value(message)]),
                no,
            ],
        ),
    }
}

/// The name in the marker that an unbound variable holds, when MESSAGE shows one.
fn unbound_name(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("#<unbound ")?;
    // A name may hold `>` itself; the marker's own is followed by no more of one.
    rest.char_indices()
        .filter(|(_, c)| *c == '>')
        .map(|(end, _)| end)
        .find(|end| !rest[end + 1..].starts_with(|c: char| c == '>' || c.is_alphanumeric()))
        .map(|end| &rest[..end])
}

/// The operand that is no number in FOUND, which is one operand or two joined
/// by "and", with its position.
fn culprit(found: &str) -> (isize, Value) {
    if let Some((first, second)) = found.split_once(" and ") {
        let first = printed(first);
        let is_number = matches!(
            first,
            Value::IntV(_)
                | Value::NumV(_)
                | Value::Rational(_)
                | Value::BigNum(_)
                | Value::BigRational(_)
        );
        return if is_number {
            (2, printed(second))
        } else {
            (1, first)
        };
    }
    (1, printed(found))
}

/// What a procedure shows as of which the machine tells nothing.
pub const SOME_PROCEDURE: &str = "#<procedure>";

/// A value of which only its look is left.
struct Shown(String);

impl Custom for Shown {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok(self.0.clone()))
    }
}

/// Steel shows the offending value in its messages and nowhere else; what it
/// printed reads back as the value, as far as it can be read back.
fn printed(text: &str) -> Value {
    // Symbols and lists are shown quoted.
    let text = text.trim().strip_prefix('\'').unwrap_or(text.trim());
    if text == "#<void>" {
        return Value::Void;
    }
    super::reader::read_value(text).unwrap_or_else(|| shown(text))
}

/// Whether VALUE stands for a procedure of which the machine tells nothing.
pub fn is_some_procedure(value: &Value) -> bool {
    let Value::Custom(custom) = value else {
        return false;
    };
    as_underlying_type::<Shown>(custom.read().as_ref())
        .is_some_and(|shown| shown.0 == SOME_PROCEDURE)
}

/// A value that shows as TEXT.
pub fn shown(text: &str) -> Value {
    Shown(text.to_owned())
        .into_steelval()
        .expect("a custom value is always a value")
}
