//! Stochastic processes: marginals of their paths, and what is left of them without noise.

#![allow(clippy::unwrap_used)]

use flowmap_datasets::problem::process::{OrnsteinUhlenbeck, Process, StochasticLorenz};
use flowmap_datasets::rng::stream;
use flowmap_solvers::control::Control;
use flowmap_solvers::field::from_fn;
use flowmap_solvers::solve::{SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, ExplicitRk};

#[test]
fn paths_of_an_ornstein_uhlenbeck_process_have_its_marginals_at_any_spacing() {
    let process = OrnsteinUhlenbeck { rho: 0.3, kappa: 0.5, chi: 0.7 };
    // Neither even nor from zero: the process starts at the first sample.
    for times in [vec![1.0, 1.5, 4.0, 9.0], (0..=16).map(|i| 1.0 + 0.5 * f64::from(i)).collect()] {
        let n = 8000;
        let paths: Vec<Vec<f64>> =
            (0..n).map(|i| process.sample(&times, &mut stream(3, "paths", i))).collect();
        for (k, t) in times.iter().enumerate() {
            let values: Vec<f64> = paths.iter().map(|p| p[k]).collect();
            let mean = values.iter().sum::<f64>() / n as f64;
            let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
            let (exact_mean, exact_std) = process.marginal(t - 1.0).unwrap()[0];
            assert!(
                (mean - exact_mean).abs() < 4.5 * exact_std / (n as f64).sqrt(),
                "{t}: {mean} {exact_mean}"
            );
            assert!((std / exact_std - 1.0).abs() < 0.04, "{t}: {std} {exact_std}");
        }
        // Neighbours are as dependent as they must be: Cov = Var(s) e^{−κ(t − s)}.
        let (s, t) = (times[1], times[2]);
        let centred = |k: usize| -> Vec<f64> {
            let mean = paths.iter().map(|p| p[k]).sum::<f64>() / n as f64;
            paths.iter().map(|p| p[k] - mean).collect()
        };
        let covariance = centred(1).iter().zip(centred(2)).map(|(a, b)| a * b).sum::<f64>() / n as f64;
        let exact = process.marginal(s - 1.0).unwrap()[0].1.powi(2) * (-process.kappa * (t - s)).exp();
        assert!((covariance / exact - 1.0).abs() < 0.09, "{covariance} {exact}");
    }
}

#[test]
fn a_lorenz_process_without_noise_is_the_lorenz_system() {
    let process = StochasticLorenz { noise: [0.0; 3], ..StochasticLorenz::default() };
    let times: Vec<f64> = (0..=2).map(|i| 0.05 * f64::from(i)).collect();
    let path = process.sample(&times, &mut stream(1, "lorenz", 0));
    let field = from_fn(|_t, u: &[f64; 3], du: &mut [f64; 3]| {
        *du = [10.0 * (u[1] - u[0]), u[0] * (28.0 - u[2]) - u[1], u[0] * u[1] - 8.0 / 3.0 * u[2]];
    });
    let start = [path[0], path[1], path[2]];
    let mut options = SolveOptions::new(0.0, 0.1, Control::adaptive(1e-9, 1e-9));
    let mut stepper = ExplicitRk::new(&DOPRI5, field, &start);
    let end = *solve(&mut stepper, &start, &mut options).last().unwrap();
    // Euler's method with steps of 1e-3.
    for (a, b) in path[6..9].iter().zip(end) {
        assert!((a - b).abs() < 0.01 * (1.0 + b.abs()), "{a} {b}");
    }
}

#[test]
fn the_noise_of_a_lorenz_process_is_proportional_to_the_state() {
    // x' = 0 but for the noise: a geometric Brownian motion, of which log x(t)/x(0) is normal (−b²t/2, b²t).
    let process = StochasticLorenz { parameters: [0.0; 3], noise: [0.5, 0.0, 0.0] };
    let n = 4000;
    let logs: Vec<f64> = (0..n)
        .map(|i| process.sample(&[0.0, 0.2], &mut stream(2, "lorenz", i)))
        .map(|p| (p[3] / p[0]).ln())
        .collect();
    let mean = logs.iter().sum::<f64>() / n as f64;
    let variance = logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / n as f64;
    assert!((mean + 0.025).abs() < 4.5 * (0.05 / n as f64).sqrt(), "{mean}");
    assert!((variance / 0.05 - 1.0).abs() < 0.1, "{variance}");
}
