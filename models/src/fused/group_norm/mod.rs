//! The normalisation of fields by their own mean and deviation, and its derivative.

mod composed;
mod kernel;

pub(super) use composed::{backward, forward};
pub(super) use kernel::{backward as flex_backward, forward as flex_forward};

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::FusedOps;

/// Added to the variance.
const EPSILON: f64 = 1e-5;

/// `v[b, c, ·] = s[c] (u[b, c, ·] − μ[b]) / √(σ²[b] + 10⁻⁵) + t[c]` with mean and variance of a sample over all channels and
/// points: group normalisation with one group.
///
/// `u` is `[batch, channel, x, y]`, `s` and `t` are `[channel]`. Differentiable by all three. Y. Wu and K. He, "Group
/// Normalization", ECCV 2018.
pub fn group_norm(u: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>) -> Tensor<4> {
    let (v, _) =
        <Dispatch as FusedOps>::group_norm(u.into_dispatch(), scale.into_dispatch(), shift.into_dispatch());
    Tensor::from_dispatch(v)
}
