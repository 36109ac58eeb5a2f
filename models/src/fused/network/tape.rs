//! What a step keeps of a network: the inputs of its layers, and their cotangents.

use pulp::Simd;

use super::product::outer;
use super::{Aligned, Dense, Real};

/// For every layer and slot the input, and the cotangent of `W x + b`. A slot is an evaluation; of a gradient network two
/// slots are one evaluation, the value and its tangent.
#[derive(Clone, Debug)]
pub(crate) struct Tape<T> {
    sizes: Vec<usize>,
    slots: usize,
    inputs: Vec<Aligned<T>>,
    adjoints: Vec<Aligned<T>>,
    scratch: Aligned<T>,
    /// Sums of the gradients of weights, a vector each, then of biases.
    weights: Vec<Aligned<T>>,
    biases: Vec<Aligned<T>>,
}

impl<T: Real> Tape<T> {
    pub(crate) fn new<S: Simd, const L: usize>(sizes: &[usize], slots: usize) -> Self {
        let columns = |n: &usize| Aligned::lanes::<S>(n * slots * L);
        Self {
            sizes: sizes.to_vec(),
            slots,
            inputs: sizes[..sizes.len() - 1].iter().map(columns).collect(),
            adjoints: sizes[1..].iter().map(columns).collect(),
            scratch: Aligned::lanes::<S>(sizes[0] * L),
            weights: sizes.windows(2).map(|s| Aligned::lanes::<S>(s[0] * s[1])).collect(),
            biases: sizes[1..].iter().map(|n| Aligned::lanes::<S>(*n)).collect(),
        }
    }

    #[inline(always)]
    pub(super) fn input<S: Simd, const L: usize>(&self, layer: usize, slot: usize) -> &[T::Lanes<S>] {
        let n = self.sizes[layer] * L;
        &self.inputs[layer].get::<S>()[slot * n..][..n]
    }

    #[inline(always)]
    pub(crate) fn input_mut<S: Simd, const L: usize>(
        &mut self,
        layer: usize,
        slot: usize,
    ) -> &mut [T::Lanes<S>] {
        let n = self.sizes[layer] * L;
        &mut self.inputs[layer].get_mut::<S>()[slot * n..][..n]
    }

    /// The input of a layer, and that of the next, number by number.
    #[inline(always)]
    pub(super) fn input_and_next<S: Simd, const L: usize>(
        &mut self,
        layer: usize,
        slot: usize,
    ) -> (&[T::Lanes<S>], &mut [T]) {
        let (n, m) = (self.sizes[layer] * L, self.sizes[layer + 1] * L * T::count::<S>());
        let (below, above) = self.inputs.split_at_mut(layer + 1);
        (&below[layer].get::<S>()[slot * n..][..n], &mut above[0].as_mut_slice()[slot * m..][..m])
    }

    /// The inputs of a layer in a slot, and in the next.
    #[inline(always)]
    pub(super) fn pair<S: Simd, const L: usize>(
        &mut self,
        layer: usize,
        slot: usize,
    ) -> (&[T::Lanes<S>], &mut [T::Lanes<S>]) {
        let n = self.sizes[layer] * L;
        let (first, second) = self.inputs[layer].get_mut::<S>()[slot * n..][..2 * n].split_at_mut(n);
        (first, second)
    }

    #[inline(always)]
    pub(super) fn adjoint<S: Simd, const L: usize>(
        &mut self,
        layer: usize,
        slot: usize,
    ) -> &mut [T::Lanes<S>] {
        let n = self.sizes[layer + 1] * L;
        &mut self.adjoints[layer].get_mut::<S>()[slot * n..][..n]
    }

    /// The input of a layer, its cotangent, and the cotangent of the layer before.
    #[inline(always)]
    pub(super) fn way_back<S: Simd, const L: usize>(
        &mut self,
        layer: usize,
        slot: usize,
    ) -> (&[T::Lanes<S>], &[T::Lanes<S>], &mut [T::Lanes<S>]) {
        let (n, m) = (self.sizes[layer] * L, self.sizes[layer + 1] * L);
        let (below, above) = self.adjoints.split_at_mut(layer);
        (
            &self.inputs[layer].get::<S>()[slot * n..][..n],
            &above[0].get::<S>()[slot * m..][..m],
            &mut below[layer - 1].get_mut::<S>()[slot * n..][..n],
        )
    }

    /// The input of a layer and its tangent, and the cotangents of the layer before in both slots.
    #[inline(always)]
    pub(super) fn two_adjoints<S: Simd, const L: usize>(
        &mut self,
        layer: usize,
        slot: usize,
    ) -> (&[T::Lanes<S>], &[T::Lanes<S>], &mut [T::Lanes<S>], &mut [T::Lanes<S>]) {
        let n = self.sizes[layer] * L;
        let (x, dx) = self.inputs[layer].get::<S>()[slot * n..][..2 * n].split_at(n);
        let (a, b) = self.adjoints[layer - 1].get_mut::<S>()[slot * n..][..2 * n].split_at_mut(n);
        (x, dx, a, b)
    }

    /// The inputs of a layer in a slot and the three after it, and the cotangents of the layer before.
    #[inline(always)]
    pub(super) fn four<S: Simd, const L: usize>(
        &mut self,
        layer: usize,
        slot: usize,
    ) -> (&[T::Lanes<S>], &mut [T::Lanes<S>]) {
        let n = self.sizes[layer] * L;
        (
            &self.inputs[layer].get::<S>()[slot * n..][..4 * n],
            &mut self.adjoints[layer - 1].get_mut::<S>()[slot * n..][..4 * n],
        )
    }

    /// The inputs of a layer in a slot and the three after it.
    #[inline(always)]
    pub(super) fn four_inputs<S: Simd, const L: usize>(
        &mut self,
        layer: usize,
        slot: usize,
    ) -> &mut [T::Lanes<S>] {
        let n = self.sizes[layer] * L;
        &mut self.inputs[layer].get_mut::<S>()[slot * n..][..4 * n]
    }

    /// The cotangent of the first layer, and scratch for that of the input.
    #[inline(always)]
    pub(super) fn first_and_scratch<S: Simd, const L: usize>(
        &mut self,
        slot: usize,
        inputs: usize,
    ) -> (&[T::Lanes<S>], &mut [T::Lanes<S>]) {
        let n = self.sizes[1] * L;
        (&self.adjoints[0].get::<S>()[slot * n..][..n], &mut self.scratch.get_mut::<S>()[..inputs * L])
    }

    /// Adds the products of all slots to the gradients of the weights; every `stride`-th slot counts for the biases.
    #[inline(always)]
    pub(crate) fn collect<S: Simd, const L: usize>(&mut self, simd: S, stride: usize) {
        for layer in 0..self.sizes.len() - 1 {
            let (a, x) = (self.adjoints[layer].get::<S>(), self.inputs[layer].get::<S>());
            outer::<S, T, L>(simd, self.slots, a, x, self.weights[layer].get_mut::<S>());
            let n = self.sizes[layer + 1];
            for a in a.chunks_exact(n * L).step_by(stride) {
                for (b, a) in self.biases[layer].get_mut::<S>().iter_mut().zip(a.chunks_exact(L)) {
                    for a in a {
                        *b = T::plus(simd, *b, *a);
                    }
                }
            }
        }
    }

    /// Adds the gradients of all parameters, in the order of [`Dense`].
    #[inline(always)]
    pub(crate) fn gradients<S: Simd>(&self, simd: S, out: &mut [T]) {
        debug_assert_eq!(out.len(), Dense::<T>::count(&self.sizes));
        let sums =
            self.weights.iter().zip(&self.biases).flat_map(|(w, b)| w.get::<S>().iter().chain(b.get::<S>()));
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = *out + T::sum_lanes(simd, *sum);
        }
    }
}
