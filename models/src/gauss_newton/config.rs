//! Which optimiser solves a least-squares problem: `[… .optimiser.NAME]`.

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

/// An optimiser and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimiser {
    /// Gauss-Newton with adaptive damping.
    LevenbergMarquardt(LevenbergMarquardt),
    /// Gauss-Newton with a line search.
    NaturalGradient(NaturalGradient),
    /// Limited-memory BFGS with a line search.
    Lbfgs(Lbfgs),
    /// Adam on all residuals at once.
    Adam(Adam),
}

/// `θ ← θ − (JᵀJ + λ)⁻¹ Jᵀ r`; `λ` follows the ratio of what a step gains to what the linear model promised.
///
/// K. Levenberg (1944), D. W. Marquardt (1963); the rule for `λ`: H. B. Nielsen, IMM-REP-1999-05.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LevenbergMarquardt {
    /// The first `λ`, relative to the mean of the diagonal of `JᵀJ`.
    pub damping: f64,
    /// The factor by which a good step lowers `λ`.
    pub decrease: f64,
    /// Values of `λ` that are tried in a step before it counts as stalled.
    pub attempts: usize,
    /// How the linear system is solved.
    pub solve: Solve,
    /// Whether steps follow the curvature of the model's manifold, by one more evaluation; of the dense forms where all
    /// weights move.
    pub geodesic: bool,
    /// Weights that move in a step, drawn anew for each; zero moves all.
    pub sketch: usize,
    /// The relative residual to which conjugate gradients solve.
    pub cg_tolerance: f64,
    /// The most products of conjugate gradients.
    pub cg_iterations: usize,
    /// The memory that dense matrices may take, in GB.
    pub memory_gb: f64,
}

/// How a damped linear system is solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solve {
    /// By Cholesky's method on the smaller of `JᵀJ` and `JJᵀ`.
    #[default]
    Auto,
    /// On `JᵀJ + λ`.
    Dense,
    /// On `JJᵀ + λ`, by the identity of Woodbury.
    Dual,
    /// By conjugate gradients, without any of these matrices.
    Cg,
}

/// `θ ← θ − η (JᵀJ + λ)⁻¹ Jᵀ r` with the best `η` of `1, ½, ¼, …`: the natural gradient of the energy `Σr²`.
///
/// J. Müller, M. Zeinhofer, "Achieving High Accuracy with PINNs via Energy Natural Gradients", ICML 2023.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NaturalGradient {
    /// `λ`, relative to the mean of the diagonal of `JᵀJ`.
    pub damping: f64,
    /// Halvings of `η` at most.
    pub halvings: usize,
    /// The memory that dense matrices may take, in GB.
    pub memory_gb: f64,
}

/// Limited-memory BFGS with the strong Wolfe conditions (J. Nocedal, S. Wright, Numerical Optimization, 2006, algorithms 3.5, 3.6, 7.5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lbfgs {
    /// Pairs that are remembered.
    pub history: usize,
}

/// Adam (D. P. Kingma, J. Ba, ICLR 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// The rate.
    pub rate: f64,
}

impl Default for Optimiser {
    fn default() -> Self {
        Self::LevenbergMarquardt(LevenbergMarquardt::default())
    }
}

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        Self {
            damping: 1e-3,
            decrease: 0.2,
            attempts: 12,
            solve: Solve::Auto,
            geodesic: true,
            sketch: 0,
            cg_tolerance: 1e-3,
            cg_iterations: 200,
            memory_gb: 4.0,
        }
    }
}

impl Default for NaturalGradient {
    fn default() -> Self {
        Self { damping: 1e-10, halvings: 24, memory_gb: 4.0 }
    }
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self { history: 50 }
    }
}

impl Default for Adam {
    fn default() -> Self {
        Self { rate: 1e-3 }
    }
}

impl Optimiser {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LevenbergMarquardt(_) => "levenberg_marquardt",
            Self::NaturalGradient(_) => "natural_gradient",
            Self::Lbfgs(_) => "lbfgs",
            Self::Adam(_) => "adam",
        }
    }

    /// Refuses a problem whose dense matrices would not fit into the memory that is allowed.
    ///
    /// # Errors
    /// If they do not; the error says how much they take.
    pub fn affordable(&self, rows: usize, parameters: usize) -> Result<(), super::Refusal> {
        match self {
            Self::LevenbergMarquardt(c) if c.solve != Solve::Cg => {
                let columns = if c.sketch > 0 { c.sketch.min(parameters) } else { parameters };
                super::dense::affordable(rows, parameters, columns, c.memory_gb)
            }
            Self::NaturalGradient(c) => super::dense::affordable(rows, parameters, parameters, c.memory_gb),
            _ => Ok(()),
        }
    }
}

impl Validate for Optimiser {
    fn validate(&self, mut check: Check<'_>) {
        let mut check = check.table(self.name());
        match self {
            Self::LevenbergMarquardt(c) => {
                check.positive("damping", c.damping);
                check.require(
                    c.decrease > 0.0 && c.decrease < 1.0,
                    "decrease",
                    format!("{} does not lower anything, or to zero", c.decrease),
                    "give a number between 0 and 1, such as 0.2",
                );
                check.within("attempts", c.attempts, 1, 100);
                check.positive("cg_tolerance", c.cg_tolerance);
                check.within("cg_iterations", c.cg_iterations, 1, 1_000_000);
                check.positive("memory_gb", c.memory_gb);
                check.require(
                    c.sketch == 0 || c.solve != Solve::Cg,
                    "sketch",
                    "conjugate gradients move all weights",
                    "leave sketch out, or take another solve",
                );
            }
            Self::NaturalGradient(c) => {
                check.positive("damping", c.damping);
                check.within("halvings", c.halvings, 0, 60);
                check.positive("memory_gb", c.memory_gb);
            }
            Self::Lbfgs(c) => check.within("history", c.history, 1, 1000),
            Self::Adam(c) => check.positive("rate", c.rate),
        }
    }
}
