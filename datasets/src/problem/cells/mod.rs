//! Flows on the cells of a rectangle, which a method of their own moves.

mod compressible;
mod limited;
mod smoke;

pub use compressible::Compressible;
pub use smoke::Smoke;

use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::stepper::Stepper;
use ndarray::Array1;

/// What ends an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// The other end: the axis is a circle.
    Periodic,
    /// Walls.
    Wall,
}

/// A flow whose method moves a state that is more than what is stored: velocities on faces, for example.
pub trait CellProblem: Send + Sync {
    /// The name in configs.
    fn name(&self) -> &'static str;
    /// One line of mathematics.
    fn equation(&self) -> &'static str;
    /// The channels of the stored field.
    fn channels(&self) -> &'static [&'static str];
    /// Cells of each axis.
    fn cells(&self) -> [usize; 2];
    /// The length of each axis.
    fn lengths(&self) -> [f64; 2];
    /// What ends each axis.
    fn boundaries(&self) -> [Boundary; 2];
    /// Whether a method can move it.
    fn fits(&self, solver: &SolverConfig) -> bool;
    /// What can, in a few words.
    fn advice(&self) -> &'static str;
    /// The method, if it fits.
    fn stepper(&self, solver: &SolverConfig) -> Option<Box<dyn Stepper<Array1<f64>>>>;
    /// The state of a stored field `[channel, x, y]`.
    fn to_state(&self, u: &[f64]) -> Array1<f64>;
    /// The stored field of a state.
    fn to_physical(&self, state: &Array1<f64>) -> Vec<f64>;
    /// The textbook start, `[channel, x, y]`.
    fn initial(&self) -> Vec<f64>;
    /// The start `[channel, x, y]` from clouds `[x, y]`, where there is one.
    fn clouds(&self, _clouds: Vec<f64>) -> Option<Vec<f64>> {
        None
    }
    /// The start from random waves, drawn for one channel at a time, where there is one; or why they are no state.
    fn waves(&self, _draw: &mut dyn FnMut() -> Vec<f64>) -> Option<Result<Vec<f64>, String>> {
        None
    }
    /// Quantities that the equation conserves, of a stored field.
    fn invariants(&self, u: &[f64]) -> Vec<(&'static str, f64)>;

    /// The middles of the cells of an axis.
    fn coordinates(&self, axis: usize) -> Vec<f64> {
        let (n, length) = (self.cells()[axis], self.lengths()[axis]);
        (0..n).map(|i| (i as f64 + 0.5) * length / n as f64).collect()
    }
}
