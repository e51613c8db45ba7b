//! Rows of a file, one at a time: CSV with a header or NDJSON, plain or compressed. Knows nothing of tickets.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Format, Refusal};

/// One row as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// From 1, without the header.
    pub number: u64,
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// By column. NDJSON keeps its types; nested objects are reached by dots: `requester.email`.
    pub values: BTreeMap<String, Value>,
    /// Its cells, or for NDJSON its one line, to be given back when the row is refused.
    pub raw: Vec<String>,
}

impl Row {
    /// The value of a column; `None` where it is absent, null or blank.
    pub fn value(&self, column: &str) -> Option<&Value> {
        let value = if let Some(value) = self.values.get(column) {
            value
        } else {
            let mut path = column.split('.');
            let first = self.values.get(path.next()?)?;
            path.try_fold(first, |value, key| value.get(key))?
        };
        match value {
            Value::Null => None,
            Value::String(text) if text.trim().is_empty() => None,
            value => Some(value),
        }
    }
}

/// Reads rows; a row that cannot be read comes with the reason.
pub struct Rows {
    source: Source,
    columns: Option<Vec<String>>,
    number: u64,
}

enum Source {
    Csv(Box<csv::Reader<Box<dyn Read>>>),
    Ndjson { reader: Box<dyn BufRead>, line: u64 },
}

impl Rows {
    pub fn open(path: &Path, format: Format, delimiter: char, progress: &Progress) -> std::io::Result<Self> {
        let file = progress.0.wrap_read(File::open(path)?);
        let mut buffered = BufReader::new(file);
        // By its first bytes, not by its name: a file that lost its .gz is still compressed.
        let reader: Box<dyn Read> = if buffered.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            Box::new(MultiGzDecoder::new(buffered))
        } else {
            Box::new(buffered)
        };
        Self::new(reader, format, delimiter)
    }

    pub fn new(reader: Box<dyn Read>, format: Format, delimiter: char) -> std::io::Result<Self> {
        match format {
            Format::Csv => {
                let delimiter = u8::try_from(delimiter)
                    .map_err(|_| std::io::Error::other("the separator of columns must be an ASCII character"))?;
                let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(reader);
                let columns = reader.byte_headers().map_err(std::io::Error::other)?;
                let columns = columns.iter().map(|name| lossy(name).trim_start_matches('\u{feff}').trim().to_owned());
                let columns: Vec<String> = columns.collect();
                if columns.iter().all(String::is_empty) {
                    return Err(std::io::Error::other("the first line must name the columns"));
                }
                Ok(Self { source: Source::Csv(Box::new(reader)), columns: Some(columns), number: 0 })
            }
            Format::Ndjson => {
                let reader: Box<dyn BufRead> = Box::new(BufReader::new(reader));
                Ok(Self { source: Source::Ndjson { reader, line: 0 }, columns: None, number: 0 })
            }
        }
    }

    /// The header of a CSV file; NDJSON has none.
    pub fn columns(&self) -> Option<&[String]> {
        self.columns.as_deref()
    }
}

impl Iterator for Rows {
    type Item = Result<Row, (Row, Refusal)>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.source {
            Source::Csv(reader) => {
                let mut record = csv::ByteRecord::new();
                let line = reader.position().line();
                match reader.read_byte_record(&mut record) {
                    Ok(false) => None,
                    Ok(true) => {
                        self.number += 1;
                        let line = record.position().map_or(line, csv::Position::line);
                        Some(csv_row(self.number, line, self.columns.as_deref().unwrap_or_default(), &record))
                    }
                    Err(error) => {
                        self.number += 1;
                        let row = Row { number: self.number, line, ..Row::default() };
                        // After an I/O error the reader would give the same error for ever.
                        let unreadable = error.is_io_error();
                        if unreadable {
                            self.source = Source::Ndjson { reader: Box::new(std::io::empty()), line };
                        }
                        Some(Err((row, Refusal { column: None, reason: format!("cannot be read: {error}") })))
                    }
                }
            }
            Source::Ndjson { reader, line } => loop {
                let mut bytes = Vec::new();
                *line += 1;
                let refuse = |number, line, raw, reason| {
                    Some(Err((
                        Row { number, line, raw: vec![raw], ..Row::default() },
                        Refusal { column: None, reason },
                    )))
                };
                match reader.read_until(b'\n', &mut bytes) {
                    Ok(0) => return None,
                    Ok(_) if bytes.trim_ascii().is_empty() => {}
                    Ok(_) => {
                        self.number += 1;
                        let raw = lossy(bytes.trim_ascii());
                        return match serde_json::from_slice::<BTreeMap<String, Value>>(&bytes) {
                            Ok(values) => Some(Ok(Row { number: self.number, line: *line, values, raw: vec![raw] })),
                            Err(error) => refuse(self.number, *line, raw, format!("is not a JSON object: {error}")),
                        };
                    }
                    Err(error) => {
                        self.number += 1;
                        let line = *line;
                        self.source = Source::Ndjson { reader: Box::new(std::io::empty()), line };
                        return refuse(self.number, line, String::new(), format!("cannot be read: {error}"));
                    }
                }
            },
        }
    }
}

fn csv_row(number: u64, line: u64, columns: &[String], record: &csv::ByteRecord) -> Result<Row, (Row, Refusal)> {
    let raw: Vec<String> = record.iter().map(lossy).collect();
    let mut row = Row { number, line, values: BTreeMap::new(), raw };
    if record.len() != columns.len() {
        let reason = format!("has {} columns, the header has {}", record.len(), columns.len());
        return Err((row, Refusal { column: None, reason }));
    }
    for (column, cell) in columns.iter().zip(record) {
        match std::str::from_utf8(cell) {
            Ok(text) => row.values.insert(column.clone(), Value::String(text.to_owned())),
            Err(error) => {
                let refusal = Refusal { column: Some(column.clone()), reason: format!("is not UTF-8: {error}") };
                return Err((row, refusal));
            }
        };
    }
    Ok(row)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Names the file's content, so that the keys of its rows are the same in every run and no other file's.
pub fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher)?;
    let sum = hasher.finalize();
    Ok(sum.iter().take(12).map(|byte| format!("{byte:02x}")).collect())
}

/// How much of the file was read. Draws nothing where stderr is not a terminal.
#[derive(Clone, Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    pub fn over(path: &Path) -> std::io::Result<Self> {
        let bar = ProgressBar::new(path.metadata()?.len());
        let style = ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}  {elapsed} (still {eta})")
            .expect("invariant: the template is constant");
        bar.set_style(style);
        Ok(Self(bar))
    }

    pub fn rows(&self, done: u64) {
        self.0.set_message(format!("{done} rows"));
    }

    /// Writes a line to stderr without tearing the bar.
    pub fn line(&self, text: &str) {
        self.0.suspend(|| eprintln!("{text}"));
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: Format, text: &[u8]) -> Vec<Result<Row, (Row, Refusal)>> {
        Rows::new(Box::new(std::io::Cursor::new(text.to_vec())), format, ',').unwrap().collect()
    }

    #[test]
    fn csv_rows_know_their_line_even_with_line_ends_in_cells() {
        let rows = read(Format::Csv, b"\xef\xbb\xbfsubject,body\nOne,\"a\nb\"\nTwo,c\n");
        let rows: Vec<Row> = rows.into_iter().map(Result::unwrap).collect();
        assert_eq!(rows.iter().map(|row| (row.number, row.line)).collect::<Vec<_>>(), [(1, 2), (2, 4)]);
        assert_eq!(rows[0].value("body").unwrap(), "a\nb");
        assert_eq!(rows[1].value("subject").unwrap(), "Two");
    }

    #[test]
    fn a_broken_row_does_not_take_the_others_along() {
        let rows = read(Format::Csv, b"subject,body\nOne,a\nTwo\nThree,\xff\nFour,d\n");
        assert_eq!(rows[0].as_ref().unwrap().line, 2);
        let (row, refusal) = rows[1].as_ref().unwrap_err();
        assert_eq!((row.line, refusal.reason.as_str()), (3, "has 1 columns, the header has 2"));
        let (row, refusal) = rows[2].as_ref().unwrap_err();
        assert_eq!((row.line, refusal.column.as_deref()), (4, Some("body")));
        assert_eq!(rows[3].as_ref().unwrap().line, 5);
    }

    #[test]
    fn ndjson_keeps_types_and_reaches_into_objects() {
        let rows = read(Format::Ndjson, b"{\"a\":{\"b\":1},\"blank\":\" \"}\n\nnot json\n[1]\n");
        let row = rows[0].as_ref().unwrap();
        assert_eq!((row.value("a.b"), row.value("blank"), row.value("c")), (Some(&Value::from(1)), None, None));
        let lines: Vec<u64> = rows[1..].iter().map(|row| row.as_ref().unwrap_err().0.line).collect();
        assert_eq!(lines, [3, 4]);
    }

    /// D9: compressed files are read like plain ones.
    #[test]
    fn compressed_files_are_read_whatever_their_name() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tickets.csv");
        let mut encoder = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        encoder.write_all(b"subject\nOne\n").unwrap();
        encoder.finish().unwrap();
        let rows = Rows::open(&path, Format::Csv, ',', &Progress::over(&path).unwrap()).unwrap();
        assert_eq!(rows.map(|row| row.unwrap().raw).collect::<Vec<_>>(), [["One"]]);
    }

    /// D9: a torn file is an error where it tears.
    #[test]
    fn a_torn_archive_is_refused_not_read_as_a_short_one() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let text: String = (0..2000).map(|n| format!("{n},{}\n", n * 7919 % 1000)).collect();
        encoder.write_all(format!("subject,body\n{text}").as_bytes()).unwrap();
        let whole = encoder.finish().unwrap();
        let torn = std::io::Cursor::new(whole[..whole.len() / 2].to_vec());
        let rows: Vec<_> = Rows::new(Box::new(MultiGzDecoder::new(torn)), Format::Csv, ',').unwrap().collect();
        let (last, before) = rows.split_last().unwrap();
        assert!(before.iter().all(Result::is_ok) && before.len() < 2000);
        assert!(last.as_ref().unwrap_err().1.reason.starts_with("cannot be read"), "{last:?}");
    }
}
