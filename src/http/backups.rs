//! Copies of the whole desk while it runs: made in the configured place, or taken out as one archive.

use std::io::{self, Write};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use super::call::Call;
use super::operation::{Access, Answer, Content, KeyUse, Operation, schema};
use super::reply::{self, Reply};
use crate::audit::{Action, Deed};
use crate::backup::keeper::{BackupState, apart};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;

/// Pieces that wait for a reader who is slower than the desk.
const PIECES: usize = 16;
const PIECE_BYTES: usize = 64 * 1024;

pub static SHOW: Operation = Operation {
    id: "get_backups",
    path: "/api/v1/backups",
    tag: "operations",
    summary: "How the desk's backups stand",
    access: Access::Needs(Permission::Backup),
    answers: &[Answer::json(200, "Where they go, the last one, and what went wrong.", schema::<BackupState>)],
    ..Operation::BASE
};

pub static BEGIN: Operation = Operation {
    id: "begin_backup",
    method: "POST",
    path: "/api/v1/backups",
    tag: "operations",
    summary: "Make a backup now",
    detail: "In the place that the configuration names. It goes on by itself; `GET` tells how it went. While one is under way no \
             second one is begun.",
    access: Access::Needs(Permission::Backup),
    answers: &[Answer::json(202, "It is under way.", schema::<BackupState>)],
    codes: &[Code::NotFound],
    key: KeyUse::Refused,
    ..Operation::BASE
};

pub static DOWNLOAD: Operation = Operation {
    id: "download_backup",
    path: "/api/v1/backups/archive",
    tag: "operations",
    summary: "Take the whole desk out as one archive",
    detail: "Compressed with zstd, for `hotdesk restore`: everything up to the seq where it began, while the desk goes on. An \
             archive that was cut shows it.",
    access: Access::Needs(Permission::Backup),
    answers: &[Answer {
        status: 200,
        what: "The archive.",
        content: Content::File(&["application/zstd"]),
        written: false,
    }],
    ..Operation::BASE
};

pub async fn show(call: Call) -> Reply {
    Ok(reply::json(&call.request, StatusCode::OK, &call.desk.backups.state()))
}

pub async fn begin(call: Call) -> Reply {
    if !call.desk.backups.has_place() {
        return Err(Problem::new(Code::NotFound, "backup.place is not configured").into());
    }
    if call.desk.backups.begin() {
        call.note(Deed::done(Action::BackedUp).on("place"));
    }
    Ok(reply::json(&call.request, StatusCode::ACCEPTED, &call.desk.backups.state()))
}

pub async fn download(call: Call) -> Reply {
    if call.request.method() == "HEAD" {
        return Ok(HttpResponse::Ok().content_type("application/zstd").finish());
    }
    call.note(Deed::done(Action::BackedUp).on("archive"));
    let (sender, receiver) = mpsc::channel(PIECES);
    let source = call.desk.backups.source().clone();
    apart(move || {
        let mut out = Outward { sender, piece: Vec::with_capacity(PIECE_BYTES) };
        let written = (|| {
            let mut encoder = zstd::Encoder::new(&mut out, 3)?;
            source.write(&mut encoder).map_err(io::Error::other)?;
            encoder.finish()?;
            out.flush()
        })();
        if let Err(error) = written {
            if out.sender.is_closed() {
                tracing::info!("somebody who took a backup went away before its end");
                return;
            }
            tracing::error!(%error, "a backup broke off on its way out");
            // The reader must see that this is not the end.
            let _ = out.sender.blocking_send(Err(io::Error::other("the backup broke off")));
        }
    });
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        let piece: io::Result<Bytes> = receiver.recv().await?;
        Some((piece, receiver))
    });
    Ok(HttpResponse::Ok()
        .content_type("application/zstd")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"desk.ndjson.zst\""))
        .streaming(pieces))
}

/// Gives pieces to an answer, and waits where it is slow.
struct Outward {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Outward {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        let sent = self.sender.blocking_send(Ok(piece.into()));
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the backup any more"))
    }
}
