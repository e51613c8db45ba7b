//! A stand-in for DeepSeek: a small HTTP server that speaks the real wire format, with every quirk of it on demand.
//!
//! It answers what a model might (see [`model`]), counts tokens with a cache of prefixes, and remembers what it was asked. Used by
//! `load-tests deepseek`, by the scenario `triage` and by the server's own tests. It knows nothing of the desk but the form of the
//! questions.

pub mod model;
mod wire;

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use model::{Obeys, Usage};
use wire::{Reply, Request};

/// One way in which an answer is not what was hoped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// As it should be.
    None,
    /// Only spaces, with `finish_reason: "stop"`.
    Spaces,
    /// `content: null`.
    Null,
    /// 200 without a body.
    EmptyBody,
    /// The JSON breaks off, with `finish_reason: "length"`.
    Cut,
    /// The same, and it says `stop`.
    CutSilently,
    /// The last row is missing.
    Missing,
    /// The first two rows have each other's id.
    Swapped,
    /// The first row comes twice.
    Repeated,
    /// A category that was not offered, in the first row.
    Invented,
    ContentFilter,
    Insufficient,
    /// 400, with its JSON as `application/octet-stream`.
    OctetStream,
    BadKey,
    NoBalance,
    /// 429 without `Retry-After`.
    TooMany,
    /// 429 with it, in seconds.
    TooManyFor(u64),
    /// 500.
    Failed,
    /// 503.
    Busy,
    /// Empty lines, or comments, before the answer.
    KeepAlive,
    /// The same without end.
    Hang,
    /// Nothing at all.
    Silent,
    /// A stream ends without `[DONE]`.
    NoDone,
    /// A stream breaks off in the middle.
    Broken,
}

const NAMES: [(&str, Quirk); 24] = [
    ("none", Quirk::None),
    ("spaces", Quirk::Spaces),
    ("null", Quirk::Null),
    ("empty-body", Quirk::EmptyBody),
    ("cut", Quirk::Cut),
    ("cut-silently", Quirk::CutSilently),
    ("missing", Quirk::Missing),
    ("swapped", Quirk::Swapped),
    ("repeated", Quirk::Repeated),
    ("invented", Quirk::Invented),
    ("content-filter", Quirk::ContentFilter),
    ("insufficient", Quirk::Insufficient),
    ("octet-stream", Quirk::OctetStream),
    ("bad-key", Quirk::BadKey),
    ("no-balance", Quirk::NoBalance),
    ("too-many", Quirk::TooMany),
    ("too-many-for-2", Quirk::TooManyFor(2)),
    ("failed", Quirk::Failed),
    ("busy", Quirk::Busy),
    ("keep-alive", Quirk::KeepAlive),
    ("hang", Quirk::Hang),
    ("silent", Quirk::Silent),
    ("no-done", Quirk::NoDone),
    ("broken", Quirk::Broken),
];

impl FromStr for Quirk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(name, _)| *name == text).map(|(_, quirk)| *quirk);
        found.ok_or_else(|| format!("one of {}", NAMES.map(|(name, _)| name).join(", ")))
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub authorization: String,
    pub body: Value,
    /// The tickets of a batch, as they were sent; empty for a draft.
    pub tickets: Vec<Value>,
}

#[derive(Debug, Default)]
struct State {
    /// For the next requests, in order.
    next: VecDeque<Quirk>,
    /// For all others, in turn.
    always: Vec<Quirk>,
    latency: Duration,
    obeys: Obeys,
    asked: Vec<Asked>,
    /// Sums of prefixes that were seen.
    cached: HashSet<u64>,
    total: Usage,
}

/// A running stand-in; dropped, it is gone.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
    held: watch::Sender<bool>,
}

impl Fake {
    /// Listens there; port 0 takes a free one.
    pub async fn start(at: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = state.clone();
        let (held, hold) = watch::channel(false);
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, shared.clone(), hold.clone()));
            }
        });
        Ok(Self { address, state, accepting, held })
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next requests are answered like this, one each.
    pub fn next(&self, quirks: impl IntoIterator<Item = Quirk>) {
        self.state().next.extend(quirks);
    }

    /// All others are, in turn; none means as it should be.
    pub fn always(&self, quirks: impl IntoIterator<Item = Quirk>) {
        self.state().always = quirks.into_iter().collect();
    }

    /// Before each answer.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Holds its answers back, or lets them go.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Makes the model a naive one, which does what a ticket tells it.
    pub fn obey(&self, obeys: Obeys) {
        self.state().obeys = obeys;
    }

    /// Everything that it was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// Tokens of all answers.
    pub fn total(&self) -> Usage {
        self.state().total
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("invariant: nobody panics with the stand-in's state in hand")
}

/// Answers one connection's requests until it is closed.
async fn serve(mut socket: TcpStream, state: Arc<Mutex<State>>, mut held: watch::Receiver<bool>) {
    while let Ok(Some(request)) = Request::read(&mut socket).await {
        let (quirk, latency) = {
            let mut state = lock(&state);
            let turn = state.asked.len();
            let usual = if state.always.is_empty() { Quirk::None } else { state.always[turn % state.always.len()] };
            (state.next.pop_front().unwrap_or(usual), state.latency)
        };
        let reply = answer(&request, quirk, &state);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        if held.wait_for(|held| !held).await.is_err() {
            return;
        }
        // A client that left has nothing to be told.
        if reply.write(&mut socket).await.is_err() {
            return;
        }
        if request.close {
            return;
        }
    }
}

fn answer(request: &Request, quirk: Quirk, state: &Mutex<State>) -> Reply {
    let mut state = lock(state);
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return Reply::error(400, "application/json", "Failed to parse the request body as JSON");
    };
    let tickets = model::tickets(&body);
    state.asked.push(Asked { authorization: request.authorization.clone(), body: body.clone(), tickets });
    if request.line != "POST /chat/completions HTTP/1.1" {
        return Reply::error(404, "application/json", "Not Found");
    }
    if let Some(mistake) = model::mistake(&body) {
        return Reply::error(mistake.0, "application/octet-stream", mistake.1);
    }
    if !request.authorization.starts_with("Bearer ") || request.authorization.len() < 12 {
        return Reply::error(401, "application/json", "Authentication Fails");
    }
    match quirk {
        Quirk::OctetStream => return Reply::error(400, "application/octet-stream", "json_schema is not supported"),
        Quirk::BadKey => return Reply::error(401, "application/json", "Authentication Fails"),
        Quirk::NoBalance => return Reply::error(402, "application/json", "Insufficient Balance"),
        Quirk::TooMany => return Reply::error(429, "application/json", "Rate limit reached"),
        Quirk::TooManyFor(seconds) => {
            let mut reply = Reply::error(429, "application/json", "Rate limit reached");
            reply.head.push(("retry-after", seconds.to_string()));
            return reply;
        }
        Quirk::Failed => return Reply::error(500, "text/html", "<html>"),
        Quirk::Busy => return Reply::error(503, "application/json", "The server is overloaded"),
        Quirk::EmptyBody => return Reply::whole(200, "application/json", Vec::new()),
        Quirk::Silent => return Reply::silent(),
        _ => {}
    }
    let written = model::write(&body, quirk, &state.obeys);
    let usage = model::usage(&body, written.content.as_deref().unwrap_or(""), &mut state.cached);
    state.total.add(usage);
    let streamed = body["stream"] == Value::Bool(true);
    let reply = if streamed { stream(&written, usage, quirk) } else { whole(&written, usage) };
    match quirk {
        Quirk::KeepAlive => reply.after_keep_alives(5),
        Quirk::Hang => reply.never(),
        _ => reply,
    }
}

fn whole(written: &model::Written, usage: Usage) -> Reply {
    let message = json!({"role": "assistant", "content": written.content});
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": written.finish});
    let body = json!({
        "id": "0", "object": "chat.completion", "created": 0, "model": "deepseek-flash", "choices": [choice], "usage": usage,
    });
    Reply::chunked("application/json", "\n", vec![body.to_string()])
}

fn stream(written: &model::Written, usage: Usage, quirk: Quirk) -> Reply {
    let event = |value: Value| format!("data: {value}\n\n");
    let piece = |delta: Value, finish: Value| {
        event(
            json!({"id": "0", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}),
        )
    };
    let mut pieces = vec![piece(json!({"role": "assistant", "content": ""}), Value::Null)];
    let chars: Vec<char> = written.content.as_deref().unwrap_or("").chars().collect();
    for part in chars.chunks(24) {
        pieces.push(piece(json!({"content": part.iter().collect::<String>()}), Value::Null));
    }
    if quirk == Quirk::Broken {
        pieces.truncate(pieces.len().div_ceil(2));
        return Reply::chunked("text/event-stream", ": keep-alive\n\n", pieces);
    }
    pieces.push(piece(json!({"content": ""}), json!(written.finish)));
    pieces.push(event(json!({"choices": [], "usage": usage})));
    if quirk != Quirk::NoDone {
        pieces.push("data: [DONE]\n\n".to_owned());
    }
    Reply::chunked("text/event-stream", ": keep-alive\n\n", pieces)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// L20: each quirk can be named, and an unknown one is told with those that there are.
    #[test]
    fn l20_quirks_have_names() {
        for (name, quirk) in NAMES {
            assert_eq!(name.parse(), Ok(quirk));
        }
        assert!("nonsense".parse::<Quirk>().unwrap_err().contains("octet-stream"));
    }

    async fn ask(fake: &Fake, body: &Value) -> String {
        let mut socket = TcpStream::connect(fake.address).await.unwrap();
        let body = body.to_string();
        let request = format!(
            "POST /chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-test-key\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        socket.read_to_string(&mut reply).await.unwrap();
        reply
    }

    fn question(tickets: &Value) -> Value {
        json!({
            "model": "deepseek-flash", "thinking": {"type": "disabled"}, "response_format": {"type": "json_object"},
            "messages": [
                {"role": "system", "content": format!("json please\n- \"billing\": \"Invoices\"\n- \"shipping\": \"Parcels\"\n{}", "x ".repeat(300))},
                {"role": "user", "content": tickets.to_string()},
            ],
        })
    }

    /// L20: it speaks the wire format, counts cached tokens, and refuses what the real one refuses.
    #[tokio::test]
    async fn l20_it_answers_like_the_real_one() {
        let fake = Fake::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let tickets = json!([{"id": "a", "check": "b", "subject": "Invoices", "text": "two invoices"}]);
        let reply = ask(&fake, &question(&tickets)).await;
        assert!(reply.starts_with("HTTP/1.1 200 ") && reply.contains("prompt_cache_hit_tokens\":0"), "{reply}");
        let reply = ask(&fake, &question(&tickets)).await;
        assert!(!reply.contains("prompt_cache_hit_tokens\":0"), "{reply}");
        assert!(reply.contains("\\\"category\\\":\\\"billing\\\""), "{reply}");
        let mut thinking = question(&tickets);
        thinking["response_format"] = json!({"type": "json_schema"});
        let reply = ask(&fake, &thinking).await;
        assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("octet-stream"), "{reply}");
        fake.next([Quirk::TooManyFor(7), Quirk::Spaces]);
        let reply = ask(&fake, &question(&tickets)).await;
        assert!(reply.starts_with("HTTP/1.1 429 ") && reply.contains("retry-after: 7"), "{reply}");
        assert!(ask(&fake, &question(&tickets)).await.contains("\"content\":\"    "));
        let mut streamed = question(&tickets);
        streamed["stream"] = json!(true);
        assert!(ask(&fake, &streamed).await.contains("[DONE]"));
        fake.next([Quirk::NoDone]);
        assert!(!ask(&fake, &streamed).await.contains("[DONE]"));
        assert_eq!(fake.asked().len(), 7);
        assert_eq!(fake.asked()[0].tickets.len(), 1);
    }
}
