//! Semi-Lagrangian advection and projection, for incompressible flows between walls.

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use super::{StepFailure, Stepper, Work};
use crate::staggered::{Lattice, Projection, StaggeredGrid};
use crate::state::DenseState;

/// The most explicit steps of diffusion inside a step.
const MOST_DIFFUSIONS: f64 = 1000.0;

/// Semi-Lagrangian advection with steps of one size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SemiLagrangianConfig {
    /// The step size, in units of the problem's time.
    pub dt: f64,
    /// How values are read where a path began.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// How paths are followed back.
    #[serde(default)]
    pub path: Path,
}

/// How values are read between the points of a grid. None makes new extrema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Bilinear, as in J. Stam, "Stable Fluids", SIGGRAPH 1999.
    #[default]
    Linear,
    /// Bicubic, limited to the values around.
    Cubic,
    /// Bilinear, there and back, and corrected by half of what that changes, limited to the values around: A. Selle et al., J. Sci.
    /// Comput. 35 (2008) 350.
    Maccormack,
}

/// How a path is followed back through the velocity at the start of the step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// Along the velocity at its end.
    #[default]
    Euler,
    /// Along the velocity half way.
    Midpoint,
}

/// An incompressible flow between walls, and the scalars that it carries:
/// `w_t + w·∇w = ν Δw − ∇p + f(t, s)`, `s_t + w·∇s = 0`, `∇·w = 0`.
///
/// A state is the scalars one after the other, then the velocity `[u | v]` on the faces.
pub trait CarryingFlow {
    /// The grid.
    fn grid(&self) -> &StaggeredGrid;
    /// How many scalars are carried.
    fn scalars(&self) -> usize;
    /// The viscosity `ν`.
    fn viscosity(&self) -> f64;
    /// Adds `scale · f(t, s)` to the velocity on the faces.
    fn add_force(&self, t: f64, scale: f64, scalars: &[f64], velocity: &mut [f64]);
}

/// One step: scalars along the flow; the velocity along itself; force, by the new scalars; diffusion, explicit, in as many parts as are
/// stable; projection. Of order one in time. Beyond the walls the velocity is zero, and scalars are as beside them.
///
/// It has no bound on the step but accuracy. The order of the parts is that of P. Holl and N. Thuerey's PhiFlow in J. Gupta and J.
/// Brandstetter, "Towards Multi-spatiotemporal-scale Generalized PDE Modeling", TMLR 2023.
pub struct SemiLagrangian<F> {
    flow: F,
    config: SemiLagrangianConfig,
    projection: Projection,
    /// Where the paths that end at the points of a lattice began, and where those from there would end.
    back: Vec<[f64; 2]>,
    ahead: Vec<[f64; 2]>,
    carried: Vec<f64>,
    work: Work,
}

impl<F: CarryingFlow> SemiLagrangian<F> {
    /// For a flow.
    pub fn new(flow: F, config: SemiLagrangianConfig) -> Self {
        let projection = Projection::new(*flow.grid());
        Self {
            flow,
            config,
            projection,
            back: Vec::new(),
            ahead: Vec::new(),
            carried: Vec::new(),
            work: Work::default(),
        }
    }

    /// Finds the paths through the points of a lattice.
    fn trace(&mut self, lattice: Lattice, velocity: &[f64], dt: f64) {
        let grid = *self.flow.grid();
        let (u, v) = velocity.split_at(grid.first_faces());
        let (along, across) = (grid.component(0), grid.component(1));
        let [hx, hy] = grid.spacing();
        // In cells per unit of time.
        let speed = |place| [along.linear(u, place) / hx, across.linear(v, place) / hy];
        let moved = |[x, y]: [f64; 2], [a, b]: [f64; 2], time: f64| [x + time * a, y + time * b];
        let followed = |place: [f64; 2], time: f64| {
            let first = speed(place);
            let velocity = match self.config.path {
                Path::Euler => first,
                Path::Midpoint => speed(moved(place, first, 0.5 * time)),
            };
            moved(place, velocity, time)
        };
        self.back.clear();
        self.back.extend(lattice.places().map(|place| followed(place, -dt)));
        if self.config.interpolation == Interpolation::Maccormack {
            self.ahead.clear();
            self.ahead.extend(lattice.places().map(|place| followed(place, dt)));
        }
    }

    /// Writes what the traced paths bring.
    fn carry(&mut self, lattice: Lattice, values: &[f64], out: &mut [f64]) {
        match self.config.interpolation {
            Interpolation::Linear => {
                out.iter_mut().zip(&self.back).for_each(|(o, b)| *o = lattice.linear(values, *b));
            }
            Interpolation::Cubic => {
                out.iter_mut().zip(&self.back).for_each(|(o, b)| *o = lattice.cubic(values, *b));
            }
            Interpolation::Maccormack => {
                self.carried.clear();
                self.carried.extend(self.back.iter().map(|b| lattice.linear(values, *b)));
                for (i, o) in out.iter_mut().enumerate() {
                    let returned = lattice.linear(&self.carried, self.ahead[i]);
                    let corrected = self.carried[i] + 0.5 * (values[i] - returned);
                    *o = lattice.limited(values, self.back[i], corrected);
                }
            }
        }
    }

    fn diffuse(&mut self, velocity: &mut [f64], dt: f64) -> Result<(), StepFailure> {
        let grid = *self.flow.grid();
        let squares = grid.spacing().map(|h| 1.0 / (h * h));
        let amount = self.flow.viscosity() * dt;
        let parts = (2.0 * amount * (squares[0] + squares[1])).ceil().max(1.0);
        if amount == 0.0 {
            return Ok(());
        }
        if parts > MOST_DIFFUSIONS {
            return Err(StepFailure::Parts { needed: parts, most: MOST_DIFFUSIONS });
        }
        let [a, b] = squares.map(|s| amount / parts * s);
        let (u, v) = velocity.split_at_mut(grid.first_faces());
        for _ in 0..parts as usize {
            for (axis, w) in [(0, &mut *u), (1, &mut *v)] {
                self.carried.clear();
                self.carried.extend_from_slice(w);
                laplace_step(grid.component(axis).shape, axis, &self.carried, [a, b], w);
            }
        }
        Ok(())
    }
}

/// `w ← w + a δ²_x w + b δ²_y w` of a component, with zeros beyond; what lies on the walls stays.
fn laplace_step([nx, ny]: [usize; 2], axis: usize, old: &[f64], [a, b]: [f64; 2], w: &mut [f64]) {
    let walls = [usize::from(axis == 0), usize::from(axis == 1)];
    for i in walls[0]..nx - walls[0] {
        for j in walls[1]..ny - walls[1] {
            let at = i * ny + j;
            let left = if i > 0 { old[at - ny] } else { 0.0 };
            let right = if i + 1 < nx { old[at + ny] } else { 0.0 };
            let below = if j > 0 { old[at - 1] } else { 0.0 };
            let above = if j + 1 < ny { old[at + 1] } else { 0.0 };
            w[at] += a * (left + right - 2.0 * old[at]) + b * (below + above - 2.0 * old[at]);
        }
    }
}

impl<F: CarryingFlow> Stepper<Array1<f64>> for SemiLagrangian<F> {
    fn order(&self) -> usize {
        1
    }

    fn step(&mut self, t: f64, dt: f64, y: &Array1<f64>, y1: &mut Array1<f64>) -> Result<(), StepFailure> {
        let grid = *self.flow.grid();
        let (points, scalars) = (grid.points(), self.flow.scalars());
        let size = scalars * points + grid.faces();
        let (y, y1) = (DenseState::as_slice(y), y1.as_mut_slice());
        if y.len() != size || y1.len() != size {
            return Err(StepFailure::Shape);
        }
        let (old, velocity) = y.split_at(scalars * points);
        let (new, moved) = y1.split_at_mut(scalars * points);
        self.trace(grid.scalars(), velocity, dt);
        for (old, new) in old.chunks_exact(points).zip(new.chunks_exact_mut(points)) {
            self.carry(grid.scalars(), old, new);
        }
        let (u, v) = velocity.split_at(grid.first_faces());
        let (along, across) = moved.split_at_mut(grid.first_faces());
        for (axis, old, new) in [(0, u, along), (1, v, across)] {
            self.trace(grid.component(axis), velocity, dt);
            self.carry(grid.component(axis), old, new);
        }
        self.flow.add_force(t + dt, dt, new, moved);
        self.diffuse(moved, dt)?;
        self.projection.apply(moved);
        self.work.evaluations += 1;
        self.work.linear_solves += 1;
        Ok(())
    }

    fn work(&self) -> Work {
        self.work
    }
}
