//! Operations that are one pass over memory on the CPU, with their own derivative.
//!
//! Each is written twice: as kernels for Flex, and composed of the backend's own operations, which serves every other
//! backend and is what the kernels are tested against.

mod gelu;

pub use gelu::gelu;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, backend_extension};

/// The operations of this module, as the backends see them.
#[backend_extension(
    Flex,
    Cube: cfg(any(feature = "wgpu", feature = "vulkan", feature = "cuda")),
    NdArray: cfg(feature = "ndarray"),
    Autodiff
)]
pub trait FusedOps: Backend {
    /// `x Φ(x)`.
    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu::composed::<Self>(x).0
    }

    /// `x Φ(x)` and its derivative.
    fn gelu_with_slope(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        gelu::composed::<Self>(x)
    }
}

impl FusedOps for Flex {
    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu::flex(x)
    }

    fn gelu_with_slope(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        gelu::flex_with_slope(x)
    }
}

#[cfg(any(feature = "wgpu", feature = "vulkan", feature = "cuda"))]
impl FusedOps for burn::backend::Cube {}

#[cfg(feature = "ndarray")]
#[allow(deprecated)]
impl FusedOps for burn::backend::NdArray {}

impl<B: FusedOps, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match Elementwise.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (y, slope) = B::gelu_with_slope(x.into_primitive());
                prep.finish(slope, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::gelu_exact(x.into_primitive())),
        }
    }

    fn gelu_with_slope(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        gelu::composed::<Self>(x)
    }
}

/// A function applied to every element, whose derivative at the input is known.
#[derive(Debug)]
struct Elementwise;

impl<B: FusedOps> Backward<B, 1> for Elementwise {
    // The derivative.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        unary::<B, _>(ops.parents, ops.node, grads, |grad| B::float_mul(grad, ops.state));
    }
}
