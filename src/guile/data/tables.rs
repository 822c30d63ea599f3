//! The hash tables of the interpreter itself.
//!
//! Their keys are numbers and short names, most of them put in at start-up,
//! where the standard library's hash function is felt.

/// A hash table with a fast hash function, seeded anew in every process.
pub type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
