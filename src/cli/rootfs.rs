//! `rootfs plan|populate|verify`: a closure's root file system.

use super::output::print_line;
use crate::failure::Failure;
use crate::rootfs::{self, Closure, Development, Occupied, Owners, Plan, What};
use crate::visible::escape;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Plan, make or verify the root file system of a closure.
#[derive(Clone, Debug, Subcommand)]
pub enum Arguments {
    /// Print what the rootfs of CLOSURE is made of, a line an entry
    Plan(System),
    /// Make the rootfs of CLOSURE in the directory ROOTFS
    Populate {
        #[command(flatten)]
        system: System,
        rootfs: PathBuf,
        /// Give up links and files that are in the way
        #[arg(long)]
        replace: bool,
    },
    /// Print how ROOTFS differs from what CLOSURE asks for
    Verify {
        #[command(flatten)]
        system: System,
        rootfs: PathBuf,
        /// Do not ask for files and directories of user and group 0
        #[arg(long)]
        any_owner: bool,
    },
}

/// Which system is meant.
#[derive(Args, Clone, Debug)]
pub struct System {
    /// The closure, such as /frx/store/HASH-fruix-system-NAME
    closure: PathBuf,
    /// Insist on a development system
    #[arg(long)]
    development: bool,
}

impl System {
    fn plan(&self) -> Result<Plan, Failure> {
        let development = if self.development {
            Development::Required
        } else {
            Development::AsTheClosure
        };
        Ok(rootfs::plan(&Closure::read(&self.closure)?, development)?)
    }
}

/// Do what ARGUMENTS say; a rootfs that differs is a check that failed.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    match arguments {
        Arguments::Plan(system) => {
            for entry in system.plan()?.entries {
                let path = entry.path.display();
                let rule = entry.rule.name();
                let line = match &entry.what {
                    What::Directory { mode } => format!("directory {mode:04o} /{path}  ({rule})"),
                    What::Link { target } => {
                        format!("link /{path} -> {}  ({rule})", target.display())
                    }
                    What::File { source, mode } => {
                        format!("file {mode:04o} /{path} < {}  ({rule})", source.display())
                    }
                };
                print_line(escape(&line))?;
            }
            Ok(0)
        }
        Arguments::Populate {
            system,
            rootfs,
            replace,
        } => {
            let occupied = if *replace {
                Occupied::Replace
            } else {
                Occupied::Refuse
            };
            let population = rootfs::populate(&system.plan()?, rootfs, occupied)?;
            print_line(format_args!("made={}", population.made))?;
            print_line(format_args!("kept={}", population.kept))?;
            print_line(format_args!("replaced={}", population.replaced))?;
            Ok(0)
        }
        Arguments::Verify {
            system,
            rootfs,
            any_owner,
        } => {
            let owners = match any_owner {
                true => Owners::Any,
                false => Owners::Root,
            };
            let differences = rootfs::verify(&system.plan()?, rootfs, owners)?;
            for difference in &differences {
                print_line(escape(&difference.to_string()))?;
            }
            Ok(u8::from(!differences.is_empty()))
        }
    }
}
