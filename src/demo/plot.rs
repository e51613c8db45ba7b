//! One ticket's story from its opening to its end, as it would go if time did not stop: who does what when.
//!
//! Pure: it looks at no desk. `history` carries the steps out up to now, `live` opens new ones.

use std::collections::{BTreeMap, HashSet};

use crate::domain::command::{CreateTicket, UpdateTicket};
use crate::domain::ticket::{Channel, Priority, Requester, Status};
use crate::domain::time::Timestamp;

use super::cast::{self, Agent};
use super::story::{Blanks, Common, Language, Story, tell};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// At the end of the demo's history it is this late at the desk, whatever the time zone of the person who looks at it: a
/// desk in full swing.
const NOW_AT_THE_DESK: i64 = 15 * HOUR + 20 * MINUTE;
/// From when to when somebody answers.
const OPEN: i64 = 6 * HOUR + 30 * MINUTE;
const CLOSED: i64 = 23 * HOUR;

/// What somebody does.
#[derive(Clone, Debug)]
pub enum Act {
    Open,
    Claim,
    /// The agent gives it back, and another one goes on.
    Release(String),
    Reply(String, Option<Status>),
    Note(String),
    /// The customer.
    Write(String),
    Update(Box<UpdateTicket>),
    /// The desk itself, some days after the ticket was solved.
    Close,
    /// The customer, to a closed ticket: the story goes on in another one.
    FollowUp(String),
    /// Into the ticket of another plot.
    Merge(usize),
    Link(usize),
}

#[derive(Clone, Debug)]
pub struct Step {
    pub at: i64,
    /// Index of the colleague; the customer's and the desk's own steps have none.
    pub agent: Option<usize>,
    pub act: Act,
}

/// A ticket and what becomes of it.
#[derive(Clone, Debug)]
pub struct Plot {
    pub story: usize,
    pub create: CreateTicket,
    pub blanks: Blanks,
    pub steps: Vec<Step>,
}

/// Makes plots; no two of them begin with the same words.
pub struct Author {
    pub stories: Vec<Story>,
    pub common: Common,
    pub random: fastrand::Rng,
    told: HashSet<String>,
    /// When the history ends.
    now: i64,
}

impl Author {
    pub fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            stories: super::story::stories(),
            common: Common::read(),
            random: fastrand::Rng::with_seed(seed),
            told: HashSet::new(),
            now: now.as_millis(),
        }
    }

    /// A new ticket at this time, about anything.
    pub fn compose(&mut self, at: Timestamp) -> Plot {
        loop {
            let story = self.any_story();
            for _ in 0..12 {
                let requester = cast::customer(self.stories[story].language, &mut self.random);
                if let Some(plot) = self.try_compose(story, requester, at) {
                    return plot;
                }
            }
            // Every variant of a small story is told; after very many tickets, words come again.
            if self.told.len() > 4000 {
                self.told.clear();
            }
        }
    }

    /// Index of a story, the common ones more often.
    fn any_story(&mut self) -> usize {
        let total: u32 = self.stories.iter().map(|story| story.weight).sum();
        let mut left = self.random.u32(0..total);
        self.stories
            .iter()
            .position(|story| match left.checked_sub(story.weight) {
                Some(rest) => {
                    left = rest;
                    false
                }
                None => true,
            })
            .expect("invariant: the weights add up to the total")
    }

    fn try_compose(&mut self, story: usize, requester: Requester, at: Timestamp) -> Option<Plot> {
        let random = &mut self.random;
        let mut blanks = cast::blanks(&requester, at, random);
        let told = &self.stories[story];
        let any = |texts: &[String], random: &mut fastrand::Rng| texts[random.usize(..texts.len())].clone();
        let mut subject = tell(&any(&told.subjects, random), &blanks, random);
        let body = tell(&any(&told.openings, random), &blanks, random);
        let english = told.language == Language::English;
        // As people write subjects: some without a capital, some with more words than needed.
        let about_a_product = ["bug_report", "how_to", "returns"].contains(&told.category.as_str());
        match random.u32(0..24) {
            0 => subject = subject.to_lowercase(),
            1 if english => subject = format!("Question: {subject}"),
            2 if english => subject = format!("{subject} - please help"),
            3 if english => subject = format!("Fwd: {subject}"),
            4 | 5 if about_a_product && !subject.contains(&blanks["product"]) => {
                subject.push_str(&format!(" ({})", blanks["product"]));
            }
            _ => {}
        }
        // Words that are nowhere else on this desk.
        let is_new = !self.told.contains(&subject) && !self.told.contains(&body);
        if !is_new {
            return None;
        }
        self.told.extend([subject.clone(), body.clone()]);
        blanks.insert("subject", subject.clone());
        let priority = told.priorities[random.usize(..told.priorities.len())];
        let tags = told.tags.iter().filter(|_| random.u32(0..10) < 8).cloned().collect::<Vec<_>>();
        // The sorting is not always done when a ticket comes in.
        let sorted = random.u32(0..10) < 9;
        let custom = match told.category.as_str() {
            "billing" | "returns" | "shipping" => Some(("order", blanks["order"].clone())),
            "bug_report" => Some(("app_version", blanks["version"].clone())),
            _ => None,
        };
        let create = CreateTicket {
            subject,
            body,
            requester,
            priority: Some(priority),
            category: sorted.then(|| told.category.clone()),
            team: sorted.then(|| told.team.clone()),
            tags: Some(tags).filter(|tags| sorted && !tags.is_empty()),
            channel: Some(
                [Channel::Email, Channel::Email, Channel::Web, Channel::Web, Channel::Api][random.usize(..5)],
            ),
            body_format: None,
            custom: custom.map(|(name, value)| BTreeMap::from([(name.to_owned(), value.into())])),
            attachments: Vec::new(),
        };
        let steps = vec![Step { at: at.as_millis(), agent: None, act: Act::Open }];
        Some(Plot { story, create, blanks, steps })
    }

    /// One of the story's texts in this plot's words, spoken by or to that agent.
    pub fn say(
        &mut self,
        texts: impl Fn(&Story, &Common) -> Vec<String>,
        plot: &Plot,
        agent: Option<&Agent>,
    ) -> String {
        let texts = texts(&self.stories[plot.story], &self.common);
        let text = &texts[self.random.usize(..texts.len())];
        let mut blanks = plot.blanks.clone();
        let name = agent.map_or("all", Agent::first_name).to_owned();
        blanks.insert("agent", name);
        tell(text, &blanks, &mut self.random)
    }

    /// When somebody next writes to the desk, over two weeks that end now: more by day, less at the weekend, more lately.
    pub fn openings(&mut self, count: usize) -> Vec<Timestamp> {
        const HOURS: [u32; 24] = [0, 0, 0, 0, 0, 0, 1, 4, 8, 11, 12, 11, 8, 9, 11, 11, 10, 8, 7, 6, 5, 3, 2, 1];
        let mut times = Vec::with_capacity(count);
        while times.len() < count {
            let days_ago = self.random.i64(0..14);
            let at = self.now - days_ago * DAY - self.random.i64(0..DAY);
            let weekday = Timestamp::from_millis(at).to_jiff().to_zoned(jiff::tz::TimeZone::UTC).weekday();
            let weekend = matches!(weekday, jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday);
            let of_day = match days_ago {
                0 => 1.3,
                1 => 0.55,
                _ if weekend => 0.16,
                _ => 0.34,
            };
            let hour = usize::try_from(self.at_the_desk(at) / HOUR).unwrap_or_default() % 24;
            if self.random.f64() < of_day * f64::from(HOURS[hour]) / 12.0 {
                times.push(Timestamp::from_millis(at));
            }
        }
        times.sort_unstable();
        times
    }

    /// Adds everything that happens to the ticket.
    pub fn plan(&mut self, plot: &mut Plot, agents: &[Agent]) {
        let opened = plot.steps[0].at;
        let (team, language) = {
            let story = &self.stories[plot.story];
            (story.team.clone(), story.language)
        };
        let workers: Vec<usize> = (0..agents.len()).filter(|at| agents[*at].works_for(&team)).collect();
        let mut agent = workers[self.random.usize(..workers.len())];
        let recent = self.now - opened < 6 * HOUR;
        let stale = self.now - opened > 2 * DAY;
        let pressing = plot.create.priority.unwrap_or_default() >= Priority::High;
        if self.chance(match (recent, pressing) {
            (true, false) => 72,
            (true, true) => 22,
            (false, false) if !stale => 6,
            (false, _) => 0,
        }) {
            // Nobody got to it yet.
            if self.chance(25) {
                let text = self.say(|_, common| common.phrases(language).nudges.clone(), plot, None);
                let at = opened + self.around(4 * HOUR, 0.5);
                plot.steps.push(Step { at, agent: None, act: Act::Write(text) });
            }
            return;
        }
        let patience = match plot.create.priority.unwrap_or_default() {
            Priority::Urgent => 9 * MINUTE,
            Priority::High => 24 * MINUTE,
            Priority::Normal => 48 * MINUTE,
            Priority::Low => 110 * MINUTE,
        };
        let mut at = self.later(opened, patience, 0.8);
        let step = |plot: &mut Plot, at: i64, agent: usize, act: Act| {
            plot.steps.push(Step { at, agent: Some(agent), act });
        };
        step(plot, at, agent, Act::Claim);
        if plot.create.category.is_none() {
            let story = &self.stories[plot.story];
            let sorted = UpdateTicket {
                category: Some(Some(story.category.clone())),
                team: Some(Some(story.team.clone())),
                tags: Some(story.tags.clone()),
                ..UpdateTicket::default()
            };
            at += self.around(MINUTE, 0.5);
            step(plot, at, agent, Act::Update(Box::new(sorted)));
        }
        if self.chance(4) {
            at += self.around(25 * MINUTE, 0.4);
            let reason = self.say(|_, common| common.releases.clone(), plot, None);
            step(plot, at, agent, Act::Release(reason));
            agent = workers[self.random.usize(..workers.len())];
            at = self.later(at, 20 * MINUTE, 0.5);
            step(plot, at, agent, Act::Claim);
        }
        if self.chance(10) {
            let raised = match plot.create.priority.unwrap_or_default() {
                Priority::Low => Priority::Normal,
                Priority::Normal => Priority::High,
                Priority::High | Priority::Urgent => Priority::Normal,
            };
            at += self.around(2 * MINUTE, 0.5);
            let update = UpdateTicket { priority: Some(raised), ..UpdateTicket::default() };
            step(plot, at, agent, Act::Update(Box::new(update)));
        }
        if self.chance(28) {
            at += self.around(6 * MINUTE, 0.6);
            let text = self.say(|story, _| story.notes.clone(), plot, None);
            let writer = if self.chance(35) { workers[self.random.usize(..workers.len())] } else { agent };
            step(plot, at, writer, Act::Note(text));
        }
        if recent && self.chance(30) {
            // Taken, and not answered yet: there is always one that needs more thought.
            return;
        }
        at += self.around(if pressing { 7 * MINUTE } else { 20 * MINUTE }, 0.7);
        if !pressing && self.chance(14) {
            // It needs more than one thought: a word now, the answer later in the day.
            let text = self.say(|_, common| common.phrases(language).patience.clone(), plot, Some(&agents[agent]));
            step(plot, at, agent, Act::Reply(text, None));
            at = self.later(at, 9 * HOUR, 0.6);
        }
        if self.chance(56) {
            let text = self.say(|story, _| story.asks.clone(), plot, Some(&agents[agent]));
            step(plot, at, agent, Act::Reply(text, Some(Status::Pending)));
            if self.chance(22) {
                // The customer never answers. Some of these are looked at again some day.
                if self.chance(30) {
                    let until = Timestamp::from_millis(self.now + 16 * HOUR + self.random.i64(0..DAY));
                    let update = UpdateTicket { snoozed_until: Some(Some(until)), ..UpdateTicket::default() };
                    at = self.later(at, DAY, 0.5);
                    step(plot, at, agent, Act::Update(Box::new(update)));
                }
                return;
            }
            at += self.around(5 * HOUR, 1.1);
            let text = self.say(|story, _| story.answers.clone(), plot, Some(&agents[agent]));
            plot.steps.push(Step { at, agent: None, act: Act::Write(text) });
            at = self.later(at, if pressing { 30 * MINUTE } else { 190 * MINUTE }, 0.8);
        }
        if self.chance(if team == "engineering" { 38 } else { 7 }) {
            let text = self.say(|_, common| common.phrases(language).holds.clone(), plot, Some(&agents[agent]));
            step(plot, at, agent, Act::Reply(text, Some(Status::OnHold)));
            at += self.around(4 * MINUTE, 0.4);
            let text = self.say(|_, common| common.hold_notes.clone(), plot, None);
            step(plot, at, agent, Act::Note(text));
            if self.chance(18) {
                return;
            }
            at = self.later(at, 22 * HOUR, 0.7);
            let update = UpdateTicket { status: Some(Status::Open), ..UpdateTicket::default() };
            step(plot, at, agent, Act::Update(Box::new(update)));
            at = self.later(at, 7 * HOUR, 0.7);
        }
        let text = self.say(|story, _| story.resolves.clone(), plot, Some(&agents[agent]));
        step(plot, at, agent, Act::Reply(text, Some(Status::Solved)));
        let after = self.random.u32(0..100);
        if after < 12 {
            let text = self.say(|_, common| common.phrases(language).thanks.clone(), plot, Some(&agents[agent]));
            at += self.around(2 * HOUR, 1.0);
            plot.steps.push(Step { at, agent: None, act: Act::Write(text) });
            at = self.later(at, 25 * MINUTE, 0.6);
            let update = UpdateTicket { status: Some(Status::Solved), ..UpdateTicket::default() };
            step(plot, at, agent, Act::Update(Box::new(update)));
        } else if after < 18 {
            let text = self.say(|_, common| common.phrases(language).back.clone(), plot, Some(&agents[agent]));
            at += self.around(14 * HOUR, 0.6);
            plot.steps.push(Step { at, agent: None, act: Act::Write(text) });
            at = self.later(at, 70 * MINUTE, 0.7);
            let text = self.say(|_, common| common.phrases(language).back_replies.clone(), plot, Some(&agents[agent]));
            step(plot, at, agent, Act::Reply(text, Some(Status::Solved)));
        }
        at += 72 * HOUR + self.random.i64(0..2 * HOUR);
        plot.steps.push(Step { at, agent: None, act: Act::Close });
        if self.chance(5) {
            let text = self.say(|_, common| common.phrases(language).follow_ups.clone(), plot, Some(&agents[agent]));
            at += self.around(20 * HOUR, 0.6);
            plot.steps.push(Step { at, agent: None, act: Act::FollowUp(text) });
            at = self.later(at, 50 * MINUTE, 0.7);
            step(plot, at, agent, Act::Claim);
        }
    }

    /// A second ticket by the same customer about the same thing, which an agent will merge into the first.
    pub fn duplicate(&mut self, of: &Plot, into: usize, agents: &[Agent]) -> Option<Plot> {
        let claim = of.steps.iter().find(|step| matches!(step.act, Act::Claim))?;
        let (opened, claimed) = (of.steps[0].at, claim.at);
        if claimed - opened < 8 * MINUTE {
            return None;
        }
        let language = self.stories[of.story].language;
        let body = self.say(|_, common| common.phrases(language).duplicates.clone(), of, None);
        let at = opened + self.random.i64(3 * MINUTE..(claimed - opened).min(3 * HOUR));
        let create = CreateTicket { subject: format!("Re: {}", of.create.subject), body, ..of.create.clone() };
        let merged = Step { at: claimed + 2 * MINUTE, agent: claim.agent, act: Act::Merge(into) };
        let steps = vec![Step { at, agent: None, act: Act::Open }, merged];
        debug_assert!(claim.agent.is_some_and(|agent| agent < agents.len()));
        Some(Plot { story: of.story, create, blanks: of.blanks.clone(), steps })
    }

    pub fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(0..100) < percent
    }

    /// A duration that is often near `median` and sometimes much longer: log-normal.
    fn around(&mut self, median: i64, sigma: f64) -> i64 {
        // The sum of four even draws is near enough to a normal one.
        let normal = ((0..4).map(|_| self.random.f64()).sum::<f64>() - 2.0) * 3.0_f64.sqrt();
        (median as f64 * (sigma * normal).exp()) as i64
    }

    /// So long after `at`, in working hours.
    fn later(&mut self, at: i64, median: i64, sigma: f64) -> i64 {
        let wait = self.around(median, sigma);
        self.working(at + wait)
    }

    /// The same time, or the next morning when nobody is at the desk.
    fn working(&mut self, at: i64) -> i64 {
        let time = self.at_the_desk(at);
        let wait = if time < OPEN {
            OPEN - time
        } else if time > CLOSED {
            DAY - time + OPEN
        } else {
            return at;
        };
        at + wait + self.random.i64(0..50 * MINUTE)
    }

    fn at_the_desk(&self, at: i64) -> i64 {
        (at - self.now + NOW_AT_THE_DESK).rem_euclid(DAY)
    }
}
