//! Syntax as a Scheme value.

use crate::data::value::Value;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

#[derive(Clone)]
struct SyntaxObject(Stx);

impl Custom for SyntaxObject {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        // For Steel, which would go round a circle for ever; whoever prints for a program
        // takes it apart.
        Some(Ok(match self.0.form() {
            Form::Id(id) => format!("#<syntax {}>", id.name()),
            _ => "#<syntax>".to_owned(),
        }))
    }
}

/// STX as a value; atoms stay what they are.
pub fn wrap(stx: &Stx) -> Value {
    SyntaxObject(stx.clone())
        .into_steelval()
        .expect("a custom value is always a value")
}

/// The syntax in VALUE.
pub fn unwrap(value: &Value) -> Option<Stx> {
    let Value::Custom(custom) = value else {
        return None;
    };
    let custom = custom.read();
    as_underlying_type::<SyntaxObject>(custom.as_ref()).map(|object| object.0.clone())
}

/// Whether VALUE is syntax.
pub fn is_syntax(value: &Value) -> bool {
    unwrap(value).is_some()
}

/// VALUE as syntax: syntax as it is, lists of syntax element by element.
pub fn to_stx(value: &Value) -> Stx {
    Stx::from_value(value, Span::default(), &|id| id)
}
