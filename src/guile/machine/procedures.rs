//! Procedures as Scheme asks about them: name, arguments, documentation.
//!
//! The machine's closures carry no names, but each piece of code has a number of its
//! own, which is never given again. Who makes a procedure that has a name tells here
//! which code it has just made.

use crate::data::identity;
use crate::data::native::{Arity, Outcome, Raise};
use crate::data::value::{self, Value, list_value, string_value, symbol_value};
use crate::data::{errors, pairs};
use crate::namespace::registry;
use crate::syntax::identifier::Id;
use crate::syntax::span;
use crate::tree_il::{Deferred, Lambda, Takes};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

crate::natives! {
    /// (%named procedure number) -> PROCEDURE, which from now on has a name
    "%named" (2) => named,
    /// (%deferred stand-in number) -> STAND-IN, which stands for the procedure with that number from now on
    "%deferred" (2) => stand_in,
    /// (%settle procedure number) -> PROCEDURE, which is what has been deferred under that number
    "%settle" (2) => settle,
    /// (%settled value number) -> the procedure with that number when VALUE stands for it, otherwise VALUE
    "%settled" (2) => settled,
    /// (%call procedure argument ...) -> what PROCEDURE gives, when it takes so many arguments
    "%call" (1, rest) with several => call,
    /// (procedure? object) -> whether OBJECT can be called
    "procedure?" (1) => is_procedure,
    /// (thunk? object) -> whether OBJECT can be called without arguments
    "thunk?" (1) => is_thunk,
    /// (%procedure-name procedure) -> the name it was defined with, or #f
    "%procedure-name" (1) => procedure_name,
    /// (procedure-minimum-arity procedure) -> (required optional rest?)
    "procedure-minimum-arity" (1) => minimum_arity,
    /// (%procedure-documentation procedure) -> what its text or primitive says, or #f
    "%procedure-documentation" (1) => procedure_documentation,
    /// (%native-documentation procedure) -> what is said of a native, the machine's own included, or #f
    "%native-documentation" (1) => native_documentation,
    /// (%same-code? a b) -> whether two procedures were made by one `lambda`
    "%same-code?" (2) => same_code,
    /// (%closed-over procedure) -> the list of what it closes over
    "%closed-over" (1) => closed_over,
    /// (%procedure-formals procedure) -> its formals as text, or #f
    "%procedure-formals" (1) => procedure_formals,
    /// (%procedure-source-place procedure) -> (file line column) where it was defined, or #f
    "%procedure-source-place" (1) => source_place,
}

/// What is known of the code of a procedure.
#[derive(Clone)]
pub struct Description {
    pub name: Id,
    /// The formals as the program writes them.
    pub formals: String,
    pub required: usize,
    pub optional: usize,
    pub rest: bool,
    pub takes: Takes,
    pub documentation: Option<String>,
    pub span: span::Span,
}

/// A procedure that has been compiled, and the number of the code it was last made from.
struct Announced {
    description: Description,
    code: Option<u32>,
}

/// A procedure that is compiled when it is first called.
struct Standing {
    what: Rc<Deferred>,
    stand_in: Value,
    procedure: Option<Value>,
}

#[derive(Default)]
struct Table {
    announced: Vec<Announced>,
    /// Which of them a code is.
    by_code: HashMap<u32, usize>,
    deferred: Vec<Standing>,
    /// What stands for procedures until they are compiled, by address: their numbers.
    stand_ins: HashMap<usize, usize>,
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::default();
}

/// A number under which the machine will report the procedure that LAMBDA makes.
pub fn announce(name: Id, lambda: &Lambda, documentation: Option<String>) -> usize {
    let description = describe_lambda(name, lambda, documentation);
    TABLE.with(|table| {
        let announced = &mut table.borrow_mut().announced;
        announced.push(Announced {
            description,
            code: None,
        });
        announced.len() - 1
    })
}

fn describe_lambda(name: Id, lambda: &Lambda, documentation: Option<String>) -> Description {
    let signature = lambda.signature.borrow();
    let (formals, optional, rest) = match &*signature {
        Some(signature) => (
            signature.formals.clone(),
            signature.optional,
            signature.rest,
        ),
        None => (written_formals(lambda), 0, lambda.rest.is_some()),
    };
    let takes = lambda.takes();
    Description {
        name,
        formals,
        required: takes.least,
        optional,
        rest,
        takes,
        documentation,
        span: lambda.span,
    }
}

/// The formals of LAMBDA, which has neither options nor keywords.
fn written_formals(lambda: &Lambda) -> String {
    let mut words: Vec<String> = lambda
        .parameters
        .iter()
        .map(|parameter| parameter.name.name().to_string())
        .collect();
    if let Some(rest) = &lambda.rest {
        if words.is_empty() {
            return rest.name.name().to_string();
        }
        words.push(".".to_owned());
        words.push(rest.name.name().to_string());
    }
    format!("({})", words.join(" "))
}

/// What the machine numbers code by: it hashes a closure by that number, and first.
#[derive(Default)]
struct CodeNumber(Option<u32>);

impl Hasher for CodeNumber {
    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u32(&mut self, number: u32) {
        self.0.get_or_insert(number);
    }

    fn finish(&self) -> u64 {
        self.0.map_or(0, u64::from)
    }
}

/// The number of the code of VALUE, a closure.
fn code_of(value: &Value) -> Option<u32> {
    let Value::Closure(closure) = value else {
        return None;
    };
    let mut number = CodeNumber::default();
    (**closure).hash(&mut number);
    number.0
}

/// What is known of the procedure VALUE.
pub fn description(value: &Value) -> Option<Description> {
    let code = code_of(value)?;
    let known = TABLE.with(|table| {
        let table = table.borrow();
        let number = *table.by_code.get(&code)?;
        Some(table.announced[number].description.clone())
    });
    if known.is_some() {
        return known;
    }
    let deferred = stood_for(value)?;
    let documentation = deferred.lambda.documentation.borrow().clone();
    Some(describe_lambda(
        deferred.variable.name,
        &deferred.lambda,
        documentation,
    ))
}

/// What VALUE stands for.
fn stood_for(value: &Value) -> Option<Rc<Deferred>> {
    let Value::Closure(closure) = value else {
        return None;
    };
    TABLE.with(|table| {
        let table = table.borrow();
        let number = table.stand_ins.get(&(closure.as_ptr() as usize))?;
        Some(table.deferred[*number].what.clone())
    })
}

/// A number by which the machine will ask for DEFERRED.
pub fn announce_deferred(deferred: &Rc<Deferred>) -> usize {
    TABLE.with(|table| {
        let mut table = table.borrow_mut();
        table.deferred.push(Standing {
            what: deferred.clone(),
            stand_in: Value::Void,
            procedure: None,
        });
        table.deferred.len() - 1
    })
}

/// The deferred procedure with NUMBER, and the procedure itself once it has been compiled.
pub fn deferred(number: usize) -> Option<(Rc<Deferred>, Option<Value>)> {
    TABLE.with(|table| {
        let table = table.borrow();
        let standing = table.deferred.get(number)?;
        Some((standing.what.clone(), standing.procedure.clone()))
    })
}

fn stand_in(args: &[Value]) -> Outcome {
    if let (Value::Closure(closure), Some(number)) = (&args[0], number_of(&args[1])) {
        TABLE.with(|table| {
            let mut table = table.borrow_mut();
            table.stand_ins.insert(closure.as_ptr() as usize, number);
            table.deferred[number].stand_in = args[0].clone();
        });
    }
    Ok(args[0].clone())
}

fn settle(args: &[Value]) -> Outcome {
    if let Some(number) = number_of(&args[1]) {
        TABLE.with(|table| {
            let standing = &mut table.borrow_mut().deferred[number];
            identity::unite(&args[0], &standing.stand_in);
            standing.procedure = Some(args[0].clone());
        });
    }
    Ok(args[0].clone())
}

fn settled(args: &[Value]) -> Outcome {
    let procedure = number_of(&args[1]).and_then(|number| deferred(number)?.1);
    Ok(match procedure {
        Some(procedure) if identity::is_eq(&procedure, &args[0]) => procedure,
        _ => args[0].clone(),
    })
}

/// The number of a deferred procedure that VALUE is.
fn number_of(value: &Value) -> Option<usize> {
    let Value::IntV(number) = value else {
        return None;
    };
    let number = usize::try_from(*number).ok()?;
    TABLE
        .with(|table| number < table.borrow().deferred.len())
        .then_some(number)
}

/// The name and the formals of VALUE, for the printer.
pub fn written(value: &Value) -> Option<(String, String)> {
    let known = description(value)?;
    Some((known.name.name().to_string(), known.formals))
}

fn named(args: &[Value]) -> Outcome {
    if let (Some(code), Value::IntV(number)) = (code_of(&args[0]), &args[1]) {
        TABLE.with(|table| {
            let Table {
                announced, by_code, ..
            } = &mut *table.borrow_mut();
            let number = *number as usize;
            if let Some(known) = announced.get_mut(number)
                && known.code != Some(code)
            {
                known.code = Some(code);
                by_code.entry(code).or_insert(number);
            }
        });
    }
    Ok(args[0].clone())
}

/// What a procedure called NAME that LAMBDA makes shows as.
pub fn shown(name: Id, lambda: &Lambda) -> String {
    let known = describe_lambda(name, lambda, None);
    format!("#<procedure {} {}>", known.name.name(), known.formals)
}

fn call(args: &[Value]) -> Outcome {
    if !args[0].is_function() {
        return Err(errors::not_applicable(&args[0]));
    }
    let count = args.len() - 1;
    let takes = description(&args[0]).is_none_or(|known| known.takes.fits(count));
    if takes {
        return Err(Raise::Call(args[0].clone(), args[1..].to_vec()));
    }
    Err(wrong_count(args[0].clone()))
}

/// What calling PROCEDURE with too few or too many arguments raises.
pub fn wrong_count(procedure: Value) -> Raise {
    Raise::throw(
        "wrong-number-of-args",
        vec![
            Value::BoolV(false),
            string_value("Wrong number of arguments to ~A"),
            list_value(vec![procedure]),
            Value::BoolV(false),
        ],
    )
}

fn is_procedure(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(args[0].is_function()))
}

/// Required, optional and whether there may be more.
fn arity(value: &Value) -> Option<(usize, usize, bool)> {
    if let Some(known) = description(value) {
        return Some((known.required, known.optional, known.rest));
    }
    match value {
        Value::Closure(closure) if closure.is_multi_arity() => {
            Some((closure.arity().saturating_sub(1), 0, true))
        }
        Value::Closure(closure) => Some((closure.arity(), 0, false)),
        Value::BuiltIn(_) | Value::FuncV(_) => registry::native_of(value).map(|native| {
            let Arity {
                required,
                optional,
                rest,
            } = native.arity;
            (required, optional, rest)
        }),
        _ => value.is_function().then_some((0, 0, true)),
    }
}

fn is_thunk(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(
        args[0].is_function() && arity(&args[0]).is_some_and(|(required, _, _)| required == 0),
    ))
}

fn procedure_name(args: &[Value]) -> Outcome {
    if !args[0].is_function() {
        return Err(value::wrong_type("procedure-name", 1, &args[0]));
    }
    if let Some(known) = description(&args[0]) {
        return Ok(match &*known.name.name() {
            "" => Value::BoolV(false),
            _ => known.name.symbol(),
        });
    }
    Ok(registry::native_of(&args[0])
        .map_or(Value::BoolV(false), |native| symbol_value(native.name)))
}

fn minimum_arity(args: &[Value]) -> Outcome {
    Ok(match arity(&args[0]) {
        Some((required, optional, rest)) => list_value(vec![
            Value::IntV(required as isize),
            Value::IntV(optional as isize),
            Value::BoolV(rest),
        ]),
        None => return Err(value::wrong_type("procedure-minimum-arity", 1, &args[0])),
    })
}

fn procedure_documentation(args: &[Value]) -> Outcome {
    let text = description(&args[0])
        .and_then(|known| known.documentation)
        .or_else(|| {
            // As in Guile, what the machine has instructions for says nothing to programs.
            let native = registry::native_of(&args[0])
                .filter(|native| !registry::machine_has(native.name))?;
            Some(native.documentation.trim().to_owned()).filter(|text| !text.is_empty())
        });
    Ok(text.map_or(Value::BoolV(false), string_value))
}

fn native_documentation(args: &[Value]) -> Outcome {
    let said = registry::native_of(&args[0]).map(|native| native.documentation.trim());
    Ok(said.map_or(Value::BoolV(false), string_value))
}

fn same_code(args: &[Value]) -> Outcome {
    let code = code_of(&args[0]);
    Ok(Value::BoolV(code.is_some() && code == code_of(&args[1])))
}

fn closed_over(args: &[Value]) -> Outcome {
    Ok(match &args[0] {
        Value::Closure(closure) => pairs::list(closure.captures().iter().cloned()),
        _ => pairs::nil(),
    })
}

fn procedure_formals(args: &[Value]) -> Outcome {
    Ok(description(&args[0]).map_or(Value::BoolV(false), |known| string_value(known.formals)))
}

fn source_place(args: &[Value]) -> Outcome {
    let place = description(&args[0]).and_then(|known| known.span.place());
    Ok(place.map_or(Value::BoolV(false), |place| {
        list_value(vec![
            string_value(place.file),
            Value::IntV(place.line as isize),
            Value::IntV(place.column as isize),
        ])
    }))
}
