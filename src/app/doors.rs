//! Joins the desk to its HTTP side: what handlers may call, the figures and probes that operators see, and the WebSocket's route.
//! Called by [`super::serve`] once for the server and once for each worker.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use dashmap::DashMap;

use super::Desk;
use crate::actors::hub::Local;
use crate::actors::presence::door::PresenceDoor;
use crate::http::proxies::Proxies;
use crate::http::reply::Failure;
use crate::http::strangers::Strangers;
use crate::http::{self, Services, auth};
use crate::line::Line;
use crate::session::{self, Door};
use crate::telemetry::{COUNTS, SECONDS};

impl Desk {
    /// What the HTTP side may call. Once for the server: the workers share it.
    pub fn services(&self) -> http::Desk {
        self.add_probes();
        self.add_figures();
        http::Desk::new(Services {
            gateway: Arc::new(self.directory.clone()),
            reads: Arc::clone(&self.reads) as _,
            triage: Arc::new(self.triage_door()),
            figures: Arc::new(self.figures.clone()),
            presences: Arc::new(PresenceDoor::new(
                self.presence.clone(),
                Arc::clone(&self.feed),
                Arc::clone(&self.reads) as _,
                &self.config,
            )),
            people: Arc::clone(&self.people),
            attachments: Arc::clone(&self.attachments),
            backups: Arc::clone(&self.backups),
            usage: Arc::clone(&self.usage),
            reports: DashMap::new(),
            audit: Arc::clone(&self.audit),
            proxies: Proxies::new(&self.config.server.trusted_proxies),
            strangers: Strangers::new(&self.config.limits),
            config: Arc::clone(&self.config),
            clock: self.clock.clone(),
            telemetry: Arc::clone(&self.telemetry),
            answered: http::answered::Answered::new(Arc::clone(&self.telemetry)),
            health: Arc::clone(&self.health),
            compressed: http::snapshot::Compressed::default(),
        })
    }

    fn add_probes(&self) {
        let health = &self.health;
        if let Some(triage) = &self.triage {
            let triage = Arc::clone(triage);
            // Without it the desk goes on: this is told and does not take the desk out of service.
            health.probe("triage", move || Ok(triage.health().unwrap_or_else(|trouble| trouble)));
        }
        let shared = Arc::clone(&self.shared);
        health.probe("sessions", move || {
            let sessions = shared.sessions.load(Ordering::Relaxed);
            if shared.draining.load(Ordering::Relaxed) {
                return Err(format!("{sessions} open; the server is going away"));
            }
            Ok(format!("{sessions} open"))
        });
        let (journal, writer) = (Arc::clone(&self.journal), self.writer.clone());
        health.probe("journal", move || {
            let (head, waiting) = (journal.head().seq, writer.waiting());
            // Reading goes on while the disk is full, so this is told and does not take the desk out of service.
            let room = if writer.is_full() { "; there is no room on the disk" } else { "" };
            Ok(format!("at {head}, {waiting} appends waiting{room}"))
        });
    }

    fn add_figures(&self) {
        let telemetry = &self.telemetry;
        let shared = Arc::clone(&self.shared);
        telemetry.ask("hotdesk_sessions", "Open WebSocket sessions.", &[], move || {
            shared.sessions.load(Ordering::Relaxed) as f64
        });
        let journal = Arc::clone(&self.journal);
        telemetry.ask("hotdesk_journal_seq", "The journal's head.", &[], move || journal.head().seq.get() as f64);
        let writer = self.writer.clone();
        telemetry.ask("hotdesk_journal_waiting_appends", "Appends that wait for the next group.", &[], move || {
            writer.waiting() as f64
        });
        let writer = self.writer.clone();
        telemetry.ask("hotdesk_journal_full", "1 while there is no room on the disk.", &[], move || {
            f64::from(u8::from(writer.is_full()))
        });
        let (backups, clock) = (Arc::clone(&self.backups), self.clock.clone());
        telemetry.ask(
            "hotdesk_backup_age_seconds",
            "Since the last backup of this process; NaN before one.",
            &[],
            move || {
                backups.state().last.map_or(f64::NAN, |made| (clock.now_millis() - made.at.as_millis()) as f64 / 1e3)
            },
        );
        let feed = Arc::clone(&self.feed);
        telemetry
            .ask("hotdesk_feed_bytes", "Records held in memory for live delivery.", &[], move || feed.bytes() as f64);
        let commits = telemetry.histogram("hotdesk_commit_seconds", "Making a group durable.", &[], SECONDS);
        let sizes = telemetry.histogram("hotdesk_commit_records", "Records of a group.", &[], COUNTS);
        self.writer.on_commit(Box::new(move |took, records| {
            commits.observe_duration(took);
            sizes.observe(records as f64);
        }));
        let mailbox = "Messages that wait for an actor.";
        let queue = self.queue.clone();
        telemetry.ask("hotdesk_mailbox_waiting", mailbox, &[("actor", "queue")], move || queue.waiting() as f64);
        // Not the door: it holds the telemetry itself, and a circle would keep the journal open.
        let waiting = self.figures.waiting();
        telemetry.ask("hotdesk_mailbox_waiting", mailbox, &[("actor", "analytics")], move || waiting() as f64);
        let shared = Arc::clone(&self.shared);
        let behind = "Records that the session furthest behind has not taken yet.";
        telemetry.ask("hotdesk_feed_lag_records", behind, &[], move || {
            shared.lags.lock().iter().map(|lag| lag.load(Ordering::Relaxed)).max().unwrap_or(0) as f64
        });
        telemetry
            .ask("hotdesk_process_resident_bytes", "Memory of the process.", &[], || resident_bytes().unwrap_or(0.0));
        let hubs = Arc::clone(&self.hubs);
        telemetry.ask("hotdesk_hubs", "Threads that serve sessions.", &[], move || hubs.read().len() as f64);
        let feed = Arc::clone(&self.feed);
        telemetry.ask("hotdesk_feed_seq", "The newest record that sessions can read.", &[], move || {
            feed.head().get() as f64
        });
    }
}

/// The second number of `statm` (proc(5)) is in pages, which have 4 KiB on the machines that this runs on.
fn resident_bytes() -> Option<f64> {
    const PAGE_BYTES: f64 = 4096.0;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split(' ').nth(1)?.parse::<f64>().ok()? * PAGE_BYTES)
}

/// The WebSocket's route on the worker of `local`.
pub fn socket(door: Arc<Door>, local: Rc<Local>) -> impl FnOnce(&mut ServiceConfig) {
    let open = move |request: HttpRequest, payload: Payload, desk: Data<http::Desk>| {
        let (door, local) = (Arc::clone(&door), Rc::clone(&local));
        async move {
            let credential = auth::handshake(&request, &desk)?;
            let line = request.conn_data::<Arc<Line>>().cloned();
            let from = desk.proxies.peer(&request);
            session::open(&request, payload, &door, &local, credential, line, from).map_err(Failure::from)
                as Result<HttpResponse, Failure>
        }
    };
    move |app| {
        app.service(
            web::resource(session::PATH).route(web::get().to(open)).default_service(web::to(http::method_not_allowed)),
        );
    }
}
