//! The door to triage: what the desk makes of texts, how well it does, and drafts. The judging of proposals are commands and go
//! through [`super::gateway`].
//!
//! A trait, so that the edges know nothing of actors or learners. What the principal may not see is in no answer.

use std::pin::Pin;

use futures_util::Stream;

use super::reading::Answer;
use super::views::triage::{DraftEvent, Similar, TriageStats, TriedTriage, TryTriage};
use crate::domain::ids::TicketId;
use crate::domain::permissions::Principal;

/// Pieces of a draft, as they are written. Dropping it ends the work.
pub type Draft = Pin<Box<dyn Stream<Item = DraftEvent> + Send>>;

pub trait Triaging: Send + Sync {
    /// Solved tickets that resemble this one; `triage_off` where nobody keeps them.
    fn similar<'a>(&'a self, id: TicketId, principal: &'a Principal) -> Answer<'a, Similar>;

    fn stats<'a>(&'a self, principal: &'a Principal) -> Answer<'a, TriageStats>;

    fn try_text<'a>(&'a self, text: TryTriage, principal: &'a Principal) -> Answer<'a, TriedTriage>;

    /// Begins a reply draft. Refused with `drafts_off` or `draft_unavailable` before anything is streamed.
    fn draft<'a>(&'a self, id: TicketId, principal: &'a Principal) -> Answer<'a, Draft>;
}
