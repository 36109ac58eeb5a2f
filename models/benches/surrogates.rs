//! Forward and backward of SineNet-8 at its published size (64² points, batch 4) and of a Fourier neural operator on one axis (1024 points,
//! batch 20, 16 modes, 64 channels). With `FLOWMAP_PEERS=python`, an interpreter that has PyTorch, the same networks with the same weights
//! run in turns with it, and the ratios are printed; both must find the same gradient. An argument chooses one of the two.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::process::Command;
use std::time::Instant;

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::fused::Edge;
use flowmap_models::grid::{FourierOperatorConfig, GridNetwork, GridNetworkConfig, GridSpec, SineNetConfig};

const TURNS: usize = 3;

/// `scale · sin(step · i²) + level`, as the peer has it: almost as if drawn.
fn wave(count: usize, scale: f64, step: f64, level: f64) -> Vec<f32> {
    (1..=count).map(|i| (scale * (step * (i * i) as f64).sin() + level) as f32).collect()
}

/// Gives every parameter values that the peer can make, too.
struct Waves(usize);

impl ModuleMapper for Waves {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0 += 1;
        let step = 0.7 + 0.01 * self.0 as f64;
        param.map(|value| {
            let dims = value.dims();
            let count = dims.iter().product::<usize>();
            // Vectors: biases and shifts are small, and so are deviations of scales from one.
            let values = match D {
                1 => wave(count, 0.05, step, if is_scale(self.0) { 1.0 } else { 0.0 }),
                3 => wave(count, 1.5 / (dims[1] as f64).sqrt(), step, 0.0),
                _ => wave(count, 1.0 / ((count / dims[0]) as f64).sqrt(), step, 0.0),
            };
            Tensor::from_data(TensorData::new(values, dims), &value.device()).require_grad()
        })
    }
}

/// Whether a parameter of SineNet is the scale of a normalisation: a level has twice weight, bias, scale, shift, then weight, bias.
fn is_scale(number: usize) -> bool {
    number > 2 && matches!((number - 3) % 10, 2 | 6)
}

/// Seconds that all threads of this process have computed, in units of 10 ms; zero where the system does not tell.
fn computed() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |field: usize| stat.split_whitespace().nth(field).and_then(|t| t.parse().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / 100.0
}

/// The norm of the gradient by the first weight, and the seconds of a run.
fn run(network: &GridNetwork, u: &Tensor<4>) -> (f64, f64) {
    struct First(Option<burn::module::ParamId>);
    impl burn::module::ModuleVisitor for First {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.get_or_insert(param.id);
        }
    }
    let mut first = First(None);
    network.visit(&mut first);
    let started = Instant::now();
    let loss = network.forward(u.clone()).powi_scalar(2).mean();
    let gradients = GradientsParams::from_grads(loss.backward(), network);
    let gradient = gradients.get::<4>(first.0.unwrap()).unwrap();
    let norm = gradient.powi_scalar(2).sum().into_scalar::<f64>().sqrt();
    (norm, started.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let device = Device::flex().autodiff();
    let sinenet = GridNetworkConfig::Sinenet(SineNetConfig::default());
    let fno = GridNetworkConfig::FourierOperator(FourierOperatorConfig { modes: 16, width: 64, layers: 4 });
    let edges = [Edge::Periodic; 2];
    let cases = [
        ("sinenet", sinenet, GridSpec { size: [64, 64], input: 12, output: 3, edges }, 4, 1),
        ("fno", fno, GridSpec { size: [1, 1024], input: 1, output: 1, edges }, 20, 10),
    ];
    let python = std::env::var("FLOWMAP_PEERS").ok().filter(|p| !p.is_empty());
    for (name, config, spec, batch, runs) in cases {
        if !chosen.is_empty() && !chosen.iter().any(|c| c == name) {
            continue;
        }
        let network = config.init(&spec, &device).map(&mut Waves(0));
        let [nx, ny] = spec.size;
        let values = wave(batch * spec.input * nx * ny, 1.0, 0.37, 0.0);
        let u = Tensor::from_data(TensorData::new(values, [batch, spec.input, nx, ny]), &device);
        let (check, _) = run(&network, &u);
        // Wall time, and the time that processors spent, which other work on the machine changes less.
        let (mut ours, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let before = computed();
            let wall = median((0..runs).map(|_| run(&network, &u).1).collect());
            ours.push([wall, (computed() - before) / runs as f64]);
            let Some(python) = &python else { continue };
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/surrogates.py");
            let output = Command::new(python).args([script, name, &runs.to_string()]).output().unwrap();
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8_lossy(&output.stdout);
            let numbers: Vec<f64> = text.split_whitespace().filter_map(|w| w.parse().ok()).collect();
            let [wall, computed, other] = numbers[..] else { panic!("the peer printed {text:?}") };
            assert!(
                (other / check - 1.0).abs() < 1e-3,
                "PyTorch finds a gradient of norm {other}, not {check}"
            );
            peers.push([wall, computed]);
        }
        let of = |runs: &[[f64; 2]], i: usize| 1e3 * median(runs.iter().map(|r| r[i]).collect());
        println!(
            "{name:<8} flowmap {:>9.1} ms, processors {:>9.1} ms   {} parameters, gradient {check:.6e}",
            of(&ours, 0),
            of(&ours, 1),
            network.num_params()
        );
        if !peers.is_empty() {
            // Turn by turn, since what else a machine does changes with time.
            let ratio = |i: usize| median(peers.iter().zip(&ours).map(|(t, o)| t[i] / o[i]).collect());
            println!(
                "{name:<8} pytorch {:>9.1} ms, processors {:>9.1} ms   {:.2} and {:.2} times as long as Flowmap",
                of(&peers, 0),
                of(&peers, 1),
                ratio(0),
                ratio(1)
            );
        }
    }
}
