//! What the records of late changed and the tree does not show yet: states of tickets. The sled store writes them out behind the
//! records, first changed first, so that a ticket in use is not written with every record.
//!
//! It knows only what is safe on disk: a commit plans without touching it, and shows it the outcome afterwards. It never reads or
//! writes the tree. Used by the sled store, under its lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::format::{Chunk, End};
use crate::domain::ids::{Seq, TicketId};
use crate::domain::state::TicketState;

/// Ends of histories that are kept at hand in each of two generations; beyond them the tree is asked.
const ENDS_AT_HAND: usize = 32_768;

/// A ticket whose state in the tree is older than its records.
#[derive(Clone, Debug)]
pub struct Changed {
    pub end: End,
    pub state: Arc<TicketState>,
}

#[derive(Default)]
pub struct Young {
    changed: FxHashMap<TicketId, Changed>,
    /// Each of them once, in order of the first record that the state in the tree does not know.
    order: VecDeque<(Seq, TicketId)>,
    /// Which tickets are active, as it stands in the tree.
    active: BTreeMap<u64, Chunk>,
    ends: Ends,
}

impl Young {
    pub fn new(active: BTreeMap<u64, Chunk>) -> Self {
        Self { active, ..Self::default() }
    }

    pub fn get(&self, ticket: TicketId) -> Option<&Changed> {
        self.changed.get(&ticket)
    }

    /// Where the ticket's history ends, if that is at hand.
    pub fn end(&self, ticket: TicketId) -> Option<End> {
        self.changed.get(&ticket).map(|changed| changed.end).or_else(|| self.ends.get(ticket))
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// The tickets that changed first, as far as that was up to `limit`: the next to be written out.
    pub fn oldest(&self, limit: Seq, at_most: usize) -> Vec<(TicketId, Changed)> {
        let old = self.order.iter().take_while(|(since, _)| *since <= limit).take(at_most);
        old.map(|(_, ticket)| (*ticket, self.changed[ticket].clone())).collect()
    }

    /// The first record that a state in the tree will not know once `written` tickets were written out.
    pub fn since(&self, written: usize) -> Option<Seq> {
        self.order.get(written).map(|(since, _)| *since)
    }

    pub fn chunk(&self, number: u64) -> Chunk {
        self.active.get(&number).copied().unwrap_or_default()
    }

    /// The first `written` tickets are in the tree now, and these chunks with them.
    pub fn forget_oldest(&mut self, written: usize, chunks: BTreeMap<u64, Chunk>) {
        for (_, ticket) in self.order.drain(..written) {
            if let Some(changed) = self.changed.remove(&ticket) {
                self.ends.set(ticket, changed.end);
            }
        }
        self.active.extend(chunks);
    }

    /// The ticket has records from `since` on that the tree's state does not know.
    pub fn change(&mut self, ticket: TicketId, since: Seq, end: End, state: Arc<TicketState>) {
        if let Some(changed) = self.changed.get_mut(&ticket) {
            changed.end = end;
            changed.state = state;
            return;
        }
        self.changed.insert(ticket, Changed { end, state });
        self.order.push_back((since, ticket));
    }

    /// The active tickets, in order.
    pub fn active(&self) -> Vec<TicketId> {
        let settled = self.active.iter().flat_map(|(number, chunk)| chunk.tickets(*number));
        let mut active: Vec<_> = settled.filter(|ticket| !self.changed.contains_key(ticket)).collect();
        active.extend(self.changed.iter().filter(|(_, changed)| changed.state.ticket.is_active()).map(|(id, _)| *id));
        active.sort_unstable();
        active
    }

    pub fn tickets(&self) -> impl Iterator<Item = TicketId> + '_ {
        self.order.iter().map(|(_, ticket)| *ticket)
    }
}

/// Ends of histories, in two generations: what the younger one cannot take any more makes it the older one. Bounded, and what is in
/// use stays.
#[derive(Default)]
struct Ends {
    young: FxHashMap<TicketId, End>,
    old: FxHashMap<TicketId, End>,
}

impl Ends {
    fn get(&self, ticket: TicketId) -> Option<End> {
        self.young.get(&ticket).or_else(|| self.old.get(&ticket)).copied()
    }

    fn set(&mut self, ticket: TicketId, end: End) {
        if self.young.len() >= ENDS_AT_HAND {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(ticket, end);
    }
}
