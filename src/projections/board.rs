//! All active tickets as they stand at one seq, with the board hash.
//!
//! A fold over commits (live) or over records (the past); both come to the same board. It never reads a journal or a clock.
//! Held by `reads` for everybody, rebuilt by `past` for moments that are gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::ids::{Seq, TicketId, Version};
use crate::domain::patch::Patch;
use crate::domain::record::Record;
use crate::domain::state::{Background, TicketState};
use crate::domain::ticket::Ticket;

/// Cloning copies pointers, not tickets.
#[derive(Clone, Debug, Default)]
pub struct Board {
    seq: Seq,
    tickets: BTreeMap<TicketId, Arc<TicketState>>,
    hash: u64,
}

/// A record that does not fit the board: it changes a ticket whose opening was never seen.
#[derive(Debug, thiserror::Error)]
#[error("record {seq} changes ticket {ticket}, which was not opened before it")]
pub struct Misfit {
    pub seq: Seq,
    pub ticket: TicketId,
}

impl Board {
    /// The board before the first record.
    pub fn new() -> Self {
        Self::default()
    }

    /// The board that these active tickets make at `seq`.
    pub fn load(seq: Seq, tickets: impl IntoIterator<Item = TicketState>) -> Self {
        let mut board = Self { seq, ..Self::default() };
        for state in tickets {
            board.set(&Arc::new(state));
        }
        board
    }

    /// Takes in a ticket's state after a commit whose last record for it is `seq`.
    pub fn fold(&mut self, after: &Arc<TicketState>, seq: Seq) {
        self.set(after);
        self.seq = self.seq.max(seq);
    }

    /// Takes in one record by its patch. What the rules remember beside the fields is not in records: it stays empty here.
    /// `closed` is asked for a ticket that is not on the board: it was closed, and this record opens it again.
    pub fn apply_record(
        &mut self,
        record: &Record,
        closed: impl FnOnce(TicketId) -> Option<Ticket>,
    ) -> Result<(), Misfit> {
        self.apply_patch(record.seq, record.ticket, record.version, record.patch.clone(), closed)
    }

    /// The same, for those who read no more of a record than this.
    pub fn apply_patch(
        &mut self,
        seq: Seq,
        id: TicketId,
        version: Version,
        patch: Patch,
        closed: impl FnOnce(TicketId) -> Option<Ticket>,
    ) -> Result<(), Misfit> {
        let misfit = Misfit { seq, ticket: id };
        let ticket = if version == Version(1) {
            patch.into_ticket(id, version).ok_or(misfit)?
        } else {
            let before = self.tickets.get(&id).map(|state| state.ticket.clone());
            let mut ticket = before.or_else(|| closed(id)).ok_or(misfit)?;
            patch.apply_to(&mut ticket);
            ticket.version = version;
            ticket
        };
        self.fold(&Arc::new(TicketState { ticket, background: Background::default() }), seq);
        Ok(())
    }

    /// The last record that this board has taken in.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    pub fn get(&self, id: TicketId) -> Option<&Arc<TicketState>> {
        self.tickets.get(&id)
    }

    /// In order of id, from both ends.
    pub fn tickets(&self) -> impl DoubleEndedIterator<Item = &Arc<TicketState>> + ExactSizeIterator {
        self.tickets.values()
    }

    /// Tickets with ids in a range, in order of id, from both ends.
    pub fn range(
        &self,
        ids: impl std::ops::RangeBounds<TicketId>,
    ) -> impl DoubleEndedIterator<Item = &Arc<TicketState>> {
        self.tickets.range(ids).map(|(_, state)| state)
    }

    pub fn len(&self) -> usize {
        self.tickets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// FNV-1a 64 of `<id>:<version>` of each active ticket, combined by XOR.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The hash as it goes over the wire: 16 hex digits.
    pub fn hash_hex(&self) -> String {
        format!("{:016x}", self.hash)
    }

    fn set(&mut self, after: &Arc<TicketState>) {
        let id = after.ticket.id;
        let before = if after.ticket.is_active() {
            self.tickets.insert(id, Arc::clone(after))
        } else {
            self.tickets.remove(&id)
        };
        if let Some(before) = before {
            self.toggle(&before.ticket);
        }
        if after.ticket.is_active() {
            self.toggle(&after.ticket);
        }
    }

    /// XOR is its own inverse: the same step brings a ticket in and takes it out.
    fn toggle(&mut self, ticket: &Ticket) {
        self.hash ^= ticket_hash(ticket.id, ticket.version);
    }
}

/// One ticket's share of the board hash: FNV-1a 64 of the ASCII text `<id>:<version>`.
pub fn ticket_hash(id: TicketId, version: Version) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let hash = decimal(id.get()).fold(OFFSET, step);
    decimal(version.get()).fold(step(hash, b':'), step)
}

/// The number's decimal digits, without an allocation: this runs for every record.
fn decimal(number: u64) -> impl Iterator<Item = u8> {
    let digits = number.checked_ilog10().unwrap_or(0);
    (0..=digits).rev().map(move |place| b'0' + (number / 10_u64.pow(place) % 10) as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::Event;
    use crate::domain::ids::{CommandId, UserId};
    use crate::domain::record::Draft;
    use crate::domain::ticket::{Channel, Priority, Requester, Sla, Status};
    use crate::domain::time::Timestamp;

    fn opened(id: u64) -> Ticket {
        Ticket {
            id: TicketId(id),
            version: Version(1),
            subject: "Parcel".into(),
            status: Status::New,
            priority: Priority::Normal,
            category: None,
            tags: Vec::new(),
            requester: Requester { name: "Ada".into(), email: "ada@example.org".into() },
            assignee: None,
            team: None,
            channel: Channel::Api,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
            first_responded_at: None,
            solved_at: None,
            snoozed_until: None,
            merged_into: None,
            follow_up_of: None,
            links: Vec::new(),
            sla: Sla::default(),
            triage: None,
            message_count: 1,
            last_message_at: None,
            mentions: Vec::new(),
            custom: BTreeMap::new(),
        }
    }

    fn hash_by_the_book(tickets: impl Iterator<Item = Ticket>) -> u64 {
        tickets
            .map(|ticket| {
                format!("{}:{}", ticket.id, ticket.version).bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
                })
            })
            .fold(0, |all, one| all ^ one)
    }

    /// F50: the hash of one ticket is FNV-1a 64 of `<id>:<version>`.
    #[test]
    fn f50_ticket_hash_is_fnv_1a() {
        for (id, version) in [(1, 1), (9, 10), (10, 9), (123, 456), (1_000_000, 99), (u64::MAX, u64::MAX)] {
            let mut ticket = opened(id);
            ticket.version = Version(version);
            let hash = ticket_hash(ticket.id, ticket.version);
            assert_eq!(hash, hash_by_the_book(std::iter::once(ticket)));
        }
        assert_eq!(Board::new().hash_hex(), "0000000000000000");
    }

    proptest! {
        /// F51: folding commits and applying patches give the same board, and its hashes are those of its tickets.
        #[test]
        fn f51_both_folds_give_the_same_board(steps in proptest::collection::vec((1..12_u64, 0..6_u8, 0..3_u8), 1..120)) {
            let mut live = Board::new();
            let mut past = Board::new();
            let mut all: BTreeMap<u64, Ticket> = BTreeMap::new();
            for ((id, status, team), seq) in steps.into_iter().zip(1..) {
                let before = all.get(&id).cloned();
                let mut after = before.clone().unwrap_or_else(|| opened(id));
                let patch = match &before {
                    None => Patch::whole(&after),
                    Some(before) => {
                        after.version = before.version.next();
                        after.updated_at = Timestamp::from_millis(seq);
                        after.status = [
                            Status::New, Status::Open, Status::Pending, Status::OnHold, Status::Solved, Status::Closed,
                        ][usize::from(status)];
                        after.team = (team > 0).then(|| format!("team{team}"));
                        Patch::between(before, &after)
                    }
                };
                let record = Record {
                    seq: Seq(seq as u64),
                    draft: Draft {
                        ticket: after.id,
                        version: after.version,
                        at: after.updated_at,
                        by: UserId::system(),
                        command_id: CommandId::from("c"),
                        event: Event::MergedIn { from: TicketId(1) },
                        patch,
                    },
                };
                live.fold(
                    &Arc::new(TicketState { ticket: after.clone(), background: Background::default() }),
                    record.seq,
                );
                past.apply_record(&record, |_| before.clone()).unwrap();
                all.insert(id, after);

                prop_assert_eq!(live.seq(), Seq(seq as u64));
                prop_assert_eq!(past.seq(), live.seq());
                prop_assert!(live.tickets().eq(past.tickets()));
                let active = || all.values().filter(|ticket| ticket.is_active()).cloned();
                prop_assert!(live.tickets().map(|state| &state.ticket).eq(all.values().filter(|t| t.is_active())));
                prop_assert_eq!(live.hash(), hash_by_the_book(active()));
                prop_assert_eq!(past.hash(), live.hash());
            }
            let loaded = Board::load(live.seq(), live.tickets().map(|state| TicketState::clone(state)));
            prop_assert_eq!(loaded.hash(), live.hash());
        }
    }

    #[test]
    fn a_record_without_its_ticket_does_not_fit() {
        let record = Record {
            seq: Seq(5),
            draft: Draft {
                ticket: TicketId(3),
                version: Version(2),
                at: Timestamp::default(),
                by: UserId::system(),
                command_id: CommandId::from("c"),
                event: Event::MergedIn { from: TicketId(1) },
                patch: Patch::default(),
            },
        };
        let misfit = Board::new().apply_record(&record, |_| None).unwrap_err();
        assert_eq!((misfit.seq, misfit.ticket), (Seq(5), TicketId(3)));
    }
}
