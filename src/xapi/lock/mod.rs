//! Locks: a machine belongs to one run at a time.
//!
//! * [`epochs`] is what stands in `other_config`, and who may take a lock.
//! * [`protocol`] takes, renews and gives back, against any board.
//! * [`place`] is the board that a host is, and [`clock`] our own clock.
//!
//! A session takes the lock of what the settings approve before it changes it for
//! the first time, whichever way the change is asked for; [`take`] does so for a
//! whole machine beforehand. From then on a task of the runtime renews it beside
//! whatever goes on, and [`Session`] asks before each change whether it is still
//! ours. What is lost stays lost: nothing more is changed in that session.
//!
//! docs/decisions/0009 says what this proves and what it does not.

pub mod clock;
pub mod epochs;
#[cfg(test)]
mod model;
mod place;
pub mod protocol;

use super::error::XapiError;
use super::rpc::is_null;
use super::session::Session;
use super::vm;
use crate::progress::{self, Event};
use crate::runtime;
use epochs::{Epoch, Holder, View, Wish};
use futures_util::future::BoxFuture;
use place::Place;
use protocol::{Claimed, Hold, Refusal, Terms};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, OwnedMutexGuard, OwnedRwLockReadGuard};

/// For how long a lock is taken unless the settings say otherwise. A third of it
/// is longer than a host waits for the rest of a request, which is 70 seconds.
pub const LEASE: Duration = Duration::from_secs(300);

/// How long to wait for what the host still does for a run before us.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long giving back may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What has become of a lock that a session took.
#[derive(Debug)]
enum Standing {
    /// Claimed, and not to be used yet.
    Settling(Hold),
    Ours(Hold),
    /// Nobody renews it, and it is not given back.
    Kept,
    GivenBack,
    /// To whom, when that is known.
    Lost(Option<Epoch>),
}

/// What can be seen of a lock without waiting.
#[derive(Clone, Debug)]
enum Glance {
    Settling(Hold),
    Ours(Hold),
    Over,
    Lost(Option<Epoch>),
}

/// A lock that a session of this process has taken.
#[derive(Debug)]
pub struct Held {
    host: String,
    class: &'static str,
    reference: String,
    uuid: String,
    standing: tokio::sync::Mutex<Standing>,
    glance: Mutex<Glance>,
    /// Wakes the one that renews.
    news: Notify,
}

/// Every lock that sessions of this process hold, or have lost: they share them.
fn everything_held() -> MutexGuard<'static, Vec<Weak<Held>>> {
    static HELD: OnceLock<Mutex<Vec<Weak<Held>>>> = OnceLock::new();
    HELD.get_or_init(|| Mutex::new(Vec::new()))
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Held while a lock is being taken, so that no two of this process compete.
fn taking() -> Arc<tokio::sync::Mutex<()>> {
    static TAKING: OnceLock<Arc<tokio::sync::Mutex<()>>> = OnceLock::new();
    TAKING.get_or_init(Arc::default).clone()
}

impl Held {
    fn glance(&self) -> Glance {
        self.glance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Let everybody see STANDING.
    fn show(&self, standing: &Standing) {
        let glance = match standing {
            Standing::Settling(hold) => Glance::Settling(hold.clone()),
            Standing::Ours(hold) => Glance::Ours(hold.clone()),
            Standing::Kept | Standing::GivenBack => Glance::Over,
            Standing::Lost(epoch) => {
                *last_lost() = Some((self.what(), epoch.clone()));
                Glance::Lost(epoch.clone())
            }
        };
        *self.glance.lock().unwrap_or_else(PoisonError::into_inner) = glance;
        self.news.notify_waiters();
    }

    /// Whether this is of the same object as OTHER.
    pub(super) fn is_of(&self, other: &Held) -> bool {
        self.uuid == other.uuid
    }

    fn what(&self) -> String {
        format!("{} `{}`", self.class, self.uuid)
    }

    fn place<'a>(&'a self, session: &'a Session) -> Place<'a> {
        Place::new(session, self.class, &self.reference, &self.uuid)
    }

    fn lost(&self, to: Option<&Epoch>) -> XapiError {
        XapiError::Lost {
            what: self.what(),
            to: to.cloned().map(Box::new),
        }
    }

    /// Remember what REFUSAL means for this lock, and tell it.
    fn refused(&self, standing: &mut Standing, refusal: Refusal<XapiError>) -> XapiError {
        match refusal {
            Refusal::Host(error) => error,
            Refusal::Lost(to) => {
                let to = to.map(|epoch| *epoch);
                *standing = Standing::Lost(to.clone());
                self.show(standing);
                self.lost(to.as_ref())
            }
            // The one that renews tries to take it again.
            Refusal::Expired => XapiError::NotRenewed { what: self.what() },
            other => explained(&self.what(), other),
        }
    }
}

/// REFUSAL as what went wrong with WHAT.
fn explained(what: &str, refusal: Refusal<XapiError>) -> XapiError {
    match refusal {
        Refusal::InUse(epoch) => XapiError::InUse {
            what: what.to_owned(),
            epoch,
        },
        Refusal::Lost(to) => XapiError::Lost {
            what: what.to_owned(),
            to,
        },
        Refusal::Expired => XapiError::NotRenewed {
            what: what.to_owned(),
        },
        Refusal::Busy(work) => XapiError::WrongState {
            tried: format!("take {what}"),
            state: format!("the host is still at work on it: {work}"),
        },
        Refusal::Host(error) => error,
    }
}

/// What is to be locked: `VM` or `VDI`, and its reference.
pub type Object<'a> = (&'static str, &'a str);

/// Take the locks of OBJECTS, in the order of their UUIDs, all or none. TAKE_OVER
/// is the identifier of a run from which they are taken.
pub async fn take(
    session: &Session,
    objects: &[Object<'_>],
    take_over: Option<&str>,
) -> Result<(), XapiError> {
    let mut known = Vec::new();
    for (class, reference) in objects {
        known.push((session.uuid(class, reference).await?, *class, *reference));
    }
    known.sort();
    known.dedup();
    let mut fresh = Vec::new();
    for (uuid, class, reference) in &known {
        match ensure_with(session, class, reference, uuid, take_over).await {
            Ok(Some(held)) => fresh.push(held),
            Ok(None) => {}
            Err(error) => {
                for held in fresh.iter().rev() {
                    give_back(session, held).await;
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Make sure that SESSION holds the lock of what the settings approve, before it
/// is changed.
pub async fn ensure(
    session: &Session,
    class: &'static str,
    reference: &str,
    uuid: &str,
) -> Result<(), XapiError> {
    ensure_with(session, class, reference, uuid, None)
        .await
        .map(|_| ())
}

/// The same; answers the lock when it was taken now.
async fn ensure_with(
    session: &Session,
    class: &'static str,
    reference: &str,
    uuid: &str,
    take_over: Option<&str>,
) -> Result<Option<Arc<Held>>, XapiError> {
    let one_at_a_time = taking().lock_owned().await;
    if let Some(held) = session.locks().iter().find(|held| held.uuid == uuid) {
        match held.glance() {
            Glance::Ours(_) => return Ok(None),
            Glance::Lost(to) => return Err(held.lost(to.as_ref())),
            Glance::Settling(_) | Glance::Over => {}
        }
    }
    let host = session.endpoint().url();
    let shared = everything_held()
        .iter()
        .filter_map(Weak::upgrade)
        .find(|held| {
            held.host == host && held.uuid == uuid && matches!(held.glance(), Glance::Ours(_))
        });
    if let Some(held) = shared {
        session.add_lock(&held);
        return Ok(None);
    }
    let what = format!("{class} `{uuid}`");
    // An interrupt ends whoever waits here, but not what has been sent: a claim that the
    // host makes meanwhile is known all the same, and given back with the others.
    let claiming: BoxFuture<'static, _> = Box::pin(claim(
        session.clone(),
        session.claiming().await,
        (class, reference.to_owned(), uuid.to_owned()),
        take_over.map(str::to_owned),
        one_at_a_time,
    ));
    let claimed = runtime::spawn(claiming).await;
    let (held, mut claimed, _one_at_a_time) = claimed.expect("a claim does not panic")?;
    let place = held.place(session);
    let explained = |refusal| explained(&what, refusal);
    if let Some((run, time)) = claimed.waits_for() {
        progress::tell(Event::Note {
            text: format!(
                "{what} is taken from run `{run}`; whatever that has begun is waited for, up to {} s",
                time.as_secs()
            ),
        });
    }
    let settled = protocol::settle(&place, &mut claimed, PATIENCE).await;
    if let Err(refusal) = settled {
        give_back(session, &held).await;
        return Err(explained(refusal));
    }
    let standing = Standing::Ours(claimed.hold);
    *last_lost() = None;
    held.show(&standing);
    *held.standing.lock().await = standing;
    {
        let mut everything = everything_held();
        everything.retain(|other| other.strong_count() > 0);
        everything.push(Arc::downgrade(&held));
    }
    session.add_lock(&held);
    runtime::spawn(renew_beside(session.downgrade(), Arc::downgrade(&held)));
    Ok(Some(held))
}

/// Claim the lock of OBJECT, its class, reference and UUID, for SESSION. Nothing may be
/// changed yet, but from here on the lock is given back whatever comes.
async fn claim(
    session: Session,
    _claiming: OwnedRwLockReadGuard<()>,
    object: (&'static str, String, String),
    take_over: Option<String>,
    one_at_a_time: OwnedMutexGuard<()>,
) -> Result<(Arc<Held>, Claimed, OwnedMutexGuard<()>), XapiError> {
    let (class, reference, uuid) = object;
    let place = Place::new(&session, class, &reference, &uuid);
    let holder = holder(&session);
    // What an interrupt has left in the middle is begun anew.
    let left = session.taken().into_iter().find_map(|held| {
        let Glance::Settling(hold) = held.glance() else {
            return None;
        };
        (held.uuid == uuid).then_some(hold.claim.nonce)
    });
    let terms = Terms {
        holder: &holder,
        lease: session.lock_lease().as_secs().max(1),
        wish: Wish {
            take_over: take_over.as_deref(),
            again: left.as_deref(),
        },
        patience: PATIENCE,
    };
    let claimed = protocol::claim(&place, terms).await;
    let claimed = claimed.map_err(|refusal| explained(&format!("{class} `{uuid}`"), refusal))?;
    let hold = claimed.hold.clone();
    let held = Arc::new(Held {
        host: session.endpoint().url(),
        class,
        reference,
        uuid,
        glance: Mutex::new(Glance::Settling(hold.clone())),
        standing: tokio::sync::Mutex::new(Standing::Settling(hold)),
        news: Notify::new(),
    });
    session.took(&held);
    Ok((held, claimed, one_at_a_time))
}

/// Who this session's locks say that holds them.
fn holder(session: &Session) -> Holder {
    let lease = session.lease();
    Holder {
        owner: lease.owner.clone(),
        run: lease.run.clone(),
        client: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        pid: std::process::id(),
    }
}

/// Ask the host whether everything that SESSION has locked is still its own, and
/// for long enough that a request sent now arrives in time.
///
/// What asks the host is a call too, so this is boxed for [`Session`] to call.
pub fn confirm(session: &Session) -> BoxFuture<'_, Result<(), XapiError>> {
    Box::pin(confirm_each(session))
}

async fn confirm_each(session: &Session) -> Result<(), XapiError> {
    for held in session.locks() {
        let mut standing = held.standing.lock().await;
        let hold = match &mut *standing {
            Standing::Ours(hold) => hold,
            Standing::Lost(to) => return Err(held.lost(to.as_ref())),
            Standing::Settling(_) | Standing::Kept | Standing::GivenBack => continue,
        };
        match protocol::confirm(&held.place(session), hold).await {
            Ok(()) => held.show(&standing),
            // What is no more cannot be anybody's.
            Err(Refusal::Host(error)) if error.code() == Some("HANDLE_INVALID") => {
                *standing = Standing::GivenBack;
                held.show(&standing);
            }
            Err(refusal) => return Err(held.refused(&mut standing, refusal)),
        }
    }
    Ok(())
}

/// Whether what SESSION has locked is its own as far as can be seen from here, and
/// a third of the lease left; for what goes on for long, such as a transfer.
pub fn stands(session: &Session) -> Result<(), XapiError> {
    let clock = clock::now();
    for held in session.locks() {
        match held.glance() {
            Glance::Ours(hold) if hold.may_act(clock) => {}
            Glance::Ours(_) => return Err(XapiError::NotRenewed { what: held.what() }),
            Glance::Lost(to) => return Err(held.lost(to.as_ref())),
            Glance::Settling(_) | Glance::Over => {}
        }
    }
    Ok(())
}

/// Renew HELD beside whatever else goes on, for as long as its session has it.
async fn renew_beside(session: super::session::WeakSession, held: Weak<Held>) {
    loop {
        let Some(lock) = held.upgrade() else { return };
        let Glance::Ours(hold) = lock.glance() else {
            return;
        };
        let clock = clock::now();
        // What failed is tried again soon: thirty times in a lease.
        let retry = Duration::from_secs(hold.claim.lease) / 30;
        let wait = hold.due().saturating_sub(clock);
        if !wait.is_zero() {
            let news = lock.news.notified();
            tokio::select! {
                () = clock::sleep(wait) => {}
                () = news => {}
            }
            continue;
        }
        let Some(session) = session.upgrade().filter(Session::is_open) else {
            return;
        };
        let mut standing = lock.standing.lock().await;
        let Standing::Ours(hold) = &mut *standing else {
            return;
        };
        let place = lock.place(&session);
        let outcome = match protocol::renew(&place, hold).await {
            Err(Refusal::Expired) => take_again(&session, &place, hold).await,
            outcome => outcome,
        };
        match outcome {
            Ok(()) => lock.show(&standing),
            Err(Refusal::Host(error)) if error.code() == Some("HANDLE_INVALID") => {
                *standing = Standing::GivenBack;
                lock.show(&standing);
                return;
            }
            Err(Refusal::Lost(to)) => {
                *standing = Standing::Lost(to.map(|epoch| *epoch));
                lock.show(&standing);
                return;
            }
            Err(Refusal::InUse(epoch)) => {
                *standing = Standing::Lost(Some(*epoch));
                lock.show(&standing);
                return;
            }
            Err(_) => {
                drop(standing);
                clock::sleep(retry.max(Duration::from_millis(50))).await;
            }
        }
    }
}

/// Take a lock whose time is over for the next epoch, when nobody was faster.
async fn take_again(
    session: &Session,
    place: &Place<'_>,
    hold: &mut Hold,
) -> Result<(), Refusal<XapiError>> {
    let view = place.view().await?;
    // Whoever took it meanwhile may have changed everything.
    if let Some(epoch) = view.over(hold.number, &hold.claim.nonce) {
        return Err(Refusal::Lost(Some(Box::new(epoch.clone()))));
    }
    if view.with_nonce(&hold.claim.nonce).is_none() {
        return Err(Refusal::Lost(None));
    }
    let holder = holder(session);
    let again = hold.claim.nonce.clone();
    let terms = Terms {
        holder: &holder,
        lease: hold.claim.lease,
        wish: Wish {
            take_over: None,
            again: Some(&again),
        },
        patience: PATIENCE,
    };
    let next = protocol::take(place, terms).await?;
    // Somebody may have had it in between, and given it back.
    if next.number != view.next() {
        let _ = protocol::give_back(place, &next).await;
        return Err(Refusal::Lost(None));
    }
    *hold = next;
    Ok(())
}

/// Give HELD back, as far as the host can be told; it ends by itself otherwise.
async fn give_back(session: &Session, held: &Held) {
    let mut standing = held.standing.lock().await;
    if let Standing::Ours(hold) | Standing::Settling(hold) = &*standing {
        let place = held.place(session);
        let _ = crate::clock::limit(FAREWELL, protocol::give_back(&place, hold)).await;
        *standing = Standing::GivenBack;
        held.show(&standing);
    }
}

/// Give back what SESSION has taken, what was taken last first.
pub async fn give_back_all(session: &Session) {
    // What is being claimed just now is among it.
    let _ = crate::clock::limit(FAREWELL, session.claims_settled()).await;
    for held in session.taken().iter().rev() {
        give_back(session, held).await;
    }
}

/// Leave what SESSION has taken locked for TIME from now on, which nobody renews,
/// and say WHY.
pub async fn keep(session: &Session, time: Duration, why: &str) -> Result<u64, XapiError> {
    let mut until = 0;
    for held in session.taken() {
        let mut standing = held.standing.lock().await;
        let hold = match &mut *standing {
            Standing::Ours(hold) => hold,
            Standing::Lost(to) => return Err(held.lost(to.as_ref())),
            Standing::Settling(_) | Standing::Kept | Standing::GivenBack => continue,
        };
        let place = held.place(session);
        match protocol::keep(&place, hold, time.as_secs(), why).await {
            Ok(end) => until = end,
            Err(refusal) => return Err(held.refused(&mut standing, refusal)),
        }
        *standing = Standing::Kept;
        held.show(&standing);
    }
    Ok(until)
}

/// Before the VM of SNAPSHOT goes back to it: let its lock outlive that.
pub async fn before_revert(session: &Session, snapshot: &str) -> Result<(), XapiError> {
    let Some(held) = of_origin(session, snapshot).await? else {
        return Ok(());
    };
    let mut standing = held.standing.lock().await;
    if let Standing::Ours(hold) = &mut *standing
        && let Err(refusal) = protocol::shadow(&held.place(session), hold).await
    {
        return Err(held.refused(&mut standing, refusal));
    }
    Ok(())
}

/// After the VM of SNAPSHOT has gone back to it, or was refused to: lay its lock
/// again.
pub async fn after_revert(session: &Session, snapshot: &str) -> Result<(), XapiError> {
    let Some(held) = of_origin(session, snapshot).await? else {
        return Ok(());
    };
    let mut standing = held.standing.lock().await;
    if let Standing::Ours(hold) = &mut *standing {
        match protocol::lay_again(&held.place(session), hold).await {
            Ok(()) => held.show(&standing),
            Err(refusal) => return Err(held.refused(&mut standing, refusal)),
        }
    }
    Ok(())
}

/// The lock that SESSION has on the VM of SNAPSHOT.
async fn of_origin(session: &Session, snapshot: &str) -> Result<Option<Arc<Held>>, XapiError> {
    if session.locks().is_empty() {
        return Ok(None);
    }
    let origin = session
        .call_within(
            "VM.get_snapshot_of",
            vec![json!(snapshot)],
            session.patience(),
        )
        .await?;
    let origin = origin.as_str().unwrap_or_default();
    if is_null(origin) {
        return Ok(None);
    }
    let uuid = session.uuid("VM", origin).await?;
    Ok(session.locks().into_iter().find(|held| held.uuid == uuid))
}

/// What this process has lost last, and to whom, unless it has taken something since.
pub fn lost() -> Option<XapiError> {
    last_lost().as_ref().map(|(what, to)| XapiError::Lost {
        what: what.clone(),
        to: to.clone().map(Box::new),
    })
}

/// What was lost last, which outlives its session.
fn last_lost() -> MutexGuard<'static, Option<(String, Option<Epoch>)>> {
    static LOST: Mutex<Option<(String, Option<Epoch>)>> = Mutex::new(None);
    LOST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lock as anybody finds it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub class: &'static str,
    pub reference: String,
    pub uuid: String,
    pub name: String,
    pub epoch: Epoch,
    /// Whether it keeps others away now.
    pub is_held: bool,
}

/// The lock of the object of CLASS that REFERENCE points at, if there is one that
/// has not been given back; changes nothing.
pub async fn look(
    session: &Session,
    class: &'static str,
    reference: &str,
) -> Result<Option<Seen>, XapiError> {
    let record = vm::record(session, class, reference).await?;
    let now = place::host_time(session).await?;
    Ok(seen(class, reference, &record, now))
}

/// Every lock on the host that has not been given back; changes nothing.
pub async fn look_everywhere(session: &Session) -> Result<Vec<Seen>, XapiError> {
    let now = place::host_time(session).await?;
    let mut found = Vec::new();
    for class in ["VM", "VDI"] {
        let method = format!("{class}.get_all_records");
        let records = session
            .call_within(&method, Vec::new(), session.patience())
            .await?;
        for (reference, record) in records.as_object().into_iter().flatten() {
            found.extend(seen(class, reference, record, now));
        }
    }
    Ok(found)
}

/// Free the lock SEEN, which has ended or was left by its run.
pub async fn free(session: &Session, seen: &Seen) -> Result<(), XapiError> {
    let run = seen.epoch.claim.holder.run.as_str();
    let object = [(seen.class, seen.reference.as_str())];
    take(session, &object, Some(run)).await?;
    for held in session.taken().iter().filter(|held| held.uuid == seen.uuid) {
        give_back(session, held).await;
    }
    Ok(())
}

fn seen(class: &'static str, reference: &str, record: &Value, now: u64) -> Option<Seen> {
    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let uuid = text("uuid");
    let view = View::of(&record["other_config"], &record["tags"], &uuid);
    let epoch = view.newest().filter(|epoch| !epoch.freed)?.clone();
    Some(Seen {
        class,
        reference: reference.to_owned(),
        uuid,
        name: text("name_label"),
        is_held: epoch.is_held(now),
        epoch,
    })
}
