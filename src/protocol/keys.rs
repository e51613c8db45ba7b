//! One request at a time under one Idempotency-Key, whichever call it is: the gate before everything that is remembered.
//!
//! Knows only what is under way; what took effect is remembered by who carries it out (the journal's memos, the answers of
//! `people`), and is asked for behind the gate. Used by `actors` for commands and bulk calls, by `people` for users.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::code::Code;
use super::problem::Problem;
use crate::domain::ids::{CommandId, UserId};

#[derive(Default)]
pub struct Keys {
    under_way: DashMap<(UserId, CommandId), Place>,
}

struct Place {
    /// Of what is asked under the key: another request is a mistake, and need not wait to hear so.
    fingerprint: u64,
    turn: Arc<Mutex<()>>,
    /// Who has the turn and who waits for it.
    requests: usize,
}

impl Keys {
    /// Waits until nobody else is at work under the user's key. Refused where that is another request.
    pub async fn enter(self: &Arc<Self>, user: &UserId, key: &CommandId, fingerprint: u64) -> Result<Pass, Problem> {
        let name = (user.clone(), key.clone());
        let turn = match self.under_way.entry(name.clone()) {
            Entry::Occupied(mut place) => {
                if place.get().fingerprint != fingerprint {
                    return Err(reused());
                }
                place.get_mut().requests += 1;
                Arc::clone(&place.get().turn)
            }
            Entry::Vacant(free) => {
                let turn = Arc::default();
                free.insert(Place { fingerprint, turn: Arc::clone(&turn), requests: 1 });
                turn
            }
        };
        let request = Request { keys: Arc::clone(self), name };
        Ok(Pass { _turn: turn.lock_owned().await, _request: request })
    }
}

/// The turn under one key, until it is dropped.
pub struct Pass {
    // Given back before the request is counted out.
    _turn: OwnedMutexGuard<()>,
    _request: Request,
}

/// Counted in; one that gives up waiting is counted out as well.
struct Request {
    keys: Arc<Keys>,
    name: (UserId, CommandId),
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Entry::Occupied(mut place) = self.keys.under_way.entry(self.name.clone()) {
            place.get_mut().requests -= 1;
            if place.get().requests == 0 {
                place.remove();
            }
        }
    }
}

pub fn reused() -> Problem {
    Problem::new(Code::IdempotencyKeyReused, "this key was used for another command")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// S29: under one key one request at a time; another one is refused at once, and nothing is left of who gave up.
    #[tokio::test]
    async fn s29_one_request_at_a_time_under_one_key() {
        let keys = Arc::new(Keys::default());
        let (ada, bob, key) = (UserId::from("ada"), UserId::from("bob"), CommandId::from("k"));
        let first = keys.enter(&ada, &key, 1).await.unwrap();
        assert_eq!(keys.enter(&ada, &key, 2).await.err(), Some(reused()));
        assert!(keys.enter(&bob, &key, 2).now_or_never().is_some(), "another's keys are his own");
        let mut second = Box::pin(keys.enter(&ada, &key, 1));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(keys.enter(&ada, &key, 1).now_or_never().is_none(), "and this one gives up");
        drop(first);
        drop(second.await.unwrap());
        assert!(keys.under_way.is_empty());
    }
}
