//! XAPI tasks: start slow work, wait for its end, watch its progress, cancel it.
//!
//! A task is XAPI's handle on slow work. Waiting is one long call of
//! `event.from` about that one task; when it comes back empty, the record is
//! asked for directly, because a restart of the toolstack lets tasks vanish
//! without an event. Then nobody knows how the work ended, and we say so.
//!
//! A task is destroyed after use, and cancelled when its deadline passes.
//!
//! Source: XenAPI reference, classes `task` and `event`.

use super::error::XapiError;
use super::integers;
use super::lease;
use super::lock;
use super::retry::Attempts;
use super::rpc;
use super::session::Session;
use crate::clock::{self, Moment};
use serde_json::{Value, json};
use std::time::Duration;

/// How long one call waits for an event.
const EVENT: Duration = Duration::from_secs(20);

/// How long a cancelled task is given to end.
const CANCELLATION: Duration = Duration::from_secs(2);

/// What a task looked like when it was last seen.
#[derive(Clone, Debug, PartialEq)]
struct Sight {
    status: String,
    progress: f64,
    result: String,
    error: Vec<String>,
}

impl Sight {
    fn of(record: &Value) -> Sight {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        Sight {
            status: text("status"),
            progress: record["progress"].as_f64().unwrap_or(0.0),
            result: text("result"),
            error: record["error_info"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        }
    }

    fn describe(&self) -> String {
        format!("task {}, {:.0} % done", self.status, self.progress * 100.0)
    }
}

/// Call METHOD, which must have an asynchronous mode, and wait for its end.
/// Answers its result: a reference, a list, or the empty string.
pub async fn run(
    session: &Session,
    method: &str,
    params: Vec<Value>,
    limit: Duration,
    tried: &str,
) -> Result<Value, XapiError> {
    let first = params.first().cloned();
    let mut attempts = Attempts::new(method, limit);
    let outcome = loop {
        let attempt = async {
            let task = session
                .send(&format!("Async.{method}"), params.clone())
                .await
                .map_err(|error| error.while_trying(tried))?;
            let task = reference(&task, tried)?;
            session.register_task(&task, false);
            wait(session, &task, attempts.left(), tried, |_| {}).await
        };
        match attempt.await {
            Ok(result) => break Ok(result),
            Err(error) => {
                if let Err(error) = attempts.again(error).await {
                    break Err(session.named(error).await);
                }
            }
        }
    };
    if method == "VM.revert"
        && let Some(snapshot) = first.as_ref().and_then(Value::as_str)
        // What may be going on still puts an old state back at some time.
        && matches!(outcome, Ok(_) | Err(XapiError::Refused { .. }))
    {
        lock::after_revert(session, snapshot).await?;
        if outcome.is_ok() {
            lease::follow_revert(session, snapshot).await?;
        }
    }
    // Results are XML-RPC, whatever the host speaks.
    let mut result = outcome?;
    integers::restore(method, &mut result);
    Ok(result)
}

/// A task of our own making, to hand to an HTTP transfer.
pub async fn create(session: &Session, label: &str) -> Result<String, XapiError> {
    let task = session
        .call_within(
            "task.create",
            vec![json!(label), json!("")],
            session.patience(),
        )
        .await?;
    let task = reference(&task, "create a task")?;
    session.register_task(&task, true);
    Ok(task)
}

fn reference(value: &Value, tried: &str) -> Result<String, XapiError> {
    value
        .as_str()
        .filter(|text| !rpc::is_null(text))
        .map(str::to_owned)
        .ok_or_else(|| XapiError::Protocol {
            tried: tried.to_owned(),
            reason: "the host answered without a task".to_owned(),
        })
}

/// Wait until TASK has ended, for at most LIMIT, telling PROGRESS, from 0 to 1,
/// as it changes. Answers the task's result. The task is destroyed.
pub async fn wait(
    session: &Session,
    task: &str,
    limit: Duration,
    tried: &str,
    progress: impl Fn(f64),
) -> Result<Value, XapiError> {
    let start = Moment::now();
    let mut last = Sight {
        status: "unknown".to_owned(),
        progress: 0.0,
        result: String::new(),
        error: Vec::new(),
    };
    let mut token = String::new();
    loop {
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            abandon(session, task).await;
            return Err(XapiError::Timeout {
                tried: tried.to_owned(),
                limit,
                last: last.describe(),
            });
        }
        if let Err(lost @ XapiError::Lost { .. }) = lock::stands(session) {
            abandon(session, task).await;
            return Err(lost);
        }
        match look(session, task, &mut token, left.min(EVENT)).await {
            Ok(sight) => {
                if sight.progress != last.progress {
                    progress(sight.progress);
                }
                last = sight;
            }
            Err(error) if error.code() == Some("HANDLE_INVALID") => {
                session.forget_task(task);
                return Err(XapiError::OutcomeUnknown {
                    tried: tried.to_owned(),
                });
            }
            Err(error) => return Err(error.while_trying(tried)),
        }
        match last.status.as_str() {
            "pending" | "cancelling" => {}
            "success" => {
                let result = rpc::task_result(&last.result);
                if let Some((method, name)) = session.take_creation(task)
                    && let Ok(Value::String(created)) = &result
                {
                    // As long as the task is there, it tells whose this is.
                    lease::mark_new(session, &method, created, name).await?;
                }
                destroy(session, task).await;
                return result.map_err(|reason| XapiError::Protocol {
                    tried: tried.to_owned(),
                    reason: format!("cannot read the task's result: {reason}"),
                });
            }
            _ => {
                destroy(session, task).await;
                let mut description = last.error.into_iter().map(|text| session.blot(&text));
                return Err(XapiError::refused(
                    tried.to_owned(),
                    description
                        .next()
                        .unwrap_or_else(|| "TASK_CANCELLED".to_owned()),
                    description.collect(),
                ));
            }
        }
    }
}

/// Wait up to PATIENCE for news of TASK, and look at it.
async fn look(
    session: &Session,
    task: &str,
    token: &mut String,
    patience: Duration,
) -> Result<Sight, XapiError> {
    let batch = session
        .call_within(
            "event.from",
            vec![
                json!([format!("task/{task}")]),
                json!(token),
                json!(patience.as_secs_f64()),
            ],
            patience + Duration::from_secs(30),
        )
        .await?;
    if let Some(next) = batch["token"].as_str() {
        next.clone_into(token);
    }
    let news = batch["events"]
        .as_array()
        .into_iter()
        .flatten()
        .rev()
        .find(|event| event["ref"] == task && event["snapshot"].is_object());
    match news {
        Some(event) => Ok(Sight::of(&event["snapshot"])),
        None => probe(session, task).await,
    }
}

/// OPERATION of TASK, with since when it has been going on, as far as the host tells.
pub(super) async fn described(session: &Session, task: &str, operation: &str) -> String {
    let record = session
        .call_within("task.get_record", vec![json!(task)], CANCELLATION)
        .await
        .unwrap_or_default();
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    match (text("uuid"), text("created")) {
        ("", _) => format!("the operation {operation} of task `{task}`, which is forgotten,"),
        (uuid, created) => format!(
            "the operation {operation} of task {uuid} (`{}`), which began at {created},",
            text("name_label")
        ),
    }
}

async fn probe(session: &Session, task: &str) -> Result<Sight, XapiError> {
    let record = session
        .call_within("task.get_record", vec![json!(task)], session.patience())
        .await?;
    Ok(Sight::of(&record))
}

/// End TASK and let the host forget it, whatever it is doing.
pub async fn abandon(session: &Session, task: &str) {
    cancel(session, task).await;
    if session.has_made_task(task) {
        // A transfer that has not reached the host leaves nobody to end its task.
        let _ = session
            .call_within(
                "task.set_status",
                vec![json!(task), json!("cancelled")],
                CANCELLATION,
            )
            .await;
    }
    destroy(session, task).await;
}

/// Ask for the end of TASK and give it a moment to obey.
async fn cancel(session: &Session, task: &str) {
    let asked = session
        .call_within("task.cancel", vec![json!(task)], CANCELLATION)
        .await;
    if asked.is_err() {
        return;
    }
    let start = Moment::now();
    while start.elapsed() < CANCELLATION {
        match probe(session, task).await {
            Ok(sight) if ["pending", "cancelling"].contains(&sight.status.as_str()) => {
                clock::sleep(Duration::from_millis(100)).await;
            }
            _ => return,
        }
    }
}

/// Let the host forget TASK; that it already has is as good.
async fn destroy(session: &Session, task: &str) {
    let _ = session
        .call_within("task.destroy", vec![json!(task)], CANCELLATION)
        .await;
    session.forget_task(task);
}
