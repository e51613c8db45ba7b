//! The command line: what can be said, where each command lives, and which exit status stands for what.
//!
//! It holds no logic of its own: each command is one call into the part that it belongs to. Called by `main`.

mod backup;
mod configuration;
mod health;
mod serve;
mod tickets;
mod triage;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::ServeError;
use crate::import::ImportArgs;
use crate::journal::cli::{self as journal, JournalCommand};
use backup::{AuditCommand, BackupArgs, EraseArgs, RestoreArgs};
use health::HealthArgs;
use triage::TriageCommand;

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

const HELP: &str = "\
Without a command it serves. Examples:
  hotdesk                                   a desk in ./hotdesk-data, on http://127.0.0.1:8080
  hotdesk serve --demo --data demo-data     the same with made-up customers and colleagues
  hotdesk backup --data hotdesk-data desk.ndjson.zst

Environment: HOTDESK__SECTION__KEY for any key of the configuration (`hotdesk config print` shows them), HOTDESK_PROFILE,
PORT; DEEPSEEK_API_KEY and DEEPSEEK_BASE_URL for triage by DeepSeek; for the first administrator HOTDESK_ADMIN_EMAIL with HOTDESK_ADMIN_PASSWORD, or HOTDESK_ADMIN_TOKEN.

Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 the journal is damaged, 4 storage failed while running.";

/// A real-time support desk: many people, one queue, every change on every screen the moment it is on disk.
#[derive(Debug, Parser)]
#[command(name = "hotdesk", version, after_help = HELP, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the desk (the default)
    #[command(after_help = "Example:\n  hotdesk serve --data hotdesk-data --listen 127.0.0.1:8080")]
    Serve(ServeArgs),
    /// Brings tickets in from a CSV or NDJSON file
    Import(ImportArgs),
    /// Looks after the journal of a desk that stands still
    #[command(subcommand, after_help = "Example:\n  hotdesk journal verify --data hotdesk-data")]
    Journal(JournalCommand),
    /// Copies the whole desk into one file, or what is new of it into a place
    Backup(BackupArgs),
    /// Makes a desk out of a backup, in a folder that has none
    Restore(RestoreArgs),
    /// Takes texts, names and files of tickets out of a desk that stands still
    Erase(EraseArgs),
    /// Looks after the audit log
    #[command(subcommand, after_help = "Example:\n  hotdesk audit verify --data hotdesk-data")]
    Audit(AuditCommand),
    /// Measures the learner that triage uses, on labelled files
    #[command(subcommand, after_help = "Example:\n  hotdesk triage eval --train train.csv --test test.csv")]
    Triage(TriageCommand),
    /// Checks or prints the configuration that `serve` would use
    #[command(after_help = "Example:\n  hotdesk config check --config desk.toml")]
    Config(ConfigArgs),
    /// Asks the desk on this machine whether it takes work: status 0 if it does
    Health(HealthArgs),
}

/// Where and how the desk runs.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// A TOML file that goes over the defaults
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder with everything that the desk knows [default: hotdesk-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Fills an empty desk with made-up people and two weeks of tickets, and keeps life coming
    #[arg(long)]
    pub demo: bool,
}

/// Checks or prints the configuration that `serve` would use.
#[derive(Args, Debug)]
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
    let (mut out, mut err) = (io::stdout(), io::stderr());
    match cli.command {
        None => serve::run(&cli.serve),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Import(args)) => tickets::run(&args),
        Some(Command::Journal(command)) => journal::run(command, &mut out, &mut err).into(),
        Some(Command::Backup(args)) => backup::backup(&args, &mut out, &mut err),
        Some(Command::Restore(args)) => backup::restore(&args, &mut err),
        Some(Command::Erase(args)) => backup::erase(&args, &mut err),
        Some(Command::Audit(command)) => backup::audit(&command, &mut out, &mut err),
        Some(Command::Triage(command)) => triage::run(&command, &mut out, &mut err),
        Some(Command::Config(args)) => configuration::run(&args.action),
        Some(Command::Health(args)) => health::run(&args),
    }
}

impl From<journal::Exit> for Exit {
    fn from(exit: journal::Exit) -> Self {
        match exit {
            journal::Exit::Done => Self::Done,
            journal::Exit::Failed => Self::Failed,
            journal::Exit::Usage => Self::Usage,
            journal::Exit::Damaged => Self::Damaged,
        }
    }
}

impl From<&ServeError> for Exit {
    fn from(error: &ServeError) -> Self {
        match error {
            ServeError::Config(_) => Self::Usage,
            ServeError::Damaged(_) => Self::Damaged,
            ServeError::Storage(_) => Self::Storage,
            ServeError::Failed(_) => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn clap_finds_nothing_wrong() {
        Cli::command().debug_assert();
    }

    /// D45: serving is the default command, with the same options as `serve`.
    #[test]
    fn serving_is_the_default() {
        let bare = parse("hotdesk --demo --listen 127.0.0.1:0").unwrap();
        assert!(bare.command.is_none() && bare.serve.demo);
        let Some(Command::Serve(args)) = parse("hotdesk serve --data d --listen 127.0.0.1:0").unwrap().command else {
            panic!("serve is a command")
        };
        assert_eq!((args.data, args.listen.as_deref()), (Some("d".into()), Some("127.0.0.1:0")));
        assert!(parse("hotdesk --demo journal verify").is_err());
    }

    /// D46: every command explains itself with an example.
    #[test]
    fn every_command_has_an_example() {
        fn walk(command: &mut clap::Command, seen: &mut usize) {
            let name = command.get_name().to_owned();
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example"), "{name} has no example");
            *seen += 1;
            for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
                walk(sub, seen);
            }
        }
        let mut seen = 0;
        walk(&mut Cli::command(), &mut seen);
        assert!(seen > 12, "{seen}");
    }

    #[test]
    fn wrong_usage_has_its_own_status() {
        for line in ["hotdesk nonsense", "hotdesk serve --nonsense", "hotdesk import", "hotdesk journal"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
