//! Files of customers: sent before the message that takes them, by whoever has the form before them, and given out again by a
//! private link. Nobody is signed in here. A file that waits is known by its id alone, 256 random bits, which goes in the header
//! `Authorization` as a link's secret does; a file of a message is known by the link, and only where the message is public.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::attachments as files;
use super::auth;
use super::call::{self, Call};
use super::operation::{Access, Answer, Body, KeyUse, Operation, schema};
use super::reply::{self, Reply};
use super::request_form::{linked, open_form, public_messages};
use crate::attachments::{self, Stored, counted_bytes};
use crate::domain::ids::{AttachmentId, UserId};
use crate::domain::rejection::FieldError;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::requests::FileLimits;
use crate::protocol::views::{BeginUpload, UploadView};

const BASE: Operation =
    Operation { tag: "requests", access: Access::Open, codes: &[Code::NotFound], ..Operation::BASE };

pub static BEGIN: Operation = Operation {
    id: "begin_request_file",
    method: "POST",
    path: "/api/v1/request-files",
    summary: "Announce a customer's file",
    detail: "While the request form is open and says in `files` what it takes. The answer's `id` is a secret until a message has \
             the file: it is the bearer token of the calls on `/api/v1/request-file`, and what a message names. An address \
             may announce `limits.form_bytes_per_h` an hour.",
    key: KeyUse::Refused,
    body: Body::Json(schema::<BeginUpload>),
    answers: &[Answer::json(201, "The upload.", schema::<UploadView>)],
    ..BASE
};

pub static SHOW: Operation = Operation {
    id: "get_request_file",
    path: "/api/v1/request-file",
    summary: "How far a customer's file is",
    detail: "By its id as the bearer token. After a lost connection it says where to go on.",
    answers: &[Answer::json(200, "The upload.", schema::<UploadView>)],
    ..BASE
};

pub static SEND: Operation = Operation {
    id: "send_request_file",
    method: "PUT",
    path: "/api/v1/request-file/content",
    summary: "Send bytes of a customer's file",
    detail: "By its id as the bearer token, from byte `from` on, which must be where the upload stands.",
    key: KeyUse::Refused,
    query: files::FROM,
    body: Body::Bytes,
    answers: &[Answer::json(200, "The upload.", schema::<UploadView>)],
    codes: &[Code::NotFound, Code::WrongOffset],
    ..BASE
};

pub static CANCEL: Operation = Operation {
    id: "cancel_request_file",
    method: "DELETE",
    path: "/api/v1/request-file",
    summary: "Give a customer's file up",
    detail: "By its id as the bearer token, before a message has it.",
    key: KeyUse::Refused,
    answers: &[Answer::empty(204, "It is gone.")],
    ..BASE
};

pub static DOWNLOAD: Operation = Operation {
    id: "download_request_attachment",
    path: "/api/v1/request/attachments/{id}/content",
    summary: "Download a file of a request",
    detail: "With the secret of a private link as the bearer token: files of public messages of its ticket. Always to be saved, \
             never shown; `Range` with one range is obeyed.",
    answers: files::DOWNLOAD.answers,
    codes: &[Code::NotFound, Code::Unavailable],
    ..BASE
};

pub static THUMBNAIL: Operation = Operation {
    id: "get_request_thumbnail",
    path: "/api/v1/request/attachments/{id}/thumbnail",
    summary: "A small picture of a picture of a request",
    detail: "As the file itself; only where the attachment says `thumbnail`.",
    answers: files::THUMBNAIL.answers,
    codes: &[Code::NotFound, Code::Unavailable],
    ..BASE
};

pub async fn begin(call: Call, payload: Payload) -> Reply {
    let limits = offered(&call).ok_or_else(|| Problem::new(Code::NotFound, "nothing can be attached here"))?;
    let wanted: BeginUpload = call.json(payload).await?;
    // What is too large is refused by its size, and costs nothing.
    if wanted.bytes <= limits.file_bytes {
        let from = call.desk.proxies.peer(&call.request);
        call.desk.strangers.take_file(from, counted_bytes(wanted.bytes)).map_err(call::too_many)?;
    }
    files::begin_by(&call, &UserId::requester(), wanted).await
}

pub async fn show(call: Call) -> Reply {
    let view = call.desk.attachments.upload(&UserId::requester(), named(&call)?)?;
    Ok(reply::json(&call.request, StatusCode::OK, &view))
}

pub async fn send(call: Call, payload: Payload) -> Reply {
    files::send_by(&call, &UserId::requester(), named(&call)?, payload).await
}

pub async fn cancel(call: Call) -> Reply {
    call.desk.attachments.cancel(&UserId::requester(), named(&call)?).await?;
    Ok(reply::no_content().finish())
}

pub async fn download(call: Call) -> Reply {
    files::content(&call, &visible(&call).await?).await
}

pub async fn thumbnail(call: Call) -> Reply {
    files::small_picture(&call, &visible(&call).await?).await
}

/// What may be attached now; `None` while the form is closed.
pub(super) fn offered(call: &Call) -> Option<FileLimits> {
    open_form(call.desk.people.desk_settings().settings.request_form).ok()?;
    let form = &call.desk.config.attachments.form;
    let (file_bytes, message_bytes) = (form.file_bytes, form.message_bytes);
    (form.message_files > 0).then_some(FileLimits { message_files: form.message_files, file_bytes, message_bytes })
}

/// Names what is too much with one message. Whether each is there, whole and the caller's, the command itself finds out.
pub(super) fn check(call: &Call, named: &[AttachmentId], errors: &mut Vec<FieldError>) {
    let form = &call.desk.config.attachments.form;
    if named.len() > form.message_files {
        let detail = format!("at most {} files with one message", form.message_files);
        errors.push(FieldError::new("/attachments", "too_many", detail));
    } else if call.desk.attachments.bytes_of(&UserId::requester(), named) > form.message_bytes {
        let detail = format!("the files of one message have at most {} bytes together", form.message_bytes);
        errors.push(FieldError::new("/attachments", "too_big", detail));
    }
}

/// The file that waits, by the caller's bearer token.
fn named(call: &Call) -> Result<&str, Problem> {
    auth::bearer(&call.request).ok_or_else(attachments::absent)
}

/// The path's file, if a public message of the link's ticket has it; everything else is not there, in the same words.
async fn visible(call: &Call) -> Result<Stored, Problem> {
    let (ticket, _) = linked(call)?;
    let id = call.path_id();
    let sent = call.desk.attachments.sent(id).await?;
    let Some((stored, _)) = sent.filter(|(_, of)| *of == ticket) else { return Err(attachments::absent()) };
    let is_public = public_messages(call, ticket)
        .await?
        .iter()
        .any(|message| message.attachments.iter().any(|file| file.id.as_str() == id));
    if is_public { Ok(stored) } else { Err(attachments::absent()) }
}
