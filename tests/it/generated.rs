//! What is generated from the wire types must be what is in the tree. `UPDATE_GENERATED=1 cargo test generated` writes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hotdesk::domain::ticket::Ticket;
use hotdesk::protocol::frame::{ClientMessage, ServerMessage};
use hotdesk::protocol::{figures, preferences, presence, requests, views};
use ts_rs::{Config, TS};

/// S90: the client's TypeScript types are those of the server.
#[test]
fn s90_typescript_is_generated_from_the_wire_types() {
    let fresh = tempfile::tempdir().unwrap();
    let config = Config::new().with_out_dir(fresh.path());
    ClientMessage::export_all(&config).unwrap();
    ServerMessage::export_all(&config).unwrap();
    views::Page::<Ticket>::export_all(&config).unwrap();
    views::Me::export_all(&config).unwrap();
    views::PersonView::export_all(&config).unwrap();
    views::NewToken::export_all(&config).unwrap();
    views::SignIn::export_all(&config).unwrap();
    views::Setup::export_all(&config).unwrap();
    views::CreateUser::export_all(&config).unwrap();
    views::UpdateUser::export_all(&config).unwrap();
    views::CreateToken::export_all(&config).unwrap();
    views::SessionView::export_all(&config).unwrap();
    views::ChangePassword::export_all(&config).unwrap();
    views::CreateInvitation::export_all(&config).unwrap();
    views::NewInvitation::export_all(&config).unwrap();
    views::AcceptInvitation::export_all(&config).unwrap();
    preferences::Preferences::export_all(&config).unwrap();
    preferences::PreferencesView::export_all(&config).unwrap();
    preferences::SharedList::export_all(&config).unwrap();
    preferences::PutShared::export_all(&config).unwrap();
    preferences::DeskSettingsView::export_all(&config).unwrap();
    requests::RequestForm::export_all(&config).unwrap();
    requests::CreateRequest::export_all(&config).unwrap();
    requests::NewRequest::export_all(&config).unwrap();
    requests::AnswerRequest::export_all(&config).unwrap();
    requests::RequestLinks::export_all(&config).unwrap();
    requests::NewRequestLink::export_all(&config).unwrap();
    presence::TellPresence::export_all(&config).unwrap();
    presence::PresenceNow::export_all(&config).unwrap();
    hotdesk::audit::Entry::export_all(&config).unwrap();
    views::TicketWith::export_all(&config).unwrap();
    views::MessageAdded::export_all(&config).unwrap();
    views::TicketEvents::export_all(&config).unwrap();
    views::Events::export_all(&config).unwrap();
    views::QueueView::export_all(&config).unwrap();
    views::Snapshot::export_all(&config).unwrap();
    views::Bulk::export_all(&config).unwrap();
    views::BulkOutcomes::export_all(&config).unwrap();
    views::DeskInfo::export_all(&config).unwrap();
    figures::LiveFigures::export_all(&config).unwrap();
    figures::MetricList::export_all(&config).unwrap();
    figures::Series::export_all(&config).unwrap();
    figures::Trends::export_all(&config).unwrap();
    figures::NewReport::export_all(&config).unwrap();
    figures::Report::export_all(&config).unwrap();
    figures::ReportResult::export_all(&config).unwrap();
    figures::UpdateReport::export_all(&config).unwrap();
    figures::ReportFile::export_all(&config).unwrap();
    hotdesk::http::operations::Operations::export_all(&config).unwrap();
    figures::DrillDown::export_all(&config).unwrap();
    figures::ReportTickets::export_all(&config).unwrap();
    views::triage::Similar::export_all(&config).unwrap();
    views::triage::TryTriage::export_all(&config).unwrap();
    views::triage::TriedTriage::export_all(&config).unwrap();
    views::triage::TriageStats::export_all(&config).unwrap();
    views::triage::DraftEvent::export_all(&config).unwrap();

    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("client/src/protocol/generated");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        let _ = std::fs::remove_dir_all(&committed);
        std::fs::create_dir_all(&committed).unwrap();
        for (name, text) in files(fresh.path()) {
            let path = committed.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
    assert_eq!(files(fresh.path()), files(&committed), "run UPDATE_GENERATED=1 cargo test generated");
}

fn files(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                found.insert(path.strip_prefix(root).unwrap().to_path_buf(), text);
            }
        }
    }
    found
}
