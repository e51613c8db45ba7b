//! Waiting for storage on a thread that may block, for no longer than the desk is there. Whoever leaves says so once, and every wait and
//! every write of a copy that is under way ends with an error: a copy without its sheet does not count, so nothing is lost by that.

use std::future::Future;
use std::io::{self, Write};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::storage::StorageError;

const LEAVING: &str = "the desk is leaving";

/// Where calls to a [`Storage`](crate::storage::Storage) run. Cheap to clone; all clones leave together.
#[derive(Clone)]
pub struct Waits {
    runtime: Handle,
    left: Arc<watch::Sender<bool>>,
}

impl Waits {
    pub fn new(runtime: Handle) -> Self {
        Self { runtime, left: Arc::new(watch::Sender::new(false)) }
    }

    /// Ends what is under way and refuses what comes later.
    pub fn leave(&self) {
        self.left.send_replace(true);
    }

    pub fn has_left(&self) -> bool {
        *self.left.borrow()
    }

    /// # Errors
    /// What `work` says, and that the desk is leaving.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T, StorageError>>) -> Result<T, StorageError> {
        let mut left = self.left.subscribe();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                _ = left.wait_for(|left| *left) => Err(StorageError::Failed(LEAVING.to_owned())),
                outcome = work => outcome,
            }
        })
    }

    /// Writes there until the desk leaves.
    pub fn writer<'a>(&'a self, out: &'a mut dyn Write) -> impl Write + use<'a> {
        Writer { waits: self, out }
    }
}

struct Writer<'a> {
    waits: &'a Waits,
    out: &'a mut dyn Write,
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waits.has_left() {
            return Err(io::Error::other(LEAVING));
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// J96: a copy that is under way ends when the desk leaves, whatever it waits for.
    #[test]
    fn j96_what_waits_ends_when_the_desk_leaves() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let waits = Waits::new(runtime.handle().clone());
        let mut out = Vec::new();
        waits.writer(&mut out).write_all(b"before").unwrap();
        assert_eq!(waits.block_on(async { Ok(1) }).unwrap(), 1);
        let (sender, begun) = std::sync::mpsc::channel();
        let stuck = std::thread::spawn({
            let waits = waits.clone();
            move || {
                waits.block_on(async {
                    sender.send(()).unwrap();
                    std::future::pending::<Result<(), StorageError>>().await
                })
            }
        });
        begun.recv().unwrap();
        waits.leave();
        assert!(stuck.join().unwrap().unwrap_err().to_string().contains("leaving"));
        assert!(waits.writer(&mut out).write_all(b"after").is_err());
        assert!(waits.block_on(async { Ok(()) }).is_err());
        assert_eq!(out, b"before");
    }
}
