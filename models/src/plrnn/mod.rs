//! Piecewise-linear recurrent neural networks.

mod map;

pub use map::PiecewiseLinearMap;
