//! The file of refused rows: each as it came, with its line, column and reason, ready to be mended and imported again.

use std::fs::File;
use std::path::PathBuf;

use super::Refusal;
use super::rows::{Progress, Row};

/// Made at the first refusal, so that a clean import leaves no file.
pub struct RefusedRows {
    path: PathBuf,
    header: Vec<String>,
    writer: Option<csv::Writer<File>>,
    failed: bool,
    progress: Progress,
}

/// In front of the row's own columns. The names are unlikely in a file of tickets, so that it can be imported again.
const OWN: [&str; 3] = ["refused_line", "refused_column", "refused_reason"];

impl RefusedRows {
    /// `columns` are those of the CSV file; a row of NDJSON is kept whole, in the column `json`.
    pub fn new(path: PathBuf, columns: Option<&[String]>, progress: Progress) -> Self {
        let own = OWN.iter().map(|name| (*name).to_owned());
        let header = own.chain(columns.map_or_else(|| vec!["json".to_owned()], <[String]>::to_vec)).collect();
        Self { path, header, writer: None, failed: false, progress }
    }

    /// Says it on stderr and keeps the row.
    pub fn add(&mut self, row: &Row, refusals: &[Refusal]) {
        for refusal in refusals {
            let column = refusal.column.as_ref().map_or_else(String::new, |column| format!(", column {column}"));
            self.progress.line(&format!("line {}{column}: {}", row.line, refusal.reason));
        }
        if let Err(error) = self.keep(row, refusals) {
            // The row stands on stderr, with its line: it is not lost.
            if !std::mem::replace(&mut self.failed, true) {
                self.progress.line(&format!("{}: {error}", self.path.display()));
            }
        }
    }

    fn keep(&mut self, row: &Row, refusals: &[Refusal]) -> csv::Result<()> {
        let writer = if let Some(writer) = &mut self.writer {
            writer
        } else {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(File::create(&self.path)?);
            writer.write_record(&self.header)?;
            self.writer.insert(writer)
        };
        let columns: Vec<&str> = refusals.iter().filter_map(|refusal| refusal.column.as_deref()).collect();
        let reasons: Vec<&str> = refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
        let own = [row.line.to_string(), columns.join("; "), reasons.join("; ")];
        writer.write_record(own.iter().chain(&row.raw))
    }

    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Where the refused rows are, if there are any.
    pub fn finish(mut self) -> Option<PathBuf> {
        let mut writer = self.writer.take()?;
        match writer.flush() {
            Ok(()) => Some(self.path),
            Err(error) => {
                self.progress.line(&format!("{}: {error}", self.path.display()));
                None
            }
        }
    }
}
