//! The desk in one reply, true exactly at its seq. Many browsers ask for the same one at the same time (after a restart, each
//! of them), so the compressed form is made once and kept while it is asked for.

use actix_web::HttpResponse;
use actix_web::http::header;
use bytes::Bytes;
use tokio::sync::Mutex;

use super::call::Call;
use super::operation::{Access, Answer, Operation, Param, ParamKind, schema};
use super::params::digits;
use super::reply::{self, Reply};
use crate::domain::ids::Seq;
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::reading::At;
use crate::protocol::topic::Topic;
use crate::protocol::views::Snapshot;

pub static SHOW: Operation = Operation {
    id: "get_snapshot",
    path: "/api/v1/snapshot",
    tag: "live",
    summary: "The desk at one moment",
    detail: "Everything active, true exactly at `seq`: with the records after it, it is the desk now. `at` gives the desk as it \
             stood then.",
    access: Access::Needs(Permission::TicketRead),
    query: &[
        Param { name: "topics", what: "`board` if absent.", kind: ParamKind::List(super::events::TOPICS) },
        Param { name: "at", what: "A seq, or a time like `2026-11-23T08:15:00Z`.", kind: ParamKind::Text },
    ],
    answers: &[Answer::json(200, "The desk.", schema::<Snapshot>)],
    codes: &[Code::UnknownTopic],
    ..Operation::BASE
};

/// The last snapshot that was compressed, with the plain one that it was made of.
#[derive(Default)]
pub struct Compressed(Mutex<Option<(Bytes, Bytes)>>);

pub async fn show(call: Call) -> Reply {
    if let Some(topics) = call.params.one("topics")? {
        Topic::parse_list(topics)?;
    }
    let at = match call.params.one("at")? {
        None => None,
        Some(text) => Some(parse_at(text)?),
    };
    let snapshot = call.desk.reads.snapshot(at, call.principal()).await?;
    let mut answer = HttpResponse::Ok();
    reply::seq(&mut answer, snapshot.seq);
    if !reply::accepts_gzip(&call.request) {
        return Ok(reply::finish(&call.request, &mut answer, snapshot.json));
    }
    let small = call.desk.compressed.of(snapshot.json).await?;
    answer.content_type("application/json");
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer.insert_header((header::VARY, "accept-encoding"));
    answer.insert_header((header::CONTENT_ENCODING, "gzip"));
    Ok(answer.body(small))
}

impl Compressed {
    /// Those who ask while it is being made wait for it.
    async fn of(&self, plain: Bytes) -> Result<Bytes, Problem> {
        let mut last = self.0.lock().await;
        if let Some((known, small)) = &*last
            // The very same bytes, kept alive by us: no other value can lie there.
            && known.as_ptr() == plain.as_ptr()
            && known.len() == plain.len()
        {
            return Ok(small.clone());
        }
        let input = plain.clone();
        let small = tokio::task::spawn_blocking(move || reply::gzip(&input))
            .await
            .map_err(|_| Problem::new(Code::Internal, "the snapshot could not be compressed"))?;
        *last = Some((plain, small.clone()));
        Ok(small)
    }
}

fn parse_at(text: &str) -> Result<At, Problem> {
    if let Some(seq) = digits(text) {
        return Ok(At::Seq(Seq(seq)));
    }
    let time = text
        .parse()
        .map_err(|_| Problem::field("/at", "invalid", "expected a seq, or a time like 2026-11-23T08:15:00Z"))?;
    Ok(At::Time(time))
}
