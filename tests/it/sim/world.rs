//! A desk, its disk, and those who use it; the dice say what happens next.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use fastrand::Rng;
use hotdesk::domain::command::{
    AddMessage, ClaimNext, Command, CreateTicket, Empty, LinkTicket, Merge, Release, Skip, Undo, UpdateTicket,
};
use hotdesk::domain::ids::{CommandId, TicketId, UserId};
use hotdesk::domain::message::{Direction, Visibility};
use hotdesk::domain::permissions::PrivateTeams;
use hotdesk::domain::rules::{NamedOption, Rules};
use hotdesk::domain::sla::SlaPolicy;
use hotdesk::domain::ticket::{LinkKind, Priority, Requester, Status};
use hotdesk::domain::time::Timestamp;
use hotdesk::journal::memory::{Fault, MemoryJournal};

use super::agent::Agent;
use super::desk::{Answer, Ask, Desk, agent};
use super::judge::judge;

const MINUTE: i64 = 60_000;

/// An agent gives up what was not answered for this long: the desk remembers commands for a day.
const PATIENCE: i64 = 12 * 60 * MINUTE;

/// A mistake that the desk could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The disk loses a record that was acknowledged.
    LoseRecord,
    ForgetRepeats,
    LendTwice,
    OutOfTurn,
    /// A reader does not get one of the records.
    LeaveOut,
}

impl Sabotage {
    pub const ALL: [Self; 5] =
        [Self::LoseRecord, Self::ForgetRepeats, Self::LendTwice, Self::OutOfTurn, Self::LeaveOut];
}

/// What happened, in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    pub records: u64,
    pub acknowledged: usize,
    pub refused: usize,
    pub lost_answers: usize,
    pub deaths: usize,
    pub torn: usize,
    pub full: usize,
    pub claims: usize,
    pub breaches: usize,
    /// A sum over all that happened, in order.
    pub trace: u64,
}

impl Story {
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.lost_answers += other.lost_answers;
        self.deaths += other.deaths;
        self.torn += other.torn;
        self.full += other.full;
        self.claims += other.claims;
        self.breaches += other.breaches;
    }

    pub fn is_eventful(&self) -> bool {
        let all = [self.acknowledged, self.refused, self.lost_answers, self.deaths, self.torn, self.full];
        all.iter().all(|count| *count > 0) && self.claims > 0 && self.breaches > 0 && self.records > 0
    }
}

pub struct World {
    dice: Rng,
    clock: i64,
    rules: Arc<Rules>,
    desk: Desk,
    agents: Vec<Agent>,
    commands: u64,
    ring_bytes: usize,
    group_records: usize,
    is_full: bool,
    sabotage: Option<Sabotage>,
    story: Story,
    told: bool,
}

impl World {
    pub fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut dice = Rng::with_seed(seed);
        let rules = Arc::new(rules(&mut dice));
        let (ring_bytes, group_records) = (dice.usize(500..20_000), dice.usize(1..12));
        let people = dice.usize(2..8);
        let desk = Desk::start(MemoryJournal::new(), &rules, ring_bytes, group_records, sabotage)
            .expect("an empty disk is fine");
        Self {
            dice,
            clock: 1_795_420_800_000,
            rules,
            desk,
            agents: (0..people).map(|_| Agent::default()).collect(),
            commands: 0,
            ring_bytes,
            group_records,
            is_full: false,
            sabotage,
            story: Story::default(),
            told: std::env::var_os("HOTDESK_SIM_SEED").is_some(),
        }
    }

    pub fn play(mut self, steps: usize) -> Result<Story, String> {
        for step in 0..steps {
            self.step().map_err(|wrong| format!("at step {step}: {wrong}"))?;
        }
        self.come_to_rest().map_err(|wrong| format!("at the end: {wrong}"))?;
        Ok(self.story)
    }

    fn note(&mut self, what: impl std::fmt::Debug) {
        let text = format!("{what:?}");
        let mut hasher = rustc_hash::FxHasher::default();
        (self.story.trace, &text).hash(&mut hasher);
        self.story.trace = hasher.finish();
        if self.told {
            eprintln!("{} {text}", self.clock);
        }
    }

    fn step(&mut self) -> Result<(), String> {
        match self.dice.u32(0..100) {
            0..38 => self.somebody_acts(),
            38..56 => self.write(),
            56..70 => self.answer(),
            70..84 => self.somebody_reads(),
            84..88 => {
                self.connections();
                Ok(())
            }
            88..93 => {
                self.time_passes();
                Ok(())
            }
            93..96 => self.deadlines(),
            96..98 => {
                self.is_full = !self.is_full && self.dice.bool();
                self.desk.journal.set_full(self.is_full);
                self.story.full += usize::from(self.is_full);
                self.note(("full", self.is_full));
                Ok(())
            }
            _ => self.die(),
        }
    }

    fn time_passes(&mut self) {
        self.clock += match self.dice.u32(0..20) {
            0 => self.dice.i64(0..8 * 60) * MINUTE,
            // Somebody sets the clock back.
            1 => -self.dice.i64(0..60) * MINUTE,
            _ => self.dice.i64(0..5 * MINUTE),
        };
    }

    fn somebody_acts(&mut self) -> Result<(), String> {
        let who = self.dice.usize(..self.agents.len());
        if let Some(open) = self.agents[who].open.clone() {
            if self.clock - open.since > PATIENCE {
                self.agents[who].open = None;
                return Ok(());
            }
            return self.ask(open);
        }
        let (ticket, command) = self.wish(who);
        self.commands += 1;
        let ask = Ask { who, id: CommandId::from(format!("c{}", self.commands)), ticket, command, since: self.clock };
        self.agents[who].open = Some(ask.clone());
        self.ask(ask)
    }

    fn ask(&mut self, ask: Ask) -> Result<(), String> {
        self.note((&ask.id, &ask.command, ask.ticket));
        if let Some(answer) = self.desk.ask(ask.clone(), self.clock)? {
            self.deliver(&ask, &answer);
        }
        Ok(())
    }

    fn deliver(&mut self, ask: &Ask, answer: &Answer) {
        self.note((&ask.id, answer));
        if ask.who >= self.agents.len() {
            self.story.breaches += usize::from(matches!(answer, Answer::Done(Some(_))));
            return;
        }
        if self.dice.u32(0..10) == 0 {
            self.story.lost_answers += 1;
            return;
        }
        match answer {
            Answer::Done(Some(_)) => {
                self.story.acknowledged += 1;
                self.story.claims += usize::from(matches!(ask.command, Command::ClaimNext(_)));
            }
            Answer::Refused(_) => self.story.refused += 1,
            Answer::Done(None) | Answer::Later => {}
        }
        self.agents[ask.who].hear(ask, answer);
    }

    /// What this agent would do next.
    fn wish(&mut self, who: usize) -> (Option<TicketId>, Command) {
        let dice = &mut self.dice;
        let Some(ticket) = self.agents[who].some_ticket(dice) else { return (None, create(dice)) };
        let command = match dice.u32(0..24) {
            0..4 => return (None, create(dice)),
            4..9 => return (None, Command::ClaimNext(ClaimNext::default())),
            9 => Command::Claim(Empty {}),
            10..12 => Command::Release(Release::default()),
            12 => Command::Skip(Skip { reason: "not mine".to_owned() }),
            13..16 => Command::Update(update(dice, self.clock, self.agents.len())),
            16..20 => Command::Message(message(dice)),
            20..22 => {
                let done = &self.agents[who].done;
                let Some((id, ticket)) = (!done.is_empty()).then(|| done[dice.usize(..done.len())].clone()) else {
                    return (None, create(dice));
                };
                return (Some(ticket), Command::Undo(Undo { command_id: id }));
            }
            22 => Command::Merge(Merge { into: self.agents[who].some_ticket(dice).unwrap_or(ticket) }),
            _ => {
                let to = self.agents[who].some_ticket(dice).unwrap_or(ticket);
                let link = LinkTicket { to, kind: LinkKind::Related };
                if dice.bool() { Command::Link(link) } else { Command::Unlink(link) }
            }
        };
        (Some(ticket), command)
    }

    fn write(&mut self) -> Result<(), String> {
        let made = self.desk.turn()?;
        let head = self.desk.feed.head();
        self.note(("group", made, head));
        Ok(())
    }

    fn answer(&mut self) -> Result<(), String> {
        for (ask, answer) in self.desk.answers(self.clock)? {
            self.deliver(&ask, &answer);
        }
        Ok(())
    }

    fn somebody_reads(&mut self) -> Result<(), String> {
        let who = self.dice.usize(..self.agents.len());
        let most = self.dice.usize(1..20);
        let came = self.agents[who].read(&self.desk, most, self.sabotage)?;
        self.note(("reads", who, came));
        Ok(())
    }

    fn connections(&mut self) {
        let who = self.dice.usize(..self.agents.len());
        let anew = self.dice.u32(0..4) == 0;
        let agent = &mut self.agents[who];
        if agent.is_connected() {
            agent.disconnect();
        } else {
            agent.connect(&self.desk, anew);
        }
    }

    fn deadlines(&mut self) -> Result<(), String> {
        let commands = &mut self.commands;
        let mut label = || {
            *commands += 1;
            CommandId::from(format!("d{commands}"))
        };
        let due = self.desk.check_deadlines(self.clock, &mut label)?;
        self.note(("due", due));
        Ok(())
    }

    /// The process dies, in one of several ways, and starts again on what the disk has.
    fn die(&mut self) -> Result<(), String> {
        match self.dice.u32(0..4) {
            0 => {}
            1 => {
                // On disk, but nobody hears of it.
                *self.desk.mute.lock() = true;
                self.desk.turn()?;
            }
            2 => {
                self.desk.journal.fail_next(Fault::Torn);
                self.story.torn += usize::from(self.desk.turn().is_err());
            }
            _ => {
                self.desk.journal.fail_next(Fault::Storage);
                // It fails or there was nothing to write; the process ends either way.
                let _ = self.desk.turn();
            }
        }
        if self.sabotage == Some(Sabotage::LoseRecord) {
            self.desk.journal.lose_tail(1);
        }
        self.story.deaths += 1;
        self.is_full = false;
        let disk = self.desk.journal.reopen().map_err(|error| error.to_string())?;
        self.desk = Desk::start(disk, &self.rules, self.ring_bytes, self.group_records, self.sabotage)?;
        for agent in &mut self.agents {
            agent.disconnect();
        }
        let head = self.desk.feed.head();
        self.note(("starts again at", head));
        self.judge()
    }

    fn judge(&mut self) -> Result<(), String> {
        let acknowledged: Vec<_> = self
            .agents
            .iter()
            .enumerate()
            .flat_map(|(who, one)| one.acknowledged.iter().map(move |(id, seq)| (who, id, seq)))
            .map(|(who, id, seq)| -> (UserId, CommandId, _) { (agent(who).id, id.clone(), *seq) })
            .collect();
        self.story.records = judge(&self.desk.journal, &acknowledged)?;
        Ok(())
    }

    /// Everything that was asked is answered, everybody reads to the end; then all is compared.
    fn come_to_rest(&mut self) -> Result<(), String> {
        self.desk.journal.set_full(false);
        for _ in 0..200 {
            while self.desk.turn()? {}
            self.answer()?;
            let open: Vec<Ask> = self.agents.iter().filter_map(|agent| agent.open.clone()).collect();
            if open.is_empty() {
                break;
            }
            for ask in open {
                self.ask(ask)?;
            }
        }
        if let Some(ask) = self.agents.iter().find_map(|agent| agent.open.as_ref()) {
            return Err(format!("{} is never answered", ask.id));
        }
        while self.desk.turn()? {}
        for agent in &mut self.agents {
            agent.compare(&self.desk, self.sabotage)?;
        }
        self.judge()
    }
}

fn rules(dice: &mut Rng) -> Rules {
    let option = |id: &str| NamedOption { id: id.to_owned(), name: id.to_owned(), description: String::new() };
    let policy = SlaPolicy {
        name: "all".to_owned(),
        priorities: Vec::new(),
        teams: Vec::new(),
        categories: Vec::new(),
        first_response_min: Some(dice.u32(5..120)),
        next_response_min: Some(dice.u32(5..240)),
        resolution_min: Some(dice.u32(60..600)),
        calendar: None,
    };
    Rules {
        undo_window_ms: dice.i64(1..60) * MINUTE,
        close_solved_after_ms: dice.i64(1..10) * 60 * MINUTE,
        skip_window_ms: dice.i64(1..120) * MINUTE,
        promote_after_ms: dice.i64(10..240) * MINUTE,
        categories: vec![option("billing"), option("returns")],
        teams: vec![option("support"), option("billing")],
        private_teams: PrivateTeams::default(),
        triage: true,
        sla_policies: if dice.bool() { vec![policy] } else { Vec::new() },
    }
}

fn create(dice: &mut Rng) -> Command {
    Command::Create(CreateTicket {
        subject: format!("Order {}", dice.u16(..)),
        body: "x".repeat(dice.usize(1..300)),
        requester: Requester { name: "Rita".to_owned(), email: "rita@example.com".to_owned() },
        priority: dice.bool().then(|| priority(dice)),
        category: None,
        team: None,
        tags: None,
        channel: None,
        body_format: None,
        custom: None,
    })
}

fn priority(dice: &mut Rng) -> Priority {
    [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent][dice.usize(..4)]
}

fn update(dice: &mut Rng, clock: i64, people: usize) -> UpdateTicket {
    let statuses = [Status::Open, Status::Pending, Status::OnHold, Status::Solved, Status::Solved, Status::Closed];
    let mut update = UpdateTicket::default();
    match dice.u32(0..6) {
        0 | 1 => update.status = Some(statuses[dice.usize(..statuses.len())]),
        2 => update.priority = Some(priority(dice)),
        3 => update.snoozed_until = Some(Some(Timestamp::from_millis(clock + dice.i64(1..180) * MINUTE))),
        4 => update.team = Some(dice.bool().then(|| "billing".to_owned())),
        _ => update.assignee = Some(dice.bool().then(|| agent(dice.usize(..people)).id)),
    }
    update
}

fn message(dice: &mut Rng) -> AddMessage {
    let (visibility, direction) = [
        (Visibility::Public, Direction::Inbound),
        (Visibility::Public, Direction::Outbound),
        (Visibility::Internal, Direction::Outbound),
    ][dice.usize(..3)];
    AddMessage {
        body: "y".repeat(dice.usize(1..200)),
        visibility,
        direction: Some(direction),
        body_format: None,
        last_seen_version: None,
        status: (direction == Direction::Outbound && dice.u32(0..4) == 0).then_some(Status::Solved),
        attachments: Vec::new(),
        mentions: Vec::new(),
    }
}
