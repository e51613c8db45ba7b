//! Which tickets go together into one request, and what is asked again after an answer. Pure: called by whoever sends.

use super::answer::Answer;

/// A ticket that waits, as far as batches are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub tokens: usize,
    /// Its text was suspicious: it is asked alone.
    pub flagged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub tickets: usize,
    pub tokens: usize,
}

/// Places of `waiting` in batches, in order; a ticket above the budget of tokens goes alone.
pub fn plan(waiting: &[Waiting], limits: Limits) -> Vec<Vec<usize>> {
    let mut batches = Vec::new();
    let (mut open, mut tokens) = (Vec::new(), 0);
    for (place, ticket) in waiting.iter().enumerate() {
        if ticket.flagged {
            batches.push(vec![place]);
            continue;
        }
        if !open.is_empty() && (open.len() >= limits.tickets || tokens + ticket.tokens > limits.tokens) {
            batches.push(std::mem::take(&mut open));
            tokens = 0;
        }
        open.push(place);
        tokens += ticket.tokens;
    }
    batches.extend((!open.is_empty()).then_some(open));
    batches
}

/// Tickets that are asked together, and how often in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<T> {
    pub tickets: Vec<T>,
    /// Answers in a row that brought nothing.
    pub vain: u32,
}

/// Why a ticket is left to the learner; the code that stands in the ticket's `triage.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaveUp {
    Malformed,
    Missing,
    Empty,
    Filtered,
}

impl GaveUp {
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "answer_malformed",
            Self::Missing => "answer_incomplete",
            Self::Empty => "answer_empty",
            Self::Filtered => "content_filter",
        }
    }
}

/// What follows an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Next<T> {
    pub again: Vec<Group<T>>,
    pub given_up: Vec<(T, GaveUp)>,
}

/// Missing rows are asked again together; an answer that brought nothing halves the group; one alone is asked once more when it
/// was empty or missing, and is given up otherwise. So a group of `n` costs at most `4n` requests, however bad the answers are.
pub fn after<T>(group: Group<T>, answer: &Answer) -> Next<T> {
    let (wanted, reason): (Option<&[usize]>, GaveUp) = match answer {
        Answer::Rows { missing, .. } => (Some(missing), GaveUp::Missing),
        Answer::Empty | Answer::Overloaded => (None, GaveUp::Empty),
        Answer::Cut | Answer::Malformed => (None, GaveUp::Malformed),
        Answer::Filtered => (None, GaveUp::Filtered),
    };
    let all = group.tickets.len();
    let mut left = group.tickets;
    if let Some(missing) = wanted {
        let mut place = 0;
        left.retain(|_| {
            place += 1;
            missing.binary_search(&(place - 1)).is_ok()
        });
    }
    let mut next = Next { again: Vec::new(), given_up: Vec::new() };
    let vain = if left.len() < all { 0 } else { group.vain + 1 };
    match left.len() {
        0 => {}
        1 => {
            let worth_it = matches!(reason, GaveUp::Empty | GaveUp::Missing) && vain < 2;
            match left.pop() {
                Some(ticket) if worth_it => next.again.push(Group { tickets: vec![ticket], vain }),
                Some(ticket) => next.given_up.push((ticket, reason)),
                None => {}
            }
        }
        _ if vain == 0 => next.again.push(Group { tickets: left, vain }),
        count => {
            let second = left.split_off(count.div_ceil(2));
            next.again.extend([left, second].map(|tickets| Group { tickets, vain: 0 }));
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { tickets: 3, tokens: 100 };

    fn waiting(tokens: usize) -> Waiting {
        Waiting { tokens, flagged: false }
    }

    /// R24: batches keep to both limits, and a flagged ticket is asked alone.
    #[test]
    fn r24_batches_keep_to_their_limits() {
        assert_eq!(plan(&[waiting(10); 4], LIMITS), [vec![0, 1, 2], vec![3]]);
        assert_eq!(
            plan(&[waiting(60), waiting(50), waiting(500), waiting(1)], LIMITS),
            [vec![0], vec![1], vec![2], vec![3]]
        );
        let flagged = Waiting { tokens: 1, flagged: true };
        assert_eq!(plan(&[waiting(1), flagged, waiting(1)], LIMITS), [vec![1], vec![0, 2]]);
        assert!(plan(&[], LIMITS).is_empty());
    }

    fn group(tickets: &[u32]) -> Group<u32> {
        Group { tickets: tickets.to_vec(), vain: 0 }
    }

    fn rows(missing: &[usize]) -> Answer {
        Answer::Rows { verdicts: Vec::new(), missing: missing.to_vec(), discarded: 0 }
    }

    /// R25: what is missing is asked again, what brought nothing is halved, and one alone is given up with the reason.
    #[test]
    fn r25_missing_again_malformed_in_halves_single_given_up() {
        assert_eq!(after(group(&[1, 2, 3]), &rows(&[])), Next { again: vec![], given_up: vec![] });
        assert_eq!(after(group(&[1, 2, 3, 4]), &rows(&[1, 3])).again, [group(&[2, 4])]);
        for answer in [Answer::Cut, Answer::Malformed, Answer::Filtered, Answer::Empty, rows(&[0, 1, 2])] {
            assert_eq!(after(group(&[1, 2, 3]), &answer).again, [group(&[1, 2]), group(&[3])], "{answer:?}");
        }
        assert_eq!(after(group(&[1]), &Answer::Malformed).given_up, [(1, GaveUp::Malformed)]);
        assert_eq!(after(group(&[1]), &Answer::Filtered).given_up, [(1, GaveUp::Filtered)]);
        let once = after(group(&[1]), &Answer::Empty);
        assert_eq!(once.again, [Group { tickets: vec![1], vain: 1 }]);
        assert_eq!(after(once.again[0].clone(), &Answer::Empty).given_up, [(1, GaveUp::Empty)]);
    }

    proptest! {
        /// R25: however bad the answers are, every ticket ends, once, after a bounded number of requests.
        #[test]
        fn every_ticket_ends(count in 1usize..9, seed: u64) {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut open = vec![Group { tickets: (0..count).collect::<Vec<_>>(), vain: 0 }];
            let (mut ended, mut requests) = (Vec::new(), 0);
            while let Some(group) = open.pop() {
                requests += 1;
                let answer = match random.u8(..5) {
                    0 => Answer::Cut,
                    1 => Answer::Empty,
                    2 => Answer::Malformed,
                    _ => rows(&(0..group.tickets.len()).filter(|_| random.bool()).collect::<Vec<_>>()),
                };
                if let Answer::Rows { missing, .. } = &answer {
                    let answered = group.tickets.iter().enumerate().filter(|(at, _)| !missing.contains(at));
                    ended.extend(answered.map(|(_, ticket)| *ticket));
                }
                let next = after(group, &answer);
                ended.extend(next.given_up.iter().map(|(ticket, _)| *ticket));
                open.extend(next.again);
            }
            ended.sort_unstable();
            prop_assert_eq!(ended, (0..count).collect::<Vec<_>>());
            prop_assert!(requests <= 4 * count, "{} requests for {} tickets", requests, count);
        }
    }
}
