//! Operations that are one pass over memory on the CPU, with their own derivative.
//!
//! Each is written twice: as kernels for Flex, and composed of the backend's own operations, which serves every other
//! backend and is what the kernels are tested against.

mod convolve;
pub(crate) mod gelu;
mod group_norm;
mod host;
mod jacobian_growth;
mod lanes;
mod network;
mod odeint;
mod plrnn_unroll;

pub use convolve::{Edge, Stencil, convolve};
pub use gelu::gelu;
pub use group_norm::group_norm;
pub use jacobian_growth::{Growth, jacobian_growth};
pub(crate) use network::Real;
pub use odeint::{FieldKind, FieldSpec, HostField, Monomial, Solve, SolveError, odeint};
pub use plrnn_unroll::{Forcing, TensorMap, plrnn_unroll};

use std::sync::Arc;

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

    /// A convolution that keeps the size of fields.
    fn convolve(
        u: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stencil: Stencil,
    ) -> FloatTensor<Self> {
        convolve::forward::<Self>(u, weight, bias, stencil)
    }

    /// The gradients of a convolution by the field, the weight and the bias.
    fn convolve_backward(
        u: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        stencil: Stencil,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        convolve::backward::<Self>(u, weight, grad, stencil)
    }

    /// Fields normalised by sample, and mean and inverse deviation of every sample.
    fn group_norm(
        u: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        group_norm::forward::<Self>(u, scale, shift)
    }

    /// The gradients of such a normalisation by the fields, the scale and the shift.
    fn group_norm_backward(
        u: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        group_norm::backward::<Self>(u, scale, moments, grad)
    }

    /// The states of an unroll of a piecewise-linear map, and what its gradients need of the way.
    fn plrnn_unroll(
        a: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        h2: FloatTensor<Self>,
        start: FloatTensor<Self>,
        signals: FloatTensor<Self>,
        forcing: Forcing,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plrnn_unroll::forward::<Self>((a, w1, w2, offset, h2, start, signals), &forcing)
    }

    /// The states of a solve.
    fn odeint(y0: FloatTensor<Self>, parameters: FloatTensor<Self>, solve: Arc<Solve>) -> FloatTensor<Self> {
        odeint::forward::<Self>(y0, parameters, &solve)
    }

    /// The states of a solve, and what its gradients need of the way.
    fn odeint_with_starts(
        y0: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        solve: Arc<Solve>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        (odeint::forward::<Self>(y0.clone(), parameters, &solve), y0)
    }

    /// The gradients of a solve by its start and its parameters.
    fn odeint_backward(
        y0: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        starts: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        solve: Arc<Solve>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let _ = starts;
        odeint::backward::<Self>(y0, parameters, grad, &solve)
    }

    /// The gradients of an unroll by its inputs.
    fn plrnn_unroll_backward(
        a: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        offset: FloatTensor<Self>,
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
        plrnn_unroll::backward::<Self>((a, w1, w2, offset, h2, start, signals), starts, grad, &forcing)
    }
}

impl FusedOps for Flex {
    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu::flex(x)
    }

    fn gelu_with_slope(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        gelu::flex_with_slope(x)
    }

    fn convolve(
        u: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stencil: Stencil,
    ) -> FloatTensor<Self> {
        convolve::flex_forward(u, weight, bias, stencil)
    }

    fn convolve_backward(
        u: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        stencil: Stencil,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        convolve::flex_backward(u, weight, grad, stencil)
    }

    fn group_norm(
        u: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        group_norm::flex_forward(u, scale, shift)
    }

    fn group_norm_backward(
        u: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        group_norm::flex_backward(u, scale, moments, grad)
    }

    fn plrnn_unroll(
        a: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        h2: FloatTensor<Self>,
        start: FloatTensor<Self>,
        signals: FloatTensor<Self>,
        forcing: Forcing,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plrnn_unroll::flex_forward((a, w1, w2, offset, h2, start, signals), &forcing)
    }

    fn plrnn_unroll_backward(
        a: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        offset: FloatTensor<Self>,
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
        plrnn_unroll::flex_backward((a, w1, w2, offset, h2, start, signals), starts, grad, &forcing)
    }

    fn odeint(y0: FloatTensor<Self>, parameters: FloatTensor<Self>, solve: Arc<Solve>) -> FloatTensor<Self> {
        odeint::flex_states(y0, parameters, &solve)
    }

    fn odeint_with_starts(
        y0: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        solve: Arc<Solve>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        odeint::flex_forward(y0, parameters, &solve)
    }

    fn odeint_backward(
        y0: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        starts: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        solve: Arc<Solve>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        odeint::flex_backward(y0, parameters, starts, grad, &solve)
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

    fn convolve(
        u: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stencil: Stencil,
    ) -> FloatTensor<Self> {
        let nodes = [u.node(), weight.node(), bias.node()];
        let [u, weight, bias] = [u, weight, bias].map(|x| x.into_primitive());
        let v = B::convolve(u.clone(), weight.clone(), bias, stencil);
        match Convolution.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((u, weight, stencil), v),
            OpsKind::UnTracked(prep) => prep.finish(v),
        }
    }

    fn group_norm(
        u: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [u.node(), scale.node(), shift.node()];
        let [u, scale, shift] = [u, scale, shift].map(|x| x.into_primitive());
        let (v, moments) = B::group_norm(u.clone(), scale.clone(), shift);
        let kept = <Self as AutodiffBackend>::from_inner(moments.clone());
        let v = match Normalisation.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((u, scale, moments), v),
            OpsKind::UnTracked(prep) => prep.finish(v),
        };
        (v, kept)
    }

    fn plrnn_unroll(
        a: FloatTensor<Self>,
        w1: FloatTensor<Self>,
        w2: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        h2: FloatTensor<Self>,
        start: FloatTensor<Self>,
        signals: FloatTensor<Self>,
        forcing: Forcing,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [&a, &w1, &w2, &offset, &h2, &start, &signals].map(|x| x.node());
        let [a, w1, w2, offset, h2, start, signals] =
            [a, w1, w2, offset, h2, start, signals].map(|x| x.into_primitive());
        let inputs = (a, w1, w2, offset, h2, start, signals);
        let (a, w1, w2, offset, h2, start, signals) = inputs.clone();
        let (states, starts) = B::plrnn_unroll(a, w1, w2, offset, h2, start, signals, forcing.clone());
        let tape = <Self as AutodiffBackend>::from_inner(starts.clone());
        let states = match Unroll.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((inputs, starts, forcing), states),
            OpsKind::UnTracked(prep) => prep.finish(states),
        };
        (states, tape)
    }

    fn odeint(y0: FloatTensor<Self>, parameters: FloatTensor<Self>, solve: Arc<Solve>) -> FloatTensor<Self> {
        let nodes = [y0.node(), parameters.node()];
        let inputs = (y0.into_primitive(), parameters.into_primitive());
        let (y0, parameters) = inputs.clone();
        match Trajectory.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (states, starts) = B::odeint_with_starts(y0, parameters, Arc::clone(&solve));
                prep.finish((inputs, starts, solve), states)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::odeint(y0, parameters, solve)),
        }
    }
}

/// Pulls the gradient of a result back, and hands what comes out on to those parents that want theirs.
fn distribute<B: Backend, S, const N: usize>(
    ops: Ops<S, N>,
    grads: &mut Gradients,
    pull: impl FnOnce(S, FloatTensor<B>) -> [FloatTensor<B>; N],
) {
    let grad = grads.consume::<B>(&ops.node);
    for (parent, gradient) in ops.parents.into_iter().zip(pull(ops.state, grad)) {
        if let Some(node) = parent {
            grads.register::<B>(node.id, gradient);
        }
    }
}

/// A convolution.
#[derive(Debug)]
struct Convolution;

impl<B: FusedOps> Backward<B, 3> for Convolution {
    type State = (FloatTensor<B>, FloatTensor<B>, Stencil);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        distribute::<B, _, _>(ops, grads, |(u, weight, stencil), grad| {
            let (u, weight, bias) = B::convolve_backward(u, weight, grad, stencil);
            [u, weight, bias]
        });
    }
}

/// A normalisation by sample.
#[derive(Debug)]
struct Normalisation;

impl<B: FusedOps> Backward<B, 3> for Normalisation {
    // The fields, the scale, and mean and inverse deviation of every sample.
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        distribute::<B, _, _>(ops, grads, |(u, scale, moments), grad| {
            let (u, scale, shift) = B::group_norm_backward(u, scale, moments, grad);
            [u, scale, shift]
        });
    }
}

/// An unroll of a piecewise-linear map.
#[derive(Debug)]
struct Unroll;

impl<B: FusedOps> Backward<B, 7> for Unroll {
    type State = (Seven<B>, FloatTensor<B>, Forcing);

    fn backward(self, ops: Ops<Self::State, 7>, grads: &mut Gradients, _: &mut Checkpointer) {
        let by_signals = ops.parents[6].is_some();
        distribute::<B, _, _>(
            ops,
            grads,
            |((a, w1, w2, offset, h2, start, signals), starts, forcing), grad| {
                let forcing = Forcing { by_signals, ..forcing };
                let (a, w1, w2, offset, h2, start, signals) =
                    B::plrnn_unroll_backward(a, w1, w2, offset, h2, start, signals, starts, grad, forcing);
                [a, w1, w2, offset, h2, start, signals]
            },
        );
    }
}

/// A solve of a neural differential equation.
#[derive(Debug)]
struct Trajectory;

impl<B: FusedOps> Backward<B, 2> for Trajectory {
    type State = ((FloatTensor<B>, FloatTensor<B>), FloatTensor<B>, Arc<Solve>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        distribute::<B, _, _>(ops, grads, |((y0, parameters), starts, solve), grad| {
            let (y0, parameters) = B::odeint_backward(y0, parameters, starts, grad, solve);
            [y0, parameters]
        });
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
