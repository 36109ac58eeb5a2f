//! Random windows of series.

use flowmap_datasets::rng::stream;
use ndarray::ArrayView2;
use rand::RngExt;

/// Windows of as many samples each, drawn evenly from all that lie in the series.
pub(super) struct Windows {
    /// The series that are long enough.
    series: Vec<Vec<f32>>,
    /// The number of windows in each and those before.
    ends: Vec<usize>,
    pub(super) channels: usize,
    pub(super) samples: usize,
    pub(super) batch: usize,
    pub(super) seed: u64,
}

impl Windows {
    /// Of series `[time, channel]` with the same channels, `batch` windows of `samples` at a time.
    pub(super) fn new(series: &[ArrayView2<'_, f64>], samples: usize, batch: usize, seed: u64) -> Self {
        let long: Vec<_> = series.iter().filter(|s| s.nrows() >= samples).collect();
        let mut ends = Vec::with_capacity(long.len());
        for s in &long {
            ends.push(ends.last().copied().unwrap_or(0) + s.nrows() - samples + 1);
        }
        let channels = long.first().map_or(0, |s| s.ncols());
        let series = long.iter().map(|s| s.iter().map(|v| *v as f32).collect()).collect();
        Self { series, ends, channels, samples, batch, seed }
    }

    /// The windows of a step, `[sample, batch, channel]` flattened.
    pub(super) fn draw(&self, step: u64) -> Vec<f32> {
        let (n, batch) = (self.channels, self.batch);
        let mut rng = stream(self.seed, "sampler", step);
        let mut values = vec![0.0_f32; self.samples * batch * n];
        for b in 0..batch {
            let window = rng.random_range(0..self.ends.last().copied().unwrap_or(1));
            let which = self.ends.partition_point(|end| *end <= window);
            let first = window - which.checked_sub(1).map_or(0, |before| self.ends[before]);
            let source = self.series[which][first * n..].chunks_exact(n);
            for (to, from) in values.chunks_exact_mut(batch * n).zip(source) {
                to[b * n..][..n].copy_from_slice(from);
            }
        }
        values
    }
}
