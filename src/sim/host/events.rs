//! `event.from`: level-triggered, coalesced events since a token.
//!
//! An event carries the record as it is now; what happened in between is
//! lost, as on a real host. Order in a batch: additions, changes, deletions.

use super::calls::check_session;
use super::database::record_value;
use super::model;
use super::state::{Shared, State};
use super::value::{ApiError, Val};
use crate::clock::{self, Moment};
use std::sync::Arc;
use std::time::Duration;

/// Classes whose objects are nobody else's business.
const SECRET: [&str; 1] = ["session"];

/// How long changes are gathered before they are reported.
const BATCHING: Duration = Duration::from_millis(50);

enum Subscription {
    Everything,
    Class(String),
    Object(String, String),
}

impl Subscription {
    fn parse(text: &str) -> Result<Subscription, ApiError> {
        let fail = || ApiError::new("EVENT_SUBSCRIPTION_PARSE_FAILURE", [text]);
        let lower = text.to_lowercase();
        if lower == "*" {
            return Ok(Subscription::Everything);
        }
        let (class, object) = match text.split_once('/') {
            Some((class, object)) => (class.to_lowercase(), Some(object)),
            None => (lower, None),
        };
        if class.is_empty()
            || object.is_some_and(|object| object.is_empty() || object.contains('/'))
        {
            return Err(fail());
        }
        Ok(match object {
            Some(object) => Subscription::Object(class, object.to_owned()),
            None => Subscription::Class(class),
        })
    }

    fn covers(&self, class: &str, reference: &str) -> bool {
        match self {
            Subscription::Everything => true,
            Subscription::Class(name) => *name == class.to_lowercase(),
            Subscription::Object(name, object) => {
                *name == class.to_lowercase() && object == reference
            }
        }
    }

    fn is_about_tasks(&self) -> bool {
        matches!(self, Subscription::Class(name) | Subscription::Object(name, _) if name == "task")
    }
}

pub async fn explicit(
    shared: &Arc<Shared>,
    name: &str,
    args: &[Val],
    session: &str,
) -> Result<Val, ApiError> {
    match name {
        "get_current_id" => Ok(shared.with(|state| Val::Int(state.db.generation() as i64))),
        "inject" => shared.with(|state| {
            let (class, object) = (args[0].as_text(), args[1].as_text());
            state.db.touch(class, object)?;
            // That of the change itself would keep the one who waits for it from it.
            Ok(Val::text(token(state.db.generation() - 1)))
        }),
        "register" | "unregister" => {
            let classes: Vec<String> = args[0]
                .items()
                .iter()
                .map(|it| it.as_text().to_owned())
                .collect();
            for class in &classes {
                Subscription::parse(class)?;
            }
            shared.with(|state| {
                let now = state.db.generation();
                let entry = state
                    .registered
                    .entry(session.to_owned())
                    .or_insert_with(|| (Vec::new(), now));
                entry.0.retain(|class| !classes.contains(class));
                if name == "register" {
                    entry.0.extend(classes);
                }
                Ok(Val::Void)
            })
        }
        "next" => next(shared, session).await,
        _ => from(shared, args, session).await,
    }
}

/// Wait for what SESSION has registered for; the older way, without a token.
async fn next(shared: &Arc<Shared>, session: &str) -> Result<Val, ApiError> {
    let mut news = shared.watch();
    loop {
        check_session(shared, session)?;
        news.borrow_and_update();
        let events = shared.with(|state| {
            let (classes, since) = state
                .registered
                .get(session)
                .filter(|(classes, _)| !classes.is_empty())
                .cloned()
                .ok_or_else(|| ApiError::new("SESSION_NOT_REGISTERED", [session]))?;
            let subscriptions = classes
                .iter()
                .map(|class| Subscription::parse(class))
                .collect::<Result<Vec<_>, _>>()?;
            let events = collect(state, &subscriptions, since);
            let now = state.db.generation();
            if let Some(entry) = state.registered.get_mut(session) {
                entry.1 = now;
            }
            Ok::<_, ApiError>(events)
        })?;
        if !events.is_empty() {
            return Ok(Val::Set(events));
        }
        if news.changed().await.is_err() {
            return Err(ApiError::new("SESSION_INVALID", [session]));
        }
        clock::sleep(BATCHING).await;
    }
}

fn token(generation: u64) -> String {
    format!("{generation:020},{generation:020}")
}

fn parse_token(text: &str) -> Result<u64, ApiError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.split_once(',')
        .and_then(|(generation, messages)| {
            messages.parse::<u64>().ok()?;
            generation.parse().ok()
        })
        .ok_or_else(|| ApiError::new("EVENT_FROM_TOKEN_PARSE_FAILURE", [text]))
}

async fn from(shared: &Arc<Shared>, args: &[Val], session: &str) -> Result<Val, ApiError> {
    let subscriptions = args[0]
        .items()
        .iter()
        .map(|item| Subscription::parse(item.as_text()))
        .collect::<Result<Vec<_>, _>>()?;
    let since = parse_token(args[1].as_text())?;
    let timeout = match args[2].as_float() {
        // xapi takes this for a whole day.
        negative if negative < 0.0 => Duration::from_secs(24 * 3600),
        seconds => Duration::try_from_secs_f64(seconds).unwrap_or_default(),
    };
    let end = Moment::now() + timeout;
    let mut news = shared.watch();
    if !subscriptions.iter().all(Subscription::is_about_tasks) {
        clock::sleep(BATCHING.min(timeout)).await;
    }
    loop {
        check_session(shared, session)?;
        news.borrow_and_update();
        let (events, generation, counts) = shared.with(|state| {
            (
                collect(state, &subscriptions, since),
                state.db.generation(),
                reference_counts(state),
            )
        });
        if !events.is_empty() || Moment::now() >= end {
            return Ok(Val::map_of([
                ("events", Val::Set(events)),
                ("valid_ref_counts", counts),
                ("token", Val::text(token(generation))),
            ]));
        }
        tokio::select! {
            () = clock::sleep_until(end) => {}
            changed = news.changed() => {
                if changed.is_err() {
                    return Err(ApiError::new("SESSION_INVALID", [session]));
                }
                clock::sleep_until(end.min(Moment::now() + BATCHING)).await;
            }
        }
    }
}

fn collect(state: &State, subscriptions: &[Subscription], since: u64) -> Vec<Val> {
    let covered = |class: &str, reference: &str| {
        !SECRET.contains(&class) && subscriptions.iter().any(|it| it.covers(class, reference))
    };
    let (mut additions, mut changes) = (Vec::new(), Vec::new());
    for class in model::classes().keys() {
        for (reference, object) in state.db.all(class) {
            if object.modified > since && covered(class, reference) {
                let added = object.created > since;
                let event = event(
                    object.modified,
                    class,
                    if added { "add" } else { "mod" },
                    reference,
                    Some(record_value(&object.record)),
                );
                let list = if added { &mut additions } else { &mut changes };
                list.push((object.modified, event));
            }
        }
    }
    // From the beginning of time there is nothing to forget.
    let deletions = state
        .db
        .deleted_since(since)
        .filter(|(_, class, reference)| since > 0 && covered(class, reference))
        .map(|(generation, class, reference)| event(*generation, class, "del", reference, None));
    additions.sort_by_key(|(generation, _)| *generation);
    changes.sort_by_key(|(generation, _)| *generation);
    additions
        .into_iter()
        .chain(changes)
        .map(|(_, event)| event)
        .chain(deletions)
        .collect()
}

fn event(
    generation: u64,
    class: &str,
    operation: &str,
    reference: &str,
    snapshot: Option<Val>,
) -> Val {
    let mut members = vec![
        ("id", Val::text(generation.to_string())),
        ("timestamp", Val::text("0.0")),
        ("class", Val::text(class.to_lowercase())),
        ("operation", Val::text(operation)),
        ("ref", Val::text(reference)),
    ];
    if let Some(snapshot) = snapshot {
        members.push(("snapshot", snapshot));
    }
    Val::map_of(members)
}

fn reference_counts(state: &State) -> Val {
    Val::map_of(
        model::classes()
            .keys()
            .filter(|class| !SECRET.contains(class))
            .map(|class| {
                (
                    class.to_lowercase(),
                    Val::SmallInt(state.db.all(class).count() as i64),
                )
            }),
    )
}
