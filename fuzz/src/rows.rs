//! A file to be imported, as CSV and as NDJSON: every row is read or refused, and reading comes to an end.

use hotdesk::import::Format;
use hotdesk::import::rows::Rows;

pub fn run(bytes: &[u8]) {
    for format in [Format::Csv, Format::Ndjson] {
        let Ok(rows) = Rows::new(Box::new(std::io::Cursor::new(bytes.to_vec())), format, ',') else { continue };
        let count = rows.take(bytes.len() + 2).count();
        assert!(count <= bytes.len() + 1, "reading has no end");
    }
}
