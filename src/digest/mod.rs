//! SHA-256 of files and trees, and what a tree weighs.
//!
//! A tree's digest is that of its manifest: one line an entry, in the language
//! of mtree(5), sorted by bytes, no comments, no times, no owners. So the same
//! tree has the same digest wherever it lies, and FreeBSD's `mtree` can check
//! it. [`Tree::read`] looks and hashes, in parallel; [`Manifest`] reads what
//! was recorded, ours or mtree's or a METALOG; [`compare`] explains, and [`likeness`]
//! does of two files; [`check`] looks whether everything that was recorded still holds.
//!
//! Left out: the identity that Fruix gives a source tree. It is made of
//! `mtree -c` output whose keywords are not published.
//!
//! Source: mtree(5), vis(3).

mod accounts;
mod algorithm;
mod compare;
mod conform;
mod file;
pub mod likeness;
mod manifest;
pub mod primitives;
mod sums;
mod tree;
mod walk;

pub use algorithm::Algorithm;
pub use compare::{Difference, compare};
use file::digest_of_file;
pub use file::{sha256_of_file, sha256_of_range};
pub use manifest::{Manifest, Record};
pub use sums::{Checked, Checklist, check, line};
pub use tree::{Entry, Kind, Size, Tree, size};

use crate::failure::{Failure, Key};
use sha2::Digest as _;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

/// A SHA-256 digest; shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The digest of BYTES.
    ///
    /// ```
    /// use fruix_scm::digest::Sha256;
    /// assert!(Sha256::of(b"").to_string().starts_with("e3b0c44298fc1c14"));
    /// ```
    pub fn of(bytes: &[u8]) -> Self {
        Sha256(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        formatter.write_str(std::str::from_utf8(&text).expect("digits are ASCII"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Debug, PartialEq, Eq)]
pub struct NotADigest;

impl FromStr for Sha256 {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(NotADigest);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let digit = |index: usize| (pair[index] as char).to_digit(16).ok_or(NotADigest);
            *byte = (digit(0)? * 16 + digit(1)?) as u8;
        }
        Ok(Sha256(bytes))
    }
}

/// Why something could not be hashed or compared.
#[derive(Debug)]
pub enum DigestError {
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A byte range goes beyond the end of the file.
    Range {
        path: PathBuf,
        end: u64,
        size: u64,
    },
    /// A recorded manifest or list of sums cannot be understood.
    Recorded {
        path: PathBuf,
        line: usize,
        why: String,
    },
    /// A manifest does not record all that makes a tree's digest.
    Incomplete {
        why: String,
    },
    Interrupted {
        path: PathBuf,
    },
}

impl DigestError {
    fn io(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        DigestError::Io {
            doing,
            path: path.into(),
            source,
        }
    }
}

impl fmt::Display for DigestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DigestError::Io {
                doing,
                path,
                source,
            } => write!(formatter, "cannot {doing} `{}`: {source}", path.display()),
            DigestError::Range { path, end, size } => write!(
                formatter,
                "cannot hash `{}` up to byte {end}: it has {size}",
                path.display()
            ),
            DigestError::Recorded { path, line, why } => write!(
                formatter,
                "cannot understand line {line} of `{}`: {why}",
                path.display()
            ),
            DigestError::Incomplete { why } => {
                write!(
                    formatter,
                    "cannot tell the digest of a tree by a manifest: {why}"
                )
            }
            DigestError::Interrupted { path } => {
                write!(formatter, "interrupted: hashing `{}`", path.display())
            }
        }
    }
}

impl std::error::Error for DigestError {}

impl From<DigestError> for Failure {
    fn from(error: DigestError) -> Self {
        let message = error.to_string();
        let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
        match error {
            DigestError::Interrupted { path } => {
                Failure::interrupted(&format!("hashing `{}`", path.display()))
            }
            DigestError::Io { path, source, .. } => Failure::new(Key::Digest, message)
                .detail("path", shown(&path))
                .cause(source),
            DigestError::Incomplete { .. } => Failure::new(Key::Digest, message)
                .hint("record it with mtree -c -k type,mode,link,size,device,sha256digest"),
            DigestError::Range { path, .. } => {
                Failure::new(Key::Digest, message).detail("path", shown(&path))
            }
            DigestError::Recorded { path, line, .. } => Failure::new(Key::Digest, message)
                .detail("path", shown(&path))
                .detail("line", line as i64)
                .hint("an mtree(5) manifest and lists as sha256sum or sha256 print them are understood"),
        }
    }
}
