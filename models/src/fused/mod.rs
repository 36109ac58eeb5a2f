//! Operations that are one pass over memory on the CPU, with their own derivative.
//!
//! Each is written twice: as kernels for Flex, and composed of the backend's own operations, which serves every other
//! backend and is what the kernels are tested against.

pub(crate) mod gelu;
mod jacobian_growth;
mod lanes;
mod plrnn_unroll;

pub use gelu::gelu;
pub use jacobian_growth::{Growth, jacobian_growth};
pub use plrnn_unroll::{Forcing, TensorMap, plrnn_unroll};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Flex, backend_extension};
use plrnn_unroll::Seven;

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

    /// The states of an unroll of a piecewise-linear map, and what its gradients need of the way.
    fn plrnn_unroll(
        a: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        h1: FloatTensor<Self>,
        h2: FloatTensor<Self>,
        start: FloatTensor<Self>,
        signals: FloatTensor<Self>,
        forcing: Forcing,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plrnn_unroll::forward::<Self>((a, w1, w2, h1, h2, start, signals), &forcing)
    }

    /// The gradients of an unroll by its inputs.
    fn plrnn_unroll_backward(
        a: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        h1: FloatTensor<Self>,
        h2: FloatTensor<Self>,
        start: FloatTensor<Self>,
        signals: FloatTensor<Self>,
        starts: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        forcing: Forcing,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        plrnn_unroll::backward::<Self>((a, w1, w2, h1, h2, start, signals), starts, grad, &forcing)
    }
}

impl FusedOps for Flex {
    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu::flex(x)
    }

    fn gelu_with_slope(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        gelu::flex_with_slope(x)
    }

    fn plrnn_unroll(
        a: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        h1: FloatTensor<Self>,
        h2: FloatTensor<Self>,
        start: FloatTensor<Self>,
        signals: FloatTensor<Self>,
        forcing: Forcing,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plrnn_unroll::flex_forward((a, w1, w2, h1, h2, start, signals), &forcing)
    }

    fn plrnn_unroll_backward(
        a: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        h1: FloatTensor<Self>,
        h2: FloatTensor<Self>,
        start: FloatTensor<Self>,
        signals: FloatTensor<Self>,
        starts: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        forcing: Forcing,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        plrnn_unroll::flex_backward((a, w1, w2, h1, h2, start, signals), starts, grad, &forcing)
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

    fn plrnn_unroll(
        a: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        h1: FloatTensor<Self>,
        h2: FloatTensor<Self>,
        start: FloatTensor<Self>,
        signals: FloatTensor<Self>,
        forcing: Forcing,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [&a, &w1, &w2, &h1, &h2, &start, &signals].map(|x| x.node());
        let [a, w1, w2, h1, h2, start, signals] =
            [a, w1, w2, h1, h2, start, signals].map(|x| x.into_primitive());
        let inputs = (a, w1, w2, h1, h2, start, signals);
        let (a, w1, w2, h1, h2, start, signals) = inputs.clone();
        let (states, starts) = B::plrnn_unroll(a, w1, w2, h1, h2, start, signals, forcing.clone());
        let tape = <Self as AutodiffBackend>::from_inner(starts.clone());
        let states = match Unroll.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((inputs, starts, forcing), states),
            OpsKind::UnTracked(prep) => prep.finish(states),
        };
        (states, tape)
    }
}

/// An unroll of a piecewise-linear map.
#[derive(Debug)]
struct Unroll;

impl<B: FusedOps> Backward<B, 7> for Unroll {
    type State = (Seven<B>, FloatTensor<B>, Forcing);

    fn backward(self, ops: Ops<Self::State, 7>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let ((a, w1, w2, h1, h2, start, signals), starts, forcing) = ops.state;
        let (a, w1, w2, h1, h2, start, signals) =
            B::plrnn_unroll_backward(a, w1, w2, h1, h2, start, signals, starts, grad, forcing);
        for (parent, grad) in ops.parents.into_iter().zip([a, w1, w2, h1, h2, start, signals]) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, grad);
            }
        }
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
