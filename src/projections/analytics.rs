//! What happened, counted: a fold over the journal into facts, and figures out of facts.
//!
//! A record costs the same however much history there is. Every fact goes to the [`store`] (all of history, on disk, for series,
//! reports and trends) and to the [`windows`] (the last day, in memory, for what is shown live); what is true at this moment is
//! counted over the active tickets. It reads no clock and no journal: records and the time come in. Fed and asked by
//! `actors::analytics` on a thread of its own, never by whoever commits.

mod checkpoint;
pub mod fact;
pub mod fold;
pub mod lean;
mod live;
pub mod metrics;
pub mod names;
mod opening;
mod panes;
pub mod query;
pub mod sketch;
pub mod spans;
pub mod store;
pub mod trends;
pub mod windows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use checkpoint::BadCheckpoint;
pub use fold::Misfit;
pub use live::{Latency, Present};

use crate::domain::ids::{Epoch, Seq, TicketId};
use crate::domain::permissions::PrivateTeams;
use crate::domain::sla::BusinessCalendar;
use fact::{Fact, Kind};
use fold::Fold;
use lean::Lean;
use names::{Book, Id};
use opening::Opening;
use panes::Panes;
use store::{Store, StoreError, View};
use windows::Windows;

/// What the desk's settings say about figures. Other settings than those of a checkpoint mean counting anew.
#[derive(Clone, Debug)]
pub struct Settings {
    pub time_zone: jiff::tz::TimeZone,
    /// Opening hours for business time; `None` is around the clock.
    pub calendar: Option<BusinessCalendar>,
    /// A target that falls due within this time is at risk.
    pub at_risk_ms: i64,
    /// Whose figures are told to their members alone.
    pub private_teams: PrivateTeams,
}

#[derive(Debug)]
pub struct Analytics {
    settings: Settings,
    epoch: Epoch,
    folder: Option<PathBuf>,
    seq: Seq,
    fold: Fold,
    store: Store,
    panes: Panes,
    now: i64,
}

/// Everything that a question needs, as of one seq; the fold goes on meanwhile.
#[derive(Clone, Debug)]
pub struct Moment {
    pub seq: Seq,
    pub book: Arc<Book>,
    pub views: Vec<View>,
    /// Targets whose time runs; told to whoever asks for [`Kind::SlaMoved`].
    pub promises: Vec<Promise>,
}

/// A target whose time runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    pub due: i64,
    /// As in the dimensions of facts.
    pub target: u8,
    pub priority: u8,
    pub team: Id,
}

impl Moment {
    /// The facts of a kind that was asked for.
    fn view(&self, kind: Kind) -> &View {
        self.views.iter().find(|view| view.kind() == kind).expect("invariant: it was asked for")
    }
}

impl Analytics {
    /// From the checkpoint in `folder` where there is a good one, or from nothing. Without a folder all is in memory.
    /// Says why a checkpoint could not be used.
    pub fn open(
        folder: Option<&Path>,
        epoch: &Epoch,
        head: Seq,
        settings: Settings,
        now: i64,
    ) -> Result<(Self, Option<BadCheckpoint>), StoreError> {
        let mut refused = None;
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)?;
            match checkpoint::load(folder, epoch, head, &settings) {
                Ok(Some(mut loaded)) => match loaded.rebuild_panes(now) {
                    Ok(()) => return Ok((loaded, None)),
                    Err(error) => refused = Some(error.into()),
                },
                Ok(None) => {}
                Err(error) => refused = Some(error),
            }
            checkpoint::discard(folder)?;
        }
        let private = settings.private_teams.clone();
        let fold = Fold::new(Opening::new(settings.calendar.clone()));
        let analytics = Self {
            settings,
            epoch: epoch.clone(),
            folder: folder.map(Path::to_owned),
            seq: Seq::ZERO,
            fold,
            store: Store::new(folder)?,
            panes: Panes::new(now, &private),
            now,
        };
        Ok((analytics, refused))
    }

    /// The last record that was taken in.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn book(&self) -> &Arc<Book> {
        &self.fold.book
    }

    /// Takes in the next record. After a [`Misfit`] nothing has changed: [`Analytics::learn`] the ticket and try again.
    pub fn apply(&mut self, record: &Lean<'_>) -> Result<Result<(), Misfit>, StoreError> {
        let mut facts: smallvec::SmallVec<[(Kind, Fact); 6]> = smallvec::SmallVec::new();
        if let Err(misfit) = self.fold.apply(record, &mut |kind, fact| facts.push((kind, fact))) {
            return Ok(Err(misfit));
        }
        for (kind, fact) in &facts {
            self.store.add(*kind, fact)?;
            self.panes.add(*kind, fact, &self.fold.book);
        }
        self.seq = record.seq;
        Ok(Ok(()))
    }

    /// Learns a ticket from its whole history before the record that did not fit.
    pub fn learn<'a>(&mut self, ticket: TicketId, history: impl Iterator<Item = Lean<'a>>) {
        self.fold.learn(ticket, history);
    }

    /// Passes a record by that cannot be understood: whoever calls this says so.
    pub fn skip(&mut self, seq: Seq) {
        self.seq = seq;
    }

    /// Moves the clock.
    pub fn advance(&mut self, now: i64) -> Result<(), StoreError> {
        self.now = now;
        if self.panes.advance(now) {
            self.rebuild_panes(now)?;
        }
        Ok(())
    }

    /// Lets go of what only lies in memory for speed. Now and then.
    pub fn sweep(&mut self) {
        self.panes.sweep();
    }

    /// What questions about these kinds of facts need.
    pub fn moment(&self, kinds: &[Kind]) -> Moment {
        Moment {
            seq: self.seq,
            book: Arc::clone(&self.fold.book),
            views: kinds.iter().map(|kind| self.store.view(*kind)).collect(),
            promises: if kinds.contains(&Kind::SlaMoved) { self.promises() } else { Vec::new() },
        }
    }

    /// What is overdue was missed: that is on record, or will be at once.
    fn promises(&self) -> Vec<Promise> {
        let rows = self.fold.rows().map(|(_, row)| row);
        rows.flat_map(|row| {
            let due = row.due.into_iter().zip(0_u8..);
            due.filter_map(|(due, target)| {
                let due = due.filter(|due| *due > self.now)?;
                Some(Promise { due, target, priority: row.priority, team: row.team })
            })
        })
        .collect()
    }

    /// Writes what a restart goes on from.
    pub fn save(&self) -> Result<(), StoreError> {
        checkpoint::save(self)
    }

    fn rebuild_panes(&mut self, now: i64) -> Result<(), StoreError> {
        self.now = now;
        let mut panes = Panes::new(now, &self.settings.private_teams);
        let book = &self.fold.book;
        for kind in Kind::ALL.iter().copied().filter(|kind| kind.has_windows()) {
            let facts = self.store.view(kind).scan(
                Windows::horizon(now),
                i64::MAX,
                Vec::new,
                |facts, fact| {
                    facts.push(*fact);
                    true
                },
                |all, mut more| all.append(&mut more),
            )?;
            for fact in &facts {
                panes.add(kind, fact, book);
            }
        }
        self.panes = panes;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
