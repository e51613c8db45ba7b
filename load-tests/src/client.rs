//! How the scenarios speak to a server: HTTP calls, a command socket, and cheap reading sockets by the thousand.
//!
//! Knows the public contract only. Nothing here measures or judges.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::{TcpSocket, TcpStream};

pub mod desk;
pub mod http;
pub mod listen;
pub mod scan;
pub mod socket;
pub mod tap;

/// Where a server listens, and as whom to speak to it.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: SocketAddr,
    pub token: Arc<str>,
}

impl Target {
    /// The same server for somebody else.
    pub fn with_token(&self, token: &str) -> Self {
        Self { address: self.address, token: token.into() }
    }
}

/// Connects from one of several loopback addresses, so that thousands of sockets do not run out of ports.
async fn connect(address: SocketAddr, source: usize, receive_buffer_bytes: Option<u32>) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    if address.ip().is_loopback() && source > 0 {
        let host = u8::try_from(2 + source % 16).expect("invariant: below 256");
        socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into())?;
    }
    let stream = socket.connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
