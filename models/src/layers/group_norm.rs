//! Normalisation of fields by sample.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};

use crate::fused::group_norm;

/// Group normalisation, with a scale and a shift for each channel.
///
/// Y. Wu, K. He, "Group Normalization", ECCV 2018.
#[derive(Module, Debug)]
pub struct GroupNorm {
    /// `[channel]`.
    scale: Param<Tensor<1>>,
    /// `[channel]`.
    shift: Param<Tensor<1>>,
    #[module(skip)]
    groups: usize,
}

impl GroupNorm {
    /// One group of all channels. Starts with scale one and shift zero.
    pub fn init(channels: usize, device: &Device) -> Self {
        Self::grouped(channels, 1, device)
    }

    /// The same with more groups, whose number divides the channels.
    pub fn grouped(channels: usize, groups: usize, device: &Device) -> Self {
        Self {
            scale: Initializer::Ones.init([channels], device),
            shift: Initializer::Zeros.init([channels], device),
            groups,
        }
    }

    /// `[batch, channel, x, y]` to the same shape.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let (scale, shift) = (self.scale.val(), self.shift.val());
        if self.groups == 1 {
            return group_norm(u, scale, shift);
        }
        let shape @ [batch, channels, nx, ny] = u.dims();
        let (each, device) = (channels / self.groups, u.device());
        let apart = u.reshape([batch * self.groups, each, nx, ny]);
        let plain = group_norm(apart, Tensor::ones([each], &device), Tensor::zeros([each], &device));
        let of_channel = |v: Tensor<1>| v.reshape([1, channels, 1, 1]);
        plain.reshape(shape) * of_channel(scale) + of_channel(shift)
    }
}
