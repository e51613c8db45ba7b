//! A long history, written fast: a journal archive as `hotdesk journal export` writes one, with as many tickets as one likes.
//!
//! Most tickets are closed again; the last ones opened are active. Every call writes the same bytes. Called by the start
//! measurement, and by hand for a large desk to try things on.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use sha2::{Digest, Sha256};

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

#[derive(Debug, Args)]
pub struct Options {
    /// The archive; `hotdesk journal import` reads it
    file: PathBuf,
    /// Tickets in all
    #[arg(long, default_value_t = 1_000_000)]
    tickets: u64,
    /// Tickets that are not closed: the last ones opened
    #[arg(long, default_value_t = 20_000)]
    active: u64,
}

pub fn run(options: &Options) -> Result<()> {
    let file = File::create(&options.file).with_context(|| format!("cannot write {}", options.file.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    write(&mut out, options.tickets, options.active)?;
    Ok(out.flush()?)
}

/// Writes the archive: a header, the records with their chained sums, a last line with the sum over all.
pub fn write(out: &mut dyn Write, tickets: u64, active: u64) -> Result<()> {
    // The header names the last record's sum, so the records are made twice: cheaper than keeping a gigabyte.
    let (mut head, mut crc) = (0_u64, 0);
    records(tickets, active, |record| {
        head += 1;
        crc = crc32c::crc32c_append(crc, record.as_bytes());
        Ok(())
    })?;
    let (mut sum, mut lines) = (Sha256::new(), 0_u64);
    let mut line = |text: &str, sum: &mut Sha256| {
        lines += 1;
        sum.update(text);
        out.write_all(text.as_bytes())
    };
    let header = json!({ "hotdesk": "journal", "format": 1, "epoch": "history", "head": head, "head_crc": crc });
    line(&format!("{header}\n"), &mut sum)?;
    let mut crc = 0;
    records(tickets, active, |record| {
        crc = crc32c::crc32c_append(crc, record.as_bytes());
        line(&format!("{{\"record\":{{\"json\":{record},\"crc\":{crc}}}}}\n"), &mut sum)?;
        Ok(())
    })?;
    let sha256 = format!("{:x}", sum.finalize());
    let end = json!({ "end": { "lines": lines, "sha256": sha256 } });
    Ok(out.write_all(format!("{end}\n").as_bytes())?)
}

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
    fn the_archive_says_how_long_it_is() {
        let mut archive = Vec::new();
        write(&mut archive, 5, 2).unwrap();
        let lines: Vec<Value> = archive
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        let (header, last) = (&lines[0], &lines[lines.len() - 2]);
        assert_eq!(header["head"], last["record"]["json"]["seq"]);
        assert_eq!(header["head_crc"], last["record"]["crc"]);
        assert_eq!(lines[lines.len() - 1]["end"]["lines"], lines.len() - 1);
    }

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
