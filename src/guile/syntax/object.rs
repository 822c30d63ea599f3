//! Syntax as a Scheme value.

use crate::data::value::{Value, list_value};
use crate::syntax::span::Span;
use crate::syntax::stx::Stx;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

#[derive(Clone)]
struct SyntaxObject(Stx);

impl Custom for SyntaxObject {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        let text = self.0.datum(&mut |items| list_value(items)).to_string();
        Some(Ok(format!("#<syntax {text}>")))
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

/// VALUE as syntax: syntax as it is, lists of syntax element by element.
pub fn to_stx(value: &Value) -> Stx {
    Stx::from_value(value, Span::default(), &|id| id)
}
