//! The memory of a gradient, by the allocator.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::gradient::{Adjoint, Checkpointed, Gradient, Loss, Reversible};
use flowmap_solvers::increment::{Ordinary, with_vector_jacobian};
use flowmap_solvers::solve::SolveOptions;
use flowmap_solvers::stepper::explicit_rk::{RK4, RungeKutta};
use flowmap_solvers::stepper::reversible::{EES25, ReversibleHeun};
use flowmap_solvers::stepper::scheme::Differentiable;
use ndarray::Array1;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const ENTRIES: usize = 1000;
const STATE: usize = 8 * ENTRIES;

type Y = Array1<f64>;
type Rotation = flowmap_solvers::increment::WithVectorJacobian<
    fn(f64, &Y, &mut Y),
    fn(f64, &Y, &Y, f64, &mut Y, &mut Vec<f64>),
>;

/// Pairs that rotate.
fn field() -> Ordinary<Rotation> {
    fn eval(_t: f64, y: &Y, dy: &mut Y) {
        for i in (0..ENTRIES).step_by(2) {
            (dy[i], dy[i + 1]) = (y[i + 1], -y[i]);
        }
    }
    fn pull(_t: f64, _y: &Y, v: &Y, scale: f64, y_bar: &mut Y, _gradient: &mut Vec<f64>) {
        for i in (0..ENTRIES).step_by(2) {
            y_bar[i] -= scale * v[i + 1];
            y_bar[i + 1] += scale * v[i];
        }
    }
    Ordinary(with_vector_jacobian(0, eval as fn(f64, &Y, &mut Y), pull as _))
}

/// What the statistics say was kept, and what the allocator saw at most, in states.
fn measured<M: Differentiable<Y, Ordinary<Rotation>>>(
    scheme: M,
    gradient: Gradient,
    steps: usize,
) -> (f64, f64) {
    let mut options = SolveOptions::new(0.0, 10.0, Control::Fixed { dt: 10.0 / steps as f64 });
    let y0 = Array1::from_elem(ENTRIES, 1.0);
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let found = Adjoint::new(gradient)
        .differentiate(scheme, field(), &y0, &mut options, |s| Loss::new(0.0, vec![s.ys[0].clone()]))
        .unwrap();
    let peak = ALLOCATOR.peak_usage() - before;
    assert_eq!(found.stats.fallbacks, 0);
    (found.stats.peak_bytes as f64 / STATE as f64, peak as f64 / STATE as f64)
}

#[test]
fn the_allocator_sees_what_the_statistics_say() {
    // Beside what is kept: the states of the driver, the stages of a step, cotangents.
    let working = 45.0; // and the headers of arrays
    let slots = Gradient::Checkpointed(Checkpointed { slots: Some(10), budget_mb: None });
    let budget =
        Gradient::Checkpointed(Checkpointed { slots: None, budget_mb: Some(20.0 * STATE as f64 / 1e6) });
    let segments = Gradient::Reversible(Reversible { segment: Some(50), tolerance: 1e-9 });
    let whole = Gradient::Reversible(Reversible { segment: None, tolerance: f64::INFINITY });
    for steps in [100, 1000, 5000] {
        let n = steps as f64;
        let rk4 = || RungeKutta::new(&RK4);
        let cases = [
            ("step_checkpoint", measured(rk4(), Gradient::StepCheckpoint {}, steps), n),
            ("direct", measured(rk4(), Gradient::Direct {}, steps), 5.0 * n),
            ("checkpointed", measured(rk4(), slots, steps), 10.0),
            ("checkpointed by a budget", measured(rk4(), budget, steps), 20.0),
            ("reversible", measured(ReversibleHeun::new(), segments, steps), 2.0 * (n / 50.0) + 1.0),
            ("reversible, one segment", measured(ReversibleHeun::new(), whole, steps), 3.0),
            ("reversible EES(2,5), one segment", measured(RungeKutta::new(&EES25), whole, steps), 2.0),
            ("backsolve", measured(rk4(), Gradient::Backsolve {}, steps), 2.0),
        ];
        for (name, (kept, seen), promised) in cases {
            assert!(
                (kept - promised).abs() < 0.5,
                "{name}, {steps} steps: {kept} states, promised {promised}"
            );
            assert!(
                seen > kept && seen < 1.02 * kept + working,
                "{name}, {steps} steps: {seen} seen of {kept} kept"
            );
        }
    }
}
