//! The semilinear operator: the linear part is exact, gradients agree with differences, ablation shares the parameters.

#![allow(clippy::unwrap_used)]

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::emulator::{Emulator, FieldSpec};
use flowmap_models::seeded;
use flowmap_models::semilinear_operator::{Circulant, LinearPart, SemilinearOperatorConfig};
use num_complex::Complex64;

fn spec(points: usize, channels: usize) -> FieldSpec {
    let symbol = (0..=points / 2).map(|m| {
        if 2 * m == points { Complex64::ZERO } else { Complex64::new(-0.01, 0.02) * (m * m) as f64 }
    });
    FieldSpec {
        shape: vec![points],
        edges: Vec::new(),
        channels,
        history: 1,
        bundle: 1,
        dt: 0.3,
        symbol: std::iter::repeat_n(symbol.collect::<Vec<_>>(), channels).flatten().collect(),
        mean: vec![0.1; channels],
        std: vec![1.3; channels],
        rate: vec![0.7; channels],
    }
}

fn config() -> SemilinearOperatorConfig {
    SemilinearOperatorConfig { modes: 5, width: 6, layers: 2, ..Default::default() }
}

fn input(batch: usize, channels: usize, points: usize, device: &Device) -> Tensor<3> {
    let values: Vec<f32> = (0..batch * channels * points).map(|i| (0.37 * i as f32).sin()).collect();
    Tensor::from_data(TensorData::new(values, [batch, channels, points]), device)
}

fn values(t: Tensor<3>) -> Vec<f32> {
    t.into_data().try_to_vec::<f32>().unwrap()
}

#[test]
fn a_circulant_matrix_moves_every_wave_by_its_eigenvalue() {
    let device = Device::flex();
    let (points, phase) = (12, 0.4_f64);
    let eigenvalues: Vec<_> =
        (0..=points / 2).map(|m| Complex64::from_polar(1.0 / (1.0 + m as f64), -phase * m as f64)).collect();
    let wave = |m: usize, shift: f64| -> Vec<f32> {
        (0..points)
            .map(|i| (std::f64::consts::TAU * (m * i) as f64 / points as f64 - shift).cos() as f32)
            .collect()
    };
    for m in 0..points / 2 {
        let u = Tensor::<3>::from_data(TensorData::new(wave(m, 0.0), [1, 1, points]), &device);
        let v = values(Circulant::new(&eigenvalues, 1, &device).apply(u));
        let expected = wave(m, phase * m as f64);
        for (v, e) in v.iter().zip(expected) {
            assert!((v - e / (1.0 + m as f32)).abs() < 1e-6, "mode {m}: {v} {e}");
        }
    }
}

#[test]
fn channels_move_with_their_own_symbols() {
    let device = Device::flex();
    let points = 8;
    let scale = |s: f64| vec![Complex64::new(s, 0.0); points / 2 + 1];
    let both = Circulant::new(&[scale(2.0), scale(-1.0)].concat(), 2, &device);
    let u = input(3, 2, points, &device);
    let (before, after) = (values(u.clone()), values(both.apply(u)));
    for (i, (b, a)) in before.iter().zip(&after).enumerate() {
        let s = if (i / points) % 2 == 0 { 2.0 } else { -1.0 };
        assert!((a - s * b).abs() < 1e-5);
    }
}

#[test]
fn without_the_network_the_step_is_the_exact_linear_flow() {
    let device = Device::flex();
    let spec = FieldSpec { rate: vec![0.0], ..spec(16, 1) };
    let model = config().init(&spec, &device);
    let u = input(2, 1, 16, &device);
    let rolled = values(model.rollout(u.clone(), 3).pop().unwrap());
    let exact: Vec<_> = spec.symbol.iter().map(|l| (l * 0.9).exp()).collect();
    let expected = values(Circulant::new(&exact, 1, &device).apply(u));
    assert!(rolled.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn the_ablation_has_the_same_parameters_and_another_step() {
    let device = Device::flex();
    let exact = seeded(&device, 3, || config().init(&spec(16, 1), &device));
    let none = SemilinearOperatorConfig { linear: LinearPart::None, ..config() }.init(&spec(16, 1), &device);
    // Lift 6 + 6; a layer 2·5·6·6 + 6·6 + 6; hidden 6·12 + 12; projection 12 + 1.
    assert_eq!(exact.num_params(), 12 + 2 * (360 + 42) + 84 + 13);
    assert_eq!(exact.num_params(), none.num_params());
    let u = input(1, 1, 16, &device);
    assert_ne!(values(exact.rollout(u.clone(), 1).remove(0)), values(none.rollout(u, 1).remove(0)));
}

#[test]
fn a_conservative_operator_keeps_the_mean() {
    let device = Device::flex();
    let model = SemilinearOperatorConfig { conservative: true, ..config() }.init(&spec(16, 1), &device);
    let u = input(1, 1, 16, &device);
    let mean = |v: &[f32]| v.iter().sum::<f32>() / 16.0;
    let (before, after) = (values(u.clone()), values(model.rollout(u, 5).pop().unwrap()));
    assert!((mean(&before) - mean(&after)).abs() < 1e-5, "{} {}", mean(&before), mean(&after));
    assert_ne!(before, after);
}

#[test]
fn gradients_through_a_rollout_agree_with_differences() {
    let device = Device::flex();
    let model = config().init(&spec(16, 1), &device);
    let u = input(2, 1, 16, &device);
    let loss = |u: Tensor<3>, model: &flowmap_models::semilinear_operator::SemilinearOperator| {
        model.rollout(u, 3).pop().unwrap().powi_scalar(2).sum()
    };
    let tracked = model.clone().to_device(&device.clone().autodiff()).train();
    let leaf = Tensor::<3>::from_data(u.clone().into_data(), &device.clone().autodiff()).require_grad();
    let grads = loss(leaf.clone(), &tracked).backward();
    let gradient = values(leaf.grad(&grads).unwrap());
    let base = values(u);
    for i in [0, 7, 20, 31] {
        let at = |h: f32| {
            let mut moved = base.clone();
            moved[i] += h;
            let moved = Tensor::<3>::from_data(TensorData::new(moved, [2, 1, 16]), &device);
            loss(moved, &model).into_scalar::<f64>()
        };
        let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
        assert!(
            (f64::from(gradient[i]) - slope).abs() < 2e-2 * (1.0 + slope.abs()),
            "{i}: {} {slope}",
            gradient[i]
        );
    }
}
