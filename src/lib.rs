//! fruix-scm: one binary with a Scheme inside, for validating Fruix systems.
//!
//! The map of the source tree. Arrows of dependency point one way:
//!
//! * [`cli`] assembles everything: arguments, settings, the prompt, one small file a verb.
//! * [`run`] keeps a run's journal of steps and its record; [`report`] makes what is kept
//!   into text for others.
//! * [`guile`] is the language: reader, expander, modules, emitter, virtual machine, natives.
//! * [`xapi`], [`ssh`], [`rootfs`], [`media`], [`digest`], [`store`] are the domains:
//!   ordinary Rust that knows nothing of Scheme outside its `primitives.rs`, and
//!   nothing of the other domains.
//! * [`lsp`] answers what editors ask about a Scheme text, from the text alone.
//! * [`runtime`] owns tokio and is the only place that blocks; [`clock`] is what time
//!   it is; [`failure`] is the one error that crosses into Scheme; [`visible`] makes
//!   text from outside fit to be shown, [`secrets`] to be told; [`temporary`] keeps folders that go with the
//!   process.
//! * [`sim`] is the simulated XCP-ng host and guest, which the client side cannot
//!   tell from real ones.

pub mod cli;
pub mod clock;
pub mod digest;
pub mod embedded;
pub mod lsp;
pub mod media;
pub mod private;
pub mod progress;
pub mod report;
pub mod rootfs;
pub mod run;
pub mod runtime;
pub mod secrets;
pub mod sim;
pub mod ssh;
pub mod store;
pub mod temporary;
pub mod visible;
pub mod xapi;

pub use failure;
pub use guile::{self, natives};
