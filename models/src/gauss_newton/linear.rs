//! One damped linear least-squares problem.

use super::dense::Linear;
use super::krylov::Krylov;
use super::{GaussNewtonError, LeastSquares, LevenbergMarquardt, Optimiser, Solve};

/// `δ = −(JᵀJ + λ)⁻¹ Jᵀ r` at `theta`, `λ` relative to the mean of the diagonal of `JᵀJ` and raised tenfold until the matrix is not
/// singular to rounding. Solved as the optimiser solves: by conjugate gradients if it does, else by a factorisation.
///
/// # Errors
/// If a residual is not finite, or the matrices are too large.
pub fn damped_step(
    optimiser: &Optimiser,
    problem: &(impl LeastSquares + ?Sized),
    theta: &[f64],
    damping: f64,
) -> Result<Vec<f64>, GaussNewtonError> {
    let (form, memory_gb) = match optimiser {
        Optimiser::LevenbergMarquardt(LevenbergMarquardt {
            solve: Solve::Cg,
            cg_tolerance,
            cg_iterations,
            ..
        }) => {
            let linear = Krylov::new(problem, theta)?;
            return Ok(linear.step(damping * linear.scale(), *cg_tolerance, *cg_iterations).0);
        }
        Optimiser::LevenbergMarquardt(c) => (c.solve, c.memory_gb),
        Optimiser::NaturalGradient(c) => (Solve::Auto, c.memory_gb),
        Optimiser::Lbfgs(_) | Optimiser::Adam(_) => (Solve::Auto, f64::INFINITY),
    };
    let linear = Linear::new(problem, theta, form, 0, memory_gb, 0)?;
    let mut lambda = damping * linear.scale();
    loop {
        match linear.step(lambda, None) {
            Some((delta, _)) => return Ok(delta),
            None if lambda > linear.scale() || lambda.is_nan() => return Ok(vec![f64::NAN; theta.len()]),
            None => lambda *= 10.0,
        }
    }
}
