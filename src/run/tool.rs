//! Which program does a run, by its bytes: a version alone says what it calls itself.
//!
//! It is looked at beside the run, once in a process, and waited for at the run's end.

use super::journal::hexadecimal;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::sync::OnceLock;
use std::thread;

static SHA256: OnceLock<Option<String>> = OnceLock::new();

/// Begin to look.
pub fn look() {
    if SHA256.get().is_none() {
        thread::spawn(sha256);
    }
}

/// The SHA-256 of the program that runs; `None` where it cannot be read.
pub fn sha256() -> Option<String> {
    SHA256.get_or_init(|| digest().ok()).clone()
}

fn digest() -> io::Result<String> {
    let mut file = program()?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// The file that this process was started from, also where another has its name now.
#[cfg(target_os = "linux")]
fn program() -> io::Result<File> {
    File::open("/proc/self/exe")
}

/// The file that this process was started from, by its name.
#[cfg(not(target_os = "linux"))]
fn program() -> io::Result<File> {
    File::open(std::env::current_exe()?)
}
