//! A stand-in for Google Cloud Storage: as much of its XML API as the desk uses, in memory, and able to fail.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use parking_lot::Mutex;

/// One bucket, `desk`.
pub struct Bucket {
    pub address: String,
    state: Arc<State>,
    server: ServerHandle,
}

#[derive(Default)]
struct State {
    objects: Mutex<BTreeMap<String, Bytes>>,
    parts: Mutex<BTreeMap<(String, u32), Bytes>>,
    uploads: AtomicU64,
    /// Answers everything with 403, which nobody tries again.
    broken: AtomicBool,
    calls: AtomicU64,
}

impl Bucket {
    pub async fn start() -> Self {
        let state = Arc::new(State::default());
        let shared = Data::from(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            let limit = web::PayloadConfig::new(64 << 20);
            App::new().app_data(shared.clone()).app_data(limit).default_service(web::to(answer))
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self { address, state, server: handle }
    }

    pub fn names(&self) -> Vec<String> {
        self.state.objects.lock().keys().cloned().collect()
    }

    pub fn object(&self, name: &str) -> Option<Bytes> {
        self.state.objects.lock().get(name).cloned()
    }

    pub fn break_down(&self, broken: bool) {
        self.state.broken.store(broken, Ordering::SeqCst);
    }

    /// Changes a byte of an object.
    pub fn spoil(&self, name: &str) {
        let mut objects = self.state.objects.lock();
        let mut bytes = objects[name].to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        objects.insert(name.to_owned(), bytes.into());
    }

    pub fn calls(&self) -> u64 {
        self.state.calls.load(Ordering::SeqCst)
    }

    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

async fn answer(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    state.calls.fetch_add(1, Ordering::SeqCst);
    if state.broken.load(Ordering::SeqCst) {
        return HttpResponse::Forbidden().body("<Error><Code>AccessDenied</Code></Error>");
    }
    // Names come with every sign in them as a code.
    let path = url::form_urlencoded::parse(request.path().replace('+', "%2B").as_bytes())
        .map(|(name, _)| name.into_owned())
        .next()
        .unwrap_or_default();
    let Some(rest) = path.strip_prefix("/desk") else { return HttpResponse::NotFound().finish() };
    let name = rest.trim_start_matches('/').to_owned();
    let query = web::Query::<BTreeMap<String, String>>::from_query(request.query_string()).unwrap().into_inner();
    match (request.method().as_str(), query.get("uploadId")) {
        ("GET", _) if name.is_empty() => list(&state, query.get("prefix").map_or("", String::as_str)),
        ("POST", None) if query.contains_key("uploads") => {
            let id = state.uploads.fetch_add(1, Ordering::SeqCst);
            xml(format!(
                "<InitiateMultipartUploadResult><Bucket>desk</Bucket><Key>{name}</Key><UploadId>{id}</UploadId>\
                 </InitiateMultipartUploadResult>"
            ))
        }
        ("PUT", Some(id)) => {
            let number = query["partNumber"].parse().unwrap();
            state.parts.lock().insert((id.clone(), number), body);
            HttpResponse::Ok().insert_header(("ETag", format!("\"{id}-{number}\""))).finish()
        }
        ("POST", Some(id)) => {
            let mut whole = Vec::new();
            let mut parts = state.parts.lock();
            parts.retain(|(upload, _), part| {
                let own = upload == id;
                if own {
                    whole.extend_from_slice(part);
                }
                !own
            });
            state.objects.lock().insert(name, whole.into());
            xml("<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>".to_owned())
        }
        ("PUT", None) => {
            state.objects.lock().insert(name, body);
            HttpResponse::Ok().insert_header(("ETag", "\"e\"")).finish()
        }
        ("DELETE", _) => match state.objects.lock().remove(&name) {
            Some(_) => HttpResponse::NoContent().finish(),
            None => HttpResponse::NotFound().body("<Error><Code>NoSuchKey</Code></Error>"),
        },
        ("GET" | "HEAD", _) => give(&state, &request, &name),
        _ => HttpResponse::MethodNotAllowed().finish(),
    }
}

fn give(state: &State, request: &HttpRequest, name: &str) -> HttpResponse {
    let Some(object) = state.objects.lock().get(name).cloned() else {
        return HttpResponse::NotFound().body("<Error><Code>NoSuchKey</Code></Error>");
    };
    let mut answer = HttpResponse::Ok();
    let mut part = object.clone();
    let range = request.headers().get("range").and_then(|value| value.to_str().ok());
    if let Some((from, to)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) {
        let from: usize = from.parse().unwrap();
        let to = to.parse::<usize>().map_or(object.len(), |to| (to + 1).min(object.len()));
        part = object.slice(from..to);
        answer.status(actix_web::http::StatusCode::PARTIAL_CONTENT);
        answer.insert_header(("Content-Range", format!("bytes {from}-{}/{}", to - 1, object.len())));
    }
    answer.insert_header(("ETag", "\"e\"")).insert_header(("Last-Modified", "Mon, 23 Nov 2026 08:00:00 GMT"));
    answer.content_type("application/octet-stream").body(part)
}

fn list(state: &State, prefix: &str) -> HttpResponse {
    let mut text = String::from("<ListBucketResult>");
    for (name, object) in state.objects.lock().iter().filter(|(name, _)| name.starts_with(prefix)) {
        let _ = write!(
            text,
            "<Contents><Key>{name}</Key><Size>{}</Size><LastModified>2026-11-23T08:00:00.000Z</LastModified>\
             <ETag>\"e\"</ETag></Contents>",
            object.len()
        );
    }
    text.push_str("</ListBucketResult>");
    xml(text)
}

fn xml(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/xml").insert_header(("ETag", "\"e\"")).body(text)
}
