//! Readers that subscribe to the board and never read: what they cost the server, and when it lets go of them.
//!
//! Their receive buffers are small, so that they are stuck soon. What they were told is read only at the end.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::Target;
use crate::client::scan::{Scanner, Seen};
use crate::client::tap::connect_all;
use crate::sample;

const RECEIVE_BUFFER_BYTES: u32 = 4096;
const TOO_SLOW: u16 = 4201;

/// Sockets that hang, and the server as it was before them.
#[derive(Debug)]
pub struct Stuck {
    sockets: Vec<TcpStream>,
    began: Instant,
    rss_before: u64,
    rss_peak: u64,
    open_before: usize,
    open: usize,
    cut: Option<Duration>,
}

/// What came of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Until the server had let go of the last one.
    pub cut_after_s: Option<f64>,
    pub still_open: usize,
    /// The server's memory for each, at most.
    pub kib_each: f64,
    /// How many could be told 4201.
    pub told: usize,
}

impl Stuck {
    pub async fn come(count: usize, door: &Target, server: u32) -> Result<Self> {
        let (usage, open_before) = (sample::usage(server)?, sample::sockets(server)?);
        let sockets = connect_all(door, count, Some(RECEIVE_BUFFER_BYTES)).await?;
        Ok(Self {
            sockets,
            began: Instant::now(),
            rss_before: usage.rss_bytes,
            rss_peak: usage.rss_bytes,
            open_before,
            open: count,
            cut: None,
        })
    }

    /// One look at the server, by its process.
    pub fn look(&mut self, server: u32) -> Result<()> {
        if self.cut.is_none() {
            self.rss_peak = self.rss_peak.max(sample::usage(server)?.rss_bytes);
        }
        self.open = sample::sockets(server)?.saturating_sub(self.open_before);
        if self.open == 0 && self.cut.is_none() {
            self.cut = Some(self.began.elapsed());
        }
        Ok(())
    }

    /// Reads what was left in their buffers.
    pub async fn end(self) -> Outcome {
        let count = self.sockets.len();
        let mut told = 0;
        let mut buffer = vec![0; 64 * 1024];
        for mut stream in self.sockets {
            let mut scanner = Scanner::default();
            // The end, a reset, or silence: nothing more will come.
            while let Ok(Ok(length @ 1..)) =
                tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer)).await
            {
                let read = scanner.feed(&buffer[..length], |seen| {
                    told += usize::from(seen == Seen::Close(Some(TOO_SLOW)));
                });
                if read.is_err() {
                    break;
                }
            }
        }
        Outcome {
            cut_after_s: self.cut.map(|cut| cut.as_secs_f64()),
            still_open: if self.cut.is_some() { 0 } else { self.open },
            kib_each: self.rss_peak.saturating_sub(self.rss_before) as f64 / count.max(1) as f64 / 1024.0,
            told,
        }
    }
}
