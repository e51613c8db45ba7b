//! `hotdesk config check|print`.

use std::io::Write;

use super::{ConfigAction, Exit};
use crate::app::rules;
use crate::config::{Config, ConfigError};

pub fn run(action: &ConfigAction) -> Exit {
    let (file, print) = match action {
        ConfigAction::Check { config } => (config, false),
        ConfigAction::Print { config } => (config, true),
    };
    let loaded = Config::load(file.as_deref()).and_then(|config| match rules::from_config(&config) {
        Ok(_) => Ok(config),
        Err(problems) => Err(ConfigError { problems: problems.lines().map(str::to_owned).collect() }),
    });
    match loaded {
        Ok(config) => {
            let text = if print { config.print() } else { "The configuration is fine.\n".to_owned() };
            match std::io::stdout().write_all(text.as_bytes()) {
                Ok(()) => Exit::Done,
                Err(_) => Exit::Failed,
            }
        }
        Err(error) => {
            eprintln!("hotdesk: {error}");
            Exit::Usage
        }
    }
}
