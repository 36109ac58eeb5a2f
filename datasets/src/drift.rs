//! Conserved quantities along a trajectory.

use crate::problem::Problem;

/// Below this a conserved quantity counts as zero, and its drift is absolute.
const ZERO: f64 = 1e-9;

/// For every conserved quantity: its name and the deviation of every state from the first, relative unless the quantity is
/// zero at the start.
pub fn drift<S: AsRef<[f64]>>(
    problem: &Problem,
    states: impl IntoIterator<Item = S>,
) -> Vec<(&'static str, Vec<f64>)> {
    let mut invariants = problem.invariant_reader();
    let mut states = states.into_iter().map(|state| invariants(state.as_ref()));
    let Some(start) = states.next() else { return Vec::new() };
    let mut series: Vec<_> = start.iter().map(|(name, _)| (*name, vec![0.0])).collect();
    for now in states {
        for (((_, deviations), (_, a)), (_, b)) in series.iter_mut().zip(&start).zip(&now) {
            deviations.push(if a.abs() > ZERO { ((b - a) / a).abs() } else { (b - a).abs() });
        }
    }
    series
}
