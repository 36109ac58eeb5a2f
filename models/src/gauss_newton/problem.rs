//! A sum of squares whose Jacobian is known row by row.

use std::ops::Range;

use ndarray::{Array2, ArrayViewMut2, s};
use rayon::prelude::*;

use super::{FactorsMut, GaussNewtonError, Layer};

/// Residuals `r(θ)` in chunks of rows that can be computed side by side.
pub trait LeastSquares: Sync {
    /// The number of weights.
    fn parameters(&self) -> usize;
    /// The rows of every chunk, one chunk after the other from zero.
    fn chunks(&self) -> Vec<Range<usize>>;
    /// Writes the residuals of a chunk.
    fn residual(&self, theta: &[f64], chunk: usize, r: &mut [f64]);
    /// Writes the residuals of a chunk and their derivatives `[row, weight]`.
    fn linearise(&self, theta: &[f64], chunk: usize, r: &mut [f64], jacobian: ArrayViewMut2<'_, f64>);
    /// Writes the residuals of a chunk and adds `Jᵀ r` of the chunk to `gradient`.
    fn pull_back(&self, theta: &[f64], chunk: usize, r: &mut [f64], gradient: &mut [f64]) {
        let mut jacobian = Array2::zeros((r.len(), self.parameters()));
        self.linearise(theta, chunk, r, jacobian.view_mut());
        for (row, r) in jacobian.rows().into_iter().zip(r) {
            gradient.iter_mut().zip(row).for_each(|(g, j)| *g += *r * j);
        }
    }
    /// The layers that hold all weights, if the derivatives of a residual are few outer products in each of them; none otherwise.
    fn layers(&self) -> Vec<Layer> {
        Vec::new()
    }
    /// Writes the residuals of a chunk and, layer by layer, the factors of their derivatives; only called where there are [`layers`](Self::layers).
    fn factors(&self, theta: &[f64], chunk: usize, r: &mut [f64], factors: Vec<FactorsMut<'_>>) {
        let _ = factors;
        self.residual(theta, chunk, r);
    }
    /// The number of residuals.
    fn rows(&self) -> usize {
        self.chunks().last().map_or(0, |c| c.end)
    }
}

/// `Σ r²` at `theta`; not finite where a residual is not.
pub fn cost(problem: &(impl LeastSquares + ?Sized), theta: &[f64]) -> f64 {
    let chunks = problem.chunks();
    let parts: Vec<f64> = chunks
        .par_iter()
        .enumerate()
        .map(|(c, rows)| {
            let mut r = vec![0.0; rows.len()];
            problem.residual(theta, c, &mut r);
            r.iter().map(|r| r * r).sum()
        })
        .collect();
    parts.iter().sum()
}

/// The residuals at `theta`.
pub(super) fn residuals(problem: &(impl LeastSquares + ?Sized), theta: &[f64]) -> Vec<f64> {
    let mut r = vec![0.0; problem.rows()];
    split(problem, &mut r).into_par_iter().for_each(|(c, r)| problem.residual(theta, c, r));
    r
}

/// The rows of every chunk.
pub(super) fn split<'r>(
    problem: &(impl LeastSquares + ?Sized),
    r: &'r mut [f64],
) -> Vec<(usize, &'r mut [f64])> {
    let (mut rest, mut work) = (r, Vec::new());
    for (c, rows) in problem.chunks().iter().enumerate() {
        let (r, after) = rest.split_at_mut(rows.len());
        work.push((c, r));
        rest = after;
    }
    work
}

/// `Σ r²` and `Jᵀ r`, which is half its gradient.
///
/// # Errors
/// If a residual is not finite.
pub fn gradient(
    problem: &(impl LeastSquares + ?Sized),
    theta: &[f64],
) -> Result<(f64, Vec<f64>), GaussNewtonError> {
    let chunks = problem.chunks();
    let parts: Vec<_> = chunks
        .par_iter()
        .enumerate()
        .map(|(c, rows)| {
            let (mut r, mut g) = (vec![0.0; rows.len()], vec![0.0; theta.len()]);
            problem.pull_back(theta, c, &mut r, &mut g);
            finite(&r, rows.start).map(|()| (r.iter().map(|r| r * r).sum::<f64>(), g))
        })
        .collect();
    let (mut cost, mut total) = (0.0, vec![0.0; theta.len()]);
    for part in parts {
        let (c, g) = part?;
        cost += c;
        total.iter_mut().zip(&g).for_each(|(t, g)| *t += g);
    }
    Ok((cost, total))
}

/// The whole residual and Jacobian.
///
/// # Errors
/// If a residual is not finite.
pub(super) fn linearised(
    problem: &(impl LeastSquares + ?Sized),
    theta: &[f64],
) -> Result<(Vec<f64>, Array2<f64>), GaussNewtonError> {
    let chunks = problem.chunks();
    let rows = chunks.last().map_or(0, |c| c.end);
    let mut r = vec![0.0; rows];
    let mut jacobian = Array2::zeros((rows, theta.len()));
    {
        let mut rest = jacobian.view_mut();
        let mut work = Vec::with_capacity(chunks.len());
        for (c, r) in split(problem, &mut r) {
            let (j, below) = rest.split_at(ndarray::Axis(0), r.len());
            work.push((c, r, j));
            rest = below;
        }
        work.into_par_iter().for_each(|(c, r, j)| problem.linearise(theta, c, r, j));
    }
    finite(&r, 0)?;
    Ok((r, jacobian))
}

/// Visits the Jacobian chunk by chunk without ever holding all of it; the results stand in the order of the chunks.
pub(super) fn by_chunks<T: Send>(
    problem: &(impl LeastSquares + ?Sized),
    theta: &[f64],
    visit: impl Fn(Range<usize>, &[f64], &Array2<f64>) -> T + Sync,
) -> Vec<T> {
    let chunks = problem.chunks();
    chunks
        .into_par_iter()
        .enumerate()
        .map(|(c, rows)| {
            let mut r = vec![0.0; rows.len()];
            let mut jacobian = Array2::zeros((rows.len(), theta.len()));
            problem.linearise(theta, c, &mut r, jacobian.slice_mut(s![.., ..]));
            visit(rows, &r, &jacobian)
        })
        .collect()
}

pub(super) fn finite(r: &[f64], first: usize) -> Result<(), GaussNewtonError> {
    match r.iter().position(|r| !r.is_finite()) {
        Some(at) => Err(GaussNewtonError::NonFinite { row: first + at, value: r[at] }),
        None => Ok(()),
    }
}
