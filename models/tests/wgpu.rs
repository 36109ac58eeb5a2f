//! Every model on wgpu: its output and its gradients agree with those on the CPU.

#![cfg(feature = "wgpu")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, DeviceKind, Tensor, TensorData};
use flowmap_models::classifier::{GatedClassifierConfig, SeriesClassifier, SeriesSpec};
use flowmap_models::emulator::{Emulator, FieldSpec};
use flowmap_models::fused::{FieldKind, FieldSpec as Field, Monomial, Solve, odeint};
use flowmap_models::grid::{
    FactorisedOperatorConfig, GridNetworkConfig, GridSurrogate, ModernUNetConfig, SineNetConfig,
};
use flowmap_models::neural_de::neural_cde::NeuralCdeConfig;
use flowmap_models::plrnn::{Observation, PlrnnConfig, RegulariserConfig, Variant};
use flowmap_models::seeded;
use flowmap_models::semilinear_operator::{LinearPart, SemilinearOperatorConfig};
use flowmap_solvers::control_path::Samples;
use flowmap_solvers::stepper::explicit_rk::RK4;
use num_complex::Complex64;

const POINTS: usize = 16;

fn spec() -> FieldSpec {
    let symbol = (0..=POINTS / 2).map(|m| Complex64::new(-0.01, 0.02) * (m * m) as f64).collect();
    FieldSpec {
        shape: vec![POINTS],
        edges: Vec::new(),
        channels: 1,
        history: 1,
        bundle: 1,
        dt: 0.3,
        symbol,
        mean: vec![0.1],
        std: vec![1.3],
        rate: vec![0.7],
    }
}

struct Collect<'a>(&'a GradientsParams, Vec<Vec<f32>>);

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.0.get::<D>(param.id).unwrap();
        self.1.push(gradient.into_data().try_to_vec::<f32>().unwrap());
    }
}

fn near(a: &[f32], b: &[f32]) -> bool {
    let scale = a.iter().fold(1e-3_f32, |m, v| m.max(v.abs()));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4 * scale)
}

/// The last state of a rollout, and the gradients of its energy by all parameters.
fn run<M: Emulator>(model: &M, device: &Device) -> (Vec<f32>, Vec<Vec<f32>>) {
    let device = device.clone().autodiff();
    let model = model.clone().to_device(&device).train();
    let values: Vec<f32> = (0..2 * POINTS).map(|i| (0.37 * i as f32).sin()).collect();
    let start = Tensor::<3>::from_data(TensorData::new(values, [2, 1, POINTS]), &device);
    let end = model.rollout(start, 2).pop().unwrap();
    let output = end.clone().into_data().try_to_vec::<f32>().unwrap();
    let gradients = end.powi_scalar(2).sum().backward();
    let gradients = GradientsParams::from_grads(gradients, &model);
    let mut collect = Collect(&gradients, Vec::new());
    model.visit(&mut collect);
    (output, collect.1)
}

#[test]
fn the_semilinear_operator_agrees_with_the_cpu() {
    let gpu = Device::wgpu(DeviceKind::DefaultDevice);
    for linear in [LinearPart::Exact, LinearPart::None] {
        let config = SemilinearOperatorConfig { modes: 5, width: 6, layers: 2, linear, ..Default::default() };
        let model = seeded(&Device::flex(), 7, || config.init(&spec(), &Device::flex()));
        let (here, there) = (run(&model, &Device::flex()), run(&model, &gpu));
        assert!(near(&here.0, &there.0), "{linear:?}: output");
        assert_eq!(here.1.len(), there.1.len());
        for (i, (a, b)) in here.1.iter().zip(&there.1).enumerate() {
            assert!(near(a, b), "{linear:?}: gradient of parameter {i}");
        }
    }
}

#[test]
fn networks_on_a_grid_agree_with_the_cpu() {
    let gpu = Device::wgpu(DeviceKind::DefaultDevice);
    for shape in [vec![POINTS], vec![4, 4]] {
        let config =
            SineNetConfig { waves: 1, width: 3, growth: 1.5, levels: 1, disentangled: true, budget: None };
        let modern = ModernUNetConfig { width: 2, growth: vec![1, 2], blocks: 1 };
        let factorised =
            FactorisedOperatorConfig { modes: 2, width: 2, layers: 1, expansion: 1, positions: true };
        let spec = FieldSpec { shape: shape.clone(), ..spec() };
        for config in [
            GridNetworkConfig::Sinenet(config),
            GridNetworkConfig::ModernUNet(modern),
            GridNetworkConfig::FactorisedOperator(factorised),
        ] {
            let draw = || GridSurrogate::init(&config, &spec, &Device::flex());
            let model = seeded(&Device::flex(), 7, draw);
            let (here, there) = (run(&model, &Device::flex()), run(&model, &gpu));
            assert!(near(&here.0, &there.0), "{config:?} {shape:?}: output");
            for (i, (a, b)) in here.1.iter().zip(&there.1).enumerate() {
                assert!(near(a, b), "{config:?} {shape:?}: gradient of parameter {i}");
            }
        }
    }
}

/// The logits of two series, and their gradients by all parameters.
fn classified<M: SeriesClassifier + Module>(model: &M, device: &Device) -> (Vec<f32>, Vec<Vec<f32>>) {
    let device = device.clone().autodiff();
    let model = model.clone().to_device(&device).train();
    let series = |n: usize| {
        let times: Vec<f64> = (0..n).map(|i| i as f64 + 0.3 * (i as f64).sin()).collect();
        let values = ndarray::Array2::from_shape_fn((n, 2), |(i, c)| (0.7 * i as f64 + c as f64).sin());
        Samples::new(&times, values.view()).unwrap()
    };
    let logits = model.logits(&[series(5), series(4)], &device).unwrap();
    let output = logits.clone().into_data().try_to_vec::<f32>().unwrap();
    let gradients = GradientsParams::from_grads(logits.powi_scalar(2).sum().backward(), &model);
    let mut collect = Collect(&gradients, Vec::new());
    model.visit(&mut collect);
    (output, collect.1)
}

#[test]
fn classifiers_agree_with_the_cpu() {
    let gpu = Device::wgpu(DeviceKind::DefaultDevice);
    let spec = SeriesSpec { channels: 2, classes: 3, span: 5.0 };
    let neural = NeuralCdeConfig { hidden: 3, width: 6, ..Default::default() };
    let neural = seeded(&Device::flex(), 7, || neural.init(&spec, &Device::flex()));
    let gated = GatedClassifierConfig { units: 5 };
    let gated = seeded(&Device::flex(), 8, || gated.init(&spec, &Device::flex()));
    let pairs = [
        (classified(&neural, &Device::flex()), classified(&neural, &gpu)),
        (classified(&gated, &Device::flex()), classified(&gated, &gpu)),
    ];
    for (model, (here, there)) in pairs.iter().enumerate() {
        assert!(near(&here.0, &there.0), "model {model}: logits");
        for (i, (a, b)) in here.1.iter().zip(&there.1).enumerate() {
            assert!(near(a, b), "model {model}: gradient of parameter {i}");
        }
    }
}

#[test]
fn piecewise_linear_networks_agree_with_the_cpu() {
    let gpu = Device::wgpu(DeviceKind::DefaultDevice);
    for variant in [Variant::Dendritic, Variant::ClippedShallow, Variant::AlmostLinear] {
        for (observation, channels) in [(Observation::Identity, 2), (Observation::Affine, 4)] {
            let config = PlrnnConfig {
                variant,
                latent: 3,
                hidden: 6,
                bases: 2,
                piecewise_units: 2,
                observation,
                observed: 0,
            };
            let draw = || config.init(channels, 0, &Device::flex()).unwrap();
            let model = seeded(&Device::flex(), 7, draw);
            let run = |device: &Device| {
                let device = device.clone().autodiff();
                let model = model.clone().to_device(&device).train();
                let values: Vec<f32> = (0..6 * 2 * channels).map(|i| (0.37 * i as f32).sin()).collect();
                let x = Tensor::<3>::from_data(TensorData::new(values, [6, 2, channels]), &device);
                let target = x.clone().narrow(0, 1, 5);
                let loss = model.loss(x, target, &[0.3, 0.0, 1.0, 0.5, 0.2], &RegulariserConfig::default());
                let value = loss.clone().into_data().try_to_vec::<f32>().unwrap();
                let gradients = GradientsParams::from_grads(loss.backward(), &model);
                let mut collect = Collect(&gradients, Vec::new());
                model.visit(&mut collect);
                (value, collect.1)
            };
            let (here, there) = (run(&Device::flex()), run(&gpu));
            assert!(near(&here.0, &there.0), "{variant:?} {observation:?}: loss");
            for (i, (a, b)) in here.1.iter().zip(&there.1).enumerate() {
                assert!(near(a, b), "{variant:?} {observation:?}: gradient of parameter {i}");
            }
        }
    }
}

#[test]
fn neural_differential_equations_agree_with_the_cpu() {
    let gpu = Device::wgpu(DeviceKind::DefaultDevice);
    let known = vec![Monomial { entry: 1, coefficient: -0.7, powers: vec![2, 1] }];
    for kind in [FieldKind::Plain, FieldKind::Hamiltonian, FieldKind::Lagrangian, FieldKind::Separable] {
        let field = Field::new(kind, 2, &[6, 5], known.clone());
        let solve = Arc::new(Solve::at(field.clone(), &RK4, &[0.0, 0.2, 0.5], 0.1).unwrap());
        let run = |device: &Device| {
            let device = device.clone().autodiff();
            let values = |n: usize, step: f32| (0..n).map(|i| (step * i as f32).sin()).collect::<Vec<_>>();
            let y0 = Tensor::<2>::from_data(TensorData::new(values(6, 0.37), [3, 2]), &device).require_grad();
            let theta = TensorData::new(values(field.parameters(), 0.7), [field.parameters()]);
            let theta = Tensor::<1>::from_data(theta, &device).require_grad();
            let states = odeint(&solve, y0.clone(), theta.clone()).unwrap();
            let output = states.clone().into_data().try_to_vec::<f32>().unwrap();
            let gradients = states.powi_scalar(2).sum().backward();
            let by_start = y0.grad(&gradients).unwrap().into_data().try_to_vec::<f32>().unwrap();
            let by_theta = theta.grad(&gradients).unwrap().into_data().try_to_vec::<f32>().unwrap();
            [output, by_start, by_theta]
        };
        for (i, (a, b)) in run(&Device::flex()).iter().zip(&run(&gpu)).enumerate() {
            assert!(near(a, b), "{kind:?}: {i}");
        }
    }
}
