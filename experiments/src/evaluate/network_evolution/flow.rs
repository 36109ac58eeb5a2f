//! A fluid between walls, by its stream function or by velocity and pressure.

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::boxed::{EulerBox, SineFlow};
use flowmap_datasets::rng::stream;
use flowmap_models::insr::{
    Effort, Flow, InsrConfig, March, OuterStep, Points, Sampling, Space, Splitting, StreamFunction,
};
use flowmap_solvers::issue::Issue;
use ndarray::{Array1, Array2, Array3};

use super::march::{Marched, in_steps, march};
use super::{draw, misfit, walled, whole_steps};
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

/// A quantity of a flow with these weights at points.
type View<'a> = Box<dyn Fn(&[f64], &Array2<f64>) -> Array2<f64> + 'a>;

/// Ways to look at a flow.
struct Views<'a> {
    /// `[u or v, point]` and `[1, point]`.
    velocity: View<'a>,
    vorticity: View<'a>,
    nodes: Points,
    /// `[u or v, node]` at every time.
    truth: Vec<Array2<f64>>,
}

/// Fields on the grid that is drawn, `[x, y]`.
pub(super) struct Frame {
    pub(super) velocity: [Array2<f64>; 2],
    pub(super) vorticity: Array2<f64>,
}

/// The step of a splitting, and how many of them make a step of the data.
///
/// # Errors
/// If the stepper is not Euler's, its step does not divide that of the data, or the points are not Gauss's.
pub(super) fn steps(network: &InsrConfig, data: &DataConfig) -> Result<(f64, usize), Issue> {
    let OuterStep::Euler(stepper) = network.stepper else {
        let message = format!("a splitting into parts is no {}", network.stepper.name());
        let hint =
            "take [model.insr.stepper.euler]: the parts of a step follow each other, and its order is one";
        return Err(Issue::new("model.insr.stepper", message).hint(hint));
    };
    if network.sampling.scheme != Sampling::Quadrature {
        let hint = "take scheme = \"quadrature\"";
        return Err(
            Issue::new("model.insr.sampling.scheme", "a splitting is measured at Gauss's nodes").hint(hint)
        );
    }
    whole_steps(network, stepper.dt, data)
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
    let times = config.data.times();
    let clock = std::time::Instant::now();
    let flows = problem.flows(&times).map_err(DataError::Config)?;
    findings.metric("solve_s", clock.elapsed().as_secs_f64());
    let on_nodes = |flow: &SineFlow| {
        let place = |n: usize| [nodes.at[[n, 0]], nodes.at[[n, 1]]];
        let values: Vec<[f64; 2]> = (0..nodes.weights.len()).map(|n| flow.at(place(n)).0).collect();
        Array2::from_shape_fn((2, values.len()), |(k, n)| values[n][k])
    };
    let truth: Vec<_> = flows.iter().map(on_nodes).collect();
    if let Some(coarse) = problem.coarser() {
        let coarse = coarse.flows(&times).map_err(DataError::Config)?;
        let gap = coarse.last().map(|c| on_nodes(c) - &truth[truth.len() - 1]);
        findings.metric("reference_error", gap.map_or(f64::NAN, |gap| mean_square(&nodes, &gap)));
    }
    let splitting = Splitting::new(network, &axes).map_err(|e| misfit(&e.to_string()))?;
    let [velocity, vorticity] = [space(StreamFunction::Velocity)?, space(StreamFunction::Vorticity)?];
    let split = network.flow == Flow::Splitting;
    let views = if split {
        Views {
            velocity: Box::new(|theta, at| splitting.velocity(theta, at)),
            vorticity: Box::new(|theta, at| splitting.vorticity(theta, at)),
            nodes,
            truth,
        }
    } else {
        Views {
            velocity: Box::new(|theta, at| velocity.quantity(theta, at)),
            vorticity: Box::new(|theta, at| vorticity.quantity(theta, at)),
            nodes,
            truth,
        }
    };
    let start = |x: &[f64], q: &mut [f64]| {
        let (velocity, vorticity) = flows[0].at([x[0], x[1]]);
        match network.flow {
            Flow::Velocity | Flow::Splitting => q.copy_from_slice(&velocity),
            Flow::Vorticity => q[0] = vorticity,
        }
    };
    let marched = if split {
        let (dt, parts) = steps(network, &config.data).map_err(|issue| misfit(&issue.to_string()))?;
        let first = || splitting.start(start, &mut stream(config.seed, "weights", 0));
        let advance =
            |past: &[Vec<f64>], effort: &mut Effort| splitting.step(&past[past.len() - 1], dt, effort);
        // Between the samples the nearest one before is compared with.
        let judge = |step: usize, theta: &[f64]| views.error(step / parts, theta);
        let marched = in_steps(job, (dt, parts * config.data.steps), first, advance, judge)?.every(parts);
        marched.measure(splitting.parameters(), &mut findings);
        if let Some(theta) = marched.weights.last() {
            let of = |d: f64, w: &f64| w * d * d;
            let divergence = splitting.divergence(theta, &views.nodes.at);
            let sum: f64 = divergence.into_iter().zip(&views.nodes.weights).map(|(d, w)| of(d, w)).sum();
            findings.metric("divergence_rms", sum.sqrt());
        }
        marched
    } else {
        let space = if network.flow == Flow::Velocity { &velocity } else { &vorticity };
        let mover = March { space: space.clone(), config: network.clone(), seed: config.seed };
        let row = |t: f64| times.iter().position(|s| (s - t).abs() < 1e-9 * (1.0 + t)).unwrap_or(0);
        let marched = march(job, &mover, &times, start, |t, theta| views.error(row(t), theta))?;
        marched.measure(mover.space.parameters(), &mut findings);
        marched
    };
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
    let size = mean_square(&views.nodes, &views.truth[times.len() - 1]);
    findings.notes.push(format!(
        "Mean of the squared error of the velocity at t = {}: {end:.3e}, where the mean of the squared velocity is {size:.3e}.",
        times.last().copied().unwrap_or(0.0)
    ));
    let grid: Vec<f64> = (0..DRAWN).map(|i| -1.0 + 2.0 * i as f64 / (DRAWN - 1) as f64).collect();
    let last_time = marched.weights.len().saturating_sub(1);
    let exact = Frame::new(&grid, &flows[last_time]);
    if let Some(theta) = marched.weights.last() {
        let last = views.frame(&grid, theta);
        draw::flow(config, &grid, &last, &exact, &marched, &invariants, job.run, &mut findings)?;
    }
    if config.evaluate.vtk {
        write_vtk(&views, &grid, &flows, &marched, job)?;
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
        archive.add_array("truth_u_end", &exact.velocity[0])?;
        archive.add_array("truth_v_end", &exact.velocity[1])?;
        archive.add_array("seconds_and_error", &marched.table())
    })?;
    Ok(findings)
}

impl Views<'_> {
    /// The mean of `|u − u_exact|²` over the box.
    fn error(&self, time: usize, theta: &[f64]) -> f64 {
        mean_square(&self.nodes, &((self.velocity)(theta, &self.nodes.at) - &self.truth[time]))
    }

    /// The means of `|u|²/2` and of `ω²/2`, which the equation conserves.
    fn invariants(&self, theta: &[f64]) -> [f64; 2] {
        [&self.velocity, &self.vorticity]
            .map(|view| 0.5 * mean_square(&self.nodes, &view(theta, &self.nodes.at)))
    }

    fn frame(&self, grid: &[f64], theta: &[f64]) -> Frame {
        let n = grid.len();
        let at = Array2::from_shape_fn((n * n, 2), |(i, a)| grid[if a == 0 { i / n } else { i % n }]);
        let (q, w) = ((self.velocity)(theta, &at), (self.vorticity)(theta, &at));
        let pick = |q: &Array2<f64>, k: usize| Array2::from_shape_fn((n, n), |(i, j)| q[[k, i * n + j]]);
        Frame { velocity: [pick(&q, 0), pick(&q, 1)], vorticity: pick(&w, 0) }
    }
}

/// The mean over the box of the squares of all rows.
fn mean_square(nodes: &Points, q: &Array2<f64>) -> f64 {
    nodes.weights.iter().zip(q.columns()).map(|(w, q)| w * q.dot(&q)).sum()
}

impl Frame {
    fn new(grid: &[f64], flow: &SineFlow) -> Self {
        let n = grid.len();
        let values: Vec<_> = (0..n * n).map(|i| flow.at([grid[i / n], grid[i % n]])).collect();
        let field = |pick: &dyn Fn(&([f64; 2], f64)) -> f64| {
            Array2::from_shape_fn((n, n), |(i, j)| pick(&values[i * n + j]))
        };
        Self { velocity: [field(&|v| v.0[0]), field(&|v| v.0[1])], vorticity: field(&|v| v.1) }
    }

    /// Columns of numbers for VTK, the first axis fastest: velocity in three components, and vorticity.
    fn flat(&self) -> (Vec<f64>, Vec<f64>) {
        let (u, v) = (self.velocity[0].t(), self.velocity[1].t());
        let velocity = u.iter().zip(&v).flat_map(|(u, v)| [*u, *v, 0.0]).collect();
        (velocity, self.vorticity.t().iter().copied().collect())
    }
}

fn write_vtk(
    views: &Views<'_>,
    grid: &[f64],
    flows: &[SineFlow],
    marched: &Marched,
    job: &Job<'_>,
) -> Result<(), Error> {
    let spacing = grid[1] - grid[0];
    let lattice = vtk::Grid {
        shape: [grid.len(), grid.len(), 1],
        origin: [-1.0, -1.0, 0.0],
        spacing: [spacing, spacing, 1.0],
    };
    let every = marched.weights.len().div_ceil(WRITTEN).max(1);
    let files = marched.weights.iter().zip(&marched.samples).zip(flows).step_by(every).map(
        |((theta, sample), flow)| {
            let (velocity, vorticity) = views.frame(grid, theta).flat();
            let (truth, _) = Frame::new(grid, flow).flat();
            let fields = [
                vtk::Field { name: "velocity", components: 3, values: &velocity },
                vtk::Field { name: "vorticity", components: 1, values: &vorticity },
                vtk::Field { name: "velocity_truth", components: 3, values: &truth },
            ];
            (sample.t, vtk::image(&lattice, &fields))
        },
    );
    vtk::write_series(job.run, "flow", "vti", &files.collect::<Vec<_>>())
}
