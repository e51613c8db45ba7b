//! The links by which customers follow their requests: a secret for one ticket, of which only the digest is kept. They are read
//! from the journal when somebody comes with one, so that millions of them cost no memory.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::secret::{self, Digest};
use super::{People, put, read, unreadable, whole};
use crate::domain::ids::{CommandId, TicketId, UserId};
use crate::domain::time::Timestamp;
use crate::journal::Aside;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::requests::RequestLink;

/// By digest: which ticket it is for.
const LINKS: &str = "request-links/";
/// By ticket and digest: which links it has.
const OF_TICKET: &str = "request-links-of/";

/// Of one ticket; revoke them for new ones.
const EACH: usize = 20;

#[derive(Serialize, Deserialize)]
struct Stored {
    ticket: TicketId,
    created_at: Timestamp,
    /// `None`: the form itself.
    by: Option<UserId>,
}

impl People {
    /// Makes a link and gives its secret, this once.
    pub async fn make_request_link(self: &Arc<Self>, ticket: TicketId, by: Option<UserId>) -> Result<String, Problem> {
        let people = self.clone();
        whole(async move {
            let _changing = people.changing.lock().await;
            if people.asides_of(ticket)?.len() >= EACH {
                let detail = format!("a ticket has at most {EACH} links: revoke them first");
                return Err(Problem::field("", "too_many", detail));
            }
            let token = secret::fresh("hdr_");
            let stored = Stored { ticket, created_at: people.now(), by };
            people.keep(asides(&Digest::of(&token), &stored).into()).await?;
            Ok(token)
        })
        .await
    }

    /// The ticket that a link is for. `None`: there is no such link, or not any more.
    pub fn ticket_of_link(&self, token: &str) -> Result<Option<TicketId>, Problem> {
        Ok(self.stored_link(&Digest::of(token))?.map(|stored| stored.ticket))
    }

    /// The links of a ticket, oldest first.
    pub fn request_links(&self, ticket: TicketId) -> Result<Vec<RequestLink>, Problem> {
        let mut links = Vec::new();
        for (key, value) in self.asides_of(ticket)? {
            let stored: Stored = read(&key, &value).map_err(unreadable)?;
            links.push(RequestLink { created_at: stored.created_at, by: stored.by });
        }
        links.sort_by_key(|link| link.created_at);
        Ok(links)
    }

    /// Ends every link of a ticket, and says how many there were.
    pub async fn revoke_request_links(self: &Arc<Self>, ticket: TicketId) -> Result<usize, Problem> {
        let people = self.clone();
        whole(async move {
            let _changing = people.changing.lock().await;
            let found = people.asides_of(ticket)?;
            let mut gone = Vec::new();
            for (key, _) in &found {
                let digest = key.rsplit('/').next().unwrap_or_default();
                gone.push(Aside { key: format!("{LINKS}{digest}"), value: None });
                gone.push(Aside { key: key.clone(), value: None });
            }
            people.keep(gone).await?;
            Ok(found.len())
        })
        .await
    }

    /// A link follows its request where an answer to a closed ticket began a new one.
    pub async fn move_request_link(self: &Arc<Self>, token: &str, to: TicketId) -> Result<(), Problem> {
        let (people, digest) = (self.clone(), Digest::of(token));
        whole(async move {
            let _changing = people.changing.lock().await;
            // Revoked meanwhile: it stays so.
            let Some(before) = people.stored_link(&digest)? else { return Ok(()) };
            let left = Aside { key: key_of(before.ticket, &digest), value: None };
            let stored = Stored { ticket: to, ..before };
            let [link, of_ticket] = asides(&digest, &stored);
            people.keep(vec![left, link, of_ticket]).await
        })
        .await
    }

    fn stored_link(&self, digest: &Digest) -> Result<Option<Stored>, Problem> {
        let key = format!("{LINKS}{digest}");
        let found = self.journal.aside(&key).map_err(unreadable)?;
        found.map(|value| read(&key, &value).map_err(unreadable)).transpose()
    }

    fn asides_of(&self, ticket: TicketId) -> Result<Vec<(String, bytes::Bytes)>, Problem> {
        self.journal.asides(&format!("{OF_TICKET}{ticket}/")).map_err(unreadable)
    }
}

fn key_of(ticket: TicketId, digest: &Digest) -> String {
    format!("{OF_TICKET}{ticket}/{digest}")
}

fn asides(digest: &Digest, stored: &Stored) -> [Aside; 2] {
    [put(format!("{LINKS}{digest}"), stored), put(key_of(stored.ticket, digest), stored)]
}

/// Under which name a customer's message is remembered. All customers are one user of the desk: nobody comes upon another's by
/// choosing the same key, since that of an answer has the link's secret in it, and a request's key is a secret itself.
pub fn message_key(secret: &str, key: &str) -> CommandId {
    CommandId::from(Digest::of(&format!("{secret} {key}")).to_string())
}

/// What every link that is not good answers, whatever is wrong with it.
pub fn no_link() -> Problem {
    Problem::new(Code::NotFound, "this link is not known, or not good any more")
}
