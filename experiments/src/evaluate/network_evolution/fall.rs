//! An elastic block that falls on the ground.

use std::time::Instant;

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::problem::boxed::{Deformation, FallingBlock, FiniteElements};
use flowmap_datasets::rng::stream;
use flowmap_models::gauss_newton::{GaussNewtonError, Memory, Step};
use flowmap_models::insr::{
    Block, Effort, Ground, Hold, Inertia, InsrConfig, Motion, Nodes, OuterStep, Sampling,
};
use flowmap_solvers::issue::Issue;
use ndarray::{Array1, Array2, Array3};

use super::block::{Shapes, lattice, mean_distance, plane, table};
use super::march::{Marched, in_steps};
use super::{draw, misfit, walled, whole_steps};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::keep::write_npz;
use crate::evaluate::{Findings, Job};

/// Points along an axis of what is compared, on two axes and on three.
const COMPARED: [usize; 2] = [33, 13];

/// Nodes along an axis at which energies are measured, on two axes and on three.
const NODES: [usize; 2] = [24, 10];

/// Times that are drawn.
const FRAMES: usize = 4;

/// The step of the implicit Euler method, and how many of them make a step of the data.
///
/// # Errors
/// If the stepper is another one, its step does not divide that of the data, or the points are drawn in a way that it does not know.
pub(super) fn steps(network: &InsrConfig, data: &DataConfig) -> Result<(f64, usize), Issue> {
    let OuterStep::ImplicitEuler(stepper) = network.stepper else {
        let message = format!("a falling block does not move by {}", network.stepper.name());
        let hint = "take [model.insr.stepper.implicit_euler], of which every step is a minimum";
        return Err(Issue::new("model.insr.stepper", message).hint(hint));
    };
    if !matches!(network.sampling.scheme, Sampling::Quadrature | Sampling::Resampled) {
        let hint = "take scheme = \"resampled\", which draws them for every step of the optimiser, or \"quadrature\", which keeps them";
        return Err(
            Issue::new("model.insr.sampling.scheme", "points of a falling block are not drawn so").hint(hint)
        );
    }
    whole_steps(network, stepper.dt, data)
}

pub(super) fn fall(
    config: &ExperimentConfig,
    network: &InsrConfig,
    problem: &FallingBlock,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let (dt, parts) = steps(network, &config.data).map_err(|issue| misfit(&issue.to_string()))?;
    let count = parts * config.data.steps;
    let (d, clock) = (problem.axes, Instant::now());
    let elements = |n: usize| FiniteElements::new(d, problem.material(), n).falling(problem, dt, count);
    let reference = elements(problem.elements);
    findings.metric("solve_s", clock.elapsed().as_secs_f64());
    let half = elements(problem.elements / 2);
    let at = lattice(d, COMPARED[d - 2]);
    let of = |deformation: &Deformation| table(&at, &|x| deformation.at(x));
    let truth: Vec<_> = reference.iter().map(of).collect();
    let own =
        half.iter().zip(&truth).map(|(half, truth)| mean_distance(&of(half), truth)).fold(0.0, f64::max);
    findings.metric("reference_error", own);

    let axes = vec![walled(-1.0, 2.0); d];
    let block = Block::new(network, &axes, Hold::Free(problem.angle()), problem.material())
        .map_err(|e| misfit(&e.to_string()))?;
    let inertia = Inertia { density: 1.0, dt, gravity: problem.gravity };
    let ground = Ground { height: problem.ground(), stiffness: problem.stiffness };
    let nodes = match network.sampling.scheme {
        Sampling::Quadrature => network.sampling.points,
        _ => NODES[d - 2],
    };
    let motion = Motion::new(&block, inertia, ground, nodes);
    let start = block.at_rest(&mut stream(config.seed, "weights", 0));
    let judge = |step: usize, theta: &[f64]| mean_distance(&block.displacement(theta, &at), &truth[step]);
    let step =
        |past: &[Vec<f64>], effort: &mut Effort| advance((network, config.seed), &motion, past, effort);
    let marched = in_steps(job, (dt, count), || Ok((start, 0.0)), step, judge)?;

    marched.measure(block.parameters(), &mut findings);
    let reached = marched.weights.len() > count;
    let worst = marched.samples.iter().map(|s| s.error).fold(0.0, f64::max);
    findings.metric("error", if reached { marched.samples[count].error } else { f64::NAN });
    findings.metric("max_error", if reached { worst } else { f64::NAN });
    let course = course(&motion, &marched, &reference, problem);
    let total = |i: usize| course.energies.iter().map(|e| e[i]).sum::<f64>();
    let most = (1..course.t.len()).map(|i| total(i) - total(i - 1)).fold(f64::NEG_INFINITY, f64::max);
    findings.metric("energy_gain", most);
    findings.notes.push(format!(
        "Mean distance to finite elements, {0} along each axis, with the same steps in time: at most {worst:.2e}; theirs to half as many {own:.2e}. The block has a side of 2.",
        problem.elements
    ));
    let (grid, points) = plane(d, d - 1);
    let last = marched.weights.len() - 1;
    let shown = |i: usize| {
        let n = (i + 1) * last / FRAMES;
        let shapes = Shapes {
            network: block.displacement(&marched.weights[n], &points),
            truth: table(&points, &|x| reference[n].at(x)),
            second: d - 1,
            grid: grid.clone(),
        };
        (n as f64 * dt, shapes)
    };
    let frames: Vec<_> = (0..FRAMES).map(shown).collect();
    draw::fall(&frames, &course, problem.ground(), &marched, job.run, &mut findings)?;
    write_npz(job.run, |archive| {
        let saved: Vec<usize> = (0..=last).step_by(parts).collect();
        let shapes: Vec<_> = saved.iter().map(|n| block.displacement(&marched.weights[*n], &at)).collect();
        let stack = |pick: &dyn Fn(usize) -> Array2<f64>| {
            let all: Vec<_> = (0..saved.len()).map(pick).collect();
            Array3::from_shape_fn((saved.len(), d, at.nrows()), |(t, k, n)| all[t][[k, n]])
        };
        archive.add_array("points", &at)?;
        archive.add_array("times", &Array1::from_iter(saved.iter().map(|n| *n as f64 * dt)))?;
        archive.add_array("model", &stack(&|i| shapes[i].clone()))?;
        archive.add_array("truth", &stack(&|i| truth[saved[i]].clone()))?;
        archive.add_array("seconds_and_error", &marched.table())
    })?;
    Ok(findings)
}

/// The weights after a step that follows `past`.
fn advance(
    (network, seed): (&InsrConfig, u64),
    motion: &Motion<'_>,
    past: &[Vec<f64>],
    effort: &mut Effort,
) -> Result<Vec<f64>, GaussNewtonError> {
    let step = past.len();
    let (now, before) = (&past[step - 1], &past[step.saturating_sub(2)]);
    let mut theta = now.clone();
    let mut rng = stream(seed, "points", step as u64);
    let drawn = network.sampling.scheme == Sampling::Resampled;
    let mut memory = Memory::default();
    let mut cost = f64::INFINITY;
    for _ in 0..network.iterations {
        let nodes = drawn.then(|| motion.drawn(network.sampling.points, &mut rng));
        let nodes = nodes.as_ref().unwrap_or(motion.fixed());
        let increment = motion.increment(nodes, now, before, network.regularisation);
        let taken = network.optimiser.step(&increment, &mut theta, &mut memory)?;
        effort.iterations += 1;
        let gain = cost - taken.cost();
        cost = taken.cost();
        // Costs at other points are not compared.
        if !drawn && (matches!(taken, Step::Stalled { .. }) || gain <= network.tolerance * cost) {
            break;
        }
    }
    effort.fits += 1;
    Ok(theta)
}

/// Heights and energies at every step.
fn course(
    motion: &Motion<'_>,
    marched: &Marched,
    reference: &[Deformation],
    problem: &FallingBlock,
) -> draw::Course {
    let Nodes { inside, .. } = motion.fixed();
    let (weights, inside) = (&inside.weights, &inside.at);
    let last = problem.axes - 1;
    let places: Vec<_> = marched.weights.iter().map(|w| motion.places(w, inside)).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.zip(weights).map(|(v, w)| v * w).sum::<f64>();
    let centres: Vec<f64> = places.iter().map(|x| mean(&mut x.row(last).iter().copied())).collect();
    let edges = lattice(problem.axes, 9);
    let lowest = |x: Array2<f64>| x.row(last).iter().copied().fold(f64::INFINITY, f64::min);
    let truth = &reference[..places.len()];
    let true_centre = |deformation: &Deformation| {
        let u = table(inside, &|x| deformation.at(x));
        mean(&mut (0..inside.nrows()).map(|n| inside[[n, last]] + u[[last, n]]))
    };
    let held: Vec<[f64; 2]> = marched.weights.iter().map(|w| motion.energies(w)).collect();
    let speed = |i: usize| {
        let h = marched.samples.get(1).map_or(1.0, |s| s.t);
        let gap = &places[i] - &places[i.saturating_sub(1)];
        0.5 * mean(&mut gap.columns().into_iter().map(|g| g.dot(&g))) / (h * h)
    };
    draw::Course {
        t: marched.samples.iter().map(|s| s.t).collect(),
        heights: [
            [centres.clone(), marched.weights.iter().map(|w| lowest(motion.places(w, &edges))).collect()],
            [
                truth.iter().map(true_centre).collect(),
                truth.iter().map(|u| lowest(table(&edges, &|x| u.at(x)) + edges.t())).collect(),
            ],
        ],
        energies: [
            held.iter().map(|e| e[0]).collect(),
            held.iter().map(|e| e[1]).collect(),
            (0..places.len()).map(speed).collect(),
            centres.iter().map(|z| problem.gravity * (z - problem.ground())).collect(),
        ],
    }
}
