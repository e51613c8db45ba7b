//! `hotdesk health`: asks the desk on this machine whether it takes work. For containers, which have no curl.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::redirect::Policy;

use super::Exit;
use crate::config::Config;
use crate::outgoing::choose_cryptography;

const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hotdesk health\n  hotdesk health --config desk.toml --listen 127.0.0.1:8443")]
pub struct HealthArgs {
    /// The configuration that the desk runs with
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where it listens, if it was told so on its command line
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
}

/// Done when `/healthz/ready` at the configured address says 200, failed with the reason on stderr when not.
pub fn run(args: &HealthArgs) -> Exit {
    let config = match Config::load(args.config.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("hotdesk: {error}");
            return Exit::Usage;
        }
    };
    let listen = args.listen.as_ref().unwrap_or(&config.server.listen);
    match ask(listen, !config.server.tls_certificate.as_os_str().is_empty()) {
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

fn ask(listen: &str, is_secure: bool) -> io::Result<u16> {
    let address = local(listen.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?);
    let scheme = if is_secure { "https" } else { "http" };
    choose_cryptography();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(PATIENCE)
        // It is asked by its address, which no certificate names; nothing secret is said, and an answer is all that counts.
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = async { client.get(format!("{scheme}://{address}/healthz/ready")).send().await };
    let answer = runtime.block_on(asked);
    Ok(answer.map_err(io::Error::other)?.status().as_u16())
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
