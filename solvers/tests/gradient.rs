//! Gradients of solves: every kind against keeping everything, and against differences.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::event::{Direction, Event};
use flowmap_solvers::gradient::{
    Adjoint, Checkpointed, Differentiated, Gradient, GradientError, Loss, Reversible,
};
use flowmap_solvers::increment::{Ordinary, VectorJacobian, with_vector_jacobian};
use flowmap_solvers::solve::{Outcome, SaveAt, Solution, SolveOptions, solve};
use flowmap_solvers::stepper::advance::Advance;
use flowmap_solvers::stepper::explicit_rk::{
    BOGACKI_SHAMPINE, DOPRI5, DOPRI8, MIDPOINT, RK4, RungeKutta, TSIT5, Tableau,
};
use flowmap_solvers::stepper::reversible::{AsynchronousLeapfrog, Bdia, Coupled, EES25, ReversibleHeun};
use flowmap_solvers::stepper::scheme::{Differentiable, Scheme};

/// A field on the plane with its product, of boxed closures so that all fields of the tests have one type.
struct BoxedField {
    parameters: usize,
    eval: Box<dyn FnMut(f64, &[f64; 2], &mut [f64; 2])>,
    pull: Box<dyn FnMut(f64, &[f64; 2], &[f64; 2], f64, &mut [f64; 2], &mut Vec<f64>)>,
}

impl flowmap_solvers::field::VectorField<[f64; 2]> for BoxedField {
    fn eval(&mut self, t: f64, y: &[f64; 2], dy: &mut [f64; 2]) {
        (self.eval)(t, y, dy);
    }
}

impl VectorJacobian<[f64; 2]> for BoxedField {
    type Gradient = Vec<f64>;
    fn zero_gradient(&self) -> Vec<f64> {
        vec![0.0; self.parameters]
    }
    fn vector_jacobian(
        &mut self,
        t: f64,
        y: &[f64; 2],
        v: &[f64; 2],
        scale: f64,
        y_bar: &mut [f64; 2],
        gradient: &mut Vec<f64>,
    ) {
        (self.pull)(t, y, v, scale, y_bar, gradient);
    }
}

const HIDDEN: usize = 16;

/// The parameters of a 2-16-2 tanh network: `W₁ (16×2), b₁, W₂ (2×16), b₂`, deterministic.
fn weights() -> Vec<f64> {
    (0..2 * HIDDEN + HIDDEN + 2 * HIDDEN + 2).map(|i| ((i * i + 3 * i) as f64 * 0.37).sin() * 0.6).collect()
}

/// `ẏ = W₂ tanh(W₁ y + b₁) + b₂ + (0, ½ cos t) `, with its product by hand.
fn network(theta: Vec<f64>) -> Ordinary<BoxedField> {
    const B1: usize = 2 * HIDDEN;
    const W2: usize = 3 * HIDDEN;
    const B2: usize = 5 * HIDDEN;
    let hidden = |theta: &[f64], y: &[f64; 2], j: usize| {
        (theta[2 * j] * y[0] + theta[2 * j + 1] * y[1] + theta[B1 + j]).tanh()
    };
    let other = theta.clone();
    Ordinary(BoxedField {
        parameters: theta.len(),
        eval: Box::new(move |t, y, dy| {
            *dy = [theta[B2], theta[B2 + 1] + 0.5 * t.cos()];
            for j in 0..HIDDEN {
                let h = hidden(&theta, y, j);
                dy[0] += theta[W2 + j] * h;
                dy[1] += theta[W2 + HIDDEN + j] * h;
            }
        }),
        pull: Box::new(move |_t, y, v, scale, y_bar, gradient| {
            let theta = &other;
            for i in 0..2 {
                gradient[B2 + i] += scale * v[i];
            }
            for j in 0..HIDDEN {
                let h = hidden(theta, y, j);
                gradient[W2 + j] += scale * v[0] * h;
                gradient[W2 + HIDDEN + j] += scale * v[1] * h;
                let by_h = scale * (v[0] * theta[W2 + j] + v[1] * theta[W2 + HIDDEN + j]) * (1.0 - h * h);
                gradient[2 * j] += by_h * y[0];
                gradient[2 * j + 1] += by_h * y[1];
                gradient[B1 + j] += by_h;
                y_bar[0] += by_h * theta[2 * j];
                y_bar[1] += by_h * theta[2 * j + 1];
            }
        }),
    })
}

/// `ẏ = −θ₀ y₀, −θ₁ y₁`.
fn decay(theta: Vec<f64>) -> Ordinary<BoxedField> {
    let other = theta.clone();
    Ordinary(BoxedField {
        parameters: 2,
        eval: Box::new(move |_t, y, dy| *dy = [-theta[0] * y[0], -theta[1] * y[1]]),
        pull: Box::new(move |_t, y, v, scale, y_bar, gradient| {
            for i in 0..2 {
                y_bar[i] -= scale * other[i] * v[i];
                gradient[i] -= scale * y[i] * v[i];
            }
        }),
    })
}

/// Van der Pol's oscillator, `ẋ = u`, `u̇ = μ(1 − x²)u − x`.
fn van_der_pol(theta: Vec<f64>) -> Ordinary<BoxedField> {
    let mu = theta[0];
    Ordinary(BoxedField {
        parameters: 1,
        eval: Box::new(move |_t, y, dy| *dy = [y[1], mu * (1.0 - y[0] * y[0]) * y[1] - y[0]]),
        pull: Box::new(move |_t, y, v, scale, y_bar, gradient| {
            y_bar[0] += scale * v[1] * (-2.0 * mu * y[0] * y[1] - 1.0);
            y_bar[1] += scale * (v[0] + v[1] * mu * (1.0 - y[0] * y[0]));
            gradient[0] += scale * v[1] * (1.0 - y[0] * y[0]) * y[1];
        }),
    })
}

/// A pendulum `q̇ = p`, `ṗ = −θ sin q`.
fn pendulum(theta: Vec<f64>) -> Ordinary<BoxedField> {
    let g = theta[0];
    Ordinary(BoxedField {
        parameters: 1,
        eval: Box::new(move |_t, y, dy| *dy = [y[1], -g * y[0].sin()]),
        pull: Box::new(move |_t, y, v, scale, y_bar, gradient| {
            y_bar[0] -= scale * v[1] * g * y[0].cos();
            y_bar[1] += scale * v[0];
            gradient[0] -= scale * v[1] * y[0].sin();
        }),
    })
}

/// `L = Σᵢ |yᵢ|² cᵢ / n` over the saved states, with weights that differ.
fn loss(solution: &Solution<[f64; 2]>) -> Loss<[f64; 2]> {
    let n = solution.ys.len() as f64;
    let weight = |i: usize| (1.0 + (i % 7) as f64) / n;
    let value = solution.ys.iter().enumerate().map(|(i, y)| weight(i) * (y[0] * y[0] + y[1] * y[1])).sum();
    Loss::new(
        value,
        solution
            .ys
            .iter()
            .enumerate()
            .map(|(i, y)| [2.0 * weight(i) * y[0], 2.0 * weight(i) * y[1]])
            .collect(),
    )
}

fn flat(d: &Differentiated<[f64; 2], Vec<f64>>) -> Vec<f64> {
    [&d.y0[..], &d.parameters].concat()
}

fn relative(a: &[f64], b: &[f64]) -> f64 {
    let off: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    let size: f64 = b.iter().map(|b| b * b).sum();
    (off / size).sqrt()
}

/// One solve to be differentiated in many ways.
struct Case {
    field: fn(Vec<f64>) -> Ordinary<BoxedField>,
    theta: Vec<f64>,
    y0: [f64; 2],
    t1: f64,
    control: Control,
    save: SaveAt,
    resynchronise: Option<u64>,
}

impl Case {
    fn run<M>(&self, scheme: M, gradient: Gradient) -> Differentiated<[f64; 2], Vec<f64>>
    where
        M: Differentiable<[f64; 2], Ordinary<BoxedField>>,
    {
        let mut options = SolveOptions::new(0.0, self.t1, self.control).save(self.save.clone());
        Adjoint::new(gradient)
            .resynchronised(self.resynchronise)
            .differentiate(scheme, (self.field)(self.theta.clone()), &self.y0, &mut options, loss)
            .unwrap()
    }

    /// Central differences of the discrete loss by the start and the parameters, with the steps held.
    fn differences<M>(&self, scheme: impl Fn() -> M, entries: &[usize]) -> Vec<f64>
    where
        M: Scheme<[f64; 2], Ordinary<BoxedField>>,
    {
        let value = |i: usize, by: f64| {
            let (mut y0, mut theta) = (self.y0, self.theta.clone());
            if i < 2 {
                y0[i] += by;
            } else {
                theta[i - 2] += by;
            }
            let mut options = SolveOptions::new(0.0, self.t1, self.control).save(self.save.clone());
            let mut stepper = Advance::new(scheme(), (self.field)(theta)).resynchronised(self.resynchronise);
            loss(&solve(&mut stepper, &y0, &mut options)).value
        };
        let h = 1e-5;
        entries.iter().map(|i| (value(*i, h) - value(*i, -h)) / (2.0 * h)).collect()
    }
}

fn network_case(control: Control) -> Case {
    // Odd times, some of them at once the ends of steps.
    let times = (0..=100).map(|i| 0.1 * i as f64).chain((0..37).map(|i| 0.013 + 0.27 * i as f64));
    let mut times: Vec<f64> = times.filter(|t| *t <= 10.0).collect();
    times.sort_by(f64::total_cmp);
    Case {
        field: network,
        theta: weights(),
        y0: [0.6, -0.3],
        t1: 10.0,
        control,
        save: SaveAt::Times(times),
        resynchronise: Some(50),
    }
}

fn kinds() -> [Gradient; 4] {
    [
        Gradient::StepCheckpoint {},
        Gradient::Checkpointed(Checkpointed { slots: Some(7), budget_mb: None }),
        Gradient::Checkpointed(Checkpointed { slots: None, budget_mb: Some(1e-3) }),
        Gradient::Reversible(Reversible { segment: Some(50), tolerance: 1e-9 }),
    ]
}

/// Every kind of gradient of a scheme agrees with `Direct`, and that with differences where the steps do not move.
fn check<M>(name: &str, case: &Case, scheme: impl Fn() -> M, differences: bool)
where
    M: Differentiable<[f64; 2], Ordinary<BoxedField>>,
{
    let direct = case.run(scheme(), Gradient::Direct {});
    for kind in kinds() {
        let found = case.run(scheme(), kind);
        let error = relative(&flat(&found), &flat(&direct));
        assert!(error < 1e-8, "{name}, {}: {error:.1e}, {:?}", kind.name(), found.stats);
        assert_eq!(found.value, direct.value, "{name}, {}", kind.name());
    }
    if differences {
        let entries: Vec<usize> = (0..direct.parameters.len() + 2).step_by(7).chain([1]).collect();
        let measured = case.differences(&scheme, &entries);
        let exact: Vec<f64> = entries.iter().map(|i| flat(&direct)[*i]).collect();
        let error = relative(&exact, &measured);
        assert!(error < 1e-7, "{name} against differences: {error:.1e}");
    }
}

#[test]
fn every_gradient_of_every_scheme_is_that_of_one_tape() {
    // 1000 regular steps, and those that save times cut.
    let case = network_case(Control::Fixed { dt: 0.01 });
    for tableau in [&RK4, &MIDPOINT, &BOGACKI_SHAMPINE, &TSIT5, &DOPRI8, &EES25] {
        check(tableau.name, &case, || RungeKutta::new(tableau), true);
    }
    check("reversible_heun", &case, ReversibleHeun::new, true);
    check("asynchronous_leapfrog", &case, || AsynchronousLeapfrog::new(1.0), true);
    check("asynchronous_leapfrog, damped", &case, || AsynchronousLeapfrog::new(0.9), true);
    check("coupled rk4", &case, || Coupled::new(&RK4, 0.999), true);
    check("coupled dopri5", &case, || Coupled::new(&DOPRI5, 0.99), true);
    check("bdia", &case, || Bdia::new(&MIDPOINT, 0.9), true);
}

#[test]
fn adaptive_steps_and_dense_save_times_are_differentiated_too() {
    // Differences move the steps, so they are not taken here: the next test holds the steps.
    let case = network_case(Control::adaptive(1e-9, 1e-11));
    for tableau in [&BOGACKI_SHAMPINE, &TSIT5, &DOPRI5, &DOPRI8] {
        let steps = case.run(RungeKutta::new(tableau), Gradient::Direct {}).stats.steps;
        assert!(steps > 20, "{}: {steps} steps", tableau.name);
        check(tableau.name, &case, || RungeKutta::new(tableau), false);
    }
    let case = network_case(Control::adaptive(1e-5, 1e-7));
    check("reversible_heun", &case, ReversibleHeun::new, false);
    check("asynchronous_leapfrog", &case, || AsynchronousLeapfrog::new(1.0), false);
}

/// The discrete gradient of adaptive solves with interpolated save times tends to that of the flow.
#[test]
fn adaptive_gradients_agree_with_differences_of_the_flow() {
    let tight = Case { resynchronise: None, ..network_case(Control::adaptive(1e-12, 1e-13)) };
    let entries = [0, 1, 2, 20, 40, 60, 80];
    let exact = tight.differences(|| RungeKutta::new(&DOPRI8), &entries);
    for tableau in [&TSIT5, &DOPRI5, &DOPRI8, &BOGACKI_SHAMPINE] {
        let case = Case { resynchronise: None, ..network_case(Control::adaptive(1e-8, 1e-8)) };
        let found = flat(&case.run(RungeKutta::new(tableau), Gradient::default()));
        let found: Vec<f64> = entries.iter().map(|i| found[*i]).collect();
        let error = relative(&found, &exact);
        assert!(error < 2e-6, "{}: {error:.1e}", tableau.name);
    }
}

/// The interpolated states of a step are pulled back exactly: one adaptive step, held by its size.
#[test]
fn interpolants_are_pulled_back_exactly() {
    for tableau in [&TSIT5, &DOPRI5, &DOPRI8, &BOGACKI_SHAMPINE] {
        // A tolerance so loose that every step is accepted, and a first step that is the whole interval.
        let value = |y0: [f64; 2], theta: Vec<f64>| {
            let mut options = SolveOptions::new(0.0, 0.7, Control::adaptive(1e3, 1e3))
                .save(SaveAt::Times(vec![0.1, 0.33, 0.6]));
            options.initial_step = Some(0.7);
            let found = Adjoint::new(Gradient::Direct {})
                .differentiate(RungeKutta::new(tableau), network(theta), &y0, &mut options, loss)
                .unwrap();
            assert_eq!(found.stats.steps, 1);
            found
        };
        let (y0, theta) = ([0.6, -0.3], weights());
        let exact = flat(&value(y0, theta.clone()));
        for i in [0, 1, 2, 5, 40, 70, 83] {
            let moved = |by: f64| {
                let (mut y0, mut theta) = (y0, theta.clone());
                if i < 2 {
                    y0[i] += by;
                } else {
                    theta[i - 2] += by;
                }
                value(y0, theta).value
            };
            let measured = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let error = (measured - exact[i]).abs();
            assert!(error < 1e-8, "{}, entry {i}: {measured} and {}", tableau.name, exact[i]);
        }
    }
}

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
    // Effective symmetry: the error of there and back is of order five, that of midpoint of order two.
    for (tableau, order) in [(&EES25, 5.0), (&MIDPOINT, 2.0)] {
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

#[test]
fn one_slot_and_more_slots_than_steps_are_both_right() {
    let case =
        Case { t1: 0.4, save: SaveAt::Steps { every: 3 }, ..network_case(Control::Fixed { dt: 0.01 }) };
    let direct = case.run(RungeKutta::new(&RK4), Gradient::Direct {});
    for slots in [1, 2, 3, 1000] {
        let binomial = Gradient::Checkpointed(Checkpointed { slots: Some(slots), budget_mb: None });
        let found = case.run(RungeKutta::new(&RK4), binomial);
        assert!(relative(&flat(&found), &flat(&direct)) < 1e-13, "{slots} slots");
    }
}

#[test]
fn backward_in_time_and_every_save_mode() {
    for save in
        [SaveAt::End, SaveAt::Dense, SaveAt::Steps { every: 4 }, SaveAt::Times(vec![-0.3, -1.0, -2.0])]
    {
        let case = Case { t1: -2.0, save, ..network_case(Control::Fixed { dt: 0.05 }) };
        check("rk4", &case, || RungeKutta::new(&RK4), true);
        check("reversible_heun", &case, ReversibleHeun::new, true);
    }
}

#[test]
fn the_continuous_adjoint_has_the_error_of_a_second_solve() {
    let case = network_case(Control::Fixed { dt: 0.1 });
    let direct = case.run(RungeKutta::new(&RK4), Gradient::Direct {});
    let found = case.run(RungeKutta::new(&RK4), Gradient::Backsolve {});
    let error = relative(&flat(&found), &flat(&direct));
    assert!(error > 1e-12 && error < 1e-4, "{error:.1e}");
    // Of order four.
    let half = network_case(Control::Fixed { dt: 0.05 });
    let finer = relative(
        &flat(&half.run(RungeKutta::new(&RK4), Gradient::Backsolve {})),
        &flat(&half.run(RungeKutta::new(&RK4), Gradient::Direct {})),
    );
    assert!(error / finer > 8.0, "{error:.1e} and {finer:.1e}");
}

#[test]
fn gradients_by_the_times_are_those_of_the_flow() {
    let run = |t0: f64, s: f64, t1: f64| {
        let mut options =
            SolveOptions::new(t0, t1, Control::Fixed { dt: 0.01 }).save(SaveAt::Times(vec![s, t1]));
        Adjoint::new(Gradient::default())
            .with_times()
            .differentiate(RungeKutta::new(&DOPRI8), network(weights()), &[0.6, -0.3], &mut options, loss)
            .unwrap()
    };
    let (t0, s, t1) = (0.1, 0.7, 1.9);
    let times = run(t0, s, t1).times.unwrap();
    let h = 1e-5;
    let by = |f: &dyn Fn(f64) -> f64| (f(h) - f(-h)) / (2.0 * h);
    let measured = [
        by(&|d| run(t0 + d, s, t1).value),
        by(&|d| run(t0, s + d, t1).value),
        by(&|d| run(t0, s, t1 + d).value),
    ];
    let found = [times.t0, times.ts[0], times.ts[1]];
    assert!(relative(&found, &measured) < 1e-8, "{found:?} and {measured:?}");
}

/// A ball falls through `y = 0`: the loss is of the time and the speed of impact.
#[test]
fn a_terminal_event_is_differentiated_by_the_implicit_function_theorem() {
    let fall = |theta: Vec<f64>| {
        let drag = theta[1];
        let gravity = theta[0];
        Ordinary(BoxedField {
            parameters: 2,
            eval: Box::new(move |_t, y, dy| *dy = [y[1], -gravity - drag * y[1]]),
            pull: Box::new(move |_t, y, v, scale, y_bar, gradient| {
                y_bar[1] += scale * (v[0] - drag * v[1]);
                gradient[0] -= scale * v[1];
                gradient[1] -= scale * y[1] * v[1];
            }),
        })
    };
    let run = |y0: [f64; 2], theta: Vec<f64>, tableau: &'static Tableau, kind: Gradient| {
        let mut options = SolveOptions::new(0.0, 10.0, Control::Fixed { dt: 0.05 })
            .event(Event::new(|_t, y: &[f64; 2]| y[0] - 0.1).direction(Direction::Falling).terminal());
        Adjoint::new(kind)
            .event_gradient(0, |_t, _y| (0.0, [1.0, 0.0]))
            .differentiate(RungeKutta::new(tableau), fall(theta), &y0, &mut options, |solution| {
                let (t, y) = (solution.ts[0], solution.ys[0]);
                Loss {
                    value: t + 0.3 * y[1] * y[1],
                    ys: vec![[0.0, 0.6 * y[1]]],
                    event: Some((1.0, [0.0; 2])),
                }
            })
            .unwrap()
    };
    let (y0, theta) = ([2.0, 0.5], vec![9.8, 0.2]);
    for tableau in [&RK4, &TSIT5, &DOPRI8] {
        let direct = flat(&run(y0, theta.clone(), tableau, Gradient::Direct {}));
        let h = 1e-6;
        let measured: Vec<f64> = (0..4)
            .map(|i| {
                let value = |by: f64| {
                    let (mut y0, mut theta) = (y0, theta.clone());
                    if i < 2 {
                        y0[i] += by;
                    } else {
                        theta[i - 2] += by;
                    }
                    run(y0, theta, tableau, Gradient::Direct {}).value
                };
                (value(h) - value(-h)) / (2.0 * h)
            })
            .collect();
        assert!(relative(&direct, &measured) < 1e-8, "{}: {direct:?} and {measured:?}", tableau.name);
        for kind in kinds() {
            let found = flat(&run(y0, theta.clone(), tableau, kind));
            assert!(relative(&found, &direct) < 1e-9, "{}, {}", tableau.name, kind.name());
        }
    }
}

#[test]
fn what_cannot_be_differentiated_says_why() {
    let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 0.1 });
    let wrong = Adjoint::new(Gradient::default())
        .differentiate(RungeKutta::new(&RK4), network(weights()), &[0.6, -0.3], &mut options, |_| {
            Loss::new(0.0, Vec::new())
        })
        .unwrap_err();
    assert_eq!(wrong, GradientError::Cotangents { given: 0, saved: 1 });
    let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 0.1 }).max_steps(3);
    let unfinished = Adjoint::new(Gradient::default())
        .differentiate(RungeKutta::new(&RK4), network(weights()), &[0.6, -0.3], &mut options, loss)
        .unwrap_err();
    assert!(unfinished.to_string().contains("3 steps"), "{unfinished}");
    let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 0.1 })
        .event(Event::new(|t, _y: &[f64; 2]| t - 0.55).terminal());
    let blind = Adjoint::new(Gradient::default())
        .differentiate(RungeKutta::new(&RK4), network(weights()), &[0.6, -0.3], &mut options, loss)
        .unwrap_err();
    assert_eq!(blind, GradientError::EventGradient { index: 0 });
}

/// The closures of [`with_vector_jacobian`] serve arrays as well.
#[test]
fn arrays_are_differentiated_like_everything_else() {
    use ndarray::{Array1, array};
    let field = with_vector_jacobian(
        1,
        |_t, y: &Array1<f64>, dy: &mut Array1<f64>| {
            dy.assign(y);
            *dy *= -0.5;
        },
        |_t, y: &Array1<f64>, v: &Array1<f64>, scale, y_bar: &mut Array1<f64>, gradient: &mut Vec<f64>| {
            y_bar.scaled_add(-0.5 * scale, v);
            gradient[0] -= scale * y.dot(v);
        },
    );
    let mut options = SolveOptions::new(0.0, 1.0, Control::adaptive(1e-12, 1e-12));
    let found = Adjoint::new(Gradient::Checkpointed(Checkpointed { slots: Some(3), budget_mb: None }))
        .differentiate(
            RungeKutta::new(&TSIT5),
            Ordinary(field),
            &array![1.0, 2.0],
            &mut options,
            |solution| Loss::new(solution.ys[0].sum(), vec![array![1.0, 1.0]]),
        )
        .unwrap();
    let e = (-0.5_f64).exp();
    assert!((found.y0[0] - e).abs() < 1e-10 && (found.y0[1] - e).abs() < 1e-10);
    assert!((found.parameters[0] + 3.0 * e).abs() < 1e-10, "{:?}", found.parameters);
}
