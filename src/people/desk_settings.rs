//! What administrators set while the desk runs: the request form and the desk's own fields. One small document, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Check, People, check_version, put, whole};
use crate::domain::ids::Version;
use crate::domain::rejection::FieldError;
use crate::protocol::preferences::{CustomField, CustomFieldKind, DeskSettings, DeskSettingsView};
use crate::protocol::problem::Problem;

pub(super) const KEY: &str = "settings/desk";

const FIELDS: usize = 50;
const OPTIONS: usize = 100;
const INTRO_CHARS: usize = 2_000;
/// What a customer may write into one field.
const ANSWER_CHARS: usize = 2_000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    version: Version,
    settings: DeskSettings,
}

impl People {
    pub fn desk_settings(&self) -> DeskSettingsView {
        let kept = self.kept.load();
        DeskSettingsView { version: kept.version, settings: kept.settings.clone() }
    }

    /// Replaces the whole document. Whoever calls has the permission already.
    pub async fn put_desk_settings(
        self: &Arc<Self>,
        settings: DeskSettings,
        expect: Option<Vec<Version>>,
    ) -> Result<DeskSettingsView, Problem> {
        let people = self.clone();
        whole(async move {
            let _changing = people.changing.lock().await;
            let mut check = people.check();
            check.desk_settings(&settings);
            check.done()?;
            let before = people.kept.load_full();
            check_version(expect.as_deref(), before.version)?;
            if before.settings != settings {
                let after = Kept { version: before.version.next(), settings };
                people.keep(vec![put(KEY.to_owned(), &after)]).await?;
                people.kept.store(Arc::new(after));
                people.revisions.settings_changed();
            }
            Ok(people.desk_settings())
        })
        .await
    }

    /// What a customer wrote into the form's fields, checked: those alone that the form has, each of its kind.
    pub fn form_answers(&self, given: &BTreeMap<String, Value>) -> Result<BTreeMap<String, Value>, Vec<FieldError>> {
        let kept = self.kept.load();
        let asked = || kept.settings.custom_fields.iter().filter(|field| field.on_form);
        let mut errors = Vec::new();
        for id in given.keys().filter(|id| !asked().any(|field| field.id == **id)) {
            errors.push(FieldError::new(pointer(id), "unknown_value", "the form has no such field"));
        }
        let mut answers = BTreeMap::new();
        for field in asked() {
            match answer(field, given.get(&field.id)) {
                Ok(Some(value)) => drop(answers.insert(field.id.clone(), value)),
                Ok(None) if field.required => {
                    errors.push(FieldError::new(pointer(&field.id), "required", "this is needed"));
                }
                Ok(None) => {}
                Err(detail) => errors.push(FieldError::new(pointer(&field.id), "invalid", detail)),
            }
        }
        if errors.is_empty() { Ok(answers) } else { Err(errors) }
    }
}

/// Ids have no character that a pointer would have to escape; what a stranger sends instead may.
fn pointer(id: &str) -> String {
    let shown: String = id.chars().take(64).collect();
    format!("/custom/{}", shown.replace('~', "~0").replace('/', "~1"))
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// The value of one field; `None` where nothing was said.
fn answer(field: &CustomField, given: Option<&Value>) -> Result<Option<Value>, &'static str> {
    let Some(value) = given.filter(|value| !value.is_null()) else { return Ok(None) };
    let said = match (field.kind, value) {
        (CustomFieldKind::Text, Value::String(text)) if text.chars().count() <= ANSWER_CHARS => !text.trim().is_empty(),
        (CustomFieldKind::Text, Value::String(_)) => return Err("this is too long"),
        (CustomFieldKind::Choice, Value::String(text)) if text.is_empty() || field.options.contains(text) => {
            !text.is_empty()
        }
        (CustomFieldKind::Choice, _) => return Err("expected one of the choices"),
        (CustomFieldKind::Date, Value::String(text)) if text.is_empty() || is_date(text) => !text.is_empty(),
        (CustomFieldKind::Date, _) => return Err("expected a date like 2026-11-23"),
        (CustomFieldKind::Number, Value::Number(_)) => true,
        (CustomFieldKind::Number, _) => return Err("expected a number"),
        // A box that must be ticked is one that agrees to something.
        (CustomFieldKind::Checkbox, Value::Bool(ticked)) => *ticked || !field.required,
        (CustomFieldKind::Checkbox, _) => return Err("expected true or false"),
        (CustomFieldKind::Text, _) => return Err("expected a text"),
    };
    Ok(said.then(|| value.clone()))
}

impl Check<'_> {
    fn desk_settings(&mut self, settings: &DeskSettings) {
        let form = &settings.request_form;
        if !form.title.is_empty() {
            self.title("/request_form/title", &form.title);
        }
        if form.intro.chars().count() > INTRO_CHARS {
            self.refuse("/request_form/intro", "too_long", format!("at most {INTRO_CHARS} characters"));
        }
        if form.team.as_ref().is_some_and(|team| !self.teams.contains(team)) {
            self.refuse("/request_form/team", "unknown_value", "there is no such team");
        }
        if settings.custom_fields.len() > FIELDS {
            self.refuse("/custom_fields", "too_many", format!("at most {FIELDS} fields"));
        }
        let mut seen = BTreeSet::new();
        for (index, field) in settings.custom_fields.iter().enumerate() {
            let at = format!("/custom_fields/{index}");
            self.id(&at, &field.id);
            if !seen.insert(&field.id) {
                self.refuse(format!("{at}/id"), "invalid", "another field has this id");
            }
            self.title(&format!("{at}/name"), &field.name);
            let options = &field.options;
            if (field.kind == CustomFieldKind::Choice) == options.is_empty() {
                self.refuse(format!("{at}/options"), "invalid", "a choice has options, and nothing else has");
            } else if options.len() > OPTIONS {
                self.refuse(format!("{at}/options"), "too_many", format!("at most {OPTIONS} options"));
            }
            for (place, option) in options.iter().enumerate() {
                self.title(&format!("{at}/options/{place}"), option);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: CustomFieldKind, required: bool, given: Value, expect: Result<Option<Value>, ()>) {
        let options = if kind == CustomFieldKind::Choice { vec!["small".to_owned()] } else { Vec::new() };
        let field = CustomField { id: "f".into(), name: "F".into(), kind, options, on_form: true, required };
        assert_eq!(answer(&field, Some(&given)).map_err(drop), expect, "{kind:?} {given}");
    }

    /// X112: each field takes values of its kind, and nothing said is told from something wrong.
    #[test]
    fn x112_answers_are_of_their_fields_kind() {
        use CustomFieldKind::{Checkbox, Choice, Date, Number, Text};
        let said = |value: Value| Ok(Some(value));
        check(Text, true, json!("hello"), said(json!("hello")));
        check(Text, true, json!("  "), Ok(None));
        check(Text, false, json!("x".repeat(ANSWER_CHARS + 1)), Err(()));
        check(Text, false, json!(["x"]), Err(()));
        check(Choice, true, json!("small"), said(json!("small")));
        check(Choice, true, json!("large"), Err(()));
        check(Date, false, json!("2026-02-29"), Err(()));
        check(Date, false, json!("2028-02-29"), said(json!("2028-02-29")));
        check(Number, false, json!(3.5), said(json!(3.5)));
        check(Number, false, json!("3"), Err(()));
        check(Checkbox, true, json!(false), Ok(None));
        check(Checkbox, false, json!(false), said(json!(false)));
        check(Checkbox, false, Value::Null, Ok(None));
    }
}
