//! `C ← C + α A Bᵀ` with both packed into panels that are read in order, sums in registers.
//!
//! The layout of K. Goto, R. van de Geijn, ACM TOMS 34 (2008) 12.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Rows of a panel: three of the widest vectors.
pub(super) const PANEL: usize = 24;

/// Panels of `A` that are worked on together: with [`DEPTH`] they stay in the second-level cache.
pub(super) const GROUP: usize = 4;

/// Columns that are summed before `C` is touched: a panel of `B` stays in the first-level cache.
const DEPTH: usize = 192;

/// Columns of a Gram matrix's factor that are packed together.
const SLAB: usize = 8 * DEPTH;

/// Rows in panels `[panel][column][PANEL]`, zero where there are no more.
pub(super) struct Packed {
    storage: Vec<f64>,
    /// Where the first panel begins: on a cache line, as then all vectors do.
    offset: usize,
    depth: usize,
}

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

impl Packed {
    pub(super) fn new(a: ArrayView2<'_, f64>) -> Self {
        let (rows, depth) = a.dim();
        let slack = LINE / size_of::<f64>();
        let mut storage = vec![0.0; rows.div_ceil(PANEL) * depth * PANEL + slack];
        let offset = storage.as_ptr().align_offset(LINE).min(slack);
        let panels = storage[offset..].par_chunks_exact_mut((depth * PANEL).max(1));
        panels.enumerate().take(rows.div_ceil(PANEL)).for_each(|(p, panel)| {
            let first = p * PANEL;
            let a = a.slice(s![first..rows.min(first + PANEL), ..]);
            // Along whichever axis is next to each other in memory.
            if a.stride_of(Axis(0)) == 1 {
                for (column, to) in a.columns().into_iter().zip(panel.chunks_exact_mut(PANEL)) {
                    match column.to_slice() {
                        Some(column) => to[..column.len()].copy_from_slice(column),
                        None => to.iter_mut().zip(column).for_each(|(to, v)| *to = *v),
                    }
                }
            } else {
                for (r, row) in a.rows().into_iter().enumerate() {
                    panel[r..].iter_mut().step_by(PANEL).zip(row).for_each(|(to, v)| *to = *v);
                }
            }
        });
        Self { storage, offset, depth }
    }

    /// All columns of a panel.
    pub(super) fn whole(&self, panel: usize) -> &[f64] {
        self.panel(panel, 0, self.depth)
    }

    /// Columns `from..to` of a panel.
    fn panel(&self, panel: usize, from: usize, to: usize) -> &[f64] {
        let first = panel * self.depth;
        &self.storage[self.offset..][(first + from) * PANEL..(first + to) * PANEL]
    }
}

/// `A Aᵀ`, or `Aᵀ A` if `transposed`: its lower triangle; above it some entries of the product, or zero.
pub(crate) fn gram(a: &Array2<f64>, transposed: bool) -> Array2<f64> {
    let a = if transposed { a.t() } else { a.view() };
    let mut out = Array2::zeros((a.nrows(), a.nrows()));
    add_gram(a, out.view_mut());
    out
}

/// `C += A Aᵀ`: the lower triangle.
pub(crate) fn add_gram(a: ArrayView2<'_, f64>, mut c: ArrayViewMut2<'_, f64>) {
    for columns in a.axis_chunks_iter(Axis(1), SLAB) {
        let packed = Packed::new(columns);
        add_product(1.0, &packed, &packed, c.view_mut(), true);
    }
}

/// `C += α A Bᵀ`; if `lower`, what is far above the diagonal is left out.
pub(super) fn add_product(alpha: f64, a: &Packed, b: &Packed, c: ArrayViewMut2<'_, f64>, lower: bool) {
    let mut c = c;
    let groups: Vec<_> = c.axis_chunks_iter_mut(Axis(0), GROUP * PANEL).enumerate().collect();
    // The longest rows first.
    groups.into_par_iter().rev().with_max_len(1).for_each(|(group, c)| {
        Arch::new().dispatch(Rows { alpha, a, b, c, group, lower });
    });
}

struct Rows<'a> {
    alpha: f64,
    a: &'a Packed,
    b: &'a Packed,
    c: ArrayViewMut2<'a, f64>,
    group: usize,
    lower: bool,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Sums, a row of B and an entry of A fit the registers, of which the widest and the narrowest vectors have thirty-two.
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
        let panels = rows.div_ceil(PANEL);
        let first = self.group * GROUP * PANEL;
        let width = if self.lower { columns.min(first + rows) } else { columns };
        for from in (0..self.a.depth).step_by(DEPTH) {
            let to = self.a.depth.min(from + DEPTH);
            for j in 0..width.div_ceil(PANEL) {
                let b = self.b.panel(j, from, to);
                for i in 0..panels {
                    let a = self.a.panel(self.group * GROUP + i, from, to);
                    for q in (0..PANEL).step_by(Q) {
                        for v in (0..PANEL).step_by(3 * S::F64_LANES) {
                            let sums = tile::<S, Q>(simd, &a[q..], &b[v..]);
                            let (row, column) = (i * PANEL + q, j * PANEL + v);
                            put::<S, Q>(self.alpha, &sums, &mut self.c, row, column);
                        }
                    }
                }
            }
        }
    }
}

/// `Σ_k a[k][q] b[k]` of `Q` rows and three vectors.
#[inline(always)]
pub(super) fn tile<S: Simd, const Q: usize>(simd: S, a: &[f64], b: &[f64]) -> [[S::f64s; 3]; Q] {
    let mut sums = [[simd.splat_f64s(0.0); 3]; Q];
    for (a, b) in a.chunks(PANEL).zip(b.chunks(PANEL)) {
        let (a, b) = (&a[..Q], S::as_simd_f64s(&b[..3 * S::F64_LANES]).0);
        let b = [b[0], b[1], b[2]];
        for q in 0..Q {
            let a = simd.splat_f64s(a[q]);
            for v in 0..3 {
                sums[q][v] = simd.mul_add_e_f64s(a, b[v], sums[q][v]);
            }
        }
    }
    sums
}

/// Adds sums to where they belong, as far as there are rows and columns.
#[inline(always)]
pub(super) fn put<S: Simd, const Q: usize>(
    alpha: f64,
    sums: &[[S::f64s; 3]; Q],
    c: &mut ArrayViewMut2<'_, f64>,
    row: usize,
    column: usize,
) {
    for (q, sums) in sums.iter().enumerate() {
        if row + q >= c.nrows() || column >= c.ncols() {
            return;
        }
        let sums: &[f64] = pulp::bytemuck::cast_slice(sums);
        if let Some(c) = c.row_mut(row + q).into_slice() {
            c[column..].iter_mut().zip(sums).for_each(|(c, s)| *c += alpha * s);
        }
    }
}
