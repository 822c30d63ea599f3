//! The Rust tests of the whole crate: one file a domain.

mod architecture;
mod cli;
mod digest;
mod fixtures;
mod guest_scheme;
mod guile;
mod guile_conformance;
mod harness;
mod hostile_servers;
mod media;
mod mishaps;
mod openssh;
mod phase20;
mod repl;
mod rootfs;
mod scheme;
mod sim_guest;
mod sim_host;
mod small_system;
mod ssh;
mod store;
mod store_words;
mod support;
mod xapi;
mod xapi_cli;
mod xapi_methods;
