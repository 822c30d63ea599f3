//! The record from which a store path is made, and the one function that
//! writes it down.
//!
//! What goes in (object kind, display name, output, payload identity, a marker
//! of the scheme), SHA-256 over it and 160 visible bits follow Fruix's policy
//! of 2026-04-05. **How the record is written down is ours**, because Fruix's
//! way is not published: the paths made here are not those that Fruix makes.

use super::StoreError;
use super::path::StorePath;
use sha2::{Digest, Sha256};

/// The marker of our way to write the record down. Whoever changes a byte of
/// [`Identity::text`] changes this.
pub const SCHEME: &str = "fruix-scm-store-identity-1";

/// What makes an item itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Such as `system`, `source` or `image`.
    pub kind: String,
    pub name: String,
    /// The empty string for the main output.
    pub output: String,
    /// The digest of the contents, or of the manifest, or of the inputs.
    pub payload: String,
}

impl Identity {
    /// The record as text, a line a field; no field can hold a newline.
    fn text(&self) -> String {
        let Identity {
            kind,
            name,
            output,
            payload,
        } = self;
        format!("{SCHEME}\nkind {kind}\nname {name}\noutput {output}\npayload {payload}\n")
    }

    /// The item's path: the first 160 bits of the record's SHA-256, and the name.
    pub fn path(&self) -> Result<StorePath, StoreError> {
        for (field, value) in [
            ("kind", &self.kind),
            ("name", &self.name),
            ("output", &self.output),
            ("payload", &self.payload),
        ] {
            let allowed =
                |character: char| character.is_ascii_alphanumeric() || "+-._?=".contains(character);
            let empty = value.is_empty() && field != "output";
            if empty || !value.chars().all(allowed) {
                return Err(StoreError::Identity {
                    field,
                    value: value.clone(),
                });
            }
        }
        let digest = Sha256::digest(self.text().as_bytes());
        let hash: String = digest[..20]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let separator = if self.output.is_empty() { "" } else { "-" };
        let base = format!("{hash}-{}{separator}{}", self.name, self.output);
        Ok(StorePath::from_base(&base)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            kind: "source".into(),
            name: "freebsd-source-default".into(),
            output: String::new(),
            payload: "00".repeat(32),
        }
    }

    #[test]
    fn the_record_is_written_down_as_it_was() {
        // Whoever must change this line changes SCHEME as well.
        assert_eq!(
            identity().path().unwrap().base(),
            "2c20aa964af913b3fdcd800844052429ff3a1cbc-freebsd-source-default"
        );
    }

    #[test]
    fn every_field_counts() {
        let base = identity().path().unwrap();
        for change in [
            |identity: &mut Identity| identity.kind = "system".into(),
            |identity: &mut Identity| identity.name = "other".into(),
            |identity: &mut Identity| identity.output = "debug".into(),
            |identity: &mut Identity| identity.payload = "11".repeat(32),
        ] {
            let mut changed = identity();
            change(&mut changed);
            assert_ne!(changed.path().unwrap().hash(), base.hash());
        }
    }

    #[test]
    fn a_field_that_could_be_two_is_refused() {
        let mut odd = identity();
        odd.kind = "source\nname x".into();
        assert!(odd.path().is_err());
    }
}
