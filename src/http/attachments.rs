//! Files of messages: sent piece by piece before the message, given out to those who may see the ticket, never shown inline.

use std::ops::Range;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue};
use actix_web::web::Payload;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::time::Instant;

use super::assets::policy_header;
use super::call::Call;
use super::operation::{Access, Answer, Body, Content, KeyUse, Operation, Param, ParamKind, schema};
use super::params::digits;
use super::reply::{self, Failure, Reply};
use crate::attachments::{self, Stored, served_as};
use crate::domain::ids::UserId;
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::views::{BeginUpload, UploadView};

/// A body that goes on must bring so many bytes within `limits.body_timeout_ms`.
const PROGRESS_BYTES: usize = 64 * 1024;

/// Whatever a file is, in a browser it can do nothing.
const SANDBOX: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

pub(super) const FROM: &[Param] = &[Param { name: "from", what: "0 if absent.", kind: ParamKind::Integer }];

pub static BEGIN: Operation = Operation {
    id: "begin_upload",
    method: "POST",
    path: "/api/v1/attachments",
    tag: "attachments",
    summary: "Announce a file",
    detail: "Its bytes follow with `PUT …/content`. Once `attachment` is there a message of the same user may name the id. What \
             no message takes is removed at `expires_at`.",
    access: Access::Needs(Permission::TicketWrite),
    key: KeyUse::Refused,
    body: Body::Json(schema::<BeginUpload>),
    answers: &[Answer::json(201, "The upload.", schema::<UploadView>)],
    ..Operation::BASE
};

pub static SHOW: Operation = Operation {
    id: "get_upload",
    path: "/api/v1/attachments/{id}",
    tag: "attachments",
    summary: "How far an upload is",
    detail: "Of one's own that no message has taken. After a lost connection it says where to go on.",
    access: Access::Needs(Permission::TicketWrite),
    answers: &[Answer::json(200, "The upload.", schema::<UploadView>)],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static SEND: Operation = Operation {
    id: "send_upload",
    method: "PUT",
    path: "/api/v1/attachments/{id}/content",
    tag: "attachments",
    summary: "Send bytes of a file",
    detail: "From byte `from` on, which must be where the upload stands: all of them, or as many as one likes. What arrived \
             before a connection was lost stays.",
    access: Access::Needs(Permission::TicketWrite),
    key: KeyUse::Refused,
    query: FROM,
    body: Body::Bytes,
    answers: &[Answer::json(200, "The upload.", schema::<UploadView>)],
    codes: &[Code::NotFound, Code::WrongOffset],
    ..Operation::BASE
};

pub static CANCEL: Operation = Operation {
    id: "cancel_upload",
    method: "DELETE",
    path: "/api/v1/attachments/{id}",
    tag: "attachments",
    summary: "Give an upload up",
    detail: "One's own that no message has taken.",
    access: Access::Needs(Permission::TicketWrite),
    key: KeyUse::Refused,
    answers: &[Answer::empty(204, "It is gone.")],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static DOWNLOAD: Operation = Operation {
    id: "download_attachment",
    path: "/api/v1/attachments/{id}/content",
    tag: "attachments",
    summary: "Download a file",
    detail: "For those who may see its ticket; of an upload, for its sender. Always to be saved, never shown; `Range` with one \
             range is obeyed.",
    access: Access::Needs(Permission::TicketRead),
    answers: &[
        Answer { status: 200, what: "The file.", content: Content::File(&["*/*"]), written: false },
        Answer { status: 206, what: "The part that was asked for.", content: Content::File(&["*/*"]), written: false },
    ],
    codes: &[Code::NotFound, Code::Unavailable],
    ..Operation::BASE
};

pub static THUMBNAIL: Operation = Operation {
    id: "get_thumbnail",
    path: "/api/v1/attachments/{id}/thumbnail",
    tag: "attachments",
    summary: "A small picture of a picture",
    detail: "PNG or JPEG, made by the desk; only where the attachment says `thumbnail`.",
    access: Access::Needs(Permission::TicketRead),
    answers: &[Answer {
        status: 200,
        what: "The picture.",
        content: Content::File(&["image/png", "image/jpeg"]),
        written: false,
    }],
    codes: &[Code::NotFound, Code::Unavailable],
    ..Operation::BASE
};

pub async fn begin(call: Call, payload: Payload) -> Reply {
    let wanted: BeginUpload = call.json(payload).await?;
    begin_by(&call, &call.principal().id, wanted).await
}

pub(super) async fn begin_by(call: &Call, user: &UserId, wanted: BeginUpload) -> Reply {
    let view = call.desk.attachments.begin(user, wanted).await.map_err(|refused| {
        let failure = Failure::from(refused.problem);
        Failure { retry_after_s: refused.retry_after_s.or(failure.retry_after_s), ..failure }
    })?;
    Ok(reply::json(&call.request, StatusCode::CREATED, &view))
}

pub async fn show(call: Call) -> Reply {
    let view = call.desk.attachments.upload(&call.principal().id, call.path_id())?;
    Ok(reply::json(&call.request, StatusCode::OK, &view))
}

pub async fn send(call: Call, payload: Payload) -> Reply {
    send_by(&call, &call.principal().id, call.path_id(), payload).await
}

pub(super) async fn send_by(call: &Call, user: &UserId, id: &str, mut payload: Payload) -> Reply {
    let from = match call.params.one("from")? {
        None => 0,
        Some(text) => digits(text).ok_or_else(|| Problem::field("/from", "invalid", "expected a number of bytes"))?,
    };
    let window = Duration::from_millis(call.desk.config.limits.body_timeout_ms);
    let mut due = Instant::now() + window;
    let mut since = 0;
    // Whoever sends slowly is cut off; whoever is far away only needs a little in each window.
    let next = async || {
        let slow = || {
            let detail = format!("{PROGRESS_BYTES} bytes did not arrive within {} ms", window.as_millis());
            Problem::new(Code::RequestTimeout, detail)
        };
        let Ok(chunk) = tokio::time::timeout_at(due, payload.next()).await else { return Some(Err(slow())) };
        // It may take hours: whoever was sent away meanwhile goes on with nothing.
        if let Err(problem) = call.is_let_in_still() {
            return Some(Err(problem));
        }
        let chunk = chunk?.map_err(|error| Problem::new(Code::BadJson, format!("the body broke off: {error}")));
        since += chunk.as_ref().map_or(0, bytes::Bytes::len);
        if since >= PROGRESS_BYTES {
            (since, due) = (0, Instant::now() + window);
        }
        Some(chunk)
    };
    let received = call.desk.attachments.receive(user, id, from, next).await;
    let view = received.map_err(|problem| Failure { close: true, ..problem.into() })?;
    Ok(reply::json(&call.request, StatusCode::OK, &view))
}

pub async fn cancel(call: Call) -> Reply {
    call.desk.attachments.cancel(&call.principal().id, call.path_id()).await?;
    Ok(reply::no_content().finish())
}

pub async fn download(call: Call) -> Reply {
    content(&call, &visible(&call).await?).await
}

/// The bytes of the path's file, always to be saved. Whoever calls this has seen to it that the caller may have them.
pub(super) async fn content(call: &Call, stored: &Stored) -> Reply {
    let range = call.request.headers().get(header::RANGE).and_then(|value| value.to_str().ok());
    let range = range.and_then(|range| one_range(range, stored.bytes));
    let got = call.desk.attachments.content(call.path_id(), range.clone()).await?;
    let mut answer = if range.is_some() { HttpResponse::PartialContent() } else { HttpResponse::Ok() };
    if range.is_some() {
        let told = format!("bytes {}-{}/{}", got.range.start, got.range.end.saturating_sub(1), got.size);
        answer.insert_header((header::CONTENT_RANGE, told));
    }
    let found = stored.found.as_ref().map_or("", |found| found.media_type.as_str());
    let length = got.range.end - got.range.start;
    let stream = got.stream.map_err(|error| {
        tracing::error!(%error, "an attachment broke off on its way out");
        actix_web::Error::from(std::io::Error::other("the attachment broke off"))
    });
    Ok(answer
        .content_type(served_as(found))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header(to_save(&stored.name))
        .insert_header((policy_header(), SANDBOX))
        .body(SizedStream::new(length, stream)))
}

pub async fn thumbnail(call: Call) -> Reply {
    small_picture(&call, &visible(&call).await?).await
}

pub(super) async fn small_picture(call: &Call, stored: &Stored) -> Reply {
    if !stored.found.as_ref().is_some_and(|found| found.thumbnail) {
        return Err(attachments::absent().into());
    }
    let small = call.desk.attachments.thumbnail(call.path_id()).await?;
    let kind = if small.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
    Ok(HttpResponse::Ok().content_type(kind).insert_header((policy_header(), SANDBOX)).body(small))
}

/// The file of the path, if the caller may see its ticket now; everything else is not there, in the same words.
async fn visible(call: &Call) -> Result<Stored, Problem> {
    let (id, principal) = (call.path_id(), call.principal());
    if let Some((stored, ticket)) = call.desk.attachments.sent(id).await? {
        return match call.desk.reads.ticket(ticket, principal).await {
            Ok(_) => Ok(stored),
            Err(problem) if problem.code == Code::NotFound => Err(attachments::absent()),
            Err(problem) => Err(problem),
        };
    }
    call.desk.attachments.own_whole(&principal.id, id).ok_or_else(attachments::absent)
}

/// `bytes=FROM-TO`, `bytes=FROM-`, `bytes=-LAST`: one that lies in the file. Anything else gets the whole file.
fn one_range(text: &str, size: u64) -> Option<Range<u64>> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (from, to) {
        ("", last) => size.saturating_sub(digits(last)?)..size,
        (from, "") => digits(from)?..size,
        (from, to) => digits(from)?..digits(to)?.checked_add(1)?.min(size),
    };
    (range.start < range.end).then_some(range)
}

fn to_save(name: &str) -> ContentDisposition {
    let plain = |c: char| if c.is_ascii_graphic() && !"\"\\%;".contains(c) || c == ' ' { c } else { '_' };
    let extended = ExtendedValue {
        charset: Charset::Ext("UTF-8".to_owned()),
        language_tag: None,
        value: name.as_bytes().to_vec(),
    };
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![
            DispositionParam::Filename(name.chars().map(plain).collect()),
            DispositionParam::FilenameExt(extended),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_a_file_is_understood() {
        for (text, expect) in [
            ("bytes=0-4", Some(0..5)),
            ("bytes=5-", Some(5..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=8-99", Some(8..10)),
            ("bytes=-99", Some(0..10)),
            ("bytes=10-", None),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("bytes=a-b", None),
            ("lines=0-1", None),
            ("bytes=0-18446744073709551615", None),
        ] {
            assert_eq!(one_range(text, 10), expect, "{text}");
        }
    }
}
