//! Hashing and checking passwords: argon2id, on threads of their own, a few at a time. Never logs or keeps a password.
//! Called by [`super::People`] alone.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::protocol::code::Code;
use crate::protocol::problem::Problem;

/// 19 MiB, two passes, one lane: OWASP's first recommendation for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many may wait for one that hashes. More than that is answered `overloaded` at once.
const WAITING_FOR_EACH: usize = 64;

/// Longer ones are refused before they are hashed.
pub const MAX_CHARS: usize = 1024;

/// A hash as it is stored: a PHC string, which names its own parameters and salt.
pub type Phc = String;

pub struct Hasher {
    argon: Argon2<'static>,
    hashing: Arc<Semaphore>,
    /// Hashing and waiting together.
    admitted: Arc<Semaphore>,
    /// Checked in the place of the hash that an unknown account does not have, so that both take the same time.
    nobody: Phc,
}

impl Hasher {
    /// Hashes at most `at_once` passwords at the same time.
    pub fn new(at_once: usize) -> Self {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("invariant: the parameters are in range");
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let at_once = at_once.max(1);
        let nobody = hash(&argon, &super::secret::fresh(""));
        Self {
            argon,
            hashing: Arc::new(Semaphore::new(at_once)),
            admitted: Arc::new(Semaphore::new(at_once * (1 + WAITING_FOR_EACH))),
            nobody,
        }
    }

    pub async fn hash(&self, password: String) -> Result<Phc, Problem> {
        let argon = self.argon.clone();
        self.run(move || hash(&argon, &password)).await
    }

    /// Whether it is the password. Without a hash the answer is no, after the same work.
    pub async fn check(&self, password: String, stored: Option<Phc>) -> Result<bool, Problem> {
        let argon = self.argon.clone();
        let known = stored.is_some();
        let phc = stored.unwrap_or_else(|| self.nobody.clone());
        let right = self
            .run(move || {
                let stored = PasswordHash::new(&phc).ok();
                stored.is_some_and(|stored| argon.verify_password(password.as_bytes(), &stored).is_ok())
            })
            .await?;
        Ok(right && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let _admitted = self
            .admitted
            .clone()
            .try_acquire_owned()
            .map_err(|_| Problem::new(Code::Overloaded, "too many people sign in at once"))?;
        let turn = self.hashing.clone().acquire_owned().await.expect("invariant: the semaphore is never closed");
        // The permit goes along: a caller who hangs up does not make room before the work is done.
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        work.await.map_err(|_| Problem::new(Code::Internal, "a password could not be hashed"))
    }
}

fn hash(argon: &Argon2<'_>, password: &str) -> Phc {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).expect("invariant: the system has a source of randomness");
    let salt = SaltString::encode_b64(&salt).expect("invariant: 16 bytes are a salt");
    argon.hash_password(password.as_bytes(), &salt).expect("invariant: the parameters are in range").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X1: passwords are kept as argon2id with 19 MiB and two passes, each with its own salt.
    #[tokio::test]
    async fn x1_a_password_is_stored_as_argon2id() {
        let hasher = Hasher::new(1);
        let one = hasher.hash("correct horse".into()).await.unwrap();
        let other = hasher.hash("correct horse".into()).await.unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, other);
        assert!(hasher.check("correct horse".into(), Some(one.clone())).await.unwrap());
        assert!(!hasher.check("correct house".into(), Some(one)).await.unwrap());
    }

    /// X2: an account that does not exist costs the same work as one that does.
    #[tokio::test]
    async fn x2_nobody_has_no_password_but_the_same_work() {
        let hasher = Hasher::new(1);
        assert!(PasswordHash::new(&hasher.nobody).unwrap().hash.is_some());
        assert!(!hasher.check("anything".into(), None).await.unwrap());
    }

    /// X3: beyond what may wait the answer is `overloaded`, at once.
    #[tokio::test]
    async fn x3_too_many_at_once_are_told_so() {
        let hasher = Hasher::new(1);
        let all = u32::try_from(1 + WAITING_FOR_EACH).unwrap();
        let _taken = hasher.admitted.clone().try_acquire_many_owned(all).unwrap();
        assert_eq!(hasher.hash("any".into()).await.unwrap_err().code, Code::Overloaded);
    }
}
