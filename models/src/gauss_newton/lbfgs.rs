//! The step of limited-memory BFGS.

use super::{GaussNewtonError, Lbfgs, LeastSquares, Memory, Step, gradient};

/// Of the strong Wolfe conditions.
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
const TRIALS: usize = 25;

pub(super) fn step(
    config: &Lbfgs,
    problem: &(impl LeastSquares + ?Sized),
    theta: &mut [f64],
    memory: &mut Memory,
) -> Result<Step, GaussNewtonError> {
    let value = |theta: &[f64]| {
        gradient(problem, theta).map(|(c, mut g)| {
            g.iter_mut().for_each(|g| *g *= 2.0);
            (c, g)
        })
    };
    let (cost, g) = value(theta)?;
    let mut direction = two_loops(&memory.vectors, &g);
    if dot(&direction, &g) >= 0.0 {
        memory.vectors.clear();
        direction = g.iter().map(|g| -g).collect();
    }
    let first = if memory.vectors.is_empty() { 1.0 / norm(&g).max(1.0) } else { 1.0 };
    let along = |a: f64| -> Option<(f64, Vec<f64>, f64)> {
        let trial: Vec<f64> = theta.iter().zip(&direction).map(|(t, d)| t + a * d).collect();
        let (c, g) = value(&trial).ok()?;
        let slope = dot(&g, &direction);
        Some((c, g, slope))
    };
    let Some((a, after, g_after)) = wolfe(&along, cost, dot(&g, &direction), first) else {
        // The next step begins with the gradient alone; that too may be in vain.
        let lone = memory.vectors.is_empty();
        memory.vectors.clear();
        return Ok(if lone { Step::Stalled { cost } } else { Step::Taken { cost } });
    };
    let s: Vec<f64> = direction.iter().map(|d| a * d).collect();
    let y: Vec<f64> = g_after.iter().zip(&g).map(|(a, b)| a - b).collect();
    theta.iter_mut().zip(&s).for_each(|(t, s)| *t += s);
    if dot(&s, &y) > 1e-14 * norm(&s) * norm(&y) {
        memory.vectors.extend([s, y]);
        if memory.vectors.len() > 2 * config.history {
            memory.vectors.drain(..2);
        }
    }
    Ok(Step::Taken { cost: after })
}

/// `−H g` from the pairs `s₀, y₀, s₁, y₁, …`.
fn two_loops(pairs: &[Vec<f64>], g: &[f64]) -> Vec<f64> {
    let mut q: Vec<f64> = g.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(pairs.len() / 2);
    for pair in pairs.chunks_exact(2).rev() {
        let alpha = dot(&pair[0], &q) / dot(&pair[0], &pair[1]);
        q.iter_mut().zip(&pair[1]).for_each(|(q, y)| *q -= alpha * y);
        alphas.push(alpha);
    }
    if let [.., s, y] = pairs {
        let scale = dot(s, y) / dot(y, y);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for (pair, alpha) in pairs.chunks_exact(2).zip(alphas.iter().rev()) {
        let beta = dot(&pair[1], &q) / dot(&pair[0], &pair[1]);
        q.iter_mut().zip(&pair[0]).for_each(|(q, s)| *q += (alpha - beta) * s);
    }
    q
}

/// A step that satisfies the strong Wolfe conditions, with the cost and the gradient there.
fn wolfe(
    along: &impl Fn(f64) -> Option<(f64, Vec<f64>, f64)>,
    cost: f64,
    slope: f64,
    first: f64,
) -> Option<(f64, f64, Vec<f64>)> {
    // The ends of the bracket: step, cost, slope; `low` has the lower cost.
    let (mut low, mut high) = ((0.0, cost, slope), None::<(f64, f64, f64)>);
    let mut a = first;
    for _ in 0..TRIALS {
        // Where the cost is no number the step was too long.
        let Some((c, g, s)) = along(a) else {
            high = Some((a, f64::INFINITY, f64::NAN));
            a = 0.5 * (low.0 + a);
            continue;
        };
        if c > cost + DECREASE * a * slope || c >= low.1 {
            high = Some((a, c, s));
        } else {
            if s.abs() <= -CURVATURE * slope {
                return Some((a, c, g));
            }
            let outward = high.map_or(1.0, |h| h.0 - low.0);
            if s * outward >= 0.0 {
                high = Some(low);
            }
            low = (a, c, s);
        }
        a = match high {
            None => 2.0 * a,
            Some(high) => between(low, high),
        };
    }
    // Not the curvature, but a decrease.
    (low.0 > 0.0).then(|| along(low.0)).flatten().map(|(c, g, _)| (low.0, c, g))
}

/// The minimum of the cubic through both ends, or the middle where it is none or too near to one.
fn between(low: (f64, f64, f64), high: (f64, f64, f64)) -> f64 {
    let width = high.0 - low.0;
    let d1 = low.2 + high.2 - 3.0 * (low.1 - high.1) / (low.0 - high.0);
    let d2 = (d1 * d1 - low.2 * high.2).sqrt() * width.signum();
    let a = high.0 - width * (high.2 + d2 - d1) / (high.2 - low.2 + 2.0 * d2);
    let share = (a - low.0) / width;
    if (0.1..=0.9).contains(&share) { a } else { low.0 + 0.5 * width }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
