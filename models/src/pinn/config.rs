//! Which network solves an equation, and how: `[model.pinn]`, `[model.lpinn]`.

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use crate::gauss_newton::Optimiser;
use crate::jet::Activation;

/// A network that is the solution of an equation, found by least squares of the equation's residual.
///
/// `pinn`: `u = B(x, t) + τ D(x) N(x, t)` with `B = u₀(x)` or what [`BaseConfig`] says. `lpinn`: `X = ξ + τ N_x(ξ, t)`, `u = u₀(ξ) + τ N_u(ξ, t)`, two networks of the same
/// size. `τ` runs from 0 to 1 in each window of time; a window starts from the end of the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PinnConfig {
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub depth: usize,
    /// The activation.
    pub activation: Activation,
    /// The frequency for which a network of sines is drawn.
    pub omega: f64,
    /// Waves `cos mκx, sin mκx` of the periodic axis that the network is shown.
    pub harmonics: usize,
    /// How the ends of the axis are held.
    pub boundary: Boundary,
    /// A symmetry of the solution that the network has exactly.
    pub symmetry: Symmetry,
    /// What the network's part is added to; of `pinn` alone.
    pub base: BaseConfig,
    /// Windows of time, solved one after the other.
    pub windows: usize,
    /// Steps of the optimiser in a window.
    pub iterations: usize,
    /// The root mean square of the residual at which a window is done; zero is never reached.
    pub tolerance: f64,
    /// What happens where characteristics cross; of `lpinn` alone.
    pub crossing: Crossing,
    /// Where the residual is measured.
    pub sampling: SamplingConfig,
    /// What lowers it.
    pub optimiser: Optimiser,
}

/// How the ends of the axis are held; both ways exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// The network is shown waves of the axis' period.
    #[default]
    Periodic,
    /// `D(x) = 4 (x − a)(b − x)/(b − a)²`: the values at both ends stay those of the start.
    Fixed,
}

/// A symmetry of the network's part in space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symmetry {
    /// None.
    #[default]
    None,
    /// `N(−x, t) = N(x, t)`: on a periodic axis the network is shown cosines alone.
    Even,
}

/// What the network's part is added to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseConfig {
    /// The start.
    #[default]
    Start,
    /// The start moved by the linear terms of the equation, then by its reaction, both exactly: one step of Lie's splitting. A start
    /// with a kink is smooth from then on.
    Split,
}

/// What happens where characteristics cross, that is where `X_ξ ≤ 0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crossing {
    /// The run ends and says where and when; the windows before are kept.
    #[default]
    Stop,
    /// The window and those after it are half as long, with labels anew at their start; the run ends where that does not help.
    Restart,
    /// The window and those after it are solved in the Eulerian frame.
    Eulerian,
}

/// Where the residual is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplingConfig {
    /// Points of a window.
    pub points: usize,
    /// How they are placed.
    pub scheme: Sampling,
    /// Steps of the optimiser between two draws.
    pub every: usize,
    /// The share of the points that follows the residual, of `adaptive`.
    pub share: f64,
}

/// How points are placed; each is a sequence of low discrepancy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Once.
    Uniform,
    /// Anew, shifted at random.
    Resampled,
    /// Anew, and a share where the residual is large (C. Wu et al., CMAME 403 (2023) 115671).
    Adaptive,
}

impl Default for PinnConfig {
    fn default() -> Self {
        Self {
            width: 20,
            depth: 3,
            activation: Activation::Tanh,
            omega: 4.0,
            harmonics: 1,
            boundary: Boundary::Periodic,
            symmetry: Symmetry::None,
            base: BaseConfig::Start,
            windows: 1,
            iterations: 200,
            tolerance: 1e-9,
            crossing: Crossing::Stop,
            sampling: SamplingConfig::default(),
            optimiser: Optimiser::default(),
        }
    }
}

impl Default for SamplingConfig {
    fn default() -> Self {
        Self { points: 3000, scheme: Sampling::Resampled, every: 10, share: 0.5 }
    }
}

impl Validate for PinnConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("depth", self.depth, 1, 32);
        check.positive("omega", self.omega);
        check.within("harmonics", self.harmonics, 1, 1024);
        check.within("windows", self.windows, 1, 10_000);
        check.require(
            self.windows == 1 || self.boundary == Boundary::Periodic,
            "windows",
            "the start of a second window is periodic",
            "take one window, or boundary = \"periodic\"",
        );
        let periodic = self.boundary == Boundary::Periodic;
        check.require(
            periodic || self.symmetry == Symmetry::None,
            "symmetry",
            "a network between fixed ends has no symmetry of its own",
            "leave it out, or take boundary = \"periodic\"",
        );
        check.require(
            periodic || self.base == BaseConfig::Start,
            "base",
            "the linear terms move a start on a periodic axis",
            "leave it out, or take boundary = \"periodic\"",
        );
        check.within("iterations", self.iterations, 1, 10_000_000);
        check.non_negative("tolerance", self.tolerance);
        let mut sampling = check.table("sampling");
        sampling.within("points", self.sampling.points, 2, 10_000_000);
        sampling.within("every", self.sampling.every, 1, 10_000_000);
        sampling.within("share", self.sampling.share, 0.0, 1.0);
        self.optimiser.validate(check.table("optimiser"));
    }
}
