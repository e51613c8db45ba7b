//! Whether a ticket tells what a recent one told: duplicates, and incidents, where many tell the same within a few minutes. Bounded in
//! tickets; times are handed in. Tickets of a private team are compared with their own alone. Called for each ticket once.

use std::collections::{HashMap, HashSet, VecDeque};

use super::similar::{Index, Search, Terms};
use crate::domain::ids::TicketId;
use crate::domain::permissions::Audience;
use crate::domain::ticket::Incident;
use crate::domain::time::Timestamp;

/// Tickets that are remembered.
const REMEMBERED: usize = 2_000;
/// From this likeness on two tickets tell the same …
const SAME: f32 = 0.7;
/// … and from this on when one person wrote both.
const SAME_WRITER: f32 = 0.45;
/// From this likeness on they may be about one trouble.
const ALIKE: f32 = 0.2;
/// How long a ticket can be the duplicate of another one.
const RECENT_MS: i64 = 3 * 86_400_000;
const LOOKED_AT: usize = 8;

#[derive(Debug)]
pub struct Groups {
    index: Index,
    members: HashMap<u64, Member>,
    order: VecDeque<u64>,
    by_lead: HashMap<u64, Group>,
    least: u32,
    window_ms: i64,
    terms: Terms,
    search: Search,
}

#[derive(Debug)]
struct Member {
    at: Timestamp,
    audience: Audience,
    writer: String,
    lead: u64,
    duplicate_of: Option<u64>,
}

#[derive(Debug)]
struct Group {
    /// Those of the window, oldest first.
    latest: VecDeque<(Timestamp, u64)>,
    /// Set once it is an incident, until nothing has come for a window.
    incident: Option<Incident>,
}

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer<'a> {
    pub ticket: TicketId,
    pub at: Timestamp,
    pub audience: Audience,
    /// The requester's address.
    pub writer: &'a str,
    pub subject: &'a str,
    pub body: &'a str,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub duplicate_of: Option<TicketId>,
    pub incident: Option<Incident>,
    /// Other tickets that are to be told of the incident now.
    pub tell: Vec<TicketId>,
}

impl Groups {
    /// `least` tickets within `window_ms` are an incident.
    pub fn new(least: u32, window_ms: i64) -> Self {
        Self {
            index: Index::new(REMEMBERED),
            members: HashMap::new(),
            order: VecDeque::new(),
            by_lead: HashMap::new(),
            least,
            window_ms,
            terms: Terms::default(),
            search: Search::default(),
        }
    }

    /// Takes a ticket in. One that is known already is found again as it was.
    pub fn join(&mut self, new: Newcomer<'_>) -> Found {
        let id = new.ticket.get();
        if let Some(known) = self.members.get(&id) {
            let incident = self.by_lead.get(&known.lead).and_then(|group| group.incident);
            return Found { duplicate_of: known.duplicate_of.map(TicketId), incident, tell: Vec::new() };
        }
        self.terms.read(new.subject, new.body);
        let full = self.index.full_score(&self.terms).max(f32::MIN_POSITIVE);
        let hits = self.index.search(&self.terms, None, Some(id), LOOKED_AT, &mut self.search);
        let mut duplicate_of = None;
        let mut lead = id;
        for hit in hits {
            let Some(member) = self.members.get(&hit.id) else { continue };
            let age = new.at.millis_since(member.at);
            // Tickets come in any order, imported and found again ones too: none is the double of a later one.
            if member.audience != new.audience || !(0..=RECENT_MS).contains(&age) {
                continue;
            }
            let likeness = hit.score / full;
            let own = !new.writer.is_empty() && member.writer == new.writer;
            if duplicate_of.is_none() && likeness >= (if own { SAME_WRITER } else { SAME }) {
                // What was forgotten and comes again is not its own double.
                duplicate_of = Some(member.duplicate_of.unwrap_or(hit.id)).filter(|first| *first != id);
            }
            if lead == id && likeness >= ALIKE && age <= self.window_ms {
                lead = member.lead;
            }
        }
        self.index.insert(id, &self.terms, None);
        self.members.insert(
            id,
            Member { at: new.at, audience: new.audience, writer: new.writer.to_owned(), lead, duplicate_of },
        );
        self.order.push_back(id);
        let (incident, tell) = self.grow(lead, id, new.at);
        self.forget();
        Found { duplicate_of: duplicate_of.map(TicketId), incident, tell }
    }

    /// Groups that are an incident now.
    pub fn incidents(&self, now: Timestamp) -> Vec<(Incident, Audience)> {
        let fresh = |group: &Group| group.latest.back().is_some_and(|(at, _)| now.millis_since(*at) <= self.window_ms);
        let running = self.by_lead.iter().filter(|(_, group)| fresh(group));
        let mut found: Vec<(Incident, Audience)> = running
            .filter_map(|(lead, group)| {
                let audience = self.members.get(lead).map(|member| member.audience).unwrap_or_default();
                group.incident.map(|incident| (incident, audience))
            })
            .collect();
        found.sort_unstable_by_key(|(incident, _)| (incident.since, incident.lead));
        found
    }

    fn grow(&mut self, lead: u64, id: u64, now: Timestamp) -> (Option<Incident>, Vec<TicketId>) {
        let (window_ms, least) = (self.window_ms, self.least);
        let group = self.by_lead.entry(lead).or_insert_with(|| Group { latest: VecDeque::new(), incident: None });
        let newest = group.latest.back().map_or(now, |(at, _)| now.max(*at));
        while group.latest.front().is_some_and(|(at, _)| newest.millis_since(*at) > window_ms) {
            group.latest.pop_front();
        }
        if group.latest.is_empty() {
            group.incident = None;
        }
        if group.latest.front().is_some_and(|(at, _)| now < *at) && newest.millis_since(now) > window_ms {
            // It came before all that.
            return (None, Vec::new());
        }
        let place = group.latest.partition_point(|(at, _)| *at <= now);
        group.latest.insert(place, (now, id));
        let others = || group.latest.iter().map(|(_, other)| TicketId(*other)).filter(|other| other.get() != id);
        match &mut group.incident {
            Some(incident) => {
                incident.tickets += 1;
                // The lead carries the count; it is not written anew for each ticket of a flood.
                let tell = incident.tickets % least == 0 && lead != id;
                (Some(*incident), if tell { vec![TicketId(lead)] } else { Vec::new() })
            }
            None if group.latest.len() >= least as usize => {
                let since = group.latest.front().map_or(now, |(at, _)| *at);
                let tell: HashSet<TicketId> = others().chain((lead != id).then_some(TicketId(lead))).collect();
                let mut tell: Vec<TicketId> = tell.into_iter().collect();
                tell.sort_unstable();
                let tickets = u32::try_from(group.latest.len()).unwrap_or(u32::MAX);
                let incident = Incident { lead: TicketId(lead), tickets, since };
                group.incident = Some(incident);
                (Some(incident), tell)
            }
            None => (None, Vec::new()),
        }
    }

    fn forget(&mut self) {
        while self.order.len() > REMEMBERED {
            let Some(oldest) = self.order.pop_front() else { break };
            self.members.remove(&oldest);
            self.index.remove(oldest);
        }
        // A group lives as long as one of its members does.
        if self.by_lead.len() > REMEMBERED {
            let alive: HashSet<u64> = self.members.values().map(|member| member.lead).collect();
            self.by_lead.retain(|lead, _| alive.contains(lead));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::permissions::PrivateTeams;

    const SECOND: i64 = 1_000;

    fn new(
        ticket: u64,
        second: i64,
        writer: &'static str,
        subject: &'static str,
        body: &'static str,
    ) -> Newcomer<'static> {
        let at = Timestamp::from_millis(second * SECOND);
        Newcomer { ticket: TicketId(ticket), at, audience: Audience::default(), writer, subject, body }
    }

    fn desk() -> Groups {
        let mut groups = Groups::new(4, 600 * SECOND);
        for (ticket, (subject, body)) in (1..).zip([
            ("Refund for my order", "I sent the shoes back two weeks ago and the money has not arrived yet."),
            ("Change of address", "Please deliver the parcel to my office and not to my flat."),
            ("Dark theme", "A dark theme for the mobile app would be wonderful in the evening."),
            ("Password reset", "The link in the mail for a new password has expired before I could use it."),
            ("Export", "How do I export all contacts of my team as a spreadsheet?"),
        ]) {
            groups.join(new(ticket, 0, "a@example.org", subject, body));
        }
        groups
    }

    /// R43: what tells the same as a recent ticket is its duplicate, sooner when the same person wrote both.
    #[test]
    fn r43_duplicates_are_found() {
        let mut groups = desk();
        let body = "I sent the shoes back two weeks ago and the money has not arrived yet.";
        assert_eq!(groups.join(new(10, 5, "b@x.org", "Refund for my order", body)).duplicate_of, Some(TicketId(1)));
        // A duplicate of a duplicate is one of the first.
        assert_eq!(groups.join(new(11, 6, "c@x.org", "Refund for my order", body)).duplicate_of, Some(TicketId(1)));
        let again = "Hello? I sent the shoes back and the money has still not arrived. Please answer.";
        assert_eq!(desk().join(new(12, 7, "z@x.org", "Shoes", again)).duplicate_of, None);
        assert_eq!(
            groups.join(new(13, 7, "a@example.org", "Refund for my order", again)).duplicate_of,
            Some(TicketId(1))
        );
        assert_eq!(
            groups.join(new(14, 8, "d@x.org", "Invoice", "The invoice has the wrong company name on it.")).duplicate_of,
            None
        );
        let late = RECENT_MS / SECOND + 10;
        assert_eq!(groups.join(new(15, late, "e@x.org", "Refund for my order", body)).duplicate_of, None);
        assert_eq!(groups.join(new(10, late, "b@x.org", "x", "y")).duplicate_of, Some(TicketId(1)), "as it was found");
    }

    /// R43: an older ticket that comes later, imported or found again, is the double of no newer one, nor of itself.
    #[test]
    fn r43_no_ticket_is_the_duplicate_of_a_later_one() {
        let (subject, body) = ("Lost parcel", "The parcel with my new shoes was delivered to a wrong house.");
        let mut groups = desk();
        assert_eq!(groups.join(new(10, 500, "b@x.org", subject, body)).duplicate_of, None);
        assert_eq!(groups.join(new(9, 400, "c@x.org", subject, body)).duplicate_of, None, "it is older");
        assert!(groups.join(new(11, 600, "d@x.org", subject, body)).duplicate_of.is_some());
        // Forgotten, it comes again at the very time of its own double.
        let mut groups = Groups::new(4, 600 * SECOND);
        groups.join(new(1, 0, "b@x.org", subject, body));
        assert_eq!(groups.join(new(2, 0, "c@x.org", subject, body)).duplicate_of, Some(TicketId(1)));
        for ticket in 3..=REMEMBERED as u64 + 1 {
            let text = format!("thing{ticket} word{} other{}", ticket * 7, ticket * 13);
            groups.join(Newcomer { body: &text, ..new(ticket, 0, "", "", "") });
        }
        assert!(!groups.members.contains_key(&1) && groups.members.contains_key(&2));
        assert_eq!(groups.join(new(1, 0, "b@x.org", subject, body)).duplicate_of, None, "it is that very ticket");
    }

    /// R44: an older ticket does not join today's incident, and one that comes late does not end it sooner.
    #[test]
    fn r44_what_comes_late_is_counted_by_its_own_time() {
        let mut groups = desk();
        let join = |groups: &mut Groups, id: u64, second: i64| {
            let (subject, body) = OUTAGE[id as usize % OUTAGE.len()];
            groups.join(new(id, second, "x@x.org", subject, body)).incident.map(|incident| incident.tickets)
        };
        let told = [(20, 1_000), (21, 1_001), (22, 1_300)].map(|(id, second)| join(&mut groups, id, second));
        assert_eq!(told, [None; 3]);
        assert_eq!(join(&mut groups, 30, 500), None, "it is older than all of them");
        assert_eq!(join(&mut groups, 31, 1_100), Some(4), "it came between them");
        let running = |groups: &Groups, second: i64| groups.incidents(Timestamp::from_millis(second * SECOND)).len();
        assert_eq!((running(&groups, 1_800), running(&groups, 1_901)), (1, 0), "it ends after the last of them");
    }

    const OUTAGE: [(&str, &str); 6] = [
        ("Checkout fails", "The checkout shows error 502 since this morning when I pay by card."),
        ("Error 502 at the checkout", "I cannot pay: the checkout says error 502."),
        ("Paying does not work", "Checkout, error 502, tried it three times by card."),
        ("502", "error 502 when I pay at the checkout"),
        ("Card payment error 502", "Your checkout gives me error 502 when I pay by card."),
        ("Checkout broken", "Since this morning error 502 in the checkout."),
    ];

    /// R44: so many tickets that tell the same within the window are an incident; all of them are told, and the lead of its growth.
    #[test]
    fn r44_many_alike_are_an_incident() {
        let mut groups = desk();
        let mut told = Vec::new();
        for (at, (subject, body)) in (0i64..).zip(OUTAGE) {
            let found = groups.join(new(20 + at as u64, 10 + at, "x@x.org", subject, body));
            told.push((found.incident.map(|incident| (incident.lead.get(), incident.tickets)), found.tell.len()));
        }
        assert_eq!(told, [(None, 0), (None, 0), (None, 0), (Some((20, 4)), 3), (Some((20, 5)), 0), (Some((20, 6)), 0)]);
        let now = Timestamp::from_millis(20 * SECOND);
        assert_eq!(groups.incidents(now).len(), 1);
        assert!(groups.incidents(now.plus_millis(601 * SECOND)).is_empty());
        // After a pause it begins anew.
        let late = groups.join(new(40, 2_000, "x@x.org", OUTAGE[0].0, OUTAGE[0].1));
        assert_eq!((late.incident, late.duplicate_of), (None, Some(TicketId(20))));
    }

    #[test]
    fn what_is_spread_over_a_day_is_no_incident() {
        let mut groups = desk();
        for (at, (subject, body)) in (0i64..).zip(OUTAGE) {
            let found = groups.join(new(20 + at as u64, at * 3_600, "x@x.org", subject, body));
            assert_eq!(found.incident, None);
        }
    }

    /// R45: tickets of a private team are compared with their own alone, so that none of them shows through another one.
    #[test]
    fn r45_private_teams_do_not_show_through() {
        let legal = PrivateTeams::new(["legal".to_owned()]).audience(Some("legal"));
        let mut groups = desk();
        let (subject, body) = OUTAGE[0];
        groups.join(Newcomer { audience: legal, ..new(20, 1, "x@x.org", subject, body) });
        assert_eq!(groups.join(new(21, 2, "x@x.org", subject, body)), Found::default());
        let inside = groups.join(Newcomer { audience: legal, ..new(22, 3, "y@x.org", subject, body) });
        assert_eq!(inside.duplicate_of, Some(TicketId(20)));
    }

    /// R41: what is remembered is bounded.
    #[test]
    fn r41_groups_are_bounded() {
        let mut groups = Groups::new(4, 600 * SECOND);
        for ticket in 0..5_000u64 {
            let text = format!("thing{ticket} word{} other{}", ticket * 7, ticket * 13);
            groups.join(Newcomer {
                ticket: TicketId(ticket + 1),
                at: Timestamp::from_millis(ticket as i64),
                audience: Audience::default(),
                writer: "",
                subject: &text,
                body: "",
            });
        }
        assert!(
            groups.members.len() <= REMEMBERED
                && groups.by_lead.len() <= REMEMBERED + 1
                && groups.index.len() <= REMEMBERED
        );
    }
}
