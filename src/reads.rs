//! Answers to questions: lists, tickets, threads, snapshots, records, now and in the past.
//!
//! It folds every durable group into the board before anybody is answered, so what it says contains every acknowledged write.
//! It changes nothing and decides nothing. Fed by the journal's writer through [`Reads::publish`]; asked by the edges through
//! [`Reading`], and by the actors that need the board.

mod cursor;
mod events;
mod keeper;
mod list;
mod snapshot;
#[cfg(test)]
mod tests;
mod thread;
pub mod topics;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
use tokio::sync::{Semaphore, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::{Epoch, Seq, TicketId, Version};
use crate::domain::message::Message;
use crate::domain::permissions::{Permission, Principal, PrivateTeams, Sight};
use crate::domain::rejection::Rejection;
use crate::domain::state::TicketState;
use crate::domain::ticket::Ticket;
use crate::journal::{Committed, Journal, JournalError};
use crate::projections::board::Board;
use crate::projections::past::{Past, PastError};
use crate::projections::search::{Search, SearchConfig, Tail, View};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::reading::{Answer, At, EventsBytes, EventsQuery, ListQuery, Reading, SnapshotBytes};
use crate::protocol::views::{Page, TicketEvents};

/// Questions that read the journal or the index at the same time; the others wait for their turn.
const QUESTIONS_AT_ONCE: usize = 8;
/// Long questions at the same time: they have turns of their own, so that they never stand in the way of short ones.
const LONG_QUESTIONS_AT_ONCE: usize = 2;
/// How long a question waits for the index before it is refused as `unavailable`.
const INDEX_PATIENCE: Duration = Duration::from_secs(5);

/// The read side of the desk. One for the process.
pub struct Reads {
    core: Arc<Core>,
}

/// The threads that [`Reads::open`] started.
pub struct ReadsThreads {
    core: Arc<Core>,
    threads: Vec<JoinHandle<()>>,
}

impl ReadsThreads {
    /// Has the index commit what it read, and ends the threads. Questions are still answered as far as memory and journal go.
    pub fn stop(self) {
        self.core.search.stop();
        self.core.keeper.stop();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the read side panicked");
            }
        }
    }
}

pub(crate) struct Core {
    journal: Arc<dyn Journal>,
    epoch: Epoch,
    clock: Clock,
    promote_after_ms: i64,
    private: PrivateTeams,
    desk: Arc<RwLock<Desk>>,
    search: Search,
    past: Arc<Past>,
    keeper: Arc<keeper::Keeper>,
    snapshots: snapshot::Snapshots,
    histories: Arc<topics::Histories>,
    /// Ticks with the journal's head; closed when the server leaves.
    head: watch::Receiver<Seq>,
    turns: Arc<Semaphore>,
    long_turns: Arc<Semaphore>,
}

/// What changes together: one lock, so that a question sees board, overlay and index as of one moment.
pub(crate) struct Desk {
    board: Board,
    overlay: Overlay,
    /// Texts that the index does not hold yet.
    tail: Tail,
    /// `None` until the index is open.
    view: Option<View>,
    changes: Changes,
}

/// Which tickets changed last, for who reads the board in several goes.
pub(crate) struct Changes {
    /// All that came after this are known.
    from: Seq,
    newest: VecDeque<(Seq, TicketId)>,
}

/// Changes that are known back.
const CHANGES: usize = 4_096;

impl Changes {
    fn new(from: Seq) -> Self {
        Self { from, newest: VecDeque::new() }
    }

    fn push(&mut self, seq: Seq, id: TicketId) {
        self.newest.push_back((seq, id));
        if self.newest.len() > CHANGES
            && let Some((seq, _)) = self.newest.pop_front()
        {
            self.from = seq;
        }
    }

    /// Tickets that changed after `seq`; `None` where that is not known any more.
    fn since(&self, seq: Seq) -> Option<HashSet<TicketId>> {
        let newest = self.newest.iter().rev().take_while(|(at, _)| *at > seq);
        (seq >= self.from).then(|| newest.map(|(_, id)| *id).collect())
    }
}

/// What the board does not hold and the index does not know yet.
struct Overlay {
    /// The index together with the overlay is complete once it has come this far.
    from: Seq,
    closed: HashMap<TicketId, (Seq, Arc<TicketState>)>,
    /// Closed as far as the index may know, but active: an undone merge.
    reopened: HashMap<TicketId, Seq>,
}

impl Overlay {
    fn new(from: Seq) -> Self {
        Self { from, closed: HashMap::new(), reopened: HashMap::new() }
    }

    fn ids(&self) -> HashSet<TicketId> {
        self.closed.keys().chain(self.reopened.keys()).copied().collect()
    }

    fn forget(&mut self, indexed: Seq) {
        self.closed.retain(|_, (seq, _)| *seq > indexed);
        self.reopened.retain(|_, seq| *seq > indexed);
        self.from = self.from.max(indexed);
    }
}

impl Reads {
    /// Loads the active tickets and starts the index and the keeper of checkpoints, whose folders lie in `data`; without `data`
    /// everything stays in memory. `head` ticks whenever there are new records, after they were published here.
    ///
    /// # Errors
    /// When the journal's active tickets cannot be read.
    pub fn open(
        journal: Arc<dyn Journal>,
        data: Option<&Path>,
        config: &Config,
        clock: Clock,
        head: watch::Receiver<Seq>,
    ) -> Result<(Arc<Self>, ReadsThreads), JournalError> {
        let opened_at = journal.head().seq;
        let mut active = Vec::new();
        journal.active(&mut |state| active.push(state))?;
        let board = Board::load(opened_at, active);
        let desk = Arc::new(RwLock::new(Desk {
            board,
            overlay: Overlay::new(opened_at),
            tail: Tail::new(opened_at),
            view: None,
            changes: Changes::new(opened_at),
        }));

        let installed = Arc::clone(&desk);
        let search_config = SearchConfig {
            folder: data.map(|data| data.join("search")),
            writer_bytes: config.search.writer_bytes,
            commit: Duration::from_millis(config.search.commit_ms),
        };
        let (search, indexer) = Search::start(Arc::clone(&journal), search_config, move |view| {
            let mut desk = installed.write();
            desk.overlay.forget(view.seq());
            desk.tail.forget(view.seq());
            desk.view = Some(view);
        });
        let past = Arc::new(Past::new(Arc::clone(&journal), data.map(|data| data.join("checkpoints"))));
        let (keeper, keeping) =
            keeper::Keeper::start(config.journal.checkpoint_records, Arc::clone(&desk), Arc::clone(&past));

        let core = Arc::new(Core {
            epoch: journal.epoch(),
            histories: Arc::new(topics::Histories::new(Arc::clone(&journal))),
            journal,
            clock,
            promote_after_ms: config.queue.promote_after_ms,
            private: PrivateTeams::new(
                config.desk.teams.iter().filter(|team| team.private).map(|team| team.id.clone()),
            ),
            desk,
            search,
            past,
            keeper,
            snapshots: snapshot::Snapshots::default(),
            head,
            turns: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE)),
            long_turns: Arc::new(Semaphore::new(LONG_QUESTIONS_AT_ONCE)),
        });
        let threads = std::iter::once(indexer).chain(keeping).collect();
        Ok((Arc::new(Self { core: Arc::clone(&core) }), ReadsThreads { core, threads }))
    }

    /// Takes in a durable group. Called by the writer's thread before anything of the group is answered; a few microseconds a record.
    pub fn publish(&self, group: &[Arc<Committed>]) {
        let seq = {
            let mut desk = self.core.desk.write();
            for part in group.iter().flat_map(|committed| &committed.parts) {
                let Some(last) = part.stored.last() else { continue };
                for record in &part.records {
                    desk.tail.push(record);
                }
                let private = &self.core.private;
                if !private.is_empty() {
                    let before = part.before.as_deref().and_then(|state| state.ticket.team.as_deref());
                    if private.audience(before) != private.audience(part.after.ticket.team.as_deref()) {
                        self.core.snapshots.moved();
                    }
                }
                desk.take(part.before.as_deref(), &part.after, last.seq);
            }
            desk.board.seq()
        };
        self.core.search.tell(seq);
        self.core.keeper.tell(seq);
    }

    /// The board, for a moment: commits wait while it is held.
    pub fn board(&self) -> MappedRwLockReadGuard<'_, Board> {
        RwLockReadGuard::map(self.core.desk.read(), |desk| &desk.board)
    }
}

impl Desk {
    fn take(&mut self, before: Option<&TicketState>, after: &Arc<TicketState>, seq: Seq) {
        let id = after.ticket.id;
        if after.ticket.is_active() {
            self.overlay.closed.remove(&id);
            if before.is_some_and(|before| !before.ticket.is_active()) {
                self.overlay.reopened.insert(id, seq);
            }
        } else {
            self.overlay.closed.insert(id, (seq, Arc::clone(after)));
        }
        self.board.fold(after, seq);
        self.changes.push(seq, id);
    }
}

impl Core {
    /// Runs a question that may block, when it is its turn.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.in_turn(&self.turns, question).await
    }

    /// The same for a question that reads thousands of records.
    async fn blocking_long<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.in_turn(&self.long_turns, question).await
    }

    async fn in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        turns: &Arc<Semaphore>,
        question: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = Arc::clone(turns).acquire_owned().await.expect("invariant: the semaphore is never closed");
        let core = Arc::clone(self);
        let work = move || {
            // An asker who goes away does not stop the work, so the turn ends with the work.
            let _turn = turn;
            question(&core)
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a question could not be answered");
            Err(Problem::new(Code::Internal, "the desk could not answer this question"))
        })
    }

    async fn index_up_to(&self, seq: Seq) -> Result<(), Problem> {
        self.search.reach(seq, INDEX_PATIENCE).await.map_err(|not_yet| {
            tracing::warn!(%not_yet, "a list was refused");
            index_not_ready()
        })
    }

    /// The index said something that cannot be: it is built anew.
    fn index_failed(&self, error: &dyn std::fmt::Display) -> Problem {
        tracing::error!(%error, "the search index failed");
        self.search.rebuild();
        index_not_ready()
    }

    /// The ticket as it stands, active or closed.
    fn state(&self, id: TicketId) -> Result<Option<Arc<TicketState>>, Problem> {
        if let Some(state) = self.in_memory(id) {
            return Ok(Some(state));
        }
        Ok(self.journal.state(id).map_err(|error| fault(&error))?.map(Arc::new))
    }

    /// Whether a ticket is there and lies in this sight. It is as visible as it is now, its past included.
    fn is_seen(&self, id: TicketId, sight: Sight) -> Result<bool, Problem> {
        if sight.is_whole() {
            let version = self.journal.version(id).map_err(|error| fault(&error))?;
            return Ok(version != Version::ZERO);
        }
        Ok(self.state(id)?.is_some_and(|state| self.sees(sight, &state.ticket)))
    }

    fn sees(&self, sight: Sight, ticket: &Ticket) -> bool {
        sight.is_whole() || sight.sees(self.private.audience(ticket.team.as_deref()))
    }

    fn in_memory(&self, id: TicketId) -> Option<Arc<TicketState>> {
        let desk = self.desk.read();
        desk.board.get(id).or_else(|| desk.overlay.closed.get(&id).map(|(_, state)| state)).cloned()
    }
}

impl Reading for Reads {
    fn list<'a>(&'a self, query: ListQuery, principal: &'a Principal) -> Answer<'a, Page<Ticket>> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            let query = Arc::new(list::Wanted { hidden: self.core.private.hidden_from(sight), query });
            if let Some(seq) = list::needs_index(&self.core, &query)
                && !self.core.search.has_reached(seq)
            {
                let walked = Arc::clone(&query);
                if let Some(page) = self.core.blocking(move |core| list::walk(core, &walked)).await? {
                    return Ok(page);
                }
                self.core.index_up_to(seq).await?;
            }
            self.core.blocking(move |core| list::page(core, &query)).await
        })
    }

    fn ticket<'a>(&'a self, id: TicketId, principal: &'a Principal) -> Answer<'a, Arc<Ticket>> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            let state = match self.core.in_memory(id) {
                Some(state) => Some(state),
                None => self.core.blocking(move |core| core.state(id)).await?,
            };
            let seen = state.filter(|state| self.core.sees(sight, &state.ticket));
            seen.map(|state| Arc::new(state.ticket.clone())).ok_or_else(|| Rejection::NotFound.into())
        })
    }

    fn thread<'a>(&'a self, id: TicketId, principal: &'a Principal) -> Answer<'a, Vec<Message>> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            self.core.blocking(move |core| thread::messages(core, id, sight)).await
        })
    }

    fn ticket_events<'a>(
        &'a self,
        id: TicketId,
        after: Version,
        limit: usize,
        principal: &'a Principal,
    ) -> Answer<'a, TicketEvents> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            self.core.blocking(move |core| thread::records(core, id, after, limit, sight)).await
        })
    }

    fn snapshot<'a>(&'a self, at: Option<At>, principal: &'a Principal) -> Answer<'a, SnapshotBytes> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            match at {
                None => snapshot::now(&self.core, sight).await,
                Some(at) => snapshot::at(&self.core, at, sight).await,
            }
        })
    }

    fn events<'a>(&'a self, query: EventsQuery, principal: &'a Principal) -> Answer<'a, EventsBytes> {
        Box::pin(async move {
            let sight = self.sight(principal)?;
            events::events(&self.core, query, principal, sight).await
        })
    }
}

impl Reads {
    /// Whether the ticket stands where this person may see it, as it is now.
    pub async fn is_in_sight(&self, id: TicketId, principal: &Principal) -> Result<bool, Problem> {
        let sight = self.core.private.sight(principal);
        if sight.is_whole() {
            return Ok(true);
        }
        self.core.blocking(move |core| core.is_seen(id, sight)).await
    }

    /// What the asker may see, if anything at all.
    fn sight(&self, principal: &Principal) -> Result<Sight, Problem> {
        if !principal.may(Permission::TicketRead) {
            return Err(Rejection::Forbidden(Permission::TicketRead).into());
        }
        Ok(self.core.private.sight(principal))
    }
}

fn index_not_ready() -> Problem {
    Problem::new(Code::Unavailable, "the search index is being built: try again in a moment")
}

/// The journal could not be read: logged here, told to the asker without details.
fn fault(error: &JournalError) -> Problem {
    tracing::error!(%error, "the journal could not be read");
    Problem::new(Code::Internal, "the desk could not read its journal")
}

fn past_fault(error: &PastError) -> Problem {
    tracing::error!(%error, "the past could not be read");
    Problem::new(Code::Internal, "the desk could not read its past")
}
