//! The problems that Flowmap knows: `[problem.NAME]`.

pub mod dde;
pub mod ode;
pub mod pde;

use std::sync::Arc;

use flowmap_solvers::fourier::GridError;
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use dde::DdeProblem;
use ode::OdeProblem;
use pde::{Operators, Pde, PdeProblem};

/// A problem, ready to be solved.
#[derive(Clone)]
pub enum Problem {
    /// A partial differential equation on a periodic grid.
    Pde(Arc<dyn PdeProblem>),
    /// A system of ordinary differential equations.
    Ode(Arc<dyn OdeProblem>),
    /// A system of delay differential equations.
    Dde(Arc<dyn DdeProblem>),
}

impl Problem {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pde(p) => p.name(),
            Self::Ode(p) => p.name(),
            Self::Dde(p) => p.name(),
        }
    }

    /// One line of mathematics.
    pub fn equation(&self) -> &'static str {
        match self {
            Self::Pde(p) => p.equation(),
            Self::Ode(p) => p.equation(),
            Self::Dde(p) => p.equation(),
        }
    }

    /// The names of the channels of a state.
    pub fn channels(&self) -> Vec<String> {
        match self {
            Self::Pde(p) => p.channels().iter().map(|c| (*c).to_owned()).collect(),
            Self::Ode(p) => p.variables(),
            Self::Dde(p) => p.variables(),
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
        }
    }

    /// The points of every axis.
    pub fn coordinates(&self) -> Vec<Vec<f64>> {
        match self {
            Self::Pde(p) => (0..p.grid().axes()).map(|a| p.grid().coordinates(a)).collect(),
            Self::Ode(_) | Self::Dde(_) => Vec::new(),
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
            Self::Dde(_) => Box::new(|_| Vec::new()),
        }
    }

    /// A time between samples that resolves the motion, where one is known.
    pub fn time_step(&self) -> Option<f64> {
        match self {
            Self::Ode(p) => p.time_step(),
            Self::Pde(_) | Self::Dde(_) => None,
        }
    }

    /// The largest Lyapunov exponent, where it is known.
    pub fn lyapunov_exponent(&self) -> Option<f64> {
        match self {
            Self::Pde(p) => p.lyapunov_exponent(),
            Self::Ode(p) => p.lyapunov_exponent(),
            Self::Dde(_) => None,
        }
    }
}

macro_rules! problems {
    (
        pde { $($pde:ident),* $(,)? }
        ode { $($ode:ident => $name:literal),* $(,)? }
        dde { $($dde:ident => $dde_name:literal),* $(,)? }
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
            $($built(ode::$built),)*
        }

        impl ProblemConfig {
            /// The name in configs.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$pde(_) => pde::$pde::NAME,)*
                    $(Self::$ode(_) => $name,)*
                    $(Self::$dde(_) => $dde_name,)*
                    $(Self::$built(_) => $built_name,)*
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
                    $(Self::$built(p) => p.build(),)*
                })
            }

            /// Every problem with its default parameters.
            pub fn all() -> Vec<Self> {
                vec![$(Self::$pde(pde::$pde::default()),)* $(Self::$ode(ode::$ode::default()),)*
                    $(Self::$dde(dde::$dde::default()),)*
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
                    $(Self::$built(p) => p.validate(check),)*
                }
            }
        }
    };
}

problems! {
    pde {
        Advection, Heat, AdvectionDiffusion, Dispersion, Burgers, Kdv, KuramotoSivashinsky, AllenCahn, FisherKpp,
        SwiftHohenberg, NonlinearSchrodinger, GrayScott, NavierStokes,
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
    built {
        ChaoticFlow => "chaotic_flow",
    }
}
