//! What people do at a desk, and which of it comes next.
//!
//! Pure: chooses by weight and by what somebody holds, and writes the command's body. Called by `people`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::desk::{PRIORITIES, new_ticket};

/// The names that a scenario's mixes and the report's figures use.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Opens a ticket.
    Create,
    /// The requester writes again.
    Inbound,
    /// Takes the next ticket of the queue.
    ClaimNext,
    /// Takes a certain one.
    Claim,
    Release,
    /// A public answer to a ticket that one holds.
    Reply,
    /// A public answer that solves it.
    Solve,
    /// An internal note on any ticket.
    Note,
    Priority,
    Tags,
    Status,
    /// Opens a ticket on the screen: says so to the others and reads it with its messages.
    Open,
    /// The newest page of the list.
    List,
    Queue,
    /// A full-text search for a ticket that was opened just now.
    Search,
    Snapshot,
}

impl Deed {
    pub fn is_read(self) -> bool {
        matches!(self, Self::Open | Self::List | Self::Queue | Self::Search | Self::Snapshot)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Inbound => "inbound",
            Self::ClaimNext => "claim_next",
            Self::Claim => "claim",
            Self::Release => "release",
            Self::Reply => "reply",
            Self::Solve => "solve",
            Self::Note => "note",
            Self::Priority => "priority",
            Self::Tags => "tags",
            Self::Status => "status",
            Self::Open => "open",
            Self::List => "list",
            Self::Queue => "queue",
            Self::Search => "search",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A ticket that somebody may act on, and a word that only it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub ticket: u64,
    pub word: String,
}

/// One person's choices.
#[derive(Debug)]
pub struct Choices {
    mix: Vec<(Deed, u32)>,
    total: u32,
    pub random: fastrand::Rng,
    /// Tickets that this person was given and has not given back.
    pub held: Vec<u64>,
}

/// A command to send.
#[derive(Clone, Debug)]
pub struct Order {
    pub deed: Deed,
    pub ticket: Option<u64>,
    /// As in `do`.
    pub body: Value,
}

impl Choices {
    pub fn new(mix: &BTreeMap<Deed, u32>, random: fastrand::Rng) -> Self {
        let mix: Vec<_> = mix.iter().map(|(deed, weight)| (*deed, *weight)).collect();
        let total = mix.iter().map(|(_, weight)| weight).sum();
        Self { mix, total, random, held: Vec::new() }
    }

    pub fn next(&mut self) -> Deed {
        let mut place = self.random.u32(0..self.total.max(1));
        for (deed, weight) in &self.mix {
            if place < *weight {
                return *deed;
            }
            place -= weight;
        }
        unreachable!("invariant: the place is below the sum of all weights")
    }

    /// The command for a deed. `any` gives a ticket of the desk, if there is one. Somebody who holds nothing takes the next
    /// ticket instead of answering one.
    pub fn order(&mut self, deed: Deed, any: impl Fn(&mut fastrand::Rng) -> Option<u64>) -> Order {
        let unique = self.random.u64(..);
        let claim = Order { deed: Deed::ClaimNext, ticket: None, body: json!({ "type": "claim_next" }) };
        let held = if self.held.is_empty() { None } else { Some(self.random.usize(..self.held.len())) };
        let create = |random: &mut fastrand::Rng| {
            let mut body = new_ticket(random.usize(..1_000_000));
            body["type"] = "create".into();
            body["subject"] = format!("Payment fails on order {}", word(unique)).into();
            Order { deed: Deed::Create, ticket: None, body }
        };
        let (ticket, body) = match deed {
            Deed::Create => return create(&mut self.random),
            Deed::ClaimNext => return claim,
            Deed::Reply => {
                let Some(place) = held else { return claim };
                let body = format!("Thank you for waiting, we have found it. Reference {unique:x}.");
                (Some(self.held[place]), json!({ "type": "message", "visibility": "public", "body": body }))
            }
            Deed::Solve => {
                let Some(place) = held else { return claim };
                let body = format!("It is mended. Reference {unique:x}.");
                let body = json!({ "type": "message", "visibility": "public", "body": body, "status": "solved" });
                (Some(self.held.swap_remove(place)), body)
            }
            Deed::Release => {
                let Some(place) = held else { return claim };
                (Some(self.held.swap_remove(place)), json!({ "type": "release" }))
            }
            Deed::Claim => (any(&mut self.random), json!({ "type": "claim" })),
            Deed::Note => {
                let body = format!("Seen in the logs, looks like case {unique:x}.");
                (any(&mut self.random), json!({ "type": "message", "visibility": "internal", "body": body }))
            }
            Deed::Inbound => {
                let body = format!("One more thing, {unique:x} does not work either.");
                let body = json!({ "type": "message", "visibility": "public", "direction": "inbound", "body": body });
                (any(&mut self.random), body)
            }
            Deed::Priority => {
                let priority = PRIORITIES[self.random.usize(..PRIORITIES.len())];
                (any(&mut self.random), json!({ "type": "update", "priority": priority }))
            }
            Deed::Tags => {
                let tags = json!(["payment", format!("n{unique:x}")]);
                (any(&mut self.random), json!({ "type": "update", "tags": tags }))
            }
            Deed::Status => {
                let status = ["open", "pending", "solved"][self.random.usize(..3)];
                (any(&mut self.random), json!({ "type": "update", "status": status }))
            }
            Deed::Open | Deed::List | Deed::Queue | Deed::Search | Deed::Snapshot => {
                unreachable!("invariant: what only reads is no command")
            }
        };
        match ticket {
            Some(ticket) => Order { deed, ticket: Some(ticket), body },
            // An empty desk: somebody has to begin.
            None => create(&mut self.random),
        }
    }

    /// What became of a command: `ticket` where it was done.
    pub fn answered(&mut self, deed: Deed, ticket: Option<u64>) {
        if let (Deed::ClaimNext | Deed::Claim, Some(ticket)) = (deed, ticket)
            && !self.held.contains(&ticket)
        {
            self.held.push(ticket);
        }
    }
}

/// One word of letters, as the search index takes it.
pub fn word(unique: u64) -> String {
    format!("x{unique:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_come_as_often_as_their_weights_say() {
        let mix = [(Deed::Create, 1), (Deed::Note, 3), (Deed::Queue, 0)].into();
        let mut choices = Choices::new(&mix, fastrand::Rng::with_seed(1));
        let notes = (0..4000).filter(|_| choices.next() == Deed::Note).count();
        assert!((2900..3100).contains(&notes), "{notes}");
    }

    #[test]
    fn who_holds_nothing_takes_a_ticket_and_who_solves_it_holds_it_no_longer() {
        let mut choices = Choices::new(&[(Deed::Solve, 1)].into(), fastrand::Rng::with_seed(1));
        assert_eq!(choices.order(Deed::Solve, |_| None).deed, Deed::ClaimNext);
        choices.answered(Deed::ClaimNext, Some(7));
        let order = choices.order(Deed::Solve, |_| None);
        assert_eq!((order.deed, order.ticket), (Deed::Solve, Some(7)));
        assert!(choices.held.is_empty());
    }

    #[test]
    fn on_an_empty_desk_somebody_opens_a_ticket() {
        let mut choices = Choices::new(&[(Deed::Note, 1)].into(), fastrand::Rng::with_seed(1));
        assert_eq!(choices.order(Deed::Note, |_| None).deed, Deed::Create);
        assert_eq!(choices.order(Deed::Note, |_| Some(3)).ticket, Some(3));
    }
}
