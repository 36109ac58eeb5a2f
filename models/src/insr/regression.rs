//! Networks found by least squares, one after the other along a march.

use std::sync::Arc;

use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::residual::StageEquations;
use super::{Function, InsrConfig, Points, Sampling, Space};
use crate::gauss_newton::{
    GaussNewtonError, LeastSquares, LevenbergMarquardt, Memory, Optimiser, Step, cost,
};

/// What regressions have cost, and how well they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effort {
    /// Regressions.
    pub fits: u64,
    /// Steps of the optimiser.
    pub iterations: u64,
    /// The largest root mean square at the end of one.
    pub worst: f64,
}

/// All that one regression after the other needs.
pub(super) struct Regressor {
    pub(super) space: Arc<Space>,
    config: InsrConfig,
    points: Points,
    seed: u64,
    /// The configured one, with a damping that begins at the regularisation: a stage is near where its regression begins.
    optimiser: Optimiser,
    /// What the regressions of the last step changed, and the place in the step at hand.
    changes: Vec<Vec<f64>>,
    place: usize,
    pub(super) effort: Effort,
    /// The first thing that went wrong.
    pub(super) failure: Option<String>,
    /// The last sum that was made one network.
    last: Option<(Function, Arc<Vec<f64>>)>,
}

/// The share to which the root mean square must fall in a step of the optimiser for that not to be in vain.
const WORTHWHILE: f64 = 0.9;

/// The share of its target that a regression may leave at most.
const LOST: f64 = 0.1;

/// Steps in vain after which a regression ends.
const PATIENCE: u64 = 3;

impl Regressor {
    pub(super) fn new(space: &Arc<Space>, config: &InsrConfig, seed: u64) -> Self {
        Self {
            points: draw(space, config, seed, 0, None),
            space: Arc::clone(space),
            config: config.clone(),
            seed,
            optimiser: match config.optimiser.clone() {
                Optimiser::LevenbergMarquardt(c) => {
                    Optimiser::LevenbergMarquardt(LevenbergMarquardt { damping: config.regularisation, ..c })
                }
                other => other,
            },
            changes: Vec::new(),
            place: 0,
            effort: Effort::default(),
            failure: None,
            last: None,
        }
    }

    /// Points of the next regression, which starts from `theta`.
    pub(super) fn points(&mut self, t: f64, theta: &[f64]) -> &Points {
        if matches!(self.config.sampling.scheme, Sampling::Resampled | Sampling::Adaptive) {
            self.points = draw(&self.space, &self.config, self.seed, self.effort.fits + 1, Some((t, theta)));
        }
        &self.points
    }

    /// A step begins.
    pub(super) fn begin(&mut self) {
        self.place = 0;
    }

    /// The weights of one network that is the sum `y`.
    pub(super) fn project(&mut self, t: f64, y: &Function) -> Arc<Vec<f64>> {
        if let Some(theta) = y.weights() {
            return Arc::clone(theta);
        }
        if let Some((before, theta)) = &self.last
            && before.same(y)
        {
            return Arc::clone(theta);
        }
        let newest = self.last.as_ref().map(|(_, theta)| Arc::clone(theta));
        let base = y.terms.iter().find(|(_, term)| term.time.is_none());
        let from = match (self.place, newest, base) {
            (1.., Some(newest), _) => newest,
            (_, _, Some((_, term))) => Arc::clone(&term.theta),
            _ => Arc::new(vec![f64::NAN; self.space.parameters()]),
        };
        self.points(t, &from);
        let target = [y.values(&self.points)];
        let theta = Arc::new(self.solve(&from, &[], &[t], &target));
        self.last = Some((y.clone(), Arc::clone(&theta)));
        theta
    }

    /// The weights of all stages, from weights at which to begin; not numbers if there are none.
    pub(super) fn solve(
        &mut self,
        from: &[f64],
        coefficients: &[f64],
        times: &[f64],
        targets: &[Array2<f64>],
    ) -> Vec<f64> {
        if self.failure.is_some() {
            return vec![f64::NAN; from.len()];
        }
        let (space, points) = (Arc::clone(&self.space), self.points.clone());
        let problem = StageEquations { space: &space, points: &points, coefficients, times, targets };
        let mut theta = from.to_vec();
        if let Some(change) = self.changes.get(self.place) {
            let ahead: Vec<f64> = from.iter().zip(change).map(|(a, b)| a + b).collect();
            if cost(&problem, &ahead) < cost(&problem, from) {
                theta = ahead;
            }
        }
        let c = &self.config;
        let mut memory = Memory { step: self.effort.iterations, ..Memory::default() };
        let limits = (c.iterations, PATIENCE);
        match minimise(&self.optimiser, &problem, &mut theta, &mut memory, limits, c.tolerance) {
            // Squares overflow before the numbers do.
            Ok((rms, _)) if !rms.is_finite() => {
                self.failure = Some(format!("the residual of a regression at t = {:.4} is {rms}", times[0]));
                theta.fill(f64::NAN);
            }
            Ok((rms, _)) if rms > LOST * size(targets, &points.weights) + c.tolerance => {
                self.failure = Some(format!(
                    "a regression at t = {:.4} left {rms:.1e} of a function of size {:.1e}: the network has lost the solution",
                    times[0],
                    size(targets, &points.weights)
                ));
                theta.fill(f64::NAN);
            }
            Ok((rms, iterations)) => {
                self.effort.fits += 1;
                self.effort.iterations += iterations;
                self.effort.worst = self.effort.worst.max(rms);
            }
            Err(error) => {
                self.failure = Some(error.to_string());
                theta.fill(f64::NAN);
            }
        }
        let change = theta.iter().zip(from).map(|(a, b)| a - b).collect();
        match self.changes.get_mut(self.place) {
            Some(before) => *before = change,
            None => self.changes.push(change),
        }
        self.place += 1;
        theta
    }

    /// All that further regressions depend on.
    pub(super) fn write(&self, out: &mut Vec<f64>) {
        let e = &self.effort;
        out.extend([e.fits as f64, e.iterations as f64, e.worst]);
        out.push(self.changes.len() as f64);
        for change in &self.changes {
            out.push(change.len() as f64);
            out.extend(change);
        }
    }

    /// Becomes what [`write`](Self::write) gave; whether it was of this kind.
    pub(super) fn read(&mut self, entries: &mut &[f64]) -> bool {
        let mut take = |n: usize| {
            let (head, rest) = entries.split_at_checked(n)?;
            *entries = rest;
            Some(head.to_vec())
        };
        let mut read = || {
            let head = take(4)?;
            let mut change = || {
                let length = take(1)?[0];
                take(length as usize)
            };
            let changes = (0..head[3] as usize).map(|_| change()).collect::<Option<_>>()?;
            Some((head, changes))
        };
        let Some((head, changes)) = read() else { return false };
        self.effort = Effort { fits: head[0] as u64, iterations: head[1] as u64, worst: head[2] };
        self.changes = changes;
        self.last = None;
        true
    }
}

/// The root mean square of the targets of all stages.
fn size(targets: &[Array2<f64>], weights: &[f64]) -> f64 {
    let squares =
        |q: &Array2<f64>| -> f64 { weights.iter().zip(q.columns()).map(|(w, q)| w * q.dot(&q)).sum() };
    targets.iter().map(squares).sum::<f64>().sqrt()
}

/// Lowers a sum of squares until its root is below the tolerance, after so many steps, or after so many in vain; the root, and the steps
/// taken.
///
/// # Errors
/// If a residual is not finite, or the matrices are too large.
pub(super) fn minimise(
    optimiser: &Optimiser,
    problem: &impl LeastSquares,
    theta: &mut [f64],
    memory: &mut Memory,
    (iterations, patience): (usize, u64),
    tolerance: f64,
) -> Result<(f64, u64), GaussNewtonError> {
    let mut rms = cost(problem, theta).sqrt();
    let mut idle = 0;
    for n in 0..iterations as u64 {
        if rms <= tolerance {
            return Ok((rms, n));
        }
        let step = optimiser.step(problem, theta, memory)?;
        let after = step.cost().sqrt();
        idle = if after > WORTHWHILE * rms { idle + 1 } else { 0 };
        let second_order = !matches!(optimiser, Optimiser::Adam(_) | Optimiser::Lbfgs(_));
        rms = after;
        if matches!(step, Step::Stalled { .. }) || (second_order && idle >= patience) {
            return Ok((rms, n + 1));
        }
    }
    Ok((rms, iterations as u64))
}

/// Points of a draw.
pub(super) fn draw(
    space: &Space,
    config: &InsrConfig,
    seed: u64,
    index: u64,
    from: Option<(f64, &[f64])>,
) -> Points {
    let (axes, c) = (space.axes(), &config.sampling);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    match (c.scheme, from) {
        (Sampling::Quadrature, _) => Points::quadrature(axes, c.points),
        (Sampling::Adaptive, Some((t, theta))) => {
            Points::adapted(axes, c.points, c.share, &mut rng, |candidates| {
                let f = space.slope(t, theta, candidates);
                f.columns().into_iter().map(|c| c.iter().map(|f| f * f).sum::<f64>().sqrt()).collect()
            })
        }
        _ => Points::spread(axes, c.points, &mut rng),
    }
}
