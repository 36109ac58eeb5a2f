//! The one form that every variant has: what rollouts, Jacobians and the search for fixed points work on.

use nalgebra::{DMatrix, DVector};

/// Hidden units that are worked out at once.
const BLOCK: usize = 64;

/// `z' = A z + W₁ [relu(W₂ z + h₂) − c·relu(W₂ z)] + h₁` with `c` one for a clipped map and zero else, in `f64` on the host.
///
/// `z` has `M` entries, the hidden layer `H`: `A` is `M × M`, `W₁` `M × H`, `W₂` `H × M`.
///
/// F. Hess et al., "Generalized Teacher Forcing for Learning Chaotic Dynamics", ICML 2023.
#[derive(Clone, Debug, PartialEq)]
pub struct PiecewiseLinearMap {
    /// `A`.
    pub a: DMatrix<f64>,
    /// `W₁`.
    pub w1: DMatrix<f64>,
    /// `W₂`.
    pub w2: DMatrix<f64>,
    /// `h₁`.
    pub h1: DVector<f64>,
    /// `h₂`.
    pub h2: DVector<f64>,
    /// Whether `relu(W₂ z)` is subtracted.
    pub clipped: bool,
}

impl PiecewiseLinearMap {
    /// The length `M` of the state.
    pub fn latent(&self) -> usize {
        self.a.nrows()
    }

    /// The number `H` of hidden units.
    pub fn hidden(&self) -> usize {
        self.w2.nrows()
    }

    /// Writes the next state.
    pub fn next(&self, z: &[f64], next: &mut [f64]) {
        // Matrices lie in columns: each pass runs along memory.
        let add = |to: &mut [f64], matrix: &DMatrix<f64>, by: &[f64]| {
            for (column, by) in matrix.as_slice().chunks_exact(to.len().max(1)).zip(by) {
                to.iter_mut().zip(column).for_each(|(to, w)| *to += w * by);
            }
        };
        next.copy_from_slice(self.h1.as_slice());
        add(next, &self.a, z);
        let (m, n) = (self.latent(), self.hidden());
        let (w1, w2, h2) = (self.w1.as_slice(), self.w2.as_slice(), self.h2.as_slice());
        // Some hidden units at a time, so that they need no memory of their own.
        let mut block = [0.0; BLOCK];
        for first in (0..n).step_by(BLOCK) {
            let u = &mut block[..BLOCK.min(n - first)];
            u.fill(0.0);
            for (column, z) in w2.chunks_exact(n).zip(z) {
                u.iter_mut().zip(&column[first..]).for_each(|(u, w)| *u += w * z);
            }
            for (u, h2) in u.iter_mut().zip(&h2[first..]) {
                *u = (*u + h2).max(0.0) - if self.clipped { u.max(0.0) } else { 0.0 };
            }
            for (column, r) in w1[first * m..].chunks_exact(m).zip(&*u) {
                next.iter_mut().zip(column).for_each(|(next, w)| *next += w * r);
            }
        }
    }

    /// The slopes of the hidden units at `z`: one or zero, and minus one as well where the map is clipped. Two states
    /// with the same slopes lie in the same linear region.
    pub fn region(&self, z: &[f64]) -> Vec<i8> {
        let u = |h: usize| z.iter().enumerate().map(|(j, z)| self.w2[(h, j)] * z).sum::<f64>();
        (0..self.hidden())
            .map(|h| {
                let u = u(h);
                i8::from(u + self.h2[h] > 0.0) - i8::from(self.clipped && u > 0.0)
            })
            .collect()
    }

    /// Writes the Jacobian `A + W₁ D W₂` with the region's slopes `D`.
    pub fn jacobian(&self, z: &[f64], j: &mut DMatrix<f64>) {
        let m = self.latent();
        j.copy_from(&self.a);
        for (h, slope) in self.region(z).into_iter().enumerate().filter(|(_, s)| *s != 0) {
            for k in 0..m {
                let w = f64::from(slope) * self.w2[(h, k)];
                for i in 0..m {
                    j[(i, k)] += self.w1[(i, h)] * w;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two hidden units on the line: `z' = z/2 + relu(z + 1) − 3 relu(−z)`, clipped or not.
    fn map(clipped: bool) -> PiecewiseLinearMap {
        PiecewiseLinearMap {
            a: DMatrix::from_element(1, 1, 0.5),
            w1: DMatrix::from_row_slice(1, 2, &[1.0, -3.0]),
            w2: DMatrix::from_row_slice(2, 1, &[1.0, -1.0]),
            h1: DVector::zeros(1),
            h2: DVector::from_vec(vec![1.0, 0.0]),
            clipped,
        }
    }

    #[test]
    fn values_and_slopes_by_hand() {
        let at = |clipped: bool, z: f64| {
            let (mut next, mut j) = ([0.0], DMatrix::zeros(1, 1));
            map(clipped).next(&[z], &mut next);
            map(clipped).jacobian(&[z], &mut j);
            (next[0], j[(0, 0)])
        };
        assert_eq!(at(false, 2.0), (4.0, 1.5));
        assert_eq!(at(false, -2.0), (-7.0, 3.5));
        assert_eq!(at(false, -0.5), (-1.25, 4.5));
        // Clipped: the first unit saturates at its offset, the second vanishes.
        assert_eq!(at(true, 2.0), (2.0, 0.5));
        assert_eq!(at(true, -0.5), (0.25, 1.5));
        assert_eq!(map(false).region(&[-0.5]), [1, 1]);
        assert_eq!(map(true).region(&[2.0]), [0, 0]);
    }
}
