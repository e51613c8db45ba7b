//! The browsers that are signed in: listing them, ending them, and changing the password, which ends all others.

use std::sync::Arc;

use super::credential::{Credential, Grant, Kind};
use super::{People, SignInRefused, USERS, email_key, put, whole};
use crate::domain::ids::UserId;
use crate::domain::permissions::{Permission, Principal};
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::views::{ChangePassword, SessionView};

impl People {
    /// The sessions of `user`, newest first. Another user's are shown to who manages users; to others there are none.
    pub fn sessions(&self, by: &Principal, credential: &Credential, user: &UserId) -> Vec<SessionView> {
        if *user != by.id && !by.may(Permission::UsersManage) {
            return Vec::new();
        }
        let now = self.now();
        let current = (credential.kind() == Kind::Cookie).then(|| credential.id());
        let theirs =
            |grant: &Grant| grant.kind == Kind::Cookie && grant.account.user().id == *user && grant.is_good(now);
        let found = self.grants_where(theirs);
        let mut sessions: Vec<SessionView> = found
            .iter()
            .map(|(_, grant)| SessionView {
                id: grant.public_id(),
                user: user.clone(),
                created_at: grant.created_at,
                expires_at: grant.expires_at.unwrap_or(grant.created_at),
                address: grant.place.address.map(|address| address.to_string()),
                client: grant.place.client.clone(),
                current: current.as_deref() == Some(&grant.public_id()),
            })
            .collect();
        sessions.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        sessions
    }

    /// Ends a browser's session, open sockets included. Whose it is decides: one's own, or anybody's for who manages users.
    pub async fn end_session(self: &Arc<Self>, by: &Arc<Principal>, id: &str) -> Result<(), Problem> {
        let (people, by, id) = (self.clone(), by.clone(), id.to_owned());
        whole(async move {
            let _changing = people.changing.lock().await;
            let all = by.may(Permission::UsersManage);
            let found = people.grants_where(|grant| {
                grant.kind == Kind::Cookie && grant.public_id() == id && (all || grant.account.user().id == by.id)
            });
            if found.is_empty() {
                return Err(Problem::new(Code::NotFound, "there is no such session"));
            }
            people.end(&found, Vec::new()).await
        })
        .await
    }

    /// Changes one's own password. Wrong guesses count like failed sign-ins; every other browser is signed out.
    pub async fn change_password(
        self: &Arc<Self>,
        credential: &Credential,
        body: ChangePassword,
        from: Option<std::net::IpAddr>,
    ) -> Result<(), SignInRefused> {
        let account = credential.account().clone();
        let user = account.user();
        let mut check = self.check();
        check.password(&body.password);
        if user.service {
            check.refuse("/password", "invalid", "a program has tokens, and no password");
        }
        check.done()?;
        let key = email_key(&user.email);
        self.attempts
            .begin(&key, from, true, self.clock.now_millis())
            .map_err(|retry_after_ms| SignInRefused::TooMany { retry_after_ms })?;
        let right = match self.hasher.check(body.current, user.password.clone()).await {
            Ok(right) => right,
            Err(problem) => {
                self.attempts.undecided(&key, from);
                return Err(problem.into());
            }
        };
        if !right {
            return Err(Problem::new(Code::WrongCredentials, "the current password is wrong").into());
        }
        self.attempts.succeeded(&key, from);
        let password = self.hasher.hash(body.password).await?;
        let (people, grant) = (self.clone(), credential.grant.clone());
        let changed = whole(async move {
            let _changing = people.changing.lock().await;
            if !grant.is_good(people.now()) {
                return Err(Problem::new(Code::NotSignedIn, "the session has ended: sign in again"));
            }
            let mut after = (*account.user()).clone();
            // Somebody else set it while this one was hashed: theirs stands.
            if after.password != user.password {
                return Err(Problem::new(Code::WrongCredentials, "the current password is wrong"));
            }
            after.password = Some(password);
            let others = people.grants_where(|other| {
                other.kind == Kind::Cookie && other.id != grant.id && Arc::ptr_eq(&other.account, &account)
            });
            people.end(&others, vec![put(format!("{USERS}{}", after.id), &after)]).await?;
            account.replace(after);
            people.tick();
            Ok(())
        });
        Ok(changed.await?)
    }
}
