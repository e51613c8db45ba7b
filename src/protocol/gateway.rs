//! The door to the desk: everybody's commands go through it, from HTTP, the WebSocket, bulk calls and the desk's own parts.
//!
//! A trait, so that the edges know nothing of actors. Implemented by `actors`; whoever implements it decides, makes durable,
//! and remembers keyed commands.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use super::problem::Problem;
use super::views::QueueView;
use crate::domain::command::Command;
use crate::domain::ids::{CommandId, Seq, TicketId, Version};
use crate::domain::message::Message;
use crate::domain::permissions::Principal;
use crate::domain::state::TicketState;
use crate::domain::ticket::Ticket;

/// A command on its way to a ticket or to the queue.
#[derive(Clone, Debug)]
pub struct Order {
    pub principal: Arc<Principal>,
    pub command_id: CommandId,
    /// The id was given by the client, so the command is remembered and a repeat gets the first answer.
    pub keyed: bool,
    /// It came by WebSocket, so that the desk can see the caller vanish.
    pub live: bool,
    /// `None` only for `create` and `claim_next`.
    pub ticket: Option<TicketId>,
    /// Any other version of the ticket refuses the command.
    pub expect: Option<Version>,
    pub command: Command,
}

/// One command for many tickets.
#[derive(Clone, Debug)]
pub struct BulkOrder {
    pub principal: Arc<Principal>,
    /// That of each part is `<this>:<ticket>`.
    pub command_id: CommandId,
    /// As with [`Order::keyed`]; tickets and command are what is compared.
    pub keyed: bool,
    pub tickets: Vec<TicketId>,
    pub command: Command,
}

/// Each ticket's outcome, in the order given.
pub type BulkDone = Vec<(TicketId, Result<Done, Problem>)>;

/// A command that is on disk, or that had nothing to change.
#[derive(Clone, Debug)]
pub struct Done {
    /// Of the command's last record; where nothing changed, of the ticket's last record.
    pub seq: Seq,
    /// Of the ticket after the command.
    pub version: Version,
    /// The ticket after the command; `None` where `claim_next` found nothing.
    pub ticket: Option<After>,
    /// The message that the command added.
    pub message: Option<Message>,
    /// This is the first answer to the same command, given again.
    pub replayed: bool,
}

/// A ticket as a command left it.
#[derive(Clone, Debug)]
pub enum After {
    /// Shared with the ticket itself: most callers look at little of it.
    Now(Arc<TicketState>),
    /// Read again for a repeat of the command.
    Then(Arc<Ticket>),
}

impl Deref for After {
    type Target = Ticket;

    fn deref(&self) -> &Ticket {
        match self {
            Self::Now(state) => &state.ticket,
            Self::Then(ticket) => ticket,
        }
    }
}

/// An answer that takes a while. It may outlive the borrow of the service that gives it.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send>>;

pub trait Gateway: Send + Sync {
    /// Decides, makes durable, answers. A fault is a problem too (`overloaded`, `storage_full`, `unavailable`).
    fn execute(&self, order: Order) -> Pending<Done>;

    /// Carries out each part. Refused as a whole only before the first part, and for the key.
    fn bulk(&self, order: BulkOrder) -> Pending<BulkDone>;

    /// The first `limit` tickets of those that the principal sees, in the order in which they will be handed out.
    fn queue(&self, limit: usize, principal: &Arc<Principal>) -> Pending<QueueView>;
}
