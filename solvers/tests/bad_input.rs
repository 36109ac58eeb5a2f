//! What makes no sense, or cannot go well, ends with a name, a time and a hint; what only looks odd works.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::delay::solve_delay;
use flowmap_solvers::field::{Jacobian, Separable, VectorField, from_fn};
use flowmap_solvers::solve::{BadInput, Outcome, SaveAt, Solution, SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{BOGACKI_SHAMPINE, DOPRI5, DOPRI8, ExplicitRk, RK4, TSIT5};
use flowmap_solvers::stepper::stiff::{Esdirk, FiniteDifference, KVAERNO5};
use flowmap_solvers::stepper::symplectic::{Symplectic, VELOCITY_VERLET};
use nalgebra::DMatrix;
use ndarray::{Array1, array};

fn decay(options: &mut SolveOptions<[f64; 1]>) -> Solution<[f64; 1]> {
    let field = from_fn(|_t, y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = -y[0]);
    solve(&mut ExplicitRk::new(&DOPRI5, field, &[0.0]), &[1.0], options)
}

/// Refused before anything was evaluated, with the start, and a message that holds the parts.
fn refused(options: &mut SolveOptions<[f64; 1]>, expected: BadInput, parts: &[&str]) {
    let solution = decay(options);
    assert_eq!(solution.outcome, Outcome::Refused { reason: expected });
    assert!(!solution.outcome.is_success() && solution.stats.work.evaluations == 0);
    let message = solution.outcome.to_string();
    parts.iter().for_each(|part| assert!(message.contains(part), "no '{part}' in {message}"));
    // What went wrong can be stored.
    let stored = serde_json::to_string(&solution.outcome).unwrap();
    assert!(stored.starts_with("{\"kind\":\"refused\",\"reason\":{\"what\":"), "{stored}");
}

fn over(control: Control) -> SolveOptions<[f64; 1]> {
    SolveOptions::new(0.0, 1.0, control)
}

#[test]
fn tolerances() {
    let none = BadInput::Tolerances { rtol: 0.0, atol: 0.0 };
    refused(&mut over(Control::adaptive(0.0, 0.0)), none, &["rtol = 0 with atol = 0", "above zero"]);
    let negative = BadInput::Tolerances { rtol: 1e-6, atol: -1.0 };
    refused(&mut over(Control::adaptive(1e-6, -1.0)), negative, &["atol = -1"]);
    assert!(matches!(decay(&mut over(Control::adaptive(f64::NAN, 1.0))).outcome, Outcome::Refused { .. }));
    // One of them may be zero.
    for control in [Control::adaptive(0.0, 1e-9), Control::adaptive(1e-9, 0.0)] {
        let solution = decay(&mut over(control));
        assert_eq!(solution.outcome, Outcome::Reached);
        assert!((solution.ys[0][0] - (-1.0_f64).exp()).abs() < 1e-8);
    }
    // But not where a component vanishes: the hint says so.
    let field = from_fn(|_t, y: &[f64; 2], dy: &mut [f64; 2]| *dy = [-y[0], 0.0]);
    let mut options = SolveOptions::new(1.0, 2.0, Control::adaptive(1e-9, 0.0));
    let solution = solve(&mut ExplicitRk::new(&DOPRI5, field, &[0.0; 2]), &[1.0, 0.0], &mut options);
    assert!(matches!(solution.outcome, Outcome::StepUnderflow { t: 1.0, .. }), "{}", solution.outcome);
    assert!(solution.outcome.to_string().contains("atol"), "{}", solution.outcome);
}

#[test]
fn steps_and_intervals() {
    refused(
        &mut over(Control::Fixed { dt: 0.0 }),
        BadInput::Step { dt: 0.0 },
        &["step size of 0", "not zero"],
    );
    assert!(matches!(decay(&mut over(Control::Fixed { dt: f64::NAN })).outcome, Outcome::Refused { .. }));
    let mut guessed = over(Control::adaptive(1e-6, 1e-6));
    guessed.initial_step = Some(0.0);
    refused(&mut guessed, BadInput::Step { dt: 0.0 }, &["step size of 0"]);
    let endless = &mut SolveOptions::new(f64::NEG_INFINITY, 1.0, Control::Fixed { dt: 0.1 });
    refused(endless, BadInput::Interval { t0: f64::NEG_INFINITY, t1: 1.0 }, &["from -inf to 1", "finite"]);
}

#[test]
fn an_interval_of_no_length_is_its_start() {
    for control in [Control::Fixed { dt: 0.1 }, Control::adaptive(1e-6, 1e-6)] {
        for save in [SaveAt::End, SaveAt::Steps { every: 1 }, SaveAt::Times(vec![2.0]), SaveAt::Dense] {
            let solution = decay(&mut SolveOptions::new(2.0, 2.0, control).save(save));
            assert_eq!(
                (solution.outcome, &solution.ts[..], &solution.ys[..]),
                (Outcome::Reached, &[2.0][..], &[[1.0]][..])
            );
            assert_eq!((solution.stats.accepted, solution.stats.work.evaluations), (0, 0));
        }
    }
    let none = decay(&mut over(Control::adaptive(1e-6, 1e-6)).save(SaveAt::Times(Vec::new())));
    assert!(none.outcome == Outcome::Reached && none.ts.is_empty());
}

#[test]
fn save_times() {
    let at = |times: &[f64]| over(Control::adaptive(1e-6, 1e-6)).save(SaveAt::Times(times.to_vec()));
    let repeated = BadInput::RepeatedTime { index: 2, t: 0.5 };
    refused(&mut at(&[0.1, 0.5, 0.5]), repeated, &["save time 2 repeats t = 0.5", "once"]);
    let unsorted = BadInput::UnsortedTimes { index: 1, before: 0.5, t: 0.2, backward: false };
    refused(&mut at(&[0.5, 0.2, 0.7]), unsorted, &["save time 1 (t = 0.2) comes after t = 0.5", "ascending"]);
    refused(&mut at(&[0.5, f64::NAN]), BadInput::SaveTime { index: 1 }, &["save time 1 is not a number"]);
    // Backward they descend.
    let back = |times: &[f64]| {
        SolveOptions::new(1.0, 0.0, Control::adaptive(1e-6, 1e-6)).save(SaveAt::Times(times.to_vec()))
    };
    let ascending = BadInput::UnsortedTimes { index: 1, before: 0.2, t: 0.5, backward: true };
    refused(&mut back(&[0.2, 0.5]), ascending, &["descending"]);
    let solution = decay(&mut back(&[0.75, 0.25]));
    assert_eq!(solution.ts, [0.75, 0.25]);
    assert!(solution.ts.iter().zip(&solution.ys).all(|(t, y)| (y[0] - (1.0 - t).exp()).abs() < 1e-5));
    // Of a delay equation too.
    let delayed = |_t: f64, _y: &[f64; 1], z: &[f64; 1], dy: &mut [f64; 1]| dy[0] = -z[0];
    let solution = solve_delay(&RK4, delayed, 0.5, |_| [1.0], &mut at(&[0.1, 0.5, 0.5]));
    assert_eq!(solution.outcome, Outcome::Refused { reason: repeated });
}

/// Writes a slope of another length once the time has come.
#[derive(Clone)]
struct Grows(f64);

impl VectorField<Array1<f64>> for Grows {
    fn eval(&mut self, t: f64, y: &Array1<f64>, dy: &mut Array1<f64>) {
        *dy = if t >= self.0 { Array1::zeros(3) } else { -y };
    }
}

impl Jacobian<Array1<f64>> for Grows {
    fn jacobian(&mut self, t: f64, _y: &Array1<f64>, j: &mut DMatrix<f64>) {
        let n = if t >= self.0 { 3 } else { 2 };
        *j = -DMatrix::identity(n, n);
    }
}

impl Separable<Array1<f64>> for Grows {
    fn velocity(&mut self, p: &Array1<f64>, dq: &mut Array1<f64>) {
        dq.assign(p);
    }
    fn force(&mut self, t: f64, q: &Array1<f64>, dp: &mut Array1<f64>) {
        self.eval(t, q, dp);
    }
}

#[test]
fn a_slope_of_another_shape_is_named_not_a_panic() {
    let y0 = array![1.0, 2.0];
    let shape = |solution: Solution<Array1<f64>>, from: f64| {
        let Outcome::Refused { reason: BadInput::FieldShape { t } } = solution.outcome else {
            panic!("{}", solution.outcome)
        };
        assert!(t <= from && t > from - 0.6, "{t}");
        assert_eq!(solution.last().map(Array1::len), Some(2));
        assert!(solution.outcome.to_string().contains("as many components as y has"));
    };
    for from in [0.0, 0.5] {
        for control in [Control::Fixed { dt: 0.2 }, Control::adaptive(1e-6, 1e-6)] {
            for tableau in [&RK4, &BOGACKI_SHAMPINE, &TSIT5, &DOPRI8] {
                for save in [SaveAt::End, SaveAt::Dense] {
                    let mut options = SolveOptions::new(0.0, 2.0, control).save(save);
                    shape(solve(&mut ExplicitRk::new(tableau, Grows(from), &y0), &y0, &mut options), from);
                }
            }
            let mut options = SolveOptions::new(0.0, 2.0, control);
            let mut stiff = Esdirk::new(&KVAERNO5, Grows(from), &y0, 1e-6, 1e-6);
            shape(solve(&mut stiff, &y0, &mut options), from);
        }
        let start = (y0.clone(), y0.clone());
        let mut options = SolveOptions::new(0.0, 2.0, Control::Fixed { dt: 0.2 });
        let solution =
            solve(&mut Symplectic::new(&VELOCITY_VERLET, Grows(from), &start), &start, &mut options);
        assert!(matches!(solution.outcome, Outcome::Refused { reason: BadInput::FieldShape { .. } }));
    }
}

#[test]
fn a_field_that_is_not_a_number_from_some_time_on() {
    let field =
        || from_fn(|t: f64, y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = if t > 0.5 { f64::NAN } else { -y[0] });
    let mut options = over(Control::adaptive(1e-8, 1e-8));
    let solution = solve(&mut ExplicitRk::new(&TSIT5, field(), &[0.0]), &[1.0], &mut options);
    assert!(
        matches!(solution.outcome, Outcome::NonFinite { t } if (t - 0.5).abs() < 1e-9),
        "{}",
        solution.outcome
    );
    assert!((solution.ys[0][0] - (-0.5_f64).exp()).abs() < 1e-7);
    let message = solution.outcome.to_string();
    assert!(
        message.contains("after t = 0.5:") && message.contains("the field itself is not finite"),
        "{message}"
    );
    let mut options = over(Control::Fixed { dt: 0.125 });
    let solution = solve(&mut ExplicitRk::new(&RK4, field(), &[0.0]), &[1.0], &mut options);
    assert_eq!(solution.outcome, Outcome::NonFinite { t: 0.5 });
    // From the beginning, and the start itself.
    let mut options = SolveOptions::new(0.75, 1.0, Control::adaptive(1e-8, 1e-8));
    let solution = solve(&mut ExplicitRk::new(&TSIT5, field(), &[0.0]), &[1.0], &mut options);
    assert_eq!((solution.outcome, solution.ys[0]), (Outcome::NonFinite { t: 0.75 }, [1.0]));
    let solution = solve(&mut ExplicitRk::new(&TSIT5, field(), &[0.0]), &[f64::INFINITY], &mut options);
    assert_eq!((solution.outcome, solution.stats.accepted), (Outcome::NonFinite { t: 0.75 }, 0));
}

#[test]
fn a_stiff_field_underflows_or_meets_the_limit_and_the_hint_names_a_stiff_method() {
    let stiff =
        |rate: f64| from_fn(move |t: f64, y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = -rate * (y[0] - t.cos()));
    let mut options = SolveOptions::new(1.0, 2.0, Control::adaptive(1e-8, 1e-8));
    let solution = solve(&mut ExplicitRk::new(&DOPRI5, stiff(1e18), &[0.0]), &[2.0], &mut options);
    assert!(
        matches!(solution.outcome, Outcome::StepUnderflow { t, .. } if t < 1.0 + 1e-12),
        "{}",
        solution.outcome
    );
    assert!(solution.outcome.to_string().contains("kvaerno5"), "{}", solution.outcome);
    let mut options = SolveOptions::new(1.0, 2.0, Control::adaptive(1e-6, 1e-6)).max_steps(1000);
    let solution = solve(&mut ExplicitRk::new(&DOPRI5, stiff(1e6), &[0.0]), &[2.0], &mut options);
    assert!(matches!(solution.outcome, Outcome::StepLimit { steps: 1000, t } if t > 1.0 && t < 1.01));
    assert!(solution.outcome.to_string().contains("kvaerno5"), "{}", solution.outcome);
    // What the hint says helps.
    let mut method = Esdirk::new(&KVAERNO5, FiniteDifference::new(stiff(1e6), &[0.0]), &[0.0], 1e-6, 1e-6);
    let solution = solve(&mut method, &[2.0], &mut options);
    assert_eq!(solution.outcome, Outcome::Reached);
    assert!((solution.ys[0][0] - 2.0_f64.cos()).abs() < 1e-5);
    let none = decay(&mut over(Control::adaptive(1e-6, 1e-6)).max_steps(0));
    assert_eq!((none.outcome, none.ys[0]), (Outcome::StepLimit { t: 0.0, steps: 0 }, [1.0]));
}
