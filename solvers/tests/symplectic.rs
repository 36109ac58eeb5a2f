//! Symplectic methods on the pendulum: order, bounded energy error, work.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::field::{Hamiltonian, Separable};
use flowmap_solvers::solve::{SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{DOPRI8, ExplicitRk};
use flowmap_solvers::stepper::symplectic::{SPLITTINGS, Symplectic, VELOCITY_VERLET, YOSHIDA4};

#[derive(Clone)]
struct Pendulum;

impl Separable<[f64; 1]> for Pendulum {
    fn velocity(&mut self, p: &[f64; 1], dq: &mut [f64; 1]) {
        *dq = *p;
    }
    fn force(&mut self, _t: f64, q: &[f64; 1], dp: &mut [f64; 1]) {
        dp[0] = -q[0].sin();
    }
}

const START: ([f64; 1], [f64; 1]) = ([1.2], [0.3]);

fn energy((q, p): &([f64; 1], [f64; 1])) -> f64 {
    0.5 * p[0] * p[0] - q[0].cos()
}

#[test]
fn every_splitting_converges_with_its_order() {
    let mut reference = ExplicitRk::new(&DOPRI8, Hamiltonian(Pendulum), &START);
    let exact =
        solve(&mut reference, &START, &mut SolveOptions::new(0.0, 3.0, Control::adaptive(1e-13, 1e-13)));
    let exact = *exact.last().unwrap();
    for splitting in SPLITTINGS {
        let error = |dt: f64| {
            let mut s = Symplectic::new(splitting, Pendulum, &START);
            let y = *solve(&mut s, &START, &mut SolveOptions::new(0.0, 3.0, Control::Fixed { dt }))
                .last()
                .unwrap();
            (y.0[0] - exact.0[0]).hypot(y.1[0] - exact.1[0])
        };
        let measured = (error(3.0 / 128.0) / error(3.0 / 256.0)).log2();
        assert!((measured - splitting.order as f64).abs() < 0.2, "{}: {measured}", splitting.name);
    }
}

#[test]
fn the_energy_error_stays_bounded() {
    for (splitting, bound) in [(&VELOCITY_VERLET, 2e-3), (&YOSHIDA4, 2e-5)] {
        let mut s = Symplectic::new(splitting, Pendulum, &START);
        let mut options =
            SolveOptions::new(0.0, 2000.0, Control::Fixed { dt: 0.1 }).save(SaveAt::Steps { every: 1 });
        let solution = solve(&mut s, &START, &mut options);
        let drift = solution.ys.iter().map(|y| (energy(y) - energy(&START)).abs()).fold(0.0, f64::max);
        assert!(drift < bound, "{}: {drift:e}", splitting.name);
    }
}

#[test]
fn one_force_a_verlet_step() {
    let mut s = Symplectic::new(&VELOCITY_VERLET, Pendulum, &START);
    let stats = solve(&mut s, &START, &mut SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 0.1 })).stats;
    assert_eq!(stats.work.evaluations, 11);
}
