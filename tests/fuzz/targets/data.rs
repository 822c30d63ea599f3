//! Any bytes as data: the reader gives a value or an error.
#![no_main]

use fruix_scm::guile::{reader, vm};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        vm::on_large_stack(|| {
            let _ = reader::is_complete(text);
            drop(reader::read_value(text));
        });
    }
});
