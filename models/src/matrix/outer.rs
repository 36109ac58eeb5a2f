//! Sums of outer products.

use pulp::{Arch, Simd, WithSimd};

/// `C [i, j] = Σ_c h_c[i] d_c[j]` of `count` pairs of vectors; those of `h` are `h_stride` apart, those of `d` `d_stride`, and rows of
/// `C` have `columns` entries.
pub(crate) fn outer(
    h: &[f64],
    h_stride: usize,
    d: &[f64],
    d_stride: usize,
    count: usize,
    c: &mut [f64],
    columns: usize,
) {
    let mut first = 0;
    while first < count {
        let together = (count - first).min(4);
        let (h, d) = (&h[first * h_stride..], &d[first * d_stride..]);
        let sum = Sum { h, h_stride, d, d_stride, together, add: first > 0, c, columns };
        Arch::new().dispatch(sum);
        first += together;
    }
}

struct Sum<'a, 'c> {
    h: &'a [f64],
    h_stride: usize,
    d: &'a [f64],
    d_stride: usize,
    together: usize,
    add: bool,
    c: &'c mut [f64],
    columns: usize,
}

impl WithSimd for Sum<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match self.together {
            1 => self.of::<1>(),
            2 => self.of::<2>(),
            3 => self.of::<3>(),
            _ => self.of::<4>(),
        }
    }
}

impl Sum<'_, '_> {
    #[inline(always)]
    fn of<const N: usize>(self) {
        let n = self.columns;
        let d: [&[f64]; N] = std::array::from_fn(|c| &self.d[c * self.d_stride..][..n]);
        for (i, row) in self.c.chunks_exact_mut(n).enumerate() {
            let h: [f64; N] = std::array::from_fn(|c| self.h[c * self.h_stride + i]);
            for j in 0..n {
                let mut sum = if self.add { row[j] } else { 0.0 };
                for c in 0..N {
                    sum = h[c].mul_add(d[c][j], sum);
                }
                row[j] = sum;
            }
        }
    }
}
