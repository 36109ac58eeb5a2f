//! Batches: every row as it would go alone, with its own outcome, events and count.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::batch::{BatchOptions, BatchSolution, from_arrays, pointwise, solve_batch};
use flowmap_solvers::control::Control;
use flowmap_solvers::event::{Direction, Event};
use flowmap_solvers::field::from_fn;
use flowmap_solvers::solve::{BadInput, Outcome, SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{BOGACKI_SHAMPINE, DOPRI5, DOPRI8, ExplicitRk, RK4, TSIT5};
use ndarray::{Array2, array};

fn lorenz(_t: f64, &[x, y, z]: &[f64; 3], dy: &mut [f64; 3]) {
    *dy = [10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z];
}

fn starts(rows: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, 3), |(i, c)| 1.0 + 0.01 * ((i * (c + 2)) % 97) as f64)
}

#[test]
fn a_row_is_what_it_would_be_alone() {
    let times: Vec<f64> = (0..5).map(|i| 0.4 * f64::from(i)).collect();
    for tableau in [&BOGACKI_SHAMPINE, &DOPRI5, &TSIT5, &DOPRI8] {
        let starts = starts(150);
        let batch = BatchOptions::new(0.0, 2.0, 1e-7, 1e-7).save(times.clone()).event(
            |_, _, y| y[0] - y[1],
            Direction::Rising,
            false,
        );
        let solution = solve_batch(tableau, &pointwise(lorenz), starts.view(), &batch).unwrap();
        let mut events = solution.events.iter().peekable();
        for (i, start) in starts.rows().into_iter().enumerate() {
            let start = [start[0], start[1], start[2]];
            let mut options = SolveOptions::new(0.0, 2.0, Control::adaptive(1e-7, 1e-7))
                .save(SaveAt::Times(times.clone()))
                .event(Event::new(|_, y: &[f64; 3]| y[0] - y[1]).direction(Direction::Rising));
            let alone =
                solve(&mut ExplicitRk::new(tableau, from_fn(lorenz), &[0.0; 3]), &start, &mut options);
            let stats = solution.stats[i];
            assert_eq!(solution.outcomes[i], Outcome::Reached);
            assert_eq!((stats.accepted, stats.rejected), (alone.stats.accepted, alone.stats.rejected));
            // The slope at the start is evaluated once less.
            let extra = if tableau.name == "dopri8" { 1000 } else { 0 };
            assert!(stats.work.evaluations.abs_diff(alone.stats.work.evaluations) <= 1 + extra);
            for (k, y) in alone.ys.iter().enumerate() {
                for c in 0..3 {
                    let difference = (solution.saved[[i, k, c]] - y[c]).abs();
                    assert!(difference < 1e-9, "{} row {i} at {k}: {difference:e}", tableau.name);
                }
            }
            for record in &alone.events {
                let own = events.next().unwrap();
                assert_eq!(own.row, i);
                assert!((own.t - record.t).abs() < 1e-9, "{} {} {}", tableau.name, own.t, record.t);
            }
            assert_eq!(solution.ts[i], 2.0);
        }
        assert!(events.next().is_none());
    }
}

fn bits(solution: &BatchSolution) -> Vec<u64> {
    solution.ys.iter().map(|y| y.to_bits()).collect()
}

#[test]
fn threads_and_neighbours_change_nothing() {
    let starts = starts(1000);
    let run = |threads: usize, width: Option<usize>| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut options = BatchOptions::new(0.0, 3.0, 1e-6, 1e-6);
        options.width = width;
        pool.install(|| solve_batch(&TSIT5, &pointwise(lorenz), starts.view(), &options).unwrap())
    };
    let one = run(1, None);
    assert_eq!(bits(&one), bits(&run(3, None)));
    // Other neighbours in work, and more or fewer of them at the end.
    assert_eq!(bits(&one), bits(&run(2, Some(1000))));
    assert!(one.stats.iter().any(|s| s.accepted != one.stats[0].accepted));
}

#[test]
fn a_row_that_fails_leaves_the_others_alone() {
    // Row 3 explodes at t = 1, row 5 is not a number from t = 0.5 on, row 7 is too stiff, row 9 starts nowhere.
    let field = from_arrays(2, |rows, y, mut dy| {
        for (i, (row, t)) in rows.index.iter().zip(rows.t).enumerate() {
            let [a, b] = [y[[0, i]], y[[1, i]]];
            let slopes = match row {
                3 => [a * a, 0.0],
                5 if *t > 0.5 => [f64::NAN, 0.0],
                7 => [-1e6 * (a - t.cos()), 0.0],
                _ => [b, -a],
            };
            (dy[[0, i]], dy[[1, i]]) = (slopes[0], slopes[1]);
        }
    });
    let mut starts = Array2::from_shape_fn((80, 2), |(_, c)| 1.0 - c as f64);
    starts[[9, 1]] = f64::INFINITY;
    let mut options = BatchOptions::new(0.0, 2.0, 1e-8, 1e-8).event(
        |row, _, y| if row == 20 { y[0] - 0.5 } else { 1.0 },
        Direction::Falling,
        true,
    );
    options.max_steps = 20_000;
    let solution = solve_batch(&DOPRI5, &field, starts.view(), &options).unwrap();
    let failed: Vec<usize> = solution.failures().map(|(row, _)| row).collect();
    assert_eq!(failed, [3, 5, 7, 9]);
    for (row, outcome) in solution.failures() {
        let message = format!("row {row}: {outcome}");
        match row {
            3 => assert!(outcome.time().is_some_and(|t| (t - 1.0).abs() < 1e-6), "{message}"),
            5 => assert!(matches!(outcome, Outcome::NonFinite { t } if (t - 0.5).abs() < 1e-6), "{message}"),
            7 => assert!(
                matches!(outcome, Outcome::StepLimit { steps: 20_000, .. }) && message.contains("kvaerno5"),
                "{message}"
            ),
            _ => assert_eq!(*outcome, Outcome::NonFinite { t: 0.0 }),
        }
    }
    for row in (0..80).filter(|row| ![3, 5, 7, 9, 20].contains(row)) {
        assert_eq!(solution.outcomes[row], Outcome::Reached);
        assert!((solution.ys[[row, 0]] - 2.0_f64.cos()).abs() < 1e-6);
    }
    let third = std::f64::consts::FRAC_PI_3;
    assert!(matches!(solution.outcomes[20], Outcome::Event { index: 0, t } if (t - third).abs() < 1e-8));
    assert_eq!(solution.events.len(), 1);
    assert!((solution.ys[[20, 0]] - 0.5).abs() < 1e-12 && solution.ts[20] == solution.events[0].t);
}

#[test]
fn a_network_is_one_product_a_layer() {
    // y' = tanh(y A) B, the rows of the batch as columns.
    let (a, b) = (array![[0.3, -0.8], [0.5, 0.1], [-0.6, 0.9]], array![[0.2, -0.7, 0.4], [0.6, 0.3, -0.5]]);
    let (mut calls, mut most) = (0, 0);
    let network = |y: ndarray::ArrayView2<f64>| b.dot(&a.dot(&y).mapv(f64::tanh));
    let starts = Array2::from_shape_fn((100, 2), |(i, c)| (i as f64 * 0.1 + c as f64).sin());
    let mut options = BatchOptions::new(0.0, 4.0, 1e-6, 1e-6);
    options.width = Some(100);
    let field = from_arrays(2, |_rows, y, mut dy: ndarray::ArrayViewMut2<f64>| dy.assign(&network(y)));
    let solution = solve_batch(&TSIT5, &field, starts.view(), &options).unwrap();
    for (start, end) in starts.rows().into_iter().zip(solution.ys.rows()) {
        let field = from_fn(|_t, y: &ndarray::Array1<f64>, dy: &mut ndarray::Array1<f64>| {
            dy.assign(&network(y.view().insert_axis(ndarray::Axis(1))).column(0));
            (calls, most) = (calls + 1, most.max(dy.len()));
        });
        let start = start.to_owned();
        let mut one = SolveOptions::new(0.0, 4.0, Control::adaptive(1e-6, 1e-6));
        let alone = solve(&mut ExplicitRk::new(&TSIT5, field, &start), &start, &mut one);
        assert!(alone.ys[0].iter().zip(end).all(|(a, b)| (a - b).abs() < 1e-12));
    }
    assert!(calls > 0 && most == 2);
}

#[test]
fn backward_and_empty_intervals_and_empty_batches() {
    let field = pointwise(lorenz);
    let starts = starts(70);
    let there =
        solve_batch(&DOPRI8, &field, starts.view(), &BatchOptions::new(0.0, 0.5, 1e-11, 1e-11)).unwrap();
    let back = BatchOptions::new(0.5, 0.0, 1e-11, 1e-11).save(vec![0.5, 0.25]);
    let back = solve_batch(&DOPRI8, &field, there.ys.view(), &back).unwrap();
    assert!(back.ys.iter().zip(&starts).all(|(a, b)| (a - b).abs() < 1e-7));
    assert_eq!(back.saved.index_axis(ndarray::Axis(1), 0), there.ys);
    let none = solve_batch(&DOPRI5, &field, starts.view(), &BatchOptions::new(1.0, 1.0, 1e-6, 1e-6)).unwrap();
    assert!(none.ys == starts && none.stats.iter().all(|s| s.accepted == 0) && none.failures().count() == 0);
    let empty = Array2::zeros((0, 3));
    let solved =
        solve_batch(&DOPRI5, &field, empty.view(), &BatchOptions::new(0.0, 1.0, 1e-6, 1e-6)).unwrap();
    assert!(solved.outcomes.is_empty());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (field, starts) = (pointwise(lorenz), starts(4));
    let refused = |options: &BatchOptions| solve_batch(&DOPRI5, &field, starts.view(), options).unwrap_err();
    assert_eq!(
        refused(&BatchOptions::new(0.0, 1.0, 0.0, 0.0)),
        BadInput::Tolerances { rtol: 0.0, atol: 0.0 }
    );
    let unsorted = BatchOptions::new(0.0, 1.0, 1e-6, 1e-6).save(vec![0.1, 0.5, 0.5]);
    assert_eq!(refused(&unsorted), BadInput::RepeatedTime { index: 2, t: 0.5 });
    let options = BatchOptions::new(0.0, 1.0, 1e-6, 1e-6);
    assert_eq!(solve_batch(&RK4, &field, starts.view(), &options).unwrap_err(), BadInput::NoErrorEstimate);
    let narrow = Array2::zeros((4, 2));
    let message = solve_batch(&DOPRI5, &field, narrow.view(), &options).unwrap_err().to_string();
    assert!(message.contains("2 components") && message.contains("field 3"), "{message}");
}
