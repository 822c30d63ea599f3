//! Natives that emitted programs, the glue and `scheme/guile/boot` call: what
//! the language itself needs of Rust.

use crate::compile::constants;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::unbound::{unbound_marker, unbound_name};
use crate::data::value::{self, Value, list_value, string_value};
use crate::data::{errors, pairs, records, symbols, throw_shape};
use crate::eval::loader::{self, Load};
use crate::eval::{module_values, report};
use crate::expand::Expander;
use crate::machine::{conditions, procedures, steel_errors};
use crate::namespace::registry::world;
use crate::syntax::identifier::Id;
use crate::syntax::stx;
use crate::tree_il::Core;
use std::cell::RefCell;

crate::natives! {
    /// (%unbound number) -> the marker that an unbound variable holds
    "%unbound" (1) => unbound,
    /// (%bound value) -> value, unless it is the marker of an unbound variable
    "%bound" (1) => bound,
    /// (%has-value value name) -> value, unless it is what a local variable holds before it has one
    "%has-value" (2) => has_value,
    /// (%constant number) -> the datum with that number
    "%constant" (1) with machine => constant,
    /// (%pairs rest) -> the machine's rest list as pairs
    "%pairs" (1) => rest_pairs,
    /// (%entered number) -> the deferred procedure with that number, compiled now unless it has been
    "%entered" (1) with machine => entered,
    /// (%next-unit load count) -> text of the unit after the first COUNT, or #f
    "%next-unit" (2) with machine => next_unit,
    /// (%load-of-text name text) -> load
    "%load-of-text" (2) => load_of_text,
    /// (%load-of-form form module) -> load; with #f, in whatever module is current
    "%load-of-form" (2) => load_of_form,
    /// (%load-showing form) -> load, which writes down what FORM expands to instead of running it
    "%load-showing" (1) => load_showing,
    /// (%shown load) -> what it has written down, a list of strings
    "%shown" (1) => shown,
    /// (%load-of-module name) -> load
    "%load-of-module" (1) with machine => load_of_module,
    /// (values value ...) -> the values
    "values" (0, rest) with several => values,
    /// (%values->list values) -> list of the values
    "%values->list" (1) => values_to_list,
    /// (%values-item values index count more?) -> one of them
    "%values-item" (4) => values_item,
    /// (%keys-fit? arguments count least most) -> whether keywords follow at most MOST arguments
    "%keys-fit?" (4) => keys_fit,
    /// (%values-tail values count) -> those after the first COUNT
    "%values-tail" (2) => values_tail,
    /// (%values-none values) -> checks that there are none
    "%values-none" (1) => values_none,
    /// (%values-arguments values) -> the values in a list, for the machine's apply
    "%values-arguments" (1) => values_arguments,
    /// (%more-positional? list) -> whether LIST begins with something other than a keyword
    "%more-positional?" (1) => more_positional,
    /// (%check-keywords arguments keywords allow-other-keys? rest?) -> raises unless they fit
    "%check-keywords" (4) => check_keywords,
    /// (%keyword-tail arguments keyword) -> the arguments from the value of KEYWORD on, or #f
    "%keyword-tail" (2) => keyword_tail,
    /// (%check-no-more arguments) -> raises unless ARGUMENTS is empty
    "%check-no-more" (1) => check_no_more,
    /// (%list-count list after) -> how many elements come before the last AFTER, negative when LIST is none
    "%list-count" (2) => list_count,
    /// (%pairs-count list after) -> the same for a list that may be improper
    "%pairs-count" (2) => pairs_count,
    /// (%match-error value) -> raises
    "%match-error" (1) => match_error,
    /// (%no-matching-arity arguments) -> raises
    "%no-matching-arity" (1) => no_matching_arity,
    /// (%wrong-count number argument ...) -> raises that the procedure which shows as the text of
    /// NUMBER does not take so many
    "%wrong-count" (1, rest) => wrong_count_of,
    /// (%unwind-with object) -> unwinds the machine with OBJECT, which was caught, as far as it was to go
    "%unwind-with" (1) => unwind_with,
    /// (%caught error) -> the object that the machine's ERROR unwinds with
    "%caught" (1) => caught,
    /// (%exception-text key arguments) -> what throwing them is about, for people
    "%exception-text" (2) => exception_text,
    /// (%make-throw key arguments) -> the object that throw raises
    "%make-throw" (2) => make_throw,
    /// (%throw? object) -> whether throw made OBJECT
    "%throw?" (1) => is_throw,
    /// (%throw-key object) -> its key
    "%throw-key" (1) => throw_key,
    /// (%throw-arguments object) -> its arguments
    "%throw-arguments" (1) => throw_arguments,
    /// (%throw-shape key arguments) -> what that is made of: lists of a type's name and fields
    "%throw-shape" (2) => throw_shape,
}

fn index(args: &[Value], position: usize) -> usize {
    match &args[position] {
        Value::IntV(number) => usize::try_from(*number).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

fn unbound(args: &[Value]) -> Outcome {
    let name = constants::name(index(args, 0)).unwrap_or_else(|| Id::named("?"));
    Ok(unbound_marker(&name.name()))
}

fn bound(args: &[Value]) -> Outcome {
    match unbound_name(&args[0]) {
        None => Ok(args[0].clone()),
        Some(name) => Err(unbound_variable(Id::named(&name))),
    }
}

/// What Guile's interpreter throws for a local variable that is not defined yet;
/// the name takes the place of the cell that Guile shows.
fn has_value(args: &[Value]) -> Outcome {
    if unbound_name(&args[0]).is_none() {
        return Ok(args[0].clone());
    }
    let name = constants::name(index(args, 1)).unwrap_or_else(|| Id::named("?"));
    Err(errors::misc(
        "variable-ref",
        "Unbound variable: ~S",
        vec![name.symbol()],
    ))
}

/// What Guile throws for a variable without a value.
pub fn unbound_variable(name: Id) -> Raise {
    Raise::throw(
        "unbound-variable",
        vec![
            Value::BoolV(false),
            string_value("Unbound variable: ~S"),
            list_value(vec![name.symbol()]),
            Value::BoolV(false),
        ],
    )
}

fn constant(machine: &mut Machine, args: &[Value]) -> Outcome {
    constants::value(index(args, 0), machine).ok_or_else(|| {
        Raise::Failure(failure::Failure::internal(format!(
            "constant {} was made twice",
            index(args, 0)
        )))
    })
}

fn rest_pairs(args: &[Value]) -> Outcome {
    Ok(pairs::from_machine(args[0].clone()))
}

fn load_value(load: Load) -> Value {
    value::handle_value("load", RefCell::new(load))
}

fn next_unit(machine: &mut Machine, args: &[Value]) -> Outcome {
    let load = value::handle::<RefCell<Load>>("%next-unit", args, 1)?;
    let mut expander = Expander::new(machine, world(), loader::units);
    match load.borrow_mut().unit(index(args, 1), &mut expander) {
        Ok(Some(text)) => Ok(string_value(text)),
        Ok(None) => Ok(Value::BoolV(false)),
        Err(trouble) => Err(trouble.into_raise(&mut |items| machine.vector(items))),
    }
}

fn entered(machine: &mut Machine, args: &[Value]) -> Outcome {
    let number = index(args, 0);
    let Some((deferred, procedure)) = procedures::deferred(number) else {
        return Err(value::wrong_type("%entered", 1, &args[0]));
    };
    if let Some(procedure) = procedure {
        return Ok(procedure);
    }
    let mut expander = Expander::new(machine, world(), loader::units);
    if let Err(trouble) = expander.value_of(&Core::Settle(deferred, number)) {
        return Err(trouble.into_raise(&mut |items| machine.vector(items)));
    }
    procedures::deferred(number)
        .and_then(|(_, procedure)| procedure)
        .ok_or_else(|| Raise::Failure(failure::Failure::internal("a procedure was not compiled")))
}

fn load_of_text(args: &[Value]) -> Outcome {
    let name = value::string("load", args, 1)?;
    let text = value::string("load", args, 2)?;
    Ok(load_value(Load::of_text(&world(), &name, text.into())))
}

fn load_of_form(args: &[Value]) -> Outcome {
    let world = world();
    let module = match &args[1] {
        Value::BoolV(false) => None,
        module => Some(
            module_values::module_of(module).ok_or_else(|| value::wrong_type("eval", 2, module))?,
        ),
    };
    let form = stx::Stx::from_value(&args[0], loader::no_span(), &|id| id);
    Ok(load_value(Load::of_form(&world, form, module.as_ref())))
}

fn load_showing(args: &[Value]) -> Outcome {
    let form = stx::Stx::from_value(&args[0], loader::no_span(), &|id| id);
    Ok(load_value(Load::showing_form(&world(), form)))
}

fn shown(args: &[Value]) -> Outcome {
    let load = value::handle::<RefCell<Load>>("%shown", args, 1)?;
    let texts = load.borrow().shown();
    Ok(list_value(texts.into_iter().map(string_value).collect()))
}

fn load_of_module(machine: &mut Machine, args: &[Value]) -> Outcome {
    let name = module_values::name_of(&args[0])
        .ok_or_else(|| value::wrong_type("resolve-module", 1, &args[0]))?;
    match Load::of_module(&world(), &name) {
        Ok(load) => Ok(load_value(load)),
        Err(trouble) => Err(trouble.into_raise(&mut |items| machine.vector(items))),
    }
}

fn values(args: &[Value]) -> Outcome {
    Ok(match args {
        [one] => one.clone(),
        _ => records::values(args.to_vec()),
    })
}

fn values_to_list(args: &[Value]) -> Outcome {
    Ok(list_value(records::values_list(&args[0])))
}

fn wrong_count() -> Raise {
    Raise::throw(
        "wrong-number-of-args",
        vec![
            Value::BoolV(false),
            string_value("Wrong number of values returned to continuation"),
            list_value(Vec::new()),
            Value::BoolV(false),
        ],
    )
}

fn keys_fit(args: &[Value]) -> Outcome {
    let (count, least, most) = (index(args, 1), index(args, 2), index(args, 3));
    let fits = count >= least
        && (count <= most
            || pairs::items(&args[0])
                .skip(least)
                .take(most - least + 1)
                .any(is_keyword));
    Ok(Value::BoolV(fits))
}

fn values_item(args: &[Value]) -> Outcome {
    let (position, count) = (index(args, 1), index(args, 2));
    let more = value::truth(args, 4);
    let Some(mut given) = records::several(&args[0]) else {
        return match count {
            1 => Ok(args[0].clone()),
            0 if more => Ok(args[0].clone()),
            _ => Err(wrong_count()),
        };
    };
    if count == 0 && !more {
        return match given.next() {
            None => Ok(Value::Void),
            Some(_) => Err(wrong_count()),
        };
    }
    // All are counted, though one is given.
    let mut item = None;
    let mut found = 0;
    for value in given {
        if found == position {
            item = Some(value);
        }
        found += 1;
    }
    match item {
        Some(item) if found == count || more && found > count => Ok(item.clone()),
        _ => Err(wrong_count()),
    }
}

fn values_tail(args: &[Value]) -> Outcome {
    let count = index(args, 1);
    let mut items = records::values_list(&args[0]);
    if items.len() < count {
        return Err(wrong_count());
    }
    Ok(list_value(items.split_off(count)))
}

fn values_none(args: &[Value]) -> Outcome {
    if records::values_list(&args[0]).is_empty() {
        Ok(Value::Void)
    } else {
        Err(wrong_count())
    }
}

fn values_arguments(args: &[Value]) -> Outcome {
    Ok(Value::ListV(records::values_list(&args[0]).into()))
}

fn is_keyword(value: &Value) -> bool {
    matches!(value, Value::SymbolV(text) if symbols::keyword_name(text).is_some())
}

fn more_positional(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(
        pairs::car(&args[0]).is_some_and(|first| !is_keyword(first)),
    ))
}

fn keyword_error(key: &str, message: &str, irritant: Vec<Value>) -> Raise {
    Raise::throw(
        key,
        vec![
            Value::BoolV(false),
            string_value(message),
            list_value(Vec::new()),
            list_value(irritant),
        ],
    )
}

fn check_keywords(args: &[Value]) -> Outcome {
    let given = pairs::to_vec(&args[0]).unwrap_or_default();
    let known = pairs::to_vec(&args[1]).unwrap_or_default();
    let allow_other = value::truth(args, 3);
    let rest = value::truth(args, 4);
    let mut position = 0;
    while position < given.len() {
        let item = &given[position];
        if !is_keyword(item) {
            if rest {
                position += 1;
                continue;
            }
            return Err(keyword_error(
                "keyword-argument-error",
                "Invalid keyword",
                vec![item.clone()],
            ));
        }
        if !known.contains(item) {
            if !allow_other {
                return Err(keyword_error(
                    "keyword-argument-error",
                    "Unrecognized keyword",
                    vec![item.clone()],
                ));
            }
        } else if position + 1 >= given.len() {
            return Err(keyword_error(
                "keyword-argument-error",
                "Keyword argument has no value",
                vec![item.clone()],
            ));
        }
        position += 2;
    }
    Ok(Value::Void)
}

fn keyword_tail(args: &[Value]) -> Outcome {
    let mut rest = args[0].clone();
    let mut found = Value::BoolV(false);
    while let Some(first) = pairs::car(&rest) {
        let skip = is_keyword(first);
        let hit = *first == args[1];
        let Some(next) = pairs::cdr(&rest) else { break };
        if hit && pairs::is_pair(&next) {
            found = next.clone();
        }
        rest = if skip {
            pairs::cdr(&next).unwrap_or_else(pairs::nil)
        } else {
            next
        };
    }
    Ok(found)
}

fn too_many() -> Raise {
    procedures::wrong_count(steel_errors::shown(steel_errors::SOME_PROCEDURE))
}

fn check_no_more(args: &[Value]) -> Outcome {
    if pairs::is_nil(&args[0]) {
        Ok(Value::Void)
    } else {
        Err(too_many())
    }
}

fn list_count(args: &[Value]) -> Outcome {
    let after = index(args, 1) as isize;
    Ok(Value::IntV(pairs::length(&args[0]).map_or(-1, |count| {
        isize::try_from(count).unwrap_or(isize::MAX) - after
    })))
}

fn pairs_count(args: &[Value]) -> Outcome {
    let after = index(args, 1) as isize;
    let count = pairs::items(&args[0]).count();
    Ok(Value::IntV(
        isize::try_from(count).unwrap_or(isize::MAX) - after,
    ))
}

fn match_error(args: &[Value]) -> Outcome {
    Err(Raise::throw(
        "match-error",
        vec![
            string_value("match"),
            string_value("no matching pattern"),
            args[0].clone(),
        ],
    ))
}

fn no_matching_arity(_args: &[Value]) -> Outcome {
    Err(too_many())
}

fn wrong_count_of(args: &[Value]) -> Outcome {
    let procedure = constants::name(index(args, 0)).map_or_else(
        || steel_errors::SOME_PROCEDURE.to_owned(),
        |shown| shown.name().to_string(),
    );
    Err(procedures::wrong_count(steel_errors::shown(&procedure)))
}

fn unwind_with(args: &[Value]) -> Outcome {
    Err(Raise::Unwind(args[0].clone()))
}

fn caught(args: &[Value]) -> Outcome {
    Ok(match conditions::error_of(&args[0]) {
        Some(error) => conditions::caught(&error).object(),
        None => args[0].clone(),
    })
}

fn exception_text(args: &[Value]) -> Outcome {
    let key = match &args[0] {
        Value::SymbolV(name) => name.to_string(),
        other => crate::library::displayed(other),
    };
    let arguments = pairs::to_vec(&args[1]).unwrap_or_default();
    let object = arguments.first().cloned().unwrap_or(Value::Void);
    Ok(string_value(report::printed(&key, &arguments, &object)))
}

fn make_throw(args: &[Value]) -> Outcome {
    Ok(records::throw_object(args[0].clone(), args[1].clone()))
}

fn is_throw(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(records::thrown(&args[0]).is_some()))
}

fn throw_key(args: &[Value]) -> Outcome {
    match records::thrown(&args[0]) {
        Some((key, _)) => Ok(key),
        None => Err(value::wrong_type("exception-kind", 1, &args[0])),
    }
}

fn throw_shape(args: &[Value]) -> Outcome {
    Ok(throw_shape::as_list(&args[0], &args[1]))
}

fn throw_arguments(args: &[Value]) -> Outcome {
    match records::thrown(&args[0]) {
        Some((_, arguments)) => Ok(arguments),
        None => Err(value::wrong_type("exception-args", 1, &args[0])),
    }
}
