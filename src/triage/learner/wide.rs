//! Runs a loop with the widest vectors that this processor has. Nothing is fused or reordered, so the result is the same bit for
//! bit on all of them.

use std::sync::LazyLock;

use pulp::{Arch, NullaryFnOnce};

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// `work` is a struct whose `call` is inlined: a closure would be compiled for the plainest processor.
pub fn wide(work: impl NullaryFnOnce<Output = ()>) {
    ARCH.dispatch(work);
}
