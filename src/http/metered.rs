//! Large answers, handed to the server in pieces: what waits for a slow reader stays small, and the connection's clock is told
//! whenever a piece was taken. Called by the edge.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use crate::line::{Carried, Line};

/// Smaller answers fit into the kernel's buffer whole and need no watching.
pub const FROM_BYTES: u64 = 16 * 1024;
const PIECE_BYTES: usize = 64 * 1024;

pub struct Metered {
    body: BoxBody,
    /// What was taken out of the body and not handed on yet.
    rest: Bytes,
    line: Arc<Line>,
}

impl Metered {
    /// Watches the answers that are worth it.
    pub fn over(body: BoxBody, line: Option<&Arc<Line>>) -> BoxBody {
        let is_large = match body.size() {
            BodySize::None => false,
            BodySize::Sized(bytes) => bytes > FROM_BYTES,
            BodySize::Stream => true,
        };
        match line {
            Some(line) if is_large => BoxBody::new(Self { body, rest: Bytes::new(), line: Arc::clone(line) }),
            _ => body,
        }
    }
}

/// An answer on a connection that carries several at once: the connection is watched for all of them together.
pub struct Carrying {
    body: BoxBody,
    carried: Carried,
}

impl Carrying {
    pub fn over(body: BoxBody, carried: Carried) -> BoxBody {
        BoxBody::new(Self { body, carried })
    }
}

impl MessageBody for Carrying {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        // Asked for the next piece only once the peer has room for it.
        self.carried.taken();
        let polled = Pin::new(&mut self.body).poll_next(context);
        if matches!(polled, Poll::Ready(Some(Ok(_)))) {
            self.carried.handed();
        }
        polled
    }
}

impl MessageBody for Metered {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => self.rest = bytes,
                Poll::Pending => {
                    // The source has nothing, and the peer took what there was.
                    self.line.idle();
                    return Poll::Pending;
                }
                over @ Poll::Ready(_) => {
                    self.line.handed();
                    return over;
                }
            }
        }
        self.line.handed();
        let piece = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(self.rest.split_to(piece))))
    }
}
