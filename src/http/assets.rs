//! The web app, out of the binary. Hashed names may be kept for ever; the page itself never without asking. Whatever is no file
//! and not the API's is a place inside the app, so it gets the page.

use std::fmt::Write as _;
use std::sync::OnceLock;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::desk_state::Desk;
use super::reply::{self, Failure, Reply};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;

#[derive(RustEmbed)]
#[folder = "client/dist"]
#[allow_missing = true]
struct Files;

/// Vite puts what has its hash in its name here.
const HASHED: &str = "assets/";
const PAGE: &str = "index.html";

/// The app loads nothing from anywhere else, runs only scripts that carry this answer's own number, and what those load, and is
/// shown in no frame. Inline styles are what its components position by.
fn app_policy(nonce: &str) -> String {
    format!(
        "default-src 'self'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self'; \
         manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// For every address that is no call.
pub async fn serve(request: HttpRequest, desk: Data<Desk>) -> Reply {
    let path = request.path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read || path == "/api" || path.starts_with("/api/") || path.starts_with("/healthz/") {
        return Err(nothing_here());
    }
    let name = path.trim_start_matches('/');
    if !name.is_empty()
        && name != PAGE
        && let Some(file) = Files::get(name)
    {
        return Ok(answer(&request, name, file));
    }
    // A file that is not there is an error; a page that is not there is the app's business.
    if name.starts_with(HASHED) || name.rsplit('/').next().is_some_and(|last| last.contains('.') && last != PAGE) {
        return Err(nothing_here());
    }
    match Files::get(PAGE) {
        Some(file) => Ok(page(&file)),
        None => Ok(not_built(&desk.config.desk.name)),
    }
}

/// What names the app that this binary carries; none where it was built without.
pub fn build() -> Option<&'static str> {
    static BUILD: OnceLock<Option<String>> = OnceLock::new();
    let build = BUILD.get_or_init(|| {
        let hash = Files::get(PAGE)?.metadata.sha256_hash();
        Some(hash[..6].iter().map(|byte| format!("{byte:02x}")).collect())
    });
    build.as_deref()
}

/// The page, with a number of its own for each answer, so that a script that somebody managed to write into it does not run.
fn page(file: &EmbeddedFile) -> HttpResponse {
    let nonce = crate::people::nonce();
    let marked = mark(&String::from_utf8_lossy(&file.data), &nonce);
    let mut answer = HttpResponse::Ok();
    // The number is in head and body: nobody may keep one of them.
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer.insert_header((policy_header(), app_policy(&nonce)));
    answer.content_type("text/html; charset=utf-8").body(marked)
}

/// Puts the number on every script of a page that we built ourselves, and where the bundler's loader looks for it.
fn mark(page: &str, nonce: &str) -> String {
    let scripts = page.replace("<script", &format!("<script nonce=\"{nonce}\""));
    let preloads =
        scripts.replace("<link rel=\"modulepreload\"", &format!("<link rel=\"modulepreload\" nonce=\"{nonce}\""));
    preloads.replace("</title>", &format!("</title><meta property=\"csp-nonce\" nonce=\"{nonce}\">"))
}

fn answer(request: &HttpRequest, name: &str, file: EmbeddedFile) -> HttpResponse {
    let hash = file.metadata.sha256_hash();
    let mut tag = String::from("\"");
    for byte in &hash[..16] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    let caching = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::ETAG, tag.as_str()));
    answer.insert_header((header::CACHE_CONTROL, caching));
    answer.insert_header((header::VARY, "accept-encoding"));
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)) {
        answer.status(actix_web::http::StatusCode::NOT_MODIFIED);
        return answer.finish();
    }
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    answer.content_type(kind);
    for (coding, ending) in [("br", ".br"), ("gzip", ".gz")] {
        if reply::accepts(request, coding)
            && let Some(small) = Files::get(&format!("{name}{ending}"))
        {
            answer.insert_header((header::CONTENT_ENCODING, coding));
            return answer.body(small.data.into_owned());
        }
    }
    answer.body(file.data.into_owned())
}

/// Shown where the binary was built without the web app.
fn not_built(desk: &str) -> HttpResponse {
    let desk = super::docs::escape(desk);
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((policy_header(), HeaderValue::from_static(super::docs::POLICY)))
        .body(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{desk}</title>\
             <style>body{{font:16px/1.6 system-ui,sans-serif;max-width:38rem;margin:15vh auto;padding:0 1.5rem;\
             color-scheme:light dark}}code{{font-family:ui-monospace,monospace}}</style>\
             <h1>{desk} is running</h1>\
             <p>This binary was built without the web app. Build the app with <code>npm run build</code> in \
             <code>client/</code>, then build the server again.</p>\
             <p>The API is all there: <a href=\"/api/docs\">see what it offers</a>.</p></html>"
        ))
}

pub fn policy_header() -> HeaderName {
    header::CONTENT_SECURITY_POLICY
}

fn nothing_here() -> Failure {
    Problem::new(Code::NotFound, "there is nothing at this address").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X72: every script of the page carries the answer's own number, and no answer's is another's.
    #[test]
    fn x72_each_page_has_its_own_number() {
        let built = "<title>x</title><script type=\"module\" src=\"/assets/a.js\"></script>\
                     <link rel=\"modulepreload\" crossorigin href=\"/assets/b.js\"><script>1</script>";
        let marked = mark(built, "n1");
        assert_eq!(marked.matches("<script nonce=\"n1\"").count(), 2);
        assert!(marked.contains("<link rel=\"modulepreload\" nonce=\"n1\"") && !marked.contains("<script>"));
        let policy = app_policy("n1");
        assert!(policy.contains("script-src 'nonce-n1'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe-eval") && !policy.contains("script-src 'unsafe"));
        assert_ne!(crate::people::nonce(), crate::people::nonce());
    }
}
