//! Rows into a running desk, through its public API: nothing here knows more than any other client.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use reqwest::{Client, Response, StatusCode, Url, header};
use serde::Deserialize;

use super::map::Map;
use super::refused::RefusedRows;
use super::{ImportArgs, ImportError, Incoming, Mapped, Outcome, Refusal};
use crate::protocol::code::Code;

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// One request. A desk that takes longer is as good as away, and the key makes asking again safe.
const PATIENCE: Duration = Duration::from_secs(60);

/// What this end needs of a problem document.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Trouble {
    code: String,
    detail: String,
    retryable: bool,
    errors: Vec<BadField>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BadField {
    pointer: String,
    detail: String,
}

/// What became of one row.
enum Fate {
    Created,
    Refused(Trouble),
    /// No use going on: the sign-in is not good, or the desk is not there.
    Stop(String),
}

pub fn send(
    args: &ImportArgs,
    token: &str,
    map: &Map,
    incoming: impl Iterator<Item = Mapped>,
    refused: &mut RefusedRows,
) -> Result<Outcome, ImportError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ImportError::Desk(format!("cannot start: {error}")))?;
    let desk = Desk::new(&args.to, token, Duration::from_secs(args.patience_s))?;
    runtime.block_on(async {
        desk.check().await?;
        let mut outcome = Outcome::default();
        let fates = stream::iter(incoming).map(|mapped| async {
            match mapped {
                Ok(incoming) => {
                    let fate = desk.create(&incoming).await;
                    (incoming.row, Ok(fate))
                }
                Err((row, refusals)) => (row, Err(refusals)),
            }
        });
        // In the order of the file, so that the report reads like the file; as many as allowed are on their way.
        let mut fates = std::pin::pin!(fates.buffered(usize::from(args.concurrency)));
        while let Some((row, fate)) = fates.next().await {
            match fate {
                Ok(Fate::Created) => outcome.imported += 1,
                Ok(Fate::Refused(trouble)) => {
                    outcome.refused += 1;
                    refused.add(&row, &refusals(map, trouble));
                }
                Ok(Fate::Stop(reason)) => {
                    outcome.stopped = Some(format!("line {}: {reason}", row.line));
                    break;
                }
                Err(refusals) => {
                    outcome.refused += 1;
                    refused.add(&row, &refusals);
                }
            }
            refused.progress().rows(outcome.imported);
        }
        Ok(outcome)
    })
}

/// The desk's words in the file's terms: a pointer into the request becomes the column that it came from.
fn refusals(map: &Map, trouble: Trouble) -> Vec<Refusal> {
    if trouble.code == Code::IdempotencyKeyReused.wire() {
        let reason = "was imported before, with another map: it is on the desk as it was then".to_owned();
        return vec![Refusal { column: None, reason }];
    }
    if trouble.errors.is_empty() {
        return vec![Refusal { column: None, reason: format!("{} ({})", trouble.detail, trouble.code) }];
    }
    let errors = trouble.errors.into_iter();
    errors
        .map(|error| {
            let path = error.pointer.trim_start_matches('/').replace('/', ".");
            // `/tags/3` is about the column of `tags`.
            let column = map.column(&path).or_else(|| map.column(path.split('.').next().unwrap_or_default()));
            Refusal { column, reason: format!("{} ({})", error.detail, trouble.code) }
        })
        .collect()
}

struct Desk {
    client: Client,
    me: Url,
    tickets: Url,
    patience: Duration,
}

impl Desk {
    fn new(to: &str, token: &str, patience: Duration) -> Result<Self, ImportError> {
        let usage = |problem: &str| ImportError::Usage(format!("--to {to}: {problem}"));
        let base = Url::parse(to).map_err(|error| usage(&error.to_string()))?;
        if base.scheme() != "http" {
            return Err(usage("only http:// is spoken here; give the desk's own address rather than its proxy's"));
        }
        let join = |path: &str| base.join(path).map_err(|error| usage(&error.to_string()));
        let mut bearer = header::HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| ImportError::Usage("the token has characters that no token has".into()))?;
        bearer.set_sensitive(true);
        let headers = [(header::AUTHORIZATION, bearer)].into_iter().collect();
        let client = Client::builder()
            .default_headers(headers)
            .user_agent(concat!("hotdesk-import/", env!("CARGO_PKG_VERSION")))
            .timeout(PATIENCE)
            // A desk on this machine is not behind a proxy, whatever the environment says about the world.
            .no_proxy()
            .build()
            .map_err(|error| ImportError::Desk(error.to_string()))?;
        Ok(Self { client, me: join("/api/v1/me")?, tickets: join("/api/v1/tickets")?, patience })
    }

    /// Before the first row: is it there, and does it know the token?
    async fn check(&self) -> Result<(), ImportError> {
        let answer = self.client.get(self.me.clone()).send().await;
        let answer =
            answer.map_err(|error| ImportError::Desk(format!("the desk cannot be reached: {}", told(&error))))?;
        match answer.status() {
            StatusCode::OK => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(ImportError::Desk("the desk does not accept this token".into()))
            }
            status => Err(ImportError::Desk(format!("{} answers {status}: is it a hotdesk?", self.me))),
        }
    }

    async fn create(&self, incoming: &Incoming) -> Fate {
        let began = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            let request = self.client.post(self.tickets.clone()).header("Idempotency-Key", &incoming.key);
            let (reason, asked) = match request.json(&incoming.ticket).send().await {
                Ok(answer) if answer.status().is_success() => return Fate::Created,
                Ok(answer) => {
                    let asked = retry_after(&answer);
                    let status = answer.status();
                    let trouble = trouble(answer).await;
                    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                        return Fate::Stop(format!("{} ({})", trouble.detail, trouble.code));
                    }
                    if !trouble.retryable {
                        return Fate::Refused(trouble);
                    }
                    (format!("{} ({})", trouble.detail, trouble.code), asked)
                }
                Err(error) => (told(&error), None),
            };
            if began.elapsed() >= self.patience {
                return Fate::Stop(format!("{reason}, for {} s", began.elapsed().as_secs()));
            }
            // What the desk asks for, else full jitter, so that the rows on their way do not come back all at once.
            let jittered = wait.mul_f64(fastrand::f64());
            tokio::time::sleep(asked.unwrap_or(jittered).min(LONGEST_WAIT)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let text = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// A proxy in between may answer something else than a problem document: 5xx may pass, anything else will not.
async fn trouble(answer: Response) -> Trouble {
    let status = answer.status();
    match answer.json::<Trouble>().await {
        Ok(trouble) if !trouble.code.is_empty() => trouble,
        _ => Trouble {
            code: format!("http_{}", status.as_u16()),
            detail: format!("the desk answered {status}"),
            retryable: status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
            errors: Vec::new(),
        },
    }
}

/// reqwest's own text ends before the cause.
fn told(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
