//! `hotdesk serve`: puts the command line over the configuration, starts the log, and runs the desk.

use std::sync::Arc;

use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use super::{Exit, ServeArgs};
use crate::app::serve::{ServeOptions, serve};
use crate::app::{Secrets, ServeError};
use crate::clock::Clock;
use crate::cloud_log::{self, CloudFormat, KeepFields};
use crate::config::{Config, ConfigError, Log};
use crate::errors::{Damped, Damper, Gather};
use crate::journal::cli::advice;

pub fn run(args: &ServeArgs) -> Exit {
    let config = match configured(args) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("hotdesk: {error}");
            return Exit::Usage;
        }
    };
    let damper = match start_log(&config.log) {
        Ok(damper) => damper,
        Err(error) => {
            eprintln!("hotdesk: the configuration is not usable:\n  log.filter: {error}");
            return Exit::Usage;
        }
    };
    match serve(config, ServeOptions { demo: args.demo, secrets: Secrets::from_env(), damper }) {
        Ok(()) => Exit::Done,
        Err(error) => {
            eprintln!("hotdesk: {error}");
            if let ServeError::Damaged(error) = &error
                && let Some(advice) = advice(error)
            {
                eprintln!("{advice}");
            }
            (&error).into()
        }
    }
}

fn configured(args: &ServeArgs) -> Result<Config, ConfigError> {
    let mut config = Config::load(args.config.as_deref())?;
    if let Some(data) = &args.data {
        config.server.data.clone_from(data);
    }
    if let Some(listen) = &args.listen {
        config.server.listen.clone_from(listen);
    }
    let problems = config.problems();
    if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
}

/// Logs go to stderr: stdout says where the desk listens.
fn start_log(log: &Log) -> Result<Arc<Damper>, tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let damper = Arc::new(Damper::new(log.lines_per_s, Clock::system()));
    let registry = tracing_subscriber::registry().with(filter).with(Gather);
    if log.format == "json" {
        let mut project = log.project.clone();
        if project.is_empty() {
            project = std::env::var("GOOGLE_CLOUD_PROJECT").unwrap_or_default();
        }
        let lines = fmt::layer().with_writer(std::io::stderr).event_format(CloudFormat { project });
        registry.with(KeepFields).with(lines.with_filter(Damped(Arc::clone(&damper)))).init();
    } else {
        let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
        registry.with(lines.with_filter(Damped(Arc::clone(&damper)))).init();
    }
    std::panic::set_hook(Box::new(cloud_log::log_panic));
    Ok(damper)
}
