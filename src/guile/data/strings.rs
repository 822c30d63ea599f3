//! Strings as Scheme has them: mutable, indexed by character.
//!
//! A string is Steel's `StringV`, a counted Rust string. Natives change it in
//! place; positions of characters are found at once in ASCII text, and by
//! counting otherwise. The last long string asked about is remembered, so a
//! loop over `string-ref` does not scan it again each time.

use crate::data::errors;
use crate::data::native::Raise;
use crate::data::value::Value;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

/// The text of a string or symbol.
#[inline]
pub fn of(string: &Rc<String>) -> &str {
    string.as_str()
}

/// A fresh string, which the program may change.
#[inline]
pub fn value(text: impl Into<String>) -> Value {
    let mut text = text.into();
    if text.capacity() == text.len() {
        text.reserve_exact(1);
    }
    Value::StringV(text.into())
}

/// A string that the program may not change: a literal, or the name of a symbol.
pub fn constant(text: impl Into<String>) -> Value {
    let mut text = text.into();
    text.shrink_to_fit();
    Value::StringV(text.into())
}

/// Whether STRING may be changed. There is no room for a mark beside the text,
/// so a string without spare room is one that may not be changed: [`value`]
/// and [`change`] leave some, [`constant`] and the machine's literals have none.
pub fn is_mutable(string: &Rc<String>) -> bool {
    string.capacity() > string.len() || string.is_empty()
}

/// Guile's error when the string VALUE may not be changed.
pub fn check_mutable(value: &Value) -> Result<(), Raise> {
    match value {
        Value::StringV(string) if !is_mutable(string) => Err(errors::misc_without_procedure(
            "string is read-only: ~s",
            vec![value.clone()],
        )),
        _ => Ok(()),
    }
}

struct Remembered {
    string: Rc<String>,
    ascii: bool,
    characters: usize,
    // Where character COUNT of the last search began, so that walking on is cheap.
    character: usize,
    byte: usize,
}

thread_local! {
    static REMEMBERED: RefCell<Option<Remembered>> = const { RefCell::new(None) };
}

/// Longer strings than this are remembered.
const SHORT: usize = 32;

fn with_remembered<T>(string: &Rc<String>, look: impl FnOnce(&mut Remembered) -> T) -> T {
    REMEMBERED.with(|slot| {
        let mut slot = slot.borrow_mut();
        match slot.as_mut() {
            Some(remembered) if Rc::ptr_eq(&remembered.string, string) => look(remembered),
            _ => {
                let ascii = string.is_ascii();
                let remembered = slot.insert(Remembered {
                    string: string.clone(),
                    ascii,
                    characters: if ascii {
                        string.len()
                    } else {
                        string.chars().count()
                    },
                    character: 0,
                    byte: 0,
                });
                look(remembered)
            }
        }
    })
}

/// How many characters STRING has.
pub fn length(string: &Rc<String>) -> usize {
    if string.len() <= SHORT {
        return if string.is_ascii() {
            string.len()
        } else {
            string.chars().count()
        };
    }
    with_remembered(string, |remembered| remembered.characters)
}

/// Where character INDEX of STRING begins; INDEX may be the length.
pub fn byte_index(string: &Rc<String>, index: usize) -> Option<usize> {
    let count_from = |text: &str, mut index: usize| {
        for (byte, _) in text.char_indices() {
            if index == 0 {
                return Some(byte);
            }
            index -= 1;
        }
        (index == 0).then_some(text.len())
    };
    if string.len() <= SHORT {
        return if string.is_ascii() {
            (index <= string.len()).then_some(index)
        } else {
            count_from(string, index)
        };
    }
    with_remembered(string, |remembered| {
        if remembered.ascii {
            return (index <= string.len()).then_some(index);
        }
        if index < remembered.character {
            remembered.character = 0;
            remembered.byte = 0;
        }
        let byte =
            remembered.byte + count_from(&string[remembered.byte..], index - remembered.character)?;
        remembered.character = index;
        remembered.byte = byte;
        Some(byte)
    })
}

/// Character INDEX of STRING.
#[inline]
pub fn character(string: &Rc<String>, index: usize) -> Option<char> {
    let byte = byte_index(string, index)?;
    let first = *string.as_bytes().get(byte)?;
    if first < 128 {
        return Some(first as char);
    }
    string[byte..].chars().next()
}

/// Characters RANGE of STRING; the range has been checked against the length.
pub fn part(string: &Rc<String>, range: Range<usize>) -> &str {
    let start = byte_index(string, range.start).unwrap_or(string.len());
    let end = if range.end >= length(string) {
        string.len()
    } else {
        byte_index(string, range.end).unwrap_or(string.len())
    };
    &string[start..end]
}

/// Change STRING in place.
pub fn change<T>(string: &Rc<String>, change: impl FnOnce(&mut String) -> T) -> T {
    REMEMBERED.with(|slot| *slot.borrow_mut() = None);
    let text = Rc::as_ptr(string).cast_mut();
    // SAFETY: as `Rc::get_mut_unchecked` asks, no reference into the allocation is
    // alive: natives are the only code that runs on the machine's thread, and the
    // callers of `change` give up what they borrowed from the string before.
    let text = unsafe { &mut *text };
    let result = change(text);
    if text.capacity() == text.len() {
        text.reserve_exact(1);
    }
    result
}

/// Replace character INDEX of STRING; false when there is none.
pub fn set_character(string: &Rc<String>, index: usize, character: char) -> bool {
    let ascii = string.len() <= SHORT && string.is_ascii()
        || string.len() > SHORT && with_remembered(string, |remembered| remembered.ascii);
    if ascii && character.is_ascii() {
        if index >= string.len() {
            return false;
        }
        let text = Rc::as_ptr(string).cast_mut();
        // SAFETY: as in `change`; an ASCII byte replaces an ASCII byte, so the text
        // stays UTF-8 and what is remembered of it stays true.
        unsafe { (&mut *text).as_bytes_mut()[index] = character as u8 };
        return true;
    }
    let Some(byte) = byte_index(string, index).filter(|byte| *byte < string.len()) else {
        return false;
    };
    let old = string[byte..].chars().next().map_or(0, char::len_utf8);
    change(string, |text| {
        text.replace_range(byte..byte + old, character.encode_utf8(&mut [0; 4]));
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_found_in_text_of_any_script() {
        for text in ["abc", "αβγ", &"aλ".repeat(100), &"x".repeat(100)] {
            let string = Rc::new(text.to_string());
            let characters: Vec<char> = text.chars().collect();
            assert_eq!(length(&string), characters.len());
            for index in (0..characters.len()).rev().chain(0..characters.len()) {
                assert_eq!(character(&string, index), Some(characters[index]));
            }
            assert_eq!(character(&string, characters.len()), None);
            assert_eq!(byte_index(&string, characters.len()), Some(text.len()));
        }
    }

    #[test]
    fn a_changed_character_is_seen_through_every_name_of_the_string() {
        let string = Rc::new("a".repeat(50));
        let other = string.clone();
        assert!(set_character(&string, 3, 'λ'));
        assert!(set_character(&string, 4, 'b'));
        assert_eq!(character(&other, 3), Some('λ'));
        assert_eq!(character(&other, 4), Some('b'));
        assert_eq!(length(&other), 50);
        assert!(!set_character(&string, 50, 'x'));
    }
}
