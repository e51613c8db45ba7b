//! One session's position in the feed. The socket asks it for the next frame whenever it has room; nothing is queued here, so
//! that memory does not depend on how slow the reader is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use super::Local;
use super::frames::{Body, Frame, close_frame, text_frame};
use crate::domain::ids::{Seq, TicketId, UserId};
use crate::feed::{Entry, Reach, read_back};
use crate::people::{Credential, State as CredentialState};
use crate::protocol::frame::{CloseReason, Drain, Lag, ServerMessage, Upto};
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
                Topic::Ticket(id) => drop(self.tickets.remove(id)),
            }
        }
    }

    pub fn len(&self) -> usize {
        let flags = [self.board, self.queue, self.mine, self.analytics, self.presence];
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
    owes_upto: Cell<bool>,
    upto_at: Cell<i64>,
    lagging: Cell<bool>,
    /// A resume replays; once it has reached the head, an `upto` says so.
    replaying: Cell<bool>,
    drain: RefCell<Option<String>>,
    asked_at: Cell<i64>,
    waker: RefCell<Option<Waker>>,
    this: Weak<Outlet>,
}

struct Fetched {
    generation: u32,
    frame: Option<Frame>,
    upto: Seq,
}

impl Outlet {
    pub fn open(local: Rc<Local>, credential: Arc<Credential>, user: UserId) -> Rc<Self> {
        let now = local.now_millis();
        let outlet = Rc::new_cyclic(|this| Self {
            local: Rc::clone(&local),
            credential,
            user,
            opened_at: now,
            phase: Cell::new(Phase::Greeting),
            cursor: Cell::new(Seq::ZERO),
            subscription: RefCell::default(),
            generation: Cell::new(0),
            fetching: Cell::new(false),
            fetched: RefCell::default(),
            presence_seen: Cell::new(0),
            figures_seen: Cell::new(0),
            owes_upto: Cell::new(false),
            upto_at: Cell::new(now),
            lagging: Cell::new(false),
            replaying: Cell::new(false),
            drain: RefCell::default(),
            asked_at: Cell::new(now),
            waker: RefCell::default(),
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
        self.wake();
    }

    /// `welcome` said `snapshot`.
    pub fn await_snapshot(&self) {
        self.phase.set(Phase::AwaitingSnapshot);
    }

    pub fn subscribe(&self, topics: &[Topic]) {
        self.subscription.borrow_mut().add(topics);
        self.presence_seen.set(0);
        if topics.contains(&Topic::Analytics) {
            self.figures_seen.set(0);
        }
        self.changed();
    }

    pub fn unsubscribe(&self, topics: &[Topic]) {
        self.subscription.borrow_mut().remove(topics);
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
        // Two thirds, so that a heartbeat is never late by a tick.
        if self.phase.get() == Phase::Reading && now - self.upto_at.get() >= config.session.heartbeat_ms as i64 * 2 / 3
        {
            self.owes_upto.set(true);
            self.wake();
        }
        // The kernel ends a connection that takes nothing at all; this one takes less than anybody can use.
        let waits = self.owes_upto.get() || self.cursor.get() < local.shared.feed.head();
        if waits && now - self.asked_at.get() >= 3 * config.limits.stuck_reader_ms as i64 {
            self.close(CloseReason::TooSlow);
        }
    }

    /// Ends the session the moment its sign-in is withdrawn.
    fn check_credential(&self) {
        match self.credential.state() {
            CredentialState::Live(_) => {}
            CredentialState::Revoked => self.close(CloseReason::NotSignedIn),
            CredentialState::RoleWithdrawn => self.close(CloseReason::Forbidden),
        }
    }

    /// The next frame for the socket, which has room for it.
    pub fn pull(&self, waker: &Waker) -> Pull {
        self.asked_at.set(self.local.now_millis());
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
            self.owes_upto.set(true);
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
            .filter(|(ticket, _)| subscription.wants_presence_of(*ticket))
            .map(|(_, line)| line)
            .collect();
        (!lines.is_empty()).then(|| text_frame(&lines.join("\n")))
    }

    fn figures(&self) -> Option<Bytes> {
        let table = self.local.figures.borrow();
        if !self.subscription.borrow().analytics || table.change() == self.figures_seen.get() {
            return None;
        }
        Some(text_frame(&table.since(self.figures_seen.replace(table.change()))))
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
        {
            self.cursor.set(fetched.upto);
            if let Some(frame) = fetched.frame {
                return Some(frame.bytes);
            }
        }
        let after = self.cursor.get();
        if subscription.wants_everything() {
            match self.local.frames.borrow_mut().everything(feed, after, limit) {
                Reach::Here(frame) => {
                    let frame = frame?;
                    self.cursor.set(frame.upto);
                    return Some(self.measured(frame));
                }
                Reach::TooOld => {}
            }
        } else {
            let mut body = Body::new(limit);
            let mut upto = after;
            let reach = feed.read(after, |entry| {
                upto = entry.seq;
                !subscription.wants(entry, &self.user) || body.add(entry)
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
        let outlet = Weak::clone(&self.this);
        actix_rt::spawn(async move {
            let limit = shared.config.session.frame_bytes;
            let Ok(_permit) = shared.reading.acquire().await else { return };
            let (journal, rules) = (Arc::clone(&shared.journal), Arc::clone(&shared.rules));
            let read = actix_rt::task::spawn_blocking(move || {
                read_back(journal.as_ref(), after, READ_BACK_RECORDS, limit, routed.then_some(&*rules))
            });
            let read = read.await;
            let Some(outlet) = outlet.upgrade() else { return };
            outlet.fetching.set(false);
            match read {
                Ok(Ok(entries)) => outlet.take_fetched(generation, after, &entries),
                Ok(Err(error)) => (shared.fatal)(&error),
                Err(_) => outlet.close(CloseReason::GoingAway),
            }
            outlet.wake();
        });
    }

    fn take_fetched(&self, generation: u32, after: Seq, entries: &[Entry]) {
        let subscription = self.subscription.borrow();
        // All that was read goes into one frame: the read was bounded already.
        let mut body = Body::new(usize::MAX);
        for entry in entries.iter().filter(|entry| subscription.wants(entry, &self.user)) {
            body.add(entry);
        }
        let upto = entries.last().map_or(after, |entry| entry.seq);
        self.fetched.replace(Some(Fetched { generation, frame: body.finish(), upto }));
    }

    fn upto(&self) -> Bytes {
        self.upto_at.set(self.local.now_millis());
        let seq = self.cursor.get();
        let board = if self.subscription.borrow().board {
            self.local.shared.feed.board_hash_at(seq).map(|hash| format!("{hash:016x}"))
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
