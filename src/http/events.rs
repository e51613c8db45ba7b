//! Records: of one ticket, and of the whole desk after a seq (the transport for places without WebSockets).

use std::time::Duration;

use actix_web::http::StatusCode;

use super::call::Call;
use super::operation::{Access, Answer, Operation, Param, ParamKind, schema};
use super::params::Params;
use super::reply::{self, Reply};
use crate::domain::ids::{Epoch, Seq, Version};
use crate::domain::permissions::Permission;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::reading::EventsQuery;
use crate::protocol::topic::Topic;
use crate::protocol::views::{Events, TicketEvents};

/// The longest wait, in seconds.
const WAIT_S: f64 = 30.0;

pub const TOPICS: &[&str] = &["board", "ticket:<id>", "queue", "analytics", "presence", "mine", "desk"];

const LIMIT: Param = Param { name: "limit", what: "1 to 1000, 100 if absent.", kind: ParamKind::Integer };

pub static OF_TICKET: Operation = Operation {
    id: "list_ticket_events",
    path: "/api/v1/tickets/{id}/events",
    tag: "tickets",
    summary: "A ticket's records",
    detail: "In order, from version 1 on. Applying every patch in order gives the ticket exactly.",
    access: Access::Needs(Permission::TicketRead),
    query: &[Param { name: "after", what: "Only records of later versions.", kind: ParamKind::Integer }, LIMIT],
    answers: &[Answer::json(200, "Records, and where to go on.", schema::<TicketEvents>)],
    codes: &[Code::NotFound],
    ..Operation::BASE
};

pub static AFTER: Operation = Operation {
    id: "list_events",
    path: "/api/v1/events",
    tag: "live",
    summary: "Records after a seq",
    detail: "With `wait` the answer is held until there is a record. Without `topics` it has all records that the caller may \
             see. 409 `resnapshot`: the epoch is another one, or `after` lies beyond the head.",
    access: Access::Needs(Permission::TicketRead),
    query: &[
        Param { name: "after", what: "The seq to go on from, 0 if absent.", kind: ParamKind::Integer },
        Param { name: "epoch", what: "The epoch that `after` belongs to.", kind: ParamKind::Text },
        Param { name: "topics", what: "Only records of these.", kind: ParamKind::List(TOPICS) },
        LIMIT,
        Param { name: "wait", what: "Seconds to hold the answer, at most 30.", kind: ParamKind::Number },
    ],
    answers: &[Answer::json(200, "Records, and where to go on.", schema::<Events>)],
    codes: &[Code::Resnapshot, Code::UnknownTopic],
    ..Operation::BASE
};

pub async fn of_ticket(call: Call) -> Reply {
    let id = call.ticket()?;
    let after = Version(call.params.integer("after", 0..=u64::MAX, 0)?);
    let limit = call.params.integer("limit", 1..=1000, 100)?;
    let events = call.desk.reads.ticket_events(id, after, limit as usize, call.principal()).await?;
    Ok(reply::json(&call.request, StatusCode::OK, &events))
}

pub async fn after(call: Call) -> Reply {
    let query = parse(&call.params)?;
    let mut changes = call.desk.people.changes();
    loop {
        // Asked anew for whom the caller is by now: who is withdrawn while waiting gets nothing of what came since.
        let principal = call.still()?;
        changes.mark_unchanged();
        let asked = call.desk.reads.events(query.clone(), &principal);
        tokio::select! {
            biased;
            _ = changes.changed() => {}
            events = asked => {
                if call.still()? == principal {
                    return Ok(reply::raw(&call.request, events?.json));
                }
            }
        }
    }
}

fn parse(params: &Params) -> Result<EventsQuery, Problem> {
    Ok(EventsQuery {
        after: Seq(params.integer("after", 0..=u64::MAX, 0)?),
        epoch: params.one("epoch")?.filter(|epoch| !epoch.is_empty()).map(Epoch::from),
        topics: params.one("topics")?.map(Topic::parse_list).transpose()?,
        limit: params.integer("limit", 1..=1000, 100)? as usize,
        wait: params.one("wait")?.map(parse_wait).transpose()?.filter(|wait| !wait.is_zero()),
    })
}

fn parse_wait(text: &str) -> Result<Duration, Problem> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=WAIT_S).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(Problem::field("/wait", "invalid", format!("expected seconds from 0 to {WAIT_S}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_string_becomes_a_query() {
        let query = |text: &str| parse(&Params::parse(text, AFTER.query)?);
        let asked = query("after=7&epoch=e1&topics=board,ticket:3&limit=9&wait=1.5").unwrap();
        assert_eq!((asked.after, asked.limit), (Seq(7), 9));
        assert_eq!(asked.epoch, Some(Epoch::from("e1")));
        assert_eq!(asked.topics, Some(vec![Topic::Board, Topic::Ticket(crate::domain::ids::TicketId(3))]));
        assert_eq!(asked.wait, Some(Duration::from_millis(1500)));
        let plain = query("").unwrap();
        assert_eq!((plain.after, plain.limit, plain.wait, plain.topics), (Seq(0), 100, None, None));
        for (bad, pointer) in [
            ("wait=31", "/wait"),
            ("wait=-1", "/wait"),
            ("wait=nan", "/wait"),
            ("limit=0", "/limit"),
            ("limit=1001", "/limit"),
            ("after=-1", "/after"),
            ("topics=boards", "/topics/0"),
        ] {
            assert_eq!(query(bad).unwrap_err().errors[0].pointer, pointer, "{bad}");
        }
    }
}
