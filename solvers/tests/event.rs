//! Events: order, resets, what accumulates, what never happens, and how their times depend on what came before.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::{Control, Pid};
use flowmap_solvers::event::{Crossing, Direction, Event};
use flowmap_solvers::field::from_fn;
use flowmap_solvers::solve::{Outcome, SaveAt, Solution, SolveOptions, solve};
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, DOPRI8, ExplicitRk, RK4, TSIT5, Tableau};
use nalgebra::{DMatrix, DVector, dmatrix};

const GRAVITY: f64 = 9.81;

fn ball(tableau: &'static Tableau) -> impl Stepper<[f64; 2]> {
    ExplicitRk::new(tableau, from_fn(|_t, y: &[f64; 2], dy: &mut [f64; 2]| *dy = [y[1], -GRAVITY]), &[0.0; 2])
}

fn bounce(restitution: f64) -> Event<[f64; 2]> {
    Event::new(|_, y: &[f64; 2]| y[0]).direction(Direction::Falling).reset(move |_, y| y[1] *= -restitution)
}

#[test]
fn a_ball_bounces_at_the_times_of_the_closed_form_and_comes_to_rest() {
    let (fall, restitution) = ((2.0 / GRAVITY).sqrt(), 0.8);
    let rest = fall * (1.0 + 2.0 * restitution / (1.0 - restitution));
    let controls = [
        (&TSIT5, Control::adaptive(1e-9, 1e-9)),
        (&DOPRI8, Control::adaptive(1e-9, 1e-9)),
        (&RK4, Control::Fixed { dt: 0.37 }),
    ];
    for (tableau, control) in controls {
        for lands in [false, true] {
            let mut event = bounce(restitution);
            if lands {
                event = event.reset(move |_, y| *y = [0.0, -restitution * y[1]]);
            }
            let mut options = SolveOptions::new(0.0, 10.0, control).event(event);
            let solution = solve(&mut ball(tableau), &[1.0, 0.0], &mut options);
            let (mut t, mut speed) = (fall, GRAVITY * fall);
            for record in solution.events.iter().take(30) {
                assert!((record.t - t).abs() < 1e-11, "{}: {} {t}", tableau.name, record.t);
                assert!((record.y[1] + speed).abs() < 1e-10 && record.y[0].abs() < 1e-13);
                speed *= restitution;
                assert!((record.after.unwrap()[1] - speed).abs() < 1e-10);
                t += 2.0 * speed / GRAVITY;
            }
            let Outcome::Zeno { index: 0, t, count } = solution.outcome else {
                panic!("{}", solution.outcome)
            };
            assert!((t - rest).abs() < 1e-6, "{}: {t} {rest}", tableau.name);
            assert!(count > 50 && count == solution.events.len() as u64 && !solution.outcome.is_success());
            assert!(solution.last().unwrap()[0].abs() < 1e-9);
            assert!(solution.outcome.to_string().contains("accumulates at t = 4.06"), "{}", solution.outcome);
        }
    }
}

#[test]
fn nothing_falls_through_the_floor_before_it_rests() {
    // Energy is kept: the bounces go on, however long the steps between them are allowed to be.
    let mut options = SolveOptions::new(0.0, 100.0, Control::adaptive(1e-10, 1e-10))
        .event(bounce(1.0))
        .save(SaveAt::Times((1..1000).map(|i| 0.1 * f64::from(i)).collect()));
    let solution = solve(&mut ball(&DOPRI5), &[1.0, 0.0], &mut options);
    assert_eq!((solution.outcome, solution.ys.len()), (Outcome::Reached, 999));
    let fall = (2.0 / GRAVITY).sqrt();
    for (t, y) in solution.ts.iter().zip(&solution.ys) {
        let since = (t + fall) % (2.0 * fall) - fall;
        assert!((y[0] - (1.0 - 0.5 * GRAVITY * since * since)).abs() < 1e-9, "{t}: {y:?}");
    }
    assert_eq!(solution.events.len(), 111);
}

/// `x' = 1` in one long step.
fn line(options: &mut SolveOptions<[f64; 1]>) -> Solution<[f64; 1]> {
    let field = from_fn(|_t, _y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = 1.0);
    solve(&mut ExplicitRk::new(&RK4, field, &[0.0]), &[0.0], options)
}

#[test]
fn events_of_one_step_happen_in_the_order_of_time() {
    let at = |x: f64| Event::new(move |_, y: &[f64; 1]| y[0] - x);
    let log = |solution: &Solution<[f64; 1]>| -> Vec<(usize, f64)> {
        solution.events.iter().map(|e| (e.index, (e.t * 1e9).round() / 1e9)).collect()
    };
    let ten = || SolveOptions::new(0.0, 10.0, Control::Fixed { dt: 10.0 });
    let all = line(&mut ten().event(at(7.0)).event(at(3.0)).event(at(5.0)));
    assert_eq!(log(&all), [(1, 3.0), (2, 5.0), (0, 7.0)]);
    assert_eq!(all.stats.accepted, 1);
    // A terminal one hides what would have come after it.
    let ended = line(&mut ten().event(at(7.0)).event(at(3.0)).event(at(5.0).terminal()));
    assert_eq!(log(&ended), [(1, 3.0), (2, 5.0)]);
    assert!(matches!(ended.outcome, Outcome::Event { index: 2, t } if (t - 5.0).abs() < 1e-12));
    // A reset makes another trajectory of the rest: seven is met at nine, three a second time at five and more.
    let dense =
        &mut ten().event(at(7.0)).event(at(3.0)).event(at(5.0).reset(|_, y| y[0] -= 3.0)).save(SaveAt::Dense);
    let reset = line(dense);
    assert_eq!(log(&reset), [(1, 3.0), (2, 5.0), (1, 6.0), (2, 8.0), (1, 9.0)]);
    assert!((reset.last().unwrap()[0] - 4.0).abs() < 1e-12 && reset.stats.accepted == 3);
    let dense = reset.dense.unwrap();
    for (t, x) in [(4.5, 4.5), (5.5, 2.5), (7.5, 4.5), (8.5, 2.5)] {
        assert!((dense.at(t).unwrap()[0] - x).abs() < 1e-12, "{t}");
    }
    // Directions, backward too: a root is rising or falling along the integration.
    let counted = |direction, t1: f64| {
        let wave = Event::new(|t: f64, _y: &[f64; 1]| t.cos()).direction(direction);
        line(&mut SolveOptions::new(0.0, t1, Control::Fixed { dt: 0.5 }).event(wave)).events.len()
    };
    for end in [20.0, -20.0] {
        let counts = [Direction::Any, Direction::Rising, Direction::Falling].map(|d| counted(d, end));
        assert_eq!(counts, [6, 3, 3], "{end}");
    }
}

#[test]
fn resets_at_the_same_time_all_happen() {
    // Into a corner, and back the same way.
    let field = from_fn(|_t, y: &[f64; 4], dy: &mut [f64; 4]| *dy = [y[2], y[3], 0.0, 0.0]);
    let wall = |c: usize| {
        Event::new(move |_, y: &[f64; 4]| 1.0 - y[c])
            .direction(Direction::Falling)
            .reset(move |_, y| y[c + 2] *= -1.0)
    };
    let mut options = SolveOptions::new(0.0, 4.0, Control::Fixed { dt: 0.7 }).event(wall(0)).event(wall(1));
    let solution = solve(&mut ExplicitRk::new(&RK4, field, &[0.0; 4]), &[0.1, 0.4, 0.6, 0.4], &mut options);
    assert_eq!(solution.events.len(), 2);
    assert!((solution.events[0].t - solution.events[1].t).abs() < 1e-14);
    let y = solution.last().unwrap();
    let expected = [1.0 - 0.6 * 2.5, 1.0 - 0.4 * 2.5, -0.6, -0.4];
    assert!(y.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{y:?}");
}

#[test]
fn rejected_steps_have_no_events() {
    let run = |first: Option<f64>| {
        let field = from_fn(|t: f64, _y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = (3.0 * t).cos());
        let mut options = SolveOptions::new(0.0, 20.0, Control::adaptive(1e-10, 1e-10))
            .event(Event::new(|_, y: &[f64; 1]| y[0] - 0.1));
        options.initial_step = first;
        solve(&mut ExplicitRk::new(&TSIT5, field, &[0.0]), &[0.0], &mut options)
    };
    // A first step over several periods is refused, and what it would have met with it.
    let (careful, rash) = (run(None), run(Some(15.0)));
    assert!(rash.stats.rejected > 1);
    assert_eq!(careful.events.len(), 20);
    assert_eq!(rash.events.len(), 20);
    for (a, b) in careful.events.iter().zip(&rash.events) {
        assert!((a.t - b.t).abs() < 1e-8);
    }
}

#[test]
fn an_event_that_never_happens_is_an_empty_log_or_a_failure() {
    let high = || Event::new(|_, y: &[f64; 2]| y[0] - 5.0);
    let mut options = SolveOptions::new(0.0, 1.0, Control::adaptive(1e-8, 1e-8)).event(high());
    let solution = solve(&mut ball(&DOPRI5), &[1.0, 0.0], &mut options);
    assert_eq!((solution.outcome, solution.events.len()), (Outcome::Reached, 0));
    let mut options = SolveOptions::new(0.0, 1.0, Control::adaptive(1e-8, 1e-8))
        .event(bounce(0.5).required())
        .event(high().required());
    let solution = solve(&mut ball(&DOPRI5), &[1.0, 0.0], &mut options);
    assert_eq!(solution.outcome, Outcome::NeverFired { index: 1, t: 1.0 });
    assert!(!solution.outcome.is_success() && solution.last().is_some());
    let message = solution.outcome.to_string();
    assert!(message.contains("event 1 had not happened by t = 1: lengthen the interval"), "{message}");
}

#[test]
fn a_reset_to_nowhere_ends_with_a_name() {
    let event = bounce(1.0).reset(|_, y| y[1] = f64::NAN);
    let mut options = SolveOptions::new(0.0, 3.0, Control::adaptive(1e-8, 1e-8)).event(event);
    let solution = solve(&mut ball(&DOPRI5), &[1.0, 0.0], &mut options);
    assert!(
        matches!(solution.outcome, Outcome::NonFinite { t } if (t - (2.0 / GRAVITY).sqrt()).abs() < 1e-9)
    );
    assert!(solution.last().unwrap()[1] < 0.0);
}

/// A driven pendulum whose angle passes a line that moves.
fn swing(t: f64, y: &[f64; 2], dy: &mut [f64; 2]) {
    *dy = [y[1], -y[0].sin() + 0.3 * (2.0 * t).cos()];
}

fn condition(t: f64, y: &[f64; 2], level: f64) -> f64 {
    y[0] + 0.2 * y[1] * y[1] - level - 0.1 * t
}

/// Not linear, and not the same at all times.
fn reset(t: f64, y: &[f64; 2]) -> [f64; 2] {
    [y[0] - 0.3 * y[1], -0.7 * y[1] + 0.2 * y[0] * y[0] + 0.1 * t]
}

fn run(t0: f64, t1: f64, y0: [f64; 2], events: Vec<Event<[f64; 2]>>) -> Solution<[f64; 2]> {
    let control = Control::Pid(Pid { rtol: 1e-13, atol: 1e-13, max_step: 0.05, ..Pid::default() });
    let mut options = SolveOptions::new(t0, t1, control);
    options.events = events;
    solve(&mut ExplicitRk::new(&DOPRI8, from_fn(swing), &[0.0; 2]), &y0, &mut options)
}

/// Columns of central differences.
fn differences(f: impl Fn([f64; 2]) -> Vec<f64>, at: [f64; 2]) -> DMatrix<f64> {
    let e = 1e-5;
    let columns: Vec<DVector<f64>> = (0..2)
        .map(|i| {
            let (mut a, mut b) = (at, at);
            (a[i], b[i]) = (at[i] + e, at[i] - e);
            (DVector::from_vec(f(a)) - DVector::from_vec(f(b))) / (2.0 * e)
        })
        .collect();
    DMatrix::from_columns(&columns)
}

const START: [f64; 2] = [-0.8, 0.9];
const LEVEL: f64 = 0.4;

fn gate(level: f64) -> Event<[f64; 2]> {
    Event::new(move |t, y: &[f64; 2]| condition(t, y, level)).direction(Direction::Rising)
}

/// Time, state, slope just before, and the crossing of the first event.
fn first() -> (f64, [f64; 2], Crossing) {
    let record = run(0.0, 5.0, START, vec![gate(LEVEL).terminal()]).events.remove(0);
    let (t, y) = (record.t, record.y);
    let mut before = [0.0; 2];
    swing(t, &y, &mut before);
    (t, y, Crossing::new(&[1.0, 0.4 * y[1]], -0.1, &before).unwrap())
}

#[test]
fn the_time_of_an_event_has_the_gradient_of_differences() {
    let (t, _, crossing) = first();
    let time = |y0: [f64; 2], level: f64| run(0.0, 5.0, y0, vec![gate(level).terminal()]).events[0].t;
    let flow = differences(|y0| run(0.0, t, y0, Vec::new()).ys[0].to_vec(), START);
    let expected = differences(|y0| vec![time(y0, LEVEL)], START);
    let own = DVector::from_column_slice(crossing.time_gradient()).transpose() * &flow;
    assert!((&own - &expected).amax() < 1e-7, "{own} {expected}");
    // The condition falls by one as the level rises by one.
    let by_level = (time(START, LEVEL + 1e-5) - time(START, LEVEL - 1e-5)) / 2e-5;
    assert!((-crossing.time_by_condition() - by_level).abs() < 1e-7, "{by_level}");
    // A loss of time and state, back to the start, and to the level.
    let loss = |y0: [f64; 2], level: f64| {
        let end = run(0.0, 5.0, y0, vec![gate(level).terminal()]);
        end.ys[0][0] * 2.0 - end.ys[0][1] + 0.5 * end.events[0].t
    };
    let mut cotangent = [2.0, -1.0];
    let total = crossing.pull_back(&mut cotangent, 0.5);
    let own = DVector::from_column_slice(&cotangent).transpose() * &flow;
    let expected = differences(|y0| vec![loss(y0, LEVEL)], START);
    assert!((&own - &expected).amax() < 1e-7, "{own} {expected}");
    let by_level = (loss(START, LEVEL + 1e-5) - loss(START, LEVEL - 1e-5)) / 2e-5;
    assert!((-total * crossing.time_by_condition() - by_level).abs() < 1e-7);
}

#[test]
fn a_reset_has_the_saltation_matrix_of_differences() {
    let (t, y, crossing) = first();
    let end = t + 0.6;
    let whole = |y0: [f64; 2]| {
        let solution = run(0.0, end, y0, vec![gate(LEVEL).reset(|t, y| *y = reset(t, y))]);
        assert_eq!(solution.events.len(), 1);
        solution.ys[0].to_vec()
    };
    let after = reset(t, &y);
    let mut slope = [0.0; 2];
    swing(t, &after, &mut slope);
    let jacobian = dmatrix![1.0, -0.3; 0.4 * y[0], -0.7];
    let saltation = crossing.saltation(&jacobian, &[0.0, 0.1], &slope);
    let before = differences(|y0| run(0.0, t, y0, Vec::new()).ys[0].to_vec(), START);
    let later = differences(|y| run(t, end, y, Vec::new()).ys[0].to_vec(), after);
    let own = &later * &saltation * &before;
    let expected = differences(whole, START);
    assert!((&own - &expected).amax() < 1e-6, "{own} {expected}");
    // The Jacobian of the reset alone is not enough.
    assert!((&later * &jacobian * &before - &expected).amax() > 0.1);
}

#[test]
fn a_grazing_event_has_no_gradient() {
    let grazing = Crossing::new(&[1.0, 0.0], 0.0, &[0.0, -1.0]).unwrap_err();
    assert_eq!(grazing.rate, 0.0);
    assert!(grazing.to_string().contains("grazing"));
    assert!(Crossing::new(&[0.1, 0.2], -0.05, &[0.1, 0.2]).is_err());
}
