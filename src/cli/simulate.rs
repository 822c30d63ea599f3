//! Serves a simulated XCP-ng host until interrupted.

use super::output::print_line;
use super::settings::Settings;
use crate::failure::{Failure, Key};
use crate::progress::{Event, tell};
use crate::runtime;
use crate::sim::clock::ServedClock;
use crate::sim::host::Handle;
use crate::sim::mishap::{self, Mishap};
use crate::sim::{Simulation, SimulationOptions};
use crate::visible::escape;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Serve a simulated XCP-ng host until interrupted.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Listen on ADDR, such as 127.0.0.1:8443; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Make trouble, as docs/operating.md lists it; @FILE takes one SPEC a line
    #[arg(long, value_name = "SPEC")]
    mishap: Vec<String>,
    /// Let the host's own delays pass N times as fast as a real host's
    #[arg(long, value_name = "N", default_value = "25", value_parser = speed)]
    speed: f64,
    /// Drop a request whose rest does not come within SECONDS, as a real host does after 10
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = speed)]
    head_patience: f64,
    /// Write each change that the host carries out to FILE, as JSON lines
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Have one more machine, called NAME
    #[arg(long, value_name = "NAME")]
    machine: Vec<String>,
    /// Take commands from standard input: `advance SECONDS`, `mishap SPEC`
    #[arg(long)]
    control: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed: &f64| speed.is_finite() && *speed > 0.0)
        .ok_or_else(|| "takes a number above zero".to_owned())
}

/// What `--mishap` says, as the simulation takes it.
pub fn options(mishaps: &[String]) -> Result<SimulationOptions, Failure> {
    let mut parsed = Vec::new();
    for text in mishaps {
        match text.strip_prefix('@') {
            Some(file) => {
                let content = std::fs::read_to_string(file).map_err(|error| {
                    Failure::new(
                        Key::Usage,
                        format!("--mishap cannot read `{file}`: {error}"),
                    )
                })?;
                let listed = mishap::listed(&content).map_err(|error| {
                    Failure::new(Key::Usage, format!("--mishap `{file}`: {error}"))
                })?;
                parsed.extend(listed);
            }
            None => {
                let asked = mishap::asked_for(text)
                    .map_err(|error| Failure::new(Key::Usage, format!("--mishap {error}")))?;
                if text.starts_with("random=") {
                    announce(text, &asked);
                }
                parsed.extend(asked);
            }
        }
    }
    Ok(SimulationOptions {
        mishaps: parsed,
        ..SimulationOptions::default()
    })
}

/// Say what chance has drawn, as it could be asked for one by one.
fn announce(text: &str, drawn: &[Mishap]) {
    let drawn: Vec<String> = drawn.iter().map(ToString::to_string).collect();
    let drawn = match drawn[..] {
        [] => "nothing".to_owned(),
        _ => drawn.join("; "),
    };
    tell(Event::Note {
        text: format!("--mishap {text}: {drawn}"),
    });
}

/// Print what a client needs, then `ready=yes`, and wait for Ctrl-C.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    super::signals::listen_to_all()?;
    let simulation = Simulation::start(SimulationOptions {
        listen: arguments.listen,
        speed: arguments.speed,
        head_patience: Duration::try_from_secs_f64(arguments.head_patience)
            .unwrap_or(Duration::from_secs(10)),
        audit: arguments.audit.clone(),
        ..options(&arguments.mishap)?
    })?;
    for (key, value) in simulation.settings().lines() {
        print_line(format_args!("{key}={value}"))?;
    }
    for name in &arguments.machine {
        Settings::check_machine_name(name)?;
        for (key, value) in simulation.host().handle().add_machine(name)?.lines() {
            print_line(format_args!("{key}={value}"))?;
        }
    }
    print_line("ready=yes")?;
    if arguments.control {
        let control = Control {
            clock: ServedClock::start(),
            host: simulation.host().handle(),
        };
        // It ends with the process: nobody waits for more commands then.
        std::thread::spawn(move || control.take_all());
    }
    runtime::wait_for_interrupt();
    simulation.stop();
    Ok(0)
}

/// Does what standard input says with the world that is served.
struct Control {
    clock: Option<ServedClock>,
    host: Handle,
}

impl Control {
    /// Answer each line with one: what was done as `key=value`, or `error=` and why not.
    fn take_all(mut self) {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let answer = match self.take(line.trim()) {
                Ok(answer) => answer,
                Err(why) => format!("error={}", escape(&why)),
            };
            if print_line(answer).is_err() {
                return;
            }
        }
    }

    fn take(&mut self, line: &str) -> Result<String, String> {
        let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "advance" => {
                let duration = argument
                    .parse()
                    .ok()
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                    .ok_or_else(|| format!("cannot advance by `{argument}`: it is no time"))?;
                match &mut self.clock {
                    Some(clock) => clock.advance(duration),
                    None => return Err("the clock is somebody else's".to_owned()),
                }
                Ok(format!("advanced={argument}"))
            }
            "mishap" => {
                let mishap = argument
                    .parse::<Mishap>()
                    .map_err(|error| error.to_string())?;
                self.host.add_mishap(mishap);
                Ok(format!("mishap={argument}"))
            }
            _ => Err(format!(
                "`{command}` is no command; there are: advance SECONDS, mishap SPEC"
            )),
        }
    }
}
