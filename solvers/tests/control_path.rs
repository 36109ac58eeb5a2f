//! Controls and controlled equations with known solutions.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::control_path::{
    ControlError, ControlPath, Controlled, Fill, LinearField, LogOde, LogSignature, MatrixField,
    MatrixTangent, Pieces, Samples, knot_of_sample, solve_pieces,
};
use flowmap_solvers::increment::{Increment, PullBack, VectorJacobian};
use flowmap_solvers::solve::{Outcome, SaveAt, SolveOptions};
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, DOPRI8, MIDPOINT, RK4};
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2, Array3, array, s};

const TIMES: [f64; 6] = [0.0, 0.4, 0.5, 1.1, 1.7, 2.0];

fn irregular() -> Samples {
    let values = Array2::from_shape_fn((6, 2), |(i, c)| (2.0 * TIMES[i] + c as f64).sin());
    Samples::new(&TIMES, values.view()).unwrap()
}

fn gappy() -> (Vec<f64>, Array2<f64>) {
    let nan = f64::NAN;
    (TIMES.to_vec(), array![[1.0, nan], [nan, 2.0], [2.0, nan], [nan, nan], [nan, 5.0], [0.5, nan]])
}

fn matrices(n: usize) -> Vec<DMatrix<f64>> {
    let entry = |k: usize| move |i: usize, j: usize| ((3 * i + 5 * j + 7 * k + 1) as f64).sin() * 0.5;
    (0..n).map(|k| DMatrix::from_fn(3, 3, entry(k))).collect()
}

fn at(path: &ControlPath, t: f64) -> Vec<f64> {
    let mut x = vec![0.0; path.channels()];
    path.value(t, &mut x);
    x
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn controls_pass_through_their_samples_and_fill_gaps_by_their_channel() {
    let (times, values) = gappy();
    let samples = Samples::new(&times, values.view()).unwrap();
    let filled = samples.filled(Fill::Interpolate).unwrap();
    let slope = (5.0 - 2.0) / (1.7 - 0.4);
    assert!(
        (filled[[1, 0]] - (1.0 + 0.4 / 0.5)).abs() < 1e-15
            && (filled[[2, 1]] - (2.0 + 0.1 * slope)).abs() < 1e-15
    );
    assert_eq!((filled[[0, 1]], filled[[5, 1]]), (2.0, 5.0));
    for path in [
        ControlPath::linear(&samples, Fill::Interpolate).unwrap(),
        ControlPath::hermite(&samples, Fill::Interpolate).unwrap(),
    ] {
        for (t, row) in times.iter().zip(filled.rows()) {
            assert!(distance(&at(&path, *t), &row.to_vec()) < 1e-14, "{t}");
        }
        // Constant outside.
        let mut slope = [1.0; 2];
        assert_eq!(at(&path, 9.0), at(&path, 2.0));
        path.derivative(9.0, &mut slope);
        assert_eq!(slope, [0.0; 2]);
    }
    let mut known = values;
    known[[0, 1]] = -1.0;
    let path = ControlPath::rectilinear(&Samples::new(&times, known.view()).unwrap()).unwrap();
    assert_eq!(path.channels(), 3);
    assert_eq!(at(&path, knot_of_sample(3)), [1.1, 2.0, 2.0]);
    // First the time, then the values.
    assert_eq!(at(&path, knot_of_sample(3) + 1.0), [1.7, 2.0, 2.0]);
    assert_eq!(at(&path, knot_of_sample(4)), [1.7, 2.0, 5.0]);
    let timed = ControlPath::linear(&irregular().with_time(), Fill::Hold).unwrap();
    assert!((at(&timed, 0.83)[0] - 0.83).abs() < 1e-15);
}

#[test]
fn a_hermite_control_is_smooth_and_its_derivative_is_one() {
    let path = ControlPath::hermite(&irregular(), Fill::Interpolate).unwrap();
    let (mut left, mut right) = ([0.0; 2], [0.0; 2]);
    for (i, k) in path.knots()[1..5].iter().enumerate() {
        path.derivative_of(Some(i), *k, &mut left);
        path.derivative(*k, &mut right);
        assert!(distance(&left, &right) < 1e-13, "{k}");
        let backward = (at(&path, *k)[1] - at(&path, TIMES[i])[1]) / (k - TIMES[i]);
        assert!((right[1] - backward).abs() < 1e-13, "{k}");
    }
    for i in 0..40 {
        let t = 0.013 + 0.049 * f64::from(i);
        let (a, b) = (at(&path, t + 1e-6), at(&path, t - 1e-6));
        path.derivative(t, &mut right);
        assert!((right[0] - (a[0] - b[0]) / 2e-6).abs() < 1e-5, "{t}");
    }
}

#[test]
fn what_comes_later_does_not_change_the_past() {
    let (times, mut values) = gappy();
    values[[0, 1]] = -1.0;
    let build = |values: &Array2<f64>| {
        let samples = Samples::new(&times, values.view()).unwrap();
        let cubic = ControlPath::hermite(&samples, Fill::Hold).unwrap();
        (cubic, ControlPath::rectilinear(&samples).unwrap())
    };
    let before = build(&values);
    for seen in 0..5 {
        let mut other = values.clone();
        other.slice_mut(s![seen + 1.., ..]).fill(7.0);
        let after = build(&other);
        for i in 0..=20 {
            let share = f64::from(i) / 20.0;
            let (t, k) = (share * times[seen], share * knot_of_sample(seen));
            assert_eq!(at(&before.0, t), at(&after.0, t));
            assert_eq!(at(&before.1, k), at(&after.1, k));
        }
        assert_ne!(at(&before.0, times[seen + 1]), at(&after.0, times[seen + 1]), "{seen}");
    }
}

#[test]
fn bad_samples_are_named_with_their_place() {
    let two = array![[1.0], [2.0]];
    let error = |times: &[f64], values: &Array2<f64>| Samples::new(times, values.view()).unwrap_err();
    assert_eq!(error(&[0.0], &array![[1.0]]), ControlError::TooFew { samples: 1 });
    assert_eq!(error(&[0.0], &two), ControlError::Lengths { times: 1, samples: 2 });
    assert_eq!(error(&[1.0, 1.0], &two), ControlError::Unordered { index: 1, time: 1.0, before: 1.0 });
    assert_eq!(error(&[1.0, 0.5], &two), ControlError::Unordered { index: 1, time: 0.5, before: 1.0 });
    assert!(matches!(error(&[0.0, f64::NAN], &two), ControlError::TimeNotFinite { index: 1, .. }));
    assert_eq!(error(&[0.0, 1.0], &Array2::zeros((2, 0))), ControlError::NoChannel);
    let nan = f64::NAN;
    let empty = array![[1.0, nan], [2.0, nan]];
    assert_eq!(error(&[0.0, 1.0], &empty), ControlError::AllMissing { channel: 1, samples: 2 });
    let infinite = array![[1.0, 0.0], [2.0, f64::INFINITY]];
    assert!(matches!(error(&[0.0, 1.0], &infinite), ControlError::Infinite { index: 1, channel: 1, .. }));
    let late = Samples::new(&[0.0, 1.0], array![[nan], [2.0]].view()).unwrap();
    assert_eq!(
        ControlPath::rectilinear(&late).unwrap_err(),
        ControlError::MissingStart { channel: 0, missing: 1 }
    );
    let message = error(&[1.0, 0.5], &two).to_string();
    assert!(message.contains("sample 1") && message.contains("sort"), "{message}");
    let path = ControlPath::linear(&irregular(), Fill::Hold).unwrap();
    assert_eq!(LogSignature::new(&path, 0, 1, 4).unwrap_err(), ControlError::Depth { depth: 4 });
    let other = ControlPath::linear(&irregular().with_time(), Fill::Hold).unwrap();
    let field = LinearField::new(matrices(2));
    let mixed = Controlled::new(field.clone(), vec![path, other]).unwrap_err();
    assert_eq!(mixed, ControlError::Channels { index: 1, channels: 3, first: 2 });
    assert_eq!(Controlled::new(field, Vec::new()).unwrap_err(), ControlError::NoControl);
}

fn fixed(t1: f64, dt: f64) -> SolveOptions<Array1<f64>> {
    SolveOptions::new(0.0, t1, Control::Fixed { dt })
}

fn controls() -> [ControlPath; 3] {
    let samples = irregular();
    [
        ControlPath::linear(&samples, Fill::Hold).unwrap(),
        ControlPath::hermite(&samples, Fill::Hold).unwrap(),
        ControlPath::rectilinear(&samples).unwrap(),
    ]
}

#[test]
fn commuting_matrices_give_the_exponential_of_the_increment() {
    let base = &matrices(1)[0];
    for path in controls() {
        let matrices: Vec<_> =
            (0..path.channels()).map(|k| base.pow(k as u32 + 1) * (0.4 + 0.2 * k as f64)).collect();
        let end = *path.knots().last().unwrap();
        let (x0, x1) = (at(&path, 0.0), at(&path, end));
        let exponent = matrices.iter().enumerate().map(|(c, a)| a * (x1[c] - x0[c])).sum::<DMatrix<f64>>();
        let exact = exponent.exp() * DVector::from_vec(vec![1.0, -0.5, 0.3]);
        let equation = Controlled::new(LinearField::new(matrices), vec![path]).unwrap();
        let z = solve_pieces(&DOPRI8, equation, &array![1.0, -0.5, 0.3], &mut fixed(end, end / 20.0));
        assert!(distance(z.ys[0].as_slice().unwrap(), exact.as_slice()) < 1e-10, "{:?}", z.ys[0]);
    }
}

#[test]
fn a_scalar_equation_is_solved_by_the_exponential_at_all_times_and_backwards() {
    let values = array![[0.0], [1.0], [f64::NAN], [-0.5], [0.25], [1.5]];
    let samples = Samples::new(&TIMES, values.view()).unwrap();
    for path in [
        ControlPath::linear(&samples, Fill::Interpolate).unwrap(),
        ControlPath::hermite(&samples, Fill::Interpolate).unwrap(),
    ] {
        let field = LinearField::new(vec![DMatrix::identity(1, 1)]);
        let equation = || Controlled::new(field.clone(), vec![path.clone()]).unwrap();
        let times: Vec<f64> = (0..=40).map(|i| 0.05 * f64::from(i)).collect();
        let mut options =
            SolveOptions::new(0.0, 2.0, Control::adaptive(1e-11, 1e-11)).save(SaveAt::Times(times.clone()));
        let solution = solve_pieces(&DOPRI5, equation(), &[2.0], &mut options);
        assert_eq!((solution.outcome, &solution.ts), (Outcome::Reached, &times));
        for (t, z) in times.iter().zip(&solution.ys) {
            assert!((z[0] - 2.0 * at(&path, *t)[0].exp()).abs() < 1e-8, "{t}");
        }
        let mut back = SolveOptions::new(2.0, 0.0, Control::adaptive(1e-11, 1e-11)).save(SaveAt::Dense);
        let solution = solve_pieces(&DOPRI5, equation(), solution.ys.last().unwrap(), &mut back);
        assert!((solution.ys.last().unwrap()[0] - 2.0).abs() < 1e-8);
        let dense = solution.dense.unwrap();
        assert!((dense.at(0.77).unwrap()[0] - 2.0 * at(&path, 0.77)[0].exp()).abs() < 1e-7);
        assert_eq!(back.save, SaveAt::Dense);
        // Every knot is an end of a step.
        assert!(path.knots().iter().all(|k| solution.ts.contains(k)), "{:?}", solution.ts);
        let mut few = SolveOptions::new(0.0, 2.0, Control::Fixed { dt: 0.1 }).max_steps(7);
        let stopped = solve_pieces(&RK4, equation(), &[1.0], &mut few);
        assert!(matches!(stopped.outcome, Outcome::StepLimit { steps: 7, .. }), "{:?}", stopped.outcome);
        assert_eq!(stopped.stats.accepted, 7);
    }
}

#[test]
fn the_order_of_a_method_survives_the_corners_of_a_control() {
    for (cubic, path) in [false, true, false].into_iter().zip(controls()) {
        let end = *path.knots().last().unwrap();
        let channels = path.channels();
        let field = LinearField::new(matrices(channels));
        let run = |tableau, steps: f64| {
            let equation = Controlled::new(field.clone(), vec![path.clone()]).unwrap();
            solve_pieces(tableau, equation, &array![1.0, -0.5, 0.3], &mut fixed(end, end / steps))
                .ys
                .remove(0)
        };
        let reference = run(&DOPRI8, 800.0);
        for (tableau, stated) in [(&MIDPOINT, 2.0), (&RK4, 4.0)] {
            // Each interval between knots is a multiple of the step, so that halving the step halves all steps.
            let error = |steps| distance(&run(tableau, steps).to_vec(), &reference.to_vec());
            let order = (error(40.0) / error(80.0)).log2();
            assert!(order > stated - 0.2, "{}: {order}", tableau.name);
            // On straight pieces the leading error is not small by chance.
            assert!(cubic || order < stated + 0.2, "{}: {order}", tableau.name);
        }
    }
}

#[test]
fn a_change_of_time_changes_no_solution() {
    let values = irregular().filled(Fill::Hold).unwrap();
    let field = LinearField::new(matrices(2));
    let end = |times: Vec<f64>| {
        let samples = Samples::new(&times, values.view()).unwrap();
        let path = ControlPath::linear(&samples, Fill::Hold).unwrap();
        let equation = Controlled::new(field.clone(), vec![path]).unwrap();
        let mut options: SolveOptions<Array1<f64>> =
            SolveOptions::new(times[0], times[5], Control::adaptive(1e-12, 1e-12));
        solve_pieces(&DOPRI8, equation, &array![1.0, -0.5, 0.3], &mut options).ys.remove(0)
    };
    let plain = end(TIMES.to_vec());
    let bent = end(TIMES.iter().map(|t| (1.5 * t).exp()).collect());
    assert!(distance(&plain.to_vec(), &bent.to_vec()) < 1e-10);
}

/// Rows with controls of their own, over steps that end on the knots of all.
struct Batch {
    equation: Controlled<LinearField>,
    grid: Vec<f64>,
}

impl Batch {
    fn new() -> Self {
        let early =
            Samples::new(&[0.0, 0.3, 0.9], array![[0.1, 0.0], [0.7, -0.4], [0.2, 0.5]].view()).unwrap();
        let paths = vec![
            ControlPath::hermite(&irregular(), Fill::Hold).unwrap(),
            ControlPath::linear(&early, Fill::Hold).unwrap(),
        ];
        let equation = Controlled::new(LinearField::new(matrices(2)), paths).unwrap();
        let grid = Pieces::knots(&equation);
        Self { equation, grid }
    }

    /// `wᵀ z` at the end by steps of the midpoint rule, and with `back` its gradient.
    fn run(&mut self, z0: &Array2<f64>) -> f64 {
        let mut z = z0.clone();
        let (mut k, mut half) = (z.clone(), z.clone());
        for pair in self.grid.windows(2) {
            self.equation.increment(pair[0], pair[1], 0.0, &z, &mut k);
            half.assign(&z);
            half.scaled_add(0.5, &k);
            self.equation.increment(pair[0], pair[1], 0.5, &half, &mut k);
            z += &k;
        }
        (&z * &weights()).sum()
    }
}

fn weights() -> Array2<f64> {
    array![[1.0, -2.0, 0.5], [0.3, 0.7, -1.1]]
}

#[test]
fn gradients_to_state_field_and_control_are_those_of_differences() {
    let z0 = array![[1.0, -0.5, 0.3], [0.2, 0.9, -0.7]];
    let mut batch = Batch::new();
    // Reverse through the steps.
    let mut states = vec![z0.clone()];
    let mut k = z0.clone();
    let mut halves = Vec::new();
    for pair in batch.grid.clone().windows(2) {
        let z = states.last().unwrap().clone();
        batch.equation.increment(pair[0], pair[1], 0.0, &z, &mut k);
        let half = &z + &(&k * 0.5);
        batch.equation.increment(pair[0], pair[1], 0.5, &half, &mut k);
        states.push(&z + &k);
        halves.push(half);
    }
    let mut gradient = PullBack::<Array2<f64>>::zero_gradient(&batch.equation);
    let mut v = weights();
    for (i, pair) in batch.grid.clone().windows(2).enumerate().rev() {
        let mut half_bar = Array2::zeros((2, 3));
        PullBack::pull_back(
            &mut batch.equation,
            pair[0],
            pair[1],
            0.5,
            &halves[i],
            &v,
            &mut half_bar,
            &mut gradient,
        );
        let mut z_bar = &v + &half_bar;
        let k_bar = &half_bar * 0.5;
        PullBack::pull_back(
            &mut batch.equation,
            pair[0],
            pair[1],
            0.0,
            &states[i],
            &k_bar,
            &mut z_bar,
            &mut gradient,
        );
        v = z_bar;
    }
    let e = 1e-6;
    let close = |found: f64, plus: f64, minus: f64, what: &str| {
        let difference = (plus - minus) / (2.0 * e);
        assert!((found - difference).abs() < 1e-8 * (1.0 + difference.abs()), "{what}: {found} {difference}");
    };
    for place in [[0, 0], [0, 2], [1, 1]] {
        let shifted = |d: f64| {
            let mut z = z0.clone();
            z[place] += d;
            Batch::new().run(&z)
        };
        close(v[place], shifted(e), shifted(-e), "state");
    }
    for row in 0..2 {
        for power in 0..4 {
            for channel in 0..2 {
                let shifted = |d: f64| {
                    let mut batch = Batch::new();
                    let mut paths = batch.equation.paths().to_vec();
                    paths[row].coefficients_mut()[[1, power, channel]] += d;
                    batch.equation = Controlled::new(LinearField::new(matrices(2)), paths).unwrap();
                    batch.run(&z0)
                };
                close(gradient.paths[row][[1, power, channel]], shifted(e), shifted(-e), "control");
            }
        }
    }
    for (m, i, j) in [(0, 0, 1), (1, 2, 0)] {
        let shifted = |d: f64| {
            let mut batch = Batch::new();
            let mut field = LinearField::new(matrices(2));
            field.matrices_mut()[m][(i, j)] += d;
            batch.equation = Controlled::new(field, batch.equation.paths().to_vec()).unwrap();
            batch.run(&z0)
        };
        close(gradient.field[m][(i, j)], shifted(e), shifted(-e), "field");
    }
    // As a field: the same products, at one time.
    let (mut one, mut other) = (Array2::zeros((2, 3)), Array2::zeros((2, 3)));
    let mut by_field = VectorJacobian::<Array2<f64>>::zero_gradient(&batch.equation);
    batch.equation.vector_jacobian(0.45, &z0, &weights(), 0.1, &mut one, &mut by_field);
    let mut by_step = PullBack::<Array2<f64>>::zero_gradient(&batch.equation);
    PullBack::pull_back(&mut batch.equation, 0.4, 0.5, 0.5, &z0, &weights(), &mut other, &mut by_step);
    assert!((&one - &other).iter().all(|d| d.abs() < 1e-15));
    let apart = |a: &Array3<f64>, b: &Array3<f64>| (a - b).iter().fold(0.0_f64, |m, d| m.max(d.abs()));
    assert!(by_field.paths.iter().zip(&by_step.paths).all(|(a, b)| apart(a, b) < 1e-14));
}

#[test]
fn rows_of_a_batch_are_the_equations_alone() {
    let mut batch = Batch::new();
    let z0 = array![[1.0, -0.5, 0.3], [0.2, 0.9, -0.7]];
    let mut options = SolveOptions::new(0.0, 2.0, Control::Fixed { dt: 0.01 });
    let both = solve_pieces(&RK4, &mut batch.equation, &z0, &mut options).ys.remove(0);
    for (row, path) in batch.equation.paths().iter().enumerate() {
        let alone = Controlled::new(LinearField::new(matrices(2)), vec![path.clone()]).unwrap();
        let end = solve_pieces(&RK4, alone, &z0.row(row).to_owned(), &mut fixed(2.0, 0.01)).ys.remove(0);
        assert!(distance(&both.row(row).to_vec(), &end.to_vec()) < 1e-9);
    }
}

/// `f(z) dx` with entries that are not linear in `z`.
#[derive(Clone)]
struct Sines;

impl MatrixField for Sines {
    fn product(&mut self, z: &[f64], dx: &[f64], out: &mut [f64]) {
        out[0] = z[1].sin() * dx[0] + (0.5 + z[0] * z[1]) * dx[1];
        out[1] = z[0] * dx[0] - z[0].cos() * dx[1];
    }
}

impl MatrixTangent for Sines {
    fn tangent(&mut self, z: &[f64], dx: &[f64], w: &[f64], out: &mut [f64]) {
        out[0] = z[1].cos() * w[1] * dx[0] + (z[0] * w[1] + w[0] * z[1]) * dx[1];
        out[1] = w[0] * dx[0] + z[0].sin() * w[0] * dx[1];
    }

    fn second_tangent(&mut self, z: &[f64], dx: &[f64], w: &[f64], u: &[f64], out: &mut [f64]) {
        out[0] = -z[1].sin() * w[1] * u[1] * dx[0] + (u[0] * w[1] + w[0] * u[1]) * dx[1];
        out[1] = z[0].cos() * w[0] * u[0] * dx[1];
    }
}

/// A piece of a cubic path of a given size, through one window.
fn scaled(size: f64) -> ControlPath {
    let points = [(0.0, 0.0), (0.7, 0.1), (0.4, 0.9), (-0.2, 0.5), (-0.3, -0.4)];
    let values =
        Array2::from_shape_fn((5, 2), |(i, c)| size * if c == 0 { points[i].0 } else { points[i].1 });
    let times: Vec<f64> = (0..5).map(f64::from).collect();
    ControlPath::hermite(&Samples::new(&times, values.view()).unwrap(), Fill::Hold).unwrap()
}

#[test]
fn the_log_ode_of_a_window_is_exact_to_its_depth() {
    let z0 = array![0.6, -0.4];
    let solve = |path: &ControlPath, depth: usize| {
        let log = LogOde::new(Sines, path, 4, depth).unwrap();
        solve_pieces(&DOPRI8, log, &z0, &mut fixed(4.0, 0.1)).ys.remove(0)
    };
    let exact = |path: &ControlPath| {
        let equation = Controlled::new(Sines, vec![path.clone()]).unwrap();
        solve_pieces(&DOPRI8, equation, &z0, &mut fixed(4.0, 0.02)).ys.remove(0)
    };
    for depth in 1..=3 {
        let error = |size: f64| {
            let path = scaled(size);
            distance(&solve(&path, depth).to_vec(), &exact(&path).to_vec())
        };
        let slope = (error(0.1) / error(0.05)).log2();
        assert!((slope - (depth as f64 + 1.0)).abs() < 0.25, "depth {depth}: {slope}");
    }
}

#[test]
fn the_log_ode_converges_with_the_length_of_its_windows() {
    let n = 240;
    let times: Vec<f64> = (0..=n).map(|i| f64::from(i) / f64::from(n)).collect();
    let smooth = |t: f64| [(3.0 * t).sin(), (2.0 * t).cos() + t * t];
    let values = Array2::from_shape_fn((times.len(), 2), |(i, c)| smooth(times[i])[c]);
    let path = ControlPath::linear(&Samples::new(&times, values.view()).unwrap(), Fill::Hold).unwrap();
    let z0 = array![0.6, -0.4];
    let equation = Controlled::new(Sines, vec![path.clone()]).unwrap();
    let exact = solve_pieces(&DOPRI8, equation, &z0, &mut fixed(1.0, 0.01)).ys.remove(0);
    for (depth, stated) in [(1, 2.0), (2, 4.0), (3, 4.0)] {
        let error = |pieces: usize| {
            let log = LogOde::new(Sines, &path, pieces, depth).unwrap();
            distance(&solve_pieces(&DOPRI8, log, &z0, &mut fixed(1.0, 0.01)).ys[0].to_vec(), &exact.to_vec())
        };
        let order = (error(24) / error(12)).log2();
        assert!((order - stated).abs() < 0.4, "depth {depth}: {order}");
    }
}

#[test]
fn log_signatures_are_lie_elements_and_known_for_a_loop() {
    // A unit square, once around: no increment, an area of one.
    let square = array![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]];
    let samples = Samples::new(&[0.0, 1.0, 2.0, 3.0, 4.0], square.view()).unwrap();
    let log = LogSignature::new(&ControlPath::linear(&samples, Fill::Hold).unwrap(), 0, 4, 3).unwrap();
    let close = |a: &[f64], b: &[f64]| distance(a, b) < 1e-14;
    assert!(close(log.level(1).unwrap(), &[0.0, 0.0]));
    assert!(close(log.level(2).unwrap(), &[0.0, 1.0, -1.0, 0.0]), "{:?}", log.level(2));
    assert!(log.level(4).is_none() && log.level(0).is_none());
    // Level three of two channels is spanned by [e₁, [e₁, e₂]] and [e₂, [e₁, e₂]], whose tensors have sums over cyclic
    // permutations, and diagonals, of zero.
    let log = LogSignature::new(&scaled(1.0), 0, 4, 3).unwrap();
    let l = log.level(3).unwrap();
    let entry = |i: usize, j: usize, k: usize| l[4 * i + 2 * j + k];
    for (i, j, k) in [(0, 0, 1), (0, 1, 1), (0, 0, 0), (1, 1, 1)] {
        assert!((entry(i, j, k) + entry(j, k, i) + entry(k, i, j)).abs() < 1e-14);
    }
    assert!(entry(0, 0, 1).abs() > 1e-3);
    // The same path with other times.
    let times = [0.0, 0.1, 2.0, 2.5, 7.0];
    let again = Samples::new(&times, square.view()).unwrap();
    let twin = LogSignature::new(&ControlPath::linear(&again, Fill::Hold).unwrap(), 0, 4, 3).unwrap();
    let first = LogSignature::new(&ControlPath::linear(&samples, Fill::Hold).unwrap(), 0, 4, 3).unwrap();
    assert!(close(twin.level(3).unwrap(), first.level(3).unwrap()));
}
