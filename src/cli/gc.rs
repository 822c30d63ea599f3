//! `runs gc`: what runs have left on this machine and, with `--host`, on the host,
//! and its removal.
//!
//! On this machine those are temporary folders and work trees of processes that were
//! killed; they are nobody's any more, and go unasked. On the host nothing without our mark is
//! listed, so nothing else can be removed. Without `--all` only what its lease has
//! ended for is, and golden disks stay. Locks on VMs and VDIs are listed too, and
//! freed when they have ended, or, with `--all`, when the same owner has left them.

use super::arguments::CommandLine;
use super::bisect;
use super::interpreter::World;
use super::output::print_line;
use super::settings::{Environment, Setting, Settings};
use super::trust::consent;
use crate::failure::{Failure, Key};
use crate::report::moment;
use crate::runtime;
use crate::temporary::{self, Swept};
use crate::visible::escape;
use crate::xapi::lease::{self, Lease, Leftover};
use crate::xapi::lock::{self, Seen};
use crate::xapi::{Approved, CALL, Login, Secret, Session, XapiError};
use clap::Args;
use std::path::Path;
use std::time::Duration;

/// Remove what runs have left behind on this machine and, after asking, on the host.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Look on the XCP-ng host of the settings too
    #[arg(long)]
    host: bool,
    /// Also what belongs to a run whose lease has not ended, golden disks, and machines that you have kept
    #[arg(long, requires = "host")]
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
    let mut swept = temporary::sweep();
    swept.removed.extend(bisect::sweep(environment));
    if !arguments.host {
        return local(&swept);
    }
    swept.tell();
    let (world, settings) = World::with_settings(line, environment)?;
    let login = login(&settings)?;
    let what = format!("looking at `{}`", login.host);
    let session = runtime::wait(&what, PATIENCE, Session::log_in(login))?;
    let owner = environment
        .get("LOGNAME")
        .or_else(|| environment.get("USER"))
        .unwrap_or("fruix-scm");
    let outcome = clean(arguments, &session, owner);
    let logged_out =
        runtime::wait_to_clean_up("logging out", Duration::from_secs(15), session.log_out());
    world.end();
    outcome.and_then(|status| logged_out.map(|()| status))
}

/// Say what was removed here.
fn local(swept: &Swept) -> Result<u8, Failure> {
    for path in &swept.removed {
        eprintln!("removed `{}`", escape(&path.display().to_string()));
    }
    print_line(format_args!("removed={}", swept.removed.len()))?;
    let Some((path, error)) = swept.left.first() else {
        return Ok(0);
    };
    Err(Failure::new(
        Key::System,
        format!(
            "cannot remove `{}`, which a process that was killed has left: {error}",
            path.display()
        ),
    ))
}

fn clean(arguments: &Arguments, session: &Session, owner: &str) -> Result<u8, Failure> {
    let locks = runtime::wait("listing", PATIENCE, lock::look_everywhere(session))?;
    let (ended, standing): (Vec<Seen>, Vec<Seen>) = locks.into_iter().partition(|seen| {
        let is_left = seen.epoch.kept.is_some() && seen.epoch.claim.holder.owner == owner;
        session.approved().includes(seen.class, &seen.uuid)
            && (!seen.is_held || (arguments.all && is_left))
    });
    for seen in ended.iter().chain(&standing) {
        print_line(described_lock(seen))?;
    }
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
    let question = match (doomed.len(), ended.len()) {
        (0, 0) => None,
        (0, locks) => Some(format!(
            "Free the {locks} locks that have ended or are yours?"
        )),
        (left, 0) => Some(format!(
            "Remove the {left} listed as left, and what is on them?"
        )),
        (left, locks) => Some(format!(
            "Remove the {left} listed as left, and what is on them, and free the {locks} locks \
             that have ended or are yours?"
        )),
    };
    if !question.is_some_and(|question| consent(&question)) {
        print_line("removed=0")?;
        return Ok(0);
    }
    let mut removed = 0;
    let mut trouble = None;
    for seen in &ended {
        let what = format!("{} `{}`", seen.class, seen.uuid);
        match runtime::wait("freeing a lock", PATIENCE, lock::free(session, seen)) {
            // The VM is as its run left it: it may still be on.
            Ok(()) => eprintln!("freed {what}, which is otherwise as it was"),
            Err(failure) if failure.key() == Key::Interrupted => return Err(failure),
            Err(failure) => {
                eprintln!("{}", failure.message());
                trouble = Some(failure);
            }
        }
    }
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

fn described_lock(seen: &Seen) -> String {
    let (epoch, holder) = (&seen.epoch, &seen.epoch.claim.holder);
    let how = match (&epoch.kept, seen.is_held) {
        (_, false) => "lock-ended",
        (Some(_), true) => "lock-kept",
        (None, true) => "lock-held",
    };
    let why = match &epoch.kept {
        Some(why) => format!("  why={why}"),
        None => String::new(),
    };
    escape(&format!(
        "{how}  {}  {}  {}  owner={}  run={}  client={}  since={}  until={}{why}",
        seen.class,
        seen.uuid,
        seen.name,
        holder.owner,
        holder.run,
        holder.client,
        moment(epoch.claim.since),
        moment(epoch.until),
    ))
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
pub fn login(settings: &Settings) -> Result<Login, Failure> {
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
        lock_lease: lock::LEASE,
    })
}
