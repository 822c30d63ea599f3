//! The SSH client against servers that are broken or mean harm: every one ends
//! in a clear error, in time.

use crate::small_system::SmallSystem;
use fruix_scm::failure::{Failure, Key};
use fruix_scm::runtime;
use fruix_scm::ssh::{Connection, Destination, Identity, Login, Request, Trust};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// What a client is told by a server that does SERVE with each connection.
fn told_by(serve: impl Fn(&mut TcpStream) + Send + 'static) -> Failure {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(&mut stream.unwrap());
        }
    });
    let keys = SmallSystem::new();
    let login = Login::direct(
        Destination {
            address: "127.0.0.1".to_owned(),
            port,
            user: "root".to_owned(),
        },
        Identity::file(keys.disk.private_key.clone()),
        Trust::Pinned(keys.disk.host_key.clone()),
    );
    let limit = Duration::from_millis(1500);
    let start = Instant::now();
    let failure = runtime::wait(
        "meeting a hostile server",
        Duration::from_secs(30),
        Connection::open(&login, limit),
    )
    .unwrap_err();
    assert!(start.elapsed() < limit * 6, "took {:?}", start.elapsed());
    assert!(
        !failure.message().chars().any(char::is_control),
        "{:?}",
        failure.message()
    );
    failure
}

#[test]
fn a_server_that_says_nothing_is_given_up_at_the_deadline() {
    let failure = told_by(|stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    assert_eq!(failure.key(), Key::Timeout);
    assert!(
        failure.message().ends_with(
            "within 1.5 s; last: the server accepted the connection but did not begin SSH"
        ),
        "{failure}"
    );
}

#[test]
fn a_server_that_closes_at_once_is_tried_until_the_deadline() {
    let failure = told_by(|_| {});
    assert_eq!(failure.key(), Key::Timeout);
    assert!(failure.message().contains("before SSH began"), "{failure}");
}

#[test]
fn a_server_that_speaks_something_else_ends_in_an_error() {
    for (banner, told) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "it said `HTTP/1.1 400 Bad Request`",
        ),
        (b"SSH-1.5-ancient\r\n", "it said `SSH-1.5-ancient`"),
        (b"\x1b[2J\x00\xff\xfe\r\n", "it said `\\x1b[2J"),
    ] {
        let failure = told_by(move |stream| {
            let _ = stream.write_all(banner);
            let _ = stream.read(&mut [0; 64]);
        });
        assert!(
            matches!(failure.key(), Key::Timeout | Key::Ssh),
            "{failure}"
        );
        assert!(failure.message().contains(told), "{failure}");
    }
}

#[test]
fn a_farewell_in_the_middle_of_the_key_exchange_is_told_and_not_obeyed() {
    let failure = told_by(|stream| {
        let words = b"\x1b[2Jgone";
        let mut payload = vec![1, 0, 0, 0, 11, 0, 0, 0, words.len() as u8];
        payload.extend_from_slice(words);
        payload.extend_from_slice(&[0; 4]);
        // Padded to a multiple of eight, as a packet is.
        let padding = 4 + (8 - (payload.len() + 5 + 4) % 8) % 8;
        let length = (payload.len() + padding + 1) as u32;
        let _ = stream.write_all(b"SSH-2.0-brief\r\n");
        let _ = stream.write_all(&length.to_be_bytes());
        let _ = stream.write_all(&[padding as u8]);
        let _ = stream.write_all(&payload);
        let _ = stream.write_all(&vec![0; padding]);
        let _ = stream.read(&mut [0; 4096]);
    });
    assert!(
        matches!(failure.key(), Key::Timeout | Key::Ssh),
        "{failure}"
    );
}

#[test]
fn a_greeting_without_end_is_not_read_for_ever() {
    let failure = told_by(|stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
    assert!(
        matches!(failure.key(), Key::Timeout | Key::Ssh),
        "{failure}"
    );
}

#[test]
fn a_packet_that_claims_to_be_huge_ends_in_an_error() {
    let failure = told_by(|stream| {
        let _ = stream.write_all(b"SSH-2.0-huge\r\n\xff\xff\xff\xff\x04\x14");
        let _ = stream.write_all(&[0; 70_000]);
        let _ = stream.read(&mut [0; 4096]);
    });
    assert!(
        matches!(failure.key(), Key::Timeout | Key::Ssh),
        "{failure}"
    );
}

#[test]
fn what_a_command_prints_without_end_is_not_kept_without_end() {
    let system = SmallSystem::new();
    let _guest = system.boot().unwrap();
    let login = Login::direct(
        Destination {
            address: "127.0.0.1".to_owned(),
            port: system.port.address().port(),
            user: "root".to_owned(),
        },
        Identity::file(system.disk.private_key.clone()),
        Trust::Pinned(system.disk.host_key.clone()),
    );
    let failure = runtime::wait("drinking from a hose", Duration::from_secs(60), async {
        let connection = Connection::open(&login, Duration::from_secs(5)).await?;
        connection
            .run(&Request {
                command: "cat /dev/zero".to_owned(),
                ..Request::default()
            })
            .await
    })
    .unwrap_err();
    assert_eq!(failure.key(), Key::Ssh);
    assert!(failure.message().contains("printed more than"), "{failure}");
}
