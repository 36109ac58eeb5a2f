//! The step of Levenberg and Marquardt.

use super::dense::Linear;
use super::krylov::Krylov;
use super::problem::residuals;
use super::{GaussNewtonError, LeastSquares, LevenbergMarquardt, Memory, Solve, Step, cost};

/// The share of the promised gain below which a step is refused.
const LEAST_GAIN: f64 = 1e-4;

/// `λ` never falls below this, relative to the mean of the diagonal of `JᵀJ`: there the factorisation is rounding.
const LEAST_DAMPING: f64 = 1e-15;

pub(super) fn step(
    config: &LevenbergMarquardt,
    problem: &(impl LeastSquares + ?Sized),
    theta: &mut [f64],
    memory: &mut Memory,
) -> Result<Step, GaussNewtonError> {
    let at = theta.to_vec();
    if config.solve == Solve::Cg {
        let linear = Krylov::new(problem, &at)?;
        let solve = |l: f64| Some(linear.step(l, config.cg_tolerance, config.cg_iterations));
        Ok(search(config, problem, theta, memory, linear.cost, linear.scale(), solve))
    } else {
        let linear = Linear::new(problem, &at, config.solve, config.sketch, config.memory_gb, memory.step)?;
        let bend = |delta: &[f64]| {
            let there: Vec<f64> = at.iter().zip(delta).map(|(t, d)| t + d).collect();
            residuals(problem, &there)
        };
        let bend: Option<&dyn Fn(&[f64]) -> Vec<f64>> =
            (config.geodesic && config.sketch == 0).then_some(&bend);
        Ok(search(config, problem, theta, memory, linear.cost, linear.scale(), |l| linear.step(l, bend)))
    }
}

/// Raises the damping until a step lowers the cost as the linear model promises.
fn search(
    config: &LevenbergMarquardt,
    problem: &(impl LeastSquares + ?Sized),
    theta: &mut [f64],
    memory: &mut Memory,
    before: f64,
    scale: f64,
    solve: impl Fn(f64) -> Option<(Vec<f64>, f64)>,
) -> Step {
    if memory.scalars.len() != 2 {
        memory.scalars = vec![config.damping * scale, 2.0];
    }
    let [mut damping, mut growth] = [memory.scalars[0], memory.scalars[1]];
    let mut outcome = Step::Stalled { cost: before };
    for _ in 0..config.attempts {
        damping = damping.max(LEAST_DAMPING * scale).max(f64::MIN_POSITIVE);
        if let Some((delta, predicted)) = solve(damping) {
            let trial: Vec<f64> = theta.iter().zip(&delta).map(|(t, d)| t + d).collect();
            let cost = cost(problem, &trial);
            let gain = (before - cost) / predicted;
            if predicted > 0.0 && gain > LEAST_GAIN {
                theta.copy_from_slice(&trial);
                damping *= (1.0 - (2.0 * gain - 1.0).powi(3)).clamp(config.decrease, 2.0);
                growth = 2.0;
                outcome = Step::Taken { cost };
                break;
            }
        }
        damping *= growth;
        growth *= 2.0;
    }
    if matches!(outcome, Step::Stalled { .. }) {
        // The next points may be another problem: it begins where this one began, not at the end of a search in vain.
        growth = 2.0;
        damping = memory.scalars[0];
    }
    memory.scalars = vec![damping, growth];
    outcome
}
