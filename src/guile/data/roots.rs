//! Scheme values kept in Rust: roots for the collector.

use crate::data::value::Value;
use std::cell::{Cell, RefCell};
use steel::RootedSteelVal;

/// A value that the collector keeps as long as this lives.
pub struct Root(Option<RootedSteelVal>);

thread_local! {
    /// Given up while another is being taken out of Steel's table. It is there while
    /// that table is, see [`prepare`].
    static GIVEN_UP: RefCell<Vec<RootedSteelVal>> = const { RefCell::new(Vec::new()) };
    static GIVING_UP: Cell<bool> = const { Cell::new(false) };
}

/// Touch Steel's table of roots and then our own. A thread destroys its locals in
/// the opposite order, so ours is gone before Steel's is, and roots in other locals
/// know that there is nothing left to tell Steel.
pub fn prepare() {
    drop(Value::Void.as_rooted());
    GIVEN_UP.with(|_| ());
}

impl Root {
    pub fn of(value: &Value) -> Root {
        Root(Some(value.as_rooted()))
    }

    pub fn value(&self) -> &Value {
        self.0
            .as_ref()
            .expect("a root holds its value until it is dropped")
            .value()
    }
}

impl Clone for Root {
    fn clone(&self) -> Self {
        Root::of(self.value())
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Root")
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let Some(rooted) = self.0.take() else {
            return;
        };
        // Steel lets go of the value while it holds its table of roots, and the
        // value may hold roots of its own, as a port of the program's does. Those
        // wait here until the table is free.
        let mut waiting = Some(rooted);
        let is_there = GIVEN_UP.try_with(|given_up| given_up.borrow_mut().extend(waiting.take()));
        if is_there.is_err() {
            std::mem::forget(waiting);
            return;
        }
        if GIVING_UP.replace(true) {
            return;
        }
        let next = || GIVEN_UP.try_with(|given_up| given_up.borrow_mut().pop());
        while let Ok(Some(rooted)) = next() {
            drop(rooted);
        }
        GIVING_UP.set(false);
    }
}
