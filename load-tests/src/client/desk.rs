//! What the scenarios want of a desk, in the contract's calls: tickets, people, snapshot, records.
//!
//! Sets scenes and asks questions; measures nothing. Called by every scenario.

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Target;
use super::http::Connection;

pub const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];
const MAKING_AT_ONCE: usize = 32;

/// The body of a new ticket, of the size that real ones have.
pub fn new_ticket(number: usize) -> Value {
    let body = "Hello, since this morning the order page shows an error when I pay. I tried two browsers and another card. \
                Could you please have a look? The order is needed by the end of the week.";
    json!({
        "subject": format!("Payment fails on order {number}"),
        "body": body,
        "requester": { "name": format!("Customer {number}"), "email": format!("customer{number}@example.com") },
        "priority": PRIORITIES[number % PRIORITIES.len()],
        "tags": ["payment", "web"],
    })
}

/// Words for tickets that nobody looks for.
pub fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// A desk and a connection to it.
#[derive(Debug)]
pub struct Desk {
    pub target: Target,
    pub http: Connection,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Snapshot {
    pub epoch: String,
    pub seq: u64,
    pub board: Vec<Value>,
    pub board_hash: String,
}

#[derive(Debug, Deserialize)]
pub struct Events {
    pub records: Vec<Value>,
    pub next_after: u64,
}

impl Desk {
    pub async fn open(target: &Target) -> Result<Self> {
        Ok(Self { target: target.clone(), http: Connection::open(target).await? })
    }

    /// Opens tickets, each with a word of its own in its subject, and returns their ids in the order of the words.
    pub async fn tickets(&self, words: &[String]) -> Result<Vec<u64>> {
        let count = words.len();
        let lanes = MAKING_AT_ONCE.min(count.max(1));
        let made: Vec<Vec<(usize, u64)>> = stream::iter(0..lanes)
            .map(async |lane: usize| {
                let mut http = Connection::open(&self.target).await?;
                let mut ids = Vec::new();
                for number in (lane..count).step_by(lanes) {
                    let mut ticket = new_ticket(number);
                    ticket["subject"] = format!("Payment fails on order {}", words[number]).into();
                    let reply = http.post("/api/v1/tickets", ticket.to_string()).await?;
                    let ticket: Value = reply.json().context("cannot open a ticket")?;
                    ids.push((number, ticket["id"].as_u64().context("a ticket without an id")?));
                }
                anyhow::Ok(ids)
            })
            .buffer_unordered(lanes)
            .try_collect()
            .await?;
        let mut ids = made.concat();
        ids.sort_unstable();
        Ok(ids.into_iter().map(|(_, ticket)| ticket).collect())
    }

    /// Makes users of a role, each with a token, and returns the tokens.
    pub async fn people(&mut self, role: &str, count: usize) -> Result<Vec<String>> {
        let mut people = Vec::new();
        for _ in 0..count {
            let name = uuid::Uuid::new_v4().simple().to_string();
            let user = json!({ "email": format!("{name}@example.com"), "name": name, "role": role });
            let user: Value =
                self.http.post("/api/v1/users", user.to_string()).await?.json().context("cannot add a user")?;
            let user = user["id"].as_str().context("a user without an id")?.to_owned();
            let token = json!({ "user": user, "name": "load" });
            let token: Value =
                self.http.post("/api/v1/tokens", token.to_string()).await?.json().context("cannot add a token")?;
            people.push(token["token"].as_str().context("a token without its text")?.to_owned());
        }
        Ok(people)
    }

    pub async fn snapshot(&mut self) -> Result<Snapshot> {
        self.http.get("/api/v1/snapshot?topics=board").await?.json().context("cannot fetch the snapshot")
    }

    /// Records after a seq, at most 1,000.
    pub async fn events(&mut self, after: u64) -> Result<Events> {
        self.http.get(&format!("/api/v1/events?after={after}&limit=1000")).await?.json().context("cannot fetch records")
    }

    /// All records after a seq up to the end of the journal.
    pub async fn all_events(&mut self, mut after: u64) -> Result<Vec<Value>> {
        let mut records = Vec::new();
        loop {
            let page = self.events(after).await?;
            if page.records.is_empty() && page.next_after <= after {
                return Ok(records);
            }
            ensure!(page.next_after > after, "records after {after} came without a next_after beyond it");
            records.extend(page.records);
            after = page.next_after;
        }
    }

    /// The seq of the last record.
    pub async fn head(&mut self) -> Result<u64> {
        // Any socket's welcome says it without the weight of a snapshot.
        let (_, welcome) = super::socket::Socket::open(&self.target, &[], None).await?;
        Ok(welcome.seq)
    }
}
