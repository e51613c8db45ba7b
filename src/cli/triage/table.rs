//! Labelled CSV files, plain or compressed. What is wrong with them is told with file and line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("{file}: {source}")]
    File { file: String, source: std::io::Error },
    #[error("{file}: line {line}: {reason}")]
    Line { file: String, line: u64, reason: String },
}

/// A file's rows; columns are found by name, in any order.
#[derive(Debug)]
pub struct Table {
    file: String,
    columns: Vec<String>,
    rows: Vec<(u64, csv::StringRecord)>,
}

impl Table {
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let file = path.display().to_string();
        let fault = |source| TableError::File { file: file.clone(), source };
        let mut buffered = BufReader::new(File::open(path).map_err(fault)?);
        let compressed = buffered.fill_buf().map_err(fault)?.starts_with(&[0x1f, 0x8b]);
        let source: Box<dyn Read> =
            if compressed { Box::new(MultiGzDecoder::new(buffered)) } else { Box::new(buffered) };
        Self::of(file.clone(), source)
    }

    fn of(file: String, source: Box<dyn Read>) -> Result<Self, TableError> {
        let mut reader = csv::Reader::from_reader(source);
        let header = reader.headers().map_err(|error| torn(&file, &error, 1))?;
        let columns = header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        let mut rows = Vec::new();
        let mut last = 1;
        for record in reader.into_records() {
            let record = record.map_err(|error| torn(&file, &error, last + 1))?;
            last = record.position().map_or(last + 1, csv::Position::line);
            rows.push((last, record));
        }
        let table = Self { file, columns, rows };
        if table.rows.is_empty() {
            return Err(table.wrong(1, "there is no row"));
        }
        Ok(table)
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, record)| Row { table: self, line: *line, record })
    }

    /// The column with the first of these names that the file has.
    pub fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.columns.iter().position(|column| column == name))
    }

    pub fn needs(&self, names: &[&str]) -> Result<usize, TableError> {
        let named = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        self.column(names).ok_or_else(|| self.wrong(1, format!("there is no column {}", named())))
    }

    pub fn wrong(&self, line: u64, reason: impl Into<String>) -> TableError {
        TableError::Line { file: self.file.clone(), line, reason: reason.into() }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    table: &'a Table,
    pub line: u64,
    record: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    pub fn cell(&self, column: usize) -> &'a str {
        self.record.get(column).unwrap_or("")
    }

    /// A cell that must not be blank.
    pub fn filled(&self, column: usize) -> Result<&'a str, TableError> {
        let cell = self.cell(column);
        if cell.trim().is_empty() {
            return Err(self.wrong(format!("`{}` is empty", self.table.columns[column])));
        }
        Ok(cell)
    }

    pub fn wrong(&self, reason: impl Into<String>) -> TableError {
        self.table.wrong(self.line, reason)
    }
}

fn torn(file: &str, error: &csv::Error, line: u64) -> TableError {
    let line = error.position().map_or(line, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("there are {len} cells and {expected_len} columns")
        }
        csv::ErrorKind::Utf8 { .. } => "this is not UTF-8".to_owned(),
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    };
    TableError::Line { file: file.to_owned(), line, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Result<Table, String> {
        Table::of("t.csv".to_owned(), Box::new(text.as_bytes())).map_err(|error| error.to_string())
    }

    /// D50: what is wrong with a file is told with its line.
    #[test]
    fn d50_errors_name_file_and_line() {
        assert_eq!(read("text,label\n").unwrap_err(), "t.csv: line 1: there is no row");
        assert_eq!(read("text,label\na,b\nc\n").unwrap_err(), "t.csv: line 3: there are 1 cells and 2 columns");
        let table = read("text,label\n\"two\nlines\",a\n ,b\n").unwrap();
        assert_eq!(
            table.needs(&["id", "key"]).unwrap_err().to_string(),
            "t.csv: line 1: there is no column `id` or `key`"
        );
        let text = table.needs(&["text"]).unwrap();
        let cells: Vec<_> = table.rows().map(|row| row.filled(text).map_err(|error| error.to_string())).collect();
        assert_eq!(cells, [Ok("two\nlines"), Err("t.csv: line 4: `text` is empty".to_owned())]);
    }
}
