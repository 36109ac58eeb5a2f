//! Jets against differences, their way back against differences, and tensors against the host. In `f64` alone.

#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Device};
use flowmap_models::jet::{Activation, Directions, Embedding, Mlp, TensorMlp};
use ndarray::{Array2, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const ACTIVATIONS: [Activation; 4] =
    [Activation::Tanh, Activation::Sine, Activation::Gelu, Activation::Swish];

fn network(activation: Activation) -> (Mlp, Vec<f64>) {
    let embedding =
        Embedding::default().periodic(2, 0, 1.3, 2).affine(2, 1, (0.0, 2.0)).fourier(&[vec![0.4, -0.7]]);
    let network = Mlp::new(embedding, 7, 2, 2, activation, 1.5);
    let theta = network.draw(&mut ChaCha8Rng::seed_from_u64(3));
    (network, theta)
}

/// The second output along a line through a point.
fn along(network: &Mlp, theta: &[f64], x: [f64; 2], v: &[f64], s: f64) -> f64 {
    let point = array![[x[0] + s * v[0], x[1] + s * v[1]]];
    network.jet(theta, point.view(), &Directions::new(2)).component(0)[[0, 1]]
}

/// Derivatives of orders 1 to 4 by central differences of high order, and their errors.
fn differences(f: impl Fn(f64) -> f64) -> [(f64, f64); 4] {
    let at = |h: f64| -> [f64; 9] { std::array::from_fn(|i| f((i as f64 - 4.0) * h)) };
    let h = 0.02;
    let u = at(h);
    let d = |c: [f64; 9], k: i32| u.iter().zip(c).map(|(u, c)| u * c).sum::<f64>() / h.powi(k);
    [
        (d([1.0 / 280.0, -4.0 / 105.0, 0.2, -0.8, 0.0, 0.8, -0.2, 4.0 / 105.0, -1.0 / 280.0], 1), 1e-9),
        (
            d([-1.0 / 560.0, 8.0 / 315.0, -0.2, 1.6, -205.0 / 72.0, 1.6, -0.2, 8.0 / 315.0, -1.0 / 560.0], 2),
            1e-8,
        ),
        (
            d(
                [
                    -7.0 / 240.0,
                    0.3,
                    -169.0 / 120.0,
                    61.0 / 30.0,
                    0.0,
                    -61.0 / 30.0,
                    169.0 / 120.0,
                    -0.3,
                    7.0 / 240.0,
                ],
                3,
            ),
            2e-5,
        ),
        (
            d(
                [
                    7.0 / 240.0,
                    -0.4,
                    169.0 / 60.0,
                    -122.0 / 15.0,
                    91.0 / 8.0,
                    -122.0 / 15.0,
                    169.0 / 60.0,
                    -0.4,
                    7.0 / 240.0,
                ],
                4,
            ),
            2e-4,
        ),
    ]
}

#[test]
fn derivatives_agree_with_differences() {
    let lines = [vec![1.0, 0.0], vec![0.0, 1.0], vec![0.6, -0.8]];
    let directions = lines.iter().fold(Directions::new(2), |d, v| d.along(v, 4)).laplacian(2);
    let x = [0.3, 0.9];
    for activation in ACTIVATIONS {
        let (network, theta) = network(activation);
        let tape = network.jet(&theta, array![x, [2.0, 0.1]].view(), &directions);
        for (l, v) in lines.iter().enumerate() {
            let expected = differences(|s| along(&network, &theta, x, v, s));
            for (k, (value, tolerance)) in expected.into_iter().enumerate() {
                let got = tape.component(directions.component(l, k + 1))[[0, 1]];
                let scale = value.abs().max(1.0);
                assert!(
                    (got - value).abs() < tolerance * scale,
                    "{activation:?}, line {l}, order {}: {got} and {value}",
                    k + 1
                );
            }
        }
        let sum = tape.component(directions.component(0, 2)).to_owned()
            + tape.component(directions.component(1, 2));
        let laplacian = tape.component(directions.laplacian_component().unwrap());
        assert!((&laplacian - &sum).iter().all(|d| d.abs() < 1e-12), "{activation:?}");
    }
}

#[test]
fn the_jacobian_of_every_sample_agrees_with_differences() {
    let directions = Directions::new(2).axis(0, 4).along(&[0.6, 0.8], 3).axis(1, 1).laplacian(2);
    let points = array![[0.3, 0.9], [1.7, 0.2], [-0.4, 1.5]];
    for activation in ACTIVATIONS {
        let (network, theta) = network(activation);
        let rows = directions.components() * 3;
        let seeds = Array2::from_shape_fn((rows, 2), |(i, o)| ((i * 5 + o * 3 + 1) as f64).sin());
        let value = |theta: &[f64], sample: usize| -> f64 {
            let tape = network.jet(theta, points.view(), &directions);
            (0..directions.components())
                .map(|c| {
                    let (u, s) = (tape.component(c), seeds.row(c * 3 + sample));
                    u[[sample, 0]] * s[0] + u[[sample, 1]] * s[1]
                })
                .sum()
        };
        let tape = network.jet(&theta, points.view(), &directions);
        let mut jacobian = Array2::zeros((3, theta.len()));
        network.jacobian(&theta, &tape, seeds.clone(), jacobian.view_mut());
        let mut sum = vec![0.0; theta.len()];
        network.gradient(&theta, &tape, seeds.clone(), &mut sum);
        for w in 0..theta.len() {
            let h = 1e-5;
            let shifted = |h: f64| {
                let mut theta = theta.clone();
                theta[w] += h;
                theta
            };
            let (up, down) = (shifted(h), shifted(-h));
            for n in 0..3 {
                let expected = (value(&up, n) - value(&down, n)) / (2.0 * h);
                let got = jacobian[[n, w]];
                let scale = expected.abs().max(1.0);
                assert!(
                    (got - expected).abs() < 1e-7 * scale,
                    "{activation:?}, sample {n}, weight {w}: {got} and {expected}"
                );
            }
            let total: f64 = jacobian.column(w).sum();
            assert!((sum[w] - total).abs() < 1e-11 * total.abs().max(1.0));
        }
    }
}

#[test]
fn tensors_agree_with_the_host_in_value_and_gradient() {
    let directions = Directions::new(2).axis(0, 4).axis(1, 2).laplacian(2);
    let points = array![[0.3, 0.9], [1.7, 0.2], [-0.4, 1.5]];
    let device = Device::flex().autodiff();
    for activation in ACTIVATIONS {
        let (network, theta) = network(activation);
        let tape = network.jet(&theta, points.view(), &directions);
        let tensors = TensorMlp::new(&network, &theta, DType::F64, &device);
        let jet = tensors.jet(points.view(), &directions);
        let values = jet.clone().into_data().try_to_vec::<f64>().unwrap();
        let values = Array2::from_shape_vec((directions.components() * 3, 2), values).unwrap();
        for c in 0..directions.components() {
            for ((n, o), u) in tape.component(c).indexed_iter() {
                let v = values[[c * 3 + n, o]];
                assert!((u - v).abs() < 1e-12 * u.abs().max(1.0), "{activation:?}: {u} and {v}");
            }
        }
        let gradients = jet.square().sum().backward();
        let mut expected = vec![0.0; theta.len()];
        network.gradient(&theta, &tape, values.mapv(|v| 2.0 * v), &mut expected);
        let got = tensors.gradient(&gradients);
        assert_eq!(got.len(), expected.len());
        for (g, e) in got.iter().zip(&expected) {
            assert!((g - e).abs() < 1e-9 * e.abs().max(1.0), "{activation:?}: {g} and {e}");
        }
    }
}
