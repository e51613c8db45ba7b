//! From an opinion, the learner's or the service's, to what is proposed and what is set without asking. Pure: the one place where the
//! policy of the desk meets a guess.

use super::deepseek::answer::Verdict;
use super::mind::Opinion;
use crate::config::Triage as Settings;
use crate::domain::command::TriageValues;
use crate::domain::ids::Version;
use crate::domain::ticket::{Channel, Guess, Priority, Status, Ticket, Triage, TriageSource, TriageState};
use crate::domain::time::Timestamp;

/// The code of a proposal that has nothing to propose.
pub const UNSURE: &str = "unsure";

/// What to write on the ticket, and which fields to set.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    pub triage: Triage,
    pub apply: TriageValues,
}

/// Whether the service is worth asking: the learner is unsure, or the text is long enough to need a summary.
pub fn is_worth_asking(opinion: &Opinion, body: &str, settings: &Settings) -> bool {
    let sure = opinion.category.as_ref().map_or(0.0, |guess| guess.confidence);
    sure < settings.ask_below || body.len() >= settings.summary_from_chars
}

/// What the learner proposes. `reason` says why it speaks where the service was to be asked.
pub fn by_learner(
    opinion: &Opinion,
    reason: Option<&str>,
    read: &Ticket,
    now: Timestamp,
    settings: &Settings,
) -> Proposal {
    let category = opinion.category.clone().filter(|guess| guess.confidence >= settings.propose_above);
    let nothing = category.is_none() && opinion.priority.value == Priority::Normal && opinion.tags.is_empty();
    let state = if nothing { TriageState::Untriaged } else { TriageState::Proposed };
    let reason = reason.or(nothing.then_some(UNSURE));
    let triage = Triage {
        source: Some(TriageSource::Learner),
        reason: reason.map(str::to_owned),
        category,
        priority: (!nothing).then(|| opinion.priority.clone()),
        sentiment: Some(opinion.signs.sentiment.clone()),
        language: opinion.signs.language.clone(),
        summary: opinion.signs.summary.clone(),
        tags: new_tags(&opinion.tags, read),
        spam: Some(opinion.signs.spam.clone()),
        ..Triage::new(state, now, read.version)
    };
    with_policy(triage, read, settings)
}

/// What is known while the service is being asked.
pub fn while_waiting(opinion: &Opinion, read: &Ticket, now: Timestamp, settings: &Settings) -> Triage {
    let Proposal { triage, .. } = by_learner(opinion, None, read, now, settings);
    Triage { state: TriageState::Waiting, reason: None, ..triage }
}

/// What the service proposes.
pub fn by_service(verdict: Verdict, based_on: Version, read: &Ticket, now: Timestamp, settings: &Settings) -> Proposal {
    let triage = Triage {
        source: Some(TriageSource::Deepseek),
        category: Some(verdict.category),
        priority: Some(verdict.priority),
        sentiment: Some(verdict.sentiment),
        language: Some(verdict.language),
        summary: Some(verdict.summary).filter(|summary| !summary.is_empty()),
        tags: new_tags(&verdict.tags, read),
        spam: Some(verdict.spam),
        ..Triage::new(TriageState::Proposed, now, based_on)
    };
    with_policy(triage, read, settings)
}

/// Whether a customer's new message changes the matter: another category, surely enough, or a higher priority.
pub fn changes_the_matter(opinion: &Opinion, before: &Triage, settings: &Settings) -> bool {
    let category = opinion.category.as_ref().filter(|guess| guess.confidence >= settings.propose_above.max(0.5));
    let other = category.is_some_and(|guess| before.category.as_ref().is_none_or(|was| was.value != guess.value));
    let was = before.priority.as_ref().map_or(Priority::Normal, |guess| guess.value);
    other || opinion.priority.value > was
}

/// The text with which the desk answers by itself, if it does: a fresh ticket that waits for its first answer, and of which nobody said
/// that it is about something else. `read` is the ticket with the proposal on it.
pub fn auto_reply<'a>(triage: &Triage, read: &Ticket, settings: &'a Settings) -> Option<&'a str> {
    let auto = &settings.auto_reply;
    let category = triage.category.as_ref().filter(|guess| guess.confidence >= auto.confidence)?;
    let spam = triage.spam.as_ref().is_some_and(|spam| spam.value);
    let fresh = read.message_count == 1 && read.assignee.is_none() && read.follow_up_of.is_none();
    let waits = matches!(read.status, Status::New | Status::Open) && read.channel != Channel::Import;
    let agreed = read.category.as_ref().is_none_or(|chosen| *chosen == category.value);
    let alone = triage.duplicate_of.is_none() && triage.incident.is_none();
    let text = auto.texts.get(&category.value)?;
    (auto.enabled && fresh && waits && agreed && alone && !spam).then_some(text.as_str())
}

/// Whether the ticket bears this proposal, and not what somebody made of an earlier one.
pub fn was_taken(proposed: &Triage, after: &Ticket) -> bool {
    let this = |stands: &Triage| (stands.state, stands.based_on, stands.at, stands.source);
    after.triage.as_ref().is_some_and(|stands| this(stands) == this(proposed))
}

/// Tags that the ticket does not have.
fn new_tags(tags: &[String], read: &Ticket) -> Vec<String> {
    tags.iter().filter(|tag| !read.tags.contains(tag)).cloned().collect()
}

/// Sets what the policy lets through. What the requester or somebody chose is never replaced: only what is empty, or what the
/// machine itself had set.
fn with_policy(triage: Triage, read: &Ticket, settings: &Settings) -> Proposal {
    let policy = &settings.policy;
    let before = read.triage.as_ref().map(|before| &before.applied);
    let ours = |set: Option<bool>| set.unwrap_or(false);
    let free_category = read.category.is_none() || ours(before.map(|applied| applied.category.is_some()));
    let free_priority = read.priority == Priority::Normal || ours(before.map(|applied| applied.priority.is_some()));
    let sure = |guess: &Guess<String>| policy.category.applies(guess.confidence);
    let category = triage.category.as_ref().filter(|guess| free_category && sure(guess));
    let priority = triage.priority.as_ref().filter(|guess| free_priority && policy.priority.applies(guess.confidence));
    // Tags come with the category's confidence: they have none of their own.
    let confidence = triage.category.as_ref().map_or(0.0, |guess| guess.confidence);
    let tags = (!triage.tags.is_empty() && policy.tags.applies(confidence)).then(|| triage.tags.clone());
    let apply = TriageValues {
        category: category.map(|guess| guess.value.clone()),
        priority: priority.map(|guess| guess.value),
        tags,
    };
    let spam = triage.spam.as_ref().is_some_and(|spam| spam.value);
    // What looks like advertising waits for a person.
    let apply = if spam || triage.state != TriageState::Proposed { TriageValues::default() } else { apply };
    Proposal { triage, apply }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, TriagePolicy};
    use crate::domain::ids::TicketId;
    use crate::domain::ticket::{Requester, Sentiment, Sla, TriageApplied};
    use crate::triage::learner::Prediction;
    use crate::triage::signs;

    const NOW: Timestamp = Timestamp::from_millis(1_795_420_800_000);

    fn ticket() -> Ticket {
        Ticket {
            id: TicketId(1),
            version: Version(3),
            subject: "s".into(),
            status: Status::New,
            priority: Priority::Normal,
            category: None,
            tags: vec!["old".into()],
            requester: Requester { name: "n".into(), email: "n@example.org".into() },
            assignee: None,
            team: None,
            channel: Channel::Web,
            created_at: NOW,
            updated_at: NOW,
            first_responded_at: None,
            solved_at: None,
            snoozed_until: None,
            merged_into: None,
            follow_up_of: None,
            links: Vec::new(),
            mentions: Vec::new(),
            sla: Sla::default(),
            triage: None,
            message_count: 1,
            last_message_at: Some(NOW),
            custom: std::collections::BTreeMap::new(),
        }
    }

    fn opinion(confidence: f32, priority: Priority) -> Opinion {
        Opinion {
            prediction: Prediction { ranking: vec![(0, confidence)], confidence, out_of_scope: 0.0 },
            category: Some(Guess { value: "billing".into(), confidence }),
            priority: Guess { value: priority, confidence: 0.7 },
            tags: vec!["invoice".into(), "old".into()],
            signs: signs::read("Invoice", "I have a question about the invoice of last month."),
        }
    }

    /// R49: what is suggested and what is set follows from the policy, and what somebody chose is never replaced.
    #[test]
    fn r49_the_policy_decides() {
        let mut settings = Config::defaults().triage;
        let proposal = by_learner(&opinion(0.9, Priority::Urgent), None, &ticket(), NOW, &settings);
        assert_eq!((proposal.triage.state, proposal.triage.based_on), (TriageState::Proposed, Version(3)));
        assert_eq!((proposal.triage.tags, proposal.apply), (vec!["invoice".to_owned()], TriageValues::default()));
        settings.policy.category = TriagePolicy::Above(0.8);
        settings.policy.priority = TriagePolicy::Above(0.6);
        settings.policy.tags = TriagePolicy::Above(0.8);
        let all = by_learner(&opinion(0.9, Priority::Urgent), None, &ticket(), NOW, &settings).apply;
        let expected = TriageValues {
            category: Some("billing".into()),
            priority: Some(Priority::Urgent),
            tags: Some(vec!["invoice".into()]),
        };
        assert_eq!(all, expected);
        let unsure = by_learner(&opinion(0.7, Priority::Urgent), None, &ticket(), NOW, &settings).apply;
        assert_eq!((unsure.category, unsure.tags), (None, None));
        let chosen = Ticket { category: Some("returns".into()), priority: Priority::High, ..ticket() };
        let apply = by_learner(&opinion(0.9, Priority::Urgent), None, &chosen, NOW, &settings).apply;
        assert_eq!((apply.category, apply.priority), (None, None));
        // What the machine itself had set it may set anew.
        let mut ours = chosen.clone();
        let applied = TriageApplied { category: Some(None), priority: Some(Priority::Normal), tags: None };
        ours.triage = Some(Triage { applied, ..Triage::new(TriageState::Proposed, NOW, Version(1)) }.into());
        let apply = by_learner(&opinion(0.9, Priority::Urgent), None, &ours, NOW, &settings).apply;
        assert_eq!((apply.category.as_deref(), apply.priority), (Some("billing"), Some(Priority::Urgent)));
        // Advertising is not sorted into anything by itself.
        let mut spam = opinion(0.9, Priority::Urgent);
        spam.signs.spam = Guess { value: true, confidence: 0.9 };
        assert_eq!(by_learner(&spam, None, &ticket(), NOW, &settings).apply, TriageValues::default());
    }

    /// R49: nothing to say is said, and why the learner speaks.
    #[test]
    fn r49_nothing_is_invented() {
        let settings = Config::defaults().triage;
        let mut vague = opinion(0.1, Priority::Normal);
        vague.tags.clear();
        let Proposal { triage, .. } = by_learner(&vague, None, &ticket(), NOW, &settings);
        assert_eq!((triage.state, triage.reason.as_deref()), (TriageState::Untriaged, Some(UNSURE)));
        assert!(triage.category.is_none() && triage.priority.is_none() && triage.language.is_some());
        let Proposal { triage, .. } =
            by_learner(&opinion(0.9, Priority::Normal), Some("budget_spent"), &ticket(), NOW, &settings);
        assert_eq!((triage.state, triage.reason.as_deref()), (TriageState::Proposed, Some("budget_spent")));
        assert!(is_worth_asking(&opinion(0.5, Priority::Normal), "short", &settings));
        assert!(!is_worth_asking(&opinion(0.95, Priority::Normal), "short", &settings));
        assert!(is_worth_asking(&opinion(0.95, Priority::Normal), &"long ".repeat(200), &settings));
    }

    /// R49: an automatic answer is the text of the category, on fresh tickets of nobody, and never where it is switched off.
    #[test]
    fn r49_automatic_answers_are_narrow() {
        let mut settings = Config::defaults().triage;
        settings.auto_reply.texts = [("billing".to_owned(), "We look into it.".to_owned())].into();
        let triage = by_learner(&opinion(0.97, Priority::Normal), None, &ticket(), NOW, &settings).triage;
        assert_eq!(auto_reply(&triage, &ticket(), &settings), None, "off");
        settings.auto_reply.enabled = true;
        assert_eq!(auto_reply(&triage, &ticket(), &settings), Some("We look into it."));
        let unsure = Triage { category: Some(Guess { value: "billing".into(), confidence: 0.9 }), ..triage.clone() };
        let other = Triage { category: Some(Guess { value: "returns".into(), confidence: 1.0 }), ..triage.clone() };
        let spam = Triage { spam: Some(Guess { value: true, confidence: 0.6 }), ..triage.clone() };
        let duplicate = Triage { duplicate_of: Some(TicketId(9)), ..triage.clone() };
        for triage in [unsure, other, spam, duplicate] {
            assert_eq!(auto_reply(&triage, &ticket(), &settings), None, "{triage:?}");
        }
        let held = Ticket { assignee: Some("ann".into()), ..ticket() };
        let talked = Ticket { message_count: 2, ..ticket() };
        assert_eq!((auto_reply(&triage, &held, &settings), auto_reply(&triage, &talked, &settings)), (None, None));
        // What somebody said about it stands, and what is done or was done elsewhere is not answered.
        let agreed = Ticket { category: Some("billing".into()), status: Status::Open, ..ticket() };
        assert_eq!(auto_reply(&triage, &agreed, &settings), Some("We look into it."));
        let chosen = Ticket { category: Some("returns".into()), ..ticket() };
        let imported = Ticket { channel: Channel::Import, ..ticket() };
        let settled = [Status::Pending, Status::OnHold, Status::Solved].map(|status| Ticket { status, ..ticket() });
        for read in [chosen, imported].into_iter().chain(settled) {
            assert_eq!(auto_reply(&triage, &read, &settings), None, "{read:?}");
        }
        // A proposal that came too late is on no ticket.
        let on = |triage: &Triage| Ticket { triage: Some(triage.clone().into()), ..ticket() };
        let rejected = Triage { state: TriageState::Rejected, ..triage.clone() };
        let newer = Triage { based_on: Version(9), ..triage.clone() };
        let taken = [on(&triage), on(&rejected), on(&newer), ticket()].map(|after| was_taken(&triage, &after));
        assert_eq!(taken, [true, false, false, false]);
    }

    /// R61: another category or a higher priority changes the matter, and nothing else does.
    #[test]
    fn r61_what_changes_the_matter() {
        let settings = Config::defaults().triage;
        let before = by_learner(&opinion(0.9, Priority::High), None, &ticket(), NOW, &settings).triage;
        assert!(!changes_the_matter(&opinion(0.6, Priority::High), &before, &settings));
        assert!(changes_the_matter(&opinion(0.6, Priority::Urgent), &before, &settings));
        let mut other = opinion(0.9, Priority::Low);
        other.category = Some(Guess { value: "returns".into(), confidence: 0.6 });
        assert!(changes_the_matter(&other, &before, &settings));
        other.category = Some(Guess { value: "returns".into(), confidence: 0.4 });
        assert!(!changes_the_matter(&other, &before, &settings));
        let mood = Guess { value: Sentiment::Negative, confidence: 0.9 };
        other.signs.sentiment = mood;
        assert!(!changes_the_matter(&other, &before, &settings));
    }
}
