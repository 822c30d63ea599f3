//! What the user's files of ssh_config(5) say of the guest and is not followed. The
//! guest itself is not looked for: it is off until a run boots it.

use super::{Finding, Verdict};
use crate::cli::settings::{Environment, Setting, Settings};
use crate::ssh::text::visible;
use crate::ssh::{Files, SshError, Wanted};
use std::path::PathBuf;

const SUBJECT: &str = "ssh_config";

/// What is found in the files for the guest of SETTINGS.
pub fn examined(settings: &Settings, environment: &Environment) -> Vec<Finding> {
    let text = |name| match settings.get(name) {
        Some((Setting::Text(text), _)) => Some(text.clone()),
        _ => None,
    };
    let Some(host) = text("guest/address") else {
        return vec![Finding::new(
            Verdict::Absent,
            SUBJECT,
            "not looked at: what ~/.ssh/config says of a guest counts by the name that guest/address gives it",
        )];
    };
    let variables = environment.variables.iter();
    let wanted = Wanted {
        user: text("guest/user"),
        config: Files::Usual,
        home: environment.get("HOME").map(PathBuf::from),
        variables: variables
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        host,
        ..Wanted::default()
    };
    match left_out(&wanted) {
        Ok(lines) if lines.is_empty() => vec![Finding::new(
            Verdict::Fine,
            SUBJECT,
            format!(
                "all that it says of `{}` is followed",
                visible(&wanted.host)
            ),
        )],
        Ok(lines) => lines
            .into_iter()
            .map(|line| Finding::new(Verdict::Absent, SUBJECT, line))
            .collect(),
        Err(error) => vec![Finding::new(Verdict::Bad, SUBJECT, error.to_string())],
    }
}

/// A sentence for each line of the files that is left out where WANTED is.
fn left_out(wanted: &Wanted) -> Result<Vec<String>, SshError> {
    let found = wanted.looked_up()?;
    let line = |(keyword, value): &(String, String), why: &str| {
        let host = visible(&wanted.host);
        format!(
            "`{} {}` for `{host}` is not followed{why}",
            visible(keyword),
            visible(value)
        )
    };
    let matters = ", though it may say where one gets, as whom, or whom one trusts";
    Ok(found
        .passed_over
        .iter()
        .map(|block| {
            format!(
                "what follows `{}` is passed over: only ssh knows whether it holds",
                visible(block)
            )
        })
        .chain(found.not_followed.iter().map(|pair| line(pair, matters)))
        .chain(found.ignored.iter().map(|pair| line(pair, "")))
        .collect())
}
