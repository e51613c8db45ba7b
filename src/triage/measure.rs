//! Figures of merit, each by its usual definition: accuracy, top k, expected calibration error, area under the ROC curve.
//!
//! Pure: it is told what was predicted and what was true. Called by `hotdesk triage eval` and by tests.

/// The confidence of guesses against how often they were right: `Σ |right − confidence| / n` over 15 bins of equal width
/// (Guo et al. 2017). `guesses` are the confidence, 0 to 1, and whether the guess was right.
pub fn calibration_error(guesses: &[(f32, bool)]) -> f64 {
    const BINS: usize = 15;
    let mut gaps = [0.0f64; BINS];
    for (confidence, right) in guesses {
        let bin = ((confidence * BINS as f32) as usize).min(BINS - 1);
        gaps[bin] += f64::from(*confidence) - f64::from(u8::from(*right));
    }
    gaps.iter().map(|gap| gap.abs()).sum::<f64>() / guesses.len().max(1) as f64
}

/// How probably a foreign text scores higher than a text of the desk's own, ties counting half; `None` without either.
pub fn auroc(foreign: &[f32], own: &[f32]) -> Option<f64> {
    if foreign.is_empty() || own.is_empty() {
        return None;
    }
    let mut own = own.to_vec();
    own.sort_unstable_by(f32::total_cmp);
    let wins = foreign.iter().map(|score| {
        let below = own.partition_point(|other| other < score);
        let not_above = own.partition_point(|other| other <= score);
        (below + not_above) as f64 / 2.0
    });
    Some(wins.sum::<f64>() / (foreign.len() * own.len()) as f64)
}

/// The value that a share of `share` of them does not exceed; sorts them. 0 of none.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let at = ((values.len() as f64 * share).ceil() as usize).saturating_sub(1);
    values.get(at).copied().unwrap_or(0.0)
}

/// The mean, and the standard deviation around it.
pub fn mean_and_spread(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, square.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calibration_error_is_the_mean_gap() {
        assert!(calibration_error(&[(1.0, true), (1.0, true)]).abs() < 1e-9);
        assert!((calibration_error(&[(1.0, true), (1.0, false)]) - 0.5).abs() < 1e-9);
        // Half of the guesses at 0.5 are right, and those at 0.9 never: 0 and 0.9, each for two of four.
        let guesses = [(0.5, true), (0.5, false), (0.9, false), (0.9, false)];
        assert!((calibration_error(&guesses) - 0.45).abs() < 1e-6);
        assert!(calibration_error(&[]).abs() < 1e-9);
    }

    #[test]
    fn auroc_is_the_share_of_pairs_in_order() {
        assert_eq!(auroc(&[0.9, 0.8], &[0.1, 0.2]), Some(1.0));
        assert_eq!(auroc(&[0.1], &[0.1]), Some(0.5));
        assert_eq!(auroc(&[0.5, 0.1], &[0.2, 0.4]), Some(0.5));
        assert_eq!(auroc(&[], &[0.2]), None);
    }

    #[test]
    fn quantiles_are_values_that_were_there() {
        let mut values = vec![5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!((quantile(&mut values, 0.5), quantile(&mut values, 0.99)), (3.0, 5.0));
        assert!(quantile(&mut [], 0.5).abs() < 1e-9);
        let (mean, spread) = mean_and_spread(&[1.0, 3.0]);
        assert!((mean - 2.0).abs() < 1e-9 && (spread - 1.0).abs() < 1e-9);
    }
}
