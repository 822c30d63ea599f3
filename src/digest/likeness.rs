//! In what two files differ that were to be the same.
//!
//! Most builds that cannot be repeated to the byte differ in a few known places: where a
//! linker writes the time, or what it has made up for a name. Differences there are told
//! apart from those in what was built. Whoever wants to know more asks diffoscope.
//!
//! Source: the ELF specification, elf(5); the PE format as Microsoft documents it; ar(5);
//! RFC 1952.

mod formats;

use std::fmt;
use std::ops::Range;

/// One way in which two files differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Bytes of a place of which it is known what stands there.
    Known { what: Place, at: Range<usize> },
    /// A date or a time in text.
    DateText { at: Range<usize> },
    /// One bit.
    Bit { byte: usize, bit: u32 },
    /// So many bytes, the first of them at FIRST, in the section of that name.
    Bytes {
        count: usize,
        first: usize,
        section: Option<String>,
    },
    /// One is longer.
    Length { before: usize, after: usize },
}

/// Places that are not what was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    ElfBuildId,
    ElfDebugLink,
    PeTimeStamp,
    PeCheckSum,
    ArchiveTimeStamp,
    GzipTimeStamp,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Place::ElfBuildId => "ELF build identifier",
            Place::ElfDebugLink => "ELF debug link",
            Place::PeTimeStamp => "PE time stamp",
            Place::PeCheckSum => "PE checksum",
            Place::ArchiveTimeStamp => "time stamp of an archive's member",
            Place::GzipTimeStamp => "gzip time stamp",
        })
    }
}

impl Cause {
    /// Whether what was built is the same in spite of it.
    pub fn is_harmless(&self) -> bool {
        matches!(self, Cause::Known { .. } | Cause::DateText { .. })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |at: &Range<usize>| format!("bytes {} to {}", at.start, at.end - 1);
        match self {
            Cause::Known { what, at } => write!(formatter, "{what} ({})", bytes(at)),
            Cause::DateText { at } => write!(formatter, "a date or time in text ({})", bytes(at)),
            Cause::Bit { byte, bit } => write!(formatter, "one bit: bit {bit} of byte {byte}"),
            Cause::Bytes {
                count,
                first,
                section,
            } => {
                write!(formatter, "{count} bytes, the first of them byte {first}")?;
                match section {
                    Some(section) => write!(formatter, ", in section {section}"),
                    None => Ok(()),
                }
            }
            Cause::Length { before, after } => {
                write!(formatter, "it had {before} bytes, and has {after}")
            }
        }
    }
}

/// More pieces than these are not looked at one by one.
const MOST_PIECES: usize = 10_000;

/// In what BEFORE and AFTER differ; nothing when they are the same.
pub fn causes(before: &[u8], after: &[u8]) -> Vec<Cause> {
    let pieces = pieces(before, after);
    let places = [formats::places(before), formats::places(after)];
    let known = |piece: &Range<usize>| known(&places, before, after, piece);
    let mut causes = Vec::new();
    if before.len() != after.len() {
        causes.push(Cause::Length {
            before: before.len(),
            after: after.len(),
        });
    }
    if let ([piece], true) = (&pieces[..], before.len() == after.len())
        && piece.len() == 1
        && let flipped = before[piece.start] ^ after[piece.start]
        && flipped.count_ones() == 1
        && known(piece).is_none()
    {
        return vec![Cause::Bit {
            byte: piece.start,
            bit: flipped.trailing_zeros(),
        }];
    }
    let mut left: Vec<Range<usize>> = Vec::new();
    if pieces.len() <= MOST_PIECES && before.len() == after.len() {
        for piece in pieces {
            match known(&piece) {
                Some(cause) if causes.contains(&cause) => {}
                Some(cause) => causes.push(cause),
                None => left.push(piece),
            }
        }
    } else {
        left = pieces;
    }
    // What is left is told by section, in the order of the file.
    let sections = formats::sections(before);
    for piece in left {
        let here = sections
            .iter()
            .find(|(_, at)| at.contains(&piece.start))
            .map(|(name, _)| name.clone());
        match causes.last_mut() {
            Some(Cause::Bytes { count, section, .. }) if *section == here => *count += piece.len(),
            _ => causes.push(Cause::Bytes {
                count: piece.len(),
                first: piece.start,
                section: here,
            }),
        }
    }
    causes
}

/// The pieces in which both differ as far as both go.
fn pieces(before: &[u8], after: &[u8]) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for (at, (one, other)) in before.iter().zip(after).enumerate() {
        if one == other {
            continue;
        }
        match pieces.last_mut() {
            Some(piece) if piece.end == at => piece.end += 1,
            _ => pieces.push(at..at + 1),
        }
    }
    pieces
}

/// What stands at PIECE in both, where that is known.
fn known(
    places: &[Vec<(Place, Range<usize>)>; 2],
    before: &[u8],
    after: &[u8],
    piece: &Range<usize>,
) -> Option<Cause> {
    let [one, other] = places.each_ref().map(|places| {
        places
            .iter()
            .find(|(_, at)| at.start <= piece.start && piece.end <= at.end)
    });
    match (one, other) {
        (Some(one), Some(other)) if one == other => Some(Cause::Known {
            what: one.0,
            at: one.1.clone(),
        }),
        _ => dated(before, after, piece).map(|at| Cause::DateText { at }),
    }
}

/// How dates and times are written: `d` is a digit, `p` that or a space, `M` and `m` are
/// letters.
const DATES: [&[u8]; 4] = [
    b"dd:dd:dd",
    b"Mmm pd dddd",
    b"dddd-dd-dd",
    b"ddddddddTdddddd",
];

/// Where a date or time stands in both that PIECE is in.
fn dated(before: &[u8], after: &[u8], piece: &Range<usize>) -> Option<Range<usize>> {
    for pattern in DATES {
        let first = piece.end.saturating_sub(pattern.len());
        for start in first..=piece.start {
            let at = start..start + pattern.len();
            let is_date = |bytes: &[u8]| {
                bytes.get(at.clone()).is_some_and(|text| {
                    text.iter()
                        .zip(pattern)
                        .all(|(byte, sign)| fits(*byte, *sign))
                })
            };
            if is_date(before) && is_date(after) {
                return Some(at);
            }
        }
    }
    None
}

fn fits(byte: u8, sign: u8) -> bool {
    match sign {
        b'd' => byte.is_ascii_digit(),
        b'p' => byte.is_ascii_digit() || byte == b' ',
        b'M' => byte.is_ascii_uppercase(),
        b'm' => byte.is_ascii_lowercase(),
        sign => byte == sign,
    }
}

#[cfg(test)]
mod tests;
