//! Which request or command something belongs to: the trace that a balancer began, or one of our own.
//!
//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>) and Google's older header are read; anything that is not exactly one of
//! them is as if it were not there. The id is in every log line on the way, since the way is walked inside a span that carries it.
//! Called by both edges.

use std::cell::Cell;
use std::fmt;

use tracing::Span;

/// 16 bytes, not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(u128);

tokio::task_local! {
    static CURRENT: Cell<Option<TraceId>>;
}

impl TraceId {
    /// A name, no secret: it need only differ from others.
    pub fn fresh() -> Self {
        Self(fastrand::u128(1..))
    }

    /// `traceparent: 00-<32 hex>-<16 hex>-<flags>` first, then `X-Cloud-Trace-Context: <32 hex>[/<span>][;o=1]`.
    pub fn read(traceparent: Option<&str>, cloud: Option<&str>) -> Option<Self> {
        let parent = traceparent.and_then(|text| {
            let mut parts = text.trim().split('-');
            let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            // A newer version may have more parts; 00 has these four, and ff is none.
            let fits = version.len() == 2 && is_hex(version) && version != "ff";
            let fits = fits && (version != "00" || parts.next().is_none());
            let fits = fits && span.len() == 16 && is_hex(span) && span.bytes().any(|digit| digit != b'0');
            (fits && flags.len() >= 2).then_some(id).and_then(Self::parse)
        });
        parent.or_else(|| cloud.and_then(|text| Self::parse(text.split(['/', ';']).next()?.trim())))
    }

    fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == 32 && is_hex(text);
        let id = is_one.then(|| u128::from_str_radix(text, 16).ok()).flatten()?;
        (id != 0).then_some(Self(id))
    }

    /// That of the work that runs just now.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Cell::get).ok().flatten()
    }

    /// Runs `work` as a part of this trace.
    pub async fn within<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(Cell::new(Some(self)), work).await
    }

    /// What a request is logged with.
    pub fn request(self, method: &str, route: &str) -> Span {
        tracing::info_span!("request", trace_id = %self, span_id = %span_id(), method, route)
    }

    /// What a command that came over a socket is logged with.
    pub fn command(self, kind: &'static str) -> Span {
        tracing::info_span!("command", trace_id = %self, span_id = %span_id(), kind)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A name for one step, unique enough within its trace.
fn span_id() -> impl fmt::Display {
    struct SpanId(u64);
    impl fmt::Display for SpanId {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{:016x}", self.0)
        }
    }
    SpanId(fastrand::u64(1..))
}

/// Lower case only, as the standard says.
fn is_hex(text: &str) -> bool {
    text.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// O30: a trace is taken from either header if it is exactly one, the standard's first.
    #[test]
    fn o30_traces_are_read_from_either_header() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let parent = format!("00-{id}-b7ad6b7169203331-01");
        let read = |parent: &str, cloud: &str| TraceId::read(Some(parent), Some(cloud)).map(|id| id.to_string());
        assert_eq!(read(&parent, "105445aa7843bc8bf206b12000100000/1;o=1").as_deref(), Some(id));
        assert_eq!(
            read("", "105445aa7843bc8bf206b12000100000/1;o=1").as_deref(),
            Some("105445aa7843bc8bf206b12000100000")
        );
        assert_eq!(read("", &format!("{id}/99")).as_deref(), Some(id));
        assert_eq!(read(&format!("01-{id}-b7ad6b7169203331-01-more"), "").as_deref(), Some(id));
        for bad in [
            format!("00-{id}-b7ad6b7169203331"),
            format!("00-{id}-b7ad6b7169203331-01-more"),
            format!("00-{id}-0000000000000000-01"),
            format!("ff-{id}-b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", id.to_uppercase()),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            "00-xyz-b7ad6b7169203331-01".to_owned(),
            "\r\nset-cookie: a".to_owned(),
        ] {
            assert_eq!(read(&bad, ""), None, "{bad}");
            assert_eq!(read("", &bad), None, "{bad}");
        }
        assert_ne!(TraceId::fresh(), TraceId::fresh());
    }
}
