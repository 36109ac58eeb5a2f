//! A network of Fourier layers.

use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, Tensor};

use super::{SpectralConv, SpectralConvConfig};
use crate::fused::gelu;

/// Lifting, `layers` Fourier layers `v ← σ(K v + W v + b)` with residual connections, projection through a hidden layer.
///
/// Residual connections as in A. Tran et al., "Factorized Fourier Neural Operators", ICLR 2023: they keep deep stacks
/// trainable without normalisation.
#[derive(Clone, Debug)]
pub struct FourierNetworkConfig {
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Channels inside.
    pub width: usize,
    /// Fourier layers.
    pub layers: usize,
    /// Modes of an axis of a Fourier layer.
    pub modes: usize,
    /// Points of every axis.
    pub shape: Vec<usize>,
}

/// The network of [`FourierNetworkConfig`].
#[derive(Module, Debug)]
pub struct FourierNetwork {
    lift: Pointwise,
    spectral: Vec<SpectralConv>,
    pointwise: Vec<Pointwise>,
    hidden: Pointwise,
    project: Pointwise,
}

/// A linear map of channels at every point.
#[derive(Module, Debug)]
struct Pointwise {
    /// `[out, in]`.
    weight: Param<Tensor<2>>,
    /// `[out, 1]`.
    bias: Param<Tensor<2>>,
}

impl Pointwise {
    fn new(input: usize, output: usize, gain: f64, device: &Device) -> Self {
        let deviation = gain / (input as f64).sqrt();
        Self {
            weight: Param::from_tensor(Tensor::random(
                [output, input],
                Distribution::Normal(0.0, deviation),
                device,
            )),
            bias: Param::from_tensor(Tensor::zeros([output, 1], device)),
        }
    }

    fn forward(&self, u: Tensor<3>) -> Tensor<3> {
        self.weight.val().unsqueeze::<3>().matmul(u) + self.bias.val().unsqueeze::<3>()
    }
}

impl FourierNetworkConfig {
    /// Draws the weights from the device's random stream. The output starts small, so that a model built on it starts
    /// near its linear part.
    pub fn init(&self, device: &Device) -> FourierNetwork {
        let Self { input, output, width, layers, modes, .. } = *self;
        let spectral = SpectralConvConfig { channels: width, modes, shape: self.shape.clone() };
        FourierNetwork {
            lift: Pointwise::new(input, width, 1.0, device),
            spectral: (0..layers).map(|_| spectral.init(device)).collect(),
            pointwise: (0..layers).map(|_| Pointwise::new(width, width, 1.0, device)).collect(),
            hidden: Pointwise::new(width, 2 * width, 1.0, device),
            project: Pointwise::new(2 * width, output, 0.1, device),
        }
    }
}

impl FourierNetwork {
    /// `[batch, input, x]` to `[batch, output, x]`.
    pub fn forward(&self, u: Tensor<3>) -> Tensor<3> {
        let mut v = self.lift.forward(u);
        for (spectral, pointwise) in self.spectral.iter().zip(&self.pointwise) {
            v = v.clone() + gelu(spectral.forward(v.clone()) + pointwise.forward(v));
        }
        self.project.forward(gelu(self.hidden.forward(v)))
    }
}
