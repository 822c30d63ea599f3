//! A loopback port that is known before anybody listens on it.
//!
//! Settings name the guest's SSH port before the guest has booted, and
//! between boots a connection to it must be refused, not taken by a stranger.
//! A bound socket that never listens does both; the guest binds a second one
//! beside it with `SO_REUSEPORT`.
//!
//! Source: socket(7), setsockopt(2).

use rustix::net::{AddressFamily, SocketType, sockopt};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

/// A port that is ours until this is dropped.
#[derive(Debug)]
pub struct ReservedPort {
    _socket: OwnedFd,
    address: SocketAddr,
}

impl ReservedPort {
    /// Take a free port of ADDRESS.
    pub fn reserve(address: IpAddr) -> io::Result<ReservedPort> {
        let socket = bind(SocketAddr::new(address, 0))?;
        let bound = rustix::net::getsockname(&socket)?;
        let address = SocketAddr::try_from(bound)?;
        Ok(ReservedPort {
            _socket: socket,
            address,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listen here; connections are refused again when the listener is dropped.
    /// The listener does not block, as tokio wants it.
    pub fn listen(&self) -> io::Result<TcpListener> {
        let socket = bind(self.address)?;
        rustix::net::listen(&socket, 128)?;
        let listener = TcpListener::from(socket);
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}

fn bind(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    // A program that the guest runs must not inherit its network.
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpStream};

    #[test]
    fn a_reserved_port_refuses_until_somebody_listens_and_again_afterwards() {
        let port = ReservedPort::reserve(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
        let refused = |why: &str| {
            let error = TcpStream::connect(port.address()).expect_err(why);
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{why}");
        };
        refused("before");
        let listener = port.listen().unwrap();
        TcpStream::connect(port.address()).unwrap();
        drop(listener);
        refused("after");
        port.listen().unwrap();
    }
}
