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
use crate::visible::without_user;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
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

/// How long one address of a name is tried alone before the next one is tried too
/// (RFC 8305, section 8).
const HEAD_START: Duration = Duration::from_millis(250);

/// How much of the body of a refusal is read, and for how long.
const LONGEST_WORDS: usize = 64 << 10;
const WORDS: Duration = Duration::from_secs(3);

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
            message: format!("`{}` does not name a host: {what}", without_user(url)),
            hint: "write `https://ADDRESS` or `https://ADDRESS:PORT` as `host` in the settings"
                .to_owned(),
        };
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some(_) => return Err(malformed("only https is spoken")),
            None => url,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(malformed("user and password do not belong here"));
        }
        let number = |port: &str| port.parse().map_err(|_| malformed("the port is no number"));
        // An IPv6 address has colons of its own; with a port it stands in brackets.
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => match bracketed.split_once(']') {
                Some((host, "")) => (host, 443),
                Some((host, rest)) => match rest.strip_prefix(':') {
                    Some(port) => (host, number(port)?),
                    None => return Err(malformed("something else than a port follows `]`")),
                },
                None => return Err(malformed("`]` is missing")),
            },
            None if without_zone(authority)
                .parse::<std::net::Ipv6Addr>()
                .is_ok() =>
            {
                (authority, 443)
            }
            None => match authority.rsplit_once(':') {
                Some((host, port)) => (host, number(port)?),
                None => (authority, 443),
            },
        };
        // In an URL the zone of a link-local address is behind an escaped percent sign.
        let host = host.replace("%25", "%");
        if host.is_empty() {
            return Err(malformed("the address is empty"));
        }
        Ok(Endpoint {
            host,
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

    /// ADDRESS or ADDRESS:PORT as a `Host` header has it. The zone of a link-local
    /// address is this machine's business (RFC 6874, section 1).
    fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", without_zone(&self.host))
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
        let failed = |error: io::Error| {
            if let Some(seen) = trust::not_pinned(&error) {
                return XapiError::Trust {
                    host: self.url(),
                    pinned: self.pins.iter().map(ToString::to_string).collect(),
                    seen: seen.to_string(),
                };
            }
            match trust::incompatible(&error) {
                Some((reason, hint)) => XapiError::Tls {
                    tried: tried.clone(),
                    reason,
                    hint,
                },
                None => XapiError::Connection {
                    tried: tried.clone(),
                    reason: error.to_string(),
                },
            }
        };
        let name = match without_zone(&self.host).parse() {
            Ok(address) => ServerName::IpAddress(std::net::IpAddr::into(address)),
            Err(_) => ServerName::try_from(self.host.clone()).map_err(|_| XapiError::Settings {
                message: format!("`{}` is not the name of a host", self.host),
                hint: "write its address or DNS name".to_owned(),
            })?,
        };
        let attempt = async {
            let addresses = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
            let stream = first_to_answer(alternating(addresses.collect())).await?;
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
                url: self.url(),
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
    /// Whom it leads to.
    url: String,
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

/// HOST without the zone of a link-local address, such as `fe80::1%eth0`.
fn without_zone(host: &str) -> &str {
    host.split_once('%').map_or(host, |(address, _)| address)
}

/// ADDRESSES with both families by turns, the first one's first.
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().copied() else {
        return addresses;
    };
    let (mut one, mut other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv4() == first.is_ipv4());
    one.reverse();
    other.reverse();
    let mut mixed = Vec::new();
    while let Some(address) = one.pop().or_else(|| other.pop()) {
        mixed.push(address);
        mixed.extend(other.pop());
    }
    mixed
}

/// A connection to whichever of ADDRESSES answers first; each begins a moment after
/// the one before, or as soon as that has failed.
async fn first_to_answer(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let several = addresses.len() > 1;
    let mut waiting = addresses.into_iter();
    let mut trying = FuturesUnordered::new();
    let mut failures: Vec<String> = Vec::new();
    let mut last = None;
    loop {
        if let Some(address) = waiting.next() {
            trying.push(async move { (address.ip(), TcpStream::connect(address).await) });
        }
        let next = async {
            if waiting.len() > 0 {
                clock::sleep(HEAD_START).await;
            } else {
                std::future::pending().await
            }
        };
        tokio::select! {
            ended = trying.next() => match ended {
                Some((_, Ok(stream))) => return Ok(stream),
                Some((address, Err(error))) => {
                    failures.push(told(address, &error));
                    last = Some(error);
                }
                None => {
                    return Err(match last {
                        Some(error) if !several => error,
                        _ if failures.is_empty() => {
                            io::Error::new(io::ErrorKind::NotFound, "the name has no address")
                        }
                        _ => io::Error::other(failures.join("; ")),
                    });
                }
            },
            () = next => {}
        }
    }
}

fn told(address: IpAddr, error: &io::Error) -> String {
    format!("{address}: {error}")
}

impl Connection {
    /// Whom this leads to.
    pub fn url(&self) -> &str {
        &self.url
    }

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

    /// The body that belongs to HEAD: in chunks, of the announced length, or to the
    /// end.
    pub async fn read_body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        if let Some(coding) = head.header("transfer-encoding") {
            if coding.eq_ignore_ascii_case("chunked") {
                return self.read_chunks().await;
            }
            return Err(io::Error::other(format!(
                "the answer is coded as `{coding}`, which nobody asked for"
            )));
        }
        let length = match head.header("content-length") {
            None => None,
            Some(text) => Some(text.trim().parse::<usize>().map_err(|_| {
                io::Error::other(format!(
                    "the answer's length is `{text}`, which is no length"
                ))
            })?),
        };
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

    /// A body in chunks, as a proxy before the host may send it (RFC 9112, section 7.1).
    async fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let malformed = || io::Error::other("a chunk of the answer has no length");
        let mut body = Vec::new();
        loop {
            let size = loop {
                match httparse::parse_chunk_size(&self.buffer).map_err(|_| malformed())? {
                    httparse::Status::Complete((length, size)) => {
                        self.buffer.drain(..length);
                        break usize::try_from(size).map_err(|_| malformed())?;
                    }
                    httparse::Status::Partial if self.buffer.len() > ROOM => {
                        return Err(malformed());
                    }
                    httparse::Status::Partial => self.must_fill().await?,
                }
            };
            if size == 0 {
                break;
            }
            if body.len().saturating_add(size) > LONGEST_BODY {
                return Err(io::Error::other("the answer is too long"));
            }
            body.extend(self.take(size).await?);
            if self.take(2).await? != b"\r\n" {
                return Err(io::Error::other("a chunk of the answer has no end"));
            }
        }
        // Fields may follow, up to an empty line.
        loop {
            match self.buffer.windows(2).position(|window| window == b"\r\n") {
                Some(end) => {
                    self.buffer.drain(..end + 2);
                    if end == 0 {
                        return Ok(body);
                    }
                }
                None if self.buffer.len() > 64 << 10 => {
                    return Err(io::Error::other("the end of the answer has no end"));
                }
                None => self.must_fill().await?,
            }
        }
    }

    async fn must_fill(&mut self) -> io::Result<()> {
        if self.fill().await? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the host closed the connection in the middle of its answer",
            ));
        }
        Ok(())
    }

    /// What the body that belongs to HEAD, of a refusal, says to people: in one line,
    /// without marks of HTML; as much of it as comes at once.
    pub async fn read_words(&mut self, head: &Head) -> String {
        let is_short = head
            .header("content-length")
            .and_then(|text| text.trim().parse::<usize>().ok())
            .is_none_or(|length| length <= LONGEST_WORDS);
        let read = async {
            if is_short && let Ok(body) = self.read_body(head).await {
                return body;
            }
            while self.buffer.len() < LONGEST_WORDS && matches!(self.fill().await, Ok(1..)) {}
            std::mem::take(&mut self.buffer)
        };
        let body = clock::limit(WORDS, read).await;
        let body = body.unwrap_or_else(|_| std::mem::take(&mut self.buffer));
        words(&String::from_utf8_lossy(
            &body[..body.len().min(LONGEST_WORDS)],
        ))
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

/// TEXT, a page of HTML or not, in one line.
fn words(text: &str) -> String {
    const LONGEST: usize = 600;
    let mut words = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        words.push_str(before);
        words.push(' ');
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    words.push_str(rest);
    let words: Vec<&str> = words.split_whitespace().collect();
    let words = words.join(" ");
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// The head at the beginning of BYTES and its length, or `None` when it is
/// not complete.
pub fn parse_head(bytes: &[u8]) -> io::Result<Option<(Head, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 256];
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
        Err(httparse::Error::TooManyHeaders) => Err(io::Error::other(
            "the head of the answer has more than 256 fields",
        )),
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
            ("xcp:8443", "https://xcp:8443"),
            ("HTTPS://xcp/", "https://xcp"),
            ("::1", "https://[::1]"),
            ("[::1]:8443", "https://[::1]:8443"),
            ("https://::1", "https://[::1]"),
            ("fe80::1%lo", "https://[fe80::1]"),
            ("https://[fe80::1%25lo]:444", "https://[fe80::1]:444"),
            ("::ffff:10.0.0.1", "https://[::ffff:10.0.0.1]"),
        ] {
            assert_eq!(Endpoint::new(text, Vec::new()).unwrap().url(), url);
        }
        for text in [
            "http://xcp",
            "https://",
            "https://a:b",
            "https://u:p@h",
            "[::1",
            "[::1]x",
            "[::1]:",
            "::1:x",
        ] {
            assert!(Endpoint::new(text, Vec::new()).is_err(), "{text}");
        }
    }

    #[test]
    fn families_of_addresses_take_turns() {
        let mixed = |texts: &[&str]| {
            let addresses = texts.iter().map(|text| text.parse().unwrap()).collect();
            let order = alternating(addresses).into_iter();
            order
                .map(|it: SocketAddr| it.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            mixed(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]),
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]
        );
        assert_eq!(mixed(&["1.1.1.1:1", "[::1]:1"]), ["1.1.1.1:1", "[::1]:1"]);
    }

    #[test]
    fn a_page_is_told_in_its_words() {
        let page =
            "<html><body><h1>HTTP 500</h1>An error\n occurred.<h1> Additional </h1>Db_exn</body>";
        assert_eq!(words(page), "HTTP 500 An error occurred. Additional Db_exn");
        assert_eq!(words(&"x".repeat(2000)).chars().count(), 601);
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
