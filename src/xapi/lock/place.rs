//! A VM or VDI of a host as the board that its lock stands on.
//!
//! Source: XenAPI reference, `VM.other_config`, `VM.tags`, `host.get_servertime`;
//! xapi's `db_cache_impl.ml`, where an addition reads, checks and writes under one
//! lock, and `xapi_vm_snapshot.ml`, where a revert leaves the tags alone.

use super::clock;
use super::epochs::View;
use super::protocol::{Addition, Board, Sight};
use crate::xapi::error::XapiError;
use crate::xapi::session::Session;
use crate::xapi::transfer;
use serde_json::{Value, json};
use std::time::Duration;

pub struct Place<'a> {
    session: &'a Session,
    class: &'static str,
    reference: &'a str,
    uuid: &'a str,
}

impl<'a> Place<'a> {
    pub fn new(
        session: &'a Session,
        class: &'static str,
        reference: &'a str,
        uuid: &'a str,
    ) -> Place<'a> {
        Place {
            session,
            class,
            reference,
            uuid,
        }
    }

    async fn call(&self, method: &str, rest: &[&str]) -> Result<Value, XapiError> {
        let mut params = vec![json!(self.reference)];
        params.extend(rest.iter().map(|text| json!(text)));
        let method = format!("{}.{method}", self.class);
        self.session
            .call_unfenced(&method, params, self.session.patience())
            .await
    }

    /// What METHOD answers about the object that REFERENCE points at.
    async fn ask(&self, method: &str, reference: &Value) -> Result<Value, XapiError> {
        self.session
            .call_unfenced(method, vec![reference.clone()], self.session.patience())
            .await
    }

    /// What stands about the lock.
    pub async fn view(&self) -> Result<View, XapiError> {
        let sight = self.read().await?;
        Ok(View::of(&sight.other_config, &sight.tags, self.uuid))
    }
}

impl Board for Place<'_> {
    type Error = XapiError;

    fn uuid(&self) -> &str {
        self.uuid
    }

    async fn read(&self) -> Result<Sight, XapiError> {
        // The whole record at once: during a revert the claim stands in either, and
        // two calls could miss it in both.
        let record = self.call("get_record", &[]).await?;
        Ok(Sight {
            other_config: record["other_config"].clone(),
            tags: record["tags"].clone(),
        })
    }

    async fn work(&self) -> Result<Option<String>, XapiError> {
        let record = self.call("get_record", &[]).await?;
        if let Some(operation) = record["current_operations"]
            .as_object()
            .and_then(|operations| operations.values().next())
        {
            return Ok(Some(operation.as_str().unwrap_or("something").to_owned()));
        }
        if self.class != "VDI" {
            return Ok(None);
        }
        // A transfer attaches the disk to the control domain.
        for vbd in record["VBDs"].as_array().into_iter().flatten() {
            let vbd = match self.ask("VBD.get_record", vbd).await {
                Err(error) if error.code() == Some("HANDLE_INVALID") => continue,
                vbd => vbd?,
            };
            if vbd["currently_attached"] == true
                && self.ask("VM.get_is_control_domain", &vbd["VM"]).await? == true
            {
                return Ok(Some("a transfer".to_owned()));
            }
        }
        Ok(None)
    }

    async fn add(&self, key: &str, value: &str) -> Result<Addition, XapiError> {
        match self.call("add_to_other_config", &[key, value]).await {
            Ok(_) => Ok(Addition::Done),
            Err(error) if error.code() == Some("MAP_DUPLICATE_KEY") => Ok(Addition::Duplicate),
            Err(error) => Err(error),
        }
    }

    async fn remove(&self, key: &str) -> Result<(), XapiError> {
        self.call("remove_from_other_config", &[key])
            .await
            .map(|_| ())
    }

    async fn add_tag(&self, tag: &str) -> Result<(), XapiError> {
        self.call("add_tags", &[tag]).await.map(|_| ())
    }

    async fn remove_tag(&self, tag: &str) -> Result<(), XapiError> {
        self.call("remove_tags", &[tag]).await.map(|_| ())
    }

    async fn now(&self) -> Result<u64, XapiError> {
        host_time(self.session).await
    }

    async fn end_leftovers(&self) -> Result<(), XapiError> {
        if self.class == "VDI" {
            transfer::end_others(self.session, self.uuid).await?;
        }
        Ok(())
    }

    fn clock(&self) -> Duration {
        clock::now()
    }

    async fn pause(&self, time: Duration) {
        clock::sleep(time).await;
    }

    fn nonce(&self) -> String {
        uuid::Uuid::new_v4().simple().to_string()
    }
}

/// The clock of the pool's master, in whole seconds since 1970.
pub async fn host_time(session: &Session) -> Result<u64, XapiError> {
    let master = session.master().await?;
    let time = session
        .call_unfenced(
            "host.get_servertime",
            vec![json!(master)],
            session.patience(),
        )
        .await?;
    let text = time.as_str().unwrap_or_default();
    seconds_of(text).ok_or_else(|| XapiError::Protocol {
        tried: "learn the host's time".to_owned(),
        reason: format!("`{text}` is no date"),
    })
}

/// The seconds since 1970 at TEXT, a date as XAPI writes it, with hyphens or without.
fn seconds_of(text: &str) -> Option<u64> {
    let plain: String = text
        .trim_end_matches('Z')
        .chars()
        .filter(|char| *char != '-')
        .collect();
    let time = chrono::NaiveDateTime::parse_from_str(&plain, "%Y%m%dT%H:%M:%S%.f").ok()?;
    time.and_utc().timestamp().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::seconds_of;

    #[test]
    fn dates_of_both_forms_are_read() {
        for text in [
            "20240420T12:00:00Z",
            "2024-04-20T12:00:00Z",
            "20240420T12:00:00.25Z",
        ] {
            assert_eq!(seconds_of(text), Some(1_713_614_400), "{text}");
        }
        for text in ["", "yesterday", "19240420T12:00:00Z"] {
            assert_eq!(seconds_of(text), None, "{text}");
        }
    }
}
