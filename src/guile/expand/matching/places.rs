//! `(get! name)` and `(set! name)`: procedures for the place that matched.

use crate::expand::Expander;
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::tree_il::{Core, Local};
use std::rc::Rc;

/// Where a value was taken from, for the patterns `(get! NAME)` and `(set! NAME)`.
#[derive(Clone)]
pub enum Place {
    Car(Rc<Local>),
    Cdr(Rc<Local>),
    Field(Rc<Local>, usize),
    /// A list made of the vector's elements.
    Elements(Rc<Local>),
}

/// The procedure that gets or sets the place from which LOCAL was taken.
pub(super) fn place_procedure(
    x: &mut Expander,
    local: &Local,
    sets: bool,
    span: Span,
) -> Option<Core> {
    let place = x.places.get(&local.number)?.clone();
    let (getter, setter, mut operands) = match place {
        Place::Field(record, index) => (
            "%record-field",
            "%set-record-field!",
            vec![Core::Local(record), Core::integer(index, span)],
        ),
        Place::Cdr(pair) => ("cdr", "set-cdr!", vec![Core::Local(pair)]),
        Place::Car(pair) => {
            let mut index = 0;
            let mut at = pair.clone();
            while let Some(Place::Cdr(before)) = x.places.get(&at.number) {
                at = before.clone();
                index += 1;
            }
            match x.places.get(&at.number) {
                Some(Place::Elements(vector)) => (
                    "vector-ref",
                    "vector-set!",
                    vec![Core::Local(vector.clone()), Core::integer(index, span)],
                ),
                _ => ("car", "set-car!", vec![Core::Local(pair)]),
            }
        }
        Place::Elements(_) => return None,
    };
    if !sets {
        let body = x.core_call(getter, operands, span);
        return Some(Core::lambda(Vec::new(), None, body, span));
    }
    let given = Local::new(Id::named("value"));
    operands.push(Core::Local(given.clone()));
    let body = x.core_call(setter, operands, span);
    Some(Core::lambda(vec![given], None, body, span))
}
