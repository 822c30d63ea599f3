//! Networks that go silent: nothing says that a connection is lost.

use crate::openssh::{Sshd, wait_for};
use fruix_scm::ssh::job::End;
use fruix_scm::ssh::{Connection, Destination, Identity, Login, Question, Trust};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What becomes of what passes.
#[derive(Clone, Copy, PartialEq)]
enum Network {
    Good,
    /// Connections that were made before are forgotten; others are possible.
    Forgets(Instant),
    /// Nothing passes, on any, and nothing is lost.
    StandsStill,
}

/// Passes connections on to a port, as long as the network is good.
struct Proxy {
    port: u16,
    network: Arc<Mutex<Network>>,
    made: Arc<AtomicUsize>,
}

impl Proxy {
    fn to(target: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = Arc::new(Mutex::new(Network::Good));
        let made = Arc::new(AtomicUsize::new(0));
        let (state, count) = (network.clone(), made.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let state = state.clone();
                std::thread::spawn(move || {
                    still(&state);
                    let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else {
                        return;
                    };
                    let born = Instant::now();
                    for (from, to) in [(&near, &far), (&far, &near)] {
                        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                        let state = state.clone();
                        std::thread::spawn(move || pass(from, to, born, &state));
                    }
                });
            }
        });
        Proxy {
            port,
            network,
            made,
        }
    }

    fn becomes(&self, network: Network) {
        *self.network.lock().unwrap() = network;
    }
}

fn still(network: &Mutex<Network>) {
    while *network.lock().unwrap() == Network::StandsStill {
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, born: Instant, network: &Mutex<Network>) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = from.read(&mut buffer).unwrap_or(0);
        still(network);
        if let Network::Forgets(since) = *network.lock().unwrap()
            && born < since
        {
            // It takes what comes, and says nothing.
            continue;
        }
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn connect(sshd: &Sshd, proxy: &Proxy) -> Connection {
    let login = Login::direct(
        Destination {
            address: "127.0.0.1".to_owned(),
            port: proxy.port,
            user: sshd.user.clone(),
        },
        Identity::file(sshd.path("user_ed25519")),
        Trust::Pinned(fs::read_to_string(sshd.path("host_ed25519.pub")).unwrap()),
    );
    wait_for(100, Connection::open(&login, Duration::from_secs(20))).unwrap()
}

/// Follow a job of TICKS seconds over a network that becomes what NETWORK says after
/// three of them, and good again after BAD seconds.
fn followed(name: &str, ticks: u32, network: fn() -> Network, bad: u64) {
    let Some(sshd) = Sshd::start(name) else {
        return;
    };
    let proxy = Proxy::to(sshd.port);
    let connection = connect(&sshd, &proxy);
    let job = sshd.path("job");
    let script =
        format!("i=0; while test $i -lt {ticks}; do i=$((i+1)); echo tick $i; sleep 1; done");
    let directory = job.to_str().unwrap();
    let boot = wait_for(100, connection.start_job(directory, &script)).unwrap();
    let copy = sshd.path("copy");
    let began = Instant::now();
    let end = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(3));
            proxy.becomes(network());
            std::thread::sleep(Duration::from_secs(bad));
            if network() == Network::StandsStill {
                proxy.becomes(Network::Good);
            }
        });
        let mut follow = crate::ssh::following(directory, Some(boot));
        follow.copy = Some(copy.clone());
        follow.limit = Duration::from_secs(150);
        follow.outage = Duration::from_secs(600);
        wait_for(170, connection.follow_job(follow)).unwrap().end
    });
    assert_eq!(end, End::Finished(0));
    assert_eq!(fs::read(copy).unwrap(), fs::read(job.join("log")).unwrap());
    assert!(
        proxy.made.load(Ordering::SeqCst) >= 2,
        "it never connected again"
    );
    assert!(
        began.elapsed() < Duration::from_secs(120),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_job_is_followed_over_a_network_that_has_forgotten_the_connection() {
    followed(
        "outages::forgotten",
        12,
        || Network::Forgets(Instant::now()),
        0,
    );
}

#[test]
fn a_job_is_followed_over_a_network_that_stands_still_for_a_while() {
    followed("outages::still", 12, || Network::StandsStill, 45);
}

#[test]
fn questions_and_files_go_on_over_a_network_that_has_forgotten_the_connection() {
    let Some(sshd) = Sshd::start("outages::questions_and_files") else {
        return;
    };
    let proxy = Proxy::to(sshd.port);
    let connection = connect(&sshd, &proxy);
    let question = || [Question::Script("echo there".to_owned())];
    wait_for(
        100,
        connection.ask_again(&question(), Duration::from_secs(60)),
    )
    .unwrap();
    proxy.becomes(Network::Forgets(Instant::now()));
    let answers = wait_for(
        100,
        connection.ask_again(&question(), Duration::from_secs(60)),
    )
    .unwrap();
    assert_eq!(answers[0].stdout, b"there\n");

    let bytes: Vec<u8> = (0..60_000_000u32)
        .map(|number| (number >> 5) as u8)
        .collect();
    let (here, there) = (sshd.path("here"), sshd.path("there"));
    fs::write(&here, &bytes).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // In the middle of it.
            while fs::metadata(sshd.path("there.part")).map_or(0, |part| part.len()) < 1 << 20 {
                std::thread::sleep(Duration::from_millis(2));
            }
            proxy.becomes(Network::Forgets(Instant::now()));
        });
        wait_for(150, connection.send(&here, there.to_str().unwrap())).unwrap();
    });
    assert!(fs::read(&there).unwrap() == bytes);
}
