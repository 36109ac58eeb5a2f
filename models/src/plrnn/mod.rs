//! Piecewise-linear recurrent neural networks, and their training by forcing.

mod config;
mod forcing;
mod map;
mod network;
mod observation;
mod regulariser;
mod system;

pub use config::{Observation, PlrnnConfig, Variant};
pub use forcing::{Adaptive, Constant, Estimator, ForcingConfig, Sparse};
pub use map::PiecewiseLinearMap;
pub use network::Plrnn;
pub use regulariser::RegulariserConfig;
pub use system::PlrnnSystem;
