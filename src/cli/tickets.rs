//! `hotdesk import`.

use super::Exit;
use crate::import::{self, ImportArgs, ImportError};

pub fn run(args: &ImportArgs) -> Exit {
    match import::run(args) {
        Ok(outcome) if outcome.stopped.is_none() && outcome.refused == 0 => Exit::Done,
        Ok(_) => Exit::Failed,
        Err(error) => {
            eprintln!("hotdesk import: {error}");
            match &error {
                ImportError::Usage(_) | ImportError::Map(_) => Exit::Usage,
                ImportError::File { .. } | ImportError::Desk(_) => Exit::Failed,
                ImportError::Folder { source, .. } => source.into(),
            }
        }
    }
}
