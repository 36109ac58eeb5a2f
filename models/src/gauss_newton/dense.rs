//! Damped normal equations with all matrices in memory: of the weights, or where there are fewer, of the residuals.

use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::jacobian::Jacobian;
use super::problem::LeastSquares;
use super::{GaussNewtonError, Solve};
use crate::matrix::{factorise, solve};

/// The part of a step after which its curvature is looked at.
const REACH: f64 = 0.1;

/// The largest curvature that is followed, relative to the step (M. K. Transtrum, J. P. Sethna, arXiv 1201.5885).
const LARGEST_BEND: f64 = 0.75;

/// A network too large for dense matrices.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "dense Gauss-Newton on {rows} residuals of {parameters} weights takes {needed:.1} GB, and {allowed:.1} GB are allowed"
)]
pub struct Refusal {
    /// Residuals.
    pub rows: usize,
    /// Weights.
    pub parameters: usize,
    /// What the matrices take, in GB.
    pub needed: f64,
    /// What the configuration allows, in GB.
    pub allowed: f64,
}

/// Refuses matrices that do not fit: the Jacobian, of it the columns of the weights that move, their product and its factor.
///
/// # Errors
/// If they take more than `allowed` GB.
pub(super) fn affordable(
    rows: usize,
    parameters: usize,
    columns: usize,
    allowed: f64,
) -> Result<(), Refusal> {
    let side = rows.min(columns) as f64;
    let copied = if columns < parameters { columns } else { 0 };
    let needed = 8e-9 * (rows as f64 * (parameters + copied) as f64 + 2.0 * side * side);
    if needed > allowed { Err(Refusal { rows, parameters, needed, allowed }) } else { Ok(()) }
}

/// The linearised problem at some weights.
pub(super) struct Linear {
    /// `Σ r²`.
    pub(super) cost: f64,
    /// `Jᵀ r`.
    pub(super) gradient: Vec<f64>,
    jacobian: Jacobian,
    residual: Vec<f64>,
    /// `JᵀJ`, or `JJᵀ` of the dual form.
    gram: Array2<f64>,
    dual: bool,
    /// The weights that move, if not all do.
    chosen: Option<Vec<usize>>,
    parameters: usize,
}

impl Linear {
    /// # Errors
    /// If a residual is not finite or the matrices are too large.
    pub(super) fn new(
        problem: &(impl LeastSquares + ?Sized),
        theta: &[f64],
        form: Solve,
        sketch: usize,
        memory_gb: f64,
        iteration: u64,
    ) -> Result<Self, GaussNewtonError> {
        let columns = if sketch > 0 { sketch.min(theta.len()) } else { theta.len() };
        affordable(problem.rows(), theta.len(), columns, memory_gb)?;
        let dual = match form {
            Solve::Auto => problem.rows() < columns,
            Solve::Dual => true,
            Solve::Dense | Solve::Cg => false,
        };
        let sketched = columns < theta.len();
        let (residual, mut jacobian) = Jacobian::new(problem, theta, dual && !sketched)?;
        let cost = residual.iter().map(|r| r * r).sum();
        let mut chosen = None;
        if let Jacobian::Whole(whole) = &mut jacobian
            && sketched
        {
            let mut rng = ChaCha8Rng::seed_from_u64(iteration);
            let mut columns = index::sample(&mut rng, theta.len(), columns).into_vec();
            columns.sort_unstable();
            *whole = whole.select(Axis(1), &columns).as_standard_layout().into_owned();
            chosen = Some(columns);
        }
        let gradient = jacobian.transposed_times(&residual);
        let gram = jacobian.gram(!dual);
        Ok(Self { cost, gradient, jacobian, residual, gram, dual, chosen, parameters: theta.len() })
    }

    /// The mean of the diagonal of `JᵀJ`.
    pub(super) fn scale(&self) -> f64 {
        // Both products have the same trace.
        self.gram.diag().sum() / self.jacobian.columns() as f64
    }

    /// `δ = −(JᵀJ + λ)⁻¹ Jᵀ r` of all weights, and by how much the linear model lowers the cost; the dual form is
    /// `−Jᵀ (JJᵀ + λ)⁻¹ r`. None if the matrix is singular to rounding.
    ///
    /// With `bend`, which gives the residuals at a distance from the weights, the step follows the curvature of the model's manifold:
    /// `δ − ½ (JᵀJ + λ)⁻¹ Jᵀ r″`, `r″` the second derivative along `δ` by a difference, where that correction is small.
    pub(super) fn step(
        &self,
        damping: f64,
        bend: Option<&dyn Fn(&[f64]) -> Vec<f64>>,
    ) -> Option<(Vec<f64>, f64)> {
        let mut factor = self.gram.clone();
        factor.diag_mut().iter_mut().for_each(|d| *d += damping);
        factorise(&mut factor)?;
        let solved = |r: &[f64]| -> Vec<f64> {
            if self.dual {
                let mut y = r.to_vec();
                solve(&factor, &mut y);
                self.jacobian.transposed_times(&y)
            } else {
                let mut x = self.jacobian.transposed_times(r);
                solve(&factor, &mut x);
                x
            }
        };
        let mut delta: Vec<f64> = solved(&self.residual).into_iter().map(|x| -x).collect();
        // ‖r‖² − ‖r + Jδ‖² = δ·(λδ − g) for the damped step.
        let predicted = delta.iter().zip(&self.gradient).map(|(d, g)| d * (damping * d - g)).sum();
        if let Some(bend) = bend {
            let short: Vec<f64> = delta.iter().map(|d| REACH * d).collect();
            let (there, straight) = (bend(&self.all(short)), self.jacobian.times(&delta));
            let second: Vec<f64> = there
                .iter()
                .zip(&self.residual)
                .zip(&straight)
                .map(|((there, here), straight)| 2.0 / REACH * ((there - here) / REACH - straight))
                .collect();
            let correction = solved(&second);
            let size = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            // Twice the half of it; what is not finite is not small.
            if size(&correction) <= LARGEST_BEND * size(&delta) {
                delta.iter_mut().zip(&correction).for_each(|(d, c)| *d -= 0.5 * c);
            }
        }
        Some((self.all(delta), predicted))
    }

    /// A step of the weights that move as one of all.
    fn all(&self, delta: Vec<f64>) -> Vec<f64> {
        match &self.chosen {
            None => delta,
            Some(columns) => {
                let mut all = vec![0.0; self.parameters];
                columns.iter().zip(&delta).for_each(|(c, d)| all[*c] = *d);
                all
            }
        }
    }
}
