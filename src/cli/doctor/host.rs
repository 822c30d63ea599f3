//! What there is to be seen at the host: whether it answers, with which certificate,
//! lets us in, and has the machine that the settings name, as a run needs it.
//!
//! Each look has a deadline of its own. What cannot be looked at, because something
//! before it is wrong, says so. Nothing is changed on the host: a session is made,
//! and ended.

use super::{Finding, LOOK, Verdict};
use crate::cli::gc;
use crate::cli::settings::{Setting, Settings};
use crate::cli::trust::is_same;
use crate::failure::{Failure, Key};
use crate::report::moment;
use crate::runtime;
use crate::xapi::lock::{self, Seen as Lock};
use crate::xapi::{self, Session, XapiError, vm};
use indicatif::HumanBytes;
use serde_json::{Value, json};
use std::future::Future;
use std::time::{Duration, Instant};

/// How long logging out may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What is found at the host of SETTINGS.
pub fn examined(settings: &Settings) -> Result<Vec<Finding>, Failure> {
    let mut looks = Looks {
        settings,
        findings: Vec::new(),
    };
    looks.host()?;
    Ok(looks.findings)
}

/// What a look at SUBJECT has found: nothing, when what went wrong is a finding.
type Seen<T> = Result<Option<T>, Failure>;

struct Looks<'a> {
    settings: &'a Settings,
    findings: Vec<Finding>,
}

impl Looks<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        match self.settings.get(name) {
            Some((Setting::Text(text), _)) => Some(text),
            _ => None,
        }
    }

    fn texts(&self, name: &str) -> Vec<String> {
        match self.settings.get(name) {
            Some((Setting::Text(text), _)) => vec![text.clone()],
            Some((Setting::Texts(texts), _)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    fn add(&mut self, verdict: Verdict, subject: &str, text: impl Into<String>) {
        self.findings.push(Finding::new(verdict, subject, text));
    }

    /// What FUTURE, a look at SUBJECT, gives within the deadline.
    fn look<T, E>(&mut self, subject: &str, future: impl Future<Output = Result<T, E>>) -> Seen<T>
    where
        Failure: From<E>,
    {
        match runtime::wait(&format!("looking at the {subject}"), LOOK, future) {
            Ok(value) => Ok(Some(value)),
            Err(failure) if failure.key() == Key::Interrupted => Err(failure),
            Err(failure) => {
                self.add(Verdict::Bad, subject, failure.message());
                Ok(None)
            }
        }
    }

    fn host(&mut self) -> Result<(), Failure> {
        let Some(host) = self.text("host").map(str::to_owned) else {
            self.add(
                Verdict::Absent,
                "host",
                "not looked at: no setting names it",
            );
            return Ok(());
        };
        let began = Instant::now();
        let Some(shown) = self.look("host", xapi::shown_certificate(&host))? else {
            return Ok(());
        };
        let waited = began.elapsed().as_millis();
        self.add(
            Verdict::Fine,
            "host",
            format!("`{host}` answers in {waited} ms"),
        );
        let pins = self.texts("certificate-sha256");
        if pins.iter().any(|pin| is_same(pin, &shown)) {
            self.add(
                Verdict::Fine,
                "certificate",
                "the host shows the pinned one",
            );
        } else if pins.is_empty() {
            self.add(
                Verdict::Bad,
                "certificate",
                format!("none is pinned, and the host shows {shown}; `fruix-scm doctor --trust {host}` compares and writes it"),
            );
            return Ok(());
        } else {
            self.add(
                Verdict::Bad,
                "certificate",
                format!("the host shows {shown}, and pinned is {}; was it reinstalled, or is another host there?", pins.join(" ")),
            );
            return Ok(());
        }
        let login = match gc::login(self.settings) {
            Ok(login) => xapi::Login {
                patience: LOOK,
                ..login
            },
            Err(failure) => {
                self.add(
                    Verdict::Absent,
                    "login",
                    format!("not tried: {}", failure.message()),
                );
                return Ok(());
            }
        };
        let user = login.user.clone();
        let Some(session) = self.look("login", Session::log_in(login))? else {
            return Ok(());
        };
        self.add(Verdict::Fine, "login", format!("as `{user}`"));
        let seen = self.machine(&session);
        // A session that cannot be ended now ends by itself at the host.
        let _ = runtime::wait_to_clean_up("logging out", FAREWELL, session.log_out());
        seen
    }

    /// The VM, its disk, and whether the image fits.
    fn machine(&mut self, session: &Session) -> Result<(), Failure> {
        let vm = self.object(session, "VM", "vm", "approved/vms")?;
        let vdi = self.object(session, "VDI", "vdi", "approved/vdis")?;
        if let Some((_, record)) = &vm {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            let state = text("power_state");
            let what = match state.as_str() {
                "Halted" => "halted".to_owned(),
                other => format!(
                    "{}; a run shuts it down, whatever it does",
                    other.to_lowercase()
                ),
            };
            self.add(
                Verdict::Fine,
                "VM",
                format!("`{}`, {what}", text("name_label")),
            );
        }
        let Some((reference, record)) = &vdi else {
            return Ok(());
        };
        let size = record["virtual_size"]
            .as_u64()
            .or_else(|| record["virtual_size"].as_str()?.parse().ok());
        self.disk(session, vm.as_ref(), reference, record, size)?;
        self.image(size);
        Ok(())
    }

    /// The reference and record of the object of CLASS that the setting NAME tells
    /// of, and that the list APPROVED has.
    fn object(
        &mut self,
        session: &Session,
        class: &'static str,
        name: &str,
        approved: &str,
    ) -> Seen<(String, Value)> {
        let Some(uuid) = self.text(name).map(str::to_owned) else {
            self.add(
                Verdict::Absent,
                class,
                format!("not looked at: `{name}` is not set"),
            );
            return Ok(None);
        };
        if !session.approved().includes(class, &uuid) {
            self.add(
                Verdict::Bad,
                class,
                format!("`{uuid}` is not among {approved}, so a run may not touch it"),
            );
        }
        let found = self.look(class, async {
            let reference = vm::find(session, class, &uuid).await?;
            let record = vm::record(session, class, &reference).await?;
            Ok::<_, XapiError>((reference, record))
        })?;
        if let Some((reference, _)) = &found {
            self.lock(session, class, reference)?;
        }
        Ok(found)
    }

    /// Whether somebody has the object of CLASS that REFERENCE points at.
    fn lock(
        &mut self,
        session: &Session,
        class: &'static str,
        reference: &str,
    ) -> Result<(), Failure> {
        let subject = format!("lock of the {class}");
        let Some(lock) = self.look(&subject, lock::look(session, class, reference))? else {
            return Ok(());
        };
        let (verdict, text) = match lock {
            None => (Verdict::Fine, "nobody has it".to_owned()),
            Some(lock) => told(&lock),
        };
        self.add(verdict, &subject, text);
        Ok(())
    }

    /// Whether the disk is the VM's, or is to be replaced and there is room.
    fn disk(
        &mut self,
        session: &Session,
        vm: Option<&(String, Value)>,
        reference: &str,
        record: &Value,
        size: Option<u64>,
    ) -> Result<(), Failure> {
        let name = record["name_label"].as_str().unwrap_or_default();
        let size = size.map_or("of unknown size".to_owned(), |size| {
            format!("of {}", HumanBytes(size))
        });
        if self.text("disk-change") == Some("replace") {
            self.add(Verdict::Fine, "VDI", format!("`{name}`, {size}; is kept"));
            return self.room(session, record);
        }
        let Some((_, vm)) = vm else {
            self.add(Verdict::Fine, "VDI", format!("`{name}`, {size}"));
            return Ok(());
        };
        let attached = |vbd: &Value| vbd["VDI"] == json!(reference);
        let vbds: Vec<String> = vm["VBDs"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|vbd| vbd.as_str().map(str::to_owned))
            .collect();
        let Some(records) = self.look("VDI", async {
            let mut records = Vec::new();
            for vbd in &vbds {
                records.push(vm::record(session, "VBD", vbd).await?);
            }
            Ok::<_, XapiError>(records)
        })?
        else {
            return Ok(());
        };
        if records.iter().any(attached) {
            self.add(
                Verdict::Fine,
                "VDI",
                format!("`{name}`, {size}, a disk of the VM; a run overwrites it"),
            );
        } else {
            self.add(
                Verdict::Bad,
                "VDI",
                format!("`{name}`, {size}, is no disk of the VM, which would boot from another"),
            );
        }
        Ok(())
    }

    /// How much room there is for a fresh disk beside the one of RECORD.
    fn room(&mut self, session: &Session, record: &Value) -> Result<(), Failure> {
        let sr = record["SR"].as_str().unwrap_or_default().to_owned();
        let Some(sr) = self.look("storage repository", vm::record(session, "SR", &sr))? else {
            return Ok(());
        };
        let number = |name: &str| {
            sr[name]
                .as_u64()
                .or_else(|| sr[name].as_str()?.parse().ok())
                .unwrap_or(0)
        };
        let free = number("physical_size").saturating_sub(number("physical_utilisation"));
        let needed = self.image_size().unwrap_or(0);
        let verdict = match free < needed {
            true => Verdict::Bad,
            false => Verdict::Fine,
        };
        self.add(
            verdict,
            "storage repository",
            format!(
                "`{}`, {} free; the image may take {}",
                sr["name_label"].as_str().unwrap_or_default(),
                HumanBytes(free),
                HumanBytes(needed)
            ),
        );
        Ok(())
    }

    /// How large the image is; `None` where it cannot be read, which has been said.
    fn image_size(&self) -> Option<u64> {
        let metadata = std::fs::metadata(self.text("image")?).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// Whether the image fits a VDI of SIZE.
    fn image(&mut self, size: Option<u64>) {
        let Some(image) = self.image_size() else {
            return;
        };
        let fits = size.is_none_or(|size| image <= size);
        // A fresh disk is as large as the image wants it.
        let replaced = self.text("disk-change") == Some("replace");
        match (size, fits || replaced) {
            (Some(size), false) => self.add(
                Verdict::Bad,
                "image",
                format!(
                    "{} ({image} bytes) does not fit the VDI of {} ({size} bytes)",
                    HumanBytes(image),
                    HumanBytes(size)
                ),
            ),
            _ => self.add(
                Verdict::Fine,
                "image",
                format!("{}, which fits the VDI", HumanBytes(image)),
            ),
        }
    }
}

/// What LOCK means for a run that would begin now.
fn told(lock: &Lock) -> (Verdict, String) {
    let (epoch, holder) = (&lock.epoch, &lock.epoch.claim.holder);
    let run = match holder.run.as_str() {
        "" => "a session outside of a run".to_owned(),
        run => format!("run `{run}`"),
    };
    let who = format!("{run} of {}, on {}", holder.owner, holder.client);
    let until = moment(epoch.until);
    if !lock.is_held {
        return (
            Verdict::Fine,
            format!("free: that of {who}, has ended at {until}"),
        );
    }
    let what = match &epoch.kept {
        Some(why) => format!(
            "{who}, keeps it until {until} ({why}); `fruix-scm runs gc --host --all` frees \
             what is yours"
        ),
        None => format!("{who}, has it until {until}, and longer if it renews it"),
    };
    (
        Verdict::Bad,
        format!("{what}; a run is refused, or takes it over with --take-over"),
    )
}
