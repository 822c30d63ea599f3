//! The registry of natives: Rust functions that Scheme modules import.
//!
//! Each domain lists its primitives in its `primitives.rs` with [`natives!`];
//! whoever assembles an interpreter hands those lists to it. A list is a
//! Scheme module of its own, named `(fruix native DOMAIN)`, which
//! `scheme/fruix/DOMAIN.scm` imports.

use crate::data::records;
use crate::data::value::Value;
use failure::Failure;
use std::sync::OnceLock;
use steel::SteelErr;
use steel::parser::span::Span as MachineSpan;

/// What a native gives back.
pub type Outcome = Result<Value, Raise>;

/// The error of a native: a failure of a domain, or a Guile error as `throw`
/// would raise it.
pub enum Raise {
    Failure(Failure),
    /// The program is over because of this: no handler is asked.
    End(Failure),
    Throw {
        key: String,
        args: Vec<Value>,
    },
    /// `(raise OBJECT)`, for an exception object made elsewhere.
    Object(Value),
    /// What the program asked the native to raise: it is raised where the native was called.
    Program(Value),
    /// Unwind the machine with OBJECT, which has been caught, as far as it was to go.
    Unwind(Value),
    /// Unwind the machine with OBJECT: the handlers have seen it.
    UnwindTo(Value, Target),
    /// Nothing went wrong yet: remember where the program is, for what it is about
    /// to raise, and give it this value.
    Here(Value),
    /// Nothing went wrong: call the procedure with these arguments in the native's place.
    Call(Value, Vec<Value>),
    /// The port that is being read has the program behind it, which must be
    /// asked for more before the native is called again.
    Refill,
    /// The native called so was given too few or too many arguments.
    WrongCount(&'static str),
    /// What a Scheme procedure called through [`Machine::call`] raised; passed on as it is.
    Machine(SteelErr),
}

impl Raise {
    /// What `(throw 'KEY ARGS …)` raises.
    pub fn throw(key: &str, args: Vec<Value>) -> Self {
        Raise::Throw {
            key: key.to_owned(),
            args,
        }
    }
}

impl<E> From<E> for Raise
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Raise::Failure(error.into())
    }
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

/// How a native raises.
pub enum Raised {
    /// By unwinding: nothing in Scheme wants to see it before.
    Unwind(SteelErr),
    /// By calling Scheme's raising procedure in the native's place.
    Call { apply: Value, arguments: [Value; 2] },
    /// Not at all: the native gives this value.
    Nothing(Value),
}

/// The frames that a trace is made of: of a million, nobody reads more than these.
pub fn innermost<T>(frames: &[T]) -> &[T] {
    const KEPT: usize = 100;
    &frames[frames.len().saturating_sub(KEPT)..]
}

/// How many arguments a native takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    pub required: usize,
    pub optional: usize,
    pub rest: bool,
}

impl Arity {
    pub const fn new(required: usize, optional: usize, rest: bool) -> Self {
        Arity {
            required,
            optional,
            rest,
        }
    }

    pub const fn accepts(self, count: usize) -> bool {
        count >= self.required && (self.rest || count <= self.required + self.optional)
    }
}

/// One Rust function as Scheme sees it. Arity has been checked before the
/// function is called, so it may index its required arguments.
pub struct Native {
    pub name: &'static str,
    pub arity: Arity,
    pub documentation: &'static str,
    /// It may give several values.
    pub gives_several: bool,
    /// The function as a value of the machine; `natives!` writes it.
    pub value: fn() -> Value,
}

/// What a native may ask of the machine that runs it.
pub enum Request {
    Vector(Vec<Value>),
    Cell(Value),
    Call(Value, Vec<Value>),
    Depth,
}

/// The machine, lent to a native listed `with machine`.
///
/// Values that a native holds in Rust while [`Machine::call`] runs are not seen
/// by the collector, unless they are also reachable from an argument: root
/// them with `Value::as_rooted` first.
pub struct Machine<'a> {
    serve: &'a mut dyn FnMut(Request) -> Result<Value, SteelErr>,
}

impl Machine<'_> {
    /// A fresh mutable vector, which is what a Scheme vector is.
    pub fn vector(&mut self, items: Vec<Value>) -> Value {
        (self.serve)(Request::Vector(items)).expect("allocation reports no errors")
    }

    /// A fresh mutable cell: `HeapAllocated`, traced by the collector.
    pub fn cell(&mut self, value: Value) -> Value {
        (self.serve)(Request::Cell(value)).expect("allocation reports no errors")
    }

    /// How many calls have not returned.
    pub fn depth(&mut self) -> Value {
        (self.serve)(Request::Depth).expect("counting reports no errors")
    }

    /// Call a Scheme procedure and wait for its value, the first if it gives several. For rare callbacks only:
    /// continuations captured inside cannot be resumed after the native returned.
    pub fn call(&mut self, procedure: Value, arguments: Vec<Value>) -> Outcome {
        let value = (self.serve)(Request::Call(procedure, arguments)).map_err(Raise::Machine)?;
        let first = records::several(&value).map(|mut values| values.next().cloned());
        Ok(first.map_or(value, |first| first.unwrap_or(Value::Void)))
    }
}

/// What the machine does for natives. It stands on a higher floor, so it hands
/// this in before the first native runs.
pub struct Protocol {
    /// Raise, at the spans of the frames that are active, what the native of that name gave back.
    pub raise: fn(Raise, &'static str, &dyn Fn() -> Vec<MachineSpan>) -> Raised,
    /// What to give Steel's `transduce` (the first value) so that it calls a procedure.
    pub nested_call: fn(Value, Vec<Value>) -> Result<(Value, [Value; 3]), SteelErr>,
    /// The value in what `transduce` collected, or the error that ended the call.
    pub nested_result: fn(Value) -> Result<Value, SteelErr>,
    /// A run nested in a native begins and ends.
    pub begin_nested_run: fn(),
    pub end_nested_run: fn(),
    /// Ask the program behind the port that is being read for more.
    pub refill_port: fn(&mut Machine) -> Result<(), Raise>,
    /// What is raised for ARGUMENTS when something cannot be encoded or decoded, with the
    /// port in it.
    pub name_port: fn(Raise, &[Value]) -> Raise,
    /// Whether the program behind a port has to be given what was written.
    pub wants_flush: fn() -> bool,
    pub flush_port: fn(&mut Machine) -> Result<(), Raise>,
}

static PROTOCOL: OnceLock<&'static Protocol> = OnceLock::new();

/// Let natives be served by PROTOCOL; the first that is given stays.
pub fn serve_by(protocol: &'static Protocol) {
    PROTOCOL.get_or_init(|| protocol);
}

/// How the machine serves natives.
#[doc(hidden)]
pub fn protocol() -> &'static Protocol {
    PROTOCOL
        .get()
        .expect("a machine that runs natives has handed in its protocol")
}

/// A run nested in a native, until it is dropped. Its continuations cannot be
/// called outside of it, nor others inside.
#[doc(hidden)]
pub struct NestedRun(());

impl NestedRun {
    pub fn begin() -> NestedRun {
        (protocol().begin_nested_run)();
        NestedRun(())
    }
}

impl Drop for NestedRun {
    fn drop(&mut self) {
        (protocol().end_nested_run)();
    }
}

/// Check the arity and call a native; what `natives!` expands to leads here.
#[doc(hidden)]
pub fn enter(
    name: &'static str,
    arity: Arity,
    arguments: &[Value],
    function: impl FnOnce(&[Value]) -> Outcome,
) -> Outcome {
    let outcome = enter_for_several(name, arity, arguments, function);
    debug_assert!(
        !matches!(&outcome, Ok(value) if records::several(value).is_some()),
        "{name} gives several values and is not listed so"
    );
    outcome
}

/// The same for a native that may give several values.
#[doc(hidden)]
pub fn enter_for_several(
    name: &'static str,
    arity: Arity,
    arguments: &[Value],
    function: impl FnOnce(&[Value]) -> Outcome,
) -> Outcome {
    if arity.accepts(arguments.len()) {
        function(arguments)
    } else {
        Err(Raise::WrongCount(name))
    }
}

#[doc(hidden)]
pub fn enter_with_machine(
    name: &'static str,
    arity: Arity,
    arguments: &[Value],
    serve: &mut dyn FnMut(Request) -> Result<Value, SteelErr>,
    function: impl FnOnce(&mut Machine, &[Value]) -> Outcome,
) -> Outcome {
    enter(name, arity, arguments, |arguments| {
        function(&mut Machine { serve }, arguments)
    })
}

/// Call a native that reads or writes ports: what the program behind a port
/// has to do is done between calls of the native, which is called again after
/// the port got more to read.
#[doc(hidden)]
pub fn enter_with_ports(
    name: &'static str,
    arity: Arity,
    arguments: &[Value],
    serve: &mut dyn FnMut(Request) -> Result<Value, SteelErr>,
    function: fn(&mut Machine, &[Value]) -> Outcome,
) -> Outcome {
    loop {
        match enter_with_machine(name, arity, arguments, serve, function) {
            Err(Raise::Refill) => (protocol().refill_port)(&mut Machine { serve })?,
            Ok(value) => {
                if (protocol().wants_flush)() {
                    (protocol().flush_port)(&mut Machine { serve })?;
                }
                return Ok(value);
            }
            Err(raise) => return Err((protocol().name_port)(raise, arguments)),
        }
    }
}

/// A Scheme module made of natives, such as `(fruix native rootfs)`.
pub struct NativeModule {
    pub name: &'static [&'static str],
    pub natives: &'static [Native],
}

/// List the natives of a module.
///
/// ```ignore
/// natives! {
///     /// (%rootfs-populate closure rootfs development?) -> number of entries made
///     ///
///     /// Populate ROOTFS from CLOSURE.
///     "%rootfs-populate" (3) => populate,
///     /// With one optional argument.
///     "%rootfs-plan" (1, 1) => plan,
///     /// With any number of further arguments.
///     "%rootfs-union" (1, rest) => union,
///     /// With one optional argument and any number of further ones.
///     "%rootfs-more" (1, 1, rest) => more,
///     /// `fn(&mut Machine, &[Value]) -> Outcome`: may make vectors and call procedures.
///     "list->vector" (1) with machine => list_to_vector,
///     /// Reads or writes a port, behind which the program may be.
///     "read-char" (0, 1) with ports => read_char,
///     "write" (1, 1) with machine_and_ports => write,
///     /// May give several values.
///     "floor/" (2) with several => floor_and_rest,
///     /// What it gives comes from outside: `outside::Kind` says how such calls differ.
///     "getenv" (1) with outside => getenv,
///     "%run-begin" (3) with account => begin,
///     "current-time" (0) with anytime => current_time,
/// }
/// ```
/// defines `pub static NATIVES: &[Native]`.
///
/// A table that begins with `outside;` is of natives that all ask the world or change it,
/// but for those `with inside`, which only compute.
#[macro_export]
macro_rules! natives {
    (outside; $($table:tt)*) => {
        $crate::natives!(@ native_value_outside; $($table)*);
    };
    (@ $value:ident; $( $(#[doc = $doc:literal])* $name:literal ($required:literal $(, $more:tt)*) $(with $machine:ident)? => $function:path ),* $(,)?) => {
        pub static NATIVES: &[$crate::data::native::Native] = &[
            $( $crate::data::native::Native {
                name: $name,
                arity: $crate::native_arity!($required $(, $more)*),
                documentation: concat!($($doc, "\n"),*),
                gives_several: $crate::native_gives_several!($($machine)?),
                value: || $crate::$value!(
                    $name, $crate::native_arity!($required $(, $more)*), $function $(, $machine)?
                ),
            } ),*
        ];
    };
    ($($table:tt)*) => {
        $crate::natives!(@ native_value; $($table)*);
    };
}

/// The value of the machine that calls FUNCTION. The machine's own type cannot
/// be named outside of Steel, but the type of a closure's argument is inferred.
#[macro_export]
#[doc(hidden)]
macro_rules! native_value {
    ($name:literal, $arity:expr, $function:path) => {
        $crate::data::value::Value::BuiltIn(|context, arguments| match $crate::data::native::enter(
            $name, $arity, arguments, $function,
        ) {
            Ok(value) => Some(Ok(value)),
            Err(raise) => $crate::raise_in!($name, context, raise),
        })
    };
    ($name:literal, $arity:expr, $function:path, several) => {
        $crate::data::value::Value::BuiltIn(|context, arguments| {
            match $crate::data::native::enter_for_several($name, $arity, arguments, $function) {
                Ok(value) => Some(Ok(value)),
                Err(raise) => $crate::raise_in!($name, context, raise),
            }
        })
    };
    ($name:literal, $arity:expr, $function:path, ports) => {
        $crate::native_value!(
            $name,
            $arity,
            $function,
            ports_and_machine,
            |_, arguments| $function(arguments)
        )
    };
    ($name:literal, $arity:expr, $function:path, machine_and_ports) => {
        $crate::native_value!($name, $arity, $function, ports_and_machine, $function)
    };
    ($name:literal, $arity:expr, $function:path, ports_and_machine, $call:expr) => {
        $crate::data::value::Value::BuiltIn(|context, arguments| {
            let outcome = $crate::data::native::enter_with_ports(
                $name,
                $arity,
                arguments,
                &mut |request| $crate::serve_request!(context, request),
                $call,
            );
            match outcome {
                Ok(value) => Some(Ok(value)),
                Err(raise) => $crate::raise_in!($name, context, raise),
            }
        })
    };
    ($name:literal, $arity:expr, $function:path, outside) => {
        $crate::native_value!($name, $arity, $function, of_kind, Asks)
    };
    ($name:literal, $arity:expr, $function:path, account) => {
        $crate::native_value!($name, $arity, $function, of_kind, Accounts)
    };
    ($name:literal, $arity:expr, $function:path, anytime) => {
        $crate::native_value!($name, $arity, $function, of_kind, Anytime)
    };
    ($name:literal, $arity:expr, $function:path, of_kind, $kind:ident) => {
        $crate::data::value::Value::BuiltIn(|context, arguments| {
            match $crate::data::native::enter_for_several($name, $arity, arguments, |arguments| {
                $crate::outside::ask($crate::outside::Kind::$kind, $name, arguments, $function)
            }) {
                Ok(value) => Some(Ok(value)),
                Err(raise) => $crate::raise_in!($name, context, raise),
            }
        })
    };
    ($name:literal, $arity:expr, $function:path, outside_machine) => {
        $crate::native_value!(
            $name,
            $arity,
            |machine, arguments| $crate::outside::ask_with(
                $crate::outside::Kind::Asks,
                $name,
                machine,
                arguments,
                $function
            ),
            lent
        )
    };
    ($name:literal, $arity:expr, $function:path, anytime_machine) => {
        $crate::native_value!(
            $name,
            $arity,
            |machine, arguments| $crate::outside::ask_with(
                $crate::outside::Kind::Anytime,
                $name,
                machine,
                arguments,
                $function
            ),
            lent
        )
    };
    ($name:literal, $arity:expr, $function:path, machine) => {
        $crate::native_value!($name, $arity, $function, lent)
    };
    ($name:literal, $arity:expr, $function:expr, lent) => {
        $crate::data::value::Value::BuiltIn(|context, arguments| {
            let outcome = $crate::data::native::enter_with_machine(
                $name,
                $arity,
                arguments,
                &mut |request| $crate::serve_request!(context, request),
                $function,
            );
            match outcome {
                Ok(value) => Some(Ok(value)),
                Err(raise) => $crate::raise_in!($name, context, raise),
            }
        })
    };
}

/// The same in a table of natives that go outside.
#[macro_export]
#[doc(hidden)]
macro_rules! native_value_outside {
    ($name:literal, $arity:expr, $function:path) => {
        $crate::native_value!($name, $arity, $function, outside)
    };
    ($name:literal, $arity:expr, $function:path, several) => {
        $crate::native_value!($name, $arity, $function, outside)
    };
    ($name:literal, $arity:expr, $function:path, machine) => {
        $crate::native_value!($name, $arity, $function, outside_machine)
    };
    ($name:literal, $arity:expr, $function:path, inside) => {
        $crate::native_value!($name, $arity, $function)
    };
    ($name:literal, $arity:expr, $function:path, inside_machine) => {
        $crate::native_value!($name, $arity, $function, machine)
    };
    ($name:literal, $arity:expr, $function:path, $other:ident) => {
        $crate::native_value!($name, $arity, $function, $other)
    };
}

/// Raise in the dynamic context of the native's caller: as if the native had
/// called Scheme's `raise-exception` in its place.
#[macro_export]
#[doc(hidden)]
macro_rules! raise_in {
    ($name:literal, $context:ident, $raise:ident) => {
        match ($crate::data::native::protocol().raise)($raise, $name, &|| {
            let trace = $context.snapshot_stack_trace();
            $crate::data::native::innermost(trace.trace())
                .iter()
                .filter_map(|frame| *frame.span())
                .collect::<Vec<_>>()
        }) {
            $crate::data::native::Raised::Unwind(error) => Some(Err(error)),
            $crate::data::native::Raised::Nothing(value) => Some(Ok(value)),
            $crate::data::native::Raised::Call { apply, arguments } => {
                if let $crate::data::value::Value::BuiltIn(apply) = apply {
                    apply($context, &arguments)
                } else {
                    unreachable!("Steel's apply is a builtin")
                }
            }
        }
    };
}

/// Do for a native what it asks of the machine.
#[macro_export]
#[doc(hidden)]
macro_rules! serve_request {
    ($context:ident, $request:ident) => {
        match $request {
            $crate::data::native::Request::Vector(items) => {
                let _while_it_collects = $crate::data::circles::open();
                Ok($context.make_mutable_vector(items))
            }
            $crate::data::native::Request::Cell(value) => {
                let _while_it_collects = $crate::data::circles::open();
                Ok($context.make_box(value))
            }
            $crate::data::native::Request::Depth => {
                let frames = $context.snapshot_stack_trace().trace().len();
                Ok($crate::data::value::Value::IntV(frames as isize))
            }
            $crate::data::native::Request::Call(procedure, arguments) => {
                let (transduce, transduction) =
                    ($crate::data::native::protocol().nested_call)(procedure, arguments)?;
                let _until_it_returns = $crate::data::native::NestedRun::begin();
                if let $crate::data::value::Value::BuiltIn(transduce) = transduce {
                    transduce($context, &transduction)
                        .expect("transducing gives a value at once")
                        .and_then($crate::data::native::protocol().nested_result)
                } else {
                    unreachable!("Steel's transduce is a builtin")
                }
            }
        }
    };
}

/// Whether `natives!` says that several values are given.
#[macro_export]
#[doc(hidden)]
macro_rules! native_gives_several {
    (several) => {
        true
    };
    ($($other:ident)?) => {
        false
    };
}

/// The arity that `natives!` wrote down.
#[macro_export]
#[doc(hidden)]
macro_rules! native_arity {
    ($required:literal) => {
        $crate::data::native::Arity::new($required, 0, false)
    };
    ($required:literal, rest) => {
        $crate::data::native::Arity::new($required, 0, true)
    };
    ($required:literal, $optional:literal) => {
        $crate::data::native::Arity::new($required, $optional, false)
    };
    ($required:literal, $optional:literal, rest) => {
        $crate::data::native::Arity::new($required, $optional, true)
    };
}
