//! Second directional derivatives of a dense network, pulled back.

use pulp::Simd;

use super::dense::add_first;
use super::product::product;
use super::{Dense, Real, Tape};

/// Of `φ = D²y[d₁, d₂] + Dy[d₁₂]` of a network with one output, at the input whose hidden layers are in the tape's slot, and a cotangent
/// `v` of it: adds `v ∂φ/∂x` to `x_bar` and `v ∂φ/∂d₂` to `second_bar`, and leaves what the gradients of the weights are made of.
///
/// The three slots after `slot` carry `d₁`, `d₂` and the mixed tangent forward: with `h = tanh a`, `s = 1 − h²`, `h₁ = s a₁`,
/// `h₂ = s a₂`, `h₁₂ = s a₁₂ − 2 h h₁ a₂`. On the way back `ā = s h̄ − 2 h (h₁ h̄₁ + h₂ h̄₂ + h₁₂ h̄₁₂) − 2 h₁ h₂ h̄₁₂`,
/// `ā₁ = s h̄₁ − 2 h h₂ h̄₁₂`, `ā₂ = s h̄₂ − 2 h h₁ h̄₁₂`, `ā₁₂ = s h̄₁₂`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(crate) fn mixed_pull_back<S: Simd, T: Real, const L: usize>(
    simd: S,
    net: &Dense<T>,
    tape: &mut Tape<T>,
    slot: usize,
    directions: [&[T::Lanes<S>]; 3],
    v: T,
    x_bar: &mut [T::Lanes<S>],
    second_bar: &mut [T::Lanes<S>],
) {
    let splat = |value: f64| T::splat(simd, T::of(value));
    let (zero, one, minus_two) = (splat(0.0), splat(1.0), splat(-2.0));
    let last = net.layers() - 1;
    for (k, direction) in directions.into_iter().enumerate() {
        tape.input_mut::<S, L>(0, slot + 1 + k).copy_from_slice(direction);
    }
    for layer in 0..last {
        for k in 1..4 {
            let (x, next) = tape.input_and_next::<S, L>(layer, slot + k);
            product::<S, T, L>(simd, &net.weights[layer], None, x, T::as_mut_lanes::<S>(next));
        }
        let all = tape.four_inputs::<S, L>(layer + 1, slot);
        let (primal, tangents) = all.split_at_mut(all.len() / 4);
        let (first, rest) = tangents.split_at_mut(primal.len());
        let (second, mixed) = rest.split_at_mut(primal.len());
        for (((h, a1), a2), a12) in primal.iter().zip(first).zip(second).zip(mixed) {
            let s = T::mul_sub(simd, *h, *h, one);
            *a1 = T::times(simd, s, *a1);
            let bent = T::times(simd, T::times(simd, minus_two, *h), T::times(simd, *a1, *a2));
            *a12 = T::mul_add(simd, s, *a12, bent);
            *a2 = T::times(simd, s, *a2);
        }
    }
    for k in 0..3 {
        tape.adjoint::<S, L>(last, slot + k).fill(zero);
    }
    tape.adjoint::<S, L>(last, slot + 3).fill(T::splat(simd, v));
    for layer in (1..=last).rev() {
        for k in 0..4 {
            let (_, above, below) = tape.way_back::<S, L>(layer, slot + k);
            product::<S, T, L>(simd, &net.transposed[layer], None, above, below);
        }
        let (x, bars) = tape.four::<S, L>(layer, slot);
        let n = x.len() / 4;
        for i in 0..n {
            let [h, h1, h2, h12] = [x[i], x[n + i], x[2 * n + i], x[3 * n + i]];
            let [b, b1, b2, b12] = [bars[i], bars[n + i], bars[2 * n + i], bars[3 * n + i]];
            let s = T::mul_sub(simd, h, h, one);
            let turn = T::times(simd, minus_two, h);
            let along = T::mul_add(simd, h2, b2, T::mul_add(simd, h12, b12, T::times(simd, h1, b1)));
            let cross = T::times(simd, T::times(simd, minus_two, h1), T::times(simd, h2, b12));
            bars[i] = T::mul_add(simd, s, b, T::mul_add(simd, turn, along, cross));
            let bent = T::times(simd, turn, b12);
            bars[n + i] = T::mul_add(simd, s, b1, T::times(simd, bent, h2));
            bars[2 * n + i] = T::mul_add(simd, s, b2, T::times(simd, bent, h1));
            bars[3 * n + i] = T::times(simd, s, b12);
        }
    }
    add_first::<S, T, L>(simd, net, tape, slot, x_bar);
    add_first::<S, T, L>(simd, net, tape, slot + 2, second_bar);
}
