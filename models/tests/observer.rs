//! Learned observers: no innovation, no correction; linear; Kalman's gain where errors are diagonal in Fourier space.

#![allow(clippy::unwrap_used)]

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::emulator::FieldSpec;
use flowmap_models::layers::Dft;
use flowmap_models::observer::{
    DiagonalGain, DiagonalGainConfig, GatedGain, GatedGainConfig, LearnedOperatorConfig, Observer,
    ObserverFilter, Seen, Variances,
};
use flowmap_models::seeded;
use flowmap_models::semilinear_operator::Multiplier;
use flowmap_solvers::assimilation::observation::Blocks;
use flowmap_solvers::assimilation::{Filter, Observation, Operator};
use flowmap_solvers::fourier::FourierGrid;
use nalgebra::{DMatrix, DVector};
use num_complex::Complex64;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const POINTS: usize = 16;

fn spec(shape: &[usize]) -> FieldSpec {
    let modes: usize = shape.iter().rev().skip(1).product::<usize>() * (shape.last().unwrap() / 2 + 1);
    FieldSpec {
        shape: shape.to_vec(),
        edges: Vec::new(),
        channels: 1,
        history: 1,
        bundle: 1,
        dt: 0.5,
        symbol: (0..modes).map(|m| Complex64::new(-0.1 * m as f64, 0.3)).collect(),
        mean: vec![0.2],
        std: vec![1.5],
        rate: vec![1.0],
    }
}

/// A climate with energy in every mode, less in the higher ones, in the order of the symbol.
fn climate(spec: &FieldSpec) -> Variances {
    let half = spec.shape.last().unwrap() / 2 + 1;
    let rows = spec.symbol.len() / half;
    let energy = |m: usize| {
        let (x, y) = (m / half, m % half);
        2.25 / (1.0 + 0.5 * x.min(rows - x) as f64 + 0.3 * y as f64)
    };
    let climate = vec![(0..spec.symbol.len()).map(energy).collect()];
    Variances { climate, model_error: vec![vec![0.0; spec.symbol.len()]] }
}

fn gated(seed: u64, spec: &FieldSpec, device: &Device) -> GatedGain {
    let config = GatedGainConfig { modes: 5, width: 4, layers: 2 };
    seeded(device, seed, || config.init(spec, &climate(spec), device))
}

fn diagonal(shape: &[usize], device: &Device) -> DiagonalGain {
    let spec = spec(shape);
    DiagonalGainConfig {}.init(&spec, &climate(&spec), device)
}

fn wave(points: usize, phase: f32) -> Vec<f32> {
    (0..points).map(|i| (0.9 * i as f32 + phase).sin() + 0.3 * (2.1 * i as f32).cos()).collect()
}

fn field(values: Vec<f32>, device: &Device) -> Tensor<3> {
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [1, 1, n]), device)
}

fn values(t: Tensor<3>) -> Vec<f32> {
    t.into_data().try_to_vec::<f32>().unwrap()
}

/// The innovation where every `every`-th entry is seen.
fn seen(full: &[f32], every: usize, deviation: f64, device: &Device) -> Seen {
    let entries: Vec<usize> = (0..full.len()).step_by(every).collect();
    let mut innovation = vec![0.0; full.len()];
    entries.iter().for_each(|i| innovation[*i] = full[*i]);
    let mask = Seen::mask(&entries, 1, full.len(), device);
    Seen { innovation: field(innovation, device), mask, deviation }
}

#[test]
fn a_transform_and_back_is_the_field_on_one_axis_and_on_two() {
    let device = Device::flex();
    for shape in [vec![12], vec![7], vec![6, 8], vec![7, 5]] {
        let points: usize = shape.iter().product();
        let u = wave(points, 0.4);
        let dft = Dft::new(&shape, points, &device);
        let row = Tensor::<2>::from_data(TensorData::new(u.clone(), [1, points]), &device);
        let u_hat = dft.forward(row);
        let back = dft.inverse(u_hat.clone()).into_data().try_to_vec::<f32>().unwrap();
        assert!(u.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-5), "{shape:?}");
        let parts = u_hat.into_data().try_to_vec::<f32>().unwrap();
        let modes = dft.modes();
        for (m, frequencies) in dft.frequencies().iter().enumerate() {
            let mut expected = Complex64::ZERO;
            for (i, v) in u.iter().enumerate() {
                let place = if shape.len() == 2 { vec![i / shape[1], i % shape[1]] } else { vec![i] };
                let turns: f64 = place
                    .iter()
                    .zip(frequencies)
                    .zip(&shape)
                    .map(|((x, k), n)| *x as f64 * *k as f64 / *n as f64)
                    .sum();
                expected += Complex64::from_polar(f64::from(*v), -std::f64::consts::TAU * turns);
            }
            let found = Complex64::new(f64::from(parts[m]), f64::from(parts[modes + m]));
            assert!((found - expected).norm() < 1e-4, "{shape:?}, mode {frequencies:?}: {found} {expected}");
        }
    }
}

#[test]
fn a_multiplier_on_two_axes_is_that_of_the_grid() {
    let device = Device::flex();
    let spec = spec(&[6, 8]);
    let grid = FourierGrid::new(&[6, 8], &[1.0, 2.0]).unwrap();
    let symbol: Vec<Complex64> = grid
        .frequencies(0)
        .iter()
        .zip(grid.frequencies(1))
        .map(|(x, y)| Complex64::new(1.0 / (1.0 + (x * x + y * y) as f64), 0.1 * *x as f64))
        .map(|c| if c.im.abs() > 0.25 { Complex64::new(c.re, 0.0) } else { c })
        .collect();
    let u = wave(48, 0.1);
    let mut u_hat = vec![Complex64::ZERO; grid.modes()];
    let mut transform = grid.transform();
    transform.forward(&u.iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), &mut u_hat);
    u_hat.iter_mut().zip(&symbol).for_each(|(u, s)| *u *= s);
    let mut expected = vec![0.0; 48];
    transform.inverse_destroying(&mut u_hat, &mut expected);
    let found = values(Multiplier::new(&symbol, &spec, &device).apply(field(u, &device)));
    for (i, (a, b)) in found.iter().zip(&expected).enumerate() {
        assert!((f64::from(*a) - b).abs() < 1e-5, "{i}: {a} {b}");
    }
}

#[test]
fn no_innovation_is_no_correction_and_corrections_are_linear() {
    let device = Device::flex();
    let spec = spec(&[POINTS]);
    let gated = gated(4, &spec, &device);
    let static_gain = diagonal(&[POINTS], &device);
    let forecast = field(wave(POINTS, 1.3), &device);
    let check = |correct: &dyn Fn(&Seen) -> Vec<f32>| {
        let of = |full: &[f32]| correct(&seen(full, 2, 0.2, &device));
        assert!(of(&[0.0; POINTS]).iter().all(|v| *v == 0.0));
        let (a, b) = (wave(POINTS, 0.0), wave(POINTS, 2.0));
        let sum: Vec<f32> = a.iter().zip(&b).map(|(a, b)| 2.0 * a - 0.5 * b).collect();
        let (ca, cb, both) = (of(&a), of(&b), of(&sum));
        assert!(both.iter().any(|v| v.abs() > 1e-2), "something is corrected");
        for i in 0..POINTS {
            let expected = 2.0 * ca[i] - 0.5 * cb[i];
            assert!((both[i] - expected).abs() < 1e-5, "{i}: {} {expected}", both[i]);
        }
    };
    check(&|s| values(gated.correct(forecast.clone(), gated.believe(0.3), s).0));
    check(&|s| values(static_gain.correct(forecast.clone(), static_gain.believe(0.3), s).0));
}

#[test]
fn the_gated_gain_looks_at_the_forecast_and_the_diagonal_one_does_not() {
    let device = Device::flex();
    let spec = spec(&[POINTS]);
    let gated = gated(5, &spec, &device);
    let fixed = diagonal(&[POINTS], &device);
    let s = seen(&wave(POINTS, 0.0), 1, 0.2, &device);
    let at = |phase: f32| field(wave(POINTS, phase), &device);
    let of = |o: &dyn Fn(Tensor<3>) -> Tensor<3>, phase| values(o(at(phase)));
    let g = |z| gated.correct(z, gated.believe(0.3), &s).0;
    let d = |z| fixed.correct(z, fixed.believe(0.3), &s).0;
    assert_ne!(of(&g, 0.0), of(&g, 1.0));
    assert_eq!(of(&d, 0.0), of(&d, 1.0));
}

/// The covariance matrix of an error whose modes have these variances.
fn covariance(belief: &[f32], shape: &[usize], device: &Device) -> DMatrix<f64> {
    let n: usize = shape.iter().product();
    let dft = Dft::new(shape, n, device);
    let (frequencies, twice) = (dft.frequencies(), dft.multiplicities());
    DMatrix::from_fn(n, n, |a, b| {
        let place = |i: usize| if shape.len() == 2 { vec![i / shape[1], i % shape[1]] } else { vec![i] };
        let (pa, pb) = (place(a), place(b));
        let mut sum = 0.0;
        for ((p, f), t) in belief.iter().zip(frequencies).zip(&twice) {
            let turns: f64 =
                (0..f.len()).map(|k| (pa[k] as f64 - pb[k] as f64) * f[k] as f64 / shape[k] as f64).sum();
            sum += f64::from(*p) * t * (std::f64::consts::TAU * turns).cos();
        }
        sum / n as f64
    })
}

#[test]
fn the_diagonal_gain_is_kalmans_of_independent_modes() {
    let device = Device::flex();
    for (shape, every) in [(vec![16], 1), (vec![16], 2), (vec![16], 4), (vec![4, 6], 1)] {
        let n: usize = shape.iter().product();
        let observer = diagonal(&shape, &device);
        let belief = observer.believe(0.4);
        let p = covariance(&values(belief.clone()), &shape, &device) * 2.25;
        let full = wave(n, 0.7);
        let (added, after) =
            observer.correct(field(vec![0.0; n], &device), belief, &seen(&full, every, 0.3, &device));
        let entries: Vec<usize> = (0..n).step_by(every).collect();
        let h = DMatrix::from_fn(entries.len(), n, |i, j| f64::from(u8::from(entries[i] == j)));
        let r = DMatrix::identity(entries.len(), entries.len()) * 0.09;
        let gain = &p * h.transpose() * (&h * &p * h.transpose() + r).try_inverse().unwrap();
        let d = DVector::from_iterator(entries.len(), entries.iter().map(|i| f64::from(full[*i])));
        let expected = &gain * d;
        for (i, (a, e)) in values(added).iter().zip(expected.iter()).enumerate() {
            assert!((f64::from(*a) - e).abs() < 1e-4, "{shape:?} every {every}, {i}: {a} {e}");
        }
        // The mean variance that is left.
        let left = (&p - &gain * &h * &p).trace() / n as f64;
        let believed = covariance(&values(after), &shape, &device)[(0, 0)] * 2.25;
        assert!(
            (left - believed).abs() < 1e-4 * left.max(1e-3),
            "{shape:?} every {every}: {left} {believed}"
        );
    }
}

#[test]
fn a_belief_grows_to_no_more_than_the_climate_allows() {
    let device = Device::flex();
    let observer = diagonal(&[POINTS], &device);
    let total = |b: &Tensor<3>| covariance(&values(b.clone()), &[POINTS], &device)[(0, 0)];
    let mut belief = observer.believe(0.01);
    let (first, mut last) = (total(&belief), 0.0);
    for _ in 0..200 {
        belief = observer.elapse(belief);
        last = total(&belief);
    }
    let climate = total(&observer.believe(1.0));
    assert!(last > 10.0 * first && last < 2.0 * climate, "{first} {last} {climate}");
}

#[test]
fn gradients_of_a_correction_agree_with_differences() {
    let device = Device::flex();
    let spec = spec(&[POINTS]);
    let gated = gated(6, &spec, &device);
    let config = LearnedOperatorConfig { modes: 5, width: 4, layers: 2 };
    let learned = seeded(&device, 6, || config.init(&spec, &climate(&spec), &device));
    let s = seen(&wave(POINTS, 0.0), 2, 0.2, &device);
    let tracked = device.clone().autodiff();
    let base = wave(POINTS, 1.0);
    let lift = |s: &Seen| Seen {
        innovation: Tensor::from_inner(s.innovation.clone()),
        mask: Tensor::from_inner(s.mask.clone()),
        deviation: s.deviation,
    };
    let check = |loss: &dyn Fn(Tensor<3>, bool) -> Tensor<1>| {
        let leaf = field(base.clone(), &tracked).require_grad();
        let gradients = loss(leaf.clone(), true).backward();
        let gradient = leaf.grad(&gradients).unwrap().into_data().try_to_vec::<f32>().unwrap();
        for i in [0, 5, 10] {
            let at = |h: f32| {
                let mut moved = base.clone();
                moved[i] += h;
                loss(field(moved, &device), false).into_scalar::<f64>()
            };
            let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!(
                (f64::from(gradient[i]) - slope).abs() < 2e-3 * (1.0 + slope.abs()),
                "{i}: {} {slope}",
                gradient[i]
            );
        }
    };
    let (gt, lt) = (gated.clone().to_device(&tracked).train(), learned.clone().to_device(&tracked).train());
    let twice = |o: &dyn Fn(Tensor<3>, Tensor<3>, &Seen) -> (Tensor<3>, Tensor<3>),
                 b: Tensor<3>,
                 z: Tensor<3>,
                 s: &Seen| {
        let (first, b) = o(z.clone(), b, s);
        let (second, _) = o(z + first, b, s);
        second.powi_scalar(2).sum()
    };
    check(&|z, tape| match tape {
        true => twice(&|z, b, s| gt.correct(z, gt.elapse(b), s), gt.believe(0.3), z, &lift(&s)),
        false => twice(&|z, b, s| gated.correct(z, gated.elapse(b), s), gated.believe(0.3), z, &s),
    });
    check(&|z, tape| match tape {
        true => twice(&|z, b, s| lt.correct(z, b, s), lt.believe(0.3), z, &lift(&s)),
        false => twice(&|z, b, s| learned.correct(z, b, s), learned.believe(0.3), z, &s),
    });
}

#[test]
fn as_a_filter_it_corrects_what_it_sees_and_nothing_else() {
    let device = Device::flex();
    let spec = spec(&[POINTS]);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut filter = ObserverFilter::new(diagonal(&[POINTS], &device), spec, 0.3, &device);
    let start: Vec<f64> = wave(POINTS, 0.0).iter().map(|v| f64::from(*v)).collect();
    let mut ensemble = DMatrix::from_column_slice(POINTS, 1, &start);
    filter.elapse(0.5);
    let operator = Operator::Identity {};
    let same = Observation { operator: &operator, values: &start, deviation: &[0.1; POINTS] };
    filter.analyse(&mut ensemble, &same, &mut rng).unwrap();
    assert_eq!(ensemble.as_slice(), &start[..], "no innovation, no correction");
    let higher: Vec<f64> = start.iter().map(|v| v + 1.0).collect();
    let other = Observation { values: &higher, ..same };
    filter.analyse(&mut ensemble, &other, &mut rng).unwrap();
    let moved = ensemble.iter().zip(&start).map(|(a, b)| a - b).sum::<f64>() / POINTS as f64;
    assert!(moved > 0.2 && moved <= 1.0, "{moved}");
    let blocks = Operator::Blocks(Blocks { width: 2 });
    let averages = Observation { operator: &blocks, values: &[0.0; 8], deviation: &[0.1; 8] };
    let error = filter.analyse(&mut ensemble, &averages, &mut rng).unwrap_err();
    assert!(error.to_string().contains("identity, points or sensors"), "{error}");
}
