//! The algorithms that manifests and lists of sums name.
//!
//! Ours are SHA-256; the others are there to check what others have recorded.

use md5::Md5;
use ripemd::Ripemd160;
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use std::fmt;

/// How a file is digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// The checksum of POSIX's cksum(1), in decimal.
    Cksum,
    Md5,
    Sha1,
    Rmd160,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512Trunc224,
    Sha512Trunc256,
}

use Algorithm::*;

/// Each with its keyword in our manifests, where mtree has one, further spellings
/// of it, and the names that lists of sums have for it.
const SPELLINGS: &[(Algorithm, &str, &[&str], &[&str])] = &[
    (Cksum, "cksum", &[], &[]),
    (Md5, "md5digest", &["md5"], &["MD5"]),
    (Sha1, "sha1digest", &["sha1"], &["SHA1"]),
    (
        Rmd160,
        "rmd160digest",
        &["rmd160", "ripemd160digest"],
        &["RMD160", "RIPEMD160", "RIPEMD-160"],
    ),
    (Sha224, "", &[], &["SHA224", "SHA2-224"]),
    (Sha256, "sha256digest", &["sha256"], &["SHA256", "SHA2-256"]),
    (Sha384, "sha384digest", &["sha384"], &["SHA384", "SHA2-384"]),
    (Sha512, "sha512digest", &["sha512"], &["SHA512", "SHA2-512"]),
    (
        Sha512Trunc224,
        "",
        &[],
        &["SHA512/224", "SHA512-224", "SHA2-512/224"],
    ),
    (
        Sha512Trunc256,
        "",
        &[],
        &["SHA512/256", "SHA512-256", "SHA512t256", "SHA2-512/256"],
    ),
];

impl Algorithm {
    /// The algorithm that a manifest calls KEYWORD.
    pub fn of_keyword(keyword: &str) -> Option<Algorithm> {
        let known = SPELLINGS
            .iter()
            .find(|(_, ours, others, _)| *ours == keyword || others.contains(&keyword));
        known.map(|known| known.0).filter(|_| !keyword.is_empty())
    }

    /// Its keyword in our manifests.
    pub fn keyword(self) -> &'static str {
        self.spelling().1
    }

    /// The algorithm that a list of sums calls NAME.
    pub fn of_name(name: &str) -> Option<Algorithm> {
        let known = SPELLINGS.iter().find(|known| known.3.contains(&name));
        known.map(|known| known.0)
    }

    /// The algorithm whose digests have so many hexadecimal digits, as lists of sums
    /// without a name have them.
    pub fn of_digits(digits: usize) -> Option<Algorithm> {
        [Md5, Sha1, Sha224, Sha256, Sha384, Sha512]
            .into_iter()
            .find(|algorithm| algorithm.digits() == digits)
    }

    /// How many hexadecimal digits its digests have.
    pub fn digits(self) -> usize {
        match self {
            Cksum => 0,
            Md5 => 32,
            Sha1 | Rmd160 => 40,
            Sha224 | Sha512Trunc224 => 56,
            Sha256 | Sha512Trunc256 => 64,
            Sha384 => 96,
            Sha512 => 128,
        }
    }

    fn spelling(
        self,
    ) -> &'static (
        Algorithm,
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
    ) {
        let known = SPELLINGS.iter().find(|known| known.0 == self);
        known.expect("every algorithm has its line")
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spelling = self.spelling();
        formatter.write_str(spelling.3.first().unwrap_or(&spelling.1))
    }
}

/// Takes bytes and gives their digest.
pub(super) enum Hasher {
    Cryptographic(Box<dyn DynDigest + Send>),
    /// The checksum so far and the number of bytes.
    Cksum(crc::Digest<'static, u32>, u64),
}

static CKSUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_CKSUM);

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Hasher {
        Hasher::Cryptographic(match algorithm {
            Cksum => return Hasher::Cksum(CKSUM.digest(), 0),
            Md5 => Box::new(<Md5 as Default>::default()),
            Sha1 => Box::new(<Sha1 as Default>::default()),
            Rmd160 => Box::new(<Ripemd160 as Default>::default()),
            Sha224 => Box::new(<Sha224 as Default>::default()),
            Sha256 => Box::new(<Sha256 as Default>::default()),
            Sha384 => Box::new(<Sha384 as Default>::default()),
            Sha512 => Box::new(<Sha512 as Default>::default()),
            Sha512Trunc224 => Box::new(<Sha512_224 as Default>::default()),
            Sha512Trunc256 => Box::new(<Sha512_256 as Default>::default()),
        })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Cryptographic(hasher) => hasher.update(bytes),
            Hasher::Cksum(digest, count) => {
                digest.update(bytes);
                *count += bytes.len() as u64;
            }
        }
    }

    /// The digest as it is written: hexadecimal digits, or cksum's number.
    pub(super) fn finish(self) -> String {
        match self {
            Hasher::Cryptographic(hasher) => hasher
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            Hasher::Cksum(mut digest, mut count) => {
                // POSIX: the length follows the contents, its lowest byte first.
                while count > 0 {
                    digest.update(&[count as u8]);
                    count >>= 8;
                }
                digest.finalize().to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_gives_its_published_digest_of_abc() {
        for (algorithm, digest) in [
            // RFC 1321, RFC 3174, RIPEMD-160's paper, FIPS 180-4; POSIX's by cksum.
            (Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Rmd160, "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
            (
                Sha224,
                "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
            ),
            (
                Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Sha512Trunc256,
                "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
            ),
            (Cksum, "1219131554"),
        ] {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"a");
            hasher.update(b"bc");
            let found = hasher.finish();
            assert_eq!(found, digest, "{algorithm}");
            assert!(matches!(algorithm, Cksum) || found.len() == algorithm.digits());
        }
    }
}
