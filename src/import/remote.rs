//! Rows into a running desk, through its public API: nothing here knows more than any other client.

use std::time::{Duration, Instant};

use reqwest::{Client, Response, StatusCode, Url, header};

use super::{Fate, ImportArgs, ImportError, Incoming, Trouble};
use crate::outgoing;

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// One request. A desk that takes longer is as good as away, and the key makes asking again safe.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Desk {
    client: Client,
    tickets: Url,
    patience: Duration,
}

impl Desk {
    /// Before the first row: is it there, and does it know the token?
    pub async fn open(args: &ImportArgs, to: &str) -> Result<Self, ImportError> {
        let token =
            args.token.clone().or_else(|| std::env::var("HOTDESK_ADMIN_TOKEN").ok()).ok_or_else(|| {
                ImportError::Usage("an API token of the desk is needed: --token or HOTDESK_TOKEN".into())
            })?;
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
        let client = outgoing::trusted()
            .default_headers(headers)
            .user_agent(concat!("hotdesk-import/", env!("CARGO_PKG_VERSION")))
            .timeout(PATIENCE)
            .build()
            .map_err(|error| ImportError::Desk(error.to_string()))?;
        let me = join("/api/v1/me")?;
        let answer = client.get(me.clone()).send().await;
        let answer =
            answer.map_err(|error| ImportError::Desk(format!("the desk cannot be reached: {}", told(&error))))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(ImportError::Desk("the desk does not accept this token".into()));
            }
            status => return Err(ImportError::Desk(format!("{me} answers {status}: is it a hotdesk?"))),
        }
        Ok(Self { client, tickets: join("/api/v1/tickets")?, patience: Duration::from_secs(args.patience_s) })
    }

    pub async fn create(&self, incoming: &Incoming) -> Fate {
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
