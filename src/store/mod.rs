//! The store: `/frx/store/<hash>-<name>`, what its items refer to, and what
//! they are called.
//!
//! Only names and references are understood here. Metadata are Guile data and
//! are interpreted in Scheme (`scheme/fruix/store.scm`); digests and sizes are
//! another domain's. A store may lie below a directory that stands for `/`.

mod graph;
mod identity;
mod path;
pub mod primitives;

pub use graph::{Changes, Referrers, Store};
pub use identity::{Identity, SCHEME};
pub use path::{NotAStorePath, STORE_DIRECTORY, StorePath};

use crate::failure::{Failure, Key};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a question about a store has no answer.
#[derive(Debug)]
pub enum StoreError {
    NotAStorePath(NotAStorePath),
    /// The store at ROOT has no such item.
    NoSuchItem {
        item: String,
        store: PathBuf,
    },
    /// More than one item is called like this.
    Ambiguous {
        text: String,
        items: Vec<String>,
    },
    /// An identity record has a part that its text could not hold.
    Identity {
        field: &'static str,
        value: String,
    },
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl StoreError {
    fn io(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        StoreError::Io {
            doing,
            path: path.into(),
            source,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::NotAStorePath(error) => error.fmt(formatter),
            StoreError::NoSuchItem { item, store } => {
                write!(formatter, "cannot find `{item}` in `{}`", store.display())
            }
            StoreError::Ambiguous { text, items } => write!(
                formatter,
                "cannot tell which `{text}` is meant: {}",
                items.join(", ")
            ),
            StoreError::Identity { field, value } => write!(
                formatter,
                "cannot make a store path with the {field} `{value}`"
            ),
            StoreError::Io {
                doing,
                path,
                source,
            } => write!(formatter, "cannot {doing} `{}`: {source}", path.display()),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<NotAStorePath> for StoreError {
    fn from(error: NotAStorePath) -> Self {
        StoreError::NotAStorePath(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::NotAStorePath(error) => Failure::new(Key::Store, message)
                .detail("path", error.text)
                .hint("a store path is /frx/store/, 40 or 64 hexadecimal digits, `-` and a name"),
            StoreError::NoSuchItem { item, .. } => Failure::new(Key::Store, message)
                .detail("item", item)
                .hint("pass the directory that stands for `/` as #:root (--root)"),
            StoreError::Ambiguous { text, .. } => Failure::new(Key::Store, message)
                .detail("item", text)
                .hint("give more of its digits"),
            StoreError::Identity { field, .. } => Failure::new(Key::Store, message)
                .detail("field", field)
                .hint("names are made of letters, digits and +-._?="),
            StoreError::Io { path, source, .. } => Failure::new(Key::Store, message)
                .detail("path", path.to_string_lossy().into_owned())
                .cause(source),
        }
    }
}
