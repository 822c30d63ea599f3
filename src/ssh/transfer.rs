//! Files between here and the guest, verified on both sides.
//!
//! Bytes go through a channel on which `cat` or `tail` runs: a lean guest has
//! those and may lack an sftp server. A transfer that was cut goes on where it
//! stopped, and none counts until SHA-256 is the same on both sides.

use super::connection::Connection;
use super::error::SshError;
use super::run::{Ending, last_line};
use super::shell::Question;
use super::text::{quote, quote_all};
use crate::progress::{self, Event};
use russh::ChannelMsg;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long hashing a file in the guest may take.
const HASHING: Duration = Duration::from_secs(600);
/// How often a cut transfer is taken up again.
const TRIES: usize = 20;
/// How much is sent or told at once.
const PIECE: usize = 1 << 20;

/// Prints the SHA-256 of `$1` and its size.
const DIGEST: &str = "if command -v sha256 > /dev/null; then sha256 -q \"$1\"; \
                      else sha256sum < \"$1\"; fi && wc -c < \"$1\"";

impl Connection {
    /// Copy the file REMOTE of the guest to LOCAL. Answers its SHA-256.
    pub async fn fetch(&self, remote: &str, local: &Path) -> Result<String, SshError> {
        let what = format!("fetch `{remote}`");
        let (expected, size) = self.digest_of(remote).await?;
        let part = beside(local);
        let mut found = String::new();
        // What an earlier transfer left may be of another file: then once more
        // from the beginning.
        for _ in 0..2 {
            let mut tries = 0;
            while let Err(error) = self.fetch_rest(remote, &part, size, &what).await {
                tries += 1;
                if tries == TRIES || !matches!(error, SshError::Lost { .. }) {
                    return Err(error);
                }
            }
            found = hash_of(&part).map_err(local_trouble(&part))?.0;
            if found == expected {
                fs::rename(&part, local).map_err(local_trouble(local))?;
                return Ok(expected);
            }
            let _ = fs::remove_file(&part);
        }
        Err(self.differs(remote, &expected, &found))
    }

    async fn fetch_rest(
        &self,
        remote: &str,
        part: &Path,
        size: u64,
        what: &str,
    ) -> Result<(), SshError> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(part)
            .map_err(local_trouble(part))?;
        let mut done = file.metadata().map_err(local_trouble(part))?.len();
        if done > size {
            file.set_len(0).map_err(local_trouble(part))?;
            done = 0;
        }
        let (mut input, mut channel) = self.remote(what).await?;
        let command = format!("exec tail -c +{} {}", done + 1, quote(remote));
        channel
            .output()
            .exec(false, command)
            .await
            .map_err(|_| self.lost(what))?;
        while let Some(message) = input.wait().await {
            match message {
                ChannelMsg::Data { data } => {
                    file.write_all(&data).map_err(local_trouble(part))?;
                    done += data.len() as u64;
                    tell(what, done, size);
                }
                ChannelMsg::Close => {
                    channel.ended = true;
                    break;
                }
                _ => {}
            }
        }
        if done < size {
            return Err(self.lost(what));
        }
        Ok(())
    }

    /// Copy the file LOCAL to REMOTE in the guest. Answers its SHA-256.
    pub async fn send(&self, local: &Path, remote: &str) -> Result<String, SshError> {
        let what = format!("send `{}`", local.display());
        let (expected, size) = hash_of(local).map_err(local_trouble(local))?;
        let part = format!("{remote}.part");
        let mut found = String::new();
        for _ in 0..2 {
            let mut tries = 0;
            while let Err(error) = self.send_rest(local, &part, size, &what).await {
                tries += 1;
                if tries == TRIES || !matches!(error, SshError::Lost { .. }) {
                    return Err(error);
                }
            }
            found = self.digest_of(&part).await?.0;
            if found == expected {
                // Said twice it does no harm, which it may be over a cut connection.
                self.script(
                    "if test -e \"$1.part\"; then mv -f \"$1.part\" \"$1\"; fi",
                    remote,
                )
                .await?;
                return Ok(expected);
            }
            self.script("rm -f \"$1\"", &part).await?;
        }
        Err(self.differs(remote, &expected, &found))
    }

    async fn send_rest(
        &self,
        local: &Path,
        part: &str,
        size: u64,
        what: &str,
    ) -> Result<(), SshError> {
        let there = self
            .script("test -f \"$1\" && wc -c < \"$1\" || echo 0", part)
            .await?;
        let mut done = there.trim().parse::<u64>().unwrap_or(0);
        let redirection = if done > size {
            done = 0;
            ">"
        } else {
            ">>"
        };
        let mut file = File::open(local).map_err(local_trouble(local))?;
        file.seek(SeekFrom::Start(done))
            .map_err(local_trouble(local))?;
        let (mut input, mut channel) = self.remote(what).await?;
        let command = format!(
            "exec /bin/sh -c {}",
            quote(&format!("cat {redirection} {}", quote(part)))
        );
        channel
            .output()
            .exec(false, command)
            .await
            .map_err(|_| self.lost(what))?;
        let mut buffer = vec![0; PIECE];
        loop {
            let count = file.read(&mut buffer).map_err(local_trouble(local))?;
            if count == 0 {
                break;
            }
            if !channel.write(buffer[..count].to_vec()).await {
                return Err(self.lost(what));
            }
            done += count as u64;
            tell(what, done, size);
        }
        channel.output().eof().await.map_err(|_| self.lost(what))?;
        let mut errors = Vec::new();
        let mut status = None;
        while let Some(message) = input.wait().await {
            match message {
                ChannelMsg::ExtendedData { data, .. } => errors.extend_from_slice(&data),
                ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
                ChannelMsg::Close => {
                    channel.ended = true;
                    break;
                }
                _ => {}
            }
        }
        match status {
            Some(0) => Ok(()),
            Some(_) => Err(SshError::Channel {
                destination: self.destination().clone(),
                what: format!("`cat > {part}`"),
                reason: last_line(&errors).unwrap_or_else(|| "it said nothing".to_owned()),
            }),
            None => Err(self.lost(what)),
        }
    }

    async fn digest_of(&self, remote: &str) -> Result<(String, u64), SshError> {
        let text = self.script(DIGEST, remote).await?;
        let mut words = text.split_whitespace().filter(|word| *word != "-");
        match (
            words.next(),
            words.next().and_then(|size| size.parse().ok()),
        ) {
            (Some(digest), Some(size)) => Ok((digest.to_owned(), size)),
            _ => Err(SshError::Channel {
                destination: self.destination().clone(),
                what: format!("the digest of `{remote}`"),
                reason: format!("it answered `{}`", super::text::visible(&text)),
            }),
        }
    }

    async fn script(&self, script: &str, argument: &str) -> Result<String, SshError> {
        let set = quote_all(["set", "--", argument]);
        self.asked(Question::Script(format!("{set}\n{script}")))
            .await
    }

    async fn asked(&self, question: Question) -> Result<String, SshError> {
        let answers = self
            .ask_again(std::slice::from_ref(&question), HASHING)
            .await?;
        let answer = &answers[0];
        if answer.ending == Ending::Exited(0) {
            return Ok(String::from_utf8_lossy(&answer.stdout).into_owned());
        }
        Err(SshError::Channel {
            destination: self.destination().clone(),
            what: "a transfer".to_owned(),
            reason: last_line(&answer.stderr).unwrap_or_else(|| "it said nothing".to_owned()),
        })
    }

    fn differs(&self, remote: &str, expected: &str, found: &str) -> SshError {
        SshError::Channel {
            destination: self.destination().clone(),
            what: format!("the copy of `{remote}`"),
            reason: format!("it has SHA-256 {found}, the original {expected}"),
        }
    }
}

fn tell(what: &str, done: u64, total: u64) {
    progress::tell(Event::Transfer {
        what: what.to_owned(),
        done,
        total: Some(total),
    });
}

/// Where a file is until it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn local_trouble(path: &Path) -> impl FnOnce(io::Error) -> SshError + '_ {
    move |error| SshError::Local {
        path: path.to_owned(),
        error,
    }
}

fn hash_of(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; PIECE];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
        size += count as u64;
    }
    let hex = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok((hex, size))
}
