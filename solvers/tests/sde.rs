//! Methods for stochastic equations: strong orders, limits, calculus.

#![allow(clippy::unwrap_used)]

mod support;

use std::marker::PhantomData;

use flowmap_solvers::brownian::Brownian;
use flowmap_solvers::control::Control;
use flowmap_solvers::increment::Increment;
use flowmap_solvers::sde::{
    Additive, Calculus, Commutative, Diagonal, DiffusionDerivative, General, InIto, InStratonovich, Ito,
    OnPath, Sde, Stratonovich, Structure,
};
use flowmap_solvers::solve::{Outcome, SaveAt, SolveOptions, solve};
use flowmap_solvers::state::State;
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::advance::Advance;
use flowmap_solvers::stepper::explicit_rk::{HEUN, MIDPOINT, RALSTON, Tableau};
use flowmap_solvers::stepper::reversible::ReversibleHeun;
use flowmap_solvers::stepper::sde::{
    AdditiveRk, EulerMaruyama, IncrementRk, Milstein, SHARK, SLOW_RK, SPARK, SRA1, StratonovichRk,
};
use ndarray::{Array2, Axis, Zip};
use support::slope;

type Batch = Array2<f64>;

/// Two entries and two noises a row: drift, the columns of `g`, and their Jacobians.
trait Plane {
    type Structure: Structure;
    fn drift(t: f64, y: [f64; 2]) -> [f64; 2];
    fn columns(t: f64, y: [f64; 2]) -> [[f64; 2]; 2];
    /// `∂gⱼ/∂y v` of both columns.
    fn derivatives(y: [f64; 2], v: [f64; 2]) -> [[f64; 2]; 2];
}

/// A damped oscillation with noise in both entries whose strength changes in time.
#[derive(Clone, Copy)]
struct Forced;
impl Plane for Forced {
    type Structure = Additive;
    fn drift(t: f64, y: [f64; 2]) -> [f64; 2] {
        [y[1] - 0.5 * y[0].sin(), -2.0 * y[0].sin() - 0.3 * y[1] + (2.0 * t).cos()]
    }
    fn columns(t: f64, _y: [f64; 2]) -> [[f64; 2]; 2] {
        [[0.6 * (1.0 + 0.5 * (3.0 * t).sin()), 0.2], [-0.1, 0.5 + 0.4 * t]]
    }
    fn derivatives(_y: [f64; 2], _v: [f64; 2]) -> [[f64; 2]; 2] {
        [[0.0; 2]; 2]
    }
}

/// Two entries that are coupled by their drift, each with a noise of its own.
#[derive(Clone, Copy)]
struct Apart;
impl Plane for Apart {
    type Structure = Diagonal;
    fn drift(_t: f64, y: [f64; 2]) -> [f64; 2] {
        [-y[0] + y[1].sin(), -0.5 * y[1] + y[0].cos()]
    }
    fn columns(_t: f64, y: [f64; 2]) -> [[f64; 2]; 2] {
        [[0.5 + 0.3 * (2.0 * y[0]).sin(), 0.0], [0.0, 0.6 * y[1].cos()]]
    }
    fn derivatives(y: [f64; 2], v: [f64; 2]) -> [[f64; 2]; 2] {
        [[0.6 * (2.0 * y[0]).cos() * v[0], 0.0], [0.0, -0.6 * y[1].sin() * v[1]]]
    }
}

/// Random growth and random rotation, which commute with each other, though not with the drift.
#[derive(Clone, Copy)]
struct Spiral;
impl Plane for Spiral {
    type Structure = Commutative;
    fn drift(_t: f64, y: [f64; 2]) -> [f64; 2] {
        [y[1].sin() - 0.2 * y[0], 0.5 - y[0]]
    }
    fn columns(_t: f64, y: [f64; 2]) -> [[f64; 2]; 2] {
        [[0.4 * y[0], 0.4 * y[1]], [-0.7 * y[1], 0.7 * y[0]]]
    }
    fn derivatives(_y: [f64; 2], v: [f64; 2]) -> [[f64; 2]; 2] {
        [[0.4 * v[0], 0.4 * v[1]], [-0.7 * v[1], 0.7 * v[0]]]
    }
}

/// Noises that do not commute: the first moves the entry that scales the second.
#[derive(Clone, Copy)]
struct Twisted;
impl Plane for Twisted {
    type Structure = General;
    fn drift(_t: f64, y: [f64; 2]) -> [f64; 2] {
        [-0.5 * y[0], -0.5 * y[1]]
    }
    fn columns(_t: f64, y: [f64; 2]) -> [[f64; 2]; 2] {
        [[1.0, 0.2 * y[1].sin()], [0.0, 1.5 * y[0]]]
    }
    fn derivatives(y: [f64; 2], v: [f64; 2]) -> [[f64; 2]; 2] {
        [[0.0, 0.2 * y[1].cos() * v[1]], [0.0, 1.5 * v[0]]]
    }
}

/// A plane equation on the rows of a batch, read in a calculus.
struct Rows<E, C>(PhantomData<(E, C)>);

impl<E, C> Rows<E, C> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

fn each(out: &mut Batch, mut f: impl FnMut(usize) -> [f64; 2]) {
    for (i, mut row) in out.outer_iter_mut().enumerate() {
        [row[0], row[1]] = f(i);
    }
}

fn row(y: &Batch, i: usize) -> [f64; 2] {
    [y[(i, 0)], y[(i, 1)]]
}

fn applied(columns: [[f64; 2]; 2], dw: [f64; 2]) -> [f64; 2] {
    [columns[0][0] * dw[0] + columns[1][0] * dw[1], columns[0][1] * dw[0] + columns[1][1] * dw[1]]
}

impl<E: Plane, C: Calculus> Sde<Batch> for Rows<E, C> {
    type Noise = Batch;
    type Calculus = C;
    type Structure = E::Structure;
    fn noise_like(&self, y: &Batch) -> Batch {
        y.zeros_like()
    }
    fn drift(&mut self, t: f64, y: &Batch, out: &mut Batch) {
        each(out, |i| E::drift(t, row(y, i)));
    }
    fn diffusion(&mut self, t: f64, y: &Batch, dw: &Batch, out: &mut Batch) {
        each(out, |i| applied(E::columns(t, row(y, i)), row(dw, i)));
    }
}

impl<E: Plane, C: Calculus> DiffusionDerivative<Batch> for Rows<E, C> {
    fn diffusion_derivative(&mut self, _t: f64, y: &Batch, v: &Batch, dw: &Batch, out: &mut Batch) {
        each(out, |i| applied(E::derivatives(row(y, i), row(v, i)), row(dw, i)));
    }
}

const ROWS: usize = 300;
/// Steps of the reference; levels take `2³ … 2⁷`.
const FINEST: u64 = 1 << 11;
const LEVELS: std::ops::RangeInclusive<u32> = 3..=7;

fn start() -> Batch {
    let mut y = Batch::zeros((ROWS, 2));
    each(&mut y, |i| [1.0 + 0.001 * i as f64, 0.5]);
    y
}

fn path() -> Brownian {
    Brownian::on_grid(2024, 0.0, 1.0 / FINEST as f64, FINEST, &Batch::zeros((ROWS, 2)))
}

/// The states at `1/8, 2/8, …, 1` by steps of `1/n`.
fn states<S: Stepper<Batch>>(mut stepper: S, n: u64) -> Vec<Batch> {
    let times = (1..=8).map(|i| f64::from(i) / 8.0).collect();
    let control = Control::Fixed { dt: 1.0 / n as f64 };
    let mut options = SolveOptions::new(0.0, 1.0, control).save(SaveAt::Times(times));
    let solution = solve(&mut stepper, &start(), &mut options);
    assert_eq!(solution.outcome, Outcome::Reached);
    solution.ys
}

/// `(E maxₜ |a − b|²)^½`.
fn distance(a: &[Batch], b: &[Batch]) -> f64 {
    let mut worst = vec![0.0_f64; ROWS];
    for (a, b) in a.iter().zip(b) {
        for (i, (a, b)) in a.axis_iter(Axis(0)).zip(b.axis_iter(Axis(0))).enumerate() {
            worst[i] = worst[i].max(Zip::from(a).and(b).fold(0.0, |s, a, b| s + (a - b).powi(2)));
        }
    }
    (worst.iter().sum::<f64>() / ROWS as f64).sqrt()
}

/// Measures the strong order of a method against its own fine solution and against that of another method, all on one path.
fn check_strong_order<S: Stepper<Batch>>(name: &str, order: f64, make: impl Fn() -> S, other: &[Batch]) {
    let own = states(make(), FINEST);
    let levels: Vec<_> = LEVELS.map(|k| (0.5_f64.powi(k as i32), states(make(), 1 << k))).collect();
    for (against, reference) in [("itself", &own[..]), ("another method", other)] {
        let errors: Vec<_> = levels.iter().map(|(h, y)| (*h, distance(y, reference))).collect();
        let measured = slope(&errors);
        // A method may do better on a case than it must, within the next half order.
        assert!((measured - order).abs() < 0.25, "{name} against {against}: {measured}, {errors:?}");
    }
}

fn on_path<E: Plane, C: Calculus>() -> OnPath<Rows<E, C>, Brownian, Batch> {
    OnPath::new(Rows::new(), path(), &start())
}

fn heun<E: Plane>(tableau: &'static Tableau) -> impl Stepper<Batch>
where
    OnPath<Rows<E, Stratonovich>, Brownian, Batch>: Increment<Batch>,
{
    IncrementRk::new(tableau, on_path::<E, Stratonovich>(), &start())
}

#[test]
fn additive_noise_has_orders_one_and_three_halves() {
    let like = start();
    let shark = states(AdditiveRk::new(&SHARK, on_path::<Forced, Ito>(), &like), FINEST);
    let sra1 = states(AdditiveRk::new(&SRA1, on_path::<Forced, Ito>(), &like), FINEST);
    let em = || EulerMaruyama::new(on_path::<Forced, Ito>(), &like);
    check_strong_order("Euler-Maruyama, additive", 1.0, em, &shark);
    check_strong_order("Heun, additive", 1.0, || heun::<Forced>(&HEUN), &shark);
    check_strong_order("midpoint, additive", 1.0, || heun::<Forced>(&MIDPOINT), &shark);
    let reversible = || Advance::new(ReversibleHeun::new(), on_path::<Forced, Stratonovich>());
    check_strong_order("reversible Heun, additive", 1.0, reversible, &shark);
    let additive = |tableau| AdditiveRk::new(tableau, on_path::<Forced, Ito>(), &like);
    check_strong_order("ShARK", 1.5, || additive(&SHARK), &sra1);
    check_strong_order("SRA1", 1.5, || additive(&SRA1), &shark);
}

#[test]
fn diagonal_noise_has_orders_a_half_and_one() {
    let like = start();
    let ito = || on_path::<Apart, Ito>();
    let stratonovich = || on_path::<Apart, Stratonovich>();
    // The Itô solution by a Stratonovich method, through the corrected drift.
    let corrected = InStratonovich::new(Rows::<Apart, Ito>::new(), &like);
    let corrected = StratonovichRk::new(&SLOW_RK, OnPath::new(corrected, path(), &like), &like);
    let corrected = states(corrected, FINEST);
    let slow = states(StratonovichRk::new(&SLOW_RK, stratonovich(), &like), FINEST);
    let em = || EulerMaruyama::new(ito(), &like);
    check_strong_order("Euler-Maruyama, diagonal", 0.5, em, &corrected);
    check_strong_order("Milstein, Itô", 1.0, || Milstein::new(ito(), &like), &corrected);
    check_strong_order("Milstein, Stratonovich", 1.0, || Milstein::new(stratonovich(), &like), &slow);
    check_strong_order("Heun, diagonal", 1.0, || heun::<Apart>(&HEUN), &slow);
    let heun = states(heun::<Apart>(&HEUN), FINEST);
    let slow = || StratonovichRk::new(&SLOW_RK, stratonovich(), &like);
    check_strong_order_of_higher("SlowRK, diagonal", 1.5, slow, &heun);
}

/// Like [`check_strong_order`], for a method whose error soon falls below that of any other's fine solution: the limit is checked by
/// its distance.
fn check_strong_order_of_higher<S: Stepper<Batch>>(
    name: &str,
    order: f64,
    make: impl Fn() -> S,
    other: &[Batch],
) {
    let own = states(make(), FINEST);
    check_strong_order(name, order, make, &own);
    let limit = distance(&own, other);
    assert!(limit < 2e-3, "{name}: the limits differ by {limit}");
}

#[test]
fn commuting_noise_has_orders_one_and_three_halves() {
    let like = start();
    let stratonovich = || on_path::<Spiral, Stratonovich>();
    let slow = || StratonovichRk::new(&SLOW_RK, stratonovich(), &like);
    let reference = states(slow(), FINEST);
    check_strong_order("Heun, commutative", 1.0, || heun::<Spiral>(&HEUN), &reference);
    check_strong_order("midpoint, commutative", 1.0, || heun::<Spiral>(&MIDPOINT), &reference);
    check_strong_order("Ralston, commutative", 1.0, || heun::<Spiral>(&RALSTON), &reference);
    let milstein = || Milstein::new(stratonovich(), &like);
    check_strong_order("Milstein, commutative", 1.0, milstein, &reference);
    let spark = || StratonovichRk::new(&SPARK, stratonovich(), &like);
    check_strong_order("SPaRK, commutative", 1.0, spark, &reference);
    check_strong_order_of_higher("SlowRK", 1.5, slow, &states(spark(), FINEST));
}

#[test]
fn general_noise_has_order_a_half() {
    let like = start();
    let spark = || StratonovichRk::new(&SPARK, on_path::<Twisted, Stratonovich>(), &like);
    let slow = || StratonovichRk::new(&SLOW_RK, on_path::<Twisted, Stratonovich>(), &like);
    let fine = states(spark(), 4 * FINEST);
    check_strong_order("Heun, general", 0.5, || heun::<Twisted>(&HEUN), &fine);
    check_strong_order("midpoint, general", 0.5, || heun::<Twisted>(&MIDPOINT), &fine);
    let reversible = || Advance::new(ReversibleHeun::new(), on_path::<Twisted, Stratonovich>());
    check_strong_order("reversible Heun, general", 0.5, reversible, &fine);
    check_strong_order("SlowRK, general", 0.5, slow, &fine);
    check_strong_order("SPaRK, general", 0.5, spark, &states(heun::<Twisted>(&HEUN), 4 * FINEST));
}

#[test]
fn the_calculi_agree_after_correction_and_disagree_without() {
    let like = start();
    let ito = states(Milstein::new(on_path::<Spiral, Ito>(), &like), FINEST);
    let as_stratonovich = InStratonovich::new(Rows::<Spiral, Ito>::new(), &like);
    let corrected = IncrementRk::new(&HEUN, OnPath::new(as_stratonovich, path(), &like), &like);
    assert!(distance(&ito, &states(corrected, FINEST)) < 5e-3);
    let stratonovich = states(heun::<Spiral>(&HEUN), FINEST);
    let as_ito = InIto::new(Rows::<Spiral, Stratonovich>::new(), &like);
    let corrected = Milstein::new(OnPath::new(as_ito, path(), &like), &like);
    assert!(distance(&stratonovich, &states(corrected, FINEST)) < 5e-3);
    // ½ Σ (∂gⱼ/∂y) gⱼ = ½ (0.16 − 0.49) y.
    assert!(distance(&ito, &stratonovich) > 0.05);
}

#[test]
#[should_panic(expected = "'euler' does not converge")]
fn euler_over_increments_is_refused() {
    let tableau = &flowmap_solvers::stepper::explicit_rk::EULER;
    IncrementRk::new(tableau, on_path::<Forced, Stratonovich>(), &start());
}
