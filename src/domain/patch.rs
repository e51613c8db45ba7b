//! The fields of a ticket that one record changed, whole, with their new values.
//!
//! Applying every patch of a ticket in order gives the ticket exactly; `id` and `version` stand on the record only.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::ids::{TicketId, UserId, Version};
use super::ticket::{Channel, Link, Priority, Requester, Sla, Status, Ticket, Triage};
use super::time::Timestamp;

/// Reads a field that is there, `null` included, as `Some`: absent and `null` mean different things in a patch.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

macro_rules! patch {
    ($($field:ident: $type:ty $(as $ts:literal)? $(= $older:expr)?),* $(,)?) => {
        /// Changed fields only; an absent field did not change, a `null` one became empty.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS, ToSchema)]
        pub struct Patch {
            $(
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
                #[ts(optional $(, type = $ts)?)]
                pub $field: Option<$type>,
            )*
        }

        impl Patch {
            /// What makes `after` out of `before`.
            pub fn between(before: &Ticket, after: &Ticket) -> Self {
                Self { $($field: (before.$field != after.$field).then(|| after.$field.clone()),)* }
            }

            /// Every field: the patch of a ticket's first record.
            pub fn whole(ticket: &Ticket) -> Self {
                Self { $($field: Some(ticket.$field.clone()),)* }
            }

            /// Leaves out what `ticket` has already.
            pub fn trim(&mut self, ticket: &Ticket) {
                $(if self.$field.as_ref().is_some_and(|value| *value == ticket.$field) { self.$field = None; })*
            }

            /// The values that `ticket` has in the fields of this patch: applied after it, they bring the ticket back.
            pub fn inverse(&self, ticket: &Ticket) -> Self {
                Self { $($field: self.$field.as_ref().map(|_| ticket.$field.clone()),)* }
            }

            /// Takes over the fields of `other` that this patch does not have.
            pub fn fill_from(&mut self, other: Self) {
                $(if self.$field.is_none() { self.$field = other.$field; })*
            }

            /// This patch's values of the fields that `other` has too.
            #[must_use]
            pub fn only(&self, other: &Self) -> Self {
                Self { $($field: self.$field.as_ref().filter(|_| other.$field.is_some()).cloned(),)* }
            }

            /// Leaves out the fields that `other` has.
            pub fn drop_fields(&mut self, other: &Self) {
                $(if other.$field.is_some() { self.$field = None; })*
            }

            /// Applies this patch. The record's version must be set by the caller.
            pub fn apply_to(&self, ticket: &mut Ticket) {
                $(if let Some(value) = &self.$field { ticket.$field.clone_from(value); })*
            }

            /// The ticket that a first record's patch describes; `None` when a field is missing that every record had.
            pub fn into_ticket(self, id: TicketId, version: Version) -> Option<Ticket> {
                Some(Ticket { id, version, $($field: self.$field$(.or(Some($older)))??,)* })
            }

            pub fn is_empty(&self) -> bool {
                true $(&& self.$field.is_none())*
            }

            /// Names of the fields that this patch touches.
            pub fn fields(&self) -> Vec<&'static str> {
                let mut fields = Vec::new();
                $(if self.$field.is_some() { fields.push(stringify!($field)); })*
                fields
            }
        }
    };
}

patch! {
    subject: String,
    status: Status,
    priority: Priority,
    category: Option<String> as "string | null",
    tags: Vec<String>,
    requester: Requester,
    assignee: Option<UserId> as "string | null",
    team: Option<String> as "string | null",
    channel: Channel,
    created_at: Timestamp,
    updated_at: Timestamp,
    first_responded_at: Option<Timestamp> as "string | null",
    solved_at: Option<Timestamp> as "string | null",
    snoozed_until: Option<Timestamp> as "string | null",
    merged_into: Option<TicketId> as "number | null",
    follow_up_of: Option<TicketId> as "number | null",
    links: Vec<Link>,
    sla: Sla,
    triage: Option<Arc<Triage>>,
    message_count: u32,
    last_message_at: Option<Timestamp> as "string | null",
    // Records before it was known have none.
    mentions: Vec<UserId> = Vec::new(),
    custom: std::collections::BTreeMap<String, serde_json::Value> as "Record<string, unknown>",
}
