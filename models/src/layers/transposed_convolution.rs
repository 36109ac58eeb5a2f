//! A learned doubling of the points of fields.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};

use crate::fused::{Edge, Stencil, convolve};

/// The transpose of a convolution of every second point with four taps an axis: `v_{2i+k−1} += W_k u_i`, `k = 0 … 3`, to twice as many
/// points; an axis of one point stays.
///
/// Even and odd points of the result each see two points of an axis, so that it is computed as one convolution of three taps on
/// the coarse points to all parities at once.
#[derive(Module, Debug)]
pub struct TransposedConvolution {
    /// `[in, out, P, 4]`, where `P` is one if the first axis stays.
    weight: Param<Tensor<4>>,
    /// `[out]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    stencil: Stencil,
}

impl TransposedConvolution {
    /// Draws weights and bias that are uniform within `1/√(out · taps)` from the device's random stream; `size` are the coarse points.
    pub fn init(input: usize, output: usize, size: [usize; 2], edges: [Edge; 2], device: &Device) -> Self {
        let rows = if size[0] > 1 { 4 } else { 1 };
        let bound = 1.0 / ((output * rows * 4) as f64).sqrt();
        let draw = Initializer::Uniform { min: -bound, max: bound };
        Self {
            weight: draw.init([input, output, rows, 4], device),
            bias: draw.init([output], device),
            stencil: Stencil { edges, dilation: 1 },
        }
    }

    /// `[batch, in, x, y]` to `[batch, out, 2x, 2y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let [batch, _, nx, ny] = u.dims();
        let weight = self.weight.val();
        let [_, output, rows, _] = weight.dims();
        let along_x = if rows > 1 { parities(weight, 2).to_vec() } else { vec![weight] };
        let px = along_x.len();
        let kernels = along_x.into_iter().flat_map(|w| parities(w, 3)).map(|w| w.swap_dims(0, 1));
        let kernel = Tensor::cat(kernels.collect(), 0);
        let bias = self.bias.val().repeat_dim(0, 2 * px);
        let v = convolve(u, kernel, bias, self.stencil);
        v.reshape([batch, px, 2, output, nx, ny]).permute([0, 3, 4, 1, 5, 2]).reshape([
            batch,
            output,
            px * nx,
            2 * ny,
        ])
    }
}

/// The taps that even and odd points see, three of the coarse points of dimension `dim` each.
fn parities(weight: Tensor<4>, dim: usize) -> [Tensor<4>; 2] {
    let tap = |k| weight.clone().narrow(dim, k, 1);
    let none = tap(0).zeros_like();
    [Tensor::cat(vec![tap(3), tap(1), none.clone()], dim), Tensor::cat(vec![none, tap(2), tap(0)], dim)]
}
