//! What the service has cost today, and whether the budget allows one more call. Money is counted in whole billionths of a dollar,
//! so nothing is lost by rounding. A call reserves its upper estimate first, so that calls at the same time cannot pass the budget
//! together; what is reserved is kept with what is spent, so that a crash in the middle of a call loses no money from sight. The
//! day is that of UTC.

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// Billionths of a dollar for one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    pub hit: u64,
    pub miss: u64,
    pub output: u64,
}

impl Default for Prices {
    /// `deepseek-flash` at its peak price: the ledger never shows less than what is billed.
    fn default() -> Self {
        Self { hit: 6, miss: 300, output: 1200 }
    }
}

/// As the service reports it; `hit + miss` are all tokens of the prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    #[serde(rename = "prompt_cache_hit_tokens", default)]
    pub hit: u64,
    #[serde(rename = "prompt_cache_miss_tokens", default)]
    pub miss: u64,
    #[serde(rename = "completion_tokens", default)]
    pub output: u64,
}

impl Usage {
    pub fn add(&mut self, more: Self) {
        self.hit += more.hit;
        self.miss += more.miss;
        self.output += more.output;
    }
}

impl Prices {
    pub fn cost(&self, usage: Usage) -> u64 {
        usage.hit * self.hit + usage.miss * self.miss + usage.output * self.output
    }
}

/// Money that is set aside for a call that is out.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what was reserved is settled or given back"]
pub struct Reserved {
    nanodollars: u64,
    day: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    budget: u64,
    day: i64,
    spent: u64,
    #[serde(default)]
    reserved: u64,
    /// Since the desk knows the service, for the metrics.
    pub total: Usage,
    /// Of this, what sorting took.
    #[serde(default)]
    pub sorting: Sorting,
    /// Tickets that were asked about a second time, because the first answer was lost in a crash.
    #[serde(default)]
    pub asked_again: u64,
}

/// What sorting took and gave, in one breath, so that a cost for each ticket is that of these tickets, over restarts too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sorting {
    /// Requests that were answered, and those that were not.
    pub requests: u64,
    /// Tickets with a verdict.
    pub tickets: u64,
    pub used: Usage,
}

impl Ledger {
    /// `daily_budget_usd` of 0 allows nothing.
    pub fn new(daily_budget_usd: f64) -> Self {
        let budget = (daily_budget_usd.max(0.0) * 1e9) as u64;
        Self {
            budget,
            day: 0,
            spent: 0,
            reserved: 0,
            total: Usage::default(),
            asked_again: 0,
            sorting: Sorting::default(),
        }
    }

    /// Whether a call of this size would be let out.
    pub fn has_room_for(&mut self, now: Timestamp, prices: Prices, most: Usage) -> bool {
        self.turn(now);
        self.spent + self.reserved + prices.cost(most) <= self.budget
    }

    /// What a restart goes on with: what was spent stays spent, and so is what was reserved for calls that were out, because they may
    /// have been billed. The budget is that of the configuration.
    #[must_use]
    pub fn resumed(mut self, kept: &Self) -> Self {
        (self.day, self.spent) = (kept.day, kept.spent.saturating_add(kept.reserved));
        (self.total, self.sorting, self.asked_again) = (kept.total, kept.sorting, kept.asked_again);
        self
    }

    /// Sets money aside, or says that today's budget does not allow it.
    pub fn reserve(&mut self, now: Timestamp, prices: Prices, most: Usage) -> Option<Reserved> {
        self.turn(now);
        let nanodollars = prices.cost(most);
        if self.spent + self.reserved + nanodollars > self.budget {
            return None;
        }
        self.reserved += nanodollars;
        Some(Reserved { nanodollars, day: self.day })
    }

    /// The call ended: what it used is spent, on the day that it ends. `None` when the service did not say: then the whole
    /// estimate is spent, because it may have been billed.
    pub fn settle(&mut self, now: Timestamp, prices: Prices, reserved: Reserved, used: Option<Usage>) {
        self.turn(now);
        if reserved.day == self.day {
            self.reserved = self.reserved.saturating_sub(reserved.nanodollars);
        }
        self.spent += used.map_or(reserved.nanodollars, |used| prices.cost(used));
        self.total.add(used.unwrap_or_default());
    }

    /// The call never went out, or was refused before it cost anything.
    pub fn give_back(&mut self, reserved: Reserved) {
        if reserved.day == self.day {
            self.reserved = self.reserved.saturating_sub(reserved.nanodollars);
        }
    }

    pub fn spent_today_usd(&self, now: Timestamp) -> f64 {
        if day_of(now) == self.day { self.spent as f64 / 1e9 } else { 0.0 }
    }

    /// Of the prompts' tokens; `None` before the first call.
    pub fn cache_hit_ratio(&self) -> Option<f64> {
        let prompt = self.total.hit + self.total.miss;
        (prompt > 0).then(|| self.total.hit as f64 / prompt as f64)
    }

    fn turn(&mut self, now: Timestamp) {
        let day = day_of(now);
        // A clock that was set back does not give a second budget.
        if day > self.day {
            (self.day, self.spent, self.reserved) = (day, 0, 0);
        }
    }
}

fn day_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOON: Timestamp = Timestamp::from_millis(DAY_MS * 20_000 + DAY_MS / 2);
    const PRICES: Prices = Prices { hit: 6, miss: 300, output: 1200 };

    fn usage(hit: u64, miss: u64, output: u64) -> Usage {
        Usage { hit, miss, output }
    }

    /// R29: calls at the same time cannot pass the day's budget together, and the next day begins anew.
    #[test]
    fn r29_the_days_budget_holds() {
        let mut ledger = Ledger::new(0.001);
        let most = usage(0, 1000, 250);
        assert_eq!(PRICES.cost(most), 600_000);
        let first = ledger.reserve(NOON, PRICES, most).unwrap();
        assert_eq!(ledger.reserve(NOON, PRICES, most), None);
        ledger.settle(NOON, PRICES, first, Some(usage(900, 100, 100)));
        assert!((ledger.spent_today_usd(NOON) - 0.000_155_4).abs() < 1e-12);
        assert_eq!(ledger.cache_hit_ratio(), Some(0.9));
        let second = ledger.reserve(NOON, PRICES, most).unwrap();
        ledger.settle(NOON, PRICES, second, None);
        assert!((ledger.spent_today_usd(NOON) - 0.000_755_4).abs() < 1e-12, "unknown use counts as the whole estimate");
        assert_eq!(ledger.reserve(NOON, PRICES, most), None);
        let tomorrow = NOON.plus_millis(DAY_MS);
        assert!(ledger.spent_today_usd(tomorrow).abs() < 1e-12);
        let third = ledger.reserve(tomorrow, PRICES, most).unwrap();
        assert_eq!(ledger.reserve(NOON, PRICES, most), None, "a clock set back gives no second budget");
        ledger.give_back(third);
        assert!(ledger.reserve(tomorrow, PRICES, most).is_some());
    }

    /// R66: a call that was out when the desk died is spent as it was estimated, once.
    #[test]
    fn r66_what_was_out_is_spent() {
        let mut ledger = Ledger::new(1.0);
        let done = ledger.reserve(NOON, PRICES, usage(0, 1000, 0)).unwrap();
        ledger.settle(NOON, PRICES, done, Some(usage(1000, 0, 0)));
        let _out = ledger.reserve(NOON, PRICES, usage(0, 1000, 250)).unwrap();
        ledger.asked_again = 3;
        let kept: Ledger = serde_json::from_str(&serde_json::to_string(&ledger).unwrap()).unwrap();
        let resumed = Ledger::new(0.000_606).resumed(&kept);
        assert!((resumed.spent_today_usd(NOON) - 0.000_606).abs() < 1e-12);
        assert_eq!((resumed.asked_again, resumed.total), (3, usage(1000, 0, 0)));
        let again = Ledger::new(1.0).resumed(&resumed);
        assert!((again.spent_today_usd(NOON) - 0.000_606).abs() < 1e-12, "a second restart spends nothing more");
        // A ledger from before knows neither.
        let old: Ledger =
            serde_json::from_str(r#"{"budget":5,"day":20000,"spent":7,"total":{"prompt_cache_hit_tokens":1}}"#)
                .unwrap();
        assert_eq!((old.reserved, old.asked_again, old.spent), (0, 0, 7));
    }

    /// R29: what a ticket costs is counted over restarts, and of the tickets that the money went into.
    #[test]
    fn r29_a_restart_forgets_no_ticket_that_was_paid_for() {
        let mut ledger = Ledger::new(1.0);
        let reserved = ledger.reserve(NOON, PRICES, usage(0, 1000, 250)).unwrap();
        ledger.settle(NOON, PRICES, reserved, Some(usage(900, 100, 100)));
        ledger.sorting = Sorting { requests: 1, tickets: 4, used: usage(900, 100, 100) };
        let kept: Ledger = serde_json::from_slice(&serde_json::to_vec(&ledger).unwrap()).unwrap();
        let resumed = Ledger::new(2.0).resumed(&kept);
        assert_eq!((resumed.sorting, resumed.total), (ledger.sorting, ledger.total));
        // One that was kept before this was counted has no tickets and no cost of them.
        let old = r#"{"budget":1,"day":3,"spent":7,"total":{"prompt_cache_hit_tokens":5}}"#;
        let old: Ledger = serde_json::from_str(old).unwrap();
        assert_eq!((old.sorting, old.total.hit), (Sorting::default(), 5));
    }

    #[test]
    fn no_budget_allows_nothing_and_usage_is_read_as_it_is_sent() {
        assert_eq!(Ledger::new(0.0).reserve(NOON, PRICES, usage(0, 1, 0)), None);
        let sent =
            r#"{"prompt_tokens":30,"prompt_cache_hit_tokens":20,"prompt_cache_miss_tokens":10,"completion_tokens":5}"#;
        assert_eq!(serde_json::from_str::<Usage>(sent).unwrap(), usage(20, 10, 5));
    }

    proptest! {
        /// R29: whatever calls come and end, what is spent never passes the budget.
        #[test]
        fn spending_never_passes_the_budget(calls in prop::collection::vec((0u64..5000, 0u64..500, 0u8..4), 1..60)) {
            let mut ledger = Ledger::new(0.002);
            let mut out = Vec::new();
            for (miss, output, end) in calls {
                let most = usage(0, miss, output);
                out.extend(ledger.reserve(NOON, PRICES, most).map(|reserved| (reserved, most)));
                if end == 0 && let Some((reserved, most)) = out.pop() {
                    ledger.settle(NOON, PRICES, reserved, Some(usage(most.miss / 2, most.miss - most.miss / 2, most.output)));
                } else if end == 1 && let Some((reserved, _)) = out.pop() {
                    ledger.give_back(reserved);
                }
            }
            for (reserved, _) in out {
                ledger.settle(NOON, PRICES, reserved, None);
            }
            prop_assert!(ledger.spent_today_usd(NOON) <= 0.002);
        }
    }
}
