//! Reads a whole journal and says whether it is what was written.
//!
//! Every record's sum and place, every ticket's links from record to record and its state against the fold of its records, every
//! remembered command against its hash. It changes nothing.
//! Called by `hotdesk journal verify` and by tests.

use std::collections::HashMap;

use serde::Serialize;

use super::sled_store::SledJournal;
use super::{Journal, JournalError, Stored};
use crate::domain::apply::apply;
use crate::domain::ids::{Seq, TicketId, Version};
use crate::domain::record::Record;
use crate::domain::state::TicketState;

/// Problems that are told one by one; more are only counted.
const TOLD: usize = 20;

const PAGE_RECORDS: usize = 1000;
const PAGE_BYTES: usize = 4 << 20;

/// What a journal holds and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub epoch: String,
    pub head: Seq,
    pub records: u64,
    pub tickets: u64,
    pub active: u64,
    pub memos: u64,
    pub asides: u64,
    /// States whose background an older program folded in another way; harmless.
    pub older_backgrounds: u64,
    pub problems: Vec<String>,
    pub more_problems: u64,
}

impl Report {
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, what: impl Into<String>) {
        if self.problems.len() < TOLD {
            self.problems.push(what.into());
        } else {
            self.more_problems += 1;
        }
    }

    fn keep<T>(&mut self, found: Result<T, JournalError>) -> Result<Option<T>, JournalError> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(JournalError::Damaged { what }) => {
                self.problem(what);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }
}

/// Checks everything. An error is one of the disk; damage stands in the report.
pub fn verify(journal: &SledJournal) -> Result<Report, JournalError> {
    let mut report = Report { epoch: journal.epoch().to_string(), head: journal.head().seq, ..Report::default() };
    let versions = records(journal, &mut report)?;
    tickets(journal, &versions, &mut report)?;
    let mut memos = 0;
    let found = journal.memos(&mut |_| memos += 1);
    report.keep(found)?;
    report.memos = memos;
    let found = journal.asides("");
    report.asides = report.keep(found)?.map_or(0, |asides| asides.len() as u64);
    let found = journal.check_memo_blocks();
    for problem in report.keep(found)?.unwrap_or_default() {
        report.problem(problem);
    }
    let found = journal.count_keys();
    if let Some(keys) = report.keep(found)? {
        for (what, found, expected) in
            [("states", keys.states, report.tickets), ("marks of active tickets", keys.active, report.active)]
        {
            if found != expected {
                report.problem(format!("there are {found} {what}, but there should be {expected}"));
            }
        }
    }
    Ok(report)
}

/// Walks over the history: sums and seqs are checked by the store, the rest here. Gives each ticket's last version.
fn records(journal: &SledJournal, report: &mut Report) -> Result<HashMap<TicketId, Version>, JournalError> {
    let mut versions = HashMap::new();
    let mut after = Seq::ZERO;
    let mut crc = 0;
    while after < report.head {
        let page = journal.read(after, PAGE_RECORDS, PAGE_BYTES);
        let Some(page) = report.keep(page)? else { return Ok(versions) };
        for stored in page {
            after = stored.seq;
            crc = super::format::chain(crc, &stored.json);
            report.records += 1;
            let found = stored.record();
            let Some(record) = report.keep(found)? else { continue };
            let last: &mut Version = versions.entry(record.ticket).or_default();
            if (record.seq, record.ticket, record.version) != (stored.seq, stored.ticket, last.next()) {
                report.problem(format!("record {} does not say what its place says", stored.seq));
            }
            *last = record.version;
        }
    }
    if crc != journal.head().crc {
        report.problem("the sums of the records do not add up to the head");
    }
    Ok(versions)
}

/// Folds each ticket's records, found by the links between them, and compares with its state.
fn tickets(
    journal: &SledJournal,
    versions: &HashMap<TicketId, Version>,
    report: &mut Report,
) -> Result<(), JournalError> {
    let mut ids: Vec<_> = versions.keys().copied().collect();
    ids.sort_unstable();
    for ticket in ids {
        report.tickets += 1;
        let history = journal.read_ticket(ticket, Version::ZERO, usize::MAX);
        let state = journal.state(ticket);
        let (Some(history), Some(state)) = (report.keep(history)?, report.keep(state)?) else { continue };
        if history.last().map(|_| history.len() as u64) != Some(versions[&ticket].get()) {
            report.problem(format!("the history of ticket {ticket} has {} records", history.len()));
            continue;
        }
        let (Some(folded), Some(state)) = (fold(&history), state) else {
            report.problem(format!("ticket {ticket} has no state"));
            continue;
        };
        if folded.ticket != state.ticket {
            report.problem(format!("the state of ticket {ticket} is not what its records say"));
        } else if folded.background != state.background {
            report.older_backgrounds += 1;
        }
        if folded.ticket.is_active() {
            report.active += 1;
        }
    }
    Ok(())
}

fn fold(history: &[Stored]) -> Option<TicketState> {
    let mut state = None;
    for stored in history {
        let Record { draft, .. } = stored.record().ok()?;
        if state.is_none() {
            draft.patch.clone().into_ticket(draft.ticket, draft.version)?;
        }
        state = Some(apply(state, &draft));
    }
    state
}
