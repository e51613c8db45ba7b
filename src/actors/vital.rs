//! A life line for what the desk cannot be without: its end, by a panic or otherwise, is told at once.

use std::sync::Arc;

/// Told the name of what died.
pub type OnDeath = Arc<dyn Fn(&'static str) + Send + Sync>;

/// Held by an actor; dropped with it. A panic in a handler unwinds the actor, and this with it.
pub struct Vital {
    name: &'static str,
    on_death: OnDeath,
}

impl Vital {
    pub fn new(name: &'static str, on_death: OnDeath) -> Self {
        Self { name, on_death }
    }
}

impl Drop for Vital {
    fn drop(&mut self) {
        (self.on_death)(self.name);
    }
}
