//! Logistic regression with few features, drawn towards coefficients that hold without any data.
//!
//! Newton's method on the penalised likelihood `sum w (y ln p + (1 - y) ln (1 - p)) - lambda / 2 |b - b0|^2` (McCullagh and Nelder,
//! *Generalized Linear Models*, 2nd ed., 4.4; le Cessie and van Houwelingen, *Ridge estimators in logistic regression*, 1992). Pure.

const ROUNDS: usize = 25;
const CLOSE: f64 = 1e-8;

/// One observation: its features, whether it came true, and its weight.
#[derive(Clone, Copy, Debug)]
pub struct Seen<const N: usize> {
    pub features: [f64; N],
    pub came_true: bool,
    pub weight: f64,
}

#[derive(Clone, Copy, Debug)]
pub struct Logistic<const N: usize> {
    coefficients: [f64; N],
}

impl<const N: usize> Logistic<N> {
    /// The coefficients that fit best, drawn towards `usual` by `lambda`.
    pub fn fit(seen: &[Seen<N>], usual: [f64; N], lambda: f64) -> Self {
        let mut this = Self { coefficients: usual };
        let mut loss = this.loss(seen, &usual, lambda);
        for _ in 0..ROUNDS {
            let mut slope: [f64; N] = std::array::from_fn(|i| lambda * (usual[i] - this.coefficients[i]));
            let mut curve = [[0.0; N]; N];
            for (i, row) in curve.iter_mut().enumerate() {
                row[i] = lambda;
            }
            for one in seen {
                let p = this.chance(&one.features);
                let off = one.weight * (f64::from(u8::from(one.came_true)) - p);
                let spread = one.weight * p * (1.0 - p);
                for (i, feature) in one.features.iter().enumerate() {
                    slope[i] += off * feature;
                    for (cell, other) in curve[i].iter_mut().zip(&one.features[..=i]) {
                        *cell += spread * feature * other;
                    }
                }
            }
            let step = solve(curve, slope);
            // A step that goes too far is halved until it is better.
            let mut length = 1.0;
            let (next, lower) = loop {
                let next = Self { coefficients: std::array::from_fn(|i| this.coefficients[i] + length * step[i]) };
                let found = next.loss(seen, &usual, lambda);
                if found <= loss || length < 1e-4 {
                    break (next, found);
                }
                length /= 2.0;
            };
            if lower > loss - CLOSE {
                break;
            }
            (this, loss) = (next, lower);
        }
        this
    }

    pub fn chance(&self, features: &[f64; N]) -> f64 {
        1.0 / (1.0 + (-self.score(features)).exp())
    }

    fn score(&self, features: &[f64; N]) -> f64 {
        features.iter().zip(self.coefficients).map(|(feature, own)| feature * own).sum()
    }

    fn loss(&self, seen: &[Seen<N>], usual: &[f64; N], lambda: f64) -> f64 {
        let far: f64 = self.coefficients.iter().zip(usual).map(|(own, usual)| (own - usual).powi(2)).sum();
        let wrong = |one: &Seen<N>| {
            let score = self.score(&one.features);
            // ln (1 + exp x), without ever taking the exponential of much.
            let score = if one.came_true { -score } else { score };
            one.weight * (score.max(0.0) + (-score.abs()).exp().ln_1p())
        };
        lambda / 2.0 * far + seen.iter().map(wrong).sum::<f64>()
    }
}

/// `x` of `A x = b` by Cholesky's decomposition; of `A`, which is symmetric and positive, the lower half is read.
fn solve<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> [f64; N] {
    for i in 0..N {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            a[i][j] = if i == j { (a[i][i] - inner).max(1e-12).sqrt() } else { (a[i][j] - inner) / a[j][j] };
        }
    }
    for i in 0..N {
        let inner: f64 = (0..i).map(|k| a[i][k] * b[k]).sum();
        b[i] = (b[i] - inner) / a[i][i];
    }
    for i in (0..N).rev() {
        let inner: f64 = (i + 1..N).map(|k| a[k][i] * b[k]).sum();
        b[i] = (b[i] - inner) / a[i][i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A37: the coefficients behind made-up outcomes are found, and without outcomes they are the usual ones.
    #[test]
    fn a37_coefficients_are_found() {
        let mut rng = fastrand::Rng::with_seed(3);
        let truth = Logistic { coefficients: [-0.5, 1.5, -1.0] };
        let seen: Vec<Seen<3>> = (0..20_000)
            .map(|_| {
                let features = [1.0, 4.0 * rng.f64() - 2.0, rng.f64()];
                Seen { features, came_true: rng.f64() < truth.chance(&features), weight: 1.0 }
            })
            .collect();
        let found = Logistic::fit(&seen, [0.0; 3], 1.0);
        for (found, truth) in found.coefficients.iter().zip(truth.coefficients) {
            assert!((found - truth).abs() < 0.15, "{found} for {truth}");
        }
        let none = Logistic::fit(&[], [0.0, 1.0, 2.0], 1.0);
        assert!((none.score(&[5.0, 1.0, 10.0]) - 21.0).abs() < 1e-12, "{none:?}");
        // What is always true needs endless coefficients; the penalty keeps them.
        let always: Vec<Seen<1>> = vec![Seen { features: [1.0], came_true: true, weight: 1.0 }; 1_000];
        let sure = Logistic::fit(&always, [0.0], 1.0);
        assert!(sure.chance(&[1.0]) > 0.99 && sure.coefficients[0].is_finite());
    }
}
