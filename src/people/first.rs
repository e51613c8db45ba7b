//! How the desk gets its first administrator: from the environment, or by a secret that the server prints while it has none.
//! Reads the environment when asked to; called by `app` at the start.

use super::account::{Check, email_key};

/// The name of an administrator that nobody named.
pub(super) const NAME: &str = "Administrator";
/// The address of the administrator where only a token was given. Nobody can receive mail there, and it has no password.
pub(super) const EMAIL: &str = "admin@localhost";

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
    #[error("HOTDESK_ADMIN_TOKEN has fewer than 16 characters or has spaces in it")]
    Token,
    #[error("HOTDESK_ADMIN_{field}: {detail}")]
    Field { field: &'static str, detail: String },
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

    pub(super) fn check(&self, password_min_chars: usize) -> Result<(), SeedError> {
        if self.token.as_ref().is_some_and(|token| token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(SeedError::Token);
        }
        match (&self.email, &self.password) {
            (Some(email), Some(password)) => {
                let mut check = Check { password_min_chars, teams: &[], errors: Vec::new() };
                check.email(email);
                check.password(password);
                match check.errors.pop() {
                    None => Ok(()),
                    Some(error) => {
                        let field = if error.pointer == "/email" { "EMAIL" } else { "PASSWORD" };
                        Err(SeedError::Field { field, detail: error.detail })
                    }
                }
            }
            (None, None) => Ok(()),
            _ => Err(SeedError::Half),
        }
    }

    pub(super) fn email_key(&self) -> Option<String> {
        self.email.as_deref().map(email_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X7: half of an administrator in the environment, or a weak one, is refused at the start.
    #[test]
    fn x7_a_seed_is_whole_and_strong_or_refused() {
        let seed = |email: &str, password: &str, token: &str| {
            let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            AdminSeed { email: given(email), password: given(password), token: given(token) }.check(10)
        };
        assert_eq!(seed("", "", ""), Ok(()));
        assert_eq!(seed("a@b.c", "long enough", "0123456789abcdef"), Ok(()));
        assert_eq!(seed("a@b.c", "", ""), Err(SeedError::Half));
        assert_eq!(seed("", "long enough", ""), Err(SeedError::Half));
        assert_eq!(seed("", "", "short"), Err(SeedError::Token));
        assert!(matches!(seed("a@b.c", "short", ""), Err(SeedError::Field { field: "PASSWORD", .. })));
        assert!(matches!(seed("nobody", "long enough", ""), Err(SeedError::Field { field: "EMAIL", .. })));
    }
}
