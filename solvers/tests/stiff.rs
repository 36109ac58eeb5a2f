//! Implicit methods: order, stiff test problems against published end values, work.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::control::Control;
use flowmap_solvers::field::{FromFn, Jacobian, VectorField, from_fn};
use flowmap_solvers::solve::{SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::stiff::{ESDIRKS, Esdirk, FiniteDifference, KVAERNO3, KVAERNO5};
use nalgebra::{DMatrix, matrix};

/// `y' = y cos t` beside a rotation: `e^(sin t)`, `(cos 2t, sin 2t)`.
fn smooth(t: f64, y: &[f64; 3], dy: &mut [f64; 3]) {
    *dy = [y[0] * t.cos(), -2.0 * y[2], 2.0 * y[1]];
}

#[test]
fn every_method_converges_with_its_order() {
    for tableau in ESDIRKS {
        let error = |n: u32| {
            let field = FiniteDifference::new(from_fn(smooth), &[0.0; 3]);
            let mut stepper = Esdirk::new(tableau, field, &[0.0; 3], 1e-13, 1e-13);
            let mut options = SolveOptions::new(0.0, 2.0, Control::Fixed { dt: 2.0 / f64::from(n) });
            let solution = solve(&mut stepper, &[1.0, 1.0, 0.0], &mut options);
            let y = solution.ys[0];
            let exact = [2.0_f64.sin().exp(), 4.0_f64.cos(), 4.0_f64.sin()];
            y.iter().zip(exact).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        let (coarse, fine) = (error(64), error(128));
        let measured = (coarse / fine).log2();
        assert!((measured - tableau.order as f64).abs() < 0.2, "{}: {measured} ({fine:e})", tableau.name);
    }
}

#[test]
fn dense_output_is_of_third_order() {
    for tableau in ESDIRKS {
        let error = |dt: f64| {
            let field = FiniteDifference::new(from_fn(smooth), &[0.0; 3]);
            let mut stepper = Esdirk::new(tableau, field, &[0.0; 3], 1e-13, 1e-13);
            let times = vec![dt * 0.4, dt * 1.7];
            let mut options = SolveOptions::new(
                0.0,
                2.0 * dt,
                Control::Pid(flowmap_solvers::control::Pid {
                    rtol: 1e3,
                    atol: 1e3,
                    max_step: dt,
                    ..Default::default()
                }),
            )
            .save(SaveAt::Times(times));
            options.initial_step = Some(dt);
            let solution = solve(&mut stepper, &[1.0, 1.0, 0.0], &mut options);
            solution
                .ts
                .iter()
                .zip(&solution.ys)
                .map(|(t, y)| (y[0] - t.sin().exp()).abs())
                .fold(0.0, f64::max)
        };
        let measured = (error(0.05) / error(0.025)).log2();
        assert!(measured > 3.5, "{}: local error of order {measured}", tableau.name);
    }
}

#[derive(Clone)]
struct Robertson;

impl VectorField<[f64; 3]> for Robertson {
    fn eval(&mut self, _t: f64, &[x, y, z]: &[f64; 3], dy: &mut [f64; 3]) {
        let (a, b, c) = (0.04 * x, 1e4 * y * z, 3e7 * y * y);
        *dy = [b - a, a - b - c, c];
    }
}

impl Jacobian<[f64; 3]> for Robertson {
    fn jacobian(&mut self, _t: f64, &[_, y, z]: &[f64; 3], j: &mut DMatrix<f64>) {
        j.copy_from(&matrix![
            -0.04, 1e4 * z, 1e4 * y;
            0.04, -1e4 * z - 6e7 * y, -1e4 * y;
            0.0, 6e7 * y, 0.0
        ]);
    }
}

#[test]
fn robertson_reaches_the_published_values() {
    // F. Mazzia, C. Magherini, Test Set for IVP Solvers, release 2.4, problem ROBER; t = 40 from the CVODE example.
    let times = vec![40.0, 1e11];
    let exact = [
        [0.7158270687193, 0.9185534764558e-5, 0.2841637457458],
        [0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050],
    ];
    for (tableau, bound, steps) in [(&KVAERNO3, 2e-5, 10_000), (&KVAERNO5, 1e-5, 2000)] {
        let mut stepper = Esdirk::new(tableau, Robertson, &[0.0; 3], 1e-8, 1e-14);
        let mut options =
            SolveOptions::new(0.0, 1e11, Control::adaptive(1e-8, 1e-14)).save(SaveAt::Times(times.clone()));
        let solution = solve(&mut stepper, &[1.0, 0.0, 0.0], &mut options);
        assert!(solution.outcome.is_success(), "{}: {}", tableau.name, solution.outcome);
        for (y, e) in solution.ys.iter().zip(&exact) {
            for (y, e) in y.iter().zip(e) {
                assert!((y - e).abs() < bound * e.abs(), "{}: {y:e} {e:e}", tableau.name);
            }
        }
        let stats = solution.stats;
        assert!(stats.accepted < steps && stats.work.jacobians < stats.accepted / 2, "{stats:?}");
    }
}

fn van_der_pol(mu: f64) -> FiniteDifference<FromFn<impl FnMut(f64, &[f64; 2], &mut [f64; 2])>, [f64; 2]> {
    let field = move |_t: f64, y: &[f64; 2], dy: &mut [f64; 2]| {
        *dy = [y[1], mu * ((1.0 - y[0] * y[0]) * y[1]) - y[0]];
    };
    FiniteDifference::new(from_fn(field), &[0.0; 2])
}

#[test]
fn van_der_pol_reaches_the_published_values() {
    // Test Set for IVP Solvers, problem VDPOL (μ = 10³ in this scaling), t = 2000.
    let mut stepper = Esdirk::new(&KVAERNO5, van_der_pol(1e3), &[0.0; 2], 1e-8, 1e-10);
    let mut options = SolveOptions::new(0.0, 2000.0, Control::adaptive(1e-8, 1e-10));
    let solution = solve(&mut stepper, &[2.0, 0.0], &mut options);
    assert!(solution.outcome.is_success());
    assert!((solution.ys[0][0] - 1.706167732170469).abs() < 1e-6, "{:?}", solution.ys[0]);
    // An explicit method would need about μ·t/3 steps.
    assert!(solution.stats.accepted < 3000, "{:?}", solution.stats);
}

#[test]
fn a_singular_or_hopeless_stage_is_a_failure_not_a_number() {
    let blow_up = from_fn(|_t: f64, y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = (y[0] * y[0]).exp());
    let mut stepper = Esdirk::new(&KVAERNO3, FiniteDifference::new(blow_up, &[0.0]), &[0.0], 1e-8, 1e-8);
    let mut y1 = [0.0];
    assert!(stepper.step(0.0, 10.0, &[3.0], &mut y1).is_err());
}
