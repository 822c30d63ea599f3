//! Scheme values kept in Rust: roots for the collector.

use crate::data::value::Value;
use std::cell::{Cell, RefCell};
use steel::RootedSteelVal;

/// A value that the collector keeps as long as this lives.
pub struct Root(Option<RootedSteelVal>);

thread_local! {
    /// Given up while another is being taken out of Steel's table.
    static GIVEN_UP: RefCell<Vec<RootedSteelVal>> = const { RefCell::new(Vec::new()) };
    static GIVING_UP: Cell<bool> = const { Cell::new(false) };
    /// Alive while Steel's own table of roots is, see [`prepare`].
    static ALIVE: Alive = const { Alive };
}

struct Alive;

impl Drop for Alive {
    fn drop(&mut self) {}
}

/// Touch Steel's table of roots and then our own mark. A thread destroys its
/// locals in the opposite order, so our mark is gone before Steel's table is,
/// and roots in other locals know that there is nothing left to tell Steel.
pub fn prepare() {
    drop(Value::Void.as_rooted());
    ALIVE.with(|_| ());
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
        if ALIVE.try_with(|_| ()).is_err() {
            std::mem::forget(rooted);
            return;
        }
        // Steel lets go of the value while it holds its table of roots, and the
        // value may hold roots of its own, as a port of the program's does. Those
        // wait here until the table is free.
        GIVEN_UP.with(|given_up| given_up.borrow_mut().push(rooted));
        if GIVING_UP.replace(true) {
            return;
        }
        while let Some(rooted) = GIVEN_UP.with(|given_up| given_up.borrow_mut().pop()) {
            drop(rooted);
        }
        GIVING_UP.set(false);
    }
}
