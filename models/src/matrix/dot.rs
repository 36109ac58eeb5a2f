//! Sums of products.

use ndarray::{Array2, Axis};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Rows of a matrix that are summed side by side.
const ROWS: usize = 256;

/// `Σ a_i b_i`.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    Arch::new().dispatch(Dot { a, b })
}

struct Dot<'a> {
    a: &'a [f64],
    b: &'a [f64],
}

impl WithSimd for Dot<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (a, a_tail) = S::as_simd_f64s(self.a);
        let (b, b_tail) = S::as_simd_f64s(self.b);
        let mut sums = [simd.splat_f64s(0.0); 4];
        for (a, b) in a.chunks(4).zip(b.chunks(4)) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                *sum = simd.mul_add_e_f64s(*a, *b, *sum);
            }
        }
        let sum = simd.add_f64s(simd.add_f64s(sums[0], sums[1]), simd.add_f64s(sums[2], sums[3]));
        let tail: f64 = a_tail.iter().zip(b_tail).map(|(a, b)| a * b).sum();
        simd.reduce_sum_f64s(sum) + tail
    }
}

/// `A x`.
pub(crate) fn product_with(a: &Array2<f64>, x: &[f64]) -> Vec<f64> {
    let rows: Vec<_> = a.axis_iter(Axis(0)).collect();
    rows.into_par_iter().map(|row| row.to_slice().map_or(0.0, |row| dot(row, x))).collect()
}

/// `Aᵀ x`.
pub(crate) fn transposed_product(a: &Array2<f64>, x: &[f64]) -> Vec<f64> {
    let parts: Vec<_> = a
        .axis_chunks_iter(Axis(0), ROWS)
        .into_par_iter()
        .zip(x.par_chunks(ROWS))
        .map(|(a, x)| {
            let mut sum = vec![0.0; a.ncols()];
            Arch::new().dispatch(|| {
                for (row, x) in a.rows().into_iter().zip(x) {
                    if let Some(row) = row.to_slice() {
                        sum.iter_mut().zip(row).for_each(|(s, a)| *s += x * a);
                    }
                }
            });
            sum
        })
        .collect();
    let mut out = vec![0.0; a.ncols()];
    for part in parts {
        out.iter_mut().zip(&part).for_each(|(o, p)| *o += p);
    }
    out
}
