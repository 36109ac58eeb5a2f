//! The problems that Flowmap knows: `[problem.NAME]`.

pub mod boxed;
pub mod cells;
pub mod dde;
pub mod density;
pub mod labelled;
pub mod ode;
pub mod pde;
pub mod sde;

use std::sync::Arc;

use flowmap_solvers::fourier::GridError;
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use boxed::Boxed;
use cells::{Boundary, CellProblem};
use dde::DdeProblem;
use density::Density;
use labelled::Labelled;
use ode::OdeProblem;
use pde::{Operators, Pde, PdeProblem};
use sde::SdeProblem;

/// A problem, ready to be solved.
#[derive(Clone)]
pub enum Problem {
    /// A partial differential equation on a periodic grid.
    Pde(Arc<dyn PdeProblem>),
    /// A system of ordinary differential equations.
    Ode(Arc<dyn OdeProblem>),
    /// A system of delay differential equations.
    Dde(Arc<dyn DdeProblem>),
    /// A system of stochastic differential equations.
    Sde(Arc<dyn SdeProblem>),
    /// Labelled series: no equation, samples.
    Labelled(Arc<dyn Labelled>),
    /// A probability density in the plane: no equation, samples.
    Density(Arc<dyn Density>),
    /// A flow on cells, moved by a method of its own.
    Cells(Arc<dyn CellProblem>),
    /// A problem in a box with walls: no periodic grid holds it.
    Boxed(Arc<dyn Boxed>),
}

impl Problem {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pde(p) => p.name(),
            Self::Ode(p) => p.name(),
            Self::Dde(p) => p.name(),
            Self::Sde(p) => p.name(),
            Self::Labelled(p) => p.name(),
            Self::Density(p) => p.name(),
            Self::Cells(p) => p.name(),
            Self::Boxed(p) => p.name(),
        }
    }

    /// One line of mathematics.
    pub fn equation(&self) -> &'static str {
        match self {
            Self::Pde(p) => p.equation(),
            Self::Ode(p) => p.equation(),
            Self::Dde(p) => p.equation(),
            Self::Sde(p) => p.equation(),
            Self::Labelled(p) => p.equation(),
            Self::Density(p) => p.equation(),
            Self::Cells(p) => p.equation(),
            Self::Boxed(p) => p.equation(),
        }
    }

    /// The names of the channels of a state.
    pub fn channels(&self) -> Vec<String> {
        match self {
            Self::Pde(p) => p.channels().iter().map(|c| (*c).to_owned()).collect(),
            Self::Ode(p) => p.variables(),
            Self::Dde(p) => p.variables(),
            Self::Sde(p) => p.variables(),
            Self::Labelled(p) => p.channels(),
            Self::Density(_) => vec!["x".into(), "y".into()],
            Self::Cells(p) => p.channels().iter().map(|c| (*c).to_owned()).collect(),
            Self::Boxed(p) => p.channels(),
        }
    }

    /// The shape `[channel, x, …]` of a state.
    pub fn state_shape(&self) -> Vec<usize> {
        match self {
            Self::Pde(p) => {
                let mut shape = vec![p.channels().len()];
                shape.extend(p.grid().shape());
                shape
            }
            Self::Ode(p) => vec![p.variables().len()],
            Self::Dde(p) => vec![p.variables().len()],
            Self::Sde(p) => vec![p.variables().len()],
            Self::Labelled(p) => vec![p.channels().len()],
            Self::Density(_) => vec![2],
            Self::Cells(p) => [&[p.channels().len()], &p.cells()[..]].concat(),
            Self::Boxed(p) => vec![p.channels().len()],
        }
    }

    /// The points of every axis.
    pub fn coordinates(&self) -> Vec<Vec<f64>> {
        match self {
            Self::Pde(p) => (0..p.grid().axes()).map(|a| p.grid().coordinates(a)).collect(),
            Self::Cells(p) => (0..2).map(|a| p.coordinates(a)).collect(),
            _ => Vec::new(),
        }
    }

    /// What ends every axis.
    pub fn boundaries(&self) -> Vec<Boundary> {
        match self {
            Self::Pde(p) => vec![Boundary::Periodic; p.grid().axes()],
            Self::Cells(p) => p.boundaries().to_vec(),
            _ => Vec::new(),
        }
    }

    /// The conserved quantities of a state.
    pub fn invariants(&self, u: &[f64]) -> Vec<(&'static str, f64)> {
        self.invariant_reader()(u)
    }

    /// [`invariants`](Self::invariants) of many states, with one scratch space for all.
    pub fn invariant_reader(&self) -> Box<dyn FnMut(&[f64]) -> Vec<(&'static str, f64)> + '_> {
        match self {
            Self::Pde(p) => {
                let mut ws = p.workspace();
                Box::new(move |u| p.invariants(u, &mut ws))
            }
            Self::Ode(p) => Box::new(|u| p.invariants(u)),
            Self::Cells(p) => Box::new(|u| p.invariants(u)),
            _ => Box::new(|_| Vec::new()),
        }
    }

    /// A time between samples that resolves the motion, where one is known.
    pub fn time_step(&self) -> Option<f64> {
        match self {
            Self::Ode(p) => p.time_step(),
            _ => None,
        }
    }

    /// The largest Lyapunov exponent, where it is known.
    pub fn lyapunov_exponent(&self) -> Option<f64> {
        match self {
            Self::Pde(p) => p.lyapunov_exponent(),
            Self::Ode(p) => p.lyapunov_exponent(),
            _ => None,
        }
    }
}

macro_rules! problems {
    (
        pde { $($pde:ident),* $(,)? }
        ode { $($ode:ident => $name:literal),* $(,)? }
        dde { $($dde:ident => $dde_name:literal),* $(,)? }
        sde { $($sde:ident => $sde_name:literal),* $(,)? }
        labelled { $($labelled:ident => $labelled_name:literal),* $(,)? }
        density { $($density:ident => $density_name:literal),* $(,)? }
        cells { $($cells:ident => $cells_name:literal),* $(,)? }
        boxed { $($boxed:ident => $boxed_name:literal),* $(,)? }
        built { $($built:ident => $built_name:literal),* $(,)? }
    ) => {
        /// A problem and its parameters.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs)]
        pub enum ProblemConfig {
            $($pde(pde::$pde),)*
            $($ode(ode::$ode),)*
            $($dde(dde::$dde),)*
            $($sde(sde::$sde),)*
            $($labelled(labelled::$labelled),)*
            $($density(density::$density),)*
            $($cells(cells::$cells),)*
            $($boxed(boxed::$boxed),)*
            $($built(ode::$built),)*
        }

        impl ProblemConfig {
            /// The name in configs.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$pde(_) => pde::$pde::NAME,)*
                    $(Self::$ode(_) => $name,)*
                    $(Self::$dde(_) => $dde_name,)*
                    $(Self::$sde(_) => $sde_name,)*
                    $(Self::$labelled(_) => $labelled_name,)*
                    $(Self::$density(_) => $density_name,)*
                    $(Self::$cells(_) => $cells_name,)*
                    $(Self::$boxed(_) => $boxed_name,)*
                    $(Self::$built(_) => $built_name,)*
                }
            }

            /// Whether it is a kind of labelled series: they are drawn, nothing is solved.
            pub fn is_labelled(&self) -> bool {
                match self {
                    $(Self::$labelled(_) => true,)*
                    _ => false,
                }
            }

            /// Whether it is a density: points are drawn, nothing is solved.
            pub fn is_density(&self) -> bool {
                match self {
                    $(Self::$density(_) => true,)*
                    _ => false,
                }
            }

            /// Whether it is a problem in a box with walls: networks alone solve it.
            pub fn is_boxed(&self) -> bool {
                match self {
                    $(Self::$boxed(_) => true,)*
                    _ => false,
                }
            }

            /// The problem, with its grid and plans.
            ///
            /// # Errors
            /// If the configured points or lengths allow no grid.
            pub fn build(&self) -> Result<Problem, GridError> {
                Ok(match self {
                    $(Self::$pde(p) => Problem::Pde(Arc::new(Pde::new(p.clone())?)),)*
                    $(Self::$ode(p) => Problem::Ode(Arc::new(p.clone())),)*
                    $(Self::$dde(p) => Problem::Dde(Arc::new(p.clone())),)*
                    $(Self::$sde(p) => Problem::Sde(Arc::new(p.clone())),)*
                    $(Self::$labelled(p) => Problem::Labelled(Arc::new(p.clone())),)*
                    $(Self::$density(p) => Problem::Density(Arc::new(p.clone())),)*
                    $(Self::$cells(p) => Problem::Cells(Arc::new(p.clone())),)*
                    $(Self::$boxed(p) => Problem::Boxed(Arc::new(p.clone())),)*
                    $(Self::$built(p) => p.build(),)*
                })
            }

            /// Every problem with its default parameters.
            pub fn all() -> Vec<Self> {
                vec![$(Self::$pde(pde::$pde::default()),)* $(Self::$ode(ode::$ode::default()),)*
                    $(Self::$dde(dde::$dde::default()),)* $(Self::$sde(sde::$sde::default()),)*
                    $(Self::$labelled(labelled::$labelled::default()),)*
                    $(Self::$density(density::$density::default()),)*
                    $(Self::$cells(cells::$cells::default()),)*
                    $(Self::$boxed(boxed::$boxed::default()),)*
                    $(Self::$built(ode::$built::default()),)*]
            }
        }

        impl Validate for ProblemConfig {
            fn validate(&self, mut check: Check<'_>) {
                let check = check.table(self.name());
                match self {
                    $(Self::$pde(p) => p.validate(check),)*
                    $(Self::$ode(p) => p.validate(check),)*
                    $(Self::$dde(p) => p.validate(check),)*
                    $(Self::$sde(p) => p.validate(check),)*
                    $(Self::$labelled(p) => p.validate(check),)*
                    $(Self::$density(p) => p.validate(check),)*
                    $(Self::$cells(p) => p.validate(check),)*
                    $(Self::$boxed(p) => p.validate(check),)*
                    $(Self::$built(p) => p.validate(check),)*
                }
            }
        }
    };
}

problems! {
    pde {
        Advection, Heat, AdvectionDiffusion, Dispersion, Burgers, Kdv, KuramotoSivashinsky, AllenCahn, FisherKpp,
        SwiftHohenberg, NonlinearSchrodinger, GrayScott, NavierStokes, ShallowWater,
    }
    ode {
        Linear => "linear",
        Harmonic => "harmonic",
        Logistic => "logistic",
        LotkaVolterra => "lotka_volterra",
        Pendulum => "pendulum",
        Kepler => "kepler",
        VanDerPol => "van_der_pol",
        Robertson => "robertson",
        Lorenz63 => "lorenz63",
        Lorenz96 => "lorenz96",
        Rossler => "rossler",
        DoublePendulum => "double_pendulum",
        FitzhughNagumo => "fitzhugh_nagumo",
        Chua => "chua",
        BurstingNeuron => "bursting_neuron",
        CubicSpiral => "cubic_spiral",
        Spiral => "spiral",
    }
    dde {
        MackeyGlass => "mackey_glass",
    }
    sde {
        GeometricBrownian => "geometric_brownian",
        OrnsteinUhlenbeck => "ornstein_uhlenbeck",
        DoubleWell => "double_well",
        StochasticLorenz => "stochastic_lorenz",
    }

    labelled {
        Spirals => "spirals",
    }

    density {
        TwoMoons => "two_moons",
        EightGaussians => "eight_gaussians",
        Checkerboard => "checkerboard",
    }
    cells {
        Smoke => "smoke",
        Compressible => "compressible",
    }
    boxed {
        EulerBox => "euler_box",
        ElasticBlock => "elastic_block",
        FallingBlock => "falling_block",
    }
    built {
        ChaoticFlow => "chaotic_flow",
    }
}
