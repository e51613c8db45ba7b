//! Asks some commands once more under their own ids when the load is over: the first answer must come again, and nothing else.
//!
//! What the repeats did to the journal shows in the other proofs, which read it afterwards.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::client::Target;
use crate::client::http::Connection;
use crate::ledger::{Caller, Outcome, Sent};
use crate::people::caller::send;
use crate::people::deed::Deed;
use crate::proof::Proof;

const SAMPLE: usize = 100;

/// Asked over HTTP, whatever they came by: ids are one name space. Only what surely left records, since nothing else is
/// remembered.
pub async fn ask(target: &Target, callers: &[Caller], sent: &[Sent], random: &mut fastrand::Rng) -> Result<Proof> {
    let mut proof = Proof::new("a command that is sent again gets its first answer, and does nothing", "S24 S57");
    let mut done: Vec<&Sent> =
        sent.iter().filter(|sent| matches!(sent.outcome, Outcome::Done { .. }) && leaves_records(sent)).collect();
    random.shuffle(&mut done);
    let mut connections: HashMap<Arc<str>, Connection> = HashMap::new();
    for sent in done.into_iter().take(SAMPLE) {
        let token = &callers[sent.who].token;
        if !connections.contains_key(token) {
            connections.insert(token.clone(), Connection::open(&target.with_token(token)).await?);
        }
        let http = connections.get_mut(token).expect("invariant: it was just opened");
        let again =
            send(http, sent).await.with_context(|| format!("cannot repeat {} {}", sent.deed.name(), sent.id))?;
        proof.checked();
        if again != sent.outcome {
            proof.broken(format!("{} {}: first {:?}, repeated {again:?}", sent.deed.name(), sent.id, sent.outcome));
        }
    }
    Ok(proof)
}

/// New tags, a message, a ticket of the queue: whatever the ticket was before, there is a record.
fn leaves_records(sent: &Sent) -> bool {
    sent.body.get("tags").or(sent.body.get("body")).is_some() || sent.deed == Deed::ClaimNext
}
