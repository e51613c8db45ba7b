//! How a call is described: one value that the router, the checks before a handler and the OpenAPI document all read, so that
//! they cannot differ. Each noun's file has those of its calls; `http` lists them all.

use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema as _, ToSchema};

use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::views::Page;

pub struct Operation {
    /// Unique, as generated clients name it.
    pub id: &'static str,
    pub method: &'static str,
    /// In the notation that OpenAPI and the router share.
    pub path: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    pub detail: &'static str,
    pub access: Access,
    pub key: KeyUse,
    /// `If-Match` is looked at.
    pub if_match: bool,
    /// What the query string may have; anything else is refused.
    pub query: &'static [Param],
    pub body: Body,
    pub answers: &'static [Answer],
    /// Codes beside those that follow from the rest.
    pub codes: &'static [Code],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    SignedIn,
    /// Whoever is signed in, about the own account; by a token of narrower scope only with `tokens_own` in it.
    OwnAccount,
    Needs(Permission),
    /// The operations token, where one is configured.
    Operations,
}

/// What becomes of an `Idempotency-Key`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// The call changes nothing.
    Ignored,
    Taken,
    /// `idempotency_not_supported`
    Refused,
}

pub struct Param {
    pub name: &'static str,
    pub what: &'static str,
    pub kind: ParamKind,
}

#[derive(Clone, Copy)]
pub enum ParamKind {
    Text,
    Integer,
    Number,
    /// Any of several, by repeating the parameter.
    Repeated,
    OneOf(&'static [&'static str]),
    RepeatedOneOf(&'static [&'static str]),
    /// Several, with commas between.
    List(&'static [&'static str]),
}

/// Puts the schemas that a type needs into the list, and refers to it.
pub type SchemaOf = fn(&mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema>;

#[derive(Clone, Copy)]
pub enum Body {
    None,
    Json(SchemaOf),
    /// Without a body it is `{}`.
    Optional(SchemaOf),
    /// A file, or a part of one.
    Bytes,
}

pub struct Answer {
    pub status: u16,
    pub what: &'static str,
    pub content: Content,
    /// `ETag` and `X-Hotdesk-Seq` are told.
    pub written: bool,
}

#[derive(Clone, Copy)]
pub enum Content {
    None,
    Json(SchemaOf),
    /// JSON, or the same as one of these media types.
    JsonOr(SchemaOf, &'static [&'static str]),
    Text,
    Html,
    /// A file of one of these media types.
    File(&'static [&'static str]),
    /// Server-sent events, each with this as its data.
    Events(SchemaOf),
    /// Another JSON document, which describes itself.
    AnyJson,
}

impl Operation {
    pub const BASE: Self = Self {
        id: "",
        method: "GET",
        path: "",
        tag: "",
        summary: "",
        detail: "",
        access: Access::SignedIn,
        key: KeyUse::Ignored,
        if_match: false,
        query: &[],
        body: Body::None,
        answers: &[],
        codes: &[],
    };

    /// It may change something, so a browser's cookie alone is not enough.
    pub fn is_unsafe(&self) -> bool {
        self.method != "GET"
    }

    /// Every code that the call may answer with, in the table's order.
    pub fn all_codes(&self) -> Vec<Code> {
        let mut codes = vec![Code::UnknownField, Code::Internal];
        if self.access != Access::Operations {
            codes.push(Code::TooMany);
        }
        codes.extend(self.codes);
        match self.access {
            Access::Open => {}
            // A role may be withdrawn while the body is on its way.
            Access::SignedIn if !matches!(self.body, Body::None) => codes.extend([Code::NotSignedIn, Code::Forbidden]),
            Access::SignedIn | Access::Operations => codes.push(Code::NotSignedIn),
            Access::OwnAccount | Access::Needs(_) => codes.extend([Code::NotSignedIn, Code::Forbidden]),
        }
        match self.key {
            KeyUse::Ignored => {}
            KeyUse::Taken => codes.extend([Code::IdempotencyKeyReused, Code::InvalidField]),
            KeyUse::Refused => codes.push(Code::IdempotencyNotSupported),
        }
        if self.if_match {
            codes.extend([Code::VersionConflict, Code::InvalidField]);
        }
        if !self.query.is_empty() {
            codes.push(Code::InvalidField);
        }
        if !matches!(self.body, Body::None) {
            codes.extend([
                Code::BadJson,
                Code::InvalidField,
                Code::TooBig,
                Code::UnsupportedMediaType,
                Code::RequestTimeout,
            ]);
        }
        if self.is_unsafe() {
            codes.extend([Code::ForeignOrigin, Code::Overloaded, Code::Unavailable, Code::StorageFull]);
        }
        Code::ALL.iter().copied().filter(|code| codes.contains(code)).collect()
    }
}

impl Answer {
    pub const fn json(status: u16, what: &'static str, schema: SchemaOf) -> Self {
        Self { status, what, content: Content::Json(schema), written: false }
    }

    pub const fn written(status: u16, what: &'static str, schema: SchemaOf) -> Self {
        Self { status, what, content: Content::Json(schema), written: true }
    }

    pub const fn empty(status: u16, what: &'static str) -> Self {
        Self { status, what, content: Content::None, written: false }
    }
}

/// A named type.
pub fn schema<T: ToSchema>(found: &mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema> {
    T::schemas(found);
    found.push((T::name().into_owned(), T::schema()));
    RefOr::Ref(Ref::from_schema_name(T::name()))
}

/// A page of a named type, written out where it is used: the page's own name would not say of what.
pub fn page_of<T: ToSchema>(found: &mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema> {
    schema::<T>(found);
    Page::<T>::schemas(found);
    Page::<T>::schema()
}
