//! The unroll of a piecewise-linear map: the kernel against a step loop of tensors, gradients against differences.

#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Device, Tensor, TensorData, activation::relu};
use flowmap_models::fused::{TensorMap, plrnn_unroll};

/// Sizes of a case, and whether the map is clipped.
#[derive(Clone, Copy, Debug)]
struct Case {
    steps: usize,
    batch: usize,
    latent: usize,
    hidden: usize,
    forced: usize,
    clipped: bool,
    driven: bool,
}

const CASES: [Case; 6] = [
    Case { steps: 1, batch: 1, latent: 1, hidden: 1, forced: 1, clipped: false, driven: true },
    Case { steps: 19, batch: 16, latent: 3, hidden: 50, forced: 3, clipped: false, driven: false },
    Case { steps: 19, batch: 16, latent: 3, hidden: 50, forced: 3, clipped: true, driven: false },
    Case { steps: 9, batch: 11, latent: 5, hidden: 18, forced: 2, clipped: true, driven: true },
    Case { steps: 12, batch: 33, latent: 20, hidden: 67, forced: 20, clipped: false, driven: true },
    Case { steps: 8, batch: 8, latent: 4, hidden: 7, forced: 0, clipped: false, driven: false },
];

/// `A`, `W₁`, `W₂`, `h₁`, `h₂`, start, signals, drive: shapes and values.
fn inputs(case: &Case) -> Vec<(Vec<usize>, Vec<f64>)> {
    let Case { steps, batch, latent, hidden, forced, .. } = *case;
    let shapes: [Vec<usize>; 8] = [
        vec![latent, latent],
        vec![latent, hidden],
        vec![hidden, latent],
        vec![latent],
        vec![hidden],
        vec![batch, latent],
        vec![steps, batch, forced],
        vec![steps, batch, latent],
    ];
    let scale = [0.6, 1.0, 1.0, 0.3, 0.7, 1.0, 1.0, 0.5];
    let mut state = 1_u64;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) * 2.0 - 1.0
    };
    let columns = [latent, hidden, latent, 1, 1, 1, 1, 1];
    (0..8)
        .map(|i| {
            let n = shapes[i].iter().product::<usize>();
            let size = scale[i] / (columns[i] as f64).sqrt();
            // In f32 and f64 the same numbers.
            (shapes[i].clone(), (0..n).map(|_| f64::from((size * draw()) as f32)).collect())
        })
        .collect()
}

/// Forcing that differs from step to step.
fn alpha(case: &Case) -> Vec<f32> {
    (0..case.steps).map(|t| [0.25, 0.0, 1.0, 0.125][t % 4]).collect()
}

/// What is compared: the states, and the gradients of a weighted sum of them by the eight inputs.
type Outcome = (Vec<f64>, Vec<Vec<f64>>);

fn run(case: &Case, values: &[(Vec<usize>, Vec<f64>)], dtype: DType, unroll: Unroll) -> Outcome {
    let device = Device::flex().autodiff();
    fn leaf<const D: usize>(x: &(Vec<usize>, Vec<f64>), device: &Device, dtype: DType) -> Tensor<D> {
        let data = TensorData::new(x.1.clone(), x.0.clone());
        Tensor::from_data(data, (device, dtype)).require_grad()
    }
    let map = TensorMap {
        a: leaf(&values[0], &device, dtype),
        w1: leaf(&values[1], &device, dtype),
        w2: leaf(&values[2], &device, dtype),
        h1: leaf(&values[3], &device, dtype),
        h2: leaf(&values[4], &device, dtype),
        clipped: case.clipped,
    };
    let start: Tensor<2> = leaf(&values[5], &device, dtype);
    let signals: Tensor<3> = leaf(&values[6], &device, dtype);
    let drive: Option<Tensor<3>> = case.driven.then(|| leaf(&values[7], &device, dtype));
    let states = unroll(&map, start.clone(), signals.clone(), drive.clone(), &alpha(case));
    let count = case.steps * case.batch * case.latent;
    let weights: Vec<f64> = (0..count).map(|i| f64::from((0.7 * i as f32).cos())).collect();
    let shape = [case.steps, case.batch, case.latent];
    let weights = Tensor::<3>::from_data(TensorData::new(weights, shape), (&device, dtype));
    let gradients = (states.clone() * weights).sum().backward();
    fn read<const D: usize>(x: Tensor<D>) -> Vec<f64> {
        x.into_data().convert::<f64>().try_to_vec::<f64>().unwrap()
    }
    let by = vec![
        read(map.a.grad(&gradients).unwrap()),
        read(map.w1.grad(&gradients).unwrap()),
        read(map.w2.grad(&gradients).unwrap()),
        read(map.h1.grad(&gradients).unwrap()),
        read(map.h2.grad(&gradients).unwrap()),
        read(start.grad(&gradients).unwrap()),
        signals.grad(&gradients).map_or_else(|| vec![0.0; values[6].1.len()], read),
        drive.map_or_else(|| vec![0.0; values[7].1.len()], |drive| read(drive.grad(&gradients).unwrap())),
    ];
    (read(states), by)
}

type Unroll = fn(&TensorMap, Tensor<2>, Tensor<3>, Option<Tensor<3>>, &[f32]) -> Tensor<3>;

/// The definition, by tensors and their own derivatives.
fn reference(
    map: &TensorMap,
    start: Tensor<2>,
    signals: Tensor<3>,
    drive: Option<Tensor<3>>,
    alpha: &[f32],
) -> Tensor<3> {
    let [_, batch, forced] = signals.dims();
    let [_, latent] = start.dims();
    let mut z = start;
    let mut states = Vec::new();
    for (t, alpha) in alpha.iter().enumerate() {
        let u = z.clone().matmul(map.w2.clone().transpose());
        let mut r = relu(u.clone() + map.h2.clone().unsqueeze());
        if map.clipped {
            r = r - relu(u);
        }
        let mut state = z.matmul(map.a.clone().transpose())
            + r.matmul(map.w1.clone().transpose())
            + map.h1.clone().unsqueeze();
        if let Some(drive) = &drive {
            state = state + drive.clone().narrow(0, t, 1).squeeze_dim(0);
        }
        z = state.clone();
        if forced > 0 {
            let signal = signals.clone().narrow(0, t, 1).reshape([batch, forced]);
            let pulled = state.clone().slice([0..batch, 0..forced]) * (1.0 - alpha) + signal * *alpha;
            z = pulled;
            if forced < latent {
                z = Tensor::cat(vec![z, state.clone().slice([0..batch, forced..latent])], 1);
            }
        }
        states.push(state);
    }
    Tensor::stack(states, 0)
}

fn assert_near(what: &str, a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len(), "{what}");
    let scale = b.iter().fold(1e-3_f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}[{i}]: {a} and {b}, of {scale}");
    }
}

const NAMES: [&str; 8] = ["A", "W1", "W2", "h1", "h2", "start", "signals", "drive"];

#[test]
fn the_kernel_and_the_composed_form_are_the_definition_to_rounding() {
    for case in CASES {
        let values = inputs(&case);
        let exact = run(&case, &values, DType::F64, reference);
        for (dtype, tolerance) in [(DType::F32, 2e-5), (DType::F64, 1e-13)] {
            let found = run(&case, &values, dtype, plrnn_unroll);
            assert_near(&format!("{case:?} {dtype:?} states"), &found.0, &exact.0, tolerance);
            for (i, name) in NAMES.iter().enumerate() {
                let what = format!("{case:?} {dtype:?} {name}");
                assert_near(&what, &found.1[i], &exact.1[i], tolerance);
            }
        }
    }
}

#[test]
fn gradients_are_those_of_differences() {
    for (clipped, driven) in [(false, false), (true, true)] {
        let case = Case { steps: 7, batch: 2, latent: 3, hidden: 5, forced: 2, clipped, driven };
        let values = inputs(&case);
        let (_, gradients) = run(&case, &values, DType::F64, plrnn_unroll);
        let weighted = |values: &[(Vec<usize>, Vec<f64>)]| {
            let (states, _) = run(&case, values, DType::F64, plrnn_unroll);
            states.iter().enumerate().map(|(i, z)| z * f64::from((0.7 * i as f32).cos())).sum::<f64>()
        };
        for (i, name) in NAMES.iter().enumerate() {
            for k in 0..values[i].1.len() {
                let at = |h: f64| {
                    let mut moved = values.clone();
                    moved[i].1[k] += h;
                    weighted(&moved)
                };
                let h = 1e-6;
                let slope = (at(h) - at(-h)) / (2.0 * h);
                let error = (slope - gradients[i][k]).abs();
                assert!(error < 1e-7, "{name}[{k}], clipped {clipped}: {slope} and {}", gradients[i][k]);
            }
        }
    }
}

#[test]
fn what_is_not_a_number_stays_so() {
    let case = CASES[1];
    let mut values = inputs(&case);
    values[2].1[4] = f64::NAN;
    let (states, _) = run(&case, &values, DType::F32, plrnn_unroll);
    assert!(states.iter().all(|z| z.is_nan()));
}

#[test]
fn twice_the_same_is_the_same_to_the_last_bit() {
    let case = CASES[4];
    let values = inputs(&case);
    let first = run(&case, &values, DType::F32, plrnn_unroll);
    assert_eq!(first, run(&case, &values, DType::F32, plrnn_unroll));
}
