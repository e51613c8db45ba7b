//! The one thread that appends: it takes what waits, makes it durable in one group, publishes it, then answers.
//!
//! It alone gives out `seq`, and it judges the versions that appends were decided on. It never decides what a command means,
//! and never answers before the group is on disk. Started by `app`; called through [`WriterHandle`] by tickets and by those
//! who keep asides.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::{
    Append, Aside, Committed, CommittedPart, Group, GroupRecord, Head, Journal, JournalError, Part, Stored, format,
};
use crate::domain::ids::{Seq, TicketId, Version};
use crate::domain::record::{Draft, Record};
use crate::domain::state::TicketState;
use crate::domain::time::Timestamp;

/// How often a writer whose disk is full looks whether there is room again.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(200);

/// Reaches the writer from any thread. Clones are cheap and reach the same one.
#[derive(Clone)]
pub struct WriterHandle {
    sender: Sender<Message>,
    shared: Arc<Shared>,
}

/// Why an append did not take place. Nothing of it is on disk or ever will be, except after `Stopped`, where nobody knows
/// until the journal is opened again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Somebody else changed the ticket first; `version` is where it stands now.
    #[error("ticket {ticket} stands at version {version}")]
    Conflict { ticket: TicketId, version: Version },
    #[error("there is no room on the disk")]
    Full,
    /// As many appends wait as may: an answer at once, not a wait.
    #[error("too many appends are waiting")]
    Overloaded,
    /// The writer was closed or its disk failed.
    #[error("the journal does not take appends any more")]
    Stopped,
}

/// See `[journal]` of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct WriterConfig {
    /// Appends that may wait for the writer; one more is `Overloaded`.
    pub waiting_appends: usize,
    /// A group is closed once it has this many records or this many bytes of JSON.
    pub group_records: usize,
    pub group_bytes: usize,
    /// Memos older than this, by the time of the newest one, are forgotten.
    pub remember_commands_ms: i64,
}

/// Called on the writer's thread with what became durable, in order of seq, before anything of it is answered.
pub type Publish = Box<dyn FnMut(&[Arc<Committed>]) + Send>;

/// Called once on the writer's thread when the disk failed: the process must stop with exit status 4.
pub type Fatal = Box<dyn FnOnce(JournalError) + Send>;

/// Told how long it took to make a group durable, and how many records it had.
pub type OnCommit = Box<dyn Fn(Duration, usize) + Send + Sync>;

type Answer<T> = oneshot::Sender<Result<T, AppendError>>;

/// Starts the writer at the journal's head. The thread ends after [`WriterHandle::close`], once the last handle is gone, or
/// after `fatal`.
pub fn spawn(
    journal: Arc<dyn Journal>,
    config: WriterConfig,
    publish: Publish,
    fatal: Fatal,
) -> (WriterHandle, JoinHandle<()>) {
    let (handle, writer) = by_hand(journal, config, publish);
    let thread = std::thread::Builder::new()
        .name("journal".into())
        .spawn(move || {
            let stopped = writer.shared.clone();
            let outcome = catch_unwind(AssertUnwindSafe(move || writer.run()));
            stopped.stopped.store(true, Ordering::SeqCst);
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(error)) => fatal(error),
                Err(_) => fatal(io::Error::other("the journal's writer panicked").into()),
            }
        })
        .expect("invariant: a process that starts can start a thread");
    (handle, thread)
}

/// A writer without a thread: it works when [`Writer::turn`] is called. For simulations, which decide when that is.
pub fn by_hand(journal: Arc<dyn Journal>, config: WriterConfig, publish: Publish) -> (WriterHandle, Writer) {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let shared = Arc::new(Shared { limit: config.waiting_appends.max(1), ..Shared::default() });
    let writer = Writer {
        receiver,
        head: journal.head(),
        last_ticket: journal.last_ticket(),
        journal,
        config,
        publish,
        shared: shared.clone(),
        newest_memo: None,
        forgotten_to: None,
    };
    (WriterHandle { sender, shared }, writer)
}

impl WriterHandle {
    /// Appends, and answers once it is on disk and published. Dropping the future does not take the append back.
    ///
    /// # Panics
    /// When the append breaks its own contract (no record, versions that do not follow `expect`): a bug of the caller.
    pub async fn append(&self, append: Append) -> Result<Arc<Committed>, AppendError> {
        let ready = Ready::encode(append);
        self.send(|answer| Message::Append(Box::new(ready), answer)).await
    }

    /// Stores or removes values beside the records, all or nothing, and answers once that is on disk.
    ///
    /// # Panics
    /// When a key is empty, longer than [`format::MAX_KEY_BYTES`] or has a zero byte in it: a bug of the caller.
    pub async fn put_asides(&self, asides: Vec<Aside>) -> Result<(), AppendError> {
        for Aside { key, .. } in &asides {
            let fits = !key.is_empty() && key.len() <= format::MAX_KEY_BYTES && !key.contains('\0');
            assert!(fits, "invariant: an aside has a short name");
        }
        if asides.is_empty() {
            return Ok(());
        }
        self.send(|answer| Message::Asides(asides, answer)).await
    }

    /// The disk was full at the last commit, and nobody has found room since. Reads go on.
    pub fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }

    /// Has every commit from now on told, on the writer's thread; once for a writer.
    pub fn on_commit(&self, told: OnCommit) {
        assert!(self.shared.on_commit.set(told).is_ok(), "invariant: commits are told to one listener");
    }

    /// Appends that wait for the next group.
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Takes no more appends; those that were sent before are still written and answered, then the thread ends: join it.
    pub fn close(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // A writer that is gone already needs no telling.
        let _ = self.sender.send(Message::Close);
    }

    async fn send<T>(&self, message: impl FnOnce(Answer<T>) -> Message) -> Result<T, AppendError> {
        if self.shared.closing.load(Ordering::SeqCst) || self.shared.stopped.load(Ordering::SeqCst) {
            return Err(AppendError::Stopped);
        }
        if self.shared.waiting.fetch_add(1, Ordering::AcqRel) >= self.shared.limit {
            self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
            return Err(AppendError::Overloaded);
        }
        let (answer, answered) = oneshot::channel();
        if self.sender.send(message(answer)).is_err() {
            return Err(AppendError::Stopped);
        }
        answered.await.unwrap_or(Err(AppendError::Stopped))
    }
}

#[derive(Default)]
struct Shared {
    /// The channel is without a limit of its own, so that `Close` always gets through; this counts what lies in it.
    waiting: AtomicUsize,
    limit: usize,
    full: AtomicBool,
    closing: AtomicBool,
    stopped: AtomicBool,
    on_commit: OnceLock<OnCommit>,
}

enum Message {
    Append(Box<Ready>, Answer<Arc<Committed>>),
    Asides(Vec<Aside>, Answer<()>),
    Close,
}

/// An append whose drafts are already JSON: that work is done on the caller's thread, the writer's is scarcer.
struct Ready {
    append: Append,
    /// One for each draft, in order, over all parts, with room for the seq before it.
    drafts: Vec<Vec<u8>>,
}

impl Ready {
    fn encode(append: Append) -> Self {
        assert!(!append.parts.is_empty(), "invariant: an append changes a ticket");
        let mut drafts = Vec::new();
        for part in &append.parts {
            assert!(!part.drafts.is_empty(), "invariant: a part has a record");
            let mut version = part.expect;
            for draft in &part.drafts {
                version = version.next();
                assert!(
                    draft.ticket == part.ticket && draft.version == version,
                    "invariant: the versions of an append follow the one that it was decided on"
                );
                drafts.push(with_room_for_seq(draft));
            }
            let after = &part.after.ticket;
            assert!(
                after.id == part.ticket && after.version == version,
                "invariant: the state after is that after the last record"
            );
        }
        Self { append, drafts }
    }
}

/// What the thread runs.
pub struct Writer {
    receiver: Receiver<Message>,
    journal: Arc<dyn Journal>,
    config: WriterConfig,
    publish: Publish,
    shared: Arc<Shared>,
    head: Head,
    last_ticket: TicketId,
    /// Time is taken from the memos, not from a clock: forgetting follows the desk's own time.
    newest_memo: Option<Timestamp>,
    forgotten_to: Option<Timestamp>,
}

impl Writer {
    fn run(mut self) -> Result<(), JournalError> {
        while let Some(first) = self.wait() {
            if !self.group(first)? {
                // What was sent before `Close` came before it in the channel; what came later finds the channel gone.
                break;
            }
        }
        Ok(())
    }

    /// Makes one group of what waits. False when nothing waited.
    pub fn turn(&mut self) -> Result<bool, JournalError> {
        match self.receiver.try_recv() {
            Ok(first) => self.group(first).map(|_| true),
            Err(_) => Ok(false),
        }
    }

    /// One group, from its first message on. False after `Close`.
    fn group(&mut self, first: Message) -> Result<bool, JournalError> {
        let mut batch = Batch::new(self.head);
        let mut open = self.take(first, &mut batch)?;
        while open && batch.group.records.len() < self.config.group_records && batch.bytes < self.config.group_bytes {
            let Ok(message) = self.receiver.try_recv() else { break };
            open = self.take(message, &mut batch)?;
        }
        self.commit(batch)?;
        self.forget_memos()?;
        Ok(open)
    }

    /// The next message; `None` once nobody can send one any more.
    fn wait(&self) -> Option<Message> {
        while self.shared.full.load(Ordering::Relaxed) {
            match self.receiver.recv_timeout(LOOK_FOR_ROOM) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) => {
                    if self.journal.has_room() {
                        self.shared.full.store(false, Ordering::Relaxed);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        self.receiver.recv().ok()
    }

    /// Puts a message into the batch. False for `Close`.
    fn take(&mut self, message: Message, batch: &mut Batch) -> Result<bool, JournalError> {
        match message {
            Message::Close => return Ok(false),
            Message::Asides(asides, answer) => {
                self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
                batch.group.asides.extend(asides);
                batch.answers.push(Pending::Asides(answer));
            }
            Message::Append(ready, answer) => {
                self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
                match self.conflict(&ready.append.parts, batch)? {
                    Some(conflict) => batch.answers.push(Pending::Refused(conflict, answer)),
                    None => batch.add(*ready, answer),
                }
            }
        }
        Ok(true)
    }

    /// Compares what the parts expect with the versions after everything that is in the batch already.
    fn conflict(&self, parts: &[Part], batch: &Batch) -> Result<Option<AppendError>, JournalError> {
        for (index, part) in parts.iter().enumerate() {
            let earlier = parts[..index].iter().rfind(|earlier| earlier.ticket == part.ticket);
            let version = match earlier {
                Some(earlier) => earlier.after.ticket.version,
                None => match batch.states.get(&part.ticket) {
                    Some(state) => state.ticket.version,
                    None => self.version(part.ticket)?,
                },
            };
            if version != part.expect {
                return Ok(Some(AppendError::Conflict { ticket: part.ticket, version }));
            }
        }
        Ok(None)
    }

    fn version(&self, ticket: TicketId) -> Result<Version, JournalError> {
        if ticket > self.last_ticket {
            return Ok(Version::ZERO);
        }
        self.journal.version(ticket)
    }

    fn commit(&mut self, mut batch: Batch) -> Result<(), JournalError> {
        if !batch.group.records.is_empty() || !batch.group.asides.is_empty() {
            batch.finish();
            let begun = Instant::now();
            match self.journal.commit(&batch.group) {
                Ok(()) => {
                    self.shared.full.store(false, Ordering::Relaxed);
                    if let Some(told) = self.shared.on_commit.get() {
                        told(begun.elapsed(), batch.group.records.len());
                    }
                }
                Err(JournalError::Full) => {
                    self.shared.full.store(true, Ordering::Relaxed);
                    batch.refuse(&AppendError::Full);
                    return Ok(());
                }
                Err(error) => {
                    // The answers are dropped with the batch: nobody is told that it was written.
                    self.shared.stopped.store(true, Ordering::SeqCst);
                    return Err(error);
                }
            }
            self.head = batch.group.head;
            self.last_ticket = batch
                .group
                .records
                .iter()
                .map(|record| record.ticket)
                .max()
                .max(Some(self.last_ticket))
                .unwrap_or_default();
            self.newest_memo = batch.group.memos.iter().map(|memo| memo.at).max().max(self.newest_memo);
        }
        if !batch.committed.is_empty() {
            (self.publish)(&batch.committed);
            // Whoever is answered lets go of it last, and frees it on his own thread.
            batch.committed.clear();
        }
        batch.answer();
        Ok(())
    }

    /// Forgets a bounded number of old memos after a group, a part of an hour's worth at a time.
    fn forget_memos(&mut self) -> Result<(), JournalError> {
        let Some(newest) = self.newest_memo else { return Ok(()) };
        let before = newest.plus_millis(-self.config.remember_commands_ms);
        let step_ms = self.config.remember_commands_ms / 24;
        if self.forgotten_to.is_some_and(|to| before.millis_since(to) <= step_ms) {
            return Ok(());
        }
        if self.journal.forget_memos(before)? == 0 {
            self.forgotten_to = Some(before);
        }
        Ok(())
    }
}

/// A group while it fills up, with those who wait for it.
struct Batch {
    group: Group,
    committed: Vec<Arc<Committed>>,
    answers: Vec<Pending>,
    /// The newest state of each ticket.
    states: FxHashMap<TicketId, Arc<TicketState>>,
    bytes: usize,
}

enum Pending {
    Append(Arc<Committed>, Answer<Arc<Committed>>),
    /// Answered with the group as well: what refused it must be on disk before anybody hears of it.
    Refused(AppendError, Answer<Arc<Committed>>),
    Asides(Answer<()>),
}

impl Batch {
    fn new(head: Head) -> Self {
        Self {
            group: Group { head, ..Group::default() },
            committed: Vec::new(),
            answers: Vec::new(),
            states: FxHashMap::default(),
            bytes: 0,
        }
    }

    fn add(&mut self, ready: Ready, answer: Answer<Arc<Committed>>) {
        let mut drafts = ready.drafts.into_iter();
        let mut parts = Vec::with_capacity(ready.append.parts.len());
        for part in ready.append.parts {
            let mut records = Vec::with_capacity(part.drafts.len());
            let mut stored = Vec::with_capacity(part.drafts.len());
            for draft in part.drafts {
                let json = drafts.next().expect("invariant: every draft was encoded");
                let (record, bytes) = self.record(draft, json);
                stored.push(Stored { seq: record.seq, ticket: part.ticket, json: bytes });
                records.push(Arc::new(record));
            }
            self.states.insert(part.ticket, part.after.clone());
            parts.push(CommittedPart { ticket: part.ticket, records, stored, before: part.before, after: part.after });
        }
        let last = self.group.head.seq;
        if let Some(mut memo) = ready.append.memo {
            memo.seq = last;
            self.group.memos.push(memo);
        }
        let committed = Arc::new(Committed { parts, last });
        self.committed.push(committed.clone());
        self.answers.push(Pending::Append(committed, answer));
    }

    fn record(&mut self, draft: Draft, draft_json: Vec<u8>) -> (Record, Bytes) {
        let seq = self.group.head.seq.next();
        let json = with_seq(seq, draft_json);
        let crc_before = self.group.head.crc;
        let crc = format::chain(crc_before, &json);
        self.group.records.push(GroupRecord {
            seq,
            ticket: draft.ticket,
            version: draft.version,
            crc_before,
            crc,
            json: json.clone(),
        });
        self.group.head = Head { seq, crc };
        self.bytes += json.len();
        (Record { seq, draft }, json)
    }

    fn finish(&mut self) {
        self.group.states.extend(std::mem::take(&mut self.states).into_values());
    }

    fn answer(self) {
        for pending in self.answers {
            // Whoever dropped the future does not want the answer.
            match pending {
                Pending::Append(committed, answer) => drop(answer.send(Ok(committed))),
                Pending::Refused(error, answer) => drop(answer.send(Err(error))),
                Pending::Asides(answer) => drop(answer.send(Ok(()))),
            }
        }
    }

    fn refuse(self, error: &AppendError) {
        for pending in self.answers {
            match pending {
                Pending::Append(_, answer) | Pending::Refused(_, answer) => drop(answer.send(Err(error.clone()))),
                Pending::Asides(answer) => drop(answer.send(Err(error.clone()))),
            }
        }
    }
}

/// Room for `{"seq":` and twenty digits; the comma takes the place of the draft's brace.
const ROOM_FOR_SEQ: usize = 27;

/// A draft's JSON after some room, so that [`with_seq`] neither copies it nor asks for memory.
fn with_room_for_seq(draft: &Draft) -> Vec<u8> {
    let mut json = Vec::with_capacity(1024);
    json.resize(ROOM_FOR_SEQ, b' ');
    serde_json::to_writer(&mut json, draft).expect("invariant: a draft is JSON");
    // It will be kept for a while by those who read the feed.
    json.shrink_to_fit();
    json
}

/// What `serde_json` makes of a [`Record`], out of the JSON of its draft: `{"seq":N,` and the draft without its brace.
fn with_seq(seq: Seq, mut draft_json: Vec<u8>) -> Bytes {
    let mut at = ROOM_FOR_SEQ;
    draft_json[at] = b',';
    let mut left = seq.get();
    loop {
        at -= 1;
        draft_json[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    let start = at - b"{\"seq\":".len();
    draft_json[start..at].copy_from_slice(b"{\"seq\":");
    Bytes::from(draft_json).slice(start..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::TicketId;
    use crate::journal::sample::opened;

    /// J20
    #[test]
    fn j20_the_seq_is_put_before_a_draft_as_its_json_would_have_it() {
        let draft = opened(TicketId(1), "Hello").parts.remove(0).drafts.remove(0);
        for seq in [0, 1, 9, 10, 1_234_567, u64::MAX].map(Seq) {
            let record = Record { seq, draft: draft.clone() };
            assert_eq!(with_seq(seq, with_room_for_seq(&draft)), serde_json::to_vec(&record).unwrap());
        }
    }
}
