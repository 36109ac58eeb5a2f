//! Loss and gradients of a neural ODE, 2-64-64-2 tanh, batch 128, 100 RK4 steps, in f32.
//! With `FLOWMAP_PEERS=python`, an interpreter that has Diffrax or torchdiffeq, these do the same in turns with it, and the ratio
//! to the fastest of them is printed; all must find the same gradient.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::fused::{FieldKind, FieldSpec, Solve, odeint};
use flowmap_solvers::stepper::explicit_rk::RK4;

const SIZES: [usize; 4] = [2, 64, 64, 2];
const BATCH: usize = 128;
const STEPS: usize = 100;
const END: f64 = 1.0;
/// Turns, and runs of a turn.
const TURNS: usize = 5;
const RUNS: usize = 15;
const PEERS: [&str; 3] = ["diffrax-checkpoint", "diffrax-direct", "torchdiffeq"];

/// `scale · sin(step · i)`, as the peers have it.
fn wave(count: usize, scale: f64, step: f64) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| scale * (step * (i + 1) as f64).sin())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let device = Device::flex().autodiff();
    let field = FieldSpec::new(FieldKind::Plain, 2, &SIZES[1..3], Vec::new());
    let plan = Solve { field, tableau: &RK4, steps: vec![END / STEPS as f64; STEPS], saves: vec![STEPS] };
    let plan = Arc::new(plan);
    let theta = SIZES.windows(2).enumerate().flat_map(|(i, s)| {
        let (n, m) = (s[0], s[1]);
        let weights = wave(n * m, 1.4 / (n as f64).sqrt(), 0.7 + 0.2 * i as f64);
        weights.chain(wave(m, 0.1, 1.3 + 0.1 * i as f64))
    });
    let theta: Vec<f64> = theta.collect();
    let y0: Vec<f64> = wave(BATCH * 2, 1.0, 0.37).collect();
    let theta = Tensor::<1>::from_data(TensorData::new(theta.clone(), [theta.len()]), &device).require_grad();
    let y0 = Tensor::<2>::from_data(TensorData::new(y0, [BATCH, 2]), &device);
    let run = || {
        let loss = odeint(&plan, y0.clone(), theta.clone()).unwrap().powi_scalar(2).mean();
        let gradient = theta.grad(&loss.backward()).unwrap();
        gradient.into_data().convert::<f64>().try_to_vec::<f64>().unwrap()
    };
    let check = run().iter().map(|g| g * g).sum::<f64>().sqrt();
    let python = std::env::var("FLOWMAP_PEERS").ok().filter(|p| !p.is_empty());
    let mut ours = Vec::new();
    let mut peers: Vec<(&str, Vec<f64>)> = Vec::new();
    for _ in 0..TURNS {
        run();
        let timed = (0..RUNS).map(|_| {
            let started = Instant::now();
            run();
            started.elapsed().as_secs_f64()
        });
        ours.push(median(timed.collect()));
        for (name, python) in PEERS.iter().zip(std::iter::repeat(&python)) {
            let Some((found, runs)) = python.as_ref().and_then(|p| peer(p, name)) else { continue };
            assert!(
                (found / check - 1.0).abs() < 1e-3,
                "{name} finds a gradient of norm {found}, not {check}"
            );
            let place = peers.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
                peers.push((name, Vec::new()));
                peers.len() - 1
            });
            peers[place].1.push(median(runs));
        }
    }
    println!("{:<20} {:>8.3} ms   gradient of norm {check:.6}", "flowmap", 1e3 * median(ours.clone()));
    let mut fastest = f64::INFINITY;
    for (name, times) in &peers {
        // Turn by turn, since what else a machine does changes with time.
        let ratio = median(times.iter().zip(&ours).map(|(t, o)| t / o).collect());
        fastest = fastest.min(ratio);
        println!("{name:<20} {:>8.3} ms   {ratio:.2} times as long", 1e3 * median(times.clone()));
    }
    if fastest.is_finite() {
        println!("{fastest:.2} times as fast as the fastest peer");
    }
}

/// What a peer finds, and the seconds of its runs.
fn peer(python: &str, name: &str) -> Option<(f64, Vec<f64>)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/neural_ode.py");
    let output = Command::new(python).args([script, name]).env_remove("OPENBLAS_CORETYPE").output().unwrap();
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|l| l.contains(name))?;
    let runs = line.split_once('[')?.1.split_once(']')?.0.split(',');
    let runs = runs.map(|s| s.trim().parse()).collect::<Result<_, _>>().ok()?;
    let check = line.split_once("\"check\": ")?.1.trim_end_matches('}').parse().ok()?;
    Some((check, runs))
}
