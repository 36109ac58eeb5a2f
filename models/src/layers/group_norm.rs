//! Normalisation of fields by sample.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};

use crate::fused::group_norm;

/// Group normalisation with one group, and a scale and a shift for each channel.
#[derive(Module, Debug)]
pub struct GroupNorm {
    /// `[channel]`.
    scale: Param<Tensor<1>>,
    /// `[channel]`.
    shift: Param<Tensor<1>>,
}

impl GroupNorm {
    /// Starts with scale one and shift zero.
    pub fn init(channels: usize, device: &Device) -> Self {
        Self {
            scale: Initializer::Ones.init([channels], device),
            shift: Initializer::Zeros.init([channels], device),
        }
    }

    /// `[batch, channel, x, y]` to the same shape.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        group_norm(u, self.scale.val(), self.shift.val())
    }
}
