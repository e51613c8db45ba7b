//! How often triage was right, by what people made of its proposals: a fold over their records, kept over restarts. Pure; the actor
//! tells it each record that a person left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::event::Event;
use crate::domain::record::Draft;
use crate::domain::ticket::{
    Guess, Status, Ticket, Triage, TriageDecided, TriageDecision, TriageField, TriageSource, TriageState,
};

pub const BINS: usize = 10;
/// Pairs of categories that are told apart; a desk has far fewer.
const MOST_PAIRS: usize = 4_000;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    pub learner: Record,
    pub deepseek: Record,
    /// What was proposed, what stood at the end, how often.
    pub confusion: BTreeMap<String, BTreeMap<String, u64>>,
}

/// Of one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    pub category: Judged,
    pub priority: Judged,
    pub tags: Judged,
    /// By proposed category: right, wrong.
    pub categories: BTreeMap<String, (u64, u64)>,
    /// By confidence in tenths.
    pub bins: [Bin; BINS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Judged {
    pub accepted: u64,
    pub edited: u64,
    pub rejected: u64,
    pub kept: u64,
    pub passed_over: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bin {
    pub count: u64,
    pub right: u64,
    pub confidence: f64,
}

impl Bin {
    pub fn mean_confidence(&self) -> f32 {
        if self.count == 0 { 0.0 } else { (self.confidence / self.count as f64) as f32 }
    }
}

impl Record {
    pub fn judged(&self, field: TriageField) -> Judged {
        match field {
            TriageField::Category => self.category,
            TriageField::Priority => self.priority,
            TriageField::Tags => self.tags,
        }
    }

    fn judged_mut(&mut self, field: TriageField) -> &mut Judged {
        match field {
            TriageField::Category => &mut self.category,
            TriageField::Priority => &mut self.priority,
            TriageField::Tags => &mut self.tags,
        }
    }

    fn category(&mut self, guess: &Guess<String>, right: bool) {
        let counts = self.categories.entry(guess.value.clone()).or_default();
        if right {
            counts.0 += 1;
        } else {
            counts.1 += 1;
        }
        let place = ((guess.confidence.clamp(0.0, 1.0) * BINS as f32) as usize).min(BINS - 1);
        let bin = &mut self.bins[place];
        bin.count += 1;
        bin.right += u64::from(right);
        bin.confidence += f64::from(guess.confidence);
    }
}

impl Figures {
    pub fn of(&self, source: TriageSource) -> &Record {
        match source {
            TriageSource::Learner => &self.learner,
            TriageSource::Deepseek => &self.deepseek,
        }
    }

    fn of_mut(&mut self, source: TriageSource) -> &mut Record {
        match source {
            TriageSource::Learner => &mut self.learner,
            TriageSource::Deepseek => &mut self.deepseek,
        }
    }

    /// Takes in a record that a person left; `after` is the ticket as it stands now.
    pub fn fold(&mut self, draft: &Draft, after: &Ticket) {
        if draft.by.is_desk() {
            return;
        }
        match &draft.event {
            Event::TriageChanged { triage, decided, .. } => self.decide(triage, decided, draft),
            Event::Updated { decided, .. } => {
                if let Some(Some(triage)) = &draft.patch.triage {
                    self.decide(triage, decided, draft);
                }
            }
            // Taking back what the machine set is to refuse it.
            Event::Undone { .. } => {
                if let Some(Some(triage)) = &draft.patch.triage {
                    let mut decided = TriageDecided::default();
                    let goes_back = [
                        (TriageField::Category, draft.patch.category.is_some()),
                        (TriageField::Priority, draft.patch.priority.is_some()),
                        (TriageField::Tags, draft.patch.tags.is_some()),
                    ];
                    for (field, _) in goes_back.into_iter().filter(|(_, goes_back)| *goes_back) {
                        let decision = triage.decided.get(field).filter(|of| *of == TriageDecision::Rejected);
                        decided.set(field, decision);
                    }
                    self.decide(triage, &decided, draft);
                }
            }
            _ => {}
        }
        if draft.patch.status == Some(Status::Solved) {
            self.keep(after);
        }
    }

    /// What another source would have said, once it is known what was right.
    pub fn compare(&mut self, source: TriageSource, guess: &Guess<String>, kept: &str) {
        self.of_mut(source).category(guess, guess.value == kept);
    }

    fn decide(&mut self, triage: &Triage, decided: &TriageDecided, draft: &Draft) {
        let Some(source) = triage.source else { return };
        for field in TriageField::ALL {
            let Some(decision) = decided.get(field) else { continue };
            let judged = self.of_mut(source).judged_mut(field);
            match decision {
                TriageDecision::Accepted => judged.accepted += 1,
                TriageDecision::Edited => judged.edited += 1,
                TriageDecision::Rejected => judged.rejected += 1,
            }
        }
        if let (Some(decision), Some(guess)) = (decided.category, &triage.category) {
            self.of_mut(source).category(guess, decision == TriageDecision::Accepted);
            match decision {
                TriageDecision::Accepted => self.confuse(&guess.value, &guess.value),
                TriageDecision::Edited => {
                    if let Some(Some(kept)) = &draft.patch.category {
                        self.confuse(&guess.value, kept);
                    }
                }
                TriageDecision::Rejected => {}
            }
        }
    }

    /// A ticket was solved: what nobody judged is judged by what stands there.
    fn keep(&mut self, ticket: &Ticket) {
        let Some(triage) = ticket.triage.as_ref().filter(|triage| triage.state == TriageState::Proposed) else {
            return;
        };
        let Some(source) = triage.source else { return };
        if let (Some(guess), Some(stands)) = (&triage.category, &ticket.category)
            && triage.is_open(TriageField::Category)
        {
            let kept = guess.value == *stands;
            let record = self.of_mut(source);
            record.category(guess, kept);
            let judged = record.judged_mut(TriageField::Category);
            *(if kept { &mut judged.kept } else { &mut judged.passed_over }) += 1;
            self.confuse(&guess.value, stands);
        }
        if let Some(guess) = triage.priority.as_ref().filter(|_| triage.is_open(TriageField::Priority)) {
            let judged = self.of_mut(source).judged_mut(TriageField::Priority);
            *(if guess.value == ticket.priority { &mut judged.kept } else { &mut judged.passed_over }) += 1;
        }
        if triage.is_open(TriageField::Tags) {
            let kept = triage.tags.iter().all(|tag| ticket.tags.contains(tag));
            let judged = self.of_mut(source).judged_mut(TriageField::Tags);
            *(if kept { &mut judged.kept } else { &mut judged.passed_over }) += 1;
        }
    }

    fn confuse(&mut self, proposed: &str, kept: &str) {
        let pairs: usize = self.confusion.values().map(BTreeMap::len).sum();
        let row = self.confusion.entry(proposed.to_owned()).or_default();
        if let Some(count) = row.get_mut(kept) {
            *count += 1;
        } else if pairs < MOST_PAIRS {
            row.insert(kept.to_owned(), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn triage(source: &str, state: &str, decided: Value) -> Value {
        json!({
            "state": state, "source": source, "at": "2026-11-23T08:00:00.000Z",
            "category": {"value": "billing", "confidence": 0.85}, "priority": {"value": "high", "confidence": 0.6},
            "sentiment": null, "language": null, "summary": null, "tags": ["refund"], "spam": null, "duplicate_of": null,
            "decided": decided,
        })
    }

    fn draft(by: &str, event: Value, patch: Value) -> Draft {
        serde_json::from_value(json!({
            "ticket": 1, "version": 3, "at": "2026-11-23T08:00:00.000Z", "by": by, "command_id": "c", "event": event, "patch": patch,
        }))
        .unwrap()
    }

    fn ticket(category: Value, triage: Value) -> Ticket {
        serde_json::from_value(json!({
            "id": 1, "version": 3, "subject": "s", "status": "open", "priority": "normal", "category": category, "tags": ["refund"],
            "requester": {"name": "n", "email": "n@example.org"}, "assignee": null, "team": null, "channel": "web",
            "created_at": "2026-11-23T08:00:00.000Z", "updated_at": "2026-11-23T08:00:00.000Z", "first_responded_at": null,
            "solved_at": null, "snoozed_until": null, "merged_into": null, "follow_up_of": null, "links": [],
            "sla": {"first_response_due": null, "next_response_due": null, "resolution_due": null, "breached": false},
            "triage": triage, "message_count": 1, "last_message_at": null, "custom": {},
        }))
        .unwrap()
    }

    /// R56: what people made of proposals is counted by field, source, category and confidence; what the machine did is not.
    #[test]
    fn r56_judgements_are_counted() {
        let mut figures = Figures::default();
        let bare = ticket(Value::Null, Value::Null);
        let changed = |decided: Value| json!({"type": "triage_changed", "triage": triage("learner", "accepted", decided.clone()), "decided": decided});
        let accepted = json!({"category": "accepted", "priority": "rejected"});
        figures.fold(&draft("ann", changed(accepted.clone()), json!({"category": "billing"})), &bare);
        figures.fold(&draft("system", changed(accepted), json!({"category": "billing"})), &bare);
        let by_hand = triage("deepseek", "proposed", json!({"category": "edited"}));
        let updated = json!({"type": "updated", "changes": {"category": "returns"}, "decided": {"category": "edited"}});
        figures.fold(&draft("ann", updated, json!({"category": "returns", "triage": by_hand})), &bare);
        let of = |source| (figures.of(source).category, figures.of(source).priority);
        let (category, priority) = of(TriageSource::Learner);
        assert_eq!(
            (category, priority),
            (Judged { accepted: 1, ..Judged::default() }, Judged { rejected: 1, ..Judged::default() })
        );
        assert_eq!(of(TriageSource::Deepseek).0, Judged { edited: 1, ..Judged::default() });
        assert_eq!(figures.learner.categories["billing"], (1, 0));
        assert_eq!(figures.deepseek.categories["billing"], (0, 1));
        let bin = figures.learner.bins[8];
        assert_eq!((bin.count, bin.right, (bin.mean_confidence() - 0.85).abs() < 1e-6), (1, 1, true));
        assert_eq!((figures.confusion["billing"]["billing"], figures.confusion["billing"]["returns"]), (1, 1));
        // The undo of what the machine set is a refusal.
        let refused = triage("learner", "rejected", json!({"category": "rejected"}));
        let undone = json!({"type": "undone", "command_id": "x"});
        figures.fold(&draft("ann", undone, json!({"category": null, "triage": refused})), &bare);
        assert_eq!(figures.learner.category.rejected, 1);
        let json = serde_json::to_string(&figures).unwrap();
        assert_eq!(serde_json::from_str::<Figures>(&json).unwrap(), figures);
    }

    /// R56: what nobody judged is judged by what stands there when the ticket is solved.
    #[test]
    fn r56_what_stands_at_the_end_counts() {
        let mut figures = Figures::default();
        let solved =
            || draft("ann", json!({"type": "updated", "changes": {"status": "solved"}}), json!({"status": "solved"}));
        let open = || triage("learner", "proposed", json!({}));
        figures.fold(&solved(), &ticket(json!("billing"), open()));
        figures.fold(&solved(), &ticket(json!("returns"), open()));
        figures.fold(&solved(), &ticket(Value::Null, open()));
        figures
            .fold(&solved(), &ticket(json!("billing"), triage("learner", "accepted", json!({"category": "accepted"}))));
        assert_eq!(figures.learner.category, Judged { kept: 1, passed_over: 1, ..Judged::default() });
        assert_eq!(figures.learner.tags.kept, 3);
        assert_eq!(figures.learner.priority.passed_over, 3);
        assert_eq!(figures.confusion["billing"]["returns"], 1);
        figures.compare(TriageSource::Learner, &Guess { value: "billing".into(), confidence: 0.3 }, "returns");
        assert_eq!(figures.learner.bins[3].count, 1);
    }
}
