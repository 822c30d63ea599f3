//! The life of a VM: find it, start it, shut it down. Where its guest is, is the
//! matter of [`super::address`].
//!
//! Power is changed by asynchronous tasks: xapi retries an operation that
//! another one blocks inside the call, for up to two hours, and only a task
//! can be cancelled. `allowed_operations` is advice and not asked.
//!
//! Source: XenAPI reference, classes `VM` and `VM_guest_metrics`.

use super::address;
use super::approved;
use super::error::XapiError;
use super::session::Session;
use super::task;
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

/// `Halted`, `Paused`, `Running` or `Suspended`, or what a newer host calls it.
pub async fn power_state(session: &Session, vm: &str) -> Result<String, XapiError> {
    let state = session
        .call_within("VM.get_power_state", vec![json!(vm)], session.patience())
        .await?;
    Ok(state.as_str().unwrap_or_default().to_owned())
}

/// How a VM is named in messages.
async fn described(session: &Session, vm: &str) -> Result<String, XapiError> {
    Ok(format!("VM `{}`", session.uuid("VM", vm).await?))
}

/// Start VM and wait until the host has done so; the guest has only begun to boot.
pub async fn start(session: &Session, vm: &str, limit: Duration) -> Result<(), XapiError> {
    let tried = format!("start {}", described(session, vm).await?);
    approved::check_object(session, "Async.VM.start", "VM", vm, false).await?;
    renew_nonce(session, vm).await?;
    let params = vec![json!(vm), json!(false), json!(false)];
    task::run(session, "VM.start", params, limit, &tried).await?;
    Ok(())
}

/// Give the guest of VM, which is about to start, something to repeat beside its
/// address: what it wrote at an earlier boot is put back into xenstore.
async fn renew_nonce(session: &Session, vm: &str) -> Result<(), XapiError> {
    // That of a guest which runs already stays as it is; the start will be refused.
    if power_state(session, vm).await? != "Halted" {
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

/// Shut VM down and wait until it is halted. A halted VM is left alone.
pub async fn shut_down(
    session: &Session,
    vm: &str,
    how: Shutdown,
    limit: Duration,
) -> Result<(), XapiError> {
    let tried = format!("shut down {}", described(session, vm).await?);
    if power_state(session, vm).await? == "Halted" {
        return Ok(());
    }
    let method = match how {
        Shutdown::Clean => "VM.clean_shutdown",
        Shutdown::Hard => "VM.hard_shutdown",
    };
    let outcome = task::run(session, method, vec![json!(vm)], limit, &tried).await;
    match outcome {
        // It was faster than we were, or the host has forgotten how it ended.
        Err(error)
            if error.code() == Some("VM_BAD_POWER_STATE")
                || matches!(error, XapiError::OutcomeUnknown { .. }) =>
        {
            if power_state(session, vm).await? == "Halted" {
                Ok(())
            } else {
                Err(error)
            }
        }
        outcome => outcome.map(|_| ()),
    }
}
