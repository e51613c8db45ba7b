//! The weights that predictions are made with: a row for each feature, a column for each category, in 16 bits each, because the
//! time goes into fetching them. The solvers work in [`Matrix`] and are rounded into this.

#![allow(clippy::inline_always, reason = "what is called out of line is compiled for the plainest processor")]

use pulp::NullaryFnOnce;

use super::matrix::{LANES, Matrix};
use super::wide::wide;
/// Weights lie in ±8 with this many steps to 1; what goes beyond stays at the end.
const STEPS: f32 = 4096.0;

#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    columns: usize,
    cells: Vec<i16>,
}

impl Weights {
    pub fn new(columns: usize) -> Self {
        Self { columns, cells: Vec::new() }
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Columns with their padding: the length of the slices that the loops take.
    pub fn stride(&self) -> usize {
        self.columns.div_ceil(LANES) * LANES
    }

    pub fn rows(&self) -> usize {
        self.cells.len().checked_div(self.stride()).unwrap_or(0)
    }

    pub fn bytes(&self) -> usize {
        self.cells.capacity() * size_of::<i16>()
    }

    /// Adds a row of zeros and says which it is.
    pub fn push_row(&mut self) -> u32 {
        let row = self.rows();
        // Doubling would take twice the room that is bounded.
        if self.cells.len() + self.stride() > self.cells.capacity() {
            self.cells.reserve_exact((row / 8 + 64) * self.stride());
        }
        self.cells.resize(self.cells.len() + self.stride(), 0);
        row as u32
    }

    /// `scores = Σ value · row`; `scores` is as long as the stride.
    pub fn scores(&self, sparse: &[(u32, f32)], scores: &mut [f32]) {
        assert_eq!(scores.len(), self.stride());
        wide(Sum { of: self, sparse, scores });
    }

    /// `row += value · step` for each entry; `step` is as long as the stride.
    pub fn add(&mut self, sparse: &[(u32, f32)], step: &[f32]) {
        assert_eq!(step.len(), self.stride());
        let stride = self.stride();
        wide(Add { cells: &mut self.cells, stride, sparse, step });
    }

    /// `own · self + share · matrix`, of the same shape.
    pub fn blended(mut self, own: f32, matrix: &Matrix, share: f32) -> Self {
        assert_eq!((self.columns, self.cells.len()), (matrix.columns(), matrix.weights().len()));
        for (cell, weight) in self.cells.iter_mut().zip(matrix.weights()) {
            *cell = rounded(own * f32::from(*cell) + share * weight * STEPS);
        }
        self
    }

    pub fn cells(&self) -> &[i16] {
        &self.cells
    }

    /// As [`Weights::cells`] gave them; `None` when they do not fill whole rows.
    pub fn from_cells(columns: usize, cells: Vec<i16>) -> Option<Self> {
        let weights = Self { columns, cells };
        let whole = weights.rows() * weights.stride() == weights.cells.len();
        whole.then_some(weights)
    }

    #[inline(always)]
    fn row(&self, row: u32) -> &[i16] {
        let start = row as usize * self.stride();
        &self.cells[start..start + self.stride()]
    }
}

struct Sum<'a> {
    of: &'a Weights,
    sparse: &'a [(u32, f32)],
    scores: &'a mut [f32],
}

impl NullaryFnOnce for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { of, sparse, scores } = self;
        scores.fill(0.0);
        // Two rows at a time, so that the scores are fetched and stored once for both.
        let (pairs, rest) = sparse.as_chunks::<2>();
        for &[one, two] in pairs {
            let rows = of.row(one.0).iter().zip(of.row(two.0));
            for (score, (a, b)) in scores.iter_mut().zip(rows) {
                *score += one.1 * f32::from(*a) + two.1 * f32::from(*b);
            }
        }
        for &(row, value) in rest {
            for (score, weight) in scores.iter_mut().zip(of.row(row)) {
                *score += value * f32::from(*weight);
            }
        }
        for score in scores {
            *score *= 1.0 / STEPS;
        }
    }
}

struct Add<'a> {
    cells: &'a mut [i16],
    stride: usize,
    sparse: &'a [(u32, f32)],
    step: &'a [f32],
}

impl NullaryFnOnce for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { cells, stride, sparse, step } = self;
        for &(row, value) in sparse {
            let start = row as usize * stride;
            let value = value * STEPS;
            for (weight, step) in cells[start..start + stride].iter_mut().zip(step) {
                *weight = weight.saturating_add(rounded(value * step));
            }
        }
    }
}

impl From<&Matrix> for Weights {
    fn from(matrix: &Matrix) -> Self {
        let cells = matrix.weights().iter().map(|weight| rounded(weight * STEPS)).collect();
        Self { columns: matrix.columns(), cells }
    }
}

/// To the nearest, ties to even. Adding 1.5·2²³ leaves no bits behind the point: far cheaper than `round`.
#[inline(always)]
fn rounded(steps: f32) -> i16 {
    const SHIFT: f32 = 12_582_912.0;
    let steps = steps.clamp(f32::from(i16::MIN), f32::from(i16::MAX));
    ((steps + SHIFT).to_bits() as i32).wrapping_sub(SHIFT.to_bits() as i32) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_moves_the_scores_by_its_length() {
        let mut weights = Weights::new(3);
        assert_eq!((0..3).map(|_| weights.push_row()).collect::<Vec<_>>(), [0, 1, 2]);
        let mut step = [0.0; 8];
        step[..3].copy_from_slice(&[1.0, -1.0, 0.5]);
        for sparse in [&[(0, 1.0), (2, 2.0)][..], &[(1, 1.0)]] {
            weights.add(sparse, &step);
            let square: f32 = sparse.iter().map(|(_, value)| value * value).sum();
            let mut scores = [9.0; 8];
            weights.scores(sparse, &mut scores);
            assert_eq!(scores[..4], [square, -square, square / 2.0, 0.0]);
        }
    }

    #[test]
    fn rounding_goes_to_the_nearest_and_stops_at_the_ends() {
        let given = [0.4, 0.6, -0.4, -0.6, 1.5, 2.5, 40_000.0, -40_000.0];
        assert_eq!(given.map(rounded), [0, 1, 0, -1, 2, 2, i16::MAX, i16::MIN]);
    }

    #[test]
    fn half_a_row_is_refused() {
        assert!(Weights::from_cells(9, vec![0; 24]).is_none());
        assert_eq!(Weights::from_cells(9, vec![0; 32]).map(|weights| weights.rows()), Some(2));
        assert!(Weights::from_cells(0, vec![0; 8]).is_none());
    }
}
