//! A dense network with hyperbolic tangents between its layers.

use pulp::Simd;

use super::product::product;
use super::real::Tanh;
use super::{Real, Tape};

/// `x₁ = tanh(W₀ x₀ + b₀), …, y = W x + b`: the weights, and their transposes for the way back.
///
/// Parameters are one vector: layer by layer `W`, row after row, then `b`.
#[derive(Clone, Debug)]
pub(crate) struct Dense<T> {
    /// Entries of the input, the hidden layers, the output.
    pub(crate) sizes: Vec<usize>,
    pub(super) weights: Vec<Vec<T>>,
    pub(super) transposed: Vec<Vec<T>>,
    biases: Vec<Vec<T>>,
}

impl<T: Real> Dense<T> {
    /// The number of parameters.
    pub(crate) fn count(sizes: &[usize]) -> usize {
        sizes.windows(2).map(|s| (s[0] + 1) * s[1]).sum()
    }

    /// From as many parameters.
    pub(crate) fn new(sizes: &[usize], parameters: &[T]) -> Self {
        let (mut weights, mut transposed, mut biases) = (Vec::new(), Vec::new(), Vec::new());
        let mut rest = parameters;
        for s in sizes.windows(2) {
            let (w, after) = rest.split_at(s[0] * s[1]);
            let (b, after) = after.split_at(s[1]);
            rest = after;
            transposed.push((0..w.len()).map(|k| w[k % s[1] * s[0] + k / s[1]]).collect());
            weights.push(w.to_vec());
            biases.push(b.to_vec());
        }
        Self { sizes: sizes.to_vec(), weights, transposed, biases }
    }

    /// The number of layers.
    pub(crate) fn layers(&self) -> usize {
        self.weights.len()
    }
}

/// Writes the value of the network at the input that is in the tape's slot, and leaves the hidden layers there.
#[inline(always)]
pub(crate) fn value<S: Simd, T: Real, const L: usize>(
    simd: S,
    net: &Dense<T>,
    tape: &mut Tape<T>,
    slot: usize,
    y: &mut [T::Lanes<S>],
) {
    hidden::<S, T, L>(simd, net, tape, slot);
    let last = net.layers() - 1;
    let x = tape.input::<S, L>(last, slot);
    product::<S, T, L>(simd, &net.weights[last], Some(&net.biases[last]), x, y);
}

/// The hidden layers.
#[inline(always)]
fn hidden<S: Simd, T: Real, const L: usize>(simd: S, net: &Dense<T>, tape: &mut Tape<T>, slot: usize) {
    for layer in 0..net.layers() - 1 {
        let (x, next) = tape.input_and_next::<S, L>(layer, slot);
        product::<S, T, L>(
            simd,
            &net.weights[layer],
            Some(&net.biases[layer]),
            x,
            T::as_mut_lanes::<S>(next),
        );
        simd.vectorize(Tanh(next));
    }
}

/// Of [`value`] and a cotangent `v`: adds `(∂y/∂x)ᵀ v` to `x_bar`, and leaves what the gradients of the weights are made of.
#[inline(always)]
pub(crate) fn value_pull_back<S: Simd, T: Real, const L: usize>(
    simd: S,
    net: &Dense<T>,
    tape: &mut Tape<T>,
    slot: usize,
    v: &[T::Lanes<S>],
    x_bar: &mut [T::Lanes<S>],
) {
    let last = net.layers() - 1;
    tape.adjoint::<S, L>(last, slot).copy_from_slice(v);
    let one = T::splat(simd, T::of(1.0));
    for layer in (1..=last).rev() {
        let (x, above, below) = tape.way_back::<S, L>(layer, slot);
        product::<S, T, L>(simd, &net.transposed[layer], None, above, below);
        for (d, h) in below.iter_mut().zip(x) {
            *d = T::times(simd, *d, T::mul_sub(simd, *h, *h, one));
        }
    }
    add_first::<S, T, L>(simd, net, tape, slot, x_bar);
}

/// `x_bar += W₀ᵀ` times the adjoint of the first layer.
#[inline(always)]
pub(super) fn add_first<S: Simd, T: Real, const L: usize>(
    simd: S,
    net: &Dense<T>,
    tape: &mut Tape<T>,
    slot: usize,
    x_bar: &mut [T::Lanes<S>],
) {
    let (adjoint, scratch) = tape.first_and_scratch::<S, L>(slot, net.sizes[0]);
    product::<S, T, L>(simd, &net.transposed[0], None, adjoint, scratch);
    for (x, s) in x_bar.iter_mut().zip(scratch) {
        *x = T::plus(simd, *x, *s);
    }
}

/// Writes the gradient `∇_x y` of a network with one output at the input that is in the tape's slot.
#[inline(always)]
pub(crate) fn gradient<S: Simd, T: Real, const L: usize>(
    simd: S,
    net: &Dense<T>,
    tape: &mut Tape<T>,
    slot: usize,
    out: &mut [T::Lanes<S>],
) {
    hidden::<S, T, L>(simd, net, tape, slot);
    let one = T::splat(simd, T::of(1.0));
    let last = net.layers() - 1;
    out.fill(T::splat(simd, T::default()));
    tape.adjoint::<S, L>(last, slot).fill(one);
    for layer in (1..=last).rev() {
        let (x, above, below) = tape.way_back::<S, L>(layer, slot);
        product::<S, T, L>(simd, &net.transposed[layer], None, above, below);
        for (d, h) in below.iter_mut().zip(x) {
            *d = T::times(simd, *d, T::mul_sub(simd, *h, *h, one));
        }
    }
    add_first::<S, T, L>(simd, net, tape, slot, out);
}

/// Of [`gradient`] and a cotangent `u`: adds `∇_x (uᵀ ∇_x y)` to `x_bar`, and leaves what the gradients of the weights are made of.
///
/// `uᵀ ∇_x y` is the derivative of `y` along `u`. The slot after `slot` carries the tangent `ẋ` forward, `ẋ_{l+1} = (1 − x²) W ẋ_l`,
/// and the derivative of that on the way back: with `s = 1 − x²`, the cotangents of `a = W x + b` and `ȧ = W ẋ` are
/// `s x̄ − 2 x ẋ x̄̇` and `s x̄̇`.
#[inline(always)]
pub(crate) fn gradient_pull_back<S: Simd, T: Real, const L: usize>(
    simd: S,
    net: &Dense<T>,
    tape: &mut Tape<T>,
    slot: usize,
    u: &[T::Lanes<S>],
    x_bar: &mut [T::Lanes<S>],
) {
    let (one, zero) = (T::splat(simd, T::of(1.0)), T::splat(simd, T::default()));
    let minus_two = T::splat(simd, T::of(-2.0));
    let (last, tangent) = (net.layers() - 1, slot + 1);
    tape.input_mut::<S, L>(0, tangent).copy_from_slice(u);
    for layer in 0..last {
        let (x, next) = tape.input_and_next::<S, L>(layer, tangent);
        product::<S, T, L>(simd, &net.weights[layer], None, x, T::as_mut_lanes::<S>(next));
        let (primal, next) = tape.pair::<S, L>(layer + 1, slot);
        for (d, h) in next.iter_mut().zip(primal) {
            *d = T::times(simd, *d, T::mul_sub(simd, *h, *h, one));
        }
    }
    tape.adjoint::<S, L>(last, slot).fill(zero);
    tape.adjoint::<S, L>(last, tangent).fill(one);
    for layer in (1..=last).rev() {
        for slot in [slot, tangent] {
            let (_, above, below) = tape.way_back::<S, L>(layer, slot);
            product::<S, T, L>(simd, &net.transposed[layer], None, above, below);
        }
        let (x, dx, x_bar, dx_bar) = tape.two_adjoints::<S, L>(layer, slot);
        for (((h, dh), bar), dbar) in x.iter().zip(dx).zip(x_bar).zip(dx_bar) {
            let s = T::mul_sub(simd, *h, *h, one);
            let bent = T::times(simd, T::times(simd, minus_two, *h), T::times(simd, *dh, *dbar));
            *bar = T::mul_add(simd, s, *bar, bent);
            *dbar = T::times(simd, s, *dbar);
        }
    }
    add_first::<S, T, L>(simd, net, tape, slot, x_bar);
}
