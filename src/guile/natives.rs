//! The registry of natives: Rust functions that Scheme modules import.
//!
//! Each domain lists its primitives in its `primitives.rs` with [`natives!`];
//! whoever assembles an interpreter hands those lists to it. A list is a
//! Scheme module of its own, named `(fruix native DOMAIN)`, which
//! `scheme/fruix/DOMAIN.scm` imports.

use super::value::Value;
use crate::failure::Failure;

/// What a native gives back.
pub type Outcome = Result<Value, Raise>;

/// The error of a native: a failure of a domain, or a Guile error as `throw`
/// would raise it.
pub enum Raise {
    Failure(Failure),
    Throw { key: String, args: Vec<Value> },
}

impl Raise {
    /// What `(throw 'KEY ARGS …)` raises.
    pub fn throw(key: &str, args: Vec<Value>) -> Self {
        Raise::Throw {
            key: key.to_owned(),
            args,
        }
    }
}

impl<E> From<E> for Raise
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Raise::Failure(error.into())
    }
}

/// How many arguments a native takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    pub required: usize,
    pub optional: usize,
    pub rest: bool,
}

impl Arity {
    pub const fn new(required: usize, optional: usize, rest: bool) -> Self {
        Arity {
            required,
            optional,
            rest,
        }
    }

    pub const fn accepts(self, count: usize) -> bool {
        count >= self.required && (self.rest || count <= self.required + self.optional)
    }
}

/// One Rust function as Scheme sees it. Arity has been checked before
/// `function` is called, so it may index its required arguments.
pub struct Native {
    pub name: &'static str,
    pub arity: Arity,
    pub documentation: &'static str,
    pub function: fn(&[Value]) -> Outcome,
}

/// A Scheme module made of natives, such as `(fruix native rootfs)`.
pub struct NativeModule {
    pub name: &'static [&'static str],
    pub natives: &'static [Native],
}

/// List the natives of a module.
///
/// ```ignore
/// natives! {
///     /// (%rootfs-populate closure rootfs development?) -> number of entries made
///     ///
///     /// Populate ROOTFS from CLOSURE.
///     "%rootfs-populate" (3) => populate,
///     /// With one optional argument.
///     "%rootfs-plan" (1, 1) => plan,
///     /// With any number of further arguments.
///     "%rootfs-union" (1, rest) => union,
/// }
/// ```
/// defines `pub static NATIVES: &[Native]`.
#[macro_export]
macro_rules! natives {
    ($( $(#[doc = $doc:literal])* $name:literal ($required:literal $(, $more:tt)?) => $function:path ),* $(,)?) => {
        pub static NATIVES: &[$crate::guile::natives::Native] = &[
            $( $crate::guile::natives::Native {
                name: $name,
                arity: $crate::native_arity!($required $(, $more)?),
                documentation: concat!($($doc, "\n"),*),
                function: $function,
            } ),*
        ];
    };
}

/// The arity that `natives!` wrote down.
#[macro_export]
#[doc(hidden)]
macro_rules! native_arity {
    ($required:literal) => {
        $crate::guile::natives::Arity::new($required, 0, false)
    };
    ($required:literal, rest) => {
        $crate::guile::natives::Arity::new($required, 0, true)
    };
    ($required:literal, $optional:literal) => {
        $crate::guile::natives::Arity::new($required, $optional, false)
    };
}
