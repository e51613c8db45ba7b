//! Who is asking, by bearer token or by session cookie, and whether a browser asks from a page of our own. What they may do is
//! decided elsewhere. Called by [`super::call::Call`] and by the WebSocket's handshake.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header;
use actix_web::http::uri::Authority;

use super::call;
use super::desk_state::Desk;
use super::reply::Failure;
use crate::config::Config;
use crate::domain::text::clean_name;
use crate::people::{Credential, Kind, Place, SignedIn};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;

/// The name of the session cookie.
pub const COOKIE: &str = "hotdesk_session";
/// The same where it goes over HTTPS only: browsers take a cookie of this name from no other host and no other path.
const SECURE_COOKIE: &str = "__Host-hotdesk_session";

pub fn cookie_name(config: &Config) -> &'static str {
    if config.server.secure_cookies { SECURE_COOKIE } else { COOKIE }
}

/// The caller's credential. A bearer token goes before a cookie, and a bad one is not made good by a cookie.
pub fn credential(request: &HttpRequest, desk: &Desk) -> Result<Arc<Credential>, Problem> {
    if let Some(token) = bearer(request) {
        return desk
            .people
            .by_token(token)
            .ok_or_else(|| Problem::new(Code::NotSignedIn, "the token is not known, or not good any more"));
    }
    let Some(cookie) = request.cookie(cookie_name(&desk.config)) else {
        return Err(Problem::new(Code::NotSignedIn, "sign in, or send a token in the header Authorization"));
    };
    desk.people
        .by_cookie(cookie.value())
        .ok_or_else(|| Problem::new(Code::NotSignedIn, "the session has ended: sign in again"))
}

/// For the WebSocket: a credential, and with a cookie an `Origin` that may use it. 401 or 403 before the upgrade.
pub fn handshake(request: &HttpRequest, desk: &Desk) -> Result<Arc<Credential>, Failure> {
    let credential = call::identify(request, desk)?;
    if credential.kind() == Kind::Cookie {
        refuse_foreign(request, &desk.config)?;
    }
    Ok(credential)
}

/// A browser says where a request comes from; a page of another site must not use our cookie.
pub fn refuse_foreign(request: &HttpRequest, config: &Config) -> Result<(), Problem> {
    let foreign = match text(request, header::ORIGIN.as_str()) {
        Some(origin) => {
            let allowed = config.server.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin));
            !allowed && !is_own(origin, host(request))
        }
        // Browsers that leave out Origin for their own pages still send this one; programs send neither.
        None => matches!(text(request, "sec-fetch-site"), Some("cross-site" | "same-site")),
    };
    if foreign {
        return Err(Problem::new(Code::ForeignOrigin, "the request comes from a page of another site"));
    }
    Ok(())
}

/// Which host was asked: over HTTP/2 it stands in the address.
pub fn host(request: &HttpRequest) -> Option<&str> {
    text(request, header::HOST.as_str()).or_else(|| request.uri().authority().map(Authority::as_str))
}

/// Whether an origin is that of the host that was asked.
fn is_own(origin: &str, host: Option<&str>) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |name: &str| name.strip_suffix(port).unwrap_or(name).to_ascii_lowercase();
    host.is_some_and(|host| bare(host) == bare(authority))
}

/// The bearer token of a request, if it has one.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = text(request, header::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Where a browser is and what it calls itself, for the list of one's sessions.
pub fn place(request: &HttpRequest, desk: &Desk) -> Place {
    let client = text(request, header::USER_AGENT.as_str()).map(|name| clean_name(name).chars().take(200).collect());
    Place { address: desk.proxies.peer(request), client }
}

/// The cookie that a browser sent, good or not.
pub fn cookie(request: &HttpRequest, config: &Config) -> Option<String> {
    request.cookie(cookie_name(config)).map(|cookie| cookie.value().to_owned())
}

pub fn session_cookie(config: &Config, signed_in: &SignedIn) -> Cookie<'static> {
    Cookie::build(cookie_name(config), signed_in.secret.clone())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(config.server.secure_cookies)
        .max_age(time::Duration::milliseconds(signed_in.lasts_ms))
        .finish()
}

/// Takes the cookie away.
pub fn ended_cookie(config: &Config) -> Cookie<'static> {
    Cookie::build(cookie_name(config), "")
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(config.server.secure_cookies)
        .max_age(time::Duration::ZERO)
        .finish()
}

fn text<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn check(headers: &[(&str, &str)], expect: bool) {
        let mut config = Config::defaults();
        config.server.allowed_origins = vec!["https://desk.example.org".into()];
        let mut request = TestRequest::post();
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        let answer = refuse_foreign(&request.to_http_request(), &config);
        assert_eq!(answer.is_ok(), expect, "{headers:?}");
    }

    /// X8: a request that a browser sends from another site's page is refused.
    #[test]
    fn x8_only_our_own_pages_may_use_the_cookie() {
        check(&[("host", "desk.test:8080"), ("origin", "http://desk.test:8080")], true);
        check(&[("host", "desk.test"), ("origin", "https://desk.test:443")], true);
        check(&[("host", "DESK.test"), ("origin", "http://desk.test")], true);
        check(&[("host", "desk.test:8080"), ("origin", "https://desk.example.org")], true);
        check(&[("host", "desk.test:8080")], true);
        check(&[("host", "desk.test:8080"), ("sec-fetch-site", "same-origin")], true);
        check(&[("host", "desk.test:8080"), ("sec-fetch-site", "none")], true);

        check(&[("host", "desk.test:8080"), ("sec-fetch-site", "cross-site")], false);
        check(&[("host", "desk.test:8080"), ("sec-fetch-site", "same-site")], false);
        check(&[("host", "desk.test:8080"), ("origin", "http://desk.test:9090")], false);
        check(&[("host", "desk.test:8080"), ("origin", "http://evil.test:8080")], false);
        check(&[("host", "desk.test:8080"), ("origin", "null")], false);
        check(&[("host", "desk.test:8080"), ("origin", "file://desk.test:8080")], false);
        check(&[("host", "desk.test"), ("origin", "http://desk.test.evil.test")], false);
    }
}
