//! The reversible schemes as configuration.

use serde::{Deserialize, Serialize};

use super::{AsynchronousLeapfrog, Bdia, Coupled, ReversibleHeun};
use crate::field::VectorField;
use crate::gradient::{Adjoint, Differentiated, GradientError, Loss};
use crate::increment::{Ordinary, VectorJacobian};
use crate::issue::Check;
use crate::solve::{Solution, SolveOptions};
use crate::state::State;
use crate::stepper::Stepper;
use crate::stepper::advance::Advance;
use crate::stepper::explicit_rk::ExplicitMethod;

/// [`ReversibleHeun`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReversibleHeunConfig {
    /// The step size.
    pub dt: f64,
    /// Steps after which the companion starts afresh; never if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resynchronise: Option<u64>,
}

impl Default for ReversibleHeunConfig {
    fn default() -> Self {
        Self { dt: 0.01, resynchronise: None }
    }
}

/// [`AsynchronousLeapfrog`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AsynchronousLeapfrogConfig {
    /// The step size.
    pub dt: f64,
    /// The damping `η` in `(½, 1]`; 1 is none.
    pub eta: f64,
    /// Steps after which the companion starts afresh; never if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resynchronise: Option<u64>,
}

impl Default for AsynchronousLeapfrogConfig {
    fn default() -> Self {
        Self { dt: 0.01, eta: 1.0, resynchronise: None }
    }
}

/// [`Coupled`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoupledConfig {
    /// The step size.
    pub dt: f64,
    /// The method that is coupled.
    pub method: ExplicitMethod,
    /// The coupling `λ` in `(0, 1]`.
    pub lambda: f64,
    /// Steps after which the companion starts afresh; never if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resynchronise: Option<u64>,
}

impl Default for CoupledConfig {
    fn default() -> Self {
        Self { dt: 0.01, method: ExplicitMethod::Rk4, lambda: 0.999, resynchronise: None }
    }
}

/// [`Bdia`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BdiaConfig {
    /// The step size.
    pub dt: f64,
    /// The method of the steps ahead and back.
    pub method: ExplicitMethod,
    /// The weight `γ` of the step back, in `(0, 1]`.
    pub gamma: f64,
    /// Steps after which the companion starts afresh; never if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resynchronise: Option<u64>,
}

impl Default for BdiaConfig {
    fn default() -> Self {
        Self { dt: 0.01, method: ExplicitMethod::Euler, gamma: 1.0, resynchronise: None }
    }
}

/// One of the schemes with companions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReversibleScheme {
    Heun(ReversibleHeunConfig),
    Leapfrog(AsynchronousLeapfrogConfig),
    Coupled(CoupledConfig),
    Bdia(BdiaConfig),
}

/// Runs an expression with the scheme that a config names.
macro_rules! with_scheme {
    ($of:expr, |$scheme:ident| $then:expr) => {
        match $of {
            ReversibleScheme::Heun(_) => {
                let $scheme = ReversibleHeun::<Y>::new();
                $then
            }
            ReversibleScheme::Leapfrog(c) => {
                let $scheme = AsynchronousLeapfrog::<Y>::new(c.eta);
                $then
            }
            ReversibleScheme::Coupled(c) => {
                let $scheme = Coupled::<Y>::new(c.method.tableau(), c.lambda);
                $then
            }
            ReversibleScheme::Bdia(c) => {
                let $scheme = Bdia::<Y>::new(c.method.tableau(), c.gamma);
                $then
            }
        }
    };
}

impl ReversibleScheme {
    fn resynchronise(self) -> Option<u64> {
        match self {
            Self::Heun(c) => c.resynchronise,
            Self::Leapfrog(c) => c.resynchronise,
            Self::Coupled(c) => c.resynchronise,
            Self::Bdia(c) => c.resynchronise,
        }
    }

    pub(crate) fn stepper<'a, Y: State + 'a, F: VectorField<Y> + 'a>(
        self,
        field: F,
    ) -> Box<dyn Stepper<Y> + 'a> {
        with_scheme!(self, |scheme| {
            Box::new(Advance::<_, _, Y>::new(scheme, Ordinary(field)).resynchronised(self.resynchronise()))
        })
    }

    pub(crate) fn differentiate<Y: State, F: VectorJacobian<Y>>(
        self,
        adjoint: Adjoint<Y>,
        field: F,
        y0: &Y,
        options: &mut SolveOptions<Y>,
        loss: impl FnOnce(&Solution<Y>) -> Loss<Y>,
    ) -> Result<Differentiated<Y, F::Gradient>, GradientError> {
        let adjoint = match self.resynchronise() {
            None => adjoint,
            steps => adjoint.resynchronised(steps),
        };
        with_scheme!(self, |scheme| adjoint.differentiate(scheme, Ordinary(field), y0, options, loss))
    }

    pub(crate) fn validate(self, check: &mut Check<'_>) {
        let mut in_unit = |key: &str, value: f64, low: f64| {
            check.require(
                value > low && value <= 1.0,
                key,
                format!("{value} is out of range"),
                format!("it must be above {low} and at most 1"),
            );
        };
        match self {
            Self::Heun(_) => {}
            Self::Leapfrog(c) => in_unit("eta", c.eta, 0.5),
            Self::Coupled(c) => in_unit("lambda", c.lambda, 0.0),
            Self::Bdia(c) => in_unit("gamma", c.gamma, 0.0),
        }
        check.require(
            self.resynchronise() != Some(0),
            "resynchronise",
            "0 steps is never and always",
            "give at least 1, or leave it out",
        );
    }
}
