//! Tasks: the host's handles on slow work.

use super::state::Shared;
use super::value::{ApiError, EPOCH, Val, now};
use super::xml;
use crate::clock::{self, Moment};
use std::sync::Arc;
use std::time::Duration;

/// A new pending task.
pub fn create(shared: &Shared, label: &str, description: &str) -> String {
    shared.with(|state| {
        let host = state.marks.host.clone();
        state.db.insert(
            "task",
            [
                ("name_label", Val::text(label)),
                ("name_description", Val::text(description)),
                ("status", Val::text("pending")),
                ("type", Val::text("<none/>")),
                ("created", now()),
                ("finished", Val::Date(EPOCH.to_owned())),
                ("resident_on", Val::text(host)),
                ("backtrace", Val::text("()")),
                ("allowed_operations", Val::texts(["cancel", "destroy"])),
            ],
        )
    })
}

/// The task has ended with OUTCOME; one that was destroyed meanwhile goes.
pub fn finish(shared: &Shared, task: &str, outcome: Result<Val, ApiError>) {
    shared.with(|state| {
        let db = &mut state.db;
        if db.text("task", task, "status") != "pending"
            && db.text("task", task, "status") != "cancelling"
        {
            return;
        }
        match outcome {
            Ok(value) => {
                db.set("task", task, "result", Val::text(xml::fragment(&value)));
                db.set("task", task, "status", Val::text("success"));
            }
            Err(error) => {
                let status = if error.code == "TASK_CANCELLED" {
                    "cancelled"
                } else {
                    "failure"
                };
                db.set("task", task, "error_info", Val::texts(error.description()));
                db.set("task", task, "status", Val::text(status));
            }
        }
        db.set("task", task, "progress", Val::Float(1.0));
        db.set("task", task, "finished", now());
        db.set("task", task, "allowed_operations", Val::texts(["destroy"]));
        let doomed = db
            .field("task", task, "current_operations")
            .entries()
            .iter()
            .any(|(_, operation)| operation.as_text() == "destroy");
        if doomed {
            db.delete("task", task);
        }
    });
}

pub fn set_progress(shared: &Shared, task: &str, progress: f64) {
    shared.with(|state| {
        state.db.set("task", task, "progress", Val::Float(progress));
    });
}

/// Whether somebody has asked for the end of TASK.
pub fn is_cancelled(shared: &Shared, task: &str) -> bool {
    shared.with(|state| {
        state
            .db
            .field("task", task, "current_operations")
            .entries()
            .iter()
            .any(|(_, operation)| operation.as_text() == "cancel")
    })
}

/// Pass the time of slow work, unless the task is cancelled meanwhile.
pub async fn work(shared: &Arc<Shared>, task: &str, time: Duration) -> Result<(), ApiError> {
    let end = Moment::now() + time;
    let mut news = shared.watch();
    loop {
        if is_cancelled(shared, task) {
            return Err(ApiError::new("TASK_CANCELLED", [task]));
        }
        tokio::select! {
            () = clock::sleep_until(end) => return Ok(()),
            changed = news.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

pub fn explicit(shared: &Arc<Shared>, name: &str, args: &[Val]) -> Result<Val, ApiError> {
    if name == "create" {
        return Ok(Val::Text(create(
            shared,
            args[0].as_text(),
            args[1].as_text(),
        )));
    }
    let task = args[0].as_text();
    shared.with(|state| {
        let record = state.db.get("task", task)?;
        let pending = matches!(record["status"].as_text(), "pending" | "cancelling");
        let db = &mut state.db;
        let mark = |db: &mut super::database::Database, operation: &str| {
            let key = super::value::new_ref();
            db.update("task", task, "current_operations", |operations| {
                operations.put(&key, Val::text(operation));
            });
        };
        match name {
            "cancel" if pending => {
                mark(db, "cancel");
                db.set("task", task, "status", Val::text("cancelling"));
            }
            "cancel" => {}
            "destroy" if pending => mark(db, "destroy"),
            "destroy" => db.delete("task", task),
            "set_status" => {
                db.set("task", task, "status", args[1].clone());
                if args[1].as_text() != "pending" {
                    db.set("task", task, "finished", now());
                }
            }
            "set_progress" => db.set("task", task, "progress", args[1].clone()),
            "set_result" => db.set("task", task, "result", args[1].clone()),
            _ => db.set("task", task, "error_info", args[1].clone()),
        }
        Ok(Val::Void)
    })
}
