//! What the values must be for the desk to start. All problems are told at once, each with its key. Calendars and windows of
//! time are judged by `app::rules`, which makes the rules out of them.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs;

use super::{Config, NamedOption, SlaPolicy, TriagePolicy};

pub fn problems(config: &Config) -> Vec<String> {
    let mut found = Found::default();
    server(config, &mut found);
    limits(config, &mut found);
    analytics(config, &mut found);
    names("desk.categories", &config.desk.categories, &mut found);
    names("desk.teams", &config.desk.teams, &mut found);
    for category in config.desk.categories.iter().filter(|category| category.private) {
        found.check(false, "desk.categories", format!("`{}` cannot be private: only a team can", category.id));
    }
    let private = config.desk.teams.iter().filter(|team| team.private).count();
    found.within("desk.teams (private ones)", private, 0, 64);
    sla(config, &mut found);
    triage(config, &mut found);
    found.within("log.requests", config.log.requests, 0.0, 1.0);
    attachments(config, &mut found);
    found.check(["text", "json"].contains(&config.log.format.as_str()), "log.format", "must be text or json");
    found.0
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn check(&mut self, holds: bool, key: &str, must: impl AsRef<str>) {
        if !holds {
            self.0.push(format!("{key}: {}", must.as_ref()));
        }
    }

    fn within<N: PartialOrd + std::fmt::Display>(&mut self, key: &str, value: N, least: N, most: N) {
        let holds = value >= least && value <= most;
        self.check(holds, key, format!("is {value}, must be {least} to {most}"));
    }
}

fn server(config: &Config, found: &mut Found) {
    let server = &config.server;
    found.check(
        server.listen.to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some()),
        "server.listen",
        format!("`{}` is not an address and a port, like 127.0.0.1:8080", server.listen),
    );
    found.check(!server.data.as_os_str().is_empty(), "server.data", "must name a folder");
    found.within("server.workers", server.workers, 0, 1024);
    found.within("server.drain_ms", server.drain_ms, 0, 600_000);
    for origin in &server.allowed_origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        found.check(
            host.is_some_and(|host| !host.is_empty() && !host.contains('/') && !host.contains('*')),
            "server.allowed_origins",
            format!("`{origin}` is not an origin, like https://desk.example.com"),
        );
    }
    for proxy in &server.trusted_proxies {
        let is_one = proxy.parse::<ipnet::IpNet>().is_ok() || proxy.parse::<std::net::IpAddr>().is_ok();
        found.check(
            is_one,
            "server.trusted_proxies",
            format!("`{proxy}` is no address and no network like 10.0.0.0/8"),
        );
    }
    let (certificate, key) = (&server.tls_certificate, &server.tls_key);
    found.check(
        certificate.as_os_str().is_empty() == key.as_os_str().is_empty(),
        "server.tls_key",
        "server.tls_certificate and server.tls_key belong together: set both or none",
    );
    let token = &server.operations_token;
    found.check(
        token.is_empty() || (token.len() >= 16 && token.chars().all(|c| c.is_ascii_graphic())),
        "server.operations_token",
        "must be empty or at least 16 visible ASCII characters",
    );
}

fn analytics(config: &Config, found: &mut Found) {
    let analytics = &config.analytics;
    found.check(
        jiff::tz::TimeZone::get(&analytics.time_zone).is_ok(),
        "analytics.time_zone",
        format!("`{}` is not a zone of the IANA database, like America/Montreal", analytics.time_zone),
    );
    found.check(
        analytics.calendar.is_empty() || config.sla.calendars.iter().any(|own| own.name == analytics.calendar),
        "analytics.calendar",
        format!("there is no calendar {}", analytics.calendar),
    );
    found.within("analytics.at_risk_ms", analytics.at_risk_ms, 1, 365 * 86_400_000);
    found.within("analytics.checkpoint_records", analytics.checkpoint_records, 1_000, 1 << 40);
    found.within("analytics.report_cells", analytics.report_cells, 100, 10_000_000);
    found.within("analytics.questions_at_once", analytics.questions_at_once, 1, 64);
    found.within("analytics.staffing_target_ms", analytics.staffing_target_ms, 0, 365 * 86_400_000);
    found.within("analytics.staffing_patience_ms", analytics.staffing_patience_ms, 0, 365 * 86_400_000);
    found.within("analytics.staffing_target_share", analytics.staffing_target_share, 0.01, 0.999);
}

fn limits(config: &Config, found: &mut Found) {
    let Config { limits, journal, feed, session, tickets, queue, presence, people, search, desk, demo, .. } = config;
    found.within("limits.body_bytes", limits.body_bytes, 65_536, 1 << 30);
    found.within("limits.body_timeout_ms", limits.body_timeout_ms, 100, 600_000);
    found.within("limits.head_timeout_ms", limits.head_timeout_ms, 100, 600_000);
    found.within("limits.connections", limits.connections, 1, 1_000_000);
    found.within("limits.connections_per_address", limits.connections_per_address, 1, 1_000_000);
    found.within("limits.strangers_per_address", limits.strangers_per_address, 1, 1_000_000);
    found.within("limits.slow_reader_ms", limits.slow_reader_ms, 100, 600_000);
    found.within("limits.keep_alive_ms", limits.keep_alive_ms, 100, 600_000);
    found.within("limits.calls_per_s", limits.calls_per_s, 1, u32::MAX);
    found.within("limits.anonymous_calls_per_s", limits.anonymous_calls_per_s, 1, u32::MAX);
    found.within("limits.anonymous_burst", limits.anonymous_burst, 1, u32::MAX);
    found.within("limits.form_posts_per_h", limits.form_posts_per_h, 1, u32::MAX);
    found.within("limits.form_burst", limits.form_burst, 1, u32::MAX);
    found.within("limits.form_bytes_per_h", limits.form_bytes_per_h, 65_536, 1 << 40);
    // The kernel may hold this much for each stuck connection; the contract allows 2 MiB.
    found.within("limits.send_buffer_bytes", limits.send_buffer_bytes, 4096, 2 << 20);
    found.within("limits.stuck_reader_ms", limits.stuck_reader_ms, 100, 600_000);
    found.within("limits.subject_chars", limits.subject_chars, 1, 10_000);
    found.within("limits.message_chars", limits.message_chars, 1, 10_000_000);
    found.within("limits.tags", limits.tags, 0, 10_000);
    found.within("limits.custom_bytes", limits.custom_bytes, 0, 1 << 20);
    found.within("journal.waiting_appends", journal.waiting_appends, 1, 1 << 20);
    found.within("journal.group_records", journal.group_records, 1, 1 << 20);
    found.within("journal.group_bytes", journal.group_bytes, 65_536, 1 << 30);
    found.within("journal.cache_bytes", journal.cache_bytes, 1 << 20, 1 << 40);
    found.within("journal.remember_commands_ms", journal.remember_commands_ms, 86_400_000, i64::MAX);
    found.within("journal.checkpoint_records", journal.checkpoint_records, 1, u64::MAX);
    found.within("feed.bytes", feed.bytes, 65_536, 1 << 34);
    found.within("session.hello_timeout_ms", session.hello_timeout_ms, 100, 600_000);
    found.within("session.heartbeat_ms", session.heartbeat_ms, 100, 15_000);
    // Mails are long: the contract promises 1 MiB.
    found.within("session.max_message_bytes", session.max_message_bytes, 1 << 20, 1 << 30);
    found.within("session.messages_per_s", session.messages_per_s, 1, u32::MAX);
    found.within("session.commands_in_flight", session.commands_in_flight, 1, 1 << 20);
    found.within("session.topics", session.topics, 1, 1 << 20);
    found.within("session.frame_bytes", session.frame_bytes, 1024, 1 << 26);
    found.within("tickets.mailbox", tickets.mailbox, 1, 1 << 20);
    found.within("tickets.idle_ms", tickets.idle_ms, 100, 86_400_000);
    found.within("queue.mailbox", queue.mailbox, 1, 1 << 20);
    found.within("queue.promote_after_ms", queue.promote_after_ms, 1000, i64::MAX);
    found.within("queue.skip_window_ms", queue.skip_window_ms, 0, i64::MAX);
    found.within("queue.vanish_grace_ms", queue.vanish_grace_ms, 0, i64::MAX);
    found.within("presence.updates_per_s", presence.updates_per_s, 1, 1000);
    // A lost session must be away within 10 s.
    found.within("presence.grace_ms", presence.grace_ms, 0, 9_500);
    found.within("presence.typing_ms", presence.typing_ms, 1000, 600_000);
    found.within("people.hashing", people.hashing, 1, 64);
    found.within("people.session_ms", people.session_ms, 60_000, i64::MAX);
    found.within("people.invitation_ms", people.invitation_ms, 60_000, 31_536_000_000);
    found.within("people.password_min_chars", people.password_min_chars, 8, 128);
    // Less than this and tantivy refuses to start a writer.
    found.within("search.writer_bytes", search.writer_bytes, 15_000_000, 4_000_000_000);
    found.within("search.commit_ms", search.commit_ms, 10, 600_000);
    found.check(!desk.name.trim().is_empty(), "desk.name", "must not be blank");
    found.within("desk.undo_window_ms", desk.undo_window_ms, 0, 86_400_000);
    found.within("desk.close_solved_after_ms", desk.close_solved_after_ms, 0, 3_155_760_000_000);
    found.within("demo.pace_ms", demo.pace_ms, 100, 3_600_000);
    found.within("demo.tickets", demo.tickets, 1, 10_000);
}

fn names(key: &str, options: &[NamedOption], found: &mut Found) {
    let mut ids = BTreeSet::new();
    for option in options {
        found.check(!option.id.trim().is_empty(), key, "an id is blank");
        found.check(!option.name.trim().is_empty(), key, format!("`{}` has no name", option.id));
        found.check(ids.insert(&option.id), key, format!("`{}` stands there twice", option.id));
    }
}

fn sla(config: &Config, found: &mut Found) {
    let mut calendars = BTreeSet::new();
    for calendar in &config.sla.calendars {
        let name = calendar.name.as_str();
        found.check(calendars.insert(name), "sla.calendars", format!("`{name}` stands there twice"));
    }
    let known = |options: &[NamedOption], id: &String| options.iter().any(|option| option.id == *id);
    for SlaPolicy { name, teams, categories, first_response_min, next_response_min, resolution_min, .. } in
        &config.sla.policies
    {
        let key = format!("sla.policies.{name}");
        found.check(!name.trim().is_empty(), "sla.policies", "a policy has no name");
        for team in teams.iter().filter(|team| !known(&config.desk.teams, team)) {
            found.check(false, &key, format!("there is no team `{team}`"));
        }
        for category in categories.iter().filter(|category| !known(&config.desk.categories, category)) {
            found.check(false, &key, format!("there is no category `{category}`"));
        }
        for (target, minutes) in [
            ("first_response_min", first_response_min),
            ("next_response_min", next_response_min),
            ("resolution_min", resolution_min),
        ] {
            found.check(*minutes != Some(0), &key, format!("{target} must be at least 1"));
        }
    }
}

fn attachments(config: &Config, found: &mut Found) {
    let attachments = &config.attachments;
    place("attachments.place", &attachments.place, found);
    found.within("attachments.file_bytes", attachments.file_bytes, 1, 1 << 32);
    found.within("attachments.message_files", attachments.message_files, 0, 200);
    found.within("attachments.ticket_files", attachments.ticket_files, 0, 100_000);
    found.within("attachments.ticket_bytes", attachments.ticket_bytes, 0, 1 << 40);
    found.within("attachments.uploads", attachments.uploads, 1, 10_000);
    found.within("attachments.user_bytes_per_h", attachments.user_bytes_per_h, 1, 1 << 44);
    found.within("attachments.unsent_ms", attachments.unsent_ms, 60_000, 2_592_000_000);
    found.within("attachments.pixels", attachments.pixels, 0, 500_000_000);
    found.within("attachments.thumbnail_px", attachments.thumbnail_px, 16, 2_000);
    let form = &attachments.form;
    found.within("attachments.form.message_files", form.message_files, 0, attachments.message_files);
    found.within("attachments.form.file_bytes", form.file_bytes, 1, attachments.file_bytes);
    found.within("attachments.form.message_bytes", form.message_bytes, form.file_bytes, attachments.ticket_bytes);
    found.within("attachments.form.waiting_bytes", form.waiting_bytes, 65_536, 1 << 40);
    found.within("attachments.form.unsent_ms", form.unsent_ms, 60_000, 86_400_000);
    place("backup.place", &config.backup.place, found);
    found.within("backup.every_h", config.backup.every_h, 0, 8_760);
    found.within("backup.closed_days", config.backup.closed_days, 0, 36_500);
    found.within("backup.keep", config.backup.keep, 1, 10_000);
    let endpoint = &config.storage.google_endpoint;
    let is_address = endpoint.is_empty() || endpoint.starts_with("http://") || endpoint.starts_with("https://");
    found.check(is_address, "storage.google_endpoint", format!("`{endpoint}` is not an address"));
}

/// A folder, or a bucket with what its names begin with.
fn place(key: &str, place: &str, found: &mut Found) {
    let Some((scheme, rest)) = place.split_once("://") else { return };
    let bucket = rest.split('/').next().unwrap_or_default();
    let must = format!("`{place}` is neither a folder nor gs://BUCKET/PREFIX");
    found.check(scheme == "gs" && !bucket.is_empty(), key, must);
}

fn triage(config: &Config, found: &mut Found) {
    let triage = &config.triage;
    let secure = triage.base_url.starts_with("https://");
    // Without TLS only to this machine: a stand-in for tests.
    let near = ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|near| {
        triage.base_url.strip_prefix(near).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    found.check(secure || near, "triage.base_url", format!("`{}` is not an https address", triage.base_url));
    found.check(!triage.model.trim().is_empty(), "triage.model", "must not be blank");
    found.within("triage.call_deadline_ms", triage.call_deadline_ms, 1000, 900_000);
    found.within("triage.daily_budget_usd", triage.daily_budget_usd, 0.0, 100_000.0);
    found.within("triage.breaker_open_ms", triage.breaker_open_ms, 100, 86_400_000);
    found.within("triage.batch_max_tickets", triage.batch_max_tickets, 1, 32);
    found.within("triage.batch_max_age_ms", triage.batch_max_age_ms, 0, 600_000);
    found.within("triage.batch_max_tokens", triage.batch_max_tokens, 1000, 200_000);
    found.within("triage.calls", triage.calls, 1, 256);
    found.within("triage.ask_below", triage.ask_below, 0.0, 1.01);
    found.within("triage.summary_from_chars", triage.summary_from_chars, 0, 10_000_000);
    found.within("triage.propose_above", triage.propose_above, 0.0, 1.0);
    found.within("triage.waiting", triage.waiting, 1, 1_000_000);
    found.within("triage.proposals_per_s", triage.proposals_per_s, 1, 100_000);
    found.within("triage.refit_after", triage.refit_after, 1, 1_000_000);
    found.within("triage.similar_tickets", triage.similar_tickets, 0, 1_000_000);
    found.within("triage.incident_tickets", triage.incident_tickets, 3, 100_000);
    found.within("triage.incident_window_ms", triage.incident_window_ms, 1_000, 86_400_000);
    found.within("triage.auto_reply.confidence", triage.auto_reply.confidence, 0.5, 1.0);
    for (category, text) in &triage.auto_reply.texts {
        let known = config.desk.categories.iter().any(|own| own.id == *category);
        found.check(known, "triage.auto_reply.texts", format!("there is no category `{category}`"));
        found.check(!text.trim().is_empty(), "triage.auto_reply.texts", format!("`{category}` has an empty text"));
    }
    let policy = &triage.policy;
    for (field, policy) in [("category", &policy.category), ("priority", &policy.priority), ("tags", &policy.tags)] {
        let fine = match policy {
            TriagePolicy::Above(threshold) => (0.0..=1.0).contains(threshold),
            TriagePolicy::Named(name) => name == "suggest",
        };
        found.check(fine, &format!("triage.policy.{field}"), "must be \"suggest\" or a number from 0 to 1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R30: addresses, bounds and policies are checked.
    #[test]
    fn r30_the_services_keys_are_checked() {
        let mut config = Config::defaults();
        assert_eq!(config.problems(), [""; 0]);
        config.triage.base_url = "http://api.deepseek.com".into();
        config.triage.batch_max_tickets = 0;
        config.triage.daily_budget_usd = f64::NAN;
        config.triage.policy.category = TriagePolicy::Above(90.0);
        config.triage.policy.tags = TriagePolicy::Named("always".into());
        let keys: Vec<String> =
            config.problems().iter().map(|problem| problem.split(": ").next().unwrap().to_owned()).collect();
        assert_eq!(
            keys,
            [
                "triage.base_url",
                "triage.daily_budget_usd",
                "triage.batch_max_tickets",
                "triage.policy.category",
                "triage.policy.tags",
            ]
        );
        config.triage.base_url = "http://localhost.evil.example".into();
        assert!(config.problems()[0].starts_with("triage.base_url"));
        config.triage.base_url = "http://127.0.0.1:4010/v1".into();
        assert!(!config.problems()[0].starts_with("triage.base_url"));
        assert!(TriagePolicy::Above(0.9).applies(0.95) && !TriagePolicy::Above(0.9).applies(0.8));
        assert!(!Config::defaults().triage.policy.category.applies(1.0));
    }

    /// D44: everything that is wrong is told at once, each with its key.
    #[test]
    fn all_problems_are_told_at_once() {
        let mut config = Config::defaults();
        config.server.listen = "everywhere".into();
        config.server.allowed_origins = vec!["desk.example".into()];
        config.server.operations_token = "short".into();
        config.session.max_message_bytes = 10;
        config.log.format = "xml".into();
        config.sla.policies[0].teams = vec!["sales".into()];
        config.sla.policies[0].resolution_min = Some(0);
        let problems = config.problems();
        for key in [
            "server.listen: `everywhere`",
            "server.allowed_origins: `desk.example`",
            "server.operations_token",
            "session.max_message_bytes: is 10, must be 1048576 to",
            "log.format",
            "sla.policies.Urgent: there is no team `sales`",
            "sla.policies.Urgent: resolution_min must be at least 1",
        ] {
            assert!(problems.iter().any(|problem| problem.starts_with(key)), "{key} is missing in {problems:#?}");
        }
        assert_eq!(problems.len(), 7, "{problems:#?}");
    }
}
