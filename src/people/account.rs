//! One user: what is stored, what the rules see of it, and which values are allowed. No I/O. Called by [`super::People`].

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

use super::password::{MAX_CHARS, Phc};
use crate::domain::ids::UserId;
use crate::domain::permissions::{Principal, Role};
use crate::domain::rejection::{FieldError, Rejection};
use crate::domain::text::{clean_name, is_hidden};
use crate::domain::time::Timestamp;
use crate::protocol::problem::Problem;
use crate::protocol::views::{PersonView, UserView};

/// RFC 5321 allows no longer address.
const EMAIL_CHARS: usize = 254;
const NAME_CHARS: usize = 100;

/// A user as the journal keeps it, under `users/<id>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredUser {
    pub id: UserId,
    /// As it was written; compared by [`email_key`].
    pub email: String,
    pub name: String,
    pub role: Role,
    /// Empty means: of every team.
    pub teams: Vec<String>,
    pub active: bool,
    pub created_at: Timestamp,
    /// `None`: this user cannot sign in with a password.
    pub password: Option<Phc>,
    /// A program: it never has a password.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub service: bool,
}

impl StoredUser {
    pub fn view(&self) -> UserView {
        UserView {
            id: self.id.clone(),
            email: self.email.clone(),
            name: self.name.clone(),
            role: self.role,
            teams: self.teams.clone(),
            active: self.active,
            created_at: self.created_at,
            service: self.service,
        }
    }

    pub fn person(&self) -> PersonView {
        PersonView {
            id: self.id.clone(),
            name: self.name.clone(),
            role: self.role,
            teams: self.teams.clone(),
            active: self.active,
        }
    }

    pub fn is_active_admin(&self) -> bool {
        self.active && self.role == Role::Admin
    }

    fn principal(&self) -> Principal {
        Principal {
            id: self.id.clone(),
            name: self.name.as_str().into(),
            role: self.role,
            teams: self.teams.clone().into(),
            scopes: None,
        }
    }
}

/// The user at this moment. Credentials hold it, so that every change reaches them at once.
pub struct Account {
    user: ArcSwap<StoredUser>,
    principal: ArcSwap<Principal>,
}

impl Account {
    pub fn new(user: StoredUser) -> Self {
        Self { principal: ArcSwap::from_pointee(user.principal()), user: ArcSwap::from_pointee(user) }
    }

    pub fn user(&self) -> Arc<StoredUser> {
        self.user.load_full()
    }

    pub fn principal(&self) -> Arc<Principal> {
        self.principal.load_full()
    }

    pub fn is_active(&self) -> bool {
        self.user.load().active
    }

    pub(super) fn replace(&self, user: StoredUser) {
        self.principal.store(Arc::new(user.principal()));
        self.user.store(Arc::new(user));
    }
}

/// Two spellings of one address are one account.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Collects everything that is wrong with a request, so that one answer names it all.
pub struct Check<'a> {
    pub password_min_chars: usize,
    pub teams: &'a [String],
    pub errors: Vec<FieldError>,
}

impl Check<'_> {
    pub fn email(&mut self, email: &str) -> String {
        let email = email.trim();
        let parts = email.split_once('@');
        let shaped =
            parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        if email.is_empty() {
            self.refuse("/email", "required", "an address is needed");
        } else if email.chars().count() > EMAIL_CHARS {
            self.refuse("/email", "too_long", format!("an address has at most {EMAIL_CHARS} characters"));
        } else if !shaped || email.chars().any(|c| c.is_whitespace() || is_hidden(c)) {
            self.refuse("/email", "invalid", "expected an address like name@example.org");
        }
        email.to_owned()
    }

    pub fn name(&mut self, name: &str) -> String {
        let one_line = !name.trim().chars().any(char::is_control);
        let name = clean_name(name);
        if name.is_empty() {
            self.refuse("/name", "required", "a name is needed");
        } else if name.chars().count() > NAME_CHARS {
            self.refuse("/name", "too_long", format!("a name has at most {NAME_CHARS} characters"));
        } else if !one_line {
            self.refuse("/name", "invalid", "a name is one line of text");
        }
        name
    }

    pub fn password(&mut self, password: &str) {
        let chars = password.chars().count();
        if chars < self.password_min_chars {
            let least = self.password_min_chars;
            self.refuse("/password", "too_short", format!("a password has at least {least} characters"));
        } else if chars > MAX_CHARS {
            self.refuse("/password", "too_long", format!("a password has at most {MAX_CHARS} characters"));
        }
    }

    /// Sorted and without repeats.
    pub fn teams(&mut self, teams: &[String]) -> Vec<String> {
        for (index, team) in teams.iter().enumerate() {
            if !self.teams.contains(team) {
                let shown: String = team.chars().take(64).collect();
                self.refuse(format!("/teams/{index}"), "unknown_value", format!("there is no team `{shown}`"));
            }
        }
        let mut teams = teams.to_vec();
        teams.sort();
        teams.dedup();
        teams
    }

    pub fn refuse(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldError::new(pointer, code, detail));
    }

    pub fn done(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Rejection::InvalidField(self.errors).into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(run: impl FnOnce(&mut Check<'_>), expect: &[(&str, &str)]) {
        let teams = ["support".to_owned()];
        let mut check = Check { password_min_chars: 10, teams: &teams, errors: Vec::new() };
        run(&mut check);
        let found: Vec<_> = check.errors.iter().map(|error| (error.pointer.as_str(), error.code)).collect();
        assert_eq!(found, expect);
    }

    /// X6: every bad field of a user is named in one answer.
    #[test]
    fn x6_each_bad_field_is_named() {
        for good in ["a@b", "Ann.Lee+desk@example.org", " a@localhost "] {
            check(|check| assert_eq!(check.email(good), good.trim()), &[]);
        }
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c"] {
            check(|check| drop(check.email(bad)), &[("/email", "invalid")]);
        }
        check(
            |check| {
                check.email(" ");
                check.name("");
                check.password("short");
                check.teams(&["support".into(), "chess".into()]);
            },
            &[("/email", "required"), ("/name", "required"), ("/password", "too_short"), ("/teams/1", "unknown_value")],
        );
        check(
            |check| {
                check.email(&format!("{}@example.org", "a".repeat(300)));
                check.name(&"n".repeat(101));
                check.password(&"p".repeat(1025));
            },
            &[("/email", "too_long"), ("/name", "too_long"), ("/password", "too_long")],
        );
    }

    #[test]
    fn addresses_are_one_account_however_they_are_spelled() {
        assert_eq!(email_key(" Ann@Example.ORG"), email_key("ann@example.org"));
    }
}
