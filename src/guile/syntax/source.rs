//! The texts that programs come from, and places in them.

use crate::syntax::span::Span;
use std::cell::RefCell;
use std::rc::Rc;

/// A text with its name.
pub struct Source {
    pub name: String,
    pub text: Rc<str>,
}

thread_local! {
    static SOURCES: RefCell<Vec<Rc<Source>>> = const { RefCell::new(Vec::new()) };
}

/// Remember TEXT under NAME; the number that spans carry.
pub fn add(name: &str, text: Rc<str>) -> u32 {
    SOURCES.with(|sources| {
        let mut sources = sources.borrow_mut();
        sources.push(Rc::new(Source {
            name: name.to_owned(),
            text,
        }));
        sources.len() as u32 - 1
    })
}

/// The source with NUMBER.
pub fn get(number: u32) -> Option<Rc<Source>> {
    SOURCES.with(|sources| sources.borrow().get(number as usize).cloned())
}

/// The number of the text that was last remembered as NAME.
pub fn called(name: &str) -> Option<u32> {
    SOURCES.with(|sources| {
        let position = sources
            .borrow()
            .iter()
            .rposition(|source| source.name == name)?;
        u32::try_from(position).ok()
    })
}

/// The texts that were remembered after the first COUNT, with their names: those
/// of files and of modules among them.
pub fn after(count: usize) -> Vec<Rc<Source>> {
    SOURCES.with(|sources| {
        sources
            .borrow()
            .get(count..)
            .map(<[_]>::to_vec)
            .unwrap_or_default()
    })
}

/// The place in the text that was last remembered as FILE, in its LINE, counted from 1,
/// and COLUMN, in characters from 0: an empty stretch.
pub fn at(file: &str, line: u32, column: u32) -> Option<Span> {
    SOURCES.with(|sources| {
        let sources = sources.borrow();
        let (number, source) = sources
            .iter()
            .enumerate()
            .rfind(|(_, source)| source.name == file)?;
        let before: usize = source
            .text
            .split_inclusive('\n')
            .take(line.checked_sub(1)? as usize)
            .map(str::len)
            .sum();
        let here = source.text.get(before..)?;
        let column = here.char_indices().nth(column as usize)?.0;
        let start = u32::try_from(before + column).ok()?;
        Some(Span {
            source: number as u32,
            start,
            end: start,
        })
    })
}

/// A place as Guile counts: lines from 1, columns from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub text: String,
}

impl Span {
    /// Whether this is a part of WHOLE, or all of it.
    pub fn within(self, whole: Span) -> bool {
        self.source == whole.source && self.start >= whole.start && self.end <= whole.end
    }

    /// Where this span begins.
    pub fn place(self) -> Option<Place> {
        let source = get(self.source)?;
        let (line, column) = line_and_column(&source.text, self.start as usize);
        let text = source
            .text
            .lines()
            .nth(line as usize - 1)
            .unwrap_or_default();
        Some(Place {
            file: source.name.clone(),
            line,
            column,
            text: text.to_owned(),
        })
    }
}

/// The line, from 1, and the column in characters, from 0, of OFFSET in TEXT.
pub fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() as u32 + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count() as u32;
    (line, column)
}
