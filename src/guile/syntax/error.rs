//! Why a form cannot be expanded.

use crate::data::native::Raise;
use crate::data::value::{Value, list_value, pair_value, string_value, symbol_value};
use crate::syntax::identifier::Id;
use crate::syntax::stx::Stx;

/// What Guile says of a form that fits no pattern of its keyword.
pub const NO_MATCH: &str = "source expression failed to match any pattern";

/// Why a form cannot be expanded.
pub enum Trouble {
    Syntax(Box<SyntaxError>),
    /// The form refers to a module that has to be loaded first.
    NeedModule(Vec<Id>),
    Raise(Raise),
}

pub struct SyntaxError {
    pub who: String,
    pub message: String,
    pub form: Stx,
    pub subform: Option<Stx>,
}

pub type Result<T> = std::result::Result<T, Trouble>;

impl Trouble {
    pub fn syntax(who: &str, message: &str, form: &Stx, subform: Option<&Stx>) -> Trouble {
        Trouble::Syntax(Box::new(SyntaxError {
            who: who.to_owned(),
            message: message.to_owned(),
            form: form.clone(),
            subform: subform.cloned(),
        }))
    }

    /// FORM fits no pattern of its keyword, which is called WHO.
    pub fn no_match(who: &str, form: &Stx) -> Trouble {
        Trouble::syntax(who, NO_MATCH, form, None)
    }

    /// What Guile throws.
    pub fn into_raise(self, vector: &mut dyn FnMut(Vec<Value>) -> Value) -> Raise {
        match self {
            Trouble::Raise(raise) => raise,
            Trouble::NeedModule(name) => no_module(&name),
            Trouble::Syntax(error) => {
                let no = || Value::BoolV(false);
                let place = error
                    .subform
                    .as_ref()
                    .unwrap_or(&error.form)
                    .span()
                    .place()
                    .or_else(|| error.form.span().place());
                let place = place.map_or_else(no, |place| {
                    let entry = |name: &str, value: Value| pair_value(symbol_value(name), value);
                    list_value(vec![
                        entry("filename", string_value(place.file)),
                        entry("line", Value::IntV(place.line as isize - 1)),
                        entry("column", Value::IntV(place.column as isize)),
                    ])
                });
                Raise::throw(
                    "syntax-error",
                    vec![
                        // Guile names no one when no pattern matches.
                        match error.who.as_str() {
                            "#f" => no(),
                            _ if error.message == NO_MATCH => no(),
                            who => symbol_value(who),
                        },
                        string_value(error.message),
                        place,
                        error.form.datum(vector),
                        error.subform.map_or_else(no, |form| form.datum(vector)),
                    ],
                )
            }
        }
    }
}

/// How Guile words it when there is no code for a module.
pub const NO_MODULE: &str = "no code for module ~S";

/// What Guile throws when there is no module called NAME.
pub fn no_module(name: &[Id]) -> Raise {
    Raise::throw(
        "misc-error",
        vec![
            Value::BoolV(false),
            string_value(NO_MODULE),
            list_value(vec![list_value(
                name.iter().map(|word| word.symbol()).collect(),
            )]),
            Value::BoolV(false),
        ],
    )
}

impl From<Raise> for Trouble {
    fn from(raise: Raise) -> Self {
        Trouble::Raise(raise)
    }
}
