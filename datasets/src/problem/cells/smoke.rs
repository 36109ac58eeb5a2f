//! Smoke that rises in a closed box.

use flowmap_solvers::config::{MethodKind, SolverConfig};
use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::staggered::{Projection, StaggeredGrid};
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::semi_lagrangian::CarryingFlow;
use ndarray::Array1;
use serde::{Deserialize, Serialize};

use super::{Boundary, CellProblem};

/// `s_t + w·∇s = 0`, `w_t + w·∇w = ν Δw − ∇p + (0, b s)`, `∇·w = 0` in a box `[0, length]²` with walls: the smoke `s` is carried by the
/// velocity `w = (u, v)` and lifts it by the buoyancy `b`. On the walls `w·n = 0`; beyond them the velocity is zero and the smoke as
/// beside them.
///
/// The "Navier-Stokes 2D" of PDEArena (J. Gupta and J. Brandstetter, TMLR 2023), whose box has 128² cells, the length 32, `ν = 0.01`,
/// `b = 0.5`; its solver is `semi_lagrangian` with steps of 1.5 and its defaults. Stored are `s, u, v`, all at the middle of the cells
/// (PDEArena's velocities stand half a cell beside the smoke). Its order of the parts of a step lets viscosity act on the lift before the
/// pressure takes it away, so that even smoke drags along the side walls by the order of `ν dt²`. Once a velocity is stored, its values on the faces are lost: a solution
/// that goes on from a stored state differs from one that never stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smoke {
    /// Cells of each axis.
    pub points: usize,
    /// The length of each axis.
    pub length: f64,
    /// The viscosity `ν`.
    pub viscosity: f64,
    /// The buoyancy `b`, per unit of smoke.
    pub buoyancy: f64,
}

impl Default for Smoke {
    fn default() -> Self {
        Self { points: 64, length: 32.0, viscosity: 0.01, buoyancy: 0.5 }
    }
}

impl Validate for Smoke {
    fn validate(&self, mut check: Check<'_>) {
        check.within("points", self.points, 4, 4096);
        check.positive("length", self.length);
        check.non_negative("viscosity", self.viscosity);
        check.finite("buoyancy", self.buoyancy);
    }
}

/// Smoke on its grid.
struct Flow {
    grid: StaggeredGrid,
    viscosity: f64,
    buoyancy: f64,
}

impl CarryingFlow for Flow {
    fn grid(&self) -> &StaggeredGrid {
        &self.grid
    }

    fn scalars(&self) -> usize {
        1
    }

    fn viscosity(&self) -> f64 {
        self.viscosity
    }

    fn add_force(&self, _t: f64, scale: f64, smoke: &[f64], velocity: &mut [f64]) {
        let [_, ny] = self.grid.cells();
        let across = &mut velocity[self.grid.first_faces()..];
        for (faces, smoke) in across.chunks_exact_mut(ny + 1).zip(smoke.chunks_exact(ny)) {
            for (face, pair) in faces[1..].iter_mut().zip(smoke.windows(2)) {
                *face += scale * self.buoyancy * 0.5 * (pair[0] + pair[1]);
            }
        }
    }
}

impl Smoke {
    fn grid(&self) -> StaggeredGrid {
        StaggeredGrid::new([self.points; 2], [self.length; 2])
    }
}

impl CellProblem for Smoke {
    fn name(&self) -> &'static str {
        "smoke"
    }

    fn equation(&self) -> &'static str {
        "s_t + w·∇s = 0, w_t + w·∇w = ν Δw − ∇p + (0, b s), ∇·w = 0 between walls"
    }

    fn channels(&self) -> &'static [&'static str] {
        &["s", "u", "v"]
    }

    fn cells(&self) -> [usize; 2] {
        [self.points; 2]
    }

    fn lengths(&self) -> [f64; 2] {
        [self.length; 2]
    }

    fn boundaries(&self) -> [Boundary; 2] {
        [Boundary::Wall; 2]
    }

    fn fits(&self, solver: &SolverConfig) -> bool {
        solver.kind() == MethodKind::Carrying
    }

    fn advice(&self) -> &'static str {
        "take semi_lagrangian"
    }

    fn stepper(&self, solver: &SolverConfig) -> Option<Box<dyn Stepper<Array1<f64>>>> {
        solver.carrying_stepper(Flow {
            grid: self.grid(),
            viscosity: self.viscosity,
            buoyancy: self.buoyancy,
        })
    }

    fn to_state(&self, u: &[f64]) -> Array1<f64> {
        let grid = self.grid();
        let (smoke, centred) = u.split_at(grid.points());
        let mut faces = grid.on_faces(centred);
        if centred.iter().any(|w| *w != 0.0) {
            Projection::new(grid).apply(&mut faces);
        }
        smoke.iter().copied().chain(faces).collect()
    }

    fn to_physical(&self, state: &Array1<f64>) -> Vec<f64> {
        let grid = self.grid();
        let values: Vec<f64> = state.iter().copied().collect();
        let (smoke, faces) = values.split_at(grid.points());
        let mut u = smoke.to_vec();
        u.extend(grid.centred(faces));
        u
    }

    /// A round cloud at rest, low in the box.
    fn initial(&self) -> Vec<f64> {
        let (x, y) = (self.coordinates(0), self.coordinates(1));
        let width = self.length / 10.0;
        let at = |x: f64, y: f64| {
            let (a, b) = ((x - 0.5 * self.length) / width, (y - 0.25 * self.length) / width);
            (-0.5 * (a * a + b * b)).exp()
        };
        let mut u: Vec<f64> = x.iter().flat_map(|x| y.iter().map(move |y| at(*x, *y))).collect();
        u.resize(3 * u.len(), 0.0);
        u
    }

    fn clouds(&self, mut clouds: Vec<f64>) -> Option<Vec<f64>> {
        clouds.resize(3 * clouds.len(), 0.0);
        Some(clouds)
    }

    fn invariants(&self, u: &[f64]) -> Vec<(&'static str, f64)> {
        let [hx, hy] = self.grid().spacing();
        vec![("smoke", hx * hy * u[..self.points * self.points].iter().sum::<f64>())]
    }
}
