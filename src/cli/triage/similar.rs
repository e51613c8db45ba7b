//! `hotdesk triage similar`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use super::table::{Table, TableError};
use super::{Report, SimilarArgs, shown_time};
use crate::triage::learner::{Buffers, Category, Learner, Settings};
use crate::triage::measure::quantile;
use crate::triage::similar::{Index, Search, Terms};

struct Ticket {
    id: String,
    line: u64,
    subject: String,
    body: String,
    label: Option<String>,
}

pub fn run(args: &SimilarArgs) -> Result<Report, TableError> {
    let tables = [Table::read(&args.index)?, Table::read(&args.queries)?];
    let (indexed, queries) = (tickets(&tables[0])?, tickets(&tables[1])?);
    let wanted = match &args.pairs {
        Some(pairs) => Some(pairs_of(&Table::read(pairs)?, &indexed, &queries)?),
        None => None,
    };
    if wanted.is_none() {
        for (table, tickets) in tables.iter().zip([&indexed, &queries]) {
            if let Some(ticket) = tickets.iter().find(|ticket| ticket.label.is_none()) {
                return Err(table.wrong(ticket.line, "there is no label; give --pairs, or labels to compare"));
            }
        }
    }
    let labels: BTreeMap<&str, u32> = indexed.iter().filter_map(|ticket| Some((ticket.label.as_deref()?, 0))).collect();
    let labels: HashMap<&str, u32> = labels.into_keys().zip(0..).collect();
    let learner = learner(&indexed, &labels);
    let mut index = Index::new(indexed.len());
    let mut terms = Terms::default();
    let started = Instant::now();
    for (at, ticket) in (1..).zip(&indexed) {
        terms.read(&ticket.subject, &ticket.body);
        index.insert(at, &terms, ticket.label.as_deref().map(|label| labels[label]));
    }
    let build_us = started.elapsed().as_secs_f64() * 1e6;
    let own: HashMap<&str, u64> = indexed.iter().map(|ticket| ticket.id.as_str()).zip(1..).collect();
    let (mut buffers, mut search) = (Buffers::default(), Search::default());
    let (mut asked, mut first, mut five, mut any) = (0usize, 0usize, 0usize, 0usize);
    let mut times = Vec::new();
    let same_file = args.index == args.queries;
    for query in &queries {
        let answers = wanted.as_ref().map(|wanted| wanted.get(query.id.as_str()));
        if answers == Some(None) {
            continue;
        }
        let start = Instant::now();
        terms.read(&query.subject, &query.body);
        let prediction = learner
            .as_ref()
            .map(|learner| learner.predict(&format!("{} {}", query.subject, query.body), 10, &mut buffers));
        // A row is the query itself when it has the query's id and the files speak of the same ids.
        let itself = (same_file || wanted.is_some()).then(|| own.get(query.id.as_str()).copied()).flatten();
        let hits = index.search(&terms, prediction.as_ref(), itself, 5, &mut search);
        times.push(start.elapsed().as_secs_f64() * 1e6);
        asked += 1;
        let right = |id: u64| {
            let found = &indexed[id as usize - 1];
            match answers.flatten() {
                Some(answers) => answers.contains(&found.id.as_str()),
                None => found.label == query.label,
            }
        };
        let rank = hits.iter().position(|hit| right(hit.id));
        first += usize::from(rank == Some(0));
        five += usize::from(rank.is_some());
        any += usize::from(!hits.is_empty());
    }
    let mut report = Report::default();
    report.count("indexed", index.len());
    report.count("queries", asked);
    let share = |count: usize| count as f64 / asked.max(1) as f64;
    report.share("recall_at_1", share(first));
    report.share("recall_at_5", share(five));
    report.share("answered", share(any));
    for (name, quarter) in [("search_us_p50", 0.5), ("search_us_p99", 0.99)] {
        let us = quantile(&mut times, quarter);
        report.add(name, us, shown_time(us));
    }
    report.add("index_ms", build_us / 1e3, shown_time(build_us));
    report.add("memory_bytes", index.bytes(), format!("{:.1} MiB", index.bytes() as f64 / f64::from(1 << 20)));
    Ok(report)
}

fn tickets(table: &Table) -> Result<Vec<Ticket>, TableError> {
    let subject = table.needs(&["text", "summary", "subject"])?;
    let body = table.column(&["description", "body"]);
    let (id, label) = (table.column(&["id"]), table.column(&["label"]));
    let ticket = |(at, row): (usize, super::table::Row<'_>)| {
        let label = label.map(|label| row.filled(label)).transpose()?.map(str::to_owned);
        let id = id.map(|id| row.filled(id)).transpose()?.map_or_else(|| (at + 1).to_string(), str::to_owned);
        let (subject, body) = (row.cell(subject).to_owned(), body.map_or("", |body| row.cell(body)).to_owned());
        if subject.trim().is_empty() && body.trim().is_empty() {
            return Err(row.wrong("there is no text"));
        }
        Ok(Ticket { id, line: row.line, subject, body, label })
    };
    table.rows().enumerate().map(ticket).collect()
}

/// The duplicates of each query; both must be in their files.
fn pairs_of<'a>(
    table: &Table,
    indexed: &'a [Ticket],
    queries: &'a [Ticket],
) -> Result<HashMap<&'a str, Vec<&'a str>>, TableError> {
    let (id, duplicate) = (table.needs(&["id"])?, table.needs(&["duplicate_id"])?);
    let names = |tickets: &'a [Ticket]| tickets.iter().map(|ticket| ticket.id.as_str()).collect::<HashSet<_>>();
    let (indexed, queries) = (names(indexed), names(queries));
    let mut pairs: HashMap<&str, Vec<&str>> = HashMap::new();
    for row in table.rows() {
        let (id, duplicate) = (row.filled(id)?.trim(), row.filled(duplicate)?.trim());
        let Some(id) = queries.get(id) else {
            return Err(row.wrong(format!("no query has the id `{id}`")));
        };
        let Some(duplicate) = indexed.get(duplicate) else {
            return Err(row.wrong(format!("nothing in the index has the id `{duplicate}`")));
        };
        pairs.entry(id).or_default().push(duplicate);
    }
    Ok(pairs)
}

/// The classifier that puts candidates in order, taught with the index's own labels; none without labels.
fn learner(indexed: &[Ticket], labels: &HashMap<&str, u32>) -> Option<Learner> {
    if labels.len() < 2 {
        return None;
    }
    let mut names: Vec<(&str, u32)> = labels.iter().map(|(label, place)| (*label, *place)).collect();
    names.sort_unstable_by_key(|(_, place)| *place);
    let category = |(label, _): (&str, u32)| Category {
        id: label.to_owned(),
        name: label.replace(['_', '-'], " "),
        description: String::new(),
    };
    let learner = Learner::new(names.into_iter().map(category).collect(), Settings::default());
    let mut buffers = Buffers::default();
    for ticket in indexed.iter().filter(|ticket| ticket.label.is_some()) {
        let text = format!("{} {}", ticket.subject, ticket.body);
        let learnt = learner.learn(0, &text, ticket.label.as_deref(), &mut buffers);
        learnt.expect("invariant: every label of the index is a category");
    }
    learner.refit();
    Some(learner)
}
