//! Guile's own procedures as natives: the part of module `(guile)` that is
//! neither syntax nor control flow.
//!
//! What calls procedures is Scheme, in `scheme/guile/boot`, on top of these.
//! A few string procedures take predicates and call them through the machine.

mod addresses;
mod decimals;
pub mod encodings;
pub mod equality;
mod files;
mod formatting;
pub mod hash_tables;
mod lists;
mod numerals;
mod opening;
pub mod outside;
mod port_natives;
pub mod ports;
pub mod posix;
pub mod printer;
mod processes;
mod random;
pub mod reading;
mod regexps;
mod signals;
mod sockets;
mod sorting;
mod strings;
mod symbol_names;
mod system_numbers;
mod xml;

use crate::data::native::Native;
use crate::data::value::Value;
use crate::data::{
    arrays, bitvectors, bytevectors, char_sets, characters, numbers, uniform, vectors,
};
pub use port_natives::{set_current_port, standard_port};

/// The natives of module `(guile)`, list by list. A later list does not
/// replace a name of an earlier one; each name occurs once.
pub fn natives() -> Vec<&'static [Native]> {
    let chapters = vec![
        addresses::NATIVES,
        bitvectors::NATIVES,
        bytevectors::NATIVES,
        char_sets::NATIVES,
        characters::NATIVES,
        encodings::NATIVES,
        equality::NATIVES,
        files::NATIVES,
        formatting::NATIVES,
        hash_tables::NATIVES,
        posix::NATIVES,
        processes::NATIVES,
        random::NATIVES,
        reading::NATIVES,
        regexps::NATIVES,
        signals::NATIVES,
        sockets::NATIVES,
        sorting::NATIVES,
        symbol_names::NATIVES,
        system_numbers::NATIVES,
        uniform::NATIVES,
        vectors::NATIVES,
        xml::NATIVES,
    ];
    [
        chapters,
        port_natives::natives(),
        arrays::natives(),
        strings::natives(),
        lists::natives(),
        numbers::natives(),
    ]
    .concat()
}

/// VALUE as `write` prints it, records by their fields.
pub fn written(value: &Value) -> String {
    printer::plain(value, printer::Style::Write)
}

/// VALUE as `display` prints it, records by their fields.
pub fn displayed(value: &Value) -> String {
    printer::plain(value, printer::Style::Display)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn every_native_is_listed_once() {
        let mut seen = HashSet::new();
        for native in crate::library::natives().into_iter().flatten() {
            assert!(
                seen.insert(native.name),
                "`{}` is listed twice",
                native.name
            );
        }
    }
}
