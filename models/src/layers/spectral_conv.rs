//! The Fourier layer of the Fourier neural operator on one axis or two.

use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, Tensor};

use super::Dft;

/// `v̂_m = W_m û_m` for the lowest modes, zero beyond: a convolution whose kernel is band-limited.
///
/// The transform to a few modes and back is [`Dft`]: exact at any length, the same on every backend.
/// Weights are pairs of real numbers, so that an optimiser treats them as such.
///
/// Z. Li et al., "Fourier Neural Operator for Parametric Partial Differential Equations", ICLR 2021.
#[derive(Clone, Debug)]
pub struct SpectralConvConfig {
    /// Channels in and out.
    pub channels: usize,
    /// Modes kept of an axis, with the mean; at most half the points.
    pub modes: usize,
    /// Points of every axis.
    pub shape: Vec<usize>,
}

/// The layer of [`SpectralConvConfig`].
#[derive(Module, Debug)]
pub struct SpectralConv {
    /// Real parts `[mode, in, out]`.
    pub weight_re: Param<Tensor<3>>,
    /// Imaginary parts `[mode, in, out]`.
    pub weight_im: Param<Tensor<3>>,
    dft: Dft,
}

impl SpectralConvConfig {
    /// Draws weights of variance `1/channels` from the device's random stream.
    pub fn init(&self, device: &Device) -> SpectralConv {
        let dft = Dft::new(&self.shape, self.modes, device);
        let shape = [dft.modes(), self.channels, self.channels];
        // Half of the variance for each part.
        let deviation = (0.5 / self.channels as f64).sqrt();
        let draw = || Param::from_tensor(Tensor::random(shape, Distribution::Normal(0.0, deviation), device));
        SpectralConv { weight_re: draw(), weight_im: draw(), dft }
    }
}

impl SpectralConv {
    /// `[batch, channel, x]` to the same shape.
    pub fn forward(&self, u: Tensor<3>) -> Tensor<3> {
        let [batch, channels, points] = u.dims();
        let [modes, _, _] = self.weight_re.dims();
        let u_hat = self.dft.forward(u.reshape([batch * channels, points]));
        // [mode, batch, (part, channel)].
        let u_hat = u_hat.reshape([batch, channels, 2, modes]).permute([3, 0, 2, 1]);
        let u_hat = u_hat.reshape([modes, batch, 2 * channels]);
        let (re, im) = (self.weight_re.val(), self.weight_im.val());
        let upper = Tensor::cat(vec![re.clone(), im.clone()], 2);
        let lower = Tensor::cat(vec![im.neg(), re], 2);
        let v_hat = u_hat.matmul(Tensor::cat(vec![upper, lower], 1));
        let v_hat = v_hat.reshape([modes, batch, 2, channels]).permute([1, 3, 2, 0]);
        let v = self.dft.inverse(v_hat.reshape([batch * channels, 2, modes]));
        v.reshape([batch, channels, points])
    }
}
