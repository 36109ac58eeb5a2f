//! Four convolutions 3×3 of 64 channels with GELU on 64² points, batch 4: forward and backward.
//! With `FLOWMAP_PEERS=python`, an interpreter that has PyTorch does the same in the same run, and the ratio is printed.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::process::Command;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::fused::{Edge, Stencil, convolve, gelu};

const CHANNELS: usize = 64;
const POINTS: usize = 64;
const BATCH: usize = 4;

/// `scale · sin(step · i)`, as the peer has it.
fn wave<const D: usize>(shape: [usize; D], scale: f64, step: f64, device: &Device) -> Tensor<D> {
    let count = shape.iter().product::<usize>();
    let values: Vec<f32> = (0..count).map(|i| (scale * (step * (i + 1) as f64).sin()) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn main() {
    let device = Device::flex().autodiff();
    let stencil = Stencil { edges: [Edge::Periodic; 2], dilation: 1 };
    let weights: Vec<Tensor<4>> = (0..4)
        .map(|l| wave([CHANNELS, CHANNELS, 3, 3], 0.06, 0.7 + 0.1 * f64::from(l), &device).require_grad())
        .collect();
    let bias = Tensor::<1>::zeros([CHANNELS], &device).require_grad();
    let x = wave([BATCH, CHANNELS, POINTS, POINTS], 1.0, 0.37, &device).require_grad();
    let mut check = 0.0;
    let mut seconds: Vec<f64> = (0..20)
        .map(|_| {
            let started = Instant::now();
            let y =
                weights.iter().fold(x.clone(), |y, w| gelu(convolve(y, w.clone(), bias.clone(), stencil)));
            let loss = y.powi_scalar(2).mean();
            let gradients = loss.backward();
            let sum = weights[0].grad(&gradients).unwrap().abs().mean().into_scalar::<f64>();
            check = sum;
            started.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    println!(
        "flowmap            {:.1} ms (fastest {:.1}), gradient {check:.6e}",
        1e3 * median,
        1e3 * seconds[0]
    );
    let Ok(python) = std::env::var("FLOWMAP_PEERS") else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/convolution.py");
    let output = Command::new(python).arg(script).output().expect("the peer's interpreter runs");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    let [peer, other] = numbers[..] else { panic!("the peer printed {text:?}") };
    assert!((other / check - 1.0).abs() < 1e-3, "PyTorch finds the gradient {other}, not {check}");
    println!("pytorch            {:.1} ms, {:.2} times as long as Flowmap", 1e3 * peer, peer / median);
}
