//! The step of the natural gradient.

use super::dense::Linear;
use super::{GaussNewtonError, LeastSquares, NaturalGradient, Solve, Step, cost};

pub(super) fn step(
    config: &NaturalGradient,
    problem: &(impl LeastSquares + ?Sized),
    theta: &mut [f64],
) -> Result<Step, GaussNewtonError> {
    let linear = Linear::new(problem, theta, Solve::Auto, 0, config.memory_gb, 0)?;
    // The smallest damping at which the matrix is not singular to rounding.
    let mut damping = config.damping * linear.scale();
    let delta = loop {
        match linear.step(damping, None) {
            Some((delta, _)) => break delta,
            None if damping > linear.scale() => return Ok(Step::Stalled { cost: linear.cost }),
            None => damping *= 10.0,
        }
    };
    let (mut best, mut eta) = (None, 1.0);
    for _ in 0..=config.halvings {
        let trial: Vec<f64> = theta.iter().zip(&delta).map(|(t, d)| t + eta * d).collect();
        let cost = cost(problem, &trial);
        let (least, _) = best.as_ref().map_or((linear.cost, &trial), |(c, t): &(f64, Vec<f64>)| (*c, t));
        if cost < least {
            best = Some((cost, trial));
        } else if best.is_some() {
            break;
        }
        eta *= 0.5;
    }
    Ok(match best {
        Some((cost, trial)) => {
            theta.copy_from_slice(&trial);
            Step::Taken { cost }
        }
        None => Step::Stalled { cost: linear.cost },
    })
}
