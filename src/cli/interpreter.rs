//! An interpreter with every domain's natives: the one place that knows all domains.

use super::arguments::CommandLine;
use super::parameters::Program;
use super::settings::{Environment, Settings};
use super::{primitives, trouble};
use crate::clock::{self, Moment};
use crate::failure::{Failure, Key};
use crate::guile::data::clock::Clock;
use crate::guile::interpreter::{Interpreter, Options, Stop};
use crate::guile::natives::NativeModule;
use crate::sim::Simulation;
use crate::sim::clock::WorldClock;
use crate::sim::host::Handle;
use std::path::PathBuf;

/// Every Scheme module that is made of natives.
pub fn native_modules() -> Vec<NativeModule> {
    let module = |name, natives| NativeModule { name, natives };
    vec![
        module(
            &["fruix", "native", "digest"],
            crate::digest::primitives::NATIVES,
        ),
        module(
            &["fruix", "native", "store"],
            crate::store::primitives::NATIVES,
        ),
        module(
            &["fruix", "native", "media"],
            crate::media::primitives::NATIVES,
        ),
        module(
            &["fruix", "native", "rootfs"],
            crate::rootfs::primitives::NATIVES,
        ),
        module(
            &["fruix", "native", "program"],
            super::parameters::primitives::NATIVES,
        ),
        module(
            &["fruix", "native", "prompt"],
            super::repl::primitives::NATIVES,
        ),
        module(&["fruix", "native", "run"], crate::run::primitives::NATIVES),
        module(&["fruix", "native", "settings"], primitives::NATIVES),
        module(
            &["fruix", "native", "simulation"],
            primitives::simulation::NATIVES,
        ),
        module(&["fruix", "native", "ssh"], crate::ssh::primitives::NATIVES),
        module(
            &["fruix", "native", "xapi"],
            crate::xapi::primitives::NATIVES,
        ),
    ]
}

/// The clock of everybody, as programs read it.
const CLOCK: Clock = Clock {
    passed: || Moment::now().since(Moment::FIRST),
    wall: clock::wall,
    pause: |end, slice| clock::pause(Moment::FIRST + end, slice),
};

/// An interpreter whose programs see ARGUMENTS as `(command-line)`, and look
/// for modules where LINE and ENVIRONMENT say.
pub fn make(
    line: &CommandLine,
    environment: &Environment,
    arguments: Vec<String>,
) -> Result<Interpreter, Failure> {
    super::runs_context::check_keeping(line)?;
    crate::run::primitives::install(super::runs_context::of_line(line, environment));
    super::parameters::primitives::install(Program::of(line, environment, None, None));
    let interpreter = Interpreter::new(Options {
        load_path: load_path(line, environment),
        native_modules: native_modules(),
        arguments,
        modules: crate::embedded::SCHEME,
        is_interrupted: Some(crate::runtime::take_interrupt),
        clock: Some(CLOCK),
        scheme_directory: environment.get("FRUIX_SCM_SCHEME").map(PathBuf::from),
        kept: cache_directory(line, environment),
    })?;
    super::repl::primitives::install(environment, line.program.load_path.clone());
    super::signals::watch(&interpreter)?;
    Ok(interpreter)
}

/// `-L` directories first, then `FRUIX_SCM_LOAD_PATH`, then `GUILE_LOAD_PATH`;
/// Guile's `...`, which stands for its default path, is ours and left out.
pub fn load_path(line: &CommandLine, environment: &Environment) -> Vec<PathBuf> {
    let mut path = line.program.load_path.clone();
    for variable in ["FRUIX_SCM_LOAD_PATH", "GUILE_LOAD_PATH"] {
        if let Some(text) = environment.get(variable) {
            path.extend(
                std::env::split_paths(text)
                    .filter(|part| !part.as_os_str().is_empty() && part.as_os_str() != "..."),
            );
        }
    }
    path
}

/// Where what modules expand to is kept for the next process, unless that is not wanted.
pub fn cache_directory(line: &CommandLine, environment: &Environment) -> Option<PathBuf> {
    if line.program.no_cache || environment.get("FRUIX_SCM_NO_CACHE").is_some() {
        return None;
    }
    environment
        .base_directory("XDG_CACHE_HOME", ".cache")
        .map(|base| base.join("fruix-scm/modules"))
}

/// Where the journals of runs are kept, where there is a place for them.
pub fn runs_directory(environment: &Environment) -> Option<PathBuf> {
    environment
        .base_directory("XDG_STATE_HOME", ".local/state")
        .map(|base| base.join("fruix-scm/runs"))
}

/// The world a program acts on; a simulated one ends when this is dropped.
pub struct World {
    simulation: Option<Simulation>,
    /// Outlives the simulation, whose clean-up it still times.
    clock: Option<WorldClock>,
}

impl World {
    /// Prepare the world that LINE asks for and let scripts see its settings.
    /// Settings that cannot be read trouble only the script that asks for one.
    pub fn prepare(line: &CommandLine, environment: &Environment) -> Result<World, Failure> {
        primitives::install_take_over(line.world.take_over.clone());
        let told = |settings: &Settings| {
            super::recording::keep_secrets_of(settings);
            crate::run::primitives::update(|context| {
                super::runs_context::with_settings(context, settings);
            });
        };
        if !line.world.simulate {
            let settings = read_settings(line, environment);
            if let Ok(settings) = &settings {
                told(settings);
            }
            primitives::install(settings);
            return Ok(World::real());
        }
        let (world, settings) = World::with_settings(line, environment)?;
        told(&settings);
        primitives::install(Ok(settings));
        primitives::install_host(world.host());
        Ok(world)
    }

    /// The world that LINE asks for and its settings.
    pub fn with_settings(
        line: &CommandLine,
        environment: &Environment,
    ) -> Result<(World, Settings), Failure> {
        if !line.world.simulate {
            return Ok((World::real(), read_settings(line, environment)?));
        }
        super::signals::listen_to_all()?;
        let clock = WorldClock::start().map_err(|error| {
            Failure::new(
                Key::Simulator,
                format!("cannot start the clock of the simulated world: {error}"),
            )
        })?;
        let simulation = Simulation::start(super::simulate::options(&line.world.mishap)?)?;
        let settings =
            Settings::of_simulation(simulation.settings(), environment, &line.world.settings)?;
        let world = World {
            simulation: Some(simulation),
            clock: Some(clock),
        };
        Ok((world, settings))
    }

    /// The one that is there anyway.
    fn real() -> World {
        World {
            simulation: None,
            clock: None,
        }
    }

    /// A way to change the host of a simulated world.
    fn host(&self) -> Option<Handle> {
        self.simulation
            .as_ref()
            .map(|simulation| simulation.host().handle())
    }

    /// End a simulated world and remove what it made.
    pub fn end(mut self) {
        // What a program has not ended ends here, while its host is still there.
        crate::xapi::log_out_everywhere();
        if let Some(simulation) = self.simulation.take() {
            simulation.stop();
        }
        drop(self.clock.take());
    }
}

fn read_settings(line: &CommandLine, environment: &Environment) -> Result<Settings, Failure> {
    Settings::read(
        environment,
        line.world.config.as_deref(),
        &line.world.settings,
    )
}

/// The status of a process whose program ended with RESULT; shows errors.
pub fn status_of<T>(result: Result<T, Stop>) -> u8 {
    match result {
        Ok(_) => 0,
        Err(stop) => trouble::show_stop(&stop),
    }
}
