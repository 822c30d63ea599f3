//! What was entered, in pieces: forms and commands as they follow each other.
//!
//! A line may hold several, and a paste many lines. Each piece is done before the next
//! one is looked at, so what is wrong in one takes nothing from those before it.

use crate::guile::SyntaxBuilder;
use crate::guile::interpreter::Interpreter;
use crate::guile::reader::Reader;
use std::ops::Range;

/// One thing to do, where it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A form.
    Form(Range<usize>),
    /// A command, without its comma.
    Command(Range<usize>),
    /// The rest, which cannot be read.
    Unreadable(Range<usize>),
    /// The rest, which needs more text to be whole.
    Begun,
}

/// The piece of TEXT that begins at byte FROM or behind it.
pub fn next(text: &str, from: usize) -> Option<Piece> {
    let rest = &text[from..];
    let start = from + rest.len() - rest.trim_start().len();
    if text[start..].starts_with(',') {
        return Some(command(text, start + 1));
    }
    let mut reader = Reader::new(text, 0);
    reader.skip_to(start);
    match reader.read(&mut SyntaxBuilder::default()) {
        Ok(Some(_)) => Some(Piece::Form(start..reader.position())),
        Ok(None) => None,
        Err(error) if error.incomplete => Some(Piece::Begun),
        Err(_) => Some(Piece::Unreadable(start..text.len())),
    }
}

/// The command that begins at START, behind its comma: up to the end of the line on
/// which its last form is whole.
fn command(text: &str, start: usize) -> Piece {
    let rest = &text[start..];
    let ends = rest.match_indices('\n').map(|(index, _)| index);
    match ends
        .chain([rest.len()])
        .find(|end| is_complete(&rest[..*end]))
    {
        Some(end) => Piece::Command(start..start + end),
        None => Piece::Begun,
    }
}

/// Whether TEXT, a command without its comma, needs no further line: its forms are whole.
fn is_complete(text: &str) -> bool {
    if let Some((_, count)) = DATA.iter().find(|(name, _)| {
        text.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(char::is_whitespace))
    }) {
        // The name is a datum, too.
        return forms(text) > *count;
    }
    // An apostrophe in a name is no quote that waits for its datum.
    !text.contains(['(', '"', '[']) || Interpreter::is_complete(text)
}

/// The commands behind which so many data follow, over as many lines as they take: an editor
/// sends them.
const DATA: [(&str, usize); 1] = [("geiser-eval", 3)];

/// How many whole forms are at the beginning of TEXT.
fn forms(text: &str) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some(Piece::Form(range)) = next(text, at) {
        at = range.end;
        count += 1;
    }
    count
}

/// Whether TEXT can be done, or more must be typed.
pub fn is_whole(text: &str) -> bool {
    let mut at = 0;
    while let Some(piece) = next(text, at) {
        match piece {
            Piece::Form(range) | Piece::Command(range) => at = range.end,
            Piece::Unreadable(_) => return true,
            Piece::Begun => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of TEXT, each as it stands there.
    fn pieces(text: &str) -> Vec<String> {
        let (mut at, mut found) = (0, Vec::new());
        while let Some(piece) = next(text, at) {
            let (kind, range) = match piece {
                Piece::Form(range) => ("form", range),
                Piece::Command(range) => ("command", range),
                Piece::Unreadable(range) => ("unreadable", range),
                Piece::Begun => {
                    found.push("begun".to_owned());
                    break;
                }
            };
            at = range.end;
            found.push(format!("{kind} {}", &text[range]));
        }
        found
    }

    #[test]
    fn forms_and_commands_follow_each_other() {
        for (text, expected) in [
            ("", vec![]),
            (" ; nothing\n", vec![]),
            ("1 (a b) \"c\"", vec!["form 1", "form (a b)", "form \"c\""]),
            (",q", vec!["command q"]),
            ("'x ,pp '(a b)", vec!["form 'x", "command pp '(a b)"]),
            (",use (a)\n'done", vec!["command use (a)", "form 'done"]),
            (",pp (a\nb)\n(c", vec!["command pp (a\nb)", "begun"]),
            (",pp (a\nb", vec!["begun"]),
            (",d don't", vec!["command d don't"]),
            (
                ",geiser-eval (m) (a\nb)\n ()\n1",
                vec!["command geiser-eval (m) (a\nb)\n ()", "form 1"],
            ),
            (",geiser-eval (m) (a\nb)\n", vec!["begun"]),
            ("(a) )", vec!["form (a)", "unreadable )"]),
            ("(a) (b", vec!["form (a)", "begun"]),
            // A comma that does not come first is Scheme's.
            ("#| a |# ,q", vec!["form #| a |# ,q"]),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_is_whole_when_its_last_piece_is() {
        for (text, whole) in [
            ("(a) ,pp (b", false),
            ("(a)\n(b", false),
            ("(a))", true),
            ("", true),
        ] {
            assert_eq!(is_whole(text), whole, "{text}");
        }
    }
}
