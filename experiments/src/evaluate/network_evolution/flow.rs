//! A fluid between walls, by its stream function.

use flowmap_datasets::problem::boxed::EulerBox;
use flowmap_models::insr::{Flow, InsrConfig, March, Points, Space, StreamFunction};
use ndarray::{Array1, Array2, Array3};

use super::march::{Marched, march};
use super::{draw, misfit, walled};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::keep::write_npz;
use crate::evaluate::{Findings, Job};
use crate::vtk;

/// Nodes along an axis of the quadrature of errors and invariants.
const NODES: usize = 48;

/// Points along an axis of what is drawn and written.
const DRAWN: usize = 65;

/// Fields that are written in the formats of VTK, at most.
const WRITTEN: usize = 21;

/// Ways to look at a stream function.
struct Views {
    velocity: std::sync::Arc<Space>,
    vorticity: std::sync::Arc<Space>,
    nodes: Points,
    truth: Array2<f64>,
}

/// Fields on the grid that is drawn, `[x, y]`.
pub(super) struct Frame {
    pub(super) velocity: [Array2<f64>; 2],
    pub(super) vorticity: Array2<f64>,
}

pub(super) fn flow(
    config: &ExperimentConfig,
    network: &InsrConfig,
    problem: &EulerBox,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let axes = [walled(-1.0, 2.0); 2];
    let space = |form| Space::new(network, &axes, form).map_err(|e| misfit(&e.to_string()));
    let nodes = Points::quadrature(&axes, NODES);
    let truth = Array2::from_shape_fn((2, nodes.weights.len()), |(k, n)| {
        problem.velocity([nodes.at[[n, 0]], nodes.at[[n, 1]]])[k]
    });
    let views = Views {
        velocity: space(StreamFunction::Velocity)?,
        vorticity: space(StreamFunction::Vorticity)?,
        nodes,
        truth,
    };
    let mover = March {
        space: match network.flow {
            Flow::Velocity => views.velocity.clone(),
            Flow::Vorticity => views.vorticity.clone(),
        },
        config: network.clone(),
        seed: config.seed,
    };
    let start = |x: &[f64], q: &mut [f64]| {
        let place = [x[0], x[1]];
        match network.flow {
            Flow::Velocity => q.copy_from_slice(&problem.velocity(place)),
            Flow::Vorticity => q[0] = problem.vorticity(place),
        }
    };
    let times = config.data.times();
    let marched = march(job, &mover, &times, start, |_, theta| views.error(theta))?;
    marched.measure(&mover, &mut findings);
    let reached = marched.samples.len() == times.len();
    let end = marched.samples.last().filter(|_| reached).map_or(f64::NAN, |s| s.error);
    let mean = marched.samples.iter().map(|s| s.error).sum::<f64>() / marched.samples.len() as f64;
    findings.metric("mean_sq_error", end);
    findings.metric("mean_sq_error_mean", if reached { mean } else { f64::NAN });
    let invariants: Vec<[f64; 2]> = marched.weights.iter().map(|w| views.invariants(w)).collect();
    for (i, name) in ["energy_drift", "enstrophy_drift"].into_iter().enumerate() {
        let drift = invariants.iter().map(|v| (v[i] / invariants[0][i] - 1.0).abs()).fold(0.0, f64::max);
        findings.metric(name, if invariants.is_empty() { f64::NAN } else { drift });
    }
    let size = 0.5 * problem.amplitude.powi(2) / std::f64::consts::PI.powi(2);
    findings.notes.push(format!(
        "Mean of the squared error of the velocity at t = {}: {end:.3e}, where the mean of the squared velocity is {size:.3e}; the exact flow is steady.",
        times.last().copied().unwrap_or(0.0)
    ));
    let grid: Vec<f64> = (0..DRAWN).map(|i| -1.0 + 2.0 * i as f64 / (DRAWN - 1) as f64).collect();
    let exact = Frame::new(&grid, |x| (problem.velocity(x), problem.vorticity(x)));
    if let Some(theta) = marched.weights.last() {
        let last = views.frame(&grid, theta);
        draw::flow(config, &grid, &last, &exact, &marched, &invariants, job.run, &mut findings)?;
    }
    if config.evaluate.vtk {
        write_vtk(&views, &grid, &exact, &marched, job)?;
    }
    write_npz(job.run, |archive| {
        let frames: Vec<Frame> = marched.weights.iter().map(|w| views.frame(&grid, w)).collect();
        let stack = |pick: &dyn Fn(&Frame) -> &Array2<f64>| {
            Array3::from_shape_fn((frames.len(), DRAWN, DRAWN), |(t, i, j)| pick(&frames[t])[[i, j]])
        };
        archive.add_array("x", &Array1::from(grid.clone()))?;
        archive.add_array("times", &Array1::from_iter(marched.samples.iter().map(|s| s.t)))?;
        archive.add_array("u", &stack(&|f| &f.velocity[0]))?;
        archive.add_array("v", &stack(&|f| &f.velocity[1]))?;
        archive.add_array("vorticity", &stack(&|f| &f.vorticity))?;
        archive.add_array("truth_u", &exact.velocity[0])?;
        archive.add_array("truth_v", &exact.velocity[1])?;
        archive.add_array("seconds_and_error", &marched.table())
    })?;
    Ok(findings)
}

impl Views {
    /// The mean of `|u − u_exact|²` over the box.
    fn error(&self, theta: &[f64]) -> f64 {
        let gap = self.velocity.quantity(theta, &self.nodes.at) - &self.truth;
        self.nodes.weights.iter().zip(gap.columns()).map(|(w, g)| w * g.dot(&g)).sum()
    }

    /// The means of `|u|²/2` and of `ω²/2`, which the equation conserves.
    fn invariants(&self, theta: &[f64]) -> [f64; 2] {
        [&self.velocity, &self.vorticity].map(|space| {
            let q = space.quantity(theta, &self.nodes.at);
            0.5 * self.nodes.weights.iter().zip(q.columns()).map(|(w, q)| w * q.dot(&q)).sum::<f64>()
        })
    }

    fn frame(&self, grid: &[f64], theta: &[f64]) -> Frame {
        let n = grid.len();
        let at = Array2::from_shape_fn((n * n, 2), |(i, a)| grid[if a == 0 { i / n } else { i % n }]);
        let (q, w) = (self.velocity.quantity(theta, &at), self.vorticity.quantity(theta, &at));
        let pick = |q: &Array2<f64>, k: usize| Array2::from_shape_fn((n, n), |(i, j)| q[[k, i * n + j]]);
        Frame { velocity: [pick(&q, 0), pick(&q, 1)], vorticity: pick(&w, 0) }
    }
}

impl Frame {
    fn new(grid: &[f64], f: impl Fn([f64; 2]) -> ([f64; 2], f64)) -> Self {
        let n = grid.len();
        let field =
            |pick: &dyn Fn([f64; 2]) -> f64| Array2::from_shape_fn((n, n), |(i, j)| pick([grid[i], grid[j]]));
        Self { velocity: [field(&|x| f(x).0[0]), field(&|x| f(x).0[1])], vorticity: field(&|x| f(x).1) }
    }

    /// Columns of numbers for VTK, the first axis fastest: velocity in three components, and vorticity.
    fn flat(&self) -> (Vec<f64>, Vec<f64>) {
        let (u, v) = (self.velocity[0].t(), self.velocity[1].t());
        let velocity = u.iter().zip(&v).flat_map(|(u, v)| [*u, *v, 0.0]).collect();
        (velocity, self.vorticity.t().iter().copied().collect())
    }
}

fn write_vtk(
    views: &Views,
    grid: &[f64],
    exact: &Frame,
    marched: &Marched,
    job: &Job<'_>,
) -> Result<(), Error> {
    let spacing = grid[1] - grid[0];
    let lattice = vtk::Grid {
        shape: [grid.len(), grid.len(), 1],
        origin: [-1.0, -1.0, 0.0],
        spacing: [spacing, spacing, 1.0],
    };
    let (truth, _) = exact.flat();
    let every = marched.weights.len().div_ceil(WRITTEN).max(1);
    let files = marched.weights.iter().zip(&marched.samples).step_by(every).map(|(theta, sample)| {
        let (velocity, vorticity) = views.frame(grid, theta).flat();
        let fields = [
            vtk::Field { name: "velocity", components: 3, values: &velocity },
            vtk::Field { name: "vorticity", components: 1, values: &vorticity },
            vtk::Field { name: "velocity_truth", components: 3, values: &truth },
        ];
        (sample.t, vtk::image(&lattice, &fields))
    });
    vtk::write_series(job.run, "flow", "vti", &files.collect::<Vec<_>>())
}
