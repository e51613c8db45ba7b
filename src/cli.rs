//! The command line: what can be said, where each command lives, and which exit status stands for what.
//!
//! It holds no logic of its own: each command is one call into the part that it belongs to. Called by `main`.

mod configuration;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::import::{self, ImportArgs};

/// How a command ended, as its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    /// Wrong usage or configuration. clap uses the same status.
    Usage = 2,
    /// The journal is damaged.
    Damaged = 3,
    /// Storage failed while running.
    Storage = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

const STATUS: &str = "Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 the journal is damaged, 4 storage \
                      failed while running.";

/// A real-time support desk: many people, one queue, every change on every screen the moment it is on disk.
#[derive(Debug, Parser)]
#[command(name = "hotdesk", version, after_help = STATUS, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Brings tickets in from a CSV or NDJSON file
    Import(ImportArgs),
    /// Checks or prints the configuration that `serve` would use
    Config(ConfigArgs),
}

/// Checks or prints the configuration that `serve` would use.
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub action: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Says everything that is wrong with the configuration; status 2 if anything is
    #[command(after_help = "Example:\n  HOTDESK__SERVER__WORKERS=4 hotdesk config check --config desk.toml")]
    Check {
        /// A TOML file that goes over the defaults
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Prints the configuration as TOML, with secrets hidden
    #[command(after_help = "Example:\n  hotdesk config print --config desk.toml")]
    Print {
        /// A TOML file that goes over the defaults
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Reads the process's arguments and does what they say.
pub fn run() -> ExitCode {
    dispatch(Cli::parse()).into()
}

fn dispatch(cli: Cli) -> Exit {
    match cli.command {
        Some(Command::Import(args)) => import::run(&args),
        Some(Command::Config(args)) => configuration::run(&args.action),
        None => Exit::Usage,
    }
}
