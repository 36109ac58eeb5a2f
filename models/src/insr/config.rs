//! How a network moves in time: `[model.insr]`.

use flowmap_solvers::config::{AdaptiveConfig, FixedConfig};
use flowmap_solvers::control::{Control, Pid};
use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::stepper::explicit_rk::{
    BOGACKI_SHAMPINE, DOPRI5, EULER, HEUN, MIDPOINT, RK4, TSIT5, Tableau,
};
use serde::{Deserialize, Serialize};

use super::implicit::{Collocation, GAUSS_LEGENDRE, IMPLICIT_EULER, IMPLICIT_MIDPOINT};
use crate::gauss_newton::{Optimiser, Refusal};
use crate::jet::Activation;

/// A network whose weights move in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InsrConfig {
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub depth: usize,
    /// The activation.
    pub activation: Activation,
    /// The frequency for which a network of sines is drawn.
    pub omega: f64,
    /// Waves `cos mκx, sin mκx` of a periodic axis that the network is shown.
    pub harmonics: usize,
    /// How the ends of one axis are held; a box has walls of its own.
    pub boundary: Boundary,
    /// How the weights follow the equation.
    pub form: Form,
    /// How a flow between walls is described.
    pub flow: Flow,
    /// The method of the outer time step.
    pub stepper: OuterStep,
    /// Steps of the optimiser in which a network is fitted to the start, or minimises an energy.
    pub start_iterations: usize,
    /// The root mean square at which that ends.
    pub start_tolerance: f64,
    /// Steps of the optimiser in a regression.
    pub iterations: usize,
    /// The root mean square at which a regression ends.
    pub tolerance: f64,
    /// `λ` of `galerkin`, and the damping at which regressions begin, relative to the mean of the diagonal of `JᵀJ`; of a falling block what a change of the weights
    /// costs.
    pub regularisation: f64,
    /// Where least squares are measured.
    pub sampling: SamplingConfig,
    /// What lowers them.
    pub optimiser: Optimiser,
}

/// How the ends of the axis are held; both ways exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// The network is shown waves of the axis' period.
    #[default]
    Periodic,
    /// The network is multiplied by a factor that is zero at both ends.
    Zero,
}

/// How the weights follow the equation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Every stage of a step is a network, found by regression (H. Chen et al., ICML 2023).
    #[default]
    Regression,
    /// `θ′ = argmin ‖J θ′ − f‖² + λ ‖θ′‖²` (J. Bruna et al., J. Comput. Phys. 496 (2024) 112588).
    Galerkin,
}

/// How a flow between walls is described: by a stream function and what it obeys, or by velocity and pressure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// The equation of the velocity, its pressure left out by orthogonality.
    Velocity,
    /// The equation of the vorticity.
    #[default]
    Vorticity,
    /// No stream function: velocity and pressure, by advection, projection and correction.
    Splitting,
}

/// The method of the outer time step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum OuterStep {
    Euler(FixedConfig),
    Midpoint(FixedConfig),
    Heun(FixedConfig),
    Rk4(FixedConfig),
    BogackiShampine(AdaptiveConfig),
    Dopri5(AdaptiveConfig),
    Tsit5(AdaptiveConfig),
    ImplicitEuler(FixedConfig),
    ImplicitMidpoint(FixedConfig),
    GaussLegendre(FixedConfig),
}

/// Where least squares are measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplingConfig {
    /// Points; of `quadrature`, on each axis.
    pub points: usize,
    /// How they are placed.
    pub scheme: Sampling,
    /// The share of the points that follows the slope, of `adaptive`.
    pub share: f64,
}

/// How points are placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// At the nodes of Gauss's rule between walls, evenly on a periodic axis.
    #[default]
    Quadrature,
    /// Once, by a sequence of low discrepancy.
    Uniform,
    /// By that sequence, shifted anew for every regression; of an elastic block for every step of the optimiser.
    Resampled,
    /// Resampled, and a share where the slope is large.
    Adaptive,
}

/// What an outer step is made by.
#[derive(Clone, Copy, Debug)]
pub enum Method {
    /// A tableau of the integrator core.
    Explicit(&'static Tableau),
    /// Collocation, whose stages are solved for together.
    Implicit(&'static Collocation),
}

impl OuterStep {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        match self.method() {
            Method::Explicit(t) => t.name,
            Method::Implicit(c) => c.name,
        }
    }

    /// What makes the step.
    pub fn method(&self) -> Method {
        match self {
            Self::Euler(_) => Method::Explicit(&EULER),
            Self::Midpoint(_) => Method::Explicit(&MIDPOINT),
            Self::Heun(_) => Method::Explicit(&HEUN),
            Self::Rk4(_) => Method::Explicit(&RK4),
            Self::BogackiShampine(_) => Method::Explicit(&BOGACKI_SHAMPINE),
            Self::Dopri5(_) => Method::Explicit(&DOPRI5),
            Self::Tsit5(_) => Method::Explicit(&TSIT5),
            Self::ImplicitEuler(_) => Method::Implicit(&IMPLICIT_EULER),
            Self::ImplicitMidpoint(_) => Method::Implicit(&IMPLICIT_MIDPOINT),
            Self::GaussLegendre(_) => Method::Implicit(&GAUSS_LEGENDRE),
        }
    }

    /// The step control, and the most steps.
    pub fn control(&self) -> (Control, u64) {
        match *self {
            Self::Euler(c)
            | Self::Midpoint(c)
            | Self::Heun(c)
            | Self::Rk4(c)
            | Self::ImplicitEuler(c)
            | Self::ImplicitMidpoint(c)
            | Self::GaussLegendre(c) => (Control::Fixed { dt: c.dt }, u64::MAX),
            Self::BogackiShampine(c) | Self::Dopri5(c) | Self::Tsit5(c) => {
                let pid = Control::Pid(Pid { rtol: c.rtol, atol: c.atol, ..Pid::default() });
                (c.dt.map_or(pid, |dt| Control::Fixed { dt }), c.max_steps)
            }
        }
    }
}

impl InsrConfig {
    /// Refuses regressions whose dense matrices would not fit into the memory that is allowed: of networks with so many outputs on
    /// `axes` axes, `rows` residuals a point.
    ///
    /// # Errors
    /// If they do not; the error says how much they take.
    pub fn affordable(
        &self,
        axes: usize,
        periodic: bool,
        outputs: usize,
        rows: usize,
    ) -> Result<(), Refusal> {
        let features = if periodic { 2 * self.harmonics * axes } else { axes };
        let hidden = (self.depth - 1) * (self.width + 1) * self.width;
        let weights = (features + 1) * self.width + hidden + (self.width + 1) * outputs;
        let points = match self.sampling.scheme {
            Sampling::Quadrature => self.sampling.points.saturating_pow(axes as u32),
            _ => self.sampling.points,
        };
        let stages = match self.stepper.method() {
            Method::Explicit(_) => 1,
            Method::Implicit(c) => c.c.len(),
        };
        self.optimiser.affordable(stages * rows * points, stages * weights)
    }
}

impl Default for InsrConfig {
    fn default() -> Self {
        Self {
            width: 20,
            depth: 3,
            activation: Activation::Sine,
            omega: 30.0,
            harmonics: 1,
            boundary: Boundary::default(),
            form: Form::default(),
            flow: Flow::default(),
            stepper: OuterStep::Rk4(FixedConfig { dt: 0.05 }),
            start_iterations: 500,
            start_tolerance: 1e-6,
            iterations: 20,
            tolerance: 1e-6,
            regularisation: 1e-7,
            sampling: SamplingConfig::default(),
            optimiser: Optimiser::default(),
        }
    }
}

impl Default for SamplingConfig {
    fn default() -> Self {
        Self { points: 1000, scheme: Sampling::default(), share: 0.5 }
    }
}

impl Validate for InsrConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("depth", self.depth, 1, 32);
        check.positive("omega", self.omega);
        check.within("harmonics", self.harmonics, 1, 1024);
        check.within("start_iterations", self.start_iterations, 1, 10_000_000);
        check.non_negative("start_tolerance", self.start_tolerance);
        check.within("iterations", self.iterations, 1, 10_000_000);
        check.non_negative("tolerance", self.tolerance);
        check.positive("regularisation", self.regularisation);
        let mut sampling = check.table("sampling");
        sampling.within("points", self.sampling.points, 2, 10_000_000);
        sampling.within("share", self.sampling.share, 0.0, 1.0);
        let mut stepper = check.table("stepper");
        let mut stepper = stepper.table(self.stepper.name());
        match self.stepper.control().0 {
            Control::Fixed { dt } => stepper.positive("dt", dt),
            Control::Pid(pid) => {
                stepper.positive("rtol", pid.rtol);
                stepper.positive("atol", pid.atol);
            }
        }
        if self.form == Form::Galerkin && matches!(self.stepper.method(), Method::Implicit(_)) {
            check.fail(
                "stepper",
                format!("weights do not move by '{}'", self.stepper.name()),
                "take an explicit method, such as rk4 or dopri5, or form = \"regression\"",
            );
        }
        self.optimiser.validate(check.table("optimiser"));
    }
}
