//! A whole desk in the test's own process, and clients to talk to it. Time is a manual clock: tests turn it.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use futures_util::{SinkExt, StreamExt};
use hotdesk::actors::triage::ServiceKey;
use hotdesk::app::serve::listen;
use hotdesk::app::{Death, Desk, Secrets};
use hotdesk::clock::Clock;
use hotdesk::config::Config;
use hotdesk::journal::Journal;
use hotdesk::journal::memory::MemoryJournal;
use hotdesk::people::AdminSeed;
use load_tests::deepseek::Fake;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The bearer token of the first administrator.
pub const ADMIN: &str = "test-administrator-token";

/// 2026-11-23T08:00:00Z.
pub const START: i64 = 1_795_420_800_000;

/// Longer than anything takes here; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// An HTTP client as anybody has one.
pub fn http_client() -> reqwest::Client {
    http_client_with(|builder| builder)
}

pub fn http_client_with(set: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> reqwest::Client {
    hotdesk::outgoing::choose_cryptography();
    set(reqwest::Client::builder()).build().unwrap()
}

pub struct TestApp {
    pub desk: Arc<Desk>,
    pub clock: Clock,
    pub journal: Arc<dyn Journal>,
    pub deaths: UnboundedReceiver<Death>,
    pub address: SocketAddr,
    server: ServerHandle,
    http: reqwest::Client,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A desk in memory, with a changed configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::on(Arc::new(MemoryJournal::new()), Clock::manual(START), change).await
    }

    /// A desk on this journal: also how a test restarts one.
    pub async fn on(journal: Arc<dyn Journal>, clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let seed = AdminSeed { token: Some(ADMIN.to_owned()), ..AdminSeed::default() };
        Self::seeded(journal, clock, seed, change).await
    }

    /// A desk whose environment names this administrator, or none.
    pub async fn seeded(
        journal: Arc<dyn Journal>,
        clock: Clock,
        seed: AdminSeed,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::whole(journal, clock, seed, None, change).await
    }

    /// A desk with triage, by a service where there is one.
    pub async fn sorting(fake: Option<&Fake>, change: impl FnOnce(&mut Config)) -> Self {
        Self::sorting_on(Arc::new(MemoryJournal::new()), Clock::manual(START), fake, None, change).await
    }

    pub async fn sorting_on(
        journal: Arc<dyn Journal>,
        clock: Clock,
        fake: Option<&Fake>,
        folder: Option<&std::path::Path>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let admin = AdminSeed { token: Some(ADMIN.to_owned()), ..AdminSeed::default() };
        let deepseek = fake.map(|_| ServiceKey("sk-test-secret".to_owned()));
        Self::whole(journal, clock, Secrets { admin, deepseek }, folder, |config| {
            config.triage.enabled = true;
            // The clock stands still: what is there is asked about at once.
            config.triage.batch_max_age_ms = 0;
            config.server.drain_ms = 0;
            if let Some(fake) = fake {
                config.triage.base_url = fake.base_url();
            }
            change(config);
        })
        .await
    }

    /// A desk in memory with these secrets.
    pub async fn with_secrets(secrets: Secrets, change: impl FnOnce(&mut Config)) -> Self {
        Self::whole(Arc::new(MemoryJournal::new()), Clock::manual(START), secrets, None, change).await
    }

    /// The ticket once triage has come to an end with it.
    pub async fn sorted(&self, id: u64) -> Value {
        let mut last = Value::Null;
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                last = self.get(&format!("/api/v1/tickets/{id}")).await;
                let state = last["triage"]["state"].as_str().unwrap_or("waiting");
                if state != "waiting" {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
        assert!(waited.await.is_ok(), "waited in vain for triage: {last}");
        last
    }

    async fn whole(
        journal: Arc<dyn Journal>,
        clock: Clock,
        secrets: impl Into<Secrets>,
        data: Option<&std::path::Path>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::defaults();
        config.server.workers = 2;
        // Its records would stand between those that a test counts: who is about triage switches it on.
        config.triage.enabled = false;
        change(&mut config);
        let (desk, deaths) = Desk::start(config, Arc::clone(&journal), data, clock.clone(), secrets).await.unwrap();
        desk.health.set_phase(hotdesk::http::health::Phase::Ready);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = listen(&desk, listener).unwrap();
        let handle = server.handle();
        actix_rt::spawn(server);
        // One trace for all: what is refused in the same way is the same, word for word.
        let http = http_client_with(|builder| builder.default_headers(one_trace()));
        Self { desk, clock, journal, deaths, address, server: handle, http }
    }

    /// A desk in memory whose other files lie in a folder.
    pub async fn in_folder(folder: &std::path::Path) -> Self {
        let seed = AdminSeed { token: Some(ADMIN.to_owned()), ..AdminSeed::default() };
        Self::whole(Arc::new(MemoryJournal::new()), Clock::manual(START), seed, Some(folder), |_| {}).await
    }

    /// A desk on this journal whose other files lie in a folder.
    pub async fn on_in(journal: Arc<dyn Journal>, clock: Clock, folder: &std::path::Path) -> Self {
        Self::on_in_with(journal, clock, folder, |_| {}).await
    }

    pub async fn on_in_with(
        journal: Arc<dyn Journal>,
        clock: Clock,
        folder: &std::path::Path,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let seed = AdminSeed { token: Some(ADMIN.to_owned()), ..AdminSeed::default() };
        Self::whole(journal, clock, seed, Some(folder), change).await
    }

    /// Leaves as after a signal; the error is what the process would end with.
    pub async fn depart(&mut self) -> Result<(), hotdesk::app::ServeError> {
        hotdesk::app::serve::depart(&self.desk, &self.server, &mut self.deaths).await
    }

    /// Stops everything; the journal stays as it is.
    pub async fn stop(self) {
        self.server.stop(false).await;
        self.desk.stop().await;
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        self.http.request(method, format!("http://{}{path}", self.address)).bearer_auth(ADMIN)
    }

    /// A request without any sign-in.
    pub fn anonymous(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), format!("http://{}{path}", self.address))
    }

    /// Sends JSON as the administrator; gives the status and the body (null where there is none).
    pub async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.call_as(ADMIN, method, path, body).await
    }

    pub async fn call_as(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut request =
            self.http.request(method.parse().unwrap(), format!("http://{}{path}", self.address)).bearer_auth(token);
        if !body.is_null() {
            request = request.json(&body);
        }
        answer(request).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Opens a ticket and gives it.
    pub async fn ticket(&self, subject: &str, fields: Value) -> Value {
        let mut body = json!({
            "subject": subject,
            "body": "It does not work.",
            "requester": {"name": "Ada", "email": "ada@example.org"},
        });
        body.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap_or_default());
        let (status, ticket) = self.call("POST", "/api/v1/tickets", body).await;
        assert_eq!(status, 201, "{ticket}");
        ticket
    }

    /// Sends a whole file and gives its upload, which has an `attachment` that a message can take.
    pub async fn upload_as(&self, token: &str, name: &str, bytes: &[u8]) -> Value {
        let body = json!({"name": name, "bytes": bytes.len()});
        let (status, upload) = self.call_as(token, "POST", "/api/v1/attachments", body).await;
        assert_eq!(status, 201, "{upload}");
        let (status, upload) = self.send_bytes(token, upload["id"].as_str().unwrap(), 0, bytes).await;
        assert_eq!(status, 200, "{upload}");
        assert!(upload["attachment"].is_object(), "{upload}");
        upload
    }

    /// Sends bytes of an upload.
    pub async fn send_bytes(&self, token: &str, id: &str, from: usize, bytes: &[u8]) -> (u16, Value) {
        let path = format!("http://{}/api/v1/attachments/{id}/content?from={from}", self.address);
        let request = self.http.put(path).bearer_auth(token).header("content-type", "application/octet-stream");
        answer(request.body(bytes.to_vec())).await
    }

    /// Makes a user of this role and gives the id and a token.
    pub async fn user(&self, name: &str, role: &str) -> (String, String) {
        let body = json!({"email": format!("{name}@example.org"), "name": name, "role": role});
        let (status, user) = self.call("POST", "/api/v1/users", body).await;
        assert_eq!(status, 201, "{user}");
        let id = user["id"].as_str().unwrap().to_owned();
        let (status, token) = self.call("POST", "/api/v1/tokens", json!({"user": id, "name": "test"})).await;
        assert_eq!(status, 201, "{token}");
        (id, token["token"].as_str().unwrap().to_owned())
    }

    pub async fn peer(&self, token: &str) -> Peer {
        Peer::connect(self.address, token).await
    }

    /// A peer that has said hello and been welcomed.
    pub async fn live_peer(&self, token: &str, topics: &[&str]) -> Peer {
        let mut peer = self.peer(token).await;
        peer.send(json!({"t": "hello", "v": 1, "client": "test", "topics": topics})).await;
        let welcome = peer.expect("welcome").await;
        assert_eq!(welcome["resume"], "live", "{welcome}");
        peer
    }

    /// Waits until what the test looks at is so.
    pub async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !so().await {
                tokio::task::yield_now().await;
            }
        });
        assert!(waited.await.is_ok(), "waited in vain until {what}");
    }
}

fn one_trace() -> reqwest::header::HeaderMap {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    [(reqwest::header::HeaderName::from_static("traceparent"), reqwest::header::HeaderValue::from_static(parent))]
        .into_iter()
        .collect()
}

/// A whole answer, for tests that look at headers.
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    /// Null where the body is no JSON.
    pub body: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and code of a refusal, which must be a problem document as the contract describes it.
    pub fn refusal(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        assert_eq!(self.body["status"], self.status, "{}", self.text);
        let code = self.body["code"].as_str().unwrap();
        assert_eq!(self.body["type"], format!("urn:hotdesk:problem:{code}"));
        assert!(
            self.body["title"].is_string() && self.body["detail"].is_string() && self.body["retryable"].is_boolean()
        );
        (self.status, code)
    }

    /// Pointers of the bad fields.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array();
        errors.into_iter().flatten().map(|error| error["pointer"].as_str().unwrap()).collect()
    }

    /// The session cookie that was set, as a `Cookie` header sends it back.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

/// Sends and reads to the end.
pub async fn send(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Reply { status, headers, text, body }
}

pub async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// A WebSocket client that speaks the contract and nothing else.
pub struct Peer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    lines: VecDeque<Value>,
    /// Every record that came, in order.
    pub records: Vec<Value>,
}

impl Peer {
    pub async fn connect(address: SocketAddr, token: &str) -> Self {
        let mut request = format!("ws://{address}/api/v1/ws").into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request.headers_mut().insert("sec-websocket-protocol", "hotdesk.v1".parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Self { socket, lines: VecDeque::new(), records: Vec::new() }
    }

    pub async fn send(&mut self, message: Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next line, or the close code as `{"t": "close", "code": …}`.
    pub async fn next(&mut self) -> Value {
        loop {
            if let Some(line) = self.lines.pop_front() {
                if line["t"] == "rec" {
                    self.records.push(line.clone());
                }
                return line;
            }
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a message in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    self.lines.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| u16::from(frame.code));
                    return json!({"t": "close", "code": code});
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return json!({"t": "close", "code": 1006}),
            }
        }
    }

    /// The next line of this kind; what comes before it is passed over.
    pub async fn expect(&mut self, kind: &str) -> Value {
        self.find(|line| line["t"] == kind).await
    }

    pub async fn find(&mut self, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let line = self.next().await;
            if wanted(&line) {
                return line;
            }
            assert_ne!(line["t"], "close", "closed while waiting: {line}");
        }
    }

    /// The next line that is no news of positions: what a client would act on.
    pub async fn find_or_close(&mut self) -> Value {
        loop {
            let line = self.next().await;
            if !["upto", "presence", "welcome"].contains(&line["t"].as_str().unwrap_or_default()) {
                return line;
            }
        }
    }

    /// Sends a command and gives its `ok` or `err`.
    pub async fn command(&mut self, id: &str, ticket: Option<u64>, command: Value) -> Value {
        let mut message = json!({"t": "cmd", "id": id, "do": command});
        if let Some(ticket) = ticket {
            message["ticket"] = ticket.into();
        }
        self.send(message).await;
        self.find(|line| (line["t"] == "ok" || line["t"] == "err") && line["id"] == id).await
    }

    /// Reads until records up to `seq` have come.
    pub async fn read_to(&mut self, seq: u64) {
        while self.records.last().is_none_or(|record| record["seq"].as_u64().unwrap() < seq) {
            let line = self.next().await;
            assert_ne!(line["t"], "close", "{line}");
        }
    }

    pub fn seqs(&self) -> Vec<u64> {
        self.records.iter().map(|record| record["seq"].as_u64().unwrap()).collect()
    }
}
