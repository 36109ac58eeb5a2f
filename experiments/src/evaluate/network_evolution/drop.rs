//! An elastic block that falls on the ground: every step is a least energy.

use std::sync::atomic::Ordering;
use std::time::Instant;

use flowmap_datasets::problem::boxed::ElasticDrop;
use flowmap_datasets::rng::stream;
use flowmap_models::gauss_newton::{Memory, Step, cost};
use flowmap_models::insr::{Axis, Block, Elasticity, Hold, InsrConfig, Motion, Points};
use flowmap_solvers::control::Control;
use ndarray::{Array1, Array2, Array3};
use serde_json::json;

use super::{draw, misfit, walled};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::keep::write_npz;
use crate::evaluate::{Findings, Job};
use crate::vtk;

/// Cells of an edge that are written for VTK.
const CELLS: usize = 8;

/// What is known of a step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fall {
    pub(super) t: f64,
    /// The mean height of the block above where it began.
    pub(super) mean: f64,
    /// The height of free fall.
    pub(super) free: f64,
    /// How deep the lowest point is in the ground.
    depth: f64,
    /// The mean distance to free fall.
    distance: f64,
    /// Mean force of inertia, less weight and contact.
    imbalance: f64,
    /// Kinetic, potential and elastic energy with that of the contact.
    pub(super) energy: f64,
}

pub(super) fn drop_block(
    config: &ExperimentConfig,
    network: &InsrConfig,
    problem: &ElasticDrop,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let Control::Fixed { dt } = network.stepper.control().0 else {
        return Err(misfit("a block falls in steps of one size"));
    };
    let axes = [walled(-1.0, 2.0); 3];
    let elasticity = Elasticity { shape: problem.shape, volume: problem.volume };
    let block = Block::new(network, &axes, Hold::Free, elasticity).map_err(|e| misfit(&e.to_string()))?;
    let inside = Points::quadrature(&axes, network.sampling.points);
    let (points, face) = with_face(&inside, &axes, network.sampling.points);
    let steps = (config.data.times().last().copied().unwrap_or(0.0) / dt).round() as usize;
    let mean =
        |f: &dyn Fn(usize) -> f64| -> f64 { points.weights.iter().enumerate().map(|(n, w)| w * f(n)).sum() };
    let below = |f: &dyn Fn(usize) -> f64| -> f64 {
        (face..points.weights.len()).map(|n| points.weights[n] * f(n)).sum()
    };
    let ground = -1.0 - problem.height;
    let mut theta = block.at_rest(&mut stream(config.seed, "weights", 0));
    let mut now = block.displacement(&theta, &points.at);
    let mut before = now.clone();
    let mut falls = vec![Fall::default()];
    falls[0].energy = problem.density * problem.gravity * problem.height;
    let (mut kept, mut seconds, mut iterations) = (vec![theta.clone()], 0.0, 0_usize);
    let bar = job.progress.bar("fall", steps as u64, 0);
    'steps: for n in 1..=steps {
        if job.interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let clock = Instant::now();
        let mut ahead = 2.0 * &now - &before;
        ahead.row_mut(2).iter_mut().for_each(|z| *z -= dt * dt * problem.gravity);
        let motion =
            Motion { inertia: problem.density / (dt * dt), ahead, ground, contact: problem.contact, face };
        let energy = block.energy(&points, Some(&motion));
        let mut memory = Memory::default();
        let mut last = cost(&energy, &theta);
        for _ in 0..network.iterations {
            match network.optimiser.step(&energy, &mut theta, &mut memory) {
                Ok(step) => {
                    iterations += 1;
                    let gain = last - step.cost();
                    last = step.cost();
                    if gain <= network.tolerance * last || matches!(step, Step::Stalled { .. }) {
                        break;
                    }
                }
                Err(error) => {
                    findings.failure = Some(format!("t = {:.3}: {error}", n as f64 * dt));
                    break 'steps;
                }
            }
        }
        seconds += clock.elapsed().as_secs_f64();
        let next = block.displacement(&theta, &points.at);
        let height = |i: usize| points.at[[i, 2]] + next[[2, i]] - ground;
        let depth = |i: usize| (-height(i)).max(0.0);
        let speed = |i: usize| (0..3).map(|k| ((next[[k, i]] - now[[k, i]]) / dt).powi(2)).sum::<f64>();
        let pull = mean(&|i| motion.inertia * (next[[2, i]] - motion.ahead[[2, i]]))
            - below(&|i| problem.contact * depth(i));
        let free = -problem.fallen(n, dt);
        let kinetic = 0.5 * problem.density * mean(&speed);
        let gap =
            |i: usize| (next[[0, i]].powi(2) + next[[1, i]].powi(2) + (next[[2, i]] - free).powi(2)).sqrt();
        let fall = Fall {
            t: n as f64 * dt,
            mean: mean(&|i| next[[2, i]]),
            free,
            depth: (face..points.weights.len()).map(depth).fold(0.0, f64::max),
            distance: mean(&gap),
            imbalance: (pull / (problem.density * problem.gravity)).abs(),
            energy: kinetic
                + cost(&block.energy(&inside, None), &theta)
                + below(&|i| 0.5 * problem.contact * depth(i).powi(2))
                + problem.density * problem.gravity * (mean(&|i| next[[2, i]]) + problem.height),
        };
        job.run.log(
            &json!({"step": n, "split": "train", "name": "energy", "value": fall.energy, "model": "model"}),
        )?;
        bar.at(n as u64, &format!("height {:.3}", fall.mean));
        if n.is_multiple_of(steps.div_ceil(20)) {
            job.progress.say(&format!(
                "t = {:.3}, {seconds:.1} s, mean height {:.4}, depth {:.1e}, energy {:.4}",
                fall.t, fall.mean, fall.depth, fall.energy
            ));
        }
        falls.push(fall);
        kept.push(theta.clone());
        before = std::mem::replace(&mut now, next);
    }
    bar.finish();
    let contact = falls.iter().position(|f| f.depth > 0.0).unwrap_or(falls.len());
    findings.metric("error", falls[..contact].iter().map(|f| f.distance).fold(0.0, f64::max));
    findings.metric("momentum_error", falls.iter().map(|f| f.imbalance).fold(0.0, f64::max));
    findings.metric("max_depth", falls.iter().map(|f| f.depth).fold(0.0, f64::max));
    findings.metric("params", block.parameters() as f64);
    findings.metric("train_s", seconds);
    findings.metric("iterations", iterations as f64);
    findings.notes.push(match falls.get(contact) {
        Some(fall) => format!("The block touches the ground at t = {:.3}.", fall.t),
        None => "The block does not reach the ground.".into(),
    });
    draw::fall(&falls, job.run, &mut findings)?;
    if config.evaluate.vtk {
        write_vtk(&block, &kept, &falls, job)?;
    }
    write_npz(job.run, |archive| {
        let displacement = |theta: &Vec<f64>| block.displacement(theta, &points.at);
        let all: Vec<Array2<f64>> = kept.iter().map(displacement).collect();
        let shape = (all.len(), 3, points.weights.len());
        archive.add_array("times", &Array1::from_iter(falls.iter().map(|f| f.t)))?;
        archive.add_array("points", &points.at)?;
        archive.add_array("displacement", &Array3::from_shape_fn(shape, |(t, k, i)| all[t][[k, i]]))?;
        archive.add_array("energy", &Array1::from_iter(falls.iter().map(|f| f.energy)))
    })?;
    Ok(findings)
}

/// Points in the block, then those of its lower face; and where these begin.
fn with_face(inside: &Points, axes: &[Axis; 3], n: usize) -> (Points, usize) {
    let face = Points::quadrature(&axes[..2], n);
    let (first, rows) = (inside.weights.len(), face.weights.len());
    let at = Array2::from_shape_fn((first + rows, 3), |(i, a)| match (i.checked_sub(first), a) {
        (None, _) => inside.at[[i, a]],
        (Some(_), 2) => axes[2].origin,
        (Some(i), _) => face.at[[i, a]],
    });
    (Points { at, weights: [&inside.weights[..], &face.weights[..]].concat() }, first)
}

fn write_vtk(block: &Block, kept: &[Vec<f64>], falls: &[Fall], job: &Job<'_>) -> Result<(), Error> {
    let n = CELLS + 1;
    let place = |i: usize| [i / (n * n), i / n % n, i % n].map(|k| -1.0 + 2.0 * k as f64 / CELLS as f64);
    let at = Array2::from_shape_fn((n * n * n, 3), |(i, a)| place(i)[a]);
    let node = |i: usize, j: usize, k: usize| (i * n + j) * n + k;
    let cell = |c: usize| {
        let (i, j, k) = (c / (CELLS * CELLS), c / CELLS % CELLS, c % CELLS);
        let ring = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
        [k, k + 1].into_iter().flat_map(|k| ring.map(|(i, j)| node(i, j, k))).collect::<Vec<_>>()
    };
    let cells: Vec<_> = (0..CELLS * CELLS * CELLS).map(cell).collect();
    let files = kept.iter().zip(falls).map(|(theta, fall)| {
        let u = block.displacement(theta, &at);
        let moved = |i: usize| [0, 1, 2].map(|k| place(i)[k] + u[[k, i]]);
        let points: Vec<_> = (0..n * n * n).map(moved).collect();
        let flat: Vec<f64> = u.t().iter().copied().collect();
        let field = vtk::Field { name: "displacement", components: 3, values: &flat };
        (fall.t, vtk::mesh(&points, &cells, &[field]))
    });
    vtk::write_series(job.run, "block", "vtu", &files.collect::<Vec<_>>())
}
