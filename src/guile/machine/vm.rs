//! The virtual machine: Steel's raw engine, and the stack it runs on.

use crate::data::builtins::{MODULES, steel_primitive};
use crate::data::native::{self, Protocol};
use crate::data::roots::{self, Root};
use crate::data::unbound::unbound_marker;
use crate::data::value::Value;
use crate::data::{circles, memory, pairs, records};
use crate::library::{ports, printer};
use crate::machine::{conditions, control, extents, procedures};
use std::cell::RefCell;
use steel::SteelErr;
use steel::rerrs::ErrorKind;
use steel::steel_vm::engine::Engine;

/// Address space reserved for the stack; pages are only used when touched.
const STACK_BYTES: usize = 1 << 30;

/// What a main thread has.
const SMALLEST_STACK_BYTES: usize = 8 << 20;

/// How much of it the machine takes to let go of a list: it recurses, by less
/// than a pair's own size for each pair.
fn stack_bytes_to_let_go() -> usize {
    memory::limit().saturating_mul(5) / 4
}

/// Run BODY on a thread whose stack is large enough for deeply nested programs.
pub fn on_large_stack<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    on_large_stack_beside(body, || ())
}

/// Run BODY as [`on_large_stack`] does, and MEANWHILE on this thread.
///
/// The compiler and the expander recurse over the program's nesting; a main
/// thread's 8 MiB would end in an abort at some thousand levels.
pub fn on_large_stack_beside<T: Send>(
    body: impl FnOnce() -> T + Send,
    meanwhile: impl FnOnce(),
) -> T {
    let body = std::sync::Mutex::new(Some(body));
    let run = || {
        let body = body
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        body.expect("one thread is started")()
    };
    std::thread::scope(|scope| {
        let spawn = |bytes| {
            std::thread::Builder::new()
                .name("scheme".to_owned())
                .stack_size(bytes)
                .spawn_scoped(scope, run)
        };
        // A system that grants no more address space than it has memory may
        // refuse the first.
        let wanted = STACK_BYTES.saturating_add(stack_bytes_to_let_go());
        let smaller = std::iter::successors(Some(STACK_BYTES), |bytes| Some(bytes / 2))
            .take_while(|bytes| *bytes >= SMALLEST_STACK_BYTES);
        let thread = std::iter::once(wanted)
            .chain(smaller)
            .find_map(|bytes| spawn(bytes).ok())
            .expect("there is room for the stack that every process has");
        meanwhile();
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Steel's own procedures that emitted programs and the glue call. Only these
/// are bound: binding all of Steel's names would cost most of the start-up.
const PRIMITIVES: &[&str] = &[
    "+",
    "-",
    "=",
    "<",
    ">",
    "<=",
    ">=",
    "car",
    "cdr",
    "cons",
    "not",
    "null?",
    "apply",
    "eval-string",
    "call/cc",
    "call-with-exception-handler",
    "vector",
    "vector-ref",
    "box",
    "unbox",
    "set-box!",
];

/// How natives raise and call.
static PROTOCOL: Protocol = Protocol {
    raise: conditions::raise,
    nested_call,
    nested_result,
    begin_nested_run: control::begin_nested_run,
    end_nested_run: control::end_nested_run,
    refill_port: ports::refill_from_program,
    name_port: ports::named_in,
    wants_flush: ports::wants_flush,
    flush_port: ports::flush_to_program,
};

/// What nested calls go through: Steel's own `transduce`, a transducer that
/// calls, and the reducer that collects the one result.
struct Nesting {
    evaluator: Root,
    transduce: Value,
    caller: Value,
    collect: Value,
}

thread_local! {
    static NESTING: RefCell<Option<Nesting>> = const { RefCell::new(None) };
}

/// The glue, in one text because each text costs the start-up a compilation.
///
/// An error that left the nested run would end the whole machine's; so it comes
/// back as the result, which `nested_result` knows it from.
const GLUE: &str = concat!(
    "(define %%nested (lambda (request)",
    "  (#%prim.call-with-exception-handler",
    "    (lambda (trouble) trouble)",
    "    (lambda ()",
    "      (let ((sentinel (n.%sentinel)))",
    "        (let ((result (#%prim.apply (#%prim.car request) (#%prim.cdr request))))",
    "          (n.%disarm sentinel)",
    "          result))))))",
    "(define %%extents (#%prim.box %%nil))",
    "(define %%end-of-records (#%prim.vector))",
    "(define %%evaluate (lambda (text) (#%prim.eval-string text)))",
    "(define %%load-more (lambda (load count value)",
    "  (let ((unit (n.%next-unit load count)))",
    "    (if unit",
    "        (%%load-more load (#%prim.+ count 1) (#%prim.eval-string unit))",
    "        value))))",
    "(define %%load (lambda (load) (%%load-more load 0 %%void)))",
);

/// A fresh engine with Steel's procedures bound as `#%prim.NAME`, which the
/// compiler turns into instructions where it has some.
pub fn engine() -> Engine {
    native::serve_by(&PROTOCOL);
    printer::describe_procedures_by(procedures::written);
    roots::prepare();
    memory::expect_the_machine();
    let mut engine = Engine::new_raw_no_kernel();
    register_modules(&mut engine);
    for name in PRIMITIVES {
        engine.register_value(&format!("#%prim.{name}"), steel_primitive(name));
    }
    // What the machine calls fastest, since programs are full of it.
    engine.register_value("n.%single", Value::FuncV(control::single));
    // The machine's own would collect with circles closed.
    engine.register_value(
        "n.%box",
        Value::BuiltIn(|context, arguments| {
            let _while_it_collects = circles::open();
            Some(Ok(context.make_box(arguments[0].clone())))
        }),
    );
    engine.register_value("n.%applicable", Value::FuncV(control::applicable));
    engine.register_value("n.%sum", Value::FuncV(control::sum));
    engine.register_value("n.%difference", Value::FuncV(control::difference));
    engine
}

/// Compile the glue, for which ENGINE has the natives bound; the procedure that
/// runs a load, unit by unit, in one run of the machine.
pub fn load_procedure(engine: &mut Engine) -> Result<Value, SteelErr> {
    engine.register_value("%%void", Value::Void);
    engine.register_value("%%no", Value::BoolV(false));
    engine.register_value("%%nil", pairs::nil());
    engine.register_value("%%unset", unbound_marker("variable before its definition"));
    // Steel asks for the working directory with each text that has no place, also where
    // it has been removed.
    if std::env::current_dir().is_err() {
        let root = || std::path::PathBuf::from("/");
        engine.register_value("n.%place", steel_primitive("#%push-module-context"));
        engine.compile_and_run_raw_program_with_path(GLUE, root())?;
        engine.compile_and_run_raw_program_with_path("(n.%place \"/\")", root())?;
    } else {
        engine.run(GLUE)?;
    }
    extents::set_cell(engine.extract_value("%%extents")?);
    records::end_with(engine.extract_value("%%end-of-records")?);
    let mapping = match steel_primitive("mapping") {
        Value::FuncV(mapping) => mapping(&[engine.extract_value("%%nested")?])?,
        other => unreachable!("Steel's mapping is {other:?}"),
    };
    let collect = match steel_primitive("into-list") {
        Value::FuncV(reducer) => reducer(&[])?,
        reducer => reducer,
    };
    let nesting = Nesting {
        evaluator: Root::of(&engine.extract_value("%%evaluate")?),
        transduce: steel_primitive("transduce"),
        caller: mapping,
        collect,
    };
    NESTING.with(|slot| *slot.borrow_mut() = Some(nesting));
    engine.extract_value("%%load")
}

fn register_modules(engine: &mut Engine) {
    for visit in MODULES {
        visit(&mut |module| {
            engine.register_module(module.clone());
        });
    }
}

/// A procedure that runs the text of a unit.
pub fn evaluator() -> Value {
    NESTING.with(|nesting| {
        nesting
            .borrow()
            .as_ref()
            .map(|nesting| nesting.evaluator.value().clone())
            .expect("an engine has been made on this thread")
    })
}

/// What to give Steel's `transduce` (the first value) so that it calls PROCEDURE.
pub fn nested_call(
    procedure: Value,
    arguments: Vec<Value>,
) -> Result<(Value, [Value; 3]), SteelErr> {
    let mut request = arguments;
    request.insert(0, control::applicable(&[procedure])?);
    NESTING.with(|nesting| {
        let nesting = nesting.borrow();
        let nesting = nesting
            .as_ref()
            .ok_or_else(|| SteelErr::new(ErrorKind::Generic, "no engine on this thread".into()))?;
        Ok((
            nesting.transduce.clone(),
            [
                Value::ListV(vec![Value::ListV(request.into())].into()),
                nesting.caller.clone(),
                nesting.collect.clone(),
            ],
        ))
    })
}

/// The value in what `transduce` collected, or the error that ended the call.
pub fn nested_result(collected: Value) -> Result<Value, SteelErr> {
    let result = match &collected {
        Value::ListV(items) => items.first().cloned().unwrap_or(Value::Void),
        _ => collected,
    };
    match conditions::error_of(&result) {
        Some(error) => Err(error),
        None => Ok(result),
    }
}

/// Let natives raise through the Scheme procedure RAISER from now on.
pub fn set_raiser(raiser: &Value) {
    conditions::set_raiser(|| steel_primitive("apply"), raiser);
}

/// Keep Steel from looking for a library of its own in the user's home, and
/// from making a directory there: nothing of it is used.
///
/// # Safety
///
/// Writes the environment, so no other thread may be running yet.
pub unsafe fn keep_steel_out_of_the_home() {
    const VARIABLE: &str = "STEEL_HOME";
    let before = std::env::var_os(VARIABLE);
    // Steel reads the variable once in the life of a process, here; programs
    // that we start must not inherit it.
    unsafe { std::env::set_var(VARIABLE, "/nonexistent") };
    let _read_once = steel::compiler::modules::steel_home();
    match before {
        Some(value) => unsafe { std::env::set_var(VARIABLE, value) },
        None => unsafe { std::env::remove_var(VARIABLE) },
    }
}
