//! The unroll of a piecewise-linear map under teacher forcing, and its derivative by back-propagation through time.

mod composed;
mod kernel;
mod sums;

pub(super) use composed::{backward, forward};
pub(super) use kernel::{backward as flex_backward, forward as flex_forward};

use burn::backend::Dispatch;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Tensor;

use super::FusedOps;

/// `z' = A z + W₁ [relu(W₂ z + h₂) − c·relu(W₂ z)] + h₁` on a device.
#[derive(Clone, Debug)]
pub struct TensorMap {
    /// `A`, `[latent, latent]`.
    pub a: Tensor<2>,
    /// `W₁`, `[latent, hidden]`.
    pub w1: Tensor<2>,
    /// `W₂`, `[hidden, latent]`.
    pub w2: Tensor<2>,
    /// `h₁`, `[latent]`.
    pub h1: Tensor<1>,
    /// `h₂`, `[hidden]`.
    pub h2: Tensor<1>,
    /// Whether `relu(W₂ z)` is subtracted: `c = 1`.
    pub clipped: bool,
}

/// What is not a tensor of an unroll.
#[derive(Clone, Debug)]
pub struct Forcing {
    /// `α` after each step.
    pub alpha: Vec<f32>,
    /// Whether the map is clipped.
    pub clipped: bool,
    /// Whether the way back gives the gradient of the signals, which data do not need.
    pub by_signals: bool,
}

/// The states `z_t = F(z̃_{t−1})`, `[step, batch, latent]`, of a run from `z̃_0 = start` that is pulled towards the signals:
/// `z̃_t = (1 − α_t) z_t + α_t ẑ_t` in the first `forced` entries, `z̃_t = z_t` in the rest.
///
/// `start` is `[batch, latent]`, `signals` `[step, batch, forced]` with `forced ≤ latent`; `alpha` has an entry a step.
/// A drive `[step, batch, latent]` is added to the states: what inputs do. `α = 0` is a free run, `α = 1` one-step prediction, zeros and ones are sparse forcing. The states are those before forcing:
/// they are what a loss compares. Differentiable by the map, the start, the
/// signals and the drive.
///
/// F. Hess et al., "Generalized Teacher Forcing for Learning Chaotic Dynamics", ICML 2023.
pub fn plrnn_unroll(
    map: &TensorMap,
    start: Tensor<2>,
    signals: Tensor<3>,
    drive: Option<Tensor<3>>,
    alpha: &[f32],
) -> Tensor<3> {
    let h1 = map.h1.clone().unsqueeze();
    let offset = match drive {
        Some(drive) => drive + h1,
        None => h1,
    };
    let (states, _) = <Dispatch as FusedOps>::plrnn_unroll(
        map.a.clone().into_dispatch(),
        map.w1.clone().into_dispatch(),
        map.w2.clone().into_dispatch(),
        offset.into_dispatch(),
        map.h2.clone().into_dispatch(),
        start.into_dispatch(),
        signals.into_dispatch(),
        Forcing { alpha: alpha.to_vec(), clipped: map.clipped, by_signals: true },
    );
    Tensor::from_dispatch(states)
}

/// The tensors of an unroll: `A`, `W₁`, `W₂`, offset, `h₂`, start, signals; or their gradients. The offset is what a step adds:
/// `h₁` as `[1, 1, latent]`, or with the drive `[step, batch, latent]`.
pub(super) type Seven<B> = (
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
);
