//! Sparse random matrices.

use rand::{Rng, RngExt};

/// Multiplications that measure the spectral radius, and those before them.
const MULTIPLICATIONS: [usize; 2] = [2000, 200];

/// A square matrix by rows of its entries that are not zero.
#[derive(Clone, Debug)]
pub(super) struct Sparse {
    /// Where each row begins, and where the last ends.
    rows: Vec<usize>,
    columns: Vec<usize>,
    values: Vec<f64>,
}

impl Sparse {
    /// Entries between plus and minus one, each there with the probability `degree / n`.
    pub(super) fn random(n: usize, degree: f64, rng: &mut dyn Rng) -> Self {
        let (mut rows, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
        for _ in 0..n {
            for k in 0..n {
                if rng.random::<f64>() * (n as f64) < degree {
                    columns.push(k);
                    values.push(2.0 * rng.random::<f64>() - 1.0);
                }
            }
            rows.push(columns.len());
        }
        Self { rows, columns, values }
    }

    pub(super) fn multiply(&self, x: &[f64], out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate() {
            let row = self.rows[i]..self.rows[i + 1];
            *out = self.columns[row.clone()].iter().zip(&self.values[row]).map(|(k, w)| w * x[*k]).sum();
        }
    }

    pub(super) fn scale(&mut self, factor: f64) {
        self.values.iter_mut().for_each(|v| *v *= factor);
    }

    /// Shows every entry with its row and column.
    pub(super) fn each(&self, mut visit: impl FnMut(usize, usize, f64)) {
        for i in 0..self.rows.len() - 1 {
            (self.rows[i]..self.rows[i + 1]).for_each(|e| visit(i, self.columns[e], self.values[e]));
        }
    }

    /// By the mean growth of a vector, which a pair of complex eigenvalues makes uneven but does not change.
    pub(super) fn spectral_radius(&self, rng: &mut dyn Rng) -> f64 {
        let n = self.rows.len() - 1;
        let mut v: Vec<f64> = (0..n).map(|_| rng.random::<f64>() - 0.5).collect();
        let mut next = vec![0.0; n];
        let [all, first] = MULTIPLICATIONS;
        let mut logarithms = 0.0;
        for i in 0..all {
            self.multiply(&v, &mut next);
            let norm = next.iter().map(|v| v * v).sum::<f64>().sqrt();
            if norm == 0.0 {
                return 0.0;
            }
            next.iter_mut().for_each(|v| *v /= norm);
            std::mem::swap(&mut v, &mut next);
            logarithms += if i >= first { norm.ln() } else { 0.0 };
        }
        (logarithms / (all - first) as f64).exp()
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_spectral_radius_is_that_of_the_dense_matrix() {
        for seed in 0..4 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let sparse = Sparse::random(60, 6.0, &mut rng);
            let mut dense = DMatrix::zeros(60, 60);
            sparse.each(|i, k, w| dense[(i, k)] = w);
            let exact = dense.complex_eigenvalues().iter().map(|l| l.norm()).fold(0.0, f64::max);
            let found = sparse.spectral_radius(&mut rng);
            assert!((found / exact - 1.0).abs() < 0.01, "{found} {exact}");
        }
    }
}
