//! What can go wrong between us and a XAPI host.

use super::lock::epochs::Epoch;
use super::refusals;
use crate::failure::{Detail, Failure, Key};
use crate::visible::escape;
use std::fmt;
use std::time::Duration;

/// An error of this domain. TRIED always completes the sentence "cannot …".
#[derive(Debug)]
pub enum XapiError {
    /// The settings lack something or hold something of no use.
    Settings { message: String, hint: String },
    /// A call would change what the settings do not approve; nothing was sent.
    NotApproved {
        method: String,
        what: String,
        approved: String,
    },
    /// A call of what the datamodel does not have; nothing was sent.
    UnknownMessage { method: String },
    /// The host answered with an error of the API. NAMED are the objects that its
    /// parameters refer to, as people call them: reference and name.
    Refused {
        tried: String,
        code: String,
        params: Vec<String>,
        named: Vec<(String, String)>,
    },
    /// The host answered another status of HTTP than 200, and perhaps why.
    Http {
        tried: String,
        url: String,
        status: u16,
        reason: String,
        /// Where it sends us.
        location: Option<String>,
        /// What the body says.
        text: String,
    },
    /// Host and client find no common ground in TLS.
    Tls {
        tried: String,
        reason: String,
        hint: &'static str,
    },
    /// A VM may be running: an operation on it has not ended.
    PerhapsRunning {
        tried: String,
        limit: Duration,
        /// Which operation, since when, and of which task.
        operation: String,
        /// What the host calls its state meanwhile.
        state: String,
    },
    /// The host shows a certificate that nobody has pinned.
    Trust {
        host: String,
        pinned: Vec<String>,
        seen: String,
    },
    /// No connection, or a lost one.
    Connection { tried: String, reason: String },
    /// A deadline has passed.
    Timeout {
        tried: String,
        limit: Duration,
        last: String,
    },
    /// The host said something that is not XAPI.
    Protocol { tried: String, reason: String },
    /// The task of an operation has vanished, so nobody knows how it ended.
    OutcomeUnknown { tried: String },
    /// A disk image does not fit its VDI; nothing was sent.
    TooLarge {
        image: String,
        image_bytes: u64,
        vdi: String,
        vdi_bytes: u64,
    },
    /// A local file cannot be read.
    File { path: String, reason: String },
    /// The VM left the state in which it was waited for.
    WrongState { tried: String, state: String },
    /// Another run holds the lock of WHAT, such as ``VM `UUID` ``.
    InUse { what: String, epoch: Box<Epoch> },
    /// The lock of WHAT was ours; whose it is now, when that is known.
    Lost {
        what: String,
        to: Option<Box<Epoch>>,
    },
    /// The lock of WHAT could not be renewed, so it may end at any moment.
    NotRenewed { what: String },
}

impl XapiError {
    /// The error code of the API, when the host gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            XapiError::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The host's refusal CODE with PARAMS, of an attempt that TRIED describes.
    pub fn refused(tried: String, code: String, params: Vec<String>) -> XapiError {
        XapiError::Refused {
            tried,
            code,
            params,
            named: Vec::new(),
        }
    }

    /// The same refusal, after so many attempts in so long a TIME.
    #[must_use]
    pub fn after(mut self, attempts: u32, time: Duration) -> Self {
        if let XapiError::Refused { tried, .. } = &mut self
            && attempts > 1
        {
            let time = seconds(Duration::from_secs(time.as_secs().max(1)));
            *tried = format!("{tried}, which was tried {attempts} times within {time}");
        }
        self
    }

    /// The same error, of an attempt that is better described by TRIED.
    #[must_use]
    pub fn while_trying(mut self, better: &str) -> Self {
        match &mut self {
            XapiError::Refused { tried, .. }
            | XapiError::Http { tried, .. }
            | XapiError::Tls { tried, .. }
            | XapiError::PerhapsRunning { tried, .. }
            | XapiError::Connection { tried, .. }
            | XapiError::Timeout { tried, .. }
            | XapiError::Protocol { tried, .. }
            | XapiError::OutcomeUnknown { tried }
            | XapiError::WrongState { tried, .. } => *tried = better.to_owned(),
            XapiError::Settings { .. }
            | XapiError::NotApproved { .. }
            | XapiError::UnknownMessage { .. }
            | XapiError::Trust { .. }
            | XapiError::TooLarge { .. }
            | XapiError::File { .. }
            | XapiError::InUse { .. }
            | XapiError::Lost { .. }
            | XapiError::NotRenewed { .. } => {}
        }
        self
    }
}

impl fmt::Display for XapiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            XapiError::Settings { message, .. } => formatter.write_str(message),
            XapiError::NotApproved {
                method,
                what,
                approved,
            } => write!(
                formatter,
                "refused to call `{method}`: it would change {what}, which the settings do not \
                 approve; {approved}"
            ),
            XapiError::UnknownMessage { method } => write!(
                formatter,
                "refused to call `{method}`: XAPI's datamodel has no such message, so nobody \
                 can say what it would change"
            ),
            XapiError::Refused {
                tried,
                code,
                params,
                named,
            } => {
                let shown = escape(code);
                write!(formatter, "cannot {tried}: host answered {shown}")?;
                let params = described(code, params, named);
                if !params.is_empty() {
                    write!(formatter, " ({})", params.join(", "))?;
                }
                write!(formatter, ": {}", escape(&refusals::sentence(code)))
            }
            XapiError::Http {
                tried,
                url,
                status,
                reason,
                location,
                text,
            } => {
                let reason = escape(reason);
                write!(
                    formatter,
                    "cannot {tried}: `{url}` answered HTTP {status} {reason}"
                )?;
                if let Some(location) = location {
                    write!(formatter, ", which sends us to `{}`", escape(location))?;
                }
                if text.is_empty() {
                    return Ok(());
                }
                write!(formatter, ": {}", escape(text))
            }
            XapiError::Tls { tried, reason, .. } => write!(formatter, "cannot {tried}: {reason}"),
            XapiError::PerhapsRunning {
                tried,
                limit,
                operation,
                state,
            } => write!(
                formatter,
                "could not {tried} within {}: {operation} has not ended; the host calls the VM \
                 {state} meanwhile, and it is perhaps running",
                seconds(*limit)
            ),
            XapiError::Trust { host, pinned, seen } => write!(
                formatter,
                "the certificate of `{host}` is not the pinned one: pinned {}, shown {seen}",
                if pinned.is_empty() {
                    "none".to_owned()
                } else {
                    pinned.join(" or ")
                }
            ),
            XapiError::Connection { tried, reason } | XapiError::Protocol { tried, reason } => {
                write!(formatter, "cannot {tried}: {}", escape(reason))
            }
            XapiError::Timeout { tried, limit, last } => write!(
                formatter,
                "could not {tried} within {}; last: {}",
                seconds(*limit),
                escape(last)
            ),
            XapiError::OutcomeUnknown { tried } => write!(
                formatter,
                "cannot tell whether it worked to {tried}: the host has forgotten the task"
            ),
            XapiError::TooLarge {
                image,
                image_bytes,
                vdi,
                vdi_bytes,
            } => write!(
                formatter,
                "cannot import `{image}` into VDI `{vdi}`: the image has {image_bytes} bytes, \
                 the VDI {vdi_bytes}; nothing was sent"
            ),
            XapiError::File { path, reason } => write!(formatter, "cannot read `{path}`: {reason}"),
            XapiError::WrongState { tried, state } => {
                write!(formatter, "cannot {tried}: {}", escape(state))
            }
            XapiError::InUse { what, epoch } => {
                let until = date(epoch.until);
                match &epoch.kept {
                    None => write!(
                        formatter,
                        "{what} is in use by {}; its lock ends at {until} unless it is renewed",
                        holder(epoch)
                    ),
                    Some(why) => write!(
                        formatter,
                        "{what} is kept until {until} by {}: {why}",
                        holder(epoch)
                    ),
                }
            }
            XapiError::Lost { what, to } => match to {
                Some(epoch) => write!(
                    formatter,
                    "this run has lost {what} to {}, and changes nothing more",
                    holder(epoch)
                ),
                None => write!(
                    formatter,
                    "this run has lost {what}, whose lock is no longer what it was, and changes \
                     nothing more"
                ),
            },
            XapiError::NotRenewed { what } => write!(
                formatter,
                "the lock of {what} could not be renewed in time, so nothing is changed"
            ),
        }
    }
}

impl std::error::Error for XapiError {}

/// Who holds EPOCH, and since when.
fn holder(epoch: &Epoch) -> String {
    let holder = &epoch.claim.holder;
    let run = match holder.run.as_str() {
        "" => "a program".to_owned(),
        run => format!("run `{run}`"),
    };
    format!(
        "{run} of `{}` on `{}` since {}",
        holder.owner,
        holder.client,
        date(epoch.claim.since)
    )
}

/// FAILURE with who holds EPOCH as data.
fn of_holder(failure: Failure, epoch: &Epoch) -> Failure {
    let holder = &epoch.claim.holder;
    failure
        .detail("owner", holder.owner.as_str())
        .detail("run", holder.run.as_str())
        .detail("client", holder.client.as_str())
        .detail("since", seconds_since_1970(epoch.claim.since))
        .detail("until", seconds_since_1970(epoch.until))
        .detail("kept", epoch.kept.clone().unwrap_or_default())
}

fn seconds_since_1970(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// SECONDS since 1970 as people write a moment.
fn date(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0))
        .map_or_else(
            || format!("second {seconds}"),
            |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        )
}

/// PARAMS of the error CODE as `xe` writes them, by their names, and what they refer
/// to as NAMED says. Empty ones are left out.
fn described(code: &str, params: &[String], named: &[(String, String)]) -> Vec<String> {
    let names = refusals::meaning(code).map_or(&[][..], |meaning| &meaning.names);
    params
        .iter()
        .enumerate()
        .filter(|(_, param)| !param.is_empty())
        .map(|(index, param)| {
            let value = named
                .iter()
                .find(|(reference, _)| reference == param)
                .map_or_else(|| escape(param), |(_, name)| escape(name));
            match names.get(index) {
                Some(name) => format!("{}: {value}", name.replace('_', " ")),
                None => value,
            }
        })
        .collect()
}

/// A duration as people write it.
fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

impl From<XapiError> for Failure {
    fn from(error: XapiError) -> Failure {
        let message = error.to_string();
        match error {
            XapiError::Settings { hint, .. } => Failure::new(Key::Settings, message).hint(hint),
            XapiError::NotApproved { method, .. } => Failure::new(Key::Settings, message)
                .detail("method", method)
                .hint("only if it may be changed, add it under `approved` in the settings"),
            XapiError::UnknownMessage { method } => Failure::new(Key::Settings, message)
                .detail("method", method)
                .hint("check the name; the fields of a record are read by `get_record`"),
            XapiError::Http { status, .. } => {
                let failure = Failure::new(Key::Xapi, message).detail("status", i64::from(status));
                failure.hint(match status {
                    300..=399 => "name that place as `host` in the settings, if it is the host",
                    401 | 403 => "the host does not let us do this: see its /var/log/xensource.log",
                    502..=504 => {
                        "the host, or a proxy before it, is not ready: wait a minute and try again"
                    }
                    500..=599 => "see /var/log/xensource.log on the host",
                    _ => "check that `host` in the settings is an XCP-ng or XenServer host",
                })
            }
            XapiError::Tls { hint, .. } => Failure::new(Key::Connection, message).hint(hint),
            XapiError::PerhapsRunning {
                operation, state, ..
            } => Failure::new(Key::Timeout, message)
                .detail("operation", operation)
                .detail("state", state)
                .hint("look at the VM on the host, and shut it down there when it runs"),
            XapiError::Refused { code, params, .. } => {
                let hint = refusals::meaning(&code).and_then(|meaning| meaning.hint);
                let params = params.into_iter().map(Detail::Text).collect();
                let failure = Failure::new(Key::Xapi, message)
                    .detail("code", code)
                    .detail("parameters", Detail::List(params));
                match hint {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
            XapiError::Trust { pinned, seen, .. } => Failure::new(Key::Trust, message)
                .detail(
                    "pinned",
                    Detail::List(pinned.into_iter().map(Detail::Text).collect()),
                )
                .detail("seen", seen)
                .hint(
                    "if the host's certificate was renewed, compare the shown fingerprint with \
                     `openssl x509 -noout -fingerprint -sha256 -in /etc/xensource/xapi-ssl.pem` \
                     on the host, and only then put it into `certificate-sha256`",
                ),
            XapiError::Connection { .. } => Failure::new(Key::Connection, message)
                .hint("check `host` in the settings, the network, and that the host is up"),
            XapiError::Protocol { .. } => Failure::new(Key::Xapi, message)
                .hint("check that `host` in the settings is an XCP-ng or XenServer host"),
            XapiError::Timeout { last, .. } => {
                Failure::new(Key::Timeout, message).detail("last-seen", last)
            }
            XapiError::OutcomeUnknown { .. } => Failure::new(Key::Xapi, message)
                .hint("look at the object on the host before trying again"),
            XapiError::TooLarge {
                image_bytes,
                vdi_bytes,
                ..
            } => Failure::new(Key::Settings, message)
                .detail("image-bytes", image_bytes as i64)
                .detail("vdi-bytes", vdi_bytes as i64)
                .hint("use a larger VDI, or make the image smaller"),
            XapiError::File { .. } => {
                Failure::new(Key::Settings, message).hint("check the path in the settings")
            }
            XapiError::WrongState { .. } => Failure::new(Key::Xapi, message),
            XapiError::InUse { epoch, .. } => {
                let run = epoch.claim.holder.run.clone();
                let hint = match (&epoch.kept, run.as_str()) {
                    (_, "") => "wait for its end".to_owned(),
                    (None, run) => format!(
                        "wait for its end, or take the machine from it with `--take-over={run}`"
                    ),
                    (Some(_), run) => format!(
                        "`fruix-scm runs resume {run}` goes on with that run, `fruix-scm runs gc \
                         --host --all` frees what is yours, and `--take-over={run}` takes it"
                    ),
                };
                of_holder(Failure::new(Key::MachineInUse, message), &epoch).hint(hint)
            }
            XapiError::Lost { to, .. } => {
                let failure = Failure::new(Key::MachineLost, message);
                match to {
                    Some(epoch) => of_holder(failure, &epoch),
                    None => failure,
                }
            }
            XapiError::NotRenewed { .. } => Failure::new(Key::MachineLost, message)
                .hint("look at the connection to the host, and whether this machine slept"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_carries_code_and_parameters_as_data_and_says_what_to_do() {
        let failure = Failure::from(XapiError::Refused {
            tried: "import `disk.img` into VDI `v`".to_owned(),
            code: "SR_FULL".to_owned(),
            params: vec!["32212254720".to_owned(), "1073741824".to_owned()],
            named: Vec::new(),
        });
        assert_eq!(
            failure.message(),
            "cannot import `disk.img` into VDI `v`: host answered SR_FULL (requested: \
             32212254720, maximum: 1073741824): the storage repository is full"
        );
        assert_eq!(failure.details()[0].1, Detail::from("SR_FULL"));
        assert!(failure.hint_text().unwrap().contains("free space"));
    }

    #[test]
    fn what_a_host_says_neither_commands_a_terminal_nor_forges_a_line() {
        let error = XapiError::refused(
            "call `VM.start`".to_owned(),
            "BAD\u{1b}[2J".to_owned(),
            vec!["x\r\nPASS forged\n".to_owned(), String::new()],
        );
        assert_eq!(
            error.to_string(),
            "cannot call `VM.start`: host answered BAD\\x1b[2J (x\\x0d\\x0aPASS forged\\x0a): \
             bad\\x1b[2j"
        );
    }

    #[test]
    fn references_are_told_by_the_names_of_what_they_refer_to() {
        let error = XapiError::Refused {
            tried: "start VM `v`".to_owned(),
            code: "VM_REQUIRES_SR".to_owned(),
            params: vec!["OpaqueRef:1".to_owned(), "OpaqueRef:2".to_owned()],
            named: vec![("OpaqueRef:2".to_owned(), "local (5a5a)".to_owned())],
        };
        assert!(
            error
                .to_string()
                .contains("VM_REQUIRES_SR (vm: OpaqueRef:1, sr: local (5a5a)): the host has no"),
            "{error}"
        );
    }

    #[test]
    fn a_timeout_says_what_was_last_seen() {
        let error = XapiError::Timeout {
            tried: "learn the address of VM `v`".to_owned(),
            limit: Duration::from_secs(300),
            last: "no address".to_owned(),
        };
        assert_eq!(
            error.to_string(),
            "could not learn the address of VM `v` within 300 s; last: no address"
        );
    }
}
