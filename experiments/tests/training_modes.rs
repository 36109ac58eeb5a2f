//! The training modes of models of fields: the gradient of each is the one of its formula, and each is refused where it does not apply.

#![allow(clippy::unwrap_used)]

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use flowmap_datasets::card::DataCard;
use flowmap_datasets::dataset::{Dataset, Split};
use flowmap_datasets::flow::Flow;
use flowmap_datasets::problem::{ProblemConfig, pde};
use flowmap_experiments::config::{Overrides, load};
use flowmap_experiments::train::{FieldLoss, FieldObjective, Objective, TrainConfig};
use flowmap_models::emulator::{Emulator, shifted};
use flowmap_solvers::config::{FixedConfig, SolverConfig};
use ndarray::ArrayD;

const THETA: f64 = 0.8;
/// The amplitudes of the trajectory, from its start on.
const AMPLITUDES: [f64; 5] = [2.0, 1.5, 1.4, 0.9, 0.7];

/// `u' = θ u`: the amplitude of a rollout after `i` steps is `θ^i` of its start.
#[derive(Module, Debug)]
struct Scale {
    theta: Param<Tensor<1>>,
}

impl Emulator for Scale {
    fn rollout(&self, u: Tensor<3>, steps: usize) -> Vec<Tensor<3>> {
        let grow = |u: &Tensor<3>| Some(u.clone() * self.theta.val().reshape([1, 1, 1]));
        std::iter::successors(grow(&u), grow).take(steps).collect()
    }
}

/// One trajectory of a fixed shape in space, with the amplitudes.
fn dataset(amplitudes: &[f64], points: usize) -> Dataset {
    let shape = |x: usize| (std::f64::consts::TAU * x as f64 / points as f64).cos();
    let values = amplitudes.iter().flat_map(|a| (0..points).map(move |x| a * shape(x)));
    Dataset {
        stored: None,
        values: ArrayD::from_shape_vec(vec![1, amplitudes.len(), 1, points], values.collect()).unwrap(),
        times: (0..amplitudes.len()).map(|i| i as f64).collect(),
        coordinates: vec![(0..points).map(|x| x as f64).collect()],
        channels: vec!["u".into()],
        split: Split::new(1, 0, 0, amplitudes.len()),
        card: DataCard::default(),
    }
}

/// The loss of a step and its derivative by `θ`.
fn gradient(objective: &mut FieldObjective<'_>, step: u64) -> (f64, f64) {
    let device = Device::flex().autodiff();
    let model = Scale { theta: Param::from_tensor(Tensor::from_floats([THETA as f32], &device)) };
    let (loss, mut gradients) = objective.gradients(&model, step).unwrap().unwrap();
    let slope = gradients.remove::<1>(model.theta.id).unwrap().into_scalar::<f64>();
    (loss, slope)
}

fn check(config: &TrainConfig, samples: usize, expected: (f64, f64)) {
    let (data, device) = (dataset(&AMPLITUDES[..samples], 8), Device::flex());
    let (loss, slope) = gradient(&mut FieldObjective::new(&data, config, 1, 0, &device), 0);
    let close = |a: f64, b: f64| (a - b).abs() < 1e-5 * b.abs().max(1.0);
    assert!(close(loss, expected.0) && close(slope, expected.1), "{config:?}: {loss} {slope}, {expected:?}");
}

/// The loss over `unroll` steps that start at the amplitude `start` and end at those given, where the derivative of step `i` goes back
/// `back(i)` steps.
fn formula(start: f64, targets: &[f64], back: impl Fn(usize) -> usize) -> (f64, f64) {
    let n = targets.len() as f64;
    let terms = targets.iter().enumerate().map(|(i, a)| {
        let p = THETA.powi(i as i32 + 1) * start;
        let slope = back(i) as f64 * p / THETA;
        (((p - a) / a).powi(2) / n, 2.0 * (p - a) * slope / (a * a) / n)
    });
    terms.fold((0.0, 0.0), |(l, s), (loss, slope)| (l + loss, s + slope))
}

#[test]
fn one_step_and_unrolled_gradients_are_those_of_their_formulas() {
    let [start, targets @ ..] = AMPLITUDES;
    check(&TrainConfig::default(), 2, formula(start, &targets[..1], |_| 1));
    let unrolled = TrainConfig { unroll: 4, ..Default::default() };
    check(&unrolled, 5, formula(start, &targets, |i| i + 1));
    for cut in 1..4 {
        let config = TrainConfig { cut, ..unrolled.clone() };
        check(&config, 5, formula(start, &targets, |i| i % cut + 1));
    }
}

#[test]
fn rebuilding_the_tapes_gives_the_same_gradients() {
    let [start, targets @ ..] = AMPLITUDES;
    for cut in 0..4 {
        let config = TrainConfig { unroll: 4, cut, checkpoint: true, ..Default::default() };
        check(&config, 5, formula(start, &targets, |i| if cut > 0 { i % cut + 1 } else { i + 1 }));
    }
}

/// `u'' = θ u' + (1 − θ) u` of two frames.
#[derive(Module, Debug)]
struct Lag {
    theta: Param<Tensor<1>>,
}

impl Emulator for Lag {
    fn rollout(&self, frames: Tensor<3>, steps: usize) -> Vec<Tensor<3>> {
        let (mut frames, mut states) = (frames, Vec::new());
        for _ in 0..steps {
            let theta = self.theta.val().reshape([1, 1, 1]);
            let [old, new] = [0, 1].map(|i| frames.clone().narrow(1, i, 1));
            let next = new * theta.clone() + old * theta.neg().add_scalar(1.0);
            frames = shifted(frames, next.clone());
            states.push(next);
        }
        states
    }

    fn history(&self) -> usize {
        2
    }
}

#[test]
fn gradients_go_back_through_the_frames_that_a_model_is_given() {
    let (data, device) = (dataset(&AMPLITUDES, 8), Device::flex());
    let at = |theta: f64, checkpoint: bool| {
        let config = TrainConfig { unroll: 3, checkpoint, ..Default::default() };
        let tracked = device.clone().autodiff();
        let model = Lag { theta: Param::from_tensor(Tensor::from_floats([theta as f32], &tracked)) };
        let mut objective = FieldObjective::new(&data, &config, 2, 0, &device);
        let (loss, mut gradients) = objective.gradients(&model, 0).unwrap().unwrap();
        (loss, gradients.remove::<1>(model.theta.id).unwrap().into_scalar::<f64>())
    };
    for checkpoint in [false, true] {
        let difference = (at(0.81, checkpoint).0 - at(0.79, checkpoint).0) / 0.02;
        let (loss, slope) = at(0.8, checkpoint);
        assert!((slope - difference).abs() < 1e-3 * slope.abs(), "{checkpoint}: {slope} {difference}");
        assert!((loss - at(0.8, false).0).abs() < 1e-6);
    }
}

/// Two frames at once: `θ u` and `θ u + (1 − θ) u`.
#[derive(Module, Debug)]
struct Pair {
    theta: Param<Tensor<1>>,
}

impl Emulator for Pair {
    fn rollout(&self, u: Tensor<3>, steps: usize) -> Vec<Tensor<3>> {
        let (mut now, mut states) = (u, Vec::new());
        while states.len() < steps {
            let theta = self.theta.val().reshape([1, 1, 1]);
            let first = now.clone() * theta.clone();
            let second = first.clone() + now * theta.powi_scalar(2).neg().add_scalar(1.0);
            states.push(first);
            now = second.clone();
            states.push(second);
        }
        states.truncate(steps);
        states
    }

    fn bundle(&self) -> usize {
        2
    }
}

#[test]
fn gradients_go_through_bundles_and_tapes_are_rebuilt_bundle_by_bundle() {
    let (data, device) = (dataset(&AMPLITUDES, 8), Device::flex());
    let at = |theta: f64, cut: usize, checkpoint: bool| {
        let config = TrainConfig { unroll: 4, bundle: 2, cut, checkpoint, ..Default::default() };
        let tracked = device.clone().autodiff();
        let model = Pair { theta: Param::from_tensor(Tensor::from_floats([theta as f32], &tracked)) };
        let mut objective = FieldObjective::new(&data, &config, 1, 0, &device);
        let (loss, mut gradients) = objective.gradients(&model, 0).unwrap().unwrap();
        (loss, gradients.remove::<1>(model.theta.id).unwrap().into_scalar::<f64>())
    };
    let difference = (at(0.81, 0, false).0 - at(0.79, 0, false).0) / 0.02;
    let (loss, slope) = at(0.8, 0, false);
    assert!((slope - difference).abs() < 2e-3 * slope.abs(), "{slope} {difference}");
    let mut slopes = Vec::new();
    for cut in [0, 2] {
        let (recorded, rebuilt) = (at(0.8, cut, false), at(0.8, cut, true));
        assert!((recorded.0 - loss).abs() < 1e-6 && (rebuilt.0 - loss).abs() < 1e-6);
        assert!((recorded.1 - rebuilt.1).abs() < 1e-5 * slope.abs(), "{cut}: {recorded:?} {rebuilt:?}");
        slopes.push(recorded.1);
    }
    assert!((slopes[0] - slopes[1]).abs() > 1e-3 * slope.abs(), "{slopes:?}");
}

#[test]
fn no_gradient_flows_through_a_push_forward() {
    let start = THETA * THETA * AMPLITUDES[0];
    let config = TrainConfig { push_forward: 2, unroll: 2, ..Default::default() };
    check(&config, 5, formula(start, &AMPLITUDES[3..], |i| i + 1));
}

#[test]
fn a_diverted_chain_compares_with_the_solver_from_the_model_s_own_states() {
    // The shape is a wave, which the heat equation scales by e^(−νk²dt).
    let (nu, dt, length) = (0.3, 0.5, 4.0);
    let decay = (-nu * (std::f64::consts::TAU / length).powi(2) * dt).exp();
    let problem = ProblemConfig::Heat(pde::Heat { length, points: 8, diffusivity: nu, dimensions: 1 });
    let problem = problem.build().unwrap();
    // A window needs its first sample alone.
    let (data, device) = (dataset(&AMPLITUDES[..1], 8), Device::flex());
    for (checkpoint, cut) in [(false, 0), (true, 0), (false, 2), (true, 2)] {
        let config = TrainConfig { unroll: 3, diverted_chain: true, checkpoint, cut, ..Default::default() };
        let flow = Flow::new(&problem, &SolverConfig::Etdrk4(FixedConfig { dt })).unwrap();
        let mut objective = FieldObjective::new(&data, &config, 1, 0, &device).diverted(flow, dt);
        let (loss, slope) = gradient(&mut objective, 0);
        let off = (THETA - decay) / decay;
        let back: f64 = (0..3).map(|i| if cut > 0 { i % cut + 1 } else { i + 1 } as f64).sum();
        assert!((loss - off * off).abs() < 1e-5, "{loss}, {}", off * off);
        let expected = 2.0 * off / decay * back / 3.0;
        assert!((slope - expected).abs() < 1e-5 * expected.abs().max(1.0), "{slope}, {expected}");
    }
}

#[test]
fn noise_on_inputs_has_its_size_and_belongs_to_a_step() {
    let (points, noise) = (20_000, 0.3);
    let (data, device) = (dataset(&AMPLITUDES[..2], points), Device::flex());
    let config = TrainConfig { noise, ..Default::default() };
    let mut objective = FieldObjective::new(&data, &config, 1, 0, &device);
    let first = gradient(&mut objective, 0);
    assert_eq!(first, gradient(&mut objective, 0));
    assert_ne!(first, gradient(&mut objective, 1));
    // E (θ(u + ηrξ) − a)² with the root mean square r of the input.
    let [start, a, ..] = AMPLITUDES;
    let expected = ((THETA * start - a) / a).powi(2) + (THETA * noise * start / a).powi(2);
    assert!((first.0 / expected - 1.0).abs() < 0.05, "{} {expected}", first.0);
}

#[test]
fn losses_are_those_of_their_formulas() {
    let start = AMPLITUDES[0];
    let (p, a) = (THETA * start, AMPLITUDES[1]);
    // The mean of a wave is zero, its mean square half.
    let variance = 0.25 * (start * start + a * a);
    let squared = (0.5 * (p - a).powi(2) / variance, (p - a) * start / variance);
    let relative = ((p - a).abs() / a, (p - a).signum() * start / a);
    check(&TrainConfig { loss: FieldLoss::Squared, ..Default::default() }, 2, squared);
    check(&TrainConfig { loss: FieldLoss::RelativeL2, ..Default::default() }, 2, relative);
}

#[test]
fn modes_are_refused_where_they_do_not_apply() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |model: &str, problem: &str, train: &str| {
        let text = format!(
            "name = \"modes\"\n{problem}\n[data]\ntrain = 1\nvalidation = 1\ntest = 1\ndt = 0.1\nsteps = 8\n\
             initial.truncated_fourier = {{ modes = 2, amplitude = 1.0 }}\n[model.{model}]\n[train]\n{train}\n"
        );
        let path = folder.path().join("modes.toml");
        std::fs::write(&path, text).unwrap();
        load(&path, &Overrides::default()).err().map(|e| format!("{e}"))
    };
    let heat = "[problem.heat]\npoints = 16\n[solver.etdrk4]\ndt = 0.1";
    let fine = "unroll = 4\ncut = 2\ncheckpoint = true\ndiverted_chain = true\nloss = \"squared\"";
    assert_eq!(refusal("conv_net", heat, fine), None);
    // Longer than the trajectories, but a diverted chain needs its start alone.
    assert_eq!(refusal("conv_net", heat, "unroll = 20\ndiverted_chain = true"), None);
    for (train, said) in [
        ("unroll = 20", "20 steps of training in trajectories of 8 steps"),
        ("unroll = 2\ncut = 2", "a gradient cut after 2 steps of an unroll of 2"),
        ("checkpoint = true", "an unroll of one step has one tape anyway"),
        ("loss = \"median\"", "median"),
        ("unroll = 3\nbundle = 2", "bundles of 2 frames in an unroll of 3"),
        ("unroll = 6\nbundle = 2\ncut = 3", "a cut after every 3"),
        ("epochs = 0", "epochs"),
    ] {
        let message = refusal("conv_net", heat, train).unwrap();
        assert!(message.contains(said), "{train}: {message}");
    }
    let bundle = "unroll = 4\nbundle = 2\ncut = 2";
    assert_eq!(refusal("conv_net", heat, bundle), None);
    let said = refusal("semilinear_operator", heat, bundle).unwrap();
    assert!(said.contains("only networks on a grid predict several frames at once"), "{said}");
    // Weights to start from may be all there is.
    assert_eq!(refusal("sinenet", &heat.replace("16", "32"), "epochs = 0\nstart.path = \"some.ckpt\""), None);
    let lorenz = "[problem.lorenz63]\n[solver.tsit5]";
    for key in [
        "cut = 1\nunroll = 2",
        "checkpoint = true\nunroll = 2",
        "diverted_chain = true",
        "bundle = 2\nunroll = 2",
        "start.path = \"some.ckpt\"",
        "loss = \"squared\"",
    ] {
        let train = format!("sequence = 4\n{key}");
        let text = refusal("plrnn", lorenz, &train).unwrap();
        assert!(text.contains("is for models of fields"), "{key}: {text}");
    }
}
