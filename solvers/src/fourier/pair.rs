//! Functions of two real fields, from Fourier space to Fourier space.

use std::ops::Range;

use num_complex::Complex64;
use pulp::Arch;
use rayon::prelude::*;

use super::FourierGrid;

/// Points above which the lines of a transform are shared among threads.
const PARALLEL: usize = 16_384;
/// Tasks for every thread: small ones, so that none waits long for another.
const TASKS: usize = 8;
/// Lines that are gathered together: what is next to each other in a cache line.
const LINE: usize = 4;

/// Evaluates pointwise functions of two real fields which are given, and wanted, in Fourier space.
///
/// The two travel as one complex field `z = p + iq`: `ẑ(m) = p̂(m) + i q̂(m)` and, back,
/// `p̂(m) = (ẑ(m) + ẑ*(−m))/2`, `q̂(m) = (ẑ(m) − ẑ*(−m))/2i`; one complex transform does the work of two real ones
/// without packing them. What the two-thirds rule drops is taken for zero, and is zero in the result, so a third of the
/// lines along the last axis (of every other axis) are never transformed. The last axis is the first to be transformed
/// and the last to be transformed back: modes are read and written in storage order, and the function is applied to
/// a line along the other axes while it is in the cache.
///
/// Owns its scratch space, so an evaluation allocates nothing. Lines are shared among threads; every line is computed by
/// itself, so the result does not depend on their number.
#[derive(Clone, Debug)]
pub struct PairTransform {
    grid: FourierGrid,
    /// Modes `0..kept` of the last axis, and their negatives, are not dropped.
    kept: usize,
    /// The places on the other axes that are not dropped, one of every row: a place, then that of the opposite
    /// frequency. Zero is its own opposite and has two rows.
    places: Vec<usize>,
    /// The row of every place that has one.
    row_of: Vec<Option<usize>>,
    /// The places that are dropped.
    dropped: Vec<Range<usize>>,
    /// Lines along the last axis.
    rows: Vec<Complex64>,
    /// From one row to the next; not a power of two, or all would fall into the same cache sets.
    row_stride: usize,
    /// Lines along the other axes.
    columns: Vec<Complex64>,
    column_stride: usize,
    /// For every task.
    scratch: Vec<Scratch>,
}

#[derive(Clone, Debug)]
struct Scratch {
    /// Of a plan.
    plan: Vec<Complex64>,
    /// A line of a column that has more than one axis.
    line: Vec<Complex64>,
    /// The modes of a row, of two fields at two places.
    modes: [Vec<Complex64>; 4],
}

impl PairTransform {
    /// Plans for a grid of real fields.
    pub fn new(grid: &FourierGrid) -> Self {
        let last = grid.axes() - 1;
        let shape = &grid.shape()[..last];
        let count: usize = shape.iter().product();
        let (mut places, mut row_of, mut dropped) =
            (Vec::new(), vec![None; count], Vec::<Range<usize>>::new());
        for place in 0..count {
            let (mut rest, mut weight, mut mirror, mut kept) = (place, 1, 0, true);
            for &n in shape.iter().rev() {
                let m = rest % n;
                mirror += (n - m) % n * weight;
                kept &= 3 * m.min(n - m) < n;
                (rest, weight) = (rest / n, weight * n);
            }
            match dropped.last_mut() {
                _ if kept && row_of[place].is_none() => {
                    (row_of[mirror], row_of[place]) = (Some(places.len() + 1), Some(places.len()));
                    places.extend([place, mirror]);
                }
                _ if kept => {}
                Some(run) if run.end == place => run.end += 1,
                _ => dropped.push(place..place + 1),
            }
        }
        let n = grid.shape()[last];
        let (row_stride, column_stride) = (n + LINE, count + LINE);
        let plans = &grid.plans;
        let needed = plans.forward.iter().chain(&plans.inverse).map(|p| p.get_inplace_scratch_len()).max();
        let longest = grid.shape().iter().copied().max().unwrap_or(0);
        let tasks = if grid.points() < PARALLEL { 1 } else { TASKS * rayon::current_num_threads() };
        let kept = grid.kept_last();
        let zeros = |n| vec![Complex64::ZERO; n];
        let scratch = Scratch {
            plan: zeros(needed.unwrap_or(0)),
            line: zeros(longest),
            modes: std::array::from_fn(|_| zeros(kept)),
        };
        Self {
            kept,
            rows: zeros(places.len() * row_stride),
            row_stride,
            columns: zeros(n.next_multiple_of(LINE) * column_stride),
            column_stride,
            scratch: vec![scratch; tasks],
            places,
            row_of,
            dropped,
            grid: grid.clone(),
        }
    }

    /// Moves the spectra of two fields `(p, q)` to those of `(r, s) = f(p, q)`, taken at every point.
    ///
    /// Modes are counted in storage order and come in ranges. `load(range, p̂, q̂)` writes the spectra of the fields,
    /// `store(range, r̂, ŝ, out)` writes what shall be in the range of `out`. It is zero outside them.
    ///
    /// # Panics
    /// If the length of `out` is not the grid's number of modes.
    pub fn evaluate(
        &mut self,
        load: impl Fn(Range<usize>, &mut [Complex64], &mut [Complex64]) + Sync,
        f: impl Fn(f64, f64) -> (f64, f64) + Sync,
        store: impl Fn(Range<usize>, &[Complex64], &[Complex64], &mut [Complex64]) + Sync,
        out: &mut [Complex64],
    ) {
        assert_eq!(out.len(), self.grid.modes());
        self.rows_from_modes(load);
        self.columns_from_rows(f);
        self.rows_from_columns();
        self.modes_from_rows(store, out);
    }

    /// Both spectra as one, scaled, transformed along the last axis.
    fn rows_from_modes(&mut self, load: impl Fn(Range<usize>, &mut [Complex64], &mut [Complex64]) + Sync) {
        let (kept, stride) = (self.kept, self.row_stride);
        let last = self.grid.axes() - 1;
        let n = self.grid.shape()[last];
        let modes = n / 2 + 1;
        let plan = &self.grid.plans.inverse[last];
        let (arch, scale) = (Arch::new(), 1.0 / self.grid.points() as f64);
        for_rows(&self.places, &mut self.rows, stride, &mut self.scratch, |places, rows, scratch| {
            let [p, q, r, s] = &mut scratch.modes;
            for (pair, rows) in places.chunks_exact(2).zip(rows.chunks_exact_mut(2 * stride)) {
                let (row, mirror) = rows.split_at_mut(stride);
                arch.dispatch(|| {
                    let [here, there] = [pair[0], pair[1]].map(|place| place * modes..place * modes + kept);
                    load(here, p, q);
                    load(there, r, s);
                    [&mut *p, q, r, s].into_iter().flatten().for_each(|z| *z *= scale);
                    join(p, q, r, s, &mut row[..n]);
                    join(r, s, p, q, &mut mirror[..n]);
                });
                for row in rows.chunks_exact_mut(stride) {
                    plan.process_with_scratch(
                        &mut row[..n],
                        &mut scratch.plan[..plan.get_inplace_scratch_len()],
                    );
                }
            }
        });
    }

    /// The inverse transform along the other axes, the function at every point, and the forward transform.
    fn columns_from_rows(&mut self, f: impl Fn(f64, f64) -> (f64, f64) + Sync) {
        let (grid, rows, row_stride, stride) = (&self.grid, &self.rows, self.row_stride, self.column_stride);
        let (places, dropped, points) = (&self.places, &self.dropped, self.row_of.len());
        let arch = Arch::new();
        let tiles = self.columns.len() / (LINE * stride);
        let count = tiles.div_ceil(self.scratch.len());
        let tasks = self.columns.par_chunks_mut(count * LINE * stride).zip(&mut self.scratch).enumerate();
        tasks.with_max_len(1).for_each(|(task, (columns, scratch))| {
            for (i, tile) in columns.chunks_exact_mut(LINE * stride).enumerate() {
                let first = (task * count + i) * LINE;
                for (row, &place) in rows.chunks_exact(row_stride).zip(places) {
                    for (j, z) in row[first..first + LINE].iter().enumerate() {
                        tile[j * stride + place] = *z;
                    }
                }
                for column in tile.chunks_exact_mut(stride) {
                    let column = &mut column[..points];
                    dropped.iter().for_each(|run| column[run.clone()].fill(Complex64::ZERO));
                    other_axes(grid, column, false, scratch);
                    arch.dispatch(|| {
                        for z in column.iter_mut() {
                            (z.re, z.im) = f(z.re, z.im);
                        }
                    });
                    other_axes(grid, column, true, scratch);
                }
            }
        });
    }

    /// The forward transform along the last axis, at the places kept.
    fn rows_from_columns(&mut self) {
        let (columns, stride, column_stride) = (&self.columns, self.row_stride, self.column_stride);
        let last = self.grid.axes() - 1;
        let n = self.grid.shape()[last];
        let plan = &self.grid.plans.forward[last];
        for_rows(&self.places, &mut self.rows, stride, &mut self.scratch, |places, rows, scratch| {
            for (places, rows) in places.chunks(2 * LINE).zip(rows.chunks_mut(2 * LINE * stride)) {
                for (j, column) in columns.chunks_exact(column_stride).take(n).enumerate() {
                    for (r, &place) in places.iter().enumerate() {
                        rows[r * stride + j] = column[place];
                    }
                }
                for row in rows.chunks_exact_mut(stride) {
                    plan.process_with_scratch(
                        &mut row[..n],
                        &mut scratch.plan[..plan.get_inplace_scratch_len()],
                    );
                }
            }
        });
    }

    /// The two spectra, taken apart.
    fn modes_from_rows(
        &mut self,
        store: impl Fn(Range<usize>, &[Complex64], &[Complex64], &mut [Complex64]) + Sync,
        out: &mut [Complex64],
    ) {
        let (kept, rows, stride, row_of) = (self.kept, &self.rows, self.row_stride, &self.row_of);
        let n = self.grid.shape()[self.grid.axes() - 1];
        let modes = n / 2 + 1;
        let count = row_of.len().div_ceil(self.scratch.len());
        let arch = Arch::new();
        let tasks = out.par_chunks_mut(modes * count).zip(&mut self.scratch).enumerate();
        tasks.with_max_len(1).for_each(|(task, (out, scratch))| {
            let [p, q, ..] = &mut scratch.modes;
            for (i, out) in out.chunks_exact_mut(modes).enumerate() {
                let place = task * count + i;
                let Some(row) = row_of[place] else {
                    out.fill(Complex64::ZERO);
                    continue;
                };
                let (out, dropped) = out.split_at_mut(kept);
                dropped.fill(Complex64::ZERO);
                let [row, mirror] = [row, row ^ 1].map(|r| &rows[r * stride..][..n]);
                arch.dispatch(|| {
                    part(row, mirror, p, q);
                    store(place * modes..place * modes + kept, p, q, out);
                });
            }
        });
    }
}

/// A row of `p + iq`, and of zeros where modes are dropped, from the modes of its place, `p` and `q`, and of the
/// opposite place, `r` and `s`.
#[inline(always)]
fn join(p: &[Complex64], q: &[Complex64], r: &[Complex64], s: &[Complex64], row: &mut [Complex64]) {
    let (n, kept) = (row.len(), p.len());
    for ((z, p), q) in row.iter_mut().zip(p).zip(q) {
        *z = Complex64::new(p.re - q.im, p.im + q.re);
    }
    row[kept..=n - kept].fill(Complex64::ZERO);
    for ((z, r), s) in row[n - kept + 1..].iter_mut().rev().zip(&r[1..]).zip(&s[1..]) {
        *z = Complex64::new(r.re + s.im, s.re - r.im);
    }
}

/// The modes of two fields at the place of a row, from that and the row of the opposite place.
#[inline(always)]
fn part(row: &[Complex64], mirror: &[Complex64], p: &mut [Complex64], q: &mut [Complex64]) {
    let of = |z: Complex64, w: Complex64| {
        let (p, q) = (Complex64::new(z.re + w.re, z.im - w.im), Complex64::new(z.im + w.im, w.re - z.re));
        (p * 0.5, q * 0.5)
    };
    (p[0], q[0]) = of(row[0], mirror[0]);
    for (((p, q), z), w) in p[1..].iter_mut().zip(&mut q[1..]).zip(&row[1..]).zip(mirror.iter().rev()) {
        (*p, *q) = of(*z, *w);
    }
}

/// Does something to all rows, and is told their places; pairs of opposite places stay together.
fn for_rows(
    places: &[usize],
    rows: &mut [Complex64],
    stride: usize,
    scratch: &mut [Scratch],
    work: impl Fn(&[usize], &mut [Complex64], &mut Scratch) + Sync,
) {
    let count = 2 * (places.len() / 2).div_ceil(scratch.len());
    let tasks = places.par_chunks(count).zip(rows.par_chunks_mut(count * stride)).zip(scratch);
    tasks.with_max_len(1).for_each(|((places, rows), scratch)| work(places, rows, scratch));
}

/// Transforms a line along every axis but the last.
fn other_axes(grid: &FourierGrid, column: &mut [Complex64], forward: bool, scratch: &mut Scratch) {
    let shape = &grid.shape()[..grid.axes() - 1];
    let plans = if forward { &grid.plans.forward } else { &grid.plans.inverse };
    for (axis, &n) in shape.iter().enumerate() {
        let plan = &plans[axis];
        let inner: usize = shape[axis + 1..].iter().product();
        let line = &mut scratch.line[..n];
        let scratch = &mut scratch.plan[..plan.get_inplace_scratch_len()];
        if inner == 1 {
            plan.process_with_scratch(column, scratch);
            continue;
        }
        for block in column.chunks_exact_mut(n * inner) {
            for start in 0..inner {
                (0..n).for_each(|i| line[i] = block[i * inner + start]);
                plan.process_with_scratch(line, scratch);
                (0..n).for_each(|i| block[i * inner + start] = line[i]);
            }
        }
    }
}
