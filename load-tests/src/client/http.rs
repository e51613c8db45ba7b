//! One keep-alive HTTP connection with one call at a time, as lean as the measurement needs.
//!
//! Never retries and never follows: what the server said is what the caller gets. Called by `desk` and the scenarios.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, HeaderValue};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;

use super::Target;

#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    bearer: HeaderValue,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Connection {
    pub async fn open(target: &Target) -> Result<Self> {
        let stream = super::connect(target.address, 0, None).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // The next call sees the end of the connection as its own error.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            sender,
            host: HeaderValue::from_str(&target.address.to_string())?,
            bearer: HeaderValue::from_str(&format!("Bearer {}", target.token))?,
        })
    }

    pub async fn get(&mut self, path: &str) -> Result<Reply> {
        self.call(Method::GET, path, None, None).await
    }

    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> Result<Reply> {
        self.call(Method::POST, path, Some(body.into()), None).await
    }

    pub async fn patch(&mut self, path: &str, body: impl Into<Bytes>) -> Result<Reply> {
        self.call(Method::PATCH, path, Some(body.into()), None).await
    }

    /// One call; `key` goes out as `Idempotency-Key`.
    pub async fn call(&mut self, method: Method, path: &str, body: Option<Bytes>, key: Option<&str>) -> Result<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.host.clone())
            .header(AUTHORIZATION, self.bearer.clone());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::new(body.unwrap_or_default()))?;
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }
}

impl Reply {
    /// The body, of an answer that must be a success.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        self.success()?;
        serde_json::from_slice(&self.body).with_context(|| format!("unexpected answer: {}", self.text()))
    }

    pub fn success(&self) -> Result<()> {
        if !(200..300).contains(&self.status) {
            bail!("status {}: {}", self.status, self.text());
        }
        Ok(())
    }

    /// `X-Hotdesk-Seq`: the seq of a write's last record.
    pub fn seq(&self) -> Result<u64> {
        let seq = self.headers.get("x-hotdesk-seq").context("a write's answer has no X-Hotdesk-Seq")?;
        Ok(seq.to_str()?.parse()?)
    }

    /// The ticket's version in `ETag`.
    pub fn version(&self) -> Result<u64> {
        let tag = self.headers.get(ETAG).context("a write's answer has no ETag")?;
        Ok(tag.to_str()?.trim_matches('"').parse()?)
    }

    /// The stable code of a problem document.
    pub fn code(&self) -> Option<String> {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        problem.get("code")?.as_str().map(str::to_owned)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(300).collect()
    }
}
