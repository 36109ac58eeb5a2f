//! One training step of a shallow piecewise-linear network, M = 3, H = 50, batch 16, 200 steps, α = 0.1: loss, gradients, Adam.
//! With `FLOWMAP_PEERS=python`, an interpreter that has JAX or PyTorch (`TORCH=1 solvers/benches/peers/setup.sh`), these do
//! the same in the same run, and the ratios are printed; all must find the same loss.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::process::Command;
use std::time::Instant;

use burn::module::{Module, Param};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::fused::{TensorMap, plrnn_unroll};

const LATENT: usize = 3;
const HIDDEN: usize = 50;
const BATCH: usize = 16;
const STEPS: usize = 200;
const ALPHA: f32 = 0.1;

#[derive(Module, Debug)]
struct Network {
    a: Param<Tensor<1>>,
    w1: Param<Tensor<2>>,
    w2: Param<Tensor<2>>,
    h1: Param<Tensor<1>>,
    h2: Param<Tensor<1>>,
}

/// `scale · sin(step · i)`, as the peers have it.
fn wave<const D: usize>(shape: [usize; D], scale: f64, step: f64, device: &Device) -> Tensor<D> {
    let count = shape.iter().product::<usize>();
    let values: Vec<f64> = (0..count).map(|i| scale * (step * (i + 1) as f64).sin()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn loss(network: &Network, eye: &Tensor<2>, x: &Tensor<3>) -> Tensor<1> {
    let map = TensorMap {
        a: eye.clone() * network.a.val().unsqueeze(),
        w1: network.w1.val(),
        w2: network.w2.val(),
        h1: network.h1.val(),
        h2: network.h2.val(),
        clipped: false,
    };
    let start = x.clone().narrow(0, 0, 1).reshape([BATCH, LATENT]);
    let signals = x.clone().narrow(0, 1, STEPS);
    let states = plrnn_unroll(&map, start, signals.clone(), None, &[ALPHA; STEPS]);
    (states - signals).powi_scalar(2).mean()
}

fn main() {
    let device = Device::flex().autodiff();
    let mut network = Network {
        a: Param::from_tensor(wave([LATENT], 0.2, 0.7, &device) + 0.6),
        w1: Param::from_tensor(wave([LATENT, HIDDEN], 0.14, 0.9, &device)),
        w2: Param::from_tensor(wave([HIDDEN, LATENT], 0.5, 1.1, &device)),
        h1: Param::from_tensor(wave([LATENT], 0.1, 1.3, &device)),
        h2: Param::from_tensor(wave([HIDDEN], 0.3, 1.7, &device)),
    };
    let x = wave([STEPS + 1, BATCH, LATENT], 1.0, 0.37, &device);
    let eye = Tensor::eye(LATENT, &device);
    let check = loss(&network, &eye, &x).into_scalar::<f64>();
    let mut optimiser = AdamConfig::new().init();
    let mut seconds: Vec<f64> = (0..2000)
        .map(|_| {
            let started = Instant::now();
            let loss = loss(&network, &eye, &x);
            assert!(loss.clone().into_scalar::<f64>().is_finite());
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimiser.step(1e-4, network.clone(), gradients);
            started.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    println!(
        "flowmap            {:.3} ms a step (median of {}, fastest {:.3}), loss {check:.6}",
        1e3 * median,
        seconds.len(),
        1e3 * seconds[0]
    );
    let Ok(python) = std::env::var("FLOWMAP_PEERS") else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/plrnn.py");
    let output = Command::new(python).arg(script).output().expect("the peers' interpreter runs");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let field = |key: &str| {
            let rest = &line[line.find(&format!("\"{key}\""))? + key.len() + 3..];
            Some(rest.split([',', '}']).next()?.trim().trim_matches('"').to_owned())
        };
        if let (Some(peer), Some(why)) = (field("peer"), field("missing")) {
            println!("{peer:<18} is not there: {why}");
        }
        let number = |key: &str| field(key).and_then(|v| v.parse::<f64>().ok());
        if let (Some(peer), Some(s), Some(other)) = (field("peer"), number("seconds"), number("check")) {
            assert!((other / check - 1.0).abs() < 1e-3, "{peer} finds the loss {other}, not {check}");
            println!("{peer:<18} {:.3} ms a step, {:.1} times as long as Flowmap", 1e3 * s, s / median);
        }
    }
}
