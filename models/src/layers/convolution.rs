//! A convolution of fields on one or two axes.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};

use crate::fused::{Edge, Stencil, convolve};

/// A convolution that keeps the size of fields `[batch, channel, x, y]`; a field on one axis has one point on the first.
#[derive(Clone, Copy, Debug)]
pub struct ConvolutionConfig {
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Taps on each axis: odd.
    pub taps: [usize; 2],
    /// What lies beyond the edges.
    pub edges: [Edge; 2],
    /// Points between two taps.
    pub dilation: usize,
}

/// The layer of [`ConvolutionConfig`].
#[derive(Module, Debug)]
pub struct Convolution {
    /// `[out, in, P, Q]`.
    weight: Param<Tensor<4>>,
    /// `[out]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    stencil: Stencil,
}

impl ConvolutionConfig {
    /// Draws weights and bias that are uniform within `1/√(in · taps)` from the device's random stream.
    pub fn init(&self, device: &Device) -> Convolution {
        let Self { input, output, taps: [p, q], edges, dilation } = *self;
        let bound = 1.0 / ((input * p * q) as f64).sqrt();
        let draw = Initializer::Uniform { min: -bound, max: bound };
        Convolution {
            weight: draw.init([output, input, p, q], device),
            bias: draw.init([output], device),
            stencil: Stencil { edges, dilation },
        }
    }
}

impl Convolution {
    /// `[batch, in, x, y]` to `[batch, out, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        convolve(u, self.weight.val(), self.bias.val(), self.stencil)
    }
}
