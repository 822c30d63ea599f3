//! Pairs and lists, as every native and the front end see them.
//!
//! A Scheme pair is `Value::Pair`; the empty list is an empty `Value::ListV`,
//! so that the machine's own `null?`, `car` and `cdr` agree with us. Steel's
//! `cons` would make an unrolled `ListV` instead, which is copied when it is
//! shared (`(eq? (cdr (cons 1 l)) l)` is then false) and cannot be mutated.
//! `ListV` with elements comes from the machine alone, for rest arguments;
//! whatever reads lists accepts it, and [`from_machine`] turns it into pairs.

use crate::data::value::Value;
use crate::data::{circles, memory};
use steel::gc::Gc;

/// What a pair takes of memory.
pub const SIZE_BYTES: usize = 48;

/// `'()`.
pub fn nil() -> Value {
    thread_local! {
        static NIL: Value = Value::ListV(Vec::new().into());
    }
    NIL.with(Value::clone)
}

/// Whether VALUE is `'()`.
pub fn is_nil(value: &Value) -> bool {
    matches!(value, Value::ListV(list) if list.is_empty())
}

/// Whether VALUE is a pair.
pub fn is_pair(value: &Value) -> bool {
    match value {
        Value::Pair(_) => true,
        Value::ListV(list) => !list.is_empty(),
        _ => false,
    }
}

/// A fresh pair.
#[inline]
pub fn cons(car: Value, cdr: Value) -> Value {
    let (pair, car_slot, cdr_slot) = blank();
    // SAFETY: the pair is fresh, so nothing refers into it; what stands in it
    // needs no dropping.
    unsafe {
        car_slot.write(car);
        cdr_slot.write(cdr);
    }
    pair
}

/// A fresh pair of a copy of CAR, and CDR.
#[inline]
pub fn cons_copy(car: &Value, cdr: Value) -> Value {
    let (pair, car_slot, cdr_slot) = blank();
    // SAFETY: as above.
    unsafe {
        copy_to(car_slot, car);
        cdr_slot.write(cdr);
    }
    pair
}

/// Write a copy of VALUE to SLOT. A clone that comes back as a value is written
/// in parts and read as a whole at once, for which the processor waits; this is
/// most of what a list costs.
///
/// # Safety
///
/// SLOT must be valid for writing, and what it holds need no dropping.
#[inline]
unsafe fn copy_to(slot: *mut Value, value: &Value) {
    match value {
        Value::IntV(_) | Value::NumV(_) | Value::BoolV(_) | Value::CharV(_) | Value::Void => {}
        // Counted references: one more of them, and then it is the same bits.
        Value::Pair(pair) => std::mem::forget(pair.clone()),
        Value::StringV(string) => std::mem::forget(string.clone()),
        Value::SymbolV(symbol) => std::mem::forget(symbol.clone()),
        Value::Closure(closure) => std::mem::forget(closure.clone()),
        other => {
            // SAFETY: the caller's.
            unsafe { slot.write(other.clone()) };
            return;
        }
    }
    // SAFETY: the caller's; these bits own nothing, or what was counted above.
    unsafe { slot.copy_from_nonoverlapping(value, 1) };
}

/// A fresh pair of two `Value::Void`, and where its car and cdr stand. Steel's type of
/// pairs cannot be named, but copied; its `cons` makes a list of its own where the cdr is
/// one, and counts references that only pass by.
#[inline]
fn blank() -> (Value, *mut Value, *mut Value) {
    thread_local! {
        static BLANK: Value = steel::primitives::lists::cons(&mut Value::Void, &mut Value::Void)
            .expect("consing two values has no way to fail");
    }
    let pair = BLANK.with(|blank| match blank {
        // SAFETY: a pair of two `Void` owns nothing, so that its bits are a copy of it.
        Value::Pair(pair) => Value::Pair(Gc::new(unsafe { std::ptr::read(&raw const **pair) })),
        other => unreachable!("Steel's cons of two values is {other:?}"),
    });
    let (car_slot, cdr_slot) = slots(&pair).expect("a blank pair is a pair");
    (pair, car_slot, cdr_slot)
}

/// Where the car and the cdr of PAIR stand. They may be written through while no
/// reference into the pair is alive.
fn slots(pair: &Value) -> Option<(*mut Value, *mut Value)> {
    let Value::Pair(cell) = pair else {
        return None;
    };
    let base = cell.as_ptr().cast::<u8>().cast_mut();
    let offset = |slot: &Value| std::ptr::from_ref(slot) as usize - base as usize;
    let (car, cdr) = (offset(cell.car_ref()), offset(cell.cdr_ref()));
    // SAFETY: both offsets are inside of the pair that BASE points to.
    unsafe { Some((base.add(car).cast(), base.add(cdr).cast())) }
}

/// A proper list of ITEMS.
pub fn list<I>(items: I) -> Value
where
    I: IntoIterator<Item = Value>,
    I::IntoIter: DoubleEndedIterator,
{
    list_with_tail(items, nil())
}

/// Whether a list with an element number INDEX need not become longer: memory has run out,
/// so nobody is going to see it. A short one, such as an exception has, is always whole.
fn is_too_long(index: usize) -> bool {
    index % 4096 == 4095 && memory::is_exhausted()
}

/// ITEMS consed onto TAIL.
pub fn list_with_tail<I>(items: I, tail: Value) -> Value
where
    I: IntoIterator<Item = Value>,
    I::IntoIter: DoubleEndedIterator,
{
    let mut list = tail;
    for (index, item) in items.into_iter().rev().enumerate() {
        list = cons(item, list);
        if is_too_long(index) {
            break;
        }
    }
    list
}

/// Copies of ITEMS from first to last, and TAIL after them. Where the items come one
/// by one this spares a vector of them.
pub fn list_in_order<'a>(items: impl IntoIterator<Item = &'a Value>, tail: Value) -> Value {
    let mut first = Value::Void;
    let mut end: *mut Value = &mut first;
    for (index, item) in items.into_iter().enumerate() {
        let (pair, car_slot, cdr_slot) = blank();
        // SAFETY: END is `first` or the cdr of the pair made last, which `first`
        // keeps alive and nobody else knows; what it and the new pair hold needs
        // no dropping.
        unsafe {
            copy_to(car_slot, item);
            end.write(pair);
        }
        end = cdr_slot;
        if is_too_long(index) {
            break;
        }
    }
    // SAFETY: as above.
    unsafe { end.write(tail) };
    first
}

/// What is left of LIST after COUNT pairs; the part of it that is not a pair
/// where there are fewer.
pub fn tail(list: &Value, count: usize) -> Result<Value, Value> {
    let mut here = list;
    let mut left = count;
    while left > 0
        && let Value::Pair(pair) = here
    {
        here = pair.cdr_ref();
        left -= 1;
    }
    // Only the machine's own lists go on here.
    let mut here = here.clone();
    for _ in 0..left {
        here = cdr(&here).ok_or(here)?;
    }
    Ok(here)
}

/// A list that the machine made for rest arguments, as pairs; anything else as it is.
pub fn from_machine(value: Value) -> Value {
    match &value {
        Value::ListV(items) if !items.is_empty() => list_in_order(items.iter(), nil()),
        _ => value,
    }
}

/// The car of a pair.
pub fn car(value: &Value) -> Option<&Value> {
    match value {
        Value::Pair(pair) => Some(pair.car_ref()),
        Value::ListV(list) => list.first(),
        _ => None,
    }
}

/// The cdr of a pair.
pub fn cdr(value: &Value) -> Option<Value> {
    match value {
        Value::Pair(pair) => Some(pair.cdr_ref().clone()),
        Value::ListV(list) => {
            (!list.is_empty()).then(|| list.rest().map_or_else(nil, Value::ListV))
        }
        _ => None,
    }
}

/// Put CAR into PAIR; false when PAIR is not a pair that can be changed.
#[must_use]
pub fn set_car(pair: &Value, car: Value) -> bool {
    let Some((slot, _)) = slots(pair) else {
        return false;
    };
    circles::note(pair, &car);
    drop(replace(slot, car));
    true
}

/// Put CDR into PAIR; false when PAIR is not a pair that can be changed.
#[must_use]
pub fn set_cdr(pair: &Value, cdr: Value) -> bool {
    let Some((_, slot)) = slots(pair) else {
        return false;
    };
    circles::note(pair, &cdr);
    drop(replace(slot, cdr));
    true
}

/// Put CAR and CDR into PAIR; what it held.
pub fn exchange(pair: &Value, car: Value, cdr: Value) -> Option<(Value, Value)> {
    let (car_slot, cdr_slot) = slots(pair)?;
    Some((replace(car_slot, car), replace(cdr_slot, cdr)))
}

/// Put VALUE into SLOT; what was there.
fn replace(slot: *mut Value, value: Value) -> Value {
    // SAFETY: the slot comes from `Rc::as_ptr`, whose pointer may be written
    // through while no reference into the allocation is alive (the contract of
    // `Rc::get_mut_unchecked`). A native is the only code that runs on the
    // machine's thread, its arguments are clones of the `Rc`, and the references
    // `car_ref` and `cdr_ref` gave to find the slot have ended. The old value is
    // dropped after the pair holds the new one.
    unsafe { slot.replace(value) }
}

/// What identifies the pair VALUE for `eq?`.
pub fn identity(value: &Value) -> Option<(usize, usize)> {
    match value {
        Value::Pair(pair) => Some((pair.as_ptr() as usize, 0)),
        Value::ListV(list) if list.is_empty() => Some((0, 0)),
        Value::ListV(list) => Some(list.identity_tuple()),
        _ => None,
    }
}

/// The elements of a list, by reference. Ends at the first tail that is not a
/// pair, which [`Items::tail`] then gives; ends early on a circle.
pub struct Items<'a> {
    rest: Rest<'a>,
    // Brent's method: the pair at the last power of two steps.
    landmark: *const u8,
    steps: usize,
    limit: usize,
    circular: bool,
}

enum Rest<'a> {
    Value(&'a Value),
    Machine(Box<dyn Iterator<Item = &'a Value> + 'a>),
    End,
}

/// How a list ends.
#[derive(Debug)]
pub enum Tail<'a> {
    Nil,
    Circle,
    Improper(&'a Value),
}

/// The elements of LIST.
pub fn items(list: &Value) -> Items<'_> {
    Items {
        rest: Rest::Value(list),
        landmark: std::ptr::null(),
        steps: 0,
        limit: 64,
        circular: false,
    }
}

impl<'a> Items<'a> {
    /// How the list ended, after the iterator has.
    pub fn tail(&self) -> Tail<'a> {
        if self.circular {
            return Tail::Circle;
        }
        match self.rest {
            Rest::Value(value) if !is_nil(value) => Tail::Improper(value),
            _ => Tail::Nil,
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a Value;

    #[inline]
    fn next(&mut self) -> Option<&'a Value> {
        match &mut self.rest {
            Rest::Value(Value::Pair(pair)) => {
                let here = pair.as_ptr().cast::<u8>();
                self.steps += 1;
                if here == self.landmark {
                    self.circular = true;
                    self.rest = Rest::End;
                    return None;
                }
                if self.steps == self.limit {
                    self.landmark = here;
                    self.limit *= 2;
                }
                self.rest = Rest::Value(pair.cdr_ref());
                Some(pair.car_ref())
            }
            Rest::Value(Value::ListV(list)) if !list.is_empty() => {
                let mut items: Box<dyn Iterator<Item = &'a Value> + 'a> = Box::new(list.iter());
                let first = items.next();
                self.rest = Rest::Machine(items);
                first
            }
            Rest::Value(_) | Rest::End => None,
            Rest::Machine(items) => {
                let next = items.next();
                if next.is_none() {
                    self.rest = Rest::End;
                }
                next
            }
        }
    }
}

/// The elements of a proper list, or `None`.
pub fn to_vec(value: &Value) -> Option<Vec<Value>> {
    let mut elements = items(value);
    let collected = elements.by_ref().cloned().collect();
    matches!(elements.tail(), Tail::Nil).then_some(collected)
}

/// The length of a proper list, or `None`.
pub fn length(value: &Value) -> Option<usize> {
    let mut elements = items(value);
    let count = elements.by_ref().count();
    matches!(elements.tail(), Tail::Nil).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: isize) -> Value {
        list((0..count).map(Value::IntV).collect::<Vec<_>>())
    }

    #[test]
    fn a_list_ends_in_nil_and_knows_its_length() {
        assert_eq!(length(&numbers(0)), Some(0));
        assert_eq!(length(&numbers(1000)), Some(1000));
        assert_eq!(length(&cons(Value::IntV(1), Value::IntV(2))), None);
    }

    #[test]
    fn the_cdr_of_a_cons_is_the_list_it_was_made_of() {
        let tail = numbers(5);
        let longer = cons(Value::Void, tail.clone());
        assert_eq!(
            identity(&cdr(&longer).expect("a pair has a cdr")),
            identity(&tail)
        );
    }

    #[test]
    fn a_pair_can_be_changed_and_a_circle_is_noticed() {
        let circle = numbers(3);
        assert!(set_car(&circle, Value::IntV(42)));
        assert!(matches!(car(&circle), Some(Value::IntV(42))));
        let last = cdr(&cdr(&circle).expect("three")).expect("three");
        assert!(set_cdr(&last, circle.clone()));
        assert_eq!(length(&circle), None);
        // Leave no circle behind: pairs are counted, not collected.
        assert!(set_cdr(&last, nil()));
    }

    #[test]
    fn a_rest_list_of_the_machine_reads_like_pairs() {
        let rest = Value::ListV(vec![Value::IntV(1), Value::IntV(2)].into());
        assert_eq!(length(&rest), Some(2));
        assert!(matches!(from_machine(rest), Value::Pair(_)));
    }
}
