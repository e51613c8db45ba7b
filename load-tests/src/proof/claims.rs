//! The queue's promises: no ticket to two people, and none before one that is more urgent.
//!
//! Order among concurrent claims is what a bystander with a watch can prove. A more urgent ticket was passed over if it waited in
//! the queue by the word of some answer before the claim was sent, still waited when the claim took effect, and nobody who
//! began before the claim was answered got it afterwards (it may have been on its way to them), or would have got it had the
//! server not died meanwhile: a claim that was under way at the same time and had to be asked again.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Evidence, Proof, number};
use crate::client::desk::PRIORITIES;
use crate::ledger::{Outcome, Sent};
use crate::people::deed::Deed;

pub fn once(evidence: &Evidence) -> Proof {
    let mut proof = Proof::new("no ticket was handed to two people", "Q40 T11");
    let mut holders: HashMap<u64, Value> =
        evidence.base.board.iter().map(|ticket| (number(ticket, "id"), ticket["assignee"].clone())).collect();
    for record in &evidence.records {
        let ticket = number(record, "ticket");
        let holder = holders.entry(ticket).or_default();
        if record["event"]["type"] == "claimed" {
            proof.checked();
            if !holder.is_null() {
                proof.broken(format!("ticket {ticket} was {holder}'s and was claimed (seq {})", record["seq"]));
            }
        }
        if let Some(assignee) = record["patch"].get("assignee") {
            holder.clone_from(assignee);
        }
    }
    // The same from the answers alone, whatever the journal says.
    let freed: HashMap<u64, Vec<u64>> = evidence
        .records
        .iter()
        .filter(|record| record["patch"].get("assignee").is_some_and(Value::is_null))
        .fold(HashMap::new(), |mut freed, record| {
            freed.entry(number(record, "ticket")).or_default().push(number(record, "seq"));
            freed
        });
    let mut given: HashMap<u64, Vec<(u64, &Sent)>> = HashMap::new();
    for sent in evidence.sent.iter().filter(|sent| sent.deed == Deed::ClaimNext) {
        if let Outcome::Done { ticket, seq, .. } = sent.outcome {
            given.entry(ticket).or_default().push((seq, sent));
        }
    }
    for (ticket, mut answers) in given {
        answers.sort_by_key(|(seq, _)| *seq);
        for pair in answers.windows(2) {
            let ((first, one), (second, two)) = (pair[0], pair[1]);
            let free = freed.get(&ticket).is_some_and(|seqs| seqs.iter().any(|seq| (first..second).contains(seq)));
            if !free {
                proof.broken(format!("ticket {ticket} was the answer to {} and to {}", one.id, two.id));
            }
        }
    }
    proof
}

/// Younger tickets have not been lifted in the queue, whatever the configuration.
const NOT_LIFTED: SignedDuration = SignedDuration::from_hours(1);

fn moment(at: &Value) -> Option<Timestamp> {
    at.as_str()?.parse().ok()
}

/// A ticket that waits.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Waiting {
    /// Most urgent first.
    level: usize,
    since: u64,
    ticket: u64,
}

pub fn order(evidence: &Evidence) -> Proof {
    let mut proof = Proof::new(
        "nobody was given a ticket that did not wait, or while a more urgent one waited",
        "Q1 Q4 Q41 Q46 Q48",
    );
    let claims: HashMap<&str, &Sent> = evidence
        .sent
        .iter()
        .filter(|sent| sent.deed == Deed::ClaimNext && matches!(sent.outcome, Outcome::Done { .. }))
        .map(|sent| (sent.id.as_str(), sent))
        .collect();
    let known = Known::of(&evidence.sent);
    let takers = takers(evidence);
    let interrupted: Vec<&Sent> =
        evidence.sent.iter().filter(|sent| sent.deed == Deed::ClaimNext && sent.repeated).collect();
    let begin = evidence.records.first().and_then(|record| moment(&record["at"]));
    let mut tickets: HashMap<u64, (Fields, Option<Waiting>)> = HashMap::new();
    let mut queue = BTreeSet::new();
    for ticket in &evidence.base.board {
        let mut fields = Fields::default();
        fields.apply(ticket);
        fields.lifted = begin.zip(moment(&ticket["created_at"])).is_some_and(|(begin, at)| at + NOT_LIFTED < begin);
        let id = number(ticket, "id");
        let waiting = fields.waits().then_some(Waiting { level: fields.level, since: evidence.base.seq, ticket: id });
        queue.extend(waiting);
        tickets.insert(id, (fields, waiting));
    }
    for record in &evidence.records {
        let (seq, id) = (number(record, "seq"), number(record, "ticket"));
        let kind = record["event"]["type"].as_str().unwrap_or_default();
        let claim = record["command_id"].as_str().and_then(|id| claims.get(id)).filter(|_| kind == "claimed");
        let (level, lifted) = tickets.get(&id).map_or((usize::MAX, false), |(fields, _)| (fields.level, fields.lifted));
        if claim.is_some()
            && let Some((fields, _)) = tickets.get(&id)
            && !matches!(fields.status.as_str(), "new" | "open")
        {
            proof.broken(format!("ticket {id} was {} and was handed out (seq {seq})", fields.status));
        }
        if let Some(claim) = claim.filter(|_| !lifted) {
            proof.checked();
            let told = known.before(claim.asked);
            let passed = (!interrupted.iter().any(|other| overlaps(other, claim, seq)))
                .then_some(&queue)
                .into_iter()
                .flatten()
                .take_while(|other| other.level < level)
                .filter(|other| other.since <= told)
                .find(|other| !taken_meanwhile(&takers, other.ticket, seq, claim.answered));
            if let Some(other) = passed {
                proof.broken(format!(
                    "ticket {id} ({}) was handed out (seq {seq}) while {} ({}) had waited since seq {}",
                    PRIORITIES[PRIORITIES.len() - 1 - level],
                    other.ticket,
                    PRIORITIES[PRIORITIES.len() - 1 - other.level],
                    other.since
                ));
            }
        }
        let (fields, waiting) = tickets.entry(id).or_default();
        if let Some(before) = waiting.take() {
            queue.remove(&before);
        }
        fields.apply(&record["patch"]);
        if fields.waits() {
            // A ticket that was changed may have been in the hands of that command, so it waits anew from here.
            let now = Waiting { level: fields.level, since: seq, ticket: id };
            *waiting = Some(now);
            queue.insert(now);
        }
    }
    proof
}

/// What decides whether a ticket waits, and how urgently.
#[derive(Clone, Debug)]
struct Fields {
    status: String,
    free: bool,
    snoozed: bool,
    team: bool,
    level: usize,
    /// It may have waited for so long that it stands higher than its priority says: nothing can be said about it here.
    lifted: bool,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            status: String::new(),
            free: true,
            snoozed: false,
            team: false,
            level: PRIORITIES.len() - 1,
            lifted: false,
        }
    }
}

impl Fields {
    fn apply(&mut self, patch: &Value) {
        if let Some(status) = patch["status"].as_str() {
            status.clone_into(&mut self.status);
        }
        if let Some(assignee) = patch.get("assignee") {
            self.free = assignee.is_null();
        }
        if let Some(snoozed) = patch.get("snoozed_until") {
            self.snoozed = !snoozed.is_null();
        }
        if let Some(team) = patch.get("team") {
            self.team = !team.is_null();
        }
        if let Some(level) = PRIORITIES.iter().rev().position(|known| Some(*known) == patch["priority"].as_str()) {
            self.level = level;
        }
    }

    /// For everybody: a team's ticket waits only for its members.
    fn waits(&self) -> bool {
        self.free && !self.snoozed && !self.team && !self.lifted && matches!(self.status.as_str(), "new" | "open")
    }
}

/// What was known by when: the highest seq of any answer before a moment.
struct Known(Vec<(Duration, u64)>);

impl Known {
    fn of(sent: &[Sent]) -> Self {
        let mut answers: Vec<(Duration, u64)> = sent
            .iter()
            .filter_map(|sent| match sent.outcome {
                Outcome::Done { seq, .. } => Some((sent.answered, seq)),
                _ => None,
            })
            .collect();
        answers.sort_unstable();
        let mut highest = 0;
        for (_, seq) in &mut answers {
            highest = highest.max(*seq);
            *seq = highest;
        }
        Self(answers)
    }

    fn before(&self, moment: Duration) -> u64 {
        let place = self.0.partition_point(|(answered, _)| *answered < moment);
        place.checked_sub(1).map_or(0, |place| self.0[place].1)
    }
}

/// By ticket: the seq of each record that changed who may have it, and when its command was asked.
fn takers(evidence: &Evidence) -> HashMap<u64, Vec<(u64, Duration)>> {
    let asked: HashMap<&str, Duration> = evidence.sent.iter().map(|sent| (sent.id.as_str(), sent.asked)).collect();
    let mut takers: HashMap<u64, Vec<(u64, Duration)>> = HashMap::new();
    for record in &evidence.records {
        // The desk's own records, and those of others, come without a warning.
        let at = record["command_id"].as_str().and_then(|id| asked.get(id)).copied().unwrap_or_default();
        takers.entry(number(record, "ticket")).or_default().push((number(record, "seq"), at));
    }
    takers
}

/// Whether a claim that was asked again was under way together with this one, and had not taken effect by then: the more urgent
/// ticket may have been on its way to it, and free again only after this one.
fn overlaps(interrupted: &Sent, claim: &Sent, seq: u64) -> bool {
    let later = !matches!(interrupted.outcome, Outcome::Done { seq: own, .. } if own <= seq);
    later && interrupted.asked <= claim.answered && interrupted.answered >= claim.asked
}

/// Whether some command on the ticket that took effect later was under way before the claim was answered.
fn taken_meanwhile(takers: &HashMap<u64, Vec<(u64, Duration)>>, ticket: u64, seq: u64, answered: Duration) -> bool {
    takers.get(&ticket).is_some_and(|records| records.iter().any(|(at, asked)| *at > seq && *asked <= answered))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::example::{done, evidence, record, sent};
    use super::*;

    /// Q40: the journal or the answers alone are enough to see it.
    #[test]
    fn a_ticket_for_two_is_found() {
        let mut spoilt = evidence();
        spoilt.sent[3].outcome = done(2, 2, 3);
        assert!(once(&spoilt).examples[0].contains("was the answer to c and to d"));
        let mut spoilt = evidence();
        spoilt.records[3]["ticket"] = 2.into();
        assert!(once(&spoilt).examples[0].contains("was claimed"));
    }

    #[test]
    fn a_ticket_that_was_given_back_may_be_handed_out_again() {
        let mut evidence = evidence();
        evidence.records.push(record(5, 2, 3, "e", "released", json!({ "assignee": null })));
        evidence.records.push(record(6, 2, 4, "f", "claimed", json!({ "assignee": "v" })));
        evidence.sent.push(sent("f", Deed::ClaimNext, (80, 90), done(2, 4, 6)));
        assert!(once(&evidence).holds(), "{:?}", once(&evidence));
    }

    /// Q1: with the same watch, a claim that overtook is told from one that was only concurrent.
    #[test]
    fn a_more_urgent_ticket_that_was_passed_over_is_found() {
        let mut evidence = evidence();
        evidence.records.swap(2, 3);
        for (place, record) in evidence.records.iter_mut().enumerate() {
            record["seq"] = (place as u64 + 1).into();
        }
        evidence.sent[2].asked = Duration::from_millis(70);
        evidence.sent[2].answered = Duration::from_millis(80);
        assert!(order(&evidence).examples[0].contains("(low) was handed out"), "{:?}", order(&evidence));
        // Somebody had asked before and got the urgent one a moment later: it was on its way.
        evidence.sent[2].asked = Duration::from_millis(55);
        assert!(order(&evidence).holds());
        // Somebody else's claim was on its way when the server died, and was asked again.
        evidence.sent[2].asked = Duration::from_millis(70);
        let mut lost = sent("lost", Deed::ClaimNext, (55, 200), done(9, 2, 99));
        evidence.sent.push(lost.clone());
        assert!(!order(&evidence).holds());
        lost.repeated = true;
        *evidence.sent.last_mut().unwrap() = lost;
        assert!(order(&evidence).holds(), "{:?}", order(&evidence));
        evidence.sent.pop();
        // Nobody could know of the urgent one yet.
        evidence.sent[2].asked = Duration::from_secs(9);
        evidence.sent[1].answered = Duration::from_secs(8);
        assert!(order(&evidence).holds());
    }

    /// Q4: what was put aside is not the queue's to give.
    #[test]
    fn a_ticket_that_did_not_wait_is_found() {
        let mut spoilt = evidence();
        spoilt.records.insert(2, record(3, 2, 2, "x", "updated", json!({ "status": "pending" })));
        for (place, record) in spoilt.records.iter_mut().enumerate() {
            record["seq"] = (place as u64 + 1).into();
        }
        assert!(order(&spoilt).examples[0].contains("ticket 2 was pending and was handed out (seq 4)"));
    }

    /// Q3: whoever waited long enough stands higher than the priority says.
    #[test]
    fn of_a_ticket_that_may_have_been_lifted_nothing_is_said() {
        let mut spoilt = evidence();
        let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let old = json!({ "id": 9, "version": 1, "status": "new", "assignee": null, "priority": "urgent" });
        spoilt.base.board.push(old);
        spoilt.records.iter_mut().for_each(|record| record["at"] = at(10).to_string().into());
        spoilt.base.board[0]["created_at"] = at(10).to_string().into();
        assert_eq!(order(&spoilt).broken, 1, "it was urgent and waited");
        spoilt.base.board[0]["created_at"] = at(2).to_string().into();
        assert!(order(&spoilt).holds());
    }
}
