//! What stands on the board: the keys of a lock, and who may take it.
//!
//! Pure: a [`View`] is made from what the host has said, and answers questions.
//!
//! | key in `other_config` | value |
//! |---|---|
//! | `fruix-scm:lock:N` | the [`Claim`] of epoch N, as JSON |
//! | `fruix-scm:lock:N:until:K` | the K-th [`Extension`] of that claim, as JSON |
//! | `fruix-scm:free:N` | the nonce of the claim that was given back |
//!
//! Keys are only ever added; who holds the newest epoch removes older ones. A
//! claim names its object, so that the copies which clones and snapshots make of
//! `other_config` lock nothing; they count for the number of the next epoch all
//! the same, because a key that is there cannot be added.
//!
//! A revert puts an old `other_config` back, and leaves the tags alone. So during
//! a revert the claim stands in a tag too, behind [`SHADOW`] and its number.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

const LOCK: &str = "fruix-scm:lock:";
const FREE: &str = "fruix-scm:free:";
const UNTIL: &str = ":until:";

/// What the tag begins with that holds a claim during a revert.
pub const SHADOW: &str = "fruix-scm:reverting:";

pub fn lock_key(epoch: u64) -> String {
    format!("{LOCK}{epoch}")
}

pub fn free_key(epoch: u64) -> String {
    format!("{FREE}{epoch}")
}

pub fn until_key(epoch: u64, extension: u64) -> String {
    format!("{LOCK}{epoch}{UNTIL}{extension}")
}

/// The tag that keeps CLAIM of EPOCH through a revert.
pub fn shadow_tag(epoch: u64, claim: &Claim) -> String {
    format!("{SHADOW}{epoch} {}", json(claim))
}

/// Who wants a lock, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    pub owner: String,
    /// The identifier of the run; empty outside of one.
    pub run: String,
    /// The name of the machine that the run is on, and the process there.
    pub client: String,
    pub pid: u32,
}

/// That an object is somebody's until a time, by the host's clock in seconds
/// since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// The UUID of what is locked; on anything else the claim means nothing.
    pub object: String,
    /// Made up anew for each claim: XAPI may be set to take an addition of the
    /// same key and value twice.
    pub nonce: String,
    #[serde(flatten)]
    pub holder: Holder,
    pub since: u64,
    pub until: u64,
    /// For how many seconds it is renewed each time.
    pub lease: u64,
}

/// That a claim holds longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extension {
    pub nonce: String,
    pub until: u64,
    /// Why nobody renews it any more, when the holder has left it so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}

/// VALUE as it stands on the board.
pub fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("texts and numbers can be written as JSON")
}

/// An epoch of the lock on one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    pub number: u64,
    pub claim: Claim,
    /// With what extended it.
    pub until: u64,
    pub kept: Option<String>,
    pub freed: bool,
    /// The number of its last extension; 0 without one.
    extension: u64,
}

impl Epoch {
    /// Whether it keeps others away at the time NOW. The host's clock tells whole
    /// seconds, so the last of them counts.
    pub fn is_held(&self, now: u64) -> bool {
        !self.freed && now <= self.until
    }
}

/// What stands about the lock of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The epochs of this object, the newest last.
    epochs: Vec<Epoch>,
    /// The highest number of all keys, whichever object they name.
    highest: u64,
    /// Every key of ours with the number that it is about.
    keys: Vec<(u64, String)>,
    /// Every tag of ours, likewise.
    tags: Vec<(u64, String)>,
}

impl View {
    /// What CONFIG, the `other_config`, and TAGS of the object with UUID say.
    pub fn of(config: &Value, tags: &Value, uuid: &str) -> View {
        let mut view = View::default();
        let mut epochs: BTreeMap<u64, Epoch> = BTreeMap::new();
        let mut claim = |number: u64, text: &str| {
            let claim: Option<Claim> = serde_json::from_str(text).ok();
            let Some(claim) = claim.filter(|claim| claim.object == uuid) else {
                return;
            };
            let until = claim.until;
            epochs.entry(number).or_insert(Epoch {
                number,
                claim,
                until,
                kept: None,
                freed: false,
                extension: 0,
            });
        };
        let entries = || {
            config
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(key, value)| Some((key, key_of(key)?, value.as_str()?)))
        };
        let shadows = || {
            let tags = tags.as_array().into_iter().flatten();
            tags.filter_map(Value::as_str)
                .filter_map(|tag| Some((tag, shadow_of(tag)?)))
        };
        // Who laid a shadow had the lock then. One who had looked before may claim the
        // number anew when a revert has taken the claim itself away: that is none.
        for (tag, (number, text)) in shadows() {
            view.highest = view.highest.max(number);
            view.tags.push((number, tag.to_owned()));
            claim(number, text);
        }
        for (key, parsed, value) in entries() {
            let number = parsed.number();
            view.highest = view.highest.max(number);
            view.keys.push((number, key.clone()));
            if let Key::Lock(number) = parsed {
                claim(number, value);
            }
        }
        for (_, parsed, value) in entries() {
            let Some(epoch) = epochs.get_mut(&parsed.number()) else {
                continue;
            };
            match parsed {
                Key::Lock(_) => {}
                Key::Free(_) => epoch.freed |= value == epoch.claim.nonce,
                Key::Until(_, count) => {
                    let extension: Extension = serde_json::from_str(value).unwrap_or_default();
                    // The last word counts, also where it ends earlier.
                    if extension.nonce == epoch.claim.nonce && count > epoch.extension {
                        epoch.extension = count;
                        epoch.until = extension.until;
                        epoch.kept = extension.kept;
                    }
                }
            }
        }
        // A revert may have put back an older word about the same claim.
        for (_, (number, text)) in shadows() {
            if let Ok(shadow) = serde_json::from_str::<Claim>(text)
                && let Some(epoch) = epochs.get_mut(&number)
                && epoch.claim.nonce == shadow.nonce
            {
                epoch.until = epoch.until.max(shadow.until);
            }
        }
        view.epochs = epochs.into_values().collect();
        view
    }

    /// The newest epoch of this object.
    pub fn newest(&self) -> Option<&Epoch> {
        self.epochs.last()
    }

    /// The number that the next claim gets.
    pub fn next(&self) -> u64 {
        self.highest + 1
    }

    /// The epoch that makes the claim of NUMBER with NONCE worth nothing: a newer
    /// one, or one of somebody else with the same number.
    pub fn over(&self, number: u64, nonce: &str) -> Option<&Epoch> {
        self.epochs
            .iter()
            .rev()
            .find(|epoch| epoch.number >= number && epoch.claim.nonce != nonce)
    }

    /// The epoch whose claim has NONCE.
    pub fn with_nonce(&self, nonce: &str) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.claim.nonce == nonce)
    }

    /// The epochs that keep others away at the time NOW.
    pub fn held(&self, now: u64) -> impl Iterator<Item = &Epoch> {
        self.epochs.iter().filter(move |epoch| epoch.is_held(now))
    }

    /// The keys about epochs before NUMBER, which nobody needs any more, those
    /// that say most last: who stops in the middle leaves nothing that misleads.
    pub fn keys_below(&self, number: u64) -> Vec<String> {
        let mut keys: Vec<&(u64, String)> = self
            .keys
            .iter()
            .filter(|(about, _)| *about < number)
            .collect();
        keys.sort_by_key(|(about, key)| (*about, key.starts_with(FREE), key.len()));
        keys.into_iter().map(|(_, key)| key.clone()).collect()
    }

    /// The tags about epochs up to NUMBER.
    pub fn tags_up_to(&self, number: u64) -> Vec<String> {
        self.tags
            .iter()
            .filter(|(about, _)| *about <= number)
            .map(|(_, tag)| tag.clone())
            .collect()
    }

    /// The keys of extensions of epoch NUMBER before the one counted EXTENSION.
    pub fn extensions_below(&self, number: u64, extension: u64) -> Vec<String> {
        self.keys
            .iter()
            .filter(|(_, key)| {
                matches!(key_of(key), Some(Key::Until(about, count))
                    if about == number && count < extension)
            })
            .map(|(_, key)| key.clone())
            .collect()
    }
}

/// What is asked for beside a lock that is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish<'a> {
    /// The identifier of a run whose lock is taken from it.
    pub take_over: Option<&'a str>,
    /// The nonce of a claim of our own, which is to be followed by another.
    pub again: Option<&'a str>,
}

/// What may be done about a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is free, given back, expired, or our own run's.
    Free,
    /// It is taken from a run that may be at work: whatever that one has begun
    /// within a third of its lease may still arrive.
    TakenOver { after: u64 },
    /// Somebody else holds it.
    InUse(Epoch),
}

/// Whether HOLDER may take the lock of VIEW at the time NOW.
pub fn decide(view: &View, now: u64, holder: &Holder, wish: Wish<'_>) -> Verdict {
    let mut after = 0;
    for epoch in view.held(now) {
        let claim = &epoch.claim;
        let is_ours = wish.again == Some(claim.nonce.as_str())
            || (!holder.run.is_empty()
                && claim.holder.run == holder.run
                && claim.holder.owner == holder.owner
                // Where it was left on purpose, it may be gone on from anywhere.
                && (epoch.kept.is_some() || claim.holder.client == holder.client));
        if is_ours {
            continue;
        }
        if wish.take_over != Some(claim.holder.run.as_str()) {
            return Verdict::InUse(epoch.clone());
        }
        // Nobody is at work where the holder has left.
        if epoch.kept.is_none() {
            after = after.max(claim.lease.div_ceil(3));
        }
    }
    if after == 0 {
        Verdict::Free
    } else {
        Verdict::TakenOver { after }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Lock(u64),
    Until(u64, u64),
    Free(u64),
}

impl Key {
    fn number(self) -> u64 {
        match self {
            Key::Lock(number) | Key::Until(number, _) | Key::Free(number) => number,
        }
    }
}

fn key_of(key: &str) -> Option<Key> {
    if let Some(number) = key.strip_prefix(FREE) {
        return Some(Key::Free(number.parse().ok()?));
    }
    let rest = key.strip_prefix(LOCK)?;
    Some(match rest.split_once(UNTIL) {
        Some((number, count)) => Key::Until(number.parse().ok()?, count.parse().ok()?),
        None => Key::Lock(rest.parse().ok()?),
    })
}

/// The number and the claim in a tag of ours.
fn shadow_of(tag: &str) -> Option<(u64, &str)> {
    let (number, text) = tag.strip_prefix(SHADOW)?.split_once(' ')?;
    Some((number.parse().ok()?, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;

    fn holder(run: &str) -> Holder {
        Holder {
            owner: "ann".to_owned(),
            run: run.to_owned(),
            client: "desk".to_owned(),
            pid: 7,
        }
    }

    fn claim(nonce: &str, run: &str, until: u64) -> String {
        json(&Claim {
            object: "vm-1".to_owned(),
            nonce: nonce.to_owned(),
            holder: holder(run),
            since: 50,
            until,
            lease: 30,
        })
    }

    fn view(config: Value) -> View {
        View::of(&config, &value!([]), "vm-1")
    }

    fn verdict(config: Value, now: u64, wish: Wish<'_>) -> Verdict {
        decide(&view(config), now, &holder("mine"), wish)
    }

    fn run_of(verdict: Verdict) -> String {
        match verdict {
            Verdict::InUse(epoch) => epoch.claim.holder.run,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_is_held_is_free_when_it_was_given_back_or_its_last_second_is_over() {
        let held = value!({"fruix-scm:lock:4": claim("n", "theirs", 100)});
        assert_eq!(
            run_of(verdict(held.clone(), 100, Wish::default())),
            "theirs"
        );
        assert_eq!(verdict(held, 101, Wish::default()), Verdict::Free);
        let freed =
            value!({"fruix-scm:lock:4": claim("n", "theirs", 100), "fruix-scm:free:4": "n"});
        assert_eq!(verdict(freed, 60, Wish::default()), Verdict::Free);
        let copied =
            value!({"fruix-scm:lock:4": claim("n", "theirs", 100), "fruix-scm:free:4": "m"});
        assert_eq!(run_of(verdict(copied, 60, Wish::default())), "theirs");
    }

    #[test]
    fn an_extension_counts_for_its_own_claim_only() {
        let extended = |nonce: &str| {
            value!({
                "fruix-scm:lock:4": claim("n", "theirs", 100),
                "fruix-scm:lock:4:until:1": json(&Extension {
                    nonce: nonce.to_owned(), until: 130, kept: None,
                }),
            })
        };
        assert_eq!(
            run_of(verdict(extended("n"), 130, Wish::default())),
            "theirs"
        );
        assert_eq!(verdict(extended("m"), 130, Wish::default()), Verdict::Free);
    }

    #[test]
    fn a_copy_locks_nothing_and_keeps_its_number() {
        let config = value!({"fruix-scm:lock:4": claim("n", "theirs", 100)});
        let copy = View::of(&config, &value!([]), "vm-2");
        assert_eq!(copy.newest(), None);
        assert_eq!(copy.next(), 5);
    }

    #[test]
    fn a_run_that_may_be_at_work_is_waited_for_and_one_that_has_left_is_not() {
        let wish = Wish {
            take_over: Some("theirs"),
            again: None,
        };
        let mut config = value!({"fruix-scm:lock:4": claim("n", "theirs", 100)});
        assert_eq!(
            verdict(config.clone(), 60, wish),
            Verdict::TakenOver { after: 10 }
        );
        assert_eq!(
            run_of(verdict(
                config.clone(),
                60,
                Wish {
                    take_over: Some("other"),
                    again: None
                }
            )),
            "theirs"
        );
        config["fruix-scm:lock:4:until:1"] = value!(json(&Extension {
            nonce: "n".to_owned(),
            until: 900,
            kept: Some("a job goes on".to_owned()),
        }));
        assert_eq!(
            run_of(verdict(config.clone(), 500, Wish::default())),
            "theirs"
        );
        assert_eq!(verdict(config, 500, wish), Verdict::Free);
    }

    #[test]
    fn a_run_goes_on_with_its_own_and_without_an_identifier_nobody_does() {
        let config = value!({"fruix-scm:lock:4": claim("n", "mine", 100)});
        assert_eq!(verdict(config.clone(), 60, Wish::default()), Verdict::Free);
        let elsewhere = Holder {
            client: "lap".to_owned(),
            ..holder("mine")
        };
        assert_eq!(
            run_of(decide(&view(config), 60, &elsewhere, Wish::default())),
            "mine"
        );
        let nameless = value!({"fruix-scm:lock:4": claim("n", "", 100)});
        let me = holder("");
        assert_eq!(
            run_of(decide(&view(nameless), 60, &me, Wish::default())),
            ""
        );
    }

    #[test]
    fn the_shadow_of_a_claim_outlives_what_a_revert_puts_back() {
        let reverted = value!({"fruix-scm:lock:2": claim("old", "older", 10)});
        let mine: Claim = serde_json::from_str(&claim("n", "theirs", 100)).unwrap();
        let tags = value!(["a tag", shadow_tag(4, &mine)]);
        let view = View::of(&reverted, &tags, "vm-1");
        assert_eq!(view.next(), 5);
        assert!(matches!(
            decide(&view, 60, &holder("mine"), Wish::default()),
            Verdict::InUse(epoch) if epoch.number == 4
        ));
        assert_eq!(view.tags_up_to(4), [shadow_tag(4, &mine)]);
        // An older word about the same claim, and a claim of its number by another.
        for (nonce, until) in [("n", 55), ("m", 200)] {
            let config = value!({"fruix-scm:lock:4": claim(nonce, "theirs", until)});
            let view = View::of(&config, &tags, "vm-1");
            assert_eq!(view.over(4, "n"), None);
            assert_eq!(view.over(4, "m").map(|epoch| epoch.until), Some(100));
            assert_eq!(view.held(100).count(), 1);
        }
    }

    #[test]
    fn what_is_no_claim_is_counted_and_otherwise_passed_over() {
        let config = value!({
            "fruix-scm:lock:x": "{}", "fruix-scm:lock:7": "nonsense", "fruix-scm:free:9": "n",
            "fruix-scm:lock:3:until:y": "", "other": "fruix-scm:lock:11",
        });
        let view = view(config);
        assert_eq!(view.newest(), None);
        assert_eq!(view.next(), 10);
        assert_eq!(
            view.keys_below(10),
            ["fruix-scm:lock:7", "fruix-scm:free:9"]
        );
    }
}
