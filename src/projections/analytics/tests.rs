//! The fold against a slow recomputation over the whole journal, restarts, and bad input.

mod desk;
mod naive;

use proptest::prelude::*;
use serde_json::Value;

use super::fact::Kind;
use super::lean::Lean;
use super::*;
use crate::domain::record::Record;
use crate::protocol::figures::LatencyFigures;
use desk::{Desk, START, office, steps};

const AT_RISK_MS: i64 = 30 * 60_000;

fn settings() -> Settings {
    Settings {
        time_zone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap(),
        calendar: Some(office()),
        at_risk_ms: AT_RISK_MS,
    }
}

fn open(folder: Option<&Path>, head: u64, now: i64) -> Analytics {
    let (analytics, refused) = Analytics::open(folder, &Epoch::from("e"), Seq(head), settings(), now).unwrap();
    assert!(refused.is_none(), "{refused:?}");
    analytics
}

/// Folds records as they lie in the journal; what does not fit is learnt from it, as the actor does.
fn fold(analytics: &mut Analytics, journal: &[Record], upto: usize) {
    for record in &journal[usize::try_from(analytics.seq().get()).unwrap()..upto] {
        let json = serde_json::to_vec(record).unwrap();
        let lean = Lean::read(&json).unwrap();
        analytics.advance(record.at.as_millis()).unwrap();
        if let Err(misfit) = analytics.apply(&lean).unwrap() {
            let history: Vec<Vec<u8>> = journal
                .iter()
                .filter(|other| other.ticket == misfit.ticket && other.seq < record.seq)
                .map(|other| serde_json::to_vec(other).unwrap())
                .collect();
            analytics.learn(misfit.ticket, history.iter().map(|json| Lean::read(json).unwrap()));
            analytics.apply(&lean).unwrap().expect("a learnt ticket fits");
        }
    }
}

/// The same but for quantiles, which may differ by the stated error.
fn assert_same(path: &str, found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let keys = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(found), keys(expected), "{path}");
            for (key, value) in found {
                assert_same(&format!("{path}.{key}"), value, &expected[key]);
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{path}");
            for (index, value) in found.iter().enumerate() {
                assert_same(&format!("{path}[{index}]"), value, &expected[index]);
            }
        }
        (Value::Number(found), Value::Number(expected))
            if ["median_ms", "p90_ms", "p95_ms"].iter().any(|end| path.ends_with(end)) =>
        {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!((found - expected).abs() <= expected * sketch::ERROR + 1.0, "{path}: {found} for {expected}");
        }
        _ => assert_eq!(found, expected, "{path}"),
    }
}

fn check_live(analytics: &Analytics, desk: &Desk, now: i64) {
    let happenings = naive::happenings(&desk.journal, &office());
    let found = analytics.live(&[], LatencyFigures::default());
    let mut expected = naive::live(&desk.tickets, &happenings, analytics.midnight(), now, AT_RISK_MS);
    expected.seq = analytics.seq();
    let mut found = serde_json::to_value(found).unwrap();
    let mut expected = serde_json::to_value(expected).unwrap();
    // Since when somebody waits is not kept by the slow count.
    for value in [&mut found, &mut expected] {
        forget(value, "oldest_waiting_since");
    }
    assert_same("live", &found, &expected);
}

fn forget(value: &mut Value, key: &str) {
    match value {
        Value::Object(map) => {
            map.remove(key);
            map.values_mut().for_each(|value| forget(value, key));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| forget(value, key)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    /// A1: each live figure is what a recomputation over the whole journal gives, however late it is asked for; undone commands
    /// never counted, quantiles are within the stated error.
    #[test]
    fn a1_live_figures_are_those_of_a_recomputation(steps in steps(), later_min in 0..2_000_i64) {
        let desk = Desk::run(&steps);
        let now = desk.now + later_min * 60_000;
        let mut analytics = open(None, 0, START);
        fold(&mut analytics, &desk.journal, desk.journal.len());
        analytics.advance(now).unwrap();
        check_live(&analytics, &desk, now);
    }

    /// A2: a restart from a checkpoint taken anywhere goes on exactly; so does one from a checkpoint that others came after.
    #[test]
    fn a2_a_restart_is_exact(steps in steps(), cut in any::<prop::sample::Index>()) {
        let desk = Desk::run(&steps);
        let folder = tempfile::tempdir().unwrap();
        let head = desk.journal.len();
        let at = cut.index(head + 1);
        {
            let mut analytics = open(Some(folder.path()), head as u64, START);
            fold(&mut analytics, &desk.journal, at);
            analytics.save().unwrap();
            // What is folded after the checkpoint is lost with the process.
            fold(&mut analytics, &desk.journal, head);
        }
        let mut analytics = open(Some(folder.path()), head as u64, desk.now);
        prop_assert_eq!(analytics.seq(), Seq(at as u64));
        fold(&mut analytics, &desk.journal, head);
        analytics.advance(desk.now).unwrap();
        check_live(&analytics, &desk, desk.now);
        let mut whole = open(None, 0, START);
        fold(&mut whole, &desk.journal, head);
        for kind in Kind::ALL {
            prop_assert_eq!(facts(&analytics, *kind), facts(&whole, *kind), "{:?}", kind);
        }
    }
}

fn facts(analytics: &Analytics, kind: Kind) -> Vec<String> {
    let view = analytics.moment(&[kind]).views.remove(0);
    let keep = |all: &mut Vec<String>, fact: &fact::Fact| {
        all.push(format!("{fact:?}"));
        true
    };
    view.scan(i64::MIN, i64::MAX, Vec::new, keep, |all, mut more| all.append(&mut more)).unwrap()
}
