//! What must hold of a journal, whatever happened on the way to it. Reads records alone and asks nobody.

use std::collections::{BTreeMap, HashMap};

use hotdesk::domain::apply::apply;
use hotdesk::domain::event::Event;
use hotdesk::domain::ids::{CommandId, Seq, TicketId, UserId, Version};
use hotdesk::domain::state::TicketState;
use hotdesk::journal::Journal;
use hotdesk::journal::memory::MemoryJournal;

/// What one command left behind.
struct Trace {
    first: Seq,
    last: Seq,
    records: u64,
    /// Tickets that it opened or handed out.
    gains: u64,
}

/// Every record in order: seqs and versions without a gap, times that never go back, no claim of what another holds, no command that
/// took effect twice; and the states that the journal keeps are what the records make.
pub fn judge(journal: &MemoryJournal, acknowledged: &[(UserId, CommandId, Seq)]) -> Result<u64, String> {
    let mut states: BTreeMap<TicketId, TicketState> = BTreeMap::new();
    // By id alone: what the desk itself adds to a command carries the command's id.
    let mut commands: HashMap<CommandId, Trace> = HashMap::new();
    let mut seq = Seq::ZERO;
    let mut time = i64::MIN;
    loop {
        let chunk = journal.read(seq, 256, usize::MAX).map_err(|error| error.to_string())?;
        if chunk.is_empty() {
            break;
        }
        for stored in chunk {
            let record = stored.record().map_err(|error| error.to_string())?;
            if record.seq != seq.next() {
                return Err(format!("record {} follows {seq}", record.seq));
            }
            seq = record.seq;
            if record.at.as_millis() < time {
                return Err(format!("record {seq} is older than the one before it"));
            }
            time = record.at.as_millis();
            let before = states.remove(&record.ticket);
            let version = before.as_ref().map_or(Version::ZERO, |state| state.ticket.version);
            if record.version != version.next() {
                return Err(format!(
                    "record {seq} takes ticket {} from {version} to {}",
                    record.ticket, record.version
                ));
            }
            let holder = before.as_ref().and_then(|state| state.ticket.assignee.clone());
            if let (Event::Claimed { holder: claimer, .. }, Some(holder)) = (&record.event, holder) {
                return Err(format!("record {seq}: {claimer} claims ticket {}, which {holder} holds", record.ticket));
            }
            let trace = commands.entry(record.command_id.clone()).or_insert(Trace {
                first: seq,
                last: seq,
                records: 0,
                gains: 0,
            });
            trace.last = seq;
            trace.records += 1;
            if trace.last.get() - trace.first.get() + 1 != trace.records {
                return Err(format!(
                    "command {} of {} took effect twice, at {seq} again",
                    record.command_id, record.by
                ));
            }
            trace.gains += u64::from(matches!(record.event, Event::Created { .. } | Event::Claimed { .. }));
            if trace.gains > 1 {
                return Err(format!("command {} of {} took effect twice in one go", record.command_id, record.by));
            }
            states.insert(record.ticket, apply(before, &record.draft));
        }
    }
    for (user, command, answered) in acknowledged {
        match commands.get(command) {
            None => return Err(format!("{user} was told that {command} is record {answered}: it is not there")),
            Some(trace) if trace.last != *answered => {
                return Err(format!("{user} was told that {command} is record {answered}: it is {}", trace.last));
            }
            Some(_) => {}
        }
    }
    for (id, state) in &states {
        if journal.state(*id).map_err(|error| error.to_string())?.as_ref() != Some(state) {
            return Err(format!("the state of ticket {id} is not what its records make"));
        }
    }
    Ok(seq.get())
}
