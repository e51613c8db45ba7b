//! `hotdesk health`: asks the desk on this machine whether it takes work. For containers, which have no curl.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::Exit;
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(3);

/// Done when `/healthz/ready` at the configured address says 200, failed with the reason on stderr when not.
pub fn run() -> Exit {
    let config = match Config::load(None) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("hotdesk: {error}");
            return Exit::Usage;
        }
    };
    let listen = &config.server.listen;
    match ask(listen) {
        Ok(200) => Exit::Done,
        Ok(status) => {
            eprintln!("hotdesk: the desk at {listen} is not ready (status {status})");
            Exit::Failed
        }
        Err(error) => {
            eprintln!("hotdesk: the desk at {listen} does not answer: {error}");
            Exit::Failed
        }
    }
}

fn ask(listen: &str) -> io::Result<u16> {
    let address = listen.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&local(address), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /healthz/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let status = head.strip_prefix(b"HTTP/1.1 ").and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "that is not HTTP"))
}

/// All addresses means this machine too.
fn local(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
