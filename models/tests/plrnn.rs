//! Piecewise-linear networks: every variant by its own formula, forcing by direct computation, gradients by differences.

#![allow(clippy::unwrap_used)]

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::fused::plrnn_unroll;
use flowmap_models::plrnn::{
    Adaptive, Estimator, ForcingConfig, Observation, PiecewiseLinearMap, Plrnn, PlrnnConfig,
    RegulariserConfig, Sparse, Variant,
};
use flowmap_models::state_space::{Map, StateSpaceModel, driven_rollout, observations};
use flowmap_solvers::field::VectorField;
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2, s};
use support::{config, moved, network};

mod support;

const VARIANTS: [Variant; 6] = [
    Variant::Standard,
    Variant::MeanCentred,
    Variant::Dendritic,
    Variant::Shallow,
    Variant::ClippedShallow,
    Variant::AlmostLinear,
];

/// The parameters by their order in the module.
fn parameters(model: &Plrnn) -> Vec<Vec<f64>> {
    struct Collect(Vec<Vec<f64>>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.val().into_data().convert::<f64>().try_to_vec::<f64>().unwrap());
        }
    }
    let mut all = Collect(Vec::new());
    model.visit(&mut all);
    all.0
}

/// The next state by the formula of the variant; parameters are a, W (or W₁), h₁, then W₂, h₂, slopes where there are any.
fn by_formula(config: &PlrnnConfig, p: &[Vec<f64>], z: &[f64]) -> Vec<f64> {
    let m = config.latent;
    let relu = |x: f64| x.max(0.0);
    let inner: Vec<f64> = match config.variant {
        Variant::Standard => z.iter().map(|z| relu(*z)).collect(),
        Variant::MeanCentred => {
            let mean = z.iter().sum::<f64>() / m as f64;
            z.iter().map(|z| relu(z - mean)).collect()
        }
        Variant::Dendritic => {
            (0..m).map(|i| (0..config.bases).map(|b| p[4][b] * relu(z[i] + p[3][b * m + i])).sum()).collect()
        }
        Variant::AlmostLinear => {
            (0..m).map(|i| if i < m - config.piecewise_units { z[i] } else { relu(z[i]) }).collect()
        }
        Variant::Shallow | Variant::ClippedShallow => (0..config.hidden)
            .map(|h| {
                let u: f64 = (0..m).map(|j| p[3][h * m + j] * z[j]).sum();
                relu(u + p[4][h]) - if config.variant == Variant::ClippedShallow { relu(u) } else { 0.0 }
            })
            .collect(),
    };
    let w = |i: usize| inner.iter().enumerate().map(|(j, r)| p[1][i * inner.len() + j] * r).sum::<f64>();
    (0..m).map(|i| p[0][i] * z[i] + w(i) + p[2][i]).collect()
}

#[test]
fn every_variant_is_its_formula_on_the_host_and_on_the_device() {
    let device = Device::flex();
    for variant in VARIANTS {
        let config = config(variant);
        let model = network(&config, 4, 0, &device.clone().autodiff()).valid();
        let p = parameters(&model);
        let system = model.to_system();
        for k in 0..20 {
            let z: Vec<f64> =
                (0..4).map(|i| f64::from(((k * 4 + i) as f32 * 0.9 + 0.4).sin() * 2.0)).collect();
            let expected = by_formula(&config, &p, &z);
            let mut next = [0.0; 4];
            system.next(&z, &mut next);
            let single: Vec<f32> = z.iter().map(|v| *v as f32).collect();
            let start = Tensor::<2>::from_data(TensorData::new(single, [1, 4]), &device);
            let free =
                plrnn_unroll(&model.tensor_map(), start, Tensor::zeros([1, 1, 4], &device), None, &[0.0]);
            let there = free.into_data().convert::<f64>().try_to_vec::<f64>().unwrap();
            let mut slopes = DMatrix::zeros(4, 4);
            system.jacobian(&z, &mut slopes);
            for i in 0..4 {
                assert!((next[i] - expected[i]).abs() < 1e-6, "{variant:?} {i}");
                assert!((there[i] - expected[i]).abs() < 2e-5, "{variant:?} {i}");
                for j in 0..4 {
                    let mut moved = z.clone();
                    moved[j] += 1e-7;
                    let mut ahead = [0.0; 4];
                    system.next(&moved, &mut ahead);
                    assert!((slopes[(i, j)] - (ahead[i] - next[i]) / 1e-7).abs() < 1e-5, "{variant:?}");
                }
            }
        }
    }
}

#[test]
fn an_affine_observation_is_undone_by_its_inverse() {
    let device = Device::flex().autodiff();
    for channels in [4, 6] {
        let config = PlrnnConfig { observation: Observation::Affine, ..config(Variant::Shallow) };
        let system = network(&config, channels, 0, &device).to_system();
        let z = [0.3, -1.0, 2.0, 0.5];
        let mut x = vec![0.0; channels];
        system.observe(&z, &mut x);
        for (found, z) in system.start(&x).iter().zip(z) {
            assert!((found - z).abs() < 1e-5, "{found} and {z}");
        }
    }
}

#[test]
fn an_affine_observation_starts_from_the_principal_directions() {
    let device = Device::flex().autodiff();
    // Three waves of different sizes in five channels, along directions that are orthogonal, about their means.
    let directions = [[0.5, 0.5, 0.5, 0.5, 0.0], [0.5, -0.5, 0.5, -0.5, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]];
    let series = Array2::from_shape_fn((4000, 5), |(t, c)| {
        let waves = [3.0 * (0.11 * t as f64).sin(), (0.23 * t as f64).cos(), 0.2 * (0.31 * t as f64).sin()];
        c as f64 + waves.iter().zip(&directions).map(|(w, d)| w * d[c]).sum::<f64>()
    });
    let affine = PlrnnConfig { observation: Observation::Affine, observed: 2, ..config(Variant::Shallow) };
    let system = network(&affine, 5, 0, &device).with_principal_observation(&[series.view()]).to_system();
    assert_eq!(system.state_size(), 4);
    let states = system.filter(series.view());
    let mean_square = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
    for k in 0..2 {
        let column = states.column(k).to_vec();
        assert!((mean_square(&column) - 1.0).abs() < 1e-3, "{}", mean_square(&column));
    }
    let mut seen = [0.0; 5];
    let lost: Vec<f64> = series
        .rows()
        .into_iter()
        .zip(states.rows())
        .map(|(x, z)| {
            system.observe(z.as_slice().unwrap(), &mut seen);
            x.iter().zip(&seen).map(|(x, s)| (x - s).powi(2)).sum::<f64>().sqrt()
        })
        .collect();
    // The smallest wave is what two directions do not hold.
    assert!((mean_square(&lost) - 0.02).abs() < 1e-3, "{}", mean_square(&lost));
}

#[test]
fn inputs_move_the_state_the_same_way_on_the_host_and_on_the_device() {
    let device = Device::flex();
    let (channels, inputs, steps) = (2, 3, 6);
    let model = network(&config(Variant::Shallow), channels, inputs, &device.clone().autodiff()).valid();
    let system = model.to_system();
    assert_eq!((system.channels(), system.inputs()), (channels, inputs));
    let width = channels + inputs;
    let value = |t: usize, c: usize| f64::from(((t * width + c) as f32 * 0.7).sin());
    let series = Array2::from_shape_fn((steps + 1, width), |(t, c)| value(t, c));
    let start = system.filter(series.view()).row(0).to_vec();
    let run = |s: &Array2<f64>| driven_rollout(&system, &start, s.slice(s![1.., ..]), steps).ys;
    let there = {
        let values: Vec<f32> = series.iter().map(|v| *v as f32).collect();
        let x = Tensor::<3>::from_data(TensorData::new(values, [steps + 1, 1, width]), &device);
        // Without forcing the loss against zero is the mean square of the free run.
        let zero = Tensor::zeros([steps, 1, width], &device);
        model.loss(x, zero, &vec![0.0; steps], &RegulariserConfig::default()).into_scalar::<f64>()
    };
    let free = observations(&system, &run(&series));
    let here = free.slice(s![1.., ..]).iter().map(|v| v * v).sum::<f64>() / (steps * channels) as f64;
    assert!((here / there - 1.0).abs() < 1e-4, "{here} and {there}");
    // The inputs of a sample act on the step that leads to it.
    let mut other = series.clone();
    other[[3, channels]] += 1.0;
    let (a, b) = (run(&series), run(&other));
    assert!(a[..3] == b[..3] && a[3] != b[3]);
    // Beyond the samples there are no inputs, and no states.
    let mut map = Map { model: &system, ahead: series.slice(s![1..2, ..]) };
    let mut next = Array1::zeros(4);
    map.eval(1.0, &Array1::zeros(4), &mut next);
    assert!(next.iter().all(|v| v.is_nan()));
}

#[test]
fn a_state_smaller_than_the_series_is_refused_with_advice() {
    let config = PlrnnConfig { latent: 3, ..PlrnnConfig::default() };
    let issue = config.init(5, 0, &Device::flex()).unwrap_err();
    assert_eq!(issue.path, "model.plrnn.latent");
    assert!(issue.message.contains("5 channels") && issue.hint.unwrap().contains("affine"));
}

#[test]
fn estimators_are_the_norms_of_the_jacobians() {
    let (m, h, batch, steps) = (3, 11, 10, 6);
    let value = |i: usize, j: usize, k: f64| (1.3 * i as f64 + 0.7 * j as f64 + k).sin();
    for clipped in [false, true] {
        let map = PiecewiseLinearMap {
            a: DMatrix::from_fn(m, m, |i, j| if i == j { 0.9 - 0.1 * i as f64 } else { 0.0 }),
            w1: DMatrix::from_fn(m, h, |i, j| value(i, j, 0.1)),
            w2: DMatrix::from_fn(h, m, |i, j| value(i, j, 0.2)),
            h1: DVector::zeros(m),
            h2: DVector::from_fn(h, |i, _| value(i, 1, 0.4)),
            clipped,
        };
        let states: Vec<f32> = (0..steps * batch * m).map(|i| (i as f32 * 0.83).sin() * 2.0).collect();
        let jacobian = |t: usize, b: usize| {
            let z: Vec<f64> = states[(t * batch + b) * m..][..m].iter().map(|v| f64::from(*v)).collect();
            let mut j = DMatrix::zeros(m, m);
            map.jacobian(&z, &mut j);
            j
        };
        let norm = |j: &DMatrix<f64>| j.singular_values().max();
        let over = |f: &dyn Fn(usize) -> f64| (0..batch).map(f).fold(0.0, f64::max);
        let root = |x: f64| x.powf(1.0 / steps as f64);
        let sequence = |b: usize| (0..steps).map(move |t| (t, b));
        let expected = [
            over(&|b| root(sequence(b).map(|(t, b)| norm(&jacobian(t, b))).product())),
            over(&|b| norm(&sequence(b).map(|(t, b)| jacobian(t, b)).sum()) / steps as f64),
            over(&|b| root(norm(&sequence(b).fold(DMatrix::identity(m, m), |p, (t, b)| jacobian(t, b) * p)))),
            over(&|b| sequence(b).map(|(t, b)| norm(&jacobian(t, b))).fold(0.0, f64::max)),
            norm(&map.a) + norm(&map.w1) * norm(&map.w2),
        ];
        let estimators = [
            Estimator::ProductUpperBound,
            Estimator::ArithmeticMean,
            Estimator::GeometricMean,
            Estimator::BatchMaximum,
            Estimator::ParameterBound,
        ];
        for (estimator, expected) in estimators.into_iter().zip(expected) {
            let growth = estimator.growth(&map, &states, batch);
            assert!((growth / expected - 1.0).abs() < 3e-3, "{estimator:?}: {growth} and {expected}");
            let adaptive = Adaptive { estimator, every: 5, anneal: 0.9 };
            let needed = (1.0 - 1.0 / growth).max(0.0);
            assert_eq!(adaptive.next(1.0, &map, &states, batch), needed.max(0.9));
            assert_eq!(adaptive.next(0.0, &map, &states, batch), needed);
        }
    }
}

#[test]
fn sparse_forcing_replaces_the_state_now_and_then() {
    let sparse = ForcingConfig::Sparse(Sparse { every: 3 });
    assert_eq!(sparse.sequence(sparse.initial(), 7), [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    let adaptive = ForcingConfig::default();
    assert_eq!(adaptive.sequence(0.25, 2), [0.25, 0.25]);
    assert!(adaptive.due(0).is_some() && adaptive.due(4).is_none() && adaptive.due(5).is_some());
}

/// The norm of the gradient of the last state of one run by its start and the map, `α` as given or estimated.
fn gradient_norm(model: &Plrnn, steps: usize, alpha: Option<f64>) -> f64 {
    let device = Device::flex().autodiff();
    let signals: Vec<f32> = (0..(steps + 1) * 4).map(|i| (i as f32 * 0.61).sin()).collect();
    let growth = Estimator::ProductUpperBound.growth(&model.to_map(), &signals, 1);
    let alpha = alpha.unwrap_or((1.0 - 1.0 / growth).max(0.0));
    let tensor = Tensor::<3>::from_data(TensorData::new(signals, [steps + 1, 1, 4]), &device);
    let start = tensor.clone().narrow(0, 0, 1).reshape([1, 4]);
    let states = plrnn_unroll(
        &model.tensor_map(),
        start,
        tensor.narrow(0, 1, steps),
        None,
        &vec![alpha as f32; steps],
    );
    let last = states.narrow(0, steps - 1, 1).sum();
    let gradients = GradientsParams::from_grads(last.backward(), model);
    struct Norm<'a>(&'a GradientsParams, f64);
    impl ModuleVisitor for Norm<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(g) = self.0.get::<D>(param.id) {
                self.1 += g.powi_scalar(2).sum().into_scalar::<f64>();
            }
        }
    }
    let mut norm = Norm(&gradients, 0.0);
    model.visit(&mut norm);
    norm.1.sqrt()
}

#[test]
fn estimated_forcing_bounds_gradients_that_explode_without() {
    let device = Device::flex().autodiff();
    let model = network(&config(Variant::ClippedShallow), 4, 0, &device);
    // An unstable map: without forcing a perturbation grows at every step.
    let model = moved(&moved(&model, 0, 0, 1.5), 0, 1, 1.5);
    let forced = [10, 100, 1000, 10_000].map(|steps| gradient_norm(&model, steps, None));
    assert!(forced.iter().all(|n| n.is_finite() && *n < 50.0 * forced[0]), "{forced:?}");
    let free = [10, 100].map(|steps| gradient_norm(&model, steps, Some(0.0)));
    assert!(free[1] > 1e6 * free[0], "{free:?}");
}
