//! The protocol against a host of a few lines, where contenders stop, die, lose
//! answers, overtake each other and go back in time between any two calls.
//!
//! Each call to the host takes one step of its caller, so a schedule of steps is a
//! run of the whole; a proof for all of them it is not. What the host carries out
//! is written down, and no holder's changes may come after, or during, those of one
//! who came after him.

use super::epochs::{Holder, Wish};
use super::protocol::{
    Addition, Board, Refusal, Sight, Terms, confirm, give_back, lay_again, renew, shadow, take,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// In seconds; the host drops a request whose rest does not come in a third of it.
const LEASE: u64 = 9;
const MILLISECONDS: u64 = 1000;
const HEAD: u64 = LEASE * MILLISECONDS / 3;

#[derive(Default)]
struct World {
    /// Milliseconds; the host's clock shows whole seconds.
    time: u64,
    config: Map<String, Value>,
    tags: Vec<Value>,
    snapshots: Vec<Map<String, Value>>,
    /// Until when the host is at work, and for whom.
    busy: Option<(u64, u64)>,
    nonces: u64,
    /// Whose changes were carried out, in order, without repetitions.
    holders: Vec<u64>,
    changes: usize,
    takings: usize,
    wrong: Option<String>,
    /// Whether the host waits for the rest of a request, however long that takes.
    waits_for_ever: bool,
}

impl World {
    /// The host carries out a change for HOLDER that takes TIME.
    fn carry_out(&mut self, holder: u64, time: u64) {
        self.changes += 1;
        if let Some((until, other)) = self.busy
            && until > self.time
            && other != holder
        {
            self.wrong = Some(format!("{holder} changes something while {other} does"));
        }
        if self.holders.last() != Some(&holder) {
            if self.holders.contains(&holder) {
                self.wrong = Some(format!("{holder} goes on after {:?}", self.holders.last()));
            }
            self.holders.push(holder);
        }
        self.busy = Some((self.time + time, holder));
    }
}

/// What a contender draws from: numbers of the schedule's.
type Draw = Arc<Mutex<u64>>;

fn draw(from: &Draw, below: u64) -> u64 {
    let mut state = from.lock().unwrap();
    // Numerical Recipes' generator; its high bits are good enough here.
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

struct Model {
    world: Arc<Mutex<World>>,
    draw: Draw,
    /// How far its own clock is off.
    skew: u64,
}

/// Ready at the second look.
struct Step(bool);

impl Future for Step {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// A call whose answer, or which itself, got lost.
#[derive(Debug)]
struct Mislaid;

impl Model {
    async fn call<T>(&self, act: impl FnOnce(&mut World) -> T + Send) -> Result<T, Mislaid> {
        Step(false).await;
        if draw(&self.draw, 60) == 0 {
            return Err(Mislaid);
        }
        let answer = act(&mut self.world.lock().unwrap());
        Step(false).await;
        if draw(&self.draw, 60) == 0 {
            return Err(Mislaid);
        }
        Ok(answer)
    }
}

impl Board for Model {
    type Error = Mislaid;

    fn uuid(&self) -> &str {
        "vm"
    }

    async fn read(&self) -> Result<Sight, Mislaid> {
        self.call(|world| Sight {
            other_config: Value::Object(world.config.clone()),
            tags: Value::Array(world.tags.clone()),
        })
        .await
    }

    async fn work(&self) -> Result<Option<String>, Mislaid> {
        self.call(|world| {
            let (until, _) = world.busy?;
            (until > world.time).then(|| "something".to_owned())
        })
        .await
    }

    async fn add(&self, key: &str, value: &str) -> Result<Addition, Mislaid> {
        let (key, value) = (key.to_owned(), json!(value));
        self.call(move |world| {
            if world.config.contains_key(&key) {
                return Addition::Duplicate;
            }
            world.config.insert(key, value);
            Addition::Done
        })
        .await
    }

    async fn remove(&self, key: &str) -> Result<(), Mislaid> {
        let key = key.to_owned();
        self.call(move |world| {
            world.config.remove(&key);
        })
        .await
    }

    async fn add_tag(&self, tag: &str) -> Result<(), Mislaid> {
        let tag = json!(tag);
        self.call(move |world| {
            if !world.tags.contains(&tag) {
                world.tags.push(tag);
            }
        })
        .await
    }

    async fn remove_tag(&self, tag: &str) -> Result<(), Mislaid> {
        let tag = json!(tag);
        self.call(move |world| world.tags.retain(|other| *other != tag))
            .await
    }

    async fn now(&self) -> Result<u64, Mislaid> {
        self.call(|world| 1_000_000 + world.time / MILLISECONDS)
            .await
    }

    async fn end_leftovers(&self) -> Result<(), Mislaid> {
        Ok(())
    }

    fn clock(&self) -> Duration {
        Duration::from_millis(self.world.lock().unwrap().time + self.skew)
    }

    async fn pause(&self, time: Duration) {
        let end = self.clock() + time;
        while self.clock() < end {
            Step(false).await;
        }
    }

    fn nonce(&self) -> String {
        let mut world = self.world.lock().unwrap();
        world.nonces += 1;
        format!("n{}", world.nonces)
    }
}

/// Begin a request, ask whether the lock is ours, and send the rest: the host carries
/// it out unless that took too long.
async fn change(
    board: &Model,
    hold: &mut super::protocol::Hold,
    act: impl FnOnce(&mut World) + Send,
) -> Result<(), Refusal<Mislaid>> {
    let began = board.world.lock().unwrap().time;
    confirm(board, hold).await?;
    if !hold.may_act(board.clock()) {
        return Err(Refusal::Expired);
    }
    // Stopped here, or on the way in the network.
    Step(false).await;
    let mut world = board.world.lock().unwrap();
    if world.waits_for_ever || world.time - began < HEAD {
        act(&mut world);
    }
    Ok(())
}

/// Take the lock, change this and that, give it back; again and again.
async fn contend(board: Model, name: u64) {
    let mut round = 0;
    loop {
        round += 1;
        let run = format!("run-{name}-{round}");
        let holder = Holder {
            run: run.clone(),
            client: name.to_string(),
            ..Holder::default()
        };
        let rival = format!("run-{}-{}", draw(&board.draw, 3), draw(&board.draw, 4) + 1);
        let terms = Terms {
            holder: &holder,
            lease: LEASE,
            wish: Wish {
                take_over: (draw(&board.draw, 4) == 0).then_some(rival.as_str()),
                again: None,
            },
            patience: Duration::from_secs(30),
        };
        let Ok(mut hold) = take(&board, terms).await else {
            Step(false).await;
            continue;
        };
        board.world.lock().unwrap().takings += 1;
        let me = name * 1_000_000 + round;
        for _ in 0..draw(&board.draw, 6) {
            let time = draw(&board.draw, 4) * MILLISECONDS;
            let outcome = match draw(&board.draw, 6) {
                0 => {
                    change(&board, &mut hold, |world| {
                        world.carry_out(me, time);
                        let now = world.config.clone();
                        world.snapshots.push(now);
                    })
                    .await
                }
                1 => {
                    let which = draw(&board.draw, 100) as usize;
                    let outcome = async {
                        shadow(&board, &mut hold).await?;
                        change(&board, &mut hold, |world| {
                            world.carry_out(me, time);
                            if let Some(count) = world.snapshots.len().checked_sub(1) {
                                world.config = world.snapshots[which.min(count)].clone();
                            }
                        })
                        .await?;
                        lay_again(&board, &mut hold).await
                    };
                    outcome.await
                }
                2 => renew(&board, &mut hold).await,
                _ => change(&board, &mut hold, |world| world.carry_out(me, time)).await,
            };
            match outcome {
                Ok(()) | Err(Refusal::Host(_)) => {}
                Err(_) => break,
            }
        }
        let _ = give_back(&board, &hold).await;
    }
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A contender does some steps.
    Steps(usize, u8),
    /// Time passes, in milliseconds.
    Passes(u64),
    /// A contender dies, and another takes its place.
    Dies(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        30 => (0..3_usize, 1..40_u8).prop_map(|(who, steps)| Event::Steps(who, steps)),
        10 => (1..2_000_u64).prop_map(Event::Passes),
        2 => (2 * LEASE * MILLISECONDS / 3..3 * LEASE * MILLISECONDS).prop_map(Event::Passes),
        1 => (0..3_usize).prop_map(Event::Dies),
    ]
}

type Contender = Pin<Box<dyn Future<Output = ()>>>;

/// Let EVENTS happen to three contenders in WORLD; what became of it.
fn play_in(world: World, seed: u64, events: &[Event]) -> World {
    let world = Arc::new(Mutex::new(world));
    let mut names = 0..;
    let mut begin = || -> Contender {
        let name: u64 = names.next().unwrap_or(0);
        let board = Model {
            world: world.clone(),
            draw: Arc::new(Mutex::new(
                seed ^ (name + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            )),
            skew: name * 77_777,
        };
        Box::pin(contend(board, name))
    };
    let mut contenders = [begin(), begin(), begin()];
    for event in events {
        match *event {
            Event::Steps(who, steps) => {
                for _ in 0..steps {
                    let mut context = Context::from_waker(Waker::noop());
                    let _ = contenders[who].as_mut().poll(&mut context);
                }
            }
            Event::Passes(time) => world.lock().unwrap().time += time,
            Event::Dies(who) => contenders[who] = begin(),
        }
        if world.lock().unwrap().wrong.is_some() {
            break;
        }
    }
    drop(contenders);
    Arc::into_inner(world)
        .expect("the contenders are gone")
        .into_inner()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_two_change_anything_at_once(
        seed in any::<u64>(),
        events in proptest::collection::vec(event(), 50..400),
    ) {
        let world = play_in(World::default(), seed, &events);
        prop_assert_eq!(world.wrong, None);
    }
}

/// Found at random: an extension got lost, and the shadow that had to stand in for it
/// was that of the same second, which went when the new one had been laid.
#[test]
fn a_shadow_that_is_laid_twice_in_a_second_stays() {
    use Event::{Passes, Steps};
    let mut events = vec![
        Steps(0, 18),
        Steps(1, 36),
        Passes(635),
        Steps(1, 7),
        Steps(0, 34),
        Passes(9485),
        Steps(2, 6),
        Steps(0, 2),
        Steps(1, 14),
        Steps(2, 16),
        Passes(1127),
        Steps(1, 19),
        Passes(8753),
        Steps(1, 18),
        Steps(2, 28),
        Steps(1, 2),
    ];
    events.extend([Steps(0, 1); 40]);
    let world = play_in(World::default(), 17_300_297_215_085_918_712, &events);
    assert_eq!(world.wrong, None);
}

/// Where nothing gets lost for the first hundred draws.
fn reliable(world: &Arc<Mutex<World>>) -> Model {
    let is_reliable = |seed: &u64| {
        let from = Arc::new(Mutex::new(*seed));
        (0..100).all(|_| draw(&from, 60) != 0)
    };
    let seed = (0..).find(is_reliable).unwrap_or(0);
    Model {
        world: world.clone(),
        draw: Arc::new(Mutex::new(seed)),
        skew: 0,
    }
}

/// What FUTURE comes to within STEPS steps.
fn within<F: Future>(steps: usize, mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    (0..steps).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// Found at random: who had looked before a holder took the lock claimed the very
/// number of the holder's, which his revert had taken out of `other_config`.
#[test]
fn a_number_that_a_revert_has_taken_away_is_not_claimed_by_another() {
    let world = Arc::new(Mutex::new(World::default()));
    let holders = ["a", "b"].map(|run| Holder {
        run: run.to_owned(),
        ..Holder::default()
    });
    let terms = |holder| Terms {
        holder,
        lease: LEASE,
        wish: Wish::default(),
        patience: Duration::from_secs(30),
    };
    let (first, second) = (reliable(&world), reliable(&world));
    // The clock and the record are seen, and the claim is not made yet.
    let mut late = Box::pin(take(&second, terms(&holders[1])));
    assert!(within(4, late.as_mut()).is_none());
    let mut hold = within(100, std::pin::pin!(take(&first, terms(&holders[0]))))
        .and_then(Result::ok)
        .expect("it is free");
    assert!(
        within(100, std::pin::pin!(shadow(&first, &mut hold))).is_some_and(|done| done.is_ok())
    );
    world.lock().unwrap().config = Map::new();
    let refused = within(200, late.as_mut());
    assert!(matches!(refused, Some(Err(Refusal::InUse(epoch))) if epoch.claim.holder.run == "a"));
    assert!(
        within(100, std::pin::pin!(lay_again(&first, &mut hold))).is_some_and(|done| done.is_ok())
    );
    assert!(
        within(100, std::pin::pin!(confirm(&first, &mut hold))).is_some_and(|done| done.is_ok())
    );
}

/// Events drawn from SEED.
fn drawn(seed: u64) -> Vec<Event> {
    let from = Arc::new(Mutex::new(seed));
    (0..400)
        .map(|_| match draw(&from, 10) {
            0..=6 => Event::Steps(draw(&from, 3) as usize, 1 + draw(&from, 40) as u8),
            7 | 8 => Event::Passes(draw(&from, 1500)),
            _ => Event::Passes(draw(&from, 20_000)),
        })
        .collect()
}

#[test]
fn the_contenders_of_the_model_get_something_done() {
    let (mut changes, mut takings, mut hands) = (0, 0, 0);
    for seed in 0..20 {
        let world = play_in(World::default(), seed, &drawn(seed));
        assert_eq!(world.wrong, None);
        changes += world.changes;
        takings += world.takings;
        hands += world.holders.len();
    }
    assert!(
        changes > 200 && takings > 100 && hands > 40,
        "{changes} changes in {takings} takings by {hands} holders"
    );
}

/// The property is worth something: a host that waits for ever for the rest of a
/// request lets a holder that was stopped after it had asked change something.
#[test]
fn without_a_host_that_drops_late_requests_two_change_something_at_once() {
    let found = (0..200).any(|seed| {
        let mut world = World {
            waits_for_ever: true,
            ..World::default()
        };
        world = play_in(world, seed, &drawn(seed));
        world.wrong.is_some()
    });
    assert!(found, "the model finds nothing");
}
