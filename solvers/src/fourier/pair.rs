//! Functions of two real fields, from Fourier space to Fourier space.

use num_complex::Complex64;
use rayon::prelude::*;

use super::FourierGrid;

/// Points above which the lines of a transform are shared among threads.
const PARALLEL: usize = 16_384;
/// Modes of the last axis that are moved together, a cache line of them.
const LINE: usize = 4;

/// Evaluates pointwise functions of two real fields which are given, and wanted, in Fourier space.
///
/// The two travel as one complex field `z = p + iq`: `ẑ(m) = p̂(m) + i q̂(m)` and, back,
/// `p̂(m) = (ẑ(m) + ẑ*(−m))/2`, `q̂(m) = (ẑ(m) − ẑ*(−m))/2i`; one complex transform does the work of two real ones
/// without packing them. What the two-thirds rule drops is taken for zero, and is zero in the result, so a third of the
/// lines along the other axes than the last are never transformed. The function is applied to a line while it is in the
/// cache.
///
/// Owns its scratch space, so an evaluation allocates nothing. Lines are shared among threads; every line is computed by
/// itself, so the result does not depend on their number.
#[derive(Clone, Debug)]
pub struct PairTransform {
    grid: FourierGrid,
    /// Modes `0..kept` of the last axis, and their negatives, are not dropped.
    kept: usize,
    /// For every place on the other axes that of the opposite frequency.
    mirror: Vec<usize>,
    /// The places on the other axes that are not dropped.
    kept_places: Vec<usize>,
    /// Whether a place is among them.
    is_kept: Vec<bool>,
    /// Lines along the other axes: `LINE` modes of the last axis, then their negatives, then the next `LINE`.
    columns: Vec<Complex64>,
    /// From one column to the next; not a power of two, or all would fall into the same cache sets.
    column_stride: usize,
    /// Lines along the last axis.
    rows: Vec<Complex64>,
    row_stride: usize,
    /// For every task.
    scratch: Vec<Vec<Complex64>>,
}

impl PairTransform {
    /// Plans for a grid of real fields.
    pub fn new(grid: &FourierGrid) -> Self {
        let last = grid.axes() - 1;
        let shape = &grid.shape()[..last];
        let places: usize = shape.iter().product();
        let (mut mirror, mut is_kept) = (vec![0; places], vec![true; places]);
        for place in 0..places {
            let (mut rest, mut weight) = (place, 1);
            for &n in shape.iter().rev() {
                let m = rest % n;
                mirror[place] += (n - m) % n * weight;
                is_kept[place] &= 3 * m.min(n - m) < n;
                (rest, weight) = (rest / n, weight * n);
            }
        }
        let kept = grid.kept_last();
        let (column_stride, row_stride) = (places + LINE, grid.shape()[last] + LINE);
        let plans = &grid.plans;
        let needed = plans.forward.iter().chain(&plans.inverse).map(|p| p.get_inplace_scratch_len()).max();
        let longest = grid.shape().iter().copied().max().unwrap_or(0);
        let tasks = if grid.points() < PARALLEL { 1 } else { 2 * rayon::current_num_threads() };
        Self {
            kept,
            mirror,
            kept_places: (0..places).filter(|p| is_kept[*p]).collect(),
            is_kept,
            columns: vec![Complex64::ZERO; kept.div_ceil(LINE) * 2 * LINE * column_stride],
            column_stride,
            rows: vec![Complex64::ZERO; places * row_stride],
            row_stride,
            scratch: vec![vec![Complex64::ZERO; needed.unwrap_or(0) + longest]; tasks],
            grid: grid.clone(),
        }
    }

    /// Writes `store(m, r̂(m), ŝ(m))` into `out` for every mode, where `(r, s) = f(p, q)` at every point, of the fields
    /// with the spectra `(p̂(m), q̂(m)) = load(m)`; `m` counts modes in storage order.
    ///
    /// # Panics
    /// If the length of `out` is not the grid's number of modes.
    pub fn evaluate(
        &mut self,
        load: impl Fn(usize) -> (Complex64, Complex64) + Sync,
        f: impl Fn(f64, f64) -> (f64, f64) + Sync,
        store: impl Fn(usize, Complex64, Complex64) -> Complex64 + Sync,
        out: &mut [Complex64],
    ) {
        assert_eq!(out.len(), self.grid.modes());
        self.columns_from_modes(load);
        self.rows_from_columns(f);
        self.columns_from_rows();
        self.modes_from_columns(store, out);
    }

    /// Both spectra as one, transformed along the other axes than the last.
    fn columns_from_modes(&mut self, load: impl Fn(usize) -> (Complex64, Complex64) + Sync) {
        let (grid, kept, stride) = (&self.grid, self.kept, self.column_stride);
        let (mirror, kept_places) = (&self.mirror, &self.kept_places);
        let modes = grid.shape()[grid.axes() - 1] / 2 + 1;
        for_columns(&mut self.columns, stride, &mut self.scratch, |first, columns, scratch| {
            columns.fill(Complex64::ZERO);
            let (positive, negative) = columns.split_at_mut(LINE * stride);
            for &place in kept_places {
                for j in 0..LINE.min(kept - first) {
                    let (p, q) = load(place * modes + first + j);
                    positive[j * stride + place] = Complex64::new(p.re - q.im, p.im + q.re);
                    negative[j * stride + mirror[place]] = Complex64::new(p.re + q.im, q.re - p.im);
                }
            }
            other_axes(grid, columns, stride, false, scratch);
        });
    }

    /// The inverse transform along the last axis, the function at every point, and the forward transform.
    fn rows_from_columns(&mut self, f: impl Fn(f64, f64) -> (f64, f64) + Sync) {
        let (grid, kept, stride) = (&self.grid, self.kept, self.column_stride);
        let (columns, row_stride) = (&self.columns, self.row_stride);
        let last = grid.axes() - 1;
        let n = grid.shape()[last];
        let (forward, inverse) = (&grid.plans.forward[last], &grid.plans.inverse[last]);
        let scale = 1.0 / grid.points() as f64;
        let count = self.mirror.len().div_ceil(self.scratch.len());
        let tasks = self.rows.par_chunks_mut(row_stride * count).zip(&mut self.scratch).enumerate();
        tasks.for_each(|(task, (rows, scratch))| {
            for (i, row) in rows.chunks_exact_mut(row_stride).enumerate() {
                let (place, row) = (task * count + i, &mut row[..n]);
                row[0] = columns[place];
                for q in 1..kept {
                    let [positive, negative] = pair_of(q).map(|c| columns[c * stride + place]);
                    (row[q], row[n - q]) = (positive, negative);
                }
                row[kept..=n - kept].fill(Complex64::ZERO);
                inverse.process_with_scratch(row, &mut scratch[..inverse.get_inplace_scratch_len()]);
                for z in row.iter_mut() {
                    (z.re, z.im) = f(z.re * scale, z.im * scale);
                }
                forward.process_with_scratch(row, &mut scratch[..forward.get_inplace_scratch_len()]);
            }
        });
    }

    /// The forward transform along the other axes, of the modes kept.
    fn columns_from_rows(&mut self) {
        let (grid, kept, stride) = (&self.grid, self.kept, self.column_stride);
        let (rows, row_stride) = (&self.rows, self.row_stride);
        let n = grid.shape()[grid.axes() - 1];
        for_columns(&mut self.columns, stride, &mut self.scratch, |first, columns, scratch| {
            let (positive, negative) = columns.split_at_mut(LINE * stride);
            for (place, row) in rows.chunks_exact(row_stride).enumerate() {
                for j in 0..LINE.min(kept - first) {
                    positive[j * stride + place] = row[first + j];
                    negative[j * stride + place] = row[(n - first - j) % n];
                }
            }
            other_axes(grid, columns, stride, true, scratch);
        });
    }

    /// The two spectra, taken apart.
    fn modes_from_columns(
        &self,
        store: impl Fn(usize, Complex64, Complex64) -> Complex64 + Sync,
        out: &mut [Complex64],
    ) {
        let (columns, stride) = (&self.columns, self.column_stride);
        let modes = self.grid.shape()[self.grid.axes() - 1] / 2 + 1;
        let count = self.mirror.len().div_ceil(self.scratch.len());
        out.par_chunks_mut(modes * count).enumerate().for_each(|(task, out)| {
            for (i, out) in out.chunks_exact_mut(modes).enumerate() {
                let place = task * count + i;
                let kept = if self.is_kept[place] { self.kept } else { 0 };
                for (q, out) in out[..kept].iter_mut().enumerate() {
                    let [positive, negative] = pair_of(q);
                    let z = columns[positive * stride + place];
                    let w = columns[negative * stride + self.mirror[place]];
                    let p = Complex64::new(z.re + w.re, z.im - w.im) * 0.5;
                    let s = Complex64::new(z.im + w.im, w.re - z.re) * 0.5;
                    *out = store(place * modes + q, p, s);
                }
                out[kept..].fill(Complex64::ZERO);
            }
        });
    }
}

/// The columns of a mode of the last axis and of its negative.
#[inline]
fn pair_of(q: usize) -> [usize; 2] {
    let column = q / LINE * 2 * LINE + q % LINE;
    [column, column + LINE]
}

/// Does something to every group of columns; it is told the first mode of the group.
fn for_columns(
    columns: &mut [Complex64],
    stride: usize,
    scratch: &mut [Vec<Complex64>],
    work: impl Fn(usize, &mut [Complex64], &mut [Complex64]) + Sync,
) {
    let group = 2 * LINE * stride;
    let count = (columns.len() / group).div_ceil(scratch.len());
    let tasks = columns.par_chunks_mut(group * count).zip(scratch).enumerate();
    tasks.for_each(|(task, (columns, scratch))| {
        for (i, columns) in columns.chunks_exact_mut(group).enumerate() {
            work((task * count + i) * LINE, columns, scratch);
        }
    });
}

/// Transforms columns along every axis but the last.
fn other_axes(
    grid: &FourierGrid,
    columns: &mut [Complex64],
    stride: usize,
    forward: bool,
    scratch: &mut [Complex64],
) {
    let shape = &grid.shape()[..grid.axes() - 1];
    let plans = if forward { &grid.plans.forward } else { &grid.plans.inverse };
    for column in columns.chunks_exact_mut(stride) {
        let column = &mut column[..stride - LINE];
        for (axis, &n) in shape.iter().enumerate() {
            let plan = &plans[axis];
            let inner: usize = shape[axis + 1..].iter().product();
            let (scratch, line) = scratch.split_at_mut(plan.get_inplace_scratch_len());
            if inner == 1 {
                plan.process_with_scratch(column, scratch);
                continue;
            }
            for block in column.chunks_exact_mut(n * inner) {
                for start in 0..inner {
                    let line = &mut line[..n];
                    (0..n).for_each(|i| line[i] = block[i * inner + start]);
                    plan.process_with_scratch(line, scratch);
                    (0..n).for_each(|i| block[i * inner + start] = line[i]);
                }
            }
        }
    }
}
