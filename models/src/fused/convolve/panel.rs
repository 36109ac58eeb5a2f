//! Products of columns, sums in registers.

use pulp::{Simd, WithSimd};

use super::super::network::Real;
use super::columns::Block;

/// Rows of a panel: six rows of two vectors are twelve sums.
pub(super) const ROWS: usize = 6;

/// Numbers of two vectors.
pub(super) struct Step<T>(pub(super) std::marker::PhantomData<T>);

impl<T: Real> WithSimd for Step<T> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        2 * T::count::<S>()
    }
}

/// A matrix in panels of [`ROWS`] rows: `[panel][column][row]`, the rows of the last filled up with zeros.
pub(super) fn panels<T: Real>(rows: usize, columns: usize, at: impl Fn(usize, usize) -> T) -> Vec<T> {
    let mut out = vec![T::default(); rows.div_ceil(ROWS) * columns * ROWS];
    for (panel, to) in out.chunks_exact_mut((columns * ROWS).max(1)).enumerate() {
        let used = ROWS.min(rows - panel * ROWS);
        for (k, to) in to.chunks_exact_mut(ROWS).enumerate() {
            for (q, to) in to.iter_mut().take(used).enumerate() {
                *to = at(panel * ROWS + q, k);
            }
        }
    }
    out
}

/// `out[q][n] = bias[q] + Σ_k w[k][q] block[k][n]` for the rows of some panels; a row of `out` has `stride` numbers, whole
/// vectors.
pub(super) struct Forward<'a, T> {
    pub(super) weights: &'a [T],
    /// As many as there are rows.
    pub(super) bias: &'a [T],
    pub(super) block: &'a Block<T>,
    pub(super) stride: usize,
    pub(super) out: &'a mut [T],
}

impl<T: Real> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, bias, block, stride, out } = self;
        let panels = weights.chunks_exact(block.offsets.len() * ROWS);
        for ((w, bias), out) in panels.zip(bias.chunks(ROWS)).zip(out.chunks_mut(ROWS * stride)) {
            match bias.len() {
                1 => forward::<S, T, 1>(simd, w, bias, block, stride, out),
                2 => forward::<S, T, 2>(simd, w, bias, block, stride, out),
                3 => forward::<S, T, 3>(simd, w, bias, block, stride, out),
                4 => forward::<S, T, 4>(simd, w, bias, block, stride, out),
                5 => forward::<S, T, 5>(simd, w, bias, block, stride, out),
                _ => forward::<S, T, 6>(simd, w, bias, block, stride, out),
            }
        }
    }
}

#[inline(always)]
fn forward<S: Simd, T: Real, const Q: usize>(
    simd: S,
    w: &[T],
    bias: &[T],
    block: &Block<T>,
    stride: usize,
    out: &mut [T],
) {
    let step = 2 * T::count::<S>();
    for n in (0..block.columns).step_by(step) {
        let data = &block.data[n..];
        let mut sums = [[T::splat(simd, T::default()); 2]; Q];
        for q in 0..Q {
            sums[q] = [T::splat(simd, bias[q]); 2];
        }
        for (w, offset) in w.chunks_exact(ROWS).zip(&block.offsets) {
            let x = T::as_lanes::<S>(&data[*offset..*offset + step]);
            let (a, b) = (x[0], x[1]);
            for q in 0..Q {
                let w = T::splat(simd, w[q]);
                sums[q][0] = T::mul_add(simd, w, a, sums[q][0]);
                sums[q][1] = T::mul_add(simd, w, b, sums[q][1]);
            }
        }
        for q in 0..Q {
            T::as_mut_lanes::<S>(&mut out[q * stride + n..][..step]).copy_from_slice(&sums[q]);
        }
    }
}

/// `out[k][o] += Σ_n block[k][n] grad[n][o]` for the rows `first ..` of a block; a row of `grad` and of `out` has `stride`
/// numbers, whole pairs of vectors.
pub(super) struct Outer<'a, T> {
    pub(super) first: usize,
    pub(super) block: &'a Block<T>,
    pub(super) grad: &'a [T],
    pub(super) stride: usize,
    pub(super) out: &'a mut [T],
}

impl<T: Real> WithSimd for Outer<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { first, block, grad, stride, out } = self;
        let step = 2 * T::count::<S>();
        let rows = out.len() / stride;
        for at in (0..stride).step_by(step) {
            let mut k = 0;
            while k + ROWS <= rows {
                outer::<S, T, ROWS>(
                    simd,
                    &block.offsets[first + k..],
                    block,
                    grad,
                    stride,
                    at,
                    &mut out[k * stride..],
                );
                k += ROWS;
            }
            for k in k..rows {
                outer::<S, T, 1>(
                    simd,
                    &block.offsets[first + k..],
                    block,
                    grad,
                    stride,
                    at,
                    &mut out[k * stride..],
                );
            }
        }
    }
}

#[inline(always)]
fn outer<S: Simd, T: Real, const Q: usize>(
    simd: S,
    offsets: &[usize],
    block: &Block<T>,
    grad: &[T],
    stride: usize,
    at: usize,
    out: &mut [T],
) {
    let step = 2 * T::count::<S>();
    let mut rows = [&block.data[..block.columns]; Q];
    for q in 0..Q {
        rows[q] = &block.data[offsets[q]..][..block.columns];
    }
    let mut sums = [[T::splat(simd, T::default()); 2]; Q];
    for q in 0..Q {
        sums[q].copy_from_slice(T::as_lanes::<S>(&out[q * stride + at..][..step]));
    }
    for (n, g) in grad.chunks_exact(stride).take(block.columns).enumerate() {
        let g = T::as_lanes::<S>(&g[at..at + step]);
        let (a, b) = (g[0], g[1]);
        for q in 0..Q {
            let x = T::splat(simd, rows[q][n]);
            sums[q][0] = T::mul_add(simd, x, a, sums[q][0]);
            sums[q][1] = T::mul_add(simd, x, b, sums[q][1]);
        }
    }
    for q in 0..Q {
        T::as_mut_lanes::<S>(&mut out[q * stride + at..][..step]).copy_from_slice(&sums[q]);
    }
}
