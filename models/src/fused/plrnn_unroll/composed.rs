//! By the backend's operations, a step after the other.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, Slice};

use super::{Forcing, Seven};

/// The states, and for the way back where each step started, `[step · batch, latent]`.
pub(crate) fn forward<B: Backend>(inputs: Seven<B>, forcing: &Forcing) -> (FloatTensor<B>, FloatTensor<B>) {
    let (a, w1, w2, offset, h2, start, signals) = inputs;
    let (at, w1t, w2t) = (B::float_transpose(a), B::float_transpose(w1), B::float_transpose(w2));
    let h2 = row::<B>(h2);
    let constant = offset.shape().dims::<3>()[0] == 1;
    let mut z = start;
    let mut states = Vec::with_capacity(forcing.alpha.len());
    let mut starts = Vec::with_capacity(forcing.alpha.len());
    for (t, alpha) in forcing.alpha.iter().enumerate() {
        starts.push(z.clone());
        let u = B::float_matmul(z.clone(), w2t.clone());
        let mut r = B::relu(B::float_add(u.clone(), h2.clone()));
        if forcing.clipped {
            r = B::float_sub(r, B::relu(u));
        }
        let added = step::<B>(offset.clone(), if constant { 0 } else { t });
        let linear = B::float_add(B::float_matmul(z, at.clone()), added);
        let state = B::float_add(linear, B::float_matmul(r, w1t.clone()));
        z = pull::<B>(state.clone(), step::<B>(signals.clone(), t), *alpha);
        states.push(lifted::<B>(state));
    }
    (B::float_cat(states, 0), B::float_cat(starts, 0))
}

/// The gradients of all inputs, given that of the states and where each step started.
pub(crate) fn backward<B: Backend>(
    inputs: Seven<B>,
    starts: FloatTensor<B>,
    grad: FloatTensor<B>,
    forcing: &Forcing,
) -> Seven<B> {
    let (a, w1, w2, offset, h2, _, signals) = inputs;
    let [steps, batch, latent] = grad.shape().dims::<3>();
    let forced = signals.shape().dims::<3>()[2];
    let hidden = h2.shape().num_elements();
    let z = starts;
    let u = B::float_matmul(z.clone(), B::float_transpose(w2.clone()));
    let on = B::relu(B::float_add(u.clone(), row::<B>(h2)));
    let free = forcing.clipped.then(|| B::relu(u));
    let rows = |t: usize| Slice::from(t * batch..(t + 1) * batch);
    let part = |x: &FloatTensor<B>, t: usize| B::float_slice(x.clone(), &[rows(t), Slice::full()]);
    // The gradient by W₂ z, given that by the hidden units.
    let slope = |d: FloatTensor<B>, t: usize| {
        let e = B::relu_backward(part(&on, t), d.clone());
        match &free {
            Some(free) => (B::float_sub(e.clone(), B::relu_backward(part(free, t), d)), e),
            None => (e.clone(), e),
        }
    };
    let (mut by_state, mut by_u, mut by_h2, mut by_signal) = (vec![], vec![], vec![], vec![]);
    let device = grad.device();
    let mut carry = B::float_zeros(Shape::from([batch, latent]), &device, grad.dtype().into());
    for t in (0..steps).rev() {
        let alpha = forcing.alpha[t];
        let pulled = B::float_slice(carry.clone(), &[Slice::full(), Slice::from(0..forced)]);
        if forcing.by_signals {
            by_signal.push(lifted::<B>(B::float_mul_scalar(pulled.clone(), alpha.into())));
        }
        let kept = rest::<B>(B::float_mul_scalar(pulled, (1.0 - alpha).into()), carry, latent);
        let g = B::float_add(step::<B>(grad.clone(), t), kept);
        let (s, e) = slope(B::float_matmul(g.clone(), w1.clone()), t);
        carry = B::float_add(B::float_matmul(g.clone(), a.clone()), B::float_matmul(s.clone(), w2.clone()));
        by_state.push(g);
        by_u.push(s);
        by_h2.push(e);
    }
    let joined = |mut parts: Vec<FloatTensor<B>>| {
        parts.reverse();
        B::float_cat(parts, 0)
    };
    let r = match free {
        Some(free) => B::float_sub(on, free),
        None => on,
    };
    let (g, s) = (joined(by_state), joined(by_u));
    let constant = offset.shape().num_elements() == latent;
    let by_offset = if constant { B::float_sum_dim(g.clone(), 0) } else { g.clone() };
    let (gt, st) = (B::float_transpose(g.clone()), B::float_transpose(s));
    (
        B::float_matmul(gt.clone(), z.clone()),
        B::float_matmul(gt, r),
        B::float_matmul(st, z),
        B::float_reshape(by_offset, offset.shape()),
        B::float_reshape(B::float_sum_dim(joined(by_h2), 0), Shape::from([hidden])),
        carry,
        if forcing.by_signals { joined(by_signal) } else { signals },
    )
}

/// `(1 − α) z + α ẑ` in the entries that have a signal.
fn pull<B: Backend>(state: FloatTensor<B>, signal: FloatTensor<B>, alpha: f32) -> FloatTensor<B> {
    let [_, latent] = state.shape().dims::<2>();
    let forced = signal.shape().dims::<2>()[1];
    let observed = B::float_slice(state.clone(), &[Slice::full(), Slice::from(0..forced)]);
    let mixed = B::float_add(
        B::float_mul_scalar(observed, (1.0 - alpha).into()),
        B::float_mul_scalar(signal, alpha.into()),
    );
    rest::<B>(mixed, state, latent)
}

/// `first`, followed by the entries of `whole` that it lacks.
fn rest<B: Backend>(first: FloatTensor<B>, whole: FloatTensor<B>, latent: usize) -> FloatTensor<B> {
    let known = first.shape().dims::<2>()[1];
    if known == latent {
        return first;
    }
    B::float_cat(vec![first, B::float_slice(whole, &[Slice::full(), Slice::from(known..latent)])], 1)
}

fn row<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let n = x.shape().num_elements();
    B::float_reshape(x, Shape::from([1, n]))
}

fn lifted<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [batch, entries] = x.shape().dims::<2>();
    B::float_reshape(x, Shape::from([1, batch, entries]))
}

fn step<B: Backend>(x: FloatTensor<B>, t: usize) -> FloatTensor<B> {
    let [_, batch, entries] = x.shape().dims::<3>();
    let at = B::float_slice(x, &[Slice::from(t..t + 1), Slice::full(), Slice::full()]);
    B::float_reshape(at, Shape::from([batch, entries]))
}
