//! Files that go with messages: taken in piece by piece, looked at, kept outside the journal, and given out again.
//!
//! A file is an upload of one user's until a message takes it; which ticket it belongs to is written together with that message,
//! so there is never one without the other. Bytes lie in a [`Storage`], under a name that nobody can guess, written before the
//! journal hears of the file and removed before the journal forgets it: nothing lies there that the journal does not know. It
//! never decides who may see a ticket: whoever gives a file out asks for that first. Called by `http`, and by the tickets.

mod kind;
mod thumbnail;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use dashmap::DashMap;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

pub use kind::served_as;

use crate::clock::Clock;
use crate::config;
use crate::domain::ids::{AttachmentId, TicketId, UserId};
use crate::domain::message::Attachment;
use crate::domain::text::clean_file_name;
use crate::domain::time::Timestamp;
use crate::journal::writer::{AppendError, WriterHandle};
use crate::journal::{Aside, Journal, JournalError};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::views::{BeginUpload, UploadView};
use crate::storage::{Got, Storage, StorageError};

/// Uploads that no message has taken yet.
const UPLOADS: &str = "uploads/";
/// Files of messages.
pub const SENT: &str = "attachments/";

/// What was received counts once so many bytes are with the system.
const FLUSHED_BYTES: u64 = 256 * 1024;
/// Pictures that are unpacked at the same time.
const PICTURES_AT_ONCE: usize = 2;
const HOUR_MS: i64 = 3_600_000;
/// A stranger's file counts at least so much: it costs the desk more than its bytes.
const LEAST_BYTES: u64 = 64 * 1024;

/// What lies in the journal about a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    pub user: UserId,
    pub name: String,
    pub bytes: u64,
    /// What the sender says the sum is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    promised: Option<String>,
    pub created_at: Timestamp,
    /// Once all of it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// Once a message has taken it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
}

/// What a whole file turned out to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    pub media_type: String,
    pub sha256: String,
    pub thumbnail: bool,
}

impl Stored {
    fn attachment(&self, id: &AttachmentId) -> Option<Attachment> {
        let Found { media_type, sha256, thumbnail } = self.found.clone()?;
        Some(Attachment { id: id.clone(), name: self.name.clone(), media_type, bytes: self.bytes, sha256, thumbnail })
    }
}

/// The files of the desk. One for the process, behind an `Arc`.
pub struct Attachments {
    journal: Arc<dyn Journal>,
    writer: WriterHandle,
    storage: Storage,
    spool: PathBuf,
    /// It stands outside of a data folder, and nobody comes back to it.
    spool_is_ours: bool,
    config: config::Attachments,
    clock: Clock,
    uploads: DashMap<AttachmentId, Arc<Upload>>,
    /// Bytes that each user has announced within the hour that began then.
    announced: DashMap<UserId, (i64, u64)>,
    pictures: Semaphore,
}

struct Upload {
    id: AttachmentId,
    stored: Mutex<Stored>,
    received: AtomicU64,
    /// One request at a time adds to it.
    writing: tokio::sync::Mutex<()>,
    /// A command is about to take it.
    held: AtomicBool,
}

/// Files that a command holds until its outcome is known.
pub struct Held {
    owner: Arc<Attachments>,
    uploads: Vec<Arc<Upload>>,
}

/// Why the desk's files are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the place for attachments cannot be used: {0}")]
    Storage(#[from] StorageError),
    #[error("the folder for uploads cannot be used: {0}")]
    Spool(#[from] std::io::Error),
}

impl Attachments {
    /// Opens the place that the configuration names: by default `attachments` in the data folder, memory without one.
    ///
    /// # Errors
    /// When the journal, the place or the folder for uploads cannot be used.
    pub fn open(
        journal: Arc<dyn Journal>,
        writer: WriterHandle,
        data: Option<&Path>,
        config: &config::Config,
        clock: Clock,
    ) -> Result<Arc<Self>, OpenError> {
        let storage = Self::place(data, config)?;
        let (spool, spool_is_ours) = match data {
            Some(data) => (data.join("uploads"), false),
            None => (std::env::temp_dir().join(format!("hotdesk-{}", &fresh_id().as_str()[..16])), true),
        };
        // What was half received before a restart is sent again: nobody knows how much of it is whole.
        if spool.exists() {
            std::fs::remove_dir_all(&spool)?;
        }
        std::fs::create_dir_all(&spool)?;
        let uploads = DashMap::new();
        for (key, value) in journal.asides(UPLOADS)? {
            let stored: Stored = read(&key, &value)?;
            let id = AttachmentId::from(&key[UPLOADS.len()..]);
            let received = if stored.found.is_some() { stored.bytes } else { 0 };
            uploads.insert(id.clone(), Upload::new(id, stored, received));
        }
        Ok(Arc::new(Self {
            journal,
            writer,
            storage,
            spool,
            spool_is_ours,
            config: config.attachments.clone(),
            clock,
            uploads,
            announced: DashMap::new(),
            pictures: Semaphore::new(PICTURES_AT_ONCE),
        }))
    }

    /// The place that the configuration names.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn place(data: Option<&Path>, config: &config::Config) -> Result<Storage, StorageError> {
        match (config.attachments.place.as_str(), data) {
            ("", Some(data)) => Storage::folder(&data.join("attachments")),
            ("", None) => Ok(Storage::memory()),
            (place, _) => Storage::open(place, &config.storage),
        }
    }

    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Opens an upload. Those of strangers are all the requester's: whoever knows the id of one made it.
    ///
    /// # Errors
    /// For a size or a sum that cannot be, and for more than the user, or all strangers together, may bring along.
    pub async fn begin(&self, user: &UserId, wanted: BeginUpload) -> Result<UploadView, Refused> {
        let is_stranger = *user == UserId::requester();
        let most = if is_stranger { self.config.form.file_bytes } else { self.config.file_bytes };
        if wanted.bytes == 0 {
            return Err(Problem::field("/bytes", "invalid", "an empty file is nothing to send").into());
        }
        if wanted.bytes > most {
            return Err(Problem::field("/bytes", "too_big", format!("a file has at most {most} bytes")).into());
        }
        let promised = wanted.sha256.map(|sum| sum.to_ascii_lowercase());
        if promised.as_ref().is_some_and(|sum| sum.len() != 64 || !sum.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            return Err(Problem::field("/sha256", "invalid", "a SHA-256 has 64 hex digits").into());
        }
        if !is_stranger {
            let own = self.uploads.iter().filter(|upload| upload.stored.lock().user == *user).count();
            if own >= self.config.uploads {
                return Err(Refused::later(format!("{own} of your files wait to be sent: send or remove some first")));
            }
            self.announce(user, wanted.bytes)?;
        }
        let id = fresh_id();
        let stored = Stored {
            user: user.clone(),
            name: clean_file_name(&wanted.name),
            bytes: wanted.bytes,
            promised,
            created_at: self.now(),
            found: None,
            ticket: None,
        };
        let note = aside(UPLOADS, &id, Some(&stored));
        let upload = Upload::new(id.clone(), stored, 0);
        // Before it is counted, so that two at once never both find the last room.
        self.uploads.insert(id.clone(), Arc::clone(&upload));
        if is_stranger && self.waiting_of_strangers() > self.config.form.waiting_bytes {
            self.uploads.remove(&id);
            return Err(Refused::later("too many files wait to be sent: try again later".to_owned()));
        }
        if let Err(problem) = self.write(vec![note]).await {
            self.uploads.remove(&id);
            return Err(problem.into());
        }
        Ok(self.view(&upload))
    }

    fn waiting_of_strangers(&self) -> u64 {
        let stranger = UserId::requester();
        let counts = |upload: &Upload| {
            let stored = upload.stored.lock();
            if stored.user == stranger { counted_bytes(stored.bytes) } else { 0 }
        };
        self.uploads.iter().map(|upload| counts(&upload)).sum()
    }

    /// Of this user's uploads among these, together.
    pub fn bytes_of(&self, user: &UserId, named: &[AttachmentId]) -> u64 {
        named.iter().filter_map(|id| self.own(user, id.as_str()).ok()).map(|upload| upload.stored.lock().bytes).sum()
    }

    /// Adds to an upload what `next` gives, from byte `from` on. Whatever came before a failure stays, so the sender goes on there.
    ///
    /// # Errors
    /// `wrong_offset` where the upload stands elsewhere, `too_big` beyond what was announced, and what `next` says.
    pub async fn receive(
        &self,
        user: &UserId,
        id: &str,
        from: u64,
        mut next: impl AsyncFnMut() -> Option<Result<Bytes, Problem>>,
    ) -> Result<UploadView, Problem> {
        let upload = self.own(user, id)?;
        let Ok(_writing) = upload.writing.try_lock() else {
            return Err(Problem::new(Code::Overloaded, "another request is sending this file"));
        };
        let (bytes, is_whole) = {
            let stored = upload.stored.lock();
            (stored.bytes, stored.found.is_some())
        };
        let mut received = upload.received.load(Ordering::Acquire);
        if from != received {
            return Err(Problem::new(Code::WrongOffset, format!("the upload goes on at byte {received}")));
        }
        if is_whole {
            return Ok(self.view(&upload));
        }
        let path = self.spool.join(upload.id.as_str());
        let mut file = tokio::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .await
            .map_err(|error| unwritable(&error))?;
        // What a request that broke off wrote beyond what counts is written again.
        file.set_len(received).await.map_err(|error| unwritable(&error))?;
        tokio::io::AsyncSeekExt::seek(&mut file, std::io::SeekFrom::Start(received))
            .await
            .map_err(|error| unwritable(&error))?;
        let outcome = loop {
            match next().await {
                None => break Ok(()),
                Some(Err(problem)) => break Err(problem),
                Some(Ok(chunk)) if received + chunk.len() as u64 > bytes => {
                    break Err(Problem::new(Code::TooBig, format!("the upload was announced with {bytes} bytes")));
                }
                Some(Ok(chunk)) => {
                    file.write_all(&chunk).await.map_err(|error| unwritable(&error))?;
                    received += chunk.len() as u64;
                    if received - upload.received.load(Ordering::Relaxed) >= FLUSHED_BYTES {
                        file.flush().await.map_err(|error| unwritable(&error))?;
                        upload.received.store(received, Ordering::Release);
                    }
                }
            }
        };
        file.flush().await.map_err(|error| unwritable(&error))?;
        upload.received.store(received, Ordering::Release);
        drop(file);
        outcome?;
        if received == bytes {
            self.finish(&upload, &path).await?;
        }
        Ok(self.view(&upload))
    }

    /// All of it is there: looks at it, and puts it where it stays.
    async fn finish(&self, upload: &Arc<Upload>, path: &Path) -> Result<(), Problem> {
        let mut stored = upload.stored.lock().clone();
        let picture =
            self.pictures.acquire().await.map_err(|_| Problem::new(Code::Unavailable, "the desk is leaving"))?;
        let (spooled, pixels, side) = (path.to_owned(), self.config.pixels, self.config.thumbnail_px);
        let looked = tokio::task::spawn_blocking(move || look(&spooled, pixels, side)).await;
        drop(picture);
        let (media_type, sha256, small) = match looked {
            Ok(looked) => looked.map_err(|error| unwritable(&error))?,
            Err(_) => return Err(Problem::new(Code::Internal, "the file could not be looked at")),
        };
        if stored.promised.as_ref().is_some_and(|promised| *promised != sha256) {
            upload.received.store(0, Ordering::Release);
            let detail = "what arrived is not what was announced: send it again from the beginning";
            return Err(Problem::field("/sha256", "mismatch", detail));
        }
        let thumbnail = small.is_some();
        self.storage.put_file(&object(&upload.id), path).await.map_err(|error| unstored(&error))?;
        if let Some(small) = small {
            self.storage.put(&small_object(&upload.id), small.into()).await.map_err(|error| unstored(&error))?;
        }
        stored.found = Some(Found { media_type: media_type.to_owned(), sha256, thumbnail });
        self.write(vec![aside(UPLOADS, &upload.id, Some(&stored))]).await?;
        *upload.stored.lock() = stored;
        if let Err(error) = tokio::fs::remove_file(path).await {
            tracing::warn!(%error, "an upload that is stored could not be removed from its folder");
        }
        Ok(())
    }

    /// An upload of this user's that no message has taken.
    ///
    /// # Errors
    /// `not_found` for anybody else's too.
    pub fn upload(&self, user: &UserId, id: &str) -> Result<UploadView, Problem> {
        Ok(self.view(self.own(user, id)?.as_ref()))
    }

    /// Gives an upload up.
    ///
    /// # Errors
    /// `not_found` for anybody else's and for files of messages; `overloaded` while a message takes it.
    pub async fn cancel(&self, user: &UserId, id: &str) -> Result<(), Problem> {
        let upload = self.own(user, id)?;
        let Ok(_writing) = upload.writing.try_lock() else {
            return Err(Problem::new(Code::Overloaded, "another request is sending this file"));
        };
        if upload.held.swap(true, Ordering::AcqRel) {
            return Err(Problem::new(Code::Overloaded, "a message is about to take this file"));
        }
        let removed = self.remove(&upload).await;
        upload.held.store(false, Ordering::Release);
        removed
    }

    /// A file of a message, with the ticket that it belongs to.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn sent(&self, id: &str) -> Result<Option<(Stored, TicketId)>, Problem> {
        if !is_id(id) {
            return Ok(None);
        }
        let (journal, key) = (Arc::clone(&self.journal), format!("{SENT}{id}"));
        let found = tokio::task::spawn_blocking(move || {
            journal.aside(&key)?.map(|value| read::<Stored>(&key, &value)).transpose()
        });
        match found.await {
            Ok(Ok(found)) => Ok(found.and_then(|stored| stored.ticket.map(|ticket| (stored, ticket)))),
            Ok(Err(error)) => {
                tracing::error!(%error, "an attachment cannot be looked up");
                Err(Problem::new(Code::Unavailable, "the desk is stopping"))
            }
            Err(_) => Err(Problem::new(Code::Internal, "the attachment could not be looked up")),
        }
    }

    /// What is known of this user's own upload, once all of it is there.
    pub fn own_whole(&self, user: &UserId, id: &str) -> Option<Stored> {
        let stored = self.own(user, id).ok()?.stored.lock().clone();
        stored.found.is_some().then_some(stored)
    }

    /// # Errors
    /// `not_found` where the bytes are gone, `unavailable` where their place cannot be reached.
    pub async fn content(&self, id: &str, range: Option<std::ops::Range<u64>>) -> Result<Got, Problem> {
        let got = self.storage.get(&object(&AttachmentId::from(id)), range).await;
        got.map_err(|error| unread(&error))
    }

    /// # Errors
    /// As [`Self::content`].
    pub async fn thumbnail(&self, id: &str) -> Result<Bytes, Problem> {
        self.storage.read(&small_object(&AttachmentId::from(id))).await.map_err(|error| unread(&error))
    }

    /// Takes the user's own whole uploads among these out of everybody else's reach until the command's outcome is known.
    pub fn hold(self: &Arc<Self>, user: &UserId, named: &[AttachmentId]) -> Held {
        let mut uploads: Vec<Arc<Upload>> = Vec::new();
        for id in named {
            let Ok(upload) = self.own(user, id.as_str()) else { continue };
            let is_whole = upload.stored.lock().found.is_some();
            if is_whole && !upload.held.swap(true, Ordering::AcqRel) {
                uploads.push(upload);
            }
        }
        Held { owner: Arc::clone(self), uploads }
    }

    /// What the journal is told together with the message that takes these files.
    pub fn bindings(&self, files: &[Attachment], ticket: TicketId) -> Vec<Aside> {
        let mut asides = Vec::with_capacity(2 * files.len());
        for file in files {
            let Some(upload) = self.uploads.get(&file.id) else { continue };
            let stored = Stored { ticket: Some(ticket), promised: None, ..upload.stored.lock().clone() };
            asides.push(aside(UPLOADS, &file.id, None));
            asides.push(aside(SENT, &file.id, Some(&stored)));
        }
        asides
    }

    /// Removes uploads that no message took in time. Called now and then by `app`; gives how many went.
    pub async fn collect(&self) -> usize {
        let now = self.now();
        let old: Vec<Arc<Upload>> = self
            .uploads
            .iter()
            .filter(|upload| self.expires_at(&upload.stored.lock()) < now)
            .map(|upload| Arc::clone(&upload))
            .collect();
        let mut removed = 0;
        for upload in old {
            let Ok(_writing) = upload.writing.try_lock() else { continue };
            if upload.held.swap(true, Ordering::AcqRel) {
                continue;
            }
            match self.remove(&upload).await {
                Ok(()) => removed += 1,
                Err(problem) => {
                    upload.held.store(false, Ordering::Release);
                    tracing::warn!(%problem, "an upload that nobody sent could not be removed");
                }
            }
        }
        self.announced.retain(|_, (began, _)| self.clock.now_millis() - *began < HOUR_MS);
        removed
    }

    /// The bytes first: what the journal still knows can be removed again.
    async fn remove(&self, upload: &Upload) -> Result<(), Problem> {
        if upload.stored.lock().found.is_some() {
            for name in [object(&upload.id), small_object(&upload.id)] {
                self.storage.delete(&name).await.map_err(|error| unstored(&error))?;
            }
        }
        self.write(vec![aside(UPLOADS, &upload.id, None)]).await?;
        self.uploads.remove(&upload.id);
        // It may never have had a byte.
        let _ = tokio::fs::remove_file(self.spool.join(upload.id.as_str())).await;
        Ok(())
    }

    fn own(&self, user: &UserId, id: &str) -> Result<Arc<Upload>, Problem> {
        let upload = self.uploads.get(id).map(|upload| Arc::clone(&upload));
        upload.filter(|upload| upload.stored.lock().user == *user).ok_or_else(no_file)
    }

    fn announce(&self, user: &UserId, bytes: u64) -> Result<(), Refused> {
        let (now, most) = (self.clock.now_millis(), self.config.user_bytes_per_h);
        let mut hour = self.announced.entry(user.clone()).or_insert((now, 0));
        if now - hour.0 >= HOUR_MS {
            *hour = (now, 0);
        }
        if hour.1 + bytes > most {
            let wait_ms = u64::try_from(HOUR_MS - (now - hour.0)).unwrap_or_default();
            let problem = Problem::new(Code::TooMany, format!("more than {most} bytes within an hour"));
            return Err(Refused { problem, retry_after_s: Some(wait_ms.div_ceil(1000)) });
        }
        hour.1 += bytes;
        Ok(())
    }

    fn view(&self, upload: &Upload) -> UploadView {
        let stored = upload.stored.lock();
        UploadView {
            id: upload.id.clone(),
            name: stored.name.clone(),
            bytes: stored.bytes,
            received: upload.received.load(Ordering::Acquire),
            attachment: stored.attachment(&upload.id),
            expires_at: self.expires_at(&stored),
        }
    }

    fn expires_at(&self, stored: &Stored) -> Timestamp {
        let is_stranger = stored.user == UserId::requester();
        stored.created_at.plus_millis(if is_stranger { self.config.form.unsent_ms } else { self.config.unsent_ms })
    }

    async fn write(&self, asides: Vec<Aside>) -> Result<(), Problem> {
        self.writer.put_asides(asides).await.map_err(|error| match error {
            AppendError::Full => Problem::new(Code::StorageFull, "there is no room on the desk's disk"),
            AppendError::Overloaded => Problem::new(Code::Overloaded, "too many changes are waiting for the disk"),
            AppendError::Stopped | AppendError::Conflict { .. } => {
                Problem::new(Code::Unavailable, "the desk is stopping")
            }
        })
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now_millis())
    }
}

impl Drop for Attachments {
    fn drop(&mut self) {
        if self.spool_is_ours {
            // Nobody is left to tell.
            let _ = std::fs::remove_dir_all(&self.spool);
        }
    }
}

impl Upload {
    fn new(id: AttachmentId, stored: Stored, received: u64) -> Arc<Self> {
        Arc::new(Self {
            id,
            stored: Mutex::new(stored),
            received: AtomicU64::new(received),
            writing: tokio::sync::Mutex::default(),
            held: AtomicBool::new(false),
        })
    }
}

impl Held {
    pub fn files(&self) -> Arc<[Attachment]> {
        self.uploads.iter().filter_map(|upload| upload.stored.lock().attachment(&upload.id)).collect()
    }

    /// The command has its outcome: what a message took is no upload any more, the rest is as it was.
    pub async fn release(self) {
        for upload in self.uploads {
            match self.owner.sent(upload.id.as_str()).await {
                Ok(Some(_)) => drop(self.owner.uploads.remove(&upload.id)),
                Ok(None) => upload.held.store(false, Ordering::Release),
                // Nobody knows: it stays held until a restart tells.
                Err(_) => {}
            }
        }
    }
}

/// A refusal that may say when to come back.
pub struct Refused {
    pub problem: Problem,
    pub retry_after_s: Option<u64>,
}

impl Refused {
    fn later(detail: String) -> Self {
        Self { problem: Problem::new(Code::TooMany, detail), retry_after_s: Some(60) }
    }
}

/// What a stranger's file of so many bytes counts.
pub fn counted_bytes(bytes: u64) -> u64 {
    bytes.max(LEAST_BYTES)
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, retry_after_s: None }
    }
}

/// The type, the sum and the small picture of a file. Blocks.
fn look(path: &Path, pixels: u64, side_px: u32) -> std::io::Result<(&'static str, String, Option<Vec<u8>>)> {
    let mut file = std::fs::File::open(path)?;
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut head = Vec::new();
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        sum.update(&buffer[..read]);
        let wanted = kind::LOOKED_AT - head.len();
        head.extend_from_slice(&buffer[..read.min(wanted)]);
    }
    let media_type = kind::media_type(&head);
    // A decoder that a stranger's bytes make panic is no more than a picture that cannot be shown.
    let small = media_type
        .starts_with("image/")
        .then(|| std::panic::catch_unwind(|| thumbnail::make(path, pixels, side_px)).unwrap_or_default());
    Ok((media_type, hex(&sum.finalize()), small.flatten()))
}

fn fresh_id() -> AttachmentId {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("invariant: the system has a source of randomness");
    AttachmentId::from(hex(&bytes))
}

fn is_id(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that the journal knows, as it lies in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub name: String,
    /// Of what somebody sent; a small picture is made and may be made again.
    pub sha256: Option<String>,
}

/// Every file that the journal knows to be whole.
///
/// # Errors
/// When the journal cannot be read.
pub fn objects(journal: &dyn Journal) -> Result<Vec<Object>, JournalError> {
    let mut found = Vec::new();
    for prefix in [SENT, UPLOADS] {
        for (key, value) in journal.asides(prefix)? {
            let stored: Stored = read(&key, &value)?;
            let id = AttachmentId::from(&key[prefix.len()..]);
            let Some(Found { sha256, thumbnail, .. }) = stored.found else { continue };
            found.push(Object { name: object(&id), sha256: Some(sha256) });
            if thumbnail {
                found.push(Object { name: small_object(&id), sha256: None });
            }
        }
    }
    Ok(found)
}

/// Where the bytes lie.
pub fn object(id: &AttachmentId) -> String {
    format!("{}/{id}", &id.as_str()[..2])
}

/// Where the small picture lies.
pub fn small_object(id: &AttachmentId) -> String {
    format!("{}.small", object(id))
}

fn aside(prefix: &str, id: &AttachmentId, value: Option<&Stored>) -> Aside {
    let value = value.map(|stored| serde_json::to_vec(stored).expect("invariant: a note is JSON").into());
    Aside { key: format!("{prefix}{id}"), value }
}

fn read<T: serde::de::DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, JournalError> {
    serde_json::from_slice(value)
        .map_err(|error| JournalError::Damaged { what: format!("{key} cannot be read: {error}") })
}

fn no_file() -> Problem {
    Problem::new(Code::NotFound, "there is no such attachment")
}

/// What is not there and what is not for the caller are one.
pub fn absent() -> Problem {
    no_file()
}

fn unwritable(error: &std::io::Error) -> Problem {
    if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
        return Problem::new(Code::StorageFull, "there is no room for uploads on the desk's disk");
    }
    tracing::error!(%error, "an upload could not be written");
    Problem::new(Code::Internal, "the upload could not be written")
}

fn unstored(error: &StorageError) -> Problem {
    if matches!(error, StorageError::Full) {
        return Problem::new(Code::StorageFull, "there is no room for attachments");
    }
    tracing::error!(%error, "the place for attachments failed");
    Problem::new(Code::Unavailable, "the place for attachments cannot be reached: try again")
}

fn unread(error: &StorageError) -> Problem {
    match error {
        StorageError::Absent(_) => no_file(),
        other => unstored(other),
    }
}
