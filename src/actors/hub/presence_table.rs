//! The newest presence of each ticket, numbered by change, so that a session only remembers how far it has read.

use std::collections::{BTreeMap, HashMap};

use crate::domain::ids::TicketId;

/// Tickets that nobody looks at any more are kept until this many have gathered, so that slow sessions still hear of it.
const EMPTY_KEPT: usize = 1024;

#[derive(Default)]
pub struct PresenceTable {
    change: u64,
    by_ticket: HashMap<TicketId, (u64, String, bool)>,
    by_change: BTreeMap<u64, TicketId>,
    empty: usize,
}

impl PresenceTable {
    /// The number of the newest change.
    pub fn change(&self) -> u64 {
        self.change
    }

    /// Sets a ticket's line; `None` forgets the ticket without a word.
    pub fn put(&mut self, ticket: TicketId, line: Option<String>) {
        self.forget(ticket);
        let Some(line) = line else { return };
        self.change += 1;
        let empty = line.contains("\"users\":[]");
        self.empty += usize::from(empty);
        self.by_ticket.insert(ticket, (self.change, line, empty));
        self.by_change.insert(self.change, ticket);
        while self.empty > EMPTY_KEPT {
            let oldest = self.by_change.values().find(|ticket| self.by_ticket[ticket].2).copied();
            let Some(oldest) = oldest else { break };
            self.forget(oldest);
        }
    }

    /// Lines that changed after `seen`, oldest first. A reader that starts at 0 is spared what is empty.
    pub fn since(&self, seen: u64) -> impl Iterator<Item = (TicketId, &str)> {
        self.by_change.range(seen + 1..).filter_map(move |(_, ticket)| {
            let (_, line, empty) = &self.by_ticket[ticket];
            (seen > 0 || !empty).then_some((*ticket, line.as_str()))
        })
    }

    fn forget(&mut self, ticket: TicketId) {
        if let Some((change, _, empty)) = self.by_ticket.remove(&ticket) {
            self.by_change.remove(&change);
            self.empty -= usize::from(empty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(users: &str) -> String {
        format!("{{\"t\":\"presence\",\"users\":[{users}]}}")
    }

    /// S70: presence is conflated: a reader gets the newest state of each ticket once.
    #[test]
    fn s70_a_reader_gets_the_newest_of_each_ticket() {
        let mut table = PresenceTable::default();
        table.put(TicketId(1), Some(line("1")));
        table.put(TicketId(2), Some(line("2")));
        table.put(TicketId(1), Some(line("3")));
        let read: Vec<_> = table.since(0).collect();
        assert_eq!(read.iter().map(|(ticket, _)| ticket.get()).collect::<Vec<_>>(), [2, 1]);
        assert!(read[1].1.contains('3'));
        let seen = table.change();
        table.put(TicketId(1), Some(line("")));
        assert_eq!(table.since(seen).count(), 1);
        assert_eq!(table.since(0).count(), 1, "a newcomer is spared what is empty");
    }

    #[test]
    fn what_is_empty_is_forgotten_in_the_end() {
        let mut table = PresenceTable::default();
        for id in 0..3000 {
            table.put(TicketId(id), Some(line("")));
        }
        assert_eq!(table.by_ticket.len(), EMPTY_KEPT);
        assert_eq!(table.by_change.len(), EMPTY_KEPT);
    }
}
