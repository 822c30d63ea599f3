//! Circles of pairs, which Steel's collector would follow for ever.
//!
//! Steel marks boxes and vectors, and takes pairs, lists and structs for data that
//! cannot contain themselves. Programs make circles of pairs nevertheless, always by
//! changing one. The pair that may have closed a circle is remembered here, and while
//! the collector may run it holds nothing ([`open`]); what it held is rooted meanwhile.
//!
//! Circles through a vector, a box or a procedure's variable end at the mark.

use crate::data::identity::is_eq;
use crate::data::pairs;
use crate::data::roots::Root;
use crate::data::value::Value;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// How much of what a pair is given is looked at, at once. Larger data are taken for
/// a circle until [`Closers::review`] has seen all of them.
const LOOKED_AT: usize = 64;

/// How many parts a review may look at for each change since the last one.
const WORTH: usize = 64;

/// So many pairs are opened for the collector. With more than these, opening them for
/// each vector would take longer than everything else.
const OPENED: usize = 1024;

#[derive(Default)]
struct Closers {
    pairs: Vec<Value>,
    known: HashSet<usize>,
    /// How many of them a review has not seen.
    fresh: usize,
    /// What may be looked at before it is too much, for the changes there were.
    credit: usize,
    /// What the last review looked at.
    looked_at: usize,
    /// What the pairs held when they were opened last, rooted.
    held: Vec<(Value, Value)>,
    rooted: Option<Root>,
}

thread_local! {
    static CLOSERS: RefCell<Closers> = RefCell::default();
}

/// PAIR holds PART from now on.
pub fn note(pair: &Value, part: &Value) {
    if !matches!(
        part,
        Value::Pair(_) | Value::ListV(_) | Value::CustomStruct(_)
    ) || !may_reach(part, address(pair))
    {
        return;
    }
    // A thread that ends has no use for it.
    let _ = CLOSERS.try_with(|closers| {
        let mut closers = closers.borrow_mut();
        closers.credit += WORTH;
        if closers.known.insert(address(pair)) {
            closers.pairs.push(pair.clone());
            closers.fresh += 1;
        }
    });
}

/// The address of VALUE when it is a pair.
fn address(value: &Value) -> usize {
    match value {
        Value::Pair(pair) => pair.as_ptr().addr(),
        _ => 0,
    }
}

/// Call VISIT with the parts that Steel's collector follows without a mark.
fn each_part(value: &Value, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Pair(pair) => {
            visit(pair.car_ref());
            visit(pair.cdr_ref());
        }
        Value::ListV(items) => items.iter().for_each(visit),
        Value::CustomStruct(record) => {
            (0..)
                .map_while(|index| record.get_index(index))
                .for_each(visit);
        }
        _ => {}
    }
}

fn has_parts(value: &Value) -> bool {
    matches!(
        value,
        Value::Pair(_) | Value::ListV(_) | Value::CustomStruct(_)
    )
}

/// Whether the pair at TARGET is part of VALUE, or VALUE is too large to tell.
fn may_reach(value: &Value, target: usize) -> bool {
    let mut pending = vec![value.clone()];
    let mut left = LOOKED_AT;
    while let Some(value) = pending.pop() {
        if address(&value) == target {
            return true;
        }
        if left == 0 {
            return true;
        }
        left -= 1;
        each_part(&value, &mut |part| {
            if has_parts(part) {
                pending.push(part.clone());
            }
        });
    }
    false
}

impl Closers {
    /// Empty the pairs. What they held is mostly what they held the last time, and
    /// rooted already.
    fn take_out(&mut self) {
        let mut is_rooted = self.rooted.is_some() && self.held.len() == self.pairs.len();
        self.held
            .resize(self.pairs.len(), (Value::Void, Value::Void));
        for (pair, held) in self.pairs.iter().zip(&mut self.held) {
            let parts =
                pairs::exchange(pair, Value::Void, Value::Void).expect("what was noted is a pair");
            is_rooted &= is_eq(&parts.0, &held.0) && is_eq(&parts.1, &held.1);
            *held = parts;
        }
        if !is_rooted {
            let parts = self.held.iter().flat_map(|(car, cdr)| [car, cdr]);
            self.rooted = Some(Root::of(&pairs::list_in_order(parts, pairs::nil())));
        }
    }

    /// Give the pairs what was taken out of them, and know it the next time.
    fn put_back(&mut self) {
        for (pair, (car, cdr)) in self.pairs.iter().zip(&self.held) {
            let _void = pairs::exchange(pair, car.clone(), cdr.clone());
        }
    }

    /// Keep of the pairs those that close a circle.
    fn review(&mut self) {
        enum Step {
            Enter(Value),
            Leave(usize),
        }
        let identity = |value: &Value| match value {
            Value::Pair(pair) => Some(pair.as_ptr().addr()),
            Value::CustomStruct(record) => Some((&raw const **record).addr()),
            _ => None,
        };
        // Whether a part that has been entered has been left.
        let mut left: HashMap<usize, bool> = HashMap::new();
        let mut closing: Vec<Value> = Vec::new();
        let mut pending: Vec<Step> = self.pairs.drain(..).map(Step::Enter).collect();
        self.looked_at = 0;
        while let Some(step) = pending.pop() {
            let value = match step {
                Step::Leave(identity) => {
                    left.insert(identity, true);
                    continue;
                }
                Step::Enter(value) => value,
            };
            self.looked_at += 1;
            if let Some(identity) = identity(&value) {
                if left.contains_key(&identity) {
                    continue;
                }
                left.insert(identity, false);
                pending.push(Step::Leave(identity));
            }
            let mut closes = false;
            each_part(&value, &mut |part| {
                if !has_parts(part) {
                    return;
                }
                match identity(part).and_then(|identity| left.get(&identity)) {
                    Some(false) => closes = true,
                    Some(true) => {}
                    None => pending.push(Step::Enter(part.clone())),
                }
            });
            if closes && matches!(value, Value::Pair(_)) {
                closing.push(value);
            }
        }
        self.known = closing.iter().map(address).collect();
        self.pairs = closing;
        self.fresh = 0;
        self.credit = 0;
        self.held.clear();
        self.rooted = None;
    }
}

/// Circles that are open until this is dropped.
pub struct Opened(());

/// Open the circles that programs have made, as long as the collector may run.
pub fn open() -> Option<Opened> {
    CLOSERS.with(|closers| {
        let mut closers = closers.borrow_mut();
        if closers.pairs.is_empty() {
            return None;
        }
        closers.credit += WORTH;
        if closers.fresh > 0 && closers.credit > closers.looked_at {
            closers.review();
        }
        if closers.pairs.is_empty() || closers.pairs.len() > OPENED {
            return None;
        }
        closers.take_out();
        Some(Opened(()))
    })
}

impl Drop for Opened {
    fn drop(&mut self) {
        CLOSERS.with(|closers| closers.borrow_mut().put_back());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::roots;

    fn numbers(count: isize) -> Value {
        pairs::list((0..count).map(Value::IntV).collect::<Vec<_>>())
    }

    fn close(list: &Value) {
        let count = pairs::length(list).expect("no circle yet");
        let last = pairs::tail(list, count - 1).expect("long enough");
        assert!(pairs::set_cdr(&last, list.clone()));
    }

    #[test]
    fn a_circle_is_open_while_the_collector_may_run_and_closed_afterwards() {
        roots::prepare();
        let small = numbers(3);
        let large = numbers(1000);
        close(&small);
        close(&large);
        let opened = open().expect("there are circles");
        for list in [&small, &large] {
            let mut items = pairs::items(list);
            items.by_ref().for_each(drop);
            assert!(!matches!(items.tail(), pairs::Tail::Circle));
        }
        drop(opened);
        assert!(pairs::length(&small).is_none() && pairs::length(&large).is_none());
    }

    #[test]
    fn what_only_might_have_been_a_circle_is_forgotten() {
        roots::prepare();
        let last = numbers(1);
        assert!(pairs::set_cdr(&last, numbers(1000)));
        assert!(CLOSERS.with(|closers| closers.borrow().pairs.len() == 1));
        assert!(open().is_none());
        assert!(CLOSERS.with(|closers| closers.borrow().pairs.is_empty()));
    }
}
