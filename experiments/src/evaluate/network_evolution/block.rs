//! An elastic block in equilibrium.

use std::sync::atomic::Ordering;
use std::time::Instant;

use flowmap_datasets::problem::boxed::{Deformation, ElasticBlock, Faces, FiniteElements};
use flowmap_datasets::rng::stream;
use flowmap_models::gauss_newton::{Memory, Step, cost};
use flowmap_models::insr::{Block, Hold, InsrConfig, Points, Sampling};
use ndarray::{Array1, Array2};
use serde_json::json;

use super::{draw, misfit, walled};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::keep::write_npz;
use crate::evaluate::{Findings, Job};
use crate::vtk;

/// Points along an axis of what is drawn and written.
const DRAWN: usize = 65;

/// Points along an axis of what is compared on three axes; on two it is what is drawn.
const COMPARED: usize = 17;

/// Nodes along an axis of the quadrature of the energy that is reported, on two axes and on three.
const NODES: [usize; 2] = [64, 20];

/// One step of the optimiser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) seconds: f64,
    pub(super) energy: f64,
    pub(super) error: Option<f64>,
}

/// Displacements at points of a plane through the middle of the block.
pub(super) struct Shapes {
    /// Points along an axis, from −1 to 1.
    pub(super) grid: Vec<f64>,
    /// The axis of the block along the second axis of the plane; the first is the first.
    pub(super) second: usize,
    /// `[axis, point]`, the second axis of the plane fastest.
    pub(super) network: Array2<f64>,
    pub(super) truth: Array2<f64>,
}

impl Shapes {
    /// Where a point of the plane is, in the plane.
    pub(super) fn moved(&self, u: &Array2<f64>, [x, y]: [f64; 2], point: usize) -> [f64; 2] {
        [x + u[[0, point]], y + u[[self.second, point]]]
    }
}

pub(super) fn block(
    config: &ExperimentConfig,
    network: &InsrConfig,
    problem: &ElasticBlock,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let d = problem.axes;
    let axes = vec![walled(-1.0, 2.0); d];
    let hold = match problem.faces {
        Faces::Clamped => Hold::Clamped(problem.stretch),
        Faces::Rollers => Hold::Rollers(problem.stretch),
    };
    let block = Block::new(network, &axes, hold, problem.material()).map_err(|e| misfit(&e.to_string()))?;
    let (grid, plane) = plane(d, 1);
    let at = if d == 2 { plane.clone() } else { lattice(d, COMPARED) };
    let displaced = reference(problem, &at, &mut findings);
    let truth = displaced(&at);
    let nodes = Points::quadrature(&axes, NODES[d - 2]);
    let fine = block.energy(&nodes);
    let mean_error = |theta: &[f64]| mean_distance(&block.displacement(theta, &at), &truth);
    let c = &network.sampling;
    let points = match c.scheme {
        Sampling::Quadrature => Points::quadrature(&axes, c.points),
        _ => Points::spread(&axes, c.points, &mut stream(config.seed, "points", 0)),
    };
    let redrawn = c.scheme == Sampling::Resampled;
    // The even stretch.
    let mut theta = block.at_rest(&mut stream(config.seed, "weights", 0));
    let (mut memory, mut seconds, mut stalled) = (Memory::default(), 0.0, 0);
    let mut history: Vec<Moment> = Vec::new();
    let bar = job.progress.bar("equilibrium", network.start_iterations as u64, 0);
    for n in 1..=network.start_iterations {
        if job.interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let clock = Instant::now();
        // A network that is always measured at the same points may fold between them.
        let drawn =
            redrawn.then(|| Points::spread(&axes, c.points, &mut stream(config.seed, "points", n as u64)));
        let energy = block.energy(drawn.as_ref().unwrap_or(&points));
        let step = match network.optimiser.step(&energy, &mut theta, &mut memory) {
            Ok(step) => step,
            Err(error) => {
                findings.failure = Some(format!("step {n}: {error}"));
                break;
            }
        };
        seconds += clock.elapsed().as_secs_f64();
        let judged = n % 10 == 1 || n == network.start_iterations;
        let error = judged.then(|| mean_error(&theta));
        let before = history.last().map_or(f64::INFINITY, |m| m.energy);
        history.push(Moment { seconds, energy: step.cost(), error });
        let line = |name: &str, value: f64| json!({"step": n, "split": "train", "name": name, "value": value, "model": "model"});
        job.run.log(&line("energy", step.cost()))?;
        bar.at(n as u64, &format!("energy {:.6}", step.cost()));
        if let Some(error) = error {
            job.run.log(&line("error", error))?;
            job.progress
                .say(&format!("step {n}, {seconds:.1} s, energy {:.8}, error {error:.2e}", step.cost()));
        }
        let idle = !redrawn && before - step.cost() <= network.tolerance * step.cost();
        stalled = if idle || !redrawn && matches!(step, Step::Stalled { .. }) { stalled + 1 } else { 0 };
        if stalled >= 3 {
            findings.notes.push(format!("No step lowers the energy any more after {n} steps."));
            break;
        }
    }
    bar.finish();
    let error = mean_error(&theta);
    let shapes =
        Shapes { network: block.displacement(&theta, &plane), truth: displaced(&plane), second: 1, grid };
    findings.metric("error", error);
    let gap = block.displacement(&theta, &at) - &truth;
    let worst = gap.columns().into_iter().map(|g| g.dot(&g).sqrt()).fold(0.0, f64::max);
    findings.metric("max_error", worst);
    findings.metric("energy", cost(&fine, &theta));
    findings.metric("params", block.parameters() as f64);
    findings.metric("train_s", seconds);
    findings.metric("iterations", history.len() as f64);
    findings.notes.push(format!(
        "Mean distance of the displacements to the reference: {error:.3e}, largest {worst:.3e}, on a block of length 2."
    ));
    draw::block(&shapes, &history, job.run, &mut findings)?;
    if config.evaluate.vtk {
        write_vtk(&shapes, job)?;
    }
    write_npz(job.run, |archive| {
        archive.add_array("x", &Array1::from(shapes.grid.clone()))?;
        archive.add_array("model", &shapes.network)?;
        archive.add_array("truth", &shapes.truth)?;
        let steps = Array2::from_shape_fn((history.len(), 2), |(i, c)| match c {
            0 => history[i].seconds,
            _ => history[i].energy,
        });
        archive.add_array("seconds_and_energy", &steps)
    })?;
    Ok(findings)
}

/// A grid along an axis, and the points of the plane of the first and another axis through the middle of a block.
pub(super) fn plane(axes: usize, second: usize) -> (Vec<f64>, Array2<f64>) {
    let grid: Vec<f64> = (0..DRAWN).map(|i| -1.0 + 2.0 * i as f64 / (DRAWN - 1) as f64).collect();
    let points = Array2::from_shape_fn((DRAWN * DRAWN, axes), |(i, a)| match a {
        0 => grid[i / DRAWN],
        a if a == second => grid[i % DRAWN],
        _ => 0.0,
    });
    (grid, points)
}

/// Points on an even lattice with `n` of them along each axis.
pub(super) fn lattice(axes: usize, n: usize) -> Array2<f64> {
    let place = |i: usize, a: usize| i / n.pow((axes - 1 - a) as u32) % n;
    Array2::from_shape_fn((n.pow(axes as u32), axes), |(i, a)| {
        -1.0 + 2.0 * place(i, a) as f64 / (n - 1) as f64
    })
}

/// The mean over the points of the distance between vectors `[axis, point]`.
pub(super) fn mean_distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let gap = a - b;
    gap.columns().into_iter().map(|g| g.dot(&g).sqrt()).sum::<f64>() / gap.ncols() as f64
}

/// A vector at every point, `[axis, point]`.
pub(super) fn table(at: &Array2<f64>, f: &dyn Fn([f64; 3]) -> [f64; 3]) -> Array2<f64> {
    let axes = at.ncols();
    let place = |n: usize| std::array::from_fn(|a| if a < axes { at[[n, a]] } else { 0.0 });
    let values: Vec<[f64; 3]> = (0..at.nrows()).map(|n| f(place(n))).collect();
    Array2::from_shape_fn((axes, values.len()), |(k, n)| values[n][k])
}

/// The displacements of the reference at any points: exact on rollers, else of finite elements, whose error at some points is measured by half of them.
fn reference(
    problem: &ElasticBlock,
    at: &Array2<f64>,
    findings: &mut Findings,
) -> Box<dyn Fn(&Array2<f64>) -> Array2<f64>> {
    let solve = |n: usize| {
        FiniteElements::new(problem.axes, problem.material(), n).stretched(problem.faces, problem.stretch)
    };
    let clock = Instant::now();
    let fine = solve(problem.elements);
    findings.metric("solve_s", clock.elapsed().as_secs_f64());
    findings.metric("energy_reference", fine.energy);
    findings.metric("reference_gradient", fine.gradient);
    let elements = |d: &Deformation| table(at, &|x| d.at(x));
    let own = elements(&fine);
    let half = solve(problem.elements / 2);
    findings.metric("energy_reference_half", half.energy);
    let [l1, l2] = problem.homogeneous();
    let even = move |[x, y, z]: [f64; 3]| [(l1 - 1.0) * (x + 1.0), (l2 - 1.0) * y, (l2 - 1.0) * z];
    let rollers = problem.faces == Faces::Rollers;
    let against = if rollers { table(at, &even) } else { elements(&half) };
    let error = mean_distance(&own, &against);
    findings.metric("reference_error", error);
    findings.notes.push(format!(
        "Finite elements, {0} along each axis: energy {1:.8}, gradient {2:.1e}, mean distance to {3} {error:.2e}.",
        problem.elements,
        fine.energy,
        fine.gradient,
        if problem.faces == Faces::Rollers {
            "the exact solution"
        } else {
            "those of half as many along an axis"
        }
    ));
    Box::new(move |at| if rollers { table(at, &even) } else { table(at, &|x| fine.at(x)) })
}

fn write_vtk(shapes: &Shapes, job: &Job<'_>) -> Result<(), Error> {
    let n = shapes.grid.len();
    let place = |i: usize| [shapes.grid[i / n], shapes.grid[i % n]];
    let points: Vec<[f64; 3]> = (0..n * n)
        .map(|i| {
            let [x, y] = shapes.moved(&shapes.network, place(i), i);
            [x, y, 0.0]
        })
        .collect();
    let cell = |i: usize, j: usize| [i * n + j, (i + 1) * n + j, (i + 1) * n + j + 1, i * n + j + 1];
    let cells: Vec<_> = (0..n - 1).flat_map(|i| (0..n - 1).map(move |j| cell(i, j))).collect();
    let flat = |u: &Array2<f64>| -> Vec<f64> {
        u.columns().into_iter().flat_map(|u| [u[0], u[shapes.second], 0.0]).collect()
    };
    let (network, truth) = (flat(&shapes.network), flat(&shapes.truth));
    let fields = [
        vtk::Field { name: "displacement", components: 3, values: &network },
        vtk::Field { name: "displacement_truth", components: 3, values: &truth },
    ];
    vtk::write_series(job.run, "block", "vtu", &[(0.0, vtk::mesh(&points, &cells, &fields))])
}
