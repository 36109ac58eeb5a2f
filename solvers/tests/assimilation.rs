//! The filters against Kalman's equations, each other, and distributions known by quadrature.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::assimilation::ensemble::{centred, rotate};
use flowmap_solvers::assimilation::localisation::gaspari_cohn;
use flowmap_solvers::assimilation::{
    Adjoint, Climatology, Filter, FilterConfig, FilterError, Observation, Operator,
};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn normal(rows: usize, columns: usize, rng: &mut ChaCha8Rng) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |_, _| rng.sample::<f64, _>(StandardNormal))
}

fn filter(toml: &str) -> Box<dyn Filter> {
    let config: FilterConfig = serde_json::from_str(toml).unwrap();
    let climatology = Climatology { mean: DVector::zeros(5), covariance: DMatrix::identity(5, 5) };
    config.init(Some(&climatology), None).unwrap()
}

/// Kalman's update of a mean and a covariance.
fn kalman(
    mean: &DVector<f64>,
    covariance: &DMatrix<f64>,
    observation: &Observation<'_>,
) -> (DVector<f64>, DMatrix<f64>) {
    let h = observation.operator.jacobian(mean.as_slice());
    let r = DMatrix::from_diagonal(&DVector::from_column_slice(observation.deviation).map(|s| s * s));
    let inverse = (&h * covariance * h.transpose() + r).try_inverse().unwrap();
    let gain = covariance * h.transpose() * inverse;
    let innovation = DVector::from_column_slice(observation.values) - &h * mean;
    (mean + &gain * innovation, covariance - &gain * &h * covariance)
}

#[test]
fn square_root_filters_are_kalmans_update_of_the_ensemble_statistics() {
    let mut rng = rng(1);
    let forecast = normal(5, 40, &mut rng);
    let operator: Operator = serde_json::from_str(r#"{"sensors": {"at": [0, 3, 2]}}"#).unwrap();
    let observation =
        Observation { operator: &operator, values: &[0.5, -1.0, 0.3], deviation: &[0.5, 1.0, 0.7] };
    let (mean, anomalies) = centred(&forecast);
    let covariance = &anomalies * anomalies.transpose() / 39.0;
    let (expected_mean, expected_covariance) = kalman(&mean, &covariance, &observation);
    for (name, exact_covariance) in [
        (r#"{"etkf": {"members": 40}}"#, true),
        (r#"{"etkf": {"members": 40, "rotate": true}}"#, true),
        (r#"{"letkf": {"members": 40, "radius": 1e9}}"#, true),
        (r#"{"serial_eakf": {"members": 40, "radius": 1e9}}"#, true),
        (r#"{"deterministic_enkf": {"members": 40}}"#, false),
        (r#"{"enkf": {"members": 40}}"#, false),
    ] {
        let mut analysis = forecast.clone();
        filter(name).analyse(&mut analysis, &observation, &mut rng).unwrap();
        let (mean, anomalies) = centred(&analysis);
        let off = (mean - &expected_mean).norm();
        assert!(off < 1e-9, "{name}: the mean is off by {off:.1e}");
        if exact_covariance {
            let off = (&anomalies * anomalies.transpose() / 39.0 - &expected_covariance).norm();
            assert!(off < 1e-9, "{name}: the covariance is off by {off:.1e}");
        }
    }
}

#[test]
fn the_stochastic_filter_has_kalmans_covariance_in_the_mean() {
    let mut rng = rng(2);
    let forecast = normal(5, 500, &mut rng);
    let operator = Operator::Identity {};
    let observation = Observation { operator: &operator, values: &[0.0; 5], deviation: &[0.5; 5] };
    let (_, anomalies) = centred(&forecast);
    let covariance = &anomalies * anomalies.transpose() / 499.0;
    let (_, expected) = kalman(&forecast.column_mean(), &covariance, &observation);
    let mut analysis = forecast.clone();
    filter(r#"{"enkf": {"members": 500}}"#).analyse(&mut analysis, &observation, &mut rng).unwrap();
    let (_, anomalies) = centred(&analysis);
    let off = (&anomalies * anomalies.transpose() / 499.0 - &expected).norm() / expected.norm();
    assert!(off < 0.12, "off by {off}");
}

#[test]
fn filters_of_one_estimate_are_kalmans_update_with_their_background() {
    let mut rng = rng(3);
    let operator: Operator = serde_json::from_str(r#"{"blocks": {"width": 2}}"#).unwrap();
    let observation =
        Observation { operator: &operator, values: &[1.0, 0.5, -0.2], deviation: &[0.3, 0.3, 0.2] };
    let start = DVector::from_vec(vec![0.3, -0.1, 0.7, 1.0, 0.2]);
    let (expected, _) = kalman(&start, &(DMatrix::identity(5, 5) * 0.1), &observation);
    let mut estimate = DMatrix::from_columns(&[start]);
    filter(r#"{"three_d_var": {"scale": 0.1}}"#).analyse(&mut estimate, &observation, &mut rng).unwrap();
    assert!((estimate.column(0) - expected).norm() < 1e-12);
    let (expected, _) = kalman(&DVector::zeros(5), &DMatrix::identity(5, 5), &observation);
    filter(r#"{"optimal_interpolation": {}}"#).analyse(&mut estimate, &observation, &mut rng).unwrap();
    assert!((estimate.column(0) - expected).norm() < 1e-12);
}

#[test]
fn the_particle_filter_finds_the_posterior_of_a_nonlinear_observation() {
    // x ~ N(0, 1), y = x² with deviation 0.2: the posterior of y = 1 has two modes and the mean zero.
    let mut rng = rng(4);
    let mut members = normal(1, 20_000, &mut rng);
    let operator = Operator::Square {};
    let observation = Observation { operator: &operator, values: &[1.0], deviation: &[0.2] };
    let mut particle = filter(r#"{"particle": {"members": 20000, "regularisation": 0.0}}"#);
    particle.analyse(&mut members, &observation, &mut rng).unwrap();
    let estimate = particle.estimate(&members)[0];
    let second = members.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
    // E[x²] by quadrature.
    let (mut weight, mut sum) = (0.0, 0.0);
    for i in -4000..=4000 {
        let x = f64::from(i) * 1e-3;
        let w = (-0.5 * x * x - 0.5 * ((1.0 - x * x) / 0.2).powi(2)).exp();
        weight += w;
        sum += w * x * x;
    }
    assert!(estimate.abs() < 0.05, "{estimate}");
    assert!((second - sum / weight).abs() < 0.02, "{second} {}", sum / weight);
}

#[test]
fn the_finite_size_filter_inflates_when_the_innovations_are_too_large_and_only_then() {
    let mut rng = rng(5);
    let operator = Operator::Identity {};
    let forecast = normal(5, 10, &mut rng) * 0.3;
    let spread_after = |value: f64, rng: &mut ChaCha8Rng| {
        let mut analysis = forecast.clone();
        let observation = Observation { operator: &operator, values: &[value; 5], deviation: &[0.3; 5] };
        filter(r#"{"finite_size": {"members": 10}}"#).analyse(&mut analysis, &observation, rng).unwrap();
        centred(&analysis).1.norm()
    };
    let (calm, surprised) = (spread_after(0.0, &mut rng), spread_after(4.0, &mut rng));
    assert!(surprised > 1.1 * calm, "{calm} {surprised}");
}

#[test]
fn a_rotation_keeps_mean_and_covariance() {
    let mut rng = rng(6);
    let before = normal(4, 9, &mut rng);
    let mut after = before.clone();
    rotate(&mut after, &mut rng);
    let ((mean, a), (turned_mean, b)) = (centred(&before), centred(&after));
    assert!((mean - turned_mean).norm() < 1e-12);
    assert!((&a * a.transpose() - &b * b.transpose()).norm() < 1e-11);
    assert!((a - b).norm() > 0.1);
}

#[test]
fn the_taper_is_one_at_home_and_zero_beyond_its_support() {
    assert_eq!(gaspari_cohn(0.0, 3.0), 1.0);
    let support = 2.0 * (10.0_f64 / 3.0).sqrt() * 3.0;
    assert!(gaspari_cohn(support * 0.999, 3.0) < 1e-8 && gaspari_cohn(support * 1.001, 3.0) == 0.0);
    let joint = support / 2.0;
    assert!((gaspari_cohn(joint * (1.0 - 1e-9), 3.0) - gaspari_cohn(joint * (1.0 + 1e-9), 3.0)).abs() < 1e-8);
    // Like the Gaussian near home: the curvature is −1/radius².
    let curvature = (gaspari_cohn(1e-3, 3.0) - 1.0) * 2.0 / 1e-6;
    assert!((curvature + 1.0 / 9.0).abs() < 1e-3, "{curvature}");
}

#[test]
fn bad_observations_are_named() {
    let mut rng = rng(7);
    let mut etkf = filter(r#"{"etkf": {"members": 10}}"#);
    let mut ensemble = normal(5, 10, &mut rng);
    let operator = Operator::Identity {};
    let mut analyse = |values: &[f64], deviation: &[f64]| {
        etkf.analyse(&mut ensemble, &Observation { operator: &operator, values, deviation }, &mut rng)
    };
    assert_eq!(analyse(&[0.0; 4], &[1.0; 4]), Err(FilterError::Shape { given: 4, expected: 5 }));
    assert_eq!(analyse(&[f64::NAN; 5], &[1.0; 5]), Err(FilterError::NonFinite { what: "an observed value" }));
    assert_eq!(analyse(&[0.0; 5], &[0.0; 5]), Err(FilterError::Singular));
}

/// A linear motion, `x ↦ M x` in a unit of time.
struct Linear(DMatrix<f64>);

impl Adjoint for Linear {
    fn advance(&mut self, x: &mut [f64], t0: f64, t1: f64) -> Result<(), String> {
        for _ in 0..(t1 - t0).round() as usize {
            let next = &self.0 * DVector::from_column_slice(x);
            x.copy_from_slice(next.as_slice());
        }
        Ok(())
    }

    fn pull(&mut self, _x: &[f64], t0: f64, t1: f64, v: &[f64]) -> Result<Vec<f64>, String> {
        let steps = (t1 - t0).round() as usize;
        let pulled = (0..steps).fold(DVector::from_column_slice(v), |v, _| self.0.tr_mul(&v));
        Ok(pulled.as_slice().to_vec())
    }
}

#[test]
fn four_d_var_of_a_linear_motion_is_kalmans_update_at_the_beginning_of_the_window() {
    let mut rng = rng(8);
    let motion = DMatrix::identity(5, 5) + normal(5, 5, &mut rng) * 0.2;
    let root = normal(5, 5, &mut rng);
    let climatology = Climatology { mean: DVector::zeros(5), covariance: &root * root.transpose() };
    let operator: Operator = serde_json::from_str(r#"{"sensors": {"at": [0, 3]}}"#).unwrap();
    let config: FilterConfig =
        serde_json::from_str(r#"{"four_d_var": {"lag": 2, "scale": 0.5, "iterations": 200}}"#).unwrap();
    assert!(config.init(Some(&climatology), None).is_none(), "it needs a model");
    let mut filter = config.init(Some(&climatology), Some(Box::new(Linear(motion.clone())))).unwrap();
    let start = DVector::from_vec(vec![0.3, -0.1, 0.7, 1.0, 0.2]);
    filter.begin(&start);
    let background = &climatology.covariance * 0.5;
    // The beginning of the window, and the motion from there to now.
    let (mut x0, mut through) = (start.clone(), DMatrix::identity(5, 5));
    let mut estimate = DMatrix::from_columns(&[start]);
    for (k, values) in [[1.0, 0.5], [-0.4, 0.2], [0.3, 0.9]].into_iter().enumerate() {
        estimate = &motion * estimate;
        filter.elapse(1.0);
        through = &motion * through;
        let observation = Observation { operator: &operator, values: &values, deviation: &[0.3, 0.5] };
        filter.analyse(&mut estimate, &observation, &mut rng).unwrap();
        let h = operator.jacobian(x0.as_slice()) * &through;
        let r = DMatrix::from_diagonal(&DVector::from_vec(vec![0.09, 0.25]));
        let gain =
            &background * h.transpose() * (&h * &background * h.transpose() + r).try_inverse().unwrap();
        x0 += gain * (DVector::from_column_slice(&values) - &h * &x0);
        let expected = &through * &x0;
        let off = (estimate.column(0) - &expected).norm() / expected.norm();
        assert!(off < 5e-3, "observation {k}: off by {off:.1e}");
        // From the second observation on the window moves by one.
        if k > 0 {
            x0 = &motion * x0;
            through = motion.clone();
        }
    }
}

#[test]
fn operators_show_what_they_say_and_their_derivatives_agree_with_differences() {
    let state: Vec<f64> = (0..12).map(|i| 0.7 + (0.9 * f64::from(i)).sin()).collect();
    for text in [
        r#"{"identity": {}}"#,
        r#"{"points": {"every": 5, "first": 1}}"#,
        r#"{"sensors": {"at": [7, 2]}}"#,
        r#"{"blocks": {"width": 5}}"#,
        r#"{"modes": {"waves": 3}}"#,
        r#"{"magnitude": {}}"#,
        r#"{"square": {}}"#,
    ] {
        let operator: Operator = serde_json::from_str(text).unwrap();
        let (seen, h) = (operator.apply(&state), operator.jacobian(&state));
        assert_eq!((seen.len(), h.nrows()), (operator.outputs(12), operator.outputs(12)), "{text}");
        for j in 0..12 {
            let at = |step: f64| {
                let mut moved = state.clone();
                moved[j] += step;
                operator.apply(&moved)
            };
            for (i, (above, below)) in at(1e-6).iter().zip(at(-1e-6)).enumerate() {
                assert!((h[(i, j)] - (above - below) / 2e-6).abs() < 1e-6, "{text}: {i} {j}");
            }
        }
        if let Some(entries) = operator.entries(12) {
            assert_eq!(seen, entries.iter().map(|i| state[*i]).collect::<Vec<_>>(), "{text}");
        }
    }
    let modes: Operator = serde_json::from_str(r#"{"modes": {"waves": 2}}"#).unwrap();
    let wave = |j: usize| std::f64::consts::TAU * j as f64 / 12.0;
    let state: Vec<f64> = (0..12).map(|j| 0.5 + 2.0 * wave(j).cos() - 3.0 * (2.0 * wave(j)).sin()).collect();
    let seen = modes.apply(&state);
    assert!(seen.iter().zip([0.5, 2.0, 0.0, 0.0, -3.0]).all(|(a, b)| (a - b).abs() < 1e-14), "{seen:?}");
}
