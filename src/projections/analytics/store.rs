//! All facts, in one append-only file for each kind, cut into blocks that know their span of time and their sum.
//!
//! The last, unfinished block of a kind lies in memory and in the checkpoint. What a question needs is taken as a [`View`]:
//! cheap to take, and it stays as it is while the fold goes on. The files can always be made again from the journal.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fact::{Fact, Kind};

/// Facts of a block.
pub const BLOCK_FACTS: usize = 4096;
const BLOCK_BYTES: usize = BLOCK_FACTS * Fact::BYTES;

#[derive(Debug)]
pub struct Store {
    folder: Option<PathBuf>,
    kinds: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    place: Place,
    blocks: Arc<Vec<Block>>,
    tail: Vec<u8>,
    tail_span: Span,
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Arc<Vec<Arc<[u8]>>>),
    File(Arc<File>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    first: i64,
    last: i64,
}

impl Span {
    const EMPTY: Self = Self { first: i64::MAX, last: i64::MIN };

    fn add(&mut self, at: i64) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }

    fn meets(self, from: i64, to: i64) -> bool {
        self.first < to && self.last >= from
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    span: Span,
    sum: u32,
}

/// A kind as it lies in a checkpoint.
#[derive(Serialize, Deserialize)]
pub struct WrittenSegment {
    blocks: Vec<Block>,
    tail: Vec<u8>,
    tail_span: Span,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the facts cannot be read or written: {0}")]
    Io(#[from] io::Error),
    #[error("a block of facts ({kind}, {block}) is not what was written")]
    Damaged { kind: &'static str, block: usize },
}

impl Store {
    /// Empty, in memory or in a folder whose former facts are thrown away.
    pub fn new(folder: Option<&Path>) -> Result<Self, StoreError> {
        let kinds = Kind::ALL.iter().map(|kind| Segment::new(*kind, folder)).collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.map(Path::to_owned), kinds })
    }

    /// As a checkpoint says. Fails where the files are shorter than it.
    pub fn open(folder: &Path, written: Vec<WrittenSegment>) -> Result<Self, StoreError> {
        if written.len() != Kind::COUNT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "another number of kinds").into());
        }
        let kinds = Kind::ALL
            .iter()
            .zip(written)
            .map(|(kind, written)| Segment::open(*kind, folder, written))
            .collect::<Result<_, _>>()?;
        Ok(Self { folder: Some(folder.to_owned()), kinds })
    }

    pub fn add(&mut self, kind: Kind, fact: &Fact) -> Result<(), StoreError> {
        self.kinds[kind.index()].add(fact)
    }

    /// Has the blocks reach the disk and hands out what the checkpoint must hold.
    pub fn write(&self) -> Result<Vec<WrittenSegment>, StoreError> {
        self.kinds
            .iter()
            .map(|segment| {
                if let Place::File(file) = &segment.place {
                    file.sync_data()?;
                }
                Ok(WrittenSegment {
                    blocks: segment.blocks.to_vec(),
                    tail: segment.tail.clone(),
                    tail_span: segment.tail_span,
                })
            })
            .collect()
    }

    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The facts of a kind as they are now.
    pub fn view(&self, kind: Kind) -> View {
        let segment = &self.kinds[kind.index()];
        View {
            kind,
            place: segment.place.clone(),
            blocks: Arc::clone(&segment.blocks),
            tail: segment.tail.as_slice().into(),
            tail_span: segment.tail_span,
        }
    }

    /// Facts of a kind, with those that take others back.
    pub fn len(&self, kind: Kind) -> usize {
        let segment = &self.kinds[kind.index()];
        segment.blocks.len() * BLOCK_FACTS + segment.tail.len() / Fact::BYTES
    }
}

fn path(folder: &Path, kind: Kind) -> PathBuf {
    folder.join(kind.name()).with_extension("facts")
}

impl Segment {
    fn new(kind: Kind, folder: Option<&Path>) -> Result<Self, StoreError> {
        let place = match folder {
            None => Place::Memory(Arc::default()),
            Some(folder) => {
                let options =
                    OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path(folder, kind))?;
                Place::File(Arc::new(options))
            }
        };
        Ok(Self { place, blocks: Arc::default(), tail: Vec::new(), tail_span: Span::EMPTY })
    }

    fn open(kind: Kind, folder: &Path, written: WrittenSegment) -> Result<Self, StoreError> {
        let file = OpenOptions::new().read(true).write(true).open(path(folder, kind))?;
        let length = (written.blocks.len() * BLOCK_BYTES) as u64;
        if file.metadata()?.len() < length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a file of facts is too short").into());
        }
        // What was written after the checkpoint is folded again.
        file.set_len(length)?;
        Ok(Self {
            place: Place::File(Arc::new(file)),
            blocks: Arc::new(written.blocks),
            tail: written.tail,
            tail_span: written.tail_span,
        })
    }

    fn add(&mut self, fact: &Fact) -> Result<(), StoreError> {
        fact.write(&mut self.tail);
        self.tail_span.add(fact.at);
        if self.tail.len() < BLOCK_BYTES {
            return Ok(());
        }
        let block = Block { span: self.tail_span, sum: crc32c::crc32c(&self.tail) };
        match &mut self.place {
            Place::Memory(blocks) => Arc::make_mut(blocks).push(self.tail.as_slice().into()),
            Place::File(file) => file.write_all_at(&self.tail, (self.blocks.len() * BLOCK_BYTES) as u64)?,
        }
        Arc::make_mut(&mut self.blocks).push(block);
        self.tail.clear();
        self.tail_span = Span::EMPTY;
        Ok(())
    }
}

/// The facts of a kind at one moment.
#[derive(Clone, Debug)]
pub struct View {
    kind: Kind,
    place: Place,
    blocks: Arc<Vec<Block>>,
    tail: Arc<[u8]>,
    tail_span: Span,
}

impl View {
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Folds the facts from `from` until before `to`, in no order that means anything, on as many threads as help.
    pub fn scan<A: Send>(
        &self,
        from: i64,
        to: i64,
        make: impl Fn() -> A + Sync,
        step: impl Fn(&mut A, &Fact) -> bool + Sync,
        merge: impl Fn(&mut A, A),
    ) -> Result<A, StoreError> {
        let wanted: Vec<usize> =
            (0..self.blocks.len()).filter(|index| self.blocks[*index].span.meets(from, to)).collect();
        // A thread is worth it from about a millisecond of work on.
        let threads = (wanted.len() / 16).clamp(1, std::thread::available_parallelism().map_or(1, usize::from).min(4));
        let part = |blocks: &[usize]| -> Result<A, StoreError> {
            let mut into = make();
            let mut buffer = Vec::new();
            for index in blocks {
                let bytes = self.block(*index, &mut buffer)?;
                if !each(bytes, from, to, &mut |fact| step(&mut into, fact)) {
                    break;
                }
            }
            Ok(into)
        };
        let mut all = if threads == 1 {
            part(&wanted)?
        } else {
            std::thread::scope(|scope| {
                let parts: Vec<_> =
                    wanted.chunks(wanted.len().div_ceil(threads)).map(|blocks| scope.spawn(|| part(blocks))).collect();
                let mut all: Option<A> = None;
                for one in parts {
                    let one = one.join().expect("invariant: counting does not panic")?;
                    match &mut all {
                        None => all = Some(one),
                        Some(all) => merge(all, one),
                    }
                }
                Ok::<A, StoreError>(all.unwrap_or_else(&make))
            })?
        };
        if self.tail_span.meets(from, to) {
            each(&self.tail, from, to, &mut |fact| step(&mut all, fact));
        }
        Ok(all)
    }

    fn block<'a>(&'a self, index: usize, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], StoreError> {
        let bytes: &[u8] = match &self.place {
            Place::Memory(blocks) => &blocks[index],
            Place::File(file) => {
                buffer.resize(BLOCK_BYTES, 0);
                file.read_exact_at(buffer, (index * BLOCK_BYTES) as u64)?;
                buffer
            }
        };
        if crc32c::crc32c(bytes) == self.blocks[index].sum {
            Ok(bytes)
        } else {
            Err(StoreError::Damaged { kind: self.kind.name(), block: index })
        }
    }
}

/// False when `take` had enough.
fn each(bytes: &[u8], from: i64, to: i64, take: &mut impl FnMut(&Fact) -> bool) -> bool {
    let (facts, _) = bytes.as_chunks::<{ Fact::BYTES }>();
    for bytes in facts {
        let at = i64::from_le_bytes(bytes[..8].try_into().expect("invariant: eight bytes"));
        if (from..to).contains(&at) && !take(&Fact::read(bytes)) {
            return false;
        }
    }
    true
}
