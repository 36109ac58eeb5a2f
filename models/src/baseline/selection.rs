//! Least squares of few columns.

use nalgebra::{DMatrix, DVector};

use super::ridge::Normal;

/// The normal equations of one derivative, columns and derivative of size one.
pub(super) struct Scaled {
    gram: DMatrix<f64>,
    moment: Vec<f64>,
    /// The sizes of the columns.
    pub(super) size: Vec<f64>,
    /// The size of the derivative.
    pub(super) target: f64,
}

/// A fit of some columns.
pub(super) struct Fit {
    pub(super) weights: Vec<f64>,
    /// What the root of the mean square explained loses with a column, the others making up for it.
    pub(super) worth: Vec<f64>,
    /// The mean square explained.
    explained: f64,
}

impl Scaled {
    pub(super) fn new(normal: &Normal, channel: usize, ridge: f64) -> Self {
        let n = normal.rows as f64;
        let root = |square: f64| (square / n).sqrt().max(f64::MIN_POSITIVE);
        let m = normal.gram.nrows();
        let size: Vec<f64> = (0..m).map(|j| root(normal.gram[(j, j)])).collect();
        let target = root(normal.target[(channel, channel)]);
        let gram = DMatrix::from_fn(m, m, |i, j| {
            normal.gram[(i, j)] / (n * size[i] * size[j]) + if i == j { ridge } else { 0.0 }
        });
        let moment = (0..m).map(|j| normal.moment[(j, channel)] / (n * size[j] * target)).collect();
        Self { gram, moment, size, target }
    }

    pub(super) fn solve(&self, active: &[usize]) -> Option<Fit> {
        let m = active.len();
        let gram = DMatrix::from_fn(m, m, |a, b| self.gram[(active[a], active[b])]);
        let moment = DVector::from_fn(m, |a, _| self.moment[active[a]]);
        let inverse = gram.cholesky()?.inverse();
        let weights = &inverse * &moment;
        let worth = (0..m).map(|a| weights[a].abs() / inverse[(a, a)].sqrt()).collect();
        Some(Fit { worth, explained: weights.dot(&moment), weights: weights.as_slice().to_vec() })
    }

    /// Exchanges one column for another as long as that explains more: dropping columns one by one may have dropped one
    /// that noise and its neighbours hid.
    pub(super) fn exchange(&self, active: &mut Vec<usize>) {
        let explained = |active: &[usize]| self.solve(active).map_or(0.0, |fit| fit.explained);
        let mut most = explained(active);
        loop {
            let mut better = None;
            for place in 0..active.len() {
                for j in (0..self.moment.len()).filter(|j| !active.contains(j)) {
                    let mut other = active.clone();
                    other[place] = j;
                    let found = explained(&other);
                    if found > most * (1.0 + 1e-12) {
                        (most, better) = (found, Some(other));
                    }
                }
            }
            match better {
                Some(other) => *active = other,
                None => break,
            }
        }
        active.sort_unstable();
    }
}
