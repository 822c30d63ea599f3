//! Taking, keeping and giving back a lock, one look and one addition at a time.
//!
//! Everything goes through a [`Board`], so that a model can stand in for the host
//! and let contenders stop, die and overtake each other between any two steps.
//!
//! Two clocks count. Whether a claim has expired is for the host's clock to say,
//! which is the same for all. Whether the holder may still act is for his own:
//! he counts from before he asked the host for the time, so he stops first.

use super::epochs::{
    Claim, Epoch, Extension, Holder, Verdict, View, Wish, decide, free_key, json, lock_key,
    shadow_tag, until_key,
};
use serde_json::Value;
use std::time::Duration;

/// How often a contender looks again when others were faster, or a call got lost.
const ATTEMPTS: u32 = 5;

/// How often one looks whether what others have begun has ended.
const LOOK: Duration = Duration::from_millis(200);

/// What is read of an object at once.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    pub other_config: Value,
    pub tags: Value,
}

/// What became of a claim.
enum Added<E> {
    Done,
    Duplicate,
    /// Nobody knows, and it is not there.
    Lost(E),
}

/// How an addition ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addition {
    Done,
    /// There is an entry with that key.
    Duplicate,
}

/// An object of the host as far as its lock is concerned.
pub trait Board: Sync {
    type Error: Send;

    /// The UUID of the object.
    fn uuid(&self) -> &str;
    fn read(&self) -> impl Future<Output = Result<Sight, Self::Error>> + Send;
    /// What the host is doing with the object, if anything.
    fn work(&self) -> impl Future<Output = Result<Option<String>, Self::Error>> + Send;
    fn add(
        &self,
        key: &str,
        value: &str,
    ) -> impl Future<Output = Result<Addition, Self::Error>> + Send;
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;
    fn add_tag(&self, tag: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;
    fn remove_tag(&self, tag: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// The host's clock, in whole seconds since 1970.
    fn now(&self) -> impl Future<Output = Result<u64, Self::Error>> + Send;
    /// End what a holder before us has left running.
    fn end_leftovers(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// A clock of our own, which goes on while this machine sleeps.
    fn clock(&self) -> Duration;
    fn pause(&self, time: Duration) -> impl Future<Output = ()> + Send;
    /// A text that nobody has made up before.
    fn nonce(&self) -> String;
}

/// Why there is no lock, or none any more.
#[derive(Debug)]
pub enum Refusal<E> {
    /// Somebody else holds it.
    InUse(Box<Epoch>),
    /// It was ours; whoever has it now, when that is known.
    Lost(Option<Box<Epoch>>),
    /// It is ours, and its time is over.
    Expired,
    /// It would be ours, but the host is still at work for one before us.
    Busy(String),
    Host(E),
}

impl<E> From<E> for Refusal<E> {
    fn from(error: E) -> Self {
        Refusal::Host(error)
    }
}

/// A lock that is held.
#[derive(Clone, Debug)]
pub struct Hold {
    pub number: u64,
    pub claim: Claim,
    /// Until when it is certainly ours, by our own clock.
    pub good_until: Duration,
    /// How many extensions were tried.
    extensions: u64,
    /// The tag that keeps it through a revert, while there is one.
    shadow: Option<String>,
}

impl Hold {
    fn lease(&self) -> Duration {
        Duration::from_secs(self.claim.lease)
    }

    /// How much of the lease is left at CLOCK, a time of our own clock.
    pub fn left(&self, clock: Duration) -> Duration {
        self.good_until.saturating_sub(clock)
    }

    /// Whether what is begun at CLOCK will have reached the host while the lock is
    /// ours: a third of the lease is left. A host that reads the beginning of a
    /// request drops it when the rest does not come, so nothing arrives later.
    pub fn may_act(&self, clock: Duration) -> bool {
        self.left(clock) * 3 >= self.lease()
    }

    /// When it is to be renewed.
    pub fn due(&self) -> Duration {
        self.good_until.saturating_sub(self.lease() * 2 / 3)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    pub holder: &'a Holder,
    /// Whole seconds.
    pub lease: u64,
    pub wish: Wish<'a>,
    /// How long to wait for what the host still does for one before us.
    pub patience: Duration,
}

/// A lock that was claimed and is not settled yet: nothing may be done with it.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub hold: Hold,
    /// What stood there before, and the host's time then.
    seen: View,
    now: u64,
    /// How long whoever held it may still act.
    after: Option<Duration>,
}

impl Claimed {
    /// The run that may still be at work, and for how long that is waited for.
    pub fn waits_for(&self) -> Option<(&str, Duration)> {
        let epoch = self.seen.held(self.now).last()?;
        Some((epoch.claim.holder.run.as_str(), self.after?))
    }
}

/// Take the lock of BOARD: claim it, and settle that.
pub async fn take<B: Board>(board: &B, terms: Terms<'_>) -> Result<Hold, Refusal<B::Error>> {
    let mut claimed = claim(board, terms).await?;
    match settle(board, &mut claimed, terms.patience).await {
        Ok(()) => Ok(claimed.hold),
        Err(refusal) => {
            // Nobody has seen us do anything, so nobody need wait for us.
            let _ = give_back(board, &claimed.hold).await;
            Err(refusal)
        }
    }
}

/// Claim the lock of BOARD, when it is there to be had.
pub async fn claim<B: Board>(board: &B, terms: Terms<'_>) -> Result<Claimed, Refusal<B::Error>> {
    let mut last = Refusal::Busy("others keep taking it".to_owned());
    for _ in 0..ATTEMPTS {
        let clock = board.clock();
        let now = board.now().await?;
        let seen = view(board, &board.read().await?);
        let after = match decide(&seen, now, terms.holder, terms.wish) {
            Verdict::InUse(epoch) => return Err(Refusal::InUse(Box::new(epoch))),
            Verdict::Free => None,
            Verdict::TakenOver { after } => Some(Duration::from_secs(after)),
        };
        let number = seen.next();
        let claim = Claim {
            object: board.uuid().to_owned(),
            nonce: board.nonce(),
            holder: terms.holder.clone(),
            since: now,
            until: now + terms.lease,
            lease: terms.lease,
        };
        match claim_epoch(board, number, &claim).await? {
            Added::Duplicate => {}
            Added::Lost(error) => last = Refusal::Host(error),
            Added::Done => {
                let hold = Hold {
                    number,
                    good_until: clock + Duration::from_secs(terms.lease),
                    claim,
                    extensions: 0,
                    shadow: None,
                };
                return Ok(Claimed {
                    hold,
                    seen,
                    now,
                    after,
                });
            }
        }
    }
    Err(last)
}

fn view<B: Board>(board: &B, sight: &Sight) -> View {
    View::of(&sight.other_config, &sight.tags, board.uuid())
}

/// Add CLAIM as epoch NUMBER. An answer that got lost is looked for. Where there is
/// nothing the call may be on its way still: it does no harm, since a claim that
/// nobody renews ends by itself.
async fn claim_epoch<B: Board>(
    board: &B,
    number: u64,
    claim: &Claim,
) -> Result<Added<B::Error>, Refusal<B::Error>> {
    let (key, value) = (lock_key(number), json(claim));
    let added = match board.add(&key, &value).await {
        Ok(Addition::Done) => return Ok(Added::Done),
        Ok(Addition::Duplicate) => Added::Duplicate,
        Err(error) => Added::Lost(error),
    };
    let there = board.read().await?.other_config;
    if there[key.as_str()].as_str() == Some(value.as_str()) {
        return Ok(Added::Done);
    }
    Ok(added)
}

/// Make sure that CLAIMED is the only claim, and that nothing of those before it is
/// still going on; for at most PATIENCE, beside what a holder is given.
pub async fn settle<B: Board>(
    board: &B,
    claimed: &mut Claimed,
    patience: Duration,
) -> Result<(), Refusal<B::Error>> {
    let Claimed {
        hold,
        seen,
        now,
        after,
    } = claimed;
    let began = board.clock();
    let mut asked = false;
    loop {
        if board.clock() >= hold.due() {
            renew(board, hold).await.map_err(in_use)?;
        }
        let view = view(board, &board.read().await?);
        if let Some(epoch) = view.over(hold.number, &hold.claim.nonce) {
            return Err(Refusal::InUse(Box::new(epoch.clone())));
        }
        // One that was over, or that nobody had seen, lives again: renewed at the last
        // moment, or come back with an old state of the object.
        let revived = view.held(*now).find(|epoch| {
            let nonce = &epoch.claim.nonce;
            let before = seen.with_nonce(nonce);
            *nonce != hold.claim.nonce && !before.is_some_and(|epoch| epoch.is_held(*now))
        });
        if let Some(epoch) = revived {
            return Err(Refusal::InUse(Box::new(epoch.clone())));
        }
        let waited = board.clock().saturating_sub(began);
        let is_left = view
            .held(*now)
            .all(|epoch| epoch.claim.nonce == hold.claim.nonce);
        if let Some(after) = after.filter(|after| waited < *after && !is_left) {
            board.pause((after - waited).min(LOOK)).await;
            continue;
        }
        let Some(work) = board.work().await? else {
            return sweep(board, hold, &view).await;
        };
        if waited >= patience + after.unwrap_or_default() {
            return Err(Refusal::Busy(work));
        }
        if !asked {
            board.end_leftovers().await?;
            asked = true;
        }
        board.pause(LOOK).await;
    }
}

/// What is lost before it was ever ours is somebody else's.
fn in_use<E>(refusal: Refusal<E>) -> Refusal<E> {
    match refusal {
        Refusal::Lost(Some(epoch)) => Refusal::InUse(epoch),
        other => other,
    }
}

/// Remove what is about epochs before HOLD's.
async fn sweep<B: Board>(board: &B, hold: &Hold, view: &View) -> Result<(), Refusal<B::Error>> {
    for key in view.keys_below(hold.number) {
        board.remove(&key).await?;
    }
    for tag in view.tags_up_to(hold.number) {
        board.remove_tag(&tag).await?;
    }
    Ok(())
}

/// Make HOLD last for another lease from now on. One whose time is over cannot be
/// renewed: somebody may be about to take it.
pub async fn renew<B: Board>(board: &B, hold: &mut Hold) -> Result<(), Refusal<B::Error>> {
    let lease = hold.claim.lease;
    extend(board, hold, lease, None).await.map(|_| ())
}

/// Make HOLD last for SECONDS from now on, and say WHY nobody renews it any more.
/// Answers its end by the host's clock.
pub async fn keep<B: Board>(
    board: &B,
    hold: &mut Hold,
    seconds: u64,
    why: &str,
) -> Result<u64, Refusal<B::Error>> {
    extend(board, hold, seconds, Some(why.to_owned())).await
}

async fn extend<B: Board>(
    board: &B,
    hold: &mut Hold,
    seconds: u64,
    kept: Option<String>,
) -> Result<u64, Refusal<B::Error>> {
    let clock = board.clock();
    if clock >= hold.good_until {
        return Err(Refusal::Expired);
    }
    let until = board.now().await? + seconds;
    hold.extensions += 1;
    let extension = Extension {
        nonce: hold.claim.nonce.clone(),
        until,
        kept: kept.clone(),
    };
    let key = until_key(hold.number, hold.extensions);
    let value = json(&extension);
    let added = board.add(&key, &value).await;
    if let Some(before) = hold.shadow.take() {
        let claim = Claim {
            until,
            ..hold.claim.clone()
        };
        let shadow = shadow_tag(hold.number, &claim);
        hold.shadow = Some(shadow.clone());
        board.add_tag(&shadow).await?;
        // Within a second of the host's both say the same.
        if before != shadow {
            board.remove_tag(&before).await?;
        }
    }
    let view = view(board, &board.read().await?);
    check_newest(&view, hold)?;
    // What others read is what counts, whether or not our calls were answered.
    let is_seen = view
        .with_nonce(&hold.claim.nonce)
        .is_some_and(|epoch| epoch.until >= until && epoch.kept == kept);
    if !is_seen {
        return match added {
            Err(error) => Err(Refusal::Host(error)),
            // It was there a moment ago, so somebody puts an old state back.
            Ok(_) => Err(Refusal::Lost(None)),
        };
    }
    hold.good_until = clock + Duration::from_secs(seconds);
    for key in view.extensions_below(hold.number, hold.extensions) {
        board.remove(&key).await?;
    }
    Ok(until)
}

/// Ask the board whether HOLD is still ours, and for long enough to act.
pub async fn confirm<B: Board>(board: &B, hold: &mut Hold) -> Result<(), Refusal<B::Error>> {
    if !hold.may_act(board.clock()) {
        renew(board, hold).await?;
    }
    let clock = board.clock();
    let view = view(board, &board.read().await?);
    check_newest(&view, hold)?;
    if hold.may_act(clock) {
        Ok(())
    } else {
        Err(Refusal::Expired)
    }
}

fn check_newest<E>(view: &View, hold: &Hold) -> Result<(), Refusal<E>> {
    if let Some(epoch) = view.over(hold.number, &hold.claim.nonce) {
        return Err(Refusal::Lost(Some(Box::new(epoch.clone()))));
    }
    match view.with_nonce(&hold.claim.nonce) {
        Some(epoch) if !epoch.freed => Ok(()),
        _ => Err(Refusal::Lost(None)),
    }
}

/// Let HOLD outlive a revert, which puts an old `other_config` back.
pub async fn shadow<B: Board>(board: &B, hold: &mut Hold) -> Result<(), Refusal<B::Error>> {
    renew(board, hold).await?;
    let until = board.now().await? + hold.claim.lease;
    let claim = Claim {
        until,
        ..hold.claim.clone()
    };
    let tag = shadow_tag(hold.number, &claim);
    hold.shadow = Some(tag.clone());
    board.add_tag(&tag).await?;
    Ok(())
}

/// Lay HOLD again after a revert, above every number that is known.
pub async fn lay_again<B: Board>(board: &B, hold: &mut Hold) -> Result<(), Refusal<B::Error>> {
    for _ in 0..ATTEMPTS {
        let clock = board.clock();
        if clock >= hold.good_until {
            return Err(Refusal::Expired);
        }
        let now = board.now().await?;
        let seen = view(board, &board.read().await?);
        check_newest(&seen, hold)?;
        let number = seen.next().max(hold.number + 1);
        let claim = Claim {
            nonce: board.nonce(),
            until: now + hold.claim.lease,
            ..hold.claim.clone()
        };
        if !matches!(claim_epoch(board, number, &claim).await?, Added::Done) {
            continue;
        }
        let again = view(board, &board.read().await?);
        if let Some(epoch) = again.over(number, &claim.nonce) {
            return Err(Refusal::Lost(Some(Box::new(epoch.clone()))));
        }
        if again.with_nonce(&claim.nonce).is_none() {
            return Err(Refusal::Lost(None));
        }
        *hold = Hold {
            number,
            good_until: clock + Duration::from_secs(claim.lease),
            claim,
            extensions: 0,
            shadow: None,
        };
        return sweep(board, hold, &again).await;
    }
    Err(Refusal::Busy("others keep taking it".to_owned()))
}

/// Give HOLD back.
pub async fn give_back<B: Board>(board: &B, hold: &Hold) -> Result<(), B::Error> {
    // Where it has been given back already, the key is there.
    board.add(&free_key(hold.number), &hold.claim.nonce).await?;
    match &hold.shadow {
        Some(tag) => board.remove_tag(tag).await,
        None => Ok(()),
    }
}
