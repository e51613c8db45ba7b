//! One session's position in the feed. The socket asks it for the next frame whenever it has room; nothing is queued here, so
//! that memory does not depend on how slow the reader is.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashSet};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use super::Local;
use super::frames::{Body, Frame, close_frame, text_frame};
use crate::domain::ids::{Seq, TicketId, UserId};
use crate::domain::permissions::{Principal, Sight};
use crate::feed::{Entry, Reach, out_of_sight, read_back};
use crate::journal::JournalError;
use crate::line::Line;
use crate::people::{Credential, State as CredentialState};
use crate::protocol::frame::{CloseReason, DeskChanged, Drain, Lag, ServerMessage, Upto};
use crate::protocol::topic::Topic;

/// Records that one read of the journal brings at most.
const READ_BACK_RECORDS: usize = 512;

/// What a session asked for.
#[derive(Clone, Debug, Default)]
pub struct Subscription {
    board: bool,
    queue: bool,
    mine: bool,
    analytics: bool,
    presence: bool,
    desk: bool,
    tickets: BTreeSet<TicketId>,
}

impl Subscription {
    pub fn add(&mut self, topics: &[Topic]) {
        for topic in topics {
            match topic {
                Topic::Board => self.board = true,
                Topic::Queue => self.queue = true,
                Topic::Mine => self.mine = true,
                Topic::Analytics => self.analytics = true,
                Topic::Presence => self.presence = true,
                Topic::Desk => self.desk = true,
                Topic::Ticket(id) => drop(self.tickets.insert(*id)),
            }
        }
    }

    pub fn remove(&mut self, topics: &[Topic]) {
        for topic in topics {
            match topic {
                Topic::Board => self.board = false,
                Topic::Queue => self.queue = false,
                Topic::Mine => self.mine = false,
                Topic::Analytics => self.analytics = false,
                Topic::Presence => self.presence = false,
                Topic::Desk => self.desk = false,
                Topic::Ticket(id) => drop(self.tickets.remove(id)),
            }
        }
    }

    pub fn len(&self) -> usize {
        let flags = [self.board, self.queue, self.mine, self.analytics, self.presence, self.desk];
        self.tickets.len() + flags.into_iter().filter(|flag| *flag).count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every record is on the board: it is of an active ticket, or the one that closes it.
    fn wants_everything(&self) -> bool {
        self.board
    }

    fn wants_records(&self) -> bool {
        self.board || self.queue || self.mine || !self.tickets.is_empty()
    }

    fn wants(&self, entry: &Entry, user: &UserId) -> bool {
        self.board
            || self.tickets.contains(&entry.ticket)
            || (self.queue && entry.routing.queue)
            || (self.mine && entry.routing.mine.contains(user))
    }

    fn wants_presence_of(&self, ticket: TicketId) -> bool {
        self.presence || self.tickets.contains(&ticket)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No `hello` yet.
    Greeting,
    /// `welcome` said `snapshot`; no record is sent until `sub` says where to begin.
    AwaitingSnapshot,
    /// Records follow the cursor.
    Reading,
    /// A close frame is due or was sent.
    Closing(CloseReason),
    Closed,
}

/// What the socket gets when it asks.
#[derive(Debug)]
pub enum Pull {
    Frame(Bytes),
    /// Nothing now; the outlet wakes the socket when there is.
    Nothing,
    End,
}

pub struct Outlet {
    local: Rc<Local>,
    credential: Arc<Credential>,
    user: UserId,
    /// The one that the sight was made of; another one is looked at anew.
    principal: RefCell<Arc<Principal>>,
    sight: Cell<Sight>,
    opened_at: i64,
    phase: Cell<Phase>,
    cursor: Cell<Seq>,
    subscription: RefCell<Subscription>,
    /// Changes with the subscription: what was fetched for an older one is thrown away.
    generation: Cell<u32>,
    fetching: Cell<bool>,
    fetched: RefCell<Option<Fetched>>,
    presence_seen: Cell<u64>,
    figures_seen: Cell<u64>,
    desk_seen: Cell<Option<DeskChanged>>,
    owes_upto: Cell<bool>,
    /// An `upto` for each question, so that each knows its own.
    asked: Cell<u32>,
    upto_at: Cell<i64>,
    lagging: Cell<bool>,
    /// A resume replays; once it has reached the head, an `upto` says so.
    replaying: Cell<bool>,
    drain: RefCell<Option<String>>,
    /// When a look at the clock found something that the socket has not asked for since.
    waits_since: Cell<Option<i64>>,
    waker: RefCell<Option<Waker>>,
    /// For a reader who does not even take the goodbye.
    line: Option<Arc<Line>>,
    this: Weak<Outlet>,
}

struct Fetched {
    generation: u32,
    /// What is visible may have changed while it waited for the socket.
    moves: u64,
    frame: Option<Frame>,
    upto: Seq,
}

impl Outlet {
    pub fn open(
        local: Rc<Local>,
        credential: Arc<Credential>,
        principal: Arc<Principal>,
        line: Option<Arc<Line>>,
    ) -> Rc<Self> {
        let now = local.now_millis();
        let (user, sight) = (principal.id.clone(), local.shared.feed.sight(&principal));
        let outlet = Rc::new_cyclic(|this| Self {
            local: Rc::clone(&local),
            credential,
            user,
            principal: RefCell::new(principal),
            sight: Cell::new(sight),
            opened_at: now,
            phase: Cell::new(Phase::Greeting),
            cursor: Cell::new(Seq::ZERO),
            subscription: RefCell::default(),
            generation: Cell::new(0),
            fetching: Cell::new(false),
            fetched: RefCell::default(),
            presence_seen: Cell::new(0),
            figures_seen: Cell::new(0),
            desk_seen: Cell::new(None),
            owes_upto: Cell::new(false),
            asked: Cell::new(0),
            upto_at: Cell::new(now),
            lagging: Cell::new(false),
            replaying: Cell::new(false),
            drain: RefCell::default(),
            waits_since: Cell::new(None),
            waker: RefCell::default(),
            line,
            this: Weak::clone(this),
        });
        local.join(&outlet);
        outlet
    }

    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub fn cursor(&self) -> Seq {
        self.cursor.get()
    }

    pub fn topics(&self) -> usize {
        self.subscription.borrow().len()
    }

    /// From now on records after `after` flow.
    pub fn begin(&self, after: Seq) {
        self.cursor.set(after);
        self.phase.set(Phase::Reading);
        self.replaying.set(true);
        self.owes_upto.set(false);
        self.asked.set(0);
        self.wake();
    }

    /// `welcome` said `snapshot`.
    pub fn await_snapshot(&self) {
        self.phase.set(Phase::AwaitingSnapshot);
    }

    pub fn subscribe(&self, topics: &[Topic]) {
        self.subscription.borrow_mut().add(topics);
        self.presence_seen.set(0);
        self.asked.set(self.asked.get().saturating_add(1));
        if topics.contains(&Topic::Desk) {
            self.desk_seen.set(None);
        }
        if topics.contains(&Topic::Analytics) {
            self.figures_seen.set(0);
            self.local.shared.watched.look(self.sight.get(), self.local.now_millis());
        }
        self.changed();
    }

    pub fn unsubscribe(&self, topics: &[Topic]) {
        self.subscription.borrow_mut().remove(topics);
        self.asked.set(self.asked.get().saturating_add(1));
        self.changed();
    }

    fn changed(&self) {
        self.generation.set(self.generation.get().wrapping_add(1));
        self.fetched.take();
        self.owes_upto.set(true);
        self.wake();
    }

    /// Says goodbye as soon as the socket takes it, and ends.
    pub fn close(&self, reason: CloseReason) {
        if !matches!(self.phase.get(), Phase::Closing(_) | Phase::Closed) {
            self.phase.set(Phase::Closing(reason));
            self.wake();
        }
    }

    pub fn say_drain(&self, after_ms: u64, jitter_ms: u64) {
        self.drain.replace(Some(ServerMessage::Drain(Drain { after_ms, jitter_ms }).line()));
        self.wake();
    }

    pub fn wants_presence(&self) -> bool {
        let subscription = self.subscription.borrow();
        subscription.presence || !subscription.tickets.is_empty()
    }

    pub fn wants_figures(&self) -> bool {
        self.subscription.borrow().analytics
    }

    /// Makes the socket ask again.
    pub fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// The hub's look at the clock: what does not come from records.
    pub fn tick(&self, local: &Local, now: i64) {
        let config = &local.shared.config;
        if self.phase.get() == Phase::Greeting && now - self.opened_at >= config.session.hello_timeout_ms as i64 {
            self.close(CloseReason::NoHello);
            return;
        }
        self.check_credential();
        if self.has_desk_news() {
            self.wake();
        }
        // Two thirds, so that a heartbeat is never late by a tick.
        if self.phase.get() == Phase::Reading && now - self.upto_at.get() >= config.session.heartbeat_ms as i64 * 2 / 3
        {
            self.owes_upto.set(true);
            self.wake();
        }
        // Whoever takes nothing, or less than anybody can use, for this long; what cannot be said is done from outside.
        let waits = self.owes_upto.get()
            || matches!(self.phase.get(), Phase::Closing(_))
            || self.cursor.get() < local.shared.feed.head();
        let Some(since) = self.waits_since.get().filter(|_| waits) else {
            self.waits_since.set(waits.then_some(now));
            return;
        };
        let limit = config.limits.stuck_reader_ms as i64;
        if now - since >= limit {
            self.close(CloseReason::TooSlow);
        }
        if now - since >= limit + limit / 4
            && let Some(line) = &self.line
        {
            line.cut();
        }
    }

    /// Ends the session the moment its sign-in is withdrawn.
    fn check_credential(&self) {
        match self.credential.state() {
            CredentialState::Live(principal) => self.look_as(principal),
            CredentialState::Revoked => self.close(CloseReason::NotSignedIn),
            CredentialState::RoleWithdrawn => self.close(CloseReason::Forbidden),
        }
    }

    /// From now on the session sees what this principal sees. Nothing that it may not see any more is sent after this.
    fn look_as(&self, principal: Arc<Principal>) {
        if Arc::ptr_eq(&self.principal.borrow(), &principal) {
            return;
        }
        let sight = self.local.shared.feed.sight(&principal);
        self.principal.replace(principal);
        if self.sight.replace(sight) != sight {
            // The board's hash, as it is for this sight, tells the client that what it holds is not its own any more.
            self.figures_seen.set(0);
            self.changed();
        }
    }

    /// Records that it wants to hear of and has not looked at yet.
    pub fn behind(&self) -> u64 {
        let reads = self.phase.get() == Phase::Reading && self.subscription.borrow().wants_records();
        if reads { self.local.shared.feed.head().get().saturating_sub(self.cursor.get().get()) } else { 0 }
    }

    /// What this session may see.
    pub fn sight(&self) -> Sight {
        self.sight.get()
    }

    /// The next frame for the socket, which has room for it.
    pub fn pull(&self, waker: &Waker) -> Pull {
        self.waits_since.set(None);
        self.check_credential();
        let pulled = self.next();
        if matches!(pulled, Pull::Nothing) {
            let mut kept = self.waker.borrow_mut();
            if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
                *kept = Some(waker.clone());
            }
        }
        pulled
    }

    fn next(&self) -> Pull {
        match self.phase.get() {
            Phase::Closed => return Pull::End,
            Phase::Closing(reason) => {
                self.phase.set(Phase::Closed);
                return Pull::Frame(close_frame(reason.code(), reason.text()));
            }
            Phase::Greeting => return Pull::Nothing,
            Phase::AwaitingSnapshot | Phase::Reading => {}
        }
        if let Some(line) = self.drain.take() {
            return Pull::Frame(text_frame(&line));
        }
        if let Some(frame) = self.presence() {
            return Pull::Frame(frame);
        }
        if let Some(frame) = self.figures() {
            return Pull::Frame(frame);
        }
        if self.has_desk_news() {
            return Pull::Frame(self.desk());
        }
        if self.phase.get() == Phase::AwaitingSnapshot {
            return Pull::Nothing;
        }
        if let Some(frame) = self.lag() {
            return Pull::Frame(frame);
        }
        if let Some(frame) = self.records() {
            return Pull::Frame(frame);
        }
        if self.cursor.get() >= self.local.shared.feed.head() && self.replaying.replace(false) {
            self.asked.set(self.asked.get().saturating_add(1));
        }
        if let Some(left) = self.asked.get().checked_sub(1) {
            self.asked.set(left);
            self.owes_upto.set(false);
            return Pull::Frame(self.upto());
        }
        if self.owes_upto.replace(false) {
            return Pull::Frame(self.upto());
        }
        Pull::Nothing
    }

    fn presence(&self) -> Option<Bytes> {
        let seen = self.presence_seen.get();
        let table = self.local.presence.borrow();
        if table.change() == seen {
            return None;
        }
        self.presence_seen.set(table.change());
        let subscription = self.subscription.borrow();
        let lines: Vec<&str> = table
            .since(seen)
            .filter(|(ticket, _)| {
                subscription.wants_presence_of(*ticket) && self.local.shared.feed.sees(self.sight.get(), *ticket)
            })
            .map(|(_, line)| line)
            .collect();
        (!lines.is_empty()).then(|| text_frame(&lines.join("\n")))
    }

    fn figures(&self) -> Option<Bytes> {
        if !self.subscription.borrow().analytics {
            return None;
        }
        let tables = self.local.figures.borrow();
        let table = tables.get(&self.sight.get())?;
        if table.change() == self.figures_seen.get() {
            return None;
        }
        Some(text_frame(&table.since(self.figures_seen.replace(table.change()))))
    }

    fn has_desk_news(&self) -> bool {
        self.subscription.borrow().desk && self.desk_seen.get() != Some(self.local.shared.revisions.now())
    }

    fn desk(&self) -> Bytes {
        let now = self.local.shared.revisions.now();
        self.desk_seen.set(Some(now));
        text_frame(&ServerMessage::Desk(now).line())
    }

    fn lag(&self) -> Option<Bytes> {
        let (from, to) = (self.cursor.get(), self.local.shared.feed.head());
        let behind = to.get().saturating_sub(from.get());
        if behind > self.local.shared.config.session.lag_records && !self.lagging.replace(true) {
            return Some(text_frame(&ServerMessage::Lag(Lag { from, to }).line()));
        }
        if behind == 0 && self.lagging.replace(false) {
            self.owes_upto.set(true);
        }
        None
    }

    fn records(&self) -> Option<Bytes> {
        let subscription = self.subscription.borrow();
        let feed = &self.local.shared.feed;
        if !subscription.wants_records() {
            self.cursor.set(self.cursor.get().max(feed.head()));
            return None;
        }
        let limit = self.local.shared.config.session.frame_bytes;
        if let Some(fetched) = self.fetched.take()
            && fetched.generation == self.generation.get()
            && (self.sight.get().is_whole() || fetched.moves == feed.moves())
        {
            self.cursor.set(fetched.upto);
            if let Some(frame) = fetched.frame {
                return Some(frame.bytes);
            }
        }
        let after = self.cursor.get();
        let sight = self.sight.get();
        if subscription.wants_everything() {
            match self.local.frames.borrow_mut().everything(feed, after, sight, limit) {
                Reach::Here(next) => {
                    let next = next?;
                    self.cursor.set(next.upto);
                    if next.lost {
                        self.owes_upto.set(true);
                    }
                    return next.frame.map(|frame| self.measured(frame));
                }
                Reach::TooOld => {}
            }
        } else {
            let mut body = Body::new(limit);
            let mut upto = after;
            let reach = feed.read(after, |entry| {
                upto = entry.seq;
                !(subscription.wants(entry, &self.user) && feed.sees(sight, entry.ticket)) || body.add(entry)
            });
            if reach == Reach::Here(()) {
                self.cursor.set(upto);
                return body.finish().map(|frame| self.measured(frame));
            }
        }
        drop(subscription);
        self.fetch();
        None
    }

    /// A live frame on its way to the socket: how old its oldest record is.
    fn measured(&self, frame: Frame) -> Bytes {
        if let Some(at) = frame.oldest_at {
            self.local.latency.borrow_mut().add(self.local.now_millis() - at.as_millis());
        }
        frame.bytes
    }

    /// Reads on in the journal, on a blocking thread, and wakes the socket when it is there.
    fn fetch(&self) {
        if self.fetching.replace(true) {
            return;
        }
        // Once this has caught up with the head, an `upto` says so.
        self.replaying.set(true);
        let shared = Arc::clone(&self.local.shared);
        let after = self.cursor.get();
        let generation = self.generation.get();
        let routed = !self.subscription.borrow().wants_everything();
        let sight = self.sight.get();
        let outlet = Weak::clone(&self.this);
        actix_rt::spawn(async move {
            let limit = shared.config.session.frame_bytes;
            let Ok(_permit) = shared.reading.acquire().await else { return };
            let (journal, rules) = (Arc::clone(&shared.journal), Arc::clone(&shared.rules));
            let read = actix_rt::task::spawn_blocking(move || {
                let entries = read_back(journal.as_ref(), after, READ_BACK_RECORDS, limit, routed.then_some(&*rules))?;
                let hidden = out_of_sight(journal.as_ref(), &entries, &rules.private_teams, sight)?;
                Ok::<_, JournalError>((entries, hidden))
            });
            let read = read.await;
            let Some(outlet) = outlet.upgrade() else { return };
            outlet.fetching.set(false);
            match read {
                Ok(Ok((entries, hidden))) => outlet.take_fetched(generation, after, &entries, &hidden),
                Ok(Err(error)) => (shared.fatal)(&error),
                Err(_) => outlet.close(CloseReason::GoingAway),
            }
            outlet.wake();
        });
    }

    fn take_fetched(&self, generation: u32, after: Seq, entries: &[Entry], hidden: &HashSet<TicketId>) {
        let subscription = self.subscription.borrow();
        // All that was read goes into one frame: the read was bounded already.
        let mut body = Body::new(usize::MAX);
        let moves = self.local.shared.feed.moves();
        let (feed, sight) = (&self.local.shared.feed, self.sight.get());
        let is_seen = |entry: &&Entry| {
            // The journal was asked a moment ago; what was hidden since, the feed knows.
            subscription.wants(entry, &self.user) && !hidden.contains(&entry.ticket) && feed.sees(sight, entry.ticket)
        };
        for entry in entries.iter().filter(is_seen) {
            body.add(entry);
        }
        let upto = entries.last().map_or(after, |entry| entry.seq);
        self.fetched.replace(Some(Fetched { generation, moves, frame: body.finish(), upto }));
    }

    fn upto(&self) -> Bytes {
        self.upto_at.set(self.local.now_millis());
        let seq = self.cursor.get();
        let board = if self.subscription.borrow().board {
            self.local.shared.feed.board_hash_at(seq, self.sight.get()).map(|hash| format!("{hash:016x}"))
        } else {
            None
        };
        text_frame(&ServerMessage::Upto(Upto { seq, board }).line())
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.local.leave();
    }
}
