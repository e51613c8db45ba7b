//! Invitations: a link with a secret by which somebody becomes a user, within a time. Only the secret's digest is kept. One
//! counts only while who sent it may still make users.

use std::sync::Arc;

use dashmap::DashMap;
use serde::{Deserialize, Serialize};

use super::credential::Place;
use super::secret::{self, Digest};
use super::{People, SignedIn, put, whole};
use crate::domain::ids::UserId;
use crate::domain::permissions::{Permission, Principal};
use crate::domain::time::Timestamp;
use crate::journal::Aside;
use crate::protocol::code::Code;
use crate::protocol::problem::Problem;
use crate::protocol::views::{AcceptInvitation, CreateInvitation, CreateUser, InvitationView, NewInvitation};

pub(super) const PREFIX: &str = "invitations/";

/// Invitations that may be open at the same time.
const MOST: usize = 1_000;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredInvitation {
    view: InvitationView,
    digest: String,
}

/// By id. There are few, and who accepts one is not in a hurry.
#[derive(Default)]
pub(super) struct Invitations(DashMap<String, StoredInvitation>);

impl Invitations {
    pub fn put(&self, stored: StoredInvitation) {
        self.0.insert(stored.view.id.clone(), stored);
    }

    pub fn outdated(&self, now: Timestamp) -> Vec<Aside> {
        let over = self.0.iter().filter(|stored| stored.view.expires_at <= now);
        over.map(|stored| removal(stored.key())).collect()
    }

    pub fn forget(&self, now: Timestamp) {
        self.0.retain(|_, stored| stored.view.expires_at > now);
    }

    fn find(&self, token: &str, now: Timestamp) -> Option<StoredInvitation> {
        let good = |stored: &StoredInvitation| {
            let digest = Digest::from_hex(&stored.digest);
            digest.is_some_and(|digest| digest.matches(token)) && stored.view.expires_at > now
        };
        self.0.iter().find(|stored| good(stored)).map(|stored| stored.clone())
    }
}

impl People {
    /// In the order in which they were sent; expired ones are gone.
    pub fn invitations(&self) -> Vec<InvitationView> {
        let now = self.now();
        let open = self.invitations.0.iter().filter(|stored| stored.view.expires_at > now);
        let mut open: Vec<InvitationView> = open.map(|stored| stored.view.clone()).collect();
        open.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        open
    }

    /// Makes an invitation. `by` has the permission already.
    pub async fn invite(
        self: &Arc<Self>,
        by: &Arc<Principal>,
        body: CreateInvitation,
    ) -> Result<NewInvitation, Problem> {
        let (people, by) = (self.clone(), by.clone());
        whole(async move {
            let _changing = people.changing.lock().await;
            let now = people.now();
            let mut check = people.check();
            let email = check.email(&body.email);
            let name = check.name(&body.name);
            let teams = check.teams(body.teams.as_deref().unwrap_or_default());
            if people.invitations.0.len() >= MOST {
                check.refuse("/email", "too_many", format!("at most {MOST} invitations may be open"));
            }
            check.done()?;
            people.refuse_taken(&email, None)?;
            let token = secret::fresh("hdi_");
            let view = InvitationView {
                id: secret::name("inv_"),
                email,
                name,
                role: body.role,
                teams,
                by: by.id.clone(),
                created_at: now,
                expires_at: now.plus_millis(people.settings.invitation_ms),
            };
            let stored = StoredInvitation { view: view.clone(), digest: Digest::of(&token).to_string() };
            people.keep(vec![put(format!("{PREFIX}{}", view.id), &stored)]).await?;
            people.invitations.put(stored);
            Ok(NewInvitation { view, token })
        })
        .await
    }

    pub async fn withdraw_invitation(self: &Arc<Self>, id: &str) -> Result<(), Problem> {
        let (people, id) = (self.clone(), id.to_owned());
        whole(async move {
            let _changing = people.changing.lock().await;
            if !people.invitations.0.contains_key(&id) {
                return Err(Problem::new(Code::NotFound, "there is no such invitation"));
            }
            people.keep(vec![removal(&id)]).await?;
            people.invitations.0.remove(&id);
            Ok(())
        })
        .await
    }

    /// Makes the user that the invitation is for and signs the browser in. It works once.
    pub async fn accept(self: &Arc<Self>, body: AcceptInvitation, place: Place) -> Result<SignedIn, Problem> {
        let people = self.clone();
        whole(async move {
            let _changing = people.changing.lock().await;
            let found = people.invitations.find(&body.token, people.now());
            let invitation = found.filter(|found| people.may_invite(&found.view.by)).ok_or_else(|| {
                Problem::new(Code::WrongCredentials, "this invitation is not known, or not good any more")
            })?;
            let view = invitation.view;
            let user = CreateUser {
                email: view.email,
                name: body.name.unwrap_or(view.name),
                role: view.role,
                password: Some(body.password),
                teams: Some(view.teams),
                service: None,
            };
            let user = people.checked(&user).await?;
            // Before the user is made: whatever happens then, it does not work twice.
            people.keep(vec![removal(&view.id)]).await?;
            people.invitations.0.remove(&view.id);
            let account = people.add(user, None).await?;
            people.start_session(account, place, None).await
        })
        .await
    }

    fn may_invite(&self, user: &UserId) -> bool {
        self.account(user)
            .is_some_and(|account| account.is_active() && account.principal().role.may(Permission::UsersManage))
    }
}

fn removal(id: &str) -> Aside {
    Aside { key: format!("{PREFIX}{id}"), value: None }
}
