//! The demo desk: made-up people, two weeks of tickets, and life that goes on while somebody looks at it.

mod cast;
mod history;
mod plot;
mod story;
