//! Compressible flow on a torus.

mod field;
mod flux;

use flowmap_solvers::config::{MethodKind, SolverConfig};
use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::stepper::Stepper;
use ndarray::Array1;
use serde::{Deserialize, Serialize};

use super::limited::Limited;
use super::{Boundary, CellProblem};
use field::FiniteVolumes;

/// `ρ_t + ∇·(ρw) = 0`, `(ρw)_t + ∇·(ρ w⊗w + p) = ∇·σ`, `E_t + ∇·((E + p) w) = ∇·(σw)` on a torus, with
/// `E = p/(γ − 1) + ρ|w|²/2` and `σ = η (∇w + ∇wᵀ − ⅔ ∇·w) + ζ ∇·w`.
///
/// The compressible Navier-Stokes equations of PDEBench (M. Takamoto et al., NeurIPS 2022), which do not conduct heat. Stored are
/// density, pressure and velocity at the middle of the cells, `ρ, p, u, v`. Finite volumes: limited linear slopes, the flux of three
/// waves (HLLC), central differences for the viscous part; of order two in space where the flow is smooth. An explicit method with
/// steps of one size moves them; a step is divided into as many parts as the condition of Courant, Friedrichs and Lewy asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compressible {
    /// Cells of each axis.
    pub points: [usize; 2],
    /// The length of each axis.
    pub lengths: [f64; 2],
    /// The ratio of specific heats `γ`.
    pub gamma: f64,
    /// The shear viscosity `η`.
    pub shear_viscosity: f64,
    /// The bulk viscosity `ζ`.
    pub bulk_viscosity: f64,
    /// The share of the largest stable step that a part takes.
    pub cfl: f64,
}

impl Default for Compressible {
    fn default() -> Self {
        Self {
            points: [64; 2],
            lengths: [1.0; 2],
            gamma: 5.0 / 3.0,
            shear_viscosity: 0.01,
            bulk_viscosity: 0.01,
            cfl: 0.4,
        }
    }
}

impl Validate for Compressible {
    fn validate(&self, mut check: Check<'_>) {
        for n in self.points {
            check.within("points", n, 4, 4096);
        }
        self.lengths.iter().for_each(|l| check.positive("lengths", *l));
        check.require(
            self.gamma > 1.0 && self.gamma <= 10.0,
            "gamma",
            format!("{} is no ratio of specific heats", self.gamma),
            "give a number above 1, such as 1.4",
        );
        check.non_negative("shear_viscosity", self.shear_viscosity);
        check.non_negative("bulk_viscosity", self.bulk_viscosity);
        check.within("cfl", self.cfl, 1e-3, 1.0);
    }
}

impl Compressible {
    /// Density, pressure and velocity at a place as a field `[channel, x, y]`.
    pub fn sample(&self, at: impl Fn(f64, f64) -> [f64; 4]) -> Vec<f64> {
        let (x, y) = (self.coordinates(0), self.coordinates(1));
        let values: Vec<[f64; 4]> = x.iter().flat_map(|x| y.iter().map(|y| at(*x, *y))).collect();
        (0..4).flat_map(|c| values.iter().map(move |v| v[c])).collect()
    }
}

impl CellProblem for Compressible {
    fn name(&self) -> &'static str {
        "compressible"
    }

    fn equation(&self) -> &'static str {
        "ρ_t + ∇·(ρw) = 0, (ρw)_t + ∇·(ρ w⊗w + p) = ∇·σ, E_t + ∇·((E + p) w) = ∇·(σw)"
    }

    fn channels(&self) -> &'static [&'static str] {
        &["rho", "p", "u", "v"]
    }

    fn cells(&self) -> [usize; 2] {
        self.points
    }

    fn lengths(&self) -> [f64; 2] {
        self.lengths
    }

    fn boundaries(&self) -> [Boundary; 2] {
        [Boundary::Periodic; 2]
    }

    fn fits(&self, solver: &SolverConfig) -> bool {
        solver.kind() == MethodKind::Explicit && solver.dt().is_some()
    }

    fn advice(&self) -> &'static str {
        "take heun or another explicit method with a dt"
    }

    fn stepper(&self, solver: &SolverConfig) -> Option<Box<dyn Stepper<Array1<f64>>>> {
        solver.dt()?;
        let field = FiniteVolumes::new(self);
        let like = Array1::zeros(field.size());
        let bound = field.clone();
        let inner = solver.explicit_stepper(field, &like)?;
        Some(Box::new(Limited::new(inner, move |y: &[f64]| bound.largest_step(y))))
    }

    fn to_state(&self, u: &[f64]) -> Array1<f64> {
        let n = u.len() / 4;
        let mut state = vec![0.0; u.len()];
        for i in 0..n {
            let w = [u[i], u[2 * n + i], u[3 * n + i], u[n + i]];
            for (k, value) in flux::conserved(&w, self.gamma).into_iter().enumerate() {
                state[k * n + i] = value;
            }
        }
        state.into()
    }

    fn to_physical(&self, state: &Array1<f64>) -> Vec<f64> {
        let n = state.len() / 4;
        let mut u = vec![0.0; state.len()];
        for i in 0..n {
            let [density, through, along, pressure] =
                field::primitive([state[i], state[n + i], state[2 * n + i], state[3 * n + i]], self.gamma);
            (u[i], u[n + i], u[2 * n + i], u[3 * n + i]) = (density, pressure, through, along);
        }
        u
    }

    /// A shear layer that rolls up: two streams of opposite direction, a sine across them.
    fn initial(&self) -> Vec<f64> {
        let [lx, ly] = self.lengths;
        self.sample(|x, y| {
            let (a, b) = (x / lx, y / ly);
            let inside = 0.5 * (((b - 0.25) / 0.03).tanh() - ((b - 0.75) / 0.03).tanh());
            let across = 0.05 * (2.0 * std::f64::consts::TAU * a).sin();
            [1.0 + inside, 2.5, inside - 0.5, across]
        })
    }

    /// `ρ = 1 + d₁`, `p = 1 + d₂`, `(u, v) = c (d₃, d₄)` with the speed of sound `c` of density and pressure one.
    fn waves(&self, draw: &mut dyn FnMut() -> Vec<f64>) -> Option<Result<Vec<f64>, String>> {
        let sound = self.gamma.sqrt();
        let mut u = Vec::new();
        for (mean, size) in [(1.0, 1.0), (1.0, 1.0), (0.0, sound), (0.0, sound)] {
            u.extend(draw().into_iter().map(|d| mean + size * d));
        }
        let least = u[..u.len() / 2].iter().copied().fold(f64::INFINITY, f64::min);
        if least <= 0.0 {
            return Some(Err(format!("a density or a pressure of {least:.3} is not positive")));
        }
        Some(Ok(u))
    }

    fn invariants(&self, u: &[f64]) -> Vec<(&'static str, f64)> {
        let state = self.to_state(u);
        let [hx, hy] = [0, 1].map(|a| self.lengths[a] / self.points[a] as f64);
        let sums = state.as_slice().unwrap_or(&[]).chunks_exact(u.len() / 4);
        let names = ["mass", "momentum_x", "momentum_y", "energy"];
        names.into_iter().zip(sums.map(|c| hx * hy * c.iter().sum::<f64>())).collect()
    }
}
