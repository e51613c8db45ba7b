//! When a call is tried again: at most so often, after a pause between nothing and a growing bound ("full jitter"), never
//! sooner than the service asked, and never beyond the deadline of the whole.

/// The bounds of trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Calls altogether.
    pub tries: u32,
    pub base_ms: i64,
    pub most_ms: i64,
    /// The learner takes over at once when the service asks for more than this.
    pub patience_ms: i64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { tries: 3, base_ms: 500, most_ms: 10_000, patience_ms: 60_000 }
    }
}

impl RetryPolicy {
    /// The pause before the next try, after `tried` calls; `None`: no more. `left_ms` is what is left of the deadline.
    pub fn pause_ms(&self, tried: u32, asked_ms: Option<i64>, left_ms: i64, random: &mut fastrand::Rng) -> Option<i64> {
        if tried >= self.tries || asked_ms.is_some_and(|asked| asked > self.patience_ms) {
            return None;
        }
        let bound = self.base_ms.saturating_mul(1 << tried.saturating_sub(1).min(20)).min(self.most_ms);
        let pause = asked_ms.unwrap_or(0) + random.i64(0..=bound.max(0));
        (pause < left_ms).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// R27: three tries, and a wait of more than a minute is none.
    #[test]
    fn r27_tries_and_patience_are_bounded() {
        let policy = RetryPolicy::default();
        let mut random = fastrand::Rng::with_seed(1);
        assert!(policy.pause_ms(1, None, 60_000, &mut random).is_some());
        assert_eq!(policy.pause_ms(3, None, 60_000, &mut random), None);
        assert_eq!(policy.pause_ms(1, Some(60_001), i64::MAX, &mut random), None);
        assert_eq!(policy.pause_ms(1, Some(5_000), 5_000, &mut random), None, "beyond the deadline");
    }

    proptest! {
        #[test]
        fn the_pause_lies_between_what_was_asked_and_the_bound(tried in 1u32..3, asked in 0i64..60_000, seed: u64) {
            let policy = RetryPolicy::default();
            let mut random = fastrand::Rng::with_seed(seed);
            let pause = policy.pause_ms(tried, Some(asked), i64::MAX, &mut random).unwrap();
            prop_assert!(pause >= asked && pause <= asked + 500 * (1 << (tried - 1)), "{}", pause);
        }
    }
}
