//! Piecewise-linear recurrent neural networks: their training by forcing, and the exact analysis of what they learned.

mod config;
mod cycle;
mod fixed_points;
mod forcing;
mod map;
mod network;
mod observation;
mod regions;
mod regulariser;
mod system;
#[cfg(test)]
mod test_maps;
mod words;

pub use config::{Observation, PlrnnConfig, Variant};
pub use cycle::{Cycle, Stability};
pub use fixed_points::{CycleSearch, Cycles};
pub use forcing::{Adaptive, Constant, Estimator, ForcingConfig, Sparse};
pub use map::PiecewiseLinearMap;
pub use network::Plrnn;
pub use regions::{Region, RegionSequence};
pub use regulariser::RegulariserConfig;
pub use system::PlrnnSystem;
