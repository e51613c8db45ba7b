//! Who may do what: roles, permissions and the one table between them.

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
    SettingsWrite,
    AuditRead,
}

/// The table. A permission is given from this role on upwards.
const TABLE: &[(Permission, Role)] = &[
    (Permission::TicketRead, Role::Agent),
    (Permission::TicketWrite, Role::Agent),
    (Permission::TokensOwn, Role::Agent),
    (Permission::ReleaseOthers, Role::Supervisor),
    (Permission::UndoOthers, Role::Supervisor),
    (Permission::ReportsWrite, Role::Supervisor),
    (Permission::TokensOthers, Role::Admin),
    (Permission::UsersManage, Role::Admin),
    (Permission::SettingsWrite, Role::Admin),
    (Permission::AuditRead, Role::Admin),
];

impl Role {
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
            Self::SettingsWrite => "settings_write",
            Self::AuditRead => "audit_read",
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
}

impl Principal {
    /// The desk itself.
    pub fn system() -> Self {
        Self { id: UserId::system(), name: "hotdesk".into(), role: Role::Admin, teams: Arc::from([]) }
    }

    pub fn is_system(&self) -> bool {
        self.id.is_desk()
    }
}
