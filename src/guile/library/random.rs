//! Random numbers, the very ones that Guile gives for a seed.
//!
//! The generator is Marsaglia's multiply-with-carry on 32 bits, which Guile uses.
//!
//! Source: GNU Guile reference manual, "Random Number Generation"; the numbers
//! were held against Guile 3.0.8.

use crate::data::native::{Outcome, Raise};
use crate::data::numbers::{self, Number};
use crate::data::value::{Value, symbol_value};
use crate::data::{args, arrays, errors, pairs, strings as text};
use crate::library::outside;
use crate::natives;
use num_bigint::{BigInt, Sign};
use num_traits::ToPrimitive;
use std::cell::RefCell;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type_mut};

const MULTIPLIER: u64 = 2_131_995_753;

/// What Guile begins with.
const FIRST_SEED: &str = "URL:http://stat.fsu.edu/~geo/diehard.html";

#[derive(Clone)]
struct State {
    word: u32,
    carry: u32,
    /// Normal deviates come in pairs.
    spare: Option<f64>,
}

impl Custom for State {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok("#<random-state>".to_owned()))
    }
}

impl State {
    fn seeded(seed: &[u8]) -> State {
        let (mut word, mut carry) = (0u32, 0u32);
        for (index, byte) in seed.iter().enumerate() {
            let place = index % 8;
            if place < 4 {
                word = word.wrapping_add(u32::from(*byte) << (8 * place));
            } else {
                carry = carry.wrapping_add(u32::from(*byte) << (8 * (place - 4)));
            }
        }
        // Two states repeat themselves for ever.
        if word == 0 && carry == 0 || word == u32::MAX && u64::from(carry) == MULTIPLIER - 1 {
            carry = carry.wrapping_add(1);
        }
        State {
            word,
            carry,
            spare: None,
        }
    }

    fn next(&mut self) -> u32 {
        let product = MULTIPLIER * u64::from(self.word) + u64::from(self.carry);
        self.word = product as u32;
        self.carry = (product >> 32) as u32;
        self.word
    }

    fn real(&mut self) -> f64 {
        let low = f64::from(self.next()) / f64::from(u32::MAX);
        (low + f64::from(self.next())) / f64::from(u32::MAX)
    }

    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * self.real().ln()).sqrt();
        let angle = 2.0 * std::f64::consts::PI * self.real();
        self.spare = Some(radius * angle.cos());
        radius * angle.sin()
    }

    fn below(&mut self, limit: u32) -> u32 {
        let mask = u32::MAX >> limit.leading_zeros();
        loop {
            let number = self.next() & mask;
            if number < limit {
                return number;
            }
        }
    }

    fn below_wide(&mut self, limit: u64) -> u64 {
        if let Ok(limit) = u32::try_from(limit) {
            return u64::from(self.below(limit));
        }
        let mask = u32::MAX >> ((limit >> 32) as u32).leading_zeros();
        loop {
            let high = u64::from(self.next() & mask) << 32;
            let number = high | u64::from(self.next());
            if number < limit {
                return number;
            }
        }
    }

    fn below_big(&mut self, limit: &BigInt) -> BigInt {
        let bits = limit.bits();
        let words = bits.div_ceil(32) as usize;
        let end = (bits % 32) as u32;
        loop {
            let mut digits = vec![0u32; words];
            for (index, digit) in digits.iter_mut().enumerate().rev() {
                *digit = self.next();
                if index + 1 == words && end > 0 {
                    *digit &= u32::MAX >> (32 - end);
                }
            }
            let number = BigInt::new(Sign::Plus, digits);
            if number < *limit {
                return number;
            }
        }
    }
}

fn value(state: State) -> Value {
    state
        .into_steelval()
        .expect("a custom value is always a value")
}

/// Use the state that argument POSITION is.
fn with<T>(
    procedure: &str,
    args: &[Value],
    position: usize,
    body: impl FnOnce(&mut State) -> T,
) -> Result<T, Raise> {
    let state = &args[position - 1];
    if let Value::Custom(custom) = state
        && let Some(state) = as_underlying_type_mut::<State>(custom.write().as_mut())
    {
        return Ok(body(state));
    }
    Err(errors::wrong_type(procedure, position, state))
}

fn random(args: &[Value]) -> Outcome {
    let limit = &args[0];
    let out_of_range = || errors::out_of_range("random", 1, limit);
    Ok(match numbers::number(limit) {
        Some(Number::Fix(number)) => {
            if number <= 0 {
                return Err(out_of_range());
            }
            let number = with("random", args, 2, |state| state.below_wide(number as u64))?;
            Value::IntV(number as isize)
        }
        Some(Number::Big(number)) => {
            if number.sign() != Sign::Plus {
                return Err(out_of_range());
            }
            // Guile's fixnums end two bits before ours: their numbers are drawn otherwise.
            numbers::integer_value(with("random", args, 2, |state| state.below_big(&number))?)
        }
        Some(Number::Real(number)) => Value::NumV(number * with("random", args, 2, State::real)?),
        _ => return Err(errors::wrong_type("random", 1, limit)),
    })
}

fn uniform(args: &[Value]) -> Outcome {
    with("random:uniform", args, 1, State::real).map(Value::NumV)
}

fn normal(args: &[Value]) -> Outcome {
    with("random:normal", args, 1, State::normal).map(Value::NumV)
}

fn exponential(args: &[Value]) -> Outcome {
    with("random:exp", args, 1, |state| -state.real().ln()).map(Value::NumV)
}

/// Fill argument 1 with normal deviates, scaled by what SCALE makes of their number and length.
fn fill(
    procedure: &str,
    args: &[Value],
    scale: impl FnOnce(&mut State, usize, f64) -> f64,
) -> Outcome {
    let view = arrays::view(&args[0])
        .filter(|view| view.dimensions.len() == 1)
        .ok_or_else(|| errors::wrong_type(procedure, 1, &args[0]))?;
    let deviates = with(procedure, args, 2, |state| {
        let deviates: Vec<f64> = (0..view.count()).map(|_| state.normal()).collect();
        let length = deviates
            .iter()
            .map(|deviate| deviate * deviate)
            .sum::<f64>()
            .sqrt();
        let scale = scale(state, deviates.len(), length);
        deviates.into_iter().map(move |deviate| deviate * scale)
    })?;
    for (number, deviate) in deviates.enumerate() {
        view.set_nth(number, &Value::NumV(deviate))?;
    }
    Ok(args::unspecified())
}

fn normal_vector(args: &[Value]) -> Outcome {
    fill("random:normal-vector!", args, |_, _, _| 1.0)
}

fn hollow_sphere(args: &[Value]) -> Outcome {
    fill("random:hollow-sphere!", args, |_, _, length| 1.0 / length)
}

fn solid_sphere(args: &[Value]) -> Outcome {
    fill("random:solid-sphere!", args, |state, count, length| {
        state.real().powf(1.0 / count as f64) / length
    })
}

fn copy(args: &[Value]) -> Outcome {
    with("copy-random-state", args, 1, |state| value(state.clone()))
}

fn from_seed(args: &[Value]) -> Outcome {
    match &args[0] {
        Value::StringV(seed) => Ok(value(State::seeded(text::of(seed).as_bytes()))),
        other => match numbers::text(other, 10) {
            Some(seed) => Ok(value(State::seeded(seed.as_bytes()))),
            None => Err(errors::wrong_type("seed->random-state", 1, other)),
        },
    }
}

fn seed_from_clock() -> Vec<u8> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_else(|before| before.duration())
        .as_nanos();
    let seed = now ^ (u128::from(std::process::id()) << 64);
    (seed as u64 ^ (seed >> 64) as u64).to_le_bytes().to_vec()
}

fn from_platform(_: &[Value]) -> Outcome {
    let seed = outside::bytes("random-state-from-platform", seed_from_clock)?;
    Ok(value(State::seeded(&seed)))
}

fn to_datum(args: &[Value]) -> Outcome {
    with("random-state->datum", args, 1, |state| {
        pairs::list([
            symbol_value("multiply-with-carry"),
            Value::IntV(state.word as isize),
            Value::IntV(state.carry as isize),
        ])
    })
}

fn from_datum(args: &[Value]) -> Outcome {
    let wrong = || errors::wrong_type("datum->random-state", 1, &args[0]);
    let parts = pairs::to_vec(&args[0]).ok_or_else(wrong)?;
    let part = |index: usize| match parts.get(index) {
        Some(Value::IntV(number)) => number.to_u32().ok_or_else(wrong),
        _ => Err(wrong()),
    };
    Ok(value(State {
        word: part(1)?,
        carry: part(2)?,
        spare: None,
    }))
}

/// A number for which no seed answers, as for the name of a temporary file.
pub fn chance() -> u64 {
    thread_local! {
        static CHANCE: RefCell<State> = RefCell::new(State::seeded(&seed_from_clock()));
    }
    CHANCE.with(|state| {
        let mut state = state.borrow_mut();
        u64::from(state.next()) << 32 | u64::from(state.next())
    })
}

thread_local! {
    static FIRST: RefCell<Option<Value>> = const { RefCell::new(None) };
}

/// The state that a program begins with.
fn first_state(_: &[Value]) -> Outcome {
    Ok(FIRST.with(|first| {
        first
            .borrow_mut()
            .get_or_insert_with(|| value(State::seeded(FIRST_SEED.as_bytes())))
            .clone()
    }))
}

natives! {
    /// (%random limit state) -> number from 0 to LIMIT, exclusive
    "%random" (2) => random,
    /// (%random:uniform state) -> a float from 0 up to 1
    "%random:uniform" (1) => uniform,
    /// (%random:normal state) -> a float of the standard normal distribution
    "%random:normal" (1) => normal,
    /// (%random:exp state) -> a float of the exponential distribution with mean 1
    "%random:exp" (1) => exponential,
    /// (%random:normal-vector! vector state) -> fill with floats of the standard normal distribution
    "%random:normal-vector!" (2) => normal_vector,
    /// (%random:hollow-sphere! vector state) -> fill with the coordinates of a point on the unit sphere
    "%random:hollow-sphere!" (2) => hollow_sphere,
    /// (%random:solid-sphere! vector state) -> fill with the coordinates of a point in the unit sphere
    "%random:solid-sphere!" (2) => solid_sphere,
    /// (%copy-random-state state) -> a new state that goes on alike
    "%copy-random-state" (1) => copy,
    /// (seed->random-state seed) -> the state of a generator that begins with SEED
    "seed->random-state" (1) => from_seed,
    /// (random-state-from-platform) -> the state of a generator that begins where no other does
    "random-state-from-platform" (0) => from_platform,
    /// (random-state->datum state) -> data from which it can be made again
    "random-state->datum" (1) => to_datum,
    /// (datum->random-state datum) -> the state that the data are of
    "datum->random-state" (1) => from_datum,
    /// (%first-random-state) -> what `*random-state*` is at first
    "%first-random-state" (0) => first_state,
}
