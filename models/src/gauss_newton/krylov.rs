//! Damped normal equations by conjugate gradients: the Jacobian is made anew chunk by chunk for every product.

use super::GaussNewtonError;
use super::problem::{LeastSquares, by_chunks, finite};

/// `δ` of `(JᵀJ + λ) δ = −Jᵀ r` to the relative residual `tolerance`, with the diagonal as preconditioner.
pub(super) struct Krylov<'a, P: ?Sized> {
    problem: &'a P,
    theta: &'a [f64],
    /// `Σ r²`.
    pub(super) cost: f64,
    /// `Jᵀ r`.
    pub(super) gradient: Vec<f64>,
    /// The diagonal of `JᵀJ`.
    diagonal: Vec<f64>,
}

impl<'a, P: LeastSquares + ?Sized> Krylov<'a, P> {
    /// # Errors
    /// If a residual is not finite.
    pub(super) fn new(problem: &'a P, theta: &'a [f64]) -> Result<Self, GaussNewtonError> {
        let p = theta.len();
        let parts = by_chunks(problem, theta, |rows, r, j| {
            let mut diagonal = vec![0.0; p];
            for row in j.rows() {
                diagonal.iter_mut().zip(row).for_each(|(d, j)| *d += j * j);
            }
            let gradient = j.t().dot(&ndarray::aview1(r)).to_vec();
            finite(r, rows.start).map(|()| (r.iter().map(|r| r * r).sum::<f64>(), gradient, diagonal))
        });
        let (mut cost, mut gradient, mut diagonal) = (0.0, vec![0.0; p], vec![0.0; p]);
        for part in parts {
            let (c, g, d) = part?;
            cost += c;
            gradient.iter_mut().zip(&g).for_each(|(t, g)| *t += g);
            diagonal.iter_mut().zip(&d).for_each(|(t, d)| *t += d);
        }
        Ok(Self { problem, theta, cost, gradient, diagonal })
    }

    /// The mean of the diagonal of `JᵀJ`.
    pub(super) fn scale(&self) -> f64 {
        self.diagonal.iter().sum::<f64>() / self.diagonal.len().max(1) as f64
    }

    /// `Jᵀ J v`.
    fn product(&self, v: &[f64]) -> Vec<f64> {
        let parts = by_chunks(self.problem, self.theta, |_, _, j| {
            let jv = j.dot(&ndarray::aview1(v));
            j.t().dot(&jv).to_vec()
        });
        let mut out = vec![0.0; v.len()];
        for part in parts {
            out.iter_mut().zip(&part).for_each(|(o, p)| *o += p);
        }
        out
    }

    /// The step and by how much the linear model lowers the cost.
    pub(super) fn step(&self, damping: f64, tolerance: f64, iterations: usize) -> (Vec<f64>, f64) {
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let precondition = |r: &[f64]| -> Vec<f64> {
            r.iter().zip(&self.diagonal).map(|(r, d)| r / (d + damping)).collect()
        };
        let mut x = vec![0.0; self.gradient.len()];
        let mut r: Vec<f64> = self.gradient.iter().map(|g| -g).collect();
        let mut z = precondition(&r);
        let mut direction = z.clone();
        let (mut rz, first) = (dot(&r, &z), dot(&r, &r));
        for _ in 0..iterations {
            if dot(&r, &r) <= tolerance * tolerance * first {
                break;
            }
            let mut image = self.product(&direction);
            image.iter_mut().zip(&direction).for_each(|(a, d)| *a += damping * d);
            let alpha = rz / dot(&direction, &image);
            x.iter_mut().zip(&direction).for_each(|(x, d)| *x += alpha * d);
            r.iter_mut().zip(&image).for_each(|(r, a)| *r -= alpha * a);
            z = precondition(&r);
            let next = dot(&r, &z);
            direction.iter_mut().zip(&z).for_each(|(d, z)| *d = z + next / rz * *d);
            rz = next;
        }
        // δ·(−2g) − δ·JᵀJδ, with JᵀJδ = −g − λδ − r.
        let predicted = (0..x.len())
            .map(|i| x[i] * (-2.0 * self.gradient[i] + self.gradient[i] + damping * x[i] + r[i]))
            .sum();
        (x, predicted)
    }
}
