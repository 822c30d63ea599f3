//! Sessions: log in, call, log out.
//!
//! Every call has a deadline. A call that only reads is repeated when its
//! connection is lost; any other is sent once, on a connection of its own
//! freshness. A session that the host has forgotten is renewed once, and the
//! call, which the host has refused without looking at it, is sent again.
//! What a call would change is checked against [`super::approved`] before
//! anything is sent.
//!
//! Source: XenAPI reference, class `session`.

use super::approved::{self, Approved};
use super::error::XapiError;
use super::http::{Connection, Endpoint, Head};
use super::integers;
use super::lease::{self, Lease};
use super::lock::{self, Held};
use super::refusals;
use super::retry::Attempts;
use super::rpc::{Answer, Dialect, is_null};
use super::task;
use super::trust::Fingerprint;
use crate::clock::{self, Moment};
use crate::secrets;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::OwnedRwLockReadGuard;

/// Hosts keep a limited number of sessions per originator and drop the oldest,
/// so ours never push out anybody else's.
const ORIGINATOR: &str = "fruix-scm";

/// How long a call may take unless the caller knows better.
pub const CALL: Duration = Duration::from_secs(60);

/// How long a host that is starting is asked to let us in.
const STARTING: Duration = Duration::from_secs(150);

/// How often a call that only reads is tried.
const ATTEMPTS: u32 = 3;

/// What of a head is held back until the host has been asked: its empty line.
const END_OF_HEAD: usize = 2;

/// What a host answers that has waited too long for the rest of a request.
pub(super) const REQUEST_TIMEOUT: u16 = 408;

const LOG_IN: &str = "session.login_with_password";

/// With these a member of a pool tells which certificate its master shows.
const MASTER_WANTED: &str = "x-xenapi-request-host-certificate-thumbprint";
const MASTER_SHOWN: &str = "x-xenapi-response-host-certificate-thumbprint";

/// A task that is to be destroyed after use.
struct Task {
    reference: String,
    /// Whether we have made it for a transfer. The host ends such a task only
    /// when the transfer has reached it.
    is_ours: bool,
}

/// A call as it is sent.
struct Wire {
    dialect: Dialect,
    id: u64,
    body: Vec<u8>,
    repeatable: bool,
    asks_for_master: bool,
    fence: Fence,
}

/// Whether a call needs what the session has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fence {
    None,
    Up,
}

/// A text that must not be seen: it prints as `…`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The first line of the file at PATH.
    pub fn from_file(path: &Path) -> Result<Secret, XapiError> {
        let unreadable = |reason: String| XapiError::File {
            path: path.display().to_string(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        match text.lines().next() {
            Some(line) if !line.is_empty() => {
                secrets::keep("password", line);
                Ok(Secret::new(line))
            }
            _ => Err(unreadable("the password file is empty".to_owned())),
        }
    }

    fn expose(&self) -> &str {
        &self.0
    }

    /// Replace this secret in TEXT, also where it is quoted for JSON, XML or an URL.
    fn blot(&self, text: &mut String) {
        let secret = self.0.as_str();
        if text == secret {
            "…".clone_into(text);
        }
        // What is this short is found everywhere, and no secret either.
        if secret.chars().count() < 3 {
            return;
        }
        let json = Value::from(secret).to_string();
        let xml = quick_xml::escape::escape(secret);
        let url: String = secret
            .bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect();
        for form in [
            secret,
            &json[1..json.len() - 1],
            &xml,
            &url,
            &url.to_lowercase(),
        ] {
            if text.contains(form) {
                *text = text.replace(form, "…");
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// What is needed to log in.
#[derive(Clone, Debug)]
pub struct Login {
    /// `https://ADDRESS[:PORT]`.
    pub host: String,
    pub user: String,
    pub password: Secret,
    /// SHA-256 fingerprints of the certificates that hosts of the pool show.
    pub certificates: Vec<String>,
    pub approved: Approved,
    /// How long a call may take, and how long a transfer may stand still;
    /// [`CALL`] unless there is a reason.
    pub patience: Duration,
    /// What the marks say on everything this session creates.
    pub lease: Lease,
    /// For how long it locks what it changes, each time it renews that;
    /// [`lock::LEASE`] unless there is a reason.
    pub lock_lease: Duration,
}

/// A session on a host. Clones are the same session.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

/// A session that lives only as long as others hold it.
pub(super) struct WeakSession(Weak<Inner>);

impl WeakSession {
    pub fn upgrade(&self) -> Option<Session> {
        self.0.upgrade().map(Session)
    }
}

struct Inner {
    login: Login,
    state: Mutex<State>,
    /// Held while logging in again, so that only one does.
    renewal: tokio::sync::Mutex<()>,
    /// Read-held by each claim of a lock that is on its way.
    claims: Arc<tokio::sync::RwLock<()>>,
    next_id: AtomicU64,
}

#[derive(Default)]
struct State {
    endpoint: Option<Endpoint>,
    dialect: Dialect,
    reference: Option<Secret>,
    idle: Vec<Connection>,
    tasks: Vec<Task>,
    /// The tasks that create something: by which method, and under which name.
    creating: HashMap<String, (String, Option<String>)>,
    /// UUIDs of references, which never change.
    uuids: HashMap<String, String>,
    /// What this session has created.
    created: HashSet<String>,
    /// VDIs that this session has created and nobody can have written to.
    fresh: HashSet<String>,
    /// The locks that its changes need, and those of them that it has taken itself.
    locks: Vec<Arc<Held>>,
    taken: Vec<Arc<Held>>,
    /// The host by whose clock leases end.
    master: Option<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Session on `{}`", self.0.login.host)
    }
}

/// Every session that has not been logged out.
fn open_sessions() -> MutexGuard<'static, Vec<Weak<Inner>>> {
    static OPEN: OnceLock<Mutex<Vec<Weak<Inner>>>> = OnceLock::new();
    OPEN.get_or_init(|| Mutex::new(Vec::new()))
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// The sessions that nobody has logged out.
fn left_open() -> Vec<Session> {
    open_sessions()
        .iter()
        .filter_map(Weak::upgrade)
        .map(Session)
        .filter(Session::is_open)
        .collect()
}

impl Session {
    /// Log in. The host must show one of the pinned certificates; a member of a
    /// pool sends us to its master, which must show one of them as well.
    pub async fn log_in(login: Login) -> Result<Session, XapiError> {
        let mut pins = Vec::new();
        for text in &login.certificates {
            let pin: Fingerprint = text.parse().map_err(|_| XapiError::Settings {
                message: format!("`{text}` is not the SHA-256 fingerprint of a certificate"),
                hint: "`certificate-sha256` has 64 hexadecimal digits, with or without colons"
                    .to_owned(),
            })?;
            pins.push(pin);
        }
        let endpoint = Endpoint::new(&login.host, pins)?;
        let session = Session(Arc::new(Inner {
            login,
            state: Mutex::new(State {
                endpoint: Some(endpoint),
                ..State::default()
            }),
            renewal: tokio::sync::Mutex::new(()),
            claims: Arc::default(),
            next_id: AtomicU64::new(0),
        }));
        let reference = session.fetch_reference().await?;
        session.state().reference = Some(reference);
        let mut open = open_sessions();
        open.retain(|other| other.strong_count() > 0);
        open.push(Arc::downgrade(&session.0));
        drop(open);
        Ok(session)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where this session's host is.
    pub fn endpoint(&self) -> Endpoint {
        let state = self.state();
        state
            .endpoint
            .clone()
            .expect("a session has an endpoint from the beginning")
    }

    pub fn approved(&self) -> &Approved {
        &self.0.login.approved
    }

    pub fn lease(&self) -> &Lease {
        &self.0.login.lease
    }

    pub(super) fn lock_lease(&self) -> Duration {
        self.0.login.lock_lease
    }

    pub(super) fn downgrade(&self) -> WeakSession {
        WeakSession(Arc::downgrade(&self.0))
    }

    /// The locks without which this session may not change anything.
    pub(super) fn locks(&self) -> Vec<Arc<Held>> {
        self.state().locks.clone()
    }

    /// Those of them that this session has taken, and gives back.
    pub(super) fn taken(&self) -> Vec<Arc<Held>> {
        self.state().taken.clone()
    }

    /// Held while a claim is on its way to the host, or its answer back.
    pub(super) async fn claiming(&self) -> OwnedRwLockReadGuard<()> {
        self.0.claims.clone().read_owned().await
    }

    /// Return when no claim is on its way.
    pub(super) async fn claims_settled(&self) {
        drop(self.0.claims.write().await);
    }

    /// From now on HELD is among what this session gives back.
    pub(super) fn took(&self, held: &Arc<Held>) {
        self.state().taken.push(held.clone());
    }

    /// From now on nothing is changed without HELD.
    pub(super) fn add_lock(&self, held: &Arc<Held>) {
        let mut state = self.state();
        state.locks.retain(|other| !other.is_of(held));
        state.locks.push(held.clone());
    }

    /// The reference of the pool's master.
    pub(super) async fn master(&self) -> Result<String, XapiError> {
        if let Some(master) = self.state().master.clone() {
            return Ok(master);
        }
        let pools = self
            .call_unfenced("pool.get_all_records", Vec::new(), self.patience())
            .await?;
        let master = pools
            .as_object()
            .and_then(|pools| pools.values().next())
            .and_then(|pool| pool["master"].as_str())
            .unwrap_or_default()
            .to_owned();
        self.state().master = Some(master.clone());
        Ok(master)
    }

    /// How long a call may take, and a transfer may stand still.
    pub fn patience(&self) -> Duration {
        self.0.login.patience
    }

    pub fn is_open(&self) -> bool {
        self.state().reference.is_some()
    }

    async fn fetch_reference(&self) -> Result<Secret, XapiError> {
        let login = &self.0.login;
        let params = [
            Value::from(login.user.as_str()),
            Value::from(login.password.expose()),
            Value::from("2.21"),
            Value::from(ORIGINATOR),
        ];
        let mut attempts = Attempts::new(LOG_IN, STARTING);
        // One step from a member to its master, and one in case it has just changed.
        let mut steps = 0;
        while steps < 3 {
            let tried = format!("log in to `{}` as `{}`", self.endpoint().url(), login.user);
            match self.first_exchange(&params, &tried).await? {
                Answer::Result(Value::String(reference)) => {
                    secrets::keep("session", &reference);
                    return Ok(Secret::new(reference));
                }
                Answer::Result(_) => {
                    return Err(XapiError::Protocol {
                        tried,
                        reason: "the host answered a login without a session".to_owned(),
                    });
                }
                Answer::Error { code, params } if code == "HOST_IS_SLAVE" && !params.is_empty() => {
                    steps += 1;
                    let member = self.endpoint();
                    let mut state = self.state();
                    state.endpoint = Some(member.at(&params[0], member.port()));
                    state.idle.clear();
                }
                Answer::Error { code, params } => {
                    let refused = XapiError::refused(tried, code, params);
                    attempts.again(refused).await?;
                }
            }
        }
        Err(XapiError::Protocol {
            tried: format!("log in to `{}`", login.host),
            reason: "every host of the pool says that another one is the master".to_owned(),
        })
    }

    /// Send a login, in XML-RPC when the host does not understand JSON-RPC.
    async fn first_exchange(&self, params: &[Value], tried: &str) -> Result<Answer, XapiError> {
        let limit = self.0.login.patience;
        let outcome = self
            .exchange(LOG_IN, params, limit, tried, Fence::None)
            .await;
        let Err(XapiError::Protocol { .. } | XapiError::Http { .. }) = outcome else {
            return outcome;
        };
        if self.state().dialect == Dialect::Xml {
            return outcome;
        }
        self.state().dialect = Dialect::Xml;
        match self
            .exchange(LOG_IN, params, limit, tried, Fence::None)
            .await
        {
            // It speaks neither, so this is no host of ours.
            Err(XapiError::Protocol { .. } | XapiError::Http { .. }) => {
                self.state().dialect = Dialect::Json;
                outcome
            }
            better => better,
        }
    }

    /// Call METHOD with PARAMS; the session itself is put in front of them.
    ///
    /// A method that would change what the settings do not approve is refused,
    /// and nothing is sent.
    pub async fn call(&self, method: &str, params: Vec<Value>) -> Result<Value, XapiError> {
        let mut attempts = Attempts::new(method, self.patience());
        loop {
            match self.send(method, params.clone()).await {
                Ok(result) => return Ok(result),
                Err(error) => {
                    if let Err(error) = attempts.again(error).await {
                        return Err(self.named(error).await);
                    }
                }
            }
        }
    }

    /// As [`Session::call`], once.
    pub(super) async fn send(&self, method: &str, params: Vec<Value>) -> Result<Value, XapiError> {
        if method.starts_with("VDI.") && approved::copies(method) {
            // The copy of a disk is asked for as a task, which can be marked.
            let tried = format!("call `{method}`");
            return Box::pin(task::run(self, method, params, self.patience(), &tried)).await;
        }
        let mut params = params;
        approved::check(self, method, &mut params).await?;
        let name = lease::announce(self, method, &mut params);
        let vdi = params.first().and_then(|record| record.get("VDI")).cloned();
        let asynchronous = method.strip_prefix("Async.");
        let creates = approved::creates(method, &params);
        let creates_later = asynchronous.filter(|it| approved::creates(it, &params));
        let snapshot = params.first().cloned();
        let reverts = method.strip_prefix("Async.").unwrap_or(method) == "VM.revert";
        let snapshot = snapshot.filter(|_| reverts);
        let snapshot = snapshot.as_ref().and_then(Value::as_str);
        if let Some(snapshot) = snapshot {
            lock::before_revert(self, snapshot).await?;
        }
        let outcome = self.call_within(method, params, self.patience()).await;
        if method == "VM.revert"
            && let Some(snapshot) = snapshot
            // What may be going on still puts an old state back at some time.
            && matches!(outcome, Ok(_) | Err(XapiError::Refused { .. }))
        {
            lock::after_revert(self, snapshot).await?;
        }
        let result = outcome?;
        if let Some(reference) = result.as_str() {
            if creates {
                lease::mark_new(self, method, reference, name).await?;
            } else if let Some(method) = creates_later {
                if method.starts_with("VDI.") {
                    lease::mark_task(self, reference).await;
                }
                let creation = (method.to_owned(), name);
                let mut state = self.state();
                state.creating.insert(reference.to_owned(), creation);
            }
        }
        if method == "VM.revert"
            && let Some(snapshot) = snapshot
        {
            lease::follow_revert(self, snapshot).await?;
        }
        if method.ends_with("VBD.create")
            && let Some(vdi) = vdi.as_ref().and_then(Value::as_str)
        {
            self.no_longer_fresh(vdi);
        }
        Ok(result)
    }

    /// Remember that this session has created the object REFERENCE by METHOD.
    pub fn own(&self, method: &str, reference: &str) {
        let mut state = self.state();
        state.created.insert(reference.to_owned());
        if method == "VDI.create" {
            state.fresh.insert(reference.to_owned());
        }
    }

    /// Whether nobody can have written to the VDI that REFERENCE points at.
    pub fn is_fresh(&self, reference: &str) -> bool {
        self.state().fresh.contains(reference)
    }

    pub fn no_longer_fresh(&self, reference: &str) {
        self.state().fresh.remove(reference);
    }

    pub fn has_created(&self, reference: &str) -> bool {
        self.state().created.contains(reference)
    }

    /// Call METHOD without a look at what is approved: for reading, and for
    /// what this module and its siblings have checked themselves. What changes
    /// something passes the fence: the host is asked whether what this session has
    /// locked is still its own.
    pub(super) async fn call_within(
        &self,
        method: &str,
        params: Vec<Value>,
        limit: Duration,
    ) -> Result<Value, XapiError> {
        let fence = if approved::changes(method) {
            Fence::Up
        } else {
            Fence::None
        };
        self.carry_out(method, params, limit, fence).await
    }

    /// The same for what locks themselves need.
    pub(super) async fn call_unfenced(
        &self,
        method: &str,
        params: Vec<Value>,
        limit: Duration,
    ) -> Result<Value, XapiError> {
        self.carry_out(method, params, limit, Fence::None).await
    }

    async fn carry_out(
        &self,
        method: &str,
        params: Vec<Value>,
        limit: Duration,
        fence: Fence,
    ) -> Result<Value, XapiError> {
        let tried = match (method.split_once('.'), params.first()) {
            (Some((class, "get_by_uuid")), Some(Value::String(uuid))) => {
                format!("find {class} `{uuid}`")
            }
            _ => format!("call `{method}`"),
        };
        let mut renewed = false;
        let mut attempts = Attempts::new(method, limit);
        loop {
            let Some(reference) = self.state().reference.clone() else {
                let code = "SESSION_INVALID".to_owned();
                return Err(XapiError::refused(tried, code, Vec::new()));
            };
            let mut all = Vec::with_capacity(params.len() + 1);
            all.push(Value::from(reference.expose()));
            all.extend(params.iter().cloned());
            match self.exchange(method, &all, limit, &tried, fence).await? {
                Answer::Result(value) => return Ok(value),
                Answer::Error { code, .. } if code == "SESSION_INVALID" && !renewed => {
                    renewed = true;
                    self.renew(&reference).await?;
                }
                Answer::Error { code, params } => {
                    // The reference of the session is as good as a password.
                    let params = if code == "SESSION_INVALID" {
                        Vec::new()
                    } else {
                        params
                    };
                    let refused = XapiError::refused(tried.clone(), code, params);
                    match refused.code() {
                        Some("HOST_STILL_BOOTING" | "TOO_MANY_PENDING_TASKS" | "TOO_BUSY") => {
                            attempts.again(refused).await?;
                        }
                        _ => return Err(refused),
                    }
                }
            }
        }
    }

    /// Log in again, unless somebody has done so since OLD was in use.
    async fn renew(&self, old: &Secret) -> Result<(), XapiError> {
        let _only_one = self.0.renewal.lock().await;
        let current = self.state().reference.clone();
        if current.is_some_and(|current| current.expose() != old.expose()) {
            return Ok(());
        }
        let reference = self.fetch_reference().await?;
        self.state().reference = Some(reference);
        Ok(())
    }

    /// Send a call and read its answer.
    async fn exchange(
        &self,
        method: &str,
        params: &[Value],
        limit: Duration,
        tried: &str,
        fence: Fence,
    ) -> Result<Answer, XapiError> {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let dialect = self.state().dialect;
        let body = dialect
            .encode(id, method, params)
            .map_err(|reason| XapiError::Protocol {
                tried: tried.to_owned(),
                reason,
            })?;
        let call = Wire {
            dialect,
            id,
            body,
            repeatable: approved::is_repeatable(method),
            asks_for_master: method == LOG_IN,
            fence,
        };
        let repeatable = call.repeatable;
        let start = Moment::now();
        let mut attempt = 1;
        loop {
            let left = limit.saturating_sub(start.elapsed());
            let outcome = clock::limit(left, self.transmit(&call, tried)).await;
            match outcome {
                Err(_) => {
                    return Err(XapiError::Timeout {
                        tried: tried.to_owned(),
                        limit,
                        last: "the host has not answered".to_owned(),
                    });
                }
                Ok(Err(XapiError::Connection { .. })) if repeatable && attempt < ATTEMPTS => {
                    clock::sleep(Duration::from_millis(300) * attempt).await;
                    attempt += 1;
                }
                Ok(mut outcome) => {
                    if dialect == Dialect::Xml
                        && let Ok(Answer::Result(result)) = &mut outcome
                    {
                        integers::restore(method, result);
                    }
                    return outcome;
                }
            }
        }
    }

    /// Send CALL once; again only where the host has certainly not seen all of it.
    async fn transmit(&self, call: &Wire, tried: &str) -> Result<Answer, XapiError> {
        for _ in 1..ATTEMPTS {
            if let Some(answer) = self.transmit_once(call, tried).await? {
                return Ok(answer);
            }
        }
        self.transmit_once(call, tried)
            .await?
            .ok_or_else(|| XapiError::Timeout {
                tried: tried.to_owned(),
                limit: self.patience(),
                last: "the host does not wait for the end of a request".to_owned(),
            })
    }

    /// Send CALL; nothing when the host has dropped it for being slow.
    async fn transmit_once(&self, call: &Wire, tried: &str) -> Result<Option<Answer>, XapiError> {
        let endpoint = self.endpoint();
        // A used connection may be closing; what must not be lost gets a new one.
        let used = if call.repeatable {
            self.take_idle()
        } else {
            None
        };
        let mut connection = match used {
            Some(connection) => connection,
            None => endpoint.connect().await?,
        };
        let length = call.body.len().to_string();
        let mut headers = vec![
            ("Content-Type", call.dialect.content_type()),
            ("Content-Length", length.as_str()),
        ];
        if call.asks_for_master {
            headers.push((MASTER_WANTED, "sha-256:master"));
        }
        let mut request = endpoint.head("POST", call.dialect.path(), &headers)?;
        if call.fence == Fence::Up {
            match self.pass_fence(&mut connection, request).await? {
                Some(rest) => request = rest,
                None => return Ok(None),
            }
        }
        request.extend_from_slice(&call.body);
        let exchange = async {
            connection.send(&request).await?;
            let head = connection.read_head().await?;
            let body = match head.status {
                200 => connection.read_body(&head).await?,
                _ => Vec::new(),
            };
            Ok::<_, std::io::Error>((head, body))
        };
        let (head, body) = exchange.await.map_err(|error| {
            // Where one connection is lost, the others that rest are most likely too.
            self.state().idle.clear();
            XapiError::Connection {
                tried: tried.to_owned(),
                reason: format!("`{}`: {error}", endpoint.url()),
            }
        })?;
        if head.status == REQUEST_TIMEOUT && call.fence == Fence::Up {
            return Ok(None);
        }
        if head.status != 200 {
            return Err(self.http_refusal(&mut connection, &head, tried).await);
        }
        let answer = call
            .dialect
            .decode(&body, call.id)
            .map_err(|reason| XapiError::Protocol {
                tried: tried.to_owned(),
                reason: format!("`{}`: {}", endpoint.url(), self.blot(&reason)),
            })?;
        if head.keeps_alive() {
            connection.rest();
            let mut state = self.state();
            if state.idle.len() < 4 {
                state.idle.push(connection);
            }
        }
        // A member vouches for its master, over a connection that is trusted.
        if call.asks_for_master
            && let Some(pin) = head.header(MASTER_SHOWN)
        {
            self.trust(pin);
        }
        Ok(Some(self.blotted(answer)))
    }

    /// Why the host has answered HEAD on CONNECTION, in its own words.
    pub(super) async fn http_refusal(
        &self,
        connection: &mut Connection,
        head: &Head,
        tried: &str,
    ) -> XapiError {
        XapiError::Http {
            tried: tried.to_owned(),
            url: connection.url().to_owned(),
            status: head.status,
            reason: self.blot(&head.reason),
            location: head.header("location").map(|place| self.blot(place)),
            text: self.blot(&connection.read_words(head).await),
        }
    }

    /// TEXT of the host's without our secrets, in whichever way it spells them: some
    /// hosts repeat what they were asked.
    pub(super) fn blot(&self, text: &str) -> String {
        let state = self.state();
        let secrets = [Some(&self.0.login.password), state.reference.as_ref()];
        let mut text = text.to_owned();
        for secret in secrets.into_iter().flatten() {
            secret.blot(&mut text);
        }
        text
    }

    fn blotted(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Error { code, params } => Answer::Error {
                code: self.blot(&code),
                params: params.iter().map(|param| self.blot(param)).collect(),
            },
            result => result,
        }
    }

    /// The refusal ERROR with the names of what its parameters refer to, as far as
    /// the host tells them at once.
    pub(super) async fn named(&self, mut error: XapiError) -> XapiError {
        const PATIENCE: Duration = Duration::from_secs(5);
        let XapiError::Refused {
            code,
            params,
            named,
            ..
        } = &mut error
        else {
            return error;
        };
        let names = refusals::meaning(code).map_or(&[][..], |meaning| &meaning.names);
        for (name, param) in names.iter().zip(params.iter()) {
            let Some(class) = refusals::class_of(code, name, params) else {
                continue;
            };
            if is_null(param) || !param.starts_with("OpaqueRef:") || code == "HANDLE_INVALID" {
                continue;
            }
            let method = format!("{class}.get_record");
            if !approved::is_reading(&method) {
                continue;
            }
            let asked = self.call_within(&method, vec![param.as_str().into()], PATIENCE);
            let Ok(record) = asked.await else { continue };
            let text = |name: &str| record[name].as_str().unwrap_or_default();
            let label = match (text("name_label"), text("userdevice"), text("device")) {
                ("", "", "") => String::new(),
                ("", "", device) | ("", device, _) => format!("device {device}, "),
                (label, ..) => format!("`{label}`, "),
            };
            named.push((param.clone(), format!("{label}{class} {}", text("uuid"))));
        }
        error
    }

    /// Send HEAD, the head of a request, but for its end, and then ask whether
    /// everything that this session has locked is its own. Answers the rest, or
    /// nothing when the host did not take the beginning.
    ///
    /// A host waits for the rest of a head only so long. So what is stopped or held
    /// up after it has asked, and goes on when the lock is somebody else's, finds
    /// its request dropped.
    ///
    /// Source: xapi's `http_svr.ml` and `xapi_globs.ml`, header_read_timeout_tcp.
    pub(super) async fn pass_fence(
        &self,
        connection: &mut Connection,
        mut head: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, XapiError> {
        if self.state().locks.is_empty() {
            return Ok(Some(head));
        }
        let rest = head.split_off(head.len().saturating_sub(END_OF_HEAD));
        if connection.send(&head).await.is_err() {
            return Ok(None);
        }
        lock::confirm(self).await?;
        lock::stands(self)?;
        Ok(Some(rest))
    }

    /// Accept the certificate with this fingerprint too, of which a host of the
    /// pool has told us over a connection that is trusted.
    fn trust(&self, fingerprint: &str) {
        if let Ok(pin) = fingerprint.parse() {
            let mut state = self.state();
            state.endpoint = state.endpoint.take().map(|it| it.trusting(pin));
        }
    }

    /// Learn the certificates of every host of the pool from the one that is
    /// trusted; a host that does not list them leaves us with what we have.
    pub(super) async fn learn_certificates(&self) -> Result<(), XapiError> {
        let records = self
            .call_within("Certificate.get_all_records", Vec::new(), self.patience())
            .await;
        let records = match records {
            Err(XapiError::Refused { .. }) => return Ok(()),
            records => records?,
        };
        for record in records.as_object().into_iter().flat_map(Map::values) {
            let text = |name: &str| record[name].as_str().unwrap_or_default();
            // Younger hosts have a field for each digest.
            let fingerprint = match text("fingerprint_sha256") {
                "" => text("fingerprint"),
                fingerprint => fingerprint,
            };
            if text("type") == "host" {
                self.trust(fingerprint);
            }
        }
        Ok(())
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut state = self.state();
        while let Some(connection) = state.idle.pop() {
            if connection.is_fresh() {
                return Some(connection);
            }
        }
        None
    }

    /// The value of a `Cookie` header with which HTTP handlers know us.
    pub(super) fn cookie(&self, task: &str) -> String {
        let state = self.state();
        let reference = state.reference.as_ref().map_or("", Secret::expose);
        format!("session_id={reference}; task_id={task}")
    }

    /// The UUID of the object of CLASS that REFERENCE points at.
    pub async fn uuid(&self, class: &str, reference: &str) -> Result<String, XapiError> {
        if let Some(uuid) = self.state().uuids.get(reference) {
            return Ok(uuid.clone());
        }
        let uuid = self
            .call_within(
                &format!("{class}.get_uuid"),
                vec![Value::from(reference)],
                self.patience(),
            )
            .await?
            .as_str()
            .unwrap_or_default()
            .to_owned();
        self.state()
            .uuids
            .insert(reference.to_owned(), uuid.clone());
        Ok(uuid)
    }

    pub(super) fn register_task(&self, task: &str, is_ours: bool) {
        self.state().tasks.push(Task {
            reference: task.to_owned(),
            is_ours,
        });
    }

    /// By which method TASK creates something, and under which name, if it does;
    /// asked once.
    pub(super) fn take_creation(&self, task: &str) -> Option<(String, Option<String>)> {
        self.state().creating.remove(task)
    }

    pub(super) fn forget_task(&self, task: &str) {
        self.state().tasks.retain(|other| other.reference != task);
    }

    pub(super) fn has_task(&self, task: &str) -> bool {
        self.state()
            .tasks
            .iter()
            .any(|other| other.reference == task)
    }

    /// Whether TASK was made by us, for a transfer.
    pub(super) fn has_made_task(&self, task: &str) -> bool {
        self.state()
            .tasks
            .iter()
            .any(|other| other.reference == task && other.is_ours)
    }

    /// Cancel and destroy the tasks of operations that were given up, such as
    /// after Ctrl-C. What has gone wrong meanwhile does not matter any more.
    pub async fn abandon_tasks(&self) -> Result<(), XapiError> {
        let tasks = std::mem::take(&mut self.state().tasks);
        for Task { reference, is_ours } in tasks {
            let task = Value::from(reference);
            let mut calls = vec![("task.cancel", vec![task.clone()])];
            if is_ours {
                calls.push(("task.set_status", vec![task.clone(), "cancelled".into()]));
            }
            calls.push(("task.destroy", vec![task]));
            for (method, params) in calls {
                let _ = self
                    .call_within(method, params, Duration::from_secs(5))
                    .await;
            }
        }
        Ok(())
    }

    /// Log out; the host forgets the session. Logging out twice is no error.
    pub async fn log_out(&self) -> Result<(), XapiError> {
        if !self.is_open() {
            return Ok(());
        }
        self.abandon_tasks().await?;
        lock::give_back_all(self).await;
        let Some(reference) = self.state().reference.take() else {
            return Ok(());
        };
        let outcome = self
            .exchange(
                "session.logout",
                &[Value::from(reference.expose())],
                Duration::from_secs(10),
                "log out",
                Fence::None,
            )
            .await;
        self.state().idle.clear();
        match outcome? {
            Answer::Result(_) => Ok(()),
            // The host has forgotten it by itself.
            Answer::Error { code, .. } if code == "SESSION_INVALID" => Ok(()),
            Answer::Error { code, params } => {
                Err(XapiError::refused("log out".to_owned(), code, params))
            }
        }
    }
}

/// Log out of every session that nobody has logged out; what goes wrong no
/// longer matters. For the end of the process: it does not listen to Ctrl-C.
pub fn log_out_everywhere() {
    for session in left_open() {
        let _ = crate::runtime::wait_to_clean_up(
            "logging out",
            Duration::from_secs(15),
            session.log_out(),
        );
    }
}
