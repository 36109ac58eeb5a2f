//! Samples of a batch as vectors.

use super::super::network::Real;

/// Samples `[batch, entry]` from `first` on to `[entry, sample of the group]`; those beyond the batch are zero.
pub(super) fn pack<T: Real>(values: &[T], entries: usize, first: usize, out: &mut [T]) {
    let width = out.len() / entries;
    out.fill(T::default());
    for (lane, sample) in values.chunks_exact(entries).skip(first).take(width).enumerate() {
        for (entry, v) in sample.iter().enumerate() {
            out[entry * width + lane] = *v;
        }
    }
}

/// The inverse of [`pack`].
pub(super) fn unpack<T: Real>(packed: &[T], entries: usize, first: usize, values: &mut [T]) {
    let width = packed.len() / entries;
    for (lane, sample) in values.chunks_exact_mut(entries).skip(first).take(width).enumerate() {
        for (entry, v) in sample.iter_mut().enumerate() {
            *v = packed[entry * width + lane];
        }
    }
}
