//! How the edges reach triage: similar tickets, figures, a text to try, drafts. Every answer is narrowed to what the asker sees, and a
//! draft to what the ticket's own team may tell its customer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::shared::Shared;
use crate::config::Config;
use crate::domain::ids::TicketId;
use crate::domain::message::{Direction, Message, Visibility};
use crate::domain::permissions::{Audience, Permission, Principal};
use crate::domain::rejection::Rejection;
use crate::domain::text::is_hidden;
use crate::domain::ticket::{Ticket, TriageField, TriageSource};
use crate::domain::time::Timestamp;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::reading::{Answer, Reading};
use crate::protocol::triaging::{Draft, Triaging};
use crate::protocol::views::triage::{
    Acceptance, CategoryFigures, Confusion, DraftEvent, LearnerStats, ReliabilityBin, ServiceState, ServiceStats,
    Similar, SimilarTicket, TriageQueueStats, TriageStats, TriedTriage, TryTriage,
};
use crate::reads::Reads;
use crate::triage::deepseek::answer::Finish;
use crate::triage::deepseek::asking::{BUDGET_SPENT, Service};
use crate::triage::deepseek::breaker::Shown;
use crate::triage::deepseek::draft::{MESSAGES, MOST_TOKENS, Question};
use crate::triage::deepseek::ledger::{Sorting, Usage};
use crate::triage::figures::BINS;
use crate::triage::mind::{Alike, Text};
use crate::triage::opinion;

/// Similar tickets that are shown.
const SHOWN: usize = 5;
/// Candidates, of which some may be out of sight.
const CANDIDATES: usize = 20;
/// Sources of a draft, and how alike they must be.
const SOURCES: usize = 4;
const SOURCE_LIKENESS: f32 = 0.08;
const ANSWER_CHARS: usize = 600;
const CONFUSIONS: usize = 200;
/// A draft may not be longer, whatever the service sends.
const DRAFT_CHARS: usize = 8_000;
const TOO_MANY_DRAFTS: &str = "too many drafts are being written";
const NOBODY_LISTENS: &str = "nobody listens";
const SOURCES_OF_FIGURES: [TriageSource; 2] = [TriageSource::Learner, TriageSource::Deepseek];

/// The door; without triage behind it everything is refused with `triage_off`.
#[derive(Clone)]
pub struct TriageDoor {
    shared: Option<Arc<Shared>>,
    reads: Arc<Reads>,
    config: Arc<Config>,
}

impl TriageDoor {
    pub fn new(shared: Option<Arc<Shared>>, reads: Arc<Reads>, config: Arc<Config>) -> Self {
        Self { shared, reads, config }
    }

    fn on(&self) -> Result<&Arc<Shared>, Problem> {
        self.shared.as_ref().ok_or_else(|| Rejection::TriageOff.into())
    }
}

impl Triaging for TriageDoor {
    fn similar<'a>(&'a self, id: TicketId, principal: &'a Principal) -> Answer<'a, Similar> {
        Box::pin(async move {
            // What is out of sight is not there, with or without triage.
            let ticket = self.reads.ticket(id, principal).await?;
            let shared = self.on()?;
            let text = shared.text(&ticket).await?;
            let audience = shared.core.rules.private_teams.audience(ticket.team.as_deref());
            let prediction = shared.mind.opinion(Some(id), &text, audience).prediction;
            let alike = shared.mind.similar(&text, Some(&prediction), Some(id), CANDIDATES);
            Ok(Similar { data: shared.show(alike, principal, SHOWN).await? })
        })
    }

    fn stats<'a>(&'a self, principal: &'a Principal) -> Answer<'a, TriageStats> {
        Box::pin(async move {
            permit(principal, Permission::TriageReview)?;
            match &self.shared {
                Some(shared) => Ok(shared.stats(principal)),
                None => Ok(off(&self.config)),
            }
        })
    }

    fn try_text<'a>(&'a self, tried: TryTriage, principal: &'a Principal) -> Answer<'a, TriedTriage> {
        Box::pin(async move {
            permit(principal, Permission::TriageReview)?;
            let shared = self.on()?;
            let text = Text::new(&tried.subject, &tried.body, None);
            let opinion = shared.mind.opinion(None, &text, Audience::default());
            let alike = shared.mind.similar(&text, Some(&opinion.prediction), None, CANDIDATES);
            let similar = shared.show(alike, principal, SHOWN).await?;
            Ok(TriedTriage {
                categories: shared.mind.named(&opinion.prediction),
                out_of_scope: opinion.prediction.out_of_scope,
                would_ask: opinion::is_worth_asking(&opinion, &text.body, shared.settings()),
                priority: Some(opinion.priority),
                sentiment: Some(opinion.signs.sentiment),
                language: opinion.signs.language,
                spam: Some(opinion.signs.spam),
                summary: opinion.signs.summary,
                tags: opinion.tags,
                similar,
            })
        })
    }

    fn draft<'a>(&'a self, id: TicketId, principal: &'a Principal) -> Answer<'a, Draft> {
        Box::pin(async move {
            permit(principal, Permission::TicketWrite)?;
            let ticket = self.reads.ticket(id, principal).await?;
            let shared = self.on()?;
            let off = || Problem::new(Code::DraftsOff, "set DEEPSEEK_API_KEY and start the desk again to have drafts");
            let service = shared.service.clone().ok_or_else(off)?;
            if let Some(reason) = service.closed_because(shared.core.now()) {
                return Err(away(reason));
            }
            let (question, sources) = shared.question(&ticket, principal).await?;
            begin(shared, service, &question, sources)
        })
    }
}

fn permit(principal: &Principal, permission: Permission) -> Result<(), Problem> {
    if principal.may(permission) { Ok(()) } else { Err(Rejection::Forbidden(permission).into()) }
}

fn away(reason: &str) -> Problem {
    let detail = if reason == BUDGET_SPENT {
        "today's budget for the service is spent".to_owned()
    } else {
        format!("the service is left alone for now: {reason}")
    };
    Problem::new(Code::DraftUnavailable, detail)
}

/// Starts the call and hands out what it writes. When nobody listens any more, the call ends.
fn begin(
    shared: &Arc<Shared>,
    service: Arc<Service>,
    question: &Question,
    sources: Vec<SimilarTicket>,
) -> Result<Draft, Problem> {
    let seat = Arc::clone(&service.drafts).try_acquire_owned().map_err(|_| away(TOO_MANY_DRAFTS))?;
    let most = Usage { hit: 0, miss: question.tokens() as u64, output: MOST_TOKENS as u64 };
    let now = shared.core.now();
    let reserved = service.ledger.lock().reserve(now, service.prices(), most).ok_or_else(|| away(BUDGET_SPENT))?;
    let body = question.body(service.model());
    // Bounded by what a draft may be long.
    let (tell, told) = mpsc::unbounded_channel();
    let first = DraftEvent::Sources { sources };
    let shared = Arc::clone(shared);
    actix_rt::spawn(async move {
        let _seat = seat;
        let mut text = String::new();
        // Calls for tickets and for drafts take their turns; whoever does not listen any more gives the turn up.
        let call = tokio::select! {
            call = service.calls.acquire() => Some(call.expect("invariant: the semaphore is never closed")),
            () = tell.closed() => None,
        };
        let admitted = if call.is_some() { service.admit(shared.core.now()) } else { Err(NOBODY_LISTENS) };
        if let Err(reason) = admitted {
            service.ledger.lock().give_back(reserved);
            // Whoever is gone does not hear it.
            let _ = tell.send(failed(reason));
            return;
        }
        // What may be billed is on disk before it goes out.
        shared.keep_ledger().await;
        let streamed = {
            let (tell, text) = (&tell, &mut text);
            service.client().stream(&body, move |piece| {
                let room = DRAFT_CHARS.saturating_sub(text.len());
                let piece: String =
                    piece.chars().filter(|c| matches!(c, '\n' | '\t') || !is_hidden(*c)).take(room).collect();
                text.push_str(&piece);
                if !piece.is_empty() {
                    // Nobody listens any more: the call ends in a moment.
                    let _ = tell.send(DraftEvent::Delta { text: piece });
                }
            })
        };
        let outcome = tokio::select! {
            outcome = streamed => Some(outcome),
            () = tell.closed() => None,
        };
        let now = shared.core.now();
        let prices = service.prices();
        let last = match outcome {
            Some(Ok(reply)) => {
                service.ledger.lock().settle(now, prices, reserved, reply.usage);
                service.breaker.lock().succeeded();
                match reply.finish() {
                    _ if text.trim().is_empty() => failed("the service wrote nothing"),
                    Finish::ContentFilter => failed("the service did not want to write this"),
                    finish => DraftEvent::Done { text, cut: finish != Finish::Stop },
                }
            }
            Some(Err(fault)) => {
                service.fell(&fault, reserved, !text.is_empty(), now);
                tracing::warn!(%fault, "a draft ended early");
                failed(fault.code())
            }
            None => {
                service.ledger.lock().settle(now, prices, reserved, None);
                // Nothing is known of the service.
                service.breaker.lock().withdrawn(now);
                failed(NOBODY_LISTENS)
            }
        };
        // Gone or not, the call is over.
        let _ = tell.send(last);
        drop(tell);
        shared.keep_ledger().await;
    });
    let rest = stream::unfold(told, |mut told| async move { told.recv().await.map(|event| (event, told)) });
    Ok(Box::pin(stream::once(async move { first }).chain(rest)))
}

fn failed(detail: &str) -> DraftEvent {
    DraftEvent::Error { problem: Problem::new(Code::DraftUnavailable, detail) }
}

impl Shared {
    /// What the asker sees of these, with how they were answered.
    async fn show(&self, alike: Vec<Alike>, principal: &Principal, most: usize) -> Result<Vec<SimilarTicket>, Problem> {
        let mut shown = Vec::new();
        for Alike { ticket: id, likeness } in alike {
            if shown.len() >= most {
                break;
            }
            let ticket = match self.core.reads.ticket(id, principal).await {
                Ok(ticket) => ticket,
                Err(problem) if problem.code == Code::NotFound => continue,
                Err(problem) => return Err(problem),
            };
            let answer = self.last_answer(id).await?.map(|answer| answer.chars().take(ANSWER_CHARS).collect());
            shown.push(SimilarTicket {
                id,
                subject: ticket.subject.clone(),
                status: ticket.status,
                category: ticket.category.clone(),
                tags: ticket.tags.clone(),
                solved_at: ticket.solved_at,
                likeness,
                answer,
            });
        }
        Ok(shown)
    }

    /// The desk's last public message.
    async fn last_answer(&self, id: TicketId) -> Result<Option<String>, Problem> {
        let messages = self.core.reads.thread(id, &self.system).await?;
        Ok(messages.into_iter().rev().find(is_answer).map(|message| message.body))
    }

    /// What is asked for a draft. Sources are tickets of the same audience as this one: what a private team solved is not told to
    /// other teams' customers, whoever asks.
    async fn question(
        &self,
        ticket: &Ticket,
        principal: &Principal,
    ) -> Result<(Question, Vec<SimilarTicket>), Problem> {
        let private = &self.core.rules.private_teams;
        let text = self.text(ticket).await?;
        let audience = private.audience(ticket.team.as_deref());
        let prediction = self.mind.opinion(Some(ticket.id), &text, audience).prediction;
        let alike = self.mind.similar(&text, Some(&prediction), Some(ticket.id), CANDIDATES);
        let mut own = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for hit in alike.into_iter().filter(|hit| hit.likeness >= SOURCE_LIKENESS) {
            let Ok(other) = self.core.reads.ticket(hit.ticket, principal).await else { continue };
            if private.audience(other.team.as_deref()) == audience {
                own.push(hit);
                names.push(other.requester.name.clone());
            }
        }
        let mut sources = self.show(own, principal, CANDIDATES).await?;
        sources.retain(|source| source.answer.is_some());
        sources.truncate(SOURCES);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let told =
            |source: &SimilarTicket| Question::source(&source.subject, source.answer.as_deref().unwrap_or(""), &names);
        let messages = self.core.reads.thread(ticket.id, principal).await?;
        let public: Vec<&Message> =
            messages.iter().filter(|message| message.visibility == Visibility::Public).collect();
        let newest = &public[public.len().saturating_sub(MESSAGES)..];
        let by = |message: &Message| if message.direction == Direction::Inbound { "customer" } else { "desk" };
        let question = Question {
            subject: ticket.subject.clone(),
            thread: newest.iter().map(|message| Question::said(by(message), &message.body)).collect(),
            sources: sources.iter().map(told).collect(),
        };
        Ok((question, sources))
    }

    fn stats(&self, principal: &Principal) -> TriageStats {
        let now = self.core.now();
        let gauges = &self.gauges;
        let count = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let (similar_tickets, similar_bytes) = self.mind.remembered();
        let figures = self.counted.lock().figures.clone();
        let private = &self.core.rules.private_teams;
        let sight = private.sight(principal);
        let groups = self.groups.lock();
        let incidents = groups.incidents(now).into_iter();
        let incidents = incidents.filter(|(_, audience)| sight.sees(*audience)).map(|(incident, _)| incident).collect();
        drop(groups);
        let mut confusion: Vec<Confusion> = figures
            .confusion
            .iter()
            .flat_map(|(proposed, row)| row.iter().map(move |(kept, count)| (proposed, kept, *count)))
            .map(|(proposed, kept, count)| Confusion { proposed: proposed.clone(), kept: kept.clone(), count })
            .collect();
        confusion.sort_by_key(|pair| std::cmp::Reverse(pair.count));
        confusion.truncate(CONFUSIONS);
        let refitted_at = gauges.refitted_at.load(Ordering::Relaxed);
        TriageStats {
            enabled: true,
            ready: gauges.ready.load(Ordering::Acquire),
            service: match &self.service {
                Some(service) => of_service(service, &self.core.config, now),
                None => without_key(&self.core.config),
            },
            queue: TriageQueueStats {
                waiting: count(gauges.waiting.load(Ordering::Relaxed)),
                limit: count(self.settings().waiting),
                under_way: count(gauges.under_way.load(Ordering::Relaxed)),
                behind_ms: self.behind_ms(now),
                overflowed: gauges.overflowed.load(Ordering::Relaxed),
            },
            learner: LearnerStats {
                examples: count(self.mind.learner().examples()),
                bytes: self.mind.learner().bytes() as u64,
                since_refit: count(self.mind.since_refit()),
                refitted_at: (refitted_at > 0).then(|| Timestamp::from_millis(refitted_at)),
                similar_tickets: count(similar_tickets),
                similar_bytes: similar_bytes as u64,
            },
            acceptance: SOURCES_OF_FIGURES
                .into_iter()
                .flat_map(|source| TriageField::ALL.map(|field| (source, field)))
                .map(|(source, field)| {
                    let judged = figures.of(source).judged(field);
                    Acceptance {
                        field,
                        source,
                        accepted: judged.accepted,
                        edited: judged.edited,
                        rejected: judged.rejected,
                        kept: judged.kept,
                        passed_over: judged.passed_over,
                    }
                })
                .collect(),
            categories: SOURCES_OF_FIGURES
                .into_iter()
                .flat_map(|source| figures.of(source).categories.iter().map(move |(id, counts)| (source, id, *counts)))
                .map(|(source, id, (right, wrong))| CategoryFigures { category: id.clone(), source, right, wrong })
                .collect(),
            reliability: SOURCES_OF_FIGURES
                .into_iter()
                .flat_map(|source| figures.of(source).bins.iter().enumerate().map(move |(at, bin)| (source, at, *bin)))
                .map(|(source, at, bin)| ReliabilityBin {
                    source,
                    from: at as f32 / BINS as f32,
                    to: (at + 1) as f32 / BINS as f32,
                    count: bin.count,
                    right: bin.right,
                    mean_confidence: bin.mean_confidence(),
                })
                .collect(),
            confusion,
            incidents,
        }
    }
}

fn is_answer(message: &Message) -> bool {
    message.visibility == Visibility::Public && message.direction == Direction::Outbound
}

fn of_service(service: &Service, config: &Config, now: Timestamp) -> ServiceStats {
    let shown = service.breaker.lock().shown_at(now);
    let spent = service.closed_because(now) == Some(BUDGET_SPENT);
    let state = match shown {
        Shown::Stopped => ServiceState::Stopped,
        Shown::Open => ServiceState::Paused,
        _ if spent => ServiceState::BudgetSpent,
        Shown::HalfOpen => ServiceState::Trying,
        Shown::Closed => ServiceState::On,
    };
    let ledger = service.ledger.lock();
    let total = ledger.total;
    let Sorting { requests, tickets, used } = ledger.sorting;
    let per_ticket = |value: f64| (tickets > 0).then(|| value / tickets as f64);
    let tokens = (used.hit + used.miss + used.output) as f64;
    let usd = service.prices().cost(used) as f64 / 1e9;
    ServiceStats {
        state,
        spent_today_usd: ledger.spent_today_usd(now),
        tokens_hit: total.hit,
        tokens_miss: total.miss,
        tokens_output: total.output,
        cache_hit_ratio: ledger.cache_hit_ratio(),
        requests,
        tickets,
        asked_again: ledger.asked_again,
        tickets_per_request: (requests > 0).then(|| tickets as f64 / requests as f64),
        tokens_per_ticket: per_ticket(tokens),
        usd_per_1000_tickets: per_ticket(usd * 1000.0),
        ..without_key(config)
    }
}

fn without_key(config: &Config) -> ServiceStats {
    ServiceStats {
        state: ServiceState::NoKey,
        model: config.triage.model.clone(),
        spent_today_usd: 0.0,
        daily_budget_usd: config.triage.daily_budget_usd,
        tokens_hit: 0,
        tokens_miss: 0,
        tokens_output: 0,
        cache_hit_ratio: None,
        requests: 0,
        tickets: 0,
        asked_again: 0,
        tickets_per_request: None,
        tokens_per_ticket: None,
        usd_per_1000_tickets: None,
    }
}

/// What is told of a desk without triage.
fn off(config: &Config) -> TriageStats {
    let limit = u32::try_from(config.triage.waiting).unwrap_or(u32::MAX);
    TriageStats {
        enabled: false,
        ready: false,
        service: without_key(config),
        queue: TriageQueueStats { waiting: 0, limit, under_way: 0, behind_ms: 0, overflowed: false },
        learner: LearnerStats {
            examples: 0,
            bytes: 0,
            since_refit: 0,
            refitted_at: None,
            similar_tickets: 0,
            similar_bytes: 0,
        },
        acceptance: Vec::new(),
        categories: Vec::new(),
        reliability: Vec::new(),
        confusion: Vec::new(),
        incidents: Vec::new(),
    }
}
