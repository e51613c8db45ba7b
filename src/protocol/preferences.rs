//! Bodies of what a person, a team and the whole desk keep beside the tickets: preferences, shared views and macros, and the
//! settings that administrators change while the desk runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::domain::ids::{UserId, Version};
use crate::domain::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Appearance {
    System,
    Light,
    Dark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Density {
    Comfortable,
    Compact,
}

/// How one person likes the desk, in every browser. What is absent is left to the browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub appearance: Option<Appearance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub density: Option<Density>,
    /// A language tag, `fr` or `fr-CA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
    /// Keys that stand for an action in place of its own.
    pub shortcuts: BTreeMap<String, String>,
    pub views: Vec<SavedView>,
    pub macros: Vec<Macro>,
}

/// One's preferences as they stand. Version 0: none were ever kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct PreferencesView {
    pub version: Version,
    pub preferences: Preferences,
}

/// A view that narrows another one by filters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedView {
    pub id: String,
    pub name: String,
    /// The view that it narrows.
    pub base: String,
    /// The filters, as an address says them.
    pub search: String,
}

/// An answer that is given often. `{{requester.name}}` and its like are filled in where it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Macro {
    pub id: String,
    pub name: String,
    pub body: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharedKind {
    View,
    Macro,
}

/// A view or a macro that a team has in common, or everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Shared {
    pub id: String,
    pub version: Version,
    pub kind: SharedKind,
    pub name: String,
    /// Null: everybody's.
    pub team: Option<String>,
    /// Of a view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub base: Option<String>,
    /// Of a view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub search: Option<String>,
    /// Of a macro.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub body: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub by: UserId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutShared {
    pub kind: SharedKind,
    pub name: String,
    #[serde(default)]
    #[ts(optional, as = "Option<Option<String>>")]
    pub team: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub base: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub search: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub body: Option<String>,
}

/// Everything shared that the caller sees.
#[derive(Clone, Debug, Serialize, TS, ToSchema)]
pub struct SharedList {
    pub data: Vec<Shared>,
}

/// What administrators set while the desk runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeskSettings {
    pub request_form: RequestFormSettings,
    pub custom_fields: Vec<CustomField>,
}

/// The settings as they stand. Version 0: nobody ever changed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS, ToSchema)]
pub struct DeskSettingsView {
    pub version: Version,
    pub settings: DeskSettings,
}

/// The public page where customers write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequestFormSettings {
    /// Anybody may write. Closed: nobody may begin, and the links that are out go on working.
    pub open: bool,
    /// Blank: the desk's name.
    pub title: String,
    pub intro: String,
    /// Where requests go; null: to nobody's team.
    pub team: Option<String>,
}

/// A field of the desk's own. It lies in a ticket's `custom` under its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomField {
    pub id: String,
    pub name: String,
    pub kind: CustomFieldKind,
    /// What may be chosen, for `choice`.
    #[serde(default)]
    pub options: Vec<String>,
    /// The request form asks for it.
    #[serde(default)]
    pub on_form: bool,
    /// The request form is not sent without it.
    #[serde(default)]
    pub required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustomFieldKind {
    Text,
    Number,
    Choice,
    Checkbox,
    Date,
}
