//! HTTP/1.1 as far as XAPI needs it, over a pinned TLS connection.
//!
//! XAPI asks for things that HTTP libraries do not do: a request head of less
//! than 1024 bytes, an answer read before the body is sent, a second answer in
//! the middle of a stream. So this is our own, on `httparse` and `rustls`.
//!
//! Source: xapi's `http.ml`; RFC 9112.

use super::error::XapiError;
use super::trust::{self, Fingerprint};
use crate::clock;
use crate::runtime;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

/// xapi refuses a longer head with status 431.
pub const LONGEST_HEAD: usize = 1024;

/// A reply to a call is not longer than this; a pool's records are a few MiB.
const LONGEST_BODY: usize = 256 << 20;

/// How much is read at once, at least.
const ROOM: usize = 8 << 10;

/// How much is taken from the socket at once: TLS by itself takes 4 KiB.
const GULP: usize = 64 << 10;

/// The connection below HTTP.
type Stream = TlsStream<BufReader<TcpStream>>;

/// How long connecting and shaking hands may take.
const CONNECT: Duration = Duration::from_secs(20);

/// Where a host listens, and how it is recognised.
#[derive(Clone)]
pub struct Endpoint {
    host: String,
    port: u16,
    pins: Vec<Fingerprint>,
    connector: TlsConnector,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url())
    }
}

impl Endpoint {
    /// The host that URL names, with the certificates PINS.
    pub fn new(url: &str, pins: Vec<Fingerprint>) -> Result<Endpoint, XapiError> {
        let malformed = |what: &str| XapiError::Settings {
            message: format!("`{url}` does not name a host: {what}"),
            hint: "write `https://ADDRESS` or `https://ADDRESS:PORT` as `host` in the settings"
                .to_owned(),
        };
        let rest = match url.split_once("://") {
            Some(("https", rest)) => rest,
            Some(_) => return Err(malformed("only https is spoken")),
            None => url,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(malformed("user and password do not belong here"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            // An IPv6 address has colons of its own and stands in brackets.
            Some((host, port)) if !port.ends_with(']') => (
                host,
                port.parse()
                    .map_err(|_| malformed("the port is no number"))?,
            ),
            _ => (authority, 443),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(malformed("the address is empty"));
        }
        Ok(Endpoint {
            host: host.to_owned(),
            port,
            connector: TlsConnector::from(trust::client_config(pins.clone())),
            pins,
        })
    }

    /// The same trust at another address.
    pub fn at(&self, host: &str, port: u16) -> Endpoint {
        Endpoint {
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port,
            ..self.clone()
        }
    }

    /// The same place, where the certificate with this fingerprint is accepted too.
    pub fn trusting(mut self, pin: Fingerprint) -> Endpoint {
        if !self.pins.contains(&pin) {
            self.pins.push(pin);
            self.connector = TlsConnector::from(trust::client_config(self.pins.clone()));
        }
        self
    }

    /// Whether the certificate of the host that is there is accepted: connect
    /// and look.
    pub async fn is_trusted(&self) -> Result<bool, XapiError> {
        match self.connect().await {
            Ok(_) => Ok(true),
            Err(XapiError::Trust { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// ADDRESS or ADDRESS:PORT as a `Host` header has it.
    fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == 443 {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.authority())
    }

    /// A connection on which the host has proven who it is.
    pub async fn connect(&self) -> Result<Connection, XapiError> {
        let tried = format!("connect to `{}`", self.url());
        let failed = |error: io::Error| match trust::not_pinned(&error) {
            Some(seen) => XapiError::Trust {
                host: self.url(),
                pinned: self.pins.iter().map(ToString::to_string).collect(),
                seen: seen.to_string(),
            },
            None => XapiError::Connection {
                tried: tried.clone(),
                reason: error.to_string(),
            },
        };
        let name = match self.host.parse() {
            Ok(address) => ServerName::IpAddress(std::net::IpAddr::into(address)),
            Err(_) => ServerName::try_from(self.host.clone()).map_err(|_| XapiError::Settings {
                message: format!("`{}` is not the name of a host", self.host),
                hint: "write its address or DNS name".to_owned(),
            })?,
        };
        let attempt = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            stream.set_nodelay(true)?;
            let stream = BufReader::with_capacity(GULP, stream);
            self.connector.connect(name, stream).await
        };
        match clock::limit(CONNECT, attempt).await {
            Ok(Ok(stream)) => Ok(Connection {
                stream,
                buffer: Vec::new(),
                idle_since: Instant::now(),
                alone: runtime::is_alone(),
            }),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(XapiError::Timeout {
                tried,
                limit: CONNECT,
                last: "no answer".to_owned(),
            }),
        }
    }

    /// The head of a request. COOKIE holds secrets and appears nowhere else.
    pub fn head(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Vec<u8>, XapiError> {
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\n",
            self.authority()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        if head.len() >= LONGEST_HEAD {
            return Err(XapiError::Protocol {
                tried: format!("{method} at `{}`", self.url()),
                reason: format!(
                    "the head of the request would have {} bytes, and the host takes less than \
                     {LONGEST_HEAD}",
                    head.len()
                ),
            });
        }
        Ok(head.into_bytes())
    }
}

/// The halves of a connection that is read and written at once.
pub type ReadSide = tokio::io::ReadHalf<Stream>;
pub type WriteSide = tokio::io::WriteHalf<Stream>;

/// An open connection, with what has arrived and is not yet read.
pub struct Connection {
    stream: Stream,
    buffer: Vec<u8>,
    idle_since: Instant,
    /// Whether it was opened in [`runtime::wait_alone`], and works only there.
    alone: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connection")
    }
}

/// Status and headers of a response.
#[derive(Debug, PartialEq)]
pub struct Head {
    pub status: u16,
    pub reason: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The header called NAME, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn keeps_alive(&self) -> bool {
        !self
            .header("connection")
            .is_some_and(|wish| wish.eq_ignore_ascii_case("close"))
    }
}

impl Connection {
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Read more; 0 is the end.
    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(ROOM);
        match self.stream.read_buf(&mut self.buffer).await {
            // xapi often closes without the closing alert of TLS.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            outcome => outcome,
        }
    }

    /// The next response's head.
    pub async fn read_head(&mut self) -> io::Result<Head> {
        loop {
            if let Some((head, length)) = parse_head(&self.buffer)? {
                self.buffer.drain(..length);
                // 100 Continue and its like announce the real answer.
                if head.status >= 200 {
                    return Ok(head);
                }
                continue;
            }
            if self.buffer.len() > 64 << 10 {
                return Err(io::Error::other("the head of the answer has no end"));
            }
            if runtime::eagerly(self.fill()).await? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "the host closed the connection without an answer",
                ));
            }
        }
    }

    /// The body that belongs to HEAD: of the announced length, or to the end.
    pub async fn read_body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        let length = head
            .header("content-length")
            .and_then(|text| text.trim().parse::<usize>().ok());
        if length.unwrap_or(0) > LONGEST_BODY {
            return Err(io::Error::other("the answer is too long"));
        }
        loop {
            match length {
                Some(length) if self.buffer.len() >= length => {
                    let rest = self.buffer.split_off(length);
                    return Ok(std::mem::replace(&mut self.buffer, rest));
                }
                None if self.buffer.len() > LONGEST_BODY => {
                    return Err(io::Error::other("the answer is too long"));
                }
                _ => {}
            }
            if self.fill().await? == 0 {
                return match length {
                    None => Ok(std::mem::take(&mut self.buffer)),
                    Some(_) => Err(io::Error::new(
                        io::ErrorKind::ConnectionAborted,
                        "the host closed the connection in the middle of its answer",
                    )),
                };
            }
        }
    }

    /// The next SIZE bytes of what is no HTTP any more.
    pub async fn take(&mut self, size: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < size {
            if self.fill().await? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "the host closed the connection",
                ));
            }
        }
        let rest = self.buffer.split_off(size);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// The next piece of a body without a known length; empty at its end.
    pub async fn read_piece(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.buffer.reserve(256 << 10);
            self.fill().await?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Separate halves, for a body that is sent while answers are watched for;
    /// with what has arrived already.
    pub fn split(self) -> (ReadSide, WriteSide, Vec<u8>) {
        let (read, write) = tokio::io::split(self.stream);
        (read, write, self.buffer)
    }

    /// Note that the connection is not in use from now on.
    pub fn rest(&mut self) {
        self.idle_since = Instant::now();
    }

    /// Whether a request may still find the host at the other end: it closes
    /// idle connections, and a request into a closing one is lost.
    pub fn is_fresh(&self) -> bool {
        self.buffer.is_empty()
            && self.idle_since.elapsed() < Duration::from_secs(5)
            && self.alone == runtime::is_alone()
    }
}

/// The head at the beginning of BYTES and its length, or `None` when it is
/// not complete.
pub fn parse_head(bytes: &[u8]) -> io::Result<Option<(Head, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(length)) => {
            let headers = response
                .headers
                .iter()
                .map(|header| {
                    (
                        header.name.to_owned(),
                        String::from_utf8_lossy(header.value).trim().to_owned(),
                    )
                })
                .collect();
            Ok(Some((
                Head {
                    status: response.code.unwrap_or(0),
                    reason: response.reason.unwrap_or_default().to_owned(),
                    headers,
                },
                length,
            )))
        }
        Err(error) => Err(io::Error::other(format!("the answer is not HTTP: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_by_url_or_address() {
        for (text, url) in [
            ("https://xcp.example", "https://xcp.example"),
            ("https://10.0.0.1:8443/", "https://10.0.0.1:8443"),
            ("https://[fe80::1]", "https://[fe80::1]"),
            ("https://[::1]:444", "https://[::1]:444"),
            ("xcp", "https://xcp"),
        ] {
            assert_eq!(Endpoint::new(text, Vec::new()).unwrap().url(), url);
        }
        for text in ["http://xcp", "https://", "https://a:b", "https://u:p@h"] {
            assert!(Endpoint::new(text, Vec::new()).is_err(), "{text}");
        }
    }

    #[test]
    fn header_names_are_recognised_in_any_case_and_without_the_space() {
        let bytes = b"HTTP/1.1 200 OK\r\nTask-Id:OpaqueRef:1\r\nCONTENT-LENGTH: 2\r\n\r\nok";
        let (head, length) = parse_head(bytes).unwrap().unwrap();
        assert_eq!(head.header("task-id"), Some("OpaqueRef:1"));
        assert_eq!(&bytes[length..], b"ok");
    }

    #[test]
    fn a_head_that_the_host_would_refuse_is_not_sent() {
        let endpoint = Endpoint::new("https://h", Vec::new()).unwrap();
        let long = "x".repeat(LONGEST_HEAD);
        assert!(endpoint.head("PUT", "/", &[("Cookie", &long)]).is_err());
    }
}
