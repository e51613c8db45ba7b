//! How long things took, as a sketch of fixed relative error that can be merged, and from which a value can be taken out again.
//!
//! DDSketch (Masson, Rim, Lee: *DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees*, PVLDB 12(12),
//! 2019) with signed counts: an undone command takes its value back, which the crates that are about (sketches-ddsketch,
//! hdrhistogram) cannot do, or only at ten kilobytes a sketch. Bins are kept sorted and sparse: at most 1,450 of them for values
//! from a millisecond to a century.

/// A quantile is within this fraction of the true value.
pub const ERROR: f64 = 0.01;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch {
    /// Number of the bin and how many are in it, in order. Bin 0 holds what is below one millisecond.
    bins: Vec<(u16, i32)>,
    count: i64,
    sum: i128,
}

impl Sketch {
    /// Takes a value in, or out again with the weight -1.
    pub fn add(&mut self, value_ms: i64, weight: i32) {
        let bin = bin(value_ms);
        match self.bins.binary_search_by_key(&bin, |(own, _)| *own) {
            Ok(index) => {
                self.bins[index].1 += weight;
                if self.bins[index].1 == 0 {
                    self.bins.remove(index);
                }
            }
            Err(index) => self.bins.insert(index, (bin, weight)),
        }
        self.count += i64::from(weight);
        self.sum += i128::from(value_ms.max(0)) * i128::from(weight);
    }

    pub fn merge(&mut self, other: &Self) {
        if other.bins.is_empty() {
            return;
        }
        let mut merged = Vec::with_capacity(self.bins.len() + other.bins.len());
        let (mut left, mut right) = (self.bins.iter().peekable(), other.bins.iter().peekable());
        loop {
            match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a.0 == b.0 => {
                    if a.1 + b.1 != 0 {
                        merged.push((a.0, a.1 + b.1));
                    }
                    left.next();
                    right.next();
                }
                (Some(a), Some(b)) => {
                    merged.push(if a.0 < b.0 { **a } else { **b });
                    if a.0 < b.0 {
                        left.next()
                    } else {
                        right.next()
                    };
                }
                (Some(_), None) => merged.extend(left.by_ref()),
                (None, Some(_)) => merged.extend(right.by_ref()),
                (None, None) => break,
            }
        }
        self.bins = merged;
        self.count += other.count;
        self.sum += other.sum;
    }

    pub fn count(&self) -> i64 {
        self.count
    }

    /// The exact mean, in milliseconds.
    pub fn mean(&self) -> Option<i64> {
        (self.count > 0).then(|| (self.sum / i128::from(self.count)) as i64)
    }

    /// The value with rank `q * (count - 1)`, rounded down, to within [`ERROR`] of it; `None` of nothing.
    pub fn quantile(&self, q: f64) -> Option<i64> {
        if self.count <= 0 {
            return None;
        }
        let rank = (q * (self.count - 1) as f64).floor() as i64;
        let mut seen = 0;
        for (bin, count) in &self.bins {
            seen += i64::from(*count);
            if seen > rank {
                return Some(middle(*bin));
            }
        }
        self.bins.last().map(|(bin, _)| middle(*bin))
    }

    pub fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }
}

fn gamma() -> f64 {
    (1.0 + ERROR) / (1.0 - ERROR)
}

/// `ceil(log_gamma(value))`, shifted by one so that 0 is left for what is below a millisecond.
fn bin(value_ms: i64) -> u16 {
    if value_ms < 1 {
        return 0;
    }
    let place = ((value_ms as f64).ln() / gamma().ln()).ceil();
    1 + place as u16
}

/// The value whose relative distance to both ends of the bin is the same: `2 gamma^i / (gamma + 1)`.
fn middle(bin: u16) -> i64 {
    match bin {
        0 => 0,
        bin => (2.0 * gamma().powi(i32::from(bin) - 1) / (gamma() + 1.0)).round() as i64,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A11: every quantile is within one percent of the value with that rank, after merging and after taking values out.
        #[test]
        fn a11_quantiles_are_within_the_stated_error(
            kept in proptest::collection::vec(0..200_000_000_i64, 1..200),
            gone in proptest::collection::vec(0..200_000_000_i64, 0..50),
            split in any::<proptest::sample::Index>(),
            q in 0.0..1.0_f64,
        ) {
            let at = split.index(kept.len());
            let (mut left, mut right) = (Sketch::default(), Sketch::default());
            for value in &gone { left.add(*value, 1); }
            for value in &kept[..at] { left.add(*value, 1); }
            for value in &kept[at..] { right.add(*value, 1); }
            for value in &gone { right.add(*value, -1); }
            left.merge(&right);
            let mut sorted = kept.clone();
            sorted.sort_unstable();
            let exact = sorted[(q * (sorted.len() - 1) as f64).floor() as usize];
            let found = left.quantile(q).unwrap();
            prop_assert!((found - exact).abs() as f64 <= exact as f64 * ERROR + 1.0, "{found} for {exact}");
            prop_assert_eq!(left.count(), kept.len() as i64);
            prop_assert_eq!(left.mean(), Some(kept.iter().sum::<i64>() / kept.len() as i64));
        }
    }

    #[test]
    fn nothing_has_no_quantile() {
        let mut sketch = Sketch::default();
        assert_eq!((sketch.quantile(0.5), sketch.mean()), (None, None));
        sketch.add(1_000, 1);
        sketch.add(1_000, -1);
        assert_eq!((sketch.quantile(0.5), sketch.is_empty()), (None, true));
    }
}
