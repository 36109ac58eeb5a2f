//! The Fourier layer of the Fourier neural operator on one axis.

use std::f64::consts::TAU;

use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, Tensor};

/// `v̂_m = W_m û_m` for the modes `0 ≤ m < modes`, zero beyond: a convolution whose kernel is band-limited.
///
/// The transform to a few modes and back is two matrix products: exact at any length, the same on every backend.
/// Weights are pairs of real numbers, so that an optimiser treats them as such.
///
/// Z. Li et al., "Fourier Neural Operator for Parametric Partial Differential Equations", ICLR 2021.
#[derive(Clone, Copy, Debug)]
pub struct SpectralConvConfig {
    /// Channels in and out.
    pub channels: usize,
    /// Modes kept, with the mean; at most half the points.
    pub modes: usize,
    /// Points of the axis.
    pub points: usize,
}

/// The layer of [`SpectralConvConfig`].
#[derive(Module, Debug)]
pub struct SpectralConv {
    /// Real parts `[mode, in, out]`.
    pub weight_re: Param<Tensor<3>>,
    /// Imaginary parts `[mode, in, out]`.
    pub weight_im: Param<Tensor<3>>,
    /// `[x, 2·mode]`: cosines, then negative sines.
    forward: Tensor<2>,
    /// `[2·mode, x]`.
    inverse: Tensor<2>,
}

impl SpectralConvConfig {
    /// Draws weights of variance `1/channels` from the device's random stream.
    pub fn init(&self, device: &Device) -> SpectralConv {
        let Self { channels, modes, points } = *self;
        let shape = [modes, channels, channels];
        // Half of the variance for each part.
        let deviation = (0.5 / channels as f64).sqrt();
        let draw = || Param::from_tensor(Tensor::random(shape, Distribution::Normal(0.0, deviation), device));
        let angle = |x: usize, m: usize| TAU * ((x * m) % points) as f64 / points as f64;
        let mut forward = vec![0.0_f32; points * 2 * modes];
        let mut inverse = vec![0.0_f32; points * 2 * modes];
        for x in 0..points {
            for m in 0..modes {
                let (sin, cos) = angle(x, m).sin_cos();
                forward[x * 2 * modes + m] = cos as f32;
                forward[x * 2 * modes + modes + m] = -sin as f32;
                // A mode inside the half spectrum stands for its conjugate too.
                let twice = if m == 0 || 2 * m == points { 1.0 } else { 2.0 } / points as f64;
                inverse[m * points + x] = (twice * cos) as f32;
                inverse[(modes + m) * points + x] = (-twice * sin) as f32;
            }
        }
        let matrix = |values: Vec<f32>, shape: [usize; 2]| {
            Tensor::<1>::from_floats(&values[..], device).reshape(shape)
        };
        SpectralConv {
            weight_re: draw(),
            weight_im: draw(),
            forward: matrix(forward, [points, 2 * modes]),
            inverse: matrix(inverse, [2 * modes, points]),
        }
    }
}

impl SpectralConv {
    /// `[batch, channel, x]` to the same shape.
    pub fn forward(&self, u: Tensor<3>) -> Tensor<3> {
        let [batch, channels, points] = u.dims();
        let [modes, _, _] = self.weight_re.dims();
        let u_hat = u.reshape([batch * channels, points]).matmul(self.forward.clone());
        // [mode, batch, (part, channel)].
        let u_hat = u_hat.reshape([batch, channels, 2, modes]).permute([3, 0, 2, 1]);
        let u_hat = u_hat.reshape([modes, batch, 2 * channels]);
        let (re, im) = (self.weight_re.val(), self.weight_im.val());
        let upper = Tensor::cat(vec![re.clone(), im.clone()], 2);
        let lower = Tensor::cat(vec![im.neg(), re], 2);
        let v_hat = u_hat.matmul(Tensor::cat(vec![upper, lower], 1));
        let v_hat = v_hat.reshape([modes, batch, 2, channels]).permute([1, 3, 2, 0]);
        let v = v_hat.reshape([batch * channels, 2 * modes]).matmul(self.inverse.clone());
        v.reshape([batch, channels, points])
    }
}
