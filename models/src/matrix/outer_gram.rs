//! Products of rows that are sums of outer products, without the rows.

use ndarray::{ArrayView3, ArrayViewMut2, Axis};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::packed::{GROUP, PANEL, Packed, put, tile};

/// Adds `J Jᵀ` to `c`, where row `n` of `J` is `Σ_t h[t, n, ·] ⊗ d[t, n, ·]`:
/// `(J Jᵀ)[n, m] = Σ_s Σ_t (h[s, n, ·]·h[t, m, ·]) (d[s, n, ·]·d[t, m, ·])`. Only the lower triangle is complete.
///
/// With `T` terms of widths `a` and `b` an entry takes `T² (a + b)` multiplications, not `a b`.
pub(crate) fn add_outer_gram(h: ArrayView3<'_, f64>, d: ArrayView3<'_, f64>, c: ArrayViewMut2<'_, f64>) {
    let packed = |x: ArrayView3<'_, f64>| x.axis_iter(Axis(0)).map(Packed::new).collect::<Vec<_>>();
    let (h, d) = (packed(h), packed(d));
    let mut c = c;
    let groups: Vec<_> = c.axis_chunks_iter_mut(Axis(0), GROUP * PANEL).enumerate().collect();
    // The longest rows first.
    groups.into_par_iter().rev().with_max_len(1).for_each(|(group, c)| {
        Arch::new().dispatch(Rows { h: &h, d: &d, c, group });
    });
}

struct Rows<'a> {
    h: &'a [Packed],
    d: &'a [Packed],
    c: ArrayViewMut2<'a, f64>,
    group: usize,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F64_LANES {
            8 | 2 => self.add::<S, 8>(simd),
            _ => self.add::<S, 4>(simd),
        }
    }
}

impl Rows<'_> {
    #[inline(always)]
    fn add<S: Simd, const Q: usize>(mut self, simd: S) {
        let (rows, columns) = self.c.dim();
        let first = self.group * GROUP;
        let width = columns.min(first * PANEL + rows);
        let across = PANEL / (3 * S::F64_LANES);
        let mut sums = vec![[[simd.splat_f64s(0.0); 3]; Q]; PANEL / Q * across];
        for j in 0..width.div_ceil(PANEL) {
            for i in 0..rows.div_ceil(PANEL) {
                sums.fill([[simd.splat_f64s(0.0); 3]; Q]);
                for (h_right, d_right) in self.h.iter().zip(self.d) {
                    let (h_right, d_right) = (h_right.whole(j), d_right.whole(j));
                    for (h_left, d_left) in self.h.iter().zip(self.d) {
                        let (h_left, d_left) = (h_left.whole(first + i), d_left.whole(first + i));
                        for (at, sums) in sums.iter_mut().enumerate() {
                            let (q, v) = (at / across * Q, at % across * 3 * S::F64_LANES);
                            let x = tile::<S, Q>(simd, &h_left[q..], &h_right[v..]);
                            let y = tile::<S, Q>(simd, &d_left[q..], &d_right[v..]);
                            for q in 0..Q {
                                for v in 0..3 {
                                    sums[q][v] = simd.mul_add_e_f64s(x[q][v], y[q][v], sums[q][v]);
                                }
                            }
                        }
                    }
                }
                for (at, sums) in sums.iter().enumerate() {
                    let (row, column) =
                        (i * PANEL + at / across * Q, j * PANEL + at % across * 3 * S::F64_LANES);
                    put::<S, Q>(1.0, sums, &mut self.c, row, column);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;

    #[test]
    fn products_are_those_of_the_rows() {
        for (rows, terms, a, b) in [(1, 1, 1, 1), (7, 2, 3, 5), (53, 3, 4, 2), (131, 4, 9, 1)] {
            let h =
                Array3::from_shape_fn((terms, rows, a), |(t, n, i)| ((7 * t + 3 * n + 5 * i) as f64).sin());
            let d =
                Array3::from_shape_fn((terms, rows, b), |(t, n, i)| ((2 * t + 5 * n + 3 * i) as f64).cos());
            let mut j = Array2::<f64>::zeros((rows, a * b));
            for (t, n, i, k) in indices(terms, rows, a, b) {
                j[[n, i * b + k]] += h[[t, n, i]] * d[[t, n, k]];
            }
            let mut c = Array2::ones((rows, rows));
            add_outer_gram(h.view(), d.view(), c.view_mut());
            let exact = j.dot(&j.t());
            for n in 0..rows {
                for m in 0..=n {
                    assert!((c[[n, m]] - 1.0 - exact[[n, m]]).abs() < 1e-11, "{rows} {terms} {a} {b}");
                }
            }
        }
    }

    fn indices(t: usize, n: usize, a: usize, b: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
        (0..t * n * a * b).map(move |i| (i / (n * a * b), i / (a * b) % n, i / b % a, i % b))
    }
}
