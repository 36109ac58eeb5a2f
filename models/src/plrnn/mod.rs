//! Piecewise-linear recurrent neural networks.

mod cycle;
mod fixed_points;
mod map;
mod regions;
#[cfg(test)]
mod test_maps;
mod words;

pub use cycle::{Cycle, Stability};
pub use fixed_points::{CycleSearch, Cycles};
pub use map::PiecewiseLinearMap;
pub use regions::{Region, RegionSequence};
