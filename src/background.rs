//! Threads that nobody waits for stand back behind those that answer people.

/// How far, as Unix counts it: beside a thread that answers, such a one gets a thirtieth of a busy core.
const NICE: i32 = 15;

/// The calling thread stands back for as long as it lives, and so do the threads that it starts from now on.
///
/// Where the system does not allow it, the thread runs as all others: what it does is bounded anyway.
pub fn stand_back() {
    let further = rustix::process::getpriority_process(None).and_then(|now| {
        // One that stands back further already stays there.
        if now < NICE { rustix::process::setpriority_process(None, NICE) } else { Ok(()) }
    });
    if let Err(error) = further {
        tracing::debug!(%error, "a thread in the background runs at the same priority as everything else");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L33: what stands back is that thread and what it starts, and no other.
    #[test]
    fn l33_a_thread_stands_back_alone() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let child = std::thread::spawn(move || {
            stand_back();
            (nice(), std::thread::spawn(nice).join().unwrap())
        });
        let expected = before.max(NICE);
        assert_eq!(child.join().unwrap(), (expected, expected));
        assert_eq!(nice(), before);
    }
}
