//! Whom a request comes from, and how, where a proxy stands between. Its headers are believed only if its address is one that
//! the configuration names: from anybody else they are free text.

use std::net::IpAddr;

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The proxies that are trusted.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// What is no address and no network was refused with the configuration.
    pub fn new(trusted: &[String]) -> Self {
        let parse = |text: &String| text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        Self(trusted.iter().filter_map(parse).collect())
    }

    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The nearest address that is not a trusted proxy's. What stands further left in the header was written by somebody else.
    pub fn peer(&self, request: &HttpRequest) -> Option<IpAddr> {
        let mut nearest = request.peer_addr()?.ip().to_canonical();
        if !self.trusts(nearest) {
            return Some(nearest);
        }
        let headers: Vec<&str> =
            request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok()).collect();
        let hops = headers.iter().rev().flat_map(|header| header.rsplit(','));
        for hop in hops {
            let Some(address) = address(hop) else { break };
            nearest = address;
            if !self.trusts(address) {
                break;
            }
        }
        Some(nearest)
    }

    /// Whether the browser's end of the way is HTTPS: `None` where nobody who is believed says.
    pub fn is_secure(&self, request: &HttpRequest) -> Option<bool> {
        if request.app_config().secure() {
            return Some(true);
        }
        if !self.trusts(request.peer_addr()?.ip()) {
            return None;
        }
        let last = request.headers().get_all("x-forwarded-proto").last()?.to_str().ok()?;
        match last.rsplit(',').next()?.trim() {
            scheme if scheme.eq_ignore_ascii_case("https") => Some(true),
            scheme if scheme.eq_ignore_ascii_case("http") => Some(false),
            _ => None,
        }
    }
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    bare.or_else(with_port).or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn check(trusted: &[&str], peer: &str, forwarded: &[&str], expect: &str) {
        let trusted: Vec<String> = trusted.iter().map(|one| (*one).to_owned()).collect();
        let mut request = TestRequest::get().peer_addr(format!("{peer}:9").parse().unwrap());
        for value in forwarded {
            request = request.append_header(("x-forwarded-for", *value));
        }
        let found = Proxies::new(&trusted).peer(&request.to_http_request()).unwrap();
        assert_eq!(found.to_string(), expect, "{peer} {forwarded:?}");
    }

    /// X41: a header makes nobody another address, unless a trusted proxy wrote it; then the nearest stranger counts.
    #[test]
    fn x41_only_trusted_proxies_say_who_asks() {
        check(&[], "192.0.2.1", &["198.51.100.7"], "192.0.2.1");
        check(&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.7"], "192.0.2.1");
        check(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7"], "198.51.100.7");
        check(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4, 198.51.100.7, 10.9.9.9"], "198.51.100.7");
        check(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4", "198.51.100.7"], "198.51.100.7");
        check(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7");
        check(&["10.0.0.1"], "10.0.0.1", &["[2001:db8::7]"], "2001:db8::7");
        check(&["10.0.0.0/8"], "10.0.0.1", &["x, <script>"], "10.0.0.1");
        check(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4, nonsense"], "10.0.0.1");
        check(&["10.0.0.0/8"], "10.0.0.1", &[], "10.0.0.1");
    }
}
