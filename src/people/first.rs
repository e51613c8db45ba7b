//! How the desk gets its first administrator: from the environment, or by a secret that the server prints while it has none.
//! Reads the environment when asked to; called by `app` at the start.

use super::account::{Check, email_key};

/// The name of an administrator that nobody named.
pub(super) const NAME: &str = "Administrator";
/// The address of the administrator where only a token was given. Nobody can receive mail there, and it has no password.
pub(super) const EMAIL: &str = "admin@localhost";

/// Shorter tokens are warned about.
const STRONG_TOKEN_CHARS: usize = 16;

/// What the environment says about the first administrator.
#[derive(Clone, Default)]
pub struct AdminSeed {
    /// `HOTDESK_ADMIN_EMAIL`: an administrator with this address is made where nobody has it.
    pub email: Option<String>,
    /// `HOTDESK_ADMIN_PASSWORD`
    pub password: Option<String>,
    /// `HOTDESK_ADMIN_TOKEN`: a bearer token of that administrator, or of the first one. It is never stored.
    pub token: Option<String>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SeedError {
    #[error("HOTDESK_ADMIN_EMAIL and HOTDESK_ADMIN_PASSWORD belong together: set both or none")]
    Half,
    #[error("HOTDESK_ADMIN_TOKEN has characters that a header cannot carry")]
    Token,
    #[error("HOTDESK_ADMIN_EMAIL: {0}")]
    Email(String),
}

impl AdminSeed {
    pub fn from_env() -> Self {
        let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            email: read("HOTDESK_ADMIN_EMAIL"),
            password: read("HOTDESK_ADMIN_PASSWORD"),
            token: read("HOTDESK_ADMIN_TOKEN"),
        }
    }

    /// Whether it can be used at all. A weak password or token is the operator's choice: it is used, with a warning.
    pub(super) fn check(&self, password_min_chars: usize) -> Result<(), SeedError> {
        if let Some(token) = &self.token {
            if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(SeedError::Token);
            }
            if token.len() < STRONG_TOKEN_CHARS {
                tracing::warn!("HOTDESK_ADMIN_TOKEN is short enough to be guessed");
            }
        }
        let (email, password) = match (&self.email, &self.password) {
            (Some(email), Some(password)) => (email, password),
            (None, None) => return Ok(()),
            _ => return Err(SeedError::Half),
        };
        let mut check = Check { password_min_chars: 0, teams: &[], errors: Vec::new() };
        check.email(email);
        if let Some(error) = check.errors.pop() {
            return Err(SeedError::Email(error.detail));
        }
        if password.chars().count() < password_min_chars {
            tracing::warn!("HOTDESK_ADMIN_PASSWORD is shorter than people.password_min_chars");
        }
        Ok(())
    }

    pub(super) fn email_key(&self) -> Option<String> {
        self.email.as_deref().map(email_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X7: half of an administrator in the environment is refused at the start.
    #[test]
    fn x7_a_seed_is_whole_or_refused() {
        let seed = |email: &str, password: &str, token: &str| {
            let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            AdminSeed { email: given(email), password: given(password), token: given(token) }.check(10)
        };
        assert_eq!(seed("", "", ""), Ok(()));
        assert_eq!(seed("a@b.c", "long enough", "0123456789abcdef"), Ok(()));
        assert_eq!(seed("a@b.c", "", ""), Err(SeedError::Half));
        assert_eq!(seed("", "long enough", ""), Err(SeedError::Half));
        assert_eq!(seed("", "", "two words"), Err(SeedError::Token));
        assert!(matches!(seed("nobody", "long enough", ""), Err(SeedError::Email(_))));
    }
}
