//! Natives behind `scheme/guile/boot/control.scm`: calls with lists of
//! arguments, fluids, parameters, promises, and the bookkeeping of exceptions.

use crate::data::limits::{self, Amount};
use crate::data::native::{Machine, Outcome, Raise, Target};
use crate::data::roots::Root;
use crate::data::value::{self, Value, list_value, symbol_value};
use crate::data::{args, errors, memory, numbers, pairs, records, unbound};
use crate::library::ports::{self, Standard};
use crate::machine::conditions;
use std::cell::{Cell, RefCell};
use std::time::Duration;
use steel::SteelErr;

crate::natives! {
    /// (%limit-frames count) -> how many calls could be under way at once; COUNT from now on
    "%limit-frames" (1) => limit_frames,
    /// (%begin-limit kind amount entry) -> nothing; a limit is in force from now on, of `time` in
    /// seconds or `allocation` in bytes; where it is passed, the machine unwinds to ENTRY of the extents
    "%begin-limit" (3) => begin_limit,
    /// (%end-limit entry) -> whether the limit that unwinds to ENTRY is in force and was passed; it is in
    /// force no more
    "%end-limit" (1) => end_limit,
    /// (%frames-are-gone) -> nothing; the machine has given back what very many calls took
    "%frames-are-gone" (0) => frames_are_gone,
    /// (%spread-arguments list) -> LIST, whose last element is a list, as the machine's apply takes it
    "%spread-arguments" (1) => spread_arguments,
    /// (%apply-arguments list) -> LIST as the machine's apply takes it
    "%apply-arguments" (1) => apply_arguments,
    /// (%list->values list) -> the elements as values
    "%list->values" (1) with several => list_to_values,
    /// (%run-number) -> a number that changes with each run of the machine, nested ones too
    "%run-number" (0) => run_number,
    /// (%depth) -> how many calls of this run have not returned
    "%depth" (0) with machine => depth,
    /// (%run-goes-on? number) -> whether the run of that number has not ended
    "%run-goes-on?" (1) => run_goes_on,
    /// (%set-escape! thunk) -> the native whose nested run is unwound next calls THUNK
    "%set-escape!" (1) => set_escape,
    /// (%last-caught) -> the exception caught last
    "%last-caught" (0) => last_caught,
    /// (%last-was-raised?) -> whether that had met the handlers already
    "%last-was-raised?" (0) => last_was_raised,
    /// (%here value) -> VALUE; what is raised next is raised here
    "%here" (1) => here,
    /// (throw key . arguments) -> raises the exception with KEY and ARGUMENTS
    "throw" (1, rest) => throw,
    /// (error message . irritants) -> raises an error with MESSAGE and IRRITANTS
    "error" (1, rest) => error,
    /// (scm-error key procedure message arguments data) -> raises an error as Guile's own procedures do
    "scm-error" (5) => scm_error,
    /// (raise object) -> raises OBJECT; it is an error when a handler returns
    "raise" (1) => raise,
    /// (exception-kind object) -> the key that catch would see for exception OBJECT
    "exception-kind" (1) => exception_kind,
    /// (exception-args object) -> the arguments that catch would see for exception OBJECT
    "exception-args" (1) => exception_args,
    /// (%caught-arguments object) -> what a handler of catch is called with, for the machine's apply
    "%caught-arguments" (1) => caught_arguments,
    /// (%make-fluid value) -> a fluid
    "%make-fluid" (1) with machine => make_fluid,
    /// (fluid? object) -> whether OBJECT is a fluid
    "fluid?" (1) => is_fluid,
    /// (%fluid-value fluid) -> its value
    "%fluid-value" (1) => fluid_value,
    /// (%fluid-held fluid) -> its value, or the marker that it has none
    "%fluid-held" (1) => fluid_held,
    /// (%all-fluids) -> every fluid that was made
    "%all-fluids" (0) => all_fluids,
    /// (%set-fluid-value! fluid value) -> nothing
    "%set-fluid-value!" (2) => set_fluid_value,
    /// (%parameter-data fluid converter) -> what a parameter knows
    "%parameter-data" (2) => parameter_data,
    /// (%parameter-value data) -> what the fluid in it holds
    "%parameter-value" (1) => parameter_value,
    /// (%data-fluid data) -> the fluid in it
    "%data-fluid" (1) => data_fluid,
    /// (%data-converter data) -> the converter in it
    "%data-converter" (1) => data_converter,
    /// (%parameter-fluid parameter) -> its fluid, or #f
    "%parameter-fluid" (1) => parameter_fluid,
    /// (%parameter-converter parameter) -> its converter
    "%parameter-converter" (1) => parameter_converter,
    /// (parameter? object) -> whether OBJECT is a parameter
    "parameter?" (1) => is_parameter,
    /// (%make-promise kind content) -> a promise
    "%make-promise" (2) with machine => make_promise,
    /// (promise? object) -> whether OBJECT is a promise
    "promise?" (1) => is_promise,
    /// (%promise-kind promise) -> done, delay or force
    "%promise-kind" (1) => promise_kind,
    /// (%promise-content promise) -> the value, or the thunk that computes it
    "%promise-content" (1) => promise_content,
    /// (%promise-settle! promise kind content) -> nothing
    "%promise-settle!" (3) => promise_settle,
}

thread_local! {
    static RUNS_BEGUN: Cell<isize> = const { Cell::new(0) };
    /// The runs going on: the machine's own, and those nested in natives.
    static RUNS: RefCell<Vec<isize>> = const { RefCell::new(Vec::new()) };
    /// What is to be called outside of the nested run that is being left.
    static ESCAPE: RefCell<Option<Root>> = const { RefCell::new(None) };
    static TYPES: RefCell<Option<[Root; 3]>> = const { RefCell::new(None) };
    /// Dynamic states are made of all of them, so none is ever given up.
    static FLUIDS: RefCell<Vec<Root>> = const { RefCell::new(Vec::new()) };
}

/// The machine begins another run: continuations of earlier ones are dead.
pub fn begin_run() {
    RUNS.with(|runs| *runs.borrow_mut() = vec![next_run()]);
}

fn next_run() -> isize {
    RUNS_BEGUN.with(|begun| {
        begun.set(begun.get() + 1);
        begun.get()
    })
}

/// A run nested in a native begins.
pub fn begin_nested_run() {
    conditions::begin_nested_run();
    RUNS.with(|runs| runs.borrow_mut().push(next_run()));
}

/// The innermost nested run ends.
pub fn end_nested_run() {
    conditions::end_nested_run();
    RUNS.with(|runs| runs.borrow_mut().pop());
}

/// The procedure to call, outside of the nested run that an escape has just left.
pub fn take_escape() -> Option<Value> {
    ESCAPE.with(|escape| escape.take().map(|escape| escape.value().clone()))
}

/// The types of fluids, of what parameters know, and of promises.
fn kind(index: usize) -> Value {
    TYPES.with(|types| {
        let mut types = types.borrow_mut();
        let types = types.get_or_insert_with(|| {
            let make = |name: &str, fields: &[&str]| {
                Root::of(&records::make_type(
                    symbol_value(name),
                    fields.iter().map(|field| symbol_value(field)).collect(),
                    fields.iter().map(|_| Value::BoolV(true)).collect(),
                    Value::BoolV(false),
                    Value::BoolV(false),
                    Value::BoolV(false),
                ))
            };
            [
                make("fluid", &["value"]),
                make("parameter", &["fluid", "converter"]),
                make("promise", &["kind", "content"]),
            ]
        });
        types[index].value().clone()
    })
}

const FLUID: usize = 0;
const PARAMETER: usize = 1;
const PROMISE: usize = 2;

fn has_kind(value: &Value, index: usize) -> bool {
    records::type_of(value).is_some_and(|found| records::same(&found, &kind(index)))
}

fn spread_arguments(args: &[Value]) -> Outcome {
    let mut items = pairs::to_vec(&args[0]).unwrap_or_default();
    let Some(last) = items.pop() else {
        return Err(args::wrong_count("apply"));
    };
    items.extend(list_to_apply_to(&last)?);
    Ok(Value::ListV(items.into()))
}

fn apply_arguments(args: &[Value]) -> Outcome {
    Ok(Value::ListV(list_to_apply_to(&args[0])?.into()))
}

fn list_to_apply_to(list: &Value) -> Result<Vec<Value>, Raise> {
    pairs::to_vec(list).ok_or_else(|| {
        Raise::throw(
            "wrong-type-arg",
            vec![
                value::string_value("apply"),
                value::string_value("Apply to non-list: ~S"),
                list_value(vec![list.clone()]),
                list_value(vec![list.clone()]),
            ],
        )
    })
}

fn list_to_values(args: &[Value]) -> Outcome {
    Ok(records::values(pairs::to_vec(&args[0]).unwrap_or_default()))
}

/// `(n.%single value)`: VALUE, or the first of the values that it stands for. No
/// primitive like the others, but what the machine calls fastest: each call of a
/// procedure that is not known goes through this.
pub fn single(args: &[Value]) -> Result<Value, SteelErr> {
    let Some(mut values) = records::several(&args[0]) else {
        return Ok(args[0].clone());
    };
    values.next().cloned().ok_or_else(|| {
        conditions::found_by_the_machine(errors::misc_without_procedure(
            "Zero values returned to single-valued continuation",
            Vec::new(),
        ))
    })
}

/// `(n.%applicable object)`: OBJECT, when it can be called. The machine would print
/// what cannot be, and never end where that is circular. It is left to say what is
/// unbound.
pub fn applicable(args: &[Value]) -> Result<Value, SteelErr> {
    match &args[0] {
        Value::Closure(_)
        | Value::BuiltIn(_)
        | Value::FuncV(_)
        | Value::ContinuationFunction(_)
        | Value::BoxedFunction(_)
        | Value::MutFunc(_)
        | Value::Custom(_) => Ok(args[0].clone()),
        other => Err(conditions::found_by_the_machine(errors::not_applicable(
            other,
        ))),
    }
}

/// `(n.%sum a b)`: what the machine has an instruction for where both are numbers.
pub fn sum(args: &[Value]) -> Result<Value, SteelErr> {
    numbers::add(&args[0], &args[1]).map_err(conditions::found_by_the_machine)
}

/// `(n.%difference a b)`, likewise.
pub fn difference(args: &[Value]) -> Result<Value, SteelErr> {
    numbers::subtract(&args[0], &args[1]).map_err(conditions::found_by_the_machine)
}

fn run_number(_: &[Value]) -> Outcome {
    let current = RUNS.with(|runs| runs.borrow().last().copied());
    Ok(Value::IntV(current.unwrap_or(0)))
}

fn depth(machine: &mut Machine, _: &[Value]) -> Outcome {
    Ok(machine.depth())
}

fn run_goes_on(args: &[Value]) -> Outcome {
    let Value::IntV(number) = args[0] else {
        return Ok(Value::BoolV(false));
    };
    Ok(Value::BoolV(
        RUNS.with(|runs| runs.borrow().contains(&number)),
    ))
}

fn set_escape(args: &[Value]) -> Outcome {
    ESCAPE.with(|escape| *escape.borrow_mut() = Some(Root::of(&args[0])));
    Ok(Value::Void)
}

fn last_caught(_: &[Value]) -> Outcome {
    Ok(conditions::last().map_or(Value::Void, |(object, _)| object))
}

fn last_was_raised(_: &[Value]) -> Outcome {
    Ok(Value::BoolV(
        conditions::last().is_some_and(|(_, raised)| raised),
    ))
}

fn here(args: &[Value]) -> Outcome {
    Err(Raise::Here(args[0].clone()))
}

/// An object that was caught as `%exception` goes on as it was.
fn throw(args: &[Value]) -> Outcome {
    let (key, arguments) = (&args[0], &args[1..]);
    if let (Value::SymbolV(name), Some(object)) = (key, arguments.first())
        && name.as_str() == conditions::PLAIN_KEY
    {
        return Err(Raise::Program(object.clone()));
    }
    throw_with(key, list_value(arguments.to_vec()))
}

fn throw_with(key: &Value, arguments: Value) -> Outcome {
    if !matches!(key, Value::SymbolV(_)) {
        return Err(Raise::throw(
            "wrong-type-arg",
            vec![
                value::string_value("throw"),
                value::string_value("Wrong type argument in position ~a: ~a"),
                list_value(vec![Value::IntV(1), key.clone()]),
                list_value(vec![key.clone()]),
            ],
        ));
    }
    Err(Raise::Program(records::throw_object(
        key.clone(),
        arguments,
    )))
}

fn error(args: &[Value]) -> Outcome {
    let template = format!("~A{}", " ~S".repeat(args.len() - 1));
    throw_with(
        &symbol_value("misc-error"),
        list_value(vec![
            Value::BoolV(false),
            value::string_value(template),
            list_value(args.to_vec()),
            Value::BoolV(false),
        ]),
    )
}

fn scm_error(args: &[Value]) -> Outcome {
    throw_with(&args[0], list_value(args[1..].to_vec()))
}

fn raise(args: &[Value]) -> Outcome {
    Err(Raise::Program(args[0].clone()))
}

fn exception_kind(args: &[Value]) -> Outcome {
    Ok(conditions::key_and_arguments(&args[0]).0)
}

fn exception_args(args: &[Value]) -> Outcome {
    Ok(conditions::key_and_arguments(&args[0]).1)
}

fn caught_arguments(args: &[Value]) -> Outcome {
    Ok(arguments_of(&args[0]))
}

/// What a handler of `catch` is called with for OBJECT, in a list of the machine's.
pub fn arguments_of(object: &Value) -> Value {
    let (key, arguments) = conditions::key_and_arguments(object);
    let mut items = vec![key];
    items.extend(pairs::items(&arguments).cloned());
    Value::ListV(items.into())
}

fn make_fluid(machine: &mut Machine, args: &[Value]) -> Outcome {
    let value = machine.vector(vec![args[0].clone()]);
    let fluid = records::make_changeable(kind(FLUID), value);
    FLUIDS.with(|fluids| fluids.borrow_mut().push(Root::of(&fluid)));
    Ok(fluid)
}

fn fluid_held(args: &[Value]) -> Outcome {
    if has_kind(&args[0], FLUID) {
        return Ok(records::field(&args[0], 0).unwrap_or(Value::Void));
    }
    fluid_value(args)
}

fn all_fluids(_: &[Value]) -> Outcome {
    Ok(FLUIDS.with(|fluids| {
        list_value(
            fluids
                .borrow()
                .iter()
                .map(|fluid| fluid.value().clone())
                .collect(),
        )
    }))
}

fn is_fluid(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(has_kind(&args[0], FLUID)))
}

pub fn fluid_value(args: &[Value]) -> Outcome {
    if let Some(which) = standard_port_of_mark(&args[0]) {
        return Ok(ports::current(which));
    }
    if !has_kind(&args[0], FLUID) {
        return Err(value::wrong_type("fluid-ref", 1, &args[0]));
    }
    let held = records::field(&args[0], 0).unwrap_or(Value::Void);
    match unbound::unbound_name(&held) {
        None => Ok(held),
        Some(_) => Err(errors::misc(
            "fluid-ref",
            "unbound fluid: ~S",
            vec![args[0].clone()],
        )),
    }
}

/// What FLUID held before it holds VALUE.
pub fn exchange_fluid(fluid: &Value, value: &Value) -> Outcome {
    let arguments = [fluid.clone(), value.clone()];
    let held = fluid_held(&arguments[..1])?;
    set_fluid_value(&arguments)?;
    Ok(held)
}

fn set_fluid_value(args: &[Value]) -> Outcome {
    if let Some(which) = standard_port_of_mark(&args[0]) {
        crate::library::set_current_port(which, &args[1])?;
        return Ok(Value::Void);
    }
    if !has_kind(&args[0], FLUID) {
        return Err(value::wrong_type("fluid-set!", 1, &args[0]));
    }
    let _a_fluid_can_be_changed = records::replace_field(&args[0], 0, args[1].clone());
    Ok(Value::Void)
}

fn parameter_data(args: &[Value]) -> Outcome {
    Ok(records::make(
        kind(PARAMETER),
        vec![args[0].clone(), args[1].clone()],
    ))
}

fn data_fluid(args: &[Value]) -> Outcome {
    Ok(records::field(&args[0], 0).unwrap_or(Value::Void))
}

fn parameter_value(args: &[Value]) -> Outcome {
    fluid_value(&[records::field(&args[0], 0).unwrap_or(Value::Void)])
}

fn data_converter(args: &[Value]) -> Outcome {
    Ok(records::field(&args[0], 1).unwrap_or(Value::Void))
}

/// What the parameter VALUE knows: its closure holds it.
fn data_of(value: &Value) -> Option<Value> {
    let Value::Closure(closure) = value else {
        return None;
    };
    closure
        .captures()
        .iter()
        .find(|captured| has_kind(captured, PARAMETER))
        .cloned()
}

/// The current ports are parameters whose values are Rust's; these symbols stand for their fluids.
const STANDARD_PORTS: [(&str, Standard); 3] = [
    ("%current-input-port", Standard::Input),
    ("%current-output-port", Standard::Output),
    ("%current-error-port", Standard::Error),
];

fn standard_port_of_mark(mark: &Value) -> Option<Standard> {
    let Value::SymbolV(name) = mark else {
        return None;
    };
    STANDARD_PORTS
        .iter()
        .find(|(known, _)| *known == name.as_str())
        .map(|(_, which)| *which)
}

fn parameter_fluid(args: &[Value]) -> Outcome {
    if let Some(which) = crate::library::standard_port(&args[0]) {
        return Ok(value::symbol_value(STANDARD_PORTS[which as usize].0));
    }
    Ok(data_of(&args[0])
        .and_then(|data| records::field(&data, 0))
        .unwrap_or(Value::BoolV(false)))
}

fn parameter_converter(args: &[Value]) -> Outcome {
    if crate::library::standard_port(&args[0]).is_some() {
        return Ok(Value::FuncV(|args| {
            Ok(args.first().cloned().unwrap_or(Value::Void))
        }));
    }
    Ok(data_of(&args[0])
        .and_then(|data| records::field(&data, 1))
        .unwrap_or(Value::BoolV(false)))
}

fn is_parameter(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(
        data_of(&args[0]).is_some() || crate::library::standard_port(&args[0]).is_some(),
    ))
}

fn make_promise(machine: &mut Machine, args: &[Value]) -> Outcome {
    let fields = machine.vector(vec![args[0].clone(), args[1].clone()]);
    Ok(records::make_changeable(kind(PROMISE), fields))
}

fn is_promise(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(has_kind(&args[0], PROMISE)))
}

fn promise_kind(args: &[Value]) -> Outcome {
    Ok(records::field(&args[0], 0).unwrap_or(Value::Void))
}

fn promise_content(args: &[Value]) -> Outcome {
    Ok(records::field(&args[0], 1).unwrap_or(Value::Void))
}

fn promise_settle(args: &[Value]) -> Outcome {
    let _promises_can_be_changed = records::replace_field(&args[0], 0, args[1].clone())
        && records::replace_field(&args[0], 1, args[2].clone());
    Ok(Value::Void)
}

fn frames_are_gone(_: &[Value]) -> Outcome {
    memory::frames_are_gone();
    Ok(Value::Void)
}

fn limit_frames(args: &[Value]) -> Outcome {
    let count = args::size("call-with-stack-overflow-handler", args, 1)?;
    Ok(args::integer(memory::limit_frames(count)))
}

fn begin_limit(args: &[Value]) -> Outcome {
    let kind = args::symbol("%begin-limit", args, 1)?;
    let amount = numbers::to_f64(&args[1])
        .filter(|amount| *amount >= 0.0)
        .ok_or_else(|| errors::wrong_type("%begin-limit", 2, &args[1]))?;
    let amount = if kind == "time" {
        Amount::Time(Duration::try_from_secs_f64(amount).unwrap_or(Duration::MAX))
    } else {
        // A number too large is the largest there is.
        Amount::Allocation(amount as usize)
    };
    limits::begin(amount, Target::of(&args[2])).map_err(|error| {
        errors::system("%begin-limit", error.raw_os_error().unwrap_or_default())
    })?;
    Ok(Value::Void)
}

fn end_limit(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(limits::end(Target::of(&args[0]))))
}
