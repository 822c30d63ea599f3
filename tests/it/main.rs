//! The Rust tests of the whole crate: one file a domain.

mod architecture;
mod digest;
mod fixtures;
mod guest_scheme;
mod guile;
mod hostile_servers;
mod media;
mod openssh;
mod rootfs;
mod sim_guest;
mod sim_host;
mod small_system;
mod ssh;
mod store;
mod support;
mod xapi;
