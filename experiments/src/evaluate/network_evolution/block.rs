//! An elastic block in equilibrium.

use std::sync::atomic::Ordering;
use std::time::Instant;

use flowmap_datasets::problem::boxed::{Deformation, ElasticBlock, Faces, FiniteElements};
use flowmap_datasets::rng::stream;
use flowmap_models::gauss_newton::{Memory, Step, cost};
use flowmap_models::insr::{Block, Elasticity, Hold, InsrConfig, Points};
use ndarray::{Array1, Array2};
use serde_json::json;

use super::{draw, misfit, walled};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::keep::write_npz;
use crate::evaluate::{Findings, Job};
use crate::vtk;

/// Points along an axis of what is compared, drawn and written.
const DRAWN: usize = 65;

/// Nodes along an axis of the quadrature of the energy that is reported.
const NODES: usize = 64;

/// One step of the optimiser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) seconds: f64,
    pub(super) energy: f64,
    pub(super) error: Option<f64>,
}

/// Displacements at points of the block.
pub(super) struct Shapes {
    /// Points along an axis, from −1 to 1.
    pub(super) grid: Vec<f64>,
    /// `[axis, point]`, the second axis of the block fastest.
    pub(super) network: Array2<f64>,
    pub(super) truth: Array2<f64>,
}

pub(super) fn block(
    config: &ExperimentConfig,
    network: &InsrConfig,
    problem: &ElasticBlock,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let axes = [walled(-1.0, 2.0); 2];
    let hold = match problem.faces {
        Faces::Clamped => Hold::Clamped(problem.stretch),
        Faces::Rollers => Hold::Rollers(problem.stretch),
    };
    let elasticity = Elasticity { shape: problem.shape, volume: problem.volume };
    let block = Block::new(network, &axes, hold, elasticity).map_err(|e| misfit(&e.to_string()))?;
    let grid: Vec<f64> = (0..DRAWN).map(|i| -1.0 + 2.0 * i as f64 / (DRAWN - 1) as f64).collect();
    let at =
        Array2::from_shape_fn((DRAWN * DRAWN, 2), |(i, a)| grid[if a == 0 { i / DRAWN } else { i % DRAWN }]);
    let truth = reference(problem, &at, &mut findings);
    let nodes = Points::quadrature(&axes, NODES);
    let fine = block.energy(&nodes);
    let mean_error = |theta: &[f64]| {
        let gap = block.displacement(theta, &at) - &truth;
        gap.columns().into_iter().map(|g| g.dot(&g).sqrt()).sum::<f64>() / at.nrows() as f64
    };
    let c = &network.sampling;
    let points = match c.scheme {
        flowmap_models::insr::Sampling::Quadrature => Points::quadrature(&axes, c.points),
        _ => Points::spread(&axes, c.points, &mut stream(config.seed, "points", 0)),
    };
    let energy = block.energy(&points);
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
        let idle = before - step.cost() <= network.tolerance * step.cost();
        stalled = if idle || matches!(step, Step::Stalled { .. }) { stalled + 1 } else { 0 };
        if stalled >= 3 {
            findings.notes.push(format!("No step lowers the energy any more after {n} steps."));
            break;
        }
    }
    bar.finish();
    let error = mean_error(&theta);
    let shapes = Shapes { network: block.displacement(&theta, &at), grid, truth: truth.clone() };
    findings.metric("error", error);
    let gap = &shapes.network - &shapes.truth;
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

/// The displacements of the reference at points: exact on rollers, else of finite elements, whose error is measured by half of them.
fn reference(problem: &ElasticBlock, at: &Array2<f64>, findings: &mut Findings) -> Array2<f64> {
    let table = |f: &dyn Fn([f64; 2]) -> [f64; 2]| {
        Array2::from_shape_fn((2, at.nrows()), |(k, n)| f([at[[n, 0]], at[[n, 1]]])[k])
    };
    let solve = |n: usize| FiniteElements::new(problem, n).solve();
    let clock = Instant::now();
    let fine = solve(problem.elements);
    findings.metric("solve_s", clock.elapsed().as_secs_f64());
    findings.metric("energy_reference", fine.energy);
    findings.metric("reference_gradient", fine.gradient);
    let distance = |a: &Array2<f64>, b: &Array2<f64>| {
        let gap = a - b;
        gap.columns().into_iter().map(|g| g.dot(&g).sqrt()).sum::<f64>() / at.nrows() as f64
    };
    let elements = |d: &Deformation| table(&|x| d.at(x));
    let own = elements(&fine);
    let half = solve(problem.elements / 2);
    findings.metric("energy_reference_half", half.energy);
    let truth = match problem.faces {
        Faces::Rollers => {
            let [l1, l2] = problem.homogeneous();
            table(&|[x, y]| [(l1 - 1.0) * (x + 1.0), (l2 - 1.0) * y])
        }
        Faces::Clamped => own.clone(),
    };
    let against = if problem.faces == Faces::Rollers { &truth } else { &elements(&half) };
    let error = distance(&own, against);
    findings.metric("reference_error", error);
    findings.notes.push(format!(
        "Finite elements, {0} × {0}: energy {1:.8}, gradient {2:.1e}, mean distance to {3} {error:.2e}.",
        problem.elements,
        fine.energy,
        fine.gradient,
        if problem.faces == Faces::Rollers {
            "the exact solution"
        } else {
            "those of half as many along an axis"
        }
    ));
    truth
}

fn write_vtk(shapes: &Shapes, job: &Job<'_>) -> Result<(), Error> {
    let n = shapes.grid.len();
    let place = |i: usize| [shapes.grid[i / n], shapes.grid[i % n]];
    let points: Vec<[f64; 3]> = (0..n * n)
        .map(|i| [place(i)[0] + shapes.network[[0, i]], place(i)[1] + shapes.network[[1, i]], 0.0])
        .collect();
    let cell = |i: usize, j: usize| vec![i * n + j, (i + 1) * n + j, (i + 1) * n + j + 1, i * n + j + 1];
    let cells: Vec<_> = (0..n - 1).flat_map(|i| (0..n - 1).map(move |j| cell(i, j))).collect();
    let flat =
        |u: &Array2<f64>| -> Vec<f64> { u.columns().into_iter().flat_map(|u| [u[0], u[1], 0.0]).collect() };
    let (network, truth) = (flat(&shapes.network), flat(&shapes.truth));
    let fields = [
        vtk::Field { name: "displacement", components: 3, values: &network },
        vtk::Field { name: "displacement_truth", components: 3, values: &truth },
    ];
    vtk::write_series(job.run, "block", "vtu", &[(0.0, vtk::mesh(&points, &cells, &fields))])
}
