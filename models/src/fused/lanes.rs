//! Kernels over lanes: every number is a vector over samples of a batch, weights are broadcast.
//!
//! A matrix times such a column of vectors needs no shuffle and no horizontal sum, whatever its size, so one kernel serves
//! a map of three variables as well as one of sixty-four.

use pulp::{Simd, WithSimd};

/// The number of samples of a group, when dispatched.
pub(super) struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// The samples of a group, `[step, sample, entry]` to `[step, entry, lane]`; lanes beyond the batch are zero.
pub(super) fn pack<S: Simd>(values: &[f32], batch: usize, entries: usize, group: usize) -> Vec<f32> {
    let lanes = S::F32_LANES;
    let first = group * lanes;
    let used = lanes.min(batch - first);
    if entries == 0 {
        return Vec::new();
    }
    let steps = values.len() / (batch * entries);
    let mut out = vec![0.0; steps * entries * lanes];
    for (to, from) in out.chunks_exact_mut(entries * lanes).zip(values.chunks_exact(batch * entries)) {
        for (lane, sample) in from[first * entries..].chunks_exact(entries).take(used).enumerate() {
            for (entry, v) in sample.iter().enumerate() {
                to[entry * lanes + lane] = *v;
            }
        }
    }
    out
}

/// The inverse of [`pack`].
pub(super) fn unpack<S: Simd>(packed: &[f32], out: &mut [f32], batch: usize, entries: usize, group: usize) {
    if entries == 0 {
        return;
    }
    let lanes = S::F32_LANES;
    let first = group * lanes;
    let used = lanes.min(batch - first);
    for (from, to) in packed.chunks_exact(entries * lanes).zip(out.chunks_exact_mut(batch * entries)) {
        for (lane, sample) in to[first * entries..].chunks_exact_mut(entries).take(used).enumerate() {
            for (entry, v) in sample.iter_mut().enumerate() {
                *v = from[entry * lanes + lane];
            }
        }
    }
}

/// `y += W x`, `W` of `y.len()` rows.
#[inline(always)]
pub(super) fn apply<S: Simd>(simd: S, w: &[f32], x: &[S::f32s], y: &mut [S::f32s]) {
    let mut rows = w.chunks_exact((4 * x.len()).max(1));
    let mut out = y.chunks_exact_mut(4);
    // Long sums in two halves: one alone would wait for its own additions.
    if x.len() < 16 {
        for (w, y) in rows.by_ref().zip(out.by_ref()) {
            rows_of::<S, 4, 1>(simd, w, x, y);
        }
    } else {
        for (w, y) in rows.by_ref().zip(out.by_ref()) {
            rows_of::<S, 4, 2>(simd, w, x, y);
        }
    }
    let (w, y) = (rows.remainder(), out.into_remainder());
    match (y.len(), x.len() < 16) {
        (1, true) => rows_of::<S, 1, 1>(simd, w, x, y),
        (2, true) => rows_of::<S, 2, 1>(simd, w, x, y),
        (3, true) => rows_of::<S, 3, 1>(simd, w, x, y),
        (1, false) => rows_of::<S, 1, 4>(simd, w, x, y),
        (2, false) => rows_of::<S, 2, 4>(simd, w, x, y),
        (3, false) => rows_of::<S, 3, 3>(simd, w, x, y),
        _ => {}
    }
}

/// `Q` rows of [`apply`], their sums in `P` parts.
#[inline(always)]
fn rows_of<S: Simd, const Q: usize, const P: usize>(simd: S, w: &[f32], x: &[S::f32s], y: &mut [S::f32s]) {
    let n = x.len();
    let mut rows = [&w[..n]; Q];
    for q in 1..Q {
        rows[q] = &w[q * n..][..n];
    }
    let mut sums = [[simd.splat_f32s(0.0); Q]; P];
    let whole = n / P * P;
    for j in (0..whole).step_by(P) {
        for p in 0..P {
            for q in 0..Q {
                sums[p][q] = simd.mul_add_e_f32s(simd.splat_f32s(rows[q][j + p]), x[j + p], sums[p][q]);
            }
        }
    }
    for j in whole..n {
        for q in 0..Q {
            sums[0][q] = simd.mul_add_e_f32s(simd.splat_f32s(rows[q][j]), x[j], sums[0][q]);
        }
    }
    for q in 0..Q {
        let mut sum = sums[0][q];
        for part in &sums[1..] {
            sum = simd.add_f32s(sum, part[q]);
        }
        y[q] = simd.add_f32s(y[q], sum);
    }
}

/// `sum[i][j] += Σ_k a[k][i] b[k][j]`, lane by lane, with `rows` and `columns` entries a step.
#[inline(always)]
pub(super) fn outer<S: Simd>(
    simd: S,
    a: &[S::f32s],
    rows: usize,
    b: &[S::f32s],
    columns: usize,
    sum: &mut [S::f32s],
) {
    let mut i = 0;
    while i < rows {
        let height = (rows - i).min(3);
        let mut j = 0;
        while j < columns {
            let at = Tile { a, rows, i, b, columns, j };
            let wide = columns - j >= 4;
            match (height, wide) {
                (3, true) => at.add::<S, 3, 4>(simd, sum),
                (2, true) => at.add::<S, 2, 4>(simd, sum),
                (_, true) => at.add::<S, 1, 4>(simd, sum),
                (3, false) => at.add::<S, 3, 1>(simd, sum),
                (2, false) => at.add::<S, 2, 1>(simd, sum),
                (_, false) => at.add::<S, 1, 1>(simd, sum),
            }
            j += if wide { 4 } else { 1 };
        }
        i += height;
    }
}

/// A part of [`outer`] whose sums stay in registers.
struct Tile<'a, V> {
    a: &'a [V],
    rows: usize,
    i: usize,
    b: &'a [V],
    columns: usize,
    j: usize,
}

impl<V: Copy> Tile<'_, V> {
    #[inline(always)]
    fn add<S: Simd<f32s = V>, const P: usize, const Q: usize>(&self, simd: S, sum: &mut [V]) {
        let mut acc = [[simd.splat_f32s(0.0); Q]; P];
        let steps = self.a.chunks_exact(self.rows).zip(self.b.chunks_exact(self.columns));
        for (a, b) in steps {
            let (a, b) = (&a[self.i..][..P], &b[self.j..][..Q]);
            for p in 0..P {
                for q in 0..Q {
                    acc[p][q] = simd.mul_add_e_f32s(a[p], b[q], acc[p][q]);
                }
            }
        }
        for p in 0..P {
            for q in 0..Q {
                let sum = &mut sum[(self.i + p) * self.columns + self.j + q];
                *sum = simd.add_f32s(*sum, acc[p][q]);
            }
        }
    }
}
