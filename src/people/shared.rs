//! Views and macros that a team has in common, or everybody. There are few, so they lie in memory.

use std::sync::Arc;

use dashmap::DashMap;

use super::{People, check_version, put, whole};
use crate::domain::ids::Version;
use crate::domain::permissions::{Principal, Role};
use crate::journal::Aside;
use crate::protocol::code::Code;
use crate::protocol::preferences::{PutShared, Shared, SharedKind};
use crate::protocol::problem::Problem;

pub(super) const PREFIX: &str = "shared/";

/// Of the whole desk.
const MOST: usize = 1_000;

/// By id.
#[derive(Default)]
pub(super) struct Shelf(DashMap<String, Shared>);

impl Shelf {
    pub fn put(&self, shared: Shared) {
        self.0.insert(shared.id.clone(), shared);
    }
}

impl People {
    /// What this person sees, in the order in which it was made.
    pub fn shared(&self, principal: &Principal) -> Vec<Shared> {
        let seen = self.shelf.0.iter().filter(|shared| self.shares(principal, shared.team.as_deref()));
        let mut seen: Vec<Shared> = seen.map(|shared| shared.clone()).collect();
        seen.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        seen
    }

    /// Makes or changes one; `by` has the permission already. The second value says whether it is new. `expect` names the
    /// versions that may be replaced; without it, whatever is there is.
    pub async fn put_shared(
        self: &Arc<Self>,
        by: &Arc<Principal>,
        id: &str,
        body: PutShared,
        expect: Option<Vec<Version>>,
    ) -> Result<(Shared, bool), Problem> {
        let (people, by, id) = (self.clone(), by.clone(), id.to_owned());
        whole(async move {
            let _changing = people.changing.lock().await;
            let before = people.shelf.0.get(&id).map(|shared| shared.clone());
            // Whoever does not see it must not learn that the id is taken by changing it.
            if before.as_ref().is_some_and(|before| !people.shares(&by, before.team.as_deref())) {
                return Err(absent());
            }
            people.check_shared(&by, &id, &body, before.as_ref())?;
            check_version(expect.as_deref(), before.as_ref().map_or(Version::ZERO, |before| before.version))?;
            let now = people.now();
            let after = Shared {
                version: before.as_ref().map_or(Version::ZERO, |before| before.version).next(),
                created_at: before.as_ref().map_or(now, |before| before.created_at),
                updated_at: now,
                by: by.id.clone(),
                id,
                kind: body.kind,
                name: body.name.trim().to_owned(),
                team: body.team,
                base: body.base,
                search: body.search,
                body: body.body,
            };
            if let Some(before) = before.as_ref().filter(|before| is_same(before, &after)) {
                return Ok((before.clone(), false));
            }
            people.keep(vec![put(format!("{PREFIX}{}", after.id), &after)]).await?;
            people.shelf.put(after.clone());
            people.revisions.shared_changed();
            Ok((after, before.is_none()))
        })
        .await
    }

    pub async fn remove_shared(
        self: &Arc<Self>,
        by: &Arc<Principal>,
        id: &str,
        expect: Option<Vec<Version>>,
    ) -> Result<(), Problem> {
        let (people, by, id) = (self.clone(), by.clone(), id.to_owned());
        whole(async move {
            let _changing = people.changing.lock().await;
            let found = people.shelf.0.get(&id).map(|shared| shared.clone());
            let found = found.filter(|found| people.shares(&by, found.team.as_deref())).ok_or_else(absent)?;
            check_version(expect.as_deref(), found.version)?;
            people.keep(vec![Aside { key: format!("{PREFIX}{id}"), value: None }]).await?;
            people.shelf.0.remove(&id);
            people.revisions.shared_changed();
            Ok(())
        })
        .await
    }

    fn check_shared(&self, by: &Principal, id: &str, body: &PutShared, before: Option<&Shared>) -> Result<(), Problem> {
        let mut check = self.check();
        check.id("", id);
        check.title("/name", &body.name);
        if let Some(team) = &body.team
            && (!self.settings.teams.contains(team) || !self.shares(by, Some(team)))
        {
            check.refuse("/team", "unknown_value", "there is no such team");
        }
        if before.is_some_and(|before| before.kind != body.kind) {
            check.refuse("/kind", "invalid", "a view does not become a macro, nor a macro a view");
        }
        let mut foreign = |pointer: &str, given: bool| {
            if given {
                check.refuse(pointer, "invalid", "this belongs to the other kind");
            }
        };
        match body.kind {
            SharedKind::View => {
                foreign("/body", body.body.is_some());
                check.view("", body.base.as_deref().unwrap_or_default(), body.search.as_deref().unwrap_or_default());
            }
            SharedKind::Macro => {
                foreign("/base", body.base.is_some());
                foreign("/search", body.search.is_some());
                check.macro_body("", body.body.as_deref().unwrap_or_default());
            }
        }
        if before.is_none() && self.shelf.0.len() >= MOST {
            check.refuse("", "too_many", format!("at most {MOST} views and macros are shared"));
        }
        check.done()
    }

    /// Whether what belongs to this team is for this person: everybody's, the own teams', and for who leads the desk those of
    /// every team that is not private.
    fn shares(&self, principal: &Principal, team: Option<&str>) -> bool {
        let Some(team) = team else { return true };
        let is_open = !self.settings.private.contains(team);
        principal.role == Role::Admin
            || principal.teams.iter().any(|own| own == team)
            || (is_open && (principal.teams.is_empty() || principal.role == Role::Supervisor))
    }
}

fn is_same(before: &Shared, after: &Shared) -> bool {
    let like = Shared {
        version: before.version,
        created_at: before.created_at,
        updated_at: before.updated_at,
        by: before.by.clone(),
        ..after.clone()
    };
    *before == like
}

fn absent() -> Problem {
    Problem::new(Code::NotFound, "there is nothing shared of that id")
}
