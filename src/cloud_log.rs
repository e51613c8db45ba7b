//! Log lines as Google's Cloud Logging reads them from stderr: one JSON object a line, with the fields that it takes out.
//!
//! Field names and shapes: <https://cloud.google.com/logging/docs/structured-logging>; of errors
//! <https://cloud.google.com/error-reporting/docs/formatting-error-messages>. Other fields stay in `jsonPayload`. Anything else that
//! reads JSON lines gets along with it too, so it is the only JSON form. Never writes a ticket's text: that is for callers to heed.

use std::fmt;
use std::panic::PanicHookInfo;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Makes Error Reporting take a line for an error, and group it by its place.
const ERROR_EVENT: &str = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent";

/// What a line says beside its event.
#[derive(Clone, Debug, Default)]
pub struct CloudFormat {
    /// The Google Cloud project, for the names of traces; empty means that lines carry the bare trace id.
    pub project: String,
}

/// The fields of a span, kept until it ends. Those of inner spans and of the event go over them.
#[derive(Debug, Default)]
struct Kept(Map<String, Value>);

/// Keeps the fields of spans for [`CloudFormat`].
#[derive(Debug)]
pub struct KeepFields;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for KeepFields {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut kept = Kept::default();
        attributes.record(&mut Collect(&mut kept.0));
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(kept);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(kept) = span.extensions_mut().get_mut::<Kept>()
        {
            values.record(&mut Collect(&mut kept.0));
        }
    }
}

impl<S, N> FormatEvent<S, N> for CloudFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Map::new();
        for span in context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(kept) = span.extensions().get::<Kept>() {
                fields.extend(kept.0.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        event.record(&mut Collect(&mut fields));
        let about = event.metadata();
        let place = about.file().zip(about.line());
        let line = self.line(*about.level(), about.target(), place, fields);
        writeln!(writer, "{line}")
    }
}

impl CloudFormat {
    fn line(&self, level: Level, target: &str, place: Option<(&str, u32)>, mut fields: Map<String, Value>) -> Value {
        let message = fields.remove("message").unwrap_or_else(|| Value::String(target.to_owned()));
        let trace = fields.remove("trace_id");
        let span = fields.remove("span_id");
        let mut line = Map::new();
        line.insert("severity".to_owned(), severity(level).into());
        line.insert("time".to_owned(), format!("{:.6}", Timestamp::now()).into());
        line.insert("message".to_owned(), message);
        line.insert("logging.googleapis.com/labels".to_owned(), json!({"target": target}));
        if let Some((file, number)) = place {
            let place = json!({"file": file, "line": number.to_string(), "function": target});
            line.insert("logging.googleapis.com/sourceLocation".to_owned(), place);
            if level == Level::ERROR {
                line.insert("@type".to_owned(), ERROR_EVENT.into());
                let service = json!({"service": "hotdesk", "version": env!("CARGO_PKG_VERSION")});
                line.insert("serviceContext".to_owned(), service);
                let report = json!({"filePath": file, "lineNumber": number, "functionName": target});
                line.insert("context".to_owned(), json!({"reportLocation": report}));
            }
        }
        if let Some(Value::String(trace)) = trace {
            let name =
                if self.project.is_empty() { trace } else { format!("projects/{}/traces/{trace}", self.project) };
            line.insert("logging.googleapis.com/trace".to_owned(), name.into());
        }
        if let Some(span) = span {
            line.insert("logging.googleapis.com/spanId".to_owned(), span);
        }
        if let Some(request) = http_request(&mut fields) {
            line.insert("httpRequest".to_owned(), request);
        }
        for (name, value) in fields {
            line.entry(name).or_insert(value);
        }
        Value::Object(line)
    }
}

/// Cloud Logging's `HttpRequest`, of a line about one.
fn http_request(fields: &mut Map<String, Value>) -> Option<Value> {
    let status = fields.remove("http_status")?;
    let ms = fields.remove("http_ms").and_then(|ms| ms.as_f64()).unwrap_or_default();
    Some(json!({
        "requestMethod": fields.remove("http_method"),
        "requestUrl": fields.remove("http_route"),
        "status": status,
        "latency": format!("{:.6}s", ms / 1e3),
    }))
}

/// Cloud Logging's names; it knows no `TRACE`.
fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

struct Collect<'a>(&'a mut Map<String, Value>);

impl Collect<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

/// Logs a panic where it happened, as one line like any other error; the part that panicked decides what becomes of it.
pub fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no reason given");
    let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
    tracing::error!(place, thread, "panicked: {text}");
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(project: &str, work: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let kept = lines.clone();
        let format = CloudFormat { project: project.to_owned() };
        let layer = tracing_subscriber::fmt::layer().event_format(format).with_writer(move || kept.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(KeepFields).with(layer), work);
        let bytes = lines.0.lock().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// O1: each line is one JSON object with Cloud Logging's fields.
    #[test]
    fn o1_a_line_has_the_documented_fields() {
        let lines = logged("", || {
            tracing::info!(sessions = 3, quick = true, "two\nlines \"quoted\"");
            tracing::warn!("careful");
        });
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["severity"], "INFO");
        assert_eq!(lines[0]["message"], "two\nlines \"quoted\"");
        assert_eq!((&lines[0]["sessions"], &lines[0]["quick"]), (&json!(3), &json!(true)));
        lines[0]["time"].as_str().unwrap().parse::<Timestamp>().expect("RFC 3339");
        let place = &lines[0]["logging.googleapis.com/sourceLocation"];
        assert!(place["file"].as_str().unwrap().ends_with("cloud_log.rs"));
        assert!(
            place["line"].as_str().unwrap().parse::<u32>().is_ok(),
            "the line is an int64 as JSON writes it: a string"
        );
        assert!(lines[0].get("@type").is_none());
        assert_eq!(lines[1]["severity"], "WARNING");
    }

    /// O2: what happens inside a request carries its trace, under the project's name.
    #[test]
    fn o2_a_line_carries_its_trace() {
        let lines = logged("desk-1", || {
            let span = tracing::info_span!(
                "request",
                trace_id = "0af7651916cd43dd8448eb211c80319c",
                span_id = "b7ad6b7169203331"
            );
            span.in_scope(|| tracing::info!("inside"));
            tracing::info!("outside");
        });
        let trace = "projects/desk-1/traces/0af7651916cd43dd8448eb211c80319c";
        assert_eq!(lines[0]["logging.googleapis.com/trace"], trace);
        assert_eq!(lines[0]["logging.googleapis.com/spanId"], "b7ad6b7169203331");
        assert!(lines[1].get("logging.googleapis.com/trace").is_none());
    }

    /// O3: an error is an event of Error Reporting with the place that it is grouped by.
    #[test]
    fn o3_an_error_is_reported() {
        let lines = logged("", || tracing::error!(status = 500, "it broke"));
        assert_eq!(lines[0]["@type"], ERROR_EVENT);
        assert_eq!(lines[0]["serviceContext"]["service"], "hotdesk");
        let report = &lines[0]["context"]["reportLocation"];
        assert!(report["filePath"].is_string() && report["lineNumber"].is_u64() && report["functionName"].is_string());
        assert_eq!(lines[0]["status"], 500);
    }

    /// O1: a request stands where Cloud Logging shows requests.
    #[test]
    fn o1_a_request_is_shown_as_one() {
        let lines = logged("", || {
            tracing::info!(
                http_method = "GET",
                http_route = "/api/v1/me",
                http_status = 200,
                http_ms = 1.5,
                "answered"
            );
        });
        let request =
            json!({"requestMethod": "GET", "requestUrl": "/api/v1/me", "status": 200, "latency": "0.001500s"});
        assert_eq!(lines[0]["httpRequest"], request);
        assert!(lines[0].get("http_status").is_none());
    }

    /// O1: a field of ours cannot pass for one of Cloud Logging's.
    #[test]
    fn o1_fields_do_not_replace_the_documented_ones() {
        let lines = logged("", || tracing::info!(severity = "EMERGENCY", time = "yesterday", "calm"));
        assert_eq!(lines[0]["severity"], "INFO");
        assert_ne!(lines[0]["time"], "yesterday");
    }
}
