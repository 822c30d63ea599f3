//! Text from outside, made fit to be shown.
//!
//! A host, a guest or a file may hold anything: sequences that command a terminal,
//! ends of lines that forge a verdict, letters that reorder what is read. Whoever
//! puts such text into a message, a record or a report makes it visible first.

/// TEXT with everything that could command a terminal, begin a line or reorder what
/// is read spelled out. Tabs stay.
///
/// ```
/// use fruix_scm::visible::escape;
/// assert_eq!(escape("a\x1b[2Jb\tλ\r\nPASS"), "a\\x1b[2Jb\tλ\\x0d\\x0aPASS");
/// ```
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '\t' || !(letter.is_control() || misleads(letter)) {
            safe.push(letter);
        } else if (letter as u32) < 0x100 {
            safe.push_str(&format!("\\x{:02x}", letter as u32));
        } else {
            safe.push_str(&format!("\\u{{{:x}}}", letter as u32));
        }
    }
    safe
}

/// URL without user and password, which do not belong there and are not to be shown.
///
/// ```
/// use fruix_scm::visible::without_user;
/// assert_eq!(without_user("https://root:word@xcp/a@b"), "https://…@xcp/a@b");
/// assert_eq!(without_user("https://xcp:443"), "https://xcp:443");
/// ```
pub fn without_user(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}…{}", &rest[at..]),
        None => url.to_owned(),
    }
}

/// Whether LETTER reorders what is read, ends a line, or is none that a document of XML
/// or HTML may hold.
fn misleads(letter: char) -> bool {
    let code = letter as u32;
    if code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code) {
        return true;
    }
    matches!(letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
