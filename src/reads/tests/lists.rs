use proptest::prelude::*;

use super::*;
use crate::protocol::code::Code;
use crate::protocol::reading::AssigneeFilter;

/// F52: a list holds every acknowledged write, whether its ticket is active, was just closed, or lies in the index.
#[tokio::test]
async fn f52_lists_are_read_your_writes() {
    let mut desk = TestDesk::new();
    let (one, two, three) =
        (desk.create("One", "a").await, desk.create("Two", "b").await, desk.create("Three", "c").await);
    let closed = || query(|query| query.statuses = vec![Status::Closed]);
    assert_eq!(desk.list(query(|_| {})).await, [3, 2, 1]);
    desk.close(two).await;
    assert_eq!(desk.list(query(|_| {})).await, [3, 2, 1]);
    assert_eq!(desk.list(closed()).await, [2]);
    assert_eq!(desk.find("two").await, [2]);
    desk.index().await;
    assert_eq!(desk.find("two").await, [2]);
    assert!(desk.reads.core.desk.read().overlay.closed.is_empty());
    assert_eq!(desk.list(closed()).await, [2]);
    assert_eq!(desk.list(query(|query| query.statuses = vec![Status::New])).await, [3, 1]);
    desk.close(one).await;
    desk.close(three).await;
    assert_eq!(desk.list(closed()).await, [3, 2, 1]);
    assert_eq!(desk.reads.ticket(two, &desk.me).await.unwrap().status, Status::Closed);
    assert_eq!(desk.reads.ticket(TicketId(9), &desk.me).await.unwrap_err().code, Code::NotFound);
}

/// F53: a search finds words, phrases and beginnings in subjects and messages, written until the moment it is asked.
#[tokio::test]
async fn f53_search_is_read_your_writes() {
    let mut desk = TestDesk::new();
    let parcel = desk.create("Parcel lost", "It was sent to Québec on Monday").await;
    desk.create("Refund", "Please pay back to ada.lovelace@example.org, order X-1234").await;
    for indexed in [false, true] {
        for (q, expect) in [
            ("parcel", &[1][..]),
            ("QUEBEC parcel", &[1]),
            ("parcel refund", &[]),
            ("\"on monday\"", &[1]),
            ("\"monday on\"", &[]),
            ("ada.lovelace@example.org", &[2]),
            ("x-1234", &[2]),
            ("ref*", &[2]),
            ("ref", &[]),
            ("?!", &[]),
        ] {
            assert_eq!(desk.find(q).await, expect, "{q}, indexed: {indexed}");
        }
        desk.index().await;
    }
    for round in 0..20 {
        desk.note(parcel, &format!("Carrier says word{round}")).await;
        assert_eq!(desk.find(&format!("word{round} lost")).await, [1]);
        if round % 7 == 0 {
            desk.index().await;
        }
    }
    for subject in ["Crate lost", "Crate missing"] {
        desk.update(parcel, UpdateTicket { subject: Some(subject.into()), ..UpdateTicket::default() }).await;
    }
    for _ in ["in memory", "indexed"] {
        assert_eq!(desk.find("lost").await, [] as [u64; 0]);
        assert_eq!(desk.find("parcel").await, [] as [u64; 0]);
        assert_eq!(desk.find("missing word3").await, [1]);
        desk.index().await;
    }
    desk.close(parcel).await;
    assert_eq!(desk.find("missing word3").await, [1]);
    assert_eq!(
        desk.list(query(|query| {
            query.q = Some("missing".into());
            query.statuses = vec![Status::New];
        }))
        .await,
        [] as [u64; 0]
    );
}

/// F54: a merged ticket is listed as closed, and as active again once the merge is undone, before and after indexing.
#[tokio::test]
async fn f54_an_undone_merge_is_listed_once() {
    for index_between in [false, true] {
        let mut desk = TestDesk::new();
        let (one, two) = (desk.create("One", "same").await, desk.create("Two", "same").await);
        let merged = desk.merge(one, two).await;
        if index_between {
            desk.index().await;
            assert_eq!(desk.find("same").await, [2, 1]);
        }
        assert_eq!(desk.list(query(|query| query.statuses = vec![Status::Closed])).await, [1]);
        desk.undo_pair(one, two, merged).await;
        assert_eq!(desk.list(query(|_| {})).await, [2, 1]);
        assert_eq!(desk.list(query(|query| query.statuses = vec![Status::Closed])).await, [] as [u64; 0]);
        assert_eq!(desk.find("same").await, [2, 1]);
        desk.index().await;
        assert_eq!(desk.find("same").await, [2, 1]);
        assert_eq!(desk.list(query(|_| {})).await, [2, 1]);
        assert!(desk.reads.core.desk.read().overlay.reopened.is_empty());
    }
}

/// F55: every filter keeps what it names, any of its values is enough, and all filters must hold.
#[tokio::test]
async fn f55_filters() {
    let mut desk = TestDesk::new();
    for (number, email) in
        [(1, "Ada@Example.org"), (2, "bob@example.org"), (3, "ada@example.org"), (4, "eve@example.org")]
    {
        desk.create_with(CreateTicket {
            subject: format!("Ticket {number}"),
            body: "Text".into(),
            requester: Requester { name: "N".into(), email: email.into() },
            priority: (number == 2).then_some(Priority::Urgent),
            category: (number > 2).then(|| "category".into()),
            team: (number == 3).then(|| "team".into()),
            tags: Some(vec![format!("tag{number}"), "all".into()]),
            channel: None,
            body_format: None,
            custom: None,
            attachments: Vec::new(),
        })
        .await;
    }
    let me = desk.me.id.clone();
    desk.act(TicketId(4), claim()).await;
    for state in ["active", "in the overlay", "in the index"] {
        let check = |expect: &'static [u64], change: fn(&mut ListQuery, &UserId)| {
            let (desk, me) = (&desk, &me);
            async move { assert_eq!(desk.list(query(|query| change(query, me))).await, expect, "{state}") }
        };
        check(&[3, 1], |query, _| query.requesters = vec!["ada@example.org".into()]).await;
        check(&[2], |query, _| query.priorities = vec![Priority::Urgent]).await;
        check(&[4, 3], |query, _| query.categories = vec!["category".into()]).await;
        check(&[3], |query, _| query.teams = vec!["team".into()]).await;
        check(&[4, 1], |query, _| query.tags = vec!["tag1".into(), "tag4".into()]).await;
        check(&[3, 2, 1], |query, _| query.assignees = vec![AssigneeFilter::Nobody]).await;
        check(&[4], |query, me| query.assignees = vec![AssigneeFilter::User(me.clone())]).await;
        check(&[4, 3, 2, 1], |query, me| {
            query.assignees = vec![AssigneeFilter::User(me.clone()), AssigneeFilter::Nobody];
            query.tags = vec!["all".into()];
        })
        .await;
        check(&[3], |query, _| {
            query.categories = vec!["category".into()];
            query.assignees = vec![AssigneeFilter::Nobody];
        })
        .await;
        check(&[], |query, _| query.teams = vec!["nobody".into()]).await;
        if state == "active" {
            for id in 1..=4 {
                desk.close(TicketId(id)).await;
            }
        } else {
            desk.index().await;
        }
    }
}

/// F56: each sort is total, ties are broken by id, and tickets without a due time come last in both directions.
#[tokio::test]
async fn f56_sorts_across_active_and_closed() {
    let mut desk = TestDesk::new();
    for id in 1..=12 {
        let id = {
            desk.clock.advance(1_000);
            desk.create(&format!("Ticket {id}"), "Text").await
        };
        let wanted = [Priority::Low, Priority::Urgent, Priority::Normal][id.get() as usize % 3];
        desk.update(id, priority(wanted)).await;
    }
    for id in [2, 3, 5, 7, 11] {
        desk.clock.advance(1_000);
        desk.close(TicketId(id)).await;
        if id == 5 {
            desk.index().await;
        }
    }
    let all = desk.all();
    for key in SortKey::ALL {
        for descending in [false, true] {
            let mut expect: Vec<&Ticket> = all.values().collect();
            expect.sort_by_key(|ticket| {
                let value = match key {
                    SortKey::Id => 0,
                    SortKey::CreatedAt => ticket.created_at.as_millis(),
                    SortKey::UpdatedAt => ticket.updated_at.as_millis(),
                    SortKey::Priority => ticket.priority as i64,
                    SortKey::Due => ticket.next_due().map_or(0, Timestamp::as_millis),
                };
                let turn = |value: i64| if descending { -value } else { value };
                (ticket.next_due().is_none() && key == SortKey::Due, turn(value), turn(ticket.id.get() as i64))
            });
            let expect: Vec<u64> = expect.into_iter().map(|ticket| ticket.id.get()).collect();
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let page = desk
                    .reads
                    .list(
                        query(|query| {
                            query.sort = sorted(key, descending);
                            query.size = 5;
                            query.after = after.take();
                        }),
                        &desk.me,
                    )
                    .await
                    .unwrap();
                found.extend(page.data.iter().map(|ticket| ticket.id.get()));
                assert_eq!(page.meta.has_more, page.meta.after_cursor.is_some());
                match page.meta.after_cursor {
                    Some(cursor) => after = Some(cursor),
                    None => break,
                }
            }
            assert_eq!(found, expect, "{key:?} {descending}");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Write {
    Create,
    Close(u64),
    Touch(u64),
    Merge(u64, u64),
    UndoMerge,
    Index,
}

fn any_write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => Just(Write::Create),
        3 => (0..100_u64).prop_map(Write::Close),
        2 => (0..100_u64).prop_map(Write::Touch),
        2 => (0..100_u64, 0..100_u64).prop_map(|(one, two)| Write::Merge(one, two)),
        2 => Just(Write::UndoMerge),
        2 => Just(Write::Index),
    ]
}

async fn perform(desk: &mut TestDesk, write: Write, merges: &mut Vec<(TicketId, TicketId, CommandId)>) {
    desk.clock.advance(7);
    let last = desk.journal.last_ticket().get();
    let pick = |number: u64| TicketId(number % last.max(1) + 1);
    let active = |desk: &TestDesk, id| last > 0 && desk.state(id).ticket.is_active();
    match write {
        Write::Create => {
            desk.create("Ticket", "needle").await;
        }
        Write::Close(number) if active(desk, pick(number)) => desk.close(pick(number)).await,
        Write::Touch(number) if active(desk, pick(number)) => {
            desk.note(pick(number), "touched").await;
        }
        Write::Merge(one, two) => {
            let (one, two) = (pick(one), pick(two));
            if one != two && active(desk, one) && active(desk, two) {
                let command = desk.merge(one, two).await;
                merges.push((one, two, command));
            }
        }
        Write::UndoMerge => {
            if let Some((one, two, command)) = merges.pop()
                && active(desk, two)
            {
                desk.undo_pair(one, two, command).await;
            }
        }
        Write::Index => desk.index().await,
        Write::Close(_) | Write::Touch(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// F57: under id and created_at, in both directions, with and without a search, a ticket that is there from the first
    /// page to the last comes exactly once, whatever is written between the pages.
    #[test]
    fn f57_pages_are_exactly_once_under_writes(
        before in proptest::collection::vec(any_write(), 5..30),
        between in proptest::collection::vec(proptest::collection::vec(any_write(), 0..4), 12),
        by_id in any::<bool>(),
        descending in any::<bool>(),
        search in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut desk = TestDesk::new();
            let mut merges = Vec::new();
            for write in before {
                perform(&mut desk, write, &mut merges).await;
            }
            let there_at_first = desk.journal.last_ticket().get();
            let mut found: Vec<u64> = Vec::new();
            let mut after = None;
            let mut between = between.into_iter();
            loop {
                let page = desk.reads.list(query(|query| {
                    query.size = 3;
                    query.sort = sorted(if by_id { SortKey::Id } else { SortKey::CreatedAt }, descending);
                    query.q = search.then(|| "needle".into());
                    query.after = after.take();
                }), &desk.me).await.unwrap();
                found.extend(page.data.iter().map(|ticket| ticket.id.get()));
                match page.meta.after_cursor {
                    Some(cursor) => after = Some(cursor),
                    None => break,
                }
                for write in between.next().unwrap_or_default() {
                    perform(&mut desk, write, &mut merges).await;
                }
            }
            let mut sorted = found.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), found.len(), "a ticket came twice: {found:?}");
            for id in 1..=there_at_first {
                assert!(found.contains(&id), "ticket {id} is missing: {found:?}");
            }
            assert!(found.windows(2).all(|pair| if descending { pair[0] > pair[1] } else { pair[0] < pair[1] }));
        });
    }
}

/// F58: a cursor of another sort, or one that nobody gave out, is refused.
#[tokio::test]
async fn f58_a_foreign_cursor_is_refused() {
    let mut desk = TestDesk::new();
    for _ in 0..3 {
        desk.create("Ticket", "Text").await;
    }
    let first = desk.reads.list(query(|query| query.size = 2), &desk.me).await.unwrap();
    for (sort, after) in [
        (sorted(SortKey::Id, false), first.meta.after_cursor.unwrap()),
        (Sort::default(), "abc".into()),
        (Sort::default(), String::new()),
    ] {
        let refused = desk
            .reads
            .list(
                query(|query| {
                    query.sort = sort;
                    query.after = Some(after);
                }),
                &desk.me,
            )
            .await
            .unwrap_err();
        assert_eq!(refused.code, Code::InvalidField);
        assert_eq!(refused.errors[0].pointer, "/page[after]");
    }
}

/// F59: after a restart, orderly or not, lists and searches are what they were; an index that is damaged or of another
/// journal is built anew.
#[tokio::test]
async fn f59_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = TestDesk::open(Store::memory(), Some(folder.path().into()), Clock::manual(START));
    for id in 1..=30 {
        let id = desk.create(&format!("Ticket{id}"), "needle").await;
        if id.get() % 3 == 0 {
            desk.close(id).await;
        }
    }
    let closed: Vec<u64> = (1..=30).rev().filter(|id| id % 3 == 0).collect();
    let all: Vec<u64> = (1..=30).rev().collect();
    async fn check(desk: &TestDesk, all: &[u64], closed: &[u64]) {
        assert_eq!(desk.list(query(|query| query.statuses = vec![Status::Closed])).await, closed);
        assert_eq!(desk.list(query(|_| {})).await, all);
        assert_eq!(desk.find("needle").await, all);
        assert_eq!(desk.find("ticket12").await, [12]);
    }
    check(&desk, &all, &closed).await;
    let mut desk = desk.restart();
    check(&desk, &all, &closed).await;

    desk.create("Late", "needle").await;
    let mut with_late = vec![31];
    with_late.extend(&all);
    let late = desk.stop();
    std::fs::write(folder.path().join("search/meta.json"), "{}").unwrap();
    let desk = TestDesk::open(late, Some(folder.path().into()), Clock::manual(START));
    check(&desk, &with_late, &closed).await;

    // A file of the index with another byte.
    let late = desk.stop();
    let segment = std::fs::read_dir(folder.path().join("search"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "idx"))
        .unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[3] ^= 0x55;
    std::fs::write(&segment, bytes).unwrap();
    let desk = TestDesk::open(late, Some(folder.path().into()), Clock::manual(START));
    check(&desk, &with_late, &closed).await;
    desk.stop();

    // Another journal with the same folder.
    let mut other = TestDesk::open(Store::memory(), Some(folder.path().into()), Clock::manual(START));
    other.create("Other", "needle").await;
    assert_eq!(other.find("needle").await, [1]);
    other.stop();
}

/// F73: while the index is being built, lists in order of id come without it, whole and in pages.
#[tokio::test]
async fn f73_lists_by_id_do_not_wait_for_the_index() {
    let mut desk = TestDesk::new();
    for number in 1..=20 {
        let id = desk.create("Ticket", "Text").await;
        if number % 2 == 0 {
            desk.close(id).await;
        }
    }
    // As after a start on a journal that the index has not read.
    desk.reads.core.desk.write().overlay.from = Seq(u64::MAX);
    for (descending, statuses) in
        [(true, vec![]), (false, vec![]), (true, vec![Status::Closed]), (false, vec![Status::Closed])]
    {
        let mut expect: Vec<u64> = (1..=20).filter(|id| statuses.is_empty() || id % 2 == 0).collect();
        if descending {
            expect.reverse();
        }
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let asked = query(|query| {
                query.size = 7;
                query.sort = sorted(SortKey::Id, descending);
                query.statuses.clone_from(&statuses);
                query.after = after.take();
            });
            let page = desk.reads.list(asked, &desk.me).await.unwrap();
            found.extend(page.data.iter().map(|ticket| ticket.id.get()));
            match page.meta.after_cursor {
                Some(cursor) => after = Some(cursor),
                None => break,
            }
        }
        assert_eq!(found, expect);
    }
}

/// What [`ListQuery`] says, by hand.
fn by_hand(all: &BTreeMap<u64, Ticket>, query: &ListQuery) -> Vec<u64> {
    let mut tickets: Vec<&Ticket> = all
        .values()
        .filter(|ticket| {
            (query.statuses.is_empty() || query.statuses.contains(&ticket.status))
                && (query.priorities.is_empty() || query.priorities.contains(&ticket.priority))
                && (query.teams.is_empty() || ticket.team.as_ref().is_some_and(|team| query.teams.contains(team)))
                && (query.tags.is_empty() || query.tags.iter().any(|tag| ticket.tags.contains(tag)))
                && (query.assignees.is_empty() || ticket.assignee.is_none())
        })
        .collect();
    tickets.sort_by_key(|ticket| {
        let value = match query.sort.key {
            SortKey::UpdatedAt => ticket.updated_at.as_millis(),
            SortKey::Priority => ticket.priority as i64,
            _ => 0,
        };
        let turn = |value: i64| if query.sort.descending { -value } else { value };
        (turn(value), turn(ticket.id.get() as i64))
    });
    tickets.into_iter().map(|ticket| ticket.id.get()).collect()
}

fn any_query() -> impl Strategy<Value = ListQuery> {
    let statuses =
        proptest::sample::subsequence(vec![Status::New, Status::Open, Status::Pending, Status::Closed], 0..3);
    let priorities = proptest::sample::subsequence(vec![Priority::Low, Priority::Normal, Priority::Urgent], 0..2);
    let teams = proptest::sample::subsequence(vec!["a".to_owned(), "b".to_owned()], 0..2);
    let tags = proptest::sample::subsequence(vec!["x".to_owned(), "y".to_owned()], 0..3);
    let keys = proptest::sample::select(vec![SortKey::Id, SortKey::UpdatedAt, SortKey::Priority]);
    (statuses, priorities, teams, tags, any::<bool>(), keys, any::<bool>(), 1..40_usize).prop_map(
        |(statuses, priorities, teams, tags, nobody, key, descending, size)| ListQuery {
            statuses,
            priorities,
            teams,
            tags,
            assignees: if nobody { vec![AssigneeFilter::Nobody] } else { Vec::new() },
            sort: sorted(key, descending),
            size,
            ..ListQuery::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// F55, F56: any filters, any sort and any page size give what sifting and sorting by hand gives, wherever the tickets are.
    #[test]
    fn f55_f56_lists_are_what_sifting_by_hand_gives(
        tickets in proptest::collection::vec((0..4_usize, 0..3_usize, 0..3_usize, 0..6_u8), 5..40),
        queries in proptest::collection::vec(any_query(), 30),
        indexed_at in 0..40_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut desk = TestDesk::new();
            for (index, (priority, team, tag, fate)) in tickets.into_iter().enumerate() {
                desk.clock.advance(5);
                let id = desk.create_with(CreateTicket {
                    subject: "Ticket".into(),
                    body: "Text".into(),
                    requester: Requester { name: "N".into(), email: "n@example.org".into() },
                    priority: Some([Priority::Low, Priority::Normal, Priority::High, Priority::Urgent][priority]),
                    category: None,
                    team: [None, Some("a"), Some("b")][team].map(str::to_owned),
                    tags: Some([vec![], vec!["x".to_owned()], vec!["x".to_owned(), "y".to_owned()]][tag].clone()),
                    channel: None,
                    body_format: None,
                    custom: None,
                    attachments: Vec::new(),
                }).await;
                match fate {
                    0 | 1 => desk.close(id).await,
                    2 => { desk.act(id, claim()).await; }
                    3 => { desk.update(id, status(Status::Pending)).await; }
                    _ => {}
                }
                if index == indexed_at {
                    desk.index().await;
                }
            }
            let all = desk.all();
            for query in queries {
                let mut found = Vec::new();
                let mut after = None;
                loop {
                    let page = desk.reads.list(ListQuery { after: after.take(), ..query.clone() }, &desk.me).await.unwrap();
                    assert!(page.data.len() <= query.size);
                    found.extend(page.data.iter().map(|ticket| ticket.id.get()));
                    match page.meta.after_cursor {
                        Some(cursor) => after = Some(cursor),
                        None => break,
                    }
                }
                assert_eq!(found, by_hand(&all, &query), "{query:?}");
            }
        });
    }
}

/// F72: with many writers at once and the index committing all the time, each writer finds what it wrote as soon as it is
/// acknowledged: in lists, by search and in the snapshot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f72_concurrent_writers_read_their_writes() {
    let desk = Arc::new(TestDesk::open_with(Store::memory(), None, Clock::manual(START), 1));
    let writers = (0..4_u64).map(|writer| {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            for round in 0..15 {
                let id = TicketId(1 + writer + round * 4);
                let word = format!("word{id}");
                let create = Command::Create(CreateTicket {
                    subject: word.clone(),
                    body: "Text".into(),
                    requester: Requester { name: "N".into(), email: format!("{word}@example.org") },
                    priority: None,
                    category: None,
                    team: None,
                    tags: None,
                    channel: None,
                    body_format: None,
                    custom: None,
                    attachments: Vec::new(),
                });
                let command_id = CommandId::from(word.clone());
                let mut before = None;
                let steps = [create, Command::Update(status(Status::Solved)), Command::Update(status(Status::Closed))];
                for step in steps {
                    let decision = decide(before.as_ref(), id, None, &step, &desk.context(&command_id)).unwrap();
                    let after = decision.after.clone();
                    desk.append(vec![(before, decision)]).await;
                    let mine = query(|query| query.requesters = vec![format!("{word}@example.org")]);
                    let listed = desk.reads.list(mine, &desk.me).await.unwrap().data;
                    assert_eq!(listed.iter().collect::<Vec<_>>(), [&after.ticket]);
                    assert_eq!(desk.find(&word).await, [id.get()]);
                    let snapshot = desk.reads.snapshot(None, &desk.me).await.unwrap();
                    let text = std::str::from_utf8(&snapshot.json).unwrap();
                    assert_eq!(text.contains(&format!("\"{word}\"")), after.ticket.is_active());
                    before = Some(after);
                }
            }
        })
    });
    for outcome in futures_util::future::join_all(writers).await {
        outcome.unwrap();
    }
}
