//! `runs attest`: signs what a run has found out, and looks at such signatures.

use super::super::output::print_line;
use super::super::settings::Environment;
use super::kept::{self, ATTESTATIONS};
use crate::failure::{Failure, Key};
use crate::private;
use crate::report::attestation::{self, NAMESPACE};
use crate::run::folder::{self, Summary};
use crate::runtime;
use crate::ssh::Identity;
use crate::ssh::signature::{self, Signer};
use crate::visible::escape;
use clap::Args;
use serde_json::Value;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Sign what a run has found out.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// The run, or how its identifier begins; the newest without ID
    pub id: Option<String>,
    /// The file of the SSH key to sign with; of a key that an agent holds, its public half
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Attest it as a run of KIND, which it has to be
    #[arg(long, value_name = "KIND", default_value = "live", value_parser = ["live", "simulated", "local", "none"])]
    kind: String,
}

/// Somebody may be asked for a passphrase, or to touch a card.
const PATIENCE: Duration = Duration::from_secs(300);

/// Sign the statements on the run in FOLDER, as ARGUMENTS say.
pub fn run(folder: &Path, arguments: &Arguments, environment: &Environment) -> Result<u8, Failure> {
    let page = kept::page(folder, folder::summary(folder));
    let statements = attestation::statements(&page.evidence, &page.files, &arguments.kind)?;
    let identity = Identity {
        agent: environment.get("SSH_AUTH_SOCK").map(PathBuf::from),
        ..Identity::file(environment.directory.join(&arguments.key))
    };
    let directory = folder.join(ATTESTATIONS);
    private::create_directory(&directory).map_err(|error| cannot_write(&directory, &error))?;
    for statement in &statements {
        let text = statement.text();
        let (signature, signer) = runtime::wait(
            "signing",
            PATIENCE,
            signature::sign(&identity, NAMESPACE, text.as_bytes()),
        )?;
        let file = directory.join(format!("{}.json", statement.name));
        let beside = directory.join(format!("{}.json.sig", statement.name));
        write(&file, &text)?;
        write(&beside, &signature)?;
        print_line(format_args!(
            "statement={}",
            escape(&file.to_string_lossy())
        ))?;
        print_line(format_args!(
            "signature={}",
            escape(&beside.to_string_lossy())
        ))?;
        print_line(format_args!("signer={signer}"))?;
    }
    print_line(format_args!("namespace={NAMESPACE}"))?;
    print_line(format_args!("run_kind={}", arguments.kind))?;
    Ok(0)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    private::options()
        .create(true)
        .truncate(true)
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| cannot_write(file, &error))
}

fn cannot_write(file: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Key::Settings,
        format!("cannot write the attestation `{}`: {error}", file.display()),
    )
}

/// An attestation that was found in a run's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its file in that folder.
    pub file: String,
    /// The fingerprint of the key that has signed it.
    pub signer: Option<String>,
    /// Why it is not to be believed.
    pub trouble: Option<String>,
}

/// The attestations of the run that SUMMARY tells of. Where SIGNER is known, only what it
/// has signed is believed.
pub fn found(summary: &Summary, signer: Option<&Signer>) -> Vec<Found> {
    let directory = summary.folder.join(ATTESTATIONS);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| look(file, summary, signer))
        .collect()
}

fn look(file: &Path, summary: &Summary, wanted: Option<&Signer>) -> Found {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut found = Found {
        file: format!("{ATTESTATIONS}/{name}"),
        signer: None,
        trouble: None,
    };
    let mut beside = file.as_os_str().to_owned();
    beside.push(".sig");
    let believed = || -> Result<Signer, String> {
        let text = std::fs::read(file).map_err(|error| error.to_string())?;
        let signature = std::fs::read(&beside).map_err(|error| format!("no signature: {error}"))?;
        let signer = signature::verify(&signature, NAMESPACE, &text)
            .map_err(|why| format!("the signature does not hold: {why}"))?;
        if wanted.is_some_and(|wanted| !wanted.is(&signer)) {
            return Err(format!("it is signed by another key, {signer}"));
        }
        let statement: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        if attestation::head_of(&statement) != Some(&*summary.reading.head) {
            return Err("it is about a journal with another head".to_owned());
        }
        let kept = kept::files(&summary.folder);
        for (file, sha256) in attestation::files_of(&statement) {
            match kept.iter().find(|kept| kept.name == file) {
                None => return Err(format!("`{file}` is not there any more")),
                Some(kept) if kept.sha256 != sha256 => {
                    return Err(format!("`{file}` has changed since"));
                }
                Some(_) => {}
            }
        }
        Ok(signer)
    };
    match believed() {
        Ok(signer) => found.signer = Some(signer.to_string()),
        Err(why) => found.trouble = Some(why),
    }
    found
}

/// What another file holds of the head of a run's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    Same,
    Other,
    /// It has none of this run.
    None,
}

impl Head {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Head::Same => "same",
            Head::Other => "other",
            Head::None => "none",
        }
    }
}

/// What FILE, a record or a statement, holds of the head of the run that SUMMARY tells of.
pub fn head_in(file: &Path, summary: &Summary) -> Result<Head, Failure> {
    let text = std::fs::read(file).map_err(|error| {
        Failure::new(
            Key::Usage,
            format!("cannot read `{}`: {error}", file.display()),
        )
    })?;
    let head = match serde_json::from_slice::<Value>(&text) {
        Ok(statement) => attestation::head_of(&statement).map(str::to_owned),
        Err(_) => {
            let text = String::from_utf8_lossy(&text);
            let value = |key: &str| {
                text.lines()
                    .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                    .map(str::to_owned)
            };
            value("journal_sha256").filter(|_| value("run_id").as_ref() == Some(&summary.id))
        }
    };
    Ok(match head {
        None => Head::None,
        Some(head) if head == summary.reading.head => Head::Same,
        Some(_) => Head::Other,
    })
}
