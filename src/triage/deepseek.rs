//! What is asked of DeepSeek and what is made of its answers, as far as possible as pure code: the bytes of a request, the rows of an answer, which
//! faults mean what, when to ask again, when to stop asking, and what it has cost.
//!
//! Only `client` has a socket, and nothing has a clock: times and randomness are handed in. A ticket's text is hostile, and so is the answer:
//! nothing that either says can be more than a value of a closed list or a bounded string.

pub mod answer;
pub mod asking;
pub mod batch;
pub mod breaker;
pub mod clean;
pub mod client;
pub mod draft;
pub mod fault;
pub mod ledger;
pub mod prompt;
pub mod retry;
pub mod sent;
pub mod stream;
