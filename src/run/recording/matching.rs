//! Whether a call that is asked is one that was recorded.
//!
//! Both are canonical data, so they are the same when they are equal. But where a secret
//! was hidden in the recording the program may ask with the secret itself, which stands in
//! its text or its settings: then the placeholder stands for it.

use crate::secrets;
use serde_json::Value as Json;

/// What every placeholder begins with, in whichever text it stands.
const MARK: &str = "[secret:";

/// What stands for a text of BYTES bytes with DIGEST that is kept apart.
pub fn apart(digest: &str, bytes: usize) -> String {
    format!("[apart: sha256 {digest}, {bytes} bytes]")
}

/// The digest of a text that is not whole in a recording: of the whole text, of which
/// RECORDED has the ends or nothing.
pub fn digest_of_whole(recorded: &str) -> Option<&str> {
    let (_, rest) = recorded.split_once("sha256 ")?;
    let digest = rest.get(..64)?;
    let is_told = recorded.starts_with("[apart: ") || rest.get(64..)?.starts_with(" …]\n");
    (is_told && digest.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digest)
}

/// Whether ASKED is what RECORDED was. What placeholders stand for is put into LEARNT,
/// as kinds and texts.
pub fn same(recorded: &Json, asked: &Json, learnt: &mut Vec<(String, String)>) -> bool {
    match (recorded, asked) {
        (Json::String(recorded), Json::String(asked)) => {
            recorded == asked
                || (recorded.contains(MARK) && with_secrets(recorded, asked, learnt))
                || digest_of_whole(recorded)
                    .is_some_and(|digest| digest == super::sha256(asked.as_bytes()))
        }
        (Json::Array(recorded), Json::Array(asked)) => {
            recorded.len() == asked.len()
                && recorded
                    .iter()
                    .zip(asked)
                    .all(|(recorded, asked)| same(recorded, asked, learnt))
        }
        (Json::Object(recorded), Json::Object(asked)) => {
            recorded.len() == asked.len()
                && recorded.iter().all(|(name, recorded)| {
                    asked
                        .get(name)
                        .is_some_and(|asked| same(recorded, asked, learnt))
                })
        }
        (recorded, asked) => recorded == asked,
    }
}

/// Whether RECORDED, which has placeholders, is ASKED, or is but for how a shell's words
/// are quoted: a secret may need quotes where its placeholder needs none, and the other way
/// round.
fn with_secrets(recorded: &str, asked: &str, learnt: &mut Vec<(String, String)>) -> bool {
    let unquoted = |text: &str| text.replace(['\'', '"', '\\'], "");
    stands_for(recorded, asked, learnt)
        || stands_for(&unquoted(recorded), &unquoted(asked), &mut Vec::new())
}

/// Whether RECORDED becomes ASKED where each placeholder is some text.
fn stands_for(recorded: &str, asked: &str, learnt: &mut Vec<(String, String)>) -> bool {
    let Some((before, rest)) = recorded.split_once(MARK) else {
        return recorded == asked;
    };
    let (Some(asked), Some((name, rest))) =
        (asked.strip_prefix(before), rest.split_once(secrets::END))
    else {
        return false;
    };
    // The text goes on to where what follows the placeholder is found.
    let next = rest.split(MARK).next().unwrap_or_default();
    let ends: Vec<usize> = match (next, rest) {
        ("", "") => vec![asked.len()],
        ("", _) => (0..=asked.len()).collect(),
        (next, _) => asked.match_indices(next).map(|(place, _)| place).collect(),
    };
    for end in ends.into_iter().filter(|end| asked.is_char_boundary(*end)) {
        let known = learnt.len();
        let kind = name
            .trim_matches([' ', '-'])
            .trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
        learnt.push((kind.to_owned(), asked[..end].to_owned()));
        if stands_for(rest, &asked[end..], learnt) {
            return true;
        }
        learnt.truncate(known);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_placeholder_stands_for_what_is_asked_in_its_place() {
        let mut learnt = Vec::new();
        let recorded = json!(["curl", "-u", "root:[secret: password 1]@host", {"s": "x"}]);
        let asked = json!(["curl", "-u", "root:tiger@host", {"s": "x"}]);
        assert!(same(&recorded, &asked, &mut learnt));
        assert_eq!(learnt, [("password".to_owned(), "tiger".to_owned())]);
        let other = json!(["curl", "-u", "root:tiger@others", {"s": "x"}]);
        assert!(!same(&recorded, &other, &mut Vec::new()));
        assert!(same(&recorded, &recorded, &mut Vec::new()));
    }

    #[test]
    fn how_a_secret_is_quoted_for_a_shell_is_no_difference() {
        let recorded = json!("sh -c 'printf %s '\\''[secret: password 1]'\\'' | wc'");
        let asked = json!("sh -c 'printf %s '\\'[secret: password 1]\\'' | wc'");
        assert!(same(&recorded, &asked, &mut Vec::new()));
    }

    #[test]
    fn other_data_are_the_same_when_they_are_equal() {
        assert!(same(&json!([1, null]), &json!([1, null]), &mut Vec::new()));
        assert!(!same(&json!([1]), &json!([1, 2]), &mut Vec::new()));
        assert!(!same(
            &json!({"s": "a"}),
            &json!({"n": "a"}),
            &mut Vec::new()
        ));
        assert!(!same(&json!("a"), &json!(["a"]), &mut Vec::new()));
    }
}
