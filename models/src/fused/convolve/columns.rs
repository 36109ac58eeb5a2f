//! Fields as columns that a kernel is multiplied with.

use rayon::prelude::*;

use super::super::network::Real;
use super::{Edge, Stencil};

/// Bytes of a block: it stays in the second cache.
const BYTES: usize = 192 << 10;

/// Numbers behind the last column that a vector may read.
const SLACK: usize = 64;

/// What columns are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub(super) batch: usize,
    pub(super) channels: usize,
    pub(super) size: [usize; 2],
    pub(super) taps: [usize; 2],
    pub(super) stencil: Stencil,
}

/// Some of the columns. Row `(channel, tap)` of column `n` is `data[offsets[row] + n]`.
pub(super) struct Block<T> {
    pub(super) data: Vec<T>,
    pub(super) offsets: Vec<usize>,
    pub(super) columns: usize,
    pub(super) runs: Vec<Run>,
}

/// Columns that are consecutive points of a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) column: usize,
    pub(super) sample: usize,
    pub(super) point: usize,
    pub(super) length: usize,
}

impl Geometry {
    pub(super) fn points(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Rows of a column.
    pub(super) fn rows(&self) -> usize {
        self.channels * self.taps[0] * self.taps[1]
    }

    fn margins(&self) -> [usize; 2] {
        self.taps.map(|t| self.stencil.margin(t))
    }

    /// The columns of fields `[batch, channel, x, y]`.
    pub(super) fn blocks<T: Real>(&self, u: &[T]) -> Vec<Block<T>> {
        let wide = self.size[1] + 2 * self.margins()[1];
        // A row with its margin in place of one copy a tap: the columns at its end are wasted.
        let wasteful = 4 * wide > 5 * self.size[1] || self.points() < 128;
        if self.taps[0] * self.taps[1] <= 3 || wasteful { self.gathered(u) } else { self.shifted(u) }
    }

    /// Every tap a copy of its own.
    fn gathered<T: Real>(&self, u: &[T]) -> Vec<Block<T>> {
        let (points, rows) = (self.points(), self.rows());
        let all = self.batch * points;
        let columns = (BYTES / (rows * size_of::<T>()).max(1)).clamp(32, all.max(32)) & !31;
        let starts: Vec<usize> = (0..all).step_by(columns).collect();
        starts
            .into_par_iter()
            .map(|first| {
                let columns = columns.min(all - first);
                let mut runs = Vec::new();
                let mut at = first;
                while at < first + columns {
                    let (sample, point) = (at / points, at % points);
                    let length = (points - point).min(first + columns - at);
                    runs.push(Run { column: at - first, sample, point, length });
                    at += length;
                }
                let mut data = vec![T::default(); rows * columns + SLACK];
                for (row, to) in data.chunks_exact_mut(columns).take(rows).enumerate() {
                    let (channel, tap) = (row / (rows / self.channels), row % (rows / self.channels));
                    for run in &runs {
                        let field = &u[(run.sample * self.channels + channel) * points..][..points];
                        self.gather(field, tap, run.point, &mut to[run.column..][..run.length]);
                    }
                }
                Block { data, offsets: (0..rows).map(|r| r * columns).collect(), columns, runs }
            })
            .collect()
    }

    /// What a tap sees of a field from a point on.
    fn gather<T: Real>(&self, field: &[T], tap: usize, point: usize, out: &mut [T]) {
        let [nx, ny] = self.size;
        let d = self.stencil.dilation as isize;
        let shift = |tap: usize, taps: usize| d * (tap as isize - (taps / 2) as isize);
        let dx = shift(tap / self.taps[1], self.taps[0]);
        let dy = shift(tap % self.taps[1], self.taps[1]);
        let mut done = 0;
        while done < out.len() {
            let (i, j) = ((point + done) / ny, (point + done) % ny);
            let length = (ny - j).min(out.len() - done);
            let to = &mut out[done..done + length];
            match self.source(i as isize + dx, nx, 0) {
                Some(row) => self.copy_row(&field[row * ny..][..ny], j as isize + dy, to),
                None => to.fill(T::default()),
            }
            done += length;
        }
    }

    /// The point that lies at `i` of an axis, if one does.
    fn source(&self, i: isize, points: usize, axis: usize) -> Option<usize> {
        match self.stencil.edges[axis] {
            Edge::Periodic => Some(i.rem_euclid(points as isize) as usize),
            Edge::Zeros => usize::try_from(i).ok().filter(|i| *i < points),
        }
    }

    /// `row[j], row[j + 1], …` with what lies beyond the edges.
    fn copy_row<T: Real>(&self, row: &[T], j: isize, to: &mut [T]) {
        let n = row.len() as isize;
        let inside = (-j).clamp(0, to.len() as isize) as usize..(n - j).clamp(0, to.len() as isize) as usize;
        if !inside.is_empty() {
            let first = (j + inside.start as isize) as usize;
            to[inside.clone()].copy_from_slice(&row[first..][..inside.len()]);
        }
        for k in (0..inside.start).chain(inside.end.max(inside.start)..to.len()) {
            to[k] = self.source(j + k as isize, row.len(), 1).map_or_else(T::default, |s| row[s]);
        }
    }

    /// Rows with their margins; a tap is a shift.
    fn shifted<T: Real>(&self, u: &[T]) -> Vec<Block<T>> {
        let [nx, ny] = self.size;
        let [mx, my] = self.margins();
        let (wide, points, d) = (ny + 2 * my, self.points(), self.stencil.dilation);
        let budget = BYTES / (self.channels * wide * size_of::<T>());
        let height = budget.saturating_sub(2 * mx).clamp(2.min(nx), nx);
        let places: Vec<(usize, usize)> =
            (0..self.batch).flat_map(|b| (0..nx).step_by(height).map(move |i| (b, i))).collect();
        places
            .into_par_iter()
            .map(|(sample, first)| {
                let height = height.min(nx - first);
                let plane = (height + 2 * mx) * wide;
                let mut data = vec![T::default(); self.channels * plane + 2 * my + SLACK];
                for (channel, to) in data.chunks_exact_mut(plane).take(self.channels).enumerate() {
                    let field = &u[(sample * self.channels + channel) * points..][..points];
                    for (i, to) in to.chunks_exact_mut(wide).enumerate() {
                        let row = self.source((first + i) as isize - mx as isize, nx, 0);
                        if let Some(row) = row {
                            self.copy_row(&field[row * ny..][..ny], -(my as isize), to);
                        }
                    }
                }
                let mut offsets = Vec::with_capacity(self.rows());
                for channel in 0..self.channels {
                    for p in 0..self.taps[0] {
                        offsets.extend((0..self.taps[1]).map(|q| channel * plane + d * (p * wide + q)));
                    }
                }
                let runs = (0..height)
                    .map(|i| Run { column: i * wide, sample, point: (first + i) * ny, length: ny })
                    .collect();
                Block { data, offsets, columns: height * wide, runs }
            })
            .collect()
    }
}
