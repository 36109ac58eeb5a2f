//! What a gradient is asked for, and what it gives.

use serde::{Deserialize, Serialize};

use crate::event::Grazing;
use crate::solve::{Outcome, Solution};

/// A loss and its cotangents: what it says of a [`Solution`].
#[derive(Clone, Debug)]
pub struct Loss<Y> {
    /// The value.
    pub value: f64,
    /// The derivative by each of [`Solution::ys`].
    pub ys: Vec<Y>,
    /// The derivative by the time and the state of the terminal event, beside what `ys` says of it.
    pub event: Option<(f64, Y)>,
}

impl<Y> Loss<Y> {
    /// A loss of the saved states.
    pub fn new(value: f64, ys: Vec<Y>) -> Self {
        Self { value, ys, event: None }
    }
}

/// What a gradient has cost, and how good it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GradientStatistics {
    /// Steps taken.
    pub steps: u64,
    /// Evaluations of the field by the solve.
    pub forward_evaluations: u64,
    /// Evaluations of the field on the way back.
    pub backward_evaluations: u64,
    /// Evaluations that were differentiated.
    pub pull_backs: u64,
    /// The most states that were kept at one time.
    pub checkpoints: u64,
    /// The most memory that kept states and stages took at one time, in bytes.
    pub peak_bytes: u64,
    /// Memory of the record of the steps' times, in bytes: flat for steps of one size.
    pub record_bytes: u64,
    /// The largest relative error of a state found by running back, where that is done.
    pub reconstruction_error: f64,
    /// Segments that were computed again since their reconstruction was off.
    pub fallbacks: u64,
}

/// A solve and its gradient.
#[derive(Clone, Debug)]
pub struct Differentiated<Y, G> {
    /// The solve.
    pub solution: Solution<Y>,
    /// The loss.
    pub value: f64,
    /// The gradient by the start.
    pub y0: Y,
    /// The gradient by the parameters of the field.
    pub parameters: G,
    /// The gradients by the times, where asked for.
    pub times: Option<TimeGradients>,
    /// The cost.
    pub stats: GradientStatistics,
}

/// Gradients by the times of a solve.
///
/// They are those of the flow at the computed states, `∂y(s)/∂s = f`, so they differ from differences of the discrete
/// solution by its error.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeGradients {
    /// By the start, with the state there held.
    pub t0: f64,
    /// By each of [`Solution::ts`]; the end of the interval is the last where that is saved.
    pub ts: Vec<f64>,
}

/// Why there is no gradient.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GradientError {
    /// The solve ended early.
    #[error("there is no gradient of a solve that did not end as asked: it {0}")]
    Unfinished(Outcome),
    /// The loss gave a wrong number of cotangents.
    #[error("the loss gave {given} cotangents for {saved} saved states")]
    Cotangents {
        /// Cotangents.
        given: usize,
        /// Saved states.
        saved: usize,
    },
    /// The solve ended at an event whose condition has no derivative.
    #[error(
        "event {index} ended the solve and its condition has no derivative: give one with event_gradient"
    )]
    EventGradient {
        /// The event.
        index: usize,
    },
    /// The solve ended at an event whose time has no derivative.
    #[error(transparent)]
    Grazing(#[from] Grazing),
    /// An event changed the state.
    #[error(
        "event {index} reset the state at t = {t}: give it as a gradient::Jump, with its derivatives, to \
         gradient::differentiate_through"
    )]
    Reset {
        /// The event.
        index: usize,
        /// Its time.
        t: f64,
    },
    /// A stochastic equation.
    #[error("{0} needs an ordinary equation")]
    Ordinary(&'static str),
}
