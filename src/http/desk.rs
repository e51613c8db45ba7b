//! What a client needs to know about this desk before it shows anything.

use actix_web::http::StatusCode;

use super::call::Call;
use super::operation::{Answer, Operation, schema};
use super::reply::{self, Reply};
use crate::config::NamedOption;
use crate::domain::lifecycle;
use crate::domain::ticket::Priority;
use crate::protocol::views::{DeskInfo, NamedValue};

pub static SHOW: Operation = Operation {
    id: "get_desk",
    path: "/api/v1/desk",
    tag: "session",
    summary: "This desk's settings",
    detail: "Statuses and their legal moves, priorities, categories, teams, and how long undo works.",
    answers: &[Answer::json(200, "The settings.", schema::<DeskInfo>)],
    ..Operation::BASE
};

pub async fn show(call: Call) -> Reply {
    let config = &call.desk.config;
    let moves = lifecycle::moves();
    let info = DeskInfo {
        name: config.desk.name.clone(),
        build: super::assets::build().map(str::to_owned),
        usage: config.usage.enabled,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        statuses: moves.keys().copied().collect(),
        moves,
        priorities: vec![Priority::Low, Priority::Normal, Priority::High, Priority::Urgent],
        categories: config.desk.categories.iter().map(value).collect(),
        teams: config.desk.teams.iter().map(value).collect(),
        undo_window_ms: config.desk.undo_window_ms,
    };
    Ok(reply::json(&call.request, StatusCode::OK, &info))
}

fn value(option: &NamedOption) -> NamedValue {
    NamedValue {
        id: option.id.clone(),
        name: option.name.clone(),
        description: option.description.clone(),
        private: option.private,
    }
}
