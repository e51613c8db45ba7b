//! Calls that the desk makes to others: one way out, which refuses addresses inside (the machine itself, its network, the
//! cloud's metadata), after the name was resolved and again at every redirect.
//!
//! A name is resolved once, judged, and connected to at exactly those addresses, so that a second answer of the name server
//! changes nothing. It never sends on a proxy's word and never to a downgraded address. Called by whatever has an address from a
//! user (webhooks, OIDC) with [`guarded`], and with [`trusted`] where an operator gave the address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, ClientBuilder, Response, Url};

const CONNECT: Duration = Duration::from_secs(5);
/// One call, redirects and answer included.
const WHOLE: Duration = Duration::from_secs(30);
const REDIRECTS: usize = 3;

/// Why a call was not made, or not finished.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("this is not an address that may be called: {0}")]
    Address(&'static str),
    #[error("the answer is longer than {0} bytes")]
    TooBig(usize),
    #[error(transparent)]
    Call(#[from] reqwest::Error),
}

/// A way out for addresses that somebody typed in. `inside` are networks that the operator lets it into.
#[derive(Clone)]
pub struct Guarded {
    client: Client,
    inside: Arc<[IpNet]>,
}

/// # Errors
/// When no client can be made.
pub fn guarded(inside: &[IpNet]) -> Result<Guarded, Refused> {
    let inside: Arc<[IpNet]> = inside.into();
    let judge = Arc::clone(&inside);
    let policy = Policy::custom(move |attempt: Attempt<'_>| {
        let downgraded =
            attempt.previous().last().is_some_and(|last| last.scheme() == "https") && attempt.url().scheme() != "https";
        if attempt.previous().len() > REDIRECTS {
            return attempt.error("too many redirects");
        }
        if downgraded {
            return attempt.error("a redirect leads from https to http");
        }
        match check(attempt.url(), &judge) {
            Ok(()) => attempt.follow(),
            Err(refused) => attempt.error(refused),
        }
    });
    let client = base().redirect(policy).dns_resolver(Arc::new(Judging(Arc::clone(&inside)))).build()?;
    Ok(Guarded { client, inside })
}

/// A way out to an address that the operator gave: it may lie inside, and no redirect carries a secret on to elsewhere.
pub fn trusted() -> ClientBuilder {
    base().redirect(Policy::none())
}

fn base() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("hotdesk/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        // What the environment says about proxies is not asked: a proxy would resolve names again.
        .no_proxy()
}

impl Guarded {
    /// Sends what `make` builds on a request to `url`.
    ///
    /// # Errors
    /// When the address is refused or the call fails.
    pub async fn call(
        &self,
        method: reqwest::Method,
        url: Url,
        make: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Result<Response, Refused> {
        check(&url, &self.inside)?;
        Ok(make(self.client.request(method, url)).send().await?)
    }
}

/// An answer's body up to a limit.
///
/// # Errors
/// When it is longer, or breaks off.
pub async fn body(answer: Response, most: usize) -> Result<Bytes, Refused> {
    let mut whole = BytesMut::new();
    let mut parts = answer.bytes_stream();
    while let Some(part) = parts.next().await {
        let part = part?;
        if whole.len() + part.len() > most {
            return Err(Refused::TooBig(most));
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.freeze())
}

/// What can be said of an address before its name is resolved.
fn check(url: &Url, inside: &[IpNet]) -> Result<(), Refused> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refused::Address("only http and https are spoken"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Address("it has a password in it"));
    }
    let literal = match url.host() {
        None => return Err(Refused::Address("it has no host")),
        Some(url::Host::Domain(name)) if name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost") => {
            Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
        }
        Some(url::Host::Domain(_)) => None,
        Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
    };
    match literal {
        Some(address) if !may_call(address, inside) => Err(Refused::Address("it lies inside")),
        _ => Ok(()),
    }
}

fn may_call(address: IpAddr, inside: &[IpNet]) -> bool {
    is_public(address) || inside.iter().any(|network| network.contains(&address.to_canonical()))
}

/// Resolves, and gives out only addresses that may be called. One that may not spoils the whole answer: a name that points
/// outside and inside at the same time means no good.
struct Judging(Arc<[IpNet]>);

impl Resolve for Judging {
    fn resolve(&self, name: Name) -> Resolving {
        let inside = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() || found.iter().any(|address| !may_call(address.ip(), &inside)) {
                return Err(Box::new(Refused::Address("its name leads inside, or nowhere")) as _);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the open Internet (IANA's special-purpose registries say which are not).
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => {
            let [a, b, ..] = address.segments();
            let embedded = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
            let segments = address.segments();
            match (a, b) {
                // Ways for IPv4 through IPv6: what they lead to counts.
                (0x64, 0xff9b) => segments[2..6] == [0; 4] && is_public_v4(embedded(segments[6], segments[7])),
                (0x2002, _) => is_public_v4(embedded(segments[1], segments[2])),
                // Teredo, documentation, benchmarking, ORCHID.
                (0x2001, b) if b < 0x200 || b == 0xdb8 => false,
                (0x3fff, b) if b < 0x1000 => false,
                // Everything else outside of global unicast.
                _ => a & 0xe000 == 0x2000 && !is_v4_compatible(address),
            }
        }
    }
}

fn is_v4_compatible(address: Ipv6Addr) -> bool {
    address.segments()[..6] == [0; 6]
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// X83: no address of the machine, its network or the cloud's metadata is called, however it is written.
    #[test]
    fn x83_addresses_inside_are_refused() {
        for bad in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://0/",
            "http://localhost/",
            "http://LOCALHOST:8080/",
            "http://a.localhost/",
            "http://10.0.0.1/",
            "http://172.16.5.5/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://100.100.100.200/",
            "http://100.64.0.1/",
            "http://198.18.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::7f00:1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:0:4136:e378::1]/",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1]/",
            "http://[ff02::1]/",
            "http://①②⑦.0.0.1/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "gopher://example.org/",
            "http://user:secret@example.org/",
        ] {
            let url = Url::parse(bad).unwrap();
            assert!(check(&url, &[]).is_err(), "{bad}");
        }
        for good in ["https://example.org/", "http://93.184.216.34/", "http://[2606:2800:220:1::1]/"] {
            assert!(check(&Url::parse(good).unwrap(), &[]).is_ok(), "{good}");
        }
        let inside: IpNet = "10.1.0.0/16".parse().unwrap();
        assert!(check(&Url::parse("http://10.1.2.3/").unwrap(), &[inside]).is_ok());
        assert!(check(&Url::parse("http://10.2.2.3/").unwrap(), &[inside]).is_err());
    }

    /// X84: a name that leads inside is refused after it was resolved, and so is a redirect that leads inside.
    #[tokio::test]
    async fn x84_names_and_redirects_that_lead_inside_are_refused() {
        let judging = Judging(Arc::from([]));
        let resolved = judging.resolve("localhost".parse().unwrap()).await;
        assert!(resolved.is_err());

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let targets = ["http://169.254.169.254/", "http://127.0.0.2/", "http://[::1]/", "file:///etc/passwd"];
        let server = tokio::spawn(async move {
            for target in targets {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut asked = [0; 1024];
                let _ = socket.read(&mut asked).await.unwrap();
                let answer = format!(
                    "HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        // The test's own server lies inside: this one address is let in.
        let out = guarded(&["127.0.0.1/32".parse().unwrap()]).unwrap();
        for target in targets {
            let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
            let refused = out.call(reqwest::Method::GET, url, |request| request).await;
            // What is no address of the web is not followed but given back as it came.
            let was_followed = refused.as_ref().is_ok_and(|answer| answer.status() != 302);
            assert!(!was_followed, "{target}: {refused:?}");
        }
        server.await.unwrap();
    }

    /// X85: an answer has a limit.
    #[tokio::test]
    async fn x85_an_answer_has_a_limit() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 1024]).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while socket.write_all(&[b'x'; 4096]).await.is_ok() {}
        });
        let out = guarded(&["127.0.0.0/8".parse().unwrap()]).unwrap();
        let answer = out.call(reqwest::Method::GET, url, |request| request).await.unwrap();
        assert!(matches!(body(answer, 10_000).await, Err(Refused::TooBig(10_000))));
    }
}
