//! Fourier numerics on periodic grids of one to three dimensions.

mod diagonal;
mod grid;
mod pair;
pub mod phi;
mod resample;
mod spectrum;
mod transform;

pub use diagonal::HostDiagonal;
pub use grid::{FourierGrid, GridError, GridKind};
pub use pair::PairTransform;
pub use resample::resample;
pub use spectrum::energy_spectrum;
pub use transform::FourierTransform;
