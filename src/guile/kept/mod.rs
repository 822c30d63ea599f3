//! What modules expand to, kept for the next process.
//!
//! While the file of a module is loaded for the first time, [`recorder`] takes down what
//! its forms expand to: core forms that are run, macros that are bound, and what the
//! forms build on. [`shelf`] keeps that in a folder under a digest of the text and of
//! this build; [`reader`] makes it again, procedures and macros when they are first
//! called or used. Whether what a form builds on is still as it was, `eval` asks before
//! it believes anything.
//!
//! What runs is not kept: a module that is loaded runs its forms each time.

mod bytes;
pub mod forms;
pub mod reader;
pub mod recorder;
pub mod shelf;
mod tags;
mod writer;

use shelf::Shelf;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

thread_local! {
    static SHELF: RefCell<Option<Rc<Shelf>>> = const { RefCell::new(None) };
    static SWEPT: Cell<bool> = const { Cell::new(false) };
}

/// From now on modules are kept on SHELF, or nowhere.
pub fn keep_on(shelf: Option<Shelf>) {
    SHELF.with(|slot| *slot.borrow_mut() = shelf.map(Rc::new));
}

/// Where modules are kept.
pub fn shelf() -> Option<Rc<Shelf>> {
    SHELF.with(|shelf| shelf.borrow().clone())
}

/// Put CONTENT under KEY. Who puts something there looks once whether it has become too much.
pub fn put(key: &crate::namespace::modules::Digest, content: &[u8]) {
    if let Some(shelf) = shelf() {
        shelf.put(key, content);
        if !SWEPT.replace(true) {
            shelf.sweep();
        }
    }
}
