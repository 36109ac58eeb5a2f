//! Many trajectories of one equation at once, in lanes of a vector: each with its own step size, outcome, events and count.

mod block;
mod field;
mod lanes;
mod options;
mod queue;

pub use field::{BatchField, FromArrays, Pointwise, Rows, from_arrays, pointwise};
pub use options::{BatchOptions, RowEvent};

use ndarray::{Array2, Array3, ArrayView2, s};
use rayon::prelude::*;

use crate::solve::{BadInput, Outcome, Statistics};
use crate::stepper::explicit_rk::Tableau;
use queue::Queue;

/// Bytes of the stages of a block: what a core's nearest cache holds.
const NEAR: usize = 36 << 10;
/// Rows are placed in multiples of so many.
pub(crate) const CHUNK: usize = 64;
/// Parts into which a large batch is cut for the threads; fixed, so that the results do not depend on their number.
const PARTS: usize = 16;

/// A root that was found along one of the trajectories.
#[derive(Clone, Debug, PartialEq)]
pub struct RowRecord {
    /// The trajectory.
    pub row: usize,
    /// The position of the event in the list given.
    pub index: usize,
    /// The time of the root.
    pub t: f64,
    /// The state there.
    pub y: Vec<f64>,
}

/// The trajectories of a batch, each as far as it went.
#[derive(Clone, Debug)]
pub struct BatchSolution {
    /// The last time of every row.
    pub ts: Vec<f64>,
    /// The last state of every row, `[row, component]`.
    pub ys: Array2<f64>,
    /// The states at the save times, `[row, time, component]`; NaN from where a row ended.
    pub saved: Array3<f64>,
    /// How every row ended.
    pub outcomes: Vec<Outcome>,
    /// What every row has cost.
    pub stats: Vec<Statistics>,
    /// The events found, by row and time.
    pub events: Vec<RowRecord>,
}

impl BatchSolution {
    fn new(rows: usize, times: usize, components: usize, t0: f64) -> Self {
        Self {
            ts: vec![t0; rows],
            ys: Array2::zeros((rows, components)),
            saved: Array3::from_elem((rows, times, components), f64::NAN),
            outcomes: vec![Outcome::Reached; rows],
            stats: vec![Statistics::default(); rows],
            events: Vec::new(),
        }
    }

    /// The rows that did not end as asked for, each with its outcome, whose message names time and remedy.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Outcome)> {
        self.outcomes.iter().enumerate().filter(|(_, outcome)| !outcome.is_success())
    }
}

/// Moves every row of `starts`, `[row, component]`, from `options.t0` to `options.t1` by an explicit method with an error
/// estimate, under the control of [`solve`](crate::solve::solve).
///
/// The rows in work lie beside each other, `[component, row]` with the row contiguous, so that stages, error norms, the
/// controller and the field itself run over vectors of rows; a row that has ended, well or not, leaves its place to the next
/// of the queue, or at last to another row in work, so that no place is idle. Each row has the step sizes that it would have
/// alone (its results agree with [`solve`](crate::solve::solve) to rounding), and none sees the others' failure. Parts of the
/// batch run on all threads; the results do not depend on their number.
///
/// ```
/// use flowmap_solvers::batch::{BatchOptions, pointwise, solve_batch};
/// use flowmap_solvers::stepper::explicit_rk::TSIT5;
/// use ndarray::array;
/// let decay = pointwise(|_t, y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = -y[0]);
/// let options = BatchOptions::new(0.0, 1.0, 1e-9, 1e-9);
/// let solution = solve_batch(&TSIT5, &decay, array![[1.0], [2.0]].view(), &options)?;
/// assert!((solution.ys[[1, 0]] - 2.0 * (-1.0_f64).exp()).abs() < 1e-8 && solution.failures().count() == 0);
/// # Ok::<(), flowmap_solvers::solve::BadInput>(())
/// ```
///
/// # Errors
/// If the options make no sense, the method has no error estimate or no first-same-as-last stage, or the number of components
/// is not the field's.
pub fn solve_batch<F: BatchField + Clone + Send + Sync>(
    tableau: &'static Tableau,
    field: &F,
    starts: ArrayView2<'_, f64>,
    options: &BatchOptions,
) -> Result<BatchSolution, BadInput> {
    options.check()?;
    let (rows, components) = starts.dim();
    if components != field.components() {
        return Err(BadInput::Components { starts: components, field: field.components() });
    }
    let Some(embedded) = tableau.embedded_order.filter(|_| tableau.first_same_as_last()) else {
        return Err(BadInput::NoErrorEstimate);
    };
    let bytes = (tableau.stages() + 3) * components.max(1) * size_of::<f64>();
    let automatic = (NEAR / bytes / CHUNK * CHUNK).clamp(CHUNK, 1024);
    let width = options.width.unwrap_or(automatic).clamp(1, rows.max(1)).next_multiple_of(CHUNK);
    let part = rows.div_ceil(PARTS).max(4 * width).max(1);
    let ranges: Vec<_> = (0..rows).step_by(part).map(|from| from..(from + part).min(rows)).collect();
    let parts: Vec<BatchSolution> = ranges
        .into_par_iter()
        .map(|range| {
            let starts = starts.slice(s![range.clone(), ..]);
            Queue::new(tableau, embedded, field.clone(), starts, range.start, width, options).run()
        })
        .collect();
    let mut whole = BatchSolution::new(rows, options.save.len(), components, options.t0);
    let mut from = 0;
    for part in parts {
        let to = from + part.ts.len();
        whole.ts[from..to].copy_from_slice(&part.ts);
        whole.ys.slice_mut(s![from..to, ..]).assign(&part.ys);
        whole.saved.slice_mut(s![from..to, .., ..]).assign(&part.saved);
        whole.outcomes[from..to].copy_from_slice(&part.outcomes);
        whole.stats[from..to].copy_from_slice(&part.stats);
        whole.events.extend(part.events);
        from = to;
    }
    whole.events.sort_by(|a, b| a.row.cmp(&b.row).then(options.order(a.t, b.t)));
    Ok(whole)
}
