//! Life on the demo desk: now and then a customer writes or a colleague takes, answers or solves a ticket, through the same
//! door as everybody. What it asks may be refused, as anybody's; then it does something else.

use std::sync::Arc;
use std::time::Duration;

use crate::app::Desk;
use crate::domain::command::{AcceptTriage, ClaimNext, Command, TriageValues, UpdateTicket};
use crate::domain::ids::CommandId;
use crate::domain::message::Visibility;
use crate::domain::permissions::Principal;
use crate::domain::state::TicketState;
use crate::domain::ticket::{Status, TriageField};
use crate::domain::time::Timestamp;
use crate::protocol::gateway::{Gateway, Order};
use crate::protocol::problem::Problem;

use super::cast::{self, Agent};
use super::history::{inbound, outbound};
use super::plot::Author;
use super::story::{Language, Story, tell};

/// Once so many tickets wait, customers hold back: a demo that runs for a week still looks like a desk.
const ENOUGH_WAITING: usize = 40;
/// Solved ones are closed from here on, oldest first.
const ENOUGH_SOLVED: usize = 120;
/// A customer does not answer in the same second.
const THINKING_MS: i64 = 20_000;

pub struct Life {
    desk: Arc<Desk>,
    agents: Vec<Agent>,
    author: Author,
}

/// What may happen next, with how often it does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Write,
    Answer,
    Claim,
    Ask,
    Note,
    Solve,
    Sort,
    Close,
}

const DEEDS: [(Deed, u32); 8] = [
    (Deed::Write, 22),
    (Deed::Answer, 14),
    (Deed::Claim, 20),
    (Deed::Ask, 16),
    (Deed::Note, 8),
    (Deed::Solve, 18),
    (Deed::Sort, 14),
    (Deed::Close, 2),
];

impl Life {
    pub fn new(desk: &Arc<Desk>, agents: Vec<Agent>) -> Self {
        let now = desk.clock.now_millis();
        // Another one each time, so that a desk that was restarted does not tell the same again.
        let seed = desk.config.demo.seed ^ now.unsigned_abs();
        Self { desk: desk.clone(), agents, author: Author::new(seed, Timestamp::from_millis(now)) }
    }

    pub async fn run(mut self) {
        loop {
            let pace = self.desk.config.demo.pace_ms;
            // Between nothing and twice the pace: people do not act in step.
            let wait = self.author.random.u64(0..=pace * 2).max(50);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let deed = self.choose();
            if let Err(problem) = self.act(deed).await {
                // The desk is full, leaving, or somebody was quicker: that is life.
                tracing::debug!(?deed, code = problem.code.wire(), "a made-up deed was refused");
            }
        }
    }

    fn choose(&mut self) -> Deed {
        let total: u32 = DEEDS.iter().map(|(_, weight)| weight).sum();
        let mut left = self.author.random.u32(0..total);
        for (deed, weight) in DEEDS {
            match left.checked_sub(weight) {
                Some(rest) => left = rest,
                None => return deed,
            }
        }
        Deed::Claim
    }

    async fn act(&mut self, deed: Deed) -> Result<(), Problem> {
        match deed {
            Deed::Write => self.write().await,
            Deed::Claim => self.claim().await,
            Deed::Answer => {
                let texts = |story: &Story| story.answers.clone();
                let Some((ticket, text)) = self.words(|state| state.ticket.status == Status::Pending, texts) else {
                    return Ok(());
                };
                self.order(system(), Some(&ticket), Command::Message(inbound(&text))).await
            }
            Deed::Ask => {
                let unanswered = |state: &TicketState| state.ticket.first_responded_at.is_none();
                self.say(unanswered, |story| story.asks.clone(), Visibility::Public, Some(Status::Pending)).await
            }
            Deed::Note => {
                let texts = |story: &Story| story.notes.clone();
                self.say(|state| state.ticket.message_count < 6, texts, Visibility::Internal, None).await
            }
            Deed::Solve => {
                let texts = |story: &Story| story.resolves.clone();
                let heard = |state: &TicketState| state.ticket.message_count > 1;
                self.say(heard, texts, Visibility::Public, Some(Status::Solved)).await
            }
            Deed::Sort => self.sort().await,
            Deed::Close => {
                let oldest = {
                    let board = self.desk.reads.board();
                    let solved = board.tickets().filter(|state| state.ticket.status == Status::Solved);
                    let solved: Vec<Arc<TicketState>> = solved.cloned().collect();
                    (solved.len() > ENOUGH_SOLVED).then(|| solved.into_iter().next()).flatten()
                };
                let Some(oldest) = oldest else { return Ok(()) };
                let update = UpdateTicket { status: Some(Status::Closed), ..UpdateTicket::default() };
                self.order(system(), Some(&oldest), Command::Update(update)).await
            }
        }
    }

    /// A customer writes for the first time.
    async fn write(&mut self) -> Result<(), Problem> {
        let waiting = self.desk.reads.board().tickets().filter(|state| state.ticket.status == Status::New).count();
        if waiting >= ENOUGH_WAITING {
            return Ok(());
        }
        let now = Timestamp::from_millis(self.desk.clock.now_millis());
        let mut plot = self.author.compose(now);
        if self.desk.triage.is_some() {
            // The desk sorts by itself, and a colleague looks at it.
            plot.create.category = None;
        }
        self.order(system(), None, Command::Create(plot.create)).await
    }

    /// A colleague judges what triage proposes: takes it, or knows better.
    async fn sort(&mut self) -> Result<(), Problem> {
        let before = Timestamp::from_millis(self.desk.clock.now_millis() - THINKING_MS);
        let proposed = {
            let board = self.desk.reads.board();
            let open = |state: &&Arc<TicketState>| {
                let triage = state.ticket.triage.as_ref();
                state.ticket.updated_at < before && triage.is_some_and(|triage| triage.is_open(TriageField::Category))
            };
            board.tickets().find(open).cloned()
        };
        let Some(ticket) = proposed else { return Ok(()) };
        let guess = ticket.ticket.triage.as_ref().and_then(|triage| triage.category.as_ref());
        let story =
            self.author.stories.iter().find(|story| story.tags.iter().any(|tag| ticket.ticket.tags.contains(tag)));
        let better =
            story.map(|story| story.category.clone()).filter(|id| guess.is_some_and(|guess| guess.value != *id));
        let edits = better.map(|category| TriageValues { category: Some(category), ..TriageValues::default() });
        let agent = self.colleague();
        self.order(agent.principal, Some(&ticket), Command::TriageAccept(AcceptTriage { fields: None, edits })).await
    }

    /// A colleague takes what the queue gives.
    async fn claim(&mut self) -> Result<(), Problem> {
        let agent = self.colleague();
        let busy = {
            let board = self.desk.reads.board();
            let held = board.tickets().filter(|state| state.ticket.assignee.as_ref() == Some(agent.id()));
            held.filter(|state| state.ticket.status == Status::Open).count()
        };
        if busy > 6 {
            return Ok(());
        }
        self.order(agent.principal, None, Command::ClaimNext(ClaimNext::default())).await
    }

    /// A colleague writes to one of his own open tickets.
    async fn say(
        &mut self,
        fits: impl Fn(&TicketState) -> bool,
        texts: impl Fn(&Story) -> Vec<String>,
        visibility: Visibility,
        status: Option<Status>,
    ) -> Result<(), Problem> {
        let agents: Vec<Agent> = self.agents.iter().filter(|agent| !agent.yours).cloned().collect();
        let holder = |state: &TicketState| {
            agents.iter().find(|agent| state.ticket.assignee.as_ref() == Some(agent.id())).cloned()
        };
        let held = |state: &TicketState| state.ticket.status == Status::Open && holder(state).is_some() && fits(state);
        let Some((ticket, text)) = self.words(held, texts) else { return Ok(()) };
        let Some(agent) = holder(&ticket) else { return Ok(()) };
        let command = Command::Message(outbound(&text, visibility, status));
        self.order(agent.principal, Some(&ticket), command).await
    }

    /// Any ticket on the board that fits and is about one of the stories, and words that fit the story.
    fn words(
        &mut self,
        fits: impl Fn(&TicketState) -> bool,
        texts: impl Fn(&Story) -> Vec<String>,
    ) -> Option<(Arc<TicketState>, String)> {
        let before = Timestamp::from_millis(self.desk.clock.now_millis() - THINKING_MS);
        let candidates: Vec<Arc<TicketState>> = {
            let board = self.desk.reads.board();
            board.tickets().filter(|state| state.ticket.updated_at < before && fits(state)).cloned().collect()
        };
        let ticket = candidates.get(self.author.random.usize(..candidates.len().max(1)))?.clone();
        let story = self.author.stories.iter().find(|story| tells(story, &ticket))?;
        let random = &mut self.author.random;
        let texts = texts(story);
        let text = &texts[random.usize(..texts.len())];
        let mut blanks = cast::blanks(&ticket.ticket.requester, before, random);
        let holder = self.agents.iter().find(|agent| ticket.ticket.assignee.as_ref() == Some(agent.id()));
        blanks.insert("agent", holder.map_or("Hotdesk", Agent::first_name).to_owned());
        if let Some(order) = ticket.ticket.custom.get("order").and_then(|order| order.as_str()) {
            blanks.insert("order", order.to_owned());
        }
        Some((ticket, tell(text, &blanks, random)))
    }

    fn colleague(&mut self) -> Agent {
        let colleagues: Vec<&Agent> = self.agents.iter().filter(|agent| !agent.yours).collect();
        colleagues[self.author.random.usize(..colleagues.len())].clone()
    }

    async fn order(
        &self,
        principal: Arc<Principal>,
        ticket: Option<&Arc<TicketState>>,
        command: Command,
    ) -> Result<(), Problem> {
        let order = Order {
            principal,
            command_id: CommandId::from(uuid::Uuid::now_v7().to_string()),
            keyed: false,
            live: false,
            ticket: ticket.map(|state| state.ticket.id),
            // What was read decides: a ticket that moved on meanwhile is left alone.
            expect: ticket.map(|state| state.ticket.version),
            command,
        };
        self.desk.directory.execute(order).await.map(|_| ())
    }
}

fn system() -> Arc<Principal> {
    Arc::new(Principal::system())
}

/// Whether the ticket is about this story, as far as its fields tell.
fn tells(story: &Story, state: &TicketState) -> bool {
    let ticket = &state.ticket;
    let french = ticket.tags.iter().any(|tag| tag == "francais");
    let is_french = story.language == Language::French;
    let same_tag = story.tags.iter().any(|tag| ticket.tags.contains(tag));
    ticket.category.as_deref() == Some(story.category.as_str()) && same_tag && french == is_french
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::journal::Journal;
    use crate::journal::memory::MemoryJournal;
    use crate::people::AdminSeed;

    const NOW: i64 = 1_795_421_700_000;

    /// D27: the demo's people go on living through the same door as everybody, and leave the accounts of visitors alone.
    #[actix_web::test]
    async fn d27_life_goes_on_through_the_gateway() {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let mut config = Config::defaults();
        config.demo.tickets = 60;
        // It would write between what a deed reads and what it does.
        config.triage.enabled = false;
        let clock = Clock::manual(NOW);
        let demo = super::super::prepare(&journal, &config, &clock, &AdminSeed::default()).await.unwrap();
        let agents = demo.agents.clone();
        let (desk, _deaths) =
            Desk::start(config, journal.clone(), None, clock.clone(), AdminSeed::default()).await.unwrap();
        let before = journal.head().seq;
        let mut life = Life::new(&desk, agents.clone());
        let deeds = [Deed::Write, Deed::Claim, Deed::Ask, Deed::Answer, Deed::Note, Deed::Solve, Deed::Close];
        for round in 0..20 {
            clock.advance(THINKING_MS + 1);
            for deed in deeds {
                if let Err(problem) = life.act(deed).await {
                    panic!("round {round}: {deed:?} was refused: {problem}");
                }
            }
        }
        let records = journal.read(before, 10_000, usize::MAX).unwrap();
        assert!(records.len() > 60, "{}", records.len());
        for stored in records {
            let record = stored.record().unwrap();
            let agent = agents.iter().find(|agent| *agent.id() == record.by);
            assert!(agent.is_none_or(|agent| !agent.yours), "{} acted by itself", record.by);
        }
        desk.stop().await;
    }

    /// D28: the demo desk sorts what comes in, and a colleague judges it.
    #[actix_web::test]
    async fn d28_colleagues_judge_what_triage_proposes() {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let mut config = Config::defaults();
        config.demo.tickets = 20;
        config.triage.propose_above = 0.0;
        let clock = Clock::manual(NOW);
        let demo = super::super::prepare(&journal, &config, &clock, &AdminSeed::default()).await.unwrap();
        let agents = demo.agents.clone();
        let (desk, _deaths) = Desk::start(config, journal, None, clock.clone(), AdminSeed::default()).await.unwrap();
        let mut life = Life::new(&desk, agents);
        life.act(Deed::Write).await.unwrap();
        let open = |desk: &Desk| {
            let board = desk.reads.board();
            let is_open = |state: &&Arc<TicketState>| {
                state.ticket.triage.as_ref().is_some_and(|triage| triage.is_open(TriageField::Category))
            };
            board.tickets().filter(is_open).count()
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), async {
            while open(&desk) == 0 || desk.triage.as_ref().unwrap().applied() < desk.feed.head() {
                tokio::task::yield_now().await;
            }
        });
        waited.await.unwrap();
        clock.advance(THINKING_MS + 1);
        let before = open(&desk);
        life.act(Deed::Sort).await.unwrap();
        assert_eq!(open(&desk), before - 1);
        desk.stop().await;
    }
}
