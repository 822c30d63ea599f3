//! Serves a simulated XCP-ng host until interrupted.

use crate::failure::{Failure, Key};
use crate::runtime;
use crate::sim::mishap::Mishap;
use crate::sim::{Simulation, SimulationOptions};
use clap::Args;
use std::net::SocketAddr;

/// Serve a simulated XCP-ng host until interrupted.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Listen on ADDR, such as 127.0.0.1:8443; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Make trouble, as docs/operating.md lists it
    #[arg(long, value_name = "SPEC")]
    mishap: Vec<String>,
}

/// What `--mishap` says, as the simulation takes it.
pub fn options(mishaps: &[String]) -> Result<SimulationOptions, Failure> {
    Ok(SimulationOptions {
        mishaps: mishaps
            .iter()
            .map(|text| text.parse::<Mishap>())
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::new(Key::Usage, format!("--mishap {error}")))?,
        ..SimulationOptions::default()
    })
}

/// Print what a client needs, then `ready=yes`, and wait for Ctrl-C.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    super::signals::listen()?;
    let simulation = Simulation::start(SimulationOptions {
        listen: arguments.listen,
        ..options(&arguments.mishap)?
    })?;
    for (key, value) in simulation.settings().lines() {
        println!("{key}={value}");
    }
    println!("ready=yes");
    runtime::wait_for_interrupt();
    simulation.stop();
    Ok(0)
}
