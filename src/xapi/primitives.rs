//! `(fruix native xapi)`: sessions, calls, and what takes long.
//!
//! Records become association lists with symbols for fields; in any other map
//! the keys are strings. A set is a list, nothing is `#f`.

use super::address::Sources;
use super::lease::{Lease, Leftover};
use super::session::{CALL, Session};
use super::transfer::{Format, Imported};
use super::vm::Shutdown;
use super::{
    Approved, Login, Secret, XapiError, address, console, lease, lock, replace, task, transfer,
    verify, vm,
};
use crate::failure::{Failure, Key};
use crate::guile::natives::{Outcome, Raise};
use crate::guile::pairs;
use crate::guile::value::{
    Value, alist_value, handle, handle_value, integer, list, list_value, optional_string,
    pair_value, seconds, string, string_value, strings, symbol_value, truth, wrong_type,
};
use crate::runtime;
use crate::secrets;
use serde_json::{Map, Value as Json};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

crate::natives! {
    outside;
    /// (%xapi-login host user password-file certificates vms vdis owner run seconds lock) -> session
    ///
    /// Log in at HOST, an URL, as USER with the password in PASSWORD-FILE.
    /// CERTIFICATES are the pinned fingerprints; VMS and VDIS are the UUIDs of
    /// what may be changed; OWNER, RUN and an expiry after SECONDS are marked
    /// on what the session creates. What is approved is locked for LOCK seconds
    /// at a time.
    "%xapi-login" (10) => login,
    /// (%xapi-lock session vms vdis take-over) -> unspecified
    ///
    /// Lock VMS and VDIS, lists of references; TAKE-OVER is the identifier of a
    /// run from which they are taken, or #f.
    "%xapi-lock" (4) => take_locks,
    /// (%xapi-lock-keep session seconds why) -> integer
    ///
    /// Leave what the session has locked so for SECONDS, and say WHY; the end by
    /// the host's clock, in seconds since 1970.
    "%xapi-lock-keep" (3) => keep_locks,
    /// (%xapi-lock-confirm session) -> #t
    ///
    /// Ask the host whether everything that the session has locked is still its own.
    "%xapi-lock-confirm" (1) => confirm_locks,
    /// (%xapi-lost) -> string or #f
    ///
    /// What this process has lost, and to whom, unless it has locked something since.
    "%xapi-lost" (0) => lost,
    /// (%xapi-lock-seen session class reference) -> alist or #f
    "%xapi-lock-seen" (3) => lock_seen,
    /// (%xapi-leftovers session) -> list of alists
    ///
    /// What carries our mark on the host, each with `class`, `reference`,
    /// `uuid`, `name`, `owner`, `run`, `expired` and `image`.
    "%xapi-leftovers" (1) => leftovers,
    /// (%xapi-leftover-remove session uuid) -> boolean
    ///
    /// Remove what carries our mark and has UUID; #f when there is none.
    "%xapi-leftover-remove" (2) => leftover_remove,
    /// (%xapi-golden session sr digest) -> reference or #f
    "%xapi-golden" (3) => golden,
    /// (%xapi-make-golden session vdi digest) -> unspecified
    "%xapi-make-golden" (3) => make_golden,
    /// (%xapi-logout session) -> unspecified
    "%xapi-logout" (1) => logout,
    /// (%xapi-call session method params) -> value
    ///
    /// Call METHOD, such as `VM.get_record`, with the list PARAMS.
    "%xapi-call" (3) => call,
    /// (%xapi-run session method params seconds) -> value
    ///
    /// Call METHOD asynchronously and wait for its task, for at most SECONDS.
    "%xapi-run" (4) => run,
    /// (%xapi-await session task seconds) -> value
    ///
    /// Wait for TASK, a reference, for at most SECONDS, and destroy it.
    "%xapi-await" (3) => await_task,
    /// (%xapi-vdi-import session vdi image format seconds) -> alist
    ///
    /// Write the raw disk image IMAGE into VDI, a reference, sent as FORMAT:
    /// `automatic`, `raw`, `vhd` or `chunked`; `format`, `image-bytes`,
    /// `sent-bytes` and `elapsed-seconds`.
    "%xapi-vdi-import" (5) => vdi_import,
    /// (%xapi-vdi-verify session vdi image) -> bytes compared
    ///
    /// Read VDI back and compare it with the raw disk image IMAGE.
    "%xapi-vdi-verify" (3) => vdi_verify,
    /// (%xapi-vm-start session vm seconds) -> unspecified
    "%xapi-vm-start" (3) => vm_start,
    /// (%xapi-vm-shutdown session vm hard? seconds) -> unspecified
    "%xapi-vm-shutdown" (4) => vm_shutdown,
    /// (%xapi-vm-address session vm given lease-files seconds) -> string
    ///
    /// The address that some source knows of the guest of VM within SECONDS:
    /// GIVEN, a string or #f, the host, or one of LEASE-FILES.
    "%xapi-vm-address" (5) => vm_address,
    /// (%xapi-vm-addresses session vm given lease-files) -> list of alists
    ///
    /// What every source says now: `source`, and `address` or `trouble`; and
    /// one with `over` when waiting longer is of no use.
    "%xapi-vm-addresses" (4) => vm_addresses,
    /// (%xapi-answering addresses port seconds) -> list of strings
    ///
    /// Those of ADDRESSES that take a connection at PORT within SECONDS.
    "%xapi-answering" (3) => answering,
    /// (%xapi-vm-screenshot session vm file seconds) -> unspecified
    ///
    /// Write what VM shows on its screen to FILE, as a PNG.
    "%xapi-vm-screenshot" (4) => vm_screenshot,
    /// (%xapi-vdi-replace session vm vdi image format seconds) -> alist
    ///
    /// Put IMAGE on a fresh VDI and that in the place of VDI in VM, a halted one;
    /// `vdi`, the fresh one, and what %xapi-vdi-import answers.
    "%xapi-vdi-replace" (6) => vdi_replace,
    /// (%xapi-vdi-restore session vm vdi) -> boolean
    ///
    /// Put VDI back into VM, where another stands for it; #f when none does.
    "%xapi-vdi-restore" (3) => vdi_restore,
}

/// Longer than any deadline that a script would set.
const BACKSTOP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long tidying up may take after something has gone wrong.
const TIDYING: Duration = Duration::from_secs(15);

/// A session as Scheme holds it: logged out when nobody holds it any more.
struct Open(Session);

impl Drop for Open {
    fn drop(&mut self) {
        if !self.0.is_open() {
            return;
        }
        // This may be the end of a thread, where one cannot wait in the usual way.
        let session = self.0.clone();
        let (done, ended) = std::sync::mpsc::channel();
        runtime::spawn(async move {
            let _ = session.log_out().await;
            let _ = done.send(());
        });
        let _ = ended.recv_timeout(TIDYING);
    }
}

fn open(procedure: &str, args: &[Value]) -> Result<Rc<Open>, Raise> {
    handle::<Open>(procedure, args, 1)
}

/// Wait for FUTURE; when the user interrupts, its tasks end on the host too.
fn within<T>(
    session: &Session,
    what: &str,
    future: impl Future<Output = Result<T, XapiError>>,
) -> Result<T, Failure> {
    within_limit(session, what, BACKSTOP, future)
}

/// The same, for at most LIMIT.
fn within_limit<T>(
    session: &Session,
    what: &str,
    limit: Duration,
    future: impl Future<Output = Result<T, XapiError>>,
) -> Result<T, Failure> {
    let outcome = runtime::wait_alone(what, limit, future);
    if let Err(failure) = &outcome
        && matches!(failure.key(), Key::Interrupted | Key::Timeout)
    {
        // What was interrupted is the news; trouble with tidying up is none.
        let _ = runtime::wait_to_clean_up("tidying up", TIDYING, session.abandon_tasks());
    }
    outcome
}

const UNSPECIFIED: Value = Value::Void;

fn login(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-login";
    let host = string(NAME, args, 1)?;
    let what = format!("logging in to `{host}`");
    let login = Login {
        host,
        user: string(NAME, args, 2)?,
        password: Secret::from_file(Path::new(&string(NAME, args, 3)?))?,
        certificates: strings(NAME, args, 4)?,
        approved: Approved {
            vms: strings(NAME, args, 5)?,
            vdis: strings(NAME, args, 6)?,
        },
        patience: CALL,
        lease: Lease::new(
            &string(NAME, args, 7)?,
            &string(NAME, args, 8)?,
            seconds(NAME, args, 9)?,
        ),
        lock_lease: seconds(NAME, args, 10)?,
    };
    let session = runtime::wait_alone_or_undo(
        &what,
        BACKSTOP,
        Session::log_in(login),
        async |session: Session| session.log_out().await,
    )?;
    Ok(handle_value("xapi-session", Open(session)))
}

fn logout(args: &[Value]) -> Outcome {
    let session = open("%xapi-logout", args)?;
    runtime::wait_to_clean_up("logging out", TIDYING, session.0.log_out())?;
    Ok(UNSPECIFIED)
}

fn take_locks(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-lock";
    let session = open(NAME, args)?;
    let (vms, vdis) = (strings(NAME, args, 2)?, strings(NAME, args, 3)?);
    let take_over = optional_string(NAME, args, 4)?;
    let objects: Vec<lock::Object<'_>> = vms
        .iter()
        .map(|vm| ("VM", vm.as_str()))
        .chain(vdis.iter().map(|vdi| ("VDI", vdi.as_str())))
        .collect();
    within(
        &session.0,
        "locking the machine",
        lock::take(&session.0, &objects, take_over.as_deref()),
    )?;
    Ok(UNSPECIFIED)
}

fn keep_locks(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-lock-keep";
    let session = open(NAME, args)?;
    let time = seconds(NAME, args, 2)?;
    let why = string(NAME, args, 3)?;
    let until = runtime::wait_to_clean_up(
        "keeping the machine",
        CALL,
        lock::keep(&session.0, time, &why),
    )?;
    Ok(Value::IntV(until as isize))
}

fn confirm_locks(args: &[Value]) -> Outcome {
    let session = open("%xapi-lock-confirm", args)?;
    // Asked at the end of a run too, whatever the user presses.
    runtime::wait_to_clean_up(
        "asking whose the machine is",
        CALL,
        lock::confirm(&session.0),
    )?;
    Ok(Value::BoolV(true))
}

fn lost(_: &[Value]) -> Outcome {
    Ok(lock::lost().map_or(Value::BoolV(false), |error| string_value(error.to_string())))
}

fn lock_seen(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-lock-seen";
    let session = open(NAME, args)?;
    let class = match string(NAME, args, 2)?.as_str() {
        "VM" => "VM",
        "VDI" => "VDI",
        _ => return Err(wrong_type(NAME, 2, &args[1])),
    };
    let reference = string(NAME, args, 3)?;
    let seen = within(
        &session.0,
        "looking at a lock",
        lock::look(&session.0, class, &reference),
    )?;
    Ok(seen.map_or(Value::BoolV(false), |seen| lock_value(&seen)))
}

fn lock_value(seen: &lock::Seen) -> Value {
    let text = |text: &str| string_value(text);
    let moment = |seconds: u64| Value::IntV(seconds as isize);
    let (epoch, holder) = (&seen.epoch, &seen.epoch.claim.holder);
    alist_value(vec![
        ("class", text(seen.class)),
        ("reference", text(&seen.reference)),
        ("uuid", text(&seen.uuid)),
        ("name", text(&seen.name)),
        ("owner", text(&holder.owner)),
        ("run", text(&holder.run)),
        ("client", text(&holder.client)),
        ("pid", Value::IntV(holder.pid as isize)),
        ("since", moment(epoch.claim.since)),
        ("until", moment(epoch.until)),
        ("held", Value::BoolV(seen.is_held)),
        (
            "kept",
            epoch
                .kept
                .as_deref()
                .map_or(Value::BoolV(false), string_value),
        ),
    ])
}

fn call(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-call";
    let session = open(NAME, args)?;
    let method = string(NAME, args, 2)?;
    let params = params(NAME, args)?;
    let what = format!("calling `{method}`");
    let result = within(&session.0, &what, session.0.call(&method, params))?;
    if method.starts_with("session.") {
        // They are as good as passwords, whoever's they are.
        keep_references(&result);
    }
    Ok(result_value(&method, &result))
}

/// Let nobody be told of the references in RESULT.
fn keep_references(result: &Json) {
    match result {
        Json::String(text) if text.starts_with("OpaqueRef:") => secrets::keep("session", text),
        Json::Array(items) => items.iter().for_each(keep_references),
        Json::Object(entries) => {
            for (name, entry) in entries {
                keep_references(&Json::from(name.as_str()));
                keep_references(entry);
            }
        }
        _ => {}
    }
}

fn run(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-run";
    let session = open(NAME, args)?;
    let method = string(NAME, args, 2)?;
    let params = params(NAME, args)?;
    let limit = seconds(NAME, args, 4)?;
    let tried = format!("call `{method}`");
    let result = within(
        &session.0,
        &format!("calling `{method}`"),
        task::run(&session.0, &method, params, limit, &tried),
    )?;
    Ok(result_value(&method, &result))
}

fn await_task(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-await";
    let session = open(NAME, args)?;
    let reference = string(NAME, args, 2)?;
    let limit = seconds(NAME, args, 3)?;
    let result = within(
        &session.0,
        "waiting for a task",
        task::wait(&session.0, &reference, limit, "finish a task", |_| {}),
    )?;
    Ok(result_value("", &result))
}

fn vdi_import(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-vdi-import";
    let session = open(NAME, args)?;
    let (vdi, image) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let format = format(NAME, args, 4)?;
    let limit = seconds(NAME, args, 5)?;
    let what = format!("importing `{image}`");
    let imported = within_limit(
        &session.0,
        &what,
        limit,
        transfer::import(&session.0, &vdi, Path::new(&image), format),
    )?;
    Ok(alist_value(imported_entries(&imported)))
}

/// Argument POSITION as the name of a format.
fn format(procedure: &str, args: &[Value], position: usize) -> Result<Format, Raise> {
    let name = string(procedure, args, position)?;
    Format::from_name(&name).ok_or_else(|| wrong_type(procedure, position, &args[position - 1]))
}

fn imported_entries(imported: &Imported) -> Vec<(&'static str, Value)> {
    vec![
        ("format", symbol_value(imported.format.name())),
        ("image-bytes", Value::IntV(imported.image_bytes as isize)),
        ("sent-bytes", Value::IntV(imported.sent_bytes as isize)),
        (
            "elapsed-seconds",
            Value::NumV(imported.elapsed.as_secs_f64()),
        ),
    ]
}

fn vdi_verify(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-vdi-verify";
    let session = open(NAME, args)?;
    let (vdi, image) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let what = format!("comparing the VDI with `{image}`");
    let bytes = within(
        &session.0,
        &what,
        verify::verify(&session.0, &vdi, Path::new(&image)),
    )?;
    Ok(Value::IntV(bytes as isize))
}

fn vm_start(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-vm-start";
    let session = open(NAME, args)?;
    let machine = string(NAME, args, 2)?;
    let limit = seconds(NAME, args, 3)?;
    within(
        &session.0,
        "starting the VM",
        vm::start(&session.0, &machine, limit),
    )?;
    Ok(UNSPECIFIED)
}

fn vm_shutdown(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-vm-shutdown";
    let session = open(NAME, args)?;
    let machine = string(NAME, args, 2)?;
    let how = if truth(args, 3) {
        Shutdown::Hard
    } else {
        Shutdown::Clean
    };
    let limit = seconds(NAME, args, 4)?;
    let outcome = within(
        &session.0,
        "shutting the VM down",
        vm::shut_down(&session.0, &machine, how, limit),
    );
    outcome?;
    Ok(UNSPECIFIED)
}

fn vm_address(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-vm-address";
    let session = open(NAME, args)?;
    let machine = string(NAME, args, 2)?;
    let sources = sources(NAME, args)?;
    let limit = seconds(NAME, args, 5)?;
    let address = within(
        &session.0,
        "waiting for the guest's address",
        address::wait(&session.0, &machine, &sources, limit),
    )?;
    Ok(string_value(address.to_string()))
}

fn vm_addresses(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-vm-addresses";
    let session = open(NAME, args)?;
    let machine = string(NAME, args, 2)?;
    let sources = sources(NAME, args)?;
    let sightings = within(
        &session.0,
        "looking for the guest's address",
        address::look(&session.0, &machine, &sources),
    )?;
    let mut said: Vec<Value> = sightings
        .all
        .iter()
        .map(|sighting| {
            let outcome = match &sighting.outcome {
                Ok(address) => ("address", string_value(address.to_string())),
                Err(trouble) => ("trouble", string_value(trouble.as_str())),
            };
            alist_value(vec![("source", symbol_value(sighting.source)), outcome])
        })
        .collect();
    if let Some(over) = sightings.over {
        said.push(alist_value(vec![("over", string_value(over))]));
    }
    Ok(list_value(said))
}

fn answering(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-answering";
    let addresses: Vec<IpAddr> = strings(NAME, args, 1)?
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    let port = u16::try_from(integer(NAME, args, 2)?).map_err(|_| wrong_type(NAME, 2, &args[1]))?;
    let limit = seconds(NAME, args, 3)?;
    let answers = runtime::wait_alone("looking for who answers", BACKSTOP, async {
        Ok::<_, Failure>(address::answering(&addresses, port, limit).await)
    })?;
    Ok(list_value(
        addresses
            .iter()
            .zip(answers)
            .filter(|(_, answers)| *answers)
            .map(|(address, _)| string_value(address.to_string()))
            .collect(),
    ))
}

/// Arguments 3 and 4: an address or #f, and files with leases.
fn sources(procedure: &str, args: &[Value]) -> Result<Sources, Raise> {
    let given = match optional_string(procedure, args, 3)? {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            Failure::new(Key::Settings, format!("`{text}` is not an IP address"))
                .hint("`guest/address` takes an address, not a name")
        })?),
    };
    Ok(Sources {
        given,
        lease_files: strings(procedure, args, 4)?
            .into_iter()
            .map(PathBuf::from)
            .collect(),
    })
}

fn vdi_replace(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-vdi-replace";
    let session = open(NAME, args)?;
    let (machine, vdi) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let image = string(NAME, args, 4)?;
    let format = format(NAME, args, 5)?;
    let limit = seconds(NAME, args, 6)?;
    let replaced = within_limit(
        &session.0,
        &format!("replacing a disk by `{image}`"),
        limit,
        replace::replace(&session.0, &machine, &vdi, Path::new(&image), format),
    )?;
    let mut entries = vec![("vdi", string_value(replaced.vdi))];
    entries.extend(imported_entries(&replaced.imported));
    Ok(alist_value(entries))
}

fn vdi_restore(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-vdi-restore";
    let session = open(NAME, args)?;
    let (machine, vdi) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let restored = within(
        &session.0,
        "putting a disk back",
        replace::restore(&session.0, &machine, &vdi),
    )?;
    Ok(Value::BoolV(restored))
}

fn vm_screenshot(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-vm-screenshot";
    let session = open(NAME, args)?;
    let (machine, file) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let picture = within_limit(
        &session.0,
        "looking at a screen",
        seconds(NAME, args, 4)?,
        console::picture(&session.0, &machine),
    )?;
    picture
        .png()
        .and_then(|png| std::fs::write(&file, png))
        .map_err(|error| {
            Failure::new(Key::System, format!("cannot write `{file}`: {error}")).cause(error)
        })?;
    Ok(UNSPECIFIED)
}

fn leftovers(args: &[Value]) -> Outcome {
    let session = open("%xapi-leftovers", args)?;
    let found = within(
        &session.0,
        "looking for what was left behind",
        lease::leftovers(&session.0),
    )?;
    Ok(list_value(found.iter().map(leftover_value).collect()))
}

fn leftover_value(leftover: &Leftover) -> Value {
    let text = |text: &str| string_value(text);
    alist_value(vec![
        ("class", text(leftover.class)),
        ("reference", text(&leftover.reference)),
        ("uuid", text(&leftover.uuid)),
        ("name", text(&leftover.name)),
        ("owner", text(&leftover.owner)),
        ("run", text(&leftover.run)),
        ("expired", Value::BoolV(leftover.expired)),
        ("image", text(&leftover.image)),
    ])
}

fn leftover_remove(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-leftover-remove";
    let session = open(NAME, args)?;
    let uuid = string(NAME, args, 2)?;
    let removed = within(&session.0, "removing what was left behind", async {
        let found = lease::leftovers(&session.0).await?;
        match found.iter().find(|it| it.uuid == uuid) {
            Some(leftover) => lease::remove_own(&session.0, leftover).await.map(|()| true),
            None => Ok(false),
        }
    })?;
    Ok(Value::BoolV(removed))
}

fn golden(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-golden";
    let session = open(NAME, args)?;
    let (sr, digest) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let found = within(
        &session.0,
        "looking for the image on the host",
        lease::golden(&session.0, &sr, &digest),
    )?;
    Ok(found.map_or(Value::BoolV(false), string_value))
}

fn make_golden(args: &[Value]) -> Outcome {
    const NAME: &str = "%xapi-make-golden";
    let session = open(NAME, args)?;
    let (vdi, digest) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    within(
        &session.0,
        "marking the disk",
        lease::make_golden(&session.0, &vdi, &digest),
    )?;
    Ok(UNSPECIFIED)
}

/// Argument 3 as the parameters of a call.
fn params(procedure: &str, args: &[Value]) -> Result<Vec<Json>, Raise> {
    list(procedure, args, 3)?
        .iter()
        .map(|value| json_of(procedure, value))
        .collect()
}

/// A Scheme value as a value of the API. An association list is a map; the
/// symbol `empty-map` is the map that `()`, an empty set, cannot be.
fn json_of(procedure: &str, value: &Value) -> Result<Json, Raise> {
    let at_1 = |value: &Value| [value.clone()];
    Ok(match value {
        Value::BoolV(truth) => Json::Bool(*truth),
        Value::IntV(number) => Json::from(*number as i64),
        Value::NumV(number) => serde_json::Number::from_f64(*number)
            .map(Json::Number)
            .ok_or_else(|| wrong_type(procedure, 3, value))?,
        Value::StringV(text) => Json::from(text.to_string()),
        Value::SymbolV(name) if name.as_str() == "empty-map" => Json::Object(Map::new()),
        other => {
            let items = list(procedure, &at_1(other), 1)?;
            match map_of(procedure, &items)? {
                Some(map) => Json::Object(map),
                None => items
                    .iter()
                    .map(|item| json_of(procedure, item))
                    .collect::<Result<_, _>>()
                    .map(Json::Array)?,
            }
        }
    })
}

/// ITEMS as a map, when each is a pair with a symbol or a string in front.
fn map_of(procedure: &str, items: &[Value]) -> Result<Option<Map<String, Json>>, Raise> {
    let key = |item: &Value| match pairs::car(item) {
        Some(Value::SymbolV(name)) => Some(name.to_string()),
        Some(Value::StringV(text)) => Some(text.to_string()),
        _ => None,
    };
    if items.is_empty() || !items.iter().all(|item| key(item).is_some()) {
        return Ok(None);
    }
    let mut map = Map::new();
    for item in items {
        let content = pairs::cdr(item).unwrap_or_else(pairs::nil);
        map.insert(key(item).unwrap_or_default(), json_of(procedure, &content)?);
    }
    Ok(Some(map))
}

/// What METHOD has answered, with symbols for the fields of records.
fn result_value(method: &str, result: &Json) -> Value {
    let name = method.rsplit('.').next().unwrap_or_default();
    match (name, result) {
        ("get_record", Json::Object(_)) => record_value(result),
        ("get_all_records" | "get_all_records_where", Json::Object(records)) => list_value(
            records
                .iter()
                .map(|(reference, record)| {
                    pair_value(string_value(reference.as_str()), record_value(record))
                })
                .collect(),
        ),
        ("from", Json::Object(_)) => batch_value(result),
        _ => plain_value(result),
    }
}

fn record_value(record: &Json) -> Value {
    match record {
        Json::Object(fields) => list_value(
            fields
                .iter()
                .map(|(name, value)| pair_value(symbol_value(name), plain_value(value)))
                .collect(),
        ),
        other => plain_value(other),
    }
}

/// What `event.from` answers: a record whose events are records with a record.
fn batch_value(batch: &Json) -> Value {
    let event_value = |event: &Json| match event {
        Json::Object(fields) => list_value(
            fields
                .iter()
                .map(|(name, value)| {
                    let value = if name == "snapshot" {
                        record_value(value)
                    } else {
                        plain_value(value)
                    };
                    pair_value(symbol_value(name), value)
                })
                .collect(),
        ),
        other => plain_value(other),
    };
    let events = batch["events"].as_array();
    alist_value(vec![
        (
            "events",
            list_value(events.into_iter().flatten().map(event_value).collect()),
        ),
        ("token", plain_value(&batch["token"])),
        ("valid_ref_counts", plain_value(&batch["valid_ref_counts"])),
    ])
}

fn plain_value(value: &Json) -> Value {
    match value {
        Json::Null => Value::BoolV(false),
        Json::Bool(truth) => Value::BoolV(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::IntV(integer as isize),
            None => Value::NumV(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => string_value(text.as_str()),
        Json::Array(items) => list_value(items.iter().map(plain_value).collect()),
        Json::Object(entries) => list_value(
            entries
                .iter()
                .map(|(key, value)| pair_value(string_value(key.as_str()), plain_value(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_symbols_keys_are_strings_and_back_again() {
        let record = json!({"power_state": "Running", "other_config": {"a:b": "c"}, "VBDs": []});
        let value = result_value("VM.get_record", &record);
        let Ok(sent) = json_of("test", &value) else {
            panic!("a record can be sent");
        };
        assert_eq!(sent, record);
        let first = pairs::to_vec(&value).unwrap()[0].clone();
        assert!(matches!(pairs::car(&first), Some(Value::SymbolV(_))));
    }

    #[test]
    fn references_of_sessions_are_kept_from_everybody_wherever_they_stand() {
        let [one, other] = ["OpaqueRef:5e551011-aa", "OpaqueRef:5e551012-bb"];
        keep_references(&json!({one: {"this_user": "x", "parent": other}}));
        for reference in [one, other] {
            assert!(secrets::hide(reference).starts_with("[secret: session "));
        }
        assert_eq!(secrets::hide("this_user"), "this_user");
    }

    #[test]
    fn the_empty_map_has_a_name_of_its_own() {
        let empty = json_of("test", &symbol_value("empty-map"));
        assert!(matches!(empty, Ok(Json::Object(map)) if map.is_empty()));
        assert!(
            matches!(json_of("test", &pairs::nil()), Ok(Json::Array(items)) if items.is_empty())
        );
    }
}
