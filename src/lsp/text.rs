//! A text and its lines, in the units that editors count in.
//!
//! The protocol counts lines and, within a line, UTF-16 code units: a character beyond
//! U+FFFF is two of them. A place beyond a line's end is that end.
//!
//! Source: Language Server Protocol 3.17, "Position".

use std::ops::Range;

/// A place as an editor counts: both from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u32,
    /// In UTF-16 code units.
    pub column: u32,
}

/// A text with the beginnings of its lines.
#[derive(Clone, Debug, Default)]
pub struct Text {
    text: String,
    lines: Vec<usize>,
}

impl Text {
    pub fn new(text: String) -> Text {
        let ends = text.match_indices('\n').map(|(end, _)| end + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Text { text, lines }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many lines there are; the last may be empty.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// Where line NUMBER begins and ends, without its line break.
    pub fn line(&self, number: usize) -> Range<usize> {
        let Some(&start) = self.lines.get(number) else {
            return self.text.len()..self.text.len();
        };
        let end = self
            .lines
            .get(number + 1)
            .map_or(self.text.len(), |next| next - 1);
        let end = end - usize::from(self.text[start..end].ends_with('\r'));
        start..end
    }

    /// The number of the line that byte OFFSET is in.
    pub fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset) - 1
    }

    /// Where byte OFFSET is.
    pub fn place(&self, offset: usize) -> Place {
        let offset = floor(&self.text, offset);
        let line = self.line_of(offset);
        let column = self.text[self.lines[line]..offset].encode_utf16().count();
        Place {
            line: line as u32,
            column: column as u32,
        }
    }

    /// The byte offset of PLACE; the end of the line or of the text where it is beyond.
    pub fn offset(&self, place: Place) -> usize {
        let range = self.line(place.line as usize);
        let mut units = 0;
        for (index, letter) in self.text[range.clone()].char_indices() {
            units += letter.len_utf16() as u32;
            // A place in the middle of a character is its beginning.
            if units > place.column {
                return range.start + index;
            }
        }
        range.end
    }

    /// Put NEW where the text from FROM to TO stood.
    pub fn replace(&mut self, from: Place, to: Place, new: &str) {
        let from = self.offset(from);
        let to = self.offset(to).max(from);
        let mut text = std::mem::take(&mut self.text);
        text.replace_range(from..to, new);
        *self = Text::new(text);
    }
}

/// OFFSET, or the beginning of the character that it is inside of.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u32, column: u32) -> Place {
        Place { line, column }
    }

    #[test]
    fn places_are_counted_in_utf_16() {
        let text = Text::new("a𝒳é\r\n(λ)\n".to_owned());
        for (offset, at) in [
            (0, place(0, 0)),
            (1, place(0, 1)),
            (5, place(0, 3)),
            (7, place(0, 4)),
            (9, place(1, 0)),
            (12, place(1, 2)),
            (14, place(2, 0)),
        ] {
            assert_eq!(text.place(offset), at, "{offset}");
            assert_eq!(text.offset(at), offset, "{at:?}");
        }
        assert_eq!(text.offset(place(0, 2)), 1, "inside of a character");
        assert_eq!(text.offset(place(0, 99)), 7);
        assert_eq!(text.offset(place(99, 99)), 14);
        assert_eq!(text.place(3), place(0, 1));
    }

    #[test]
    fn a_change_replaces_what_it_covers() {
        let mut text = Text::new("one\ntwo\nthree".to_owned());
        text.replace(place(0, 2), place(2, 1), "𝒳\n");
        assert_eq!(text.as_str(), "on𝒳\nhree");
        assert_eq!(text.line_count(), 2);
        text.replace(place(7, 0), place(3, 3), "!");
        assert_eq!(text.as_str(), "on𝒳\nhree!");
    }
}
