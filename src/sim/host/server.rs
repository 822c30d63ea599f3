//! The wire: TLS, and HTTP as xapi speaks it.
//!
//! Its habits matter to clients: a head of more than 1024 bytes is refused
//! with 431, a body without `Content-Length` with 500, header names are lower
//! case, an error of the API is still a `200 OK`, and whatever is not known is
//! `403 Forbidden`.
//!
//! Source: xapi's `http.ml`, `xapi_http.ml`, `xapi_globs.ml`.

use super::calls;
use super::json;
use super::screen;
use super::state::Shared;
use super::transfer;
use super::value::{ApiError, Val};
use super::xml;
use super::xva;
use crate::sim::mishap::Mishap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The longest request line with headers.
const LONGEST_HEAD: usize = 1024;

/// The longest body of a call.
const LONGEST_BODY: usize = 300 << 10;

/// How much is taken from a socket at once: TLS by itself takes 4 KiB.
const GULP: usize = 64 << 10;

/// Where connections come in.
pub struct Door {
    /// The certificate that is shown there.
    pub usual: TlsAcceptor,
    /// The one that is shown when a mishap has changed it.
    pub changed: TlsAcceptor,
    /// Where another host of the pool takes transfers.
    pub elsewhere: Option<SocketAddr>,
    /// At a member's, where the master is, and the fingerprint of its certificate.
    pub master: Option<(String, String)>,
}

/// Accept connections until the host ends.
pub async fn serve(shared: Arc<Shared>, listener: TcpListener, door: Door) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.dead.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, most likely; others will close theirs.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let acceptor = if shared.has_new_certificate() {
            door.changed.clone()
        } else {
            door.usual.clone()
        };
        let (for_connection, elsewhere) = (shared.clone(), door.elsewhere);
        let master = door.master.clone();
        let era = shared.era();
        shared.spawn(async move {
            let serving = async {
                let stream = BufReader::with_capacity(GULP, stream);
                if let Ok(stream) = acceptor.accept(stream).await {
                    let mut connection = Connection {
                        stream,
                        buffer: Vec::new(),
                        elsewhere,
                        master,
                    };
                    // A client that goes away is no news.
                    let _ = connection.serve(&for_connection).await;
                    let _ = connection.stream.shutdown().await;
                }
            };
            tokio::select! {
                () = era.cancelled() => {}
                () = serving => {}
            }
        });
    }
}

/// A client's connection and what it has sent that nobody has read yet.
pub struct Connection {
    stream: TlsStream<BufReader<TcpStream>>,
    buffer: Vec<u8>,
    /// Where another host of the pool takes transfers.
    pub elsewhere: Option<SocketAddr>,
    /// At a member's, its master.
    master: Option<(String, String)>,
}

/// The head of a request.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// What follows the question mark, as it was sent.
    pub query: String,
    /// The decoded parameters of the query, and of the cookie, which wins.
    parameters: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    keep_alive: bool,
}

impl Request {
    /// The header called NAME, which is lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The parameter called NAME, of the cookie or of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }
}

impl Connection {
    async fn serve(&mut self, shared: &Arc<Shared>) -> io::Result<()> {
        while let Some(request) = self.read_head(shared).await? {
            let keep = self.answer(shared, &request).await?;
            if !keep {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next request, or `None` when there is none: the client has gone, or
    /// has been told what was wrong.
    async fn read_head(&mut self, shared: &Shared) -> io::Result<Option<Request>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                if head.len() > LONGEST_HEAD {
                    self.refuse("431 Request Header Fields Too Large").await?;
                    return Ok(None);
                }
                let request = parse_head(&head);
                if request.is_none() {
                    self.refuse("400 Bad Request").await?;
                }
                return Ok(request);
            }
            if self.buffer.len() > LONGEST_HEAD {
                self.refuse("431 Request Header Fields Too Large").await?;
                return Ok(None);
            }
            let idle = self.buffer.is_empty();
            let patience = if idle {
                Duration::from_secs(300)
            } else {
                shared.config.head_patience
            };
            match tokio::time::timeout(patience, self.fill()).await {
                Ok(Ok(0)) => return Ok(None),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) if idle => return Ok(None),
                Err(_) => {
                    self.refuse("408 Request Timeout").await?;
                    return Ok(None);
                }
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(8 << 10);
        self.stream.read_buf(&mut self.buffer).await
    }

    /// Answer one request; whether the connection may carry another.
    async fn answer(&mut self, shared: &Arc<Shared>, request: &Request) -> io::Result<bool> {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", path) => {
                let Some(body) = self.read_body(request).await? else {
                    return Ok(false);
                };
                let keep = request.keep_alive;
                let master = self.known_master(shared, request);
                // An old host takes every path for XML-RPC's.
                if path.starts_with("/jsonrpc") && !shared.config.has(&Mishap::NoJsonRpc) {
                    self.answer_json(shared, &body, keep, &master).await
                } else {
                    self.answer_xml(shared, &body, keep, &master).await
                }
            }
            ("PUT", "/import_raw_vdi") => transfer::import(shared, request, self)
                .await
                .map(|()| false),
            ("GET", "/export_raw_vdi") => transfer::export(shared, request, self)
                .await
                .map(|()| false),
            ("PUT", "/import") => xva::import(shared, request, self).await.map(|()| false),
            ("GET", "/export") => xva::export(shared, request, self).await.map(|()| false),
            ("CONNECT", "/console") => screen::serve(shared, request, self).await.map(|()| false),
            ("GET", "/") => {
                let page = "<!DOCTYPE html><html><head><title>XO Lite</title></head></html>";
                self.write_response("200 OK", "text/html", page, false, "")
                    .await?;
                Ok(false)
            }
            ("OPTIONS", "/" | "/json" | "/jsonrpc") => {
                self.send(
                    b"HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\n\
                      access-control-allow-headers: X-Requested-With\r\n\
                      access-control-allow-methods: PUT\r\ncontent-length: 0\r\n\
                      connection: close\r\n\r\n",
                )
                .await?;
                Ok(false)
            }
            _ => {
                self.refuse("403 Forbidden").await?;
                Ok(false)
            }
        }
    }

    async fn read_body(&mut self, request: &Request) -> io::Result<Option<Vec<u8>>> {
        let length = request.content_length().map(|length| length as usize);
        let Some(length) = length.filter(|length| *length <= LONGEST_BODY) else {
            self.refuse("500 Internal Error").await?;
            return Ok(None);
        };
        while self.buffer.len() < length {
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
        Ok(Some(self.buffer.drain(..length).collect()))
    }

    async fn answer_json(
        &mut self,
        shared: &Arc<Shared>,
        body: &[u8],
        keep: bool,
        headers: &str,
    ) -> io::Result<bool> {
        let Ok(call) = json::parse_request(body) else {
            self.refuse("500 Internal Error").await?;
            return Ok(false);
        };
        let Some(outcome) = self.outcome(shared, &call.method, call.params).await else {
            return Ok(false);
        };
        let text = json::reply(call.version, &call.id, &outcome);
        self.write_response("200 OK", "application/json", &text, keep, headers)
            .await?;
        Ok(keep)
    }

    async fn answer_xml(
        &mut self,
        shared: &Arc<Shared>,
        body: &[u8],
        keep: bool,
        headers: &str,
    ) -> io::Result<bool> {
        let Ok((method, params)) = xml::parse_request(body) else {
            self.refuse("500 Internal Error").await?;
            return Ok(false);
        };
        let Some(outcome) = self.outcome(shared, &method, params).await else {
            return Ok(false);
        };
        let text = xml::reply(&method, &outcome);
        self.write_response("200 OK", "text/xml", &text, keep, headers)
            .await?;
        Ok(keep)
    }

    async fn write_response(
        &mut self,
        status: &str,
        content_type: &str,
        body: &str,
        keep: bool,
        headers: &str,
    ) -> io::Result<()> {
        let connection = if keep { "keep-alive" } else { "close" };
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: {connection}\r\n\
             cache-control: no-cache, no-store\r\ncontent-type: {content_type}\r\n\
             Access-Control-Allow-Origin: *\r\n\
             Access-Control-Allow-Headers: X-Requested-With\r\n{headers}\r\n{body}",
            body.len()
        );
        self.send(response.as_bytes()).await
    }

    /// An answer that ends the connection and says no more than its status.
    pub async fn refuse(&mut self, status: &str) -> io::Result<()> {
        let page = format!("<html><body><h1>HTTP {status}</h1></body></html>");
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\
             content-type: text/html\r\ncache-control: no-cache, no-store\r\n\r\n{page}",
            page.len()
        );
        self.send(response.as_bytes()).await
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Put the next bytes of a body into ROOM; none when the client has nothing
    /// more.
    pub async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.buffer.is_empty() {
            return self.stream.read(room).await;
        }
        let count = room.len().min(self.buffer.len());
        room[..count].copy_from_slice(&self.buffer[..count]);
        self.buffer.drain(..count);
        Ok(count)
    }
}

impl Connection {
    /// The header with which a member of a pool vouches for its master.
    fn known_master(&self, shared: &Shared, request: &Request) -> String {
        if request.header("x-xenapi-request-host-certificate-thumbprint") != Some("sha-256:master")
        {
            return String::new();
        }
        let simulated = shared.config.mishaps().into_iter().find_map(|it| match it {
            Mishap::Member { fingerprint, .. } => fingerprint,
            _ => None,
        });
        let vouched = self
            .master
            .as_ref()
            .map(|(_, fingerprint)| fingerprint.clone());
        match simulated.or(vouched) {
            Some(fingerprint) => {
                format!("x-xenapi-response-host-certificate-thumbprint: {fingerprint}\r\n")
            }
            None => String::new(),
        }
    }

    /// The outcome of a call; `None` when a mishap takes the connection away.
    async fn outcome(
        &self,
        shared: &Arc<Shared>,
        method: &str,
        params: Vec<Val>,
    ) -> Option<Result<Val, ApiError>> {
        if shared.cuts_connection(method) {
            return None;
        }
        // A member answers nobody but its master.
        if let Some((master, _)) = &self.master {
            return Some(Err(ApiError::new("HOST_IS_SLAVE", [master])));
        }
        let outcome = calls::call(shared, method, params).await;
        for mishap in shared.config.mishaps() {
            if let Mishap::Slow {
                method: slow,
                milliseconds,
            } = mishap
                && slow == method
            {
                crate::clock::sleep(Duration::from_millis(milliseconds)).await;
            }
        }
        (!shared.mutes_answer(method)).then_some(outcome)
    }
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len())
        .position(|window| window == pattern)
}

fn parse_head(head: &[u8]) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Request::new(&mut headers);
    if !parsed.parse(head).ok()?.is_complete() {
        return None;
    }
    let target = parsed.path?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|header| {
            (
                header.name.to_ascii_lowercase(),
                String::from_utf8_lossy(header.value).trim().to_owned(),
            )
        })
        .collect();
    let header = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let cookie = header("cookie").unwrap_or("");
    let parameters = cookie
        .split([';', '&'])
        .chain(query.split('&'))
        .filter_map(|part| part.trim().split_once('='))
        .map(|(name, value)| (percent_decoded(name), percent_decoded(value)))
        .collect();
    let keep_alive = match header("connection").map(str::to_ascii_lowercase) {
        Some(wish) if wish == "close" => false,
        Some(wish) if wish == "keep-alive" => true,
        _ => parsed.version == Some(1),
    };
    Some(Request {
        method: parsed.method?.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        parameters,
        keep_alive,
        headers,
    })
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0) as u8;
                bytes.push(digit(high) * 16 + digit(low));
                rest = after;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_wins_over_the_query() {
        let request = parse_head(
            b"PUT /import_raw_vdi?vdi=a%20b&session_id=query HTTP/1.1\r\n\
              Cookie: session_id=OpaqueRef%3Acookie; task_id=t\r\n\r\n",
        )
        .unwrap();
        assert_eq!(request.parameter("session_id"), Some("OpaqueRef:cookie"));
        assert_eq!(request.parameter("task_id"), Some("t"));
        assert_eq!(request.parameter("vdi"), Some("a b"));
        assert!(request.keep_alive);
    }
}
