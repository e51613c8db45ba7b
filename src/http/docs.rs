//! The API's description for people: one page, made of the OpenAPI document, with nothing loaded from anywhere.

use std::fmt::Write as _;
use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::assets::policy_header;
use super::call::Call;
use super::openapi;
use super::operation::{Access, Answer, Content, Operation};

/// A page that has its own style and no script.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

pub static SHOW: Operation = Operation {
    id: "get_docs",
    path: "/api/docs",
    tag: "operations",
    summary: "The API for people",
    detail: "This document as a page.",
    access: Access::Open,
    answers: &[Answer { status: 200, what: "A page.", content: Content::Html, written: false }],
    ..Operation::BASE
};

pub async fn show(_: Call) -> HttpResponse {
    static PAGE: OnceLock<Bytes> = OnceLock::new();
    let page = PAGE.get_or_init(|| {
        let document = serde_json::to_value(openapi::document()).expect("invariant: the document is JSON");
        page(&document).into()
    });
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((policy_header(), HeaderValue::from_static(POLICY)))
        .body(page.clone())
}

const STYLE: &str = "
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 16%,transparent);--soft:color-mix(in srgb,currentColor 62%,transparent);--tint:color-mix(in srgb,currentColor 5%,transparent)}
*{box-sizing:border-box}
body{margin:0;font:15px/1.55 system-ui,sans-serif;display:grid;grid-template-columns:17rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1.5rem 1rem;border-right:1px solid var(--line);font-size:13px}
nav h2{font-size:11px;text-transform:uppercase;letter-spacing:.06em;color:var(--soft);margin:1.2rem 0 .3rem}
nav a{display:block;padding:.15rem 0;color:inherit;text-decoration:none}
nav a:hover,nav a:focus-visible{text-decoration:underline}
main{padding:2rem clamp(1rem,4vw,3.5rem) 6rem;max-width:62rem}
h1{margin:.2rem 0 .6rem;font-size:1.9rem}
section{border-top:1px solid var(--line);padding:1.6rem 0 .6rem}
h3{margin:0 0 .2rem;font-size:1.05rem}
h4{margin:1rem 0 .3rem;font-size:12px;text-transform:uppercase;letter-spacing:.05em;color:var(--soft)}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace}
.call{display:inline-block;background:var(--tint);border:1px solid var(--line);border-radius:6px;padding:.2rem .6rem;overflow-wrap:anywhere}
.call b{font-weight:650;margin-right:.5rem}
table{border-collapse:collapse;width:100%}
td{border-top:1px solid var(--line);padding:.35rem .8rem .35rem 0;vertical-align:top}
td:first-child{white-space:nowrap;width:1%}
.kind{color:var(--soft)}
@media(max-width:760px){body{display:block}nav{position:static;height:auto;border-right:0;border-bottom:1px solid var(--line)}td:first-child{white-space:normal}}
";

fn page(document: &Value) -> String {
    let mut html = String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.push_str(
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>hotdesk API</title><style>",
    );
    html.push_str(STYLE);
    html.push_str("</style></head><body><nav aria-label=\"Calls\"><a href=\"/api/v1/openapi.json\">openapi.json</a>");
    let calls = calls(document);
    for tag in tags(document) {
        let _ = write!(html, "<h2>{}</h2>", escape(tag.0));
        for call in calls.iter().filter(|call| call.tag == tag.0) {
            let _ = write!(html, "<a href=\"#{0}\">{1}</a>", escape(call.id), escape(call.summary));
        }
    }
    html.push_str("<h2>Types</h2>");
    let nothing = Map::new();
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).unwrap_or(&nothing);
    for name in schemas.keys() {
        let _ = write!(html, "<a href=\"#{0}\">{0}</a>", escape(name));
    }
    let info = &document["info"];
    let _ = write!(html, "</nav><main><p class=\"kind\">version {}</p><h1>hotdesk API</h1>", text(&info["version"]));
    for paragraph in info["description"].as_str().unwrap_or_default().split("\n\n") {
        let _ = write!(html, "<p>{}</p>", prose(paragraph));
    }
    for (tag, what) in tags(document) {
        for (index, call) in calls.iter().filter(|call| call.tag == tag).enumerate() {
            if index == 0 {
                let _ = write!(html, "<h2>{}</h2><p>{}</p>", escape(tag), prose(what));
            }
            write_call(&mut html, call);
        }
    }
    html.push_str("<h2>Types</h2>");
    for (name, schema) in schemas {
        write_type(&mut html, name, schema);
    }
    html.push_str("</main></body></html>");
    html
}

struct Described<'a> {
    method: &'a str,
    path: &'a str,
    id: &'a str,
    tag: &'a str,
    summary: &'a str,
    value: &'a Value,
}

fn calls(document: &Value) -> Vec<Described<'_>> {
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, value) in item.as_object().into_iter().flatten() {
            calls.push(Described {
                method,
                path,
                id: value["operationId"].as_str().unwrap_or_default(),
                tag: value["tags"][0].as_str().unwrap_or_default(),
                summary: value["summary"].as_str().unwrap_or_default(),
                value,
            });
        }
    }
    calls
}

fn tags(document: &Value) -> Vec<(&str, &str)> {
    let tags = document["tags"].as_array().into_iter().flatten();
    tags.map(|tag| (tag["name"].as_str().unwrap_or_default(), tag["description"].as_str().unwrap_or_default()))
        .collect()
}

fn write_call(html: &mut String, call: &Described<'_>) {
    let _ = write!(
        html,
        "<section id=\"{}\"><h3>{}</h3><code class=\"call\"><b>{}</b>{}</code>",
        escape(call.id),
        escape(call.summary),
        call.method.to_uppercase(),
        escape(call.path)
    );
    if let Some(detail) = call.value["description"].as_str() {
        let _ = write!(html, "<p>{}</p>", prose(detail));
    }
    let parameters: Vec<&Value> = call.value["parameters"].as_array().into_iter().flatten().collect();
    if !parameters.is_empty() {
        html.push_str("<h4>Parameters</h4><table>");
        for parameter in parameters {
            let _ = write!(
                html,
                "<tr><td><code>{}</code> <span class=\"kind\">{}</span></td><td>{} <span class=\"kind\">{}</span></td></tr>",
                text(&parameter["name"]),
                text(&parameter["in"]),
                prose(parameter["description"].as_str().unwrap_or_default()),
                kind(&parameter["schema"])
            );
        }
        html.push_str("</table>");
    }
    let body = &call.value["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        let _ = write!(html, "<h4>Body</h4><p>{}</p>", kind(body));
    }
    html.push_str("<h4>Answers</h4><table>");
    for (status, answer) in call.value["responses"].as_object().into_iter().flatten() {
        let content = answer["content"].as_object().and_then(|content| content.values().next());
        let shape = content.map(|content| kind(&content["schema"])).unwrap_or_default();
        let _ = write!(
            html,
            "<tr><td><code>{}</code></td><td>{} <span class=\"kind\">{shape}</span></td></tr>",
            escape(status),
            prose(answer["description"].as_str().unwrap_or_default())
        );
    }
    html.push_str("</table></section>");
}

fn write_type(html: &mut String, name: &str, schema: &Value) {
    let _ = write!(html, "<section id=\"{0}\"><h3>{0}</h3>", escape(name));
    if let Some(what) = schema["description"].as_str() {
        let _ = write!(html, "<p>{}</p>", prose(what));
    }
    let parts: Vec<&Value> = match schema["allOf"].as_array() {
        Some(parts) => parts.iter().collect(),
        None => vec![schema],
    };
    for part in parts {
        let Some(properties) = part["properties"].as_object() else {
            let _ = write!(html, "<p>{}</p>", kind(part));
            continue;
        };
        let required: Vec<&str> = part["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        html.push_str("<table>");
        for (field, value) in properties {
            let optional =
                if required.contains(&field.as_str()) { "" } else { " <span class=\"kind\">optional</span>" };
            let _ = write!(
                html,
                "<tr><td><code>{}</code>{optional}</td><td>{} <span class=\"kind\">{}</span></td></tr>",
                escape(field),
                prose(value["description"].as_str().unwrap_or_default()),
                kind(value)
            );
        }
        html.push_str("</table>");
    }
    html.push_str("</section>");
}

/// A schema in a few words, with links to the named types.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        return format!("<a href=\"#{0}\">{0}</a>", escape(name));
    }
    for word in ["oneOf", "anyOf", "allOf"] {
        if let Some(options) = schema[word].as_array() {
            let between = if word == "allOf" { " and " } else { " or " };
            return options.iter().map(kind).collect::<Vec<_>>().join(between);
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("<code>{}</code>", text(value))).collect::<Vec<_>>().join(" or ");
    }
    let types = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let words: Vec<String> = types
        .iter()
        .map(|name| match *name {
            "array" => format!("list of {}", kind(&schema["items"])),
            "object" if schema["properties"].is_object() => {
                let fields = schema["properties"].as_object().into_iter().flatten();
                let fields: Vec<String> =
                    fields.map(|(name, value)| format!("<code>{}</code>: {}", escape(name), kind(value))).collect();
                format!("{{ {} }}", fields.join(", "))
            }
            other => escape(other),
        })
        .collect();
    words.join(" or ")
}

fn text(value: &Value) -> String {
    escape(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Escapes, and sets what stands between backticks as code.
fn prose(plain: &str) -> String {
    let parts = plain.split('`').enumerate();
    parts
        .map(|(index, part)| match index % 2 {
            0 => escape(part),
            _ => format!("<code>{}</code>", escape(part)),
        })
        .collect()
}

pub fn escape(plain: &str) -> String {
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S10: the page shows every call and loads nothing.
    #[test]
    fn s10_the_page_shows_every_call_and_loads_nothing() {
        let document = serde_json::to_value(openapi::document()).unwrap();
        let page = page(&document);
        for operation in super::super::operations() {
            assert!(page.contains(&format!("<section id=\"{}\">", operation.id)), "{}", operation.id);
        }
        for foreign in ["<script", "<link", "src=", "http://", "https://"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn what_is_written_is_escaped() {
        assert_eq!(prose("a<b> `x & y`"), "a&lt;b&gt; <code>x &amp; y</code>");
    }
}
