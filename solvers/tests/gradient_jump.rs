//! Gradients through resets: a bouncing ball against differences of the whole solve.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::event::{Direction, Event};
use flowmap_solvers::field::from_fn;
use flowmap_solvers::gradient::{Checkpointed, Gradient, GradientError, Jump, differentiate_through};
use flowmap_solvers::increment::{Ordinary, PullBack, with_vector_jacobian};
use flowmap_solvers::solve::{SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{DOPRI8, ExplicitRk, RungeKutta};

/// A floor that rises, from which a ball returns with a part of its speed relative to it, a little less from higher up.
#[derive(Clone, Copy)]
struct Floor {
    rise: f64,
    restitution: f64,
}

impl Jump<[f64; 2]> for Floor {
    fn condition(&self, t: f64, y: &[f64; 2]) -> f64 {
        y[0] - self.rise * t
    }
    fn condition_gradient(&self, _t: f64, _y: &[f64; 2]) -> (f64, [f64; 2]) {
        (-self.rise, [1.0, 0.0])
    }
    fn direction(&self) -> Direction {
        Direction::Falling
    }
    fn reset(&self, t: f64, y: &mut [f64; 2]) {
        y[1] = self.rise - self.restitution * (1.0 - 0.02 * t) * (y[1] - self.rise);
    }
    fn pull_back(&self, t: f64, y: &[f64; 2], v: &mut [f64; 2]) -> f64 {
        let by_time = 0.02 * self.restitution * (y[1] - self.rise) * v[1];
        v[1] *= -self.restitution * (1.0 - 0.02 * t);
        by_time
    }
}

const FLOOR: Floor = Floor { rise: 0.1, restitution: 0.8 };
const TIMES: [f64; 3] = [0.3, 1.1, 2.0];

/// Gravity and drag.
fn fall([gravity, drag]: [f64; 2]) -> impl PullBack<[f64; 2], Gradient = Vec<f64>> {
    Ordinary(with_vector_jacobian(
        2,
        move |_t, y: &[f64; 2], dy: &mut [f64; 2]| *dy = [y[1], -gravity - drag * y[1]],
        move |_t, y: &[f64; 2], v: &[f64; 2], scale, y_bar: &mut [f64; 2], gradient: &mut Vec<f64>| {
            y_bar[1] += scale * (v[0] - drag * v[1]);
            gradient[0] -= scale * v[1];
            gradient[1] -= scale * y[1] * v[1];
        },
    ))
}

fn options() -> SolveOptions<[f64; 2]> {
    SolveOptions::new(0.0, 2.0, Control::adaptive(1e-11, 1e-11)).save(SaveAt::Times(TIMES.to_vec()))
}

/// `Σ (i + 1) y₀² + ½ y₁` over the saved states.
fn value(ys: &[[f64; 2]]) -> f64 {
    ys.iter().enumerate().map(|(i, y)| (i + 1) as f64 * y[0] * y[0] + 0.5 * y[1]).sum()
}

/// By one solve with the resets in it.
fn whole(x: [f64; 4]) -> f64 {
    let [gravity, drag] = [x[2], x[3]];
    let field = from_fn(move |_t, y: &[f64; 2], dy: &mut [f64; 2]| *dy = [y[1], -gravity - drag * y[1]]);
    let event = Event::new(|t, y: &[f64; 2]| FLOOR.condition(t, y)).direction(Direction::Falling);
    let mut options = options().event(event.reset(|t, y| FLOOR.reset(t, y)));
    let solution = solve(&mut ExplicitRk::new(&DOPRI8, field, &[0.0; 2]), &[x[0], x[1]], &mut options);
    assert_eq!(solution.events.len(), 3);
    value(&solution.ys)
}

#[test]
fn a_bouncing_ball_is_differentiated_through_its_bounces() {
    let x = [1.0, 0.3, 9.8, 0.2];
    let measured: Vec<f64> = (0..4)
        .map(|i| {
            let at = |h: f64| {
                let mut x = x;
                x[i] += h;
                whole(x)
            };
            (at(1e-5) - at(-1e-5)) / 2e-5
        })
        .collect();
    let few = Gradient::Checkpointed(Checkpointed { slots: Some(3), budget_mb: None });
    for gradient in [Gradient::StepCheckpoint {}, Gradient::Direct {}, few] {
        let found = differentiate_through(
            gradient,
            || RungeKutta::new(&DOPRI8),
            || fall([x[2], x[3]]),
            &FLOOR,
            &[x[0], x[1]],
            &options(),
            &TIMES,
            |ys| {
                let bars = ys.iter().enumerate().map(|(i, y)| [2.0 * (i + 1) as f64 * y[0], 0.5]);
                (value(ys), bars.collect())
            },
        )
        .unwrap();
        assert_eq!(found.resets.len(), 3);
        assert!((found.value - whole(x)).abs() < 1e-8);
        let gradient = [&found.y0[..], &found.parameters].concat();
        for (i, (found, exact)) in gradient.iter().zip(&measured).enumerate() {
            assert!((found - exact).abs() < 1e-6 * exact.abs().max(1.0), "{i}: {found} {exact}");
        }
    }
}

#[test]
fn a_ball_that_comes_to_rest_and_a_wrong_loss_say_so() {
    let dead = Floor { rise: 0.0, restitution: 0.0 };
    let run = |floor: Floor, bars: usize| {
        differentiate_through(
            Gradient::default(),
            || RungeKutta::new(&DOPRI8),
            || fall([9.8, 0.0]),
            &floor,
            &[1.0, 0.0],
            &options().max_steps(200),
            &TIMES,
            |_| (0.0, vec![[0.0; 2]; bars]),
        )
        .unwrap_err()
    };
    assert_eq!(run(FLOOR, 1), GradientError::Cotangents { given: 1, saved: 3 });
    assert!(matches!(run(dead, 3), GradientError::Unfinished(_)));
}
