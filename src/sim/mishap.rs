//! What can be made to go wrong on the simulated host.
//!
//! A mishap is written as `docs/operating.md` lists it and prints as it is written.
//! What [`super::chance`] draws is a list of them.

use super::chance;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Mishap {
    /// The password is never right.
    RefuseLogin,
    /// The settings pin another certificate than the host shows.
    WrongCertificate,
    /// The guest comes up but the host never learns its address.
    NoAddress,
    /// The host publishes an address, but nothing answers there.
    NoSsh,
    /// An entry of a map may be added twice when its value is the same.
    IdempotentMap,
    /// The first address is link-local, and the right one comes later.
    LinkLocalFirst,
    /// The approved VDI is smaller than the image.
    SmallVdi,
    /// The storage repository has no space left.
    SrFull,
    /// The task of an import fails after the host has answered 200.
    ImportFails,
    /// The first report of an address is from before the VM was started.
    StaleAddress,
    /// The guest runs and reports nothing at all.
    GuestHangs,
    /// Asynchronous tasks vanish, as when the toolstack is restarted.
    TasksVanish,
    /// The host's record has a member twice, as XCP-ng 8.3 sends it.
    DuplicateMember,
    /// The host is too old for JSON-RPC.
    NoJsonRpc,
    /// The guest has no agent, so its metrics have no address; what it writes
    /// below `vm-data` in xenstore, and its DHCP lease, are there.
    NoAgent,
    /// The guest reboots as soon as its address is known.
    GuestReboots,
    /// Imports are redirected to another host of the pool.
    Redirect,
    /// Imports are redirected to a host that the pool does not list.
    RedirectToStranger,
    /// The answer to METHOD takes this many milliseconds longer.
    Slow { method: String, milliseconds: u64 },
    /// The connection is closed instead of an answer to METHOD, when it is the
    /// one counted CALL or every one; the call is not carried out.
    Cut { method: String, call: Option<u64> },
    /// The connection is closed instead of an answer to METHOD, when it is the
    /// one counted CALL or every one; the call is carried out.
    Mute { method: String, call: Option<u64> },
    /// An import takes this many bytes and then no more.
    ImportStalls { bytes: u64 },
    /// An import takes this many bytes and then closes the connection.
    ImportCut { bytes: u64 },
    /// An import takes this many bytes, and then there is no space left.
    ImportFillsUp { bytes: u64 },
    /// From the CALL-th call on, new connections are shown another certificate.
    CertificateChanges { call: u64 },
    /// After this time, tasks vanish and every connection is closed.
    ToolstackRestarts { after: Duration },
    /// After this time, nothing is heard of the host any more.
    HostDies { after: Duration },
    /// The host is a member of a pool whose master, at ADDRESS, shows a
    /// certificate with FINGERPRINT, if the member knows.
    Member {
        address: String,
        fingerprint: Option<String>,
    },
    /// The host forgets the session that makes the CALL-th call of all.
    SessionExpires { call: u64 },
    /// A call of METHOD, the one counted CALL or every one, fails with CODE.
    CallFails {
        method: String,
        call: Option<u64>,
        code: String,
        params: Vec<String>,
    },
}

const NAMES: [(&str, Mishap); 18] = [
    ("refuse-login", Mishap::RefuseLogin),
    ("wrong-certificate", Mishap::WrongCertificate),
    ("no-address", Mishap::NoAddress),
    ("no-ssh", Mishap::NoSsh),
    ("link-local-first", Mishap::LinkLocalFirst),
    ("small-vdi", Mishap::SmallVdi),
    ("sr-full", Mishap::SrFull),
    ("import-fails", Mishap::ImportFails),
    ("stale-address", Mishap::StaleAddress),
    ("guest-hangs", Mishap::GuestHangs),
    ("tasks-vanish", Mishap::TasksVanish),
    ("duplicate-member", Mishap::DuplicateMember),
    ("no-json-rpc", Mishap::NoJsonRpc),
    ("no-agent", Mishap::NoAgent),
    ("guest-reboots", Mishap::GuestReboots),
    ("redirect", Mishap::Redirect),
    ("redirect-to-stranger", Mishap::RedirectToStranger),
    ("idempotent-map", Mishap::IdempotentMap),
];

/// Mishaps that are written `NAME=ARGUMENT`.
const WITH_ARGUMENT: [(&str, &str); 12] = [
    ("session-expires", "K"),
    ("certificate-changes", "K"),
    (
        "fail",
        "METHOD[@K]:CODE[:PARAMETER]… with \\: for a colon in a parameter",
    ),
    ("cut", "METHOD[@K]"),
    ("mute", "METHOD[@K]"),
    ("slow", "METHOD:MILLISECONDS"),
    ("import-stalls", "BYTES"),
    ("import-cut", "BYTES"),
    ("import-fills-up", "BYTES"),
    ("toolstack-restarts", "SECONDS"),
    ("host-dies", "SECONDS"),
    ("member", "ADDRESS[/FINGERPRINT]"),
];

/// The name of every mishap, whether it takes an argument or not.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES
        .iter()
        .map(|(name, _)| *name)
        .chain(WITH_ARGUMENT.iter().map(|(name, _)| *name))
}

/// A mishap whose text makes no sense.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownMishap {
    text: String,
}

impl fmt::Display for UnknownMishap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no mishap is called `{}`; there are:", self.text)?;
        NAMES
            .iter()
            .try_for_each(|(name, _)| write!(formatter, " {name}"))?;
        WITH_ARGUMENT
            .iter()
            .try_for_each(|(name, argument)| write!(formatter, " {name}={argument}"))?;
        write!(formatter, " random=SEED[,RATE]")
    }
}

impl std::error::Error for UnknownMishap {}

impl fmt::Display for Mishap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = NAMES.iter().find(|(_, mishap)| mishap == self) {
            return formatter.write_str(name);
        }
        let counted = |method: &str, call: &Option<u64>| match call {
            Some(call) => format!("{method}@{call}"),
            None => method.to_owned(),
        };
        match self {
            Mishap::Slow {
                method,
                milliseconds,
            } => write!(formatter, "slow={method}:{milliseconds}"),
            Mishap::Cut { method, call } => write!(formatter, "cut={}", counted(method, call)),
            Mishap::Mute { method, call } => write!(formatter, "mute={}", counted(method, call)),
            Mishap::ImportStalls { bytes } => write!(formatter, "import-stalls={bytes}"),
            Mishap::ImportCut { bytes } => write!(formatter, "import-cut={bytes}"),
            Mishap::ImportFillsUp { bytes } => write!(formatter, "import-fills-up={bytes}"),
            Mishap::CertificateChanges { call } => write!(formatter, "certificate-changes={call}"),
            Mishap::ToolstackRestarts { after } => {
                write!(formatter, "toolstack-restarts={}", after.as_secs_f64())
            }
            Mishap::HostDies { after } => write!(formatter, "host-dies={}", after.as_secs_f64()),
            Mishap::Member {
                address,
                fingerprint,
            } => {
                write!(formatter, "member={address}")?;
                match fingerprint {
                    Some(fingerprint) => write!(formatter, "/{fingerprint}"),
                    None => Ok(()),
                }
            }
            Mishap::SessionExpires { call } => write!(formatter, "session-expires={call}"),
            Mishap::CallFails {
                method,
                call,
                code,
                params,
            } => {
                write!(formatter, "fail={}:{code}", counted(method, call))?;
                params
                    .iter()
                    .try_for_each(|param| write!(formatter, ":{}", escaped(param)))
            }
            plain => write!(formatter, "{plain:?}"),
        }
    }
}

/// PARAM as one between colons.
fn escaped(param: &str) -> String {
    param.replace('\\', "\\\\").replace(':', "\\:")
}

/// The parts of TEXT between colons; a backslash takes the next character as it is.
fn unescaped_parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let last = parts.len() - 1;
        match letter {
            '\\' => parts[last].extend(letters.next()),
            ':' => parts.push(String::new()),
            other => parts[last].push(other),
        }
    }
    parts
}

/// The mishaps that TEXT asks for: one, or as many as `random=SEED[,RATE]` draws.
pub fn asked_for(text: &str) -> Result<Vec<Mishap>, UnknownMishap> {
    match text.strip_prefix("random=") {
        Some(argument) => chance::drawn(argument).ok_or_else(|| UnknownMishap {
            text: text.to_owned(),
        }),
        None => text.parse().map(|mishap| vec![mishap]),
    }
}

impl FromStr for Mishap {
    type Err = UnknownMishap;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = NAMES.iter().find(|(name, _)| *name == text);
        known
            .map(|(_, mishap)| mishap.clone())
            .or_else(|| with_argument(text))
            .ok_or_else(|| UnknownMishap {
                text: text.to_owned(),
            })
    }
}

/// A mishap that is written `NAME=ARGUMENT`.
fn with_argument(text: &str) -> Option<Mishap> {
    let (name, argument) = text.split_once('=')?;
    Some(match name {
        "session-expires" => Mishap::SessionExpires {
            call: argument.parse().ok()?,
        },
        "import-stalls" => Mishap::ImportStalls {
            bytes: argument.parse().ok()?,
        },
        "import-cut" => Mishap::ImportCut {
            bytes: argument.parse().ok()?,
        },
        "import-fills-up" => Mishap::ImportFillsUp {
            bytes: argument.parse().ok()?,
        },
        "certificate-changes" => Mishap::CertificateChanges {
            call: argument.parse().ok()?,
        },
        "toolstack-restarts" => Mishap::ToolstackRestarts {
            after: seconds(argument)?,
        },
        "host-dies" => Mishap::HostDies {
            after: seconds(argument)?,
        },
        "member" => {
            let (address, fingerprint) = match argument.split_once('/') {
                Some((address, fingerprint)) => (address, Some(fingerprint.to_owned())),
                None => (argument, None),
            };
            Mishap::Member {
                address: address.to_owned(),
                fingerprint,
            }
        }
        "slow" => {
            let (method, milliseconds) = argument.split_once(':')?;
            Mishap::Slow {
                method: method.to_owned(),
                milliseconds: milliseconds.parse().ok()?,
            }
        }
        "cut" => {
            let (method, call) = counted(argument)?;
            Mishap::Cut { method, call }
        }
        "mute" => {
            let (method, call) = counted(argument)?;
            Mishap::Mute { method, call }
        }
        // `fail=VM.start@2:HOST_OFFLINE:OpaqueRef`
        "fail" => {
            let (call, error) = argument.split_once(':')?;
            let (method, call) = counted(call)?;
            let mut parts = unescaped_parts(error).into_iter();
            Mishap::CallFails {
                method,
                call,
                code: parts.next().filter(|code| !code.is_empty())?,
                params: parts.collect(),
            }
        }
        _ => return None,
    })
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

/// The mishaps in TEXT: one a line, `#` begins a comment.
pub fn listed(text: &str) -> Result<Vec<Mishap>, UnknownMishap> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(asked_for)
        .collect::<Result<Vec<_>, _>>()
        .map(|lists| lists.concat())
}

/// `METHOD` or `METHOD@K`.
fn counted(text: &str) -> Option<(String, Option<u64>)> {
    match text.split_once('@') {
        Some((method, count)) => Some((method.to_owned(), Some(count.parse().ok()?))),
        None => Some((text.to_owned(), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_call_is_written_with_method_count_code_and_parameters() {
        assert_eq!(
            "fail=VM.start@2:VM_REQUIRES_SR:a:b".parse(),
            Ok(Mishap::CallFails {
                method: "VM.start".to_owned(),
                call: Some(2),
                code: "VM_REQUIRES_SR".to_owned(),
                params: vec!["a".to_owned(), "b".to_owned()],
            })
        );
        assert_eq!(
            "cut=VM.get_record".parse(),
            Ok(Mishap::Cut {
                method: "VM.get_record".to_owned(),
                call: None,
            })
        );
        assert_eq!("sr-full".parse(), Ok(Mishap::SrFull));
        assert!(
            "sr-ful"
                .parse::<Mishap>()
                .unwrap_err()
                .to_string()
                .contains("sr-full")
        );
    }

    #[test]
    fn a_parameter_may_hold_anything_and_a_mishap_prints_as_it_is_written() {
        for params in [
            vec!["OpaqueRef:a", "OpaqueRef:b"],
            vec!["xenopsd internal error: Failure(\"x\")", ""],
            vec!["a\\:b\\", "λ"],
            vec![],
        ] {
            let mishap = Mishap::CallFails {
                method: "VM.start".to_owned(),
                call: Some(1),
                code: "VM_REQUIRES_SR".to_owned(),
                params: params.into_iter().map(str::to_owned).collect(),
            };
            assert_eq!(mishap.to_string().parse(), Ok(mishap));
        }
        assert_eq!(
            "fail=VM.start:VM_REQUIRES_SR:OpaqueRef\\:a:OpaqueRef\\:b".parse(),
            Ok(Mishap::CallFails {
                method: "VM.start".to_owned(),
                call: None,
                code: "VM_REQUIRES_SR".to_owned(),
                params: vec!["OpaqueRef:a".to_owned(), "OpaqueRef:b".to_owned()],
            })
        );
        for text in NAMES.iter().map(|(name, _)| (*name).to_owned()).chain(
            [
                "session-expires=3",
                "certificate-changes=3",
                "cut=VM.start@2",
                "cut=VM.start",
                "mute=VM.start@2",
                "slow=VM.start:20",
                "import-stalls=4096",
                "import-cut=4096",
                "import-fills-up=4096",
                "toolstack-restarts=1.5",
                "host-dies=0.25",
                "member=10.0.0.1/AB",
            ]
            .map(str::to_owned),
        ) {
            let mishap: Mishap = text.parse().unwrap();
            assert_eq!(mishap.to_string(), text);
        }
    }

    #[test]
    fn a_file_of_mishaps_has_one_a_line_and_comments() {
        assert_eq!(
            listed("# a bad day\nsr-full\n\nhost-dies=1.5 # at last\n"),
            Ok(vec![
                Mishap::SrFull,
                Mishap::HostDies {
                    after: Duration::from_millis(1500)
                }
            ])
        );
        assert!(listed("sr-full\nnonsense").is_err());
    }

    #[test]
    fn every_mishap_is_listed_where_operators_look() {
        let text = include_str!("../../docs/operating.md");
        for name in names() {
            assert!(text.contains(&format!("`{name}")), "{name} is not");
        }
    }
}
