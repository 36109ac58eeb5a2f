//! A cycle of a piecewise-linear map, and its stability.

use nalgebra::{DMatrix, Schur};
use num_complex::Complex64;

use super::PiecewiseLinearMap;
use super::regions::Region;

/// How near, relative to its terms, a unit's argument is to zero on a kink.
const ON_KINK: f64 = 1e-9;
/// How near the unit circle an eigenvalue decides nothing.
const NEUTRAL: f64 = 1e-9;
/// The relative imaginary part up to which an eigenvalue is real: rounding splits a double one by the root of the
/// precision.
const REAL: f64 = 1e-6;
/// The most iterations of the QR algorithm.
const QR_ITERATIONS: usize = 10_000;

/// A cycle; a fixed point is one of period one.
#[derive(Clone, Debug, PartialEq)]
pub struct Cycle {
    /// The points, each the image of the one before; the first is the least in its first coordinate.
    pub points: Vec<Vec<f64>>,
    /// The regions of the points.
    pub regions: Vec<Region>,
    /// The eigenvalues of the product of the Jacobians along the cycle, the largest in modulus first.
    pub eigenvalues: Vec<Complex64>,
    /// What the eigenvalues say.
    pub stability: Stability,
    /// The points, by index, that lie on the kink of a hidden unit, and which: there the Jacobian is one-sided.
    pub kinks: Vec<(usize, usize)>,
}

/// The kind of a cycle, by its eigenvalues; a focus has complex ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stability {
    /// All are real and inside the unit circle.
    StableNode,
    /// All are inside, some complex.
    StableFocus,
    /// Some are inside and some outside, all real.
    Saddle,
    /// Some are inside and some outside, some complex.
    SaddleFocus,
    /// All are real and outside.
    UnstableNode,
    /// All are outside, some complex.
    UnstableFocus,
    /// One lies on the unit circle to rounding, or a point on a kink: the eigenvalues decide nothing.
    Undetermined,
}

impl Cycle {
    /// The number of points.
    pub fn period(&self) -> usize {
        self.points.len()
    }

    /// The cycle through given points, which are known to be one.
    pub(super) fn new(map: &PiecewiseLinearMap, mut points: Vec<Vec<f64>>) -> Self {
        let first = (0..points.len()).min_by(|a, b| {
            points[*a]
                .iter()
                .zip(&points[*b])
                .fold(std::cmp::Ordering::Equal, |o, (a, b)| o.then(a.total_cmp(b)))
        });
        points.rotate_left(first.unwrap_or(0));
        let regions: Vec<Region> = points.iter().map(|z| map.linear_region(z)).collect();
        let identity = DMatrix::identity(map.latent(), map.latent());
        let product = regions.iter().fold(identity, |p, region| map.affine(region).0 * p);
        let eigenvalues = eigenvalues(product);
        let kinks: Vec<(usize, usize)> = points
            .iter()
            .enumerate()
            .flat_map(|(t, z)| (0..map.hidden()).filter(|h| on_kink(map, z, *h)).map(move |h| (t, h)))
            .collect();
        let stability = if kinks.is_empty() { Stability::of(&eigenvalues) } else { Stability::Undetermined };
        Self { points, regions, eigenvalues, stability, kinks }
    }
}

impl Stability {
    fn of(eigenvalues: &[Complex64]) -> Self {
        let modulus = |f: fn(f64) -> bool| eigenvalues.iter().any(|e| f(e.norm()));
        if eigenvalues.is_empty() || modulus(|r| (r - 1.0).abs() <= NEUTRAL) {
            return Self::Undetermined;
        }
        let complex = eigenvalues.iter().any(|e| e.im.abs() > REAL * e.norm());
        match (modulus(|r| r < 1.0), modulus(|r| r > 1.0), complex) {
            (_, false, false) => Self::StableNode,
            (_, false, true) => Self::StableFocus,
            (true, true, false) => Self::Saddle,
            (true, true, true) => Self::SaddleFocus,
            (false, true, false) => Self::UnstableNode,
            (false, true, true) => Self::UnstableFocus,
        }
    }
}

/// The eigenvalues, the largest in modulus first; none where the iteration does not converge.
fn eigenvalues(matrix: DMatrix<f64>) -> Vec<Complex64> {
    if !matrix.iter().all(|x| x.is_finite()) {
        return Vec::new();
    }
    let Some(schur) = Schur::try_new(matrix, f64::EPSILON, QR_ITERATIONS) else { return Vec::new() };
    let mut all: Vec<Complex64> = schur.complex_eigenvalues().iter().copied().collect();
    all.sort_by(|a, b| b.norm().total_cmp(&a.norm()).then(b.im.total_cmp(&a.im)));
    all
}

fn on_kink(map: &PiecewiseLinearMap, z: &[f64], h: usize) -> bool {
    let terms = || z.iter().enumerate().map(|(j, z)| map.w2[(h, j)] * z);
    let (u, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
    let near = |x: f64, size: f64| x.abs() <= ON_KINK * size;
    near(u + map.h2[h], size + map.h2[h].abs()) || map.clipped && near(u, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_their_eigenvalues() {
        let kind = |e: &[(f64, f64)]| {
            Stability::of(&e.iter().map(|(re, im)| Complex64::new(*re, *im)).collect::<Vec<_>>())
        };
        assert_eq!(kind(&[(0.5, 0.0), (-0.9, 0.0)]), Stability::StableNode);
        assert_eq!(kind(&[(0.0, 0.0)]), Stability::StableNode);
        assert_eq!(kind(&[(0.5, 0.2), (0.5, -0.2)]), Stability::StableFocus);
        assert_eq!(kind(&[(-3.0, 0.0), (0.5, 0.0)]), Stability::Saddle);
        assert_eq!(kind(&[(3.0, 0.0), (0.5, 0.2), (0.5, -0.2)]), Stability::SaddleFocus);
        assert_eq!(kind(&[(3.0, 0.0), (-1.5, 0.0)]), Stability::UnstableNode);
        assert_eq!(kind(&[(1.0, 1.0), (1.0, -1.0)]), Stability::UnstableFocus);
        assert_eq!(kind(&[(0.6, 0.8), (0.6, -0.8)]), Stability::Undetermined);
    }

    #[test]
    fn eigenvalues_of_a_rotation() {
        let found =
            eigenvalues(DMatrix::from_row_slice(3, 3, &[0.0, -2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0]));
        let expected = [(3.0, 0.0), (0.0, 2.0), (0.0, -2.0)];
        for (e, (re, im)) in found.iter().zip(expected) {
            assert!((e - Complex64::new(re, im)).norm() < 1e-14, "{found:?}");
        }
        assert!(eigenvalues(DMatrix::from_element(1, 1, f64::NAN)).is_empty());
    }
}
