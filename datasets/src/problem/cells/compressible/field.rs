//! The slope of the cell means.

use flowmap_solvers::field::VectorField;
use flowmap_solvers::state::DenseState;
use ndarray::Array1;

use super::Compressible;
use super::flux::{Conserved, Primitive, sides, three_waves};

/// Finite volumes on a torus, states `[ρ | ρu | ρv | E]`.
#[derive(Clone)]
pub(super) struct FiniteVolumes {
    cells: [usize; 2],
    spacing: [f64; 2],
    gamma: f64,
    shear: f64,
    bulk: f64,
    cfl: f64,
    /// `ρ, u, v, p` of all cells.
    primitives: Vec<Primitive>,
}

/// Density, velocities and pressure of a cell.
pub(super) fn primitive([density, through, along, energy]: Conserved, gamma: f64) -> Primitive {
    let (u, v) = (through / density, along / density);
    [density, u, v, (gamma - 1.0) * (energy - 0.5 * density * (u * u + v * v))]
}

impl FiniteVolumes {
    pub(super) fn new(problem: &Compressible) -> Self {
        Self {
            cells: problem.points,
            spacing: [0, 1].map(|a| problem.lengths[a] / problem.points[a] as f64),
            gamma: problem.gamma,
            shear: problem.shear_viscosity,
            bulk: problem.bulk_viscosity,
            cfl: problem.cfl,
            primitives: Vec::new(),
        }
    }

    /// The numbers of a state.
    pub(super) fn size(&self) -> usize {
        4 * self.cells[0] * self.cells[1]
    }

    /// The share `cfl` of the largest stable step.
    pub(super) fn largest_step(&self, y: &[f64]) -> f64 {
        let n = y.len() / 4;
        let [a, b] = self.spacing.map(|h| 1.0 / h);
        let viscosity = 2.0 * (4.0 / 3.0 * self.shear + self.bulk) * (a * a + b * b);
        let rate = |i: usize| {
            let w = primitive([y[i], y[n + i], y[2 * n + i], y[3 * n + i]], self.gamma);
            let sound = (self.gamma * w[3] / w[0]).sqrt();
            (w[1].abs() + sound) * a + (w[2].abs() + sound) * b + viscosity / w[0]
        };
        self.cfl / (0..n).map(rate).fold(0.0, |m, r| if r > m || r.is_nan() { r } else { m })
    }

    fn at(&self, i: usize, j: usize) -> &Primitive {
        &self.primitives[i * self.cells[1] + j]
    }

    /// The flux through the face between cell `i, j` and the next along an axis: mass, momenta along both axes, energy.
    fn through(&self, axis: usize, i: usize, j: usize) -> Conserved {
        let [nx, ny] = self.cells;
        // Cells along the axis, from the one before.
        let along = |k: usize| match axis {
            0 => ((i + nx + k - 1) % nx, j),
            _ => (i, (j + ny + k - 1) % ny),
        };
        let turned = |k: usize| {
            let (i, j) = along(k);
            let [density, u, v, pressure] = *self.at(i, j);
            if axis == 0 { [density, u, v, pressure] } else { [density, v, u, pressure] }
        };
        let mut flux = three_waves(sides([turned(0), turned(1), turned(2), turned(3)]), self.gamma);
        if self.shear > 0.0 || self.bulk > 0.0 {
            let (b, c) = (turned(1), turned(2));
            let (h, across) = (self.spacing[axis], self.spacing[1 - axis]);
            // The mean over both cells of a central difference along the face.
            let beside = |component: usize| {
                let other = |k: usize, forward: bool| {
                    let (i, j) = along(k);
                    let step = |i: usize, n: usize| if forward { (i + 1) % n } else { (i + n - 1) % n };
                    let (i, j) = if axis == 0 { (i, step(j, ny)) } else { (step(i, nx), j) };
                    let w = self.at(i, j);
                    if axis == 0 { w[component] } else { w[3 - component] }
                };
                (other(1, true) - other(1, false) + other(2, true) - other(2, false)) / (4.0 * across)
            };
            let (stretch, turn) = ((c[1] - b[1]) / h, (c[2] - b[2]) / h);
            let divergence = stretch + beside(2);
            let normal = self.shear * (2.0 * stretch - 2.0 / 3.0 * divergence) + self.bulk * divergence;
            let shear = self.shear * (turn + beside(1));
            flux[1] -= normal;
            flux[2] -= shear;
            flux[3] -= 0.5 * ((b[1] + c[1]) * normal + (b[2] + c[2]) * shear);
        }
        if axis == 0 { flux } else { [flux[0], flux[2], flux[1], flux[3]] }
    }
}

impl VectorField<Array1<f64>> for FiniteVolumes {
    fn eval(&mut self, _t: f64, y: &Array1<f64>, dy: &mut Array1<f64>) {
        let (y, dy) = (DenseState::as_slice(y), dy.as_mut_slice());
        let n = y.len() / 4;
        let [nx, ny] = self.cells;
        self.primitives.clear();
        let gamma = self.gamma;
        self.primitives
            .extend((0..n).map(|i| primitive([y[i], y[n + i], y[2 * n + i], y[3 * n + i]], gamma)));
        dy.fill(0.0);
        for i in 0..nx {
            for j in 0..ny {
                let here = i * ny + j;
                for (axis, next) in [(0, (i + 1) % nx * ny + j), (1, i * ny + (j + 1) % ny)] {
                    let flux = self.through(axis, i, j);
                    for (k, flux) in flux.into_iter().enumerate() {
                        let flow = flux / self.spacing[axis];
                        dy[k * n + here] -= flow;
                        dy[k * n + next] += flow;
                    }
                }
            }
        }
    }
}
