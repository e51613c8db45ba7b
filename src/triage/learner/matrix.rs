//! What the solvers work in: a row for each feature, a column for each category.

#![allow(clippy::inline_always, reason = "what is called out of line is compiled for the plainest processor")]

use pulp::NullaryFnOnce;

use super::wide::wide;

/// Row-major, each row padded to whole vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    columns: usize,
    stride: usize,
    weights: Vec<f32>,
}

/// Columns are handled in vectors of this many.
pub const LANES: usize = 8;

impl Matrix {
    pub fn new(columns: usize, rows: usize) -> Self {
        let stride = columns.div_ceil(LANES) * LANES;
        Self { columns, stride, weights: vec![0.0; rows * stride] }
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Columns with their padding: the length of the slices that the loops take.
    pub fn stride(&self) -> usize {
        self.stride
    }

    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    pub fn weights_mut(&mut self) -> &mut [f32] {
        &mut self.weights
    }

    /// `scores = Σ value · row`; `scores` is as long as the stride.
    pub fn scores(&self, sparse: &[(u32, f32)], scores: &mut [f32]) {
        assert_eq!(scores.len(), self.stride);
        wide(Sum { of: self, sparse, scores });
    }

    #[inline(always)]
    fn row(&self, row: u32) -> &[f32] {
        let start = row as usize * self.stride;
        &self.weights[start..start + self.stride]
    }

    /// `row += value · step` for each entry; `step` is as long as the stride.
    pub fn add(&mut self, sparse: &[(u32, f32)], step: &[f32]) {
        assert_eq!(step.len(), self.stride);
        wide(Add { to: self, sparse, step });
    }
}

struct Sum<'a> {
    of: &'a Matrix,
    sparse: &'a [(u32, f32)],
    scores: &'a mut [f32],
}

impl NullaryFnOnce for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { of, sparse, scores } = self;
        scores.fill(0.0);
        // Four rows at a time, so that the scores are fetched and stored once for all four.
        let (fours, rest) = sparse.as_chunks::<4>();
        for &[one, two, three, four] in fours {
            let rows = of.row(one.0).iter().zip(of.row(two.0));
            let rows = rows.zip(of.row(three.0).iter().zip(of.row(four.0)));
            for (score, ((a, b), (c, d))) in scores.iter_mut().zip(rows) {
                *score += (one.1 * a + two.1 * b) + (three.1 * c + four.1 * d);
            }
        }
        for &(row, value) in rest {
            for (score, weight) in scores.iter_mut().zip(of.row(row)) {
                *score += value * weight;
            }
        }
    }
}

struct Add<'a> {
    to: &'a mut Matrix,
    sparse: &'a [(u32, f32)],
    step: &'a [f32],
}

impl NullaryFnOnce for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let stride = self.to.stride;
        for &(row, value) in self.sparse {
            let start = row as usize * stride;
            let weights = &mut self.to.weights[start..start + stride];
            for (weight, step) in weights.iter_mut().zip(self.step) {
                *weight += value * step;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_moves_the_scores_by_its_length() {
        let mut matrix = Matrix::new(3, 3);
        assert_eq!(matrix.stride(), 8);
        let sparse = [(0, 1.0), (2, 2.0)];
        let mut step = [0.0; 8];
        step[..3].copy_from_slice(&[1.0, -1.0, 0.5]);
        matrix.add(&sparse, &step);
        let mut scores = [9.0; 8];
        matrix.scores(&sparse, &mut scores);
        assert_eq!(scores[..4], [5.0, -5.0, 2.5, 0.0]);
    }
}
