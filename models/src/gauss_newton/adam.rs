//! The step of Adam.

use super::{Adam, GaussNewtonError, LeastSquares, Memory, Step, gradient};

const BETA: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

pub(super) fn step(
    config: &Adam,
    problem: &(impl LeastSquares + ?Sized),
    theta: &mut [f64],
    memory: &mut Memory,
) -> Result<Step, GaussNewtonError> {
    if memory.vectors.len() != 2 {
        memory.vectors = vec![vec![0.0; theta.len()]; 2];
    }
    let (cost, g) = gradient(problem, theta)?;
    let n = i32::try_from(memory.step + 1).unwrap_or(i32::MAX);
    let [unbias_m, unbias_v] = BETA.map(|b| 1.0 - b.powi(n));
    let (m, v) = memory.vectors.split_at_mut(1);
    for (((t, m), v), g) in theta.iter_mut().zip(&mut m[0]).zip(&mut v[0]).zip(&g) {
        let g = 2.0 * g;
        *m += (1.0 - BETA[0]) * (g - *m);
        *v += (1.0 - BETA[1]) * (g * g - *v);
        *t -= config.rate * (*m / unbias_m) / ((*v / unbias_v).sqrt() + EPSILON);
    }
    Ok(Step::Taken { cost })
}
