//! What a VM shows on its screen, as a PNG.
//!
//! The host leads to the VM's frame buffer: `CONNECT /console`, and then RFB.
//! One whole picture is asked for, uncompressed; nobody waits in front of it.
//!
//! Source: xapi's `console.ml`; the PNG specification, second edition.

use super::error::XapiError;
use super::http::Endpoint;
use super::rfb;
use super::rpc::is_null;
use super::session::Session;
use super::vm::record;
use crate::clock;
use flate2::Crc;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// How long drawing one picture may take.
const PICTURE: Duration = Duration::from_secs(30);

/// A picture, a line after the other from above, three bytes a pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub width: u16,
    pub height: u16,
    pub pixels: Vec<u8>,
}

impl Picture {
    /// The picture as a PNG file has it.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        const TRUE_COLOUR: u8 = 2;
        let mut header = Vec::new();
        header.extend(u32::from(self.width).to_be_bytes());
        header.extend(u32::from(self.height).to_be_bytes());
        // Eight bits a sample; the only compression, filtering and order there are.
        header.extend([8, TRUE_COLOUR, 0, 0, 0]);
        let mut lines = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        for line in self.pixels.chunks(usize::from(self.width).max(1) * 3) {
            lines.write_all(&[0])?; // no filter
            lines.write_all(line)?;
        }
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, content) in [
            (b"IHDR", header),
            (b"IDAT", lines.finish()?),
            (b"IEND", Vec::new()),
        ] {
            let mut sum = Crc::new();
            sum.update(name);
            sum.update(&content);
            file.extend((content.len() as u32).to_be_bytes());
            file.extend(name);
            file.extend(content);
            file.extend(sum.sum().to_be_bytes());
        }
        Ok(file)
    }
}

/// What VM, a running one, shows now.
pub async fn picture(session: &Session, vm: &str) -> Result<Picture, XapiError> {
    let uuid = session.uuid("VM", vm).await?;
    let tried = format!("see the screen of VM `{uuid}`");
    let console = framebuffer(session, vm, &tried).await?;
    let endpoint = place(session, &console).await?;
    let target = format!(
        "/console?uuid={}",
        console["uuid"].as_str().unwrap_or_default()
    );
    let cookie = session.cookie("OpaqueRef:NULL");
    let request = endpoint.head("CONNECT", &target, &[("Cookie", &cookie)])?;
    let mut connection = endpoint.connect().await?;
    let seen = async {
        connection.send(&request).await?;
        let head = connection.read_head().await?;
        if head.status != 200 {
            return Err(io::Error::other(format!(
                "the host answered HTTP {} {}",
                head.status, head.reason
            )));
        }
        rfb::see(&mut connection).await
    };
    match clock::limit(PICTURE, seen).await {
        Ok(Ok(picture)) => Ok(picture),
        Ok(Err(error)) => Err(XapiError::Protocol {
            tried,
            reason: error.to_string(),
        }),
        Err(_) => Err(XapiError::Timeout {
            tried,
            limit: PICTURE,
            last: "no picture had come".to_owned(),
        }),
    }
}

/// The record of the console of VM that is a frame buffer.
async fn framebuffer(session: &Session, vm: &str, tried: &str) -> Result<Value, XapiError> {
    let consoles = session
        .call_within("VM.get_consoles", vec![json!(vm)], session.patience())
        .await?;
    for reference in consoles.as_array().into_iter().flatten() {
        let reference = reference.as_str().unwrap_or_default();
        if is_null(reference) {
            continue;
        }
        let console = record(session, "console", reference).await?;
        if console["protocol"] == "rfb" {
            return Ok(console);
        }
    }
    Err(XapiError::WrongState {
        tried: tried.to_owned(),
        state: "it has no screen; only a VM that runs has one".to_owned(),
    })
}

/// Where CONSOLE is: where its location says, unless there is but one host, which
/// is reached the way it always is.
async fn place(session: &Session, console: &Value) -> Result<Endpoint, XapiError> {
    let here = session.endpoint();
    let hosts = session
        .call_within("host.get_all", Vec::new(), session.patience())
        .await?;
    let location = console["location"].as_str().unwrap_or_default();
    let there = match Endpoint::new(location, Vec::new()) {
        Ok(there) if hosts.as_array().is_some_and(|hosts| hosts.len() > 1) => there,
        _ => return Ok(here),
    };
    let there = here.at(there.host(), there.port());
    if there.is_trusted().await? {
        return Ok(there);
    }
    // The pool knows its hosts; what it does not list stays a stranger.
    session.learn_certificates().await?;
    Ok(session.endpoint().at(there.host(), there.port()))
}
