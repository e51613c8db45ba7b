//! Who may do what, and who may see what: roles, permissions and the one table between them; private teams and the sight of
//! somebody into them. Pure. The rules check here, and so do the read models, the feed and both edges.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::ids::UserId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Agent,
    Supervisor,
    Admin,
}

/// Something that a role may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    TicketRead,
    TicketWrite,
    /// Give back a ticket that somebody else holds.
    ReleaseOthers,
    /// Undo somebody else's command.
    UndoOthers,
    TokensOwn,
    TokensOthers,
    UsersManage,
    ReportsWrite,
    /// See how triage does, and try texts on it.
    TriageReview,
    /// Views and macros that a team has in common.
    SharedWrite,
    SettingsWrite,
    AuditRead,
    /// Copy the whole desk, passwords' hashes included.
    Backup,
}

/// The table. A permission is given from this role on upwards.
const TABLE: &[(Permission, Role)] = &[
    (Permission::TicketRead, Role::Agent),
    (Permission::TicketWrite, Role::Agent),
    (Permission::TokensOwn, Role::Agent),
    (Permission::ReleaseOthers, Role::Supervisor),
    (Permission::UndoOthers, Role::Supervisor),
    (Permission::ReportsWrite, Role::Supervisor),
    (Permission::TriageReview, Role::Supervisor),
    (Permission::SharedWrite, Role::Supervisor),
    (Permission::TokensOthers, Role::Admin),
    (Permission::UsersManage, Role::Admin),
    (Permission::SettingsWrite, Role::Admin),
    (Permission::AuditRead, Role::Admin),
    (Permission::Backup, Role::Admin),
];

impl Permission {
    /// Every permission, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(permission, _)| *permission)
    }
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Agent, Self::Supervisor, Self::Admin];

    pub fn may(self, permission: Permission) -> bool {
        TABLE.iter().any(|(listed, least)| *listed == permission && self >= *least)
    }

    /// Everything that this role may do, in the table's order.
    pub fn permissions(self) -> Vec<Permission> {
        TABLE.iter().filter(|(_, least)| self >= *least).map(|(permission, _)| *permission).collect()
    }
}

impl Permission {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::TicketRead => "ticket_read",
            Self::TicketWrite => "ticket_write",
            Self::ReleaseOthers => "release_others",
            Self::UndoOthers => "undo_others",
            Self::TokensOwn => "tokens_own",
            Self::TokensOthers => "tokens_others",
            Self::UsersManage => "users_manage",
            Self::ReportsWrite => "reports_write",
            Self::TriageReview => "triage_review",
            Self::SharedWrite => "shared_write",
            Self::SettingsWrite => "settings_write",
            Self::AuditRead => "audit_read",
            Self::Backup => "backup",
        }
    }
}

/// Who is asking, as the rules see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub id: UserId,
    pub name: Arc<str>,
    pub role: Role,
    /// Empty means: of every team.
    pub teams: Arc<[String]>,
    /// What a token is for. `None`: everything that the role may do.
    pub scopes: Option<Arc<[Permission]>>,
}

impl Principal {
    /// The desk itself.
    pub fn system() -> Self {
        Self { id: UserId::system(), name: "hotdesk".into(), role: Role::Admin, teams: Arc::from([]), scopes: None }
    }

    /// By role and, with a token of narrower scope, by that too.
    pub fn may(&self, permission: Permission) -> bool {
        self.role.may(permission) && self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&permission))
    }

    /// Everything that [`Self::may`] allows, in the table's order.
    pub fn permissions(&self) -> Vec<Permission> {
        Permission::all().filter(|permission| self.may(*permission)).collect()
    }

    pub fn is_system(&self) -> bool {
        self.id.is_desk()
    }
}

/// The teams whose tickets are their own: only those who are named as members, and administrators, see them. Whoever has no
/// teams is of every team but these. Everybody sees all other tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateTeams(Arc<[String]>);

/// To which private team a ticket belongs, if to any: its place in [`PrivateTeams`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Audience(Option<u8>);

/// Which private teams somebody is let into: one bit each. Cheap to copy and to compare, so that what is made for one may be
/// shared by all who see the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sight(u64);

impl PrivateTeams {
    /// A sight has a bit for each.
    pub const MOST: usize = 64;

    /// The first [`Self::MOST`]; the configuration refuses more.
    pub fn new(teams: impl IntoIterator<Item = String>) -> Self {
        Self(teams.into_iter().take(Self::MOST).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Administrators see all, others see into the teams that name them. Supervisors are bound too.
    pub fn sight(&self, principal: &Principal) -> Sight {
        if self.0.is_empty() || principal.role == Role::Admin {
            return Sight::ALL;
        }
        let own = |team: &String| principal.teams.contains(team);
        if self.0.iter().all(own) {
            return Sight::ALL;
        }
        let places = self.0.iter().enumerate().filter(|(_, team)| own(team));
        Sight(places.fold(0, |bits, (place, _)| bits | 1 << place))
    }

    /// What everybody sees, and no more.
    pub fn nobodys_sight(&self) -> Sight {
        if self.0.is_empty() { Sight::ALL } else { Sight(0) }
    }

    pub fn contains(&self, team: &str) -> bool {
        self.0.iter().any(|own| own == team)
    }

    pub fn audience(&self, team: Option<&str>) -> Audience {
        let place = team.and_then(|team| self.0.iter().position(|own| own == team));
        Audience(place.and_then(|place| u8::try_from(place).ok()))
    }

    /// Of each of them, in their order.
    pub fn audiences(&self) -> impl Iterator<Item = Audience> {
        self.0.iter().map(|team| self.audience(Some(team)))
    }

    /// The private teams that are out of this sight.
    pub fn hidden_from(&self, sight: Sight) -> Vec<String> {
        if sight.is_whole() {
            return Vec::new();
        }
        self.0.iter().filter(|team| !sight.sees(self.audience(Some(team)))).cloned().collect()
    }

    /// Whether somebody may see a ticket of this team at all.
    pub fn sees(&self, principal: &Principal, team: Option<&str>) -> bool {
        self.0.is_empty() || team.is_none() || self.sight(principal).sees(self.audience(team))
    }
}

impl Audience {
    pub fn is_everybody(self) -> bool {
        self.0.is_none()
    }

    /// The place of the private team.
    pub fn place(self) -> Option<usize> {
        self.0.map(usize::from)
    }
}

impl Sight {
    pub const ALL: Self = Self(u64::MAX);

    pub fn is_whole(self) -> bool {
        self == Self::ALL
    }

    pub fn sees(self, audience: Audience) -> bool {
        audience.0.is_none_or(|place| self.0 >> place & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(role: Role, teams: &[&str]) -> Principal {
        let teams = teams.iter().map(|team| (*team).to_owned()).collect();
        Principal { id: UserId::from("u"), name: "U".into(), role, teams, scopes: None }
    }

    /// X30: a private team's tickets are seen by its members and by administrators alone, whatever the role.
    #[test]
    fn x30_a_private_team_is_seen_by_members_and_administrators() {
        let private = PrivateTeams::new(["legal".to_owned(), "people".to_owned()]);
        for (role, teams, legal, people) in [
            (Role::Agent, &["support"][..], false, false),
            (Role::Agent, &["legal"], true, false),
            (Role::Agent, &["legal", "people"], true, true),
            (Role::Agent, &[], false, false),
            (Role::Supervisor, &["support", "people"], false, true),
            (Role::Supervisor, &[], false, false),
            (Role::Supervisor, &["people", "legal"], true, true),
            (Role::Admin, &["support"], true, true),
        ] {
            let who = principal(role, teams);
            assert_eq!(private.sees(&who, Some("legal")), legal, "{role:?} {teams:?}");
            assert_eq!(private.sees(&who, Some("people")), people, "{role:?} {teams:?}");
            assert!(private.sees(&who, Some("support")) && private.sees(&who, None));
            assert_eq!(private.hidden_from(private.sight(&who)).len(), 2 - usize::from(legal) - usize::from(people));
            assert!(PrivateTeams::default().sees(&who, Some("legal")));
        }
    }

    /// X31: a token of narrower scope may do what both its scope and its user's role allow.
    #[test]
    fn x31_scopes_only_narrow() {
        let mut who = principal(Role::Agent, &[]);
        who.scopes = Some([Permission::TicketRead, Permission::UsersManage].into());
        assert!(who.may(Permission::TicketRead));
        assert!(!who.may(Permission::TicketWrite), "not in the scope");
        assert!(!who.may(Permission::UsersManage), "not in the role");
        assert_eq!(who.permissions(), [Permission::TicketRead]);
    }
}
