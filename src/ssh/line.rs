//! Command lines that every login shell passes on as they are.
//!
//! sshd gives a command to the user's login shell, which need not be a POSIX one:
//! csh expands `!` even in single quotes and ends a line at a newline, fish reads
//! backslashes before quotes. So nothing of a command stands in that line as it
//! is: what is not a plain letter is written in octal, for `printf` of /bin/sh,
//! which then reads it. What is longer than a line may be goes over standard
//! input. A mark on both streams tells where the command's own output begins:
//! whatever the shell's start-up files print comes before it.
//!
//! Source: POSIX.1-2017, `printf`, "%b"; csh(1), "History substitutions".

/// Longer commands go over standard input: one argument may have 128 KiB on Linux,
/// and servers take packets of 256 KiB.
const LONGEST: usize = 24 << 10;

/// What to send so that /bin/sh runs a command.
#[derive(Debug)]
pub(super) struct Line {
    /// For the login shell.
    pub text: String,
    /// What comes first on standard input.
    pub input: Vec<u8>,
}

/// COMMAND, a text for /bin/sh, as a line for any login shell. MARK, a word, and
/// the number of the command's process group are printed on both streams first.
pub(super) fn line(command: &str, mark: &str) -> Line {
    let announce = format!("echo {mark} $$; echo {mark} $$ >&2");
    let octal = in_octal(command);
    if octal.len() <= LONGEST {
        return Line {
            text: format!(
                "exec /bin/sh -c '{announce}; eval \"$(printf %b \"$1\")\"' sh '{octal}'"
            ),
            input: Vec::new(),
        };
    }
    // `read` takes its line byte by byte, and leaves what follows to the command.
    Line {
        text: format!(
            "exec /bin/sh -c '{announce}; IFS= read -r text; eval \"$(printf %b \"$text\")\"' sh"
        ),
        input: format!("{}\n", in_one_line(command)).into_bytes(),
    }
}

/// TEXT with everything in octal that any shell might read as something else.
fn in_octal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._:,+@%- ".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("\\0{byte:03o}"));
        }
    }
    out
}

/// TEXT as one line for `printf %b`.
fn in_one_line(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

/// Takes what comes before and with a mark off a stream.
#[derive(Debug)]
pub(super) struct Marked {
    mark: String,
    /// What came before the mark, until it has come.
    before: Option<Vec<u8>>,
    /// The number that came with it.
    pub group: Option<u32>,
}

/// More than this no start-up file prints; behind it there is no mark.
const MOST_NOISE: usize = 1 << 20;

impl Marked {
    pub fn new(mark: &str) -> Marked {
        Marked {
            mark: mark.to_owned(),
            before: Some(Vec::new()),
            group: None,
        }
    }

    /// Whether the mark has come, or will not come.
    pub fn is_past(&self) -> bool {
        self.before.is_none()
    }

    /// What came before the mark, where it has not come.
    pub fn noise(&self) -> &[u8] {
        self.before.as_deref().unwrap_or(&[])
    }

    /// Take DATA, which comes next; what of it, and of what came before, belongs to
    /// the command.
    pub fn take<'a>(&mut self, data: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
        let Some(before) = &mut self.before else {
            return data.into();
        };
        let from = before.len().saturating_sub(self.mark.len());
        before.extend_from_slice(data);
        let mark = self.mark.as_bytes();
        let found = memchr::memmem::find(&before[from..], mark).map(|at| from + at);
        let Some(start) = found.or_else(|| memchr::memmem::find(before, mark)) else {
            if before.len() > MOST_NOISE {
                return self.before.take().unwrap_or_default().into();
            }
            return Vec::new().into();
        };
        let Some(length) = memchr::memchr(b'\n', &before[start..]) else {
            return Vec::new().into();
        };
        let end = start + length;
        let number = String::from_utf8_lossy(&before[start + mark.len()..end]).into_owned();
        self.group = number.trim().parse().ok();
        let rest = before.split_off(end + 1);
        self.before = None;
        rest.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// What SHELL, as a login shell, makes of COMMAND.
    fn run(shell: &str, command: &str) -> (Vec<u8>, Option<i32>) {
        let line = line(command, "mark");
        let mut child = Command::new(shell)
            .args(["-c", &line.text])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let bytes = line.input;
        let writer = std::thread::spawn(move || {
            let _ = input.write_all(&bytes);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let mut marked = Marked::new("mark");
        let out = marked.take(&output.stdout).into_owned();
        assert!(
            marked.is_past() && marked.group.is_some(),
            "{shell}: no mark"
        );
        (out, output.status.code())
    }

    fn shells() -> Vec<String> {
        [
            "/bin/sh",
            "/bin/bash",
            "/bin/tcsh",
            "/bin/csh",
            "/usr/bin/fish",
            "/usr/bin/zsh",
            "/usr/bin/ksh",
        ]
        .into_iter()
        .filter(|shell| std::path::Path::new(shell).exists())
        .map(str::to_owned)
        .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn every_login_shell_passes_on_what_it_is_given(text in "[^\0]{0,60}") {
            let command = format!("printf %s {}", super::super::quote(&text));
            for shell in shells() {
                let (out, status) = run(&shell, &command);
                prop_assert_eq!(status, Some(0), "{}", shell);
                prop_assert_eq!(&String::from_utf8_lossy(&out), &text, "{}", shell);
            }
        }
    }

    #[test]
    fn scripts_of_many_lines_and_of_many_bytes_run_as_they_are() {
        for shell in shells() {
            let script = "set -e\ncd /etc\ntest -f passwd\necho \"a!b\" '!!' \"it's\"\nfalse\necho unreachable";
            assert_eq!(
                run(&shell, script),
                (b"a!b !! it's\n".to_vec(), Some(1)),
                "{shell}"
            );
            let long = format!(
                "# {}\nprintf '%s\\n' 'a\\b' \"é\"\nexit 7",
                "x'\n# \\".repeat(60_000)
            );
            assert_eq!(
                run(&shell, &long),
                ("a\\b\né\n".as_bytes().to_vec(), Some(7)),
                "{shell}"
            );
        }
    }

    #[test]
    fn what_comes_before_the_mark_is_noise() {
        let mut marked = Marked::new("m4rk");
        assert_eq!(&*marked.take(b"hello from .cshrc\nm4"), b"");
        assert_eq!(&*marked.take(b"rk 12"), b"");
        assert_eq!(&*marked.take(b"3\nout"), b"out");
        assert_eq!(marked.group, Some(123));
        assert_eq!(&*marked.take(b"m4rk 9\n"), b"m4rk 9\n");
    }
}
