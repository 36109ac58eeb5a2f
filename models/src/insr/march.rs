//! A network from its start to its end.

use std::sync::Arc;

use flowmap_solvers::solve::{Integrator, Outcome, ResumeError, SaveAt, Snapshot, SolveOptions, Step};
use flowmap_solvers::state::State;
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::explicit_rk::ExplicitRk;
use ndarray::{Array1, Array2};
use rand::Rng;

use super::regression::{draw, minimise};
use super::residual::StageEquations;
use super::{Effort, Explicit, Form, Function, Galerkin, Implicit, InsrConfig, Method, Space};
use crate::gauss_newton::{GaussNewtonError, Memory};

/// Steps in vain after which the fit of the start ends: a long way down has flat stretches.
const START_PATIENCE: u64 = 30;

/// A march of a network through time.
#[derive(Clone, Debug)]
pub struct March {
    /// The functions that the network can be.
    pub space: Arc<Space>,
    /// How it moves.
    pub config: InsrConfig,
    /// The seed of its points.
    pub seed: u64,
}

/// A network that was fitted to a start.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its weights.
    pub theta: Vec<f64>,
    /// The root mean square of what is left.
    pub rms: f64,
    /// Steps of the optimiser.
    pub iterations: u64,
}

/// A step that was taken.
pub struct Moment<'a> {
    /// The time at its end.
    pub t: f64,
    /// The weights there.
    pub theta: &'a [f64],
    /// The weights at the wanted times that lie in it.
    pub saved: Vec<(f64, Vec<f64>)>,
    /// What regressions have cost so far; nothing if there are none.
    pub effort: Effort,
    /// Makes a snapshot, from which a march goes on to the same bits.
    pub snapshot: &'a dyn Fn() -> Option<Snapshot>,
}

impl March {
    /// Fits a network to the quantity `start(x, q)`.
    ///
    /// # Errors
    /// If the start is not finite, or the matrices are too large.
    pub fn fit(
        &self,
        start: impl Fn(&[f64], &mut [f64]),
        rng: &mut impl Rng,
    ) -> Result<Start, GaussNewtonError> {
        let (space, c) = (&*self.space, &self.config);
        let points = draw(space, c, self.seed, 0, None);
        let mut target = Array2::zeros((space.quantities(), points.weights.len()));
        let mut q = vec![0.0; space.quantities()];
        for (n, x) in points.at.rows().into_iter().enumerate() {
            start(&x.to_vec(), &mut q);
            target.column_mut(n).assign(&ndarray::aview1(&q));
        }
        let targets = [target];
        let problem =
            StageEquations { space, points: &points, coefficients: &[], times: &[0.0], targets: &targets };
        let mut theta = space.draw(rng);
        let (rms, iterations) = minimise(
            &c.optimiser,
            &problem,
            &mut theta,
            &mut Memory::default(),
            (c.start_iterations, START_PATIENCE),
            c.start_tolerance,
        )?;
        Ok(Start { theta, rms, iterations })
    }

    /// Marches from `theta` at time zero, or from a snapshot, through `times`, which ascend from above zero; `observe` sees every step
    /// and says whether to go on. How it ended, and what went wrong if something did.
    ///
    /// # Errors
    /// If the snapshot is of another march.
    pub fn run(
        &self,
        theta: &[f64],
        times: &[f64],
        from: Option<&Snapshot>,
        mut observe: impl FnMut(Moment<'_>) -> bool,
    ) -> Result<(Outcome, Option<String>), ResumeError> {
        let c = &self.config;
        let space = &self.space;
        let weights = |y: &Function| y.weights().map_or_else(Vec::new, |w| w.to_vec());
        match (c.form, c.stepper.method()) {
            (Form::Galerkin, Method::Explicit(tableau)) => {
                let y0 = Array1::from(theta.to_vec());
                let field = Galerkin::new(space, c, self.seed);
                let failure = field.failure();
                let mut stepper = ExplicitRk::new(tableau, field, &y0);
                let weights = |y: &Array1<f64>| y.to_vec();
                let outcome =
                    self.drive(&mut stepper, &y0, times, from, weights, Effort::default, &mut observe)?;
                let failure = failure.borrow().clone();
                Ok((outcome, failure))
            }
            (_, Method::Explicit(tableau)) => {
                let y0 = Function::network(space, theta.to_vec());
                let mut stepper = Explicit::new(tableau, space, c, self.seed);
                let regressor = stepper.regressor();
                let effort = || regressor.borrow().effort;
                let outcome = self.drive(&mut stepper, &y0, times, from, weights, effort, &mut observe)?;
                let failure = regressor.borrow().failure.clone();
                Ok((outcome, failure))
            }
            (_, Method::Implicit(method)) => {
                let y0 = Function::network(space, theta.to_vec());
                let mut stepper = Implicit::new(method, space, c, self.seed);
                let regressor = stepper.regressor();
                let effort = || regressor.borrow().effort;
                let outcome = self.drive(&mut stepper, &y0, times, from, weights, effort, &mut observe)?;
                let failure = regressor.borrow().failure.clone();
                Ok((outcome, failure))
            }
        }
    }

    fn drive<Y: State, S: Stepper<Y>>(
        &self,
        stepper: &mut S,
        y0: &Y,
        times: &[f64],
        from: Option<&Snapshot>,
        weights: impl Fn(&Y) -> Vec<f64>,
        effort: impl Fn() -> Effort,
        observe: &mut impl FnMut(Moment<'_>) -> bool,
    ) -> Result<Outcome, ResumeError> {
        let (control, most) = self.config.stepper.control();
        let end = times.last().copied().unwrap_or(0.0);
        let mut options =
            SolveOptions::new(0.0, end, control).max_steps(most).save(SaveAt::Times(times.to_vec()));
        let mut integrator = match from {
            Some(snapshot) => Integrator::resume(stepper, y0, &mut options, snapshot)?,
            None => Integrator::new(stepper, y0, &mut options),
        };
        let mut seen = 0;
        loop {
            match integrator.step() {
                Step::Rejected { .. } => {}
                Step::Ended(outcome) => return Ok(outcome),
                Step::Accepted { t, .. } => {
                    let theta = weights(integrator.y());
                    let effort = effort();
                    let kept = integrator.solution();
                    let saved =
                        kept.ts[seen..].iter().zip(&kept.ys[seen..]).map(|(t, y)| (*t, weights(y))).collect();
                    seen = kept.ts.len();
                    let snapshot = || integrator.snapshot();
                    if !observe(Moment { t, theta: &theta, saved, effort, snapshot: &snapshot }) {
                        return Ok(Outcome::Unfinished { t });
                    }
                }
            }
        }
    }
}
