//! The figures that are shown live: what is true now, counted over the active tickets, and today, summed from the windows.
//!
//! Times are told as moments, not as ages, so that nothing changes only because a second has passed.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Analytics;
use super::fact::{Kind, PRIORITIES, STATUSES, Split, fixed_name};
use super::fold::Row;
use super::names::{Id, NONE};
use super::sketch::Sketch;
use super::windows::{MINUTE_MS, Minute, OTHERS, TIMED, Tally};
use crate::domain::ids::TicketId;
use crate::domain::permissions::Sight;
use crate::domain::time::Timestamp;
use crate::protocol::figures::{
    AgeFigures, AgentFigures, AgentState, BacklogFigures, Counts, DayFigures, Durations, GroupFigures, LatencyFigures,
    LiveFigures, MinuteFigures, NowFigures, Spread,
};

/// Ages at which the backlog is cut, in milliseconds: 1 h, 4 h, 1 day, 3 days, a week, 30 days.
const AGES_MS: [i64; 6] = [3_600_000, 14_400_000, 86_400_000, 259_200_000, 604_800_000, 2_592_000_000];

/// Somebody who is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    pub user: String,
    pub state: AgentState,
    pub ticket: Option<TicketId>,
}

pub type Latency = LatencyFigures;

/// What is counted over the active tickets for one value of a dimension.
#[derive(Clone, Copy, Default)]
struct Standing {
    waiting: u32,
    oldest: Option<i64>,
    unsolved: u32,
    at_risk: u32,
    breached: u32,
}

impl Analytics {
    /// As of the last record and the time that [`Analytics::advance`] was told, for whoever sees this much. A ticket counts for those
    /// who see its present team, something that happened for those who see the team that it happened in.
    pub fn live(&self, present: &[Present], latency: Latency, sight: Sight) -> LiveFigures {
        let now = self.now;
        let midnight = self.midnight();
        let mut figures =
            LiveFigures { at: Timestamp::from_millis(now), seq: self.seq(), latency, ..LiveFigures::default() };
        let mut standing: FxHashMap<(Split, Id), Standing> = FxHashMap::default();
        let mut holding: FxHashMap<Id, u32> = FxHashMap::default();
        let mut ages = [0; AGES_MS.len() + 1];
        let mut all = Standing::default();
        let mut statuses = [0; STATUSES.len()];
        for (_, row) in self.fold.rows().filter(|(_, row)| row.is_unsolved() && self.sees(sight, row.team)) {
            statuses[row.status as usize] += 1;
            ages[AGES_MS.partition_point(|age| *age <= now - row.created_at)] += 1;
            figures.now.unassigned += u32::from(row.assignee == NONE);
            figures.now.snoozed += u32::from(row.is_queued() && snoozed(row, now));
            if row.assignee != NONE {
                *holding.entry(row.assignee).or_default() += 1;
            }
            let one = self.standing(row);
            add(&mut all, one);
            for split in [Split::Team, Split::Category, Split::Priority, Split::Channel] {
                add(standing.entry((split, split.of(&row.dims()))).or_default(), one);
            }
            for tag in self.book().tag_sets.tags(row.tags) {
                add(standing.entry((Split::Tag, *tag)).or_default(), one);
            }
        }
        figures.now = NowFigures {
            waiting: all.waiting,
            oldest_waiting_since: all.oldest.map(Timestamp::from_millis),
            unsolved: all.unsolved,
            at_risk: all.at_risk,
            breached: all.breached,
            ..figures.now
        };
        let state = |state: AgentState| present.iter().filter(|one| one.state == state).count() as u32;
        figures.now.on_ticket = state(AgentState::OnTicket);
        figures.now.online = figures.now.on_ticket + state(AgentState::Online);
        figures.now.away = state(AgentState::Away);
        figures.backlog = BacklogFigures {
            by_status: STATUSES[..4]
                .iter()
                .map(|status| (status.name().to_owned(), statuses[*status as usize]))
                .collect(),
            by_age: ages
                .iter()
                .enumerate()
                .map(|(index, count)| AgeFigures { below_ms: AGES_MS.get(index).copied(), count: *count })
                .collect(),
        };
        figures.today = day(midnight, &self.panes.total(sight, midnight, now));
        let minute = now.div_euclid(MINUTE_MS);
        let minutes = self.panes.minutes(sight, minute - 59, minute + 1);
        figures.hour = hour(&minutes);
        figures.minutes = strip(minute - 59, &minutes);
        figures.teams = self.groups(sight, Split::Team, midnight, &standing);
        figures.categories = self.groups(sight, Split::Category, midnight, &standing);
        figures.priorities = self.groups(sight, Split::Priority, midnight, &standing);
        figures.channels = self.groups(sight, Split::Channel, midnight, &standing);
        figures.tags = self.groups(sight, Split::Tag, midnight, &standing);
        figures.agents = self.agents(sight, midnight, present, &holding);
        figures
    }

    /// The beginning of the present day in the desk's time zone; where a clock change skips midnight, the first moment of the day.
    pub fn midnight(&self) -> i64 {
        let zoned = Timestamp::from_millis(self.now).to_jiff().to_zoned(self.settings.time_zone.clone());
        zoned.start_of_day().map_or(self.now, |start| start.timestamp().as_millisecond())
    }

    fn sees(&self, sight: Sight, team: Id) -> bool {
        sight.is_whole() || sight.sees(self.panes.audience(team, self.book()))
    }

    /// A ticket that is not active any more is told only to those who see all.
    fn is_seen(&self, sight: Sight, ticket: TicketId) -> bool {
        sight.is_whole() || self.fold.row(ticket).is_some_and(|row| self.sees(sight, row.team))
    }

    fn standing(&self, row: &Row) -> Standing {
        let waiting = row.is_queued() && !snoozed(row, self.now);
        // A snooze that ended is where the waiting began.
        let since = row.queued_since.map(|since| row.snoozed_until.map_or(since, |until| until.max(since)));
        let due = row.next_due();
        let at_risk = due.is_some_and(|due| due > self.now && due - self.now <= self.settings.at_risk_ms);
        Standing {
            waiting: u32::from(waiting),
            oldest: since.filter(|_| waiting),
            unsolved: 1,
            at_risk: u32::from(at_risk),
            breached: u32::from(row.breached),
        }
    }

    /// The name of a dimension's value on the wire.
    fn name(&self, split: Split, id: Id) -> String {
        self.book().name(split, id)
    }

    fn groups(
        &self,
        sight: Sight,
        split: Split,
        midnight: i64,
        standing: &FxHashMap<(Split, Id), Standing>,
    ) -> BTreeMap<String, GroupFigures> {
        let mut groups: FxHashMap<Id, GroupFigures> = FxHashMap::default();
        for ((_, id), one) in standing.iter().filter(|((own, _), _)| *own == split) {
            groups.insert(
                *id,
                GroupFigures {
                    waiting: one.waiting,
                    oldest_waiting_since: one.oldest.map(Timestamp::from_millis),
                    unsolved: one.unsolved,
                    at_risk: one.at_risk,
                    breached: one.breached,
                    ..GroupFigures::default()
                },
            );
        }
        for (id, tally) in self.panes.totals(sight, split, midnight, self.now) {
            let group = groups.entry(id).or_default();
            group.created = tally.count(Kind::Created);
            group.solved = tally.count(Kind::Solved);
            group.reopened = tally.count(Kind::Reopened);
            group.replies = tally.count(Kind::Reply);
            group.first_response = spread(&times(&tally, Kind::FirstResponse).0);
            group.resolution = spread(&times(&tally, Kind::Solved).0);
        }
        if split == Split::Priority {
            for priority in PRIORITIES {
                groups.entry(priority as Id).or_default();
            }
        }
        groups.into_iter().map(|(id, group)| (self.name(split, id), group)).collect()
    }

    fn agents(
        &self,
        sight: Sight,
        midnight: i64,
        present: &[Present],
        holding: &FxHashMap<Id, u32>,
    ) -> BTreeMap<String, AgentFigures> {
        let mut agents: BTreeMap<String, AgentFigures> = BTreeMap::new();
        let of = |id: Id| match id {
            OTHERS => Some(self.name(Split::Agent, OTHERS)),
            _ => self.book().agents.name(id).map(ToString::to_string),
        };
        for (id, tally) in self.panes.totals(sight, Split::Agent, midnight, self.now) {
            let Some(agent) = of(id).filter(|name| !matches!(name.as_str(), "system" | "triage")) else { continue };
            let agent = agents.entry(agent).or_default();
            agent.claims = tally.count(Kind::Claim);
            agent.replies = tally.count(Kind::Reply);
            agent.solved = tally.count(Kind::Solved);
            agent.first_response = spread(&times(&tally, Kind::FirstResponse).0);
            agent.handling = spread(&times(&tally, Kind::Handled).0);
        }
        for (id, count) in holding {
            if let Some(agent) = of(*id) {
                agents.entry(agent).or_default().holding = *count;
            }
        }
        for one in present {
            let agent = agents.entry(one.user.clone()).or_default();
            agent.state = one.state;
            agent.ticket = one.ticket.filter(|ticket| self.is_seen(sight, *ticket));
        }
        agents
    }
}

impl super::names::Book {
    /// The name of a dimension's value on the wire; `none` for no value, three dots for those that are not told apart.
    pub fn name(&self, split: Split, id: Id) -> String {
        if id == OTHERS {
            return "\u{2026}".to_owned();
        }
        let found = match split {
            Split::Team => self.teams.name(id),
            Split::Agent => self.agents.name(id),
            Split::Category => self.categories.name(id),
            Split::Tag => self.tags.name(id),
            Split::Priority | Split::Channel | Split::Status | Split::Target => {
                return fixed_name(split, id).unwrap_or("none").to_owned();
            }
        };
        found.map_or_else(|| "none".to_owned(), ToString::to_string)
    }
}

fn snoozed(row: &Row, now: i64) -> bool {
    row.snoozed_until.is_some_and(|until| until > now)
}

fn add(to: &mut Standing, one: Standing) {
    to.waiting += one.waiting;
    to.unsolved += one.unsolved;
    to.at_risk += one.at_risk;
    to.breached += one.breached;
    to.oldest = [to.oldest, one.oldest].into_iter().flatten().min();
}

fn times(tally: &Tally, kind: Kind) -> &(Sketch, Sketch) {
    let index = TIMED.iter().position(|timed| *timed == kind).expect("invariant: the kind takes time");
    &tally.times[index]
}

pub(super) fn spread(sketch: &Sketch) -> Spread {
    Spread {
        count: sketch.count(),
        mean_ms: sketch.mean(),
        median_ms: sketch.quantile(0.5),
        p90_ms: sketch.quantile(0.9),
        p95_ms: sketch.quantile(0.95),
    }
}

fn day(since: i64, tally: &Tally) -> DayFigures {
    let durations = |kind: Kind| {
        let (calendar, business) = times(tally, kind);
        Durations { calendar: spread(calendar), business: spread(business) }
    };
    DayFigures {
        since: Timestamp::from_millis(since),
        counts: counts(|kind| tally.count(kind)),
        first_response: durations(Kind::FirstResponse),
        next_response: durations(Kind::NextResponse),
        resolution: durations(Kind::Solved),
        wait: durations(Kind::Wait),
        handling: durations(Kind::Handled),
    }
}

fn hour(minutes: &[Minute]) -> Counts {
    counts(|kind| minutes.iter().map(|minute| i64::from(minute[kind.index()])).sum())
}

fn strip(first: i64, minutes: &[Minute]) -> MinuteFigures {
    let of = |kind: Kind| minutes.iter().map(|minute| minute[kind.index()]).collect();
    MinuteFigures {
        since: Timestamp::from_millis(first * MINUTE_MS),
        created: of(Kind::Created),
        solved: of(Kind::Solved),
        replies: of(Kind::Reply),
        customer_messages: of(Kind::CustomerMessage),
    }
}

fn counts(of: impl Fn(Kind) -> i64) -> Counts {
    Counts {
        created: of(Kind::Created),
        solved: of(Kind::Solved),
        one_touch: of(Kind::OneTouch),
        reopened: of(Kind::Reopened),
        closed: of(Kind::Closed),
        merged: of(Kind::Merged),
        replies: of(Kind::Reply),
        notes: of(Kind::Note),
        customer_messages: of(Kind::CustomerMessage),
        claims: of(Kind::Claim),
        releases: of(Kind::Release),
        skips: of(Kind::Skip),
        transfers: of(Kind::Transfer),
        undone: of(Kind::Undo),
        sla_met: of(Kind::SlaMet),
        sla_breached: of(Kind::SlaBreached),
        ai_proposed: of(Kind::AiProposed),
        ai_accepted: of(Kind::AiAccepted),
        ai_edited: of(Kind::AiEdited),
        ai_rejected: of(Kind::AiRejected),
        ai_failed: of(Kind::AiFailed),
    }
}
