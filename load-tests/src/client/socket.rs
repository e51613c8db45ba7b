//! A WebSocket that speaks `hotdesk.v1` in full: hello, commands, records as JSON.
//!
//! For sockets that are few; thousands of readers go through `tap`. Never reconnects by itself. Called by `tap` for the
//! handshake and by the scenarios.

use std::collections::VecDeque;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use hyper::header::{AUTHORIZATION, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::Target;

/// Where a reader stopped, to go on from there.
#[derive(Clone, Debug)]
pub struct Position {
    pub epoch: String,
    pub after: u64,
}

/// What the server says, as far as the scenarios care.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Heard {
    Welcome(Welcome),
    /// Its fields are read by `listen`, where somebody wants them.
    Rec {},
    Upto {
        seq: u64,
        #[serde(default)]
        board: Option<String>,
    },
    Ok {
        id: String,
        seq: u64,
        version: u64,
        ticket: Option<u64>,
    },
    Err {
        #[serde(default)]
        id: Option<String>,
        code: String,
        message: String,
    },
    Lag {},
    Drain {
        after_ms: u64,
        jitter_ms: u64,
    },
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Welcome {
    pub epoch: String,
    pub seq: u64,
    pub resume: String,
}

#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    heard: VecDeque<Heard>,
}

impl Socket {
    /// Connects and says hello; the `welcome` is still to be heard.
    pub async fn greet(target: &Target, topics: &[&str], position: Option<&Position>) -> Result<Self> {
        let stream = super::connect(target.address, 0, None).await?;
        let mut stream = upgrade(stream, target).await?;
        stream.send(Message::text(hello(topics, position))).await?;
        Ok(Self { stream, heard: VecDeque::new() })
    }

    /// Connects, says hello and waits for `welcome`.
    pub async fn open(target: &Target, topics: &[&str], position: Option<&Position>) -> Result<(Self, Welcome)> {
        let mut socket = Self::greet(target, topics, position).await?;
        match socket.hear().await? {
            Some(Heard::Welcome(welcome)) => Ok((socket, welcome)),
            other => bail!("the first answer to hello was {other:?}"),
        }
    }

    /// Sends one frame: one or more JSON objects, one a line.
    pub async fn say(&mut self, lines: String) -> Result<()> {
        Ok(self.stream.send(Message::text(lines)).await?)
    }

    /// The next frame as it came, of a socket whose lines the caller reads itself; `None` once the connection has ended.
    pub async fn frame(&mut self) -> Option<Utf8Bytes> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Some(text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next thing the server says; `None` once the connection has ended, however it did.
    pub async fn hear(&mut self) -> Result<Option<Heard>> {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return Ok(Some(heard));
            }
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    for line in text.lines().filter(|line| !line.is_empty()) {
                        let heard = serde_json::from_str(line);
                        self.heard.push_back(heard.with_context(|| format!("not a message of the protocol: {line}"))?);
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(None),
                Some(Ok(_)) => {}
            }
        }
    }

    /// What has been heard already and waits, so that answers of one frame can be handled together.
    pub fn heard_already(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }
}

/// The handshake with bearer token and subprotocol.
pub async fn upgrade(stream: TcpStream, target: &Target) -> Result<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://{}/api/v1/ws", target.address).into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", target.token))?);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("hotdesk.v1"));
    let (stream, _) = tokio_tungstenite::client_async(request, stream).await.context("the WebSocket was refused")?;
    Ok(stream)
}

pub fn hello(topics: &[&str], position: Option<&Position>) -> String {
    let client = uuid::Uuid::new_v4().to_string();
    let mut hello = json!({ "t": "hello", "v": 1, "client": client, "topics": topics, "visible": true });
    if let Some(Position { epoch, after }) = position {
        hello["epoch"] = epoch.as_str().into();
        hello["after"] = (*after).into();
    }
    hello.to_string()
}

/// A `cmd` line.
pub fn command(id: &str, ticket: Option<u64>, body: &Value) -> String {
    let mut line = json!({ "t": "cmd", "id": id, "do": body });
    if let Some(ticket) = ticket {
        line["ticket"] = ticket.into();
    }
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_messages_and_fields_are_ignored() {
        assert!(matches!(serde_json::from_str(r#"{"t":"weather","sun":true}"#).unwrap(), Heard::Other));
        let heard = serde_json::from_str(r#"{"t":"ok","id":"a","seq":4,"version":2,"ticket":null,"new":1}"#).unwrap();
        assert!(matches!(heard, Heard::Ok { seq: 4, version: 2, ticket: None, .. }));
    }

    #[test]
    fn hello_carries_where_to_go_on() {
        let position = Position { epoch: "e1".to_owned(), after: 9 };
        let hello: Value = serde_json::from_str(&hello(&["board"], Some(&position))).unwrap();
        assert_eq!((hello["epoch"].as_str(), hello["after"].as_u64()), (Some("e1"), Some(9)));
    }
}
