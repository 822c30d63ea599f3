//! `runs gc --host`: what runs have left on the host, and its removal.
//!
//! Nothing without our mark is listed, so nothing else can be removed. Without
//! `--all` only what its lease has ended for is, and golden disks stay.

use super::arguments::CommandLine;
use super::interpreter::World;
use super::output::print_line;
use super::screen::escape;
use super::settings::{Environment, Setting, Settings};
use super::trust::consent;
use crate::failure::{Failure, Key};
use crate::runtime;
use crate::xapi::lease::{self, Lease, Leftover};
use crate::xapi::{Approved, CALL, Login, Secret, Session, XapiError};
use clap::Args;
use std::path::Path;
use std::time::Duration;

/// Remove what runs have left behind on the host, after asking.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Look on the XCP-ng host of the settings
    #[arg(long, required = true)]
    host: bool,
    /// Also what belongs to a run whose lease has not ended, and golden disks
    #[arg(long)]
    all: bool,
}

/// Longer than the removal of anything takes.
const PATIENCE: Duration = Duration::from_secs(3600);

/// List what is left, ask, and remove it.
pub fn run(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    super::signals::listen()?;
    let (world, settings) = World::with_settings(line, environment)?;
    let login = login(&settings)?;
    let what = format!("looking at `{}`", login.host);
    let session = runtime::wait(&what, PATIENCE, Session::log_in(login))?;
    let outcome = clean(arguments, &session);
    let logged_out =
        runtime::wait_to_clean_up("logging out", Duration::from_secs(15), session.log_out());
    world.end();
    outcome.and_then(|status| logged_out.map(|()| status))
}

fn clean(arguments: &Arguments, session: &Session) -> Result<u8, Failure> {
    let found = runtime::wait("listing", PATIENCE, lease::leftovers(session))?;
    let (doomed, kept): (Vec<Leftover>, Vec<Leftover>) = found
        .into_iter()
        .partition(|it| arguments.all || (it.expired && it.image.is_empty()));
    for leftover in &doomed {
        print_line(described(leftover, "left"))?;
    }
    for leftover in &kept {
        print_line(described(leftover, "kept"))?;
    }
    if doomed.is_empty() {
        print_line("removed=0")?;
        return Ok(0);
    }
    if !consent(&format!(
        "Remove the {} listed as left, and what is on them?",
        doomed.len()
    )) {
        print_line("removed=0")?;
        return Ok(0);
    }
    let mut removed = 0;
    let mut trouble = None;
    for leftover in &doomed {
        match runtime::wait("removing", PATIENCE, removal(session, leftover)) {
            Ok(()) => {
                removed += 1;
                eprintln!("removed {} `{}`", leftover.class, escape(&leftover.name));
            }
            Err(failure) if failure.key() == Key::Interrupted => return Err(failure),
            // One that cannot go is no reason to keep the others.
            Err(failure) => {
                eprintln!("{}", failure.message());
                trouble = Some(failure);
            }
        }
    }
    print_line(format_args!("removed={removed}"))?;
    trouble.map_or(Ok(0), Err)
}

async fn removal(session: &Session, leftover: &Leftover) -> Result<(), XapiError> {
    lease::remove(session, leftover).await
}

fn described(leftover: &Leftover, how: &str) -> String {
    let image = match leftover.image.as_str() {
        "" => String::new(),
        image => format!("  image={image}"),
    };
    escape(&format!(
        "{how}  {}  {}  {}  owner={}  run={}  expired={}{image}",
        leftover.class,
        leftover.uuid,
        leftover.name,
        leftover.owner,
        leftover.run,
        if leftover.expired { "yes" } else { "no" },
    ))
}

/// What the settings say about the host.
fn login(settings: &Settings) -> Result<Login, Failure> {
    let text = |name: &str| match settings.get(name) {
        Some((Setting::Text(text), _)) => Ok(text.clone()),
        _ => Err(settings.missing(name)),
    };
    let texts = |name: &str| match settings.get(name) {
        Some((Setting::Texts(texts), _)) => texts.clone(),
        Some((Setting::Text(text), _)) => vec![text.clone()],
        _ => Vec::new(),
    };
    let certificates = texts("certificate-sha256");
    if certificates.is_empty() {
        return Err(settings.missing("certificate-sha256"));
    }
    Ok(Login {
        host: text("host")?,
        user: text("user").or_else(|_| Ok::<_, Failure>("root".to_owned()))?,
        password: Secret::from_file(Path::new(&text("password-file")?))?,
        certificates,
        approved: Approved {
            vms: texts("approved/vms"),
            vdis: texts("approved/vdis"),
        },
        patience: CALL,
        lease: Lease::new("fruix-scm", "gc", Duration::from_secs(3600)),
    })
}
