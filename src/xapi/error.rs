//! What can go wrong between us and a XAPI host.

use super::lock::epochs::Epoch;
use crate::failure::{Detail, Failure, Key};
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
    /// The host answered with an error of the API.
    Refused {
        tried: String,
        code: String,
        params: Vec<String>,
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

    /// The same error, of an attempt that is better described by TRIED.
    #[must_use]
    pub fn while_trying(mut self, better: &str) -> Self {
        match &mut self {
            XapiError::Refused { tried, .. }
            | XapiError::Connection { tried, .. }
            | XapiError::Timeout { tried, .. }
            | XapiError::Protocol { tried, .. }
            | XapiError::OutcomeUnknown { tried }
            | XapiError::WrongState { tried, .. } => *tried = better.to_owned(),
            XapiError::Settings { .. }
            | XapiError::NotApproved { .. }
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
            XapiError::Refused {
                tried,
                code,
                params,
            } => {
                write!(formatter, "cannot {tried}: host answered {code}")?;
                let params: Vec<&str> = params
                    .iter()
                    .map(String::as_str)
                    .filter(|param| !param.is_empty())
                    .collect();
                if params.is_empty() {
                    return Ok(());
                }
                write!(formatter, " ({})", params.join(", "))
            }
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
                write!(formatter, "cannot {tried}: {reason}")
            }
            XapiError::Timeout { tried, limit, last } => write!(
                formatter,
                "could not {tried} within {}; last: {last}",
                seconds(*limit)
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
                write!(formatter, "cannot {tried}: {state}")
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

/// A duration as people write it.
fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// What to do about an error CODE of the API, when that is known.
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "SESSION_AUTHENTICATION_FAILED" => {
            "check `user` and the file named by `password-file` in the settings"
        }
        "SR_FULL" | "SR_BACKEND_FAILURE_44" => {
            "free space on the storage repository, or choose another"
        }
        "UUID_INVALID" => "check the UUID in the settings against `xe vm-list` or `xe vdi-list`",
        "VDI_IN_USE" => "shut down the VM that uses the disk, or wait for a transfer to end",
        "VM_BAD_POWER_STATE" => "bring the VM into the expected power state first",
        "VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT" => {
            "the guest does not react to the shutdown request; use a hard shutdown"
        }
        "HOST_IS_SLAVE" => "name the pool's master as `host` in the settings",
        "VDI_IO_ERROR" => {
            "see /var/log/xensource.log and /var/log/SMlog on the host for what its disk said"
        }
        "RBAC_PERMISSION_DENIED" => "use an account with the role pool-operator or vm-admin",
        "MESSAGE_METHOD_UNKNOWN" => "check the method's name; this host may be too old for it",
        _ => return None,
    })
}

impl From<XapiError> for Failure {
    fn from(error: XapiError) -> Failure {
        let message = error.to_string();
        match error {
            XapiError::Settings { hint, .. } => Failure::new(Key::Settings, message).hint(hint),
            XapiError::NotApproved { method, .. } => Failure::new(Key::Settings, message)
                .detail("method", method)
                .hint("only if it may be changed, add it under `approved` in the settings"),
            XapiError::Refused { code, params, .. } => {
                let hint = advice(&code);
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
        });
        assert_eq!(
            failure.message(),
            "cannot import `disk.img` into VDI `v`: host answered SR_FULL (32212254720, 1073741824)"
        );
        assert_eq!(failure.details()[0].1, Detail::from("SR_FULL"));
        assert!(failure.hint_text().unwrap().contains("free space"));
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
