//! Baselines on systems whose equations, exponents and coefficients are known.

#![allow(clippy::unwrap_used)]

use burn::tensor::Device;
use flowmap_models::baseline::{
    AutoregressiveConfig, Baseline, Cell, EchoStateConfig, FitError, Fitted, Fitting, RecurrentConfig,
    Samples, Sindy, SindyConfig,
};
use flowmap_models::config::ModelConfig;
use flowmap_models::innovations::Innovations;
use flowmap_models::neural_de::NeuralOdeConfig;
use flowmap_models::state_space::{StateSpaceModel, observations, rollout};
use flowmap_solvers::control::Control;
use flowmap_solvers::field::from_fn;
use flowmap_solvers::issue::Validate;
use flowmap_solvers::solve::{Outcome, SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{DOPRI8, ExplicitRk};
use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView2, s};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

const EXPONENT: f64 = 0.9056;

/// Lorenz' attractor, `[time, channel]`.
fn lorenz(dt: f64, samples: usize) -> Array2<f64> {
    let start = [1.0, 1.0, 25.0];
    let field = from_fn(|_t, y: &[f64; 3], dy: &mut [f64; 3]| {
        *dy = [10.0 * (y[1] - y[0]), y[0] * (28.0 - y[2]) - y[1], y[0] * y[1] - 8.0 / 3.0 * y[2]];
    });
    let times: Vec<f64> = (0..samples).map(|i| 20.0 + i as f64 * dt).collect();
    let end = *times.last().unwrap();
    let mut options = SolveOptions::new(0.0, end, Control::adaptive(1e-11, 1e-11)).save(SaveAt::Times(times));
    let solution = solve(&mut ExplicitRk::new(&DOPRI8, field, &start), &start, &mut options);
    assert_eq!(solution.outcome, Outcome::Reached);
    Array2::from_shape_fn((samples, 3), |(t, c)| solution.ys[t][c])
}

fn noisy(clean: &Array2<f64>, relative: f64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut out = clean.clone();
    for mut channel in out.columns_mut() {
        let std = relative * channel.std(0.0);
        channel.mapv_inplace(|v| v + std * rng.sample::<f64, _>(StandardNormal));
    }
    out
}

fn names() -> Vec<String> {
    ["x", "y", "z"].map(str::to_owned).to_vec()
}

fn samples<'a>(
    train: ArrayView2<'a, f64>,
    validation: Option<ArrayView2<'a, f64>>,
    dt: f64,
    channels: &'a [String],
) -> Samples<'a> {
    Samples { train: vec![train], validation: validation.into_iter().collect(), dt, channels }
}

fn fit(config: &dyn Baseline, samples: &Samples<'_>, seed: u64) -> Result<Fitted, FitError> {
    let device = Device::flex();
    config.fit(
        samples,
        &mut Fitting {
            rng: &mut ChaCha8Rng::seed_from_u64(seed),
            device: &device,
            on_step: &mut |_, _, _| true,
        },
    )
}

/// The time, in Lyapunov times, up to which a free run stays within 0.4 standard deviations; the mean over ten starts.
fn valid_time(model: &dyn StateSpaceModel, test: ArrayView2<'_, f64>, dt: f64) -> f64 {
    let states = model.filter(test);
    let norm = (0..3).map(|c| test.column(c).std(0.0).powi(2)).sum::<f64>().sqrt();
    let steps = (10.0 / EXPONENT / dt) as usize;
    let stride = (test.nrows() - model.memory() - steps - 1) / 10;
    let times = (0..10).map(|i| {
        let start = model.memory() + i * stride;
        let run = rollout(model, states.row(start).as_slice().unwrap(), steps);
        let predicted = observations(model, &run.ys);
        let wrong = (0..predicted.nrows()).find(|t| {
            let error = (&predicted.row(*t) - &test.row(start + t)).mapv(|e| e * e).sum().sqrt();
            error > 0.4 * norm || !error.is_finite()
        });
        wrong.unwrap_or(predicted.nrows()) as f64 * dt * EXPONENT
    });
    times.sum::<f64>() / 10.0
}

/// The Jacobian against central differences at a state, and the free run against itself.
fn differentiable_and_deterministic(model: &dyn StateSpaceModel, z: &[f64]) {
    let n = model.state_size();
    assert_eq!(z.len(), n);
    let mut j = DMatrix::from_element(n, n, f64::NAN);
    model.jacobian(z, &mut j);
    let (mut ahead, mut behind, mut moved) = (vec![0.0; n], vec![0.0; n], z.to_vec());
    for k in 0..n {
        let h = 1e-5 * z[k].abs().max(1.0);
        moved[k] = z[k] + h;
        model.next(&moved, &mut ahead);
        moved[k] = z[k] - h;
        model.next(&moved, &mut behind);
        moved[k] = z[k];
        for i in 0..n {
            let difference = (ahead[i] - behind[i]) / (2.0 * h);
            assert!((j[(i, k)] - difference).abs() < 1e-6, "{i} {k}: {} {difference}", j[(i, k)]);
        }
    }
    let (a, b) = (rollout(model, z, 50), rollout(model, z, 50));
    assert_eq!(a.outcome, Outcome::Reached);
    assert_eq!(a.ys, b.ys);
}

#[test]
fn an_echo_state_network_predicts_lorenz_for_more_than_three_lyapunov_times() {
    let (dt, names) = (0.02, names());
    let all = lorenz(dt, 9000);
    let (train, validation) = (all.slice(s![..5000, ..]), all.slice(s![5000..6000, ..]));
    let test = all.slice(s![6000.., ..]);
    let s = samples(train, Some(validation), dt, &names);
    let fitted = fit(&EchoStateConfig::default(), &s, 1).unwrap();
    let time = valid_time(&*fitted.model, test, dt);
    eprintln!("echo state: {time:.2} Lyapunov times; {}", fitted.notes[0]);
    assert!(time > 3.0, "{time}");
    // The state observes the sample that it has seen.
    let states = fitted.model.filter(test);
    let mut x = [0.0; 3];
    fitted.model.observe(states.row(300).as_slice().unwrap(), &mut x);
    assert!(x.iter().zip(test.row(300)).all(|(a, b)| (a - b).abs() < 1e-9));
    // The same seed makes the same network; another makes another.
    let again = fit(&EchoStateConfig::default(), &s, 1).unwrap();
    let z = states.row(300).to_vec();
    assert_eq!(rollout(&*again.model, &z, 20).ys, rollout(&*fitted.model, &z, 20).ys);
    assert_ne!(fit(&EchoStateConfig::default(), &s, 2).unwrap().model.filter(test), states);
}

#[test]
fn echo_state_networks_are_differentiable() {
    let all = lorenz(0.02, 1500);
    let names = names();
    for (leak, quadratic) in [(1.0, true), (0.4, false)] {
        let config = EchoStateConfig { units: 40, leak, quadratic, ..EchoStateConfig::default() };
        let fitted = fit(&config, &samples(all.view(), None, 0.02, &names), 3).unwrap();
        let states = fitted.model.filter(all.view());
        differentiable_and_deterministic(&*fitted.model, states.row(700).as_slice().unwrap());
    }
}

/// The coefficient of a named term, zero if it is not there.
fn coefficient(model: &Sindy, equation: usize, name: &str) -> f64 {
    let terms = model.equations[equation].iter();
    terms.filter(|(term, _)| term.name(&names()) == name).map(|(_, c)| *c).sum()
}

#[test]
fn the_seven_coefficients_of_lorenz_are_identified() {
    let known = [
        (0, "x", -10.0),
        (0, "y", 10.0),
        (1, "x", 28.0),
        (1, "y", -1.0),
        (1, "x z", -1.0),
        (2, "x y", 1.0),
        (2, "z", -8.0 / 3.0),
    ];
    let names = names();
    for (dt, noise, tolerance) in
        [(0.01, 0.0, 0.01), (0.01, 0.01, 0.1), (0.01, 0.05, 0.1), (0.02, 0.01, 0.1), (0.02, 0.05, 0.1)]
    {
        let series = noisy(&lorenz(dt, 10_000), noise);
        let (model, half) =
            SindyConfig::default().identify(&samples(series.view(), None, dt, &names)).unwrap();
        let error = |(e, name, c): &(usize, &str, f64)| (coefficient(&model, *e, name) / c - 1.0).abs();
        let worst = known.iter().map(error).fold(0.0, f64::max);
        let text = model.text(&names).join("; ");
        eprintln!("dt {dt}, noise {noise}: half width {half}, error {worst:.4}: {text}");
        assert!(worst < tolerance, "{worst}: {text}");
        assert_eq!(model.equations.iter().map(Vec::len).sum::<usize>(), 7, "{text}");
    }
}

#[test]
fn an_identified_equation_moves_by_the_integrator_core() {
    let (dt, names) = (0.01, names());
    let all = lorenz(dt, 8000);
    let fitted =
        fit(&SindyConfig::default(), &samples(all.slice(s![..5000, ..]), None, dt, &names), 0).unwrap();
    assert_eq!(fitted.parameters, 7);
    assert!(fitted.notes[1].starts_with("x' = -") && fitted.notes[1].contains(" y"), "{:?}", fitted.notes);
    let time = valid_time(&*fitted.model, all.slice(s![5000.., ..]), dt);
    eprintln!("sindy: {time:.2} Lyapunov times");
    assert!(time > 5.0, "{time}");
    differentiable_and_deterministic(&*fitted.model, &[3.0, -2.0, 20.0]);
    // An equation that blows up ends by the core's word.
    let runaway = Sindy { equations: vec![vec![(square(), 1.0)]], dt: 0.1, substeps: 4 };
    let run = rollout(&runaway, &[1.0], 100);
    assert!(matches!(run.outcome, Outcome::NonFinite { .. }), "{:?}", run.outcome);
    assert!(run.ys.iter().all(|y| y[0].is_finite()));
}

#[test]
fn an_equation_may_have_no_terms() {
    let (series, names) = (lorenz(0.01, 500), names());
    let strict = SindyConfig { threshold: 1.0, ..SindyConfig::default() };
    let (model, _) = strict.identify(&samples(series.view(), None, 0.01, &names)).unwrap();
    assert_eq!(model.text(&names), ["x' = 0", "y' = 0", "z' = 0"]);
    assert_eq!(rollout(&model, &[1.0, 2.0, 3.0], 5).ys.pop().unwrap().to_vec(), [1.0, 2.0, 3.0]);
}

fn square() -> flowmap_models::baseline::Term {
    flowmap_models::baseline::Term::Monomial(vec![2])
}

#[test]
fn a_known_autoregression_of_two_lags_is_recovered() {
    let a = [[[0.6, -0.2], [0.3, 0.4]], [[-0.3, 0.1], [0.0, 0.25]]];
    let constant = [0.5, -1.0];
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut x = Array2::zeros((20_000, 2));
    for t in 2..x.nrows() {
        for i in 0..2 {
            let past: f64 = (0..2).map(|k| (0..2).map(|j| a[k][i][j] * x[[t - 1 - k, j]]).sum::<f64>()).sum();
            x[[t, i]] = constant[i] + past + 0.1 * rng.sample::<f64, _>(StandardNormal);
        }
    }
    let names = names();
    let s = samples(x.view(), None, 1.0, &names[..2]);
    let model = AutoregressiveConfig::default().regress(&s).unwrap();
    assert_eq!(model.order, 2);
    for k in 0..2 {
        for i in 0..2 {
            for j in 0..2 {
                // In units of the series.
                let w = model.weights[(1 + 2 * k + j, i)] * model.scale.std[i] / model.scale.std[j];
                assert!((w - a[k][i][j]).abs() < 0.03, "{k} {i} {j}: {w}");
            }
        }
    }
    let states = model.filter(x.view());
    differentiable_and_deterministic(&model, states.row(50).as_slice().unwrap());
    // It forgets its start and rests at its mean: (1 − ΣA)⁻¹ c.
    let end = rollout(&model, states.row(50).as_slice().unwrap(), 500).ys.pop().unwrap();
    let mut rest = [0.0; 2];
    model.observe(end.as_slice().unwrap(), &mut rest);
    let m = DMatrix::from_fn(2, 2, |i, j| f64::from(u8::from(i == j)) - a[0][i][j] - a[1][i][j]);
    let mean = m.lu().solve(&DMatrix::from_column_slice(2, 1, &constant)).unwrap();
    assert!((0..2).all(|i| (rest[i] - mean[(i, 0)]).abs() < 0.05), "{rest:?} {mean}");
}

#[test]
fn a_neural_differential_equation_learns_lorenz_from_a_noisy_series() {
    let (dt, names) = (0.02, names());
    let all = lorenz(dt, 9000);
    let noisy = noisy(&all, 0.02);
    let (train, validation) = (noisy.slice(s![..5000, ..]), noisy.slice(s![5000..6000, ..]));
    let s = samples(train, Some(validation), dt, &names);
    let config = NeuralOdeConfig { hidden: vec![32, 32], ..NeuralOdeConfig::default() };
    let fitted = fit(&config, &s, 0).unwrap();
    let test = all.slice(s![6000.., ..]);
    let states = fitted.model.filter(test);
    differentiable_and_deterministic(&*fitted.model, states.row(50).as_slice().unwrap());
    // A free run of a third of a Lyapunov time, by the variance.
    let (mut error, steps) = (0.0, 18);
    for start in (0..2000).step_by(100) {
        let run = rollout(&*fitted.model, states.row(start).as_slice().unwrap(), steps);
        let end = observations(&*fitted.model, &run.ys).row(steps).to_owned();
        let apart = (&end - &test.row(start + steps)) / &test.std_axis(ndarray::Axis(0), 0.0);
        error += apart.mapv(|e| e * e).mean().unwrap() / 20.0;
    }
    assert!(error < 0.02, "{error}");
}

#[test]
fn recurrent_networks_learn_lorenz_and_are_differentiable() {
    let (dt, names) = (0.02, names());
    let all = lorenz(dt, 9000);
    let (train, validation) = (all.slice(s![..5000, ..]), all.slice(s![5000..6000, ..]));
    let test = all.slice(s![6000.., ..]);
    let s = samples(train, Some(validation), dt, &names);
    for cell in [Cell::Lstm, Cell::Gru] {
        let config = RecurrentConfig { cell, units: 32, steps: 300, ..RecurrentConfig::default() };
        let started = std::time::Instant::now();
        let fitted = fit(&config, &s, 1).unwrap();
        let seconds = started.elapsed().as_secs_f64();
        let time = valid_time(&*fitted.model, test, dt);
        eprintln!("{cell:?}: {time:.2} Lyapunov times, {seconds:.1} s; {}", fitted.notes[0]);
        // A short training; standing still is right for a twentieth of a Lyapunov time.
        assert!(time > 0.3, "{time}");
        let states = fitted.model.filter(test);
        differentiable_and_deterministic(&*fitted.model, states.row(100).as_slice().unwrap());
    }
}

#[test]
fn too_little_is_said_to_be_too_little() {
    let all = lorenz(0.02, 30);
    let names = names();
    for text in ["echo_state", "sindy", "autoregressive", "recurrent"] {
        let config = match text {
            "echo_state" => ModelConfig::EchoState(EchoStateConfig::default()),
            "sindy" => ModelConfig::Sindy(SindyConfig::default()),
            "autoregressive" => ModelConfig::Autoregressive(AutoregressiveConfig::default()),
            _ => ModelConfig::Recurrent(RecurrentConfig::default()),
        };
        assert_eq!(config.name(), text);
        assert_eq!(config.issues("model"), []);
        let result = fit(config.baseline().unwrap(), &samples(all.view(), None, 0.02, &names), 0);
        match result {
            Err(FitError::TooShort { have: 30, needed, .. }) => assert!(needed > 30),
            Err(other) => panic!("{text}: {other:?}"),
            Ok(_) => panic!("{text}: fitted to 30 samples"),
        }
    }
}

#[test]
fn bad_settings_are_named() {
    let path = |config: ModelConfig| config.issues("model")[0].path.clone();
    let echo = EchoStateConfig { ridge: vec![], ..EchoStateConfig::default() };
    assert_eq!(path(ModelConfig::EchoState(echo)), "model.echo_state.ridge");
    let sindy = SindyConfig { half_width: 1, ..SindyConfig::default() };
    assert_eq!(path(ModelConfig::Sindy(sindy)), "model.sindy.half_width");
    let recurrent = RecurrentConfig { wash_out: 40, ..RecurrentConfig::default() };
    assert_eq!(path(ModelConfig::Recurrent(recurrent)), "model.recurrent.wash_out");
    let autoregressive = AutoregressiveConfig { ridge: -1.0, ..AutoregressiveConfig::default() };
    assert_eq!(path(ModelConfig::Autoregressive(autoregressive)), "model.autoregressive.ridge");
}

/// `x_{t+1} = 0.9 x_t + 0.3 e_t` beside `y_{t+1} = −0.5 y_t + x_t + 0.1 d_t`.
fn process(samples: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || rng.sample::<f64, _>(StandardNormal);
    let mut out = Array2::zeros((samples, 2));
    for t in 1..samples {
        let [x, y] = [out[[t - 1, 0]], out[[t - 1, 1]]];
        out[[t, 0]] = 0.9 * x + 0.3 * normal();
        out[[t, 1]] = -0.5 * y + x + 0.1 * normal();
    }
    out
}

#[test]
fn with_innovations_a_model_has_the_variance_of_its_process_and_without_it_dies_out() {
    let (series, names) = (process(20_000, 1), names());
    let samples = samples(series.view(), None, 1.0, &names[..2]);
    let config = AutoregressiveConfig { order: 1, ..AutoregressiveConfig::default() };
    let fitted = fit(&config, &samples, 0).unwrap();
    let model = &*fitted.model;
    let found = Innovations::measure(model, &[series.view()]).unwrap();
    // What is foreseen best is the last sample itself.
    assert_eq!(found.gain, 1.0);
    for (c, noise) in [0.3, 0.1].into_iter().enumerate() {
        let std = found.residuals.column(c).std(0.0);
        assert!((std - noise).abs() < 0.02 * noise, "{c}: {std}");
    }
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let run = found.run(model, series.view(), 20_000, &mut rng);
    assert_eq!(run.row(0), series.row(0));
    for c in 0..2 {
        let (a, b) = (run.column(c).std(0.0), series.column(c).std(0.0));
        assert!((a - b).abs() < 0.1 * b, "{c}: {a} {b}");
    }
    let free = rollout(model, model.filter(series.view()).row(0).as_slice().unwrap(), 500);
    assert!(observations(model, &free.ys).row(499).iter().all(|v| v.abs() < 0.1));
    // A reservoir cannot be corrected.
    let echo = fit(&EchoStateConfig { units: 20, ..EchoStateConfig::default() }, &samples, 0).unwrap();
    assert!(Innovations::measure(&*echo.model, &[series.view()]).is_none());
}
