//! Flows on the cells of a rectangle, which a method of their own moves.

mod smoke;

pub use smoke::Smoke;

use flowmap_solvers::config::{MethodKind, SolverConfig};
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
    /// Whether a kind of method can move it.
    fn fits(&self, kind: MethodKind) -> bool;
    /// The method, if it fits.
    fn stepper(&self, solver: &SolverConfig) -> Option<Box<dyn Stepper<Array1<f64>>>>;
    /// The state of a stored field `[channel, x, y]`.
    fn to_state(&self, u: &[f64]) -> Array1<f64>;
    /// The stored field of a state.
    fn to_physical(&self, state: &Array1<f64>) -> Vec<f64>;
    /// The textbook start, `[channel, x, y]`.
    fn initial(&self) -> Vec<f64>;
    /// Quantities that the equation conserves, of a stored field.
    fn invariants(&self, u: &[f64]) -> Vec<(&'static str, f64)>;

    /// The middles of the cells of an axis.
    fn coordinates(&self, axis: usize) -> Vec<f64> {
        let (n, length) = (self.cells()[axis], self.lengths()[axis]);
        (0..n).map(|i| (i as f64 + 0.5) * length / n as f64).collect()
    }
}
