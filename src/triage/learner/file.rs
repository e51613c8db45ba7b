//! The learner as bytes: a version, a checksum, and everything that it knows, so that what is read back predicts the same.
//!
//! It never opens a file. Damage of any kind is an error that says so; nothing is repaired and nothing is guessed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::Category;
use super::calibration::Calibration;
use super::examples::Example;
use super::features::Feature;
use super::model::Model;
use super::vocabulary::{NO_ROW, Vocabulary};
use super::weights::Weights;

const MAGIC: [u8; 8] = *b"hdlearn\n";
/// Goes up with every change of the layout, of the features or of the scale of the weights.
pub const VERSION: u32 = 1;
const HEAD: usize = MAGIC.len() + 4 + 8 + 8;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("this is not a learner's file")]
    Foreign,
    #[error("the learner's file has version {0}, and this program reads version {VERSION}")]
    Version(u32),
    #[error("the learner's file is damaged: {0}; remove it, and the learner begins again from the desk's corrections")]
    Damaged(&'static str),
}

/// What a file holds.
#[derive(Debug)]
pub struct Contents {
    pub categories: Vec<Category>,
    pub model: Model,
    pub examples: Vec<Arc<Example>>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    categories: Vec<Category>,
    calibration: Calibration,
    texts: u32,
    row_limit: usize,
    features: usize,
    entries: usize,
    cells: usize,
    examples: usize,
}

pub fn write(categories: &[Category], model: &Model, examples: &[Arc<Example>]) -> Vec<u8> {
    let head = Head {
        categories: categories.to_vec(),
        calibration: model.calibration.clone(),
        texts: model.texts,
        row_limit: model.row_limit,
        features: model.vocabulary.limit(),
        entries: model.vocabulary.len(),
        cells: model.weights.cells().len(),
        examples: examples.len(),
    };
    let head = serde_json::to_vec(&head).expect("invariant: the head is plain data");
    let mut body = Vec::with_capacity(model.bytes());
    body.extend((head.len() as u64).to_le_bytes());
    body.extend(head);
    let mut entries: Vec<_> = model.vocabulary.entries().collect();
    entries.sort_unstable_by_key(|entry| entry.feature);
    for entry in entries {
        for number in [entry.feature.0, entry.row, entry.texts] {
            body.extend(number.to_le_bytes());
        }
    }
    body.extend(model.weights.cells().iter().flat_map(|cell| cell.to_le_bytes()));
    for example in examples {
        body.extend(example.ticket.to_le_bytes());
        body.extend(example.category.to_le_bytes());
        body.extend((example.features.len() as u32).to_le_bytes());
        body.extend(example.features.iter().flat_map(|feature| feature.0.to_le_bytes()));
    }
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((body.len() as u64).to_le_bytes());
    bytes.extend(xxh3_64(&body).to_le_bytes());
    bytes.extend(body);
    bytes
}

pub fn read(bytes: &[u8]) -> Result<Contents, FileError> {
    let mut reader = Reader(bytes);
    if reader.take(MAGIC.len()).ok().is_none_or(|magic| magic != MAGIC) {
        return Err(FileError::Foreign);
    }
    let version = reader.u32()?;
    if version != VERSION {
        return Err(FileError::Version(version));
    }
    let length = reader.u64()?;
    let sum = reader.u64()?;
    if reader.0.len() as u64 != length {
        return Err(FileError::Damaged("it is longer or shorter than it says"));
    }
    if xxh3_64(reader.0) != sum {
        return Err(FileError::Damaged("its checksum is wrong"));
    }
    let head = reader.u64()? as usize;
    let head: Head =
        serde_json::from_slice(reader.take(head)?).map_err(|_| FileError::Damaged("its head cannot be read"))?;
    let categories = head.categories.len();
    let mut model = Model::new(categories, head.features, head.row_limit);
    model.texts = head.texts;
    model.calibration = head.calibration;
    let mut entries = Vec::new();
    for _ in 0..head.entries {
        entries.push((Feature(reader.u32()?), reader.u32()?, reader.u32()?));
    }
    let cells = reader.take(head.cells.checked_mul(2).ok_or(CUT)?)?;
    let cells = cells.as_chunks::<2>().0.iter().map(|cell| i16::from_le_bytes(*cell)).collect();
    model.weights =
        Weights::from_cells(categories, cells).ok_or(FileError::Damaged("its weights are not whole rows"))?;
    model.vocabulary = vocabulary(&entries, head.features, model.weights.rows())?;
    let mut examples = Vec::new();
    for _ in 0..head.examples {
        let (ticket, category, count) = (reader.u64()?, reader.u32()?, reader.u32()? as usize);
        if category != super::examples::FOREIGN && category as usize >= categories {
            return Err(FileError::Damaged("an example has a category that is not there"));
        }
        let features = reader.take(count.checked_mul(4).ok_or(CUT)?)?.as_chunks::<4>().0;
        let features = features.iter().map(|feature| Feature(u32::from_le_bytes(*feature))).collect();
        examples.push(Arc::new(Example { ticket, category, features }));
    }
    if !reader.0.is_empty() {
        return Err(FileError::Damaged("something stands behind its end"));
    }
    Ok(Contents { categories: head.categories, model, examples })
}

fn vocabulary(entries: &[(Feature, u32, u32)], limit: usize, rows: usize) -> Result<Vocabulary, FileError> {
    let mut vocabulary = Vocabulary::new(limit);
    for (feature, row, texts) in entries {
        if *texts == 0 || (*row != NO_ROW && *row as usize >= rows) {
            return Err(FileError::Damaged("a feature has weights that are not there"));
        }
        vocabulary.insert(*feature, *row, *texts);
    }
    Ok(vocabulary)
}

const CUT: FileError = FileError::Damaged("it ends too early");

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], FileError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, FileError> {
        let bytes = self.take(4)?.try_into().expect("invariant: four bytes were taken");
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, FileError> {
        let bytes = self.take(8)?.try_into().expect("invariant: eight bytes were taken");
        Ok(u64::from_le_bytes(bytes))
    }
}
