//! What goes into the socket: the actor's own answers first, then whatever the outlet has for it.
//!
//! The HTTP server polls this stream only while its write buffer has room, so asking the outlet here and nowhere else is what
//! bounds memory: a reader that does not read is simply not asked.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::Error;
use bytes::Bytes;
use futures_util::Stream;

use crate::actors::hub::outlet::{Outlet, Pull};

pub struct Outgoing<S> {
    /// The actor's context: answers to commands, pongs. Gone once it has ended.
    inner: Option<Pin<Box<S>>>,
    outlet: Rc<Outlet>,
}

impl<S> Outgoing<S> {
    pub fn new(inner: S, outlet: Rc<Outlet>) -> Self {
        Self { inner: Some(Box::pin(inner)), outlet }
    }
}

impl<S: Stream<Item = Result<Bytes, Error>>> Stream for Outgoing<S> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(inner) = self.inner.as_mut() else { return Poll::Ready(None) };
        match inner.as_mut().poll_next(context) {
            Poll::Ready(Some(bytes)) => return Poll::Ready(Some(bytes)),
            Poll::Ready(None) => {
                self.inner = None;
                return Poll::Ready(None);
            }
            Poll::Pending => {}
        }
        match self.outlet.pull(context.waker()) {
            Pull::Frame(bytes) => Poll::Ready(Some(Ok(bytes))),
            Pull::Nothing => Poll::Pending,
            Pull::End => {
                self.inner = None;
                Poll::Ready(None)
            }
        }
    }
}
