//! Products of small matrices without packing: sums in registers, both factors read where they are.

use pulp::{Arch, Simd, WithSimd};

/// A matrix of which entry `[i, k]` is at `i · row + k · column`.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// `C = A B`, or `C += A B` if `add`; `b` and `c` are rows of `columns` entries one after the other, as many of `c` as it holds, as
/// many of `b` as `A` has columns.
pub(crate) fn product(a: Strided<'_>, b: &[f64], columns: usize, c: &mut [f64], add: bool) {
    Arch::new().dispatch(Product { a, b, columns, c, add });
}

struct Product<'a, 'c> {
    a: Strided<'a>,
    b: &'a [f64],
    columns: usize,
    c: &'c mut [f64],
    add: bool,
}

impl WithSimd for Product<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rows = self.c.len() / self.columns.max(1);
        let mut j = 0;
        while j < self.columns {
            let vectors = ((self.columns - j) / S::F64_LANES).min(3);
            let mut i = 0;
            while i < rows {
                let tall = rows - i >= 8;
                match (vectors, tall) {
                    (3, true) => self.tile::<S, 8, 3>(simd, i, j),
                    (3, false) => self.tile::<S, 1, 3>(simd, i, j),
                    (2, true) => self.tile::<S, 8, 2>(simd, i, j),
                    (2, false) => self.tile::<S, 1, 2>(simd, i, j),
                    (1, true) => self.tile::<S, 8, 1>(simd, i, j),
                    (1, false) => self.tile::<S, 1, 1>(simd, i, j),
                    (_, true) => self.edge::<S, 8>(simd, i, j),
                    (_, false) => self.edge::<S, 1>(simd, i, j),
                }
                i += if tall { 8 } else { 1 };
            }
            j += (vectors * S::F64_LANES).max(if vectors == 0 { self.columns - j } else { 0 });
        }
    }
}

impl Product<'_, '_> {
    /// `Q` rows from `i` on, `V` vectors of columns from `j` on.
    #[inline(always)]
    fn tile<S: Simd, const Q: usize, const V: usize>(&mut self, simd: S, i: usize, j: usize) {
        let mut sums = [[simd.splat_f64s(0.0); V]; Q];
        let (row, column) = (self.a.row, self.a.column);
        for (k, b) in self.b.chunks_exact(self.columns).enumerate() {
            let b = S::as_simd_f64s(&b[j..j + V * S::F64_LANES]).0;
            let a = &self.a.values[k * column + i * row..];
            for q in 0..Q {
                let a = simd.splat_f64s(a[q * row]);
                for v in 0..V {
                    sums[q][v] = simd.mul_add_e_f64s(a, b[v], sums[q][v]);
                }
            }
        }
        for (q, sums) in sums.iter().enumerate() {
            let c = &mut self.c[(i + q) * self.columns + j..][..V * S::F64_LANES];
            for (c, sum) in S::as_mut_simd_f64s(c).0.iter_mut().zip(sums) {
                *c = if self.add { simd.add_f64s(*c, *sum) } else { *sum };
            }
        }
    }

    /// `Q` rows from `i` on, and the columns from `j` on, fewer than a vector.
    #[inline(always)]
    fn edge<S: Simd, const Q: usize>(&mut self, simd: S, i: usize, j: usize) {
        let mut sums = [simd.splat_f64s(0.0); Q];
        let (row, column) = (self.a.row, self.a.column);
        for (k, b) in self.b.chunks_exact(self.columns).enumerate() {
            let b = simd.partial_load_f64s(&b[j..]);
            let a = &self.a.values[k * column + i * row..];
            for q in 0..Q {
                sums[q] = simd.mul_add_e_f64s(simd.splat_f64s(a[q * row]), b, sums[q]);
            }
        }
        for (q, sum) in sums.into_iter().enumerate() {
            let c = &mut self.c[(i + q) * self.columns..][j..self.columns];
            let sum = if self.add { simd.add_f64s(simd.partial_load_f64s(c), sum) } else { sum };
            simd.partial_store_f64s(c, sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        for (rows, depth, columns) in [(1, 1, 1), (8, 3, 24), (19, 24, 20), (70, 5, 64), (9, 40, 37)] {
            let a: Vec<f64> = (0..rows * depth).map(|i| (i as f64).sin()).collect();
            let b: Vec<f64> = (0..depth * columns).map(|i| (1.3 * i as f64).cos()).collect();
            for transposed in [false, true] {
                let (row, column) = if transposed { (1, rows) } else { (depth, 1) };
                let mut c = vec![1.0; rows * columns];
                for add in [true, false] {
                    product(Strided { values: &a, row, column }, &b, columns, &mut c, add);
                    for i in 0..rows {
                        for j in 0..columns {
                            let sum: f64 =
                                (0..depth).map(|k| a[i * row + k * column] * b[k * columns + j]).sum();
                            let exact = sum + f64::from(u8::from(add));
                            assert!((c[i * columns + j] - exact).abs() < 1e-12, "{rows} {depth} {columns}");
                        }
                    }
                }
            }
        }
    }
}
