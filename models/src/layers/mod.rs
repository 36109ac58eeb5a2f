//! Layers that several families share.

mod dense;
mod dft;
mod fourier_network;
mod spectral_conv;

pub use dense::Dense;
pub use dft::Dft;
pub use fourier_network::{FourierNetwork, FourierNetworkConfig};
pub use spectral_conv::{SpectralConv, SpectralConvConfig};
