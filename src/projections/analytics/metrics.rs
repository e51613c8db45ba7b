//! What each figure means: the one table. It is served with the figures and printed into docs/METRICS.md; a test compares the two.

use super::fact::{Kind, Split};
use crate::protocol::figures::{MetricInfo, MetricUnit};

/// A figure that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub info: MetricInfo,
    pub measure: Measure,
}

/// How a figure is made out of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The sum of weights.
    Count(Kind),
    /// How the times of these facts spread.
    Time(Kind),
    /// Facts of the first kind, as a share of those of the second ones together.
    Share(Kind, &'static [Kind]),
    /// The running sum of weights from the beginning.
    Level,
}

impl Measure {
    pub fn kinds(self) -> Vec<Kind> {
        match self {
            Self::Count(kind) | Self::Time(kind) => vec![kind],
            Self::Share(of, over) => {
                let mut kinds = over.to_vec();
                if !kinds.contains(&of) {
                    kinds.push(of);
                }
                kinds
            }
            Self::Level => vec![Kind::Backlog],
        }
    }
}

const fn count(id: &'static str, kind: Kind, what: &'static str, formula: &'static str) -> Metric {
    Metric { info: MetricInfo { id, unit: MetricUnit::Count, what, formula }, measure: Measure::Count(kind) }
}

const fn time(id: &'static str, kind: Kind, what: &'static str, formula: &'static str) -> Metric {
    Metric { info: MetricInfo { id, unit: MetricUnit::Duration, what, formula }, measure: Measure::Time(kind) }
}

const fn share(id: &'static str, of: Kind, over: &'static [Kind], what: &'static str, formula: &'static str) -> Metric {
    Metric { info: MetricInfo { id, unit: MetricUnit::Share, what, formula }, measure: Measure::Share(of, over) }
}

/// Everything that can be asked for, in the order of docs/METRICS.md.
pub static METRICS: &[Metric] = &[
    count("created", Kind::Created, "Tickets opened", "first records of tickets, at `created_at`; follow-ups too"),
    count(
        "solved",
        Kind::Solved,
        "Times that a ticket became solved",
        "status becomes `solved`, at `solved_at`; a ticket that is opened and solved again counts again; agent is the holder, or who solved it where nobody holds it",
    ),
    count(
        "one_touch",
        Kind::OneTouch,
        "Tickets solved with one answer",
        "`solved` with at most one public answer of a person before it, and never reopened",
    ),
    count("reopened", Kind::Reopened, "Solved tickets that came back", "status goes from `solved` to an unsolved one"),
    count("closed", Kind::Closed, "Tickets closed", "status becomes `closed`, by a merge too"),
    count("merged", Kind::Merged, "Tickets merged into another one", "records `merged`, at the ticket that was closed"),
    count(
        "replies",
        Kind::Reply,
        "Public answers",
        "public outbound messages by a person or program of the desk, not by the desk itself",
    ),
    count("notes", Kind::Note, "Internal notes", "internal messages"),
    count(
        "customer_messages",
        Kind::CustomerMessage,
        "Messages of requesters",
        "public inbound messages after the first; agent is the holder",
    ),
    count("claims", Kind::Claim, "Tickets taken", "records `claimed`; agent is who took it"),
    count(
        "releases",
        Kind::Release,
        "Tickets given back",
        "records `released`, by the desk for a vanished holder too; agent is the former holder",
    ),
    count("skips", Kind::Skip, "Tickets passed by", "records `skipped`"),
    count(
        "transfers",
        Kind::Transfer,
        "Tickets handed on",
        "team or assignee goes from one value to another one, not from or to none; one a record",
    ),
    count("undone", Kind::Undo, "Commands undone", "records `undone`"),
    count(
        "sla_met",
        Kind::SlaMet,
        "Targets met in time",
        "records `sla_fulfilled` whose target was not missed before; split by `target`",
    ),
    count("sla_breached", Kind::SlaBreached, "Targets missed", "records `sla_breached`; split by `target`"),
    count("ai_proposed", Kind::AiProposed, "Proposals of triage", "triage becomes `proposed`"),
    count("ai_accepted", Kind::AiAccepted, "Proposed fields accepted", "decisions `accepted`, one a field"),
    count("ai_edited", Kind::AiEdited, "Proposed fields set otherwise", "decisions `edited`, one a field"),
    count("ai_rejected", Kind::AiRejected, "Proposed fields rejected", "decisions `rejected`, one a field"),
    count("ai_failed", Kind::AiFailed, "Tickets that triage could not sort", "triage becomes `untriaged`"),
    time(
        "first_response_time",
        Kind::FirstResponse,
        "How long until the first answer",
        "`first_responded_at` - `created_at`, counted when it is answered; agent is who answered",
    ),
    time(
        "next_response_time",
        Kind::NextResponse,
        "How long until a further answer",
        "public answer after the first one - the requester's first message since the last answer",
    ),
    time(
        "resolution_time",
        Kind::Solved,
        "How long until solved",
        "`solved_at` - `created_at`, each time that the ticket is solved",
    ),
    time(
        "wait_time",
        Kind::Wait,
        "How long until somebody has it",
        "assignment - when the ticket became nobody's and new or open, or when its snooze ended if that was later",
    ),
    time(
        "handling_time",
        Kind::Handled,
        "How long in hand until answered",
        "first public answer, solution or letting go - when the holder got the ticket; agent is the holder",
    ),
    share("one_touch_share", Kind::OneTouch, &[Kind::Solved], "Share solved with one answer", "one_touch / solved"),
    share("reopen_share", Kind::Reopened, &[Kind::Solved], "Reopened by solved", "reopened / solved"),
    share(
        "sla_met_share",
        Kind::SlaMet,
        &[Kind::SlaMet, Kind::SlaBreached],
        "Share of targets met",
        "sla_met / (sla_met + sla_breached)",
    ),
    share(
        "ai_acceptance",
        Kind::AiAccepted,
        &[Kind::AiAccepted, Kind::AiEdited, Kind::AiRejected],
        "Share of proposed fields accepted",
        "ai_accepted / (ai_accepted + ai_edited + ai_rejected)",
    ),
    Metric {
        info: MetricInfo {
            id: "backlog",
            unit: MetricUnit::Level,
            what: "Unsolved tickets",
            formula: "tickets in `new`, `open`, `pending` or `on_hold` at the end of each span, as they stood then; split by `status` too",
        },
        measure: Measure::Level,
    },
];

pub fn find(id: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.info.id == id)
}

/// Whether a figure's facts have this dimension.
pub fn has_split(measure: Measure, split: Split) -> bool {
    match split {
        Split::Status => measure == Measure::Level,
        Split::Target => measure.kinds().iter().all(|kind| matches!(kind, Kind::SlaMet | Kind::SlaBreached)),
        _ => true,
    }
}

/// docs/METRICS.md.
pub fn document() -> String {
    let mut text = String::from(
        "# What the figures mean\n\n\
         Printed from the table in `src/projections/analytics/metrics.rs`; `UPDATE_GENERATED=1 cargo test metrics` writes it. The same \
         definitions come with every series and report.\n\n\
         A figure is counted at the moment when it happened, in the time zone that was asked for, and split by what the ticket was right \
         then. A command that is undone never counted: it is taken out of the span in which it was. Times are told around the clock \
         (`calendar`) or in the desk's opening hours (`business`); medians and other quantiles are within 1 % of the true ones, means \
         and counts are exact. Live figures tell 512 values of a dimension apart; what happens beyond them stands under `…`, so that \
         sums stay whole, and reports tell all of them apart.\n\n\
         | id | unit | what | how it is counted |\n| --- | --- | --- | --- |\n",
    );
    for Metric { info, .. } in METRICS {
        let unit = match info.unit {
            MetricUnit::Count => "count",
            MetricUnit::Duration => "milliseconds",
            MetricUnit::Share => "share",
            MetricUnit::Level => "level",
        };
        text.push_str(&format!("| `{}` | {unit} | {} | {} |\n", info.id, info.what, info.formula));
    }
    text
}
