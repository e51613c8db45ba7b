//! The contract of [`Journal`], asked of every store.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hotdesk::domain::apply::apply;
use hotdesk::domain::ids::{CommandId, Seq, TicketId, UserId, Version};
use hotdesk::domain::state::TicketState;
use hotdesk::domain::ticket::Status;
use hotdesk::journal::sample::{answered, at, moved, opened};
use hotdesk::journal::{Append, Aside, JournalError, each_aside};

use crate::journal_store::{Memory, Prompt, Sled, Store, commit, everything, group};

macro_rules! contract {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        mod memory {
            use super::*;
            $($(#[$doc])* #[test] fn $name() { super::$name::<Memory>(); })*
        }
        mod sled {
            use super::*;
            $($(#[$doc])* #[test] fn $name() { super::$name::<Sled>(); })*
        }
        mod prompt {
            use super::*;
            $($(#[$doc])* #[test] fn $name() { super::$name::<Prompt>(); })*
        }
    };
}

contract! {
    /// J1
    j1_a_new_journal_is_empty_and_keeps_its_epoch,
    /// J2
    j2_what_was_committed_survives_a_kill,
    /// J3
    j3_reads_keep_to_their_limits,
    /// J4
    j4_a_ticket_gives_its_own_history,
    /// J5
    j5_active_means_not_closed,
    /// J6
    j6_a_full_disk_refuses_the_whole_group_and_takes_it_later,
    /// J7
    j7_after_a_failed_commit_nothing_of_it_is_read,
    /// J8
    j8_nothing_is_read_before_it_is_safe,
    /// J9
    j9_large_values_are_kept_whole,
    /// J10
    j10_commands_are_remembered_until_they_are_forgotten,
    /// J11
    j11_asides_are_stored_listed_and_removed,
    /// J12
    j12_many_groups_read_back_as_one_history,
    /// J16
    j16_asides_are_read_in_pages_while_others_are_written,
    /// J13
    j13_a_long_history_is_read_from_any_place,
    /// J14
    j14_what_is_in_use_all_the_time_is_what_its_records_say_after_a_kill,
    /// J15
    j15_readers_see_what_is_written_out_meanwhile,
}

fn one(append: Append) -> [Append; 1] {
    [append]
}

fn open_tickets(store: &impl Store, count: u64) -> Vec<Arc<TicketState>> {
    let appends: Vec<_> = (1..=count).map(|id| opened(TicketId(id), "Where is it?")).collect();
    commit(&*store.journal(), &appends).unwrap()
}

fn j1_a_new_journal_is_empty_and_keeps_its_epoch<S: Store>() {
    let mut store = S::create();
    let seen = everything(&*store.journal()).unwrap();
    assert!(!seen.epoch.is_empty());
    assert_eq!((seen.head.seq, seen.records.len(), store.journal().last_ticket()), (Seq(0), 0, TicketId(0)));
    store.reopen().unwrap();
    assert_eq!(everything(&*store.journal()).unwrap(), seen);
    assert_ne!(everything(&*S::create().journal()).unwrap().epoch, seen.epoch);
}

fn j2_what_was_committed_survives_a_kill<S: Store>() {
    let mut store = S::create();
    let states = open_tickets(&store, 3);
    commit(&*store.journal(), &one(answered(&states[1], "On its way."))).unwrap();
    let seen = everything(&*store.journal()).unwrap();
    assert_eq!((seen.head.seq, store.journal().last_ticket()), (Seq(4), TicketId(3)));
    store.reopen().unwrap();
    assert_eq!(everything(&*store.journal()).unwrap(), seen);
    assert_eq!(store.journal().last_ticket(), TicketId(3));
}

fn j3_reads_keep_to_their_limits<S: Store>() {
    let store = S::create();
    open_tickets(&store, 10);
    let journal = store.journal();
    let seqs = |after, records, bytes| -> Vec<u64> {
        journal.read(Seq(after), records, bytes).unwrap().iter().map(|stored| stored.seq.get()).collect()
    };
    let size = journal.read(Seq(0), 1, usize::MAX).unwrap()[0].json.len();
    assert_eq!(seqs(0, 3, usize::MAX), [1, 2, 3]);
    assert_eq!(seqs(7, 100, usize::MAX), [8, 9, 10]);
    assert_eq!(seqs(0, 100, 0), [1]);
    assert_eq!(seqs(0, 100, size * 2), [1, 2]);
    assert_eq!(seqs(0, 0, usize::MAX), [0; 0]);
    assert_eq!(seqs(10, 100, usize::MAX), [0; 0]);
    assert_eq!(seqs(11, 100, usize::MAX), [0; 0]);
    assert_eq!(seqs(u64::MAX, 100, usize::MAX), [0; 0]);
}

fn j4_a_ticket_gives_its_own_history<S: Store>() {
    let store = S::create();
    let mut state = open_tickets(&store, 3)[1].clone();
    for _ in 0..5 {
        state = commit(&*store.journal(), &one(answered(&state, "Soon."))).unwrap()[0].clone();
    }
    let journal = store.journal();
    let seqs = |ticket, after, limit| -> Vec<u64> {
        let history = journal.read_ticket(TicketId(ticket), Version(after), limit).unwrap();
        history.iter().map(|stored| stored.seq.get()).collect()
    };
    assert_eq!(seqs(2, 0, 100), [2, 4, 5, 6, 7, 8]);
    assert_eq!(seqs(2, 2, 2), [5, 6]);
    assert_eq!(seqs(2, 6, 100), [0; 0]);
    assert_eq!(seqs(2, u64::MAX, 100), [0; 0]);
    assert_eq!(seqs(9, 0, 100), [0; 0]);
    assert_eq!(journal.version(TicketId(2)).unwrap(), Version(6));
    assert_eq!(journal.version(TicketId(9)).unwrap(), Version(0));
    assert_eq!(journal.state(TicketId(2)).unwrap().as_ref(), Some(&*state));
    assert_eq!(journal.state(TicketId(9)).unwrap(), None);
}

fn j5_active_means_not_closed<S: Store>() {
    let mut store = S::create();
    let states = open_tickets(&store, 3);
    let active = |store: &S| {
        let mut ids = Vec::new();
        store.journal().active(&mut |state| ids.push(state.ticket.id.get())).unwrap();
        ids
    };
    commit(&*store.journal(), &one(moved(&states[1], Status::Solved))).unwrap();
    assert_eq!(active(&store), [1, 2, 3]);
    commit(&*store.journal(), &one(moved(&states[0], Status::Closed))).unwrap();
    assert_eq!(active(&store), [2, 3]);
    store.reopen().unwrap();
    assert_eq!(active(&store), [2, 3]);
    assert_eq!(store.journal().state(TicketId(1)).unwrap().unwrap().ticket.status, Status::Closed);
}

fn j6_a_full_disk_refuses_the_whole_group_and_takes_it_later<S: Store>() {
    let mut store = S::create();
    let states = open_tickets(&store, 2);
    let seen = everything(&*store.journal()).unwrap();
    let refused = [answered(&states[0], "One."), answered(&states[1], "Two.")];
    assert!(store.journal().has_room());
    store.set_full(true);
    assert!(!store.journal().has_room());
    assert!(matches!(commit(&*store.journal(), &refused), Err(JournalError::Full)));
    assert_eq!(everything(&*store.journal()).unwrap(), seen);
    let key = refused[0].memo.clone().unwrap();
    assert_eq!(store.journal().memo(&key.user, &key.key).unwrap(), None);
    store.reopen().unwrap();
    assert_eq!(everything(&*store.journal()).unwrap(), seen);
    store.set_full(false);
    commit(&*store.journal(), &refused).unwrap();
    assert_eq!(store.journal().head().seq, Seq(4));
}

fn j7_after_a_failed_commit_nothing_of_it_is_read<S: Store>() {
    let mut store = S::create();
    let states = open_tickets(&store, 2);
    let seen = everything(&*store.journal()).unwrap();
    store.fail_next();
    let lost = [answered(&states[0], "One."), opened(TicketId(3), "Two.")];
    assert!(matches!(commit(&*store.journal(), &lost), Err(JournalError::Storage(_))));

    let journal = store.journal();
    assert_eq!(journal.head(), seen.head);
    assert_eq!(journal.read(Seq(0), 100, usize::MAX).unwrap().len(), 2);
    assert_eq!(journal.read(Seq(2), 100, usize::MAX).unwrap().len(), 0);
    assert_eq!(journal.read_ticket(TicketId(1), Version(0), 100).unwrap().len(), 1);
    assert_eq!(journal.version(TicketId(1)).unwrap(), Version(1));
    assert_eq!(journal.last_ticket(), TicketId(2));
    // What is not safe is an error or the old value, never the new one.
    assert!(!matches!(journal.state(TicketId(1)), Ok(Some(state)) if state.ticket.version != Version(1)));
    assert!(!matches!(journal.state(TicketId(3)), Ok(Some(_))));
    let key = lost[0].memo.clone().unwrap();
    assert!(!matches!(journal.memo(&key.user, &key.key), Ok(Some(_))));
    // And the journal takes nothing any more.
    assert!(matches!(commit(&*journal, &one(opened(TicketId(4), "Three."))), Err(JournalError::Storage(_))));
    drop(journal);

    // A reopen finds the group whole or not at all.
    store.reopen().unwrap();
    let found = everything(&*store.journal()).unwrap();
    assert!(found == seen || found.head.seq == Seq(4), "{found:?}");
    assert_eq!(found.states.len() as u64, found.head.seq.get() - found.head.seq.get() / 4);
}

fn j8_nothing_is_read_before_it_is_safe<S: Store>() {
    let store = S::create();
    let states = open_tickets(&store, 1);
    let journal = store.journal();
    let next = one(answered(&states[0], "Soon."));
    let memo = next[0].memo.clone().unwrap();
    let aside = Aside { key: "users/ada".into(), value: Some(Bytes::from_static(b"ada")) };
    let gate = store.hold();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| journal.commit(&group(journal.head(), &next, vec![aside.clone()])).unwrap());
        gate.wait_for_commit();
        assert_eq!(journal.head().seq, Seq(1));
        assert_eq!(journal.read(Seq(0), 100, usize::MAX).unwrap().len(), 1);
        assert_eq!(journal.read_ticket(TicketId(1), Version(0), 100).unwrap().len(), 1);
        assert_eq!(journal.version(TicketId(1)).unwrap(), Version(1));
        // These may answer with the old value, or wait; what they show must be safe by then.
        let state = scope.spawn(|| {
            let state = journal.state(TicketId(1)).unwrap().unwrap();
            assert!(state.ticket.version.get() <= journal.head().seq.get());
        });
        let memo = scope.spawn(|| {
            let found = journal.memo(&memo.user, &memo.key).unwrap();
            assert!(found.is_none_or(|found| found.seq <= journal.head().seq));
        });
        let aside = scope.spawn(|| {
            let found = journal.aside("users/ada").unwrap();
            assert!(found.is_none() || journal.head().seq == Seq(2));
        });
        gate.open();
        for reader in [state, memo, aside] {
            reader.join().unwrap();
        }
        writing.join().unwrap();
    });
    assert_eq!(journal.state(TicketId(1)).unwrap().unwrap().ticket.version, Version(2));
    assert_eq!(journal.aside("users/ada").unwrap().unwrap(), "ada");
}

fn j9_large_values_are_kept_whole<S: Store>() {
    let mut store = S::create();
    let mut state = open_tickets(&store, 2)[0].clone();
    for length in [4_000, 4_096, 8_192, 500_000, 100] {
        let body: String = (0..length).map(|index| char::from(b'a' + (index * 7 % 26) as u8)).collect();
        let mut append = answered(&state, &body);
        let part = &mut append.parts[0];
        part.drafts[0].patch.custom = Some([("note".to_owned(), body.clone().into())].into());
        part.after = Arc::new(apply(Some(TicketState::clone(&state)), &part.drafts[0]));
        state = commit(&*store.journal(), &[append]).unwrap()[0].clone();
    }
    let seen = everything(&*store.journal()).unwrap();
    assert_eq!(seen.states[0].as_ref(), Some(&*state));
    store.reopen().unwrap();
    assert_eq!(everything(&*store.journal()).unwrap(), seen);
}

fn j10_commands_are_remembered_until_they_are_forgotten<S: Store>() {
    let mut store = S::create();
    let day = 86_400_000;
    let mut appends: Vec<_> = (1..=4).map(|id| opened(TicketId(id), "Hello")).collect();
    for (append, days) in appends.iter_mut().zip([0, 1, 2, 2]) {
        let memo = append.memo.as_mut().unwrap();
        memo.at = memo.at.plus_millis(days * day);
    }
    commit(&*store.journal(), &appends).unwrap();
    let remembered = |store: &S| -> Vec<bool> {
        let memos = appends.iter().map(|append| append.memo.as_ref().unwrap());
        memos.map(|memo| store.journal().memo(&memo.user, &memo.key).unwrap().is_some()).collect()
    };
    store.reopen().unwrap();
    assert_eq!(remembered(&store), [true; 4]);
    let found = store.journal().memo(&UserId::from("agent-1"), &CommandId::from("3-1")).unwrap().unwrap();
    assert_eq!((found.seq, found.ticket, found.version), (Seq(3), TicketId(3), Version(1)));
    assert_eq!(store.journal().memo(&UserId::from("agent-2"), &CommandId::from("3-1")).unwrap(), None);

    let before = at(Version(1)).plus_millis(2 * day);
    let mut forgotten = 0;
    loop {
        let some = store.journal().forget_memos(before).unwrap();
        forgotten += some;
        if some == 0 {
            break;
        }
    }
    assert_eq!(forgotten, 2);
    assert_eq!(remembered(&store), [false, false, true, true]);
}

fn j11_asides_are_stored_listed_and_removed<S: Store>() {
    let mut store = S::create();
    let aside = |key: &str, value: Option<&str>| Aside {
        key: key.into(),
        value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
    };
    let long = "x".repeat(20_000);
    let put = |store: &S, asides| {
        let journal = store.journal();
        journal.commit(&group(journal.head(), &[], asides)).unwrap();
    };
    put(
        &store,
        vec![
            aside("users/ada", Some("1")),
            aside("users/ad", Some(&long)),
            aside("users/adam", Some("3")),
            aside("tokens/t", Some("4")),
        ],
    );
    store.reopen().unwrap();
    let listed = |store: &S, prefix: &str| -> Vec<String> {
        store.journal().asides(prefix).unwrap().into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(listed(&store, "users/"), ["users/ad", "users/ada", "users/adam"]);
    assert_eq!(listed(&store, "users/ada"), ["users/ada", "users/adam"]);
    assert_eq!(listed(&store, "nobody/"), [""; 0]);
    assert_eq!(store.journal().aside("users/ad").unwrap().unwrap(), long);
    put(&store, vec![aside("users/ad", Some("short")), aside("users/ada", None), aside("nobody/x", None)]);
    store.reopen().unwrap();
    assert_eq!(listed(&store, ""), ["tokens/t", "users/ad", "users/adam"]);
    assert_eq!(store.journal().aside("users/ad").unwrap().unwrap(), "short");
    assert_eq!(store.journal().aside("users/ada").unwrap(), None);
    // They take no seq.
    assert_eq!(store.journal().head().seq, Seq(0));
}

fn j16_asides_are_read_in_pages_while_others_are_written<S: Store>() {
    let store = S::create();
    let journal = store.journal();
    let put = |key: String, value: Option<&str>| {
        let value = value.map(|value| value.to_owned().into());
        journal.commit(&group(journal.head(), &[], vec![Aside { key, value }])).unwrap();
    };
    // Long enough for more than one piece, and one name that begins another.
    let long = "x".repeat(100_000);
    for name in ["a/z", "b/", "b/1", "b/11", "b/2", "b/3", "c"] {
        put(name.to_owned(), Some(if name == "b/11" { &long } else { name }));
    }
    let page = |after: &str, limit: usize| -> Vec<String> {
        journal.asides_after("b/", after, limit).unwrap().into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(page("", 2), ["b/", "b/1"]);
    assert_eq!(page("b/1", 2), ["b/11", "b/2"]);
    assert_eq!(page("b/11", 9), ["b/2", "b/3"]);
    assert_eq!(page("b/3", 9), [""; 0]);
    assert_eq!(page("b/15", 0), ["b/2"], "where one was removed meanwhile");
    assert_eq!(journal.asides_after("b/", "b/1", 1).unwrap()[0].1, long);
    let many = (0..600).map(|number| Aside { key: format!("many/{number:03}"), value: Some("before".into()) });
    journal.commit(&group(journal.head(), &[], many.collect())).unwrap();
    let mut seen = Vec::new();
    let walked = each_aside(&*journal, "many/", |key, _| -> Result<(), JournalError> {
        if seen.is_empty() {
            put("many/000".to_owned(), Some("meanwhile"));
            put("many/400".to_owned(), None);
            put("other".to_owned(), Some("meanwhile"));
        }
        seen.push(key);
        Ok(())
    });
    walked.unwrap();
    let expected: Vec<_> = (0..600).filter(|number| *number != 400).map(|number| format!("many/{number:03}")).collect();
    assert_eq!(seen, expected);
}

fn j12_many_groups_read_back_as_one_history<S: Store>() {
    let mut store = S::create();
    let mut states = open_tickets(&store, 40);
    for round in 0..30 {
        let appends: Vec<_> = states.iter().map(|state| answered(state, &format!("Round {round}"))).collect();
        states = commit(&*store.journal(), &appends).unwrap();
    }
    let seen = everything(&*store.journal()).unwrap();
    assert_eq!(seen.records.len(), 40 * 31);
    assert!(seen.records.iter().zip(1..).all(|((seq, _), expected)| seq.get() == expected));
    store.reopen().unwrap();
    assert_eq!(everything(&*store.journal()).unwrap(), seen);
}

fn j13_a_long_history_is_read_from_any_place<S: Store>() {
    let mut store = S::create();
    let mut states = open_tickets(&store, 2);
    for round in 0..149 {
        let appends = [answered(&states[0], &format!("Round {round}")), answered(&states[1], "Other")];
        states = commit(&*store.journal(), &appends).unwrap();
    }
    for reopened in [false, true] {
        if reopened {
            store.reopen().unwrap();
            states =
                commit(&*store.journal(), &[answered(&states[0], "After"), moved(&states[1], Status::Open)]).unwrap();
        }
        let journal = store.journal();
        let whole: Vec<u64> = (0..150 + u64::from(reopened)).map(|index| index * 2 + 1).collect();
        for after in [0, 1, 62, 63, 64, 65, 127, 128, 148, 149, 150, 151] {
            for limit in [0, 1, 2, 64, 65, 1000] {
                let history = journal.read_ticket(TicketId(1), Version(after as u64), limit).unwrap();
                let seqs: Vec<u64> = history.iter().map(|stored| stored.seq.get()).collect();
                let expected: Vec<u64> = whole.iter().skip(after).take(limit).copied().collect();
                assert_eq!(seqs, expected, "after {after}, limit {limit}");
                assert!(history.iter().all(|stored| stored.record().unwrap().ticket == TicketId(1)));
            }
        }
    }
}

fn j14_what_is_in_use_all_the_time_is_what_its_records_say_after_a_kill<S: Store>() {
    let mut store = S::create();
    let mut states = open_tickets(&store, 12);
    for round in 0..20_usize {
        // Some tickets in every group, some now and then, one closed and one opened each time.
        let used = states.iter().enumerate().filter(|(index, _)| (round + index) % (index + 1) == 0);
        let mut appends: Vec<_> = used.map(|(_, state)| answered(state, &format!("Round {round}"))).collect();
        appends.push(opened(TicketId(100 + round as u64), "New"));
        for after in commit(&*store.journal(), &appends).unwrap() {
            match states.iter_mut().find(|state| state.ticket.id == after.ticket.id) {
                Some(state) => *state = after,
                None => drop(commit(&*store.journal(), &one(moved(&after, Status::Closed))).unwrap()),
            }
        }
        let seen = everything(&*store.journal()).unwrap();
        let memos = |store: &S| {
            let mut memos = Vec::new();
            store.journal().memos(&mut |memo| memos.push(memo)).unwrap();
            memos.sort_by_key(|memo| memo.seq);
            memos
        };
        let remembered = memos(&store);
        assert_eq!(remembered.len() as u64, seen.head.seq.get());
        if round % 3 == 0 {
            store.reopen().unwrap();
            assert_eq!(everything(&*store.journal()).unwrap(), seen);
            assert_eq!(memos(&store), remembered);
        }
        for memo in &remembered {
            assert_eq!(store.journal().memo(&memo.user, &memo.key).unwrap().as_ref(), Some(memo));
        }
        for state in &states {
            assert_eq!(store.journal().state(state.ticket.id).unwrap().as_ref(), Some(&**state));
        }
    }
}

fn j15_readers_see_what_is_written_out_meanwhile<S: Store>() {
    let store = S::create();
    let mut states = open_tickets(&store, 8);
    let journal = store.journal();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for ticket in [TicketId(1), TicketId(8)] {
            let (journal, done) = (store.journal(), &done);
            scope.spawn(move || {
                let mut seen = Version(1);
                let mut looks = 0;
                while looks == 0 || !done.load(Ordering::SeqCst) {
                    looks += 1;
                    let state = journal.state(ticket).unwrap().unwrap();
                    assert!(state.ticket.version >= seen, "a state went back");
                    seen = state.ticket.version;
                    let version = journal.version(ticket).unwrap();
                    assert!(version >= seen, "a version went back");
                    let history = journal.read_ticket(ticket, Version::ZERO, usize::MAX).unwrap();
                    assert!(history.len() as u64 >= version.get(), "a history went back");
                    let records = journal.read(Seq(history.last().unwrap().seq.get() - 1), 1, 0).unwrap();
                    assert_eq!(records[0].json, history.last().unwrap().json);
                    for version in 1..=seen.get() {
                        let key = CommandId::from(format!("{ticket}-{version}"));
                        let memo = journal.memo(&UserId::from("agent-1"), &key).unwrap().unwrap();
                        assert_eq!((memo.ticket, memo.version), (ticket, Version(version)));
                    }
                    let mut active = 0;
                    journal.active(&mut |_| active += 1).unwrap();
                    assert_eq!(active, 8);
                    let mut memos = 0;
                    let before = journal.head().seq.get();
                    journal.memos(&mut |_| memos += 1).unwrap();
                    assert!(memos >= before, "{memos} commands at record {before}");
                }
            });
        }
        for round in 0..60_usize {
            let used: Vec<_> =
                states.iter().filter(|state| !(state.ticket.id.get() as usize + round).is_multiple_of(3)).collect();
            let appends: Vec<_> = used.into_iter().map(|state| answered(state, "More")).collect();
            for after in commit(&*journal, &appends).unwrap() {
                let at = after.ticket.id.get() as usize - 1;
                states[at] = after;
            }
        }
        done.store(true, Ordering::SeqCst);
    });
}
