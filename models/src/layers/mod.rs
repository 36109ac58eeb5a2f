//! Layers that several families share.

mod fourier_network;
mod spectral_conv;

pub use fourier_network::{FourierNetwork, FourierNetworkConfig};
pub use spectral_conv::{SpectralConv, SpectralConvConfig};
