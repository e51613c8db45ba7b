//! `hotdesk serve`: puts the command line over the configuration, starts the log, and runs the desk.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::{Exit, ServeArgs};
use crate::app::ServeError;
use crate::app::serve::{ServeOptions, serve};
use crate::config::{Config, ConfigError, Log};
use crate::journal::cli::advice;
use crate::people::AdminSeed;

pub fn run(args: &ServeArgs) -> Exit {
    let config = match configured(args) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("hotdesk: {error}");
            return Exit::Usage;
        }
    };
    if let Err(error) = start_log(&config.log) {
        eprintln!("hotdesk: the configuration is not usable:\n  log.filter: {error}");
        return Exit::Usage;
    }
    match serve(config, ServeOptions { demo: args.demo, admin: AdminSeed::from_env() }) {
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
fn start_log(log: &Log) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if log.format == "json" {
        registry.with(layer.json().flatten_event(true)).init();
    } else {
        registry.with(layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).init();
    }
    Ok(())
}
