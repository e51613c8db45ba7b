//! HTTP as the stand-in needs it, by hand: a real server would not let itself be made to keep silent, to break off or to send empty
//! lines for ever.

use std::io;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No question is longer.
const MOST_BYTES: usize = 16 << 20;
const KEEP_ALIVE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub struct Request {
    pub line: String,
    pub authorization: String,
    /// The client wants the connection closed after the answer.
    pub close: bool,
    pub body: Vec<u8>,
}

impl Request {
    /// `None` once the client has closed.
    pub async fn read(socket: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            let read = socket.read(&mut buffer).await?;
            if read == 0 || bytes.len() > MOST_BYTES {
                return Ok(None);
            }
            bytes.extend_from_slice(&buffer[..read]);
        };
        let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
        let header = |wanted: &str| {
            let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
            lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
        };
        let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if length > MOST_BYTES {
            return Ok(None);
        }
        let mut body = bytes.split_off(head_end);
        while body.len() < length {
            let read = socket.read(&mut buffer).await?;
            if read == 0 {
                return Ok(None);
            }
            body.extend_from_slice(&buffer[..read]);
        }
        let line = head.lines().next().unwrap_or_default().to_owned();
        let close = header("connection").is_some_and(|said| said.eq_ignore_ascii_case("close"));
        Ok(Some(Self { line, authorization: header("authorization").unwrap_or_default(), close, body }))
    }
}

#[derive(Debug)]
pub struct Reply {
    status: u16,
    kind: &'static str,
    pub head: Vec<(&'static str, String)>,
    /// Sent chunk by chunk; a single one goes with its length.
    pieces: Vec<String>,
    chunked: bool,
    /// What is sent while the model thinks.
    keep_alive: &'static str,
    keep_alives: usize,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    /// Keep-alives until the client leaves.
    Never,
    /// Not even a head.
    Silent,
}

impl Reply {
    pub fn whole(status: u16, kind: &'static str, body: Vec<u8>) -> Self {
        let pieces = vec![String::from_utf8_lossy(&body).into_owned()];
        Self { status, kind, head: Vec::new(), pieces, chunked: false, keep_alive: "", keep_alives: 0, end: End::Whole }
    }

    pub fn error(status: u16, kind: &'static str, message: &str) -> Self {
        let error = json!({"error": {"message": message, "type": "error", "param": null, "code": "error"}});
        Self::whole(status, kind, error.to_string().into_bytes())
    }

    pub fn chunked(kind: &'static str, keep_alive: &'static str, pieces: Vec<String>) -> Self {
        Self { keep_alive, pieces, chunked: true, ..Self::whole(200, kind, Vec::new()) }
    }

    pub fn silent() -> Self {
        Self { end: End::Silent, ..Self::whole(200, "", Vec::new()) }
    }

    pub fn after_keep_alives(self, keep_alives: usize) -> Self {
        Self { keep_alives, ..self }
    }

    pub fn never(self) -> Self {
        Self { end: End::Never, ..self }
    }

    pub async fn write(self, socket: &mut TcpStream) -> io::Result<()> {
        if self.end == End::Silent {
            // Until the client leaves.
            return socket.read(&mut [0]).await.map(drop);
        }
        let mut head = format!("HTTP/1.1 {} stand-in\r\ncontent-type: {}\r\n", self.status, self.kind);
        for (name, value) in &self.head {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.chunked {
            let body = self.pieces.concat();
            head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
            return socket.write_all(head.as_bytes()).await;
        }
        head.push_str("transfer-encoding: chunked\r\n\r\n");
        socket.write_all(head.as_bytes()).await?;
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let mut sent = 0;
        while sent < self.keep_alives || self.end == End::Never {
            socket.write_all(chunk(self.keep_alive).as_bytes()).await?;
            socket.flush().await?;
            tokio::time::sleep(KEEP_ALIVE).await;
            sent += 1;
        }
        for piece in &self.pieces {
            socket.write_all(chunk(piece).as_bytes()).await?;
        }
        socket.write_all(b"0\r\n\r\n").await
    }
}
