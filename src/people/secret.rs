//! Secrets that the desk gives out: random, 256 bits, shown once, kept only as their SHA-256. Passwords are not here: those
//! are weak and need a slow hash. Called by sessions, tokens and the first set-up.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// What a secret is recognised by. A plain hash is enough: the secret has 256 random bits, so there is nothing to guess.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Compares without telling by time how much agrees.
    pub fn matches(&self, secret: &str) -> bool {
        self.0.ct_eq(&Self::of(secret).0).into()
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// 256 random bits after a prefix that says what the secret is for.
pub fn fresh(prefix: &str) -> String {
    format!("{prefix}{}", hex(&random::<32>()))
}

/// The name of a user or a token: no secret, but not to be counted through either.
pub fn name(prefix: &str) -> String {
    format!("{prefix}{}", hex(&random::<8>()))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("invariant: the system has a source of randomness");
    bytes
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_and_never_the_same() {
        let (one, other) = (fresh("hd_"), fresh("hd_"));
        assert_eq!(one.len(), 3 + 64);
        assert!(one.starts_with("hd_") && one != other);
    }

    #[test]
    fn a_digest_recognises_its_secret_and_no_other() {
        let digest = Digest::of("abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(Digest::from_hex(&digest.to_string()).unwrap() == digest);
        assert!(digest.matches("abc") && !digest.matches("abd"));
        for bad in ["", "ba78", &"g".repeat(64), &"é".repeat(32)] {
            assert!(Digest::from_hex(bad).is_none());
        }
    }
}
