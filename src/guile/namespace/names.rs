//! Names of modules as programs write them.

use crate::data::number_syntax::parse_number;
use crate::data::value::Value;
use crate::namespace::modules::Name;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::stx::{Form, Stx};

/// The words of a module's name; versions are left out, `(srfi 1)` is `(srfi srfi-1)`.
pub fn module_name(stx: &Stx) -> Result<Name> {
    let bad = || Trouble::syntax("module", "bad module name", stx, None);
    let mut name = Name::new();
    for word in stx
        .as_list()
        .filter(|words| !words.is_empty())
        .ok_or_else(bad)?
    {
        match word.form() {
            Form::Id(id) => name.push(id.base()),
            Form::Atom(Value::IntV(number)) => {
                name.push(Id::named(&number.to_string()));
            }
            // (library (a b (1 2)) …)
            Form::List(..) => break,
            _ => return Err(bad()),
        }
    }
    if let [first, second, ..] = &mut name[..]
        && &*first.name() == "srfi"
    {
        let text = second.name();
        let digits = text.strip_prefix(':').unwrap_or(&text);
        if parse_number(digits, 10).is_some() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            *second = Id::named(&format!("srfi-{digits}"));
            name.truncate(2);
        }
    }
    Ok(name)
}
