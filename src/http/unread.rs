//! Bodies that nobody reads to their end. The HTTP server discards the rest of a chunked body for as long as the client sends
//! one, if the body was dropped; held until the answer is out, it closes the connection instead. Called by the edge.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::{Method, header};
use bytes::Bytes;
use futures_util::Stream;

type Shared = Rc<RefCell<(Payload, bool)>>;

/// The body of a request that may not be read to its end.
pub struct Unread(Shared);

impl Unread {
    /// Keeps a hand on the body, if it is one of those.
    pub fn of(request: &mut ServiceRequest) -> Option<Self> {
        let headers = request.headers();
        let says_length = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
        // A caller who is signed in has a handler that reads, but for a file it may stop; a stranger may send a body byte by byte to
        // be refused.
        let is_stranger = !headers.contains_key(header::AUTHORIZATION) && !headers.contains_key(header::COOKIE);
        let may_stop = is_stranger || request.method() == Method::PUT;
        if !(headers.contains_key(header::TRANSFER_ENCODING) || says_length && may_stop) {
            return None;
        }
        let shared: Shared = Rc::new(RefCell::new((request.take_payload(), false)));
        let stream: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(Body(Rc::clone(&shared)));
        request.set_payload(Payload::from(stream));
        Some(Self(shared))
    }

    /// What has arrived already is read away, so that a refusal of a small body does not cost the connection.
    fn is_read(&self) -> bool {
        let (payload, finished) = &mut *self.0.borrow_mut();
        let mut context = Context::from_waker(Waker::noop());
        while !*finished {
            match Pin::new(&mut *payload).poll_next(&mut context) {
                Poll::Ready(None) => *finished = true,
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_))) | Poll::Pending => return false,
            }
        }
        true
    }

    /// Binds it to the answer, unless it was read to its end.
    pub fn hold(self, answer: BoxBody) -> BoxBody {
        if self.is_read() { answer } else { BoxBody::new(Holding { answer, _unread: self.0 }) }
    }
}

struct Body(Shared);

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (payload, finished) = &mut *self.0.borrow_mut();
        let polled = Pin::new(payload).poll_next(context);
        *finished |= matches!(polled, Poll::Ready(None));
        polled
    }
}

struct Holding {
    answer: BoxBody,
    _unread: Shared,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let polled = Pin::new(&mut self.answer).poll_next(context);
        if matches!(polled, Poll::Ready(None)) {
            // The HTTP server begins to count how long it lingers when it is polled next, and a silent client never causes that.
            context.waker().wake_by_ref();
        }
        polled
    }
}
