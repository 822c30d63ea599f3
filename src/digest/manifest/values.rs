//! What the values of keywords say, as mtree(8) reads them.

/// The permission bits of TEXT: octal digits, or what chmod(1) would make of nothing.
///
/// The letters are those of setmode(3) for a file without any bits, so `X`, and
/// copies such as `g=u`, see what the clauses before them have set.
pub fn mode(text: &str) -> Option<u32> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        let mode = u32::from_str_radix(text, 8).ok()?;
        return (mode <= 0o7777).then_some(mode);
    }
    let mut mode = 0;
    for clause in text.split(',') {
        let at = clause.find(['+', '-', '='])?;
        let (who, mut actions) = clause.split_at(at);
        let mut whom = 0;
        for letter in who.chars() {
            whom |= match letter {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            };
        }
        let everybody = whom == 0;
        if everybody {
            whom = 0o7777;
        }
        while let Some(operation) = actions.chars().next() {
            let rest = &actions[1..];
            let end = rest.find(['+', '-', '=']).unwrap_or(rest.len());
            let mut bits = 0;
            for letter in rest[..end].chars() {
                bits |= match letter {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if mode & 0o111 != 0 => 0o111,
                    'X' => 0,
                    's' => 0o6000,
                    't' => 0o1000,
                    'u' => spread(mode >> 6),
                    'g' => spread(mode >> 3),
                    'o' => spread(mode),
                    _ => return None,
                };
            }
            // The sticky bit belongs to nobody in particular.
            let bits = bits & (whom | bits & 0o1000);
            match operation {
                '+' => mode |= bits,
                '-' => mode &= !bits,
                _ => mode = mode & !whom | bits,
            }
            actions = &rest[end..];
        }
    }
    Some(mode)
}

/// The three bits at the end of MODE for user, group and others.
fn spread(mode: u32) -> u32 {
    (mode & 7) * 0o111
}

/// The seconds and nanoseconds of TEXT. What follows the point is a number of
/// nanoseconds and no fraction.
pub fn time(text: &str) -> Option<(i64, i64)> {
    let (seconds, nanoseconds) = text.split_once('.').unwrap_or((text, "0"));
    let digits = nanoseconds.bytes().all(|byte| byte.is_ascii_digit());
    (digits && nanoseconds.len() <= 9)
        .then(|| Some((seconds.parse().ok()?, nanoseconds.parse().ok()?)))?
}

/// The major and minor number of a device: `FORMAT,MAJOR,MINOR`, or the number that
/// this system has for it.
pub fn device(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| -> Option<u64> {
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    };
    let small = |text: &str| u32::try_from(number(text)?).ok();
    match text.split(',').collect::<Vec<_>>().as_slice() {
        [number_of_device] => {
            let device = number(number_of_device)?;
            #[allow(clippy::useless_conversion)]
            let device = device.try_into().ok()?;
            Some((rustix::fs::major(device), rustix::fs::minor(device)))
        }
        [_format, major, minor] => Some((small(major)?, small(minor)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_as_setmode_reads_it() {
        for (text, expected) in [
            ("0644", Some(0o644)),
            ("644", Some(0o644)),
            ("4755", Some(0o4755)),
            ("100644", None),
            ("u=rw,go=r", Some(0o644)),
            ("u+s", Some(0o4000)),
            ("a=rx,u+w", Some(0o755)),
            ("u=rwx,g=u,o=g-w", Some(0o775)),
            ("+t", Some(0o1000)),
            ("q=r", None),
            ("", None),
        ] {
            assert_eq!(mode(text), expected, "{text}");
        }
    }

    #[test]
    fn times_and_devices_are_read() {
        assert_eq!(time("12.000000034"), Some((12, 34)));
        assert_eq!(time("12.34"), Some((12, 34)));
        assert_eq!(time("12"), Some((12, 0)));
        assert_eq!(time("12.3x"), None);
        assert_eq!(device("native,1,3"), Some((1, 3)));
        assert_eq!(device("native,0x1,3,4"), None);
        #[cfg(target_os = "linux")]
        assert_eq!(device("0x103"), Some((1, 3)));
    }
}
