//! Reports that run by themselves: when they are due, and the files that they leave.
//!
//! A file may be read by whoever sees the report, so it counts what everybody at the desk sees and nothing of private teams. A run that was
//! missed while the desk was down is made up for once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};

use crate::domain::time::Timestamp;
use crate::journal::whole_file;
use crate::projections::analytics::spans::zoned;
use crate::protocol::figures::{ReportEvery, ReportFile, ReportFormat, ReportSchedule};

/// Files of one report; the oldest goes first.
const KEPT: usize = 60;

/// `07:30`, or `None`.
pub fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits =
        |part: &str| (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok());
    Time::new(digits(hour)??, digits(minute)??, 0, 0).ok()
}

/// The last moment at or before `now` at which the report was due. Where a clock change skips the hour it is the moment after it.
pub fn last_due(schedule: &ReportSchedule, now: i64, zone: &TimeZone) -> Option<i64> {
    let at = time_of_day(&schedule.at)?;
    let now = zoned(now, zone);
    let first = |day: &Zoned| {
        let date = day.date();
        let date = match schedule.every {
            ReportEvery::Day => Ok(date),
            ReportEvery::Week => date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days()),
            ReportEvery::Month => Ok(date.first_of_month()),
        };
        date.and_then(|date| date.to_datetime(at).to_zoned(zone.clone())).ok()
    };
    let this = first(&now)?;
    let due = if this <= now {
        this
    } else {
        let back = match schedule.every {
            ReportEvery::Day => 1.day(),
            ReportEvery::Week => 1.week(),
            ReportEvery::Month => 1.month(),
        };
        first(&now.checked_sub(back).ok()?)?
    };
    Some(due.timestamp().as_millisecond())
}

/// Where the files of all reports lie.
pub(super) struct Shelf {
    folder: Option<PathBuf>,
}

impl Shelf {
    /// Without a folder nothing can be kept.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    pub fn keeps(&self) -> bool {
        self.folder.is_some()
    }

    /// Ids are made here, of letters, digits and dashes; anything else has no folder.
    fn of(&self, report: &str) -> Option<PathBuf> {
        let plain = !report.is_empty() && report.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        self.folder.as_deref().filter(|_| plain).map(|folder| folder.join(report))
    }

    /// What was kept, the newest first.
    pub fn list(&self, report: &str) -> io::Result<Vec<ReportFile>> {
        let Some(folder) = self.of(report) else { return Ok(Vec::new()) };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            if let Some((at, format)) = parse(&entry.path()) {
                files.push(ReportFile { at, format, bytes: entry.metadata()?.len() });
            }
        }
        files.sort_by_key(|file| std::cmp::Reverse(file.at));
        Ok(files)
    }

    pub fn read(&self, report: &str, at: Timestamp) -> io::Result<Option<(ReportFormat, Vec<u8>)>> {
        let Some(folder) = self.of(report) else { return Ok(None) };
        for format in [ReportFormat::Csv, ReportFormat::Json] {
            match fs::read(folder.join(name(at, format))) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                bytes => return bytes.map(|bytes| Some((format, bytes))),
            }
        }
        Ok(None)
    }

    /// Puts a file in its place at once, and lets the oldest go.
    pub fn put(&self, report: &str, at: Timestamp, format: ReportFormat, bytes: &[u8]) -> io::Result<()> {
        let Some(folder) = self.of(report) else { return Ok(()) };
        fs::create_dir_all(&folder)?;
        whole_file::put(&folder.join(name(at, format)), bytes)?;
        for old in self.list(report)?.into_iter().skip(KEPT) {
            fs::remove_file(folder.join(name(old.at, old.format)))?;
        }
        Ok(())
    }

    /// The report is gone, and so are its files.
    pub fn remove(&self, report: &str) -> io::Result<()> {
        let Some(folder) = self.of(report) else { return Ok(()) };
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn name(at: Timestamp, format: ReportFormat) -> String {
    format!("{}.{}", at.as_millis(), format.name())
}

fn parse(path: &Path) -> Option<(Timestamp, ReportFormat)> {
    let at = path.file_stem()?.to_str()?.parse().ok()?;
    let format = [ReportFormat::Csv, ReportFormat::Json]
        .into_iter()
        .find(|format| path.extension().is_some_and(|end| end == format.name()))?;
    Some((Timestamp::from_millis(at), format))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(every: ReportEvery, at: &str, now: &str) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let schedule = ReportSchedule { every, at: at.to_owned(), format: ReportFormat::Csv };
        let now = now.parse::<Timestamp>().unwrap().as_millis();
        zoned(last_due(&schedule, now, &zone).unwrap(), &zone).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// A46: a report is due by the calendar of its zone, on days of a clock change too.
    #[test]
    fn a46_a_report_is_due_by_the_calendar() {
        assert_eq!(due(ReportEvery::Day, "07:00", "2026-11-25T06:30:00+01:00"), "2026-11-24 07:00");
        assert_eq!(due(ReportEvery::Day, "07:00", "2026-11-25T07:00:00+01:00"), "2026-11-25 07:00");
        assert_eq!(due(ReportEvery::Week, "07:00", "2026-11-25T07:00:00+01:00"), "2026-11-23 07:00");
        assert_eq!(due(ReportEvery::Week, "07:00", "2026-11-23T06:00:00+01:00"), "2026-11-16 07:00");
        assert_eq!(due(ReportEvery::Month, "00:00", "2026-03-31T12:00:00+02:00"), "2026-03-01 00:00");
        assert_eq!(due(ReportEvery::Month, "23:00", "2026-03-01T12:00:00+01:00"), "2026-02-01 23:00");
        // The night on which the clock leaps from 02:00 to 03:00, and the one on which it goes back.
        assert_eq!(due(ReportEvery::Day, "02:30", "2026-03-29T12:00:00+02:00"), "2026-03-29 03:30");
        assert_eq!(due(ReportEvery::Day, "02:30", "2026-10-25T12:00:00+01:00"), "2026-10-25 02:30");
        for bad in ["", "7:00", "24:00", "07:60", "07", "+7:00", "07:00:00"] {
            assert!(time_of_day(bad).is_none(), "{bad}");
        }
    }

    /// A46: the newest files of a report are kept; nothing outside of its folder is reached.
    #[test]
    fn a46_the_newest_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(Some(folder.path().join("reports")));
        for day in 0..KEPT as i64 + 3 {
            shelf.put("r-1", Timestamp::from_millis(day * 86_400_000), ReportFormat::Csv, b"x").unwrap();
        }
        let files = shelf.list("r-1").unwrap();
        assert_eq!((files.len(), files[0].at.as_millis()), (KEPT, (KEPT as i64 + 2) * 86_400_000));
        assert_eq!(shelf.read("r-1", files[0].at).unwrap(), Some((ReportFormat::Csv, b"x".to_vec())));
        assert_eq!(shelf.read("r-1", Timestamp::from_millis(0)).unwrap(), None, "it was let go");
        for outside in ["..", "../r-1", "", "/etc", "."] {
            assert!(shelf.of(outside).is_none(), "{outside}");
        }
        shelf.remove("r-1").unwrap();
        assert!(shelf.list("r-1").unwrap().is_empty());
    }
}
