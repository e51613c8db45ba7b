//! The API's description as an OpenAPI 3.1 document, made of the operations on the router's page and of the wire types, so that it
//! cannot say anything else than the code. `docs/openapi.json` is its printed form.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header;
use bytes::Bytes;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, ParameterStyle, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AllOf, ArrayBuilder, Object, ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, ResponseBuilder,
    Schema,
};

use super::auth::COOKIE;
use super::call::Call;
use super::operation::{Access, Answer, Body, Content, KeyUse, Operation, Param, ParamKind};
use crate::protocol::code::Code;
use crate::protocol::frame::{ClientMessage, ServerMessage};
use crate::protocol::problem::Problem;

pub static SHOW: Operation = Operation {
    id: "get_openapi",
    path: "/api/v1/openapi.json",
    tag: "operations",
    summary: "This document",
    detail: "The API as an OpenAPI 3.1 document.",
    access: Access::Open,
    answers: &[Answer { status: 200, what: "The document.", content: Content::AnyJson, written: false }],
    ..Operation::BASE
};

pub async fn show(_: Call) -> HttpResponse {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| print().into()).clone();
    HttpResponse::Ok().content_type("application/json").insert_header((header::CACHE_CONTROL, "no-cache")).body(text)
}

/// The document as it is sent and as it lies in `docs/`.
pub fn print() -> String {
    let mut text = serde_json::to_string_pretty(&document()).expect("invariant: the document is JSON");
    text.push('\n');
    text
}

const TAGS: &[(&str, &str)] = &[
    ("session", "Signing in, who I am, what this desk is."),
    ("tickets", "Tickets, their threads and their history."),
    ("queue", "The one queue that hands out tickets."),
    ("attachments", "Files of messages."),
    ("triage", "What the desk makes of tickets by itself, and how well."),
    ("requests", "The public request form, and what a customer sees by a private link."),
    ("analytics", "Live figures, series, trends and forecasts."),
    ("reports", "Reports over all of history, saved and scheduled."),
    ("live", "The desk at one moment, and every record after it."),
    ("people", "Users, colleagues and API tokens."),
    ("operations", "For those who run the desk."),
];

const ABOUT: &str = "A real-time support desk. Every change is a record in one ordered journal; its position is `seq`. What is \
acknowledged is on disk.\n\nErrors are problem documents (RFC 9457) with a stable `code`; where `retryable` is true the same \
request may succeed later as it is. Unknown fields and query parameters are refused with `unknown_field`; clients must ignore \
unknown fields of an answer. Times are RFC 3339 in UTC with milliseconds.\n\nCalls that change something take an \
`Idempotency-Key`: a repeat within 24 hours gets the first answer again, across restarts.\n\nThe same commands and the live \
stream of records are at the WebSocket `GET /api/v1/ws`, subprotocol `hotdesk.v1`: one JSON object a line, `ClientMessage` one \
way and `ServerMessage` the other.";

pub fn document() -> OpenApi {
    let mut found: Vec<(String, RefOr<Schema>)> = Vec::new();
    add::<Problem>(&mut found);
    add::<Code>(&mut found);
    // No call has them: they are what the WebSocket speaks.
    add::<ClientMessage>(&mut found);
    add::<ServerMessage>(&mut found);

    let mut items: BTreeMap<&str, PathItem> = BTreeMap::new();
    for operation in super::operations() {
        let method = match operation.method {
            "POST" => HttpMethod::Post,
            "PUT" => HttpMethod::Put,
            "PATCH" => HttpMethod::Patch,
            "DELETE" => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        let item = PathItem::new(method, describe(operation, &mut found));
        match items.get_mut(operation.path) {
            Some(known) => known.merge_operations(item),
            None => drop(items.insert(operation.path, item)),
        }
    }
    let paths = items.into_iter().fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item));

    let mut schemas: BTreeMap<String, RefOr<Schema>> = found.into_iter().collect();
    join_parts(&mut schemas);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API token.")).build();
    let cookie =
        ApiKeyValue::with_description(COOKIE, "A browser's session. Unsafe requests must come from our own pages.");
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("token", SecurityScheme::Http(bearer))
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)))
        .build();
    let info = InfoBuilder::new().title("hotdesk").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)).build();
    let tags = TAGS.iter().map(|(name, what)| TagBuilder::new().name(*name).description(Some(*what)).build());
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).tags(Some(tags)).build()
}

/// A kind of several that is made of parts is written as one object: a part that allows no other field would forbid the next part's.
fn join_parts(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let known = schemas.clone();
    for schema in schemas.values_mut() {
        let RefOr::T(Schema::OneOf(kinds)) = schema else { continue };
        for kind in &mut kinds.items {
            if let RefOr::T(Schema::AllOf(parts)) = kind
                && let Some(whole) = joined(parts, &known)
            {
                *kind = RefOr::T(Schema::Object(whole));
            }
        }
    }
}

fn joined(parts: &AllOf, known: &BTreeMap<String, RefOr<Schema>>) -> Option<Object> {
    let mut whole = Object::with_type(Type::Object);
    whole.description.clone_from(&parts.description);
    for part in &parts.items {
        let part = match part {
            RefOr::Ref(named) => known.get(named.ref_location.strip_prefix("#/components/schemas/")?)?,
            part @ RefOr::T(_) => part,
        };
        let RefOr::T(Schema::Object(part)) = part else { return None };
        whole.properties.extend(part.properties.clone());
        whole.required.extend(part.required.iter().cloned());
        whole.additional_properties = whole.additional_properties.or_else(|| part.additional_properties.clone());
    }
    Some(whole)
}

fn add<T: ToSchema>(found: &mut Vec<(String, RefOr<Schema>)>) {
    super::operation::schema::<T>(found);
}

fn describe(operation: &Operation, found: &mut Vec<(String, RefOr<Schema>)>) -> OperationBuilder {
    let mut described = OperationBuilder::new()
        .operation_id(Some(operation.id))
        .tag(operation.tag)
        .summary(Some(operation.summary))
        .description(Some(operation.detail).filter(|detail| !detail.is_empty()));
    if operation.path.contains("{id}") {
        let of_ticket = operation.path.starts_with("/api/v1/tickets/");
        let kind = if of_ticket { Type::Integer } else { Type::String };
        let id = ParameterBuilder::new()
            .name("id")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(ObjectBuilder::new().schema_type(kind)));
        described = described.parameter(id);
    }
    for param in operation.query {
        described = described.parameter(query_parameter(param));
    }
    if operation.key == KeyUse::Taken {
        described = described.parameter(text_header(
            "Idempotency-Key",
            "The command's id, 1 to 200 characters: a repeat within 24 hours gets the first answer again.",
        ));
    }
    if operation.if_match {
        described = described.parameter(text_header("If-Match", "A version as an ETag; another one is 412."));
    }
    let content = |schema| ContentBuilder::new().schema(Some(schema)).build();
    match operation.body {
        Body::None => {}
        Body::Json(schema) | Body::Optional(schema) => {
            let required = if matches!(operation.body, Body::Json(_)) { Required::True } else { Required::False };
            let body = RequestBodyBuilder::new()
                .content("application/json", content(schema(found)))
                .required(Some(required))
                .build();
            described = described.request_body(Some(body));
        }
        Body::Bytes => {
            let bytes = RequestBodyBuilder::new()
                .content("application/octet-stream", ContentBuilder::new().build())
                .required(Some(Required::False))
                .build();
            described = described.request_body(Some(bytes));
        }
    }
    if matches!(operation.access, Access::SignedIn | Access::OwnAccount | Access::Needs(_)) {
        let nothing: [&str; 0] = [];
        described = described
            .security(SecurityRequirement::new("token", nothing))
            .security(SecurityRequirement::new("session", nothing));
    }
    for answer in operation.answers {
        described = described.response(answer.status.to_string(), success(answer, operation, found));
    }
    let mut refusals: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in operation.all_codes() {
        refusals.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in refusals {
        // A call that answers with this status by itself describes it by itself.
        if !operation.answers.iter().any(|answer| answer.status == status) {
            described = described.response(status.to_string(), refusal(&codes));
        }
    }
    described
}

fn success(answer: &Answer, operation: &Operation, found: &mut Vec<(String, RefOr<Schema>)>) -> ResponseBuilder {
    let mut response = ResponseBuilder::new().description(answer.what);
    let text = || RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).build()));
    response = match answer.content {
        Content::None => response,
        Content::Json(schema) => {
            response.content("application/json", ContentBuilder::new().schema(Some(schema(found))).build())
        }
        Content::AnyJson => {
            let any = ObjectBuilder::new().schema_type(Type::Object).build();
            response.content("application/json", ContentBuilder::new().schema(Some(any)).build())
        }
        Content::Events(schema) => {
            response.content("text/event-stream", ContentBuilder::new().schema(Some(schema(found))).build())
        }
        Content::Text => response.content("text/plain", ContentBuilder::new().schema(Some(text())).build()),
        Content::JsonOr(schema, others) => others.iter().fold(
            response.content("application/json", ContentBuilder::new().schema(Some(schema(found))).build()),
            |response, kind| response.content(*kind, ContentBuilder::new().schema(Some(text())).build()),
        ),
        Content::File(kinds) => {
            kinds.iter().fold(response, |response, kind| response.content(*kind, ContentBuilder::new().build()))
        }
        Content::Html => response.content("text/html", ContentBuilder::new().schema(Some(text())).build()),
    };
    if answer.written {
        let seq = HeaderBuilder::new()
            .schema(ObjectBuilder::new().schema_type(Type::Integer))
            .description(Some("The seq of the write's last record."));
        response = response.header("X-Hotdesk-Seq", seq.build());
    }
    if answer.written || operation.id == "get_ticket" {
        let tag = HeaderBuilder::new()
            .schema(ObjectBuilder::new().schema_type(Type::String))
            .description(Some("The ticket's version, `\"7\"`."));
        response = response.header("ETag", tag.build());
    }
    response
}

fn refusal(codes: &[Code]) -> ResponseBuilder {
    let lines: Vec<String> = codes.iter().map(|code| format!("`{}`: {}.", code.wire(), code.title())).collect();
    let reference = RefOr::<Schema>::Ref(Ref::from_schema_name("Problem"));
    let names: Vec<&str> = codes.iter().map(|code| code.wire()).collect();
    let first = codes.first().map(|code| Problem::new(*code, code.title()));
    let content = ContentBuilder::new().schema(Some(reference)).example(first.map(|problem| json!(problem))).build();
    ResponseBuilder::new()
        .description(lines.join(" "))
        .content("application/problem+json", content)
        .extensions(Some(utoipa::openapi::extensions::Extensions::builder().add("x-codes", json!(names)).build()))
}

fn query_parameter(param: &Param) -> ParameterBuilder {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let one_of = |values: &[&str]| text().enum_values(Some(values.iter().copied()));
    let built = ParameterBuilder::new().name(param.name).parameter_in(ParameterIn::Query).description(Some(param.what));
    match param.kind {
        ParamKind::Text => built.schema(Some(text())),
        ParamKind::Integer => built.schema(Some(ObjectBuilder::new().schema_type(Type::Integer))),
        ParamKind::Number => built.schema(Some(ObjectBuilder::new().schema_type(Type::Number))),
        ParamKind::OneOf(values) => built.schema(Some(one_of(values))),
        ParamKind::Repeated => built.schema(Some(ArrayBuilder::new().items(text()))).explode(Some(true)),
        ParamKind::RepeatedOneOf(values) => {
            built.schema(Some(ArrayBuilder::new().items(one_of(values)))).explode(Some(true))
        }
        ParamKind::List(values) => {
            // A topic of a ticket has its id in it, so the names are examples and no closed list.
            let names = text().examples(values.iter().map(|value| json!(value)));
            built.schema(Some(ArrayBuilder::new().items(names))).style(Some(ParameterStyle::Form)).explode(Some(false))
        }
    }
}

fn text_header(name: &str, what: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(what))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn printed() -> Value {
        serde_json::from_str(&print()).unwrap()
    }

    /// S7: every route is in the document, with its answers, each of its codes, and a name of its own.
    #[test]
    fn s7_every_route_is_documented() {
        let document = printed();
        assert_eq!(document["openapi"], "3.1.0");
        let mut names = BTreeSet::new();
        let mut count = 0;
        for operation in super::super::operations() {
            let method = operation.method.to_lowercase();
            let described = &document["paths"][operation.path][&method];
            assert!(described.is_object(), "{method} {} is missing", operation.path);
            assert_eq!(described["operationId"], operation.id);
            assert!(names.insert(operation.id), "{} is there twice", operation.id);
            assert!(!operation.summary.is_empty() && !operation.tag.is_empty(), "{}", operation.id);
            assert!(!operation.answers.is_empty(), "{} answers nothing", operation.id);
            for code in operation.all_codes() {
                let refusal = &described["responses"][code.status().to_string()];
                let own = operation.answers.iter().any(|answer| answer.status == code.status());
                let told = refusal["x-codes"].as_array().is_some_and(|codes| codes.contains(&json!(code.wire())));
                assert!(own || told, "{} does not tell {}", operation.id, code.wire());
            }
            count += 1;
        }
        let documented: usize =
            document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
        assert_eq!(documented, count);
    }

    /// S8: every schema that the document refers to is in it.
    #[test]
    fn s8_no_reference_leads_nowhere() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(map) => {
                    for (key, value) in map {
                        match value {
                            Value::String(target) if key == "$ref" => drop(found.insert(target.clone())),
                            value => references(value, found),
                        }
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        let document = printed();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in &found {
            let target = document.pointer(reference.trim_start_matches('#'));
            assert!(target.is_some(), "{reference} is missing");
        }
        assert!(found.contains("#/components/schemas/Ticket"));
    }

    /// S37: codes stand in the document as on the wire, and no kind of a command is made of parts that forbid each other's fields.
    #[test]
    fn s37_schemas_allow_what_the_server_takes() {
        fn parts(value: &Value, schemas: &Value, found: &mut Vec<String>) {
            if let Some(all) = value["allOf"].as_array() {
                let strict = all.iter().filter(|part| {
                    let named = part["$ref"].as_str().and_then(|target| target.rsplit('/').next());
                    named.map_or(*part, |name| &schemas[name])["additionalProperties"] == false
                });
                found.extend(strict.map(Value::to_string));
            }
            match value {
                Value::Object(map) => map.values().for_each(|value| parts(value, schemas, found)),
                Value::Array(items) => items.iter().for_each(|item| parts(item, schemas, found)),
                _ => {}
            }
        }
        let schemas = &printed()["components"]["schemas"];
        let names: Vec<&str> = Code::ALL.iter().map(|code| code.wire()).collect();
        assert_eq!(schemas["Code"]["enum"], json!(names));
        let mut found = Vec::new();
        parts(schemas, schemas, &mut found);
        assert_eq!(found, Vec::<String>::new());
        let kinds = schemas["Command"]["oneOf"].as_array().unwrap();
        assert!(kinds.iter().all(|kind| kind["properties"]["type"]["enum"].is_array()), "{kinds:?}");
    }

    /// S9: every error code is one that some call, or the WebSocket, may answer with.
    #[test]
    fn s9_every_code_is_documented() {
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for operation in super::super::operations() {
            told.extend(operation.all_codes().iter().map(|code| code.wire()));
        }
        // 405 belongs to addresses and not to calls, the WebSocket has two of its own, `not_acceptable` is the edge's.
        told.extend(["method_not_allowed", "unknown_message", "bad_handshake", "not_acceptable"]);
        for code in Code::ALL {
            assert!(told.contains(code.wire()), "{} is told nowhere", code.wire());
        }
    }
}
