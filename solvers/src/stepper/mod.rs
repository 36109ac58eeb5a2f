//! One step of a time integrator.

use crate::state::State;

/// The work that a stepper has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Work {
    /// Evaluations of the vector field, or of the nonlinear part of a semilinear one.
    pub evaluations: u64,
    /// Jacobians formed.
    pub jacobians: u64,
    /// Matrix factorisations.
    pub factorisations: u64,
    /// Linear solves, Newton iterations among them.
    pub linear_solves: u64,
    /// Times that coefficients which depend on the step size (φ-functions, say) were rebuilt.
    pub preparations: u64,
}

/// Why a step could not be formed; an adaptive driver answers with a smaller step.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum StepFailure {
    /// Newton's method did not converge.
    #[error("the Newton iteration did not converge within {iterations} iterations")]
    Newton {
        /// Iterations made.
        iterations: usize,
    },
    /// The iteration matrix `I − hγJ` could not be inverted.
    #[error("the iteration matrix is singular")]
    Singular,
}

/// A method bound to a field: proposes steps, estimates their error, remembers what the next step can reuse.
///
/// The driver's protocol is `step` (any number of times, with smaller `dt` each), then `accept` once; after
/// that `interpolate` refers to the accepted step.
pub trait Stepper<Y: State> {
    /// The order of convergence of the solution.
    fn order(&self) -> usize;

    /// The order of the embedded error estimate (the lower of the pair), if the method has one.
    fn embedded_order(&self) -> Option<usize> {
        None
    }

    /// Proposes `y1 ≈ y(t + dt)` from `y = y(t)`. `dt` may be negative.
    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure>;

    /// The error estimate of the last proposal, if the method has one.
    fn error(&self) -> Option<&Y> {
        None
    }

    /// Takes the last proposal as the new state: first-same-as-last stages and multistep history move on.
    fn accept(&mut self) {}

    /// Forgets all that earlier steps left (after an event or an external change of the state).
    fn reset(&mut self) {}

    /// The order of the method's dense output; zero if it has none, and then a driver lands on save times exactly.
    fn dense_order(&self) -> usize {
        0
    }

    /// Writes the dense output at `t + θ·dt`, `θ ∈ [0, 1]`, of the last accepted step from `y0` to `y1`.
    ///
    /// May evaluate the field (once per step) where the interpolant needs extra stages.
    fn interpolate(&mut self, theta: f64, y0: &Y, y1: &Y, out: &mut Y) {
        out.combine(y0, &[(-theta, y0), (theta, y1)]);
    }

    /// The dense output of the last accepted step as a value of its own.
    fn dense_step(&mut self, y0: &Y, y1: &Y) -> DenseStep<Y> {
        DenseStep { base: y0.clone(), terms: vec![y0.clone(), y1.clone()], weights: |theta, w| {
            w[0] = -theta;
            w[1] = theta;
        }, scale: 1.0 }
    }

    /// Writes the time derivative at `(t, y)` into `dy` if the method can give it (for the first step size).
    fn derivative(&mut self, _t: f64, _y: &Y, _dy: &mut Y) -> bool {
        false
    }

    /// The work done so far.
    fn work(&self) -> Work;
}

/// The interpolant of one step, `y(θ) = base + scale · Σᵢ wᵢ(θ) termᵢ`.
#[derive(Clone, Debug)]
pub struct DenseStep<Y> {
    /// The value at `θ = 0`.
    pub base: Y,
    /// Stages, or end values and slopes.
    pub terms: Vec<Y>,
    /// Writes the weights of the terms at `θ`.
    pub weights: fn(f64, &mut [f64]),
    /// A factor common to all weights (the step size for stages).
    pub scale: f64,
}
