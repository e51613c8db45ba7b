//! A report's result as CSV that no spreadsheet takes for formulas. Written by whoever answers with it and by whoever keeps it as a file.

use super::figures::{MetricUnit, ReportResult, ReportRow};
use crate::domain::text::csv_cell;

/// RFC 4180, one line a row and the total last.
pub fn csv(result: &ReportResult) -> Vec<u8> {
    const WHY: &str = "invariant: a vector takes everything";
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let timed = result.metric.unit == MetricUnit::Duration;
    let with_grain = result.grain.is_some();
    let mut head: Vec<String> = Vec::new();
    if with_grain {
        head.push("at".to_owned());
    }
    head.extend(result.split.iter().cloned());
    head.push(result.metric.id.to_owned());
    head.push("count".to_owned());
    if timed {
        head.extend(["mean_ms", "median_ms", "p90_ms", "p95_ms"].map(str::to_owned));
    }
    writer.write_record(head.iter().map(|cell| csv_cell(cell).into_owned())).expect(WHY);
    let total = ReportRow { at: None, keys: Vec::new(), cell: result.total };
    let is_total = result.rows.len();
    for (index, row) in result.rows.iter().chain(std::iter::once(&total)).enumerate() {
        let mut cells: Vec<String> = Vec::new();
        if with_grain {
            cells.push(row.at.map_or_else(|| "total".to_owned(), |at| at.to_string()));
        }
        for (place, _) in result.split.iter().enumerate() {
            let total = if index == is_total && place == 0 && !with_grain { "total" } else { "" };
            cells.push(row.keys.get(place).map_or_else(|| total.to_owned(), |key| csv_cell(key).into_owned()));
        }
        let number = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
        cells.push(row.cell.value.map(|value| value.to_string()).unwrap_or_default());
        cells.push(row.cell.count.to_string());
        if timed {
            let spread = row.cell.spread.unwrap_or_default();
            cells.extend([spread.mean_ms, spread.median_ms, spread.p90_ms, spread.p95_ms].map(number));
        }
        writer.write_record(&cells).expect(WHY);
    }
    writer.into_inner().expect(WHY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Seq;
    use crate::domain::time::Timestamp;
    use crate::protocol::figures::{Cell, MetricInfo, ReportClock};

    /// A42: no name becomes a formula in a spreadsheet, and commas, quotes and line ends stay within their cell.
    #[test]
    fn a42_csv_is_safe_for_spreadsheets() {
        let row = |key: &str| ReportRow {
            at: None,
            keys: vec![key.to_owned()],
            cell: Cell { value: Some(1.5), count: 2, spread: None },
        };
        let result = ReportResult {
            metric: MetricInfo { id: "created", unit: MetricUnit::Count, what: "", formula: "" },
            seq: Seq(1),
            from: Timestamp::from_millis(0),
            to: Timestamp::from_millis(1),
            time_zone: "UTC".into(),
            clock: ReportClock::Calendar,
            grain: None,
            split: vec!["team".into()],
            rows: ["=HYPERLINK(\"x\")", "+1", "-1", "@a", "\tb", "a,\"b\"\nc"].into_iter().map(row).collect(),
            total: Cell { value: None, count: 0, spread: None },
        };
        let text = String::from_utf8(csv(&result)).unwrap();
        assert_eq!(
            text,
            "team,created,count\r\n\"'=HYPERLINK(\"\"x\"\")\",1.5,2\r\n'+1,1.5,2\r\n'-1,1.5,2\r\n'@a,1.5,2\r\n'\tb,1.5,2\r\n\
             \"a,\"\"b\"\"\nc\",1.5,2\r\ntotal,,0\r\n"
        );
    }
}
