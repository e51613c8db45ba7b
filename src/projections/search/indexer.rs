//! The index's thread: reads the journal from where the index ends, commits, installs the new view.
//!
//! Nothing else writes the index. An error of its disk is logged and tried again later: the desk goes on, searches are refused
//! meanwhile. Started by [`super::Search`].

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tantivy::indexer::IndexWriterOptions;
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyError, Term};
use tokio::sync::watch;

use super::schema::{Layout, Payload, TOKENIZER, analyzer, facet};
use super::view::View;
use super::{Bell, SearchConfig};
use crate::domain::ids::{Seq, TicketId};
use crate::domain::ticket::Status;
use crate::journal::{Journal, JournalError, Stored};

/// Records that are read at once.
const BATCH_RECORDS: usize = 2_000;
const BATCH_BYTES: usize = 4 << 20;
/// While records keep coming, they are read this often, so that little is left to do for somebody who searches.
const READ_EVERY: Duration = Duration::from_millis(100);
/// The tail of newest texts in memory must not grow long: this much is committed before its time.
const COMMIT_BYTES: usize = 1 << 20;
/// While it is further behind than this, the index commits rarely.
const FAR_BEHIND: u64 = 50_000;
const COMMIT_WHILE_BEHIND: Duration = Duration::from_secs(20);
/// After an error of the disk.
const RETRY: Duration = Duration::from_secs(5);
/// tantivy refuses less.
const LEAST_WRITER_BYTES: usize = 15_000_000;

pub(super) struct Indexer {
    journal: Arc<dyn Journal>,
    config: SearchConfig,
    layout: Layout,
    bell: Arc<Bell>,
    applied: watch::Sender<Option<Seq>>,
    install: Box<dyn FnMut(View) + Send>,
}

#[derive(Debug, thiserror::Error)]
enum IndexError {
    #[error(transparent)]
    Index(#[from] TantivyError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Folder(#[from] std::io::Error),
    #[error("record {seq} cannot be read: {source}")]
    Record { seq: Seq, source: serde_json::Error },
}

/// Why a round of work ended.
enum End {
    Stopped,
    Rebuild,
}

/// An open index.
struct Open {
    reader: IndexReader,
    writer: IndexWriter,
    /// Read up to here; committed up to `committed`.
    read: Seq,
    committed: Seq,
    uncommitted_since: Option<Instant>,
    uncommitted_bytes: usize,
}

/// The part of a record that the index needs.
#[derive(Deserialize)]
struct Slim<'a> {
    #[serde(borrow)]
    event: SlimEvent<'a>,
    #[serde(borrow)]
    patch: SlimPatch<'a>,
}

#[derive(Deserialize)]
struct SlimEvent<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Option<SlimMessage<'a>>,
}

#[derive(Deserialize)]
struct SlimMessage<'a> {
    #[serde(borrow)]
    body: Cow<'a, str>,
}

#[derive(Deserialize)]
struct SlimPatch<'a> {
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    #[serde(default)]
    status: Option<Status>,
}

impl Indexer {
    pub fn new(
        journal: Arc<dyn Journal>,
        config: SearchConfig,
        bell: Arc<Bell>,
        applied: watch::Sender<Option<Seq>>,
        install: Box<dyn FnMut(View) + Send>,
    ) -> Self {
        Self { journal, config, layout: Layout::new(), bell, applied, install }
    }

    pub fn run(mut self) {
        let mut fresh = false;
        loop {
            let round = AssertUnwindSafe(|| self.open(fresh).and_then(|mut open| self.work(&mut open)));
            fresh = match catch_unwind(round) {
                Ok(Ok(End::Stopped)) => return,
                Ok(Ok(End::Rebuild)) => {
                    tracing::warn!("the search index could not be read: it is built anew from the journal");
                    true
                }
                Ok(Err(error)) => {
                    tracing::error!(%error, "the search index cannot go on: it is opened again in a moment");
                    if self.pause(RETRY) {
                        return;
                    }
                    false
                }
                Err(_) => {
                    tracing::error!("the search index broke: it is built anew from the journal");
                    if self.pause(RETRY) {
                        return;
                    }
                    true
                }
            };
        }
    }

    /// Opens the index where it ends, or an empty one where it cannot be continued.
    fn open(&mut self, fresh: bool) -> Result<Open, IndexError> {
        let (index, seq) = match &self.config.folder {
            None => (Index::create_in_ram(self.layout.schema.clone()), Seq::ZERO),
            Some(folder) => {
                let usable = if fresh { None } else { self.usable(folder) };
                usable.map_or_else(|| self.create(folder), Ok)?
            }
        };
        index.tokenizers().register(TOKENIZER, analyzer());
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(self.config.writer_bytes.max(LEAST_WRITER_BYTES))
            .build();
        let writer = index.writer_with_options(options)?;
        let reader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(0).try_into()?;
        let open = Open { reader, writer, read: seq, committed: seq, uncommitted_since: None, uncommitted_bytes: 0 };
        self.show(&open);
        Ok(open)
    }

    /// An empty index in place of whatever lies in `folder`.
    fn create(&self, folder: &Path) -> Result<(Index, Seq), IndexError> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        Ok((Index::create_in_dir(folder, self.layout.schema.clone())?, Seq::ZERO))
    }

    /// The index in `folder` if it is whole, of this build, and of this journal.
    fn usable(&self, folder: &Path) -> Option<(Index, Seq)> {
        if !folder.join("meta.json").exists() {
            return None;
        }
        let opened = Index::open_in_dir(folder).and_then(|index| {
            let damaged = index.validate_checksum()?;
            let meta = index.load_metas()?;
            Ok((index, damaged, meta))
        });
        let why = match opened {
            Err(error) => error.to_string(),
            Ok((_, damaged, _)) if !damaged.is_empty() => format!("{} of its files are damaged", damaged.len()),
            Ok((index, _, _)) if index.schema() != self.layout.schema => "another build made it".to_owned(),
            // It was killed before its first commit.
            Ok((index, _, meta)) if meta.payload.is_none() && meta.segments.is_empty() => {
                return Some((index, Seq::ZERO));
            }
            Ok((index, _, meta)) => {
                let payload = meta.payload.as_deref().and_then(|text| serde_json::from_str::<Payload>(text).ok());
                match payload {
                    Some(payload) if payload.fits(&self.journal.epoch(), self.journal.head().seq) => {
                        return Some((index, payload.seq));
                    }
                    _ => "it was made from another journal".to_owned(),
                }
            }
        };
        tracing::warn!(%why, "the search index cannot be used: it is built anew from the journal");
        None
    }

    fn work(&mut self, open: &mut Open) -> Result<End, IndexError> {
        loop {
            let batch = self.journal.read(open.read, BATCH_RECORDS, BATCH_BYTES)?;
            for stored in &batch {
                self.add(open, stored)?;
                open.uncommitted_bytes += stored.json.len();
            }
            if let Some(last) = batch.last() {
                open.read = last.seq;
                open.uncommitted_since.get_or_insert_with(Instant::now);
            }

            let mut orders = self.bell.orders.lock();
            orders.head = orders.head.max(open.read);
            if orders.rebuild {
                orders.rebuild = false;
                return Ok(End::Rebuild);
            }
            let (stop, is_wanted) = (orders.stop, orders.wanted > open.committed && orders.wanted <= open.read);
            let behind = orders.head.get() - open.read.get();
            let interval = match behind {
                FAR_BEHIND.. => COMMIT_WHILE_BEHIND,
                _ if open.uncommitted_bytes >= COMMIT_BYTES => Duration::ZERO,
                _ => self.config.commit,
            };
            let due = open.uncommitted_since.map(|since| since + interval);
            if stop || is_wanted || due.is_some_and(|due| due <= Instant::now()) {
                drop(orders);
                self.commit(open)?;
                if stop {
                    return Ok(End::Stopped);
                }
                continue;
            }
            if behind > 0 && (!batch.is_empty() || orders.wanted > open.read) {
                continue;
            }
            match due {
                None if behind == 0 => {
                    orders.idle = true;
                    self.bell.rung.wait(&mut orders);
                    orders.idle = false;
                }
                _ => {
                    let until = due.map_or(READ_EVERY, |due| due.duration_since(Instant::now()).min(READ_EVERY));
                    self.bell.rung.wait_for(&mut orders, until);
                }
            }
        }
    }

    fn add(&self, open: &Open, stored: &Stored) -> Result<(), IndexError> {
        let slim: Slim<'_> =
            serde_json::from_slice(&stored.json).map_err(|source| IndexError::Record { seq: stored.seq, source })?;
        let facet = |facet: String| Term::from_field_text(self.layout.facet, &facet);
        let id = stored.ticket;
        if let Some(message) = slim.event.message {
            open.writer.add_document(self.layout.message(id, &message.body))?;
        }
        if let Some(subject) = slim.patch.subject {
            if slim.event.kind != "created" {
                open.writer.delete_term(facet(facet::subject_of(id)));
            }
            open.writer.add_document(self.layout.subject(id, &subject))?;
        }
        match slim.patch.status {
            Some(Status::Closed) => self.add_closed(open, id)?,
            // Only an undone merge opens a closed ticket again.
            Some(_) if slim.event.kind == "undone" => {
                open.writer.delete_term(facet(facet::closed_of(id)));
            }
            _ => {}
        }
        Ok(())
    }

    /// The state is the newest one: if the ticket changed after the record that is being read, whoever asks knows that.
    fn add_closed(&self, open: &Open, id: TicketId) -> Result<(), IndexError> {
        if let Some(state) = self.journal.state(id)?
            && !state.ticket.is_active()
        {
            open.writer.add_document(self.layout.closed(&state.ticket))?;
        }
        Ok(())
    }

    fn commit(&mut self, open: &mut Open) -> Result<(), IndexError> {
        (open.uncommitted_since, open.uncommitted_bytes) = (None, 0);
        if open.read > open.committed {
            let payload = Payload::new(self.journal.epoch(), open.read);
            let mut prepared = open.writer.prepare_commit()?;
            prepared.set_payload(&serde_json::to_string(&payload).expect("invariant: a payload is plain JSON"));
            prepared.commit()?;
            open.reader.reload()?;
            open.committed = open.read;
            self.show(open);
        }
        Ok(())
    }

    fn show(&mut self, open: &Open) {
        (self.install)(View { seq: open.committed, searcher: open.reader.searcher(), layout: self.layout.clone() });
        self.applied.send_replace(Some(open.committed));
    }

    /// Waits; true when the thread must end.
    fn pause(&self, length: Duration) -> bool {
        let until = Instant::now() + length;
        let mut orders = self.bell.orders.lock();
        while !orders.stop && !self.bell.rung.wait_until(&mut orders, until).timed_out() {}
        orders.stop
    }
}
