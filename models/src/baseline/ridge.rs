//! Least squares by normal equations.

use nalgebra::DMatrix;

/// Rows taken together, so that the products are matrix products.
const BLOCK: usize = 512;

/// `Σ φφᵀ`, `Σ φyᵀ`, `Σ yyᵀ` over rows `(φ, y)` that arrive one by one.
pub(super) struct Normal {
    /// `[feature, feature]`.
    pub(super) gram: DMatrix<f64>,
    /// `[feature, target]`.
    pub(super) moment: DMatrix<f64>,
    /// `[target, target]`.
    pub(super) target: DMatrix<f64>,
    /// Rows so far.
    pub(super) rows: usize,
    features: DMatrix<f64>,
    targets: DMatrix<f64>,
    waiting: usize,
}

impl Normal {
    pub(super) fn new(features: usize, targets: usize) -> Self {
        Self {
            gram: DMatrix::zeros(features, features),
            moment: DMatrix::zeros(features, targets),
            target: DMatrix::zeros(targets, targets),
            rows: 0,
            features: DMatrix::zeros(features, BLOCK),
            targets: DMatrix::zeros(targets, BLOCK),
            waiting: 0,
        }
    }

    /// Adds a row, written by `fill(φ, y)`.
    pub(super) fn push(&mut self, fill: impl FnOnce(&mut [f64], &mut [f64])) {
        let (f, t) = (self.features.nrows(), self.targets.nrows());
        let at = self.waiting;
        let row = &mut self.features.as_mut_slice()[at * f..(at + 1) * f];
        fill(row, &mut self.targets.as_mut_slice()[at * t..(at + 1) * t]);
        self.waiting += 1;
        self.rows += 1;
        if self.waiting == BLOCK {
            self.flush();
        }
    }

    /// Adds the rows that wait.
    pub(super) fn flush(&mut self) {
        self.features.columns_mut(self.waiting, BLOCK - self.waiting).fill(0.0);
        self.targets.columns_mut(self.waiting, BLOCK - self.waiting).fill(0.0);
        let (features, targets) = (self.features.transpose(), self.targets.transpose());
        self.gram.gemm(1.0, &self.features, &features, 1.0);
        self.moment.gemm(1.0, &self.features, &targets, 1.0);
        self.target.gemm(1.0, &self.targets, &targets, 1.0);
        self.waiting = 0;
    }

    /// The weights `[feature, target]` that minimise `Σ|y − wᵀφ|²/n + ridge·|w|²`, all rows flushed; none if singular.
    pub(super) fn solve(&self, ridge: f64) -> Option<DMatrix<f64>> {
        let n = self.rows.max(1) as f64;
        let mut a = &self.gram / n;
        for i in 0..a.nrows() {
            a[(i, i)] += ridge;
        }
        Some(a.cholesky()?.solve(&(&self.moment / n))).filter(|w| w.iter().all(|v| v.is_finite()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_is_found_and_a_ridge_shrinks_it() {
        let mut normal = Normal::new(2, 1);
        for i in 0..1300 {
            let (a, b) = ((0.7 * f64::from(i)).sin(), (1.9 * f64::from(i)).cos());
            normal.push(|f, y| {
                (f[0], f[1]) = (a, b);
                y[0] = 3.0 * a - 2.0 * b;
            });
        }
        normal.flush();
        let w = normal.solve(0.0).unwrap();
        assert!((w[(0, 0)] - 3.0).abs() < 1e-10 && (w[(1, 0)] + 2.0).abs() < 1e-10, "{w}");
        // Features of variance one half: a ridge of one half halves the weights.
        let w = normal.solve(0.5).unwrap();
        assert!((w[(0, 0)] - 1.5).abs() < 0.01 && (w[(1, 0)] + 1.0).abs() < 0.01, "{w}");
        assert!(Normal::new(2, 1).solve(0.0).is_none());
    }
}
