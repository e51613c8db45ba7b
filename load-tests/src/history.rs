//! A long history, written fast: a journal archive as `hotdesk journal export` writes one, with as many tickets as one likes.
//!
//! Most tickets are closed again; the last ones opened are active. Every call writes the same bytes. Called by the start
//! measurement, and by hand for a large desk to try things on.

use anyhow::Result;

/// The first ticket is opened at this moment, 2024-01-01 00:00:00 UTC; each next one half a minute later.
const BEGIN_S: i64 = 1_704_067_200;
const PERIOD_S: i64 = 30;

const SUBJECTS: [&str; 8] = [
    "Payment fails at the last step",
    "Where is my parcel?",
    "Invoice shows the wrong address",
    "Cannot sign in since the update",
    "Return label is missing",
    "Export stops after 500 rows",
    "How do I change the billing address?",
    "App closes when I open the camera",
];
const CATEGORIES: [&str; 4] = ["billing", "shipping", "account_access", "bug_report"];
const BODY: &str = "Hello, this has happened since this morning, on two computers and with another browser too. I have \
                    already tried what the help page says. Could somebody have a look, please? Thank you and kind regards.";

/// Calls `each` with every record in order of seq, as one line of JSON.
pub fn records(tickets: u64, active: u64, mut each: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut seq = 0;
    for ticket in 1..=tickets {
        seq += 1;
        each(&opened(seq, ticket))?;
        if ticket > active {
            seq += 1;
            each(&closed(seq, ticket - active, moment(ticket)))?;
        }
    }
    Ok(())
}

fn opened(seq: u64, ticket: u64) -> String {
    let at = moment(ticket);
    let pick = ticket as usize;
    let (subject, category) = (SUBJECTS[pick % SUBJECTS.len()], CATEGORIES[pick / 3 % CATEGORIES.len()]);
    let priority = ["low", "normal", "normal", "high", "normal", "urgent"][pick % 6];
    let requester = format!(r#"{{"name":"Customer {0}","email":"customer{0}@example.com"}}"#, ticket % 50_000);
    format!(
        concat!(
            r#"{{"seq":{seq},"ticket":{ticket},"version":1,"at":"{at}","by":"system","command_id":"open-{ticket}","#,
            r#""event":{{"type":"created","message":{{"id":"m{ticket}","visibility":"public","direction":"inbound","#,
            r#""author":{requester},"body":"{body}","body_format":"text","attachments":[],"at":"{at}"}}}},"#,
            r#""patch":{{"subject":"{subject}","status":"new","priority":"{priority}","category":"{category}","#,
            r#""tags":["history"],"requester":{requester},"assignee":null,"team":null,"channel":"email","#,
            r#""created_at":"{at}","updated_at":"{at}","first_responded_at":null,"solved_at":null,"#,
            r#""snoozed_until":null,"merged_into":null,"follow_up_of":null,"links":[],"#,
            r#""sla":{{"policy":null,"first_response_due":null,"next_response_due":null,"resolution_due":null,"#,
            r#""paused":false,"breached":false,"breaches":[]}},"triage":null,"message_count":1,"#,
            r#""last_message_at":"{at}","custom":{{}}}}}}"#
        ),
        seq = seq,
        ticket = ticket,
        at = at,
        requester = requester,
        body = BODY,
        subject = subject,
        priority = priority,
        category = category,
    )
}

fn closed(seq: u64, ticket: u64, at: String) -> String {
    format!(
        concat!(
            r#"{{"seq":{seq},"ticket":{ticket},"version":2,"at":"{at}","by":"system","command_id":"close-{ticket}","#,
            r#""event":{{"type":"updated","changes":{{"status":"closed"}}}},"#,
            r#""patch":{{"status":"closed","updated_at":"{at}"}}}}"#
        ),
        seq = seq,
        ticket = ticket,
        at = at,
    )
}

fn moment(ticket: u64) -> String {
    let second = BEGIN_S + PERIOD_S * ticket as i64;
    let at = jiff::Timestamp::from_second(second).expect("invariant: a history of tickets ends before the year 9999");
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::replica::Replica;

    #[test]
    fn the_history_folds_into_the_active_tickets() {
        let (mut replica, mut count) = (Replica::default(), 0);
        records(50, 8, |line| {
            let record: Value = serde_json::from_str(line)?;
            replica.apply(&record).unwrap();
            count += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(count, 50 + 42);
        assert_eq!(replica.board().keys().copied().collect::<Vec<_>>(), (43..=50).collect::<Vec<_>>());
        assert_eq!(replica.board()[&50]["created_at"], "2024-01-01T00:25:00.000Z");
    }
}
