use crate::projections::board::Board; use std::sync::Arc;
pub struct Reads { b: parking_lot::RwLock<Board> }
impl Reads { pub fn board(&self) -> parking_lot::RwLockReadGuard<'_, Board> { self.b.read() }
 pub fn open(_: Arc<dyn crate::journal::Journal>, _: Option<&std::path::Path>, _: &crate::config::Config, _: crate::clock::Clock, _: tokio::sync::watch::Receiver<crate::domain::ids::Seq>) -> Result<Arc<Self>, crate::journal::JournalError> { panic!() }
 pub fn publish(&self, _: &[Arc<crate::journal::Committed>]) {}
 pub fn close(&self) {} }
