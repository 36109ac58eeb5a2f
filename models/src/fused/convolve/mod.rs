//! The convolution of fields on a grid that keeps their size, and its derivative.

mod columns;
mod composed;
mod kernel;
mod panel;

pub(super) use composed::{backward, forward};
pub(super) use kernel::{backward as flex_backward, forward as flex_forward};

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::FusedOps;

/// What lies beyond the edges of an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// The other end.
    #[default]
    Periodic,
    /// Zeros.
    Zeros,
}

/// What is not a tensor of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stencil {
    /// What lies beyond the edges, axis by axis.
    pub edges: [Edge; 2],
    /// Points between two taps.
    pub dilation: usize,
}

/// `v[b, o, i, j] = c[o] + Σ w[o, k, p, q] u[b, k, i + d(p − ⌊P/2⌋), j + d(q − ⌊Q/2⌋)]` with dilation `d`: as many points out as in.
///
/// `u` is `[batch, in, x, y]`, `w` is `[out, in, P, Q]` with odd `P` and `Q`, `c` is `[out]`. A field on one axis has one point
/// on the first and a kernel with `P = 1`. Differentiable by all three.
pub fn convolve(u: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, stencil: Stencil) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::convolve(
        u.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        stencil,
    ))
}

impl Stencil {
    /// The points beyond an edge that a kernel of `taps` reads.
    fn margin(&self, taps: usize) -> usize {
        self.dilation * (taps / 2)
    }
}
