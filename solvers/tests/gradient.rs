//! Gradients of solves: every kind against keeping everything, and against differences.

#![allow(clippy::unwrap_used)]

mod planar;

use flowmap_solvers::control::Control;
use flowmap_solvers::gradient::{Adjoint, Checkpointed, Gradient, Loss, Reversible};
use flowmap_solvers::increment::{Ordinary, with_vector_jacobian};
use flowmap_solvers::solve::{SaveAt, SolveOptions};
use flowmap_solvers::stepper::explicit_rk::{
    BOGACKI_SHAMPINE, DOPRI5, DOPRI8, MIDPOINT, RK4, RungeKutta, TSIT5,
};
use flowmap_solvers::stepper::reversible::{AsynchronousLeapfrog, Bdia, Coupled, EES25, ReversibleHeun};
use planar::{Case, check, flat, loss, network, network_case, relative, weights};

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

#[test]
fn configs_name_a_gradient_and_say_what_is_wrong() {
    use flowmap_solvers::issue::Validate;
    let read = |text: &str| serde_json::from_str::<Gradient>(text);
    assert_eq!(read(r#"{"step_checkpoint": {}}"#).unwrap(), Gradient::default());
    let found = read(r#"{"reversible": {"segment": 10}}"#).unwrap();
    assert_eq!(found, Gradient::Reversible(Reversible { segment: Some(10), tolerance: 1e-9 }));
    assert!(read(r#"{"checkpointed": {"slot": 3}}"#).unwrap_err().to_string().contains("slots"));
    let bad = [
        Gradient::Checkpointed(Checkpointed { slots: Some(0), budget_mb: Some(-1.0) }),
        Gradient::Reversible(Reversible { segment: Some(0), tolerance: f64::NAN }),
    ];
    let paths: Vec<_> = bad.iter().flat_map(|g| g.issues("gradient")).map(|i| i.path).collect();
    let expected =
        ["checkpointed.slots", "checkpointed.budget_mb", "reversible.segment", "reversible.tolerance"];
    assert_eq!(paths, expected.map(|p| format!("gradient.{p}")));
    assert!(Gradient::default().issues("gradient").is_empty());
}
