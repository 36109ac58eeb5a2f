//! Conserved quantities over many trajectories.

use flowmap_datasets::drift;
use flowmap_datasets::problem::Problem;
use ndarray::{ArrayD, Axis};

/// For every conserved quantity: its name and, at every time, the largest deviation from the start over the trajectories of
/// `[trajectory, time, channel, x, …]`; not a number where one of them is none.
pub(super) fn drift(problem: &Problem, values: &ArrayD<f64>) -> Vec<(String, Vec<f64>)> {
    let mut largest: Vec<(String, Vec<f64>)> = Vec::new();
    for trajectory in values.axis_iter(Axis(0)) {
        let states = trajectory.axis_iter(Axis(0)).map(|state| state.iter().copied().collect::<Vec<_>>());
        for (name, deviations) in drift::drift(problem, states) {
            match largest.iter_mut().find(|(n, _)| n == name) {
                Some((_, series)) => series
                    .iter_mut()
                    .zip(deviations)
                    .for_each(|(l, d)| *l = if d.is_nan() { d } else { l.max(d) }),
                None => largest.push((name.to_owned(), deviations)),
            }
        }
    }
    largest
}
