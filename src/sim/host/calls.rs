//! From a method's name and parameters to its result: sessions, asynchronous
//! calls, the implicit calls that follow from the datamodel, and the way to the
//! explicit ones.

use super::database::{is_null, record_value};
use super::model::{self, Call, Class, Field, Writer};
use super::state::Shared;
use super::value::{ApiError, NULL, Val, new_ref, now};
use super::{disks, domains, events, filter, pool, tasks};
use crate::sim::mishap::Mishap;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Answer a call of METHOD with PARAMS, the session first.
pub async fn call(shared: &Arc<Shared>, method: &str, params: Vec<Val>) -> Result<Val, ApiError> {
    let method = &normalised(method);
    match method.as_str() {
        "system.listMethods" => return Ok(Val::texts(list_methods())),
        "session.login_with_password" | "session.slave_local_login_with_password" => {
            return log_in(shared, params).await;
        }
        _ => {}
    }
    let (name, asynchronous) = match method.strip_prefix("Async.") {
        Some(name) => (name, true),
        None => (method.as_str(), false),
    };
    let mut params = params.into_iter();
    let session = params.next().unwrap_or(Val::Nil).as_text().to_owned();
    shared.perhaps_forget(&session);
    check_session(shared, &session)?;
    let args: Vec<Val> = params.collect();
    if !asynchronous {
        let task = new_ref();
        return perform(shared, name, args, &session, &task).await;
    }
    if !has_async_mode(name) {
        return Err(match find(name) {
            Some(_) => ApiError::new(
                "Fault",
                [format!("No async mode for this operation (rpc: {method})")],
            ),
            None => unknown(name),
        });
    }
    let task = tasks::create(shared, method, "");
    if shared.config.has(&Mishap::TasksVanish) {
        // The work goes on, but nobody will ever hear of it.
        let (shared, task) = (shared.clone(), task.clone());
        shared.clone().spawn(async move {
            crate::clock::sleep(Duration::from_millis(10)).await;
            shared.with(|state| state.db.delete("task", &task));
        });
    }
    let (shared_for_task, name) = (shared.clone(), name.to_owned());
    let reference = task.clone();
    shared.spawn(async move {
        let outcome = perform(&shared_for_task, &name, args, &session, &reference).await;
        tasks::finish(&shared_for_task, &reference, outcome);
    });
    Ok(Val::text(task))
}

/// `Class_method` is another way to write `Class.method`.
fn normalised(method: &str) -> String {
    if method.contains('.') {
        return method.to_owned();
    }
    // Events are no objects, so the model has no class of them.
    model::classes()
        .keys()
        .chain(&["event"])
        .filter(|class| {
            method
                .strip_prefix(**class)
                .is_some_and(|rest| rest.starts_with('_'))
        })
        .max_by_key(|class| class.len())
        .map_or_else(
            || method.to_owned(),
            |class| format!("{class}.{}", &method[class.len() + 1..]),
        )
}

/// Every message of the datamodel, by `CLASS.NAME`.
fn known() -> &'static BTreeSet<String> {
    static KNOWN: OnceLock<BTreeSet<String>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let mut class = "";
        let mut names = BTreeSet::new();
        // The client's guard lists the same messages, each behind what it changes.
        for line in include_str!("../../xapi/messages.txt").lines() {
            match line.strip_prefix("class ") {
                Some(name) => class = name,
                None => names.extend(
                    line.split_whitespace()
                        .filter(|word| !word.ends_with(':'))
                        .map(|word| format!("{class}.{word}")),
                ),
            }
        }
        names
    })
}

/// The refusal of a method that is not done here: a host has it, or nobody.
fn unknown(name: &str) -> ApiError {
    let code = if known().contains(name) {
        "NOT_SIMULATED"
    } else {
        "MESSAGE_METHOD_UNKNOWN"
    };
    ApiError::new(code, [name])
}

/// What a method is, by its name.
enum Method {
    Explicit(&'static Call),
    Get(&'static Class, &'static Field),
    Set(&'static Class, &'static Field),
    AddTo(&'static Class, &'static Field),
    RemoveFrom(&'static Class, &'static Field),
    Whole(&'static Class, Whole),
}

#[derive(Clone, Copy, PartialEq)]
enum Whole {
    Record,
    ByUuid,
    ByNameLabel,
    All,
    AllRecords,
    AllRecordsWhere,
}

const WHOLES: [(&str, Whole); 6] = [
    ("get_record", Whole::Record),
    ("get_by_uuid", Whole::ByUuid),
    ("get_by_name_label", Whole::ByNameLabel),
    ("get_all", Whole::All),
    ("get_all_records", Whole::AllRecords),
    ("get_all_records_where", Whole::AllRecordsWhere),
];

/// Classes whose objects are not listed as a whole.
const UNLISTED: [&str; 1] = ["session"];

fn find(name: &str) -> Option<Method> {
    // The datamodel publishes no filters, and hosts have them.
    if !known().contains(name.strip_suffix("_where").unwrap_or(name)) {
        return None;
    }
    if let Some(call) = model::calls().get(name) {
        return Some(Method::Explicit(call));
    }
    let (class, name) = name.split_once('.')?;
    let class = model::class(class)?;
    if let Some((_, whole)) = WHOLES.iter().find(|(text, _)| *text == name) {
        let listed = !UNLISTED.contains(&class.name);
        let exists = match whole {
            Whole::Record => true,
            Whole::ByUuid => class.field("uuid").is_some(),
            Whole::ByNameLabel => class.field("name_label").is_some(),
            Whole::All | Whole::AllRecords | Whole::AllRecordsWhere => listed,
        };
        return exists.then_some(Method::Whole(class, *whole));
    }
    let writable = |field: &&'static Field| field.writer == Writer::Anybody && field.name != "uuid";
    let is_collection =
        |field: &&'static Field| matches!(field.kind, model::Type::Map(..) | model::Type::Set(_));
    if let Some(field) = name.strip_prefix("get_").and_then(|it| class.field(it)) {
        Some(Method::Get(class, field))
    } else if let Some(field) = name.strip_prefix("set_").and_then(|it| class.field(it)) {
        Some(field)
            .filter(writable)
            .map(|it| Method::Set(class, it))
    } else if let Some(field) = name.strip_prefix("add_to_").and_then(|it| class.field(it)) {
        Some(field)
            .filter(writable)
            .filter(is_collection)
            .map(|it| Method::AddTo(class, it))
    } else if let Some(field) = name.strip_prefix("add_").and_then(|it| class.field(it)) {
        Some(field)
            .filter(writable)
            .filter(is_collection)
            .map(|it| Method::AddTo(class, it))
    } else if let Some(field) = name
        .strip_prefix("remove_from_")
        .or_else(|| name.strip_prefix("remove_"))
        .and_then(|it| class.field(it))
    {
        Some(field)
            .filter(writable)
            .filter(is_collection)
            .map(|it| Method::RemoveFrom(class, it))
    } else {
        None
    }
}

/// Custom calls, constructors and destructors have one; getters, setters and
/// everything about sessions, tasks and events have not.
fn has_async_mode(name: &str) -> bool {
    match find(name) {
        Some(Method::Explicit(call)) => {
            !["session", "task", "event"].contains(&call.class)
                && !call.name.starts_with("get_by")
                && !call.name.starts_with("get_all_records")
                && call.name != "get_all"
                && call.name != "get_record"
                && !call.name.starts_with("set_is_a")
        }
        _ => false,
    }
}

/// The methods that are done here; the others of the datamodel are refused as not
/// simulated.
pub fn list_methods() -> Vec<String> {
    let mut names = vec!["system.listMethods".to_owned()];
    for name in known().iter().filter(|name| find(name).is_some()) {
        names.push(name.clone());
        if has_async_mode(name) {
            names.push(format!("Async.{name}"));
        }
    }
    names.sort();
    names
}

/// Do what NAME says, without a session and without `Async.`.
async fn perform(
    shared: &Arc<Shared>,
    name: &str,
    args: Vec<Val>,
    session: &str,
    task: &str,
) -> Result<Val, ApiError> {
    if let Some(error) = shared.mishap_at_call(name) {
        return Err(error);
    }
    let method = find(name).ok_or_else(|| unknown(name))?;
    let declared = match method {
        Method::Explicit(call) => Some(call),
        _ => None,
    };
    let audit = &shared.config.audit;
    let change = audit.begin(name, session, &args);
    let outcome = carry_out(shared, name, method, args, session, task)
        .await
        .map_err(|error| model::held(name, declared, error));
    audit.end(
        change,
        outcome
            .as_ref()
            .err()
            .map_or("", |error| error.code.as_str()),
    );
    outcome
}

async fn carry_out(
    shared: &Arc<Shared>,
    name: &str,
    method: Method,
    args: Vec<Val>,
    session: &str,
    task: &str,
) -> Result<Val, ApiError> {
    let counted = |expected: usize| {
        if args.len() == expected {
            Ok(())
        } else {
            Err(count_mismatch(name, expected, args.len()))
        }
    };
    match method {
        Method::Explicit(call) => {
            let required = call.parameters.iter().filter(|it| it.required).count();
            if args.len() < required || args.len() > call.parameters.len() {
                return Err(count_mismatch(name, call.parameters.len(), args.len()));
            }
            let args: Vec<Val> = call
                .parameters
                .iter()
                .zip(args)
                .map(|(parameter, value)| parameter.kind.coerce(value))
                .collect::<Result<_, _>>()?;
            explicit(shared, call, &args, session, task).await
        }
        Method::Get(class, field) => {
            counted(1)?;
            shared.with(|state| {
                let record = state.db.get(class.name, args[0].as_text())?;
                Ok(record[field.name].clone())
            })
        }
        Method::Set(class, field) => {
            counted(2)?;
            let value = field.kind.coerce(args[1].clone())?;
            set(shared, class, field, args[0].as_text(), value)
        }
        Method::AddTo(class, field) => {
            let value = match args.len() {
                3 => Some(Val::text(args[2].as_text())),
                2 if matches!(field.kind, model::Type::Set(_)) => None,
                other => return Err(count_mismatch(name, 3, other)),
            };
            add_to(
                shared,
                class,
                field,
                args[0].as_text(),
                args[1].as_text(),
                value,
            )
        }
        Method::RemoveFrom(class, field) => {
            counted(2)?;
            remove_from(shared, class, field, args[0].as_text(), args[1].as_text())
        }
        Method::Whole(class, whole) => {
            counted(match whole {
                Whole::All | Whole::AllRecords => 0,
                _ => 1,
            })?;
            whole_call(shared, class, whole, args.first().map_or("", Val::as_text))
        }
    }
}

fn count_mismatch(name: &str, expected: usize, received: usize) -> ApiError {
    ApiError::new(
        "MESSAGE_PARAMETER_COUNT_MISMATCH",
        [name.to_owned(), expected.to_string(), received.to_string()],
    )
}

fn whole_call(
    shared: &Shared,
    class: &Class,
    whole: Whole,
    argument: &str,
) -> Result<Val, ApiError> {
    shared.with(|state| match whole {
        Whole::Record => state.db.get(class.name, argument).map(record_value),
        Whole::ByUuid => state.db.by_uuid(class.name, argument).map(Val::Text),
        Whole::ByNameLabel => Ok(Val::texts(
            state
                .db
                .all(class.name)
                .filter(|(_, object)| object.record["name_label"].as_text() == argument)
                .map(|(reference, _)| reference.clone()),
        )),
        Whole::All => Ok(Val::texts(
            state.db.all(class.name).map(|(reference, _)| reference),
        )),
        Whole::AllRecordsWhere => {
            let wrong = |reason: String| ApiError::internal(reason);
            let filter = filter::parse(argument)
                .ok_or_else(|| wrong(format!("Db_filter.Expression_error({argument})")))?;
            let mut found = Vec::new();
            for (reference, object) in state.db.all(class.name) {
                let holds = filter.holds(&object.record).map_err(|field| {
                    wrong(format!(
                        "Db_exn.DBCache_NotFound(\"missing column\", \"{}\", \"{field}\")",
                        class.name
                    ))
                })?;
                if holds {
                    found.push((reference.clone(), record_value(&object.record)));
                }
            }
            Ok(Val::map_of(found))
        }
        Whole::AllRecords => {
            Ok(Val::map_of(state.db.all(class.name).map(
                |(reference, object)| (reference.clone(), record_value(&object.record)),
            )))
        }
    })
}

fn set(
    shared: &Shared,
    class: &Class,
    field: &Field,
    reference: &str,
    value: Val,
) -> Result<Val, ApiError> {
    shared.with(|state| {
        state.db.get(class.name, reference)?;
        if let model::Type::Ref(target) = field.kind {
            pool::check_reference(state, target, value.as_text())?;
        }
        state.db.set(class.name, reference, field.name, value);
        Ok(Val::Void)
    })
}

fn add_to(
    shared: &Shared,
    class: &Class,
    field: &Field,
    reference: &str,
    key: &str,
    value: Option<Val>,
) -> Result<Val, ApiError> {
    shared.with(|state| {
        let record = state.db.get(class.name, reference)?;
        let mut content = record[field.name].clone();
        match (&mut content, value) {
            (Val::Map(_), Some(value)) => {
                // With this switch xapi takes the same addition twice.
                let is_same =
                    content.get(key) == Some(&value) && shared.config.has(&Mishap::IdempotentMap);
                if content.get(key).is_some() && !is_same {
                    return Err(ApiError::new(
                        "MAP_DUPLICATE_KEY",
                        [class.name, field.name, reference, key],
                    ));
                }
                content.put(key, value);
            }
            (Val::Set(items), None) => {
                if !items.iter().any(|item| item.as_text() == key) {
                    items.push(Val::text(key));
                }
            }
            _ => return Err(ApiError::internal("a map takes a key and a value")),
        }
        state.db.set(class.name, reference, field.name, content);
        Ok(Val::Void)
    })
}

fn remove_from(
    shared: &Shared,
    class: &Class,
    field: &Field,
    reference: &str,
    key: &str,
) -> Result<Val, ApiError> {
    shared.with(|state| {
        state.db.get(class.name, reference)?;
        state
            .db
            .update(class.name, reference, field.name, |content| match content {
                Val::Set(items) => items.retain(|item| item.as_text() != key),
                content => content.remove(key),
            });
        Ok(Val::Void)
    })
}

async fn explicit(
    shared: &Arc<Shared>,
    call: &'static Call,
    args: &[Val],
    session: &str,
    task: &str,
) -> Result<Val, ApiError> {
    match call.class {
        "session" => log_out(shared, session),
        "task" if !call.name.contains("other_config") => tasks::explicit(shared, call.name, args),
        "event" => events::explicit(shared, call.name, args, session).await,
        "SR" if ["create", "forget"].contains(&call.name) => pool::storage(shared, call.name, args),
        "SR" if call.name == "get_supported_types" => {
            Ok(Val::texts(["ext", "lvm", "nfs", "iso", "dummy"]))
        }
        "VDI" | "VBD" | "VIF" | "SR" => {
            match disks::explicit(shared, call.class, call.name, args, task).await {
                Some(outcome) => outcome,
                None => plain(shared, call, args),
            }
        }
        "VM" => match domains::explicit(shared, call.name, args, task).await {
            Some(outcome) => outcome,
            None => plain(shared, call, args),
        },
        "message" => message(shared, call.name, args),
        _ => match pool::explicit(shared, call.class, call.name, args) {
            Some(outcome) => outcome,
            None => plain(shared, call, args),
        },
    }
}

/// Explicit setters that do no more than their name says.
fn plain(shared: &Arc<Shared>, call: &'static Call, args: &[Val]) -> Result<Val, ApiError> {
    let class = model::class(call.class).expect("calls.txt names classes of model.txt");
    let field = |prefix: &str| {
        call.name
            .strip_prefix(prefix)
            .and_then(|name| class.field(name))
    };
    let reference = args.first().map_or("", Val::as_text);
    if let Some(field) = field("set_") {
        set(shared, class, field, reference, args[1].clone())
    } else if let Some(field) = field("add_to_") {
        add_to(
            shared,
            class,
            field,
            reference,
            args[1].as_text(),
            Some(args[2].clone()),
        )
    } else if let Some(field) = field("remove_from_").or_else(|| field("remove_")) {
        remove_from(shared, class, field, reference, args[1].as_text())
    } else if let Some(field) = field("add_") {
        add_to(shared, class, field, reference, args[1].as_text(), None)
    } else {
        let name = format!("{}.{}", call.class, call.name);
        Err(ApiError::new("NOT_SIMULATED", [name]))
    }
}

fn message(shared: &Shared, name: &str, args: &[Val]) -> Result<Val, ApiError> {
    let since = |after: &str, wanted: &dyn Fn(&super::database::Record) -> bool| {
        shared.with(|state| {
            Val::map_of(
                state
                    .db
                    .all("message")
                    .filter(|(_, object)| {
                        object.record["timestamp"].as_text() >= after && wanted(&object.record)
                    })
                    .map(|(reference, object)| (reference.clone(), record_value(&object.record))),
            )
        })
    };
    let class = model::class("message").expect("model.txt has the class message");
    let first = args.first().map_or("", Val::as_text);
    match name {
        "get_since" => Ok(since(first, &|_| true)),
        "get" => Ok(since(args[2].as_text(), &|record| {
            record["cls"].as_text() == first && record["obj_uuid"] == args[1]
        })),
        "get_all" => whole_call(shared, class, Whole::All, ""),
        "get_all_records" => whole_call(shared, class, Whole::AllRecords, ""),
        "get_record" => whole_call(shared, class, Whole::Record, first),
        "get_by_uuid" => whole_call(shared, class, Whole::ByUuid, first),
        "get_all_records_where" => whole_call(shared, class, Whole::AllRecordsWhere, first),
        "create" => shared.with(|state| {
            state.message(
                first,
                args[2].as_text(),
                args[3].as_text(),
                args[4].as_text(),
            );
            let newest = state.db.all("message").max_by_key(|(_, it)| it.created);
            Ok(Val::text(newest.map_or(NULL, |(reference, _)| reference)))
        }),
        _ => shared.with(|state| {
            state.db.get("message", first)?;
            state.db.delete("message", first);
            Ok(Val::Void)
        }),
    }
}

async fn log_in(shared: &Arc<Shared>, params: Vec<Val>) -> Result<Val, ApiError> {
    if let Some(error) = shared.mishap_at_call("session.login_with_password") {
        return Err(error);
    }
    for mishap in shared.config.mishaps() {
        if let Mishap::Member { address, .. } = mishap {
            return Err(ApiError::new("HOST_IS_SLAVE", [address]));
        }
    }
    let text = |index: usize| params.get(index).map_or("", Val::as_text).to_owned();
    let (user, password) = (text(0), text(1));
    let right = user == shared.config.user && password == shared.config.password;
    if !right || shared.config.has(&Mishap::RefuseLogin) {
        crate::clock::sleep(shared.config.refusal_delay).await;
        return Err(ApiError::new(
            "SESSION_AUTHENTICATION_FAILED",
            [user, "Authentication failure".to_owned()],
        ));
    }
    shared.with(|state| {
        let host = state.marks.host.clone();
        Ok(Val::Text(state.db.insert_as(
            "session",
            secret_reference(),
            [
                ("this_host", Val::text(host)),
                ("this_user", Val::text(NULL)),
                ("last_active", now()),
                ("validation_time", now()),
                ("is_local_superuser", Val::Bool(true)),
                ("auth_user_name", Val::text(user)),
                ("originator", Val::text(text(3))),
            ],
        )))
    })
}

/// A reference of a session, which a search for secrets recognises.
fn secret_reference() -> String {
    let random = uuid::Uuid::new_v4().to_string();
    format!("OpaqueRef:{}{}", crate::sim::SECRET_MARK, &random[8..])
}

fn log_out(shared: &Shared, session: &str) -> Result<Val, ApiError> {
    shared.with(|state| state.db.delete("session", session));
    Ok(Val::Void)
}

/// Whether SESSION is one that has logged in and not out.
pub fn check_session(shared: &Shared, session: &str) -> Result<(), ApiError> {
    shared.with(|state| {
        if !is_null(session) && state.db.exists("session", session) {
            Ok(())
        } else {
            Err(ApiError::new("SESSION_INVALID", [session]))
        }
    })
}

impl Shared {
    /// Whether a call of METHOD gets a closed connection for an answer, and is not
    /// carried out.
    pub fn cuts_connection(&self, method: &str) -> bool {
        self.befalls("cut", method, |mishap| match mishap {
            Mishap::Cut { method, call } => Some((method, *call)),
            _ => None,
        })
    }

    /// The same for a call that is carried out.
    pub fn mutes_answer(&self, method: &str) -> bool {
        self.befalls("mute", method, |mishap| match mishap {
            Mishap::Mute { method, call } => Some((method, *call)),
            _ => None,
        })
    }

    /// Whether this call of METHOD is one that a mishap of the KIND that ASPECT
    /// looks at is about: it answers a method, and which of its calls.
    fn befalls(
        &self,
        kind: &str,
        method: &str,
        aspect: impl Fn(&Mishap) -> Option<(&String, Option<u64>)>,
    ) -> bool {
        let mishaps = self.config.mishaps();
        let wanted: Vec<Option<u64>> = mishaps
            .iter()
            .filter_map(aspect)
            .filter(|(name, _)| *name == method)
            .map(|(_, call)| call)
            .collect();
        if wanted.is_empty() {
            return false;
        }
        let count = self.with(|state| {
            let count = state.counts.entry(format!("{kind} {method}")).or_default();
            *count += 1;
            *count
        });
        wanted
            .iter()
            .any(|call| call.is_none_or(|call| call == count))
    }

    /// Count a call in a session, and forget the session if a mishap says so.
    fn perhaps_forget(&self, session: &str) {
        self.with(|state| {
            let count = state.counts.entry(String::new()).or_default();
            *count += 1;
            let expired = Mishap::SessionExpires { call: *count };
            if self.config.has(&expired) {
                state.db.delete("session", session);
            }
        });
    }

    /// Whether new connections are shown another certificate by now.
    pub fn has_new_certificate(&self) -> bool {
        let calls = self.with(|state| state.counts.get("").copied().unwrap_or(0));
        self.config
            .mishaps()
            .iter()
            .any(|it| matches!(it, Mishap::CertificateChanges { call } if *call <= calls))
    }

    /// Count a call of METHOD, and answer the error with which it is to fail.
    fn mishap_at_call(&self, method: &str) -> Option<ApiError> {
        let count = self.with(|state| {
            let count = state.counts.entry(method.to_owned()).or_default();
            *count += 1;
            *count
        });
        self.config
            .mishaps()
            .iter()
            .find_map(|mishap| match mishap {
                Mishap::CallFails {
                    method: name,
                    call,
                    code,
                    params,
                } if name == method && call.is_none_or(|call| call == count) => {
                    Some(ApiError::new(code.clone(), params.clone()))
                }
                _ => None,
            })
    }
}
