//! Products of matrices with columns of `L` vectors of samples, sums in registers.

use pulp::{Simd, WithSimd};

use super::Real;

/// `y = W x + b`, or without `b`: of `W` with `y.len() / L` rows, the columns `[entry][L]`.
///
/// A function of its own, as [`outer`] is: one copy for all that call it.
#[inline(always)]
pub(super) fn product<S: Simd, T: Real, const L: usize>(
    simd: S,
    w: &[T],
    b: Option<&[T]>,
    x: &[T::Lanes<S>],
    y: &mut [T::Lanes<S>],
) {
    simd.vectorize(Product::<T, L> { w, b, x: T::numbers::<S>(x), y: T::mut_numbers::<S>(y) });
}

struct Product<'a, T, const L: usize> {
    w: &'a [T],
    b: Option<&'a [T]>,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Real, const L: usize> WithSimd for Product<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (x, y) = (T::as_lanes::<S>(self.x), T::as_mut_lanes::<S>(self.y));
        let (n, rows) = (x.len() / L, y.len() / L);
        let mut first = 0;
        // Six rows of two vectors: twelve sums, two columns and a weight fit sixteen registers.
        while first < rows {
            let (w, y) = (&self.w[first * n..], &mut y[first * L..]);
            let b = self.b.map(|b| &b[first..]);
            first += match rows - first {
                6.. => rows_of::<S, T, L, 6>(simd, w, b, x, y),
                4 | 5 => rows_of::<S, T, L, 4>(simd, w, b, x, y),
                2 | 3 => rows_of::<S, T, L, 2>(simd, w, b, x, y),
                _ => rows_of::<S, T, L, 1>(simd, w, b, x, y),
            };
        }
    }
}

#[inline(always)]
fn rows_of<S: Simd, T: Real, const L: usize, const Q: usize>(
    simd: S,
    w: &[T],
    b: Option<&[T]>,
    x: &[T::Lanes<S>],
    y: &mut [T::Lanes<S>],
) -> usize {
    let n = x.len() / L;
    let mut rows = [&w[..n]; Q];
    for q in 1..Q {
        rows[q] = &w[q * n..][..n];
    }
    let mut sums = [[T::splat(simd, T::default()); L]; Q];
    if let Some(b) = b {
        for q in 0..Q {
            sums[q] = [T::splat(simd, b[q]); L];
        }
    }
    for (i, x) in x.chunks_exact(L).enumerate() {
        let mut column = [x[0]; L];
        column.copy_from_slice(x);
        for q in 0..Q {
            let w = T::splat(simd, rows[q][i]);
            for l in 0..L {
                sums[q][l] = T::mul_add(simd, w, column[l], sums[q][l]);
            }
        }
    }
    for q in 0..Q {
        y[q * L..][..L].copy_from_slice(&sums[q]);
    }
    Q
}

/// `sum[i][j] += Σ_k a[k][i] b[k][j]` lane by lane, over `slots` columns `a` and `b` of `L` vectors an entry.
#[inline(always)]
pub(super) fn outer<S: Simd, T: Real, const L: usize>(
    simd: S,
    slots: usize,
    a: &[T::Lanes<S>],
    b: &[T::Lanes<S>],
    sum: &mut [T::Lanes<S>],
) {
    let (a, b) = (T::numbers::<S>(a), T::numbers::<S>(b));
    simd.vectorize(Outer::<T, L> { slots, a, b, sum: T::mut_numbers::<S>(sum) });
}

struct Outer<'a, T, const L: usize> {
    slots: usize,
    a: &'a [T],
    b: &'a [T],
    sum: &'a mut [T],
}

impl<T: Real, const L: usize> WithSimd for Outer<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { slots, a, b, sum } = self;
        let (a, b, sum) = (T::as_lanes::<S>(a), T::as_lanes::<S>(b), T::as_mut_lanes::<S>(sum));
        let (rows, columns) = (a.len() / (slots * L), b.len() / (slots * L));
        let mut i = 0;
        while i < rows {
            let height = if rows - i >= 3 { 3 } else { 1 };
            let mut j = 0;
            while j < columns {
                let wide = columns - j >= 4;
                let at = Tile { slots, a, rows, i, b, columns, j };
                match (height, wide) {
                    (3, true) => at.add::<S, T, L, 3, 4>(simd, sum),
                    (3, false) => at.add::<S, T, L, 3, 1>(simd, sum),
                    (_, true) => at.add::<S, T, L, 1, 4>(simd, sum),
                    (_, false) => at.add::<S, T, L, 1, 1>(simd, sum),
                }
                j += if wide { 4 } else { 1 };
            }
            i += height;
        }
    }
}

/// A part of [`outer`] whose sums stay in registers.
struct Tile<'a, V> {
    slots: usize,
    a: &'a [V],
    rows: usize,
    i: usize,
    b: &'a [V],
    columns: usize,
    j: usize,
}

impl<V: Copy> Tile<'_, V> {
    #[inline(always)]
    fn add<S: Simd, T: Real<Lanes<S> = V>, const L: usize, const P: usize, const Q: usize>(
        &self,
        simd: S,
        sum: &mut [V],
    ) {
        let mut acc = [[T::splat(simd, T::default()); Q]; P];
        for k in 0..self.slots {
            let a = &self.a[(k * self.rows + self.i) * L..][..P * L];
            let b = &self.b[(k * self.columns + self.j) * L..][..Q * L];
            for l in 0..L {
                for p in 0..P {
                    for q in 0..Q {
                        acc[p][q] = T::mul_add(simd, a[p * L + l], b[q * L + l], acc[p][q]);
                    }
                }
            }
        }
        for p in 0..P {
            for q in 0..Q {
                let sum = &mut sum[(self.i + p) * self.columns + self.j + q];
                *sum = T::plus(simd, *sum, acc[p][q]);
            }
        }
    }
}
