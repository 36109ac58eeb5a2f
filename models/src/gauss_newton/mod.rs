//! Nonlinear least squares in `f64` on the host: Levenberg-Marquardt, the natural gradient, L-BFGS and Adam on the same residuals.

mod adam;
mod config;
mod dense;
mod jacobian;
mod krylov;
mod lbfgs;
mod linear;
mod marquardt;
mod natural;
mod problem;

pub use config::{Adam, Lbfgs, LevenbergMarquardt, NaturalGradient, Optimiser, Solve};
pub use dense::Refusal;
pub use jacobian::{FactorsMut, Layer};
pub use linear::damped_step;
pub use problem::{LeastSquares, cost, gradient};

/// How one step ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// The cost fell, or, for a method without a line search, the step was taken.
    Taken {
        /// The sum of the squares of the residuals at the new weights (of Adam, at the old ones).
        cost: f64,
    },
    /// No step that was tried lowers the cost: a minimum, as far as the precision reaches.
    Stalled {
        /// The sum of the squares of the residuals.
        cost: f64,
    },
}

impl Step {
    /// The sum of the squares of the residuals.
    pub fn cost(self) -> f64 {
        match self {
            Self::Taken { cost } | Self::Stalled { cost } => cost,
        }
    }
}

/// Why a step could not be taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GaussNewtonError {
    /// A residual is not a finite number.
    #[error("residual {row} is {value}")]
    NonFinite {
        /// Its row.
        row: usize,
        /// Its value.
        value: f64,
    },
    /// The matrices do not fit into the memory that is allowed.
    #[error(transparent)]
    TooLarge(#[from] Refusal),
}

/// What an optimiser remembers from step to step; with the weights it determines all that follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Steps so far.
    pub step: u64,
    /// The damping and its growth, or what else is a number.
    pub scalars: Vec<f64>,
    /// Moments, or pairs of steps and changes of the gradient.
    pub vectors: Vec<Vec<f64>>,
}

impl Optimiser {
    /// One step from `theta`.
    ///
    /// # Errors
    /// If a residual at `theta` is not finite, or the matrices are too large.
    pub fn step(
        &self,
        problem: &(impl LeastSquares + ?Sized),
        theta: &mut [f64],
        memory: &mut Memory,
    ) -> Result<Step, GaussNewtonError> {
        let step = match self {
            Self::LevenbergMarquardt(c) => marquardt::step(c, problem, theta, memory),
            Self::NaturalGradient(c) => natural::step(c, problem, theta),
            Self::Lbfgs(c) => lbfgs::step(c, problem, theta, memory),
            Self::Adam(c) => adam::step(c, problem, theta, memory),
        };
        memory.step += 1;
        step
    }
}
