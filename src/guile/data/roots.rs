//! Scheme values kept in Rust: roots for the collector.

use crate::data::value::Value;
use steel::RootedSteelVal;

/// A value that the collector keeps as long as this lives.
pub struct Root(Option<RootedSteelVal>);

thread_local! {
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
        if ALIVE.try_with(|_| ()).is_err() {
            std::mem::forget(self.0.take());
        }
    }
}
