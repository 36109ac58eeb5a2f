//! Layers that several families share.

mod convolution;
mod dense;
mod dft;
mod fourier_network;
mod group_norm;
mod resample;
mod spectral_conv;
mod transposed_convolution;

pub use convolution::{Convolution, ConvolutionConfig};
pub use dense::Dense;
pub use dft::Dft;
pub use fourier_network::{FourierNetwork, FourierNetworkConfig};
pub use group_norm::GroupNorm;
pub use resample::{Doubling, halve};
pub use spectral_conv::{SpectralConv, SpectralConvConfig};
pub use transposed_convolution::TransposedConvolution;
