//! Conserved quantities along trajectories.

use flowmap_datasets::problem::Problem;
use ndarray::{ArrayD, Axis};

/// Below this a conserved quantity counts as zero, and its drift is absolute.
const ZERO: f64 = 1e-9;

/// For every conserved quantity: its name and, at every time, the largest deviation from the start over the trajectories of
/// `[trajectory, time, channel, x, …]`, relative unless the quantity is zero.
pub(super) fn drift(problem: &Problem, values: &ArrayD<f64>) -> Vec<(String, Vec<f64>)> {
    let mut series: Vec<(String, Vec<f64>)> = Vec::new();
    for trajectory in values.axis_iter(Axis(0)) {
        let mut start = Vec::new();
        for (i, state) in trajectory.axis_iter(Axis(0)).enumerate() {
            let state: Vec<f64> = state.iter().copied().collect();
            let now = problem.invariants(&state);
            if i == 0 {
                start = now.clone();
            }
            for (j, ((name, a), (_, b))) in start.iter().zip(&now).enumerate() {
                let deviation = if a.abs() > ZERO { ((b - a) / a).abs() } else { (b - a).abs() };
                if series.len() <= j {
                    series.push(((*name).to_owned(), Vec::new()));
                }
                match series[j].1.get_mut(i) {
                    Some(largest) => {
                        *largest = if deviation.is_nan() { deviation } else { largest.max(deviation) }
                    }
                    None => series[j].1.push(deviation),
                }
            }
        }
    }
    series
}
