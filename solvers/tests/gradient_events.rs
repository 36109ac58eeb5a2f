//! Gradients by the times, through a terminal event, and where there is none.

#![allow(clippy::unwrap_used)]

mod planar;

use flowmap_solvers::control::Control;
use flowmap_solvers::event::{Direction, Event};
use flowmap_solvers::gradient::{Adjoint, Gradient, GradientError, Loss};
use flowmap_solvers::increment::Ordinary;
use flowmap_solvers::solve::{SaveAt, SolveOptions};
use flowmap_solvers::stepper::explicit_rk::{DOPRI8, RK4, RungeKutta, TSIT5, Tableau};
use planar::{BoxedField, flat, kinds, loss, network, relative, weights};

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
    let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 0.1 })
        .event(Event::new(|t, _y: &[f64; 2]| t - 0.55).reset(|_t, y| y[1] = 0.0));
    let jumped = Adjoint::new(Gradient::default())
        .differentiate(RungeKutta::new(&RK4), network(weights()), &[0.6, -0.3], &mut options, loss)
        .unwrap_err();
    assert!(matches!(jumped, GradientError::Reset { index: 0, .. }), "{jumped}");
}
