//! Reversible schemes: steps that are inverted, segments, what is kept.

#![allow(clippy::unwrap_used)]

mod planar;

use flowmap_solvers::control::Control;
use flowmap_solvers::gradient::{Adjoint, Checkpointed, Gradient, GradientError, Reversible};
use flowmap_solvers::increment::Ordinary;
use flowmap_solvers::solve::{Outcome, SaveAt, SolveOptions};
use flowmap_solvers::stepper::explicit_rk::{DOPRI8, MIDPOINT, RK4, RungeKutta, Tableau};
use flowmap_solvers::stepper::reversible::{AsynchronousLeapfrog, Bdia, Coupled, EES25, ReversibleHeun};
use flowmap_solvers::stepper::scheme::{Differentiable, Scheme};
use planar::{BoxedField, Case, decay, flat, loss, pendulum, relative, van_der_pol};

fn round_trip<M>(scheme: M, field: Ordinary<BoxedField>, steps: usize, h: f64) -> f64
where
    M: Scheme<[f64; 2], Ordinary<BoxedField>>,
{
    let (mut scheme, mut field) = (scheme, field);
    let start = scheme.start(&mut field, 0.0, &[1.0, 0.5]);
    let (mut e, mut next) = (start.clone(), start.clone());
    for n in 0..steps {
        let t = n as f64 * h;
        scheme.forward(&mut field, t, t + h, &e, &mut next);
        scheme.accept();
        std::mem::swap(&mut e, &mut next);
    }
    scheme.forget();
    for n in (0..steps).rev() {
        let t = n as f64 * h;
        scheme.backward(&mut field, t, t + h, &e, &mut next);
        std::mem::swap(&mut e, &mut next);
    }
    let (a, b) = (scheme.value(&e), scheme.value(&start));
    (a[0] - b[0]).abs().max((a[1] - b[1]).abs())
}

#[test]
fn steps_are_inverted() {
    let pendulum = || pendulum(vec![1.0]);
    assert!(round_trip(ReversibleHeun::new(), pendulum(), 1000, 0.01) < 1e-12);
    assert!(round_trip(AsynchronousLeapfrog::new(1.0), pendulum(), 1000, 0.01) < 1e-12);
    assert!(round_trip(Coupled::new(&RK4, 0.999), pendulum(), 1000, 0.01) < 1e-11);
    assert!(round_trip(Bdia::new(&MIDPOINT, 1.0), pendulum(), 1000, 0.01) < 1e-11);
    // Rounding grows like λ⁻ⁿ, γ⁻ⁿ, |1 − 2η|⁻ⁿ.
    assert!(round_trip(Coupled::new(&RK4, 0.9), pendulum(), 1000, 0.01) > 1.0);
    assert!(round_trip(Bdia::new(&MIDPOINT, 0.9), pendulum(), 1000, 0.01) > 1.0);
    assert!(round_trip(AsynchronousLeapfrog::new(0.95), pendulum(), 1000, 0.01) > 1.0);
    // Effective symmetry: the error of there and back is of order five, that of midpoint of order three.
    for (tableau, order) in [(&EES25, 5.0), (&MIDPOINT, 3.0)] {
        let [a, b] = [50, 100].map(|n| round_trip(RungeKutta::new(tableau), pendulum(), n, 5.0 / n as f64));
        let slope = (a / b).log2();
        assert!((slope - order).abs() < 0.4, "{}: {slope}", tableau.name);
    }
}

fn dissipative(field: fn(Vec<f64>) -> Ordinary<BoxedField>, theta: Vec<f64>, t1: f64) -> Case {
    Case {
        field,
        theta,
        y0: [1.0, 0.5],
        t1,
        control: Control::Fixed { dt: t1 / 1000.0 },
        save: SaveAt::Times((1..=20).map(|i| t1 * i as f64 / 20.0).collect()),
        resynchronise: Some(25),
    }
}

/// On dissipative fields a solve cannot be run back in one go, and can in segments.
#[test]
fn segments_make_reversible_gradients_exact_where_one_segment_fails() {
    fn both<M>(name: &str, case: &Case, scheme: impl Fn() -> M)
    where
        M: Differentiable<[f64; 2], Ordinary<BoxedField>>,
    {
        let reversible = |segment| Gradient::Reversible(Reversible { segment, tolerance: 1e-8 });
        let direct = case.run(scheme(), Gradient::Direct {});
        let found = case.run(scheme(), reversible(Some(25)));
        let error = relative(&flat(&found), &flat(&direct));
        assert!(error < 1e-8, "{name}: {error:.1e}, {:?}", found.stats);
        assert_eq!(found.stats.fallbacks, 0, "{name}: {:?}", found.stats);

        // In one go: what a solve with one segment finds when nothing checks it, against its own tape.
        let whole = Case { resynchronise: None, theta: case.theta.clone(), save: case.save.clone(), ..*case };
        let mut options = SolveOptions::new(0.0, case.t1, case.control).save(case.save.clone());
        let unchecked = Gradient::Reversible(Reversible { segment: None, tolerance: f64::INFINITY });
        let field = (case.field)(case.theta.clone());
        let failed =
            match Adjoint::new(unchecked).differentiate(scheme(), field, &case.y0, &mut options, loss) {
                Err(GradientError::Unfinished(Outcome::NonFinite { .. })) => true,
                Err(e) => panic!("{name}: {e}"),
                Ok(found) => {
                    let direct = whole.run(scheme(), Gradient::Direct {});
                    let truth = case.run(RungeKutta::new(&DOPRI8), Gradient::Direct {});
                    let off = relative(&flat(&found), &flat(&direct));
                    let wrong = relative(&flat(&direct), &flat(&truth));
                    off.is_nan() || off > 1e-6 || wrong.is_nan() || wrong > 0.1
                }
            };
        assert!(failed, "{name}: one segment did not fail");
    }
    let decay = dissipative(decay, vec![1.0, 0.7], 50.0);
    let oscillator = dissipative(van_der_pol, vec![2.0], 30.0);
    for (name, case) in [("decay", &decay), ("van der Pol", &oscillator)] {
        both(&format!("reversible_heun on {name}"), case, ReversibleHeun::new);
        both(&format!("asynchronous_leapfrog on {name}"), case, || AsynchronousLeapfrog::new(1.0));
        both(&format!("coupled on {name}"), case, || Coupled::new(&RK4, 0.99));
        both(&format!("bdia on {name}"), case, || Bdia::new(&MIDPOINT, 0.95));
    }
}

#[test]
fn a_reconstruction_that_is_off_is_computed_again() {
    // Midpoint is no reversible method: each segment is off, and the gradient is right all the same.
    let case = dissipative(van_der_pol, vec![1.0], 10.0);
    let tight = Gradient::Reversible(Reversible { segment: Some(25), tolerance: 1e-12 });
    let found = case.run(RungeKutta::new(&MIDPOINT), tight);
    let direct = case.run(RungeKutta::new(&MIDPOINT), Gradient::Direct {});
    assert_eq!(found.stats.fallbacks, 40);
    assert!(relative(&flat(&found), &flat(&direct)) < 1e-13);
    assert!(found.stats.reconstruction_error > 1e-12);
}

#[test]
fn memory_is_what_was_promised() {
    let stats = |gradient: Gradient, steps: usize, tableau: &'static Tableau| {
        let case = Case {
            field: pendulum,
            theta: vec![1.0],
            y0: [1.0, 0.0],
            t1: 10.0,
            control: Control::Fixed { dt: 10.0 / steps as f64 },
            save: SaveAt::End,
            resynchronise: None,
        };
        case.run(RungeKutta::new(tableau), gradient).stats
    };
    let state = 16;
    for steps in [100, 1000, 10_000] {
        let n = steps as u64;
        let kept = stats(Gradient::StepCheckpoint {}, steps, &RK4);
        assert_eq!((kept.checkpoints, kept.peak_bytes), (n, state * n));
        // Four stages beside the state.
        assert_eq!(stats(Gradient::Direct {}, steps, &RK4).peak_bytes, 5 * state * n);
        // The times of equal steps are one run.
        assert_eq!(kept.record_bytes, 24);
        assert_eq!(kept.forward_evaluations, 4 * n);
        // No argument needs the last increment.
        assert_eq!((kept.backward_evaluations, kept.pull_backs), (3 * n, 4 * n));
        let segments = Gradient::Reversible(Reversible { segment: Some(50), tolerance: 1e-9 });
        let found = stats(segments, steps, &EES25);
        assert!(found.checkpoints <= n / 50 + 2, "{found:?}");
        let whole = Gradient::Reversible(Reversible { segment: None, tolerance: f64::INFINITY });
        assert_eq!(stats(whole, steps, &EES25).peak_bytes, 2 * state);
        for slots in [2, 5, 20] {
            let binomial = Gradient::Checkpointed(Checkpointed { slots: Some(slots), budget_mb: None });
            let found = stats(binomial, steps, &RK4);
            assert!(found.checkpoints <= slots as u64, "{slots} slots: {found:?}");
            // Repetitions: beside the stages of the pull-back, every step at most r + 1 times, C(S + r, S) ≥ N.
            let choose = |r: u64| (1..=r).fold(1_f64, |c, i| c * (slots as u64 + i) as f64 / i as f64);
            let r = (0..).find(|r| choose(*r) >= steps as f64).unwrap();
            let again = (found.backward_evaluations - 3 * n) as f64 / (4 * n) as f64;
            assert!(again <= r as f64 + 1.0, "{slots} slots, {steps} steps: {again:.2} of {r}");
        }
    }
}
