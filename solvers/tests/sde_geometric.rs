//! Geometric Brownian motion: weak orders, exact solutions on their paths, adaptive steps, gradients, tensors.

#![allow(clippy::unwrap_used)]

mod support;

use std::marker::PhantomData;

use burn::tensor::{DType, Device, Tensor};
use flowmap_solvers::brownian::{Brownian, Path};
use flowmap_solvers::control::{Control, Pid};
use flowmap_solvers::gradient::{Adjoint, Checkpointed, Gradient, Loss, Reversible};
use flowmap_solvers::increment::{Increment, PullBack};
use flowmap_solvers::sde::{
    Calculus, Diagonal, DiffusionDerivative, Ito, OnPath, Sde, SdeVectorJacobian, Stratonovich,
};
use flowmap_solvers::solve::{Outcome, SolveOptions, solve};
use flowmap_solvers::state::State;
use flowmap_solvers::stepper::advance::Advance;
use flowmap_solvers::stepper::explicit_rk::{HEUN, RungeKutta};
use flowmap_solvers::stepper::reversible::ReversibleHeun;
use flowmap_solvers::stepper::sde::{Doubled, EulerMaruyama, IncrementRk, Milstein, SLOW_RK, StratonovichRk};
use flowmap_solvers::stepper::{StepFailure, Stepper, Work};
use ndarray::{Array2, Zip};
use support::slope;

type Batch = Array2<f64>;

/// Geometric Brownian motion with its parameters, in a calculus.
#[derive(Clone, Copy)]
struct Geometric<C> {
    drift: f64,
    volatility: f64,
    calculus: PhantomData<C>,
}

impl<C> Geometric<C> {
    fn new(drift: f64, volatility: f64) -> Self {
        Self { drift, volatility, calculus: PhantomData }
    }
}

impl<C: Calculus> Sde<Batch> for Geometric<C> {
    type Noise = Batch;
    type Calculus = C;
    type Structure = Diagonal;
    fn noise_like(&self, y: &Batch) -> Batch {
        y.zeros_like()
    }
    fn drift(&mut self, _t: f64, y: &Batch, out: &mut Batch) {
        Zip::from(out).and(y).for_each(|o, y| *o = self.drift * y);
    }
    fn diffusion(&mut self, _t: f64, y: &Batch, dw: &Batch, out: &mut Batch) {
        Zip::from(out).and(y).and(dw).for_each(|o, y, w| *o = self.volatility * y * w);
    }
}

impl<C: Calculus> DiffusionDerivative<Batch> for Geometric<C> {
    fn diffusion_derivative(&mut self, _t: f64, _y: &Batch, v: &Batch, dw: &Batch, out: &mut Batch) {
        Zip::from(out).and(v).and(dw).for_each(|o, v, w| *o = self.volatility * v * w);
    }
}

impl<C: Calculus> SdeVectorJacobian<Batch> for Geometric<C> {
    type Gradient = [f64; 2];
    fn zero_gradient(&self) -> [f64; 2] {
        [0.0; 2]
    }
    fn drift_vector_jacobian(
        &mut self,
        _t: f64,
        y: &Batch,
        v: &Batch,
        scale: f64,
        y_bar: &mut Batch,
        gradient: &mut [f64; 2],
    ) {
        y_bar.axpy(scale * self.drift, v);
        gradient[0] += scale * (y * v).sum();
    }
    fn diffusion_vector_jacobian(
        &mut self,
        _t: f64,
        y: &Batch,
        dw: &Batch,
        v: &Batch,
        y_bar: &mut Batch,
        gradient: &mut [f64; 2],
    ) {
        Zip::from(y_bar).and(v).and(dw).for_each(|b, v, w| *b += self.volatility * v * w);
        gradient[1] += (y * v * dw).sum();
    }
}

fn end<S: Stepper<Batch>>(mut stepper: S, y0: &Batch, n: u64) -> Batch {
    let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 1.0 / n as f64 });
    solve(&mut stepper, y0, &mut options).ys.pop().unwrap()
}

/// `E y(1)` against the closed form: the error of the mean falls with the weak order. Paths serve as their own control.
#[test]
fn weak_orders() {
    let rows = 20_000;
    let (mu, sigma) = (0.75, 0.6);
    let ones = Batch::ones((rows, 1));
    let path = || Brownian::on_grid(5, 0.0, 1.0 / 64.0, 64, &ones);
    let mut w = ones.clone();
    path().increment(0.0, 1.0, &mut w);
    let measure = |name: &str, order: f64, ito: bool, solve: &dyn Fn(u64) -> Batch| {
        let rate = if ito { mu - 0.5 * sigma * sigma } else { mu };
        let exact = w.mapv(|w| (rate + sigma * w).exp());
        // The mean of the exact solution over these paths is that over all of them, to sampling error.
        let mean = if ito { mu } else { mu + 0.5 * sigma * sigma }.exp();
        assert!((exact.mean().unwrap() - mean).abs() < 4.0 * exact.std(0.0) / (rows as f64).sqrt());
        let errors: Vec<_> =
            (1..=4).map(|k| (0.5_f64.powi(k), (&solve(1 << k) - &exact).mean().unwrap().abs())).collect();
        let measured = slope(&errors);
        assert!((measured - order).abs() < 0.25, "{name}: {measured}, {errors:?}");
    };
    let ito = || OnPath::new(Geometric::<Ito>::new(mu, sigma), path(), &ones);
    let stratonovich = || OnPath::new(Geometric::<Stratonovich>::new(mu, sigma), path(), &ones);
    measure("Euler-Maruyama", 1.0, true, &|n| end(EulerMaruyama::new(ito(), &ones), &ones, n));
    measure("Heun", 1.0, false, &|n| end(IncrementRk::new(&HEUN, stratonovich(), &ones), &ones, n));
    measure("SlowRK", 2.0, false, &|n| end(StratonovichRk::new(&SLOW_RK, stratonovich(), &ones), &ones, n));
}

#[test]
fn exact_solutions_are_met_on_their_path() {
    let (mu, sigma, rows) = (0.3, 0.5, 50);
    let ones = Batch::ones((rows, 1));
    let path = || Brownian::new(77, 0.0, 1.0, &ones);
    let mut w = ones.clone();
    path().increment(0.0, 1.0, &mut w);
    let stratonovich = OnPath::new(Geometric::<Stratonovich>::new(mu, sigma), path(), &ones);
    let solved = end(IncrementRk::new(&HEUN, stratonovich, &ones), &ones, 1000);
    let exact = w.mapv(|w| (mu + sigma * w).exp());
    assert!((&solved - &exact).mapv(f64::abs).mean().unwrap() < 1e-3);
    let ito = OnPath::new(Geometric::<Ito>::new(mu, sigma), path(), &ones);
    let solved = end(EulerMaruyama::new(ito, &ones), &ones, 1000);
    let exact = w.mapv(|w| (mu - 0.5 * sigma * sigma + sigma * w).exp());
    assert!((&solved - &exact).mapv(f64::abs).mean().unwrap() < 1e-2);
}

/// Counts what a driver asks of a method.
struct Watched<S> {
    stepper: S,
    tried: Vec<(f64, bool)>,
}

impl<Y: State, S: Stepper<Y>> Stepper<Y> for Watched<S> {
    fn order(&self) -> usize {
        self.stepper.order()
    }
    fn embedded_order(&self) -> Option<usize> {
        self.stepper.embedded_order()
    }
    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        self.tried.push((t + dt, false));
        self.stepper.step(t, dt, y, y1)
    }
    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        self.stepper.error_norm(y0, y1, atol, rtol)
    }
    fn accept(&mut self) {
        self.tried.last_mut().unwrap().1 = true;
        self.stepper.accept();
    }
    fn revisits(&self) -> bool {
        self.stepper.revisits()
    }
    fn work(&self) -> Work {
        self.stepper.work()
    }
}

#[test]
fn an_adaptive_solve_comes_back_to_the_ends_of_rejected_steps() {
    let y0 = Batch::ones((1, 1));
    let equation =
        OnPath::new(Geometric::<Stratonovich>::new(1.0, 1.0), Brownian::new(1, 0.0, 1.0, &y0), &y0);
    let mut stepper = Watched { stepper: IncrementRk::new(&HEUN, equation, &y0), tried: Vec::new() };
    let mut options = SolveOptions::new(0.0, 1.0, Control::Pid(Pid::for_noise(1e-2, 1e-2)));
    let solution = solve(&mut stepper, &y0, &mut options);
    assert_eq!(solution.outcome, Outcome::Reached);
    let rejected: Vec<f64> = stepper.tried.iter().filter(|t| !t.1).map(|t| t.0).collect();
    assert!(rejected.len() > 3, "{}", rejected.len());
    for end in rejected {
        assert!(stepper.tried.iter().any(|t| t.1 && (t.0 - end).abs() < 1e-14), "{end} was skipped");
    }
}

#[test]
fn adaptive_solves_converge_to_the_solution_on_the_path_without_bias() {
    let (mu, sigma) = (0.5, 0.8);
    let y0 = Batch::ones((1, 1));
    let runs = 1000;
    let errors = |tolerance: f64, doubled: bool| -> (f64, f64) {
        let errors: Vec<f64> = (0..runs)
            .map(|i| {
                let path = || Brownian::new(9, 0.0, 1.0, &y0).first_row(i);
                let mut w = y0.clone();
                path().increment(0.0, 1.0, &mut w);
                let control = Control::Pid(Pid::for_noise(tolerance, tolerance));
                let mut options = SolveOptions::new(0.0, 1.0, control);
                let (solution, exact) = if doubled {
                    let equation = OnPath::new(Geometric::<Ito>::new(mu, sigma), path(), &y0);
                    let mut stepper = Doubled::new(Milstein::new(equation, &y0), &y0);
                    (solve(&mut stepper, &y0, &mut options), mu - 0.5 * sigma * sigma + sigma * w[(0, 0)])
                } else {
                    let equation = OnPath::new(Geometric::<Stratonovich>::new(mu, sigma), path(), &y0);
                    let mut stepper = IncrementRk::new(&HEUN, equation, &y0);
                    (solve(&mut stepper, &y0, &mut options), mu + sigma * w[(0, 0)])
                };
                assert_eq!(solution.outcome, Outcome::Reached);
                solution.last().unwrap()[(0, 0)] / exact.exp() - 1.0
            })
            .collect();
        let mean = errors.iter().sum::<f64>() / runs as f64;
        (mean, (errors.iter().map(|e| e * e).sum::<f64>() / runs as f64).sqrt())
    };
    for doubled in [false, true] {
        let ((coarse_mean, coarse), (fine_mean, fine)) = (errors(0.1, doubled), errors(0.01, doubled));
        assert!(fine < 0.4 * coarse && fine < 0.05, "{doubled}: {coarse} {fine}");
        // The mean error is that of the method at these steps, well below the error of a path.
        assert!(fine_mean.abs() < 0.3 * fine + 4.0 * fine / (runs as f64).sqrt(), "{fine_mean} {fine}");
        assert!(coarse_mean.abs() < 0.6 * coarse, "{coarse_mean} {coarse}");
    }
}

#[test]
fn increments_are_odd_and_pull_back_like_differences() {
    let y = Batch::from_shape_vec((3, 1), vec![0.7, -1.1, 2.0]).unwrap();
    let v = Batch::from_shape_vec((3, 1), vec![1.0, 0.3, -0.8]).unwrap();
    let make = |mu: f64, sigma: f64| {
        OnPath::new(Geometric::<Stratonovich>::new(mu, sigma), Brownian::new(4, 0.0, 1.0, &y), &y)
    };
    let value = |mu: f64, sigma: f64, y: &Batch| {
        let mut out = y.zeros_like();
        make(mu, sigma).increment(0.2, 0.7, 0.5, y, &mut out);
        (&out * &v).sum()
    };
    let (mu, sigma, d) = (0.4, 0.9, 1e-6);
    let (mut y_bar, mut gradient) = (y.zeros_like(), [0.0; 2]);
    make(mu, sigma).pull_back(0.2, 0.7, 0.5, &y, &v, &mut y_bar, &mut gradient);
    let difference = |a: f64, b: f64| (a - b) / (2.0 * d);
    assert!((gradient[0] - difference(value(mu + d, sigma, &y), value(mu - d, sigma, &y))).abs() < 1e-8);
    assert!((gradient[1] - difference(value(mu, sigma + d, &y), value(mu, sigma - d, &y))).abs() < 1e-8);
    for i in 0..3 {
        let moved = |d: f64| {
            let mut y = y.clone();
            y[(i, 0)] += d;
            value(mu, sigma, &y)
        };
        assert!((y_bar[(i, 0)] - difference(moved(d), moved(-d))).abs() < 1e-8);
    }
    let mut equation = make(mu, sigma);
    let (mut there, mut back) = (y.zeros_like(), y.zeros_like());
    equation.increment(0.2, 0.7, 0.0, &y, &mut there);
    equation.increment(0.7, 0.2, 1.0, &y, &mut back);
    assert!((&there + &back).mapv(f64::abs).sum() < 1e-14);
}

#[test]
fn a_path_that_ends_too_early_and_a_drift_that_fails_are_named() {
    let y0 = Batch::ones((2, 1));
    let short = OnPath::new(Geometric::<Ito>::new(0.1, 0.1), Brownian::new(0, 0.0, 0.5, &y0), &y0);
    let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 0.125 });
    let outcome = solve(&mut EulerMaruyama::new(short, &y0), &y0, &mut options).outcome;
    assert_eq!(outcome, Outcome::NonFinite { t: 0.5 });
    let bad = OnPath::new(Geometric::<Ito>::new(f64::NAN, 0.1), Brownian::new(0, 0.0, 1.0, &y0), &y0);
    let outcome = solve(&mut EulerMaruyama::new(bad, &y0), &y0, &mut options).outcome;
    assert_eq!(outcome, Outcome::NonFinite { t: 0.0 });
}

/// Every kind of gradient of a stochastic solve, against keeping everything and against differences on the same path.
#[test]
fn stochastic_solves_are_differentiated_like_others() {
    let (mu, sigma, steps) = (0.3, 0.7, 200);
    let y0 = Batch::from_shape_vec((2, 1), vec![1.0, -0.5]).unwrap();
    let options = || SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 1.0 / f64::from(steps) });
    let equation = |mu: f64, sigma: f64| {
        let path = Brownian::new(12, 0.0, 1.0, &y0);
        OnPath::new(Geometric::<Stratonovich>::new(mu, sigma), path, &y0)
    };
    let squares = |y: &Batch| 0.5 * y.mapv(|y| y * y).sum();
    let gradient = |kind: Gradient| {
        let loss = |s: &flowmap_solvers::solve::Solution<Batch>| Loss::new(squares(&s.ys[0]), s.ys.clone());
        let adjoint = Adjoint::new(kind);
        adjoint.differentiate(ReversibleHeun::new(), equation(mu, sigma), &y0, &mut options(), loss).unwrap()
    };
    let direct = gradient(Gradient::Direct {});
    let value = |mu: f64, sigma: f64| {
        let mut stepper = Advance::new(ReversibleHeun::new(), equation(mu, sigma));
        squares(solve(&mut stepper, &y0, &mut options()).last().unwrap())
    };
    let d = 1e-6;
    let differences = [
        (value(mu + d, sigma) - value(mu - d, sigma)) / (2.0 * d),
        (value(mu, sigma + d) - value(mu, sigma - d)) / (2.0 * d),
    ];
    for (a, b) in direct.parameters.iter().zip(differences) {
        assert!((a - b).abs() < 1e-7 * b.abs().max(1.0), "{a} {b}");
    }
    for kind in [
        Gradient::StepCheckpoint {},
        Gradient::Checkpointed(Checkpointed { slots: Some(5), budget_mb: None }),
        Gradient::Reversible(Reversible { segment: None, tolerance: 1e-9 }),
    ] {
        let found = gradient(kind);
        for (a, b) in found.parameters.iter().zip(&direct.parameters).chain(found.y0.iter().zip(&direct.y0)) {
            assert!((a - b).abs() < 1e-10 * b.abs().max(1.0), "{}: {a} {b}", kind.name());
        }
    }
    // A continuous adjoint would need a slope, which a rough path has not.
    let backsolve = Adjoint::new(Gradient::Backsolve {}).differentiate(
        RungeKutta::new(&HEUN),
        equation(mu, sigma),
        &y0,
        &mut options(),
        |s| Loss::new(0.0, s.ys.clone()),
    );
    assert!(backsolve.is_err());
}

/// Geometric Brownian motion on tensors.
struct OnDevice(f64, f64);

impl Sde<Tensor<2>> for OnDevice {
    type Noise = Tensor<2>;
    type Calculus = Stratonovich;
    type Structure = Diagonal;
    fn noise_like(&self, y: &Tensor<2>) -> Tensor<2> {
        State::zeros_like(y)
    }
    fn drift(&mut self, _t: f64, y: &Tensor<2>, out: &mut Tensor<2>) {
        *out = y.clone().mul_scalar(self.0);
    }
    fn diffusion(&mut self, _t: f64, y: &Tensor<2>, dw: &Tensor<2>, out: &mut Tensor<2>) {
        *out = y.clone().mul(dw.clone()).mul_scalar(self.1);
    }
}

#[test]
fn tensors_follow_the_same_paths() {
    let (mu, sigma, n) = (0.3, 0.5, 20);
    let host = Batch::ones((7, 1));
    let path = || Brownian::on_grid(6, 0.0, 1.0 / n as f64, n, &host);
    let equation = OnPath::new(Geometric::<Stratonovich>::new(mu, sigma), path(), &host);
    let on_host = end(IncrementRk::new(&HEUN, equation, &host), &host, n);
    let ones = Tensor::<2>::ones([7, 1], (&Device::flex(), DType::F64));
    let mut stepper = IncrementRk::new(&HEUN, OnPath::new(OnDevice(mu, sigma), path(), &ones), &ones);
    let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 1.0 / n as f64 });
    let on_device = solve(&mut stepper, &ones, &mut options).ys.pop().unwrap();
    let on_device = on_device.into_data().try_to_vec::<f64>().unwrap();
    for (a, b) in on_host.iter().zip(on_device) {
        assert!((a - b).abs() < 1e-13, "{a} {b}");
    }
}
