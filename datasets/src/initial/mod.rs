//! Where trajectories start: `[data.initial.NAME]`.

mod exact;
mod gaussian;
mod noise;
mod random;
mod water;

pub use exact::{
    BrightSoliton, Cnoidal, CnoidalWave, ColeHopf, FisherFronts, PlaneWave, Solitons, TaylorGreen, Wave,
    WaveOnGrid,
};
pub use gaussian::Gaussian;
pub use noise::Noise;
pub use random::{GaussianRandomField, Size, Spots, TruncatedFourier};
pub use water::{Geostrophic, GeostrophicJet, SimpleWave};

use flowmap_solvers::fourier::{FourierGrid, GridKind};
use flowmap_solvers::issue::{Check, Issue, Validate};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use crate::problem::cells::CellProblem;
use crate::problem::dde::DdeProblem;
use crate::problem::ode::OdeProblem;
use crate::problem::pde::PdeProblem;
use crate::problem::sde::SdeProblem;

/// An initial condition, the same for all trajectories or drawn for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitialConfig {
    /// A random sum of the longest waves.
    TruncatedFourier(TruncatedFourier),
    /// A Gaussian random field.
    GaussianRandomField(GaussianRandomField),
    /// Random Gaussian spots of the second species in a sea of the first.
    Spots(Spots),
    /// A sum of given waves.
    Waves(Waves),
    /// A Gaussian bump on a periodic axis.
    Gaussian(Gaussian),
    /// `z² cos(πz)`, `z` from −1 to 1 along the axis: the start of the benchmark of Allen and Cahn's equation
    /// (M. Raissi et al., J. Comput. Phys. 378 (2019) 686). Its slope jumps where the axis closes.
    SquaredCosine(Empty),
    /// `cos(κx)(1 + sin(κx))`, `κ = 2π/length`: the start of Kassam and Trefethen.
    KassamTrefethen(Empty),
    /// `N` solitons of the Korteweg-de Vries equation.
    Solitons(Solitons),
    /// The periodic wave of the Korteweg-de Vries equation.
    Cnoidal(Cnoidal),
    /// The Cole-Hopf solution of Burgers' equation.
    ColeHopf(ColeHopf),
    /// A pair of exact fronts of the Fisher-KPP equation.
    FisherFronts(FisherFronts),
    /// The bright soliton of the nonlinear Schrödinger equation.
    BrightSoliton(BrightSoliton),
    /// A plane wave of the nonlinear Schrödinger equation.
    PlaneWave(PlaneWave),
    /// The decaying vortices of Taylor and Green.
    TaylorGreen(TaylorGreen),
    /// Shallow water in geostrophic balance under a random surface.
    Geostrophic(Geostrophic),
    /// Jets of shallow water in geostrophic balance.
    GeostrophicJet(GeostrophicJet),
    /// A simple wave of shallow water.
    SimpleWave(SimpleWave),
    /// Clouds of smooth noise in a fluid at rest.
    Noise(Noise),
    /// The system's own textbook start.
    Textbook(Empty),
    /// A given state.
    Point(Point),
    /// A state drawn uniformly from a box.
    Box(BoxRange),
    /// A state drawn from a normal distribution.
    Normal(Normal),
}

/// No parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// A sum of given waves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waves {
    /// The waves.
    pub waves: Vec<Wave>,
}

/// A given state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// The state, or the first trajectory's start.
    pub y: Vec<f64>,
}

/// A box of states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxRange {
    /// Lower corner.
    pub low: Vec<f64>,
    /// Upper corner.
    pub high: Vec<f64>,
}

/// A normal distribution of states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normal {
    /// Mean; the textbook start if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mean: Vec<f64>,
    /// Standard deviation of every entry.
    pub std: f64,
}

impl InitialConfig {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TruncatedFourier(_) => "truncated_fourier",
            Self::GaussianRandomField(_) => "gaussian_random_field",
            Self::Spots(_) => "spots",
            Self::Waves(_) => "waves",
            Self::Gaussian(_) => "gaussian",
            Self::SquaredCosine(_) => "squared_cosine",
            Self::KassamTrefethen(_) => "kassam_trefethen",
            Self::Solitons(_) => "solitons",
            Self::Cnoidal(_) => "cnoidal",
            Self::ColeHopf(_) => "cole_hopf",
            Self::FisherFronts(_) => "fisher_fronts",
            Self::BrightSoliton(_) => "bright_soliton",
            Self::PlaneWave(_) => "plane_wave",
            Self::TaylorGreen(_) => "taylor_green",
            Self::Geostrophic(_) => "geostrophic",
            Self::GeostrophicJet(_) => "geostrophic_jet",
            Self::SimpleWave(_) => "simple_wave",
            Self::Noise(_) => "noise",
            Self::Textbook(_) => "textbook",
            Self::Point(_) => "point",
            Self::Box(_) => "box",
            Self::Normal(_) => "normal",
        }
    }

    /// The waves on a grid, of a start that is a sum of waves.
    pub fn waves(&self, grid: &FourierGrid) -> Option<Vec<WaveOnGrid>> {
        match self {
            Self::Waves(w) => Some(w.waves.iter().map(|w| w.on(grid)).collect()),
            _ => None,
        }
    }

    /// The start as a periodic function of space, where it is one in closed form.
    pub fn profile(&self, grid: &FourierGrid) -> Option<Box<dyn Fn(&[f64]) -> f64 + Send + Sync>> {
        if let Self::Gaussian(bump) = self
            && grid.axes() == 1
        {
            let start = bump.derivatives(grid);
            return Some(Box::new(move |x| start(x[0])[0]));
        }
        let waves = self.waves(grid)?;
        Some(Box::new(move |x| waves.iter().map(|w| w.at(x)).sum()))
    }

    /// The start as a function of one axis with its first four derivatives, where it is one in closed form.
    pub fn derivatives(&self, grid: &FourierGrid) -> Option<Box<dyn Fn(f64) -> [f64; 5] + Send + Sync>> {
        if grid.axes() != 1 {
            return None;
        }
        if let Self::SquaredCosine(_) = self {
            let (origin, length) = (grid.origin()[0], grid.lengths()[0]);
            return Some(Box::new(move |x| squared_cosine(origin, length, x)));
        }
        if let Self::Gaussian(bump) = self {
            return Some(Box::new(bump.derivatives(grid)));
        }
        let waves = self.waves(grid)?;
        Some(Box::new(move |x| std::array::from_fn(|k| waves.iter().map(|w| w.derivative(x, k)).sum())))
    }

    /// Draws the physical field `[channel, point]`.
    ///
    /// # Errors
    /// If this start does not fit the problem; the path of the issue is relative to `data.initial`.
    pub fn field(&self, problem: &dyn PdeProblem, rng: &mut impl Rng) -> Result<Vec<f64>, Issue> {
        let grid = problem.grid();
        let channels = problem.channels().len();
        let misfit = || {
            Issue::new(self.name(), format!("'{}' is no start for '{}' with these parameters", self.name(), problem.name()))
                .hint(match self {
                    Self::GeostrophicJet(_) => "shallow water with a coriolis parameter, a depth above the amplitude, and viscosity = 0 and hyperviscosity = 0 keeps such jets",
                    Self::SimpleWave(_) => "shallow water with coriolis = 0, viscosity = 0 and hyperviscosity = 0 has such waves",
                    _ => "take truncated_fourier or gaussian_random_field, which every field can start from, or a start of this equation",
                })
        };
        let mut random = |draw: &mut dyn FnMut(&mut dyn Rng) -> Vec<f64>| {
            (0..channels).flat_map(|_| draw(rng)).collect::<Vec<_>>()
        };
        Ok(match self {
            Self::TruncatedFourier(c) => random(&mut |rng| c.draw(grid, rng)),
            Self::GaussianRandomField(c) => random(&mut |rng| c.draw(grid, rng)),
            Self::Spots(c) if channels == 2 && grid.kind() == GridKind::Real => c.draw(grid, rng),
            Self::Geostrophic(c) => {
                let start = problem.balanced(c.draw(grid, rng)).ok_or_else(misfit)?;
                start.map_err(|what| {
                    Issue::new("geostrophic", what)
                        .hint("give the problem a coriolis parameter, and a depth above the amplitude")
                })?
            }
            Self::Waves(_) => {
                let start = self.profile(grid).ok_or_else(misfit)?;
                let mut u = grid.sample(|x| start(x));
                u.resize(channels * grid.points(), 0.0);
                u
            }
            Self::SquaredCosine(_) | Self::Gaussian(_) if grid.axes() == 1 && channels == 1 => {
                let start = self.derivatives(grid).ok_or_else(misfit)?;
                grid.sample(|x| start(x[0])[0])
            }
            Self::KassamTrefethen(_) if grid.axes() == 1 && channels == 1 => {
                let kappa = std::f64::consts::TAU / grid.lengths()[0];
                grid.sample(|x| (kappa * x[0]).cos() * (1.0 + (kappa * x[0]).sin()))
            }
            _ => problem.exact(self).ok_or_else(misfit)?(0.0),
        })
    }

    /// Draws the stored field `[channel, x, y]` of a flow on cells.
    ///
    /// # Errors
    /// If this start does not fit the flow.
    pub fn cells(&self, problem: &dyn CellProblem, rng: &mut impl Rng) -> Result<Vec<f64>, Issue> {
        match self {
            Self::Textbook(_) => Ok(problem.initial()),
            Self::Noise(noise) => {
                let clouds = noise.draw(problem, rng).ok_or_else(|| {
                    Issue::new("noise.scale", "no wave of the noise fits the box")
                        .hint("raise it, or the problem's length")
                })?;
                problem.clouds(clouds).ok_or_else(|| self.no_start(problem))
            }
            Self::TruncatedFourier(waves) => {
                let grid = FourierGrid::new(&problem.cells(), &problem.lengths())
                    .map_err(|e| Issue::new(self.name(), e.to_string()))?;
                let start = problem.waves(&mut || waves.draw(&grid, rng));
                start
                    .ok_or_else(|| self.no_start(problem))?
                    .map_err(|what| Issue::new("truncated_fourier.amplitude", what).hint("lower it"))
            }
            _ => Err(self.no_start(problem)),
        }
    }

    fn no_start(&self, problem: &dyn CellProblem) -> Issue {
        Issue::new(self.name(), format!("'{}' is no start for '{}'", self.name(), problem.name()))
            .hint("a flow on cells starts from textbook, between walls from noise, on a torus from truncated_fourier")
    }

    /// Draws the state of a system of ordinary differential equations.
    ///
    /// # Errors
    /// If this start does not fit the system.
    pub fn state(&self, problem: &dyn OdeProblem, rng: &mut impl Rng) -> Result<Vec<f64>, Issue> {
        self.draw(problem.name(), &problem.variables(), problem.initial(), rng)
    }

    /// Draws the constant past of a system of delay differential equations.
    ///
    /// # Errors
    /// If this start does not fit the system.
    pub fn past(&self, problem: &dyn DdeProblem, rng: &mut impl Rng) -> Result<Vec<f64>, Issue> {
        self.draw(problem.name(), &problem.variables(), problem.initial(), rng)
    }

    /// Draws the start of a system of stochastic differential equations.
    ///
    /// # Errors
    /// If this start does not fit the system.
    pub fn origin(&self, problem: &dyn SdeProblem, rng: &mut impl Rng) -> Result<Vec<f64>, Issue> {
        self.draw(problem.name(), &problem.variables(), problem.initial(), rng)
    }

    fn draw(
        &self,
        system: &str,
        variables: &[String],
        textbook: Vec<f64>,
        rng: &mut impl Rng,
    ) -> Result<Vec<f64>, Issue> {
        let n = variables.len();
        let dimension = |key: &str, got: usize| {
            if got == n {
                return Ok(());
            }
            let path = format!("{}.{key}", self.name());
            Err(Issue::new(path, format!("{got} entries for a system of {n}"))
                .hint(format!("give {n}: {}", variables.join(", "))))
        };
        match self {
            Self::Textbook(_) => Ok(textbook),
            Self::Point(p) => dimension("y", p.y.len()).map(|()| p.y.clone()),
            Self::Box(b) => {
                dimension("low", b.low.len())?;
                dimension("high", b.high.len())?;
                Ok(b.low.iter().zip(&b.high).map(|(l, h)| l + (h - l) * rng.random::<f64>()).collect())
            }
            Self::Normal(d) => {
                let mean = if d.mean.is_empty() { &textbook } else { &d.mean };
                dimension("mean", mean.len())?;
                Ok(mean.iter().map(|m| m + d.std * rng.sample::<f64, _>(StandardNormal)).collect())
            }
            _ => Err(Issue::new(self.name(), format!("'{}' is no start for '{system}'", self.name()))
                .hint("a system of ordinary equations starts from textbook, point, box or normal")),
        }
    }
}

impl Validate for InitialConfig {
    fn validate(&self, mut check: Check<'_>) {
        let mut check = check.table(self.name());
        match self {
            Self::TruncatedFourier(c) => c.validate(check),
            Self::GaussianRandomField(c) => c.validate(check),
            Self::Spots(c) => c.validate(check),
            Self::Gaussian(c) => c.validate(check),
            Self::Solitons(c) => c.validate(check),
            Self::Cnoidal(c) => c.validate(check),
            Self::ColeHopf(c) => c.validate(check),
            Self::FisherFronts(c) => c.validate(check),
            Self::BrightSoliton(c) => c.validate(check),
            Self::PlaneWave(c) => check.finite("amplitude", c.amplitude),
            Self::TaylorGreen(c) => c.validate(check),
            Self::Geostrophic(c) => c.validate(check),
            Self::GeostrophicJet(c) => c.validate(check),
            Self::SimpleWave(c) => c.validate(check),
            Self::Noise(c) => c.validate(check),
            Self::Waves(c) => {
                for w in &c.waves {
                    check.finite("waves", w.amplitude);
                    check.finite("waves", w.phase);
                    check.require(
                        !w.modes.is_empty(),
                        "waves",
                        "a wave without modes",
                        "give one mode per axis",
                    );
                }
            }
            Self::Point(c) => c.y.iter().for_each(|y| check.finite("y", *y)),
            Self::Box(c) => {
                c.low.iter().for_each(|y| check.finite("low", *y));
                c.high.iter().for_each(|y| check.finite("high", *y));
            }
            Self::Normal(c) => {
                c.mean.iter().for_each(|y| check.finite("mean", *y));
                check.non_negative("std", c.std);
            }
            Self::SquaredCosine(_) | Self::KassamTrefethen(_) | Self::Textbook(_) => {}
        }
    }
}

/// `z² cos(πz)` and its first four derivatives with respect to `x`.
fn squared_cosine(origin: f64, length: f64, x: f64) -> [f64; 5] {
    use std::f64::consts::PI;
    let z = 2.0 * ((x - origin) / length).rem_euclid(1.0) - 1.0;
    let (s, c) = (PI * z).sin_cos();
    let (q, k) = (PI * z, 2.0 / length);
    [
        z * z * c,
        k * z * (2.0 * c - q * s),
        k * k * (2.0 * c - 4.0 * q * s - q * q * c),
        k.powi(3) * PI * (-6.0 * s - 6.0 * q * c + q * q * s),
        k.powi(4) * PI * PI * (-12.0 * c + 8.0 * q * s + q * q * c),
    ]
}
