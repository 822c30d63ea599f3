//! From what the machine ran back to what the user wrote.
//!
//! Each unit begins with a comment `;uNUMBER`; for each call in it the map
//! knows the span of the form it was printed from.

use crate::syntax::span::Span;
use std::cell::RefCell;

thread_local! {
    static UNITS: RefCell<Vec<Vec<(u32, Span)>>> = const { RefCell::new(Vec::new()) };
}

/// A number for the next unit.
pub fn reserve() -> usize {
    UNITS.with(|units| {
        let mut units = units.borrow_mut();
        units.push(Vec::new());
        units.len() - 1
    })
}

/// PLACES are offsets into the text of unit NUMBER, in order, with their spans.
pub fn record(number: usize, places: Vec<(u32, Span)>) {
    UNITS.with(|units| {
        if let Some(unit) = units.borrow_mut().get_mut(number) {
            *unit = places;
        }
    });
}

/// What the user wrote for the text around OFFSET of the unit whose TEXT this is.
pub fn find(text: &str, offset: u32) -> Option<Span> {
    let number: usize = text.strip_prefix(";u")?.split('\n').next()?.parse().ok()?;
    UNITS.with(|units| {
        let units = units.borrow();
        let places = units.get(number)?;
        let index = places.partition_point(|(position, _)| *position <= offset);
        places.get(index.checked_sub(1)?).map(|(_, span)| *span)
    })
}
