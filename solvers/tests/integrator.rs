//! The stepwise integrator: the same as a solve, to the bit, wherever it was left.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::{Control, Pid};
use flowmap_solvers::event::{Direction, Event};
use flowmap_solvers::field::{FromFn, SemiLinear, Separable, from_fn};
use flowmap_solvers::increment::Ordinary;
use flowmap_solvers::solve::{
    Integrator, Outcome, ResumeError, SaveAt, Snapshot, Solution, SolveOptions, Step, solve,
};
use flowmap_solvers::state::State;
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::advance::Advance;
use flowmap_solvers::stepper::etdrk::Etdrk4;
use flowmap_solvers::stepper::explicit_rk::{
    DOPRI5, DOPRI8, ExplicitRk, MIDPOINT, RK4, RungeKutta, TABLEAUS, TSIT5,
};
use flowmap_solvers::stepper::imex::{Cnab2, Sbdf2};
use flowmap_solvers::stepper::reversible::{AsynchronousLeapfrog, Bdia, Coupled, ReversibleHeun};
use flowmap_solvers::stepper::scheme::Scheme;
use flowmap_solvers::stepper::stiff::{ESDIRKS, Esdirk, FiniteDifference};
use flowmap_solvers::stepper::symplectic::{SPLITTINGS, Symplectic};
use ndarray::{Array1, Array2, array};
use num_complex::Complex64;

/// Van der Pol's oscillator with a drive: not autonomous, so a slope at a time off by a rounding shows.
fn driven(t: f64, y: &[f64; 2], dy: &mut [f64; 2]) {
    *dy = [y[1], 3.0 * (1.0 - y[0] * y[0]) * y[1] - y[0] + (2.0 * t).sin()];
}

/// Leaves an integration after `n` calls, through text and back, and goes on with another stepper.
fn in_two_parts<Y: State, S: Stepper<Y>>(
    mut make: impl FnMut() -> S,
    y0: &Y,
    mut options: impl FnMut() -> SolveOptions<Y>,
    n: usize,
) -> (Solution<Y>, Solution<Y>) {
    let (mut stepper, mut given) = (make(), options());
    let mut first = Integrator::new(&mut stepper, y0, &mut given);
    for _ in 0..n {
        first.step();
    }
    let text = serde_json::to_string(&first.snapshot().unwrap()).unwrap();
    let first = first.into_solution();
    assert!(matches!(first.outcome, Outcome::Unfinished { .. }) && !first.outcome.is_success());
    let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
    let (mut stepper, mut given) = (make(), options());
    let second = Integrator::resume(&mut stepper, &y0.zeros_like(), &mut given, &snapshot).unwrap();
    assert_eq!(second.statistics(), first.stats);
    (first, second.run())
}

fn entries<Y: State>(ys: &[Y]) -> Vec<u64> {
    let mut out = Vec::new();
    ys.iter().for_each(|y| y.write_entries(&mut out));
    out.into_iter().map(f64::to_bits).collect()
}

/// The two parts together are the whole: times, states, work (but for coefficients built again).
fn same<Y: State, S: Stepper<Y>>(
    what: &str,
    mut make: impl FnMut() -> S,
    y0: &Y,
    mut options: impl FnMut() -> SolveOptions<Y>,
) {
    let whole = solve(&mut make(), y0, &mut options());
    assert!(whole.outcome.is_success(), "{what}: {}", whole.outcome);
    for n in [1, 2, 7, 12] {
        let (first, second) = in_two_parts(&mut make, y0, &mut options, n);
        let ts: Vec<f64> = first.ts.iter().chain(&second.ts).copied().collect();
        assert_eq!(ts, whole.ts, "{what} left after {n}");
        let mut ys = entries(&first.ys);
        ys.extend(entries(&second.ys));
        assert!(ys == entries(&whole.ys), "{what} left after {n}");
        let (mut a, mut b) = (second.stats, whole.stats);
        (a.work.preparations, b.work.preparations) = (0, 0);
        assert_eq!(a, b, "{what} left after {n}");
    }
}

fn steps(control: Control) -> impl FnMut() -> SolveOptions<[f64; 2]> {
    move || SolveOptions::new(0.0, 7.0, control).save(SaveAt::Steps { every: 1 })
}

#[test]
fn a_left_integration_goes_on_to_the_same_bits() {
    for tableau in TABLEAUS {
        let make = || ExplicitRk::new(tableau, from_fn(driven), &[0.0; 2]);
        same(tableau.name, make, &[2.0, 0.3], steps(Control::Fixed { dt: 0.031 }));
        if tableau.embedded_order.is_some() {
            same(tableau.name, make, &[2.0, 0.3], steps(Control::adaptive(1e-5, 1e-7)));
            let times: Vec<f64> = (0..40).map(|i| 0.17 * f64::from(i)).collect();
            let at_times = || {
                SolveOptions::new(0.0, 7.0, Control::adaptive(1e-5, 1e-7)).save(SaveAt::Times(times.clone()))
            };
            same(tableau.name, make, &[2.0, 0.3], at_times);
        }
    }
    for tableau in ESDIRKS {
        let make =
            || Esdirk::new(tableau, FiniteDifference::new(from_fn(driven), &[0.0; 2]), &[0.0; 2], 1e-6, 1e-8);
        same(tableau.name, make, &[2.0, 0.3], steps(Control::adaptive(1e-6, 1e-8)));
        same(tableau.name, make, &[2.0, 0.3], steps(Control::Fixed { dt: 0.05 }));
    }
}

struct Pendulum;

impl Separable<[f64; 1]> for Pendulum {
    fn velocity(&mut self, p: &[f64; 1], dq: &mut [f64; 1]) {
        *dq = *p;
    }
    fn force(&mut self, t: f64, q: &[f64; 1], dp: &mut [f64; 1]) {
        dp[0] = -q[0].sin() + 0.1 * t.cos();
    }
}

/// Two decaying, turning modes that feed each other.
#[derive(Clone)]
struct Modes;

impl SemiLinear<Array1<Complex64>> for Modes {
    type Diagonal = Vec<Complex64>;
    fn symbol(&self) -> Vec<Complex64> {
        vec![Complex64::new(-1.0, 3.0), Complex64::new(-20.0, 0.0)]
    }
    fn diagonal(&self, eigenvalues: Vec<Complex64>) -> Vec<Complex64> {
        eigenvalues
    }
    fn apply(&mut self, terms: &[(&Vec<Complex64>, &Array1<Complex64>)], out: &mut Array1<Complex64>) {
        for i in 0..2 {
            out[i] = terms.iter().map(|(d, y)| d[i] * y[i]).sum();
        }
    }
    fn nonlinear(&mut self, t: f64, y: &Array1<Complex64>, out: &mut Array1<Complex64>) {
        (out[0], out[1]) = (y[1] * t.cos(), y[0] * y[0]);
    }
}

#[test]
fn splittings_and_semilinear_methods_go_on_too() {
    for splitting in SPLITTINGS {
        let options =
            || SolveOptions::new(0.0, 3.0, Control::Fixed { dt: 0.07 }).save(SaveAt::Steps { every: 1 });
        same(
            splitting.name,
            || Symplectic::new(splitting, Pendulum, &([0.0], [0.0])),
            &([1.0], [0.2]),
            options,
        );
    }
    let y0 = array![Complex64::new(1.0, 0.5), Complex64::new(0.3, 0.0)];
    let options =
        || SolveOptions::new(0.0, 1.5, Control::Fixed { dt: 0.04 }).save(SaveAt::Steps { every: 1 });
    same("etdrk4", || Etdrk4::new(Modes, &y0), &y0, options);
    same("cnab2", || Cnab2::new(Modes, &y0), &y0, options);
    same("sbdf2", || Sbdf2::new(Modes, &y0), &y0, options);
}

#[test]
fn bounces_go_on_too() {
    let ball = || {
        ExplicitRk::new(&TSIT5, from_fn(|_t, y: &[f64; 2], dy: &mut [f64; 2]| *dy = [y[1], -9.81]), &[0.0; 2])
    };
    let options = || {
        let control = Control::Pid(Pid { max_step: 0.2, ..Pid::default() });
        SolveOptions::new(0.0, 3.0, control).save(SaveAt::Steps { every: 1 }).event(
            Event::new(|_, y: &[f64; 2]| y[0]).direction(Direction::Falling).reset(|_, y| y[1] *= -0.9),
        )
    };
    same("ball", ball, &[1.0, 0.0], options);
    let whole = solve(&mut ball(), &[1.0, 0.0], &mut options());
    let (first, second) = in_two_parts(ball, &[1.0, 0.0], options, 9);
    assert!(!first.events.is_empty() && !second.events.is_empty());
    let log: Vec<_> = first.events.into_iter().chain(second.events).collect();
    assert_eq!(log, whole.events);
    // The log itself can be stored.
    let text = serde_json::to_string(&log.iter().map(|e| (e.index, e.t)).collect::<Vec<_>>()).unwrap();
    assert!(text.starts_with("[[0,0.45"), "{text}");
    assert!(serde_json::to_string(&log[0]).unwrap().contains("\"after\":["));
}

#[test]
fn a_dense_solution_goes_on_where_it_was_left() {
    let make = || ExplicitRk::new(&DOPRI8, from_fn(driven), &[0.0; 2]);
    let options = || SolveOptions::new(0.0, 4.0, Control::adaptive(1e-7, 1e-9)).save(SaveAt::Dense);
    let whole = solve(&mut make(), &[2.0, 0.3], &mut options()).dense.unwrap();
    let (first, second) = in_two_parts(make, &[2.0, 0.3], options, 10);
    let (first, second) = (first.dense.unwrap(), second.dense.unwrap());
    for i in 0..=80 {
        let t = 0.05 * f64::from(i);
        assert_eq!(first.at(t).or_else(|| second.at(t)), whole.at(t), "{t}");
    }
}

#[test]
fn every_call_says_what_it_did() {
    let mut stepper = ExplicitRk::new(&DOPRI5, from_fn(driven), &[0.0; 2]);
    let mut options = SolveOptions::new(0.0, 6.0, Control::adaptive(1e-5, 1e-7))
        .event(Event::new(|_, y: &[f64; 2]| y[0] - 1.0));
    let mut integrator = Integrator::new(&mut stepper, &[2.0, 0.3], &mut options);
    let (mut accepted, mut rejected, mut events) = (0, 0, 0);
    let outcome = loop {
        let (before, y) = (integrator.t(), *integrator.y());
        match integrator.step() {
            Step::Accepted { t, dt, events: found } => {
                assert_eq!((t, integrator.t()), (before + dt, t));
                accepted += 1;
                events += found;
            }
            Step::Rejected { dt } => {
                assert_eq!((integrator.t(), *integrator.y()), (before, y));
                assert!(integrator.dt() < dt);
                rejected += 1;
            }
            Step::Ended(outcome) => break outcome,
        }
    };
    assert_eq!((outcome, integrator.outcome()), (Outcome::Reached, Some(Outcome::Reached)));
    assert!(integrator.snapshot().is_none() && integrator.step() == Step::Ended(Outcome::Reached));
    let stats = integrator.statistics();
    assert_eq!((stats.accepted, stats.rejected), (accepted, rejected));
    assert!(rejected > 0 && events > 0 && events == integrator.solution().events.len());
}

#[test]
fn a_snapshot_that_does_not_fit_is_refused() {
    let field = || from_fn(driven);
    let mut options = SolveOptions::new(0.0, 6.0, Control::adaptive(1e-5, 1e-7));
    let mut stepper = ExplicitRk::new(&DOPRI5, field(), &[0.0; 2]);
    let mut integrator = Integrator::new(&mut stepper, &[2.0, 0.3], &mut options);
    integrator.step();
    let snapshot = integrator.snapshot().unwrap();
    let resume = |options: &mut SolveOptions<[f64; 2]>, stepper: &mut dyn Stepper<[f64; 2]>| {
        Integrator::resume(stepper, &[0.0; 2], options, &snapshot).err()
    };
    assert_eq!(resume(&mut options, &mut ExplicitRk::new(&TSIT5, field(), &[0.0; 2])), None);
    let mut stiff = Esdirk::new(ESDIRKS[0], FiniteDifference::new(field(), &[0.0; 2]), &[0.0; 2], 1e-6, 1e-6);
    assert_eq!(resume(&mut options, &mut stiff), Some(ResumeError::Stepper));
    let mut fixed = SolveOptions::new(0.0, 6.0, Control::Fixed { dt: 0.1 });
    assert_eq!(resume(&mut fixed, &mut stepper), Some(ResumeError::Options));
    let mut elsewhere = SolveOptions::new(3.0, 6.0, Control::adaptive(1e-5, 1e-7));
    assert_eq!(resume(&mut elsewhere, &mut stepper), Some(ResumeError::Options));
    let mut watching = SolveOptions::new(0.0, 6.0, Control::adaptive(1e-5, 1e-7)).event(Event::new(|t, _| t));
    assert_eq!(resume(&mut watching, &mut stepper), Some(ResumeError::Events { expected: 1, found: 0 }));
    let decay: FromFn<fn(f64, &[f64; 3], &mut [f64; 3])> = from_fn(|_, y, dy| *dy = y.map(|y| -y));
    let mut other = SolveOptions::new(0.0, 6.0, Control::adaptive(1e-5, 1e-7));
    let mut stepper = ExplicitRk::new(&RK4, decay, &[0.0; 3]);
    let found = Integrator::resume(&mut stepper, &[0.0; 3], &mut other, &snapshot);
    assert_eq!(found.err(), Some(ResumeError::State { expected: 3, found: 2 }));
}

#[test]
fn arrays_and_tensors_are_stored_without_loss() {
    let mut entries = Vec::new();
    let a = array![[1.0, f64::MIN_POSITIVE], [-0.0, 1.0 / 3.0]];
    a.write_entries(&mut entries);
    let mut b = Array2::<f64>::zeros((2, 2));
    assert!(b.read_entries(&mut &entries[..]) && b == a && b[[1, 0]].is_sign_negative());
    assert!(!b.read_entries(&mut &entries[..3]) && b == a);
    let device = burn::tensor::Device::flex();
    let x =
        burn::tensor::Tensor::<1>::from_data([0.1_f32, -3.5e-30, 7.0], (&device, burn::tensor::DType::F32));
    let mut entries = Vec::new();
    x.write_entries(&mut entries);
    let mut y = x.zeros_like();
    assert!(y.read_entries(&mut &entries[..]));
    assert_eq!((y.dtype(), y.to_data()), (x.dtype(), x.to_data()));
}

/// The companions of reversible schemes, and how far they are from being made afresh, are part of what is left.
#[test]
fn companions_are_remembered() {
    type Driven = Ordinary<FromFn<fn(f64, &[f64; 2], &mut [f64; 2])>>;
    fn check<M: Scheme<[f64; 2], Driven>>(what: &str, scheme: impl Fn() -> M, adaptive: bool) {
        // Without damping, which none of the schemes with companions survives for long.
        fn swing(t: f64, y: &[f64; 2], dy: &mut [f64; 2]) {
            *dy = [y[1], 0.1 * t.cos() - y[0]];
        }
        let field = || Ordinary(from_fn(swing as fn(f64, &[f64; 2], &mut [f64; 2])));
        for resynchronise in [None, Some(5)] {
            let make = || Advance::new(scheme(), field()).resynchronised(resynchronise);
            same(what, make, &[1.0, 0.5], steps(Control::Fixed { dt: 0.01 }));
            if adaptive {
                same(what, make, &[1.0, 0.5], steps(Control::adaptive(1e-4, 1e-6)));
            }
        }
    }
    check("reversible_heun", ReversibleHeun::new, true);
    check("asynchronous_leapfrog", || AsynchronousLeapfrog::new(1.0), true);
    check("coupled", || Coupled::new(&RK4, 0.9), false);
    check("bdia", || Bdia::new(&MIDPOINT, 0.95), false);
    check("tsit5", || RungeKutta::new(&TSIT5), true);
}
