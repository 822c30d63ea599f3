//! The life of a VM: find it, start it, shut it down. Where its guest is, is the
//! matter of [`super::address`].
//!
//! Power is changed by asynchronous tasks: xapi retries an operation that
//! another one blocks inside the call, for up to two hours, and only a task
//! can be cancelled. `allowed_operations` is advice and not asked; `current_operations`
//! tell whether a power state may be believed.
//!
//! Source: XenAPI reference, classes `VM` and `VM_guest_metrics`.

use super::address;
use super::approved;
use super::error::XapiError;
use super::session::Session;
use super::task;
use crate::clock::Moment;
use serde_json::{Value, json};
use std::time::Duration;

/// The reference of the object of CLASS (`VM`, `VDI`, …) with this UUID.
pub async fn find(session: &Session, class: &str, uuid: &str) -> Result<String, XapiError> {
    let found = session
        .call_within(
            &format!("{class}.get_by_uuid"),
            vec![json!(uuid)],
            session.patience(),
        )
        .await?;
    Ok(found.as_str().unwrap_or_default().to_owned())
}

/// The record of an object: every field by its name.
pub async fn record(session: &Session, class: &str, reference: &str) -> Result<Value, XapiError> {
    session
        .call_within(
            &format!("{class}.get_record"),
            vec![json!(reference)],
            session.patience(),
        )
        .await
}

/// `Halted`, `Paused`, `Running` or `Suspended`, or what a newer host calls it, once
/// no operation is going on that may end in another.
pub async fn power_state(session: &Session, vm: &str) -> Result<String, XapiError> {
    let limit = session.patience();
    let tried = format!("learn the power state of {}", described(session, vm).await?);
    settled(session, vm, Moment::now(), limit, &tried).await
}

/// Operations after which a VM is in the power state that it was in before.
const KEEPS_POWER: [&str; 19] = [
    "snapshot",
    "clone",
    "copy",
    "create_template",
    "export",
    "metadata_export",
    "import",
    "get_boot_record",
    "send_sysrq",
    "send_trigger",
    "query_services",
    "call_plugin",
    "data_source_op",
    "update_allowed_operations",
    "make_into_template",
    "assert_operation_valid",
    "create_vtpm",
    "awaiting_memory_live",
    "destroy",
];

/// Whether a VM may be in another power state when OPERATION has ended than before.
fn changes_power(operation: &str) -> bool {
    !KEEPS_POWER.contains(&operation) && !operation.starts_with("changing_")
}

/// The power state of VM when no operation is going on that may change it. Wait for
/// the end of such ones until LIMIT from START is over; what is still going on then
/// is the error's.
async fn settled(
    session: &Session,
    vm: &str,
    start: Moment,
    limit: Duration,
    tried: &str,
) -> Result<String, XapiError> {
    let mut token = String::new();
    loop {
        let record = record(session, "VM", vm).await?;
        let state = record["power_state"].as_str().unwrap_or_default();
        let running = record["current_operations"].as_object();
        let running = running
            .into_iter()
            .flatten()
            .filter_map(|(task, operation)| Some((task.as_str(), operation.as_str()?)))
            .find(|(_, operation)| changes_power(operation));
        let Some((task, operation)) = running else {
            return Ok(state.to_owned());
        };
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(XapiError::PerhapsRunning {
                tried: tried.to_owned(),
                limit,
                operation: task::described(session, task, operation).await,
                state: state.to_lowercase(),
            });
        }
        // What the run has begun itself and given up is ended; nobody else's is.
        if session.has_task(task) {
            task::abandon(session, task).await;
        }
        await_change(session, vm, &mut token, left.min(CHANGE)).await?;
    }
}

/// How long one call waits for a VM to change.
const CHANGE: Duration = Duration::from_secs(5);

/// Wait until VM has changed since TOKEN, or PATIENCE is over.
async fn await_change(
    session: &Session,
    vm: &str,
    token: &mut String,
    patience: Duration,
) -> Result<(), XapiError> {
    let batch = session
        .call_within(
            "event.from",
            vec![
                json!([format!("vm/{vm}")]),
                json!(token),
                json!(patience.as_secs_f64()),
            ],
            patience + Duration::from_secs(30),
        )
        .await?;
    if let Some(next) = batch["token"].as_str() {
        next.clone_into(token);
    }
    Ok(())
}

/// How a VM is named in messages.
async fn described(session: &Session, vm: &str) -> Result<String, XapiError> {
    Ok(format!("VM `{}`", session.uuid("VM", vm).await?))
}

/// Start VM and wait until the host has done so; the guest has only begun to boot.
pub async fn start(session: &Session, vm: &str, limit: Duration) -> Result<(), XapiError> {
    let tried = format!("start {}", described(session, vm).await?);
    approved::check_object(session, "Async.VM.start", "VM", vm).await?;
    renew_nonce(session, vm).await?;
    let params = vec![json!(vm), json!(false), json!(false)];
    task::run(session, "VM.start", params, limit, &tried).await?;
    Ok(())
}

/// Give the guest of VM, which is about to start, something to repeat beside its
/// address: what it wrote at an earlier boot is put back into xenstore.
async fn renew_nonce(session: &Session, vm: &str) -> Result<(), XapiError> {
    // That of a guest which runs already stays as it is; the start will be refused.
    let state = session
        .call_within("VM.get_power_state", vec![json!(vm)], session.patience())
        .await?;
    if state != "Halted" {
        return Ok(());
    }
    let call = async |method: &str, params: Vec<Value>| {
        session
            .call_within(method, params, session.patience())
            .await
    };
    for key in [address::ADDRESS, address::NONCE] {
        call("VM.remove_from_xenstore_data", vec![json!(vm), json!(key)]).await?;
    }
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let added = call(
        "VM.add_to_xenstore_data",
        vec![json!(vm), json!(address::NONCE), json!(nonce)],
    )
    .await;
    match added {
        // Somebody else is about to start it too, and his nonce does as well.
        Err(error) if error.code() == Some("MAP_DUPLICATE_KEY") => Ok(()),
        added => added.map(|_| ()),
    }
}

/// How to end a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Ask the guest, which must answer.
    Clean,
    /// Take its power away.
    Hard,
}

/// How often a shutdown is asked for whose outcome nobody knows.
const SHUTDOWNS: u32 = 5;

/// Shut VM down and wait until it is halted. A halted VM is left alone.
///
/// That it is halted is believed when no operation is going on that may start it:
/// xapi calls a VM halted until its start has ended, and refuses to shut it down
/// meanwhile.
pub async fn shut_down(
    session: &Session,
    vm: &str,
    how: Shutdown,
    limit: Duration,
) -> Result<(), XapiError> {
    let tried = format!("shut down {}", described(session, vm).await?);
    let method = match how {
        Shutdown::Clean => "VM.clean_shutdown",
        Shutdown::Hard => "VM.hard_shutdown",
    };
    let start = Moment::now();
    let mut attempts = 0;
    loop {
        let before = settled(session, vm, start, limit, &tried).await?;
        if before == "Halted" {
            return Ok(());
        }
        attempts += 1;
        let left = limit.saturating_sub(start.elapsed());
        let outcome = task::run(session, method, vec![json!(vm)], left, &tried).await;
        let error = match outcome {
            Ok(_) => continue,
            Err(error) => error,
        };
        // Somebody was faster than we were, or the host has forgotten how it ended.
        let is_unknown = matches!(error, XapiError::OutcomeUnknown { .. });
        if !is_unknown && error.code() != Some("VM_BAD_POWER_STATE") {
            return Err(error);
        }
        let after = settled(session, vm, start, limit, &tried).await?;
        let goes_on = after != before || is_unknown;
        if after != "Halted" && (!goes_on || attempts == SHUTDOWNS) {
            return Err(error);
        }
    }
}
