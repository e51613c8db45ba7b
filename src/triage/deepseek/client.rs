//! One call to the service over HTTPS: sends a body, waits for the whole answer within one deadline, tries again where that makes
//! sense. The only part of triage with a socket.
//!
//! Before it begins to answer the service sends empty lines or comments for minutes, which keep any read timeout alive: only the
//! deadline on the whole call ends it. The key comes from whoever starts the desk, from the environment, and is never printed.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{HeaderValue, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::answer::Finish;
use super::fault::{Fault, Remedy};
use super::ledger::Usage;
use super::retry::RetryPolicy;
use super::stream::Lines;

/// No answer to a batch is longer.
const MOST_BYTES: usize = 4 << 20;

/// What the model wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    pub content: Option<String>,
    pub finish: Option<String>,
    pub usage: Option<Usage>,
}

impl Reply {
    pub fn finish(&self) -> Finish {
        Finish::of(self.finish.as_deref())
    }
}

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: HeaderValue,
    deadline: Duration,
    policy: RetryPolicy,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.url).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the key has characters that cannot be sent")]
    Key,
    #[error("HTTPS cannot be set up: {0}")]
    Setup(#[from] reqwest::Error),
}

/// How a call ended, and how often the service was asked.
#[derive(Debug)]
pub struct Called {
    pub outcome: Result<Reply, Fault>,
    pub tries: u32,
}

impl Client {
    pub fn new(base_url: &str, key: &str, deadline: Duration, policy: RetryPolicy) -> Result<Self, ClientError> {
        crate::outgoing::choose_cryptography();
        let mut key = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| ClientError::Key)?;
        key.set_sensitive(true);
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            // A key must not follow a redirect to somebody else.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let url = format!("{}/chat/completions", base_url.trim_end_matches('/'));
        Ok(Self { http, url, key, deadline, policy })
    }

    /// Sends `body`; `"stream": true` in it asks for pieces, which are put together here. `again` is awaited before another try where
    /// the one before may have been billed: without its consent there is none.
    pub async fn call(&self, body: &Value, again: impl AsyncFn() -> bool, random: &mut fastrand::Rng) -> Called {
        let ends = Instant::now() + self.deadline;
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = match tokio::time::timeout_at(ends, self.once(body)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Fault::Deadline),
            };
            let Err(Remedy::Again { after_ms }) = outcome.as_ref().map_err(Fault::remedy) else {
                return Called { outcome, tries };
            };
            let left_ms = ends.saturating_duration_since(Instant::now()).as_millis() as i64;
            let Some(pause_ms) = self.policy.pause_ms(tries, after_ms, left_ms, random) else {
                return Called { outcome, tries };
            };
            if outcome.as_ref().is_err_and(Fault::may_be_billed) && !again().await {
                return Called { outcome, tries };
            }
            tokio::time::sleep(Duration::from_millis(pause_ms.unsigned_abs())).await;
        }
    }

    /// Sends `body`, which asks for a stream, once, and tells each piece of text as it comes. Tries nothing again: what was shown
    /// cannot be taken back.
    pub async fn stream(&self, body: &Value, mut each: impl FnMut(&str)) -> Result<Reply, Fault> {
        let ends = Instant::now() + self.deadline;
        let read = self.read(body, &mut each);
        tokio::time::timeout_at(ends, read).await.unwrap_or(Err(Fault::Deadline))
    }

    async fn once(&self, body: &Value) -> Result<Reply, Fault> {
        self.read(body, &mut |_: &str| {}).await
    }

    async fn read(&self, body: &Value, each: &mut impl FnMut(&str)) -> Result<Reply, Fault> {
        let request = self.http.post(&self.url).header("authorization", self.key.clone()).json(body);
        let response = request.send().await.map_err(network)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut bytes = Vec::new();
        let mut pieces = response.bytes_stream();
        let streamed = body["stream"] == Value::Bool(true) && status < 300;
        let mut lines = Lines::default();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(network)?;
            if bytes.len() + piece.len() > MOST_BYTES || lines.text().len() > MOST_BYTES {
                return Err(Fault::TooLong);
            }
            if streamed {
                let told = lines.text().len();
                lines.push(&piece)?;
                if lines.text().len() > told {
                    each(&lines.text()[told..]);
                }
                if lines.is_done() {
                    break;
                }
            } else {
                bytes.extend_from_slice(&piece);
            }
        }
        if status >= 300 {
            return Err(Fault::of_reply(status, retry_after.as_deref(), &bytes));
        }
        if streamed { lines.end() } else { whole(&bytes) }
    }
}

fn network(error: reqwest::Error) -> Fault {
    // Without the address, and without what was sent.
    Fault::Network(error.without_url().to_string())
}

#[derive(Deserialize)]
struct Whole {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

/// A whole answer; the empty lines before it are white space to JSON.
fn whole(bytes: &[u8]) -> Result<Reply, Fault> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Fault::Empty);
    }
    let whole: Whole = serde_json::from_slice(bytes).map_err(|error| Fault::Unreadable(error.to_string()))?;
    let choice = whole.choices.into_iter().next().ok_or(Fault::Empty)?;
    Ok(Reply { content: choice.message.content, finish: choice.finish_reason, usage: whole.usage })
}

#[cfg(test)]
mod tests;
