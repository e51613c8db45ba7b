//! Pure folds over the journal that questions are answered from: the board, the queue, the search index, the past,
//! the figures.
//!
//! None of them decides anything or talks to anybody; each knows the seq up to which it has read. `board` and `queue` know
//! only the domain; `search` and `past` also read the journal. Called by `reads` and by the actors.

pub mod analytics;
pub mod board;
pub mod past;
pub mod queue;
pub mod search;
